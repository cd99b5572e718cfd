//! What a delivered message costs, and how late it is told that a key has expired.
//!
//! ```text
//! PUBLISH × batch ─▶ server ─▶ every subscriber      the next batch when all bytes have come
//! ```
//!
//! Not here: taking the messages (`drain.rs`), clients that wait for keys (`load_waiting.rs`).

use std::io;
use std::thread;
use std::time::{Duration, SystemTime};

use crate::Context;
use crate::drain::Drain;
use crate::fill::{Fill, value};
use crate::load_connections::{allow_connections, connection_count};
use crate::load_stalls::since_epoch;
use crate::probe::probe_during;
use crate::report::{Better, Cell, Figure, Section};
use crate::resp_client::{Client, encode};
use crate::server_process::{ServerProcess, Side};

const CPU: usize = 0;
const SLOWEST: usize = 1;
const LAG_P50: usize = 2;
const LAG_P99: usize = 3;

const FIGURES: [Figure; 4] = [
    figure("Server CPU per delivered message, µs"),
    figure("Slowest PING beside it, ms"),
    figure("Lag of an expired event, median, ms"),
    figure("Lag of an expired event, p99, ms"),
];

const fn figure(title: &'static str) -> Figure {
    Figure {
        title,
        better: Better::Lower,
        decimals: 3,
    }
}

const NOTES: [&str; 3] = [
    "Messages of 100 bytes. The next batch is sent when every subscriber has got the last one.",
    "The program that takes the messages shares its core with the PINGs, so that those of the row with \
     10,000 subscribers wait for it, too.",
    "Lag: from the deadline that stands in the name of a key to the arrival of its event; keys whose \
     events have not come 20 s after the last deadline count with these 20 s.",
];

const MESSAGE_BYTES: usize = 100;
const CHANNEL: &[u8] = b"news";
/// What a subscriber of RESP2 gets.
const DELIVERED_BYTES: u64 = 4 + 13 + 10 + (6 + MESSAGE_BYTES as u64 + 2);
/// Without a byte for so long, a message counts as lost.
const DELIVERY_LIMIT: Duration = Duration::from_secs(30);

/// Keys with deadlines an hour away, beside those that are due.
const OTHER_KEYS: u64 = 1_000_000;
const DUE_KEYS: u64 = 1_000;
/// The deadlines of the due keys are spread over this time.
const DUE_SPREAD_MS: u64 = 3_000;
/// Events are waited for so long after the last deadline.
const LAG_LIMIT_MS: u64 = 20_000;

/// Subscribers, batches of messages, and messages of a batch.
struct Row {
    name: &'static str,
    subscribers: u64,
    batches: u64,
    batch: u64,
}

const ROWS: [Row; 3] = [
    Row {
        name: "PUBLISH to 1 subscriber",
        subscribers: 1,
        batches: 10_000,
        batch: 50,
    },
    Row {
        name: "PUBLISH to 100 subscribers",
        subscribers: 100,
        batches: 1_000,
        batch: 10,
    },
    Row {
        name: "PUBLISH to 10,000 subscribers",
        subscribers: 10_000,
        batches: 100,
        batch: 1,
    },
];

const LAG_ROW: &str = "1,000 keys due, 1 M other deadlines";

/// Measures all rows on both sides.
pub(crate) fn run(context: &Context) -> Section {
    let mut section = Section::new("Messages", &FIGURES, &NOTES);
    for row in &ROWS {
        section.target(CPU, row.name, "× 1.67".to_owned());
    }
    let names = ROWS.iter().map(|row| row.name).chain([LAG_ROW]);
    context.alternate_cells(&mut section, names, |index, side, section| {
        match ROWS.get(index) {
            Some(row) => measure_messages(context, side, row, section),
            None => measure_lag(context, side, section),
        }
    });
    section
}

