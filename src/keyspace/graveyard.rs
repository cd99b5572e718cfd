//! What was dropped in bulk and waits to be freed in slices.
//!
//! FLUSHALL of millions of keys hands whole databases over in O(1); [`Graveyard::bury_some`] frees
//! at most [`STEP_KEYS`] entries or about [`STEP_BYTES`] a step, between requests. The entries of a
//! table that was dropped during a cut are shown to it before they are freed; the heap, which knows
//! the deadlines, goes after them.
//!
//! Not here: the deletion of single keys, which frees at once (`mutation/`).

use super::cut::{self, Cut, Shown};
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
    field_expiry: ExpiryHeap,
    cut_number: usize,
    /// It was dropped during a cut, which must see what it has not seen of it.
    is_of_cut: bool,
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
        let is_unseen = |grave: &Grave| grave.is_of_cut && !grave.table.is_empty();
        self.graves.iter().any(is_unseen)
    }

    /// Takes a database that is to be freed, and whether a cut is going on.
    pub(super) fn take(&mut self, database: Database, is_of_cut: bool) {
        if database.table.is_empty() && database.expiry.is_empty() {
            return;
        }
        self.pending_keys += database.table.len();
        self.graves.push_back(Grave {
            table: database.table.into_remains(),
            expiry: database.expiry,
            field_expiry: database.field_expiry,
            cut_number: database.cut_number,
            is_of_cut,
        });
    }

    /// Frees some entries, or a bounded part of a heap; returns how many entries, and their bytes.
    pub(super) fn bury_some(&mut self, entries: &mut EntryStore, cut: &mut Cut) -> (usize, usize) {
        let Some(Grave {
            table,
            expiry,
            field_expiry,
            cut_number,
            is_of_cut,
        }) = self.graves.front_mut()
        else {
            return (0, 0);
        };
        let mut freed_keys = 0;
        let mut freed_bytes = 0;
        let mut is_more = true;
        let mut read_out_bytes = 0;
        while is_more
            && freed_keys < STEP_KEYS
            && freed_bytes < STEP_BYTES
            && read_out_bytes < cut::STEP_BYTES
        {
            if let Some(payloads) = table.next_segment() {
                payloads.for_each(|payload| EntryId::from_payload(payload).prefetch());
            }
            is_more = table.visit_bucket(|payload| {
                let id = EntryId::from_payload(payload);
                freed_keys += 1;
                let shown = match *is_of_cut {
                    true => cut.show(*cut_number, entries, expiry, id),
                    false => Shown::Free(0),
                };
                if let Shown::Free(bytes) = shown {
                    read_out_bytes += bytes;
                    freed_bytes += entries.free(id);
                }
            });
        }
        self.pending_keys -= freed_keys;
        if !is_more && !expiry.discard_chunk() && !field_expiry.discard_chunk() {
            self.graves.pop_front();
        }
        (freed_keys, freed_bytes)
    }

    pub(super) fn used_bytes(&self) -> usize {
        let used = |grave: &Grave| {
            let heap_bytes = grave.expiry.used_bytes() + grave.field_expiry.used_bytes();
            grave.table.used_bytes() + heap_bytes
        };
        self.graves.iter().map(used).sum()
    }
}
