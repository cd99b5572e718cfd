//! What a background snapshot costs: latency, memory and throughput meanwhile, its time and its
//! size.
//!
//! ```text
//! fresh server ── start again, empty ── fill ── bounded SETs + PINGs ── the same + BGSAVEs
//!   ── bounded SETs + BGSAVEs + memory ── SETs at full rate ── the same + BGSAVEs
//!   ── BGSAVE of the idle server, size of the file ── start again, loading the file
//! ```
//!
//! 1. Every "during" is compared with the same load before it, on the same server in the same
//!    minute.
//! 2. BGSAVEs follow one another for the whole phase, so a short snapshot gives as many PINGs as a
//!    long one.
//! 3. Memory has a phase of its own: reading the pages of a forked child takes time of the probe's
//!    core.
//!
//! Not here: the load (`overwrite_load.rs`), the probe (`probe.rs`).

use std::fs;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::Context;
use crate::fill::{Fill, value};
use crate::overwrite_load::{Overwrites, Target};
use crate::probe::{PAUSE, TAIL, probe_during};
use crate::report::{Better, Cell, Figure, Section};
use crate::resp_client::Client;
use crate::server_process::{LOAD_CORE, SERVER_CORE, ServerProcess, Side};

/// Positions in `FIGURES`.
const PING: usize = 0;
const PING_RATIO: usize = 1;
const RATE: usize = 2;
const RATE_RATIO: usize = 3;
const MEMORY: usize = 4;
const MEMORY_RATIO: usize = 5;
const TIME: usize = 6;
const SIZE: usize = 7;

const FIGURES: [Figure; 8] = [
    figure("PING under bounded SETs, ms", Better::Lower, 3),
    figure("The same, during / without snapshots", Better::Lower, 2),
    figure("SETs, thousands per second", Better::Higher, 1),
    figure("The same, during / without snapshots", Better::Higher, 3),
    figure("Resident memory, MiB", Better::Lower, 1),
    figure("The same, peak during / level before", Better::Lower, 3),
    figure("Time, s", Better::Lower, 3),
    figure("Size of the file, MiB", Better::Lower, 1),
];

const fn figure(title: &'static str, better: Better, decimals: usize) -> Figure {
    Figure {
        title,
        better,
        decimals,
    }
}

/// Shares of the PINGs: name, names of the two rows, share.
const QUANTILES: [(&str, [&str; 2], f64); 4] = [
    ("p50", ["p50, no snapshot", "p50, snapshots"], 0.5),
    ("p99", ["p99, no snapshot", "p99, snapshots"], 0.99),
    ("p99.9", ["p99.9, no snapshot", "p99.9, snapshots"], 0.999),
    (
        "slowest",
        ["slowest, no snapshot", "slowest, snapshots"],
        1.0,
    ),
];

/// Keys of 16 bytes, all of which the load overwrites.
const KEYS: u64 = 2_000_000;
/// Bytes of every value.
const VALUE_BYTES: usize = 64;
/// SETs per second of the bounded load: a fraction of what either side takes on one core.
const BOUNDED_RATE: u64 = 100_000;
/// Length of a phase; it ends with the snapshot that runs then.
const PHASE: Duration = Duration::from_secs(6);
/// Length of a phase of a smoke run.
const QUICK_PHASE: Duration = Duration::from_millis(300);
/// How often the memory is read.
const SAMPLE_INTERVAL: Duration = Duration::from_millis(5);
/// How often the server is asked whether the snapshot is done.
const POLL_INTERVAL: Duration = Duration::from_millis(5);
/// A snapshot counts as failed after so long.
const SNAPSHOT_LIMIT: Duration = Duration::from_secs(120);
/// The most bytes of an answer to INFO.
const INFO_LIMIT_BYTES: u64 = 64 * 1024;
/// Names of the files that the two sides write by default.
const SNAPSHOT_FILES: [&str; 2] = ["dump.rdb", "dump.evk"];

const MIB: f64 = 1024.0 * 1024.0;

