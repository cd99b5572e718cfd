//! What a limit of memory costs, and whether it holds: CPU of SETs that evict, latency meanwhile,
//! resident memory under sizes that shift.
//!
//! ```text
//! CPU      fresh server, maxmemory ── fill, evict once over ── redis-benchmark
//! latency  idle │ the same load: no limit ─ evicting │ for a server at its end and one at leisure
//! memory   fresh server, maxmemory ── fill, evict once over ── mixed_sizes.rs
//! ```
//!
//! 1. Keys are random out of [`RANGE_FACTOR`] times what fits, so nine in ten SETs are of a new
//!    key, and evict one: a run in which they do not counts as failed.
//! 2. "No limit" is the same load on a server that holds as many keys and has room for more: what
//!    the latency adds to that is what evicting adds.
//!
//! Not here: which keys are evicted, and what that is worth (`benches/hit_ratio`).

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crate::Context;
use crate::fill::{DEPTH, value, write_key};
use crate::mixed_sizes::{self, MixedSizes, Sizes};
use crate::overwrite_load::{Overwrites, Target};
use crate::probe::{PAUSE, TAIL, probe_during};
use crate::redis_benchmark;
use crate::report::{Better, Cell, Figure, Section};
use crate::resp_client::{Client, encode, pipeline};
use crate::server_process::{LOAD_CORE, ServerProcess, Side};
use crate::stall_actions::Action;

/// Positions in `FIGURES`.
const CPU: usize = 0;
const CPU_USER: usize = 1;
const RATE: usize = 2;
const SLOWEST: usize = 3;
const P999: usize = 4;
const P99: usize = 5;
const P50: usize = 6;
const PROBED_RATE: usize = 7;
const MEDIAN: usize = 8;
const MOST: usize = 9;
const MOST_RATIO: usize = 10;
const WRITTEN: usize = 11;

const FIGURES: [Figure; 12] = [
    figure("Server CPU per SET, µs", Better::Lower, 3),
    figure("… of it in user mode, µs", Better::Lower, 3),
    figure("SETs, thousands per second", Better::Higher, 1),
    figure("Slowest PING, ms", Better::Lower, 3),
    figure("PING p99.9, ms", Better::Lower, 3),
    figure("PING p99, ms", Better::Lower, 3),
    figure("PING p50, ms", Better::Lower, 3),
    figure("SETs meanwhile, thousands per second", Better::Higher, 1),
    figure("Resident memory, median, MiB", Better::Lower, 1),
    figure("Resident memory, most, MiB", Better::Lower, 1),
    figure("The same, of maxmemory", Better::Lower, 3),
    figure("Values written, GB", Better::Higher, 1),
];

const fn figure(title: &'static str, better: Better, decimals: usize) -> Figure {
    Figure {
        title,
        better,
        decimals,
    }
}

const MIB: u64 = 1 << 20;
/// `maxmemory` of the rows of CPU and latency.
const LIMIT_BYTES: u64 = 100 * MIB;
/// `maxmemory` under shifting sizes.
const MIXED_LIMIT_BYTES: u64 = 200 * MIB;
/// Both in a smoke run: less, and the buffers of 50 clients would be what matters.
const QUICK_LIMIT_BYTES: u64 = 32 * MIB;
/// The keys are out of so many times the number that fits.
const RANGE_FACTOR: u64 = 10;
/// Bytes that a key takes besides its value, about: key, header, table.
const KEY_BYTES: u64 = 56;
/// Keys of the load of shifting sizes: a third of those that are set when values are small are
/// there.
const MIXED_KEYS: u64 = 4_000_000;

/// SETs of one row of CPU.
const REQUESTS: u64 = 2_000_000;
/// SETs at full rate while PINGs are sent.
const PROBED_REQUESTS: u64 = 3_000_000;
/// Bytes of the values while PINGs are sent.
const PROBED_VALUE_BYTES: u64 = 64;
/// SETs a second for a server at leisure.
const PACED_RATE: u64 = 50_000;
/// How long PINGs are sent without a load and with a paced one.
const PHASE: Duration = Duration::from_secs(8);
const QUICK_PHASE: Duration = Duration::from_millis(300);

/// Evictions that are few enough to say that SETs did not evict, of the SETs.
const EVICTIONS_SHARE_MIN: f64 = 0.8;
/// SETs between two looks at how many keys were evicted.
const FILL_STEP_KEYS: u64 = 20_000;
/// A fill counts as failed after so long.
const FILL_LIMIT: Duration = Duration::from_secs(120);
/// The most bytes of an answer to INFO.
const INFO_LIMIT_BYTES: u64 = 64 * 1024;

