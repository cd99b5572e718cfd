//! The node and clients that wait for keys: who is served, in which order, and when not.
//!
//! Method: some clients of a [`Rig`] wait, others do what should or should not wake them.
//!
//! Not here: what such commands reply where they need not wait (`tests/scripts/blocking.txt`).

use super::*;
use crate::node::blocking::SLICE_CLIENTS;

/// A client that waits after it has sent these lines.
pub(super) fn waiter(rig: &mut Rig, lines: &str) -> ConnectionId {
    let id = rig.accept();
    assert_eq!(rig.talk(id, lines), "", "{lines} waits");
    assert!(rig.node.waits_for_keys(id));
    id
}

/// The value of a field of INFO.
pub(super) fn info(rig: &mut Rig, field: &str) -> String {
    let id = rig.accept();
    let text = rig.talk(id, "INFO everything\r\n");
    rig.node.closed(id);
    let rest = text.split(&format!(";{field}:")).nth(1);
    let rest = rest.unwrap_or_else(|| panic!("{field} is in INFO"));
    rest.split(';')
        .next()
        .expect("a line has an end")
        .to_string()
}

#[test]
fn those_who_wait_are_served_in_the_order_in_which_they_came() {
    let mut rig = Rig::new();
    let waiters = [(); 3].map(|()| waiter(&mut rig, "BLPOP q 0\r\n"));
    let pusher = rig.accept();
    assert_eq!(
        rig.talk(pusher, "RPUSH q 1 2\r\nLLEN q\r\nRPUSH q 3 4\r\n"),
        ":2;:0;:2;"
    );
    for (waiter, item) in waiters.into_iter().zip(["1", "2", "3"]) {
        assert_eq!(rig.take(waiter), format!("*2;$1;q;$1;{item};"));
        assert_eq!(rig.talk(waiter, "PING\r\n"), "+PONG;");
    }
    assert_eq!(rig.talk(pusher, "LRANGE q 0 -1\r\n"), "*1;$1;4;");
}

/// Keys are served in the order in which they became ready, whatever order a request names them in.
#[test]
fn keys_are_served_in_the_order_in_which_they_became_ready() {
    let mut rig = Rig::new();
    let both = waiter(&mut rig, "BRPOP a b 0\r\n");
    let second = waiter(&mut rig, "BLMPOP 0 2 a b RIGHT COUNT 5\r\n");
    let pusher = rig.accept();
    let pushes = "MULTI\r\nRPUSH b 1\r\nRPUSH a 2 3\r\nEXEC\r\n";
    assert_eq!(rig.talk(pusher, pushes), "+OK;+QUEUED;+QUEUED;*2;:1;:2;");
    assert_eq!(rig.take(both), "*2;$1;b;$1;1;");
    assert_eq!(rig.take(second), "*2;$1;a;*2;$1;3;$1;2;");
    assert_eq!(info(&mut rig, "total_blocking_keys"), "0");
}

/// A transaction is one: what it leaves is what they get who wait.
#[test]
fn a_transaction_serves_nobody_before_its_end() {
    let mut rig = Rig::new();
    let waiter = waiter(&mut rig, "BLPOP q 0\r\n");
    let pusher = rig.accept();
    rig.talk(pusher, "MULTI\r\nRPUSH q 1\r\nDEL q\r\nSET q x\r\nEXEC\r\n");
    assert_eq!(rig.take(waiter), "", "it is no list");
    rig.talk(
        pusher,
        "MULTI\r\nDEL q\r\nRPUSH q 1\r\nLPUSH q 0\r\nEXEC\r\n",
    );
    assert_eq!(rig.take(waiter), "*2;$1;q;$1;0;");
}

