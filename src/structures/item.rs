//! One byte code for everything that stands in a collection: integers, texts, scores.
//!
//! ```text
//!  first byte
//!  00–7F   integer 0 … 127
//!  80–BF   text of 0 … 63 bytes, which follow
//!  C0–DF   integer of 13 bits: its high bits here, eight more in the next byte
//!  E0–EF   text of up to 4,095 bytes: high bits of the length here, eight more in the next byte
//!  F0      text, its length in 4 bytes
//!  F1 F2 F3 F5 F4    integer of 2, 3, 4, 6, 8 bytes
//!  F6      double, 8 bytes
//!  F8      no item by itself: the 8 bytes of a deadline, before the item that has it
//! ```
//!
//! Lengths of 4 bytes, integers, doubles and deadlines are little-endian; the two codes with eight
//! more bits have them in the order written.
//!
//! Invariants:
//! 1. Nothing has two codes. A text that spells an `i64` canonically is an integer, a double that
//!    an integer of 53 bits equals is one too, and each takes the shortest code it fits. So
//!    equality of items is equality of bytes, and hashes are taken over bytes.
//! 2. [`checked_len`] accepts exactly what [`Code`] writes, whatever the bytes; everything else
//!    here trusts that its bytes were written so.
//!
//! Cost: 1 byte for a text of up to 63 bytes; small integers are 1 to 3 bytes in all.
//!
//! After the code of Redis's listpack, without its length at the end.
//!
//! Not here: what items stand for together (`block/`).

use crate::base::bytes::are_same;
use crate::base::numbers::parse_i64;
use std::cmp::Ordering;
use std::fmt;

/// Longest head of a code: a first byte and eight of a number.
const HEAD_BYTES_MAX: usize = 9;

/// Bytes of the longest text that spells an `i64`.
const INTEGER_TEXT_BYTES_MAX: usize = 20;

/// Bytes of a deadline: its mark and eight of milliseconds.
pub const DEADLINE_BYTES: usize = 9;

const TEXT_6: u8 = 0x80;
const INTEGER_13: u8 = 0xc0;
const TEXT_12: u8 = 0xe0;
const TEXT_32: u8 = 0xf0;
const INTEGER_16: u8 = 0xf1;
const INTEGER_24: u8 = 0xf2;
const INTEGER_32: u8 = 0xf3;
const INTEGER_64: u8 = 0xf4;
const INTEGER_48: u8 = 0xf5;
const DOUBLE: u8 = 0xf6;
/// The byte before a deadline.
pub(super) const DEADLINE_MARK: u8 = 0xf8;

/// Doubles up to here have all integers among them.
const EXACT_INTEGER_MAX: i64 = 1 << f64::MANTISSA_DIGITS;

/// An item as it is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Item<'a> {
    /// Also what a canonical text of it was given as.
    Integer(i64),
    /// A text that spells no integer.
    Text(&'a [u8]),
    /// A score that is no integer of 53 bits.
    Double(f64),
}

impl<'a> Item<'a> {
    /// The item's text; that of an integer is written into `buffer`. A double has none here: how it
    /// is printed is the protocol's matter.
    ///
    /// # Panics
    /// If the item is a double.
    pub fn text<'b>(self, buffer: &'b mut itoa::Buffer) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Self::Integer(value) => buffer.format(value).as_bytes(),
            Self::Text(text) => text,
            Self::Double(_) => panic!("a score was asked for its text"),
        }
    }

    /// The score that the item stands for; none if it is a text.
    pub fn score(self) -> Option<f64> {
        match self {
            Self::Integer(value) => Some(value as f64),
            Self::Text(_) => None,
            Self::Double(value) => Some(value),
        }
    }

    /// Compares the texts of two items byte by byte, as sorted sets order members of one score.
    pub fn cmp_text(self, other: Self) -> Ordering {
        if let (Self::Text(own), Self::Text(others)) = (self, other) {
            return own.cmp(others);
        }
        let (mut own, mut others) = (itoa::Buffer::new(), itoa::Buffer::new());
        self.text(&mut own).cmp(other.text(&mut others))
    }
}

/// The bits of `score` as an integer that is ordered as scores are; −0 and 0 are equal.
#[inline]
pub fn score_order(score: f64) -> u64 {
    // Adding zero turns −0 into 0 and changes nothing else.
    let bits = (score + 0.0).to_bits();
    // All bits of a negative one are turned, of others the sign alone.
    let sign = (bits as i64 >> 63) as u64;
    bits ^ (sign | 1 << 63)
}

