//! Requests that go on in steps of their own, while nobody else touches a key: entries of streams
//! delivered, and the keys of unions found. And what is told or given back in slices after them.
//!
//! Method: as in `portions.rs`, a second rig does the same in a transaction, at once.

use super::portions::words;
use super::*;

/// Enough keys for some steps.
const KEYS: usize = 1_100;

impl Rig {
    /// A rig with streams: `much` of 3,000 entries of which consumers of the group `g` have 2,000
    /// each, but for the last thousand; `few` of 5, all new; `old` of 700, all of them `c`'s and
    /// some deleted; and a client.
    fn with_streams() -> (Self, ConnectionId) {
        let mut rig = Self::new();
        let client = rig.accept();
        for (name, count) in [("much", 3_000), ("few", 5), ("old", 700)] {
            let entries: String = (1..=count)
                .map(|id| format!("XADD {name} {id}-1 f v{id}\r\n"))
                .collect();
            rig.talk(client, &entries);
            rig.talk(client, &format!("XGROUP CREATE {name} g 0\r\n"));
        }
        rig.ask_whole(client, "XREADGROUP GROUP g c COUNT 2000 STREAMS much >");
        rig.ask_whole(client, "XREADGROUP GROUP g c STREAMS old >");
        rig.talk(client, "XDEL old 3-1 300-1\r\nXADD few 6-1 \"\" \"\"\r\n");
        (rig, client)
    }

    /// Sends a request that is done in steps, and takes the first.
    fn begin_steps(&mut self, client: ConnectionId, request: &str) {
        self.begin_job(client, &format!("{request}\r\n"));
    }
}

#[test]
fn entries_of_streams_are_delivered_as_if_at_once() {
    let pairs = |first: &str, second: &str| {
        format!("{} {}", first.repeat(KEYS / 2), second.repeat(KEYS / 2))
    };
    let requests = [
        "XREADGROUP GROUP new d STREAMS much >".to_owned(),
        "XREADGROUP GROUP new d COUNT 1500 NOACK STREAMS much >".to_owned(),
        "XREADGROUP GROUP g c STREAMS much 0".to_owned(),
        "XREADGROUP GROUP g c COUNT 1200 STREAMS much 700-1".to_owned(),
        "XREADGROUP GROUP g c BLOCK 0 STREAMS few much old > 0 0".to_owned(),
        "XREADGROUP GROUP g c COUNT 800 STREAMS old few much 0 > >".to_owned(),
        "XREADGROUP GROUP g d STREAMS old much few 0 > >".to_owned(),
        "XREADGROUP GROUP g c COUNT 500 STREAMS much much much old > > > 350-1".to_owned(),
        "XREADGROUP GROUP g c STREAMS much much few > 5 >".to_owned(),
        format!(
            "XREADGROUP GROUP g c COUNT 2 STREAMS {}",
            pairs("old few ", "0 > ")
        ),
        format!(
            "XREADGROUP GROUP g none COUNT 2 STREAMS {}",
            pairs("old few ", "> 6 ")
        ),
    ];
    for request in &requests {
        for version in [2, 3] {
            let (mut rig, client) = Rig::with_streams();
            let (mut other, whole) = Rig::with_streams();
            for (rig, client) in [(&mut rig, client), (&mut other, whole)] {
                rig.talk(client, "XGROUP CREATE much new 0\r\n");
                rig.talk(client, &format!("HELLO {version}\r\n"));
            }
            let expected = other.ask_whole(whole, request);
            rig.begin_steps(client, request);
            rig.end_job();
            let reply = rig.take(client);
            assert!(
                reply == expected,
                "{request:.80}: {reply:.300} not {expected:.300}"
            );
            assert_eq!(rig.digest(client), other.digest(whole), "{request:.80}");
            rig.node.engine().check_invariants();
        }
    }
}

