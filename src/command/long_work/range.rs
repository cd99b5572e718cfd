//! The elements of a range of ranks as a reply: at once if they are few, else in slices from a
//! state that is frozen for as long as the client takes to read it.
//!
//! ```text
//!  few, or the client can't wait ─▶ count ─▶ header ─▶ elements
//!  many ─▶ freeze ─▶ [count those not due] ─▶ header ─▶ 64 KiB a step ─▶ thaw
//! ```
//!
//! So the reply is of one moment, and nothing of it is collected: besides the client's output there
//! are only the blocks that writers replaced meanwhile.
//!
//! Invariant: the header says how many elements follow. They are counted by ranks, but for hashes
//! with fields that are due and still to be removed: those are walked over twice.
//!
//! Not here: which ranks (the commands).

use crate::command::declare::spec::Outcome;
use crate::context::Context;
use crate::keyspace::{FrozenId, Key, Keyspace, Memory};
use crate::protocol::reply::ReplyWriter;
use crate::session::long_read::LongRead;
use crate::structures::block::ElementRef;
use crate::value::collection::{CollectionType, Elements, Form};
use crate::value::replied::{RunReply, Told};
use std::ops::Range;

/// From this many elements on a range is read in slices: about as many as take a tenth of a
/// millisecond …
const LONG_COUNT_MIN: u64 = 2_048;

/// … or from this many bytes on.
const LONG_BYTES_MIN: u64 = 128 * 1024;

/// Bytes of reply that a step writes, but for the last element.
const STEP_BYTES: usize = 64 * 1024;

/// Elements that a step looks at.
const STEP_COUNT: u64 = 2_048;

