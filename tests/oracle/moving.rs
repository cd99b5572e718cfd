//! A live redis-server is moved over: REPLICAOF, changes under load, a broken link, promotion.
//!
//! Method: writers send random commands of every type to redis-server for as long as the test has
//! not seen what it wants. Then every key must be the same on both servers, by DEBUG DIGEST-VALUE.

use crate::authority::Authority;
use crate::exchange::{compare, fill};
use crate::support::client::{Address, Client};
use crate::support::server::{ServerProcess, free_port};
use crate::support::value::Value;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const PASSWORD: &str = "a secret";

/// Nothing here takes longer.
const LIMIT: Duration = Duration::from_secs(60);

/// Requests that a writer sends at once.
const PIPELINE: usize = 50;

fn field(client: &mut Client, section: &str, name: &str) -> String {
    let Value::Bulk(text) = client.line(&format!("INFO {section}")) else {
        panic!("INFO replies a bulk")
    };
    let text = String::from_utf8(text).expect("INFO is text");
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{name}:")));
    line.unwrap_or("none").to_owned()
}

fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < LIMIT, "in vain: {what}");
        std::thread::yield_now();
    }
}

/// A random write; what chance decides in it is decided by the primary.
fn write(random: &mut fastrand::Rng) -> String {
    let (n, v) = (random.u32(0..40), random.u32(..));
    match random.u32(0..24) {
        0 => format!("SET live:string:{n} {v}"),
        1 => format!("INCRBYFLOAT live:float:{n} 0.1"),
        2 => format!("APPEND live:text:{n} {v}"),
        3 => format!("SET live:long:{n} {v} EX 5000"),
        4 => format!("SET live:short:{n} {v} PX 20"),
        5 => format!("PEXPIRE live:long:{n} 4000000"),
        6 => format!("PERSIST live:long:{n}"),
        7 => format!("LPUSH live:list:{n} {v} {n}"),
        8 => format!("RPOP live:list:{n}"),
        9 => format!("SADD live:set:{n} {v} {n} x"),
        10 => format!("SPOP live:set:{n}"),
        11 => format!("HSET live:hash:{n} f{} {v}", v % 50),
        12 => format!("HINCRBY live:hash:{n} count 3"),
        13 => format!("ZADD live:sorted:{n} {} m{}", v % 9, v % 70),
        14 => format!("ZPOPMIN live:sorted:{n}"),
        15 => format!("XADD live:stream:{n} MAXLEN 200 * f {v}"),
        16 => format!("XGROUP CREATE live:stream:{n} g 0 MKSTREAM"),
        17 => format!(
            "XREADGROUP GROUP g c{} COUNT 3 STREAMS live:stream:{n} >",
            v % 3
        ),
        18 => format!(
            "ZUNIONSTORE live:sorted:{n} 2 live:sorted:{} live:set:{}",
            v % 40,
            v % 40
        ),
        19 => format!("PFADD live:loglog:{n} {v}"),
        20 => format!("GETDEL live:string:{n}"),
        21 => format!(
            "EVAL \"redis.call('incr','live:scripted') return redis.call('rpush','live:list:{n}',{v})\" 0"
        ),
        22 => format!("SETRANGE live:text:{n} {} abc", v % 500),
        _ => format!("RENAME live:list:{n} live:list:{}", v % 40),
    }
}

/// Writes until it is told to stop; counts.
fn load(address: &Address, seed: u64, is_over: &AtomicBool, count: &AtomicU64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut client = Client::connect(address);
    client.call(&["AUTH", PASSWORD]);
    while !is_over.load(Ordering::Relaxed) {
        let mut bytes = Vec::new();
        let mut replies = 0;
        for _ in 0..PIPELINE {
            let is_whole = random.u32(0..10) > 0;
            let lines = match is_whole {
                true => vec![write(&mut random)],
                false => vec![
                    "MULTI".to_owned(),
                    write(&mut random),
                    write(&mut random),
                    "EXEC".to_owned(),
                ],
            };
            replies += lines.len();
            bytes.extend(
                lines
                    .iter()
                    .flat_map(|line| format!("{line}\r\n").into_bytes()),
            );
        }
        client.send_raw(&bytes).expect("redis-server reads");
        for _ in 0..replies {
            client.read_reply().expect("redis-server replies");
        }
        count.fetch_add(PIPELINE as u64, Ordering::Relaxed);
    }
}

