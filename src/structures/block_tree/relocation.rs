//! Blocks that the store wants to move: finding the word that names one.
//!
//! A block has no pointer to its parent; it is found again by its first element, or, in a list, by
//! the label of its first leaf. Labels may repeat where elements were inserted at one place again
//! and again; then all leaves of the label are looked through.
//!
//! Cost: one search. In a list, besides, a step for each node above leaves of the same label.
//!
//! Not here: which blocks are moved, and the copying.

use super::Tree;
use super::node::Node;
use super::path::Step;
use super::store::{self, BlockId, BlockStore, HashBytes};
use super::view::hash_order;
use crate::structures::block::Shape;
use crate::structures::item;

impl Tree {
    /// Names a block anew that has been copied to `to`, byte by byte. From then on the tree knows
    /// nothing of `from`, which the store takes back itself. False, and nothing is changed, if a
    /// view sees the block or it waits to be freed: then it stays where it is for a while.
    pub fn relocate<S: BlockStore>(&mut self, store: &mut S, from: BlockId, to: BlockId) -> bool {
        let bytes = store.bytes(from);
        let level = store::level(bytes);
        if self.is_frozen(store, from) || store::is_retired(bytes) {
            return false;
        }
        if self.now.root == Some(from) {
            self.now.root = Some(to);
            return true;
        }
        let Some(step) = self.find_parent(store, from, level) else {
            return false;
        };
        self.edit_node(store, step.node).set_child(step.slot, to);
        true
    }

    /// The node and the slot that name a block of the present state.
    fn find_parent<S: BlockStore>(&self, store: &S, id: BlockId, level: usize) -> Option<Step> {
        if level >= self.depth {
            return None;
        }
        if self.shape == Shape::List {
            let first = self.leaves(store).next()?;
            let base = self.label(store, first);
            let label = self.label(store, self.first_leaf_below(store, id, level));
            let distance = label.wrapping_sub(base);
            return self.find_by_label(
                store,
                (self.root?, self.depth),
                (id, level),
                base,
                distance,
            );
        }
        let first = self.first_below(store, id, level);
        let path = match self.shape {
            Shape::Scored => self.locate_scored(store, first.score(), first.key()).path,
            Shape::Set | Shape::Map | Shape::List => {
                let hash = store
                    .hasher()
                    .hash_bytes(item::hashed_part(first.key_bytes()));
                self.locate_order(store, hash_order(hash))
            }
        };
        let step = path?.steps[self.depth - level - 1];
        let is_it = self.node(store, step.node).child(step.slot) == id;
        is_it.then_some(step)
    }

    /// Looks for a block below a node, among all children that may have its label below them.
    fn find_by_label<S: BlockStore>(
        &self,
        store: &S,
        (node_id, height): (BlockId, usize),
        wanted: (BlockId, usize),
        base: u64,
        distance: u64,
    ) -> Option<Step> {
        let node = Node::new(store.bytes(node_id));
        for slot in (0..node.count()).rev() {
            let own = node.order(slot).wrapping_sub(base);
            if slot > 0 && own > distance {
                continue;
            }
            let child = node.child(slot);
            if height - 1 == wanted.1 {
                if child == wanted.0 {
                    return Some(Step {
                        node: node_id,
                        slot,
                    });
                }
            } else {
                let below = (child, height - 1);
                let found = self.find_by_label(store, below, wanted, base, distance);
                if found.is_some() {
                    return found;
                }
            }
            if own < distance {
                return None;
            }
        }
        None
    }
}
