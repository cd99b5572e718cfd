//! A listpack's items as our own, in one pass.
//!
//! ```text
//!  listpack   head │ code text back │ code text back │ …      back: the item's length, backwards
//!  elements          code text        code text        …      scored ones: score, then member
//! ```
//!
//! Our codes of items are those of a listpack but for a few (`structures/item.rs`), so that nearly
//! every item is copied as it stands. What may have another code here (long texts and integers,
//! integers that are not written in their shortest form, texts that could be integers) takes the
//! way by [`Word`](super::input::Word), as in all other forms.
//!
//! Invariant: what is made and refused is what [`Packed`](super::packed::Packed) and
//! [`Batch`](super::batch::Batch) make and refuse, item by item (test below).
//!
//! Cost: some 25 instructions an item, and 50 more for a key, which is looked for.
//!
//! Not here: other forms (`packed.rs`), strings of more than a step's bytes (`value_reader.rs`).

use super::error::Reason;
use super::input::Word;
use super::packed::listpack_item;
use crate::base::numbers::parse_f64;
use crate::structures::item::{Code, Item};
use std::ops::{Range, RangeInclusive};

/// Bytes of a listpack before its first item.
const HEAD_BYTES: usize = 6;
const END: u8 = 0xff;

/// Texts up to here have a code of one byte, …
const SHORT_TEXT: Range<u8> = 0x80..0xc0;
/// … the low bits of which are the length.
const SHORT_LEN_MASK: u8 = 0x3f;

/// Integers up to here have no other byte than their code.
const SMALL_INTEGER_MAX: u8 = 0x7f;
const INTEGER_13: Range<u8> = 0xc0..0xe0;
/// Integers of two, three and four bytes.
const WIDE_INTEGER: RangeInclusive<u8> = 0xf1..=0xf3;

/// Bytes of an integer's code and what follows, which are looked at together.
const WINDOW_BYTES: usize = 8;

/// Short texts are copied in two pieces of so many bytes, whatever their length, because that is
/// four instructions.
const PIECE_BYTES: usize = 16;

/// Bytes that a short text and an integer take at most, with what is copied after them.
const PAIR_BYTES: usize = 2 * PIECE_BYTES + 2 + WINDOW_BYTES;

/// Bytes of the longest text that spells an integer.
const INTEGER_TEXT_BYTES_MAX: usize = 20;

/// The length of the code of a score at most.
const SCORE_BYTES_MAX: usize = 9;

/// What is wrong with a listpack. A [`Reason`] is too large to be handed up from each item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Packed,
    Score,
}

impl From<Fault> for Reason {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Packed => Self::BadPacked,
            Fault::Score => Self::BadScore,
        }
    }
}

/// A listpack that is read, and elements that are written.
pub(super) struct Transcription<'a> {
    from: &'a [u8],
    at: usize,
    to: &'a mut [u8],
    end: usize,
    /// Bytes of the longest text of those that were copied as items.
    pub(super) longest_len: usize,
    /// Whether one of them was no integer.
    pub(super) has_texts: bool,
    /// Whether a score was −0.
    pub(super) has_negative_zero: bool,
}

impl<'a> Transcription<'a> {
    /// Bytes that the elements of a listpack of `len` bytes may need while they are written.
    ///
    /// An item is at least a byte shorter here, but for a score in decimal: at least four bytes
    /// with its length backwards, which may become nine.
    pub(super) fn room_for(len: usize) -> usize {
        2 * len + 2 * PIECE_BYTES + SCORE_BYTES_MAX
    }

    /// Begins to write the items of `listpack`, the head of which was checked, to `to` from `end`
    /// on, where there must be [`Transcription::room_for`] it.
    pub(super) fn begin(listpack: &'a [u8], to: &'a mut [u8], end: usize) -> Self {
        Self {
            from: listpack,
            at: HEAD_BYTES,
            to,
            end,
            longest_len: 0,
            has_texts: false,
            has_negative_zero: false,
        }
    }

    /// Where the next byte is written.
    #[inline]
    pub(super) fn end(&self) -> usize {
        self.end
    }

    /// What was written from `begin` on.
    #[inline]
    pub(super) fn written(&self, begin: usize) -> &[u8] {
        &self.to[begin..self.end]
    }

    /// Whether another item follows.
    #[inline(always)]
    pub(super) fn has_more(&self) -> Result<bool, Fault> {
        if self.from[self.at] != END {
            return Ok(true);
        }
        // It may stand at the end only.
        match self.at + 1 == self.from.len() {
            true => Ok(false),
            false => Err(Fault::Packed),
        }
    }

