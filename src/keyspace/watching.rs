//! Keys that are watched: whether they change until EXEC.
//!
//! Cost: as long as no watched key of anybody has changed and no key is due, O(1) for any number of
//! watches; else O(watches of the session) up to the first that has changed.
//!
//! Not here: what notes a change (`interest/watches.rs`), who watches (`session/transaction.rs`).

use super::{Keyspace, Watch};

impl Keyspace {
    /// Begins to watch a key; returns the version to compare with [`Keyspace::watched_version`].
    /// Every call needs one [`Keyspace::unwatch`].
    pub fn watch(&mut self, database: usize, key: &[u8], now_ms: u64) -> u64 {
        self.remove_if_due(database, key, now_ms);
        self.interests.claim(database, key)
    }

    /// How many changes there have been: since then, for [`Keyspace::has_watched_change`].
    pub fn watched_changes(&self) -> u64 {
        self.interests.watched_changes().0
    }

    /// Whether a key of these watches, of which none began before `since`, has changed.
    pub fn has_watched_change(&mut self, watches: &[Watch], since: u64, now_ms: u64) -> bool {
        let has_due = (self.databases.iter()).any(|database| database.next_deadline_ms() <= now_ms);
        if !has_due && self.interests.watched_changes().1 <= since {
            return false;
        }
        let mut watches = watches.iter();
        watches
            .any(|watch| self.watched_version(watch.database, &watch.key, now_ms) != watch.version)
    }

    /// The version of a watched key: differs from that at [`Keyspace::watch`] if the key changed,
    /// expired or was flushed since.
    pub fn watched_version(&mut self, database: usize, key: &[u8], now_ms: u64) -> u64 {
        self.remove_if_due(database, key, now_ms);
        self.interests.version(database, key)
    }

    /// Ends one [`Keyspace::watch`].
    pub fn unwatch(&mut self, database: usize, key: &[u8]) {
        self.interests.release(database, key);
    }

    /// Ends all of these: few at once, many with [`Keyspace::free_some`].
    pub fn unwatch_all(&mut self, watches: Vec<Watch>) {
        if !watches.is_empty() {
            self.interests.release_later(watches);
        }
    }
}
