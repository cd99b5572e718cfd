//! A counted tree of packed blocks: the elements of a large collection, by hash, score or position.
//!
//! ```text
//!  tree   ─▶ node   [ order … │ child … │ elements … │ deadline … ]        up to 64 children
//!             │
//!             ├──▶ node …
//!             └──▶ leaf   [ head │ label, lists only │ packed block ]       up to 1 KiB, lists 4 KiB
//! ```
//!
//! | shape | order of a child | found by |
//! |---|---|---|
//! | set, map | the top 48 bits of the hash of its keys, at least | key |
//! | scored | the score, at least; equal ones are told apart by the first element below | score and member |
//! | list | the label of its leaf, not searched but to find the leaf itself | rank |
//!
//! Every element has a rank as well. A leaf is as large as its content, so half-full leaves cost
//! little; an element larger than a leaf has one for itself.
//!
//! A tree can be **frozen** in O(1) ([`Tree::freeze`]): every block knows in which epoch it was
//! born, freezing begins a new one, and from then on a block that was there before is replaced
//! instead of changed, once, with the nodes above it. See `past.rs`.
//!
//! Invariants ([`Tree::check_invariants`]):
//! 1. `elements` of a slot is what stands below it, `deadline` the least of it, `order` a lower
//!    bound of it and, but for lists, above all that stands before.
//! 2. No leaf but that of an element alone, or of equal hashes, is larger than its limit when it
//!    was last inserted into; no leaf is empty.
//! 3. A block born before the youngest view never changes. Every write asserts that in debug
//!    builds.
//! 4. `held_bytes` is the sum of the blocks that the tree has in its store: of its present state,
//!    of what views still see, of what waits to be freed.
//!
//! Cost: O(log n) for each change, one leaf and one node a level at most are split or merged; no
//! change depends on the number of elements beyond that. 21.0 bytes a member of 16 bytes in a set
//! of a million, 17.4 in a list.
//!
//! After the counted B+trees of text editors, and the birth times of ZFS and btrfs.
//!
//! Not here: memory (`store.rs`), what elements mean.

pub mod arena;
mod check;
mod duplicate;
mod ends;
mod grow;
mod node;
mod past;
mod path;
mod range;
mod relocation;
mod shrink;
mod split;
mod store;
#[cfg(test)]
mod tests;
mod view;

pub use ends::End;
pub use past::ViewId;
pub use path::Place;
pub use store::{BlockId, BlockStore, HashBytes, KIND_BLOCK, LENGTH_FIELD, owner};
pub use view::{Descent, Key, View};

use crate::structures::block::{Block, BlockMut, Shape};
use node::{CHILDREN_MAX, Entry, Node, NodeMut};
use past::Past;
use path::Path;
use std::ops::Deref;
use store::HEAD_BYTES;

/// Elements of a tree at most: nodes count what stands below them in 32 bits. Whoever inserts makes
/// sure of it.
pub const ELEMENTS_MAX: u64 = u32::MAX as u64;

/// Bytes of a leaf at most: what a lookup may have to walk and a first change after freezing
/// copies.
const LEAF_BYTES_MAX: usize = 1024;

/// A list's leaf is reached from its ends, so it may be longer: sixteen fit a slab of 64 KiB.
const LIST_LEAF_BYTES_MAX: usize = 4088;

/// Bytes of a leaf's label, before the block of a list.
const LABEL_BYTES: usize = 8;

/// Where the packed block begins in a leaf.
#[inline]
const fn block_offset(shape: Shape) -> usize {
    match shape {
        Shape::List => HEAD_BYTES + LABEL_BYTES,
        Shape::Set | Shape::Map | Shape::Scored => HEAD_BYTES,
    }
}

/// The packed block in a leaf.
#[inline]
fn leaf_block(shape: Shape, leaf: &[u8]) -> Block<'_> {
    Block::new(&leaf[block_offset(shape)..])
}

