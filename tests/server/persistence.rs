//! Snapshots of the real binary: what is there after a restart, a crash, damage, a failing disk.
//!
//! Each test has a directory and a disk (`support/disk.rs`) of its own. Nothing sleeps; where a
//! test waits for a timer of the server, it waits for a line of its log.
//!
//! Not here: a crash at every step of a save (`crash.rs`), a file cut or changed at every byte
//! (`snapshot_format.rs`), several servers and what they share (`shared_directory.rs`), waiting and
//! retrying to the millisecond (`src/node/tests/saving.rs`).

#[allow(dead_code, reason = "the caches of other tests are not needed here")]
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::snapshot;
use crate::snapshot::Contents;
use crate::support::PATIENCE;
use crate::support::client::{Client, encode};
use crate::support::disk::Disk;
use crate::support::server::{Ended, ServerProcess, run_evenkeel};
use crate::support::value::Value;
use evenkeel::persistence::FORMAT_VERSION;
use evenkeel::{CacheEngine, Config, Expire, Timestamp};
use tempfile::TempDir;

/// Where one test's snapshots are.
struct Place {
    directory: TempDir,
    disk: Disk,
}

impl Place {
    fn new() -> Place {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let disk = Disk::new();
        Place { directory, disk }
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn text(&self) -> &str {
        self.path().to_str().expect("the path is text")
    }

    fn file(&self) -> PathBuf {
        self.path().join("dump.evk")
    }

    /// Starts a server whose snapshots are here.
    fn start(&self, arguments: &[&str]) -> ServerProcess {
        let mut all = arguments.to_vec();
        all.extend(["--dir", self.text()]);
        ServerProcess::evenkeel_with(&all, |command| self.disk.attach(command))
    }

    /// Starts a server that must refuse to; returns how it ended.
    fn refused(&self, arguments: &[&str]) -> Ended {
        let mut all = vec!["--port", "0", "--dir", self.text()];
        all.extend(arguments);
        let ended = run_evenkeel(&all);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        ended
    }

    /// Names of the files here, sorted, but for what tells who writes here.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path()).expect("the directory can be read");
        let name = |entry: std::io::Result<fs::DirEntry>| {
            let name = entry.expect("an entry can be read").file_name();
            name.to_string_lossy().into_owned()
        };
        let mut names: Vec<_> = entries.map(name).collect();
        names.retain(|name| name != "dump.evk.lock");
        names.sort();
        names
    }

    /// Waits until these are the names of the files here.
    fn wait_for_names(&self, wanted: &[&str]) {
        let end = Instant::now() + PATIENCE;
        while self.names() != wanted {
            assert!(
                Instant::now() < end,
                "{:?} instead of {wanted:?}",
                self.names()
            );
        }
    }

    /// What the snapshot holds, which must be whole.
    fn contents(&self) -> Contents {
        let bytes = fs::read(self.file()).expect("there is a snapshot");
        snapshot::read(&bytes).expect("a whole snapshot").0
    }
}

fn ok() -> Value {
    Value::Simple(b"OK".to_vec())
}

fn simple(text: &str) -> Value {
    Value::Simple(text.as_bytes().to_vec())
}

fn error(text: &str) -> Value {
    Value::Error(text.as_bytes().to_vec())
}

fn bulk(text: &str) -> Value {
    Value::Bulk(text.as_bytes().to_vec())
}

const IN_PROGRESS: &str = "ERR Background save already in progress";

/// A figure of INFO.
fn info(client: &mut Client, name: &str) -> String {
    let text = client.line("INFO").text();
    figure(&text, name)
}

fn figure(text: &str, name: &str) -> String {
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(&format!("{name}:")));
    value
        .unwrap_or_else(|| panic!("INFO has {name}"))
        .to_string()
}

/// Asks until a figure of INFO is as wanted.
fn wait_for_info(client: &mut Client, name: &str, wanted: &str) {
    let end = Instant::now() + PATIENCE;
    while info(client, name) != wanted {
        assert!(Instant::now() < end, "{name} does not become {wanted}");
    }
}

