//! Reading a tree, as it is or as it was when it was frozen.
//!
//! ```text
//!  by key     slot by hash, then tags                by score   slot by score, ties by first elements
//!  by rank    slot by counts, then skips             by cursor  the leaf of a hash and where it ends
//! ```
//!
//! A [`View`] is four words: whoever has one may read until the tree changes, or, if it is that of
//! a frozen tree, until it is closed. A reader that works in slices keeps a rank and looks it up
//! again in each slice.
//!
//! Cost: every search is O(log n), two cache misses in a large tree; a walk reads memory in order.
//!
//! Not here: changes (`grow.rs`, `shrink.rs`).

use super::leaf_block;
use super::node::{NEVER, Node};
use super::path::{Path, Place, Step};
use super::store::{BlockId, BlockStore, HashBytes};
use crate::structures::block::{Block, ElementRef, Run, Shape};
use crate::structures::item::{self, Code, Item, score_order};
use arrayvec::ArrayVec;
use std::cmp::Ordering;
use std::ops::Range;

/// Bits of a hash that order elements. A cursor of a scan is as wide, and so exact in a client's
/// floating-point numbers.
const ORDER_BITS: u32 = 48;

/// The order of a hash in a tree.
#[inline]
pub(super) fn hash_order(hash: u64) -> u64 {
    hash >> (u64::BITS - ORDER_BITS)
}

/// A key to look for, with its hash.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    pub(super) code: Code<'a>,
    pub(super) hash: u64,
}

impl<'a> Key<'a> {
    /// Hashes a key. O(its length).
    #[inline]
    pub fn new<S: BlockStore>(store: &S, code: Code<'a>) -> Self {
        let hash = store.hasher().hash_bytes(code.hashed_part());
        Self { code, hash }
    }

    /// The key of an element whose hash is known.
    #[inline]
    pub fn with_hash(code: Code<'a>, hash: u64) -> Self {
        Self { code, hash }
    }

    /// Its hash.
    #[inline]
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The key's code, to write it.
    pub fn code(&self) -> Code<'a> {
        self.code
    }

    /// The low byte of its hash, by which blocks tell keys apart.
    #[inline]
    pub fn tag(&self) -> u8 {
        self.hash as u8
    }
}

