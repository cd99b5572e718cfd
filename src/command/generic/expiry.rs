//! Deadlines of keys.

use crate::base::numbers::parse_i64;
use crate::command::arguments::expire::TimeForm;
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;

pub(super) const COMMANDS: &[&CommandSpec] = &[
    &EXPIRE,
    &PEXPIRE,
    &EXPIREAT,
    &PEXPIREAT,
    &TTL,
    &PTTL,
    &EXPIRETIME,
    &PEXPIRETIME,
    &PERSIST,
];

const WRITE_FAST: Flags = Flags::WRITE.and(Flags::FAST_ON_KEYS);
const READ_FAST: Flags = Flags::READ_ONLY.and(Flags::FAST_ON_KEYS);
const LOG_COST: &str = "O(log N) with N keys that have a deadline";

static EXPIRE: CommandSpec = family::GENERIC
    .command("expire", "key seconds [NX | XX | GT | LT]", expire)
    .summary("Lets a key expire after some seconds.")
    .since("1.0.0")
    .cost(LOG_COST)
    .flags(WRITE_FAST)
    .access(Access::CHANGE_UNTOLD);

fn expire(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    set_deadline(context, args, TimeForm::SECONDS, "expire")
}

static PEXPIRE: CommandSpec = family::GENERIC
    .command("pexpire", "key milliseconds [NX | XX | GT | LT]", pexpire)
    .summary("Lets a key expire after some milliseconds.")
    .since("2.6.0")
    .cost(LOG_COST)
    .flags(WRITE_FAST)
    .access(Access::CHANGE_UNTOLD);

fn pexpire(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    set_deadline(context, args, TimeForm::MILLISECONDS, "pexpire")
}

static EXPIREAT: CommandSpec = family::GENERIC
    .command(
        "expireat",
        "key unix-time-seconds [NX | XX | GT | LT]",
        expireat,
    )
    .summary("Lets a key expire at a Unix time in seconds.")
    .since("1.2.0")
    .cost(LOG_COST)
    .flags(WRITE_FAST)
    .access(Access::CHANGE_UNTOLD);

fn expireat(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    set_deadline(context, args, TimeForm::UNIX_SECONDS, "expireat")
}

static PEXPIREAT: CommandSpec = family::GENERIC
    .command(
        "pexpireat",
        "key unix-time-milliseconds [NX | XX | GT | LT]",
        pexpireat,
    )
    .summary("Lets a key expire at a Unix time in milliseconds.")
    .since("2.6.0")
    .cost(LOG_COST)
    .flags(WRITE_FAST)
    .access(Access::CHANGE_UNTOLD);

fn pexpireat(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    set_deadline(context, args, TimeForm::UNIX_MILLISECONDS, "pexpireat")
}

/// What must hold of the present deadline for EXPIRE to set another.
#[derive(Default)]
struct Conditions {
    is_absent: bool,
    is_present: bool,
    is_earlier: bool,
    is_later: bool,
}

const NX_WITH_OTHERS: ReplyError =
    ReplyError::fixed("ERR NX and XX, GT or LT options at the same time are not compatible");
const GT_WITH_LT: ReplyError =
    ReplyError::fixed("ERR GT and LT options at the same time are not compatible");

impl Conditions {
    fn parse(args: Args<'_>) -> Result<Self, ReplyError> {
        let mut conditions = Self::default();
        for name in args.iter().skip(3) {
            let flag = if name.eq_ignore_ascii_case(b"nx") {
                &mut conditions.is_absent
            } else if name.eq_ignore_ascii_case(b"xx") {
                &mut conditions.is_present
            } else if name.eq_ignore_ascii_case(b"gt") {
                &mut conditions.is_earlier
            } else if name.eq_ignore_ascii_case(b"lt") {
                &mut conditions.is_later
            } else {
                return Err(unsupported_option(name));
            };
            *flag = true;
        }
        let has_others = conditions.is_present || conditions.is_earlier || conditions.is_later;
        if conditions.is_absent && has_others {
            return Err(NX_WITH_OTHERS);
        }
        if conditions.is_earlier && conditions.is_later {
            return Err(GT_WITH_LT);
        }
        Ok(conditions)
    }

