//! What a request passes before it runs, in Redis's order.
//!
//! 1. the name and the number of arguments (`command/call.rs`)
//! 2. authentication, and the rights of the user
//! 3. commands that may not stand inside MULTI
//! 4. in version 2 of the protocol, only listening while the client listens to channels
//! 5. writes while the last snapshot has failed, if that is configured, and writes to a replica,
//!    but for those of its primary
//! 6. the pause, and a command that has the keyspace to itself: all that may touch keys waits, and
//!    is refused when that takes longer than `busy-reply-threshold`
//! 7. claims: keys that a long command is at work on (`keyspace/workshop.rs`)
//! 8. fullness: what may add to a collection that has all elements it can have is refused
//! 9. memory: a write that may need some waits for it, or is refused if there is none to be had
//! 10. MULTI: queued instead of run
//!
//! A request that is refused inside MULTI breaks the transaction. EXEC passes the gates of all that
//! is queued: what was queued while it was allowed may not be any more.
//!
//! In a pipeline of short commands on keys the answers are the same for all: [`stand_open`].

use super::{busy, claims, full};
use crate::command::call::Resolved;
use crate::command::declare::spec::Flags;
use crate::command::declare::table::table;
use crate::command::permission;
use crate::command::transactions;
use crate::context::Context;
use crate::keyspace::Room;
use crate::protocol::args::{Args, OwnedArgs};
use crate::protocol::error::ReplyError;
use crate::session::ReplyMode;
use crate::session::transaction::Demands;

/// Where a request goes.
pub(super) enum Gate {
    /// On to its handler.
    Run,
    /// Into the queue of its transaction.
    Queued,
    /// Back, with an error.
    Refused(ReplyError),
    /// Nowhere until the pause ends.
    Paused,
    /// Nowhere until a long command has given a key back.
    Claimed,
    /// Nowhere until more memory is free.
    NoRoom,
    /// Nowhere while another command has the keyspace to itself.
    Shut,
}

const QUEUE_TOO_LONG: ReplyError =
    ReplyError::fixed("ERR the transaction exceeds client-query-buffer-limit");
const NOT_IN_MULTI: ReplyError = ReplyError::fixed("ERR Command not allowed inside a transaction");

const READ_ONLY_REPLICA: ReplyError =
    ReplyError::fixed("READONLY You can't write against a read only replica.");

const SAVE_FAILED: ReplyError = ReplyError::fixed(
    "MISCONF Evenkeel is configured to save snapshots, but the last one failed. Commands that may modify the data set are disabled, because stop-writes-on-bgsave-error is on. Please check the log for the reason.",
);

#[inline]
pub(super) fn pass(context: &mut Context<'_>, args: Args<'_>, command: Resolved) -> Gate {
    let flags = command.spec.flags;
    let transaction = &context.sessions.get(context.key).transaction;
    let is_in_multi = transaction.is_open();
    let (demands, adds_bytes) = if is_in_multi && flags.has(Flags::RUNS_QUEUE) {
        (transaction.demands(), transaction.queue_bytes())
    } else {
        (demands_of(flags), args.span_bytes())
    };
    if !context.is_unrestricted()
        && let Err(error) = permission::check(context, command, args)
    {
        return refuse(context, command, error);
    }
    if is_in_multi && flags.has(Flags::NO_MULTI) {
        return refuse(context, command, NOT_IN_MULTI);
    }
    if !flags.has(Flags::LISTENING) && context.session().listens_only() {
        let error = only_listening(command);
        return refuse(context, command, error);
    }
    if demands.is_write && !may_write(context) {
        return refuse(context, command, write_refusal(context));
    }
    if (context.pause).holds(demands.may_write(), context.now.monotonic_ms()) {
        return Gate::Paused;
    }
    if context.job.is_some() && !command.spec.is_beside_jobs() {
        return match busy::error(context) {
            Some(error) => refuse(context, command, error),
            None => Gate::Shut,
        };
    }
    if context.keyspace.has_claims() && claims::hold(context, args, command) {
        return Gate::Claimed;
    }
    if let Err(error) = full::check(context, command.spec, args) {
        return refuse(context, command, error);
    }
    if demands.takes_memory {
        match context.room_for(adds_bytes) {
            Room::Made => {}
            Room::Pending => return Gate::NoRoom,
            Room::Exhausted => return refuse(context, command, ReplyError::OOM),
        }
    }
    if is_in_multi && !flags.has(Flags::NOT_QUEUED) {
        return queue(context, args, command);
    }
    Gate::Run
}

#[cold]
fn only_listening(command: Resolved) -> ReplyError {
    ReplyError::new(format!(
        "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are \
         allowed in this context",
        table().full_name(command.number)
    ))
}

