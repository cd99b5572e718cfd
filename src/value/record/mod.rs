//! A key with its value and deadline, as bytes: what snapshots are made of.
//!
//! ```text
//!  1 byte     kind: bits 0–4, see below; bit 5: long key; bit 6: has a deadline; bit 7: 0
//!  8 bytes    deadline in Unix milliseconds, if bit 6 is set
//!  1 byte     length of the key, or 4 bytes if bit 5 is set
//!  …          key
//!  then by kind
//!    0        1 byte length, text          4   1 byte integer
//!    1        2 bytes length, text         5   2 bytes integer
//!    2        4 bytes length, text         6   4 bytes integer
//!    3        reserved                     7   8 bytes integer
//!    8 …      reserved
//! ```
//!
//! All numbers are little-endian, integers in two's complement. The shortest form is written; any
//! form is read. What is written down here is also in `docs/SNAPSHOT_FORMAT.md`.
//!
//! Cost: 3 bytes beside key and text for keys and texts below 256 bytes, 11 with a deadline.
//!
//! Not here: blocks, checksums and files (`persistence/`).

use super::string::StringValue;
use arrayvec::ArrayVec;
use std::fmt;
use std::ops::Range;

const KIND_MASK: u8 = 0x1f;
const LONG_KEY: u8 = 1 << 5;
const HAS_DEADLINE: u8 = 1 << 6;
const RESERVED: u8 = 1 << 7;

/// Bytes that a record has beside key and text at most: kind, deadline and lengths, or an integer.
pub const RECORD_FRAME_BYTES_MAX: usize = HEAD_BYTES_MAX + NUMBER_BYTES_MAX;
const HEAD_BYTES_MAX: usize = 1 + 8 + 4;
const NUMBER_BYTES_MAX: usize = 8;

const TEXT_LEN_1: u8 = 0;
const TEXT_LEN_2: u8 = 1;
const TEXT_LEN_4: u8 = 2;
const INTEGER_1: u8 = 4;
const INTEGER_2: u8 = 5;
const INTEGER_4: u8 = 6;
const INTEGER_8: u8 = 7;

/// A key with its value and deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The key.
    pub key: &'a [u8],
    /// Its value.
    pub value: StringValue<'a>,
    /// When it expires, in Unix milliseconds.
    pub deadline_ms: Option<u64>,
}

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// They end before the record does.
    Truncated,
    /// The kind is none that this version knows.
    UnknownKind(u8),
}

impl fmt::Display for RecordError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => formatter.write_str("a record ends too early"),
            Self::UnknownKind(kind) => write!(formatter, "a record of unknown kind {kind}"),
        }
    }
}

impl std::error::Error for RecordError {}

impl<'a> Record<'a> {
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
    /// As [`Record::encode`] does.
    pub fn encoded_len(&self) -> usize {
        self.parts().slices().map(<[u8]>::len).iter().sum()
    }

    /// Appends the bytes of the encoded record that `range` names, which it must have. O(range).
    ///
    /// # Panics
    /// As [`Record::encode`] does.
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
        let (number, width, text) = match self.value {
            StringValue::Integer(number) => (number.to_le_bytes(), kind - INTEGER_1, &[][..]),
            StringValue::Bytes(text) => {
                let len = text.len() as u64;
                (len.to_le_bytes(), kind - TEXT_LEN_1, text)
            }
        };
        Parts {
            head,
            key: self.key,
            number: number.into_iter().take(1 << width).collect(),
            text,
        }
    }

    /// Takes the record at the beginning of `bytes`, which then begin behind it.
    ///
    /// # Errors
    /// [`RecordError`]; `bytes` then stay where they are.
    pub fn decode(bytes: &mut &'a [u8]) -> Result<Self, RecordError> {
        let mut rest = *bytes;
        let [head] = take(&mut rest)?;
        if head & RESERVED != 0 {
            return Err(RecordError::UnknownKind(head));
        }
        let deadline_ms = match head & HAS_DEADLINE {
            0 => None,
            _ => Some(u64::from_le_bytes(take(&mut rest)?)),
        };
        let key_len = match head & LONG_KEY {
            0 => u32::from(u8::from_le_bytes(take(&mut rest)?)),
            _ => u32::from_le_bytes(take(&mut rest)?),
        };
        let key = take_slice(&mut rest, key_len)?;
        let value = match head & KIND_MASK {
            TEXT_LEN_1 => text(&mut rest, |rest| {
                take(rest).map(u8::from_le_bytes).map(u32::from)
            }),
            TEXT_LEN_2 => text(&mut rest, |rest| {
                take(rest).map(u16::from_le_bytes).map(u32::from)
            }),
            TEXT_LEN_4 => text(&mut rest, |rest| take(rest).map(u32::from_le_bytes)),
            INTEGER_1 => Ok(StringValue::Integer(
                i8::from_le_bytes(take(&mut rest)?).into(),
            )),
            INTEGER_2 => Ok(StringValue::Integer(
                i16::from_le_bytes(take(&mut rest)?).into(),
            )),
            INTEGER_4 => Ok(StringValue::Integer(
                i32::from_le_bytes(take(&mut rest)?).into(),
            )),
            INTEGER_8 => Ok(StringValue::Integer(i64::from_le_bytes(take(&mut rest)?))),
            kind => Err(RecordError::UnknownKind(kind)),
        }?;
        *bytes = rest;
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
    /// The integer, or the length of the text.
    number: ArrayVec<u8, NUMBER_BYTES_MAX>,
    text: &'a [u8],
}

