//! Unions, intersections and differences of sets, of any form, frozen ones included.
//!
//! ```text
//!  probing   each member of one set is looked for in another         n · log m
//!  merging   both are walked in the order of hashes, leaf by leaf    n + m
//! ```
//!
//! Invariants: a member is told once; all integers of sets of integers alone are told in ascending
//! order.
//!
//! Cost: for each set beside the first the cheaper of the two ways. A merge holds one leaf of each
//! set.
//!
//! Not here: what becomes of the members (`command/sets/`).

use super::set::SetRef;
use crate::structures::block::ElementRef;
use crate::structures::block::integers::IntegerSet;
use crate::structures::block_tree::{BlockStore, HashBytes, View};
use crate::structures::item::{self, Code, Item};
use crate::value::collection::Elements;
use either::Either;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::ops::ControlFlow;

/// Tells each member that is in any of the sets.
pub fn unite<'a, S: BlockStore>(sets: &[SetRef<'a, S>], mut each: impl FnMut(Item<'a>)) {
    if let [set] = sets {
        return set.iter().for_each(each);
    }
    let mut merge = Merge::new(sets);
    while let Some(same) = merge.next() {
        each(same[0].1.item());
    }
}

/// Tells each member that is in all of the sets, until `each` breaks.
pub fn intersect<'a, S: BlockStore>(
    sets: &[SetRef<'a, S>],
    mut each: impl FnMut(Item<'a>) -> ControlFlow<()>,
) {
    let mut sets = sets.to_vec();
    // What is in few of them is asked of the smallest first.
    sets.sort_by_key(SetRef::len);
    let Some((smallest, others)) = sets.split_first() else {
        return;
    };
    let (probed, merged) = split_by_way(smallest, others);
    let set_count = 1 + merged.len();
    let mut tell = |member: Item<'a>| match probed.iter().all(|set| set.contains_item(member)) {
        true => each(member),
        false => ControlFlow::Continue(()),
    };
    if merged.is_empty() {
        let _ = smallest.iter().try_for_each(tell);
        return;
    }
    let mut merge = Merge::new(&with_first(smallest, merged));
    while !merge.is_at_end_of(0)
        && let Some(same) = merge.next()
    {
        if same.len() == set_count && tell(same[0].1.item()).is_break() {
            return;
        }
    }
}

/// Tells each member of the first set that is in none of the others.
pub fn subtract<'a, S: BlockStore>(
    first: SetRef<'a, S>,
    others: &[SetRef<'a, S>],
    mut each: impl FnMut(Item<'a>),
) {
    let mut others = others.to_vec();
    // What is in many of them is found in the largest first.
    others.sort_by_key(|set| Reverse(set.len()));
    let (probed, merged) = split_by_way(&first, &others);
    let mut tell = |member: Item<'a>| {
        if !probed.iter().any(|set| set.contains_item(member)) {
            each(member);
        }
    };
    if merged.is_empty() {
        return first.iter().for_each(tell);
    }
    let mut merge = Merge::new(&with_first(&first, merged));
    while !merge.is_at_end_of(0)
        && let Some(same) = merge.next()
    {
        if let [(0, member)] = same {
            tell(member.item());
        }
    }
}

/// The sets in which each member of `first` is to be looked for, and those to be merged with it.
fn split_by_way<'a, S: BlockStore>(
    first: &SetRef<'a, S>,
    others: &[SetRef<'a, S>],
) -> (Vec<SetRef<'a, S>>, Vec<SetRef<'a, S>>) {
    let count = first.len();
    others.iter().partition(|other| {
        let probe_steps = u64::from(other.len().max(2).ilog2());
        other.is_small() || count.saturating_mul(probe_steps) < count + other.len()
    })
}

fn with_first<'a, S>(first: &SetRef<'a, S>, mut others: Vec<SetRef<'a, S>>) -> Vec<SetRef<'a, S>> {
    others.insert(0, *first);
    others
}

