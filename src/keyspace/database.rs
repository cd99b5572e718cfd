//! One numbered database: a table that finds keys, a heap that knows the next to expire, and
//! another one that knows the hash of which a field is the next to expire.
//!
//! Invariants: every entry id in the heap is in the table; an entry has a heap position exactly
//! when the heap has it there; the same holds for the numbers of hashes of which a field has a
//! deadline (`Keyspace::check_invariants`).
//!
//! Not here: changes (`mutation/`); this file reads.

use super::entry::{EntryId, EntryRef, EntryStore};
use super::{Key, Lookup};
use crate::base::hash::KeyHasher;
use crate::structures::expiry_heap::ExpiryHeap;
use crate::structures::hash_table::{HashTable, Location, PayloadHash};

#[derive(Default)]
pub(super) struct Database {
    pub(super) table: HashTable,
    pub(super) expiry: ExpiryHeap,
    /// The least deadline of each hash's fields, by the hash's number in `Collections`.
    pub(super) field_expiry: ExpiryHeap,
    /// Its number when the present cut began.
    pub(super) cut_number: usize,
    /// Where the walk of the present cut goes on; `None` when it is through.
    pub(super) cut_cursor: Option<u64>,
}

/// Lets the table ask for the hash of an entry's key.
pub(super) struct EntryHashes<'a> {
    pub(super) entries: &'a EntryStore,
    pub(super) hasher: &'a KeyHasher,
}

impl PayloadHash for EntryHashes<'_> {
    #[inline]
    fn hash_of(&self, payload: u64) -> u64 {
        self.hasher
            .hash(self.entries.get(EntryId::from_payload(payload)).key())
    }

    #[inline]
    fn prefetch(&self, payload: u64) {
        EntryId::from_payload(payload).prefetch();
    }
}

impl Database {
    /// The earliest deadline of a key or a field, `u64::MAX` if there is none.
    #[inline]
    pub(super) fn next_deadline_ms(&self) -> u64 {
        let key_ms = self.expiry.next_deadline_ms();
        key_ms.min(self.field_expiry.next_deadline_ms())
    }

    /// Finds a key, due or not: where it was seen, if it is still there.
    #[inline(always)]
    pub(super) fn locate(&self, entries: &EntryStore, key: Key<'_>) -> Option<(Location, EntryId)> {
        let Lookup {
            seen_at,
            seen_payload,
            ..
        } = key.lookup;
        if seen_payload != 0 && self.table.is_at(seen_at, seen_payload) {
            // What stands in a table is alive, whatever has happened since it was seen.
            let id = EntryId::from_payload(seen_payload);
            if entries.get(id).has_key(key.bytes) {
                return Some((seen_at, id));
            }
        }
        self.locate_unseen(entries, key)
    }

    #[inline(never)]
    fn locate_unseen(&self, entries: &EntryStore, key: Key<'_>) -> Option<(Location, EntryId)> {
        let is_key = |payload| {
            entries
                .get(EntryId::from_payload(payload))
                .has_key(key.bytes)
        };
        let (location, payload) = self.table.find(key.lookup.hash, is_key)?;
        Some((location, EntryId::from_payload(payload)))
    }

    /// The deadline of an entry of this database, in Unix milliseconds.
    #[inline]
    pub(super) fn deadline_ms(&self, entry: EntryRef<'_>) -> Option<u64> {
        entry
            .heap_position()
            .map(|position| self.expiry.deadline_at(position))
    }

    /// Whether an entry's deadline has come. While nothing in the database is due, which is nearly
    /// always, this reads one number and not the heap.
    #[inline]
    pub(super) fn is_due(&self, entry: EntryRef<'_>, now_ms: u64) -> bool {
        self.expiry.next_deadline_ms() <= now_ms
            && self
                .deadline_ms(entry)
                .is_some_and(|deadline_ms| deadline_ms <= now_ms)
    }

    pub(super) fn used_bytes(&self) -> usize {
        self.table.used_bytes() + self.heap_bytes()
    }

    /// Bytes of both heaps.
    pub(super) fn heap_bytes(&self) -> usize {
        self.expiry.used_bytes() + self.field_expiry.used_bytes()
    }
}
