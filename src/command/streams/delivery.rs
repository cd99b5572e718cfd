//! Entries go to the consumers of groups, and are acknowledged.

use super::ids::parse_id;
use super::layout::{begin_stream, end_streams, tell_entries, tell_entry, tell_id};
use super::no_key_or_group;
use super::read::{Request, parse_request, wait};
use crate::base::numbers::parse_i64;
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::keys::{Keys, Part};
use crate::command::declare::portions::{Division, Joined};
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::keyspace::{Changed, EntryHome, Event, Key, Missing};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::ReplyWriter;
use crate::value::stream::{Consumer, Found, Pending, Stream, StreamGroup, StreamId, StreamMut};

pub(super) const COMMANDS: &[&CommandSpec] = &[&XREADGROUP, &XACK];

const LAST_IN_GROUP: ReplyError = ReplyError::fixed(
    "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of \
     this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would \
     just return an empty result set.",
);

const BEFORE_LAST_IN_GROUP: ReplyError = ReplyError::fixed(
    "ERR The + ID is meaningless in the context of XREADGROUP: you want to read the history of \
     this consumer by specifying a proper ID, or use the > ID to get new messages. The + ID would \
     just return an empty result set.",
);

/// A request for no more entries is looked at no further: it is not divided.
const COUNT_WHOLE_MAX: i64 = 1_000;

/// The keys of XREADGROUP, after their word.
const STREAMS: Keys = Keys::of(&[Part::after("STREAMS", 4)
    .besides(&[("BLOCK", 1), ("COUNT", 1)])
    .through(-1, 1)
    .share(2)]);

static XREADGROUP: CommandSpec = family::STREAM
    .command(
        "xreadgroup",
        "GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS key [key ...] ID \
         [ID ...]",
        xreadgroup,
    )
    .summary("Delivers entries of several streams to a consumer of a group, or tells them again.")
    .since("5.0.0")
    .cost("O(M log N) for each stream, with N entries, of which M are returned")
    .flags(Flags::WRITE.and(Flags::BLOCKING).and(Flags::MOVABLE_KEYS))
    .keys(STREAMS)
    .access(Access::READ)
    .divides_counted(0, xreadgroup_division, Joined::StreamRows);

/// New entries of one stream are delivered in portions, until there are no more or enough.
fn xreadgroup_division(context: &Context<'_>, args: Args<'_>) -> Option<Division> {
    // Nearly always a number stands there, and it is small.
    if args.get(4).eq_ignore_ascii_case(b"count")
        && parse_i64(args.get(5)).is_some_and(|count| (1..=COUNT_WHOLE_MAX).contains(&count))
    {
        return None;
    }
    let request = parse_request(context, args, true).ok()?;
    if request.key_count != 1 || args.get(request.keys_at + 1) != b">" {
        return None;
    }
    let key = context.key(args, request.keys_at);
    let stream = (context.keyspace).peek::<Stream>(context.database(), key, context.now_ms());
    let count_max = request.count_max as u64;
    let count = stream.ok()??.len().min(count_max);
    Some(Division::told(args, request.keys_at - 1, count))
}

/// Which entries of a stream a consumer wants.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// What nobody of the group has seen.
    New,
    /// What was delivered to it after this one, and not acknowledged.
    PendingAfter(StreamId),
}

fn parse_wanted(text: &[u8]) -> Result<Wanted, ReplyError> {
    match text {
        b"$" => Err(LAST_IN_GROUP),
        b"+" => Err(BEFORE_LAST_IN_GROUP),
        b">" => Ok(Wanted::New),
        id => Ok(match parse_id(id)? {
            StreamId::MAX => Wanted::New,
            id => Wanted::PendingAfter(id),
        }),
    }
}

