//! Entries as collections to be read.
//!
//! Not here: changes (`mutation/collection.rs`).

use super::entry::{Content, EntryId, EntryRef, EntryStore};
use super::memory::Memory;
use super::{Key, Keyspace};
use crate::structures::block::Block;
use crate::structures::block::integers::IntegerSet;
use crate::value::collection::{Body, CollectionType, Form};
use crate::value::kind::{Kind, WrongType};

/// The collection that an entry holds.
#[inline]
pub(super) fn body_of<'a>(entries: &'a EntryStore, id: EntryId, now_ms: u64) -> Body<'a, Memory> {
    let form = match entries.get(id).content() {
        Content::Packed(bytes) => Form::Packed(Block::new(bytes)),
        Content::Integers(bytes) => Form::Integers(IntegerSet::new(bytes)),
        Content::Large(number) => Form::Large(entries.collections().get(number)),
    };
    Body {
        form,
        store: entries.memory(),
        now_ms,
    }
}

impl Keyspace {
    /// The collection of an entry, unless it is a string.
    pub fn body<'a>(&'a self, entry: EntryRef<'a>, now_ms: u64) -> Option<Body<'a, Memory>> {
        let id = entry.id();
        (entry.kind() != Kind::String).then(|| body_of(&self.entries, id, now_ms))
    }

    /// The collection of a key that exists and is not due. Notes no use.
    ///
    /// # Errors
    /// [`WrongType`] if the key holds another type.
    #[inline]
    pub fn peek<T: CollectionType>(
        &self,
        database: usize,
        key: Key<'_>,
        now_ms: u64,
    ) -> Result<Option<T::Ref<'_, Memory>>, WrongType> {
        let body = self.peek_body::<T>(database, key, now_ms)?;
        Ok(body.map(Into::into))
    }

    /// As [`Keyspace::peek`], told as it is kept.
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn peek_body<T: CollectionType>(
        &self,
        database: usize,
        key: Key<'_>,
        now_ms: u64,
    ) -> Result<Option<Body<'_, Memory>>, WrongType> {
        match self.find(database, key, now_ms) {
            None => Ok(None),
            Some(entry) => self.body_as::<T>(entry.id(), now_ms).map(Some),
        }
    }

    /// Whether there has been a collection with as many elements as one can have.
    #[inline]
    pub fn has_full_collections(&self) -> bool {
        self.entries.collections().have_full()
    }

    /// Whether the collection of a key has as many elements as one can have.
    pub fn is_full(&self, database: usize, key: Key<'_>, now_ms: u64) -> bool {
        let entry = self.find(database, key, now_ms);
        let body = entry.and_then(|entry| self.body(entry, now_ms));
        body.is_some_and(|body| self.entries.collections().is_full(body.len()))
    }

    /// Lets collections be full from fewer elements on.
    #[cfg(test)]
    pub(crate) fn set_full_count(&mut self, count: u64) {
        let (collections, _) = self.entries.collections_mut();
        collections.set_full_count(count);
    }

    /// As [`Keyspace::peek_body`], and notes the use.
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn read_body<T: CollectionType>(
        &mut self,
        database: usize,
        key: Key<'_>,
        now_ms: u64,
    ) -> Result<Option<Body<'_, Memory>>, WrongType> {
        let found = self.find_and_touch(database, key, now_ms);
        match found.map(EntryRef::id) {
            None => Ok(None),
            Some(id) => self.body_as::<T>(id, now_ms).map(Some),
        }
    }

    #[inline]
    fn body_as<T: CollectionType>(
        &self,
        id: EntryId,
        now_ms: u64,
    ) -> Result<Body<'_, Memory>, WrongType> {
        if self.entries.get(id).kind() != T::KIND {
            return Err(WrongType);
        }
        Ok(body_of(&self.entries, id, now_ms))
    }
}
