//! SIGHUP and the real binary: what is read again, and what is not taken.
//!
//! Not here: what a reload changes (`src/config/access.rs`), sockets (`tests/server/listening.rs`).

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::client::Client;
use crate::support::server::ServerProcess;
use crate::support::value::Value;
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary directory can be made")
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("it can be written");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the path is text")
}

/// A named pipe into which a thread writes this, once somebody reads.
fn pipe_with(folder: &TempDir, content: &'static str) -> PathBuf {
    let path = folder.path().join("pipe");
    let status = Command::new("mkfifo").arg(&path).status();
    assert!(status.expect("mkfifo exists").success());
    let own = path.clone();
    std::thread::spawn(move || std::fs::write(own, content));
    path
}

/// Asks without a password.
fn is_locked(server: &ServerProcess) -> bool {
    let reply = server.client().line("PING");
    matches!(reply, Value::Error(error) if error.starts_with(b"NOAUTH"))
}

fn get(client: &mut Client, name: &str) -> Value {
    client.line(&format!("CONFIG GET {name}"))
}

/// Reloads and expects that nothing is taken, for this reason.
fn expect_refused(server: &mut ServerProcess, reason: &str) {
    server.signal("HUP");
    server.wait_for_log(&format!("cannot reload, the configuration stays: {reason}"));
    assert!(is_locked(server), "the password stays");
}

#[test]
fn a_pipe_is_read_once_and_not_again() {
    let folder = folder();
    let pipe = pipe_with(&folder, "requirepass s3cret\nmaxclients 77\n");
    let mut server = ServerProcess::evenkeel(&[text(&pipe)]);
    assert!(is_locked(&server));
    let reason = format!("cannot read {}: it is not a regular file", text(&pipe));
    expect_refused(&mut server, &reason);
    let mut client = server.client();
    assert_eq!(client.line("AUTH s3cret"), Value::Simple(b"OK".to_vec()));
    let pair = ["maxclients", "77"].map(|word| Value::Bulk(word.as_bytes().to_vec()));
    assert_eq!(get(&mut client, "maxclients"), Value::Array(pair.to_vec()));
    // Nor does writing it wait.
    let Value::Error(refused) = client.line("CONFIG REWRITE") else {
        panic!("a pipe can't be rewritten")
    };
    let refused = String::from_utf8_lossy(&refused).into_owned();
    assert!(refused.contains("it is not a regular file"), "{refused}");
    server.signal("TERM");
    assert_eq!(
        server.wait_for_exit(crate::support::PATIENCE).code(),
        Some(0)
    );
}

#[test]
fn a_pipe_that_a_file_includes_is_not_read_again() {
    let folder = folder();
    let pipe = pipe_with(&folder, "requirepass s3cret\n");
    let file = folder.path().join("a.conf");
    write(&file, &format!("timeout 1\ninclude {}\n", text(&pipe)));
    let mut server = ServerProcess::evenkeel(&[text(&file)]);
    assert!(is_locked(&server));
    let reason = format!("{}:2: cannot read {}: it is no", text(&file), text(&pipe));
    expect_refused(&mut server, &reason);
}

#[test]
fn a_password_is_taken_back_only_by_saying_so() {
    let folder = folder();
    let file = folder.path().join("a.conf");
    write(&file, "timeout 1\nrequirepass s3cret\nprotected-mode yes\n");
    let mut server = ServerProcess::evenkeel(&[text(&file)]);
    let given = "was given and is not any more: give the value it is to have instead";
    // Emptied, and half of it written.
    write(&file, "");
    let both = format!("requirepass and protected-mode {given}");
    expect_refused(&mut server, &both);
    write(&file, "timeout 2\nprotected-mode yes\nrequirepas");
    expect_refused(&mut server, &format!("{}:3: unknown", text(&file)));
    write(&file, "timeout 2\nprotected-mode yes\n");
    expect_refused(&mut server, &format!("requirepass {given}"));
    // A file that says it is taken, and a password given as a user's is one, too.
    write(
        &file,
        "timeout 3\nprotected-mode yes\nuser default on >other ~* +@all\n",
    );
    server.signal("HUP");
    server.wait_for_log("configuration reloaded: set timeout, requirepass");
    assert!(is_locked(&server));
    write(&file, "timeout 3\nprotected-mode yes\nrequirepass \"\"\n");
    server.signal("HUP");
    server.wait_for_log("the users are read again");
    server.wait_for_log("configuration reloaded");
    assert!(!is_locked(&server));
}

#[test]
fn a_password_of_the_command_line_needs_none_in_the_file() {
    let folder = folder();
    let file = folder.path().join("a.conf");
    write(&file, "timeout 1\n");
    let mut server = ServerProcess::evenkeel(&[text(&file), "--requirepass", "s3cret"]);
    write(&file, "timeout 2\n");
    server.signal("HUP");
    server.wait_for_log("configuration reloaded: set timeout");
    assert!(is_locked(&server));
}