/// Sets `count` keys `PREFIX:number` to values of some 100 bytes.
fn fill(client: &mut Client, prefix: &str, count: usize) {
    for first in (0..count).step_by(1000) {
        let numbers = first..count.min(first + 1000);
        let mut requests = Vec::new();
        for number in numbers.clone() {
            let value = format!("{number:0>100}");
            encode(
                &["SET", &format!("{prefix}:{number}"), &value],
                &mut requests,
            );
        }
        client.send_raw(&requests).expect("the server takes it");
        for _ in numbers {
            assert_eq!(client.read_reply().expect("a reply"), b"+OK\r\n");
        }
    }
}

fn kill(mut server: ServerProcess) {
    server.signal("KILL");
    assert_eq!(server.wait_for_exit(PATIENCE).code(), None);
}

fn end_with(mut server: ServerProcess, words: &[&str]) {
    let mut client = server.client();
    client.send(words).expect("the server takes the request");
    assert_eq!(server.wait_for_exit(PATIENCE).code(), Some(0));
}

#[test]
fn everything_is_there_after_a_restart() {
    let place = Place::new();
    let server = place.start(&["--save", ""]);
    let mut client = server.client();
    fill(&mut client, "key", 20_000);
    assert_eq!(client.line("SET number -42"), ok());
    assert_eq!(client.line("SET with:deadline v PX 100000000"), ok());
    let binary = [b"SET".as_slice(), b"\0\r\n", b"\xff\0"];
    assert_eq!(client.call(&binary), ok());
    let deadline = client.line("PEXPIRETIME with:deadline");
    assert!(matches!(deadline, Value::Integer(ms) if ms > 0));
    client.line("SELECT 15");
    assert_eq!(client.line("SET other database"), ok());
    assert_eq!(client.line("SAVE"), ok());
    assert_eq!(client.line("SET late v"), ok());
    kill(server);
    assert_eq!(place.names(), ["dump.evk"]);

    let mut server = place.start(&["--save", ""]);
    server.wait_for_log("loaded 20004 keys from ");
    let mut client = server.client();
    assert_eq!(client.line("DBSIZE"), Value::Integer(20_003));
    for number in (0..20_000).step_by(331) {
        let value = client.call(&["GET", &format!("key:{number}")]);
        assert_eq!(value, bulk(&format!("{number:0>100}")));
    }
    assert_eq!(client.line("INCR number"), Value::Integer(-41));
    assert_eq!(client.line("PEXPIRETIME with:deadline"), deadline);
    assert_eq!(client.line("TTL number"), Value::Integer(-1));
    let value = client.call(&[b"GET".as_slice(), b"\0\r\n"]);
    assert_eq!(value, Value::Bulk(b"\xff\0".to_vec()));
    assert_eq!(info(&mut client, "rdb_last_load_keys_loaded"), "20004");
    assert_eq!(info(&mut client, "rdb_changes_since_last_save"), "1");
    client.line("SELECT 15");
    assert_eq!(client.line("KEYS *"), Value::Array(vec![bulk("other")]));
}

#[test]
fn keys_that_expired_meanwhile_are_left_out() {
    let place = Place::new();
    let mut cache = CacheEngine::new(Config::default());
    let long_ago = Timestamp::from_unix_ms(1_600_000_000_000);
    cache.advance_to(long_ago);
    cache
        .set(b"stays", b"v", Expire::Never)
        .expect("there is room");
    cache
        .set(b"goes", b"v", Expire::After(Duration::from_secs(86_400)))
        .expect("there is room");
    cache
        .set(b"later", b"v", Expire::AtUnixMs(4_000_000_000_000))
        .expect("there is room");
    cache.save(place.file()).expect("the disk takes it");
    assert_eq!(place.contents().len(), 3);

    let server = place.start(&[]);
    let mut client = server.client();
    assert_eq!(client.line("DBSIZE"), Value::Integer(2));
    assert_eq!(client.line("EXISTS stays later"), Value::Integer(2));
    assert_eq!(
        client.line("PEXPIRETIME later"),
        Value::Integer(4_000_000_000_000)
    );
    assert_eq!(info(&mut client, "rdb_last_load_keys_loaded"), "2");
    assert_eq!(info(&mut client, "rdb_last_load_keys_expired"), "1");
}

