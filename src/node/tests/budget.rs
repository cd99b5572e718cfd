//! The budget of all clients' buffers: who is held, who is closed, and who is left alone.
//!
//! Method: clients ask for large values and do not read; what they have is counted after each
//! turn and compared with the sum over all connections.

use super::*;
use crate::config::{MemoryLimit, MemoryShare};

const MIB: u64 = 1 << 20;
/// What a client has at most that asks for values of [`VALUE_BYTES`] and reads nothing.
const HOG_BYTES_MAX: u64 = 2 * (OUTPUT_MARK_BYTES as u64 + VALUE_BYTES as u64) + 64 * 1024;
const VALUE_BYTES: usize = 512 * 1024;
const ASK: &[u8] = b"GET large\r\n";

/// A server with a budget, a large value and ten small keys; and a client that looks after them.
fn rig(share: MemoryShare) -> (Rig, ConnectionId) {
    let mut rig = Rig::with(|config| {
        config.maxmemory = MemoryLimit::Bytes(100 * MIB);
        config.maxmemory_clients = share;
    });
    let operator = rig.accept();
    let value = "x".repeat(VALUE_BYTES);
    let request = format!("*3\r\n$3\r\nSET\r\n$5\r\nlarge\r\n${VALUE_BYTES}\r\n{value}\r\n");
    assert_eq!(rig.talk(operator, &request), "+OK;");
    for number in 0..10 {
        rig.talk(operator, &format!("SET key{number} v\r\n"));
    }
    (rig, operator)
}

fn total_bytes(rig: &Rig) -> u64 {
    rig.node.check_client_budget();
    rig.node.engine.stats().gauges.client_buffers_bytes
}

fn evicted(rig: &Rig) -> u64 {
    rig.node.engine.stats().counters.evicted_clients
}

/// Lets a new client ask once and read nothing.
fn hog(rig: &mut Rig) -> ConnectionId {
    let id = rig.accept();
    rig.read_once(id, ASK);
    id
}

fn keys_are_all_there(rig: &mut Rig, operator: ConnectionId) {
    assert_eq!(rig.talk(operator, "DBSIZE\r\n"), ":11;");
}

#[test]
fn one_client_that_reads_nothing_costs_no_key_and_little_memory() {
    let (mut rig, operator) = rig(MemoryShare::Percent(10));
    let id = rig.accept();
    let requests = ASK.repeat(3_200);
    let mut sent = 0;
    loop {
        let count = rig.read_once(id, &requests[sent..]);
        sent += count;
        assert!(total_bytes(&rig) <= HOG_BYTES_MAX);
        if rig.turn() == 0 && count == 0 {
            break;
        }
    }
    keys_are_all_there(&mut rig, operator);
    rig.advance_ms(10_000);
    assert_eq!((evicted(&rig), rig.close_listed()), (0, vec![]));
    // Whenever it reads, it gets everything.
    let mut replies_bytes = 0;
    while !rig.node.output(id).is_empty() || sent < requests.len() {
        replies_bytes += rig.take_some(id, 100_000).len();
        while rig.turn() > 0 {}
        sent += rig.read_once(id, &requests[sent..]);
    }
    let reply_bytes = format!("${VALUE_BYTES}\r\n\r\n").len() + VALUE_BYTES;
    assert_eq!(replies_bytes, 3_200 * reply_bytes);
}

