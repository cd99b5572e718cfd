//! MEMORY: what keys and the server take.
//!
//! Not here: how it is counted (`keyspace/`), INFO memory (`context/report.rs`).

use crate::command::arguments::parse_i32;
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::help::help_of;
use crate::command::declare::keys::Keys;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::context::outbox::Effect;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::ReplyWriter;
use crate::stats::Gauges;

pub(super) const COMMANDS: &[&CommandSpec] = &[&MEMORY];

static MEMORY: CommandSpec = family::SERVER
    .container(
        "memory",
        &[&DOCTOR, &HELP, &MALLOC_STATS, &PURGE, &STATS, &USAGE],
    )
    .summary("A container of commands about memory.")
    .since("4.0.0");

static USAGE: CommandSpec = family::SERVER
    .subcommand("usage", "key [SAMPLES count]", usage)
    .summary("Returns the bytes that a key and its value take.")
    .since("4.0.0")
    .flags(Flags::READ_ONLY)
    .keys(Keys::SECOND)
    .access(Access::LOOK);

fn usage(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    // What a value takes is known without sampling, so the number has no effect.
    for option in (3..args.len()).step_by(2) {
        let is_samples = args.get(option).eq_ignore_ascii_case(b"samples");
        if !is_samples || option + 1 == args.len() || parse_i32(args.get(option + 1))? < 0 {
            return Err(ReplyError::SYNTAX);
        }
    }
    let key = context.key(args, 2);
    let (database, now_ms) = (context.database(), context.now_ms());
    match context.keyspace.find(database, key, now_ms) {
        Some(entry) => {
            let bytes = context.keyspace.key_bytes(entry);
            context.reply.integer(bytes as i64);
        }
        None => context.reply.null(),
    }
    Ok(())
}

static STATS: CommandSpec = family::SERVER
    .subcommand("stats", "", stats)
    .summary("Returns figures about the server's memory.")
    .since("4.0.0")
    .cost("O(number of databases and clients)");

fn stats(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    let gauges = context.report().gauges();
    let databases = (0..context.keyspace.database_count())
        .filter(|&index| context.keyspace.size(index).keys > 0)
        .map(|index| (index, context.keyspace.table_bytes(index)));
    let databases: Vec<(usize, (usize, usize))> = databases.collect();
    let keys: usize = databases
        .iter()
        .map(|&(index, _)| context.keyspace.size(index).keys)
        .sum();
    let reply = &mut context.reply;
    let head = head_figures(&gauges);
    let tail = tail_figures(&gauges, keys as u64);
    reply.map(head.len() + databases.len() + tail.len());
    write_figures(reply, &head);
    for (index, (table_bytes, heap_bytes)) in databases {
        reply.bulk(format!("db.{index}").as_bytes());
        let figures = [
            ("overhead.hashtable.main", Figure::Count(table_bytes as u64)),
            (
                "overhead.hashtable.expires",
                Figure::Count(heap_bytes as u64),
            ),
            ("overhead.hashtable.slot-to-keys", Figure::Count(0)),
        ];
        reply.map(figures.len());
        write_figures(reply, &figures);
    }
    write_figures(reply, &tail);
    Ok(())
}

enum Figure {
    Count(u64),
    Signed(i64),
    Ratio(f64),
}

