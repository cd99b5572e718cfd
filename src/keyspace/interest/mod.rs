//! Who is interested in which keys, and what they get to know of a change.
//!
//! ```text
//!  Mutation::changed ─▶ is_empty? ─▶ note(database, key, event) ─┬▶ watches.rs    WATCH
//!                        one word                                ├▶ ready.rs      who waits
//!                                                                ├▶ tracked.rs    CLIENT TRACKING
//!                                                                └▶ announced.rs  key events
//!  a string goes ─▶ keeps_departed? ─────────────────────────────▶ departed.rs   a listener
//! ```
//!
//! Invariant: there is one test, [`Interests::is_empty`], of one word in which each interest has a
//! bit. A change that nobody is interested in costs that and no more.
//!
//! Not here: what changes a key (`mutation/`); what those who are interested do about it.

mod announced;
mod departed;
mod ready;
mod tracked;
mod watches;

pub use ready::{WaitId, WaitedKeyCount, Waiter};

use super::event::Event;
use crate::base::event_classes::EventClasses;
use crate::base::hash::KeyHasher;
pub use announced::Announced;
pub use departed::{Departed, RemovalReason};
use ready::ReadyKeys;
pub use tracked::Told;
use tracked::Tracked;
pub use watches::Watch;
use watches::Watches;

/// Somebody watches a key.
const WATCHED: u8 = 1 << 0;
/// Somebody waits for a key.
const WAITED: u8 = 1 << 1;
/// A key has become ready since somebody looked at the ready ones.
const READY: u8 = 1 << 2;
/// Somebody listens to key events.
const ANNOUNCED: u8 = 1 << 3;
/// Somebody keeps copies of keys.
const TRACKED: u8 = 1 << 4;
/// The program listens to what goes.
const DEPARTED: u8 = 1 << 5;
/// A test listens.
#[cfg(test)]
const HEARD: u8 = 1 << 7;

/// The keys of all databases that somebody is interested in.
#[derive(Debug)]
pub(super) struct Interests {
    /// A bit for each interest that somebody has.
    wanted: u8,
    watches: Watches,
    ready: ReadyKeys,
    announced: Announced,
    tracked: Tracked,
    departed: Departed,
    /// All events in order, for a test that listens.
    #[cfg(test)]
    heard: Vec<(usize, String, Event)>,
}

