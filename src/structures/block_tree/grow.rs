//! Elements that come or change: inserting, replacing.
//!
//! ```text
//!  fits the leaf ───────▶ in place
//!  fits a larger leaf ──▶ copied to one                              the old one is retired
//!  else ────────────────▶ the leaf is split by bytes, and again      at an end of the tree
//!                                                                    nothing is moved: a new leaf
//! ```
//!
//! A split needs room in the node above, so the full nodes of the path are split before it, the
//! highest first.
//!
//! Not here: how a leaf is split (`split.rs`), elements that go (`shrink.rs`).

use super::node::{CHILDREN_MAX, Entry, NEVER};
use super::path::{Path, Place, Step};
use super::split::Guest;
use super::store::{BlockId, BlockStore, HEAD_BYTES, HashBytes};
use super::view::hash_order;
use super::{Tree, block_offset, leaf_block};
use crate::structures::block::{Block, BlockMut, Element, Position, Shape};
use crate::structures::item::Code;
use arrayvec::ArrayVec;

/// How many children more a node has room for when it must be copied.
const NODE_ROOM: usize = 4;

impl Tree {
    /// Inserts `element` at a place where its key was looked for and not found; in a list before
    /// the element that stands there.
    ///
    /// # Panics
    /// If the key was found there, or the element is none of this tree's shape.
    pub fn insert<S: BlockStore>(&mut self, store: &mut S, place: Place, element: &Element) {
        let is_list = self.shape == Shape::List;
        assert!(is_list || !place.is_found, "it stands there already");
        let (path, position) = match place.path {
            Some(path) => (path, place.position),
            None => self.first_leaf(store),
        };
        self.insert_at(store, path, position, place.hash, element);
    }

    /// Writes `element` in the place of the one that was found there, which has the same key and,
    /// in a tree by score, stands between the same neighbours. In place if there is room.
    ///
    /// # Panics
    /// If nothing was found there.
    pub fn replace<S: BlockStore>(&mut self, store: &mut S, place: Place, element: &Element) {
        assert!(place.is_found, "what is replaced must be there");
        let mut path = place.path.expect("what was found has a path");
        let block = self.block(store, path.leaf);
        let had_deadline = block.element(place.position).deadline().is_some();
        // A leaf that views see is copied for its other elements, not for this one.
        let is_alone = block.count() == 1 && self.is_frozen(store, path.leaf);
        if is_alone || !self.replace_in_leaf(store, &mut path, place.position, element) {
            self.take_out(store, &mut path, place.position);
            let position = self.block(store, path.leaf).position(place.position.index);
            return self.insert_at(store, path, position, place.hash, element);
        }
        if had_deadline {
            self.refresh_deadlines(store, &path);
        }
        if let Some(deadline) = element.deadline() {
            self.note_deadline(store, &mut path, deadline);
        }
    }

    /// The same where the leaf has room; whether it had.
    fn replace_in_leaf<S: BlockStore>(
        &mut self,
        store: &mut S,
        path: &mut Path,
        position: Position,
        element: &Element,
    ) -> bool {
        self.own_nodes(store, path);
        self.own_leaf(store, path);
        self.edit_block(store, path.leaf).replace(position, element)
    }

    /// Gives the member that was found there another score, in a tree by score.
    ///
    /// # Panics
    /// If nothing was found there.
    pub fn rescore<S: BlockStore>(
        &mut self,
        store: &mut S,
        mut place: Place,
        score: f64,
        member: Code,
    ) {
        assert!(place.is_found, "what is changed must be there");
        let element = Element::scored(score, member);
        let path = place.path.as_mut().expect("what was found has a path");
        if self.reorder_in_leaf(store, path, place.position, &element) {
            return;
        }
        self.remove(store, place);
        let place = self.locate_scored(store, score, member.item());
        self.insert(store, place, &element);
    }

