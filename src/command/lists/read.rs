//! Items of lists, told and looked for.

use super::parse_count;
use crate::base::numbers::parse_i64;
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::command::long_work::list_search::{self, Wanted};
use crate::command::long_work::range::{RangeForm, RangeOrder, reply_range};
use crate::context::Context;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::ReplyWriter;
use crate::structures::item::Item;
use crate::value::list::{End, List};
use crate::value::replied::Told;

pub(super) const COMMANDS: &[&CommandSpec] = &[&LLEN, &LINDEX, &LRANGE, &LPOS];

/// Tells items one after the other, as long as they fit the reply.
pub(super) fn tell_items<'i>(
    reply: &mut ReplyWriter<'_>,
    mut items: impl Iterator<Item = Item<'i>>,
) {
    // No more are walked than are told.
    let _ = items.try_for_each(|item| {
        reply.item(item);
        (!reply.is_over()).then_some(())
    });
}

static LLEN: CommandSpec = family::LIST
    .command("llen", "key", llen)
    .summary("Returns how many items a list has.")
    .since("1.0.0")
    .flags(Flags::READ_ONLY.and(Flags::FAST_ON_KEYS))
    .access(Access::LOOK);

fn llen(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let (reply, list) = context.read_as::<List>(key)?;
    reply.integer(list.map_or(0, |list| list.len()) as i64);
    Ok(())
}

static LINDEX: CommandSpec = family::LIST
    .command("lindex", "key index", lindex)
    .summary("Returns the item of a list at an index.")
    .since("1.0.0")
    .cost("O(log N) with N items in the list")
    .flags(Flags::READ_ONLY.and(Flags::SHORT));

fn lindex(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let (reply, list) = context.read_as::<List>(key)?;
    let Some(list) = list else {
        reply.null();
        return Ok(());
    };
    let index = parse_i64(args.get(2)).ok_or(ReplyError::NOT_INTEGER)?;
    match list.rank_of(index).and_then(|rank| list.at(rank)) {
        Some(item) => reply.item(item),
        None => reply.null(),
    }
    Ok(())
}

static LRANGE: CommandSpec = family::LIST
    .command("lrange", "key start stop", lrange)
    .summary("Returns the items of a list from one index to another.")
    .since("1.0.0")
    .cost("O(log N + M) with N items in the list, of which M are returned")
    .flags(Flags::READ_ONLY.and(Flags::SHORT));

/// Items as an array.
const ITEMS: RangeForm = RangeForm {
    header: |reply, count| reply.array(count),
    told: Told::Key,
};

fn lrange(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let start = parse_i64(args.get(2)).ok_or(ReplyError::NOT_INTEGER)?;
    let stop = parse_i64(args.get(3)).ok_or(ReplyError::NOT_INTEGER)?;
    let key = context.key(args, 1);
    reply_range::<List>(context, key, ITEMS, |list| RangeOrder {
        ranks: list.ranks_between(start, stop),
        is_reverse: false,
    })
}

static LPOS: CommandSpec = family::LIST
    .command(
        "lpos",
        "key element [RANK rank] [COUNT num-matches] [MAXLEN len]",
        lpos,
    )
    .summary("Returns the indexes of items of a list that equal an element.")
    .since("6.0.6")
    .cost("O(N) with N items that are walked")
    .flags(Flags::READ_ONLY);

const RANK_IS_ZERO: ReplyError = ReplyError::fixed(
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use \
     negative to start from the end of the list",
);
const RANK_OUT_OF_RANGE: ReplyError = ReplyError::fixed(
    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
);
const NEGATIVE_COUNT: ReplyError = ReplyError::fixed("ERR COUNT can't be negative");
const NEGATIVE_MAXLEN: ReplyError = ReplyError::fixed("ERR MAXLEN can't be negative");

/// What LPOS is asked for.
struct Search {
    /// From where it walks.
    end: End,
    /// Matches that it passes over.
    skipped_count: u64,
    /// How many it tells, if it tells a list; 0 means all.
    count: Option<u64>,
    /// How many items it walks; 0 means all.
    walked_max: u64,
}

fn parse_search(options: Args<'_>) -> Result<Search, ReplyError> {
    let mut search = Search {
        end: End::Front,
        skipped_count: 0,
        count: None,
        walked_max: 0,
    };
    for index in (0..options.len()).step_by(2) {
        if index + 1 == options.len() {
            return Err(ReplyError::SYNTAX);
        }
        let (name, value) = (options.get(index), options.get(index + 1));
        if name.eq_ignore_ascii_case(b"rank") {
            match parse_i64(value).ok_or(ReplyError::NOT_INTEGER)? {
                0 => return Err(RANK_IS_ZERO),
                i64::MIN => return Err(RANK_OUT_OF_RANGE),
                rank => {
                    search.end = if rank < 0 { End::Back } else { End::Front };
                    search.skipped_count = rank.unsigned_abs() - 1;
                }
            }
        } else if name.eq_ignore_ascii_case(b"count") {
            search.count = Some(parse_count(value).ok_or(NEGATIVE_COUNT)?);
        } else if name.eq_ignore_ascii_case(b"maxlen") {
            search.walked_max = parse_count(value).ok_or(NEGATIVE_MAXLEN)?;
        } else {
            return Err(ReplyError::SYNTAX);
        }
    }
    Ok(search)
}

fn lpos(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let search = parse_search(args.skip(3))?;
    let key = context.key(args, 1);
    let (_, list) = context.read_as::<List>(key)?;
    let all_if_zero = |count: u64| if count == 0 { u64::MAX } else { count };
    let len = list.map_or(0, |list| list.len());
    let found_max = search.count.map_or(1, all_if_zero);
    let wanted = Wanted {
        text: args.get(2).into(),
        end: search.end,
        walked_max: all_if_zero(search.walked_max).min(len),
        skipped_count: search.skipped_count,
        found_max,
    };
    let is_list = search.count.is_some();
    list_search::search(
        context,
        key,
        wanted,
        if is_list { reply_ranks } else { reply_rank },
    );
    Ok(())
}

fn reply_ranks(reply: &mut ReplyWriter<'_>, ranks: &[u64]) {
    reply.array(ranks.len());
    for &rank in ranks {
        reply.integer(rank as i64);
    }
}

fn reply_rank(reply: &mut ReplyWriter<'_>, ranks: &[u64]) {
    match ranks.first() {
        Some(&rank) => reply.integer(rank as i64),
        None => reply.null(),
    }
}
