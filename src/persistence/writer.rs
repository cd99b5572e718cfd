//! From a cut of the keyspace to the bytes of a snapshot, a slice at a time.
//!
//! ```text
//!  begin ─▶ step, step, … ─▶ (the walk is through) ─▶ end block ─▶ is_complete
//!             └──▶ take_buffer: bytes in the order of the file
//! ```
//!
//! Invariant: what is taken, put together, is a whole snapshot once `is_complete` holds and
//! nothing is left to take.
//!
//! Cost: encoding and checksum, about 60 ns a small key; memory is what has not been taken.
//!
//! Not here: where the bytes go (`storage.rs`), how much is done in a turn (`node/saving.rs`).

use super::format::{BlockKind, DatabaseCount, encode_end, write_block, write_head};
use crate::keyspace::Keyspace;

/// Buffers are handed out when they have grown to this: large enough to be worth a write, small
/// enough that the write does not keep a core for long.
const BUFFER_BYTES: usize = 64 * 1024;

/// A snapshot being written.
pub struct SnapshotWriter {
    buffer: Vec<u8>,
    block_count: u64,
    framed_bytes: u64,
    is_complete: bool,
}

impl SnapshotWriter {
    /// Begins a snapshot of the keyspace as it is at `now_ms`. There must be none going on.
    pub fn begin(keyspace: &mut Keyspace, now_ms: u64) -> Self {
        keyspace.begin_cut(now_ms);
        let mut writer = Self {
            buffer: Vec::with_capacity(BUFFER_BYTES),
            block_count: 0,
            framed_bytes: 0,
            is_complete: false,
        };
        write_head(&mut writer.buffer);
        writer.framed_bytes = writer.buffer.len() as u64;
        let mut about = now_ms.to_le_bytes().to_vec();
        about.extend_from_slice(concat!("evenkeel ", env!("CARGO_PKG_VERSION")).as_bytes());
        writer.write(BlockKind::About, 0, &about);
        writer
    }

    fn write(&mut self, kind: BlockKind, database: u16, payload: &[u8]) {
        let before = self.buffer.len();
        write_block(&mut self.buffer, kind, database, payload);
        self.block_count += 1;
        self.framed_bytes += (self.buffer.len() - before) as u64;
    }

    /// Goes one step on: some 256 keys or 64 KiB. Returns true if there is more to do.
    pub fn step(&mut self, keyspace: &mut Keyspace) -> bool {
        if self.is_complete {
            return false;
        }
        let is_through = !keyspace.cut_some();
        self.collect(keyspace, is_through);
        if is_through {
            self.finish(keyspace);
        }
        !is_through
    }

    /// Takes over what changes of the keyspace have read out since the last step.
    pub fn collect(&mut self, keyspace: &mut Keyspace, is_last: bool) {
        while let Some(piece) = keyspace.take_cut_piece(is_last) {
            let database = u16::try_from(piece.database).expect("databases are at most 1,024");
            self.write(BlockKind::Records, database, &piece.records);
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
        let payload = encode_end(self.block_count, &counts);
        self.write(BlockKind::End, 0, &payload);
        self.is_complete = true;
    }

    /// The next bytes of the file, when there are enough to be worth a write, or the last.
    pub fn take_buffer(&mut self) -> Option<Vec<u8>> {
        let is_worth_it = self.buffer.len() >= BUFFER_BYTES || self.is_complete;
        if !is_worth_it || self.buffer.is_empty() {
            return None;
        }
        let next = if self.is_complete {
            Vec::new()
        } else {
            Vec::with_capacity(BUFFER_BYTES)
        };
        Some(std::mem::replace(&mut self.buffer, next))
    }

    /// Bytes that wait to be taken.
    pub fn buffered_bytes(&self) -> usize {
        self.buffer.len()
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
