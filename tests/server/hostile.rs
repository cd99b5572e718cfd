//! Clients without a password: they neither read nor write nor list nor subscribe, learn nothing of
//! the configuration, and take neither memory nor places from those who have come in.
//!
//! What is promised stands in `SECURITY.md`. Not here: encrypted ones (`tls.rs`), how the memory of
//! clients is counted (`src/node/tests/budget.rs`).

use std::time::Instant;

use crate::support::PATIENCE;
use crate::support::client::{Client, encode};
use crate::support::server::ServerProcess;
use crate::support::value::Value;

const NOAUTH: &[u8] = b"NOAUTH Authentication required.";
const WRONGPASS: &[u8] = b"WRONGPASS invalid username-password pair or user is disabled.";
const ABORTED: &[u8] =
    b"EXECABORT Transaction discarded because of: NOAUTH Authentication required.";
const MIB: u64 = 1 << 20;

fn error(text: &[u8]) -> Value {
    Value::Error(text.to_vec())
}

fn ok() -> Value {
    Value::Simple(b"OK".to_vec())
}

/// A server that wants a password and has one key, and a client that is in.
fn guarded(more: &[&str]) -> (ServerProcess, Client) {
    let server = ServerProcess::evenkeel(&[&["--requirepass", "secret"], more].concat());
    let mut operator = server.client();
    assert_eq!(operator.line("AUTH secret"), ok());
    assert_eq!(operator.line("SET k v"), ok());
    (server, operator)
}

/// A number of INFO.
fn figure(operator: &mut Client, name: &str) -> u64 {
    let Value::Bulk(text) = operator.line("INFO everything") else {
        panic!("INFO is a text");
    };
    let text = String::from_utf8(text).expect("it is UTF-8");
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.expect("a figure").parse().expect("a number")
}

/// Every command and subcommand there is, with as many arguments as it needs.
fn all_commands(operator: &mut Client) -> Vec<Vec<String>> {
    fn note(entry: &Value, found: &mut Vec<Vec<String>>) {
        let Value::Array(fields) = entry else {
            panic!("a command is an array: {entry:?}");
        };
        let (Value::Bulk(name), Value::Integer(arity)) = (&fields[0], &fields[1]) else {
            panic!("name and arity: {entry:?}");
        };
        let name = String::from_utf8_lossy(name);
        let mut words: Vec<String> = name.split('|').map(str::to_string).collect();
        words.resize(words.len().max(arity.unsigned_abs() as usize), "k".into());
        let Some(Value::Array(subcommands)) = fields.get(9) else {
            panic!("subcommands: {entry:?}");
        };
        if subcommands.is_empty() {
            found.push(words);
        }
        for subcommand in subcommands {
            note(subcommand, found);
        }
    }
    let mut found = Vec::new();
    let Value::Array(entries) = operator.line("COMMAND") else {
        panic!("COMMAND is an array");
    };
    for entry in &entries {
        note(entry, &mut found);
    }
    found
}

#[test]
fn no_command_does_anything_without_the_password() {
    let (server, mut operator) = guarded(&["--enable-debug-command", "yes"]);
    let commands = all_commands(&mut operator);
    assert!(commands.len() > 300, "{}", commands.len());
    let mut stranger = server.client();
    let mut answered = Vec::new();
    for words in &commands {
        let reply = stranger.call(words);
        if reply != error(NOAUTH) {
            answered.push((words[0].clone(), reply));
        }
        if words[0] == "quit" {
            stranger = server.client();
        }
    }
    answered.sort_by(|(one, _), (other, _)| one.cmp(other));
    let hello =
        b"NOAUTH HELLO must be called with the client already authenticated, otherwise the \
        HELLO AUTH <user> <pass> option can be used to authenticate the client and select \
        the RESP protocol version at the same time";
    let expected = [
        ("auth", error(WRONGPASS)),
        ("exec", error(ABORTED)),
        ("hello", error(hello)),
        ("quit", ok()),
        ("reset", Value::Simple(b"RESET".to_vec())),
    ];
    assert_eq!(
        answered,
        expected.map(|(name, reply)| (name.to_string(), reply))
    );
    assert_eq!(operator.line("DBSIZE"), Value::Integer(1));
    assert_eq!(operator.line("GET k"), Value::Bulk(b"v".to_vec()));
    assert_eq!(operator.line("PUBLISH k x"), Value::Integer(0));
    let clients = operator.line("CLIENT LIST TYPE pubsub");
    assert_eq!(clients, Value::Bulk(Vec::new()));
    assert_eq!(figure(&mut operator, "tracking_clients"), 0);
    assert_eq!(figure(&mut operator, "blocked_clients"), 0);
    // It did not come in by that either.
    assert_eq!(stranger.line("GET k"), error(NOAUTH));
}

#[test]
fn nothing_behind_a_wrong_password_is_executed_and_each_request_has_one_reply() {
    let (server, mut operator) = guarded(&[]);
    let mut stranger = server.client();
    let mut request = Vec::new();
    let mut expected = Vec::new();
    let mut add = |words: &[&str], reply: Value| {
        encode(words, &mut request);
        expected.push(reply);
    };
    for _ in 0..1000 {
        add(&["AUTH", "wrong"], error(WRONGPASS));
        add(&["SET", "k", "changed"], error(NOAUTH));
        add(
            &["HELLO", "3", "AUTH", "default", "wrong", "SETNAME", "me"],
            error(WRONGPASS),
        );
        add(&["GET", "k"], error(NOAUTH));
        add(&["MULTI"], error(NOAUTH));
        add(&["EXEC"], error(ABORTED));
        add(&["SUBSCRIBE", "c"], error(NOAUTH));
    }
    add(&["AUTH", "secret"], ok());
    add(&["GET", "k"], Value::Bulk(b"v".to_vec()));
    add(&["CLIENT", "GETNAME"], Value::Nil);
    // Who is in stays in, in the protocol it has.
    add(
        &["HELLO", "3", "AUTH", "default", "wrong"],
        error(WRONGPASS),
    );
    add(&["GET", "none"], Value::Nil);
    stranger.send_raw(&request).expect("sent");
    for (index, reply) in expected.iter().enumerate() {
        let got = stranger.read_reply().expect("a reply");
        assert_eq!(Value::parse(&got).as_ref(), Ok(reply), "reply {index}");
    }
    assert_eq!(operator.line("GET k"), Value::Bulk(b"v".to_vec()));
}

