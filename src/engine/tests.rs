//! The engine without a node: gates, batches, work in slices, determinism.
//!
//! Goal of each test stands in its name. Method: requests as words, replies as exact bytes, time
//! moved by hand, random sequences from fixed seeds.
//!
//! Not here: the two ways past the gates (`tests/gates.rs`), typed calls (`tests/typed.rs`,
//! `tests/typed_collections.rs`), durations (`tests/timing.rs`), the limit of memory
//! (`tests/limit.rs`), pauses (`tests/pausing.rs`), reads in steps (`tests/long_reads.rs`), what
//! counts as a read (`tests/reads.rs`), events of keys (`tests/events.rs`), single commands
//! (`tests/scripts/`), connections (`node/tests.rs`).

mod events;
mod full;
mod gates;
mod hostile_scripts;
mod limit;
mod list_ends;
mod long_reads;
mod pausing;
mod reads;
mod timing;
mod typed;
mod typed_collections;

use super::*;
use crate::protocol::args::OwnedArgs;
use crate::protocol::batch::RequestBatch;
use crate::protocol::parser::{CommandParser, ParserLimits, Progress};

const START: Timestamp = Timestamp::from_unix_ms(1_700_000_000_000);
const START_MS: u64 = START.unix_ms();
const NO_LIMIT: usize = usize::MAX;

/// An engine, its clock and one session.
struct Rig {
    engine: CacheEngine,
    session: SessionKey,
    now: Timestamp,
    /// What one reply of a batch may take.
    room_bytes: Option<usize>,
}

impl Rig {
    fn new() -> Self {
        Self::with(Config {
            hash_seed: 7,
            ..Config::default()
        })
    }

    fn with(config: Config) -> Self {
        let mut engine = CacheEngine::new(config);
        let session = engine.open_session(Peer::embedded(), START);
        Self {
            engine,
            session,
            now: START,
            room_bytes: None,
        }
    }

    fn try_call(&mut self, line: &str) -> (Execution, String) {
        let words: Vec<&str> = line.split(' ').collect();
        let request = OwnedArgs::from_slices(&words);
        let mut reply = Vec::new();
        let execution = self
            .engine
            .execute(self.session, request.args(), self.now, &mut reply);
        (
            execution,
            String::from_utf8(reply).expect("replies in tests are text"),
        )
    }

    /// Executes a request that nothing holds back; line ends of the reply are shown as `;`.
    fn call(&mut self, line: &str) -> String {
        let (execution, reply) = self.try_call(line);
        assert_ne!(execution, Execution::Paused, "{line}");
        reply.replace("\r\n", ";")
    }

    fn is_paused(&mut self, line: &str) -> bool {
        let (execution, reply) = self.try_call(line);
        if execution == Execution::Paused {
            assert_eq!(reply, "", "a request that waits has no reply yet");
        }
        execution == Execution::Paused
    }

    /// Executes a batch; returns the outcome and the replies.
    fn batch(&mut self, lines: &[&str], out_bytes_max: usize) -> (BatchOutcome, String) {
        let requests: Vec<Vec<Vec<u8>>> = lines.iter().map(|line| words_of(line)).collect();
        let (outcome, reply) = self.batch_of(&requests, out_bytes_max);
        let reply = String::from_utf8(reply).expect("replies in tests are text");
        (outcome, reply.replace("\r\n", ";"))
    }

    fn batch_of(
        &mut self,
        requests: &[Vec<Vec<u8>>],
        out_bytes_max: usize,
    ) -> (BatchOutcome, Vec<u8>) {
        let bytes: Vec<u8> = requests.iter().flat_map(|words| encode(words)).collect();
        let batch = parse_all(&bytes, requests.len());
        let mut out = Vec::new();
        let outcome = self.engine.execute_batch(
            self.session,
            Requests {
                batch: &batch,
                first: 0,
                end: batch.len(),
                buffer: &bytes,
            },
            self.now,
            &mut out,
            &OutputBounds {
                mark_bytes: out_bytes_max,
                room_bytes: self.room_bytes,
                ..OutputBounds::NONE
            },
        );
        (outcome, out)
    }

    fn deadline_after_ms(&self) -> Option<u64> {
        let deadline_ms = self.engine.next_deadline_ms()?;
        Some(deadline_ms - START_MS)
    }
}

