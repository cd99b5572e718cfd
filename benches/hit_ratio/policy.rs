//! Published policies, and the offline optimum, to compare with.
//!
//! ```text
//! access(key, size) ──▶ was it there?      a miss puts it there, and evicts until it fits
//! ```
//!
//! LRU, LFU (least frequent, then least recent, of what is there), GDSF (Cherkasova, 1998), SIEVE
//! (Zhang et al., 2024), S3-FIFO (Yang et al., 2023), ARC (Megiddo and Modha, 2003), the optimum of
//! Belady (1966), here with the right not to admit. W-TinyLFU is in `tiny_lfu.rs`.
//!
//! 1. The sizes of what is there never exceed the limit. ARC and the optimum are defined for keys
//!    of one size only.
//!
//! Cost: O(1) an access, O(log n) for LFU, GDSF and the optimum. Not here: ours (`ours.rs`).

use std::collections::{BTreeSet, VecDeque};

use crate::lists::Lists;
use crate::trace::Access;

/// A cache that is told of accesses only.
pub(crate) trait Policy {
    /// Whether the key was there; after a miss it is, unless the policy does not admit it.
    fn access(&mut self, access: Access) -> bool;

    /// Entries looked at for an eviction, where that varies.
    fn examined_per_eviction(&self) -> Option<f64> {
        None
    }
}

pub(crate) struct Lru {
    lists: Lists,
    size_max: u64,
}

impl Lru {
    pub(crate) fn new(key_count: usize, size_max: u64) -> Lru {
        Lru {
            lists: Lists::new(key_count, 1),
            size_max,
        }
    }
}

impl Policy for Lru {
    fn access(&mut self, access: Access) -> bool {
        if self.lists.list_of(access.key).is_some() {
            self.lists.move_to_front(0, access.key);
            return true;
        }
        let size = u64::from(access.size);
        if size <= self.size_max {
            while self.lists.size(0) + size > self.size_max {
                self.lists.pop_back(0);
            }
            self.lists.push_front(0, access.key, size);
        }
        false
    }
}

/// Evicts the least priority, which rises with frequency: LFU, or GDSF when it counts sizes.
pub(crate) struct ByFrequency {
    counts_sizes: bool,
    queue: BTreeSet<(u64, u64, u32)>,
    entries: Vec<Option<(u64, u64, u64)>>,
    frequencies: Vec<u64>,
    size: u64,
    size_max: u64,
    time: u64,
    /// GDSF: priority of the last evicted.
    floor: u64,
}

/// Priorities of GDSF are fractions.
const PRIORITY_SCALE: u64 = 1 << 32;

impl ByFrequency {
    pub(crate) fn new(key_count: usize, size_max: u64, counts_sizes: bool) -> ByFrequency {
        ByFrequency {
            counts_sizes,
            queue: BTreeSet::new(),
            entries: vec![None; key_count],
            frequencies: vec![0; key_count],
            size: 0,
            size_max,
            time: 0,
            floor: 0,
        }
    }

    fn put(&mut self, key: u32, size: u64) {
        let frequency = self.frequencies[key as usize];
        let priority = if self.counts_sizes {
            self.floor + frequency * PRIORITY_SCALE / size
        } else {
            frequency
        };
        self.queue.insert((priority, self.time, key));
        self.entries[key as usize] = Some((priority, self.time, size));
    }
}

impl Policy for ByFrequency {
    fn access(&mut self, access: Access) -> bool {
        let key = access.key;
        self.time += 1;
        if let Some((priority, time, size)) = self.entries[key as usize] {
            self.queue.remove(&(priority, time, key));
            self.frequencies[key as usize] += 1;
            self.put(key, size);
            return true;
        }
        let size = u64::from(access.size);
        if size <= self.size_max {
            while self.size + size > self.size_max {
                let least = self.queue.pop_first().expect("the size is of these");
                let entry = self.entries[least.2 as usize].take();
                self.size -= entry.expect("what is queued is there").2;
                self.floor = least.0;
            }
            self.frequencies[key as usize] = 1;
            self.size += size;
            self.put(key, size);
        }
        false
    }
}

