//! Hashes: fields with values, each of which may have a deadline of its own.
//!
//! Invariants: no two fields are the same; a field whose deadline has come is not there for any
//! reader, though [`HashRef::len`] counts it until it is removed.
//!
//! Cost: a field is found in O(1) in a small hash, in O(log n) in a large one.
//!
//! Not here: how elements are kept (`collection/`), when due fields are removed (`keyspace/`).

use super::collection::{Body, CollectionType, Elements, ElementsMut, Home, Spot};
use super::encoding::Encoding;
use super::kind::Kind;
use crate::structures::block::{Element, ElementRef, Shape};
use crate::structures::block_tree::BlockStore;
use crate::structures::item::{Code, Item};

/// The type of hashes.
pub struct Hash;

impl CollectionType for Hash {
    const KIND: Kind = Kind::Hash;
    const SHAPE: Shape = Shape::Map;
    type Ref<'a, S: BlockStore + 'a> = HashRef<'a, S>;
    type Mut<H: Home> = HashMut<H>;
}

/// A hash to be read.
pub struct HashRef<'a, S> {
    elements: Elements<'a, S>,
    now_ms: u64,
    may_have_deadlines: bool,
}

impl<'a, S: BlockStore> From<Body<'a, S>> for HashRef<'a, S> {
    fn from(body: Body<'a, S>) -> Self {
        Self::of(body.elements(), body.now_ms)
    }
}

impl<'a, S: BlockStore> HashRef<'a, S> {
    /// The hash of these elements at a moment.
    pub fn of(elements: Elements<'a, S>, now_ms: u64) -> Self {
        Self {
            elements,
            now_ms,
            may_have_deadlines: elements.may_have_deadlines(),
        }
    }

    /// How many fields there are, due ones that are still to be removed included.
    pub fn len(&self) -> u64 {
        self.elements.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// Its elements, due ones included.
    pub fn elements(&self) -> &Elements<'a, S> {
        &self.elements
    }

    fn is_there(&self, element: ElementRef<'_>) -> bool {
        !self.may_have_deadlines || element.deadline().is_none_or(|due_ms| due_ms > self.now_ms)
    }

    fn find(&self, field: &[u8]) -> Option<ElementRef<'a>> {
        let found = self.elements.find(&Code::of_text(field));
        found.filter(|&element| self.is_there(element))
    }

    /// The value of a field.
    pub fn get(&self, field: &[u8]) -> Option<Item<'a>> {
        self.find(field).map(|element| element.value())
    }

    /// When a field is due, in Unix milliseconds: `None` if there is no such field, `Some(None)`
    /// if it has no deadline.
    pub fn deadline_ms(&self, field: &[u8]) -> Option<Option<u64>> {
        self.find(field).map(|element| element.deadline())
    }

    /// All fields with their values.
    pub fn iter(&self) -> impl Iterator<Item = (Item<'a>, Item<'a>)> {
        let there = self
            .elements
            .from(0)
            .filter(|&element| self.is_there(element));
        there.map(|element| (element.key(), element.value()))
    }

    /// The field of a rank with its value, unless it is due.
    pub fn at(&self, rank: u64) -> Option<(Item<'a>, Item<'a>)> {
        let element = self.elements.at(rank)?;
        self.is_there(element)
            .then(|| (element.key(), element.value()))
    }

    /// A step of a scan; see [`Elements::scan`].
    pub fn scan(&self, cursor: u64, mut visit: impl FnMut(Item<'a>, Item<'a>)) -> u64 {
        self.elements.scan(cursor, |element| {
            if self.is_there(element) {
                visit(element.key(), element.value());
            }
        })
    }
}

/// A hash to be changed.
pub struct HashMut<H> {
    elements: ElementsMut<H>,
}

impl<H: Home> From<H> for HashMut<H> {
    fn from(home: H) -> Self {
        Self {
            elements: ElementsMut::new(home),
        }
    }
}

impl<H: Home> HashMut<H> {
    /// The hash as it is now.
    pub fn read(&self) -> HashRef<'_, H::Store> {
        self.elements.body().into()
    }

    /// Gives a small hash room for `count` fields more, of `texts_len` bytes with their values.
    pub fn reserve(&mut self, count: usize, texts_len: usize) {
        // A text has a head of one byte, or of two from 64 bytes on.
        self.elements.reserve(count, texts_len + 2 * count);
    }

    /// Sets a field to a value; whether it is new. A deadline that it had is gone.
    pub fn set(&mut self, field: &[u8], value: &[u8]) -> bool {
        self.put(field, Code::of_text(value), value.len(), |_| None)
    }

    /// As [`HashMut::set`], but a deadline that the field had stays.
    pub fn update(&mut self, field: &[u8], value: &[u8]) -> bool {
        self.put(field, Code::of_text(value), value.len(), |old| old)
    }

    fn put(
        &mut self,
        field: &[u8],
        value: Code<'_>,
        value_len: usize,
        deadline: impl FnOnce(Option<u64>) -> Option<u64>,
    ) -> bool {
        let field_code = Code::of_text(field);
        let now_ms = self.elements.body().now_ms;
        let spot = self.elements.locate(&field_code);
        let old = self.elements.get(&spot).map(|element| element.deadline());
        let was_due = old.flatten().is_some_and(|due_ms| due_ms <= now_ms);
        let deadline = deadline(old.flatten().filter(|_| !was_due));
        let element = Element::pair(field_code, value).with_deadline(deadline);
        self.write(spot, &element);
        self.note_size(field.len().max(value_len));
        old.is_none() || was_due
    }

    fn write(&mut self, spot: Spot, element: &Element) {
        if spot.is_found() {
            self.elements.replace(spot, element);
        } else {
            self.elements.insert(spot, element);
        }
    }

    /// Removes a field; whether it was there and not due.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        let now_ms = self.elements.body().now_ms;
        let spot = self.elements.locate(&Code::of_text(field));
        let Some(element) = self.elements.get(&spot) else {
            return false;
        };
        let is_due = element.deadline().is_some_and(|due_ms| due_ms <= now_ms);
        self.elements.remove(spot);
        !is_due
    }

    /// Notes the size that the hash has now, and the longest text that came.
    fn note_size(&mut self, text_len: usize) {
        let limits = self.elements.home().limits().hash;
        let body = self.elements.body();
        let is_outgrown = body.encoding() != Encoding::Outgrown
            && (text_len as u64 > limits.value_bytes_max || body.len() > limits.entries_max);
        if is_outgrown {
            self.elements.set_encoding(Encoding::Outgrown);
        }
    }
}
