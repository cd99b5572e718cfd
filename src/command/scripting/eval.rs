//! EVAL, EVALSHA, EVAL_RO, EVALSHA_RO.
//!
//! Not here: running what they ask for (`engine/scripts.rs`).

use super::NO_SCRIPT;
use crate::base::numbers::parse_i64;
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::keys::{Keys, Part};
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::script::{Asked, Kind};

pub(super) const COMMANDS: &[&CommandSpec] = &[&EVAL, &EVALSHA, &EVAL_RO, &EVALSHA_RO];

pub(super) const FLAGS: Flags = Flags::NO_SCRIPT
    .and(Flags::STALE)
    .and(Flags::SKIP_MONITOR)
    .and(Flags::NO_MANDATORY_KEYS)
    .and(Flags::MOVABLE_KEYS)
    .and(Flags::RUNS_SCRIPT)
    .and(Flags::LARGE_REPLY);
pub(super) const KEYS: Keys = Keys::of(&[Part::counted(2).optional()]);
pub(super) const COST: &str = "Depends on what the script does";

/// Of a digest in hexadecimal.
const DIGITS: usize = 40;

const TOO_MANY_KEYS: ReplyError =
    ReplyError::fixed("ERR Number of keys can't be greater than number of args");
const NEGATIVE_KEYS: ReplyError = ReplyError::fixed("ERR Number of keys can't be negative");

/// How many keys a request names: the second argument says it.
pub(super) fn key_count(args: Args<'_>) -> Result<usize, ReplyError> {
    let count = parse_i64(args.get(2)).ok_or(ReplyError::NOT_INTEGER)?;
    if count > (args.len() - 3) as i64 {
        return Err(TOO_MANY_KEYS);
    }
    usize::try_from(count).map_err(|_| NEGATIVE_KEYS)
}

static EVAL: CommandSpec = family::SCRIPTING
    .command(
        "eval",
        "script numkeys [key [key ...]] [arg [arg ...]]",
        eval,
    )
    .summary("Runs a Lua script.")
    .since("2.6.0")
    .cost(COST)
    .keys(KEYS)
    .access(Access::CHANGE)
    .flags(FLAGS);

fn eval(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    run_body(context, args, false)
}

static EVAL_RO: CommandSpec = family::SCRIPTING
    .command(
        "eval_ro",
        "script numkeys [key [key ...]] [arg [arg ...]]",
        eval_ro,
    )
    .summary("Runs a Lua script that only reads.")
    .since("7.0.0")
    .cost(COST)
    .keys(KEYS)
    .flags(FLAGS.and(Flags::READ_ONLY));

fn eval_ro(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    run_body(context, args, true)
}

fn run_body(context: &mut Context<'_>, args: Args<'_>, is_read_only: bool) -> Outcome {
    let key_count = key_count(args)?;
    let slot = context.scripts.find_or_compile(args.get(1))?;
    ask(context, slot, key_count, is_read_only);
    Ok(())
}

static EVALSHA: CommandSpec = family::SCRIPTING
    .command(
        "evalsha",
        "sha1 numkeys [key [key ...]] [arg [arg ...]]",
        evalsha,
    )
    .summary("Runs a script that is known by its digest.")
    .since("2.6.0")
    .cost(COST)
    .keys(KEYS)
    .access(Access::CHANGE)
    .flags(FLAGS);

fn evalsha(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    run_known(context, args, false)
}

static EVALSHA_RO: CommandSpec = family::SCRIPTING
    .command(
        "evalsha_ro",
        "sha1 numkeys [key [key ...]] [arg [arg ...]]",
        evalsha_ro,
    )
    .summary("Runs a script that is known by its digest and only reads.")
    .since("7.0.0")
    .cost(COST)
    .keys(KEYS)
    .flags(FLAGS.and(Flags::READ_ONLY));

fn evalsha_ro(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    run_known(context, args, true)
}

fn run_known(context: &mut Context<'_>, args: Args<'_>, is_read_only: bool) -> Outcome {
    // As in Redis: what can be no digest is told so before all else.
    if args.get(1).len() != DIGITS {
        return Err(NO_SCRIPT);
    }
    let key_count = key_count(args)?;
    let slot = context.scripts.find_name(args.get(1)).ok_or(NO_SCRIPT)?;
    ask(context, slot, key_count, is_read_only);
    Ok(())
}

fn ask(context: &mut Context<'_>, slot: usize, key_count: usize, is_read_only: bool) {
    let script = context.scripts.script(slot);
    let asked = Asked {
        kind: Kind::Script,
        function: script.function,
        flags: script.flags,
        is_read_only,
        first_key: 3,
        key_count,
    };
    let name = script.name;
    context.scripts.ask(asked, &name);
}
