//! Commands that wait until there is a sorted set with a member.
//!
//! Not here: taking members (`remove.rs`), waiting (`context/blocking.rs`).

use super::remove::{End, Pop, read_several, several_division};
use crate::command::arguments::timeout::parse_seconds;
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::keys::{Keys, Part};
use crate::command::declare::portions::{Division, Joined};
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::context::blocking::KeyWait;
use crate::protocol::args::Args;
use crate::value::kind::Kind;
use std::ops::Range;

pub(super) const COMMANDS: &[&CommandSpec] = &[&BZPOPMIN, &BZPOPMAX, &BZMPOP];

const FLAGS: Flags = Flags::WRITE
    .and(Flags::NO_SCRIPT)
    .and(Flags::BLOCKING)
    .and(Flags::FAST);
const ALL_BUT_LAST: Keys = Keys::of(&[Part::at(1).through(-2, 1)]);

static BZPOPMIN: CommandSpec = family::SORTED_SET
    .command("bzpopmin", "key [key ...] timeout", bzpopmin)
    .summary("Takes the member of the least score from the first of several sorted sets that exists, and waits for one.")
    .since("5.0.0")
    .cost("O(number of keys + log(size))")
    .flags(FLAGS)
    .keys(ALL_BUT_LAST)
    .access(Access::TAKE);

fn bzpopmin(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    pop_one(context, args, End::Min)
}

static BZPOPMAX: CommandSpec = family::SORTED_SET
    .command("bzpopmax", "key [key ...] timeout", bzpopmax)
    .summary("Takes the member of the greatest score from the first of several sorted sets that exists, and waits for one.")
    .since("5.0.0")
    .cost("O(number of keys + log(size))")
    .flags(FLAGS)
    .keys(ALL_BUT_LAST)
    .access(Access::TAKE);

fn bzpopmax(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    pop_one(context, args, End::Max)
}

fn pop_one(context: &mut Context<'_>, args: Args<'_>, end: End) -> Outcome {
    let keys = 1..args.len() - 1;
    let timeout_ms = parse_seconds(args.get(keys.end))?;
    pop_or_wait(context, args, Pop::one(end), keys, timeout_ms)
}

static BZMPOP: CommandSpec = family::SORTED_SET
    .command(
        "bzmpop",
        "timeout numkeys key [key ...] <MIN | MAX> [COUNT count]",
        bzmpop,
    )
    .summary("Takes members of the least or greatest scores from the first of several sorted sets that exists, and waits for one.")
    .since("7.0.0")
    .cost("O(number of keys + number of members * log(size))")
    .flags(Flags::WRITE.and(Flags::BLOCKING).and(Flags::MOVABLE_KEYS))
    .keys(Keys::of(&[Part::counted(2)]))
    .access(Access::TAKE)
    .divides_counted(5, bzmpop_division, Joined::KeyAndArray);

fn bzmpop_division(context: &Context<'_>, args: Args<'_>) -> Option<Division> {
    parse_seconds(args.get(1)).ok()?;
    several_division(context, args, 2)
}

fn bzmpop(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let (pop, keys) = read_several(args, 2)?;
    let timeout_ms = parse_seconds(args.get(1))?;
    pop_or_wait(context, args, pop, keys, timeout_ms)
}

fn pop_or_wait(
    context: &mut Context<'_>,
    args: Args<'_>,
    pop: Pop,
    keys: Range<usize>,
    timeout_ms: Option<u64>,
) -> Outcome {
    if pop.run_first(context, args, keys.clone())? {
        return Ok(());
    }
    let wait = KeyWait {
        keys,
        kind: Kind::SortedSet,
        timeout_ms,
        hears_all: false,
    };
    if !context.wait_for_keys(args, wait) {
        context.reply.null_array();
    }
    Ok(())
}
