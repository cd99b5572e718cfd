//! The Rust `redis` crate against the real binary, in both protocol versions.
//!
//! Not here: other languages' clients (`tests/clients/`).

use crate::support::server::ServerProcess;
use redis::{Client, Commands, Connection, ErrorKind, RedisError, RedisResult, ServerErrorKind};

/// Runs a check over RESP2 and over RESP3.
fn with_connections(check: impl Fn(&mut Connection, &mut Connection) -> RedisResult<()>) {
    let server = ServerProcess::evenkeel(&[]);
    for suffix in ["", "/?protocol=resp3"] {
        let url = format!("redis://{}{suffix}", server.tcp_address());
        let client = Client::open(url).expect("the address is understood");
        let connect = || client.get_connection().expect("the handshake is answered");
        let (mut one, mut other) = (connect(), connect());
        let _: () = redis::cmd("FLUSHALL")
            .query(&mut one)
            .expect("FLUSHALL is answered");
        check(&mut one, &mut other).expect("every request is answered as by Redis");
    }
}

#[test]
fn strings_and_deadlines() {
    with_connections(|connection, _| {
        let _: () = connection.set("name", "PyRedisAsync")?;
        assert_eq!(connection.get::<_, String>("name")?, "PyRedisAsync");
        assert_eq!(connection.get::<_, Option<String>>("missing")?, None);
        assert_eq!(connection.incr::<_, _, i64>("counter", 41)?, 41);
        let _: () = connection.set_ex("session", b"\x00\r\n\xff", 100)?;
        assert_eq!(connection.get::<_, Vec<u8>>("session")?, b"\x00\r\n\xff");
        assert_eq!(connection.ttl::<_, i64>("session")?, 100);
        assert!(connection.expire_at::<_, bool>("session", 4_102_444_800)?);
        assert_eq!(connection.expire_time::<_, i64>("session")?, 4_102_444_800);
        assert!(connection.persist::<_, bool>("session")?);
        let values: Vec<Option<String>> = connection.mget(&["name", "missing"])?;
        assert_eq!(values, [Some("PyRedisAsync".to_owned()), None]);
        assert_eq!(
            connection.del::<_, i64>(&["name", "missing", "counter"])?,
            2
        );
        Ok(())
    });
}

#[test]
fn pipelines_and_transactions() {
    with_connections(|connection, other| {
        let mut pipeline = redis::pipe();
        for number in 0..1000 {
            pipeline.set(format!("key:{number}"), number).ignore();
        }
        pipeline.get("key:999");
        assert_eq!(pipeline.query::<(i64,)>(connection)?, (999,));
        let mut atomic = redis::pipe();
        atomic.atomic().set("n", 1).ignore().incr("n", 1);
        assert_eq!(atomic.query::<(i64,)>(connection)?, (2,));
        let _: () = redis::cmd("WATCH").arg("n").query(connection)?;
        let _: () = other.set("n", "changed")?;
        let mut conflicting = redis::pipe();
        conflicting.atomic().set("n", "never");
        assert_eq!(conflicting.query::<Option<()>>(connection)?, None);
        assert_eq!(connection.get::<_, String>("n")?, "changed");
        Ok(())
    });
}

#[test]
fn a_whole_scan() {
    with_connections(|connection, _| {
        let pairs: Vec<(String, u32)> = (0..1000).map(|n| (format!("key:{n}"), n)).collect();
        let _: () = connection.mset(&pairs)?;
        let found: RedisResult<std::collections::BTreeSet<String>> =
            connection.scan_match("key:*")?.collect();
        assert_eq!(found?.len(), 1000);
        Ok(())
    });
}

#[test]
fn errors_keep_their_kind() {
    with_connections(|connection, _| {
        let _: () = connection.set("text", "abc")?;
        let error: RedisError = connection
            .incr::<_, _, i64>("text", 1)
            .expect_err("no integer");
        assert_eq!(
            error.kind(),
            ErrorKind::Server(ServerErrorKind::ResponseError),
            "{error}"
        );
        assert_eq!(
            error.detail(),
            Some("value is not an integer or out of range")
        );
        let error = redis::cmd("EXEC")
            .query::<()>(connection)
            .expect_err("no transaction");
        assert_eq!(error.detail(), Some("EXEC without MULTI"));
        Ok(())
    });
}

/// Connects as the library does: the handshake is part of it.
fn connect(server: &ServerProcess, user: &str, suffix: &str) -> RedisResult<Connection> {
    let url = format!("redis://{user}{}{suffix}", server.tcp_address());
    Client::open(url)
        .expect("the address is understood")
        .get_connection()
}

#[test]
fn a_password_opens_the_server_and_nothing_else_does() {
    let server = ServerProcess::evenkeel(&["--requirepass", "secret"]);
    for suffix in ["", "/?protocol=resp3"] {
        for user in [":secret@", "default:secret@"] {
            let mut connection = connect(&server, user, suffix).expect("that is the password");
            let _: () = connection.set("guarded", "v").expect("SET is allowed");
            let value: String = connection.get("guarded").expect("GET is allowed");
            assert_eq!(value, "v");
        }
        for user in [":wrong@", "default:wrong@", "nobody:secret@"] {
            let Err(error) = connect(&server, user, suffix) else {
                panic!("{user} is let in")
            };
            // Over RESP2 it sends AUTH and words the refusal itself, over RESP3 HELLO.
            if suffix.is_empty() {
                assert_eq!(error.kind(), ErrorKind::AuthenticationFailed, "{error}");
            } else {
                assert_eq!(error.code(), Some("WRONGPASS"), "{error}");
            }
        }
        let refused = connect(&server, "", suffix)
            .and_then(|mut connection| connection.get::<_, Option<String>>("guarded"))
            .expect_err("a password is wanted");
        assert_eq!(refused.code(), Some("NOAUTH"), "{refused}");
    }
}
