//! Keys that clients keep copies of: the keyspace's side of CLIENT TRACKING.
//!
//! Not here: the table (`interest/tracked.rs`), the clients (`session/trackers.rs`).

use super::entry::EntryId;
use super::interest::Told;
use super::{Key, Keyspace, Lookup};

/// Keys that are given away with each that comes if there are too many: more than come at once.
const GIVEN_AWAY_MAX: usize = 2;

/// Keys that one slice gives away when a lower limit makes them too many.
const SLICE_KEYS: usize = 64;

/// No number of a reader.
pub const NO_READER: u32 = crate::structures::pair_set::CROWD;

impl Keyspace {
    /// Asks for what [`Keyspace::remember`] looks at.
    #[inline]
    pub(crate) fn prefetch_tracked<'l>(&self, lookups: impl Iterator<Item = &'l Lookup>) {
        let tracked = self.interests.tracked();
        lookups.for_each(|lookup| tracked.prefetch(lookup.hash));
    }

    /// Asks for what stands behind that, which must have arrived.
    #[inline]
    pub(crate) fn prefetch_tracked_rest<'l>(&self, lookups: impl Iterator<Item = &'l Lookup>) {
        let tracked = self.interests.tracked();
        lookups.for_each(|lookup| tracked.prefetch_rest(lookup.hash));
    }

    /// Notes that a reader keeps a key, and forgets others if there are more than `keys_max` (0 is
    /// no limit).
    #[inline]
    pub fn remember(&mut self, key: Key<'_>, reader: u32, keys_max: u64) {
        if self.interests.remember(key.lookup.hash, reader) {
            self.note_remembered(keys_max);
        }
    }

    /// What follows a key that was not remembered before.
    fn note_remembered(&mut self, keys_max: u64) {
        self.note_growth();
        if self.interests.tracked().is_over(keys_max) {
            self.forget_some(keys_max, GIVEN_AWAY_MAX);
        }
    }

    /// Whether more keys are tracked than `keys_max` allows, as after it was lowered.
    #[inline]
    pub fn has_tracked_to_forget(&self, keys_max: u64) -> bool {
        self.interests.tracked().is_over(keys_max)
    }

    /// Forgets a part of the tracked keys that are too many; their readers are to be told.
    pub fn forget_tracked(&mut self, keys_max: u64) {
        self.forget_some(keys_max, SLICE_KEYS);
    }

    #[cold]
    fn forget_some(&mut self, keys_max: u64, count_max: usize) {
        let Self {
            interests,
            databases,
            entries,
            hasher,
            ..
        } = self;
        let key_of = |hash: u64| {
            databases.iter().find_map(|database| {
                let has_hash = |payload: u64| {
                    let key = entries.get(EntryId::from_payload(payload)).key();
                    hasher.hash(key) == hash
                };
                let (_, payload) = database.table.find(hash, has_hash)?;
                Some(entries.get(EntryId::from_payload(payload)).key())
            })
        };
        for _ in 0..count_max {
            if !interests.tracked().is_over(keys_max) {
                return;
            }
            interests.change_tracked(|tracked| tracked.give_away(key_of));
        }
    }

    /// Takes note that there is one reader more.
    pub fn begin_reader(&mut self) {
        self.interests
            .change_tracked(|tracked| tracked.begin_reader());
    }

    /// Has a reader hear of every key that begins with a prefix.
    pub fn add_tracked_prefix(&mut self, prefix: &[u8], reader: u32) {
        self.interests
            .change_tracked(|tracked| tracked.add_prefix(prefix, reader));
    }

    /// Forgets a reader, which must have no prefixes any more; its keys go in slices.
    pub fn end_reader(&mut self, prefixes: &[Box<[u8]>], reader: u32) {
        self.interests.change_tracked(|tracked| {
            for prefix in prefixes {
                tracked.remove_prefix(prefix, reader);
            }
            tracked.begin_sweep();
        });
    }

    /// Whether [`Keyspace::sweep_tracked`] has something to do.
    #[inline]
    pub fn has_tracked_to_sweep(&self) -> bool {
        self.interests.tracked().has_to_sweep()
    }

    /// Removes a part of what readers have left behind that are not there any more.
    pub fn sweep_tracked(&mut self, is_there: impl Fn(u32) -> bool) {
        self.interests
            .change_tracked(|tracked| tracked.sweep_some(is_there));
    }

    /// Whether readers are to be told something.
    #[inline]
    pub fn has_told(&self) -> bool {
        self.interests.tracked().has_told()
    }

    /// Takes what readers are to be told.
    pub fn take_told(&mut self) -> Vec<Told> {
        self.interests.change_tracked(|tracked| tracked.take_told())
    }

    /// Keys, items and prefixes that are tracked.
    pub fn tracked_counts(&self) -> [usize; 3] {
        self.interests.tracked().counts()
    }

    /// Bytes of the table of tracked keys.
    pub fn tracked_bytes(&self) -> usize {
        self.interests.tracked().used_bytes()
    }
}
