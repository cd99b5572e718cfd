//! Items that come to an end of a list, and go from there.

use super::read::tell_items;
use super::{parse_count, parse_end};
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::keys::{Keys, Part};
use crate::command::declare::portions::{Division, Joined, elements};
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::keyspace::{Changed, Event, Missing};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::value::list::{End, List};
use std::ops::Range;

pub(super) const COMMANDS: &[&CommandSpec] =
    &[&LPUSH, &RPUSH, &LPUSHX, &RPUSHX, &LPOP, &RPOP, &LMPOP];

const PUSHES: Flags = Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST_ON_KEYS);
const POPS: Flags = Flags::WRITE.and(Flags::FAST_ON_KEYS);

/// What is heard when items come to an end.
pub(super) fn push_event(end: End) -> Event {
    match end {
        End::Front => Event::ListPush,
        End::Back => Event::ListPushBack,
    }
}

/// What is heard when items go from an end.
pub(super) fn pop_event(end: End) -> Event {
    match end {
        End::Front => Event::ListPop,
        End::Back => Event::ListPopBack,
    }
}

static LPUSH: CommandSpec = family::LIST
    .command("lpush", "key element [element ...]", lpush)
    .summary("Puts items before the first of a list, made if missing, and returns its length.")
    .since("1.0.0")
    .cost("O(number of items)")
    .flags(PUSHES)
    .at_end(End::Front)
    .access(Access::EXTEND)
    .divides(elements, Joined::Last);

fn lpush(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    push(context, args, End::Front, Missing::Create)
}

static RPUSH: CommandSpec = family::LIST
    .command("rpush", "key element [element ...]", rpush)
    .summary("Puts items after the last of a list, made if missing, and returns its length.")
    .since("1.0.0")
    .cost("O(number of items)")
    .flags(PUSHES)
    .at_end(End::Back)
    .access(Access::EXTEND)
    .divides(elements, Joined::Last);

fn rpush(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    push(context, args, End::Back, Missing::Create)
}

static LPUSHX: CommandSpec = family::LIST
    .command("lpushx", "key element [element ...]", lpushx)
    .summary("Puts items before the first of a list that exists, and returns its length.")
    .since("2.2.0")
    .cost("O(number of items)")
    .flags(PUSHES)
    .at_end(End::Front)
    .access(Access::EXTEND)
    .divides(elements, Joined::Last);

fn lpushx(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    push(context, args, End::Front, Missing::Skip)
}

static RPUSHX: CommandSpec = family::LIST
    .command("rpushx", "key element [element ...]", rpushx)
    .summary("Puts items after the last of a list that exists, and returns its length.")
    .since("2.2.0")
    .cost("O(number of items)")
    .flags(PUSHES)
    .at_end(End::Back)
    .access(Access::EXTEND)
    .divides(elements, Joined::Last);

fn rpushx(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    push(context, args, End::Back, Missing::Skip)
}

#[inline]
fn push(context: &mut Context<'_>, args: Args<'_>, end: End, missing: Missing) -> Outcome {
    let key = context.key(args, 1);
    let len = context.change::<List, _>(key, missing, |list| {
        list.push(end, args.skip(2).iter());
        Ok(Changed::when(true, push_event(end), list.len()))
    })?;
    context.reply.integer(len.unwrap_or(0) as i64);
    Ok(())
}

static LPOP: CommandSpec = family::LIST
    .command("lpop", "key [count]", lpop)
    .summary("Takes the first item from a list, or several, and returns them.")
    .since("1.0.0")
    .cost("O(number of items)")
    .flags(POPS)
    .at_end(End::Front)
    .access(Access::TAKE)
    .divides_counted(2, pop_division, Joined::Array);

fn lpop(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    match args.len() {
        2 => pop_one(context, args, End::Front),
        3 => pop_several(context, args, End::Front),
        _ => Err(ReplyError::wrong_arity("lpop")),
    }
}

static RPOP: CommandSpec = family::LIST
    .command("rpop", "key [count]", rpop)
    .summary("Takes the last item from a list, or several, and returns them.")
    .since("1.0.0")
    .cost("O(number of items)")
    .flags(POPS)
    .at_end(End::Back)
    .access(Access::TAKE)
    .divides_counted(2, pop_division, Joined::Array);

fn rpop(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    match args.len() {
        2 => pop_one(context, args, End::Back),
        3 => pop_several(context, args, End::Back),
        _ => Err(ReplyError::wrong_arity("rpop")),
    }
}

#[inline]
fn pop_one(context: &mut Context<'_>, args: Args<'_>, end: End) -> Outcome {
    let key = context.key(args, 1);
    let popped = context.change_and_tell::<List, _>(key, Missing::Skip, |list, reply| {
        list.pop(end, |item| reply.item(item));
        Ok(Changed::when(true, pop_event(end), ()))
    })?;
    if popped.is_none() {
        context.reply.null();
    }
    Ok(())
}

