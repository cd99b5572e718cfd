//! XPENDING: what was delivered and not acknowledged.

use super::ids::parse_interval;
use super::layout::tell_id;
use super::no_key_or_group;
use crate::base::numbers::parse_i64;
use crate::command::declare::family;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::keyspace::Memory;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::ReplyWriter;
use crate::value::stream::{Stream, StreamGroup, StreamId, StreamRef};

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
    match asked {
        None => tell_summary(reply, stream, &group),
        Some(asked) => tell_pending(reply, stream, &group, &asked, now_ms),
    }
    Ok(())
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
    for consumer in stream.consumers(group) {
        let pending_count = stream.pending_count_of(consumer.owner);
        if pending_count > 0 {
            reply.array(2);
            reply.bulk(&consumer.name);
            reply.bulk_integer(pending_count as i64);
            count += 1;
        }
    }
    reply.put_before(mark, |reply| reply.array(count));
}

fn tell_pending(
    reply: &mut ReplyWriter<'_>,
    stream: StreamRef<'_, Memory>,
    group: &StreamGroup,
    asked: &Asked<'_>,
    now_ms: u64,
) {
    let consumer = asked.consumer.map(|name| stream.consumer(group, name));
    let ids: Box<dyn Iterator<Item = StreamId>> = match consumer {
        Some(None) => Box::new(std::iter::empty()),
        Some(Some(consumer)) => Box::new(stream.pending_of(consumer.owner, asked.start)),
        None => Box::new(stream.pending(group, asked.start).map(|pending| pending.id)),
    };
    let ids = ids.take_while(|&id| id <= asked.end);
    let pending = ids.filter_map(|id| stream.pending_entry(group, id));
    let told = pending.filter_map(|pending| {
        let idle_ms = now_ms.saturating_sub(pending.delivered_ms) as i64;
        (asked.idle_ms_min == 0 || idle_ms >= asked.idle_ms_min).then_some((pending, idle_ms))
    });
    let mark = reply.len();
    let mut count = 0;
    for (pending, idle_ms) in told.take(asked.count_max) {
        reply.array(4);
        tell_id(reply, pending.id);
        reply.bulk(stream.consumer_name(pending.consumer).unwrap_or_default());
        reply.integer(idle_ms);
        reply.integer(pending.delivery_count as i64);
        count += 1;
    }
    reply.put_before(mark, |reply| reply.array(count));
}
