//! What a step of reading a value yields: elements as records have them, or parts of a stream.
//!
//! Not here: who reads them (`value_reader.rs`), what becomes of them (`assembly.rs`).

use super::error::Reason;
use super::input::Word;
use crate::structures::block::{Element, Run, Shape};
use crate::structures::item::Code;
use crate::value::stream::StreamId;

/// A step ends when it has read so many bytes of elements.
pub(super) const STEP_BYTES: usize = 64 * 1024;

/// What was read and not taken yet.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Elements of a collection, one behind the other.
    pub(super) bytes: Vec<u8>,
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
        self.count = 0;
        self.parts.clear();
        self.texts.clear();
        self.ends.clear();
    }

    /// Forgets all of a value.
    pub(super) fn begin_value(&mut self) {
        self.clear();
        self.longest_len = 0;
        self.has_texts = false;
        self.has_deadlines = false;
        self.has_negative_zero = false;
    }

    /// Whether a step has read enough.
    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() + self.texts.len() + 64 * self.parts.len() >= STEP_BYTES
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
        if !self.run(Shape::Scored).is_in_order() {
            let mut elements: Vec<_> = self.run(Shape::Scored).elements().collect();
            elements.sort_by(|one, other| {
                let by_score = one.score().total_cmp(&other.score());
                let is_zero = one.score() == 0.0 && other.score() == 0.0;
                let by_score = if is_zero {
                    std::cmp::Ordering::Equal
                } else {
                    by_score
                };
                by_score.then_with(|| one.key().cmp_text(other.key()))
            });
            let sorted: Vec<u8> = elements
                .iter()
                .flat_map(|element| element.bytes())
                .copied()
                .collect();
            self.bytes = sorted;
        }
        !self.run(Shape::Scored).has_repetition()
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