/// The order of the score at the beginning of `bytes`.
///
/// # Panics
/// If a text stands there.
#[inline]
pub fn score_order_at(bytes: &[u8]) -> u64 {
    let first = bytes[0];
    let integer = match first {
        0..TEXT_6 => i64::from(first),
        INTEGER_16..=INTEGER_48 => {
            integer_at(&bytes[1..], usize::from(LENS[usize::from(first)]) - 1)
        }
        INTEGER_13..TEXT_12 => integer_13(first, bytes[1]),
        // No rare one: in streams the first of all, which is passed in most searches.
        DOUBLE => return score_order(double_at(bytes)),
        _ => return rare_score_order(bytes),
    };
    score_order(integer as f64)
}

/// The same of any score.
#[inline(never)]
fn rare_score_order(bytes: &[u8]) -> u64 {
    let score = read(bytes).0.score();
    score_order(score.expect("a score is a number"))
}

/// An item about to be written or looked for: its code without a copy of its text.
#[derive(Clone, Copy)]
pub struct Code<'a> {
    head: [u8; HEAD_BYTES_MAX],
    head_len: u8,
    body: &'a [u8],
}

impl<'a> Code<'a> {
    /// The code of a text, an integer's if it spells one.
    ///
    /// # Panics
    /// If the text is longer than 32 bits can say.
    #[inline]
    pub fn of_text(text: &'a [u8]) -> Self {
        let may_be_integer = matches!(text.first(), Some(b'0'..=b'9' | b'-'));
        if may_be_integer
            && text.len() <= INTEGER_TEXT_BYTES_MAX
            && let Some(value) = parse_i64(text)
        {
            return Self::of_integer(value);
        }
        let mut head = [0; HEAD_BYTES_MAX];
        let head_len = match text.len() {
            len @ 0..=63 => {
                head[0] = TEXT_6 | len as u8;
                1
            }
            len @ 64..=4095 => {
                head[0] = TEXT_12 | (len >> 8) as u8;
                head[1] = len as u8;
                2
            }
            len => {
                let len = u32::try_from(len).expect("texts are shorter than 4 GiB");
                head[0] = TEXT_32;
                head[1..5].copy_from_slice(&len.to_le_bytes());
                5
            }
        };
        Self {
            head,
            head_len,
            body: text,
        }
    }

    /// The code of an integer.
    #[inline]
    pub fn of_integer(value: i64) -> Self {
        let mut head = [0; HEAD_BYTES_MAX];
        let head_len = match value {
            0..=127 => {
                head[0] = value as u8;
                1
            }
            -4096..=4095 => {
                head[0] = INTEGER_13 | (value >> 8) as u8 & 0x1f;
                head[1] = value as u8;
                2
            }
            _ => {
                let (mark, bytes) = Self::integer_width(value);
                head[0] = mark;
                head[1..].copy_from_slice(&value.to_le_bytes());
                head[1 + bytes..].fill(0);
                1 + bytes as u8
            }
        };
        Self {
            head,
            head_len,
            body: &[],
        }
    }

    /// Mark and bytes of the shortest whole number of bytes that hold `value`.
    fn integer_width(value: i64) -> (u8, usize) {
        let fits = |bits: u32| value << (64 - bits) >> (64 - bits) == value;
        if fits(16) {
            (INTEGER_16, 2)
        } else if fits(24) {
            (INTEGER_24, 3)
        } else if fits(32) {
            (INTEGER_32, 4)
        } else if fits(48) {
            (INTEGER_48, 6)
        } else {
            (INTEGER_64, 8)
        }
    }

    /// The code of a score: an integer's if it is one of 53 bits. −0 stays a double, for it is
    /// printed differently.
    ///
    /// # Panics
    /// If `score` is not a number.
    pub fn of_score(score: f64) -> Self {
        assert!(!score.is_nan(), "a score is a number");
        let value = score as i64;
        let is_integer = (-EXACT_INTEGER_MAX..=EXACT_INTEGER_MAX).contains(&value)
            && (value as f64).to_bits() == score.to_bits();
        if is_integer {
            return Self::of_integer(value);
        }
        let mut head = [0; HEAD_BYTES_MAX];
        head[0] = DOUBLE;
        head[1..].copy_from_slice(&score.to_le_bytes());
        Self {
            head,
            head_len: 9,
            body: &[],
        }
    }

