//! Removal of due keys and of due fields of hashes, and how late it comes.
//!
//! A due key or field is absent for readers at once (`Keyspace::find`, `value/hash.rs`). Its memory
//! comes back when the loop calls [`Keyspace::expire_some`], which it does as soon as
//! [`Keyspace::next_deadline_ms`] has come, or when a writer comes across it first.
//!
//! Cost: O(log keys with a deadline) a key, O(log fields) a field; reading the next deadline is two
//! loads per database.
//!
//! Not here: the heaps themselves (`structures/expiry_heap.rs`); when the loop wakes (`node/`).

use super::Keyspace;
use super::database::{Database, EntryHashes};
use super::entry::{EntryId, EntryRef};
use super::event::Event;
use crate::structures::hash_table::PayloadHash;
use crate::structures::histogram::Histogram;

/// What the keyspace remembers of what expired.
#[derive(Default)]
pub(super) struct ExpiryRecord {
    keys: Removals,
    pub(super) fields: Removals,
}

/// Removals of one sort, and how late each came.
#[derive(Default)]
pub(super) struct Removals {
    count: u64,
    lag_ms: Histogram,
}

impl Removals {
    /// Notes a removal so long after the deadline.
    pub(super) fn record(&mut self, lag_ms: u64) {
        self.count += 1;
        self.lag_ms.record(lag_ms);
    }

    fn report(&self) -> RemovalReport {
        RemovalReport {
            count: self.count,
            lag_p50_ms: self.lag_ms.percentile(50.0),
            lag_p99_ms: self.lag_ms.percentile(99.0),
            lag_max_ms: self.lag_ms.max(),
        }
    }
}

/// What expired since the start or the last reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExpiryReport {
    /// Keys.
    pub keys: RemovalReport,
    /// Fields of hashes.
    pub fields: RemovalReport,
}

/// Keys or fields that expired, and the lag between deadline and removal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RemovalReport {
    /// How many were removed because their deadline had come.
    pub count: u64,
    /// Half of them were removed within this many milliseconds of their deadline.
    pub lag_p50_ms: u64,
    /// 99 of 100 were.
    pub lag_p99_ms: u64,
    /// All were.
    pub lag_max_ms: u64,
}

impl Keyspace {
    /// How late keys and fields were removed, in milliseconds.
    pub fn expiry_lags_ms(&self) -> (&Histogram, &Histogram) {
        (&self.expired.keys.lag_ms, &self.expired.fields.lag_ms)
    }

    /// Notes that a key or a field of a database is about to have a deadline. To be called before
    /// each such change, so that most calls ask one database and not all.
    #[inline]
    pub(super) fn note_deadline_in(&mut self, database: usize) {
        self.deadlines_reach = self.deadlines_reach.max(database + 1);
    }

    /// The earliest deadline of a key or a field in all databases, in Unix milliseconds.
    pub fn next_deadline_ms(&self) -> Option<u64> {
        if self.is_expiry_passive || self.keeps_due {
            return None;
        }
        let databases = self.databases[..self.deadlines_reach].iter();
        databases
            .map(Database::next_deadline_ms)
            .min()
            .filter(|&deadline_ms| deadline_ms != u64::MAX)
    }

    /// Removes up to `limit` due keys and fields and returns how many there were; fewer than
    /// `limit` mean that none is left.
    pub fn expire_some(&mut self, now_ms: u64, limit: usize) -> usize {
        if self.is_expiry_passive || self.keeps_due {
            return 0;
        }
        // Asked in each turn and by each call of a program: nearly always nothing is due.
        let is_due = |database: &Database| database.next_deadline_ms() <= now_ms;
        if !self.databases[..self.deadlines_reach].iter().any(is_due) {
            return 0;
        }
        let mut removed = 0;
        for database in 0..self.deadlines_reach {
            while removed < limit && self.databases[database].expiry.next_deadline_ms() <= now_ms {
                let node = self.databases[database]
                    .expiry
                    .peek()
                    .expect("a heap has a deadline");
                self.remove_due(database, EntryId::from_payload(node.payload), now_ms);
                removed += 1;
            }
            while removed < limit
                && let Some(number) = self.next_hash_due(database, now_ms)
            {
                let mut mutation = self.mutate(database, now_ms);
                removed += mutation.remove_due_fields(number, limit - removed);
            }
        }
        removed
    }

    /// The number of the hash of which a field is due first, if it is due.
    fn next_hash_due(&self, database: usize, now_ms: u64) -> Option<u32> {
        let node = self.databases[database].field_expiry.peek()?;
        // Payloads of this heap are numbers of collections, which have 32 bits.
        (node.deadline_ms <= now_ms).then_some(node.payload as u32)
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
        self.expired.keys.record(now_ms - deadline_ms);
        self.mutate(database, now_ms)
            .remove_at(location, id, Event::Expired);
    }

    /// Removes a key whose deadline has come, so that nobody takes it for present; of a hash with
    /// due fields, one of them, so that nobody takes it for unchanged.
    pub(super) fn remove_if_due(&mut self, database: usize, key: &[u8], now_ms: u64) {
        if self.databases[database].next_deadline_ms() > now_ms || self.keeps_due {
            return;
        }
        let key = self.key(key);
        let mut mutation = self.mutate(database, now_ms);
        let Some(number) = mutation.find(key).and_then(EntryRef::large) else {
            return;
        };
        let position = self.entries.collections().due_position(number);
        let heap = &self.databases[database].field_expiry;
        if position.is_some_and(|position| heap.deadline_at(position) <= now_ms) {
            self.mutate(database, now_ms).remove_due_fields(number, 1);
        }
    }

    /// What expired since the start or the last [`Keyspace::reset_expiry_report`].
    pub fn expiry_report(&self) -> ExpiryReport {
        ExpiryReport {
            keys: self.expired.keys.report(),
            fields: self.expired.fields.report(),
        }
    }

    /// Forgets what expired so far.
    pub fn reset_expiry_report(&mut self) {
        self.expired = ExpiryRecord::default();
    }
}
