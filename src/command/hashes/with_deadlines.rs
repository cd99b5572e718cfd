//! Values of fields told, set or taken away together with their deadlines.
//!
//! Words of errors and their order are those of Redis 8.0.
//!
//! Not here: commands on deadlines alone (`deadlines.rs`).

use super::fields::{COUNT_NOT_POSITIVE, counted_fields, deadline_ms, unless_wrong_type};
use super::read::reply_values;
use crate::base::numbers::parse_i64;
use crate::command::arguments::expire::TimeForm;
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::portions::{Joined, fields};
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::keyspace::{Changed, Event, Missing};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::value::hash::{FieldOutcome, Hash};

pub(super) const COMMANDS: &[&CommandSpec] = &[&HGETEX, &HSETEX, &HGETDEL];

const COST: &str =
    "O(number of fields named), O(log N) for each with N fields of which one has a deadline";

static HGETEX: CommandSpec = family::HASH
    .command("hgetex", "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST] FIELDS numfields field [field ...]", hgetex)
    .summary("Returns values of fields of a hash and sets, changes or removes their deadlines.")
    .since("8.0.0")
    .cost(COST)
    .flags(Flags::WRITE.and(Flags::FAST_ON_KEYS))
    .divides(fields, Joined::Array);

/// What HGETEX does to the deadlines of the fields.
#[derive(Clone, Copy)]
enum DeadlineOption {
    Keep,
    Persist,
    At(u64),
}

fn parse_getex(args: Args<'_>, now_ms: u64) -> Result<(DeadlineOption, Args<'_>), ReplyError> {
    let name = args.get(2);
    let (option, rest) = if name.eq_ignore_ascii_case(b"persist") {
        (DeadlineOption::Persist, args.skip(3))
    } else if let Some(form) = TimeForm::of_option(name) {
        let deadline_ms = deadline_ms(form, args.get(3), now_ms, "hgetex")?;
        (DeadlineOption::At(deadline_ms), args.skip(4))
    } else {
        (DeadlineOption::Keep, args.skip(2))
    };
    Ok((option, counted_fields(rest, COUNT_NOT_POSITIVE)?))
}

fn hgetex(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let parsed = parse_getex(args, context.clock_ms());
    let (option, fields) = unless_wrong_type(context, key, parsed)?;
    let (reply, hash) = context.read_as::<Hash>(key)?;
    reply_values(reply, hash.as_ref(), fields);
    if matches!(option, DeadlineOption::Keep) {
        return Ok(());
    }
    context.change::<Hash, _>(key, Missing::Skip, |hash| {
        let mut event = None;
        for field in fields.iter() {
            let outcome = match option {
                DeadlineOption::Keep => FieldOutcome::Refused,
                DeadlineOption::Persist => hash.persist(field),
                DeadlineOption::At(deadline_ms) => hash.expire(field, deadline_ms, |_| true),
            };
            match (outcome, option) {
                (FieldOutcome::Removed, _) => event = Some(Event::HashRemove),
                (FieldOutcome::Done, DeadlineOption::Persist) => event = Some(Event::HashPersist),
                (FieldOutcome::Done, _) => event = Some(Event::HashExpire),
                (FieldOutcome::NoField | FieldOutcome::NoDeadline | FieldOutcome::Refused, _) => {}
            }
        }
        Ok(Changed { result: (), event })
    })?;
    Ok(())
}

static HSETEX: CommandSpec = family::HASH
    .command("hsetex", "key [FNX | FXX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL] FIELDS numfields field value [field value ...]", hsetex)
    .summary("Sets fields of a hash and their deadlines.")
    .since("8.0.0")
    .cost(COST)
    .flags(
        Flags::WRITE
            .and(Flags::DENY_OOM)
            .and(Flags::FAST_ON_KEYS),
    )
    .access(Access::CHANGE_UNTOLD);

const BAD_PAIR_COUNT: ReplyError = ReplyError::fixed("ERR invalid number of fields");
const NO_TIME: ReplyError = ReplyError::fixed("ERR missing expire time");
const TWO_CONDITIONS: ReplyError =
    ReplyError::fixed("ERR Only one of FXX or FNX arguments can be specified");
const TWO_TIMES: ReplyError =
    ReplyError::fixed("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified");

/// What must hold of the fields of a request for HSETEX to set them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    Always,
    AllMissing,
    AllPresent,
}

/// What HSETEX does to the deadlines of the fields.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SetDeadline {
    Clear,
    Keep,
    At(u64),
}

struct SetOptions<'a> {
    condition: Condition,
    deadline: SetDeadline,
    /// Fields, each with its value.
    pairs: Args<'a>,
}

