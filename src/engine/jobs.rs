//! Commands that run others: EXEC its queue, EVAL and its kin a script. At once if that is short,
//! else as a job that has the keyspace to itself between turns. Requests in portions, or in steps
//! of their own, are jobs, too.
//!
//! ```text
//!  run ─▶ handler ─▶ queue or script ─┬─ within the first budget ─▶ the reply
//!                                     └─ Job ─▶ job_on, job_on, … ─▶ the reply, by the node
//! ```
//!
//! Invariants: what a job does is of one moment: its time stands still, and the gates hold back
//! whoever may touch keys (`gates.rs`); nothing expires or is evicted but for what it writes
//! itself. Budgets count work, not time, so the same requests give the same replies.
//!
//! Not here: the calls of a script (`scripts.rs`), portions (`portions.rs`), steps (`steps.rs`),
//! how much is done at once (`budget.rs`), who waits for a job (`node/jobs.rs`).

use super::budget::{Budget, CALL_UNITS};
use super::busy::is_overdue;
use super::suspended::suspend;
use super::{CacheEngine, end_caching, full, portions, scripts, steps, withhold_reply};
use crate::base::clock::Timestamp;
use crate::command::call::{
    Resolved, begin_single, call, end_single, reply_error, resolve_number, run as run_handler,
};
use crate::command::declare::names::CommandNames;
use crate::command::declare::spec::Flags;
use crate::command::permission::check_queued;
use crate::context::Context;
use crate::context::job::{Job, ScriptUnderway, Underway};
use crate::protocol::args::{Args, OwnedArgs};
use crate::session::transaction::QueuedCommand;
use crate::session::{ReplyMode, SessionKey};

/// A job that has ended.
pub(crate) struct EndedJob {
    /// The whole reply.
    pub(crate) reply: Vec<u8>,
    /// It would be longer than it may be; nothing of it is there.
    pub(crate) is_over: bool,
    /// The client has gone.
    pub(crate) is_orphan: bool,
}

/// Runs a command that runs others; its reply begins at `begin`. True if it goes on as a job.
#[inline(never)]
pub(super) fn run(
    context: &mut Context<'_>,
    names: &CommandNames,
    args: Args<'_>,
    command: Resolved,
    begin: usize,
) -> bool {
    let begin_ns = begin_single(context);
    run_handler(context, command, args);
    let may_wait = std::mem::take(&mut context.may_wait);
    // What was looked up ahead belongs to none of the commands that follow.
    context.prepared = None;
    let mut budget = Budget::first(may_wait);
    let mut queue = std::mem::take(&mut context.queue);
    queue.reverse();
    let script = match context.scripts.take_asked() {
        Some(asked) => scripts::run(context, names, asked, command, args, &mut budget),
        None => run_queue(context, names, &mut queue, &mut budget),
    };
    context.may_wait = may_wait;
    if script.is_none() && queue.is_empty() {
        end_single(context, command, args, begin_ns);
        return false;
    }
    let job = suspend(context, command, args, begin, begin_ns);
    *context.job = Some(Job {
        queue,
        script,
        ..job
    });
    true
}

/// Runs what EXEC has queued, the last first, until the budget is used up or a script goes on
/// later.
fn run_queue(
    context: &mut Context<'_>,
    names: &CommandNames,
    queue: &mut Vec<QueuedCommand>,
    budget: &mut Budget,
) -> Option<ScriptUnderway> {
    while let Some(QueuedCommand { command, args }) = queue.pop() {
        // Nothing a queued command does can change what it takes, so it resolves as when queued.
        match resolve_number(command, args.args()) {
            Ok(resolved) => {
                if !context.is_unrestricted()
                    && let Err(error) = check_queued(context, resolved, args.args())
                {
                    reply_error(context, &error);
                    continue;
                }
                if let Err(error) = full::check(context, resolved.spec, args.args()) {
                    reply_error(context, &error);
                    continue;
                }
                if resolved.spec.flags.has(Flags::DENY_OOM) {
                    // EXEC was let in as a whole, so its commands run even if nothing more can go.
                    _ = context.room_for(args.args().span_bytes());
                }
                if !resolved.spec.flags.has(Flags::RUNS_SCRIPT) {
                    call(context, resolved, args.args());
                } else if let Some(script) =
                    run_queued_script(context, names, resolved, args, budget)
                {
                    return Some(script);
                }
            }
            Err(error) => reply_error(context, &error),
        }
        if budget.spend(CALL_UNITS) {
            break;
        }
    }
    None
}

fn run_queued_script(
    context: &mut Context<'_>,
    names: &CommandNames,
    command: Resolved,
    args: OwnedArgs,
    budget: &mut Budget,
) -> Option<ScriptUnderway> {
    let begin_ns = begin_single(context);
    run_handler(context, command, args.args());
    if let Some(asked) = context.scripts.take_asked()
        && let Some(script) = scripts::run(context, names, asked, command, args.args(), budget)
    {
        let spent_ns = context.timing.elapsed_ns(begin_ns);
        let inner = Underway {
            command: command.number,
            args,
            spent_ns,
        };
        return Some(ScriptUnderway {
            inner: Some(inner),
            ..script
        });
    }
    end_single(context, command, args.args(), begin_ns);
    None
}

