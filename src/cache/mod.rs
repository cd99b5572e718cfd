//! Rank 9: the cache for programs with threads: [`Cache`], a [`CacheEngine`] behind a lock, with a
//! clock.
//!
//! ```text
//!  Cache ─▶ shared ─┬─ core: one lock ─▶ CacheEngine, clock      every call
//!  clones ──┘       ├─ flights ─▶ key ─▶ flight                  values that are being computed
//!                   └─ listener ◀─ what went                     after the lock is given back
//! ```
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | the calls |
//! | `builder.rs` | what a cache is made from |
//! | `flights.rs` | who computes a missing value, and who waits for it |
//! | `keys.rs` | all keys, page by page |
//! | `typed.rs` | keys and values of Rust types, by serde; the feature `typed` |
//!
//! 1. The lock is held for one call on the engine, never while a value is computed. Of the caller's
//!    code only closures that look at a value in place run under it.
//! 2. No thread of its own: each call sets the time, by which the engine does one bounded slice of
//!    what is due (`CacheEngine::tick`).
//! 3. A panic within the engine poisons the lock, so that nobody reads a half-made change; a panic
//!    of the caller's closure does not.
//!
//! Not here: what a call does to the keys (`engine/typed/`), the snapshot file (`persistence/`).

mod builder;
mod flights;
mod keys;
#[cfg(feature = "typed")]
mod typed;

pub use builder::CacheBuilder;
use builder::Clock;
pub use keys::Keys;
#[cfg(feature = "typed")]
pub use typed::{TypedCache, TypedError};

use crate::base::clock::Timestamp;
use crate::engine::{CacheEngine, Expire, TimeToLive, WriteError};
use crate::keyspace::{Departed, RemovalReason};
use crate::persistence::{LoadReport, PersistError};
use flights::{Flights, Seat};
use keys::PAGE_KEYS;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Whom a cache tells what goes: key, value, reason.
type Listener = Box<dyn Fn(&[u8], &[u8], RemovalReason) + Send + Sync>;

/// A cache of bytes by bytes with a limit of memory, for all threads of a program.
///
/// A clone is the same cache. Calls take a lock for the time of one lookup; a caller who computes a
/// value holds none.
///
/// ```
/// use evenkeel::Cache;
/// use std::time::Duration;
///
/// let cache = Cache::builder().capacity_bytes(64 << 20).build();
/// cache.insert("page", "<html>")?;
/// cache.insert_for("session", "ada", Duration::from_secs(60))?;
/// assert_eq!(cache.get("page"), Some(b"<html>".to_vec()));
/// assert_eq!(cache.get_or_insert_with("sum", || b"42".to_vec()), b"42");
/// # Ok::<(), evenkeel::WriteError>(())
/// ```
#[derive(Clone)]
pub struct Cache {
    shared: Arc<Shared>,
}

