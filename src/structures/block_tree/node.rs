//! An inner node: what is known of up to 64 children, each kind of knowledge in a row of its own.
//!
//! ```text
//!  head 16 │ count u8, capacity u8, has deadlines u8, – │ order u64 … │ child u48 … │ elements u32 … │ deadline u64 …
//! ```
//!
//! `order` is a lower bound of what stands below a child and above all of what stands below the one
//! before it. That of the first child says nothing: whatever is less goes there, too. Deadlines are
//! there only if an element below has one.
//!
//! Cost: 18 bytes a child, 26 with deadlines; a search by order halves its way.
//!
//! Not here: which node is whose child (`mod.rs`).

use super::store::{self, BlockId, HEAD_BYTES};

/// Children of a node at most.
pub(super) const CHILDREN_MAX: usize = 64;

/// What stands for no deadline.
pub(super) const NEVER: u64 = u64::MAX;

const OFFSET_COUNT: usize = HEAD_BYTES;
const OFFSET_CAPACITY: usize = HEAD_BYTES + 1;
const OFFSET_DEADLINES: usize = HEAD_BYTES + 2;
const OFFSET_ROWS: usize = HEAD_BYTES + 8;

const ORDER_BYTES: usize = 8;
const CHILD_BYTES: usize = 6;
const ELEMENTS_BYTES: usize = 4;
const DEADLINE_BYTES: usize = 8;
const ENTRY_BYTES: usize = ORDER_BYTES + CHILD_BYTES + ELEMENTS_BYTES;

/// All that is known of one child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) order: u64,
    pub(super) child: BlockId,
    /// Elements below it.
    pub(super) elements: u64,
    /// The least deadline below it, or [`NEVER`].
    pub(super) deadline: u64,
}

impl Entry {
    /// A leaf without elements.
    pub(super) fn of_empty(order: u64, child: BlockId) -> Self {
        Self {
            order,
            child,
            elements: 0,
            deadline: NEVER,
        }
    }
}

/// A node to be read.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    bytes: &'a [u8],
}

const fn entry_bytes(has_deadlines: bool) -> usize {
    ENTRY_BYTES + if has_deadlines { DEADLINE_BYTES } else { 0 }
}

