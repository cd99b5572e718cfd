//! Commands that set or change one string.

use super::comparing::Comparison;
use super::{check_length, reply_string};
use crate::base::numbers::parse_i64;
use crate::command::arguments::expire::{ExpireOption, TimeForm};
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::keyspace::{DeadlineChange, EntryRef, Event, Key};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::value::string::StringValue;

pub(super) const COMMANDS: &[&CommandSpec] =
    &[&SET, &SETNX, &SETEX, &PSETEX, &GETSET, &APPEND, &SETRANGE];

static SET: CommandSpec = family::STRING
    .command("set", "key value [NX | XX | IFEQ ifeq-value | IFNE ifne-value | IFDEQ ifdeq-digest | IFDNE ifdne-digest] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]", set)
    .summary("Sets a key to a string, whatever it held, and its deadline.")
    .since("1.0.0")
    .cost("O(1), O(log N) with N keys that have a deadline")
    .flags(Flags::WRITE.and(Flags::DENY_OOM).and(Flags::SHORT))
    .access_by_request(access_of_set);

/// What must hold for SET to set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition<'a> {
    Always,
    Missing,
    Present,
    Compared(Comparison<'a>),
}

struct SetOptions<'a> {
    condition: Condition<'a>,
    returns_old: bool,
    expire: ExpireOption<'a>,
}

fn parse_set_options(args: Args<'_>) -> Result<SetOptions<'_>, ReplyError> {
    let mut options = SetOptions {
        condition: Condition::Always,
        returns_old: false,
        expire: ExpireOption::None,
    };
    let mut index = 3;
    while index < args.len() {
        let name = args.get(index);
        let next = (index + 1 < args.len()).then(|| args.get(index + 1));
        let condition = options.condition;
        index += 1;
        if name.eq_ignore_ascii_case(b"nx")
            && matches!(condition, Condition::Always | Condition::Missing)
        {
            options.condition = Condition::Missing;
        } else if name.eq_ignore_ascii_case(b"xx")
            && matches!(condition, Condition::Always | Condition::Present)
        {
            options.condition = Condition::Present;
        } else if name.eq_ignore_ascii_case(b"get") {
            options.returns_old = true;
        } else if condition == Condition::Always
            && let Some(comparison) = next.and_then(|next| Comparison::read(name, next))
        {
            options.condition = Condition::Compared(comparison);
            index += 1;
        } else {
            index += match options.expire.take(name, next) {
                0 => return Err(ReplyError::SYNTAX),
                taken => taken - 1,
            };
        }
    }
    if options.expire == ExpireOption::Persist {
        return Err(ReplyError::SYNTAX);
    }
    Ok(options)
}

fn access_of_set(request: Args<'_>) -> Access {
    match looks_at_the_old_value(request) {
        true => Access::CHANGE,
        false => Access::REPLACE,
    }
}

/// Whether a SET has the option GET, or compares.
fn looks_at_the_old_value(request: Args<'_>) -> bool {
    let mut options = request.iter().skip(3);
    options.any(|word| word.eq_ignore_ascii_case(b"get") || Comparison::read(word, b"").is_some())
}

fn set(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let value = StringValue::compact(args.get(2));
    if args.len() == 3 {
        context.mutate().set(key, value, DeadlineChange::Clear);
        context.reply.ok();
        return Ok(());
    }
    let options = parse_set_options(args)?;
    let deadline = match options.expire {
        ExpireOption::None | ExpireOption::Persist => DeadlineChange::Clear,
        ExpireOption::Keep => DeadlineChange::Keep,
        ExpireOption::At(form, text) => {
            DeadlineChange::At(form.positive_deadline_ms(text, context.clock_ms(), "set")?)
        }
    };
    let holds = holds(context, key, options.condition)?;
    if options.returns_old {
        context.read_string(key, reply_string)?;
    }
    if !holds {
        if !options.returns_old {
            context.reply.null();
        }
        return Ok(());
    }
    context.mutate().set(key, value, deadline);
    if !options.returns_old {
        context.reply.ok();
    }
    Ok(())
}

fn holds(
    context: &mut Context<'_>,
    key: Key<'_>,
    condition: Condition<'_>,
) -> Result<bool, ReplyError> {
    Ok(match condition {
        Condition::Always => true,
        Condition::Missing => !context.mutate().exists(key),
        Condition::Present => context.mutate().exists(key),
        Condition::Compared(comparison) => {
            let mut mutation = context.mutate();
            match mutation.find(key) {
                Some(entry) => comparison.holds(&entry.as_string()?)?,
                None => comparison.holds_of_none(),
            }
        }
    })
}

/// The length of the string that a key holds; `None` for a missing key.
fn length(context: &mut Context<'_>, key: Key<'_>) -> Result<Option<usize>, ReplyError> {
    let mut mutation = context.mutate();
    let value = mutation.find(key).map(EntryRef::as_string).transpose()?;
    Ok(value.map(|value| value.len()))
}

static SETNX: CommandSpec = family::STRING
    .command("setnx", "key value", setnx)
    .summary("Sets a key to a string if there is no such key.")
    .since("1.0.0")
    .flags(Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST_ON_KEYS))
    .access(Access::ADD);

