//! Commands that wait until there is a list with an item.
//!
//! Each tries what its sibling does that does not wait, and waits if there is nothing.
//!
//! Not here: waiting (`context/blocking.rs`).

use super::ends::{SeveralPop, pop_event};
use super::moving::{self, move_item};
use super::parse_end;
use crate::command::arguments::timeout::parse_seconds;
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::keys::{Keys, Part};
use crate::command::declare::portions::{Division, Joined};
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::context::blocking::KeyWait;
use crate::keyspace::{Changed, Missing};
use crate::protocol::args::Args;
use crate::value::kind::Kind;
use crate::value::list::{End, List};
use std::ops::Range;

pub(super) const COMMANDS: &[&CommandSpec] = &[&BLPOP, &BRPOP, &BLMOVE, &BRPOPLPUSH, &BLMPOP];

const FLAGS: Flags = Flags::WRITE.and(Flags::NO_SCRIPT).and(Flags::BLOCKING);
const ALL_BUT_LAST: Keys = Keys::of(&[Part::at(1).through(-2, 1)]);

/// Lets a request wait for lists; false if it may not.
fn wait(
    context: &mut Context<'_>,
    args: Args<'_>,
    keys: Range<usize>,
    timeout_ms: Option<u64>,
) -> bool {
    let wait = KeyWait {
        keys,
        kind: Kind::List,
        timeout_ms,
        hears_all: false,
    };
    context.wait_for_keys(args, wait)
}

static BLPOP: CommandSpec = family::LIST
    .command("blpop", "key [key ...] timeout", blpop)
    .summary("Takes the first item from the first of several lists that exists, and waits for one.")
    .since("2.0.0")
    .cost("O(number of keys)")
    .flags(FLAGS)
    .keys(ALL_BUT_LAST)
    .access(Access::TAKE);

fn blpop(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    pop(context, args, End::Front)
}

static BRPOP: CommandSpec = family::LIST
    .command("brpop", "key [key ...] timeout", brpop)
    .summary("Takes the last item from the first of several lists that exists, and waits for one.")
    .since("2.0.0")
    .cost("O(number of keys)")
    .flags(FLAGS)
    .keys(ALL_BUT_LAST)
    .access(Access::TAKE);

fn brpop(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    pop(context, args, End::Back)
}

fn pop(context: &mut Context<'_>, args: Args<'_>, end: End) -> Outcome {
    let keys = 1..args.len() - 1;
    let timeout_ms = parse_seconds(args.get(keys.end))?;
    for index in keys.clone() {
        if !context.may_serve(args.get(index)) {
            continue;
        }
        let key = context.key(args, index);
        let popped = context.change_and_tell::<List, _>(key, Missing::Skip, |list, reply| {
            reply.array(2);
            reply.bulk(args.get(index));
            list.pop(end, |item| reply.item(item));
            Ok(Changed::when(true, pop_event(end), ()))
        })?;
        if popped.is_some() {
            return Ok(());
        }
    }
    if !wait(context, args, keys, timeout_ms) {
        context.reply.null_array();
    }
    Ok(())
}

static BLMPOP: CommandSpec = family::LIST
    .command(
        "blmpop",
        "timeout numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
        blmpop,
    )
    .summary(
        "Takes items from an end of the first of several lists that exists, and waits for one.",
    )
    .since("7.0.0")
    .cost("O(N + M) with N keys and M items returned")
    .flags(Flags::WRITE.and(Flags::BLOCKING).and(Flags::MOVABLE_KEYS))
    .keys(Keys::of(&[Part::counted(2)]))
    .access(Access::TAKE)
    .divides_counted(5, blmpop_division, Joined::KeyAndArray);

fn blmpop_division(context: &Context<'_>, args: Args<'_>) -> Option<Division> {
    parse_seconds(args.get(1)).ok()?;
    SeveralPop::read(args, 2).ok()?.division(context, args)
}

fn blmpop(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let pop = SeveralPop::read(args, 2)?;
    let timeout_ms = parse_seconds(args.get(1))?;
    if !pop.run(context, args)? && !wait(context, args, pop.keys, timeout_ms) {
        context.reply.null_array();
    }
    Ok(())
}

static BLMOVE: CommandSpec = family::LIST
    .command(
        "blmove",
        "source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout",
        blmove,
    )
    .summary(
        "Moves an item from an end of a list to one of another, returns it, and waits for one.",
    )
    .since("6.2.0")
    .flags(FLAGS.and(Flags::DENY_OOM))
    .keys(moving::KEYS);

fn blmove(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let (from, to) = (parse_end(args.get(3))?, parse_end(args.get(4))?);
    move_or_wait(context, args, from, to)
}

static BRPOPLPUSH: CommandSpec = family::LIST
    .command("brpoplpush", "source destination timeout", brpoplpush)
    .summary(
        "Moves the last item of a list to the front of another, returns it, and waits for one.",
    )
    .since("2.2.0")
    .flags(FLAGS.and(Flags::DENY_OOM))
    .keys(moving::KEYS);

fn brpoplpush(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    move_or_wait(context, args, End::Back, End::Front)
}

fn move_or_wait(context: &mut Context<'_>, args: Args<'_>, from: End, to: End) -> Outcome {
    let timeout_ms = parse_seconds(args.get(args.len() - 1))?;
    if !move_item(context, args, from, to)? && !wait(context, args, 1..2, timeout_ms) {
        context.reply.null();
    }
    Ok(())
}
