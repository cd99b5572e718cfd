//! Who listens to what, beside a naive model.
//!
//! Method: clients that subscribe, leave and publish at random; a model walks all pairs of client
//! and name for each message.

use super::*;
use crate::base::glob;
use crate::protocol::reply::Dialect;
use std::collections::BTreeSet;

const NAMES: [&[u8]; 8] = [b"a", b"ab", b"abc", b"b", b"*", b"a*", b"a?c", b"[ab]"];
const CLIENT_COUNT: usize = 80;

struct Pair {
    messages: Messages,
    clients: Vec<Subscriptions>,
    /// Client, kind and name of each subscription.
    model: BTreeSet<(usize, u8, &'static [u8])>,
}

impl Pair {
    fn new() -> Self {
        Self {
            messages: Messages::default(),
            clients: (0..CLIENT_COUNT)
                .map(|_| Subscriptions::default())
                .collect(),
            model: BTreeSet::new(),
        }
    }

    fn change(&mut self, random: &mut fastrand::Rng) {
        let client = random.usize(0..CLIENT_COUNT);
        let (link, own) = (Link(client as u64), &mut self.clients[client]);
        let name = NAMES[random.usize(0..NAMES.len())];
        let number = random.u8(0..3);
        let kind = [Kind::Channel, Kind::Pattern, Kind::ShardChannel][usize::from(number)];
        match random.u8(0..20) {
            0 => {
                self.messages.unsubscribe_all(link, own);
                self.model.retain(|row| row.0 != client);
            }
            1..13 => {
                let is_new = self.messages.subscribe(kind, name, link, own);
                assert_eq!(is_new, self.model.insert((client, number, name)));
            }
            _ => {
                let was_there = self.messages.unsubscribe(kind, name, link, own);
                assert_eq!(was_there, self.model.remove(&(client, number, name)));
            }
        }
    }

    /// Who gets how many copies of a message to a channel.
    fn expected(&self, channel: &[u8]) -> Vec<u64> {
        let mut expected = Vec::new();
        for &(client, number, name) in &self.model {
            let is_heard = match number {
                0 => name == channel,
                1 => glob::matches(name, channel, false),
                _ => false,
            };
            if is_heard {
                expected.push(client as u64);
            }
        }
        expected
    }

    fn check_counts(&self) {
        let names = |number| {
            let rows = self.model.iter().filter(|row| row.1 == number);
            rows.map(|row| row.2).collect::<BTreeSet<_>>().len()
        };
        assert_eq!(self.messages.channels.len(), names(0));
        assert_eq!(self.messages.patterns.len(), names(1));
        assert_eq!(self.messages.shard_channels.len(), names(2));
        let clients: BTreeSet<usize> = self.model.iter().map(|row| row.0).collect();
        assert_eq!(self.messages.client_count, clients.len());
    }
}

/// Everybody whom the letters are for, sorted.
fn delivered(mailbox: &mut Mailbox) -> Vec<u64> {
    let mut links = Vec::new();
    while let Some(mut letter) = mailbox.take() {
        while let Some(link) = letter.next_recipient() {
            links.push(link.0);
        }
    }
    links.sort_unstable();
    links
}

#[test]
fn everybody_who_listens_gets_a_message_once_for_each_name() {
    for seed in 0..30 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut pair = Pair::new();
        for step in 0..600 {
            pair.change(&mut random);
            let channel = NAMES[random.usize(0..4)];
            let expected = pair.expected(channel);
            let count = pair.messages.publish(channel, b"x", None);
            assert_eq!(count, expected.len(), "seed {seed}, step {step}");
            // Those who leave or come before it is delivered make no difference to it.
            pair.change(&mut random);
            let links = delivered(&mut pair.messages.mailbox);
            assert_eq!(links, expected, "seed {seed}, step {step}");
            assert_eq!(pair.messages.mailbox.used_bytes(), 0);
        }
        pair.check_counts();
    }
}

/// Goal: messages that follow each other to the same clients are delivered in one go, no others.
#[test]
fn messages_in_a_row_to_the_same_clients_are_one_letter() {
    let mut messages = Messages::default();
    let mut all: Vec<Subscriptions> = (0..3).map(|_| Subscriptions::default()).collect();
    for (client, own) in all.iter_mut().enumerate().take(2) {
        messages.subscribe(Kind::Channel, b"c", Link(client as u64), own);
        messages.subscribe(Kind::Channel, b"d", Link(client as u64), own);
    }
    let long = "5".repeat(5_000);
    messages.publish(b"c", b"1", None);
    messages.publish(b"c", b"2", None);
    messages.subscribe(Kind::Channel, b"c", Link(2), &mut all[2]);
    messages.publish(b"c", b"3", None);
    messages.publish(b"d", b"4", None);
    messages.publish(b"d", long.as_bytes(), None);
    messages.publish(b"d", b"6", None);
    for (texts, recipient_count) in [
        (&["c1", "c2"][..], 2),
        (&["c3"], 3),
        (&["d4"], 2),
        (&[&format!("d{long}")], 2),
        (&["d6"], 2),
    ] {
        let mut letter = messages.mailbox.take().expect("there is another one");
        for (dialect, sign) in [(Dialect::Resp2, '*'), (Dialect::Resp3, '>')] {
            let message = |text: &&str| {
                let (channel, payload) = text.split_at(1);
                let head = format!("{sign}3\r\n$7\r\nmessage\r\n$1\r\n{channel}\r\n");
                format!("{head}${}\r\n{payload}\r\n", payload.len())
            };
            let expected: String = texts.iter().map(message).collect();
            assert_eq!(**letter.in_dialect(dialect), *expected.as_bytes());
        }
        let recipients = std::iter::from_fn(|| letter.next_recipient());
        assert_eq!(recipients.count(), recipient_count);
    }
    assert!(!messages.mailbox.has_letters());
    assert_eq!(messages.mailbox.used_bytes(), 0);
}

#[test]
fn what_a_client_causes_for_itself_comes_another_way() {
    let mut messages = Messages::default();
    let mut own = Subscriptions::default();
    let mut other = Subscriptions::default();
    messages.subscribe(Kind::Channel, b"c", Link(1), &mut own);
    messages.subscribe(Kind::Channel, b"c", Link(2), &mut other);
    messages.mailbox.begin();
    assert_eq!(messages.publish(b"c", b"first", Some(Link(1))), 2);
    let frames = messages.mailbox.take_own();
    assert_eq!(frames.len(), 1);
    assert!(frames[0].in_dialect(Dialect::Resp3).starts_with(b">3\r\n"));
    // What is under way stays before what comes.
    messages.mailbox.begin();
    assert_eq!(messages.publish(b"c", b"second", Some(Link(1))), 2);
    assert!(!messages.mailbox.has_own());
    assert_eq!(delivered(&mut messages.mailbox), [1, 2, 2]);
}
