//! Who may connect, who may stay: protected mode, limits of the machine, limits of output, and
//! clients that are closed by the hundred.

use super::*;
use crate::session::Transport;

fn peer(address: &str) -> Peer {
    Peer {
        address: address.into(),
        local_address: "10.0.0.1:6379".into(),
        transport: Transport::Tcp,
        descriptor: -1,
        certified_name: None,
    }
}

impl Rig {
    fn accepts(&mut self, address: &str) -> bool {
        self.node.accepted(peer(address), self.now).is_ok()
    }

    /// Leaves at least so many bytes of replies waiting, at most six more.
    fn fill_output(&mut self, id: ConnectionId, count: usize) {
        let lacking = count.saturating_sub(self.node.output(id).len());
        let pings = "PING\r\n".repeat(lacking.div_ceil("+PONG\r\n".len()));
        self.send(id, pings.as_bytes());
    }
}

#[test]
fn names_are_bounded_and_counted() {
    let mut rig = Rig::new();
    let id = rig.accept();
    let (longest, too_long) = ("n".repeat(1024), "n".repeat(1025));
    for request in [
        "CLIENT SETNAME",
        "CLIENT SETINFO lib-name",
        "CLIENT SETINFO LIB-VER",
    ] {
        let refused = rig.talk(id, &format!("{request} {too_long}\r\n"));
        assert!(
            refused.ends_with(" cannot be longer than 1024 bytes.;"),
            "{refused}"
        );
        assert_eq!(rig.talk(id, &format!("{request} {longest}\r\n")), "+OK;");
    }
    let refused = rig.talk(id, &format!("HELLO 2 SETNAME {too_long}\r\n"));
    assert_eq!(
        refused,
        "-ERR Client names cannot be longer than 1024 bytes.;"
    );
    let gauges = &rig.node.engine.stats().gauges;
    assert_eq!(gauges.client_buffers_bytes, 3 * 1024);
    rig.node.check_client_budget();
}

#[test]
fn protected_mode_refuses_strangers_while_there_is_no_password() {
    const LOCAL: [&str; 4] = [
        "127.0.0.1:5",
        "127.8.9.10:5",
        "[::1]:5",
        "[::ffff:127.0.0.1]:5",
    ];
    const STRANGE: [&str; 6] = [
        "127.0.0.1.example.org:5",
        "[::1]:5.example.org",
        "10.0.0.2:5",
        "[fe80::1]:5",
        "[::ffff:10.0.0.1]:5",
        "1.127.0.0:5",
    ];
    let mut rig = Rig::new();
    for address in LOCAL {
        assert!(rig.accepts(address), "{address}");
    }
    for address in STRANGE {
        assert!(!rig.accepts(address), "{address}");
    }
    let refusal = rig.node.accepted(peer("10.0.0.2:5"), rig.now).unwrap_err();
    assert!(
        refusal
            .reply
            .starts_with(b"-DENIED Redis is running in protected mode")
    );
    assert!(refusal.reply.ends_with(b"from the outside.\r\n"));
    let lines = refusal.reply.split(|&byte| byte == b'\n');
    assert_eq!(lines.count(), 2, "one reply");
    assert_eq!(rig.node.stats_mut().counters.rejected_connections, 7);

    let operator = rig.accept();
    for (setting, is_open) in [
        ("requirepass x", true),
        ("requirepass \"\"", false),
        ("protected-mode no", true),
        ("protected-mode yes", false),
    ] {
        rig.talk(operator, &format!("CONFIG SET {setting}\r\n"));
        assert_eq!(rig.accepts("10.0.0.2:5"), is_open, "{setting}");
    }
}

#[test]
fn maxclients_stays_within_what_the_machine_allows() {
    let mut rig = Rig::new();
    rig.node.engine.host_mut().clients_possible = 20_000;
    let id = rig.accept();
    assert_eq!(rig.talk(id, "CONFIG SET maxclients 20000\r\n"), "+OK;");
    assert_eq!(
        rig.talk(id, "CONFIG SET timeout 7 maxclients 20001\r\n"),
        "-ERR CONFIG SET failed (possibly related to argument 'maxclients') - The operating system \
         is not able to handle the specified number of clients, try with 20000;"
    );
    assert_eq!(
        rig.talk(id, "CONFIG GET timeout\r\n"),
        "*2;$7;timeout;$1;0;"
    );
    assert_eq!(rig.node.engine.config().maxclients, 20_000);
    rig.node.reserve_connections();
    assert!(rig.node.clients.capacity() >= 20_000);
}

