//! Which fields of INFO a scraper sees, and under which names.
//!
//! ```text
//!  used_memory, Bytes      ─▶ evenkeel_memory_used_bytes                gauge
//!  expired_keys            ─▶ evenkeel_keys_expired      (…_total)      counter
//!  loop_busy_usec          ─▶ evenkeel_loop_busy_seconds (…_total)      counter, in seconds
//! ```
//!
//! Unit, value and help come from the field's row; here stands only what the row can't know. The
//! names are those of Prometheus: base units, the unit last, no rates and no percentiles, which the
//! scraper makes from counters and histograms itself.
//!
//! Invariant: each number of INFO that lives is here once, or among [`UNEXPOSED`] (`tests`).
//!
//! Not here: how it is written (`open_metrics.rs`), commands, errors, databases and histograms
//! (`context/exposition.rs`).

use super::Unit;

/// What a field is to a scraper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Goes up and down.
    Gauge,
    /// Goes up, and back to zero at a start or `CONFIG RESETSTAT`.
    Counter,
    /// 1 if the field says this word, else 0.
    Is(&'static str),
}

/// A field of INFO that a scraper sees.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exposed {
    /// Its name in INFO.
    pub(super) field: &'static str,
    /// Its name without the prefix, the unit and `_total`.
    name: &'static str,
    pub(super) kind: Kind,
}

impl Exposed {
    /// The name of the family: prefix, name, unit.
    pub(super) fn family(&self, unit: Unit) -> String {
        let mut name = format!("evenkeel_{}", self.name);
        if let Some(suffix) = base_unit(unit) {
            name.push('_');
            name.push_str(suffix);
        }
        name
    }
}

/// The base unit that values of a unit are given in; none for numbers of things.
pub(super) fn base_unit(unit: Unit) -> Option<&'static str> {
    match unit {
        Unit::Text | Unit::Count | Unit::PerSecond => None,
        Unit::Bytes | Unit::KibibytesPerSecond => Some("bytes"),
        Unit::Seconds | Unit::Days | Unit::Milliseconds | Unit::Microseconds => Some("seconds"),
        Unit::Percent | Unit::Ratio => Some("ratio"),
    }
}

const fn gauge(field: &'static str, name: &'static str) -> Exposed {
    Exposed {
        field,
        name,
        kind: Kind::Gauge,
    }
}

const fn counter(field: &'static str, name: &'static str) -> Exposed {
    Exposed {
        field,
        name,
        kind: Kind::Counter,
    }
}

