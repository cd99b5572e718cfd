//! What clients notice of pages over HTTP: of those who watch, and of those who mean no good.
//!
//! ```text
//! watched    GETs, nobody watches │ GETs, 16 watch │ … in turn on one server   CPU with / without
//! strangers  PINGs of one client beside them
//! ```
//!
//! Only Evenkeel has pages, so the other columns are empty.
//!
//! Not here: what the strangers do (`page_strangers.rs`), scrapes by a Prometheus
//! (`tests/prometheus/`).

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::Context;
use crate::fill::{Fill, value};
use crate::page_strangers::Strangers;
use crate::probe::probe_during;
use crate::redis_benchmark;
use crate::report::{Better, Cell, EVENKEEL, Figure, Section};
use crate::server_process::{ServerProcess, Side, free_port};

const RATIO: usize = 0;
const TURN: usize = 1;
const PAGE_PART: usize = 2;
const SLOWEST: usize = 3;
const P999: usize = 4;

const FIGURES: [Figure; 5] = [
    figure("Server CPU per request while 16 watch, against nobody", 4),
    figure("Longest turn, ms", 3),
    figure("Part of it for pages, ms", 3),
    figure("Slowest PING, ms", 3),
    figure("PING p99.9, ms", 3),
];

const fn figure(title: &'static str, decimals: usize) -> Figure {
    Figure {
        title,
        better: Better::Lower,
        decimals,
    }
}

const NOTES: [&str; 3] = [
    "Only Evenkeel has pages. 16 who watch are as many as it lets.",
    "CPU: runs with and without viewers in turn on one server, the sum of each; the longest turn is that \
     of all runs of its kind.",
    "Strangers run in the scheduling class \"idle\" beside the PINGs.",
];

/// Viewers, as many as the server lets watch.
const VIEWERS: usize = 16;
/// Runs of each kind, in turn.
const TURNS: u64 = 8;
/// Keys of the requests, and bytes of their values.
const KEYS: u64 = 100_000;
const VALUE_BYTES: usize = 3;
/// How long strangers are there.
const SPAN_MS: u64 = 10_000;
/// The most bytes of an answer to INFO.
const INFO_LIMIT_BYTES: u64 = 64 * 1024;

/// Requests that are watched: the rows with and without viewers, divisor of the number of requests,
/// arguments.
struct Watched {
    name: &'static str,
    alone: &'static str,
    divisor: u64,
    arguments: &'static str,
}

const WATCHED: [Watched; 2] = [
    Watched {
        name: "GET, pipeline 100, 16 watch",
        alone: "GET, pipeline 100, nobody watches",
        divisor: 1,
        arguments: "-P 100 -t get",
    },
    Watched {
        name: "GET, no pipeline, 16 watch",
        alone: "GET, no pipeline, nobody watches",
        divisor: 8,
        arguments: "-t get",
    },
];

const STRANGERS: [(&str, Strangers); 5] = [
    ("nobody", Strangers::Nobody),
    ("128 slow heads", Strangers::SlowHeads),
    ("heads of 256 KiB", Strangers::HugeHeads),
    ("pipelines of 100 pages", Strangers::Pipelines),
    ("garbage", Strangers::Garbage),
];

