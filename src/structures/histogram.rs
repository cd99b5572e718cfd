//! A histogram of fixed size whose buckets are at most a sixteenth of their value wide.
//!
//! ```text
//! value            bucket                         width
//! 0 ..= 31         0 ..= 31, one each             1
//! 32 ..= 63        32 ..= 47                      2
//! 2^e ..           (e-3)*16 + next 4 bits         2^(e-4)
//! 2^40-1 and up    591, the last                  open
//! ```
//!
//! Invariants, checked by [`Histogram::check_invariants`]:
//! 1. The counters add up to `count`.
//! 2. `min` and `max` are exact and lie in the first and the last bucket that is not empty.
//!
//! Cost: 4.7 KiB, no heap; recording is a shift, five stores and no branch that depends on the
//! value. Percentiles walk the 592 counters. A percentile is too high by at most 1/16 of the value,
//! and never too low, up to 2^40-1: twelve days in microseconds, eighteen minutes in nanoseconds, a
//! tebibyte in bytes. Above that only `max` is exact.
//!
//! The scheme is that of HdrHistogram (Gil Tene). The crate `hdrhistogram` 7.6 was considered and
//! left out: its minimum and maximum are rounded to buckets and cut off at the range, recording
//! goes through a `Result` and a vector whose size is a run-time value, and it brings two more
//! crates for what is one index computation here.
//!
//! Not here: what the values mean and when they are taken (`stats/`), the texts of replies
//! (`command/`).

/// Buckets per power of two, as a power of two.
const SUB_BUCKET_BITS: u32 = 4;
/// Buckets per power of two; the relative error is one divided by this.
const SUB_BUCKETS: usize = 1 << SUB_BUCKET_BITS;
/// Values of this many bits and fewer have a bucket of bounded width.
const VALUE_BITS: u32 = 40;
/// Values above this are counted as this; `max` keeps them exactly.
const LARGEST: u64 = (1 << VALUE_BITS) - 1;
/// Number of counters.
const BUCKETS: usize = (VALUE_BITS - SUB_BUCKET_BITS + 1) as usize * SUB_BUCKETS;

const _: () = assert!(BUCKETS == 592 && bucket_of(LARGEST) == BUCKETS - 1);
const _: () = assert!(size_of::<Histogram>() == 592 * 8 + 32);

/// Counts of values by size; the unit is the caller's, microseconds as a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    count: u64,
    sum: u64,
    min: u64,
    max: u64,
    counters: [u64; BUCKETS],
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Histogram {
    /// A histogram without values.
    pub const fn new() -> Self {
        Self {
            count: 0,
            sum: 0,
            min: u64::MAX,
            max: 0,
            counters: [0; BUCKETS],
        }
    }

    /// Counts one value; any value is accepted.
    #[inline]
    pub fn record(&mut self, value: u64) {
        self.counters[bucket_of(value)] += 1;
        self.count += 1;
        self.sum = self.sum.saturating_add(value);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// Counts the same value `count` times.
    #[inline]
    pub fn record_many(&mut self, value: u64, count: u64) {
        if count == 0 {
            return;
        }
        self.counters[bucket_of(value)] += count;
        self.count += count;
        self.sum = self.sum.saturating_add(value.saturating_mul(count));
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// Number of values recorded.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Sum of all values, held at `u64::MAX` once it gets there.
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// The least value recorded, exactly; 0 when there is none.
    pub fn min(&self) -> u64 {
        if self.count == 0 { 0 } else { self.min }
    }

    /// The greatest value recorded, exactly; 0 when there is none.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// A value that at least `percent` of the recorded values do not exceed (nearest rank, upper
    /// end of its bucket, never above the maximum); 0 when nothing was recorded. A `percent`
    /// outside of 0 to 100 counts as the nearer end, one that is not a number as 0. O(buckets).
    pub fn percentile(&self, percent: f64) -> u64 {
        let share = percent.clamp(0.0, 100.0) * self.count as f64 / 100.0;
        // A cast from a float saturates, and takes "not a number" to 0.
        let rank = (share.ceil() as u64).clamp(1, self.count.max(1));
        let mut seen = 0;
        for (upper_bound, count) in self.iter() {
            seen += count;
            if seen >= rank {
                return upper_bound.min(self.max);
            }
        }
        0
    }

    /// Forgets every value. O(buckets).
    pub fn reset(&mut self) {
        *self = Self::new();
    }

    /// The buckets that are not empty, ascending, as (greatest value that belongs there, count).
    /// The last bucket is open, so its bound is `u64::MAX`. Each power of two starts a bucket:
    /// coarser histograms add up without splitting one.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let occupied = self
            .counters
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0);
        occupied.map(|(bucket, &count)| (upper_bound(bucket), count))
    }

    /// Asserts the invariants of the module header, for tests. O(buckets).
    pub fn check_invariants(&self) {
        assert_eq!(
            self.counters.iter().sum::<u64>(),
            self.count,
            "the counters do not add up"
        );
        let first = self.counters.iter().position(|&count| count > 0);
        let last = self.counters.iter().rposition(|&count| count > 0);
        let some = |value| (self.count > 0).then_some(value);
        assert_eq!(
            first,
            some(bucket_of(self.min)),
            "the minimum is not in the first bucket"
        );
        assert_eq!(
            last,
            some(bucket_of(self.max)),
            "the maximum is not in the last bucket"
        );
    }
}

