//! Scrapers, probes and browsers at `http-port`, and those who mean no good.

use super::information::Information;
use crate::support::client::Client;
use crate::support::server::{ServerProcess, free_port};
use crate::support::value::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A server with pages, and their port.
fn server(more: &[&str]) -> (ServerProcess, u16) {
    let port = free_port();
    let text = port.to_string();
    let mut arguments = vec!["--http-port", &text];
    arguments.extend(more);
    (ServerProcess::evenkeel(&arguments), port)
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    let limit = Some(Duration::from_secs(60));
    stream.set_read_timeout(limit).expect("a limit");
    stream
}

/// Sends bytes and returns all that is answered until the other side closes.
fn exchange(port: u16, bytes: &[u8]) -> String {
    let mut stream = connect(port);
    // It may be closed before all of a large head is there.
    _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).expect("text")
}

fn get(port: u16, path: &str) -> String {
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let answer = exchange(port, head.as_bytes());
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    body.to_string()
}

fn sample(text: &str, name: &str) -> String {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {name}")).to_string()
}

#[test]
fn a_scrape_says_what_info_says() {
    let (server, port) = server(&[]);
    let mut client = server.client();
    for number in 0..100 {
        client.line(&format!("SET key:{number} value"));
        client.line(&format!("GET key:{}", number * 2));
    }
    let text = get(port, "/metrics");
    let info = Information::of(&mut client, "everything");
    for (name, field) in [
        ("evenkeel_keyspace_hits_total", "keyspace_hits"),
        ("evenkeel_keyspace_misses_total", "keyspace_misses"),
        ("evenkeel_clients_connected", "connected_clients"),
        ("evenkeel_memory_keyspace_bytes", "keyspace_bytes"),
        ("evenkeel_memory_limit_bytes", "maxmemory"),
        (
            "evenkeel_connections_accepted_total",
            "total_connections_received",
        ),
    ] {
        assert_eq!(sample(&text, name), info.field(field), "{name}");
    }
    assert_eq!(sample(&text, "evenkeel_database_keys{db=\"0\"}"), "100");
    assert_eq!(get(port, "/healthz"), "ok\n");
    assert_eq!(get(port, "/readyz"), "ok\n");
    assert!(get(port, "/").contains("<td id=\"f-keyspace_hits\">"));
}

#[test]
fn nobody_notices_those_who_mean_no_good() {
    let (server, port) = server(&[]);
    let mut client = server.client();
    // Heads that never end, more of them than there are places.
    let mut slow: Vec<TcpStream> = (0..100).map(|_| connect(port)).collect();
    for stream in &mut slow {
        _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: ");
    }
    let huge = [&b"GET / HTTP/1.1\r\na: "[..], &[b'a'; 200_000]].concat();
    let many = b"GET /healthz HTTP/1.1\r\n\r\n".repeat(2_000);
    for bytes in [
        &huge[..],
        b"\x00\x01garbage\r\n\r\n",
        b"*1\r\n$4\r\nPING\r\n",
        b"\r\n\r\n\r\n ",
    ] {
        let answer = exchange(port, bytes);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{answer}"
        );
        assert_eq!(client.line("PING"), Value::Simple(b"PONG".to_vec()));
    }
    // A pipeline whose answers nobody takes, and one whose answers are taken.
    let mut deaf = connect(port);
    deaf.set_nonblocking(true).expect("set");
    _ = deaf.write(&many);
    let mut last = many.clone();
    last.extend_from_slice(b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n");
    let answers = exchange(port, &last);
    assert_eq!(answers.matches("HTTP/1.1 200 OK\r\n").count(), 2_001);
    assert_eq!(client.line("PING"), Value::Simple(b"PONG".to_vec()));
    assert_eq!(
        get(port, "/healthz"),
        "ok\n",
        "there is a place for those who ask"
    );
}

#[test]
fn the_port_of_the_protocol_does_not_speak_http() {
    let (server, port) = server(&["--requirepass", "secret"]);
    let mut stranger = Client::connect(server.address());
    stranger
        .send_raw(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .expect("sent");
    let answer = stranger.read_to_end().expect("closed");
    assert!(!answer.starts_with(b"HTTP/"));
    let refused = exchange(port, b"GET /metrics HTTP/1.0\r\n\r\n");
    assert!(refused.starts_with("HTTP/1.1 401 "), "{refused}");
}