struct Shared {
    core: Mutex<CacheEngine>,
    clock: Clock,
    default_expire: Expire,
    flights: Flights,
    listener: Option<Listener>,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Shared {
    fn new(
        engine: CacheEngine,
        clock: Clock,
        default_expire: Expire,
        listener: Option<Listener>,
    ) -> Self {
        Self {
            core: Mutex::new(engine),
            clock,
            default_expire,
            flights: Flights::default(),
            listener,
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// Tells the listener what went.
    fn tell(&self, departed: &Departed) {
        if let Some(listener) = &self.listener {
            for (key, value, reason) in departed.iter() {
                listener(key, value, reason);
            }
        }
    }
}

impl Cache {
    /// Begins a cache: no limit of memory, no deadlines, the clock of the system, a random seed.
    pub fn builder() -> CacheBuilder {
        CacheBuilder::default()
    }

    fn new(shared: Shared) -> Self {
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The value of a key, if there is one. Copies it.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        self.look(|core| {
            let value = core.get(key.as_ref());
            self.count(value.is_some());
            value
        })
    }

    /// Lends the value of a key to `look`, without a copy, if there is one.
    ///
    /// The cache is locked meanwhile, for the value could go otherwise: other threads wait, and
    /// `look` must not call the cache, or its thread waits for itself for ever. What takes long is
    /// better done on a copy ([`Cache::get`]).
    pub fn get_with<R>(&self, key: impl AsRef<[u8]>, look: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let seen = self.look(|core| {
            let seen = core.get_with(key.as_ref(), |value| {
                catch_unwind(AssertUnwindSafe(|| look(value)))
            });
            self.count(seen.is_some());
            seen
        });
        match seen? {
            Ok(result) => Some(result),
            Err(panic) => resume_unwind(panic),
        }
    }

    /// The values of some keys, in their order, all of one moment.
    pub fn get_many<K: AsRef<[u8]>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Vec<Option<Vec<u8>>> {
        // The caller's iterator may do anything, so it runs before the lock is taken.
        let keys: Vec<K> = keys.into_iter().collect();
        self.look(|core| {
            let values = keys.iter().map(|key| {
                let value = core.get(key.as_ref());
                self.count(value.is_some());
                value
            });
            values.collect()
        })
    }

    /// Sets a key, whatever it held; it lives as long as the builder said.
    ///
    /// # Errors
    /// [`WriteError::OutOfMemory`] and [`WriteError::TooLong`].
    pub fn insert(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<(), WriteError> {
        self.set(key.as_ref(), value.as_ref(), self.shared.default_expire)
    }

    /// Sets a key, whatever it held; it lives for `lifetime`, to the millisecond.
    ///
    /// # Errors
    /// As [`Cache::insert`].
    pub fn insert_for(
        &self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
        lifetime: Duration,
    ) -> Result<(), WriteError> {
        self.set(key.as_ref(), value.as_ref(), Expire::After(lifetime))
    }

    /// Sets a key that is not there. Returns whether it was not.
    ///
    /// # Errors
    /// As [`Cache::insert`].
    pub fn insert_if_absent(
        &self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
    ) -> Result<bool, WriteError> {
        let (key, value, expire) = (key.as_ref(), value.as_ref(), self.shared.default_expire);
        self.on_core(|core| {
            if core.contains(key) {
                return Ok(false);
            }
            core.set(key, value, expire)?;
            core.settle_memory();
            Ok(true)
        })
    }

    /// The value of a key; if there is none, what `compute` makes, which is kept under the key. See
    /// [`Cache::try_get_or_insert_with`].
    pub fn get_or_insert_with(
        &self,
        key: impl AsRef<[u8]>,
        compute: impl FnOnce() -> Vec<u8>,
    ) -> Vec<u8> {
        match self.try_get_or_insert_with(key, || Ok::<_, Infallible>(compute())) {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    /// The value of a key; if there is none, what `compute` makes, which is kept under the key.
    ///
    /// Of all callers who miss a key at once one computes, and the others wait for its value. If it
    /// fails or panics, one of those who wait computes instead. A value that does not fit below the
    /// limit is returned and not kept. `compute` may call the cache, but for the same key.
    ///
    /// # Errors
    /// What this caller's `compute` says.
    pub fn try_get_or_insert_with<E>(
        &self,
        key: impl AsRef<[u8]>,
        compute: impl FnOnce() -> Result<Vec<u8>, E>,
    ) -> Result<Vec<u8>, E> {
        let key = key.as_ref();
        if let Some(value) = self.get(key) {
            return Ok(value);
        }
        loop {
            match self.shared.flights.join(key) {
                Seat::Pilot(pilot) => {
                    // Another flight may have landed between the look above and this one's begin.
                    if let Some(value) = self.look(|core| core.get(key)) {
                        return Ok(value);
                    }
                    let value = compute()?;
                    // What does not fit is not kept; the caller has it all the same.
                    let _ = self.insert(key, &value);
                    pilot.land(value.clone());
                    return Ok(value);
                }
                Seat::Passenger(flight) => {
                    if let Some(value) = flight.wait() {
                        return Ok(value);
                    }
                }
            }
        }
    }

    /// Removes a key. Returns whether there was one.
    pub fn remove(&self, key: impl AsRef<[u8]>) -> bool {
        self.on_core(|core| core.delete(key.as_ref()))
    }

    /// Sets when a key expires. Returns whether there is one.
    pub fn expire(&self, key: impl AsRef<[u8]>, expire: Expire) -> bool {
        self.on_core(|core| core.expire(key.as_ref(), expire))
    }

    /// How long a key lives.
    pub fn ttl(&self, key: impl AsRef<[u8]>) -> TimeToLive {
        self.on_core(|core| core.ttl(key.as_ref()))
    }

    /// Whether there is such a key. Neither a hit nor a miss.
    pub fn contains(&self, key: impl AsRef<[u8]>) -> bool {
        self.on_core(|core| core.contains(key.as_ref()))
    }

    /// All keys, in no order, each copied. Neither hits nor misses, and eviction does not take
    /// them for used.
    ///
    /// The walk takes the lock for a page of some dozens of keys at a time, so it is no picture of
    /// one moment: a key that is there from its begin to its end comes once, no key comes twice,
    /// and one that is inserted or goes meanwhile may come or not.
    ///
    /// ```
    /// # let cache = evenkeel::Cache::builder().build();
    /// cache.insert("page:1", "<html>")?;
    /// cache.insert("page:2", "<html>")?;
    /// let mut keys: Vec<Vec<u8>> = cache.iter().collect();
    /// keys.sort();
    /// assert_eq!(keys, [b"page:1", b"page:2"]);
    /// # Ok::<(), evenkeel::WriteError>(())
    /// ```
    pub fn iter(&self) -> Keys {
        Keys::new(self.clone())
    }

    /// Removes each key for which `keep` says false of its key and value. O(keys).
    ///
    /// It walks as [`Cache::iter`] does, with the same promise. `keep` runs under the lock, with
    /// the same duties as the closure of [`Cache::get_with`]; other threads have their turns
    /// between the pages. After a panic of `keep` what it had refused before is gone, and the rest
    /// stays.
    pub fn retain(&self, mut keep: impl FnMut(&[u8], &[u8]) -> bool) {
        let mut panicked = None;
        let mut cursor = Some(0);
        while let Some(from) = cursor {
            let guarded = |key: &[u8], value: &[u8]| {
                if panicked.is_some() {
                    return true;
                }
                let said = catch_unwind(AssertUnwindSafe(|| keep(key, value)));
                said.unwrap_or_else(|panic| {
                    panicked = Some(panic);
                    true
                })
            };
            cursor = self.on_core(|core| core.retain_page(from, PAGE_KEYS, guarded));
            if let Some(panic) = panicked.take() {
                resume_unwind(panic);
            }
        }
    }

    /// Removes all keys: in one moment, and their memory comes back with the following calls, a
    /// slice each. With a listener, which wants to know them, O(keys), in a walk as that of
    /// [`Cache::retain`].
    pub fn clear(&self) {
        if self.shared.listener.is_none() {
            return self.on_core(CacheEngine::clear);
        }
        let mut cursor = Some(0);
        while let Some(from) = cursor {
            cursor = self.on_core(|core| core.remove_page(from, PAGE_KEYS));
        }
    }

    /// How many keys there are, due ones that are not yet removed included.
    pub fn len(&self) -> usize {
        self.on_core(|core| core.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of keys, values, tables and what waits to be freed, allocator rounding included.
    pub fn used_bytes(&self) -> usize {
        self.on_core(|core| core.used_bytes())
    }

    /// How many times a value was asked for and there.
    pub fn hits(&self) -> u64 {
        self.shared.hits.load(Ordering::Relaxed)
    }

    /// How many times a value was asked for and not there.
    pub fn misses(&self) -> u64 {
        self.shared.misses.load(Ordering::Relaxed)
    }

    /// How many keys went because others needed their memory.
    pub fn evictions(&self) -> u64 {
        self.on_core(|core| core.evicted_keys())
    }

    /// Saves the cache to a snapshot file, atomically and durably. Others wait meanwhile. O(bytes).
    ///
    /// # Errors
    /// What the disk says; the file then is as it was, or whole and new.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), PersistError> {
        self.on_core(|core| core.save(path))
    }

    /// Loads a snapshot file over what is in the cache. Others wait meanwhile. O(bytes). A listener
    /// is told afterwards what went for it, which is kept until then besides the cache.
    ///
    /// # Errors
    /// As [`CacheEngine::load`].
    pub fn load(&self, path: impl AsRef<Path>) -> Result<LoadReport, PersistError> {
        self.on_core(|core| core.load(path))
    }

    fn set(&self, key: &[u8], value: &[u8], expire: Expire) -> Result<(), WriteError> {
        self.on_core(|core| {
            core.set(key, value, expire)?;
            core.settle_memory();
            Ok(())
        })
    }

    /// Calls the engine at the present time, one slice of its work done, and tells the listener
    /// what went by that.
    fn on_core<R>(&self, call: impl FnOnce(&mut CacheEngine) -> R) -> R {
        self.call_at(|clock, _| clock.now(), call)
    }

    /// As [`Cache::on_core`], for a call that only reads.
    fn look<R>(&self, call: impl FnOnce(&mut CacheEngine) -> R) -> R {
        self.call_at(Clock::now_for_a_read, call)
    }

    #[inline]
    fn call_at<R>(
        &self,
        time: impl FnOnce(&Clock, &CacheEngine) -> Timestamp,
        call: impl FnOnce(&mut CacheEngine) -> R,
    ) -> R {
        let shared = &*self.shared;
        let lock = shared.core.lock();
        let mut core = lock.expect("no call has panicked within the engine");
        let now = time(&shared.clock, &core);
        core.advance_to(now);
        let result = call(&mut core);
        if shared.listener.is_some() {
            let departed = core.take_departed();
            drop(core);
            if !departed.is_empty() {
                shared.tell(&departed);
            }
        }
        result
    }

    /// Counts a read. To be called under the lock: so no other thread counts meanwhile, and no
    /// exclusive instruction is needed.
    fn count(&self, is_hit: bool) {
        let counter = match is_hit {
            true => &self.shared.hits,
            false => &self.shared.misses,
        };
        let count = counter.load(Ordering::Relaxed);
        counter.store(count.wrapping_add(1), Ordering::Relaxed);
    }
}