fn words_of(line: &str) -> Vec<Vec<u8>> {
    line.split(' ')
        .map(|word| word.as_bytes().to_vec())
        .collect()
}

fn encode(words: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

fn parse_all(bytes: &[u8], count: usize) -> RequestBatch {
    let (mut parser, mut batch) = (CommandParser::new(), RequestBatch::new());
    let mut position = 0;
    for _ in 0..count {
        match parser.parse(bytes, position, &ParserLimits::default(), &mut batch) {
            Ok(Progress::Request { consumed }) => position = consumed,
            other => panic!("a test's request is complete: {other:?}"),
        }
    }
    batch
}

const UNKNOWN: &str = "-ERR unknown command 'NOSUCH', with args beginning with: 'a' 'b' ;";
const GET_ARITY: &str = "-ERR wrong number of arguments for 'get' command;";
const NOAUTH: &str = "-NOAUTH Authentication required.;";
const EXECABORT: &str = "-EXECABORT Transaction discarded because of previous errors.;";

#[test]
fn what_cannot_be_resolved_is_refused() {
    let mut rig = Rig::new();
    assert_eq!(rig.call("NOSUCH a b"), UNKNOWN);
    assert_eq!(rig.call("gEt"), GET_ARITY);
    assert_eq!(rig.call("GET a b"), GET_ARITY);
    assert_eq!(
        rig.call("CLIENT nosuch"),
        "-ERR unknown subcommand 'nosuch'. Try CLIENT HELP.;"
    );
    assert_eq!(
        rig.call("client setname"),
        "-ERR wrong number of arguments for 'client|setname' command;"
    );
    assert_eq!(rig.call("get k"), "$-1;", "the session goes on");
}

#[test]
fn a_renamed_command_answers_to_its_new_name_only() {
    let mut config = Config::default();
    let text = b"rename-command GET fetch\nrename-command FLUSHALL \"\"\n";
    config.apply_file("evenkeel.conf", text).unwrap();
    let mut rig = Rig::with(config);
    assert_eq!(rig.call("SET k v"), "+OK;");
    assert_eq!(rig.call("FETCH k"), "$1;v;");
    let unknown = "-ERR unknown command 'GET', with args beginning with: 'k' ;";
    assert_eq!(rig.call("GET k"), unknown);
    assert!(
        rig.call("FLUSHALL")
            .starts_with("-ERR unknown command 'FLUSHALL'")
    );
    assert_eq!(rig.call("fetch"), GET_ARITY, "errors name what it is");
    // In a transaction and in another engine names are what they are there.
    assert_eq!(rig.call("MULTI"), "+OK;");
    assert_eq!(rig.call("fetch k"), "+QUEUED;");
    assert_eq!(rig.call("EXEC"), "*1;$1;v;");
    assert_eq!(Rig::new().call("GET k"), "$-1;");
}

#[test]
fn without_the_password_only_logging_in_and_leaving_work() {
    let mut rig = Rig::with(Config {
        requirepass: b"secret".to_vec(),
        ..Config::default()
    });
    for line in ["PING", "GET k", "MULTI", "COMMAND", "CLIENT ID", "FLUSHALL"] {
        assert_eq!(rig.call(line), NOAUTH, "{line}");
    }
    assert_eq!(
        rig.call("EXEC"),
        "-EXECABORT Transaction discarded because of: NOAUTH Authentication required.;"
    );
    // What the request is comes before who sends it.
    assert_eq!(rig.call("NOSUCH a b"), UNKNOWN);
    assert_eq!(rig.call("GET"), GET_ARITY);
    assert_eq!(rig.call("RESET"), "+RESET;");
    assert_eq!(
        rig.call("AUTH wrong"),
        "-WRONGPASS invalid username-password pair or user is disabled.;"
    );
    assert_eq!(rig.call("PING"), NOAUTH);
    assert_eq!(rig.call("AUTH secret"), "+OK;");
    assert_eq!(rig.call("PING"), "+PONG;");
    assert_eq!(rig.call("RESET"), "+RESET;");
    assert_eq!(rig.call("PING"), NOAUTH);
    assert!(rig.call("HELLO 2 AUTH default secret").starts_with("*14;"));
    assert_eq!(rig.call("PING"), "+PONG;");
    // A password that is set later concerns later sessions.
    let mut rig = Rig::new();
    assert_eq!(rig.call("CONFIG SET requirepass secret"), "+OK;");
    assert_eq!(rig.call("PING"), "+PONG;");
    rig.session = rig.engine.open_session(Peer::embedded(), START);
    assert_eq!(rig.call("PING"), NOAUTH);
    assert_eq!(rig.call("QUIT"), "+OK;");
    assert!(rig.engine.session(rig.session).closes_after_reply);
}

#[test]
fn a_transaction_waits_for_exec() {
    let mut rig = Rig::new();
    assert_eq!(rig.call("EXEC"), "-ERR EXEC without MULTI;");
    assert_eq!(rig.call("DISCARD"), "-ERR DISCARD without MULTI;");
    assert_eq!(rig.call("MULTI"), "+OK;");
    assert_eq!(rig.call("SET a x"), "+QUEUED;");
    assert_eq!(rig.call("INCR a"), "+QUEUED;");
    assert_eq!(rig.call("GET a"), "+QUEUED;");
    assert!(rig.engine.is_empty(), "nothing is executed before EXEC");
    assert_eq!(
        rig.call("EXEC"),
        "*3;+OK;-ERR value is not an integer or out of range;$1;x;",
        "an error while it runs spoils nothing else"
    );
    rig.call("MULTI");
    rig.call("SET a y");
    assert_eq!(rig.call("DISCARD"), "+OK;");
    assert_eq!(rig.call("GET a"), "$1;x;");
    rig.call("MULTI");
    assert_eq!(rig.call("EXEC"), "*0;");
    rig.call("MULTI");
    rig.call("SET a z");
    assert_eq!(rig.call("RESET"), "+RESET;");
    assert_eq!(rig.call("EXEC"), "-ERR EXEC without MULTI;");
    assert_eq!(rig.call("GET a"), "$1;x;");
}

#[test]
fn only_a_request_that_could_not_be_queued_breaks_a_transaction() {
    let mut rig = Rig::new();
    for (line, reply) in [
        ("NOSUCH a b", UNKNOWN),
        ("GET", GET_ARITY),
        (
            "WATCH",
            "-ERR wrong number of arguments for 'watch' command;",
        ),
        (
            "SHUTDOWN NOSAVE",
            "-ERR Command not allowed inside a transaction;",
        ),
    ] {
        rig.call("MULTI");
        assert_eq!(rig.call(line), reply);
        assert_eq!(rig.call("SET a 1"), "+QUEUED;");
        assert_eq!(rig.call("EXEC"), EXECABORT, "{line}");
        assert!(rig.engine.is_empty());
        assert_eq!(rig.call("EXEC"), "-ERR EXEC without MULTI;");
    }
    for (line, reply) in [
        ("MULTI", "-ERR MULTI calls can not be nested;"),
        ("WATCH a", "-ERR WATCH inside MULTI is not allowed;"),
    ] {
        rig.call("MULTI");
        assert_eq!(rig.call(line), reply);
        assert_eq!(rig.call("GET a"), "+QUEUED;");
        assert_eq!(rig.call("EXEC"), "*1;$-1;", "{line}");
    }
    // What went wrong outside does not count inside.
    rig.call("NOSUCH");
    rig.call("MULTI");
    assert_eq!(rig.call("EXEC"), "*0;");
    assert!(
        rig.engine.take_effects().is_empty(),
        "nobody shut the server down"
    );
}

#[test]
fn a_change_by_others_of_a_watched_key_empties_exec() {
    let mut rig = Rig::new();
    let first = rig.session;
    let second = rig.engine.open_session(Peer::embedded(), START);
    let mut outcome_of = |line_of_other: &str| {
        rig.session = first;
        rig.call("SET k v PX 1000");
        rig.call("WATCH k other");
        rig.session = second;
        rig.call(line_of_other);
        rig.session = first;
        rig.call("MULTI");
        rig.call("PING");
        rig.call("EXEC")
    };
    assert_eq!(outcome_of("GET k"), "*1;+PONG;");
    assert_eq!(outcome_of("SET third v"), "*1;+PONG;");
    for line in [
        "SET k v",
        "DEL k",
        "PERSIST k",
        "SET other x",
        "FLUSHALL",
        "SWAPDB 0 1",
    ] {
        assert_eq!(outcome_of(line), "*-1;", "{line}");
    }
    rig.engine.close_session(first);
    rig.engine.check_invariants();
}

/// Goal: what client libraries look for in their tests.
#[test]
fn lolwut_names_a_version_of_redis() {
    let reply = Rig::new().call("LOLWUT 5 6 7 8");
    assert!(reply.contains("Redis ver. 7.4.0\n"), "{reply}");
}

#[test]
fn replies_that_are_not_wanted_are_withheld() {
    let mut rig = Rig::new();
    assert_eq!(rig.call("CLIENT REPLY OFF"), "");
    for line in [
        "PING",
        "SET k v",
        "NOSUCH a b",
        "GET",
        "CLIENT REPLY SKIP",
        "PING",
    ] {
        assert_eq!(rig.call(line), "", "{line}");
    }
    assert_eq!(rig.call("CLIENT REPLY ON"), "+OK;");
    assert_eq!(rig.call("GET k"), "$1;v;", "it was executed");
    assert_eq!(rig.call("CLIENT REPLY SKIP"), "");
    assert_eq!(rig.call("GET"), "");
    assert_eq!(rig.call("PING"), "+PONG;");
    assert_eq!(rig.call("CLIENT REPLY SKIP"), "");
    assert_eq!(rig.call("CLIENT REPLY ON"), "+OK;");
    assert_eq!(rig.call("PING"), "+PONG;");
    assert_eq!(rig.call("CLIENT REPLY nosuch"), "-ERR syntax error;");

    let lines = [
        "PING a",
        "CLIENT REPLY SKIP",
        "PING b",
        "PING c",
        "CLIENT REPLY OFF",
        "PING d",
        "CLIENT REPLY ON",
        "CLIENT REPLY SKIP",
        "MULTI",
        "PING e",
        "EXEC",
    ];
    let (outcome, reply) = rig.batch(&lines, NO_LIMIT);
    assert_eq!(reply, "$1;a;$1;c;+OK;+QUEUED;*1;$1;e;");
    assert_eq!((outcome.executed_count, outcome.stop), (lines.len(), None));
}

#[test]
fn the_beginning_of_an_http_request_ends_the_session_unanswered() {
    for line in ["POST / HTTP/1.1", "Host: localhost:6379", "hOST: x"] {
        let mut rig = Rig::new();
        let (outcome, reply) = rig.batch(&["PING", line, "FLUSHALL"], NO_LIMIT);
        assert_eq!(reply, "+PONG;");
        let closing = BatchOutcome {
            executed_count: 2,
            stop: Some(Stop::Closing),
        };
        assert_eq!(outcome, closing, "{line}");
    }
}

#[test]
fn a_batch_says_why_it_stopped() {
    let mut rig = Rig::new();
    let pings = ["PING"; 80];
    let (outcome, reply) = rig.batch(&pings, NO_LIMIT);
    assert_eq!((outcome.executed_count, outcome.stop), (80, None));
    assert_eq!(reply, "+PONG;".repeat(80));
    // "+PONG\r\n" is 7 bytes: the fifth reaches 29.
    let (outcome, reply) = rig.batch(&pings, 29);
    assert_eq!(
        (outcome.executed_count, outcome.stop),
        (5, Some(Stop::OutputFull))
    );
    assert_eq!(reply, "+PONG;".repeat(5));
    let (outcome, _) = rig.batch(&pings, 7 * 40);
    assert_eq!(
        (outcome.executed_count, outcome.stop),
        (40, Some(Stop::OutputFull)),
        "in the second group as in the first"
    );
    let (outcome, reply) = rig.batch(&["PING", "QUIT", "PING"], NO_LIMIT);
    assert_eq!(
        (outcome.executed_count, outcome.stop),
        (2, Some(Stop::Closing))
    );
    assert_eq!(reply, "+PONG;+OK;");
    let mut rig = Rig::new();
    let (outcome, _) = rig.batch(&["CONFIG SET timeout 5", "PING"], NO_LIMIT);
    assert_eq!(
        (outcome.executed_count, outcome.stop),
        (1, Some(Stop::Effects))
    );
    assert_eq!(rig.engine.take_effects(), [Effect::ConfigChanged]);
    assert!(rig.engine.take_effects().is_empty());
}

/// Goal: what was computed ahead for a request never outlives what an earlier one changes. Method:
/// batches in which the database or its content changes between preparation and execution.
#[test]
fn prepared_keys_survive_whatever_the_batch_does() {
    let mut rig = Rig::new();
    let lines = [
        "SET a 0",
        "SELECT 1",
        "GET a",
        "SET a 1",
        "SWAPDB 0 1",
        "GET a",
        "SELECT 0",
        "GET a",
        "FLUSHDB",
        "GET a",
        "SET a 2",
        "FLUSHALL",
        "GET a",
        "EXISTS a",
        "SET a 3",
        "MULTI",
        "GET a",
        "SELECT 1",
        "GET a",
        "EXEC",
        "GET a",
        "SELECT 0",
        "RENAME a b",
        "GET a",
        "GET b",
    ];
    let (outcome, reply) = rig.batch(&lines, NO_LIMIT);
    assert_eq!((outcome.executed_count, outcome.stop), (lines.len(), None));
    let expected = concat!(
        "+OK;+OK;$-1;+OK;+OK;$1;0;+OK;$1;1;", // up to GET a in 0 after the swap
        "+OK;$-1;+OK;+OK;$-1;:0;+OK;+OK;",    // up to MULTI
        "+QUEUED;+QUEUED;+QUEUED;*3;$1;3;+OK;$-1;$-1;+OK;+OK;$-1;$1;3;"
    );
    assert_eq!(reply, expected);
    rig.engine.check_invariants();
}

/// Random requests over a few keys in a few databases: changes, reads, deadlines, and everything
/// that changes the state of a session or of all keys at once.
fn random_request(random: &mut fastrand::Rng) -> Vec<Vec<u8>> {
    let key = format!("k{}", random.u8(0..12));
    let other = format!("k{}", random.u8(0..12));
    let number = random.i64(-3..2000);
    let text = match random.u8(0..30) {
        0..=4 => format!("SET {key} {number}"),
        5 => format!("SET {key} {}", "v".repeat(random.usize(1..300))),
        6 => format!("SET {key} v PX {}", random.u32(1..60)),
        7 => format!(
            "SET {key} v {} GET",
            random.choice(["NX", "XX", "KEEPTTL"]).unwrap()
        ),
        8..=11 => format!("GET {key}"),
        12 => format!("MGET {key} {other} {key}"),
        13 => format!("MSET {key} a {other} b"),
        14 => format!("DEL {key} {other}"),
        15 => format!("INCRBY {key} {number}"),
        16 => format!("APPEND {key} {number}"),
        17 => format!("PEXPIRE {key} {}", random.i64(-5..60)),
        18 => format!("PTTL {key}"),
        19 => format!("PERSIST {key}"),
        20 => format!("RENAME {key} {other}"),
        21 => format!("SELECT {}", random.u8(0..4)),
        22 => "SWAPDB 0 1".to_string(),
        23 => random
            .choice(["FLUSHDB", "FLUSHALL", "DBSIZE"])
            .unwrap()
            .to_string(),
        24 => random
            .choice(["MULTI", "EXEC", "EXEC", "DISCARD"])
            .unwrap()
            .to_string(),
        25 => format!(
            "{} {key}",
            random.choice(["WATCH", "GETDEL", "TYPE"]).unwrap()
        ),
        26 => "RANDOMKEY".to_string(),
        27 => format!("SCAN {} COUNT 3", random.u8(0..3)),
        28 => format!(
            "CLIENT REPLY {}",
            random.choice(["SKIP", "ON", "ON", "OFF"]).unwrap()
        ),
        _ => random
            .choice(["NOSUCH a", "GET", "PING", "HELLO 3"])
            .unwrap()
            .to_string(),
    };
    words_of(&text)
}

/// Everything a client can see of the first databases.
fn content(rig: &mut Rig) -> String {
    rig.session = rig.engine.open_session(Peer::embedded(), rig.now);
    let mut text = String::new();
    for database in 0..4 {
        text += &rig.call(&format!("SELECT {database}"));
        for key in 0..12 {
            text += &rig.call(&format!("GET k{key}"));
            text += &rig.call(&format!("PEXPIRETIME k{key}"));
        }
    }
    text
}

/// Executes the same requests in a batch and one by one; the replies must be the same bytes.
fn assert_batch_equals_single(
    batched: &mut Rig,
    single: &mut Rig,
    requests: &[Vec<Vec<u8>>],
    seed: u64,
) {
    let (outcome, replies) = batched.batch_of(requests, NO_LIMIT);
    let all = (requests.len(), None);
    assert_eq!((outcome.executed_count, outcome.stop), all, "seed {seed}");
    let mut expected = Vec::new();
    for words in requests {
        let request = OwnedArgs::from_slices(words);
        let (session, now) = (single.session, single.now);
        single
            .engine
            .execute(session, request.args(), now, &mut expected);
    }
    assert!(
        replies == expected,
        "seed {seed}: {requests:?}\n{}\n{}",
        replies.escape_ascii(),
        expected.escape_ascii()
    );
}

/// Goal: a batch is nothing but its requests one after the other. Method: the same random requests
/// to two engines of one seed, in batches of random size and one by one; also I8.
#[test]
fn a_batch_equals_its_requests_one_by_one() {
    for seed in 0..40 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut batched, mut single) = (Rig::new(), Rig::new());
        for _ in 0..30 {
            let count = random.usize(1..100);
            let requests: Vec<_> = (0..count).map(|_| random_request(&mut random)).collect();
            assert_batch_equals_single(&mut batched, &mut single, &requests, seed);
            let step_ms = random.u64(0..20);
            for rig in [&mut batched, &mut single] {
                rig.now = rig.now.plus_ms(step_ms);
                rig.engine.tick(rig.now);
            }
        }
        batched.engine.check_invariants();
        assert_eq!(content(&mut batched), content(&mut single), "seed {seed}");
        assert_eq!(batched.engine.used_bytes(), single.engine.used_bytes());
    }
}

