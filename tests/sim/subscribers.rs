//! Clients that listen to channels and patterns, publish, read slowly and die; from printed seeds.
//!
//! The model executes what was executed, in that order (`observed.rs`), and knows who listens to
//! what: so it knows each message that each client must get, in order and once. Replies to
//! publishers tell how many listeners there were.
//!
//! Not here: how messages are delivered (`node/delivery.rs`).

use super::direct::Direct;
use super::observed::{Executed, Observer};
use super::reply::Reply;
use super::seeds::{expect_notice, run_seeds};
use evenkeel::Config;
use fastrand::Rng;

/// A fault put into the model on purpose, which must not go unnoticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// Who leaves a channel still hears it.
    IgnoresLeaving,
    /// A message is heard once, whether by a channel or a pattern or both.
    HearsOnce,
    /// Two messages change places.
    Swaps,
    /// One message is lost.
    Loses,
}

const CHANNELS: usize = 4;
const CLIENTS: usize = 100;

/// What the model knows of a client.
#[derive(Clone, Default)]
struct Listener {
    channels: Vec<String>,
    patterns: Vec<String>,
    /// Messages that it must get, and replies.
    messages: Vec<Reply>,
    replies: Vec<Reply>,
    /// Those that it got.
    got_messages: Vec<Reply>,
    got_replies: Vec<Reply>,
}

struct World {
    direct: Direct,
    random: Rng,
    fault: Fault,
    observer: Observer,
    listeners: Vec<Listener>,
    published_count: usize,
    /// Clients have gone since the last check.
    has_deaths: bool,
}

/// Whether a pattern of this simulation, which ends with `*`, matches a channel.
fn matches(pattern: &str, channel: &str) -> bool {
    channel.starts_with(pattern.trim_end_matches('*'))
}

impl World {
    fn new(seed: u64, fault: Fault) -> Self {
        let mut direct = Direct::new(Config {
            hash_seed: seed | 1,
            ..Config::default()
        });
        let observer = Observer::new(&mut direct);
        let mut world = Self {
            direct,
            random: Rng::with_seed(seed),
            fault,
            observer,
            listeners: vec![Listener::default()],
            published_count: 0,
            has_deaths: false,
        };
        // More than are served at once.
        (0..CLIENTS).for_each(|_| world.accept());
        world
    }

    fn accept(&mut self) {
        let client = self.direct.accept();
        self.listeners.push(Listener::default());
        self.direct.send(client, "HELLO 3");
        self.direct.send(client, "SUBSCRIBE c0");
    }

    fn run(mut self) -> Result<usize, String> {
        for _ in 0..8 {
            for _ in 0..60 {
                self.act();
                for _ in 0..self.random.usize(0..6) {
                    self.direct.step(&mut self.random);
                }
            }
            self.direct.settle();
            let executed = self.observer.executed(&mut self.direct);
            executed
                .into_iter()
                .for_each(|executed| self.execute(&executed));
            self.check()?;
        }
        let messages = self
            .listeners
            .iter()
            .map(|listener| listener.messages.len());
        Ok(messages.sum())
    }

    fn act(&mut self) {
        let client = self.random.usize(1..self.direct.client_count());
        let channel = format!("c{}", self.random.usize(0..CHANNELS));
        if !self.direct.is_there(client) {
            return;
        }
        let line = match self.random.u8(0..20) {
            0..3 => format!("SUBSCRIBE {channel} c1"),
            3 => format!("PSUBSCRIBE {}*", &channel[..self.random.usize(0..3)]),
            4 => format!("UNSUBSCRIBE {channel}"),
            5 => format!("PUNSUBSCRIBE {channel}*"),
            6 => {
                if self.random.u8(0..4) == 0 {
                    self.direct.kill(client, &mut self.random);
                    self.has_deaths = true;
                    self.accept();
                }
                return;
            }
            7 => "PING".to_owned(),
            8..12 => {
                self.direct.take(client, self.random.usize(0..300));
                return;
            }
            _ => {
                self.published_count += 1;
                // Long ones are there once for all.
                let len = if self.random.u8(0..10) == 0 { 6_000 } else { 1 };
                format!(
                    "PUBLISH {channel} m{}{}",
                    self.published_count,
                    "x".repeat(len)
                )
            }
        };
        self.direct.send(client, &line);
    }

