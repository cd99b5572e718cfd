//! Members of sorted sets that go.

use super::layout::Layout;
use super::range::By;
use crate::base::numbers::parse_i64;
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::keys::{Keys, Part};
use crate::command::declare::portions::{Division, Joined, elements};
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::command::long_work::rank_removal::remove_ranks;
use crate::context::Context;
use crate::keyspace::{Changed, Event, Key, Missing};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::value::kind::WrongType;
use crate::value::sorted_set::SortedSet;
use std::ops::Range;

pub(super) const COMMANDS: &[&CommandSpec] = &[
    &ZREM,
    &ZREMRANGEBYRANK,
    &ZREMRANGEBYSCORE,
    &ZREMRANGEBYLEX,
    &ZPOPMIN,
    &ZPOPMAX,
    &ZMPOP,
];

const KEY_COUNT: ReplyError = ReplyError::fixed("ERR numkeys should be greater than 0");
const POP_COUNT: ReplyError = ReplyError::fixed("ERR count should be greater than 0");

static ZREM: CommandSpec = family::SORTED_SET
    .command("zrem", "key member [member ...]", zrem)
    .element(2)
    .summary("Removes members from a sorted set and returns how many there were.")
    .since("1.2.0")
    .cost("O(number of members * log(size))")
    .flags(Flags::WRITE.and(Flags::FAST_ON_KEYS))
    .access(Access::REDUCE)
    .divides(elements, Joined::Sum);

fn zrem(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let removed = context.change::<SortedSet, _>(key, Missing::Skip, |set| {
        let members = args.skip(2).iter();
        let removed: i64 = members.map(|member| i64::from(set.remove(member))).sum();
        Ok(Changed::when(removed > 0, Event::SortedRemove, removed))
    })?;
    context.reply.integer(removed.unwrap_or(0));
    Ok(())
}

const RANGE_COST: &str = "O(log(size) + number of members removed * log(size))";

static ZREMRANGEBYRANK: CommandSpec = family::SORTED_SET
    .command("zremrangebyrank", "key start stop", zremrangebyrank)
    .summary("Removes the members of a range of ranks from a sorted set.")
    .since("2.0.0")
    .cost(RANGE_COST)
    .flags(Flags::WRITE)
    .access(Access::REDUCE);

fn zremrangebyrank(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    remove_range(context, args, By::Rank, Event::SortedRemoveByRank)
}

static ZREMRANGEBYSCORE: CommandSpec = family::SORTED_SET
    .command("zremrangebyscore", "key min max", zremrangebyscore)
    .summary("Removes the members of a range of scores from a sorted set.")
    .since("1.2.0")
    .cost(RANGE_COST)
    .flags(Flags::WRITE)
    .access(Access::REDUCE);

fn zremrangebyscore(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    remove_range(context, args, By::Score, Event::SortedRemoveByScore)
}

static ZREMRANGEBYLEX: CommandSpec = family::SORTED_SET
    .command("zremrangebylex", "key min max", zremrangebylex)
    .summary("Removes the members of a range of texts from a sorted set of one score.")
    .since("2.8.9")
    .cost(RANGE_COST)
    .flags(Flags::WRITE)
    .access(Access::REDUCE);

fn zremrangebylex(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    remove_range(context, args, By::Text, Event::SortedRemoveByLex)
}

fn remove_range(context: &mut Context<'_>, args: Args<'_>, by: By, event: Event) -> Outcome {
    let span = by.read(args.get(2), args.get(3))?;
    let key = context.key(args, 1);
    remove_ranks(context, key, |set| span.ranks(set), event)
}

/// Which end of a sorted set members are taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The members of the least scores.
    Min,
    /// Those of the greatest.
    Max,
}

static ZPOPMIN: CommandSpec = family::SORTED_SET
    .command("zpopmin", "key [count]", zpopmin)
    .summary("Removes the members of the least scores from a sorted set and returns them.")
    .since("5.0.0")
    .cost("O(number of members * log(size))")
    .flags(Flags::WRITE.and(Flags::FAST))
    .access(Access::TAKE)
    .divides_counted(2, pop_division, Joined::Array);

fn zpopmin(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    pop_first(context, args, End::Min)
}

static ZPOPMAX: CommandSpec = family::SORTED_SET
    .command("zpopmax", "key [count]", zpopmax)
    .summary("Removes the members of the greatest scores from a sorted set and returns them.")
    .since("5.0.0")
    .cost("O(number of members * log(size))")
    .flags(Flags::WRITE.and(Flags::FAST))
    .access(Access::TAKE)
    .divides_counted(2, pop_division, Joined::Array);

fn zpopmax(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    pop_first(context, args, End::Max)
}

fn pop_first(context: &mut Context<'_>, args: Args<'_>, end: End) -> Outcome {
    let (count, layout) = match args.len() {
        2 => (1, Layout::Flat),
        3 => {
            let count = parse_i64(args.get(2)).and_then(|count| u64::try_from(count).ok());
            let count = count.ok_or(ReplyError::NOT_POSITIVE)?;
            (count, Layout::new(true, context.reply.dialect()))
        }
        _ => return Err(ReplyError::SYNTAX),
    };
    let key = context.key(args, 1);
    let pop = Pop {
        end,
        count,
        layout,
        told: Told::Members,
    };
    if !pop.run(context, key)? {
        context.reply.array(0);
    }
    Ok(())
}

/// So many members are taken.
fn pop_division(context: &Context<'_>, args: Args<'_>) -> Option<Division> {
    let count = parse_i64(args.get(2)).and_then(|count| u64::try_from(count).ok())?;
    let len = len_of(context, args, 1).ok()?;
    Some(Division::counted(args, 2, count.min(len)))
}

