//! The policy of the server, on a table that is as simple as can be: what is measured is
//! `src/structures/eviction`, not a copy.
//!
//! ```text
//! hash, top bits ──▶ bucket, a vector of keys ◀── hand, in the order of the hash
//! ```
//!
//! Cost: not that of the server. Not here: the policy.

use std::collections::HashMap;

use evenkeel::structures::eviction::{AccessWord, EvictionPolicy, Sweep, Verdict};

use crate::policy::Policy;
use crate::trace::Access;

/// Keys a bucket holds on average, about as in the server.
const KEYS_PER_BUCKET: f64 = 5.0;

#[derive(Clone, Copy, Default)]
struct Entry {
    is_there: bool,
    word: AccessWord,
    size: u64,
}

pub(crate) struct Ours {
    policy: EvictionPolicy,
    size_max: u64,
    size: u64,
    live_count: usize,
    entries: Vec<Entry>,
    buckets: Vec<Vec<u32>>,
    key_of: HashMap<u64, u32>,
    hand: (usize, usize),
    evictions: u64,
    examined: u64,
}

impl Ours {
    pub(crate) fn new(key_count: usize, size_max: u64, mean_size: f64) -> Ours {
        let buckets = (size_max as f64 / mean_size / KEYS_PER_BUCKET).ceil() as usize;
        Ours {
            policy: EvictionPolicy::new(0),
            size_max,
            size: 0,
            live_count: 0,
            entries: vec![Entry::default(); key_count],
            buckets: vec![Vec::new(); buckets.max(1)],
            key_of: HashMap::new(),
            hand: (0, 0),
            evictions: 0,
            examined: 0,
        }
    }

    fn bucket(&self, hash: u64) -> usize {
        ((u128::from(hash) * self.buckets.len() as u128) >> u64::BITS) as usize
    }

    fn next(&mut self) -> u32 {
        loop {
            let (bucket, slot) = self.hand;
            if let Some(&key) = self.buckets[bucket].get(slot) {
                self.hand.1 += 1;
                return key;
            }
            self.hand = ((bucket + 1) % self.buckets.len(), 0);
        }
    }

    fn victim(&mut self) -> u32 {
        let mut sweep = Sweep::new();
        loop {
            self.examined += 1;
            let key = self.next();
            let entry = &mut self.entries[key as usize];
            let size = entry.size as usize;
            match self.policy.examine(&mut sweep, key, entry.word, size) {
                Verdict::Evict(key) => return key,
                Verdict::Keep(word) => entry.word = word,
            }
            while let Some(hash) = self.policy.next_suspect(&sweep) {
                if let Some(&key) = self.key_of.get(&hash) {
                    let entry = self.entries[key as usize];
                    if self.policy.is_below(entry.word, entry.size as usize) {
                        return key;
                    }
                }
            }
        }
    }

    fn evict(&mut self) {
        let key = self.victim();
        let hash = hash(key);
        let bucket = self.bucket(hash);
        let slot = self.buckets[bucket].iter().position(|&other| other == key);
        let slot = slot.expect("a key that is there is in its bucket");
        self.buckets[bucket].swap_remove(slot);
        if self.hand.0 == bucket && self.hand.1 > slot {
            self.hand.1 -= 1;
        }
        self.key_of.remove(&hash);
        let entry = std::mem::take(&mut self.entries[key as usize]);
        self.size -= entry.size;
        self.live_count -= 1;
        self.evictions += 1;
        self.policy.on_evict(hash, entry.word, self.live_count);
    }

    fn insert(&mut self, key: u32, size: u64) {
        let hash = hash(key);
        self.live_count += 1;
        self.size += size;
        let word = self
            .policy
            .on_insert(hash, size as usize, self.live_count, 0);
        self.entries[key as usize] = Entry {
            is_there: true,
            word,
            size,
        };
        let bucket = self.bucket(hash);
        self.buckets[bucket].push(key);
        self.key_of.insert(hash, key);
        while self.policy.visits_owed() > 0 {
            let key = self.next() as usize;
            self.entries[key].word = self.policy.refresh(self.entries[key].word);
        }
    }
}

impl Policy for Ours {
    fn access(&mut self, access: Access) -> bool {
        let entry = &mut self.entries[access.key as usize];
        if entry.is_there {
            entry.word = self.policy.on_hit(entry.word, self.live_count, 0);
            return true;
        }
        let size = u64::from(access.size);
        if size <= self.size_max {
            while self.size + size > self.size_max {
                self.evict();
            }
            self.insert(access.key, size);
        }
        false
    }

    fn examined_per_eviction(&self) -> Option<f64> {
        Some(self.examined as f64 / self.evictions.max(1) as f64)
    }
}

fn hash(key: u32) -> u64 {
    fastrand::Rng::with_seed(u64::from(key)).u64(..)
}