pub(crate) struct Sieve {
    lists: Lists,
    size_max: u64,
    is_visited: Vec<bool>,
    hand: Option<u32>,
}

impl Sieve {
    pub(crate) fn new(key_count: usize, size_max: u64) -> Sieve {
        Sieve {
            lists: Lists::new(key_count, 1),
            size_max,
            is_visited: vec![false; key_count],
            hand: None,
        }
    }

    fn evict(&mut self) {
        let mut hand = self.hand.or(self.lists.back(0));
        while let Some(key) = hand {
            if !std::mem::take(&mut self.is_visited[key as usize]) {
                self.hand = self.lists.before(key);
                self.lists.remove(key);
                return;
            }
            hand = self.lists.before(key).or(self.lists.back(0));
        }
    }
}

impl Policy for Sieve {
    fn access(&mut self, access: Access) -> bool {
        if self.lists.list_of(access.key).is_some() {
            self.is_visited[access.key as usize] = true;
            return true;
        }
        let size = u64::from(access.size);
        if size <= self.size_max {
            while self.lists.size(0) + size > self.size_max {
                self.evict();
            }
            self.is_visited[access.key as usize] = false;
            self.lists.push_front(0, access.key, size);
        }
        false
    }
}

const SMALL: usize = 0;
const MAIN: usize = 1;

pub(crate) struct S3Fifo {
    lists: Lists,
    size_max: u64,
    frequencies: Vec<u8>,
    /// Key, number, size; a ghost counts while `ghost_number` of its key is that number.
    ghosts: VecDeque<(u32, u64, u64)>,
    ghost_number: Vec<u64>,
    ghost_size: u64,
    last_number: u64,
}

impl S3Fifo {
    pub(crate) fn new(key_count: usize, size_max: u64) -> S3Fifo {
        S3Fifo {
            lists: Lists::new(key_count, 2),
            size_max,
            frequencies: vec![0; key_count],
            ghosts: VecDeque::new(),
            ghost_number: vec![0; key_count],
            ghost_size: 0,
            last_number: 0,
        }
    }

    fn remember(&mut self, key: u32, size: u64) {
        self.last_number += 1;
        self.ghost_number[key as usize] = self.last_number;
        self.ghosts.push_back((key, self.last_number, size));
        self.ghost_size += size;
        while self.ghost_size > self.size_max / 10 * 9 {
            let Some((key, number, size)) = self.ghosts.pop_front() else {
                return;
            };
            self.ghost_size -= size;
            if self.ghost_number[key as usize] == number {
                self.ghost_number[key as usize] = 0;
            }
        }
    }

    fn evict(&mut self) {
        if self.lists.size(SMALL) > self.size_max / 10 || self.lists.count(MAIN) == 0 {
            while let Some((key, size)) = self.lists.pop_back(SMALL) {
                if self.frequencies[key as usize] < 2 {
                    self.remember(key, size);
                    return;
                }
                self.frequencies[key as usize] = 0;
                self.lists.push_front(MAIN, key, size);
            }
        }
        while let Some((key, size)) = self.lists.pop_back(MAIN) {
            let frequency = &mut self.frequencies[key as usize];
            if *frequency == 0 {
                return;
            }
            *frequency -= 1;
            self.lists.push_front(MAIN, key, size);
        }
    }
}

impl Policy for S3Fifo {
    fn access(&mut self, access: Access) -> bool {
        let key = access.key as usize;
        if self.lists.list_of(access.key).is_some() {
            self.frequencies[key] = (self.frequencies[key] + 1).min(3);
            return true;
        }
        let size = u64::from(access.size);
        if size <= self.size_max {
            while self.lists.size(SMALL) + self.lists.size(MAIN) + size > self.size_max {
                self.evict();
            }
            self.frequencies[key] = 0;
            let was_ghost = std::mem::take(&mut self.ghost_number[key]) != 0;
            let list = if was_ghost { MAIN } else { SMALL };
            self.lists.push_front(list, access.key, size);
        }
        false
    }
}

