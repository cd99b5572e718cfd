//! Bits of a string: reading, writing, counting, searching and combining them.
//!
//! ```text
//! bit      0 1 2 3 4 5 6 7   8 9 …          bit 0 is the most significant bit of byte 0
//! byte     |      0      |   |  1 …
//! index    from the front: 0, 1, 2 …        from the end: -1, -2 …       both ends included
//! ```
//!
//! 1. Reading past the end gives zero bits, writing past it is the caller's fault.
//! 2. Indexes are any `i64`; whatever lies outside is clamped as Redis 7.0 does it.
//!
//! Cost: eight bytes at a time.
//!
//! Not here: integers within a string (`value/bitfield.rs`).

use std::ops::Range;

const WORD_BYTES: usize = size_of::<u64>();
const BYTE_BITS: u64 = u8::BITS as u64;

/// What the indexes of a range count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexUnit {
    /// Whole bytes.
    Byte,
    /// Single bits.
    Bit,
}

/// An operation of BITOP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BitOperation {
    /// Bits that all sources have.
    And,
    /// Bits that some source has.
    Or,
    /// Bits that an odd number of sources has.
    Xor,
    /// Bits that the only source lacks.
    Not,
}

/// The bit at `offset`; false past the end.
#[inline]
pub fn get_bit(bytes: &[u8], offset: u64) -> bool {
    let byte = usize::try_from(offset / BYTE_BITS)
        .ok()
        .and_then(|index| bytes.get(index));
    byte.is_some_and(|byte| byte & bit_mask(offset) != 0)
}

/// Sets the bit at `offset` to `bit` and returns what it was.
///
/// # Panics
/// If `bytes` is too short; see [`bytes_needed`].
#[inline]
pub fn set_bit(bytes: &mut [u8], offset: u64, bit: bool) -> bool {
    let byte = &mut bytes[(offset / BYTE_BITS) as usize];
    let mask = bit_mask(offset);
    let old = *byte & mask != 0;
    if bit {
        *byte |= mask;
    } else {
        *byte &= !mask;
    }
    old
}

/// The length in bytes of the shortest string that has bit `offset`.
#[inline]
pub const fn bytes_needed(offset: u64) -> u64 {
    offset / BYTE_BITS + 1
}

/// How many bits are one. O(length).
pub fn count_ones(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<WORD_BYTES>();
    let in_words: u64 = words
        .iter()
        .map(|word| u64::from(u64::from_ne_bytes(*word).count_ones()))
        .sum();
    let in_rest: u64 = rest.iter().map(|byte| u64::from(byte.count_ones())).sum();
    in_words + in_rest
}

/// How many bits are one between the indexes `start` and `end`, which are included. O(length).
pub fn count_ones_between(bytes: &[u8], start: i64, end: i64, unit: IndexUnit) -> u64 {
    // Two negative indexes in the wrong order stay an empty range, also where clamping to the
    // first byte would make them equal.
    if start < 0 && end < 0 && start > end {
        return 0;
    }
    let Some(bits) = resolve(bytes, start, end, unit) else {
        return 0;
    };
    let parts = Parts::of(&bits);
    let edges = parts.before.chain(parts.after);
    let in_edges = edges.filter(|offset| get_bit(bytes, *offset)).count();
    in_edges as u64 + count_ones(&bytes[parts.whole_bytes])
}

/// The offset of the first bit equal to `bit` between the indexes `start` and `end`, which are
/// included; without `end`, from `start` on.
///
/// Without `end` the string counts as followed by zeros without end, so a search for zero that
/// begins within the string always succeeds. (An absent key is not an empty string: there a search
/// for zero gives 0.) O(length).
pub fn position(
    bytes: &[u8],
    bit: bool,
    start: i64,
    end: Option<i64>,
    unit: IndexUnit,
) -> Option<u64> {
    let bits = resolve(bytes, start, end.unwrap_or(-1), unit)?;
    let mut parts = Parts::of(&bits);
    let has_bit = |offset: &u64| get_bit(bytes, *offset) == bit;
    parts
        .before
        .find(has_bit)
        .or_else(|| position_in_bytes(bytes, parts.whole_bytes, bit))
        .or_else(|| parts.after.find(has_bit))
        .or((!bit && end.is_none()).then_some(bits.end))
}

