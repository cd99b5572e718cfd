//! Deadlines of fields of hashes.
//!
//! ```text
//!  reply of each field   -2 no such field   -1 no deadline   0 the condition does not hold
//!                         1 done             2 the deadline has come: the field is gone
//! ```
//!
//! Not here: commands that set or tell values, too (`with_deadlines.rs`); when due fields go
//! (`keyspace/`).

use super::fields::{COUNT_NOT_POSITIVE, counted_fields, deadline_ms, unless_wrong_type};
use crate::command::arguments::expire::TimeForm;
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::portions::{Joined, fields};
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::keyspace::{Changed, Event, Missing};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::ReplyWriter;
use crate::value::hash::{FieldOutcome, Hash};

pub(super) const COMMANDS: &[&CommandSpec] = &[
    &HEXPIRE,
    &HPEXPIRE,
    &HEXPIREAT,
    &HPEXPIREAT,
    &HTTL,
    &HPTTL,
    &HEXPIRETIME,
    &HPEXPIRETIME,
    &HPERSIST,
];

const EXPIRE_FLAGS: Flags = Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST_ON_KEYS);
const READ_FLAGS: Flags = Flags::READ_ONLY.and(Flags::FAST_ON_KEYS);
const COST: &str = "O(log N) for each field, with N fields";
const READ_COST: &str = "O(number of fields named)";

const NO_FIELD: i64 = -2;
const NO_DEADLINE: i64 = -1;

const EXPIRE_COUNT_NOT_POSITIVE: ReplyError =
    ReplyError::fixed("ERR Parameter `numFields` should be greater than 0");

/// The code that is replied of a field whose deadline was to be changed.
fn code(outcome: FieldOutcome) -> i64 {
    match outcome {
        FieldOutcome::NoField => NO_FIELD,
        FieldOutcome::NoDeadline => NO_DEADLINE,
        FieldOutcome::Refused => 0,
        FieldOutcome::Done => 1,
        FieldOutcome::Removed => 2,
    }
}

/// Replies the same of all fields.
fn reply_each(reply: &mut ReplyWriter<'_>, fields: Args<'_>, code: i64) {
    reply.array(fields.len());
    fields.iter().for_each(|_| reply.integer(code));
}

static HEXPIRE: CommandSpec = family::HASH
    .command(
        "hexpire",
        "key seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
        hexpire,
    )
    .summary("Lets fields of a hash expire after some seconds.")
    .since("7.4.0")
    .cost(COST)
    .flags(EXPIRE_FLAGS)
    .access(Access::CHANGE_UNTOLD)
    .divides(fields, Joined::Array);

fn hexpire(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    expire(context, args, TimeForm::SECONDS, "hexpire")
}

static HPEXPIRE: CommandSpec = family::HASH
    .command(
        "hpexpire",
        "key milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
        hpexpire,
    )
    .summary("Lets fields of a hash expire after some milliseconds.")
    .since("7.4.0")
    .cost(COST)
    .flags(EXPIRE_FLAGS)
    .access(Access::CHANGE_UNTOLD)
    .divides(fields, Joined::Array);

fn hpexpire(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    expire(context, args, TimeForm::MILLISECONDS, "hpexpire")
}

static HEXPIREAT: CommandSpec = family::HASH
    .command(
        "hexpireat",
        "key unix-time-seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
        hexpireat,
    )
    .summary("Lets fields of a hash expire at a Unix time in seconds.")
    .since("7.4.0")
    .cost(COST)
    .flags(EXPIRE_FLAGS)
    .access(Access::CHANGE_UNTOLD)
    .divides(fields, Joined::Array);

fn hexpireat(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    expire(context, args, TimeForm::UNIX_SECONDS, "hexpireat")
}

static HPEXPIREAT: CommandSpec = family::HASH
    .command(
        "hpexpireat",
        "key unix-time-milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
        hpexpireat,
    )
    .summary("Lets fields of a hash expire at a Unix time in milliseconds.")
    .since("7.4.0")
    .cost(COST)
    .flags(EXPIRE_FLAGS)
    .access(Access::CHANGE_UNTOLD)
    .divides(fields, Joined::Array);

