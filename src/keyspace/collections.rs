//! Large collections: trees beside the entries, and how what is dropped of them is freed.
//!
//! ```text
//!  entry [ … │ number ] ─▶ slots[number] ─▶ trees ─▶ blocks, in the memory that entries have, too
//!  dropped, or a range of it removed ─▶ a row ─▶ bury_some: 256 blocks or a mebibyte a step
//! ```
//!
//! Invariants:
//! 1. A slot belongs to one entry, or was dropped. A dropped one goes when its blocks are freed and
//!    nobody reads a frozen view of it.
//! 2. The blocks of a slot's trees have twice its number as their owner, those of the second tree
//!    one more.
//! 3. What has graves stands in the row once.
//! 4. A hash of which a field has a deadline has a node in the heap of its database, under its
//!    number; the slot has the node's position and a copy of the key (`mutation/fields.rs`). So
//!    hashes with such deadlines are always large.
//! 5. `kept_bytes` is what is there for the sake of views alone: blocks that changes have replaced,
//!    and all of a collection that was dropped.
//!
//! Cost: some 200 bytes a large collection.
//!
//! Not here: what is in the trees (`structures/block_tree`), who reads frozen views.

use super::memory::Memory;
use crate::base::limits::ARGUMENT_COUNT_MAX;
use crate::structures::block::Shape;
use crate::structures::block_tree::{BlockId, BlockStore, ELEMENTS_MAX, Tree, View, ViewId, owner};
use crate::structures::expiry_heap::{NO_POSITION, Node, PositionStore};
use crate::value::collection::Trees;
use slab::Slab;
use std::collections::VecDeque;

/// One large collection.
struct Large {
    trees: Trees,
    /// No entry has it any more.
    is_dropped: bool,
    /// It stands in the row of those with graves.
    is_in_row: bool,
    open_views: u32,
    /// Of a hash with deadlines of fields.
    due: Option<Due>,
    /// What views alone keep of it, as it stands in the sum of all.
    kept_bytes: usize,
    /// Bytes of its blocks after the last change.
    held_bytes: usize,
}

impl Large {
    /// Bytes that are there for the sake of views: what changes have replaced, or, once no entry
    /// has it any more, all.
    fn bytes_for_views(&self) -> usize {
        if self.open_views == 0 {
            return 0;
        }
        match self.is_dropped {
            true => self.trees.held_bytes(),
            false => self.trees.trees().map(Tree::retired_bytes).sum(),
        }
    }
}

/// Where the deadlines of a hash's fields are known.
struct Due {
    /// Of its node in the heap.
    position: u32,
    /// The key that has the hash.
    key: Box<[u8]>,
}

/// A frozen state of a large collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrozenId {
    number: u32,
    members: ViewId,
    /// Of a sorted set.
    scores: Option<ViewId>,
}

/// A collection with more elements is full: what may add some is refused. One request adds fewer
/// than are left.
const FULL_COUNT: u64 = ELEMENTS_MAX - (1 << 24);
const _: () = assert!(2 * ARGUMENT_COUNT_MAX < 1 << 24);

/// Frozen states that are ended at once.
const STEP_THAWS: usize = 128;

/// All large collections of a keyspace.
pub(super) struct Collections {
    slots: Slab<Box<Large>>,
    row: VecDeque<u32>,
    /// Frozen states that are to be ended.
    unneeded: Vec<FrozenId>,
    open_views: usize,
    /// Bytes of the copies of keys.
    key_bytes: usize,
    kept_bytes: usize,
    /// [`FULL_COUNT`], but for tests.
    full_count: u64,
    /// There has been a full one.
    has_full: bool,
}

impl Default for Collections {
    fn default() -> Self {
        Self {
            slots: Slab::default(),
            row: VecDeque::default(),
            unneeded: Vec::new(),
            open_views: 0,
            key_bytes: 0,
            kept_bytes: 0,
            full_count: FULL_COUNT,
            has_full: false,
        }
    }
}

