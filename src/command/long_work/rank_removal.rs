//! The removal of a range of ranks from a sorted set.
//!
//! Not here: which ranks (`command/sorted_sets/remove.rs`), how a change takes steps
//! (`in_place.rs`).

use super::in_place::{ChangeInPlace, change_in_place};
use crate::command::declare::spec::Outcome;
use crate::context::Context;
use crate::keyspace::{Changed, Event, Key, Keyspace, Memory, Missing};
use crate::value::kind::WrongType;
use crate::value::sorted_set::{SortedSet, SortedSetRef};
use std::ops::Range;

/// Removes the members whose ranks `ranks_of` tells, and replies how many.
///
/// # Errors
/// WRONGTYPE.
pub(in crate::command) fn remove_ranks(
    context: &mut Context<'_>,
    key: Key<'_>,
    ranks_of: impl FnOnce(&SortedSetRef<'_, Memory>) -> Range<u64>,
    event: Event,
) -> Outcome {
    let (database, now_ms) = (context.database(), context.now_ms());
    let set = context.keyspace.peek::<SortedSet>(database, key, now_ms)?;
    let ranks = set.as_ref().map_or(0..0, ranks_of);
    let count = ranks.end - ranks.start;
    // What is packed moves 4 KiB, and all of a set is dropped as a whole.
    let is_short = set.is_none_or(|set| set.ordered().is_packed() || set.len() == count);
    let removal = RankRemoval {
        left: ranks,
        is_short,
        count,
        event,
    };
    change_in_place(context, key, removal);
    Ok(())
}

#[derive(Debug)]
struct RankRemoval {
    /// Ranks of those that are still to go.
    left: Range<u64>,
    /// It takes no steps, however many there are.
    is_short: bool,
    count: u64,
    event: Event,
}

impl ChangeInPlace for RankRemoval {
    const STEP_COUNT: u64 = 256;

    fn go_on(
        &mut self,
        keyspace: &mut Keyspace,
        (database, key): (usize, Key<'_>),
        count_max: u64,
        now_ms: u64,
    ) -> bool {
        if self.left.is_empty() {
            return true;
        }
        let count_max = if self.is_short { u64::MAX } else { count_max };
        let begin = self.left.end - (self.left.end - self.left.start).min(count_max);
        let ranks = begin..self.left.end;
        let is_last = begin == self.left.start;
        let mut mutation = keyspace.mutate(database, now_ms);
        let outcome = mutation.change::<SortedSet, _, WrongType>(key, Missing::Skip, |set| {
            set.remove_ranks(ranks);
            Ok(Changed::when(is_last, self.event, ()))
        });
        self.left.end = begin;
        is_last || !outcome.is_ok_and(|removed| removed.is_some())
    }

    fn answer(&self) -> u64 {
        self.count
    }
}
