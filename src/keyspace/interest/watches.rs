//! The keys that sessions WATCH, by a version of each.
//!
//! Invariants: a watch is a claim on a version; who claims it gives it back ([`Watches::release`],
//! or [`Watches::release_later`] if they are many). What was given back and is not yet released
//! changes nothing but the memory it takes.
//!
//! Cost: the keys stand in many small maps, so that none of them is ever grown at a cost that
//! others notice.
//!
//! Not here: who watches (`session/transaction.rs`).

use crate::base::hash::KeyHasher;
use std::collections::HashMap;

/// Maps that the keys of a database are spread over.
const MAPS: u64 = 1_024;

/// Watches that are released at once.
const STEP_WATCHES: usize = 128;

/// A key that a session watches.
#[derive(Debug)]
pub struct Watch {
    /// The database of the key.
    pub database: usize,
    /// The key.
    pub key: Box<[u8]>,
    /// Its version when the watch began.
    pub version: u64,
}

#[derive(Debug)]
struct Watched {
    watcher_count: usize,
    version: u64,
}

/// Some of the watched keys of a database.
type Map = HashMap<Box<[u8]>, Watched>;

/// The watched keys of all databases.
#[derive(Debug)]
pub(super) struct Watches {
    /// By database and a part of the key's hash. None is empty.
    maps: HashMap<(usize, u64), Map>,
    hasher: KeyHasher,
    changes: u64,
    /// The number of the last change of a watched key.
    last_change: u64,
    /// Watches that were given back and are still to be released.
    given_back: Vec<Vec<Watch>>,
}

impl Watches {
    pub(super) fn new(hasher: KeyHasher) -> Self {
        Self {
            maps: HashMap::new(),
            hasher,
            changes: 0,
            last_change: 0,
            given_back: Vec::new(),
        }
    }

    /// Whether nobody watches a key.
    pub(super) fn is_empty(&self) -> bool {
        self.maps.is_empty()
    }

    fn place(&self, database: usize, key: &[u8]) -> (usize, u64) {
        (database, self.hasher.hash(key) % MAPS)
    }

    /// Begins to watch a key and returns its version.
    pub(super) fn claim(&mut self, database: usize, key: &[u8]) -> u64 {
        let version = self.changes;
        let place = self.place(database, key);
        let keys = self.maps.entry(place).or_default();
        let watched = keys.entry(key.into()).or_insert(Watched {
            watcher_count: 0,
            version,
        });
        watched.watcher_count += 1;
        watched.version
    }

    /// Gives back one claim.
    pub(super) fn release(&mut self, database: usize, key: &[u8]) {
        let claimed = "a released watch was claimed";
        let place = self.place(database, key);
        let keys = self.maps.get_mut(&place).expect(claimed);
        let watched = keys.get_mut(key).expect(claimed);
        watched.watcher_count -= 1;
        if watched.watcher_count == 0 {
            keys.remove(key);
        }
        if keys.is_empty() {
            self.maps.remove(&place);
        }
    }

    /// Gives back claims: few at once, many with [`Watches::release_some`].
    pub(super) fn release_later(&mut self, watches: Vec<Watch>) {
        self.given_back.push(watches);
        if self.given_back.len() == 1 && self.given_back[0].len() <= STEP_WATCHES {
            self.release_some();
        }
    }

    /// Whether claims were given back that are not yet released.
    #[inline]
    pub(super) fn has_given_back(&self) -> bool {
        !self.given_back.is_empty()
    }

    /// Releases some of those.
    pub(super) fn release_some(&mut self) {
        let Some(mut watches) = self.given_back.pop() else {
            return;
        };
        let left = watches.len().saturating_sub(STEP_WATCHES);
        for watch in watches.drain(left..) {
            self.release(watch.database, &watch.key);
        }
        if !watches.is_empty() {
            self.given_back.push(watches);
        }
    }

    /// The present version of a claimed key.
    pub(super) fn version(&self, database: usize, key: &[u8]) -> u64 {
        self.maps[&self.place(database, key)][key].version
    }

    /// How many changes there have been.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    /// The number of the last change of a watched key, among all changes.
    pub(super) fn last_change(&self) -> u64 {
        self.last_change
    }

    /// The watched keys of a database. O(watched keys).
    pub(super) fn keys(&self, database: usize) -> Vec<Box<[u8]>> {
        let maps = self.maps.iter();
        let keys = maps.filter(|((of, _), _)| *of == database);
        keys.flat_map(|(_, keys)| keys.keys().cloned()).collect()
    }

    /// Notes a change of a key.
    pub(super) fn note(&mut self, database: usize, key: &[u8]) {
        self.changes += 1;
        let place = self.place(database, key);
        let watched = (self.maps.get_mut(&place)).and_then(|keys| keys.get_mut(key));
        if let Some(watched) = watched {
            watched.version = self.changes;
            self.last_change = self.changes;
        }
    }

    /// Notes a change of every watched key of a database that `is_changed` accepts. O(watched
    /// keys).
    pub(super) fn note_where(&mut self, database: usize, is_changed: impl Fn(&[u8]) -> bool) {
        self.changes += 1;
        let maps = self.maps.iter_mut();
        for (_, keys) in maps.filter(|((of, _), _)| *of == database) {
            for (key, watched) in keys {
                if is_changed(key) {
                    watched.version = self.changes;
                    self.last_change = self.changes;
                }
            }
        }
    }
}
