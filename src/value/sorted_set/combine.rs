//! Union, intersection and difference of sorted sets, and of sets, whose members all have score 1.
//!
//! ```text
//!  union          all members ─▶ by hash, equal ones next to each other ─▶ folded ─▶ in order
//!  intersection   members of the smallest, looked up in all others      ─▶ folded ─▶ in order
//!  difference     members of the first, looked up in all others                   ─▶ in order
//! ```
//!
//! Scores are folded from the smallest source to the largest, as Redis does: sums of doubles
//! depend on their order.
//!
//! Cost: a union O(n log n) for all members of all sources, the others O(n log m) for the n members
//! of the source that is walked; as much memory as the result, for a union three times that.
//!
//! Not here: which keys the sources stand in (`command/sorted_sets/combine.rs`).

use super::{Scored, SortedSetRef};
use crate::structures::block::integers::IntegerSet;
use crate::structures::block_tree::{BlockStore, HashBytes};
use crate::structures::item::{Code, Item, score_order};
use crate::value::collection::{Body, Elements, Form};
use crate::value::kind::Kind;
use either::Either;
use std::cmp::Ordering;

/// The score of all members of a set.
pub const SET_SCORE: f64 = 1.0;

/// Members of a set or a sorted set.
enum Members<'a, S> {
    Scored(SortedSetRef<'a, S>),
    Elements(Elements<'a, S>),
    Integers(IntegerSet<'a>),
}

/// Whether values of this kind can be combined: sets and sorted sets.
pub fn may_be_combined(kind: Kind) -> bool {
    [Kind::Set, Kind::SortedSet].contains(&kind)
}

/// A set or sorted set that is combined with others.
pub struct Source<'a, S> {
    members: Members<'a, S>,
    store: &'a S,
    weight: f64,
}

impl<'a, S: BlockStore> Source<'a, S> {
    /// The collection of a key; none if it is neither a set nor a sorted set.
    pub fn new(kind: Kind, body: Body<'a, S>) -> Option<Self> {
        let store = body.store;
        if !may_be_combined(kind) {
            return None;
        }
        let members = match body.form {
            _ if kind == Kind::SortedSet => Members::Scored(body.into()),
            Form::Integers(set) => Members::Integers(set),
            Form::Packed(_) | Form::Large(_) => Members::Elements(body.elements()),
        };
        Some(Self {
            members,
            store,
            weight: 1.0,
        })
    }

    /// What its scores are multiplied with.
    #[must_use]
    pub fn weighing(self, weight: f64) -> Self {
        Self { weight, ..self }
    }

    /// How many members there are.
    fn len(&self) -> u64 {
        match self.members {
            Members::Scored(set) => set.len(),
            Members::Elements(elements) => elements.len(),
            Members::Integers(set) => set.count() as u64,
        }
    }

    /// All members with their scores.
    fn iter(&self) -> impl Iterator<Item = Scored<'a>> + use<'a, S> {
        match self.members {
            Members::Scored(set) => Either::Left(set.iter()),
            Members::Elements(elements) => {
                let elements = elements.from(0);
                let members = elements.map(|element| (element.key(), SET_SCORE));
                Either::Right(Either::Left(members))
            }
            Members::Integers(set) => {
                let members = set.iter().map(|value| (Item::Integer(value), SET_SCORE));
                Either::Right(Either::Right(members))
            }
        }
    }

    /// The score of a member.
    fn score(&self, member: Item<'_>) -> Option<f64> {
        match self.members {
            Members::Scored(set) => set.score_of(&Code::of_item(member)),
            Members::Elements(elements) => {
                let found = elements.find(&Code::of_item(member));
                found.map(|_| SET_SCORE)
            }
            Members::Integers(set) => match member {
                Item::Integer(value) => set.find(value).ok().map(|_| SET_SCORE),
                Item::Text(_) | Item::Double(_) => None,
            },
        }
    }

    /// A score with its weight; 0 for what is not a number.
    fn weighed(&self, score: f64) -> f64 {
        number_or_zero(score * self.weight)
    }
}

/// What becomes of the scores that a member has in several sources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Aggregate {
    /// Their sum; infinities of both signs give 0.
    #[default]
    Sum,
    /// The least.
    Min,
    /// The greatest.
    Max,
}

impl Aggregate {
    /// What becomes of two scores.
    pub fn fold(self, one: f64, other: f64) -> f64 {
        match self {
            Self::Sum => number_or_zero(one + other),
            Self::Min if other < one => other,
            Self::Max if other > one => other,
            Self::Min | Self::Max => one,
        }
    }
}

/// Infinities that cancel each other out count as 0.
pub fn number_or_zero(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value }
}

/// How sources are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Combination {
    /// Members of any source.
    Union,
    /// Members of all sources.
    Intersection,
    /// Members of the first source that are in no other one.
    Difference,
}

