//! How many bytes a request's reply may take: asked before it is executed, while room is short.
//!
//! ```text
//!  a command on keys      what their values take         GET, MGET, GETDEL, and SET for its GET
//!  EXEC                   the sum over its queue
//!  KEYS                   nobody knows: all
//!  others                 so much for each argument       COMMAND DOCS, CONFIG GET, INFO
//! ```
//!
//! It is a guess from above for all that is large: a command that only looks at a large value waits
//! as one does that fetches it. A reply that is larger nevertheless meets the ceiling of its
//! writer.
//!
//! Cost: a lookup for each key; asked of nobody while there is room.
//!
//! Not here: how much room there is (`node/budget.rs`), the ceiling (`protocol/reply.rs`).

use crate::command::call::resolve;
use crate::command::declare::names::CommandNames;
use crate::command::declare::spec::{CommandSpec, Flags};
use crate::command::declare::table::table;
use crate::context::Context;
use crate::protocol::args::Args;

/// What an argument of a command without keys may add to its reply, in bytes: the longest that
/// COMMAND DOCS has to say about one command is of this order.
const ARGUMENT_REPLY_BYTES: usize = 4 * 1024;

/// The bytes that the reply of a request may take, about.
#[cold]
pub(super) fn expected_reply_bytes(
    context: &Context<'_>,
    names: &CommandNames,
    args: Args<'_>,
) -> usize {
    let Ok(command) = resolve(names, args) else {
        return 0;
    };
    let transaction = &context.sessions.get(context.key).transaction;
    if !transaction.is_open() {
        return of_command(context, command.spec, args);
    }
    if !command.spec.flags.has(Flags::RUNS_QUEUE) {
        // It is queued.
        return 0;
    }
    transaction
        .queued()
        .iter()
        .map(|queued| of_command(context, table().spec(queued.command), queued.args.args()))
        .fold(0, usize::saturating_add)
}

fn of_command(context: &Context<'_>, spec: &CommandSpec, args: Args<'_>) -> usize {
    if spec.flags.has(Flags::LARGE_REPLY) {
        return usize::MAX;
    }
    let Some(keys) = spec.keys.find(args) else {
        return args.len().saturating_mul(ARGUMENT_REPLY_BYTES);
    };
    let (database, now_ms) = (context.database(), context.now_ms());
    keys.filter_map(|(index, _)| {
        let key = context.keyspace.key(args.get(index));
        context.keyspace.find(database, key, now_ms)
    })
    .map(|entry| context.keyspace.key_bytes(entry))
    .sum()
}
