//! The packed block: the elements of a small collection, or of one leaf of a large one, in a row.
//!
//! ```text
//!  byte 0      1       2…3    4…7   8…9      10                                        capacity
//!  ┌──────────┬───────┬──────┬─────┬────────┬───────┬────────┬────────┬──────────────┬──────┐
//!  │ shape,   │groups │count │ end │ start  │ phase │ tags   │ skips  │ elements …   │ free │
//!  │ flags    │       │      │     │  lists only    │ 16 each│ 2 each │              │      │
//!  └──────────┴───────┴──────┴─────┴────────┴───────┴────────┴────────┴──────────────┴──────┘
//!  flags    bits 0–1 shape; 2 tags are kept once it is large; 4 may have deadlines;
//!           5–7 for whoever owns the block
//!  element  set: member · map: [deadline] key value · scored: score member · list: item
//!  index    from 17 elements on, for each group of sixteen: one byte of the hash of each element,
//!           and the offset of its first one. Groups begin with element `phase`
//! ```
//!
//! A lookup compares sixteen tags at once, and walks at most fifteen elements from the nearest
//! skip. Without an index it walks. The tags stand next to the head, so that a lookup that misses
//! the cache misses it twice: there, and at the element. Blocks keep the order in which elements
//! were inserted, which for [`Shape::Scored`] is that of the scores. A list's free bytes may stand
//! before its first element too, so that both of its ends grow and shrink in place.
//!
//! Invariants ([`Block::check`]):
//! 1. `count` elements fill `start…end` exactly, after the index and within the capacity.
//! 2. Skips are the offsets of their elements; tags are the low bytes of their elements' hashes.
//! 3. Scored elements are ordered by score, then text of the member, without repetition.
//! 4. A block with an index has at least 13 elements, at most 4,080, and at most 64 KiB; one that
//!    has more than 16 and no index is as large as that, and only walked.
//!
//! Cost: 8 bytes a block, 11 for lists; 1.13 bytes an element beside its items, without tags 0.13.
//!
//! Not here: integers alone (`integers.rs`), blocks in their order (`structures/block_tree`), how
//! blocks get their memory.

mod check;
mod edit;
mod element;
pub mod integers;
mod run;
#[cfg(test)]
mod tests;

pub use check::BadBlock;
pub use edit::BlockMut;
pub use element::{Element, ElementRef, Shape};
pub use run::{Run, digest};

use super::item::{self, Code, Item, score_order};
use crate::base::prefetch::prefetch;
use element::{element_end, elements_end, key_offset};
use std::cmp::Ordering;

/// Elements from one skip to the next, and how many tags are compared at once.
const GROUP: usize = 16;

/// Elements that a block without an index has at most …
const PLAIN_COUNT_MAX: usize = GROUP;

/// … and how few it must have for its index to go again: not as many, so that one element that
/// comes and goes does not make and drop it each time.
const INDEXED_COUNT_MIN: usize = 12;

/// Bytes of a line of the processor's cache, on nearly all of them.
const LINE_BYTES: usize = 64;

/// How much is asked for ahead from a skip on: sixteen short elements.
const PREFETCH_BYTES: usize = 5 * LINE_BYTES;

/// How much is asked for ahead of an insertion: as much as a leaf has at most.
const INSERT_PREFETCH_BYTES: usize = 16 * LINE_BYTES;

/// Longest block with an index: its skips are 16 bits wide …
const INDEXED_BYTES_MAX: usize = 1 << 16;

/// … and its groups are counted in 8.
const INDEXED_COUNT_MAX: usize = GROUP * u8::MAX as usize;

const SKIP_BYTES: usize = 2;

const HEAD_BYTES: usize = 8;
const LIST_HEAD_BYTES: usize = 11;

const SHAPE_MASK: u8 = 0b11;
const FLAG_TAGS: u8 = 1 << 2;
const FLAG_DEADLINES: u8 = 1 << 4;
const OWNER_SHIFT: u32 = 5;

const OFFSET_GROUPS: usize = 1;
const OFFSET_COUNT: usize = 2;
const OFFSET_END: usize = 4;
const OFFSET_START: usize = 8;
const OFFSET_PHASE: usize = 10;

/// Bytes of the index for each group.
#[inline]
const fn group_bytes(is_tagged: bool) -> usize {
    SKIP_BYTES + if is_tagged { GROUP } else { 0 }
}