#[test]
fn whatever_brings_a_list_or_a_sorted_set_serves_those_who_wait() {
    let ways = [
        ("RPUSH o v\r\n", "RENAME o k\r\n"),
        ("RPUSH o v\r\n", "RENAMENX o k\r\n"),
        ("RPUSH o v\r\n", "COPY o k\r\n"),
        ("SELECT 1\r\nRPUSH k v\r\n", "MOVE k 0\r\nSELECT 0\r\n"),
        ("SELECT 1\r\nRPUSH k v\r\n", "SWAPDB 0 1\r\nSELECT 0\r\n"),
        ("RPUSH o v\r\n", "LMOVE o k LEFT RIGHT\r\n"),
        ("SET k v\r\nDEL k\r\n", "LPUSH k v\r\n"),
    ];
    for (before, way) in ways {
        let mut rig = Rig::new();
        let waiter = waiter(&mut rig, "BLPOP k 0\r\n");
        let other = rig.accept();
        rig.talk(other, before);
        assert_eq!(rig.take(waiter), "", "{before}");
        rig.talk(other, way);
        assert_eq!(rig.take(waiter), "*2;$1;k;$1;v;", "{way}");
        assert_eq!(rig.talk(other, "EXISTS k\r\n"), ":0;", "{way}");
        rig.node.engine.check_invariants();
    }
    for way in [
        "ZADD k 1.5 v\r\n",
        "ZINCRBY k 1.5 v\r\n",
        "ZADD o 1.5 v\r\nZUNIONSTORE k 1 o\r\n",
        "ZADD o 1.5 v\r\nZINTERSTORE k 1 o\r\n",
        "ZADD o 1.5 v\r\nZDIFFSTORE k 1 o\r\n",
        "ZADD o 1.5 v\r\nZRANGESTORE k o 0 -1\r\n",
        "ZADD o 1.5 v\r\nRENAME o k\r\n",
    ] {
        let mut rig = Rig::new();
        let list = waiter(&mut rig, "BLPOP k 0\r\n");
        let set = waiter(&mut rig, "BZPOPMAX k 0\r\n");
        let other = rig.accept();
        rig.talk(other, way);
        assert_eq!(rig.take(set), "*3;$1;k;$1;v;$3;1.5;", "{way}");
        assert_eq!(rig.take(list), "", "it waits for a list");
    }
}

#[test]
fn moves_wake_each_other_in_a_chain() {
    let mut rig = Rig::new();
    let last = waiter(&mut rig, "BLPOP c 0\r\n");
    let second = waiter(&mut rig, "BLMOVE b c LEFT LEFT 0\r\n");
    let first = waiter(&mut rig, "BRPOPLPUSH a b 0\r\n");
    let pusher = rig.accept();
    assert_eq!(rig.talk(pusher, "RPUSH a x\r\nEXISTS a b c\r\n"), ":1;:0;");
    assert_eq!(rig.take(first), "$1;x;");
    assert_eq!(rig.take(second), "$1;x;");
    assert_eq!(rig.take(last), "*2;$1;c;$1;x;");
    // In a circle, each is served once.
    let circle = [
        waiter(&mut rig, "BLMOVE a b LEFT LEFT 0\r\n"),
        waiter(&mut rig, "BLMOVE b a LEFT LEFT 0\r\n"),
        waiter(&mut rig, "BLMOVE a a LEFT LEFT 0\r\n"),
    ];
    assert_eq!(
        rig.talk(pusher, "RPUSH a y\r\nLRANGE a 0 -1\r\n"),
        ":1;*1;$1;y;"
    );
    assert_eq!(circle.map(|id| rig.take(id)), ["$1;y;"; 3]);
    // Where the item can't go, it stays.
    let wrong = waiter(&mut rig, "BLMOVE q s LEFT LEFT 0\r\n");
    let next = waiter(&mut rig, "BLPOP q 0\r\n");
    rig.talk(pusher, "SET s x\r\nRPUSH q z\r\n");
    assert!(rig.take(wrong).starts_with("-WRONGTYPE "));
    assert_eq!(rig.take(next), "*2;$1;q;$1;z;");
}