/// A member of one of the collections that are merged.
#[derive(Clone, Copy)]
pub enum Member<'a> {
    /// Of a set of integers.
    Integer(i64),
    /// Of any other, with the value or score that it has there.
    Element(ElementRef<'a>),
}

impl<'a> Member<'a> {
    /// The member as an item.
    pub fn item(&self) -> Item<'a> {
        match self {
            Self::Integer(value) => Item::Integer(*value),
            Self::Element(element) => element.key(),
        }
    }
}

/// A walk through several sets at once, which shows equal members together. Each set is walked in
/// the order of hashes, or, if all are of integers, in that of the integers.
pub struct Merge<'a, S> {
    walks: Vec<Walk<'a, S>>,
    /// The place of each walk's next member, with the walk's number.
    heap: BinaryHeap<Reverse<(u64, usize)>>,
    /// All members of one place, equal ones beside each other, each with its walk's number.
    group: Vec<(usize, Member<'a>)>,
    shown_count: usize,
}

impl<'a, S: BlockStore> Merge<'a, S> {
    /// A walk through these sets, which are numbered from 0.
    pub fn new(sets: &[SetRef<'a, S>]) -> Self {
        let is_by_value = sets.iter().all(|set| set.kept().is_left());
        let walks = sets.iter().map(|set| Walk::new(*set, is_by_value));
        let mut merge = Self {
            walks: walks.collect(),
            heap: BinaryHeap::new(),
            group: Vec::new(),
            shown_count: 0,
        };
        for number in 0..merge.walks.len() {
            merge.await_next_of(number);
        }
        merge
    }

    /// The next member: once for each set that has it, in the order of the sets' numbers. O(log k)
    /// of k sets, for each of these.
    #[allow(clippy::should_implement_trait)] // What is returned stands in the walk itself.
    pub fn next(&mut self) -> Option<&[(usize, Member<'a>)]> {
        if self.shown_count == self.group.len() {
            self.gather();
        }
        let left = &self.group[self.shown_count..];
        let first = left.first()?.1.item();
        let same = left.iter().take_while(|(_, member)| member.item() == first);
        let count = same.count();
        self.shown_count += count;
        Some(&self.group[self.shown_count - count..self.shown_count])
    }

    /// Whether all members of a set have been shown.
    pub fn is_at_end_of(&self, number: usize) -> bool {
        let mut unshown = self.group[self.shown_count..].iter();
        self.walks[number].next.is_none() && !unshown.any(|(walk, _)| *walk == number)
    }

    /// Gathers all members of the next place.
    fn gather(&mut self) {
        self.group.clear();
        self.shown_count = 0;
        let Some(&Reverse((place, _))) = self.heap.peek() else {
            return;
        };
        while let Some(&Reverse((order, number))) = self.heap.peek()
            && order == place
        {
            self.heap.pop();
            let next = self.walks[number].next;
            let (_, member) = next.expect("a walk in the heap has a next member");
            self.group.push((number, member));
            self.walks[number].advance();
            self.await_next_of(number);
        }
        // Nearly always they are equal, and in order.
        self.group.sort_by(|(_, one), (_, other)| {
            // The sort is stable, so that walks stay in the order of their numbers.
            compare(one.item(), other.item())
        });
    }

    fn await_next_of(&mut self, number: usize) {
        if let Some((order, _)) = self.walks[number].next {
            self.heap.push(Reverse((order, number)));
        }
    }
}

/// Any order of items, so that equal ones come to stand beside each other.
fn compare(one: Item<'_>, other: Item<'_>) -> Ordering {
    match (one, other) {
        (Item::Integer(one), Item::Integer(other)) => one.cmp(&other),
        (Item::Text(one), Item::Text(other)) => one.cmp(other),
        (Item::Double(_), _) | (_, Item::Double(_)) => panic!("a score is no member"),
        (Item::Integer(_), Item::Text(_)) => Ordering::Less,
        (Item::Text(_), Item::Integer(_)) => Ordering::Greater,
    }
}

/// A walk through one set.
struct Walk<'a, S> {
    /// The next member and its place in the order.
    next: Option<(u64, Member<'a>)>,
    rest: Rest<'a, S>,
}

/// What comes after the next member.
enum Rest<'a, S> {
    /// Integers in their own order, from an index on.
    ByValue(IntegerSet<'a>, usize),
    /// Integers in the order of their hashes, the next one last.
    ByHash(Vec<(u64, i64)>),
    /// Elements: those of a leaf, the next one last; then those from a cursor on.
    Elements {
        elements: Elements<'a, S>,
        leaf: Vec<(u64, ElementRef<'a>)>,
        cursor: Option<u64>,
    },
}

impl<'a, S: BlockStore> Walk<'a, S> {
    fn new(set: SetRef<'a, S>, is_by_value: bool) -> Self {
        let rest = match set.kept() {
            Either::Left((integers, _)) if is_by_value => Rest::ByValue(integers, 0),
            Either::Left((integers, hasher)) => Rest::ByHash(by_hash(integers, &hasher)),
            Either::Right(elements) => Rest::Elements {
                elements,
                leaf: Vec::new(),
                cursor: Some(0),
            },
        };
        let mut walk = Self { next: None, rest };
        walk.advance();
        walk
    }

    fn advance(&mut self) {
        self.next = match &mut self.rest {
            Rest::ByValue(integers, index) => {
                let value = integers.get(*index);
                *index += 1;
                value.map(|value| (order_of_integer(value), Member::Integer(value)))
            }
            Rest::ByHash(integers) => {
                let next = integers.pop();
                next.map(|(order, value)| (order, Member::Integer(value)))
            }
            Rest::Elements {
                elements,
                leaf,
                cursor,
            } => {
                while leaf.is_empty()
                    && let Some(from) = *cursor
                {
                    let next = elements.next_by_hash(from, leaf);
                    leaf.reverse();
                    *cursor = (next != 0).then_some(next);
                }
                let next = leaf.pop();
                next.map(|(order, element)| (order, Member::Element(element)))
            }
        };
    }
}

/// Integers with their places in the order of hashes, the last one first.
fn by_hash(integers: IntegerSet<'_>, hasher: &impl HashBytes) -> Vec<(u64, i64)> {
    let mut placed: Vec<(u64, i64)> = integers
        .iter()
        .map(|value| {
            let hash = hasher.hash_bytes(Code::of_integer(value).hashed_part());
            (View::order_of_hash(hash), value)
        })
        .collect();
    placed.sort_unstable_by(|one, other| other.cmp(one));
    placed
}

/// Integers as unsigned ones that are ordered as they are.
fn order_of_integer(value: i64) -> u64 {
    value as u64 ^ 1 << 63
}

/// Members as bytes of their own, so that they can be kept while the sets they come from change.
#[derive(Debug, Default)]
pub struct Members {
    bytes: Vec<u8>,
    count: u64,
}

impl Members {
    /// Appends a member.
    pub fn push(&mut self, member: Item<'_>) {
        let code = Code::of_item(member);
        let begin = self.bytes.len();
        self.bytes.resize(begin + code.byte_len(), 0);
        code.write(&mut self.bytes[begin..]);
        self.count += 1;
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Bytes of all of them.
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// The member that stands at a position, and the position of the next; the first stands at 0.
    /// `None` at the end.
    pub fn at(&self, position: usize) -> Option<(Item<'_>, usize)> {
        let rest = &self.bytes[position..];
        (!rest.is_empty()).then(|| {
            let (member, len) = item::read(rest);
            (member, position + len)
        })
    }

    /// All members in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = Item<'_>> {
        let mut rest = &self.bytes[..];
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let (member, len) = item::read(rest);
            rest = &rest[len..];
            Some(member)
        })
    }
}

#[cfg(test)]
mod tests;
