//! Sorted sets: members with scores, ordered by score and then by the bytes of the member.
//!
//! ```text
//!  small   one block of (score, member) in order; a member is found by its tag
//!  large   members: member ─▶ score, by hash
//!          scores:  (score, member), in order: ranks, ranges, walks
//! ```
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | sorted sets, read and changed |
//! | `range.rs` | which ranks a range of ranks, scores or texts has |
//! | `combine.rs` | union, intersection and difference of several |
//!
//! Invariants: no two members are the same; no score is NaN; both trees of a large set have the
//! same members with the same scores.
//!
//! Cost: a member, a rank and the ends of a range are found in O(log n); a change is one search by
//! member and, if the score is another one, one by score, or two if it leads to another leaf.
//!
//! Not here: how elements are kept (`value/collection/`), how scores are written
//! (`protocol/double_text.rs`).

pub mod combine;
pub mod range;
#[cfg(test)]
mod tests;

use super::collection::PACKED_BYTES_MAX;
use super::collection::{Body, CollectionType, Elements, ElementsMut, Form, Home, Spot, Trees};
use super::encoding::Encoding;
use super::kind::Kind;
use crate::structures::block::{BlockMut, Element, ElementRef, Shape};
use crate::structures::block_tree::{BlockStore, Key, Tree};
use crate::structures::item::{self, Code, Item, score_order};
use either::Either;
use std::ops::Range;

/// A member with its score.
pub type Scored<'a> = (Item<'a>, f64);

/// Members that are noted at once while a range of a large set is removed …
const REMOVAL_COUNT: usize = 64;

/// … unless they have more bytes than this.
const REMOVAL_BYTES: usize = 64 * 1024;

/// The type of sorted sets.
pub struct SortedSet;

impl CollectionType for SortedSet {
    const KIND: Kind = Kind::SortedSet;
    const SHAPE: Shape = Shape::Scored;
    type Ref<'a, S: BlockStore + 'a> = SortedSetRef<'a, S>;
    type Mut<H: Home> = SortedSetMut<H>;
}

/// A sorted set to be read.
pub struct SortedSetRef<'a, S> {
    /// Where members are found: the block, or the tree by member.
    members: Elements<'a, S>,
    /// Its members in order: the same block, or the tree by score.
    ordered: Elements<'a, S>,
}

impl<S> Clone for SortedSetRef<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for SortedSetRef<'_, S> {}

impl<'a, S: BlockStore> From<Body<'a, S>> for SortedSetRef<'a, S> {
    fn from(body: Body<'a, S>) -> Self {
        let members = body.elements();
        let ordered = match body.form {
            Form::Packed(_) | Form::Integers(_) => members,
            Form::Large(trees) => Elements::tree(tree_by_score(trees).current(), body.store),
        };
        Self { members, ordered }
    }
}

impl<'a, S: BlockStore> SortedSetRef<'a, S> {
    /// How many members there are.
    pub fn len(&self) -> u64 {
        self.members.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Its members in order.
    pub fn ordered(&self) -> &Elements<'a, S> {
        &self.ordered
    }

    /// The score of a member.
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.score_of(&Code::of_text(member))
    }

    /// The score of the member of a code.
    pub fn score_of(&self, member: &Code) -> Option<f64> {
        self.members.find(member).map(score_beside)
    }

    /// The rank of a member, counted from 0, and its score.
    pub fn rank(&self, member: &[u8]) -> Option<(u64, f64)> {
        let code = Code::of_text(member);
        let score = self.score_of(&code)?;
        let (order, item) = (score_order(score), code.item());
        let compare = |element: ElementRef<'_>| element.key().cmp_text(item);
        let (rank, is_found) = self.ordered.rank_by(order, compare);
        debug_assert!(is_found, "a member stands by its score, too");
        Some((rank, score))
    }

    /// The member of a rank, counted from 0, if there are as many.
    pub fn at(&self, rank: u64) -> Option<Scored<'a>> {
        self.ordered.at(rank).map(pair)
    }

    /// The members of these ranks: in order, or from the last one back.
    pub fn slice(
        &self,
        ranks: Range<u64>,
        is_reversed: bool,
    ) -> impl Iterator<Item = Scored<'a>> + use<'a, S> {
        let count = (ranks.end - ranks.start) as usize;
        let elements = match is_reversed {
            false => Either::Left(self.ordered.from(ranks.start)),
            true => Either::Right(self.ordered.back_from(ranks.end)),
        };
        elements.take(count).map(pair)
    }

    /// All members in order.
    pub fn iter(&self) -> impl Iterator<Item = Scored<'a>> + use<'a, S> {
        self.ordered.from(0).map(pair)
    }

    /// A step of a scan; see [`Elements::scan`].
    pub fn scan(&self, cursor: u64, mut visit: impl FnMut(Item<'a>, f64)) -> u64 {
        self.members.scan(cursor, |element| {
            visit(element.key(), score_beside(element));
        })
    }
}

