//! Requests that name very many keys or elements, done in portions: the same replies, keys and
//! events as if they were done at once, and nobody sees a part of them.
//!
//! Method: what is done at once is the same request in a transaction of a rig of its own. Requests
//! are begun without turns ([`Rig::begin_job`]), so tests act between any two portions.

use super::*;
use std::collections::HashSet;

/// Enough for some portions.
const COUNT: usize = 3_000;

/// Numbered words in a row.
pub(super) fn words(prefix: &str, count: usize) -> String {
    let words: Vec<String> = (0..count)
        .map(|number| format!("{prefix}{number}"))
        .collect();
    words.join(" ")
}

/// Numbered pairs in a row.
fn pairs(first: &str, second: &str, count: usize) -> String {
    let pairs: Vec<String> = (0..count)
        .map(|number| format!("{first}{number} {second}{number}"))
        .collect();
    pairs.join(" ")
}

/// Ids of entries.
fn ids(count: usize) -> String {
    let ids: Vec<String> = (1..=count).map(|number| format!("{number}-1")).collect();
    ids.join(" ")
}

impl Rig {
    /// A rig with collections of some thousand elements under `set`, `list`, `zset`, `hash` and
    /// `stream`, of which a group has been told all, keys `k0` to `k1999`, and a client.
    fn with_much() -> (Self, ConnectionId) {
        let mut rig = Self::new();
        let client = rig.accept();
        for request in [
            format!("SADD set {}", words("e", 4_000)),
            format!("RPUSH list {}", words("e", 4_000)),
            format!("ZADD zset {}", pairs("", "e", 4_000)),
            format!("HSET hash {}", pairs("e", "v", 4_000)),
            format!("MSET {}", pairs("k", "v", 2_000)),
        ] {
            rig.ask_whole(client, &request);
        }
        let entries: String = (1..=COUNT)
            .map(|id| format!("XADD stream {id}-1 f v\r\n"))
            .collect();
        rig.talk(client, &entries);
        rig.talk(client, "XGROUP CREATE stream g 0\r\n");
        rig.talk(client, "XGROUP CREATE stream new 0\r\n");
        rig.talk(client, "XGROUP CREATE stream late 1600-0\r\n");
        rig.talk(client, "XREADGROUP GROUP g c STREAMS stream >\r\n");
        (rig, client)
    }

    /// Has a request done in one.
    pub(super) fn ask_whole(&mut self, client: ConnectionId, request: &str) -> String {
        let reply = self.talk(client, &format!("MULTI\r\n{request}\r\nEXEC\r\n"));
        while self.node.has_job() {
            self.node.job_some(self.now);
        }
        let reply = reply + &self.take(client);
        let exec = reply.strip_prefix("+OK;+QUEUED;*1;");
        exec.unwrap_or_else(|| panic!("{request:.40}: {reply:.100}"))
            .to_owned()
    }

    /// All there is in the database, as DEBUG DIGEST tells it.
    pub(super) fn digest(&mut self, client: ConnectionId) -> String {
        self.talk(client, "DEBUG DIGEST\r\n")
    }
}