fn xreadgroup(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let request = parse_request(context, args, true)?;
    let (group_name, _) = request.group.unwrap_or_default();
    let mut wanted = Vec::with_capacity(request.key_count);
    for index in request.keys_at..request.keys_at + request.key_count {
        if !context.may_serve(args.get(index)) {
            wanted.push(None);
            continue;
        }
        let key = context.key(args, index);
        let (_, stream) = context.read_as::<Stream>(key)?;
        let Some(group) = stream.and_then(|stream| stream.find_group(group_name)) else {
            let suffix = " in XREADGROUP with GROUP option";
            return Err(no_key_or_group(args.get(index), group_name, suffix));
        };
        let what = parse_wanted(args.get(index + request.key_count))?;
        wanted.push(Some((key, what, group)));
    }
    let mark = context.reply.len();
    let mut told_count = 0;
    for (index, wanted) in (request.keys_at..).zip(wanted) {
        let Some((key, wanted, group)) = wanted else {
            continue;
        };
        // What is delivered of one key may change the group of the next, if that is the same.
        let group = (index == request.keys_at).then_some(group);
        if deliver(context, key, &request, wanted, group)? {
            told_count += 1;
        }
    }
    if told_count == 0 && wait(context, args, &request, None) {
        return Ok(());
    }
    end_streams(&mut context.reply, mark, told_count);
    Ok(())
}

/// Delivers what is wanted of one stream; whether there was anything to tell. `group` is its group
/// if it was found since the last change.
fn deliver(
    context: &mut Context<'_>,
    key: Key<'_>,
    request: &Request<'_>,
    wanted: Wanted,
    group: Option<Found<StreamGroup>>,
) -> Result<bool, ReplyError> {
    let (group_name, consumer_name) = request.group.unwrap_or_default();
    let now_ms = context.clock_ms();
    let told = context.change_and_tell::<Stream, _>(key, Missing::Skip, |stream, reply| {
        let delivery = Delivery {
            key: key.bytes,
            count_max: request.count_max,
            is_acknowledged: request.is_acknowledged,
            consumer_name,
            now_ms,
        };
        let group = group.or_else(|| stream.read().find_group(group_name));
        let delivered = group.and_then(|group| match wanted {
            Wanted::New => delivery.of_new(stream, group, reply),
            Wanted::PendingAfter(id) => Some(delivery.again(stream, &group.row, id, reply)),
        });
        let Some((is_new, is_changed)) = delivered else {
            return Ok(Changed::when(false, Event::StreamDeliver, false));
        };
        let event = match is_new {
            true => Event::StreamCreateConsumer,
            false => Event::StreamDeliver,
        };
        Ok(Changed::when(is_new || is_changed, event, true))
    })?;
    Ok(told.unwrap_or(false))
}

/// The consumer of a name, who is seen now; whether it is new.
pub(super) fn take_consumer(
    stream: &mut StreamMut<EntryHome<'_>>,
    group: &StreamGroup,
    name: &[u8],
    now_ms: u64,
) -> (Consumer, bool) {
    match stream.read().consumer(group, name) {
        Some(mut consumer) => {
            consumer.seen_ms = now_ms;
            (consumer, false)
        }
        None => (stream.create_consumer(group, name, now_ms), true),
    }
}

/// How entries are delivered, and to whom.
struct Delivery<'a> {
    key: &'a [u8],
    count_max: usize,
    is_acknowledged: bool,
    consumer_name: &'a [u8],
    now_ms: u64,
}

