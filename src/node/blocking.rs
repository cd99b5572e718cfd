//! Clients that wait for keys: served when one is ready, told when their time is over.
//!
//! ```text
//!  Wait::Keys ─▶ held (KEYS), a timer ─┬─ a key is ready ─▶ served, in slices ─┐
//!                                      ├─ its time is over, CLIENT UNBLOCK ────┤
//!                                      └─ its connection ends ─▶ forgotten     └▶ goes on
//! ```
//!
//! Keys that a request has made ready are served right after it and before the next one. What is
//! too much for one slice is served in steps of the loop; meanwhile requests that name such a key
//! wait (`engine/claims.rs`), so nobody overtakes who waited before.
//!
//! Invariant: a connection is held by KEYS as long as its session has a blocked request.
//!
//! Not here: who comes first (`keyspace/interest/ready.rs`), executing requests
//! (`engine/blocking.rs`).

use super::connection::Holds;
use super::timers::Timer;
use super::{ConnectionId, Node};
use crate::base::clock::Timestamp;
use crate::engine::Served;

/// Clients that are looked at in one slice at most: some hundred microseconds.
pub(super) const SLICE_CLIENTS: usize = 256;

/// How far the ready keys are served.
#[derive(Debug, Default)]
pub(super) struct Serving {
    /// Ready keys are left for steps of the loop.
    has_rest: bool,
    /// What is left can't be served before a claim ends.
    is_held: bool,
}

impl Node {
    /// Holds the requests of a connection that is there until one of its keys is ready, or until
    /// this time on the monotonic clock.
    pub(super) fn wait_for_keys(&mut self, id: ConnectionId, until_ms: Option<u64>) {
        let connection = &mut self.clients[id];
        connection.holds.add(Holds::KEYS);
        let session = connection.session;
        if let Some(until_ms) = until_ms {
            let timer = self.set_timer(until_ms, Timer::Keys(id));
            let blocked = self.engine.session_mut(session).blocked.as_mut();
            blocked.expect("its request was kept").timer = Some(timer);
        }
    }

    /// Whether a connection waits for keys.
    pub fn waits_for_keys(&self, id: ConnectionId) -> bool {
        let connection = self.clients.get(id);
        connection.is_some_and(|connection| connection.holds.has(Holds::KEYS))
    }

    /// After requests were executed: serves the keys that they made ready, as far as one slice
    /// goes, and returns how many clients were looked at. What is left before is left still.
    #[inline]
    pub(super) fn serve_ready(&mut self, now: Timestamp) -> usize {
        if !self.engine.has_ready_keys() || self.serving.has_rest {
            return 0;
        }
        self.serve_slice(now)
    }

    /// Whether [`Node::serve_some`] has something to do.
    pub(super) fn has_keys_to_serve(&self, now: Timestamp) -> bool {
        let serving = &self.serving;
        let is_due = self.engine.has_ready_keys() || (serving.has_rest && !serving.is_held);
        is_due && self.engine.may_serve(now)
    }

    /// Serves some clients whose keys are ready; true if there is more to do now.
    #[inline]
    pub(super) fn serve_some(&mut self, now: Timestamp) -> bool {
        if !self.engine.has_unserved_keys() {
            return false;
        }
        self.serve_slice(now);
        self.has_keys_to_serve(now)
    }

    /// Claims have ended: what they held may be served.
    pub(super) fn serve_held(&mut self) {
        self.serving.is_held = false;
    }

    #[cold]
    fn serve_slice(&mut self, now: Timestamp) -> usize {
        let had_rest = self.serving.has_rest;
        let mut steps_left = SLICE_CLIENTS;
        let may_serve = self.engine.may_serve(now);
        if may_serve {
            while let Some(session) = self.engine.next_to_serve(now, &mut steps_left) {
                let link = self.engine.session(session).link;
                let id = link.map(ConnectionId::linked);
                self.serve_one(id.expect("only clients of connections wait"), now);
            }
        }
        self.engine.note_served(had_rest);
        self.serving.has_rest = self.engine.has_unserved_keys();
        self.serving.is_held = may_serve && self.serving.has_rest && steps_left > 0;
        if !may_serve && self.serving.has_rest {
            self.watch_pause_end();
        }
        SLICE_CLIENTS - steps_left
    }

    fn serve_one(&mut self, id: ConnectionId, now: Timestamp) {
        if self.clients[id].is_closing() {
            return self.forget_wait(id);
        }
        let output_bytes_max = self.output_bytes_max();
        let connection = &self.clients[id];
        let (session, shared_bytes) = (connection.session, connection.output.shared_len());
        let blocked = self.engine.session(session).blocked.as_ref();
        let timer = blocked.and_then(|blocked| blocked.timer);
        let engine = &mut self.engine;
        let served = self.clients.append_unhurried(id, |out, written_bytes| {
            let room_bytes = output_bytes_max.saturating_sub(shared_bytes);
            let ceiling_bytes = written_bytes.saturating_add(room_bytes);
            engine.serve(session, now, out, ceiling_bytes)
        });
        match served {
            Served::WaitsOn | Served::Held => return,
            Served::TooLarge => self.refuse_reply(id),
            Served::Answered => {}
        }
        self.cancel_timer(timer);
        self.carry_out_effects(id, now);
        self.go_on_after_wait(id);
    }

    /// The time of a client is over that it waits for keys.
    pub(super) fn end_wait_in_time(&mut self, id: ConnectionId, now: Timestamp) {
        self.unblock(id, false, now);
    }

    /// Ends a client's wait for keys, if it is there and waits, with an error or as if its time
    /// were over.
    pub(super) fn unblock(&mut self, id: ConnectionId, with_error: bool, now: Timestamp) {
        let connection = self.clients.get(id);
        let Some(connection) = connection.filter(|connection| !connection.is_closing()) else {
            return;
        };
        let session = connection.session;
        let Some(blocked) = self.engine.end_wait(session) else {
            return;
        };
        self.cancel_timer(blocked.timer);
        let engine = &mut self.engine;
        self.clients.append_unhurried(id, |out, _| {
            engine.answer_unserved(session, &blocked, with_error, now, out);
        });
        self.go_on_after_wait(id);
    }

    fn go_on_after_wait(&mut self, id: ConnectionId) {
        self.release(id, Holds::KEYS);
        self.note_buffers(id);
        self.clients.close_if_finished(id);
    }

    /// Ends the wait of a connection that is there and is to end, without an answer.
    pub(super) fn forget_wait(&mut self, id: ConnectionId) {
        let connection = &mut self.clients[id];
        connection.holds.remove(Holds::KEYS);
        if let Some(blocked) = self.engine.end_wait(connection.session) {
            self.cancel_timer(blocked.timer);
        }
    }
}
