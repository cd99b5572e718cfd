//! Items that go from an end of a list to an end of another, or of the same.
//!
//! Both keys are looked at before anything changes. The item comes first and goes then, so that is
//! the order of the events, as with Redis.

use super::ends::{pop_event, push_event};
use super::parse_end;
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::keys::{Keys, Part};
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::keyspace::{Changed, Missing};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::value::list::{End, List};

pub(super) const COMMANDS: &[&CommandSpec] = &[&LMOVE, &RPOPLPUSH];

/// The keys of a request that moves an item.
pub(super) const KEYS: Keys = Keys::of(&[
    Part::at(1).access(Access::TAKE),
    Part::at(2).access(Access::EXTEND),
]);

static LMOVE: CommandSpec = family::LIST
    .command(
        "lmove",
        "source destination <LEFT | RIGHT> <LEFT | RIGHT>",
        lmove,
    )
    .summary("Moves an item from an end of a list to one of another, and returns it.")
    .since("6.2.0")
    .flags(Flags::WRITE.and(Flags::DENY_OOM))
    .keys(KEYS);

fn lmove(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let (from, to) = (parse_end(args.get(3))?, parse_end(args.get(4))?);
    if !move_item(context, args, from, to)? {
        context.reply.null();
    }
    Ok(())
}

static RPOPLPUSH: CommandSpec = family::LIST
    .command("rpoplpush", "source destination", rpoplpush)
    .summary("Moves the last item of a list to the front of another, and returns it.")
    .since("1.2.0")
    .flags(Flags::WRITE.and(Flags::DENY_OOM))
    .keys(KEYS);

fn rpoplpush(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    if !move_item(context, args, End::Back, End::Front)? {
        context.reply.null();
    }
    Ok(())
}

/// Moves an item and replies it; false if there is none.
pub(super) fn move_item(
    context: &mut Context<'_>,
    args: Args<'_>,
    from: End,
    to: End,
) -> Result<bool, ReplyError> {
    let (source, destination) = (context.key(args, 1), context.key(args, 2));
    let (database, now_ms) = (context.database(), context.now_ms());
    let list = context.keyspace.peek::<List>(database, source, now_ms)?;
    let item = list.and_then(|list| list.items_from(from, 1).next());
    let Some(item) = item else {
        return Ok(false);
    };
    let text = item.text(&mut itoa::Buffer::new()).to_vec();
    let is_same = source.bytes == destination.bytes;
    context.change::<List, _>(destination, Missing::Create, |list| {
        if is_same {
            list.pop(from, |_| ());
        }
        list.push(to, std::iter::once(&text[..]));
        Ok(Changed::when(true, push_event(to), ()))
    })?;
    context.change::<List, _>(source, Missing::Skip, |list| {
        if !is_same {
            list.pop(from, |_| ());
        }
        Ok(Changed::when(true, pop_event(from), ()))
    })?;
    context.reply.bulk(&text);
    Ok(true)
}
