//! Fields and values of hashes, told.

use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::portions::{Joined, elements};
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::command::long_work::range::{RangeForm, RangeOrder, reply_range};
use crate::context::Context;
use crate::keyspace::Memory;
use crate::protocol::args::Args;
use crate::protocol::reply::ReplyWriter;
use crate::value::hash::{Hash, HashRef};
use crate::value::replied::Told;

pub(super) const COMMANDS: &[&CommandSpec] = &[
    &HGET, &HMGET, &HGETALL, &HKEYS, &HVALS, &HLEN, &HEXISTS, &HSTRLEN,
];

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
    .flags(FAST)
    .divides(elements, Joined::Array);

fn hmget(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let (reply, hash) = context.read_as::<Hash>(key)?;
    reply_values(reply, hash.as_ref(), args.skip(2));
    Ok(())
}

/// Replies the values of fields, null for each that is not there.
pub(super) fn reply_values(
    reply: &mut ReplyWriter<'_>,
    hash: Option<&HashRef<'_, Memory>>,
    fields: Args<'_>,
) {
    reply.array(fields.len());
    for field in fields.iter() {
        match hash.and_then(|hash| hash.get(field)) {
            Some(value) => reply.item(value),
            None => reply.null(),
        }
    }
}

static HGETALL: CommandSpec = family::HASH
    .command("hgetall", "key", hgetall)
    .summary("Returns all fields of a hash with their values.")
    .since("2.0.0")
    .cost("O(number of fields)")
    .flags(Flags::READ_ONLY.and(Flags::SHORT));

fn hgetall(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    const PAIRS: RangeForm = RangeForm {
        header: |reply, count| reply.map(count),
        told: Told::Pair,
    };
    reply_all(context, args, PAIRS)
}

static HKEYS: CommandSpec = family::HASH
    .command("hkeys", "key", hkeys)
    .summary("Returns all fields of a hash.")
    .since("2.0.0")
    .cost("O(number of fields)")
    .flags(Flags::READ_ONLY.and(Flags::SHORT));

fn hkeys(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    const FIELDS: RangeForm = RangeForm {
        header: |reply, count| reply.array(count),
        told: Told::Key,
    };
    reply_all(context, args, FIELDS)
}

static HVALS: CommandSpec = family::HASH
    .command("hvals", "key", hvals)
    .summary("Returns the values of all fields of a hash.")
    .since("2.0.0")
    .cost("O(number of fields)")
    .flags(Flags::READ_ONLY.and(Flags::SHORT));

fn hvals(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    const VALUES: RangeForm = RangeForm {
        header: |reply, count| reply.array(count),
        told: Told::Value,
    };
    reply_all(context, args, VALUES)
}

/// Replies something of all fields of the key in argument 1.
fn reply_all(context: &mut Context<'_>, args: Args<'_>, form: RangeForm) -> Outcome {
    let key = context.key(args, 1);
    reply_range::<Hash>(context, key, form, |hash| RangeOrder::all(hash.len()))
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

static HSTRLEN: CommandSpec = family::HASH
    .command("hstrlen", "key field", hstrlen)
    .element(2)
    .summary("Returns the length of a field's value in bytes, 0 if there is no such field.")
    .since("3.2.0")
    .flags(FAST)
    .access(Access::LOOK);

fn hstrlen(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let (reply, hash) = context.read_as::<Hash>(key)?;
    let value = hash.and_then(|hash| hash.get(args.get(2)));
    let len = value.map_or(0, |value| value.text(&mut itoa::Buffer::new()).len());
    reply.integer(len as i64);
    Ok(())
}
