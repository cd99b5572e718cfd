//! SORT, searches for places and unions of HyperLogLogs in slices, with requests of others between
//! two steps; and who waits for what they store.

use super::*;

/// Elements of each collection: enough for some tens of steps.
const ELEMENTS: usize = 5_000;

/// Numbers below [`ELEMENTS`], each once, in no order.
fn number(index: usize) -> usize {
    index * 3_571 % ELEMENTS
}

/// A rig with a list `l`, a set `s` and a sorted set `z` of numbers, weights `w…` of some of them,
/// places `g`, and HyperLogLogs `p0` to `p99`.
fn rig_with_collections() -> (Rig, ConnectionId) {
    let mut rig = Rig::new();
    let client = rig.accept();
    for first in (0..ELEMENTS).step_by(250) {
        let mut requests = [
            String::from("RPUSH l"),
            String::from("SADD s"),
            String::from("ZADD z"),
            String::from("GEOADD g"),
            String::from("MSET"),
        ];
        for index in first..first + 250 {
            let number = number(index);
            let (longitude, latitude) = (index % 170, index / 70);
            let words = [
                format!(" {number}"),
                format!(" member:{number}"),
                format!(" {} {number}", index % 100),
                format!(" {longitude}.{index} {latitude}.{number} place:{index}"),
                format!(" w{} {index}", number * 2),
            ];
            for (request, words) in requests.iter_mut().zip(words) {
                *request += &words;
            }
        }
        for request in requests {
            rig.ask_only(client, &format!("{request}\r\n"));
        }
        rig.end(client);
    }
    for key in 0..100 {
        let request = format!("PFADD p{key} {key} {} {}\r\n", key + 1, key * 7);
        assert_eq!(rig.talk(client, &request), ":1;");
    }
    (rig, client)
}

/// The words of a reply of texts.
fn texts(reply: &str) -> Vec<&str> {
    let words: Vec<&str> = reply.split_terminator(';').collect();
    words[1..].chunks(2).map(|pair| pair[1]).collect()
}

#[test]
fn a_long_sort_is_of_the_elements_of_the_moment_it_began() {
    let (mut rig, other) = rig_with_collections();
    let sorter = rig.accept();
    rig.begin(sorter, "SORT l\r\n");
    rig.ask_only(other, "LPUSH l 7\r\nDEL l\r\nRPUSH l x\r\n");
    assert_eq!(rig.take(other), format!(":{};:1;:1;", ELEMENTS + 1));
    let reply = rig.end(sorter);
    let sorted: Vec<String> = (0..ELEMENTS).map(|number| number.to_string()).collect();
    assert_eq!(texts(&reply), sorted);
    rig.node.engine().check_invariants();
}

#[test]
fn who_asks_for_the_target_of_a_long_sort_waits() {
    let (mut rig, other) = rig_with_collections();
    let (sorter, waiter) = (rig.accept(), rig.accept());
    assert_eq!(rig.talk(other, "SET to x EX 100\r\n"), "+OK;");
    rig.begin(sorter, "SORT l DESC LIMIT 1 2000 STORE to\r\n");
    rig.ask_only(waiter, "PING\r\nLRANGE to 0 1\r\n");
    rig.ask_only(other, "DEL l\r\n");
    assert_eq!(
        (rig.take(waiter), rig.take(other)),
        ("+PONG;".into(), ":1;".into())
    );
    assert_eq!(rig.end(sorter), ":2000;");
    assert_eq!(rig.end(waiter), "*2;$4;4998;$4;4997;");
    assert_eq!(rig.talk(other, "TTL to\r\nLLEN to\r\n"), ":-1;:2000;");
    rig.node.engine().check_invariants();
}

