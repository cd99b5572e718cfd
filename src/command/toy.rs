//! Commands on the type that only tests have (`value/toy.rs`).

use super::declare::access::Access;
use super::declare::family;
use super::declare::spec::{CommandSpec, Flags, Outcome};
use crate::base::numbers::parse_i64;
use crate::context::Context;
use crate::keyspace::{Changed, Event, Missing};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::value::toy::Toy;

pub(super) const COMMANDS: &[&CommandSpec] = &[&PUSH, &SUM];

static PUSH: CommandSpec = family::GENERIC
    .command("toy.push", "key number", push)
    .summary("Puts a number behind the others, made if missing, and returns how many there are.")
    .since("0.1.0")
    .flags(Flags::WRITE.and(Flags::DENY_OOM))
    .access(Access::EXTEND);

fn push(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let number = parse_i64(args.get(2)).ok_or(ReplyError::NOT_INTEGER)?;
    let key = context.key(args, 1);
    let len = context.change::<Toy, _>(key, Missing::Create, |toy| {
        Ok(Changed::when(true, Event::Append, toy.push(number)))
    })?;
    context.reply.integer(len.unwrap_or(0) as i64);
    Ok(())
}

static SUM: CommandSpec = family::GENERIC
    .command("toy.sum", "key", sum)
    .summary("Returns the sum of the numbers.")
    .since("0.1.0")
    .cost("O(numbers)")
    .flags(Flags::READ_ONLY);

fn sum(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let (reply, toy) = context.read_as::<Toy>(key)?;
    reply.integer(toy.map_or(0, |toy| toy.sum()));
    Ok(())
}