#[test]
fn the_seed_and_nothing_else_decides_what_chance_decides() {
    let replies = |hash_seed: u64| {
        let mut rig = Rig::with(Config {
            hash_seed,
            ..Config::default()
        });
        for key in 0..500 {
            rig.call(&format!("SET key:{key} {key} PX {}", 1000 + key));
        }
        let mut replies = String::new();
        for step in 0..50 {
            replies += &rig.call("RANDOMKEY");
            replies += &rig.call(&format!("SCAN {} COUNT 20", step * 7));
            rig.now = rig.now.plus_ms(25);
            rig.engine.tick(rig.now);
        }
        replies
    };
    assert_eq!(replies(1), replies(1));
    assert_ne!(replies(1), replies(2));
}

#[test]
fn due_keys_are_removed_in_slices() {
    let mut rig = Rig::new();
    for key in 0..100 {
        rig.call(&format!("SET due:{key} v PX 10"));
    }
    rig.call("SET later v PX 11");
    rig.call("SET never v");
    assert!(!rig.engine.has_work(START.plus_ms(9)));
    assert!(!rig.engine.tick(START.plus_ms(9)), "nothing is due");
    assert_eq!(rig.engine.len(), 102);
    rig.now = START.plus_ms(10);
    assert!(rig.engine.has_work(rig.now));
    assert_eq!(
        rig.call("EXISTS due:7"),
        ":0;",
        "absent before it is removed"
    );
    let mut left = rig.engine.len();
    while rig.engine.tick(rig.now) {
        assert!((1..=EXPIRE_STEP_KEYS).contains(&(left - rig.engine.len())));
        left = rig.engine.len();
    }
    assert_eq!(rig.engine.len(), 2);
    assert!(!rig.engine.has_work(rig.now));
    assert!(!rig.engine.tick(rig.now), "a call too many does nothing");
    assert_eq!((rig.engine.len(), rig.deadline_after_ms()), (2, Some(11)));
    rig.engine.check_invariants();
}