fn hpexpireat(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    expire(context, args, TimeForm::UNIX_MILLISECONDS, "hpexpireat")
}

/// What must hold of the present deadline of a field for HEXPIRE to set another. A field without
/// one counts as one that expires never, later than any.
#[derive(Clone, Copy)]
enum Condition {
    Always,
    Absent,
    Present,
    Earlier,
    Later,
}

impl Condition {
    fn of_option(name: &[u8]) -> Self {
        const OPTIONS: [(&[u8], Condition); 4] = [
            (b"nx", Condition::Absent),
            (b"xx", Condition::Present),
            (b"gt", Condition::Earlier),
            (b"lt", Condition::Later),
        ];
        let mut options = OPTIONS.iter();
        let option = options.find(|(known, _)| known.eq_ignore_ascii_case(name));
        option.map_or(Self::Always, |&(_, condition)| condition)
    }

    fn holds(self, present_ms: Option<u64>, wanted_ms: u64) -> bool {
        match self {
            Self::Always => true,
            Self::Absent => present_ms.is_none(),
            Self::Present => present_ms.is_some(),
            Self::Earlier => present_ms.is_some_and(|present_ms| present_ms < wanted_ms),
            Self::Later => present_ms.is_none_or(|present_ms| present_ms > wanted_ms),
        }
    }
}

/// A request to set deadlines: the deadline, the condition and the fields.
fn parse_expire<'a>(
    args: Args<'a>,
    form: TimeForm,
    now_ms: u64,
    command: &str,
) -> Result<(u64, Condition, Args<'a>), ReplyError> {
    let deadline_ms = deadline_ms(form, args.get(2), now_ms, command)?;
    let condition = Condition::of_option(args.get(3));
    let rest = match condition {
        Condition::Always => args.skip(3),
        Condition::Absent | Condition::Present | Condition::Earlier | Condition::Later => {
            args.skip(4)
        }
    };
    let fields = counted_fields(rest, EXPIRE_COUNT_NOT_POSITIVE)?;
    Ok((deadline_ms, condition, fields))
}

fn expire(context: &mut Context<'_>, args: Args<'_>, form: TimeForm, command: &str) -> Outcome {
    let key = context.key(args, 1);
    let parsed = parse_expire(args, form, context.clock_ms(), command);
    let (deadline_ms, condition, fields) = unless_wrong_type(context, key, parsed)?;
    let found = context.change_and_tell::<Hash, _>(key, Missing::Skip, |hash, reply| {
        let mut event = None;
        reply.array(fields.len());
        for field in fields.iter() {
            let outcome = hash.expire(field, deadline_ms, |present_ms| {
                condition.holds(present_ms, deadline_ms)
            });
            match outcome {
                FieldOutcome::Done => event = Some(Event::HashExpire),
                FieldOutcome::Removed => event = Some(Event::HashRemove),
                FieldOutcome::NoField | FieldOutcome::NoDeadline | FieldOutcome::Refused => {}
            }
            reply.integer(code(outcome));
        }
        Ok(Changed { result: (), event })
    })?;
    if found.is_none() {
        reply_each(&mut context.reply, fields, NO_FIELD);
    }
    Ok(())
}

static HTTL: CommandSpec = family::HASH
    .command("httl", "key FIELDS numfields field [field ...]", httl)
    .summary("Returns the seconds until fields of a hash expire.")
    .since("7.4.0")
    .cost(READ_COST)
    .flags(READ_FLAGS)
    .divides(fields, Joined::Array);

fn httl(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    tell_deadlines(context, args, |due_ms, now_ms| in_seconds(due_ms - now_ms))
}

static HPTTL: CommandSpec = family::HASH
    .command("hpttl", "key FIELDS numfields field [field ...]", hpttl)
    .summary("Returns the milliseconds until fields of a hash expire.")
    .since("7.4.0")
    .cost(READ_COST)
    .flags(READ_FLAGS)
    .divides(fields, Joined::Array);

