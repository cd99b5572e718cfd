//! Client-side caches: writers race against readers that keep what they have read until they are
//! told that it has changed; from printed seeds.
//!
//! ```text
//!  reader  GET k ─▶ the node ─▶ … output … ─▶ the reply is kept
//!  writer  SET k ─▶ the node ─▶ … output … ─▶ invalidate k: what is kept of it is dropped
//! ```
//!
//! Readers take their output in pieces and late, so replies and invalidations cross all the time.
//! Some are told by another connection of theirs, so that an invalidation may come before the reply
//! that it is about; such a reader keeps nothing that was asked for before it.
//! Whenever everything is settled, each copy that a reader keeps is what the key holds.
//!
//! Not here: which keys are remembered (`keyspace/interest/tracked.rs`).

use super::direct::Direct;
use super::reply::Reply;
use super::seeds::{expect_notice, run_seeds};
use evenkeel::Config;
use fastrand::Rng;
use std::collections::{HashMap, VecDeque};

/// A fault of a reader, which must not go unnoticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// Every seventh invalidation is lost.
    LosesInvalidations,
    /// Invalidations are looked at before the replies that came before them.
    TakesInvalidationsFirst,
    /// A reader does not notice that everything was flushed.
    MissesFlushes,
    /// A reader that is told by another connection keeps what it has asked for before.
    KeepsWhatCrossed,
}

const KEYS: usize = 12;
const READERS: usize = 8;
const WRITERS: usize = 3;

/// How a reader is told of changes, and what it asks for.
const WAYS: [&str; READERS] = [
    "CLIENT TRACKING ON",
    "CLIENT TRACKING ON NOLOOP",
    "CLIENT TRACKING ON BCAST",
    "CLIENT TRACKING ON BCAST PREFIX k",
    "CLIENT TRACKING ON OPTIN",
    "CLIENT TRACKING ON OPTOUT",
    "CLIENT TRACKING ON REDIRECT",
    "CLIENT TRACKING ON BCAST REDIRECT",
];

/// By what those are told that are told in version 2 of the protocol.
const CHANNEL: &str = "__redis__:invalidate";

#[derive(Default)]
struct Reader {
    client: usize,
    way: &'static str,
    /// Another client, which is told instead of it.
    listener: Option<usize>,
    /// Keys of the requests that are to be answered; none for other requests.
    asked: VecDeque<Option<String>>,
    copies: HashMap<String, Reply>,
    invalidations: usize,
}

impl Reader {
    fn hear(&mut self, replies: Vec<Reply>, fault: Fault) {
        let (pushes, answers): (Vec<Reply>, Vec<Reply>) = match fault {
            Fault::TakesInvalidationsFirst => replies
                .into_iter()
                .partition(|reply| matches!(reply, Reply::Push(_))),
            _ => (Vec::new(), replies),
        };
        for reply in pushes.into_iter().chain(answers) {
            match reply {
                Reply::Push(parts) => self.invalidate(&parts[1], fault),
                reply => {
                    let asked = self.asked.pop_front().expect("it has asked");
                    if let Some(key) = asked {
                        self.copies.insert(key, reply);
                    }
                }
            }
        }
    }

    /// Hears what another client was told, which may be about replies that are still to come.
    fn hear_of(&mut self, told: Vec<Reply>, fault: Fault) {
        for told in told {
            let keys = match &told {
                Reply::Push(parts) if parts[0] == Reply::text("invalidate") => &parts[1],
                Reply::List(parts) if parts[1] == Reply::text(CHANNEL) => &parts[2],
                _ => panic!("{told:?} is no invalidation"),
            };
            self.invalidate(keys, fault);
            if fault != Fault::KeepsWhatCrossed {
                self.asked.iter_mut().for_each(|asked| *asked = None);
            }
        }
    }

    fn invalidate(&mut self, keys: &Reply, fault: Fault) {
        self.invalidations += 1;
        if fault == Fault::LosesInvalidations && self.invalidations.is_multiple_of(7) {
            return;
        }
        match keys {
            Reply::List(keys) => {
                for key in keys.iter().filter_map(Reply::as_text) {
                    self.copies.remove(key);
                }
            }
            _ if fault == Fault::MissesFlushes => {}
            _ => self.copies.clear(),
        }
    }
}

