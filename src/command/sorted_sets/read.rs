//! Members of sorted sets told one by one, and counted.

use super::range::By;
use crate::command::arguments::scan::{PageWay, ScanOptions, ScanPage, read_cursor, reply_empty};
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::portions::{Joined, elements};
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::structures::item::Item;
use crate::value::sorted_set::SortedSet;

pub(super) const COMMANDS: &[&CommandSpec] = &[
    &ZCARD, &ZCOUNT, &ZLEXCOUNT, &ZSCORE, &ZMSCORE, &ZRANK, &ZREVRANK, &ZSCAN,
];

const FAST: Flags = Flags::READ_ONLY.and(Flags::FAST_ON_KEYS);

static ZCARD: CommandSpec = family::SORTED_SET
    .command("zcard", "key", zcard)
    .summary("Returns how many members a sorted set has.")
    .since("1.2.0")
    .flags(FAST)
    .access(Access::LOOK);

fn zcard(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let (reply, set) = context.read_as::<SortedSet>(key)?;
    reply.integer(set.map_or(0, |set| set.len()) as i64);
    Ok(())
}

static ZCOUNT: CommandSpec = family::SORTED_SET
    .command("zcount", "key min max", zcount)
    .summary("Returns how many members of a sorted set are in a range of scores.")
    .since("2.0.0")
    .cost("O(log(size))")
    .flags(FAST);

fn zcount(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    count(context, args, By::Score)
}

static ZLEXCOUNT: CommandSpec = family::SORTED_SET
    .command("zlexcount", "key min max", zlexcount)
    .summary("Returns how many members of a sorted set of one score are in a range of texts.")
    .since("2.8.9")
    .cost("O(log(size))")
    .flags(FAST);

fn zlexcount(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    count(context, args, By::Text)
}

fn count(context: &mut Context<'_>, args: Args<'_>, by: By) -> Outcome {
    let span = by.read(args.get(2), args.get(3))?;
    let key = context.key(args, 1);
    let (reply, set) = context.read_as::<SortedSet>(key)?;
    let ranks = set.map_or(0..0, |set| span.ranks(&set));
    reply.integer((ranks.end - ranks.start) as i64);
    Ok(())
}

static ZSCORE: CommandSpec = family::SORTED_SET
    .command("zscore", "key member", zscore)
    .element(2)
    .summary("Returns the score of a member of a sorted set.")
    .since("1.2.0")
    .cost("O(log(size))")
    .flags(FAST);

fn zscore(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let (reply, set) = context.read_as::<SortedSet>(key)?;
    match set.and_then(|set| set.score(args.get(2))) {
        Some(score) => reply.double(score),
        None => reply.null(),
    }
    Ok(())
}

static ZMSCORE: CommandSpec = family::SORTED_SET
    .command("zmscore", "key member [member ...]", zmscore)
    .summary("Returns the scores of members of a sorted set.")
    .since("6.2.0")
    .cost("O(number of members * log(size))")
    .flags(FAST)
    .divides(elements, Joined::Array);

fn zmscore(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let (reply, set) = context.read_as::<SortedSet>(key)?;
    reply.array(args.len() - 2);
    for member in args.skip(2).iter() {
        match set.and_then(|set| set.score(member)) {
            Some(score) => reply.double(score),
            None => reply.null(),
        }
    }
    Ok(())
}

static ZRANK: CommandSpec = family::SORTED_SET
    .command("zrank", "key member [WITHSCORE]", zrank)
    .ranked_element(2)
    .summary("Returns how many members of a sorted set stand before a member.")
    .since("2.0.0")
    .cost("O(log(size))")
    .flags(FAST);

fn zrank(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    rank(context, args, "zrank", |rank, _| rank)
}

static ZREVRANK: CommandSpec = family::SORTED_SET
    .command("zrevrank", "key member [WITHSCORE]", zrevrank)
    .ranked_element(2)
    .summary("Returns how many members of a sorted set stand after a member.")
    .since("2.0.0")
    .cost("O(log(size))")
    .flags(FAST);

fn zrevrank(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    rank(context, args, "zrevrank", |rank, len| len - 1 - rank)
}

fn rank(
    context: &mut Context<'_>,
    args: Args<'_>,
    command: &str,
    rank_of: impl FnOnce(u64, u64) -> u64,
) -> Outcome {
    let has_score = args.len() > 3;
    if args.len() > 4 {
        return Err(ReplyError::wrong_arity(command));
    }
    if has_score && !args.get(3).eq_ignore_ascii_case(b"withscore") {
        return Err(ReplyError::SYNTAX);
    }
    let key = context.key(args, 1);
    let (reply, set) = context.read_as::<SortedSet>(key)?;
    let found = set.and_then(|set| Some((set.rank(args.get(2))?, set.len())));
    match found {
        Some(((rank, score), len)) => {
            let rank = rank_of(rank, len) as i64;
            if has_score {
                reply.array(2);
                reply.integer(rank);
                reply.double(score);
            } else {
                reply.integer(rank);
            }
        }
        None if has_score => reply.null_array(),
        None => reply.null(),
    }
    Ok(())
}

static ZSCAN: CommandSpec = family::SORTED_SET
    .command("zscan", "key cursor [MATCH pattern] [COUNT count]", zscan)
    .summary("Returns some members of a sorted set with their scores, and where to go on.")
    .since("2.8.0")
    .cost("O(COUNT) for a call, O(size) for a whole scan")
    .flags(Flags::READ_ONLY);

fn zscan(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let cursor = read_cursor(args.get(2))?;
    let way = PageWay::of(context);
    let key = context.key(args, 1);
    let (reply, set) = context.read_as::<SortedSet>(key)?;
    let Some(set) = set else {
        reply_empty(reply);
        return Ok(());
    };
    let options = ScanOptions::read(args.skip(3), |_, _| 0)?;
    let mut page = ScanPage::new(cursor, options, 2, way)?;
    page.fill(|page, cursor| {
        set.scan(cursor, |member, score| {
            page.show(member, |reply| {
                reply.item(member);
                reply.item(Item::Double(score));
            });
        })
    });
    page.answer(context);
    Ok(())
}
