//! Lists: items in an order of their own, at both ends of which others come and go.
//!
//! ```text
//!  rank    0     1     2     3            Front ▶ a  b  c  d ◀ Back
//!  index   0     1     2     3
//!         −4    −3    −2    −1            as clients count
//! ```
//!
//! Invariant: a list that outgrew `list-max-listpack-size` is said so from the change on that made
//! it, and called small again by the change that leaves it at most half as large
//! ([`EncodingLimits`]). What is large by name may be packed, and the other way round.
//!
//! Cost: an item comes to an end and goes from there in O(1) in a small list; in a large one in
//! O(log n), as anywhere. What looks for an item walks.
//!
//! Not here: how items are kept (`collection/`).
//!
//! [`EncodingLimits`]: super::encoding::EncodingLimits

use super::collection::{Body, CollectionType, Elements, ElementsMut, Home};
use super::encoding::{Encoding, ListLimits};
use super::kind::Kind;
use crate::structures::block::{Element, ElementRef, Shape};
use crate::structures::block_tree::BlockStore;
pub use crate::structures::block_tree::End;
use crate::structures::item::{Code, Item};
use either::Either;
use std::ops::Range;

/// What Redis's listpack takes besides its items.
const LISTPACK_HEAD_BYTES: usize = 7;

/// What it takes for each item besides what that takes here: the length after it.
const LISTPACK_ITEM_BYTES: usize = 1;

/// What an item takes there at most besides its text: head and length.
const LISTPACK_BESIDE_TEXT_MAX: usize = 5 + LISTPACK_ITEM_BYTES;

/// The type of lists.
pub struct List;

impl CollectionType for List {
    const KIND: Kind = Kind::List;
    const SHAPE: Shape = Shape::List;
    type Ref<'a, S: BlockStore + 'a> = ListRef<'a, S>;
    type Mut<H: Home> = ListMut<H>;
}

/// A list to be read.
pub struct ListRef<'a, S> {
    elements: Elements<'a, S>,
}

impl<'a, S: BlockStore> From<Body<'a, S>> for ListRef<'a, S> {
    #[inline]
    fn from(body: Body<'a, S>) -> Self {
        Self::of(body.elements())
    }
}

impl<'a, S: BlockStore> ListRef<'a, S> {
    /// The list of these elements.
    #[inline]
    pub fn of(elements: Elements<'a, S>) -> Self {
        Self { elements }
    }

    /// How many items there are.
    #[inline]
    pub fn len(&self) -> u64 {
        self.elements.len()
    }

    /// Whether there are none.
    #[cfg_attr(not(feature = "internals"), allow(dead_code))]
    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// Its elements.
    pub fn elements(&self) -> &Elements<'a, S> {
        &self.elements
    }

    /// The rank of an index, if there is such an item; negative ones count from the end.
    pub fn rank_of(&self, index: i64) -> Option<u64> {
        let len = self.len();
        let rank = match index {
            0.. => index.unsigned_abs(),
            _ => len.checked_sub(index.unsigned_abs())?,
        };
        (rank < len).then_some(rank)
    }

    /// The ranks from index `start` to index `stop`, both included; empty if there are none.
    pub fn ranks_between(&self, start: i64, stop: i64) -> Range<u64> {
        let len = self.len();
        let rank = |index: i64| match index {
            0.. => Some(index.unsigned_abs()),
            _ => len.checked_sub(index.unsigned_abs()),
        };
        let from = rank(start).unwrap_or(0).min(len);
        let to = rank(stop).map_or(0, |last| last.saturating_add(1).min(len));
        from..to.max(from)
    }

    /// The item of a rank, if there are as many.
    pub fn at(&self, rank: u64) -> Option<Item<'a>> {
        self.elements.at(rank).map(|element| element.key())
    }

    /// The items of these ranks, in order.
    pub fn items(&self, ranks: Range<u64>) -> impl Iterator<Item = Item<'a>> + use<'a, S> {
        let elements = self.elements.from(ranks.start);
        let count = ranks.end.saturating_sub(ranks.start) as usize;
        elements.take(count).map(|element| element.key())
    }

    /// The first `count` items from an end, the outermost first.
    pub fn items_from(&self, end: End, count: u64) -> impl Iterator<Item = Item<'a>> + use<'a, S> {
        self.walk(end)
            .take(count as usize)
            .map(|element| element.key())
    }

    /// The ranks of the items that equal `text`, seen from an end, among the first `walked_max`
    /// from there. A step takes as long as the next one is far.
    #[cfg(test)]
    pub fn ranks_equal<'t>(
        &self,
        text: &'t [u8],
        end: End,
        walked_max: u64,
    ) -> impl Iterator<Item = u64> + use<'a, 't, S> {
        let len = self.len();
        let code = Code::of_text(text);
        let walk = self.walk(end).take(walked_max as usize).enumerate();
        let equal = walk.filter(move |(_, element)| code.is_at(element.bytes()));
        equal.map(move |(distance, _)| match end {
            End::Front => distance as u64,
            End::Back => len - 1 - distance as u64,
        })
    }

    fn walk(&self, end: End) -> impl Iterator<Item = ElementRef<'a>> + use<'a, S> {
        match end {
            End::Front => Either::Left(self.elements.from(0)),
            End::Back => Either::Right(self.elements.back_from(self.len())),
        }
    }
}

