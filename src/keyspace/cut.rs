//! The snapshot cut: the keyspace as it was at one moment, read out while it changes.
//!
//! ```text
//!  begin_cut ─▶ every bucket is unseen (one bit, flipped in O(1))
//!     walk:   cut_some ─▶ the next segment's unseen buckets ─┐
//!     writes: Mutation  ─▶ the bucket about to change ───────┼─▶ records ─▶ take_cut_piece
//!     graveyard: a flushed table, before it is freed ────────┘
//! ```
//!
//! Invariants: the records taken between [`Keyspace::begin_cut`] and the end of the walk are
//! exactly the keys that existed at the beginning and were not due then, each once, with the
//! values, deadlines and database numbers of that moment. Tested against a model in `tests.rs`.
//!
//! Cost: nothing while there is no cut beside a branch per change. During one, a change pays for
//! at most one bucket (or the segments it rebuilds, at most 1,344 keys); extra memory is the
//! records that have not been taken.
//!
//! Not here: blocks, checksums and files (`persistence/`); when to save (`node/`).

use super::entry::{EntryId, EntryStore};
use super::{Keyspace, database::EntryHashes};
use crate::structures::expiry_heap::ExpiryHeap;
use crate::value::record::Record;

/// Records of one database that wait to be taken.
#[derive(Debug, PartialEq, Eq)]
pub struct CutPiece {
    /// Number of the database when the cut began.
    pub database: usize,
    /// Encoded records, see `value/record.rs`.
    pub records: Vec<u8>,
}

/// How many keys of a database a cut has read out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CutCount {
    /// Keys.
    pub keys: u64,
    /// Those with a deadline.
    pub expires: u64,
}

/// A piece is closed when it has grown to this; a single record may be longer.
const PIECE_BYTES: usize = 64 * 1024;

/// The state of the present cut.
#[derive(Default)]
pub(super) struct Cut {
    is_active: bool,
    /// What is seen is thrown away: the snapshot failed, and the walk only tidies up.
    is_discarding: bool,
    begun_ms: u64,
    counts: Vec<CutCount>,
    /// The last one is still growing.
    pieces: std::collections::VecDeque<CutPiece>,
    pending_bytes: usize,
}

impl Cut {
    /// Reads out an entry that is about to change, or that the walk has come to.
    pub(super) fn save(
        &mut self,
        database: usize,
        entries: &EntryStore,
        expiry: &ExpiryHeap,
        payload: u64,
    ) {
        let entry = entries.get(EntryId::from_payload(payload));
        let deadline_ms = entry
            .heap_position()
            .map(|position| expiry.deadline_at(position));
        let was_due = deadline_ms.is_some_and(|deadline_ms| deadline_ms <= self.begun_ms);
        if self.is_discarding || was_due {
            return;
        }
        self.counts[database].keys += 1;
        self.counts[database].expires += u64::from(deadline_ms.is_some());
        let piece = match self.pieces.back_mut() {
            Some(piece) if piece.database == database && piece.records.len() < PIECE_BYTES => piece,
            _ => {
                let records = Vec::new();
                self.pieces.push_back(CutPiece { database, records });
                self.pieces.back_mut().expect("a piece was pushed")
            }
        };
        let before = piece.records.len();
        Record {
            key: entry.key(),
            value: entry.string(),
            deadline_ms,
        }
        .encode(&mut piece.records);
        self.pending_bytes += piece.records.len() - before;
    }
}

impl Keyspace {
    /// Begins a cut at this moment. O(databases). There must be none.
    pub fn begin_cut(&mut self, now_ms: u64) {
        assert!(!self.cut.is_active, "one cut at a time");
        self.cut.is_active = true;
        self.cut.begun_ms = now_ms;
        self.cut.counts = vec![CutCount::default(); self.databases.len()];
        for (number, database) in self.databases.iter_mut().enumerate() {
            database.table.begin_cut();
            database.cut_number = number;
            database.cut_cursor = Some(0);
        }
    }

    /// Whether a cut has begun and not come to its end.
    pub fn is_cutting(&self) -> bool {
        self.cut.is_active
    }

    /// Does one step of the walk: reads out what is unseen of one segment. Returns false when the
    /// cut is complete; its last pieces then wait to be taken.
    pub fn cut_some(&mut self) -> bool {
        if !self.cut.is_active {
            return false;
        }
        let Keyspace {
            databases,
            entries,
            hasher,
            cut,
            graveyard,
            ..
        } = &mut *self;
        if let Some(data) = databases.iter_mut().find(|data| data.cut_cursor.is_some()) {
            let cursor = data.cut_cursor.expect("just found");
            let hashes = EntryHashes { entries, hasher };
            let (expiry, number) = (&data.expiry, data.cut_number);
            let next = data.table.cut_segment(cursor, &hashes, |payload| {
                cut.save(number, entries, expiry, payload);
            });
            data.cut_cursor = (next != 0).then_some(next);
            return true;
        }
        if graveyard.has_unseen() {
            graveyard.bury_some(entries, cut);
            return true;
        }
        for data in databases {
            data.table.end_cut();
        }
        cut.is_active = false;
        cut.is_discarding = false;
        false
    }

    /// The next records that were read out: full pieces, and with `is_last` also the one that is
    /// still growing.
    pub fn take_cut_piece(&mut self, is_last: bool) -> Option<CutPiece> {
        let cut = &mut self.cut;
        let front = cut.pieces.front()?;
        if !is_last && cut.pieces.len() == 1 && front.records.len() < PIECE_BYTES {
            return None;
        }
        let piece = cut.pieces.pop_front()?;
        cut.pending_bytes -= piece.records.len();
        Some(piece)
    }

    /// Bytes of records that were read out and not taken.
    pub fn cut_pending_bytes(&self) -> usize {
        self.cut.pending_bytes
    }

    /// Keys read out of each database since the cut began.
    pub fn cut_counts(&self) -> &[CutCount] {
        &self.cut.counts
    }

    /// Gives the cut up. Its walk must be gone on with ([`Keyspace::cut_some`]) until it ends, but
    /// yields nothing any more.
    pub fn discard_cut(&mut self) {
        self.cut.is_discarding = self.cut.is_active;
        self.cut.pieces.clear();
        self.cut.pending_bytes = 0;
    }
}
