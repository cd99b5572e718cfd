//! SLOWLOG: commands that took long.
//!
//! Not here: the log (`stats/slow_log.rs`), what gets into it (`command/observe.rs`).

use crate::base::numbers::parse_i64;
use crate::command::declare::family;
use crate::command::declare::help::help_of;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;

pub(super) const COMMANDS: &[&CommandSpec] = &[&SLOWLOG];

const FLAGS: Flags = Flags::ADMIN
    .and(Flags::LOADING)
    .and(Flags::STALE)
    .and(Flags::BESIDE_JOBS);

static SLOWLOG: CommandSpec = family::SERVER
    .container("slowlog", &[&GET, &HELP, &LEN, &RESET])
    .summary("A container of commands about slow commands.")
    .since("2.2.12");

static GET: CommandSpec = family::SERVER
    .subcommand("get", "[count]", get)
    .summary("Returns the newest entries of the slow log: ten, or as many as asked for.")
    .since("2.2.12")
    .cost("O(number of entries)")
    .flags(FLAGS);

/// Entries returned unless another number is asked for.
const COUNT_DEFAULT: usize = 10;

const BAD_COUNT: ReplyError = ReplyError::fixed("ERR count should be greater than or equal to -1");

fn get(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let count = match args.len() {
        2 => COUNT_DEFAULT,
        3 => match parse_i64(args.get(2)) {
            Some(-1) => usize::MAX,
            Some(count) => usize::try_from(count).map_err(|_| BAD_COUNT)?,
            None => return Err(BAD_COUNT),
        },
        _ => {
            let word = args.get(1);
            return Err(ReplyError::unknown_subcommand_or_arity("slowlog", word));
        }
    };
    let entries = context.stats.slow_log.iter();
    let reply = &mut context.reply;
    reply.array(entries.len().min(count));
    for entry in entries.take(count) {
        reply.array(6);
        reply.integer(entry.id as i64);
        reply.integer(entry.unix_seconds as i64);
        reply.integer(entry.duration_us as i64);
        reply.array(entry.arguments.len());
        for argument in &entry.arguments {
            reply.bulk(argument);
        }
        reply.bulk(entry.address.as_bytes());
        reply.bulk(&entry.name);
    }
    Ok(())
}

static LEN: CommandSpec = family::SERVER
    .subcommand("len", "", len)
    .summary("Returns the number of entries in the slow log.")
    .since("2.2.12")
    .flags(FLAGS);

fn len(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    let len = context.stats.slow_log.iter().len();
    context.reply.integer(len as i64);
    Ok(())
}

static RESET: CommandSpec = family::SERVER
    .subcommand("reset", "", reset)
    .summary("Forgets all entries of the slow log.")
    .since("2.2.12")
    .cost("O(number of entries)")
    .flags(FLAGS);

fn reset(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    context.stats.slow_log.clear();
    context.reply.ok();
    Ok(())
}

help_of!(SLOWLOG, SERVER, "6.2.0");
