//! A key with its value and deadline, as bytes: what snapshots are made of.
//!
//! ```text
//!  1 byte     kind: bits 0–4, see below; bit 5: long key; bit 6: has a deadline; bit 7: 0
//!  8 bytes    deadline in Unix milliseconds, if bit 6 is set       ┐
//!  1 byte     length of the key, or 4 bytes if bit 5 is set        ├ not of a piece
//!  …          key                                                  ┘
//!  then by kind
//!    0        1 byte length, text          4   1 byte integer
//!    1        2 bytes length, text         5   2 bytes integer
//!    2        4 bytes length, text         6   4 bytes integer
//!    3        a collection begins          7   8 bytes integer
//!    8        list          9   set
//!   10        sorted set   11   hash
//!   12        stream, in pieces only
//!   16        a piece of a collection
//! ```
//!
//! All numbers are little-endian, integers in two's complement. The shortest form is written; any
//! form is read. What is written down here is also in `docs/SNAPSHOT_FORMAT.md`.
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | records, keys with strings |
//! | `elements.rs` | small collections, and large ones in pieces |
//!
//! Cost: 3 bytes beside key and text for keys and texts below 256 bytes, 11 with a deadline.
//!
//! Not here: blocks, checksums and files (`persistence/`).

mod elements;
#[cfg(test)]
mod tests;

pub use elements::{Begun, Collected, PIECE_FRAME_BYTES, Piece};

use super::encoding::Encoding;
use super::kind::Kind;
use super::stream;
use super::string::StringValue;
use crate::structures::block::ElementRef;
use arrayvec::ArrayVec;
use std::fmt;
use std::ops::Range;

const KIND_MASK: u8 = 0x1f;
const LONG_KEY: u8 = 1 << 5;
const HAS_DEADLINE: u8 = 1 << 6;
const RESERVED: u8 = 1 << 7;

const HEAD_BYTES_MAX: usize = 1 + 8 + 4;
const NUMBER_BYTES_MAX: usize = elements::BEGUN_BYTES;

const TEXT_LEN_1: u8 = 0;
const TEXT_LEN_2: u8 = 1;
const TEXT_LEN_4: u8 = 2;
const BEGUN: u8 = 3;
const INTEGER_1: u8 = 4;
const INTEGER_2: u8 = 5;
const INTEGER_4: u8 = 6;
const INTEGER_8: u8 = 7;
const PIECE: u8 = 16;

/// How collections of a kind are recorded.
struct CollectionRow {
    kind: Kind,
    /// The kind of the record of a small one.
    number: u8,
    /// Whether an element, right in itself, may stand in such a collection; none if any may.
    is_element: Option<fn(ElementRef<'_>) -> bool>,
}

const fn row(kind: Kind, number: u8) -> CollectionRow {
    CollectionRow {
        kind,
        number,
        is_element: None,
    }
}

const COLLECTIONS: &[CollectionRow] = &[
    row(Kind::List, 8),
    row(Kind::Set, 9),
    row(Kind::SortedSet, 10),
    row(Kind::Hash, 11),
    CollectionRow {
        is_element: Some(|element| stream::is_element(element.score(), element.key())),
        ..row(Kind::Stream, 12)
    },
    #[cfg(test)]
    row(Kind::Toy, 30),
];

/// Whether elements are walked when a record is decoded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// They are what somebody claims, and are walked.
    Claimed,
    /// They were walked.
    Checked,
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// A key, with its value or the beginning of it.
    Key(KeyRecord<'a>),
    /// Elements of a collection that has begun.
    Piece(Piece<'a>),
}

/// A key with its value and deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyRecord<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Its value.
    pub value: RecordValue<'a>,
    /// When it expires, in Unix milliseconds.
    pub deadline_ms: Option<u64>,
}

/// What a record says of the value of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordValue<'a> {
    /// A string.
    String(StringValue<'a>),
    /// A small collection.
    Collection(Collected<'a>),
    /// A collection whose elements follow in pieces.
    Begun(Begun),
}

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// They end before the record does.
    Truncated,
    /// The kind is none that this version knows.
    UnknownKind(u8),
    /// The elements of a collection, or what is said of them, make no sense.
    Elements,
    /// A piece of a collection that has not begun or goes on elsewhere, or one that begins twice.
    Piece,
}

impl fmt::Display for RecordError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => formatter.write_str("a record ends too early"),
            Self::UnknownKind(kind) => write!(formatter, "a record of unknown kind {kind}"),
            Self::Elements => formatter.write_str("a collection is malformed"),
            Self::Piece => formatter.write_str("pieces of a collection don't fit each other"),
        }
    }
}

