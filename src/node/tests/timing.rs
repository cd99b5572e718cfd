//! The node and time: pauses, idle clients, deadlines of keys, and when it wants to be woken.
//!
//! Method: the clock is moved by hand, or from wakeup to wakeup ([`Rig::wait_until`]).

use super::*;

#[test]
fn a_pause_ends_by_itself() {
    let mut rig = Rig::new();
    let (operator, writer, reader) = (rig.accept(), rig.accept(), rig.accept());
    assert_eq!(rig.talk(operator, "CLIENT PAUSE 300 WRITE\r\n"), "+OK;");
    assert_eq!(rig.talk(writer, "PING\r\nSET k v\r\nGET k\r\n"), "+PONG;");
    assert!(
        !rig.node.may_read(writer),
        "what it sends waits in its socket"
    );
    assert_eq!(rig.talk(reader, "GET k\r\n"), "$-1;");
    assert!(!rig.node.is_busy(rig.now), "waiting costs nothing");
    let waited_ms = rig.wait_until(|rig| !rig.node.output(writer).is_empty());
    assert!(is_about(waited_ms, 300), "{waited_ms}");
    assert_eq!(rig.take(writer), "+OK;$1;v;");
    assert!(rig.node.may_read(writer));
}

#[test]
fn who_waits_for_the_end_of_a_pause_is_called_blocked() {
    let mut rig = Rig::new();
    let (operator, writer, gone) = (rig.accept(), rig.accept(), rig.accept());
    rig.talk(operator, "CLIENT PAUSE 100000 WRITE\r\n");
    for client in [writer, gone] {
        assert_eq!(rig.talk(client, "SET k v\r\n"), "");
    }
    let flags = |rig: &mut Rig| {
        let list = rig.talk(operator, "CLIENT LIST\r\n");
        let flags = list.split(" flags=").skip(1);
        flags.map(|rest| rest[..1].to_string()).collect::<String>()
    };
    let blocked = |rig: &mut Rig| {
        let info = rig.talk(operator, "INFO clients\r\n");
        let rest = info.split("blocked_clients:").nth(1).unwrap();
        rest.split(';').next().unwrap().to_string()
    };
    assert_eq!(flags(&mut rig), "Nbb");
    assert_eq!(blocked(&mut rig), "2");
    rig.node.closed(gone);
    assert_eq!(blocked(&mut rig), "1");
    rig.talk(operator, "CLIENT UNPAUSE\r\n");
    assert_eq!(flags(&mut rig), "NN");
    assert_eq!(blocked(&mut rig), "0");
}

#[test]
fn a_pause_that_was_made_longer_ends_later() {
    let mut rig = Rig::new();
    let (operator, writer) = (rig.accept(), rig.accept());
    rig.talk(operator, "CLIENT PAUSE 100 WRITE\r\n");
    assert_eq!(rig.talk(writer, "SET k v\r\n"), "");
    rig.talk(operator, "CLIENT PAUSE 500 WRITE\r\n");
    let waited_ms = rig.wait_until(|rig| !rig.node.output(writer).is_empty());
    assert!(is_about(waited_ms, 500), "{waited_ms}");
    assert_eq!(rig.take(writer), "+OK;");
}

#[test]
fn unpause_lets_all_go_on_at_once() {
    let mut rig = Rig::new();
    let (operator, first, second) = (rig.accept(), rig.accept(), rig.accept());
    rig.talk(operator, "CLIENT PAUSE 100000 WRITE\r\n");
    assert_eq!(rig.talk(first, "SET a 1\r\n"), "");
    assert_eq!(rig.talk(second, "SET b 2\r\n"), "");
    rig.node.closed(first);
    assert_eq!(
        rig.talk(operator, "CLIENT UNPAUSE\r\nDBSIZE\r\n"),
        "+OK;:1;"
    );
    assert_eq!(rig.take(second), "+OK;");
    // A pause of everything holds back even the client that began it.
    assert_eq!(rig.talk(operator, "CLIENT PAUSE 50\r\nPING\r\n"), "+OK;");
    rig.advance_ms(50 + ROUNDING_MS);
    assert_eq!(rig.take(operator), "+PONG;");
}