/// What one row does.
#[derive(Clone, Copy)]
enum Work {
    /// SETs of so many bytes under a policy.
    Cost(&'static str, u64),
    /// PINGs beside nothing but a busy loop.
    Idle,
    /// PINGs beside a load, with a limit or without.
    Latency(Load, bool),
    /// Memory under sizes that shift.
    MixedSizes,
}

#[derive(Clone, Copy)]
enum Load {
    /// Pipelines on 50 connections at full rate.
    Full,
    /// [`PACED_RATE`].
    Paced,
}

const ROWS: [(&str, Work); 10] = [
    (
        "SET of 64 bytes, evicting, allkeys-lru",
        Work::Cost("allkeys-lru", 64),
    ),
    (
        "SET of 500 bytes, evicting, allkeys-lru",
        Work::Cost("allkeys-lru", 500),
    ),
    (
        "SET of 64 bytes, evicting, allkeys-lfu",
        Work::Cost("allkeys-lfu", 64),
    ),
    (
        "SET of 500 bytes, evicting, allkeys-lfu",
        Work::Cost("allkeys-lfu", 500),
    ),
    ("idle, load core busy", Work::Idle),
    (
        "SETs at 50,000 a second, no limit",
        Work::Latency(Load::Paced, false),
    ),
    (
        "SETs at 50,000 a second, evicting",
        Work::Latency(Load::Paced, true),
    ),
    (
        "SETs at full rate, no limit",
        Work::Latency(Load::Full, false),
    ),
    (
        "SETs at full rate, evicting",
        Work::Latency(Load::Full, true),
    ),
    ("memory, sizes shift", Work::MixedSizes),
];

/// Measures all rows on both sides.
pub(crate) fn run(context: &Context) -> Section {
    let plan = Plan {
        is_quick: context.options.quick,
    };
    let notes = notes();
    let notes: Vec<&str> = notes.iter().map(String::as_str).collect();
    let mut section = Section::new("Eviction", &FIGURES, &notes);
    context.alternate_cells(
        &mut section,
        ROWS.iter().map(|row| row.0),
        |index, side, section| {
            let (row, work) = ROWS[index];
            match work {
                Work::Cost(policy, value_bytes) => {
                    plan.measure_cost(row, side, policy, value_bytes, section)
                }
                Work::Idle => plan.measure_idle(row, side, section),
                Work::Latency(load, is_limited) => {
                    plan.measure_latency(row, side, load, is_limited, section)
                }
                Work::MixedSizes => plan.measure_mixed_sizes(side, section),
            }
        },
    );
    section
}

fn notes() -> [String; 4] {
    let written = mixed_sizes::PHASES.map(Sizes::phase_bytes);
    let cycle_bytes: u64 = written.iter().sum();
    [
        format!(
            "maxmemory {} MiB ({} MiB where sizes shift, {} MiB in a smoke run), allkeys-lru where the \
             row does not say otherwise; random keys out of {RANGE_FACTOR} times what fits, after a fill \
             that has evicted as many keys as there are.",
            LIMIT_BYTES / MIB,
            MIXED_LIMIT_BYTES / MIB,
            QUICK_LIMIT_BYTES / MIB,
        ),
        "CPU: all threads of the server, from schedstat, divided by redis-benchmark's number of requests. \
         User mode: the share of clock ticks (10 ms)."
            .to_owned(),
        format!(
            "PING: one at a time, {} µs apart, until {} ms after the end of the load, which shares core \
             {LOAD_CORE} with it in the scheduling class \"idle\". At full rate a PING waits for the \
             pipelines of 50 clients. No limit: as many keys at first, and room for all that come.",
            PAUSE.as_micros(),
            TAIL.as_millis(),
        ),
        format!(
            "Sizes shift: values of 10–200 bytes, 64 KiB, 10 bytes–64 KiB (each doubling as likely as \
             the other), 64 KiB, 10–200 bytes, 10 bytes–64 KiB; {:.1} GB in all, then once more, within \
             {} s; VmRSS every {} ms, each with the sizes that were written at the time.",
            cycle_bytes as f64 / 1e9,
            mixed_sizes::LOAD_LIMIT.as_secs(),
            mixed_sizes::SAMPLE_INTERVAL.as_millis(),
        ),
    ]
}

/// Sizes of one run.
struct Plan {
    is_quick: bool,
}

impl Plan {
    fn limit_bytes(&self, usual_bytes: u64) -> u64 {
        if self.is_quick {
            QUICK_LIMIT_BYTES
        } else {
            usual_bytes
        }
    }

    /// How many keys fit, about, with values of this size.
    fn fitting_keys(&self, value_bytes: u64) -> u64 {
        self.limit_bytes(LIMIT_BYTES) / (value_bytes + KEY_BYTES)
    }

