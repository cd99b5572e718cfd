//! Values and files go from this server to redis-server and back: DUMP and RESTORE, MIGRATE, RDB
//! files.
//!
//! Method: keys of every type and encoding are made in one server; what comes of them in the other
//! is compared by DEBUG DIGEST-VALUE, which is made of all elements of a value.
//!
//! Scores are such that Redis 7.0 prints them as 7.2 does: digests are made of what is printed.

use crate::support::client::{Address, Client};
use crate::support::server::{ServerProcess, run_evenkeel};
use crate::support::value::Value;
use crate::{Addresses, servers};
use std::process::Command;

/// Panics where a command is an error.
fn run(client: &mut Client, words: &[&str]) {
    let reply = client.call(words);
    assert!(!matches!(reply, Value::Error(_)), "{words:?}: {reply:?}");
}

/// Every type and encoding, by commands that both servers know.
pub(crate) fn fill(client: &mut Client) {
    let texts = ["", "x", "12", "-129", "70000", "9223372036854775807", "007"];
    for (index, text) in texts.into_iter().enumerate() {
        run(client, &["SET", &format!("string:{index}"), text]);
    }
    run(
        client,
        &["SET", "string:compressible", &"abc".repeat(5_000)],
    );
    run(
        client,
        &["SET", "string:expires", "v", "PXAT", "4000000000000"],
    );
    for count in [1, 60, 700, 3_000] {
        for form in ["integers", "texts", "long"] {
            fill_collections(client, form, count);
        }
        if count <= 700 {
            fill_stream(client, count);
        }
    }
    let ends = [
        "ZADD",
        "sorted:ends",
        "-inf",
        "low",
        "+inf",
        "high",
        "0",
        "zero",
    ];
    run(client, &ends);
    let empty = [
        "XGROUP",
        "CREATE",
        "stream:empty",
        "readers",
        "$",
        "MKSTREAM",
    ];
    run(client, &empty);
}

/// A list, a set, a hash and a sorted set of so many words.
fn fill_collections(client: &mut Client, form: &str, count: usize) {
    let word = |index: usize| match form {
        "integers" => format!("{}", (index as i64 - 30) * (index as i64).pow(3)),
        "texts" => format!("text {index}"),
        _ => format!("long {index} {}", "x".repeat(index % 90)),
    };
    for begin in (0..count).step_by(500) {
        let words: Vec<String> = (begin..count.min(begin + 500)).map(word).collect();
        let mut requests = ["RPUSH list", "SADD set", "HSET hash", "ZADD sorted"].map(|start| {
            let (command, kind) = start.split_once(' ').expect("two words");
            vec![command.to_owned(), format!("{kind}:{form}:{count}")]
        });
        for (index, word) in words.iter().enumerate() {
            requests[0].push(word.clone());
            requests[1].push(word.clone());
            requests[2].extend([word.clone(), word.clone()]);
            let score = match form {
                "integers" => format!("{}", (index * 7_919 % 100_003) as i64 - 500),
                _ => format!("{}.5", index % 9),
            };
            requests[3].extend([score, word.clone()]);
        }
        for request in &requests {
            let words: Vec<&str> = request.iter().map(String::as_str).collect();
            run(client, &words);
        }
    }
}

/// A stream of so many entries, some of them deleted, with groups.
fn fill_stream(client: &mut Client, count: usize) {
    let stream = format!("stream:{count}");
    for index in 0..count {
        let id = format!("{}-{}", 1_000 + index / 3, 1 + index % 3);
        match index % 5 {
            0..4 => run(client, &["XADD", &stream, &id, "field", &id, "other", "7"]),
            _ => run(client, &["XADD", &stream, &id, "own", "-300"]),
        }
    }
    run(client, &["XGROUP", "CREATE", &stream, "readers", "0"]);
    run(client, &["XGROUP", "CREATE", &stream, "late", "$"]);
    for (consumer, most) in [("one", "40"), ("two", "3")] {
        let begin = ["XREADGROUP", "GROUP", "readers", consumer, "COUNT", most];
        run(client, &[&begin[..], &["STREAMS", &stream, ">"]].concat());
    }
    run(client, &["XACK", &stream, "readers", "1000-2"]);
    run(client, &["XDEL", &stream, "1000-3"]);
}

