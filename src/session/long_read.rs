//! Reads of so many keys that they are answered in slices of the loop, as KEYS is.
//!
//! ```text
//!  handler ─▶ Context::answer_in_steps ─┬─ may wait ─▶ Session::long_read ─▶ steps between turns
//!                                       └─ may not (EXEC, the library) ─▶ all steps at once
//!
//!  begin ─▶ step, step, … ─┬─ the reply is complete
//!                          └─ abandon: its client ends, its reply is too large, the cache ends
//! ```
//!
//! Invariants: a session has at most one long read, because it executes nothing while it waits for
//! it; the reply's bytes are appended in order and each step appends a bounded number of them. A
//! read comes to its end or is abandoned, one of the two and once; debug builds panic where
//! one is dropped instead, because what it holds in the keyspace would stay there.
//!
//! Cost: a step is some ten microseconds; the bytes held are counted as the client's.
//!
//! Not here: when steps are taken (`node/reading.rs`), what is read (the commands).

use crate::keyspace::Keyspace;
use crate::protocol::reply::ReplyWriter;

/// A read that goes on in steps. What it sees of the keyspace is of each step's moment.
pub trait LongRead: std::fmt::Debug + Send {
    /// Looks at a bounded number of keys, or appends a bounded part of the reply. Returns true
    /// when the reply is complete; then it must not be called again, and holds nothing more.
    fn step(&mut self, keyspace: &mut Keyspace, now_ms: u64, reply: &mut ReplyWriter<'_>) -> bool;

    /// Gives back what it holds in the keyspace. Called once for a read that ends before its reply
    /// is complete, and never for another; nothing is called after it.
    fn abandon(&mut self, _keyspace: &mut Keyspace) {}

    /// Whether the reply can't be completed any more, although a part of it is out: the client is
    /// closed then. To be asked after a step.
    fn is_broken(&self) -> bool {
        false
    }

    /// Bytes held for the reply.
    fn used_bytes(&self) -> usize;
}

/// The long read of a session, if one is under way.
#[derive(Debug, Default)]
pub struct ReadUnderWay(Option<Box<dyn LongRead>>);

impl ReadUnderWay {
    /// Whether there is one; its reply is still owed.
    #[inline]
    pub fn is_some(&self) -> bool {
        self.0.is_some()
    }

    /// Begins one; there must be none.
    pub fn begin(&mut self, read: Box<dyn LongRead>) {
        assert!(self.0.is_none(), "a session has one long read at a time");
        self.0 = Some(read);
    }

    /// Takes a step. Returns true when the reply is complete, or if there is no read.
    pub fn step(
        &mut self,
        keyspace: &mut Keyspace,
        now_ms: u64,
        reply: &mut ReplyWriter<'_>,
    ) -> bool {
        let is_complete = (self.0.as_mut()).is_none_or(|read| read.step(keyspace, now_ms, reply));
        if is_complete {
            self.0 = None;
        }
        is_complete
    }

    /// Ends the read, if there is one, without a reply.
    #[inline]
    pub fn abandon(&mut self, keyspace: &mut Keyspace) {
        if let Some(mut read) = self.0.take() {
            read.abandon(keyspace);
        }
    }

    /// Whether the client is to be closed, because the reply can't be completed.
    pub fn is_broken(&self) -> bool {
        self.0.as_ref().is_some_and(|read| read.is_broken())
    }

    /// Bytes held for the reply.
    #[inline]
    pub fn used_bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |read| read.used_bytes())
    }
}

impl Drop for ReadUnderWay {
    fn drop(&mut self) {
        debug_assert!(self.0.is_none(), "neither ended nor abandoned");
    }
}

#[cfg(test)]
mod tests {
    use super::super::fake_read::{FakeRead, Tally};
    use super::*;
    use crate::protocol::reply::Dialect;

    /// A read of two steps that is under way, and what becomes of it.
    fn begun() -> (ReadUnderWay, Tally) {
        let tally = Tally::default();
        let mut read = ReadUnderWay::default();
        read.begin(Box::new(FakeRead::of_steps(2, &tally)));
        (read, tally)
    }

    fn step(read: &mut ReadUnderWay, keyspace: &mut Keyspace) -> bool {
        let mut reply = Vec::new();
        let mut writer = ReplyWriter::new(&mut reply, Dialect::Resp2);
        read.step(keyspace, 0, &mut writer)
    }

    #[test]
    fn a_read_that_came_to_its_end_is_not_abandoned() {
        let mut keyspace = Keyspace::new(1, 7);
        let (mut read, tally) = begun();
        assert!(!step(&mut read, &mut keyspace));
        assert!(read.is_some());
        assert!(step(&mut read, &mut keyspace));
        assert!(!read.is_some());
        assert!(step(&mut read, &mut keyspace), "nothing is owed");
        read.abandon(&mut keyspace);
        assert_eq!((tally.steps(), tally.abandoned()), (2, 0));
    }

    #[test]
    fn a_read_is_abandoned_once() {
        let mut keyspace = Keyspace::new(1, 7);
        let (mut read, tally) = begun();
        assert!(!step(&mut read, &mut keyspace));
        read.abandon(&mut keyspace);
        read.abandon(&mut keyspace);
        assert!(!read.is_some());
        assert_eq!((tally.steps(), tally.abandoned()), (1, 1));
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "neither ended nor abandoned")]
    fn a_read_that_is_forgotten_is_noticed() {
        drop(begun());
    }
}
