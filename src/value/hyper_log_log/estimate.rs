//! From registers to a number of elements, by the estimator of Otmar Ertl, "New cardinality
//! estimation algorithms for HyperLogLog sketches" (arXiv:1702.01284), algorithm 6.
//!
//! It needs only how many registers hold each value. The order of the operations is that of Redis,
//! so that the last bit of the result is, too.
//!
//! Not here: reading registers (`dense.rs`, `sparse.rs`).

use super::{COUNTED_BITS, REGISTER_COUNT};

/// 1 / (2 ln 2): the constant for infinitely many registers.
const ALPHA: f64 = 0.721_347_520_444_481_7;

/// How many registers hold each value.
pub(super) struct Histogram([u32; 64]);

impl Default for Histogram {
    fn default() -> Self {
        Self([0; 64])
    }
}

impl Histogram {
    /// Counts registers that hold `rank`, which is below 64.
    #[inline]
    pub(super) fn count(&mut self, rank: u8, registers: u32) {
        self.0[usize::from(rank % 64)] += registers;
    }

    /// About how many different elements were added.
    pub(super) fn estimate(&self) -> u64 {
        let registers = REGISTER_COUNT as f64;
        let held_by = |rank: u32| f64::from(self.0[rank as usize]);
        let full = held_by(COUNTED_BITS + 1);
        let mut sum = registers * tau((registers - full) / registers);
        for rank in (1..=COUNTED_BITS).rev() {
            sum = (sum + held_by(rank)) * 0.5;
        }
        sum += registers * sigma(held_by(0) / registers);
        (ALPHA * registers * registers / sum).round() as u64
    }
}

/// What registers without an element add. Infinite for 1, when the estimate is 0.
fn sigma(share: f64) -> f64 {
    if share == 1.0 {
        return f64::INFINITY;
    }
    let (mut power, mut factor, mut sum) = (share, 1.0, share);
    loop {
        power *= power;
        let before = sum;
        sum += power * factor;
        factor += factor;
        if sum == before {
            return sum;
        }
    }
}

/// What registers that can't be raised any more take away.
fn tau(share: f64) -> f64 {
    if share == 0.0 || share == 1.0 {
        return 0.0;
    }
    let (mut root, mut factor, mut sum) = (share, 1.0, 1.0 - share);
    loop {
        root = root.sqrt();
        let before = sum;
        factor *= 0.5;
        sum -= (1.0 - root).powi(2) * factor;
        if sum == before {
            return sum / 3.0;
        }
    }
}
