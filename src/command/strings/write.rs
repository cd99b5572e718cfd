//! Commands that set or change one string.

use super::{check_length, reply_string};
use crate::base::numbers::parse_i64;
use crate::command::expire_options::{ExpireOption, TimeForm};
use crate::command::spec::{Action, CommandSpec, Flags, Group, Keys, Outcome};
use crate::keyspace::{DeadlineChange, Key};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::session::Context;
use crate::value::string::StringValue;

pub(super) const COMMANDS: &[&CommandSpec] =
    &[&SET, &SETNX, &SETEX, &PSETEX, &GETSET, &APPEND, &SETRANGE];

static SET: CommandSpec = CommandSpec {
    name: "set",
    syntax: "key value [NX | XX | IFEQ comparison-value] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
    summary: "Sets a key to a string, whatever it held, and its deadline.",
    since: "1.0.0",
    group: Group::String,
    complexity: "O(1), O(log N) with N keys that have a deadline",
    arity: -3,
    flags: Flags::WRITE.and(Flags::DENY_OOM).and(Flags::BRIEF),
    keys: Keys::FIRST,
    action: Action::Run(set),
};

/// What must hold for SET to set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition<'a> {
    Always,
    Missing,
    Present,
    Equal(&'a [u8]),
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
        } else if name.eq_ignore_ascii_case(b"ifeq")
            && condition == Condition::Always
            && let Some(comparison) = next
        {
            options.condition = Condition::Equal(comparison);
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
            DeadlineChange::At(form.positive_deadline_ms(text, context.now_ms(), "set")?)
        }
    };
    if options.returns_old {
        reply_old_value(context, key);
    }
    if !holds(context, key, options.condition) {
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

fn holds(context: &mut Context<'_>, key: Key<'_>, condition: Condition<'_>) -> bool {
    match condition {
        Condition::Always => true,
        Condition::Missing => !context.mutate().exists(key),
        Condition::Present => context.mutate().exists(key),
        Condition::Equal(wanted) => context
            .mutate()
            .find(key)
            .is_some_and(|entry| entry.string().text(&mut itoa::Buffer::new()) == wanted),
    }
}

fn reply_old_value(context: &mut Context<'_>, key: Key<'_>) {
    context.read(key, |reply, entry| match entry {
        Some(entry) => reply_string(reply, entry.string()),
        None => reply.null(),
    });
}

static SETNX: CommandSpec = CommandSpec {
    name: "setnx",
    syntax: "key value",
    summary: "Sets a key to a string if there is no such key.",
    since: "1.0.0",
    group: Group::String,
    complexity: "O(1)",
    arity: 3,
    flags: Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST),
    keys: Keys::FIRST,
    action: Action::Run(setnx),
};

fn setnx(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let sets = holds(context, key, Condition::Missing);
    if sets {
        let value = StringValue::compact(args.get(2));
        context.mutate().set(key, value, DeadlineChange::Clear);
    }
    context.reply.integer(i64::from(sets));
    Ok(())
}

static SETEX: CommandSpec = CommandSpec {
    name: "setex",
    syntax: "key seconds value",
    summary: "Sets a key to a string that expires after some seconds.",
    since: "2.0.0",
    group: Group::String,
    complexity: "O(log N) with N keys that have a deadline",
    arity: 4,
    flags: Flags::WRITE.and(Flags::DENY_OOM).and(Flags::BRIEF),
    keys: Keys::FIRST,
    action: Action::Run(setex),
};

fn setex(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    set_for_a_time(context, args, TimeForm::SECONDS, "setex")
}

static PSETEX: CommandSpec = CommandSpec {
    name: "psetex",
    syntax: "key milliseconds value",
    summary: "Sets a key to a string that expires after some milliseconds.",
    since: "2.6.0",
    group: Group::String,
    complexity: "O(log N) with N keys that have a deadline",
    arity: 4,
    flags: Flags::WRITE.and(Flags::DENY_OOM).and(Flags::BRIEF),
    keys: Keys::FIRST,
    action: Action::Run(psetex),
};

fn psetex(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    set_for_a_time(context, args, TimeForm::MILLISECONDS, "psetex")
}

fn set_for_a_time(
    context: &mut Context<'_>,
    args: Args<'_>,
    form: TimeForm,
    command: &str,
) -> Outcome {
    let deadline_ms = form.positive_deadline_ms(args.get(2), context.now_ms(), command)?;
    let key = context.key(args, 1);
    let value = StringValue::compact(args.get(3));
    context
        .mutate()
        .set(key, value, DeadlineChange::At(deadline_ms));
    context.reply.ok();
    Ok(())
}

static GETSET: CommandSpec = CommandSpec {
    name: "getset",
    syntax: "key value",
    summary: "Returns the string value of a key and sets it to another.",
    since: "1.0.0",
    group: Group::String,
    complexity: "O(1)",
    arity: 3,
    flags: Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST),
    keys: Keys::FIRST,
    action: Action::Run(getset),
};

fn getset(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    reply_old_value(context, key);
    context.mutate().set(
        key,
        StringValue::compact(args.get(2)),
        DeadlineChange::Clear,
    );
    Ok(())
}

static APPEND: CommandSpec = CommandSpec {
    name: "append",
    syntax: "key value",
    summary: "Appends to a string, or sets it if there is no such key; returns the length.",
    since: "2.0.0",
    group: Group::String,
    complexity: "O(1) amortised",
    arity: 3,
    flags: Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST),
    keys: Keys::FIRST,
    action: Action::Run(append),
};

fn append(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let tail = args.get(2);
    let Some(old_len) = context.mutate().find(key).map(|entry| entry.string().len()) else {
        context
            .mutate()
            .set(key, StringValue::compact(tail), DeadlineChange::Clear);
        context.reply.integer(tail.len() as i64);
        return Ok(());
    };
    let len_wanted = old_len as u64 + tail.len() as u64;
    let len = check_length(len_wanted, context.config.proto_max_bulk_bytes)?;
    context.mutate().edit(key, len, |bytes| {
        bytes[old_len..].copy_from_slice(tail);
        true
    });
    context.reply.integer(len as i64);
    Ok(())
}

static SETRANGE: CommandSpec = CommandSpec {
    name: "setrange",
    syntax: "key offset value",
    summary: "Overwrites a part of a string, filling up with zero bytes; returns the length.",
    since: "2.2.0",
    group: Group::String,
    complexity: "O(length of the value), plus the zero bytes that are filled in",
    arity: 4,
    flags: Flags::WRITE.and(Flags::DENY_OOM),
    keys: Keys::FIRST,
    action: Action::Run(setrange),
};

fn setrange(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let offset = parse_i64(args.get(2)).ok_or(ReplyError::NOT_INTEGER)?;
    let offset = u64::try_from(offset).map_err(|_| ReplyError::OFFSET_OUT_OF_RANGE)?;
    let key = context.key(args, 1);
    let part = args.get(3);
    let end = offset.saturating_add(part.len() as u64);
    if !part.is_empty() && end <= context.config.proto_max_bulk_bytes {
        context.room_to_grow(key, end as usize)?;
    }
    let old_len = context
        .mutate()
        .find(key)
        .map_or(0, |entry| entry.string().len());
    if part.is_empty() {
        context.reply.integer(old_len as i64);
        return Ok(());
    }
    let end = check_length(end, context.config.proto_max_bulk_bytes)?;
    let start = end - part.len();
    context.mutate().edit(key, end, |bytes| {
        bytes[start..end].copy_from_slice(part);
        true
    });
    context.reply.integer(old_len.max(end) as i64);
    Ok(())
}
