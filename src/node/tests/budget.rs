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

/// Lets clients ask and read nothing until one of them takes all above the budget: the last.
fn hogs_above(rig: &mut Rig, limit_bytes: u64) -> Vec<ConnectionId> {
    let mut hogs = Vec::new();
    while total_bytes(rig) <= limit_bytes {
        hogs.push(hog(rig));
    }
    while rig.turn() > 0 {}
    hogs
}

#[test]
fn who_takes_too_much_goes_on_and_large_requests_of_others_wait() {
    let (mut rig, operator) = rig(MemoryShare::Bytes(20 * MIB));
    let hogs = hogs_above(&mut rig, 20 * MIB);
    let before_bytes = total_bytes(&rig);
    let waiting: Vec<_> = (0..5).map(|_| hog(&mut rig)).collect();
    assert!(
        waiting
            .iter()
            .all(|&id| rig.connection(id).holds.has(Holds::ROOM))
    );
    assert!(total_bytes(&rig) < before_bytes + MIB, "no reply was made");
    assert!(!rig.node.is_busy(rig.now), "waiting costs nothing");
    assert_eq!(rig.node.engine.stats().gauges.clients_held, 5);
    keys_are_all_there(&mut rig, operator);
    assert_eq!(
        rig.talk(operator, "SET small v\r\nGET small\r\n"),
        "+OK;$1;v;"
    );
    rig.talk(operator, "DEL small\r\n");

    // While the one above the budget takes a little now and then, nobody is closed.
    let &favoured = hogs.last().expect("there are some");
    for _ in 0..8 {
        rig.take_some(favoured, 10_000);
        rig.advance_ms(900);
    }
    assert_eq!((evicted(&rig), rig.close_listed()), (0, vec![]));
    // When it stands still, it goes, and the next has its turn.
    rig.wait_until(|rig| evicted(rig) > 0);
    while rig.turn() > 0 {}
    assert_eq!(rig.close_listed(), [favoured]);
    assert!(!rig.node.output(waiting[0]).is_empty());
    keys_are_all_there(&mut rig, operator);
}

#[test]
fn who_waits_goes_on_when_the_memory_is_given_back() {
    let (mut rig, _) = rig(MemoryShare::Bytes(20 * MIB));
    let hogs = hogs_above(&mut rig, 20 * MIB);
    let waiting = hog(&mut rig);
    assert!(!rig.node.may_read(waiting));
    for &id in &hogs[..3] {
        while !rig.node.output(id).is_empty() {
            rig.take_some(id, 100_000);
        }
    }
    assert!(rig.node.is_busy(rig.now), "somebody is to be let go");
    while rig.turn() > 0 {}
    let reply = rig.take(waiting);
    assert!(reply.starts_with("$524288;x"));
    rig.advance_ms(5_000);
    assert_eq!((evicted(&rig), rig.close_listed()), (0, vec![]));
    assert_eq!(rig.node.engine.stats().gauges.clients_held, 0);
}

/// A server of 100 MB, as many compose files have it, whose clients have a budget of 10 MiB.
fn small_server() -> Rig {
    Rig::with(|config| config.maxmemory = MemoryLimit::Bytes(100 * MIB))
}

#[test]
fn one_legal_request_is_served_whatever_the_budget() {
    let mut rig = small_server();
    let id = rig.accept();
    let set = |key: &str, len: usize| {
        format!(
            "*3\r\n$3\r\nSET\r\n${}\r\n{key}\r\n${len}\r\n{}\r\n",
            key.len(),
            "v".repeat(len)
        )
    };
    assert_eq!(rig.talk(id, &set("a", 11_000_000)), "+OK;");
    assert_eq!(rig.talk(id, "SETRANGE a 19999999 x\r\n"), ":20000000;");
    assert_eq!(
        rig.talk(id, "GET a\r\n").len(),
        20_000_000 + "$20000000;;".len()
    );
    let pairs: String = (0..12)
        .map(|index| {
            format!(
                "$2\r\n{:02}\r\n$1000000\r\n{}\r\n",
                index,
                "v".repeat(1_000_000)
            )
        })
        .collect();
    assert_eq!(
        rig.talk(id, &format!("*25\r\n$4\r\nMSET\r\n{pairs}")),
        "+OK;"
    );
    assert_eq!(rig.talk(id, "MULTI\r\n"), "+OK;");
    for _ in 0..4 {
        assert_eq!(rig.talk(id, &set("b", 4_000_000)), "+QUEUED;");
    }
    assert_eq!(rig.talk(id, "EXEC\r\n"), "*4;+OK;+OK;+OK;+OK;");
    assert_eq!(
        (total_bytes(&rig), evicted(&rig), rig.close_listed()),
        (0, 0, vec![])
    );
}