/// How many members the sorted set of a key has.
fn len_of(context: &Context<'_>, args: Args<'_>, index: usize) -> Result<u64, WrongType> {
    let (database, now_ms) = (context.database(), context.now_ms());
    let key = context.key(args, index);
    let set = context.keyspace.peek::<SortedSet>(database, key, now_ms)?;
    Ok(set.map_or(0, |set| set.len()))
}

static ZMPOP: CommandSpec = family::SORTED_SET
    .command(
        "zmpop",
        "numkeys key [key ...] <MIN | MAX> [COUNT count]",
        zmpop,
    )
    .summary("Removes members of the least or greatest scores from the first sorted set that has any, and returns them.")
    .since("7.0.0")
    .cost("O(number of keys + number of members * log(size))")
    .flags(Flags::WRITE.and(Flags::MOVABLE_KEYS))
    .keys(Keys::of(&[Part::counted(1)]))
    .access(Access::TAKE)
    .divides_counted(4, zmpop_division, Joined::KeyAndArray);

fn zmpop(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let (pop, keys) = read_several(args, 1)?;
    if !pop.run_first(context, args, keys)? {
        context.reply.null_array();
    }
    Ok(())
}

fn zmpop_division(context: &Context<'_>, args: Args<'_>) -> Option<Division> {
    several_division(context, args, 1)
}

/// How many members ZMPOP and BZMPOP take of the first sorted set that is there.
pub(super) fn several_division(
    context: &Context<'_>,
    args: Args<'_>,
    numkeys_index: usize,
) -> Option<Division> {
    let (pop, mut keys) = read_several(args, numkeys_index).ok()?;
    let first = keys.find(|&index| len_of(context, args, index) != Ok(0))?;
    let len = len_of(context, args, first).ok()?;
    Some(Division::counted(args, args.len() - 1, pop.count.min(len)))
}

/// What ZMPOP and BZMPOP take, and which arguments are the keys, from the argument on that is their
/// number.
pub(super) fn read_several(
    args: Args<'_>,
    numkeys_index: usize,
) -> Result<(Pop, Range<usize>), ReplyError> {
    let at_least_1 = |text, error| match parse_i64(text) {
        Some(count @ 1..) => Ok(count as usize),
        _ => Err(error),
    };
    let key_count = at_least_1(args.get(numkeys_index), KEY_COUNT)?;
    let first = numkeys_index + 1;
    let first_option = key_count.saturating_add(first);
    if first_option >= args.len() {
        return Err(ReplyError::SYNTAX);
    }
    let end = match args.get(first_option) {
        word if word.eq_ignore_ascii_case(b"min") => End::Min,
        word if word.eq_ignore_ascii_case(b"max") => End::Max,
        _ => return Err(ReplyError::SYNTAX),
    };
    let options = args.skip(first_option + 1);
    let count = match options.len() {
        0 => 1,
        2.. if options.get(0).eq_ignore_ascii_case(b"count") => {
            at_least_1(options.get(1), POP_COUNT)?
        }
        _ => return Err(ReplyError::SYNTAX),
    };
    if options.len() > 2 {
        return Err(ReplyError::SYNTAX);
    }
    let pop = Pop {
        end,
        count: count as u64,
        layout: Layout::Pairs,
        told: Told::KeyAndMembers,
    };
    Ok((pop, first..first_option))
}

/// What is taken from an end of a sorted set, and how it is told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pop {
    end: End,
    count: u64,
    layout: Layout,
    told: Told,
}

/// Of what a reply consists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// The members with their scores.
    Members,
    /// The key and an array of them.
    KeyAndMembers,
    /// The key, a member and its score, one after the other.
    InOne,
}

impl Pop {
    /// What BZPOPMIN and BZPOPMAX take.
    pub(super) fn one(end: End) -> Self {
        Self {
            end,
            count: 1,
            layout: Layout::Flat,
            told: Told::InOne,
        }
    }

    /// Takes members from the first of these keys that is there and replies them; false if there is
    /// none.
    pub(super) fn run_first(
        self,
        context: &mut Context<'_>,
        args: Args<'_>,
        keys: Range<usize>,
    ) -> Result<bool, ReplyError> {
        for index in keys {
            if context.may_serve(args.get(index)) {
                let key = context.key(args, index);
                if self.run(context, key)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Takes members and replies them; false if there is no such key.
    fn run(self, context: &mut Context<'_>, key: Key<'_>) -> Result<bool, ReplyError> {
        let (database, now_ms) = (context.database(), context.now_ms());
        let Context {
            keyspace, reply, ..
        } = context;
        let event = match self.end {
            End::Min => Event::SortedPopMin,
            End::Max => Event::SortedPopMax,
        };
        let mut mutation = keyspace.mutate(database, now_ms);
        let popped = mutation.change::<SortedSet, _, ReplyError>(key, Missing::Skip, |set| {
            let len = set.read().len();
            let count = self.count.min(len);
            let ranks = match self.end {
                End::Min => 0..count,
                End::Max => len - count..len,
            };
            let members = set.read().slice(ranks.clone(), self.end == End::Max);
            match self.told {
                Told::Members => self.layout.write_all(reply, count as usize, members),
                Told::KeyAndMembers => {
                    reply.array(2);
                    reply.bulk(key.bytes);
                    self.layout.write_all(reply, count as usize, members);
                }
                Told::InOne => {
                    reply.array(3);
                    reply.bulk(key.bytes);
                    for (member, score) in members {
                        reply.item(member);
                        reply.double(score);
                    }
                }
            }
            set.remove_ranks(ranks);
            Ok(Changed::when(count > 0, event, ()))
        })?;
        Ok(popped.is_some())
    }
}
