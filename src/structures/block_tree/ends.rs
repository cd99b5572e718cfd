//! Items that come to an end of a list and go from there.
//!
//! ```text
//!  room in the outermost leaf, no view ──▶ in place, then the counts above it on a second way down
//!  else ─────────────────────────────────▶ as anywhere: `grow.rs`, `shrink.rs`
//! ```
//!
//! A leaf that loses items is looked at again, to be made smaller or merged, only when half of it
//! is free: whoever takes items from an end goes on with it, and each time it is copied.
//!
//! Cost: O(log n) nodes, of each its first or last child alone; no path is kept.
//!
//! Not here: items between others.

use super::node::Node;
use super::store::{BlockId, BlockStore};
use super::view::step_down;
use super::{Tree, View, block_offset, leaf_block};
use crate::structures::block::{Element, ElementRef, End, Shape};
use crate::structures::item::Code;

/// The outermost child of a node.
#[inline]
fn outermost(end: End, node: Node<'_>) -> usize {
    match end {
        End::Front => 0,
        End::Back => node.count() - 1,
    }
}

/// How far a look-up of the outermost leaf has come. Any change of the tree makes it stale.
#[derive(Clone, Copy, Debug)]
pub struct EndDescent {
    end: End,
    id: BlockId,
    levels: usize,
}

impl EndDescent {
    /// Reads a node, which was asked for by the step before, and asks for its child; whether there
    /// was one, so that another step is worth while.
    #[inline]
    fn advance<S: BlockStore>(&mut self, store: &S) -> bool {
        let end = self.end;
        step_down(store, &mut self.id, &mut self.levels, |node| {
            outermost(end, node)
        })
    }

    /// Takes look-ups down to their leaves, a level of all of them at a time.
    #[inline]
    pub fn advance_all<S: BlockStore>(descents: &mut [Self], store: &S) {
        let advance = |has_more, descent: &mut Self| descent.advance(store) | has_more;
        while descents.iter_mut().fold(false, advance) {}
    }

    /// Asks for the items at the end for which a descent has come to its leaf, whose head has
    /// arrived.
    ///
    /// # Panics
    /// If it has not.
    #[inline]
    pub fn prefetch_items<S: BlockStore>(&self, store: &S) {
        assert!(self.levels == 0, "a descent ends at a leaf");
        leaf_block(Shape::List, store.bytes(self.id)).prefetch_end(self.end);
    }
}

impl View {
    /// Begins to look for the outermost leaf of a list, and asks for the root.
    #[inline]
    pub fn descent_to_end<S: BlockStore>(&self, store: &S, end: End) -> Option<EndDescent> {
        let id = self.root.filter(|_| self.shape == Shape::List)?;
        store.prefetch(id);
        let levels = self.depth;
        Some(EndDescent { end, id, levels })
    }
}

impl Tree {
    /// Puts an item at an end of a list.
    pub fn push<S: BlockStore>(&mut self, store: &mut S, end: End, item: &Code) {
        if self.push_in_place(store, end, item) {
            return;
        }
        let rank = match end {
            End::Front => 0,
            End::Back => self.len(),
        };
        let place = self.locate_rank(store, rank);
        self.insert(store, place, &Element::single(*item));
    }

    /// The same if there is room and no view; whether there was.
    fn push_in_place<S: BlockStore>(&mut self, store: &mut S, end: End, item: &Code) -> bool {
        let Some(leaf) = self.leaf_at(store, end).filter(|_| self.frozen == 0) else {
            return false;
        };
        let mut block = self.edit_block(store, leaf);
        if !block.push_in_place(end, item) {
            if !block.has_room(item.byte_len()) {
                return false;
            }
            let index = match end {
                End::Front => 0,
                End::Back => block.block().count(),
            };
            let position = block.block().position(index);
            block.insert(position, &Element::single(*item), 0, &|_| 0);
        }
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
        let position = block.position_at(end);
        let element = block.element(position);
        let left_len = block_offset(self.shape()) + block.elements_len() - element.bytes().len();
        let seen = see(element);
        if self.frozen == 0 && count > 1 && left_len * 2 > capacity {
            let mut block = self.edit_block(store, leaf);
            if !block.pop_in_place(end, position) {
                block.remove(position);
            }
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
            id = node.child(outermost(end, node));
        }
        Some(id)
    }

    /// Notes that `delta` items came to the outermost leaf, or went.
    #[inline]
    fn count_at<S: BlockStore>(&mut self, store: &mut S, end: End, delta: i64) {
        let mut id = self.now.root.expect("it has a leaf");
        for _ in 0..self.now.depth {
            let mut node = self.edit_node(store, id);
            let slot = outermost(end, node.node());
            let elements = node.node().elements(slot);
            node.set_elements(slot, elements.wrapping_add_signed(delta));
            id = node.node().child(slot);
        }
        self.now.len = self.now.len.wrapping_add_signed(delta);
    }
}
