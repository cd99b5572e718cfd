//! Entries of streams, pending entries and elements chosen at random, so many that they are told in
//! slices of a frozen state while others write.
//!
//! Method: as in `long_work.rs`; what is told is compared with the same request in a transaction.

use super::*;
use std::collections::HashSet;

/// Enough for some steps.
const COUNT: usize = 5_000;

impl Rig {
    /// A rig with a stream of [`COUNT`] entries, all told to a consumer `c` of a group `g` but for
    /// the last thousand, which `d` has.
    fn with_stream() -> (Self, ConnectionId) {
        let mut rig = Self::new();
        let client = rig.accept();
        let entries: String = (1..=COUNT)
            .map(|id| format!("XADD stream {id}-1 f v{id}\r\n"))
            .collect();
        rig.talk(client, &entries);
        rig.talk(client, "XADD small 7-7 f v\r\nXGROUP CREATE stream g 0\r\n");
        for (consumer, count) in [("c", COUNT - 1_000), ("d", 1_000)] {
            let request =
                format!("XREADGROUP GROUP g {consumer} COUNT {count} STREAMS stream >\r\n");
            rig.talk(client, &request);
        }
        (rig, client)
    }

    /// The reply to a request that is done at once.
    fn told_whole(&mut self, client: ConnectionId, request: &str) -> String {
        let reply = self.talk(client, &format!("MULTI\r\n{request}\r\nEXEC\r\n"));
        let exec = reply.strip_prefix("+OK;+QUEUED;*1;");
        exec.unwrap_or_else(|| panic!("{request}: {reply:.100}"))
            .to_owned()
    }

    /// Begins a request that is done in steps, and takes the first of them.
    fn begin_rows(&mut self, client: ConnectionId, request: &str) {
        let request = format!("{request}\r\n");
        assert_eq!(self.read_once(client, request.as_bytes()), request.len());
        assert!(self.node.is_reading(), "{request} takes more than one step");
        self.node.read_some(self.now);
    }

    /// What is told until the end.
    pub(super) fn rest(&mut self, client: ConnectionId) -> String {
        let mut told = String::new();
        loop {
            while self.turn() > 0 {}
            let output = self.take(client);
            if output.is_empty() && !self.node.is_busy(self.now) {
                return told;
            }
            told += &output;
        }
    }
}

#[test]
fn rows_of_a_stream_are_those_of_the_moment_it_began() {
    for version in [2, 3] {
        for request in [
            "XRANGE stream - +",
            "XRANGE stream 100 4700",
            "XRANGE stream - + COUNT 3000",
            "XREVRANGE stream + -",
            "XREVRANGE stream 4000-1 17 COUNT 2500",
            "XREAD STREAMS stream 0",
            "XREAD COUNT 2000 STREAMS stream 300",
            "XREAD COUNT 2000 STREAMS none small stream stream 0 0 0 4990",
            "XPENDING stream g - + 9000",
            "XPENDING stream g 50 (4600-1 4000",
            "XPENDING stream g - + 9000 c",
            "XPENDING stream g IDLE 0 - + 2000 c",
            "XPENDING stream g IDLE 5 - + 9000",
        ] {
            let (mut rig, client) = Rig::with_stream();
            let other = rig.accept();
            rig.talk(client, &format!("HELLO {version}\r\n"));
            let expected = rig.told_whole(client, request);
            rig.begin_rows(client, request);
            rig.talk(
                other,
                "XADD stream 9999-1 new x\r\nXTRIM stream MAXLEN 10\r\nXACK stream g 40-1\r\n",
            );
            rig.begin_others(other);
            let told = rig.rest(client);
            assert!(
                told == expected,
                "{request}: {told:.200} not {expected:.200}"
            );
            rig.talk(other, "DEL stream\r\n");
            rig.node.engine().check_invariants();
            assert!(!rig.node.engine().keyspace().has_garbage());
        }
    }
}

impl Rig {
    /// Others come and go between two steps.
    fn begin_others(&mut self, other: ConnectionId) {
        assert_eq!(
            self.talk(other, "XDEL stream 4995-1\r\nPING\r\n"),
            ":1;+PONG;"
        );
    }
}

#[test]
fn few_rows_are_told_at_once() {
    let (mut rig, client) = Rig::with_stream();
    for (request, count) in [
        ("XRANGE stream - + COUNT 64", 64),
        ("XRANGE stream 4000 +", 1_001),
        ("XPENDING stream g 4500 + 9000", 501),
    ] {
        let line = format!("{request}\r\n");
        assert_eq!(rig.read_once(client, line.as_bytes()), line.len());
        assert!(!rig.node.is_reading(), "{request}");
        assert!(
            rig.take(client).starts_with(&format!("*{count};")),
            "{request}"
        );
    }
}