#[test]
fn nothing_is_delivered_if_a_stream_is_wrong() {
    for request in [
        "XREADGROUP GROUP g c STREAMS much few none > > >",
        "XREADGROUP GROUP g c STREAMS much few string > > >",
        "XREADGROUP GROUP g c STREAMS much few old > > wrong",
        "XREADGROUP GROUP g c STREAMS much few old > > $",
    ] {
        let (mut rig, client) = Rig::with_streams();
        rig.talk(client, "SET string x\r\n");
        let before = rig.digest(client);
        let expected = rig.ask_whole(client, request);
        let mut reply = rig.ask_now(client, &format!("{request}\r\n"));
        rig.end_job();
        reply += &rig.take(client);
        assert_eq!(reply, expected, "{request}");
        assert!(reply.starts_with('-'));
        assert_eq!(rig.digest(client), before, "{request}");
    }
}

/// Defect: a request for new entries of a long stream was divided whether there were new ones or
/// not. Effect: with BLOCK and without COUNT it was answered at once that there is none, and did
/// not wait. Fix: it is divided if there is something to deliver.
#[test]
fn who_has_all_of_a_long_stream_waits_for_more() {
    for streams in ["much >", "much few > >"] {
        let (mut rig, client) = Rig::with_streams();
        let other = rig.accept();
        for name in ["much", "few"] {
            rig.ask_whole(client, &format!("XREADGROUP GROUP g c STREAMS {name} >"));
        }
        let request = format!("XREADGROUP GROUP g c BLOCK 0 STREAMS {streams}\r\n");
        assert_eq!(rig.talk(client, &request), "");
        assert!(rig.connection(client).holds.has(Holds::KEYS));
        rig.talk(other, "XADD much 5000-1 f v\r\n");
        let told = "*1;*2;$4;much;*1;*2;$6;5000-1;*2;$1;f;$1;v;";
        assert_eq!(rig.take(client), told);
    }
}

#[test]
fn a_request_of_many_streams_waits_if_none_has_news() {
    let (mut rig, client) = Rig::with_streams();
    let other = rig.accept();
    rig.ask_whole(client, "XREADGROUP GROUP g c STREAMS few >");
    let (keys, ids) = ("few ".repeat(KEYS), "> ".repeat(KEYS));
    rig.begin_steps(
        client,
        &format!("XREADGROUP GROUP g c COUNT 1 BLOCK 0 STREAMS {keys}{ids}"),
    );
    rig.end_job();
    assert_eq!(rig.take(client), "");
    assert!(rig.connection(client).holds.has(Holds::KEYS));
    rig.talk(other, "XADD few 5000-1 f v\r\n");
    let told = "*1;*2;$3;few;*1;*2;$6;5000-1;*2;$1;f;$1;v;";
    assert_eq!(rig.take(client), told);
}

#[test]
fn what_is_delivered_is_delivered_whole_though_the_client_has_gone() {
    let (mut rig, other) = Rig::with_streams();
    let client = rig.accept();
    rig.begin_steps(client, "XREADGROUP GROUP g gone STREAMS much few > >");
    rig.node.closed(client);
    rig.end_job();
    let pending = rig.talk(other, "XPENDING much g 2001-0 + 2000 gone\r\n");
    assert!(pending.starts_with("*1000;"), "{pending:.50}");
    assert!(
        rig.talk(other, "XPENDING few g\r\n")
            .starts_with("*4;:6;$3;1-1;")
    );
    rig.node.engine().check_invariants();
}

impl Rig {
    /// A rig with sets `s0` … of three members each, and sorted sets `z0` …, `c0` … that have
    /// 20 members in common, as sorted sets `y0` …; and large ones, and a client.
    fn with_many_sets() -> (Self, ConnectionId) {
        let mut rig = Self::new();
        let client = rig.accept();
        let mut lines = String::new();
        let common = words("m", 20);
        let common_scored: String = (0..20).map(|m| format!(" 0.{m} m{m}")).collect();
        for number in 0..KEYS {
            let next = number + 1;
            lines += &format!("SADD s{number} m{number} m{next} {number}\r\n");
            lines += &format!("ZADD z{number} {number} m{number} 1 m{next}\r\n");
            lines += &format!("SADD c{number} {common} own{number}\r\n");
            lines += &format!("ZADD y{number}{common_scored} {number} own{number}\r\n");
        }
        rig.talk(client, &lines);
        rig.talk(client, "SADD integers 1 2 3 900\r\nRPUSH list a\r\n");
        rig.put_back(client);
        (rig, client)
    }

