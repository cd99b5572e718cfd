//! The one file that reads a clock.
//!
//! Only `server/` calls [`SystemClock`]; every other module is given a [`Timestamp`], which stands
//! still for the whole of one command, script or transaction (invariants I2 and I5).
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
            unix_us: unix_ms * 1000,
            monotonic_us: unix_ms * 1000,
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
            unix_us: self.unix_us + duration_ms * 1000,
            monotonic_us: self.monotonic_us + duration_ms * 1000,
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

/// The machine's clocks.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// Starts the monotonic clock at zero.
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    /// Reads both clocks. A wall clock before 1970 reads as zero.
    pub fn now(&self) -> Timestamp {
        let unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp {
            unix_us: u64::try_from(unix.as_micros()).unwrap_or(u64::MAX),
            monotonic_us: self.monotonic_us(),
        }
    }

    /// Reads the monotonic clock alone, in microseconds.
    pub fn monotonic_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
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
