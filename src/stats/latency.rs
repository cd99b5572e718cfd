//! Moments at which something took longer than `latency-monitor-threshold`, by kind of event.
//!
//! ```text
//!  event ─▶ ring of SAMPLES_MAX (Unix second, worst ms in it), and the worst of all
//! ```
//!
//! A turn of the loop that was long is two events: the turn, and of its parts the longest.
//!
//! Invariants: at most one sample a second and event; at most one series an [`LatencyEvent`].
//!
//! Not here: who measures (`command/observe.rs`, `long_turns.rs`), LATENCY
//! (`command/diagnostics/latency.rs`).

use super::turns::TurnPart;
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
    /// The longest part of such a turn, by the time of that part.
    LoopTurnOf(TurnPart),
}

impl LatencyEvent {
    /// All events, each at the place of its series.
    pub const ALL: [Self; 3 + TurnPart::ALL.len()] = [
        Self::Command,
        Self::FastCommand,
        Self::LoopTurn,
        Self::LoopTurnOf(TurnPart::Serve),
        Self::LoopTurnOf(TurnPart::Work),
        Self::LoopTurnOf(TurnPart::Read),
        Self::LoopTurnOf(TurnPart::Save),
        Self::LoopTurnOf(TurnPart::Page),
        Self::LoopTurnOf(TurnPart::Follow),
        Self::LoopTurnOf(TurnPart::Write),
    ];

    /// The name that LATENCY uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::FastCommand => "fast-command",
            Self::LoopTurn => "loop-turn",
            Self::LoopTurnOf(TurnPart::Serve) => "loop-turn-serve",
            Self::LoopTurnOf(TurnPart::Work) => "loop-turn-work",
            Self::LoopTurnOf(TurnPart::Read) => "loop-turn-read",
            Self::LoopTurnOf(TurnPart::Save) => "loop-turn-save",
            Self::LoopTurnOf(TurnPart::Page) => "loop-turn-page",
            Self::LoopTurnOf(TurnPart::Follow) => "loop-turn-follow",
            Self::LoopTurnOf(TurnPart::Write) => "loop-turn-write",
        }
    }

    fn place(self) -> usize {
        match self {
            Self::Command => 0,
            Self::FastCommand => 1,
            Self::LoopTurn => 2,
            Self::LoopTurnOf(part) => 3 + part as usize,
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
        self.series[event.place()]
            .get_or_insert_default()
            .add(unix_seconds, duration_ms);
    }

    /// The series of an event, if it has samples.
    pub fn series(&self, event: LatencyEvent) -> Option<&LatencySeries> {
        self.series[event.place()].as_ref()
    }

    /// The events that have samples.
    pub fn iter(&self) -> impl Iterator<Item = (LatencyEvent, &LatencySeries)> {
        LatencyEvent::ALL
            .into_iter()
            .filter_map(|event| Some((event, self.series(event)?)))
    }

    /// Forgets the samples of an event; whether there were any.
    pub fn reset(&mut self, event: LatencyEvent) -> bool {
        self.series[event.place()].take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_has_a_place_and_a_name_of_its_own() {
        for (place, event) in LatencyEvent::ALL.into_iter().enumerate() {
            assert_eq!(event.place(), place);
            assert_eq!(LatencyEvent::find(event.name().as_bytes()), Some(event));
        }
        for part in TurnPart::ALL {
            let name = LatencyEvent::LoopTurnOf(part).name();
            assert_eq!(name, format!("loop-turn-{}", part.name()));
        }
    }

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