/// A tree. Its blocks are in the store that every method is given, always the same one, and stay
/// there until [`Tree::clear`] and [`Tree::bury_some`] have given them back.
pub struct Tree {
    now: View,
    owner: u32,
    held_bytes: usize,
    /// Of these, blocks that were replaced while a view saw them and are not freed.
    retired_bytes: usize,
    /// The epoch in which new blocks are born.
    epoch: u64,
    /// Blocks born in this epoch or before belong to views, too.
    frozen: u64,
    /// Only what was ever frozen or dropped in bulk needs it.
    past: Option<Box<Past>>,
}

impl Deref for Tree {
    type Target = View;

    /// The present state.
    #[inline]
    fn deref(&self) -> &View {
        &self.now
    }
}

impl Tree {
    /// An empty tree, which takes no memory. `owner` is written into each of its blocks.
    pub fn new(shape: Shape, owner: u32) -> Self {
        Self {
            now: View {
                shape,
                root: None,
                depth: 0,
                len: 0,
            },
            owner,
            held_bytes: 0,
            retired_bytes: 0,
            epoch: 1,
            frozen: 0,
            past: None,
        }
    }

    /// A tree with the elements of a packed block, which becomes its only leaf. O(bytes).
    pub fn from_block<S: BlockStore>(store: &mut S, source: Block, owner: u32) -> Self {
        let mut tree = Self::new(source.shape(), owner);
        if source.count() == 0 {
            return tree;
        }
        let len = block_offset(source.shape()) + source.used_len();
        let leaf = tree.allocate(store, store.good_len(len), 0);
        let bytes = tree.edit(store, leaf);
        BlockMut::copy(&mut bytes[block_offset(source.shape())..], source, 0);
        tree.set_label(store, leaf, 0);
        tree.now.root = Some(leaf);
        tree.now.len = source.count() as u64;
        tree
    }

    /// The present state.
    pub fn current(&self) -> View {
        self.now
    }

    /// Bytes of all blocks in the store.
    pub fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Bytes of blocks that were replaced while a view saw them and are not freed yet.
    pub fn retired_bytes(&self) -> usize {
        self.retired_bytes
    }

    /// The number that is in all of its blocks.
    pub fn owner(&self) -> u32 {
        self.owner
    }

    fn leaf_bytes_max(&self) -> usize {
        match self.shape {
            Shape::List => LIST_LEAF_BYTES_MAX,
            Shape::Set | Shape::Map | Shape::Scored => LEAF_BYTES_MAX,
        }
    }

    /// Whether its blocks keep tags: only where keys are looked for.
    fn is_tagged(&self) -> bool {
        self.shape.is_hashed()
    }

    /// A new block of `len` bytes with its head.
    fn allocate<S: BlockStore>(&mut self, store: &mut S, len: usize, level: usize) -> BlockId {
        let id = store.allocate(len);
        self.held_bytes += len;
        store::write_head(store.bytes_mut(id), level, self.epoch, self.owner);
        id
    }

    /// Gives a block back that nobody sees.
    fn release<S: BlockStore>(&mut self, store: &mut S, id: BlockId) {
        self.held_bytes -= store.bytes(id).len();
        store.free(id);
    }

    /// Whether a view sees the block, so that it must not change.
    #[inline]
    fn is_frozen<S: BlockStore>(&self, store: &S, id: BlockId) -> bool {
        self.frozen != 0 && store::born(store.bytes(id)) <= self.frozen
    }

