//! The node driven without sockets: order and completeness of replies, bounds of memory and of
//! turns, ends of connections.
//!
//! Method: a [`Rig`] plays the reactor: it puts bytes into read buffers while the node wants them,
//! takes output when a test says so, and moves the clock by hand.
//!
//! Not here: the budget of all buffers (`tests/budget.rs`), reads that are abandoned
//! (`tests/abandoning.rs`), clients that wait for keys (`tests/blocking.rs`), MONITOR and reloads
//! (`tests/monitoring.rs`), pages over HTTP (`tests/pages.rs`), requests in portions
//! (`tests/portions.rs`), replicas (`tests/replica.rs`), pauses, timeouts and wakeups
//! (`tests/timing.rs`), snapshots (`tests/saving.rs`), a new type of values (`tests/toy.rs`),
//! random interleavings of many clients (`tests/sim/`), sockets (`tests/server/process.rs`).

mod abandoning;
mod blocking;
mod blocking_streams;
mod budget;
mod clients;
mod config_file;
mod deliveries;
mod jobs;
mod long_rows;
mod long_work;
mod messages;
mod monitoring;
mod pages;
mod patterns;
mod portions;
mod reading;
mod replica;
mod saving;
mod sorting;
mod steps;
mod timing;
mod toy;

use super::buffers::READ_BYTES;
use super::connection::{Connection, Holds, OUTPUT_MARK_BYTES};
use super::*;
use crate::config::EnableDebug;
use crate::session::Session;

const START: Timestamp = Timestamp::from_unix_ms(1_700_000_000_000);
/// What the timer wheel may round a deadline up by.
const ROUNDING_MS: u64 = 1;

struct Rig {
    node: Node,
    now: Timestamp,
}

impl Rig {
    fn new() -> Self {
        Self::with(|_| ())
    }

    fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config {
            hash_seed: 7,
            enable_debug_command: EnableDebug::Yes,
            ..Config::default()
        };
        change(&mut config);
        Self {
            node: Node::new(config, START),
            now: START,
        }
    }

    fn accept(&mut self) -> ConnectionId {
        let accepted = self.node.accepted(Peer::embedded(), self.now);
        accepted.expect("there is room")
    }

    /// Reads once, as a turn of the reactor does; returns how many bytes were taken.
    fn read_once(&mut self, id: ConnectionId, bytes: &[u8]) -> usize {
        if bytes.is_empty() || !self.node.may_read(id) {
            return 0;
        }
        let buffer = self.node.read_buffer(id);
        let count = buffer.len().min(bytes.len());
        buffer[..count].copy_from_slice(&bytes[..count]);
        self.node.received(id, count, self.now);
        count
    }

    /// Sends bytes of which the node must take all, over as many turns as it wants.
    fn send(&mut self, id: ConnectionId, bytes: &[u8]) {
        let mut sent = 0;
        while sent < bytes.len() {
            let count = self.read_once(id, &bytes[sent..]);
            sent += count;
            let resumed = self.turn();
            assert!(
                count + resumed > 0,
                "the node does not take what it is sent"
            );
        }
        while self.turn() > 0 {}
    }

    /// One turn without reads; returns how many connections go on, in this turn or the next.
    fn turn(&mut self) -> usize {
        let ready = self.node.take_ready_list();
        for &id in &ready {
            self.node.resume(id, self.now);
        }
        while self.node.tick(self.now) {}
        ready.len() + usize::from(self.node.clients.has_ready())
    }

    fn advance_ms(&mut self, duration_ms: u64) {
        self.now = self.now.plus_ms(duration_ms);
        while self.turn() > 0 {}
    }

    /// Takes up to `count` bytes of output.
    fn take_some(&mut self, id: ConnectionId, count: usize) -> Vec<u8> {
        let output = self.node.output(id);
        let taken = output[..output.len().min(count)].to_vec();
        self.node.written(id, taken.len(), self.now);
        taken
    }

    /// Takes the output there is; line ends are shown as `;`.
    fn take(&mut self, id: ConnectionId) -> String {
        let mut bytes = self.take_some(id, usize::MAX);
        while !self.node.output(id).is_empty() {
            bytes.extend(self.take_some(id, usize::MAX));
        }
        text(bytes)
    }

    /// Sends a request and takes the reply.
    fn talk(&mut self, id: ConnectionId, bytes: &str) -> String {
        self.send(id, bytes.as_bytes());
        self.take(id)
    }

    /// Closes what the node wants closed; returns which.
    fn close_listed(&mut self) -> Vec<ConnectionId> {
        let list = self.node.take_close_list();
        for &id in &list {
            self.node.closed(id);
        }
        list
    }

    fn connection(&self, id: ConnectionId) -> &Connection {
        &self.node.clients[id]
    }

    fn allocated_bytes(&self, id: ConnectionId) -> usize {
        let connection = self.connection(id);
        let allocated = connection.input.allocated_bytes()
            + connection.output.allocated_bytes()
            + connection.parser.allocated_bytes();
        let session = self.node.engine.session(connection.session);
        assert_eq!(
            session.buffers.allocated_bytes(),
            allocated,
            "CLIENT LIST says so too"
        );
        allocated
    }

    fn wake_ms(&mut self) -> Option<u64> {
        self.node.next_wake_ms(self.now)
    }

    /// Lets time pass as the reactor does, from wakeup to wakeup, until the node has nothing left
    /// to wait for or `is_done`; returns how long that took.
    fn wait_until(&mut self, mut is_done: impl FnMut(&mut Self) -> bool) -> u64 {
        let start_ms = self.now.monotonic_ms();
        for _ in 0..20 {
            if is_done(self) {
                break;
            }
            match self.wake_ms() {
                Some(ms) => self.advance_ms(ms.max(1)),
                None => break,
            }
        }
        self.now.monotonic_ms() - start_ms
    }
}