/// A hundred thousand, under as many names: the log of refusals keeps the last few, and nothing
/// else remembers them.
#[test]
fn many_wrong_passwords_are_counted_and_cost_no_memory() {
    const PASSWORDS: usize = 100_000;
    const BATCH: usize = 1000;
    let (server, mut operator) = guarded(&[]);
    let before = server.resident_bytes();
    let mut strangers: Vec<Client> = (0..4).map(|_| server.client()).collect();
    let mut reply = Vec::new();
    for batch in 0..PASSWORDS / BATCH {
        let stranger = &mut strangers[batch % 4];
        let mut request = Vec::new();
        for number in batch * BATCH..(batch + 1) * BATCH {
            let name = format!("user-{number}-{}", "x".repeat(number % 500));
            encode(&["AUTH", &name, &number.to_string()], &mut request);
        }
        stranger.send_raw(&request).expect("sent");
        reply = [b"-", WRONGPASS, b"\r\n"].concat();
        for _ in 0..BATCH {
            assert_eq!(stranger.read_reply().expect("a reply"), reply);
        }
        assert_eq!(operator.line("PING"), Value::Simple(b"PONG".to_vec()));
    }
    assert!(!reply.is_empty());
    assert_eq!(
        figure(&mut operator, "acl_access_denied_auth"),
        PASSWORDS as u64
    );
    let Value::Array(log) = operator.line("ACL LOG 1000000") else {
        panic!("the log is an array");
    };
    assert_eq!(log.len(), 128);
    if let (Some(before), Some(after)) = (before, server.resident_bytes()) {
        assert!(after < before + 8 * MIB, "{before} bytes became {after}");
    }
    assert_eq!(strangers[0].line("AUTH secret"), ok());
}

/// Many who begin a request as large as they may, and never end it.
#[test]
fn slow_senders_without_the_password_take_little_memory_from_others() {
    let (server, mut operator) = guarded(&["--maxmemory-clients", "64mb"]);
    let before = server.resident_bytes();
    let request = [&b"*2\r\n$4\r\nAUTH\r\n$16384\r\n"[..], &[b'x'; 16_000]].concat();
    let mut strangers: Vec<Client> = (0..800).map(|_| server.client()).collect();
    for stranger in &mut strangers {
        // It may have been closed for its memory by now.
        _ = stranger.send_raw(&request);
    }
    // 800 hold 12 MiB, strangers may have a sixteenth of what clients may.
    let end = Instant::now() + PATIENCE;
    while figure(&mut operator, "evicted_clients") < 300 {
        assert!(Instant::now() < end, "all are kept");
    }
    let value = "v".repeat(3_000_000);
    assert_eq!(operator.call(&["SET", "large", &value]), ok());
    assert_eq!(
        operator.call(&["GET", "large"]),
        Value::Bulk(value.into_bytes())
    );
    if let (Some(before), Some(after)) = (before, server.resident_bytes()) {
        assert!(after < before + 24 * MIB, "{before} bytes became {after}");
    }
    let mut late = server.client();
    assert_eq!(late.line("AUTH secret"), ok());
}

#[test]
fn a_request_too_large_for_a_stranger_is_refused_when_its_length_is_announced() {
    let (server, _operator) = guarded(&[]);
    for (request, reply) in [
        (
            "*11\r\n",
            &b"-ERR Protocol error: unauthenticated multibulk length\r\n"[..],
        ),
        (
            "*1000000000\r\n",
            b"-ERR Protocol error: invalid multibulk length\r\n",
        ),
        (
            "*2\r\n$4\r\nAUTH\r\n$16385\r\n",
            b"-ERR Protocol error: unauthenticated bulk length\r\n",
        ),
        (
            "*2\r\n$4\r\nAUTH\r\n$536870912\r\n",
            b"-ERR Protocol error: unauthenticated bulk length\r\n",
        ),
    ] {
        let mut stranger = server.client();
        stranger.send_raw(request.as_bytes()).expect("sent");
        let rest = stranger.read_to_end().expect("the connection ends");
        assert_eq!(rest, reply, "{request}");
    }
}

#[test]
fn strangers_who_take_all_places_give_way_to_those_who_come() {
    let (server, mut operator) = guarded(&["--maxclients", "100"]);
    let mut strangers: Vec<Client> = (0..99).map(|_| server.client()).collect();
    assert_eq!(strangers[98].line("PING"), error(NOAUTH));
    let mut others: Vec<Client> = Vec::new();
    for _ in 0..99 {
        let mut other = server.client();
        assert_eq!(other.line("AUTH secret"), ok());
        others.push(other);
    }
    for stranger in &mut strangers {
        assert_eq!(stranger.read_to_end().expect("the connection ends"), b"");
    }
    let refused = server.client().read_to_end().expect("the connection ends");
    assert_eq!(refused, b"-ERR max number of clients reached\r\n");
    for other in &mut others {
        assert_eq!(other.line("GET k"), Value::Bulk(b"v".to_vec()));
    }
    assert_eq!(operator.line("GET k"), Value::Bulk(b"v".to_vec()));
}
