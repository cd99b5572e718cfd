//! redis_exporter: each scrape is `INFO ALL`, `CONFIG GET *`, `LATENCY`, `SLOWLOG` and, if asked
//! for, `CLIENT LIST` and the size of some keys.
//!
//! What it can't read it leaves out of its page, which nobody notices until a graph is empty. So
//! every field of its tables that means something here is read here by its rules.

use super::information::{Information, pairs, text_map};
use crate::support::client::Client;
use crate::support::server::ServerProcess;
use crate::support::value::Value;

/// Fields of its tables that are whole numbers.
const INTEGERS: &str = "uptime_in_seconds process_id io_threads_active \
    connected_clients blocked_clients maxclients tracking_clients clients_in_timeout_table \
    pubsub_clients watching_clients total_blocking_keys total_blocking_keys_on_nokey \
    client_recent_max_output_buffer client_recent_max_input_buffer \
    allocator_active allocator_allocated allocator_resident allocator_frag_bytes \
    allocator_rss_bytes used_memory used_memory_rss used_memory_peak used_memory_lua \
    used_memory_vm_eval used_memory_scripts_eval used_memory_overhead used_memory_startup \
    used_memory_dataset number_of_cached_scripts number_of_functions number_of_libraries \
    used_memory_vm_functions used_memory_vm_total used_memory_functions used_memory_scripts \
    maxmemory mem_fragmentation_bytes mem_clients_slaves mem_clients_normal mem_cluster_links \
    mem_aof_buffer mem_replication_backlog mem_not_counted_for_evict \
    mem_total_replication_buffers rss_overhead_bytes \
    lazyfree_pending_objects lazyfreed_objects active_defrag_running \
    migrate_cached_sockets active_defrag_hits active_defrag_misses active_defrag_key_hits \
    active_defrag_key_misses total_active_defrag_time current_active_defrag_time \
    loading async_loading rdb_changes_since_last_save rdb_bgsave_in_progress rdb_last_save_time \
    rdb_last_bgsave_time_sec rdb_current_bgsave_time_sec rdb_saves rdb_last_cow_size \
    rdb_last_load_keys_expired rdb_last_load_keys_loaded aof_enabled aof_rewrite_in_progress \
    aof_rewrite_scheduled aof_last_rewrite_time_sec aof_current_rewrite_time_sec \
    aof_last_cow_size aof_rewrites current_cow_peak current_cow_size current_cow_size_age \
    current_save_keys_processed current_save_keys_total module_fork_in_progress \
    module_fork_last_cow_size \
    total_connections_received total_commands_processed instantaneous_ops_per_sec \
    total_net_input_bytes total_net_output_bytes total_net_repl_input_bytes \
    total_net_repl_output_bytes rejected_connections sync_full sync_partial_ok sync_partial_err \
    expired_keys expired_time_cap_reached_count expire_cycle_cpu_milliseconds evicted_keys \
    evicted_clients evicted_scripts total_eviction_exceeded_time current_eviction_exceeded_time \
    keyspace_hits keyspace_misses pubsub_channels pubsub_patterns pubsubshard_channels \
    latest_fork_usec total_forks slave_expires_tracked_keys tracking_total_keys \
    tracking_total_items tracking_total_prefixes unexpected_error_replies total_error_replies \
    dump_payload_sanitizations total_reads_processed total_writes_processed \
    io_threaded_reads_processed io_threaded_writes_processed reply_buffer_shrinks \
    reply_buffer_expands client_query_buffer_limit_disconnections \
    client_output_buffer_limit_disconnections acl_access_denied_auth acl_access_denied_cmd \
    acl_access_denied_key acl_access_denied_channel eventloop_cycles eventloop_duration_sum \
    eventloop_duration_cmd_sum instantaneous_eventloop_cycles_per_sec \
    instantaneous_eventloop_duration_usec \
    connected_slaves master_repl_offset second_repl_offset repl_backlog_active repl_backlog_size \
    repl_backlog_first_byte_offset repl_backlog_histlen cluster_enabled \
    server_time_usec uptime_in_days hz configured_hz tcp_port";

