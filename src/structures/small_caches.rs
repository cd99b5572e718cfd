//! How many reads caches of other sizes would answer: small ones are kept for a sample of the keys.
//!
//! ```text
//!  hash below the threshold?  no ─▶ nothing                                       nearly always
//!        │ yes
//!        ▼       ┌ cache of ½ ┐
//!  index ─▶ slot ┤         1  ├ each: is the key there? a hit; else it is put there, others go
//!                │         2  │ each: a policy, members in no order with a hand, bytes
//!                └         4  ┘       ≤ factor × size of the server's cache × share of the keys
//! ```
//!
//! Sampling keys by their hash keeps all uses of a key or none, so a cache that is as much smaller
//! as its keys are fewer answers the same share of its reads. (Waldspurger, Saemundsson, Ahmad and
//! Park, "Cache modeling and optimization using miniature simulations", 2017.) Each small cache has
//! the policy of the server, so nothing is assumed of how its hits depend on its size. When more
//! than [`SLOTS_MAX`] keys are held, the threshold falls and those above it go.
//!
//! Which share of reads the server answers is known exactly. The cache of the same size says how
//! far the sample is from that, and all are put right by as much, in the logarithm of the odds.
//!
//! Invariants ([`SmallCaches::check_invariants`]): a slot that is in use is a member of some cache;
//! its places are where the members say; bytes are the sum over the members.
//!
//! Cost: a comparison for keys outside. A read of a sampled key that all hold some hundred
//! instructions; a new key that others must go for in all of them some ten thousand, half of which
//! is what the policies learn. Less than a MiB, nothing before the first key.
//!
//! Not here: which keys are read, and what they take (`keyspace/insight/`).

use super::eviction::{AccessWord, EvictionPolicy, Sweep, Verdict};
use std::collections::BTreeMap;

/// Sizes of the small caches, by that of the server's.
pub const FACTORS: [f64; CACHE_COUNT] = [0.5, 1.0, 2.0, 4.0];

/// Which of them is as large.
const PRESENT: usize = 1;

const CACHE_COUNT: usize = 4;

/// Keys that are held at most.
pub const SLOTS_MAX: usize = 8_192;

/// By how much the threshold falls when there are more.
const SHRINK_BY: u64 = 8;

/// Sampled reads after which the old ones count half, so that the curve follows the present.
const READS_MAX: u64 = 1 << 18;

/// Entries that make room for one at most; what is still over the size makes room for the next.
const EVICTIONS_MAX: u32 = 16;

/// Time stands still for the policies: they count turnovers.
const SECOND: u32 = 0;

/// A place that is none.
const ABSENT: u16 = u16::MAX;

const _: () = assert!(SLOTS_MAX < ABSENT as usize);

/// The size of the server's cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Its bytes: the limit, or what there is without one.
    pub bytes: u64,
    /// Whether that is a limit. If not, nothing has to go from a cache that is as large.
    pub is_limit: bool,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    hash: u64,
    bytes: u64,
    words: [AccessWord; CACHE_COUNT],
    /// Where it stands among the members of each cache.
    places: [u16; CACHE_COUNT],
}

impl Slot {
    fn is_used(&self) -> bool {
        self.places != [ABSENT; CACHE_COUNT]
    }
}

struct SmallCache {
    policy: EvictionPolicy,
    members: Vec<u16>,
    hand: usize,
    bytes: u64,
    hits: f64,
}

impl SmallCache {
    fn new() -> Self {
        Self {
            policy: EvictionPolicy::new(SECOND),
            members: Vec::new(),
            hand: 0,
            bytes: 0,
            hits: 0.0,
        }
    }

    /// The slot under the hand, which goes on. There must be one.
    fn next(&mut self) -> u16 {
        if self.hand >= self.members.len() {
            self.hand = 0;
        }
        self.hand += 1;
        self.members[self.hand - 1]
    }
}

/// See the module header.
pub struct SmallCaches {
    threshold: u64,
    slots: Vec<Slot>,
    free: Vec<u16>,
    index: BTreeMap<u64, u16>,
    caches: Vec<SmallCache>,
    /// All reads, sampled or not, and those that the server did not answer.
    reads: u64,
    misses: u64,
    sampled_reads: u64,
    /// Reads that the sampled ones stand for.
    sampled_weight: f64,
}

