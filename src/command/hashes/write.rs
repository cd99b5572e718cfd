//! Fields of hashes that come, change and go.

use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::keyspace::{Changed, Event, Missing};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::value::hash::Hash;

pub(super) const COMMANDS: &[&CommandSpec] = &[&HSET, &HDEL];

static HSET: CommandSpec = family::HASH
    .command("hset", "key field value [field value ...]", hset)
    .element(2)
    .summary("Sets fields of a hash and returns how many are new.")
    .since("2.0.0")
    .cost("O(number of fields)")
    .flags(Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST_ON_KEYS))
    .access(Access::CHANGE_UNTOLD);

fn hset(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    if !args.len().is_multiple_of(2) {
        return Err(ReplyError::wrong_arity("hset"));
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
    context
        .reply
        .integer(new_count.expect("a missing hash is made"));
    Ok(())
}

static HDEL: CommandSpec = family::HASH
    .command("hdel", "key field [field ...]", hdel)
    .element(2)
    .summary("Removes fields from a hash and returns how many there were.")
    .since("2.0.0")
    .cost("O(number of fields)")
    .flags(Flags::WRITE.and(Flags::FAST_ON_KEYS))
    .access(Access::REMOVE);

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
