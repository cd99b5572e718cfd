//! What it costs to serve clients that wait, and consumers of a stream.
//!
//! ```text
//! clients    BLPOP list 0, one after the other      RPUSH list 0, RPUSH list 1 …
//!     0 ◀── item 0     1 ◀── item 1 …               the first to wait is the first to be served
//! ```
//!
//! Not here: messages (`load_messages.rs`), XADD (`load_requests.rs`).

use std::io;

use crate::Context;
use crate::fill::value;
use crate::known_commands::require;
use crate::load_connections::{allow_connections, connection_count};
use crate::report::{Better, Figure, Section};
use crate::resp_client::{Client, encode, pipeline};
use crate::server_process::Side;

const FIGURES: [Figure; 1] = [Figure {
    title: "Server CPU per item, µs",
    better: Better::Lower,
    decimals: 3,
}];

const NOTES: [&str; 2] = [
    "Waiting clients: CPU from the first push until each of them has got its item, the one of its turn.",
    "A group: XREADGROUP COUNT 1 and XACK of one entry after the other, in pipelines; CPU of both.",
];

const WAITING: &str = "10,000 clients in BLPOP, 10,000 pushes";
const GROUP: &str = "XREADGROUP and XACK";
/// Entries that the group reads.
const ENTRIES: u64 = 200_000;
const DEPTH: u64 = 50;
/// Read buffer of a waiting client.
const CLIENT_BUFFER_BYTES: usize = 64;

/// Measures both rows on both sides.
pub(crate) fn run(context: &Context) -> Section {
    let mut section = Section::new("Waiting clients and groups", &FIGURES, &NOTES);
    for row in [WAITING, GROUP] {
        section.target(0, row, "× 1.67".to_owned());
    }
    context.alternate(
        &mut section,
        [WAITING, GROUP].into_iter(),
        |index, side, section| {
            let cost = match index {
                0 => measure_waiting(context, side, section)?,
                _ => measure_group(context, side, section)?,
            };
            Ok(vec![cost])
        },
    );
    section
}

fn measure_waiting(context: &Context, side: &Side, section: &mut Section) -> io::Result<f64> {
    let count = connection_count(context);
    section.command(format!(
        "(this program) {count} × BLPOP list 0, then {count} × RPUSH list N in pipelines of {DEPTH}"
    ));
    let server = side.start()?;
    allow_connections(&server)?;
    require(&mut server.client()?, &["BLPOP"])?;
    let mut waiting = Vec::new();
    let mut request = Vec::new();
    encode(&mut request, &[b"BLPOP", b"list", b"0"]);
    for _ in 0..count {
        let mut client = Client::connect_buffered(server.port(), CLIENT_BUFFER_BYTES)?;
        // Its PING is answered before the next client connects: they wait in this order.
        client.call(&[b"PING"])?;
        client.send(&request)?;
        waiting.push(client);
    }
    let mut pusher = server.client()?;
    let is_waiting = |list: String| list.matches("cmd=blpop").count() as u64 == count;
    while !is_waiting(pusher.call_bulk(&[b"CLIENT", b"LIST"], u64::MAX)?) {}
    let before = server.cpu_time()?;
    pipeline(&mut [pusher], 0..count, DEPTH, |index, batch| {
        encode(batch, &[b"RPUSH", b"list", index.to_string().as_bytes()]);
    })?;
    for (index, client) in waiting.iter_mut().enumerate() {
        let texts = client.texts()?;
        if texts.last().and_then(|text| text.parse().ok()) != Some(index) {
            return Err(io::Error::other(format!("client {index} got {texts:?}")));
        }
    }
    let spent_ns = server.cpu_time()?.total_ns - before.total_ns;
    Ok(spent_ns as f64 / 1000.0 / count as f64)
}

fn measure_group(context: &Context, side: &Side, section: &mut Section) -> io::Result<f64> {
    let entries = context.options.scaled(ENTRIES);
    section.command(format!(
        "(this program) {entries} × XADD stream N-1 field <16 bytes>, then XREADGROUP GROUP g c COUNT 1 \
         STREAMS stream > and XACK stream g N-1, in pipelines of {DEPTH} pairs"
    ));
    let server = side.start()?;
    let mut clients = [server.client()?];
    require(&mut clients[0], &["XREADGROUP"])?;
    let text = value(16);
    let id = |index: u64| format!("{}-1", index + 1);
    pipeline(&mut clients, 0..entries, DEPTH, |index, batch| {
        encode(
            batch,
            &[b"XADD", b"stream", id(index).as_bytes(), b"field", &text],
        );
    })?;
    clients[0].call(&[b"XGROUP", b"CREATE", b"stream", b"g", b"0"])?;
    let before = server.cpu_time()?;
    pipeline(
        &mut clients,
        0..2 * entries,
        2 * DEPTH,
        |index, batch| match index % 2 {
            0 => encode(
                batch,
                &[
                    b"XREADGROUP",
                    b"GROUP",
                    b"g",
                    b"c",
                    b"COUNT",
                    b"1",
                    b"STREAMS",
                    b"stream",
                    b">",
                ],
            ),
            _ => encode(batch, &[b"XACK", b"stream", b"g", id(index / 2).as_bytes()]),
        },
    )?;
    let spent_ns = server.cpu_time()?.total_ns - before.total_ns;
    Ok(spent_ns as f64 / 1000.0 / entries as f64)
}
