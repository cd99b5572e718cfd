//! Pending entries go to another consumer.

use super::delivery::take_consumer;
use super::ids::{parse_id, parse_start};
use super::layout::{tell_entry, tell_id};
use super::no_key_or_group;
use crate::base::numbers::parse_i64;
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::portions::{Division, Joined};
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::keyspace::{Changed, EntryHome, Event, Missing};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::ReplyWriter;
use crate::value::stream::{Consumer, Owner, Pending, Stream, StreamGroup, StreamId, StreamMut};

pub(super) const COMMANDS: &[&CommandSpec] = &[&XCLAIM, &XAUTOCLAIM];

/// Pending entries that XAUTOCLAIM looks at for each that it may claim.
const LOOKS_PER_CLAIM: usize = 10;

/// Entries that XAUTOCLAIM claims if the request does not say.
const COUNT_USUAL: usize = 100;

/// Entries that XAUTOCLAIM claims at most, whatever the request says: its cursor leads on.
const COUNT_CLAIMED_MAX: usize = 1_024;

/// What XAUTOCLAIM takes as a number of entries at most: Redis's limit.
const COUNT_MAX: i64 = i64::MAX / 16;

static XCLAIM: CommandSpec = family::STREAM
    .command(
        "xclaim",
        "key group consumer min-idle-time ID [ID ...] [IDLE ms] [TIME unix-time-milliseconds] \
         [RETRYCOUNT count] [FORCE] [JUSTID] [LASTID lastid]",
        xclaim,
    )
    .summary("Gives pending entries to a consumer, as if they had been delivered to it.")
    .since("5.0.0")
    .cost("O(log N) for each id, with N entries pending")
    .flags(Flags::WRITE.and(Flags::FAST))
    .access(Access::CHANGE_UNTOLD)
    .divides(xclaim_division, Joined::Rows);

/// Where the ids end that XCLAIM names.
fn ids_end(args: Args<'_>) -> usize {
    let ids = args.skip(5).iter().take_while(|id| parse_id(id).is_ok());
    5 + ids.count()
}

/// Ids and options are all read before the first entry is claimed.
fn xclaim_division(context: &Context<'_>, args: Args<'_>) -> Option<Division> {
    let end = ids_end(args);
    parse_options(args, end, context.now_ms()).ok()?;
    Some(Division {
        rows: 5..end,
        row: 1,
        count_at: None,
        count: end as u64 - 5,
    })
}

/// What XCLAIM is told after the ids.
struct Options {
    delivered_ms: u64,
    retry_count: Option<u64>,
    is_forced: bool,
    is_id_only: bool,
    last_id: StreamId,
}

fn parse_option_number(args: Args<'_>, index: usize, name: &str) -> Result<i64, ReplyError> {
    parse_i64(args.get(index))
        .ok_or_else(|| ReplyError::new(format!("ERR Invalid {name} option argument for XCLAIM")))
}

fn parse_options(args: Args<'_>, from: usize, now_ms: u64) -> Result<Options, ReplyError> {
    let mut options = Options {
        delivered_ms: now_ms,
        retry_count: None,
        is_forced: false,
        is_id_only: false,
        last_id: StreamId::MIN,
    };
    // A moment before 1970 or after now is now.
    let moment = |ms: i64| u64::try_from(ms).ok().filter(|&ms| ms <= now_ms);
    let mut index = from;
    while index < args.len() {
        let word = args.get(index);
        let has_value = index + 1 < args.len();
        let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
        index += 1;
        if is(b"force") {
            options.is_forced = true;
        } else if is(b"justid") {
            options.is_id_only = true;
        } else if is(b"idle") && has_value {
            let idle_ms = parse_option_number(args, index, "IDLE")?;
            let delivered = (now_ms as i64).wrapping_sub(idle_ms);
            options.delivered_ms = moment(delivered).unwrap_or(now_ms);
            index += 1;
        } else if is(b"time") && has_value {
            let delivered = parse_option_number(args, index, "TIME")?;
            options.delivered_ms = moment(delivered).unwrap_or(now_ms);
            index += 1;
        } else if is(b"retrycount") && has_value {
            let count = parse_option_number(args, index, "RETRYCOUNT")?;
            options.retry_count = u64::try_from(count).ok();
            index += 1;
        } else if is(b"lastid") && has_value {
            options.last_id = parse_id(args.get(index))?;
            index += 1;
        } else {
            let parts: [&[u8]; 3] = [b"ERR Unrecognized XCLAIM option '", word, b"'"];
            return Err(ReplyError::from_bytes(parts.concat()));
        }
    }
    Ok(options)
}

