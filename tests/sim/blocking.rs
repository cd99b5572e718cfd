//! Clients that wait for lists, push, take, and die; from printed seeds, with a moved clock.
//!
//! ```text
//!  step:  a client comes, goes, pushes, takes or waits ─▶ node and model ─▶ the same outputs
//! ```
//!
//! The model has the lists, and all who wait in the order in which they came. After each step each
//! client must have been told what the model says, in this order and no more: so nobody is woken
//! late or twice, and no item is lost or given to two.
//!
//! Not here: turns and sockets (`world.rs`).

use super::seeds::{expect_notice, run_seeds};
use evenkeel::node::{ConnectionId, Node};
use evenkeel::session::Peer;
use evenkeel::{Config, Timestamp};
use fastrand::Rng;
use std::collections::VecDeque;

/// A fault put into the model on purpose, which must not go unnoticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// Who came last is served first.
    ServesLastFirst,
    /// Who has died is served.
    ServesTheDead,
    /// What a move brings wakes nobody.
    LosesWakeUps,
}

const KEYS: usize = 4;

/// What a client waits for.
#[derive(Clone, Debug)]
struct Wait {
    client: usize,
    keys: Vec<usize>,
    /// The list that the item goes to, if it is a move.
    target: Option<usize>,
    deadline_ms: Option<u64>,
}

#[derive(Default)]
struct Model {
    lists: [VecDeque<u64>; KEYS],
    waits: Vec<Wait>,
}

/// What clients are told: who, and what.
type Told = Vec<(usize, String)>;

impl Model {
    fn push(&mut self, key: usize, item: u64, ready: &mut VecDeque<usize>) {
        self.lists[key].push_back(item);
        if !ready.contains(&key) {
            ready.push_back(key);
        }
    }

    fn give(&mut self, key: usize, client: usize, target: Option<usize>, told: &mut Told) {
        let item = self.lists[key].pop_front().expect("the list has an item");
        let text = item.to_string();
        let bulk = format!("${}\r\n{text}\r\n", text.len());
        match target {
            Some(target) => {
                self.lists[target].push_back(item);
                told.push((client, bulk));
            }
            None => told.push((client, format!("*2\r\n$1\r\n{key}\r\n{bulk}"))),
        }
    }

    fn serve(&mut self, ready: &mut VecDeque<usize>, fault: Fault, told: &mut Told) {
        while let Some(key) = ready.pop_front() {
            while !self.lists[key].is_empty() {
                let mut waits = self.waits.iter();
                let is_for = |wait: &Wait| wait.keys.contains(&key);
                let index = match fault {
                    Fault::ServesLastFirst => waits.rposition(is_for),
                    _ => waits.position(is_for),
                };
                let Some(index) = index else {
                    break;
                };
                let wait = self.waits.remove(index);
                self.give(key, wait.client, wait.target, told);
                if let Some(target) = wait.target
                    && !ready.contains(&target)
                    && fault != Fault::LosesWakeUps
                {
                    ready.push_back(target);
                }
            }
        }
    }
}

struct World {
    node: Node,
    now: Timestamp,
    random: Rng,
    fault: Fault,
    model: Model,
    /// By number; those that are gone are `None`.
    clients: Vec<Option<ConnectionId>>,
    item_count: u64,
    served_count: usize,
}

impl World {
    fn new(seed: u64, fault: Fault) -> Self {
        let now = Timestamp::from_unix_ms(1_700_000_000_000);
        let config = Config {
            hash_seed: seed | 1,
            ..Config::default()
        };
        Self {
            node: Node::new(config, now),
            now,
            random: Rng::with_seed(seed),
            fault,
            model: Model::default(),
            clients: Vec::new(),
            item_count: 0,
            served_count: 0,
        }
    }

    fn run(mut self) -> Result<usize, String> {
        for _ in 0..600 {
            self.step()?;
        }
        Ok(self.served_count)
    }

    fn accept(&mut self) -> usize {
        let id = self.node.accepted(Peer::embedded(), self.now);
        self.clients.push(Some(id.expect("there is room")));
        self.clients.len() - 1
    }

    /// A client that does not wait.
    fn free_client(&mut self) -> usize {
        let waits = &self.model.waits;
        let is_free = |client: &usize| {
            self.clients[*client].is_some() && waits.iter().all(|wait| wait.client != *client)
        };
        let free: Vec<usize> = (0..self.clients.len()).filter(is_free).collect();
        if free.is_empty() || self.random.u8(0..3) == 0 {
            self.accept()
        } else {
            free[self.random.usize(0..free.len())]
        }
    }

    fn key(&mut self) -> usize {
        self.random.usize(0..KEYS)
    }

    fn step(&mut self) -> Result<(), String> {
        let mut told = Told::new();
        match self.random.u8(0..20) {
            0..9 => self.wait(&mut told),
            9..14 => self.push(&mut told),
            14 => self.take(&mut told),
            15..18 => self.die(),
            _ => self.pass_time(&mut told),
        }
        self.served_count += told.len();
        self.compare(&told)
    }

