//! Fields and values of hashes, told.

use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::command::long_work::range::{RangeForm, RangeOrder, reply_range};
use crate::context::Context;
use crate::protocol::args::Args;
use crate::value::hash::Hash;

pub(super) const COMMANDS: &[&CommandSpec] = &[&HGET, &HMGET, &HGETALL, &HLEN, &HEXISTS];

const FAST: Flags = Flags::READ_ONLY.and(Flags::FAST_ON_KEYS);

static HGET: CommandSpec = family::HASH
    .command("hget", "key field", hget)
    .element(2)
    .summary("Returns the value of a field of a hash.")
    .since("2.0.0")
    .flags(FAST);

fn hget(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let (reply, hash) = context.read_as::<Hash>(key)?;
    match hash.and_then(|hash| hash.get(args.get(2))) {
        Some(value) => reply.item(value),
        None => reply.null(),
    }
    Ok(())
}

static HMGET: CommandSpec = family::HASH
    .command("hmget", "key field [field ...]", hmget)
    .summary("Returns the values of fields of a hash.")
    .since("2.0.0")
    .cost("O(number of fields)")
    .flags(FAST);

fn hmget(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let (reply, hash) = context.read_as::<Hash>(key)?;
    reply.array(args.len() - 2);
    for field in args.skip(2).iter() {
        match hash.as_ref().and_then(|hash| hash.get(field)) {
            Some(value) => reply.item(value),
            None => reply.null(),
        }
    }
    Ok(())
}

static HGETALL: CommandSpec = family::HASH
    .command("hgetall", "key", hgetall)
    .summary("Returns all fields of a hash with their values.")
    .since("2.0.0")
    .cost("O(number of fields)")
    .flags(Flags::READ_ONLY);

fn hgetall(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    const PAIRS: RangeForm = RangeForm {
        header: |reply, count| reply.map(count),
        element: |reply, element| {
            let (field, value) = element.pair();
            reply.item(field);
            reply.item(value);
        },
    };
    let key = context.key(args, 1);
    let (reply, hash) = context.read_as::<Hash>(key)?;
    let Some(len) = hash.map(|hash| hash.len()) else {
        reply.map(0);
        return Ok(());
    };
    reply_range(context, key, RangeOrder::all(len), PAIRS);
    Ok(())
}

static HLEN: CommandSpec = family::HASH
    .command("hlen", "key", hlen)
    .summary("Returns how many fields a hash has.")
    .since("2.0.0")
    .flags(FAST)
    .access(Access::LOOK);

fn hlen(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let (reply, hash) = context.read_as::<Hash>(key)?;
    reply.integer(hash.map_or(0, |hash| hash.len()) as i64);
    Ok(())
}

static HEXISTS: CommandSpec = family::HASH
    .command("hexists", "key field", hexists)
    .element(2)
    .summary("Tells whether a hash has a field.")
    .since("2.0.0")
    .flags(FAST)
    .access(Access::LOOK);

fn hexists(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let (reply, hash) = context.read_as::<Hash>(key)?;
    let value = hash.and_then(|hash| hash.get(args.get(2)));
    reply.integer(i64::from(value.is_some()));
    Ok(())
}