/// Requests that are done in portions.
fn requests() -> Vec<String> {
    let elements = words("e", COUNT);
    let mut requests: Vec<String> = ["DEL", "UNLINK", "EXISTS", "TOUCH", "MGET", "WATCH"]
        .map(|name| format!("{name} {} list set", words("k", COUNT)))
        .to_vec();
    requests.extend([
        format!("MSET {} k1 again set now", pairs("k", "w", COUNT)),
        format!("SADD set x {elements} y"),
        format!("SADD new {}", words("", COUNT)),
        format!("SREM set no {elements}"),
        format!("SREM set {}", words("e", 4_000)),
        format!("SMISMEMBER set no {elements}"),
        format!("SMISMEMBER none {elements}"),
        format!("LPUSH list {elements}"),
        format!("RPUSH new {elements}"),
        format!("LPUSHX none {elements}"),
        format!("RPUSHX list {elements}"),
        "LPOP list 2000".to_owned(),
        "RPOP list 1025".to_owned(),
        "LPOP list 4000".to_owned(),
        "LMPOP 3 none list set LEFT COUNT 3000".to_owned(),
        "LMPOP 1 list RIGHT COUNT 9000".to_owned(),
        "BLMPOP 1 2 none list RIGHT COUNT 3000".to_owned(),
        format!("ZADD zset XX CH {}", pairs("1", "e", COUNT)),
        format!("ZADD zset GT {}", pairs("2", "n", COUNT)),
        format!("ZADD new {}", pairs("", "n", COUNT)),
        format!("ZREM zset {elements} no"),
        format!("ZMSCORE zset no {elements}"),
        "ZPOPMIN zset 2000".to_owned(),
        "ZPOPMAX zset 5000".to_owned(),
        "ZMPOP 2 none zset MIN COUNT 2000".to_owned(),
        "BZMPOP 1 1 zset MAX COUNT 2000".to_owned(),
        format!("HSET hash {}", pairs("e", "w", COUNT)),
        format!("HMSET new {}", pairs("e", "w", COUNT)),
        format!("HDEL hash no {elements}"),
        format!("HDEL hash {}", words("e", 4_000)),
        format!("HMGET hash no {elements}"),
        format!("HPEXPIRE hash 100 FIELDS {COUNT} {elements}"),
        format!("HPEXPIRE hash 100 NX FIELDS {COUNT} {elements}"),
        format!("HEXPIRE hash 0 FIELDS 4000 {}", words("e", 4_000)),
        format!("HTTL hash FIELDS {COUNT} {elements}"),
        format!("HTTL none FIELDS {COUNT} {elements}"),
        format!("HPERSIST hash FIELDS {COUNT} {elements}"),
        format!("HGETDEL hash FIELDS {COUNT} {elements}"),
        format!("HGETEX hash PX 100 FIELDS {COUNT} {elements}"),
        format!("XDEL stream {} 99-99", ids(2_000)),
        format!("XACK stream g {} 99-99", ids(2_000)),
        format!("XCLAIM stream g d 0 {} 99-99", ids(2_000)),
        format!("XCLAIM stream g c 0 {} IDLE 5 JUSTID", ids(2_000)),
        format!("XCLAIM stream g d 100 {}", ids(2_000)),
        "XREADGROUP GROUP new c STREAMS stream >".to_owned(),
        "XREADGROUP GROUP new c COUNT 1500 NOACK STREAMS stream >".to_owned(),
        "XREADGROUP GROUP late c COUNT 5000 STREAMS stream >".to_owned(),
        format!("MSETNX {} x1 v", pairs("n", "w", COUNT)),
        format!("MSETNX {} n1 again", pairs("n", "w", COUNT)),
        format!("MSETNX {} k1 v", pairs("n", "w", COUNT)),
        format!("MSETEX {COUNT} {} EX 100", pairs("n", "w", COUNT)),
        format!("MSETEX 2000 {} XX KEEPTTL", pairs("k", "w", 2_000)),
        format!("MSETEX {COUNT} {} XX", pairs("k", "w", COUNT)),
        format!("MSETEX {COUNT} {} NX PX 100", pairs("n", "w", COUNT)),
        format!("MSETEX {} {} k1 w NX", COUNT + 1, pairs("n", "w", COUNT)),
    ]);
    requests
}

/// What is wrong is answered as if it were short, and nothing is done.
fn wrong_requests() -> Vec<String> {
    let elements = words("e", COUNT);
    vec![
        format!("SADD list {elements}"),
        format!("HMGET set {elements}"),
        format!("LPUSH set {elements}"),
        format!("MSET {} odd", pairs("k", "w", COUNT)),
        format!("HSET hash {} odd", pairs("e", "w", COUNT)),
        format!("ZADD zset {} no-number e", pairs("1", "e", COUNT)),
        format!("ZADD zset NX XX {}", pairs("1", "e", COUNT)),
        format!("ZADD zset INCR {}", pairs("1", "e", COUNT)),
        format!("HPEXPIRE hash 100 FIELDS {} {elements}", COUNT - 1),
        format!("HPEXPIRE hash x FIELDS {COUNT} {elements}"),
        format!("XDEL stream {} wrong", ids(2_000)),
        format!("XACK stream g {} wrong", ids(2_000)),
        format!("XCLAIM stream g d 0 {} WRONG", ids(2_000)),
        format!("XCLAIM stream none d 0 {}", ids(2_000)),
        "XREADGROUP GROUP none c STREAMS stream >".to_owned(),
        format!("MSETEX {COUNT} {} EX 0", pairs("n", "w", COUNT)),
        "LMPOP 2 set list LEFT COUNT 3000".to_owned(),
        "SPOP set -3000".to_owned(),
        "LPOP list 99999999999999999999".to_owned(),
    ]
}