    /// Puts sets in place that were deleted or replaced.
    fn put_back(&mut self, client: ConnectionId) {
        let common = words("m", 20);
        self.ask_whole(client, &format!("SADD large {}", words("m", 3_000)));
        let scored: String = (0..3_000).map(|m| format!(" 0.5 m{m}")).collect();
        self.ask_whole(client, &format!("ZADD zlarge{scored}"));
        let lines = format!(
            "DEL to s1\r\nSADD s1 m1 m2 1\r\nSADD s3 m3 m4 3\r\nZADD z3 3 m3 1 m4\r\n\
             SADD c3 {common} own3\r\n"
        );
        self.talk(client, &lines);
    }
}

/// Requests of very many keys, and whether the order of what they reply matters.
fn unions() -> Vec<(String, bool)> {
    let (sets, common) = (words("s", KEYS), words("c", KEYS));
    let mut requests = Vec::new();
    for (name, keys) in [
        ("SUNION", format!("{sets} none large integers s7 s7")),
        ("SUNION", words("none", KEYS)),
        ("SINTER", format!("{common} large c7")),
        ("SINTER", format!("{common} none")),
        ("SINTER", format!("{common} integers")),
        ("SDIFF", format!("large {sets} large2")),
        ("SDIFF", format!("c0 {sets} c0")),
        ("SDIFF", format!("none {sets}")),
        (
            "SDIFF",
            format!("s3 {}", words("c", KEYS).replacen("c0 ", "", 1)),
        ),
    ] {
        requests.push((format!("{name} {keys}"), false));
        requests.push((format!("{name}STORE to {keys}"), true));
        requests.push((format!("{name}STORE s1 {keys}"), true));
    }
    requests.extend(sorted_unions());
    requests
}

/// The same of sorted sets, and numbers.
fn sorted_unions() -> Vec<(String, bool)> {
    let (sets, common) = (words("s", KEYS), words("c", KEYS));
    let (zsets, common_zsets) = (words("z", KEYS), words("y", KEYS));
    let (count, more) = (KEYS, KEYS + 2);
    let weights: String = (0..more).map(|n| format!(" {}", n % 5)).collect();
    let mut requests = Vec::new();
    requests.push((format!("SINTERCARD {count} {common}"), true));
    requests.push((format!("SINTERCARD {count} {common} LIMIT 7"), true));
    for (name, keys, words) in [
        ("ZUNION", format!("{more} {zsets} zlarge s9"), String::new()),
        (
            "ZUNION",
            format!("{more} {zsets} none z7"),
            format!("WEIGHTS{weights}"),
        ),
        (
            "ZUNION",
            format!("{more} {sets} none z7"),
            "AGGREGATE MAX".to_owned(),
        ),
        (
            "ZINTER",
            format!("{more} {common_zsets} large zlarge"),
            String::new(),
        ),
        (
            "ZINTER",
            format!("{more} {common} y1 y2"),
            format!("WEIGHTS{weights} AGGREGATE MIN"),
        ),
        (
            "ZINTER",
            format!("{more} {common_zsets} none c1"),
            String::new(),
        ),
        (
            "ZDIFF",
            format!("{more} zlarge {zsets} large2"),
            String::new(),
        ),
        ("ZDIFF", format!("{more} y0 {zsets} none"), String::new()),
    ] {
        let with_scores = format!("{name} {keys} {words} WITHSCORES").replace("  ", " ");
        requests.push((with_scores, true));
        requests.push((
            format!("{name}STORE to {keys} {words}")
                .trim_end()
                .to_owned(),
            true,
        ));
    }
    requests.push((format!("ZINTERCARD {count} {common_zsets}"), true));
    requests.push((
        format!("ZINTERCARD {more} {common_zsets} c1 large LIMIT 9"),
        true,
    ));
    requests
}

fn sorted(reply: &str) -> Vec<&str> {
    let mut words: Vec<&str> = reply.split(';').collect();
    words.sort_unstable();
    words
}

