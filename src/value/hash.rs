//! Hashes: fields with values, each of which may have a deadline of its own.
//!
//! Invariants: no two fields are the same; a field whose deadline has come is not there for any
//! reader, though [`HashRef::len`] counts it until it is removed.
//!
//! Cost: a field is found in O(1) in a small hash, in O(log n) in a large one.
//!
//! Not here: random fields (`hash_random.rs`), how elements are kept (`collection/`), when due
//! fields are removed (`keyspace/`).

use super::collection::{Body, CollectionType, Elements, ElementsMut, Home, Spot};
use super::encoding::Encoding;
use super::kind::Kind;
use crate::structures::block::{Element, ElementRef, Shape};
use crate::structures::block_tree::BlockStore;
use crate::structures::item::{Code, Item};
use std::convert::Infallible;

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
    /// There are fields that are due and still to be removed.
    has_due: bool,
}

impl<'a, S: BlockStore> From<Body<'a, S>> for HashRef<'a, S> {
    fn from(body: Body<'a, S>) -> Self {
        Self::of(body.elements(), body.now_ms)
    }
}

impl<'a, S: BlockStore> HashRef<'a, S> {
    /// The hash of these elements at a moment.
    pub fn of(elements: Elements<'a, S>, now_ms: u64) -> Self {
        let next_deadline = elements.next_deadline();
        Self {
            elements,
            now_ms,
            has_due: next_deadline.is_some_and(|due_ms| due_ms <= now_ms),
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

    /// How many fields readers see. O(1), O(fields) while some are due and still to be removed.
    pub fn present_len(&self) -> u64 {
        match self.has_due {
            false => self.len(),
            true => self.iter().count() as u64,
        }
    }

    /// Its elements, due ones included.
    #[cfg(test)]
    pub fn elements(&self) -> &Elements<'a, S> {
        &self.elements
    }

    fn is_there(&self, element: ElementRef<'_>) -> bool {
        !self.has_due || element.deadline().is_none_or(|due_ms| due_ms > self.now_ms)
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
        there.map(|element| element.pair())
    }

    /// The field of a rank with its value, unless it is due.
    pub fn at(&self, rank: u64) -> Option<(Item<'a>, Item<'a>)> {
        let element = self.elements.at(rank)?;
        self.is_there(element).then(|| element.pair())
    }

    /// A step of a scan; see [`Elements::scan`].
    pub fn scan(&self, cursor: u64, mut visit: impl FnMut(Item<'a>, Item<'a>)) -> u64 {
        self.elements.scan(cursor, |element| {
            if self.is_there(element) {
                let (field, value) = element.pair();
                visit(field, value);
            }
        })
    }
}

/// What became of a field whose deadline was to be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldOutcome {
    /// There is no such field.
    NoField,
    /// It has no deadline that could be taken away.
    NoDeadline,
    /// Its deadline is not such that it may be changed.
    Refused,
    /// It has another deadline now, or none.
    Done,
    /// The deadline has come, so it was removed.
    Removed,
}

