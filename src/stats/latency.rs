//! Moments at which something took longer than `latency-monitor-threshold`, by kind of event.
//!
//! ```text
//!  event ─▶ ring of SAMPLES_MAX (Unix second, worst ms in it), and the worst of all
//! ```
//!
//! Invariants: at most one sample a second and event; at most one series an [`LatencyEvent`].
//!
//! Not here: who measures (`command/call.rs`, `server/`), LATENCY
//! (`command/diagnostics/latency.rs`).

use std::collections::VecDeque;

/// Samples kept of one event, as in Redis.
const SAMPLES_MAX: usize = 160;

/// What took long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LatencyEvent {
    /// A command that is not declared fast.
    Command,
    /// A group of commands that are.
    FastCommand,
    /// A turn of the event loop, from the poll's return to its next call.
    LoopTurn,
}

impl LatencyEvent {
    /// All events.
    pub const ALL: [Self; 3] = [Self::Command, Self::FastCommand, Self::LoopTurn];

    /// The name that LATENCY uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::FastCommand => "fast-command",
            Self::LoopTurn => "loop-turn",
        }
    }

    /// The event of a name, whatever its case.
    pub fn find(name: &[u8]) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|event| event.name().as_bytes().eq_ignore_ascii_case(name))
    }
}

/// The worst of one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatencySample {
    /// Unix seconds.
    pub unix_seconds: u64,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// One event's samples, oldest first, never empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LatencySeries {
    samples: VecDeque<LatencySample>,
    worst_ms: u64,
}

impl LatencySeries {
    /// The samples, oldest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = LatencySample> {
        self.samples.iter().copied()
    }

    /// The newest sample.
    pub fn latest(&self) -> Option<LatencySample> {
        self.samples.back().copied()
    }

    /// The longest ever since the last reset, in milliseconds.
    pub fn worst_ms(&self) -> u64 {
        self.worst_ms
    }

    fn add(&mut self, unix_seconds: u64, duration_ms: u64) {
        self.worst_ms = self.worst_ms.max(duration_ms);
        match self.samples.back_mut() {
            Some(last) if last.unix_seconds == unix_seconds => {
                last.duration_ms = last.duration_ms.max(duration_ms);
            }
            _ => {
                if self.samples.len() == SAMPLES_MAX {
                    self.samples.pop_front();
                }
                self.samples.push_back(LatencySample {
                    unix_seconds,
                    duration_ms,
                });
            }
        }
    }
}

/// The series of all events.
#[derive(Debug, Default)]
pub struct LatencyMonitor {
    series: [Option<LatencySeries>; LatencyEvent::ALL.len()],
}

impl LatencyMonitor {
    /// Notes that an event took this long.
    pub fn add(&mut self, event: LatencyEvent, unix_seconds: u64, duration_ms: u64) {
        self.series[event as usize]
            .get_or_insert_default()
            .add(unix_seconds, duration_ms);
    }

    /// The series of an event, if it has samples.
    pub fn series(&self, event: LatencyEvent) -> Option<&LatencySeries> {
        self.series[event as usize].as_ref()
    }

    /// The events that have samples.
    pub fn iter(&self) -> impl Iterator<Item = (LatencyEvent, &LatencySeries)> {
        LatencyEvent::ALL
            .into_iter()
            .filter_map(|event| Some((event, self.series(event)?)))
    }

    /// Forgets the samples of an event; whether there were any.
    pub fn reset(&mut self, event: LatencyEvent) -> bool {
        self.series[event as usize].take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_keeps_its_worst_and_a_series_its_last() {
        let mut monitor = LatencyMonitor::default();
        let event = LatencyEvent::LoopTurn;
        assert_eq!(LatencyEvent::find(b"LOOP-turn"), Some(event));
        assert!(monitor.series(event).is_none());
        for duration_ms in [5, 9, 7] {
            monitor.add(event, 1, duration_ms);
        }
        for second in 2..=160 {
            monitor.add(event, second, 3);
        }
        let series = monitor.series(event).unwrap();
        assert_eq!((series.iter().len(), series.worst_ms()), (160, 9));
        let first = LatencySample {
            unix_seconds: 1,
            duration_ms: 9,
        };
        assert_eq!(series.iter().next(), Some(first));
        monitor.add(event, 161, 3);
        let series = monitor.series(event).unwrap();
        assert_eq!(series.iter().next().unwrap().unix_seconds, 2);
        assert_eq!((series.iter().len(), series.worst_ms()), (160, 9));
        assert!(monitor.reset(event) && !monitor.reset(event));
        assert_eq!(monitor.iter().count(), 0);
    }
}
