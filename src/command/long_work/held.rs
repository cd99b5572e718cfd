//! Sets and sorted sets held as they were when a command began, however many.
//!
//! ```text
//!  large ─▶ frozen
//!  small ─▶ copied, one after the other, into pieces of 64 KiB
//! ```
//!
//! Invariant: what is held is released once.
//!
//! Cost: a source is one number and some words, which need no giving back one by one: all are
//! released in O(number of pieces).
//!
//! Not here: what is done with them (`several.rs`), very many (`finding.rs`).

use crate::keyspace::{FrozenId, Key, Keyspace, Memory};
use crate::structures::block::integers::IntegerSet;
use crate::structures::block::{Block, ElementRef, Shape};
use crate::structures::item::{Code, Item};
use crate::value::collection::{Elements, Form};
use crate::value::sorted_set::combine::SET_SCORE;

/// Bytes of a piece, into which any small collection fits.
const PIECE_BYTES: usize = 64 * 1024;

/// Where a copy stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Copied {
    piece: u32,
    begin: u32,
    end: u32,
}

/// One source, as it was when the command began.
#[derive(Clone, Copy, Debug)]
pub(super) enum Held {
    /// There is no such key.
    Missing,
    /// A frozen state.
    Frozen(FrozenId),
    /// A copy of a block.
    Packed(Copied),
    /// A copy of an array of integers.
    Integers(Copied),
}

/// A member with its score; that of a set's members is 1.
fn scored(element: ElementRef<'_>) -> (Item<'_>, f64) {
    let score = match element.shape() {
        Shape::Set | Shape::List => SET_SCORE,
        Shape::Scored => element.score(),
        Shape::Map => element.value().score().expect("members have scores"),
    };
    (element.key(), score)
}

/// What sources are held by.
#[derive(Debug, Default)]
pub(super) struct Holding {
    frozen: Vec<FrozenId>,
    pieces: Vec<Vec<u8>>,
}

impl Holding {
    /// Holds what a key holds.
    pub(super) fn hold(
        &mut self,
        keyspace: &mut Keyspace,
        database: usize,
        key: Key<'_>,
        now_ms: u64,
    ) -> Held {
        let entry = keyspace.find(database, key, now_ms);
        let body = entry.and_then(|entry| keyspace.body(entry, now_ms));
        match body.map(|body| body.form) {
            None => Held::Missing,
            Some(Form::Packed(block)) => Held::Packed(self.copy(block.bytes())),
            Some(Form::Integers(set)) => Held::Integers(self.copy(set.bytes())),
            Some(Form::Large(_)) => {
                let frozen = keyspace.freeze(database, key, now_ms);
                let frozen = frozen.expect("what is large can be frozen");
                self.frozen.push(frozen);
                Held::Frozen(frozen)
            }
        }
    }

    fn copy(&mut self, bytes: &[u8]) -> Copied {
        let has_room = |piece: &Vec<u8>| piece.len() + bytes.len() <= PIECE_BYTES;
        if !self.pieces.last().is_some_and(has_room) {
            self.pieces.push(Vec::with_capacity(PIECE_BYTES));
        }
        let index = self.pieces.len() - 1;
        let piece = &mut self.pieces[index];
        let begin = piece.len();
        piece.extend_from_slice(bytes);
        Copied {
            piece: index as u32,
            begin: begin as u32,
            end: piece.len() as u32,
        }
    }

    /// Lets all go.
    pub(super) fn release(&mut self, keyspace: &mut Keyspace) {
        keyspace.thaw_all(std::mem::take(&mut self.frozen));
        self.pieces.clear();
    }

    fn bytes(&self, copied: Copied) -> &[u8] {
        &self.pieces[copied.piece as usize][copied.begin as usize..copied.end as usize]
    }

    fn elements<'a>(&'a self, keyspace: &'a Keyspace, held: Held) -> Option<Elements<'a, Memory>> {
        match held {
            Held::Missing | Held::Integers(_) => None,
            Held::Frozen(id) => Some(keyspace.frozen_members(id)),
            Held::Packed(copied) => Some(keyspace.elements_of(Block::new(self.bytes(copied)))),
        }
    }

    /// How many members a source has.
    pub(super) fn len(&self, keyspace: &Keyspace, held: Held) -> u64 {
        match held {
            Held::Integers(copied) => IntegerSet::new(self.bytes(copied)).count() as u64,
            Held::Missing | Held::Frozen(_) | Held::Packed(_) => {
                let elements = self.elements(keyspace, held);
                elements.map_or(0, |elements| elements.len())
            }
        }
    }

    /// The score of a member of a source.
    pub(super) fn score(&self, keyspace: &Keyspace, held: Held, member: Item<'_>) -> Option<f64> {
        match (held, member) {
            (Held::Integers(copied), Item::Integer(value)) => {
                let found = IntegerSet::new(self.bytes(copied)).find(value);
                found.ok().map(|_| SET_SCORE)
            }
            (Held::Integers(_), Item::Text(_) | Item::Double(_)) => None,
            (Held::Missing | Held::Frozen(_) | Held::Packed(_), _) => {
                let found = self.elements(keyspace, held)?.find(&Code::of_item(member));
                found.map(|element| scored(element).1)
            }
        }
    }

    /// Shows some members of a source from a cursor on; the next cursor, 0 at the end.
    pub(super) fn scan<'a>(
        &'a self,
        keyspace: &'a Keyspace,
        held: Held,
        cursor: u64,
        mut visit: impl FnMut(Item<'a>, f64),
    ) -> u64 {
        if let Held::Integers(copied) = held {
            let set = IntegerSet::new(self.bytes(copied));
            set.iter()
                .for_each(|value| visit(Item::Integer(value), SET_SCORE));
        }
        let elements = self.elements(keyspace, held);
        elements.map_or(0, |elements| {
            elements.scan(cursor, |element| {
                let (member, score) = scored(element);
                visit(member, score);
            })
        })
    }
}