/// Goal: what is told or stored is of the moment at which all keys were found. Method: when they
/// are, somebody deletes all of them before the first member is told.
#[test]
fn unions_of_very_many_keys_are_of_one_moment() {
    let (mut other, whole) = Rig::with_many_sets();
    let (mut rig, client) = Rig::with_many_sets();
    for (request, is_ordered) in unions() {
        let deleter = rig.accept();
        let expected = other.ask_whole(whole, &request);
        rig.begin_steps(client, &request);
        assert_eq!(
            rig.ask_now(deleter, "PING\r\nDEL large zlarge c3 z3 s3\r\n"),
            "+PONG;"
        );
        let mut step_count = 0;
        while rig.node.has_job() {
            rig.node.job_some(rig.now);
            step_count += 1;
        }
        assert!(step_count > KEYS / 256, "{request:.30}: {step_count} steps");
        rig.node.resume(deleter, rig.now);
        let is_done = rig.take(deleter) == ":5;";
        assert!(
            is_done,
            "{request:.30}: others go on when the keys are found"
        );
        let reply = rig.rest(client);
        match is_ordered {
            true => assert!(
                reply == expected,
                "{request:.60}: {reply:.300} not {expected:.300}"
            ),
            false => assert_eq!(sorted(&reply), sorted(&expected), "{request:.60}"),
        }
        let stored = "DEBUG DIGEST-VALUE to s1\r\n";
        let expected = other.talk(whole, stored);
        assert_eq!(rig.talk(client, stored), expected, "{request:.60}");
        rig.node.closed(deleter);
        rig.put_back(client);
        other.put_back(whole);
        rig.node.engine().check_invariants();
        assert!(!rig.node.engine().keyspace().has_garbage());
    }
}

#[test]
fn a_key_of_another_type_among_very_many_is_an_error() {
    let (mut rig, client) = Rig::with_many_sets();
    for request in [
        format!("SUNION large {} list", words("s", KEYS)),
        format!("SINTERSTORE to large list {}", words("s", KEYS)),
        format!("ZUNION {} zlarge {} list", KEYS + 2, words("z", KEYS)),
    ] {
        let before = rig.digest(client);
        let mut reply = rig.ask_now(client, &format!("{request}\r\n"));
        rig.end_job();
        reply += &rig.take(client);
        assert_eq!(
            reply,
            "-WRONGTYPE Operation against a key holding the wrong kind of value;"
        );
        assert_eq!(rig.digest(client), before);
        assert!(!rig.node.engine().keyspace().has_garbage());
    }
    rig.talk(client, "DEL large zlarge\r\n");
    rig.node.engine().check_invariants();
    assert!(!rig.node.engine().keyspace().has_garbage());
}

#[test]
fn who_goes_while_keys_are_found_or_told_leaves_nothing() {
    for request in [
        format!("SUNION large {}", words("s", KEYS)),
        format!("SUNIONSTORE to large {}", words("s", KEYS)),
        format!("ZINTERCARD {KEYS} {}", words("y", KEYS)),
    ] {
        for steps in [1, 3, 14] {
            let (mut rig, other) = Rig::with_many_sets();
            let client = rig.accept();
            rig.begin_steps(client, &request);
            for _ in 0..steps {
                rig.node.job_some(rig.now);
                rig.node.read_some(rig.now);
            }
            rig.node.closed(client);
            rig.end_job();
            assert_eq!(
                rig.talk(other, "EXISTS to large\r\nDEL large\r\n"),
                ":1;:1;"
            );
            rig.node.engine().check_invariants();
            assert!(!rig.node.engine().keyspace().has_garbage());
            assert_eq!(rig.node.engine().sessions().len(), 1);
        }
    }
}

#[test]
fn a_reader_of_very_many_keys_is_told_of_their_changes() {
    let (mut rig, client) = Rig::with_many_sets();
    let other = rig.accept();
    rig.talk(client, "HELLO 3\r\nCLIENT TRACKING ON\r\n");
    rig.begin_steps(client, &format!("SINTERCARD {KEYS} {}", words("s", KEYS)));
    rig.end_job();
    assert_eq!(rig.rest(client), ":0;");
    rig.talk(other, "SADD s1000 new\r\n");
    while rig.node.work_some(rig.now) {}
    assert_eq!(rig.take(client), ">2;$10;invalidate;*1;$5;s1000;");
}