/// Fields that have decimals.
const FLOATS: &str = "mem_fragmentation_ratio allocator_frag_ratio allocator_rss_ratio \
    rss_overhead_ratio expired_stale_perc current_fork_perc used_cpu_sys used_cpu_user \
    used_cpu_sys_children used_cpu_user_children used_cpu_sys_main_thread \
    used_cpu_user_main_thread instantaneous_input_kbps instantaneous_output_kbps \
    instantaneous_input_repl_kbps instantaneous_output_repl_kbps";

/// Labels of `redis_instance_info`.
const LABELS: &str = "redis_version redis_build_id redis_mode os maxmemory_policy tcp_port run_id \
    process_id master_replid role";

/// A server that has keys with and without deadlines, in two databases, calls that failed and
/// calls that were refused.
fn used_server() -> (ServerProcess, Client) {
    let server = ServerProcess::evenkeel(&["--latency-monitor-threshold", "1"]);
    let mut client = server.client();
    for line in [
        "SET a 1",
        "SET session x EX 1000",
        "SET text abc",
        "INCR text",
        "GET a",
        "GET missing",
        "GET",
        "NOSUCH",
        "SELECT 3",
        "SET b 1",
        "SELECT 0",
        "WATCH a",
        "CONFIG SET slowlog-log-slower-than 0",
        "CLIENT SETNAME redis_exporter",
    ] {
        client.line(line);
    }
    (server, client)
}

#[test]
fn every_field_of_its_tables_is_a_number() {
    let (_server, mut client) = used_server();
    let info = Information::of(&mut client, "ALL");
    for name in INTEGERS.split_whitespace() {
        info.integer(name);
    }
    for name in FLOATS.split_whitespace() {
        assert!(info.float(name) >= 0.0, "{name}");
        assert!(info.field(name).contains('.'), "{name} has no decimals");
    }
    for name in LABELS.split_whitespace() {
        assert!(!info.field(name).is_empty(), "{name}");
    }
    for name in [
        "rdb_last_bgsave_status",
        "aof_last_bgrewrite_status",
        "aof_last_write_status",
    ] {
        assert_eq!(info.field(name), "ok", "{name}");
    }
    assert_eq!(info.field("role"), "master");
    assert!(info.section("Replication").all(|(name, _)| {
        // A line of a replica is `slave0:ip=…`.
        !name.starts_with("slave")
    }));
}

#[test]
fn what_happened_is_in_the_fields() {
    let (_server, mut client) = used_server();
    let info = Information::of(&mut client, "ALL");
    assert_eq!(info.integer("connected_clients"), 1);
    assert_eq!(info.integer("watching_clients"), 1);
    assert_eq!(info.integer("keyspace_hits"), 1);
    assert_eq!(info.integer("keyspace_misses"), 1);
    assert_eq!(info.integer("total_error_replies"), 3);
    assert_eq!(info.integer("rdb_changes_since_last_save"), 4);
    assert_eq!(info.integer("total_connections_received"), 1);
    assert!(info.integer("used_memory") <= info.integer("used_memory_peak"));
}

#[test]
fn a_client_that_watches_is_counted_until_it_does_not() {
    let (server, mut client) = used_server();
    let mut other = server.client();
    let watching =
        |client: &mut Client| Information::of(client, "clients").integer("watching_clients");
    other.line("WATCH a b");
    other.line("WATCH c");
    assert_eq!(watching(&mut client), 2);
    client.line("UNWATCH");
    client.line("UNWATCH");
    assert_eq!(watching(&mut client), 1);
    other.line("MULTI");
    other.line("EXEC");
    assert_eq!(watching(&mut client), 0);
    other.line("WATCH a");
    other.line("RESET");
    assert_eq!(watching(&mut client), 0);
    other.line("WATCH a");
    assert_eq!(watching(&mut client), 1);
    other.line("QUIT");
    assert_eq!(other.read_to_end().expect("the connection ends"), b"");
    assert_eq!(watching(&mut client), 0);
}