impl SmallCaches {
    /// A sample that begins with one of so many keys.
    pub fn new(one_of: u64) -> Self {
        Self {
            threshold: u64::MAX / one_of.max(1),
            slots: Vec::new(),
            free: Vec::new(),
            index: BTreeMap::new(),
            caches: Vec::new(),
            reads: 0,
            misses: 0,
            sampled_reads: 0,
            sampled_weight: 0.0,
        }
    }

    /// Whether a key is in the sample.
    #[inline]
    pub fn has(&self, hash: u64) -> bool {
        hash < self.threshold
    }

    /// Counts a read, of a sampled key or another.
    #[inline]
    pub fn count_read(&mut self) {
        self.reads += 1;
    }

    /// Counts a read, of a sampled key or another, as one that was not answered, too.
    #[inline]
    pub fn count_miss(&mut self) {
        self.misses += 1;
    }

    /// The share of keys that are sampled.
    pub fn rate(&self) -> f64 {
        self.threshold as f64 / u64::MAX as f64
    }

    /// Keys in the sample.
    pub fn key_count(&self) -> usize {
        self.index.len()
    }

    /// Reads that the curve is made from, sampled or not; old ones count less.
    pub fn reads(&self) -> u64 {
        self.reads
    }

    /// Notes a read of a sampled key; `bytes` of the key if it was there. O(log keys).
    pub fn note_read(&mut self, hash: u64, bytes: Option<u64>, size: Size) {
        let weight = 1.0 / self.rate();
        self.sampled_weight += weight;
        self.sampled_reads += 1;
        if self.sampled_reads >= READS_MAX {
            self.halve();
        }
        let mut is_everywhere = false;
        if let Some(&index) = self.index.get(&hash) {
            let slot = &mut self.slots[usize::from(index)];
            is_everywhere = bytes.is_none_or(|bytes| bytes == slot.bytes);
            for (number, cache) in self.caches.iter_mut().enumerate() {
                if slot.places[number] == ABSENT {
                    is_everywhere = false;
                    continue;
                }
                cache.hits += weight;
                let word = &mut slot.words[number];
                *word = cache.policy.on_hit(*word, cache.members.len(), SECOND);
            }
        }
        // Where it was missed it is stored now. If the server has missed it, that comes next.
        if let (false, Some(bytes)) = (is_everywhere, bytes) {
            self.note_stored(hash, bytes, size);
        }
    }

    /// Notes that a sampled key is there now and takes so many bytes. O(log keys), and what has to
    /// go for it.
    pub fn note_stored(&mut self, hash: u64, bytes: u64, size: Size) {
        let Some(index) = self.slot_for(hash, bytes) else {
            return;
        };
        for number in 0..CACHE_COUNT {
            let old_bytes = self.slots[usize::from(index)].bytes;
            if self.slots[usize::from(index)].places[number] != ABSENT {
                let cache = &mut self.caches[number];
                cache.bytes = cache.bytes - old_bytes + bytes;
                continue;
            }
            let bytes_max = self.bytes_max(number, size);
            if bytes <= bytes_max {
                self.make_room(number, bytes, bytes_max);
                self.put(number, index, bytes);
            }
        }
        self.slots[usize::from(index)].bytes = bytes;
        self.free_if_absent(index);
    }

    /// Notes that a sampled key has gone for another reason than want of room: then it has gone
    /// from a cache of any size. O(log keys).
    pub fn note_removed(&mut self, hash: u64) {
        if let Some(&index) = self.index.get(&hash) {
            for number in 0..CACHE_COUNT {
                self.take_out(number, index);
            }
            self.free_if_absent(index);
        }
    }

    /// Notes that all keys have gone; what the policies have learned stays. O(keys).
    pub fn note_flush(&mut self) {
        self.index.clear();
        self.slots.clear();
        self.free.clear();
        for cache in &mut self.caches {
            cache.members.clear();
            cache.bytes = 0;
        }
    }

