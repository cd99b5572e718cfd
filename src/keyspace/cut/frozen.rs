//! Large collections of a cut: frozen when they are shown, written in slices by the walk.
//!
//! ```text
//!  shown ─▶ counted, its beginning noted, frozen ─▶ row ─▶ a slice a step ─▶ pieces ─▶ thawed
//!           O(1): the entry may be changed and freed at once
//! ```
//!
//! A slice takes whole leaves, without a look at their elements. An element that is longer than a
//! piece is read in parts, from the leaf it has for itself.
//!
//! Invariants: every collection in the row has one open view, which is closed when its last element
//! has been read or the cut is given up. Only the first one of the row is read, and within an
//! element or a key that is read in parts nothing else is.
//!
//! Cost: a slice is a copy of 64 KiB, some ten microseconds; memory is what changes have replaced
//! since (`keyspace/collections.rs` counts it), and the noted beginnings.
//!
//! Not here: entries that are read in slices (`long.rs`), what a record is (`value/record`).

use super::pieces::{CutPiece, PIECE_BYTES, Pieces};
use crate::keyspace::collections::FrozenId;
use crate::keyspace::entry::EntryStore;
use crate::keyspace::memory::Memory;
use crate::structures::block::{ElementRef, Run};
use crate::structures::block_tree::View;
use crate::value::kind::Kind;
use crate::value::record::{PIECE_FRAME_BYTES, Piece};
use std::collections::VecDeque;

/// Collections that one step lets go when the cut was given up.
const STEP_THAWED: usize = 64;

/// A collection that is read in slices.
pub(super) struct Frozen {
    pub(super) database: usize,
    pub(super) id: FrozenId,
    pub(super) kind: Kind,
    /// What its pieces name it by.
    pub(super) number: u32,
    /// The record with which it begins, until it has been read.
    pub(super) begin: Vec<u8>,
    /// Elements that have been read.
    pub(super) rank: u64,
    /// Bytes that have been read of what is read in parts: the beginning, or an element.
    pub(super) part_bytes: usize,
}

impl Frozen {
    fn note_bytes(&self) -> usize {
        size_of::<Self>() + self.begin.capacity()
    }

    /// Reads up to [`PIECE_BYTES`] of records; how many bytes of the last record are left.
    fn read(&mut self, view: &View, memory: &Memory, records: &mut Vec<u8>) -> usize {
        // A long key is as rare as it is long.
        if self.begin.len() > PIECE_BYTES / 2 {
            return self.read_begin(records);
        }
        records.append(&mut self.begin);
        let room = PIECE_BYTES - records.len() - PIECE_FRAME_BYTES;
        let first = view.runs(memory, self.rank).next();
        let first = first.and_then(|run| run.elements().next());
        let first = first.expect("a collection is read until its last element");
        if first.bytes().len() <= room {
            self.read_elements(view, memory, room, records);
            return 0;
        }
        // After its beginning, an element that takes a whole piece must wait for the next.
        if !records.is_empty() {
            return 0;
        }
        self.read_long(first, records)
    }

    fn read_begin(&mut self, records: &mut Vec<u8>) -> usize {
        let end = self.begin.len().min(self.part_bytes + PIECE_BYTES);
        records.extend_from_slice(&self.begin[self.part_bytes..end]);
        let left = self.begin.len() - end;
        self.part_bytes = end;
        if left == 0 {
            self.begin = Vec::new();
            self.part_bytes = 0;
        }
        left
    }

    /// Reads as many leaves as fit, or as many elements of the first one.
    fn read_elements(&mut self, view: &View, memory: &Memory, room: usize, records: &mut Vec<u8>) {
        let frame = records.len();
        records.resize(frame + PIECE_FRAME_BYTES, 0);
        let begin = records.len();
        let mut count = 0;
        let has_room = |records: &Vec<u8>, len| records.len() - begin + len <= room;
        for run in view.runs(memory, self.rank) {
            if has_room(records, run.bytes().len()) {
                records.extend_from_slice(run.bytes());
                count += run.count();
                continue;
            }
            // Only a leaf of equal hashes can be longer than a piece.
            if count == 0 {
                let mut elements = run.elements();
                while let Some(element) = elements.next()
                    && has_room(records, element.bytes().len())
                {
                    records.extend_from_slice(element.bytes());
                    count += 1;
                }
            }
            break;
        }
        let run = Run::new(view.shape(), count, &records[begin..]);
        let bytes = self.piece(run).frame();
        records[frame..begin].copy_from_slice(&bytes);
        self.rank += count as u64;
    }

    /// Reads the next part of an element that is longer than a piece.
    fn read_long(&mut self, element: ElementRef<'_>, records: &mut Vec<u8>) -> usize {
        let bytes = element.bytes();
        let frame = self.piece(Run::new(element.shape(), 1, bytes)).frame();
        let len = frame.len() + bytes.len();
        let end = len.min(self.part_bytes + PIECE_BYTES);
        if self.part_bytes == 0 {
            records.extend_from_slice(&frame);
        }
        let from = self.part_bytes.max(frame.len()) - frame.len();
        records.extend_from_slice(&bytes[from..end - frame.len()]);
        self.part_bytes = end;
        if end == len {
            self.part_bytes = 0;
            self.rank += 1;
        }
        len - end
    }

    fn piece<'a>(&self, run: Run<'a>) -> Piece<'a> {
        Piece {
            kind: self.kind,
            number: self.number,
            before: self.rank,
            run,
        }
    }
}

/// The frozen collections of a cut that are to be read.
#[derive(Default)]
pub(super) struct FrozenRow {
    row: VecDeque<Frozen>,
    note_bytes: usize,
}

impl FrozenRow {
    pub(super) fn push(&mut self, frozen: Frozen) {
        self.note_bytes += frozen.note_bytes();
        self.row.push_back(frozen);
    }

    /// Whether one is being read or waits for it.
    pub(super) fn has_more(&self) -> bool {
        !self.row.is_empty()
    }

    /// Whether a key or an element was read in part, so that its next part must come next.
    pub(super) fn is_within_part(&self) -> bool {
        self.row.front().is_some_and(|first| first.part_bytes > 0)
    }

    /// Memory of what is noted of them.
    pub(super) fn note_bytes(&self) -> usize {
        self.note_bytes
    }

    /// Reads the next slice.
    pub(super) fn read_slice(&mut self, entries: &mut EntryStore, pieces: &mut Pieces) {
        let Some(first) = self.row.front_mut() else {
            return;
        };
        let view = entries.collections().frozen(first.id);
        let before_bytes = first.note_bytes();
        let mut records = Vec::new();
        let rest_bytes = first.read(&view, entries.memory(), &mut records);
        self.note_bytes = self.note_bytes - before_bytes + first.note_bytes();
        pieces.push_part(CutPiece {
            database: first.database,
            records,
            rest_bytes,
        });
        if first.rank == view.len() {
            self.thaw_first(entries);
        }
    }

    fn thaw_first(&mut self, entries: &mut EntryStore) {
        if let Some(first) = self.row.pop_front() {
            self.note_bytes -= first.note_bytes();
            entries.collections_mut().0.thaw(first.id);
        }
    }

    /// Lets some of them go, which are not to be read any more; false if there are none.
    pub(super) fn thaw_some(&mut self, entries: &mut EntryStore) -> bool {
        for _ in 0..STEP_THAWED.min(self.row.len()) {
            self.thaw_first(entries);
        }
        self.has_more()
    }
}

#[cfg(test)]
mod tests;