const RECENT: usize = 0;
const FREQUENT: usize = 1;
const RECENT_GHOSTS: usize = 2;
const FREQUENT_GHOSTS: usize = 3;

pub(crate) struct Arc {
    lists: Lists,
    count_max: usize,
    recent_wanted: f64,
}

impl Arc {
    pub(crate) fn new(key_count: usize, count_max: u64) -> Arc {
        Arc {
            lists: Lists::new(key_count, 4),
            count_max: count_max as usize,
            recent_wanted: 0.0,
        }
    }

    fn replace(&mut self, was_frequent_ghost: bool) {
        let recent = self.lists.count(RECENT);
        let excess = recent as f64 - self.recent_wanted;
        let is_recent = excess > 0.0 || was_frequent_ghost && excess == 0.0;
        let from = if recent > 0 && (is_recent || self.lists.count(FREQUENT) == 0) {
            RECENT
        } else {
            FREQUENT
        };
        let (key, size) = self.lists.pop_back(from).expect("the cache is full");
        self.lists.push_front(from + RECENT_GHOSTS, key, size);
    }

    fn make_room(&mut self) {
        let recent = self.lists.count(RECENT);
        let known_recent = recent + self.lists.count(RECENT_GHOSTS);
        let known = known_recent + self.lists.count(FREQUENT) + self.lists.count(FREQUENT_GHOSTS);
        if known_recent == self.count_max {
            if recent == self.count_max {
                self.lists.pop_back(RECENT);
            } else {
                self.lists.pop_back(RECENT_GHOSTS);
                self.replace(false);
            }
        } else if known >= self.count_max {
            if known >= 2 * self.count_max {
                self.lists.pop_back(FREQUENT_GHOSTS);
            }
            self.replace(false);
        }
    }
}

impl Policy for Arc {
    fn access(&mut self, access: Access) -> bool {
        let list = self.lists.list_of(access.key);
        let recent_ghosts = self.lists.count(RECENT_GHOSTS) as f64;
        let frequent_ghosts = self.lists.count(FREQUENT_GHOSTS) as f64;
        match list {
            Some(RECENT_GHOSTS) => {
                let more = (frequent_ghosts / recent_ghosts).max(1.0);
                self.recent_wanted = (self.recent_wanted + more).min(self.count_max as f64);
                self.replace(false);
            }
            Some(FREQUENT_GHOSTS) => {
                let less = (recent_ghosts / frequent_ghosts).max(1.0);
                self.recent_wanted = (self.recent_wanted - less).max(0.0);
                self.replace(true);
            }
            Some(_) => {}
            None => {
                self.make_room();
                self.lists.push_front(RECENT, access.key, 1);
                return false;
            }
        }
        self.lists.move_to_front(FREQUENT, access.key);
        list < Some(RECENT_GHOSTS)
    }
}

/// Evicts what is used again last of all.
pub(crate) struct Optimum {
    /// By access: the index of the next one to the same key.
    next_of: Vec<usize>,
    queue: BTreeSet<(usize, u32)>,
    count_max: usize,
    index: usize,
}

const NEVER: usize = usize::MAX;

impl Optimum {
    pub(crate) fn new(key_count: usize, count_max: u64, accesses: &[Access]) -> Optimum {
        let mut next_of = vec![NEVER; accesses.len()];
        let mut last = vec![NEVER; key_count];
        for (index, access) in accesses.iter().enumerate().rev() {
            next_of[index] = std::mem::replace(&mut last[access.key as usize], index);
        }
        Optimum {
            next_of,
            queue: BTreeSet::new(),
            count_max: count_max as usize,
            index: 0,
        }
    }
}

impl Policy for Optimum {
    fn access(&mut self, access: Access) -> bool {
        let next = self.next_of[self.index];
        let is_hit = self.queue.remove(&(self.index, access.key));
        self.index += 1;
        if next != NEVER {
            self.queue.insert((next, access.key));
        }
        if self.queue.len() > self.count_max {
            self.queue.pop_last();
        }
        is_hit
    }
}
