//! Instructions of the server per request, counted by callgrind: a figure that does not depend on what
//! else the machine does.
//!
//! ```text
//! (instructions of fill + 2 N requests) − (instructions of fill + N requests), divided by N
//! ```
//!
//! 1. Start, fill and end cancel; both runs send the same keys in the same order.
//! 2. One connection and pipelines of 100, each written at once, so batches are the same in every run.
//!
//! Cost: the server runs some fifty times slower. Only user mode is counted.
//! Not here: time (`load_requests.rs`).

use std::fs;
use std::io;

use crate::Context;
use crate::fill::{DEPTH, Fill, value, write_key};
use crate::report::{Better, Figure, Section};
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

/// Keys that are there before.
const KEYS: u64 = 100_000;
/// Requests of the shorter run.
const REQUESTS: u64 = 100_000;
/// File that callgrind writes in the server's directory.
const PROFILE: &str = "callgrind.out";

/// Name, prefix of the keys, first word of the command and the words after the key.
const ROWS: [(&str, &str, &str, &[&[u8]]); 4] = [
    ("GET", "key", "GET", &[]),
    ("SET", "key", "SET", &[b"xxx"]),
    ("INCR", "counter", "INCR", &[]),
    ("SET EX 100", "key", "SET", &[b"xxx", b"EX", b"100"]),
];

/// Measures all rows on both sides; one line tells where valgrind is missing.
pub(crate) fn run(context: &Context) -> io::Result<Section> {
    crate::find_program("valgrind").map_err(|_| {
        io::Error::other("valgrind is not in PATH; on Debian: apt-get install valgrind")
    })?;
    let mut section = Section::new("Instructions", &FIGURES, &NOTES);
    let requests = context.options.scaled(REQUESTS);
    let wrapper = [
        "valgrind",
        "--tool=callgrind",
        &format!("--callgrind-out-file={PROFILE}"),
    ];
    let wrapper = wrapper.map(str::to_owned);
    section.command(wrapper.join(" ") + " (before each server)");
    context.alternate(
        &mut section,
        ROWS.iter().map(|row| row.0),
        |index, side, _| {
            let short = count(side, &wrapper, index, requests)?;
            let long = count(side, &wrapper, index, 2 * requests)?;
            Ok(vec![long.saturating_sub(short) as f64 / requests as f64])
        },
    );
    Ok(section)
}

/// Instructions of one whole life of a server with so many requests.
fn count(side: &Side, wrapper: &[String], row: usize, requests: u64) -> io::Result<u64> {
    let (_, prefix, command, suffix) = ROWS[row];
    let mut server = side.start_under(wrapper)?;
    let mut clients: [Client; 1] = [server.client()?];
    let text = if command == "INCR" {
        b"0".to_vec()
    } else {
        value(3)
    };
    let fill = Fill {
        prefix,
        range: 0..KEYS,
        value: &text,
        suffix: &[],
    };
    fill.send(&mut clients)?;
    let mut random = fastrand::Rng::with_seed(1);
    let mut key = Vec::new();
    pipeline(&mut clients, 0..requests, DEPTH, |_, batch| {
        write_key(&mut key, prefix, random.u64(0..KEYS));
        let mut arguments = vec![command.as_bytes(), &key];
        arguments.extend_from_slice(suffix);
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
