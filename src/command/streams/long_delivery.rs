//! XREADGROUP of so many entries or streams that it is done in steps.
//!
//! ```text
//!  all groups are looked for ─▶ each stream: counted ─▶ its number told ─▶ delivered, some a step
//!                           └─▶ nothing to tell ─▶ it waits, as if it had been short
//! ```
//!
//! Invariant: nobody else touches a key meanwhile, so what was counted is what is delivered; and
//! nothing is delivered before all keys and ids are known to be right.
//!
//! Cost: each entry is walked over twice.
//!
//! Not here: how entries are delivered (`delivery.rs`), when a step is taken (`engine/steps.rs`).

use super::delivery::{Delivery, Wanted, no_group_to_read, parse_wanted, pending_after};
use super::layout::{begin_stream, begin_streams};
use super::long::{STEP_BYTES, STEP_ROWS};
use super::read::{Request, parse_request, wait};
use crate::base::numbers::parse_i64;
use crate::context::Context;
use crate::context::job::Steps;
use crate::keyspace::{Changed, Event, Key, Memory, Missing};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::value::stream::{Stream, StreamGroup, StreamId, StreamRef};

/// A request for no more entries of all streams together is done at once.
const WHOLE_COUNT_MAX: usize = 1_000;

/// A request that names no more streams is done at once, if there are few entries.
const WHOLE_STREAMS_MAX: usize = 256;

/// Streams that a step looks at, at most.
const STEP_STREAMS: usize = 128;

/// Entries that a step delivers, at most: each is a row in two places.
const STEP_ENTRIES: usize = 128;

/// The steps of XREADGROUP, if it takes long.
pub(super) fn begin(context: &mut Context<'_>, args: Args<'_>) -> Option<Box<dyn Steps>> {
    // Nearly always a number stands there, and it and the keys are few.
    if args.len() <= 10
        && args.get(4).eq_ignore_ascii_case(b"count")
        && parse_i64(args.get(5)).is_some_and(|count| (1..=300).contains(&count))
    {
        return None;
    }
    let request = parse_request(context, args, true).ok()?;
    if request.count_max.saturating_mul(request.key_count) <= WHOLE_COUNT_MAX {
        return None;
    }
    let is_long = request.key_count > WHOLE_STREAMS_MAX
        || (0..request.key_count)
            .map(|index| count_about(context, args, &request, index))
            .sum::<usize>()
            > WHOLE_COUNT_MAX;
    is_long.then(|| {
        Box::new(LongDelivery {
            index: 0,
            there_count: 0,
            told_count: 0,
            header_len: 0,
            stage: Stage::Looking,
        }) as Box<dyn Steps>
    })
}

/// How many entries a request wants of one of its streams, at most.
fn count_about(
    context: &Context<'_>,
    args: Args<'_>,
    request: &Request<'_>,
    index: usize,
) -> usize {
    let key = context.key(args, request.keys_at + index);
    let stream = (context.keyspace).peek::<Stream>(context.database(), key, context.now_ms());
    let Ok(Some(stream)) = stream else {
        return 0;
    };
    let (group_name, consumer_name) = request.group.unwrap_or_default();
    let wanted = parse_wanted(args.get(request.keys_at + request.key_count + index));
    let (Some(group), Ok(wanted)) = (stream.group(group_name), wanted) else {
        return 0;
    };
    let count = match wanted {
        Wanted::New if wanted.is_there(stream, &group) => stream.len(),
        Wanted::New => 0,
        Wanted::PendingAfter(_) => {
            let consumer = stream.consumer(&group, consumer_name);
            consumer.map_or(0, |consumer| stream.pending_count_of(consumer.owner))
        }
    };
    usize::try_from(count).map_or(usize::MAX, |count| count.min(request.count_max))
}

/// How far one stream has come.
#[derive(Clone, Copy, Debug)]
enum Stage {
    /// The groups of all streams are looked for.
    Looking,
    /// This stream has not begun.
    Beginning,
    /// So many entries are counted that it will deliver; the last one is this.
    Counting {
        wanted: Wanted,
        count: usize,
        last_id: StreamId,
    },
    /// So many are still to be delivered.
    Delivering { wanted: Wanted, left: usize },
}

