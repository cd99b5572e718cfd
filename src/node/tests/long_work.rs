//! Commands over large collections in slices: replies from a frozen state while others write, and
//! keys that are claimed while their new value is built.
//!
//! Method: [`Rig::step`] takes one step at a time, so tests act at every place in between.

use super::*;

/// Enough for some tens of steps.
const FIELDS: usize = 20_000;

impl Rig {
    /// A rig with a hash of [`FIELDS`] fields, each with the value `old`.
    fn with_large_hash() -> (Self, ConnectionId) {
        let mut rig = Self::new();
        let client = rig.accept();
        for first in (0..FIELDS).step_by(500) {
            let pairs = (first..first + 500).map(|number| format!(" field:{number} old"));
            let pairs: String = pairs.collect();
            assert_eq!(rig.talk(client, &format!("HSET h{pairs}\r\n")), ":500;");
        }
        (rig, client)
    }

    /// Sends a request and takes one step of it.
    pub(super) fn begin(&mut self, id: ConnectionId, request: &str) {
        self.ask_only(id, request);
        assert!(self.node.is_reading(), "it takes more than one step");
        self.node.read_some(self.now);
        assert!(self.connection(id).holds.has(Holds::ANSWER));
    }

    pub(super) fn ask_only(&mut self, id: ConnectionId, request: &str) {
        assert_eq!(self.read_once(id, request.as_bytes()), request.len());
    }