type Named = (&'static str, Figure);

fn write_figures(reply: &mut ReplyWriter<'_>, figures: &[Named]) {
    for (name, figure) in figures {
        reply.bulk(name.as_bytes());
        match *figure {
            Figure::Count(count) => reply.integer(count as i64),
            Figure::Signed(number) => reply.integer(number),
            Figure::Ratio(ratio) => reply.double(ratio),
        }
    }
}

/// The figures before those of the databases, in Redis's order.
fn head_figures(gauges: &Gauges) -> Vec<Named> {
    vec![
        ("peak.allocated", Figure::Count(gauges.peak_bytes())),
        ("total.allocated", Figure::Count(gauges.used_memory_bytes)),
        ("startup.allocated", Figure::Count(0)),
        ("replication.backlog", Figure::Count(0)),
        ("clients.slaves", Figure::Count(0)),
        ("clients.normal", Figure::Count(gauges.client_buffers_bytes)),
        ("cluster.links", Figure::Count(0)),
        ("aof.buffer", Figure::Count(0)),
        ("lua.caches", Figure::Count(0)),
        ("functions.caches", Figure::Count(0)),
    ]
}

/// The figures behind those of the databases.
fn tail_figures(gauges: &Gauges, keys: u64) -> Vec<Named> {
    let used_bytes = gauges.used_memory_bytes;
    let dataset_bytes = gauges.dataset_bytes();
    let active_bytes = gauges.active_bytes();
    let rss_bytes = gauges.used_memory_rss_bytes;
    let explained_bytes = gauges.explained_resident_bytes();
    let ratio = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
    vec![
        (
            "overhead.total",
            Figure::Count(gauges.used_memory_overhead_bytes),
        ),
        ("keys.count", Figure::Count(keys)),
        (
            "keys.bytes-per-key",
            Figure::Count(used_bytes.checked_div(keys).unwrap_or(0)),
        ),
        ("dataset.bytes", Figure::Count(dataset_bytes)),
        (
            "dataset.percentage",
            Figure::Ratio(ratio(dataset_bytes, used_bytes) * 100.0),
        ),
        (
            "peak.percentage",
            Figure::Ratio(ratio(used_bytes, gauges.peak_bytes()) * 100.0),
        ),
        ("allocator.allocated", Figure::Count(used_bytes)),
        ("allocator.active", Figure::Count(active_bytes)),
        ("allocator.resident", Figure::Count(active_bytes)),
        (
            "allocator-fragmentation.ratio",
            Figure::Ratio(ratio(active_bytes, used_bytes)),
        ),
        (
            "allocator-fragmentation.bytes",
            Figure::Count(gauges.entry_room_bytes()),
        ),
        ("allocator-rss.ratio", Figure::Ratio(1.0)),
        ("allocator-rss.bytes", Figure::Count(0)),
        (
            "rss-overhead.ratio",
            Figure::Ratio(ratio(rss_bytes, active_bytes)),
        ),
        (
            "rss-overhead.bytes",
            Figure::Signed(rss_bytes.wrapping_sub(active_bytes).cast_signed()),
        ),
        (
            "fragmentation",
            Figure::Ratio(ratio(rss_bytes, explained_bytes)),
        ),
        (
            "fragmentation.bytes",
            Figure::Signed(rss_bytes.wrapping_sub(explained_bytes).cast_signed()),
        ),
    ]
}

static DOCTOR: CommandSpec = family::SERVER
    .subcommand("doctor", "", doctor)
    .summary("Says in words what is wrong with memory.")
    .since("4.0.0")
    .cost("O(number of clients)");

/// Below this much memory its shape means nothing, in bytes.
const SMALL_BYTES: u64 = 5 << 20;

fn doctor(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    let gauges = context.report().gauges();
    let used_bytes = gauges.used_memory_bytes;
    let mut text = String::new();
    if used_bytes < SMALL_BYTES {
        text.push_str("This server uses too little memory to say anything about it.\n");
    } else {
        if gauges.used_memory_peak_bytes > used_bytes + used_bytes / 2 {
            text.push_str(
                "Peak: the most memory ever used is more than 1.5 times that of now, so the \
                 process may hold on to pages that it does not need. A restart gives them back.\n",
            );
        }
        let explained_bytes = gauges.explained_resident_bytes();
        if gauges.used_memory_rss_bytes > explained_bytes + explained_bytes * 2 / 5 {
            text.push_str(
                "Fragmentation: the process has more than 1.4 times the memory that is used. Many \
                 values of changing size, or keys that were deleted, leave holes.\n",
            );
        }
        if gauges.client_buffers_bytes > used_bytes / 4 {
            text.push_str(
                "Clients: their buffers take more than a quarter of all memory. CLIENT LIST shows \
                 whose (qbuf, omem).\n",
            );
        }
        if text.is_empty() {
            text.push_str("Nothing is wrong with this server's memory.\n");
        }
    }
    context.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

static MALLOC_STATS: CommandSpec = family::SERVER
    .subcommand("malloc-stats", "", malloc_stats)
    .summary("Says which allocator is used; it keeps no statistics.")
    .since("4.0.0");

fn malloc_stats(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    let name = &context.stats.gauges.mem_allocator;
    let text = format!("No statistics of the allocator {name} are kept.\n");
    context.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

static PURGE: CommandSpec = family::SERVER
    .subcommand("purge", "", purge)
    .summary("Gives free memory back to the system at once instead of within seconds.")
    .since("4.0.0");

fn purge(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    context.outbox.push(Effect::PurgeMemory);
    context.reply.ok();
    Ok(())
}

help_of!(MEMORY, SERVER, "4.0.0");
