//! Clients that change and read large collections of four types, slowly, and die; from printed
//! seeds.
//!
//! Requests are so large that they are done in steps: reads of a frozen state, values that are
//! built while their key is claimed, changes in place, requests in portions. Steps, requests of
//! others and the taking of output come in any order. The model executes what was executed, in that
//! order (`observed.rs`), at once; each client must get its replies.
//!
//! Not here: the model (`collections_model.rs`).

use super::collections_model::{Fault, Model};
use super::direct::Direct;
use super::observed::Observer;
use super::reply::Reply;
use super::seeds::{expect_notice, run_seeds};
use evenkeel::Config;
use fastrand::Rng;
use std::collections::{HashMap, HashSet, VecDeque};

const CLIENTS: usize = 8;
const KEYS: usize = 3;
/// Elements that requests choose from.
const ELEMENTS: usize = 6_000;

/// A transaction: the requests that stand in it, and what the model has answered so far.
struct Block {
    request_count: usize,
    is_executed: bool,
    shown: String,
    replies: Vec<Reply>,
}

struct World {
    direct: Direct,
    random: Rng,
    observer: Observer,
    model: Model,
    /// By client, in order: replies that the model has given, and that it has not got.
    expected: Vec<VecDeque<(String, Reply)>>,
    /// Replies that clients have got before the observer was shown their requests.
    early: Vec<VecDeque<Reply>>,
    /// By client: what stands in the transaction that it has sent, and is to be executed.
    blocks: HashMap<usize, Block>,
    /// Clients whose transaction has begun, so that their next requests stand in it.
    has_begun: HashSet<usize>,
    /// Takes members of sets by chance, while nobody else does anything.
    popper: usize,
    checked_count: usize,
}

impl World {
    fn new(seed: u64, fault: Fault) -> Self {
        let mut direct = Direct::new(Config {
            hash_seed: seed | 1,
            ..Config::default()
        });
        let observer = Observer::new(&mut direct);
        for _ in 0..CLIENTS {
            direct.accept();
        }
        let popper = direct.accept();
        Self {
            direct,
            random: Rng::with_seed(seed),
            observer,
            model: Model::new(fault),
            expected: vec![VecDeque::new(); CLIENTS + 2],
            early: vec![VecDeque::new(); CLIENTS + 2],
            blocks: HashMap::new(),
            has_begun: HashSet::new(),
            popper,
            checked_count: 0,
        }
    }

    fn run(mut self) -> Result<usize, String> {
        for _ in 0..6 {
            for _ in 0..25 {
                self.act();
                for _ in 0..self.random.usize(0..12) {
                    self.direct.step(&mut self.random);
                }
                self.compare()?;
            }
            self.direct.settle();
            self.compare()?;
            let left = self.expected.iter().map(VecDeque::len).sum::<usize>();
            let early = self.early.iter().map(VecDeque::len).sum::<usize>();
            if left + early > 0 {
                return Err(format!("{left} replies too few, {early} too many"));
            }
            self.pop()?;
            self.pass_time();
            #[cfg(debug_assertions)]
            self.direct.node.engine().check_invariants();
        }
        Ok(self.checked_count)
    }

    fn act(&mut self) {
        let client = self.random.usize(1..self.direct.client_count());
        if !self.direct.is_there(client) || client == self.popper {
            return;
        }
        match self.random.u8(0..20) {
            0..2 if self.direct.has_sent_all(client) && !self.blocks.contains_key(&client) => {
                self.send_block(client);
            }
            2..14 if self.direct.has_sent_all(client) => {
                let line = self.line();
                self.direct.send(client, &line);
            }
            14 if self.random.u8(0..4) == 0 && !self.is_changing(client) => {
                self.direct.kill(client, &mut self.random);
                self.expected[client].clear();
                self.blocks.remove(&client);
                self.direct.accept();
                self.expected.push(VecDeque::new());
                self.early[client].clear();
                self.early.push(VecDeque::new());
            }
            _ => {
                let count_max = self.random.usize(1..100_000);
                self.direct.take(client, count_max);
            }
        }
    }

    /// Whether a change of a client has begun and is not answered. What is built for a client that
    /// goes is given up, and the model does not know how far it had come.
    fn is_changing(&self, client: usize) -> bool {
        let underway = &self.expected[client];
        let reads = [
            "HGETALL", "SMEMBERS", "SUNION ", "SINTER ", "SDIFF ", "ZRANGE ", "LRANGE",
        ];
        let is_read = |shown: &str| reads.iter().any(|name| shown.starts_with(name));
        underway.iter().any(|(shown, _)| !is_read(shown))
    }

    fn send_block(&mut self, client: usize) {
        let request_count = self.random.usize(1..4);
        self.direct.send(client, "MULTI");
        for _ in 0..request_count {
            let line = self.line();
            self.direct.send(client, &line);
        }
        self.direct.send(client, "EXEC");
        let block = Block {
            request_count,
            is_executed: false,
            shown: "exec".to_owned(),
            replies: Vec::new(),
        };
        self.blocks.insert(client, block);
    }