    /// Copies the next item, which is a value, a member or a field.
    #[inline(always)]
    pub(super) fn copy(&mut self) -> Result<(), Fault> {
        let rest = &self.from[self.at..];
        if let Some(len) = short_text(rest) {
            copy_short(rest, &mut self.to[self.end..], 1 + len);
            self.end += 1 + len;
            self.at += 2 + len;
            self.longest_len = self.longest_len.max(len);
            self.has_texts = true;
            return Ok(());
        }
        self.copy_other()
    }

    /// Copies any item.
    fn copy_other(&mut self) -> Result<(), Fault> {
        if let Some(value) = self.copy_integer() {
            self.longest_len = self.longest_len.max(Word::Integer(value).text_len());
            return Ok(());
        }
        let (word, len) = self.next_word()?;
        self.at += len;
        self.longest_len = self.longest_len.max(word.text_len());
        let code = word.code();
        self.has_texts |= !matches!(code.item(), Item::Integer(_));
        self.end += code.write(&mut self.to[self.end..]);
        Ok(())
    }

    /// Copies the next item if it is an integer of up to 32 bits whose code here is the same.
    #[inline]
    fn copy_integer(&mut self) -> Option<i64> {
        // After eight bytes there is another item, or the end.
        let window = self.from[self.at..].first_chunk::<WINDOW_BYTES>()?;
        let (value, len) = short_integer(*window)?;
        let target = self.to[self.end..].first_chunk_mut::<WINDOW_BYTES>()?;
        *target = *window;
        self.end += len;
        self.at += len + 1;
        Some(value)
    }

    /// Copies a member and the score after it, the score first. Returns the score and where the
    /// member was written.
    #[inline(always)]
    pub(super) fn copy_scored(&mut self) -> Result<(f64, usize), Fault> {
        match self.copy_scored_window() {
            Some(scored) => Ok(scored),
            None => self.copy_any_scored(),
        }
    }

    /// The same where a short text and an integer stand far enough from the end for fixed numbers
    /// of bytes to be copied.
    #[inline(always)]
    fn copy_scored_window(&mut self) -> Option<(f64, usize)> {
        let from = self.from[self.at..].first_chunk::<PAIR_BYTES>()?;
        let to = self.to[self.end..].first_chunk_mut::<PAIR_BYTES>()?;
        let len = short_text(from).filter(|&len| len < 2 * PIECE_BYTES)?;
        let window = *from[len + 2..].first_chunk::<WINDOW_BYTES>()?;
        let (value, score_len) = short_integer(window)?;
        to[..WINDOW_BYTES].copy_from_slice(&window);
        let target = to[score_len..].first_chunk_mut::<{ 2 * PIECE_BYTES }>()?;
        *target = *from.first_chunk()?;
        let begin = self.end + score_len;
        self.end = begin + 1 + len;
        self.at += len + 2 + score_len + 1;
        self.longest_len = self.longest_len.max(len);
        Some((value as f64, begin))
    }

    /// The same of any member and score.
    fn copy_any_scored(&mut self) -> Result<(f64, usize), Fault> {
        let member = &self.from[self.at..];
        let text_len = short_text(member);
        let member_at = self.at;
        self.at += match text_len {
            Some(len) => 2 + len,
            None => self.next_word()?.1,
        };
        if !self.has_more()? {
            return Err(Fault::Packed);
        }
        let score = match self.copy_integer() {
            Some(value) => value as f64,
            None => self.write_score()?,
        };
        let begin = self.end;
        match text_len {
            Some(len) => {
                copy_short(member, &mut self.to[begin..], 1 + len);
                self.end += 1 + len;
                self.longest_len = self.longest_len.max(len);
            }
            None => {
                let after = std::mem::replace(&mut self.at, member_at);
                self.copy_other()?;
                self.at = after;
            }
        }
        Ok((score, begin))
    }

    /// Writes any item as a score, and returns it.
    fn write_score(&mut self) -> Result<f64, Fault> {
        let (word, len) = self.next_word()?;
        self.at += len;
        let score = score_of(&word).ok_or(Fault::Score)?;
        self.has_negative_zero |= score == 0.0 && score.is_sign_negative();
        self.end += Code::of_score(score).write(&mut self.to[self.end..]);
        Ok(score)
    }