fn pop_several(context: &mut Context<'_>, args: Args<'_>, end: End) -> Outcome {
    let count = parse_count(args.get(2)).ok_or(ReplyError::NOT_POSITIVE)?;
    let key = context.key(args, 1);
    let popped = context.change_and_tell::<List, _>(key, Missing::Skip, |list, reply| {
        let count = count.min(list.len());
        reply.array(count as usize);
        tell_items(reply, list.read().items_from(end, count));
        list.drop_from(end, count);
        Ok(Changed::when(count > 0, pop_event(end), ()))
    })?;
    if popped.is_none() {
        context.reply.null_array();
    }
    Ok(())
}

/// So many items are taken.
fn pop_division(context: &Context<'_>, args: Args<'_>) -> Option<Division> {
    let count = parse_count(args.get(2))?;
    let (database, now_ms) = (context.database(), context.now_ms());
    let list = (context.keyspace).peek::<List>(database, context.key(args, 1), now_ms);
    let len = list.ok()??.len();
    Some(Division::counted(args, 2, count.min(len)))
}

static LMPOP: CommandSpec = family::LIST
    .command(
        "lmpop",
        "numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
        lmpop,
    )
    .summary("Takes items from an end of the first of several lists that exists.")
    .since("7.0.0")
    .cost("O(N + M) with N keys and M items returned")
    .flags(Flags::WRITE.and(Flags::MOVABLE_KEYS))
    .keys(Keys::of(&[Part::counted(1)]))
    .access(Access::TAKE)
    .divides_counted(4, lmpop_division, Joined::KeyAndArray);

const NO_NUMKEYS: ReplyError = ReplyError::fixed("ERR numkeys should be greater than 0");
const NO_COUNT: ReplyError = ReplyError::fixed("ERR count should be greater than 0");

/// What LMPOP and BLMPOP take.
#[derive(Clone, Debug)]
pub(super) struct SeveralPop {
    /// Which arguments are the keys.
    pub(super) keys: Range<usize>,
    end: End,
    count: u64,
}

impl SeveralPop {
    /// Reads a request from the argument on that is the number of its keys.
    pub(super) fn read(args: Args<'_>, numkeys_index: usize) -> Result<Self, ReplyError> {
        let positive = |text: &[u8]| parse_count(text).filter(|&count| count > 0);
        let key_count = positive(args.get(numkeys_index)).ok_or(NO_NUMKEYS)?;
        let key_count = usize::try_from(key_count).unwrap_or(usize::MAX);
        let first = numkeys_index + 1;
        let rest_count = (args.len() - first)
            .checked_sub(key_count)
            .ok_or(ReplyError::SYNTAX)?;
        let keys = first..first + key_count;
        let options = args.skip(args.len() - rest_count);
        if options.is_empty() {
            return Err(ReplyError::SYNTAX);
        }
        let end = parse_end(options.get(0))?;
        match options.len() {
            1 => Ok(Self {
                keys,
                end,
                count: 1,
            }),
            2 => Err(ReplyError::SYNTAX),
            len => {
                if !options.get(1).eq_ignore_ascii_case(b"count") {
                    return Err(ReplyError::SYNTAX);
                }
                let count = positive(options.get(2)).ok_or(NO_COUNT)?;
                if len > 3 {
                    return Err(ReplyError::SYNTAX);
                }
                Ok(Self { keys, end, count })
            }
        }
    }

    /// How many items are taken of the first list that is there.
    pub(super) fn division(&self, context: &Context<'_>, args: Args<'_>) -> Option<Division> {
        let (database, now_ms) = (context.database(), context.now_ms());
        let mut lens = self.keys.clone().map(|index| {
            let list = (context.keyspace).peek::<List>(database, context.key(args, index), now_ms);
            list.map(|list| list.map_or(0, |list| list.len()))
        });
        let len = lens.find(|len| *len != Ok(0))?.ok()?;
        Some(Division::counted(args, args.len() - 1, self.count.min(len)))
    }

    /// Takes items from the first list that is there and replies them; false if there is none.
    pub(super) fn run(
        &self,
        context: &mut Context<'_>,
        args: Args<'_>,
    ) -> Result<bool, ReplyError> {
        for index in self.keys.clone() {
            if !context.may_serve(args.get(index)) {
                continue;
            }
            let key = context.key(args, index);
            let popped =
                context.change_and_tell::<List, _>(key, Missing::Skip, |list, reply| {
                    let count = self.count.min(list.len());
                    reply.array(2);
                    reply.bulk(args.get(index));
                    reply.array(count as usize);
                    tell_items(reply, list.read().items_from(self.end, count));
                    list.drop_from(self.end, count);
                    Ok(Changed::when(true, pop_event(self.end), ()))
                })?;
            if popped.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn lmpop_division(context: &Context<'_>, args: Args<'_>) -> Option<Division> {
    SeveralPop::read(args, 1).ok()?.division(context, args)
}

fn lmpop(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    if !SeveralPop::read(args, 1)?.run(context, args)? {
        context.reply.null_array();
    }
    Ok(())
}