    /// The share of reads that a cache of each of [`FACTORS`] would answer; 0 before the first.
    pub fn ratios(&self) -> [f64; CACHE_COUNT] {
        let reads = self.reads as f64;
        if self.caches.is_empty() || self.reads == 0 {
            return [0.0; CACHE_COUNT];
        }
        // Reads that were expected in the sample and did not come are those of the hottest keys.
        let unsampled = reads - self.sampled_weight;
        let said = |number: usize| log_odds((self.caches[number].hits + unsampled) / reads);
        let answered = log_odds(1.0 - self.misses as f64 / reads);
        let error = answered - said(PRESENT);
        std::array::from_fn(|number| 1.0 / (1.0 + (-(said(number) + error)).exp()))
    }

    /// The slot of a key, a new one if it has none; none if it has fallen out of the sample.
    fn slot_for(&mut self, hash: u64, bytes: u64) -> Option<u16> {
        if let Some(&index) = self.index.get(&hash) {
            return Some(index);
        }
        if self.caches.is_empty() {
            self.caches.resize_with(CACHE_COUNT, SmallCache::new);
        }
        if self.index.len() >= SLOTS_MAX {
            self.shrink();
        }
        if !self.has(hash) {
            return None;
        }
        let slot = Slot {
            hash,
            bytes,
            words: [AccessWord::default(); CACHE_COUNT],
            places: [ABSENT; CACHE_COUNT],
        };
        let index = match self.free.pop() {
            Some(index) => {
                self.slots[usize::from(index)] = slot;
                index
            }
            None => {
                self.slots.push(slot);
                (self.slots.len() - 1) as u16
            }
        };
        self.index.insert(hash, index);
        Some(index)
    }

    /// What a small cache may hold, for the keys that are sampled now.
    fn bytes_max(&self, number: usize, size: Size) -> u64 {
        if !size.is_limit && FACTORS[number] >= 1.0 {
            return u64::MAX;
        }
        (size.bytes as f64 * FACTORS[number] * self.rate()) as u64
    }

    fn make_room(&mut self, number: usize, bytes: u64, bytes_max: u64) {
        for _ in 0..EVICTIONS_MAX {
            let cache = &self.caches[number];
            if cache.members.is_empty() || cache.bytes <= bytes_max - bytes {
                return;
            }
            let index = self.victim(number);
            self.take_out(number, index);
            let slot = &self.slots[usize::from(index)];
            let cache = &mut self.caches[number];
            let count = cache.members.len();
            cache.policy.on_evict(slot.hash, slot.words[number], count);
            self.free_if_absent(index);
        }
    }

    /// The slot that has to go from a cache, which must have one.
    fn victim(&mut self, number: usize) -> u16 {
        let cache = &mut self.caches[number];
        let mut sweep = Sweep::new();
        loop {
            let index = cache.next();
            let slot = &mut self.slots[usize::from(index)];
            let (word, bytes) = (slot.words[number], slot.bytes as usize);
            match cache.policy.examine(&mut sweep, index, word, bytes) {
                Verdict::Evict(index) => return index,
                Verdict::Keep(word) => slot.words[number] = word,
            }
            while let Some(hash) = cache.policy.next_suspect(&sweep) {
                let Some(&index) = self.index.get(&hash) else {
                    continue;
                };
                let slot = &self.slots[usize::from(index)];
                let is_there = slot.places[number] != ABSENT;
                let (word, bytes) = (slot.words[number], slot.bytes as usize);
                if is_there && cache.policy.is_below(word, bytes) {
                    return index;
                }
            }
        }
    }

    fn put(&mut self, number: usize, index: u16, bytes: u64) {
        let cache = &mut self.caches[number];
        let slot = &mut self.slots[usize::from(index)];
        slot.places[number] = cache.members.len() as u16;
        cache.members.push(index);
        cache.bytes += bytes;
        let count = cache.members.len();
        let policy = &mut cache.policy;
        slot.words[number] = policy.on_insert(slot.hash, bytes as usize, count, SECOND);
        while cache.policy.visits_owed() > 0 {
            let word = &mut self.slots[usize::from(cache.next())].words[number];
            *word = cache.policy.refresh(*word);
        }
    }