    /// The code of an item that was read, the same bytes again.
    pub fn of_item(item: Item<'a>) -> Self {
        match item {
            Item::Integer(value) => Self::of_integer(value),
            Item::Text(text) => Self::of_text(text),
            Item::Double(value) => Self::of_score(value),
        }
    }

    /// Bytes of the code.
    #[inline]
    pub fn byte_len(&self) -> usize {
        usize::from(self.head_len) + self.body.len()
    }

    #[inline]
    fn head(&self) -> &[u8] {
        &self.head[..usize::from(self.head_len)]
    }

    /// Writes the code to the beginning of `target` and returns its length.
    ///
    /// # Panics
    /// If `target` is shorter than the code.
    #[inline]
    pub fn write(&self, target: &mut [u8]) -> usize {
        let head_len = usize::from(self.head_len);
        let len = self.byte_len();
        // Nearly always one byte, and writing it alone is one instruction.
        if head_len == 1 {
            target[0] = self.head[0];
        } else {
            target[..head_len].copy_from_slice(self.head());
        }
        target[head_len..len].copy_from_slice(self.body);
        len
    }

    /// Appends the code to `target`.
    #[inline]
    pub fn append_to(&self, target: &mut Vec<u8>) {
        match self.head_len {
            1 => target.push(self.head[0]),
            _ => target.extend_from_slice(self.head()),
        }
        target.extend_from_slice(self.body);
    }

    /// Whether the item at the beginning of `bytes` is this one.
    #[inline]
    pub fn is_at(&self, bytes: &[u8]) -> bool {
        // One byte decides nearly always, and only comparing it alone is one instruction.
        if bytes.first() != Some(&self.head[0]) {
            return false;
        }
        let head_len = usize::from(self.head_len);
        let Some((first, rest)) = bytes.split_at_checked(head_len) else {
            return false;
        };
        (head_len == 1 || first == self.head())
            && rest
                .get(..self.body.len())
                .is_some_and(|text| are_same(text, self.body))
    }

    /// The last byte of the code: what most often tells apart items that begin alike.
    #[inline]
    fn last_byte(&self) -> u8 {
        let last = self.body.last();
        *last.unwrap_or(&self.head[usize::from(self.head_len) - 1])
    }

    /// What finds the item in a row of others.
    #[inline]
    pub fn sought(&self) -> Sought<'_> {
        Sought {
            code: self,
            len: self.byte_len(),
            last_byte: self.last_byte(),
        }
    }

    /// Whether the item is a text, and no number.
    #[inline]
    pub fn is_text(&self) -> bool {
        is_text(self.head[0])
    }

    /// The item again.
    #[inline]
    pub fn item(&self) -> Item<'a> {
        if self.is_text() {
            return Item::Text(self.body);
        }
        match read(self.head()).0 {
            Item::Integer(value) => Item::Integer(value),
            Item::Double(value) => Item::Double(value),
            Item::Text(_) => unreachable!("the heads of texts are told above"),
        }
    }

    /// The order of the score that it is.
    ///
    /// # Panics
    /// If it is a text.
    #[inline]
    pub fn score_order(&self) -> u64 {
        score_order_at(&self.head)
    }

    /// What is hashed of the item; [`hashed_part`] is the same of one that was written.
    #[inline]
    pub fn hashed_part(&self) -> &[u8] {
        if self.is_text() {
            self.body
        } else {
            self.head()
        }
    }
}

/// An item that is looked for in a row of others. Its first and last bytes are compared before the
/// whole: names in a row are often as long as each other and begin alike.
#[derive(Clone, Copy)]
pub struct Sought<'a> {
    code: &'a Code<'a>,
    len: usize,
    last_byte: u8,
}

impl Sought<'_> {
    /// Whether the item that begins at `offset` is it, as [`Code::is_at`] says.
    #[inline(always)] // Two comparisons decide nearly always, in the loop over a row.
    pub fn is_at(&self, bytes: &[u8], offset: usize) -> bool {
        bytes[offset] == self.code.head[0]
            && bytes.get(offset + self.len - 1) == Some(&self.last_byte)
            && self.is_whole_at(bytes, offset)
    }

    /// The same of all bytes, apart from the loop, which is to be short.
    #[inline(never)]
    fn is_whole_at(&self, bytes: &[u8], offset: usize) -> bool {
        self.code.is_at(&bytes[offset..])
    }
}

impl fmt::Debug for Code<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.item().fmt(formatter)
    }
}