fn parse_idle(text: &[u8], command: &str) -> Result<u64, ReplyError> {
    let idle_ms = parse_i64(text).ok_or_else(|| {
        ReplyError::new(format!("ERR Invalid min-idle-time argument for {command}"))
    })?;
    Ok(u64::try_from(idle_ms).unwrap_or(0))
}

fn xclaim(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let (_, stream) = context.read_as::<Stream>(key)?;
    let missing = || no_key_or_group(args.get(1), args.get(2), "");
    let group = stream.and_then(|stream| stream.group(args.get(2)));
    group.ok_or_else(missing)?;
    let idle_ms_min = parse_idle(args.get(4), "XCLAIM")?;
    let ids = args.skip(5).iter().map_while(|id| parse_id(id).ok());
    let ids: Vec<StreamId> = ids.collect();
    let now_ms = context.clock_ms();
    let options = parse_options(args, 5 + ids.len(), now_ms)?;
    let claimed = context.change_and_tell::<Stream, _>(key, Missing::Skip, |stream, reply| {
        let mut group = stream.read().group(args.get(2)).ok_or_else(missing)?;
        if options.last_id > group.last_id {
            group.last_id = options.last_id;
            stream.update_group(&group);
        }
        let mut claimant = Claimant::new(args.get(3));
        let claim = Claim {
            options: &options,
            idle_ms_min,
            now_ms,
        };
        let mark = reply.len();
        let mut count = 0;
        let mut is_changed = false;
        for &id in &ids {
            match claim.one(stream, &group, &mut claimant, id) {
                Claimed::Kept => continue,
                Claimed::Gone => is_changed = true,
                Claimed::Taken => {
                    tell_claimed(stream, reply, id, options.is_id_only);
                    is_changed = true;
                    count += 1;
                }
            }
        }
        reply.put_before(mark, |reply| reply.array(count));
        claimant.settle(stream, &group, now_ms);
        Ok(Changed::when(is_changed, claimant.event(), ()))
    })?;
    claimed.ok_or_else(missing)
}

/// Who claims: a consumer that is made, if it must be, when the first entry is given to it.
struct Claimant<'n> {
    name: &'n [u8],
    consumer: Option<Consumer>,
    is_new: bool,
}

impl<'n> Claimant<'n> {
    fn new(name: &'n [u8]) -> Self {
        Self {
            name,
            consumer: None,
            is_new: false,
        }
    }

    fn owner(
        &mut self,
        stream: &mut StreamMut<EntryHome<'_>>,
        group: &StreamGroup,
        now_ms: u64,
    ) -> Owner {
        if let Some(consumer) = &self.consumer {
            return consumer.owner;
        }
        let (consumer, is_new) = take_consumer(stream, group, self.name, now_ms);
        let owner = consumer.owner;
        (self.consumer, self.is_new) = (Some(consumer), is_new);
        owner
    }

    /// Notes that entries were given to it, if any were.
    fn settle(&mut self, stream: &mut StreamMut<EntryHome<'_>>, group: &StreamGroup, now_ms: u64) {
        if let Some(consumer) = &mut self.consumer {
            consumer.active_ms = Some(now_ms);
            stream.update_consumer(group, consumer);
        }
    }

    fn event(&self) -> Event {
        match self.is_new {
            true => Event::StreamCreateConsumer,
            false => Event::StreamDeliver,
        }
    }
}

fn tell_claimed(
    stream: &StreamMut<EntryHome<'_>>,
    reply: &mut ReplyWriter<'_>,
    id: StreamId,
    is_id_only: bool,
) {
    match stream.read().entry(id) {
        Some(entry) if !is_id_only => tell_entry(reply, &entry),
        _ => tell_id(reply, id),
    }
}

/// What became of an entry that is claimed.
enum Claimed {
    /// It stays where it is, or is not pending.
    Kept,
    /// It is in the stream no more, and so not pending any more.
    Gone,
    /// It was given to the consumer.
    Taken,
}

/// How entries are claimed.
struct Claim<'o> {
    options: &'o Options,
    idle_ms_min: u64,
    now_ms: u64,
}

