//! The snapshot cut: the keyspace as it was at one moment, read out while it changes.
//!
//! ```text
//!  begin_cut ─▶ every entry is unseen (what a flag in it means is turned round, O(1))
//!     walk:   cut_some ─▶ the next buckets' unseen entries ─┐
//!     writes: Mutation  ─▶ the entry about to change ───────┼─▶ records ─▶ take_cut_piece
//!     graveyard: entries of a flushed table, before freed ──┘
//! ```
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | what is shown, and what becomes of it |
//! | `walk.rs` | a step of the walk |
//! | `record_of.rs` | an entry as a record |
//! | `long.rs` | entries that are too long to be read out at once |
//! | `frozen.rs` | large collections, frozen and read in slices |
//! | `pieces.rs` | records that wait to be taken |
//! | `budget.rs` | how much may be held |
//!
//! The walk scans the tables as SCAN does, which meets every key that is there throughout, and some
//! twice: the flag tells. What comes meanwhile is born seen. So tables may grow, shrink and be
//! moved to other numbers as they like.
//!
//! Invariants: the records taken between [`Keyspace::begin_cut`] and the end of the walk are
//! exactly the keys that existed at the beginning and were not due then, each once, with the
//! values, deadlines and database numbers of that moment. Tested against a model in `tests.rs`.
//!
//! Cost: nothing while there is no cut beside a branch per change. During one, a change pays for
//! its own entry; extra memory is the records that have not been taken, and what changes of frozen
//! collections replace.
//!
//! Not here: blocks, checksums and files (`persistence/`); when to save (`node/`).

mod budget;
mod frozen;
mod long;
mod pieces;
mod record_of;
mod walk;

pub use pieces::CutPiece;

use super::Keyspace;
use super::database::Database;
use super::entry::{EntryId, EntryStore};
use crate::structures::expiry_heap::ExpiryHeap;
use crate::value::record::{Begun, KeyRecord, RecordValue};
use budget::Budget;
use frozen::{Frozen, FrozenRow};
use long::{LONG_BYTES, LongRecord, LongRecords};
use pieces::Pieces;
use record_of::record_of;

/// How many keys of a database a cut has read out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CutCount {
    /// Keys.
    pub keys: u64,
    /// Those with a deadline.
    pub expires: u64,
}

/// Bytes of records that one step reads out, but for the last.
pub(super) const STEP_BYTES: usize = 64 * 1024;

/// What has become of an entry that is about to change or to be removed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// It may be changed and freed. So many bytes were read out.
    Free(usize),
    /// It belongs to the cut: whoever changes it must make another, whoever removes it must not
    /// free it.
    Kept,
}

/// The state of the present cut.
#[derive(Default)]
pub(super) struct Cut {
    is_active: bool,
    /// What is seen is thrown away: the snapshot failed, and the walk only tidies up.
    is_discarding: bool,
    begun_ms: u64,
    counts: Vec<CutCount>,
    pieces: Pieces,
    long: LongRecords,
    frozen: FrozenRow,
    /// What the last large collection was named by.
    last_number: u32,
    budget: Budget,
    /// It was given up because more was read out than may be held.
    is_overrun: bool,
}

impl Cut {
    #[inline]
    pub(super) fn is_active(&self) -> bool {
        self.is_active
    }

    /// Shows an entry that is about to change or to be removed. If it has not been seen, it is read
    /// out, or frozen if it is a large collection, or kept if it is long. If more is held then than
    /// may be, the cut is given up at once: one request can remove a million keys.
    pub(super) fn show(
        &mut self,
        database: usize,
        entries: &mut EntryStore,
        expiry: &ExpiryHeap,
        id: EntryId,
    ) -> Shown {
        if entries.is_seen(id) {
            return Shown::Free(0);
        }
        let shown = self.save(database, entries, expiry, id);
        self.check_budget(entries);
        shown
    }

    /// Gives the cut up if more is held than may be: to be called after what can make it more.
    pub(super) fn check_budget(&mut self, entries: &EntryStore) {
        let is_running = self.is_active && !self.is_discarding;
        if is_running && self.held_bytes(entries) > self.budget.limit_bytes {
            self.is_overrun = true;
            self.discard(entries);
        }
    }

    fn save(
        &mut self,
        database: usize,
        entries: &mut EntryStore,
        expiry: &ExpiryHeap,
        id: EntryId,
    ) -> Shown {
        if self.long.keep_if_read(id, entries) {
            entries.set_seen(id);
            return Shown::Kept;
        }
        if !is_long(entries, id) {
            return Shown::Free(self.read_out(database, entries, expiry, id));
        }
        entries.set_seen(id);
        match self.admit(database, entries, expiry, id) {
            Some(record) => {
                self.long.keep(record, entries);
                Shown::Kept
            }
            None => Shown::Free(0),
        }
    }

