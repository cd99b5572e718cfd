//! Elements that go: removing, merging, lowering the root.
//!
//! A leaf that lost much is copied to fewer bytes. One that is less than a quarter full is merged
//! with a neighbour below the same node if both together fill at most three quarters; nodes with a
//! quarter of their children likewise. So an element that comes and goes never splits and merges in
//! turn. An empty leaf goes, and so do nodes without children and a root with one.
//!
//! Not here: many elements at once (`range.rs`).

use super::node::{CHILDREN_MAX, Entry, NEVER, Node};
use super::path::{Path, Place};
use super::store::{BlockId, BlockStore, HashBytes};
use super::{Tree, block_offset, grow::sum};
use crate::structures::block::{Block, BlockMut, ElementRef, Position};
use crate::structures::item;
use arrayvec::ArrayVec;
use std::ops::Range;

/// How full what is merged may be at most, in quarters, and how empty one of both must be.
const MERGED_QUARTERS_MAX: usize = 3;
const MERGE_BELOW_QUARTERS: usize = 1;

impl Tree {
    /// Removes the element that was found at a place.
    ///
    /// # Panics
    /// If nothing was found there.
    pub fn remove<S: BlockStore>(&mut self, store: &mut S, place: Place) {
        assert!(place.is_found, "what is removed must be there");
        let mut path = place.path.expect("what was found has a path");
        self.take_out(store, &mut path, place.position);
        self.settle(store, path);
    }

    /// Removes, of the items of a list from rank `ranks.start` up to `ranks.end`, which stand in
    /// one leaf, those of which `is_gone` says so, which is asked of each once and in order; how
    /// many. O(bytes of a leaf), however many go.
    ///
    /// # Panics
    /// If it is no list, or the items stand in several leaves.
    pub fn remove_where<S: BlockStore>(
        &mut self,
        store: &mut S,
        ranks: Range<u64>,
        is_gone: impl FnMut(ElementRef) -> bool,
    ) -> u64 {
        let place = self.locate_rank(store, ranks.start);
        let Some(mut path) = place.path else {
            return 0;
        };
        self.own_nodes(store, &mut path);
        self.own_leaf(store, &mut path);
        let first = place.position.index;
        let indexes = first..first + (ranks.end - ranks.start) as usize;
        let gone_count = self
            .edit_block(store, path.leaf)
            .remove_where(indexes, is_gone);
        self.change_elements(store, &path, -(gone_count as i64));
        self.settle(store, path);
        gone_count as u64
    }

    /// Makes a leaf that lost elements, and the nodes above it, as small as they should be. The
    /// nodes may change already.
    pub(super) fn settle<S: BlockStore>(&mut self, store: &mut S, mut path: Path) {
        if self.settle_leaf(store, &mut path) {
            self.settle_nodes(store, path);
        }
    }

    /// The same for the leaf alone; whether a node has lost a child.
    pub(super) fn settle_leaf<S: BlockStore>(&mut self, store: &mut S, path: &mut Path) -> bool {
        let block = self.block(store, path.leaf);
        let needed = block_offset(self.shape) + block.used_len();
        if block.count() == 0 {
            self.drop_leaf(store, path);
            return true;
        }
        let is_merged = self.merge_leaf(store, path, needed);
        if !is_merged {
            self.fit_leaf(store, path, needed);
        }
        is_merged
    }

    /// The same for the nodes above a leaf.
    pub(super) fn settle_nodes<S: BlockStore>(&mut self, store: &mut S, mut path: Path) {
        for level in (1..path.steps.len()).rev() {
            self.merge_node(store, &mut path, level);
        }
        self.lower_root(store);
    }

    /// Takes an empty leaf away, and the nodes that have no other child. The path ends at the
    /// lowest node that stays.
    fn drop_leaf<S: BlockStore>(&mut self, store: &mut S, path: &mut Path) {
        self.retire(store, path.leaf);
        while let Some(&step) = path.steps.last() {
            let mut node = self.edit_node(store, step.node);
            node.remove(step.slot, step.slot + 1);
            if node.node().count() > 0 {
                return;
            }
            self.retire(store, step.node);
            path.steps.pop();
        }
        self.now.root = None;
        self.now.depth = 0;
    }

    /// Copies a leaf, of whose bytes so many are needed, to fewer if a quarter of it is free.
    fn fit_leaf<S: BlockStore>(&mut self, store: &mut S, path: &mut Path, needed: usize) {
        let len = store.bytes(path.leaf).len();
        if needed * 4 <= len * 3 && store.good_len(needed) < len {
            self.resize(store, path, store.good_len(needed), 0);
        }
    }

