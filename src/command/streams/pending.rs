//! XPENDING: what was delivered and not acknowledged.

use super::ids::parse_interval;
use super::layout::tell_id;
use super::long::{FrozenRows, Passed, STEP_BYTES, STEP_ROWS, Walk, is_long, tell};
use super::no_key_or_group;
use crate::base::numbers::parse_i64;
use crate::command::declare::family;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::keyspace::Memory;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::ReplyWriter;
use crate::value::stream::{Owner, Pending, Stream, StreamGroup, StreamId, StreamRef};

pub(super) const COMMANDS: &[&CommandSpec] = &[&XPENDING];

static XPENDING: CommandSpec = family::STREAM
    .command(
        "xpending",
        "key group [[IDLE min-idle-time] start end count [consumer]]",
        xpending,
    )
    .summary("Returns which entries a group was delivered and has not acknowledged.")
    .since("5.0.0")
    .cost("O(N) with N entries that are looked at, or consumers if none are asked for")
    .flags(Flags::READ_ONLY);

/// Which pending entries are asked for.
struct Asked<'a> {
    idle_ms_min: i64,
    start: StreamId,
    end: StreamId,
    count_max: usize,
    consumer: Option<&'a [u8]>,
}

fn parse_asked(args: Args<'_>) -> Result<Option<Asked<'_>>, ReplyError> {
    if args.len() == 3 {
        return Ok(None);
    }
    if !(6..=9).contains(&args.len()) {
        return Err(ReplyError::SYNTAX);
    }
    let (mut at, mut idle_ms_min) = (3, 0);
    if args.get(3).eq_ignore_ascii_case(b"idle") {
        idle_ms_min = parse_i64(args.get(4)).ok_or(ReplyError::NOT_INTEGER)?;
        if args.len() < 8 {
            return Err(ReplyError::SYNTAX);
        }
        at = 5;
    }
    let count = parse_i64(args.get(at + 2)).ok_or(ReplyError::NOT_INTEGER)?;
    let (start, end) = parse_interval(args.get(at), args.get(at + 1))?;
    Ok(Some(Asked {
        idle_ms_min,
        start,
        end,
        count_max: usize::try_from(count).unwrap_or(0),
        consumer: (args.len() > at + 3).then(|| args.get(at + 3)),
    }))
}

fn xpending(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let asked = parse_asked(args)?;
    let now_ms = context.now_ms();
    let key = context.key(args, 1);
    let (reply, stream) = context.read_as::<Stream>(key)?;
    let found = stream.and_then(|stream| Some((stream, stream.group(args.get(2))?)));
    let (stream, group) = found.ok_or_else(|| no_key_or_group(args.get(1), args.get(2), ""))?;
    let Some(asked) = asked else {
        tell_summary(reply, stream, &group);
        return Ok(());
    };
    let consumer = asked.consumer.map(|name| stream.consumer(&group, name));
    if matches!(consumer, Some(None)) || asked.count_max == 0 {
        reply.array(0);
        return Ok(());
    }
    let walk = PendingWalk {
        group,
        consumer: consumer.flatten().map(|consumer| consumer.owner),
        idle_ms_min: asked.idle_ms_min,
        start: asked.start,
        end: asked.end,
        count_max: asked.count_max,
        now_ms,
    };
    if is_long(context, key, &walk) {
        let part = FrozenRows::freeze(context, key, walk);
        tell(context, part);
        return Ok(());
    }
    let (reply, stream) = context.read_as::<Stream>(key)?;
    tell_pending(reply, stream.expect("it was there"), walk);
    Ok(())
}

fn tell_pending(reply: &mut ReplyWriter<'_>, stream: StreamRef<'_, Memory>, mut walk: PendingWalk) {
    let mark = reply.len();
    let mut count = 0;
    loop {
        let passed = walk.go_on(stream, Some(reply));
        count += passed.told_count;
        if passed.is_over || reply.is_over() {
            break;
        }
    }
    reply.put_before(mark, |reply| reply.array(count));
}

fn tell_summary(reply: &mut ReplyWriter<'_>, stream: StreamRef<'_, Memory>, group: &StreamGroup) {
    reply.array(4);
    reply.integer(stream.pending_count(group) as i64);
    let first = stream.pending(group, StreamId::MIN).next();
    let (Some(first), Some(last)) = (first, stream.last_pending(group)) else {
        reply.null();
        reply.null();
        reply.null_array();
        return;
    };
    tell_id(reply, first.id);
    tell_id(reply, last.id);
    let mark = reply.len();
    let mut count = 0;
    for (name, consumer) in stream.consumers(group) {
        let pending_count = stream.pending_count_of(consumer.owner);
        if pending_count > 0 {
            reply.array(2);
            reply.bulk(&name);
            reply.bulk_integer(pending_count as i64);
            count += 1;
        }
    }
    reply.put_before(mark, |reply| reply.array(count));
}

/// A walk over pending entries of a group, in the order of their ids.
#[derive(Clone, Debug)]
struct PendingWalk {
    group: StreamGroup,
    /// Whose they are, if only those of one consumer are wanted.
    consumer: Option<Owner>,
    idle_ms_min: i64,
    /// The least id that is still wanted.
    start: StreamId,
    /// The greatest one.
    end: StreamId,
    /// How many are still wanted.
    count_max: usize,
    now_ms: u64,
}

impl PendingWalk {
    fn ids<'a>(&self, stream: StreamRef<'a, Memory>) -> Box<dyn Iterator<Item = StreamId> + 'a> {
        match self.consumer {
            Some(consumer) => Box::new(stream.pending_of(consumer, self.start)),
            None => {
                let pending = stream.pending(&self.group, self.start);
                Box::new(pending.map(|pending| pending.id))
            }
        }
    }

    /// How long a pending entry has been so, if that is long enough.
    fn idle_ms(&self, pending: &Pending) -> Option<i64> {
        let idle_ms = self.now_ms.saturating_sub(pending.delivered_ms) as i64;
        (self.idle_ms_min == 0 || idle_ms >= self.idle_ms_min).then_some(idle_ms)
    }
}

