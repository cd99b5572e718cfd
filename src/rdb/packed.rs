//! Strings that hold many items: listpacks, ziplists, zipmaps and intsets.
//!
//! ```text
//!  listpack   bytes 4 │ items 2 │ [ item │ its length backwards ] … │ 0xff
//!  ziplist    bytes 4 │ last 4 │ items 2 │ [ length before it │ item ] … │ 0xff
//!  zipmap     pairs 1 │ [ length │ key │ length │ free 1 │ value │ free ] … │ 0xff
//!  intset     width 4 │ items 4 │ integers
//! ```
//!
//! They are read forwards only, so lengths backwards are passed over. Every item is checked where
//! it is read.
//!
//! Invariant: what is returned lies within the string.

use super::codes::PackedForm;
use super::error::Reason;
use super::input::Word;
use std::borrow::Cow;

/// The number of items that a listpack or ziplist does not tell any more.
const UNTOLD: u16 = u16::MAX;

const END: u8 = 0xff;

/// Bytes of an intset before its integers.
const INTSET_HEAD_BYTES: usize = 8;

/// Such a string, checked as far as its head goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packed<'a> {
    form: PackedForm,
    bytes: &'a [u8],
}

impl<'a> Packed<'a> {
    /// The string and where its first item begins.
    pub(super) fn open(form: PackedForm, bytes: &'a [u8]) -> Result<(Self, usize), Reason> {
        let packed = Self { form, bytes };
        let begin = match form {
            PackedForm::Listpack => 6,
            PackedForm::Ziplist => 10,
            PackedForm::Zipmap => 1,
            PackedForm::Intset => INTSET_HEAD_BYTES,
        };
        let told = |at: usize| {
            bytes
                .get(at..at + 4)?
                .first_chunk()
                .map(|told| u32::from_le_bytes(*told))
        };
        let is_whole = match form {
            PackedForm::Listpack | PackedForm::Ziplist => {
                told(0) == u32::try_from(bytes.len()).ok()
                    && bytes.len() > begin
                    && bytes.last() == Some(&END)
            }
            PackedForm::Zipmap => bytes.len() > begin && bytes.last() == Some(&END),
            PackedForm::Intset => {
                let width = told(0).filter(|width| [2, 4, 8].contains(width));
                let count = told(4).map(u64::from);
                let wanted = width
                    .zip(count)
                    .map(|(width, count)| u64::from(width) * count + 8);
                wanted == Some(bytes.len() as u64)
            }
        };
        match is_whole {
            true => Ok((packed, begin)),
            false => Err(Reason::BadPacked),
        }
    }

    /// How many items there are, if the string tells.
    pub(super) fn told_count(&self) -> Option<usize> {
        let at = match self.form {
            PackedForm::Listpack => 4,
            PackedForm::Ziplist => 8,
            PackedForm::Zipmap => return None,
            PackedForm::Intset => {
                return Some((self.bytes.len() - INTSET_HEAD_BYTES) / self.width());
            }
        };
        let told = self.bytes.get(at..at + 2)?.first_chunk()?;
        let told = u16::from_le_bytes(*told);
        (told != UNTOLD).then_some(usize::from(told))
    }

    fn width(&self) -> usize {
        usize::from(self.bytes[0])
    }

    /// The item at `at`, which is moved behind it; `None` at the end.
    #[inline]
    pub(super) fn next(&self, at: &mut usize) -> Result<Option<Word<'a>>, Reason> {
        let rest = self.bytes.get(*at..).ok_or(Reason::BadPacked)?;
        if self.form == PackedForm::Intset {
            return self.next_integer(rest, at);
        }
        if rest == [END] {
            return Ok(None);
        }
        let (word, len) = match self.form {
            PackedForm::Listpack => listpack_item(rest),
            PackedForm::Ziplist => ziplist_item(rest),
            PackedForm::Zipmap => return Err(Reason::BadPacked),
            PackedForm::Intset => unreachable!("answered above"),
        }
        .ok_or(Reason::BadPacked)?;
        // The end stands behind every item.
        if len >= rest.len() {
            return Err(Reason::BadPacked);
        }
        *at += len;
        Ok(Some(word))
    }

    /// The pair at `at`, as of [`Packed::next`].
    pub(super) fn next_pair(&self, at: &mut usize) -> Result<Option<(Word<'a>, Word<'a>)>, Reason> {
        if self.form == PackedForm::Zipmap {
            let rest = self.bytes.get(*at..).ok_or(Reason::BadPacked)?;
            if rest == [END] {
                return Ok(None);
            }
            let (pair, len) = zipmap_pair(rest).ok_or(Reason::BadPacked)?;
            *at += len;
            return Ok(Some(pair));
        }
        let Some(first) = self.next(at)? else {
            return Ok(None);
        };
        let second = self.next(at)?.ok_or(Reason::BadPacked)?;
        Ok(Some((first, second)))
    }

    /// All integers of an intset.
    pub(super) fn integers(&self) -> impl Iterator<Item = i64> + use<'a> {
        let width = self.width();
        let integers = self.bytes[INTSET_HEAD_BYTES..].chunks_exact(width);
        integers.filter_map(move |bytes| integer(bytes, width))
    }

    fn next_integer(&self, rest: &'a [u8], at: &mut usize) -> Result<Option<Word<'a>>, Reason> {
        if rest.is_empty() {
            return Ok(None);
        }
        let width = self.width();
        let value = integer(rest, width).ok_or(Reason::BadPacked)?;
        *at += width;
        Ok(Some(Word::Integer(value)))
    }
}

