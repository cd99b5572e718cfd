//! A server at a glance: for its operator and its service manager.
//!
//! Not here: everything else there is to know (`stats/`, INFO).

use super::Node;
use crate::base::clock::Timestamp;
use std::fmt;

/// What a person asks first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Open connections.
    pub clients: usize,
    /// Keys in all databases.
    pub keys: u64,
    /// Memory of keys, values and clients.
    pub used_bytes: u64,
    /// Commands executed since the start.
    pub commands: u64,
    /// Commands per second, lately.
    pub commands_per_second: u64,
    /// The longest turn of the loop so far, in microseconds.
    pub loop_turn_max_us: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} clients, {} keys, {} bytes used, {} commands, {} per second, longest turn {} us",
            self.clients,
            self.keys,
            self.used_bytes,
            self.commands,
            self.commands_per_second,
            self.loop_turn_max_us
        )
    }
}

impl Node {
    /// The shortest form, for the status line of a service. O(databases).
    pub fn status(&mut self) -> String {
        format!(
            "{} keys, {} clients",
            self.key_count(),
            self.connections.len()
        )
    }

    fn key_count(&mut self) -> u64 {
        let keyspace = self.engine.keyspace_mut();
        let databases = 0..keyspace.database_count();
        databases
            .map(|index| keyspace.size(index).keys as u64)
            .sum()
    }

    /// The server at a glance. O(databases + clients).
    pub fn summary(&mut self, now: Timestamp) -> Summary {
        let clients = self.connection_count();
        let keys = self.key_count();
        let sessions_bytes = self.engine.sessions().used_bytes() as u64;
        let used_bytes = self.engine.keyspace_mut().used_bytes() as u64 + sessions_bytes;
        self.sample_rates(now.monotonic_ms());
        let stats = self.engine.stats();
        Summary {
            clients,
            keys,
            used_bytes: stats.gauges.used_memory_startup_bytes + used_bytes,
            commands: stats.counters.total_commands_processed,
            commands_per_second: stats.commands_per_second(),
            loop_turn_max_us: stats.counters.loop_turn_max_usec,
        }
    }

    /// Takes a sample of what INFO shows per second.
    pub(super) fn sample_rates(&mut self, now_ms: u64) {
        let evicted_keys = self.engine.keyspace_mut().eviction_report().keys;
        self.engine.stats_mut().sample_rates(now_ms, evicted_keys);
    }

    /// Notes how much memory is in use, for the peak in INFO. O(databases).
    pub(super) fn note_used_memory(&mut self) {
        let keyspace_bytes = self.engine.keyspace_mut().used_bytes() as u64;
        let gauges = &mut self.engine.stats_mut().gauges;
        let used_bytes =
            gauges.used_memory_startup_bytes + keyspace_bytes + gauges.client_buffers_bytes;
        gauges.note_used_memory(used_bytes, keyspace_bytes);
    }
}
