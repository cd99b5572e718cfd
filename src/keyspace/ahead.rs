//! Elements of collections, asked for ahead: what a batch of requests is going to look up.
//!
//! ```text
//!  entries have arrived ─▶ small: the lines of the block that follow
//!                       ─▶ each tree down to a leaf, which is asked for
//!                       ─▶ each leaf's tags: the lines of the element are asked for, or
//!                          those that change if it is not there and is going to be
//!  ranked members       ─▶ their scores, the tree by score down to a leaf, its lines
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
use crate::structures::item::{Code, score_order};
use crate::value::collection::Trees;
use arrayvec::ArrayVec;

/// An element that a request names.
pub(crate) struct NamedElement<'l> {
    /// What was seen of its key.
    pub(crate) lookup: &'l Lookup,
    /// The element.
    pub(crate) element: &'l [u8],
    /// Whether it is looked for by its score, too.
    pub(crate) is_ranked: bool,
    /// Bytes that are going to be written if it is not there; 0 if none are.
    pub(crate) written_len: usize,
}

/// A search that is under way.
struct Search<'e> {
    trees: &'e Trees,
    element: &'e [u8],
    hash: u64,
    written_len: usize,
    /// Whether it goes on among the members by score.
    is_ranked: bool,
}

/// Searches of a group.
type Searches<T> = ArrayVec<T, PREFETCH_GROUP_MAX>;

impl Keyspace {
    /// Whether there has been any collection whose elements [`Keyspace::prefetch_elements`] could
    /// ask for.
    #[inline]
    pub(crate) fn has_had_collections(&self) -> bool {
        self.entries.have_had_collections()
    }

    /// Asks for elements, at most 32, of the collections whose entries have been looked up.
    #[inline(never)]
    pub(crate) fn prefetch_elements<'l>(
        &'l self,
        database: usize,
        elements: impl Iterator<Item = NamedElement<'l>>,
    ) {
        let memory = self.entries.memory();
        let mut searches: Searches<Search<'l>> = Searches::new();
        let mut descents: Searches<Descent> = Searches::new();
        for (search, descent) in elements.filter_map(|named| self.begin_search(database, &named)) {
            searches.push(search);
            descents.push(descent);
        }
        Descent::advance_all(&mut descents, memory);
        for (search, descent) in searches.iter().zip(&descents) {
            let members = &search.trees.members;
            members.prefetch_element(memory, *descent, search.hash, search.written_len);
        }
        if searches.iter().any(|search| search.is_ranked) {
            self.prefetch_by_score(&searches, &descents);
        }
    }

    /// Asks for ranked members, which have arrived, where they stand by their scores.
    #[inline(never)]
    fn prefetch_by_score(&self, searches: &[Search<'_>], found: &[Descent]) {
        let memory = self.entries.memory();
        let by_score = |(search, descent): (&Search<'_>, &Descent)| {
            let scores = search.trees.scores.as_ref().filter(|_| search.is_ranked)?;
            let key = Key::with_hash(Code::of_text(search.element), search.hash);
            let member = search.trees.members.finish(memory, *descent, &key)?;
            let order = score_order(member.value().score()?);
            Some((scores.current(), scores.descent_to(order)?))
        };
        let (views, mut descents): (Searches<View>, Searches<Descent>) =
            searches.iter().zip(found).filter_map(by_score).unzip();
        Descent::advance_all(&mut descents, memory);
        for (scores, descent) in views.iter().zip(&descents) {
            scores.prefetch_scored(memory, *descent);
        }
    }

    fn begin_search<'e>(
        &'e self,
        database: usize,
        named: &NamedElement<'e>,
    ) -> Option<(Search<'e>, Descent)> {
        let lookup = named.lookup;
        let is_there = lookup.seen_payload != 0
            && (self.databases[database].table).is_at(lookup.seen_at, lookup.seen_payload);
        if !is_there {
            return None;
        }
        // What stands in a table is alive, whatever has happened since it was seen.
        let entry = self.entries.get(EntryId::from_payload(lookup.seen_payload));
        let Some(number) = entry.large() else {
            entry.prefetch_content();
            return None;
        };
        let trees = self.entries.collections().get(number);
        if !trees.members.shape().is_hashed() {
            return None;
        }
        let key = Key::new(self.entries.memory(), Code::of_text(named.element));
        let search = Search {
            trees,
            element: named.element,
            hash: key.hash(),
            written_len: named.written_len,
            is_ranked: named.is_ranked,
        };
        Some((search, trees.members.descent(&key)?))
    }
}
