//! Turns of the loop that were long, and why: for LATENCY and SLOWLOG.
//!
//! ```text
//!  a turn ≥ latency-monitor-threshold ─▶ LATENCY: loop-turn, and loop-turn-PART, the longest part
//!         ≥ slowlog-log-slower-than   ─▶ SLOWLOG: (loop-turn) serve=12000us page=310us …
//! ```
//!
//! Invariants: a turn stands in the slow log only if no command of it does, which would be the
//! reason, and at most once in [`ENTRY_MS`], so that commands stay there; where each command is
//! logged (a threshold of 0), no turn is.
//!
//! Cost: three comparisons and a store a turn.
//!
//! Not here: what a turn is made of (`turns.rs`), who measures it (`server/reactor.rs`), slow
//! commands (`command/observe.rs`).

use super::turns::TurnParts;
use super::{LatencyEvent, SlowEntry, Statistics};
use crate::base::clock::Timestamp;

/// Distance of turns in the slow log at least: one of 128 entries then spans twenty minutes.
const ENTRY_MS: u64 = 10_000;

/// The first word of a turn in the slow log, where a command has its name.
const NAME: &[u8] = b"(loop-turn)";

/// From when on a turn is long.
#[derive(Clone, Copy, Debug)]
pub struct TurnLimits {
    /// For LATENCY, in milliseconds; 0 for never.
    pub latency_ms: u64,
    /// For SLOWLOG, in microseconds; 0 or less for never.
    pub slow_log_us: i64,
    /// Entries of the slow log at most.
    pub slow_log_len: usize,
}

/// What must be known of the turns before.
#[derive(Debug, Default)]
pub struct LongTurns {
    /// Entries that the slow log had got when the last turn ended.
    logged_count: u64,
    /// When a turn was logged, monotonic.
    logged_ms: Option<u64>,
}

impl LongTurns {
    /// Notes a turn that began at `now`, if it was long.
    #[inline]
    pub fn note(
        &mut self,
        parts: TurnParts,
        now: Timestamp,
        limits: TurnLimits,
        stats: &mut Statistics,
    ) {
        let total_us = parts.total_us();
        let has_slow_command = stats.slow_log.added_count() != self.logged_count;
        if limits.latency_ms > 0 && total_us / 1_000 >= limits.latency_ms {
            note_latency(parts, now, stats);
        }
        if limits.slow_log_us > 0 && total_us >= limits.slow_log_us as u64 && !has_slow_command {
            self.note_slow(parts, now, limits, stats);
        }
        self.logged_count = stats.slow_log.added_count();
    }

    #[cold]
    fn note_slow(
        &mut self,
        parts: TurnParts,
        now: Timestamp,
        limits: TurnLimits,
        stats: &mut Statistics,
    ) {
        let now_ms = now.monotonic_ms();
        if let Some(logged_ms) = self.logged_ms
            && now_ms.saturating_sub(logged_ms) < ENTRY_MS
        {
            return;
        }
        self.logged_ms = Some(now_ms);
        let mut arguments: Vec<Box<[u8]>> = vec![NAME.into()];
        let words = parts.by_length();
        arguments
            .extend(words.map(|(part, us)| format!("{}={us}us", part.name()).into_bytes().into()));
        let entry = SlowEntry {
            id: 0,
            unix_seconds: now.unix_ms() / 1_000,
            duration_us: parts.total_us(),
            arguments,
            address: "".into(),
            name: Box::default(),
        };
        stats.slow_log.add(entry, limits.slow_log_len);
    }
}

#[cold]
fn note_latency(parts: TurnParts, now: Timestamp, stats: &mut Statistics) {
    let unix_seconds = now.unix_ms() / 1_000;
    let latency = &mut stats.latency;
    latency.add(
        LatencyEvent::LoopTurn,
        unix_seconds,
        parts.total_us() / 1_000,
    );
    if let Some((part, us)) = parts.by_length().next() {
        latency.add(LatencyEvent::LoopTurnOf(part), unix_seconds, us / 1_000);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::turns::TurnPart;

    const LIMITS: TurnLimits = TurnLimits {
        latency_ms: 5,
        slow_log_us: 10_000,
        slow_log_len: 128,
    };

    fn at(second: u64) -> Timestamp {
        Timestamp::from_unix_ms(second * 1_000)
    }

    fn turn(serve_us: u64, page_us: u64) -> TurnParts {
        TurnParts {
            serve_us,
            page_us,
            ..TurnParts::default()
        }
    }

    /// The words of the slow log's entries, newest first.
    fn logged(stats: &Statistics) -> Vec<String> {
        let words = |entry: &SlowEntry| {
            let words: Vec<String> = (entry.arguments.iter())
                .map(|word| String::from_utf8_lossy(word).into_owned())
                .collect();
            format!("{} {}", entry.duration_us, words.join(" "))
        };
        stats.slow_log.iter().map(words).collect()
    }

    #[test]
    fn a_long_turn_is_two_events_of_latency() {
        let (mut long, mut stats) = (LongTurns::default(), Statistics::default());
        long.note(turn(1_000, 3_999), at(100), LIMITS, &mut stats);
        assert_eq!(stats.latency.iter().count(), 0);
        long.note(turn(1_000, 4_000), at(100), LIMITS, &mut stats);
        long.note(turn(7_900, 2_000), at(101), LIMITS, &mut stats);
        let worst = |event| {
            let series = stats.latency.series(event).expect("there are samples");
            (series.iter().len(), series.worst_ms())
        };
        assert_eq!(worst(LatencyEvent::LoopTurn), (2, 9));
        assert_eq!(worst(LatencyEvent::LoopTurnOf(TurnPart::Page)), (1, 4));
        assert_eq!(worst(LatencyEvent::LoopTurnOf(TurnPart::Serve)), (1, 7));
        assert_eq!(stats.latency.iter().count(), 3);
        let never = TurnLimits {
            latency_ms: 0,
            slow_log_us: -1,
            ..LIMITS
        };
        let mut stats = Statistics::default();
        long.note(turn(1 << 40, 0), at(200), never, &mut stats);
        assert_eq!(stats.latency.iter().count(), 0);
        assert_eq!(logged(&stats), [""; 0]);
    }

    #[test]
    fn the_slow_log_has_long_turns_without_a_slow_command_one_in_ten_seconds() {
        let (mut long, mut stats) = (LongTurns::default(), Statistics::default());
        long.note(turn(9_999, 0), at(100), LIMITS, &mut stats);
        assert_eq!(logged(&stats), [""; 0]);
        long.note(turn(310, 12_000), at(100), LIMITS, &mut stats);
        long.note(turn(90_000, 0), at(109), LIMITS, &mut stats);
        assert_eq!(
            logged(&stats),
            ["12310 (loop-turn) page=12000us serve=310us"]
        );
        // A command of the next turn is logged: it is the reason.
        let command = SlowEntry {
            arguments: vec![b"KEYS"[..].into()],
            duration_us: 20_000,
            ..stats.slow_log.iter().next().expect("the turn").clone()
        };
        stats.slow_log.add(command, 128);
        long.note(turn(20_500, 0), at(120), LIMITS, &mut stats);
        assert_eq!(stats.slow_log.iter().len(), 2);
        long.note(turn(20_500, 0), at(121), LIMITS, &mut stats);
        assert_eq!(logged(&stats)[0], "20500 (loop-turn) serve=20500us");
        let all = TurnLimits {
            slow_log_us: 0,
            ..LIMITS
        };
        long.note(turn(20_500, 0), at(141), all, &mut stats);
        assert_eq!(stats.slow_log.iter().len(), 3, "0 is for commands");
    }
}
