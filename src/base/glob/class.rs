//! Character classes of patterns, as sets of bytes.
//!
//! ```text
//! class = "[" ["^"] ( "\" byte | byte "-" byte | byte )* "]"     or up to the pattern's end
//! ```
//!
//! Odd cases are those of Redis on x86-64: ranges compare bytes as signed, and an escaped byte
//! keeps its case.
//!
//! Cost: O(length of the class) to read it, whatever its ranges hold; one bit test for a byte.
//!
//! Not here: the rest of a pattern (`mod.rs`).

/// The upper-case letters among the bytes 64 to 127, one bit each, and how far above them the
/// lower-case ones are.
const UPPER_CASE: u64 = ((1 << 26) - 1) << 1;
const CASE_DISTANCE: u32 = 32;

/// A set of bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ByteSet([u64; 4]);

impl ByteSet {
    #[inline]
    pub(super) fn contains(&self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
    }

    pub(super) fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }

    /// Its only byte, if it has one only.
    pub(super) fn only(&self) -> Option<u8> {
        let index = self.0.iter().position(|word| *word != 0)?;
        (self.count() == 1).then(|| (index as u32 * 64 + self.0[index].trailing_zeros()) as u8)
    }

    /// A letter in both cases, or another byte.
    pub(super) fn in_any_case(byte: u8) -> Self {
        let mut set = Self::default();
        set.insert(byte.to_ascii_lowercase());
        set.insert(byte.to_ascii_uppercase());
        set
    }

    fn insert(&mut self, byte: u8) {
        self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }

    /// Adds the bytes from `first` to `last` in unsigned order.
    fn insert_all(&mut self, first: u8, last: u8) {
        for (index, word) in self.0.iter_mut().enumerate() {
            let begin = index as u32 * 64;
            let (first, last) = (u32::from(first).max(begin), u32::from(last).min(begin + 63));
            if first <= last {
                *word |= u64::MAX >> (63 - (last - first)) << (first - begin);
            }
        }
    }

    /// Adds the bytes from `first` to `last` in signed order, none if they stand the other way.
    fn insert_signed(&mut self, first: u8, last: u8) {
        match (first as i8, last as i8) {
            (low, high) if low > high => {}
            (i8::MIN..0, 0..) => {
                self.insert_all(first, u8::MAX);
                self.insert_all(0, last);
            }
            _ => self.insert_all(first, last),
        }
    }

    /// The bytes that are in this set once their case is folded to the lower one.
    fn unfolded(mut self) -> Self {
        self.0[1] = self.0[1] & !UPPER_CASE | self.0[1] >> CASE_DISTANCE & UPPER_CASE;
        self
    }
}

/// Reads a class, which begins after its `[`; returns its length with its `]`, if it has one.
pub(super) fn read(class: &[u8], ignore_case: bool) -> (usize, ByteSet) {
    let fold = |byte: u8| {
        if ignore_case {
            byte.to_ascii_lowercase()
        } else {
            byte
        }
    };
    let is_negated = class.first() == Some(&b'^');
    let mut length = usize::from(is_negated);
    let (mut escaped_set, mut set) = (ByteSet::default(), ByteSet::default());
    loop {
        length += match &class[length..] {
            [] => break,
            [b'\\', escaped, ..] => {
                escaped_set.insert(*escaped);
                2
            }
            [b']', ..] => {
                length += 1;
                break;
            }
            [first, b'-', last, ..] => {
                // Ordered before the case is folded, so `[Z-a]` without case holds nothing.
                let (least, greatest) = if *first as i8 > *last as i8 {
                    (*last, *first)
                } else {
                    (*first, *last)
                };
                set.insert_signed(fold(least), fold(greatest));
                3
            }
            [member, ..] => {
                set.insert(fold(*member));
                1
            }
        };
    }
    let set = if ignore_case { set.unfolded() } else { set };
    let mut words = set.0;
    for (word, escaped) in words.iter_mut().zip(escaped_set.0) {
        *word |= escaped;
        if is_negated {
            *word = !*word;
        }
    }
    (length, ByteSet(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: ranges are filled as their definition says; method: every pair of ends, byte by byte.
    #[test]
    fn ranges_hold_what_lies_between_their_ends_as_signed_bytes() {
        for ignore_case in [false, true] {
            let fold = |byte: u8| {
                if ignore_case {
                    byte.to_ascii_lowercase() as i8
                } else {
                    byte as i8
                }
            };
            for (first, last) in
                (0..=255).flat_map(|first| (0..=255).map(move |last| (first, last)))
            {
                if [first, last].iter().any(|end: &u8| b"\\]^".contains(end)) {
                    continue;
                }
                let (length, set) = read(&[first, b'-', last, b']'], ignore_case);
                assert_eq!(length, 4);
                let least = fold((first as i8).min(last as i8) as u8);
                let greatest = fold((first as i8).max(last as i8) as u8);
                for byte in [
                    0, 1, 64, 65, 77, 90, 91, 97, 110, 122, 123, 127, 128, 200, 255, first,
                ] {
                    let is_member = (least..=greatest).contains(&fold(byte));
                    assert_eq!(set.contains(byte), is_member, "[{first}-{last}] {byte}");
                }
            }
        }
    }

    #[test]
    fn a_set_knows_its_only_byte() {
        assert_eq!(read(b"a]", false).1.only(), Some(b'a'));
        assert_eq!(read(b"\\\xff]", true).1.only(), Some(0xff));
        assert_eq!(read(b"ab]", false).1.only(), None);
        assert_eq!(read(b"]", false).1.only(), None);
        assert_eq!(read(b"^]", false).1.count(), 256);
        assert_eq!(ByteSet::in_any_case(b'q'), read(b"q]", true).1);
    }
}
