//! A key on its way through a request.
//!
//! ```text
//!  parsed ─▶ hashed ─▶ bucket asked for ─▶ seen in its bucket, entry asked for ─▶ used
//!            └───────────── ahead, for a batch of requests ─────────────┘
//! ```
//!
//! What was seen ahead is a hint: whoever uses it looks whether the same payload still stands at
//! the same place, and compares the key (`Database::locate`).
//!
//! Not here: the batches (`engine/batch.rs`), the lookup itself (`structures/hash_table`).

use super::entry::EntryId;
use crate::structures::hash_table::Location;

/// So much of a lookup as can be done ahead: the hash of a key, computed once per request, and
/// where it was seen while others waited for their cache lines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lookup {
    pub(super) hash: u64,
    /// May be stale, or of another key with a similar hash; payload 0 is none.
    pub(super) seen_at: Location,
    pub(super) seen_payload: u64,
}

impl Lookup {
    /// The lookup of a key that has not been seen.
    #[inline]
    pub(super) fn new(hash: u64) -> Self {
        Self {
            hash,
            seen_at: Location::default(),
            seen_payload: 0,
        }
    }

    /// Notes where an entry stands that is most likely the wanted one, and names it.
    #[inline]
    pub(super) fn see(&mut self, location: Location, payload: u64) -> EntryId {
        self.seen_at = location;
        self.seen_payload = payload;
        EntryId::from_payload(payload)
    }
}

/// A key with its hash.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    /// The key itself.
    pub bytes: &'a [u8],
    pub(crate) lookup: Lookup,
}

impl Key<'_> {
    /// The hash of the key, by which sketches know it.
    #[inline]
    pub(crate) fn hash(self) -> u64 {
        self.lookup.hash
    }
}
