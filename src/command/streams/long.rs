//! Entries, and pending entries, so many that they are told in slices from a frozen state.
//!
//! ```text
//!  few, or the client can't wait ─▶ told at once, their number put before them
//!  many ─▶ freeze ─▶ walked over to count them ─▶ header ─▶ walked over and told ─▶ thaw
//! ```
//!
//! Invariant: a walk over one state comes by the same rows each time, so the header is right.
//!
//! Not here: which rows (`read.rs`, `pending.rs`).

use super::layout::{begin_stream, begin_streams, tell_entry};
use crate::command::long_work::build::may_take_steps;
use crate::context::Context;
use crate::keyspace::{FrozenId, Key, Keyspace, Memory};
use crate::protocol::reply::ReplyWriter;
use crate::session::long_read::LongRead;
use crate::value::stream::{Entry, Stream, StreamId, StreamRef};
use std::collections::VecDeque;
use std::fmt::Debug;

/// Rows that a step comes by at most. No more are told at once.
pub(super) const STEP_ROWS: usize = 1_024;

/// Bytes of reply that a step writes, but for the last row.
pub(super) const STEP_BYTES: usize = 64 * 1024;

/// Requests that want no more rows are answered at once.
pub(super) const FEW_ROWS: usize = 64;

/// From about this many bytes of entries on they are told in slices.
pub(super) const LONG_BYTES_MIN: u64 = 256 * 1024;

/// What a step of a walk has come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Passed {
    /// How many rows are, or were, told.
    pub(super) told_count: usize,
    /// There are no more.
    pub(super) is_over: bool,
}

/// A walk over rows of a stream.
pub(super) trait Walk: Clone + Debug + Send {
    /// Goes on for at most [`STEP_ROWS`] and, if they are told, some [`STEP_BYTES`].
    fn go_on(
        &mut self,
        stream: StreamRef<'_, Memory>,
        reply: Option<&mut ReplyWriter<'_>>,
    ) -> Passed;

    /// How many rows are wanted at most.
    fn wanted_count(&self) -> usize;
}

/// A walk over entries.
#[derive(Clone, Debug)]
pub(super) struct EntriesWalk {
    /// The least id that is still wanted.
    pub(super) start: StreamId,
    /// The greatest one.
    pub(super) end: StreamId,
    /// How many entries are still wanted.
    pub(super) count_max: usize,
    /// Whether the last one comes first.
    pub(super) is_reversed: bool,
}

impl Walk for EntriesWalk {
    fn go_on(
        &mut self,
        stream: StreamRef<'_, Memory>,
        mut reply: Option<&mut ReplyWriter<'_>>,
    ) -> Passed {
        let count_max = self.count_max.min(STEP_ROWS);
        let begin = reply.as_ref().map_or(0, |reply| reply.len());
        let mut count = 0;
        let mut last = None;
        let mut visit = |entry: &Entry<'_>| {
            (count, last) = (count + 1, Some(entry.id));
            reply.as_mut().is_none_or(|reply| {
                tell_entry(reply, entry);
                reply.len() - begin < STEP_BYTES && !reply.is_over()
            })
        };
        let is_whole = if self.is_reversed {
            let mut entries = stream.range_back(self.start, self.end).take(count_max);
            entries.all(|entry| visit(&entry))
        } else {
            let mut entries = stream.range(self.start, self.end).take(count_max);
            entries.all(|entry| visit(&entry))
        };
        let are_all = is_whole && count < count_max;
        self.count_max -= count;
        let after = last.and_then(|last| match self.is_reversed {
            true => last.previous(),
            false => last.next(),
        });
        match (after, self.is_reversed) {
            (Some(after), true) => self.end = after,
            (Some(after), false) => self.start = after,
            (None, _) => {}
        }
        Passed {
            told_count: count,
            is_over: are_all || after.is_none() || self.count_max == 0 || self.start > self.end,
        }
    }

    fn wanted_count(&self) -> usize {
        self.count_max
    }
}

