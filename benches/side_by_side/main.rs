//! Evenkeel beside redis-server on one machine in one run: CPU per request, memory, stalls,
//! snapshots and eviction, with strings and with collections.
//!
//! ```text
//! for each round, for each row, for each side (the order turns every round):
//!     fresh server on core 0, own directory and port ── load on core 1 ── figures ── end of the server
//! medians and ratios ──▶ terminal; all rounds ──▶ benches/runs, a page by `make results`
//! values of all rounds ─▶ a file in benches/runs/, which the pictures are drawn from
//! ```
//!
//! 1. All sides get the same load from the same core; only ratios of one run are compared.
//! 2. Every load is bounded in count or time, and every wait has a limit.
//! 3. `cargo test` runs this file without `--bench`: then it does nothing.
//!
//! Cost: about an hour, a third of it for the load `eviction`, a third for the collections. Not
//! here: single structures (`benches/micro.rs`).

mod collection_actions;
mod collection_fill;
mod drain;
mod fill;
mod idle_child;
mod known_commands;
mod load_collection_memory;
mod load_collection_requests;
mod load_collection_stalls;
mod load_connections;
mod load_eviction;
mod load_import;
mod load_instructions;
mod load_memory;
mod load_messages;
mod load_pages;
mod load_requests;
mod load_scripts;
mod load_snapshots;
mod load_stalls;
mod load_tls;
mod load_waiting;
mod machine;
mod memcached;
mod mixed_sizes;
mod options;
mod overwrite_load;
mod page_strangers;
mod probe;
mod redis_benchmark;
mod report;
mod resp_client;
mod run_file;
mod server_process;
mod stall_actions;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use options::{Load, Options};
use report::{Cell, EVENKEEL, REDIS, Section};
use server_process::{Protocol, Side};

/// Sections with a load that memcached understands.
const MEMCACHED_SECTIONS: [&str; 2] = ["Memory", "Requests"];

/// No snapshots but those that a load asks for, and those without compression, which Evenkeel has
/// not.
const REDIS_ARGUMENTS: [&str; 6] = [
    "--bind",
    "127.0.0.1",
    "--save",
    "",
    "--rdbcompression",
    "no",
];

/// What every load needs to know.
pub(crate) struct Context {
    /// The command line.
    pub(crate) options: Options,
    /// redis-server and Evenkeel, at `report::REDIS` and `report::EVENKEEL`, then others that
    /// there are.
    pub(crate) sides: Vec<Side>,
    /// How many files this program and each server may open.
    pub(crate) open_files: u64,
}

