//! Changes of elements, in a block or in a tree.
//!
//! ```text
//!  packed   fits ──▶ in place      needs room ──▶ Home::resize      beyond 4 KiB ──▶ Home::enlarge
//!  large    the tree's matter
//! ```
//!
//! Invariant: a [`Spot`] is used up by the next change.
//!
//! Cost: a packed change moves at most 4 KiB; becoming large inserts what fits 4 KiB into trees.
//!
//! Not here: integers alone (`value/set.rs`), scores of large sorted sets (`value/sorted_set/`).

use super::{Body, Elements, Form, Home, PACKED_BYTES_MAX, Trees};
use crate::structures::block::{Block, BlockMut, Element, ElementRef, Position, Shape};
use crate::structures::block_tree::{BlockStore, End, HashBytes, Key, Place, Tree};
use crate::structures::item::Code;
use crate::value::encoding::{Encoding, EncodingLimits, EncodingRoom};
use std::ops::Range;

/// Where an element stands, or would be inserted.
#[derive(Clone, Debug)]
pub enum Spot {
    /// In the block.
    Packed {
        /// Where.
        position: Position,
        /// Whether what was looked for stands there.
        is_found: bool,
        /// The low byte of its key's hash; 0 where there is no key.
        tag: u8,
    },
    /// In the first tree.
    Tree(Place),
}

impl Spot {
    /// Whether what was looked for stands there.
    pub fn is_found(&self) -> bool {
        match self {
            Self::Packed { is_found, .. } => *is_found,
            Self::Tree(place) => place.is_found(),
        }
    }
}

/// The elements of a collection, to be changed; of a large sorted set those by member.
pub struct ElementsMut<H> {
    home: H,
}

impl<H: Home> ElementsMut<H> {
    /// Those of the collection that lives at `home`.
    pub fn new(home: H) -> Self {
        Self { home }
    }

    /// Where the collection lives.
    pub fn home(&mut self) -> &mut H {
        &mut self.home
    }

    /// The limits of encodings in force.
    pub fn limits(&self) -> &EncodingLimits {
        self.home.limits()
    }