/// Replaces `out` by the combination of `sources`; shorter ones count as padded with zeros. O(total
/// length).
///
/// # Panics
/// If `operation` is [`BitOperation::Not`] and there is not exactly one source.
pub fn combine(operation: BitOperation, sources: &[&[u8]], out: &mut Vec<u8>) {
    out.clear();
    let length = sources.iter().map(|source| source.len()).max().unwrap_or(0);
    let Some((first, others)) = sources.split_first() else {
        assert!(operation != BitOperation::Not, "NOT takes one source");
        return;
    };
    out.reserve_exact(length);
    out.extend_from_slice(first);
    out.resize(length, 0);
    if operation == BitOperation::Not {
        assert!(others.is_empty(), "NOT takes one source");
        out.iter_mut().for_each(|byte| *byte = !*byte);
        return;
    }
    // Plain loops over equal lengths, which the compiler turns into vector instructions.
    for source in others {
        let (overlap, beyond) = out.split_at_mut(source.len());
        let pairs = overlap.iter_mut().zip(*source);
        match operation {
            BitOperation::And => {
                pairs.for_each(|(byte, other)| *byte &= other);
                beyond.fill(0);
            }
            BitOperation::Or => pairs.for_each(|(byte, other)| *byte |= other),
            BitOperation::Xor => pairs.for_each(|(byte, other)| *byte ^= other),
            BitOperation::Not => unreachable!("NOT has been done above"),
        }
    }
}

#[inline]
const fn bit_mask(offset: u64) -> u8 {
    0x80 >> (offset % BYTE_BITS)
}

/// The bits that the indexes `start` and `end` mean, or `None` if there are none.
fn resolve(bytes: &[u8], start: i64, end: i64, unit: IndexUnit) -> Option<Range<u64>> {
    let unit_bits = match unit {
        IndexUnit::Byte => BYTE_BITS,
        IndexUnit::Bit => 1,
    };
    let length = (bytes.len() as u64 * BYTE_BITS / unit_bits) as i64;
    let from_front = |index: i64| {
        if index < 0 {
            (index + length).max(0)
        } else {
            index
        }
    };
    let start = from_front(start);
    let end = from_front(end).min(length - 1);
    (start <= end).then(|| start as u64 * unit_bits..(end as u64 + 1) * unit_bits)
}

/// A range of bits, split where whole bytes begin and end.
struct Parts {
    before: Range<u64>,
    whole_bytes: Range<usize>,
    after: Range<u64>,
}

impl Parts {
    fn of(bits: &Range<u64>) -> Self {
        let first_byte = bits.start.div_ceil(BYTE_BITS);
        let end_byte = (bits.end / BYTE_BITS).max(first_byte);
        Self {
            before: bits.start..(first_byte * BYTE_BITS).min(bits.end),
            whole_bytes: first_byte as usize..end_byte as usize,
            after: end_byte * BYTE_BITS..bits.end,
        }
    }
}

/// The offset in `bytes` of the first bit equal to `bit` within the bytes `range`.
fn position_in_bytes(bytes: &[u8], range: Range<usize>, bit: bool) -> Option<u64> {
    // Inverting when zero is looked for leaves one search: the first one bit.
    let inversion = if bit { 0 } else { u64::MAX };
    let first_bit = range.start as u64 * BYTE_BITS;
    let (words, rest) = bytes[range].as_chunks::<WORD_BYTES>();
    let word_at = |word: &[u8; WORD_BYTES]| u64::from_be_bytes(*word) ^ inversion;
    if let Some(index) = words.iter().position(|word| word_at(word) != 0) {
        let within = u64::from(word_at(&words[index]).leading_zeros());
        return Some(first_bit + index as u64 * u64::from(u64::BITS) + within);
    }
    let byte_at = |byte: &u8| byte ^ inversion as u8;
    let index = rest.iter().position(|byte| byte_at(byte) != 0)?;
    let within = u64::from(byte_at(&rest[index]).leading_zeros());
    let before = (words.len() * WORD_BYTES + index) as u64 * BYTE_BITS;
    Some(first_bit + before + within)
}

#[cfg(test)]
mod tests;