#[test]
fn all_of_a_stream_is_told_of_one_moment() {
    for version in [2, 3] {
        for count in ["", " COUNT 0", " COUNT 40", " COUNT 2500"] {
            let (mut rig, client) = Rig::with_streams();
            let other = rig.accept();
            for number in 0..300 {
                let name = format!("c{number}");
                rig.talk(client, &format!("XGROUP CREATECONSUMER much g {name}\r\n"));
                rig.talk(client, &format!("XGROUP CREATE much g{name} 17\r\n"));
            }
            rig.ask_whole(client, "XREADGROUP GROUP g d COUNT 500 STREAMS much >");
            rig.ask_whole(client, "XREADGROUP GROUP gc7 d COUNT 1500 STREAMS much >");
            rig.talk(client, &format!("HELLO {version}\r\n"));
            let request = format!("XINFO STREAM much FULL{count}");
            let expected = rig.ask_whole(client, &request);
            rig.begin(client, &format!("{request}\r\n"));
            rig.talk(
                other,
                "XTRIM much MAXLEN 10\r\nXGROUP DESTROY much gc9\r\nXACK much g 40-1\r\n",
            );
            let told = rig.rest(client);
            assert!(
                told == expected,
                "{request}: {told:.300} not {expected:.300}"
            );
            rig.begin(client, &format!("{request}\r\n"));
            rig.talk(other, "DEL much\r\n");
            rig.node.closed(client);
            while rig.turn() > 0 {}
            rig.node.engine().check_invariants();
            assert!(!rig.node.engine().keyspace().has_garbage());
        }
    }
}

/// Goal: very many watched keys are given back in slices. Method: steps of what is freed are
/// counted.
#[test]
fn watched_keys_are_given_back_in_slices() {
    let keys = words("k", 3_000);
    for end in [
        "UNWATCH\r\n",
        "MULTI\r\nEXEC\r\n",
        "MULTI\r\nDISCARD\r\n",
        "",
    ] {
        let mut rig = Rig::new();
        let [client, other] = [rig.accept(), rig.accept()];
        rig.begin_steps(client, &format!("WATCH {keys}"));
        rig.end_job();
        rig.talk(other, "WATCH k7\r\n");
        match end {
            "" => rig.node.closed(client),
            _ => rig.ask_only(client, end),
        }
        let keyspace = rig.node.engine_mut().keyspace_mut();
        assert!(keyspace.has_garbage(), "{end}");
        let mut step_count = 1;
        while keyspace.free_some() {
            step_count += 1;
        }
        assert!((20..30).contains(&step_count), "{step_count} steps");
        let third = rig.accept();
        rig.talk(third, "SET k7 x\r\n");
        let exec = rig.talk(other, "MULTI\r\nEXEC\r\n");
        assert_eq!(exec, "+OK;*-1;", "who watches still is told");
        assert!(
            rig.talk(other, "INFO clients\r\n")
                .contains("watching_clients:0")
        );
    }
}

#[test]
fn a_change_of_any_of_many_watched_keys_is_seen() {
    let keys = words("k", 3_000);
    for (request, is_seen) in [
        ("SET k0 x", true),
        ("SET k2999 x", true),
        ("SET other x", false),
        ("SET watched x", false),
        ("PEXPIRE due 10", true),
        ("FLUSHALL", true),
    ] {
        let mut rig = Rig::new();
        let [client, other] = [rig.accept(), rig.accept()];
        rig.talk(other, "SET due x\r\nSET watched x\r\nWATCH watched\r\n");
        rig.begin_steps(client, &format!("WATCH {keys} due"));
        rig.end_job();
        assert_eq!(rig.take(client), "+OK;");
        let third = rig.accept();
        rig.talk(third, &format!("{request}\r\n"));
        let exec = rig.talk(client, "MULTI\r\nEXEC\r\n");
        let expected = if is_seen { "+OK;*-1;" } else { "+OK;*0;" };
        assert_eq!(exec, expected, "{request}");
    }
}
