//! Items that come to an end of a list and go from there while nothing else of its block moves.
//!
//! ```text
//!  push, front   [ index │     a b c ]  ─▶  [ index │   X a b c ]    room there, no new group
//!  pop, front    [ index │     a b c ]  ─▶  [ index │       b c ]    its group has others
//!  the same at the back
//! ```
//!
//! That is what happens fifteen times of sixteen, and it takes a tenth of the instructions that
//! finding out takes what else may have to be done. Whatever is not as plain as this says so and
//! changes nothing: the caller goes the general way (`edit.rs`), which leads to the same items.
//!
//! Not here: items between others, indexes that are made, grow, slide or go (`edit.rs`).

use super::element::elements_end;
use super::{
    Block, BlockMut, GROUP, INDEXED_COUNT_MAX, INDEXED_COUNT_MIN, LIST_HEAD_BYTES, OFFSET_COUNT,
    OFFSET_END, OFFSET_GROUPS, OFFSET_PHASE, OFFSET_START, PLAIN_COUNT_MAX, Position, SKIP_BYTES,
    Shape,
};
use crate::base::prefetch::prefetch;
use crate::structures::item::Code;

/// How far around an end of a list is asked for ahead.
const SHORT_ITEM_BYTES: usize = 24;

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Before the first item: the left.
    Front,
    /// After the last item: the right.
    Back,
}

/// The head of a list's block, read at once.
struct ListHead {
    groups: usize,
    count: usize,
    end: usize,
    start: usize,
    phase: usize,
}

impl ListHead {
    #[inline]
    fn read(bytes: &[u8]) -> Self {
        let head = bytes.first_chunk::<LIST_HEAD_BYTES>();
        let head = head.expect("the block of a list has its head");
        let u16_at = |at: usize| usize::from(u16::from_le_bytes([head[at], head[at + 1]]));
        let [_, _, _, _, end @ .., _, _, _] = *head;
        Self {
            groups: usize::from(head[OFFSET_GROUPS]),
            count: u16_at(OFFSET_COUNT),
            end: u32::from_le_bytes(end) as usize,
            start: u16_at(OFFSET_START),
            phase: usize::from(head[OFFSET_PHASE]),
        }
    }

    /// Writes it again, but for the number of groups.
    #[inline]
    fn write(&self, bytes: &mut [u8]) {
        let head = bytes.first_chunk_mut::<LIST_HEAD_BYTES>();
        let head = head.expect("the block of a list has its head");
        // It was read from there, and only what comes and goes in place changes it.
        head[OFFSET_COUNT..OFFSET_COUNT + 2].copy_from_slice(&(self.count as u16).to_le_bytes());
        head[OFFSET_END..OFFSET_END + 4].copy_from_slice(&(self.end as u32).to_le_bytes());
        head[OFFSET_START..OFFSET_START + 2].copy_from_slice(&(self.start as u16).to_le_bytes());
        head[OFFSET_PHASE] = self.phase as u8;
    }

    #[inline]
    fn is_indexed(&self) -> bool {
        self.groups > 0
    }

    /// Where the index ends.
    #[inline]
    fn base(&self) -> usize {
        LIST_HEAD_BYTES + self.groups * SKIP_BYTES
    }

    /// Whether an item that comes to an end changes nothing of the index, and needs none.
    #[inline]
    fn takes(&self, end: End) -> bool {
        if !self.is_indexed() {
            return (1..PLAIN_COUNT_MAX).contains(&self.count);
        }
        let begins_group = match end {
            End::Front => self.phase == GROUP - 1,
            End::Back => self.count.wrapping_sub(self.phase).is_multiple_of(GROUP),
        };
        self.count < INDEXED_COUNT_MAX && !begins_group
    }

    /// Whether an item that goes from an end changes nothing of the index, nor is the last one.
    #[inline]
    fn gives(&self, end: End) -> bool {
        if !self.is_indexed() {
            return self.count > 1;
        }
        self.count > INDEXED_COUNT_MIN + 1 && (end == End::Back || self.phase > 0)
    }
}

impl<'a> Block<'a> {
    /// Where the item at an end of a list begins, which has one.
    #[inline]
    pub fn position_at(&self, end: End) -> Position {
        let head = ListHead::read(self.bytes);
        match end {
            End::Front => Position {
                index: 0,
                offset: head.start,
            },
            End::Back => self.position(head.count - 1),
        }
    }

    /// Asks for the lines where items stand or are going to stand at an end of a list.
    #[inline]
    pub fn prefetch_end(&self, end: End) {
        let head = ListHead::read(self.bytes);
        let border = match end {
            End::Front => head.start,
            End::Back => head.end,
        };
        let first = self.bytes.as_ptr();
        prefetch(first.wrapping_add(border).wrapping_sub(SHORT_ITEM_BYTES));
        prefetch(first.wrapping_add(border).wrapping_add(SHORT_ITEM_BYTES));
    }
}

impl BlockMut<'_> {
    /// Puts an item at an end of a list, where that is all there is to do; whether it was.
    ///
    /// # Panics
    /// If it is no list.
    #[inline]
    pub fn push_in_place(&mut self, end: End, item: &Code) -> bool {
        assert!(self.block().shape() == Shape::List, "items of lists");
        let mut head = ListHead::read(self.bytes);
        let len = item.byte_len();
        let has_room = match end {
            End::Front => head.start - head.base() >= len,
            End::Back => self.bytes.len() - head.end >= len,
        };
        if !has_room || !head.takes(end) {
            return false;
        }
        let offset = match end {
            End::Front => {
                head.start -= len;
                head.phase += usize::from(head.is_indexed());
                head.start
            }
            End::Back => {
                head.end += len;
                head.end - len
            }
        };
        head.count += 1;
        head.write(self.bytes);
        item.write(&mut self.bytes[offset..]);
        true
    }

    /// Removes the item at an end of a list, which begins at `place`, where that is all there is to
    /// do; whether it was.
    ///
    /// # Panics
    /// If it is no list.
    #[inline]
    pub fn pop_in_place(&mut self, end: End, place: Position) -> bool {
        let shape = self.block().shape();
        assert!(shape == Shape::List, "items of lists");
        let mut head = ListHead::read(self.bytes);
        if !head.gives(end) {
            return false;
        }
        match end {
            End::Front => {
                head.start = elements_end(shape, self.bytes, head.start, 1);
                head.phase = head.phase.saturating_sub(1);
            }
            End::Back => head.end = place.offset,
        }
        head.count -= 1;
        head.write(self.bytes);
        true
    }
}
