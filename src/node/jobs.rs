//! The command that has the keyspace to itself: its steps between the turns, and who waits for it.
//!
//! ```text
//!  Stop::Suspended ─▶ the row of Awaited::Job (one client) ─▶ steps ─▶ the reply ─▶ it goes on
//!  Stop::Shut ──────▶ the row of Awaited::JobEnd ─┬─ the job has ended ─▶ they try again
//!                                                 └─ it is overdue ─────▶ they try again: BUSY
//! ```
//!
//! Invariant: while there is a job, no long read takes a step and no snapshot begins, because both
//! would see what is half done; a snapshot that is under way goes on.
//!
//! Not here: the steps (`engine/jobs.rs`), how much time there is for them (`server/scheduler/`).

use super::connection::Holds;
use super::waiting::Awaited;
use super::{ConnectionId, Node};
use crate::base::clock::Timestamp;

/// A longer reply is not copied where there is nothing before it.
const COPIED_BYTES_MAX: usize = 64 * 1024;

fn append_reply(out: &mut Vec<u8>, reply: Vec<u8>) {
    if out.is_empty() && reply.len() > COPIED_BYTES_MAX {
        *out = reply;
    } else {
        out.extend_from_slice(&reply);
    }
}

impl Node {
    /// Whether a command has the keyspace to itself.
    #[inline]
    pub fn has_job(&self) -> bool {
        self.engine.has_job()
    }

    /// Goes one step on with it: about a tenth of a millisecond.
    pub fn job_some(&mut self, now: Timestamp) {
        if self.engine.is_job_overdue(now) && self.waiting.has(Awaited::JobEnd) {
            self.release_all(Awaited::JobEnd);
        }
        let output_bytes_max = self.output_bytes_max();
        let Some(ended) = self.engine.job_on(now, output_bytes_max) else {
            return;
        };
        if let Some(id) = self.waiting.pop(Awaited::Job)
            && !ended.is_orphan
            && self.clients.get(id).is_some()
        {
            self.clients
                .append_to(id, |out, _| append_reply(out, ended.reply));
            self.release(id, Holds::ANSWER);
            if ended.is_over {
                self.refuse_reply(id);
            }
            self.deliver_kept(id);
            self.carry_out_effects(id, now);
            if let Some(connection) = self.clients.get(id) {
                if connection.output.len() >= self.output_floor_bytes {
                    self.check_output(id);
                }
                self.note_buffers(id);
            }
        }
        if !self.monitors.is_empty() {
            self.post_to_monitors();
        }
        self.release_all(Awaited::JobEnd);
        self.begin_scheduled(now);
    }

    /// Ends it before its end, because the server ends. False if the keyspace is not to be saved:
    /// half of what it does is done.
    pub fn abandon_job(&mut self) -> bool {
        self.engine.abandon_job()
    }

    /// Lets a client wait whose command goes on as a job.
    pub(super) fn wait_for_job(&mut self, id: ConnectionId) {
        self.wait_for(id, Awaited::Job);
    }
}
