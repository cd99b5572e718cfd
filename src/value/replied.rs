//! Items of collections as replies, and whole runs of elements.
//!
//! ```text
//!  run    [ element element element … ]           one walk over the bytes of a block
//!            │ told: key, value, both, score
//!  reply  [ $4 a… │ $8 b… │ $4 c… │ … ]            one row of the output buffer
//! ```
//!
//! Cost: some forty instructions for an element of one short text. What is longer than
//! a row, and what no row can be had for, goes one by one.
//!
//! Not here: replies of any other kind (`protocol/reply.rs`), which elements (`command/long_work`).

use crate::protocol::bulk_row::BulkRow;
use crate::protocol::double_text::DoubleText;
use crate::protocol::reply::{Dialect, ReplyWriter};
use crate::structures::block::{ElementRef, Run, Shape};
use crate::structures::item::{self, DEADLINE_BYTES, Item};

/// Bytes of output buffer that are lent to one row at most: they are cleared before, and up to here
/// the C library does that by a few plain stores.
const ROW_BYTES_MAX: usize = 1_984;

/// What is reserved for an element besides its own bytes: header and line end of two items, and of
/// a pair, when most items are short texts or small integers.
const ELEMENT_FRAME_BYTES: usize = 24;

/// Room that a row must still have for its last element, which is written in whole sixteens.
const ROW_SLACK_BYTES: usize = 192;

impl ReplyWriter<'_> {
    /// An item of a collection as a string; a score as [`ReplyWriter::double`] prints it.
    #[inline]
    pub fn item(&mut self, item: Item<'_>) {
        match item {
            Item::Integer(value) => self.bulk_integer(value),
            Item::Text(text) => self.bulk(text),
            Item::Double(value) => self.bulk(DoubleText::new(value).as_bytes()),
        }
    }
}

/// What a reply tells of each element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The item of a list, the member of a set, the field of a hash.
    Key,
    /// The value of a field.
    Value,
    /// A field, then its value.
    Pair,
    /// A member, then its score.
    Scored,
    /// A list of a member and its score.
    ScoredPair,
}

impl Told {
    /// Replies one element.
    pub fn write(self, reply: &mut ReplyWriter<'_>, element: ElementRef<'_>) {
        match self {
            Self::Key => reply.item(element.key()),
            Self::Value => reply.item(element.value()),
            Self::Pair => {
                let (key, value) = element.pair();
                reply.item(key);
                reply.item(value);
            }
            Self::Scored => {
                reply.item(element.key());
                reply.double(element.score());
            }
            Self::ScoredPair => {
                reply.array(2);
                reply.item(element.key());
                reply.double(element.score());
            }
        }
    }
}

/// Writes the item at the beginning of `bytes`, which may go on after it, and returns its length;
/// none if there is no room.
#[inline(always)] // Into every loop over a run: a call costs as much as the item.
fn write_item(row: &mut BulkRow<'_>, bytes: &[u8]) -> Option<usize> {
    match item::short_text_len(bytes) {
        Some(len) => row.short(&bytes[1..], len).then_some(1 + len),
        None => write_other_item(row, bytes),
    }
}

/// As [`write_item`], for what is no short text.
#[inline(never)]
fn write_other_item(row: &mut BulkRow<'_>, bytes: &[u8]) -> Option<usize> {
    let (item, len) = item::read(bytes);
    let is_written = match item {
        Item::Integer(value) => row.bulk(itoa::Buffer::new().format(value).as_bytes()),
        Item::Text(text) => row.bulk(text),
        Item::Double(value) => row.bulk(DoubleText::new(value).as_bytes()),
    };
    is_written.then_some(len)
}

/// Writes a member and then its score, of the element at the beginning of `bytes`; its length, none
/// if it was not written whole.
#[inline]
fn write_scored(row: &mut BulkRow<'_>, bytes: &[u8], is_resp3: bool) -> Option<usize> {
    let (score, score_len) = item::read(bytes);
    let member_len = write_item(row, &bytes[score_len..])?;
    write_score(row, score, is_resp3)?;
    Some(score_len + member_len)
}

/// Writes a score; none if there is no room.
fn write_score(row: &mut BulkRow<'_>, score: Item<'_>, is_resp3: bool) -> Option<()> {
    let score = score.score().expect("scored elements begin with a number");
    let text = DoubleText::new(score);
    let is_written = if is_resp3 {
        row.raw(b",") && row.raw(text.as_bytes()) && row.raw(b"\r\n")
    } else {
        row.bulk(text.as_bytes())
    };
    is_written.then_some(())
}

