//! Walking the keys of one request.
//!
//! Keys are hashed a group at a time and their bucket and entry lines prefetched before the first
//! of the group is used, so that the memory latency of one request's keys overlaps, too.

use crate::keyspace::Key;
use crate::protocol::args::Args;
use crate::session::Context;
use std::ops::Range;

/// How many keys are prefetched together: about as many cache misses as a core has in flight.
const PREFETCH_GROUP: usize = 16;

/// Calls `each` with the index and the hashed key of every `step`-th argument in `range`, a
/// prefetched group at a time.
pub(super) fn for_each_key<'k>(
    context: &mut Context<'_>,
    args: Args<'k>,
    range: Range<usize>,
    step: usize,
    mut each: impl FnMut(&mut Context<'_>, usize, Key<'k>),
) {
    let database = context.database();
    let mut group = Vec::with_capacity(PREFETCH_GROUP);
    let mut indexes = range.step_by(step).peekable();
    while indexes.peek().is_some() {
        group.clear();
        for index in indexes.by_ref().take(PREFETCH_GROUP) {
            let key = context.key(args, index);
            context.keyspace.prefetch_bucket(database, key.hash());
            group.push((index, key));
        }
        for &(_, key) in &group {
            context.keyspace.prefetch_entry(database, key.hash());
        }
        for &(index, key) in &group {
            each(context, index, key);
        }
    }
}