/// Goal: SAVE holds up its own client only. Method: the disk stalls until others were served.
#[test]
fn others_are_served_while_a_client_waits_for_its_save() {
    let place = Place::new();
    let server = place.start(&["--save", ""]);
    let (mut waiter, mut other) = (server.client(), server.client());
    assert_eq!(other.line("SET k before"), ok());
    let stall = place.disk.stall();
    waiter.send(&["SAVE"]).expect("the server takes it");
    wait_for_info(&mut other, "snapshot_in_progress", "1");
    for _ in 0..1000 {
        assert_eq!(other.line("PING"), simple("PONG"));
    }
    assert_eq!(other.line("SET k after"), ok());
    assert_eq!(other.line("SAVE"), error(IN_PROGRESS));
    assert_eq!(other.line("BGSAVE"), error(IN_PROGRESS));
    let short = Duration::from_millis(1);
    waiter.set_read_timeout(short).expect("a connection");
    assert!(waiter.read_reply().is_err(), "nothing is durable yet");
    waiter.set_read_timeout(PATIENCE).expect("a connection");

    stall.end();
    assert_eq!(waiter.read_reply().expect("it is saved"), b"+OK\r\n");
    assert_eq!(place.contents()[&(0, b"k".to_vec())].0, b"before");
    assert_eq!(waiter.line("SAVE"), ok());
    assert_eq!(place.contents()[&(0, b"k".to_vec())].0, b"after");
}

#[test]
fn commands_about_snapshots_answer_as_those_of_redis() {
    let place = Place::new();
    let server = place.start(&["--save", ""]);
    let mut client = server.client();
    let Value::Integer(started) = client.line("LASTSAVE") else {
        panic!("a time")
    };
    let now = std::time::UNIX_EPOCH.elapsed().expect("it is past 1970");
    assert!((now.as_secs() as i64 - started).abs() <= PATIENCE.as_secs() as i64);
    assert_eq!(info(&mut client, "rdb_last_save_time"), started.to_string());
    assert_eq!(info(&mut client, "rdb_last_bgsave_time_sec"), "-1");

    client.line("SET k v");
    assert_eq!(client.line("BGSAVE"), simple("Background saving started"));
    wait_for_info(&mut client, "rdb_saves", "1");
    assert_eq!(info(&mut client, "rdb_last_bgsave_status"), "ok");
    assert!(matches!(client.line("LASTSAVE"), Value::Integer(at) if at >= started));
    assert_eq!(place.contents().len(), 1);

    let stall = place.disk.stall();
    assert_eq!(
        client.line("BGSAVE schedule"),
        simple("Background saving started")
    );
    assert_eq!(client.line("BGSAVE"), error(IN_PROGRESS));
    assert_eq!(
        client.line("BGSAVE SCHEDULE"),
        simple("Background saving scheduled")
    );
    client.line("SET late v");
    stall.end();
    wait_for_info(&mut client, "rdb_saves", "3");
    assert_eq!(place.contents().len(), 2, "the scheduled one is later");

    assert_eq!(client.line("MULTI"), ok());
    assert_eq!(
        client.line("SAVE"),
        error("ERR Command not allowed inside a transaction")
    );
    assert!(matches!(client.line("EXEC"), Value::Error(text) if text.starts_with(b"EXECABORT ")));
    assert_eq!(client.line("MULTI"), ok());
    assert_eq!(client.line("BGSAVE"), simple("QUEUED"));
    let started = Value::Array(vec![simple("Background saving started")]);
    assert_eq!(client.line("EXEC"), started);
    wait_for_info(&mut client, "rdb_saves", "4");
}

#[test]
fn save_points_save_by_themselves() {
    let place = Place::new();
    let mut server = place.start(&["--save", "1 2"]);
    let mut client = server.client();
    client.line("SET a v");
    client.line("SET b v");
    server.wait_for_log("saved a snapshot");
    assert_eq!(place.contents().len(), 2);
    let is_of_saving = |line: &&String| line.contains("node::saving");
    assert_eq!(server.log().iter().filter(is_of_saving).count(), 1);
    assert_eq!(info(&mut client, "rdb_changes_since_last_save"), "0");
    assert_eq!(info(&mut client, "rdb_saves"), "1");
}

