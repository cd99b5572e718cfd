//! An entry as a record, but for large collections.
//!
//! Cost: nothing is copied but small sets of integers, which become items.
//!
//! Not here: large collections (`frozen.rs`).

use crate::keyspace::entry::{Content, EntryRef};
use crate::structures::block::integers::IntegerSet;
use crate::structures::block::{Block, Element, Run, Shape};
use crate::structures::item::Code;
use crate::value::encoding::Encoding;
use crate::value::record::{Collected, KeyRecord, RecordValue};

/// The record of an entry. `scratch` is room for what must be written another way, empty at first.
///
/// # Panics
/// If the entry names a large collection.
pub(super) fn record_of<'a>(
    entry: EntryRef<'a>,
    deadline_ms: Option<u64>,
    scratch: &'a mut Vec<u8>,
) -> KeyRecord<'a> {
    let value = match entry.kind().collection() {
        None => RecordValue::String(entry.string()),
        Some(_) => RecordValue::Collection(collected(entry, scratch)),
    };
    KeyRecord {
        key: entry.key(),
        value,
        deadline_ms,
    }
}

fn collected<'a>(entry: EntryRef<'a>, scratch: &'a mut Vec<u8>) -> Collected<'a> {
    let (encoding, run) = match entry.content() {
        Content::Packed(bytes) => {
            let block = Block::new(bytes);
            (Encoding::from_bits(block.owner_bits()), block.run_from(0))
        }
        Content::Integers(bytes) => {
            let set = IntegerSet::new(bytes);
            for value in set.iter() {
                Run::write(&Element::single(Code::of_integer(value)), scratch);
            }
            (
                Encoding::Integers,
                Run::new(Shape::Set, set.count(), scratch),
            )
        }
        Content::Large(_) => panic!("a large collection is no single record"),
    };
    Collected {
        kind: entry.kind(),
        encoding,
        run,
    }
}
