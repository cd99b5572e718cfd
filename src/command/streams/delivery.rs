//! Entries are delivered to the consumers of groups.
//!
//! Not here: the requests for it (`group_read.rs`, `long_delivery.rs`).

use super::ids::parse_id;
use super::layout::{tell_entry, tell_id};
use super::no_key_or_group;
use super::read::Request;
use crate::context::Context;
use crate::keyspace::{Changed, EntryHome, Event};
use crate::protocol::error::ReplyError;
use crate::protocol::reply::ReplyWriter;
use crate::structures::block_tree::BlockStore;
use crate::value::stream::{
    Consumer, Found, Owner, Pending, StreamGroup, StreamId, StreamMut, StreamRef,
};

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

/// Which entries of a stream a consumer wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// What nobody of the group has seen.
    New,
    /// What was delivered to it after this one, and not acknowledged.
    PendingAfter(StreamId),
}

impl Wanted {
    /// Whether there is something to tell: what is told again may be nothing.
    pub(super) fn is_there<S: BlockStore>(
        self,
        stream: StreamRef<'_, S>,
        group: &StreamGroup,
    ) -> bool {
        self != Self::New || stream.last_entry_id() > Some(group.last_id)
    }
}

/// Reads the id that a request has for a stream.
///
/// # Errors
/// If it is none, or one that means something to XREAD only.
pub(super) fn parse_wanted(text: &[u8]) -> Result<Wanted, ReplyError> {
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

/// What is said of a stream that has not the group, or is not there.
pub(super) fn no_group_to_read(key: &[u8], group_name: &[u8]) -> ReplyError {
    no_key_or_group(key, group_name, " in XREADGROUP with GROUP option")
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
pub(super) struct Delivery<'a> {
    count_max: usize,
    /// From so many bytes of reply on no further entry is delivered.
    bytes_max: usize,
    is_acknowledged: bool,
    consumer_name: &'a [u8],
    now_ms: u64,
}

/// What was delivered.
pub(super) struct Delivered {
    /// The consumer was made.
    is_new: bool,
    /// How many entries.
    pub(super) count: usize,
    /// The last of them.
    pub(super) last_id: Option<StreamId>,
}

impl Delivered {
    const NOTHING: Self = Self {
        is_new: false,
        count: 0,
        last_id: None,
    };

    /// What it is to the stream.
    pub(super) fn as_change<R>(&self, result: R) -> Changed<R> {
        let event = match self.is_new {
            true => Event::StreamCreateConsumer,
            false => Event::StreamDeliver,
        };
        Changed::when(self.is_new || self.count > 0, event, result)
    }
}

impl<'a> Delivery<'a> {
    /// Of all that a request wants.
    pub(super) fn new(context: &Context<'_>, request: &Request<'a>) -> Self {
        let (_, consumer_name) = request.group.unwrap_or_default();
        Self {
            count_max: request.count_max,
            bytes_max: usize::MAX,
            is_acknowledged: request.is_acknowledged,
            consumer_name,
            now_ms: context.clock_ms(),
        }
    }

    /// Of at most so many of them, until so many bytes are told.
    pub(super) fn up_to(self, count_max: usize, bytes_max: usize) -> Self {
        Self {
            count_max,
            bytes_max,
            ..self
        }
    }

    /// Delivers entries of a stream and tells them, without their number. Where nothing is new,
    /// nothing of the group has changed.
    pub(super) fn deliver(
        &self,
        stream: &mut StreamMut<EntryHome<'_>>,
        group: Found<StreamGroup>,
        wanted: Wanted,
        reply: &mut ReplyWriter<'_>,
    ) -> Delivered {
        match wanted {
            Wanted::New => self.of_new(stream, group, reply),
            Wanted::PendingAfter(id) => self.again(stream, &group.row, id, reply),
        }
    }

    /// Delivers entries that nobody of the group has seen.
    fn of_new(
        &self,
        stream: &mut StreamMut<EntryHome<'_>>,
        mut found: Found<StreamGroup>,
        reply: &mut ReplyWriter<'_>,
    ) -> Delivered {
        let group = &mut found.row;
        let Some(start) = group.last_id.next() else {
            return Delivered::NOTHING;
        };
        let mut ids = Vec::new();
        let begin = reply.len();
        let reader = stream.read();
        let entries = reader.range(start, StreamId::MAX).take(self.count_max);
        let mut entries = entries.peekable();
        if entries.peek().is_none() {
            return Delivered::NOTHING;
        }
        let counter = reader.read_counter();
        for entry in entries {
            tell_entry(reply, &entry);
            counter.count(group, entry.id);
            ids.push(entry.id);
            if reply.len() - begin >= self.bytes_max || reply.is_over() {
                break;
            }
        }
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
        Delivered {
            is_new,
            count: ids.len(),
            last_id: ids.last().copied(),
        }
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

    /// Tells entries again that were delivered to the consumer.
    fn again(
        &self,
        stream: &mut StreamMut<EntryHome<'_>>,
        group: &StreamGroup,
        after: StreamId,
        reply: &mut ReplyWriter<'_>,
    ) -> Delivered {
        let (consumer, is_new) = take_consumer(stream, group, self.consumer_name, self.now_ms);
        stream.update_consumer(group, self.consumer_name, &consumer);
        let pending = pending_after(stream.read(), consumer.owner, after);
        let ids: Vec<StreamId> = pending.take(self.count_max).collect();
        let begin = reply.len();
        let mut count = 0;
        for &id in &ids {
            if reply.len() - begin >= self.bytes_max {
                break;
            }
            count += 1;
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
        Delivered {
            is_new,
            count,
            last_id: ids[..count].last().copied(),
        }
    }
}

/// The entries that were delivered to a consumer and not acknowledged, after one of an id.
pub(super) fn pending_after<S: BlockStore>(
    stream: StreamRef<'_, S>,
    consumer: Owner,
    after: StreamId,
) -> impl Iterator<Item = StreamId> {
    let start = after.next().into_iter();
    start.flat_map(move |start| stream.pending_of(consumer, start))
}