/// Measures all rows, on Evenkeel.
pub(crate) fn run(context: &Context) -> Section {
    let mut section = Section::new("Pages over HTTP", &FIGURES, &NOTES);
    for row in &WATCHED {
        section.target(RATIO, row.name, "1.01".to_owned());
    }
    for (name, _) in STRANGERS {
        section.target(SLOWEST, name, "3".to_owned());
    }
    let names = (WATCHED.iter().map(|row| row.name)).chain(STRANGERS.iter().map(|row| row.0));
    context.alternate_cells(&mut section, names, |index, side, section| {
        if side.name != context.sides[EVENKEEL].name {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let pages = Pages::start(side)?;
        match WATCHED.get(index) {
            Some(row) => pages.watched(context, row, section),
            None => pages.beside(context, STRANGERS[index - WATCHED.len()], section),
        }
    });
    section
}

/// A server with a port for HTTP.
struct Pages {
    server: ServerProcess,
    port: u16,
}

impl Pages {
    fn start(side: &Side) -> io::Result<Pages> {
        let port = free_port()?;
        let mut side = side.clone();
        side.arguments
            .extend(["--http-port".to_owned(), port.to_string()]);
        Ok(Pages {
            server: side.start()?,
            port,
        })
    }

    fn watched(
        &self,
        context: &Context,
        row: &Watched,
        section: &mut Section,
    ) -> io::Result<Vec<Cell>> {
        let keys = context.options.scaled(KEYS);
        let requests = (context.options.scaled(context.options.requests) / row.divisor).max(1);
        let fill = Fill {
            prefix: "key",
            range: 0..keys,
            value: &value(VALUE_BYTES),
            suffix: &[],
        };
        fill.send(&mut [self.server.client()?])?;
        let options = format!("-c 50 -r {keys} -n {requests} {}", row.arguments);
        section.command(format!(
            "{TURNS} times redis-benchmark {options} alone, and beside {VIEWERS} × GET /events"
        ));
        let mut kinds = [Kind::default(), Kind::default()];
        for _ in 0..TURNS {
            for (viewers, kind) in [0, VIEWERS].into_iter().zip(&mut kinds) {
                let viewers = Viewers::begin(self.port, viewers)?;
                self.server.client()?.call(&[b"CONFIG", b"RESETSTAT"])?;
                let cost = redis_benchmark::measure(&self.server, &options, &[], requests)?;
                kind.spent_us += cost.total_us;
                kind.note_turn(&mut self.server.client()?)?;
                viewers.end()?;
            }
        }
        let [alone, with_viewers] = kinds;
        let ratio = with_viewers.spent_us / alone.spent_us;
        let cell = |figure, row, value| Cell { figure, row, value };
        Ok(vec![
            cell(RATIO, row.name, ratio),
            cell(TURN, row.alone, alone.turn_ms),
            cell(TURN, row.name, with_viewers.turn_ms),
            cell(PAGE_PART, row.name, with_viewers.page_ms),
        ])
    }

    fn beside(
        &self,
        context: &Context,
        (row, strangers): (&'static str, Strangers),
        section: &mut Section,
    ) -> io::Result<Vec<Cell>> {
        let span = Duration::from_millis(context.options.scaled(SPAN_MS));
        section.command(format!(
            "chrt --idle 0 (this program) {} for {} ms",
            strangers.name(),
            span.as_millis()
        ));
        let (latencies, _) = probe_during(self.server.port(), || strangers.run(self.port, span))?;
        let mut kind = Kind::default();
        kind.note_turn(&mut self.server.client()?)?;
        let cell = |figure, value| Cell { figure, row, value };
        Ok(vec![
            cell(TURN, kind.turn_ms),
            cell(PAGE_PART, kind.page_ms),
            cell(SLOWEST, latencies.quantile_ms(1.0)),
            cell(P999, latencies.quantile_ms(0.999)),
        ])
    }
}

/// What runs of one kind have shown.
#[derive(Default)]
struct Kind {
    spent_us: f64,
    turn_ms: f64,
    page_ms: f64,
}

impl Kind {
    /// Keeps the longest turn since the last reset, if it is the longest of all.
    fn note_turn(&mut self, client: &mut crate::resp_client::Client) -> io::Result<()> {
        let info = client.call_bulk(&[b"INFO", b"stats"], INFO_LIMIT_BYTES)?;
        let number_ms = |name: &str| {
            let line = info.lines().find_map(|line| line.strip_prefix(name));
            let number: Option<f64> = line.and_then(|number| number.trim().parse().ok());
            number
                .map(|us| us / 1000.0)
                .ok_or_else(|| io::Error::other(format!("INFO has no {name}")))
        };
        let turn_ms = number_ms("loop_turn_max_usec:")?;
        if turn_ms >= self.turn_ms {
            (self.turn_ms, self.page_ms) = (turn_ms, number_ms("loop_turn_max_page_usec:")?);
        }
        Ok(())
    }
}

/// Connections that watch, each read by a thread of its own, which mostly sleeps.
struct Viewers {
    streams: Vec<TcpStream>,
    readers: Vec<JoinHandle<io::Result<u64>>>,
}

impl Viewers {
    /// Returns when each of them has got its first line.
    fn begin(port: u16, count: usize) -> io::Result<Viewers> {
        let mut viewers = Viewers {
            streams: Vec::new(),
            readers: Vec::new(),
        };
        for _ in 0..count {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
            stream.write_all(b"GET /events HTTP/1.1\r\n\r\n")?;
            let mut reader = BufReader::new(stream.try_clone()?);
            let mut line = String::new();
            while !line.starts_with("data: ") {
                line.clear();
                if reader.read_line(&mut line)? == 0 {
                    return Err(io::Error::other("nobody may watch"));
                }
            }
            viewers.streams.push(stream);
            viewers.readers.push(thread::spawn(move || take(reader)));
        }
        Ok(viewers)
    }

    /// Closes them.
    fn end(self) -> io::Result<()> {
        for stream in &self.streams {
            stream.shutdown(Shutdown::Both)?;
        }
        for reader in self.readers {
            let taken = reader
                .join()
                .map_err(|_| io::Error::other("a viewer's thread panicked"))?;
            taken?;
        }
        Ok(())
    }
}

/// Reads until the end; returns how much that was.
fn take(mut reader: BufReader<TcpStream>) -> io::Result<u64> {
    let mut buffer = [0; 16 * 1024];
    let mut taken = 0;
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(taken),
            count => taken += count as u64,
        }
    }
}
