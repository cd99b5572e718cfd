//! Runs of one simulation from several seeds, and canaries: runs with a fault put in on purpose.
//!
//! Not here: the simulations, and the seeds of the whole server (`main.rs`).

use std::fmt::Debug;

/// Runs a simulation from the seeds below `count`; how much they have checked in all.
///
/// # Panics
/// With the seed of the first run that fails.
pub(crate) fn run_seeds(count: u64, run: impl Fn(u64) -> Result<usize, String>) -> usize {
    let checked = (0..count).map(|seed| match run(seed) {
        Ok(checked_count) => checked_count,
        Err(error) => panic!("seed {seed}: {error}"),
    });
    checked.sum()
}

/// Runs a simulation with each of the faults, which may hide from some seeds, but not from all
/// below `count`.
///
/// # Panics
/// If no run with a fault fails.
pub(crate) fn expect_notice<F: Copy + Debug>(
    faults: &[F],
    count: u64,
    run: impl Fn(u64, F) -> Result<usize, String>,
) {
    for &fault in faults {
        let is_noticed = (0..count).any(|seed| run(seed, fault).is_err());
        assert!(is_noticed, "{fault:?} went unnoticed");
    }
}
