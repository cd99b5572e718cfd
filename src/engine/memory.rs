//! The limit of memory: how much, and which keys make room.
//!
//! Not here: where the limit comes from (`config/memory.rs`, `server/memory_limit.rs`), choosing
//! keys (`keyspace/eviction.rs`), how much is in use (`report.rs`).

use super::CacheEngine;
use crate::config::MemoryPolicy;
use crate::keyspace::EvictionRule;

impl CacheEngine {
    /// Sets how many bytes keys, values and what is kept about them may take, 0 for no limit, and
    /// takes from the configuration which keys make room. What is too much goes with the following
    /// ticks and writes.
    pub fn set_memory_limit(&mut self, bytes: u64) {
        self.keyspace.set_limit_bytes(bytes);
        let rule = rule_of(self.config.maxmemory_policy);
        self.keyspace.set_eviction_rule(rule);
    }

    /// How many bytes keys, values and what is kept about them may take; 0 for no limit.
    pub fn memory_limit_bytes(&self) -> u64 {
        self.keyspace.limit_bytes()
    }

    /// After a write that may have gone above the limit: makes room at once, as far as keys may go.
    pub(crate) fn settle_memory(&mut self) {
        self.keyspace.settle_overhead();
        if self.keyspace.is_over_limit() {
            self.keyspace.make_room_at_once(0, self.now.unix_ms());
        }
    }

    /// How many keys went because others needed their memory.
    pub(crate) fn evicted_keys(&self) -> u64 {
        self.keyspace.eviction_report().keys
    }
}

/// What stands behind the names of Redis: one measure of worth for `lru` and `lfu`.
fn rule_of(policy: MemoryPolicy) -> EvictionRule {
    match policy {
        MemoryPolicy::Noeviction => EvictionRule::Never,
        MemoryPolicy::AllkeysLru | MemoryPolicy::AllkeysLfu => EvictionRule::AllByWorth,
        MemoryPolicy::AllkeysRandom => EvictionRule::AllRandom,
        MemoryPolicy::VolatileLru | MemoryPolicy::VolatileLfu => EvictionRule::VolatileByWorth,
        MemoryPolicy::VolatileRandom => EvictionRule::VolatileRandom,
        MemoryPolicy::VolatileTtl => EvictionRule::VolatileByDeadline,
    }
}
