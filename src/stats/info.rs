//! Writes the answer to INFO.
//!
//! ```text
//! answer  = section { CRLF section }          an empty line between sections
//! section = "# " name CRLF { field }
//! field   = name ":" value CRLF
//! ```
//!
//! 1. Every line ends with CR LF; a value never contains either (`value.rs`).
//! 2. Sections come in a fixed order, each once, whatever the request.
//! 3. Names that tools search by first occurrence occur first as a field (`tests`).
//!
//! Cost: linear in the rows and in the lists of the source.
//!
//! Not here: fields with one value each (`field.rs`); which sections are asked for (`section.rs`).

use std::fmt::Write;

use super::field::fields;
use super::source::FollowingFigures;
use super::value::ratio;
use super::{CommandStat, InfoSource, Section};

/// The answer to `INFO section…`; no sections ask for the default ones.
///
/// Names are taken in any case; unknown ones add nothing, so that an unknown section alone gives
/// an empty text.
pub fn info_text(sections: &[&[u8]], source: &InfoSource<'_>) -> String {
    let mut text = String::new();
    for section in Section::ALL {
        if section.is_asked_for(sections) {
            if !text.is_empty() {
                text.push_str("\r\n");
            }
            push_section(&mut text, section, source);
        }
    }
    text
}

fn push_section(text: &mut String, section: Section, source: &InfoSource<'_>) {
    // Writing to a String cannot fail.
    let _ = write!(text, "# {}\r\n", section.name());
    for field in fields(section) {
        text.push_str(field.name);
        text.push(':');
        field.value(source).write_to(text);
        text.push_str("\r\n");
        if field.name == "role"
            && let Some(following) = &source.gauges.following
        {
            push_following(text, following);
        }
    }
    match section {
        Section::Commandstats => push_commands(text, source.commands),
        Section::Errorstats => {
            for error in source.errors {
                let _ = write!(text, "errorstat_{}:count={}\r\n", error.code, error.count);
            }
        }
        Section::Latencystats => push_latencies(text, source),
        Section::Keyspace => push_databases(text, source),
        Section::Server
        | Section::Clients
        | Section::Memory
        | Section::Persistence
        | Section::Stats
        | Section::Replication
        | Section::Cpu
        | Section::Modules
        | Section::Cluster => {}
    }
}

/// Lines that only a replica has, as Redis names them.
fn push_following(text: &mut String, following: &FollowingFigures) {
    let signed = |number: Option<u64>| number.map_or(-1, |number| number as i64);
    let _ = write!(
        text,
        "master_host:{}\r\nmaster_port:{}\r\nmaster_link_status:{}\r\n\
         master_last_io_seconds_ago:{}\r\nmaster_sync_in_progress:{}\r\n\
         slave_read_repl_offset:{}\r\nslave_repl_offset:{}\r\n",
        following.host.escape_default(),
        following.port,
        if following.is_up { "up" } else { "down" },
        signed(following.heard_seconds_ago),
        u8::from(following.is_loading),
        following.read_offset.unwrap_or(0),
        following.applied_offset.unwrap_or(0),
    );
    if following.is_loading {
        let total_bytes = following.file_bytes.unwrap_or(0);
        let left_bytes = signed(
            (following.file_bytes).map(|bytes| bytes.saturating_sub(following.file_read_bytes)),
        );
        let _ = write!(
            text,
            "master_sync_total_bytes:{total_bytes}\r\nmaster_sync_read_bytes:{}\r\n\
             master_sync_left_bytes:{left_bytes}\r\nmaster_sync_perc:{:.2}\r\n\
             master_sync_last_io_seconds_ago:{}\r\n",
            following.file_read_bytes,
            100.0 * ratio(following.file_read_bytes, total_bytes),
            signed(following.heard_seconds_ago),
        );
    }
    if let Some(seconds) = following.down_seconds {
        let _ = write!(text, "master_link_down_since_seconds:{seconds}\r\n");
    }
    text.push_str("slave_priority:100\r\nslave_read_only:1\r\nreplica_announced:1\r\n");
}

fn push_commands(text: &mut String, commands: &[CommandStat<'_>]) {
    for command in commands {
        let _ = write!(
            text,
            "cmdstat_{}:calls={},usec={},usec_per_call={:.2},rejected_calls={},failed_calls={}\r\n",
            command.name,
            command.calls,
            command.usec,
            ratio(command.usec, command.calls),
            command.rejected_calls,
            command.failed_calls,
        );
    }
}

fn push_latencies(text: &mut String, source: &InfoSource<'_>) {
    for latency in source.latencies {
        let _ = write!(text, "latency_percentiles_usec_{}:", latency.name);
        for (index, (percentile, duration_us)) in latency.percentiles.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let _ = write!(text, "{comma}p{percentile}={duration_us:.3}");
        }
        text.push_str("\r\n");
    }
}