/// Goal: replies, keys and events are those of the request done at once. Method: every request, in
/// both versions of the protocol, beside a rig that does it in a transaction.
#[test]
fn what_is_done_in_portions_is_as_if_done_at_once() {
    for request in requests() {
        // Doubles and nulls are what differs.
        let versions: &[u8] = match request.as_bytes()[0] {
            b'Z' | b'B' | b'H' | b'X' => &[2, 3],
            _ => &[2],
        };
        for &version in versions {
            let (mut rig, client) = Rig::with_much();
            let (mut other, whole) = Rig::with_much();
            for (rig, client) in [(&mut rig, client), (&mut other, whole)] {
                rig.talk(client, &format!("HELLO {version}\r\n"));
                rig.node.engine_mut().keyspace_mut().listen();
            }
            if request.starts_with("WATCH") {
                rig.begin_job(client, &format!("{request}\r\n"));
                rig.end_job();
                assert_eq!(rig.take(client), "+OK;");
                rig.talk(client, "SET k2999 x\r\n");
                assert_eq!(
                    rig.talk(client, "MULTI\r\nEXEC\r\n"),
                    match version {
                        2 => "+OK;*-1;",
                        _ => "+OK;_;",
                    }
                );
                continue;
            }
            let expected = other.ask_whole(whole, &request);
            rig.begin_job(client, &format!("{request}\r\n"));
            rig.end_job();
            let reply = rig.take(client);
            assert!(
                reply == expected,
                "{request:.60}: {reply:.200} not {expected:.200}"
            );
            assert_eq!(rig.digest(client), other.digest(whole), "{request:.60}");
            rig.node.engine().check_invariants();
        }
    }
}

#[test]
fn what_is_wrong_is_refused_before_anything_is_done() {
    for request in wrong_requests() {
        let (mut rig, client) = Rig::with_much();
        let before = rig.digest(client);
        let expected = rig.talk(client, &format!("MULTI\r\n{request}\r\nEXEC\r\n"));
        let expected = expected.rsplit_terminator(";").next().unwrap_or_default();
        // Some are looked through in portions before the first is done.
        let mut reply = rig.ask_now(client, &format!("{request}\r\n"));
        rig.end_job();
        reply += &rig.take(client);
        assert!(reply.starts_with('-'), "{request:.60}: {reply:.100}");
        let is_same = expected.trim_end_matches(';') == reply.trim_end_matches(';');
        assert!(
            is_same || expected.starts_with("-EXECABORT"),
            "{reply} not {expected}"
        );
        assert!(!rig.node.has_job());
        assert_eq!(rig.digest(client), before, "{request:.60}");
    }
}

/// Goal: no event is told once a portion. Method: somebody listens to all of them, and counts.
#[test]
fn an_event_is_told_once() {
    let (mut rig, client) = Rig::with_much();
    let listener = rig.accept();
    rig.talk(client, "CONFIG SET notify-keyspace-events EA\r\n");
    rig.talk(listener, "HELLO 3\r\nPSUBSCRIBE *\r\n");
    let told = |event: &str, key: &str| {
        let channel = format!("__keyevent@0__:{event}");
        format!(
            ">4;$8;pmessage;$1;*;${};{channel};${};{key};",
            channel.len(),
            key.len()
        )
    };
    let elements = words("e", 4_000);
    for (request, events) in [
        (
            format!("SREM set {elements}"),
            told("srem", "set") + &told("del", "set"),
        ),
        ("LPOP list 2000".to_owned(), told("lpop", "list")),
        (
            "ZPOPMIN zset 4000".to_owned(),
            told("zpopmin", "zset") + &told("del", "zset"),
        ),
        (
            format!("HSET hash {}", pairs("e", "w", 2_000)),
            told("hset", "hash"),
        ),
        (format!("RPUSH new {elements}"), told("rpush", "new")),
    ] {
        rig.begin_job(client, &format!("{request}\r\n"));
        while rig.node.work_some(rig.now) {}
        rig.end_job();
        rig.take(client);
        assert_eq!(rig.take(listener), events, "{request:.30}");
    }
    let keys = words("k", 2_000);
    rig.begin_job(client, &format!("DEL {keys}\r\n"));
    rig.end_job();
    let deleted = rig.take(listener).matches("__keyevent@0__:del").count();
    assert_eq!(deleted, 2_000);
}

