//! The snapshot cut: the keyspace as it was at one moment, read out while it changes.
//!
//! ```text
//!  begin_cut ─▶ every entry is unseen (what a flag in it means is turned round, O(1))
//!     walk:   cut_some ─▶ the next buckets' unseen entries ─┐
//!     writes: Mutation  ─▶ the entry about to change ───────┼─▶ records ─▶ take_cut_piece
//!     graveyard: entries of a flushed table, before freed ──┘
//! ```
//!
//! The walk scans the tables as SCAN does, which meets every key that is there throughout, and some
//! twice: the flag tells. What comes meanwhile is born seen. So tables may grow, shrink and be moved
//! to other numbers as they like.
//!
//! Invariants: the records taken between [`Keyspace::begin_cut`] and the end of the walk are
//! exactly the keys that existed at the beginning and were not due then, each once, with the
//! values, deadlines and database numbers of that moment. Tested against a model in `tests.rs`.
//!
//! Cost: nothing while there is no cut beside a branch per change. During one, a change pays for
//! its own entry; extra memory is the records that have not been taken.
//!
//! Not here: blocks, checksums and files (`persistence/`); when to save (`node/`).

use super::entry::{EntryId, EntryStore};
use super::{Keyspace, database::Database};
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

/// Entries that one step of the walk looks at, but for the rest of a bucket …
const STEP_KEYS: usize = 256;

/// … and bytes of records that one step reads out, but for the last.
pub(super) const STEP_BYTES: usize = 64 * 1024;

/// Buckets whose entries the walk asks for at once: as many lines as a core has under way.
const BUCKETS_AHEAD: usize = 4;

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
    #[inline]
    pub(super) fn is_active(&self) -> bool {
        self.is_active
    }

    /// Reads out an entry that is about to change, or that the walk has come to, if it has not been
    /// seen. Returns how many bytes that made.
    pub(super) fn see(
        &mut self,
        database: usize,
        entries: &mut EntryStore,
        expiry: &ExpiryHeap,
        id: EntryId,
    ) -> usize {
        if entries.is_seen(id) {
            return 0;
        }
        entries.set_seen(id);
        let entry = entries.get(id);
        let deadline_ms = entry
            .heap_position()
            .map(|position| expiry.deadline_at(position));
        let was_due = deadline_ms.is_some_and(|deadline_ms| deadline_ms <= self.begun_ms);
        if self.is_discarding || was_due {
            return 0;
        }
        self.counts[database].keys += 1;
        self.counts[database].expires += u64::from(deadline_ms.is_some());
        self.save(
            database,
            Record {
                key: entry.key(),
                value: entry.string(),
                deadline_ms,
            },
        )
    }

    /// Appends a record to the last piece, or begins another; returns the record's length.
    fn save(&mut self, database: usize, record: Record<'_>) -> usize {
        let piece = match self.pieces.back_mut() {
            Some(piece) if piece.database == database && piece.records.len() < PIECE_BYTES => piece,
            _ => {
                let records = Vec::new();
                self.pieces.push_back(CutPiece { database, records });
                self.pieces.back_mut().expect("a piece was pushed")
            }
        };
        let before = piece.records.len();
        record.encode(&mut piece.records);
        let bytes = piece.records.len() - before;
        self.pending_bytes += bytes;
        bytes
    }

    /// Does one step of the walk over a database.
    fn walk(&mut self, data: &mut Database, entries: &mut EntryStore) {
        let Database { table, expiry, .. } = data;
        let mut cursor = data.cut_cursor.expect("the walk is not through");
        let mut step = Step::default();
        let mut is_through = false;
        while !is_through && step.may_begin_bucket() {
            let mut ahead = cursor;
            for _ in 0..BUCKETS_AHEAD {
                ahead = table.scan(ahead, |payload| EntryId::from_payload(payload).prefetch());
            }
            for _ in 0..BUCKETS_AHEAD {
                let next = table.scan(cursor, |payload| {
                    let id = EntryId::from_payload(payload);
                    step.look(entries.is_seen(id), || {
                        self.see(data.cut_number, entries, expiry, id)
                    });
                });
                if step.is_cut_short {
                    // What was left out is met when the bucket is scanned again.
                    break;
                }
                cursor = next;
                is_through = next == 0;
                if is_through || !step.may_begin_bucket() {
                    break;
                }
            }
        }
        data.cut_cursor = (!is_through).then_some(cursor);
    }
}

/// How far one step of the walk has come.
#[derive(Default)]
struct Step {
    looked_keys: usize,
    read_keys: usize,
    read_bytes: usize,
    /// Something unseen was left out of the last bucket.
    is_cut_short: bool,
}

impl Step {
    fn may_begin_bucket(&self) -> bool {
        !self.is_cut_short && self.looked_keys < STEP_KEYS && self.read_bytes < STEP_BYTES
    }

    /// Looks at one entry; `read` reads it out. Only what is read out ends a step within a bucket,
    /// so that every step gets on, however many keys one bucket has.
    fn look(&mut self, is_seen: bool, read: impl FnOnce() -> usize) {
        self.looked_keys += 1;
        if is_seen {
            return;
        }
        if self.read_keys >= STEP_KEYS || self.read_bytes >= STEP_BYTES {
            self.is_cut_short = true;
            return;
        }
        self.read_keys += 1;
        self.read_bytes += read();
    }
}

impl Keyspace {
    /// Begins a cut at this moment. O(databases). There must be none.
    pub fn begin_cut(&mut self, now_ms: u64) {
        assert!(!self.cut.is_active, "one cut at a time");
        assert!(!self.graveyard.has_unseen(), "the last cut saw all of it");
        self.cut.is_active = true;
        self.cut.begun_ms = now_ms;
        self.cut.counts = vec![CutCount::default(); self.databases.len()];
        self.entries.begin_cut();
        for (number, database) in self.databases.iter_mut().enumerate() {
            database.cut_number = number;
            database.cut_cursor = Some(0);
        }
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

#[cfg(test)]
#[path = "cut_tests.rs"]
mod tests;
