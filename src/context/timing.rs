//! Who is charged for the time between two readings of the stopwatch.
//!
//! ```text
//!  reading   a   b   c   reading   SLOW   reading
//!     └── shared by a, b, c ──┘└── its own ──┘
//! ```
//!
//! A reading costs as much as a small command does. So commands that are declared fast are timed by
//! group: up to [`GROUP_MAX`] of them share the time between two readings evenly. Commands that may
//! be slow are timed singly, and so is everything while [`Timing::is_exact`].
//!
//! Calls are counted with their time: those of a group when it ends, which is before anybody can
//! ask for the numbers, because commands that tell them are timed singly.
//!
//! Cost: two stores a fast command, two readings a group; 4.7 KiB a command that was ever called.
//!
//! Not here: the sums (`stats/statistics.rs`), what is logged (`command/observe.rs`).

use super::hot_session::HotSession;
use crate::base::clock::{StoppedWatch, Stopwatch};
use crate::base::command_id::CommandId;
use crate::stats::Statistics;
use crate::structures::histogram::Histogram;

/// Commands that share one reading: as many as are executed as a batch.
const GROUP_MAX: usize = 32;

/// A reply that ends its group, in bytes, so that nobody else is charged for copying it.
const LARGE_REPLY_BYTES: usize = 64 * 1024;

/// The stopwatch and the commands that have not been charged yet.
pub struct Timing {
    stopwatch: Box<dyn Stopwatch>,
    last_ns: u64,
    /// The commands since the last reading.
    group: [CommandId; GROUP_MAX],
    group_len: usize,
    /// Length of the output at which the group ends.
    reply_mark: usize,
    /// Every command is timed by itself: the slow log wants to know, or somebody watches.
    pub is_exact: bool,
    /// Time that the present command takes when it is over, as DEBUG SLEEP does.
    pub extra_ns: u64,
    /// What commands on keys cost, if somebody wants to know.
    pub hot_session: Option<Box<HotSession>>,
    /// Whether durations are kept by size.
    pub is_tracking: bool,
    /// Durations of each command in nanoseconds; made when it is first called.
    durations: Vec<Option<Box<Histogram>>>,
}

impl Timing {
    /// Nobody is charged with anything until there is a stopwatch that moves.
    pub fn new(command_count: usize) -> Self {
        Self {
            stopwatch: Box::new(StoppedWatch),
            last_ns: 0,
            group: [CommandId::FIRST; GROUP_MAX],
            group_len: 0,
            reply_mark: 0,
            is_exact: false,
            extra_ns: 0,
            hot_session: None,
            is_tracking: false,
            durations: vec![None; command_count],
        }
    }

    /// Measures with this from now on.
    pub fn set_stopwatch(&mut self, stopwatch: Box<dyn Stopwatch>) {
        self.stopwatch = stopwatch;
    }

    /// Begins to measure; `output_bytes` is the length of the output so far.
    #[inline]
    pub fn begin(&mut self, output_bytes: usize) {
        self.last_ns = self.stopwatch.now_ns();
        self.reply_mark = output_bytes + LARGE_REPLY_BYTES;
    }

    /// Adds an executed command to the group. True if the group must end with it.
    #[inline]
    pub fn add(&mut self, command: CommandId, output_bytes: usize) -> bool {
        self.group[self.group_len] = command;
        self.group_len += 1;
        self.group_len == GROUP_MAX || output_bytes >= self.reply_mark
    }

    /// Whether there are commands that have not been charged.
    #[inline]
    pub fn has_group(&self) -> bool {
        self.group_len > 0
    }

    /// The time since the last reading, in nanoseconds.
    pub fn lap_ns(&mut self) -> u64 {
        let begin_ns = self.last_ns;
        self.last_ns = self.stopwatch.now_ns();
        self.last_ns - begin_ns
    }

    /// Where a command begins that is timed by itself: ends the group before it, if there is one.
    pub fn split(&mut self, output_bytes: usize, stats: &mut Statistics) -> u64 {
        if self.group_len > 0 {
            self.end_group(output_bytes, stats);
        }
        self.last_ns
    }

