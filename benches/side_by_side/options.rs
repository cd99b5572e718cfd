//! Command line of the benchmark.
//!
//! Grammar: `--name` or `--name VALUE`; `--bench`, which cargo adds, is ignored.
//! Every mistake is one line of text. Not here: what the options do (`main.rs`, `load_*.rs`).

use std::path::PathBuf;

/// Text of `--help`.
pub(crate) const USAGE: &str = "\
cargo bench --bench side_by_side -- [options]

Compares Evenkeel with redis-server on this machine and writes the run into benches/runs.

  --only LIST             of requests, memory, connections, stalls, snapshots, import,
                          eviction, collection-memory, collection-requests, collection-stalls, scripts,
                          messages, waiting, tls, pages, instructions
                          (default: all but instructions, which needs valgrind)
  --rounds N              measurements of each load on each side (default 3)
  --requests N            base number of requests of the loads 'requests', 'collection-requests'
                          and 'scripts'
                          (default 1000000)
  --row TEXT              only rows whose name contains TEXT
  --quick                 smoke run of a few seconds with small counts; writes no file
  --label TEXT            what the run is for
  --no-append             writes no file into benches/runs
  --record                writes that file in any case, a smoke run's too
  --evenkeel-binary PATH  default: the binary that cargo has just built
  --evenkeel-args TEXT    blank-separated arguments after '--port N' (default: --save '' --dir .)
  --redis-args TEXT       more blank-separated arguments of redis-server
  --other-binary PATH     one more server that takes Redis's options and protocol, measured as
                          redis-server is (default: valkey-server, where it is in PATH);
                          memcached is measured, too, where it is in PATH
";

/// The most rounds and requests that are accepted: a run must end within hours.
const ROUNDS_LIMIT: u64 = 100;
const REQUESTS_LIMIT: u64 = 1_000_000_000;
/// No snapshots but those that a load asks for; the server's directory is the current one.
const EVENKEEL_ARGUMENTS: &str = "--save '' --dir .";
/// What `--quick` divides counts by.
const QUICK_DIVISOR: u64 = 100;

/// A kind of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// CPU per request and requests per second.
    Requests,
    /// Resident bytes per key.
    Memory,
    /// Resident bytes per idle connection.
    Connections,
    /// Latency of one client while the server has something large to do.
    Stalls,
    /// What a background snapshot costs.
    Snapshots,
    /// What it costs to take a file of Redis.
    Import,
    /// What a limit of memory costs, and whether it holds.
    Eviction,
    /// Resident bytes per element of a collection.
    CollectionMemory,
    /// CPU per request on collections.
    CollectionRequests,
    /// Latency of one client beside one long command on a collection.
    CollectionStalls,
    /// CPU per delivered message, and lag of events.
    Messages,
    /// CPU per item that waiting clients and groups get.
    Waiting,
    /// What encryption costs, and handshakes.
    Tls,
    /// What pages over HTTP cost clients.
    Pages,
    /// CPU per script.
    Scripts,
    /// Instructions per request under callgrind.
    Instructions,
}

const LOADS: [(&str, Load); 16] = [
    ("requests", Load::Requests),
    ("memory", Load::Memory),
    ("connections", Load::Connections),
    ("stalls", Load::Stalls),
    ("snapshots", Load::Snapshots),
    ("import", Load::Import),
    ("eviction", Load::Eviction),
    ("collection-memory", Load::CollectionMemory),
    ("collection-requests", Load::CollectionRequests),
    ("collection-stalls", Load::CollectionStalls),
    ("messages", Load::Messages),
    ("waiting", Load::Waiting),
    ("tls", Load::Tls),
    ("pages", Load::Pages),
    ("scripts", Load::Scripts),
    ("instructions", Load::Instructions),
];

