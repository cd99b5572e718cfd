//! Walking the keys of one request.
//!
//! Keys are hashed a group at a time and their bucket and entry lines prefetched before the first
//! of the group is used, so that the memory latency of one request's keys overlaps, too.

use crate::context::Context;
use crate::keyspace::{Key, PREFETCH_GROUP_MAX};
use crate::protocol::args::Args;
use arrayvec::ArrayVec;
use std::ops::Range;

/// Calls `each` with the index and the hashed key of every `step`-th argument in `range`, a
/// prefetched group at a time.
pub(in crate::command) fn for_each_key<'k>(
    context: &mut Context<'_>,
    args: Args<'k>,
    range: Range<usize>,
    step: usize,
    mut each: impl FnMut(&mut Context<'_>, usize, Key<'k>),
) {
    if range.len() == 1 {
        // There is nothing to overlap it with.
        let key = context.key(args, range.start);
        return each(context, range.start, key);
    }
    let database = context.database();
    let mut group: ArrayVec<(usize, Key<'k>), PREFETCH_GROUP_MAX> = ArrayVec::new();
    let mut indexes = range.step_by(step).peekable();
    while indexes.peek().is_some() {
        group.clear();
        for index in indexes.by_ref().take(PREFETCH_GROUP_MAX) {
            group.push((index, context.key(args, index)));
        }
        let keys = group.iter_mut().map(|(_, key)| key);
        context.keyspace.prefetch(database, keys);
        for &(index, key) in &group {
            each(context, index, key);
        }
    }
}