impl<'a> SetOptions<'a> {
    fn parse(args: Args<'a>, now_ms: u64) -> Result<Self, ReplyError> {
        let mut options = Self {
            condition: Condition::Always,
            deadline: SetDeadline::Clear,
            pairs: args.skip(args.len()),
        };
        let mut index = 2;
        while index < args.len() {
            let name = args.get(index);
            if name.eq_ignore_ascii_case(b"fields") {
                options.pairs = counted_pairs(args.skip(index + 1))?;
                return Ok(options);
            }
            let next = (index + 1 < args.len()).then(|| args.get(index + 1));
            index += options.take(name, next, now_ms)?;
        }
        // Redis's parser never comes here: its last word can't be an option.
        Err(ReplyError::wrong_arity("hsetex"))
    }

    /// Takes one option and perhaps its argument; returns how many words it took.
    fn take(&mut self, name: &[u8], next: Option<&[u8]>, now_ms: u64) -> Result<usize, ReplyError> {
        let condition = match name {
            _ if name.eq_ignore_ascii_case(b"fnx") => Some(Condition::AllMissing),
            _ if name.eq_ignore_ascii_case(b"fxx") => Some(Condition::AllPresent),
            _ => None,
        };
        if let Some(condition) = condition {
            if self.condition != Condition::Always {
                return Err(TWO_CONDITIONS);
            }
            self.condition = condition;
            return Ok(1);
        }
        let keeps = name.eq_ignore_ascii_case(b"keepttl");
        let form = TimeForm::of_option(name);
        if !keeps && form.is_none() {
            return Err(ReplyError::from_bytes(
                [b"ERR unknown argument: ", name].concat(),
            ));
        }
        if self.deadline != SetDeadline::Clear {
            return Err(TWO_TIMES);
        }
        let Some(form) = form else {
            self.deadline = SetDeadline::Keep;
            return Ok(1);
        };
        let text = next.ok_or(NO_TIME)?;
        self.deadline = SetDeadline::At(deadline_ms(form, text, now_ms, "hsetex")?);
        Ok(2)
    }
}

/// The pairs of `numfields field value [field value …]`, which is all of `words`.
fn counted_pairs(words: Args<'_>) -> Result<Args<'_>, ReplyError> {
    if words.len() < 3 {
        return Err(ReplyError::wrong_arity("hsetex"));
    }
    let count = parse_i64(words.get(0))
        .filter(|count| (1..=i64::from(i32::MAX)).contains(count))
        .ok_or(BAD_PAIR_COUNT)?;
    let pairs = words.skip(1);
    match 2 * count == pairs.len() as i64 {
        true => Ok(pairs),
        false => Err(ReplyError::wrong_arity("hsetex")),
    }
}

fn hsetex(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let SetOptions {
        condition,
        deadline,
        pairs,
    } = SetOptions::parse(args, context.clock_ms())?;
    let key = context.key(args, 1);
    let now_ms = context.now_ms();
    let missing = match condition {
        Condition::AllPresent => Missing::Skip,
        Condition::Always | Condition::AllMissing => Missing::Create,
    };
    let sets = context.change::<Hash, _>(key, missing, |hash| {
        let mut fields = pairs.iter().step_by(2);
        let sets = match condition {
            Condition::Always => true,
            Condition::AllMissing => fields.all(|field| hash.read().get(field).is_none()),
            Condition::AllPresent => fields.all(|field| hash.read().get(field).is_some()),
        };
        if !sets {
            return Ok(Changed::when(false, Event::HashSet, false));
        }
        let mut words = pairs.iter();
        while let (Some(field), Some(value)) = (words.next(), words.next()) {
            match deadline {
                SetDeadline::Clear => hash.set(field, value),
                SetDeadline::Keep => hash.update(field, value),
                // A field whose time has come does not stay.
                SetDeadline::At(deadline_ms) if deadline_ms <= now_ms => hash.remove(field),
                SetDeadline::At(deadline_ms) => hash.set_until(field, value, deadline_ms),
            };
        }
        Ok(Changed::when(true, Event::HashSet, true))
    })?;
    context.reply.integer(i64::from(sets.unwrap_or(false)));
    Ok(())
}

static HGETDEL: CommandSpec = family::HASH
    .command("hgetdel", "key FIELDS numfields field [field ...]", hgetdel)
    .summary("Returns values of fields of a hash and removes the fields.")
    .since("8.0.0")
    .cost("O(number of fields named)")
    .flags(Flags::WRITE.and(Flags::FAST_ON_KEYS))
    .access(Access::TAKE)
    .divides(fields, Joined::Array);

fn hgetdel(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let parsed = counted_fields(args.skip(2), COUNT_NOT_POSITIVE);
    let fields = unless_wrong_type(context, key, parsed)?;
    let found = context.change_and_tell::<Hash, _>(key, Missing::Skip, |hash, reply| {
        let mut is_changed = false;
        reply.array(fields.len());
        for field in fields.iter() {
            match hash.read().get(field) {
                Some(value) => reply.item(value),
                None => reply.null(),
            }
            is_changed |= hash.remove(field);
        }
        Ok(Changed::when(is_changed, Event::HashRemove, ()))
    })?;
    if found.is_none() {
        reply_values(&mut context.reply, None, fields);
    }
    Ok(())
}