fn setnx(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let sets = !context.mutate().exists(key);
    if sets {
        let value = StringValue::compact(args.get(2));
        context.mutate().set(key, value, DeadlineChange::Clear);
    }
    context.reply.integer(i64::from(sets));
    Ok(())
}

static SETEX: CommandSpec = family::STRING
    .command("setex", "key seconds value", setex)
    .summary("Sets a key to a string that expires after some seconds.")
    .since("2.0.0")
    .cost("O(log N) with N keys that have a deadline")
    .flags(Flags::WRITE.and(Flags::DENY_OOM).and(Flags::SHORT))
    .access(Access::REPLACE);

fn setex(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    set_for_a_time(context, args, TimeForm::SECONDS, "setex")
}

static PSETEX: CommandSpec = family::STRING
    .command("psetex", "key milliseconds value", psetex)
    .summary("Sets a key to a string that expires after some milliseconds.")
    .since("2.6.0")
    .cost("O(log N) with N keys that have a deadline")
    .flags(Flags::WRITE.and(Flags::DENY_OOM).and(Flags::SHORT))
    .access(Access::REPLACE);

fn psetex(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    set_for_a_time(context, args, TimeForm::MILLISECONDS, "psetex")
}

fn set_for_a_time(
    context: &mut Context<'_>,
    args: Args<'_>,
    form: TimeForm,
    command: &str,
) -> Outcome {
    let deadline_ms = form.positive_deadline_ms(args.get(2), context.clock_ms(), command)?;
    let key = context.key(args, 1);
    let value = StringValue::compact(args.get(3));
    context
        .mutate()
        .set(key, value, DeadlineChange::At(deadline_ms));
    context.reply.ok();
    Ok(())
}

static GETSET: CommandSpec = family::STRING
    .command("getset", "key value", getset)
    .summary("Returns the string value of a key and sets it to another.")
    .since("1.0.0")
    .flags(Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST_ON_KEYS));

fn getset(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    context.read_string(key, reply_string)?;
    context.mutate().set(
        key,
        StringValue::compact(args.get(2)),
        DeadlineChange::Clear,
    );
    Ok(())
}

static APPEND: CommandSpec = family::STRING
    .command("append", "key value", append)
    .summary("Appends to a string, or sets it if there is no such key; returns the length.")
    .since("2.0.0")
    .cost("O(1) amortised")
    .flags(Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST_ON_KEYS))
    .access(Access::EXTEND);

fn append(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let tail = args.get(2);
    let Some(old_len) = length(context, key)? else {
        context
            .mutate()
            .set_by(key, StringValue::compact(tail), Event::Append);
        context.reply.integer(tail.len() as i64);
        return Ok(());
    };
    let len_wanted = old_len as u64 + tail.len() as u64;
    let len = check_length(len_wanted, context.config.proto_max_bulk_bytes)?;
    context.mutate().edit(key, len, Event::Append, |bytes| {
        bytes[old_len..].copy_from_slice(tail);
        true
    })?;
    context.reply.integer(len as i64);
    Ok(())
}

static SETRANGE: CommandSpec = family::STRING
    .command("setrange", "key offset value", setrange)
    .summary("Overwrites a part of a string, filling up with zero bytes; returns the length.")
    .since("2.2.0")
    .cost("O(length of the value), plus the zero bytes that are filled in")
    .flags(Flags::WRITE.and(Flags::DENY_OOM))
    .access(Access::CHANGE_UNTOLD);

fn setrange(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let offset = parse_i64(args.get(2)).ok_or(ReplyError::NOT_INTEGER)?;
    let offset = u64::try_from(offset).map_err(|_| ReplyError::OFFSET_OUT_OF_RANGE)?;
    let key = context.key(args, 1);
    let part = args.get(3);
    let end = offset.saturating_add(part.len() as u64);
    if !part.is_empty() && end <= context.config.proto_max_bulk_bytes {
        context.room_to_grow(key, end as usize)?;
    }
    let old_len = length(context, key)?.unwrap_or(0);
    if part.is_empty() {
        context.reply.integer(old_len as i64);
        return Ok(());
    }
    let end = check_length(end, context.config.proto_max_bulk_bytes)?;
    let start = end - part.len();
    context.mutate().edit(key, end, Event::SetRange, |bytes| {
        bytes[start..end].copy_from_slice(part);
        true
    })?;
    context.reply.integer(old_len.max(end) as i64);
    Ok(())
}