impl Walk for PendingWalk {
    fn go_on(
        &mut self,
        stream: StreamRef<'_, Memory>,
        mut reply: Option<&mut ReplyWriter<'_>>,
    ) -> Passed {
        let begin = reply.as_ref().map_or(0, |reply| reply.len());
        let end = self.end;
        let ids = self.ids(stream).take_while(|&id| id <= end);
        let (mut seen_count, mut told_count) = (0, 0);
        let mut after = None;
        let mut is_stopped = false;
        for id in ids.take(STEP_ROWS) {
            after = id.next();
            seen_count += 1;
            let pending = stream.pending_entry(&self.group, id);
            let Some((pending, idle_ms)) =
                pending.and_then(|pending| Some((pending, self.idle_ms(&pending)?)))
            else {
                continue;
            };
            told_count += 1;
            if let Some(reply) = &mut reply {
                tell_one(reply, stream, &pending, idle_ms);
                is_stopped = reply.len() - begin >= STEP_BYTES || reply.is_over();
            }
            if is_stopped || told_count == self.count_max {
                break;
            }
        }
        let are_all = !is_stopped && seen_count < STEP_ROWS;
        self.count_max -= told_count;
        self.start = after.unwrap_or(self.start);
        Passed {
            told_count,
            is_over: are_all || after.is_none() || self.count_max == 0 || self.start > self.end,
        }
    }

    fn wanted_count(&self) -> usize {
        self.count_max
    }
}

fn tell_one(
    reply: &mut ReplyWriter<'_>,
    stream: StreamRef<'_, Memory>,
    pending: &Pending,
    idle_ms: i64,
) {
    reply.array(4);
    tell_id(reply, pending.id);
    reply.bulk(stream.consumer_name(pending.consumer).unwrap_or_default());
    reply.integer(idle_ms);
    reply.integer(pending.delivery_count as i64);
}
