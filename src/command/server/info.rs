//! INFO and TIME, and a little art.

use crate::command::declare::family;
use crate::command::declare::spec::{Categories, CommandSpec, Flags, Outcome};
use crate::command::declare::table::table;
use crate::config::MemoryLimit;
use crate::context::Context;
use crate::protocol::args::Args;
use crate::stats::{
    self, CommandStat, DatabaseStat, ErrorStat, Gauges, InfoSource, LatencyStat, Section,
};

pub(super) const COMMANDS: &[&CommandSpec] = &[&INFO, &TIME, &LOLWUT];

const ANYTIME: Flags = Flags::LOADING.and(Flags::STALE);

static INFO: CommandSpec = family::SERVER
    .command("info", "[section [section ...]]", info)
    .summary("Describes the server and what it has done.")
    .since("1.0.0")
    .cost("O(number of clients)")
    .flags(ANYTIME)
    .also(Categories::DANGEROUS);

fn info(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let sections: Vec<&[u8]> = args.iter().skip(1).collect();
    let text = info_text(context, &sections);
    context.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// The text of INFO for some sections, or the default ones.
pub(crate) fn info_text(context: &mut Context<'_>, sections: &[&[u8]]) -> String {
    let gauges = gather_gauges(context);
    let mut counters = context.stats.counters.clone();
    counters.expired_keys = context.keyspace.expiry_report().removed_keys;
    let evicted = context.keyspace.eviction_report();
    counters.evicted_keys = evicted.keys;
    counters.evicted_bytes = evicted.bytes;
    counters.eviction_examined_keys = evicted.examined;
    counters.eviction_ghost_hits = evicted.ghost_hits;
    let commands: Vec<CommandStat<'_>> = context
        .stats
        .commands()
        .map(|(number, count)| CommandStat {
            name: table().full_name(number),
            calls: count.calls,
            usec: count.busy_ns / 1_000,
            rejected_calls: count.rejected_calls,
            failed_calls: count.failed_calls,
        })
        .collect();
    let latencies = gather_latencies(context, sections);
    let errors: Vec<ErrorStat<'_>> = context
        .stats
        .errors()
        .map(|(code, count)| ErrorStat { code, count })
        .collect();
    let now_ms = context.now_ms();
    let databases: Vec<DatabaseStat> = (0..context.keyspace.database_count())
        .map(|index| {
            let size = context.keyspace.size(index);
            DatabaseStat {
                index: index as u32,
                keys: size.keys as u64,
                expires: size.expires as u64,
                avg_ttl_ms: context.keyspace.average_ttl_ms(index, now_ms),
            }
        })
        .collect();
    stats::info_text(
        sections,
        &InfoSource {
            counters: &counters,
            gauges: &gauges,
            commands: &commands,
            command_busy_us: context.stats.command_busy_us(),
            latencies: &latencies,
            errors: &errors,
            databases: &databases,
        },
    )
}

/// How long commands took, if the request wants to know: this walks a histogram a command.
fn gather_latencies<'c>(context: &'c Context<'_>, sections: &[&[u8]]) -> Vec<LatencyStat<'c>> {
    let percentiles = &context.config.latency_percentiles;
    let is_wanted = Section::Latencystats.is_asked_for(sections);
    if !is_wanted || percentiles.is_empty() {
        return Vec::new();
    }
    let numbered = table()
        .all()
        .filter_map(|number| Some((number, context.timing.durations(number)?)));
    numbered
        .map(|(number, durations)| LatencyStat {
            name: table().full_name(number),
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

/// The values of the moment: what the node and the reactor keep up to date, and what is read from
/// keyspace and sessions now.
pub(crate) fn gather_gauges(context: &mut Context<'_>) -> Gauges {
    let now = context.now;
    let report = context.keyspace.expiry_report();
    let longest_turn = context.turns.longest();
    let keyspace_bytes = context.keyspace.used_bytes();
    let keyspace_overhead_bytes = context.keyspace.overhead_bytes() as u64;
    let held_entry_bytes = context.keyspace.held_entry_bytes() as u64;
    let session_bytes = context.sessions.used_bytes() + context.stats.slow_log.used_bytes();
    let evicted = context.keyspace.eviction_report();
    let stats = &mut *context.stats;
    stats.sample_rates(now.monotonic_ms(), evicted.keys);
    let used_memory_bytes = stats.gauges.note_used_memory(keyspace_bytes, session_bytes);
    Gauges {
        memory_limit_is_auto: context.config.maxmemory == MemoryLimit::Auto,
        memory_policy: context.config.maxmemory_policy.name(),
        now_usec: now.unix_us,
        changes_since_save: context
            .keyspace
            .dirty_count()
            .saturating_sub(stats.gauges.saved_dirty_count),
        eviction_ghost_bytes: evicted.ghost_bytes,
        evictions_per_second: stats.evictions_per_second(),
        uptime_seconds: now.monotonic_us / 1_000_000,
        connected_clients: context.sessions.len() as u64,
        blocked_clients: context.sessions.blocked_count() as u64,
        maxclients: u64::from(context.config.maxclients),
        used_memory_bytes,
        used_memory_overhead_bytes: session_bytes as u64 + keyspace_overhead_bytes,
        keyspace_overhead_bytes,
        keyspace_bytes: keyspace_bytes as u64,
        entries_held_bytes: held_entry_bytes,
        snapshot_held_bytes: context.keyspace.cut_held_bytes() as u64,
        lazyfree_pending_objects: context.keyspace.pending_free_keys() as u64,
        commands_per_second: stats.commands_per_second(),
        input_bytes_per_second: stats.input_bytes_per_second(),
        output_bytes_per_second: stats.output_bytes_per_second(),
        turns_per_second: stats.turns_per_second(),
        mean_turn_usec: stats.mean_turn_usec(),
        expiry_next_deadline_ms: context.keyspace.next_deadline_ms(),
        expire_lag_p50_usec: report.lag_p50_ms * 1000,
        expire_lag_p99_usec: report.lag_p99_ms * 1000,
        expire_lag_max_usec: report.lag_max_ms * 1000,
        loop_turn_p50_usec: context.turns.percentile_us(50.0),
        loop_turn_p99_usec: context.turns.percentile_us(99.0),
        loop_turn_p999_usec: context.turns.percentile_us(99.9),
        loop_turn_max_serve_usec: longest_turn.serve_us,
        loop_turn_max_work_usec: longest_turn.work_us,
        loop_turn_max_read_usec: longest_turn.read_us,
        loop_turn_max_save_usec: longest_turn.save_us,
        loop_turn_max_write_usec: longest_turn.write_us,
        ..stats.gauges.clone()
    }
}

static TIME: CommandSpec = family::SERVER
    .command("time", "", time)
    .summary("Returns the time as Unix seconds and microseconds.")
    .since("2.6.0")
    .flags(ANYTIME.and(Flags::FAST));

fn time(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    let now_us = context.now.unix_us;
    context.reply.array(2);
    for part in [now_us / 1_000_000, now_us % 1_000_000] {
        context.reply.bulk_integer(part as i64);
    }
    Ok(())
}

static LOLWUT: CommandSpec = family::SERVER
    .command("lolwut", "[VERSION version]", lolwut)
    .summary("Shows a ship on an even keel, and the version.")
    .since("5.0.0")
    .flags(Flags::READ_ONLY.and(Flags::FAST));

fn lolwut(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    const SHIP: &str = concat!(
        "          |\\\n",
        "          | \\\n",
        "          |  \\\n",
        "          |___\\\n",
        "   _______|________\n",
        "   \\              /\n",
        "~~~~\\____________/~~~~~~~\n",
        "  ~~      ~~      ~~\n",
        "\nEvenkeel ver. ",
        env!("CARGO_PKG_VERSION"),
        ", which answers as Redis ver. ",
    );
    let text = format!("{SHIP}{}\n", stats::REDIS_VERSION);
    context.reply.verbatim("txt", text.as_bytes());
    Ok(())
}