#[test]
fn many_readers_of_large_replies_are_all_served_one_after_the_other() {
    const VALUE: usize = 8_000_000;
    let mut rig = small_server();
    let operator = rig.accept();
    rig.talk(operator, &format!("SETRANGE large {} x\r\n", VALUE - 1));
    let readers: Vec<_> = (0..20).map(|_| rig.accept()).collect();
    let mut served = 0;
    for _ in 0..3 {
        for &id in &readers {
            rig.read_once(id, ASK);
        }
        let mut received = vec![0; readers.len()];
        for _ in 0..100_000 {
            rig.turn();
            rig.now = rig.now.plus_ms(1);
            for (&id, received) in readers.iter().zip(&mut received) {
                *received += rig.take_some(id, 300_000).len();
            }
            assert!(total_bytes(&rig) <= 10 * MIB + VALUE as u64 + MIB);
            if received
                .iter()
                .all(|&bytes| bytes == VALUE + "$8000000\r\n\r\n".len())
            {
                served += readers.len();
                break;
            }
        }
        assert_eq!(rig.talk(operator, "PING\r\n"), "+PONG;");
    }
    assert_eq!(served, 60);
    assert_eq!((evicted(&rig), rig.close_listed()), (0, vec![]));
}

#[test]
fn large_requests_that_arrive_at_once_are_finished_one_after_the_other() {
    let mut rig = small_server();
    let request = format!(
        "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$6000000\r\n{}\r\n",
        "v".repeat(6_000_000)
    );
    let clients: Vec<_> = (0..6).map(|_| rig.accept()).collect();
    let mut sent = vec![0; clients.len()];
    while sent.iter().any(|&sent| sent < request.len()) {
        let before: usize = sent.iter().sum();
        for (&id, sent) in clients.iter().zip(&mut sent) {
            *sent += rig.read_once(id, &request.as_bytes()[*sent..]);
        }
        let resumed = rig.turn();
        assert!(
            sent.iter().sum::<usize>() + resumed > before,
            "somebody goes on"
        );
        assert!(total_bytes(&rig) <= 18 * MIB, "{}", total_bytes(&rig));
    }
    for &id in &clients {
        assert_eq!(rig.take(id), "+OK;");
    }
    assert_eq!((total_bytes(&rig), evicted(&rig)), (0, 0));
}

#[test]
fn what_is_too_large_for_one_client_is_refused_before_it_takes_memory() {
    let mut rig = small_server();
    let id = rig.accept();
    assert_eq!(rig.talk(id, "SETRANGE a 30000000 x\r\n"), ":30000001;");
    let refused =
        "-OOM the reply needs more than one client's part of the memory (see maxmemory-clients);";
    assert_eq!(
        rig.talk(id, "GET a\r\nPING\r\n"),
        format!("{refused}+PONG;")
    );
    rig.talk(id, "SETRANGE m 999999 x\r\n");
    let mget = format!("MGET{}\r\n", " m".repeat(6_000));
    assert_eq!(rig.talk(id, &mget), refused);
    // What a transaction changes stays.
    let exec = format!("MULTI\r\n{}INCR n\r\n", "GET m\r\n".repeat(40));
    rig.talk(id, &exec);
    assert_eq!(rig.talk(id, "EXEC\r\nGET n\r\n"), format!("{refused}$1;1;"));
    assert_eq!(
        rig.talk(id, "CLIENT REPLY SKIP\r\nGET a\r\nPING\r\n"),
        "+PONG;"
    );
    assert!(rig.node.engine.stats().gauges.client_buffers_peak_bytes < 30 * MIB);

    rig.send(id, b"*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$100000000\r\n");
    let refused =
        "-OOM the request needs more than one client's part of the memory (see maxmemory-clients);";
    assert_eq!(rig.take(id), refused);
    assert_eq!((rig.close_listed(), total_bytes(&rig)), (vec![id], 0));

    let id = rig.accept();
    rig.talk(id, "MULTI\r\n");
    let request = format!(
        "*2\r\n$4\r\nECHO\r\n$5000000\r\n{}\r\n",
        "v".repeat(5_000_000)
    );
    for _ in 0..5 {
        assert_eq!(rig.talk(id, &request), "+QUEUED;");
    }
    rig.send(id, request.as_bytes());
    assert_eq!((rig.close_listed(), total_bytes(&rig)), (vec![id], 0));
}