impl Claim<'_> {
    fn one(
        &self,
        stream: &mut StreamMut<EntryHome<'_>>,
        group: &StreamGroup,
        claimant: &mut Claimant<'_>,
        id: StreamId,
    ) -> Claimed {
        let old = stream.read().pending_entry(group, id);
        if stream.read().entry(id).is_none() {
            return match stream.remove_pending(group, id) {
                true => Claimed::Gone,
                false => Claimed::Kept,
            };
        }
        let is_too_young =
            |old: Pending| self.now_ms.saturating_sub(old.delivered_ms) < self.idle_ms_min;
        let delivery_count = match old {
            None if !self.options.is_forced => return Claimed::Kept,
            Some(old) if is_too_young(old) => return Claimed::Kept,
            None => 1,
            Some(old) => old.delivery_count,
        };
        let counted = match self.options.is_id_only {
            true => delivery_count,
            false => delivery_count.saturating_add(1),
        };
        let pending = Pending {
            id,
            consumer: claimant.owner(stream, group, self.now_ms),
            delivered_ms: self.options.delivered_ms,
            delivery_count: self.options.retry_count.unwrap_or(counted),
        };
        stream.put_pending(group, &pending);
        Claimed::Taken
    }
}

static XAUTOCLAIM: CommandSpec = family::STREAM
    .command(
        "xautoclaim",
        "key group consumer min-idle-time start [COUNT count] [JUSTID]",
        xautoclaim,
    )
    .summary("Gives entries that have been pending for long to a consumer.")
    .since("6.2.0")
    .cost("O(1) if COUNT is small")
    .flags(Flags::WRITE.and(Flags::FAST))
    .access(Access::REDUCE);

const BAD_COUNT: ReplyError = ReplyError::fixed("ERR COUNT must be > 0");

/// What XAUTOCLAIM did.
struct AutoClaimed {
    taken: Vec<StreamId>,
    gone: Vec<StreamId>,
    next_id: StreamId,
}

fn xautoclaim(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let idle_ms_min = parse_idle(args.get(4), "XAUTOCLAIM")?;
    let start = parse_start(args.get(5))?;
    let now_ms = context.clock_ms();
    let mut count_max = COUNT_USUAL;
    let mut options = parse_options(args, args.len(), now_ms)?;
    let mut index = 6;
    while index < args.len() {
        let word = args.get(index);
        if word.eq_ignore_ascii_case(b"count") && index + 1 < args.len() {
            let count = parse_i64(args.get(index + 1)).ok_or(BAD_COUNT)?;
            if !(1..=COUNT_MAX).contains(&count) {
                return Err(BAD_COUNT);
            }
            count_max = (count as usize).min(COUNT_CLAIMED_MAX);
            index += 2;
        } else if word.eq_ignore_ascii_case(b"justid") {
            options.is_id_only = true;
            index += 1;
        } else {
            return Err(ReplyError::SYNTAX);
        }
    }
    let missing = || no_key_or_group(args.get(1), args.get(2), "");
    let key = context.key(args, 1);
    let claimed = context.change_and_tell::<Stream, _>(key, Missing::Skip, |stream, reply| {
        let group = stream.read().group(args.get(2)).ok_or_else(missing)?;
        let mut claimant = Claimant::new(args.get(3));
        let claim = Claim {
            options: &options,
            idle_ms_min,
            now_ms,
        };
        let outcome = claim.from(stream, &group, &mut claimant, start, count_max);
        claimant.settle(stream, &group, now_ms);
        reply.array(3);
        tell_id(reply, outcome.next_id);
        reply.array(outcome.taken.len());
        for &id in &outcome.taken {
            tell_claimed(stream, reply, id, options.is_id_only);
        }
        reply.array(outcome.gone.len());
        outcome.gone.iter().for_each(|&id| tell_id(reply, id));
        let is_changed = !outcome.taken.is_empty() || !outcome.gone.is_empty();
        Ok(Changed::when(is_changed, claimant.event(), ()))
    })?;
    claimed.ok_or_else(missing)
}

impl Claim<'_> {
    /// Claims entries from an id on, until so many are claimed or gone.
    fn from(
        &self,
        stream: &mut StreamMut<EntryHome<'_>>,
        group: &StreamGroup,
        claimant: &mut Claimant<'_>,
        start: StreamId,
        count_max: usize,
    ) -> AutoClaimed {
        let mut outcome = AutoClaimed {
            taken: Vec::new(),
            gone: Vec::new(),
            next_id: StreamId::MIN,
        };
        let mut looks_left = count_max.saturating_mul(LOOKS_PER_CLAIM);
        let mut next = Some(start);
        loop {
            let following = next.and_then(|next| stream.read().pending(group, next).next());
            let Some(pending) = following else {
                return outcome;
            };
            let is_full = outcome.taken.len() + outcome.gone.len() == count_max;
            if looks_left == 0 || is_full {
                outcome.next_id = pending.id;
                return outcome;
            }
            looks_left -= 1;
            match self.one(stream, group, claimant, pending.id) {
                Claimed::Kept => {}
                Claimed::Gone => outcome.gone.push(pending.id),
                Claimed::Taken => outcome.taken.push(pending.id),
            }
            next = pending.id.next();
        }
    }
}
