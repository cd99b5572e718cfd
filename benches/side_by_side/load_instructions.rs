//! Instructions of the server per request, counted by callgrind: a figure that does not depend on
//! what else the machine does.
//!
//! ```text
//! (instructions of fill + 2 N requests) − (instructions of fill + N requests), divided by N
//! ```
//!
//! 1. Start, fill and end cancel; both runs send the same keys in the same order.
//! 2. One connection and pipelines of 100, each written at once, so batches are the same in every
//!    run.
//!
//! 3. Evenkeel's figures are compared with those kept in `benches/INSTRUCTIONS.md`; one that is
//!    more than `WARN_PERCENT` above is a warning. `UPDATE_INSTRUCTIONS=1` keeps this run's
//!    instead.
//!
//! Cost: the server runs some fifty times slower: about five minutes. Only user mode is counted.
//! Not here: time (`load_requests.rs`).

use std::fs;
use std::io;

use crate::Context;
use crate::fill::{DEPTH, Fill, value, write_key};
use crate::load_scripts::{COMPARE_AND_DELETE, EXISTS, LOOP};
use crate::report::{Better, EVENKEEL, Figure, REDIS, Section};
use crate::resp_client::{Client, encode, pipeline};
use crate::server_process::Side;

const FIGURES: [Figure; 1] = [Figure {
    title: "Instructions per request, pipeline 100",
    better: Better::Lower,
    decimals: 0,
}];

const NOTES: [&str; 1] = [
    "User mode only, under valgrind --tool=callgrind; two runs of different length, so that start and \
     fill cancel. Random keys out of 100,000, 3-byte values, one connection.",
];

/// Figures that this run's are compared with.
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/INSTRUCTIONS.md");

/// How much more than the kept figure is a warning, in percent.
const WARN_PERCENT: f64 = 3.0;

/// First lines of that file.
const KEPT_HEAD: &str = "\
# Instructions per request

User mode of the server, counted by callgrind: `make bench-count` compares its figures with these and warns
of one that is more than 3 % higher; `UPDATE_INSTRUCTIONS=1 make bench-count` writes them anew. They depend
on the compiler and a little on the C library, hardly on the machine.
";

/// Keys that are there before.
const KEYS: u64 = 100_000;
/// Requests of the shorter run.
const REQUESTS: u64 = 100_000;
/// Those of a smoke run: with fewer, what servers do by the clock hides the difference.
const REQUESTS_MIN: u64 = 10_000;
/// Prefix of keys that hold numbers.
const COUNTER: &str = "counter";
/// File that callgrind writes in the server's directory.
const PROFILE: &str = "callgrind.out";

/// What one row sends.
struct Row {
    name: &'static str,
    /// Prefix of the keys.
    prefix: &'static str,
    /// The words of the command before the key, and after it.
    before: &'static [&'static [u8]],
    after: &'static [&'static [u8]],
    /// The number of requests is divided by this.
    divisor: u64,
}

const fn row(
    name: &'static str,
    prefix: &'static str,
    before: &'static [&'static [u8]],
    after: &'static [&'static [u8]],
) -> Row {
    Row {
        name,
        prefix,
        before,
        after,
        divisor: 1,
    }
}

const ROWS: [Row; 7] = [
    row("GET", "key", &[b"GET"], &[]),
    row("SET", "key", &[b"SET"], &[b"xxx"]),
    row("INCR", COUNTER, &[b"INCR"], &[]),
    row("SET EX 100", "key", &[b"SET"], &[b"xxx", b"EX", b"100"]),
    row(
        "EVAL of one EXISTS",
        "key",
        &[b"EVAL", EXISTS.as_bytes(), b"1"],
        &[],
    ),
    row(
        "EVAL, compare and delete",
        "lock",
        &[b"EVAL", COMPARE_AND_DELETE.as_bytes(), b"1"],
        &[b"token"],
    ),
    Row {
        divisor: 100,
        ..row(
            "EVAL of 1,000 GETs",
            "key",
            &[b"EVAL", LOOP.as_bytes(), b"1"],
            &[],
        )
    },
];

