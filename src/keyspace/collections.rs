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
//!
//! 4. `kept_bytes` is what is there for the sake of views alone: blocks that changes have replaced,
//!    and all of a collection that was dropped.
//!
//! Cost: some 200 bytes a large collection.
//!
//! Not here: what is in the trees (`structures/block_tree`), who reads frozen views.

use super::memory::Memory;
use crate::structures::block::Shape;
use crate::structures::block_tree::{BlockId, BlockStore, Tree, View, ViewId, owner};
use crate::value::collection::Trees;
use crate::value::encoding::Encoding;
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
    /// What views alone keep of it, as it stands in the sum of all.
    kept_bytes: usize,
}

impl Large {
    /// Bytes that are there for the sake of views: what changes have replaced, or, once no entry
    /// has it any more, all.
    fn bytes_for_views(&mut self) -> usize {
        if self.open_views == 0 {
            return 0;
        }
        let is_dropped = self.is_dropped;
        let tree = ordered_tree(&mut self.trees);
        match is_dropped {
            true => tree.held_bytes(),
            false => tree.retired_bytes(),
        }
    }
}

/// A frozen state of a large collection: of a sorted set that of the tree by score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrozenId {
    number: u32,
    view: ViewId,
}

/// All large collections of a keyspace.
#[derive(Default)]
pub(super) struct Collections {
    slots: Slab<Box<Large>>,
    row: VecDeque<u32>,
    open_views: usize,
    kept_bytes: usize,
}

impl Collections {
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
            kept_bytes: 0,
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

    /// Notes that a change may have left something to be freed.
    pub(super) fn note_change(&mut self, number: u32) {
        self.settle(number);
        let large = &mut self.slots[number as usize];
        let has_graves = large.trees.trees().any(Tree::has_graves);
        if !large.is_in_row && (has_graves || large.is_dropped && large.open_views == 0) {
            large.is_in_row = true;
            self.row.push_back(number);
        }
    }

    /// Sums up what views keep of a collection.
    fn settle(&mut self, number: u32) {
        let large = &mut self.slots[number as usize];
        let kept_bytes = large.bytes_for_views();
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
        self.note_change(number);
    }

    /// A collection with the same elements. O(elements).
    pub(super) fn duplicate(&mut self, number: u32, memory: &mut Memory) -> u32 {
        let copy = self.add(|owner| Trees {
            members: Tree::new(Shape::Set, owner),
            scores: None,
            encoding: Encoding::Small,
        });
        let source = self.get(number);
        let members = source.members.duplicate(memory, copy << 1);
        let scores = source.scores.as_ref();
        let trees = Trees {
            scores: scores.map(|tree| tree.duplicate(memory, (copy << 1) + 1)),
            members,
            encoding: source.encoding,
        };
        *self.get_mut(copy) = trees;
        copy
    }

    /// Whether something waits to be freed.
    #[inline]
    pub(super) fn has_garbage(&self) -> bool {
        !self.row.is_empty()
    }

    /// Frees 256 blocks or a mebibyte of what waits; returns how many bytes.
    pub(super) fn bury_some(&mut self, memory: &mut Memory) -> usize {
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
                self.slots.remove(number as usize);
            }
        }
        before_bytes - memory.used_bytes()
    }

    /// Freezes the present state of a collection in O(1); of a sorted set the tree by score.
    pub(super) fn freeze(&mut self, number: u32) -> FrozenId {
        let large = &mut self.slots[number as usize];
        large.open_views += 1;
        self.open_views += 1;
        let view = ordered_tree(&mut large.trees).freeze();
        self.settle(number);
        FrozenId { number, view }
    }

    /// The state that was frozen.
    ///
    /// # Panics
    /// If it was thawed.
    pub(super) fn frozen(&self, id: FrozenId) -> View {
        let trees = &self.slots[id.number as usize].trees;
        let tree = trees.scores.as_ref().unwrap_or(&trees.members);
        tree.view(id.view)
            .expect("a frozen state is read before it is thawed")
    }

    /// Ends a frozen state in O(1); what only it needed is freed later.
    pub(super) fn thaw(&mut self, id: FrozenId) {
        let large = &mut self.slots[id.number as usize];
        ordered_tree(&mut large.trees).close(id.view);
        large.open_views -= 1;
        self.open_views -= 1;
        self.note_change(id.number);
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
        self.slots.capacity() * size_of::<Box<Large>>() + self.slots.len() * size_of::<Large>()
    }

    /// Bytes of a slot.
    pub(super) const SLOT_BYTES: usize = size_of::<Large>();

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

/// The tree whose order readers see.
fn ordered_tree(trees: &mut Trees) -> &mut Tree {
    trees.scores.as_mut().unwrap_or(&mut trees.members)
}
