//! Elements of large collections, asked for ahead: what a batch of requests is going to look up.
//!
//! ```text
//!  entries have arrived ─▶ each tree down to a leaf, which is asked for
//!                       ─▶ each leaf's tags: the lines of the element are asked for
//! ```
//!
//! So the cache misses of the requests of a group overlap. These are hints: whatever changes before
//! a request is executed, it looks for itself.
//!
//! Cost: a search through the nodes, which a busy collection has in the cache, and one through the
//! tags of a leaf, for each request.
//!
//! Not here: buckets and entries (`mod.rs`), who forms groups (`engine/batch.rs`).

use super::entry::EntryId;
use super::key::Lookup;
use super::{Keyspace, PREFETCH_GROUP_MAX};
use crate::structures::block_tree::{Descent, Key, View};
use crate::structures::item::Code;
use arrayvec::ArrayVec;

/// A search that is under way.
struct Search<'e> {
    view: View,
    key: Key<'e>,
    descent: Descent,
}

impl Keyspace {
    /// Whether there is any collection whose elements [`Keyspace::prefetch_elements`] could ask
    /// for.
    #[inline]
    pub(crate) fn has_large_collections(&self) -> bool {
        !self.entries.collections().are_none()
    }

    /// Asks for elements, at most 32, of the collections whose entries have been looked up.
    #[inline(never)]
    pub(crate) fn prefetch_elements<'l>(
        &self,
        database: usize,
        elements: impl Iterator<Item = (&'l Lookup, &'l [u8])>,
    ) {
        let memory = self.entries.memory();
        let mut searches: ArrayVec<Search<'l>, PREFETCH_GROUP_MAX> = elements
            .filter_map(|(lookup, element)| self.begin_search(database, lookup, element))
            .collect();
        for search in &mut searches {
            while search.descent.advance(memory, &search.key) {}
        }
        for search in &searches {
            let Search { view, key, descent } = search;
            view.prefetch_element(memory, *descent, key);
        }
    }

    fn begin_search<'e>(
        &self,
        database: usize,
        lookup: &Lookup,
        element: &'e [u8],
    ) -> Option<Search<'e>> {
        let is_there = lookup.seen_payload != 0
            && (self.databases[database].table).is_at(lookup.seen_at, lookup.seen_payload);
        if !is_there {
            return None;
        }
        // What stands in a table is alive, whatever has happened since it was seen.
        let entry = self.entries.get(EntryId::from_payload(lookup.seen_payload));
        let members = &self.entries.collections().get(entry.large()?).members;
        if !members.shape().is_hashed() {
            return None;
        }
        Some(Search {
            view: members.current(),
            key: Key::new(self.entries.memory(), Code::of_text(element)),
            descent: members.descent()?,
        })
    }
}
