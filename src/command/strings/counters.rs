//! Strings as numbers.

use crate::base::extended_float::ExtendedFloat;
use crate::base::numbers::parse_i64;
use crate::command::spec::{Action, CommandSpec, Flags, Group, Keys, Outcome};
use crate::keyspace::{CountError, DeadlineChange};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::session::Context;
use crate::value::string::StringValue;

pub(super) const COMMANDS: &[&CommandSpec] = &[&INCR, &DECR, &INCRBY, &DECRBY, &INCRBYFLOAT];

const FLAGS: Flags = Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST);

static INCR: CommandSpec = CommandSpec {
    name: "incr",
    syntax: "key",
    summary: "Adds one to the integer value of a key; a missing key counts as 0.",
    since: "1.0.0",
    group: Group::String,
    complexity: "O(1)",
    arity: 2,
    flags: FLAGS,
    keys: Keys::FIRST,
    action: Action::Run(incr),
};

fn incr(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    add(context, args, 1)
}

static DECR: CommandSpec = CommandSpec {
    name: "decr",
    syntax: "key",
    summary: "Takes one from the integer value of a key; a missing key counts as 0.",
    since: "1.0.0",
    group: Group::String,
    complexity: "O(1)",
    arity: 2,
    flags: FLAGS,
    keys: Keys::FIRST,
    action: Action::Run(decr),
};

fn decr(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    add(context, args, -1)
}

static INCRBY: CommandSpec = CommandSpec {
    name: "incrby",
    syntax: "key increment",
    summary: "Adds a number to the integer value of a key; a missing key counts as 0.",
    since: "1.0.0",
    group: Group::String,
    complexity: "O(1)",
    arity: 3,
    flags: FLAGS,
    keys: Keys::FIRST,
    action: Action::Run(incrby),
};

fn incrby(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let increment = parse_i64(args.get(2)).ok_or(ReplyError::NOT_INTEGER)?;
    add(context, args, increment)
}

static DECRBY: CommandSpec = CommandSpec {
    name: "decrby",
    syntax: "key decrement",
    summary: "Takes a number from the integer value of a key; a missing key counts as 0.",
    since: "1.0.0",
    group: Group::String,
    complexity: "O(1)",
    arity: 3,
    flags: FLAGS,
    keys: Keys::FIRST,
    action: Action::Run(decrby),
};

fn decrby(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let decrement = parse_i64(args.get(2)).ok_or(ReplyError::NOT_INTEGER)?;
    let increment = decrement
        .checked_neg()
        .ok_or(ReplyError::DECREMENT_OVERFLOW)?;
    add(context, args, increment)
}

fn add(context: &mut Context<'_>, args: Args<'_>, increment: i64) -> Outcome {
    let key = context.key(args, 1);
    let sum = context.mutate().increment(key, increment);
    let new = sum.map_err(|error| match error {
        CountError::NotAnInteger => ReplyError::NOT_INTEGER,
        CountError::Overflow => ReplyError::OVERFLOW,
    })?;
    context.reply.integer(new);
    Ok(())
}

static INCRBYFLOAT: CommandSpec = CommandSpec {
    name: "incrbyfloat",
    syntax: "key float-increment",
    summary: "Adds a floating-point number to the value of a key; a missing key counts as 0.",
    since: "2.6.0",
    group: Group::String,
    complexity: "O(1)",
    arity: 3,
    flags: FLAGS,
    keys: Keys::FIRST,
    action: Action::Run(incrbyfloat),
};

fn incrbyfloat(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let mut mutation = context.mutate();
    let text = match mutation.find(key) {
        Some(entry) => entry.string().text(&mut itoa::Buffer::new()).to_vec(),
        None => b"0".to_vec(),
    };
    let old = ExtendedFloat::parse(&text).ok_or(ReplyError::NOT_FLOAT)?;
    let increment = ExtendedFloat::parse(args.get(2)).ok_or(ReplyError::NOT_FLOAT)?;
    let sum = old
        .checked_add(increment)
        .ok_or(ReplyError::NAN_OR_INFINITY)?;
    let text = sum.to_text();
    // Not compacted to an integer: Redis keeps the text, and OBJECT ENCODING shows it.
    mutation.set(key, StringValue::Bytes(&text), DeadlineChange::Keep);
    context.reply.bulk(&text);
    Ok(())
}
