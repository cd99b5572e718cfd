//! Ranges of a sorted set: by rank, by score, by the bytes of members of one score.
//!
//! ```text
//!  Span     ranks 0 … -1    scores (1 … 5    texts [a … (b
//!    └▶ its ranks, in order: two searches by the ends
//!  Query    a span, from its end back if reversed, without the first `offset`, at most `count`
//!    └▶ ranks to walk
//! ```
//!
//! Texts order all members only where these have the same score, or scores that rise with them.
//! Members that are ordered otherwise are searched as if texts did, and the range that is found is
//! one of some neighbours.
//!
//! Cost: O(log n); O(log² n) for a range of texts of members with several scores.
//!
//! Not here: how requests spell ranges (`command/sorted_sets/range.rs`).

use super::SortedSetRef;
use crate::structures::block_tree::BlockStore;
use crate::structures::item::{Item, score_order};
use std::cmp::Ordering;
use std::ops::{Bound, Range};

/// One end of a range of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextBound<'a> {
    /// Before all members.
    First,
    /// After all members.
    Last,
    /// At a text, which is in the range.
    Included(&'a [u8]),
    /// At a text, which is not in the range.
    Excluded(&'a [u8]),
}

/// Neighbours in a sorted set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Span<'a> {
    /// Those of these ranks, both included; negative ones count from the end.
    Ranks {
        /// The first one.
        start: i64,
        /// The last one.
        stop: i64,
    },
    /// Those whose scores are between these.
    Scores {
        /// The least score.
        min: Bound<f64>,
        /// The greatest score.
        max: Bound<f64>,
    },
    /// Those whose bytes are between these.
    Texts {
        /// The least text.
        min: TextBound<'a>,
        /// The greatest text.
        max: TextBound<'a>,
    },
}

impl Span<'_> {
    /// Its ranks.
    pub fn ranks<S: BlockStore>(&self, set: &SortedSetRef<'_, S>) -> Range<u64> {
        let (start, end) = match *self {
            Self::Ranks { start, stop } => ranks_between(start, stop, set.len()),
            Self::Scores { min, max } => {
                let start = match min {
                    Bound::Included(score) => before_score(set, score),
                    Bound::Excluded(score) => after_score(set, score),
                    Bound::Unbounded => 0,
                };
                let end = match max {
                    Bound::Included(score) => after_score(set, score),
                    Bound::Excluded(score) => before_score(set, score),
                    Bound::Unbounded => set.len(),
                };
                (start, end)
            }
            Self::Texts { min, max } => {
                let start = match min {
                    TextBound::First => 0,
                    TextBound::Last => set.len(),
                    TextBound::Included(text) => beside_text(set, text, Ordering::Greater),
                    TextBound::Excluded(text) => beside_text(set, text, Ordering::Less),
                };
                let end = match max {
                    TextBound::First => 0,
                    TextBound::Last => set.len(),
                    TextBound::Included(text) => beside_text(set, text, Ordering::Less),
                    TextBound::Excluded(text) => beside_text(set, text, Ordering::Greater),
                };
                (start, end)
            }
        };
        start..end.max(start)
    }
}

/// The ranks that two numbers mean, of which negative ones count from the end.
fn ranks_between(start: i64, stop: i64, len: u64) -> (u64, u64) {
    let from_front = |index: i64| match u64::try_from(index) {
        Ok(index) => Some(index),
        Err(_) => len.checked_sub(index.unsigned_abs()),
    };
    let start = from_front(start).unwrap_or(0).min(len);
    let end = from_front(stop).map_or(0, |stop| stop.saturating_add(1).min(len));
    (start, end)
}

/// How many members have a lesser score.
fn before_score<S: BlockStore>(set: &SortedSetRef<'_, S>, score: f64) -> u64 {
    set.ordered()
        .rank_by(score_order(score), |_| Ordering::Greater)
        .0
}

/// How many members have this score or a lesser one.
fn after_score<S: BlockStore>(set: &SortedSetRef<'_, S>, score: f64) -> u64 {
    set.ordered()
        .rank_by(score_order(score), |_| Ordering::Less)
        .0
}

/// How many members have lesser bytes; and those equal to `text` too, if they count as less.
fn beside_text<S: BlockStore>(set: &SortedSetRef<'_, S>, text: &[u8], equal: Ordering) -> u64 {
    let last = set.len().saturating_sub(1);
    let (Some((_, least)), Some((_, greatest))) = (set.at(0), set.at(last)) else {
        return 0;
    };
    let compare = |member: Item<'_>| compare_bytes(member, text).then(equal);
    let order = score_order(least);
    if order == score_order(greatest) {
        return set
            .ordered()
            .rank_by(order, |element| compare(element.key()))
            .0;
    }
    let (mut start, mut end) = (0, set.len());
    while start < end {
        let middle = start.midpoint(end);
        let is_less = set
            .at(middle)
            .is_some_and(|(member, _)| compare(member).is_lt());
        match is_less {
            true => start = middle + 1,
            false => end = middle,
        }
    }
    start
}

fn compare_bytes(member: Item<'_>, text: &[u8]) -> Ordering {
    member.text(&mut itoa::Buffer::new()).cmp(text)
}

/// A range as a request asks for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Query<'a> {
    /// Which members.
    pub span: Span<'a>,
    /// Whether the last one comes first; ranks then count from there.
    pub is_reversed: bool,
    /// How many are left out at the beginning; all, if negative.
    pub offset: i64,
    /// How many there are at most; negative for any number.
    pub count: i64,
}

impl<'a> Query<'a> {
    /// All of a span.
    #[cfg(test)]
    pub fn all_of(span: Span<'a>, is_reversed: bool) -> Self {
        Self {
            span,
            is_reversed,
            offset: 0,
            count: -1,
        }
    }

    /// The ranks of the members that it has.
    pub fn ranks<S: BlockStore>(&self, set: &SortedSetRef<'_, S>) -> Range<u64> {
        let mut ranks = self.span.ranks(set);
        if self.is_reversed && matches!(self.span, Span::Ranks { .. }) {
            ranks = set.len() - ranks.end..set.len() - ranks.start;
        }
        let len = ranks.end - ranks.start;
        let offset = u64::try_from(self.offset).map_or(len, |offset| offset.min(len));
        let count = u64::try_from(self.count).unwrap_or(len).min(len - offset);
        if self.is_reversed {
            let end = ranks.end - offset;
            end - count..end
        } else {
            let start = ranks.start + offset;
            start..start + count
        }
    }
}
