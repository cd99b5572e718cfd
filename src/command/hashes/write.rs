//! Fields of hashes that come, change and go.

use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::portions::{Joined, elements, pairs};
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::keyspace::{Changed, Event, Missing};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::value::hash::Hash;

pub(super) const COMMANDS: &[&CommandSpec] = &[&HSET, &HSETNX, &HMSET, &HDEL];

const SET_FAST: Flags = Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST_ON_KEYS);

static HSET: CommandSpec = family::HASH
    .command("hset", "key field value [field value ...]", hset)
    .element(2)
    .summary("Sets fields of a hash and returns how many are new.")
    .since("2.0.0")
    .cost("O(number of fields)")
    .flags(SET_FAST)
    .access(Access::CHANGE_UNTOLD)
    .divides(pairs, Joined::Sum);

fn hset(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let new_count = set_all(context, args, "hset")?;
    context.reply.integer(new_count);
    Ok(())
}

/// Sets all fields of a request; returns how many are new.
fn set_all(context: &mut Context<'_>, args: Args<'_>, command: &str) -> Result<i64, ReplyError> {
    if !args.len().is_multiple_of(2) {
        return Err(ReplyError::wrong_arity(command));
    }
    let key = context.key(args, 1);
    let new_count = context.change::<Hash, _>(key, Missing::Create, |hash| {
        let pairs = args.skip(2);
        let texts_len = pairs.iter().map(<[u8]>::len).sum();
        hash.reserve(pairs.len() / 2, texts_len);
        let mut new_count = 0;
        for index in (0..pairs.len()).step_by(2) {
            new_count += i64::from(hash.set(pairs.get(index), pairs.get(index + 1)));
        }
        Ok(Changed::when(true, Event::HashSet, new_count))
    })?;
    Ok(new_count.expect("a missing hash is made"))
}

static HSETNX: CommandSpec = family::HASH
    .command("hsetnx", "key field value", hsetnx)
    .element(2)
    .summary("Sets a field of a hash if there is no such field.")
    .since("2.0.0")
    .flags(SET_FAST)
    .access(Access::EXTEND);

fn hsetnx(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let (field, value) = (args.get(2), args.get(3));
    let sets = context.change::<Hash, _>(key, Missing::Create, |hash| {
        let sets = hash.read().get(field).is_none();
        if sets {
            hash.set(field, value);
        }
        Ok(Changed::when(sets, Event::HashSet, sets))
    })?;
    let sets = sets.expect("a missing hash is made");
    context.reply.integer(i64::from(sets));
    Ok(())
}

static HMSET: CommandSpec = family::HASH
    .command("hmset", "key field value [field value ...]", hmset)
    .summary("Sets fields of a hash; HSET tells how many are new.")
    .since("2.0.0")
    .cost("O(number of fields)")
    .flags(SET_FAST)
    .access(Access::CHANGE_UNTOLD)
    .divides(pairs, Joined::Last);

fn hmset(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    set_all(context, args, "hmset")?;
    context.reply.ok();
    Ok(())
}

static HDEL: CommandSpec = family::HASH
    .command("hdel", "key field [field ...]", hdel)
    .element(2)
    .summary("Removes fields from a hash and returns how many there were.")
    .since("2.0.0")
    .cost("O(number of fields)")
    .flags(Flags::WRITE.and(Flags::FAST_ON_KEYS))
    .access(Access::REDUCE)
    .divides(elements, Joined::Sum);

fn hdel(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let removed = context.change::<Hash, _>(key, Missing::Skip, |hash| {
        let fields = args.skip(2);
        let removed: i64 = fields
            .iter()
            .map(|field| i64::from(hash.remove(field)))
            .sum();
        Ok(Changed::when(removed > 0, Event::HashRemove, removed))
    })?;
    context.reply.integer(removed.unwrap_or(0));
    Ok(())
}