fn push_databases(text: &mut String, source: &InfoSource<'_>) {
    for database in source
        .databases
        .iter()
        .filter(|database| database.keys != 0)
    {
        let _ = write!(
            text,
            "db{}:keys={},expires={},avg_ttl={},subexpiry={}\r\n",
            database.index,
            database.keys,
            database.expires,
            database.avg_ttl_ms,
            database.field_expires,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::{Counters, DatabaseStat, ErrorStat, Gauges, LatencyStat, ROWS};

    const COMMANDS: &[CommandStat<'_>] = &[
        CommandStat {
            name: "get",
            calls: 3,
            usec: 4,
            rejected_calls: 1,
            failed_calls: 2,
        },
        CommandStat {
            name: "config|get",
            calls: 0,
            usec: 0,
            rejected_calls: 1,
            failed_calls: 0,
        },
    ];
    const ERRORS: &[ErrorStat<'_>] = &[ErrorStat {
        code: "ERR",
        count: 2,
    }];
    const DATABASES: &[DatabaseStat] = &[
        DatabaseStat {
            index: 0,
            keys: 1,
            expires: 0,
            avg_ttl_ms: 0,
            field_expires: 0,
        },
        DatabaseStat {
            index: 1,
            keys: 0,
            expires: 0,
            avg_ttl_ms: 0,
            field_expires: 0,
        },
        DatabaseStat {
            index: 9,
            keys: 5,
            expires: 2,
            avg_ttl_ms: 1500,
            field_expires: 3,
        },
    ];

    fn with_source<R>(counters: &Counters, use_source: impl FnOnce(&InfoSource<'_>) -> R) -> R {
        let gauges = Gauges {
            os: "Linux 6.1 x86_64".to_owned(),
            multiplexing_api: "epoll".to_owned(),
            tcp_port: 6379,
            uptime_seconds: 2 * 86_400 + 5,
            used_memory_bytes: 1_572_864,
            used_memory_peak_bytes: 3_145_728,
            used_memory_overhead_bytes: 1_000_000,
            resident_startup_bytes: 99_424,
            used_memory_rss_bytes: 1_048_576,
            memory_limit_bytes: 2 << 20,
            memory_policy: "allkeys-lfu",
            keyspace_bytes: 500_000,
            keyspace_overhead_bytes: 10_000,
            entries_held_bytes: 522_768,
            input_bytes_per_second: 1536,
            cpu_user_usec: 7_743,
            ..Gauges::default()
        };
        use_source(&InfoSource {
            counters,
            gauges: &gauges,
            commands: COMMANDS,
            command_busy_us: 77,
            latencies: &[LatencyStat {
                name: "get",
                percentiles: vec![("50", 1.003), ("99.9", 12.0)],
            }],
            errors: ERRORS,
            databases: DATABASES,
        })
    }

    fn info(sections: &[&str]) -> String {
        let sections: Vec<&[u8]> = sections.iter().map(|name| name.as_bytes()).collect();
        with_source(&Counters::distinct(100), |source| {
            info_text(&sections, source)
        })
    }

    fn headers(sections: &[&str]) -> Vec<String> {
        let text = info(sections);
        let headers = text.lines().filter_map(|line| line.strip_prefix("# "));
        headers.map(str::to_owned).collect()
    }

    fn field(name: &str) -> String {
        let text = info(&["everything"]);
        let is_meant = |line: &&str| line.starts_with(&format!("{name}:"));
        text.lines().find(is_meant).expect(name)[name.len() + 1..].to_owned()
    }

    #[test]
    fn lists_have_one_line_each() {
        assert_eq!(
            info(&["commandstats"]),
            "# Commandstats\r\n\
             cmdstat_get:calls=3,usec=4,usec_per_call=1.33,rejected_calls=1,failed_calls=2\r\n\
             cmdstat_config|get:calls=0,usec=0,usec_per_call=0.00,rejected_calls=1,\
             failed_calls=0\r\n"
        );
        assert_eq!(
            info(&["Errorstats"]),
            "# Errorstats\r\nerrorstat_ERR:count=2\r\n"
        );
        assert_eq!(
            info(&["latencystats"]),
            "# Latencystats\r\nlatency_percentiles_usec_get:p50=1.003,p99.9=12.000\r\n"
        );
        assert_eq!(
            info(&["KEYSPACE"]),
            "# Keyspace\r\ndb0:keys=1,expires=0,avg_ttl=0,subexpiry=0\r\n\
             db9:keys=5,expires=2,avg_ttl=1500,subexpiry=3\r\n"
        );
        assert_eq!(info(&["modules"]), "# Modules\r\n");
    }

    #[test]
    fn sections_are_separated_and_listed_once_in_order() {
        assert_eq!(
            info(&["keyspace", "cluster", "CLUSTER", "nosuch"]),
            "# Cluster\r\ncluster_enabled:0\r\n\r\n\
             # Keyspace\r\ndb0:keys=1,expires=0,avg_ttl=0,subexpiry=0\r\n\
             db9:keys=5,expires=2,avg_ttl=1500,subexpiry=3\r\n"
        );
        assert_eq!(info(&["nosuch"]), "");
        assert_eq!(info(&[""]), "");
    }

    #[test]
    fn default_is_all_but_the_lines_of_commands() {
        let all = Section::ALL.map(Section::name).to_vec();
        let default: Vec<&str> = all
            .iter()
            .copied()
            .filter(|n| !matches!(*n, "Commandstats" | "Latencystats"))
            .collect();
        assert_eq!(headers(&["ALL"]), all);
        assert_eq!(headers(&["everything", "server"]), all);
        assert_eq!(headers(&["default", "commandstats", "latencystats"]), all);
        assert_eq!(headers(&["Default"]), default);
        assert_eq!(headers(&[]), default);
    }

    #[test]
    fn every_line_is_a_header_a_field_or_empty() {
        let text = info(&["everything"]);
        assert!(text.ends_with("\r\n"));
        assert!(!text.replace("\r\n", "").contains(['\r', '\n']));
        for line in text.split_terminator("\r\n") {
            let is_field = line
                .split_once(':')
                .is_some_and(|(name, _)| !name.is_empty());
            assert!(
                line.is_empty() || line.starts_with("# ") || is_field,
                "{line}"
            );
        }
    }

    #[test]
    fn values_are_written_in_their_form() {
        assert_eq!(field("redis_version"), "7.4.0");
        assert_eq!(field("server_name"), "evenkeel");
        assert_eq!(field("tcp_port"), "6379");
        assert_eq!(field("uptime_in_days"), "2");
        assert_eq!(field("used_memory"), "1572864");
        assert_eq!(field("used_memory_human"), "1.50M");
        assert_eq!(field("used_memory_peak_perc"), "50.00%");
        assert_eq!(field("used_memory_dataset"), "572864");
        assert_eq!(field("used_memory_dataset_perc"), "36.42%");
        assert_eq!(field("mem_fragmentation_ratio"), "0.63");
        assert_eq!(field("mem_fragmentation_bytes"), "-623712");
        assert_eq!(field("instantaneous_input_kbps"), "1.50");
        assert_eq!(field("used_cpu_user"), "0.007743");
        assert_eq!(field("expiry_next_deadline_ms"), "-1");
        assert_eq!(field("maxmemory_policy"), "allkeys-lfu");
        assert_eq!(field("maxmemory_human"), "2.00M");
        assert_eq!(field("allocator_active"), "1605632");
        assert_eq!(field("allocator_frag_bytes"), "32768");
        assert_eq!(field("mem_not_counted_for_evict"), "1072864");
    }

    #[test]
    fn names_tools_search_for_occur_first_as_fields() {
        let searched = [
            "used_memory",
            "connected_clients",
            "blocked_clients",
            "loading",
            "total_commands_processed",
            "total_connections_received",
            "redis_version",
            "db0",
        ];
        for text in [info(&[]), info(&["everything"])] {
            for name in searched {
                let at = text.find(name).expect(name);
                assert_eq!(&text[at - 1..at], "\n", "{name}");
                assert!(text[at + name.len()..].starts_with(':'), "{name}");
            }
        }
    }

    #[test]
    fn every_counter_is_reported_and_reset() {
        let mut counters = Counters::distinct(100);
        for (name, value) in counters.fields() {
            assert_eq!(field(name), value.to_string());
            let row = ROWS.iter().find(|row| row.name == name).expect(name);
            assert!(row.reset.is_some(), "{name}");
        }
        counters.reset();
        assert_eq!(counters, Counters::default());
    }
}
