//! Long reads: clients that wait while theirs goes on between the turns.
//!
//! ```text
//!  Wait::Steps ─▶ the row of Awaited::Step ─▶ one step ─▶ the row     more to do
//!                     ▲                          ├──────▶ parked      output above the mark
//!                     └──── written ◀────────────┘ (taken by the client)
//!                                                └──────▶ goes on     the reply is complete
//! ```
//!
//! Invariants: a reader stands in the row once or is parked; its connection executes nothing
//! meanwhile (`Holds::ANSWER`), so a client has one long read at a time, and all clients' take
//! steps in turn. An id in the row whose connection has ended is skipped.
//!
//! Not here: what is read (`command/`), how much time there is for it (`server/reactor.rs`).

use super::connection::{Holds, OUTPUT_MARK_BYTES};
use super::waiting::Awaited;
use super::{ConnectionId, Node};
use crate::base::clock::Timestamp;

impl Node {
    /// Whether a long read can go on.
    pub fn is_reading(&self) -> bool {
        // What another command does alone is not to be seen half done.
        self.waiting.has(Awaited::Step) && !self.has_job()
    }

    /// Whether a connection waits for something that is done for it, for room or for keys: its
    /// client's requests wait.
    pub fn is_waiting(&self, id: ConnectionId) -> bool {
        const WAITS: Holds = Holds::ANSWER.and(Holds::ROOM).and(Holds::KEYS);
        self.clients
            .get(id)
            .is_some_and(|connection| connection.holds.has(WAITS))
    }

    /// Goes one step on with the long read whose turn it is: some ten microseconds. Returns true if
    /// there is more to do.
    pub fn read_some(&mut self, now: Timestamp) -> bool {
        if self.has_job() {
            return false;
        }
        let Some(id) = self.waiting.pop(Awaited::Step) else {
            return false;
        };
        let is_open = self
            .clients
            .get(id)
            .is_some_and(|reader| !reader.is_closing());
        if is_open {
            self.step_reader(id, now);
        }
        self.is_reading()
    }

    fn step_reader(&mut self, id: ConnectionId, now: Timestamp) {
        if self.budget.is_short() && !self.may_take_more(id) {
            return;
        }
        let output_bytes_max = self.output_bytes_max();
        let (session, engine) = (self.clients[id].session, &mut self.engine);
        let is_complete = (self.clients).append_to(id, |out, _| engine.read_on(session, now, out));
        let connection = &mut self.clients[id];
        let long_read = &self.engine.session(session).long_read;
        let (held_bytes, is_broken) = (long_read.used_bytes(), long_read.is_broken());
        // What is held only shrinks once there is output of it, so nothing of it is out.
        if is_broken {
            self.engine.abandon_read(session);
            self.clients.close_soon(id);
        } else if held_bytes > output_bytes_max {
            self.engine.abandon_read(session);
            self.release(id, Holds::ANSWER);
            self.refuse_reply(id);
            self.deliver_kept(id);
        } else if is_complete {
            self.release(id, Holds::ANSWER);
            self.deliver_kept(id);
        } else if connection.output.len() >= OUTPUT_MARK_BYTES {
            connection.holds.add(Holds::READER);
        } else {
            self.waiting.push(Awaited::Step, id);
        }
        self.note_buffers(id);
    }

    /// Lets a reader go on whose client has taken enough of its output.
    #[cold]
    pub(super) fn unpark(&mut self, id: ConnectionId) {
        let connection = &mut self.clients[id];
        if connection.output.len() < OUTPUT_MARK_BYTES {
            connection.holds.remove(Holds::READER);
            self.waiting.push(Awaited::Step, id);
        }
    }
}