#[test]
fn the_next_deadline_follows_every_change() {
    let mut rig = Rig::new();
    let at = START_MS + 700;
    for (line, expected) in [
        ("GET k".to_string(), None),
        ("SET a v PX 500".into(), Some(500)),
        ("SET b v PX 300".into(), Some(300)),
        ("SET b v".into(), Some(500)),
        ("PEXPIRE b 100".into(), Some(100)),
        ("PERSIST b".into(), Some(500)),
        (format!("PEXPIREAT a {at}"), Some(700)),
        ("SET a w KEEPTTL".into(), Some(700)),
        ("APPEND a x".into(), Some(700)),
        ("RENAME a c".into(), Some(700)),
        ("COPY c d".into(), Some(700)),
        ("DEL c".into(), Some(700)),
        ("GETEX d PX 50".into(), Some(50)),
        ("SELECT 3".into(), Some(50)),
        ("SET e v PX 20".into(), Some(20)),
        ("SWAPDB 0 3".into(), Some(20)),
        ("FLUSHDB".into(), Some(20)),
        ("SELECT 0".into(), Some(20)),
        ("GETDEL e".into(), None),
        ("SET f v PX 60".into(), Some(60)),
        ("MOVE f 5".into(), Some(60)),
        ("FLUSHALL".into(), None),
    ] {
        rig.call(&line);
        assert_eq!(rig.deadline_after_ms(), expected, "{line}");
    }
}

