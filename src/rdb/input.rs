//! Lengths, strings and numbers, read from bytes that may not all have arrived.
//!
//! ```text
//!  length   00xxxxxx   01xxxxxx x   0x80 and 32 bits   0x81 and 64 bits       big-endian
//!  string   length and bytes, or
//!           0xc0, 0xc1, 0xc2: an integer of 1, 2, 4 bytes                     little-endian
//!           0xc3: LZF, the lengths compressed and plain, then the bytes
//! ```
//!
//! Invariant: what fails has read something all the same; the caller puts the position back where
//! it was before the whole it was reading.

use super::error::{Reason, Stop};
use super::lzf;
use crate::base::limits::BULK_BYTES_LIMIT;
use crate::structures::item::{Code, Item};
use std::borrow::Cow;

/// A string as it is read: an integer may stand for its decimal text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word<'a> {
    Integer(i64),
    Text(Cow<'a, [u8]>),
}

impl Word<'_> {
    /// Its code as an item.
    #[inline]
    pub(super) fn code(&self) -> Code<'_> {
        match self {
            Self::Integer(value) => Code::of_integer(*value),
            Self::Text(text) => Code::of_text(text),
        }
    }

    /// Bytes of its text.
    #[inline]
    pub(super) fn text_len(&self) -> usize {
        match self {
            Self::Integer(value) => {
                let digits = value.unsigned_abs().checked_ilog10().unwrap_or(0) + 1;
                digits as usize + usize::from(*value < 0)
            }
            Self::Text(text) => text.len(),
        }
    }

    /// Its text.
    pub(super) fn to_text(&self) -> Vec<u8> {
        match self {
            Self::Integer(value) => itoa::Buffer::new().format(*value).into(),
            Self::Text(text) => text.to_vec(),
        }
    }

    /// Appends its text.
    pub(super) fn append_to(&self, out: &mut Vec<u8>) {
        match self {
            Self::Integer(value) => {
                out.extend_from_slice(itoa::Buffer::new().format(*value).as_bytes());
            }
            Self::Text(text) => out.extend_from_slice(text),
        }
    }

    /// The integer that it is, or that it spells.
    pub(super) fn integer(&self) -> Option<i64> {
        match self.code().item() {
            Item::Integer(value) => Some(value),
            Item::Text(_) | Item::Double(_) => None,
        }
    }
}

/// Bytes, and how far they were read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'a> {
    bytes: &'a [u8],
    /// Bytes that were read.
    pub(super) position: usize,
}

impl<'a> Input<'a> {
    /// All of these bytes, none of them read.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// Whether nothing is left.
    pub(super) fn is_at_end(&self) -> bool {
        self.position == self.bytes.len()
    }

    #[inline]
    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], Stop> {
        let end = self.position.checked_add(len).ok_or(Reason::TooLong)?;
        let taken = self.bytes.get(self.position..end).ok_or(Stop::More)?;
        self.position = end;
        Ok(taken)
    }

    #[inline]
    pub(super) fn array<const LEN: usize>(&mut self) -> Result<[u8; LEN], Stop> {
        let taken = self.take(LEN)?;
        Ok(*taken.first_chunk().expect("as many bytes were taken"))
    }

    #[inline]
    pub(super) fn byte(&mut self) -> Result<u8, Stop> {
        Ok(self.array::<1>()?[0])
    }

    /// A number of 8 bytes, little-endian.
    pub(super) fn u64(&mut self) -> Result<u64, Stop> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A double of 8 bytes.
    pub(super) fn f64(&mut self) -> Result<f64, Stop> {
        Ok(f64::from_le_bytes(self.array()?))
    }

    /// A double in decimal, after the number of its characters.
    pub(super) fn text_f64(&mut self) -> Result<f64, Stop> {
        match self.byte()? {
            253 => Err(Reason::BadScore.into()),
            254 => Ok(f64::INFINITY),
            255 => Ok(f64::NEG_INFINITY),
            len => {
                let text = self.take(usize::from(len))?;
                let text = std::str::from_utf8(text).map_err(|_| Reason::BadScore)?;
                Ok(text.trim_start().parse().map_err(|_| Reason::BadScore)?)
            }
        }
    }

    /// A length, or the mark of a special string.
    #[inline]
    fn length_or_mark(&mut self) -> Result<Result<u64, u8>, Stop> {
        let first = self.byte()?;
        Ok(match first >> 6 {
            0 => Ok(u64::from(first)),
            1 => Ok(u64::from(first & 63) << 8 | u64::from(self.byte()?)),
            2 => match first {
                0x80 => Ok(u64::from(u32::from_be_bytes(self.array()?))),
                0x81 => Ok(u64::from_be_bytes(self.array()?)),
                _ => return Err(Reason::BadLength.into()),
            },
            _ => Err(first & 63),
        })
    }

    /// A length, or another number that is written as one.
    #[inline]
    pub(super) fn length(&mut self) -> Result<u64, Stop> {
        Ok(self.length_or_mark()?.map_err(|_| Reason::BadLength)?)
    }

    /// A string.
    #[inline]
    pub(super) fn word(&mut self) -> Result<Word<'a>, Stop> {
        match self.length_or_mark()? {
            Ok(len) => Ok(Word::Text(Cow::Borrowed(self.take(checked_len(len)?)?))),
            Err(0) => Ok(Word::Integer(i8::from_le_bytes(self.array()?).into())),
            Err(1) => Ok(Word::Integer(i16::from_le_bytes(self.array()?).into())),
            Err(2) => Ok(Word::Integer(i32::from_le_bytes(self.array()?).into())),
            Err(3) => {
                let packed_len = checked_len(self.length()?)?;
                let len = checked_len(self.length()?)?;
                let packed = self.take(packed_len)?;
                let text = lzf::unpack(packed, len).ok_or(Reason::BadCompression)?;
                Ok(Word::Text(Cow::Owned(text)))
            }
            Err(_) => Err(Reason::BadLength.into()),
        }
    }

    /// A string, as its text.
    pub(super) fn text(&mut self) -> Result<Cow<'a, [u8]>, Stop> {
        Ok(match self.word()? {
            Word::Text(text) => text,
            integer @ Word::Integer(_) => Cow::Owned(integer.to_text()),
        })
    }
}

/// A length that a string may have.
fn checked_len(len: u64) -> Result<usize, Reason> {
    let len = usize::try_from(len).map_err(|_| Reason::TooLong)?;
    match len <= BULK_BYTES_LIMIT {
        true => Ok(len),
        false => Err(Reason::TooLong),
    }
}
