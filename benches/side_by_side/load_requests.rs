//! CPU of the server per request, measured by redis-benchmark.
//!
//! Each row: fresh server, filled with the keys the row reads, then one run of redis-benchmark with
//! 50 connections and random keys. CPU is read before and after and divided by the number of
//! requests.
//!
//! Not here: what CPU includes (`redis_benchmark.rs`); the same in instructions
//! (`load_instructions.rs`).

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crate::Context;
use crate::fill::{Fill, value};
use crate::memcached::{Clients, Request};
use crate::redis_benchmark;
use crate::report::{Better, Figure, Section};
use crate::server_process::{Protocol, ServerProcess, Side};

/// The figures of every row that redis-benchmark measures.
pub(crate) const FIGURES: [Figure; 3] = [
    Figure {
        title: "Server CPU per request, µs",
        better: Better::Lower,
        decimals: 3,
    },
    Figure {
        title: "… of it in user mode, µs",
        better: Better::Lower,
        decimals: 3,
    },
    Figure {
        title: "Requests per second",
        better: Better::Higher,
        decimals: 0,
    },
];

/// What these include.
pub(crate) const NOTES: [&str; 4] = [
    "CPU: all threads of the server, from schedstat, divided by redis-benchmark's number of requests.",
    "User mode: the share of clock ticks (10 ms), so only a guide below a second of CPU.",
    "Requests per second is bounded by the single-threaded load generator wherever the server's CPU \
     times that rate is well below one second.",
    "memcached, with one thread: the same number of connections, keys and depths, sent by this program, because \
     redis-benchmark does not speak its protocol; its rate is that of this program.",
];

/// Keys of the rows with small values.
const KEYS: u64 = 1_000_000;

/// Keys of the row whose entries are in no cache of the processor.
const MANY_KEYS: u64 = 10_000_000;

/// Keys of the rows that ask what the server does: an answer must not cost more for more keys.
const OBSERVED_KEYS: u64 = 5_000_000;

/// Keys of the rows in which a client knows all that it reads: few, so that it does so soon.
const KNOWN_KEYS: u64 = 100_000;

/// What redis-benchmark replaces by a random key, and how many of them one MGET has.
const KEY_PATTERN: &str = " key:__rand_int__";
const MGET_KEYS: usize = 100;

/// One row: what is there before, and how redis-benchmark is called.
struct Row {
    name: &'static str,
    /// Prefix, number and value bytes of the keys that are there before.
    prefix: &'static str,
    keys: u64,
    value_bytes: usize,
    /// The base number of requests times `times` divided by `divisor` is sent.
    times: u64,
    divisor: u64,
    /// Arguments after the number of requests.
    arguments: String,
}

impl Row {
    /// A row over a million keys with values of three bytes.
    fn small(name: &'static str, times: u64, divisor: u64, arguments: &str) -> Row {
        Row {
            name,
            prefix: "key",
            keys: KEYS,
            value_bytes: 3,
            times,
            divisor,
            arguments: arguments.to_owned(),
        }
    }

    /// A row in which one client reads each key many times.
    fn known(name: &'static str, options: &str) -> Row {
        Row {
            keys: KNOWN_KEYS,
            ..Row::small(name, 2, 1, &format!("-c 1 -P 100 {options} -t get"))
        }
    }

    /// A row over few keys with large values.
    fn large(name: &'static str, keys: u64, value_bytes: usize, divisor: u64, test: &str) -> Row {
        Row {
            keys,
            value_bytes,
            arguments: format!("-d {value_bytes} -t {test}"),
            ..Row::small(name, 1, divisor, "")
        }
    }

    /// A row over many keys whose request concerns none of them.
    fn information(name: &'static str, request: &str) -> Row {
        Row {
            keys: OBSERVED_KEYS,
            ..Row::small(name, 1, 100, request)
        }
    }
}

fn rows() -> Vec<Row> {
    let mget = format!("MGET{}", KEY_PATTERN.repeat(MGET_KEYS));
    vec![
        Row::small("GET, no pipeline", 1, 4, "-t get"),
        Row::small("SET, no pipeline", 1, 4, "-t set"),
        Row::small("GET, pipeline 16", 1, 1, "-P 16 -t get"),
        Row::small("SET, pipeline 16", 1, 1, "-P 16 -t set"),
        Row::small("GET, pipeline 100", 2, 1, "-P 100 -t get"),
        Row::small("SET, pipeline 100", 2, 1, "-P 100 -t set"),
        Row {
            prefix: "counter",
            value_bytes: 0,
            ..Row::small("INCR, pipeline 100", 2, 1, "-P 100 -t incr")
        },
        Row::small(
            "SET EX 100, pipeline 100",
            2,
            1,
            "-P 100 SET key:__rand_int__ xxx EX 100",
        ),
        Row::small("MGET of 100 keys", 1, 20, &mget),
        Row::small("MSET of 10 keys", 1, 5, "-t mset"),
        Row::large("GET of 16 KiB", 10_000, 16 << 10, 10, "get"),
        Row::large("SET of 16 KiB", 10_000, 16 << 10, 10, "set"),
        Row::large("GET of 1 MiB", 100, 1 << 20, 500, "get"),
        Row::large("SET of 1 MiB", 100, 1 << 20, 500, "set"),
        Row {
            keys: MANY_KEYS,
            ..Row::small("GET of 10 M keys, pipeline 100", 2, 1, "-P 100 -t get")
        },
        Row::small(
            "GET, pipeline 100, tracked",
            2,
            1,
            "-P 100 -3 --enable-tracking -t get",
        ),
        Row::known("GET by one client, pipeline 100", "-3"),
        Row::known(
            "GET by one client that tracks the keys, pipeline 100",
            "-3 --enable-tracking",
        ),
        Row::small(
            "XADD MAXLEN ~ 1000, pipeline 50",
            1,
            1,
            "-P 50 XADD stream MAXLEN ~ 1000 * first abcdefghijklmnop second abcdefghijklmnop",
        ),
        Row::information("INFO with 5 M keys", "INFO"),
        Row::information("INFO ALL with 5 M keys", "INFO ALL"),
    ]
}

