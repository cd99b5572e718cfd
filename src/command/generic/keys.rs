//! Whether keys are there, and their deletion.

use crate::command::arguments::many_keys::for_each_key;
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::keys::Keys;
use crate::command::declare::portions::{Joined, keys};
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::protocol::args::Args;

pub(super) const COMMANDS: &[&CommandSpec] = &[&DEL, &UNLINK, &EXISTS, &TOUCH, &TYPE];

static DEL: CommandSpec = family::GENERIC
    .command("del", "key [key ...]", del)
    .summary("Deletes keys and returns how many there were.")
    .since("1.0.0")
    .cost("O(number of keys)")
    .flags(Flags::WRITE)
    .keys(Keys::ALL)
    .access(Access::REMOVE)
    .divides_keys(keys, Joined::Sum);

static UNLINK: CommandSpec = family::GENERIC
    .command("unlink", "key [key ...]", del)
    .summary("Deletes keys, as DEL does: neither blocks the server.")
    .since("4.0.0")
    .cost("O(number of keys)")
    .flags(Flags::WRITE.and(Flags::FAST_ON_KEYS))
    .keys(Keys::ALL)
    .access(Access::REMOVE)
    .divides_keys(keys, Joined::Sum);

fn del(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let mut count = 0;
    for_each_key(context, args, 1..args.len(), 1, |context, _, key| {
        count += i64::from(context.mutate().remove(key));
    });
    context.reply.integer(count);
    Ok(())
}

static EXISTS: CommandSpec = family::GENERIC
    .command("exists", "key [key ...]", exists)
    .summary("Counts the keys that exist, a repeated one as often as it is named.")
    .since("1.0.0")
    .cost("O(number of keys)")
    .flags(Flags::READ_ONLY.and(Flags::FAST_ON_KEYS))
    .keys(Keys::ALL)
    .access(Access::LOOK)
    .divides_keys(keys, Joined::Sum);

static TOUCH: CommandSpec = family::GENERIC
    .command("touch", "key [key ...]", touch)
    .summary("Notes a use of keys and returns how many exist.")
    .since("3.2.1")
    .cost("O(number of keys)")
    .flags(Flags::READ_ONLY.and(Flags::FAST_ON_KEYS))
    .keys(Keys::ALL)
    .access(Access::LOOK)
    .divides_keys(keys, Joined::Sum);

fn exists(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let mut count = 0;
    for_each_key(context, args, 1..args.len(), 1, |context, _, key| {
        count += i64::from(context.look(key, |_, _, entry| entry.is_some()));
    });
    context.reply.integer(count);
    Ok(())
}

fn touch(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let mut count = 0;
    for_each_key(context, args, 1..args.len(), 1, |context, _, key| {
        count += i64::from(context.read(key, |_, entry| entry.is_some()));
    });
    context.reply.integer(count);
    Ok(())
}

static TYPE: CommandSpec = family::GENERIC
    .command("type", "key", type_of)
    .summary("Returns the type of a key's value, none if there is no such key.")
    .since("1.0.0")
    .flags(Flags::READ_ONLY.and(Flags::FAST_ON_KEYS))
    .access(Access::LOOK);

fn type_of(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    context.look(key, |reply, _, entry| {
        reply.simple(entry.map_or("none", |entry| entry.kind().name()));
    });
    Ok(())
}
