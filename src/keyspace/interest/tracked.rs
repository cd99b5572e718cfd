//! The keys that clients keep copies of (CLIENT TRACKING), until they are told to drop them.
//!
//! ```text
//!  pairs: hash of a key, reader              forgotten with the first change
//!  prefixes: beginning of a key          ─▶ readers who hear of every change
//!  told: [ reader, key ] …                  what is to be told, in order
//! ```
//!
//! A key is known by its hash, in all databases alike: two that share one cost a needless message.
//! Readers have numbers, which are not given out again while one may stand here.
//!
//! Invariant: a reader that has read a key stands under its hash until it is told.
//!
//! Cost: that of `structures/pair_set.rs`: 20 to 45 bytes a key and reader, and one line of memory
//! to see that a reader is known, which a batch asks for ahead.
//!
//! Not here: who the readers are and how they are told (`session/trackers.rs`, `context/`).

use crate::base::hash::KeyHasher;
use crate::structures::pair_set::{PART_COUNT, PairSet};
use crate::structures::prefix_table::PrefixTable;

/// Readers there may be for each key that may be tracked, on the average.
const READERS_A_KEY: u64 = 4;

/// What is to be told to a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A key that it has read has changed.
    Key(u32, Box<[u8]>),
    /// A key that it has read may change from now on without a word.
    Forgotten(u32, Box<[u8]>),
    /// A key has changed that begins with so many bytes which it listens to.
    Prefix(u32, usize, Box<[u8]>),
    /// Nothing that it has read is sure any more.
    All(u32),
    /// Nothing that anybody has read is.
    Everything,
}

/// See the module header.
#[derive(Debug)]
pub(in crate::keyspace) struct Tracked {
    hasher: KeyHasher,
    pairs: PairSet,
    prefixes: PrefixTable<Vec<u32>>,
    /// Readers there are, whether they have read something or not.
    reader_count: usize,
    told: Vec<Told>,
    /// The part that is looked at next for readers that have gone; none when all were.
    sweep_at: Option<usize>,
}

impl Tracked {
    pub(super) fn new(hasher: KeyHasher) -> Self {
        Self {
            hasher,
            pairs: PairSet::default(),
            prefixes: PrefixTable::default(),
            reader_count: 0,
            told: Vec::new(),
            sweep_at: None,
        }
    }

    /// Whether there is no reader, so that a change of a key needs no look at this.
    pub(in crate::keyspace) fn is_empty(&self) -> bool {
        self.reader_count == 0
    }

    /// Keys, items (a key and a reader) and prefixes.
    pub(in crate::keyspace) fn counts(&self) -> [usize; 3] {
        let pairs = &self.pairs;
        [pairs.hash_count(), pairs.pair_count(), self.prefixes.len()]
    }

    /// Bytes, about.
    pub(in crate::keyspace) fn used_bytes(&self) -> usize {
        self.pairs.used_bytes()
    }

    /// Asks for what [`Tracked::remember`] will look at.
    #[inline]
    pub(in crate::keyspace) fn prefetch(&self, hash: u64) {
        self.pairs.prefetch(hash);
    }

    /// Asks for what stands behind that, which must have arrived.
    #[inline]
    pub(in crate::keyspace) fn prefetch_rest(&self, hash: u64) {
        self.pairs.prefetch_rest(hash);
    }

    /// Notes that a reader keeps a key; false if that was known.
    #[inline]
    pub(in crate::keyspace) fn remember(&mut self, hash: u64, reader: u32) -> bool {
        self.pairs.insert(hash, reader)
    }

    /// Notes a change of a key.
    pub(super) fn note(&mut self, key: &[u8]) {
        if !self.pairs.is_empty() {
            let told = &mut self.told;
            self.pairs.take(self.hasher.hash(key), |reader| {
                told.push(Told::Key(reader, key.into()));
            });
        }
        if !self.prefixes.is_empty() {
            for (len, readers) in self.prefixes.of_text(key) {
                let readers = readers.iter();
                self.told
                    .extend(readers.map(|&reader| Told::Prefix(reader, len, key.into())));
            }
        }
    }

    /// Notes that whole databases have changed. Of those who track nothing, nobody hears of it.
    pub(super) fn note_all(&mut self) {
        self.pairs.clear();
        if self.told.last() != Some(&Told::Everything) {
            self.told.push(Told::Everything);
        }
    }

    /// Whether there are more keys or readers than `keys_max` allows; 0 allows all.
    pub(in crate::keyspace) fn is_over(&self, keys_max: u64) -> bool {
        let items_max = keys_max.saturating_mul(READERS_A_KEY);
        let pairs = &self.pairs;
        keys_max > 0
            && (pairs.hash_count() as u64 > keys_max || pairs.pair_count() as u64 > items_max)
    }

