//! Changes to a packed block, within the bytes it has.
//!
//! ```text
//!  insert, back     [ a b c d      │tail ]  ─▶  [ a b X c d   │tail′]
//!  insert, front    [     a b c    │tail ]  ─▶  [   X a b c   │tail′]     lists, index 0
//!  slide            [ a b c        │tail ]  ─▶  [    a b c    │tail ]     lists, to make room there
//! ```
//!
//! Cost: an insert or a removal moves the elements after it and walks them to note their skips
//! again; at the end of a block, and at both ends of a list, it moves nothing.
//!
//! Not here: more bytes for a block (its owner copies it, [`BlockMut::copy`]).

use super::{
    Block, Element, FLAG_DEADLINES, FLAG_TAGS, FLAG_TAIL, GROUP, HashOf, LIST_HEAD_BYTES,
    OFFSET_COUNT, OFFSET_END, OFFSET_PHASE, OFFSET_START, OWNER_SHIFT, Position, SKIP_BYTES, Shape,
    TAIL_COUNT_MIN, TAILED_BYTES_MAX, TAILLESS_COUNT_MAX, element::element_len,
};
use crate::structures::item::DEADLINE_MARK;

/// A block to be changed.
pub struct BlockMut<'a> {
    bytes: &'a mut [u8],
}

