//! Changes anywhere in a list.

use crate::base::numbers::parse_i64;
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::command::long_work::list_edit::{self, Insertion};
use crate::context::Context;
use crate::keyspace::{Changed, Event, Missing};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::value::list::{End, List};

pub(super) const COMMANDS: &[&CommandSpec] = &[&LSET, &LINSERT, &LREM, &LTRIM];

const INDEX_OUT_OF_RANGE: ReplyError = ReplyError::fixed("ERR index out of range");

static LSET: CommandSpec = family::LIST
    .command("lset", "key index element", lset)
    .summary("Puts an item in the place of that at an index of a list.")
    .since("1.0.0")
    .cost("O(log N) with N items in the list")
    .flags(Flags::WRITE.and(Flags::DENY_OOM))
    .access(Access::CHANGE_UNTOLD);

fn lset(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let found = context.change::<List, _>(key, Missing::Skip, |list| {
        let index = parse_i64(args.get(2)).ok_or(ReplyError::NOT_INTEGER)?;
        let rank = list.read().rank_of(index).ok_or(INDEX_OUT_OF_RANGE)?;
        list.set(rank, args.get(3));
        Ok(Changed::when(true, Event::ListSet, ()))
    })?;
    found.ok_or(ReplyError::NO_SUCH_KEY)?;
    context.reply.ok();
    Ok(())
}

static LINSERT: CommandSpec = family::LIST
    .command("linsert", "key <BEFORE | AFTER> pivot element", linsert)
    .summary("Inserts an item beside the first one that equals another, and returns the length.")
    .since("2.2.0")
    .cost("O(N) with N items before the one looked for")
    .flags(Flags::WRITE.and(Flags::DENY_OOM))
    .access(Access::EXTEND);

fn linsert(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let is_after = args.get(2).eq_ignore_ascii_case(b"after");
    if !is_after && !args.get(2).eq_ignore_ascii_case(b"before") {
        return Err(ReplyError::SYNTAX);
    }
    let key = context.key(args, 1);
    let insertion = Insertion {
        pivot: args.get(3).into(),
        is_after,
        text: args.get(4).into(),
    };
    list_edit::insert_beside(context, key, insertion)
}

static LREM: CommandSpec = family::LIST
    .command("lrem", "key count element", lrem)
    .summary("Removes items of a list that equal an element and returns how many there were.")
    .since("1.0.0")
    .cost("O(N) with N items in the list")
    .flags(Flags::WRITE)
    .access(Access::REDUCE);

fn lrem(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let count = parse_i64(args.get(2)).ok_or(ReplyError::NOT_INTEGER)?;
    let (end, count_max) = match count {
        0 => (End::Front, u64::MAX),
        1.. => (End::Front, count.unsigned_abs()),
        _ => (End::Back, count.unsigned_abs()),
    };
    let key = context.key(args, 1);
    list_edit::remove_equal(context, key, args.get(3), end, count_max)
}

static LTRIM: CommandSpec = family::LIST
    .command("ltrim", "key start stop", ltrim)
    .summary("Removes all items of a list but those from one index to another.")
    .since("1.0.0")
    .cost("O(log N) with N items in the list")
    .flags(Flags::WRITE)
    .access(Access::REDUCE);

fn ltrim(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let start = parse_i64(args.get(2)).ok_or(ReplyError::NOT_INTEGER)?;
    let stop = parse_i64(args.get(3)).ok_or(ReplyError::NOT_INTEGER)?;
    let key = context.key(args, 1);
    context.change::<List, _>(key, Missing::Skip, |list| {
        let ranks = list.read().ranks_between(start, stop);
        list.keep(ranks);
        // It is heard even if all of it is kept.
        Ok(Changed::when(true, Event::ListTrim, ()))
    })?;
    context.reply.ok();
    Ok(())
}
