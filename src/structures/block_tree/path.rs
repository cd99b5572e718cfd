//! The way from the root of a tree to one of its elements.
//!
//! ```text
//!  steps   root, slot ─▶ node, slot ─▶ …      leaf: position
//! ```
//!
//! A place is found by a search and used up by the next change. There are no pointers from child to
//! parent and none between neighbours, so whatever goes up or aside goes along a path.
//!
//! Not here: the searches (`view.rs`).

use super::node::Node;
use super::store::{BlockId, BlockStore};
use crate::structures::block::Position;
use arrayvec::ArrayVec;

/// Nodes above a leaf at most. Each one but the root had 64 children when its level was opened, so
/// no tree that fits 2^32 elements comes near.
pub(super) const DEPTH_MAX: usize = 10;

/// One node of a path, and which child is next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) node: BlockId,
    pub(super) slot: usize,
}

/// From the root to a leaf.
#[derive(Clone, Debug)]
pub(super) struct Path {
    pub(super) steps: ArrayVec<Step, DEPTH_MAX>,
    pub(super) leaf: BlockId,
}

impl Path {
    /// Whether no element stands after those of the leaf; before them, if `is_first`.
    pub(super) fn is_at_end<S: BlockStore>(&self, store: &S, is_first: bool) -> bool {
        self.steps.iter().all(|step| {
            let end = if is_first {
                0
            } else {
                Node::new(store.bytes(step.node)).count() - 1
            };
            step.slot == end
        })
    }

    /// The order of the nearest child after the leaf's, if there is one.
    pub(super) fn order_after<S: BlockStore>(&self, store: &S) -> Option<u64> {
        self.steps.iter().rev().find_map(|step| {
            let node = Node::new(store.bytes(step.node));
            (step.slot + 1 < node.count()).then(|| node.order(step.slot + 1))
        })
    }

    /// The order of the leaf, as its parents have it: a lower bound, if there is one.
    pub(super) fn order_of_leaf<S: BlockStore>(&self, store: &S) -> Option<u64> {
        self.steps.iter().rev().find_map(|step| {
            let node = Node::new(store.bytes(step.node));
            (step.slot > 0).then(|| node.order(step.slot))
        })
    }
}

/// Where an element stands, or would be inserted. Any change of the tree makes it stale.
#[derive(Clone, Debug)]
pub struct Place {
    /// None in an empty tree.
    pub(super) path: Option<Path>,
    pub(super) position: Position,
    pub(super) is_found: bool,
    /// The hash that was looked for, in trees by hash.
    pub(super) hash: u64,
}

impl Place {
    pub(super) fn nowhere(hash: u64) -> Self {
        Self {
            path: None,
            position: Position {
                index: 0,
                offset: 0,
            },
            is_found: false,
            hash,
        }
    }

    /// Whether what was looked for stands there.
    #[inline]
    pub fn is_found(&self) -> bool {
        self.is_found
    }
}
