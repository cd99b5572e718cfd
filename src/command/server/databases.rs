//! Whole databases.

use crate::command::arguments::parse_i32;
use crate::command::declare::family;
use crate::command::declare::spec::{Categories, CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;

pub(super) const COMMANDS: &[&CommandSpec] = &[&DBSIZE, &FLUSHDB, &FLUSHALL, &SWAPDB];

/// Categories of commands that take whole databases away.
const DESTROYS: Categories = Categories::KEYSPACE.and(Categories::DANGEROUS);

static DBSIZE: CommandSpec = family::SERVER
    .command("dbsize", "", dbsize)
    .summary("Returns the number of keys in the database.")
    .since("1.0.0")
    .flags(Flags::READ_ONLY.and(Flags::FAST))
    .also(Categories::KEYSPACE);

fn dbsize(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    let size = context.keyspace.size(context.database());
    context.reply.integer(size.keys as i64);
    Ok(())
}

static FLUSHDB: CommandSpec = family::SERVER
    .command("flushdb", "[ASYNC | SYNC]", flushdb)
    .summary("Deletes all keys of the database; the memory comes back in slices.")
    .since("1.0.0")
    .cost("O(1) for the caller")
    .flags(Flags::WRITE)
    .also(DESTROYS);

fn flushdb(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    check_flush_mode(args)?;
    context.mutate().flush();
    context.reply.ok();
    Ok(())
}

/// Both modes are the same here: neither blocks.
fn check_flush_mode(args: Args<'_>) -> Outcome {
    let is_mode =
        |name: &[u8]| name.eq_ignore_ascii_case(b"sync") || name.eq_ignore_ascii_case(b"async");
    if args.len() > 2 || !args.iter().skip(1).all(is_mode) {
        return Err(ReplyError::SYNTAX);
    }
    Ok(())
}

static FLUSHALL: CommandSpec = family::SERVER
    .command("flushall", "[ASYNC | SYNC]", flushall)
    .summary("Deletes all keys of all databases; the memory comes back in slices.")
    .since("1.0.0")
    .cost("O(number of databases) for the caller")
    .flags(Flags::WRITE)
    .also(DESTROYS);

fn flushall(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    check_flush_mode(args)?;
    let now_ms = context.now_ms();
    for database in 0..context.keyspace.database_count() {
        context.keyspace.mutate(database, now_ms).flush();
    }
    context.reply.ok();
    Ok(())
}

static SWAPDB: CommandSpec = family::SERVER
    .command("swapdb", "index1 index2", swapdb)
    .summary("Exchanges the contents of two databases.")
    .since("4.0.0")
    .cost("O(number of watched keys)")
    .flags(Flags::WRITE.and(Flags::FAST))
    .also(DESTROYS);

const BAD_FIRST: ReplyError = ReplyError::fixed("ERR invalid first DB index");
const BAD_SECOND: ReplyError = ReplyError::fixed("ERR invalid second DB index");

fn swapdb(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let first = parse_i32(args.get(1)).map_err(|_| BAD_FIRST)?;
    let second = parse_i32(args.get(2)).map_err(|_| BAD_SECOND)?;
    let count = context.keyspace.database_count();
    let exists = |number: i32| {
        usize::try_from(number)
            .ok()
            .filter(|&number| number < count)
    };
    let first = exists(first).ok_or(ReplyError::DB_INDEX)?;
    let second = exists(second).ok_or(ReplyError::DB_INDEX)?;
    let now_ms = context.now_ms();
    context.keyspace.mutate(first, now_ms).swap(second);
    context.reply.ok();
    Ok(())
}
