//! A second tree with the same elements.
//!
//! ```text
//!  node ─▶ its twin, child by child        each block is copied as it is, under another owner
//! ```
//!
//! Cost: O(bytes), at the speed of copying memory; no element is looked at.
//!
//! Not here: copies of single blocks that views see (`mod.rs`).

use super::node::Node;
use super::store::{BlockId, BlockStore};
use super::{Tree, View};

impl Tree {
    /// A tree with the same elements, whose blocks have another owner. O(bytes).
    pub fn duplicate<S: BlockStore>(&self, store: &mut S, owner: u32) -> Self {
        let mut twin = Self::new(self.shape, owner);
        let root = self.root;
        twin.now = View {
            root: root.map(|root| twin.duplicate_below(store, root, self.depth)),
            ..self.now
        };
        twin
    }

    /// The twin of a block that stands `level` levels above the leaves, with all below it. Goes
    /// down `level` deep.
    fn duplicate_below<S: BlockStore>(
        &mut self,
        store: &mut S,
        id: BlockId,
        level: usize,
    ) -> BlockId {
        let twin = self.copy(store, id);
        let child_count = match level {
            0 => 0,
            _ => Node::new(store.bytes(id)).count(),
        };
        for slot in 0..child_count {
            let child = Node::new(store.bytes(id)).child(slot);
            let child = self.duplicate_below(store, child, level - 1);
            self.edit_node(store, twin).set_child(slot, child);
        }
        twin
    }
}
