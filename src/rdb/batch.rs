//! What a step of reading a value yields: elements as records have them, or parts of a stream.
//!
//! Not here: who reads them (`value_reader.rs`), what becomes of them (`assembly.rs`).

use super::error::Reason;
use super::input::Word;
use super::seen_keys::{Noted, SeenKeys};
use super::transcription::{Fault, Transcription};
use crate::structures::block::{Element, Run, Shape};
use crate::structures::item::{self, Code};
use crate::value::stream::StreamId;

/// A step ends when it has read so many bytes of elements.
pub(super) const STEP_BYTES: usize = 64 * 1024;

/// Capacity that stays for the next value.
const CAPACITY_KEPT: usize = 4 * STEP_BYTES;

/// What was read and not taken yet.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Elements of a collection, one behind the other.
    pub(super) bytes: Vec<u8>,
    /// Bytes of those that stay though steps have ended with them.
    kept_bytes: usize,
    /// How many.
    pub(super) count: usize,
    /// Bytes of the longest text of all elements there have been.
    pub(super) longest_len: usize,
    /// Whether some element was not an integer.
    pub(super) has_texts: bool,
    /// Whether some element has a deadline.
    pub(super) has_deadlines: bool,
    /// Whether some score was −0.
    has_negative_zero: bool,
    /// Elements that were taken from listpacks and are known to stand in order, …
    in_order_count: usize,
    /// … and keys of such.
    seen_keys: SeenKeys,
    /// Parts of a stream.
    pub(super) parts: Vec<StreamPart>,
    /// The texts of its entries, one behind the other, …
    pub(super) texts: Vec<u8>,
    /// … and where each ends.
    pub(super) ends: Vec<usize>,
}

/// A part of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum StreamPart {
    /// An entry, of so many of the texts.
    Entry { id: StreamId, text_count: usize },
    /// What the stream knows of itself.
    Head {
        last_id: StreamId,
        max_deleted_id: StreamId,
        /// Not written by Redis 5 and 6.
        entries_added: Option<u64>,
    },
    /// A group begins.
    Group {
        name: Vec<u8>,
        last_id: StreamId,
        entries_read: Option<u64>,
    },
    /// A consumer of that group begins.
    Consumer {
        name: Vec<u8>,
        seen_ms: u64,
        active_ms: Option<u64>,
    },
    /// A pending entry of that consumer.
    Pending {
        id: StreamId,
        delivered_ms: u64,
        delivery_count: u64,
    },
}

/// How much there is, to go back to.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    bytes: usize,
    count: usize,
    parts: usize,
    texts: usize,
    ends: usize,
}

