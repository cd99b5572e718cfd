//! StackExchange.Redis: its handshake is one batch of a dozen requests that ends with a tracer.
//!
//! It matches replies to requests by counting, so errors are fine and a reply too few or too many
//! is fatal. It asks even if the password was refused.

use super::information::{Information, text_map};
use crate::support::client::{Client, encode};
use crate::support::server::ServerProcess;
use crate::support::value::Value;

const TRACER: &str = "c0ffee00-0000-4000-8000-000000000001";

/// The batch: with or without AUTH in front, in one write.
fn requests(authentication: &str, protocol: u32) -> Vec<Vec<String>> {
    let lines = [
        authentication.to_owned(),
        format!("HELLO {protocol}"),
        "CLIENT SETNAME web-1(SE.Redis)".to_owned(),
        "CLIENT SETINFO lib-name SE.Redis".to_owned(),
        "CLIENT SETINFO lib-ver 3.1.0".to_owned(),
        "CLIENT ID".to_owned(),
        "CONFIG GET timeout".to_owned(),
        "CONFIG GET replica-read-only".to_owned(),
        "CONFIG GET databases".to_owned(),
        "SENTINEL MASTERS".to_owned(),
        "INFO replication".to_owned(),
        "INFO server".to_owned(),
        "CLUSTER NODES".to_owned(),
        "GET __Booksleeve_TieBreak".to_owned(),
        format!("ECHO {TRACER}"),
    ];
    lines
        .iter()
        .filter(|line| !line.is_empty())
        .map(|line| line.split(' ').map(str::to_owned).collect())
        .collect()
}

/// Sends the batch and reads one reply to each request; what comes behind them is a failure.
fn shake_hands(client: &mut Client, authentication: &str, protocol: u32) -> Vec<Value> {
    let mut batch = Vec::new();
    let requests = requests(authentication, protocol);
    for words in &requests {
        encode(words, &mut batch);
    }
    client.send_raw(&batch).expect("the server takes the batch");
    let replies = requests
        .iter()
        .map(|words| {
            let reply = client
                .read_reply()
                .unwrap_or_else(|error| panic!("no reply to {words:?}: {error}"));
            Value::parse(&reply).expect("a reply")
        })
        .collect();
    client.shutdown_write().expect("the connection is open");
    let rest = client.read_to_end().expect("the server ends it");
    assert_eq!(String::from_utf8_lossy(&rest), "");
    replies
}

/// Checks the replies behind AUTH of a client that may do everything.
fn check(replies: &[Value], protocol: u32) {
    let hello = replies[0].members();
    assert_eq!(hello.len(), 14, "{hello:?}");
    assert_eq!(hello[2].text(), "version");
    assert_eq!(
        (&hello[4].text()[..], &hello[5]),
        ("proto", &Value::Integer(protocol.into()))
    );
    assert_eq!(hello[6].text(), "id");
    assert_eq!(
        (&hello[8].text()[..], &hello[9].text()[..]),
        ("mode", "standalone")
    );
    assert_eq!(
        (&hello[10].text()[..], &hello[11].text()[..]),
        ("role", "master")
    );
    for reply in &replies[1..4] {
        assert_eq!(*reply, Value::Simple(b"OK".to_vec()));
    }
    assert_eq!(replies[4], hello[7], "CLIENT ID is the id of HELLO");
    for (reply, name, value) in [
        (&replies[5], "timeout", "0"),
        (&replies[6], "replica-read-only", "yes"),
        (&replies[7], "databases", "16"),
    ] {
        assert_eq!(matches!(reply, Value::Map(_)), protocol == 3, "{reply:?}");
        assert_eq!(text_map(reply)[name], value);
    }
    let unknown = "ERR unknown command 'SENTINEL', with args beginning with: 'MASTERS' ";
    assert_eq!(replies[8], Value::Error(unknown.into()));
    let replication = Information::parse(&replies[9].text()).expect("INFO replication");
    assert_eq!(replication.field("role"), "master");
    assert!(!replication.text().contains("master_host"));
    let server = Information::parse(&replies[10].text()).expect("INFO server");
    assert!(server.field("redis_version").starts_with("7."));
    assert_eq!(server.field("redis_mode"), "standalone");
    assert_eq!(server.field("run_id").len(), 40);
    let no_cluster = "ERR This instance has cluster support disabled";
    assert_eq!(replies[11], Value::Error(no_cluster.into()));
    assert_eq!(replies[12], Value::Nil);
    assert_eq!(replies[13], Value::Bulk(TRACER.into()));
    assert_eq!(replies.len(), 14);
}