fn hpttl(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    tell_deadlines(context, args, |due_ms, now_ms| due_ms - now_ms)
}

static HEXPIRETIME: CommandSpec = family::HASH
    .command(
        "hexpiretime",
        "key FIELDS numfields field [field ...]",
        hexpiretime,
    )
    .summary("Returns the Unix times in seconds at which fields of a hash expire.")
    .since("7.4.0")
    .cost(READ_COST)
    .flags(READ_FLAGS)
    .divides(fields, Joined::Array);

fn hexpiretime(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    tell_deadlines(context, args, |due_ms, _| in_seconds(due_ms))
}

static HPEXPIRETIME: CommandSpec = family::HASH
    .command(
        "hpexpiretime",
        "key FIELDS numfields field [field ...]",
        hpexpiretime,
    )
    .summary("Returns the Unix times in milliseconds at which fields of a hash expire.")
    .since("7.4.0")
    .cost(READ_COST)
    .flags(READ_FLAGS)
    .divides(fields, Joined::Array);

fn hpexpiretime(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    tell_deadlines(context, args, |due_ms, _| due_ms)
}

/// Whole seconds, rounded up as Redis does.
fn in_seconds(duration_ms: u64) -> u64 {
    duration_ms.div_ceil(1000)
}

fn tell_deadlines(
    context: &mut Context<'_>,
    args: Args<'_>,
    shown: impl Fn(u64, u64) -> u64,
) -> Outcome {
    let key = context.key(args, 1);
    let parsed = counted_fields(args.skip(2), COUNT_NOT_POSITIVE);
    let fields = unless_wrong_type(context, key, parsed)?;
    let now_ms = context.now_ms();
    let (reply, hash) = context.read_as::<Hash>(key)?;
    let Some(hash) = hash else {
        reply_each(reply, fields, NO_FIELD);
        return Ok(());
    };
    reply.array(fields.len());
    for field in fields.iter() {
        reply.integer(match hash.deadline_ms(field) {
            None => NO_FIELD,
            Some(None) => NO_DEADLINE,
            // A field that is found is not due, so its deadline lies in the future.
            Some(Some(deadline_ms)) => shown(deadline_ms, now_ms) as i64,
        });
    }
    Ok(())
}

static HPERSIST: CommandSpec = family::HASH
    .command(
        "hpersist",
        "key FIELDS numfields field [field ...]",
        hpersist,
    )
    .summary("Takes the deadlines from fields of a hash.")
    .since("7.4.0")
    .cost(COST)
    .flags(Flags::WRITE.and(Flags::FAST_ON_KEYS))
    .access(Access::CHANGE_UNTOLD)
    .divides(fields, Joined::Array);

fn hpersist(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let parsed = counted_fields(args.skip(2), COUNT_NOT_POSITIVE);
    let fields = unless_wrong_type(context, key, parsed)?;
    let found = context.change_and_tell::<Hash, _>(key, Missing::Skip, |hash, reply| {
        let mut is_changed = false;
        reply.array(fields.len());
        for field in fields.iter() {
            let outcome = hash.persist(field);
            is_changed |= outcome == FieldOutcome::Done;
            reply.integer(code(outcome));
        }
        Ok(Changed::when(is_changed, Event::HashPersist, ()))
    })?;
    if found.is_none() {
        reply_each(&mut context.reply, fields, NO_FIELD);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Condition;

    #[test]
    fn no_deadline_is_later_than_any() {
        let holds = |option: &[u8]| {
            let condition = Condition::of_option(option);
            [None, Some(5), Some(7), Some(9)].map(|present_ms| condition.holds(present_ms, 7))
        };
        assert_eq!(holds(b"FIELDS"), [true; 4]);
        assert_eq!(holds(b"NX"), [true, false, false, false]);
        assert_eq!(holds(b"xx"), [false, true, true, true]);
        assert_eq!(holds(b"GT"), [false, true, false, false]);
        assert_eq!(holds(b"lt"), [true, false, false, true]);
    }
}
