//! Whether a tree keeps its invariants. For tests: O(n).
//!
//! Not here: blocks by themselves (`structures/block/check.rs`).

use super::node::{CHILDREN_MAX, NEVER};
use super::store::{self, BlockId, BlockStore, HashBytes};
use super::view::hash_order;
use super::{Tree, block_offset};
use crate::structures::block::{Block, ElementRef, Shape};
use crate::structures::item::{self, score_order};

/// What stands below a child by its parent's word.
#[derive(Clone, Copy)]
struct Bounds {
    /// The least order, unless nothing stands before it.
    low: Option<u64>,
    /// Above all orders, or, in a tree by score, equal to the greatest.
    high: Option<u64>,
}

/// What is found below a block.
struct Found {
    elements: u64,
    deadline: u64,
}

impl Tree {
    /// Checks everything, and returns all blocks that the tree has in its store, each once.
    ///
    /// # Panics
    /// If an invariant does not hold.
    pub fn check_invariants<S: BlockStore>(&self, store: &S) -> Vec<BlockId> {
        let mut blocks = Vec::new();
        if let Some(root) = self.root {
            let bounds = Bounds {
                low: None,
                high: None,
            };
            let found = self.check_below(store, root, self.depth, bounds, &mut blocks);
            assert_eq!(found.elements, self.len, "the tree's length");
            assert_eq!(
                found.deadline,
                self.next_deadline(store).unwrap_or(NEVER),
                "the next deadline"
            );
        }
        assert_eq!(
            self.root.is_none(),
            self.len == 0,
            "empty trees have no root"
        );
        self.check_sequence(store);
        for (id, is_subtree) in self.waiting() {
            self.add_waiting(store, id, is_subtree, &mut blocks);
        }
        let retired = self.waiting().filter(|(_, is_subtree)| !is_subtree);
        let retired_bytes: usize = retired.map(|(id, _)| store.bytes(id).len()).sum();
        assert_eq!(
            retired_bytes, self.retired_bytes,
            "the bytes of retired blocks"
        );
        let bytes: usize = blocks.iter().map(|&id| store.bytes(id).len()).sum();
        assert_eq!(bytes, self.held_bytes, "the bytes of all blocks");
        let count = blocks.len();
        blocks.sort_unstable();
        blocks.dedup();
        assert_eq!(blocks.len(), count, "a block stands in one place");
        self.check_views(store, &blocks);
        blocks
    }

    fn check_below<S: BlockStore>(
        &self,
        store: &S,
        id: BlockId,
        level: usize,
        bounds: Bounds,
        blocks: &mut Vec<BlockId>,
    ) -> Found {
        blocks.push(id);
        let bytes = store.bytes(id);
        assert_eq!(store::level(bytes), level, "a block knows its level");
        assert_eq!(store::owner(bytes), self.owner, "a block knows its owner");
        assert!(store::born(bytes) <= self.epoch, "nothing is born later");
        if level == 0 {
            return self.check_leaf(store, id, bounds);
        }
        let node = self.node(store, id);
        assert!((1..=CHILDREN_MAX).contains(&node.count()), "children");
        let mut found = Found {
            elements: 0,
            deadline: NEVER,
        };
        for (slot, entry) in node.entries().enumerate() {
            let bounds = Bounds {
                low: if slot > 0 {
                    Some(entry.order)
                } else {
                    bounds.low
                },
                high: if slot + 1 < node.count() {
                    Some(node.order(slot + 1))
                } else {
                    bounds.high
                },
            };
            let child_is_frozen = self.is_frozen(store, entry.child);
            assert!(
                child_is_frozen || !self.is_frozen(store, id),
                "views see whole subtrees"
            );
            let below = self.check_below(store, entry.child, level - 1, bounds, blocks);
            assert_eq!(below.elements, entry.elements, "elements below a child");
            assert_eq!(
                below.deadline, entry.deadline,
                "least deadline below a child"
            );
            found.elements += below.elements;
            found.deadline = found.deadline.min(below.deadline);
        }
        found
    }

    fn check_leaf<S: BlockStore>(&self, store: &S, leaf: BlockId, bounds: Bounds) -> Found {
        let hasher = store.hasher();
        let hash = |bytes: &[u8]| hasher.hash_bytes(bytes);
        let bytes = &store.bytes(leaf)[block_offset(self.shape)..];
        let block = Block::check(bytes, &hash).expect("a leaf is a block");
        assert_eq!(block.shape(), self.shape, "leaves have the tree's shape");
        assert!(block.count() > 0, "no leaf is empty");
        for element in block.elements() {
            let order = match self.shape {
                Shape::Set | Shape::Map => hash_order(hash(item::hashed_part(element.key_bytes()))),
                Shape::Scored => score_order(element.score()),
                Shape::List => break,
            };
            assert!(bounds.low.is_none_or(|low| low <= order), "a lower bound");
            let may_equal = self.shape == Shape::Scored;
            let is_below = |high| order < high || (may_equal && order == high);
            assert!(bounds.high.is_none_or(is_below), "an upper bound");
        }
        let label = self.label(store, leaf);
        if let (Shape::List, Some(low)) = (self.shape, bounds.low) {
            assert_eq!(label, low, "a leaf's order is its label");
        }
        Found {
            elements: block.count() as u64,
            deadline: block.least_deadline().unwrap_or(NEVER),
        }
    }

    /// Checks what holds from leaf to leaf: the order of scores, that of labels.
    fn check_sequence<S: BlockStore>(&self, store: &S) {
        if self.shape == Shape::Scored {
            let is_ordered = |pair: (ElementRef, ElementRef)| {
                let order = score_order(pair.0.score()).cmp(&score_order(pair.1.score()));
                order
                    .then_with(|| pair.0.key().cmp_text(pair.1.key()))
                    .is_lt()
            };
            let pairs = self.walk(store, 0).zip(self.walk(store, 1.min(self.len)));
            assert!(pairs.into_iter().all(is_ordered), "elements are in order");
        }
        if self.shape == Shape::List && self.len > 0 {
            let labels: Vec<u64> = self
                .leaves(store)
                .map(|leaf| self.label(store, leaf))
                .collect();
            let distances = labels.iter().map(|label| label.wrapping_sub(labels[0]));
            assert!(distances.is_sorted(), "labels don't descend");
        }
    }

    fn add_waiting<S: BlockStore>(
        &self,
        store: &S,
        id: BlockId,
        is_subtree: bool,
        blocks: &mut Vec<BlockId>,
    ) {
        blocks.push(id);
        if is_subtree && store::level(store.bytes(id)) > 0 {
            for entry in self.node(store, id).entries() {
                self.add_waiting(store, entry.child, true, blocks);
            }
        }
    }

    /// Checks that everything a view sees is still there. `blocks` are all, in order.
    fn check_views<S: BlockStore>(&self, store: &S, blocks: &[BlockId]) {
        for view in self.views() {
            let mut below: Vec<BlockId> = view.root.into_iter().collect();
            while let Some(id) = below.pop() {
                assert!(blocks.binary_search(&id).is_ok(), "views see live blocks");
                assert!(self.is_frozen(store, id), "views see frozen blocks");
                if store::level(store.bytes(id)) > 0 {
                    below.extend(self.node(store, id).entries().map(|entry| entry.child));
                }
            }
        }
    }
}