#[test]
fn time_is_over_at_its_millisecond() {
    for (text, ms) in [
        ("0.001", 1),
        ("0.0995", 100),
        ("1", 1_000),
        ("3600", 3_600_000),
    ] {
        let mut rig = Rig::new();
        // Whoever came within a millisecond waits for whole ones.
        rig.now.monotonic_us += 300;
        let id = waiter(&mut rig, &format!("BLPOP q {text}\r\n"));
        let wake_ms = rig.wake_ms().expect("time passes");
        assert!(wake_ms <= ms + 1, "{text}: {wake_ms}");
        rig.now.monotonic_us += ms * 1_000;
        rig.turn();
        assert_eq!(rig.take(id), "", "{text}: not before");
        rig.now.monotonic_us += 700;
        while rig.turn() > 0 {}
        assert_eq!(rig.take(id), "*-1;", "{text}");
        rig.wait_until(|_| false);
        assert_eq!(rig.wake_ms(), None);
        assert!(!rig.node.is_busy(rig.now));
    }
    let mut rig = Rig::new();
    let id = waiter(&mut rig, "BLPOP q 0\r\n");
    rig.wait_until(|_| false);
    assert_eq!(rig.wake_ms(), None, "for ever");
    let other = rig.accept();
    rig.talk(other, "HELLO 3\r\n");
    assert_eq!(rig.talk(other, "BZMPOP 0.01 1 q MIN\r\n"), "");
    rig.advance_ms(10);
    assert_eq!(rig.take(other), "_;");
    assert_eq!(rig.take(id), "");
}

/// Who is served in time has no timer any more, and who waits again has one of its own.
#[test]
fn a_timer_ends_with_its_wait() {
    let mut rig = Rig::new();
    let id = waiter(&mut rig, "BLPOP q 1\r\nBLPOP q 5\r\n");
    let pusher = rig.accept();
    rig.advance_ms(500);
    rig.talk(pusher, "RPUSH q 1\r\n");
    assert_eq!(rig.take(id), "*2;$1;q;$1;1;");
    assert_eq!(info(&mut rig, "clients_in_timeout_table"), "1");
    rig.advance_ms(4_999);
    assert_eq!(rig.take(id), "");
    rig.advance_ms(1);
    assert_eq!(rig.take(id), "*-1;");
    assert_eq!(info(&mut rig, "clients_in_timeout_table"), "0");
}

#[test]
fn what_is_sent_behind_waits_and_goes_on() {
    let mut rig = Rig::new();
    let id = waiter(&mut rig, "BLPOP q 0\r\nPING\r\nBLPOP q 1\r\nECHO x\r\n");
    assert!(!rig.node.may_read(id));
    let pusher = rig.accept();
    rig.talk(pusher, "RPUSH q 1\r\n");
    assert_eq!(rig.take(id), "*2;$1;q;$1;1;+PONG;");
    rig.advance_ms(1_000);
    assert_eq!(rig.take(id), "*-1;$1;x;");
    assert!(rig.node.may_read(id));
}

/// What a client would have got that is gone is for the next one, in whatever way it went.
#[test]
fn who_is_gone_is_passed_over() {
    type Way = fn(&mut Rig, ConnectionId);
    let ways: [(&str, Way); 4] = [
        ("closed", |rig, id| rig.node.closed(id)),
        ("half-closed", |rig, id| rig.node.end_of_input(id)),
        ("to be closed", |rig, id| rig.node.clients.close_soon(id)),
        ("for memory", |rig, id| rig.node.close_for_memory(id)),
    ];
    for (name, way) in ways {
        let mut rig = Rig::new();
        let gone = waiter(&mut rig, "BLPOP a q b 100\r\nPING\r\n");
        let next = waiter(&mut rig, "BLPOP q 0\r\n");
        way(&mut rig, gone);
        let pusher = rig.accept();
        rig.talk(pusher, "RPUSH q 1\r\n");
        assert_eq!(rig.take(next), "*2;$1;q;$1;1;", "{name}");
        assert!(!rig.take(gone).contains("PONG"));
        rig.close_listed();
        assert_eq!(rig.node.connection_count(), 2, "{name}");
        rig.wait_until(|_| false);
        assert_eq!(rig.wake_ms(), None, "{name}: its timer is gone");
        assert_eq!(info(&mut rig, "total_blocking_keys"), "0", "{name}");
    }
}