/// The members of a combination, in order. A source that is missing has no members.
pub fn combine<'a, S: BlockStore>(
    combination: Combination,
    sources: &[Option<Source<'a, S>>],
    aggregate: Aggregate,
) -> Vec<Scored<'a>> {
    let mut members = match combination {
        Combination::Union => union(sources, aggregate),
        Combination::Intersection => match smallest_first(sources) {
            Some(sources) => intersection(&sources, aggregate).collect(),
            None => Vec::new(),
        },
        Combination::Difference => difference(sources),
    };
    members.sort_unstable_by(|one, other| {
        let by_score = score_order(one.1).cmp(&score_order(other.1));
        by_score.then_with(|| one.0.cmp_text(other.0))
    });
    members
}

/// How many members all sources have in common; it is not counted beyond `limit`.
pub fn intersection_count<S: BlockStore>(sources: &[Option<Source<'_, S>>], limit: usize) -> usize {
    let Some(sources) = smallest_first(sources) else {
        return 0;
    };
    intersection(&sources, Aggregate::Sum).take(limit).count()
}

/// The sources by how many members they have, if none is missing.
fn smallest_first<'s, 'a, S: BlockStore>(
    sources: &'s [Option<Source<'a, S>>],
) -> Option<Vec<&'s Source<'a, S>>> {
    let mut sources: Vec<_> = sources.iter().map(Option::as_ref).collect::<Option<_>>()?;
    sources.sort_by_key(|source| source.len());
    Some(sources)
}

fn intersection<'s, 'a, S: BlockStore>(
    sources: &'s [&'s Source<'a, S>],
    aggregate: Aggregate,
) -> impl Iterator<Item = Scored<'a>> + 's {
    let (smallest, others) = sources.split_first().expect("there is at least one source");
    smallest.iter().filter_map(move |(member, score)| {
        let first = smallest.weighed(score);
        let score = others.iter().try_fold(first, |folded, source| {
            // As in Redis: what is not a number here spoils the whole sum.
            Some(aggregate.fold(folded, source.score(member)? * source.weight))
        });
        score.map(|score| (member, score))
    })
}

fn difference<'a, S: BlockStore>(sources: &[Option<Source<'a, S>>]) -> Vec<Scored<'a>> {
    let (first, others) = sources.split_first().expect("there is at least one source");
    let members = first.iter().flat_map(Source::iter);
    let is_left = |(member, _): &Scored<'_>| {
        let mut others = others.iter().flatten();
        !others.any(|source| source.score(*member).is_some())
    };
    members.filter(is_left).collect()
}

fn union<'a, S: BlockStore>(
    sources: &[Option<Source<'a, S>>],
    aggregate: Aggregate,
) -> Vec<Scored<'a>> {
    let mut sources: Vec<_> = sources.iter().flatten().collect();
    sources.sort_by_key(|source| source.len());
    let mut all = Vec::new();
    let mut folded_len = 0;
    for source in &sources {
        let hasher = source.store.hasher();
        all.extend(source.iter().map(|(member, score)| {
            let hash = hasher.hash_bytes(Code::of_item(member).hashed_part());
            (hash, member, source.weighed(score))
        }));
        // So what is kept is three times the result at most, however often a key is named.
        if all.len() > 2 * folded_len {
            fold_equal(&mut all, aggregate);
            folded_len = all.len();
        }
    }
    fold_equal(&mut all, aggregate);
    let members = all.into_iter().map(|(_, member, score)| (member, score));
    members.collect()
}

/// Brings equal members together, in the order in which they came, and makes one of them.
fn fold_equal(all: &mut Vec<(u64, Item<'_>, f64)>, aggregate: Aggregate) {
    // Stable, so that scores are folded in the order of the sources.
    all.sort_by(|one, other| {
        let by_hash = one.0.cmp(&other.0);
        by_hash.then_with(|| compare_members(one.1, other.1))
    });
    all.dedup_by(|later, first| {
        let is_same = later.0 == first.0 && later.1 == first.1;
        if is_same {
            first.2 = aggregate.fold(first.2, later.2);
        }
        is_same
    });
}

/// Any order of members, cheaper than that of their texts: integers are before texts.
fn compare_members(one: Item<'_>, other: Item<'_>) -> Ordering {
    match (one, other) {
        (Item::Integer(one), Item::Integer(other)) => one.cmp(&other),
        (Item::Text(one), Item::Text(other)) => one.cmp(other),
        (Item::Integer(_), _) => Ordering::Less,
        (_, Item::Integer(_)) => Ordering::Greater,
        (Item::Double(_), _) | (_, Item::Double(_)) => {
            unreachable!("a member is a text, or an integer's")
        }
    }
}