/// What to measure and where to put it.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The loads, in the order of measurement.
    pub(crate) loads: Vec<Load>,
    /// Measurements of each load on each side.
    pub(crate) rounds: u64,
    /// Base number of requests of the loads `requests`, `collection-requests` and `scripts`.
    pub(crate) requests: u64,
    /// Part of the name of the rows to measure; empty for all.
    pub(crate) row: String,
    /// Small counts, and no file is written.
    pub(crate) quick: bool,
    /// What the run is for.
    pub(crate) label: String,
    /// Whether the run gets a file in benches/runs/.
    pub(crate) record: bool,
    /// The server under development.
    pub(crate) evenkeel_binary: PathBuf,
    /// Whether that is another binary than the one of this build.
    pub(crate) foreign_binary: bool,
    /// Its arguments after `--port N`.
    pub(crate) evenkeel_arguments: Vec<String>,
    /// More arguments of redis-server.
    pub(crate) redis_arguments: Vec<String>,
    /// One more server like it.
    pub(crate) other_binary: Option<PathBuf>,
}

impl Options {
    /// Reads the arguments after the program's name.
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Options, String> {
        let mut options = Options {
            loads: LOADS
                .iter()
                .map(|(_, load)| *load)
                .filter(|load| *load != Load::Instructions)
                .collect(),
            rounds: 3,
            requests: 1_000_000,
            row: String::new(),
            quick: false,
            label: String::new(),
            record: true,
            evenkeel_binary: PathBuf::from(env!("CARGO_BIN_EXE_evenkeel")),
            foreign_binary: false,
            evenkeel_arguments: words(EVENKEEL_ARGUMENTS),
            redis_arguments: Vec::new(),
            other_binary: None,
        };
        let (mut is_wanted, mut is_unwanted) = (false, false);
        let mut rounds = None;
        let mut arguments = arguments.filter(|argument| argument != "--bench");
        while let Some(name) = arguments.next() {
            let mut value = || arguments.next().ok_or(format!("{name} needs a value"));
            match name.as_str() {
                "--only" => options.loads = parse_loads(&value()?)?,
                "--rounds" => rounds = Some(parse_count(&name, &value()?, ROUNDS_LIMIT)?),
                "--requests" => options.requests = parse_count(&name, &value()?, REQUESTS_LIMIT)?,
                "--row" => options.row = value()?,
                "--quick" => options.quick = true,
                "--label" => options.label = value()?,
                "--record" => is_wanted = true,
                "--no-append" => is_unwanted = true,
                "--evenkeel-binary" => {
                    options.evenkeel_binary = absolute(&value()?)?;
                    options.foreign_binary = true;
                }
                "--evenkeel-args" => options.evenkeel_arguments = words(&value()?),
                "--other-binary" => options.other_binary = Some(absolute(&value()?)?),
                "--redis-args" => options.redis_arguments = words(&value()?),
                _ => return Err(format!("unknown option {name}; --help lists them")),
            }
        }
        options.record = is_wanted || !(is_unwanted || options.quick);
        options.rounds = rounds.unwrap_or(if options.quick { 1 } else { options.rounds });
        Ok(options)
    }

    /// `count`, or a small part of it in a smoke run.
    pub(crate) fn scaled(&self, count: u64) -> u64 {
        if self.quick {
            count.div_ceil(QUICK_DIVISOR)
        } else {
            count
        }
    }

    /// Whether a row of this name is wanted.
    pub(crate) fn wants(&self, row: &str) -> bool {
        row.contains(&self.row)
    }
}

/// The blank-separated words; `''` stands for an empty one, as in `--save ''`.
fn words(text: &str) -> Vec<String> {
    let text = text.replace("\"\"", "''");
    let words = text.split_whitespace();
    words.map(|word| word.replace("''", "")).collect()
}

fn parse_loads(list: &str) -> Result<Vec<Load>, String> {
    let find = |name: &str| {
        let found = LOADS.iter().find(|(known, _)| *known == name);
        found
            .map(|(_, load)| *load)
            .ok_or(format!("there is no load '{name}'"))
    };
    list.split(',').map(find).collect()
}

fn parse_count(name: &str, text: &str, limit: u64) -> Result<u64, String> {
    match text.parse() {
        Ok(count) if (1..=limit).contains(&count) => Ok(count),
        _ => Err(format!(
            "{name} takes a number from 1 to {limit}, not '{text}'"
        )),
    }
}

/// The servers run in their own directory, so a relative path would miss.
fn absolute(path: &str) -> Result<PathBuf, String> {
    std::path::absolute(path).map_err(|error| format!("{path}: {error}"))
}
