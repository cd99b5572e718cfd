//! A second tree with the same elements, made at once or leaf by leaf.
//!
//! ```text
//!  source   [ leaf │ leaf │ leaf │ … ]
//!               │ copied as it is, under another owner
//!               ▼
//!  twin     [ leaf │ leaf │            hooked behind the last one
//! ```
//!
//! Cost: O(bytes), at the speed of copying memory; no element is looked at. A leaf costs two
//! searches besides.
//!
//! Not here: copies of single blocks that views see (`mod.rs`).

use super::Tree;
use super::node::Entry;
use super::store::{BlockId, BlockStore};
use super::view::View;

impl Tree {
    /// A tree with the same elements, whose blocks have another owner. O(bytes).
    pub fn duplicate<S: BlockStore>(&self, store: &mut S, owner: u32) -> Self {
        let mut twin = Self::new(self.shape, owner);
        twin.append_leaves(store, &self.now, 0, usize::MAX);
        twin
    }

    /// Appends copies of the leaves of `source` that begin at `rank`, which must be 0 or what the
    /// last call returned, until `bytes_max` or more are copied. Returns the rank to go on with;
    /// at the length of `source` all of it is there. The tree must hold what stands before `rank`
    /// and nothing else, and nobody may have frozen it.
    ///
    /// # Panics
    /// If the tree holds something else.
    pub fn append_leaves<S: BlockStore>(
        &mut self,
        store: &mut S,
        source: &View,
        rank: u64,
        bytes_max: usize,
    ) -> u64 {
        assert!(self.len == rank && self.frozen == 0, "leaves are appended");
        let mut copied_bytes = 0;
        while self.now.len < source.len() && copied_bytes < bytes_max {
            let place = source.locate_rank(store, self.now.len);
            assert!(place.position.index == 0, "a leaf is copied from its start");
            let path = place.path.expect("a tree with elements has leaves");
            let order = path.order_of_leaf(store).unwrap_or(0);
            copied_bytes += store.bytes(path.leaf).len();
            let twin = self.copy(store, path.leaf);
            self.hook(store, twin, order);
        }
        self.now.len
    }

    /// Puts a leaf behind the last one; `order` is a lower bound of it, and above all before it.
    fn hook<S: BlockStore>(&mut self, store: &mut S, leaf: BlockId, order: u64) {
        let block = self.block(store, leaf);
        let (count, deadline) = (block.count(), block.least_deadline());
        let Some(mut path) = self.descend(store, |node| node.count() - 1) else {
            self.now.root = Some(leaf);
            self.now.len = count as u64;
            return;
        };
        self.make_room(store, &mut path);
        let step = path.steps.last_mut().expect("make_room gave it one");
        step.slot += 1;
        let (parent, slot) = (step.node, step.slot);
        path.leaf = leaf;
        let entry = Entry::of_empty(self.border(order, self.label(store, leaf)), leaf);
        self.edit_node(store, parent).insert(slot, entry);
        self.change_elements(store, &path, count as i64);
        if let Some(deadline) = deadline {
            self.note_deadline(store, &mut path, deadline);
        }
    }
}
