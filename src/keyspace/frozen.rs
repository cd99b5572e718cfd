//! Large collections as they were at one moment, for who reads or copies them in slices.
//!
//! Invariant: every [`Keyspace::freeze`] is followed by one [`Keyspace::thaw`].
//!
//! Cost: freezing and thawing are O(1); what changes meanwhile is copied once.
//!
//! Not here: how a tree is frozen (`structures/block_tree/past.rs`).

use super::collections::FrozenId;
use super::memory::Memory;
use super::{Key, Keyspace};
use crate::structures::block::Block;
use crate::value::collection::Elements;
use crate::value::stream::StreamRef;

impl Keyspace {
    /// Freezes the collection of a key that exists and is not due; `None` if there is none, or if
    /// it is not large.
    pub fn freeze(&mut self, database: usize, key: Key<'_>, now_ms: u64) -> Option<FrozenId> {
        let number = self.find(database, key, now_ms)?.large()?;
        let (collections, _) = self.entries.collections_mut();
        Some(collections.freeze(number))
    }

    /// The elements of a frozen collection, of a sorted set by score.
    ///
    /// # Panics
    /// If it was thawed.
    pub fn frozen(&self, id: FrozenId) -> Elements<'_, Memory> {
        Elements::tree(self.entries.collections().frozen(id), self.entries.memory())
    }

    /// The elements of a frozen collection; of a sorted set by member.
    ///
    /// # Panics
    /// If it was thawed.
    pub fn frozen_members(&self, id: FrozenId) -> Elements<'_, Memory> {
        let view = self.entries.collections().frozen_members(id);
        Elements::tree(view, self.entries.memory())
    }

    /// A frozen stream.
    ///
    /// # Panics
    /// If it was thawed.
    pub fn frozen_stream(&self, id: FrozenId) -> StreamRef<'_, Memory> {
        let view = self.entries.collections().frozen_members(id);
        StreamRef::new(view, self.entries.memory())
    }

    /// The elements of a block that the caller has copied from an entry, to be searched as those of
    /// entries are.
    pub fn elements_of<'a>(&'a self, block: Block<'a>) -> Elements<'a, Memory> {
        Elements::packed(block, self.entries.memory())
    }

    /// Lets frozen collections go: few at once, many with [`Keyspace::free_some`].
    pub fn thaw_all(&mut self, ids: Vec<FrozenId>) {
        let (collections, _) = self.entries.collections_mut();
        collections.thaw_all(ids);
    }

    /// Lets a frozen collection go.
    pub fn thaw(&mut self, id: FrozenId) {
        let (collections, _) = self.entries.collections_mut();
        collections.thaw(id);
    }
}
