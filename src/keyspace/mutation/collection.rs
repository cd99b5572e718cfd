//! Changes of collections: lent to whoever changes them, and settled afterwards.
//!
//! ```text
//!  key ─▶ its entry, or a new empty one ─▶ lent as T::Mut ─▶ empty now? it goes
//!                                                         └▶ else: table and heap are told
//! ```
//!
//! Not here: what every change implies (`mod.rs`), what a type does to its elements (`value/`).

use super::Mutation;
use crate::keyspace::Key;
use crate::keyspace::body::body_of;
use crate::keyspace::entry::{Content, EntryId, EntryStore};
use crate::keyspace::event::Event;
use crate::keyspace::memory::Memory;
use crate::structures::block::{Block, BlockMut, Shape};
use crate::structures::hash_table::Location;
use crate::value::collection::{Body, CollectionType, Home, Trees};
use crate::value::encoding::EncodingLimits;
use crate::value::kind::WrongType;

/// What a change does if there is no such key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It begins with an empty collection.
    Create,
    /// Nothing.
    Skip,
}

/// What a change of a collection was.
#[derive(Clone, Copy, Debug)]
pub struct Changed<R> {
    /// What the caller wants to know.
    pub result: R,
    /// What those hear who are interested in the key; `None` if nothing was changed.
    pub event: Option<Event>,
}

impl<R> Changed<R> {
    /// A change, unless `is_changed` is false.
    pub fn when(is_changed: bool, event: Event, result: R) -> Self {
        let event = is_changed.then_some(event);
        Self { result, event }
    }
}

/// The entry of a collection while it is changed.
pub struct EntryHome<'k> {
    entries: &'k mut EntryStore,
    limits: &'k EncodingLimits,
    id: &'k mut EntryId,
    now_ms: u64,
}

impl Home for EntryHome<'_> {
    type Store = Memory;

    #[inline]
    fn body(&self) -> Body<'_, Memory> {
        body_of(self.entries, *self.id, self.now_ms)
    }

    #[inline]
    fn limits(&self) -> &EncodingLimits {
        self.limits
    }

    #[inline]
    fn packed_mut(&mut self) -> &mut [u8] {
        self.entries.collection_mut(*self.id)
    }

    fn resize(&mut self, len: usize) {
        *self.id = self.entries.resize_collection(*self.id, len);
    }

    fn capacity_for(&self, len: usize) -> usize {
        self.entries.collection_capacity(*self.id, len)
    }

    fn set_integers(&mut self, is_integers: bool) {
        self.entries.set_integers(*self.id, is_integers);
    }

    fn enlarge(&mut self, make: &mut dyn FnMut(&mut Memory, u32) -> Trees) {
        let (collections, memory) = self.entries.collections_mut();
        let number = collections.add(|owner| make(memory, owner));
        *self.id = self.entries.set_large(*self.id, number);
    }

    #[inline]
    fn large_mut(&mut self) -> (&mut Trees, &mut Memory) {
        let Content::Large(number) = self.entries.get(*self.id).content() else {
            panic!("a packed collection has no trees");
        };
        let (collections, memory) = self.entries.collections_mut();
        (collections.get_mut(number), memory)
    }
}

