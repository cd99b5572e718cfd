//! The members of a sorted set whose places are within an area, found some at a time.
//!
//! ```text
//!  area ─▶ cells ─▶ ranks ─▶ each place looked at ─▶ found: rank, distance
//!                                                     └ only the nearest, if so many are wanted
//! ```
//!
//! What is found is noted by rank, so the elements must be the same in all steps.
//!
//! Cost: some hundred nanoseconds for each member in the cells; 24 bytes for each that is found,
//! at most [`NEAREST_SLACK`] times as many as are wanted.
//!
//! Not here: steps and replies (`command/long_work/places.rs`).

use super::area::Area;
use super::position::Position;
use crate::structures::block_tree::BlockStore;
use crate::value::collection::Elements;
use crate::value::sorted_set::SortedSetRef;
use crate::value::sorted_set::range::Span;
use std::cmp::Ordering;
use std::ops::{Bound, Range};

/// How many times as many as are wanted are kept before the others are dropped …
const NEAREST_SLACK: usize = 2;

/// … but not before there are so many times this.
const KEPT_MIN: usize = 512;

/// In which order members are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As they are found.
    Any,
    /// The nearest first.
    Nearest,
    /// The furthest first.
    Furthest,
}

impl Order {
    /// Which of two members comes first. No two are equal.
    pub fn compare(self, one: &Found, other: &Found) -> Ordering {
        let distances = one.distance_m.total_cmp(&other.distance_m);
        let by_distance = match self {
            Self::Any => Ordering::Equal,
            Self::Nearest => distances,
            Self::Furthest => distances.reverse(),
        };
        by_distance.then(one.number.cmp(&other.number))
    }
}

/// How many members are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// All.
    All,
    /// So many, whichever are found first.
    Any(u64),
    /// The first so many in order.
    First(u64),
}

/// A member that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// Its rank.
    pub rank: u64,
    /// Its distance from the middle of the area in metres.
    pub distance_m: f64,
    /// How many were found before it.
    number: u64,
}

/// A search.
#[derive(Clone, Debug)]
pub struct Search {
    area: Area,
    /// Ranks still to be looked at, the next last.
    ranks: Vec<Range<u64>>,
    order: Order,
    wanted: Wanted,
    found: Vec<Found>,
    found_count: u64,
}

impl Search {
    /// Begins a search: O(log n).
    pub fn new<S: BlockStore>(
        set: &SortedSetRef<'_, S>,
        area: Area,
        order: Order,
        wanted: Wanted,
    ) -> Self {
        let ranks = area.cells().into_iter().rev().map(|cell| {
            let (first, end) = cell.scores();
            let span = Span::Scores {
                min: Bound::Included(first),
                max: Bound::Excluded(end),
            };
            span.ranks(set)
        });
        Self {
            area,
            ranks: ranks.collect(),
            order,
            wanted,
            found: Vec::new(),
            found_count: 0,
        }
    }

    /// The order in which what is found is wanted.
    pub fn order(&self) -> Order {
        self.order
    }

    /// How many members are still to be looked at.
    pub fn left(&self) -> u64 {
        self.ranks.iter().map(|ranks| ranks.end - ranks.start).sum()
    }

    /// Looks at some members, which are ordered by score; true if there are no more, or if enough
    /// are found.
    pub fn step<S: BlockStore>(&mut self, elements: Elements<'_, S>, count: u64) -> bool {
        let mut left = count;
        while let Some(ranks) = self.ranks.pop() {
            let end = ranks.end.min(ranks.start.saturating_add(left));
            left -= end - ranks.start;
            let some = elements.from(ranks.start);
            for (rank, element) in (ranks.start..end).zip(some) {
                let place = Position::of_score(element.score());
                if let Some(distance_m) = self.area.distance_m(place)
                    && self.take(rank, distance_m)
                {
                    return true;
                }
            }
            if end < ranks.end {
                self.ranks.push(end..ranks.end);
                return false;
            }
        }
        true
    }

    /// Notes a member; whether that is enough.
    fn take(&mut self, rank: u64, distance_m: f64) -> bool {
        self.found.push(Found {
            rank,
            distance_m,
            number: self.found_count,
        });
        self.found_count += 1;
        match self.wanted {
            Wanted::All => false,
            Wanted::Any(count) => self.found_count >= count,
            Wanted::First(count) => {
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                if self.found.len() / NEAREST_SLACK >= count.max(KEPT_MIN) {
                    self.drop_others(count);
                }
                false
            }
        }
    }

    /// Keeps so many of those that come first, where there are more.
    fn drop_others(&mut self, count: usize) {
        if count < self.found.len() {
            let order = self.order;
            let compare = |one: &Found, other: &Found| order.compare(one, other);
            self.found.select_nth_unstable_by(count, compare);
            self.found.truncate(count);
        }
    }

    /// What was found, still to be put in order.
    pub fn take_found(&mut self) -> Vec<Found> {
        if let Wanted::First(count) = self.wanted {
            self.drop_others(usize::try_from(count).unwrap_or(usize::MAX));
        }
        std::mem::take(&mut self.found)
    }

    /// Bytes that it takes.
    pub fn heap_bytes(&self) -> usize {
        self.found.capacity() * size_of::<Found>()
    }
}