#[test]
fn what_was_flushed_is_freed_in_slices() {
    let mut rig = Rig::new();
    let empty_bytes = rig.engine.used_bytes();
    for key in 0..20_000 {
        let expire = if key % 2 == 0 { " PX 5000" } else { "" };
        rig.call(&format!("SET key:{key} some-value-of-some-length{expire}"));
    }
    let full_bytes = rig.engine.used_bytes();
    assert!(full_bytes > empty_bytes + 20_000 * 40);
    assert_eq!(rig.call("FLUSHALL"), "+OK;");
    assert!(rig.engine.is_empty());
    assert_eq!(rig.deadline_after_ms(), None);
    assert!(rig.engine.has_work(rig.now));
    let (mut steps, mut used_bytes) = (0, rig.engine.used_bytes());
    let mut more = true;
    while more {
        more = rig.engine.tick(rig.now);
        let freed = used_bytes - rig.engine.used_bytes();
        assert!(freed < full_bytes / 10, "a step frees a small part");
        used_bytes -= freed;
        steps += 1;
        if steps == 3 {
            assert_eq!(rig.call("SET new v"), "+OK;", "it goes on meanwhile");
            assert_eq!(rig.call("DEL new"), ":1;");
        }
    }
    assert!(steps > 20_000 / 672, "{steps} steps");
    assert_eq!(rig.engine.used_bytes(), empty_bytes);
    assert!(!rig.engine.has_work(rig.now));
    rig.engine.check_invariants();
}