/// A little-endian integer of 1 to 8 bytes.
fn integer(bytes: &[u8], width: usize) -> Option<i64> {
    let mut whole = [0; 8];
    whole[8 - width..].copy_from_slice(bytes.get(..width)?);
    Some(i64::from_le_bytes(whole) >> (64 - 8 * width))
}

fn text(rest: &[u8], head: usize, len: usize) -> Option<(Word<'_>, usize)> {
    let end = head.checked_add(len)?;
    let text = rest.get(head..end)?;
    Some((Word::Text(Cow::Borrowed(text)), end))
}

fn number(rest: &[u8], head: usize, width: usize) -> Option<(Word<'_>, usize)> {
    let value = integer(rest.get(head..)?, width)?;
    Some((Word::Integer(value), head + width))
}

/// An item of a listpack, and its length with the one backwards.
#[inline]
pub(super) fn listpack_item(rest: &[u8]) -> Option<(Word<'_>, usize)> {
    let first = *rest.first()?;
    let second = || rest.get(1).map(|&byte| usize::from(byte));
    let (word, len) = match first {
        0x00..=0x7f => (Word::Integer(first.into()), 1),
        0x80..=0xbf => text(rest, 1, usize::from(first & 0x3f))?,
        0xc0..=0xdf => {
            let bits = i64::from(first & 0x1f) << 8 | second()? as i64;
            (Word::Integer(bits << 51 >> 51), 2)
        }
        0xe0..=0xef => text(rest, 2, usize::from(first & 0x0f) << 8 | second()?)?,
        0xf0 => {
            let len = u32::from_le_bytes(*rest.get(1..5)?.first_chunk()?);
            text(rest, 5, len as usize)?
        }
        0xf1 => number(rest, 1, 2)?,
        0xf2 => number(rest, 1, 3)?,
        0xf3 => number(rest, 1, 4)?,
        0xf4 => number(rest, 1, 8)?,
        _ => return None,
    };
    Some((word, len + backwards_len(len)))
}

/// Bytes of the length backwards of a listpack's item.
#[inline]
pub(super) fn backwards_len(len: usize) -> usize {
    match len {
        0..=127 => 1,
        128..=16_382 => 2,
        16_383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => 5,
    }
}

/// An item of a ziplist, and its length with that of the one before it.
fn ziplist_item(rest: &[u8]) -> Option<(Word<'_>, usize)> {
    let head = match *rest.first()? {
        0xfe => 5,
        END => return None,
        _ => 1,
    };
    let rest = rest.get(head..)?;
    let first = *rest.first()?;
    let (word, len) = match first {
        0x00..=0x3f => text(rest, 1, first.into())?,
        0x40..=0x7f => {
            let len = usize::from(first & 0x3f) << 8 | usize::from(*rest.get(1)?);
            text(rest, 2, len)?
        }
        0x80..=0xbf => {
            let len = u32::from_be_bytes(*rest.get(1..5)?.first_chunk()?);
            text(rest, 5, len as usize)?
        }
        0xc0 => number(rest, 1, 2)?,
        0xd0 => number(rest, 1, 4)?,
        0xe0 => number(rest, 1, 8)?,
        0xf0 => number(rest, 1, 3)?,
        0xfe => number(rest, 1, 1)?,
        0xf1..=0xfd => (Word::Integer(i64::from(first & 0x0f) - 1), 1),
        _ => return None,
    };
    Some((word, head + len))
}

/// A pair of a zipmap, and its length.
fn zipmap_pair(rest: &[u8]) -> Option<((Word<'_>, Word<'_>), usize)> {
    let (len, head) = zipmap_len(rest)?;
    let (key, key_end) = text(rest, head, len)?;
    let value_at = rest.get(key_end..)?;
    let (len, head) = zipmap_len(value_at)?;
    let free = usize::from(*value_at.get(head)?);
    let (value, value_end) = text(value_at, head + 1, len)?;
    let end = key_end + value_end + free;
    (end < rest.len()).then_some(((key, value), end))
}

fn zipmap_len(rest: &[u8]) -> Option<(usize, usize)> {
    match *rest.first()? {
        len @ 0..=253 => Some((len.into(), 1)),
        254 => {
            let len = u32::from_le_bytes(*rest.get(1..5)?.first_chunk()?);
            Some((len as usize, 5))
        }
        END => None,
    }
}
