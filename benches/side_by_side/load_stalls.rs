//! Latency of one client while the server has something large to do.
//!
//! Each row: fresh server, filled before the probe starts; then the action runs in a child process
//! and the probe sends PINGs until half a second after its end.
//!
//! 1. "idle" and "idle, load core busy" are the floor: what the set-up itself shows without a load.
//! 2. The row with deadlines ends when DBSIZE no longer counts a due key, without any key being
//!    read.
//! 3. Of the script without an end, the time until the action was done is that of SCRIPT KILL.
//!
//! Not here: the probe (`probe.rs`), the actions (`stall_actions.rs`).

use std::io;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::Context;
use crate::fill::{Fill, value};
use crate::load_connections::{allow_connections, connection_count};
use crate::probe::{PAUSE, TAIL, probe_until};
use crate::report::{Better, Figure, Section};
use crate::resp_client::Client;
use crate::server_process::{ServerProcess, Side};
use crate::stall_actions::{Action, VALUE_BYTES};

/// The figures of every row that the probe measures.
pub(crate) const FIGURES: [Figure; 5] = [
    latency("Slowest PING, ms"),
    latency("PING p99.9, ms"),
    latency("PING p99, ms"),
    latency("PING p50, ms"),
    latency("Until the action was done, s"),
];

const fn latency(title: &'static str) -> Figure {
    Figure {
        title,
        better: Better::Lower,
        decimals: 3,
    }
}

/// Keys that never expire beside the ones that are due at once.
const STANDING_KEYS: u64 = 1_500_000;
/// Keys that are due in the same millisecond.
const DUE_KEYS: u64 = 500_000;
/// The action counts as failed when something due is left after so long.
const EXPIRY_LIMIT: Duration = Duration::from_secs(60);
/// How often the server is asked what it counts.
const COUNT_INTERVAL: Duration = Duration::from_millis(2);

/// What one row does.
#[derive(Clone, Copy)]
enum Work {
    /// An action on a server with so many keys.
    Action(u64, Action),
    /// Keys due in the same millisecond: standing keys, due keys.
    Expiry(u64, u64),
}

/// Measures all rows on both sides.
pub(crate) fn run(context: &Context) -> Section {
    let notes = notes();
    let notes = [notes[0].as_str(), notes[1].as_str()];
    let mut section = Section::new("Stalls", &FIGURES, &notes);
    let rows = rows(context);
    context.alternate(
        &mut section,
        rows.iter().map(|row| row.0.as_str()),
        |index, side, section| match rows[index].1 {
            Work::Action(keys, action) => {
                section.command(action.line());
                measure_action(side, keys, action)
            }
            Work::Expiry(standing, due) => measure_expiry(side, standing, due, section),
        },
    );
    section
}

/// What the figures include.
pub(crate) fn notes() -> [String; 2] {
    [
        format!(
            "One client sends a PING, waits for the answer and pauses {} µs, until {} ms after the \
             action's end; the action's client shares core {} with it, in the scheduling class \"idle\".",
            PAUSE.as_micros(),
            TAIL.as_millis(),
            crate::server_process::LOAD_CORE,
        ),
        "A stall is one slow PING, however long: the maximum tells more than the percentiles. Values \
         below those of the idle rows are noise."
            .to_owned(),
    ]
}

fn rows(context: &Context) -> Vec<(String, Work)> {
    let keys = |count| context.options.scaled(count);
    let wait_ms = if context.options.quick { 200 } else { 3000 };
    let [inserted, flushed, listed, deleted] =
        [5_000_000, 2_000_000, 1_000_000, 2_000_000].map(keys);
    let clients = connection_count(context);
    // Every other one stays, so no more are open at once than in the row before.
    let storm = 2 * clients;
    let action = |name: String, keys, action| (name, Work::Action(keys, action));
    vec![
        action("idle".to_owned(), 0, Action::Wait(wait_ms)),
        action("idle, load core busy".to_owned(), 0, Action::Spin(wait_ms)),
        action(
            format!("insert of {inserted} keys"),
            0,
            Action::Insert(inserted),
        ),
        (
            format!(
                "{} of {} keys due at once",
                keys(DUE_KEYS),
                keys(STANDING_KEYS + DUE_KEYS)
            ),
            Work::Expiry(keys(STANDING_KEYS), keys(DUE_KEYS)),
        ),
        action(
            format!("FLUSHALL of {flushed} keys"),
            flushed,
            Action::Flush,
        ),
        action(format!("KEYS * over {listed} keys"), listed, Action::Keys),
        action(
            format!("UNLINK of 90 % of {deleted} keys"),
            deleted,
            Action::Unlink(deleted / 10 * 9),
        ),
        action(
            "script without an end".to_owned(),
            0,
            Action::Script(wait_ms),
        ),
        action(
            format!("{clients} clients connect"),
            0,
            Action::Connect(clients),
        ),
        action(
            format!("storm of {storm} clients that connect"),
            0,
            Action::Storm(storm),
        ),
    ]
}

