//! Long reads whose client ends: each is abandoned once, so that it gives back what it holds in the
//! keyspace.
//!
//! Method: a read that counts is put where a command would leave one, and its client is ended in
//! every way there is.

use super::*;
use crate::config::{MemoryLimit, MemoryShare};
use crate::engine::Expire;
use crate::node::waiting::Awaited;
use crate::session::fake_read::{FakeRead, Tally};

const MIB: usize = 1 << 20;
/// More steps than are taken here.
const ENDLESS: usize = 1_000_000;

impl Rig {
    /// Lets a client wait for a read, and takes the first step.
    fn begin_read(&mut self, id: ConnectionId, read: FakeRead) {
        let session = self.connection(id).session;
        let session = self.node.engine.session_mut(session);
        session.long_read.begin(Box::new(read));
        self.node.wait_for(id, Awaited::Step);
        self.node.read_some(self.now);
    }

    /// Ends a client by others' word.
    fn kill(&mut self, id: ConnectionId) {
        let number = self.node.engine.session(self.connection(id).session).id;
        let other = self.accept();
        let request = format!("CLIENT KILL ID {number}\r\n");
        self.read_once(other, request.as_bytes());
        assert_eq!(self.take(other), ":1;");
    }
}

/// A server whose client has taken one step of an endless read.
fn rig_with_reader(change: impl FnOnce(&mut Config)) -> (Rig, ConnectionId, Tally) {
    let (mut rig, tally) = (Rig::with(change), Tally::default());
    let id = rig.accept();
    rig.begin_read(id, FakeRead::of_steps(ENDLESS, &tally));
    assert_eq!((tally.steps(), tally.abandoned()), (1, 0));
    (rig, id, tally)
}

/// The client of a read is gone: nothing more happens to it, to the end of the server.
fn is_over(mut rig: Rig, id: ConnectionId, tally: &Tally) {
    assert_eq!(tally.abandoned(), 1);
    assert!(rig.node.clients.get(id).is_none());
    while rig.node.read_some(rig.now) {}
    rig.node.closed(id);
    drop(rig);
    assert_eq!((tally.steps(), tally.abandoned()), (1, 1));
}

#[test]
fn a_socket_that_is_closed_abandons_the_read() {
    let (mut rig, id, tally) = rig_with_reader(|_| ());
    rig.node.closed(id);
    is_over(rig, id, &tally);
}

#[test]
fn a_kill_abandons_the_read() {
    let (mut rig, id, tally) = rig_with_reader(|_| ());
    rig.kill(id);
    assert_eq!(rig.close_listed(), [id]);
    is_over(rig, id, &tally);
}

#[test]
fn the_end_of_the_server_abandons_the_read() {
    let (rig, _, tally) = rig_with_reader(|_| ());
    drop(rig);
    assert_eq!((tally.steps(), tally.abandoned()), (1, 1));
}

#[test]
fn the_limit_of_output_abandons_the_read() {
    let (mut rig, id, tally) = rig_with_reader(|config| {
        config.client_output_buffer_limit.normal.hard_bytes = MIB as u64;
    });
    (rig.node.clients).append_to(id, |out, _| out.resize(2 * MIB, b'x'));
    rig.node.check_output(id);
    assert_eq!(tally.abandoned(), 1, "before its socket is closed");
    assert_eq!(rig.close_listed(), [id]);
    is_over(rig, id, &tally);
}

#[test]
fn the_soft_limit_of_output_abandons_the_read_when_its_time_is_up() {
    let (mut rig, id, tally) = rig_with_reader(|config| {
        config.client_output_buffer_limit.normal.soft_bytes = 1000;
        config.client_output_buffer_limit.normal.soft_seconds = 10;
    });
    // Its client takes nothing, so the read waits.
    (rig.node.clients).append_to(id, |out, _| out.resize(OUTPUT_MARK_BYTES, b'x'));
    rig.node.read_some(rig.now);
    assert_eq!(tally.steps(), 2);
    rig.node.check_output(id);
    rig.advance_ms(9_000);
    assert_eq!(tally.abandoned(), 0);
    rig.advance_ms(2_000);
    assert_eq!(tally.abandoned(), 1, "before its socket is closed");
    assert_eq!(rig.close_listed(), [id]);
    drop(rig);
    assert_eq!((tally.steps(), tally.abandoned()), (2, 1));
}