#[test]
fn the_end_saves_if_it_should() {
    type End<'a> = (&'a str, &'a [&'a str], bool);
    let cases: [End<'_>; 6] = [
        ("3600 1000", &[], true),
        ("", &[], false),
        ("3600 1000", &["SHUTDOWN"], true),
        ("", &["SHUTDOWN"], false),
        ("3600 1000", &["SHUTDOWN", "NOSAVE"], false),
        ("", &["SHUTDOWN", "SAVE"], true),
    ];
    for (points, words, saves) in cases {
        let place = Place::new();
        let mut server = place.start(&["--save", points]);
        assert_eq!(server.client().line("SET k v"), ok());
        if words.is_empty() {
            server.signal("TERM");
            assert_eq!(server.wait_for_exit(PATIENCE).code(), Some(0));
        } else {
            end_with(server, words);
        }
        let expected: &[&str] = if saves { &["dump.evk"] } else { &[] };
        assert_eq!(place.names(), expected, "save {points:?}, {words:?}");
        if saves {
            assert_eq!(place.contents().len(), 1);
        }
    }
}

/// Defect: a server that ended without saving left the file of the snapshot that was going on.
/// Effect: a useless file until the next start. Fix: a storage that goes removes it.
#[test]
fn an_end_without_saving_leaves_nothing_unfinished() {
    let place = Place::new();
    let server = place.start(&["--save", ""]);
    let mut client = server.client();
    fill(&mut client, "key", 100_000);
    client.send(&["BGSAVE"]).expect("the server takes it");
    end_with(server, &["SHUTDOWN", "NOSAVE"]);
    assert!(
        place.names().iter().all(|name| name == "dump.evk"),
        "{:?}",
        place.names()
    );
}

/// Defect: the end of the server waited for a disk that hung, though nothing was to be saved.
/// Effect: SHUTDOWN NOSAVE said that it had stopped, and the process stayed. Fix: the wait has a
/// limit.
#[test]
fn a_disk_that_hangs_does_not_keep_the_server_from_ending_without_a_save() {
    let place = Place::new();
    let server = place.start(&["--save", ""]);
    let _stall = place.disk.stall();
    let mut client = server.client();
    assert_eq!(client.line("BGSAVE"), simple("Background saving started"));
    end_with(server, &["SHUTDOWN", "NOSAVE"]);
}

/// Defect: the end of the server waited for ever for a last snapshot on a disk that hung. Effect:
/// it had to be killed, and systemd, asked for more time again and again, never did. Fix: a disk
/// that has not answered for ten seconds is given up.
#[test]
fn a_disk_that_hangs_keeps_the_server_from_its_last_snapshot_and_not_from_ending() {
    let place = Place::new();
    let mut server = place.start(&["--save", "3600 1"]);
    let _stall = place.disk.stall();
    assert_eq!(server.client().line("SET k v"), ok());
    server.signal("TERM");
    server.wait_for_log("the disk has not answered for 10 seconds");
    server.wait_for_log("the server ends without its last snapshot");
    assert_eq!(server.wait_for_exit(PATIENCE).code(), Some(0));
}

/// The content at some moment of the writer in [`killed_under_load`]: both keys of a pair have the
/// same value, and pairs were written in order.
fn check_generations(contents: &Contents, pair_count: usize) {
    let generation = |name: &str, pair: usize| -> Option<u64> {
        let key = (0, format!("{name}:{pair}").into_bytes());
        let text = String::from_utf8(contents.get(&key)?.0.clone()).expect("digits");
        Some(text.trim_start_matches('0').parse().expect("digits"))
    };
    let mut generations = Vec::new();
    for pair in 0..pair_count {
        let value = generation("a", pair);
        assert_eq!(value, generation("b", pair), "pair {pair}");
        generations.push(value.unwrap_or(0));
    }
    let (newest, oldest) = (generations[0], generations[pair_count - 1]);
    assert!(newest <= oldest + 1, "{newest} and {oldest}");
    assert!(generations.is_sorted_by(|a, b| a >= b), "{generations:?}");
}