/// A removal of equal items from a list, which may take several steps.
#[derive(Debug)]
pub struct Removal {
    text: Box<[u8]>,
    end: End,
    /// How many more may go.
    left: u64,
    gone_count: u64,
    /// Items before this rank have been looked at …
    low: u64,
    /// … and those from this one on.
    high: u64,
}

impl Removal {
    /// Removes the items that equal `text` from a list of `len` items, the first `count_max` of
    /// them seen from an end.
    pub fn new(len: u64, text: &[u8], end: End, count_max: u64) -> Self {
        Self {
            text: text.into(),
            end,
            left: count_max,
            gone_count: 0,
            low: 0,
            high: len,
        }
    }

    /// How many have gone.
    pub fn gone_count(&self) -> u64 {
        self.gone_count
    }

    fn is_over(&self) -> bool {
        self.low >= self.high || self.left == 0
    }
}

/// A list to be changed.
pub struct ListMut<H> {
    elements: ElementsMut<H>,
}

impl<H: Home> From<H> for ListMut<H> {
    #[inline]
    fn from(home: H) -> Self {
        Self {
            elements: ElementsMut::new(home),
        }
    }
}

impl<H: Home> ListMut<H> {
    /// The list as it is now.
    #[inline]
    pub fn read(&self) -> ListRef<'_, H::Store> {
        self.elements.body().into()
    }

    /// How many items there are.
    #[inline]
    pub fn len(&self) -> u64 {
        self.elements.body().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts items at an end one after the other, so that the last one is the outermost.
    #[inline]
    pub fn push<'t>(&mut self, end: End, texts: impl ExactSizeIterator<Item = &'t [u8]> + Clone) {
        let count = texts.len();
        let texts_len = texts.clone().map(<[u8]>::len).sum();
        self.note_growth(count as u64, texts_len);
        // A text has a head of one byte, or of two from 64 bytes on.
        self.elements.reserve(count, texts_len + 2 * count);
        for text in texts {
            self.elements.push(end, &Code::of_text(text));
        }
    }

    /// Removes the item at an end, after `see` has seen it.
    ///
    /// # Panics
    /// If there is none.
    pub fn pop<R>(&mut self, end: End, see: impl FnOnce(Item<'_>) -> R) -> R {
        let mut gone_len = 0;
        let seen = self.elements.pop(end, |element| {
            gone_len = element.bytes().len() + LISTPACK_ITEM_BYTES;
            see(element.key())
        });
        self.note_shrinking(Some(gone_len));
        seen
    }

    /// Removes `count` items from an end. O(log n).
    ///
    /// # Panics
    /// If there are fewer.
    pub fn drop_from(&mut self, end: End, count: u64) {
        let len = self.len();
        self.elements.remove_ranks(match end {
            End::Front => 0..count,
            End::Back => len - count..len,
        });
        self.note_shrinking(None);
    }

    /// Removes all items but those of these ranks. O(log n).
    ///
    /// # Panics
    /// If there are fewer.
    pub fn keep(&mut self, ranks: Range<u64>) {
        let len = self.len();
        if ranks.is_empty() {
            self.elements.remove_ranks(0..len);
            return;
        }
        self.elements.remove_ranks(ranks.end..len);
        self.elements.remove_ranks(0..ranks.start);
        self.note_shrinking(None);
    }

    /// Puts an item in the place of that of a rank.
    ///
    /// # Panics
    /// If there are fewer items.
    pub fn set(&mut self, rank: u64, text: &[u8]) {
        self.note_growth(1, text.len());
        let spot = self.elements.locate_rank(rank);
        self.elements
            .replace(spot, &Element::single(Code::of_text(text)));
        self.note_shrinking(None);
    }

    /// Inserts an item before that of a rank; at the length, after the last one.
    ///
    /// # Panics
    /// If there are fewer items.
    pub fn insert(&mut self, rank: u64, text: &[u8]) {
        self.note_growth(1, text.len());
        let spot = self.elements.locate_rank(rank);
        self.elements
            .insert(spot, &Element::single(Code::of_text(text)));
    }

    /// Goes on with a removal for about `items_max` items; true at its end. The list must be as the
    /// last call left it. O(`items_max`).
    pub fn remove_equal(&mut self, removal: &mut Removal, items_max: u64) -> bool {
        let code = Code::of_text(&removal.text);
        let mut walked = 0;
        let mut has_removed = false;
        while !removal.is_over() && walked < items_max {
            let block = self.elements.elements().ranks_of_block(match removal.end {
                End::Front => removal.low,
                End::Back => removal.high - 1,
            });
            let ranks = block.start.max(removal.low)..block.end.min(removal.high);
            walked += ranks.end - ranks.start;
            let gone_count =
                self.remove_equal_among(ranks.clone(), &code, removal.end, removal.left);
            removal.left -= gone_count;
            removal.gone_count += gone_count;
            has_removed |= gone_count > 0;
            match removal.end {
                End::Front => {
                    removal.low = ranks.end - gone_count;
                    removal.high -= gone_count;
                }
                End::Back => removal.high = ranks.start,
            }
        }
        if has_removed {
            self.note_shrinking(None);
        }
        removal.is_over()
    }

    /// The same for the items of these ranks, which stand in one block.
    fn remove_equal_among(
        &mut self,
        ranks: Range<u64>,
        code: &Code,
        end: End,
        count_max: u64,
    ) -> u64 {
        let count = ranks.end - ranks.start;
        let items = self.elements.elements().from(ranks.start);
        let equal = items
            .take(count as usize)
            .filter(|element| code.is_at(element.bytes()));
        let equal_count = equal.count() as u64;
        if equal_count == 0 {
            return 0;
        }
        if equal_count == count && equal_count <= count_max {
            self.elements.remove_ranks(ranks);
            return count;
        }
        let gone_count = equal_count.min(count_max);
        let gone = match end {
            End::Front => 0..gone_count,
            End::Back => equal_count - gone_count..equal_count,
        };
        let mut seen_count = 0;
        self.elements.remove_where(ranks, |element| {
            if !code.is_at(element.bytes()) {
                return false;
            }
            seen_count += 1;
            gone.contains(&(seen_count - 1))
        })
    }

    /// Notes that `count` items of `texts_len` bytes are about to come.
    #[inline]
    fn note_growth(&mut self, count: u64, texts_len: usize) {
        if self.elements.body().encoding() != Encoding::Outgrown {
            self.note_growth_of_small(count, texts_len);
        }
    }

    #[inline(never)]
    fn note_growth_of_small(&mut self, count: u64, texts_len: usize) {
        let limits = self.elements.limits().list_growing();
        let beside_len = LISTPACK_BESIDE_TEXT_MAX * count as usize;
        if self.len() + count <= limits.items_max
            && self.elements.take_encoding_room(texts_len + beside_len)
        {
            return;
        }
        match Fit::of(&self.elements.elements(), limits, count, texts_len) {
            Fit::Within { room } => {
                let room = room.saturating_sub(beside_len);
                self.elements.note_encoding_room(room);
            }
            Fit::Beyond { .. } => self.elements.set_encoding(Encoding::Outgrown),
        }
    }

    /// Notes that items went, of so many bytes as a listpack would take, if that is known.
    #[inline]
    fn note_shrinking(&mut self, gone_len: Option<usize>) {
        let is_noted = self.elements.body().encoding() == Encoding::Small
            || gone_len.is_some_and(|len| self.elements.take_encoding_room(len));
        if !is_noted {
            self.note_shrinking_of_outgrown();
        }
    }

    #[inline(never)]
    fn note_shrinking_of_outgrown(&mut self) {
        let limits = self.elements.limits().list_shrinking();
        match Fit::of(&self.elements.elements(), limits, 0, 0) {
            Fit::Within { .. } => self.elements.set_encoding(Encoding::Small),
            Fit::Beyond { by } => self.elements.note_encoding_room(by.saturating_sub(1)),
        }
    }
}

/// How a list and so much more compare with limits.
enum Fit {
    /// As many bytes more would still be within them.
    Within { room: usize },
    /// As many bytes at least must go until it can be within them.
    Beyond { by: usize },
}

impl Fit {
    /// O(1) where there are clearly too many items, else O(bytes of the limit).
    fn of<S: BlockStore>(
        elements: &Elements<'_, S>,
        limits: ListLimits,
        more_count: u64,
        more_len: usize,
    ) -> Self {
        let count = elements.len();
        if count + more_count > limits.items_max {
            return Self::Beyond { by: 0 };
        }
        // Each item takes a byte here at least.
        let least_len = count * (1 + LISTPACK_ITEM_BYTES as u64);
        let beside = LISTPACK_HEAD_BYTES + more_len;
        let least = least_len as usize + beside;
        if least > limits.bytes_max {
            let by = least - limits.bytes_max;
            return Self::Beyond { by };
        }
        let elements_max = limits.bytes_max - beside - count as usize * LISTPACK_ITEM_BYTES;
        let elements_len = elements.elements_len(elements_max);
        match elements_max.checked_sub(elements_len) {
            Some(room) => Self::Within { room },
            None => Self::Beyond {
                by: elements_len - elements_max,
            },
        }
    }
}