#[test]
fn the_budget_of_clients_abandons_the_read_of_whom_it_closes() {
    let (mut rig, id, tally) = rig_with_reader(|_| ());
    rig.node.close_for_memory(id);
    assert_eq!(tally.abandoned(), 1, "before its socket is closed");
    rig.take(id);
    assert_eq!(rig.close_listed(), [id]);
    is_over(rig, id, &tally);
}

#[test]
fn a_reply_that_grows_too_large_abandons_the_read_and_its_client_goes_on() {
    let mut rig = Rig::with(|config| {
        config.maxmemory = MemoryLimit::Bytes(100 * MIB as u64);
        config.maxmemory_clients = MemoryShare::Bytes(4 * MIB as u64);
    });
    let (id, tally) = (rig.accept(), Tally::default());
    let held_bytes = rig.node.output_bytes_max() + 1;
    rig.begin_read(id, FakeRead::of_steps(ENDLESS, &tally).holding(held_bytes));
    assert_eq!((tally.steps(), tally.abandoned()), (1, 1));
    assert!(rig.take(id).starts_with("-OOM "));
    assert_eq!(rig.talk(id, "PING\r\n"), "+PONG;");
    rig.node.closed(id);
    assert_eq!(tally.abandoned(), 1);
}

/// Neither ends the read, so nothing is to be abandoned.
#[test]
fn the_end_of_input_and_quit_let_a_read_come_to_its_end() {
    for is_quit in [false, true] {
        let (mut rig, tally) = (Rig::new(), Tally::default());
        let id = rig.accept();
        rig.begin_read(id, FakeRead::of_steps(3, &tally));
        if is_quit {
            assert_eq!(
                rig.read_once(id, b"QUIT\r\n"),
                0,
                "it is not read meanwhile"
            );
        } else {
            rig.node.end_of_input(id);
        }
        while rig.node.read_some(rig.now) {}
        if is_quit {
            assert_eq!(rig.talk(id, "QUIT\r\n"), "+READ;+OK;");
        } else {
            assert_eq!(rig.take(id), "+READ;");
        }
        assert_eq!(rig.close_listed(), [id]);
        assert_eq!((tally.steps(), tally.abandoned()), (3, 0));
    }
}

#[test]
fn an_idle_time_does_not_end_a_client_that_waits_for_its_read() {
    let (mut rig, id, tally) = rig_with_reader(|config| config.timeout_seconds = 10);
    // Its read can't go on, because the client takes nothing.
    (rig.node.clients).append_to(id, |out, _| out.resize(OUTPUT_MARK_BYTES, b'x'));
    rig.node.read_some(rig.now);
    rig.advance_ms(60_000);
    assert_eq!((rig.close_listed(), tally.abandoned()), (vec![], 0));
    rig.node.closed(id);
    assert_eq!((tally.steps(), tally.abandoned()), (2, 1));
}

/// All the reads that there are drop nothing that they hold: debug builds would panic.
#[test]
fn the_reads_of_commands_may_be_ended_anywhere() {
    for steps in 0..20 {
        let mut rig = Rig::new();
        for number in 0..11_000 {
            let key = format!("key:{number:08}");
            (rig.node.engine_mut())
                .set(key.as_bytes(), b"v", Expire::Never)
                .expect("there is room");
        }
        let id = rig.accept();
        rig.read_once(id, b"KEYS *\r\n");
        for _ in 0..steps {
            rig.node.read_some(rig.now);
        }
        assert!(rig.node.is_reading());
        if steps % 2 == 0 {
            rig.node.closed(id);
        }
    }
}
