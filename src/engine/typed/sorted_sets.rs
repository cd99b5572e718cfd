//! Typed calls for sorted sets: members with scores, ordered by score and then by their bytes.

use super::{WriteError, fits_a_text, ranks_of};
use crate::engine::CacheEngine;
use crate::keyspace::{Changed, Event};
use crate::value::kind::WrongType;
use crate::value::sorted_set::range::Span;
use crate::value::sorted_set::{Scored, SortedSet, Update};
use std::ops::RangeBounds;

impl CacheEngine {
    /// Gives a member of a sorted set a score, whatever it had; true if it is new. A missing set is
    /// made. Makes room as [`CacheEngine::set`] does. O(log members).
    ///
    /// # Errors
    /// [`WriteError::NotANumber`] if the score is none, and [`WriteError::OutOfMemory`],
    /// [`WriteError::TooLong`] and [`WriteError::WrongType`]; the set then is as it was, or
    /// evicted.
    pub fn sorted_set_put(
        &mut self,
        key: &[u8],
        member: &[u8],
        score: f64,
    ) -> Result<bool, WriteError> {
        if score.is_nan() {
            return Err(WriteError::NotANumber);
        }
        self.admit(key, [member])?;
        self.change_or_make::<SortedSet, _>(key, |set| {
            let update = set.put(member, score);
            let is_new = update == Update::Added;
            Ok(Changed::when(
                update != Update::Kept,
                Event::SortedAdd,
                is_new,
            ))
        })
    }

    /// Adds `increment` to the score of a member of a sorted set, a missing one counting as 0, and
    /// returns the sum. A missing set is made. Makes room as [`CacheEngine::set`] does.
    /// O(log members).
    ///
    /// # Errors
    /// [`WriteError::NotANumber`] if the sum is none, and the errors of
    /// [`CacheEngine::sorted_set_put`]; the set then is as it was, or evicted.
    pub fn sorted_set_increment(
        &mut self,
        key: &[u8],
        member: &[u8],
        increment: f64,
    ) -> Result<f64, WriteError> {
        if increment.is_nan() {
            return Err(WriteError::NotANumber);
        }
        self.admit(key, [member])?;
        self.change_or_make::<SortedSet, _>(key, |set| {
            let mut sum = increment;
            let update = set.update(member, |old| {
                sum = old.map_or(increment, |old| old + increment);
                Some(sum).filter(|sum| !sum.is_nan())
            });
            if sum.is_nan() {
                return Err(WriteError::NotANumber);
            }
            Ok(Changed::when(
                update != Update::Kept,
                Event::SortedIncrement,
                sum,
            ))
        })
    }

    /// Removes members from a sorted set, and returns how many of them there were. A set without
    /// members is gone. O(log members) for each one given.
    ///
    /// # Errors
    /// [`WrongType`] if the key holds no sorted set.
    pub fn sorted_set_remove(
        &mut self,
        key: &[u8],
        members: &[impl AsRef<[u8]>],
    ) -> Result<u64, WrongType> {
        let removed_count = self.change::<SortedSet, _, _>(key, |set| {
            let members = members.iter().map(AsRef::as_ref);
            let members = members.filter(|&member| fits_a_text(member));
            let removed_count = members.map(|member| u64::from(set.remove(member))).sum();
            let is_changed = removed_count > 0;
            Ok(Changed::when(
                is_changed,
                Event::SortedRemove,
                removed_count,
            ))
        })?;
        Ok(removed_count.unwrap_or(0))
    }

    /// The score of a member of a sorted set; `None` if there is no such member or no such key.
    /// O(log members).
    ///
    /// # Errors
    /// [`WrongType`] if the key holds no sorted set.
    pub fn sorted_set_score(
        &mut self,
        key: &[u8],
        member: &[u8],
    ) -> Result<Option<f64>, WrongType> {
        let set = self.read::<SortedSet>(key)?.filter(|_| fits_a_text(member));
        Ok(set.and_then(|set| set.score(member)))
    }

    /// How many members of a sorted set stand before a member; `None` if there is no such member or
    /// no such key. O(log members).
    ///
    /// # Errors
    /// [`WrongType`] if the key holds no sorted set.
    pub fn sorted_set_rank(&mut self, key: &[u8], member: &[u8]) -> Result<Option<u64>, WrongType> {
        let set = self.read::<SortedSet>(key)?.filter(|_| fits_a_text(member));
        let found = set.and_then(|set| set.rank(member));
        Ok(found.map(|(rank, _)| rank))
    }

