//! Members of sets chosen at random, each with the same chance.

use crate::base::numbers::parse_i64;
use crate::command::arguments::sample::distinct_ranks;
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::portions::{Division, Joined};
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::command::long_work::random_read::{RandomForm, reply_random};
use crate::context::Context;
use crate::keyspace::{Changed, Event, Missing};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::ReplyWriter;
use crate::structures::block_tree::BlockStore;
use crate::value::replied::Told;
use crate::value::set::{Set, SetRef};

pub(super) const COMMANDS: &[&CommandSpec] = &[&SPOP, &SRANDMEMBER];

static SPOP: CommandSpec = family::SET
    .command("spop", "key [count]", spop)
    .summary("Removes members chosen at random from a set and returns them.")
    .since("1.0.0")
    .cost("O(number of members returned)")
    .flags(Flags::WRITE.and(Flags::FAST))
    .access(Access::TAKE)
    .divides_counted(2, spop_division, Joined::Array);

fn spop(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    if args.len() > 3 {
        return Err(ReplyError::SYNTAX);
    }
    let count = match args.len() {
        2 => None,
        _ => Some(parse_count(args.get(2))?),
    };
    let key = context.key(args, 1);
    let mut random = context.keyspace.fork_random();
    let (database, now_ms) = (context.database(), context.now_ms());
    let reply = &mut context.reply;
    let mut mutation = context.keyspace.mutate(database, now_ms);
    let popped = mutation.change::<Set, (), ReplyError>(key, Missing::Skip, |set| {
        let len = set.read().len();
        match count {
            None => set.take(random.u64(..len), |member| reply.item(member)),
            Some(count) if count >= len => {
                reply.set(len as usize);
                set.read().iter().for_each(|member| reply.item(member));
                set.clear();
            }
            Some(count) => {
                reply.set(count as usize);
                for popped_count in 0..count {
                    let rank = random.u64(..len - popped_count);
                    set.take(rank, |member| reply.item(member));
                }
            }
        }
        Ok(Changed::when(count != Some(0), Event::SetPop, ()))
    })?;
    match (popped, count) {
        (Some(()), _) => {}
        (None, None) => reply.null(),
        (None, Some(_)) => reply.set(0),
    }
    Ok(())
}

/// So many members are taken.
fn spop_division(context: &Context<'_>, args: Args<'_>) -> Option<Division> {
    let count = parse_count(args.get(2)).ok()?;
    let (database, now_ms) = (context.database(), context.now_ms());
    let set = (context.keyspace).peek::<Set>(database, context.key(args, 1), now_ms);
    let len = set.ok()??.len();
    Some(Division::counted(args, 2, count.min(len)))
}

fn parse_count(text: &[u8]) -> Result<u64, ReplyError> {
    parse_i64(text)
        .and_then(|count| u64::try_from(count).ok())
        .ok_or(ReplyError::NOT_POSITIVE)
}

static SRANDMEMBER: CommandSpec = family::SET
    .command("srandmember", "key [count]", srandmember)
    .summary(
        "Returns members of a set chosen at random: different ones, or any with a negative count.",
    )
    .since("1.0.0")
    .cost("O(log N) with N members, for each of those returned")
    .flags(Flags::READ_ONLY);

fn srandmember(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    if args.len() > 3 {
        return Err(ReplyError::SYNTAX);
    }
    let count = match args.len() {
        2 => None,
        _ => Some(parse_signed_count(args.get(2))?),
    };
    let key = context.key(args, 1);
    if let Some(count) = count
        && reply_random::<Set>(context, key, count, FORM)?
    {
        return Ok(());
    }
    let mut random = context.keyspace.fork_random();
    let (reply, set) = context.read_as::<Set>(key)?;
    let Some(set) = set else {
        match count {
            None => reply.null(),
            Some(_) => reply.array(0),
        }
        return Ok(());
    };
    let some = |random: &mut fastrand::Rng| {
        let member = set.at(random.u64(..set.len()));
        member.expect("ranks end at the length")
    };
    match count {
        None => reply.item(some(&mut random)),
        Some(count @ 0..) => reply_different(reply, set, count.unsigned_abs(), &mut random),
        Some(count) => {
            let count = count.unsigned_abs();
            reply.array(count as usize);
            for _ in 0..count {
                reply.item(some(&mut random));
                // The rest would be left out, too, however many they are.
                if reply.is_over() {
                    break;
                }
            }
        }
    }
    Ok(())
}

const FORM: RandomForm = RandomForm {
    header: |reply, count| reply.array(count),
    tell: |reply, member| Told::Key.write(reply, member),
};

fn parse_signed_count(text: &[u8]) -> Result<i64, ReplyError> {
    match parse_i64(text).ok_or(ReplyError::NOT_INTEGER)? {
        i64::MIN => Err(COUNT_WITHOUT_OPPOSITE),
        count => Ok(count),
    }
}

const COUNT_WITHOUT_OPPOSITE: ReplyError = ReplyError::fixed(
    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
);

/// Replies `count` different members, or all if there are fewer.
fn reply_different<S: BlockStore>(
    reply: &mut ReplyWriter<'_>,
    set: SetRef<'_, S>,
    count: u64,
    random: &mut fastrand::Rng,
) {
    let len = set.len();
    let count = count.min(len);
    reply.array(count as usize);
    for rank in distinct_ranks(len, count, random) {
        reply.item(set.at(rank).expect("ranks end at the length"));
    }
}