fn measure_messages(
    context: &Context,
    side: &Side,
    row: &Row,
    section: &mut Section,
) -> io::Result<Vec<Cell>> {
    let subscribers = row.subscribers.min(connection_count(context));
    let batches = context.options.scaled(row.batches);
    section.command(format!(
        "(this program) {subscribers} × SUBSCRIBE, {batches} times {} × PUBLISH of {MESSAGE_BYTES} bytes",
        row.batch
    ));
    let server = side.start()?;
    allow_connections(&server)?;
    let mut drain = subscribe(&server, subscribers)?;
    let mut publisher = server.client()?;
    let message = value(MESSAGE_BYTES);
    let mut batch = Vec::new();
    for _ in 0..row.batch {
        encode(&mut batch, &[b"PUBLISH", CHANNEL, &message]);
    }
    let mut publish = || {
        for _ in 0..batches {
            publisher.send(&batch)?;
            drain.take(row.batch * subscribers * DELIVERED_BYTES, DELIVERY_LIMIT)?;
            publisher.replies(row.batch)?;
        }
        Ok(())
    };
    // Once for the CPU and once more for the PINGs, which cost CPU, too.
    let before = server.cpu_time()?;
    publish()?;
    let spent_ns = server.cpu_time()?.total_ns - before.total_ns;
    let (latencies, ()) = probe_during(server.port(), publish)?;
    let delivered = (batches * row.batch * subscribers) as f64;
    let cell = |figure, value| Cell {
        figure,
        row: row.name,
        value,
    };
    Ok(vec![
        cell(CPU, spent_ns as f64 / 1000.0 / delivered),
        cell(SLOWEST, latencies.quantile_ms(1.0)),
    ])
}

/// Connections that have subscribed and been told so.
fn subscribe(server: &ServerProcess, count: u64) -> io::Result<Drain> {
    let mut streams = Vec::new();
    for _ in 0..count {
        let mut client = Client::connect_buffered(server.port(), 64)?;
        client.call(&[b"SUBSCRIBE", CHANNEL])?;
        streams.push(client.into_stream());
    }
    Drain::new(streams)
}

fn measure_lag(context: &Context, side: &Side, section: &mut Section) -> io::Result<Vec<Cell>> {
    let server = side.start()?;
    let mut client = server.client()?;
    client.call(&[b"CONFIG", b"SET", b"notify-keyspace-events", b"Ex"])?;
    let others = Fill {
        prefix: "key",
        range: 0..context.options.scaled(OTHER_KEYS),
        value: &value(3),
        suffix: &[b"EX", b"3600"],
    };
    section.command(others.line());
    others.send(&mut [server.client()?])?;
    let mut listener = server.client()?;
    listener.call(&[b"SUBSCRIBE", b"__keyevent@0__:expired"])?;
    let due = context.options.scaled(DUE_KEYS);
    section.command(format!(
        "(this program) SET DEADLINE:N v PXAT DEADLINE for {due} keys, due within {DUE_SPREAD_MS} ms"
    ));
    let first_ms = now_ms() + 1_000;
    for index in 0..due {
        let deadline_ms = first_ms + index * DUE_SPREAD_MS / due;
        let key = format!("{deadline_ms}:{index}");
        let deadline = deadline_ms.to_string();
        client.call(&[b"SET", key.as_bytes(), b"v", b"PXAT", deadline.as_bytes()])?;
    }
    let limit_ms = match context.options.quick {
        true => DUE_SPREAD_MS,
        false => LAG_LIMIT_MS,
    };
    let lags_ms = lags_ms(listener, due, first_ms + DUE_SPREAD_MS + limit_ms, limit_ms)?;
    let at = |share: f64| lags_ms[((lags_ms.len() - 1) as f64 * share).ceil() as usize];
    let cell = |figure, value| Cell {
        figure,
        row: LAG_ROW,
        value,
    };
    Ok(vec![cell(LAG_P50, at(0.5)), cell(LAG_P99, at(0.99))])
}

/// How late each of the events came, in order of lateness; `limit_ms` for those that have not come
/// by `end_ms`.
fn lags_ms(mut listener: Client, due: u64, end_ms: u64, limit_ms: u64) -> io::Result<Vec<f64>> {
    let reader = thread::spawn(move || {
        let mut lags = Vec::new();
        while (lags.len() as u64) < due {
            let left_ms = end_ms.saturating_sub(now_ms());
            if left_ms == 0 {
                break;
            }
            listener.give_up_after(Duration::from_millis(left_ms))?;
            let Ok(texts) = listener.texts() else { break };
            let lag_ms = texts.last().and_then(|key| {
                let deadline: u64 = key.split(':').next()?.parse().ok()?;
                Some(since_epoch(SystemTime::now()).as_secs_f64() * 1000.0 - deadline as f64)
            });
            lags.push(lag_ms.ok_or_else(|| io::Error::other("an event without a deadline"))?);
        }
        Ok(lags)
    });
    let mut lags: Vec<f64> = (reader.join())
        .map_err(|_| io::Error::other("the listener panicked"))?
        .map_err(|error: io::Error| error)?;
    lags.resize(due as usize, limit_ms as f64);
    lags.sort_by(f64::total_cmp);
    Ok(lags)
}

fn now_ms() -> u64 {
    since_epoch(SystemTime::now()).as_millis() as u64
}
