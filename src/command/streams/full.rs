//! XINFO STREAM FULL: a stream with its entries, groups, consumers and what is pending.
//!
//! ```text
//!  head ─▶ entries: counted ─▶ told ─▶ group ─▶ its pending entries ─▶ consumer ─▶ its own ─┐
//!                                        ▲ ▲                             └──── next ◀────────┤
//!                                        │ └──────────────── next ◀──────────────────────────┤
//!                                        └ none ─▶ end
//! ```
//!
//! Invariant: what is told is of one moment: at once, or of a frozen state in slices.
//!
//! Cost: entries are walked over twice; a group or a consumer is found by its rank.
//!
//! Not here: the request (`info.rs`).

use super::layout::{tell_head, tell_id, tell_progress};
use super::long::{EntriesWalk, LONG_BYTES_MIN, STEP_BYTES, STEP_ROWS, Walk};
use crate::context::Context;
use crate::keyspace::{FrozenId, Key, Keyspace, Memory};
use crate::protocol::reply::ReplyWriter;
use crate::session::long_read::LongRead;
use crate::value::stream::{Owner, StreamGroup, StreamId, StreamRef};

/// Pending entries, groups and consumers that are told before the step looks whether it is over.
const PART_ROWS: usize = 64;

/// What comes next.
#[derive(Debug)]
enum Next {
    Head,
    /// Entries are counted: the walk that counts, and how many it has found.
    Count(EntriesWalk, usize),
    Entries(EntriesWalk),
    Group,
    /// Pending entries of the group: so many, from an id on.
    Pending(usize, StreamId),
    Consumer,
    /// Pending entries of one of its consumers: so many, from an id on.
    Own(Owner, usize, StreamId),
    End,
}

/// How far a stream is told.
#[derive(Debug)]
pub(super) struct Full {
    /// How many entries, and pending entries of each, are told at most.
    count_max: usize,
    next: Next,
    /// The group that is told.
    group: Option<StreamGroup>,
    /// How many groups are told …
    group_count: usize,
    /// … and how many consumers of the present one.
    consumer_count: usize,
}

impl Full {
    /// Nothing is told yet.
    pub(super) fn new(count_max: usize) -> Self {
        Self {
            count_max,
            next: Next::Head,
            group: None,
            group_count: 0,
            consumer_count: 0,
        }
    }

    /// Whether it takes so long that others should not wait for it.
    pub(super) fn is_long(&self, stream: StreamRef<'_, Memory>) -> bool {
        let entry_count = stream.len().min(self.count_max as u64);
        let row_count = entry_count.saturating_add(stream.row_count());
        row_count > STEP_ROWS as u64
            || entry_count.saturating_mul(stream.entry_bytes()) >= LONG_BYTES_MIN
    }

    /// Tells all of it.
    pub(super) fn tell_at_once(
        mut self,
        stream: StreamRef<'_, Memory>,
        reply: &mut ReplyWriter<'_>,
    ) {
        while !self.is_over() && !reply.is_over() {
            self.go_on(stream, reply);
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.next, Next::End)
    }

    /// Tells a part; returns how many rows it came by.
    fn go_on(&mut self, stream: StreamRef<'_, Memory>, reply: &mut ReplyWriter<'_>) -> usize {
        let group = self.group.as_ref();
        match &mut self.next {
            Next::Head => {
                reply.map(9);
                tell_head(reply, stream);
                reply.bulk(b"entries");
                self.next = Next::Count(self.all_entries(), 0);
            }
            Next::Count(walk, count) => {
                let passed = walk.go_on(stream, None);
                *count += passed.told_count;
                if passed.is_over {
                    reply.array(*count);
                    self.next = match *count {
                        0 => begin_groups(stream, reply),
                        _ => Next::Entries(self.all_entries()),
                    };
                }
                return passed.told_count;
            }
            Next::Entries(walk) => {
                let passed = walk.go_on(stream, Some(reply));
                if passed.is_over {
                    self.next = begin_groups(stream, reply);
                }
                return passed.told_count;
            }
            Next::Group => {
                self.group = stream.groups_from(self.group_count).next();
                self.next = match &self.group {
                    Some(group) => begin_group(stream, reply, group, self.count_max),
                    None => Next::End,
                };
                (self.group_count, self.consumer_count) = (self.group_count + 1, 0);
            }
            Next::Pending(left, from) => {
                let group = group.expect("a group is told");
                let told = tell_pending(stream, reply, group, (*left).min(PART_ROWS), *from);
                if let Some((count, Some(from))) = told.filter(|(count, _)| count < left) {
                    self.next = Next::Pending(*left - count, from);
                    return count;
                }
                reply.bulk(b"consumers");
                reply.array(stream.consumer_count(group) as usize);
                self.next = Next::Consumer;
            }
            Next::Consumer => {
                let group = group.expect("a group is told");
                let (passed, count_max) = (self.consumer_count, self.count_max);
                self.next = begin_consumer(stream, reply, group, passed, count_max);
                self.consumer_count += 1;
            }
            Next::Own(owner, left, from) => {
                let group = group.expect("a group is told");
                let told = tell_own(stream, reply, group, *owner, (*left).min(PART_ROWS), *from);
                if let Some((count, Some(from))) = told.filter(|(count, _)| count < left) {
                    self.next = Next::Own(*owner, *left - count, from);
                    return count;
                }
                self.next = Next::Consumer;
            }
            Next::End => {}
        }
        1
    }

