//! What the sample of reads says other sizes would bring, beside what they bring.
//!
//! ```text
//! trace ─▶ our policy at one size ─▶ ReuseSample ─▶ said of ½, 1, 2 and 4 times that size
//!      └─▶ our policy at those sizes ─▶ measured
//! ```
//!
//! Not here: the sample (`src/structures/reuse.rs`).

use evenkeel::structures::reuse::ReuseSample;

use crate::ours::Ours;
use crate::policy::Policy;
use crate::trace::Access;

/// The sizes, by the present one.
pub(crate) const FACTORS: [f64; 4] = [0.5, 1.0, 2.0, 4.0];

/// Keys of which one is sampled at first: all, and as in the server.
pub(crate) const ONE_OF: [u64; 3] = [1, 8, 32];

/// Said and measured in per cent, for each factor: of all keys, of fewer, measured.
pub(crate) fn rows(
    accesses: &[Access],
    key_count: usize,
    size: u64,
    mean_size: f64,
) -> Vec<[f64; 4]> {
    let said = ONE_OF.map(|one_of| said(accesses, key_count, size, mean_size, one_of));
    let measured = FACTORS.map(|factor| {
        let size = ((size as f64 * factor) as u64).max(1);
        let mut ours = Ours::new(key_count, size, mean_size);
        let hits = accesses.iter().filter(|access| ours.access(**access));
        hits.count() as f64 / accesses.len() as f64
    });
    let row = |index: usize| {
        let [whole, eighth, server] = [0, 1, 2].map(|sample: usize| said[sample][index] * 100.0);
        [whole, eighth, server, measured[index] * 100.0]
    };
    (0..FACTORS.len()).map(row).collect()
}

fn said(accesses: &[Access], key_count: usize, size: u64, mean_size: f64, one_of: u64) -> [f64; 4] {
    let mut ours = Ours::new(key_count, size, mean_size);
    let mut sample = ReuseSample::new(one_of);
    for access in accesses {
        let was_there = ours.access(*access);
        sample.count_read();
        let hash = hash(access.key);
        if sample.has(hash) {
            let bytes = u64::from(access.size);
            sample.note_read(hash, was_there.then_some(bytes));
            sample.note_stored(hash, bytes);
        }
    }
    FACTORS.map(|factor| sample.ratio_at((size as f64 * factor) as u64, Some(size)))
}

/// Another one than that of the policy.
fn hash(key: u32) -> u64 {
    fastrand::Rng::with_seed(u64::from(key) | 1 << 40).u64(..)
}