/// All keys of the first database.
fn keys(client: &mut Client) -> Vec<Vec<u8>> {
    let Value::Array(keys) = client.line("KEYS *") else {
        panic!("KEYS replies an array");
    };
    let mut keys: Vec<Vec<u8>> = keys
        .into_iter()
        .map(|key| match key {
            Value::Bulk(key) => key,
            other => panic!("{other:?}"),
        })
        .collect();
    keys.sort();
    keys
}

/// Panics where a key of `one` differs in `other`, or is missing in either.
pub(crate) fn compare(one: &mut Client, other: &mut Client) {
    let names = keys(one);
    assert!(names.len() > 50);
    assert_eq!(names, keys(other));
    for key in names {
        let shown = key.escape_ascii().to_string();
        let question = [&b"DEBUG"[..], b"DIGEST-VALUE", &key];
        assert_eq!(one.call(&question), other.call(&question), "{shown}");
        let question = [&b"PEXPIRETIME"[..], &key];
        assert_eq!(one.call(&question), other.call(&question), "{shown}");
        if key.starts_with(b"stream:") {
            let question = [&b"XPENDING"[..], &key, b"readers"];
            assert_eq!(one.call(&question), other.call(&question), "{shown}");
            for question in ["XINFO GROUPS", "XRANGE"] {
                let words = match question {
                    "XRANGE" => vec![&b"XRANGE"[..], &key, b"-", b"+"],
                    _ => vec![&b"XINFO"[..], b"GROUPS", &key],
                };
                assert_eq!(one.call(&words), other.call(&words), "{shown}");
            }
        }
    }
}

fn exchange(from: &Address, to: &Address) {
    let (mut from, mut to) = (Client::connect(from), Client::connect(to));
    fill(&mut from);
    for key in keys(&mut from) {
        let Value::Bulk(payload) = from.call(&[b"DUMP", &key[..]]) else {
            panic!("{}", key.escape_ascii());
        };
        let Value::Integer(deadline) = from.call(&[b"PEXPIRETIME", &key[..]]) else {
            panic!("PEXPIRETIME replies an integer");
        };
        let deadline = deadline.max(0).to_string();
        let words = [
            b"RESTORE",
            &key[..],
            deadline.as_bytes(),
            &payload,
            b"ABSTTL",
        ];
        let reply = to.call(&words);
        assert_eq!(reply, Value::Simple(b"OK".into()), "{}", key.escape_ascii());
    }
    compare(&mut from, &mut to);
}

/// A redis-server of the test's own, and its directory.
fn redis() -> Option<ServerProcess> {
    let is_skipped = std::env::var("EVENKEEL_ORACLE").is_ok_and(|value| value == "skip");
    (!is_skipped).then(crate::start_redis)
}

/// Puts a file in the place of that of a redis-server, which loads it.
fn load_in_redis(redis: &ServerProcess, file: &[u8]) {
    std::fs::write(redis.directory().join("dump.rdb"), file).expect("the folder is the test's");
    let reloaded = redis.client().line("DEBUG RELOAD NOSAVE");
    assert_eq!(reloaded, Value::Simple(b"OK".into()));
}