impl<'a> BlockMut<'a> {
    /// Changes the block that fills `bytes`.
    #[inline]
    pub fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes }
    }

    /// Makes `bytes` an empty block that is going to have about `count` elements: with more than
    /// sixteen it has its tail from the first one on. `is_tagged` asks for tags; lists have none.
    ///
    /// # Panics
    /// If `bytes` is shorter than [`Block::empty_len`].
    pub fn create(bytes: &'a mut [u8], shape: Shape, is_tagged: bool, count: usize) -> Self {
        assert!(!(is_tagged && shape == Shape::List), "lists have no tags");
        let head_len = Block::empty_len(shape);
        bytes[..head_len].fill(0);
        bytes[0] = shape.bits();
        if is_tagged {
            bytes[0] |= FLAG_TAGS;
        }
        let mut block = Self { bytes };
        if count > TAILLESS_COUNT_MAX && block.bytes.len() <= TAILED_BYTES_MAX {
            block.set_tail(true);
        }
        block.set_end(head_len);
        if shape == Shape::List {
            block.set_start(head_len);
        }
        block
    }

    /// Makes `bytes` a block with the elements of `source` and, for a list, `front_room` free bytes
    /// before them.
    ///
    /// # Panics
    /// If it does not fit.
    pub fn copy(bytes: &'a mut [u8], source: Block, front_room: usize) -> Self {
        let head_len = Block::empty_len(source.shape());
        let keeps_tail = bytes.len() <= TAILED_BYTES_MAX;
        let tail_len = if keeps_tail { source.tail_len() } else { 0 };
        let start = head_len + front_room;
        let end = start + source.elements_len();
        assert!(end + tail_len <= bytes.len(), "a copy has room for all");
        bytes[..head_len].copy_from_slice(&source.bytes[..head_len]);
        bytes[start..end].copy_from_slice(&source.bytes[source.start()..source.end()]);
        let tail_start = bytes.len() - tail_len;
        bytes[tail_start..].copy_from_slice(&source.bytes[source.bytes.len() - tail_len..]);
        let mut block = Self { bytes };
        block.set_end(end);
        if !keeps_tail {
            block.set_tail(false);
        }
        if source.shape() == Shape::List {
            block.set_start(start);
            block.move_skips(start as isize - source.start() as isize);
        } else {
            assert!(front_room == 0, "only lists have room in front");
        }
        block
    }

    /// The block as it is now.
    #[inline]
    pub fn block(&self) -> Block<'_> {
        Block::new(self.bytes)
    }

    /// Sets the three bits that mean what the owner wants.
    pub fn set_owner_bits(&mut self, bits: u8) {
        let others = self.bytes[0] & !(0xff << OWNER_SHIFT);
        self.bytes[0] = others | bits << OWNER_SHIFT;
    }

    /// Whether another element of `len` bytes fits.
    #[inline]
    pub fn has_room(&self, len: usize) -> bool {
        self.block().grown_len(len) <= self.bytes.len()
    }

    /// Inserts `element` before the one at `place`, or at the end. `tag` is the low byte of its key's
    /// hash; `hash` is asked for all elements when the block becomes large enough for tags.
    ///
    /// # Panics
    /// If there is no room, or the element is none of this shape.
    pub fn insert(&mut self, place: Position, element: &Element, tag: u8, hash: HashOf) {
        let len = element.byte_len();
        assert!(element.fits(self.block().shape()), "a foreign element");
        assert!(self.has_room(len), "an element needs room");
        if element.deadline().is_some() {
            self.bytes[0] |= FLAG_DEADLINES;
        }
        let (gap, is_front) = self.open(place, len);
        element.write(&mut self.bytes[gap..]);
        self.note_insert(place.index, gap, tag, is_front);
        self.follow_count(hash);
    }

    /// Appends an element of another block of this shape, whose tag is known. The block must have
    /// been created for as many elements as it gets, or it has no tail.
    ///
    /// # Panics
    /// If there is no room.
    pub fn push(&mut self, element: &[u8], tag: u8) {
        assert!(self.has_room(element.len()), "an element needs room");
        let block = self.block();
        let place = block.position(block.count());
        let end = place.offset + element.len();
        if block.shape() == Shape::Map && element[0] == DEADLINE_MARK {
            self.bytes[0] |= FLAG_DEADLINES;
        }
        self.bytes[place.offset..end].copy_from_slice(element);
        self.set_end(end);
        self.note_insert(place.index, place.offset, tag, false);
    }

    /// Removes the element at `place`.
    pub fn remove(&mut self, place: Position) {
        let following = self.block().following(place);
        self.remove_range(place, following);
    }

    /// Removes the elements from `from` up to the one at `to`.
    ///
    /// # Panics
    /// If `to` stands before `from`.
    pub fn remove_range(&mut self, from: Position, to: Position) {
        assert!(from.index <= to.index, "a range has a beginning and an end");
        let block = self.block();
        let (shape, end) = (block.shape(), block.end());
        let is_front = shape == Shape::List && from.index == 0;
        if is_front {
            self.set_start(to.offset);
        } else {
            self.bytes.copy_within(to.offset..end, from.offset);
            self.set_end(end - (to.offset - from.offset));
        }
        self.note_removal(from.index, to.index, is_front);
        let block = self.block();
        if block.has_tail() && block.count() <= TAIL_COUNT_MIN {
            self.set_tail(false);
        }
        if is_front && self.block().count() == 0 {
            self.set_start(LIST_HEAD_BYTES);
            self.set_end(LIST_HEAD_BYTES);
        }
    }

    /// Writes `element` over the one at `place`, which has the same key and the same length.
    ///
    /// # Panics
    /// If its length is another.
    pub fn overwrite(&mut self, place: Position, element: &Element) {
        let old_len = self.block().element(place).bytes().len();
        assert!(
            element.byte_len() == old_len,
            "only equal lengths overwrite"
        );
        if element.deadline().is_some() {
            self.bytes[0] |= FLAG_DEADLINES;
        }
        element.write(&mut self.bytes[place.offset..]);
    }

    /// Opens a gap of `len` bytes at `place`; where it begins, and whether the elements before it
    /// moved instead of those after it.
    fn open(&mut self, place: Position, len: usize) -> (usize, bool) {
        let block = self.block();
        let (start, end) = (block.start(), block.end());
        let back_limit = self.bytes.len() - block.tail_len() - block.tail_growth();
        if block.shape() != Shape::List {
            self.bytes
                .copy_within(place.offset..end, place.offset + len);
            self.set_end(end + len);
            return (place.offset, false);
        }
        let is_front = place.index == 0;
        let front_room = start - LIST_HEAD_BYTES;
        if is_front && front_room >= len && end <= back_limit {
            self.set_start(start - len);
            return (start - len, true);
        }
        if !is_front && end + len <= back_limit {
            self.bytes
                .copy_within(place.offset..end, place.offset + len);
            self.set_end(end + len);
            return (place.offset, false);
        }
        // What is free besides the element is shared out, so that ends that grow in turn don't slide
        // each time.
        let spare = (front_room + back_limit - end - len) / 2;
        let new_start = LIST_HEAD_BYTES + spare + if is_front { len } else { 0 };
        let delta = new_start as isize - start as isize;
        self.bytes.copy_within(start..end, new_start);
        self.set_start(new_start);
        self.set_end(end.wrapping_add_signed(delta));
        self.move_skips(delta);
        let moved = Position {
            index: place.index,
            offset: place.offset.wrapping_add_signed(delta),
        };
        self.open(moved, len)
    }

    /// Makes the tail right after an element came to stand at `index`, `gap` bytes into the block.
    fn note_insert(&mut self, index: usize, gap: usize, tag: u8, is_front: bool) {
        let block = self.block();
        let (count, skips, phase) = (block.count(), block.skip_count(), block.phase());
        let has_tail = block.has_tail();
        self.set_count(count + 1);
        if !has_tail {
            return;
        }
        let capacity = self.bytes.len();
        if self.block().is_tagged() {
            let from = capacity - count - SKIP_BYTES * skips;
            self.bytes.copy_within(from..capacity - index, from - 1);
            self.bytes[capacity - 1 - index] = tag;
        }
        if is_front {
            self.set_phase((phase + 1) % GROUP);
            if phase + 1 == GROUP {
                let from = capacity - SKIP_BYTES * skips;
                self.bytes.copy_within(from.., from - SKIP_BYTES);
                self.set_skip(0, gap);
            }
        } else if index < count {
            self.note_skips(index);
        } else if index >= phase && (index - phase).is_multiple_of(GROUP) {
            self.set_skip(skips, gap);
        }
    }

    /// Makes the tail right after the elements from index `from` up to `to` went.
    fn note_removal(&mut self, from: usize, to: usize, is_front: bool) {
        let block = self.block();
        let (count, skips, phase) = (block.count(), block.skip_count(), block.phase());
        let (has_tail, is_tagged) = (block.has_tail(), block.is_tagged());
        let removed = to - from;
        let capacity = self.bytes.len();
        if has_tail && is_tagged {
            let tail = capacity - count - SKIP_BYTES * skips;
            self.bytes.copy_within(tail..capacity - to, tail + removed);
        }
        self.set_count(count - removed);
        if !has_tail {
            return;
        }
        if is_front {
            let gone = to.saturating_sub(phase).div_ceil(GROUP).min(skips);
            let tail = capacity - SKIP_BYTES * skips;
            self.bytes
                .copy_within(tail..capacity - SKIP_BYTES * gone, tail + SKIP_BYTES * gone);
            self.set_phase((phase + GROUP * gone).saturating_sub(to));
        } else if from < count - removed {
            self.note_skips(from);
        }
    }

    /// Notes the skips of all elements from `index` on again. Those before it are right.
    fn note_skips(&mut self, index: usize) {
        let block = self.block();
        let (shape, count, phase) = (block.shape(), block.count(), block.phase());
        let start = block.start();
        // The skip of the group that `index` is in stays right: what came or went is not before it.
        let (mut at, mut offset) = match index.saturating_sub(phase) / GROUP {
            0 => (0, start),
            group => (phase + group * GROUP, block.skip(group)),
        };
        while at < count {
            if at >= phase && (at - phase).is_multiple_of(GROUP) {
                self.set_skip((at - phase) / GROUP, offset);
            }
            offset += element_len(shape, &self.bytes[offset..]);
            at += 1;
        }
    }

    /// Makes the tail when there are enough elements for one, unless skips can't reach them all.
    fn follow_count(&mut self, hash: HashOf) {
        let block = self.block();
        let (count, is_tagged) = (block.count(), block.is_tagged());
        let capacity = self.bytes.len();
        if block.has_tail() || count <= TAILLESS_COUNT_MAX || capacity > TAILED_BYTES_MAX {
            return;
        }
        let mut position = block.position(0);
        while is_tagged && position.index < count {
            let tag = Block::tag_of(self.block().element(position), hash);
            self.bytes[capacity - 1 - position.index] = tag;
            position = self.block().following(position);
        }
        self.set_tail(true);
        self.note_skips(0);
    }

    fn set_tail(&mut self, has_tail: bool) {
        if has_tail {
            self.bytes[0] |= FLAG_TAIL;
        } else {
            self.bytes[0] &= !FLAG_TAIL;
            self.set_phase(0);
        }
    }

    #[inline]
    fn set_u16(&mut self, offset: usize, value: usize) {
        let value = u16::try_from(value).expect("counts and offsets of a block fit 16 bits");
        self.bytes[offset..offset + 2].copy_from_slice(&value.to_le_bytes());
    }

    #[inline]
    fn set_count(&mut self, count: usize) {
        self.set_u16(OFFSET_COUNT, count);
    }

    #[inline]
    fn set_start(&mut self, start: usize) {
        self.set_u16(OFFSET_START, start);
    }

    #[inline]
    fn set_end(&mut self, end: usize) {
        let end = u32::try_from(end).expect("blocks are shorter than 4 GiB");
        self.bytes[OFFSET_END..OFFSET_END + 4].copy_from_slice(&end.to_le_bytes());
    }

    #[inline]
    fn set_phase(&mut self, phase: usize) {
        self.bytes[OFFSET_PHASE] = phase as u8;
    }

    #[inline]
    fn set_skip(&mut self, skip: usize, offset: usize) {
        let place = self.block().skip_place(skip);
        self.set_u16(place, offset);
    }

    fn move_skips(&mut self, delta: isize) {
        if !self.block().has_tail() || delta == 0 {
            return;
        }
        for skip in 0..self.block().skip_count() {
            let offset = self.block().skip(skip);
            self.set_skip(skip, offset.wrapping_add_signed(delta));
        }
    }
}