impl<'a> Node<'a> {
    #[inline]
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        debug_assert!(store::level(bytes) > 0, "leaves are no nodes");
        Self { bytes }
    }

    /// Bytes of a node for `capacity` children.
    pub(super) fn len_of(capacity: usize, has_deadlines: bool) -> usize {
        OFFSET_ROWS + capacity * entry_bytes(has_deadlines)
    }

    #[inline]
    pub(super) fn count(&self) -> usize {
        usize::from(self.bytes[OFFSET_COUNT])
    }

    #[inline]
    pub(super) fn capacity(&self) -> usize {
        usize::from(self.bytes[OFFSET_CAPACITY])
    }

    #[inline]
    pub(super) fn has_deadlines(&self) -> bool {
        self.bytes[OFFSET_DEADLINES] != 0
    }

    #[inline]
    fn u64_at(&self, offset: usize) -> u64 {
        let field = &self.bytes[offset..offset + 8];
        u64::from_le_bytes(field.try_into().expect("eight bytes were taken"))
    }

    #[inline]
    pub(super) fn order(&self, slot: usize) -> u64 {
        self.u64_at(OFFSET_ROWS + slot * ORDER_BYTES)
    }

    #[inline]
    pub(super) fn child(&self, slot: usize) -> BlockId {
        let offset = OFFSET_ROWS + self.capacity() * ORDER_BYTES + slot * CHILD_BYTES;
        BlockId::new(store::read_u48(&self.bytes[offset..offset + CHILD_BYTES]))
    }

    #[inline]
    fn elements_row(&self) -> usize {
        OFFSET_ROWS + self.capacity() * (ORDER_BYTES + CHILD_BYTES)
    }

    /// Elements below each of the slots before `end`.
    #[inline]
    fn elements_to(&self, end: usize) -> impl Iterator<Item = u64> + use<'a> {
        let row = self.elements_row();
        let (counts, _) = self.bytes[row..row + end * ELEMENTS_BYTES].as_chunks();
        counts
            .iter()
            .map(|&count| u64::from(u32::from_le_bytes(count)))
    }

    #[inline]
    pub(super) fn elements(&self, slot: usize) -> u64 {
        let offset = self.elements_row() + slot * ELEMENTS_BYTES;
        let field = &self.bytes[offset..offset + ELEMENTS_BYTES];
        u64::from(u32::from_le_bytes(
            field.try_into().expect("four bytes were taken"),
        ))
    }

    pub(super) fn deadline(&self, slot: usize) -> u64 {
        if self.has_deadlines() {
            self.u64_at(OFFSET_ROWS + self.capacity() * ENTRY_BYTES + slot * DEADLINE_BYTES)
        } else {
            NEVER
        }
    }

    pub(super) fn entry(&self, slot: usize) -> Entry {
        Entry {
            order: self.order(slot),
            child: self.child(slot),
            elements: self.elements(slot),
            deadline: self.deadline(slot),
        }
    }

    pub(super) fn entries(&self) -> impl DoubleEndedIterator<Item = Entry> + use<'a> {
        let node = *self;
        (0..node.count()).map(move |slot| node.entry(slot))
    }

    /// How many of its orders are less than `order`, or equal to it `WITH_EQUAL`; the first one
    /// always is.
    /// The search halves its way without branches: what it waits for are lines of nodes, which the
    /// searches of a batch ask for side by side, the more of them the shorter each is.
    #[inline]
    fn count_up_to<const WITH_EQUAL: bool>(&self, order: u64) -> usize {
        let row = &self.bytes[OFFSET_ROWS + ORDER_BYTES..OFFSET_ROWS + self.count() * ORDER_BYTES];
        let (orders, _) = row.as_chunks::<ORDER_BYTES>();
        1 + orders.partition_point(|own| {
            let own = u64::from_le_bytes(*own);
            if WITH_EQUAL {
                own <= order
            } else {
                own < order
            }
        })
    }

    /// The slot below which `order` belongs: the last one that is not above it.
    #[inline]
    pub(super) fn slot_of(&self, order: u64) -> usize {
        self.count_up_to::<true>(order) - 1
    }

    /// The slots among which `order` does not decide: the last one below it, and all that equal it.
    pub(super) fn slots_of(&self, order: u64) -> (usize, usize) {
        let first = self.count_up_to::<false>(order) - 1;
        let is_tied = first + 1 < self.count() && self.order(first + 1) == order;
        (first, if is_tied { self.slot_of(order) } else { first })
    }

    /// The slot below which element `rank` stands, and its rank there. The count of all elements
    /// belongs to the last one.
    #[inline]
    pub(super) fn slot_of_rank(&self, mut rank: u64) -> (usize, u64) {
        let last = self.count() - 1;
        for (slot, elements) in self.elements_to(last).enumerate() {
            if rank < elements {
                return (slot, rank);
            }
            rank -= elements;
        }
        (last, rank)
    }

    /// The slot below which that element stands after which, itself included, so many follow, and
    /// how many of these are below it; for 0, the last slot.
    pub(super) fn slot_from_end(&self, mut following: u64) -> (usize, u64) {
        for slot in (1..self.count()).rev() {
            let elements = self.elements(slot);
            if following <= elements {
                return (slot, following);
            }
            following -= elements;
        }
        (0, following)
    }

    /// Elements below the slots before `slot`.
    #[inline]
    pub(super) fn elements_before(&self, slot: usize) -> u64 {
        self.elements_to(slot).sum()
    }

    pub(super) fn least_deadline(&self) -> u64 {
        if !self.has_deadlines() {
            return NEVER;
        }
        let deadlines = (0..self.count()).map(|slot| self.deadline(slot));
        deadlines.min().unwrap_or(NEVER)
    }
}

/// A node to be changed.
pub(super) struct NodeMut<'a> {
    bytes: &'a mut [u8],
}