/// Whether a first byte is that of a text.
#[inline]
fn is_text(first: u8) -> bool {
    matches!(first, TEXT_6..INTEGER_13 | TEXT_12..=TEXT_32)
}

/// Bytes before a text and bytes of it, of the item at the beginning of `bytes`; a number is all
/// head.
#[inline]
fn parts(bytes: &[u8]) -> (usize, usize) {
    let first = bytes[0];
    match first {
        TEXT_6..INTEGER_13 => (1, usize::from(first & 0x3f)),
        TEXT_12..TEXT_32 => (2, usize::from(first & 0xf) << 8 | usize::from(bytes[1])),
        TEXT_32 => (5, u32_at(bytes, 1) as usize),
        _ => (usize::from(LENS[usize::from(first)]), 0),
    }
}

#[inline]
fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    let field = &bytes[offset..offset + 4];
    u32::from_le_bytes(field.try_into().expect("four bytes were taken"))
}

/// Bytes of an item, or of a deadline, by its first byte; 0 for texts that say their length in more
/// bytes.
const LENS: [u8; 256] = {
    let mut lens = [9; 256];
    let mut first = 0;
    while first <= TEXT_32 as usize {
        lens[first] = match first as u8 {
            0..TEXT_6 => 1,
            text @ TEXT_6..INTEGER_13 => 1 + (text & 0x3f),
            INTEGER_13..TEXT_12 => 2,
            _ => 0,
        };
        first += 1;
    }
    lens[INTEGER_16 as usize] = 3;
    lens[INTEGER_24 as usize] = 4;
    lens[INTEGER_32 as usize] = 5;
    lens[INTEGER_48 as usize] = 7;
    lens
};

/// Bytes of the item at the beginning of `bytes`, or of the deadline that stands there. Nearly
/// always a look into a table: a jump for each width would be mispredicted.
#[inline]
pub fn len_at(bytes: &[u8]) -> usize {
    match LENS[usize::from(bytes[0])] {
        0 => long_text_len(bytes),
        len => usize::from(len),
    }
}

/// Where the item ends, or the deadline, that begins at `offset`.
#[inline]
pub fn end_at(bytes: &[u8], offset: usize) -> usize {
    match LENS[usize::from(bytes[offset])] {
        0 => offset + long_text_len(&bytes[offset..]),
        len => offset + usize::from(len),
    }
}

/// Where `count` items, deadlines counted as such, end that begin at `offset`.
#[inline]
pub fn end_of(bytes: &[u8], mut offset: usize, count: usize) -> usize {
    for _ in 0..count {
        offset = end_at(bytes, offset);
    }
    offset
}

#[cold]
#[inline(never)]
fn long_text_len(bytes: &[u8]) -> usize {
    let (head, body) = parts(bytes);
    head + body
}

/// Bytes of the text at the beginning of `bytes` if it is short: then it stands after one byte.
#[inline]
pub fn short_text_len(bytes: &[u8]) -> Option<usize> {
    let first = bytes[0];
    matches!(first, TEXT_6..INTEGER_13).then_some(usize::from(first & 0x3f))
}

/// What is hashed of the item at the beginning of `bytes`.
#[inline]
pub fn hashed_part(bytes: &[u8]) -> &[u8] {
    let (head, body) = parts(bytes);
    if is_text(bytes[0]) {
        &bytes[head..head + body]
    } else {
        &bytes[..head]
    }
}

/// The bytes of the text at the beginning of `bytes`; none of a number.
pub fn text_mut(bytes: &mut [u8]) -> &mut [u8] {
    let (head, body) = parts(bytes);
    &mut bytes[head..head + body]
}

/// The item at the beginning of `bytes`, and its length.
#[inline]
pub fn read(bytes: &[u8]) -> (Item<'_>, usize) {
    let first = bytes[0];
    // Most items are short texts.
    if matches!(first, TEXT_6..INTEGER_13) {
        let end = 1 + usize::from(first & 0x3f);
        return (Item::Text(&bytes[1..end]), end);
    }
    let (head, body) = parts(bytes);
    let item = match first {
        first @ 0..TEXT_6 => Item::Integer(i64::from(first)),
        TEXT_6..INTEGER_13 | TEXT_12..=TEXT_32 => Item::Text(&bytes[head..head + body]),
        INTEGER_13..TEXT_12 => Item::Integer(integer_13(first, bytes[1])),
        DOUBLE => Item::Double(double_at(bytes)),
        _ => Item::Integer(integer_at(&bytes[1..], head - 1)),
    };
    (item, head + body)
}