struct World {
    direct: Direct,
    random: Rng,
    fault: Fault,
    readers: Vec<Reader>,
    writers: Vec<usize>,
    checker: usize,
    checked_count: usize,
}

impl World {
    fn new(seed: u64, fault: Fault) -> Self {
        let mut direct = Direct::new(Config {
            hash_seed: seed | 1,
            tracking_table_max_keys: 8,
            ..Config::default()
        });
        let readers = WAYS.iter().map(|&way| Reader {
            client: direct.accept(),
            way,
            ..Reader::default()
        });
        let readers: Vec<Reader> = readers.collect();
        let writers = (0..WRITERS).map(|_| direct.accept()).collect();
        let checker = direct.accept();
        let mut world = Self {
            direct,
            random: Rng::with_seed(seed),
            fault,
            readers,
            writers,
            checker,
            checked_count: 0,
        };
        (0..READERS).for_each(|reader| world.begin(reader));
        world
    }

    /// The answer to a request of a client that is sent and told nothing else.
    fn answer(&mut self, client: usize, line: &str) -> Reply {
        self.direct.send(client, line);
        self.direct.settle();
        let answer = self.direct.replies(client).pop();
        answer.expect("it is answered at once")
    }

    /// A client that is told instead of a reader, in one version of the protocol or the other;
    /// the words that name it.
    fn begin_listener(&mut self, reader: usize) -> String {
        let listener = self.direct.accept();
        self.readers[reader].listener = Some(listener);
        let Reply::Line(id) = self.answer(listener, "CLIENT ID") else {
            panic!("an id is a number");
        };
        let line = match self.random.bool() {
            true => "HELLO 3".to_owned(),
            false => format!("SUBSCRIBE {CHANNEL}"),
        };
        self.answer(listener, &line);
        format!(" {}", id.trim_start_matches(':'))
    }

    fn begin(&mut self, reader: usize) {
        let Reader { client, way, .. } = self.readers[reader];
        let listener = match way.ends_with("REDIRECT") {
            true => self.begin_listener(reader),
            false => String::new(),
        };
        self.direct.send(client, "HELLO 3");
        self.direct.send(client, &format!("{way}{listener}"));
        self.direct.settle();
        let replies = self.direct.replies(client).into_iter();
        let answers = replies.filter(|reply| !matches!(reply, Reply::Push(_)));
        assert_eq!(answers.count(), 2);
    }

    fn key(&mut self) -> String {
        format!("k{}", self.random.usize(0..KEYS))
    }

    fn run(mut self) -> Result<usize, String> {
        for _ in 0..40 {
            for _ in 0..self.random.usize(1..60) {
                self.act();
                for _ in 0..self.random.usize(0..4) {
                    self.direct.step(&mut self.random);
                }
            }
            self.check()?;
        }
        Ok(self.checked_count)
    }

    fn act(&mut self) {
        match self.random.u8(0..20) {
            0..8 => self.read(),
            8..13 => self.write(),
            13..18 => {
                let reader = self.random.usize(0..READERS);
                let count_max = self.random.usize(1..200);
                let Reader {
                    client, listener, ..
                } = self.readers[reader];
                let taker = listener.filter(|_| self.random.bool()).unwrap_or(client);
                self.direct.take(taker, count_max);
                self.hear(reader);
            }
            18 => {
                let duration_ms = self.random.u64(0..30);
                self.direct.now = self.direct.now.plus_ms(duration_ms);
            }
            _ if self.random.u8(0..10) == 0 => {
                // A reader is lost, and what it kept.
                let reader = self.random.usize(0..READERS);
                let lost = [
                    Some(self.readers[reader].client),
                    self.readers[reader].listener,
                ];
                for client in lost.into_iter().flatten() {
                    self.direct.kill(client, &mut self.random);
                }
                let way = self.readers[reader].way;
                let client = self.direct.accept();
                self.readers[reader] = Reader {
                    client,
                    way,
                    ..Reader::default()
                };
                self.begin(reader);
            }
            _ => {}
        }
    }