fn text(bytes: Vec<u8>) -> String {
    let text = String::from_utf8(bytes).expect("replies in tests are text");
    text.replace("\r\n", ";")
}

/// Whether a timer fired when it should: not early, and late by the wheel's resolution at most.
fn is_about(ms: u64, expected_ms: u64) -> bool {
    (expected_ms..=expected_ms + ROUNDING_MS).contains(&ms)
}

const PIPELINE: &[u8] = b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$4\r\n12\r\n\r\n\
    PING\r\n\r\n*0\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\nSET b \"x\\ny\" PX 100\n\
    *1\r\n$5\r\nMULTI\r\n*2\r\n$3\r\nget\r\n$1\r\nb\r\nINCR n\r\n*1\r\n$4\r\nEXEC\r\n\
    NOSUCH x\r\n*1\r\n$3\r\nGET\r\n*2\r\n$6\r\nSELECT\r\n$1\r\n3\r\nDBSIZE\r\nHELLO 3\r\n\
    *2\r\n$3\r\nGET\r\n$1\r\na\r\n";
const PIPELINE_REPLIES: &str = "+OK;+PONG;$4;12;;+OK;+OK;+QUEUED;+QUEUED;*2;$3;x\ny;:1;\
    -ERR unknown command 'NOSUCH', with args beginning with: 'x' ;\
    -ERR wrong number of arguments for 'get' command;+OK;:0;";

fn check_pipeline(parts: &[&[u8]]) {
    let mut rig = Rig::new();
    let id = rig.accept();
    for part in parts {
        rig.send(id, part);
    }
    let replies = rig.take(id);
    let (before_hello, hello) = replies.split_at(PIPELINE_REPLIES.len());
    assert_eq!(before_hello, PIPELINE_REPLIES);
    assert!(hello.starts_with("%7;$6;server;") && hello.ends_with(";_;"));
    assert_eq!(rig.allocated_bytes(id), 0);
}

#[test]
fn every_split_of_a_pipeline_gives_the_same_replies() {
    check_pipeline(&[PIPELINE]);
    for split in 1..PIPELINE.len() {
        check_pipeline(&[&PIPELINE[..split], &PIPELINE[split..]]);
    }
    for size in 1..20 {
        check_pipeline(&PIPELINE.chunks(size).collect::<Vec<_>>());
    }
}

