//! What was dropped in bulk and waits to be freed in slices.
//!
//! FLUSHALL of millions of keys hands whole tables over in O(1); [`Graveyard::bury_some`] frees
//! one segment's entries (at most 672) a step, between requests.
//!
//! Not here: the deletion of single keys, which frees at once (`mutation.rs`).

use super::database::Database;
use super::entry::{EntryId, EntryStore};
use crate::structures::expiry_heap::ExpiryHeap;
use crate::structures::hash_table::Remains;
use std::collections::VecDeque;

/// Tables and heaps that nobody can reach any more.
#[derive(Default)]
pub(super) struct Graveyard {
    tables: VecDeque<Remains>,
    heaps: VecDeque<ExpiryHeap>,
    pending_keys: usize,
}

impl Graveyard {
    pub(super) fn is_empty(&self) -> bool {
        self.tables.is_empty() && self.heaps.is_empty()
    }

    /// Keys whose entries are still to be freed.
    pub(super) fn pending_keys(&self) -> usize {
        self.pending_keys
    }

    pub(super) fn take(&mut self, database: Database) {
        self.pending_keys += database.table.len();
        if !database.table.is_empty() {
            self.tables.push_back(database.table.into_remains());
        }
        if !database.expiry.is_empty() {
            self.heaps.push_back(database.expiry);
        }
    }

    /// Frees one segment or a bounded part of a heap.
    pub(super) fn bury_some(&mut self, entries: &mut EntryStore) {
        if let Some(table) = self.tables.front_mut() {
            let mut freed = 0;
            let is_more = table.visit_segment(|payload| {
                entries.free(EntryId::from_payload(payload));
                freed += 1;
            });
            self.pending_keys -= freed;
            if !is_more {
                self.tables.pop_front();
            }
        } else if let Some(heap) = self.heaps.front_mut()
            && !heap.discard_chunk()
        {
            self.heaps.pop_front();
        }
    }

    pub(super) fn used_bytes(&self) -> usize {
        let tables: usize = self.tables.iter().map(Remains::used_bytes).sum();
        let heaps: usize = self.heaps.iter().map(ExpiryHeap::used_bytes).sum();
        tables + heaps
    }
}