#[test]
fn the_largest_are_held_for_a_while_and_then_closed() {
    // The largest part of the clients' output in the budget, and none of it far too large.
    let (mut rig, operator) = rig(MemoryShare::Bytes(20 * MIB));
    let small = rig.accept();
    assert_eq!(rig.talk(small, "MULTI\r\n"), "+OK;");
    let mut hogs = Vec::new();
    while total_bytes(&rig) <= 20 * MIB {
        hogs.push(hog(&mut rig));
    }
    assert!(rig.node.is_busy(rig.now), "something is to be done");
    while rig.turn() > 0 {}
    let held: Vec<_> = hogs
        .iter()
        .filter(|&&id| rig.connection(id).is_held)
        .collect();
    assert!(
        !held.is_empty() && held.len() < hogs.len(),
        "{}",
        held.len()
    );
    assert!(!rig.node.is_busy(rig.now), "waiting costs nothing");
    keys_are_all_there(&mut rig, operator);
    assert_eq!(evicted(&rig), 0);

    let waited_ms = rig.wait_until(|rig| evicted(rig) > 0);
    assert!(is_about(waited_ms, 1_000), "{waited_ms}");
    let closed = rig.close_listed();
    assert_eq!(closed.len(), 1, "one is enough");
    assert!(hogs.contains(&closed[0]));
    assert!(total_bytes(&rig) <= 20 * MIB);
    assert!(
        hogs.iter()
            .all(|&id| closed.contains(&id) || !rig.connection(id).is_held)
    );
    assert_eq!(rig.talk(small, "PING\r\n"), "+QUEUED;");
    let gauges = &rig.node.engine.stats().gauges;
    assert_eq!(gauges.clients_held, 0);
    assert!(gauges.client_buffers_peak_bytes > 20 * MIB);
}

#[test]
fn who_reads_while_held_goes_on() {
    let (mut rig, _) = rig(MemoryShare::Bytes(20 * MIB));
    let mut hogs = Vec::new();
    while total_bytes(&rig) <= 20 * MIB {
        hogs.push(hog(&mut rig));
    }
    while rig.turn() > 0 {}
    let held = hogs.iter().find(|&&id| rig.connection(id).is_held);
    let &held = held.expect("somebody is held");
    assert!(!rig.node.may_read(held));
    while !rig.node.output(held).is_empty() {
        rig.take_some(held, 100_000);
    }
    assert!(rig.node.is_busy(rig.now), "it is to be released");
    while rig.turn() > 0 {}
    assert!(rig.node.may_read(held));
    assert_eq!(rig.talk(held, "PING\r\n"), "+PONG;");
    rig.advance_ms(5_000);
    assert_eq!((evicted(&rig), rig.close_listed()), (0, vec![]));
}

#[test]
fn far_above_the_budget_nobody_is_read_until_the_largest_are_closed() {
    let (mut rig, operator) = rig(MemoryShare::Bytes(2 * MIB));
    let mut hogs = Vec::new();
    let mut refused = None;
    for _ in 0..20 {
        let id = rig.accept();
        if rig.read_once(id, ASK) == 0 {
            refused = Some(id);
            break;
        }
        hogs.push(id);
        assert!(total_bytes(&rig) <= 2 * MIB + 2 * MIB / 4 + HOG_BYTES_MAX);
    }
    let refused = refused.expect("the budget is full");
    // Without a moment's delay.
    while rig.node.tick(rig.now) {}
    assert!(evicted(&rig) > 0 && total_bytes(&rig) <= 2 * MIB);
    assert!(!rig.close_listed().is_empty());
    assert!(
        rig.node.take_ready_list().contains(&refused),
        "it is called back"
    );
    assert!(rig.node.may_read(refused));
    keys_are_all_there(&mut rig, operator);
}

#[test]
fn who_asked_not_to_be_evicted_stays_and_others_are_served() {
    let (mut rig, operator) = rig(MemoryShare::Bytes(2 * MIB));
    let mut hogs = Vec::new();
    for _ in 0..8 {
        let id = rig.accept();
        assert_eq!(rig.talk(id, "CLIENT NO-EVICT ON\r\n"), "+OK;");
        hogs.push(id);
    }
    for &id in &hogs {
        rig.read_once(id, ASK);
        while rig.turn() > 0 {}
    }
    assert!(total_bytes(&rig) > 4 * MIB);
    assert_eq!((evicted(&rig), rig.close_listed()), (0, vec![]));
    keys_are_all_there(&mut rig, operator);
    assert!(!rig.node.is_busy(rig.now), "there is nothing to be done");
    // One that changes its mind is not spared for long.
    let mut turncoat = rig.accept();
    rig.talk(turncoat, "CLIENT NO-EVICT ON\r\n");
    rig.talk(turncoat, "CLIENT NO-EVICT OFF\r\n");
    rig.read_once(turncoat, ASK);
    rig.advance_ms(1_000 + ROUNDING_MS);
    assert_eq!(rig.close_listed(), [turncoat]);
    turncoat = rig.accept();
    assert_eq!(rig.talk(turncoat, "PING\r\n"), "+PONG;");
}