const TRACKED_NOTE: &str = "Tracked: by 50 clients of random keys, nearly every GET is one more key that its client is \
     to be told of, and is to be seen beside GET, pipeline 100; a client that tracks what it reads again is to be \
     seen beside one client without.";

/// Measures all rows on both sides.
pub(crate) fn run(context: &Context) -> Section {
    let notes: Vec<&str> = NOTES.iter().copied().chain([TRACKED_NOTE]).collect();
    let mut section = Section::new("Requests", &FIGURES, &notes);
    let rows = rows();
    context.alternate(
        &mut section,
        rows.iter().map(|row| row.name),
        |index, side, section| {
            let row = &rows[index];
            let keys = context.options.scaled(row.keys);
            let requests =
                (context.options.scaled(context.options.requests) * row.times / row.divisor).max(1);
            if side.protocol == Protocol::Memcached {
                return measure_memcached(context, side, row, keys, requests);
            }
            let server = side.start()?;
            fill(&server, row, keys)?;
            let (options, shown) = benchmark_options(row, keys, requests);
            section.command(format!("redis-benchmark -p PORT --csv {shown}"));
            measure(context, &server, &options, requests)
        },
    );
    section
}

fn fill(server: &ServerProcess, row: &Row, keys: u64) -> io::Result<()> {
    // A counter starts at zero, everything else is text.
    let value = match row.value_bytes {
        0 => b"0".to_vec(),
        length => value(length),
    };
    let fill = Fill {
        prefix: row.prefix,
        range: 0..keys,
        value: &value,
        suffix: &[],
    };
    fill.send(&mut [server.client()?])
}

/// As [`measure`], of memcached, for the rows that it understands: GET and SET of small values.
fn measure_memcached(
    context: &Context,
    side: &Side,
    row: &Row,
    keys: u64,
    requests: u64,
) -> io::Result<Vec<f64>> {
    let value = value(row.value_bytes);
    let (depth, test) = match row.arguments.split_once(" -t ") {
        Some((depth, test)) => (depth.trim_start_matches("-P "), test),
        None => ("1", row.arguments.trim_start_matches("-t ")),
    };
    let (Ok(depth), request) = (
        depth.parse(),
        match test {
            "get" => Request::Get,
            "set" => Request::Set(&value, 0),
            _ => return Err(io::ErrorKind::Unsupported.into()),
        },
    ) else {
        return Err(io::ErrorKind::Unsupported.into());
    };
    let server = side.start()?;
    Clients::one(server.port())?.fill(row.prefix, 0..keys, &value, 0)?;
    if !context.options.quick {
        thread::sleep(Duration::from_millis(300));
    }
    let mut clients = Clients::many(server.port())?;
    let cost = redis_benchmark::cost(&server, requests, || {
        let begin = Instant::now();
        clients.random(row.prefix, keys, requests, depth, request)?;
        Ok(requests as f64 / begin.elapsed().as_secs_f64())
    })?;
    Ok(vec![cost.total_us, cost.user_us, cost.rate])
}

/// The options of redis-benchmark, and how reports show them.
fn benchmark_options(row: &Row, keys: u64, requests: u64) -> (String, String) {
    let options = format!("-c 50 -r {keys} -n {requests} {}", row.arguments);
    let repeated = KEY_PATTERN.repeat(MGET_KEYS);
    let short = format!(" $(printf '{KEY_PATTERN}%.0s' {{1..{MGET_KEYS}}})");
    let shown = options.replace(&repeated, &short);
    (options, shown)
}

/// Runs redis-benchmark and returns the values of [`FIGURES`].
pub(crate) fn measure(
    context: &Context,
    server: &ServerProcess,
    options: &str,
    requests: u64,
) -> io::Result<Vec<f64>> {
    measure_words(context, server, options, &[], requests)
}

/// As [`measure`], of a request whose words may contain blanks.
pub(crate) fn measure_words(
    context: &Context,
    server: &ServerProcess,
    options: &str,
    words: &[&str],
    requests: u64,
) -> io::Result<Vec<f64>> {
    if !context.options.quick {
        // Let the server finish what the fill has left to do, as growing its table.
        thread::sleep(Duration::from_millis(300));
    }
    let cost = redis_benchmark::measure(server, options, words, requests)?;
    Ok(vec![cost.total_us, cost.user_us, cost.rate])
}