impl Delivery<'_> {
    /// Delivers entries that nobody of the group has seen, if there are some. Whether the consumer
    /// is new, and whether entries were delivered; `None` if there are none, and nothing is told.
    fn of_new(
        &self,
        stream: &mut StreamMut<EntryHome<'_>>,
        mut found: Found<StreamGroup>,
        reply: &mut ReplyWriter<'_>,
    ) -> Option<(bool, bool)> {
        let group = &mut found.row;
        let start = group.last_id.next()?;
        let mut ids = Vec::new();
        let reader = stream.read();
        let counter = reader.read_counter();
        if counter.last_id() < start {
            return None;
        }
        let entries = reader.range(start, StreamId::MAX).take(self.count_max);
        let mut entries = entries.peekable();
        // The last ones may have been deleted.
        entries.peek()?;
        begin_stream(reply, self.key);
        tell_entries(
            reply,
            entries.inspect(|entry| {
                counter.count(group, entry.id);
                ids.push(entry.id);
            }),
        );
        let group = stream.write_group(found);
        let (mut found, is_new) = self.find_consumer(stream, &group);
        let consumer = &mut found.row;
        consumer.seen_ms = self.now_ms;
        consumer.active_ms = Some(self.now_ms);
        let consumer = stream.write_consumer(found);
        if !self.is_acknowledged {
            for &id in &ids {
                let pending = Pending {
                    id,
                    consumer: consumer.owner,
                    delivered_ms: self.now_ms,
                    delivery_count: 1,
                };
                stream.put_pending(&group, &pending);
            }
        }
        Some((is_new, !ids.is_empty()))
    }

    /// The consumer, made if it is new; whether it is.
    fn find_consumer(
        &self,
        stream: &mut StreamMut<EntryHome<'_>>,
        group: &StreamGroup,
    ) -> (Found<Consumer>, bool) {
        let found = stream.read().find_consumer(group, self.consumer_name);
        if let Some(found) = found {
            return (found, false);
        }
        stream.create_consumer(group, self.consumer_name, self.now_ms);
        let found = stream.read().find_consumer(group, self.consumer_name);
        (found.expect("it has just been made"), true)
    }

    /// Tells entries again that were delivered to the consumer. Whether the consumer is new, and
    /// whether there were entries.
    fn again(
        &self,
        stream: &mut StreamMut<EntryHome<'_>>,
        group: &StreamGroup,
        after: StreamId,
        reply: &mut ReplyWriter<'_>,
    ) -> (bool, bool) {
        begin_stream(reply, self.key);
        let (consumer, is_new) = take_consumer(stream, group, self.consumer_name, self.now_ms);
        stream.update_consumer(group, self.consumer_name, &consumer);
        let reader = stream.read();
        let pending =
            (after.next().into_iter()).flat_map(|start| reader.pending_of(consumer.owner, start));
        let ids: Vec<StreamId> = pending.take(self.count_max).collect();
        reply.array(ids.len());
        for &id in &ids {
            let Some(entry) = stream.read().entry(id) else {
                reply.array(2);
                tell_id(reply, id);
                reply.null_array();
                continue;
            };
            tell_entry(reply, &entry);
            if let Some(mut pending) = stream.read().pending_entry(group, id) {
                pending.delivered_ms = self.now_ms;
                pending.delivery_count = pending.delivery_count.saturating_add(1);
                stream.put_pending(group, &pending);
            }
        }
        (is_new, !ids.is_empty())
    }
}

static XACK: CommandSpec = family::STREAM
    .command("xack", "key group ID [ID ...]", xack)
    .summary("Acknowledges entries for a group, and returns how many were pending.")
    .since("5.0.0")
    .cost("O(log N) for each id, with N entries pending")
    .flags(Flags::WRITE.and(Flags::FAST_ON_KEYS))
    .access(Access::CHANGE_UNTOLD)
    .divides(xack_division, Joined::Sum);

/// Ids are all read before the first entry is acknowledged.
fn xack_division(_: &Context<'_>, args: Args<'_>) -> Option<Division> {
    let is_right = args.skip(3).iter().all(|id| parse_id(id).is_ok());
    is_right.then(|| Division::from(args, 3, 1))?
}

fn xack(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let acknowledged = context.change::<Stream, _>(key, Missing::Skip, |stream| {
        let Some(group) = stream.read().group(args.get(2)) else {
            return Ok(Changed::when(false, Event::StreamAcknowledge, 0));
        };
        for id in args.skip(3).iter() {
            parse_id(id)?;
        }
        let mut count = 0;
        for id in args.skip(3).iter() {
            count += i64::from(stream.remove_pending(&group, parse_id(id)?));
        }
        Ok(Changed::when(count > 0, Event::StreamAcknowledge, count))
    })?;
    context.reply.integer(acknowledged.unwrap_or(0));
    Ok(())
}