/// The tree of a large sorted set by score.
fn tree_by_score(trees: &Trees) -> &Tree {
    trees.scores.as_ref().expect("a sorted set has both trees")
}

/// A member that stands by its score, with it.
fn pair(element: ElementRef<'_>) -> Scored<'_> {
    (element.key(), element.score())
}

/// The score of an element that was found by its member: it is before it, or after it.
fn score_beside(element: ElementRef<'_>) -> f64 {
    match element.shape() {
        Shape::Scored => element.score(),
        Shape::Set | Shape::Map | Shape::List => {
            let score = element.value().score();
            score.expect("a member has a number beside it")
        }
    }
}

/// What became of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// It is new.
    Added,
    /// It has another score.
    Changed,
    /// It is as it was, or still not there.
    Kept,
}

/// A sorted set to be changed.
pub struct SortedSetMut<H> {
    elements: ElementsMut<H>,
}

impl<H: Home> From<H> for SortedSetMut<H> {
    fn from(home: H) -> Self {
        Self {
            elements: ElementsMut::new(home),
        }
    }
}

impl<H: Home> SortedSetMut<H> {
    /// The sorted set as it is now.
    pub fn read(&self) -> SortedSetRef<'_, H::Store> {
        self.elements.body().into()
    }

    /// Gives an empty set room for `count` members, of `elements_len` bytes with their scores.
    pub fn reserve(&mut self, count: usize, elements_len: usize) {
        self.elements.reserve(count, elements_len);
    }

    /// Gives a member a score, whatever it had.
    ///
    /// # Panics
    /// If the score is NaN.
    pub fn put(&mut self, member: &[u8], score: f64) -> Update {
        self.update(member, |_| Some(score))
    }

    /// Gives a member the score that `decide` says when it is told the present one, or none. A
    /// score that equals the present one changes nothing.
    ///
    /// # Panics
    /// If the score is NaN.
    #[inline]
    pub fn update(
        &mut self,
        member: &[u8],
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> Update {
        let code = Code::of_text(member);
        let spot = self.elements.locate(&code);
        let old = self.elements.get(&spot).map(score_beside);
        let Some(new) = decide(old).filter(|&new| old != Some(new)) else {
            return Update::Kept;
        };
        if old.is_none() {
            self.note_size(self.elements.body().len() + 1, member.len());
        }
        // In a listpack −0 is the integer 0. Adding 0 turns it into that, and changes nothing else.
        let new = match self.elements.body().encoding() {
            Encoding::Small | Encoding::Integers => new + 0.0,
            Encoding::Outgrown => new,
        };
        self.write(spot, code, old, new);
        match old {
            Some(_) => Update::Changed,
            None => Update::Added,
        }
    }

    fn write(&mut self, spot: Spot, member: Code<'_>, old: Option<f64>, new: f64) {
        let spot = match (spot, self.elements.body().form) {
            (spot @ Spot::Packed { .. }, Form::Packed(block)) => {
                if block.grown_len(Element::scored(new, member).byte_len()) <= PACKED_BYTES_MAX {
                    return self.write_packed(spot, member, new);
                }
                self.elements.enlarge();
                self.elements.locate(&member)
            }
            (spot, _) => spot,
        };
        let by_member = Element::pair(member, Code::of_score(new));
        if spot.is_found() {
            self.elements.replace(spot, &by_member);
        } else {
            self.elements.insert(spot, &by_member);
        }
        let (tree, store) = self.scores_mut();
        let place = tree.locate_scored(store, old.unwrap_or(new), member.item());
        match old {
            Some(_) => tree.rescore(store, place, new, member),
            None => tree.insert(store, place, &Element::scored(new, member)),
        }
    }

    /// Writes an element that fits the block.
    fn write_packed(&mut self, spot: Spot, member: Code<'_>, score: f64) {
        let Spot::Packed {
            position,
            is_found,
            tag,
        } = spot
        else {
            panic!("a block has no places of a tree");
        };
        let element = Element::scored(score, member);
        let mut block = BlockMut::new(self.elements.home().packed_mut());
        if is_found {
            let (to, _) = block.block().find_scored(score, member.item());
            if block.reorder(position, to, &element) {
                return;
            }
            // Its memory is needed again at once.
            block.remove(position);
        }
        let (position, _) = block.block().find_scored(score, member.item());
        let spot = Spot::Packed {
            position,
            is_found: false,
            tag,
        };
        self.elements.insert(spot, &element);
    }

    /// The tree of a large set by score.
    fn scores_mut(&mut self) -> (&mut Tree, &mut H::Store) {
        let (trees, store) = self.elements.home().large_mut();
        let tree = trees.scores.as_mut();
        (tree.expect("a sorted set has both trees"), store)
    }

    /// Removes a member; whether it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        let code = Code::of_text(member);
        let spot = self.elements.locate(&code);
        let Some(score) = self.elements.get(&spot).map(score_beside) else {
            return false;
        };
        let is_large = matches!(spot, Spot::Tree(_));
        self.elements.remove(spot);
        if is_large {
            let (tree, store) = self.scores_mut();
            let place = tree.locate_scored(store, score, code.item());
            tree.remove(store, place);
        }
        true
    }

    /// Removes the members of these ranks. Of a large set O(log n) by score and, unless all of it
    /// goes, O(log n) for each of them by member.
    ///
    /// # Panics
    /// If there are not as many.
    pub fn remove_ranks(&mut self, ranks: Range<u64>) {
        let body = self.elements.body();
        let is_all = ranks == (0..body.len());
        if let Form::Packed(_) | Form::Integers(_) = body.form {
            return self.elements.remove_ranks(ranks);
        }
        if is_all {
            self.elements.remove_ranks(ranks.clone());
        } else {
            self.remove_members(ranks.clone());
        }
        let (tree, store) = self.scores_mut();
        tree.remove_ranks(store, ranks);
    }

    /// Removes the members of these ranks from the tree by member alone.
    fn remove_members(&mut self, mut ranks: Range<u64>) {
        let mut codes = Vec::new();
        while !ranks.is_empty() {
            codes.clear();
            let ordered = *self.read().ordered();
            let left = (ranks.end - ranks.start) as usize;
            for element in ordered.from(ranks.start).take(left.min(REMOVAL_COUNT)) {
                codes.extend_from_slice(element.key_bytes());
                ranks.start += 1;
                if codes.len() >= REMOVAL_BYTES {
                    break;
                }
            }
            let (trees, store) = self.elements.home().large_mut();
            let mut rest = &codes[..];
            while !rest.is_empty() {
                let (member, len) = item::read(rest);
                let key = Key::new(store, Code::of_item(member));
                let place = trees.members.locate(store, &key);
                trees.members.remove(store, place);
                rest = &rest[len..];
            }
        }
    }

    /// Notes how many members there are going to be, and how long a new one is: what the encoding
    /// is called follows from it.
    pub fn note_size(&mut self, count: u64, member_len: usize) {
        let limits = self.elements.home().limits().sorted_set;
        let is_outgrown = self.elements.body().encoding() != Encoding::Outgrown
            && (member_len as u64 > limits.value_bytes_max || count > limits.entries_max);
        if is_outgrown {
            self.elements.set_encoding(Encoding::Outgrown);
        }
    }
}
