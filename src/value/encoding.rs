//! How a collection is said to be encoded: Redis's names by Redis's rules, whatever it really is.
//!
//! ```text
//!  hash, sorted set   listpack ─▶ hashtable, skiplist        more or longer elements than …-max-…
//!  set                intset ─▶ listpack ─▶ hashtable
//!  list               listpack ◀─▶ quicklist
//!  stream             stream
//! ```
//!
//! A name that was outgrown does not come back, but for lists. It is decided when an element
//! comes, by the limits that are in force then.
//!
//! Not here: how a collection is kept (`collection/`).

use super::kind::Kind;

/// What the encoding of a collection is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Encoding {
    /// `listpack`: small, all types.
    Small = 0,
    /// `hashtable`, `skiplist` or `quicklist`.
    Outgrown = 1,
    /// `intset`: a small set of integers.
    Integers = 2,
}

impl Encoding {
    /// The encoding of a number that [`Encoding`] has; any other number is taken for outgrown.
    pub const fn from_bits(bits: u8) -> Self {
        match bits {
            0 => Self::Small,
            2 => Self::Integers,
            _ => Self::Outgrown,
        }
    }

    /// What OBJECT ENCODING says of a collection of this kind.
    ///
    /// # Panics
    /// If it is the kind of strings.
    pub const fn name(self, kind: Kind) -> &'static str {
        let facts = kind.collection().expect("a string is no collection");
        match self {
            Self::Small => facts.small,
            Self::Integers => "intset",
            Self::Outgrown => facts.outgrown,
        }
    }
}

/// Up to where the elements of a type are called small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SmallLimits {
    /// How many elements, or pairs, there may be.
    pub entries_max: u64,
    /// Bytes of each text.
    pub value_bytes_max: u64,
}

/// The limits of all types, as `hash-max-listpack-entries` and the like set them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodingLimits {
    /// Of hashes.
    pub hash: SmallLimits,
    /// Of sets that are not of integers alone.
    pub set: SmallLimits,
    /// How many integers a set of integers may have.
    pub integers_max: u64,
    /// Of sorted sets.
    pub sorted_set: SmallLimits,
    /// `list-max-listpack-size`: elements if positive, else −1 to −5 for 4 to 64 KiB.
    pub list_size: i64,
    /// How many entries of a stream stand together.
    pub stream_chunk_entries: u64,
    /// Bytes that they take together.
    pub stream_chunk_bytes: usize,
}

/// Up to where a list is called small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListLimits {
    /// How many items there may be.
    pub items_max: u64,
    /// Bytes of all of them, as a listpack would take.
    pub bytes_max: usize,
}

/// How much of a large list may change, as far as is known, before its encoding could be called by
/// another name: bytes that may come to a small one, or go from an outgrown one. They are counted
/// once and then taken from here, so that few changes have to walk over leaves. Nothing is known
/// at first.
#[derive(Clone, Copy, Debug, Default)]
pub struct EncodingRoom {
    /// `list-max-listpack-size` as it was when they were counted.
    list_size: i64,
    bytes: usize,
}

impl EncodingRoom {
    /// So many bytes, by limits with this `list_size`.
    pub fn new(list_size: i64, bytes: usize) -> Self {
        Self { list_size, bytes }
    }

    /// Takes `bytes`, or nothing if there may not be as many under the limits in force; whether
    /// there were.
    #[inline]
    pub fn take(&mut self, list_size: i64, bytes: usize) -> bool {
        let is_enough = self.list_size == list_size && bytes <= self.bytes;
        if is_enough {
            self.bytes -= bytes;
        }
        is_enough
    }
}

/// Bytes up to where a list is called small if `list-max-listpack-size` counts items.
const COUNTED_LIST_BYTES_MAX: usize = 8 * 1024;

impl EncodingLimits {
    /// Up to where a list that grows stays small.
    pub fn list_growing(&self) -> ListLimits {
        match self.list_size {
            0.. => ListLimits {
                items_max: self.list_size.unsigned_abs().max(1),
                bytes_max: COUNTED_LIST_BYTES_MAX,
            },
            _ => ListLimits {
                items_max: u64::MAX,
                bytes_max: 2048 << self.list_size.unsigned_abs().min(5),
            },
        }
    }

    /// From where on a list that was outgrown and shrinks is small again: half of what
    /// `list-max-listpack-size` says.
    pub fn list_shrinking(&self) -> ListLimits {
        let limits = self.list_growing();
        match self.list_size {
            0.. => ListLimits {
                items_max: limits.items_max / 2,
                ..limits
            },
            _ => ListLimits {
                bytes_max: limits.bytes_max / 2,
                ..limits
            },
        }
    }
}

impl Default for EncodingLimits {
    fn default() -> Self {
        let small = |entries_max| SmallLimits {
            entries_max,
            value_bytes_max: 64,
        };
        Self {
            hash: small(512),
            set: small(128),
            integers_max: 512,
            sorted_set: small(128),
            list_size: -2,
            stream_chunk_entries: 100,
            stream_chunk_bytes: 4096,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_of_lists_are_those_of_redis() {
        let limits = |list_size| {
            let limits = EncodingLimits {
                list_size,
                ..EncodingLimits::default()
            };
            let [growing, shrinking] = [limits.list_growing(), limits.list_shrinking()];
            assert!(shrinking.items_max <= growing.items_max);
            (growing.items_max, growing.bytes_max, shrinking.bytes_max)
        };
        assert_eq!(limits(-1), (u64::MAX, 4096, 2048));
        assert_eq!(limits(-5), (u64::MAX, 65_536, 32_768));
        assert_eq!(limits(-100), (u64::MAX, 65_536, 32_768));
        assert_eq!(limits(128), (128, 8192, 8192));
        assert_eq!(limits(0), (1, 8192, 8192));
    }
}
