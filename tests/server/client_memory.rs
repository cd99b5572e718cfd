//! What clients cost the process: bounds of what one request may build, and memory that goes back.
//!
//! Each test starts its own server and looks at its resident memory. Nothing sleeps: what comes by
//! itself is asked for until it is there, for `support::PATIENCE` at most.
//!
//! Not here: who is held and closed (`src/node/tests/budget.rs`).

use std::thread;
use std::time::Instant;

use crate::support::PATIENCE;
use crate::support::client::Client;
use crate::support::server::ServerProcess;
use crate::support::value::Value;

const MIB: u64 = 1 << 20;
const VALUE_BYTES: usize = 1_000_000;

/// Asks the server until its resident memory is as wanted; at once where the system tells nothing.
fn wait_for_resident(server: &ServerProcess, client: &mut Client, is_right: impl Fn(u64) -> bool) {
    let end = Instant::now() + PATIENCE;
    while let Some(bytes) = server.resident_bytes() {
        if is_right(bytes) {
            return;
        }
        assert!(Instant::now() < end, "{bytes} bytes are resident");
        assert_eq!(client.line("PING"), Value::Simple(b"PONG".to_vec()));
    }
}

/// Makes a value of [`VALUE_BYTES`].
fn make_value(client: &mut Client, key: &str) {
    let made = client.line(&format!("SETRANGE {key} {} x", VALUE_BYTES - 1));
    assert_eq!(made, Value::Integer(VALUE_BYTES as i64));
}

/// Goal: a large reply is held once, and its memory goes back with the client that did not read it;
/// so does that of large values. Method: resident memory before and after.
#[test]
fn memory_of_large_values_and_replies_goes_back() {
    let server = ServerProcess::evenkeel(&["--maxmemory", "2gb"]);
    let mut operator = server.client();
    make_value(&mut operator, "m");
    let mut reader = server.client();
    let request: Vec<&str> = [vec!["MGET"], vec!["m"; 100]].concat();
    reader.send(&request).expect("the server takes the request");
    wait_for_resident(&server, &mut operator, |bytes| bytes > 90 * MIB);
    if let Some(bytes) = server.resident_bytes() {
        assert!(
            bytes < 130 * MIB,
            "{bytes} bytes are resident for one reply"
        );
    }
    drop(reader);
    wait_for_resident(&server, &mut operator, |bytes| bytes < 30 * MIB);

    let value = vec![b'x'; 64 * VALUE_BYTES];
    assert_eq!(
        operator.call(&[b"SET", &b"large"[..], &value]),
        Value::Simple(b"OK".to_vec())
    );
    assert_eq!(operator.line("DEL large"), Value::Integer(1));
    assert_eq!(operator.line("MEMORY PURGE"), Value::Simple(b"OK".to_vec()));
    wait_for_resident(&server, &mut operator, |bytes| bytes < 30 * MIB);
}

/// Goal: the clients of a small cache are all served, however large what they ask for. Method: many
/// read a large value at the same time, each on a thread of its own.
#[test]
fn readers_of_large_values_in_a_small_cache_are_all_served() {
    const READERS: usize = 20;
    const LARGE_BYTES: usize = 8 * VALUE_BYTES;
    let server = ServerProcess::evenkeel(&["--maxmemory", "100mb"]);
    let mut operator = server.client();
    operator.line(&format!("SETRANGE large {} x", LARGE_BYTES - 1));
    thread::scope(|scope| {
        for _ in 0..READERS {
            let mut reader = server.client();
            scope.spawn(move || {
                for _ in 0..3 {
                    let Value::Bulk(value) = reader.line("GET large") else {
                        panic!("the value is not answered");
                    };
                    assert_eq!(value.len(), LARGE_BYTES);
                }
            });
        }
    });
    if let Some(bytes) = server.resident_bytes() {
        assert!(bytes < 100 * MIB, "{bytes} bytes are resident");
    }
}

/// Goal: no small request makes a reply that takes all memory. Method: one key named many times, in
/// MGET and in a transaction; COMMAND DOCS of one command many times.
#[test]
fn one_small_request_builds_no_reply_of_any_size() {
    let server = ServerProcess::evenkeel(&["--maxmemory", "100mb"]);
    let mut client = server.client();
    make_value(&mut client, "m");
    let refused =
        |reply: &Value| matches!(reply, Value::Error(text) if text.starts_with(b"OOM the reply"));
    let mget: Vec<&str> = [vec!["MGET"], vec!["m"; 6_000]].concat();
    assert!(refused(&client.call(&mget)));
    let docs: Vec<&str> = [vec!["COMMAND", "DOCS"], vec!["client"; 60_000]].concat();
    assert!(refused(&client.call(&docs)));
    client.line("MULTI");
    for _ in 0..200 {
        client.line("GET m");
    }
    client.line("INCR n");
    assert!(refused(&client.line("EXEC")));
    assert_eq!(
        client.line("GET n"),
        Value::Bulk(b"1".to_vec()),
        "what it changed stays"
    );
    if let Some(bytes) = server.resident_bytes() {
        assert!(bytes < 60 * MIB, "{bytes} bytes are resident");
    }
}