#[test]
fn random_splits_of_large_values_give_the_same_replies() {
    for seed in 0..20 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut bytes = Vec::new();
        let mut expected = String::new();
        for number in 0..30 {
            let value = "v".repeat(random.usize(0..60_000));
            let set = format!(
                "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n{value}\r\n",
                value.len()
            );
            bytes.extend_from_slice(set.as_bytes());
            bytes.extend_from_slice(format!("STRLEN k\r\nECHO {number}\r\n").as_bytes());
            expected += &format!(
                "+OK;:{};${};{number};",
                value.len(),
                number.to_string().len()
            );
        }
        let mut rig = Rig::new();
        let id = rig.accept();
        let (mut position, mut replies) = (0, String::new());
        while position < bytes.len() {
            let end = bytes.len().min(position + random.usize(1..40_000));
            rig.send(id, &bytes[position..end]);
            position = end;
            if random.bool() {
                replies += &rig.take(id);
            }
        }
        replies += &rig.take(id);
        assert!(replies == expected, "seed {seed}");
        assert_eq!(rig.allocated_bytes(id), 0);
    }
}

#[test]
fn a_client_that_sends_nothing_more_is_answered_before_it_is_closed() {
    let mut rig = Rig::new();
    let id = rig.accept();
    rig.send(id, b"SET a 1\r\nGET a\r\nGET");
    rig.node.end_of_input(id);
    assert!(
        rig.close_listed().is_empty(),
        "replies are to be written first"
    );
    assert_eq!(rig.take(id), "+OK;$1;1;");
    assert_eq!(rig.close_listed(), [id]);
    assert_eq!(
        (
            rig.node.connection_count(),
            rig.node.engine.sessions().len()
        ),
        (0, 0)
    );

    // With requests that wait for the next turn, the end of a pause, and room for replies.
    let (id, other) = (rig.accept(), rig.accept());
    let pings = 2 * 1024 + 1;
    let bytes = "PING\r\n".repeat(pings);
    assert_eq!(rig.read_once(id, bytes.as_bytes()), bytes.len());
    rig.node.end_of_input(id);
    assert_eq!(rig.take(id), "+PONG;".repeat(1024));
    assert!(rig.close_listed().is_empty());
    rig.talk(other, "CLIENT PAUSE 50\r\n");
    rig.turn();
    assert!(rig.close_listed().is_empty() && rig.take(id).is_empty());
    rig.advance_ms(50 + ROUNDING_MS);
    assert_eq!(rig.take(id), "+PONG;".repeat(pings - 1024));
    assert_eq!(rig.close_listed(), [id]);

    let id = rig.accept();
    rig.node.end_of_input(id);
    assert_eq!(rig.close_listed(), [id], "one that never sent anything");
}

#[test]
fn what_is_no_request_is_answered_last() {
    let cases = [
        ("*x\r\n", "-ERR Protocol error: invalid multibulk length;"),
        ("*1\r\n$x\r\n", "-ERR Protocol error: invalid bulk length;"),
        (
            "*1\r\n+PING\r\n",
            "-ERR Protocol error: expected '$', got '+';",
        ),
        (
            "SET a \"b\r\n",
            "-ERR Protocol error: unbalanced quotes in request;",
        ),
    ];
    for (wrong, error) in cases {
        let mut rig = Rig::new();
        let id = rig.accept();
        rig.send(
            id,
            format!("PING\r\nECHO x\r\n{wrong}SET k v\r\n").as_bytes(),
        );
        assert!(!rig.node.may_read(id));
        assert!(rig.close_listed().is_empty());
        assert_eq!(rig.take(id), format!("+PONG;$1;x;{error}"));
        assert_eq!(rig.close_listed(), [id]);
        assert!(rig.node.engine.is_empty(), "nothing behind it was executed");
    }
}