#[test]
fn a_silent_client_is_closed_after_the_timeout() {
    let mut rig = Rig::with(|config| config.timeout_seconds = 5);
    let (silent, talking) = (rig.accept(), rig.accept());
    assert!(rig.wake_ms().is_some_and(|ms| ms <= 5000));
    rig.advance_ms(3000);
    assert_eq!(rig.talk(talking, "PING\r\n"), "+PONG;");
    rig.advance_ms(1999);
    assert!(rig.close_listed().is_empty(), "not a millisecond too early");
    rig.advance_ms(1 + ROUNDING_MS);
    assert_eq!(rig.close_listed(), [silent]);
    rig.advance_ms(2990 - ROUNDING_MS);
    assert!(rig.close_listed().is_empty());
    rig.advance_ms(10 + ROUNDING_MS);
    assert_eq!(rig.close_listed(), [talking]);
    rig.wait_until(|_| false);
    assert_eq!(rig.wake_ms(), None, "nothing is left to wait for");
}

/// Goal: whoever moves the clock is answered, and goes on, when it has been moved.
#[test]
fn a_client_that_moves_the_clock_waits_for_that() {
    let mut rig = Rig::new();
    let (mover, other, gone) = (rig.accept(), rig.accept(), rig.accept());
    let requests = "PING\r\nDEBUG ADVANCE-TIME 400\r\nGET k\r\n";
    rig.talk(other, "SET k v PX 1000\r\n");
    assert_eq!(rig.talk(mover, requests), "+PONG;");
    assert_eq!(rig.talk(gone, "DEBUG ADVANCE-TIME 600\r\n"), "");
    rig.node.closed(gone);
    assert_eq!(rig.talk(other, "GET k\r\n"), "$1;v;");
    assert!(!rig.node.is_busy(rig.now) && !rig.node.may_read(mover));
    assert_eq!(rig.node.take_demands().advance_ms, Some(1_000));
    assert_eq!(rig.node.take_demands(), Demands::default());
    rig.now = rig.now.plus_ms(1_000);
    rig.node.clock_moved();
    assert!(rig.node.is_busy(rig.now));
    rig.advance_ms(0);
    assert_eq!(rig.take(mover), "+OK;$-1;");
}

#[test]
fn a_heartbeat_is_demanded_every_period_also_of_an_idle_server() {
    let mut rig = Rig::new();
    assert_eq!(rig.wake_ms(), None);
    rig.node.beat_every(500, rig.now);
    assert!(rig.wake_ms().is_some_and(|ms| ms <= 500 + ROUNDING_MS));
    rig.advance_ms(499);
    assert!(!rig.node.take_demands().heartbeat);
    for _ in 0..3 {
        rig.advance_ms(1 + ROUNDING_MS);
        assert!(rig.node.take_demands().heartbeat);
        assert!(!rig.node.take_demands().heartbeat, "once a period");
        rig.advance_ms(499);
        assert!(!rig.node.take_demands().heartbeat);
    }
}

#[test]
fn the_timeout_may_change_while_clients_are_connected() {
    let mut rig = Rig::new();
    let (operator, silent) = (rig.accept(), rig.accept());
    rig.advance_ms(60_000);
    assert_eq!(rig.talk(operator, "CONFIG SET timeout 10\r\n"), "+OK;");
    assert!(rig.node.take_demands().config_changed);
    rig.advance_ms(9_000);
    rig.talk(operator, "PING\r\n");
    rig.advance_ms(1_000 + ROUNDING_MS);
    assert_eq!(rig.close_listed(), [silent]);
    assert_eq!(rig.talk(operator, "CONFIG SET timeout 3\r\n"), "+OK;");
    rig.advance_ms(2_999);
    assert!(rig.close_listed().is_empty());
    assert_eq!(rig.talk(operator, "CONFIG SET timeout 0\r\n"), "+OK;");
    rig.advance_ms(1_000_000);
    assert!(rig.close_listed().is_empty());
    rig.talk(operator, "CONFIG SET timeout 3\r\n");
    rig.advance_ms(3_000 + ROUNDING_MS);
    assert_eq!(rig.close_listed(), [operator]);
}

