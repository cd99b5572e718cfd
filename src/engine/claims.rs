//! Which requests wait while keys are claimed by long commands, or have clients to be served who
//! waited for them.
//!
//! ```text
//!  names a claimed key ─────────────────────────────▶ waits
//!  changes keys without naming any: FLUSHALL, …  ───▶ waits
//!  EXEC ─▶ the same of each queued command
//! ```
//!
//! Inside MULTI commands are queued, whatever they name.
//!
//! Not here: who claims keys (`command/long_work`), who waits for the end (`node/waiting.rs`).

use super::CacheEngine;
use crate::command::call::Resolved;
use crate::command::declare::spec::{CommandSpec, Flags};
use crate::command::declare::table::table;
use crate::context::Context;
use crate::protocol::args::Args;

impl CacheEngine {
    /// Whether requests that waited for claimed keys should be tried again.
    pub fn has_ended_claims(&self) -> bool {
        self.keyspace.has_ended_claims()
    }

    /// As [`CacheEngine::has_ended_claims`], once for all claims that have ended.
    pub fn take_ended_claims(&mut self) -> bool {
        self.keyspace.take_ended_claims()
    }
}

/// Whether a request must wait because of what is claimed. O(keys it names).
#[cold]
pub(super) fn hold(context: &Context<'_>, args: Args<'_>, command: Resolved) -> bool {
    let transaction = &context.sessions.get(context.key).transaction;
    if !transaction.is_open() {
        return concerns(context, command.spec, args);
    }
    if !command.spec.flags.has(Flags::RUNS_QUEUE) {
        return false;
    }
    let mut queued = transaction.queued().iter();
    queued.any(|queued| concerns(context, table().spec(queued.command), queued.args.args()))
}

/// Whether a long command is at work on a key that a request names which waited for keys.
#[cold]
pub(super) fn is_at_work(context: &Context<'_>, spec: &CommandSpec, args: Args<'_>) -> bool {
    let mut keys = spec.keys.find(args).into_iter().flatten();
    keys.any(|(index, _)| context.keyspace.is_at_work_on(args.get(index)))
}

fn concerns(context: &Context<'_>, spec: &CommandSpec, args: Args<'_>) -> bool {
    if let Some(mut keys) = spec.keys.find(args) {
        return keys.any(|(index, _)| context.keyspace.is_claimed(args.get(index)));
    }
    // DEBUG may load everything anew.
    spec.flags.has(Flags::WRITE) || spec.name == "debug"
}