    /// A key without a deadline counts as one that expires never, later than any.
    fn hold(&self, present_ms: Option<u64>, wanted_ms: i64) -> bool {
        let present_ms = present_ms.and_then(|present_ms| i64::try_from(present_ms).ok());
        !(self.is_absent && present_ms.is_some()
            || self.is_present && present_ms.is_none()
            || self.is_earlier && present_ms.is_none_or(|present_ms| wanted_ms <= present_ms)
            || self.is_later && present_ms.is_some_and(|present_ms| wanted_ms >= present_ms))
    }
}

fn unsupported_option(name: &[u8]) -> ReplyError {
    ReplyError::from_bytes([b"ERR Unsupported option ", name].concat())
}

fn set_deadline(
    context: &mut Context<'_>,
    args: Args<'_>,
    form: TimeForm,
    command: &str,
) -> Outcome {
    let conditions = Conditions::parse(args)?;
    let amount = parse_i64(args.get(2)).ok_or(ReplyError::NOT_INTEGER)?;
    let deadline_ms = form
        .deadline_ms(amount, context.clock_ms())
        .ok_or_else(|| ReplyError::invalid_expire_time(command))?;
    let key = context.key(args, 1);
    let mut mutation = context.mutate();
    let sets = mutation.exists(key)
        && conditions.hold(mutation.deadline_ms(key), deadline_ms)
        // A time before 1970 has come as surely as 1970.
        && mutation.set_deadline(key, u64::try_from(deadline_ms).unwrap_or(0));
    context.reply.integer(i64::from(sets));
    Ok(())
}

static TTL: CommandSpec = family::GENERIC
    .command("ttl", "key", ttl)
    .summary("Returns the seconds until a key expires; -1 if never, -2 if there is no such key.")
    .since("1.0.0")
    .flags(READ_FAST);

fn ttl(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    reply_deadline(context, args, |deadline_ms, now_ms| {
        round_to_seconds(deadline_ms - now_ms)
    })
}

static PTTL: CommandSpec = family::GENERIC
    .command("pttl", "key", pttl)
    .summary(
        "Returns the milliseconds until a key expires; -1 if never, -2 if there is no such key.",
    )
    .since("2.6.0")
    .flags(READ_FAST);

fn pttl(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    reply_deadline(context, args, |deadline_ms, now_ms| deadline_ms - now_ms)
}

static EXPIRETIME: CommandSpec = family::GENERIC
    .command("expiretime", "key", expiretime)
    .summary("Returns the Unix time in seconds at which a key expires; -1 if never, -2 if there is no such key.")
    .since("7.0.0")
    .flags(READ_FAST);

fn expiretime(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    reply_deadline(context, args, |deadline_ms, _| {
        round_to_seconds(deadline_ms)
    })
}

static PEXPIRETIME: CommandSpec = family::GENERIC
    .command("pexpiretime", "key", pexpiretime)
    .summary("Returns the Unix time in milliseconds at which a key expires; -1 if never, -2 if there is no such key.")
    .since("7.0.0")
    .flags(READ_FAST);

fn pexpiretime(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    reply_deadline(context, args, |deadline_ms, _| deadline_ms)
}

fn round_to_seconds(duration_ms: u64) -> u64 {
    duration_ms.saturating_add(500) / 1000
}

fn reply_deadline(
    context: &mut Context<'_>,
    args: Args<'_>,
    shown: impl FnOnce(u64, u64) -> u64,
) -> Outcome {
    let key = context.key(args, 1);
    let (database, now_ms) = (context.database(), context.now_ms());
    context.look(key, |reply, keyspace, entry| {
        reply.integer(match entry {
            None => -2,
            Some(entry) => match keyspace.deadline_ms(database, entry) {
                None => -1,
                // A key that is found is not due, so its deadline lies in the future.
                Some(deadline_ms) => i64::try_from(shown(deadline_ms, now_ms)).unwrap_or(i64::MAX),
            },
        });
    });
    Ok(())
}

static PERSIST: CommandSpec = family::GENERIC
    .command("persist", "key", persist)
    .summary("Takes the deadline from a key.")
    .since("2.2.0")
    .cost(LOG_COST)
    .flags(WRITE_FAST)
    .access(Access::CHANGE_UNTOLD);

fn persist(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let persists = context.mutate().persist(key);
    context.reply.integer(i64::from(persists));
    Ok(())
}