/// Writes generations of pairs, each pair in one transaction, and asks for snapshots all the time,
/// until the connection ends.
fn write_generations(mut client: Client, first: u64, pair_count: usize) -> u64 {
    let mut generation = first;
    loop {
        let mut requests = Vec::new();
        let value = format!("{generation:0>100}");
        for pair in 0..pair_count {
            encode(&["MULTI"], &mut requests);
            encode(&["SET", &format!("a:{pair}"), &value], &mut requests);
            encode(&["SET", &format!("b:{pair}"), &value], &mut requests);
            encode(&["EXEC"], &mut requests);
        }
        encode(&["BGSAVE"], &mut requests);
        let sent = client.send_raw(&requests);
        let replies = 4 * pair_count + 1;
        if sent.is_err() || (0..replies).any(|_| client.read_reply().is_err()) {
            return generation;
        }
        generation += 1;
    }
}

/// Goal: whenever the server is killed, a restart finds one whole snapshot of one moment, and
/// nothing unfinished stays. Method: rounds of [`write_generations`], ended by SIGKILL after a
/// number of further snapshots that a fixed seed chooses, every other time in the middle of one.
#[test]
fn killed_under_load() {
    const ROUNDS: usize = 14;
    const PAIR_COUNT: usize = 2_000;
    const OTHER_COUNT: usize = 60_000;
    let place = Place::new();
    let mut random = fastrand::Rng::with_seed(12);
    let server = place.start(&["--save", ""]);
    fill(&mut server.client(), "other", OTHER_COUNT);
    assert_eq!(server.client().line("SAVE"), ok());
    kill(server);
    let (mut generation, mut leftovers) = (1, 0);
    for round in 0..ROUNDS {
        let server = place.start(&["--save", ""]);
        assert_eq!(place.names(), ["dump.evk"], "round {round}");
        let contents = place.contents();
        let mut client = server.client();
        let key_count = contents.len() as i64;
        assert_eq!(client.line("DBSIZE"), Value::Integer(key_count));
        check_generations(&contents, PAIR_COUNT);
        assert!(contents.len() >= OTHER_COUNT);

        let writer = server.client();
        let writing = std::thread::spawn(move || write_generations(writer, generation, PAIR_COUNT));
        let saves = random.u64(0..3);
        let end = Instant::now() + PATIENCE;
        while info(&mut client, "rdb_saves")
            .parse::<u64>()
            .expect("digits")
            < saves
        {
            assert!(Instant::now() < end, "round {round}: no snapshots");
        }
        if round % 2 == 0 {
            wait_for_info(&mut client, "snapshot_in_progress", "1");
        } else {
            (0..random.usize(0..200)).for_each(|_| drop(client.line("PING")));
        }
        kill(server);
        generation = writing.join().expect("the writer ends") + 1;
        leftovers += usize::from(place.names().len() > 1);
    }
    assert!(leftovers > 0, "some kill met a snapshot in the middle");
    let newest = place.contents()[&(0, b"a:0".to_vec())].0.clone();
    assert!(newest > b"0".repeat(100), "snapshots were taken under load");
}

/// Makes a snapshot with a damaged block in its middle; returns where that begins and how many
/// keys are in the others.
fn damaged(place: &Place) -> (u64, u64) {
    let server = place.start(&["--save", ""]);
    fill(&mut server.client(), "key", 5_000);
    assert_eq!(server.client().line("SAVE"), ok());
    kill(server);
    let mut bytes = fs::read(place.file()).expect("there is a snapshot");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(place.file(), &bytes).expect("it can be written");
    let (found, _) = snapshot::salvaged(&bytes);
    let offset = found.damage.as_ref().expect("it is damaged").offset;
    assert!((1..5_000).contains(&found.keys()), "{}", found.keys());
    assert!(offset > 16 && offset < middle as u64);
    (offset, found.keys())
}