/// Measures everything on both sides.
pub(crate) fn run(context: &Context) -> Section {
    let notes = notes();
    let notes: Vec<&str> = notes.iter().map(String::as_str).collect();
    let mut section = Section::new("Snapshots", &FIGURES, &notes);
    let plan = Plan {
        keys: context.options.scaled(KEYS),
        phase: if context.options.quick {
            QUICK_PHASE
        } else {
            PHASE
        },
    };
    let value = value(VALUE_BYTES);
    section.command(plan.fill(&value).line());
    section.command(plan.overwrites(BOUNDED_RATE).line());
    section.command(plan.overwrites(0).line());
    section.command("BGSAVE, then INFO persistence until rdb_bgsave_in_progress is 0".to_owned());
    context.alternate_sides(&mut section, |side| plan.measure(side));
    section
}

fn notes() -> [String; 5] {
    [
        format!(
            "{KEYS} keys of 16 bytes with values of {VALUE_BYTES} bytes (a hundredth in a smoke run). \
             \"Snapshots\": one BGSAVE after the other for {} s, until the last one has ended.",
            PHASE.as_secs()
        ),
        format!(
            "A forked child runs on core {SERVER_CORE} like the server, so each side has one core for all \
             its work; where a core is spare, redis-server's child can have it: \
             --redis-args '--bgsave_cpulist N'."
        ),
        format!(
            "PING: one at a time, {} µs apart, until {} ms after the end of the load; the bounded load shares core \
             {LOAD_CORE} with it, in the scheduling class \"idle\".",
            PAUSE.as_micros(),
            TAIL.as_millis(),
        ),
        format!(
            "Memory, every {} ms: VmRSS of the server plus Private_Clean and Private_Dirty of its \
             children, so a page that a child shares with the server counts once. The page cache of the \
             file is not in it.",
            SAMPLE_INTERVAL.as_millis()
        ),
        "Time of BGSAVE: from the command until INFO no longer shows it; redis-server looks after its child \
         ten times a second. Loading: from the start of the process until PONG, minus the same without a \
         file."
            .to_owned(),
    ]
}

/// Sizes of one run.
struct Plan {
    keys: u64,
    phase: Duration,
}

impl Plan {
    fn fill<'a>(&self, value: &'a [u8]) -> Fill<'a> {
        Fill {
            prefix: "key",
            range: 0..self.keys,
            value,
            suffix: &[],
        }
    }

    fn overwrites(&self, rate_limit: u64) -> Overwrites {
        Overwrites {
            target: Target::Keys,
            keys: self.keys,
            value_bytes: VALUE_BYTES,
            rate_limit,
        }
    }

    fn measure(&self, side: &Side) -> io::Result<Vec<Cell>> {
        let mut server = side.start()?;
        let empty_start = server.restart(side)?;
        self.fill(&value(VALUE_BYTES))
            .send(&mut [server.client()?])?;
        let mut cells = self.measure_latency(&server)?;
        cells.extend(self.measure_memory(&server)?);
        cells.extend(self.measure_throughput(&server)?);
        let snapshot = snapshot(&mut server.client()?)?;
        let file_bytes = file_bytes(&server)?;
        let full_start = server.restart(side)?;
        self.check_keys(&server)?;
        let load = full_start.saturating_sub(empty_start);
        cells.extend([
            cell(TIME, "BGSAVE, idle server", snapshot.as_secs_f64()),
            cell(TIME, "loading at the start", load.as_secs_f64()),
            cell(SIZE, "file", file_bytes as f64 / MIB),
        ]);
        Ok(cells)
    }

    fn measure_latency(&self, server: &ServerProcess) -> io::Result<Vec<Cell>> {
        let load = self.overwrites(BOUNDED_RATE);
        let phase = |action: &(dyn Fn() -> io::Result<()> + Sync)| {
            probe_during(server.port(), || {
                let load = load.start(server.port())?;
                action()?;
                load.stop()
            })
        };
        let (without, rate_without) = phase(&|| {
            thread::sleep(self.phase);
            Ok(())
        })?;
        let (during, rate_during) = phase(&|| self.snapshots(server))?;
        let rows = ["bounded", "bounded, snapshots"];
        let mut cells = rate_cells(rows, rate_without, rate_during);
        for (name, rows, share) in QUANTILES {
            let [without_ms, during_ms] = [&without, &during].map(|seen| seen.quantile_ms(share));
            cells.extend([
                cell(PING, rows[0], without_ms),
                cell(PING, rows[1], during_ms),
                cell(PING_RATIO, name, during_ms / without_ms),
            ]);
        }
        Ok(cells)
    }

    fn measure_memory(&self, server: &ServerProcess) -> io::Result<Vec<Cell>> {
        let before_bytes = server.settled_resident_bytes()?;
        let load = self.overwrites(BOUNDED_RATE).start(server.port())?;
        let done = AtomicBool::new(false);
        let peak_bytes = thread::scope(|scope| {
            let sampler = scope.spawn(|| peak_bytes(server, &done));
            let saved = self.snapshots(server);
            done.store(true, Ordering::Release);
            let panicked = |_| Err(io::Error::other("the sampling thread panicked"));
            let peak_bytes = sampler.join().unwrap_or_else(panicked);
            saved.and(peak_bytes)
        })?;
        load.stop()?;
        let [before, peak] = [before_bytes, peak_bytes].map(|bytes| bytes as f64 / MIB);
        Ok(vec![
            cell(MEMORY, "level before", before),
            cell(MEMORY, "peak during snapshots", peak),
            cell(MEMORY_RATIO, "peak / before", peak / before),
        ])
    }

    fn measure_throughput(&self, server: &ServerProcess) -> io::Result<Vec<Cell>> {
        let load = self.overwrites(0).start(server.port())?;
        thread::sleep(self.phase);
        let without = load.stop()?;
        let load = self.overwrites(0).start(server.port())?;
        self.snapshots(server)?;
        let during = load.stop()?;
        let rows = ["full rate", "full rate, snapshots"];
        Ok(rate_cells(rows, without, during))
    }

    /// One BGSAVE after the other until the phase is over and the last one has ended.
    fn snapshots(&self, server: &ServerProcess) -> io::Result<()> {
        let mut client = server.client()?;
        let start = Instant::now();
        while start.elapsed() < self.phase {
            snapshot(&mut client)?;
        }
        Ok(())
    }

    fn check_keys(&self, server: &ServerProcess) -> io::Result<()> {
        let counted = server.client()?.call_integer(&[b"DBSIZE"])?;
        if u64::try_from(counted) == Ok(self.keys) {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "DBSIZE is {counted} after loading {} keys",
            self.keys
        )))
    }
}