#[test]
fn a_request_beyond_the_limit_ends_its_connection() {
    let mut rig = Rig::with(|config| config.client_query_buffer_limit_bytes = 1 << 20);
    let id = rig.accept();
    let bytes = b"PING\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$9000000\r\n";
    rig.send(id, bytes);
    let part = vec![b'v'; 2 << 20];
    let mut sent = 0;
    while sent < part.len() {
        match rig.read_once(id, &part[sent..]) {
            0 => break,
            count => sent += count,
        }
    }
    assert!(sent <= (1 << 20) + (256 << 10), "{sent} bytes were taken");
    let replies = rig.take(id);
    assert!(
        replies.starts_with("+PONG;-ERR Protocol error: "),
        "{replies}"
    );
    assert_eq!(rig.close_listed(), [id]);
    let counters = &rig.node.stats_mut().counters;
    assert_eq!(counters.client_query_buffer_limit_disconnections, 1);
}

/// Goal: a client that asks for much and takes nothing costs bounded memory, and loses nothing.
#[test]
fn a_client_that_takes_no_replies_is_not_read_from() {
    const VALUE_BYTES: usize = 1 << 20;
    let mut rig = Rig::new();
    let id = rig.accept();
    let value = "v".repeat(VALUE_BYTES);
    let set = format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${VALUE_BYTES}\r\n{value}\r\n");
    assert_eq!(rig.talk(id, &set), "+OK;");
    let gets = (0..200).map(|number| format!("GET k\r\nECHO {number:03}\r\n"));
    let requests: String = gets.collect();
    let mut sent = rig.read_once(id, requests.as_bytes());
    for _ in 0..10 {
        rig.turn();
        assert_eq!(rig.read_once(id, &requests.as_bytes()[sent..]), 0);
    }
    assert!(!rig.node.may_read(id));
    let bound = 2 * (OUTPUT_MARK_BYTES + VALUE_BYTES + READ_BYTES);
    assert!(rig.allocated_bytes(id) <= bound);
    assert!(rig.connection(id).output.len() <= OUTPUT_MARK_BYTES + VALUE_BYTES + 100);

    // It is slow from here on, and gets everything in order.
    let expected: Vec<u8> = (0..200)
        .flat_map(|number| {
            format!("${VALUE_BYTES}\r\n{value}\r\n$3\r\n{number:03}\r\n").into_bytes()
        })
        .collect();
    let mut received = Vec::new();
    while received.len() < expected.len() {
        let part = rig.take_some(id, 150_000);
        let resumed = rig.turn();
        sent += rig.read_once(id, &requests.as_bytes()[sent..]);
        assert!(part.len() + resumed > 0, "it stands still");
        received.extend_from_slice(&part);
        assert!(rig.allocated_bytes(id) <= 2 * bound);
    }
    assert!(received == expected);
    assert_eq!(sent, requests.len());
    assert_eq!(rig.allocated_bytes(id), 0);
    assert!(rig.node.may_read(id));
}

#[test]
fn a_client_whose_output_went_below_the_mark_is_told_to_be_read_again() {
    let mut rig = Rig::new();
    let id = rig.accept();
    let value = "v".repeat(OUTPUT_MARK_BYTES);
    let echo = format!("*2\r\n$4\r\nECHO\r\n${OUTPUT_MARK_BYTES}\r\n{value}\r\n");
    rig.send(id, echo.as_bytes());
    assert!(!rig.node.may_read(id));
    assert!(rig.node.take_ready_list().is_empty());
    rig.take_some(id, 1);
    assert!(rig.node.take_ready_list().is_empty(), "still above");
    rig.take_some(id, OUTPUT_MARK_BYTES / 2);
    assert_eq!(
        rig.node.take_ready_list(),
        [id],
        "even without a request that waits"
    );
    assert!(rig.node.may_read(id));
}

