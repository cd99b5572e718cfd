//! Commands on several strings at once.

use super::reply_string;
use crate::base::numbers::parse_i64;
use crate::command::arguments::expire::ExpireOption;
use crate::command::arguments::many_keys::for_each_key;
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::keys::{Keys, Part};
use crate::command::declare::portions::{Checked, Division, Joined, key_pairs, keys};
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::keyspace::DeadlineChange;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::value::string::StringValue;

pub(super) const COMMANDS: &[&CommandSpec] = &[&MGET, &MSET, &MSETNX, &MSETEX];

static MGET: CommandSpec = family::STRING
    .command("mget", "key [key ...]", mget)
    .summary("Returns the string values of several keys.")
    .since("1.0.0")
    .cost("O(number of keys)")
    .flags(Flags::READ_ONLY.and(Flags::FAST_ON_KEYS))
    .keys(Keys::ALL)
    .divides_keys(keys, Joined::Array);

fn mget(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    context.reply.array(args.len() - 1);
    for_each_key(context, args, 1..args.len(), 1, |context, _, key| {
        // A key of another type has no string, either.
        context.read(key, |reply, entry| {
            reply_string(reply, entry.and_then(|entry| entry.as_string().ok()));
        });
    });
    Ok(())
}

fn set_pairs(
    context: &mut Context<'_>,
    args: Args<'_>,
    range: std::ops::Range<usize>,
    deadline: DeadlineChange,
) {
    for_each_key(context, args, range, 2, |context, index, key| {
        let value = StringValue::compact(args.get(index + 1));
        context.mutate().set(key, value, deadline);
    });
}

/// How many of the keys exist, a repeated one counted as often as it stands.
fn count_existing(
    context: &mut Context<'_>,
    args: Args<'_>,
    range: std::ops::Range<usize>,
) -> usize {
    let mut count = 0;
    for_each_key(context, args, range, 2, |context, _, key| {
        count += usize::from(context.mutate().exists(key));
    });
    count
}

static MSET: CommandSpec = family::STRING
    .command("mset", "key value [key value ...]", mset)
    .summary("Sets several keys to strings.")
    .since("1.0.1")
    .cost("O(number of keys)")
    .flags(Flags::WRITE.and(Flags::DENY_OOM))
    .keys(Keys::of(&[Part::at(1).through(-1, 2)]))
    .access(Access::REPLACE)
    .divides_keys(key_pairs, Joined::Last);

fn mset(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    if args.len().is_multiple_of(2) {
        return Err(ReplyError::wrong_arity("mset"));
    }
    set_pairs(context, args, 1..args.len(), DeadlineChange::Clear);
    context.reply.ok();
    Ok(())
}

static MSETNX: CommandSpec = family::STRING
    .command("msetnx", "key value [key value ...]", msetnx)
    .summary("Sets several keys to strings if none of them exists.")
    .since("1.0.1")
    .cost("O(number of keys)")
    .flags(Flags::WRITE.and(Flags::DENY_OOM))
    .keys(Keys::of(&[Part::at(1).through(-1, 2)]))
    .access(Access::ADD)
    .divides_keys(key_pairs, Joined::Last)
    .checks_rows(Checked {
        check: are_missing,
        run: set_missing,
    });

fn msetnx(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    if args.len().is_multiple_of(2) {
        return Err(ReplyError::wrong_arity("msetnx"));
    }
    match are_missing(context, args)? {
        true => set_missing(context, args),
        false => Ok(()),
    }
}

/// Whether none of the keys of MSETNX exists; if one does, replies that.
fn are_missing(context: &mut Context<'_>, args: Args<'_>) -> Result<bool, ReplyError> {
    let are_missing = count_existing(context, args, 1..args.len()) == 0;
    if !are_missing {
        context.reply.integer(0);
    }
    Ok(are_missing)
}

fn set_missing(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    set_pairs(context, args, 1..args.len(), DeadlineChange::Clear);
    context.reply.integer(1);
    Ok(())
}