#[test]
fn a_client_that_a_pause_holds_back_is_not_called_silent() {
    let mut rig = Rig::with(|config| config.timeout_seconds = 1);
    let (operator, writer) = (rig.accept(), rig.accept());
    rig.talk(operator, "CLIENT PAUSE 5000 WRITE\r\n");
    rig.send(writer, b"SET k v\r\n");
    rig.advance_ms(4_000);
    assert_eq!(rig.close_listed(), [operator]);
    rig.advance_ms(1_000 + ROUNDING_MS);
    assert_eq!(rig.take(writer), "+OK;");
    rig.advance_ms(1_000 + 2 * ROUNDING_MS);
    assert_eq!(rig.close_listed(), [writer]);
}

/// Defect: who waited longer than `timeout` was looked at every 8 ms. Effect: an idle server with
/// paused clients was woken 125 times a second. Fix: no timer until the wait is over.
#[test]
fn who_waits_longer_than_the_timeout_wakes_nobody() {
    let mut rig = Rig::with(|config| config.timeout_seconds = 1);
    let (operator, writer) = (rig.accept(), rig.accept());
    rig.talk(operator, "CLIENT PAUSE 60000 ALL\r\n");
    rig.send(writer, b"SET k v\r\n");
    rig.send(operator, b"PING\r\n");
    rig.advance_ms(2_000);
    // Which takes 20 wakeups at most.
    rig.wait_until(|rig| !rig.node.output(writer).is_empty());
    assert_eq!(
        (rig.take(writer), rig.take(operator)),
        ("+OK;".into(), "+PONG;".into())
    );
    rig.advance_ms(1_000 + 2 * ROUNDING_MS);
    assert_eq!(rig.close_listed().len(), 2);
}

#[test]
fn a_monitor_may_be_silent() {
    let mut rig = Rig::with(|config| config.timeout_seconds = 5);
    let (monitor, silent) = (rig.accept(), rig.accept());
    assert_eq!(rig.talk(monitor, "MONITOR\r\n"), "+OK;");
    rig.advance_ms(60_000);
    assert_eq!(rig.close_listed(), [silent]);
    assert!(rig.talk(monitor, "RESET\r\n").starts_with("+RESET;"));
    rig.advance_ms(5_000 + ROUNDING_MS);
    assert_eq!(rig.close_listed(), [monitor]);
}

#[test]
fn an_idle_server_is_never_woken() {
    let mut rig = Rig::new();
    assert_eq!(rig.wake_ms(), None);
    let id = rig.accept();
    assert_eq!(rig.wake_ms(), None, "a connection is no reason");
    rig.talk(id, "SET k v\r\n");
    let waited_ms = rig.wait_until(|_| false);
    assert!(
        is_about(waited_ms, 100),
        "traffic is sampled once: {waited_ms}"
    );
    assert_eq!(rig.wake_ms(), None);
    rig.advance_ms(3_600_000);
    assert_eq!(rig.wake_ms(), None);
    rig.talk(id, "PING\r\n");
    assert!(is_about(rig.wait_until(|_| false), 100));
}

#[test]
fn large_buffers_end_a_second_or_two_after_their_last_use() {
    let mut rig = Rig::new();
    let id = rig.accept();
    let value = "v".repeat(1 << 20);
    let set = format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n{value}\r\n", 1 << 20);
    let (whole, half) = (set.as_bytes(), &set.as_bytes()[..1 << 19]);
    rig.send(id, whole);
    assert!(rig.node.clients.pool.has_large());
    let leaving = rig.accept();
    rig.send(leaving, half);
    assert!(!rig.node.clients.pool.has_large(), "it is lent");
    rig.node.closed(leaving);
    assert!(
        rig.node.clients.pool.has_large(),
        "whoever leaves gives it back"
    );
    rig.take(id);
    let waited_ms = rig.wait_until(|rig| !rig.node.clients.pool.has_large());
    assert!((1_000..=2_020).contains(&waited_ms), "{waited_ms}");
    rig.wait_until(|_| false);
    assert_eq!(rig.wake_ms(), None, "and then nothing wakes the server");
}

