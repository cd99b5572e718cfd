//! Long reads: KEYS over a database that is too large for one turn, while it changes, while others
//! are served, and when its client does not take the reply or goes.
//!
//! Method: [`Rig::step`] takes one step at a time, so tests act at every place in between.

use super::*;
use crate::engine::Expire;
use std::collections::{BTreeMap, BTreeSet};

/// Enough for some hundred steps.
const KEYS: usize = 30_000;
/// Bytes of one piece of a reply, as the command says, and of one key on top.
const PIECE_BYTES: usize = 64 * 1024 + 64;

fn key(number: usize) -> String {
    format!("key:{number:08}")
}

impl Rig {
    fn filled(count: usize) -> Self {
        let mut rig = Self::new();
        for number in 0..count {
            let engine = rig.node.engine_mut();
            engine
                .set(key(number).as_bytes(), b"v", Expire::Never)
                .expect("there is room");
        }
        rig
    }

    /// Sends a request without giving long reads any time.
    fn ask(&mut self, id: ConnectionId, bytes: &str) {
        assert_eq!(self.read_once(id, bytes.as_bytes()), bytes.len());
    }

    /// One step of one long read; false when there is none that can go on.
    fn step(&mut self) -> bool {
        let can_step = self.node.is_reading();
        self.node.read_some(self.now);
        can_step
    }

    /// Takes steps and output in turn until nothing comes any more.
    fn finish(&mut self, id: ConnectionId) -> String {
        let mut replies = String::new();
        loop {
            while self.turn() > 0 {}
            let output = self.take(id);
            if output.is_empty() && !self.node.is_busy(self.now) {
                return replies;
            }
            replies += &output;
        }
    }
}

/// The elements of an array of strings, which must be all there is; no two the same.
fn elements(reply: &str) -> BTreeSet<&str> {
    let (header, rest) = reply.split_once(';').expect("a header");
    let count: usize = header[1..].parse().expect("a count");
    let words: Vec<&str> = rest.split_terminator(';').collect();
    assert_eq!((&header[..1], words.len()), ("*", 2 * count));
    let found: BTreeSet<&str> = words.chunks(2).map(|pair| pair[1]).collect();
    assert_eq!(found.len(), count, "a key came twice");
    found
}

#[test]
fn others_are_served_while_a_large_database_is_read() {
    let mut rig = Rig::filled(KEYS);
    let (reader, other) = (rig.accept(), rig.accept());
    rig.ask(reader, "KEYS *\r\nPING\r\n");
    let (mut step_count, mut replies) = (0, String::new());
    while rig.connection(reader).holds.has(Holds::ANSWER) {
        assert!(rig.step());
        step_count += 1;
        replies += &rig.take(reader);
        assert!(rig.read_once(other, b"PING\r\n") > 0);
        assert_eq!(rig.take(other), "+PONG;");
    }
    assert!(step_count > KEYS / 128, "{step_count}");
    replies += &rig.finish(reader);
    let list = replies.strip_suffix("+PONG;").expect("PING comes last");
    let expected: Vec<String> = (0..KEYS).map(key).collect();
    assert!(elements(list).into_iter().eq(expected));
    assert_eq!(rig.allocated_bytes(reader), 0);
}

#[test]
fn a_pattern_chooses_and_nothing_found_is_an_empty_list() {
    let mut rig = Rig::filled(KEYS);
    let reader = rig.accept();
    rig.ask(reader, "KEYS key:0001234?\r\nKEYS nothing\r\n");
    let replies = rig.finish(reader);
    let list = replies.strip_suffix("*0;").expect("the second reply");
    let expected: Vec<String> = (12_340..12_350).map(key).collect();
    assert!(elements(list).into_iter().eq(expected));
}

/// Goal: a key that is there throughout comes once, no key comes twice, and none that never was.
/// Method: between any two steps, random keys come and go in numbers that split and merge segments.
#[test]
fn what_stays_is_found_once_however_the_rest_changes() {
    for seed in 0..6 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut rig = Rig::filled(KEYS);
        let reader = rig.accept();
        // How often each key was set or deleted while the walk went on.
        let mut changed = BTreeMap::new();
        rig.ask(reader, "KEYS *\r\n");
        let is_growing = seed < 3;
        while rig.connection(reader).holds.has(Holds::ANSWER)
            && rig.connection(reader).output.is_empty()
        {
            for _ in 0..random.usize(0..400) {
                let number = random.usize(0..2 * KEYS);
                let is_kept = number.is_multiple_of(8) && number < KEYS;
                if is_kept {
                    continue;
                }
                changed.insert(key(number), ());
                let engine = rig.node.engine_mut();
                if random.u8(0..10) < if is_growing { 8 } else { 1 } {
                    engine
                        .set(key(number).as_bytes(), b"w", Expire::Never)
                        .expect("there is room");
                } else {
                    engine.delete(key(number).as_bytes());
                }
            }
            rig.step();
        }
        rig.node.engine().check_invariants();
        let replies = rig.finish(reader);
        let found = elements(&replies);
        for number in 0..KEYS {
            let key = key(number);
            let is_found = found.contains(key.as_str());
            assert!(is_found || changed.contains_key(&key), "{key}, seed {seed}");
        }
        for key in found {
            let number: usize = key[4..].parse().expect("a key of ours");
            assert!(number < KEYS || changed.contains_key(key), "{key}");
        }
    }
}