    /// Takes a slot out of a cache, if it is there. What the hand has passed stays before it.
    fn take_out(&mut self, number: usize, index: u16) {
        let slot = &mut self.slots[usize::from(index)];
        let mut place = usize::from(std::mem::replace(&mut slot.places[number], ABSENT));
        if place == usize::from(ABSENT) {
            return;
        }
        let cache = &mut self.caches[number];
        cache.bytes -= slot.bytes;
        if place < cache.hand {
            cache.hand -= 1;
            let passed = cache.members[cache.hand];
            if passed != index {
                cache.members[place] = passed;
                self.slots[usize::from(passed)].places[number] = place as u16;
            }
            place = cache.hand;
        }
        cache.members.swap_remove(place);
        if let Some(&moved) = cache.members.get(place) {
            self.slots[usize::from(moved)].places[number] = place as u16;
        }
    }

    fn free_if_absent(&mut self, index: u16) {
        let slot = &self.slots[usize::from(index)];
        if !slot.is_used() {
            self.index.remove(&slot.hash);
            self.free.push(index);
        }
    }

    /// Lets the threshold fall, and the keys go that are above it. O(keys).
    fn shrink(&mut self) {
        self.threshold -= self.threshold / SHRINK_BY;
        while let Some((&hash, _)) = self.index.last_key_value() {
            if self.has(hash) {
                break;
            }
            self.note_removed(hash);
        }
    }

    fn halve(&mut self) {
        self.caches.iter_mut().for_each(|cache| cache.hits /= 2.0);
        self.sampled_weight /= 2.0;
        self.reads /= 2;
        self.misses /= 2;
        self.sampled_reads /= 2;
    }

    /// Asserts the invariants of the module header, for tests. O(slots).
    pub fn check_invariants(&self) {
        let used = self.slots.iter().filter(|slot| slot.is_used()).count();
        assert_eq!(used, self.index.len(), "one slot a key");
        assert_eq!(used + self.free.len(), self.slots.len());
        for (&hash, &index) in &self.index {
            assert!(self.has(hash));
            let slot = &self.slots[usize::from(index)];
            assert_eq!(slot.hash, hash);
            let there = slot.places.iter().filter(|place| **place != ABSENT);
            assert!(there.count() > 0, "a member of some cache");
        }
        for (number, cache) in self.caches.iter().enumerate() {
            let mut bytes = 0;
            for (place, &index) in cache.members.iter().enumerate() {
                let slot = &self.slots[usize::from(index)];
                assert_eq!(usize::from(slot.places[number]), place);
                bytes += slot.bytes;
            }
            assert_eq!(cache.bytes, bytes, "of the members of {number}");
            let there = |slot: &&Slot| slot.places[number] != ABSENT;
            let count = self.slots.iter().filter(there).count();
            assert_eq!(count, cache.members.len());
        }
    }
}

