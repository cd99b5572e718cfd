//! What it costs to take a file of Redis: by a start that finds it, and by `evenkeel import`.
//!
//! ```text
//! redis-server ── fill ── SAVE ── dump.rdb ─┬─ redis-server starts with it     CPU of its process
//!     once for each row                     ├─ evenkeel starts with it         CPU of its process
//!                                           └─ evenkeel import                 CPU of its process
//! ```
//!
//! 1. All load the same file. A start counts without what a start without a file costs.
//! 2. redis-server has only the start, so its start is what the import is compared with, too.
//!
//! Not here: collections (`collection_fill.rs`), snapshots of our own (`load_snapshots.rs`).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::resource::{UsageWho, getrusage};
use tempfile::TempDir;

use crate::Context;
use crate::collection_fill::{Collections, ELEMENT, Kind};
use crate::fill::{Fill, value};
use crate::report::{Better, Cell, EVENKEEL, Figure, REDIS, Section};
use crate::resp_client::Client;
use crate::server_process::{SERVER_CORE, Side};

/// Positions in `FIGURES`.
const START: usize = 0;
const IMPORT: usize = 1;

const FIGURES: [Figure; 2] = [
    figure("CPU of a start with the file, ms"),
    figure("CPU of importing the file, ms"),
];

const fn figure(title: &'static str) -> Figure {
    Figure {
        title,
        better: Better::Lower,
        decimals: 0,
    }
}

const NOTES: [&str; 2] = [
    "The file is written by redis-server, without compression. CPU is of all threads, in user and \
     kernel mode, less that of a start without a file.",
    "redis-server imports by starting; `evenkeel import` writes a snapshot, which counts.",
];

/// What the CPU of redis-server is to be, times ours, at least.
const TARGET: &str = "× 1.50";

/// The file that both servers look for.
const FILE: &str = "dump.rdb";

/// Strings of a row, and bytes of their values.
const STRINGS: u64 = 500_000;
const VALUE_BYTES: usize = 64;

/// What a file holds.
struct Row {
    name: &'static str,
    strings: u64,
    /// Collections: their kind, how many, and elements of each.
    collections: &'static [(Kind, u64, u64)],
}

const ROWS: [Row; 6] = [
    Row {
        name: "strings",
        strings: STRINGS,
        collections: &[],
    },
    Row {
        name: "hashes of 10",
        strings: 0,
        collections: &[(Kind::Hash, 200_000, 10)],
    },
    Row {
        name: "lists of 20",
        strings: 0,
        collections: &[(Kind::List, 200_000, 20)],
    },
    Row {
        name: "sorted sets of 30",
        strings: 0,
        collections: &[(Kind::SortedSet, 100_000, 30)],
    },
    Row {
        name: "sets of 20",
        strings: 0,
        collections: &[(Kind::Set, 100_000, 20)],
    },
    Row {
        name: "a mix",
        strings: 100_000,
        collections: &[
            (Kind::Hash, 40_000, 10),
            (Kind::List, 40_000, 20),
            (Kind::SortedSet, 20_000, 30),
            (Kind::Set, 20_000, 20),
        ],
    },
];

/// Measures all rows on redis-server and Evenkeel.
pub(crate) fn run(context: &Context) -> Section {
    let mut section = Section::new("Files of Redis", &FIGURES, &NOTES);
    for row in &ROWS {
        for figure in [START, IMPORT] {
            section.target(figure, row.name, TARGET.to_owned());
        }
    }
    let mut files: [Option<TempDir>; ROWS.len()] = Default::default();
    let names = ROWS.iter().map(|row| row.name);
    context.alternate_cells(&mut section, names, |index, side, section| {
        let row = &ROWS[index];
        let folder = match &mut files[index] {
            Some(folder) => folder,
            none => none.insert(row.write(context, section)?),
        };
        measure(context, row, side, &folder.path().join(FILE))
    });
    section
}

impl Row {
    /// Has redis-server write the file; the folder that it is in.
    fn write(&self, context: &Context, section: &mut Section) -> io::Result<TempDir> {
        let server = context.sides[REDIS].start()?;
        let mut client = server.client()?;
        let value = value(VALUE_BYTES);
        let strings = Fill {
            prefix: "key",
            range: 0..context.options.scaled(self.strings),
            value: &value,
            suffix: &[],
        };
        if self.strings > 0 {
            section.command(strings.line());
            strings.send(std::slice::from_mut(&mut client))?;
        }
        for &(kind, keys, elements) in self.collections {
            let collections = Collections {
                kind,
                key: kind.key(),
                keys: 0..context.options.scaled(keys),
                element: ELEMENT,
                elements,
            };
            section.command(collections.line());
            collections.fill(&mut client)?;
        }
        client.call(&[b"SAVE"])?;
        let folder = tempfile::tempdir()?;
        fs::copy(server.directory().join(FILE), folder.path().join(FILE))?;
        Ok(folder)
    }
}

fn measure(context: &Context, row: &Row, side: &Side, file: &Path) -> io::Result<Vec<Cell>> {
    let is_ours = side.name == context.sides[EVENKEEL].name;
    let start_ms = start_ms(side, file)?;
    let import_ms = match is_ours {
        true => import_ms(&side.binary, file)?,
        false => start_ms,
    };
    let cell = |figure, value| Cell {
        figure,
        row: row.name,
        value,
    };
    Ok(vec![cell(START, start_ms), cell(IMPORT, import_ms)])
}

/// CPU of a start with the file, less that of one without, in milliseconds.
fn start_ms(side: &Side, file: &Path) -> io::Result<f64> {
    let mut server = side.start()?;
    let without_ns = server.cpu_time()?.total_ns;
    fs::copy(file, server.directory().join(FILE))?;
    server.restart(side)?;
    let with_ns = server.cpu_time()?.total_ns;
    check_keys(&mut server.client()?)?;
    Ok(with_ns.saturating_sub(without_ns) as f64 / 1e6)
}

fn check_keys(client: &mut Client) -> io::Result<()> {
    match client.call_integer(&[b"DBSIZE"])? {
        0 => Err(io::Error::other("nothing was loaded")),
        _ => Ok(()),
    }
}

/// CPU of an import, in milliseconds.
fn import_ms(binary: &Path, file: &Path) -> io::Result<f64> {
    let folder = tempfile::tempdir()?;
    let target: PathBuf = folder.path().join("dump.evk");
    let before_ms = children_ms()?;
    let ended = Command::new("taskset")
        .args(["-c", &SERVER_CORE.to_string()])
        .arg(binary)
        .arg("import")
        .args([file, &target])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    let after_ms = children_ms()?;
    match ended.success() {
        true => Ok(after_ms - before_ms),
        false => Err(io::Error::other(format!("the import ended with {ended}"))),
    }
}

/// CPU of all children that have ended, in milliseconds.
fn children_ms() -> io::Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let ms = |seconds: i64, microseconds: i64| seconds as f64 * 1e3 + microseconds as f64 / 1e3;
    let (user, system) = (usage.user_time(), usage.system_time());
    Ok(ms(user.tv_sec(), user.tv_usec()) + ms(system.tv_sec(), system.tv_usec()))
}
