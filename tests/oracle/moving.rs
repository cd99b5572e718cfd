//! A live redis-server is moved over: REPLICAOF, changes under load, a broken link, promotion.
//!
//! Method: writers send random commands of every type to redis-server for as long as the test has
//! not seen what it wants. Then every key must be the same on both servers, by DEBUG DIGEST-VALUE.
//! With `EVENKEEL_ORACLE_WRITES=20000` it lasts longer, and there must be so many a second.

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

/// Different batches of them that a writer has.
const BATCHES: usize = 400;

/// Writes in each part of the test, …
const PART_WRITES: u64 = 2_000;
/// … and how long a part lasts where a rate is asked for.
const PART_SECONDS: u64 = 5;

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

/// Requests that are sent at once, and how many replies they have.
struct Batch {
    bytes: Vec<u8>,
    reply_count: usize,
}

impl Batch {
    /// Random writes, every tenth of which is a transaction of two.
    fn of(random: &mut fastrand::Rng) -> Self {
        let mut lines = Vec::new();
        for _ in 0..PIPELINE {
            if random.u32(0..10) > 0 {
                lines.push(write(random));
            } else {
                let (one, other) = (write(random), write(random));
                lines.extend(["MULTI".to_owned(), one, other, "EXEC".to_owned()]);
            }
        }
        let requests = lines.iter().map(|line| format!("{line}\r\n"));
        Self {
            bytes: requests.collect::<String>().into_bytes(),
            reply_count: lines.len(),
        }
    }
}

/// Sends batches, in a random order again and again, until it is told to stop; counts. They are
/// made before: what is to be fast here is what happens to them.
fn load(address: &Address, seed: u64, is_over: &AtomicBool, count: &AtomicU64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let batches: Vec<Batch> = (0..BATCHES).map(|_| Batch::of(&mut random)).collect();
    let mut client = Client::connect(address);
    client.call(&["AUTH", PASSWORD]);
    while !is_over.load(Ordering::Relaxed) {
        let batch = &batches[random.usize(0..batches.len())];
        client.send_raw(&batch.bytes).expect("redis-server reads");
        for _ in 0..batch.reply_count {
            client.read_reply().expect("redis-server replies");
        }
        count.fetch_add(PIPELINE as u64, Ordering::Relaxed);
    }
}

/// Tells writers to stop when the test ends, well or not.
struct Until<'a>(&'a AtomicBool);

impl Drop for Until<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// How many writes a second there must be at least, and for how long; without it the test is a
/// short one, of which no speed is asked.
fn wanted_rate() -> Option<u64> {
    let text = std::env::var("EVENKEEL_ORACLE_WRITES").ok()?;
    let rate = text.parse().expect("EVENKEEL_ORACLE_WRITES is a number");
    (rate > 0).then_some(rate)
}

/// Waits for the writes of a part of the test, at the rate that is asked for.
fn wait_for_writes(what: &str, count: &AtomicU64) {
    let (begin, written) = (Instant::now(), count.load(Ordering::Relaxed));
    let more = wanted_rate().map_or(PART_WRITES, |rate| rate * PART_SECONDS);
    wait("writes", || count.load(Ordering::Relaxed) >= written + more);
    if let Some(wanted) = wanted_rate() {
        let rate = more as f64 / begin.elapsed().as_secs_f64();
        println!("{rate:.0} writes a second {what}");
        assert!(rate >= wanted as f64, "{rate} writes a second {what}");
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
        let _over = Until(&is_over);
        for seed in [1, 2] {
            let (to, is_over, count) = (redis.address(), &is_over, &count);
            scope.spawn(move || load(to, seed, is_over, count));
        }
        let write_part = |what: &str| wait_for_writes(what, &count);
        write_part("before the replica comes");
        assert_eq!(
            replica.call(&["REPLICAOF", host, &port]),
            Value::Simple(b"OK".into())
        );
        let is_up =
            |replica: &mut Client| field(replica, "replication", "master_link_status") == "up";
        wait("a link", || is_up(&mut replica));
        write_part("while it follows");
        primary.line("CLIENT KILL TYPE replica");
        wait("a partial resync", || {
            field(&mut primary, "stats", "sync_partial_ok") != "0" && is_up(&mut replica)
        });
        write_part("after a broken link");
    });
    promote(&mut primary, &mut replica);
}

/// Waits until the replica has everything, promotes it, and compares.
fn promote(primary: &mut Client, replica: &mut Client) {
    for index in 0..40 {
        primary.line(&format!("DEL live:short:{index}"));
    }
    let begin = Instant::now();
    wait("all changes", || {
        let there = field(primary, "replication", "master_repl_offset");
        field(replica, "replication", "slave_repl_offset") == there
    });
    if wanted_rate().is_some() {
        println!(
            "{} ms until it had all of them",
            begin.elapsed().as_millis()
        );
    }
    assert_eq!(field(primary, "stats", "sync_full"), "1");
    assert_eq!(
        replica.line("REPLICAOF NO ONE"),
        Value::Simple(b"OK".into())
    );
    assert_eq!(field(replica, "replication", "role"), "master");
    assert_eq!(field(replica, "stats", "unexpected_error_replies"), "0");
    compare(primary, replica);
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
