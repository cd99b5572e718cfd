//! Fields of INFO that never change: what tools of Redis read, and what is true of this server.
//!
//! ```text
//! after(Section, "field", &[…])               listed after this field of `table.rs`
//! first(Section, &[…])                        listed before all fields of the section
//! always(&["name", …], Unit, value, "doc")    several names, if all else is the same
//! ```
//!
//! 1. Groups stand in the order of the fields that they follow (`info.rs` tests).
//!
//! A field that begins to live moves to `table.rs`. Not here: fields with a life (`table.rs`).

use super::Section::{
    self, Clients, Cluster, Cpu, Memory, Persistence, Replication, Server, Stats,
};
use super::Unit::{
    self, Bytes, Count, KibibytesPerSecond, Microseconds, Milliseconds, PerSecond, Percent, Ratio,
    Seconds, Text,
};
use super::Value::{self, Float2, Integer, Unsigned};

const ZERO: Value<'static> = Unsigned(0);

/// Constant fields that stand together.
pub(super) struct Group {
    pub(super) section: Section,
    /// The field before them; empty if they are the first of their section.
    pub(super) after: &'static str,
    pub(super) rows: &'static [Constant],
}

/// Fields that share everything but their names.
pub(super) struct Constant {
    pub(super) names: &'static [&'static str],
    pub(super) unit: Unit,
    pub(super) value: Value<'static>,
    /// One sentence for users.
    pub(super) doc: &'static str,
}

const fn after(section: Section, field: &'static str, rows: &'static [Constant]) -> Group {
    Group {
        section,
        after: field,
        rows,
    }
}

const fn first(section: Section, rows: &'static [Constant]) -> Group {
    after(section, "", rows)
}

const fn always(
    names: &'static [&'static str],
    unit: Unit,
    value: Value<'static>,
    doc: &'static str,
) -> Constant {
    Constant {
        names,
        unit,
        value,
        doc,
    }
}