fn measure_action(side: &Side, keys: u64, action: Action) -> io::Result<Vec<f64>> {
    let server = side.start()?;
    if matches!(action, Action::Connect(_) | Action::Storm(_)) {
        allow_connections(&server)?;
    }
    let value = value(VALUE_BYTES);
    fill("key", keys, &value, &[]).send(&mut [server.client()?])?;
    measure(&server, TAIL, || action.run(server.port()))
}

fn measure_expiry(
    side: &Side,
    standing: u64,
    due: u64,
    section: &mut Section,
) -> io::Result<Vec<f64>> {
    let server = side.start()?;
    let mut clients: [Client; 1] = [server.client()?];
    let value = value(VALUE_BYTES);
    let start = Instant::now();
    fill("key", standing, &value, &[]).send(&mut clients)?;
    // Three times as many keys took this long: time enough for the keys that are due.
    let deadline = SystemTime::now() + start.elapsed() + Duration::from_secs(1);
    let deadline_ms = since_epoch(deadline).as_millis().to_string();
    let suffix: [&[u8]; 2] = [b"PXAT", deadline_ms.as_bytes()];
    let fill = fill("due", due, &value, &suffix);
    section.command(fill.line().replace(&deadline_ms, "DEADLINE"));
    fill.send(&mut clients)?;
    let counted = clients[0].call_integer(&[b"DBSIZE"])?;
    if SystemTime::now() > deadline || counted as u64 != standing + due {
        return Err(io::Error::other(
            "keys were due before all of them were there",
        ));
    }
    let [mut client] = clients;
    measure(&server, TAIL, move || {
        until_gone(&mut client, &[b"DBSIZE"], deadline, standing)
    })
}

/// Waits for the deadline, then calls `counting` until only what stands is counted; returns the
/// seconds from the deadline.
pub(crate) fn until_gone(
    client: &mut Client,
    counting: &[&[u8]],
    deadline: SystemTime,
    standing: u64,
) -> io::Result<f64> {
    let wait = deadline
        .duration_since(SystemTime::now())
        .unwrap_or_default();
    thread::sleep(wait);
    loop {
        let late = deadline.elapsed().unwrap_or_default();
        if client.call_integer(counting)? as u64 <= standing {
            return Ok(late.as_secs_f64());
        }
        if late > EXPIRY_LIMIT {
            return Err(io::Error::other(
                "what is due is still counted after a minute",
            ));
        }
        thread::sleep(COUNT_INTERVAL);
    }
}

/// Sends PINGs beside the action and until `tail` after it; returns the values of [`FIGURES`].
pub(crate) fn measure(
    server: &ServerProcess,
    tail: Duration,
    action: impl FnOnce() -> io::Result<f64> + Send,
) -> io::Result<Vec<f64>> {
    let (latencies, seconds) = probe_until(server.port(), tail, action)?;
    let [max, p999, p99, p50] = [1.0, 0.999, 0.99, 0.5].map(|share| latencies.quantile_ms(share));
    Ok(vec![max, p999, p99, p50, seconds])
}

fn fill<'a>(prefix: &'a str, keys: u64, value: &'a [u8], suffix: &'a [&'a [u8]]) -> Fill<'a> {
    Fill {
        prefix,
        range: 0..keys,
        value,
        suffix,
    }
}

/// The time since 1970.
pub(crate) fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}