impl<'a> NodeMut<'a> {
    #[inline]
    pub(super) fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes }
    }

    /// Makes `bytes`, whose head is written, an empty node with room for what fits them.
    pub(super) fn create(bytes: &'a mut [u8], has_deadlines: bool) -> Self {
        let capacity = (bytes.len() - OFFSET_ROWS) / entry_bytes(has_deadlines);
        bytes[OFFSET_COUNT] = 0;
        bytes[OFFSET_CAPACITY] = capacity.min(CHILDREN_MAX) as u8;
        bytes[OFFSET_DEADLINES] = u8::from(has_deadlines);
        Self { bytes }
    }

    #[inline]
    pub(super) fn node(&self) -> Node<'_> {
        Node::new(self.bytes)
    }

    /// Each row with the bytes of its items.
    fn rows(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let capacity = self.node().capacity();
        let has_deadlines = self.node().has_deadlines();
        let widths = [ORDER_BYTES, CHILD_BYTES, ELEMENTS_BYTES, DEADLINE_BYTES];
        let mut start = OFFSET_ROWS;
        widths
            .into_iter()
            .take(3 + usize::from(has_deadlines))
            .map(move |width| {
                let row = (start, width);
                start += capacity * width;
                row
            })
    }

    /// Inserts a child at `slot`. There must be room, and for its deadline, too.
    pub(super) fn insert(&mut self, slot: usize, entry: Entry) {
        let count = self.node().count();
        assert!(count < self.node().capacity(), "a child needs room");
        for (start, width) in self.rows() {
            let from = start + slot * width;
            self.bytes
                .copy_within(from..start + count * width, from + width);
        }
        self.bytes[OFFSET_COUNT] = count as u8 + 1;
        self.set(slot, entry);
    }

    /// Says all of a child again.
    pub(super) fn set(&mut self, slot: usize, entry: Entry) {
        self.set_order(slot, entry.order);
        self.set_child(slot, entry.child);
        self.set_elements(slot, entry.elements);
        self.set_deadline(slot, entry.deadline);
    }

    /// Removes the children from `from` up to the one at `to`.
    pub(super) fn remove(&mut self, from: usize, to: usize) {
        let count = self.node().count();
        for (start, width) in self.rows() {
            self.bytes.copy_within(
                start + to * width..start + count * width,
                start + from * width,
            );
        }
        self.bytes[OFFSET_COUNT] = (count - (to - from)) as u8;
    }

    pub(super) fn set_order(&mut self, slot: usize, order: u64) {
        let offset = OFFSET_ROWS + slot * ORDER_BYTES;
        self.bytes[offset..offset + ORDER_BYTES].copy_from_slice(&order.to_le_bytes());
    }

    pub(super) fn set_child(&mut self, slot: usize, child: BlockId) {
        let offset = OFFSET_ROWS + self.node().capacity() * ORDER_BYTES + slot * CHILD_BYTES;
        let bytes = child.number().to_le_bytes();
        self.bytes[offset..offset + CHILD_BYTES].copy_from_slice(&bytes[..CHILD_BYTES]);
    }

    #[inline]
    pub(super) fn set_elements(&mut self, slot: usize, elements: u64) {
        let elements = u32::try_from(elements).expect("a tree has fewer than 2^32 elements");
        let offset = self.node().elements_row() + slot * ELEMENTS_BYTES;
        self.bytes[offset..offset + ELEMENTS_BYTES].copy_from_slice(&elements.to_le_bytes());
    }

    pub(super) fn set_deadline(&mut self, slot: usize, deadline: u64) {
        let node = self.node();
        if !node.has_deadlines() {
            assert!(deadline == NEVER, "a node needs room for a deadline");
            return;
        }
        let offset = OFFSET_ROWS + node.capacity() * ENTRY_BYTES + slot * DEADLINE_BYTES;
        self.bytes[offset..offset + DEADLINE_BYTES].copy_from_slice(&deadline.to_le_bytes());
    }
}
