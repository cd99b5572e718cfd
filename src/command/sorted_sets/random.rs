//! ZRANDMEMBER.
//!
//! ```text
//!  count ≥ 0   so many ranks, each once: drawn, sorted, told in order
//!  count < 0   so many draws, told as they come: nothing is kept of them
//! ```
//!
//! Cost: O(count log(size)).

use super::layout::Layout;
use crate::base::numbers::parse_i64;
use crate::command::arguments::sample::distinct_ranks;
use crate::command::declare::family;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::command::long_work::random_read::reply_random;
use crate::context::Context;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::value::sorted_set::SortedSet;

pub(super) const COMMANDS: &[&CommandSpec] = &[&ZRANDMEMBER];

const OUTSIDE_I64: ReplyError = ReplyError::fixed(
    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
);
const OUT_OF_RANGE: ReplyError = ReplyError::fixed("ERR value is out of range");

static ZRANDMEMBER: CommandSpec = family::SORTED_SET
    .command("zrandmember", "key [count [WITHSCORES]]", zrandmember)
    .summary("Returns members of a sorted set chosen at random.")
    .since("6.2.0")
    .cost("O(count * log(size))")
    .flags(Flags::READ_ONLY);

fn zrandmember(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let count = match args.len() {
        2 => None,
        _ => Some(read_count(args)?),
    };
    let key = context.key(args, 1);
    if let Some(count) = count {
        let layout = Layout::new(args.len() > 3, context.reply.dialect());
        if reply_random::<SortedSet>(context, key, count, layout.random_form())? {
            return Ok(());
        }
    }
    let mut random = context.keyspace.fork_random();
    let (reply, set) = context.read_as::<SortedSet>(key)?;
    let Some(count) = count else {
        let drawn = set.and_then(|set| set.at(random.u64(..set.len())));
        match drawn {
            Some((member, _)) => reply.item(member),
            None => reply.null(),
        }
        return Ok(());
    };
    let layout = Layout::new(args.len() > 3, reply.dialect());
    let Some(set) = set.filter(|_| count != 0) else {
        reply.array(0);
        return Ok(());
    };
    let len = set.len();
    if count < 0 {
        let count = count.unsigned_abs() as usize;
        let draws = (0..count).filter_map(|_| set.at(random.u64(..len)));
        layout.write_all(reply, count, draws);
    } else if count.unsigned_abs() >= len {
        layout.write_all(reply, len as usize, set.iter());
    } else {
        let count = count.unsigned_abs();
        let ranks = distinct_ranks(len, count, &mut random);
        let members = ranks.filter_map(|rank| set.at(rank));
        layout.write_all(reply, count as usize, members);
    }
    Ok(())
}

/// How many members a request asks for.
fn read_count(args: Args<'_>) -> Result<i64, ReplyError> {
    let count = parse_i64(args.get(2)).ok_or(ReplyError::NOT_INTEGER)?;
    if count == i64::MIN {
        return Err(OUTSIDE_I64);
    }
    match args.len() {
        3 => Ok(count),
        4 if !args.get(3).eq_ignore_ascii_case(b"withscores") => Err(ReplyError::SYNTAX),
        // Twice as many words must be a number, too.
        4 if count.unsigned_abs() > i64::MAX as u64 / 2 => Err(OUT_OF_RANGE),
        4 => Ok(count),
        _ => Err(ReplyError::SYNTAX),
    }
}
