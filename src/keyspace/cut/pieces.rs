//! Records of a cut that wait to be taken, in pieces of some 64 KiB.
//!
//! ```text
//!  short records   [ r r r r ] [ r r r ] [ r r … ]      one database each; the last one grows
//!  a long record   [ begin     ] [ middle    ] [ end ]  goes first, and nothing comes between
//!  a collection    [ begin p ] [ p ] [ p ]              whole records p, in this order
//! ```
//!
//! Invariants: a piece is longer than [`PIECE_BYTES`] never; pieces of a long record are taken one
//! after the other; `held_bytes` is the memory of all pieces.
//!
//! Not here: what is a long record (`long.rs`).

use crate::value::record::KeyRecord;
use std::collections::VecDeque;

/// Records of one database that wait to be taken.
#[derive(Debug, PartialEq, Eq)]
pub struct CutPiece {
    /// Number of the database when the cut began.
    pub database: usize,
    /// Encoded records, see `value/record/`, or a part of one that is long.
    pub records: Vec<u8>,
    /// Bytes that are still to come of the record that is read in parts: the next pieces are its.
    pub rest_bytes: usize,
}

/// Longest piece: with the frame of a block it fits into 64 KiB.
pub(super) const PIECE_BYTES: usize = 64 * 1024 - 64;

/// Pieces that wait to be taken.
#[derive(Default)]
pub(super) struct Pieces {
    /// Of short records; the last one is still growing.
    short: VecDeque<CutPiece>,
    /// Of the long record or the collection that is being read.
    long: VecDeque<CutPiece>,
    /// The first pieces of a long record were taken, and not yet its last.
    is_within_long: bool,
    held_bytes: usize,
}

impl Pieces {
    /// Appends a record that is far shorter than [`PIECE_BYTES`]; returns its length.
    pub(super) fn push(&mut self, database: usize, record: KeyRecord<'_>) -> usize {
        let len = record.encoded_len();
        let has_room = |piece: &CutPiece| piece.records.len() + len <= PIECE_BYTES;
        let last = self.short.back();
        if !last.is_some_and(|last| last.database == database && has_room(last)) {
            self.short.push_back(CutPiece {
                database,
                records: Vec::new(),
                rest_bytes: 0,
            });
        }
        let records = &mut self.short.back_mut().expect("one was pushed").records;
        let (len_before, capacity_before) = (records.len(), records.capacity());
        if capacity_before - len_before < len {
            // Twice as much each time, but no more than a piece can need.
            let capacity = (2 * capacity_before).clamp(len_before + len, PIECE_BYTES);
            records.reserve_exact(capacity - len_before);
        }
        record.encode(records);
        self.held_bytes += records.capacity() - capacity_before;
        len
    }

    /// Appends the next part of the long record, or the next records of the collection, that is
    /// being read.
    pub(super) fn push_part(&mut self, part: CutPiece) {
        self.held_bytes += part.records.capacity();
        self.long.push_back(part);
    }

    /// The next piece: one that is full, and with `is_last` also the one that is still growing.
    pub(super) fn take(&mut self, is_last: bool) -> Option<CutPiece> {
        let piece = if let Some(part) = self.long.pop_front() {
            self.is_within_long = part.rest_bytes > 0;
            part
        } else if self.is_within_long || (self.short.len() < 2 && !is_last) {
            return None;
        } else {
            self.short.pop_front()?
        };
        self.held_bytes -= piece.records.capacity();
        Some(piece)
    }

    /// Memory of all pieces.
    pub(super) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Forgets all pieces.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
