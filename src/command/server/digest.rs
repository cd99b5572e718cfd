//! Digests of values and of everything, as DEBUG tells them: those of Redis.
//!
//! ```text
//!  combine   digest ^= SHA-1(part)              parts in any order
//!  append    combine, digest = SHA-1(digest)    parts in this order
//! ```
//!
//! Neither the order of keys, members and fields makes a difference, nor how a value is kept.
//!
//! Cost: O(bytes) in one go; it is for tests.
//!
//! Not here: the command (`debug.rs`).

use crate::keyspace::{EntryRef, Keyspace, Memory};
use crate::protocol::double_text::DoubleText;
use crate::structures::block::{ElementRef, Shape};
use crate::structures::item::Item;
use crate::value::collection::Form;
use crate::value::kind::Kind;
use crate::value::stream::{StreamId, StreamRef};
use sha1_smol::Sha1;
use std::fmt;

/// A digest in the making.
#[derive(Clone, Copy, Default)]
pub(super) struct Digest([u8; 20]);

impl Digest {
    /// Of all databases.
    pub(super) fn of_all(keyspace: &Keyspace, now_ms: u64) -> Self {
        let mut all = Self::default();
        for database in 0..keyspace.database_count() {
            if keyspace.size(database).keys == 0 {
                continue;
            }
            all.append(&(database as u32).to_be_bytes());
            let mut cursor = 0;
            loop {
                cursor = keyspace.scan(database, cursor, now_ms, |entry| {
                    let mut one = Self::default();
                    one.append(entry.key());
                    one.append_value(keyspace, database, entry, now_ms);
                    all.combine(&one.0);
                });
                if cursor == 0 {
                    break;
                }
            }
        }
        all
    }

    /// Of the value of an entry of `database`, and whether it has a deadline.
    pub(super) fn of_value(
        keyspace: &Keyspace,
        database: usize,
        entry: EntryRef<'_>,
        now_ms: u64,
    ) -> Self {
        let mut digest = Self::default();
        digest.append_value(keyspace, database, entry, now_ms);
        digest
    }

    fn append_value(
        &mut self,
        keyspace: &Keyspace,
        database: usize,
        entry: EntryRef<'_>,
        now_ms: u64,
    ) {
        // Redis's number of the type.
        self.append(&(entry.kind() as u32).to_be_bytes());
        if let Ok(value) = entry.as_string() {
            self.append(value.text(&mut itoa::Buffer::new()));
        }
        if let Some(body) = keyspace.body(entry, now_ms) {
            match body.form {
                _ if entry.kind() == Kind::Stream => self.append_entries(&StreamRef::from(body)),
                Form::Integers(set) => set
                    .iter()
                    .for_each(|integer| self.combine_item(Item::Integer(integer))),
                Form::Packed(_) | Form::Large(_) => {
                    let is_scored = entry.kind() == Kind::SortedSet;
                    for element in body.elements().from(0) {
                        self.add_element(element, is_scored);
                    }
                }
            }
        }
        if keyspace.deadline_ms(database, entry).is_some() {
            self.combine(b"!!expire!!");
        }
    }

    fn append_entries(&mut self, stream: &StreamRef<'_, Memory>) {
        for entry in stream.range(StreamId::MIN, StreamId::MAX) {
            let id = format!("{}.{}", entry.id.ms, entry.id.seq);
            self.append(id.as_bytes());
            for (name, value) in entry.fields.iter() {
                self.append_item(name);
                self.append_item(value);
            }
        }
    }

    fn add_element(&mut self, element: ElementRef<'_>, is_scored: bool) {
        match element.shape() {
            Shape::List => self.append_item(element.key()),
            Shape::Set => self.combine_item(element.key()),
            Shape::Scored => self.combine_pair(element.key(), Item::Double(element.score())),
            Shape::Map if is_scored => {
                let score = element.value().score().expect("members have scores");
                self.combine_pair(element.key(), Item::Double(score));
            }
            Shape::Map => self.combine_pair(element.key(), element.value()),
        }
    }

    fn combine_pair(&mut self, first: Item<'_>, second: Item<'_>) {
        let mut one = Self::default();
        one.append_item(first);
        one.append_item(second);
        self.combine(&one.0);
    }

    fn append_item(&mut self, item: Item<'_>) {
        with_text(item, |text| self.append(text));
    }

    fn combine_item(&mut self, item: Item<'_>) {
        with_text(item, |text| self.combine(text));
    }

    fn combine(&mut self, bytes: &[u8]) {
        let hash = Sha1::from(bytes).digest().bytes();
        let sums = self.0.iter_mut().zip(hash);
        sums.for_each(|(sum, byte)| *sum ^= byte);
    }

    fn append(&mut self, bytes: &[u8]) {
        self.combine(bytes);
        self.0 = Sha1::from(&self.0[..]).digest().bytes();
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

fn with_text<R>(item: Item<'_>, use_text: impl FnOnce(&[u8]) -> R) -> R {
    match item {
        Item::Double(score) => use_text(DoubleText::new(score).as_bytes()),
        Item::Integer(_) | Item::Text(_) => use_text(item.text(&mut itoa::Buffer::new())),
    }
}
