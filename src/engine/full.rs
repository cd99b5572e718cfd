//! Writes that would add to a collection which has as many elements as one can have: refused.
//!
//! Trees count in 32 bits what stands below a node. So a collection is full some millions before
//! that, more than one request can add, and whatever may add to it is refused from then on.
//!
//! Cost: one comparison while no collection has ever been full.
//!
//! Not here: how many those are (`keyspace/collections.rs`), unions
//! (`command/long_work/several.rs`).

use crate::command::declare::spec::{CommandSpec, Flags};
use crate::context::Context;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;

/// Whether a command may add elements.
fn may_add(spec: &CommandSpec) -> bool {
    // Those of streams add to what is pending, and Redis lets them run without memory.
    let adds_pending = matches!(spec.name, "xreadgroup" | "xclaim" | "xautoclaim");
    spec.flags.has(Flags::DENY_OOM) || adds_pending
}

/// Refuses a request that may add to a full collection.
///
/// # Errors
/// [`ReplyError::FULL`].
#[inline]
pub(super) fn check(
    context: &Context<'_>,
    spec: &CommandSpec,
    args: Args<'_>,
) -> Result<(), ReplyError> {
    if context.keyspace.has_full_collections() && may_add(spec) {
        return check_keys(context, spec, args);
    }
    Ok(())
}

#[cold]
fn check_keys(context: &Context<'_>, spec: &CommandSpec, args: Args<'_>) -> Result<(), ReplyError> {
    let (database, now_ms) = (context.database(), context.now_ms());
    let mut keys = spec.keys.find(args).into_iter().flatten();
    let names_full = keys.any(|(index, _)| {
        let key = context.keyspace.key(args.get(index));
        context.keyspace.is_full(database, key, now_ms)
    });
    match names_full {
        true => Err(ReplyError::FULL),
        false => Ok(()),
    }
}