static MSETEX: CommandSpec = family::STRING
    .command("msetex", "numkeys key value [key value ...] [NX | XX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]", msetex)
    .summary("Sets several keys to strings that share a deadline; all or none, with NX or XX.")
    .since("8.4.0")
    .cost("O(number of keys), times O(log N) with N keys that have a deadline")
    .flags(Flags::WRITE.and(Flags::DENY_OOM))
    .keys(Keys::of(&[Part::counted(1).spaced(2)]))
    .access(Access::REPLACE)
    .divides_keys(msetex_division, Joined::Last)
    .checks_rows(Checked {
        check: may_set,
        run: set_with_deadline,
    });

fn msetex(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    match may_set(context, args)? {
        true => set_with_deadline(context, args),
        false => Ok(()),
    }
}

/// What MSETEX is asked for.
struct Msetex {
    /// Where the pairs end that begin after the number of keys.
    pairs_end: usize,
    /// How many of the keys must exist, if that counts.
    existing_wanted: Option<usize>,
    deadline: DeadlineChange,
}

impl Msetex {
    fn read(context: &Context<'_>, args: Args<'_>) -> Result<Self, ReplyError> {
        let count = parse_i64(args.get(1)).filter(|&count| count > 0);
        let count = count
            .and_then(|count| usize::try_from(count).ok())
            .ok_or(BAD_COUNT)?;
        let pairs_end = count.checked_mul(2).and_then(|words| words.checked_add(2));
        let pairs_end = pairs_end
            .filter(|&end| end <= args.len())
            .ok_or_else(|| ReplyError::wrong_arity("msetex"))?;
        let mut existing_wanted = None;
        let mut expire = ExpireOption::None;
        let mut index = pairs_end;
        while index < args.len() {
            let name = args.get(index);
            let next = (index + 1 < args.len()).then(|| args.get(index + 1));
            if name.eq_ignore_ascii_case(b"nx") && existing_wanted != Some(count) {
                existing_wanted = Some(0);
                index += 1;
            } else if name.eq_ignore_ascii_case(b"xx") && existing_wanted != Some(0) {
                existing_wanted = Some(count);
                index += 1;
            } else {
                index += match expire.take(name, next) {
                    0 => return Err(ReplyError::SYNTAX),
                    taken => taken,
                };
            }
        }
        let deadline = match expire {
            ExpireOption::None => DeadlineChange::Clear,
            ExpireOption::Keep => DeadlineChange::Keep,
            ExpireOption::Persist => return Err(ReplyError::SYNTAX),
            ExpireOption::At(form, text) => {
                DeadlineChange::At(form.positive_deadline_ms(text, context.clock_ms(), "msetex")?)
            }
        };
        Ok(Self {
            pairs_end,
            existing_wanted,
            deadline,
        })
    }
}

fn msetex_division(context: &Context<'_>, args: Args<'_>) -> Option<Division> {
    let request = Msetex::read(context, args).ok()?;
    Some(Division {
        rows: 2..request.pairs_end,
        row: 2,
        count_at: Some(1),
        count: (request.pairs_end as u64 - 2) / 2,
    })
}

/// Whether as many of the keys of MSETEX exist as must; if not, replies that.
fn may_set(context: &mut Context<'_>, args: Args<'_>) -> Result<bool, ReplyError> {
    let request = Msetex::read(context, args)?;
    let wanted = request.existing_wanted;
    let may_set =
        wanted.is_none_or(|wanted| count_existing(context, args, 2..request.pairs_end) == wanted);
    if !may_set {
        context.reply.integer(0);
    }
    Ok(may_set)
}

fn set_with_deadline(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let request = Msetex::read(context, args)?;
    set_pairs(context, args, 2..request.pairs_end, request.deadline);
    context.reply.integer(1);
    Ok(())
}

const BAD_COUNT: ReplyError = ReplyError::fixed("ERR invalid numkeys value");