    /// Some members of a set are taken by chance: they were in it, each is told once, and from now
    /// on the set is without them.
    fn pop(&mut self) -> Result<(), String> {
        let (key, count) = (self.key('s'), self.random.usize(1..ELEMENTS / 2));
        self.direct
            .send(self.popper, &format!("SPOP {key} {count}"));
        self.direct.settle();
        let told = self.direct.replies(self.popper).pop();
        let Some(Reply::List(members)) = told else {
            return Err(format!("SPOP {key} {count} was answered {told:?}"));
        };
        self.model.pop(&key, count, &members)
    }

    /// Fields become due, and are removed.
    fn pass_time(&mut self) {
        let duration_ms = self.random.u64(0..150);
        self.direct.now = self.direct.now.plus_ms(duration_ms);
        self.direct.settle();
        self.model.pass_time(duration_ms);
    }

    /// The name of a key of a type.
    fn key(&mut self, kind: char) -> String {
        format!("{kind}{}", self.random.usize(0..KEYS))
    }

    /// A row of elements, of which many requests have as many as are done in portions.
    fn numbers(&mut self) -> Vec<usize> {
        let count = match self.random.u8(0..3) {
            0 => self.random.usize(1..6),
            _ => self.random.usize(1_000..3_000),
        };
        let first = self.random.usize(0..ELEMENTS);
        let step = [1, 7, 11][self.random.usize(0..3)];
        (0..count)
            .map(|at| (first + at * step) % ELEMENTS)
            .collect()
    }

    fn words(&mut self, word: impl Fn(usize) -> String) -> String {
        let words: Vec<String> = self.numbers().into_iter().map(word).collect();
        words.join(" ")
    }

    fn line(&mut self) -> String {
        match self.random.u8(0..5) {
            0 => self.set_line(),
            1 => self.list_line(),
            2 => self.sorted_set_line(),
            3 => self.hash_line(),
            _ => {
                let kind = ['s', 'l', 'z', 'h'][self.random.usize(0..4)];
                let key = self.key(kind);
                match self.random.u8(0..12) {
                    0 => format!("DEL {key}"),
                    1 if self.random.u8(0..4) == 0 => "FLUSHALL".to_owned(),
                    2..6 => format!("COPY {key} {} REPLACE", self.key(kind)),
                    6 => format!("RENAME {key} {}", self.key(kind)),
                    7 => format!(
                        "EXISTS {}",
                        (0..1_500).map(|_| "s0 ").collect::<String>() + &key
                    ),
                    _ => self.set_line(),
                }
            }
        }
    }

    fn set_line(&mut self) -> String {
        let (key, one, other) = (self.key('s'), self.key('s'), self.key('s'));
        let element = |number: usize| format!("e{number}");
        match self.random.u8(0..13) {
            0..4 => format!("SADD {key} {}", self.words(element)),
            4 => format!("SREM {key} {}", self.words(element)),
            5 => format!("SMISMEMBER {key} {}", self.words(element)),
            6 => format!("SMEMBERS {key}"),
            7 => format!("SUNION {key} {one} {other}"),
            8 => format!("SINTERSTORE {key} {one} {other}"),
            9 => format!("SUNIONSTORE {key} {one} {other}"),
            10 => format!("SDIFFSTORE {key} {one} {other}"),
            11 => format!("SPOP {key} {ELEMENTS}"),
            _ => format!("SCARD {key}"),
        }
    }

    fn list_line(&mut self) -> String {
        let key = self.key('l');
        let number = self.random.usize(0..ELEMENTS);
        let element = |number: usize| format!("e{}", number % 50);
        match self.random.u8(0..12) {
            0..2 => format!("RPUSH {key} {}", self.words(element)),
            2..4 => format!("LPUSH {key} {}", self.words(element)),
            4 => format!("LPOP {key} {number}"),
            5 => format!("RPOP {key} {}", number / 3),
            6 => format!("LRANGE {key} {} -1", number / 10),
            7 => format!("LREM {key} 0 e{}", number % 50),
            8 => format!("LINSERT {key} BEFORE e{} new", number % 50),
            9 => format!("LTRIM {key} {} -1", number / 20),
            10 => format!("LMPOP 2 {} {key} LEFT COUNT {number}", self.key('l')),
            _ => format!("LLEN {key}"),
        }
    }

