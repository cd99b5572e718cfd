//! How many reads a cache of another size would answer, from a bounded sample of its keys.
//!
//! ```text
//!  hash < threshold?  no ─▶ nothing                                     nearly always
//!        │ yes
//!        ▼            slots in the order of the last use, each with the bytes of its key
//!  read: slot ─▶ bytes of all newer ones = its distance ─▶ histogram     (sums: Fenwick's tree)
//!        └─▶ a new slot at the end
//! ```
//!
//! A cache that keeps what was used last answers a read if the bytes between two uses of its key
//! fit into it. Sampling keys by their hash keeps all uses of a key or none, so the distances of a
//! share of the keys, divided by the share, are those of all. When there are more keys than
//! [`SAMPLED_MAX`], the one with the greatest hash goes and the threshold falls to its hash. That
//! is SHARDS with a fixed size (Waldspurger, Park, Garthwaite, Ahmad, 2015); as there, reads that
//! were expected in the sample and did not come count as those of the hottest keys.
//!
//! The server does not evict what was used longest ago, but does better or worse. So the curve is
//! stretched until it agrees, at the present size, with what the server does there.
//!
//! Invariants ([`ReuseSample::check_invariants`]): each sampled key has one slot; the sums are
//! those of the slots; every hash is below the threshold.
//!
//! Cost: a comparison for keys outside; a sampled read some 300 instructions. Half a MiB at most,
//! nothing before the first key.
//!
//! Not here: which keys are read, and what they take (`keyspace/insight/`).

use std::collections::BTreeMap;

/// Keys that are sampled at most.
pub const SAMPLED_MAX: usize = 8_192;

/// Buckets of distances: eight for each power of two, up to a pebibyte.
const BUCKET_BITS: u32 = 3;
const BUCKET_COUNT: usize = 400;

/// Sampled reads after which the old ones count half, so that the curve follows the present.
const READS_MAX: u64 = 1 << 18;

/// How far the curve is stretched or shrunk at most.
const STRETCH_MAX: f64 = 16.0;

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    hash: u64,
    bytes: u64,
    is_used: bool,
}

/// See the module header.
#[derive(Debug)]
pub struct ReuseSample {
    threshold: u64,
    slots: Vec<Slot>,
    next: usize,
    sums: Vec<u64>,
    /// Bytes of all slots.
    total: u64,
    slot_of: BTreeMap<u64, u32>,
    /// Reads by distance, each with the weight of all that it stands for.
    distances: Vec<f64>,
    /// Reads of keys that were not there before.
    first_reads: f64,
    /// Reads that the cache has answered.
    answered: f64,
    /// All reads, sampled or not.
    reads: u64,
    sampled_reads: u64,
}