#[test]
fn keys_wake_the_server_at_their_millisecond() {
    let mut rig = Rig::new();
    let id = rig.accept();
    rig.talk(id, "SET a v PX 37\r\nSET b v PX 5000\r\n");
    assert_eq!(rig.wake_ms(), Some(37));
    rig.now = Timestamp {
        unix_us: START.unix_us + 36_999,
        monotonic_us: START.monotonic_us + 36_999,
    };
    assert_eq!(
        rig.wake_ms(),
        Some(1),
        "a wait that is cut short would spin"
    );
    assert!(!rig.node.is_busy(rig.now));
    rig.now = START.plus_ms(37);
    assert!(rig.node.is_busy(rig.now));
    rig.turn();
    assert_eq!(rig.node.engine.len(), 1);
    rig.now = START.plus_ms(4990);
    rig.turn();
    assert_eq!(rig.wake_ms(), Some(10));
    rig.talk(id, "PERSIST b\r\n");
    assert!(
        is_about(rig.wait_until(|_| false), 100),
        "only the sample is left"
    );
}

#[test]
fn what_a_flush_left_keeps_the_server_busy_until_it_is_freed() {
    let mut rig = Rig::new();
    let id = rig.accept();
    for part in 0..20 {
        let sets = (0..500).map(|key| format!("SET key:{part}:{key} v PX 9000\r\n"));
        rig.talk(id, &sets.collect::<String>());
    }
    rig.read_once(id, b"FLUSHALL\r\n");
    let mut ticks = 0;
    while rig.node.is_busy(rig.now) {
        rig.node.tick(rig.now);
        ticks += 1;
    }
    assert!(ticks > 10_000 / 672, "{ticks}");
    assert!(!rig.node.tick(rig.now));
}

/// Defect: timers stayed in the wheel when their connection ended or `timeout` changed. Effect:
/// memory grew with every client that ever connected, until its time would have been up. Fix: each
/// connection names its timer, which is cancelled.
#[test]
fn connections_that_ended_leave_no_timers() {
    let mut rig = Rig::with(|config| config.timeout_seconds = 3600);
    for _ in 0..100 {
        let id = rig.accept();
        rig.node.closed(id);
    }
    assert_eq!(rig.wake_ms(), None);
    let id = rig.accept();
    for timeout in ["1", "2", "3", "0"] {
        rig.talk(id, &format!("CONFIG SET timeout {timeout}\r\n"));
    }
    assert!(
        is_about(rig.wait_until(|_| false), 100),
        "only the sample was left"
    );
}

/// Defect: every pause left its timer behind when it was ended early, and each put itself back
/// while another pause went on. Effect: as many wakeups as there had been pauses. Fix: one timer.
#[test]
fn a_pause_that_was_ended_leaves_no_timer() {
    let mut rig = Rig::new();
    let (operator, writer) = (rig.accept(), rig.accept());
    for _ in 0..5 {
        rig.talk(operator, "CLIENT PAUSE 3600000 WRITE\r\n");
        assert_eq!(rig.talk(writer, "SET k v\r\n"), "");
        rig.talk(operator, "CLIENT UNPAUSE\r\n");
        assert_eq!(rig.take(writer), "+OK;");
    }
    assert!(
        is_about(rig.wait_until(|_| false), 100),
        "only the sample was left"
    );
    // A pause that no clock gets to the end of is refused; a very long one ends early all the same.
    for timeout_ms in [i64::MAX as u64, i64::MAX as u64 - rig.now.unix_ms() + 1] {
        let reply = rig.talk(operator, &format!("CLIENT PAUSE {timeout_ms} ALL\r\n"));
        assert_eq!(reply, "-ERR timeout is out of range;");
    }
    rig.talk(operator, "CLIENT PAUSE 4611686018427387904 WRITE\r\n");
    assert_eq!(rig.talk(writer, "SET k v\r\n"), "");
    rig.advance_ms(3_600_000);
    assert_eq!(rig.take(writer), "");
}

/// Defect: only executed requests counted as a sign of life. Effect: a client whose large value
/// took longer than `timeout` to arrive was closed in the middle of it. Fix: bytes count.
#[test]
fn a_client_that_is_sending_is_not_silent() {
    let mut rig = Rig::with(|config| config.timeout_seconds = 5);
    let id = rig.accept();
    rig.send(id, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$10\r\n");
    for _ in 0..10 {
        rig.advance_ms(3000);
        rig.send(id, b"v");
    }
    assert!(rig.close_listed().is_empty());
    assert_eq!(rig.talk(id, "\r\n"), "+OK;");
    rig.advance_ms(5000 + ROUNDING_MS);
    assert_eq!(rig.close_listed(), [id]);
}
