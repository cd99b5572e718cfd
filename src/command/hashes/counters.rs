//! Numbers in fields of hashes.

use crate::base::extended_float::ExtendedFloat;
use crate::base::numbers::parse_i64;
use crate::command::declare::family;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::keyspace::{Changed, Event, Missing};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::structures::item::Item;
use crate::value::hash::{Hash, IncrementError};

pub(super) const COMMANDS: &[&CommandSpec] = &[&HINCRBY, &HINCRBYFLOAT];

const FLAGS: Flags = Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST_ON_KEYS);

const VALUE_NOT_INTEGER: ReplyError = ReplyError::fixed("ERR hash value is not an integer");
const VALUE_NOT_FLOAT: ReplyError = ReplyError::fixed("ERR hash value is not a float");
const INCREMENT_NOT_FINITE: ReplyError = ReplyError::fixed("ERR value is NaN or Infinity");

static HINCRBY: CommandSpec = family::HASH
    .command("hincrby", "key field increment", hincrby)
    .element(2)
    .summary("Adds to the integer in a field of a hash; a missing field counts as 0.")
    .since("2.0.0")
    .flags(FLAGS);

fn hincrby(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let increment = parse_i64(args.get(3)).ok_or(ReplyError::NOT_INTEGER)?;
    let key = context.key(args, 1);
    let sum = context.change::<Hash, _>(key, Missing::Create, |hash| {
        let sum = hash.increment(args.get(2), increment);
        let sum = sum.map_err(|error| match error {
            IncrementError::NotAnInteger => VALUE_NOT_INTEGER,
            IncrementError::Overflow => ReplyError::OVERFLOW,
        })?;
        Ok(Changed::when(true, Event::HashIncrement, sum))
    })?;
    context.reply.integer(sum.expect("a missing hash is made"));
    Ok(())
}

static HINCRBYFLOAT: CommandSpec = family::HASH
    .command("hincrbyfloat", "key field increment", hincrbyfloat)
    .element(2)
    .summary("Adds a floating-point number to a field of a hash; a missing field counts as 0.")
    .since("2.6.0")
    .flags(FLAGS);

fn hincrbyfloat(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let increment = ExtendedFloat::parse(args.get(3)).ok_or(ReplyError::NOT_FLOAT)?;
    if increment.is_infinite() {
        return Err(INCREMENT_NOT_FINITE);
    }
    let key = context.key(args, 1);
    let field = args.get(2);
    let sum = context.change::<Hash, _>(key, Missing::Create, |hash| {
        let mut digits = itoa::Buffer::new();
        let old = hash.read().get(field).unwrap_or(Item::Integer(0));
        let old = ExtendedFloat::parse(old.text(&mut digits)).ok_or(VALUE_NOT_FLOAT)?;
        let sum = old.checked_add(increment);
        let text = sum.ok_or(ReplyError::NAN_OR_INFINITY)?.to_text();
        hash.update(field, &text);
        Ok(Changed::when(true, Event::HashIncrementFloat, text))
    })?;
    context.reply.bulk(&sum.expect("a missing hash is made"));
    Ok(())
}