/// Goal: no client keeps the loop from the others. Method: a long pipeline, one read a turn, and a
/// second client that sends a request in every turn.
#[test]
fn a_long_pipeline_is_executed_over_many_turns() {
    const REQUESTS: usize = 1_000_000;
    const TURN_REQUESTS: usize = 1024;
    let mut rig = Rig::new();
    let (greedy, polite) = (rig.accept(), rig.accept());
    let bytes = "PING\r\n".repeat(REQUESTS);
    let (mut sent, mut answered, mut turns) = (0, 0, 0);
    while answered < REQUESTS {
        turns += 1;
        let resumed = rig.turn();
        let count = match resumed {
            0 => rig.read_once(greedy, &bytes.as_bytes()[sent..]),
            _ => 0,
        };
        sent += count;
        assert!(resumed + count > 0, "it stands still after {answered}");
        assert_eq!(rig.read_once(polite, b"PING x\r\n"), 8);
        assert_eq!(rig.take(polite), "$1;x;");
        let replies = rig.take_some(greedy, usize::MAX);
        let executed = replies.len() / 7;
        assert!(
            (1..=TURN_REQUESTS).contains(&executed),
            "{executed} in one turn"
        );
        answered += executed;
        assert!(rig.allocated_bytes(greedy) <= 4 * READ_BYTES);
    }
    assert!(turns >= REQUESTS / TURN_REQUESTS);
    assert_eq!((answered, sent), (REQUESTS, bytes.len()));
    assert_eq!(rig.allocated_bytes(greedy), 0);
}

#[test]
fn a_connection_that_waits_for_nothing_owns_no_buffer() {
    let mut rig = Rig::new();
    let id = rig.accept();
    assert_eq!(rig.allocated_bytes(id), 0);
    rig.send(id, b"SET k v\r\nGE");
    assert!(rig.allocated_bytes(id) > 0);
    assert_eq!(rig.talk(id, "T k\r\n"), "+OK;$1;v;");
    assert_eq!(rig.allocated_bytes(id), 0);
    let large = "v".repeat(3 << 20);
    rig.talk(
        id,
        &format!(
            "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n{large}\r\n",
            large.len()
        ),
    );
    assert_eq!(rig.allocated_bytes(id), 0);
    rig.talk(id, "GET k\r\n");
    assert_eq!(rig.allocated_bytes(id), 0);
    rig.talk(id, "CLIENT REPLY OFF\r\nPING\r\n");
    assert_eq!(
        rig.allocated_bytes(id),
        0,
        "even if its replies were taken back"
    );
    assert!(
        size_of::<Connection>() + size_of::<Session>() < 700,
        "an idle client is small"
    );
}