#[test]
fn a_damaged_file_is_not_loaded_unless_it_should_be() {
    let place = Place::new();
    let (offset, intact) = damaged(&place);
    let before = fs::read(place.file()).expect("it is there");
    let ended = place.refused(&[]);
    let last = ended.errors.last().expect("the reason is told");
    let path = place.file().display().to_string();
    assert_eq!(
        last,
        &format!(
            "evenkeel: cannot load {path}: wrong checksum at offset {offset}; \
             `evenkeel check {path}` says more, `evenkeel salvage {path} OUT` saves what is intact, \
             `--load-damaged salvage` starts with it"
        )
    );
    assert_eq!(place.names(), ["dump.evk"]);
    assert!(before == fs::read(place.file()).expect("it is there"));

    let server = place.start(&["--save", "", "--load-damaged", "salvage"]);
    let mut client = server.client();
    assert_eq!(client.line("DBSIZE"), Value::Integer(intact as i64));
    let lost = (5_000 - intact).to_string();
    assert_eq!(info(&mut client, "rdb_last_load_keys_lost"), lost);
    let loaded = info(&mut client, "rdb_last_load_keys_loaded");
    assert_eq!(loaded, intact.to_string());
    assert_eq!(place.names(), ["dump.evk", "dump.evk.damaged"]);
    let aside = fs::read(place.path().join("dump.evk.damaged"));
    assert!(aside.expect("it is kept") == before);
    // Whatever comes next, nothing more is lost.
    kill(server);
    let server = place.start(&["--save", ""]);
    assert_eq!(
        server.client().line("DBSIZE"),
        Value::Integer(intact as i64)
    );
}

#[test]
fn damaged_files_are_checked_and_salvaged_by_command() {
    let place = Place::new();
    let (offset, intact) = damaged(&place);
    let (path, out) = (place.file(), place.path().join("out.evk"));
    let (path, out) = (path.to_str().expect("text"), out.to_str().expect("text"));
    let checked = run_evenkeel(&["check", path]);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    let counts = format!("{intact} keys intact in database 0, 0 with a deadline");
    assert_eq!(checked.output, [counts]);
    let reason = format!("evenkeel: {path}: wrong checksum at offset {offset}");
    assert_eq!(checked.errors, [reason]);

    let salvaged = run_evenkeel(&["salvage", path, out]);
    assert_eq!((salvaged.code, salvaged.errors.len()), (Some(0), 0));
    let [first, second] = &salvaged.output[..] else {
        panic!("{salvaged:?}")
    };
    let told = format!("{out}: {intact} keys are intact (of 5000 by the file's own count), ");
    assert!(first.starts_with(&told), "{first}");
    let damage = format!("first damage: wrong checksum at offset {offset}");
    assert_eq!(second, &damage);
    assert_eq!(place.names(), ["dump.evk", "out.evk"]);

    let checked = run_evenkeel(&["check", out]);
    assert_eq!((checked.code, checked.errors.len()), (Some(0), 0));
    let [verdict, version, blocks, keys] = &checked.output[..] else {
        panic!("{checked:?}")
    };
    assert_eq!(verdict, &format!("{out}: intact"));
    let told = format!("version {FORMAT_VERSION}, written by evenkeel ");
    assert!(version.starts_with(&told), "{version}");
    let bytes = fs::metadata(out).expect("it is there").len();
    assert!(blocks.ends_with(&format!(" blocks, {bytes} bytes")));
    assert_eq!(
        keys,
        &format!("{intact} keys in database 0, 0 with a deadline")
    );

    for wrong in [&["check"][..], &["check", path, out], &["salvage", path]] {
        let ended = run_evenkeel(wrong);
        assert_eq!((ended.code, ended.output.len()), (Some(1), 0));
        let usage = "evenkeel: usage: evenkeel check FILE | evenkeel salvage FILE OUT";
        assert_eq!(ended.errors, [usage]);
    }
    let missing = place.path().join("none").display().to_string();
    let ended = run_evenkeel(&["check", &missing]);
    assert_eq!(ended.code, Some(1));
    let told = format!("evenkeel: cannot read {missing}: ");
    assert!(ended.errors[0].starts_with(&told), "{ended:?}");
}

