//! The words and drawings of LATENCY DOCTOR and LATENCY GRAPH.
//!
//! ```text
//!  event - high 50 ms, low 5 ms (all time high 50 ms)
//!  #           a column a sample, oldest first: how long it took,
//!  #_#         and below how long ago that was, read downwards
//!  335
//!  210
//!  sss
//! ```
//!
//! Not here: the samples (`stats/latency.rs`).

use crate::stats::turns::TurnPart;
use crate::stats::{LatencyEvent, LatencyMonitor, LatencySample, LatencySeries};
use std::fmt::Write;

/// Samples drawn, as many columns as a terminal has.
const COLUMNS_MAX: usize = 80;

/// Rows of a graph.
const ROWS: u64 = 4;

/// The graph of an event.
pub(super) fn graph(event: LatencyEvent, series: &LatencySeries, now_s: u64) -> String {
    let skipped = series.iter().len().saturating_sub(COLUMNS_MAX);
    let samples: Vec<LatencySample> = series.iter().skip(skipped).collect();
    let durations = samples.iter().map(|sample| sample.duration_ms);
    let high_ms = durations.clone().max().unwrap_or(0);
    let low_ms = durations.min().unwrap_or(0);
    let mut text = format!(
        "{} - high {high_ms} ms, low {low_ms} ms (all time high {} ms)\n{}\n",
        event.name(),
        series.worst_ms(),
        "-".repeat(COLUMNS_MAX),
    );
    // In steps of half a row: `#` is a whole one, `_` half of one.
    let steps_of = |sample: &LatencySample| {
        let span_ms = high_ms - low_ms;
        ((sample.duration_ms - low_ms) * (ROWS * 2 - 1))
            .checked_div(span_ms)
            .unwrap_or(0)
            + 1
    };
    for row in (0..ROWS).rev() {
        let column = |sample| match steps_of(sample).saturating_sub(row * 2) {
            0 => ' ',
            1 => '_',
            _ => '#',
        };
        text.extend(samples.iter().map(column));
        text.push('\n');
    }
    text.push('\n');
    push_ages(&mut text, &samples, now_s);
    text
}

/// How long ago each sample was, one column each, read downwards.
fn push_ages(text: &mut String, samples: &[LatencySample], now_s: u64) {
    let ages: Vec<String> = samples
        .iter()
        .map(|sample| age(now_s.saturating_sub(sample.unix_seconds)))
        .collect();
    for row in 0..ages.iter().map(String::len).max().unwrap_or(0) {
        let letter = |age: &String| {
            age.as_bytes()
                .get(row)
                .map_or(' ', |&byte| char::from(byte))
        };
        text.extend(ages.iter().map(letter));
        text.push('\n');
    }
}

fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// What to look at, for each event.
fn advice(event: LatencyEvent) -> &'static str {
    match event {
        LatencyEvent::Command => "SLOWLOG GET names the commands.",
        LatencyEvent::FastCommand => {
            "Fast commands were slow together: look for large values, and for other programs that \
             want the processor."
        }
        LatencyEvent::LoopTurn => "The events below say which part of these turns was the longest.",
        LatencyEvent::LoopTurnOf(TurnPart::Serve) => {
            "Requests: SLOWLOG GET names slow commands; without any, many clients were served."
        }
        LatencyEvent::LoopTurnOf(TurnPart::Work) => {
            "Expiry, freeing or timers, which go by slices: look for other programs that want the \
             processor."
        }
        LatencyEvent::LoopTurnOf(TurnPart::Read) => {
            "Long reads such as KEYS, scripts or transactions, which go by slices."
        }
        LatencyEvent::LoopTurnOf(TurnPart::Save) => {
            "A snapshot, which goes by slices: look for a machine short of memory."
        }
        LatencyEvent::LoopTurnOf(TurnPart::Page) => {
            "Pages over HTTP: see who scrapes or watches, and how often."
        }
        LatencyEvent::LoopTurnOf(TurnPart::Follow) => "What the primary sent.",
        LatencyEvent::LoopTurnOf(TurnPart::Write) => {
            "Writing replies, or clients that came and went: look for large replies and for \
             clients that connect for each request."
        }
    }
}

/// What LATENCY DOCTOR says.
pub(super) fn report(monitor: &LatencyMonitor, is_on: bool) -> String {
    if !is_on {
        return "Latency monitoring is off. \
                \"CONFIG SET latency-monitor-threshold <milliseconds>\" turns it on.\n"
            .to_string();
    }
    let mut text = String::new();
    for (event, series) in monitor.iter() {
        let count = series.iter().len() as u64;
        let total_ms: u64 = series.iter().map(|sample| sample.duration_ms).sum();
        let advice = advice(event);
        writeln!(
            text,
            "{}: {count} spikes, {} ms on average, {} ms at worst. {advice}",
            event.name(),
            total_ms / count.max(1),
            series.worst_ms(),
        )
        .expect("a String takes everything");
    }
    if text.is_empty() {
        text.push_str("No latency spike was observed since the start or LATENCY RESET.\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graph_shows_sizes_and_ages() {
        let mut monitor = LatencyMonitor::default();
        for (second, duration_ms) in [(100, 10), (160, 50), (170, 30)] {
            monitor.add(LatencyEvent::Command, second, duration_ms);
        }
        let series = monitor.series(LatencyEvent::Command).unwrap();
        let text = graph(LatencyEvent::Command, series, 172);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "command - high 50 ms, low 10 ms (all time high 50 ms)"
        );
        assert_eq!(lines[2..6], [" # ", " # ", " ##", "_##"]);
        assert_eq!(lines[7..], ["112", "m2s", " s "]);
    }

    #[test]
    fn the_report_names_every_event() {
        let mut monitor = LatencyMonitor::default();
        assert!(report(&monitor, false).contains("off"));
        assert!(report(&monitor, true).starts_with("No latency spike"));
        for event in LatencyEvent::ALL {
            monitor.add(event, 1, 7);
        }
        let text = report(&monitor, true);
        assert_eq!(text.lines().count(), LatencyEvent::ALL.len());
        assert!(text.contains("loop-turn: 1 spikes, 7 ms on average, 7 ms at worst."));
        assert!(text.contains("\nloop-turn-page: 1 spikes, 7 ms on average, 7 ms at worst. Pages"));
    }
}