/// What a scraper sees, by subject.
#[rustfmt::skip]
pub(super) static EXPOSED: &[Exposed] = &[
    gauge("uptime_in_seconds", "uptime"),
    gauge("tls_certificate_end", "tls_certificate_end_timestamp"),
    counter("tls_handshakes_failed", "tls_handshakes_failed"),
    counter("log_lines_lost", "log_lines_lost"),

    gauge("connected_clients", "clients_connected"),
    gauge("maxclients", "clients_limit"),
    gauge("blocked_clients", "clients_blocked"),
    gauge("tracking_clients", "clients_tracking"),
    gauge("watching_clients", "clients_watching"),
    gauge("pubsub_clients", "clients_subscribed"),
    gauge("clients_held", "clients_held"),
    gauge("total_blocking_keys", "blocking_keys"),
    gauge("client_recent_max_input_buffer", "client_input_buffer_largest"),
    gauge("client_recent_max_output_buffer", "client_output_buffer_largest"),
    counter("total_connections_received", "connections_accepted"),
    counter("rejected_connections", "connections_rejected"),
    counter("evicted_clients", "clients_evicted"),
    counter("client_memory_pauses", "client_memory_pauses"),
    counter("client_query_buffer_limit_disconnections", "client_input_limit_disconnections"),
    counter("client_output_buffer_limit_disconnections", "client_output_limit_disconnections"),
    counter("total_net_input_bytes", "network_received"),
    counter("total_net_output_bytes", "network_sent"),
    counter("total_reads_processed", "network_reads"),
    counter("total_writes_processed", "network_writes"),
    gauge("http_connections", "http_connections"),
    gauge("http_viewers", "http_viewers"),
    counter("total_http_requests", "http_requests"),

    gauge("used_memory", "memory_used"),
    gauge("used_memory_rss", "memory_resident"),
    gauge("used_memory_peak", "memory_used_peak"),
    gauge("used_memory_dataset", "memory_dataset"),
    gauge("used_memory_overhead", "memory_overhead"),
    gauge("maxmemory", "memory_limit"),
    gauge("keyspace_bytes", "memory_keyspace"),
    gauge("keyspace_peak_bytes", "memory_keyspace_peak"),
    gauge("allocator_frag_bytes", "memory_room_between_entries"),
    gauge("client_buffers_bytes", "memory_client_buffers"),
    gauge("client_buffers_peak_bytes", "memory_client_buffers_peak"),
    gauge("client_buffers_limit_bytes", "memory_client_buffers_limit"),
    gauge("used_memory_vm_total", "memory_script_machines"),
    gauge("used_memory_scripts", "memory_script_texts"),
    gauge("tracking_bytes", "memory_tracking"),
    gauge("messages_under_way_bytes", "memory_messages"),
    gauge("snapshot_held_bytes", "memory_snapshot_held"),
    gauge("snapshot_held_limit_bytes", "memory_snapshot_held_limit"),
    gauge("eviction_ghost_bytes", "memory_eviction_ghosts"),
    gauge("total_system_memory", "memory_machine"),
    gauge("lazyfree_pending_objects", "objects_to_free"),

    counter("total_commands_processed", "commands_processed"),
    counter("eventloop_duration_cmd_sum", "commands_busy"),
    counter("total_error_replies", "error_replies"),
    counter("keyspace_hits", "keyspace_hits"),
    counter("keyspace_misses", "keyspace_misses"),
    counter("expired_keys", "keys_expired"),
    counter("expired_subkeys", "fields_expired"),
    counter("evicted_keys", "keys_evicted"),
    counter("evicted_bytes", "memory_evicted"),
    counter("eviction_examined_keys", "eviction_keys_examined"),
    counter("eviction_ghost_hits", "eviction_ghost_hits"),
    gauge("number_of_cached_scripts", "scripts_cached"),
    gauge("number_of_functions", "functions"),
    gauge("number_of_libraries", "function_libraries"),
    counter("evicted_scripts", "scripts_evicted"),
    gauge("pubsub_channels", "pubsub_channels"),
    gauge("pubsub_patterns", "pubsub_patterns"),
    gauge("pubsubshard_channels", "pubsub_shard_channels"),
    gauge("tracking_total_keys", "tracking_keys"),
    gauge("tracking_total_items", "tracking_items"),
    gauge("tracking_total_prefixes", "tracking_prefixes"),
    counter("acl_access_denied_auth", "access_denied_authentication"),
    counter("acl_access_denied_cmd", "access_denied_command"),
    counter("acl_access_denied_key", "access_denied_key"),
    counter("acl_access_denied_channel", "access_denied_channel"),

    counter("loop_turns", "loop_turns"),
    counter("loop_busy_usec", "loop_busy"),
    gauge("loop_turn_max_usec", "loop_turn_longest"),

    gauge("snapshot_in_progress", "snapshot_in_progress"),
    gauge("snapshot_keys", "snapshot_keys"),
    gauge("current_save_keys_total", "snapshot_keys_expected"),
    gauge("snapshot_bytes", "snapshot_size"),
    gauge("rdb_changes_since_last_save", "snapshot_changes_since"),
    gauge("rdb_last_save_time", "snapshot_last_timestamp"),
    gauge("rdb_last_bgsave_time_sec", "snapshot_last_duration"),
    Exposed { field: "rdb_last_bgsave_status", name: "snapshot_last_succeeded", kind: Kind::Is("ok") },
    counter("rdb_saves", "snapshots_taken"),
    gauge("rdb_last_load_keys_loaded", "start_keys_loaded"),
    gauge("rdb_last_load_keys_expired", "start_keys_expired"),
    gauge("rdb_last_load_keys_lost", "start_keys_lost"),

    counter("used_cpu_sys", "cpu_system"),
    counter("used_cpu_user", "cpu_user"),
    counter("used_cpu_sys_main_thread", "cpu_loop_system"),
    counter("used_cpu_user_main_thread", "cpu_loop_user"),
];

