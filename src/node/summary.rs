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
        format!("{} keys, {} clients", self.key_count(), self.clients.len())
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
        let used_bytes = self.engine.used_memory_bytes();
        self.engine.sample_rates(now.monotonic_ms());
        let stats = self.engine.stats();
        Summary {
            clients,
            keys,
            used_bytes,
            commands: stats.counters.total_commands_processed,
            commands_per_second: stats.commands_per_second(),
            loop_turn_max_us: stats.counters.loop_turn_max_usec,
        }
    }
}