/// Goal: files go both ways, by the programs and at the start. Method: a file of redis-server is
/// imported and, beside, loaded by a start; what the snapshot exports is loaded by redis-server.
#[test]
fn files_go_both_ways() {
    let Some(redis) = redis() else { return };
    fill(&mut redis.client());
    assert_eq!(redis.client().line("SAVE"), Value::Simple(b"OK".into()));
    let path = |name: &str| redis.directory().join(name);
    let name = |name: &str| path(name).to_str().expect("a path of text").to_owned();
    let imported = run_evenkeel(&["import", &name("dump.rdb"), &name("dump.evk")]);
    assert_eq!(imported.code, Some(0), "{:?}", imported.errors);
    assert_eq!(imported.output[1], "9 of type string");
    let beside = tempfile::tempdir().expect("a folder");
    std::fs::copy(path("dump.rdb"), beside.path().join("dump.rdb")).expect("it was saved");
    for folder in [redis.directory(), beside.path()] {
        let folder = folder.to_str().expect("a path of text");
        let evenkeel = ServerProcess::evenkeel(&["--dir", folder, "--save", ""]);
        compare(&mut redis.client(), &mut evenkeel.client());
    }
    let exported = run_evenkeel(&["export", &name("dump.evk"), &name("exported.rdb")]);
    assert_eq!(exported.code, Some(0), "{:?}", exported.errors);
    let evenkeel = ServerProcess::evenkeel(&["--dir", &name("."), "--save", ""]);
    let file = std::fs::read(path("exported.rdb")).expect("it was exported");
    load_in_redis(&redis, &file);
    compare(&mut evenkeel.client(), &mut redis.client());
}

/// Goal: what SYNC sends, `redis-cli --rdb` takes and redis-server loads.
#[test]
fn a_file_goes_over_a_connection() {
    let Some(redis) = redis() else { return };
    let evenkeel = ServerProcess::evenkeel(&["--save", ""]);
    fill(&mut evenkeel.client());
    let Address::Tcp(address) = evenkeel.address() else {
        return;
    };
    let (_, port) = address.rsplit_once(':').expect("an address has a port");
    let path = redis.directory().join("taken.rdb");
    let mut taker = Command::new("redis-cli");
    taker.args(["-p", port, "--rdb"]).arg(&path);
    let taken = taker
        .output()
        .expect("redis-cli is there with redis-server");
    assert!(taken.status.success(), "{taken:?}");
    load_in_redis(&redis, &std::fs::read(&path).expect("it was taken"));
    compare(&mut evenkeel.client(), &mut redis.client());
}

#[test]
fn values_go_from_redis_to_here() {
    let Some(servers) = servers() else { return };
    let Addresses { subject, reference } = &servers.addresses;
    exchange(reference, subject);
}

#[test]
fn values_go_from_here_to_redis() {
    let Some(servers) = servers() else { return };
    let Addresses { subject, reference } = &servers.addresses;
    exchange(subject, reference);
}

#[test]
fn migrate_of_redis_reaches_this_server() {
    let Some(servers) = servers() else { return };
    let Addresses { subject, reference } = &servers.addresses;
    let Address::Tcp(address) = subject else {
        return;
    };
    let (host, port) = address.rsplit_once(':').expect("an address has a port");
    let mut redis = Client::connect(reference);
    let mut evenkeel = Client::connect(subject);
    redis.line("SET k v PX 60000000");
    redis.line("RPUSH l a b c");
    let begin = [
        "MIGRATE", host, port, "", "0", "5000", "COPY", "KEYS", "k", "l",
    ];
    assert_eq!(redis.call(&begin), Value::Simple(b"OK".into()));
    let one = ["MIGRATE", host, port, "l", "0", "5000"];
    let busy = redis.call(&one);
    let Value::Error(text) = busy else {
        panic!("{busy:?}")
    };
    let expected =
        b"ERR Target instance replied with error: BUSYKEY Target key name already exists.";
    assert_eq!(
        text.escape_ascii().to_string(),
        expected.escape_ascii().to_string()
    );
    let again = ["MIGRATE", host, port, "l", "0", "5000", "REPLACE"];
    assert_eq!(redis.call(&again), Value::Simple(b"OK".into()));
    assert_eq!(evenkeel.line("LRANGE l 0 -1"), redis_list());
    assert!(matches!(
        evenkeel.line("PTTL k"),
        Value::Integer(59_000_000..=60_000_000)
    ));
}

fn redis_list() -> Value {
    Value::Array(["a", "b", "c"].map(|item| Value::Bulk(item.into())).into())
}
