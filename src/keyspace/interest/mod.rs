//! Who is interested in which keys, and what they get to know of a change.
//!
//! ```text
//!  Mutation::changed ─▶ is_empty? ─▶ note(database, key, event) ─┬▶ watches.rs  versions
//!                        one word                                └▶ …           one file each
//! ```
//!
//! Invariant: there is one test, [`Interests::is_empty`], of one word in which each interest has a
//! bit. A change that nobody is interested in costs that and no more.
//!
//! Not here: what changes a key (`mutation/`); what those who are interested do about it.

mod watches;

use super::event::Event;
use watches::Watches;

/// Somebody watches a key.
const WATCHED: u8 = 1 << 0;
/// A test listens.
#[cfg(test)]
const HEARD: u8 = 1 << 7;

/// The keys of all databases that somebody is interested in.
#[derive(Debug, Default)]
pub(super) struct Interests {
    /// A bit for each interest that somebody has.
    wanted: u8,
    watches: Watches,
    /// All events in order, for a test that listens.
    #[cfg(test)]
    heard: Vec<(usize, String, Event)>,
}

impl Interests {
    /// Whether nobody is interested in any key.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.wanted == 0
    }

    /// Begins to watch a key and returns its version.
    pub(super) fn claim(&mut self, database: usize, key: &[u8]) -> u64 {
        self.wanted |= WATCHED;
        self.watches.claim(database, key)
    }

    /// Gives back one claim.
    pub(super) fn release(&mut self, database: usize, key: &[u8]) {
        self.watches.release(database, key);
        if self.watches.is_empty() {
            self.wanted &= !WATCHED;
        }
    }

    /// The present version of a claimed key.
    pub(super) fn version(&self, database: usize, key: &[u8]) -> u64 {
        self.watches.version(database, key)
    }

    /// The keys of a database that FLUSHALL or SWAPDB must ask about. O(these keys).
    pub(super) fn keys(&self, database: usize) -> Vec<Box<[u8]>> {
        self.watches.keys(database)
    }

    /// Notes a change of a key.
    pub(super) fn note(&mut self, database: usize, key: &[u8], event: Event) {
        #[cfg(test)]
        self.hear(database, key, event);
        // Whoever watches a key does not ask what happened to it.
        let _ = event;
        self.watches.note(database, key);
    }

    /// Notes a change of every such key of a database that `is_changed` accepts, which is no
    /// event of a key: nothing but its watches hear of it. O(these keys).
    pub(super) fn note_where(&mut self, database: usize, is_changed: impl Fn(&[u8]) -> bool) {
        self.watches.note_where(database, is_changed);
    }

    /// Begins to keep all events.
    #[cfg(test)]
    pub(super) fn listen(&mut self) {
        self.wanted |= HEARD;
    }

    #[cfg(test)]
    fn hear(&mut self, database: usize, key: &[u8], event: Event) {
        if self.wanted & HEARD != 0 {
            let key = String::from_utf8_lossy(key).into_owned();
            self.heard.push((database, key, event));
        }
    }

    /// The events since the last call or [`Interests::listen`]: database, key and event.
    #[cfg(test)]
    pub(super) fn heard(&mut self) -> Vec<(usize, String, Event)> {
        std::mem::take(&mut self.heard)
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