/// Groups of a block of so many bytes with `count` elements, `phase` of them before the first
/// group.
#[inline]
fn groups_of(capacity: usize, count: usize, phase: usize) -> usize {
    if capacity > INDEXED_BYTES_MAX || count > INDEXED_COUNT_MAX {
        return 0;
    }
    count.saturating_sub(phase).div_ceil(GROUP).max(1)
}

/// The hash of an element's key, of which the lowest byte is its tag.
pub type HashOf<'h> = &'h dyn Fn(&[u8]) -> u64;

/// Where an element stands: its index, and its offset in the block. Any change makes it stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Elements before it.
    pub index: usize,
    /// Bytes before it.
    pub offset: usize,
}

/// A block to be read: well-formed bytes, made by [`BlockMut`] or accepted by [`Block::check`].
#[derive(Clone, Copy)]
pub struct Block<'a> {
    bytes: &'a [u8],
}

impl<'a> Block<'a> {
    /// Reads a block that fills `bytes`.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// What an empty block of a shape takes.
    pub const fn empty_len(shape: Shape) -> usize {
        match shape {
            Shape::List => LIST_HEAD_BYTES,
            Shape::Set | Shape::Map | Shape::Scored => HEAD_BYTES,
        }
    }

    /// The bytes that it fills, as they are.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// What its elements are.
    #[inline]
    pub fn shape(&self) -> Shape {
        Shape::from_bits(self.bytes[0] & SHAPE_MASK)
    }

    /// How many elements there are.
    #[inline]
    pub fn count(&self) -> usize {
        usize::from(self.u16_at(OFFSET_COUNT))
    }

    /// Bytes it may use in all.
    pub fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it keeps tags once it is large enough for them.
    #[inline]
    pub fn is_tagged(&self) -> bool {
        self.bytes[0] & FLAG_TAGS != 0
    }

    /// Whether an element may have a deadline.
    pub fn may_have_deadlines(&self) -> bool {
        self.bytes[0] & FLAG_DEADLINES != 0
    }

    /// Three bits that mean what the block's owner wants.
    pub fn owner_bits(&self) -> u8 {
        self.bytes[0] >> OWNER_SHIFT
    }

    /// Groups that its index has room for; none if it has no index.
    #[inline]
    fn groups(&self) -> usize {
        usize::from(self.bytes[OFFSET_GROUPS])
    }

    #[inline]
    fn is_indexed(&self) -> bool {
        self.groups() > 0
    }

    /// Whether keys are found by the tags of an index, so that the tag of one must be known.
    #[inline]
    pub fn has_index(&self) -> bool {
        self.is_indexed() && self.is_tagged()
    }

    /// Elements before the first one that has a skip.
    #[inline]
    fn phase(&self) -> usize {
        match self.shape() {
            Shape::List => usize::from(self.bytes[OFFSET_PHASE]),
            Shape::Set | Shape::Map | Shape::Scored => 0,
        }
    }

    /// Where the index ends: the first byte that elements may take.
    #[inline]
    fn base(&self) -> usize {
        Self::empty_len(self.shape()) + self.groups() * group_bytes(self.is_tagged())
    }

    /// Where the first element begins.
    #[inline]
    fn start(&self) -> usize {
        match self.shape() {
            Shape::List => usize::from(self.u16_at(OFFSET_START)),
            Shape::Set | Shape::Map | Shape::Scored => self.base(),
        }
    }

    /// Where the last element ends.
    #[inline]
    fn end(&self) -> usize {
        let field = &self.bytes[OFFSET_END..OFFSET_END + 4];
        u32::from_le_bytes(field.try_into().expect("four bytes were taken")) as usize
    }

    #[inline]
    fn u16_at(&self, offset: usize) -> u16 {
        u16::from_le_bytes([self.bytes[offset], self.bytes[offset + 1]])
    }

    /// Skips that it has: groups with an element.
    #[inline]
    fn skip_count(&self) -> usize {
        self.count().saturating_sub(self.phase()).div_ceil(GROUP)
    }

    /// Groups that begin with the element at `index` or before it.
    #[inline]
    fn groups_to(&self, index: usize) -> usize {
        match index.checked_sub(self.phase()) {
            None => 0,
            Some(after) => after / GROUP + 1,
        }
    }

    #[inline]
    fn skips_place(&self) -> usize {
        let tags = if self.is_tagged() {
            self.groups() * GROUP
        } else {
            0
        };
        Self::empty_len(self.shape()) + tags
    }