    /// Gives a key away; `key` is its name by its hash, if there is one. Its readers are told.
    pub(in crate::keyspace) fn give_away<'k>(&mut self, key: impl FnOnce(u64) -> Option<&'k [u8]>) {
        let Some(hash) = self.pairs.next_hash() else {
            return;
        };
        let key = key(hash);
        let told = &mut self.told;
        self.pairs.take(hash, |reader| {
            told.push(match key {
                Some(key) => Told::Forgotten(reader, key.into()),
                // Nobody knows the name of a key that was missing when it was read.
                None => Told::All(reader),
            });
        });
    }

    /// Has a reader hear of every key that begins with a prefix.
    pub(in crate::keyspace) fn add_prefix(&mut self, prefix: &[u8], reader: u32) {
        self.prefixes.entry(prefix).push(reader);
    }

    /// Has it hear no more of them.
    pub(in crate::keyspace) fn remove_prefix(&mut self, prefix: &[u8], reader: u32) {
        if let Some(readers) = self.prefixes.get_mut(prefix) {
            readers.retain(|other| *other != reader);
            if readers.is_empty() {
                self.prefixes.remove(prefix);
            }
        }
    }

    /// Takes note that there is one reader more.
    pub(in crate::keyspace) fn begin_reader(&mut self) {
        self.reader_count += 1;
    }

    /// Takes note that a reader has gone.
    pub(in crate::keyspace) fn begin_sweep(&mut self) {
        self.reader_count -= 1;
        if !self.pairs.is_empty() {
            self.sweep_at = Some(0);
        }
    }

    /// Whether [`Tracked::sweep_some`] has something to do.
    pub(in crate::keyspace) fn has_to_sweep(&self) -> bool {
        self.sweep_at.is_some()
    }

    /// Removes the readers of one part of the keys that are not there any more.
    pub(in crate::keyspace) fn sweep_some(&mut self, is_there: impl Fn(u32) -> bool) {
        let Some(at) = self.sweep_at else { return };
        self.pairs.retain_in_part(at, is_there);
        self.sweep_at = (at + 1 < PART_COUNT).then_some(at + 1);
    }

    /// Whether something is to be told.
    #[inline]
    pub(in crate::keyspace) fn has_told(&self) -> bool {
        !self.told.is_empty()
    }

    /// Takes what is to be told.
    pub(in crate::keyspace) fn take_told(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Goal: who has read a key is told of its next change, once, whatever else is read, changed
    /// or swept. Method: random reads, changes and readers that go, beside a set of pairs.
    #[test]
    fn readers_are_told_of_the_next_change() {
        for seed in 0..20 {
            let mut random = fastrand::Rng::with_seed(seed);
            let hasher = KeyHasher::new(seed);
            let mut tracked = Tracked::new(hasher.clone());
            let (mut model, mut gone) = (BTreeSet::new(), BTreeSet::new());
            for step in 0..3_000 {
                let key = random.u8(0..200).to_string();
                match random.u8(0..20) {
                    0 => {
                        let reader = random.u32(1..30);
                        gone.insert(reader);
                        tracked.begin_reader();
                        tracked.begin_sweep();
                        model.retain(|(_, other)| *other != reader);
                    }
                    1..8 => {
                        tracked.note(key.as_bytes());
                        let told = tracked
                            .take_told()
                            .into_iter()
                            .filter_map(|told| match told {
                                Told::Key(reader, _) | Told::Forgotten(reader, _) => Some(reader),
                                Told::Prefix(..) | Told::All(_) | Told::Everything => None,
                            });
                        let mut told: Vec<u32> = told.filter(|it| !gone.contains(it)).collect();
                        told.sort_unstable();
                        let readers = model.iter().filter(|(other, _)| *other == key);
                        let expected: Vec<u32> = readers.map(|(_, reader)| *reader).collect();
                        assert_eq!(told, expected, "seed {seed}, step {step}");
                        model.retain(|(other, _)| *other != key);
                    }
                    8..12 => tracked.sweep_some(|reader| !gone.contains(&reader)),
                    _ => {
                        let reader = random.u32(1..30);
                        if !gone.contains(&reader) {
                            tracked.remember(hasher.hash(key.as_bytes()), reader);
                            model.insert((key, reader));
                        }
                    }
                }
            }
            tracked.begin_reader();
            tracked.begin_sweep();
            while tracked.has_to_sweep() {
                tracked.sweep_some(|reader| !gone.contains(&reader));
            }
            let keys: BTreeSet<_> = model.iter().map(|(key, _)| key).collect();
            assert_eq!(
                tracked.counts(),
                [keys.len(), model.len(), 0],
                "seed {seed}"
            );
        }
    }

    #[test]
    fn what_is_too_much_is_given_away_and_told() {
        let mut tracked = Tracked::new(KeyHasher::new(1));
        for hash in 0..100 {
            tracked.remember(hash << 40, 7);
        }
        assert!(!tracked.is_over(100) && !tracked.is_over(0) && tracked.is_over(99));
        tracked.give_away(|_| Some(b"k"));
        assert!(!tracked.is_over(99));
        tracked.give_away(|_| None);
        assert_eq!(
            tracked.take_told(),
            [Told::Forgotten(7, (*b"k").into()), Told::All(7)]
        );
        assert_eq!(tracked.counts(), [98, 98, 0]);
    }
}