/// The bucket of a value: its top five bits, and how far they were shifted.
#[inline]
const fn bucket_of(value: u64) -> usize {
    let value = if value > LARGEST { LARGEST } else { value };
    // The low bit that is set keeps values under 16 at shift 0, and the logarithm defined.
    let shift = (value | SUB_BUCKETS as u64).ilog2() - SUB_BUCKET_BITS;
    shift as usize * SUB_BUCKETS + (value >> shift) as usize
}

/// The greatest value of a bucket.
fn upper_bound(bucket: usize) -> u64 {
    if bucket == BUCKETS - 1 {
        return u64::MAX;
    }
    let next = bucket + 1;
    // The inverse of `bucket_of` for the first value of the next bucket.
    let shift = (next / SUB_BUCKETS).saturating_sub(1);
    (((next - shift * SUB_BUCKETS) as u64) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[u64]) -> Histogram {
        let mut histogram = Histogram::new();
        values.iter().for_each(|&value| histogram.record(value));
        histogram
    }

    #[test]
    fn buckets_are_where_the_drawing_says() {
        let at = |value| (bucket_of(value), upper_bound(bucket_of(value)));
        assert_eq!(at(0), (0, 0));
        assert_eq!(at(15), (15, 15));
        assert_eq!(at(16), (16, 16));
        assert_eq!(at(31), (31, 31));
        assert_eq!(at(32), (32, 33));
        assert_eq!(at(33), (32, 33));
        assert_eq!(at(63), (47, 63));
        assert_eq!(at(64), (48, 67));
        assert_eq!(at(1_000), (111, 1_023));
        assert_eq!(at(1 << 39), (576, (1 << 39) + (1 << 35) - 1));
        assert_eq!(at(LARGEST), (591, u64::MAX));
        assert_eq!(at(u64::MAX), (591, u64::MAX));
    }

    #[test]
    fn buckets_adjoin_without_gap_or_overlap() {
        for bucket in 0..BUCKETS - 1 {
            let last = upper_bound(bucket);
            assert_eq!(bucket_of(last), bucket);
            assert_eq!(bucket_of(last + 1), bucket + 1);
        }
    }

    #[test]
    fn an_empty_histogram_answers_zero() {
        let histogram = Histogram::new();
        histogram.check_invariants();
        assert_eq!((histogram.count(), histogram.sum()), (0, 0));
        assert_eq!((histogram.min(), histogram.max()), (0, 0));
        assert_eq!(histogram.percentile(50.0), 0);
        assert_eq!(histogram.iter().next(), None);
    }

    #[test]
    fn percentiles_are_nearest_ranks() {
        let values: Vec<u64> = (1..=1_000).collect();
        let histogram = of(&values);
        assert_eq!(histogram.percentile(0.0), 1);
        assert_eq!(histogram.percentile(0.1), 1);
        assert_eq!(histogram.percentile(2.0), 20);
        assert_eq!(histogram.percentile(50.0), 511);
        assert_eq!(histogram.percentile(99.0), 991);
        assert_eq!(histogram.percentile(99.9), 1_000);
        assert_eq!(histogram.percentile(100.0), 1_000);
        assert_eq!(histogram.percentile(1e300), 1_000);
        assert_eq!(histogram.percentile(-1.0), 1);
        assert_eq!(histogram.percentile(f64::NAN), 1);
    }

    #[test]
    fn values_beyond_the_range_keep_the_maximum_exact() {
        let histogram = of(&[3, 1 << 50, u64::MAX]);
        histogram.check_invariants();
        assert_eq!((histogram.min(), histogram.max()), (3, u64::MAX));
        assert_eq!(histogram.sum(), u64::MAX);
        assert_eq!(histogram.percentile(99.0), u64::MAX);
        assert_eq!(
            histogram.iter().collect::<Vec<_>>(),
            [(3, 1), (u64::MAX, 2)]
        );
    }

    #[test]
    fn reset_gives_a_new_histogram() {
        let mut histogram = of(&[1, 2, 3]);
        histogram.reset();
        assert_eq!(histogram, Histogram::new());
    }

    #[test]
    fn many_at_once_are_as_many_one_by_one() {
        let mut histogram = Histogram::new();
        histogram.record_many(7, 0);
        assert_eq!(histogram, Histogram::new());
        histogram.record_many(700, 3);
        assert_eq!(histogram, of(&[700, 700, 700]));
    }

    fn values() -> impl Strategy<Value = Vec<u64>> {
        let value = (0..64_u32, any::<u64>()).prop_map(|(shift, bits)| bits >> shift);
        prop::collection::vec(value, 1..100)
    }

    proptest! {
        #[test]
        fn percentiles_bracket_the_sorted_values(mut values in values(), percent in 0.0..=100.0_f64) {
            let histogram = of(&values);
            histogram.check_invariants();
            values.sort_unstable();
            prop_assert_eq!(histogram.min(), values[0]);
            prop_assert_eq!(histogram.max(), values[values.len() - 1]);
            let rank = (percent * values.len() as f64 / 100.0).ceil() as usize;
            let exact = values[rank.max(1) - 1];
            let estimate = histogram.percentile(percent);
            prop_assert!(estimate >= exact);
            if exact < LARGEST - LARGEST / 32 {
                prop_assert!(estimate - exact <= exact / 16, "{} for {}", estimate, exact);
            }
        }
    }
}