#[test]
fn keys_that_fall_due_on_the_way_are_absent_from_then_on() {
    let mut rig = Rig::filled(KEYS);
    for number in 0..KEYS {
        let deadline = Expire::AtUnixMs(rig.now.unix_ms() + 5);
        let engine = rig.node.engine_mut();
        engine
            .set(format!("due:{number:08}").as_bytes(), b"v", deadline)
            .expect("there is room");
    }
    let reader = rig.accept();
    rig.ask(reader, "KEYS *\r\n");
    for _ in 0..20 {
        assert!(rig.step());
    }
    rig.now = rig.now.plus_ms(100_000);
    let replies = rig.finish(reader);
    let found = elements(&replies);
    let due_count = found.iter().filter(|key| key.starts_with("due:")).count();
    assert_eq!(found.len() - due_count, KEYS);
    assert!((100..KEYS / 4).contains(&due_count), "{due_count}");
}

#[test]
fn the_walk_follows_the_number_of_its_database() {
    let mut rig = Rig::filled(KEYS);
    let (reader, other) = (rig.accept(), rig.accept());
    rig.ask(reader, "KEYS *\r\n");
    for _ in 0..20 {
        assert!(rig.step());
    }
    rig.ask(other, "FLUSHALL\r\nSET late 1\r\n");
    let replies = rig.finish(reader);
    let found = elements(&replies).len();
    assert!((100..KEYS / 4).contains(&found), "{found}");

    let mut rig = Rig::filled(KEYS);
    let (reader, other) = (rig.accept(), rig.accept());
    rig.ask(reader, "KEYS *\r\n");
    for _ in 0..20 {
        assert!(rig.step());
    }
    rig.ask(other, "SWAPDB 0 1\r\n");
    let replies = rig.finish(reader);
    let found = elements(&replies).len();
    assert!((100..KEYS / 4).contains(&found), "{found}");
    assert_eq!(
        rig.talk(reader, "DBSIZE\r\nSELECT 1\r\nDBSIZE\r\n"),
        ":0;+OK;:30000;"
    );
}

#[test]
fn a_reader_that_takes_nothing_holds_no_more_than_its_reply_and_nobody_up() {
    let mut rig = Rig::filled(KEYS);
    let (reader, other) = (rig.accept(), rig.accept());
    rig.ask(reader, "KEYS *\r\n");
    while rig.turn() > 0 || rig.node.is_busy(rig.now) {}
    let connection = rig.connection(reader);
    assert!(connection.holds == Holds::ANSWER.and(Holds::READER));
    let output_bytes = connection.output.len();
    assert!((OUTPUT_MARK_BYTES..OUTPUT_MARK_BYTES + PIECE_BYTES).contains(&output_bytes));
    let session = rig.node.engine.session(connection.session);
    let reply_bytes = "*30000\r\n".len() + KEYS * "$12\r\nkey:00000000\r\n".len();
    let held_bytes = session.buffered_bytes() - session.buffers.output_allocated_bytes;
    assert_eq!(output_bytes + held_bytes, reply_bytes);
    assert_eq!(rig.talk(other, "PING\r\n"), "+PONG;");

    // A little at a time, too, it gets all of it.
    let mut replies = Vec::new();
    while replies.len() < reply_bytes {
        let taken = rig.take_some(reader, 50_000);
        assert!(!taken.is_empty());
        replies.extend_from_slice(&taken);
        while rig.turn() > 0 {}
        assert!(rig.connection(reader).output.len() < OUTPUT_MARK_BYTES + PIECE_BYTES);
    }
    assert_eq!(elements(&text(replies)).len(), KEYS);
    assert_eq!(rig.talk(reader, "PING\r\n"), "+PONG;");
}

#[test]
fn the_end_of_its_client_ends_a_read() {
    let mut rig = Rig::filled(KEYS);
    let (gone, killed, other) = (rig.accept(), rig.accept(), rig.accept());
    rig.ask(gone, "KEYS *\r\n");
    rig.ask(killed, "KEYS *\r\n");
    for _ in 0..10 {
        assert!(rig.step());
    }
    rig.node.closed(gone);
    let next = rig.accept();
    assert_eq!(next.slot, gone.slot, "the slot of the first is used again");
    let kill = format!("CLIENT KILL ID {}\r\n", killed_id(&rig, killed));
    rig.ask(other, &kill);
    assert_eq!(rig.take(other), ":1;");
    assert_eq!(rig.close_listed(), [killed]);
    while rig.step() {}
    assert!(!rig.node.is_busy(rig.now));
    assert_eq!(rig.talk(next, "PING\r\n"), "+PONG;");
}

fn killed_id(rig: &Rig, id: ConnectionId) -> u64 {
    let session = rig.connection(id).session;
    rig.node.engine.session(session).id
}