#[test]
fn a_transaction_queues_no_more_than_a_client_may_send() {
    let config = Config {
        client_query_buffer_limit_bytes: 1_000,
        ..Config::default()
    };
    let mut engine = CacheEngine::new(config);
    let now = Timestamp::from_unix_ms(1);
    let session = engine.open_session(Peer::embedded(), now);
    let mut call = |words: &[&[u8]]| {
        let mut reply = Vec::new();
        let args = crate::protocol::args::OwnedArgs::from_slices(words);
        engine.execute(session, args.args(), now, &mut reply);
        String::from_utf8(reply).expect("replies are text here")
    };
    assert_eq!(call(&[b"MULTI"]), "+OK\r\n");
    assert_eq!(call(&[b"SET", b"k", &[b'v'; 2_000]]), "+QUEUED\r\n");
    let refused = call(&[b"SET", b"k", b"v"]);
    assert_eq!(
        refused,
        "-ERR the transaction exceeds client-query-buffer-limit\r\n"
    );
    assert!(call(&[b"EXEC"]).starts_with("-EXECABORT"));
}

/// Defect: the slots of collections stayed as many as there had been at once. Effect: a cache that
/// was emptied counted more bytes than a new one. Fix: the memory of the slots goes with the last.
#[test]
fn a_cache_that_is_emptied_counts_as_few_bytes_as_a_new_one() {
    let mut rig = Rig::new();
    let empty_bytes = rig.engine.used_bytes();
    for number in 0..20 {
        rig.call(&format!("XADD {number} 1-1 field value"));
    }
    assert!(rig.engine.used_bytes() > empty_bytes);
    assert_eq!(rig.call("FLUSHALL"), "+OK;");
    while rig.engine.has_work(rig.now) {
        rig.engine.tick(rig.now);
    }
    assert_eq!(rig.engine.used_bytes(), empty_bytes);
}

#[test]
fn scripts_are_told_the_version_that_info_tells() {
    assert_eq!(
        crate::script::SCRIPT_REDIS_VERSION,
        crate::stats::REDIS_VERSION
    );
}
