//! Records that are too long to be read out at once.
//!
//! ```text
//!  the walk meets one ─────────▶ reading: a slice a step, from where it stands ─▶ pieces
//!  a change is about to end one ─▶ kept: its memory now belongs to the cut  ──┘   └▶ freed, if kept
//! ```
//!
//! A value may have half a gigabyte, and nobody shall wait while it is encoded. So an entry that is
//! about to be changed or removed is handed over as it is: who changes it makes a new one. If it is
//! the one that is being read, reading goes on.
//!
//! Invariants: `kept_bytes` is the memory of the entries handed over. An entry that is being read
//! and not handed over is unseen, so that a change comes here.
//!
//! Cost: a slice is copied and nothing else; memory is that of the entries handed over.
//!
//! Not here: when (`mod.rs`), in which order pieces are taken (`pieces.rs`).

use super::pieces::{CutPiece, PIECE_BYTES, Pieces};
use super::record_of::record_of;
use crate::keyspace::entry::{EntryId, EntryStore};
use std::collections::VecDeque;

/// An entry of so many bytes is long. Twice as much with its frame fits a piece; to encode less
/// takes some ten microseconds.
pub(super) const LONG_BYTES: usize = 32 * 1024 - 128;

/// An entry that is read in slices.
pub(super) struct LongRecord {
    pub(super) database: usize,
    pub(super) id: EntryId,
    /// As it was when the cut began.
    pub(super) deadline_ms: Option<u64>,
}

struct Reading {
    record: LongRecord,
    /// Bytes of the encoded record that have been read.
    read_bytes: usize,
    is_kept: bool,
}

/// The long records of a cut that are to be read or are being read.
#[derive(Default)]
pub(super) struct LongRecords {
    reading: Option<Reading>,
    kept: VecDeque<LongRecord>,
    kept_bytes: usize,
}

impl LongRecords {
    /// Begins to read a record that stays where it is. None may be read or kept at this time.
    pub(super) fn read(&mut self, record: LongRecord) {
        debug_assert!(!self.has_more(), "one after the other");
        self.reading = Some(Reading {
            record,
            read_bytes: 0,
            is_kept: false,
        });
    }

    /// Takes a record over that is about to end, to be read later.
    pub(super) fn keep(&mut self, record: LongRecord, entries: &mut EntryStore) {
        self.adopt(record.id, entries);
        self.kept.push_back(record);
    }

    /// Takes an entry over if it is the one that is being read.
    pub(super) fn keep_if_read(&mut self, id: EntryId, entries: &mut EntryStore) -> bool {
        let Some(reading) = self
            .reading
            .as_mut()
            .filter(|reading| reading.record.id == id)
        else {
            return false;
        };
        reading.is_kept = true;
        self.adopt(id, entries);
        true
    }

    fn adopt(&mut self, id: EntryId, entries: &mut EntryStore) {
        self.kept_bytes += entries.get(id).allocation_bytes();
        entries.detach(id);
    }

    /// Whether a record is being read or waits for it.
    pub(super) fn has_more(&self) -> bool {
        self.reading.is_some() || !self.kept.is_empty()
    }

    /// Memory of the entries handed over.
    pub(super) fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }

    /// Reads the next slice.
    pub(super) fn read_slice(&mut self, entries: &mut EntryStore, pieces: &mut Pieces) {
        let next = self.reading.take().or_else(|| {
            let record = self.kept.pop_front()?;
            Some(Reading {
                record,
                read_bytes: 0,
                is_kept: true,
            })
        });
        let Some(mut reading) = next else { return };
        let LongRecord {
            database,
            id,
            deadline_ms,
        } = reading.record;
        let entry = entries.get(id);
        let mut scratch = Vec::new();
        let record = record_of(entry, deadline_ms, &mut scratch);
        let len = record.encoded_len();
        let end = len.min(reading.read_bytes + PIECE_BYTES);
        let mut records = Vec::with_capacity(end - reading.read_bytes);
        record.encode_part(reading.read_bytes..end, &mut records);
        pieces.push_part(CutPiece {
            database,
            records,
            rest_bytes: len - end,
        });
        reading.read_bytes = end;
        if end < len {
            self.reading = Some(reading);
        } else if reading.is_kept {
            self.free(id, entries);
        } else {
            entries.set_seen(id);
        }
    }

    fn free(&mut self, id: EntryId, entries: &mut EntryStore) {
        self.kept_bytes -= entries.get(id).allocation_bytes();
        entries.free_detached(id);
    }

    /// Gives up what is being read, so that nothing more is.
    pub(super) fn stop(&mut self) {
        if let Some(reading) = self.reading.take().filter(|reading| reading.is_kept) {
            self.kept.push_back(reading.record);
        }
    }

    /// Frees one entry that was handed over; false if there is none.
    pub(super) fn free_one(&mut self, entries: &mut EntryStore) -> bool {
        let Some(record) = self.kept.pop_front() else {
            return false;
        };
        self.free(record.id, entries);
        true
    }
}