#[derive(Debug)]
struct LongDelivery {
    /// The stream whose turn it is, among those of the request.
    index: usize,
    /// How many streams seemed to have something to tell …
    there_count: usize,
    /// … and how many have told it.
    told_count: usize,
    /// Bytes with which the reply begins, before all streams.
    header_len: usize,
    stage: Stage,
}

impl Steps for LongDelivery {
    fn step(
        &mut self,
        context: &mut Context<'_>,
        args: Args<'_>,
        begin: usize,
    ) -> Result<bool, ReplyError> {
        let request = parse_request(context, args, true)?;
        match self.stage {
            Stage::Looking => self.look(context, args, &request),
            Stage::Beginning | Stage::Counting { .. } | Stage::Delivering { .. } => {
                for _ in 0..STEP_STREAMS {
                    if self.index == request.key_count {
                        self.end(context, begin);
                        return Ok(true);
                    }
                    let has_worked = self.go_on(context, args, &request)?;
                    if context.reply.is_over() {
                        return Ok(true);
                    }
                    if has_worked {
                        break;
                    }
                }
                Ok(false)
            }
        }
    }
}

impl LongDelivery {
    /// Looks for the groups of some streams; true if there is nothing to tell of any.
    fn look(
        &mut self,
        context: &mut Context<'_>,
        args: Args<'_>,
        request: &Request<'_>,
    ) -> Result<bool, ReplyError> {
        let (group_name, _) = request.group.unwrap_or_default();
        let end = request.key_count.min(self.index + STEP_STREAMS);
        for index in self.index..end {
            let key_at = request.keys_at + index;
            let key = context.key(args, key_at);
            let (_, stream) = context.read_as::<Stream>(key)?;
            let found = stream.and_then(|stream| Some((stream, stream.group(group_name)?)));
            let Some((stream, group)) = found else {
                return Err(no_group_to_read(args.get(key_at), group_name));
            };
            let wanted = parse_wanted(args.get(key_at + request.key_count))?;
            self.there_count += usize::from(wanted.is_there(stream, &group));
        }
        self.index = end;
        if end < request.key_count {
            return Ok(false);
        }
        if self.there_count == 0 && wait(context, args, request, None) {
            return Ok(true);
        }
        let mark = context.reply.len();
        begin_streams(&mut context.reply, self.there_count);
        self.header_len = context.reply.len() - mark;
        self.index = 0;
        self.stage = Stage::Beginning;
        Ok(self.there_count == 0)
    }

    /// Goes on with one stream; false if that was no work worth a step.
    fn go_on(
        &mut self,
        context: &mut Context<'_>,
        args: Args<'_>,
        request: &Request<'_>,
    ) -> Result<bool, ReplyError> {
        let key = context.key(args, request.keys_at + self.index);
        let (group_name, consumer_name) = request.group.unwrap_or_default();
        let (database, now_ms) = (context.database(), context.now_ms());
        let stream = context.keyspace.peek::<Stream>(database, key, now_ms)?;
        let found = stream.and_then(|stream| Some((stream, stream.group(group_name)?)));
        let (stream, group) = found.expect("it was looked for");
        match self.stage {
            Stage::Looking | Stage::Beginning => {
                let id = args.get(request.keys_at + request.key_count + self.index);
                let wanted = parse_wanted(id)?;
                // The same stream may be named before, and have told all.
                if !wanted.is_there(stream, &group) {
                    self.index += 1;
                    return Ok(false);
                }
                let last_id = match wanted {
                    Wanted::New => group.last_id,
                    Wanted::PendingAfter(id) => id,
                };
                self.stage = Stage::Counting {
                    wanted,
                    count: 0,
                    last_id,
                };
                Ok(false)
            }
            Stage::Counting {
                wanted,
                count,
                last_id,
            } => {
                let count_max = STEP_ROWS.min(request.count_max - count);
                let reader = Reader {
                    stream,
                    group: &group,
                    consumer_name,
                };
                let (passed_count, passed_id) = reader.pass(wanted, last_id, count_max);
                let count = count + passed_count;
                if passed_count == count_max && count < request.count_max {
                    self.stage = Stage::Counting {
                        wanted,
                        count,
                        last_id: passed_id,
                    };
                    return Ok(true);
                }
                begin_stream(&mut context.reply, key.bytes);
                context.reply.array(count);
                self.stage = Stage::Delivering {
                    wanted,
                    left: count,
                };
                Ok(passed_count > STEP_ENTRIES)
            }
            Stage::Delivering { wanted, left } => {
                let count = self.deliver(context, key, request, wanted, left)?;
                Ok(count == STEP_ENTRIES)
            }
        }
    }

