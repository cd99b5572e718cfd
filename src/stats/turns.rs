//! How long the turns of the loop take, and what the longest was made of.
//!
//! ```text
//!  turn = serve (events, requests) + work (expiry, freeing, timers) + read (long reads)
//!       + save (snapshot) + write (replies, accepting, closing)
//! ```
//!
//! Kept for whoever runs a loop; an embedded cache has none, and all is 0.
//!
//! Cost: one count in a histogram a turn; percentiles are computed when INFO asks.
//!
//! Not here: the loop and its clock (`server/reactor.rs`), the fields of INFO (`stats/`).

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
    /// Writing replies, accepting and closing connections, what commands asked of the loop.
    pub write_us: u64,
}

impl TurnParts {
    /// The whole turn.
    pub fn total_us(&self) -> u64 {
        self.serve_us + self.work_us + self.read_us + self.save_us + self.write_us
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