    /// A block's bytes, to be changed: the only way to any.
    #[inline]
    fn edit<'s, S: BlockStore>(&self, store: &'s mut S, id: BlockId) -> &'s mut [u8] {
        debug_assert!(!self.is_frozen(store, id), "views see this block");
        store.bytes_mut(id)
    }

    fn node<'s, S: BlockStore>(&self, store: &'s S, id: BlockId) -> Node<'s> {
        Node::new(store.bytes(id))
    }

    fn edit_node<'s, S: BlockStore>(&self, store: &'s mut S, id: BlockId) -> NodeMut<'s> {
        NodeMut::new(self.edit(store, id))
    }

    fn edit_block<'s, S: BlockStore>(&self, store: &'s mut S, leaf: BlockId) -> BlockMut<'s> {
        let offset = block_offset(self.shape);
        BlockMut::new(&mut self.edit(store, leaf)[offset..])
    }

    /// A list's leaf's label; of other leaves there is none, and 0 stands for it.
    fn label<S: BlockStore>(&self, store: &S, leaf: BlockId) -> u64 {
        if self.shape != Shape::List {
            return 0;
        }
        let field = &store.bytes(leaf)[HEAD_BYTES..HEAD_BYTES + LABEL_BYTES];
        u64::from_le_bytes(field.try_into().expect("eight bytes were taken"))
    }

    fn set_label<S: BlockStore>(&self, store: &mut S, leaf: BlockId, label: u64) {
        if self.shape == Shape::List {
            let field = &mut self.edit(store, leaf)[HEAD_BYTES..HEAD_BYTES + LABEL_BYTES];
            field.copy_from_slice(&label.to_le_bytes());
        }
    }

    /// Makes `id` the block that stands at `level` steps from the root on a path, all nodes of
    /// which above it may change.
    fn link<S: BlockStore>(&mut self, store: &mut S, path: &mut Path, level: usize, id: BlockId) {
        match level.checked_sub(1) {
            None => self.now.root = Some(id),
            Some(above) => {
                let step = path.steps[above];
                self.edit_node(store, step.node).set_child(step.slot, id);
            }
        }
        match path.steps.get_mut(level) {
            Some(step) => step.node = id,
            None => path.leaf = id,
        }
    }

    /// Replaces a frozen block by a copy born now, which may change.
    fn own<S: BlockStore>(&mut self, store: &mut S, path: &mut Path, level: usize) {
        let id = path.steps.get(level).map_or(path.leaf, |step| step.node);
        if self.is_frozen(store, id) {
            let copy = self.copy(store, id);
            self.link(store, path, level, copy);
            self.retire(store, id);
        }
    }

    /// Makes all nodes of a path such that they may change.
    fn own_nodes<S: BlockStore>(&mut self, store: &mut S, path: &mut Path) {
        if self.frozen != 0 {
            for level in 0..path.steps.len() {
                self.own(store, path, level);
            }
        }
    }

    /// Makes the leaf of a path such that it may change.
    fn own_leaf<S: BlockStore>(&mut self, store: &mut S, path: &mut Path) {
        let level = path.steps.len();
        self.own(store, path, level);
    }

    /// Another block with the same content, born now.
    fn copy<S: BlockStore>(&mut self, store: &mut S, id: BlockId) -> BlockId {
        let bytes = store.bytes(id);
        let (len, level) = (bytes.len(), store::level(bytes));
        let copy = self.allocate(store, len, level);
        let (from, to) = store.pair(id, copy);
        to[HEAD_BYTES..].copy_from_slice(&from[HEAD_BYTES..]);
        copy
    }

    /// A node with these children and room for `room` more.
    fn node_of<S: BlockStore>(
        &mut self,
        store: &mut S,
        entries: &[Entry],
        level: usize,
        room: usize,
    ) -> BlockId {
        let has_deadlines = entries.iter().any(|entry| entry.deadline != node::NEVER);
        let capacity = (entries.len() + room).min(CHILDREN_MAX);
        let len = store.good_len(Node::len_of(capacity, has_deadlines));
        let id = self.allocate(store, len, level);
        let mut node = NodeMut::create(self.edit(store, id), has_deadlines);
        for (slot, &entry) in entries.iter().enumerate() {
            node.insert(slot, entry);
        }
        id
    }
}
