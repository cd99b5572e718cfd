//! Changes to a packed block, within the bytes it has.
//!
//! ```text
//!  insert, back     [ index │ a b c d        ]  ─▶  [ index │ a b X c d   ]
//!  insert, front    [ index │     a b c      ]  ─▶  [ index │   X a b c   ]     lists, before all
//!  slide            [ index │ a b c          ]  ─▶  [ index │     a b c   ]     lists, to make room there
//!  another group    [ index │ a b c          ]  ─▶  [ larger index │ a b c ]
//! ```
//!
//! Cost: an insert or a removal moves the elements after it and walks them to note their skips
//! again; at the end of a block, and at both ends of a list, it moves nothing. Every sixteenth
//! insert moves all elements to make room in the index. Whatever changes in length but not in place
//! moves what stands after it and adds a number to each skip.
//!
//! Not here: more bytes for a block (its owner copies it, [`BlockMut::copy`]).

use super::element::{self, element_end, elements_end};
use super::{
    Block, Element, ElementRef, FLAG_DEADLINES, FLAG_TAGS, GROUP, HEAD_BYTES, HashOf,
    INDEXED_COUNT_MIN, OFFSET_COUNT, OFFSET_END, OFFSET_GROUPS, OFFSET_PHASE, OFFSET_START,
    OWNER_SHIFT, PLAIN_COUNT_MAX, Position, Run, SKIP_BYTES, Shape, groups_of,
};
use crate::structures::item::{self, DEADLINE_MARK};
use std::ops::Range;