#[test]
fn a_file_of_a_newer_version_is_left_alone() {
    let place = Place::new();
    let server = place.start(&["--save", "60 1"]);
    server.client().line("SET k v");
    end_with(server, &["SHUTDOWN"]);
    let mut bytes = fs::read(place.file()).expect("there is a snapshot");
    bytes[8..10].copy_from_slice(&(FORMAT_VERSION + 1).to_le_bytes());
    let checksum = crc32fast::hash(&bytes[..12]);
    bytes[12..16].copy_from_slice(&checksum.to_le_bytes());
    fs::write(place.file(), &bytes).expect("it can be written");
    for arguments in [&[][..], &["--load-damaged", "salvage"]] {
        let ended = place.refused(arguments);
        let path = place.file().display().to_string();
        assert_eq!(
            ended.errors.last().expect("the reason is told"),
            &format!(
                "evenkeel: cannot load {path}: version {} is newer than this program, \
                 which reads up to {FORMAT_VERSION}",
                FORMAT_VERSION + 1
            )
        );
        assert_eq!(place.names(), ["dump.evk"]);
    }
    assert!(fs::read(place.file()).expect("it is there") == bytes);
}

#[test]
fn what_cannot_be_read_is_told() {
    let place = Place::new();
    fs::create_dir(place.file()).expect("a directory can be made");
    for arguments in [&[][..], &["--load-damaged", "salvage"]] {
        let ended = place.refused(arguments);
        let last = ended.errors.last().expect("the reason is told");
        let told = format!("evenkeel: cannot read {}: ", place.file().display());
        assert!(last.starts_with(&told), "{last}");
    }
    assert_eq!(place.names(), ["dump.evk"]);
}

#[test]
fn a_directory_that_vanishes_fails_saves_until_it_is_back() {
    let place = Place::new();
    let inner = place.path().join("inner");
    fs::create_dir(&inner).expect("a directory can be made");
    let dir = inner.to_str().expect("text");
    let mut server = ServerProcess::evenkeel(&["--save", "1 1", "--dir", dir]);
    let mut client = server.client();
    fs::remove_dir(&inner).expect("it is empty");
    client.line("SET k v");
    server.wait_for_log("the snapshot failed: ");
    assert_eq!(info(&mut client, "rdb_last_bgsave_status"), "err");
    assert_eq!(client.line("SET k w"), ok());
    let Value::Error(reason) = client.line("SAVE") else {
        panic!("SAVE fails")
    };
    assert!(reason.starts_with(b"ERR "), "{}", reason.escape_ascii());
    assert_eq!(client.line("GET k"), bulk("w"));
    fs::create_dir(&inner).expect("a directory can be made");
    server.wait_for_log("saved a snapshot");
    assert_eq!(info(&mut client, "rdb_last_bgsave_status"), "ok");
    let bytes = fs::read(inner.join("dump.evk")).expect("there is a snapshot");
    assert_eq!(snapshot::read(&bytes).expect("whole").0.len(), 1);

    // An end that can't save is an end all the same.
    fs::remove_dir_all(&inner).expect("it can be removed");
    server.signal("TERM");
    server.wait_for_log("the server ends without its last snapshot");
    assert_eq!(server.wait_for_exit(PATIENCE).code(), Some(0));
}

/// Defect: a wrong `dir` was accepted. Effect: that showed when the first snapshot failed, without
/// its name. Fix: as Redis, the server does not start.
#[test]
fn a_directory_that_is_not_there_is_told_at_the_start() {
    let place = Place::new();
    let missing = place.path().join("none");
    let missing = missing.to_str().expect("text");
    for save in ["", "60 1"] {
        let ended = run_evenkeel(&["--port", "0", "--save", save, "--dir", missing]);
        assert_eq!(ended.code, Some(1));
        let told = format!("evenkeel: can't chdir to '{missing}': No such file or directory");
        assert!(ended.errors[0].starts_with(&told), "{ended:?}");
    }
    let ended = place.refused(&["--dbfilename", "none/dump.evk"]);
    let told = "evenkeel: dbfilename can't be a path, just a filename";
    assert_eq!(ended.errors, [told]);
}