    /// Reads the stopwatch and shares the time since the last reading among the group. Returns
    /// that time in nanoseconds.
    pub fn end_group(&mut self, output_bytes: usize, stats: &mut Statistics) -> u64 {
        let begin_ns = self.last_ns;
        self.begin(output_bytes);
        let duration_ns = self.last_ns - begin_ns;
        let count = std::mem::take(&mut self.group_len);
        let mut charged_ns = 0;
        let mut charged_count = 0;
        for run in self.group[..count].chunk_by(|one, other| one == other) {
            charged_count += run.len();
            let due_ns = duration_ns * charged_count as u64 / count as u64;
            stats.count_calls(run[0], run.len() as u64, due_ns - charged_ns);
            if self.is_tracking {
                self.durations[run[0].index()]
                    .get_or_insert_default()
                    .record_many(duration_ns / count as u64, run.len() as u64);
            }
            charged_ns = due_ns;
        }
        duration_ns
    }

    /// How long it was from a reading to the last one.
    pub fn lasted_ns(&self, begin_ns: u64) -> u64 {
        self.last_ns.saturating_sub(begin_ns)
    }

    /// How long it is since a reading.
    pub fn elapsed_ns(&self, begin_ns: u64) -> u64 {
        self.stopwatch.now_ns().saturating_sub(begin_ns)
    }

    /// Charges a command that is timed by itself and began at `begin_ns`; returns how long it took
    /// in nanoseconds. Fast commands that it ran share that time, too.
    pub fn end_single(
        &mut self,
        command: CommandId,
        begin_ns: u64,
        output_bytes: usize,
        stats: &mut Statistics,
    ) -> u64 {
        self.end_group(output_bytes, stats);
        let extra_ns = std::mem::take(&mut self.extra_ns);
        let duration_ns = self.last_ns - begin_ns + extra_ns;
        stats.count_calls(command, 1, duration_ns);
        if self.is_tracking {
            self.durations[command.index()]
                .get_or_insert_default()
                .record(duration_ns);
        }
        duration_ns
    }

    /// How long a command took, call by call, in nanoseconds; `None` if that was not tracked.
    pub fn durations(&self, command: CommandId) -> Option<&Histogram> {
        self.durations[command.index()].as_deref()
    }

    /// The commands whose durations were tracked, by number.
    pub fn all_durations(&self) -> impl Iterator<Item = (CommandId, &Histogram)> {
        let numbered = self.durations.iter().enumerate();
        numbered
            .filter_map(|(number, durations)| Some((CommandId::new(number), durations.as_deref()?)))
    }

    /// Forgets how long commands took.
    pub fn reset(&mut self) {
        self.durations.fill(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[derive(Clone, Default)]
    struct Hand(Arc<AtomicU64>);

    impl Stopwatch for Hand {
        fn now_ns(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn busy_ns(stats: &Statistics) -> Vec<(usize, u64)> {
        stats
            .commands()
            .map(|(id, count)| (id.index(), count.busy_ns))
            .collect()
    }

    #[test]
    fn a_group_shares_its_time_and_a_slow_command_has_its_own() {
        let (hand, mut stats) = (Hand::default(), Statistics::new(3));
        let mut timing = Timing::new(3);
        timing.is_tracking = true;
        timing.set_stopwatch(Box::new(hand.clone()));
        timing.begin(0);
        assert!(
            !timing.add(CommandId::FIRST, 0)
                && !timing.add(CommandId::FIRST, 0)
                && !timing.add(CommandId::new(1), 0)
        );
        hand.0.store(100, Ordering::Relaxed);
        let begin_ns = timing.split(0, &mut stats);
        assert_eq!(begin_ns, 100);
        assert_eq!(busy_ns(&stats), [(0, 66), (1, 34)], "nothing is lost");
        hand.0.store(150, Ordering::Relaxed);
        assert_eq!(
            timing.end_single(CommandId::new(2), begin_ns, 0, &mut stats),
            50
        );
        assert_eq!(busy_ns(&stats), [(0, 66), (1, 34), (2, 50)]);
        assert_eq!(stats.command_busy_us(), 0, "150 ns");
        let counts = [0, 1, 2].map(|index| {
            timing
                .durations(CommandId::new(index))
                .map(Histogram::count)
        });
        assert_eq!(counts, [Some(2), Some(1), Some(1)]);
        timing.reset();
        assert!(timing.durations(CommandId::FIRST).is_none());
    }

    #[test]
    fn a_group_ends_when_it_is_full_or_a_reply_is_large() {
        let mut timing = Timing::new(1);
        timing.begin(10);
        assert!(!timing.add(CommandId::FIRST, LARGE_REPLY_BYTES + 9));
        assert!(timing.add(CommandId::FIRST, LARGE_REPLY_BYTES + 10));
        timing.end_group(0, &mut Statistics::new(1));
        assert!((1..GROUP_MAX).all(|_| !timing.add(CommandId::FIRST, 0)));
        assert!(timing.add(CommandId::FIRST, 0));
    }
}