#[test]
fn a_large_argument_that_was_only_announced_takes_no_memory() {
    let mut rig = Rig::new();
    let id = rig.accept();
    rig.send(id, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nabc");
    assert!(rig.allocated_bytes(id) <= 4 * READ_BYTES);
    rig.node.closed(id);
    let id = rig.accept();
    rig.send(id, b"*1048576\r\n$3\r\nDEL\r\n");
    assert!(rig.allocated_bytes(id) <= 4 * READ_BYTES);
}

#[test]
fn ids_of_connections_that_ended_reach_nobody() {
    let mut rig = Rig::new();
    let old = rig.accept();
    rig.node.closed(old);
    let new = rig.accept();
    assert_eq!((old.slot, old.generation + 1), (new.slot, new.generation));
    rig.send(new, b"SET k v\r\nGET");
    rig.node.take_output_list();
    assert!(!rig.node.may_read(old));
    assert!(rig.node.output(old).is_empty());
    rig.node.resume(old, rig.now);
    rig.node.end_of_input(old);
    rig.node.written(old, 5, rig.now);
    rig.node.closed(old);
    assert_eq!(rig.node.connection_count(), 1);
    assert!(rig.close_listed().is_empty());
    assert_eq!(rig.talk(new, " k\r\n"), "+OK;$1;v;");
    assert_eq!(rig.node.connection_ids(), [new]);
}

#[test]
fn lists_name_a_connection_once() {
    let mut rig = Rig::new();
    let (first, second) = (rig.accept(), rig.accept());
    rig.send(first, b"PING\r\n");
    rig.send(second, b"PING\r\n");
    rig.send(first, b"PING\r\n");
    let list = rig.node.take_output_list();
    assert_eq!(list, [first, second]);
    rig.node.return_output_list(list);
    assert!(rig.node.take_output_list().is_empty());
    rig.send(first, b"PING\r\n");
    assert_eq!(
        rig.node.take_output_list(),
        [first],
        "again after it was taken"
    );
    rig.send(second, b"QUIT\r\n");
    rig.take(second);
    rig.node.end_of_input(second);
    assert_eq!(rig.node.take_close_list(), [second]);
}

#[test]
fn more_clients_than_maxclients_are_refused() {
    let mut rig = Rig::with(|config| config.maxclients = 2);
    let (first, _) = (rig.accept(), rig.accept());
    let refusal = rig.node.accepted(Peer::embedded(), rig.now).unwrap_err();
    assert_eq!(refusal.reply, b"-ERR max number of clients reached\r\n");
    assert_eq!(rig.node.stats_mut().counters.rejected_connections, 1);
    assert_eq!(rig.talk(first, "CONFIG SET maxclients 3\r\n"), "+OK;");
    let third = rig.accept();
    assert!(rig.node.accepted(Peer::embedded(), rig.now).is_err());
    rig.node.closed(third);
    rig.accept();
    assert_eq!(rig.node.connection_count(), 3);
    assert_eq!(rig.node.stats_mut().counters.total_connections_received, 4);
}

#[test]
fn quit_is_the_last_request() {
    let mut rig = Rig::new();
    let id = rig.accept();
    rig.send(id, b"PING\r\nQUIT\r\nSET k v\r\nPING\r\n");
    assert!(!rig.node.may_read(id));
    assert_eq!(rig.take(id), "+PONG;+OK;");
    assert_eq!(rig.close_listed(), [id]);
    assert!(rig.node.engine.is_empty());
    let id = rig.accept();
    rig.send(id, b"POST / HTTP/1.1\r\nHost: x\r\n\r\nSET k v\r\n");
    assert_eq!(rig.take(id), "");
    assert_eq!(rig.close_listed(), [id], "a browser gets nothing");
    assert!(rig.node.engine.is_empty());
}

#[test]
fn clients_close_each_other_and_themselves() {
    let mut rig = Rig::new();
    let (killer, victim, bystander) = (rig.accept(), rig.accept(), rig.accept());
    let victim_id = rig.talk(victim, "CLIENT ID\r\n").replace([':', ';'], "");
    rig.send(victim, b"PING\r\nGET");
    assert_eq!(
        rig.talk(killer, &format!("CLIENT KILL ID {victim_id}\r\nPING\r\n")),
        ":1;+PONG;"
    );
    assert!(!rig.node.may_read(victim), "nothing more of it is executed");
    assert_eq!(rig.close_listed(), [victim]);
    assert_eq!(rig.talk(bystander, "PING\r\n"), "+PONG;");
    assert_eq!(
        rig.talk(killer, &format!("CLIENT KILL ID {victim_id}\r\n")),
        ":0;"
    );
    // Its slot is somebody else's now, whom the same wish does not hit.
    let heir = rig.accept();
    assert_eq!(heir.slot, victim.slot);
    assert_eq!(
        rig.talk(killer, &format!("CLIENT KILL ID {victim_id}\r\n")),
        ":0;"
    );
    assert_eq!(rig.talk(killer, "CLIENT KILL TYPE normal\r\n"), ":2;");
    assert_eq!(rig.close_listed(), [heir, bystander]);
    rig.send(killer, b"CLIENT KILL TYPE normal SKIPME no\r\nPING\r\n");
    assert!(rig.close_listed().is_empty());
    assert_eq!(
        rig.take(killer),
        ":1;",
        "its own reply, and nothing behind it"
    );
    assert_eq!(rig.close_listed(), [killer]);
    assert_eq!(rig.node.connection_count(), 0);
}

#[test]
fn a_victim_that_waits_in_a_pause_or_a_pipeline_is_closed_all_the_same() {
    let mut rig = Rig::new();
    let (killer, paused, busy) = (rig.accept(), rig.accept(), rig.accept());
    rig.talk(killer, "CLIENT PAUSE 1000 WRITE\r\n");
    rig.send(paused, b"SET k v\r\n");
    rig.read_once(busy, "PING\r\n".repeat(2000).as_bytes());
    assert_eq!(
        rig.talk(killer, "CLIENT KILL TYPE normal\r\nCLIENT UNPAUSE\r\n"),
        ":2;+OK;"
    );
    rig.turn();
    assert!(rig.node.engine.is_empty());
    assert_eq!(rig.close_listed(), [paused, busy]);
    assert_eq!(rig.turn(), 0);
    assert!(!rig.node.is_busy(rig.now));
}

#[test]
fn the_first_request_decides_how_replies_are_written() {
    let cases = [
        ("auto", "GET k\n", "(nil);"),
        ("auto", "PING\nGET k\n", "+PONG;(nil);"),
        ("auto", "\n\nGET k\n", "(nil);"),
        ("auto", "GET k\nGET k\r\n", "(nil);(nil);"),
        (
            "auto",
            "GET k\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
            "(nil);(nil);",
        ),
        ("auto", "GET k\r\n", "$-1;"),
        ("auto", "GET k\r\nGET k\n", "$-1;$-1;"),
        ("auto", "*1\r\n$4\r\nPING\r\nGET k\n", "+PONG;$-1;"),
        ("plain", "GET k\r\n", "(nil);"),
        ("plain", "GET k\n", "(nil);"),
        ("plain", "*1\r\n$4\r\nPING\r\nGET k\n", "+PONG;$-1;"),
        ("resp", "GET k\n", "$-1;"),
        ("resp", "GET k\r\n", "$-1;"),
    ];
    for (mode, requests, replies) in cases {
        let mut rig = Rig::new();
        let (operator, id) = (rig.accept(), rig.accept());
        rig.talk(operator, &format!("CONFIG SET inline-replies {mode}\r\n"));
        assert_eq!(rig.talk(id, requests), replies, "{mode} {requests:?}");
    }
    let mut rig = Rig::new();
    let id = rig.accept();
    assert_eq!(rig.talk(id, "GET k\n"), "(nil);");
    assert!(rig.talk(id, "HELLO 3\n").starts_with("%7;"));
    assert_eq!(rig.talk(id, "GET k\n"), "_;");
    assert!(rig.talk(id, "HELLO 2\n").starts_with("*14;"));
    assert_eq!(rig.talk(id, "GET k\n"), "$-1;");
}

/// Goal: a client that looks at itself sees its request, as in Redis; others have nothing waiting.
#[test]
fn the_list_of_clients_shows_what_was_received() {
    let mut rig = Rig::new();
    let (id, _other) = (rig.accept(), rig.accept());
    let fields = |line: &str| {
        let start = line.find("qbuf=").unwrap();
        line[start..]
            .split(" multi-mem")
            .next()
            .unwrap()
            .to_string()
    };
    let list = rig.talk(id, "*2\r\n$6\r\nclient\r\n$4\r\nlist\r\n");
    let lines: Vec<String> = list
        .lines()
        .filter(|line| line.contains("qbuf="))
        .map(fields)
        .collect();
    assert_eq!(
        lines,
        [
            "qbuf=26 qbuf-free=0 argv-mem=10",
            "qbuf=0 qbuf-free=0 argv-mem=0"
        ]
    );
    let info = rig.talk(id, "CLIENT INFO\r\nPING\r\n");
    assert_eq!(fields(&info), "qbuf=19 qbuf-free=0 argv-mem=10");
}

#[test]
fn wishes_of_commands_are_handed_on_once() {
    let mut rig = Rig::new();
    let id = rig.accept();
    assert_eq!(
        rig.talk(id, "DEBUG SLEEP 0.5\r\nDEBUG SLEEP 0.25\r\nPING\r\n"),
        "+OK;",
        "what follows waits until the server has slept"
    );
    assert!(rig.node.has_to_stand_still());
    assert_eq!(rig.node.take_sleep_us(), 500_000);
    assert!(!rig.node.has_to_stand_still() && rig.node.take_sleep_us() == 0);
    assert_eq!(rig.talk(id, ""), "+OK;");
    assert_eq!(rig.node.take_sleep_us(), 250_000);
    assert_eq!(rig.talk(id, ""), "+PONG;");
    assert_eq!(rig.node.take_demands(), Demands::default());
    assert_eq!(rig.talk(id, "SHUTDOWN NOSAVE\r\n"), "");
    assert_eq!(rig.node.take_demands().shutdown, Some(Shutdown::NoSave));
}
