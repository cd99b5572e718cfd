//! Moving entries together, so that memory between them goes back to the system.
//!
//! ```text
//!  slab, mostly free   [ ▪ · · ▪ · · · ]  ──▶ each entry into another slab ──▶ the slab is free
//!                         └─ found in its table by the hash of its key: slot and heap are told
//! ```
//!
//! One slab at a time, up to 64 KiB of entries and blocks, when its size class holds enough free
//! memory to give up whole slabs. An entry is named in two places only, the table and the heap, so
//! it can move whenever no request is being executed; a snapshot sees keys and values and does not
//! notice. A block of a large collection is named once, in its tree; while a frozen state of any
//! collection is read, or blocks wait to be freed, nothing is moved.
//!
//! Cost: a lookup and a copy for every entry moved.
//!
//! Not here: which slab (`slabs.rs`); memory of what was dropped in bulk (`graveyard.rs`), which is
//! freed first, because its entries are in no table.

use super::Keyspace;
use super::entry::EntryId;

impl Keyspace {
    /// Whether [`Keyspace::compact_some`] has something to do.
    pub fn is_worth_compacting(&self) -> bool {
        self.entries.memory().has_surplus() || self.has_slab_to_empty()
    }

    fn has_slab_to_empty(&self) -> bool {
        self.graveyard.is_empty()
            && self.entries.collections().may_move()
            && self.entries.memory().is_worth_compacting()
    }

    /// Gives some empty slabs back to the system, or empties one, if that is worth it; false if
    /// nothing was done.
    pub fn compact_some(&mut self) -> bool {
        if self.entries.memory().has_surplus() {
            self.entries.memory_mut().release_some();
            return true;
        }
        if !self.has_slab_to_empty() {
            return false;
        }
        let Some(evacuation) = self.entries.memory_mut().begin_evacuation() else {
            return false;
        };
        let mut ids = Vec::with_capacity(evacuation.pieces.len());
        for &piece in &evacuation.pieces {
            match self.entries.memory().block_at(piece as u64) {
                None => ids.push(EntryId::from_payload(piece as u64)),
                Some(block) => {
                    let (collections, memory) = self.entries.collections_mut();
                    collections.relocate(memory, block);
                }
            }
        }
        let hashed: Vec<(EntryId, u64)> = ids
            .into_iter()
            .map(|id| (id, self.hasher.hash(self.entries.get(id).key())))
            .collect();
        for &(_, hash) in &hashed {
            for database in self
                .databases
                .iter()
                .filter(|database| !database.table.is_empty())
            {
                database.table.home(hash).prefetch();
            }
        }
        for (id, hash) in hashed {
            self.relocate(id, hash);
        }
        self.entries.memory_mut().end_evacuation(evacuation);
        true
    }

    fn relocate(&mut self, id: EntryId, hash: u64) {
        for database in &mut self.databases {
            let found = database.table.find(hash, |payload| payload == id.payload());
            let Some((location, _)) = found else { continue };
            let position = self.entries.get(id).heap_position();
            let moved = self.entries.relocate(id);
            database.table.set_payload(location, moved.payload());
            if let Some(position) = position {
                database.expiry.replace_payload(position, moved.payload());
            }
            return;
        }
        unreachable!("an entry is in a table, or in the graveyard, which is empty");
    }
}
