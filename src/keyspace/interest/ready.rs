//! Keys that clients wait for, and which of them have become ready.
//!
//! ```text
//!  WaitedKey "q" ─▶ place ⇄ place ⇄ place     in the order in which the clients came
//!                     │       │       │
//!  Wait of a client ──┴▶ place of another key  one place for each key it waits for
//!
//!  a change ─▶ the key is listed as ready, once ─▶ next_waiter: key by key, client by client
//! ```
//!
//! Keys are served in the order in which they became ready, the clients of one in the order in
//! which they came. A client whose request finds nothing keeps its place.
//!
//! Invariants ([`ReadyKeys::check_invariants`]): a place stands in the queue of its key and in the
//! chain of its wait; a key without a place is forgotten as soon as it is neither listed nor being
//! served.
//!
//! Cost: to come and to go is O(keys of the request), no queue is searched. 24 bytes a place, 16 a
//! wait, and some 60 with its name for each different key.
//!
//! Not here: what a client waits for (`session/blocked.rs`), serving it (`engine/blocking.rs`).

use crate::base::hash::KeyHasher;
use crate::keyspace::event::Event;
use crate::value::kind::Kind;
use slab::Slab;
use std::collections::{HashMap, VecDeque};

/// The bits of a hash that count; few in tests, where keys are to share them.
const HASH_MASK: u32 = if cfg!(test) { 3 } else { u32::MAX };

/// No place, no key.
const NONE: u32 = u32::MAX;

/// Names what one client waits for, until it is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitId(u32);

/// Who waits, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiter {
    /// A number by which the caller knows the client.
    pub client: u32,
    /// The type that one of the keys must have.
    pub kind: Kind,
    /// Whether it is to be asked after every change of a key: also when the key has gone or holds
    /// another type.
    pub hears_all: bool,
}

#[derive(Debug)]
struct Wait {
    waiter: Waiter,
    first_place: u32,
}

#[derive(Debug)]
struct Place {
    wait: u32,
    key: u32,
    previous: u32,
    next: u32,
    /// The next place of the same wait.
    next_of_wait: u32,
}

#[derive(Debug)]
struct WaitedKey {
    bytes: Box<[u8]>,
    database: u32,
    /// The next key whose hash is the same.
    next_alike: u32,
    first: u32,
    last: u32,
    /// How many of its waiters hear all.
    hearer_count: u32,
    is_listed: bool,
}

/// The key whose clients are being served.
#[derive(Clone, Copy, Debug)]
struct Serving {
    key: u32,
    /// The place that is next, if any.
    next: u32,
}

/// How many keys clients wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WaitedKeyCount {
    /// All of them.
    pub keys: usize,
    /// Those of which a client hears all changes.
    pub heard_keys: usize,
}

/// The keys of all databases that clients wait for.
#[derive(Debug)]
pub(in crate::keyspace) struct ReadyKeys {
    waits: Slab<Wait>,
    places: Slab<Place>,
    keys: Slab<WaitedKey>,
    /// The first key of each hash.
    index: HashMap<u32, u32>,
    hasher: KeyHasher,
    count: WaitedKeyCount,
    ready: VecDeque<u32>,
    serving: Option<Serving>,
    /// Keys that are ready and can't be served now.
    aside: Vec<u32>,
}

impl ReadyKeys {
    pub(in crate::keyspace) fn new(hasher: KeyHasher) -> Self {
        Self {
            waits: Slab::new(),
            places: Slab::new(),
            keys: Slab::new(),
            index: HashMap::new(),
            hasher,
            count: WaitedKeyCount::default(),
            ready: VecDeque::new(),
            serving: None,
            aside: Vec::new(),
        }
    }

    /// Whether nobody waits and nothing is ready.
    pub(in crate::keyspace) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many keys clients wait for.
    pub(in crate::keyspace) fn count(&self) -> WaitedKeyCount {
        self.count
    }

    /// Whether a key is ready that was not served to its end.
    pub(in crate::keyspace) fn has_ready(&self) -> bool {
        !self.ready.is_empty() || self.serving.is_some() || !self.aside.is_empty()
    }

    /// Whether such a key has this name, in whatever database. O(ready keys).
    pub(in crate::keyspace) fn is_ready(&self, key: &[u8]) -> bool {
        let serving = self.serving.iter().map(|serving| &serving.key);
        let mut ready = (self.ready.iter()).chain(&self.aside).chain(serving);
        ready.any(|&index| *self.keys[index as usize].bytes == *key)
    }

