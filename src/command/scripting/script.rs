//! SCRIPT: the scripts that are kept, and ending the one that runs.
//!
//! Not here: how long they are kept (`script/cache.rs`).

use super::NO_SCRIPT;
use crate::command::declare::family;
use crate::command::declare::help::help_of;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::script::Kind;

pub(super) const COMMANDS: &[&CommandSpec] = &[&SCRIPT];

static SCRIPT: CommandSpec = family::SCRIPTING
    .container(
        "script",
        &[&DEBUG, &EXISTS, &FLUSH, &HELP, &KILL, &LOAD, &SHOW],
    )
    .summary("A container of commands about scripts.")
    .since("2.6.0");

help_of!(SCRIPT, SCRIPTING, "5.0.0");

static LOAD: CommandSpec = family::SCRIPTING
    .subcommand("load", "script", load)
    .summary("Keeps a script until SCRIPT FLUSH, and returns its digest.")
    .since("2.6.0")
    .cost("O(length of the script)")
    .flags(Flags::NO_SCRIPT.and(Flags::STALE));

fn load(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let slot = context.scripts.load(args.get(2))?;
    context.reply.bulk(&context.scripts.script(slot).name);
    Ok(())
}

static EXISTS: CommandSpec = family::SCRIPTING
    .subcommand("exists", "sha1 [sha1 ...]", exists)
    .summary("Tells which scripts are kept.")
    .since("2.6.0")
    .cost("O(number of digests)")
    .flags(Flags::NO_SCRIPT);

fn exists(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    context.reply.array(args.len() - 2);
    for name in args.iter().skip(2) {
        let is_there = context.scripts.find_name(name).is_some();
        context.reply.integer(i64::from(is_there));
    }
    Ok(())
}

static SHOW: CommandSpec = family::SCRIPTING
    .subcommand("show", "sha1", show)
    .summary("Returns the text of a script.")
    .since("8.0.0")
    .flags(Flags::NO_SCRIPT);

fn show(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let slot = context.scripts.find_name(args.get(2)).ok_or(NO_SCRIPT)?;
    context.reply.bulk(&context.scripts.script(slot).body);
    Ok(())
}

static FLUSH: CommandSpec = family::SCRIPTING
    .subcommand("flush", "[ASYNC | SYNC]", flush)
    .summary("Forgets all scripts.")
    .since("2.6.0")
    .flags(Flags::NO_SCRIPT)
    .ignores_more();

fn flush(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    const BAD_MODE: ReplyError =
        ReplyError::fixed("ERR SCRIPT FLUSH only support SYNC|ASYNC option");
    let is_mode =
        |word: &[u8]| word.eq_ignore_ascii_case(b"sync") || word.eq_ignore_ascii_case(b"async");
    if args.len() > 3 || args.iter().skip(2).any(|word| !is_mode(word)) {
        return Err(BAD_MODE);
    }
    context.scripts.flush();
    context.reply.ok();
    Ok(())
}

static KILL: CommandSpec = family::SCRIPTING
    .subcommand("kill", "", kill)
    .summary("Ends the script that runs, unless it has written.")
    .since("2.6.0")
    .flags(Flags::NO_SCRIPT.and(Flags::ALLOW_BUSY));

fn kill(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    end_running(context, Kind::Script)
}

/// Ends what runs, if it is of this kind and has not written.
pub(super) fn end_running(context: &mut Context<'_>, kind: Kind) -> Outcome {
    const NOT_BUSY: ReplyError = ReplyError::fixed("NOTBUSY No scripts in execution right now.");
    const WRITTEN: ReplyError = ReplyError::fixed(
        "UNKILLABLE Sorry the script already executed write commands against the dataset. You can either wait the script termination or kill the server in a hard way using the SHUTDOWN NOSAVE command.",
    );
    const BUSY_SCRIPT: ReplyError = ReplyError::fixed(
        "BUSY Evenkeel is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    );
    const BUSY_FUNCTION: ReplyError = ReplyError::fixed(
        "BUSY Evenkeel is busy running a script. You can only call FUNCTION KILL or SHUTDOWN NOSAVE.",
    );
    let running = context.scripts.running().ok_or(NOT_BUSY)?;
    match (running.kind, kind) {
        (Kind::Script, Kind::Function) => return Err(BUSY_SCRIPT),
        (Kind::Function, Kind::Script) => return Err(BUSY_FUNCTION),
        (Kind::Script, Kind::Script) | (Kind::Function, Kind::Function) => {}
    }
    if running.has_written {
        return Err(WRITTEN);
    }
    context.scripts.kill();
    context.reply.ok();
    Ok(())
}

static DEBUG: CommandSpec = family::SCRIPTING
    .subcommand("debug", "<YES | SYNC | NO>", debug)
    .summary("Accepts NO: scripts are not debugged here.")
    .since("3.2.0")
    .flags(Flags::NO_SCRIPT);

fn debug(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    const BAD_MODE: ReplyError = ReplyError::fixed("ERR Use SCRIPT DEBUG YES/SYNC/NO");
    const NOT_OFFERED: ReplyError =
        ReplyError::fixed("ERR SCRIPT DEBUG is not offered by this server");
    let mode = args.get(2);
    if mode.eq_ignore_ascii_case(b"no") {
        context.reply.ok();
        return Ok(());
    }
    let is_known = mode.eq_ignore_ascii_case(b"yes") || mode.eq_ignore_ascii_case(b"sync");
    Err(if is_known { NOT_OFFERED } else { BAD_MODE })
}