/// The logarithm of hits by misses, for shares that are neither all nor none by more than can be
/// told from so few reads.
fn log_odds(share: f64) -> f64 {
    let share = share.clamp(1e-4, 1.0 - 1e-4);
    (share / (1.0 - share)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fastrand::Rng;

    fn hash(key: u64) -> u64 {
        Rng::with_seed(key).u64(..)
    }

    fn limit(bytes: u64) -> Size {
        Size {
            bytes,
            is_limit: true,
        }
    }

    /// Skewed reads of keys of different sizes.
    fn reads(seed: u64, key_count: u64, count: usize) -> Vec<(u64, u64)> {
        let mut random = Rng::with_seed(seed);
        let keys = (0..count).map(|_| (key_count as f64 * random.f64().powi(3)) as u64);
        keys.map(|key| (key, 50 + hash(key) % 200)).collect()
    }

    /// Small caches beside a server that answers nothing, so that each read stores its key.
    fn played(reads: &[(u64, u64)], one_of: u64, size: Size) -> SmallCaches {
        let mut caches = SmallCaches::new(one_of);
        for &(key, bytes) in reads {
            caches.count_read();
            let hash = hash(key);
            if caches.has(hash) {
                caches.note_read(hash, None, size);
                caches.note_stored(hash, bytes, size);
            }
        }
        caches.check_invariants();
        caches
    }

    fn hits(caches: &SmallCaches) -> Vec<f64> {
        caches.caches.iter().map(|cache| cache.hits).collect()
    }

    #[test]
    fn each_is_as_a_cache_of_that_size() {
        let reads = reads(3, 2_000, 20_000);
        let one = hits(&played(&reads, 1, limit(20_000)));
        let twice = hits(&played(&reads, 1, limit(40_000)));
        assert_eq!(one[1..], twice[..3]);
        assert!(one.is_sorted_by(|less, more| less < more), "{one:?}");
        // In the largest there is room for nearly all, in all together for more than that.
        let all = hits(&played(&reads, 1, limit(1_000_000)));
        assert_eq!(all, [all[0]; 4]);
    }

    #[test]
    fn a_share_of_the_keys_says_nearly_the_same() {
        let reads = reads(7, 60_000, 200_000);
        let size = limit(1_000_000);
        let part = played(&reads, 16, size);
        // Of all keys, as many as there is room for.
        let whole = played(&reads, 1, size);
        assert!(whole.key_count() <= SLOTS_MAX && whole.rate() < 0.6);
        assert!(part.key_count() < 2_500 && part.rate() == 1.0 / 16.0);
        let share = |caches: &SmallCaches, number: usize| {
            let unsampled = caches.reads as f64 - caches.sampled_weight;
            (caches.caches[number].hits + unsampled) / caches.reads as f64
        };
        for number in 0..CACHE_COUNT {
            let (one, other) = (share(&whole, number), share(&part, number));
            assert!((one - other).abs() < 0.02, "{one} against {other}");
        }
    }

    #[test]
    fn the_present_size_gives_what_the_server_answers() {
        let reads = reads(5, 2_000, 10_000);
        let size = limit(20_000);
        let mut caches = played(&reads, 1, size);
        let plain = hits(&caches)[PRESENT] / 10_000.0;
        caches.misses = 3_000;
        let ratios = caches.ratios();
        assert!((ratios[PRESENT] - 0.7).abs() < 1e-9, "{ratios:?}");
        assert!(plain < 0.6, "{plain}");
        assert!(ratios[0] < 0.7 && ratios[2] > 0.7 && ratios[3] <= 1.0);
    }

    #[test]
    fn what_is_removed_is_missed_and_what_is_read_is_there() {
        let mut caches = SmallCaches::new(1);
        assert_eq!(caches.ratios(), [0.0; 4]);
        let size = limit(1_000);
        // The server has it, so it is stored where it was missed.
        caches.note_read(1, Some(10), size);
        caches.note_read(1, Some(20), size);
        assert_eq!(hits(&caches), [1.0; 4]);
        assert_eq!(caches.caches[0].bytes, 20);
        caches.note_removed(1);
        caches.check_invariants();
        caches.note_read(1, None, size);
        caches.note_stored(2, 30, size);
        caches.note_flush();
        caches.note_read(2, None, size);
        assert_eq!(hits(&caches), [1.0; 4]);
        // Larger than the smallest one.
        caches.note_stored(3, 600, size);
        caches.note_read(3, None, size);
        assert_eq!(hits(&caches), [1.0, 2.0, 2.0, 2.0]);
    }

    #[test]
    fn without_a_limit_only_the_smaller_one_lets_keys_go() {
        let mut caches = SmallCaches::new(1);
        for key in 1..=100 {
            let size = Size {
                bytes: key * 10,
                is_limit: false,
            };
            caches.note_stored(hash(key), 10, size);
        }
        let counts: Vec<usize> = (caches.caches.iter())
            .map(|cache| cache.members.len())
            .collect();
        assert_eq!(counts, [50, 100, 100, 100]);
    }

    #[test]
    fn whatever_is_noted_the_invariants_hold() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = Rng::with_seed(seed);
        let mut caches = SmallCaches::new(1);
        for step in 0..30_000 {
            let size = Size {
                bytes: random.u64(1..=1_000_000),
                is_limit: random.u8(..) > 0,
            };
            let (key, bytes) = (hash(random.u64(0..12_000)), random.u64(1..2_000));
            match random.u8(..) {
                0..100 => caches.note_stored(key, bytes, size),
                100..220 if caches.has(key) => {
                    let bytes = random.bool().then_some(bytes);
                    caches.note_read(key, bytes, size);
                }
                100..254 => caches.note_removed(key),
                254.. if random.u8(..) == 0 => caches.note_flush(),
                254.. => {}
            }
            if step % 1_000 == 0 {
                caches.check_invariants();
            }
        }
        caches.check_invariants();
    }
}