impl Parts<'_> {
    fn slices(&self) -> [&[u8]; 4] {
        [&self.head, self.key, &self.number, self.text]
    }
}

fn kind_of(value: StringValue<'_>) -> u8 {
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

fn text<'a>(
    bytes: &mut &'a [u8],
    len: impl FnOnce(&mut &'a [u8]) -> Result<u32, RecordError>,
) -> Result<StringValue<'a>, RecordError> {
    let len = len(bytes)?;
    take_slice(bytes, len).map(StringValue::Bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(record: Record<'_>) -> usize {
        let mut bytes = Vec::new();
        record.encode(&mut bytes);
        let len = bytes.len();
        assert_eq!(record.encoded_len(), len);
        for slice_len in [1, 7, 100_000] {
            let mut in_parts = Vec::new();
            while in_parts.len() < len {
                let begin = in_parts.len();
                record.encode_part(begin..len.min(begin + slice_len), &mut in_parts);
            }
            assert_eq!(in_parts, bytes, "in slices of {slice_len}");
        }
        for cut in 0..len {
            assert_eq!(
                Record::decode(&mut &bytes[..cut]),
                Err(RecordError::Truncated)
            );
        }
        bytes.extend_from_slice(b"behind");
        let mut rest = &bytes[..];
        assert_eq!(Record::decode(&mut rest), Ok(record));
        assert_eq!(rest, b"behind");
        len
    }

    #[test]
    fn every_form_is_read_as_it_was_written() {
        let long = vec![b'x'; 70_000];
        for key in [&b""[..], b"key:000000000001", &long[..255], &long[..256]] {
            for text in [
                &b""[..],
                b"v",
                &long[..255],
                &long[..256],
                &long[..65_535],
                &long,
            ] {
                for deadline_ms in [None, Some(0), Some(u64::MAX)] {
                    let value = StringValue::Bytes(text);
                    let record = Record {
                        key,
                        value,
                        deadline_ms,
                    };
                    if key.len() + text.len() < 1_000 {
                        round_trip(record);
                    }
                }
            }
        }
        for number in [
            0,
            -1,
            127,
            128,
            -129,
            32_768,
            1 << 31,
            -(1 << 31),
            i64::MIN,
            i64::MAX,
        ] {
            let value = StringValue::Integer(number);
            round_trip(Record {
                key: b"counter",
                value,
                deadline_ms: Some(7),
            });
        }
    }

    #[test]
    fn short_keys_and_texts_take_three_bytes_more() {
        let value = StringValue::Bytes(&[b'v'; 64]);
        assert_eq!(
            round_trip(Record {
                key: &[b'k'; 16],
                value,
                deadline_ms: None
            }),
            16 + 64 + 3
        );
    }

    #[test]
    fn unknown_kinds_are_refused() {
        for head in [3, 8, 31, 0x80] {
            let bytes = [head, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            assert!(matches!(
                Record::decode(&mut &bytes[..]),
                Err(RecordError::UnknownKind(kind)) if kind == head
            ));
        }
    }
}
