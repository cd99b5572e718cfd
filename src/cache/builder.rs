//! What a [`Cache`] is made from.
//!
//! Not here: what the limit and the policies do (`keyspace/room.rs`, `docs/EVICTION.md`).

use super::{Cache, Clock};
use crate::base::clock::{SystemClock, Timestamp};
use crate::config::{Config, MemoryLimit, MemoryPolicy};
use crate::engine::{CacheEngine, Expire};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Makes a [`Cache`]: [`Cache::builder`].
#[derive(Default)]
pub struct CacheBuilder {
    capacity_bytes: u64,
    policy: Option<MemoryPolicy>,
    lifetime: Option<Duration>,
    clock: Option<Clock>,
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

    /// The cache, empty.
    pub fn build(self) -> Cache {
        let defaults = Config::default();
        let engine = CacheEngine::new(Config {
            maxmemory: MemoryLimit::Bytes(self.capacity_bytes),
            maxmemory_policy: self.policy.unwrap_or(defaults.maxmemory_policy),
            // Strangers who choose keys can't choose them so that they collide.
            hash_seed: RandomState::new().hash_one("hash of keys"),
            ..defaults
        });
        let clock = self.clock.unwrap_or_else(|| {
            let clock = SystemClock::new();
            Box::new(move || clock.now())
        });
        let default_expire = self.lifetime.map_or(Expire::Never, Expire::After);
        Cache::new(engine, clock, default_expire)
    }
}