    /// Reads out an unseen entry; returns how many bytes that made.
    fn read_out(
        &mut self,
        database: usize,
        entries: &mut EntryStore,
        expiry: &ExpiryHeap,
        id: EntryId,
    ) -> usize {
        entries.set_seen(id);
        let Some(LongRecord { deadline_ms, .. }) = self.admit(database, entries, expiry, id) else {
            return 0;
        };
        if let Some(number) = entries.get(id).large() {
            return self.freeze(database, entries, id, number, deadline_ms);
        }
        let mut scratch = Vec::new();
        let record = record_of(entries.get(id), deadline_ms, &mut scratch);
        self.pieces.push(database, record)
    }

    /// Notes a large collection, which is read later as it is now; returns how many bytes that
    /// made.
    fn freeze(
        &mut self,
        database: usize,
        entries: &mut EntryStore,
        id: EntryId,
        number: u32,
        deadline_ms: Option<u64>,
    ) -> usize {
        let frozen = entries.collections_mut().0.freeze(number);
        let trees = entries.collections().get(number);
        let entry = entries.get(id);
        self.last_number += 1;
        let begun = Begun {
            kind: entry.kind(),
            encoding: trees.encoding,
            number: self.last_number,
            count: trees.members.len(),
        };
        let record = KeyRecord {
            key: entry.key(),
            value: RecordValue::Begun(begun),
            deadline_ms,
        };
        let mut begin = Vec::with_capacity(record.encoded_len());
        record.encode(&mut begin);
        let len = begin.len();
        self.frozen.push(Frozen {
            database,
            id: frozen,
            kind: begun.kind,
            number: begun.number,
            begin,
            rank: 0,
            part_bytes: 0,
        });
        len
    }

    /// Begins to read an unseen entry in slices, if it is long and part of the cut.
    fn read_if_long(&mut self, data: &Database, entries: &EntryStore, id: EntryId) -> bool {
        if !is_long(entries, id) {
            return false;
        }
        let Some(record) = self.admit(data.cut_number, entries, &data.expiry, id) else {
            return false;
        };
        self.long.read(record);
        true
    }

    /// Counts an unseen entry as part of the cut. `None` if it is not: it was due at the beginning,
    /// or the cut has been given up.
    fn admit(
        &mut self,
        database: usize,
        entries: &EntryStore,
        expiry: &ExpiryHeap,
        id: EntryId,
    ) -> Option<LongRecord> {
        let position = entries.get(id).heap_position();
        let deadline_ms = position.map(|position| expiry.deadline_at(position));
        let was_due = deadline_ms.is_some_and(|deadline_ms| deadline_ms <= self.begun_ms);
        if self.is_discarding || was_due {
            return None;
        }
        self.counts[database].keys += 1;
        self.counts[database].expires += u64::from(deadline_ms.is_some());
        Some(LongRecord {
            database,
            id,
            deadline_ms,
        })
    }

    /// Whether something that was noted or begun is still to be read, or to be freed.
    fn has_slices(&self) -> bool {
        self.long.has_more() || self.frozen.has_more()
    }

    /// Goes on with what is read in slices, or frees what is kept for that if the cut was given up.
    fn read_slice(&mut self, entries: &mut EntryStore) {
        if self.is_discarding {
            if !self.long.free_one(entries) {
                self.frozen.thaw_some(entries);
            }
        } else if self.long.has_more() && !self.frozen.is_within_part() {
            self.long.read_slice(entries, &mut self.pieces);
        } else {
            self.frozen.read_slice(entries, &mut self.pieces);
        }
    }

    /// Frees all entries that were kept, and lets all frozen collections go. O(both).
    pub(super) fn free_all(&mut self, entries: &mut EntryStore) {
        self.long.stop();
        while self.long.free_one(entries) {}
        while self.frozen.thaw_some(entries) {}
    }

    fn discard(&mut self, entries: &EntryStore) {
        self.is_discarding = self.is_active;
        self.pieces.clear();
        self.long.stop();
        self.budget.settle(self.held_bytes(entries));
    }

    /// All that is held for a snapshot, see `budget.rs`.
    pub(super) fn held_bytes(&self, entries: &EntryStore) -> usize {
        let frozen_bytes = entries.collections().kept_bytes();
        self.long.kept_bytes() + frozen_bytes + self.overhead_bytes()
    }

    /// What is held beside entries and blocks.
    pub(super) fn overhead_bytes(&self) -> usize {
        self.pieces.held_bytes() + self.frozen.note_bytes() + self.budget.unwritten_bytes
    }