#[test]
fn nobody_sees_a_part() {
    let (mut rig, client) = Rig::with_much();
    let [reader, other, flusher] = [rig.accept(), rig.accept(), rig.accept()];
    rig.begin_job(client, &format!("SADD set {}\r\n", words("new", COUNT)));
    rig.node.job_some(rig.now);
    assert_eq!(rig.ask_now(other, "PING\r\n"), "+PONG;");
    assert_eq!(rig.ask_now(reader, "SCARD set\r\n"), "");
    assert!(rig.connection(reader).holds.has(Holds::JOB));
    assert_eq!(
        rig.ask_now(flusher, "MULTI\r\nFLUSHALL\r\nEXEC\r\n"),
        "+OK;"
    );
    rig.node.job_some(rig.now);
    assert!(rig.node.has_job(), "it takes more steps");
    rig.end_job();
    assert_eq!(rig.take(client), format!(":{COUNT};"));
    assert_eq!(rig.take(reader), format!(":{};", 4_000 + COUNT));
    assert_eq!(rig.take(flusher), "+QUEUED;*1;+OK;");
    assert_eq!(rig.talk(client, "DBSIZE\r\n"), ":0;");
}

#[test]
fn what_is_written_is_written_whole_though_the_client_has_gone() {
    let (mut rig, client) = Rig::with_much();
    let other = rig.accept();
    for (request, asked, reply) in [
        (
            format!("RPUSH list {}", words("n", COUNT)),
            "LLEN list",
            format!(":{};", 4_000 + COUNT),
        ),
        ("SPOP set 3000".to_owned(), "SCARD set", ":1000;".to_owned()),
        (
            format!("DEL {}", words("k", 2_000)),
            "EXISTS k1999",
            ":0;".to_owned(),
        ),
    ] {
        let client = rig.accept();
        rig.begin_job(client, &format!("{request}\r\n"));
        rig.node.closed(client);
        assert_eq!(rig.ask_now(other, &format!("{asked}\r\n")), "");
        rig.end_job();
        assert_eq!(rig.take(other), reply);
    }
    rig.node.engine().check_invariants();
    assert_eq!(rig.talk(client, "PING\r\n"), "+PONG;");
    assert_eq!(rig.node.engine().sessions().len(), 2);
}

/// Goal: no portion falls behind the deadline of its key. Method: the clock is moved past it.
#[test]
fn a_key_does_not_expire_in_between() {
    let (mut rig, client) = Rig::with_much();
    let other = rig.accept();
    rig.talk(client, "PEXPIRE set 50\r\n");
    rig.begin_job(client, &format!("SADD set {}\r\n", words("n", COUNT)));
    rig.now = rig.now.plus_ms(100);
    while rig.node.work_some(rig.now) {}
    assert!(rig.node.has_job());
    rig.end_job();
    assert_eq!(rig.take(client), format!(":{COUNT};"));
    assert_eq!(rig.talk(other, "EXISTS set\r\n"), ":0;");
    rig.node.engine().check_invariants();
}

