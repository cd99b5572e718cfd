//! Who is interested in which keys: today the sessions that WATCH them, by a version of each key.
//!
//! ```text
//!  Mutation::changed ─▶ is_empty? ─▶ note(database, key, event) ─▶ the versions of watched keys
//! ```
//!
//! 1. There is one test, [`Interests::is_empty`]: a change that nobody is interested in costs that
//!    and no more. Clients that wait for a key, listen to key events or are tracked belong behind
//!    it.
//! 2. A watch is a claim on a version; it must be given back ([`Interests::release`]).
//!
//! Not here: who watches (`session/transaction.rs`); what changes a key (`mutation/`).

use super::event::Event;
use std::collections::HashMap;

#[derive(Debug)]
struct Watched {
    watcher_count: usize,
    version: u64,
}

/// The keys of all databases that somebody is interested in.
#[derive(Debug, Default)]
pub(super) struct Interests {
    databases: HashMap<usize, HashMap<Box<[u8]>, Watched>>,
    changes: u64,
    /// All events in order, for a test that listens.
    #[cfg(test)]
    heard: Option<Vec<(usize, String, Event)>>,
}

impl Interests {
    /// Whether nobody is interested in any key.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        #[cfg(test)]
        if self.heard.is_some() {
            return false;
        }
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
    pub(super) fn note(&mut self, database: usize, key: &[u8], event: Event) {
        #[cfg(test)]
        self.hear(database, key, event);
        // Whoever watches a key does not ask what happened to it.
        let _ = event;
        self.changes += 1;
        let watched = self
            .databases
            .get_mut(&database)
            .and_then(|keys| keys.get_mut(key));
        if let Some(watched) = watched {
            watched.version = self.changes;
        }
    }

    /// Notes a change of every watched key of a database that `is_changed` accepts, which is no
    /// event of a key: nothing but its watches hear of it. O(watched keys).
    pub(super) fn note_where(&mut self, database: usize, is_changed: impl Fn(&[u8]) -> bool) {
        self.changes += 1;
        for (key, watched) in self.databases.get_mut(&database).into_iter().flatten() {
            if is_changed(key) {
                watched.version = self.changes;
            }
        }
    }

    /// Begins to keep all events.
    #[cfg(test)]
    pub(super) fn listen(&mut self) {
        self.heard = Some(Vec::new());
    }

    #[cfg(test)]
    fn hear(&mut self, database: usize, key: &[u8], event: Event) {
        if let Some(heard) = &mut self.heard {
            heard.push((database, String::from_utf8_lossy(key).into_owned(), event));
        }
    }

    /// The events since the last call or [`Interests::listen`]: database, key and event.
    #[cfg(test)]
    pub(super) fn heard(&mut self) -> Vec<(usize, String, Event)> {
        let heard = self.heard.as_mut().expect("somebody listens");
        std::mem::take(heard)
    }
}

#[cfg(test)]
impl super::Keyspace {
    /// Begins to keep all events.
    pub(crate) fn listen(&mut self) {
        self.interests.listen();
    }

    /// The events since the last call or [`Keyspace::listen`]: database, key and event.
    ///
    /// [`Keyspace::listen`]: super::Keyspace::listen
    pub(crate) fn heard(&mut self) -> Vec<(usize, String, Event)> {
        self.interests.heard()
    }
}