#[inline]
fn demands_of(flags: Flags) -> Demands {
    Demands {
        is_write: flags.has(Flags::WRITE),
        runs_script: flags.has(Flags::RUNS_SCRIPT) && !flags.has(Flags::READ_ONLY),
        takes_memory: flags.has(Flags::DENY_OOM),
    }
}

/// Whether writes are allowed: although the last snapshot may have failed, and on a replica.
#[inline]
pub(super) fn may_write(context: &Context<'_>) -> bool {
    let host = context.host;
    let is_safe = !host.snapshots.last_failed || !context.config.stop_writes_on_bgsave_error;
    (is_safe && host.following.is_none()) || context.sessions.get(context.key).is_primary
}

/// Why they are not.
#[cold]
pub(super) fn write_refusal(context: &Context<'_>) -> ReplyError {
    match context.host.following {
        Some(_) => READ_ONLY_REPLICA,
        None => SAVE_FAILED,
    }
}

fn queue(context: &mut Context<'_>, args: Args<'_>, command: Resolved) -> Gate {
    let queued_bytes = context.session().transaction.queue_bytes() as u64;
    if queued_bytes > context.config.client_query_buffer_limit_bytes {
        return refuse(context, command, QUEUE_TOO_LONG);
    }
    let queued = OwnedArgs::copy(args);
    let demands = demands_of(command.spec.flags);
    (context.session().transaction).queue(command.number, queued, demands);
    Gate::Queued
}

/// Whether no gate but that for memory would hold a short work on keys back, so that such commands
/// need not be asked one by one until one of another kind has run. Those of a user with rights of
/// its own, `IS_LIMITED`, are asked for these still ([`permission::may_work`]).
#[inline]
pub(super) fn stand_open<const IS_LIMITED: bool>(context: &Context<'_>) -> bool {
    !context.sessions.get(context.key).is_told() && stand_open_to_told::<IS_LIMITED>(context)
}

/// The same for a client that keeps copies of what it reads: its reads are still to be remembered,
/// and it is told right after a reply what that request caused.
#[inline]
pub(super) fn stand_open_to_tracker(context: &Context<'_>) -> bool {
    let session = context.sessions.get(context.key);
    let tracking = session.tracking.as_ref();
    !session.is_subscriber()
        && tracking.is_some_and(|tracking| tracking.caching.is_none())
        && stand_open_to_told::<false>(context)
}

#[inline(always)] // Into every group.
fn stand_open_to_told<const IS_LIMITED: bool>(context: &Context<'_>) -> bool {
    let session = context.sessions.get(context.key);
    let is_plain = !session.transaction.is_open()
        && session.reply_mode == ReplyMode::On
        && !session.closes_after_reply;
    let is_who_it_is = match IS_LIMITED {
        true => session.is_limited && !session.is_stranger(context.users),
        false => session.is_unrestricted(context.users),
    };
    is_who_it_is
        && is_plain
        && may_write(context)
        && !context.pause.is_set()
        && !context.keyspace.has_claims()
        && !context.keyspace.has_full_collections()
        && context.job.is_none()
        && !context.timing.is_exact
}

/// Whether a command whose request is not large must ask for memory first.
#[inline]
pub(super) fn needs_room(context: &Context<'_>, command: Resolved) -> bool {
    command.spec.flags.has(Flags::DENY_OOM) && context.keyspace.is_over_limit()
}

#[cold]
fn refuse(context: &mut Context<'_>, command: Resolved, error: ReplyError) -> Gate {
    context.stats.count_rejection(command.number);
    let session = context.session();
    log::debug!(
        "client {} at {} was refused '{}': {}",
        session.id,
        session.peer.address,
        table().full_name(command.number),
        error.code()
    );
    if command.spec.flags.has(Flags::RUNS_QUEUE) {
        return Gate::Refused(transactions::abort(context, &error));
    }
    context.session().transaction.note_error();
    Gate::Refused(error)
}

/// Whether a request is the beginning of an HTTP request, sent by a browser on somebody's behalf.
pub(super) fn is_hostile(args: Args<'_>) -> bool {
    let name = args.name();
    name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
}

/// What a request that names no command, or has too many or too few arguments, is answered.
#[cold]
pub(super) fn refuse_unresolved(
    context: &mut Context<'_>,
    args: Args<'_>,
    error: ReplyError,
) -> ReplyError {
    if let Some(number) = table().find(args.name()) {
        context.stats.count_rejection(number);
        if table().spec(number).flags.has(Flags::RUNS_QUEUE) {
            return transactions::abort(context, &error);
        }
    }
    context.session().transaction.note_error();
    error
}