    fn sorted_set_line(&mut self) -> String {
        let (key, one, other) = (self.key('z'), self.key('z'), self.key('z'));
        let number = self.random.usize(0..ELEMENTS);
        match self.random.u8(0..11) {
            0..4 => format!(
                "ZADD {key} {}",
                self.words(|number| format!("{} e{number}", number / 3))
            ),
            4 => format!("ZREM {key} {}", self.words(|number| format!("e{number}"))),
            5 => format!("ZRANGE {key} 0 -1"),
            6 => format!("ZPOPMIN {key} {number}"),
            7 => format!("ZREMRANGEBYSCORE {key} {} {}", number / 6, number / 3),
            8 => format!("ZUNIONSTORE {key} 2 {one} {other} AGGREGATE MAX"),
            9 => format!("ZRANGESTORE {key} {one} {} -1", number / 9),
            _ => format!(
                "ZMSCORE {key} {}",
                self.words(|number| format!("e{number}"))
            ),
        }
    }

    fn hash_line(&mut self) -> String {
        let key = self.key('h');
        let value = self.random.u16(..);
        match self.random.u8(0..10) {
            7..9 => {
                let (duration_ms, numbers) = (self.random.u64(1..300), self.numbers());
                format!("HPEXPIRE {key} {duration_ms} {}", fields(&numbers))
            }
            9 => format!("HPERSIST {key} {}", fields(&self.numbers())),
            0..3 => format!(
                "HSET {key} {}",
                self.words(|number| format!("e{number} {value}"))
            ),
            3 => format!("HDEL {key} {}", self.words(|number| format!("e{number}"))),
            4 => format!("HMGET {key} {}", self.words(|number| format!("e{number}"))),
            5 => format!("HGETALL {key}"),
            _ => format!("HLEN {key}"),
        }
    }

    /// Lets the model execute a request, by itself or in a transaction.
    fn execute(&mut self, client: usize, words: &[String]) {
        if client == self.popper {
            // What it has taken is taken from the model when that is known.
            return;
        }
        let name = words[0].to_ascii_lowercase();
        let mut replies = Vec::new();
        let mut block = self.blocks.get_mut(&client);
        match (name.as_str(), &mut block) {
            ("multi", block) => {
                let request_count = block.as_ref().map_or(0, |block| block.request_count);
                replies.push(("multi".to_owned(), Reply::Line("+OK".into())));
                let queued = ("queued".to_owned(), Reply::Line("+QUEUED".into()));
                replies.resize(1 + request_count, queued);
                self.has_begun.insert(client);
            }
            ("exec", Some(block)) => block.is_executed = true,
            ("exec", None) => {}
            (_, block) => {
                let reply = self.model.execute(words);
                let shown = format!("{:.60}", words.join(" "));
                match block.as_mut().filter(|_| self.has_begun.contains(&client)) {
                    Some(block) => {
                        block.shown += &format!("; {shown}");
                        block.replies.push(reply);
                    }
                    None => replies.push((shown, reply)),
                }
            }
        }
        let is_over =
            |block: &mut Block| block.is_executed && block.replies.len() == block.request_count;
        if block.is_some_and(is_over)
            && let Some(block) = self.blocks.remove(&client)
        {
            self.has_begun.remove(&client);
            replies.push((block.shown, Reply::List(block.replies)));
        }
        if self.direct.is_there(client) {
            self.expected[client].extend(replies);
        }
    }

    /// What was executed is executed by the model, and what came is compared with what it says.
    fn compare(&mut self) -> Result<(), String> {
        for executed in self.observer.executed(&mut self.direct) {
            self.execute(executed.client, &executed.words);
        }
        for client in 1..self.direct.client_count() {
            let replies = self.direct.replies(client);
            self.early[client].extend(replies);
            while let Some((shown, expected)) = self.expected[client].pop_front() {
                let Some(got) = self.early[client].pop_front() else {
                    self.expected[client].push_front((shown, expected));
                    break;
                };
                let got = Model::in_order(&shown, got);
                if got != expected {
                    let (got, expected) = (format!("{got:?}"), format!("{expected:?}"));
                    return Err(format!(
                        "{client}, {shown}: {got:.200} instead of {expected:.200}"
                    ));
                }
                self.checked_count += 1;
            }
        }
        Ok(())
    }
}

/// Fields in the words of a command about their deadlines.
fn fields(numbers: &[usize]) -> String {
    let names: String = numbers.iter().map(|number| format!(" e{number}")).collect();
    format!("FIELDS {}{names}", numbers.len())
}

#[test]
fn large_collections_are_read_and_changed_as_if_at_once() {
    let checked_count = run_seeds(30, |seed| World::new(seed, Fault::None).run());
    assert!(checked_count > 30 * 60, "{checked_count} replies in all");
}

/// Goal: the simulation sees faults. Method: canaries, each with one fault in the model.
#[test]
fn canaries_of_collections_are_noticed() {
    let faults = [
        Fault::ReadsLate,
        Fault::LosesTheLast,
        Fault::StoresLate,
        Fault::ForgetsCopies,
        Fault::KeepsDueFields,
        Fault::PopsAgain,
    ];
    expect_notice(&faults, 60, |seed, fault| World::new(seed, fault).run());
}
