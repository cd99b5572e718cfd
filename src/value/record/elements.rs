//! Collections as records: whole, or in pieces that may stand between other records.
//!
//! ```text
//!  small    1 encoding │ 2 count │ 2 bytes │ elements
//!  begins   1 kind │ 1 encoding │ 4 number │ 8 count                                  kind 3
//!  piece    1 kind │ 4 number │ 8 elements before │ 4 count │ 4 bytes │ elements       kind 16
//! ```
//!
//! Elements are a [`Run`]: the bytes of a block's elements, without what depends on the hash of
//! keys. A piece says how many elements stand before it, so that none is lost, doubled or
//! exchanged for another unnoticed.
//!
//! Invariant: what [`Record::decode`](super::Record::decode) returns was walked: items are in their
//! shortest code, scored elements in order, no element of a small collection comes twice. Those of
//! a stream, which is never small, are what a stream consists of.
//!
//! Not here: whether pieces make a whole (`persistence/open_collections.rs`).

use super::{Encoding, Kind, RecordError, Trust, collection_of, row_of, take, take_slice};
use crate::structures::block::{Run, Shape};
use crate::structures::block_tree::ELEMENTS_MAX;
use crate::value::kind::CollectionFacts;

/// Bytes of a piece without its elements, the kind of the record included.
pub const PIECE_FRAME_BYTES: usize = 1 + 1 + 4 + 8 + 4 + 4;

/// What is said of a collection that begins.
pub(super) const BEGUN_BYTES: usize = 1 + 1 + 4 + 8;

/// A collection whose elements stand in one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Collected<'a> {
    /// Its type.
    pub kind: Kind,
    /// What its encoding is called.
    pub encoding: Encoding,
    /// Its elements.
    pub run: Run<'a>,
}

impl<'a> Collected<'a> {
    pub(super) fn frame(&self) -> [u8; 5] {
        let [count, len] = [self.run.count(), self.run.bytes().len()].map(|number| {
            u16::try_from(number)
                .expect("a small collection")
                .to_le_bytes()
        });
        [self.encoding as u8, count[0], count[1], len[0], len[1]]
    }

    pub(super) fn decode(
        kind: Kind,
        rest: &mut &'a [u8],
        trust: Trust,
    ) -> Result<Self, RecordError> {
        let [encoding] = take(rest)?;
        let count = usize::from(u16::from_le_bytes(take(rest)?));
        let len = u16::from_le_bytes(take(rest)?);
        let encoding = encoding_of(kind, encoding)?;
        let run = take_run(kind, count, len.into(), rest, trust)?;
        if facts(kind).is_always_large {
            return Err(RecordError::Elements);
        }
        let fits_encoding = || encoding != Encoding::Integers || run.is_integers();
        if trust == Trust::Claimed && (run.has_repetition() || !fits_encoding()) {
            return Err(RecordError::Elements);
        }
        Ok(Self {
            kind,
            encoding,
            run,
        })
    }
}

/// A collection whose elements follow in pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    /// Its type.
    pub kind: Kind,
    /// What its encoding is called.
    pub encoding: Encoding,
    /// What its pieces name it by.
    pub number: u32,
    /// How many elements it has in all.
    pub count: u64,
}

impl Begun {
    pub(super) fn bytes(&self) -> [u8; BEGUN_BYTES] {
        let kind = row_of(self.kind).number;
        let mut bytes = [0; BEGUN_BYTES];
        bytes[0] = kind;
        bytes[1] = self.encoding as u8;
        bytes[2..6].copy_from_slice(&self.number.to_le_bytes());
        bytes[6..].copy_from_slice(&self.count.to_le_bytes());
        bytes
    }

    pub(super) fn decode(rest: &mut &[u8]) -> Result<Self, RecordError> {
        let [kind] = take(rest)?;
        let [encoding] = take(rest)?;
        let number = u32::from_le_bytes(take(rest)?);
        let count = u64::from_le_bytes(take(rest)?);
        let kind = collection_of(kind).ok_or(RecordError::Elements)?;
        let encoding = encoding_of(kind, encoding)?;
        if !(1..=ELEMENTS_MAX).contains(&count) {
            return Err(RecordError::Elements);
        }
        Ok(Self {
            kind,
            encoding,
            number,
            count,
        })
    }
}

/// Elements of a collection that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The type of the collection.
    pub kind: Kind,
    /// By what the collection named its pieces.
    pub number: u32,
    /// Elements of the collection that stand in the pieces before this one.
    pub before: u64,
    /// The elements.
    pub run: Run<'a>,
}

impl<'a> Piece<'a> {
    /// What stands before the elements.
    ///
    /// # Panics
    /// If there are more than 32 bits can say.
    pub fn frame(&self) -> [u8; PIECE_FRAME_BYTES] {
        let kind = row_of(self.kind).number;
        let count = u32::try_from(self.run.count()).expect("a piece of some elements");
        let len = u32::try_from(self.run.bytes().len()).expect("an element is at most 4 GiB");
        let mut bytes = [0; PIECE_FRAME_BYTES];
        bytes[0] = super::PIECE;
        bytes[1] = kind;
        bytes[2..6].copy_from_slice(&self.number.to_le_bytes());
        bytes[6..14].copy_from_slice(&self.before.to_le_bytes());
        bytes[14..18].copy_from_slice(&count.to_le_bytes());
        bytes[18..].copy_from_slice(&len.to_le_bytes());
        bytes
    }

    pub(super) fn decode(rest: &mut &'a [u8], trust: Trust) -> Result<Self, RecordError> {
        let [kind] = take(rest)?;
        let number = u32::from_le_bytes(take(rest)?);
        let before = u64::from_le_bytes(take(rest)?);
        let count = u32::from_le_bytes(take(rest)?);
        let len = u32::from_le_bytes(take(rest)?);
        let kind = collection_of(kind).ok_or(RecordError::Elements)?;
        let run = take_run(kind, count as usize, len, rest, trust)?;
        Ok(Self {
            kind,
            number,
            before,
            run,
        })
    }
}

fn take_run<'a>(
    kind: Kind,
    count: usize,
    len: u32,
    rest: &mut &'a [u8],
    trust: Trust,
) -> Result<Run<'a>, RecordError> {
    let bytes = take_slice(rest, len)?;
    if trust == Trust::Checked {
        return Ok(Run::new(shape(kind), count, bytes));
    }
    if count == 0 {
        return Err(RecordError::Elements);
    }
    let run = Run::check(shape(kind), count, bytes).map_err(|_| RecordError::Elements)?;
    match row_of(kind).is_element {
        Some(is_element) if !run.elements().all(is_element) => Err(RecordError::Elements),
        _ => Ok(run),
    }
}

fn facts(kind: Kind) -> CollectionFacts {
    let facts = kind.collection();
    facts.expect("the record's kind is that of a collection")
}

fn shape(kind: Kind) -> Shape {
    facts(kind).shape
}

/// The encoding that a byte stands for, if a collection of this kind can have it.
fn encoding_of(kind: Kind, byte: u8) -> Result<Encoding, RecordError> {
    let encoding = Encoding::from_bits(byte);
    let is_known = encoding as u8 == byte;
    if is_known && (encoding != Encoding::Integers || facts(kind).may_be_integers) {
        Ok(encoding)
    } else {
        Err(RecordError::Elements)
    }
}