    /// How many members a sorted set has; 0 if there is no such key.
    ///
    /// # Errors
    /// [`WrongType`] if the key holds no sorted set.
    pub fn sorted_set_len(&mut self, key: &[u8]) -> Result<u64, WrongType> {
        Ok(self.read::<SortedSet>(key)?.map_or(0, |set| set.len()))
    }

    /// Lends the members of a sorted set with these ranks, `..` for all of them, to `look` with
    /// their scores, the least one first. Negative ranks count from the end. O(log members +
    /// members lent).
    ///
    /// # Errors
    /// [`WrongType`] if the key holds no sorted set; then `look` has not been called.
    pub fn sorted_set_range(
        &mut self,
        key: &[u8],
        ranks: impl RangeBounds<i64>,
        look: impl FnMut(&[u8], f64),
    ) -> Result<(), WrongType> {
        if let Some(set) = self.read::<SortedSet>(key)? {
            lend(set.slice(ranks_of(&ranks, set.len()), false), look);
        }
        Ok(())
    }

    /// As [`CacheEngine::sorted_set_range`], with the greatest score first; ranks count from there.
    ///
    /// ```
    /// # use evenkeel::{CacheEngine, Config};
    /// # let mut cache = CacheEngine::new(Config::default());
    /// for (player, points) in [("ada", 90.0), ("alan", 70.0), ("grace", 80.0)] {
    ///     cache.sorted_set_put(b"points", player.as_bytes(), points)?;
    /// }
    /// let mut best = Vec::new();
    /// cache.sorted_set_range_reversed(b"points", ..2, |player, points| {
    ///     best.push((player.to_vec(), points));
    /// })?;
    /// assert_eq!(best, [(b"ada".to_vec(), 90.0), (b"grace".to_vec(), 80.0)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn sorted_set_range_reversed(
        &mut self,
        key: &[u8],
        ranks: impl RangeBounds<i64>,
        look: impl FnMut(&[u8], f64),
    ) -> Result<(), WrongType> {
        if let Some(set) = self.read::<SortedSet>(key)? {
            let len = set.len();
            let ranks = ranks_of(&ranks, len);
            lend(set.slice(len - ranks.end..len - ranks.start, true), look);
        }
        Ok(())
    }

    /// Lends the members of a sorted set whose scores are in a range to `look` with their scores,
    /// the least one first. O(log members + members lent).
    ///
    /// # Errors
    /// [`WrongType`] if the key holds no sorted set; then `look` has not been called.
    pub fn sorted_set_range_by_score(
        &mut self,
        key: &[u8],
        scores: impl RangeBounds<f64>,
        look: impl FnMut(&[u8], f64),
    ) -> Result<(), WrongType> {
        let span = Span::Scores {
            min: scores.start_bound().cloned(),
            max: scores.end_bound().cloned(),
        };
        if let Some(set) = self.read::<SortedSet>(key)? {
            lend(set.slice(span.ranks(&set), false), look);
        }
        Ok(())
    }

    /// Takes the member of the least score from a sorted set, and returns it with its score; `None`
    /// if there is no such key. A set without members is gone. O(log members).
    ///
    /// # Errors
    /// [`WrongType`] if the key holds no sorted set.
    pub fn sorted_set_pop_min(&mut self, key: &[u8]) -> Result<Option<(Vec<u8>, f64)>, WrongType> {
        self.change::<SortedSet, _, _>(key, |set| {
            let first = set.read().at(0);
            let (member, score) = first.expect("a set without members is gone");
            let popped = (member.text(&mut itoa::Buffer::new()).to_vec(), score);
            set.remove_ranks(0..1);
            Ok(Changed::when(true, Event::SortedPopMin, popped))
        })
    }
}

/// Shows members with their scores to `look`.
fn lend<'m>(members: impl Iterator<Item = Scored<'m>>, mut look: impl FnMut(&[u8], f64)) {
    let mut digits = itoa::Buffer::new();
    for (member, score) in members {
        look(member.text(&mut digits), score);
    }
}
