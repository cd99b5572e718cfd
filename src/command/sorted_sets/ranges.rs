//! Ranges of sorted sets, told or stored.

use super::layout::Layout;
use super::range::{By, Form, RangeRequest};
use super::stored::StoredMembers;
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::keys::{Keys, Part};
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::command::long_work::build::{Target, may_take_steps};
use crate::command::long_work::range::{RangeOrder, reply_range};
use crate::command::long_work::several;
use crate::context::Context;
use crate::keyspace::Event;
use crate::protocol::args::Args;
use crate::value::sorted_set::SortedSet;

pub(super) const COMMANDS: &[&CommandSpec] = &[
    &ZRANGE,
    &ZREVRANGE,
    &ZRANGEBYSCORE,
    &ZREVRANGEBYSCORE,
    &ZRANGEBYLEX,
    &ZREVRANGEBYLEX,
    &ZRANGESTORE,
];

/// From this many members on a range is stored in slices.
const LONG_COUNT_MIN: u64 = 1_024;

const COST: &str = "O(log(size) + number of members returned)";

static ZRANGE: CommandSpec = family::SORTED_SET
    .command(
        "zrange",
        "key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]",
        zrange,
    )
    .summary("Returns the members of a range of ranks, scores or texts of a sorted set.")
    .since("1.2.0")
    .cost(COST)
    .flags(Flags::READ_ONLY.and(Flags::SHORT));

fn zrange(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    answer(context, args, None, None)
}

static ZREVRANGE: CommandSpec = family::SORTED_SET
    .command("zrevrange", "key start stop [WITHSCORES]", zrevrange)
    .summary("Returns the members of a range of ranks of a sorted set, from the last one back.")
    .since("1.2.0")
    .cost(COST)
    .flags(Flags::READ_ONLY.and(Flags::SHORT));

fn zrevrange(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    answer(context, args, Some(By::Rank), Some(true))
}

static ZRANGEBYSCORE: CommandSpec = family::SORTED_SET
    .command(
        "zrangebyscore",
        "key min max [WITHSCORES] [LIMIT offset count]",
        zrangebyscore,
    )
    .summary("Returns the members of a range of scores of a sorted set.")
    .since("1.0.5")
    .cost(COST)
    .flags(Flags::READ_ONLY.and(Flags::SHORT));

fn zrangebyscore(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    answer(context, args, Some(By::Score), Some(false))
}

static ZREVRANGEBYSCORE: CommandSpec = family::SORTED_SET
    .command(
        "zrevrangebyscore",
        "key max min [WITHSCORES] [LIMIT offset count]",
        zrevrangebyscore,
    )
    .summary("Returns the members of a range of scores of a sorted set, from the last one back.")
    .since("2.2.0")
    .cost(COST)
    .flags(Flags::READ_ONLY.and(Flags::SHORT));

fn zrevrangebyscore(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    answer(context, args, Some(By::Score), Some(true))
}

static ZRANGEBYLEX: CommandSpec = family::SORTED_SET
    .command(
        "zrangebylex",
        "key min max [LIMIT offset count]",
        zrangebylex,
    )
    .summary("Returns the members of a range of texts of a sorted set of one score.")
    .since("2.8.9")
    .cost(COST)
    .flags(Flags::READ_ONLY.and(Flags::SHORT));

fn zrangebylex(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    answer(context, args, Some(By::Text), Some(false))
}

static ZREVRANGEBYLEX: CommandSpec = family::SORTED_SET
    .command(
        "zrevrangebylex",
        "key max min [LIMIT offset count]",
        zrevrangebylex,
    )
    .summary("Returns the members of a range of texts of a sorted set of one score, from the last one back.")
    .since("2.8.9")
    .cost(COST)
    .flags(Flags::READ_ONLY.and(Flags::SHORT));

fn zrevrangebylex(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    answer(context, args, Some(By::Text), Some(true))
}

fn answer(
    context: &mut Context<'_>,
    args: Args<'_>,
    by: Option<By>,
    is_reversed: Option<bool>,
) -> Outcome {
    let form = Form {
        by,
        is_reversed,
        may_have_scores: true,
    };
    let RangeRequest { query, has_scores } = RangeRequest::read(args.skip(2), form)?;
    let key = context.key(args, 1);
    let form = Layout::new(has_scores, context.reply.dialect()).range_form();
    reply_range::<SortedSet>(context, key, form, |set| RangeOrder {
        ranks: query.ranks(set),
        is_reverse: query.is_reversed,
    })
}

static ZRANGESTORE: CommandSpec = family::SORTED_SET
    .command(
        "zrangestore",
        "dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]",
        zrangestore,
    )
    .summary("Stores the members of a range of a sorted set in another one.")
    .since("6.2.0")
    .cost("O(log(size) + number of members stored * log(number of members stored))")
    .flags(Flags::WRITE.and(Flags::DENY_OOM))
    .keys(Keys::of(&[
        Part::at(1).access(Access::REPLACE),
        Part::at(2).access(Access::READ),
    ]));

fn zrangestore(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let form = Form {
        by: None,
        is_reversed: None,
        may_have_scores: false,
    };
    let RangeRequest { query, .. } = RangeRequest::read(args.skip(3), form)?;
    let (target, source) = (context.key(args, 1), context.key(args, 2));
    let may_take_steps = may_take_steps(context);
    let (_, set) = context.read_as::<SortedSet>(source)?;
    if let Some(set) = &set
        && may_take_steps
    {
        let ranks = query.ranks(set);
        if ranks.end - ranks.start >= LONG_COUNT_MIN && !set.ordered().is_packed() {
            let event = Event::SortedStoreRange;
            let target = Target::new(context.database(), target, event, |reply, count| {
                reply.integer(count as i64);
            });
            several::store_range(context, source, ranks, target);
            return Ok(());
        }
    }
    let members = set.map_or_else(StoredMembers::default, |set| {
        StoredMembers::copy(set.slice(query.ranks(&set), query.is_reversed))
    });
    members.store(context, target, Event::SortedStoreRange);
    Ok(())
}