#[test]
fn requests_under_way_and_queued_count_as_well() {
    let (mut rig, operator) = rig(MemoryShare::Bytes(4 * MIB));
    let queueing = rig.accept();
    assert_eq!(rig.talk(queueing, "MULTI\r\n"), "+OK;");
    let before = total_bytes(&rig);
    let value = "y".repeat(100_000);
    let request = format!("*3\r\n$3\r\nSET\r\n$1\r\nq\r\n$100000\r\n{value}\r\n");
    assert_eq!(rig.talk(queueing, &request), "+QUEUED;");
    assert!(total_bytes(&rig) >= before + 100_000);
    assert_eq!(rig.talk(queueing, "DISCARD\r\n"), "+OK;");
    assert_eq!(total_bytes(&rig), 0);

    let sending = rig.accept();
    rig.send(sending, b"*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$100000000\r\n");
    let mut sent_bytes = 0;
    while rig.node.may_read(sending) {
        sent_bytes += rig.read_once(sending, value.as_bytes());
        while rig.turn() > 0 {}
    }
    assert!(sent_bytes as u64 <= 5 * MIB, "{sent_bytes}");
    rig.advance_ms(1_000 + ROUNDING_MS);
    assert_eq!(rig.close_listed(), [sending]);
    assert_eq!(total_bytes(&rig), 0);
    keys_are_all_there(&mut rig, operator);
}

#[test]
fn the_limits_follow_the_configuration() {
    let mut rig = Rig::new();
    let id = rig.accept();
    assert_eq!(limits(&rig), (0, 0), "nobody said what auto is");
    assert_eq!(
        rig.talk(id, "CONFIG GET maxmemory\r\n"),
        "*2;$9;maxmemory;$1;0;"
    );
    rig.node.set_automatic_memory(1_000 * MIB);
    assert_eq!(limits(&rig), (1_000 * MIB, 100 * MIB));
    assert_eq!(
        rig.talk(id, "CONFIG GET MAXMEMORY\r\n"),
        "*2;$9;MAXMEMORY;$10;1048576000;"
    );
    assert!(
        rig.talk(id, "INFO memory\r\n")
            .contains(";maxmemory_auto:1;")
    );
    let mut set = |pairs: &str| {
        assert_eq!(rig.talk(id, &format!("CONFIG SET {pairs}\r\n")), "+OK;");
        limits(&rig)
    };
    assert_eq!(set("maxmemory 200mb"), (200 * MIB, 20 * MIB));
    assert_eq!(set("maxmemory 5mb"), (5 * MIB, 8 * MIB));
    assert_eq!(set("maxmemory-clients 1kb"), (5 * MIB, MIB));
    assert_eq!(set("maxmemory-clients 0"), (5 * MIB, 0));
    assert_eq!(set("maxmemory 0 maxmemory-clients 50%"), (0, 0));
    assert_eq!(set("maxmemory auto"), (1_000 * MIB, 500 * MIB));
}

fn limits(rig: &Rig) -> (u64, u64) {
    let gauges = &rig.node.engine.stats().gauges;
    assert_eq!(
        gauges.memory_limit_bytes,
        rig.node.engine.memory_limit_bytes()
    );
    (gauges.memory_limit_bytes, gauges.client_buffers_limit_bytes)
}