/// Whether a walk over the stream of a key takes so long that others should not wait for it, and
/// its client can.
pub(super) fn is_long(context: &Context<'_>, key: Key<'_>, walk: &impl Walk) -> bool {
    if walk.wanted_count() <= FEW_ROWS || !may_take_steps(context) {
        return false;
    }
    let (database, now_ms) = (context.database(), context.now_ms());
    let Ok(Some(stream)) = context.keyspace.peek::<Stream>(database, key, now_ms) else {
        return false;
    };
    let passed = walk.clone().go_on(stream, None);
    let bytes = (passed.told_count as u64).saturating_mul(stream.entry_bytes());
    !passed.is_over || bytes >= LONG_BYTES_MIN
}

/// The rows of one stream, as it was when the command began.
#[derive(Debug)]
pub(super) struct FrozenRows<W> {
    /// The key that is told before them, if it is.
    key: Option<Box<[u8]>>,
    frozen: FrozenId,
    walk: W,
    /// While they are counted: the walk that counts, and how many it has found.
    counting: Option<(W, usize)>,
}

impl<W: Walk> FrozenRows<W> {
    /// Freezes the stream of a key that is there.
    pub(super) fn freeze(context: &mut Context<'_>, key: Key<'_>, walk: W) -> Self {
        let (database, now_ms) = (context.database(), context.now_ms());
        let frozen = context.keyspace.freeze(database, key, now_ms);
        Self {
            key: None,
            frozen: frozen.expect("a stream that is there is large"),
            counting: Some((walk.clone(), 0)),
            walk,
        }
    }

    /// The same, and its key is told before it.
    pub(super) fn with_key(self, key: &[u8]) -> Self {
        Self {
            key: Some(key.into()),
            ..self
        }
    }

    /// Goes on for a while; true at the end.
    fn step(&mut self, keyspace: &Keyspace, reply: &mut ReplyWriter<'_>) -> bool {
        let stream = keyspace.frozen_stream(self.frozen);
        let Some((walk, count)) = &mut self.counting else {
            return self.walk.go_on(stream, Some(reply)).is_over || reply.is_over();
        };
        let passed = walk.go_on(stream, None);
        *count += passed.told_count;
        if !passed.is_over {
            return false;
        }
        if let Some(key) = &self.key {
            begin_stream(reply, key);
        }
        reply.array(*count);
        let is_empty = *count == 0;
        self.counting = None;
        is_empty
    }
}

/// Tells the rows of a stream.
pub(super) fn tell<W: Walk + 'static>(context: &mut Context<'_>, part: FrozenRows<W>) {
    context.answer_in_steps(RowsRead {
        header_count: None,
        parts: VecDeque::from([part]),
    });
}

/// Tells those of several streams, each with its key.
pub(super) fn tell_several<W: Walk + 'static>(
    context: &mut Context<'_>,
    parts: Vec<FrozenRows<W>>,
) {
    context.answer_in_steps(RowsRead {
        header_count: Some(parts.len()),
        parts: parts.into(),
    });
}

#[derive(Debug)]
struct RowsRead<W> {
    /// How many streams are told of, until that is told.
    header_count: Option<usize>,
    /// Those that are still to be told.
    parts: VecDeque<FrozenRows<W>>,
}

impl<W: Walk> LongRead for RowsRead<W> {
    fn step(&mut self, keyspace: &mut Keyspace, _: u64, reply: &mut ReplyWriter<'_>) -> bool {
        if let Some(count) = self.header_count.take() {
            begin_streams(reply, count);
        }
        if let Some(part) = self.parts.front_mut()
            && part.step(keyspace, reply)
        {
            keyspace.thaw(part.frozen);
            self.parts.pop_front();
        }
        self.parts.is_empty()
    }

    fn abandon(&mut self, keyspace: &mut Keyspace) {
        for part in self.parts.drain(..) {
            keyspace.thaw(part.frozen);
        }
    }

    fn used_bytes(&self) -> usize {
        let keys = self.parts.iter().filter_map(|part| part.key.as_ref());
        let keys_bytes: usize = keys.map(|key| key.len()).sum();
        size_of::<Self>() + self.parts.len() * size_of::<FrozenRows<W>>() + keys_bytes
    }
}