#[test]
fn a_transaction_that_kills_who_waits_keeps_what_it_pushed() {
    let mut rig = Rig::new();
    let id = waiter(&mut rig, "BLPOP q 0\r\n");
    let number = rig.node.engine.session(rig.connection(id).session).id;
    let operator = rig.accept();
    let lines = format!("MULTI\r\nRPUSH q 1\r\nCLIENT KILL ID {number}\r\nEXEC\r\nLLEN q\r\n");
    assert_eq!(
        rig.talk(operator, &lines),
        "+OK;+QUEUED;+QUEUED;*2;:1;:1;:1;"
    );
    assert_eq!(rig.close_listed(), [id]);
}

#[test]
fn client_unblock_ends_a_wait() {
    let mut rig = Rig::new();
    let operator = rig.accept();
    let unblock = |rig: &mut Rig, id: ConnectionId, how: &str| {
        let number = rig.node.engine.session(rig.connection(id).session).id;
        rig.talk(operator, &format!("CLIENT UNBLOCK {number}{how}\r\n"))
    };
    let id = waiter(&mut rig, "BLMOVE q r LEFT LEFT 100\r\nPING\r\n");
    assert_eq!(unblock(&mut rig, id, " TIMEOUT"), ":1;");
    assert_eq!(rig.take(id), "*-1;+PONG;");
    assert_eq!(unblock(&mut rig, id, ""), ":0;", "it waits no longer");
    rig.wait_until(|_| false);
    assert_eq!(rig.wake_ms(), None);
    rig.talk(id, "BLPOP q r 0\r\n");
    assert_eq!(unblock(&mut rig, id, " ERROR"), ":1;");
    assert_eq!(
        rig.take(id),
        "-UNBLOCKED client unblocked via CLIENT UNBLOCK;"
    );
    assert_eq!(info(&mut rig, "errorstat_UNBLOCKED"), "count=1");
    assert_eq!(rig.talk(operator, "RPUSH q 1\r\nLLEN q\r\n"), ":1;:1;");
    // Within a transaction it is unblocked at once, as far as anybody can see.
    let id = waiter(&mut rig, "BLPOP z 0\r\n");
    let number = rig.node.engine.session(rig.connection(id).session).id;
    let line = format!("CLIENT UNBLOCK {number}\r\n");
    let lines = format!("MULTI\r\n{line}{line}RPUSH z 1\r\nEXEC\r\nLLEN z\r\n");
    assert_eq!(
        rig.talk(operator, &lines),
        "+OK;+QUEUED;+QUEUED;+QUEUED;*3;:1;:0;:1;:1;"
    );
    assert_eq!(rig.take(id), "*-1;");
}