impl ReuseSample {
    /// A sample that begins with one of so many keys.
    pub fn new(one_of: u64) -> Self {
        Self {
            threshold: u64::MAX / one_of.max(1),
            slots: Vec::new(),
            next: 0,
            sums: Vec::new(),
            total: 0,
            slot_of: BTreeMap::new(),
            distances: vec![0.0; BUCKET_COUNT],
            first_reads: 0.0,
            answered: 0.0,
            reads: 0,
            sampled_reads: 0,
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

    /// The share of keys that are sampled.
    pub fn rate(&self) -> f64 {
        self.threshold as f64 / u64::MAX as f64
    }

    /// Keys in the sample.
    pub fn key_count(&self) -> usize {
        self.slot_of.len()
    }

    /// Reads that the curve is made from, sampled or not; old ones count less.
    pub fn reads(&self) -> u64 {
        self.reads
    }

    /// Notes a read of a sampled key; `bytes` of the key if it was there. O(log keys).
    pub fn note_read(&mut self, hash: u64, bytes: Option<u64>) {
        let weight = 1.0 / self.rate();
        match self.renew(hash, bytes) {
            Some(distance) => self.distances[bucket_of(distance as f64 * weight)] += weight,
            None => self.first_reads += weight,
        }
        if bytes.is_some() {
            self.answered += weight;
        }
        self.sampled_reads += 1;
        if self.sampled_reads >= READS_MAX {
            self.halve();
        }
    }

    /// Notes that a sampled key is there now and takes so many bytes. O(log keys).
    pub fn note_stored(&mut self, hash: u64, bytes: u64) {
        self.renew(hash, Some(bytes));
    }

    /// Notes that a sampled key has gone for another reason than want of room: the next read would
    /// not have been answered by a cache of any size. O(log keys).
    pub fn note_removed(&mut self, hash: u64) {
        if let Some(&index) = self.slot_of.get(&hash) {
            let bytes = std::mem::take(&mut self.slots[index as usize].bytes);
            self.subtract(index as usize, bytes);
        }
    }

    /// The share of reads that a cache of `bytes` would answer, if one of `present_bytes` that is
    /// full answers what this one has answered; 0 if nothing has been read. O(buckets).
    pub fn ratio_at(&self, bytes: u64, full_bytes: Option<u64>) -> f64 {
        let stretch = full_bytes.map_or(1.0, |full_bytes| self.stretch(full_bytes as f64));
        self.ratio_of_distance(bytes as f64 * stretch)
    }

    /// The share of reads that were answered.
    pub fn answered_ratio(&self) -> f64 {
        let sampled = self.sampled_weight();
        // Reads that did not come to the sample are those of hot keys, which are there.
        let answered = self.answered + (self.reads as f64 - sampled);
        share(answered, self.reads as f64)
    }

    fn sampled_weight(&self) -> f64 {
        self.distances.iter().sum::<f64>() + self.first_reads
    }

    /// The size of a cache that keeps what was used last and answers as much as this one does, by
    /// the size of this one.
    fn stretch(&self, full_bytes: f64) -> f64 {
        let answered = self.answered_ratio();
        let steps = (-32..=32).map(|step| STRETCH_MAX.powf(f64::from(step) / 32.0));
        let mut nearest = (f64::MAX, 1.0);
        for stretch in steps {
            let error = (self.ratio_of_distance(full_bytes * stretch) - answered).abs();
            // Of those that are as near, the one that changes least.
            let change: f64 = stretch.ln().abs();
            if error < nearest.0 - 1e-9
                || (error < nearest.0 + 1e-9 && change < f64::ln(nearest.1).abs())
            {
                nearest = (error, stretch);
            }
        }
        nearest.1
    }

    fn ratio_of_distance(&self, bytes: f64) -> f64 {
        let position = position_of(bytes);
        let (whole, part) = (position.floor() as usize, position.fract());
        let below: f64 = self.distances.iter().take(whole).sum();
        let within = self.distances.get(whole).map_or(0.0, |count| count * part);
        let missing = self.reads as f64 - self.sampled_weight();
        share(below + within + missing, self.reads as f64)
    }

    fn halve(&mut self) {
        self.distances.iter_mut().for_each(|count| *count /= 2.0);
        self.first_reads /= 2.0;
        self.answered /= 2.0;
        self.reads /= 2;
        self.sampled_reads /= 2;
    }

    /// Gives a key the newest slot, with its bytes if they are known anew. Its distance, if it has
    /// taken any bytes: what a cache has to hold that still has the key.
    fn renew(&mut self, hash: u64, bytes: Option<u64>) -> Option<u64> {
        if self.next == self.slots.len() {
            self.make_slots();
        }
        let newest = self.next;
        let Some(place) = self.slot_of.get_mut(&hash) else {
            self.insert(hash, bytes.unwrap_or(0));
            return None;
        };
        let index = std::mem::replace(place, newest as u32) as usize;
        let known_bytes = std::mem::take(&mut self.slots[index]).bytes;
        let distance = self.total - self.sum_below(index);
        self.subtract(index, known_bytes);
        self.fill_newest(hash, bytes.unwrap_or(known_bytes));
        (known_bytes > 0).then_some(distance)
    }

    /// Takes a key into the sample that is not there, and another out of it if it is full.
    fn insert(&mut self, hash: u64, bytes: u64) {
        if self.slot_of.len() >= SAMPLED_MAX {
            let (greatest, index) = self.slot_of.pop_last().expect("there are many");
            self.threshold = greatest;
            let slot = std::mem::take(&mut self.slots[index as usize]);
            self.subtract(index as usize, slot.bytes);
            if hash >= greatest {
                return;
            }
        }
        self.slot_of.insert(hash, self.next as u32);
        self.fill_newest(hash, bytes);
    }

    fn fill_newest(&mut self, hash: u64, bytes: u64) {
        let index = self.next;
        self.next += 1;
        self.slots[index] = Slot {
            hash,
            bytes,
            is_used: true,
        };
        self.add(index, bytes);
    }

    /// Moves the used slots together, and has as many free ones behind them. O(slots).
    fn make_slots(&mut self) {
        let mut places = vec![0; self.slots.len()];
        self.next = 0;
        for (slot, place) in self.slots.iter().zip(&mut places) {
            *place = self.next as u32;
            self.next += usize::from(slot.is_used);
        }
        for index in self.slot_of.values_mut() {
            *index = places[*index as usize];
        }
        self.slots.retain(|slot| slot.is_used);
        let count = (2 * self.next).max(128);
        self.slots.resize(count, Slot::default());
        self.sums.clear();
        self.sums.resize(count + 1, 0);
        // Each sum is complete when its place is reached, and is part of the next greater one.
        for at in 1..=count {
            self.sums[at] += self.slots[at - 1].bytes;
            let greater = at + (at & at.wrapping_neg());
            if greater <= count {
                self.sums[greater] += self.sums[at];
            }
        }
    }

    fn add(&mut self, index: usize, bytes: u64) {
        self.total += bytes;
        let mut at = index + 1;
        while at < self.sums.len() {
            self.sums[at] += bytes;
            at += at & at.wrapping_neg();
        }
    }

    fn subtract(&mut self, index: usize, bytes: u64) {
        self.total -= bytes;
        let mut at = index + 1;
        while at < self.sums.len() {
            self.sums[at] -= bytes;
            at += at & at.wrapping_neg();
        }
    }

    /// Bytes of the slots before that one.
    fn sum_below(&self, index: usize) -> u64 {
        let (mut at, mut sum) = (index, 0);
        while at > 0 {
            sum += self.sums[at];
            at &= at - 1;
        }
        sum
    }

    /// Asserts the invariants of the module header, for tests. O(slots²).
    pub fn check_invariants(&self) {
        let used = self.slots.iter().filter(|slot| slot.is_used).count();
        assert_eq!(used, self.slot_of.len(), "one slot a key");
        let mut sum = 0;
        for (index, slot) in self.slots.iter().enumerate() {
            assert_eq!(self.sum_below(index), sum, "before slot {index}");
            sum += slot.bytes;
        }
        assert_eq!(self.total, sum, "of all slots");
        for (&hash, &index) in &self.slot_of {
            assert!(self.has(hash));
            assert_eq!(self.slots[index as usize].hash, hash);
        }
    }
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 {
        (part / whole).clamp(0.0, 1.0)
    } else {
        0.0
    }
}

/// Where a distance stands among the buckets: those of a power of two are equally wide, so the
/// exponent and the first three bits of the fraction tell it.
fn position_of(bytes: f64) -> f64 {
    let bits = bytes.max(1.0).to_bits() - 1.0_f64.to_bits();
    let position = bits as f64 / (1_u64 << (52 - BUCKET_BITS)) as f64;
    position.min(BUCKET_COUNT as f64 - 1.0)
}

fn bucket_of(distance: f64) -> usize {
    position_of(distance) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use fastrand::Rng;

    /// Reads that a cache of `bytes` answers which keeps what was used last, by walking a list.
    fn answered_by_lru(reads: &[(u64, u64)], bytes: u64) -> f64 {
        let mut list: Vec<(u64, u64)> = Vec::new();
        let mut answered = 0;
        for &(key, size) in reads {
            if let Some(index) = list.iter().position(|known| known.0 == key) {
                list.remove(index);
                answered += 1;
            }
            list.push((key, size));
            while list.iter().map(|known| known.1).sum::<u64>() > bytes {
                list.remove(0);
            }
        }
        answered as f64 / reads.len() as f64
    }

    fn hash(key: u64) -> u64 {
        Rng::with_seed(key).u64(..)
    }

    /// Skewed reads of keys of different sizes.
    fn reads(seed: u64, key_count: u64, count: usize) -> Vec<(u64, u64)> {
        let mut random = Rng::with_seed(seed);
        let skewed = |random: &mut Rng| {
            let part = random.f64();
            (key_count as f64 * part * part * part) as u64
        };
        let keys = (0..count)
            .map(|_| skewed(&mut random))
            .collect::<Vec<u64>>();
        keys.into_iter()
            .map(|key| (key, 50 + hash(key) % 200))
            .collect()
    }

    fn sampled(reads: &[(u64, u64)], one_of: u64) -> ReuseSample {
        let mut sample = ReuseSample::new(one_of);
        for &(key, size) in reads {
            sample.count_read();
            let hash = hash(key);
            if sample.has(hash) {
                sample.note_read(hash, None);
                sample.note_stored(hash, size);
            }
        }
        sample
    }

    #[test]
    fn a_whole_sample_is_as_right_as_its_buckets() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let reads = reads(seed, 400, 4_000);
        let sample = sampled(&reads, 1);
        sample.check_invariants();
        for bytes in [1_000, 5_000, 20_000, 60_000] {
            let (truth, said) = (answered_by_lru(&reads, bytes), sample.ratio_at(bytes, None));
            assert!(
                (truth - said).abs() < 0.03,
                "{bytes}: {truth} against {said}"
            );
        }
    }

    #[test]
    fn a_share_of_the_keys_says_nearly_the_same() {
        let reads = reads(7, 40_000, 200_000);
        let (whole, part) = (sampled(&reads, 1), sampled(&reads, 16));
        part.check_invariants();
        assert_eq!(whole.key_count(), SAMPLED_MAX, "more keys than are sampled");
        assert!(whole.rate() < 0.5 && part.rate() < 0.07);
        for bytes in [100_000, 1_000_000, 4_000_000] {
            let (one, other) = (whole.ratio_at(bytes, None), part.ratio_at(bytes, None));
            assert!((one - other).abs() < 0.02, "{bytes}: {one} against {other}");
        }
    }

    #[test]
    fn what_is_removed_is_read_for_the_first_time_again() {
        let mut sample = ReuseSample::new(1);
        for _ in 0..10 {
            sample.count_read();
            sample.note_read(1, None);
            sample.note_stored(1, 100);
            sample.note_removed(1);
        }
        sample.check_invariants();
        assert_eq!(sample.ratio_at(1 << 30, None), 0.0);
        assert_eq!((sample.key_count(), sample.reads()), (1, 10));
    }

    #[test]
    fn the_curve_is_stretched_to_what_the_cache_answers() {
        let reads = reads(3, 400, 4_000);
        let mut sample = ReuseSample::new(1);
        // A cache of 10,000 bytes that answers as one of 20,000 which keeps what was used last.
        let doubled = answered_by_lru(&reads, 20_000);
        let mut answered = 0.0;
        for (index, &(key, size)) in reads.iter().enumerate() {
            sample.count_read();
            let is_there = answered < doubled * index as f64;
            answered += f64::from(u8::from(is_there));
            sample.note_read(hash(key), is_there.then_some(size));
            sample.note_stored(hash(key), size);
        }
        let said = sample.ratio_at(10_000, Some(10_000));
        assert!((said - doubled).abs() < 0.02, "{said} against {doubled}");
        let twice = sample.ratio_at(20_000, Some(10_000));
        let truth = answered_by_lru(&reads, 40_000);
        assert!((twice - truth).abs() < 0.04, "{twice} against {truth}");
    }
}
