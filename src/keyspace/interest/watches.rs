//! The keys that sessions WATCH, by a version of each.
//!
//! Invariant: a watch is a claim on a version; whoever claims it gives it back
//! ([`Watches::release`]).
//!
//! Not here: who watches (`session/transaction.rs`).

use std::collections::HashMap;

#[derive(Debug)]
struct Watched {
    watcher_count: usize,
    version: u64,
}

/// The watched keys of all databases.
#[derive(Debug, Default)]
pub(super) struct Watches {
    databases: HashMap<usize, HashMap<Box<[u8]>, Watched>>,
    changes: u64,
}

impl Watches {
    /// Whether nobody watches a key.
    pub(super) fn is_empty(&self) -> bool {
        self.databases.is_empty()
    }

    /// Begins to watch a key and returns its version.
    pub(super) fn claim(&mut self, database: usize, key: &[u8]) -> u64 {
        let version = self.changes;
        let keys = self.databases.entry(database).or_default();
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
        let keys = self.databases.get_mut(&database).expect(claimed);
        let watched = keys.get_mut(key).expect(claimed);
        watched.watcher_count -= 1;
        if watched.watcher_count == 0 {
            keys.remove(key);
        }
        if keys.is_empty() {
            self.databases.remove(&database);
        }
    }

    /// The present version of a claimed key.
    pub(super) fn version(&self, database: usize, key: &[u8]) -> u64 {
        self.databases[&database][key].version
    }

    /// The watched keys of a database. O(watched keys).
    pub(super) fn keys(&self, database: usize) -> Vec<Box<[u8]>> {
        let keys = self.databases.get(&database).into_iter().flatten();
        keys.map(|(key, _)| key.clone()).collect()
    }

    /// Notes a change of a key.
    pub(super) fn note(&mut self, database: usize, key: &[u8]) {
        self.changes += 1;
        let watched = (self.databases.get_mut(&database)).and_then(|keys| keys.get_mut(key));
        if let Some(watched) = watched {
            watched.version = self.changes;
        }
    }

    /// Notes a change of every watched key of a database that `is_changed` accepts. O(watched
    /// keys).
    pub(super) fn note_where(&mut self, database: usize, is_changed: impl Fn(&[u8]) -> bool) {
        self.changes += 1;
        for (key, watched) in self.databases.get_mut(&database).into_iter().flatten() {
            if is_changed(key) {
                watched.version = self.changes;
            }
        }
    }
}