/// One push serves many clients in slices; meanwhile nobody overtakes them, and everybody else is
/// served.
#[test]
fn many_are_served_in_slices_and_nobody_overtakes() {
    let mut rig = Rig::new();
    let count = 2 * SLICE_CLIENTS + 10;
    let waiters: Vec<_> = (0..count)
        .map(|_| waiter(&mut rig, "BLPOP q 0\r\n"))
        .collect();
    let (pusher, thief, other) = (rig.accept(), rig.accept(), rig.accept());
    let items: Vec<String> = (1000..1000 + count + 1)
        .map(|item| item.to_string())
        .collect();
    let push = format!("RPUSH q {}\r\n", items.join(" "));
    assert_eq!(rig.read_once(pusher, push.as_bytes()), push.len());
    assert_eq!(rig.take(pusher), format!(":{};", count + 1));
    let served = |rig: &Rig| {
        let waiters = waiters.iter().filter(|&&id| !rig.node.waits_for_keys(id));
        waiters.count()
    };
    assert_eq!(served(&rig), SLICE_CLIENTS);
    for (id, line) in [(thief, "LPOP q\r\n"), (other, "SET x 1\r\nPING\r\n")] {
        rig.read_once(id, line.as_bytes());
    }
    assert_eq!(rig.take(other), "+OK;+PONG;");
    assert_eq!(
        rig.take(thief),
        "",
        "it waits until those are served who waited"
    );
    assert!(rig.node.is_busy(rig.now));
    rig.node.work_some(rig.now);
    assert_eq!(served(&rig), 2 * SLICE_CLIENTS);
    while rig.turn() > 0 {}
    for (&id, item) in waiters.iter().zip(&items) {
        assert_eq!(rig.take(id), format!("*2;$1;q;$4;{item};"));
    }
    assert_eq!(rig.take(thief), format!("$4;{};", items[count]));
    assert!(!rig.node.is_busy(rig.now));
}

/// Defect it guards against: a pipeline of pushes that each serve many would take one long turn.
#[test]
fn a_pipeline_of_pushes_stops_when_it_has_served_many() {
    let mut rig = Rig::new();
    let keys: Vec<String> = (0..4).map(|key| format!("q{key}")).collect();
    let mut waiters = Vec::new();
    for key in &keys {
        for _ in 0..200 {
            waiters.push(waiter(&mut rig, &format!("BLPOP {key} 0\r\n")));
        }
    }
    let pusher = rig.accept();
    let items = vec!["v"; 200].join(" ");
    let lines: String = keys
        .iter()
        .map(|key| format!("RPUSH {key} {items}\r\n"))
        .collect();
    rig.read_once(pusher, lines.as_bytes());
    let served = waiters
        .iter()
        .filter(|&&id| !rig.node.waits_for_keys(id))
        .count();
    assert_eq!(served, 400);
    while rig.turn() > 0 {}
    assert_eq!(rig.take(pusher), ":200;".repeat(4));
    assert!(waiters.iter().all(|&id| !rig.node.waits_for_keys(id)));
}

#[test]
fn nobody_is_served_in_a_pause() {
    let mut rig = Rig::new();
    let id = waiter(&mut rig, "BLPOP q 0\r\n");
    let late = waiter(&mut rig, "BLPOP q 0.05\r\n");
    let operator = rig.accept();
    rig.talk(
        operator,
        "MULTI\r\nCLIENT PAUSE 100 WRITE\r\nRPUSH q 1\r\nEXEC\r\n",
    );
    assert_eq!(rig.take(id), "");
    assert!(!rig.node.is_busy(rig.now), "waiting costs nothing");
    rig.advance_ms(60);
    assert_eq!(rig.take(late), "*-1;", "its time goes on");
    assert_eq!(rig.take(id), "");
    let waited_ms = rig.wait_until(|rig| !rig.node.waits_for_keys(id));
    assert!(is_about(waited_ms, 40), "{waited_ms}");
    assert_eq!(rig.take(id), "*2;$1;q;$1;1;");
}

