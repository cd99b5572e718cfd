//! The hand that passes the keys of all tables, over and over, for eviction.
//!
//! ```text
//!  tables, in the order of the hash   … ▪ ▪ │ ▪ ▪ ▪ ▪ ▪ ▪ ▪ │ ▪ ▪ ▪ …
//!                                   passed  └── reached ────┘ cursor: its bucket is asked for
//!                                               entries asked for
//! ```
//!
//! Whoever asks for the next key finds its line in the cache: the keys of some buckets ahead are
//! noted, and their entries asked for, while others are judged or the writer goes on with its work.
//! What was noted is checked before it is used, as a lookup's hint is (`key.rs`); a key that is set
//! meanwhile in a bucket that was reached is met the next time round.
//!
//! Cost: a kibibyte; a bucket is read once a round.
//!
//! Not here: what is done with the keys (`eviction.rs`).

use super::database::Database;
use super::entry::EntryId;
use crate::structures::hash_table::{BUCKET_KEYS_MAX, HashTable, Location};

/// Room for keys that are reached ahead, a power of two.
const AHEAD_MAX: usize = 32;

/// Another bucket is reached for while no more keys than these are ahead: so many misses may be
/// under way while one key is judged.
const AHEAD_WANTED: usize = AHEAD_MAX - 2 * BUCKET_KEYS_MAX;

/// An entry, its database, and where it stands in the table there if that is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) database: usize,
    pub(super) location: Option<Location>,
    pub(super) id: EntryId,
}

/// Where the hand is.
pub(super) struct Hand {
    database: usize,
    cursor: u64,
    /// A ring: those from `passed` up to `reached` come next.
    ring: [Place; AHEAD_MAX],
    passed: usize,
    reached: usize,
}

impl Default for Hand {
    fn default() -> Self {
        let nowhere = Place {
            database: 0,
            location: None,
            id: EntryId::from_payload(0),
        };
        Self {
            database: 0,
            cursor: 0,
            ring: [nowhere; AHEAD_MAX],
            passed: 0,
            reached: 0,
        }
    }
}

impl Hand {
    /// The next key. Some table must have one.
    #[inline]
    pub(super) fn next(&mut self, databases: &[Database]) -> Place {
        loop {
            if self.reached - self.passed <= AHEAD_WANTED {
                self.reach(databases);
            }
            if self.passed == self.reached {
                continue;
            }
            let place = self.ring[self.passed % AHEAD_MAX];
            self.passed += 1;
            let table = &databases[place.database].table;
            let is_there = |location| table.is_at(location, place.id.payload());
            if place.location.is_some_and(is_there) {
                return place;
            }
        }
    }

    /// Reaches for the keys of one more bucket, for which there is room.
    fn reach(&mut self, databases: &[Database]) {
        self.database %= databases.len();
        let database = self.database;
        let table = &databases[database].table;
        if table.is_empty() {
            self.cursor = 0;
        } else {
            self.cursor = table.sweep(self.cursor, |location, payload| {
                let id = EntryId::from_payload(payload);
                id.prefetch();
                self.ring[self.reached % AHEAD_MAX] = Place {
                    database,
                    location: Some(location),
                    id,
                };
                self.reached += 1;
            });
        }
        if self.cursor == 0 {
            self.database += 1;
        } else {
            table.home(HashTable::first_hash(self.cursor)).prefetch();
        }
    }
}