#[test]
fn output_at_the_hard_limit_ends_the_connection() {
    let mut rig = Rig::new();
    let (operator, slow) = (rig.accept(), rig.accept());
    rig.fill_output(slow, 2000);
    let setting = "CONFIG SET client-output-buffer-limit \"normal 2009 0 0\"\r\n";
    assert_eq!(rig.talk(operator, setting), "+OK;");
    assert!(rig.close_listed().is_empty());
    rig.send(slow, b"PING\r\n");
    assert_eq!(rig.close_listed(), [slow]);
    let counters = &rig.node.stats_mut().counters;
    assert_eq!(counters.client_output_buffer_limit_disconnections, 1);
    rig.talk(
        operator,
        "CONFIG SET client-output-buffer-limit \"normal 0 0 0 pubsub 1 1 1\"\r\n",
    );
    let slow = rig.accept();
    rig.fill_output(slow, 5000);
    assert!(rig.close_listed().is_empty(), "the class is another");
}

#[test]
fn output_above_the_soft_limit_for_its_time_ends_the_connection() {
    let mut rig = Rig::with(|config| {
        config.client_output_buffer_limit.normal.soft_bytes = 1000;
        config.client_output_buffer_limit.normal.soft_seconds = 10;
    });
    let (slow, better) = (rig.accept(), rig.accept());
    for id in [slow, better] {
        rig.fill_output(id, 1500);
    }
    rig.advance_ms(9_000);
    rig.take_some(better, 600);
    rig.fill_output(better, 1500);
    // Taking some and staying above is not enough.
    rig.take_some(slow, 400);
    rig.advance_ms(999);
    assert!(rig.close_listed().is_empty(), "not a millisecond too early");
    rig.advance_ms(1 + ROUNDING_MS);
    assert_eq!(rig.close_listed(), [slow]);
    rig.advance_ms(9_000 - ROUNDING_MS);
    assert_eq!(rig.close_listed(), [better], "its time began anew");
    let operator = rig.accept();
    let longest = "CONFIG SET client-output-buffer-limit \"normal 0 1 9223372036854775807\"\r\n";
    assert_eq!(rig.talk(operator, longest), "+OK;");
    let gone = rig.accept();
    rig.fill_output(gone, 1500);
    rig.node.closed(gone);
    rig.wait_until(|_| false);
    assert_eq!(rig.wake_ms(), None, "no timer is left");
}

/// Defect: only what a client sends was a sign of life. Effect: one that took its large reply
/// slowly was closed for `timeout` in the middle of it. Fix: what it takes is one, too.
#[test]
fn a_client_that_is_taking_its_replies_is_not_silent() {
    let mut rig = Rig::with(|config| config.timeout_seconds = 5);
    let id = rig.accept();
    rig.fill_output(id, 3000);
    for _ in 0..10 {
        rig.advance_ms(4000);
        assert_eq!(rig.take_some(id, 100).len(), 100);
    }
    rig.take_some(id, 0);
    rig.advance_ms(4999);
    assert!(rig.close_listed().is_empty());
    rig.advance_ms(1 + ROUNDING_MS);
    assert_eq!(rig.close_listed(), [id], "it takes nothing any more");
}

#[test]
fn all_clients_of_a_type_are_closed_at_once_but_the_one_that_asks() {
    let mut rig = Rig::new();
    let operator = rig.accept();
    let victims: Vec<_> = (0..300).map(|_| rig.accept()).collect();
    rig.send(victims[7], b"ECHO waiting\r\n");
    assert_eq!(rig.talk(operator, "CLIENT KILL TYPE normal\r\n"), ":300;");
    let mut closed = rig.close_listed();
    closed.sort_unstable_by_key(|id| id.slot);
    assert_eq!(closed, victims);
    assert_eq!(
        rig.talk(operator, "CLIENT KILL TYPE pubsub SKIPME no\r\n"),
        ":0;"
    );
    assert_eq!(
        rig.talk(operator, "CLIENT KILL TYPE normal SKIPME no\r\n"),
        ":1;"
    );
    assert_eq!(rig.close_listed(), [operator]);
}

/// Defect: a client that had not given a password stayed locked out when none was needed any more.
/// Fix: what counts is whether one is needed now, as in Redis.
#[test]
fn a_password_that_is_taken_away_opens_the_door_to_all() {
    let mut rig = Rig::with(|config| config.requirepass = b"secret".to_vec());
    let (operator, waiting) = (rig.accept(), rig.accept());
    assert!(rig.talk(waiting, "GET k\r\n").starts_with("-NOAUTH"));
    assert_eq!(rig.talk(operator, "AUTH secret\r\n"), "+OK;");
    rig.talk(operator, "CONFIG SET requirepass \"\"\r\n");
    assert_eq!(rig.talk(waiting, "GET k\r\n"), "$-1;");
    let long = format!("ECHO {}\r\n", "x".repeat(20_000));
    assert!(rig.talk(waiting, &long).starts_with("$20000;"));
    rig.talk(operator, "CONFIG SET requirepass other\r\n");
    assert_eq!(
        rig.talk(operator, "GET k\r\n"),
        "$-1;",
        "it stays logged in"
    );
    assert!(rig.talk(waiting, "GET k\r\n").starts_with("-NOAUTH"));
    assert!(
        rig.talk(waiting, "AUTH secret\r\n")
            .starts_with("-WRONGPASS")
    );
    assert_eq!(rig.talk(waiting, "AUTH other\r\n"), "+OK;");
    assert_eq!(rig.talk(waiting, "GET k\r\n"), "$-1;");
}