/// Measures all rows on both sides; one line tells where valgrind is missing.
pub(crate) fn run(context: &Context) -> io::Result<Section> {
    crate::find_program("valgrind").map_err(|_| {
        io::Error::other("valgrind is not in PATH; on Debian: apt-get install valgrind")
    })?;
    let mut section = Section::new("Instructions", &FIGURES, &NOTES);
    let requests = context.options.scaled(REQUESTS).max(REQUESTS_MIN);
    let wrapper = [
        "valgrind",
        "--tool=callgrind",
        &format!("--callgrind-out-file={PROFILE}"),
    ];
    let wrapper = wrapper.map(str::to_owned);
    section.command(wrapper.join(" ") + " (before each server)");
    let mut measured = vec![[None; ROWS.len()]; context.sides.len()];
    context.alternate(
        &mut section,
        ROWS.iter().map(|row| row.name),
        |index, side, _| {
            let requests = (requests / ROWS[index].divisor).max(1);
            let short = count(side, &wrapper, index, requests)?;
            let long = count(side, &wrapper, index, 2 * requests)?;
            let Some(difference) = long.checked_sub(short).filter(|&more| more > 0) else {
                return Err(io::Error::other("the longer run took fewer instructions"));
            };
            let each = difference as f64 / requests as f64;
            let sides = context.sides.iter();
            let mut named = sides.map(|side| side.name.as_str());
            let number = named.position(|name| name == side.name).unwrap_or_default();
            // Rounds differ by a fraction of a percent, so the last one will do.
            measured[number][index] = Some(each);
            Ok(vec![each])
        },
    );
    if context.options.quick {
        return Ok(section);
    }
    if std::env::var_os("UPDATE_INSTRUCTIONS").is_some() {
        keep(&measured)?;
    } else {
        compare(&measured[EVENKEEL])?;
    }
    Ok(section)
}

/// Writes the figures of this run to the file that later runs are compared with.
fn keep(measured: &[[Option<f64>; ROWS.len()]]) -> io::Result<()> {
    let mut text = KEPT_HEAD.to_owned();
    text += "\n| pipeline of 100 | redis-server | evenkeel | ratio |\n|---|---:|---:|---:|\n";
    for (index, row) in ROWS.iter().enumerate() {
        let (Some(redis), Some(evenkeel)) = (measured[REDIS][index], measured[EVENKEEL][index])
        else {
            return Err(io::Error::other(
                "not every row was measured, so none is kept",
            ));
        };
        let ratio = evenkeel / redis;
        text += &format!(
            "| {} | {redis:.0} | {evenkeel:.0} | {ratio:.2} |\n",
            row.name
        );
    }
    fs::write(KEPT, text)?;
    println!("kept in benches/INSTRUCTIONS.md");
    Ok(())
}

/// Says where this run's figures are higher than those that are kept.
fn compare(measured: &[Option<f64>; ROWS.len()]) -> io::Result<()> {
    let text = fs::read_to_string(KEPT)?;
    for (row, now) in ROWS.iter().zip(measured) {
        let Some(now) = now else { continue };
        let Some(kept) = kept_figure(&text, row.name) else {
            println!("warning: benches/INSTRUCTIONS.md has no row {}", row.name);
            continue;
        };
        let percent = (now / kept - 1.0) * 100.0;
        let warning = if percent > WARN_PERCENT {
            "warning: "
        } else {
            ""
        };
        println!(
            "{warning}{}: {now:.0} instructions, {percent:+.1} % beside {kept:.0}",
            row.name
        );
    }
    Ok(())
}

/// Evenkeel's figure in a row of the file: `| name | redis | evenkeel | ratio |`.
fn kept_figure(text: &str, name: &str) -> Option<f64> {
    let cells = text.lines().find_map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        (cells.get(1) == Some(&name)).then_some(cells)
    })?;
    cells.get(3)?.parse().ok()
}

/// Instructions of one whole life of a server with so many requests.
fn count(side: &Side, wrapper: &[String], row: usize, requests: u64) -> io::Result<u64> {
    let row = &ROWS[row];
    let mut server = side.start_under(wrapper)?;
    let mut clients: [Client; 1] = [server.client()?];
    let text = if row.prefix == COUNTER {
        b"0".to_vec()
    } else {
        value(3)
    };
    let fill = Fill {
        // Nothing is there that a script would delete.
        prefix: if row.prefix == COUNTER {
            COUNTER
        } else {
            "key"
        },
        range: 0..KEYS,
        value: &text,
        suffix: &[],
    };
    fill.send(&mut clients)?;
    let mut random = fastrand::Rng::with_seed(1);
    let mut key = Vec::new();
    pipeline(&mut clients, 0..requests, DEPTH, |_, batch| {
        write_key(&mut key, row.prefix, random.u64(0..KEYS));
        let mut arguments = row.before.to_vec();
        arguments.push(&key);
        arguments.extend_from_slice(row.after);
        encode(batch, &arguments);
    })?;
    server.terminate()?;
    let profile = fs::read_to_string(server.directory().join(PROFILE))?;
    let total = profile.lines().find_map(|line| {
        line.strip_prefix("totals:")
            .or_else(|| line.strip_prefix("summary:"))
    });
    let total = total.and_then(|total| total.trim().parse().ok());
    total.ok_or_else(|| io::Error::other("callgrind wrote no total"))
}