/// Bytes of the deadline before the field at the beginning of `bytes`.
#[inline]
fn deadline_len(bytes: &[u8]) -> usize {
    item::deadline_at(bytes).map_or(0, |_| DEADLINE_BYTES)
}

/// The elements of a run on their way into a reply.
#[derive(Clone, Copy, Debug)]
pub struct RunReply<'a> {
    shape: Shape,
    bytes: &'a [u8],
    /// Elements of the run that are still to be told or left out …
    count: usize,
    /// … and how many of them are to be told.
    left: usize,
    told: Told,
}

impl<'a> RunReply<'a> {
    /// The first `count` elements of a run, or all if it has fewer.
    pub fn new(run: Run<'a>, count: u64, told: Told) -> Self {
        Self {
            shape: run.shape(),
            bytes: run.bytes(),
            count: run.count(),
            left: count.min(run.count() as u64) as usize,
            told,
        }
    }

    /// How many elements are still to be told.
    pub fn left(&self) -> usize {
        self.left
    }

    /// Replies the next elements: as many as one row takes, but one at least. To be called as long
    /// as some are left.
    pub fn write_some(&mut self, reply: &mut ReplyWriter<'_>) {
        let before = self.left;
        // Without headers there are no rows, and a person at a terminal does not wait for them.
        if reply.dialect() != Dialect::Plain {
            let is_resp3 = reply.dialect() == Dialect::Resp3;
            reply.row(self.row_len(), |row| self.fill(row, is_resp3));
        }
        if self.left == before {
            let element = Run::new(self.shape, self.count, self.bytes)
                .elements()
                .next()
                .expect("the caller knows that some are left");
            self.told.write(reply, element);
            self.pass(element.bytes().len());
        }
    }

    /// Room for what is left if its elements are of about the same length, as far as a row goes.
    fn row_len(&self) -> usize {
        let bytes = self.bytes.len() / self.count * self.left;
        let wanted = bytes + bytes / 8 + self.left * ELEMENT_FRAME_BYTES + ROW_SLACK_BYTES;
        wanted.min(ROW_BYTES_MAX)
    }

    /// Writes elements as long as they fit. What is told of them is asked once, not for each.
    fn fill(&mut self, row: &mut BulkRow<'_>, is_resp3: bool) {
        match (self.shape, self.told) {
            (Shape::Set | Shape::List, _) => self.fill_by(row, write_item),
            (Shape::Map, Told::Key) => self.fill_by(row, |row, bytes| {
                let key = deadline_len(bytes);
                let value = key + write_item(row, &bytes[key..])?;
                Some(value + item::len_at(&bytes[value..]))
            }),
            (Shape::Map, Told::Value) => self.fill_by(row, |row, bytes| {
                let key = deadline_len(bytes);
                let value = key + item::len_at(&bytes[key..]);
                Some(value + write_item(row, &bytes[value..])?)
            }),
            (Shape::Map, Told::Pair | Told::Scored | Told::ScoredPair) => {
                self.fill_by(row, |row, bytes| {
                    let key = deadline_len(bytes);
                    let value = key + write_item(row, &bytes[key..])?;
                    Some(value + write_item(row, &bytes[value..])?)
                });
            }
            (Shape::Scored, Told::Key | Told::Value | Told::Pair) => {
                self.fill_by(row, |row, bytes| {
                    let member = item::len_at(bytes);
                    Some(member + write_item(row, &bytes[member..])?)
                });
            }
            (Shape::Scored, Told::Scored) => {
                self.fill_by(row, |row, bytes| write_scored(row, bytes, is_resp3));
            }
            (Shape::Scored, Told::ScoredPair) => self.fill_by(row, |row, bytes| {
                row.raw(b"*2\r\n").then_some(())?;
                write_scored(row, bytes, is_resp3)
            }),
        }
    }

    /// Writes elements by `write`, which says how long the one at the beginning of its bytes is, or
    /// that it did not fit.
    #[inline(always)] // One loop for each `write`.
    fn fill_by(
        &mut self,
        row: &mut BulkRow<'_>,
        write: impl Fn(&mut BulkRow<'_>, &[u8]) -> Option<usize>,
    ) {
        let (mut bytes, mut left) = (self.bytes, self.left);
        while left > 0 {
            let mark = row.len();
            let Some(len) = write(row, bytes) else {
                row.truncate_to(mark);
                break;
            };
            bytes = &bytes[len..];
            left -= 1;
        }
        self.bytes = bytes;
        self.count -= self.left - left;
        self.left = left;
    }

    /// Leaves the next element, of so many bytes, behind.
    fn pass(&mut self, len: usize) {
        self.bytes = &self.bytes[len..];
        self.count -= 1;
        self.left -= 1;
    }
}

#[cfg(test)]
mod tests;
