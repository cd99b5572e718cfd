//! What a [`Cache`] is made from.
//!
//! Not here: what the limit and the policies do (`keyspace/room.rs`, `docs/EVICTION.md`).

use super::{Cache, Listener, Shared};
use crate::base::clock::{SystemClock, Timestamp};
use crate::config::{Config, MemoryLimit, MemoryPolicy};
use crate::engine::{CacheEngine, Expire};
use crate::keyspace::RemovalReason;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// A clock that the program gives.
type GivenClock = Box<dyn Fn() -> Timestamp + Send + Sync>;

/// What a cache reads the time from.
pub(super) enum Clock {
    System,
    Given(GivenClock),
}

impl Clock {
    pub(super) fn now(&self) -> Timestamp {
        match self {
            Self::System => SystemClock::wall(),
            Self::Given(clock) => clock(),
        }
    }

    /// The time for a call that only reads. Where no key has a deadline, nobody can see that it is
    /// some milliseconds late; eviction, which counts in seconds, does not mind.
    pub(super) fn now_for_a_read(&self, core: &CacheEngine) -> Timestamp {
        match self {
            Self::System if core.next_deadline_ms().is_none() => SystemClock::wall_of_last_tick(),
            Self::System | Self::Given(_) => self.now(),
        }
    }
}

/// Makes a [`Cache`]: [`Cache::builder`].
#[derive(Default)]
pub struct CacheBuilder {
    capacity_bytes: u64,
    policy: Option<MemoryPolicy>,
    lifetime: Option<Duration>,
    clock: Option<GivenClock>,
    listener: Option<Listener>,
}

impl CacheBuilder {
    /// How many bytes keys, values and what is kept about them may take; 0, as at first, for no
    /// limit.
    #[must_use]
    pub fn capacity_bytes(mut self, bytes: u64) -> Self {
        self.capacity_bytes = bytes;
        self
    }

    /// Which keys go when there is no room; at first those that are worth least.
    #[must_use]
    pub fn policy(mut self, policy: MemoryPolicy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// How long what is inserted lives, unless the insertion says otherwise; at first without end.
    #[must_use]
    pub fn default_ttl(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// Reads the time from `clock` instead of the system; each call of the cache asks it once.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Some(Box::new(clock));
        self
    }

    /// Calls `listener` with the key and the value of each string that goes, and why.
    ///
    /// The thread whose call made it go calls the listener, after the lock is given back and before
    /// that call returns. So the listener may call the cache, and what goes by that is told within.
    /// A `get_or_insert_with` of the listener for the key that is being computed waits for itself.
    /// What one call makes go comes in the order in which it went; calls of several threads are
    /// told at once. A panic of the listener is one of that call: what the call was asked for is
    /// done, and what else went by it is not told.
    ///
    /// What goes with the last clone of the cache is not told, nor are values of other types than
    /// strings, which only a snapshot file brings. Each key and value that goes is copied.
    ///
    /// ```
    /// use evenkeel::{Cache, RemovalReason};
    /// use std::sync::mpsc;
    ///
    /// let (gone, list) = mpsc::channel();
    /// let cache = Cache::builder()
    ///     .removal_listener(move |key, _, reason| {
    ///         let _ = gone.send((key.to_vec(), reason));
    ///     })
    ///     .build();
    /// cache.insert("page", "<html>")?;
    /// cache.insert("page", "<html lang=en>")?;
    /// cache.remove("page");
    /// assert_eq!(list.recv(), Ok((b"page".to_vec(), RemovalReason::Replaced)));
    /// assert_eq!(list.recv(), Ok((b"page".to_vec(), RemovalReason::Removed)));
    /// # Ok::<(), evenkeel::WriteError>(())
    /// ```
    #[must_use]
    pub fn removal_listener(
        mut self,
        listener: impl Fn(&[u8], &[u8], RemovalReason) + Send + Sync + 'static,
    ) -> Self {
        self.listener = Some(Box::new(listener));
        self
    }

    /// The cache, empty.
    pub fn build(self) -> Cache {
        let defaults = Config::default();
        let mut engine = CacheEngine::new(Config {
            maxmemory: MemoryLimit::Bytes(self.capacity_bytes),
            maxmemory_policy: self.policy.unwrap_or(defaults.maxmemory_policy),
            // Strangers who choose keys can't choose them so that they collide.
            hash_seed: RandomState::new().hash_one("hash of keys"),
            ..defaults
        });
        let clock = self.clock.map_or(Clock::System, Clock::Given);
        if self.listener.is_some() {
            engine.keep_departed();
        }
        let default_expire = self.lifetime.map_or(Expire::Never, Expire::After);
        Cache::new(Shared::new(engine, clock, default_expire, self.listener))
    }
}
