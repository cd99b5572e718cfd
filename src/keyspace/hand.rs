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
//! Cost: two or three kilobytes; a bucket is read once a round.
//!
//! Not here: what is done with the keys (`eviction.rs`).

use super::database::Database;
use super::entry::EntryId;
use crate::structures::hash_table::{HashTable, Location};
use arrayvec::ArrayVec;

/// Keys that are reached ahead at least: so many misses are under way while one key is judged.
const AHEAD_MIN: usize = 12;

/// Room for them and for one more bucket; the rare bucket with more keys is reached in part.
const AHEAD_MAX: usize = AHEAD_MIN + 24;

/// An entry, its database, and where it stands in the table there if that is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) database: usize,
    pub(super) location: Option<Location>,
    pub(super) id: EntryId,
}

/// Where the hand is.
#[derive(Default)]
pub(super) struct Hand {
    database: usize,
    cursor: u64,
    /// From `passed` on those that come next.
    reached: ArrayVec<Place, AHEAD_MAX>,
    passed: usize,
}

impl Hand {
    /// The next key. Some table must have one.
    pub(super) fn next(&mut self, databases: &[Database]) -> Place {
        loop {
            if self.reached.len() - self.passed < AHEAD_MIN {
                self.reach(databases);
            }
            let Some(&place) = self.reached.get(self.passed) else {
                continue;
            };
            self.passed += 1;
            let table = &databases[place.database].table;
            let is_there = |location| table.is_at(location, place.id.payload());
            if place.location.is_some_and(is_there) {
                return place;
            }
        }
    }

    /// Reaches for the keys of one more bucket.
    fn reach(&mut self, databases: &[Database]) {
        self.reached.drain(..self.passed);
        self.passed = 0;
        self.database %= databases.len();
        let database = self.database;
        let table = &databases[database].table;
        self.cursor = if table.is_empty() {
            0
        } else {
            table.scan_places(self.cursor, |location, payload| {
                let id = EntryId::from_payload(payload);
                id.prefetch();
                _ = self.reached.try_push(Place {
                    database,
                    location: Some(location),
                    id,
                });
            })
        };
        if self.cursor == 0 {
            self.database += 1;
        } else {
            table.home(HashTable::first_hash(self.cursor)).prefetch();
        }
    }
}
