//! Requests that go on in steps of their own, with the keyspace to themselves.
//!
//! ```text
//!  request ─▶ does it take long? ─▶ first step ─┬─ an error, or all of it ─▶ the reply
//!                                               └─ Job ─▶ step, step, … ─┬─▶ the reply
//!                                                                        └─▶ a long read tells it
//! ```
//!
//! For what can't be said as portions ([`super::portions`]), because what is done next depends on
//! what was found.
//!
//! Not here: what a step does (the commands), the job (`jobs.rs`).

use super::suspended::{may_suspend, suspend};
use crate::command::call::{Resolved, begin_single, end_single, fail};
use crate::context::Context;
use crate::context::job::{Job, Steps};
use crate::protocol::args::Args;

/// The steps of a request that takes long, if it does and its client can wait.
#[inline]
pub(super) fn of_request(
    context: &mut Context<'_>,
    args: Args<'_>,
    command: Resolved,
) -> Option<Box<dyn Steps>> {
    let begin = command.spec.steps?;
    if args.len() <= usize::from(command.spec.whole_arguments_max) {
        return None;
    }
    match may_suspend(context) {
        true => begin(context, args),
        false => None,
    }
}

/// Takes the first step of a request, whose reply begins at `begin`. True if it goes on as a job.
pub(super) fn begin(
    context: &mut Context<'_>,
    args: Args<'_>,
    command: Resolved,
    mut steps: Box<dyn Steps>,
    begin: usize,
) -> bool {
    let begin_ns = begin_single(context);
    context.prepared = None;
    if go_on(context, command, args, &mut *steps, begin) {
        end_single(context, command, args, begin_ns);
        return false;
    }
    let job = suspend(context, command, args, begin, begin_ns);
    *context.job = Some(Job {
        steps: Some(steps),
        ..job
    });
    true
}

/// Takes the next step of a request, whose reply begins at `begin`; true if it was the last.
pub(super) fn go_on(
    context: &mut Context<'_>,
    command: Resolved,
    args: Args<'_>,
    steps: &mut dyn Steps,
    begin: usize,
) -> bool {
    match steps.step(context, args, begin) {
        Ok(is_over) => is_over,
        Err(error) => {
            context.reply.truncate_to(begin);
            fail(context, command, &error);
            true
        }
    }
}
