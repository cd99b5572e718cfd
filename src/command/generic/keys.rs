//! Whether keys are there, and their deletion.

use crate::command::many_keys::for_each_key;
use crate::command::spec::{Action, CommandSpec, Flags, Group, Keys, Outcome};
use crate::protocol::args::Args;
use crate::session::Context;

pub(super) const COMMANDS: &[&CommandSpec] = &[&DEL, &UNLINK, &EXISTS, &TOUCH, &TYPE];

static DEL: CommandSpec = CommandSpec {
    name: "del",
    syntax: "key [key ...]",
    summary: "Deletes keys and returns how many there were.",
    since: "1.0.0",
    group: Group::Generic,
    complexity: "O(number of keys)",
    arity: -2,
    flags: Flags::WRITE,
    keys: Keys::ALL,
    action: Action::Run(del),
};

static UNLINK: CommandSpec = CommandSpec {
    name: "unlink",
    syntax: "key [key ...]",
    summary: "Deletes keys, as DEL does: neither blocks the server.",
    since: "4.0.0",
    group: Group::Generic,
    complexity: "O(number of keys)",
    arity: -2,
    flags: Flags::WRITE.and(Flags::FAST),
    keys: Keys::ALL,
    action: Action::Run(del),
};

fn del(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let mut count = 0;
    for_each_key(context, args, 1..args.len(), 1, |context, _, key| {
        count += i64::from(context.mutate().remove(key));
    });
    context.reply.integer(count);
    Ok(())
}

static EXISTS: CommandSpec = CommandSpec {
    name: "exists",
    syntax: "key [key ...]",
    summary: "Counts the keys that exist, a repeated one as often as it is named.",
    since: "1.0.0",
    group: Group::Generic,
    complexity: "O(number of keys)",
    arity: -2,
    flags: Flags::READ_ONLY.and(Flags::FAST),
    keys: Keys::ALL,
    action: Action::Run(exists),
};

static TOUCH: CommandSpec = CommandSpec {
    name: "touch",
    syntax: "key [key ...]",
    summary: "Notes a use of keys and returns how many exist.",
    since: "3.2.1",
    group: Group::Generic,
    complexity: "O(number of keys)",
    arity: -2,
    flags: Flags::READ_ONLY.and(Flags::FAST),
    keys: Keys::ALL,
    action: Action::Run(touch),
};

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

static TYPE: CommandSpec = CommandSpec {
    name: "type",
    syntax: "key",
    summary: "Returns the type of a key's value, none if there is no such key.",
    since: "1.0.0",
    group: Group::Generic,
    complexity: "O(1)",
    arity: 2,
    flags: Flags::READ_ONLY.and(Flags::FAST),
    keys: Keys::FIRST,
    action: Action::Run(type_of),
};

fn type_of(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    context.look(key, |reply, _, entry| {
        reply.simple(if entry.is_some() { "string" } else { "none" });
    });
    Ok(())
}
