//! The metrics that change: one row each, and nothing else to touch when one is added.
//!
//! ```text
//! counter!(field, Section, Unit, "doc")                           named as the counter, resettable
//! row("name", Section, Unit, "doc", |source| value)               anything else
//! ```
//!
//! 1. Within a section, rows are listed in the order they are written here. Tools look for the
//!    first place a name occurs, so a name stands before names that contain it (`info.rs` tests).
//!
//! After a change run `UPDATE_DOCS=1 cargo test --test metrics_docs` to rewrite the page.
//!
//! Not here: fields that never change (`constant.rs`), the lines of commands, errors and databases
//! (`info.rs`).

use super::Section::{Clients, Cpu, Memory, Persistence, Replication, Server, Stats};
use super::Unit::{
    self, Bytes, Count, Days, KibibytesPerSecond, Microseconds, Milliseconds, PerSecond, Ratio,
    Seconds, Text,
};
use super::value::{percent, ratio};
use super::{Counters, Section, Value};
use super::{InfoSource, REDIS_VERSION, VERSION};

/// One metric: everything INFO, its reset and the documentation need.
#[derive(Debug, Clone, Copy)]
pub struct MetricRow {
    /// Name in INFO.
    pub name: &'static str,
    /// Section it is listed in.
    pub section: Section,
    /// Unit of the value.
    pub unit: Unit,
    /// One sentence for users.
    pub doc: &'static str,
    /// The value at the moment.
    pub value: for<'a> fn(&'a InfoSource<'a>) -> Value<'a>,
    /// Sets the counter back to zero, for `CONFIG RESETSTAT`; `None` if that leaves it alone.
    pub reset: Option<fn(&mut Counters)>,
}

const fn row(
    name: &'static str,
    section: Section,
    unit: Unit,
    doc: &'static str,
    value: for<'a> fn(&'a InfoSource<'a>) -> Value<'a>,
) -> MetricRow {
    MetricRow {
        name,
        section,
        unit,
        doc,
        value,
        reset: None,
    }
}

/// A row that reports the counter of the same name.
macro_rules! counter {
    ($field:ident, $section:ident, $unit:ident, $doc:literal) => {
        MetricRow {
            reset: Some(|counters| counters.$field = 0),
            ..row(stringify!($field), $section, $unit, $doc, |source| {
                Value::Unsigned(source.counters.$field)
            })
        }
    };
}

impl Counters {
    /// Sets every resettable counter to zero, as `CONFIG RESETSTAT` does.
    pub fn reset(&mut self) {
        for reset in ROWS.iter().filter_map(|row| row.reset) {
            reset(self);
        }
    }
}

