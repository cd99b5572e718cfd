//! Collections of a snapshot that have begun to arrive, and that nobody can see yet.
//!
//! ```text
//!  beginning ─▶ an arrival: key, trees ─▶ pieces ─▶ the last element: an entry
//!                                                └▶ the file ends, or is refused: it goes
//! ```
//!
//! So no reader ever meets half a collection.
//!
//! Cost: a key and some words each; elements are kept as those of every large collection.
//!
//! Not here: how they are built (`mutation/restore.rs`), whether pieces fit each other
//! (`persistence/open_collections.rs`).

use super::Keyspace;
use crate::value::kind::Kind;
use std::collections::BTreeMap;

/// A collection that lacks elements.
pub(super) struct Arrival {
    pub(super) key: Vec<u8>,
    pub(super) kind: Kind,
    pub(super) deadline_ms: Option<u64>,
    /// Where its trees are; nowhere if it was due and is passed over.
    pub(super) collection: Option<u32>,
    /// Elements that are still to come.
    pub(super) left: u64,
}

/// All of them, by the numbers that the snapshot gave them.
#[derive(Default)]
pub(super) struct Arrivals {
    pub(super) open: BTreeMap<u32, Arrival>,
}

impl Arrivals {
    /// How many have trees.
    #[cfg(any(test, debug_assertions))]
    pub(super) fn collection_count(&self) -> usize {
        let open = self.open.values();
        open.filter(|arrival| arrival.collection.is_some()).count()
    }
}

impl Keyspace {
    /// Lets go of collections that have begun to arrive: their snapshot has ended. O(such
    /// collections); their memory comes back in slices.
    pub fn end_arrivals(&mut self) {
        for arrival in std::mem::take(&mut self.arrivals.open).into_values() {
            if let Some(number) = arrival.collection {
                self.entries.collections_mut().0.drop_soon(number);
            }
        }
    }
}
