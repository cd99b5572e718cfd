//! Collections of a file that have begun and lack elements.
//!
//! ```text
//!  7 begins: 3,000 elements ─▶ open ─▶ piece of 7 behind 0 ─▶ … ─▶ 900 behind 2,100: whole
//! ```
//!
//! A piece fits if it is of the same database and type, stands where the last one ended, goes not
//! beyond what was announced, and, of a sorted set or a stream, goes on in order.
//!
//! Cost: some words for each that is open at a time, and its last element if it is a sorted set or
//! a stream. A writer may keep one open at a time.
//!
//! Not here: whether the elements of a piece are any (`value/record`). What comes twice in
//! different pieces is not noticed: a reader that keeps the elements passes over the second one.

use crate::structures::block::Shape;
use crate::value::kind::Kind;
use crate::value::record::{Begun, Piece, Record, RecordError, RecordValue};
use std::collections::BTreeMap;

struct Open {
    database: u16,
    kind: Kind,
    count: u64,
    found: u64,
    /// The last element of a sorted set or a stream; nothing of others.
    last: Vec<u8>,
}

impl Open {
    fn fits(&self, database: u16, piece: &Piece<'_>) -> bool {
        let count = piece.run.count() as u64;
        self.database == database
            && self.kind == piece.kind
            && self.found == piece.before
            && count <= self.count - self.found
            && (self.last.is_empty() || piece.run.may_follow(&self.last))
    }

    fn take(&mut self, piece: &Piece<'_>) {
        self.found += piece.run.count() as u64;
        let facts = self.kind.collection();
        if facts.is_some_and(|facts| facts.shape == Shape::Scored)
            && let Some(last) = piece.run.elements().last()
        {
            self.last.clear();
            self.last.extend_from_slice(last.bytes());
        }
    }
}

/// What a record is to the collections of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// None of them.
    Other,
    /// The beginning of this one.
    Begins(u32),
    /// Elements of this one, which is whole with them or not.
    GoesOn(u32, bool),
}

/// Collections that lack elements, by their numbers.
#[derive(Default)]
pub(super) struct OpenCollections {
    open: BTreeMap<u32, Open>,
}

impl OpenCollections {
    /// Follows the next record.
    ///
    /// # Errors
    /// [`RecordError::Piece`] if it fits none that is open, or begins one that is. Nothing is
    /// changed then.
    pub(super) fn follow(
        &mut self,
        database: u16,
        record: &Record<'_>,
    ) -> Result<Part, RecordError> {
        match record {
            Record::Key(record) => match record.value {
                RecordValue::String(_) | RecordValue::Collection(_) => Ok(Part::Other),
                RecordValue::Begun(begun) => self.begin(database, &begun),
            },
            Record::Piece(piece) => self.go_on(database, piece),
        }
    }

    fn begin(&mut self, database: u16, begun: &Begun) -> Result<Part, RecordError> {
        if self.open.contains_key(&begun.number) {
            return Err(RecordError::Piece);
        }
        let open = Open {
            database,
            kind: begun.kind,
            count: begun.count,
            found: 0,
            last: Vec::new(),
        };
        self.open.insert(begun.number, open);
        Ok(Part::Begins(begun.number))
    }

    fn go_on(&mut self, database: u16, piece: &Piece<'_>) -> Result<Part, RecordError> {
        let open = self.open.get_mut(&piece.number);
        let fitting = open.filter(|open| open.fits(database, piece));
        let open = fitting.ok_or(RecordError::Piece)?;
        open.take(piece);
        let is_whole = open.found == open.count;
        if is_whole {
            self.open.remove(&piece.number);
        }
        Ok(Part::GoesOn(piece.number, is_whole))
    }

    /// Gives one up.
    pub(super) fn forget(&mut self, number: u32) {
        self.open.remove(&number);
    }

    /// Whether none lacks elements.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}
