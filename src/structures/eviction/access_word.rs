//! The 16 bits an entry keeps for eviction.
//!
//! ```text
//!  bit 15 … 6            5 … 3              2 … 0
//!  ┌────────────────────┬──────────────────┬───────────────────────┐
//!  │ stamp: epoch of    │ level: logarithm │ gap: logarithm of the │
//!  │ the last access    │ of the accesses  │ age at the last hit   │
//!  └────────────────────┴──────────────────┴───────────────────────┘
//! ```
//!
//! 1. Level 0 means "not accessed again since it was inserted", and has gap 0.
//! 2. Level and gap together are the class under which the future of an entry is learned.
//!
//! Not here: what an epoch is (`epochs.rs`), what a class is worth (`learner.rs`).

/// Bits of the stamp; as many epochs can be told apart.
pub(super) const STAMP_BITS: u32 = 10;
/// Epochs that can be told apart.
pub(super) const STAMP_COUNT: usize = 1 << STAMP_BITS;
/// Largest level and largest gap.
pub(super) const LEVEL_MAX: u16 = 7;
const GAP_MAX: u32 = 7;
/// Classes: one for each pair of level and gap.
pub(super) const CLASS_COUNT: usize = 64;

const LEVEL_SHIFT: u32 = 3;
const STAMP_SHIFT: u32 = 6;
const _: () = assert!(STAMP_BITS + STAMP_SHIFT == u16::BITS && CLASS_COUNT == 1 << STAMP_SHIFT);

/// What an entry remembers of its accesses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccessWord(u16);

impl AccessWord {
    /// The word that [`AccessWord::bits`] gave.
    #[inline]
    #[must_use]
    pub fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// The word as an entry stores it. Any 16 bits are a word.
    #[inline]
    #[must_use]
    pub fn bits(self) -> u16 {
        self.0
    }

    /// The word of an entry that was never accessed before `stamp`.
    pub(super) fn first(stamp: u16) -> Self {
        Self(stamp << STAMP_SHIFT)
    }

    /// The word of an entry of this level and gap that was accessed at `stamp`.
    pub(super) fn of(stamp: u16, level: u16, gap: u16) -> Self {
        let (level, gap) = (level.min(LEVEL_MAX), gap.min(GAP_MAX as u16));
        Self(stamp << STAMP_SHIFT | level << LEVEL_SHIFT | gap)
    }

    #[inline]
    pub(super) fn stamp(self) -> u16 {
        self.0 >> STAMP_SHIFT
    }

    /// How often it was accessed: 1, 2, then one level per doubling, by chance.
    pub(super) fn level(self) -> u16 {
        (self.0 >> LEVEL_SHIFT) & LEVEL_MAX
    }

    pub(super) fn gap(self) -> u16 {
        self.0 & GAP_MAX as u16
    }

    #[inline]
    pub(super) fn class(self) -> usize {
        usize::from(self.0) & (CLASS_COUNT - 1)
    }

    pub(super) fn with_stamp(self, stamp: u16) -> Self {
        Self(stamp << STAMP_SHIFT | self.0 & (CLASS_COUNT as u16 - 1))
    }

    /// The word after an access in epoch `stamp`, `age_units` after the one before. `chance` is a
    /// uniform number: from level 2 on, a level is gained with a probability that halves each time.
    pub(super) fn accessed(self, stamp: u16, age_units: u32, chance: u32) -> Self {
        let level = self.level();
        let is_gained = level < 2 || chance >> (u32::BITS + 1 - u32::from(level)) == 0;
        let level = (level + u16::from(is_gained)).min(LEVEL_MAX);
        Self(stamp << STAMP_SHIFT | level << LEVEL_SHIFT | gap(age_units))
    }
}

/// The logarithm of an age that a word has room for: 0, 1, 2–3, 4–7 … 64 and more units.
pub(super) fn gap(age_units: u32) -> u16 {
    (u32::BITS - age_units.leading_zeros()).min(GAP_MAX) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_do_not_touch_each_other() {
        let word = AccessWord::first(1023).accessed(1000, 5, 0);
        assert_eq!((word.stamp(), word.level(), word.gap()), (1000, 1, 3));
        assert_eq!(word.class(), 8 + 3);
        let moved = word.with_stamp(3);
        assert_eq!((moved.stamp(), moved.level(), moved.gap()), (3, 1, 3));
        assert_eq!(AccessWord::from_bits(moved.bits()), moved);
    }

    #[test]
    fn levels_are_gained_ever_more_rarely_and_end() {
        let mut word = AccessWord::first(0);
        let mut accesses_at_level = [0_u32; 8];
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..2_000 {
            accesses_at_level[usize::from(word.level())] += 1;
            word = word.accessed(0, 1, random.u32(..));
        }
        assert_eq!(accesses_at_level[..2], [1, 1], "the first two are certain");
        assert_eq!(word.level(), LEVEL_MAX);
        assert!(accesses_at_level[6] > 4, "{accesses_at_level:?}");
    }

    #[test]
    fn gaps_are_logarithms() {
        let gaps = [0, 1, 2, 3, 4, 63, 64, u32::MAX].map(gap);
        assert_eq!(gaps, [0, 1, 2, 2, 3, 6, 7, 7]);
    }
}