/// Defect: clients that never gave the password took all of `maxclients`, and nobody who has it
/// came in any more. Fix: they give way to those who come; nobody else does.
#[test]
fn clients_without_the_password_give_way_when_all_places_are_taken() {
    let mut rig = Rig::with(|config| {
        config.requirepass = b"secret".to_vec();
        config.maxclients = 200;
    });
    let own = rig.accept();
    assert_eq!(rig.talk(own, "AUTH secret\r\n"), "+OK;");
    let mut strangers: Vec<_> = (1..200).map(|_| rig.accept()).collect();
    let mut came: Vec<_> = (0..16).map(|_| rig.accept()).collect();
    // So many at most, until those who gave way are closed.
    assert!(!rig.accepts("127.0.0.1:5"));
    assert_eq!(rig.close_listed(), strangers[..16]);
    for _ in 16..199 {
        came.push(rig.accept());
        strangers.extend(rig.close_listed());
    }
    assert_eq!(strangers[199..], strangers[16..199]);
    // Each who came could still come in.
    for &id in &came {
        assert_eq!(rig.talk(id, "AUTH secret\r\n"), "+OK;");
    }
    assert!(!rig.accepts("127.0.0.1:5"));
    assert_eq!(rig.close_listed(), []);
    let counters = &rig.node.engine.stats().counters;
    assert_eq!(counters.rejected_connections, 199 + 2);
    // Without a password nobody is a stranger.
    rig.talk(own, "CONFIG SET requirepass \"\"\r\n");
    assert!(!rig.accepts("127.0.0.1:5"));
}

#[test]
fn a_client_without_the_password_may_send_little() {
    let mut rig = Rig::with(|config| config.requirepass = b"secret".to_vec());
    let many = |count: usize| format!("*{count}\r\n{}", "$4\r\nPING\r\n".repeat(count));
    for (request, is_refused) in [
        (many(10), false),
        (many(11), true),
        (format!("*2\r\n$4\r\nAUTH\r\n${}\r\n", 16 * 1024), false),
        (format!("*2\r\n$4\r\nAUTH\r\n${}\r\n", 16 * 1024 + 1), true),
    ] {
        let id = rig.accept();
        rig.send(id, request.as_bytes());
        let reply = rig.take(id);
        assert_eq!(
            reply.starts_with("-ERR Protocol error: unauthenticated"),
            is_refused
        );
        assert_eq!(rig.close_listed().contains(&id), is_refused, "{reply}");
    }
    let id = rig.accept();
    let both = format!("AUTH secret\r\n{}", many(11));
    let replies = rig.talk(id, &both);
    assert_eq!(
        replies,
        "+OK;-ERR wrong number of arguments for 'ping' command;"
    );
}

/// Defect: ACL LOG called it top level when EXEC came upon a command that was allowed when it was
/// queued. Fix: whoever asks says where the command stands.
#[test]
fn the_log_of_refusals_says_where_a_command_stood() {
    let mut rig = Rig::new();
    let (operator, user) = (rig.accept(), rig.accept());
    rig.talk(
        operator,
        "ACL SETUSER app on >secret ~a +eval +get +multi +exec\r\n",
    );
    let last = |rig: &mut Rig, object: &str, context: &str| {
        let log = rig.talk(operator, "ACL LOG 1\r\n");
        let (object_bytes, context_bytes) = (object.len(), context.len());
        let part =
            format!("context;${context_bytes};{context};$6;object;${object_bytes};{object};");
        assert!(log.contains(&part), "{log}");
    };
    rig.talk(user, "Auth app wrong\r\n");
    last(&mut rig, "Auth", "toplevel");
    assert_eq!(rig.talk(user, "AUTH app secret\r\n"), "+OK;");
    rig.talk(user, "GET b\r\n");
    last(&mut rig, "b", "toplevel");
    assert_eq!(rig.talk(user, "MULTI\r\nGET a\r\n"), "+OK;+QUEUED;");
    rig.talk(operator, "ACL SETUSER app -get\r\n");
    assert!(
        rig.talk(user, "EXEC\r\n")
            .starts_with("*1;-NOPERM ACLs rules changed")
    );
    last(&mut rig, "get", "multi");
    assert_eq!(rig.talk(user, "MULTI\r\n"), "+OK;");
    rig.talk(user, "SET a 1\r\n");
    last(&mut rig, "set", "multi");
    rig.talk(user, "EXEC\r\n");
    rig.talk(user, "EVAL \"return redis.call('del','a')\" 0\r\n");
    last(&mut rig, "del", "lua");
}
