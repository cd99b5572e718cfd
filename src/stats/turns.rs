//! How long the turns of the loop take, and what the longest was made of.
//!
//! ```text
//!  turn = serve (events, requests) + work (expiry, freeing, timers) + read (long reads)
//!       + save (snapshot) + page (pages over HTTP) + follow (a primary)
//!       + write (replies, accepting, closing)
//! ```
//!
//! Kept for whoever runs a loop; an embedded cache has none, and all is 0.
//!
//! Cost: one count in a histogram a turn; percentiles are computed when INFO asks.
//!
//! Not here: the loop and its clock (`server/reactor.rs`), which turns are long and where they are
//! told (`long_turns.rs`), the fields of INFO (`stats/`).

use crate::structures::histogram::Histogram;

/// The parts of one turn, in microseconds, waiting not included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TurnParts {
    /// Noting events, reading and executing requests.
    pub serve_us: u64,
    /// Expiry, freeing and timers.
    pub work_us: u64,
    /// Long reads.
    pub read_us: u64,
    /// A snapshot.
    pub save_us: u64,
    /// Pages over HTTP.
    pub page_us: u64,
    /// What a primary sends.
    pub follow_us: u64,
    /// Writing replies, accepting and closing connections, what commands asked of the loop.
    pub write_us: u64,
}

/// A part of a turn, for whoever names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TurnPart {
    /// [`TurnParts::serve_us`].
    Serve,
    /// [`TurnParts::work_us`].
    Work,
    /// [`TurnParts::read_us`].
    Read,
    /// [`TurnParts::save_us`].
    Save,
    /// [`TurnParts::page_us`].
    Page,
    /// [`TurnParts::follow_us`].
    Follow,
    /// [`TurnParts::write_us`].
    Write,
}

impl TurnPart {
    /// All parts, in the order in which a turn does them, but for the last.
    pub const ALL: [Self; 7] = [
        Self::Serve,
        Self::Work,
        Self::Read,
        Self::Save,
        Self::Page,
        Self::Follow,
        Self::Write,
    ];

    /// The word for it in INFO, LATENCY and SLOWLOG.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Serve => "serve",
            Self::Work => "work",
            Self::Read => "read",
            Self::Save => "save",
            Self::Page => "page",
            Self::Follow => "follow",
            Self::Write => "write",
        }
    }
}

impl TurnParts {
    /// The whole turn.
    pub fn total_us(&self) -> u64 {
        self.serve_us
            + self.work_us
            + self.read_us
            + self.save_us
            + self.page_us
            + self.follow_us
            + self.write_us
    }

    /// How long one part took.
    pub fn of(&self, part: TurnPart) -> u64 {
        match part {
            TurnPart::Serve => self.serve_us,
            TurnPart::Work => self.work_us,
            TurnPart::Read => self.read_us,
            TurnPart::Save => self.save_us,
            TurnPart::Page => self.page_us,
            TurnPart::Follow => self.follow_us,
            TurnPart::Write => self.write_us,
        }
    }

    /// The parts that took time, the longest first.
    pub fn by_length(&self) -> impl Iterator<Item = (TurnPart, u64)> {
        let mut parts = TurnPart::ALL.map(|part| (part, self.of(part)));
        parts.sort_by_key(|&(_, us)| std::cmp::Reverse(us));
        parts.into_iter().filter(|&(_, us)| us > 0)
    }
}

/// All turns since the start or the last [`Turns::reset`].
#[derive(Debug, Default)]
pub struct Turns {
    durations_us: Histogram,
    longest: TurnParts,
}

impl Turns {
    /// Counts a turn.
    #[inline]
    pub fn note(&mut self, parts: TurnParts) {
        let total_us = parts.total_us();
        if total_us > self.durations_us.max() {
            self.longest = parts;
        }
        self.durations_us.record(total_us);
    }

    /// A duration in microseconds that `percent` of the turns do not exceed; at most a sixteenth
    /// too long. 0 without turns.
    pub fn percentile_us(&self, percent: f64) -> u64 {
        self.durations_us.percentile(percent)
    }

    /// All durations in microseconds.
    pub fn durations_us(&self) -> &Histogram {
        &self.durations_us
    }

    /// What the longest turn was made of.
    pub fn longest(&self) -> TurnParts {
        self.longest
    }

    /// Forgets all turns.
    pub fn reset(&mut self) {
        self.durations_us.reset();
        self.longest = TurnParts::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(serve_us: u64, save_us: u64) -> TurnParts {
        TurnParts {
            serve_us,
            save_us,
            ..TurnParts::default()
        }
    }

    #[test]
    fn the_parts_are_the_whole_and_the_longest_is_first() {
        let parts = TurnParts {
            serve_us: 1,
            work_us: 20,
            read_us: 0,
            save_us: 4_000,
            page_us: 50_000,
            follow_us: 300,
            write_us: 600_000,
        };
        assert_eq!(parts.total_us(), 654_321);
        let sum: u64 = TurnPart::ALL.iter().map(|&part| parts.of(part)).sum();
        assert_eq!(sum, parts.total_us());
        let names: Vec<&str> = parts.by_length().map(|(part, _)| part.name()).collect();
        assert_eq!(names, ["write", "page", "save", "follow", "work", "serve"]);
        for (number, part) in TurnPart::ALL.into_iter().enumerate() {
            assert_eq!(part as usize, number);
        }
    }

    #[test]
    fn the_longest_turn_keeps_its_parts_until_a_reset() {
        let mut turns = Turns::default();
        for us in 1..=31 {
            turns.note(turn(us, 0));
        }
        turns.note(turn(3, 40));
        turns.note(turn(42, 0));
        assert_eq!(turns.longest(), turn(3, 40));
        assert_eq!(turns.percentile_us(50.0), 17);
        assert_eq!(turns.percentile_us(100.0), 43);
        turns.reset();
        assert_eq!(turns.longest(), TurnParts::default());
        assert_eq!(turns.percentile_us(99.9), 0);
        turns.note(turn(5, 0));
        assert_eq!(turns.longest(), turn(5, 0));
    }
}
