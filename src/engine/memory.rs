//! The limit of memory: how much, and which keys make room.
//!
//! Not here: where the limit comes from (`config/memory.rs`, `server/memory_limit.rs`), choosing
//! keys (`keyspace/eviction.rs`).

use super::CacheEngine;
use crate::config::MemoryPolicy;
use crate::keyspace::EvictionRule;

impl CacheEngine {
    /// Sets how many bytes keys, values and what is kept about them may take, 0 for no limit, and
    /// takes from the configuration which keys make room. What is too much goes with the following
    /// ticks and writes.
    pub fn set_memory_limit(&mut self, bytes: u64) {
        self.stats.gauges.memory_limit_bytes = bytes;
        self.keyspace.set_limit_bytes(bytes);
        let rule = rule_of(self.config.maxmemory_policy);
        self.keyspace.set_eviction_rule(rule);
    }

    /// All memory in use, clients to the byte, and the slow log; noted for the peak in INFO.
    /// O(databases + clients).
    pub fn used_memory_bytes(&mut self) -> u64 {
        let keyspace_bytes = self.keyspace.used_bytes();
        let client_bytes = self.sessions.used_bytes() + self.stats.slow_log.used_bytes();
        let gauges = &mut self.stats.gauges;
        gauges.note_used_memory(keyspace_bytes, client_bytes)
    }

    /// Notes how much memory is in use, of clients only their buffers, for the peak in INFO.
    /// O(databases).
    pub fn note_used_memory(&mut self) {
        let gauges = &mut self.stats.gauges;
        let buffers_bytes = gauges.client_buffers_bytes as usize;
        gauges.note_used_memory(self.keyspace.used_bytes(), buffers_bytes);
    }

    /// Takes a sample of what INFO shows per second.
    pub fn sample_rates(&mut self, now_ms: u64) {
        let evicted_keys = self.keyspace.eviction_report().keys;
        self.stats.sample_rates(now_ms, evicted_keys);
    }

    /// How many bytes keys, values and what is kept about them may take; 0 for no limit.
    pub fn memory_limit_bytes(&self) -> u64 {
        self.stats.gauges.memory_limit_bytes
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