    fn scaled(&self, count: u64) -> u64 {
        if self.is_quick { count / 20 } else { count }
    }

    fn phase(&self) -> Duration {
        if self.is_quick { QUICK_PHASE } else { PHASE }
    }

    /// What redis-benchmark is told to send.
    fn full_rate(&self, requests: u64, value_bytes: u64, section: &mut Section) -> String {
        let keys = RANGE_FACTOR * self.fitting_keys(value_bytes);
        let options = format!("-c 50 -P 100 -r {keys} -n {requests} -d {value_bytes} -t set");
        section.command(format!("redis-benchmark -p PORT --csv {options}"));
        options
    }

    fn measure_cost(
        &self,
        row: &'static str,
        side: &Side,
        policy: &str,
        value_bytes: u64,
        section: &mut Section,
    ) -> io::Result<Vec<Cell>> {
        let server = side.start()?;
        let mut client = server.client()?;
        limit(&mut client, self.limit_bytes(LIMIT_BYTES), policy)?;
        let keys = RANGE_FACTOR * self.fitting_keys(value_bytes);
        fill_until_evicted(&mut client, keys, value_bytes)?;
        let requests = self.scaled(REQUESTS);
        let options = self.full_rate(requests, value_bytes, section);
        let evicted_before = info_number(&mut client, "stats", "evicted_keys")?;
        let cost = redis_benchmark::measure(&server, &options, &[], requests)?;
        check_evicted(&mut client, evicted_before, requests)?;
        Ok(vec![
            cell(CPU, row, cost.total_us),
            cell(CPU_USER, row, cost.user_us),
            cell(RATE, row, cost.rate / 1000.0),
        ])
    }

    fn measure_idle(
        &self,
        row: &'static str,
        side: &Side,
        section: &mut Section,
    ) -> io::Result<Vec<Cell>> {
        let server = side.start()?;
        let action = Action::Spin(self.phase().as_millis() as u64);
        section.command(action.line());
        let (cells, _) = probe(row, &server, || action.run(server.port()))?;
        Ok(cells)
    }

    fn measure_latency(
        &self,
        row: &'static str,
        side: &Side,
        load: Load,
        is_limited: bool,
        section: &mut Section,
    ) -> io::Result<Vec<Cell>> {
        let server = side.start()?;
        let mut client = server.client()?;
        let fitting = self.fitting_keys(PROBED_VALUE_BYTES);
        let keys = RANGE_FACTOR * fitting;
        if is_limited {
            limit(&mut client, self.limit_bytes(LIMIT_BYTES), "allkeys-lru")?;
            fill_until_evicted(&mut client, keys, PROBED_VALUE_BYTES)?;
        } else {
            limit(&mut client, 0, "allkeys-lru")?;
            let mut random = fill_order();
            fill_some(&mut client, keys, PROBED_VALUE_BYTES, fitting, &mut random)?;
        }
        let evicted_before = info_number(&mut client, "stats", "evicted_keys")?;
        let (mut cells, rate) = match load {
            Load::Full => {
                let requests = self.scaled(PROBED_REQUESTS);
                let options = self.full_rate(requests, PROBED_VALUE_BYTES, section);
                probe(row, &server, || {
                    redis_benchmark::run_idle(server.port(), &options)
                })?
            }
            Load::Paced => {
                let load = Overwrites {
                    target: Target::Keys,
                    keys,
                    value_bytes: PROBED_VALUE_BYTES as usize,
                    rate_limit: PACED_RATE,
                };
                section.command(load.line());
                probe(row, &server, || {
                    let load = load.start(server.port())?;
                    thread::sleep(self.phase());
                    load.stop()
                })?
            }
        };
        cells.push(cell(PROBED_RATE, row, rate / 1000.0));
        if is_limited {
            let sent = match load {
                Load::Full => self.scaled(PROBED_REQUESTS),
                Load::Paced => (rate * self.phase().as_secs_f64()) as u64,
            };
            check_evicted(&mut client, evicted_before, sent)?;
        }
        Ok(cells)
    }

