//! A leaf that has no room for an element: it is split, or another one comes beside it.
//!
//! ```text
//!  by hash       elements below the border, in the order they stood │ those from it on
//!  by position   elements before the cut                            │ those after it
//!  at an end     the old leaf, full                                 │ a new one
//! ```
//!
//! A border lies as near to the middle of the bytes as can be and separates no equal hashes. In a
//! tree by hash it is found among numbers of an order and an index each, which sort faster than
//! elements do; the elements then are copied as they stand, those side by side at once.
//!
//! Cost: each element of the leaf is hashed once and copied once.
//!
//! Not here: room in the nodes above (`grow.rs`).

use super::node::{Entry, NEVER, Node, NodeMut};
use super::path::Path;
use super::store::{BlockId, BlockStore, HashBytes};
use super::view::hash_order;
use super::{Tree, block_offset};
use crate::structures::block::{Block, BlockMut, ElementRef, Position, Shape};
use crate::structures::item;

/// From the label of a list's last leaf to that of a new one after it. Labels wrap, so a queue
/// never runs out of them, and 2^32 leaves may lie between its ends.
const LABEL_STEP: u64 = 1 << 32;

/// Bits of an element's index in its leaf, beside its order in one number.
const INDEX_BITS: u32 = 16;

/// An element of a leaf that is about to be split.
#[derive(Clone, Copy)]
struct Piece {
    /// By what it stands in the tree; 0 in a list.
    order: u64,
    tag: u8,
    len: usize,
    /// Where it stands in the leaf.
    offset: usize,
}

/// The element that needs room in a leaf.
pub(super) struct Guest {
    pub(super) order: u64,
    pub(super) len: usize,
    /// Where it belongs among those of a leaf that are not found by hash.
    pub(super) index: usize,
}

/// Where a leaf is cut in two.
#[derive(Clone, Copy)]
struct Cut {
    is_by_hash: bool,
    /// The least order on the right.
    border: u64,
    /// Elements on the left, but for the guest.
    left_count: usize,
    is_guest_left: bool,
}

impl Cut {
    /// Whether a piece, which has an index in its leaf, belongs on the left.
    #[inline]
    fn is_left(&self, index: usize, piece: &Piece) -> bool {
        match self.is_by_hash {
            true => piece.order < self.border,
            false => index < self.left_count,
        }
    }
}

impl Tree {
    /// Splits a leaf so that `guest` fits one part, or at least comes nearer to that. The path
    /// leads to the part in which it belongs; its index there. None if all hashes are equal.
    pub(super) fn split<S: BlockStore>(
        &mut self,
        store: &mut S,
        path: &mut Path,
        guest: &Guest,
    ) -> Option<usize> {
        let count = self.block(store, path.leaf).count();
        let is_hashed = self.shape.is_hashed();
        if !is_hashed {
            // Whoever appends is going to append again: the old leaf stays full.
            if guest.index == count && path.is_at_end(store, false) {
                self.add_leaf_after(store, path, guest, guest.order);
                return Some(0);
            }
            if guest.index == 0 && path.is_at_end(store, true) {
                let border = self.first_order(store, path.leaf);
                self.add_leaf_before(store, path, guest, border);
                return Some(0);
            }
        }
        let pieces = self.pieces(store, path.leaf);
        let cut = match is_hashed {
            true => cut_by_hash(&pieces, guest)?,
            false => cut_by_index(&pieces, guest)?,
        };
        let left_count = cut.left_count;
        if left_count == 0 {
            self.add_leaf_before(store, path, guest, cut.border);
            return Some(0);
        }
        if left_count == count {
            self.add_leaf_after(store, path, guest, cut.border);
            return Some(0);
        }
        self.divide(store, path, &pieces, guest, cut);
        Some(match (is_hashed, cut.is_guest_left) {
            (true, true) => left_count,
            (true, false) => count - left_count,
            (false, true) => guest.index,
            (false, false) => guest.index - left_count,
        })
    }

    /// The elements of a leaf as they stand there.
    fn pieces<S: BlockStore>(&self, store: &S, leaf: BlockId) -> Vec<Piece> {
        let block = self.block(store, leaf);
        let hasher = store.hasher();
        let shape = self.shape;
        let piece = |(position, element): (Position, ElementRef)| {
            let (order, tag) = match shape {
                Shape::Set | Shape::Map => {
                    let hash = hasher.hash_bytes(item::hashed_part(element.key_bytes()));
                    (hash_order(hash), hash as u8)
                }
                Shape::Scored => (element.score_order(), 0),
                Shape::List => (0, 0),
            };
            Piece {
                order,
                tag,
                len: element.bytes().len(),
                offset: position.offset,
            }
        };
        let mut pieces = Vec::with_capacity(block.count());
        pieces.extend(block.from(0).map(piece));
        pieces
    }