/// The integer of 13 bits in two bytes, with its sign.
#[inline]
fn integer_13(first: u8, second: u8) -> i64 {
    (i64::from(first & 0x1f) << 59 >> 51) | i64::from(second)
}

/// The integer of `len` bytes, 1 to 8, at the beginning of `bytes`, with its sign.
#[inline]
fn integer_at(bytes: &[u8], len: usize) -> i64 {
    // Something stands after it nearly always, and eight bytes are read at once.
    let all = match bytes.first_chunk() {
        Some(all) => *all,
        None => {
            let mut all = [0; 8];
            all[..len].copy_from_slice(&bytes[..len]);
            all
        }
    };
    let unused_bits = 64 - 8 * len;
    i64::from_le_bytes(all) << unused_bits >> unused_bits
}

/// The double at the beginning of `bytes`.
#[inline]
fn double_at(bytes: &[u8]) -> f64 {
    f64::from_bits(integer_at(&bytes[1..], 8) as u64)
}

/// The deadline at the beginning of `bytes`, if one stands there.
#[inline]
pub fn deadline_at(bytes: &[u8]) -> Option<u64> {
    (bytes[0] == DEADLINE_MARK).then(|| integer_at(&bytes[1..], 8) as u64)
}

/// Writes a deadline to the beginning of `target`.
#[inline]
pub fn write_deadline(deadline_ms: u64, target: &mut [u8]) {
    target[0] = DEADLINE_MARK;
    target[1..DEADLINE_BYTES].copy_from_slice(&deadline_ms.to_le_bytes());
}

/// Bytes that are no item, or one in another code than its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadItem;

