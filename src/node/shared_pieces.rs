//! Pieces of output that many connections share, between bytes of each one's own.
//!
//! ```text
//!  own bytes   [ ……………… │ ……………… │ …… ]         in the vector of the output
//!                        ▲          ▲
//!  pieces             position 0  position 1       ─▶ memory that all who got them point to
//! ```
//!
//! A message for ten thousand clients is one piece, counted by references, and freed by whoever is
//! the last to have written it.
//!
//! Invariants: there is a piece, or the output has none of this; positions never fall; the first is
//! not before what is written of the own bytes.
//!
//! Cost: 24 bytes a piece. Of short ones the bytes are copied instead ([`SHARED_BYTES_MIN`]).
//!
//! Not here: the own bytes (`buffers.rs`).

use std::collections::VecDeque;
use std::sync::Arc;

/// Shorter pieces are copied: a system call of their own would cost more.
pub(super) const SHARED_BYTES_MIN: usize = 4096;

struct Piece {
    /// How many own bytes come before it, counted from the beginning of their vector.
    position: usize,
    bytes: Arc<[u8]>,
}

/// The shared pieces of one output. See the module header.
#[derive(Default)]
pub(super) struct SharedPieces {
    row: VecDeque<Piece>,
    /// What is written of the first.
    start: usize,
    /// Bytes of all that are not written.
    len: usize,
}

impl SharedPieces {
    /// Adds a piece after so many own bytes.
    pub(super) fn push(&mut self, position: usize, bytes: Arc<[u8]>) {
        debug_assert!((self.row.back()).is_none_or(|last| last.position <= position));
        self.len += bytes.len();
        self.row.push_back(Piece { position, bytes });
    }

    /// Whether all are written.
    pub(super) fn is_empty(&self) -> bool {
        self.row.is_empty()
    }

    /// Bytes not yet written.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// What is to be written next: own bytes up to the first piece, `own_start` of them being
    /// written, or the rest of that piece.
    pub(super) fn next<'a>(&'a self, own: &'a [u8], own_start: usize) -> &'a [u8] {
        match self.row.front() {
            Some(piece) if piece.position == own_start => &piece.bytes[self.start..],
            Some(piece) => &own[own_start..piece.position],
            None => &own[own_start..],
        }
    }

    /// Notes that `count` bytes of [`SharedPieces::next`] were written; returns how many of them
    /// were the output's own.
    pub(super) fn advance(&mut self, count: usize, own_start: usize) -> usize {
        let Some(piece) = self.row.front() else {
            return count;
        };
        if piece.position > own_start {
            assert!(own_start + count <= piece.position);
            return count;
        }
        self.start += count;
        self.len -= count;
        assert!(self.start <= piece.bytes.len());
        if self.start == piece.bytes.len() {
            self.row.pop_front();
            self.start = 0;
        }
        0
    }

    /// Takes note that the first `count` own bytes have left their vector.
    pub(super) fn shift(&mut self, count: usize) {
        for piece in &mut self.row {
            piece.position -= count;
        }
    }
}
