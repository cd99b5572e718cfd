//! String values: text, or an integer that needs no text.
//!
//! Not here: how an entry stores them (`keyspace/entry.rs`), and what commands do to them.

use crate::base::numbers::parse_i64;

/// Longest decimal text of an `i64`: `-9223372036854775808`.
const INTEGER_TEXT_BYTES_MAX: usize = 20;

/// Up to this length Redis keeps a string in one allocation with its header and calls it `embstr`.
const EMBEDDED_BYTES_MAX: usize = 44;

/// A string value, borrowed from an entry or from a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StringValue<'a> {
    /// The text is exactly this number in decimal.
    Integer(i64),
    /// Any bytes.
    Bytes(&'a [u8]),
}

impl<'a> StringValue<'a> {
    /// The value in its shortest form: an integer where the text is one, as Redis recognises it.
    #[inline]
    pub fn compact(text: &'a [u8]) -> Self {
        if text.len() <= INTEGER_TEXT_BYTES_MAX
            && let Some(number) = parse_i64(text)
        {
            return Self::Integer(number);
        }
        Self::Bytes(text)
    }

    /// Length of the text in bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Integer(number) => itoa::Buffer::new().format(*number).len(),
            Self::Bytes(bytes) => bytes.len(),
        }
    }

    /// Whether the text is empty.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Bytes([]))
    }

    /// The text; an integer's is formatted into `buffer`.
    #[inline]
    pub fn text<'b>(&self, buffer: &'b mut itoa::Buffer) -> &'b [u8]
    where
        'a: 'b,
    {
        match *self {
            Self::Integer(number) => buffer.format(number).as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }

    /// The XXH3 of the text, 64 bits without a seed: what Redis calls its digest. O(length).
    pub fn digest(&self) -> u64 {
        xxhash_rust::xxh3::xxh3_64(self.text(&mut itoa::Buffer::new()))
    }

    /// The number the text stands for, if Redis would take it as an integer.
    pub fn as_integer(&self) -> Option<i64> {
        match *self {
            Self::Integer(number) => Some(number),
            Self::Bytes(bytes) => parse_i64(bytes),
        }
    }

    /// What OBJECT ENCODING says: `int`, `embstr`, or `raw` for long ones and for those that were
    /// modified in place.
    pub fn encoding_name(&self, modified_in_place: bool) -> &'static str {
        match self {
            Self::Integer(_) => "int",
            Self::Bytes(bytes) if bytes.len() <= EMBEDDED_BYTES_MAX && !modified_in_place => {
                "embstr"
            }
            Self::Bytes(_) => "raw",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Redis 8.4 answers to DIGEST.
    #[test]
    fn digests_are_those_of_redis() {
        let digest = |text| StringValue::compact(text).digest();
        assert_eq!(digest(b""), 0x2d06_8005_38d3_94c2);
        assert_eq!(digest(b"123"), 0x404a_763b_3f4c_8c9a);
        assert_eq!(digest(b"hello"), 0x9555_e855_5c62_dcfd);
        assert_eq!(digest(b"v8"), 0x0cc7_6dbb_4138_1419);
        let long = b"v8lf0c11xh8ymlqztfd3eeq16kfn4sspw7fqmnuuq3k3t75em5wdizgcdw7uc26nnf961u2jkfz\
            kjytls2kwlj7626sd";
        assert_eq!(digest(long), 0x0000_6c38_adf3_1777);
    }
}