impl Collections {
    /// Whether there has been a full collection.
    #[inline]
    pub(super) fn have_full(&self) -> bool {
        self.has_full
    }

    /// Whether a collection of so many elements is full.
    pub(super) fn is_full(&self, len: u64) -> bool {
        len > self.full_count
    }

    /// Calls a collection full from fewer elements on.
    #[cfg(test)]
    pub(super) fn set_full_count(&mut self, count: u64) {
        self.full_count = count;
    }

    /// Adds a collection that `make` builds, which is told the owner its blocks have; returns its
    /// number.
    pub(super) fn add(&mut self, make: impl FnOnce(u32) -> Trees) -> u32 {
        let slot = self.slots.vacant_entry();
        let number = u32::try_from(slot.key()).expect("there are fewer than 2^31 collections");
        slot.insert(Box::new(Large {
            trees: make(number << 1),
            is_dropped: false,
            is_in_row: false,
            open_views: 0,
            due: None,
            kept_bytes: 0,
            held_bytes: 0,
        }));
        number
    }

    /// The trees of a collection.
    #[inline]
    pub(super) fn get(&self, number: u32) -> &Trees {
        &self.slots[number as usize].trees
    }

    /// The trees of a collection, to be changed; [`Collections::note_change`] must follow.
    #[inline]
    pub(super) fn get_mut(&mut self, number: u32) -> &mut Trees {
        &mut self.slots[number as usize].trees
    }

    /// Notes that a change may have left something to be freed; whether its blocks take more or
    /// fewer bytes than before.
    pub(super) fn note_change(&mut self, number: u32) -> bool {
        self.settle(number);
        let large = &mut self.slots[number as usize];
        self.has_full |= large.trees.members.len() > self.full_count;
        let has_graves = large.trees.trees().any(Tree::has_graves);
        if !large.is_in_row && (has_graves || large.is_dropped && large.open_views == 0) {
            large.is_in_row = true;
            self.row.push_back(number);
        }
        let held_bytes = large.trees.held_bytes();
        std::mem::replace(&mut large.held_bytes, held_bytes) != held_bytes
    }

    /// Sums up what views keep of a collection.
    fn settle(&mut self, number: u32) {
        let large = &mut self.slots[number as usize];
        let kept_bytes = large.bytes_for_views();
        if kept_bytes == large.kept_bytes {
            return;
        }
        self.kept_bytes = self.kept_bytes - large.kept_bytes + kept_bytes;
        large.kept_bytes = kept_bytes;
    }