/// How elements are replied.
#[derive(Clone, Copy, Debug)]
pub(in crate::command) struct RangeForm {
    /// Writes what stands before so many elements.
    pub(in crate::command) header: fn(&mut ReplyWriter<'_>, usize),
    /// What is written of each.
    pub(in crate::command) told: Told,
}

/// Which elements, and in which order.
#[derive(Clone, Debug)]
pub(in crate::command) struct RangeOrder {
    /// Their ranks, counted from the first element.
    pub(in crate::command) ranks: Range<u64>,
    /// Whether the last one comes first.
    pub(in crate::command) is_reverse: bool,
}

impl RangeOrder {
    /// All of so many elements.
    pub(in crate::command) fn all(len: u64) -> Self {
        Self {
            ranks: 0..len,
            is_reverse: false,
        }
    }
}

/// Replies the elements of a key's collection that `order` names; none if there is no such key.
///
/// # Errors
/// WRONGTYPE.
pub(in crate::command) fn reply_range<T: CollectionType>(
    context: &mut Context<'_>,
    key: Key<'_>,
    form: RangeForm,
    order: impl FnOnce(&T::Ref<'_, Memory>) -> RangeOrder,
) -> Outcome {
    let may_wait = context.may_wait;
    let (reply, body) = context.read_body::<T>(key)?;
    let Some(body) = body else {
        (form.header)(reply, 0);
        return Ok(());
    };
    if let Form::Integers(integers) = body.form {
        (form.header)(reply, integers.count());
        integers.iter().for_each(|value| reply.bulk_integer(value));
        return Ok(());
    }
    let now_ms = body.now_ms;
    let mut reading = Reading::new(order(&body.into()), form, now_ms);
    if !(may_wait && body.is_large() && reading.is_long(body.element_bytes())) {
        let elements = body.ordered_elements();
        while !reading.step(elements, reply) {}
        return Ok(());
    }
    let database = context.database();
    let frozen = context.keyspace.freeze(database, key, now_ms);
    let frozen = frozen.expect("it is large");
    context.answer_in_steps(RangeRead { frozen, reading });
    Ok(())
}

/// How far the elements have been replied.
#[derive(Debug)]
pub(super) struct Reading {
    ranks: Range<u64>,
    is_reverse: bool,
    form: RangeForm,
    /// Elements that were due by then are not there.
    now_ms: u64,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// Nothing was looked at.
    Begin,
    /// Counting those that are there: so many up to a rank.
    Count { next: u64, found: usize },
    /// The header is written.
    Elements {
        /// Whether some of them are due.
        has_due: bool,
    },
}

impl Reading {
    /// Nothing has been replied of these elements.
    pub(super) fn new(order: RangeOrder, form: RangeForm, now_ms: u64) -> Self {
        Self {
            ranks: order.ranks,
            is_reverse: order.is_reverse,
            form,
            now_ms,
            phase: Phase::Begin,
        }
    }

    /// Whether so many elements of about so many bytes are read in slices.
    fn is_long(&self, element_bytes: u64) -> bool {
        let count = self.ranks.end - self.ranks.start;
        count >= LONG_COUNT_MIN || count.saturating_mul(element_bytes) >= LONG_BYTES_MIN
    }

    /// Goes on for a while; true at the end.
    pub(super) fn step(
        &mut self,
        elements: Elements<'_, Memory>,
        reply: &mut ReplyWriter<'_>,
    ) -> bool {
        match self.phase {
            Phase::Begin => {
                let has_due = elements.has_due(self.now_ms);
                if has_due {
                    self.phase = Phase::Count {
                        next: self.ranks.start,
                        found: 0,
                    };
                } else {
                    self.begin(reply, (self.ranks.end - self.ranks.start) as usize, false);
                }
                false
            }
            Phase::Count { next, found } => {
                let end = self.ranks.end.min(next + STEP_COUNT);
                let steps = elements.from(next).take((end - next) as usize);
                let found = found + steps.filter(|element| self.is_there(element)).count();
                if end < self.ranks.end {
                    self.phase = Phase::Count { next: end, found };
                } else {
                    self.begin(reply, found, true);
                }
                false
            }
            Phase::Elements { has_due } => {
                self.write_some(elements, reply, has_due);
                // A reply that is over its limit is taken back, so its rest matters to nobody.
                self.ranks.is_empty() || reply.is_over()
            }
        }
    }

    fn begin(&mut self, reply: &mut ReplyWriter<'_>, count: usize, has_due: bool) {
        (self.form.header)(reply, count);
        self.phase = Phase::Elements { has_due };
    }

    fn is_there(&self, element: &ElementRef<'_>) -> bool {
        element
            .deadline()
            .is_none_or(|deadline_ms| deadline_ms > self.now_ms)
    }

    fn write_some(
        &mut self,
        elements: Elements<'_, Memory>,
        reply: &mut ReplyWriter<'_>,
        has_due: bool,
    ) {
        if self.is_reverse {
            let taken = self.write(elements.back_from(self.ranks.end), reply, has_due);
            self.ranks.end -= taken;
        } else if has_due {
            let taken = self.write(elements.from(self.ranks.start), reply, true);
            self.ranks.start += taken;
        } else {
            self.write_runs(elements, reply);
        }
    }

    /// Writes the next elements as they stand, none of which is due.
    fn write_runs(&mut self, elements: Elements<'_, Memory>, reply: &mut ReplyWriter<'_>) {
        let begin = reply.len();
        let end = self.ranks.end.min(self.ranks.start + STEP_COUNT);
        let is_enough =
            |reply: &ReplyWriter<'_>| reply.len() - begin >= STEP_BYTES || reply.is_over();
        for run in elements.runs(self.ranks.start) {
            let mut run = RunReply::new(run, end - self.ranks.start, self.form.told);
            while run.left() > 0 && !is_enough(reply) {
                let before = run.left();
                run.write_some(reply);
                self.ranks.start += (before - run.left()) as u64;
            }
            if self.ranks.start == end || is_enough(reply) {
                return;
            }
        }
    }

    /// Writes the next elements; returns how many were looked at.
    fn write<'e>(
        &self,
        elements: impl Iterator<Item = ElementRef<'e>>,
        reply: &mut ReplyWriter<'_>,
        has_due: bool,
    ) -> u64 {
        let begin = reply.len();
        let most = (self.ranks.end - self.ranks.start).min(STEP_COUNT);
        let mut taken = 0;
        for element in elements.take(most as usize) {
            if !has_due || self.is_there(&element) {
                self.form.told.write(reply, element);
            }
            taken += 1;
            if reply.len() - begin >= STEP_BYTES || reply.is_over() {
                break;
            }
        }
        taken
    }
}

/// A range that is read in slices.
#[derive(Debug)]
struct RangeRead {
    frozen: FrozenId,
    reading: Reading,
}

impl LongRead for RangeRead {
    fn step(&mut self, keyspace: &mut Keyspace, _: u64, reply: &mut ReplyWriter<'_>) -> bool {
        let is_complete = self.reading.step(keyspace.frozen(self.frozen), reply);
        if is_complete {
            keyspace.thaw(self.frozen);
        }
        is_complete
    }

    fn abandon(&mut self, keyspace: &mut Keyspace) {
        keyspace.thaw(self.frozen);
    }

    fn used_bytes(&self) -> usize {
        size_of::<Self>()
    }
}
