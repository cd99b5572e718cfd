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

use crate::keyspace::Keyspace;
use crate::protocol::reply::ReplyWriter;

/// A read that goes on in steps. What it sees of the keyspace is of each step's moment.
pub trait LongRead: std::fmt::Debug + Send {
    /// Looks at a bounded number of keys, or appends a bounded part of the reply. Returns true
    /// when the reply is complete; then it must not be called again.
    fn step(&mut self, keyspace: &mut Keyspace, now_ms: u64, reply: &mut ReplyWriter<'_>) -> bool;

    /// Bytes held for the reply.
    fn used_bytes(&self) -> usize;
}