/// One row per metric, by section and in the order they are listed.
#[rustfmt::skip]
pub static ROWS: &[MetricRow] = &[
    row("redis_version", Server, Text, "Version of Redis whose commands are offered.",
        |_| Value::Text(REDIS_VERSION)),
    row("redis_build_id", Server, Text, "`evenkeel_version` under another name.",
        |_| Value::Text(VERSION)),
    row("evenkeel_version", Server, Text, "Version of Evenkeel.",
        |_| Value::Text(VERSION)),
    row("os", Server, Text, "Operating system, its release, and the machine's type.",
        |source| Value::Text(&source.gauges.os)),
    row("arch_bits", Server, Count, "Bits of a pointer.",
        |_| Value::Unsigned(u64::from(usize::BITS))),
    row("multiplexing_api", Server, Text, "How readiness of connections is polled.",
        |source| Value::Text(&source.gauges.multiplexing_api)),
    row("process_id", Server, Count, "Id of the server's process.",
        |source| Value::Unsigned(source.gauges.process_id.into())),
    row("process_supervised", Server, Text, "`systemd` if a service manager is told of the start, else `no`.",
        |source| Value::Text(if source.gauges.is_supervised { "systemd" } else { "no" })),
    row("run_id", Server, Text, "Forty hexadecimal digits drawn at start.",
        |source| Value::Text(&source.gauges.run_id)),
    row("tcp_port", Server, Count, "TCP port listened on; 0 for none.",
        |source| Value::Unsigned(source.gauges.tcp_port.into())),
    row("server_time_usec", Server, Microseconds, "Time of day since 1970.",
        |source| Value::Unsigned(source.gauges.now_usec)),
    row("uptime_in_seconds", Server, Seconds, "Time since the server started.",
        |source| Value::Unsigned(source.gauges.uptime_seconds)),
    row("uptime_in_days", Server, Days, "Time since the server started, in whole days.",
        |source| Value::Unsigned(source.gauges.uptime_seconds / 86_400)),
    row("lru_clock", Server, Seconds, "Time of day in whole seconds, its lower 24 bits.",
        |source| Value::Unsigned(source.gauges.now_usec / 1_000_000 % (1 << 24))),
    row("executable", Server, Text, "Path of the program.",
        |source| Value::Text(&source.gauges.executable)),
    row("config_file", Server, Text, "Path of the configuration file; empty for none.",
        |source| Value::Text(&source.gauges.config_file)),

    row("connected_clients", Clients, Count, "Open client connections.",
        |source| Value::Unsigned(source.gauges.connected_clients)),
    row("maxclients", Clients, Count, "Most connections allowed.",
        |source| Value::Unsigned(source.gauges.maxclients)),
    row("client_recent_max_input_buffer", Clients, Bytes,
        "Largest input buffer of a client in the last seconds.",
        |source| Value::Unsigned(source.gauges.client_input_buffer_max_bytes)),
    row("client_recent_max_output_buffer", Clients, Bytes,
        "Largest output buffer of a client in the last seconds.",
        |source| Value::Unsigned(source.gauges.client_output_buffer_max_bytes)),
    row("blocked_clients", Clients, Count,
        "Clients that wait for keys or for the end of `CLIENT PAUSE`.",
        |source| Value::Unsigned(source.gauges.blocked_clients)),
    row("clients_in_timeout_table", Clients, Count, "Clients that wait for keys, and not for ever.",
        |source| Value::Unsigned(source.gauges.clients_in_timeout_table)),
    row("watching_clients", Clients, Count, "Clients that WATCH a key.",
        |source| Value::Unsigned(source.gauges.watching_clients)),
    row("total_blocking_keys", Clients, Count, "Keys that clients wait for.",
        |source| Value::Unsigned(source.gauges.total_blocking_keys)),
    row("total_blocking_keys_on_nokey", Clients, Count,
        "Keys of which a waiting client is told when they go.",
        |source| Value::Unsigned(source.gauges.total_blocking_keys_on_nokey)),

    row("used_memory", Memory, Bytes,
        "Memory of keys, values, what is kept about them, and clients; `maxmemory` limits it, less `mem_not_counted_for_evict`.",
        |source| Value::Unsigned(source.gauges.used_memory_bytes)),
    row("used_memory_human", Memory, Bytes, "The same with a unit.",
        |source| Value::HumanBytes(source.gauges.used_memory_bytes)),
    row("used_memory_rss", Memory, Bytes, "Resident memory of the process; 0 if unknown.",
        |source| Value::Unsigned(source.gauges.used_memory_rss_bytes)),
    row("used_memory_rss_human", Memory, Bytes, "The same with a unit.",
        |source| Value::HumanBytes(source.gauges.used_memory_rss_bytes)),
    row("used_memory_peak", Memory, Bytes, "The most that `used_memory` has been.",
        |source| Value::Unsigned(source.gauges.peak_bytes())),
    row("used_memory_peak_human", Memory, Bytes, "The same with a unit.",
        |source| Value::HumanBytes(source.gauges.peak_bytes())),
    row("used_memory_peak_perc", Memory, Unit::Percent, "`used_memory`, of the peak.",
        |source| percent(source.gauges.used_memory_bytes, source.gauges.peak_bytes())),
    row("used_memory_overhead", Memory, Bytes, "Memory not taken by keys and values.",
        |source| Value::Unsigned(source.gauges.used_memory_overhead_bytes)),
    row("process_startup_rss", Memory, Bytes, "Resident memory of the process just after the start.",
        |source| Value::Unsigned(source.gauges.resident_startup_bytes)),
    row("used_memory_dataset", Memory, Bytes, "Memory taken by keys and values.",
        |source| Value::Unsigned(source.gauges.dataset_bytes())),
    row("used_memory_dataset_perc", Memory, Unit::Percent,
        "Memory taken by keys and values, of `used_memory`.",
        |source| percent(source.gauges.dataset_bytes(), source.gauges.used_memory_bytes)),
    row("allocator_allocated", Memory, Bytes,
        "The same as `used_memory`.",
        |source| Value::Unsigned(source.gauges.used_memory_bytes)),
    row("allocator_active", Memory, Bytes,
        "The same, with the room between entries that is held for others.",
        |source| Value::Unsigned(source.gauges.active_bytes())),
    row("allocator_resident", Memory, Bytes, "The same as `allocator_active`.",
        |source| Value::Unsigned(source.gauges.active_bytes())),
    row("total_system_memory", Memory, Bytes, "Memory of the machine; 0 if unknown.",
        |source| Value::Unsigned(source.gauges.total_system_memory_bytes)),
    row("total_system_memory_human", Memory, Bytes, "The same with a unit.",
        |source| Value::HumanBytes(source.gauges.total_system_memory_bytes)),
    row("maxmemory", Memory, Bytes,
        "Most memory that keys, values and what is kept about them may take; 0 for no limit.",
        |source| Value::Unsigned(source.gauges.memory_limit_bytes)),
    row("maxmemory_human", Memory, Bytes, "The same with a unit.",
        |source| Value::HumanBytes(source.gauges.memory_limit_bytes)),
    row("keyspace_bytes", Memory, Bytes,
        "Memory of keys, values and what is kept about them: what `maxmemory` limits.",
        |source| Value::Unsigned(source.gauges.keyspace_bytes)),
    row("keyspace_peak_bytes", Memory, Bytes, "The most that it has been.",
        |source| Value::Unsigned(keyspace_peak_bytes(source))),
    row("maxmemory_policy", Memory, Text, "Which keys make room for others.",
        |source| Value::Text(source.gauges.memory_policy)),
    row("maxmemory_auto", Memory, Count,
        "1 if `maxmemory` is `auto`, and the limit comes from the machine.",
        |source| Value::Unsigned(source.gauges.memory_limit_is_auto.into())),
    row("allocator_frag_ratio", Memory, Ratio, "`allocator_active`, of `allocator_allocated`.",
        |source| Value::Float2(ratio(source.gauges.active_bytes(), source.gauges.used_memory_bytes))),
    row("allocator_frag_bytes", Memory, Bytes, "Room between entries that is held for others.",
        |source| Value::Unsigned(source.gauges.entry_room_bytes())),
    row("rss_overhead_ratio", Memory, Ratio, "Resident memory, of `allocator_resident`.",
        |source| Value::Float2(ratio(source.gauges.used_memory_rss_bytes,
            source.gauges.active_bytes()))),
    row("rss_overhead_bytes", Memory, Bytes, "Resident memory less `allocator_resident`.",
        |source| Value::Integer(source.gauges.used_memory_rss_bytes
            .wrapping_sub(source.gauges.active_bytes()).cast_signed())),
    row("mem_fragmentation_ratio", Memory, Ratio,
        "Resident memory, of `process_startup_rss` and `used_memory`.",
        |source| Value::Float2(ratio(source.gauges.used_memory_rss_bytes,
            source.gauges.explained_resident_bytes()))),
    row("mem_fragmentation_bytes", Memory, Bytes,
        "Resident memory less `process_startup_rss` and `used_memory`.",
        |source| Value::Integer(source.gauges.used_memory_rss_bytes
            .wrapping_sub(source.gauges.explained_resident_bytes()).cast_signed())),
    row("mem_not_counted_for_evict", Memory, Bytes,
        "What of `used_memory` `maxmemory` does not limit: clients, whose limit is `maxmemory-clients`.",
        |source| Value::Unsigned(source.gauges.used_memory_bytes
            .saturating_sub(source.gauges.keyspace_bytes))),
    row("mem_clients_normal", Memory, Bytes,
        "Memory of all clients' buffers and queued transactions.",
        |source| Value::Unsigned(source.gauges.client_buffers_bytes)),
    row("client_buffers_bytes", Memory, Bytes, "The same, under the name used here.",
        |source| Value::Unsigned(source.gauges.client_buffers_bytes)),
    row("client_buffers_peak_bytes", Memory, Bytes, "The most that it has been.",
        |source| Value::Unsigned(source.gauges.client_buffers_peak_bytes)),
    row("client_buffers_limit_bytes", Memory, Bytes,
        "The most that it may be, from `maxmemory-clients`; 0 for no limit.",
        |source| Value::Unsigned(source.gauges.client_buffers_limit_bytes)),
    row("clients_held", Memory, Count, "Clients that wait until there is room for what they ask for.",
        |source| Value::Unsigned(source.gauges.clients_held)),
    row("mem_allocator", Memory, Text, "Name of the memory allocator.",
        |source| Value::Text(&source.gauges.mem_allocator)),
    row("lazyfree_pending_objects", Memory, Count,
        "Dropped objects waiting to be freed in slices.",
        |source| Value::Unsigned(source.gauges.lazyfree_pending_objects)),

    row("current_save_keys_processed", Persistence, Count,
        "Keys that the present snapshot has read out; 0 if there is none.",
        |source| Value::Unsigned(match source.gauges.snapshot_in_progress {
            true => source.gauges.snapshot_keys,
            false => 0,
        })),
    row("current_save_keys_total", Persistence, Count,
        "Keys that there were when the present snapshot began; 0 if there is none.",
        |source| Value::Unsigned(match source.gauges.snapshot_in_progress {
            true => source.gauges.snapshot_total_keys,
            false => 0,
        })),
    row("rdb_changes_since_last_save", Persistence, Count,
        "Changes of keys since the last snapshot began.",
        |source| Value::Unsigned(source.gauges.changes_since_save)),
    row("rdb_bgsave_in_progress", Persistence, Count, "1 while a snapshot is being taken.",
        |source| Value::Unsigned(source.gauges.snapshot_in_progress.into())),
    row("rdb_last_save_time", Persistence, Seconds,
        "When the last snapshot was complete, since 1970; at first, the start.",
        |source| Value::Unsigned(source.gauges.last_save_unix_seconds)),
    row("rdb_last_bgsave_status", Persistence, Text, "`ok`, or `err` if the last one failed.",
        |source| Value::Text(if source.gauges.last_save_failed { "err" } else { "ok" })),
    row("rdb_last_bgsave_time_sec", Persistence, Seconds,
        "How long the last snapshot took; -1 if there was none.",
        |source| match source.gauges.last_save_duration_seconds {
            Some(seconds) => Value::Unsigned(seconds),
            None => Value::Integer(-1),
        }),
    row("rdb_current_bgsave_time_sec", Persistence, Seconds,
        "How long the present snapshot has taken; -1 if there is none.",
        |source| match source.gauges.snapshot_in_progress {
            true => Value::Unsigned((source.gauges.now_usec / 1_000_000)
                .saturating_sub(source.gauges.snapshot_started_unix_seconds)),
            false => Value::Integer(-1),
        }),
    counter!(rdb_saves, Persistence, Count, "Snapshots taken."),
    row("rdb_last_load_keys_expired", Persistence, Count,
        "Keys left out at start because they had expired.",
        |source| Value::Unsigned(source.gauges.loaded_expired_keys)),
    row("rdb_last_load_keys_loaded", Persistence, Count, "Keys loaded at start.",
        |source| Value::Unsigned(source.gauges.loaded_keys)),
    row("rdb_last_load_keys_lost", Persistence, Count,
        "Keys that a damaged snapshot had lost at start, as far as its end tells.",
        |source| Value::Unsigned(source.gauges.lost_keys)),
    row("snapshot_in_progress", Persistence, Count, "1 while a snapshot is being taken.",
        |source| Value::Unsigned(source.gauges.snapshot_in_progress.into())),
    row("snapshot_keys", Persistence, Count,
        "Keys that the present or last snapshot has read out.",
        |source| Value::Unsigned(source.gauges.snapshot_keys)),
    row("snapshot_bytes", Persistence, Bytes, "Bytes of the present or last snapshot so far.",
        |source| Value::Unsigned(source.gauges.snapshot_bytes)),
    row("snapshot_held_bytes", Persistence, Bytes,
        "Memory held for a snapshot, or still for one that was given up: records read out, long values that were changed or removed before, and what is on its way to the disk. Part of `used_memory`.",
        |source| Value::Unsigned(source.gauges.snapshot_held_bytes)),
    row("snapshot_held_limit_bytes", Persistence, Bytes,
        "The most that `snapshot_held_bytes` may be: beyond it, a snapshot is given up.",
        |source| Value::Unsigned(source.gauges.snapshot_held_limit_bytes)),

    counter!(total_connections_received, Stats, Count, "Connections accepted."),
    counter!(total_commands_processed, Stats, Count, "Commands executed."),
    row("instantaneous_ops_per_sec", Stats, PerSecond, "Commands in the last 1.6 seconds.",
        |source| Value::Unsigned(source.gauges.commands_per_second)),
    counter!(total_net_input_bytes, Stats, Bytes, "Bytes read from clients."),
    counter!(total_net_output_bytes, Stats, Bytes, "Bytes written to clients."),
    row("instantaneous_input_kbps", Stats, KibibytesPerSecond,
        "Traffic read in the last 1.6 seconds.",
        |source| Value::Float2(ratio(source.gauges.input_bytes_per_second, 1024))),
    row("instantaneous_output_kbps", Stats, KibibytesPerSecond,
        "Traffic written in the last 1.6 seconds.",
        |source| Value::Float2(ratio(source.gauges.output_bytes_per_second, 1024))),
    counter!(rejected_connections, Stats, Count,
        "Connections refused because `maxclients` were open."),
    counter!(expired_keys, Stats, Count, "Keys removed because their time was up."),
    counter!(expired_subkeys, Stats, Count,
        "Fields of hashes removed because their time was up."),
    row("expiry_next_deadline_ms", Stats, Milliseconds,
        "Time since 1970 at which the next key or field expires; -1 if none does.",
        |source| match source.gauges.expiry_next_deadline_ms {
            Some(deadline_ms) => Value::Unsigned(deadline_ms),
            None => Value::Integer(-1),
        }),
    row("expire_lag_p50_usec", Stats, Microseconds,
        "Median time between a key's deadline and its removal.",
        |source| Value::Unsigned(source.gauges.expire_lag_p50_usec)),
    row("expire_lag_p99_usec", Stats, Microseconds,
        "99th percentile of the time between a key's deadline and its removal.",
        |source| Value::Unsigned(source.gauges.expire_lag_p99_usec)),
    row("expire_lag_max_usec", Stats, Microseconds,
        "Longest time between a key's deadline and its removal.",
        |source| Value::Unsigned(source.gauges.expire_lag_max_usec)),
    row("field_expire_lag_p50_usec", Stats, Microseconds,
        "Median time between the deadline of a hash's field and its removal.",
        |source| Value::Unsigned(source.gauges.field_expire_lag_p50_usec)),
    row("field_expire_lag_p99_usec", Stats, Microseconds,
        "99th percentile of the time between the deadline of a hash's field and its removal.",
        |source| Value::Unsigned(source.gauges.field_expire_lag_p99_usec)),
    row("field_expire_lag_max_usec", Stats, Microseconds,
        "Longest time between the deadline of a hash's field and its removal.",
        |source| Value::Unsigned(source.gauges.field_expire_lag_max_usec)),
    counter!(evicted_keys, Stats, Count, "Keys evicted to make room."),
    row("evicted_keys_per_sec", Stats, PerSecond, "Keys evicted in the last 1.6 seconds.",
        |source| Value::Unsigned(source.gauges.evictions_per_second)),
    counter!(evicted_bytes, Stats, Bytes, "Bytes of the entries of evicted keys."),
    counter!(eviction_examined_keys, Stats, Count,
        "Keys that were looked at to choose which to evict."),
    counter!(eviction_ghost_hits, Stats, Count,
        "New keys that had been evicted not long before."),
    row("eviction_ghost_bytes", Stats, Bytes, "Memory of which keys were evicted.",
        |source| Value::Unsigned(source.gauges.eviction_ghost_bytes)),
    counter!(evicted_clients, Stats, Count,
        "Clients closed because the buffers of all took more than `maxmemory-clients`, and they stood still."),
    counter!(client_memory_pauses, Stats, Count,
        "How often a client waited until there was room for what it asked for."),
    counter!(keyspace_hits, Stats, Count, "Reads of a key that was there."),
    counter!(keyspace_misses, Stats, Count, "Reads of a key that was not there."),
    counter!(total_error_replies, Stats, Count, "Error replies sent."),
    counter!(acl_access_denied_auth, Stats, Count, "How often a user or a password was refused."),
    counter!(acl_access_denied_cmd, Stats, Count, "How often a user was refused a command."),
    counter!(acl_access_denied_key, Stats, Count, "How often a user was refused a key."),
    counter!(acl_access_denied_channel, Stats, Count, "How often a user was refused a channel."),
    counter!(total_reads_processed, Stats, Count, "Reads from client sockets."),
    counter!(total_writes_processed, Stats, Count, "Writes to client sockets."),
    counter!(client_query_buffer_limit_disconnections, Stats, Count,
        "Connections closed because their unfinished requests were too large."),
    counter!(client_output_buffer_limit_disconnections, Stats, Count,
        "Connections closed because their unread replies were too large."),
    row("log_lines_lost", Stats, Count,
        "Lines of the log that could not be written in time; the log itself says so, too, once it \
        is written again.",
        |source| Value::Unsigned(source.gauges.log_lines_lost)),
    counter!(loop_turns, Stats, Count, "Turns of the event loop."),
    counter!(loop_busy_usec, Stats, Microseconds,
        "Time spent in turns of the event loop, waiting not included."),
    row("loop_turn_p50_usec", Stats, Microseconds,
        "Half of the turns since the start or `CONFIG RESETSTAT` took no longer; at most a sixteenth too high.",
        |source| Value::Unsigned(source.gauges.loop_turn_p50_usec)),
    row("loop_turn_p99_usec", Stats, Microseconds,
        "99 of 100 turns took no longer.",
        |source| Value::Unsigned(source.gauges.loop_turn_p99_usec)),
    row("loop_turn_p999_usec", Stats, Microseconds,
        "999 of 1,000 turns took no longer.",
        |source| Value::Unsigned(source.gauges.loop_turn_p999_usec)),
    counter!(loop_turn_max_usec, Stats, Microseconds,
        "Longest turn of the event loop, waiting not included."),
    row("loop_turn_max_serve_usec", Stats, Microseconds,
        "Part of the longest turn that went into reading and executing requests.",
        |source| Value::Unsigned(source.gauges.loop_turn_max_serve_usec)),
    row("loop_turn_max_work_usec", Stats, Microseconds,
        "Part of the longest turn that went into expiry, freeing and timers.",
        |source| Value::Unsigned(source.gauges.loop_turn_max_work_usec)),
    row("loop_turn_max_read_usec", Stats, Microseconds,
        "Part of the longest turn that went into long reads, such as KEYS.",
        |source| Value::Unsigned(source.gauges.loop_turn_max_read_usec)),
    row("loop_turn_max_save_usec", Stats, Microseconds,
        "Part of the longest turn that went into a snapshot.",
        |source| Value::Unsigned(source.gauges.loop_turn_max_save_usec)),
    row("loop_turn_max_write_usec", Stats, Microseconds,
        "Part of the longest turn that went into writing replies, accepting and closing connections.",
        |source| Value::Unsigned(source.gauges.loop_turn_max_write_usec)),
    row("eventloop_cycles", Stats, Count, "`loop_turns` under the name tools know.",
        |source| Value::Unsigned(source.counters.loop_turns)),
    row("eventloop_duration_sum", Stats, Microseconds,
        "`loop_busy_usec` under the name tools know.",
        |source| Value::Unsigned(source.counters.loop_busy_usec)),
    row("eventloop_duration_cmd_sum", Stats, Microseconds, "Time of it spent in commands.",
        |source| Value::Unsigned(source.command_busy_us)),
    row("instantaneous_eventloop_cycles_per_sec", Stats, PerSecond,
        "Turns of the event loop in the last 1.6 seconds.",
        |source| Value::Unsigned(source.gauges.turns_per_second)),
    row("instantaneous_eventloop_duration_usec", Stats, Microseconds,
        "Mean duration of them.",
        |source| Value::Unsigned(source.gauges.mean_turn_usec)),

    row("master_replid", Replication, Text, "`run_id` under another name.",
        |source| Value::Text(&source.gauges.run_id)),

    row("used_cpu_sys", Cpu, Seconds, "Processor time spent in the kernel.",
        |source| Value::Seconds(source.gauges.cpu_system_usec)),
    row("used_cpu_user", Cpu, Seconds, "Processor time spent in the program.",
        |source| Value::Seconds(source.gauges.cpu_user_usec)),
    row("used_cpu_sys_main_thread", Cpu, Seconds, "Time of it spent by the loop's own thread.",
        |source| Value::Seconds(source.gauges.loop_cpu_system_usec)),
    row("used_cpu_user_main_thread", Cpu, Seconds, "Time of it spent by the loop's own thread.",
        |source| Value::Seconds(source.gauges.loop_cpu_user_usec)),


];

fn keyspace_peak_bytes(source: &InfoSource<'_>) -> u64 {
    source
        .gauges
        .keyspace_peak_bytes
        .max(source.gauges.keyspace_bytes)
}