/// Why a field could not be counted up or down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IncrementError {
    /// The value is not an integer.
    NotAnInteger,
    /// The result does not fit 64 bits.
    Overflow,
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
        self.put(field, value, |_| None)
    }

    /// As [`HashMut::set`], but a deadline that the field had stays.
    pub fn update(&mut self, field: &[u8], value: &[u8]) -> bool {
        self.put(field, value, |old| old)
    }

    /// As [`HashMut::set`], and the field has a deadline then, which may have come.
    pub fn set_until(&mut self, field: &[u8], value: &[u8], deadline_ms: u64) -> bool {
        self.elements.enlarge();
        self.put(field, value, |_| Some(deadline_ms))
    }

    fn put(
        &mut self,
        field: &[u8],
        value: &[u8],
        deadline: impl FnOnce(Option<u64>) -> Option<u64>,
    ) -> bool {
        let mut is_new = false;
        let written: Result<(), Infallible> = self.revise(field, |old, old_deadline| {
            is_new = old.is_none();
            Ok((Code::of_text(value), deadline(old_deadline)))
        });
        let Ok(()) = written;
        self.note_size(field.len().max(value.len()));
        is_new
    }

    /// Adds to the integer that a field holds, a missing one counting as 0, and returns the sum. A
    /// deadline stays.
    ///
    /// # Errors
    /// [`IncrementError`]; the field then is as it was.
    pub fn increment(&mut self, field: &[u8], increment: i64) -> Result<i64, IncrementError> {
        let mut sum = 0;
        self.revise(field, |old, deadline| {
            let old = match old {
                None => 0,
                Some(Item::Integer(value)) => value,
                Some(Item::Text(_) | Item::Double(_)) => return Err(IncrementError::NotAnInteger),
            };
            sum = old.checked_add(increment).ok_or(IncrementError::Overflow)?;
            Ok((Code::of_integer(sum), deadline))
        })?;
        let value_len = itoa::Buffer::new().format(sum).len();
        self.note_size(field.len().max(value_len));
        Ok(sum)
    }

    /// Writes what `revised` makes of a field's value and deadline, which are `None` if there is no
    /// such field.
    fn revise<'v, E>(
        &mut self,
        field: &[u8],
        revised: impl FnOnce(Option<Item<'_>>, Option<u64>) -> Result<(Code<'v>, Option<u64>), E>,
    ) -> Result<(), E> {
        let field = Code::of_text(field);
        let now_ms = self.elements.body().now_ms;
        let spot = self.elements.locate(&field);
        let old = self.elements.get(&spot);
        let old = old.filter(|element| element.deadline().is_none_or(|due_ms| due_ms > now_ms));
        let (value, deadline) = revised(
            old.map(|element| element.value()),
            old.and_then(|element| element.deadline()),
        )?;
        let element = Element::pair(field, value).with_deadline(deadline);
        if spot.is_found() {
            self.elements.replace(spot, &element);
        } else {
            self.elements.insert(spot, &element);
        }
        Ok(())
    }

    /// Keeps a small hash as a large one from now on, as one with deadlines of fields must be.
    pub fn enlarge(&mut self) {
        self.elements.enlarge();
    }

    /// Removes a field; whether it was there. One that is due is left to be removed as such.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        match self.locate_present(field) {
            None => false,
            Some(spot) => {
                self.elements.remove(spot);
                true
            }
        }
    }

    /// Gives a field a deadline, if `may_change` says so of the one that it has. If it has come,
    /// the field is removed.
    pub fn expire(
        &mut self,
        field: &[u8],
        deadline_ms: u64,
        may_change: impl FnOnce(Option<u64>) -> bool,
    ) -> FieldOutcome {
        let Some(spot) = self.locate_present(field) else {
            return FieldOutcome::NoField;
        };
        let old = self.elements.get(&spot).expect("it was found");
        if !may_change(old.deadline()) {
            return FieldOutcome::Refused;
        }
        if deadline_ms <= self.elements.body().now_ms {
            self.elements.remove(spot);
            return FieldOutcome::Removed;
        }
        self.write_deadline(spot, field, Some(deadline_ms));
        FieldOutcome::Done
    }

    /// Takes the deadline from a field.
    pub fn persist(&mut self, field: &[u8]) -> FieldOutcome {
        let Some(spot) = self.locate_present(field) else {
            return FieldOutcome::NoField;
        };
        let old = self.elements.get(&spot).expect("it was found");
        if old.deadline().is_none() {
            return FieldOutcome::NoDeadline;
        }
        self.write_deadline(spot, field, None);
        FieldOutcome::Done
    }

    /// Gives a field that is there another deadline, or none. The hash is large from its first
    /// deadline on, since only large ones stand in the heap of deadlines.
    fn write_deadline(&mut self, mut spot: Spot, field: &[u8], deadline: Option<u64>) {
        let field = Code::of_text(field);
        if self.elements.elements().is_packed() {
            self.elements.enlarge();
            spot = self.elements.locate(&field);
        }
        let old = self.elements.get(&spot).expect("the caller has found it");
        let mut text = Vec::new();
        let value = match old.value() {
            Item::Integer(value) => Code::of_integer(value),
            Item::Double(value) => Code::of_score(value),
            Item::Text(value) => {
                text.extend_from_slice(value);
                Code::of_text(&text)
            }
        };
        let element = Element::pair(field, value).with_deadline(deadline);
        self.elements.replace(spot, &element);
    }

    /// Finds a field that is there and not due.
    fn locate_present(&self, field: &[u8]) -> Option<Spot> {
        let now_ms = self.elements.body().now_ms;
        let spot = self.elements.locate(&Code::of_text(field));
        let element = self.elements.get(&spot)?;
        let is_due = element.deadline().is_some_and(|due_ms| due_ms <= now_ms);
        (!is_due).then_some(spot)
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

#[cfg(test)]
mod tests;
