//! A request that goes on later, with what it has replied so far.
//!
//! Not here: what it goes on with (`jobs.rs`, `portions.rs`, `steps.rs`).

use crate::command::call::Resolved;
use crate::context::Context;
use crate::context::job::{Job, Underway};
use crate::protocol::args::{Args, OwnedArgs};
use crate::protocol::reply::Dialect;

/// Whether a request may go on later: its client can wait, there is no other, and what it replies
/// is the protocol's.
#[inline]
pub(super) fn may_suspend(context: &Context<'_>) -> bool {
    context.may_wait && context.job.is_none() && context.reply.dialect() != Dialect::Plain
}

/// Takes the reply that begins at `begin` back, and makes a job of the request, with nothing yet to
/// go on with.
pub(super) fn suspend(
    context: &mut Context<'_>,
    command: Resolved,
    args: Args<'_>,
    begin: usize,
    begin_ns: u64,
) -> Job {
    let is_over = context.reply.is_over();
    let reply = match is_over {
        true => Vec::new(),
        false => context.reply.since(begin).to_vec(),
    };
    context.reply.truncate_to(begin);
    Job {
        session: context.key,
        is_orphan: false,
        outer: Underway {
            command: command.number,
            args: OwnedArgs::copy(args),
            spent_ns: context.timing.elapsed_ns(begin_ns),
        },
        queue: Vec::new(),
        script: None,
        portions: None,
        steps: None,
        reply,
        is_over,
        now: context.now,
        is_done: false,
    }
}