/// Goal: who waits for an item gets it after the whole request. Method: two wait; the others'
/// requests come between portions.
#[test]
fn who_waits_for_a_key_is_served_after_all_portions() {
    let mut rig = Rig::new();
    let [pusher, first, second, other] = [rig.accept(), rig.accept(), rig.accept(), rig.accept()];
    rig.talk(first, "BLPOP queue 0\r\n");
    rig.talk(second, "BRPOP queue 0\r\n");
    rig.begin_job(pusher, &format!("RPUSH queue {}\r\n", words("i", COUNT)));
    for _ in 0..3 {
        assert_eq!(rig.ask_now(other, "PING\r\n"), "+PONG;");
        while rig.node.work_some(rig.now) {}
        rig.node.job_some(rig.now);
        assert_eq!(rig.take(first), "");
    }
    rig.end_job();
    assert_eq!(rig.take(pusher), format!(":{COUNT};"));
    assert_eq!(rig.take(first), "*2;$5;queue;$2;i0;");
    assert_eq!(rig.take(second), format!("*2;$5;queue;$5;i{};", COUNT - 1));
    assert_eq!(
        rig.talk(other, "LLEN queue\r\n"),
        format!(":{};", COUNT - 2)
    );
}

#[test]
fn without_memory_nothing_is_begun() {
    let (mut rig, client) = Rig::with_much();
    let before = rig.digest(client);
    rig.talk(
        client,
        "CONFIG SET maxmemory-policy noeviction maxmemory 100000\r\n",
    );
    let reply = rig.talk(client, &format!("SADD set {}\r\n", words("n", COUNT)));
    assert_eq!(
        reply,
        "-OOM command not allowed when used memory > 'maxmemory'.;"
    );
    rig.talk(client, "CONFIG SET maxmemory 0\r\n");
    assert_eq!(rig.digest(client), before);
}

#[test]
fn members_are_taken_at_random_and_each_once() {
    for (count, taken_count) in [
        (2_000, 2_000),
        (3_999, 3_999),
        (4_000, 4_000),
        (9_000, 4_000),
    ] {
        for version in [2, 3] {
            let (mut rig, client) = Rig::with_much();
            rig.talk(client, &format!("HELLO {version}\r\n"));
            rig.begin_job(client, &format!("SPOP set {count}\r\n"));
            rig.end_job();
            let reply = rig.take(client);
            let mut words = reply.split_terminator(';');
            let header = words.next().map(str::to_owned);
            let sign = if version == 2 { '*' } else { '~' };
            assert_eq!(header, Some(format!("{sign}{taken_count}")));
            let members: HashSet<&str> = words.skip(1).step_by(2).collect();
            assert_eq!(members.len(), taken_count);
            assert!(members.iter().all(|member| member.starts_with('e')));
            let left = rig.talk(client, "SCARD set\r\nSMEMBERS set\r\n");
            assert!(left.starts_with(&format!(":{};", 4_000 - taken_count)));
            assert!(!left.split(';').any(|word| members.contains(word)));
            rig.node.engine().check_invariants();
        }
    }
}

/// Goal: under a hard limit the client is closed, as when the reply is made at once; the items are
/// gone all the same.
#[test]
fn a_reply_that_is_too_long_is_none_and_all_is_done() {
    let (mut rig, client) = Rig::with_much();
    let other = rig.accept();
    let items = format!(" {}", "i".repeat(100)).repeat(500);
    for _ in 0..8 {
        rig.talk(client, &format!("RPUSH long{items}\r\n"));
    }
    let limit = "CONFIG SET client-output-buffer-limit \"normal 100000 0 0\"\r\n";
    assert_eq!(rig.talk(client, limit), "+OK;");
    rig.begin_job(client, "LPOP long 3000\r\n");
    rig.end_job();
    assert_eq!(rig.take(client), "");
    assert_eq!(rig.close_listed(), [client]);
    assert_eq!(rig.talk(other, "LLEN long\r\n"), ":1000;");
}

#[test]
fn a_request_counts_as_one() {
    let (mut rig, client) = Rig::with_much();
    rig.talk(client, "CONFIG RESETSTAT\r\n");
    rig.begin_job(client, &format!("SMISMEMBER set {}\r\n", words("e", COUNT)));
    rig.end_job();
    rig.take(client);
    let line = "cmdstat_smismember:calls=1,";
    assert!(rig.talk(client, "INFO commandstats\r\n").contains(line));
}
