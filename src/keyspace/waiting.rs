//! Clients that wait for keys, as those see it who let them wait and serve them.
//!
//! ```text
//!  wait_for_keys ─▶ …a change… ─▶ has_ready_keys ─▶ next_waiter ─▶ it is served: end_wait
//!                                                        │         it finds nothing: it stays
//!                                                        └───────▶ it can't be now: set aside
//! ```
//!
//! A key that is ready and was not served to its end is as good as claimed: requests of others that
//! name it wait, so that nobody overtakes those who waited before.
//!
//! Not here: the order (`interest/ready.rs`), executing requests (`engine/blocking.rs`).

use super::interest::{WaitId, WaitedKeyCount, Waiter};
use super::{EntryRef, Keyspace};

impl Keyspace {
    /// Lets a client wait for keys of a database. O(keys).
    pub fn wait_for_keys<'k>(
        &mut self,
        waiter: Waiter,
        database: usize,
        keys: impl Iterator<Item = &'k [u8]>,
    ) -> WaitId {
        self.interests.wait(waiter, database, keys)
    }

    /// Ends a wait. O(its keys).
    pub fn end_wait(&mut self, id: WaitId) {
        self.interests.end_wait(id);
    }

    /// How many keys clients wait for.
    pub fn waited_key_count(&self) -> WaitedKeyCount {
        self.interests.ready().count()
    }

    /// Whether keys have become ready since [`Keyspace::note_served`].
    #[inline]
    pub fn has_ready_keys(&self) -> bool {
        self.interests.has_news()
    }

    /// Whether a ready key was not served to its end.
    #[inline]
    pub fn has_unserved_keys(&self) -> bool {
        self.interests.has_unserved()
    }

    /// Says that the ready keys were looked at, served or not. If all are served, requests may go
    /// on that waited for them to be.
    pub fn note_served(&mut self, had_unserved: bool) {
        self.interests.ready_mut().take_up_again();
        self.interests.note_served();
        if had_unserved && !self.has_unserved_keys() {
            self.note_ended_claims();
        }
    }

    /// Goes on to the next client whose request may find what it waits for. `None` if no key is
    /// ready, or after as many clients were looked at as `steps_left` says; it counts them.
    pub fn next_waiter(&mut self, now_ms: u64, steps_left: &mut usize) -> Option<Waiter> {
        while *steps_left > 0 && self.interests.ready_mut().begin_key() {
            let kind = self.serving_entry(now_ms).map(EntryRef::kind);
            let ready = self.interests.ready_mut();
            if kind.is_none() && !ready.is_heard() {
                ready.end_key();
                continue;
            }
            let Some(waiter) = ready.next_waiter() else {
                ready.end_key();
                continue;
            };
            *steps_left -= 1;
            if waiter.hears_all || kind == Some(waiter.kind) {
                return Some(waiter);
            }
        }
        None
    }

    /// The name of the key for which [`Keyspace::next_waiter`] gave a client.
    pub fn serving_key(&self) -> Option<&[u8]> {
        self.interests.ready().serving().map(|(_, key)| key)
    }

    /// Puts the key aside for which [`Keyspace::next_waiter`] gave a client that can't be served
    /// now, until [`Keyspace::note_served`].
    pub fn set_ready_key_aside(&mut self) {
        self.interests.ready_mut().set_aside();
    }

    fn serving_entry(&self, now_ms: u64) -> Option<EntryRef<'_>> {
        let (database, key) = self.interests.ready().serving()?;
        self.find(database, self.key(key), now_ms)
    }
}