impl Context {
    /// Measures the named rows in all rounds, both sides of a row one after the other.
    pub(crate) fn alternate<'a>(
        &self,
        section: &mut Section,
        rows: impl Iterator<Item = &'a str> + Clone,
        mut measure: impl FnMut(usize, &Side, &mut Section) -> io::Result<Vec<f64>>,
    ) {
        self.each_row(section, rows, |section, index, row, side| {
            let measured = measure(index, &self.sides[side], section);
            section.record(row, side, measured);
        });
    }

    /// As [`Context::alternate`], for loads whose figures have different rows.
    pub(crate) fn alternate_cells<'a>(
        &self,
        section: &mut Section,
        rows: impl Iterator<Item = &'a str> + Clone,
        mut measure: impl FnMut(usize, &Side, &mut Section) -> io::Result<Vec<Cell>>,
    ) {
        self.each_row(section, rows, |section, index, row, side| {
            let measured = measure(index, &self.sides[side], section);
            section.record_cells(row, side, measured);
        });
    }

    /// Measures the only load of a section in all rounds, both sides one after the other.
    pub(crate) fn alternate_sides(
        &self,
        section: &mut Section,
        mut measure: impl FnMut(&Side) -> io::Result<Vec<Cell>>,
    ) {
        self.each_round(section, |section, order| {
            for side in order {
                section.record_cells(section.title(), side, measure(&self.sides[side]));
            }
        });
    }

    /// Calls `measure` for the wanted rows and both sides in all rounds, with the section, the
    /// row's index and name, and the side.
    fn each_row<'a>(
        &self,
        section: &mut Section,
        rows: impl Iterator<Item = &'a str> + Clone,
        mut measure: impl FnMut(&mut Section, usize, &str, usize),
    ) {
        self.each_round(section, |section, order| {
            for (index, row) in rows.clone().enumerate() {
                if !self.options.wants(row) {
                    continue;
                }
                for &side in &order {
                    measure(section, index, row, side);
                }
            }
        });
    }

    /// Calls `measure` with the order of the sides, which turns every round.
    fn each_round(&self, section: &mut Section, mut measure: impl FnMut(&mut Section, Vec<usize>)) {
        section.name_sides(self.sides.iter().map(|side| match side.name.as_str() {
            "redis-server" => "redis".to_owned(),
            other => other.to_owned(),
        }));
        let is_measured = |side: &Side| match side.protocol {
            Protocol::Redis => true,
            Protocol::Memcached => MEMCACHED_SECTIONS.contains(&section.title()),
        };
        let measured: Vec<usize> = (0..self.sides.len())
            .filter(|side| is_measured(&self.sides[*side]))
            .collect();
        for side in &measured {
            section.command(self.sides[*side].command_line());
        }
        for round in 0..self.options.rounds {
            eprintln!(
                "{}, round {} of {}",
                section.title(),
                round + 1,
                self.options.rounds
            );
            let mut order = measured.clone();
            order.rotate_left(round as usize % measured.len());
            measure(section, order);
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.first().map(String::as_str) {
        Some(stall_actions::CHILD_ARGUMENT) => stall_actions::run_child(&arguments[1..]),
        Some(overwrite_load::CHILD_ARGUMENT) => overwrite_load::run_child(&arguments[1..]),
        Some(collection_actions::CHILD_ARGUMENT) => collection_actions::run_child(&arguments[1..]),
        Some(page_strangers::CHILD_ARGUMENT) => page_strangers::run_child(&arguments[1..]),
        _ if arguments.iter().any(|argument| argument == "--help") => {
            print!("{}", options::USAGE);
            Ok(())
        }
        _ if !arguments.iter().any(|argument| argument == "--bench") => {
            println!("side_by_side measures only under cargo bench (or with --bench)");
            Ok(())
        }
        _ => Options::parse(arguments.into_iter())
            .map_err(io::Error::other)
            .and_then(run),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("side_by_side: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> io::Result<()> {
    let redis = find_program("redis-server")?;
    find_program("redis-benchmark")?;
    let context = Context {
        open_files: server_process::prepare_this_process()?,
        sides: sides(redis, &options),
        options,
    };
    for side in &context.sides {
        // A server that cannot start fails here, in one line, and not once a row.
        side.start()?;
    }
    let date = machine::date();
    let commit = machine::commit();
    let mut lines = run_line(&context, &date, &commit);
    println!("{}", heading(&context, &date, &commit));
    let mut failed = false;
    for load in &context.options.loads {
        let section = match load {
            Load::Requests => load_requests::run(&context),
            Load::Memory => load_memory::run(&context),
            Load::Connections => load_connections::run(&context),
            Load::Stalls => load_stalls::run(&context),
            Load::Snapshots => load_snapshots::run(&context),
            Load::Import => load_import::run(&context),
            Load::Eviction => load_eviction::run(&context),
            Load::CollectionMemory => load_collection_memory::run(&context),
            Load::CollectionRequests => load_collection_requests::run(&context),
            Load::CollectionStalls => load_collection_stalls::run(&context),
            Load::Messages => load_messages::run(&context),
            Load::Waiting => load_waiting::run(&context),
            Load::Tls => load_tls::run(&context),
            Load::Pages => load_pages::run(&context),
            Load::Scripts => load_scripts::run(&context),
            Load::Instructions => load_instructions::run(&context)?,
        };
        failed |= section.has_failures();
        println!("{}", section.render());
        lines.push_str(&section.lines());
    }
    if context.options.record {
        let path = run_file::write(&date, &commit, &lines)?;
        println!("written to {}", path.display());
    }
    if failed {
        return Err(io::Error::other(
            "some loads failed, see the lines 'failed:' above",
        ));
    }
    Ok(())
}

/// redis-server, Evenkeel, and of the others those that are installed or were named.
fn sides(redis: PathBuf, options: &Options) -> Vec<Side> {
    let like_redis = |name: &str, binary: PathBuf| Side {
        name: name.to_owned(),
        protocol: Protocol::Redis,
        binary,
        arguments: (REDIS_ARGUMENTS.map(str::to_owned).into_iter())
            .chain(options.redis_arguments.iter().cloned())
            .collect(),
    };
    let mut sides = vec![
        like_redis("redis-server", redis),
        Side {
            name: "evenkeel".to_owned(),
            protocol: Protocol::Redis,
            binary: options.evenkeel_binary.clone(),
            arguments: options.evenkeel_arguments.clone(),
        },
    ];
    let other = options.other_binary.clone();
    if let Some(binary) = other.or_else(|| find_program("valkey-server").ok()) {
        let name = binary.file_name().unwrap_or_default().to_string_lossy();
        let name = name.trim_end_matches("-server").to_owned();
        sides.push(like_redis(&name, binary));
    }
    if let Ok(binary) = find_program("memcached") {
        sides.push(Side {
            name: "memcached".to_owned(),
            protocol: Protocol::Memcached,
            binary,
            arguments: memcached::ARGUMENTS.map(str::to_owned).to_vec(),
        });
    }
    sides
}

/// The line of the run's file that says what the run was.
fn run_line(context: &Context, date: &str, commit: &str) -> String {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    run_file::line(&[
        ("run", run_file::text(date)),
        ("label", run_file::text(&context.options.label)),
        ("machine", run_file::text(&machine::description())),
        ("load_average", run_file::text(&machine::load_average())),
        (
            "redis",
            run_file::text(&machine::version(context.sides[REDIS].binary.as_os_str())),
        ),
        ("evenkeel", run_file::text(commit)),
        ("others", run_file::texts(&others(context))),
        ("rounds", context.options.rounds.to_string()),
        ("arguments", run_file::text(&arguments.join(" "))),
    ])
}

/// The versions of the other servers.
fn others(context: &Context) -> Vec<String> {
    let others = context.sides.iter().skip(EVENKEEL + 1);
    others
        .map(|side| machine::version(side.binary.as_os_str()))
        .collect()
}

fn heading(context: &Context, date: &str, commit: &str) -> String {
    let label = match context.options.label.as_str() {
        "" => String::new(),
        label => format!(": {label}"),
    };
    // Anything but the binary that cargo built from the sources must show in the record.
    let binary = match context.options.evenkeel_binary.file_name() {
        Some(name) if context.options.foreign_binary => format!(", binary {}", name.display()),
        _ => String::new(),
    };
    [
        format!("## {date}{label}\n"),
        format!("- machine: {}", machine::description()),
        format!("- load average before the run: {}", machine::load_average()),
        format!(
            "- redis-server: {}",
            machine::version(context.sides[REDIS].binary.as_os_str())
        ),
        format!("- evenkeel: commit {commit}{binary}"),
        format!("- others: {}", others(context).join("; ")),
        format!(
            "- {} rounds, the sides alternating; cells are the median (lowest–highest)",
            context.options.rounds
        ),
        format!(
            "- server on core {}, load on core {}, loopback TCP\n\n",
            server_process::SERVER_CORE,
            server_process::LOAD_CORE,
        ),
    ]
    .join("\n")
}

/// The program's full path, or how to get it.
fn find_program(name: &str) -> io::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates = std::env::split_paths(&path).map(|folder| folder.join(name));
    candidates
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| {
            io::Error::other(format!(
                "{name} is not in PATH; on Debian: apt-get install redis-server redis-tools"
            ))
        })
}
