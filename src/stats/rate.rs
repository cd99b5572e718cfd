//! Events per second, averaged over about a second and a half.
//!
//! ```text
//! sample(now, total)   ──▶ [ r ][ r ][ r ] … 16 rates, one per 100 ms ──▶ per_second() = mean
//! ```
//!
//! 1. A sample earlier than 100 ms after the last one is ignored, so callers may feed often.
//! 2. A gap of several periods counts as that many samples, so after a quiet time without feeds
//!    the old rate is gone as soon as one sample is taken.
//!
//! The window and the mean are those of Redis's `instantaneous_*` fields; (2) stands in for its
//! timer, because nothing here wakes up by itself.
//!
//! Cost: 16 steps at most per sample; 152 bytes.
//!
//! Not here: the totals (`source.rs`); the clock, which the caller reads.

/// Samples averaged.
const SAMPLE_COUNT: usize = 16;
/// Time one sample stands for, and the least time between two, in milliseconds.
const SAMPLE_PERIOD_MS: u64 = 100;

/// The current rate of something that is counted by an ever-growing total.
#[derive(Debug, Clone, Default)]
pub struct Rate {
    per_second: [u64; SAMPLE_COUNT],
    next: usize,
    last: Option<Reading>,
}

#[derive(Debug, Clone, Copy)]
struct Reading {
    at_ms: u64,
    total: u64,
}

impl Rate {
    /// A rate of zero that has seen no total yet.
    pub fn new() -> Rate {
        Rate::default()
    }

    /// Takes note that the total was `total` at `now_ms`, in milliseconds of any steady clock.
    ///
    /// The first call only sets the starting point. So does a total or clock that went back,
    /// as after `CONFIG RESETSTAT`. Call it before asking for the rate and, while there is
    /// traffic, about every 100 ms.
    pub fn sample(&mut self, now_ms: u64, total: u64) {
        let reading = Reading {
            at_ms: now_ms,
            total,
        };
        let Some(last) = self.last else {
            self.last = Some(reading);
            return;
        };
        if now_ms < last.at_ms || total < last.total {
            self.last = Some(reading);
            return;
        }
        let elapsed_ms = now_ms - last.at_ms;
        if elapsed_ms < SAMPLE_PERIOD_MS {
            return;
        }
        let per_second = (total - last.total).saturating_mul(1000) / elapsed_ms;
        let periods = (elapsed_ms / SAMPLE_PERIOD_MS).min(SAMPLE_COUNT as u64);
        for _ in 0..periods {
            self.per_second[self.next] = per_second;
            self.next = (self.next + 1) % SAMPLE_COUNT;
        }
        self.last = Some(reading);
    }

    /// Mean of the samples, per second, rounded down.
    pub fn per_second(&self) -> u64 {
        let sum: u128 = self.per_second.iter().copied().map(u128::from).sum();
        u64::try_from(sum / SAMPLE_COUNT as u128).unwrap_or(u64::MAX)
    }

    /// Forgets all samples and the starting point.
    pub fn reset(&mut self) {
        *self = Rate::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steady_traffic_gives_its_rate_after_sixteen_periods() {
        let mut rate = Rate::new();
        for period in 0..=16 {
            rate.sample(5_000 + period * 100, period * 50);
        }
        assert_eq!(rate.per_second(), 500);
    }

    #[test]
    fn one_sample_weighs_a_sixteenth() {
        let mut rate = Rate::new();
        rate.sample(0, 0);
        rate.sample(100, 160);
        assert_eq!(rate.per_second(), 100);
    }

    #[test]
    fn samples_too_close_are_ignored_but_not_lost() {
        let mut rate = Rate::new();
        rate.sample(0, 0);
        rate.sample(99, 1_000);
        assert_eq!(rate.per_second(), 0);
        rate.sample(100, 1_600);
        assert_eq!(rate.per_second(), 1_000);
    }

    #[test]
    fn a_long_gap_replaces_every_sample() {
        let mut rate = Rate::new();
        for period in 0..=16 {
            rate.sample(period * 100, period * 1_000);
        }
        assert_eq!(rate.per_second(), 10_000);
        rate.sample(1_600 + 60_000, 16_000);
        assert_eq!(rate.per_second(), 0);
        rate.sample(61_600 + 400, 16_400);
        assert_eq!(rate.per_second(), 1_000 * 4 / 16);
    }

    #[test]
    fn a_total_or_clock_that_goes_back_starts_anew() {
        let mut rate = Rate::new();
        rate.sample(1_000, 500);
        rate.sample(1_100, 0);
        assert_eq!(rate.per_second(), 0);
        rate.sample(900, 0);
        rate.sample(1_000, 16);
        assert_eq!(rate.per_second(), 10);
        rate.reset();
        assert_eq!(rate.per_second(), 0);
        rate.sample(2_000, 1_000_000);
        assert_eq!(
            rate.per_second(),
            0,
            "the first sample is the starting point"
        );
    }

    #[test]
    fn extreme_totals_do_not_overflow() {
        let mut rate = Rate::new();
        rate.sample(0, 0);
        rate.sample(100_000, u64::MAX);
        assert_eq!(rate.per_second(), u64::MAX / 100_000);
        rate.sample(200_000, u64::MAX);
        assert_eq!(rate.per_second(), 0);
    }
}