    #[inline]
    fn skip(&self, group: usize) -> usize {
        usize::from(self.u16_at(self.skips_place() + group * SKIP_BYTES))
    }

    #[inline]
    fn tag(&self, index: usize) -> u8 {
        self.bytes[HEAD_BYTES + index]
    }

    /// Bytes of all elements.
    #[inline]
    pub fn elements_len(&self) -> usize {
        self.end() - self.start()
    }

    /// What it could be shrunk to: bytes of head, elements, and as much of an index as they need.
    #[inline]
    pub fn used_len(&self) -> usize {
        let groups = if self.is_indexed() {
            groups_of(self.bytes.len(), self.count(), self.phase())
        } else {
            0
        };
        let index_len = groups * group_bytes(self.is_tagged());
        Self::empty_len(self.shape()) + index_len + self.elements_len()
    }

    /// What it must have for one more element of `len` bytes, wherever that is inserted.
    #[inline]
    pub fn grown_len(&self, len: usize) -> usize {
        self.len_with(self.grown_groups(), len)
    }

    /// What it must have for an index of so many groups and one more element of `len` bytes.
    #[inline]
    fn len_with(&self, groups: usize, len: usize) -> usize {
        let index_len = groups * group_bytes(self.is_tagged());
        Self::empty_len(self.shape()) + index_len + self.elements_len() + len
    }

    /// Groups that it must have room for before one more element is inserted; none if it then has
    /// too many elements for an index.
    #[inline]
    fn grown_groups(&self) -> usize {
        let count = self.count() + 1;
        let groups = self.groups();
        if groups == 0 && count <= PLAIN_COUNT_MAX {
            return 0;
        }
        // In front of a list it gets a skip when it is the sixteenth before the first one.
        let is_due = self.phase() == GROUP - 1;
        let phase = if is_due { 0 } else { self.phase() };
        match groups_of(self.bytes.len(), count, phase) {
            0 => 0,
            wanted => wanted.max(groups),
        }
    }

    /// Bytes of a block of `count` elements that take `elements_len`.
    pub fn len_of(shape: Shape, is_tagged: bool, count: usize, elements_len: usize) -> usize {
        let groups = if count > PLAIN_COUNT_MAX {
            groups_of(elements_len, count, 0)
        } else {
            0
        };
        Self::empty_len(shape) + groups * group_bytes(is_tagged) + elements_len
    }

    /// The nearest known element that does not stand after `index`.
    #[inline]
    fn nearest(&self, index: usize) -> Position {
        let phase = self.phase();
        if !self.is_indexed() || index < phase {
            return Position {
                index: 0,
                offset: self.start(),
            };
        }
        // The end itself has no skip, though it may be where one would be due.
        let group = ((index - phase) / GROUP).min(self.skip_count() - 1);
        Position {
            index: phase + group * GROUP,
            offset: self.skip(group),
        }
    }

    /// Where element `index` begins, or where the elements end if it is their count. O(16) steps of
    /// a walk.
    #[inline]
    pub fn position(&self, index: usize) -> Position {
        if index == self.count() {
            return Position {
                index,
                offset: self.end(),
            };
        }
        let nearest = self.nearest(index);
        let walked = index - nearest.index;
        Position {
            index,
            offset: elements_end(self.shape(), self.bytes, nearest.offset, walked),
        }
    }

    /// Where the element after the one at `position` begins.
    #[inline]
    pub fn following(&self, position: Position) -> Position {
        Position {
            index: position.index + 1,
            offset: element_end(self.shape(), self.bytes, position.offset),
        }
    }