    pub(super) fn end(&mut self, id: ConnectionId) -> String {
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

fn values(reply: &str) -> Vec<&str> {
    let words: Vec<&str> = reply.split_terminator(';').collect();
    assert_eq!(words[0], format!("*{}", 2 * FIELDS));
    words[1..].chunks(4).map(|pair| pair[3]).collect()
}

#[test]
fn a_reply_in_slices_is_of_the_moment_it_began() {
    let (mut rig, other) = Rig::with_large_hash();
    let reader = rig.accept();
    rig.begin(reader, "HGETALL h\r\n");
    for number in (0..FIELDS).step_by(3) {
        rig.ask_only(
            other,
            &format!("HSET h field:{number} new more:{number} x\r\n"),
        );
        assert_eq!(rig.take(other), ":1;");
    }
    rig.ask_only(other, "DEL h\r\nHLEN h\r\n");
    assert_eq!(rig.take(other), ":1;:0;");
    let reply = rig.end(reader);
    let values = values(&reply);
    assert_eq!(values.len(), FIELDS);
    assert!(values.iter().all(|value| *value == "old"));
    rig.node.engine().check_invariants();
    assert_eq!(rig.node.engine().keyspace().size(0).keys, 0);
}

#[test]
fn a_reader_that_goes_gives_its_moment_back() {
    let (mut rig, other) = Rig::with_large_hash();
    let reader = rig.accept();
    rig.begin(reader, "HGETALL h\r\n");
    assert_eq!(rig.talk(other, "HSET h field:1 new\r\nDEL h\r\n"), ":0;:1;");
    rig.node.closed(reader);
    while rig.turn() > 0 {}
    rig.node.engine().check_invariants();
    assert!(!rig.node.engine().keyspace().has_garbage());
}

#[test]
fn a_copy_is_of_the_moment_it_began_and_others_wait_for_its_key_only() {
    let (mut rig, other) = Rig::with_large_hash();
    let (copier, waiter) = (rig.accept(), rig.accept());
    rig.ask_only(other, "PEXPIRE h 100000\r\nSET copy x\r\n");
    assert_eq!(rig.take(other), ":1;+OK;");
    rig.begin(copier, "COPY h copy REPLACE\r\n");
    rig.ask_only(waiter, "PING\r\nHGET copy field:7\r\nPING\r\n");
    assert_eq!(rig.take(waiter), "+PONG;");
    rig.ask_only(other, "HSET h field:7 new\r\nHGET h field:7\r\n");
    assert_eq!(rig.take(other), ":0;$3;new;");
    assert_eq!(rig.end(copier), ":1;");
    assert_eq!(rig.end(waiter), "$3;old;+PONG;");
    assert_eq!(
        rig.talk(other, "HLEN copy\r\nTTL copy\r\nOBJECT ENCODING copy\r\n"),
        format!(":{FIELDS};:100;$9;hashtable;")
    );
    rig.node.engine().check_invariants();
}

#[test]
fn a_copy_has_the_deadlines_of_fields() {
    let (mut rig, client) = Rig::with_large_hash();
    rig.talk(client, "HPEXPIRE h 500 FIELDS 2 field:3 field:4\r\n");
    assert_eq!(rig.talk(client, "COPY h copy\r\n"), ":1;");
    assert_eq!(
        rig.talk(client, "HPTTL copy FIELDS 1 field:3\r\n"),
        "*1;:500;"
    );
    rig.node.engine().check_invariants();
    rig.advance_ms(500);
    let left = FIELDS - 2;
    let replies = rig.talk(client, "HLEN copy\r\nHLEN h\r\n");
    assert_eq!(replies, format!(":{left};:{left};"));
    rig.node.engine().check_invariants();
}

#[test]
fn what_changes_all_keys_and_transactions_wait_for_claimed_ones() {
    for request in [
        "FLUSHALL\r\n",
        "SWAPDB 0 1\r\n",
        "MULTI\r\nDEL copy\r\nEXEC\r\n",
    ] {
        let (mut rig, _) = Rig::with_large_hash();
        let (copier, waiter) = (rig.accept(), rig.accept());
        rig.begin(copier, "COPY h copy\r\n");
        rig.ask_only(waiter, request);
        assert!(rig.connection(waiter).holds.has(Holds::CLAIM), "{request}");
        assert_eq!(rig.end(copier), ":1;");
        rig.end(waiter);
        assert_eq!(rig.talk(copier, "EXISTS copy\r\n"), ":0;", "{request}");
        rig.node.engine().check_invariants();
    }
}

#[test]
fn a_copy_whose_client_goes_never_was() {
    let (mut rig, other) = Rig::with_large_hash();
    let (copier, waiter) = (rig.accept(), rig.accept());
    rig.ask_only(other, "SET copy before\r\n");
    assert_eq!(rig.take(other), "+OK;");
    rig.begin(copier, "COPY h copy REPLACE\r\n");
    rig.ask_only(waiter, "GET copy\r\n");
    rig.node.closed(copier);
    assert_eq!(rig.end(waiter), "$6;before;");
    assert_eq!(rig.talk(other, "DBSIZE\r\n"), ":2;");
    rig.node.engine().check_invariants();
}

#[test]
fn a_copy_that_finds_no_memory_fails_and_leaves_nothing() {
    let (mut rig, other) = Rig::with_large_hash();
    let copier = rig.accept();
    rig.begin(copier, "COPY h copy\r\n");
    let used_bytes = rig.node.engine().keyspace().used_bytes();
    let limit = format!("CONFIG SET maxmemory-policy noeviction maxmemory {used_bytes}\r\n");
    rig.ask_only(other, &limit);
    assert_eq!(rig.take(other), "+OK;");
    let reply = rig.end(copier);
    assert!(reply.starts_with("-OOM command not allowed"), "{reply}");
    assert_eq!(rig.talk(other, "EXISTS copy\r\n"), ":0;");
    rig.node.engine().check_invariants();
}

#[test]
fn in_a_transaction_all_is_done_at_once() {
    let (mut rig, client) = Rig::with_large_hash();
    let reply = rig.talk(client, "MULTI\r\nCOPY h copy\r\nHLEN copy\r\nEXEC\r\n");
    assert_eq!(reply, format!("+OK;+QUEUED;+QUEUED;*2;:1;:{FIELDS};"));
    rig.node.engine().check_invariants();
}

impl Rig {
    /// A rig with a list of [`FIELDS`] items, every third of which is `x`.
    fn with_long_list() -> (Self, ConnectionId) {
        let mut rig = Self::new();
        let client = rig.accept();
        for first in (0..FIELDS).step_by(500) {
            let items = (first..first + 500).map(|number| match number % 3 {
                0 => " x".to_owned(),
                _ => format!(" item:{number}"),
            });
            let items: String = items.collect();
            rig.talk(client, &format!("RPUSH l{items}\r\n"));
        }
        (rig, client)
    }
}

/// Of [`FIELDS`] items, those that are `x`.
const EQUAL: usize = FIELDS.div_ceil(3);

#[test]
fn items_are_removed_in_steps_and_who_asks_meanwhile_waits() {
    for (count, left) in [
        ("0", FIELDS - EQUAL),
        ("5000", FIELDS - 5_000),
        ("-5000", FIELDS - 5_000),
    ] {
        let (mut rig, other) = Rig::with_long_list();
        let (remover, waiter) = (rig.accept(), rig.accept());
        rig.begin(remover, &format!("LREM l {count} x\r\n"));
        rig.ask_only(waiter, "LLEN l\r\n");
        rig.ask_only(other, "PING\r\n");
        assert_eq!(rig.take(other), "+PONG;");
        assert_eq!(rig.take(waiter), "");
        assert_eq!(rig.end(remover), format!(":{};", FIELDS - left));
        assert_eq!(rig.end(waiter), format!(":{left};"));
        rig.node.engine().check_invariants();
    }
}

#[test]
fn a_removal_whose_client_goes_is_done_whole() {
    let (mut rig, other) = Rig::with_long_list();
    let remover = rig.accept();
    rig.begin(remover, "LREM l 0 x\r\n");
    rig.node.closed(remover);
    assert_eq!(
        rig.talk(other, "LLEN l\r\n"),
        format!(":{};", FIELDS - EQUAL)
    );
    rig.node.engine().check_invariants();
}

#[test]
fn an_item_is_inserted_beside_one_far_away() {
    let (mut rig, other) = Rig::with_long_list();
    let (inserter, waiter) = (rig.accept(), rig.accept());
    rig.begin(
        inserter,
        &format!("LINSERT l BEFORE item:{} new\r\n", FIELDS - 3),
    );
    rig.ask_only(waiter, "LINDEX l -4\r\n");
    assert_eq!(rig.take(waiter), "");
    assert_eq!(rig.end(inserter), format!(":{};", FIELDS + 1));
    assert_eq!(rig.end(waiter), "$3;new;");
    assert_eq!(rig.talk(other, "LINSERT l AFTER nothing new\r\n"), ":-1;");
    rig.node.engine().check_invariants();
}

#[test]
fn a_search_in_steps_is_of_the_moment_it_began() {
    let (mut rig, other) = Rig::with_long_list();
    let reader = rig.accept();
    rig.begin(reader, &format!("LPOS l item:{}\r\n", FIELDS - 3));
    rig.ask_only(other, "LPUSH l first\r\n");
    assert_eq!(rig.take(other), format!(":{};", FIELDS + 1));
    assert_eq!(rig.end(reader), format!(":{};", FIELDS - 3));
    let request = "LPOS l x RANK -2 COUNT 2\r\n";
    assert_eq!(
        rig.talk(reader, request),
        format!("*2;:{};:{};", FIELDS - 4, FIELDS - 7)
    );
    rig.node.engine().check_invariants();
}

#[test]
fn a_range_of_a_list_in_slices_is_of_the_moment_it_began() {
    let (mut rig, other) = Rig::with_long_list();
    let reader = rig.accept();
    rig.begin(reader, "LRANGE l 0 -1\r\n");
    rig.ask_only(other, "LTRIM l 1 1\r\n");
    assert_eq!(rig.take(other), "+OK;");
    let reply = rig.end(reader);
    let words: Vec<&str> = reply.split_terminator(';').collect();
    assert_eq!(
        (words[0], words.len()),
        (format!("*{FIELDS}").as_str(), 2 * FIELDS + 1)
    );
    assert_eq!(rig.talk(other, "LRANGE l 0 -1\r\n"), "*1;$6;item:1;");
    rig.node.engine().check_invariants();
}

impl Rig {
    /// A rig with sets `a` of 0 to 9,999 and `b` of 5,000 to 14,999, a small set `s` of 4,999 to
    /// 5,002, and sorted sets `za`, `zb` of the same numbers as members and scores.
    fn with_large_sets() -> (Self, ConnectionId) {
        let mut rig = Self::new();
        let client = rig.accept();
        for (name, numbers) in [("a", 0..10_000), ("b", 5_000..15_000), ("s", 4_999..5_003)] {
            let numbers: Vec<usize> = numbers.collect();
            for part in numbers.chunks(500) {
                let members: String = part.iter().map(|number| format!(" m{number}")).collect();
                rig.talk(client, &format!("SADD {name}{members}\r\n"));
                let members = part.iter().map(|number| format!(" {number} m{number}"));
                let members: String = members.collect();
                rig.talk(client, &format!("ZADD z{name}{members}\r\n"));
            }
        }
        (rig, client)
    }
}

#[test]
fn large_sets_are_combined_in_slices_as_of_one_moment() {
    for (request, count) in [
        ("SUNIONSTORE t a b s", 15_000),
        ("SINTERSTORE t a b", 5_000),
        ("SDIFFSTORE t a b s", 4_999),
        ("ZUNIONSTORE t 3 za b zs", 15_000),
        ("ZINTERSTORE t 2 za zb WEIGHTS 2 -1", 5_000),
        ("ZDIFFSTORE t 3 za zb zs", 4_999),
        ("ZRANGESTORE t za 100 (9100 BYSCORE", 9_000),
    ] {
        let (mut rig, other) = Rig::with_large_sets();
        let (worker, waiter) = (rig.accept(), rig.accept());
        rig.begin(worker, &format!("{request}\r\n"));
        rig.ask_only(waiter, "TYPE t\r\n");
        rig.ask_only(other, "DEL a za\r\nSADD b new\r\nZADD zb 1 new\r\n");
        assert_eq!(rig.take(other), ":2;:1;:1;", "{request}");
        assert_eq!(rig.end(worker), format!(":{count};"), "{request}");
        let expected = if request.starts_with('Z') {
            "+zset;"
        } else {
            "+set;"
        };
        assert_eq!(rig.end(waiter), expected, "{request}");
        rig.node.engine().check_invariants();
    }
}

#[test]
fn what_is_combined_in_slices_is_what_is_combined_at_once() {
    for request in [
        "ZUNION 3 za b zs WEIGHTS 2 3 -1 AGGREGATE MAX WITHSCORES",
        "ZINTER 2 zb za AGGREGATE MIN WITHSCORES",
        "ZDIFF 2 zb za WITHSCORES",
        "SINTERCARD 2 a b LIMIT 4000",
        "ZINTERCARD 2 za zb",
    ] {
        let (mut rig, client) = Rig::with_large_sets();
        rig.begin(client, &format!("{request}\r\n"));
        let in_slices = rig.end(client);
        let at_once = rig.talk(client, &format!("MULTI\r\n{request}\r\nEXEC\r\n"));
        assert_eq!(at_once, format!("+OK;+QUEUED;*1;{in_slices}"), "{request}");
        rig.node.engine().check_invariants();
    }
    for request in ["SUNION a b s", "SINTER b a", "SDIFF a b", "SMEMBERS a"] {
        let (mut rig, client) = Rig::with_large_sets();
        rig.begin(client, &format!("{request}\r\n"));
        let in_slices = rig.end(client);
        let at_once = rig.talk(client, &format!("MULTI\r\n{request}\r\nEXEC\r\n"));
        let at_once = at_once.strip_prefix("+OK;+QUEUED;*1;").expect("one reply");
        let sorted = |reply: &str| {
            let mut words: Vec<String> = reply.split(';').map(str::to_owned).collect();
            words.sort_unstable();
            words
        };
        assert_eq!(sorted(at_once), sorted(&in_slices), "{request}");
    }
}

#[test]
fn whoever_goes_leaves_nothing_of_a_combination() {
    for request in [
        "SUNIONSTORE t a b",
        "ZUNION 2 za zb",
        "SUNION a b",
        "ZRANGESTORE t za 0 -1",
    ] {
        let (mut rig, other) = Rig::with_large_sets();
        let worker = rig.accept();
        rig.begin(worker, &format!("{request}\r\n"));
        rig.node.closed(worker);
        assert_eq!(
            rig.talk(other, "EXISTS t\r\nFLUSHALL\r\nDBSIZE\r\n"),
            ":0;+OK;:0;"
        );
        while rig.turn() > 0 {}
        rig.node.engine().check_invariants();
        assert!(!rig.node.engine().keyspace().has_garbage(), "{request}");
    }
}

#[test]
fn a_range_of_a_sorted_set_is_removed_in_slices() {
    for (request, left) in [
        ("ZREMRANGEBYSCORE za 1000 8999", 2_000),
        ("ZREMRANGEBYRANK za 1 -1", 1),
    ] {
        let (mut rig, other) = Rig::with_large_sets();
        let (remover, waiter) = (rig.accept(), rig.accept());
        rig.begin(remover, &format!("{request}\r\n"));
        rig.ask_only(waiter, "ZCARD za\r\n");
        rig.ask_only(other, "ZCARD zb\r\n");
        assert_eq!(rig.take(other), ":10000;");
        assert_eq!(rig.take(waiter), "");
        assert_eq!(rig.end(remover), format!(":{};", 10_000 - left));
        assert_eq!(rig.end(waiter), format!(":{left};"));
        rig.node.engine().check_invariants();
    }
    let (mut rig, other) = Rig::with_large_sets();
    let remover = rig.accept();
    rig.begin(remover, "ZREMRANGEBYSCORE za 1000 8999\r\n");
    rig.node.closed(remover);
    assert_eq!(rig.talk(other, "ZCARD za\r\n"), ":2000;");
    rig.node.engine().check_invariants();
}

/// Goal: unions of more sources than are looked through have the members, scores and replies of
/// those done at once. Method: sources that overlap, beside the same request in a transaction.
#[test]
fn a_union_of_many_sources_is_gathered() {
    let mut rig = Rig::new();
    let client = rig.accept();
    for source in 0..40 {
        let members = (0..100).map(|number| format!(" {}", 50 * source + number));
        let members: String = members.collect();
        rig.talk(client, &format!("SADD i{source}{members}\r\n"));
        let members = members.replace(' ', " text:");
        rig.talk(client, &format!("SADD s{source}{members}\r\n"));
        let members = members.replace(" text:", " 1.5 scored:");
        rig.talk(client, &format!("ZADD z{source}{members}\r\n"));
    }
    rig.talk(client, "SADD few 1 2 3\r\n");
    let keys = |prefix: &str| -> String {
        let keys: Vec<String> = (0..40).map(|source| format!("{prefix}{source}")).collect();
        keys.join(" ")
    };
    let few = vec!["few"; 40].join(" ");
    for (request, readback) in [
        (format!("SUNION {}", keys("s")), "DBSIZE"),
        (format!("SUNION {}", keys("i")), "DBSIZE"),
        (format!("SUNION {} few", keys("i")), "DBSIZE"),
        (format!("SUNIONSTORE t {}", keys("s")), "SMEMBERS t"),
        (format!("ZUNION 41 {} s1 WITHSCORES", keys("z")), "DBSIZE"),
        (
            format!("ZUNIONSTORE t 40 {}", keys("z")),
            "ZRANGE t 0 -1 WITHSCORES",
        ),
        (
            format!("ZUNIONSTORE t 42 {} few z1 AGGREGATE MIN", keys("z")),
            "ZRANGE t 0 -1 WITHSCORES",
        ),
        (
            format!("ZUNION 40 {few} AGGREGATE SUM WITHSCORES"),
            "DBSIZE",
        ),
    ] {
        let is_ordered = request.starts_with('Z');
        let sorted = |reply: &str| {
            let mut words: Vec<String> = reply.split(';').map(str::to_owned).collect();
            if !is_ordered {
                words.sort_unstable();
            }
            words
        };
        rig.talk(client, &format!("MULTI\r\n{request}\r\nEXEC\r\n"));
        let at_once = rig.talk(client, &format!("MULTI\r\n{request}\r\nEXEC\r\n"));
        let at_once = at_once.strip_prefix("+OK;+QUEUED;*1;").expect("one reply");
        let expected = sorted(&rig.talk(client, &format!("{readback}\r\n")));
        rig.talk(client, "DEL t\r\n");
        rig.ask_only(client, &format!("{request}\r\n"));
        let reply = rig.end(client);
        assert_eq!(sorted(&reply), sorted(at_once), "{request:.30}");
        let stored = sorted(&rig.talk(client, &format!("{readback}\r\n")));
        if readback != "DBSIZE" {
            assert_eq!(stored, expected, "{request:.30}");
        }
        rig.node.engine().check_invariants();
    }
}
