//! From a cut of the keyspace to the bytes of a snapshot, a slice at a time.
//!
//! ```text
//!  begin ─▶ step, step, … libraries, then keys ─▶ end block ─▶ is_complete
//!             └──▶ take_buffer: bytes in the order of the file
//! ```
//!
//! Invariant: what is taken, put together, is a whole snapshot once `is_complete` holds and
//! nothing is left to take.
//!
//! Cost: encoding and checksum, about 60 ns a small key; memory is what has not been taken.
//!
//! Not here: where the bytes go (`storage.rs`), how much is done in a turn (`node/saving.rs`).

use super::format::{
    BLOCK_HEAD_BYTES, BlockKind, CHECKSUM_BYTES, DatabaseCount, FORMAT_VERSION, KEYS_VERSION,
    OpenBlock, encode_end, write_block, write_head,
};
use crate::keyspace::{CutPiece, Keyspace};
use std::collections::VecDeque;
use std::sync::Arc;

/// Buffers are handed out when nothing more fits into so many bytes: large enough to be worth a
/// write, small enough that the write does not keep a core for long.
const BUFFER_BYTES: usize = 64 * 1024;

/// Bytes of a library that one step writes.
const LIBRARY_STEP_BYTES: usize = 32 * 1024;

/// A snapshot being written.
pub struct SnapshotWriter {
    /// Filled buffers.
    full: VecDeque<Vec<u8>>,
    /// The one that is being filled.
    buffer: Vec<u8>,
    /// Libraries that are not written yet, and how much of the first is.
    libraries: VecDeque<Arc<[u8]>>,
    library_offset: usize,
    /// Of a record or a library that is written in parts.
    open_block: Option<OpenBlock>,
    block_count: u64,
    framed_bytes: u64,
    is_complete: bool,
}

impl SnapshotWriter {
    /// Begins a snapshot of the keyspace as it is at `now_ms`, and of libraries by their texts.
    /// There must be none going on.
    pub fn begin(keyspace: &mut Keyspace, libraries: Vec<Arc<[u8]>>, now_ms: u64) -> Self {
        keyspace.begin_cut(now_ms);
        Self::begin_apart(libraries, now_ms)
    }

    /// Begins a snapshot of what [`SnapshotWriter::write_records`] and cuts of any keyspace give,
    /// as [`SnapshotWriter::end`] counts it.
    pub(super) fn begin_apart(libraries: Vec<Arc<[u8]>>, now_ms: u64) -> Self {
        let version = match libraries.is_empty() {
            true => KEYS_VERSION,
            false => FORMAT_VERSION,
        };
        let mut writer = Self {
            full: VecDeque::new(),
            buffer: Vec::with_capacity(BUFFER_BYTES),
            libraries: libraries.into(),
            library_offset: 0,
            open_block: None,
            block_count: 0,
            framed_bytes: 0,
            is_complete: false,
        };
        write_head(&mut writer.buffer, version);
        writer.framed_bytes = writer.buffer.len() as u64;
        let mut about = now_ms.to_le_bytes().to_vec();
        about.extend_from_slice(concat!("evenkeel ", env!("CARGO_PKG_VERSION")).as_bytes());
        writer.write(BlockKind::About, 0, &about);
        writer
    }

    fn write(&mut self, kind: BlockKind, database: u16, payload: &[u8]) {
        self.make_room(payload.len());
        let before = self.buffer.len();
        write_block(&mut self.buffer, kind, database, payload);
        self.block_count += 1;
        self.framed_bytes += (self.buffer.len() - before) as u64;
    }

    /// Begins another buffer if a part of a block with so many bytes of payload does not fit.
    fn make_room(&mut self, payload_bytes: usize) {
        let wanted_bytes = BLOCK_HEAD_BYTES + payload_bytes + CHECKSUM_BYTES;
        if !self.buffer.is_empty() && self.buffer.len() + wanted_bytes > BUFFER_BYTES {
            let next = Vec::with_capacity(BUFFER_BYTES);
            self.full
                .push_back(std::mem::replace(&mut self.buffer, next));
        }
    }

    /// Writes records of a database, as a block; libraries that are not written go first.
    pub(super) fn write_records(&mut self, database: u16, records: &[u8]) {
        while self.write_library() {}
        self.write(BlockKind::Records, database, records);
    }