    fn wait(&mut self, told: &mut Told) {
        let client = self.free_client();
        let target = (self.random.u8(0..3) == 0).then(|| self.key());
        let key_count = if target.is_some() {
            1
        } else {
            self.random.usize(1..4)
        };
        let keys: Vec<usize> = (0..key_count).map(|_| self.key()).collect();
        let timeout_ms = self.random.u64(0..200);
        let seconds = timeout_ms as f64 / 1000.0;
        let names: Vec<String> = keys.iter().map(usize::to_string).collect();
        let line = match target {
            Some(target) => format!("BLMOVE {} {target} LEFT RIGHT {seconds}", names[0]),
            None => format!("BLPOP {} {seconds}", names.join(" ")),
        };
        self.send(client, &line);
        if let Some(&key) = keys.iter().find(|&&key| !self.model.lists[key].is_empty()) {
            self.model.give(key, client, target, told);
            if let Some(target) = target {
                let mut ready = VecDeque::from([target]);
                self.model.serve(&mut ready, self.fault, told);
            }
            return;
        }
        let deadline_ms = (timeout_ms > 0).then(|| self.now.monotonic_ms() + timeout_ms);
        self.model.waits.push(Wait {
            client,
            keys,
            target,
            deadline_ms,
        });
    }

    /// Pushes by itself, or to several lists in a transaction.
    fn push(&mut self, told: &mut Told) {
        let client = self.free_client();
        let push_count = self.random.usize(1..4);
        let mut ready = VecDeque::new();
        let mut replies = String::new();
        let mut lines = Vec::new();
        for _ in 0..push_count {
            let key = self.key();
            let mut line = format!("RPUSH {key}");
            for _ in 0..self.random.usize(1..4) {
                line += &format!(" {}", self.item_count);
                self.model.push(key, self.item_count, &mut ready);
                self.item_count += 1;
            }
            replies += &format!(":{}\r\n", self.model.lists[key].len());
            lines.push(line);
        }
        if push_count > 1 {
            let queued = "+QUEUED\r\n".repeat(push_count);
            replies = format!("+OK\r\n{queued}*{push_count}\r\n{replies}");
            lines.insert(0, "MULTI".into());
            lines.push("EXEC".into());
        }
        told.push((client, replies));
        self.model.serve(&mut ready, self.fault, told);
        self.send(client, &lines.join("\r\n"));
    }

    fn take(&mut self, told: &mut Told) {
        let (client, key) = (self.free_client(), self.key());
        self.send(client, &format!("LPOP {key}"));
        let text = self.model.lists[key]
            .pop_front()
            .map(|item| item.to_string());
        let reply = text.map(|text| format!("${}\r\n{text}\r\n", text.len()));
        told.push((client, reply.unwrap_or("$-1\r\n".into())));
    }

    fn die(&mut self) {
        let client = self.random.usize(0..self.clients.len().max(1));
        let Some(id) = self.clients.get_mut(client).and_then(Option::take) else {
            return;
        };
        if self.random.bool() {
            self.node.end_of_input(id);
        } else {
            self.node.closed(id);
        }
        if self.fault != Fault::ServesTheDead {
            self.model.waits.retain(|wait| wait.client != client);
        }
    }

    fn pass_time(&mut self, told: &mut Told) {
        self.now = self.now.plus_ms(self.random.u64(0..100));
        let now_ms = self.now.monotonic_ms();
        self.work();
        self.model.waits.retain(|wait| {
            let is_over = wait
                .deadline_ms
                .is_some_and(|deadline_ms| deadline_ms <= now_ms);
            if is_over {
                told.push((wait.client, "*-1\r\n".into()));
            }
            !is_over
        });
    }

    fn send(&mut self, client: usize, line: &str) {
        let id = self.clients[client].expect("it is there");
        let bytes = format!("{line}\r\n");
        let buffer = self.node.read_buffer(id);
        buffer[..bytes.len()].copy_from_slice(bytes.as_bytes());
        self.node.received(id, bytes.len(), self.now);
        self.work();
    }

    /// Turns, until nothing is left to do at this time.
    fn work(&mut self) {
        loop {
            for id in self.node.take_ready_list() {
                self.node.resume(id, self.now);
            }
            for id in self.node.take_close_list() {
                self.node.closed(id);
            }
            if !self.node.tick(self.now) && !self.node.is_busy(self.now) {
                return;
            }
        }
    }

    fn compare(&mut self, told: &Told) -> Result<(), String> {
        for client in 0..self.clients.len() {
            let lines = told.iter().filter(|(told, _)| *told == client);
            let expected: String = lines.map(|(_, text)| text.as_str()).collect();
            let Some(id) = self.clients[client] else {
                if !expected.is_empty() {
                    return Err(format!("{client} is dead and should be told {expected:?}"));
                }
                continue;
            };
            let output = self.node.output(id).to_vec();
            self.node.written(id, output.len(), self.now);
            let output = String::from_utf8_lossy(&output);
            if output != expected {
                return Err(format!(
                    "{client} was told {output:?} instead of {expected:?}"
                ));
            }
        }
        self.work();
        Ok(())
    }
}

#[test]
fn clients_that_wait_are_served_once_and_in_order() {
    let served_count = run_seeds(60, |seed| World::new(seed, Fault::None).run());
    assert!(served_count > 60 * 100, "{served_count} answers in all");
}

/// Goal: the simulation sees faults. Method: canaries, each with one fault in the model.
#[test]
fn canaries_of_waiting_are_noticed() {
    let faults = [
        Fault::ServesLastFirst,
        Fault::ServesTheDead,
        Fault::LosesWakeUps,
    ];
    expect_notice(&faults, 10, |seed, fault| World::new(seed, fault).run());
}
