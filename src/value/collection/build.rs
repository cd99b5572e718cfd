//! Large collections that are built of elements one after the other, as they come from a snapshot.
//!
//! ```text
//!  list         appended
//!  set, hash    sixteen at a time: their leaves are asked for together, then each is inserted
//!  sorted set   so by member, and appended by score
//! ```
//!
//! An element whose key is there already is passed over: the first one counts.
//!
//! Cost: an insert each; the cache misses of sixteen overlap.
//!
//! Not here: small collections, where the elements come from (`keyspace/mutation/restore.rs`).

use super::Trees;
use crate::structures::block::{Element, ElementRef, Shape};
use crate::structures::block_tree::{BlockStore, Descent, Key, Tree};
use crate::structures::item::Code;
use crate::value::encoding::Encoding;
use arrayvec::ArrayVec;

/// Elements whose leaves are asked for before the first of them is inserted.
const GROUP: usize = 16;

impl Trees {
    /// A large collection without elements, whose elements are those of `shape` in order. `owner`
    /// stands in the blocks of the first tree; those of the second have the next number.
    pub fn empty(shape: Shape, owner: u32, encoding: Encoding) -> Self {
        let is_scored = shape == Shape::Scored;
        Self {
            members: Tree::new(if is_scored { Shape::Map } else { shape }, owner),
            scores: is_scored.then(|| Tree::new(Shape::Scored, owner + 1)),
            encoding,
        }
    }

    /// Adds elements of the shape it was made for; scored ones must stand after all that are there.
    pub fn append<'e, S: BlockStore>(
        &mut self,
        store: &mut S,
        elements: impl Iterator<Item = ElementRef<'e>>,
    ) {
        if self.members.shape() == Shape::List {
            for element in elements {
                push(&mut self.members, store, &element.to_element());
            }
            return;
        }
        let mut group = ArrayVec::<ElementRef<'e>, GROUP>::new();
        for element in elements {
            group.push(element);
            if group.is_full() {
                self.insert_group(store, &group);
                group.clear();
            }
        }
        self.insert_group(store, &group);
    }

    fn insert_group<S: BlockStore>(&mut self, store: &mut S, group: &[ElementRef]) {
        let keys: ArrayVec<Key, GROUP> = group
            .iter()
            .map(|element| Key::new(store, Code::of_item(element.key())))
            .collect();
        ask_for_leaves(&self.members, store, &keys);
        for (element, key) in group.iter().zip(&keys) {
            let place = self.members.locate(store, key);
            if place.is_found() {
                continue;
            }
            let Some(scores) = &mut self.scores else {
                self.members.insert(store, place, &element.to_element());
                continue;
            };
            let pair = Element::pair(key.code(), Code::of_score(element.score()));
            self.members.insert(store, place, &pair);
            push(scores, store, &element.to_element());
        }
    }
}

/// Appends an element to a tree in which elements have a place of their own.
fn push<S: BlockStore>(tree: &mut Tree, store: &mut S, element: &Element) {
    let place = tree.locate_rank(store, tree.len());
    tree.insert(store, place, element);
}

/// Goes down to the leaves of all keys, a level of all of them at a time.
fn ask_for_leaves<S: BlockStore>(tree: &Tree, store: &S, keys: &[Key]) {
    let descents = keys.iter().filter_map(|key| Some((tree.descent()?, key)));
    let mut descents: ArrayVec<(Descent, &Key), GROUP> = descents.collect();
    while descents.iter_mut().fold(false, |has_more, (descent, key)| {
        descent.advance(store, key) | has_more
    }) {}
}