/// Goes down from a node that stands `levels` above the leaves to the child that `choose` names,
/// and asks for it; false at a leaf.
#[inline]
pub(super) fn step_down<S: BlockStore>(
    store: &S,
    id: &mut BlockId,
    levels: &mut usize,
    choose: impl FnOnce(Node<'_>) -> usize,
) -> bool {
    if *levels == 0 {
        return false;
    }
    let node = Node::new(store.bytes(*id));
    *id = node.child(choose(node));
    *levels -= 1;
    store.prefetch(*id);
    true
}

/// How far a look-up by key or by score has come. Any change of the tree makes it stale.
#[derive(Clone, Copy, Debug)]
pub struct Descent {
    order: u64,
    id: BlockId,
    levels: usize,
}

impl Descent {
    /// Reads a node, which was asked for by the step before, and asks for its child; whether there
    /// was one, so that another step is worth while.
    #[inline]
    pub fn advance<S: BlockStore>(&mut self, store: &S) -> bool {
        let order = self.order;
        step_down(store, &mut self.id, &mut self.levels, |node| {
            node.slot_of(order)
        })
    }

    /// Takes look-ups down to their leaves, a level of all of them at a time.
    #[inline]
    pub fn advance_all<S: BlockStore>(descents: &mut [Self], store: &S) {
        let advance = |has_more, descent: &mut Self| descent.advance(store) | has_more;
        while descents.iter_mut().fold(false, advance) {}
    }
}

/// One state of a tree.
#[derive(Clone, Copy, Debug)]
pub struct View {
    pub(super) shape: Shape,
    pub(super) root: Option<BlockId>,
    /// Nodes above each leaf.
    pub(super) depth: usize,
    pub(super) len: u64,
}

impl View {
    /// How many elements there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// By what an element whose key has this hash stands in trees by hash.
    #[inline]
    pub fn order_of_hash(hash: u64) -> u64 {
        hash_order(hash)
    }

    /// What its elements are.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Nodes above each leaf: steps of a descent.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Goes down from the root, to the slot of each node that `choose` names.
    #[inline]
    pub(super) fn descend<'s, S: BlockStore>(
        &self,
        store: &'s S,
        mut choose: impl FnMut(Node<'s>) -> usize,
    ) -> Option<Path> {
        let mut leaf = self.root?;
        let mut steps = ArrayVec::new();
        for _ in 0..self.depth {
            let node = Node::new(store.bytes(leaf));
            let slot = choose(node);
            steps.push(Step { node: leaf, slot });
            leaf = node.child(slot);
            store.prefetch(leaf);
        }
        Some(Path { steps, leaf })
    }

    pub(super) fn block<'s, S: BlockStore>(&self, store: &'s S, leaf: BlockId) -> Block<'s> {
        leaf_block(self.shape, store.bytes(leaf))
    }

    /// The element with a key, in a tree by hash.
    #[inline]
    pub fn get<'s, S: BlockStore>(&self, store: &'s S, key: &Key) -> Option<ElementRef<'s>> {
        let mut descent = self.descent(key)?;
        while descent.advance(store) {}
        self.finish(store, descent, key)
    }

    /// A look-up by key to be taken in steps, so that those of several keys overlap.
    #[inline]
    pub fn descent(&self, key: &Key) -> Option<Descent> {
        self.descent_to(hash_order(key.hash))
    }

    /// The same by score, given as its order. Where many elements have it, it comes to one of their
    /// leaves.
    #[inline]
    pub fn descent_to(&self, order: u64) -> Option<Descent> {
        Some(Descent {
            order,
            id: self.root?,
            levels: self.depth,
        })
    }

    /// Asks for what a search for a key of this hash is going to read in the leaf that a descent
    /// has come to, which must have arrived; and where the key is not there, for what inserting an
    /// element of `written_len` bytes is, if that is not 0.
    ///
    /// # Panics
    /// If it has not come to its leaf.
    #[inline]
    pub fn prefetch_element<S: BlockStore>(
        &self,
        store: &S,
        descent: Descent,
        hash: u64,
        written_len: usize,
    ) {
        assert!(descent.levels == 0, "a descent ends at a leaf");
        let block = self.block(store, descent.id);
        if !block.prefetch_candidate(hash as u8) && written_len > 0 {
            block.prefetch_insert(written_len);
        }
    }

    /// The same for a search by score.
    ///
    /// # Panics
    /// If it has not come to its leaf.
    #[inline]
    pub fn prefetch_scored<S: BlockStore>(&self, store: &S, descent: Descent) {
        assert!(descent.levels == 0, "a descent ends at a leaf");
        self.block(store, descent.id).prefetch_scored(descent.order);
    }

    /// The element with the key for which a descent has come to its leaf.
    ///
    /// # Panics
    /// If it has not.
    #[inline]
    pub fn finish<'s, S: BlockStore>(
        &self,
        store: &'s S,
        descent: Descent,
        key: &Key,
    ) -> Option<ElementRef<'s>> {
        assert!(descent.levels == 0, "a descent ends at a leaf");
        let block = self.block(store, descent.id);
        let position = block.find(&key.code, key.hash as u8)?;
        Some(block.element(position))
    }

    /// Where a key stands or would be inserted, in a tree by hash.
    pub fn locate<S: BlockStore>(&self, store: &S, key: &Key) -> Place {
        debug_assert!(self.shape.is_hashed(), "only hashed trees have keys");
        let order = hash_order(key.hash);
        let mut place = Place {
            path: self.descend(store, |node| node.slot_of(order)),
            ..Place::nowhere(key.hash)
        };
        if let Some(path) = &place.path {
            let block = self.block(store, path.leaf);
            let found = block.find(&key.code, key.hash as u8);
            place.position = found.unwrap_or_else(|| block.position(block.count()));
            place.is_found = found.is_some();
        }
        place
    }

    /// Where (`score`, `member`) stands or would be inserted, in a tree by score. Elements of one
    /// score that fill many leaves cost more: O(64 log n) comparisons become O(6 log² n) cache
    /// misses.
    pub fn locate_scored<S: BlockStore>(&self, store: &S, score: f64, member: Item) -> Place {
        let compare = |element: ElementRef| element.key().cmp_text(member);
        self.locate_by(store, score_order(score), compare)
    }

    /// Where the first element stands that is not less, in a tree by score: by the order of its
    /// score, and where that is `order` by `compare`.
    pub fn locate_by<S: BlockStore>(
        &self,
        store: &S,
        order: u64,
        compare: impl Fn(ElementRef) -> Ordering,
    ) -> Place {
        debug_assert!(self.shape == Shape::Scored, "only scored trees are so");
        let mut level = self.depth;
        let choose = |node: Node<'_>| {
            level -= 1;
            // Only the children whose order is this one must be asked for their first element.
            let (mut low, mut high) = node.slots_of(order);
            while low < high {
                let middle = high - (high - low) / 2;
                let first = self.first_below(store, node.child(middle), level);
                let by_score = first.score_order().cmp(&order);
                if by_score.then_with(|| compare(first)) == Ordering::Greater {
                    high = middle - 1;
                } else {
                    low = middle;
                }
            }
            low
        };
        let mut place = Place {
            path: self.descend(store, choose),
            ..Place::nowhere(0)
        };
        if let Some(path) = &place.path {
            let block = self.block(store, path.leaf);
            (place.position, place.is_found) = block.partition(order, compare);
        }
        place
    }

    /// The way to the leaf of an order, in a tree by hash.
    pub(super) fn locate_order<S: BlockStore>(&self, store: &S, order: u64) -> Option<Path> {
        self.descend(store, |node| node.slot_of(order))
    }

    /// The first leaf below a block that stands `level` levels above the leaves.
    pub(super) fn first_leaf_below<S: BlockStore>(
        &self,
        store: &S,
        mut id: BlockId,
        level: usize,
    ) -> BlockId {
        for _ in 0..level {
            id = Node::new(store.bytes(id)).child(0);
        }
        id
    }

    /// The first element below such a block.
    pub(super) fn first_below<'s, S: BlockStore>(
        &self,
        store: &'s S,
        id: BlockId,
        level: usize,
    ) -> ElementRef<'s> {
        let block = self.block(store, self.first_leaf_below(store, id, level));
        block.element(block.position(0))
    }

    /// Where element `rank` stands; at `len`, the end of all. Nodes are walked from the nearer end.
    ///
    /// # Panics
    /// If there are fewer elements.
    pub fn locate_rank<S: BlockStore>(&self, store: &S, rank: u64) -> Place {
        assert!(rank <= self.len, "ranks are counted from 0 to the length");
        let is_near_end = rank > self.len / 2;
        let mut rest = if is_near_end { self.len - rank } else { rank };
        let path = self.descend(store, |node| {
            let (slot, below) = match is_near_end {
                true => node.slot_from_end(rest),
                false => node.slot_of_rank(rest),
            };
            rest = below;
            slot
        });
        let mut place = Place {
            path,
            is_found: rank < self.len,
            ..Place::nowhere(0)
        };
        if let Some(path) = &place.path {
            let block = self.block(store, path.leaf);
            place.position = block.position(match is_near_end {
                true => block.count() - rest as usize,
                false => rest as usize,
            });
        }
        place
    }

    /// The ranks of all elements of the leaf that has the element `rank`; empty if the tree is.
    ///
    /// # Panics
    /// If there are fewer elements.
    pub fn ranks_of_leaf<S: BlockStore>(&self, store: &S, rank: u64) -> Range<u64> {
        let place = self.locate_rank(store, rank);
        let Some(path) = place.path else {
            return 0..0;
        };
        let start = rank - place.position.index as u64;
        start..start + self.block(store, path.leaf).count() as u64
    }

    /// Bytes of all elements if they are not more than `enough`, else of so many leaves that they
    /// are more. O(`enough`).
    pub fn elements_len<S: BlockStore>(&self, store: &S, enough: usize) -> usize {
        let below = |root| self.elements_len_below(store, root, self.depth, enough);
        self.root.map_or(0, below)
    }

    /// The same below a block that stands `level` levels above the leaves. As deep as that.
    fn elements_len_below<S: BlockStore>(
        &self,
        store: &S,
        id: BlockId,
        level: usize,
        enough: usize,
    ) -> usize {
        if level == 0 {
            return self.block(store, id).elements_len();
        }
        let node = Node::new(store.bytes(id));
        let mut len = 0;
        for slot in 0..node.count() {
            if len > enough {
                break;
            }
            len += self.elements_len_below(store, node.child(slot), level - 1, enough - len);
        }
        len
    }

    /// How many elements stand before a place.
    pub fn rank_of<S: BlockStore>(&self, store: &S, place: &Place) -> u64 {
        let steps = place.path.iter().flat_map(|path| &path.steps);
        let before = steps.map(|step| Node::new(store.bytes(step.node)).elements_before(step.slot));
        before.sum::<u64>() + place.position.index as u64
    }

    /// The element at a place where one was found.
    pub fn element<'s, S: BlockStore>(
        &self,
        store: &'s S,
        place: &Place,
    ) -> Option<ElementRef<'s>> {
        let path = place.path.as_ref().filter(|_| place.is_found)?;
        Some(self.block(store, path.leaf).element(place.position))
    }

    /// The element of a rank, if there are as many.
    pub fn get_rank<'s, S: BlockStore>(&self, store: &'s S, rank: u64) -> Option<ElementRef<'s>> {
        if rank >= self.len {
            return None;
        }
        self.element(store, &self.locate_rank(store, rank))
    }

    /// Goes on to the next leaf, if there is one.
    fn step_to_next<S: BlockStore>(&self, store: &S, path: &mut Path) -> bool {
        self.step_aside(store, path, |slot, count| {
            (slot + 1 < count).then_some(slot + 1)
        })
    }

    /// Goes back to the leaf before, if there is one.
    fn step_back<S: BlockStore>(&self, store: &S, path: &mut Path) -> bool {
        self.step_aside(store, path, |slot, _| slot.checked_sub(1))
    }

    /// Goes to a neighbour: `aside` names a node's slot beside one of so many, if there is one.
    fn step_aside<S: BlockStore>(
        &self,
        store: &S,
        path: &mut Path,
        aside: impl Fn(usize, usize) -> Option<usize>,
    ) -> bool {
        let turn = path.steps.iter().rposition(|step| {
            let count = Node::new(store.bytes(step.node)).count();
            aside(step.slot, count).is_some()
        });
        let Some(turn) = turn else {
            return false;
        };
        let depth = path.steps.len();
        path.steps.truncate(turn + 1);
        let last = &mut path.steps[turn];
        let mut node = Node::new(store.bytes(last.node));
        last.slot = aside(last.slot, node.count()).expect("that was asked above");
        let mut id = node.child(last.slot);
        while path.steps.len() < depth {
            node = Node::new(store.bytes(id));
            // From the left a leaf is entered by its first slot, from the right by its last one.
            let is_forward = aside(0, 2).is_some();
            let slot = if is_forward { 0 } else { node.count() - 1 };
            path.steps.push(Step { node: id, slot });
            id = node.child(slot);
        }
        path.leaf = id;
        // Whoever walks is going to go on.
        let step = path.steps[depth - 1];
        if let Some(slot) = aside(step.slot, node.count()) {
            store.prefetch(node.child(slot));
        }
        true
    }

    /// All leaves in order.
    pub(super) fn leaves<'s, S: BlockStore>(
        &self,
        store: &'s S,
    ) -> impl Iterator<Item = BlockId> + use<'s, S> {
        let view = *self;
        let mut path = view.descend(store, |_| 0);
        let first = path.as_ref().map(|path| path.leaf);
        let rest = std::iter::from_fn(move || {
            let path = path.as_mut()?;
            view.step_to_next(store, path).then_some(path.leaf)
        });
        first.into_iter().chain(rest)
    }

    /// Where the element before a place stands, if there is one.
    pub fn place_before<S: BlockStore>(&self, store: &S, place: &Place) -> Option<Place> {
        let mut path = place.path.clone()?;
        let index = match place.position.index {
            0 if self.step_back(store, &mut path) => self.block(store, path.leaf).count(),
            index => index,
        };
        let position = self.block(store, path.leaf).position(index.checked_sub(1)?);
        Some(Place {
            path: Some(path),
            position,
            is_found: true,
            hash: 0,
        })
    }

    /// All elements from `rank` on.
    pub fn walk<'s, S: BlockStore>(
        &self,
        store: &'s S,
        rank: u64,
    ) -> impl Iterator<Item = ElementRef<'s>> + use<'s, S> {
        self.walk_from(store, self.locate_rank(store, rank.min(self.len)))
    }

    /// All elements from a place on.
    pub fn walk_from<'s, S: BlockStore>(
        &self,
        store: &'s S,
        place: Place,
    ) -> impl Iterator<Item = ElementRef<'s>> + use<'s, S> {
        let view = *self;
        let first = place.position.index;
        let mut path = place.path;
        let head = path.as_ref().map(|path| view.block(store, path.leaf));
        let rest = std::iter::from_fn(move || {
            let path = path.as_mut()?;
            let has_next = view.step_to_next(store, path);
            has_next.then(|| view.block(store, path.leaf))
        });
        let head = head.into_iter().flat_map(move |block| block.from(first));
        let rest = rest.flat_map(|block| block.from(0));
        head.chain(rest).map(|(_, element)| element)
    }

    /// All elements from `rank` on, leaf by leaf.
    pub fn runs<'s, S: BlockStore>(
        &self,
        store: &'s S,
        rank: u64,
    ) -> impl Iterator<Item = Run<'s>> + use<'s, S> {
        let view = *self;
        let place = view.locate_rank(store, rank.min(view.len));
        let first = place.position.index;
        let mut path = place.path;
        let head = path.as_ref().map(|path| view.block(store, path.leaf));
        let rest = std::iter::from_fn(move || {
            let path = path.as_mut()?;
            let has_next = view.step_to_next(store, path);
            has_next.then(|| view.block(store, path.leaf))
        });
        let head = head.map(|block| block.run_from(first));
        head.into_iter().chain(rest.map(|block| block.run_from(0)))
    }

    /// All elements before `rank`, the last one first.
    pub fn walk_back<'s, S: BlockStore>(
        &self,
        store: &'s S,
        rank: u64,
    ) -> impl Iterator<Item = ElementRef<'s>> + use<'s, S> {
        let view = *self;
        let place = view.locate_rank(store, rank.min(view.len));
        let first = place.position.index;
        let mut path = place.path;
        let head = path.as_ref().map(|path| view.block(store, path.leaf));
        let rest = std::iter::from_fn(move || {
            let path = path.as_mut()?;
            let has_next = view.step_back(store, path);
            has_next.then(|| view.block(store, path.leaf))
        });
        let head = head
            .into_iter()
            .flat_map(move |block| block.back_from(first));
        head.chain(rest.flat_map(|block| block.back_from(block.count())))
    }

    /// One step of a scan of a tree by hash: shows the elements of one leaf from `cursor` on and
    /// returns the next cursor, 0 when none is left. A scan begins with 0. Whatever changes between
    /// its steps, an element that is there throughout is shown exactly once.
    pub fn scan<'s, S: BlockStore>(
        &self,
        store: &'s S,
        cursor: u64,
        mut visit: impl FnMut(ElementRef<'s>),
    ) -> u64 {
        debug_assert!(self.shape.is_hashed(), "only hashed trees are scanned");
        let Some(path) = self.locate_order(store, cursor) else {
            return 0;
        };
        // A leaf that begins at the cursor is shown whole; of another one, a part was shown before.
        let is_whole = path.order_of_leaf(store).unwrap_or(0) >= cursor;
        let hasher = store.hasher();
        for element in self.block(store, path.leaf).elements() {
            let order = || hash_order(hasher.hash_bytes(item::hashed_part(element.key_bytes())));
            if is_whole || order() >= cursor {
                visit(element);
            }
        }
        path.order_after(store).unwrap_or(0)
    }

    /// The elements of one leaf from `cursor` on, in the order of their hashes and then of their
    /// bytes, each with its hash's order; appended to `elements`. Returns the next cursor, 0 when
    /// none is left. All trees have the same order, so several of them are merged leaf by leaf. O(m
    /// log m) for the m elements of a leaf.
    pub fn next_by_hash<'s, S: BlockStore>(
        &self,
        store: &'s S,
        cursor: u64,
        elements: &mut Vec<(u64, ElementRef<'s>)>,
    ) -> u64 {
        let hasher = store.hasher();
        let first = elements.len();
        let next = self.scan(store, cursor, |element| {
            let hash = hasher.hash_bytes(item::hashed_part(element.key_bytes()));
            elements.push((hash_order(hash), element));
        });
        elements[first..].sort_unstable_by(|one, other| {
            let order = one.0.cmp(&other.0);
            order.then_with(|| one.1.key_bytes().cmp(other.1.key_bytes()))
        });
        next
    }

    /// The least deadline of all elements. O(1) but for a tree of one leaf.
    pub fn next_deadline<S: BlockStore>(&self, store: &S) -> Option<u64> {
        let root = self.root?;
        if self.depth == 0 {
            return self.block(store, root).least_deadline();
        }
        let least = Node::new(store.bytes(root)).least_deadline();
        (least != NEVER).then_some(least)
    }

    /// Where the element with the least deadline stands.
    pub fn locate_next_due<S: BlockStore>(&self, store: &S) -> Option<Place> {
        let least = self.next_deadline(store)?;
        let path = self.descend(store, |node| {
            let mut slots = 0..node.count();
            let slot = slots.find(|&slot| node.deadline(slot) == least);
            slot.expect("a parent's least deadline is that of a child")
        })?;
        let block = self.block(store, path.leaf);
        let mut elements = block.from(0);
        let (position, element) =
            elements.find(|(_, element)| element.deadline() == Some(least))?;
        let key = item::hashed_part(element.key_bytes());
        Some(Place {
            path: Some(path),
            position,
            is_found: true,
            hash: store.hasher().hash_bytes(key),
        })
    }
}
