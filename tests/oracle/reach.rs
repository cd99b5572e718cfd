//! The oracle itself, with a redis-server on both sides: it reaches into every command on
//! collections, and refuses what differs although chance or order decides the reply.
//!
//! Not here: a difference planted among random commands (`main.rs`).

use crate::grammar::{Breadth, FAMILIES, Family};
use crate::pair::{Addresses, Operation, Pair};
use crate::support::client::Client;
use crate::support::server::ServerProcess;
use crate::support::value::Value;
use crate::support::words;
use crate::{run_random, start_redis};

struct Servers {
    addresses: Addresses,
    _processes: [ServerProcess; 2],
}

/// `None` if the environment says that the oracle is to be skipped.
fn two_redis_servers() -> Option<Servers> {
    if std::env::var("EVENKEEL_ORACLE").is_ok_and(|value| value == "skip") {
        return None;
    }
    let processes = [start_redis(), start_redis()];
    let [subject, reference] = [0, 1].map(|index: usize| processes[index].address().clone());
    Some(Servers {
        addresses: Addresses { subject, reference },
        _processes: processes,
    })
}

/// Commands about collections that take no part, for they wait.
const WAITING: &[&str] = &[
    "blmove",
    "blmpop",
    "blpop",
    "brpop",
    "brpoplpush",
    "bzmpop",
    "bzpopmax",
    "bzpopmin",
];

/// Goal: the grammar reaches into every command on collections. Method: two redis-servers; each
/// command that COMMAND LIST has under these categories was run, errors were fewer than half, and
/// collections went far beyond what one block holds.
#[test]
fn commands_on_collections_are_met_and_mostly_succeed() {
    let Some(servers) = two_redis_servers() else {
        return;
    };
    let addresses = &servers.addresses;
    let families: Vec<Family> = FAMILIES
        .iter()
        .filter(|family| !matches!(family.name, "string" | "server" | "stream"))
        .copied()
        .collect();
    let tally = run_random(addresses, &families, 3, Breadth::FewKeys, 50_000)
        .unwrap_or_else(|text| panic!("two equal servers agree: {text}"));
    for (kind, category) in [
        ("hash", "hash"),
        ("list", "list"),
        ("set", "set"),
        ("zset", "sortedset"),
        ("zset", "geo"),
    ] {
        let request = format!("COMMAND LIST FILTERBY ACLCAT {category}");
        let list = Client::connect(&addresses.reference).line(&request);
        let names = list.members().iter().map(Value::text);
        for name in names.filter(|name| !WAITING.contains(&name.as_str())) {
            let runs = tally.runs(&name.to_uppercase());
            assert!(runs.count >= 50, "{name}: {runs:?}");
            assert!(runs.error_count * 2 < runs.count, "{name}: {runs:?}");
        }
        let largest = tally.largest(kind);
        assert!(largest >= 1_000, "{kind}: {largest} elements at most");
    }
    for name in ["PFADD", "PFCOUNT", "PFMERGE"] {
        let runs = tally.runs(name);
        assert!(runs.count >= 50, "{name}: {runs:?}");
        assert!(runs.error_count * 2 < runs.count, "{name}: {runs:?}");
    }
}

/// Goal: no difference hides behind order or chance. Method: collections that differ in one
/// element, value, score or encoding, and one request whose shape is the same on both sides.
#[test]
fn collections_that_differ_are_refused_whatever_chance_decides() {
    let Some(servers) = two_redis_servers() else {
        return;
    };
    let members = |range: std::ops::Range<u32>| {
        let members: Vec<String> = range.map(|number| format!("m{number}")).collect();
        format!("SADD s {}", members.join(" "))
    };
    let (many, many_others) = (members(0..600), members(1..601));
    let many_fewer = members(0..599);
    const ALL: &str = "";
    for (ours, theirs, request) in [
        ("SADD s a", "SADD s b", "SPOP s"),
        ("SADD s a b", "SADD s c d", "SPOP s 1"),
        ("SADD s a", "SADD s b", "SPOP s 1000000000"),
        ("SADD s a", "SADD s b", "SRANDMEMBER s"),
        ("SADD s a", "SADD s b", "SRANDMEMBER s -3"),
        ("SADD s a b", "SADD s b c", "SRANDMEMBER s 2"),
        ("HSET h f 1", "HSET h g 1", "HRANDFIELD h"),
        ("HSET h f 1", "HSET h f 2", "HRANDFIELD h 1 WITHVALUES"),
        ("ZADD z 1 a", "ZADD z 2 a", "ZRANDMEMBER z -3 WITHSCORES"),
        (many.as_str(), many_others.as_str(), "SSCAN s 0 COUNT 5"),
        (many.as_str(), many_fewer.as_str(), "SSCAN s 0"),
        ("SADD s a", "SADD s b", ALL),
        ("RPUSH l a b", "RPUSH l b a", ALL),
        ("HSET h f 1", "HSET h f 2", ALL),
        ("ZADD z 1 a", "ZADD z 2 a", ALL),
        ("SET k v", "SET k v EX 1000", ALL),
    ] {
        let mut pair = Pair::new(&servers.addresses);
        Client::connect(&servers.addresses.subject).line(ours);
        Client::connect(&servers.addresses.reference).line(theirs);
        let operation = match request {
            ALL => Operation::CompareKeyspaces,
            _ => Operation::Request {
                connection: 0,
                words: words::split(request).expect("the line is well formed"),
            },
        };
        let outcome = pair.run(&[operation]);
        assert!(outcome.is_err(), "{request} hides {ours} and {theirs}");
    }
}

/// Goal: of hashes, the encoding is compared. Method: the same hash, small on one side and large
/// before on the other.
#[test]
fn encodings_of_hashes_are_compared() {
    let Some(servers) = two_redis_servers() else {
        return;
    };
    let mut pair = Pair::new(&servers.addresses);
    let mut clients =
        [&servers.addresses.subject, &servers.addresses.reference].map(Client::connect);
    for client in &mut clients {
        client.line("HSET h f 1");
    }
    clients[1].line(&format!("HSET h g {}", "x".repeat(65)));
    clients[1].line("HDEL h g");
    let mismatch = pair
        .run(&[Operation::CompareKeyspaces])
        .expect_err("the encodings differ");
    assert_eq!(mismatch.subject, "\"listpack\"");
    assert_eq!(mismatch.reference, "\"hashtable\"");
}
