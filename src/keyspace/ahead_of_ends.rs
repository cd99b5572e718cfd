//! Ends of lists, asked for ahead: where a batch of requests is going to push and pop items.
//!
//! ```text
//!  entries have arrived ─▶ large lists: their slots are asked for
//!                       ─▶ each tree down to its outermost leaf
//!                       ─▶ the lines at the end of that leaf, or of the block of a small list
//! ```
//!
//! So the cache misses of the requests of a group overlap. These are hints: whatever changes before
//! a request is executed, it looks for itself.
//!
//! Cost: some forty instructions for each request and level, which one miss takes many times over.
//!
//! Not here: elements that are looked for by their keys (`ahead.rs`).

use super::entry::{Content, EntryId};
use super::key::Lookup;
use super::{Keyspace, PREFETCH_GROUP_MAX};
use crate::structures::block::Block;
use crate::structures::block_tree::{End, EndDescent};
use crate::value::kind::Kind;
use arrayvec::ArrayVec;

/// What is known of each request of a group.
type PerRequest<T> = ArrayVec<T, PREFETCH_GROUP_MAX>;

impl Keyspace {
    /// Asks for the ends, at most 32, of the lists whose entries have been looked up.
    #[inline(never)]
    pub(crate) fn prefetch_ends<'l>(
        &self,
        database: usize,
        ends: impl Iterator<Item = (&'l Lookup, End)>,
    ) {
        let (memory, collections) = (self.entries.memory(), self.entries.collections());
        let mut large: PerRequest<(u32, End)> = PerRequest::new();
        for (lookup, end) in ends {
            if let Some(number) = self.begin_at_end(database, lookup, end) {
                collections.prefetch(number);
                large.push((number, end));
            }
        }
        let mut descents: PerRequest<EndDescent> = PerRequest::new();
        for (number, end) in large {
            let list = collections.get(number).members.current();
            descents.extend(list.descent_to_end(memory, end));
        }
        EndDescent::advance_all(&mut descents, memory);
        for descent in &descents {
            descent.prefetch_items(memory);
        }
    }

    /// The number of the list that was seen, if it is large; asks for the end of a small one.
    #[inline]
    fn begin_at_end(&self, database: usize, lookup: &Lookup, end: End) -> Option<u32> {
        let is_there = lookup.seen_payload != 0
            && (self.databases[database].table).is_at(lookup.seen_at, lookup.seen_payload);
        if !is_there {
            return None;
        }
        // What stands in a table is alive, whatever has happened since it was seen.
        let entry = self.entries.get(EntryId::from_payload(lookup.seen_payload));
        if entry.kind() != Kind::List {
            return None;
        }
        match entry.content() {
            Content::Large(number) => Some(number),
            Content::Packed(bytes) => {
                Block::new(bytes).prefetch_end(end);
                None
            }
            Content::Integers(_) => None,
        }
    }
}
