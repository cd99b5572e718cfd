//! Resident memory of the server per key, after inserting through pipelines.
//!
//! ```text
//! bytes per key = (VmRSS after the inserts − VmRSS of the empty server) / keys
//! ```
//!
//! 1. It includes the allocator, the table and its spare room, and whatever pages are not given
//!    back.
//! 2. Several numbers of keys, as a table that doubles looks good or bad depending on where it
//!    stands.
//!
//! Not here: connections (`load_connections.rs`).

use std::io;

use crate::Context;
use crate::fill::{Fill, value};
use crate::memcached::Clients;
use crate::report::{Better, Figure, Section};
use crate::resp_client::Client;
use crate::server_process::{Protocol, Side};

const FIGURES: [Figure; 1] = [Figure {
    title: "Resident bytes per key",
    better: Better::Lower,
    decimals: 1,
}];

const NOTES: [&str; 2] = [
    "Keys of 16 bytes, inserted in order by this program; VmRSS, once it no longer changes, minus that of \
     the empty server.",
    "memcached gets the same keys and values by its text protocol (set), and an expiration of 86400 where the \
     others get EX 86400.",
];

/// Name, thousands of keys, bytes of the value, arguments after it.
const ROWS: [(&str, u64, usize, &[&[u8]]); 9] = [
    ("1.0 M keys, 8-byte values", 1000, 8, &[]),
    ("1.0 M keys, 64-byte values", 1000, 64, &[]),
    (
        "1.0 M keys, 64-byte values, TTL",
        1000,
        64,
        &[b"EX", b"86400"],
    ),
    ("1.0 M keys, 200-byte values", 1000, 200, &[]),
    ("1.1 M keys, 64-byte values", 1100, 64, &[]),
    ("1.3 M keys, 64-byte values", 1300, 64, &[]),
    ("1.5 M keys, 64-byte values", 1500, 64, &[]),
    ("1.7 M keys, 64-byte values", 1700, 64, &[]),
    ("1.9 M keys, 64-byte values", 1900, 64, &[]),
];

/// Measures all rows on both sides.
pub(crate) fn run(context: &Context) -> Section {
    let mut section = Section::new("Memory", &FIGURES, &NOTES);
    context.alternate(
        &mut section,
        ROWS.iter().map(|row| row.0),
        |index, side, section| {
            let (_, thousands, value_bytes, suffix) = ROWS[index];
            let value = value(value_bytes);
            let has_deadline = !suffix.is_empty();
            let fill = Fill {
                prefix: "key",
                range: 1..context.options.scaled(thousands * 1000) + 1,
                value: &value,
                suffix,
            };
            match side.protocol {
                Protocol::Redis => {
                    section.command(fill.line());
                    measure(side, &fill)
                }
                Protocol::Memcached => measure_memcached(side, &fill, has_deadline),
            }
        },
    );
    section
}

fn measure(side: &Side, fill: &Fill<'_>) -> io::Result<Vec<f64>> {
    let server = side.start()?;
    let mut clients: [Client; 1] = [server.client()?];
    let empty_bytes = server.settled_resident_bytes()?;
    fill.send(&mut clients)?;
    let keys = fill.range.end - fill.range.start;
    let counted = clients[0].call_integer(&[b"DBSIZE"])?;
    if u64::try_from(counted) != Ok(keys) {
        return Err(io::Error::other(format!(
            "DBSIZE is {counted} after {keys} inserts"
        )));
    }
    let full_bytes = server.settled_resident_bytes()?;
    Ok(vec![
        full_bytes.saturating_sub(empty_bytes) as f64 / keys as f64,
    ])
}

fn measure_memcached(side: &Side, fill: &Fill<'_>, has_deadline: bool) -> io::Result<Vec<f64>> {
    let server = side.start()?;
    let mut clients = Clients::one(server.port())?;
    let empty_bytes = server.settled_resident_bytes()?;
    let seconds = if has_deadline { 86_400 } else { 0 };
    clients.fill(fill.prefix, fill.range.clone(), fill.value, seconds)?;
    let keys = fill.range.end - fill.range.start;
    let full_bytes = server.settled_resident_bytes()?;
    Ok(vec![
        full_bytes.saturating_sub(empty_bytes) as f64 / keys as f64,
    ])
}
