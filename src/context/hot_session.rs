//! A session of HOTKEYS START: what commands on each key cost while it lasts.
//!
//! ```text
//!  START ─▶ every command is timed by itself ─▶ its keys share its time and its bytes
//!  STOP, or the end of DURATION ─▶ the figures stay until RESET
//! ```
//!
//! Cost: while it is active two readings of the stopwatch a command, and a walk over the counters
//! for each key that is sampled. Nothing else.
//!
//! Not here: hot keys that are known without a session (`keyspace/insight/`); HOTKEYS
//! (`command/diagnostics/hot_keys.rs`), who notes commands (`command/observe.rs`).

use crate::structures::heavy_hitters::HeavyHitters;

/// Counters for each key that is to be told, so that the ones that are told are right.
const COUNTERS_PER_KEY: usize = 8;

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Time by key.
    pub has_cpu: bool,
    /// Bytes by key.
    pub has_net: bool,
    /// Keys that are told.
    pub count: usize,
    /// One of so many keys is sampled.
    pub sample_ratio: u64,
    /// How long it lasts; 0 for until it is stopped.
    pub duration_ms: u64,
}

/// What a command cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Its time.
    pub duration_ns: u64,
    /// Bytes of the request and of its reply.
    pub bytes: u64,
}

/// See the module header.
#[derive(Debug)]
pub struct HotSession {
    /// What was asked for.
    pub wanted: Wanted,
    /// When it began, in Unix milliseconds.
    pub began_ms: u64,
    ended_ms: Option<u64>,
    /// Processor time of the process when it began, in the program and in the kernel.
    pub began_cpu_us: (u64, u64),
    /// Time of all commands.
    pub all_ns: u64,
    /// Bytes of all commands.
    pub all_bytes: u64,
    /// Time by key.
    pub by_time_ns: HeavyHitters,
    /// Bytes by key.
    pub by_bytes: HeavyHitters,
}

impl HotSession {
    /// A session that begins.
    pub fn new(wanted: Wanted, began_ms: u64, began_cpu_us: (u64, u64)) -> Self {
        let counter_count = wanted.count * COUNTERS_PER_KEY;
        Self {
            wanted,
            began_ms,
            ended_ms: None,
            began_cpu_us,
            all_ns: 0,
            all_bytes: 0,
            by_time_ns: HeavyHitters::new(counter_count),
            by_bytes: HeavyHitters::new(counter_count),
        }
    }

    /// Whether commands count at that time.
    pub fn is_active(&self, now_ms: u64) -> bool {
        let lasts = self.wanted.duration_ms == 0
            || now_ms.saturating_sub(self.began_ms) < self.wanted.duration_ms;
        self.ended_ms.is_none() && lasts
    }

    /// Ends it; what was noted stays.
    pub fn stop(&mut self, now_ms: u64) {
        self.ended_ms.get_or_insert(now_ms);
    }

    /// How long it has lasted.
    pub fn span_ms(&self, now_ms: u64) -> u64 {
        let span_ms = self
            .ended_ms
            .unwrap_or(now_ms)
            .saturating_sub(self.began_ms);
        match self.wanted.duration_ms {
            0 => span_ms,
            duration_ms => span_ms.min(duration_ms),
        }
    }

    /// Notes a command, whatever its keys.
    pub fn note_command(&mut self, cost: Cost) {
        self.all_ns += cost.duration_ns;
        self.all_bytes += cost.bytes;
    }

    /// Notes the part of a command's cost that falls to one of its keys, by the key's hash.
    pub fn note_key(&mut self, hash: u64, database: u32, name: &[u8], part: Cost) {
        // A key is sampled or not, so that the figures of those that are, are whole.
        if !hash.is_multiple_of(self.wanted.sample_ratio) {
            return;
        }
        if self.wanted.has_cpu && part.duration_ns > 0 {
            self.by_time_ns.add(hash, database, name, part.duration_ns);
        }
        if self.wanted.has_net && part.bytes > 0 {
            self.by_bytes.add(hash, database, name, part.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Wanted = Wanted {
        has_cpu: true,
        has_net: false,
        count: 2,
        sample_ratio: 2,
        duration_ms: 100,
    };

    #[test]
    fn a_session_counts_sampled_keys_until_its_time_is_over() {
        let mut session = HotSession::new(WANTED, 1_000, (0, 0));
        let cost = Cost {
            duration_ns: 30,
            bytes: 7,
        };
        session.note_command(cost);
        session.note_key(4, 0, b"a", cost);
        session.note_key(5, 0, b"b", cost);
        assert_eq!((session.all_ns, session.all_bytes), (30, 7));
        assert_eq!(
            (session.by_time_ns.total(), session.by_bytes.total()),
            (30, 0)
        );
        assert!(session.is_active(1_099) && !session.is_active(1_100));
        assert_eq!((session.span_ms(1_050), session.span_ms(5_000)), (50, 100));
        session.stop(1_020);
        assert!(!session.is_active(1_030));
        assert_eq!(session.span_ms(5_000), 20);
    }
}