impl Batch {
    /// Forgets what was taken.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.kept_bytes = 0;
        self.count = 0;
        self.parts.clear();
        self.texts.clear();
        self.ends.clear();
    }

    /// Forgets all of a value.
    pub(super) fn begin_value(&mut self) {
        self.clear();
        if self.bytes.capacity() > CAPACITY_KEPT {
            self.bytes.shrink_to(CAPACITY_KEPT);
        }
        self.longest_len = 0;
        self.has_texts = false;
        self.has_deadlines = false;
        self.has_negative_zero = false;
        self.in_order_count = 0;
        self.seen_keys.begin();
    }

    /// Whether a step has read enough.
    pub(super) fn is_full(&self) -> bool {
        let bytes = self.bytes.len() - self.kept_bytes;
        bytes + self.texts.len() + 64 * self.parts.len() >= STEP_BYTES
    }

    /// Lets the next step begin while all elements stay.
    pub(super) fn keep(&mut self) {
        self.kept_bytes = self.bytes.len();
    }

    /// Bytes that it holds.
    pub(super) fn used_bytes(&self) -> usize {
        self.bytes.capacity() + self.texts.capacity() + self.seen_keys.used_bytes()
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            bytes: self.bytes.len(),
            count: self.count,
            parts: self.parts.len(),
            texts: self.texts.len(),
            ends: self.ends.len(),
        }
    }

    /// Forgets what came after a mark.
    pub(super) fn go_back(&mut self, mark: Mark) {
        self.bytes.truncate(mark.bytes);
        self.count = mark.count;
        self.parts.truncate(mark.parts);
        self.texts.truncate(mark.texts);
        self.ends.truncate(mark.ends);
    }

    fn note(&mut self, word: &Word<'_>) {
        self.longest_len = self.longest_len.max(word.text_len());
    }

    fn push(&mut self, element: &Element<'_>) {
        Run::write(element, &mut self.bytes);
        self.count += 1;
    }

    /// A member of a set or an item of a list.
    #[inline]
    pub(super) fn push_single(&mut self, word: &Word<'_>) {
        self.note(word);
        let code = word.code();
        self.has_texts |= !matches!(code.item(), crate::structures::item::Item::Integer(_));
        self.push(&Element::single(code));
    }

    /// A field with its value and deadline.
    #[inline]
    pub(super) fn push_pair(&mut self, field: &Word<'_>, value: &Word<'_>, deadline: Option<u64>) {
        self.note(field);
        self.note(value);
        self.has_deadlines |= deadline.is_some();
        let pair = Element::pair(field.code(), value.code());
        self.push(&pair.with_deadline(deadline));
    }

    /// A member with its score.
    pub(super) fn push_scored(&mut self, member: &Word<'_>, score: f64) -> Result<(), Reason> {
        if score.is_nan() {
            return Err(Reason::BadScore);
        }
        self.note(member);
        self.has_negative_zero |= score == 0.0 && score.is_sign_negative();
        self.push(&Element::scored(score, member.code()));
        Ok(())
    }

    /// The items of a listpack of a list, the head of which was checked; how many there are.
    pub(super) fn push_listed(&mut self, listpack: &[u8]) -> Result<usize, Reason> {
        self.transcribe(listpack, 1, |items, _| items.copy())
    }

    /// Members of a set, as [`Batch::push_listed`].
    pub(super) fn push_members(&mut self, listpack: &[u8]) -> Result<usize, Reason> {
        self.transcribe(listpack, 1, |items, noted| {
            let begin = items.end();
            items.copy()?;
            noted.key(items.written(begin));
            Ok(())
        })
    }

    /// Members of a set that are integers; how many there are.
    pub(super) fn push_integers(&mut self, integers: impl Iterator<Item = i64>) -> usize {
        let (mut count, mut last, mut is_ascending) = (0, None, true);
        for value in integers {
            self.note(&Word::Integer(value));
            self.push(&Element::single(Code::of_integer(value)));
            is_ascending &= last.is_none_or(|last| last < value);
            last = Some(value);
            count += 1;
        }
        if is_ascending {
            self.seen_keys.skip(count);
        }
        count
    }

    /// Fields and values, as [`Batch::push_listed`].
    pub(super) fn push_fields(&mut self, listpack: &[u8]) -> Result<usize, Reason> {
        self.transcribe(listpack, 2, |items, noted| {
            let begin = items.end();
            items.copy()?;
            noted.key(items.written(begin));
            match items.has_more()? {
                true => items.copy(),
                false => Err(Fault::Packed),
            }
        })
    }

    /// Members and scores, as [`Batch::push_listed`].
    pub(super) fn push_ranked(&mut self, listpack: &[u8]) -> Result<usize, Reason> {
        let (mut last_score, mut last_begin) = (f64::NEG_INFINITY, None);
        let mut in_order_count = 0;
        let outcome = self.transcribe(listpack, 2, |items, noted| {
            let (score, begin) = items.copy_scored()?;
            let member = items.written(begin);
            noted.key(member);
            let follows = last_score < score
                || last_score == score
                    && last_begin.is_none_or(|last| {
                        let (last, _) = item::read(items.written(last));
                        last.cmp_text(item::read(member).0).is_lt()
                    });
            in_order_count += usize::from(follows);
            (last_score, last_begin) = (score, Some(begin));
            Ok(())
        });
        self.in_order_count += in_order_count;
        outcome
    }

    /// Takes elements of a listpack one after the other, each of which is so many items.
    #[inline(always)]
    fn transcribe(
        &mut self,
        listpack: &[u8],
        item_count: usize,
        mut take: impl FnMut(&mut Transcription<'_>, &mut Noted<'_>) -> Result<(), Fault>,
    ) -> Result<usize, Reason> {
        let begin = self.bytes.len();
        let room = Transcription::room_for(listpack.len());
        self.bytes.resize(begin + room, 0);
        let mut items = Transcription::begin(listpack, &mut self.bytes, begin);
        let mut noted = self.seen_keys.noted();
        let mut count = 0;
        while items.has_more()? {
            take(&mut items, &mut noted)?;
            count += 1;
        }
        let end = items.end();
        self.longest_len = self.longest_len.max(items.longest_len);
        self.has_texts |= items.has_texts;
        self.has_negative_zero |= items.has_negative_zero;
        self.count += count;
        self.bytes.truncate(end);
        Ok(count * item_count)
    }

    /// Whether an element's key comes twice; those of lists may. O(n log n) at worst.
    pub(super) fn has_repetition(&self, shape: Shape) -> bool {
        !self.seen_keys.are_different(self.count) && self.run(shape).has_repetition()
    }

    /// A text of the entry that is being read.
    pub(super) fn push_text(&mut self, word: &Word<'_>) {
        word.append_to(&mut self.texts);
        self.ends.push(self.texts.len());
    }

    /// The elements.
    pub(super) fn run(&self, shape: Shape) -> Run<'_> {
        Run::new(shape, self.count, &self.bytes)
    }

    /// Puts scored elements in order; false if a member comes twice. O(n log n).
    pub(super) fn sort_scored(&mut self) -> bool {
        if self.in_order_count < self.count && !self.run(Shape::Scored).is_in_order() {
            let mut elements: Vec<_> = self.run(Shape::Scored).elements().collect();
            elements.sort_by(|one, other| {
                let by_score = one.score_order().cmp(&other.score_order());
                by_score.then_with(|| one.key().cmp_text(other.key()))
            });
            let mut sorted = Vec::with_capacity(self.bytes.len());
            for element in elements {
                sorted.extend_from_slice(element.bytes());
            }
            self.bytes = sorted;
        }
        !self.has_repetition(Shape::Scored)
    }

    /// Writes scores of −0 as 0, as a listpack of Redis has them.
    pub(super) fn drop_signs_of_zero(&mut self) {
        if !self.has_negative_zero {
            return;
        }
        let run = self.run(Shape::Scored);
        let mut bytes = Vec::with_capacity(self.bytes.len());
        for element in run.elements() {
            let member = Code::of_item(element.key());
            Run::write(&Element::scored(element.score() + 0.0, member), &mut bytes);
        }
        self.bytes = bytes;
    }
}