/// Where a list may start at most: it says so in 16 bits.
const START_MAX: usize = u16::MAX as usize;

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
    /// sixteen it has its index from the first one on. `is_tagged` asks for tags; lists have none.
    ///
    /// # Panics
    /// If `bytes` is too short for head and index.
    pub fn create(bytes: &'a mut [u8], shape: Shape, is_tagged: bool, count: usize) -> Self {
        assert!(!(is_tagged && shape == Shape::List), "lists have no tags");
        bytes[..Block::empty_len(shape)].fill(0);
        bytes[0] = shape.bits();
        if is_tagged {
            bytes[0] |= FLAG_TAGS;
        }
        if count > PLAIN_COUNT_MAX {
            bytes[OFFSET_GROUPS] = groups_of(bytes.len(), count, 0) as u8;
        }
        let mut block = Self { bytes };
        let base = block.block().base();
        assert!(base <= block.bytes.len(), "an index needs room");
        block.set_start(base);
        block.set_end(base);
        block
    }

    /// Makes `bytes` a block with the elements of `source` and, for a list, `front_room` free bytes
    /// before them.
    ///
    /// # Panics
    /// If it does not fit.
    pub fn copy(bytes: &'a mut [u8], source: Block, front_room: usize) -> Self {
        let is_list = source.shape() == Shape::List;
        assert!(front_room == 0 || is_list, "only lists have room in front");
        let head_len = Block::empty_len(source.shape());
        bytes[..head_len].copy_from_slice(&source.bytes[..head_len]);
        if source.is_indexed() {
            bytes[OFFSET_GROUPS] = groups_of(bytes.len(), source.count(), source.phase()) as u8;
        }
        let mut block = Self { bytes };
        let (base, groups) = (block.block().base(), block.block().groups());
        let start = base + front_room;
        let end = start + source.elements_len();
        assert!(end <= block.bytes.len(), "a copy has room for all");
        block.bytes[start..end].copy_from_slice(&source.bytes[source.start()..source.end()]);
        if source.is_tagged() {
            let tags = HEAD_BYTES..HEAD_BYTES + groups * GROUP;
            block.bytes[tags.clone()].copy_from_slice(&source.bytes[tags]);
        }
        let (from, to) = (source.skips_place(), block.block().skips_place());
        let len = groups * SKIP_BYTES;
        block.bytes[to..to + len].copy_from_slice(&source.bytes[from..from + len]);
        block.set_start(start);
        block.set_end(end);
        block.move_skips(0, start as isize - source.start() as isize);
        if groups == 0 {
            block.set_phase(0);
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

    /// Inserts `element` before the one at `place`, or at the end. `tag` is the low byte of its
    /// key's hash; `hash` is asked for all elements when the block becomes large enough for tags.
    ///
    /// # Panics
    /// If there is no room, or the element is none of this shape.
    #[inline]
    pub fn insert(&mut self, place: Position, element: &Element, tag: u8, hash: HashOf) {
        let (block, len) = (self.block(), element.byte_len());
        let groups = block.grown_groups();
        assert!(element.fits(block.shape()), "a foreign element");
        let has_room = block.len_with(groups, len) <= self.bytes.len();
        assert!(has_room, "an element needs room");
        if element.deadline().is_some() {
            self.bytes[0] |= FLAG_DEADLINES;
        }
        let place = self.reserve(place, groups, hash);
        let (gap, is_front) = self.open(place, len);
        element.write(&mut self.bytes[gap..]);
        self.note_insert(place.index, gap, tag, is_front);
    }

    /// Appends an element of another block of this shape, whose tag is known. The block must have
    /// been created for as many elements as it gets.
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

    /// Appends all elements of a run of this shape, none of which has a deadline, to a block
    /// without elements that was created for as many. `hash` is asked for them if the block has
    /// tags for so many.
    ///
    /// # Panics
    /// If there is no room, or the block has elements.
    pub fn fill(&mut self, run: &Run<'_>, hash: HashOf) {
        let block = self.block();
        assert_eq!(block.count(), 0, "a block that has elements is not filled");
        assert!(block.shape() == run.shape(), "foreign elements");
        let (begin, end) = (block.start(), block.start() + run.bytes().len());
        self.bytes[begin..end].copy_from_slice(run.bytes());
        self.set_end(end);
        self.set_count(run.count());
        if self.block().is_indexed() {
            self.fill_index(hash);
        }
    }

    /// Appends elements of another block of this shape, each given by where it stands there and by
    /// its tag. Those that stand side by side are copied at once. The block must have been created
    /// for as many elements as it gets.
    ///
    /// # Panics
    /// If there is no room.
    pub fn append(&mut self, source: Block, pieces: impl Iterator<Item = (Range<usize>, u8)>) {
        let block = self.block();
        let (is_indexed, is_tagged) = (block.is_indexed(), block.is_tagged());
        assert!(block.phase() == 0, "a list that was made just now");
        let may_have_deadlines = source.may_have_deadlines();
        let place = block.skips_place();
        let (mut index, mut end) = (block.count(), block.end());
        let mut run = 0..0;
        for (piece, tag) in pieces {
            if piece.start != run.end {
                end = self.append_run(source, run, end);
                run = piece.start..piece.start;
            }
            if is_indexed && index.is_multiple_of(GROUP) {
                self.set_u16(place + index / GROUP * SKIP_BYTES, end + run.len());
            }
            if is_indexed && is_tagged {
                self.bytes[HEAD_BYTES + index] = tag;
            }
            if may_have_deadlines && source.bytes[piece.start] == DEADLINE_MARK {
                self.bytes[0] |= FLAG_DEADLINES;
            }
            run.end = piece.end;
            index += 1;
        }
        end = self.append_run(source, run, end);
        self.set_count(index);
        self.set_end(end);
    }

    /// Copies these bytes of another block to `end`; where they end.
    #[inline]
    fn append_run(&mut self, source: Block, run: Range<usize>, end: usize) -> usize {
        let new_end = end + run.len();
        self.bytes[end..new_end].copy_from_slice(&source.bytes[run]);
        new_end
    }

    /// Removes the element at `place`.
    #[inline]
    pub fn remove(&mut self, place: Position) {
        let following = self.block().following(place);
        self.remove_range(place, following);
    }

    /// Removes the elements from `from` up to the one at `to`.
    ///
    /// # Panics
    /// If `to` stands before `from`.
    #[inline]
    pub fn remove_range(&mut self, from: Position, to: Position) {
        assert!(from.index <= to.index, "a range has a beginning and an end");
        let block = self.block();
        let (shape, end) = (block.shape(), block.end());
        let moves_start = from.index == 0 && to.index < block.count() && to.offset <= START_MAX;
        let is_front = shape == Shape::List && moves_start;
        if is_front {
            self.set_start(to.offset);
        } else {
            self.bytes.copy_within(to.offset..end, from.offset);
            self.set_end(end - (to.offset - from.offset));
        }
        let gone_len = to.offset - from.offset;
        self.note_removal(from.index, to.index, gone_len, is_front);
        self.settle_removal();
    }

    /// Removes, of the items of a list from index `range.start` up to `range.end`, those of which
    /// `is_gone` says so, which is asked of each once and in order; how many. O(items from the
    /// first index on), however many go.
    ///
    /// # Panics
    /// If it is no list, or has fewer items.
    pub fn remove_where(
        &mut self,
        range: Range<usize>,
        mut is_gone: impl FnMut(ElementRef) -> bool,
    ) -> usize {
        let block = self.block();
        let (shape, count, end) = (block.shape(), block.count(), block.end());
        assert!(shape == Shape::List, "other elements have tags");
        assert!(range.end <= count, "only what is there is removed");
        let first = block.position(range.start).offset;
        // What stays and was not moved yet is `kept..read`; it goes to `write`.
        let (mut write, mut kept, mut read) = (first, first, first);
        let mut gone_count = 0;
        for _ in range.clone() {
            let element = ElementRef::new(shape, &self.bytes[read..]);
            let next = read + element.bytes().len();
            if is_gone(element) {
                self.bytes.copy_within(kept..read, write);
                write += read - kept;
                kept = next;
                gone_count += 1;
            }
            read = next;
        }
        if gone_count == 0 {
            return 0;
        }
        self.bytes.copy_within(kept..end, write);
        self.set_end(end - (kept - write));
        self.set_count(count - gone_count);
        if self.block().is_indexed() {
            self.note_skips(range.start..count);
        }
        self.settle_removal();
        gone_count
    }

    /// Gives an index up that is not worth its bytes any more, and begins anew if nothing is left.
    #[inline]
    fn settle_removal(&mut self) {
        let block = self.block();
        if block.is_indexed() && block.count() <= INDEXED_COUNT_MIN {
            self.set_phase(0);
            self.set_groups(0);
        }
        if self.block().count() == 0 {
            let base = self.block().base();
            self.set_start(base);
            self.set_end(base);
        }
    }

    /// Moves the items of a list to the front, so that all but the first [`Block::used_len`] bytes
    /// are free.
    ///
    /// # Panics
    /// If it is no list.
    pub fn move_to_front(&mut self) {
        let block = self.block();
        assert!(block.shape() == Shape::List, "others have no room there");
        if block.is_indexed() {
            let groups = groups_of(self.bytes.len(), block.count(), block.phase());
            self.set_groups(groups);
        }
        let block = self.block();
        let (start, end, base) = (block.start(), block.end(), block.base());
        self.bytes.copy_within(start..end, base);
        self.set_start(base);
        self.set_end(end - (start - base));
        self.move_skips(0, base as isize - start as isize);
    }

    /// The text by which the element at `place` is known, to be changed in place. It must be as
    /// another text would be written, and, in order, stand between the same neighbours.
    pub fn text_mut(self, place: Position) -> &'a mut [u8] {
        let shape = self.block().shape();
        let element = &mut self.bytes[place.offset..];
        let key = element::key_offset(shape, element);
        item::text_mut(&mut element[key..])
    }

    /// Writes `element` in the place of the one at `place`, which has the same key and, if scored,
    /// stands between the same neighbours. False, and nothing is written, if there is no room.
    #[inline]
    pub fn replace(&mut self, place: Position, element: &Element) -> bool {
        let block = self.block();
        let (shape, end) = (block.shape(), block.end());
        let old_end = element_end(shape, self.bytes, place.offset);
        let new_end = place.offset + element.byte_len();
        if new_end != old_end && !self.shift(place.index, old_end..end, new_end) {
            return false;
        }
        if element.deadline().is_some() {
            self.bytes[0] |= FLAG_DEADLINES;
        }
        element.write(&mut self.bytes[place.offset..]);
        true
    }

    /// Moves the elements after the one at `index` to where that is going to end; false if they
    /// don't fit there.
    fn shift(&mut self, index: usize, following: Range<usize>, to: usize) -> bool {
        let delta = to as isize - following.start as isize;
        let end = following.end.wrapping_add_signed(delta);
        if end > self.bytes.len() {
            return false;
        }
        self.bytes.copy_within(following, to);
        self.set_end(end);
        let block = self.block();
        if block.is_indexed() {
            self.move_skips(block.groups_to(index), delta);
        }
        true
    }

    /// Lets `element` take the place of the one at `from` and stand before the one that is at `to`
    /// now: the same scored member, with another score. False, and nothing is changed, unless it
    /// is as long.
    pub fn reorder(&mut self, from: Position, to: Position, element: &Element) -> bool {
        let (shape, len) = (self.block().shape(), element.byte_len());
        let from_end = element_end(shape, self.bytes, from.offset);
        if from_end - from.offset != len {
            return false;
        }
        let offset = if to.offset > from.offset {
            self.bytes.copy_within(from_end..to.offset, from.offset);
            to.offset - len
        } else {
            let between = to.offset..from.offset;
            self.bytes.copy_within(between, to.offset + len);
            to.offset
        };
        element.write(&mut self.bytes[offset..]);
        let block = self.block();
        if block.is_indexed() {
            if block.is_tagged() {
                self.move_tag(from.index, to.index);
            }
            self.note_skips(from.index.min(to.index)..from.index.max(to.index));
        }
        true
    }

    /// Moves the tag of element `from` before that of element `to`.
    fn move_tag(&mut self, from: usize, to: usize) {
        let tags = &mut self.bytes[HEAD_BYTES..];
        if to > from {
            tags[from..to].rotate_left(1);
        } else {
            tags[to..=from].rotate_right(1);
        }
    }

    /// Gives the index room for so many groups, and makes it if it is due; where `place` is then.
    #[inline]
    fn reserve(&mut self, place: Position, wanted: usize, hash: HashOf) -> Position {
        let block = self.block();
        let (groups, start) = (block.groups(), block.start());
        if groups == wanted {
            return place;
        }
        if wanted == 0 {
            self.set_phase(0);
        }
        self.set_groups(wanted);
        if groups == 0 {
            self.fill_index(hash);
        }
        Position {
            index: place.index,
            offset: place.offset + self.block().start() - start,
        }
    }

    /// Gives the index another size. Elements move only if they must.
    fn set_groups(&mut self, groups: usize) {
        let old = self.block();
        let (start, end) = (old.start(), old.end());
        let (old_groups, old_skips) = (old.groups(), old.skips_place());
        let is_list = old.shape() == Shape::List;
        self.bytes[OFFSET_GROUPS] = groups as u8;
        let base = self.block().base();
        let new_start = if is_list { start.max(base) } else { base };
        self.bytes.copy_within(start..end, new_start);
        let skips = self.block().skips_place();
        let len = groups.min(old_groups) * SKIP_BYTES;
        self.bytes.copy_within(old_skips..old_skips + len, skips);
        self.set_start(new_start);
        let delta = new_start as isize - start as isize;
        self.set_end(end.wrapping_add_signed(delta));
        if old_groups > 0 {
            self.move_skips(0, delta);
        }
    }

    /// Notes tags and skips of all elements.
    fn fill_index(&mut self, hash: HashOf) {
        let block = self.block();
        let (shape, count) = (block.shape(), block.count());
        if !block.is_tagged() {
            return self.note_skips(0..count);
        }
        // Only lists, which have no tags, have elements before their first group.
        let (place, mut offset) = (block.skips_place(), block.start());
        for index in 0..count {
            let element = ElementRef::new(shape, &self.bytes[offset..]);
            let end = offset + element.bytes().len();
            self.bytes[HEAD_BYTES + index] = Block::tag_of(element, hash);
            if index.is_multiple_of(GROUP) {
                self.set_u16(place + index / GROUP * SKIP_BYTES, offset);
            }
            offset = end;
        }
    }

    /// Opens a gap of `len` bytes at `place`; where it begins, and whether the elements before it
    /// moved instead of those after it.
    #[inline]
    fn open(&mut self, place: Position, len: usize) -> (usize, bool) {
        let block = self.block();
        let (start, end, capacity) = (block.start(), block.end(), self.bytes.len());
        let (base, is_list) = (block.base(), block.shape() == Shape::List);
        let moves_start = place.index == 0 && block.count() > 0 && base + len <= START_MAX / 2;
        let is_front = is_list && moves_start;
        let front_room = start - base;
        if is_front && front_room >= len {
            self.set_start(start - len);
            return (start - len, true);
        }
        if !is_front && end + len <= capacity {
            self.bytes
                .copy_within(place.offset..end, place.offset + len);
            self.set_end(end + len);
            return (place.offset, false);
        }
        // What is free besides the element is shared out, so that ends that grow in turn don't
        // slide each time.
        let spare = ((front_room + capacity - end - len) / 2).min(START_MAX / 2);
        let new_start = base + spare + if is_front { len } else { 0 };
        let delta = new_start as isize - start as isize;
        self.bytes.copy_within(start..end, new_start);
        self.set_start(new_start);
        self.set_end(end.wrapping_add_signed(delta));
        self.move_skips(0, delta);
        let moved = Position {
            index: place.index,
            offset: place.offset.wrapping_add_signed(delta),
        };
        self.open(moved, len)
    }

    /// Makes the index right after an element came to stand at `index`, `gap` bytes into the block.
    #[inline]
    fn note_insert(&mut self, index: usize, gap: usize, tag: u8, is_front: bool) {
        let block = self.block();
        let (count, skips, phase) = (block.count(), block.skip_count(), block.phase());
        let (is_indexed, is_tagged) = (block.is_indexed(), block.is_tagged());
        let place = block.skips_place();
        self.set_count(count + 1);
        if !is_indexed {
            return;
        }
        if is_tagged {
            let from = HEAD_BYTES + index;
            self.bytes.copy_within(from..HEAD_BYTES + count, from + 1);
            self.bytes[from] = tag;
        }
        if is_front {
            self.set_phase((phase + 1) % GROUP);
            if phase + 1 == GROUP {
                let end = place + skips * SKIP_BYTES;
                self.bytes.copy_within(place..end, place + SKIP_BYTES);
                self.set_skip(0, gap);
            }
        } else if index < count {
            self.note_skips(index..count);
        } else if index >= phase && (index - phase).is_multiple_of(GROUP) {
            self.set_skip(skips, gap);
        }
    }

    /// Makes the index right after the elements from index `from` up to `to` went, which were of
    /// `gone_len` bytes.
    #[inline]
    fn note_removal(&mut self, from: usize, to: usize, gone_len: usize, is_front: bool) {
        let block = self.block();
        let (count, skips, phase) = (block.count(), block.skip_count(), block.phase());
        let (is_indexed, is_tagged) = (block.is_indexed(), block.is_tagged());
        let place = block.skips_place();
        self.set_count(count - (to - from));
        if !is_indexed {
            return;
        }
        if is_tagged {
            self.bytes
                .copy_within(HEAD_BYTES + to..HEAD_BYTES + count, HEAD_BYTES + from);
        }
        if is_front {
            let gone = to.saturating_sub(phase).div_ceil(GROUP).min(skips);
            let end = place + skips * SKIP_BYTES;
            self.bytes
                .copy_within(place + gone * SKIP_BYTES..end, place);
            self.set_phase((phase + GROUP * gone).saturating_sub(to));
        } else if to - from == 1 {
            self.note_gone(from, gone_len);
        } else if from < self.block().count() {
            self.note_skips(from..count);
        }
    }

    /// Makes the skips right after one element of `len` bytes went from `index`: a group after it
    /// begins with what was its second element. O(groups), without a walk.
    fn note_gone(&mut self, index: usize, len: usize) {
        let block = self.block();
        let (shape, skip_count) = (block.shape(), block.skip_count());
        let place = block.skips_place();
        // The group that it was in begins where it did.
        for group in block.groups_to(index)..skip_count {
            let gone = self.block().skip(group) - len;
            let following = element_end(shape, self.bytes, gone);
            self.set_u16(place + group * SKIP_BYTES, following);
        }
    }

    /// Notes the skips again of groups after the one that element `changed.start` is in, and of
    /// the first one if it is that: up to the one that element `changed.end` is in. All others are
    /// right.
    fn note_skips(&mut self, changed: Range<usize>) {
        let block = self.block();
        let (shape, phase) = (block.shape(), block.phase());
        let (place, end) = (block.skips_place(), block.groups_to(changed.end));
        let skip_count = block.skip_count().min(end);
        // What came or went is not before the group that it is in.
        let first = changed.start.saturating_sub(phase) / GROUP;
        let mut offset = match first {
            0 => elements_end(shape, self.bytes, block.start(), phase.min(block.count())),
            group if group < skip_count => block.skip(group),
            _ => return,
        };
        for group in first..skip_count {
            self.set_u16(place + group * SKIP_BYTES, offset);
            if group + 1 < skip_count {
                offset = elements_end(shape, self.bytes, offset, GROUP);
            }
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

    /// Only lists say where they start; other blocks start where their index ends.
    #[inline]
    fn set_start(&mut self, start: usize) {
        if self.block().shape() == Shape::List {
            self.set_u16(OFFSET_START, start);
        }
    }

    #[inline]
    fn set_end(&mut self, end: usize) {
        let end = u32::try_from(end).expect("blocks are shorter than 4 GiB");
        self.bytes[OFFSET_END..OFFSET_END + 4].copy_from_slice(&end.to_le_bytes());
    }

    #[inline]
    fn set_phase(&mut self, phase: usize) {
        if self.block().shape() == Shape::List {
            self.bytes[OFFSET_PHASE] = phase as u8;
        }
    }

    #[inline]
    fn set_skip(&mut self, group: usize, offset: usize) {
        let place = self.block().skips_place() + group * SKIP_BYTES;
        self.set_u16(place, offset);
    }

    /// Moves the skips of the groups from `first` on.
    fn move_skips(&mut self, first: usize, delta: isize) {
        let block = self.block();
        if !block.is_indexed() || delta == 0 {
            return;
        }
        let place = block.skips_place();
        let (start, end) = (first * SKIP_BYTES, block.skip_count() * SKIP_BYTES);
        let (skips, _) = self.bytes[place + start..place + end].as_chunks_mut();
        for skip in skips {
            let offset = usize::from(u16::from_le_bytes(*skip));
            // A block with an index is at most 64 KiB long.
            *skip = (offset.wrapping_add_signed(delta) as u16).to_le_bytes();
        }
    }
}
