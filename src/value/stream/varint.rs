//! Numbers in as many bytes as they need, seven bits in each, the low ones first.
//!
//! Not here: what they count.

use arrayvec::ArrayVec;

/// Bytes of the longest number that is read.
pub(super) const BYTES_MAX: usize = 10;

/// The bytes of a number of up to 70 bits.
#[inline]
pub(super) fn bytes(mut number: u128) -> ArrayVec<u8, BYTES_MAX> {
    let mut bytes = ArrayVec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// Appends a number of up to 70 bits.
#[inline]
pub(super) fn put(out: &mut Vec<u8>, number: u128) {
    if number < 0x80 {
        return out.push(number as u8);
    }
    out.extend_from_slice(&bytes(number));
}

/// Takes the number at the beginning of `bytes`, if one stands there.
#[inline]
pub(super) fn take(bytes: &mut &[u8]) -> Option<u128> {
    let (&first, rest) = bytes.split_first()?;
    if first < 0x80 {
        *bytes = rest;
        return Some(u128::from(first));
    }
    let mut number = 0;
    for (index, &byte) in bytes.iter().enumerate().take(BYTES_MAX) {
        number |= u128::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            *bytes = &bytes[index + 1..];
            return Some(number);
        }
    }
    None
}

/// Takes a number that fits 64 bits.
#[inline]
pub(super) fn take_u64(bytes: &mut &[u8]) -> Option<u64> {
    take(bytes)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again() {
        for shift in 0..66 {
            for number in [(1u128 << shift) - 1, 1 << shift] {
                let mut bytes = Vec::new();
                put(&mut bytes, number);
                let mut rest = &bytes[..];
                assert_eq!(take(&mut rest), Some(number));
                assert!(rest.is_empty());
                assert_eq!(take(&mut &bytes[..bytes.len() - 1]), None);
            }
        }
        assert_eq!(take(&mut &[0xff; 20][..]), None);
        assert_eq!(
            take_u64(&mut &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f][..]),
            None
        );
    }
}
