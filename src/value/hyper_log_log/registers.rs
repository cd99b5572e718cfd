//! Registers of a byte each: the union of several HyperLogLogs.
//!
//! Not here: how they stand in strings (`dense.rs`, `sparse.rs`).

use super::REGISTER_COUNT;
use super::estimate::Histogram;

/// The greatest of each register of several HyperLogLogs.
#[derive(Clone)]
pub struct Registers(Box<[u8; REGISTER_COUNT]>);

impl std::fmt::Debug for Registers {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_map().entries(self.that_are_set()).finish()
    }
}

impl Default for Registers {
    fn default() -> Self {
        Self(Box::new([0; REGISTER_COUNT]))
    }
}

impl Registers {
    /// About how many different elements were added to all of them. O(registers).
    pub fn estimate(&self) -> u64 {
        let mut histogram = Histogram::default();
        self.0.iter().for_each(|&rank| histogram.count(rank, 1));
        histogram.estimate()
    }

    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = u8> {
        self.0.iter().copied()
    }

    /// Those that are not 0, with their indexes.
    pub(super) fn that_are_set(&self) -> impl Iterator<Item = (usize, u8)> {
        let ranks = self.0.iter().copied().enumerate();
        ranks.filter(|&(_, rank)| rank != 0)
    }

    /// Raises `count` of them from `first` on.
    pub(super) fn raise_run(&mut self, first: usize, count: usize, rank: u8) {
        for register in &mut self.0[first..first + count] {
            *register = (*register).max(rank);
        }
    }

    pub(super) fn ranks_mut(&mut self) -> &mut [u8; REGISTER_COUNT] {
        &mut self.0
    }
}
