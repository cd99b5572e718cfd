//! What small caches of a sample of the keys say other sizes would bring, beside what they bring.
//!
//! ```text
//! trace ─▶ our policy at one size ─▶ SmallCaches ─▶ said of ½, 1, 2 and 4 times that size
//!      └─▶ our policy at those sizes ─▶ measured
//! ```
//!
//! Not here: the small caches (`src/structures/small_caches.rs`).

use evenkeel::structures::small_caches::{FACTORS, Size, SmallCaches};

use crate::ours::Ours;
use crate::policy::Policy;
use crate::trace::Access;

/// Keys of which one is sampled at first: all, and as in the server.
pub(crate) const ONE_OF: [u64; 3] = [1, 8, 64];

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
    let mut caches = SmallCaches::new(one_of);
    let size = Size {
        bytes: size,
        is_limit: true,
    };
    for access in accesses {
        let was_there = ours.access(*access);
        caches.count_read();
        if !was_there {
            caches.count_miss();
        }
        let hash = hash(access.key);
        if caches.has(hash) {
            let bytes = u64::from(access.size);
            caches.note_read(hash, was_there.then_some(bytes), size);
            if !was_there {
                caches.note_stored(hash, bytes, size);
            }
        }
    }
    caches.ratios()
}

/// Another one than that of the policy.
fn hash(key: u32) -> u64 {
    fastrand::Rng::with_seed(u64::from(key) | 1 << 40).u64(..)
}