    fn measure_mixed_sizes(&self, side: &Side, section: &mut Section) -> io::Result<Vec<Cell>> {
        let server = side.start()?;
        let mut client = server.client()?;
        let limit_bytes = self.limit_bytes(MIXED_LIMIT_BYTES);
        limit(&mut client, limit_bytes, "allkeys-lru")?;
        let load = MixedSizes {
            keys: MIXED_KEYS * limit_bytes / MIXED_LIMIT_BYTES,
            divisor: if self.is_quick { 100 } else { 1 },
        };
        section.command(format!(
            "(this program) SET key:NNNNNNNNNNNN <value> over {} keys in random order, pipelines of up \
             to {DEPTH} on several connections",
            load.keys
        ));
        // The first phase's sizes, so that the limit is reached before memory is looked at.
        fill_until_evicted(&mut client, load.keys, 105)?;
        let seen = load.run(&server)?;
        let mut cells = vec![cell(
            WRITTEN,
            "sizes shift",
            seen.written_bytes as f64 / 1e9,
        )];
        let parts = [
            ("all sizes", None),
            ("10–200 bytes", Some(Sizes::Small)),
            ("64 KiB", Some(Sizes::Large)),
            ("10 bytes–64 KiB", Some(Sizes::Mixed)),
        ];
        for (row, part) in parts {
            let of_part = |sizes: Sizes| part.is_none_or(|part| part == sizes);
            let resident = seen.resident.iter().filter(|(sizes, _)| of_part(*sizes));
            let mut resident: Vec<u64> = resident.map(|(_, bytes)| *bytes).collect();
            resident.sort_unstable();
            let Some(&most) = resident.last() else {
                // A smoke run may be over before the second look.
                continue;
            };
            let median = resident[resident.len() / 2];
            cells.extend([
                cell(MEDIAN, row, median as f64 / MIB as f64),
                cell(MOST, row, most as f64 / MIB as f64),
                cell(MOST_RATIO, row, most as f64 / limit_bytes as f64),
            ]);
        }
        Ok(cells)
    }
}

fn cell(figure: usize, row: &'static str, value: f64) -> Cell {
    Cell { figure, row, value }
}

/// PINGs beside `load`, whose result is returned with them.
fn probe(
    row: &'static str,
    server: &ServerProcess,
    load: impl FnOnce() -> io::Result<f64> + Send,
) -> io::Result<(Vec<Cell>, f64)> {
    let (latencies, rate) = probe_during(server.port(), load)?;
    let figures = [(SLOWEST, 1.0), (P999, 0.999), (P99, 0.99), (P50, 0.5)];
    let cells = figures.map(|(figure, share)| cell(figure, row, latencies.quantile_ms(share)));
    Ok((cells.to_vec(), rate))
}

/// Sets `maxmemory` and its policy; no bytes are no limit.
pub(crate) fn limit(client: &mut Client, bytes: u64, policy: &str) -> io::Result<()> {
    let bytes = bytes.to_string();
    let words = [
        "CONFIG",
        "SET",
        "maxmemory",
        &bytes,
        "maxmemory-policy",
        policy,
    ];
    client.call(&words.map(str::as_bytes)).map(drop)
}

/// The keys of every fill, in an order of their own.
fn fill_order() -> fastrand::Rng {
    fastrand::Rng::with_seed(2)
}

/// SETs of random keys until as many were evicted as there are.
fn fill_until_evicted(client: &mut Client, keys: u64, value_bytes: u64) -> io::Result<()> {
    let mut random = fill_order();
    let start = Instant::now();
    loop {
        fill_some(client, keys, value_bytes, FILL_STEP_KEYS, &mut random)?;
        let evicted = info_number(client, "stats", "evicted_keys")?;
        if evicted > 0 && evicted as i64 >= client.call_integer(&[b"DBSIZE"])? {
            return Ok(());
        }
        if start.elapsed() > FILL_LIMIT {
            return Err(io::Error::other(
                "the fill does not reach the limit of memory",
            ));
        }
    }
}

fn fill_some(
    client: &mut Client,
    keys: u64,
    value_bytes: u64,
    count: u64,
    random: &mut fastrand::Rng,
) -> io::Result<()> {
    let value = value(value_bytes as usize);
    let mut key = Vec::new();
    let clients = std::slice::from_mut(client);
    pipeline(clients, 0..count, DEPTH, |_, batch| {
        write_key(&mut key, "key", random.u64(0..keys));
        encode(batch, &[b"SET", &key, &value]);
    })
}

fn check_evicted(client: &mut Client, before: u64, sent: u64) -> io::Result<()> {
    let evicted = info_number(client, "stats", "evicted_keys")? - before;
    if (evicted as f64) < sent as f64 * EVICTIONS_SHARE_MIN {
        return Err(io::Error::other(format!(
            "{sent} SETs evicted {evicted} keys only"
        )));
    }
    Ok(())
}

/// A number among the lines of a section of INFO.
pub(crate) fn info_number(client: &mut Client, section: &str, name: &str) -> io::Result<u64> {
    let info = client.call_bulk(&[b"INFO", section.as_bytes()], INFO_LIMIT_BYTES)?;
    let value = info.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found == name).then_some(value)
    });
    value
        .and_then(|value| value.trim().parse().ok())
        .ok_or_else(|| io::Error::other(format!("INFO {section} has no number {name}")))
}
