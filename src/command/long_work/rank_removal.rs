//! The removal of a range of ranks from a large sorted set: at once if it is short, else in slices
//! while the key is claimed.
//!
//! A snapshot begins before or after it, and if the client ends meanwhile, the rest is done at
//! once.
//!
//! Not here: which ranks (`command/sorted_sets/remove.rs`).

use super::build::may_take_steps;
use crate::context::Context;
use crate::keyspace::{Changed, Event, Key, Keyspace, Memory, Missing};
use crate::protocol::error::ReplyError;
use crate::protocol::reply::ReplyWriter;
use crate::session::long_read::LongRead;
use crate::value::kind::WrongType;
use crate::value::sorted_set::{SortedSet, SortedSetRef};
use std::ops::Range;

/// Members that a step removes: some hundred microseconds. No more are removed at once.
const STEP_COUNT: u64 = 256;

/// Removes the members whose ranks `ranks_of` tells, and replies how many.
///
/// # Errors
/// WRONGTYPE.
pub(in crate::command) fn remove_ranks(
    context: &mut Context<'_>,
    key: Key<'_>,
    ranks_of: impl FnOnce(&SortedSetRef<'_, Memory>) -> Range<u64>,
    event: Event,
) -> Result<(), ReplyError> {
    let (database, now_ms) = (context.database(), context.now_ms());
    let set = context.keyspace.peek::<SortedSet>(database, key, now_ms)?;
    let ranks = set.as_ref().map_or(0..0, ranks_of);
    let count = ranks.end - ranks.start;
    // What is packed moves 4 KiB, and all of a set is dropped as a whole.
    let is_short = set.is_none_or(|set| set.ordered().is_packed() || set.len() == count);
    let mut job = RankRemoval {
        place: (database, key.bytes.into()),
        left: ranks,
        count,
        event,
    };
    if count > STEP_COUNT && !is_short && may_take_steps(context) {
        context.keyspace.claim(database, key.bytes);
        context.keyspace.begin_change_in_place();
        context.answer_in_steps(job);
    } else {
        job.go_on(context.keyspace, u64::MAX, now_ms);
        context.reply.integer(count as i64);
    }
    Ok(())
}

#[derive(Debug)]
struct RankRemoval {
    place: (usize, Box<[u8]>),
    /// Ranks of those that are still to go.
    left: Range<u64>,
    count: u64,
    event: Event,
}

impl RankRemoval {
    /// Removes some; true at the end, and if the set is not there any more.
    fn go_on(&mut self, keyspace: &mut Keyspace, count_max: u64, now_ms: u64) -> bool {
        if self.left.is_empty() {
            return true;
        }
        let (database, key) = &self.place;
        let key = keyspace.key(key);
        let begin = self.left.end - (self.left.end - self.left.start).min(count_max);
        let ranks = begin..self.left.end;
        let is_last = begin == self.left.start;
        let mut mutation = keyspace.mutate(*database, now_ms);
        let outcome = mutation.change::<SortedSet, _, WrongType>(key, Missing::Skip, |set| {
            set.remove_ranks(ranks);
            Ok(Changed::when(is_last, self.event, ()))
        });
        self.left.end = begin;
        is_last || !outcome.is_ok_and(|removed| removed.is_some())
    }

    fn end(&self, keyspace: &mut Keyspace) {
        let (database, key) = &self.place;
        keyspace.end_change_in_place();
        keyspace.unclaim(*database, key);
    }
}

impl LongRead for RankRemoval {
    fn step(&mut self, keyspace: &mut Keyspace, now_ms: u64, reply: &mut ReplyWriter<'_>) -> bool {
        let is_over = self.go_on(keyspace, STEP_COUNT, now_ms);
        if is_over {
            self.end(keyspace);
            reply.integer(self.count as i64);
        }
        is_over
    }

    fn abandon(&mut self, keyspace: &mut Keyspace) {
        // A part of it would be neither before nor after the command.
        self.go_on(keyspace, u64::MAX, 0);
        self.end(keyspace);
    }

    fn used_bytes(&self) -> usize {
        size_of::<Self>()
    }
}
