//! Removal of due keys, and how late it comes.
//!
//! A due key is absent for readers at once (`Keyspace::find`). Its memory comes back when the loop
//! calls [`Keyspace::expire_some`], which it does as soon as [`Keyspace::next_deadline_ms`] has
//! come, or when a writer comes across it first.
//!
//! Cost: O(log keys with a deadline) a key; reading the next deadline is one load per database.
//!
//! Not here: the heap itself (`structures/expiry_heap.rs`); when the loop wakes (`node/`).

use super::Keyspace;
use super::database::EntryHashes;
use super::entry::EntryId;
use super::event::Event;
use crate::structures::hash_table::PayloadHash;
use crate::structures::histogram::Histogram;

/// What the keyspace remembers of expired keys.
#[derive(Default)]
pub(super) struct ExpiryRecord {
    removed_keys: u64,
    lag_ms: Histogram,
}

/// Expired keys since the start or the last reset, and the lag between deadline and removal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExpiryReport {
    /// Keys removed because their deadline had come.
    pub removed_keys: u64,
    /// Half of them were removed within this many milliseconds of their deadline.
    pub lag_p50_ms: u64,
    /// 99 of 100 were.
    pub lag_p99_ms: u64,
    /// All were.
    pub lag_max_ms: u64,
}

impl Keyspace {
    /// The earliest deadline of all databases, in Unix milliseconds.
    pub fn next_deadline_ms(&self) -> Option<u64> {
        if self.is_expiry_passive {
            return None;
        }
        let deadlines = self
            .databases
            .iter()
            .map(|database| database.expiry.next_deadline_ms());
        deadlines
            .min()
            .filter(|&deadline_ms| deadline_ms != u64::MAX)
    }

    /// Removes up to `limit` due keys and returns how many there were; fewer than `limit` mean
    /// that none is left.
    pub fn expire_some(&mut self, now_ms: u64, limit: usize) -> usize {
        if self.is_expiry_passive {
            return 0;
        }
        let mut removed = 0;
        for database in 0..self.databases.len() {
            while removed < limit && self.databases[database].expiry.next_deadline_ms() <= now_ms {
                let node = self.databases[database]
                    .expiry
                    .peek()
                    .expect("a heap has a deadline");
                self.remove_due(database, EntryId::from_payload(node.payload), now_ms);
                removed += 1;
            }
        }
        removed
    }

    /// Removes an entry whose deadline has come, and records how late that is.
    pub(super) fn remove_due(&mut self, database: usize, id: EntryId, now_ms: u64) {
        let data = &self.databases[database];
        let entry = self.entries.get(id);
        let deadline_ms = data.deadline_ms(entry).expect("a due key has a deadline");
        debug_assert!(deadline_ms <= now_ms);
        let hashes = EntryHashes {
            entries: &self.entries,
            hasher: &self.hasher,
        };
        let hash = hashes.hash_of(id.payload());
        let (location, _) = data
            .table
            .find(hash, |payload| payload == id.payload())
            .expect("an entry of the heap is in the table");
        self.expired.removed_keys += 1;
        self.expired.lag_ms.record(now_ms - deadline_ms);
        self.mutate(database, now_ms)
            .remove_at(location, id, Event::Expired);
    }

    /// Removes a key whose deadline has come, so that nobody takes it for present.
    pub(super) fn remove_if_due(&mut self, database: usize, key: &[u8], now_ms: u64) {
        if self.databases[database].expiry.next_deadline_ms() <= now_ms {
            let key = self.key(key);
            self.mutate(database, now_ms).exists(key);
        }
    }

    /// What expired since the start or the last [`Keyspace::reset_expiry_report`].
    pub fn expiry_report(&self) -> ExpiryReport {
        let lag_ms = &self.expired.lag_ms;
        ExpiryReport {
            removed_keys: self.expired.removed_keys,
            lag_p50_ms: lag_ms.percentile(50.0),
            lag_p99_ms: lag_ms.percentile(99.0),
            lag_max_ms: lag_ms.max(),
        }
    }

    /// Forgets what expired so far.
    pub fn reset_expiry_report(&mut self) {
        self.expired = ExpiryRecord::default();
    }
}
