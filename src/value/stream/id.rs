//! Ids of entries: milliseconds and a number within them.
//!
//! ```text
//!  1526919030474-55      milliseconds, sequence
//!  key form              how many bytes of each number there are, and these, big-endian
//! ```
//!
//! Invariant: the key form orders ids as they are ordered, and none begins another.
//!
//! Not here: how requests spell ids (`command/streams/ids.rs`).

use arrayvec::{ArrayString, ArrayVec};

/// Bytes of a key form at most.
pub(super) const KEY_BYTES_MAX: usize = 18;

/// Bytes of an id in decimal at most.
const TEXT_BYTES_MAX: usize = 41;

/// The id of an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId {
    /// Milliseconds, of Unix time where the server made it.
    pub ms: u64,
    /// Its number within them.
    pub seq: u64,
}

impl StreamId {
    /// The least one, which no entry has.
    pub const MIN: Self = Self::new(0, 0);
    /// The greatest one.
    pub const MAX: Self = Self::new(u64::MAX, u64::MAX);

    /// The id of these numbers.
    pub const fn new(ms: u64, seq: u64) -> Self {
        Self { ms, seq }
    }

    /// The one after it, if there is one.
    pub fn next(self) -> Option<Self> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(Self::new(self.ms, seq)),
            None => Some(Self::new(self.ms.checked_add(1)?, 0)),
        }
    }

    /// The one before it, if there is one.
    pub fn previous(self) -> Option<Self> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(Self::new(self.ms, seq)),
            None => Some(Self::new(self.ms.checked_sub(1)?, u64::MAX)),
        }
    }

    /// It in decimal, as replies have it.
    pub fn text(self) -> ArrayString<TEXT_BYTES_MAX> {
        let mut text = ArrayString::new();
        // Two numbers of 64 bits fit.
        text.push_str(itoa::Buffer::new().format(self.ms));
        text.push('-');
        text.push_str(itoa::Buffer::new().format(self.seq));
        text
    }

    /// Its 16 bytes, which are ordered as ids are.
    pub(super) fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.ms) << 64 | u128::from(self.seq)).to_be_bytes()
    }

    /// The id of 16 bytes.
    pub(super) fn from_bytes(bytes: [u8; 16]) -> Self {
        let both = u128::from_be_bytes(bytes);
        Self::new((both >> 64) as u64, both as u64)
    }

    /// Its key form.
    pub(super) fn key(self) -> ArrayVec<u8, KEY_BYTES_MAX> {
        let mut key = ArrayVec::new();
        for number in [self.ms, self.seq] {
            let zeros = number.leading_zeros() as usize / 8;
            let digits = &number.to_be_bytes()[zeros..];
            key.push(digits.len() as u8);
            key.try_extend_from_slice(digits)
                .expect("two numbers of 64 bits fit");
        }
        key
    }

    /// Takes the id whose key form stands at the beginning of `bytes`.
    pub(super) fn take_key(bytes: &mut &[u8]) -> Option<Self> {
        Some(Self::new(take_number(bytes)?, take_number(bytes)?))
    }
}

fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let (&len, rest) = bytes.split_first()?;
    let (digits, rest) = rest.split_at_checked(usize::from(len))?;
    let is_shortest = digits.first() != Some(&0) && digits.len() <= size_of::<u64>();
    *bytes = rest;
    let number = digits
        .iter()
        .fold(0, |sum, &digit| sum << 8 | u64::from(digit));
    is_shortest.then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_cross_milliseconds() {
        let id = StreamId::new;
        assert_eq!(id(1, u64::MAX).next(), Some(id(2, 0)));
        assert_eq!(id(1, 4).next(), Some(id(1, 5)));
        assert_eq!(StreamId::MAX.next(), None);
        assert_eq!(id(2, 0).previous(), Some(id(1, u64::MAX)));
        assert_eq!(StreamId::MIN.previous(), None);
        assert_eq!(
            &*StreamId::MAX.text(),
            "18446744073709551615-18446744073709551615"
        );
    }

    #[test]
    fn key_forms_are_ordered_as_ids_are_and_read_again() {
        let numbers = [0, 1, 255, 256, 65_535, 1 << 40, u64::MAX - 1, u64::MAX];
        let ids = numbers.map(|ms| numbers.map(|seq| StreamId::new(ms, seq)));
        let keys: Vec<_> = ids.concat().iter().map(|id| id.key()).collect();
        assert!(keys.is_sorted());
        for (id, key) in ids.concat().into_iter().zip(&keys) {
            let mut bytes = &key[..];
            assert_eq!(StreamId::take_key(&mut bytes), Some(id));
            assert!(bytes.is_empty());
            assert_eq!(StreamId::from_bytes(id.to_bytes()), id);
            for len in 0..key.len() {
                assert_eq!(StreamId::take_key(&mut &key[..len]), None);
            }
        }
        assert_eq!(StreamId::take_key(&mut &[2, 0, 1, 0][..]), None);
        assert_eq!(StreamId::take_key(&mut &[9; 20][..]), None);
    }
}