    /// The next item, and its length in the listpack.
    fn next_word(&self) -> Result<(Word<'a>, usize), Fault> {
        let rest = &self.from[self.at..];
        match listpack_item(rest) {
            // The end stands after every item.
            Some((word, len)) if len < rest.len() => Ok((word, len)),
            Some(_) | None => Err(Fault::Packed),
        }
    }
}

/// The score that an item of a packed string says.
pub(super) fn score_of(word: &Word<'_>) -> Option<f64> {
    let score = match word {
        Word::Integer(value) => *value as f64,
        Word::Text(text) => parse_f64(text)?,
    };
    (!score.is_nan()).then_some(score)
}

/// The length of the text at the beginning of `rest`, if it is one whose code here is the same and
/// something follows it.
#[inline(always)]
fn short_text(rest: &[u8]) -> Option<usize> {
    if !SHORT_TEXT.contains(&rest[0]) {
        return None;
    }
    let len = usize::from(rest[0] & SHORT_LEN_MASK);
    // Its length backwards and the end, or another item.
    if len + 2 >= rest.len() {
        return None;
    }
    let may_be_integer = matches!(rest[1], b'0'..=b'9' | b'-') && may_be_digits(rest, len);
    (!may_be_integer).then_some(len)
}

/// Whether the text of `len` bytes that begins at the second of `rest` may consist of digits after
/// its first byte; it is not for sure if it does.
#[inline]
fn may_be_digits(rest: &[u8], len: usize) -> bool {
    const EACH: u64 = 0x0101_0101_0101_0101;
    if len > INTEGER_TEXT_BYTES_MAX {
        return false;
    }
    let window = rest.get(2..).and_then(<[u8]>::first_chunk::<WINDOW_BYTES>);
    let (Some(window), 2..) = (window, len) else {
        return len > 0;
    };
    // The first bytes of the window are its low ones; those after the text are shifted out.
    let foreign_bits = 8 * WINDOW_BYTES.saturating_sub(len - 1) as u32;
    let zeros = EACH * u64::from(b'0');
    let digits = u64::from_le_bytes(*window) << foreign_bits;
    let digits = digits | (zeros & !(u64::MAX << foreign_bits));
    // Either sum has the highest bit of a byte that is none.
    let above = digits.wrapping_add(EACH * u64::from(0x7f - b'9'));
    let below = digits.wrapping_sub(zeros);
    (above | below) & (EACH << 7) == 0
}

/// The integer at the beginning of a window and the length of its code, if it is one of up to 32
/// bits that stands in its shortest form.
#[inline]
fn short_integer(window: [u8; WINDOW_BYTES]) -> Option<(i64, usize)> {
    let fits = |value: i64, bits: u32| value << (64 - bits) >> (64 - bits) == value;
    let first = window[0];
    if first <= SMALL_INTEGER_MAX {
        return Some((first.into(), 1));
    }
    if INTEGER_13.contains(&first) {
        let bits = i64::from(first & 0x1f) << 8 | i64::from(window[1]);
        let value = bits << 51 >> 51;
        let is_shortest = !(0..=i64::from(SMALL_INTEGER_MAX)).contains(&value);
        return is_shortest.then_some((value, 2));
    }
    if !WIDE_INTEGER.contains(&first) {
        return None;
    }
    let width = u32::from(first - WIDE_INTEGER.start()) + 2;
    let bits = u64::from_le_bytes(window) << (56 - 8 * width);
    let value = bits as i64 >> (64 - 8 * width);
    let shorter_bits = match width {
        2 => 13,
        width => 8 * width - 8,
    };
    (!fits(value, shorter_bits)).then_some((value, 1 + width as usize))
}

/// Copies `len` bytes, of a short text with its code. More may be written after them.
#[inline(always)]
fn copy_short(from: &[u8], to: &mut [u8], len: usize) {
    const BOTH_BYTES: usize = 2 * PIECE_BYTES;
    if len <= BOTH_BYTES
        && let Some(from) = from.first_chunk::<BOTH_BYTES>()
        && let Some(to) = to.first_chunk_mut::<BOTH_BYTES>()
    {
        // As numbers, so that they are not joined with the copy below into one of any length.
        let piece = |at: usize| {
            let piece = from[at..].first_chunk::<PIECE_BYTES>();
            u128::from_ne_bytes(*piece.expect("a half of it"))
        };
        let pieces = [piece(0), piece(PIECE_BYTES)];
        to[..PIECE_BYTES].copy_from_slice(&pieces[0].to_ne_bytes());
        to[PIECE_BYTES..].copy_from_slice(&pieces[1].to_ne_bytes());
        return;
    }
    to[..len].copy_from_slice(&from[..len]);
}
