//! The seeded 64-bit hash of keys.
//!
//! rapidhash (a successor of wyhash): a few nanoseconds for short keys, all 64 bits usable, which
//! the hash table needs because it reads the segment from the top, the bucket from the middle and
//! the tag from the bottom. The seed is random at each start unless the configuration fixes it, so
//! that nobody outside can choose colliding keys by calculation.

use rapidhash::v3::{RapidSecrets, rapidhash_v3_seeded};

/// Hashes keys under one seed.
#[derive(Clone)]
pub struct KeyHasher {
    secrets: RapidSecrets,
}

impl KeyHasher {
    /// A hasher for `seed`; equal seeds give equal hashes on every machine.
    pub const fn new(seed: u64) -> Self {
        Self {
            secrets: RapidSecrets::seed(seed),
        }
    }

    /// The hash of `key`. O(length).
    #[inline]
    pub fn hash(&self, key: &[u8]) -> u64 {
        rapidhash_v3_seeded(key, &self.secrets)
    }
}

impl std::fmt::Debug for KeyHasher {
    /// The seed stays out of logs: whoever knows it can choose colliding keys.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("KeyHasher")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_depends_on_every_byte_and_on_the_seed() {
        let hasher = KeyHasher::new(7);
        assert_eq!(hasher.hash(b"key"), KeyHasher::new(7).hash(b"key"));
        assert_ne!(hasher.hash(b"key"), KeyHasher::new(8).hash(b"key"));
        let long = [b'x'; 300];
        for position in 0..long.len() {
            let mut other = long;
            other[position] ^= 1;
            assert_ne!(hasher.hash(&long), hasher.hash(&other), "byte {position}");
        }
    }
}
