//! Hit ratios: of eviction policies in process, and of servers at the same number of bytes.
//!
//! ```text
//! traces, files and generated ─┬─▶ policies ──▶ table: hits of each at 1 %, 5 %, 10 %, 25 %
//!                              ├─▶ servers, GET then SET on a miss ──▶ the same    (--servers)
//!                              └─▶ small caches ──▶ hits at other sizes             (--predict)
//! ```
//!
//! 1. All columns of a row get the same accesses and the same room: a share of the distinct keys,
//!    or of their bytes where sizes differ.
//! 2. Everything is seeded; in process a run gives the same table again.
//! 3. `cargo test` runs this file without `--bench`: then it does nothing.
//!
//! Cost: a minute in process, several with servers. Not here: time and memory
//! (`benches/side_by_side/`).

mod lists;
mod options;
mod ours;
mod policy;
mod prediction;
#[allow(
    dead_code,
    reason = "shared with the other bench, which uses all of it"
)]
#[path = "../side_by_side/resp_client.rs"]
mod resp_client;
#[allow(
    dead_code,
    reason = "shared with the other bench, which uses all of it"
)]
#[path = "../side_by_side/server_process.rs"]
mod server_process;
mod servers;
mod table;
mod tiny_lfu;
mod trace;

use std::io;
use std::process::ExitCode;

use evenkeel::structures::small_caches::FACTORS;
use options::Options;
use ours::Ours;
use policy::{Arc, ByFrequency, Lru, Optimum, Policy, S3Fifo, Sieve};
use table::Table;
use tiny_lfu::TinyLfu;
use trace::{Access, Trace};

/// The room of a cache, as a share of the trace's distinct keys or bytes.
const SHARES: [f64; 4] = [0.01, 0.05, 0.10, 0.25];

/// Bytes that each key of a sized trace is charged with beside its value, in process.
const OVERHEAD_BYTES: u32 = 36;

/// Columns; the last is ours.
const POLICIES: [&str; 10] = [
    "LRU",
    "LFU",
    "GDSF",
    "SIEVE",
    "S3-FIFO",
    "W-TinyLFU",
    "W-TinyLFU, adaptive",
    "ARC",
    "optimum",
    "ours",
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1).peekable();
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let result = Options::parse(&mut arguments)
        .map_err(io::Error::other)
        .and_then(|options| run(&options));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> io::Result<()> {
    let traces = traces(options)?;
    if options.predicts {
        predict(&traces);
        return Ok(());
    }
    if options.plays_servers {
        return servers::run(options, &traces);
    }
    for (title, is_sized) in [
        ("same number of keys", false),
        ("same number of bytes", true),
    ] {
        let mut table = Table::new(&POLICIES);
        let chosen = traces.iter().filter(|trace| trace.is_sized == is_sized);
        for trace in chosen {
            for share in SHARES {
                table.row(&row_name(trace, share), &in_process(trace, share));
            }
        }
        println!("\nHits in per cent, {title}\n\n{table}");
    }
    Ok(())
}

/// Prints what small caches say of other sizes, beside what they bring.
fn predict(traces: &[Trace]) {
    let mut table = Table::new(&["said, of all keys", "of 1 in 8", "of 1 in 64", "measured"]);
    for trace in traces {
        for share in [0.05, 0.10] {
            let (accesses, size, mean_size) = played(trace, share);
            let rows = prediction::rows(&accesses, trace.key_count, size, mean_size);
            for (factor, row) in FACTORS.iter().zip(rows) {
                let name = format!("{} × {factor}", row_name(trace, share));
                table.row(&name, &row.map(Some));
            }
        }
    }
    println!("\nHits in per cent at other sizes, said and measured\n\n{table}");
}

fn row_name(trace: &Trace, share: f64) -> String {
    format!("{} {:.0} %", trace.name, share * 100.0)
}

/// Traces that are wanted, files in the order of their names first.
fn traces(options: &Options) -> io::Result<Vec<Trace>> {
    let mut paths = Vec::new();
    if let Some(directory) = &options.traces {
        for entry in std::fs::read_dir(directory)? {
            paths.push(entry?.path());
        }
    }
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "gz"));
    paths.sort();
    let files = paths.iter().map(|path| Trace::read(path));
    let mut traces = files.collect::<io::Result<Vec<Trace>>>()?;
    traces.extend(trace::generated(options.seed));
    traces.retain(|trace| trace.name.contains(&options.row));
    Ok(traces)
}

/// Accesses with the sizes that count, the room of the cache, and the mean size.
fn played(trace: &Trace, share: f64) -> (Vec<Access>, u64, f64) {
    let overhead = if trace.is_sized { OVERHEAD_BYTES } else { 0 };
    let mut accesses = trace.for_cache(share);
    for access in &mut accesses {
        access.size = if trace.is_sized {
            access.size + overhead
        } else {
            1
        };
    }
    let (key_count, bytes) = trace.distinct(overhead.into());
    let whole = if trace.is_sized { bytes } else { key_count };
    let size_max = ((whole as f64 * share) as u64).max(1);
    (accesses, size_max, whole as f64 / key_count as f64)
}

/// Hits in per cent of each policy; none where it is not defined.
fn in_process(trace: &Trace, share: f64) -> Vec<Option<f64>> {
    let (accesses, size_max, mean_size) = played(trace, share);
    let columns = POLICIES.iter().map(|name| {
        let mut policy = policy(name, trace, &accesses, size_max, mean_size)?;
        let hits = accesses.iter().filter(|access| policy.access(**access));
        let ratio = hits.count() as f64 / accesses.len() as f64 * 100.0;
        if let Some(examined) = policy.examined_per_eviction() {
            let row = row_name(trace, share);
            eprintln!("{row}: {name} examined {examined:.1} entries an eviction");
        }
        Some(ratio)
    });
    columns.collect()
}

fn policy(
    name: &str,
    trace: &Trace,
    accesses: &[Access],
    size_max: u64,
    mean_size: f64,
) -> Option<Box<dyn Policy>> {
    let keys = trace.key_count;
    let policy: Box<dyn Policy> = match name {
        "LRU" => Box::new(Lru::new(keys, size_max)),
        "LFU" => Box::new(ByFrequency::new(keys, size_max, false)),
        "GDSF" => Box::new(ByFrequency::new(keys, size_max, true)),
        "SIEVE" => Box::new(Sieve::new(keys, size_max)),
        "S3-FIFO" => Box::new(S3Fifo::new(keys, size_max)),
        "W-TinyLFU" => Box::new(TinyLfu::new(keys, size_max, false)),
        "W-TinyLFU, adaptive" => Box::new(TinyLfu::new(keys, size_max, true)),
        "ARC" if !trace.is_sized => Box::new(Arc::new(keys, size_max)),
        "optimum" if !trace.is_sized => Box::new(Optimum::new(keys, size_max, accesses)),
        "ours" => Box::new(Ours::new(keys, size_max, mean_size)),
        _ => return None,
    };
    Some(policy)
}
