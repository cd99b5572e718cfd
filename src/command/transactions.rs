//! MULTI, EXEC, DISCARD, WATCH and UNWATCH.
//!
//! Not here: which commands are queued (`engine/gates.rs`); versions of watched keys
//! (`keyspace/interest/`).

use super::declare::access::Access;
use super::declare::family;
use super::declare::keys::Keys;
use super::declare::portions::{Joined, keys};
use super::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::keyspace::Watch;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::session::transaction::QueuedCommand;

pub(super) const COMMANDS: &[&CommandSpec] = &[&MULTI, &EXEC, &DISCARD, &WATCH, &UNWATCH];

const FLAGS: Flags = Flags::NO_SCRIPT
    .and(Flags::LOADING)
    .and(Flags::STALE)
    .and(Flags::FAST);

static MULTI: CommandSpec = family::TRANSACTIONS
    .command("multi", "", multi)
    .summary("Begins a transaction: the commands that follow wait for EXEC.")
    .since("1.2.0")
    .flags(FLAGS.and(Flags::NOT_QUEUED).and(Flags::ALLOW_BUSY));

const NESTED: ReplyError = ReplyError::fixed("ERR MULTI calls can not be nested");
const EXEC_ALONE: ReplyError = ReplyError::fixed("ERR EXEC without MULTI");
const DISCARD_ALONE: ReplyError = ReplyError::fixed("ERR DISCARD without MULTI");
const WATCH_INSIDE: ReplyError = ReplyError::fixed("ERR WATCH inside MULTI is not allowed");

fn multi(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    let transaction = &mut context.session().transaction;
    if transaction.is_open() {
        return Err(NESTED);
    }
    transaction.open();
    context.reply.ok();
    Ok(())
}

static EXEC: CommandSpec = family::TRANSACTIONS
    .command("exec", "", exec)
    .summary("Runs the commands of a transaction, unless a watched key has changed.")
    .since("1.2.0")
    .cost("That of the commands")
    .flags(
        Flags::NO_SCRIPT
            .and(Flags::LOADING)
            .and(Flags::STALE)
            .and(Flags::SKIP_SLOW_LOG)
            .and(Flags::NOT_QUEUED)
            .and(Flags::RUNS_QUEUE),
    );

fn exec(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    let transaction = &context.session().transaction;
    if !transaction.is_open() {
        return Err(EXEC_ALONE);
    }
    let is_broken = transaction.is_broken();
    let has_conflict = has_watched_change(context);
    let queue = close(context);
    if is_broken {
        return Err(ReplyError::EXECABORT);
    }
    if has_conflict {
        context.reply.null_array();
        return Ok(());
    }
    context.reply.array(queue.len());
    context.queue = queue;
    Ok(())
}

/// What an EXEC is answered that can't be run as it stands: the transaction ends with it.
pub(crate) fn abort(context: &mut Context<'_>, reason: &ReplyError) -> ReplyError {
    close(context);
    let reason = reason.as_bytes();
    let reason = reason.strip_prefix(b"ERR ").unwrap_or(reason);
    let text = [b"EXECABORT Transaction discarded because of: ", reason].concat();
    ReplyError::from_bytes(text)
}

fn has_watched_change(context: &mut Context<'_>) -> bool {
    let now_ms = context.now_ms();
    let transaction = &context.sessions.get(context.key).transaction;
    let (watches, since) = (transaction.watches(), transaction.watching_since());
    (context.keyspace).has_watched_change(watches, since, now_ms)
}

/// Ends transaction and watches of the session and returns the queue.
pub(super) fn close(context: &mut Context<'_>) -> Vec<QueuedCommand> {
    let queue = context.session().transaction.close();
    release_watches(context);
    queue
}

fn release_watches(context: &mut Context<'_>) {
    let watches = context.session().transaction.unwatch();
    context.stats.gauges.watching_clients -= u64::from(!watches.is_empty());
    context.keyspace.unwatch_all(watches);
}

static DISCARD: CommandSpec = family::TRANSACTIONS
    .command("discard", "", discard)
    .summary("Ends a transaction without running its commands.")
    .since("2.0.0")
    .cost("O(number of commands)")
    .flags(FLAGS.and(Flags::NOT_QUEUED).and(Flags::ALLOW_BUSY));

fn discard(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    if !context.session().transaction.is_open() {
        return Err(DISCARD_ALONE);
    }
    close(context);
    context.reply.ok();
    Ok(())
}

static WATCH: CommandSpec = family::TRANSACTIONS
    .command("watch", "key [key ...]", watch)
    .summary("Lets the next EXEC fail if one of these keys changes before it.")
    .since("2.2.0")
    .cost("O(number of keys)")
    .flags(FLAGS.and(Flags::NOT_QUEUED).and(Flags::ALLOW_BUSY))
    .keys(Keys::ALL)
    .access(Access::LOOK)
    .divides_keys(keys, Joined::Last);

fn watch(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    if context.session().transaction.is_open() {
        return Err(WATCH_INSIDE);
    }
    let (database, now_ms) = (context.database(), context.now_ms());
    let is_first = context.session().transaction.watches().is_empty();
    context.stats.gauges.watching_clients += u64::from(is_first);
    for key in args.iter().skip(1) {
        let version = context.keyspace.watch(database, key, now_ms);
        let watch = Watch {
            database,
            key: key.into(),
            version,
        };
        let changes = context.keyspace.watched_changes();
        context.session().transaction.watch(watch, changes);
    }
    context.reply.ok();
    Ok(())
}

static UNWATCH: CommandSpec = family::TRANSACTIONS
    .command("unwatch", "", unwatch)
    .summary("Forgets the watched keys.")
    .since("2.2.0")
    .cost("O(number of watched keys)")
    .flags(FLAGS.and(Flags::ALLOW_BUSY));

fn unwatch(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    release_watches(context);
    context.reply.ok();
    Ok(())
}
