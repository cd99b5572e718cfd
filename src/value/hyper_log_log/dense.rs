//! 16,384 registers of six bits, the first in the low bits of the first byte.
//!
//! ```text
//!  byte   0        1        2
//!  bits   11000000 22221111 33333322      four registers in three bytes
//! ```
//!
//! Cost: a register is two bytes looked at; all of them some 16 µs.
//!
//! Not here: the header before them (`mod.rs`).

use super::REGISTER_COUNT;
use super::registers::Registers;

/// Bits of a register.
const BITS: usize = 6;

/// The greatest value of a register.
const RANK_MAX: u8 = (1 << BITS) - 1;

/// Bytes of all of them.
pub(super) const BYTES: usize = REGISTER_COUNT * BITS / 8;

/// Raises a register; false if it is no less.
pub(super) fn raise(registers: &mut [u8], index: usize, rank: u8) -> bool {
    let (byte, shift) = (index * BITS / 8, index * BITS % 8);
    // A register that ends with its byte has no part in the next one, which may not be there.
    let next = registers.get(byte + 1).copied().unwrap_or(0);
    let both = u16::from_le_bytes([registers[byte], next]);
    if (both >> shift) as u8 & RANK_MAX >= rank {
        return false;
    }
    let mask = u16::from(RANK_MAX) << shift;
    let [low, high] = (both & !mask | u16::from(rank) << shift).to_le_bytes();
    registers[byte] = low;
    if let Some(next) = registers.get_mut(byte + 1) {
        *next = high;
    }
    true
}

/// Shows all registers with their indexes.
pub(super) fn each(registers: &[u8], mut visit: impl FnMut(usize, u8)) {
    for (chunk, bytes) in registers.chunks_exact(3).enumerate() {
        for (part, rank) in unpack(bytes).into_iter().enumerate() {
            visit(4 * chunk + part, rank);
        }
    }
}

/// The four registers in three bytes.
#[inline]
fn unpack(bytes: &[u8]) -> [u8; 4] {
    let [first, second, third] = [bytes[0], bytes[1], bytes[2]];
    [
        first & RANK_MAX,
        (first >> 6 | second << 2) & RANK_MAX,
        (second >> 4 | third << 4) & RANK_MAX,
        third >> 2,
    ]
}

/// Raises registers to these.
pub(super) fn merge_into(registers: &[u8], into: &mut Registers) {
    let chunks = registers.chunks_exact(3);
    for (bytes, ranks) in chunks.zip(into.ranks_mut().chunks_exact_mut(4)) {
        for (rank, other) in ranks.iter_mut().zip(unpack(bytes)) {
            *rank = (*rank).max(other);
        }
    }
}