impl std::error::Error for RecordError {}

impl<'a> Record<'a> {
    /// Takes the record at the beginning of `bytes`, which then begin behind it.
    ///
    /// # Errors
    /// [`RecordError`]; `bytes` then stay where they are.
    pub fn decode(bytes: &mut &'a [u8]) -> Result<Self, RecordError> {
        Self::decode_by(bytes, Trust::Claimed)
    }

    fn decode_by(bytes: &mut &'a [u8], trust: Trust) -> Result<Self, RecordError> {
        let mut rest = *bytes;
        let [head] = take(&mut rest)?;
        let record = match head {
            PIECE => Self::Piece(Piece::decode(&mut rest, trust)?),
            _ if head & RESERVED != 0 => return Err(RecordError::UnknownKind(head)),
            _ => Self::Key(KeyRecord::decode_rest(head, &mut rest, trust)?),
        };
        *bytes = rest;
        Ok(record)
    }

    /// The kind of a record whose first byte is `head`, if only collections have such.
    pub fn collection_kind(head: u8) -> Option<u8> {
        match head & !(LONG_KEY | HAS_DEADLINE) {
            PIECE if head == PIECE => Some(PIECE),
            kind if kind == BEGUN || collection_of(kind).is_some() => Some(kind),
            _ => None,
        }
    }

    /// All records of a block, each of which was decoded before. Their elements are not walked
    /// again.
    ///
    /// # Panics
    /// If one of them is malformed, then or when its elements are read.
    pub fn all(mut bytes: &'a [u8]) -> impl Iterator<Item = Self> + use<'a> {
        std::iter::from_fn(move || {
            let has_more = !bytes.is_empty();
            has_more.then(|| {
                let record = Self::decode_by(&mut bytes, Trust::Checked);
                record.expect("a loader has checked the record")
            })
        })
    }
}

impl<'a> KeyRecord<'a> {
    /// Appends the record to `out`.
    ///
    /// # Panics
    /// If key or text is longer than 4 GiB, which no request can bring.
    pub fn encode(&self, out: &mut Vec<u8>) {
        for part in self.parts().slices() {
            out.extend_from_slice(part);
        }
    }

    /// Bytes of the record when it is encoded.
    ///
    /// # Panics
    /// As [`KeyRecord::encode`] does.
    pub fn encoded_len(&self) -> usize {
        self.parts().slices().map(<[u8]>::len).iter().sum()
    }

    /// Appends the bytes of the encoded record that `range` names, which it must have. O(range).
    ///
    /// # Panics
    /// As [`KeyRecord::encode`] does.
    pub fn encode_part(&self, range: Range<usize>, out: &mut Vec<u8>) {
        let (mut skip, mut left) = (range.start, range.len());
        for part in self.parts().slices() {
            let begin = skip.min(part.len());
            let end = (begin + left).min(part.len());
            out.extend_from_slice(&part[begin..end]);
            skip -= begin;
            left -= end - begin;
        }
        assert_eq!(left, 0, "a part of a record ends where the record does");
    }

    fn parts(&self) -> Parts<'a> {
        let key_len = u32::try_from(self.key.len()).expect("a key is at most 4 GiB");
        let is_long_key = key_len > u32::from(u8::MAX);
        let kind = kind_of(self.value);
        let mut head = ArrayVec::new();
        head.push(
            kind | if is_long_key { LONG_KEY } else { 0 }
                | if self.deadline_ms.is_some() {
                    HAS_DEADLINE
                } else {
                    0
                },
        );
        if let Some(deadline_ms) = self.deadline_ms {
            head.extend(deadline_ms.to_le_bytes());
        }
        match is_long_key {
            true => head.extend(key_len.to_le_bytes()),
            false => head.push(key_len as u8),
        }
        let mut number = ArrayVec::new();
        let mut tail = &[][..];
        match self.value {
            RecordValue::String(StringValue::Integer(value)) => {
                let width = 1 << (kind - INTEGER_1);
                number.extend(value.to_le_bytes().into_iter().take(width));
            }
            RecordValue::String(StringValue::Bytes(text)) => {
                let width = 1 << (kind - TEXT_LEN_1);
                number.extend((text.len() as u64).to_le_bytes().into_iter().take(width));
                tail = text;
            }
            RecordValue::Collection(collected) => {
                number.extend(collected.frame());
                tail = collected.run.bytes();
            }
            RecordValue::Begun(begun) => number.extend(begun.bytes()),
        }
        Parts {
            head,
            key: self.key,
            number,
            tail,
        }
    }

