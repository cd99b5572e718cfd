//! Which collections in pieces a damaged file holds whole, and its blocks without the others.
//!
//! ```text
//!  first way through the file    each beginning gets a rank: whole, or not
//!  second way                    what belongs to one that is not whole is left out of its block
//! ```
//!
//! Half a set would be a wrong answer; a key that is missing is only a miss.
//!
//! Invariant: both ways see the same blocks in the same order, so that ranks agree.
//!
//! Cost: a byte for each collection that begins, besides what `open_collections.rs` takes.
//!
//! Not here: finding blocks (`salvage.rs`).

use super::format::{BlockKind, DatabaseCount, write_block};
use super::loader::count_record;
use super::open_collections::{OpenCollections, Part};
use crate::value::record::{Record, RecordValue};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Follows the records of a file of which parts may be missing.
#[derive(Default)]
struct Follower {
    open: OpenCollections,
    /// The ranks of those that are open.
    ranks: BTreeMap<u32, usize>,
    next_rank: usize,
}

/// What a record belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Belongs {
    /// To itself.
    Alone,
    /// To the collection of this rank, of which it is the last part or not.
    To(usize, bool),
    /// To nothing that is there.
    Nowhere,
}

impl Follower {
    fn follow(&mut self, database: u16, record: &Record<'_>) -> Belongs {
        let part = self.open.follow(database, record);
        match (part, record) {
            (Ok(Part::Other), _) => Belongs::Alone,
            (Ok(Part::Begins(number)), _) => {
                let rank = self.next_rank;
                self.next_rank += 1;
                self.ranks.insert(number, rank);
                Belongs::To(rank, false)
            }
            (Ok(Part::GoesOn(number, is_whole)), _) => {
                let rank = self.ranks[&number];
                if is_whole {
                    self.ranks.remove(&number);
                }
                Belongs::To(rank, is_whole)
            }
            // It begins again: the end of the first one is lost.
            (Err(_), Record::Key(key)) => {
                if let RecordValue::Begun(begun) = key.value {
                    self.open.forget(begun.number);
                }
                self.follow(database, record)
            }
            // Something between is lost.
            (Err(_), Record::Piece(piece)) => {
                self.open.forget(piece.number);
                Belongs::Nowhere
            }
        }
    }
}

/// The first way through a file.
#[derive(Default)]
pub(super) struct WholeCollections {
    follower: Follower,
    is_whole: Vec<bool>,
}

impl WholeCollections {
    /// Looks at the records of the next block, all of which decode.
    pub(super) fn look(&mut self, database: u16, payload: &[u8]) {
        for record in Record::all(payload) {
            if let Belongs::To(rank, is_whole) = self.follower.follow(database, &record) {
                self.is_whole.resize(self.follower.next_rank, false);
                self.is_whole[rank] |= is_whole;
            }
        }
    }

    /// Begins the second way.
    pub(super) fn filter(self) -> WholeFilter {
        WholeFilter {
            follower: Follower::default(),
            is_whole: self.is_whole,
        }
    }
}

/// The second way through it.
pub(super) struct WholeFilter {
    follower: Follower,
    is_whole: Vec<bool>,
}

/// What is left of a block.
pub(super) struct Left {
    /// Its records, unless all of them are left.
    payload: Option<Vec<u8>>,
    pub(super) count: DatabaseCount,
}

impl Left {
    /// All of a block with so many keys.
    pub(super) fn all(count: DatabaseCount) -> Self {
        let payload = None;
        Self { payload, count }
    }

    /// The block with what is left of `whole`; none if nothing is.
    pub(super) fn block<'a>(&self, database: u16, whole: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        let Some(payload) = &self.payload else {
            return Some(Cow::Borrowed(whole));
        };
        let mut bytes = Vec::new();
        write_block(&mut bytes, BlockKind::Records, database, payload);
        (!payload.is_empty()).then_some(Cow::Owned(bytes))
    }
}

impl WholeFilter {
    /// What is left of the next block, all of whose records decode.
    pub(super) fn take(&mut self, database: u16, mut payload: &[u8]) -> Left {
        let whole = payload;
        let mut count = DatabaseCount::none_of(database);
        let mut left: Option<Vec<u8>> = None;
        while !payload.is_empty() {
            let begin = whole.len() - payload.len();
            let record = Record::decode(&mut payload).expect("its records were counted");
            let end = whole.len() - payload.len();
            let is_kept = match self.follower.follow(database, &record) {
                Belongs::Alone => true,
                Belongs::To(rank, _) => self.is_whole.get(rank).copied().unwrap_or(false),
                Belongs::Nowhere => false,
            };
            match (&mut left, is_kept) {
                (None, true) => {}
                (None, false) => left = Some(whole[..begin].to_vec()),
                (Some(left), true) => left.extend_from_slice(&whole[begin..end]),
                (Some(_), false) => {}
            }
            if is_kept {
                count_record(&mut count, &record);
            }
        }
        Left {
            payload: left,
            count,
        }
    }
}