/// All constant fields, by section and in the order they are listed.
#[rustfmt::skip]
pub(super) static CONSTANTS: &[Group] = &[
    after(Server, "redis_version", &[
        always(&["redis_git_sha1"], Text, Value::Text("00000000"),
            "Always zeros: a release has no other name than its version."),
        always(&["redis_git_dirty"], Count, ZERO, "Always 0: the same."),
    ]),
    after(Server, "redis_build_id", &[
        always(&["server_name"], Text, Value::Text("evenkeel"), "Always `evenkeel`."),
    ]),
    after(Server, "evenkeel_version", &[
        always(&["redis_mode"], Text, Value::Text("standalone"), "Always `standalone`."),
    ]),
    after(Server, "arch_bits", &[
        always(&["monotonic_clock"], Text, Value::Text("POSIX clock_gettime"),
            "How durations are measured."),
    ]),
    after(Server, "uptime_in_days", &[
        always(&["hz"], PerSecond, Unsigned(10), "Nominal: what is due is done when it is due."),
        always(&["configured_hz"], PerSecond, Unsigned(10), "`hz` under another name."),
    ]),
    after(Server, "config_file", &[
        always(&["io_threads_active"], Count, ZERO, "Always 0: one thread serves all connections."),
    ]),
    after(Clients, "connected_clients", &[
        always(&["cluster_connections"], Count, ZERO, "Always 0: there is no cluster."),
    ]),
    after(Memory, "used_memory_overhead", &[
        always(&["used_memory_startup"], Bytes, ZERO,
            "Always 0: what the process itself takes is not counted; see `process_startup_rss`."),
    ]),
    after(Memory, "allocator_frag_bytes", &[
        always(&["allocator_rss_ratio"], Ratio, Float2(1.0), "Always 1.00: nothing else is held."),
        always(&["allocator_rss_bytes"], Bytes, ZERO, "Always 0: nothing else is held."),
    ]),
    after(Memory, "mem_not_counted_for_evict", &[
        always(&[
            "mem_replication_backlog", "mem_total_replication_buffers", "mem_clients_slaves",
        ], Bytes, ZERO, "Always 0: nobody replicates this server."),
    ]),
    after(Memory, "clients_held", &[
        always(&["mem_cluster_links"], Bytes, ZERO, "Always 0: there is no cluster."),
        always(&["mem_aof_buffer"], Bytes, ZERO, "Always 0: there is no append-only file."),
    ]),
    after(Memory, "mem_allocator", &[
        always(&["active_defrag_running"], Count, ZERO, "Always 0: memory is compacted in slices."),
    ]),
    after(Memory, "lazyfree_pending_objects", &[
        always(&["lazyfreed_objects"], Count, ZERO,
            "Always 0: what is freed in slices is not counted."),
    ]),
    first(Persistence, &[
        always(&["loading"], Count, ZERO, "Always 0: clients are served when all is loaded."),
        always(&["async_loading"], Count, ZERO, "Always 0: nobody replicates this server."),
        always(&["current_cow_peak", "current_cow_size"], Bytes, ZERO,
            "Always 0: the server never forks."),
        always(&["current_cow_size_age"], Seconds, ZERO, "Always 0: the server never forks."),
        always(&["current_fork_perc"], Percent, Float2(0.0), "Always 0: the server never forks."),
    ]),
    after(Persistence, "rdb_saves", &[
        always(&["rdb_last_cow_size"], Bytes, ZERO, "Always 0: nothing is copied on write."),
    ]),
    after(Persistence, "snapshot_held_limit_bytes", &[
        always(&[
            "aof_enabled", "aof_rewrite_in_progress", "aof_rewrite_scheduled",
        ], Count, ZERO, "Always 0: there is no append-only file."),
        always(&[
            "aof_last_rewrite_time_sec", "aof_current_rewrite_time_sec",
        ], Seconds, Integer(-1), "Always -1: there is no append-only file."),
        always(&["aof_last_bgrewrite_status"], Text, Value::Text("ok"),
            "Always `ok`: there is no append-only file."),
        always(&["aof_rewrites", "aof_rewrites_consecutive_failures"], Count, ZERO,
            "Always 0: there is no append-only file."),
        always(&["aof_last_write_status"], Text, Value::Text("ok"),
            "Always `ok`: there is no append-only file."),
        always(&["aof_last_cow_size"], Bytes, ZERO, "Always 0: there is no append-only file."),
        always(&["module_fork_in_progress"], Count, ZERO, "Always 0: there are no modules."),
        always(&["module_fork_last_cow_size"], Bytes, ZERO, "Always 0: there are no modules."),
    ]),
    after(Stats, "instantaneous_output_kbps", &[
        always(&[
            "instantaneous_input_repl_kbps", "instantaneous_output_repl_kbps",
        ], KibibytesPerSecond, Float2(0.0), "Always 0: nobody replicates this server."),
    ]),
    after(Stats, "rejected_connections", &[
        always(&["sync_full", "sync_partial_ok", "sync_partial_err"], Count, ZERO,
            "Always 0: nobody replicates this server."),
    ]),
    after(Stats, "expire_lag_max_usec", &[
        always(&["expired_stale_perc"], Percent, Float2(0.0),
            "Always 0: keys are removed when they are due."),
        always(&["expired_time_cap_reached_count"], Count, ZERO,
            "Always 0: there are no cycles of expiry."),
        always(&["expire_cycle_cpu_milliseconds"], Milliseconds, ZERO,
            "Always 0: there are no cycles of expiry."),
    ]),
    after(Stats, "evicted_scripts", &[
        always(&[
            "total_eviction_exceeded_time", "current_eviction_exceeded_time",
        ], Milliseconds, ZERO, "Always 0: each write evicts what it needs."),
    ]),
    after(Stats, "pubsubshard_channels", &[
        always(&["latest_fork_usec"], Microseconds, ZERO, "Always 0: the server never forks."),
        always(&["total_forks"], Count, ZERO, "Always 0: the server never forks."),
        always(&["migrate_cached_sockets"], Count, ZERO, "Always 0: there is no MIGRATE."),
        always(&["slave_expires_tracked_keys"], Count, ZERO, "Always 0: nobody replicates this server."),
        always(&[
            "active_defrag_hits", "active_defrag_misses", "active_defrag_key_hits",
            "active_defrag_key_misses",
        ], Count, ZERO, "Always 0: keys are moved together without a count."),
        always(&["total_active_defrag_time", "current_active_defrag_time"], Milliseconds, ZERO,
            "Always 0: memory is compacted in slices."),
    ]),
    after(Stats, "total_error_replies", &[
        always(&["dump_payload_sanitizations"], Count, ZERO, "Always 0: every payload is checked where it is read."),
    ]),
    after(Stats, "total_writes_processed", &[
        always(&["io_threaded_reads_processed", "io_threaded_writes_processed"], Count, ZERO,
            "Always 0: one thread serves all connections."),
        always(&["reply_buffer_shrinks", "reply_buffer_expands"], Count, ZERO,
            "Always 0: connections without output have no buffer."),
    ]),
    after(Replication, "role", &[
        always(&["connected_slaves"], Count, ZERO, "Always 0: nobody replicates this server."),
        always(&["master_failover_state"], Text, Value::Text("no-failover"), "Always `no-failover`."),
    ]),
    after(Replication, "master_replid", &[
        always(&["master_replid2"], Text, Value::Text("0000000000000000000000000000000000000000"),
            "Always zeros: nobody replicates this server."),
    ]),
    after(Replication, "master_repl_offset", &[
        always(&["second_repl_offset"], Bytes, Integer(-1), "Always -1: nobody replicates this server."),
        always(&["repl_backlog_active"], Count, ZERO, "Always 0: nobody replicates this server."),
        always(&[
            "repl_backlog_size", "repl_backlog_first_byte_offset", "repl_backlog_histlen",
        ], Bytes, ZERO, "Always 0: nobody replicates this server."),
    ]),
    after(Cpu, "used_cpu_user", &[
        always(&["used_cpu_sys_children", "used_cpu_user_children"], Seconds, Value::Seconds(0),
            "Always 0: the server never forks."),
    ]),
    first(Cluster, &[
        always(&["cluster_enabled"], Count, ZERO, "Always 0: there is no cluster."),
    ]),
];