#[test]
fn lines_of_commands_have_five_parts() {
    let (_server, mut client) = used_server();
    let info = Information::of(&mut client, "ALL");
    let mut names = Vec::new();
    for (name, value) in info.section("Commandstats") {
        let command = name.strip_prefix("cmdstat_").expect(name);
        let parts = pairs(value, ',').expect(value);
        let keys: Vec<&str> = parts.iter().map(|part| part.0).collect();
        assert_eq!(
            keys,
            [
                "calls",
                "usec",
                "usec_per_call",
                "rejected_calls",
                "failed_calls"
            ]
        );
        for (key, number) in parts {
            assert!(number.parse::<f64>().is_ok(), "{key}={number}");
            let has_decimals = number.contains('.');
            assert_eq!(has_decimals, key == "usec_per_call", "{key}={number}");
        }
        names.push(command);
    }
    names.sort_unstable();
    let called = [
        "client|setname",
        "config|set",
        "get",
        "incr",
        "select",
        "set",
        "watch",
    ];
    assert_eq!(names, called);
    let count = |command: &str, key: &str| {
        let value = info.field(&format!("cmdstat_{command}")).to_owned();
        let parts = pairs(&value, ',').expect(&value);
        let of_key = parts.iter().find(|part| part.0 == key).expect(key);
        of_key.1.parse::<u64>().expect(key)
    };
    assert_eq!(count("set", "calls"), 4);
    assert_eq!(count("get", "rejected_calls"), 1);
    assert_eq!(count("incr", "failed_calls"), 1);
}

#[test]
fn percentiles_errors_and_databases_are_lists_of_pairs() {
    let (_server, mut client) = used_server();
    let info = Information::of(&mut client, "ALL");
    let mut command_count = 0;
    for (name, value) in info.section("Latencystats") {
        assert!(name.starts_with("latency_percentiles_usec_"), "{name}");
        let parts = pairs(value, ',').expect(value);
        let keys: Vec<&str> = parts.iter().map(|part| part.0).collect();
        assert_eq!(keys, ["p50", "p99", "p99.9"]);
        assert!(parts.iter().all(|part| part.1.parse::<f64>().is_ok()));
        command_count += 1;
    }
    assert_eq!(command_count, 7);
    assert_eq!(info.field("errorstat_ERR"), "count=3");
    assert_eq!(info.field("db3"), "keys=1,expires=0,avg_ttl=0,subexpiry=0");
    let database = pairs(info.field("db0"), ',').expect("pairs");
    let [keys, expires, (ttl, ttl_ms), field_expires] = database[..] else {
        panic!("{database:?}")
    };
    assert_eq!(
        (keys, expires, ttl, field_expires),
        (
            ("keys", "3"),
            ("expires", "1"),
            "avg_ttl",
            ("subexpiry", "0")
        )
    );
    let ttl_ms: u64 = ttl_ms.parse().expect("milliseconds");
    assert!((900_000..=1_000_000).contains(&ttl_ms), "{ttl_ms}");
}

#[test]
fn the_configuration_has_what_it_turns_into_metrics() {
    let (_server, mut client) = used_server();
    let all = text_map(&client.line("CONFIG GET *"));
    for name in ["databases", "maxclients", "maxmemory"] {
        assert!(all[name].parse::<f64>().is_ok(), "{name}");
    }
    let limits: Vec<&str> = all["client-output-buffer-limit"].split(' ').collect();
    let classes: Vec<&str> = limits.iter().copied().step_by(4).collect();
    assert_eq!(classes, ["normal", "slave", "pubsub"]);
    for class in limits.chunks(4) {
        assert!(class[1..].iter().all(|limit| limit.parse::<u64>().is_ok()));
    }
    for name in [
        "dir",
        "dbfilename",
        "save",
        "appendonly",
        "maxmemory-policy",
    ] {
        assert!(all.contains_key(name), "{name}");
    }
    let maxmemory = text_map(&client.line("CONFIG GET maxmemory"));
    assert_eq!(maxmemory["maxmemory"], all["maxmemory"]);
    assert_eq!(maxmemory.len(), 1);
    assert_eq!(client.line("CONFIG GET commandlog-*"), Value::Array(vec![]));
    assert_eq!(
        client.line("COMMAND INFO COMMANDLOG").members(),
        [Value::Nil]
    );
}