#[test]
fn flags_memory_and_figures_tell_of_those_who_wait() {
    let mut rig = Rig::new();
    let operator = rig.accept();
    let id = rig.accept();
    rig.talk(id, "PING\r\n");
    let session = rig.connection(id).session;
    let idle_bytes = rig.node.engine.session(session).used_bytes();
    let key = "k".repeat(1_000);
    rig.talk(id, &format!("BLPOP a b {key} a 10\r\n"));
    let session = rig.node.engine.session(session);
    let waiting_bytes = session.used_bytes() - idle_bytes;
    let request_bytes = "BLPOPaba10".len() + key.len() + 6 * 8;
    assert!(
        waiting_bytes <= request_bytes + key.len() + 4 * 100 + 150,
        "{waiting_bytes}"
    );
    assert!(waiting_bytes >= request_bytes + key.len());
    assert_eq!(rig.connection(id).counted_bytes, session.buffered_bytes());
    waiter(&mut rig, "BZPOPMIN b c 0\r\n");
    for (field, value) in [
        ("blocked_clients", "2"),
        ("clients_in_timeout_table", "1"),
        ("total_blocking_keys", "4"),
        ("total_blocking_keys_on_nokey", "0"),
    ] {
        assert_eq!(info(&mut rig, field), value, "{field}");
    }
    assert_eq!(info(&mut rig, "cmdstat_blpop")[..8], *"calls=1,");
    let list = rig.talk(operator, "CLIENT LIST\r\n");
    let flags: Vec<&str> = list
        .split(" flags=")
        .skip(1)
        .map(|rest| &rest[..1])
        .collect();
    assert_eq!(flags, ["N", "b", "b"]);
    rig.talk(operator, "RPUSH a 1\r\n");
    rig.take(id);
    assert_eq!(
        rig.node
            .engine
            .session(rig.connection(id).session)
            .used_bytes(),
        idle_bytes
    );
    assert_eq!(info(&mut rig, "cmdstat_blpop")[..8], *"calls=1,");
    assert_eq!(info(&mut rig, "total_blocking_keys"), "2");
    assert_eq!(rig.node.stats_mut().gauges.watching_clients, 0);
}

#[test]
fn replies_that_nobody_wants_are_withheld() {
    let mut rig = Rig::new();
    let id = waiter(&mut rig, "CLIENT REPLY SKIP\r\nBLPOP q 0\r\nPING\r\n");
    let pusher = rig.accept();
    rig.talk(pusher, "RPUSH q 1\r\n");
    assert_eq!(rig.take(id), "+PONG;");
    assert_eq!(rig.talk(pusher, "EXISTS q\r\n"), ":0;");
}

/// A client with a timeout of its connection is not idle while it waits.
#[test]
fn who_waits_is_not_idle() {
    let mut rig = Rig::with(|config| config.timeout_seconds = 1);
    let id = waiter(&mut rig, "BLPOP q 3\r\n");
    rig.advance_ms(2_999);
    assert!(rig.close_listed().is_empty());
    rig.advance_ms(1);
    assert_eq!(rig.take(id), "*-1;");
    rig.advance_ms(1_000);
    assert_eq!(rig.close_listed(), [id]);
}

/// A move into a list that a long command is at work on waits for its end, and is served then.
#[test]
fn a_move_into_a_claimed_list_waits() {
    let mut rig = Rig::new();
    let (worker, pusher) = (rig.accept(), rig.accept());
    for _ in 0..40 {
        let items: Vec<String> = (0..2_000).map(|item| format!("{}", item % 2)).collect();
        rig.talk(worker, &format!("RPUSH d {}\r\n", items.join(" ")));
    }
    let id = waiter(&mut rig, "BLMOVE s d LEFT RIGHT 0\r\n");
    let next = waiter(&mut rig, "BLPOP s 0\r\n");
    rig.read_once(worker, b"LREM d 0 1\r\n");
    assert!(rig.node.is_reading(), "it takes steps");
    rig.read_once(pusher, b"RPUSH s x y\r\n");
    assert_eq!(rig.take(id), "");
    assert_eq!(rig.take(next), "", "nobody overtakes");
    while rig.turn() > 0 || rig.node.is_reading() {}
    assert_eq!(rig.take(id), "$1;x;");
    assert_eq!(rig.take(next), "*2;$1;s;$1;y;");
    assert_eq!(rig.take(worker), ":40000;");
    assert_eq!(
        rig.talk(pusher, "LLEN d\r\nLINDEX d -1\r\n"),
        ":2;:40001;$1;x;"
    );
}