#[test]
fn what_is_done_in_slices_is_what_is_done_at_once() {
    let (mut rig, client) = rig_with_collections();
    let unions: String = (0..100).map(|key| format!(" p{key}")).collect();
    for request in [
        "SORT l",
        "SORT l ALPHA DESC LIMIT 100 3000",
        "SORT l BY w* GET # GET w* GET nothing",
        "SORT l BY w* ALPHA DESC",
        "SORT l BY nosort DESC",
        "SORT s ALPHA",
        "SORT s",
        "SORT z",
        "SORT z BY nosort DESC LIMIT 5 3000",
        "SORT_RO z DESC LIMIT 4000 5000",
        "GEOSEARCH g FROMLONLAT 80 20 BYRADIUS 9000 km ASC WITHDIST",
        "GEOSEARCH g FROMLONLAT 80 20 BYBOX 9000 9000 km",
        "GEOSEARCH g FROMLONLAT 80 20 BYRADIUS 9000 mi COUNT 10 DESC WITHCOORD WITHHASH",
        "GEOSEARCH g FROMLONLAT 80 20 BYRADIUS 9000 mi COUNT 1500 ANY",
        "SORT l DESC STORE to",
        "SORT l BY w* GET w* GET # STORE to",
        "GEOSEARCHSTORE to g FROMLONLAT 80 20 BYRADIUS 9000 km STOREDIST",
        "GEOSEARCHSTORE to g FROMLONLAT 80 20 BYBOX 9000 9000 km",
        &format!("PFCOUNT{unions}"),
        &format!("PFMERGE to2{unions}"),
    ] {
        let ask = "LRANGE to 0 -1\r\nZRANGE to 0 -1 WITHSCORES\r\nGET to2\r\n";
        rig.ask_only(client, "DEL to to2\r\n");
        rig.end(client);
        rig.begin(client, &format!("{request}\r\n"));
        let in_slices = rig.end(client);
        rig.ask_only(client, ask);
        let stored = rig.end(client);
        rig.ask_only(client, "DEL to to2\r\n");
        rig.end(client);
        rig.ask_only(client, &format!("MULTI\r\n{request}\r\nEXEC\r\n"));
        let at_once = rig.end(client);
        let at_once = at_once
            .strip_prefix("+OK;+QUEUED;*1;")
            .expect("a transaction");
        assert_eq!(in_slices, at_once, "{request}");
        rig.ask_only(client, ask);
        assert_eq!(rig.end(client), stored, "{request}");
        rig.node.engine().check_invariants();
    }
}

#[test]
fn a_sort_that_fails_stores_nothing() {
    let (mut rig, client) = rig_with_collections();
    assert_eq!(
        rig.talk(client, "SET to x\r\nRPUSH l no-number\r\n"),
        "+OK;:5001;"
    );
    rig.begin(client, "SORT l STORE to\r\n");
    let error = "-ERR One or more scores can't be converted into double;";
    assert_eq!(rig.end(client), error);
    rig.begin(client, "SORT l\r\n");
    assert_eq!(rig.end(client), error);
    assert_eq!(rig.talk(client, "GET to\r\n"), "$1;x;");
    rig.node.engine().check_invariants();
}

#[test]
fn whoever_goes_leaves_nothing() {
    let (mut rig, other) = rig_with_collections();
    let unions: String = (0..100).map(|key| format!(" p{key}")).collect();
    for request in [
        "SORT l",
        "SORT l STORE to",
        "GEOSEARCH g FROMLONLAT 80 20 BYRADIUS 9000 km ASC",
        "GEOSEARCHSTORE to g FROMLONLAT 80 20 BYRADIUS 9000 km",
        &format!("PFMERGE to{unions}"),
    ] {
        let client = rig.accept();
        rig.begin(client, &format!("{request}\r\n"));
        rig.node.closed(client);
        while rig.turn() > 0 {}
        assert_eq!(rig.talk(other, "EXISTS to\r\n"), ":0;", "{request}");
        rig.node.engine().check_invariants();
        assert!(!rig.node.engine().keyspace().has_garbage(), "{request}");
    }
}

#[test]
fn others_wait_for_the_target_of_a_union_only() {
    let (mut rig, other) = rig_with_collections();
    let (merger, waiter) = (rig.accept(), rig.accept());
    let unions: String = (0..100).map(|key| format!(" p{key}")).collect();
    rig.begin(merger, &format!("PFMERGE p0{unions}\r\n"));
    rig.ask_only(waiter, "PING\r\nPFCOUNT p0\r\n");
    assert_eq!(rig.take(waiter), "+PONG;");
    assert_eq!(rig.talk(other, "PFADD p1 more\r\n"), ":1;");
    assert_eq!(rig.end(merger), "+OK;");
    let estimate = rig.end(waiter);
    assert_eq!(rig.talk(other, "PFCOUNT p0\r\n"), estimate);
    rig.node.engine().check_invariants();
}

#[test]
fn who_waits_for_what_is_stored_is_served() {
    let (mut rig, other) = rig_with_collections();
    let (lists, sets) = (rig.accept(), rig.accept());
    rig.ask_only(lists, "BLPOP to 0\r\n");
    rig.ask_only(other, "RPUSH short 2 1\r\nSORT short STORE to\r\n");
    assert_eq!(rig.end(other), ":2;:2;");
    assert_eq!(rig.end(lists), "*2;$2;to;$1;1;");
    rig.ask_only(lists, "BLPOP to2 0\r\n");
    rig.begin(other, "SORT l STORE to2\r\n");
    assert_eq!(rig.end(other), format!(":{ELEMENTS};"));
    assert_eq!(rig.end(lists), "*2;$3;to2;$1;0;");
    rig.ask_only(sets, "BZPOPMIN to3 0\r\n");
    let request = "GEOSEARCHSTORE to3 g FROMMEMBER place:0 BYRADIUS 1 km STOREDIST\r\n";
    assert_eq!(rig.talk(other, request), ":1;");
    assert_eq!(rig.end(sets), "*3;$3;to3;$7;place:0;$1;0;");
    rig.node.engine().check_invariants();
}