#[test]
fn a_client_that_sends_nothing_more_gets_its_reply_before_it_is_closed() {
    let mut rig = Rig::filled(KEYS);
    let reader = rig.accept();
    rig.ask(reader, "KEYS *\r\nPING\r\n");
    rig.node.end_of_input(reader);
    assert!(rig.close_listed().is_empty());
    let replies = rig.finish(reader);
    let list = replies.strip_suffix("+PONG;").expect("PING comes last");
    assert_eq!(elements(list).len(), KEYS);
    assert_eq!(rig.close_listed(), [reader]);
}

#[test]
fn what_is_no_request_is_answered_behind_the_read_before_it() {
    let mut rig = Rig::filled(KEYS);
    let reader = rig.accept();
    rig.ask(reader, "KEYS *\r\n*1\r\nx\r\n");
    let replies = rig.finish(reader);
    let error = "-ERR Protocol error: expected '$', got 'x';";
    let list = replies.strip_suffix(error).expect("the error comes last");
    assert_eq!(elements(list).len(), KEYS);
    assert_eq!(rig.close_listed(), [reader]);
}

#[test]
fn readers_take_their_steps_in_turn() {
    let mut rig = Rig::filled(KEYS);
    let readers = [rig.accept(), rig.accept(), rig.accept()];
    for id in readers {
        rig.ask(id, "KEYS *\r\n");
    }
    // The first to come to the end has taken a third of all steps.
    let begun = |rig: &Rig| readers.map(|id| !rig.connection(id).output.is_empty());
    while begun(&rig) == [false; 3] {
        assert!(rig.step());
    }
    assert_eq!(begun(&rig), [true, false, false]);
    assert!(rig.step() && rig.step());
    assert_eq!(begun(&rig), [true; 3]);
}

#[test]
fn a_transaction_and_the_library_read_at_once() {
    let mut rig = Rig::filled(KEYS);
    let reader = rig.accept();
    rig.ask(reader, "MULTI\r\nKEYS *\r\nPING\r\nEXEC\r\n");
    assert!(!rig.node.is_reading());
    let replies = rig.take(reader);
    let list = replies.strip_prefix("+OK;+QUEUED;+QUEUED;*2;");
    let list = list.and_then(|list| list.strip_suffix("+PONG;"));
    assert_eq!(elements(list.expect("both replies")).len(), KEYS);
    // What stands behind EXEC in the same batch may wait again.
    rig.ask(reader, "MULTI\r\nEXEC\r\nKEYS *\r\n");
    assert!(rig.node.is_reading());

    let session = rig.connection(reader).session;
    let request = crate::protocol::args::OwnedArgs::from_slices(&["KEYS", "*"]);
    let mut reply = Vec::new();
    let now = rig.now;
    rig.node
        .engine
        .execute(session, request.args(), now, &mut reply);
    assert_eq!(elements(&text(reply)).len(), KEYS);
}

#[test]
fn a_reply_that_is_not_wanted_is_not_made() {
    let mut rig = Rig::filled(KEYS);
    let reader = rig.accept();
    rig.ask(reader, "CLIENT REPLY SKIP\r\nKEYS *\r\nPING\r\n");
    assert!(!rig.node.is_reading());
    assert_eq!(rig.take(reader), "+PONG;");
    rig.ask(
        reader,
        "CLIENT REPLY OFF\r\nKEYS *\r\nPING\r\nCLIENT REPLY ON\r\n",
    );
    assert!(!rig.node.is_reading());
    assert_eq!(rig.take(reader), "+OK;");
}

#[test]
fn ten_thousand_keys_are_read_at_once() {
    let mut rig = Rig::filled(10_000);
    let reader = rig.accept();
    rig.ask(reader, "KEYS *\r\n");
    assert_eq!(elements(&rig.take(reader)).len(), 10_000);
    rig.ask(reader, "SET one-more 1\r\nKEYS *\r\n");
    assert_eq!(rig.take(reader), "+OK;");
    assert!(rig.node.is_reading());
}

#[test]
fn a_random_key_is_looked_for_in_steps_among_many_due_ones() {
    let mut rig = Rig::new();
    let reader = rig.accept();
    assert_eq!(rig.talk(reader, "RANDOMKEY\r\n"), "$-1;");
    let deadline = Expire::AtUnixMs(rig.now.unix_ms() + 5);
    for number in 0..KEYS {
        let engine = rig.node.engine_mut();
        engine
            .set(key(number).as_bytes(), b"v", deadline)
            .expect("there is room");
    }
    rig.ask(reader, "SET alive 1\r\n");
    assert_eq!(rig.take(reader), "+OK;");
    rig.now = rig.now.plus_ms(10);
    rig.ask(reader, "RANDOMKEY\r\n");
    let mut step_count = 0;
    while rig.connection(reader).holds.has(Holds::ANSWER) {
        assert!(rig.step());
        step_count += 1;
    }
    assert_eq!(rig.take(reader), "$5;alive;");
    assert!(step_count > 10, "{step_count}");
    rig.ask(reader, "DEL alive\r\nRANDOMKEY\r\n");
    while rig.step() {}
    assert_eq!(rig.take(reader), ":1;$-1;");
}