    fn decode_rest(head: u8, rest: &mut &'a [u8], trust: Trust) -> Result<Self, RecordError> {
        let deadline_ms = match head & HAS_DEADLINE {
            0 => None,
            _ => Some(u64::from_le_bytes(take(rest)?)),
        };
        let key_len = match head & LONG_KEY {
            0 => u32::from(u8::from_le_bytes(take(rest)?)),
            _ => u32::from_le_bytes(take(rest)?),
        };
        let key = take_slice(rest, key_len)?;
        let value = match head & KIND_MASK {
            BEGUN => RecordValue::Begun(Begun::decode(rest)?),
            kind => match collection_of(kind) {
                Some(kind) => RecordValue::Collection(Collected::decode(kind, rest, trust)?),
                None => RecordValue::String(string(kind, rest)?),
            },
        };
        Ok(Self {
            key,
            value,
            deadline_ms,
        })
    }
}

/// What an encoded record consists of, in this order.
struct Parts<'a> {
    /// Kind, deadline and length of the key.
    head: ArrayVec<u8, HEAD_BYTES_MAX>,
    key: &'a [u8],
    /// The integer, the length of the text, or what is said of elements.
    number: ArrayVec<u8, NUMBER_BYTES_MAX>,
    /// The text, or elements.
    tail: &'a [u8],
}

impl Parts<'_> {
    fn slices(&self) -> [&[u8]; 4] {
        [&self.head, self.key, &self.number, self.tail]
    }
}

/// How collections of this kind are recorded.
///
/// # Panics
/// If it is the kind of strings.
fn row_of(kind: Kind) -> &'static CollectionRow {
    let row = COLLECTIONS.iter().find(|row| row.kind == kind);
    row.expect("a string is no collection")
}

/// What collection a record of a kind is, if it is one.
fn collection_of(number: u8) -> Option<Kind> {
    let row = COLLECTIONS.iter().find(|row| row.number == number)?;
    Some(row.kind)
}

fn kind_of(value: RecordValue<'_>) -> u8 {
    match value {
        RecordValue::Begun(_) => BEGUN,
        RecordValue::Collection(collected) => row_of(collected.kind).number,
        RecordValue::String(string) => kind_of_string(string),
    }
}

fn kind_of_string(value: StringValue<'_>) -> u8 {
    match value {
        StringValue::Integer(number) => match number {
            -0x80..=0x7f => INTEGER_1,
            -0x8000..=0x7fff => INTEGER_2,
            -0x8000_0000..=0x7fff_ffff => INTEGER_4,
            _ => INTEGER_8,
        },
        StringValue::Bytes(text) => match text.len() {
            0..=0xff => TEXT_LEN_1,
            0x100..=0xffff => TEXT_LEN_2,
            _ => {
                assert!(
                    u32::try_from(text.len()).is_ok(),
                    "a value is at most 4 GiB"
                );
                TEXT_LEN_4
            }
        },
    }
}

fn take<const LEN: usize>(bytes: &mut &[u8]) -> Result<[u8; LEN], RecordError> {
    let (taken, rest) = bytes.split_first_chunk().ok_or(RecordError::Truncated)?;
    *bytes = rest;
    Ok(*taken)
}

fn take_slice<'a>(bytes: &mut &'a [u8], len: u32) -> Result<&'a [u8], RecordError> {
    let (taken, rest) = bytes
        .split_at_checked(len as usize)
        .ok_or(RecordError::Truncated)?;
    *bytes = rest;
    Ok(taken)
}

/// The string that a record of this kind has as its value.
fn string<'a>(kind: u8, rest: &mut &'a [u8]) -> Result<StringValue<'a>, RecordError> {
    let len = match kind {
        TEXT_LEN_1 => u32::from(u8::from_le_bytes(take(rest)?)),
        TEXT_LEN_2 => u32::from(u16::from_le_bytes(take(rest)?)),
        TEXT_LEN_4 => u32::from_le_bytes(take(rest)?),
        _ => {
            let value = match kind {
                INTEGER_1 => i8::from_le_bytes(take(rest)?).into(),
                INTEGER_2 => i16::from_le_bytes(take(rest)?).into(),
                INTEGER_4 => i32::from_le_bytes(take(rest)?).into(),
                INTEGER_8 => i64::from_le_bytes(take(rest)?),
                kind => return Err(RecordError::UnknownKind(kind)),
            };
            return Ok(StringValue::Integer(value));
        }
    };
    take_slice(rest, len).map(StringValue::Bytes)
}