/// Numbers of INFO that a scraper does not see: names that others bear, numbers that are no
/// measurements, and what the scraper makes from what it sees.
#[cfg(test)]
#[rustfmt::skip]
static UNEXPOSED: &[&str] = &[
    // Other names of what is exposed.
    "uptime_in_days", "allocator_allocated", "allocator_active", "allocator_resident",
    "used_memory_lua", "used_memory_vm_eval", "used_memory_scripts_eval", "mem_clients_normal",
    "used_memory_vm_functions", "used_memory_functions", "mem_not_counted_for_evict",
    "rdb_bgsave_in_progress", "current_save_keys_processed", "eventloop_cycles",
    "eventloop_duration_sum", "rdb_current_bgsave_time_sec", "clients_in_timeout_table",
    "total_blocking_keys_on_nokey",
    // Of a replica, for whoever is moving in.
    "total_net_repl_input_bytes", "total_net_repl_output_bytes", "unexpected_error_replies",
    "master_repl_offset",
    // Names and clocks.
    "arch_bits", "process_id", "tcp_port", "server_time_usec", "lru_clock", "process_startup_rss",
    "maxmemory_auto", "expiry_next_deadline_ms",
    // Quotients and differences.
    "used_memory_peak_perc", "used_memory_dataset_perc", "allocator_frag_ratio",
    "rss_overhead_ratio", "rss_overhead_bytes", "mem_fragmentation_ratio",
    "mem_fragmentation_bytes",
    // Rates.
    "instantaneous_ops_per_sec", "instantaneous_input_kbps", "instantaneous_output_kbps",
    "evicted_keys_per_sec", "instantaneous_eventloop_cycles_per_sec",
    "instantaneous_eventloop_duration_usec",
    // Percentiles, whose histograms are exposed, and parts of the one longest turn.
    "expire_lag_p50_usec", "expire_lag_p99_usec", "expire_lag_max_usec",
    "field_expire_lag_p50_usec", "field_expire_lag_p99_usec", "field_expire_lag_max_usec",
    "loop_turn_p50_usec", "loop_turn_p99_usec", "loop_turn_p999_usec", "loop_turn_max_serve_usec",
    "loop_turn_max_work_usec", "loop_turn_max_read_usec", "loop_turn_max_save_usec",
    "loop_turn_max_page_usec", "loop_turn_max_follow_usec", "loop_turn_max_write_usec",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::ROWS;
    use std::collections::BTreeSet;

    #[test]
    fn each_number_of_info_is_exposed_once_or_left_out_on_purpose() {
        let mut seen = BTreeSet::new();
        for field in EXPOSED
            .iter()
            .map(|exposed| exposed.field)
            .chain(UNEXPOSED.iter().copied())
        {
            assert!(seen.insert(field), "{field} is there twice");
            assert!(
                ROWS.iter().any(|row| row.name == field),
                "INFO has no {field}"
            );
        }
        let is_number = |name: &str, unit| unit != Unit::Text && !name.ends_with("_human");
        let numbers = ROWS.iter().filter(|row| is_number(row.name, row.unit));
        let forgotten: Vec<_> = numbers.filter(|row| !seen.contains(row.name)).collect();
        let names: Vec<&str> = forgotten.iter().map(|row| row.name).collect();
        assert_eq!(names, [""; 0], "neither exposed nor left out");
    }

    #[test]
    fn names_follow_the_conventions_and_are_unique() {
        let mut seen = BTreeSet::new();
        for exposed in EXPOSED {
            let row = ROWS
                .iter()
                .find(|row| row.name == exposed.field)
                .expect("a row");
            let family = exposed.family(row.unit);
            assert!(seen.insert(family.clone()), "{family} is there twice");
            for reserved in ["_total", "_count", "_sum", "_bucket", "_created", "_info"] {
                assert!(!family.ends_with(reserved), "{family}");
            }
            let is_name = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
            assert!(family.bytes().all(is_name), "{family}");
            if row.reset.is_some() && exposed.field != "loop_turn_max_usec" {
                assert_eq!(exposed.kind, Kind::Counter, "{family}");
            }
        }
    }
}