    /// Delivers some of what was counted of a stream; how many entries.
    fn deliver(
        &mut self,
        context: &mut Context<'_>,
        key: Key<'_>,
        request: &Request<'_>,
        wanted: Wanted,
        left: usize,
    ) -> Result<usize, ReplyError> {
        let (group_name, _) = request.group.unwrap_or_default();
        let delivery = Delivery::new(context, request);
        let delivery = delivery.up_to(left.min(STEP_ENTRIES), STEP_BYTES);
        let delivered =
            context.change_and_tell::<Stream, _>(key, Missing::Skip, |stream, reply| {
                let group = stream.read().find_group(group_name);
                let Some(group) = group else {
                    return Ok(Changed::when(false, Event::StreamDeliver, None));
                };
                let delivered = delivery.deliver(stream, group, wanted, reply);
                Ok(delivered.as_change(Some((delivered.count, delivered.last_id))))
            })?;
        let (count, last_id) = delivered.flatten().expect("it was looked for");
        assert!(count > 0 || left == 0, "what was counted is there");
        self.go_behind(wanted, left - count, last_id);
        Ok(count)
    }

    /// Notes that entries were delivered up to one of an id.
    fn go_behind(&mut self, wanted: Wanted, left: usize, last_id: Option<StreamId>) {
        if left == 0 {
            self.told_count += 1;
            self.index += 1;
            self.stage = Stage::Beginning;
            return;
        }
        let wanted = match (wanted, last_id) {
            (Wanted::PendingAfter(_), Some(last_id)) => Wanted::PendingAfter(last_id),
            (Wanted::New | Wanted::PendingAfter(_), _) => wanted,
        };
        self.stage = Stage::Delivering { wanted, left };
    }

    /// Ends the reply, which begins at `begin`.
    fn end(&mut self, context: &mut Context<'_>, begin: usize) {
        if self.told_count < self.there_count {
            let told = context.reply.since(begin + self.header_len).to_vec();
            context.reply.truncate_to(begin);
            begin_streams(&mut context.reply, self.told_count);
            context.reply.raw(&told);
        }
    }
}

/// What is read of a stream for a consumer.
struct Reader<'a> {
    stream: StreamRef<'a, Memory>,
    group: &'a StreamGroup,
    consumer_name: &'a [u8],
}

impl Reader<'_> {
    /// Passes over at most so many entries that are wanted after one of an id; how many, and the
    /// last of them.
    fn pass(&self, wanted: Wanted, after: StreamId, count_max: usize) -> (usize, StreamId) {
        let count_and_last = |ids: &mut dyn Iterator<Item = StreamId>| {
            let ids = ids.take(count_max);
            ids.fold((0, after), |(count, _), id| (count + 1, id))
        };
        match wanted {
            Wanted::New => {
                let start = after.next().into_iter();
                let entries = start.flat_map(|start| self.stream.range(start, StreamId::MAX));
                count_and_last(&mut entries.map(|entry| entry.id))
            }
            Wanted::PendingAfter(_) => match self.stream.consumer(self.group, self.consumer_name) {
                Some(consumer) => {
                    count_and_last(&mut pending_after(self.stream, consumer.owner, after))
                }
                None => (0, after),
            },
        }
    }
}
