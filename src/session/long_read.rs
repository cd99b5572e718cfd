//! Reads of so many keys that they are answered in slices of the loop, as KEYS is.
//!
//! ```text
//!  handler ─▶ Context::answer_in_steps ─┬─ may wait ─▶ Session::long_read ─▶ steps between turns
//!                                       └─ may not (EXEC, the library) ─▶ all steps at once
//! ```
//!
//! Invariants: a session has at most one long read, because it executes nothing while it waits for
//! it; the reply's bytes are appended in order and each step appends a bounded number of them.
//! The session ends, and with it the read.
//!
//! Cost: a step is some ten microseconds; the bytes held are counted as the client's.
//!
//! Not here: when steps are taken (`node/reading.rs`), what is read (the commands).

use super::{Context, ReplyMode};
use crate::keyspace::Keyspace;
use crate::protocol::reply::ReplyWriter;
use crate::session::outbox::Effect;

/// A read that goes on in steps. What it sees of the keyspace is of each step's moment.
pub trait LongRead: std::fmt::Debug + Send {
    /// Looks at a bounded number of keys, or appends a bounded part of the reply. Returns true
    /// when the reply is complete; then it must not be called again.
    fn step(&mut self, keyspace: &mut Keyspace, now_ms: u64, reply: &mut ReplyWriter<'_>) -> bool;

    /// Bytes held for the reply.
    fn used_bytes(&self) -> usize;
}

impl Context<'_> {
    /// Answers the present request by all steps of a read at once.
    pub fn answer_at_once(&mut self, mut read: impl LongRead) {
        let now_ms = self.now_ms();
        while !read.step(self.keyspace, now_ms, &mut self.reply) {}
    }

    /// Answers the present request by a read that takes long: in slices of the loop where the
    /// client can wait, else at once.
    pub fn answer_in_steps(&mut self, read: impl LongRead + 'static) {
        if !self.may_wait {
            return self.answer_at_once(read);
        }
        let session = self.session();
        // A reply that nobody wants is not worth a walk.
        if matches!(session.reply_mode, ReplyMode::On | ReplyMode::SkipNext) {
            session.long_read = Some(Box::new(read));
            self.outbox.push(Effect::LongRead);
        }
    }
}