#[test]
fn under_a_hard_limit_who_asks_for_too_much_is_closed() {
    let mut rig = Rig::with(|config| {
        config.maxmemory = MemoryLimit::Bytes(100 * MIB);
        config.client_output_buffer_limit.normal.hard_bytes = MIB;
    });
    let id = rig.accept();
    rig.talk(id, "SETRANGE m 99999 x\r\n");
    rig.send(id, format!("MGET{}\r\n", " m".repeat(600)).as_bytes());
    assert_eq!(rig.close_listed(), [id]);
    let counters = &rig.node.engine.stats().counters;
    assert_eq!(counters.client_output_buffer_limit_disconnections, 1);
    assert!(rig.node.engine.stats().gauges.client_buffers_peak_bytes <= MIB + MIB / 4);
}

#[test]
fn who_has_not_given_the_password_goes_first() {
    let mut rig = Rig::with(|config| {
        config.maxmemory = MemoryLimit::Bytes(200 * MIB);
        config.requirepass = b"secret".as_slice().into();
    });
    let known = rig.accept();
    assert_eq!(rig.talk(known, "AUTH secret\r\n"), "+OK;");
    let argument = format!("$16384\r\n{}\r\n", "x".repeat(16_384));
    let unfinished = format!("*10\r\n{}", argument.repeat(9));
    let value = format!(
        "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1048576\r\n{}\r\n",
        "v".repeat(1 << 20)
    );
    let mut closed = Vec::new();
    for _ in 0..200 {
        let stranger = rig.accept();
        rig.send(stranger, unfinished.as_bytes());
        assert_eq!(rig.talk(known, &value), "+OK;");
        assert!(total_bytes(&rig) < 2 * MIB);
        // Closed when it has taken the error, which was the first it had to take.
        for id in rig.node.connection_ids() {
            rig.take_some(id, usize::MAX);
        }
        closed.extend(rig.close_listed());
    }
    assert!(
        closed.len() > 150 && !closed.contains(&known),
        "{}",
        closed.len()
    );
}

#[test]
fn when_the_budget_is_cut_the_largest_are_closed_at_once() {
    let (mut rig, operator) = rig(MemoryShare::Bytes(20 * MIB));
    hogs_above(&mut rig, 12 * MIB);
    assert_eq!(
        rig.talk(operator, "CONFIG SET maxmemory-clients 2mb\r\n"),
        "+OK;"
    );
    assert!(total_bytes(&rig) <= 2 * MIB && evicted(&rig) > 10);
    keys_are_all_there(&mut rig, operator);
}

#[test]
fn who_asked_not_to_be_evicted_stays_and_others_are_served() {
    let (mut rig, operator) = rig(MemoryShare::Bytes(2 * MIB));
    let hogs: Vec<_> = (0..8).map(|_| rig.accept()).collect();
    for &id in &hogs {
        assert_eq!(rig.talk(id, "CLIENT NO-EVICT ON\r\n"), "+OK;");
        rig.read_once(id, ASK);
        while rig.turn() > 0 {}
    }
    assert!(total_bytes(&rig) > 4 * MIB);
    assert_eq!((evicted(&rig), rig.close_listed()), (0, vec![]));
    keys_are_all_there(&mut rig, operator);
    assert!(rig.talk(operator, "GET large\r\n").starts_with("$524288;"));
    while rig.turn() > 0 {}
    assert!(!rig.node.is_busy(rig.now), "there is nothing to be done");
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

    // Two that begin to send more than there is room for, and stop: the first to pass the budget
    // goes when somebody waits for it, and is told.
    let senders = [rig.accept(), rig.accept()];
    for &id in &senders {
        rig.send(id, b"*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$20000000\r\n");
    }
    for _ in 0..60 {
        for &id in &senders {
            rig.read_once(id, value.as_bytes());
        }
    }
    let [first, second] = senders.map(|id| rig.connection(id).holds.has(Holds::ROOM));
    assert!(first != second, "one goes on");
    rig.advance_ms(0);
    rig.wait_until(|rig| evicted(rig) > 0);
    let gone = senders[usize::from(first)];
    assert!(rig.take(gone).starts_with("-OOM this client is closed"));
    assert_eq!(rig.close_listed(), [gone]);
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
    let engine = &rig.node.engine;
    let gauges = &engine.stats().gauges;
    (
        engine.memory_limit_bytes(),
        gauges.client_buffers_limit_bytes,
    )
}