    /// Replaces a leaf by two: with the pieces that are on the left, and with all others. The path
    /// leads to that of the guest.
    fn divide<S: BlockStore>(
        &mut self,
        store: &mut S,
        path: &mut Path,
        pieces: &[Piece],
        guest: &Guest,
        cut: Cut,
    ) {
        self.make_room(store, path);
        let old = path.leaf;
        let label = self.label(store, old);
        let right_label = self.label_after(store, path);
        let room = |is_there| if is_there { guest.len } else { 0 };
        let (left_room, right_room) = (room(cut.is_guest_left), room(!cut.is_guest_left));
        let side = |is_wanted| {
            let is_there =
                move |(index, piece): &(usize, &Piece)| cut.is_left(*index, piece) == is_wanted;
            let wanted = pieces.iter().enumerate().filter(is_there);
            wanted.map(|(_, piece)| *piece)
        };
        let left_entry = self.leaf_of(store, old, side(true), left_room, label);
        let right_entry = self.leaf_of(store, old, side(false), right_room, right_label);
        let slot = self.slot(path);
        let order = self.parent(store, path).order(slot);
        let right_order = self.border(cut.border, right_label);
        let mut parent = self.edit_parent(store, path);
        parent.set(
            slot,
            Entry {
                order,
                ..left_entry
            },
        );
        let right_entry = Entry {
            order: right_order,
            ..right_entry
        };
        parent.insert(slot + 1, right_entry);
        path.leaf = left_entry.child;
        if !cut.is_guest_left {
            path.steps
                .last_mut()
                .expect("a split leaf has a parent")
                .slot += 1;
            path.leaf = right_entry.child;
        }
        self.retire(store, old);
    }

    /// A leaf with pieces of another one, and with room for one more element of `guest_len` bytes
    /// unless that is 0.
    fn leaf_of<S: BlockStore>(
        &mut self,
        store: &mut S,
        old: BlockId,
        pieces: impl Iterator<Item = Piece> + Clone,
        guest_len: usize,
        label: u64,
    ) -> Entry {
        let (shape, is_tagged) = (self.shape, self.is_tagged());
        let offset = block_offset(shape);
        let sizes = pieces.clone().map(|piece| piece.len);
        let (count, len) = sizes.fold((0, 0), |(count, sum), len| (count + 1, sum + len));
        let len_of = |count, len| offset + Block::len_of(shape, is_tagged, count, len);
        let guests = usize::from(guest_len > 0);
        let len_with_guest = len_of(count + guests, len + guest_len);
        let is_enough = len_with_guest <= self.leaf_bytes_max();
        let needed = if is_enough {
            len_with_guest
        } else {
            len_of(count, len)
        };
        let leaf = self.new_leaf(store, needed, count, label);
        let (from, to) = store.pair(old, leaf);
        let mut block = BlockMut::new(&mut to[offset..]);
        let pieces = pieces.map(|piece| (piece.offset..piece.offset + piece.len, piece.tag));
        block.append(Block::new(&from[offset..]), pieces);
        Entry {
            order: 0,
            child: leaf,
            elements: count as u64,
            deadline: block.block().least_deadline().unwrap_or(NEVER),
        }
    }

    /// An empty leaf for an element of `len` bytes, to stand beside the path's. Where it comes to
    /// an end of a tree of more than [`CHILDREN_MAX`] leaves that keeps its elements in order, it
    /// is as long as leaves may be: whoever appends is going to fill it, and nothing is copied
    /// meanwhile.
    fn leaf_beside<S: BlockStore>(
        &mut self,
        store: &mut S,
        path: &Path,
        len: usize,
        label: u64,
        is_at_end: bool,
    ) -> BlockId {
        if !is_at_end || self.shape.is_hashed() || path.steps.len() < 2 {
            return self.empty_leaf(store, len, label);
        }
        let needed = block_offset(self.shape) + Block::len_of(self.shape, false, 1, len);
        self.new_leaf(store, needed.max(self.leaf_bytes_max()), 1, label)
    }

    /// An empty leaf for the guest after the path's, to which the path then leads.
    fn add_leaf_after<S: BlockStore>(
        &mut self,
        store: &mut S,
        path: &mut Path,
        guest: &Guest,
        border: u64,
    ) {
        self.make_room(store, path);
        let label = self.label_after(store, path);
        let is_last = path.is_at_end(store, false);
        let leaf = self.leaf_beside(store, path, guest.len, label, is_last);
        path.steps.last_mut().expect("make_room gave it one").slot += 1;
        path.leaf = leaf;
        let entry = Entry::of_empty(self.border(border, label), leaf);
        let slot = self.slot(path);
        self.edit_parent(store, path).insert(slot, entry);
    }

