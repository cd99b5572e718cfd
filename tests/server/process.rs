//! The real binary from outside: arguments, signals, sockets, misbehaving clients.
//!
//! Each test starts its own server on a free port in its own directory. Nothing sleeps; whatever
//! could hang is bounded by `support::PATIENCE`.
//!
//! Not here: what commands reply (`tests/scripts/`), expiry to the millisecond (the same, with a
//! clock that the test moves).

use std::io::{ErrorKind, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::support::PATIENCE;
use crate::support::client::{Address, Client, encode};
use crate::support::server::{ServerProcess, run_evenkeel};
use crate::support::value::Value;

/// The longest that a client may wait while another one floods the server, on a loaded machine.
const PROMPT: Duration = Duration::from_secs(1);

/// Sends bytes on a new connection, ends the sending side, returns all that comes back as text.
fn exchange(server: &ServerProcess, bytes: &[u8]) -> String {
    let mut client = server.client();
    client.send_raw(bytes).expect("the server takes the bytes");
    client.shutdown_write().expect("the connection is open");
    let reply = client
        .read_to_end()
        .expect("the server ends the connection");
    String::from_utf8_lossy(&reply).into_owned()
}

fn ok() -> Value {
    Value::Simple(b"OK".to_vec())
}

#[test]
fn a_raw_tcp_session_gets_plain_replies() {
    let server = ServerProcess::evenkeel(&[]);
    let session = "SET name \"PyRedisAsync\"\nGET name\nINCR counter\nINCR counter\nTTL name\n\
                   DEL counter\n";
    let replies = "OK\r\nPyRedisAsync\r\n:1\r\n:2\r\n:-1\r\n:1\r\n";
    assert_eq!(exchange(&server, session.as_bytes()), replies);
}

#[test]
fn help_tells_a_person_what_to_type_and_a_program_that_there_is_no_such_command() {
    let server = ServerProcess::evenkeel(&[]);
    let told = exchange(&server, b"help\n");
    assert!(
        told.starts_with("Type a command and what it takes"),
        "{told}"
    );
    let error = "-ERR unknown command 'HELP', with args beginning with: \r\n";
    assert_eq!(exchange(&server, b"*1\r\n$4\r\nHELP\r\n"), error);
}

#[test]
fn plain_replies_of_every_kind() {
    let server = ServerProcess::evenkeel(&[]);
    let session = "GET missing\nMSET a 1 b 2\nMGET a missing b\nKEYS none*\nFROBNICATE x\nGTE a\nINCR\n\n\
                   SET n text\nINCR n\nMULTI\nGET a\nEXEC\nECHO \"two\\nlines\"\n";
    let replies = "(nil)\r\nOK\r\n1\r\n(nil)\r\n2\r\n(empty array)\r\n\
                   ERROR: unknown command 'FROBNICATE', with args beginning with: 'x' \r\n\
                   ERROR: unknown command 'GTE', with args beginning with: 'a', \
                   did you mean 'GET'?\r\n\
                   ERROR: wrong number of arguments for 'incr' command\r\nOK\r\n\
                   ERROR: value is not an integer or out of range\r\nOK\r\nQUEUED\r\n1\r\n\
                   two\nlines\r\n";
    assert_eq!(exchange(&server, session.as_bytes()), replies);
}

#[test]
fn programs_that_send_lines_get_the_protocol() {
    let server = ServerProcess::evenkeel(&[]);
    assert_eq!(
        exchange(&server, b"PING\r\nSET k v\nGET k\r\n"),
        "+PONG\r\n+OK\r\n$1\r\nv\r\n"
    );
    let requests = b"*1\r\n$4\r\nPING\r\nGET missing\n";
    assert_eq!(exchange(&server, requests), "+PONG\r\n$-1\r\n");
    let replies = exchange(&server, b"PING\nHELLO 2\nPING\n");
    assert!(
        replies.starts_with("+PONG\r\n*14\r\n$6\r\nserver\r\n"),
        "{replies}"
    );
    assert!(replies.ends_with("*0\r\n+PONG\r\n"), "{replies}");
}

/// `echo PING | nc host port | grep +PONG` is how scripts wait for a server.
#[test]
fn scripts_find_their_pong_and_files_of_lines_the_protocol() {
    let server = ServerProcess::evenkeel(&[]);
    assert_eq!(exchange(&server, b"PING\n"), "+PONG\r\n");
    assert_eq!(
        exchange(&server, b"SET k v\nPING\nping\nPING hello\nGET k\n"),
        "OK\r\n+PONG\r\n+PONG\r\nhello\r\nv\r\n"
    );
    // What redis-cli --pipe sends of a file of such lines.
    let line = b"SET k v\n";
    let many = line.repeat(4096 / line.len());
    let replies = exchange(&server, &many);
    assert_eq!(replies, "+OK\r\n".repeat(4096 / line.len()));
    let fewer = line.repeat(4096 / line.len() - 1);
    assert_eq!(
        exchange(&server, &fewer),
        "OK\r\n".repeat(4096 / line.len() - 1)
    );
    assert_eq!(
        server
            .client()
            .call(&["CONFIG", "SET", "inline-replies", "plain"]),
        ok()
    );
    assert_eq!(exchange(&server, &many), "OK\r\n".repeat(4096 / line.len()));
}

#[test]
fn version_and_help_go_to_standard_output() {
    let version = run_evenkeel(&["--version"]);
    assert_eq!(version.code, Some(0), "{version:?}");
    let [line] = &version.output[..] else {
        panic!("one line: {version:?}")
    };
    assert!(
        line.contains(&format!("v={} ", env!("CARGO_PKG_VERSION"))),
        "{line}"
    );
    let help = run_evenkeel(&["--help"]);
    assert_eq!(help.code, Some(0), "{help:?}");
    assert!(
        help.output.iter().any(|line| line.contains("--port")),
        "{help:?}"
    );
}

/// Runs the binary with arguments that it must refuse; returns its one line of complaint.
fn complaint(arguments: &[&str]) -> String {
    let ended = run_evenkeel(arguments);
    assert_eq!(ended.code, Some(1), "{arguments:?}: {ended:?}");
    assert_eq!(ended.errors.len(), 1, "{arguments:?}: {ended:?}");
    ended.errors.join("")
}

#[test]
fn wrong_arguments_end_with_code_1_and_one_line() {
    let unknown = complaint(&["--no-such-parameter", "1"]);
    assert!(unknown.contains("no-such-parameter"), "{unknown}");
    let bad_number = complaint(&["--port", "many"]);
    assert!(bad_number.contains("'port'"), "{bad_number}");
    let out_of_range = complaint(&["--port", "65536"]);
    assert!(
        out_of_range.contains("'port'") && out_of_range.contains("65535"),
        "{out_of_range}"
    );
    let missing_value = complaint(&["--port"]);
    assert!(missing_value.contains("port"), "{missing_value}");
    let missing_file = complaint(&["no-such-file.conf"]);
    assert!(missing_file.contains("no-such-file.conf"), "{missing_file}");
}

#[test]
fn a_port_in_use_ends_with_code_1_and_names_the_address() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("the system gives a port");
    let port = taken
        .local_addr()
        .expect("a listener has an address")
        .port()
        .to_string();
    let ended = run_evenkeel(&["--port", &port, "--bind", "127.0.0.1"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let last = ended.errors.last().expect("the reason is told");
    assert!(last.contains(&port), "{ended:?}");
}

#[test]
fn termination_signals_end_with_code_0() {
    for signal in ["TERM", "INT"] {
        let mut server = ServerProcess::evenkeel(&[]);
        let mut client = server.client();
        assert_eq!(client.line("SET k v"), ok());
        server.signal(signal);
        assert_eq!(
            server.wait_for_exit(PATIENCE).code(),
            Some(0),
            "SIG{signal}"
        );
        let told = format!("stopping, as SIG{signal} asked: 1 connections are closed");
        server.wait_for_log(&told);
        assert_eq!(client.read_to_end().expect("the connection ends"), b"");
    }
}

#[test]
fn shutdown_ends_with_code_0() {
    let mut server = ServerProcess::evenkeel(&[]);
    let mut client = server.client();
    client
        .send(&["SHUTDOWN", "NOSAVE"])
        .expect("the server takes the request");
    assert_eq!(client.read_to_end().expect("the connection ends"), b"");
    assert_eq!(server.wait_for_exit(PATIENCE).code(), Some(0));
    server.wait_for_log("stopping, as a client asked: ");
}

#[test]
fn after_a_half_close_all_replies_still_arrive() {
    let server = ServerProcess::evenkeel(&[]);
    let count = 20_000;
    let mut requests = Vec::new();
    let mut expected = String::new();
    for number in 1..=count {
        encode(&["INCR", "counter"], &mut requests);
        expected.push_str(&format!(":{number}\r\n"));
    }
    assert!(
        exchange(&server, &requests) == expected,
        "all {count} replies, in order, then the end"
    );
}

#[test]
fn an_incomplete_request_before_a_half_close_is_dropped() {
    let server = ServerProcess::evenkeel(&[]);
    assert_eq!(
        exchange(&server, b"*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$1"),
        "+PONG\r\n"
    );
    assert_eq!(exchange(&server, b""), "");
}

/// Goal: one flooding client does not keep others waiting. Method: a million PINGs in one
/// pipeline, and meanwhile the time of each request of a second client.
#[test]
fn a_pipeline_of_a_million_requests_leaves_room_for_others() {
    const COUNT: usize = 1_000_000;
    let server = ServerProcess::evenkeel(&[]);
    let mut flood = server.client();
    let mut writer = flood.writer().expect("the connection can be shared");
    let sending = std::thread::spawn(move || {
        let part = b"*1\r\n$4\r\nPING\r\n".repeat(1000);
        (0..COUNT / 1000).try_for_each(|_| writer.write_all(&part))
    });
    let reading = std::thread::spawn(move || {
        let expected = b"+PONG\r\n".repeat(1000);
        for _ in 0..COUNT / 1000 {
            assert!(
                flood
                    .read_bytes(expected.len())
                    .expect("the replies arrive")
                    == expected
            );
        }
    });
    let mut other = server.client();
    let mut longest = Duration::ZERO;
    for _ in 0..200 {
        let start = Instant::now();
        assert_eq!(other.line("PING"), Value::Simple(b"PONG".to_vec()));
        longest = longest.max(start.elapsed());
    }
    sending
        .join()
        .expect("the writer ends")
        .expect("everything is sent");
    reading.join().expect("all replies are right");
    assert!(longest < PROMPT, "the other client waited {longest:?}");
}

/// Goal: replies that nobody reads do not fill the memory, and are not lost either. Method: half a
/// gigabyte of replies is asked for at once and read only after the server's size was looked at.
#[test]
fn a_client_that_does_not_read_costs_bounded_memory() {
    const VALUE_BYTES: usize = 1024 * 1024;
    const COUNT: usize = 500;
    const GROWTH_LIMIT_BYTES: u64 = 64 * 1024 * 1024;
    let server = ServerProcess::evenkeel(&[]);
    let value: Vec<u8> = (0..VALUE_BYTES)
        .map(|index| b'a' + (index % 23) as u8)
        .collect();
    let mut slow = server.client();
    assert_eq!(slow.call(&[b"SET".as_slice(), b"large", &value]), ok());
    let before_bytes = server.resident_bytes();
    let mut requests = Vec::new();
    for _ in 0..COUNT {
        encode(&["GET", "large"], &mut requests);
    }
    slow.send_raw(&requests)
        .expect("the server takes the requests");
    let mut other = server.client();
    for _ in 0..1000 {
        assert_eq!(other.line("EXISTS large"), Value::Integer(1));
    }
    if let (Some(before_bytes), Some(after_bytes)) = (before_bytes, server.resident_bytes()) {
        let growth_bytes = after_bytes.saturating_sub(before_bytes);
        assert!(
            growth_bytes < GROWTH_LIMIT_BYTES,
            "the server grew by {growth_bytes} bytes"
        );
    }
    let mut expected = format!("${VALUE_BYTES}\r\n").into_bytes();
    expected.extend_from_slice(&value);
    expected.extend_from_slice(b"\r\n");
    for index in 0..COUNT {
        assert!(
            slow.read_reply().expect("the reply arrives") == expected,
            "reply {index}"
        );
    }
    assert_eq!(slow.line("EXISTS large"), Value::Integer(1));
}

/// Goal: closing one's own side early loses nothing, however slow the reading. Method: far more
/// replies than any buffer holds are asked for, then the sending side ends, then they are read.
#[test]
fn a_slow_reader_that_has_closed_its_side_gets_every_reply() {
    const COUNT: usize = 300;
    let server = ServerProcess::evenkeel(&[]);
    let mut client = server.client();
    assert_eq!(
        client.call(&["SETRANGE", "large", "999999", "x"]),
        Value::Integer(1_000_000)
    );
    let mut requests = Vec::new();
    for _ in 0..COUNT {
        encode(&["GET", "large"], &mut requests);
    }
    client
        .send_raw(&requests)
        .expect("the server takes the requests");
    client.shutdown_write().expect("the connection is open");
    let mut other = server.client();
    for _ in 0..100 {
        assert_eq!(other.line("EXISTS large"), Value::Integer(1));
    }
    let replies = client
        .read_to_end()
        .expect("the server ends the connection");
    assert_eq!(
        replies.len(),
        COUNT * (1_000_000 + "$1000000\r\n\r\n".len())
    );
}

#[test]
fn a_line_without_end_is_refused() {
    let server = ServerProcess::evenkeel(&[]);
    let replies = exchange(&server, &[b'x'; 100_000]);
    assert!(
        replies.contains("Protocol error: too big inline request"),
        "{replies}"
    );
    assert_eq!(
        server.client().line("PING"),
        Value::Simple(b"PONG".to_vec())
    );
}

#[test]
fn a_request_over_the_limit_is_refused() {
    let server = ServerProcess::evenkeel(&["--proto-max-bulk-len", "1mb"]);
    let replies = exchange(&server, b"*2\r\n$4\r\nECHO\r\n$1048577\r\n");
    assert_eq!(replies, "-ERR Protocol error: invalid bulk length\r\n");
}

/// Goal: connections leave nothing behind. Method: open files of the server before and after many.
#[test]
fn connections_leave_no_files_open() {
    let server = ServerProcess::evenkeel(&[]);
    let mut control = server.client();
    let count_files = || {
        std::fs::read_dir(format!("/proc/{}/fd", server.id()))
            .ok()
            .map(Iterator::count)
    };
    assert_eq!(control.line("PING"), Value::Simple(b"PONG".to_vec()));
    let before = count_files();
    for index in 0..2000 {
        let mut client = server.client();
        match index % 3 {
            0 => drop(client.line("PING")),
            1 => client.send_raw(b"*1\r\n$4\r\nPI").expect("it is sent"),
            _ => {}
        }
    }
    let is_alone = |list: &Value| list.text().lines().count() == 1;
    let end = Instant::now() + PATIENCE;
    while !is_alone(&control.line("CLIENT LIST")) {
        assert!(
            Instant::now() < end,
            "the server notices that its clients are gone"
        );
    }
    assert_eq!(count_files(), before);
}

#[test]
fn a_pause_holds_writes_back_until_it_ends() {
    let server = ServerProcess::evenkeel(&[]);
    let (mut control, mut writer, mut reader) = (server.client(), server.client(), server.client());
    assert_eq!(control.line("CLIENT PAUSE 600000 WRITE"), ok());
    writer
        .send(&["SET", "k", "v"])
        .expect("the server takes the request");
    for _ in 0..100 {
        assert_eq!(reader.line("GET k"), Value::Nil);
    }
    assert_eq!(control.line("CLIENT UNPAUSE"), ok());
    assert_eq!(writer.read_reply().expect("the reply arrives"), b"+OK\r\n");
    assert_eq!(reader.line("GET k"), Value::Bulk(b"v".to_vec()));
}

/// Goal: the process moves the clock that the engine is given. Method: a key is read over and over
/// until it is gone.
#[test]
fn a_key_expires_at_its_time() {
    let server = ServerProcess::evenkeel(&[]);
    let mut client = server.client();
    let start = Instant::now();
    assert_eq!(client.line("SET k v PX 100"), ok());
    while client.line("GET k") != Value::Nil {
        assert!(start.elapsed() < PATIENCE, "the key expires");
    }
    // Both clocks are cut to whole milliseconds.
    assert!(
        start.elapsed() >= Duration::from_millis(99),
        "after {:?}",
        start.elapsed()
    );
    assert_eq!(client.line("DBSIZE"), Value::Integer(0));
}

/// How many files this process may open; a guess where the system does not tell.
pub(super) fn open_file_limit() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    line.and_then(|line| line.split_whitespace().nth(3)?.parse().ok())
        .unwrap_or(1024)
}

#[test]
fn a_thousand_connections_are_served() {
    let count = open_file_limit().saturating_sub(200).min(1000);
    let server = ServerProcess::evenkeel(&[]);
    let mut clients: Vec<Client> = (0..count).map(|_| server.client()).collect();
    for (index, client) in clients.iter_mut().enumerate() {
        let index = index.to_string();
        client
            .send(&["SET", &index, &index])
            .expect("the server takes the request");
    }
    for client in &mut clients {
        assert_eq!(client.read_reply().expect("the reply arrives"), b"+OK\r\n");
    }
    let size = i64::try_from(count).expect("the count fits");
    assert_eq!(clients[0].line("DBSIZE"), Value::Integer(size));
    let last = clients.pop().expect("there are clients");
    drop(clients);
    let mut last = last;
    assert_eq!(last.line("PING"), Value::Simple(b"PONG".to_vec()));
}

#[test]
fn connections_over_the_limit_are_refused_with_an_error() {
    let server = ServerProcess::evenkeel(&["--maxclients", "3"]);
    let mut clients: Vec<Client> = (0..3).map(|_| server.client()).collect();
    for client in &mut clients {
        assert_eq!(client.line("PING"), Value::Simple(b"PONG".to_vec()));
    }
    let refusal = server
        .client()
        .read_to_end()
        .expect("the server ends the connection");
    assert_eq!(refusal, b"-ERR max number of clients reached\r\n");
    clients[0].line("QUIT");
    clients[0].read_to_end().expect("the connection ends");
    assert_eq!(
        server.client().line("PING"),
        Value::Simple(b"PONG".to_vec())
    );
}

/// Goal: a client that waits for one answer does not wait for everybody's pipelines. Method: the
/// server is stopped while pipelines arrive, and then a single request; all count the same key up.
#[test]
fn who_waits_for_one_answer_goes_before_pipelines() {
    const REQUESTS: usize = 200;
    let server = ServerProcess::evenkeel(&[]);
    let mut pipeline = Vec::new();
    (0..REQUESTS).for_each(|_| encode(&["INCR", "order"], &mut pipeline));
    let read_all = |client: &mut Client| {
        for _ in 0..REQUESTS {
            client.read_reply().expect("every request is answered");
        }
    };
    let mut heavy: Vec<Client> = (0..4).map(|_| server.client()).collect();
    for client in &mut heavy {
        client.send_raw(&pipeline).expect("the server takes it");
        read_all(client);
    }
    let mut light = server.client();
    let begun = REQUESTS as i64 * heavy.len() as i64;
    // Accepted before, so that what it sends is in the same turn as the pipelines.
    assert_eq!(light.line("PING"), Value::Simple(b"PONG".to_vec()));
    server.freeze();
    for client in &mut heavy {
        client.send_raw(&pipeline).expect("the system takes it");
    }
    light.send(&["INCR", "order"]).expect("the system takes it");
    server.thaw();
    let first = format!(":{}\r\n", begun + 1);
    assert_eq!(
        light.read_reply().expect("it is answered"),
        first.as_bytes()
    );
    heavy.iter_mut().for_each(read_all);
    let count = begun * 2 + 2;
    assert_eq!(light.call(&["INCR", "order"]), Value::Integer(count));
}

#[test]
fn clients_that_vanish_leave_the_server_well() {
    let server = ServerProcess::evenkeel(&[]);
    for _ in 0..50 {
        let mut client = server.client();
        client
            .send_raw(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000\r\nabc")
            .expect("it is sent");
    }
    for _ in 0..50 {
        let mut client = server.client();
        let mut requests = Vec::new();
        for _ in 0..1000 {
            encode(&["ECHO", "a reply that nobody reads"], &mut requests);
        }
        client.send_raw(&requests).expect("it is sent");
    }
    assert_eq!(server.client().line("EXISTS k"), Value::Integer(0));
}

#[test]
fn a_request_may_arrive_byte_by_byte() {
    let server = ServerProcess::evenkeel(&[]);
    let mut client = server.client();
    for byte in b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nva\r\nl\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n" {
        client
            .send_raw(&[*byte])
            .expect("the server takes the byte");
    }
    assert_eq!(client.read_reply().expect("a reply"), b"+OK\r\n");
    assert_eq!(client.read_reply().expect("a reply"), b"$5\r\nva\r\nl\r\n");
}

#[test]
fn a_large_value_comes_back_whole() {
    let server = ServerProcess::evenkeel(&[]);
    let value: Vec<u8> = (0..20_000_000_u32)
        .map(|index| (index % 251) as u8)
        .collect();
    let mut client = server.client();
    assert_eq!(client.call(&[b"SET".as_slice(), b"large", &value]), ok());
    assert_eq!(client.line("STRLEN large"), Value::Integer(20_000_000));
    assert!(client.line("GET large") == Value::Bulk(value));
}

#[test]
fn a_protocol_error_is_told_after_the_good_replies_and_ends_the_connection() {
    let server = ServerProcess::evenkeel(&[]);
    let mut client = server.client();
    let requests = b"*1\r\n$4\r\nPING\r\n*1\r\n:4\r\nPING\r\n*1\r\n$4\r\nPING\r\n";
    client
        .send_raw(requests)
        .expect("the server takes the bytes");
    let replies = client
        .read_to_end()
        .expect("the server ends the connection");
    let expected = "+PONG\r\n-ERR Protocol error: expected '$', got ':'\r\n";
    assert_eq!(String::from_utf8_lossy(&replies), expected);
}

#[test]
fn quit_replies_and_ends_the_connection() {
    let server = ServerProcess::evenkeel(&[]);
    let mut client = server.client();
    let requests = b"*1\r\n$4\r\nQUIT\r\n*1\r\n$4\r\nPING\r\n";
    client
        .send_raw(requests)
        .expect("the server takes the bytes");
    assert_eq!(
        client
            .read_to_end()
            .expect("the server ends the connection"),
        b"+OK\r\n"
    );
}

/// Goal: a reply of megabytes waits for its client without holding up anybody, and a client that
/// is gone leaves nothing behind. Method: KEYS over many keys, one client reading late, one never.
#[test]
fn keys_of_a_large_database_wait_for_a_client_that_reads_late() {
    const KEYS: usize = 50_000;
    let server = ServerProcess::evenkeel(&[]);
    let mut other = server.client();
    for first in (0..KEYS).step_by(1_000) {
        let mut words = vec!["MSET".to_owned()];
        for number in first..first + 1_000 {
            words.extend([format!("{number:0100}"), "v".to_owned()]);
        }
        assert_eq!(other.call(&words), ok());
    }
    let (mut late, mut gone) = (server.client(), server.client());
    for client in [&mut late, &mut gone] {
        client.send_raw(b"KEYS *\r\nPING\r\n").expect("it is taken");
    }
    assert_eq!(other.line("PING"), Value::Simple("PONG".into()));
    let writer = gone.writer().expect("a socket");
    let socket = socket2::SockRef::from(&writer);
    socket
        .set_linger(Some(Duration::ZERO))
        .expect("a TCP socket");
    drop((writer, gone));
    let start = Instant::now();
    while client_count(&mut other) > 2 {
        assert!(
            start.elapsed() < PATIENCE,
            "the connection that failed stays"
        );
    }
    let keys = late.read_reply().expect("the reply");
    let element_bytes = "$100\r\n\r\n".len() + 100;
    assert_eq!(keys.len(), "*50000\r\n".len() + KEYS * element_bytes);
    assert_eq!(late.read_reply().expect("the next reply"), b"+PONG\r\n");
}

fn client_count(client: &mut Client) -> usize {
    let Value::Bulk(list) = client.call(&["CLIENT", "LIST"]) else {
        panic!("the list is a string")
    };
    list.iter().filter(|&&byte| byte == b'\n').count()
}

#[test]
fn a_killed_client_sees_its_connection_end() {
    let server = ServerProcess::evenkeel(&[]);
    let mut victim = server.client();
    let Value::Integer(id) = victim.line("CLIENT ID") else {
        panic!("an id is an integer")
    };
    assert_eq!(
        server.client().line(&format!("CLIENT KILL ID {id}")),
        Value::Integer(1)
    );
    assert_eq!(victim.read_to_end().expect("the connection ends"), b"");
}

#[test]
fn a_unix_socket_is_served_and_removed() {
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let path = folder.path().join("evenkeel.sock");
    let text = path.to_str().expect("the path is text");
    let port = crate::support::server::free_port().to_string();
    let mut server = ServerProcess::evenkeel(&["--unixsocket", text, "--port", &port]);
    server.wait_for_log(" and unix ");
    let mut client = Client::connect(&Address::Unix(path.clone()));
    assert_eq!(client.line("SET k v"), ok());
    assert_eq!(server.client().line("GET k"), Value::Bulk(b"v".to_vec()));
    server.signal("TERM");
    assert_eq!(server.wait_for_exit(PATIENCE).code(), Some(0));
    assert!(!path.exists(), "the socket file is removed");
}

#[test]
fn ipv6_is_served() {
    if TcpListener::bind("[::1]:0").is_err() {
        println!("this machine has no IPv6: nothing to test");
        return;
    }
    let server = ServerProcess::evenkeel(&["--bind", "::1"]);
    assert!(
        server.tcp_address().starts_with("[::1]:"),
        "{}",
        server.tcp_address()
    );
    assert_eq!(
        server.client().line("PING"),
        Value::Simple(b"PONG".to_vec())
    );
}

#[test]
fn a_password_is_asked_for() {
    let server = ServerProcess::evenkeel(&["--requirepass", "secret"]);
    let mut client = server.client();
    let error = |text: &str| Value::Error(text.as_bytes().to_vec());
    assert_eq!(
        client.line("GET k"),
        error("NOAUTH Authentication required.")
    );
    assert_eq!(
        client.line("AUTH wrong"),
        error("WRONGPASS invalid username-password pair or user is disabled.")
    );
    assert_eq!(client.line("AUTH secret"), ok());
    assert_eq!(client.line("GET k"), Value::Nil);
    assert_eq!(server.client().line("AUTH default secret"), ok());
    let hello = server
        .client()
        .line("HELLO 3 AUTH default secret SETNAME me");
    assert!(matches!(hello, Value::Map(_)), "{hello:?}");
}

#[test]
fn an_idle_client_is_closed_after_the_timeout_and_not_before() {
    let server = ServerProcess::evenkeel(&["--timeout", "1000"]);
    let (mut control, mut idle) = (server.client(), server.client());
    assert_eq!(idle.line("PING"), Value::Simple(b"PONG".to_vec()));
    assert_eq!(control.line("DEBUG ADVANCE-TIME 900000"), ok());
    assert_eq!(client_count(&mut control), 2);
    assert_eq!(control.line("DEBUG ADVANCE-TIME 101000"), ok());
    match idle.read_reply() {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {}
        other => panic!("the server ends the connection: {other:?}"),
    }
    assert_eq!(client_count(&mut control), 1);
}

/// Goal: DEBUG SLEEP is over when it is answered, and when the next request of the pipeline runs;
/// in a transaction, too. Method: bounds that the clock itself guarantees; no upper ones.
#[test]
fn the_server_sleeps_before_it_says_so() {
    const SLEEP: Duration = Duration::from_millis(30);
    let server = ServerProcess::evenkeel(&[]);
    let mut client = server.client();
    for lines in [
        &["DEBUG SLEEP 0.03"][..],
        &["MULTI", "DEBUG SLEEP 0.03", "EXEC"],
    ] {
        let start = Instant::now();
        lines.iter().for_each(|line| drop(client.line(line)));
        assert!(start.elapsed() >= SLEEP, "{lines:?}");
    }
    let replies = exchange(&server, b"TIME\r\nDEBUG SLEEP 0.03\r\nTIME\r\n");
    let numbers = replies.lines().filter_map(|line| line.parse::<u64>().ok());
    let numbers: Vec<u64> = numbers.collect();
    let [start_s, start_us, end_s, end_us] = numbers[..] else {
        panic!("two times of two numbers: {replies}");
    };
    let slept_us = (end_s * 1_000_000 + end_us) - (start_s * 1_000_000 + start_us);
    assert!(slept_us >= 30_000, "{slept_us}");
}

/// Goal: DEBUG ADVANCE-TIME moves what the next request sees, and nothing that is measured.
/// Method: one pipeline, so that the requests behind it are read in the same turn.
#[test]
fn the_clock_is_moved_before_the_next_request_of_a_pipeline() {
    const HOUR_US: u64 = 3_600_000_000;
    let server = ServerProcess::evenkeel(&[]);
    let replies = exchange(
        &server,
        b"SET k v PX 3600000\r\nGET k\r\nDEBUG ADVANCE-TIME 3600000\r\nGET k\r\nDBSIZE\r\n",
    );
    assert_eq!(replies, "+OK\r\n$1\r\nv\r\n+OK\r\n$-1\r\n:0\r\n");
    let mut client = server.client();
    assert!(info_number(&mut client, "uptime_in_seconds") >= 3600);
    assert!(info_number(&mut client, "loop_turn_max_usec") < HOUR_US);
    let refused = |request: &str, reply: &[u8]| {
        let mut client = server.client();
        assert_eq!(client.line(request), Value::Error(reply.to_vec()));
    };
    let not_positive = b"ERR value is out of range, must be positive";
    refused("DEBUG ADVANCE-TIME -1", not_positive);
    refused("DEBUG ADVANCE-TIME soon", not_positive);
    assert_eq!(client.line("MULTI"), ok());
    client.line("DEBUG ADVANCE-TIME 1");
    let reply = client.line("EXEC");
    assert!(matches!(reply.members(), [Value::Error(_)]), "{reply:?}");
    // As far as it goes, and again: no more than that.
    for _ in 0..2 {
        let mut client = server.client();
        assert_eq!(client.line("DEBUG ADVANCE-TIME 9223372036854775807"), ok());
        assert_eq!(client.line("SET k v EX 100"), ok());
        assert_eq!(client.line("TTL k"), Value::Integer(100));
    }
}

#[test]
fn a_renamed_command_is_found_by_its_new_name_only() {
    let folder = tempfile::tempdir().expect("a temporary directory can be made");
    let path = folder.path().join("evenkeel.conf");
    let path = path.to_str().expect("the path is text");
    let write = |text: &str| std::fs::write(path, text).expect("the file can be written");
    write("rename-command CONFIG c0nf1g\nrename-command FLUSHALL \"\"\n");
    let server = ServerProcess::evenkeel(&[path]);
    let mut client = server.client();
    let is_unknown = |reply: Value| matches!(&reply, Value::Error(text) if text.starts_with(b"ERR unknown command"));
    assert!(is_unknown(client.line("CONFIG GET timeout")));
    assert!(is_unknown(client.line("FLUSHALL")));
    assert!(matches!(client.line("c0nf1g GET timeout"), Value::Array(_)));
    write("rename-command FROBNICATE x\n");
    let refused = complaint_of_start(path);
    assert!(
        refused.contains("there is no command 'FROBNICATE'"),
        "{refused}"
    );
    write("rename-command GET set\n");
    let refused = complaint_of_start(path);
    assert!(
        refused.contains("there is a command 'set' already"),
        "{refused}"
    );
}

/// The last line that a server says which does not start.
fn complaint_of_start(path: &str) -> String {
    let ended = run_evenkeel(&[path, "--port", "0"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    ended.errors.last().expect("the reason is told").clone()
}

/// An address of this machine that is not the loopback, if it has one.
fn own_address() -> Option<std::net::IpAddr> {
    // No packet is sent: the system only chooses the address it would send from.
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

#[test]
fn protected_mode_tells_strangers_why_they_are_refused() {
    let Some(address) = own_address() else {
        println!("this machine has no address but the loopback: nothing to test");
        return;
    };
    let server = ServerProcess::evenkeel(&["--bind", &format!("127.0.0.1 {address}")]);
    let (_, port) = server
        .tcp_address()
        .rsplit_once(':')
        .expect("a port is named");
    let outside = Address::Tcp(format!("{address}:{port}"));
    let refusal = Client::connect(&outside)
        .read_to_end()
        .expect("the connection ends");
    let refusal = String::from_utf8_lossy(&refusal);
    assert!(
        refusal.starts_with("-DENIED Evenkeel is running in protected mode"),
        "{refusal}"
    );
    assert_eq!(server.client().line("CONFIG SET protected-mode no"), ok());
    let mut stranger = Client::connect(&outside);
    assert_eq!(stranger.line("PING"), Value::Simple(b"PONG".to_vec()));
}

/// Goal: clients that come and go by the thousand are all seen off, and nobody else notices.
/// Method: connections that close at once, others that close behind a request, and a client that
/// asks meanwhile.
#[test]
fn a_storm_of_clients_leaves_nothing_behind() {
    const COUNT: usize = 4000;
    let server = ServerProcess::evenkeel(&[]);
    let mut control = server.client();
    assert_eq!(control.line("SET counter 0"), ok());
    for index in 0..COUNT {
        let mut client = server.client();
        if index % 2 == 0 {
            client
                .send(&["INCR", "counter"])
                .expect("the server takes the request");
            client.shutdown_write().expect("the connection is open");
            assert!(
                client
                    .read_to_end()
                    .expect("the connection ends")
                    .starts_with(b":")
            );
        }
        if index % 100 == 0 {
            assert_eq!(control.line("PING"), Value::Simple(b"PONG".to_vec()));
        }
    }
    assert_eq!(
        control.line("GET counter"),
        Value::Bulk((COUNT / 2).to_string().into_bytes())
    );
    let end = Instant::now() + PATIENCE;
    while control.line("CLIENT LIST").text().lines().count() > 1 {
        assert!(
            Instant::now() < end,
            "the server notices that its clients are gone"
        );
    }
}

/// Goal: a client that reads nothing costs neither keys nor memory. Method: one asks for a large
/// value 3,200 times, then many ask for it a few times; nobody reads.
#[test]
fn clients_that_read_nothing_cost_no_key() {
    let arguments = ["--maxmemory", "200mb", "--maxmemory-clients", "4mb"];
    let mut server = ServerProcess::evenkeel(&arguments);
    let mut operator = server.client();
    let value = vec![b'x'; 512 * 1024];
    for number in 0..20 {
        let key = format!("key{number}");
        assert_eq!(operator.call(&[b"SET", key.as_bytes(), &value]), ok());
    }
    let ask = b"*2\r\n$3\r\nGET\r\n$4\r\nkey7\r\n";
    let mut alone = server.client();
    alone
        .send_raw(&ask.repeat(3_200))
        .expect("requests are small");
    wait_for_number(&mut operator, "client_buffers_bytes", |bytes| {
        bytes >= value.len() as u64
    });
    assert_eq!(info_number(&mut operator, "evicted_clients"), 0);

    let crowd: Vec<Client> = (0..60)
        .map(|_| {
            let mut client = server.client();
            client
                .send_raw(&ask.repeat(20))
                .expect("requests are small");
            client
        })
        .collect();
    server.wait_for_log("closing client");
    wait_for_number(&mut operator, "client_buffers_bytes", |bytes| {
        bytes <= 4 << 20
    });
    assert!(info_number(&mut operator, "evicted_clients") > 0);
    assert!(info_number(&mut operator, "client_buffers_peak_bytes") < 8 << 20);
    assert_eq!(operator.call(&[b"DBSIZE"]), Value::Integer(20));
    if let Some(bytes) = server.resident_bytes() {
        assert!(bytes < 64 << 20, "{bytes} bytes are resident");
    }
    drop((alone, crowd));
}

/// A number from INFO.
fn info_number(client: &mut Client, name: &str) -> u64 {
    let Value::Bulk(text) = client.call(&["INFO", "everything"]) else {
        panic!("INFO answers text");
    };
    let text = String::from_utf8_lossy(&text).into_owned();
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = fields.find(|(field, _)| *field == name).expect(name);
    value.parse().expect(name)
}

/// Asks for a number from INFO until it is as it should be.
fn wait_for_number(client: &mut Client, name: &str, is_right: impl Fn(u64) -> bool) {
    let end = Instant::now() + PATIENCE;
    loop {
        let number = info_number(client, name);
        if is_right(number) {
            return;
        }
        assert!(Instant::now() < end, "{name} is still {number}");
    }
}

#[test]
fn maxclients_follows_the_limit_of_open_files() {
    let server = ServerProcess::evenkeel(&[]);
    let mut client = server.client();
    let error = client.line("CONFIG SET maxclients 4294967295");
    let Value::Error(text) = &error else {
        panic!("no system has so many: {error:?}")
    };
    let text = String::from_utf8_lossy(text);
    assert!(
        text.contains("argument 'maxclients') - The operating system is not able"),
        "{text}"
    );
    let (_, possible) = text
        .rsplit_once("try with ")
        .expect("it says what is possible");
    assert_eq!(
        client.line(&format!("CONFIG SET maxclients {possible}")),
        ok()
    );
    assert_eq!(client.line("CONFIG SET maxclients 1"), ok());
    let refused = server.client().read_to_end().expect("the connection ends");
    assert_eq!(refused, b"-ERR max number of clients reached\r\n");
}

#[test]
fn the_limit_of_memory_is_found_and_told() {
    let mut server = ServerProcess::evenkeel(&[]);
    server.wait_for_log("maxmemory auto: ");
    let mut client = server.client();
    assert_eq!(info_number(&mut client, "maxmemory_auto"), 1);
    let machine_bytes = info_number(&mut client, "total_system_memory");
    let limit_bytes = info_number(&mut client, "maxmemory");
    assert!(limit_bytes <= machine_bytes / 4 * 3);
    assert!(limit_bytes > 0 || !cfg!(target_os = "linux"));
}
