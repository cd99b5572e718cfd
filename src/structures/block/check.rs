//! Whether any bytes are a block.
//!
//! Everything a block says of itself is only a claim until [`Block::check`] has accepted it: each
//! element is walked, each skip and tag compared, order and uniqueness made sure of.
//!
//! Cost: O(count log count), and 16 bytes an element for a while.
//!
//! Not here: blocks that the tree made itself, which are trusted.

use super::{Block, ElementRef, GROUP, HashOf, INDEXED_COUNT_MIN, Position, Shape, groups_of};
use crate::structures::item::{self, BadItem, Code, DEADLINE_BYTES, Item, score_order};

/// What is wrong with bytes that are no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadBlock {
    /// Head, index and elements don't fit the bytes or each other.
    Extent,
    /// An element is cut off or in no canonical code.
    Element,
    /// A key comes twice, or scored elements are out of order.
    Order,
    /// Skips or tags are not those of the elements.
    Index,
}

impl From<BadItem> for BadBlock {
    fn from(_: BadItem) -> Self {
        Self::Element
    }
}

impl<'a> Block<'a> {
    /// The block that fills `bytes`, which may be anything. Tags must be those of `hash`. Never
    /// panics, and allocates 16 bytes an element at most.
    ///
    /// # Errors
    /// If they are no block that [`super::BlockMut`] could have made.
    pub fn check(bytes: &'a [u8], hash: HashOf) -> Result<Self, BadBlock> {
        let shape = Shape::from_bits(bytes.first().ok_or(BadBlock::Extent)? & super::SHAPE_MASK);
        if bytes.len() < Self::empty_len(shape) {
            return Err(BadBlock::Extent);
        }
        let block = Self::new(bytes);
        block.check_extent()?;
        let keys = block.check_elements()?;
        block.check_index(hash)?;
        block.check_order(keys)?;
        Ok(block)
    }

    fn check_extent(&self) -> Result<(), BadBlock> {
        let (count, phase, shape) = (self.count(), self.phase(), self.shape());
        let is_list = shape == Shape::List;
        let index_fits = if self.is_indexed() {
            let groups = groups_of(self.bytes.len(), count, phase);
            count > INDEXED_COUNT_MIN && (1..=self.groups()).contains(&groups)
        } else {
            phase == 0
        };
        let phase_fits = phase < GROUP && (phase == 0 || is_list);
        let flags_fit =
            !(is_list && self.is_tagged()) && (shape == Shape::Map || !self.may_have_deadlines());
        if !index_fits || !phase_fits || !flags_fit {
            return Err(BadBlock::Extent);
        }
        // Of a block that is not indexed, nothing may be read that is not there yet.
        let (base, end) = (self.base(), self.end());
        let start = if base <= self.bytes.len() {
            self.start()
        } else {
            usize::MAX
        };
        let is_inside = base <= start && start <= end && end <= self.bytes.len();
        if is_inside {
            Ok(())
        } else {
            Err(BadBlock::Extent)
        }
    }

    /// Walks all elements; the bytes of their keys, as far as keys must be unique.
    fn check_elements(&self) -> Result<Vec<&'a [u8]>, BadBlock> {
        let bytes = &self.bytes[..self.end()];
        let mut keys = Vec::new();
        let mut offset = self.start();
        for _ in 0..self.count() {
            let element = &bytes[offset..];
            let (key, len) = element_extent(self.shape(), self.may_have_deadlines(), element)?;
            if self.shape().is_hashed() {
                keys.push(&element[key..key + item::len_at(&element[key..])]);
            }
            offset += len;
        }
        if offset == self.end() {
            Ok(keys)
        } else {
            Err(BadBlock::Extent)
        }
    }

    fn check_order(&self, mut keys: Vec<&[u8]>) -> Result<(), BadBlock> {
        keys.sort_unstable();
        let is_unique = keys.windows(2).all(|pair| pair[0] != pair[1]);
        let is_ordered = self.shape() != Shape::Scored
            || self.elements().zip(self.elements().skip(1)).all(|pair| {
                let place = |element: ElementRef<'_>| score_order(element.score());
                let order = place(pair.0).cmp(&place(pair.1));
                order
                    .then_with(|| pair.0.key().cmp_text(pair.1.key()))
                    .is_lt()
            });
        if is_unique && is_ordered {
            Ok(())
        } else {
            Err(BadBlock::Order)
        }
    }

    fn check_index(&self, hash: HashOf) -> Result<(), BadBlock> {
        if !self.is_indexed() {
            return Ok(());
        }
        let phase = self.phase();
        let mut position = Position {
            index: 0,
            offset: self.start(),
        };
        while position.index < self.count() {
            let index = position.index;
            let element = self.element(position);
            let has_skip = index >= phase && (index - phase).is_multiple_of(GROUP);
            let skip_fits = !has_skip || self.skip((index - phase) / GROUP) == position.offset;
            let tag_fits = !self.is_tagged() || self.tag(index) == Self::tag_of(element, hash);
            if !skip_fits || !tag_fits {
                return Err(BadBlock::Index);
            }
            position = self.following(position);
        }
        Ok(())
    }
}

/// Where the key stands in the element of `shape` at the beginning of `bytes`, which may be
/// anything, and the element's length.
pub(super) fn element_extent(
    shape: Shape,
    may_have_deadline: bool,
    bytes: &[u8],
) -> Result<(usize, usize), BadBlock> {
    let first = *bytes.first().ok_or(BadBlock::Element)?;
    let is_double = |at: usize| matches!(item::read(&bytes[at..]).0, Item::Double(_));
    let (key, len) = match shape {
        Shape::Set | Shape::List => (0, item::checked_len(bytes)?),
        Shape::Map => {
            let has_deadline = may_have_deadline && first == item::DEADLINE_MARK;
            let key = if has_deadline { DEADLINE_BYTES } else { 0 };
            let value = key + item::checked_len(bytes.get(key..).ok_or(BadBlock::Element)?)?;
            (key, value + item::checked_len(&bytes[value..])?)
        }
        Shape::Scored => {
            let member = item::checked_len(bytes)?;
            let score = item::read(bytes).0.score();
            let is_score = score.is_some_and(|score| Code::of_score(score).is_at(bytes));
            if !is_score {
                return Err(BadBlock::Element);
            }
            (member, member + item::checked_len(&bytes[member..])?)
        }
    };
    if is_double(key) {
        return Err(BadBlock::Element);
    }
    Ok((key, len))
}