impl CacheEngine {
    /// Whether a command has the keyspace to itself.
    #[inline]
    pub(crate) fn has_job(&self) -> bool {
        self.job.is_some()
    }

    /// Whether the command of a session has the keyspace to itself.
    pub(crate) fn is_at_job(&self, session: SessionKey) -> bool {
        (self.job.as_ref()).is_some_and(|job| job.session == session)
    }

    /// Whether requests that wait for the end of a job are answered BUSY by now.
    pub(crate) fn is_job_overdue(&self, now: Timestamp) -> bool {
        let threshold_ms = self.config.busy_reply_threshold_ms;
        (self.job.as_ref()).is_some_and(|job| is_overdue(job, threshold_ms, now))
    }

    /// Ends the job before its end, if there is one, because the server ends; a request that was
    /// divided runs to its end. False if it has changed something by then: the keyspace is not to
    /// be saved.
    pub(crate) fn abandon_job(&mut self) -> bool {
        while (self.job.as_ref()).is_some_and(Job::is_of_one_request) {
            self.job_on(self.now, usize::MAX);
        }
        let Some(job) = self.job.take() else {
            return true;
        };
        let has_written = self
            .scripts
            .running()
            .is_some_and(|running| running.has_written);
        self.scripts.abandon();
        let is_transaction = resolved(&job.outer).spec.flags.has(Flags::RUNS_QUEUE);
        !has_written && !is_transaction
    }

    /// Goes one step on with the job. `output_bytes_max` is the length its reply may have. Returns
    /// what there is of it when it has ended.
    pub(crate) fn job_on(&mut self, now: Timestamp, output_bytes_max: usize) -> Option<EndedJob> {
        let mut job = self.job.take()?;
        let mut reply = std::mem::take(&mut job.reply);
        let (mut context, _, names) = self.context(job.session, job.now, &mut reply);
        // What was found in steps may be told by a long read, if somebody is there to read.
        context.may_wait = job.steps.is_some() && !job.is_orphan;
        let own = context.session().link;
        context.messages.mailbox.begin_in_reply(own);
        context.reply.set_ceiling(output_bytes_max);
        if job.is_over {
            context.reply.give_up();
        }
        step(&mut context, names, &mut job);
        // Before a request of another client tells them as what that client has caused.
        context.tell_changes();
        let is_done = job.is_done;
        if is_done {
            end_caching(&mut context, resolved(&job.outer));
            let session = context.session();
            if session.reply_mode != ReplyMode::On && session.blocked.is_none() {
                withhold_reply(&mut context, 0);
            }
        }
        job.is_over = context.reply.is_over();
        if job.is_over {
            context.reply.truncate_to(0);
        }
        self.now = now;
        if !is_done {
            job.reply = reply;
            self.job = Some(job);
            return None;
        }
        if job.is_orphan {
            self.close_session(job.session);
        }
        Some(EndedJob {
            reply,
            is_over: job.is_over,
            is_orphan: job.is_orphan,
        })
    }
}

/// One step of a job.
fn step(context: &mut Context<'_>, names: &CommandNames, job: &mut Job) {
    let begin_ns = begin_single(context);
    if let Some(underway) = &mut job.portions {
        let (command, args) = (resolved(&job.outer), job.outer.args.args());
        if !portions::go_on(context, command, args, underway, 0) {
            job.outer.spent_ns += context.timing.elapsed_ns(begin_ns);
            return;
        }
    }
    if let Some(underway) = &mut job.steps {
        let (command, args) = (resolved(&job.outer), job.outer.args.args());
        if !steps::go_on(context, command, args, &mut **underway, 0) {
            job.outer.spent_ns += context.timing.elapsed_ns(begin_ns);
            return;
        }
    }
    let mut budget = Budget::of_step();
    let mut has_budget = true;
    if let Some(script) = job.script.take() {
        let outer = resolved(&job.outer);
        let command = script.inner.as_ref().map_or(outer, resolved);
        if scripts::go_on(context, names, &mut budget) {
            scripts::end(context, command, script.database);
            if let Some(inner) = &script.inner {
                context.timing.extra_ns = inner.spent_ns;
                end_single(context, command, inner.args.args(), begin_ns);
            }
        } else {
            job.script = Some(script);
            has_budget = false;
        }
    }
    if has_budget {
        job.script = run_queue(context, names, &mut job.queue, &mut budget);
    }
    if job.script.is_some() || !job.queue.is_empty() {
        job.outer.spent_ns += context.timing.elapsed_ns(begin_ns);
        return;
    }
    job.is_done = true;
    context.timing.extra_ns = job.outer.spent_ns;
    end_single(
        context,
        resolved(&job.outer),
        job.outer.args.args(),
        begin_ns,
    );
}

fn resolved(underway: &Underway) -> Resolved {
    resolve_number(underway.command, underway.args.args())
        .unwrap_or_else(|_| unreachable!("it was resolved before"))
}
