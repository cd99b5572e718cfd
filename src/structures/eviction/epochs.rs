//! Time as eviction sees it: how many keys were inserted, cut into epochs that fit ten bits.
//!
//! ```text
//!  turnover  0 ──────┬───────┬────── … ──────┬───────┬──▶ inserts of new keys
//!  epoch        7    │   8   │       …       │  current │
//!                    └ mark: turnover at its begin, second of its last access
//! ```
//!
//! An epoch ends after a thirty-second of the keys was inserted anew. Reads do not move this clock:
//! a cache that answers everything from memory has no use for ages. In a quiet cache an epoch also
//! ends by time, so that idle seconds can be told; ages are read from the marks in turnover, and so
//! are the same either way.
//!
//! 1. A stamp is meaningful for [`STAMP_COUNT`] epochs. Whoever holds words refreshes each of them
//!    at least once in [`REVOLUTION_EPOCHS`], and [`Epochs::refreshed`] moves those that are older
//!    than [`AGE_MAX_EPOCHS`] along, so that none is mistaken for a young one.
//!
//! Cost: 8 KiB; an age is one load and one multiplication.
//!
//! Not here: who calls when (`mod.rs`).

use super::access_word::{AccessWord, STAMP_BITS, STAMP_COUNT};

/// Ages are counted in this fraction of the live keys' number, inserted anew.
pub(super) const UNITS_PER_TURNOVER: u32 = 32;
/// All words are refreshed within so many epochs.
pub(super) const REVOLUTION_EPOCHS: usize = 256;
/// The oldest epoch that a refreshed word names.
const AGE_MAX_EPOCHS: u16 = 640;
const _: () = assert!(AGE_MAX_EPOCHS as usize + REVOLUTION_EPOCHS < STAMP_COUNT);

/// An epoch that ends by time is as long as this fraction of the span of half the stamps, so that
/// stamps always reach back over nearly the whole uptime.
const SPAN_PER_EPOCH: u32 = 256;

const STAMP_MASK: u16 = (1 << STAMP_BITS) - 1;
const SCALE_SHIFT: u32 = 32;

#[derive(Clone, Copy, Default)]
struct Mark {
    begin_turnover: u32,
    last_access_s: u32,
}

pub(super) struct Epochs {
    current: u16,
    now_s: u32,
    turnover: u32,
    /// Inserts that end an epoch.
    length: u32,
    /// Units per insert, shifted.
    scale: u64,
    begin_s: u32,
    marks: Box<[Mark; STAMP_COUNT]>,
}

impl Epochs {
    pub(super) fn new(now_s: u32) -> Self {
        let mark = Mark {
            begin_turnover: 0,
            last_access_s: now_s,
        };
        let mut epochs = Self {
            current: 0,
            now_s,
            turnover: 0,
            length: 1,
            scale: 0,
            begin_s: now_s,
            marks: Box::new([mark; STAMP_COUNT]),
        };
        epochs.set_length(0);
        epochs
    }

    /// The stamp of an access now.
    #[inline]
    pub(super) fn current(&self) -> u16 {
        self.current
    }

    /// Whether [`Epochs::note_second`] was called for this second.
    #[inline]
    pub(super) fn is_noted(&self, now_s: u32) -> bool {
        self.now_s == now_s
    }

    /// Notes that there is an access in second `now_s`; returns whether an epoch began.
    pub(super) fn note_second(&mut self, now_s: u32, live_count: usize) -> bool {
        if self.now_s == 0 {
            self.begin_time(now_s);
        }
        // A clock that was set back moves nothing here.
        self.now_s = now_s.max(self.now_s);
        let half_ago = self.current.wrapping_sub(STAMP_COUNT as u16 / 2) & STAMP_MASK;
        let span_s = self.now_s - self.marks[usize::from(half_ago)].last_access_s;
        let is_over = self.now_s - self.begin_s >= (span_s / SPAN_PER_EPOCH).max(1);
        if is_over {
            self.begin(live_count);
        }
        self.marks[usize::from(self.current)].last_access_s = self.now_s;
        is_over
    }

    /// Takes this second for the beginning: it was made before the time was known.
    #[cold]
    fn begin_time(&mut self, now_s: u32) {
        self.now_s = now_s;
        self.begin_s = now_s;
        for mark in self.marks.iter_mut() {
            mark.last_access_s = now_s;
        }
    }

    /// Counts the insert of a new key, which bears the stamp of before; returns whether an epoch
    /// began.
    pub(super) fn count_insert(&mut self, live_count: usize) -> bool {
        self.turnover = self.turnover.wrapping_add(1);
        let mark = self.marks[usize::from(self.current)];
        let is_over = self.turnover.wrapping_sub(mark.begin_turnover) >= self.length;
        if is_over {
            self.begin(live_count);
        }
        is_over
    }

    /// The age of a stamp, in units.
    #[inline]
    pub(super) fn age_units(&self, stamp: u16) -> u32 {
        let begin = self.marks[usize::from(stamp & STAMP_MASK)].begin_turnover;
        let inserts = self.turnover.wrapping_sub(begin) & (u32::MAX >> 1);
        let units = (u64::from(inserts) * self.scale) >> SCALE_SHIFT;
        units.min(u64::from(u32::MAX)) as u32
    }

    /// Seconds since the last access in the epoch of a stamp: never more than those since the
    /// stamped access.
    pub(super) fn idle_s(&self, stamp: u16, now_s: u32) -> u32 {
        now_s.saturating_sub(self.marks[usize::from(stamp & STAMP_MASK)].last_access_s)
    }