    /// Bytes of all blocks that are there for the sake of views alone.
    pub(super) fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }

    /// Gives a collection up that no entry has any more. O(1): its blocks are freed later.
    pub(super) fn drop_soon(&mut self, number: u32) {
        let large = &mut self.slots[number as usize];
        assert!(!large.is_dropped, "a collection is dropped twice");
        large.is_dropped = true;
        large.trees.trees_mut().for_each(Tree::clear);
        self.end_due(number);
        self.note_change(number);
    }

    /// Position of the node that a hash has in the heap of deadlines of fields.
    #[inline]
    pub(super) fn due_position(&self, number: u32) -> Option<u32> {
        let due = self.slots[number as usize].due.as_ref();
        due.map(|due| due.position)
    }

    /// The key of a hash that has such a node.
    ///
    /// # Panics
    /// If it has none.
    pub(super) fn due_key(&self, number: u32) -> &[u8] {
        let due = self.slots[number as usize].due.as_ref();
        &due.expect("a hash in the heap knows its key").key
    }

    /// Notes the key of a hash that is about to come into the heap.
    pub(super) fn begin_due(&mut self, number: u32, key: &[u8]) {
        self.key_bytes += key.len();
        self.slots[number as usize].due = Some(Due {
            position: NO_POSITION,
            key: key.into(),
        });
    }

    /// Notes that a hash is in no heap any more.
    pub(super) fn end_due(&mut self, number: u32) {
        if let Some(due) = self.slots[number as usize].due.take() {
            self.key_bytes -= due.key.len();
        }
    }

    /// Bytes that a collection takes, its share of the heap included.
    pub(super) fn bytes_of(&self, number: u32) -> usize {
        let large = &self.slots[number as usize];
        let due_bytes = |due: &Due| due.key.len() + size_of::<Node>();
        size_of::<Large>() + large.trees.held_bytes() + large.due.as_ref().map_or(0, due_bytes)
    }

    /// A collection with the same elements. O(bytes).
    pub(super) fn duplicate(&mut self, number: u32, memory: &mut Memory) -> u32 {
        let frozen = self.freeze(number);
        let copy = self.begin_copy(frozen);
        while !self.copy_some(frozen, copy, usize::MAX, memory) {}
        self.thaw(frozen);
        copy
    }

    /// An empty collection of the same type and encoding as a frozen one.
    pub(super) fn begin_copy(&mut self, id: FrozenId) -> u32 {
        let Trees {
            members,
            scores,
            encoding,
        } = self.get(id.number);
        let (shape, has_scores, encoding) = (members.shape(), scores.is_some(), *encoding);
        self.add(|owner| Trees {
            members: Tree::new(shape, owner),
            scores: has_scores.then(|| Tree::new(Shape::Scored, owner + 1)),
            encoding,
        })
    }

    /// Copies about `bytes_max` more of a frozen collection to one that was begun; true if all of
    /// it is there.
    pub(super) fn copy_some(
        &mut self,
        id: FrozenId,
        copy: u32,
        bytes_max: usize,
        memory: &mut Memory,
    ) -> bool {
        let members = self.frozen_members(id);
        let scores = id.scores.map(|_| self.frozen(id));
        let trees = self.get_mut(copy);
        let (tree, source) = match (&mut trees.scores, scores) {
            (Some(tree), Some(source)) if trees.members.len() == members.len() => (tree, source),
            _ => (&mut trees.members, members),
        };
        tree.append_leaves(memory, &source, tree.len(), bytes_max);
        let is_copied = |tree: &Tree| tree.len() == members.len();
        is_copied(&trees.members) && trees.scores.as_ref().is_none_or(is_copied)
    }

    /// Whether something waits to be freed.
    #[inline]
    pub(super) fn has_garbage(&self) -> bool {
        !self.row.is_empty() || !self.unneeded.is_empty()
    }

    /// Frees 256 blocks or a mebibyte of what waits; returns how many bytes. Frozen states that
    /// nobody needs are ended first.
    pub(super) fn bury_some(&mut self, memory: &mut Memory) -> usize {
        if !self.unneeded.is_empty() {
            self.thaw_some();
            return 0;
        }
        let Some(&number) = self.row.front() else {
            return 0;
        };
        let before_bytes = memory.used_bytes();
        let large = &mut self.slots[number as usize];
        let tree = large.trees.trees_mut().find(|tree| tree.has_graves());
        if let Some(tree) = tree {
            tree.bury_some(memory);
            self.settle(number);
        } else {
            self.row.pop_front();
            large.is_in_row = false;
            if large.is_dropped && large.open_views == 0 {
                self.free_slot(number);
            }
        }
        before_bytes - memory.used_bytes()
    }

    /// Frees the slot of a collection; the memory of all slots goes with the last.
    fn free_slot(&mut self, number: u32) {
        self.slots.remove(number as usize);
        if self.slots.is_empty() {
            self.slots = Slab::new();
        }
    }

    /// Freezes the present state of a collection in O(1).
    pub(super) fn freeze(&mut self, number: u32) -> FrozenId {
        let large = &mut self.slots[number as usize];
        large.open_views += 1;
        self.open_views += 1;
        let frozen = FrozenId {
            number,
            members: large.trees.members.freeze(),
            scores: large.trees.scores.as_mut().map(Tree::freeze),
        };
        self.settle(number);
        frozen
    }

    /// The state of the first tree that was frozen: of a sorted set that by member.
    ///
    /// # Panics
    /// If it was thawed.
    pub(super) fn frozen_members(&self, id: FrozenId) -> View {
        let view = self.get(id.number).members.view(id.members);
        view.expect("a frozen state is read before it is thawed")
    }

    /// The frozen state in the order that readers see: of a sorted set by score.
    ///
    /// # Panics
    /// If it was thawed.
    pub(super) fn frozen(&self, id: FrozenId) -> View {
        let scores = self.get(id.number).scores.as_ref();
        match (scores, id.scores) {
            (Some(tree), Some(view)) => tree.view(view).expect("it is read before it is thawed"),
            _ => self.frozen_members(id),
        }
    }

    /// Ends a frozen state in O(1); what only it needed is freed later.
    pub(super) fn thaw(&mut self, id: FrozenId) {
        let large = &mut self.slots[id.number as usize];
        large.trees.members.close(id.members);
        if let (Some(tree), Some(view)) = (large.trees.scores.as_mut(), id.scores) {
            tree.close(view);
        }
        large.open_views -= 1;
        self.open_views -= 1;
        self.note_change(id.number);
    }

    /// Ends frozen states: few at once, many with [`Collections::bury_some`].
    pub(super) fn thaw_all(&mut self, mut ids: Vec<FrozenId>) {
        self.unneeded.append(&mut ids);
        if self.unneeded.len() <= STEP_THAWS {
            self.thaw_some();
        }
    }

    fn thaw_some(&mut self) {
        let left = self.unneeded.len().saturating_sub(STEP_THAWS);
        for id in self.unneeded.split_off(left) {
            self.thaw(id);
        }
    }

    /// Whether blocks may be moved: none belongs to a frozen state, none waits to be freed.
    pub(super) fn may_move(&self) -> bool {
        self.open_views == 0 && self.row.is_empty()
    }

    /// Moves a block out of the slab that is being emptied, if it can be moved.
    pub(super) fn relocate(&mut self, memory: &mut Memory, from: BlockId) {
        let owner = owner(memory.bytes(from));
        let trees = &mut self.slots[(owner >> 1) as usize].trees;
        let second = trees.scores.as_mut().filter(|_| owner & 1 == 1);
        let tree = second.unwrap_or(&mut trees.members);
        let to = memory.copy_block(from);
        if tree.relocate(memory, from, to) {
            memory.abandon_block(from);
        } else {
            BlockStore::free(memory, to);
        }
    }

    /// Bytes of the slots.
    pub(super) fn used_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<Box<Large>>()
            + self.slots.len() * size_of::<Large>()
            + self.key_bytes
    }

    /// Frees everything. O(blocks).
    pub(super) fn free_all(&mut self, memory: &mut Memory) {
        while self.has_garbage() {
            self.bury_some(memory);
        }
    }

    /// Panics if an invariant does not hold; returns the bytes of all blocks and how many slots
    /// entries have. O(elements).
    #[cfg(any(test, debug_assertions))]
    pub(super) fn check_invariants(&self, memory: &Memory) -> (usize, usize) {
        let mut bytes = 0;
        let mut owned = 0;
        let kept_bytes: usize = self.slots.iter().map(|(_, large)| large.kept_bytes).sum();
        assert_eq!(kept_bytes, self.kept_bytes);
        for (_, large) in &self.slots {
            assert!(large.open_views > 0 || large.kept_bytes == 0);
            owned += usize::from(!large.is_dropped);
            bytes += large.trees.held_bytes();
            for tree in large.trees.trees() {
                tree.check_invariants(memory);
            }
        }
        (bytes, owned)
    }
}

impl PositionStore for Collections {
    #[inline]
    fn set_position(&mut self, payload: u64, position: u32) {
        let due = self.slots[payload as usize].due.as_mut();
        due.expect("a hash in the heap knows its key").position = position;
    }
}