    fn read(&mut self) {
        let (key, number) = (self.key(), self.random.usize(0..READERS));
        let (client, way) = (self.readers[number].client, self.readers[number].way);
        if way.ends_with("OPTIN") {
            self.direct.send(client, "CLIENT CACHING YES");
            self.readers[number].asked.push_back(None);
        }
        // Readers write, too: without NOLOOP they hear of it.
        let writes = self.random.u8(0..8) == 0 && !way.ends_with("NOLOOP");
        let request = match writes {
            true => format!("SET {key} own{}", self.random.u32(..)),
            false => format!("GET {key}"),
        };
        self.direct.send(client, &request);
        self.readers[number]
            .asked
            .push_back((!writes).then_some(key));
    }

    fn write(&mut self) {
        let writer = self.writers[self.random.usize(0..WRITERS)];
        let (key, other) = (self.key(), self.key());
        let value = self.random.u32(..);
        let line = match self.random.u8(0..13) {
            0..4 => format!("SET {key} {value}"),
            4 => format!("DEL {key} {other}"),
            5 => format!("SET {key} {value} PX {}", self.random.u8(1..40)),
            6 => format!("APPEND {key} x"),
            7 => format!("RENAME {key} {other}"),
            8 => {
                // As many as are set in portions.
                let pairs = (0..1_200).map(|at| format!(" k{} {value}.{at}", at % (KEYS + 1)));
                format!("MSET{}", pairs.collect::<String>())
            }
            9 => {
                self.direct.send(writer, "MULTI");
                self.direct.send(writer, &format!("SET {key} {value}"));
                self.direct.send(writer, &format!("SET {other} {value}"));
                "EXEC".to_owned()
            }
            10 => format!("COPY {key} {other} REPLACE"),
            11 => format!("PEXPIRE {key} {}", self.random.u8(0..20)),
            _ if self.random.u8(0..5) == 0 => "FLUSHALL".to_owned(),
            _ => format!("GETEX {key} PX {}", self.random.u8(1..20)),
        };
        self.direct.send(writer, &line);
    }

    fn hear(&mut self, reader: usize) {
        if let Some(listener) = self.readers[reader].listener {
            let told = self.direct.replies(listener);
            self.readers[reader].hear_of(told, self.fault);
        }
        let replies = self.direct.replies(self.readers[reader].client);
        self.readers[reader].hear(replies, self.fault);
    }

    /// Whatever is kept is what the keys hold.
    fn check(&mut self) -> Result<(), String> {
        self.direct.settle();
        (0..READERS).for_each(|reader| self.hear(reader));
        for number in 0..KEYS {
            let key = format!("k{number}");
            self.direct.send(self.checker, &format!("GET {key}"));
            self.direct.settle();
            let holds = self.direct.replies(self.checker).pop();
            let holds = holds.expect("it was asked");
            for reader in &self.readers {
                let Some(copy) = reader.copies.get(&key) else {
                    continue;
                };
                self.checked_count += 1;
                if *copy != holds {
                    let way = reader.way;
                    return Err(format!(
                        "{way}: kept {copy:?} of {key}, which holds {holds:?}"
                    ));
                }
            }
        }
        (0..READERS).for_each(|reader| self.hear(reader));
        Ok(())
    }
}

#[test]
fn caches_of_clients_are_never_stale() {
    let checked_count = run_seeds(40, |seed| World::new(seed, Fault::None).run());
    assert!(checked_count > 40 * 150, "{checked_count} copies in all");
}

/// Goal: the simulation sees faults. Method: canaries, each a reader with one fault.
#[test]
fn canaries_of_caches_are_noticed() {
    let faults = [
        Fault::LosesInvalidations,
        Fault::TakesInvalidationsFirst,
        Fault::MissesFlushes,
        Fault::KeepsWhatCrossed,
    ];
    expect_notice(&faults, 20, |seed, fault| World::new(seed, fault).run());
}