#[test]
fn a_full_disk_keeps_the_last_snapshot() {
    let place = Place::new();
    let server = place.start(&["--save", ""]);
    let mut client = server.client();
    client.line("SET k v");
    assert_eq!(client.line("SAVE"), ok());
    fill(&mut client, "key", 20_000);
    place.disk.fill();
    let Value::Error(reason) = client.line("SAVE") else {
        panic!("SAVE fails")
    };
    assert!(reason.starts_with(b"ERR No space left on device"));
    place.wait_for_names(&["dump.evk"]);
    assert_eq!(place.contents().len(), 1);
    assert_eq!(info(&mut client, "rdb_last_bgsave_status"), "err");
    assert_eq!(client.line("SET k w"), ok());

    // Redis's rule, if it is wanted.
    let request = "CONFIG SET stop-writes-on-bgsave-error yes";
    assert_eq!(client.line(request), ok());
    let refused = client.line("SET k x");
    assert!(matches!(&refused, Value::Error(text) if text.starts_with(b"MISCONF ")));
    assert_eq!(client.line("GET k"), bulk("w"));
    place.disk.free();
    assert_eq!(client.line("SAVE"), ok());
    assert_eq!(client.line("SET k x"), ok());
    assert_eq!(place.contents().len(), 20_001);
}

#[test]
fn save_points_are_configured_as_in_redis() {
    let place = Place::new();
    let get = |client: &mut Client| client.line("CONFIG GET save").members()[1].text();
    let server = place.start(&[]);
    assert_eq!(get(&mut server.client()), "60 1");
    let server = place.start(&["--save", "900 1", "--save", "300", "10"]);
    let mut client = server.client();
    assert_eq!(get(&mut client), "900 1 300 10");
    assert_eq!(client.call(&["CONFIG", "SET", "save", "7 8"]), ok());
    assert_eq!(get(&mut client), "7 8");
    assert_eq!(client.call(&["CONFIG", "SET", "save", ""]), ok());
    assert_eq!(get(&mut client), "");
    for wrong in ["1", "x 1", "1 1 1", "-1 1", "0 1"] {
        let reply = client.call(&["CONFIG", "SET", "save", wrong]);
        assert!(matches!(reply, Value::Error(_)), "save {wrong:?}");
    }
    let file = place.path().join("test.conf");
    let path = file.to_str().expect("text");
    for (lines, expected) in [
        (
            "save 900 1\nsave 300 10 60 10000\n",
            "900 1 300 10 60 10000",
        ),
        ("save 900 1\nsave \"\"\n", ""),
        ("save 900 1\nsave \"\"\nsave 5 5\n", "5 5"),
    ] {
        fs::write(&file, lines).expect("it can be written");
        let server = place.start(&[path]);
        assert_eq!(get(&mut server.client()), expected, "{lines:?}");
    }
}

/// Goal: a snapshot holds the moment of its beginning, whatever happens until its end. Method: one
/// pipeline begins it, changes everything and asks whether it is going on.
#[test]
fn changes_during_a_snapshot_are_not_in_it() {
    const KEY_COUNT: usize = 150_000;
    let changes: [&[&[&str]]; 3] = [
        &[&["FLUSHALL"], &["SET", "new", "v"]],
        &[&["SWAPDB", "0", "1"], &["SET", "key:0", "other"]],
        &[&["SET", "key:149999", "other"], &["DEL", "key:75000"]],
    ];
    let place = Place::new();
    for change in changes {
        let server = place.start(&["--save", ""]);
        let mut client = server.client();
        client.line("FLUSHALL");
        fill(&mut client, "key", KEY_COUNT);
        let mut requests = Vec::new();
        let all = [&[&["BGSAVE"][..]], change, &[&["INFO", "persistence"]]].concat();
        all.iter().for_each(|words| encode(words, &mut requests));
        client.send_raw(&requests).expect("the server takes it");
        let read = |_| client.read_reply().expect("a reply");
        let replies: Vec<Vec<u8>> = (0..all.len()).map(read).collect();
        let last = replies.last().expect("one for each");
        let text = String::from_utf8_lossy(last).into_owned();
        assert_eq!(figure(&text, "snapshot_in_progress"), "1");
        wait_for_info(&mut client, "rdb_saves", "1");
        let contents = place.contents();
        assert_eq!(contents.len(), KEY_COUNT, "{change:?}");
        for number in 0..KEY_COUNT {
            let key = (0, format!("key:{number}").into_bytes());
            assert_eq!(contents[&key].0, format!("{number:0>100}").into_bytes());
        }
        kill(server);
    }
}
