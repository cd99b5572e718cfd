//! What a keyspace or a snapshot holds, in plain words, to be compared.

use crate::keyspace::Keyspace;
use crate::structures::block::{Element, ElementRef, Run};
use crate::structures::item::Code;
use crate::value::collection::{Body, Elements, Form};
use crate::value::encoding::Encoding;
use crate::value::kind::Kind;
use crate::value::record::{Record, RecordValue};
use std::collections::HashMap;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    String(Vec<u8>),
    /// The bytes of its elements; those of sets and hashes are sorted.
    Collection(Kind, Encoding, Vec<Vec<u8>>),
}

impl Plain {
    fn collection(kind: Kind, encoding: Encoding, mut elements: Vec<Vec<u8>>) -> Self {
        if matches!(kind, Kind::Set | Kind::Hash) {
            elements.sort_unstable();
        }
        Self::Collection(kind, encoding, elements)
    }
}

/// By database and key, value and deadline.
pub(super) type Contents = HashMap<Name, Content>;

/// A database and a key in it.
type Name = (usize, Vec<u8>);

/// A value and its deadline.
type Content = (Plain, Option<u64>);

fn bytes_of<'a>(elements: impl Iterator<Item = ElementRef<'a>>) -> Vec<Vec<u8>> {
    elements.map(|element| element.bytes().to_vec()).collect()
}

fn elements_of(body: Body<'_, super::Memory>) -> Vec<Vec<u8>> {
    match body.form {
        Form::Packed(block) => bytes_of(block.elements()),
        Form::Integers(set) => set
            .iter()
            .map(|value| {
                let mut bytes = Vec::new();
                Run::write(&Element::single(Code::of_integer(value)), &mut bytes);
                bytes
            })
            .collect(),
        Form::Large(trees) => {
            let ordered = trees.scores.as_ref().unwrap_or(&trees.members);
            bytes_of(Elements::tree(ordered.current(), body.store).from(0))
        }
    }
}

/// What a keyspace holds that is not due.
pub(super) fn contents(keyspace: &Keyspace, now_ms: u64) -> Contents {
    let mut contents = Contents::new();
    for database in 0..super::DATABASES {
        let mut cursor = 0;
        loop {
            cursor = keyspace.scan(database, cursor, now_ms, |entry| {
                let value = match keyspace.body(entry, now_ms) {
                    None => Plain::String(entry.string().text(&mut itoa::Buffer::new()).to_vec()),
                    Some(body) => {
                        Plain::collection(entry.kind(), body.encoding(), elements_of(body))
                    }
                };
                let deadline_ms = keyspace.deadline_ms(database, entry);
                contents.insert((database, entry.key().to_vec()), (value, deadline_ms));
            });
            if cursor == 0 {
                break;
            }
        }
    }
    contents
}

/// Puts records together.
#[derive(Default)]
pub(super) struct Reader {
    read: Vec<(Name, Content)>,
    /// Where collections in pieces stand in `read`, and how many elements they announced.
    open: HashMap<u32, (usize, u64)>,
    /// Pieces that were read.
    pub(super) piece_count: usize,
}

impl Reader {
    /// Adds the records of a block.
    pub(super) fn add(&mut self, database: usize, mut records: &[u8]) {
        while !records.is_empty() {
            let record = Record::decode(&mut records).expect("just encoded");
            let record = match record {
                Record::Key(record) => record,
                Record::Piece(piece) => {
                    self.piece_count += 1;
                    let index = self.open[&piece.number].0;
                    let ((in_database, _), (value, _)) = &mut self.read[index];
                    let Plain::Collection(kind, _, elements) = value else {
                        panic!("a string has pieces");
                    };
                    assert_eq!((*in_database, *kind), (database, piece.kind));
                    assert_eq!(elements.len() as u64, piece.before);
                    elements.extend(bytes_of(piece.run.elements()));
                    continue;
                }
            };
            let value = match record.value {
                RecordValue::String(value) => {
                    Plain::String(value.text(&mut itoa::Buffer::new()).to_vec())
                }
                RecordValue::Collection(collected) => Plain::collection(
                    collected.kind,
                    collected.encoding,
                    bytes_of(collected.run.elements()),
                ),
                RecordValue::Begun(begun) => {
                    let place = (self.read.len(), begun.count);
                    assert!(self.open.insert(begun.number, place).is_none());
                    Plain::Collection(begun.kind, begun.encoding, Vec::new())
                }
            };
            let name = (database, record.key.to_vec());
            self.read.push((name, (value, record.deadline_ms)));
        }
    }

    /// All that was read; every collection must be whole.
    pub(super) fn finish(mut self) -> Vec<(Name, Content)> {
        for (index, count) in self.open.into_values() {
            let value = &mut self.read[index].1.0;
            let Plain::Collection(kind, encoding, elements) = value.clone() else {
                panic!("a string has pieces");
            };
            assert_eq!(elements.len() as u64, count);
            *value = Plain::collection(kind, encoding, elements);
        }
        self.read
    }
}
