//! Items that come to an end of a list and go from there.
//!
//! ```text
//!  room in the outermost leaf, no view ──▶ in place, then the counts above it on a second way down
//!  else ─────────────────────────────────▶ as anywhere: `grow.rs`, `shrink.rs`
//! ```
//!
//! A leaf that loses items is looked at again, to be made smaller or merged, only when a quarter of
//! it is free.
//!
//! Cost: O(log n) nodes, of each its first or last child alone; no path is kept.
//!
//! Not here: items between others.

use super::node::Node;
use super::store::{BlockId, BlockStore};
use super::{Tree, block_offset};
use crate::structures::block::{Element, ElementRef};

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Before the first item: the left.
    Front,
    /// After the last item: the right.
    Back,
}

impl End {
    #[inline]
    fn slot(self, node: Node<'_>) -> usize {
        match self {
            Self::Front => 0,
            Self::Back => node.count() - 1,
        }
    }
}

impl Tree {
    /// Puts an item at an end of a list.
    pub fn push<S: BlockStore>(&mut self, store: &mut S, end: End, element: &Element) {
        if self.push_in_place(store, end, element) {
            return;
        }
        let rank = match end {
            End::Front => 0,
            End::Back => self.len(),
        };
        let place = self.locate_rank(store, rank);
        self.insert(store, place, element);
    }

    /// The same if there is room and no view; whether there was.
    fn push_in_place<S: BlockStore>(&mut self, store: &mut S, end: End, element: &Element) -> bool {
        let Some(leaf) = self.leaf_at(store, end).filter(|_| self.frozen == 0) else {
            return false;
        };
        let mut block = self.edit_block(store, leaf);
        if !block.has_room(element.byte_len()) {
            return false;
        }
        let index = match end {
            End::Front => 0,
            End::Back => block.block().count(),
        };
        let position = block.block().position(index);
        block.insert(position, element, 0, &|_| 0);
        self.count_at(store, end, 1);
        true
    }

    /// Removes the item at an end of a list, after `see` has seen it.
    ///
    /// # Panics
    /// If there is none.
    pub fn pop<S: BlockStore, R>(
        &mut self,
        store: &mut S,
        end: End,
        see: impl FnOnce(ElementRef<'_>) -> R,
    ) -> R {
        let leaf = self.leaf_at(store, end).expect("a list has items");
        let block = self.block(store, leaf);
        let (count, capacity) = (block.count(), store.bytes(leaf).len());
        let index = match end {
            End::Front => 0,
            End::Back => count - 1,
        };
        let position = block.position(index);
        let element = block.element(position);
        let left_len = block_offset(self.shape()) + block.used_len() - element.bytes().len();
        let seen = see(element);
        if self.frozen == 0 && count > 1 && left_len * 4 > capacity * 3 {
            self.edit_block(store, leaf).remove(position);
            self.count_at(store, end, -1);
        } else {
            let rank = match end {
                End::Front => 0,
                End::Back => self.len() - 1,
            };
            let place = self.locate_rank(store, rank);
            self.remove(store, place);
        }
        seen
    }

    /// The outermost leaf, if there is any.
    #[inline]
    fn leaf_at<S: BlockStore>(&self, store: &S, end: End) -> Option<BlockId> {
        let mut id = self.now.root?;
        for _ in 0..self.now.depth {
            let node = self.node(store, id);
            id = node.child(end.slot(node));
        }
        Some(id)
    }

    /// Notes that `delta` items came to the outermost leaf, or went.
    #[inline]
    fn count_at<S: BlockStore>(&mut self, store: &mut S, end: End, delta: i64) {
        let mut id = self.now.root.expect("it has a leaf");
        for _ in 0..self.now.depth {
            let mut node = self.edit_node(store, id);
            let slot = end.slot(node.node());
            let elements = node.node().elements(slot);
            node.set_elements(slot, elements.wrapping_add_signed(delta));
            id = node.node().child(slot);
        }
        self.now.len = self.now.len.wrapping_add_signed(delta);
    }
}
