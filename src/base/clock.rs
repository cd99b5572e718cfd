//! The one file that reads a clock.
//!
//! Only `server/` and `cache/` call [`SystemClock`]; every other module is given a [`Timestamp`],
//! which stands still for the whole of one command, script or transaction (invariants I2 and I5).
//!
//! How long something took is another question than what time it is: whoever needs to know is given
//! a [`Stopwatch`], which the server makes from its clock and tests from nothing.
//!
//! Not here: timers (`structures/timer_wheel.rs`) and deadlines of keys (`keyspace/expiry.rs`).

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// One reading of both clocks.
///
/// Deadlines of keys are wall-clock times (`unix_us`), as clients give them. Timeouts of
/// connections follow `monotonic_us`, which never steps back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timestamp {
    /// Microseconds since 1970-01-01 UTC.
    pub unix_us: u64,
    /// Microseconds since an arbitrary moment before the first reading; never decreases.
    pub monotonic_us: u64,
}

impl Timestamp {
    /// A timestamp whose both clocks read `unix_ms`: for tests and for embedders with a clock of
    /// their own.
    pub const fn from_unix_ms(unix_ms: u64) -> Self {
        Self {
            unix_us: unix_ms.saturating_mul(1000),
            monotonic_us: unix_ms.saturating_mul(1000),
        }
    }

    /// Milliseconds since 1970-01-01 UTC.
    #[inline]
    pub const fn unix_ms(self) -> u64 {
        self.unix_us / 1000
    }

    /// The monotonic clock in milliseconds.
    #[inline]
    pub const fn monotonic_ms(self) -> u64 {
        self.monotonic_us / 1000
    }

    /// The same timestamp `duration_ms` later on both clocks.
    #[must_use]
    pub const fn plus_ms(self, duration_ms: u64) -> Self {
        Self {
            unix_us: self
                .unix_us
                .saturating_add(duration_ms.saturating_mul(1000)),
            monotonic_us: (self.monotonic_us).saturating_add(duration_ms.saturating_mul(1000)),
        }
    }
}

/// Measures durations for whoever may not read a clock. What it reads never decides what is replied
/// to a command on keys: statistics and logs only.
pub trait Stopwatch: Send {
    /// Nanoseconds since an arbitrary moment; never decreases.
    fn now_ns(&self) -> u64;
}

/// A stopwatch that stands still, so that everything takes no time: for tests and embedders.
#[derive(Clone, Copy, Debug, Default)]
pub struct StoppedWatch;

impl Stopwatch for StoppedWatch {
    fn now_ns(&self) -> u64 {
        0
    }
}

/// How far [`SystemClock::advance_ms`] gets in all: 100 years of 365 days.
const AHEAD_US_MAX: u64 = 100 * 365 * 24 * 3600 * 1_000_000;

/// The machine's clocks.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    started: Instant,
    /// How much later it says it is than it is, so that tests need not wait. No [`Stopwatch`] runs
    /// ahead: durations are true.
    ahead_us: u64,
}

impl SystemClock {
    /// Starts the monotonic clock at zero.
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
            ahead_us: 0,
        }
    }

    /// Moves both clocks forward, up to 100 years in all.
    pub fn advance_ms(&mut self, span_ms: u64) {
        let ahead_us = self.ahead_us.saturating_add(span_ms.saturating_mul(1_000));
        self.ahead_us = ahead_us.min(AHEAD_US_MAX);
    }

    /// Reads both clocks. A wall clock before 1970 reads as zero.
    pub fn now(&self) -> Timestamp {
        Timestamp {
            unix_us: unix_us().saturating_add(self.ahead_us),
            monotonic_us: self.monotonic_us(),
        }
    }

    /// Reads the wall clock alone, and lets it stand for both: for a cache without connections,
    /// which has deadlines and no timeouts.
    #[inline]
    pub fn wall() -> Timestamp {
        let unix_us = unix_us();
        Timestamp {
            unix_us,
            monotonic_us: unix_us,
        }
    }

    /// As [`SystemClock::wall`], some milliseconds late and several times as fast: the time of the
    /// kernel's last tick. For what needs no exact time.
    #[inline]
    pub fn wall_of_last_tick() -> Timestamp {
        let unix_us = last_tick_unix_us();
        Timestamp {
            unix_us,
            monotonic_us: unix_us,
        }
    }

    /// Reads the monotonic clock alone, in microseconds.
    pub fn monotonic_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros())
            .unwrap_or(u64::MAX)
            .saturating_add(self.ahead_us)
    }
}

/// The wall clock in microseconds since 1970.
fn unix_us() -> u64 {
    let unix = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    // Not `as_micros`, which divides 128 bits.
    let whole_us = unix.as_secs().saturating_mul(1_000_000);
    whole_us.saturating_add(u64::from(unix.subsec_micros()))
}

/// The wall clock at the kernel's last tick, in microseconds since 1970.
#[cfg(target_os = "linux")]
fn last_tick_unix_us() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    let (seconds, nanoseconds) = (u64::try_from(time.tv_sec), u64::try_from(time.tv_nsec));
    let whole_us = seconds.unwrap_or_default().saturating_mul(1_000_000);
    whole_us.saturating_add(nanoseconds.unwrap_or_default() / 1_000)
}

/// Others have no such clock.
#[cfg(not(target_os = "linux"))]
fn last_tick_unix_us() -> u64 {
    unix_us()
}

impl Stopwatch for SystemClock {
    #[inline]
    fn now_ns(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_the_last_tick_is_not_ahead() {
        let last_tick = SystemClock::wall_of_last_tick();
        let now = SystemClock::wall();
        assert!(last_tick.unix_us > 1_000_000_000_000_000);
        assert!(last_tick.unix_us <= now.unix_us);
    }

    #[test]
    fn a_time_beyond_what_a_clock_shows_is_the_last_one() {
        let last = Timestamp::from_unix_ms(u64::MAX);
        assert_eq!(last.unix_us, u64::MAX);
        assert_eq!(last.plus_ms(u64::MAX), last);
    }

    #[test]
    fn a_clock_that_is_moved_forward_says_so_on_both_and_not_as_a_stopwatch() {
        let mut clock = SystemClock::new();
        let before = clock.now();
        clock.advance_ms(3_600_000);
        clock.advance_ms(5);
        let after = clock.now();
        assert!(after.unix_us >= before.unix_us + 3_600_005_000);
        assert!(after.monotonic_us >= before.monotonic_us + 3_600_005_000);
        assert!(clock.now_ns() < 3_600_005_000_000);
        clock.advance_ms(u64::MAX);
        let end = clock.now();
        assert!(end.monotonic_us >= AHEAD_US_MAX && end.monotonic_us < 2 * AHEAD_US_MAX);
        clock.advance_ms(1);
        assert!(clock.now().monotonic_us >= end.monotonic_us);
    }
}