/// Moves a redis-server over; by its encrypted port, if it has one.
fn move_over(redis_options: &[&str], evenkeel_options: &[&str], encrypted_port: Option<u16>) {
    if std::env::var("EVENKEEL_ORACLE").is_ok_and(|value| value == "skip") {
        return;
    }
    let options = [
        redis_options,
        &["--requirepass", PASSWORD, "--repl-backlog-size", "64mb"],
    ]
    .concat();
    let redis = ServerProcess::redis(&options).expect("redis-server is installed");
    let mut primary = redis.client();
    primary.call(&["AUTH", PASSWORD]);
    fill(&mut primary);
    let own_options = ["--save", "", "--masterauth", PASSWORD];
    let evenkeel = ServerProcess::evenkeel(&[&own_options, evenkeel_options].concat());
    let mut replica = evenkeel.client();
    replica.line("SET old 1");
    let Address::Tcp(address) = redis.address() else {
        return;
    };
    let (host, port) = address.rsplit_once(':').expect("an address has a port");
    let port = encrypted_port.map_or(port.to_owned(), |port| port.to_string());
    let (is_over, count) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for seed in [1, 2] {
            let (to, is_over, count) = (redis.address(), &is_over, &count);
            scope.spawn(move || load(to, seed, is_over, count));
        }
        let has_written = |more: u64| {
            let begin = count.load(Ordering::Relaxed);
            wait("writes", || count.load(Ordering::Relaxed) >= begin + more);
        };
        has_written(2_000);
        assert_eq!(
            replica.call(&["REPLICAOF", host, &port]),
            Value::Simple(b"OK".into())
        );
        let is_up =
            |replica: &mut Client| field(replica, "replication", "master_link_status") == "up";
        wait("a link", || is_up(&mut replica));
        has_written(2_000);
        primary.line("CLIENT KILL TYPE replica");
        wait("a partial resync", || {
            field(&mut primary, "stats", "sync_partial_ok") != "0" && is_up(&mut replica)
        });
        has_written(2_000);
        is_over.store(true, Ordering::Relaxed);
    });
    for index in 0..40 {
        primary.line(&format!("DEL live:short:{index}"));
    }
    wait("all changes", || {
        let there = field(&mut primary, "replication", "master_repl_offset");
        field(&mut replica, "replication", "slave_repl_offset") == there
    });
    assert_eq!(field(&mut primary, "stats", "sync_full"), "1");
    assert_eq!(
        replica.line("REPLICAOF NO ONE"),
        Value::Simple(b"OK".into())
    );
    assert_eq!(field(&mut replica, "replication", "role"), "master");
    assert_eq!(
        field(&mut replica, "stats", "unexpected_error_replies"),
        "0"
    );
    compare(&mut primary, &mut replica);
    assert_eq!(replica.line("SET new 1"), Value::Simple(b"OK".into()));
}

#[test]
fn a_live_redis_moves_over_by_its_disk() {
    move_over(&["--repl-diskless-sync", "no"], &[], None);
}

const DISKLESS: [&str; 4] = [
    "--repl-diskless-sync",
    "yes",
    "--repl-diskless-sync-delay",
    "0",
];

#[test]
fn a_live_redis_moves_over_without_its_disk() {
    move_over(&DISKLESS, &[], None);
}

/// Either shows the other its certificate, in whose names the address of neither stands.
#[test]
fn a_live_redis_moves_over_encrypted() {
    let authority = Authority::new();
    authority.sign("redis");
    authority.sign("evenkeel");
    let path = |name: &str| authority.path(name).display().to_string();
    let (ca, port) = (path("ca.pem"), free_port());
    let identity = |name: &str| [path(&format!("{name}.pem")), path(&format!("{name}.key"))];
    let [redis, evenkeel] = ["redis", "evenkeel"].map(identity);
    let options = |[certificate, key]: &[String; 2]| {
        let pairs = [
            ("--tls-ca-cert-file", ca.as_str()),
            ("--tls-cert-file", certificate.as_str()),
            ("--tls-key-file", key.as_str()),
        ];
        pairs
            .map(|(name, value)| [name.to_owned(), value.to_owned()])
            .concat()
    };
    let (of_redis, of_evenkeel) = (options(&redis), options(&evenkeel));
    let port_text = port.to_string();
    let mut redis_options: Vec<&str> = of_redis.iter().map(String::as_str).collect();
    redis_options.extend(["--tls-port", &port_text]);
    redis_options.extend(DISKLESS);
    let mut evenkeel_options: Vec<&str> = of_evenkeel.iter().map(String::as_str).collect();
    evenkeel_options.extend(["--tls-replication", "yes"]);
    move_over(&redis_options, &evenkeel_options, Some(port));
}

/// A primary whose certificate nobody vouches for is not followed, and the log says why.
#[test]
fn a_primary_with_a_strange_certificate_is_not_believed() {
    if std::env::var("EVENKEEL_ORACLE").is_ok_and(|value| value == "skip") {
        return;
    }
    let (theirs, ours) = (Authority::new(), Authority::new());
    theirs.sign("redis");
    let path = |name: &str| theirs.path(name).display().to_string();
    let port = free_port().to_string();
    let redis = ServerProcess::redis(&[
        "--tls-port",
        &port,
        "--tls-auth-clients",
        "no",
        "--tls-ca-cert-file",
        &path("ca.pem"),
        "--tls-cert-file",
        &path("redis.pem"),
        "--tls-key-file",
        &path("redis.key"),
    ])
    .expect("redis-server is installed");
    let ca = ours.path("ca.pem").display().to_string();
    let mut evenkeel = ServerProcess::evenkeel(&[
        "--save",
        "",
        "--tls-replication",
        "yes",
        "--tls-ca-cert-file",
        &ca,
        "--replicaof",
        "127.0.0.1",
        &port,
    ]);
    let line = evenkeel.wait_for_log("is broken");
    assert!(line.contains("invalid peer certificate"), "{line}");
    let mut client = evenkeel.client();
    assert_eq!(
        field(&mut client, "replication", "master_link_status"),
        "down"
    );
    drop(redis);
}