    /// What is held because of evictions.
    pub(super) fn leaving_bytes(&self) -> usize {
        self.budget.leaving_bytes()
    }

    /// Notes that an eviction was shown when `held_before` bytes were held.
    pub(super) fn note_eviction(&mut self, entries: &EntryStore, held_before: usize) {
        self.budget
            .note_eviction(held_before, self.held_bytes(entries));
    }

    /// Bytes of entries that were kept for the cut.
    #[cfg(any(test, debug_assertions))]
    pub(super) fn kept_bytes(&self) -> usize {
        self.long.kept_bytes()
    }
}

/// Whether an entry is read in slices: a large collection is none, but is frozen.
fn is_long(entries: &EntryStore, id: EntryId) -> bool {
    let entry = entries.get(id);
    entry.content_bytes() >= LONG_BYTES && entry.large().is_none()
}

impl Keyspace {
    /// Begins a cut at this moment. O(databases). There must be none. What is in the making belongs
    /// to no cut.
    pub fn begin_cut(&mut self, now_ms: u64) {
        assert!(!self.cut.is_active, "one cut at a time");
        assert!(!self.graveyard.has_unseen(), "the last cut saw all of it");
        self.cut.is_active = true;
        self.cut.is_overrun = false;
        self.cut.begun_ms = now_ms;
        self.cut.last_number = 0;
        self.cut.counts = vec![CutCount::default(); self.database_count()];
        self.entries.begin_cut();
        let known = self.database_count();
        for (number, database) in self.databases[..known].iter_mut().enumerate() {
            database.cut_number = number;
            database.cut_cursor = Some(0);
        }
        self.mark_workshop_seen();
    }

    /// Whether a cut has begun and not come to its end.
    pub fn is_cutting(&self) -> bool {
        self.cut.is_active
    }

    /// Does one step of the walk: looks at some 256 keys, or reads out some 64 KiB. Returns false
    /// when the cut is complete; its last pieces then wait to be taken.
    pub fn cut_some(&mut self) -> bool {
        if !self.cut.is_active {
            return false;
        }
        let Keyspace {
            databases,
            entries,
            cut,
            graveyard,
            ..
        } = &mut *self;
        if cut.has_slices() {
            cut.read_slice(entries);
            return true;
        }
        if let Some(data) = databases.iter_mut().find(|data| data.cut_cursor.is_some()) {
            cut.walk(data, entries);
            return true;
        }
        if graveyard.has_unseen() {
            graveyard.bury_some(entries, cut);
            return true;
        }
        cut.is_active = false;
        cut.is_discarding = false;
        false
    }

    /// The next records that were read out: full pieces, and with `is_last` also the one that is
    /// still growing. After the first piece of a long record come its others and nothing else.
    pub fn take_cut_piece(&mut self, is_last: bool) -> Option<CutPiece> {
        self.cut.pieces.take(is_last)
    }

    /// Bytes that are held for a cut: records that have not been taken, long entries and blocks of
    /// large collections that were changed or removed before they were read out, and what
    /// [`Keyspace::set_unwritten_bytes`] said.
    pub fn cut_held_bytes(&self) -> usize {
        self.cut.held_bytes(&self.entries)
    }

    /// Of these, what [`Keyspace::set_unwritten_bytes`] said: only the disk is waited for. Of all
    /// else something may wait for the end of a long record, and so for the walk.
    pub fn unwritten_bytes(&self) -> usize {
        self.cut.budget.unwritten_bytes
    }

    /// Sets how many bytes may be held for a cut. If changes read out more, the cut is given up.
    pub fn set_cut_limit_bytes(&mut self, limit_bytes: usize) {
        self.cut.budget.limit_bytes = limit_bytes;
    }

    /// Tells how many bytes that were taken of a cut, this one or an earlier one, are still in
    /// memory.
    pub fn set_unwritten_bytes(&mut self, bytes: usize) {
        self.cut.budget.unwritten_bytes = bytes;
        let held_bytes = self.cut.held_bytes(&self.entries);
        self.cut.budget.settle(held_bytes);
        // At once: nothing shall be evicted for what is on the disk by now.
        self.note_overhead_change();
    }

    /// Whether the cut, or the last one, was given up because changes read out more than may be
    /// held.
    pub fn is_cut_overrun(&self) -> bool {
        self.cut.is_overrun
    }

    /// Keys read out of each database since the cut began.
    pub fn cut_counts(&self) -> &[CutCount] {
        &self.cut.counts
    }

    /// Gives the cut up. Its walk must be gone on with ([`Keyspace::cut_some`]) until it ends, but
    /// yields nothing any more.
    pub fn discard_cut(&mut self) {
        self.cut.discard(&self.entries);
    }
}

#[cfg(test)]
mod tests;