    /// The youngest stamp that tells at least so many seconds; the oldest there is, if none does.
    pub(super) fn stamp_of_idle(&self, idle_s: u64, now_s: u32) -> u16 {
        let stamps = (0..=AGE_MAX_EPOCHS).map(|ago| self.current.wrapping_sub(ago) & STAMP_MASK);
        let is_old = |stamp: &u16| u64::from(self.idle_s(*stamp, now_s)) >= idle_s;
        let oldest = self.current.wrapping_sub(AGE_MAX_EPOCHS) & STAMP_MASK;
        stamps.clone().find(is_old).unwrap_or(oldest)
    }

    /// The word with a stamp that stays meaningful for another revolution.
    #[inline]
    pub(super) fn refreshed(&self, word: AccessWord) -> AccessWord {
        let ago = self.current.wrapping_sub(word.stamp()) & STAMP_MASK;
        if ago <= AGE_MAX_EPOCHS {
            return word;
        }
        word.with_stamp(self.current.wrapping_sub(AGE_MAX_EPOCHS) & STAMP_MASK)
    }

    fn begin(&mut self, live_count: usize) {
        self.current = self.current.wrapping_add(1) & STAMP_MASK;
        self.begin_s = self.now_s;
        self.marks[usize::from(self.current)] = Mark {
            begin_turnover: self.turnover,
            last_access_s: self.now_s,
        };
        self.set_length(live_count);
    }

    fn set_length(&mut self, live_count: usize) {
        let live_count = u32::try_from(live_count).unwrap_or(u32::MAX);
        let live_count = live_count.max(UNITS_PER_TURNOVER);
        self.length = live_count / UNITS_PER_TURNOVER;
        self.scale = (u64::from(UNITS_PER_TURNOVER) << SCALE_SHIFT) / u64::from(live_count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_a_thirty_second_of_the_keys() {
        let mut epochs = Epochs::new(0);
        epochs.set_length(3_200);
        let began = (1..=1_000).filter(|_| epochs.count_insert(3_200)).count();
        assert_eq!(began, 10);
        assert_eq!(epochs.current(), 10);
        assert_eq!(
            [10, 9, 5, 0].map(|stamp| epochs.age_units(stamp)),
            [0, 0, 4, 9]
        );
        epochs.count_insert(3_200);
        assert_eq!(
            [10, 9, 5, 0].map(|stamp| epochs.age_units(stamp)),
            [0, 1, 5, 10]
        );
    }

    #[test]
    fn idle_seconds_are_told_although_nothing_is_inserted() {
        let mut epochs = Epochs::new(100);
        let first = epochs.current();
        assert!(epochs.note_second(101, 1));
        let second = epochs.current();
        assert!(epochs.note_second(111, 1));
        assert_eq!(epochs.idle_s(first, 111), 11);
        assert_eq!(epochs.idle_s(second, 111), 10);
        assert_eq!(epochs.idle_s(epochs.current(), 115), 4);
        assert_eq!(
            epochs.age_units(first),
            0,
            "no key took the place of another"
        );
    }

    /// Defect: epochs that were made before the time was known took all since 1970 for their span:
    /// they lasted for months unless keys came, and an idle time that was told (RESTORE … IDLETIME)
    /// could be that of 1970. Fix: the first second that is noted is the beginning.
    #[test]
    fn the_first_second_is_the_beginning() {
        const BEGIN_S: u32 = 1_700_000_000;
        let mut epochs = Epochs::new(0);
        for now_s in BEGIN_S..=BEGIN_S + 10 {
            epochs.note_second(now_s, 1);
        }
        let told = |idle_s| epochs.idle_s(epochs.stamp_of_idle(idle_s, BEGIN_S + 10), BEGIN_S + 10);
        assert_eq!([0, 4, 10, 1_000].map(told), [0, 4, 10, 10]);
    }

    /// Goal: the stamps reach back over nearly all of a long time; method: an access each second.
    #[test]
    fn quiet_epochs_become_longer() {
        let mut epochs = Epochs::new(0);
        let mut stamps = Vec::new();
        for now_s in 1..=1_000_000 {
            if epochs.note_second(now_s, 1) {
                stamps.push((epochs.current(), now_s));
            }
        }
        let (oldest, begin_s) = stamps[stamps.len() - AGE_MAX_EPOCHS as usize];
        assert!(begin_s < 200_000, "{begin_s}");
        let idle_s = epochs.idle_s(oldest, 1_000_000);
        assert!(idle_s.abs_diff(1_000_000 - begin_s) < 5_000, "{idle_s}");
    }

    #[test]
    fn a_clock_set_back_is_ignored() {
        let mut epochs = Epochs::new(1_000);
        assert!(!epochs.note_second(10, 1));
        assert_eq!(epochs.idle_s(epochs.current(), 10), 0);
    }

    #[test]
    fn a_refreshed_stamp_never_looks_young() {
        let mut epochs = Epochs::new(0);
        let mut word = AccessWord::first(0);
        for insert in 1..10_000_u32 {
            epochs.count_insert(1);
            if insert.is_multiple_of(REVOLUTION_EPOCHS as u32) {
                word = epochs.refreshed(word);
            }
            let age = epochs.age_units(word.stamp());
            assert!(
                age >= insert.min(u32::from(AGE_MAX_EPOCHS)),
                "{age} {insert}"
            );
        }
    }
}
