//! What INFO tells: figures of all parts of the cache, gathered at one moment.
//!
//! ```text
//!  keyspace, sessions, configuration ─┐
//!  statistics, turns                 ─┼─▶ Report ──▶ Gauges     MEMORY STATS, MEMORY DOCTOR
//!  durations of commands             ─┘          └─▶ info_text  INFO, `CacheEngine::info`
//! ```
//!
//! A report needs no client: the engine makes one from its parts (`engine/report.rs`), a command
//! from what it was given ([`Context::report`](super::Context::report)).
//!
//! Cost: O(databases + clients + commands); a percentile walks a histogram for each command.
//!
//! Not here: names and texts of the fields (`stats/table.rs`), the counting itself.

use super::host::{Host, PrimaryLink};
use super::timing::Timing;
use crate::base::clock::Timestamp;
use crate::base::command_id::CommandId;
use crate::config::{Config, MemoryLimit};
use crate::keyspace::Keyspace;
use crate::messages::Messages;
use crate::script::Figures;
use crate::session::Sessions;
use crate::stats::turns::Turns;
use crate::stats::{
    self, CommandStat, Counters, DatabaseStat, ErrorStat, FollowingFigures, Gauges, InfoSource,
    LatencyStat, Section, Statistics,
};

/// The name of a command by its number; of a subcommand `parent|name`.
pub type CommandName = fn(CommandId) -> &'static str;

/// The parts that figures are read from.
pub struct Report<'a> {
    /// The databases.
    pub keyspace: &'a Keyspace,
    /// All sessions.
    pub sessions: &'a Sessions,
    /// Who listens to messages.
    pub messages: &'a Messages,
    /// The configuration in force.
    pub config: &'a Config,
    /// The server around the cache.
    pub host: &'a Host,
    /// Counters and gauges; peaks and rates are brought up to date.
    pub stats: &'a mut Statistics,
    /// How long the turns of the loop take.
    pub turns: &'a Turns,
    /// How long commands took.
    pub timing: &'a Timing,
    /// What scripts take.
    pub scripts: Figures,
    /// The time.
    pub now: Timestamp,
}

impl<'a> Report<'a> {
    /// The text of INFO for some sections, or the default ones if none is named.
    pub fn info_text(mut self, sections: &[&[u8]], command_name: CommandName) -> String {
        let latencies = self.latencies(sections, command_name);
        let commands = self.commands(command_name);
        self.with_source(|source| {
            let source = InfoSource {
                commands: &commands,
                latencies: &latencies,
                ..*source
            };
            stats::info_text(sections, &source)
        })
    }

    /// Calls `read` with all figures but those of single commands.
    pub fn with_source<T>(&mut self, read: impl FnOnce(&InfoSource<'_>) -> T) -> T {
        let gauges = self.gauges();
        let counters = self.counters();
        let errors = self.stats.errors();
        let errors: Vec<ErrorStat<'_>> = errors
            .map(|(code, count)| ErrorStat { code, count })
            .collect();
        read(&InfoSource {
            counters: &counters,
            gauges: &gauges,
            commands: &[],
            command_busy_us: self.stats.command_busy_us(),
            latencies: &[],
            errors: &errors,
            databases: &self.databases(),
        })
    }

    /// The totals, those that the keyspace counts included.
    fn counters(&self) -> Counters {
        let evicted = self.keyspace.eviction_report();
        let expired = self.keyspace.expiry_report();
        Counters {
            expired_keys: expired.keys.count,
            expired_subkeys: expired.fields.count,
            evicted_keys: evicted.keys,
            evicted_bytes: evicted.bytes,
            eviction_examined_keys: evicted.examined,
            eviction_ghost_hits: evicted.ghost_hits,
            evicted_scripts: self.scripts.evicted_count,
            ..self.stats.counters.clone()
        }
    }

    /// How often each command was called.
    pub(super) fn commands(&self, command_name: CommandName) -> Vec<CommandStat<'static>> {
        let commands = self.stats.commands();
        commands
            .map(|(number, count)| CommandStat {
                name: command_name(number),
                calls: count.calls,
                usec: count.busy_ns / 1_000,
                rejected_calls: count.rejected_calls,
                failed_calls: count.failed_calls,
            })
            .collect()
    }

