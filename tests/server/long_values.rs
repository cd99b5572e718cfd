//! Snapshots of values that are read out in slices, from the real binary: at rest, changed and
//! removed meanwhile, and larger than what a snapshot may hold.
//!
//! Not here: the slices themselves (`src/keyspace/cut/tests.rs`), how much is held
//! (`src/node/tests/saving.rs`), short values (`persistence.rs`).

use crate::snapshot;
use crate::support::PATIENCE;
use crate::support::client::{Client, encode};
use crate::support::server::ServerProcess;
#[allow(dead_code, reason = "the caches of other tests are not needed here")]
use std::fs;
use std::time::Instant;

const LEN: usize = 3 << 20;

fn info(client: &mut Client, name: &str) -> String {
    client.send(&["INFO", "persistence"]).expect("it is there");
    let reply = client.read_reply().expect("a reply");
    let text = String::from_utf8_lossy(&reply).into_owned();
    let mut lines = text.lines();
    let figure = lines.find_map(|line| line.strip_prefix(&format!("{name}:")));
    figure.expect("INFO has this line").to_string()
}

fn talk(client: &mut Client, words: &[&str]) -> Vec<u8> {
    client.send(words).expect("the server takes it");
    client.read_reply().expect("a reply")
}

/// Goal: a snapshot holds long values as they were when it began, whatever becomes of them, and so
/// does a server that is started with it. Method: one pipeline begins it and changes each key in
/// another way.
#[test]
fn long_values_are_saved_as_they_were_when_the_snapshot_began() {
    let place = tempfile::tempdir().expect("a temporary directory can be made");
    let path = place.path().to_str().expect("the path is text");
    let start = || ServerProcess::evenkeel(&["--save", "", "--dir", path, "--maxmemory", "200mb"]);
    let mut server = start();
    let mut client = server.client();
    let values: Vec<String> = ('a'..='h')
        .map(|letter| letter.to_string().repeat(LEN))
        .collect();
    for (number, value) in values.iter().enumerate() {
        let name = format!("long:{number}");
        assert_eq!(talk(&mut client, &["SET", &name, value]), b"+OK\r\n");
    }
    let changes: [&[&str]; 9] = [
        &["BGSAVE"],
        &["SET", "long:0", "short"],
        &["APPEND", "long:1", "x"],
        &["SETRANGE", "long:2", "7", "x"],
        &["DEL", "long:3"],
        &["EXPIRE", "long:4", "1000"],
        &["RENAME", "long:5", "other"],
        &["MOVE", "long:6", "1"],
        &["SET", "long:8", "new"],
    ];
    let mut requests = Vec::new();
    changes
        .iter()
        .for_each(|words| encode(words, &mut requests));
    client.send_raw(&requests).expect("the server takes it");
    for words in changes {
        let reply = client.read_reply().expect("a reply");
        assert!(!reply.starts_with(b"-"), "{words:?}");
    }
    let end = Instant::now() + PATIENCE;
    while info(&mut client, "rdb_bgsave_in_progress") != "0" {
        assert!(Instant::now() < end, "the snapshot does not end");
    }
    assert_eq!(info(&mut client, "rdb_last_bgsave_status"), "ok");
    assert_eq!(info(&mut client, "snapshot_held_bytes"), "0");
    let file = fs::read(place.path().join("dump.evk")).expect("there is a snapshot");
    let (contents, _) = snapshot::read(&file).expect("a whole snapshot");
    assert_eq!(contents.len(), values.len());
    for (number, value) in values.iter().enumerate() {
        let (saved, deadline_ms) = &contents[&(0, format!("long:{number}").into_bytes())];
        assert!(saved == value.as_bytes(), "long:{number}");
        assert_eq!(*deadline_ms, None);
    }
    server.signal("KILL");
    server.wait_for_exit(PATIENCE);

    let server = start();
    let mut client = server.client();
    for (number, value) in values.iter().enumerate() {
        let reply = talk(&mut client, &["GET", &format!("long:{number}")]);
        assert!(reply.ends_with(format!("{value}\r\n").as_bytes()));
    }
}