#[test]
fn a_reader_that_goes_gives_streams_back() {
    for request in [
        "XRANGE stream - +",
        "XREAD STREAMS small stream 0 0",
        "XPENDING stream g - + 9000",
    ] {
        let (mut rig, other) = Rig::with_stream();
        let reader = rig.accept();
        rig.begin_rows(reader, request);
        rig.talk(other, "XTRIM stream MAXLEN 0\r\nDEL stream small\r\n");
        rig.node.closed(reader);
        while rig.turn() > 0 {}
        rig.node.engine().check_invariants();
        assert!(!rig.node.engine().keyspace().has_garbage(), "{request}");
    }
}

impl Rig {
    /// A rig with a set, a sorted set and a hash of [`COUNT`] elements.
    fn with_elements() -> (Self, ConnectionId) {
        let mut rig = Self::new();
        let client = rig.accept();
        for first in (0..COUNT).step_by(500) {
            let numbers = first..first + 500;
            let members: String = numbers
                .clone()
                .map(|number| format!(" e{number}"))
                .collect();
            let scored: String = numbers
                .clone()
                .map(|number| format!(" {number} e{number}"))
                .collect();
            let fields: String = numbers
                .map(|number| format!(" e{number} {number}"))
                .collect();
            rig.talk(
                client,
                &format!("SADD set{members}\r\nZADD zset{scored}\r\nHSET hash{fields}\r\n"),
            );
        }
        (rig, client)
    }
}

/// The elements that a reply tells, each with its number if it tells that, too.
fn elements(reply: &str) -> (String, Vec<String>, Vec<String>) {
    let mut words = reply.split_terminator(';');
    let header = words.next().unwrap_or_default().to_owned();
    let words: Vec<&str> = words.filter(|word| !word.starts_with(['$', '*'])).collect();
    let (elements, numbers): (Vec<&str>, Vec<&str>) =
        words.into_iter().partition(|word| word.starts_with('e'));
    let numbers = numbers
        .iter()
        .map(|number| number.trim_start_matches(',').to_owned());
    (
        header,
        elements.into_iter().map(str::to_owned).collect(),
        numbers.collect(),
    )
}

/// Goal: many elements chosen at random are told in slices, of the state it began with, each once
/// where they are to be different, with their own values.
#[test]
fn many_elements_chosen_at_random_are_of_one_moment() {
    for version in [2, 3] {
        for (name, count, suffix) in [
            ("SRANDMEMBER set", 2_000_i64, ""),
            ("SRANDMEMBER set", 9_000, ""),
            ("SRANDMEMBER set", -7_000, ""),
            ("ZRANDMEMBER zset", 1_500, ""),
            ("ZRANDMEMBER zset", 4_999, " WITHSCORES"),
            ("ZRANDMEMBER zset", -6_000, " WITHSCORES"),
            ("HRANDFIELD hash", 3_000, ""),
            ("HRANDFIELD hash", 3_000, " WITHVALUES"),
            ("HRANDFIELD hash", -9_000, " WITHVALUES"),
        ] {
            let (mut rig, client) = Rig::with_elements();
            let other = rig.accept();
            rig.talk(client, &format!("HELLO {version}\r\n"));
            let request = format!("{name} {count}{suffix}");
            rig.begin_rows(client, &request);
            rig.talk(
                other,
                "FLUSHALL\r\nSADD set new\r\nZADD zset 1 new\r\nHSET hash new 1\r\n",
            );
            let (header, told, numbers) = elements(&rig.rest(client));
            let expected = match count {
                0.. => COUNT.min(count as usize),
                _ => count.unsigned_abs() as usize,
            };
            let is_flat = version == 2 && !suffix.is_empty();
            let len = if is_flat { 2 * expected } else { expected };
            assert_eq!(
                (header, told.len()),
                (format!("*{len}"), expected),
                "{request}"
            );
            let different: HashSet<&String> = told.iter().collect();
            if count > 0 {
                assert_eq!(different.len(), expected, "{request}");
            } else {
                assert!(
                    (COUNT / 2..expected).contains(&different.len()),
                    "{request}"
                );
            }
            if suffix.is_empty() {
                assert!(numbers.is_empty());
            } else {
                let own = told.iter().map(|element| &element[1..]);
                assert!(own.eq(numbers.iter().map(String::as_str)), "{request}");
            }
            rig.node.engine().check_invariants();
            assert!(!rig.node.engine().keyspace().has_garbage());
        }
    }
}

#[test]
fn an_endless_choice_ends_with_its_reader() {
    let (mut rig, client) = Rig::with_elements();
    let reader = rig.accept();
    rig.begin_rows(reader, "SRANDMEMBER set -4611686018427387904");
    for _ in 0..100 {
        while rig.turn() > 0 {}
        assert!(rig.take(reader).len() > 1_000);
    }
    rig.talk(client, "DEL set\r\n");
    rig.node.closed(reader);
    while rig.turn() > 0 {}
    rig.node.engine().check_invariants();
    assert_eq!(rig.talk(client, "EXISTS set\r\n"), ":0;");
}