/// The length of the item at the beginning of `bytes`, which may be anything.
///
/// # Errors
/// If they begin with no whole item, or with one that [`Code`] would write differently.
pub fn checked_len(bytes: &[u8]) -> Result<usize, BadItem> {
    let first = *bytes.first().ok_or(BadItem)?;
    let head_len = match first {
        0..INTEGER_13 => 1,
        INTEGER_13..TEXT_32 => 2,
        TEXT_32 => 5,
        INTEGER_16 => 3,
        INTEGER_24 => 4,
        INTEGER_32 => 5,
        INTEGER_48 => 7,
        INTEGER_64 | DOUBLE => 9,
        _ => return Err(BadItem),
    };
    if bytes.len() < head_len {
        return Err(BadItem);
    }
    let (head, body) = parts(bytes);
    if bytes.len() - head < body {
        return Err(BadItem);
    }
    let item = read(bytes).0;
    let is_number = !matches!(item, Item::Double(value) if value.is_nan());
    let is_canonical = is_number && Code::of_item(item).is_at(bytes);
    if is_canonical {
        Ok(head + body)
    } else {
        Err(BadItem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(code: &Code) -> Vec<u8> {
        let mut bytes = vec![0xee; code.byte_len() + 3];
        assert_eq!(code.write(&mut bytes), code.byte_len());
        bytes.truncate(code.byte_len());
        bytes
    }

    /// Goal: what is looked for in a row is found by two bytes and a comparison just where the
    /// comparison alone would find it. Method: items that share a first byte, a last one or both,
    /// each looked for at each place of a row of all.
    #[test]
    fn what_is_sought_is_where_it_is() {
        let long = [b'x'; 70];
        let texts: [&[u8]; 9] = [b"", b"a", b"ab", b"bb", b"acb", b"adb", b"7", b"300", &long];
        let codes = texts.map(Code::of_text);
        let row: Vec<u8> = codes.iter().flat_map(written).collect();
        for code in &codes {
            for offset in 0..row.len() {
                let is_there = code.is_at(&row[offset..]);
                assert_eq!(code.sought().is_at(&row, offset), is_there);
            }
            assert!((0..row.len()).any(|offset| code.sought().is_at(&row, offset)));
        }
    }

    #[test]
    fn integers_take_the_shortest_code() {
        for (value, len) in [
            (0, 1),
            (127, 1),
            (128, 2),
            (-1, 2),
            (4095, 2),
            (-4096, 2),
            (4096, 3),
            (-4097, 3),
            (32_768, 4),
            (1 << 23, 5),
            (-(1 << 23), 4),
            (1 << 31, 7),
            (1_700_000_000_000, 7),
            (1 << 47, 9),
            (i64::MAX, 9),
            (i64::MIN, 9),
        ] {
            let bytes = written(&Code::of_integer(value));
            assert_eq!(bytes.len(), len, "{value}");
            assert_eq!(read(&bytes), (Item::Integer(value), len));
            assert_eq!(checked_len(&bytes), Ok(len));
            let text = value.to_string();
            assert_eq!(written(&Code::of_text(text.as_bytes())), bytes);
        }
    }

    #[test]
    fn texts_of_every_length_come_back() {
        for len in [0, 1, 63, 64, 65, 4095, 4096, 70_000] {
            let text = vec![b'x'; len];
            let code = Code::of_text(&text);
            let bytes = written(&code);
            let head = if len < 64 {
                1
            } else {
                2 + 3 * usize::from(len > 4095)
            };
            assert_eq!(bytes.len(), head + len);
            assert_eq!(read(&bytes), (Item::Text(&text), bytes.len()));
            assert_eq!(len_at(&bytes), bytes.len());
            assert_eq!(checked_len(&bytes), Ok(bytes.len()));
            assert_eq!(hashed_part(&bytes), code.hashed_part());
            assert!(code.is_at(&bytes) && !Code::of_text(b"y").is_at(&bytes));
        }
    }

    #[test]
    fn scores_are_integers_where_they_can() {
        let exact = EXACT_INTEGER_MAX as f64;
        for (score, len) in [
            (0.0, 1),
            (-0.0, 9),
            (3.0, 1),
            (3.5, 9),
            (exact, 9),
            (f64::INFINITY, 9),
            (-1e300, 9),
        ] {
            let bytes = written(&Code::of_score(score));
            assert_eq!(bytes.len(), len, "{score}");
            let read = read(&bytes).0.score().expect("scores are numbers");
            assert_eq!(read.to_bits(), score.to_bits());
            assert_eq!(checked_len(&bytes), Ok(len));
        }
        let order = [f64::NEG_INFINITY, -2.5, -0.0, 1e-310, 1.0, f64::INFINITY];
        for pair in order.windows(2) {
            assert!(score_order(pair[0]) < score_order(pair[1]));
        }
        assert_eq!(score_order(-0.0), score_order(0.0));
    }

    #[test]
    fn members_are_ordered_by_their_texts() {
        let cmp = |a: &[u8], b: &[u8]| Code::of_text(a).item().cmp_text(Code::of_text(b).item());
        assert_eq!(cmp(b"10", b"9"), Ordering::Less);
        assert_eq!(cmp(b"10", b"1x"), Ordering::Less);
        assert_eq!(cmp(b"a", b"10"), Ordering::Greater);
        assert_eq!(cmp(b"-5", b"-5"), Ordering::Equal);
    }

    #[test]
    fn a_second_code_of_anything_is_refused() {
        let refused: [&[u8]; 12] = [
            b"",
            b"\x811",
            b"\x82-7",
            b"\xc0\x05",
            b"\xe0\x01x",
            b"\xf0\x01\0\0\0x",
            b"\xf1\x01\0",
            b"\xf4\x01\0\0\0\0\0\0\0",
            b"\xf6\0\0\0\0\0\0\xf0\x3f",
            b"\xf6\x01\0\0\0\0\0\xf8\x7f",
            b"\xf8\0\0\0\0\0\0\0\0",
            b"\xf0\xff\xff\xff\xff",
        ];
        for bytes in refused {
            assert_eq!(checked_len(bytes), Err(BadItem), "{bytes:x?}");
        }
    }

    /// Goal: no bytes panic, and what is accepted is written again as it stood. Method: noise whose
    /// first bytes are all codes alike.
    #[test]
    fn noise_is_refused_or_canonical() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..200_000 {
            let len = random.usize(0..24);
            let bytes: Vec<u8> = (0..len).map(|_| random.u8(..)).collect();
            let Ok(len) = checked_len(&bytes) else {
                continue;
            };
            let (item, read_len) = read(&bytes);
            assert_eq!(read_len, len);
            assert_eq!(written(&Code::of_item(item)), bytes[..len]);
        }
    }

    #[test]
    fn deadlines_stand_before_items() {
        let mut bytes = [0; DEADLINE_BYTES];
        write_deadline(u64::MAX - 1, &mut bytes);
        assert_eq!(deadline_at(&bytes), Some(u64::MAX - 1));
        assert_eq!(deadline_at(&[5]), None);
    }
}