    /// Lets a client wait for keys of a database, of which one may be named twice.
    pub(in crate::keyspace) fn wait<'k>(
        &mut self,
        waiter: Waiter,
        database: usize,
        keys: impl Iterator<Item = &'k [u8]>,
    ) -> WaitId {
        let first_place = NONE;
        let wait = self.waits.insert(Wait {
            waiter,
            first_place,
        });
        for key in keys {
            let key = self.claim(database as u32, key);
            self.add_place(wait as u32, key);
        }
        WaitId(wait as u32)
    }

    /// Ends a wait.
    pub(in crate::keyspace) fn end(&mut self, id: WaitId) {
        let wait = self.waits.remove(id.0 as usize);
        let mut next = wait.first_place;
        while next != NONE {
            next = self.remove_place(next, wait.waiter.hears_all);
        }
    }

    /// Notes a change of a key; true if it is newly listed as ready.
    pub(in crate::keyspace) fn note(&mut self, database: usize, key: &[u8], event: Event) -> bool {
        if !event.may_fill() && self.count.heard_keys == 0 {
            return false;
        }
        match self.find(database as u32, key) {
            Some(index) if event.may_fill() || self.keys[index as usize].hearer_count > 0 => {
                self.list(index)
            }
            Some(_) | None => false,
        }
    }

    /// Notes a change of every key of a database that `is_changed` accepts; true if one is newly
    /// listed. O(keys waited for).
    pub(in crate::keyspace) fn note_where(
        &mut self,
        database: usize,
        is_changed: impl Fn(&[u8]) -> bool,
    ) -> bool {
        let is_concerned = |key: &WaitedKey| {
            key.database as usize == database && !key.is_listed && is_changed(&key.bytes)
        };
        let changed = self.keys.iter().filter(|(_, key)| is_concerned(key));
        let changed: Vec<u32> = changed.map(|(index, _)| index as u32).collect();
        let is_new = !changed.is_empty();
        changed.into_iter().for_each(|index| _ = self.list(index));
        is_new
    }

    /// The database and name of the key that is being served.
    pub(in crate::keyspace) fn serving(&self) -> Option<(usize, &[u8])> {
        let key = &self.keys[self.serving?.key as usize];
        Some((key.database as usize, &key.bytes))
    }

    /// Goes on to the first ready key, if none is being served; false if there is none.
    pub(in crate::keyspace) fn begin_key(&mut self) -> bool {
        if self.serving.is_none()
            && let Some(key) = self.ready.pop_front()
        {
            let waited = &mut self.keys[key as usize];
            waited.is_listed = false;
            let next = waited.first;
            self.serving = Some(Serving { key, next });
        }
        self.serving.is_some()
    }

    /// The next client of the key that is being served.
    pub(in crate::keyspace) fn next_waiter(&mut self) -> Option<Waiter> {
        let serving = self.serving.as_mut()?;
        let place = self.places.get(serving.next as usize)?;
        serving.next = place.next;
        Some(self.waits[place.wait as usize].waiter)
    }

    /// Whether a client waits for the key that is being served and hears all.
    pub(in crate::keyspace) fn is_heard(&self) -> bool {
        let serving = self.serving.as_ref();
        serving.is_some_and(|serving| self.keys[serving.key as usize].hearer_count > 0)
    }

    /// Ends the serving of a key: its clients have been asked.
    pub(in crate::keyspace) fn end_key(&mut self) {
        if let Some(serving) = self.serving.take() {
            self.forget_unused(serving.key);
        }
    }

    /// Ends the serving of a key that is to be served again, from its first client on.
    pub(in crate::keyspace) fn set_aside(&mut self) {
        if let Some(Serving { key, .. }) = self.serving.take() {
            let waited = &mut self.keys[key as usize];
            if std::mem::replace(&mut waited.is_listed, true) {
                // It became ready again meanwhile, and has its place in the row.
                return;
            }
            self.aside.push(key);
        }
    }

    /// Puts what was set aside before all others.
    pub(in crate::keyspace) fn take_up_again(&mut self) {
        while let Some(key) = self.aside.pop() {
            self.ready.push_front(key);
        }
    }

    fn hash(&self, database: u32, key: &[u8]) -> u32 {
        (self.hasher.hash(key) as u32 ^ database) & HASH_MASK
    }

    fn find(&self, database: u32, key: &[u8]) -> Option<u32> {
        let mut index = *self.index.get(&self.hash(database, key))?;
        while let Some(waited) = self.keys.get(index as usize) {
            if waited.database == database && *waited.bytes == *key {
                return Some(index);
            }
            index = waited.next_alike;
        }
        None
    }

    /// The key of this name, which is made if it is new.
    fn claim(&mut self, database: u32, key: &[u8]) -> u32 {
        if let Some(index) = self.find(database, key) {
            return index;
        }
        let hash = self.hash(database, key);
        let index = self.keys.insert(WaitedKey {
            bytes: key.into(),
            database,
            next_alike: NONE,
            first: NONE,
            last: NONE,
            hearer_count: 0,
            is_listed: false,
        });
        let alike = self.index.insert(hash, index as u32);
        self.keys[index].next_alike = alike.unwrap_or(NONE);
        index as u32
    }

    /// Puts a wait at the end of a key's queue, unless it stands there.
    fn add_place(&mut self, wait: u32, key: u32) {
        let waited = &mut self.keys[key as usize];
        let previous = waited.last;
        if (self.places.get(previous as usize)).is_some_and(|last| last.wait == wait) {
            return;
        }
        let Wait {
            waiter,
            first_place,
        } = &mut self.waits[wait as usize];
        let place = self.places.insert(Place {
            wait,
            key,
            previous,
            next: NONE,
            next_of_wait: *first_place,
        }) as u32;
        *first_place = place;
        let is_heard = waiter.hears_all;
        waited.last = place;
        self.count.heard_keys += usize::from(is_heard && waited.hearer_count == 0);
        waited.hearer_count += u32::from(is_heard);
        match self.places.get_mut(previous as usize) {
            Some(previous) => previous.next = place,
            None => {
                waited.first = place;
                self.count.keys += 1;
            }
        }
        if let Some(serving) = &mut self.serving
            && serving.key == key
            && serving.next == NONE
        {
            serving.next = place;
        }
    }

    /// Takes a place out of the queue of its key; returns the next of its wait.
    fn remove_place(&mut self, index: u32, is_heard: bool) -> u32 {
        let place = self.places.remove(index as usize);
        let waited = &mut self.keys[place.key as usize];
        match self.places.get_mut(place.previous as usize) {
            Some(previous) => previous.next = place.next,
            None => waited.first = place.next,
        }
        match self.places.get_mut(place.next as usize) {
            Some(next) => next.previous = place.previous,
            None => waited.last = place.previous,
        }
        if let Some(serving) = &mut self.serving
            && serving.next == index
        {
            serving.next = place.next;
        }
        waited.hearer_count -= u32::from(is_heard);
        self.count.heard_keys -= usize::from(is_heard && waited.hearer_count == 0);
        self.count.keys -= usize::from(waited.first == NONE);
        self.forget_unused(place.key);
        place.next_of_wait
    }

    /// Lists a key as ready; false if it is listed.
    fn list(&mut self, index: u32) -> bool {
        let waited = &mut self.keys[index as usize];
        let was_listed = std::mem::replace(&mut waited.is_listed, true);
        if !was_listed {
            self.ready.push_back(index);
        }
        !was_listed
    }

    fn forget_unused(&mut self, index: u32) {
        let waited = &self.keys[index as usize];
        let is_served = (self.serving.as_ref()).is_some_and(|serving| serving.key == index);
        if waited.first != NONE || waited.is_listed || is_served {
            return;
        }
        let waited = self.keys.remove(index as usize);
        let hash = self.hash(waited.database, &waited.bytes);
        let first = self.index.get_mut(&hash).expect("a key is indexed");
        if *first == index {
            match waited.next_alike {
                NONE => _ = self.index.remove(&hash),
                next => *first = next,
            }
            return;
        }
        let mut before = *first;
        while self.keys[before as usize].next_alike != index {
            before = self.keys[before as usize].next_alike;
        }
        self.keys[before as usize].next_alike = waited.next_alike;
    }

    /// Panics if an invariant does not hold. O(places).
    #[cfg(any(test, debug_assertions))]
    pub(in crate::keyspace) fn check_invariants(&self) {
        let (mut place_count, mut waited_count, mut listed_count) = (0, 0, 0);
        for (index, key) in &self.keys {
            assert_eq!(self.find(key.database, &key.bytes), Some(index as u32));
            let (mut next, mut previous, mut hearer_count) = (key.first, NONE, 0);
            while let Some(place) = self.places.get(next as usize) {
                assert_eq!((place.key as usize, place.previous), (index, previous));
                let wait = &self.waits[place.wait as usize];
                hearer_count += u32::from(wait.waiter.hears_all);
                (previous, next) = (next, place.next);
                place_count += 1;
            }
            assert_eq!((key.last, key.hearer_count), (previous, hearer_count));
            let is_served = self
                .serving
                .is_some_and(|serving| serving.key as usize == index);
            assert!(
                key.first != NONE || key.is_listed || is_served,
                "a key is forgotten"
            );
            waited_count += usize::from(key.first != NONE);
            listed_count += usize::from(key.is_listed);
        }
        assert_eq!(place_count, self.places.len());
        assert_eq!(waited_count, self.count.keys);
        assert_eq!(listed_count, self.ready.len() + self.aside.len());
        let mut chained_count = 0;
        for (_, wait) in &self.waits {
            let mut next = wait.first_place;
            while let Some(place) = self.places.get(next as usize) {
                next = place.next_of_wait;
                chained_count += 1;
            }
        }
        assert_eq!(chained_count, place_count);
    }
}

#[cfg(test)]
mod tests;