    /// Writes a piece of the cut: a block of its own, or the next part of a long record's.
    fn write_piece(&mut self, piece: &CutPiece) {
        let database = u16::try_from(piece.database).expect("databases are at most 1,024");
        if self.open_block.is_none() && piece.rest_bytes == 0 {
            self.write(BlockKind::Records, database, &piece.records);
            return;
        }
        let len = piece.records.len() + piece.rest_bytes;
        self.write_part(BlockKind::Records, database, len, &piece.records);
    }

    /// Writes the first part of a block whose payload has `len` bytes, or the next one.
    fn write_part(&mut self, kind: BlockKind, database: u16, len: usize, part: &[u8]) {
        self.make_room(part.len());
        let before = self.buffer.len();
        let block = self.open_block.take().unwrap_or_else(|| {
            self.block_count += 1;
            OpenBlock::begin(&mut self.buffer, kind, database, len)
        });
        self.open_block = block.append(&mut self.buffer, part);
        self.framed_bytes += (self.buffer.len() - before) as u64;
    }

    /// Writes the next part of a library; false if all are written.
    fn write_library(&mut self) -> bool {
        let Some(code) = self.libraries.front().cloned() else {
            return false;
        };
        let end = code.len().min(self.library_offset + LIBRARY_STEP_BYTES);
        let part = &code[self.library_offset..end];
        self.write_part(BlockKind::Library, 0, code.len(), part);
        self.library_offset = end;
        if end == code.len() {
            self.libraries.pop_front();
            self.library_offset = 0;
        }
        true
    }

    /// Goes one step on: some 256 keys, 64 KiB, or 32 KiB of a library. Returns true if there is
    /// more to do.
    pub fn step(&mut self, keyspace: &mut Keyspace) -> bool {
        if self.is_complete {
            return false;
        }
        if self.write_library() {
            return true;
        }
        let is_through = !keyspace.cut_some();
        self.collect(keyspace, is_through);
        if is_through {
            self.finish(keyspace);
        }
        !is_through
    }

    /// Takes over what changes of the keyspace have read out since the last step, once libraries
    /// are written.
    pub fn collect(&mut self, keyspace: &mut Keyspace, is_last: bool) {
        if !self.libraries.is_empty() {
            return;
        }
        while let Some(piece) = keyspace.take_cut_piece(is_last) {
            self.write_piece(&piece);
        }
    }

    fn finish(&mut self, keyspace: &Keyspace) {
        let counts: Vec<DatabaseCount> = keyspace
            .cut_counts()
            .iter()
            .enumerate()
            .filter(|(_, count)| count.keys > 0)
            .map(|(database, count)| DatabaseCount {
                database: database as u32,
                keys: count.keys,
                expires: count.expires,
            })
            .collect();
        self.end(&counts);
    }

    /// Ends the snapshot, which has so many keys; libraries that are not written go before.
    pub(super) fn end(&mut self, counts: &[DatabaseCount]) {
        while self.write_library() {}
        let payload = encode_end(self.block_count, counts);
        self.write(BlockKind::End, 0, &payload);
        self.is_complete = true;
    }

    /// The next bytes of the file: a filled buffer, or the last.
    pub fn take_buffer(&mut self) -> Option<Vec<u8>> {
        if let Some(buffer) = self.full.pop_front() {
            return Some(buffer);
        }
        let is_last = self.is_complete && !self.buffer.is_empty();
        is_last.then(|| std::mem::take(&mut self.buffer))
    }

    /// Memory of what waits to be taken.
    pub fn buffered_bytes(&self) -> usize {
        let full_bytes: usize = self.full.iter().map(Vec::capacity).sum();
        self.buffer.capacity() + full_bytes
    }

    /// Frees what waits to be taken: the snapshot was given up.
    pub fn abandon(&mut self) {
        self.full.clear();
        self.buffer = Vec::new();
        self.libraries.clear();
        self.open_block = None;
    }

    /// Bytes of the file so far.
    pub fn framed_bytes(&self) -> u64 {
        self.framed_bytes
    }

    /// Whether the end block is written: what is left to take is all there is.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }
}