    /// The same before the path's leaf, whose elements are all from `border` on.
    fn add_leaf_before<S: BlockStore>(
        &mut self,
        store: &mut S,
        path: &mut Path,
        guest: &Guest,
        border: u64,
    ) {
        self.make_room(store, path);
        let old_label = self.label(store, path.leaf);
        // Between two leaves it shares the label of the second: labels may repeat, but not descend.
        let is_first = path.is_at_end(store, true);
        let label = old_label.wrapping_sub(if is_first { LABEL_STEP } else { 0 });
        let leaf = self.leaf_beside(store, path, guest.len, label, is_first);
        path.leaf = leaf;
        let slot = self.slot(path);
        let order = self.parent(store, path).order(slot);
        let order = self.border(order, label);
        let old_order = self.border(border, old_label);
        let entry = Entry::of_empty(order, leaf);
        let mut parent = self.edit_parent(store, path);
        parent.set_order(slot, old_order);
        parent.insert(slot, entry);
    }

    /// The order of a leaf's first element, in a tree by score.
    fn first_order<S: BlockStore>(&self, store: &S, leaf: BlockId) -> u64 {
        match (self.shape, self.block(store, leaf).get(0)) {
            (Shape::Scored, Some(first)) => first.score_order(),
            _ => 0,
        }
    }

    /// A label for a new leaf after the path's: in the middle to the next one, which may be its
    /// own.
    fn label_after<S: BlockStore>(&self, store: &S, path: &Path) -> u64 {
        let label = self.label(store, path.leaf);
        match path.order_after(store) {
            Some(next) => label.wrapping_add(next.wrapping_sub(label) / 2),
            None => label.wrapping_add(LABEL_STEP),
        }
    }

    fn slot(&self, path: &Path) -> usize {
        path.steps.last().expect("the leaf has a parent").slot
    }

    fn parent<'s, S: BlockStore>(&self, store: &'s S, path: &Path) -> Node<'s> {
        self.node(
            store,
            path.steps.last().expect("the leaf has a parent").node,
        )
    }

    fn edit_parent<'s, S: BlockStore>(&self, store: &'s mut S, path: &Path) -> NodeMut<'s> {
        let parent = path.steps.last().expect("the leaf has a parent").node;
        self.edit_node(store, parent)
    }
}

/// Where to cut so that both parts have one at least: where the bytes of `lens` before it are
/// nearest to their half, of the places where it may be done.
fn nearest_to_half(
    lens: impl Iterator<Item = usize> + Clone,
    may_cut: impl Fn(usize) -> bool,
) -> Option<usize> {
    let total: usize = lens.clone().sum();
    let mut left = 0usize;
    let mut best = None;
    for (index, len) in lens.enumerate() {
        let distance = (2 * left).abs_diff(total);
        let is_nearer = best.is_none_or(|(least, _)| distance < least);
        if index > 0 && is_nearer && may_cut(index) {
            best = Some((distance, index));
        }
        left += len;
    }
    best.map(|(_, index)| index)
}

/// Where to cut what stands by hash. None if all hashes are equal.
fn cut_by_hash(pieces: &[Piece], guest: &Guest) -> Option<Cut> {
    let numbered = |(index, order): (usize, u64)| order << INDEX_BITS | index as u64;
    let orders = pieces.iter().map(|piece| piece.order);
    let orders = orders.chain(std::iter::once(guest.order)).enumerate();
    let mut sorted: Vec<u64> = Vec::with_capacity(pieces.len() + 1);
    sorted.extend(orders.map(numbered));
    sorted.sort_unstable();
    let len_of = |number: &u64| {
        let index = number & ((1 << INDEX_BITS) - 1);
        let piece = pieces.get(index as usize);
        piece.map_or(guest.len, |piece| piece.len)
    };
    let order_of = |index: usize| sorted[index] >> INDEX_BITS;
    let is_between = |index| order_of(index - 1) != order_of(index);
    let left_with_guest = nearest_to_half(sorted.iter().map(len_of), is_between)?;
    let border = order_of(left_with_guest);
    let is_guest_left = guest.order < border;
    Some(Cut {
        is_by_hash: true,
        border,
        left_count: left_with_guest - usize::from(is_guest_left),
        is_guest_left,
    })
}

/// Where to cut what stands by position or by score.
fn cut_by_index(pieces: &[Piece], guest: &Guest) -> Option<Cut> {
    let (before, after) = pieces.split_at(guest.index);
    let with_guest = |of: fn(&Piece) -> u64, guest: u64| {
        let (before, after) = (before.iter().map(of), after.iter().map(of));
        before.chain(std::iter::once(guest)).chain(after)
    };
    let lens = with_guest(|piece| piece.len as u64, guest.len as u64);
    let left_with_guest = nearest_to_half(lens.map(|len| len as usize), |_| true)?;
    let border = with_guest(|piece| piece.order, guest.order).nth(left_with_guest);
    let is_guest_left = guest.index < left_with_guest;
    Some(Cut {
        is_by_hash: false,
        border: border.expect("the right part has one at least"),
        left_count: left_with_guest - usize::from(is_guest_left),
        is_guest_left,
    })
}