    /// The element at `position`.
    #[inline]
    pub fn element(&self, position: Position) -> ElementRef<'a> {
        ElementRef::new(self.shape(), &self.bytes[position.offset..])
    }

    /// The element at `index`, if there are as many.
    pub fn get(&self, index: usize) -> Option<ElementRef<'a>> {
        (index < self.count()).then(|| self.element(self.position(index)))
    }

    /// All elements from `index` on, with their positions.
    pub fn from(&self, index: usize) -> impl Iterator<Item = (Position, ElementRef<'a>)> + use<'a> {
        let block = *self;
        let mut next = block.position(index.min(block.count()));
        std::iter::from_fn(move || {
            if next.index == block.count() {
                return None;
            }
            let position = next;
            let element = block.element(position);
            next = Position {
                index: position.index + 1,
                offset: position.offset + element.bytes().len(),
            };
            Some((position, element))
        })
    }

    /// All elements in order.
    pub fn elements(&self) -> impl Iterator<Item = ElementRef<'a>> + use<'a> {
        self.from(0).map(|(_, element)| element)
    }

    /// The elements before `index`, the last one first. Walks each group of sixteen twice.
    pub fn back_from(&self, index: usize) -> impl Iterator<Item = ElementRef<'a>> + use<'a> {
        let block = *self;
        let mut offsets = [0; GROUP];
        let mut known = 0;
        let mut left = index.min(block.count());
        std::iter::from_fn(move || {
            if known == 0 {
                if left == 0 {
                    return None;
                }
                let first = block.nearest(left - 1).index;
                let mut position = block.position(first.max(left.saturating_sub(GROUP)));
                while position.index < left {
                    offsets[known] = position.offset;
                    known += 1;
                    position = block.following(position);
                }
                left -= known;
            }
            known -= 1;
            Some(ElementRef::new(
                block.shape(),
                &block.bytes[offsets[known]..],
            ))
        })
    }

    /// Finds the element whose key is `key`, whose hash has `tag` as its low byte. About one
    /// element in 256 is compared in vain. O(count / 16), or O(count) steps of a walk where there
    /// are no tags.
    #[inline]
    pub fn find(&self, key: &Code, tag: u8) -> Option<Position> {
        if self.is_indexed() && self.is_tagged() {
            return self.find_by_tag(key, tag);
        }
        let bytes = self.bytes;
        match self.shape() {
            Shape::Set | Shape::List => self.find_by_walk(key, |offset| offset, |end| end),
            Shape::Map if self.may_have_deadlines() => self.find_by_walk(
                key,
                |offset| offset + key_offset(Shape::Map, &bytes[offset..]),
                |key_end| item::end_at(bytes, key_end),
            ),
            Shape::Map => {
                self.find_by_walk(key, |offset| offset, |key_end| item::end_at(bytes, key_end))
            }
            Shape::Scored => {
                self.find_by_walk(key, |offset| item::end_at(bytes, offset), |end| end)
            }
        }
    }

    /// Finds a key among elements whose keys begin where `key_of` says, and which end where
    /// `end_of` says of the end of a key. One loop for each shape, so that none asks for the shape.
    #[inline(always)]
    fn find_by_walk(
        &self,
        key: &Code,
        key_of: impl Fn(usize) -> usize,
        end_of: impl Fn(usize) -> usize,
    ) -> Option<Position> {
        let sought = key.sought();
        let mut offset = self.start();
        for index in 0..self.count() {
            let key_start = key_of(offset);
            if sought.is_at(self.bytes, key_start) {
                return Some(Position { index, offset });
            }
            offset = end_of(item::end_at(self.bytes, key_start));
        }
        None
    }

    /// Asks for the lines in which a search for a key with this tag is going to walk, if the block
    /// has an index, which must be in the cache. False if no element has the tag.
    #[inline]
    pub fn prefetch_candidate(&self, tag: u8) -> bool {
        if !self.has_index() {
            return true;
        }
        let count = self.count();
        for first in (0..count).step_by(GROUP) {
            if self.tags_equal(first, tag) != 0 {
                self.prefetch_group(first / GROUP);
                return true;
            }
        }
        false
    }

    /// Asks for the lines that inserting an element of `len` bytes at the end is going to touch:
    /// those at the end or, where there is no room and all elements are going to be copied, all.
    #[inline]
    pub fn prefetch_insert(&self, len: usize) {
        let has_room = self.grown_len(len) <= self.bytes.len();
        let (start, len) = match has_room {
            true => (self.end(), len),
            false => (self.start(), self.elements_len()),
        };
        let end = (start + len.min(INSERT_PREFETCH_BYTES)).min(self.bytes.len());
        let lines = self.bytes[start..end].chunks(LINE_BYTES);
        lines.for_each(|line| prefetch(line.as_ptr()));
    }

    /// Asks for the lines in which a search by score is going to walk, if the block has an index,
    /// which must be in the cache. The first elements of its groups are read; no branch depends on
    /// them, so that the processor need not wait for those of one search to begin the next.
    #[inline]
    pub fn prefetch_scored(&self, order: u64) {
        let after_first = 1..self.skip_count().min(self.groups());
        let is_up_to = |group| item::score_order_at(&self.bytes[self.skip(group)..]) <= order;
        let group = after_first.map(|group| usize::from(is_up_to(group))).sum();
        if self.is_indexed() {
            self.prefetch_group(group);
        }
    }

    /// Asks for the lines of a group of short elements.
    #[inline]
    fn prefetch_group(&self, group: usize) {
        let skip = self.skip(group);
        let end = (skip + PREFETCH_BYTES).min(self.bytes.len());
        let lines = self.bytes[skip..end].chunks(LINE_BYTES);
        lines.for_each(|line| prefetch(line.as_ptr()));
    }

    fn find_by_tag(&self, key: &Code, tag: u8) -> Option<Position> {
        let shape = self.shape();
        let count = self.count();
        for first in (0..count).step_by(GROUP) {
            let mut matches = self.tags_equal(first, tag);
            while matches != 0 {
                let index = first + (matches.trailing_zeros() / 8) as usize;
                if index >= count {
                    return None;
                }
                matches &= matches - 1;
                let position = self.position(index);
                let bytes = &self.bytes[position.offset..];
                if key.is_at(&bytes[key_offset(shape, bytes)..]) {
                    return Some(position);
                }
            }
        }
        None
    }

    /// The elements from `first` on, of sixteen, whose tag is `tag`: the high bits of their bytes.
    /// What stands after the last element may seem to be one.
    #[inline]
    fn tags_equal(&self, first: usize, tag: u8) -> u128 {
        const EVERY_BYTE: u128 = u128::from_le_bytes([1; GROUP]);
        const LOW_BITS: u128 = EVERY_BYTE * 0x7f;
        let start = HEAD_BYTES + first;
        let group = &self.bytes[start..start + GROUP];
        let tags = u128::from_le_bytes(group.try_into().expect("sixteen bytes were taken"));
        let difference = tags ^ (EVERY_BYTE * u128::from(tag));
        let nonzero = ((difference & LOW_BITS) + LOW_BITS) | difference | LOW_BITS;
        !nonzero
    }

    /// Where (`score`, `member`) stands or would be inserted among scored elements, and whether it
    /// stands there. O(log(count / 16)) comparisons and at most sixteen more.
    pub fn find_scored(&self, score: f64, member: Item) -> (Position, bool) {
        self.partition(score_order(score), |element| element.key().cmp_text(member))
    }

    /// The first scored element that is not less, and whether it is equal: by the order of its
    /// score, and where that is `order` by `compare`, by which elements of one score must stand.
    pub fn partition(
        &self,
        order: u64,
        compare: impl Fn(ElementRef) -> Ordering,
    ) -> (Position, bool) {
        let (mut index, mut offset) = (0, self.start());
        if self.is_indexed() {
            let (mut low, mut high) = (0, self.skip_count());
            while high - low > 1 {
                let middle = low + (high - low) / 2;
                match self.compare_at(self.skip(middle), order, &compare) {
                    Ordering::Greater => high = middle,
                    Ordering::Less | Ordering::Equal => low = middle,
                }
            }
            (index, offset) = (low * GROUP, self.skip(low));
        }
        let count = self.count();
        while index < count {
            match self.compare_at(offset, order, &compare) {
                Ordering::Less => offset = item::end_of(self.bytes, offset, 2),
                Ordering::Equal => return (Position { index, offset }, true),
                Ordering::Greater => break,
            }
            index += 1;
        }
        (Position { index, offset }, false)
    }

    /// How the scored element at `offset` stands to `order`, and where that is its own as `compare`
    /// says.
    #[inline(always)] // Into the search, which asks of ten elements.
    fn compare_at(
        &self,
        offset: usize,
        order: u64,
        compare: impl Fn(ElementRef) -> Ordering,
    ) -> Ordering {
        let bytes = &self.bytes[offset..];
        match item::score_order_at(bytes).cmp(&order) {
            Ordering::Equal => compare(ElementRef::new(Shape::Scored, bytes)),
            unequal => unequal,
        }
    }

    /// The least deadline of its elements. O(count) if there may be any.
    pub fn least_deadline(&self) -> Option<u64> {
        if !self.may_have_deadlines() {
            return None;
        }
        self.elements()
            .filter_map(|element| element.deadline())
            .min()
    }

    /// The element's tag: the low byte of the hash of its key.
    fn tag_of(element: ElementRef, hash: HashOf) -> u8 {
        hash(item::hashed_part(element.key_bytes())) as u8
    }
}
