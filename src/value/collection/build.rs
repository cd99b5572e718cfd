//! Large collections that are built of elements one after the other, as they come from a snapshot.
//!
//! ```text
//!  list, stream appended
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
use crate::structures::block_tree::{BlockStore, Descent, End, Key, Tree};
use crate::structures::item::Code;
use crate::value::encoding::Encoding;
use crate::value::kind::Kind;
use arrayvec::ArrayVec;

/// Elements whose leaves are asked for before the first of them is inserted.
const GROUP: usize = 16;

impl Trees {
    /// A large collection of a kind without elements. `owner` stands in the blocks of the first
    /// tree; those of the second have the next number.
    ///
    /// # Panics
    /// If it is the kind of strings.
    pub fn empty(kind: Kind, owner: u32, encoding: Encoding) -> Self {
        let facts = kind.collection().expect("a string is no collection");
        let is_by_member = facts.is_by_member;
        let shape = match is_by_member {
            true => Shape::Map,
            false => facts.shape,
        };
        let scores = is_by_member.then(|| Tree::new(Shape::Scored, owner + 1));
        Self::new(Tree::new(shape, owner), scores, encoding)
    }

    /// Adds elements of its kind; scored ones must stand after all that are there.
    pub fn append<'e, S: BlockStore>(
        &mut self,
        store: &mut S,
        elements: impl Iterator<Item = ElementRef<'e>>,
    ) {
        if self.members.shape() == Shape::List {
            for element in elements {
                let item = Code::of_item(element.key());
                self.members.push(store, End::Back, &item);
            }
            return;
        }
        if !self.members.shape().is_hashed() {
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
    let descents = keys.iter().filter_map(|key| tree.descent(key));
    let mut descents: ArrayVec<Descent, GROUP> = descents.collect();
    Descent::advance_all(&mut descents, store);
}
