//! Many elements that go at once: whole subtrees are unhooked, two leaves at most lose a part.
//!
//! ```text
//!  node      [ a │ b │ c │ d │ e ]          a  stays       b  loses its end, going down
//!  removed         ═════════════            c, d  are unhooked, for the graveyard
//!                                           e  loses its beginning, going down
//! ```
//!
//! Cost: O(64 log n), whatever is removed; its blocks are freed in slices (`past.rs`).
//!
//! Not here: which ranks are meant (`view.rs`).

use super::Tree;
use super::store::{BlockId, BlockStore};
use std::ops::Range;

impl Tree {
    /// Removes the elements of these ranks.
    ///
    /// # Panics
    /// If there are not as many.
    pub fn remove_ranks<S: BlockStore>(&mut self, store: &mut S, ranks: Range<u64>) {
        assert!(ranks.end <= self.now.len, "only what is there is removed");
        let Some(root) = self.now.root.filter(|_| !ranks.is_empty()) else {
            return;
        };
        if ranks == (0..self.now.len) {
            self.clear();
            return;
        }
        let root = self.cut_below(store, root, self.now.depth, ranks.clone());
        self.now.root = Some(root);
        self.now.len -= ranks.end - ranks.start;
        self.lower_root(store);
        // The leaves on both sides of the cut may be small now.
        for rank in [ranks.start.saturating_sub(1), ranks.start] {
            let place = self.locate_rank(store, rank.min(self.now.len - 1));
            if let Some(mut path) = place.path {
                self.own_nodes(store, &mut path);
                self.settle_leaf(store, &mut path);
                self.settle_nodes(store, path);
            }
        }
    }

    /// Removes all elements, in O(1): their blocks are freed by [`Tree::bury_some`].
    pub fn clear(&mut self) {
        if let Some(root) = self.now.root.take() {
            self.bury(root);
        }
        self.now.depth = 0;
        self.now.len = 0;
    }

    /// Removes some but not all of the elements below a block that stands `level` levels above the
    /// leaves; the block that stands there then. Goes down twice at most, `level` deep.
    fn cut_below<S: BlockStore>(
        &mut self,
        store: &mut S,
        id: BlockId,
        level: usize,
        ranks: Range<u64>,
    ) -> BlockId {
        let id = self.owned(store, id);
        if level == 0 {
            let mut block = self.edit_block(store, id);
            let from = block.block().position(ranks.start as usize);
            let to = block.block().position(ranks.end as usize);
            block.remove_range(from, to);
            return id;
        }
        let mut before = 0;
        let mut gone = 0..0;
        for slot in 0..self.node(store, id).count() {
            let entry = self.node(store, id).entry(slot);
            let start = ranks.start.saturating_sub(before).min(entry.elements);
            let end = ranks.end.saturating_sub(before).min(entry.elements);
            before += entry.elements;
            if start == end {
                continue;
            }
            if end - start == entry.elements {
                self.bury(entry.child);
                gone = if gone.is_empty() { slot } else { gone.start }..slot + 1;
                continue;
            }
            let child = self.cut_below(store, entry.child, level - 1, start..end);
            let deadline = self.least_below(store, child, level - 1);
            let mut node = self.edit_node(store, id);
            node.set_child(slot, child);
            node.set_elements(slot, entry.elements - (end - start));
            node.set_deadline(slot, deadline);
        }
        self.edit_node(store, id).remove(gone.start, gone.end);
        id
    }

    /// A block that may change: this one, or a copy in whose place it is retired.
    fn owned<S: BlockStore>(&mut self, store: &mut S, id: BlockId) -> BlockId {
        if !self.is_frozen(store, id) {
            return id;
        }
        let copy = self.copy(store, id);
        self.retire(store, id);
        copy
    }
}
