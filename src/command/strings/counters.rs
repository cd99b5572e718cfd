//! Strings as numbers.

use crate::base::extended_float::ExtendedFloat;
use crate::base::numbers::parse_i64;
use crate::command::declare::family;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::keyspace::{CountError, EntryRef, Event};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::value::kind::WrongType;
use crate::value::string::StringValue;

pub(super) const COMMANDS: &[&CommandSpec] = &[&INCR, &DECR, &INCRBY, &DECRBY, &INCRBYFLOAT];

const FLAGS: Flags = Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST_ON_KEYS);

static INCR: CommandSpec = family::STRING
    .command("incr", "key", incr)
    .summary("Adds one to the integer value of a key; a missing key counts as 0.")
    .since("1.0.0")
    .flags(FLAGS);

fn incr(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    add(context, args, 1)
}

static DECR: CommandSpec = family::STRING
    .command("decr", "key", decr)
    .summary("Takes one from the integer value of a key; a missing key counts as 0.")
    .since("1.0.0")
    .flags(FLAGS);

fn decr(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    add(context, args, -1)
}

static INCRBY: CommandSpec = family::STRING
    .command("incrby", "key increment", incrby)
    .summary("Adds a number to the integer value of a key; a missing key counts as 0.")
    .since("1.0.0")
    .flags(FLAGS);

fn incrby(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let increment = parse_i64(args.get(2)).ok_or(ReplyError::NOT_INTEGER)?;
    add(context, args, increment)
}

static DECRBY: CommandSpec = family::STRING
    .command("decrby", "key decrement", decrby)
    .summary("Takes a number from the integer value of a key; a missing key counts as 0.")
    .since("1.0.0")
    .flags(FLAGS);

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
        CountError::WrongType => WrongType.into(),
        CountError::NotAnInteger => ReplyError::NOT_INTEGER,
        CountError::Overflow => ReplyError::OVERFLOW,
    })?;
    context.reply.integer(new);
    Ok(())
}

static INCRBYFLOAT: CommandSpec = family::STRING
    .command("incrbyfloat", "key float-increment", incrbyfloat)
    .summary("Adds a floating-point number to the value of a key; a missing key counts as 0.")
    .since("2.6.0")
    .flags(FLAGS);

fn incrbyfloat(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let mut mutation = context.mutate();
    let value = mutation.find(key).map(EntryRef::as_string).transpose()?;
    let value = value.unwrap_or(StringValue::Integer(0));
    let text = value.text(&mut itoa::Buffer::new()).to_vec();
    let old = ExtendedFloat::parse(&text).ok_or(ReplyError::NOT_FLOAT)?;
    let increment = ExtendedFloat::parse(args.get(2)).ok_or(ReplyError::NOT_FLOAT)?;
    let sum = old
        .checked_add(increment)
        .ok_or(ReplyError::NAN_OR_INFINITY)?;
    let text = sum.to_text();
    // Not compacted to an integer: Redis keeps the text, and OBJECT ENCODING shows it.
    mutation.set_by(key, StringValue::Bytes(&text), Event::IncrByFloat);
    context.reply.bulk(&text);
    Ok(())
}