#[test]
fn the_slow_log_and_latencies_are_numbers_where_it_wants_them() {
    let (_server, mut client) = used_server();
    let Value::Integer(length) = client.line("SLOWLOG LEN") else {
        panic!("SLOWLOG LEN is a number")
    };
    assert!(length >= 1);
    let newest = client.line("SLOWLOG GET 1");
    let [entry] = newest.members() else {
        panic!("{newest:?}")
    };
    let is_integer = |value: &Value| matches!(value, Value::Integer(_));
    assert!(entry.members()[..3].iter().all(is_integer), "{entry:?}");
    assert_eq!(entry.members().len(), 6);
    assert_eq!(entry.members()[5].text(), "redis_exporter");

    client.line("DEBUG SLEEP 0.002");
    let latest = client.line("LATENCY LATEST");
    let event = latest.members().first().expect("DEBUG SLEEP was slow");
    assert_eq!(event.members().len(), 4);
    assert!(!event.members()[0].text().is_empty());
    assert!(event.members()[1..].iter().all(is_integer), "{event:?}");

    let histograms = client.line("LATENCY HISTOGRAM");
    assert!(histograms.members().len() >= 2, "{histograms:?}");
    for pair in histograms.members().chunks(2) {
        let [calls_name, calls, histogram_name, histogram] = pair[1].members() else {
            panic!("{pair:?}")
        };
        assert_eq!(calls_name.text(), "calls");
        assert_eq!(histogram_name.text(), "histogram_usec");
        let counts: Vec<i64> = histogram
            .members()
            .iter()
            .map(|number| match number {
                Value::Integer(number) => *number,
                other => panic!("{other:?}"),
            })
            .collect();
        // Buckets are cumulative, so the last one has all calls.
        assert_eq!(
            counts.last().copied().map(Value::Integer).as_ref(),
            Some(calls)
        );
        let bounds: Vec<i64> = counts.iter().copied().step_by(2).collect();
        assert!(bounds.is_sorted(), "{bounds:?}");
    }
}

#[test]
fn every_line_of_the_client_list_is_words_with_one_equals_sign() {
    let (server, mut client) = used_server();
    let mut other = server.client();
    other.line("CLIENT SETNAME worker-1");
    let list = client.line("CLIENT LIST").text();
    assert!(list.ends_with('\n'));
    let lines: Vec<&str> = list.lines().collect();
    assert_eq!(lines.len(), 2);
    for (line, expected_name) in lines.iter().zip(["redis_exporter", "worker-1"]) {
        let fields = pairs(line, ' ').unwrap_or_else(|word| panic!("{word:?} in {line:?}"));
        let value = |name: &str| {
            let field = fields.iter().find(|field| field.0 == name);
            field.unwrap_or_else(|| panic!("{name} in {line:?}")).1
        };
        assert_eq!((fields[0].0, fields[1].0), ("id", "addr"));
        for name in [
            "id",
            "age",
            "idle",
            "db",
            "sub",
            "psub",
            "ssub",
            "qbuf",
            "qbuf-free",
        ] {
            assert!(value(name).parse::<u64>().is_ok(), "{name}");
        }
        for name in [
            "obl",
            "oll",
            "omem",
            "argv-mem",
            "multi-mem",
            "tot-mem",
            "resp",
            "rbs",
        ] {
            assert!(value(name).parse::<u64>().is_ok(), "{name}");
        }
        for name in ["multi", "redir"] {
            assert_eq!(value(name), "-1", "{name}");
        }
        assert!(value("addr").starts_with("127.0.0.1:"));
        assert_eq!(value("name"), expected_name);
        assert_eq!(value("user"), "default");
        assert_eq!((value("flags"), value("events")), ("N", "r"));
    }
}

#[test]
fn keys_are_measured_by_what_they_are() {
    let (_server, mut client) = used_server();
    assert_eq!(client.line("TYPE a").text(), "string");
    assert_eq!(client.line("STRLEN text"), Value::Integer(3));
    assert!(matches!(client.line("MEMORY USAGE a"), Value::Integer(bytes) if bytes > 0));
    let reply = client.line("SCAN 0 MATCH se* COUNT 100");
    assert_eq!(reply.members()[0].text(), "0");
    assert_eq!(reply.members()[1].members()[0].text(), "session");
    assert_eq!(client.line("DBSIZE"), Value::Integer(3));
}
