//! A copy of a large collection, block by block.
//!
//! Not here: COPY (`command/generic/renaming.rs`).

use super::build::{Builder, STEP_BYTES, Target, build};
use crate::context::Context;
use crate::keyspace::{FrozenId, Key, Keyspace, WorkId};

/// From this many bytes on a collection is copied in slices.
const LONG_BYTES_MIN: usize = 128 * 1024;

/// Whether the value of a key takes so long to be copied that others should not wait for it.
pub(in crate::command) fn is_long_to_copy(context: &Context<'_>, key: Key<'_>) -> bool {
    let (database, now_ms) = (context.database(), context.now_ms());
    let entry = context.keyspace.find(database, key, now_ms);
    entry.is_some_and(|entry| {
        let is_large = entry.value_bytes() < LONG_BYTES_MIN;
        is_large && context.keyspace.key_bytes(entry) >= LONG_BYTES_MIN
    })
}

/// Copies a collection that is long to copy in slices.
pub(in crate::command) fn copy_in_steps(
    context: &mut Context<'_>,
    source: Key<'_>,
    target: Target,
) {
    let (database, now_ms) = (context.database(), context.now_ms());
    let kind = context.keyspace.find(database, source, now_ms);
    let kind = kind.expect("what is long to copy is there").kind();
    let frozen = context.keyspace.freeze(database, source, now_ms);
    let frozen = frozen.expect("what is long to copy is large");
    let work = context.keyspace.begin_copy(frozen, kind);
    build(context, target, work, Copying { frozen });
}

#[derive(Debug)]
struct Copying {
    frozen: FrozenId,
}

impl Builder for Copying {
    fn step(&mut self, keyspace: &mut Keyspace, work: WorkId, _: u64) -> bool {
        keyspace.copy_some(self.frozen, work, STEP_BYTES)
    }

    fn release(&mut self, keyspace: &mut Keyspace) {
        keyspace.thaw(self.frozen);
    }
}
