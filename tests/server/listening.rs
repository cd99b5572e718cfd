//! Where the real binary listens, and how that changes while it runs.
//!
//! Not here: what an address means (`src/config/value.rs`, `src/server/listeners.rs`).

use std::net::TcpListener;

use crate::support::client::{Address, Client};
use crate::support::server::{ServerProcess, free_port};
use crate::support::value::Value;

fn ok() -> Value {
    Value::Simple(b"OK".to_vec())
}

fn pong() -> Value {
    Value::Simple(b"PONG".to_vec())
}

fn error(text: &str) -> Value {
    Value::Error(text.as_bytes().to_vec())
}

fn at(host: &str, port: u16) -> Address {
    Address::Tcp(format!("{host}:{port}"))
}

fn is_served(address: &Address) -> bool {
    Client::try_connect(address).is_ok_and(|mut client| client.line("PING") == pong())
}

fn get(client: &mut Client, name: &str) -> Vec<u8> {
    match client.line(&format!("CONFIG GET {name}")) {
        Value::Array(pair) => match &pair[..] {
            [_, Value::Bulk(value)] => value.clone(),
            other => panic!("CONFIG GET answers {other:?}"),
        },
        other => panic!("CONFIG GET answers {other:?}"),
    }
}

fn set(client: &mut Client, pairs: &[&str]) -> Value {
    client.call(&[&["CONFIG", "SET"], pairs].concat())
}

#[test]
fn the_port_changes_and_clients_stay() {
    let server = ServerProcess::evenkeel(&["--bind", "127.0.0.1"]);
    let mut client = server.client();
    let port = free_port();
    let pairs = ["timeout", "77", "port", &port.to_string()];
    assert_eq!(set(&mut client, &pairs), ok());
    assert_eq!(client.line("PING"), pong());
    assert!(is_served(&at("127.0.0.1", port)));
    assert!(!is_served(server.address()), "the old port is closed");
    assert_eq!(get(&mut client, "port"), port.to_string().into_bytes());
    assert_eq!(get(&mut client, "timeout"), b"77");
    let Value::Bulk(info) = client.line("INFO server") else {
        panic!("INFO is a string")
    };
    let expected = format!("tcp_port:{port}\r\n");
    assert!(String::from_utf8_lossy(&info).contains(&expected));
}

#[test]
fn addresses_come_and_go_and_may_overlap() {
    let server = ServerProcess::evenkeel(&["--bind", "127.0.0.1"]);
    let mut client = server.client();
    let Address::Tcp(address) = server.address() else {
        panic!("it listens on TCP")
    };
    let port: u16 = address.rsplit(':').next().unwrap().parse().unwrap();
    // All addresses and one of them can't be listened on at once.
    for bind in ["0.0.0.0", "127.0.0.1 127.0.0.2", "* -::*", "127.0.0.2"] {
        assert_eq!(set(&mut client, &["bind", bind]), ok(), "{bind}");
        assert!(is_served(&at("127.0.0.2", port)) != bind.is_empty());
        let has_first = bind != "127.0.0.2";
        assert_eq!(is_served(&at("127.0.0.1", port)), has_first, "{bind}");
        assert_eq!(get(&mut client, "bind"), bind.as_bytes());
    }
    // What is in force already needs no sockets.
    assert_eq!(set(&mut client, &["bind", "127.0.0.2", "port", "0"]), ok());
    assert!(is_served(&at("127.0.0.2", port)));
}

#[test]
fn a_failure_leaves_the_sockets_and_the_parameters() {
    let server = ServerProcess::evenkeel(&["--bind", "127.0.0.1"]);
    let mut client = server.client();
    let other = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = other.local_addr().expect("it is bound").port().to_string();
    let failed = "ERR CONFIG SET failed (possibly related to argument";
    let bind_failed = error(&format!(
        "{failed} 'bind') - Failed to bind to specified addresses."
    ));
    assert_eq!(
        set(&mut client, &["timeout", "77", "port", &port]),
        error(&format!(
            "{failed} 'port') - Unable to listen on this port. Check server logs."
        ))
    );
    for bind in [
        "192.0.2.1",
        "127.0.0.1 192.0.2.1",
        "0.0.0.0 192.0.2.1",
        "localhost",
        "",
    ] {
        assert_eq!(set(&mut client, &["bind", bind]), bind_failed, "{bind}");
        assert!(is_served(server.address()), "{bind}");
        assert_eq!(get(&mut client, "bind"), b"127.0.0.1");
    }
    assert_eq!(get(&mut client, "timeout"), b"0");
    assert_eq!(client.line("MULTI"), ok());
    let queued = client.line("CONFIG SET bind 127.0.0.2");
    assert_eq!(queued, Value::Simple(b"QUEUED".to_vec()));
    let reason = "sockets are not opened within a transaction";
    assert_eq!(
        client.line("EXEC"),
        Value::Array(vec![error(&format!("{failed} 'bind') - {reason}"))])
    );
    let immutable = error(&format!(
        "{failed} 'tcp-backlog') - can't set immutable config"
    ));
    assert_eq!(set(&mut client, &["tcp-backlog", "1"]), immutable);
}

#[test]
fn no_port_is_only_the_unix_socket() {
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let port = free_port();
    let path = folder.path().join("socket");
    let text = path.to_str().expect("the path is text");
    let port_text = port.to_string();
    let server = ServerProcess::evenkeel(&["--unixsocket", text, "--port", &port_text]);
    let mut client = server.client();
    assert_eq!(set(&mut client, &["port", "0"]), ok());
    assert!(!is_served(&at("127.0.0.1", port)));
    let unix = Address::Unix(path.clone());
    assert!(is_served(&unix));
    drop(server);
    let server = ServerProcess::evenkeel(&["--unixsocket", text]);
    assert_eq!(server.address(), &unix, "it is the only one");
    let mut client = server.client();
    assert_eq!(set(&mut client, &["port", &port_text]), ok());
    assert!(is_served(&at("127.0.0.1", port)));
}

#[test]
fn a_reload_takes_other_addresses_or_nothing_of_the_file() {
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let file = folder.path().join("a.conf");
    let write = |text: &str| std::fs::write(&file, text).expect("it can be written");
    write("bind 127.0.0.1\ntimeout 1\n");
    let mut server = ServerProcess::evenkeel(&[file.to_str().expect("the path is text")]);
    let mut client = server.client();
    write("bind 192.0.2.1\ntimeout 2\n");
    server.signal("HUP");
    server.wait_for_log("cannot reload, the configuration stays: Failed to bind");
    assert_eq!(get(&mut client, "timeout"), b"1");
    assert_eq!(get(&mut client, "bind"), b"127.0.0.1");
    write("bind 127.0.0.2\ntimeout 2\n");
    server.signal("HUP");
    server.wait_for_log("configuration reloaded: set bind, timeout");
    assert_eq!(client.line("PING"), pong());
    assert!(!is_served(server.address()));
    let second = server.tcp_address().replace("127.0.0.1", "127.0.0.2");
    assert!(is_served(&Address::Tcp(second)));
}