    /// Merges a leaf, of whose bytes so many are needed, with a neighbour if it is small and both
    /// fit together; whether it did.
    fn merge_leaf<S: BlockStore>(&mut self, store: &mut S, path: &mut Path, needed: usize) -> bool {
        let Some(&step) = path.steps.last() else {
            return false;
        };
        let offset = block_offset(self.shape);
        let quarter = self.leaf_bytes_max() / 4;
        let node = self.node(store, step.node);
        if needed >= quarter * MERGE_BELOW_QUARTERS || node.count() < 2 {
            return false;
        }
        // The one after it, or for the last one the one before it.
        let first = step.slot.min(node.count() - 2);
        let (left, right) = (node.entry(first), node.entry(first + 1));
        let blocks = [left.child, right.child].map(|id| self.block(store, id));
        let count = blocks.iter().map(Block::count).sum();
        let elements_len = blocks.iter().map(Block::elements_len).sum();
        let needed = offset + Block::len_of(self.shape, self.is_tagged(), count, elements_len);
        if needed > quarter * MERGED_QUARTERS_MAX {
            return false;
        }
        let label = self.label(store, left.child);
        let merged = self.new_leaf(store, needed, count, label);
        self.push_all(store, left.child, merged);
        self.push_all(store, right.child, merged);
        let entry = Entry {
            child: merged,
            elements: left.elements + right.elements,
            deadline: left.deadline.min(right.deadline),
            order: left.order,
        };
        self.join(store, path, path.steps.len() - 1, first, entry);
        path.leaf = merged;
        self.retire(store, left.child);
        self.retire(store, right.child);
        true
    }

    /// Appends all elements of a leaf to another one.
    fn push_all<S: BlockStore>(&self, store: &mut S, from: BlockId, to: BlockId) {
        let offset = block_offset(self.shape);
        let is_tagged = self.is_tagged();
        let hasher = store.hasher();
        let (from, to) = store.pair(from, to);
        let piece = |(position, element): (Position, ElementRef)| {
            let tag = if is_tagged {
                hasher.hash_bytes(item::hashed_part(element.key_bytes())) as u8
            } else {
                0
            };
            (
                position.offset..position.offset + element.bytes().len(),
                tag,
            )
        };
        let source = Block::new(&from[offset..]);
        let mut block = BlockMut::new(&mut to[offset..]);
        block.append(source, source.from(0).map(piece));
    }

    /// Puts `entry` in the place of two neighbours.
    fn join<S: BlockStore>(
        &mut self,
        store: &mut S,
        path: &mut Path,
        level: usize,
        first: usize,
        entry: Entry,
    ) {
        let step = &mut path.steps[level];
        step.slot = first;
        let mut node = self.edit_node(store, step.node);
        node.remove(first + 1, first + 2);
        node.set(first, entry);
    }

    /// Merges a node of a path with a neighbour if it has few children and both fit together.
    fn merge_node<S: BlockStore>(&mut self, store: &mut S, path: &mut Path, level: usize) {
        let quarter = CHILDREN_MAX / 4;
        let above = path.steps[level - 1];
        let count = self.node(store, path.steps[level].node).count();
        let node = self.node(store, above.node);
        if count > quarter * MERGE_BELOW_QUARTERS || node.count() < 2 {
            return;
        }
        let first = above.slot.min(node.count() - 2);
        let (left, right) = (node.entry(first), node.entry(first + 1));
        let nodes = [left.child, right.child].map(|id| self.node(store, id));
        if nodes.iter().map(Node::count).sum::<usize>() > quarter * MERGED_QUARTERS_MAX {
            return;
        }
        let boundary = nodes[0].count();
        let mut entries: ArrayVec<Entry, CHILDREN_MAX> =
            nodes.iter().flat_map(Node::entries).collect();
        // The first order of a node says nothing; what separates both nodes stands above them.
        entries[boundary].order = right.order;
        let height = self.now.depth - level;
        let merged = self.node_of(store, &entries, height, 0);
        let entry = sum(&entries, merged, left.order);
        self.join(store, path, level - 1, first, entry);
        path.steps[level].node = merged;
        self.retire(store, left.child);
        self.retire(store, right.child);
    }

    /// Takes roots with a single child away.
    pub(super) fn lower_root<S: BlockStore>(&mut self, store: &mut S) {
        while let Some(root) = self.now.root.filter(|_| self.now.depth > 0) {
            let node = self.node(store, root);
            if node.count() > 1 {
                return;
            }
            self.now.root = Some(node.child(0));
            self.now.depth -= 1;
            self.retire(store, root);
        }
    }

    /// The least deadline below a block that stands `level` levels above the leaves.
    pub(super) fn least_below<S: BlockStore>(&self, store: &S, id: BlockId, level: usize) -> u64 {
        if level == 0 {
            self.block(store, id).least_deadline().unwrap_or(NEVER)
        } else {
            self.node(store, id).least_deadline()
        }
    }
}