impl Interests {
    pub(super) fn new(hasher: KeyHasher) -> Self {
        Self {
            wanted: 0,
            watches: Watches::new(hasher.clone()),
            ready: ReadyKeys::new(hasher.clone()),
            announced: Announced::default(),
            tracked: Tracked::new(hasher),
            departed: Departed::default(),
            #[cfg(test)]
            heard: Vec::new(),
        }
    }

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
        self.note_if_nobody_watches();
    }

    /// Gives back claims, many of them later.
    pub(super) fn release_later(&mut self, watches: Vec<Watch>) {
        self.watches.release_later(watches);
        self.note_if_nobody_watches();
    }

    /// Whether claims were given back that are not yet released.
    #[inline]
    pub(super) fn has_given_back(&self) -> bool {
        self.wanted & WATCHED != 0 && self.watches.has_given_back()
    }

    /// Releases some of those.
    pub(super) fn release_some(&mut self) {
        self.watches.release_some();
        self.note_if_nobody_watches();
    }

    fn note_if_nobody_watches(&mut self) {
        if self.watches.is_empty() {
            self.wanted &= !WATCHED;
        }
    }

    /// How many changes there have been while keys were watched, and which of them was the last of
    /// a watched key.
    pub(super) fn watched_changes(&self) -> (u64, u64) {
        (self.watches.changes(), self.watches.last_change())
    }

    /// The present version of a claimed key.
    pub(super) fn version(&self, database: usize, key: &[u8]) -> u64 {
        self.watches.version(database, key)
    }

    /// Lets a client wait for keys of a database. O(keys).
    pub(super) fn wait<'k>(
        &mut self,
        waiter: Waiter,
        database: usize,
        keys: impl Iterator<Item = &'k [u8]>,
    ) -> WaitId {
        self.wanted |= WAITED;
        self.ready.wait(waiter, database, keys)
    }

    /// Ends a wait. O(its keys).
    pub(super) fn end_wait(&mut self, id: WaitId) {
        self.ready.end(id);
        self.note_if_nobody_waits();
    }

    /// Whether a key has become ready since [`Interests::note_served`].
    #[inline]
    pub(super) fn has_news(&self) -> bool {
        self.wanted & READY != 0
    }

    /// Whether a ready key was not served to its end.
    #[inline]
    pub(super) fn has_unserved(&self) -> bool {
        self.wanted & WAITED != 0 && self.ready.has_ready()
    }

    /// Notes that the ready keys were looked at.
    pub(super) fn note_served(&mut self) {
        self.wanted &= !READY;
        self.note_if_nobody_waits();
    }

    fn note_if_nobody_waits(&mut self) {
        if self.ready.is_empty() {
            self.wanted &= !(WAITED | READY);
        }
    }

    /// The keys that clients wait for.
    pub(super) fn ready(&self) -> &ReadyKeys {
        &self.ready
    }

    /// The keys that clients wait for, to be served.
    pub(super) fn ready_mut(&mut self) -> &mut ReadyKeys {
        &mut self.ready
    }

    /// The watched keys of a database, which SWAPDB must ask about. O(these keys).
    pub(super) fn keys(&self, database: usize) -> Vec<Box<[u8]>> {
        self.watches.keys(database)
    }

    /// Notes a change of a key.
    pub(super) fn note(&mut self, database: usize, key: &[u8], event: Event) {
        #[cfg(test)]
        self.hear(database, key, event);
        if self.wanted & WATCHED != 0 {
            self.watches.note(database, key);
        }
        if self.wanted & WAITED != 0 && self.ready.note(database, key, event) {
            self.wanted |= READY;
        }
        if self.wanted & TRACKED != 0 {
            self.tracked.note(key);
            self.follow_tracked();
        }
        self.announce(database, key, event);
    }

    /// Notes that a database as a whole has other contents.
    pub(super) fn note_all(&mut self) {
        if self.wanted & TRACKED != 0 {
            self.tracked.note_all();
            self.follow_tracked();
        }
    }

    /// The keys that clients keep copies of.
    #[inline]
    pub(super) fn tracked(&self) -> &Tracked {
        &self.tracked
    }

    /// Lends them for a change.
    #[inline]
    pub(super) fn change_tracked<R>(&mut self, change: impl FnOnce(&mut Tracked) -> R) -> R {
        let result = change(&mut self.tracked);
        self.follow_tracked();
        result
    }

    /// Notes that a reader keeps a key; false if that was known.
    #[inline]
    pub(super) fn remember(&mut self, hash: u64, reader: u32) -> bool {
        self.tracked.remember(hash, reader)
    }

    #[inline]
    fn follow_tracked(&mut self) {
        if self.tracked.is_empty() {
            self.wanted &= !TRACKED;
        } else {
            self.wanted |= TRACKED;
        }
    }

    /// Notes an event that is no change of the key.
    pub(super) fn announce(&mut self, database: usize, key: &[u8], event: Event) {
        if self.wanted & ANNOUNCED != 0 {
            self.announced.note(database, key, event);
        }
    }

    /// Whether, from now on, an event that repeats the one before is announced once.
    pub(super) fn join_repeated_events(&mut self, is_joined: bool) {
        self.announced.join_repeated(is_joined);
    }

    /// Decides of which classes events are kept.
    pub(super) fn set_announced(&mut self, classes: EventClasses) {
        self.announced.set_classes(classes);
        if classes.announce_something() {
            self.wanted |= ANNOUNCED;
        } else {
            self.wanted &= !ANNOUNCED;
        }
    }

    /// Whether reads that find no key are kept.
    #[inline]
    pub(super) fn wants_misses(&self) -> bool {
        self.wanted & ANNOUNCED != 0 && self.announced.wants(Event::KeyMiss)
    }

    /// Whether there are events to be told.
    #[inline]
    pub(super) fn has_announced(&self) -> bool {
        !self.announced.is_empty()
    }

    /// Takes the events that are to be told.
    pub(super) fn take_announced(&mut self) -> Announced {
        self.announced.take()
    }

    /// Keeps from now on what goes, for [`Interests::take_departed`].
    pub(super) fn keep_departed(&mut self) {
        self.wanted |= DEPARTED;
    }

    /// Whether somebody wants to know what goes.
    #[inline]
    pub(super) fn keeps_departed(&self) -> bool {
        self.wanted & DEPARTED != 0
    }

    /// Notes a string that goes.
    pub(super) fn note_departed(&mut self, key: &[u8], value: &[u8], reason: RemovalReason) {
        self.departed.note(key, value, reason);
    }

    /// Takes what went since the last call.
    pub(super) fn take_departed(&mut self) -> Departed {
        std::mem::take(&mut self.departed)
    }

    /// Notes a change of every such key of a database that `is_changed` accepts, which is no
    /// event of a key: nobody but those who watch it or wait for it hears of it. O(these keys).
    pub(super) fn note_where(&mut self, database: usize, is_changed: impl Fn(&[u8]) -> bool) {
        self.watches.note_where(database, &is_changed);
        if self.wanted & WAITED != 0 && self.ready.note_where(database, is_changed) {
            self.wanted |= READY;
        }
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