    /// The collection as it is now.
    #[inline]
    pub fn body(&self) -> Body<'_, H::Store> {
        self.home.body()
    }

    /// The elements as they are now.
    pub fn elements(&self) -> Elements<'_, H::Store> {
        self.home.body().elements()
    }

    /// Finds a key.
    pub fn locate(&self, code: &Code) -> Spot {
        let Body { form, store, .. } = self.home.body();
        let key = Key::new(store, *code);
        match form {
            Form::Packed(block) => {
                let found = block.find(code, key.tag());
                Spot::Packed {
                    position: found.unwrap_or_else(|| block.position(block.count())),
                    is_found: found.is_some(),
                    tag: key.tag(),
                }
            }
            Form::Integers(_) => panic!("integers are no elements of a block"),
            Form::Large(trees) => Spot::Tree(trees.members.locate(store, &key)),
        }
    }

    /// The spot of a rank, counted from 0; at the length, the end.
    ///
    /// # Panics
    /// If there are fewer elements.
    pub fn locate_rank(&self, rank: u64) -> Spot {
        let Body { form, store, .. } = self.home.body();
        match form {
            Form::Packed(block) => {
                assert!(rank <= block.count() as u64, "ranks end at the length");
                Spot::Packed {
                    position: block.position(rank as usize),
                    is_found: rank < block.count() as u64,
                    tag: 0,
                }
            }
            Form::Integers(_) => panic!("integers are no elements of a block"),
            Form::Large(trees) => Spot::Tree(trees.members.locate_rank(store, rank)),
        }
    }

    /// The element that was found at a spot.
    pub fn get(&self, spot: &Spot) -> Option<ElementRef<'_>> {
        let Body { form, store, .. } = self.home.body();
        match (spot, form) {
            (
                Spot::Packed {
                    position, is_found, ..
                },
                Form::Packed(block),
            ) => is_found.then(|| block.element(*position)),
            (Spot::Tree(place), Form::Large(trees)) => trees.members.element(store, place),
            _ => panic!("a spot is used up by a change"),
        }
    }

    /// Gives a packed collection room for `count` elements more of `elements_len` bytes in all, so
    /// that it grows only once. A hint.
    #[inline]
    pub fn reserve(&mut self, count: usize, elements_len: usize) {
        if count > 1 {
            self.reserve_room(count, elements_len);
        }
    }

    fn reserve_room(&mut self, count: usize, elements_len: usize) {
        let Form::Packed(block) = self.home.body().form else {
            return;
        };
        let wanted = Block::len_of(
            block.shape(),
            block.is_tagged(),
            block.count() + count,
            block.elements_len() + elements_len,
        );
        if wanted > block.capacity() && wanted <= PACKED_BYTES_MAX {
            self.home.resize(wanted);
        }
    }

    /// Inserts an element at a spot where its key was not found, or, in a list, before the element
    /// that stands there.
    pub fn insert(&mut self, spot: Spot, element: &Element) {
        match spot {
            Spot::Packed { position, tag, .. } => self.insert_packed(position, tag, element),
            Spot::Tree(place) => {
                let (trees, store) = self.home.large_mut();
                trees.members.insert(store, place, element);
            }
        }
    }

    /// Puts an item at an end of a list.
    #[inline]
    pub fn push(&mut self, end: End, item: &Code) {
        if self.home.body().is_large() {
            let (trees, store) = self.home.large_mut();
            return trees.members.push(store, end, item);
        }
        if !BlockMut::new(self.home.packed_mut()).push_in_place(end, item) {
            self.push_packed(end, item);
        }
    }

    /// The same in a block, where something else has to be done, too.
    #[inline(never)]
    fn push_packed(&mut self, end: End, item: &Code) {
        let spot = self.locate_rank(match end {
            End::Front => 0,
            End::Back => self.home.body().len(),
        });
        self.insert(spot, &Element::single(*item));
    }

    /// Removes the item at an end of a list, after `see` has seen it.
    ///
    /// # Panics
    /// If there is none.
    pub fn pop<R>(&mut self, end: End, see: impl FnOnce(ElementRef<'_>) -> R) -> R {
        if let Form::Packed(block) = self.home.body().form {
            let position = block.position_at(end);
            let seen = see(block.element(position));
            let mut block = BlockMut::new(self.home.packed_mut());
            if !block.pop_in_place(end, position) {
                block.remove(position);
            }
            self.shrink();
            return seen;
        }
        let (trees, store) = self.home.large_mut();
        trees.members.pop(store, end, see)
    }

    /// Puts an element in the place of the one that was found at a spot, which has the same key
    /// and, if scored, stands between the same neighbours. In place if there is room.
    pub fn replace(&mut self, spot: Spot, element: &Element) {
        match spot {
            Spot::Packed { position, tag, .. } => {
                let mut block = BlockMut::new(self.home.packed_mut());
                if block.replace(position, element) {
                    return;
                }
                block.remove(position);
                // Removing may have dropped the index, and moved all elements.
                let position = block.block().position(position.index);
                self.insert_packed(position, tag, element);
            }
            Spot::Tree(place) => {
                let (trees, store) = self.home.large_mut();
                trees.members.replace(store, place, element);
            }
        }
    }

    /// Removes the element that was found at a spot.
    pub fn remove(&mut self, spot: Spot) {
        match spot {
            Spot::Packed { position, .. } => {
                BlockMut::new(self.home.packed_mut()).remove(position);
                self.shrink();
            }
            Spot::Tree(place) => {
                let (trees, store) = self.home.large_mut();
                trees.members.remove(store, place);
            }
        }
    }

    /// Removes the elements of these ranks: O(log n), however many they are.
    ///
    /// # Panics
    /// If there are not as many.
    pub fn remove_ranks(&mut self, ranks: Range<u64>) {
        if let Form::Large(_) = self.home.body().form {
            let (trees, store) = self.home.large_mut();
            trees.members.remove_ranks(store, ranks);
            return;
        }
        let mut block = BlockMut::new(self.home.packed_mut());
        let from = block.block().position(ranks.start as usize);
        let to = block.block().position(ranks.end as usize);
        block.remove_range(from, to);
        self.shrink();
    }

    /// Removes, of the items of a list of these ranks, which stand in one block, those of which
    /// `is_gone` says so, which is asked of each once and in order; how many. O(bytes of a block),
    /// however many go.
    ///
    /// # Panics
    /// If it is no list, or the items stand in several blocks; see [`Elements::ranks_of_block`].
    pub fn remove_where(
        &mut self,
        ranks: Range<u64>,
        is_gone: impl FnMut(ElementRef) -> bool,
    ) -> u64 {
        if let Form::Large(_) = self.home.body().form {
            let (trees, store) = self.home.large_mut();
            return trees.members.remove_where(store, ranks, is_gone);
        }
        let indexes = ranks.start as usize..ranks.end as usize;
        let gone_count = BlockMut::new(self.home.packed_mut()).remove_where(indexes, is_gone);
        self.shrink();
        gone_count as u64
    }

    /// Says what the encoding is called from now on. Does nothing to integers.
    pub fn set_encoding(&mut self, encoding: Encoding) {
        match self.home.body().form {
            Form::Packed(_) => {
                BlockMut::new(self.home.packed_mut()).set_owner_bits(encoding as u8);
            }
            Form::Integers(_) => {}
            Form::Large(_) => self.home.large_mut().0.set_encoding(encoding),
        }
    }

    /// Takes so many bytes from the room that a large list's encoding has; false, and nothing is
    /// taken, if it may not have as many.
    #[inline]
    pub fn take_encoding_room(&mut self, bytes: usize) -> bool {
        let list_size = self.home.limits().list_size;
        if !self.home.body().is_large() {
            return false;
        }
        let (trees, _) = self.home.large_mut();
        trees.encoding_room.take(list_size, bytes)
    }

    /// Says how much room a large list's encoding has. Does nothing while it is packed.
    pub fn note_encoding_room(&mut self, bytes: usize) {
        let list_size = self.home.limits().list_size;
        if self.home.body().is_large() {
            let (trees, _) = self.home.large_mut();
            trees.encoding_room = EncodingRoom::new(list_size, bytes);
        }
    }

    /// Makes a packed collection large: the elements of a sorted set by member and by score, of all
    /// others in one tree.
    pub fn enlarge(&mut self) {
        let Form::Packed(block) = self.home.body().form else {
            return;
        };
        let encoding = Encoding::from_bits(block.owner_bits());
        let mut copy = vec![0; block.used_len()];
        BlockMut::copy(&mut copy, block, 0);
        self.home.enlarge(&mut |store, owner| {
            let block = Block::new(&copy);
            let (members, scores) = match block.shape() {
                Shape::Scored => {
                    let (members, scores) = trees_by_member_and_score(store, block, owner);
                    (members, Some(scores))
                }
                Shape::Set | Shape::Map | Shape::List => {
                    (Tree::from_block(store, block, owner), None)
                }
            };
            Trees::new(members, scores, encoding)
        });
    }

    fn insert_packed(&mut self, position: Position, tag: u8, element: &Element) {
        let Body { form, store, .. } = self.home.body();
        let Form::Packed(block) = form else {
            panic!("a spot is used up by a change");
        };
        let hasher = store.hasher();
        let needed = block.grown_len(element.byte_len());
        let capacity = block.capacity();
        if needed > PACKED_BYTES_MAX {
            assert!(
                block.shape() != Shape::Scored,
                "who changes a sorted set makes it large before"
            );
            self.enlarge();
            return self.insert_into_tree(position, element);
        }
        if needed > capacity {
            self.home.resize(needed);
        }
        let mut block = BlockMut::new(self.home.packed_mut());
        block.insert(position, element, tag, &|key| hasher.hash_bytes(key));
    }

    /// Inserts an element into a tree that was a block a moment ago.
    fn insert_into_tree(&mut self, position: Position, element: &Element) {
        let (trees, store) = self.home.large_mut();
        let tree = &mut trees.members;
        let place = match tree.shape() {
            Shape::List => tree.locate_rank(store, position.index as u64),
            Shape::Set | Shape::Map => tree.locate(store, &Key::new(store, element.key_code())),
            Shape::Scored => unreachable!("members are not kept by score alone"),
        };
        tree.insert(store, place, element);
    }

    /// Gives memory back that a block does not need any more, if that is a quarter of it.
    fn shrink(&mut self) {
        let Form::Packed(block) = self.home.body().form else {
            return;
        };
        if block.count() == 0 {
            // It goes as a whole.
            return;
        }
        let (used_len, capacity) = (block.used_len(), block.capacity());
        if used_len * 4 > capacity * 3 || self.home.capacity_for(used_len) == capacity {
            return;
        }
        if block.shape() == Shape::List {
            BlockMut::new(self.home.packed_mut()).move_to_front();
            self.home.resize(used_len);
            return;
        }
        let mut copy = vec![0; used_len];
        BlockMut::copy(&mut copy, block, 0);
        self.home.resize(used_len);
        BlockMut::copy(self.home.packed_mut(), Block::new(&copy), 0);
    }
}

/// The trees of a sorted set that was packed.
fn trees_by_member_and_score<S: BlockStore>(
    store: &mut S,
    block: Block<'_>,
    owner: u32,
) -> (Tree, Tree) {
    let mut members = Tree::new(Shape::Map, owner);
    let mut scores = Tree::new(Shape::Scored, owner + 1);
    for element in block.elements() {
        let member = Code::of_item(element.key());
        let place = scores.locate_rank(store, scores.len());
        scores.insert(store, place, &Element::scored(element.score(), member));
        let place = members.locate(store, &Key::new(store, member));
        let pair = Element::pair(member, Code::of_score(element.score()));
        members.insert(store, place, &pair);
    }
    (members, scores)
}