    /// How long commands took, if the request wants to know: this walks a histogram a command.
    fn latencies(&self, sections: &[&[u8]], command_name: CommandName) -> Vec<LatencyStat<'a>> {
        let config = self.config;
        let percentiles = &config.latency_percentiles;
        if !Section::Latencystats.is_asked_for(sections) || percentiles.is_empty() {
            return Vec::new();
        }
        let tracked = self.timing.all_durations();
        tracked
            .map(|(number, durations)| LatencyStat {
                name: command_name(number),
                percentiles: percentiles
                    .iter()
                    .map(|percentile| {
                        let duration_ns = durations.percentile(percentile.value());
                        (percentile.text(), duration_ns as f64 / 1_000.0)
                    })
                    .collect(),
            })
            .collect()
    }

    fn databases(&self) -> Vec<DatabaseStat> {
        let now_ms = self.now.unix_ms();
        (0..self.keyspace.database_count())
            .map(|index| {
                let size = self.keyspace.size(index);
                DatabaseStat {
                    index: index as u32,
                    keys: size.keys as u64,
                    expires: size.expires as u64,
                    field_expires: size.field_expires as u64,
                    avg_ttl_ms: self.keyspace.average_ttl_ms(index, now_ms),
                }
            })
            .collect()
    }

    fn following(&self) -> Option<FollowingFigures> {
        let following = self.host.following.as_ref()?;
        let now_ms = self.now.monotonic_ms();
        let seconds_since = |then_ms: u64| now_ms.saturating_sub(then_ms) / 1_000;
        let is_up = following.link == PrimaryLink::Up;
        let is_loading = following.link == PrimaryLink::Loading;
        Some(FollowingFigures {
            host: following.host.clone(),
            port: following.port,
            is_up,
            is_loading,
            heard_seconds_ago: (is_up || is_loading).then(|| seconds_since(following.heard_ms)),
            read_offset: following.read_offset,
            applied_offset: following.applied_offset,
            file_bytes: following.file_bytes,
            file_read_bytes: following.file_read_bytes,
            down_seconds: (!is_up).then(|| seconds_since(following.down_since_ms)),
        })
    }

    /// What the node and the reactor keep up to date, and what is read from scripts, messages and
    /// tracked keys now.
    fn of_scripts_and_messages(&self) -> Gauges {
        let (keyspace, scripts, messages) = (self.keyspace, self.scripts, self.messages);
        let tracked = keyspace.tracked_counts().map(|count| count as u64);
        Gauges {
            script_count: scripts.script_count,
            script_bytes: scripts.script_bytes,
            script_machine_bytes: scripts.machine_bytes,
            library_count: scripts.library_count,
            function_count: scripts.function_count,
            library_bytes: scripts.library_bytes,
            library_machine_bytes: scripts.library_machine_bytes,
            tracking_clients: self.sessions.trackers.len() as u64,
            tracking_total_keys: tracked[0],
            tracking_total_items: tracked[1],
            tracking_total_prefixes: tracked[2],
            tracking_bytes: keyspace.tracked_bytes() as u64,
            pubsub_clients: messages.client_count as u64,
            pubsub_channels: messages.channels.len() as u64,
            pubsub_patterns: messages.patterns.len() as u64,
            pubsubshard_channels: messages.shard_channels.len() as u64,
            messages_under_way_bytes: messages.mailbox.used_bytes() as u64,
            ..self.stats.gauges.clone()
        }
    }

    /// The values of the moment: what the node and the reactor keep up to date, and what is read
    /// from keyspace and sessions now. Takes a sample of the rates and notes the peaks.
    pub fn gauges(&mut self) -> Gauges {
        let now = self.now;
        let keyspace = self.keyspace;
        let (expired, evicted) = (keyspace.expiry_report(), keyspace.eviction_report());
        let longest_turn = self.turns.longest();
        let snapshots = &self.host.snapshots;
        let waited = keyspace.waited_key_count();
        let keyspace_bytes = keyspace.used_bytes();
        let keyspace_overhead_bytes = keyspace.overhead_bytes() as u64;
        let stats = &mut *self.stats;
        let session_bytes = self.sessions.used_bytes() + stats.slow_log.used_bytes();
        stats.sample_rates(now.monotonic_ms(), evicted.keys);
        let used_memory_bytes = stats.gauges.note_used_memory(keyspace_bytes, session_bytes);
        let base = self.of_scripts_and_messages();
        let stats = &*self.stats;
        Gauges {
            following: self.following(),
            memory_limit_bytes: self.keyspace.limit_bytes(),
            memory_limit_is_auto: self.config.maxmemory == MemoryLimit::Auto,
            memory_policy: self.config.maxmemory_policy.name(),
            now_usec: now.unix_us,
            changes_since_save: keyspace
                .dirty_count()
                .saturating_sub(snapshots.saved_dirty_count),
            last_save_unix_seconds: snapshots.last_unix_seconds,
            last_save_failed: snapshots.last_failed,
            snapshot_in_progress: snapshots.is_in_progress,
            config_file: self.host.config_file.clone(),
            eviction_ghost_bytes: evicted.ghost_bytes,
            evictions_per_second: stats.evictions_per_second(),
            uptime_seconds: now.monotonic_us / 1_000_000,
            connected_clients: self.sessions.len() as u64,
            blocked_clients: self.sessions.blocked_count() as u64,
            clients_in_timeout_table: self.sessions.timed_count() as u64,
            total_blocking_keys: waited.keys as u64,
            total_blocking_keys_on_nokey: waited.heard_keys as u64,
            maxclients: u64::from(self.config.maxclients),
            used_memory_bytes,
            used_memory_overhead_bytes: session_bytes as u64 + keyspace_overhead_bytes,
            keyspace_overhead_bytes,
            keyspace_bytes: keyspace_bytes as u64,
            entries_held_bytes: keyspace.held_entry_bytes() as u64,
            snapshot_held_bytes: keyspace.cut_held_bytes() as u64,
            lazyfree_pending_objects: keyspace.pending_free_keys() as u64,
            commands_per_second: stats.commands_per_second(),
            input_bytes_per_second: stats.input_bytes_per_second(),
            output_bytes_per_second: stats.output_bytes_per_second(),
            turns_per_second: stats.turns_per_second(),
            mean_turn_usec: stats.mean_turn_usec(),
            expiry_next_deadline_ms: keyspace.next_deadline_ms(),
            expire_lag_p50_usec: expired.keys.lag_p50_ms * 1000,
            expire_lag_p99_usec: expired.keys.lag_p99_ms * 1000,
            expire_lag_max_usec: expired.keys.lag_max_ms * 1000,
            field_expire_lag_p50_usec: expired.fields.lag_p50_ms * 1000,
            field_expire_lag_p99_usec: expired.fields.lag_p99_ms * 1000,
            field_expire_lag_max_usec: expired.fields.lag_max_ms * 1000,
            loop_turn_p50_usec: self.turns.percentile_us(50.0),
            loop_turn_p99_usec: self.turns.percentile_us(99.0),
            loop_turn_p999_usec: self.turns.percentile_us(99.9),
            loop_turn_max_serve_usec: longest_turn.serve_us,
            loop_turn_max_work_usec: longest_turn.work_us,
            loop_turn_max_read_usec: longest_turn.read_us,
            loop_turn_max_save_usec: longest_turn.save_us,
            loop_turn_max_page_usec: longest_turn.page_us,
            loop_turn_max_follow_usec: longest_turn.follow_us,
            loop_turn_max_write_usec: longest_turn.write_us,
            ..base
        }
    }
}
