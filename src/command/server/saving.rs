//! Snapshots on demand.
//!
//! Not here: how they are taken (`node/saving.rs`).

use crate::command::declare::family;
use crate::command::declare::spec::{Categories, CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::context::outbox::{Effect, Wait};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;

pub(super) const COMMANDS: &[&CommandSpec] = &[&SAVE, &BGSAVE, &LASTSAVE];

const OPERATOR: Flags = Flags::ADMIN.and(Flags::NO_SCRIPT);

static SAVE: CommandSpec = family::SERVER
    .command("save", "", save)
    .summary("Takes a snapshot and answers when it is durable; other clients go on meanwhile.")
    .since("1.0.0")
    .cost("O(number of keys), in slices")
    .flags(OPERATOR.and(Flags::NO_MULTI));

const IN_PROGRESS: ReplyError = ReplyError::fixed("ERR Background save already in progress");

fn save(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    check_disk(context)?;
    if context.host.snapshots.is_in_progress {
        return Err(IN_PROGRESS);
    }
    // The reply comes when the snapshot ends.
    context.answer_later(Wait::Snapshot);
    Ok(())
}

const NO_DISK: ReplyError =
    ReplyError::fixed("ERR snapshots are off: this server was given no disk");

fn check_disk(context: &Context<'_>) -> Outcome {
    if context.host.snapshots.are_possible {
        Ok(())
    } else {
        Err(NO_DISK)
    }
}

static BGSAVE: CommandSpec = family::SERVER
    .command("bgsave", "[SCHEDULE]", bgsave)
    .summary("Takes a snapshot and answers at once.")
    .since("1.0.0")
    .cost("O(number of keys), in slices")
    .flags(OPERATOR);

fn bgsave(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let is_schedule = args.len() == 2 && args.get(1).eq_ignore_ascii_case(b"schedule");
    if args.len() > 1 && !is_schedule {
        return Err(ReplyError::SYNTAX);
    }
    check_disk(context)?;
    let is_in_progress = context.host.snapshots.is_in_progress;
    if is_in_progress && !is_schedule {
        return Err(IN_PROGRESS);
    }
    context.outbox.push(Effect::SaveInBackground);
    context.reply.simple(if is_in_progress {
        "Background saving scheduled"
    } else {
        "Background saving started"
    });
    Ok(())
}

static LASTSAVE: CommandSpec = family::SERVER
    .command("lastsave", "", lastsave)
    .summary("Returns the Unix time in seconds of the last snapshot.")
    .since("1.0.0")
    .flags(Flags::LOADING.and(Flags::STALE).and(Flags::FAST))
    .also(Categories::ADMIN.and(Categories::DANGEROUS));

fn lastsave(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    let seconds = context.host.snapshots.last_unix_seconds;
    context.reply.integer(seconds as i64);
    Ok(())
}
