//! A long read that reads nothing and counts what is done with it, for tests.
//!
//! Not here: the tests (`long_read.rs`, `engine/tests/long_reads.rs`, `node/tests/abandoning.rs`).

use super::long_read::LongRead;
use crate::keyspace::Keyspace;
use crate::protocol::reply::ReplyWriter;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// What became of a [`FakeRead`], for its test to look at; clones are one tally.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(Arc<[AtomicUsize; 2]>);

impl Tally {
    /// Steps that were taken.
    pub(crate) fn steps(&self) -> usize {
        self.0[0].load(Relaxed)
    }

    /// How often it was abandoned.
    pub(crate) fn abandoned(&self) -> usize {
        self.0[1].load(Relaxed)
    }
}

/// A read of a number of steps. Its reply is a simple string, which the last step writes.
#[derive(Debug)]
pub(crate) struct FakeRead {
    steps_left: usize,
    held_bytes: usize,
    tally: Tally,
}

impl FakeRead {
    /// A read that is complete after so many steps.
    pub(crate) fn of_steps(count: usize, tally: &Tally) -> Self {
        Self {
            steps_left: count,
            held_bytes: 0,
            tally: tally.clone(),
        }
    }

    /// The same, which says that it holds so many bytes of its reply.
    pub(crate) fn holding(self, held_bytes: usize) -> Self {
        Self { held_bytes, ..self }
    }
}

impl LongRead for FakeRead {
    fn step(&mut self, _: &mut Keyspace, _: u64, reply: &mut ReplyWriter<'_>) -> bool {
        assert_eq!(self.tally.abandoned(), 0, "no step follows");
        self.tally.0[0].fetch_add(1, Relaxed);
        self.steps_left -= 1;
        if self.steps_left == 0 {
            reply.simple("READ");
        }
        self.steps_left == 0
    }

    fn abandon(&mut self, _: &mut Keyspace) {
        self.tally.0[1].fetch_add(1, Relaxed);
    }

    fn used_bytes(&self) -> usize {
        self.held_bytes
    }
}