#[test]
fn without_a_password() {
    let server = ServerProcess::evenkeel(&[]);
    for protocol in [2, 3] {
        check(&shake_hands(&mut server.client(), "", protocol), protocol);
    }
}

#[test]
fn with_the_password() {
    let server = ServerProcess::evenkeel(&["--requirepass", "secret"]);
    for authentication in ["AUTH secret", "AUTH default secret"] {
        for protocol in [2, 3] {
            let replies = shake_hands(&mut server.client(), authentication, protocol);
            assert_eq!(replies[0], Value::Simple(b"OK".to_vec()));
            check(&replies[1..], protocol);
        }
    }
}

/// A password although the server wants none: AUTH fails at the head of the batch, all else works.
#[test]
fn with_a_password_too_much() {
    let server = ServerProcess::evenkeel(&[]);
    for protocol in [2, 3] {
        let replies = shake_hands(&mut server.client(), "AUTH secret", protocol);
        assert!(
            replies[0]
                .text()
                .starts_with("ERR AUTH <password> called without any password"),
            "{:?}",
            replies[0]
        );
        check(&replies[1..], protocol);
    }
}

#[test]
fn with_a_wrong_password_or_none_every_request_has_its_error() {
    let server = ServerProcess::evenkeel(&["--requirepass", "secret"]);
    for authentication in ["AUTH wrong", "AUTH default wrong", "AUTH nobody secret", ""] {
        for protocol in [2, 3] {
            let mut replies = shake_hands(&mut server.client(), authentication, protocol);
            if !authentication.is_empty() {
                let wrong = "WRONGPASS invalid username-password pair or user is disabled.";
                assert_eq!(replies.remove(0), Value::Error(wrong.into()));
            }
            assert_eq!(replies.len(), 14);
            let hello = replies.remove(0).text();
            assert!(hello.starts_with("NOAUTH HELLO must be called"), "{hello}");
            for (index, reply) in replies.iter().enumerate() {
                let expected = match index {
                    7 => "ERR unknown command 'SENTINEL', with args beginning with: 'MASTERS' ",
                    _ => "NOAUTH Authentication required.",
                };
                assert_eq!(*reply, Value::Error(expected.into()), "reply {index}");
            }
        }
    }
}

/// Its second handshake on the same connection: AUTH fails in the middle of a batch, and neither
/// its reply nor those around it are lost.
#[test]
fn a_refusal_in_the_middle_of_a_batch_keeps_its_place() {
    let server = ServerProcess::evenkeel(&["--requirepass", "secret"]);
    let mut client = server.client();
    let mut batch = Vec::new();
    for line in [
        "AUTH secret",
        "ECHO 1",
        "AUTH wrong",
        "ECHO 2",
        "HELLO 9",
        "ECHO 3",
    ] {
        encode(&line.split(' ').collect::<Vec<_>>(), &mut batch);
    }
    client.send_raw(&batch).expect("the server takes the batch");
    let expected = "+OK\r\n$1\r\n1\r\n\
                    -WRONGPASS invalid username-password pair or user is disabled.\r\n\
                    $1\r\n2\r\n-NOPROTO unsupported protocol version\r\n$1\r\n3\r\n";
    client.shutdown_write().expect("the connection is open");
    let replies = client.read_to_end().expect("the server ends it");
    assert_eq!(String::from_utf8_lossy(&replies), expected);
}