    /// Lets `element` take the place of the one at `position`, the same member with another score,
    /// and stand in its order, where that is in the same leaf; whether it is.
    fn reorder_in_leaf<S: BlockStore>(
        &mut self,
        store: &mut S,
        path: &mut Path,
        position: Position,
        element: &Element,
    ) -> bool {
        let order = element.score_order();
        // Elements of the border's own score may belong to either side.
        let is_within = path.order_of_leaf(store).is_none_or(|least| least < order)
            && path.order_after(store).is_none_or(|next| order < next);
        if !is_within {
            return false;
        }
        self.own_nodes(store, path);
        self.own_leaf(store, path);
        let mut block = self.edit_block(store, path.leaf);
        let member = element.member();
        let (to, _) = (block.block()).partition(order, |other| other.key().cmp_text(member));
        block.reorder(position, to, element)
    }

    /// The text by which the element that was found there is known in a tree by score, to be
    /// changed in place: it must still be a text that spells no integer, and stand between the same
    /// neighbours.
    ///
    /// # Panics
    /// If nothing was found there.
    pub fn text_mut<'s, S: BlockStore>(&mut self, store: &'s mut S, place: Place) -> &'s mut [u8] {
        assert!(place.is_found, "what is changed must be there");
        let mut path = place.path.expect("what was found has a path");
        self.own_nodes(store, &mut path);
        self.own_leaf(store, &mut path);
        self.edit_block(store, path.leaf).text_mut(place.position)
    }

    /// Takes the element at `position` out of its leaf, which may be empty then. Afterwards all
    /// blocks of the path may change.
    pub(super) fn take_out<S: BlockStore>(
        &mut self,
        store: &mut S,
        path: &mut Path,
        position: Position,
    ) {
        self.own_nodes(store, path);
        let block = self.block(store, path.leaf);
        let had_deadline = block.element(position).deadline().is_some();
        if block.count() == 1 && self.is_frozen(store, path.leaf) {
            // Copying it would copy nothing but this element, which may be large.
            let old = path.leaf;
            let empty = self.empty_leaf(store, 0, self.label(store, old));
            let leaf_level = path.steps.len();
            self.link(store, path, leaf_level, empty);
            self.retire(store, old);
        } else {
            self.own_leaf(store, path);
            self.edit_block(store, path.leaf).remove(position);
        }
        self.change_elements(store, path, -1);
        if had_deadline {
            self.refresh_deadlines(store, path);
        }
    }

    /// The path to a new, empty leaf of an empty tree, and where its first element is going to
    /// stand.
    fn first_leaf<S: BlockStore>(&mut self, store: &mut S) -> (Path, Position) {
        let leaf = self.empty_leaf(store, 0, 0);
        self.now.root = Some(leaf);
        self.now.depth = 0;
        let path = Path {
            steps: ArrayVec::new(),
            leaf,
        };
        (path, self.block(store, leaf).position(0))
    }

    /// An empty leaf with room for an element of `len` bytes.
    pub(super) fn empty_leaf<S: BlockStore>(
        &mut self,
        store: &mut S,
        len: usize,
        label: u64,
    ) -> BlockId {
        let needed = block_offset(self.shape) + Block::len_of(self.shape, false, 1, len);
        self.new_leaf(store, needed, 1, label)
    }

    /// An empty leaf of at least `len` bytes that is going to have `count` elements.
    pub(super) fn new_leaf<S: BlockStore>(
        &mut self,
        store: &mut S,
        len: usize,
        count: usize,
        label: u64,
    ) -> BlockId {
        let leaf = self.allocate(store, store.good_len(len), 0);
        let (shape, is_tagged) = (self.shape, self.is_tagged());
        let bytes = self.edit(store, leaf);
        BlockMut::create(&mut bytes[block_offset(shape)..], shape, is_tagged, count);
        self.set_label(store, leaf, label);
        leaf
    }

    fn insert_at<S: BlockStore>(
        &mut self,
        store: &mut S,
        mut path: Path,
        mut position: Position,
        hash: u64,
        element: &Element,
    ) {
        let len = element.byte_len();
        self.own_nodes(store, &mut path);
        loop {
            let block = self.block(store, path.leaf);
            let needed = block_offset(self.shape) + block.grown_len(len);
            let has_room = needed <= store.bytes(path.leaf).len();
            if has_room && !self.is_frozen(store, path.leaf) {
                break;
            }
            let may_grow = needed <= self.leaf_bytes_max() || block.count() == 0;
            let order = match self.shape {
                Shape::Set | Shape::Map => hash_order(hash),
                Shape::Scored => element.score_order(),
                Shape::List => 0,
            };
            let index = position.index;
            let guest = Guest { order, len, index };
            let split = if may_grow {
                None
            } else {
                self.split(store, &mut path, &guest)
            };
            if split.is_none() {
                self.enlarge(store, &mut path, needed, &guest);
            }
            position = (self.block(store, path.leaf)).position(split.unwrap_or(index));
            if split.is_none() {
                break;
            }
        }
        let hasher = store.hasher();
        let mut block = self.edit_block(store, path.leaf);
        let hash_of = |bytes: &[u8]| hasher.hash_bytes(bytes);
        block.insert(position, element, hash as u8, &hash_of);
        self.change_elements(store, &path, 1);
        if let Some(deadline) = element.deadline() {
            self.note_deadline(store, &mut path, deadline);
        }
    }

    /// Copies a leaf to one of at least `needed` bytes, an eighth more: so a leaf is copied four
    /// times until it is full, not eight times. A list's leaf that grows at an end is going to grow
    /// there again, so it doubles.
    fn enlarge<S: BlockStore>(
        &mut self,
        store: &mut S,
        path: &mut Path,
        needed: usize,
        guest: &Guest,
    ) {
        let old = store.bytes(path.leaf);
        let count = leaf_block(self.shape, old).count();
        let at_end = self.shape == Shape::List && (guest.index == 0 || guest.index == count);
        let roomy = if at_end {
            old.len() * 2
        } else {
            needed + needed / 8
        };
        let wanted = needed.max(roomy.min(self.leaf_bytes_max()));
        let len = store.good_len(wanted);
        let is_front = at_end && guest.index == 0 && count > 0;
        let front_room = if is_front {
            len - needed + guest.len
        } else {
            0
        };
        self.resize(store, path, len, front_room);
    }

    /// Copies a leaf to one of `len` bytes.
    pub(super) fn resize<S: BlockStore>(
        &mut self,
        store: &mut S,
        path: &mut Path,
        len: usize,
        front_room: usize,
    ) {
        let old = path.leaf;
        let new = self.allocate(store, len, 0);
        let offset = block_offset(self.shape);
        let (from, to) = store.pair(old, new);
        to[HEAD_BYTES..offset].copy_from_slice(&from[HEAD_BYTES..offset]);
        BlockMut::copy(&mut to[offset..], Block::new(&from[offset..]), front_room);
        self.link(store, path, path.steps.len(), new);
        self.retire(store, old);
    }

    /// The order of a child: what separates it from those before, or, in a list, its label.
    pub(super) fn border(&self, border: u64, label: u64) -> u64 {
        match self.shape {
            Shape::List => label,
            Shape::Set | Shape::Map | Shape::Scored => border,
        }
    }

    /// Makes room for another child in the node above the leaf, and makes that node if the leaf is
    /// the root. All nodes of the path may change already.
    pub(super) fn make_room<S: BlockStore>(&mut self, store: &mut S, path: &mut Path) {
        let is_full = |step: &&Step| self.node(store, step.node).count() == CHILDREN_MAX;
        let full_count = path.steps.iter().rev().take_while(is_full).count();
        let mut first = path.steps.len() - full_count;
        if first == 0 {
            self.raise_root(store, path);
            first = 1;
        }
        for level in first..path.steps.len() {
            self.split_node(store, path, level);
        }
        self.widen(store, path, path.steps.len() - 1);
    }

    /// Puts a node above the root.
    fn raise_root<S: BlockStore>(&mut self, store: &mut S, path: &mut Path) {
        let root = self.now.root.expect("a path begins at a root");
        let entry = Entry {
            order: 0,
            child: root,
            elements: self.now.len,
            deadline: self.next_deadline(store).unwrap_or(NEVER),
        };
        let node = self.node_of(store, &[entry], self.now.depth + 1, NODE_ROOM);
        self.now.root = Some(node);
        self.now.depth += 1;
        path.steps.insert(0, Step { node, slot: 0 });
    }

    /// Copies a node to a larger one if it has no room for another child.
    fn widen<S: BlockStore>(&mut self, store: &mut S, path: &mut Path, level: usize) {
        let old = path.steps[level].node;
        let node = self.node(store, old);
        if node.count() < node.capacity() {
            return;
        }
        let entries: ArrayVec<Entry, CHILDREN_MAX> = node.entries().collect();
        let new = self.node_of(store, &entries, self.now.depth - level, NODE_ROOM);
        self.link(store, path, level, new);
        self.retire(store, old);
    }

    /// Replaces a full node of a path by two; the node above has fewer children than it may.
    fn split_node<S: BlockStore>(&mut self, store: &mut S, path: &mut Path, level: usize) {
        self.widen(store, path, level - 1);
        let Step { node: old, slot } = path.steps[level];
        let entries: ArrayVec<Entry, CHILDREN_MAX> = self.node(store, old).entries().collect();
        let height = self.now.depth - level;
        // As with leaves: what is appended to stays full.
        let is_last = slot + 1 == entries.len() && path.is_at_end(store, false);
        let is_first = slot == 0 && path.is_at_end(store, true);
        let (cut, room) = match (is_last, is_first) {
            (true, _) => (entries.len() - 1, 0),
            (false, true) => (1, NODE_ROOM),
            (false, false) => (entries.len() / 2, NODE_ROOM),
        };
        let (left, right) = entries.split_at(cut);
        let left_node = self.node_of(store, left, height, room);
        let right_node = self.node_of(store, right, height, NODE_ROOM);
        self.link(store, path, level, left_node);
        self.retire(store, old);
        let above = path.steps[level - 1];
        let order = self.node(store, above.node).order(above.slot);
        let mut parent = self.edit_node(store, above.node);
        parent.set(above.slot, sum(left, left_node, order));
        parent.insert(above.slot + 1, sum(right, right_node, right[0].order));
        if slot >= cut {
            path.steps[level - 1].slot += 1;
            path.steps[level] = Step {
                node: right_node,
                slot: slot - cut,
            };
        }
    }

    /// Notes that `delta` elements came below a path, or went.
    pub(super) fn change_elements<S: BlockStore>(
        &mut self,
        store: &mut S,
        path: &Path,
        delta: i64,
    ) {
        for step in &path.steps {
            let mut node = self.edit_node(store, step.node);
            let elements = node.node().elements(step.slot);
            node.set_elements(step.slot, elements.wrapping_add_signed(delta));
        }
        self.now.len = self.now.len.wrapping_add_signed(delta);
    }

    /// Notes that an element with a deadline came below a path. Nodes that knew of none yet are
    /// copied to such that have room for deadlines.
    pub(super) fn note_deadline<S: BlockStore>(
        &mut self,
        store: &mut S,
        path: &mut Path,
        deadline: u64,
    ) {
        for level in (0..path.steps.len()).rev() {
            let step = path.steps[level];
            let node = self.node(store, step.node);
            if node.deadline(step.slot) <= deadline {
                return;
            }
            if node.has_deadlines() {
                self.edit_node(store, step.node)
                    .set_deadline(step.slot, deadline);
                continue;
            }
            let mut entries: ArrayVec<Entry, CHILDREN_MAX> = node.entries().collect();
            entries[step.slot].deadline = deadline;
            let room = node.capacity() - node.count();
            let new = self.node_of(store, &entries, self.now.depth - level, room);
            self.link(store, path, level, new);
            self.retire(store, step.node);
        }
    }

    /// Finds out the least deadlines along a path again, after one below it went.
    pub(super) fn refresh_deadlines<S: BlockStore>(&mut self, store: &mut S, path: &Path) {
        let mut least = self
            .block(store, path.leaf)
            .least_deadline()
            .unwrap_or(NEVER);
        for step in path.steps.iter().rev() {
            let mut node = self.edit_node(store, step.node);
            node.set_deadline(step.slot, least);
            least = node.node().least_deadline();
        }
    }
}

/// A node's entry in the one above it.
pub(super) fn sum(entries: &[Entry], child: BlockId, order: u64) -> Entry {
    let deadlines = entries.iter().map(|entry| entry.deadline);
    Entry {
        order,
        child,
        elements: entries.iter().map(|entry| entry.elements).sum(),
        deadline: deadlines.min().unwrap_or(NEVER),
    }
}