    fn all_entries(&self) -> EntriesWalk {
        EntriesWalk {
            start: StreamId::MIN,
            end: StreamId::MAX,
            count_max: self.count_max,
            is_reversed: false,
        }
    }
}

fn begin_groups(stream: StreamRef<'_, Memory>, reply: &mut ReplyWriter<'_>) -> Next {
    reply.bulk(b"groups");
    reply.array(stream.group_count() as usize);
    Next::Group
}

fn begin_group(
    stream: StreamRef<'_, Memory>,
    reply: &mut ReplyWriter<'_>,
    group: &StreamGroup,
    count_max: usize,
) -> Next {
    reply.map(7);
    reply.bulk(b"name");
    reply.bulk(&group.name);
    tell_progress(reply, stream, group);
    let count = begin_pending(reply, stream.pending_count(group), count_max);
    Next::Pending(count, StreamId::MIN)
}

/// Begins the next consumer of a group, or, if all are told, goes on to the next group.
fn begin_consumer(
    stream: StreamRef<'_, Memory>,
    reply: &mut ReplyWriter<'_>,
    group: &StreamGroup,
    consumer_count: usize,
    count_max: usize,
) -> Next {
    let Some(consumer) = stream.consumers_from(group, consumer_count).next() else {
        return Next::Group;
    };
    reply.map(4);
    reply.bulk(b"name");
    reply.bulk(&consumer.name);
    reply.bulk(b"seen-time");
    reply.integer(consumer.seen_ms as i64);
    let count = begin_pending(reply, stream.pending_count_of(consumer.owner), count_max);
    Next::Own(consumer.owner, count, StreamId::MIN)
}

/// Tells how many entries are pending, and begins to list them: as many as it returns.
fn begin_pending(reply: &mut ReplyWriter<'_>, pending_count: u64, count_max: usize) -> usize {
    reply.bulk(b"pel-count");
    reply.integer(pending_count as i64);
    reply.bulk(b"pending");
    let told_count = usize::try_from(pending_count).unwrap_or(usize::MAX);
    let told_count = told_count.min(count_max);
    reply.array(told_count);
    told_count
}

/// How many rows were told, and the id after the last; `None` if there was none.
type Told = Option<(usize, Option<StreamId>)>;

fn tell_pending(
    stream: StreamRef<'_, Memory>,
    reply: &mut ReplyWriter<'_>,
    group: &StreamGroup,
    count: usize,
    from: StreamId,
) -> Told {
    let mut told = None;
    for (index, pending) in stream.pending(group, from).take(count).enumerate() {
        reply.array(4);
        tell_id(reply, pending.id);
        reply.bulk(stream.consumer_name(pending.consumer).unwrap_or_default());
        reply.integer(pending.delivered_ms as i64);
        reply.integer(pending.delivery_count as i64);
        told = Some((index + 1, pending.id.next()));
    }
    told
}

fn tell_own(
    stream: StreamRef<'_, Memory>,
    reply: &mut ReplyWriter<'_>,
    group: &StreamGroup,
    owner: Owner,
    count: usize,
    from: StreamId,
) -> Told {
    let mut told = None;
    for (index, id) in stream.pending_of(owner, from).take(count).enumerate() {
        let pending = stream.pending_entry(group, id);
        let (delivered_ms, delivery_count) =
            pending.map_or((0, 0), |one| (one.delivered_ms, one.delivery_count));
        reply.array(3);
        tell_id(reply, id);
        reply.integer(delivered_ms as i64);
        reply.integer(delivery_count as i64);
        told = Some((index + 1, id.next()));
    }
    told
}

/// Tells all of the stream of a key, which is there, in slices.
pub(super) fn tell_in_steps(context: &mut Context<'_>, key: Key<'_>, full: Full) {
    let (database, now_ms) = (context.database(), context.now_ms());
    let frozen = context.keyspace.freeze(database, key, now_ms);
    let frozen = frozen.expect("a stream that is there is large");
    context.answer_in_steps(FullRead { frozen, full });
}

#[derive(Debug)]
struct FullRead {
    frozen: FrozenId,
    full: Full,
}

impl LongRead for FullRead {
    fn step(&mut self, keyspace: &mut Keyspace, _: u64, reply: &mut ReplyWriter<'_>) -> bool {
        let stream = keyspace.frozen_stream(self.frozen);
        let begin = reply.len();
        let mut row_count = 0;
        while !self.full.is_over() && row_count < STEP_ROWS && reply.len() - begin < STEP_BYTES {
            row_count += self.full.go_on(stream, reply);
        }
        let is_over = self.full.is_over() || reply.is_over();
        if is_over {
            keyspace.thaw(self.frozen);
        }
        is_over
    }

    fn abandon(&mut self, keyspace: &mut Keyspace) {
        keyspace.thaw(self.frozen);
    }

    fn used_bytes(&self) -> usize {
        size_of::<Self>()
    }
}
