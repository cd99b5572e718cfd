//! What was dropped in bulk and waits to be freed in slices.
//!
//! FLUSHALL of millions of keys hands whole databases over in O(1); [`Graveyard::bury_some`] frees
//! at most [`STEP_KEYS`] entries or about [`STEP_BYTES`] a step, between requests. A table that was dropped while a
//! cut was going on is shown to the cut before it is freed; its heap, which knows the deadlines,
//! goes after it.
//!
//! Not here: the deletion of single keys, which frees at once (`mutation.rs`).

use super::cut::Cut;
use super::database::Database;
use super::entry::{EntryId, EntryStore};
use crate::structures::expiry_heap::ExpiryHeap;
use crate::structures::hash_table::Remains;
use std::collections::VecDeque;

/// Entries that one step frees at most, but for the rest of a bucket …
const STEP_KEYS: usize = 256;

/// … and their bytes, but for the last: large entries cost the system's time for every page.
const STEP_BYTES: usize = 1 << 20;

/// A database that nobody can reach any more.
struct Grave {
    table: Remains,
    expiry: ExpiryHeap,
    cut_number: usize,
}

/// Dropped databases, the oldest first.
#[derive(Default)]
pub(super) struct Graveyard {
    graves: VecDeque<Grave>,
    pending_keys: usize,
}

impl Graveyard {
    pub(super) fn is_empty(&self) -> bool {
        self.graves.is_empty()
    }

    /// Keys whose entries are still to be freed.
    pub(super) fn pending_keys(&self) -> usize {
        self.pending_keys
    }

    /// Whether the present cut has not seen all of it.
    pub(super) fn has_unseen(&self) -> bool {
        self.graves.iter().any(|grave| grave.table.has_unseen())
    }

    pub(super) fn take(&mut self, database: Database) {
        if database.table.is_empty() && database.expiry.is_empty() {
            return;
        }
        self.pending_keys += database.table.len();
        self.graves.push_back(Grave {
            table: database.table.into_remains(),
            expiry: database.expiry,
            cut_number: database.cut_number,
        });
    }

    /// Frees some entries, or a bounded part of a heap; returns how many entries, and their bytes.
    pub(super) fn bury_some(&mut self, entries: &mut EntryStore, cut: &mut Cut) -> (usize, usize) {
        let Some(Grave {
            table,
            expiry,
            cut_number,
        }) = self.graves.front_mut()
        else {
            return (0, 0);
        };
        let mut freed_keys = 0;
        let mut freed_bytes = 0;
        let mut is_more = true;
        while is_more && freed_keys < STEP_KEYS && freed_bytes < STEP_BYTES {
            if let Some(payloads) = table.next_segment() {
                if freed_keys > 0 && table.has_unseen() {
                    // What a cut is shown, a segment at least, is enough for one step.
                    break;
                }
                payloads.for_each(|payload| EntryId::from_payload(payload).prefetch());
                table.show_unseen(|payload| cut.save(*cut_number, entries, expiry, payload));
            }
            is_more = table.visit_bucket(|payload| {
                freed_keys += 1;
                freed_bytes += entries.free(EntryId::from_payload(payload));
            });
        }
        self.pending_keys -= freed_keys;
        if !is_more && !expiry.discard_chunk() {
            self.graves.pop_front();
        }
        (freed_keys, freed_bytes)
    }

    pub(super) fn used_bytes(&self) -> usize {
        let used = |grave: &Grave| grave.table.used_bytes() + grave.expiry.used_bytes();
        self.graves.iter().map(used).sum()
    }
}