impl Mutation<'_> {
    /// Lends the collection of a key to `change`, and settles what it did: a collection without
    /// elements goes. `None` if there is no such key and `missing` says to skip it.
    ///
    /// # Errors
    /// [`WrongType`] if the key holds another type, or what `change` fails with; it must not have
    /// changed anything then.
    pub fn change<T: CollectionType, R, E: From<WrongType>>(
        &mut self,
        key: Key<'_>,
        missing: Missing,
        change: impl FnOnce(&mut T::Mut<EntryHome<'_>>) -> Result<Changed<R>, E>,
    ) -> Result<Option<R>, E> {
        match self.locate(key) {
            Some((location, id)) => {
                if self.keyspace.entries.get(id).kind() != T::KIND {
                    return Err(WrongType.into());
                }
                self.change_found::<T, R, E>(key, location, id, change)
                    .map(Some)
            }
            None if missing == Missing::Skip => Ok(None),
            None => self.change_new::<T, R, E>(key, true, change).map(Some),
        }
    }

    /// Puts a new collection, which begins empty and to which `build` adds an element at least, in
    /// the place of whatever the key held; the deadline is gone. Nobody hears of the old value.
    pub fn store<T: CollectionType>(
        &mut self,
        key: Key<'_>,
        event: Event,
        build: impl FnOnce(&mut T::Mut<EntryHome<'_>>),
    ) {
        let found = self.locate(key);
        if let Some((location, id)) = found {
            self.take_out(location, id);
        }
        let build = |collection: &mut T::Mut<EntryHome<'_>>| {
            build(collection);
            Ok::<_, WrongType>(Changed::when(true, event, ()))
        };
        let built = self.change_new::<T, (), WrongType>(key, found.is_none(), build);
        built.expect("what is put in place of a value asks for no type");
    }

    fn change_found<T: CollectionType, R, E>(
        &mut self,
        key: Key<'_>,
        location: Location,
        id: EntryId,
        change: impl FnOnce(&mut T::Mut<EntryHome<'_>>) -> Result<Changed<R>, E>,
    ) -> Result<R, E> {
        let id = self.before_change(location, id);
        let entry = self.keyspace.entries.get(id);
        let (position, old_bits) = (entry.heap_position(), entry.access_bits());
        let access_bits = self.keyspace.used_again(old_bits, self.now_ms);
        self.keyspace.entries.set_access_bits(id, access_bits);
        let (outcome, moved) = self.lend::<T, R, E>(id, change);
        self.settle(location, id, moved, position);
        let Changed { result, event } = outcome?;
        let body = body_of(&self.keyspace.entries, moved, self.now_ms);
        let is_empty = body.is_empty();
        if body.is_large() {
            self.note_large_change(key.bytes, moved);
        }
        if let Some(event) = event {
            self.changed(key.bytes, event);
        }
        if is_empty {
            self.remove_at(location, moved, Event::Del);
        }
        Ok(result)
    }

    fn change_new<T: CollectionType, R, E>(
        &mut self,
        key: Key<'_>,
        is_new: bool,
        change: impl FnOnce(&mut T::Mut<EntryHome<'_>>) -> Result<Changed<R>, E>,
    ) -> Result<R, E> {
        self.keyspace.note_growth();
        let len = Block::empty_len(T::SHAPE);
        let bytes = key.bytes.len() + len;
        let access_bits = self
            .keyspace
            .used_first(key.lookup.hash, bytes, self.now_ms);
        let entries = &mut self.keyspace.entries;
        let id = entries.allocate_collection(key.bytes, T::KIND, len, access_bits);
        let is_tagged = T::SHAPE != Shape::List;
        BlockMut::create(entries.collection_mut(id), T::SHAPE, is_tagged, 0);
        let (outcome, moved) = self.lend::<T, R, E>(id, change);
        let is_empty = self.is_empty_collection(moved);
        match outcome {
            Ok(Changed { result, event }) if !is_empty => {
                self.place(key, moved);
                if is_new {
                    self.announce(key.bytes, Event::New);
                }
                self.note_large_change(key.bytes, moved);
                self.changed(key.bytes, event.expect("what is there now has come"));
                Ok(result)
            }
            outcome => {
                assert!(is_empty, "a change that fails leaves nothing behind");
                self.keyspace.entries.free(moved);
                outcome.map(|changed| changed.result)
            }
        }
    }

    /// Lends an entry; returns where it is afterwards.
    fn lend<T: CollectionType, R, E>(
        &mut self,
        id: EntryId,
        change: impl FnOnce(&mut T::Mut<EntryHome<'_>>) -> Result<Changed<R>, E>,
    ) -> (Result<Changed<R>, E>, EntryId) {
        let mut moved = id;
        let home = EntryHome {
            entries: &mut self.keyspace.entries,
            limits: &self.keyspace.encoding_limits,
            id: &mut moved,
            now_ms: self.now_ms,
        };
        let outcome = change(&mut T::Mut::from(home));
        (outcome, moved)
    }

    pub(super) fn is_empty_collection(&self, id: EntryId) -> bool {
        body_of(&self.keyspace.entries, id, self.now_ms).is_empty()
    }

    /// Lets what a change left behind be freed, and tells the heap of deadlines of fields.
    pub(super) fn note_large_change(&mut self, key: &[u8], id: EntryId) {
        if let Some(number) = self.keyspace.entries.get(id).large() {
            let (collections, _) = self.keyspace.entries.collections_mut();
            let has_other_size = collections.note_change(number);
            self.note_deadlines_of(key, number);
            if has_other_size {
                self.keyspace.note_size(self.database, key, id);
            }
            self.keyspace.cut.check_budget(&self.keyspace.entries);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::{DeadlineChange, Keyspace};
    use crate::structures::item::Item;
    use crate::value::set::Set;
    use crate::value::string::StringValue;

    fn store(keyspace: &mut Keyspace, name: &[u8], members: std::ops::Range<i64>) {
        let key = keyspace.key(name);
        let mut mutation = keyspace.mutate(0, 1);
        mutation.store::<Set>(key, Event::SetUnite, |set| {
            set.expect(|| Item::Integer(members.start), 1);
            for member in members {
                set.add_item(Item::Integer(member));
            }
        });
    }

    /// Goal: a stored collection takes the place of a value of any type and size, once and with all
    /// of it. Method: sets of each form stored over a string and over each other, then freed.
    #[test]
    fn what_is_stored_takes_the_place_of_anything() {
        let mut keyspace = Keyspace::new(1, 1);
        let key = keyspace.key(b"k");
        let deadline = DeadlineChange::At(1_000);
        let text = StringValue::Bytes(b"text");
        keyspace.mutate(0, 1).set(key, text, deadline);
        for count in [3, 5_000, 4, 600, 6_000] {
            let dirty_count = keyspace.dirty_count();
            let version = keyspace.watch(0, b"k", 1);
            store(&mut keyspace, b"k", 0..count);
            assert_eq!(keyspace.dirty_count(), dirty_count + 1);
            assert_ne!(keyspace.watched_version(0, b"k", 1), version);
            keyspace.unwatch(0, b"k");
            let key = keyspace.key(b"k");
            assert_eq!(keyspace.mutate(0, 1).deadline_ms(key), None);
            let set = keyspace.peek::<Set>(0, key, 1).expect("it is a set");
            assert_eq!(set.expect("it was stored").len(), count as u64);
            keyspace.check_invariants();
        }
        assert!(keyspace.mutate(0, 1).remove(key));
        while keyspace.free_some() {}
        assert_eq!(keyspace.entries.used_bytes(), 0);
    }
}