    /// What follows from a request that was executed.
    fn execute(&mut self, executed: &Executed) {
        let Executed { client, words } = executed;
        let own = &mut self.listeners[*client];
        let names = words[1..].iter();
        match words[0].to_ascii_lowercase().as_str() {
            "subscribe" => names.for_each(|name| {
                own.channels.retain(|channel| channel != name);
                own.channels.push(name.clone());
            }),
            "psubscribe" => names.for_each(|name| {
                own.patterns.retain(|pattern| pattern != name);
                own.patterns.push(name.clone());
            }),
            "unsubscribe" if self.fault != Fault::IgnoresLeaving => {
                own.channels.retain(|channel| *channel != words[1]);
            }
            "punsubscribe" => own.patterns.retain(|pattern| *pattern != words[1]),
            "ping" => own.replies.push(Reply::Line("+PONG".into())),
            "publish" => {
                let count = self.publish(&words[1], &words[2]);
                self.listeners[*client].replies.push(Reply::integer(count));
            }
            _ => {}
        }
    }

    fn publish(&mut self, channel: &str, text: &str) -> usize {
        let (direct, fault) = (&self.direct, self.fault);
        let mut count = 0;
        for (client, listener) in self.listeners.iter_mut().enumerate().skip(1) {
            let mut heard = Vec::new();
            if listener.channels.iter().any(|name| name == channel) {
                heard.push(["message", channel, text].map(Reply::text).to_vec());
            }
            for pattern in listener
                .patterns
                .iter()
                .filter(|pattern| matches(pattern, channel))
            {
                heard.push(
                    ["pmessage", pattern, channel, text]
                        .map(Reply::text)
                        .to_vec(),
                );
            }
            if fault == Fault::HearsOnce {
                heard.truncate(1);
            }
            count += heard.len();
            if direct.is_there(client) {
                listener.messages.extend(heard.into_iter().map(Reply::Push));
            }
        }
        count
    }

    fn check(&mut self) -> Result<(), String> {
        for client in 1..self.direct.client_count() {
            if !self.direct.is_there(client) {
                // Who has gone listens to nothing; what it still got nobody knows.
                self.listeners[client] = Listener::default();
                continue;
            }
            let replies = self.direct.replies(client);
            let listener = &mut self.listeners[client];
            for reply in replies {
                match &reply {
                    Reply::Push(parts) => {
                        if let Some("message" | "pmessage") = parts[0].as_text() {
                            listener.got_messages.push(reply);
                        }
                    }
                    // That of HELLO.
                    Reply::List(_) => {}
                    _ => listener.got_replies.push(reply),
                }
            }
            let last = listener.messages.len().saturating_sub(1);
            match self.fault {
                Fault::Swaps if client == 5 && last > 1 => listener.messages.swap(0, last),
                Fault::Loses if client == 5 && last > 1 => drop(listener.messages.remove(0)),
                _ => {}
            }
            compare(client, &listener.got_messages, &listener.messages)?;
            // How many a message reaches is not known while clients die.
            if self.has_deaths {
                listener.replies.clone_from(&listener.got_replies);
            }
            compare(client, &listener.got_replies, &listener.replies)?;
        }
        self.has_deaths = false;
        Ok(())
    }
}

/// Patterns of one client hear a message in no order that is told.
fn sorted(messages: &[Reply]) -> Vec<Reply> {
    let text_of = |message: &Reply| match message {
        Reply::Push(parts) => parts.last().cloned(),
        _ => None,
    };
    let mut runs: Vec<Vec<Reply>> = Vec::new();
    for message in messages {
        match runs.last_mut() {
            Some(run) if text_of(message).is_some() && text_of(&run[0]) == text_of(message) => {
                run.push(message.clone());
            }
            _ => runs.push(vec![message.clone()]),
        }
    }
    runs.iter_mut().for_each(|run| run.sort());
    runs.concat()
}

fn compare(client: usize, got: &[Reply], expected: &[Reply]) -> Result<(), String> {
    let (got, expected) = (sorted(got), sorted(expected));
    let mut pairs = got.iter().zip(&expected);
    if let Some((got, expected)) = pairs.find(|(got, expected)| got != expected) {
        let (got, expected) = (format!("{got:?}"), format!("{expected:?}"));
        return Err(format!("{client} got {got:.80} instead of {expected:.80}"));
    }
    match got.len() == expected.len() {
        true => Ok(()),
        false => Err(format!("{client} got {} of {}", got.len(), expected.len())),
    }
}

#[test]
fn messages_come_once_and_in_order() {
    let message_count = run_seeds(25, |seed| World::new(seed, Fault::None).run());
    assert!(
        message_count > 25 * 2_000,
        "{message_count} messages in all"
    );
}

/// Goal: the simulation sees faults. Method: canaries, each with one fault in the model.
#[test]
fn canaries_of_messages_are_noticed() {
    let faults = [
        Fault::IgnoresLeaving,
        Fault::HearsOnce,
        Fault::Swaps,
        Fault::Loses,
    ];
    expect_notice(&faults, 3, |seed, fault| World::new(seed, fault).run());
}
