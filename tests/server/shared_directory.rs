//! Several servers and what they share: a directory for snapshots, a unix socket, a pidfile.
//!
//! A rolling update starts the new server before the old one has ended, and in two containers both
//! may be process 1. So none may take what another one uses for the leavings of a crash.
//!
//! Not here: the same step by step (`src/persistence/unfinished.rs`, `src/persistence/owner.rs`,
//! `src/server/unix_socket.rs`).

#[allow(dead_code, reason = "the caches of other tests are not needed here")]
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::snapshot;
use crate::support::PATIENCE;
use crate::support::client::{Address, Client, encode};
use crate::support::disk::Disk;
use crate::support::server::{ServerProcess, run_evenkeel};
use crate::support::value::Value;
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary directory can be made")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the path is text")
}

fn ok() -> Value {
    Value::Simple(b"OK".to_vec())
}

fn fill(client: &mut Client, name: &str, count: usize) {
    let mut requests = Vec::new();
    for number in 0..count {
        let key = format!("{name}:{number}");
        encode(&["SET", &key, &"v".repeat(100)], &mut requests);
    }
    client.send_raw(&requests).expect("the server takes it");
    for _ in 0..count {
        assert_eq!(client.read_reply().expect("a reply"), b"+OK\r\n");
    }
}

/// How many keys the snapshot in a folder has, which must be whole.
fn key_count(folder: &TempDir) -> usize {
    let bytes = fs::read(folder.path().join("dump.evk")).expect("there is a snapshot");
    snapshot::read(&bytes).expect("a whole snapshot").0.len()
}

/// Defect: a start removed the unfinished snapshot of a server that was still alive. Effect: its
/// save failed, the last one before its end, too. Fix: what somebody writes stays, and the log
/// names who that is.
#[test]
fn a_start_leaves_the_snapshot_that_another_server_is_writing() {
    let (folder, disk) = (folder(), Disk::new());
    let arguments = ["--save", "", "--dir", text(folder.path())];
    let old = ServerProcess::evenkeel_with(&arguments, |command| disk.attach(command));
    let mut client = old.client();
    fill(&mut client, "old", 1_000);
    let stall = disk.stall();
    client.send(&["SAVE"]).expect("the server takes it");
    let names = || fs::read_dir(folder.path()).expect("it is there").count();
    let end = std::time::Instant::now() + PATIENCE;
    while names() < 2 {
        assert!(std::time::Instant::now() < end, "nothing is written");
    }
    let mut new = ServerProcess::evenkeel(&arguments);
    new.wait_for_log("another process is writing ");
    let who = format!("process {} on ", old.id());
    let line = new.wait_for_log(" writes ");
    assert!(line.contains(&who), "{line}");
    stall.end();
    assert_eq!(client.read_reply().expect("a reply"), b"+OK\r\n");
    assert_eq!(key_count(&folder), 1_000);

    // The last one stays, and it is whole.
    fill(&mut new.client(), "new", 10);
    assert_eq!(new.client().line("SAVE"), ok());
    assert_eq!(key_count(&folder), 10);
}

/// Defect: the unfinished file was named by the process number alone. Effect: of two servers that
/// were both process 1, one emptied what the other wrote, and a mixture replaced the good snapshot.
/// Fix: each has a file of its own. Method: both save again and again at the same time, each as
/// process 1 where that can be had.
#[test]
fn two_servers_that_save_at_once_leave_a_whole_snapshot() {
    let folder = folder();
    let unshare = ["--pid", "--fork", "--kill-child"];
    let can_unshare = Command::new("unshare")
        .args(unshare)
        .arg("true")
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    let start = || {
        let binary = env!("CARGO_BIN_EXE_evenkeel");
        let mut command = Command::new(if can_unshare { "unshare" } else { binary });
        if can_unshare {
            command.args(unshare).arg(binary);
        }
        command.args(["--port", "0", "--save", "", "--dir", text(folder.path())]);
        let mut server = ServerProcess::run(command.stdin(Stdio::null()));
        server.wait_for_log("ready to accept connections");
        server
    };
    let servers = [start(), start()];
    let mut clients = [servers[0].client(), servers[1].client()];
    for (client, count) in clients.iter_mut().zip([30_000, 10_000]) {
        fill(client, "key", count);
    }
    for _ in 0..8 {
        for client in &mut clients {
            client.send(&["SAVE"]).expect("the server takes it");
        }
        for client in &mut clients {
            assert_eq!(client.read_reply().expect("a reply"), b"+OK\r\n");
        }
        assert!([30_000, 10_000].contains(&key_count(&folder)));
    }
    for client in &mut clients {
        client.send(&["SHUTDOWN", "NOSAVE"]).expect("it is sent");
    }
}

/// Defect: a second server took the socket of the first one over, and the first, when it ended,
/// removed the name of the second. Fix: it is asked whether somebody answers there.
#[test]
fn a_socket_at_which_somebody_answers_is_not_taken() {
    let folder = folder();
    let path = folder.path().join("cache.sock");
    let arguments = ["--port", "0", "--save", "", "--unixsocket", text(&path)];
    let mut first = ServerProcess::evenkeel(&arguments);
    let refused = run_evenkeel(&arguments);
    assert_eq!(refused.code, Some(1));
    let told = format!(
        "evenkeel: cannot listen on {}: another process answers there; it has to end first, or \
         this server needs another name",
        path.display()
    );
    assert_eq!(refused.errors, [told]);
    let address = Address::Unix(path.clone());
    assert_eq!(Client::connect(&address).line("SET k v"), ok());

    first.signal("KILL");
    assert_eq!(first.wait_for_exit(PATIENCE).code(), None);
    assert!(path.exists(), "a killed server leaves its name");
    let mut next = ServerProcess::evenkeel(&arguments);
    assert_eq!(Client::connect(&address).line("SET k v"), ok());

    // Whoever takes the name away on purpose keeps what is put there.
    fs::remove_file(&path).expect("the name is there");
    let mut other = ServerProcess::evenkeel(&arguments);
    next.signal("TERM");
    assert_eq!(next.wait_for_exit(PATIENCE).code(), Some(0));
    assert_eq!(Client::connect(&address).line("SET k v"), ok());
    other.signal("TERM");
    assert_eq!(other.wait_for_exit(PATIENCE).code(), Some(0));
    assert!(!path.exists());
}

#[test]
fn a_pidfile_belongs_to_the_server_that_wrote_it() {
    let folder = folder();
    let path = folder.path().join("pid");
    let arguments = ["--save", "", "--pidfile", text(&path)];
    let mut first = ServerProcess::evenkeel(&arguments);
    let mut second = ServerProcess::evenkeel(&arguments);
    second.wait_for_log("it belongs to another server, which runs");
    second.signal("TERM");
    assert_eq!(second.wait_for_exit(PATIENCE).code(), Some(0));
    let content = || fs::read_to_string(&path).expect("it is there");
    assert_eq!(content(), format!("{}\n", first.id()));
    first.signal("KILL");
    assert_eq!(first.wait_for_exit(PATIENCE).code(), None);
    let mut next = ServerProcess::evenkeel(&arguments);
    assert_eq!(content(), format!("{}\n", next.id()));
    next.signal("TERM");
    assert_eq!(next.wait_for_exit(PATIENCE).code(), Some(0));
    assert!(!path.exists());
}