fn cell(figure: usize, row: &'static str, value: f64) -> Cell {
    Cell { figure, row, value }
}

fn rate_cells(rows: [&'static str; 2], without: f64, during: f64) -> Vec<Cell> {
    vec![
        cell(RATE, rows[0], without / 1000.0),
        cell(RATE, rows[1], during / 1000.0),
        cell(RATE_RATIO, rows[0], during / without),
    ]
}

/// Takes one snapshot and returns how long it took.
pub(crate) fn snapshot(client: &mut Client) -> io::Result<Duration> {
    let start = Instant::now();
    client.call(&[b"BGSAVE"])?;
    loop {
        let info = client.call_bulk(&[b"INFO", b"persistence"], INFO_LIMIT_BYTES)?;
        let has = |wanted: &str| info.lines().any(|line| line == wanted);
        if has("rdb_bgsave_in_progress:0") {
            let took = start.elapsed();
            return match has("rdb_last_bgsave_status:ok") {
                true => Ok(took),
                false => Err(io::Error::other("the snapshot failed")),
            };
        }
        if start.elapsed() > SNAPSHOT_LIMIT {
            return Err(io::Error::other("the snapshot does not end"));
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// The most memory seen until `done`.
fn peak_bytes(server: &ServerProcess, done: &AtomicBool) -> io::Result<u64> {
    let mut peak_bytes = 0;
    while !done.load(Ordering::Acquire) {
        let bytes = server.resident_bytes()? + server.private_bytes_of_children()?;
        peak_bytes = peak_bytes.max(bytes);
        thread::sleep(SAMPLE_INTERVAL);
    }
    Ok(peak_bytes)
}

fn file_bytes(server: &ServerProcess) -> io::Result<u64> {
    SNAPSHOT_FILES
        .iter()
        .find_map(|name| fs::metadata(server.directory().join(name)).ok())
        .map(|metadata| metadata.len())
        .ok_or_else(|| io::Error::other("there is no file of a snapshot"))
}
