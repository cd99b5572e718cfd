//! Taking keys from a snapshot, and staying within the limit of memory meanwhile.
//!
//! ```text
//!  records of a block ─▶ room for them, if they are many bytes ─▶ keys ─▶ room again
//! ```
//!
//! A snapshot can hold more than `maxmemory`: it was taken on a larger machine, or the limit was
//! lowered. Keys are then evicted by the policy, block by block. Where no key may go, a part of
//! the limit more is taken, because the same keys can take a little more room than they did; beyond
//! that the rest is refused, since a server that loaded on would be ended by its machine, and
//! one that left keys out would soon replace the snapshot that has them.
//!
//! Libraries of functions are loaded as FUNCTION LOAD does.
//!
//! Not here: reading and checking the file (`persistence/`), choosing keys
//! (`keyspace/eviction.rs`).

use super::CacheEngine;
use crate::keyspace::RestoreCount;
use std::sync::Arc;

/// What is loaded beyond the limit where no key may go: one part in so many.
const EXCESS_SHARE: u64 = 8;

/// Records of so many bytes have room made for them before they are taken, not only after.
const LARGE_BYTES: usize = 1 << 20;

/// What became of the records of one block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Restored {
    /// Keys that were set.
    pub(crate) set_keys: u64,
    /// Keys whose deadline had come.
    pub(crate) expired_keys: u64,
    /// Keys that were evicted to make room, whichever they were.
    pub(crate) evicted_keys: u64,
    /// Whether memory is near the limit or below.
    pub(crate) has_room: bool,
}

impl CacheEngine {
    /// Sets keys to what a snapshot's records say, but for those that are due at `now_ms`, and
    /// evicts as many as the limit of memory demands; `None` if there is no such database.
    ///
    /// # Panics
    /// If the records are malformed: a loader checks them first.
    pub(crate) fn restore(
        &mut self,
        database: usize,
        records: &[u8],
        now_ms: u64,
    ) -> Option<Restored> {
        if database >= self.keyspace.database_count() {
            return None;
        }
        let evicted_before = self.keyspace.eviction_report().keys;
        let limit_bytes = self.memory_limit_bytes();
        // Whether there was room is asked when the keys are there: they may take less.
        if records.len() >= LARGE_BYTES {
            self.keyspace.make_room_at_once(records.len(), now_ms);
        }
        let mut mutation = self.keyspace.mutate(database, now_ms);
        let RestoreCount {
            set_keys,
            expired_keys,
        } = mutation.restore_all(records);
        self.keyspace.make_room_at_once(0, now_ms);
        let most_bytes = limit_bytes.saturating_add(limit_bytes / EXCESS_SHARE);
        let has_room = limit_bytes == 0 || self.keyspace.used_bytes() as u64 <= most_bytes;
        Some(Restored {
            set_keys,
            expired_keys,
            evicted_keys: self.keyspace.eviction_report().keys - evicted_before,
            has_room,
        })
    }

    /// Adds a library of functions that a snapshot has, over one of the same name; false if it is
    /// only kept for the next snapshot, because its code can't be loaded here.
    ///
    /// # Panics
    /// If it has no name: a loader checks that first.
    pub(crate) fn restore_library(&mut self, code: &[u8]) -> bool {
        let outcome = self.scripts.restore_library(code);
        if let Err(error) = &outcome {
            let reason = String::from_utf8_lossy(error.as_bytes());
            log::warn!("a library is kept without its functions: {reason}");
        }
        outcome.is_ok()
    }

    /// The texts of all libraries, for a snapshot. O(libraries).
    pub(crate) fn library_codes(&self) -> Vec<Arc<[u8]>> {
        let libraries = self.scripts.libraries().iter();
        libraries.map(|(_, library)| library.code.clone()).collect()
    }

    /// Drops all libraries of functions, as FUNCTION FLUSH does.
    pub(crate) fn clear_libraries(&mut self) {
        self.scripts.flush_libraries();
        self.keyspace.note_other_change();
    }

    /// Ends a snapshot: what has not arrived whole of it goes.
    pub(crate) fn end_restore(&mut self) {
        self.keyspace.end_arrivals();
    }
}
