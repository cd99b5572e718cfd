//! SETs whose values shift between small, large and all sizes, and the server's memory meanwhile.
//!
//! ```text
//! small ▶ large ▶ mixed ▶ large ▶ small ▶ mixed ▶ (again)      every change of sizes, both ways
//! one thread sends, the other reads VmRSS ten times a second and notes it with the phase
//! ```
//!
//! 1. A phase ends by the bytes of its values, so both servers get the same load; all of them end
//!    by [`LOAD_LIMIT`].
//! 2. Keys and sizes are random with a fixed seed: the same for both servers and every run.
//!
//! Cost: one batch in memory. Not here: what is made of it (`load_eviction.rs`).

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::fill::{DEPTH, value, write_key};
use crate::resp_client::{Client, encode, pipeline};
use crate::server_process::ServerProcess;

/// Connections that take turns.
const CONNECTIONS: usize = 4;
/// Bytes of a turn of one connection, about.
const BATCH_BYTES: u64 = 200_000;
/// How often the server's memory is read.
pub(crate) const SAMPLE_INTERVAL: Duration = Duration::from_millis(100);
/// The load ends after so long, however much it has written.
pub(crate) const LOAD_LIMIT: Duration = Duration::from_secs(180);
/// Stands for the end of all phases.
const NO_PHASE: usize = usize::MAX;

/// The sizes of values in one phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sizes {
    /// 10 to 200 bytes, each as likely as the other.
    Small,
    /// 64 KiB.
    Large,
    /// 10 bytes to 64 KiB, each doubling as likely as the other.
    Mixed,
}

const SMALL_BYTES: std::ops::RangeInclusive<usize> = 10..=200;
const LARGE_BYTES: usize = 64 << 10;
const MIXED_LEAST_BYTES: f64 = 10.0;

/// Every change from one of the sizes to another once.
pub(crate) const PHASES: [Sizes; 6] = [
    Sizes::Small,
    Sizes::Large,
    Sizes::Mixed,
    Sizes::Large,
    Sizes::Small,
    Sizes::Mixed,
];
/// How often all phases are gone through.
pub(crate) const CYCLES: usize = 2;

impl Sizes {
    /// Bytes of values that a phase writes: a few times the limit of memory at least.
    pub(crate) fn phase_bytes(self) -> u64 {
        match self {
            Sizes::Small => 500_000_000,
            Sizes::Large | Sizes::Mixed => 2_500_000_000,
        }
    }

    fn draw(self, random: &mut fastrand::Rng) -> usize {
        match self {
            Sizes::Small => random.usize(SMALL_BYTES),
            Sizes::Large => LARGE_BYTES,
            Sizes::Mixed => {
                let span = LARGE_BYTES as f64 / MIXED_LEAST_BYTES;
                (MIXED_LEAST_BYTES * span.powf(random.f64())) as usize
            }
        }
    }

    /// Commands of one pipeline.
    fn depth(self) -> u64 {
        let mean_bytes = match self {
            Sizes::Small => 105,
            Sizes::Large => LARGE_BYTES as u64,
            Sizes::Mixed => 7_500,
        };
        (BATCH_BYTES / (mean_bytes + 100)).clamp(1, DEPTH)
    }
}

/// A load over the keys `key:0` up to `keys`, whose phases are a part of [`Sizes::phase_bytes`]
/// long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MixedSizes {
    /// Number of keys.
    pub(crate) keys: u64,
    /// What the bytes of a phase are divided by.
    pub(crate) divisor: u64,
}

/// What a load did and what was seen meanwhile.
pub(crate) struct Seen {
    /// Resident bytes of the server, each with the sizes that were written at the time.
    pub(crate) resident: Vec<(Sizes, u64)>,
    /// Bytes of all values.
    pub(crate) written_bytes: u64,
}

impl MixedSizes {
    /// Sends all phases.
    pub(crate) fn run(self, server: &ServerProcess) -> io::Result<Seen> {
        let phase = AtomicUsize::new(0);
        thread::scope(|scope| {
            let sampler = scope.spawn(|| sample(server, &phase));
            let sent = self.send(server, &phase);
            phase.store(NO_PHASE, Ordering::Release);
            let panicked = |_| Err(io::Error::other("the sampling thread panicked"));
            let resident = sampler.join().unwrap_or_else(panicked)?;
            Ok(Seen {
                resident,
                written_bytes: sent?,
            })
        })
    }

    fn send(self, server: &ServerProcess, phase: &AtomicUsize) -> io::Result<u64> {
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            clients.push(server.client()?);
        }
        let value = value(LARGE_BYTES);
        let mut random = fastrand::Rng::with_seed(3);
        let start = Instant::now();
        let mut written_bytes = 0;
        for (index, sizes) in PHASES.into_iter().cycle().enumerate() {
            if index == PHASES.len() * CYCLES {
                break;
            }
            phase.store(index % PHASES.len(), Ordering::Release);
            let end_bytes = written_bytes + sizes.phase_bytes() / self.divisor;
            while written_bytes < end_bytes && start.elapsed() < LOAD_LIMIT {
                written_bytes += self.send_turn(&mut clients, sizes, &value, &mut random)?;
            }
        }
        Ok(written_bytes)
    }

    /// One pipeline on each connection; returns the bytes of its values.
    fn send_turn(
        self,
        clients: &mut [Client],
        sizes: Sizes,
        value: &[u8],
        random: &mut fastrand::Rng,
    ) -> io::Result<u64> {
        let mut key = Vec::new();
        let mut written_bytes = 0;
        let count = sizes.depth() * clients.len() as u64;
        pipeline(clients, 0..count, sizes.depth(), |_, batch| {
            let bytes = sizes.draw(random);
            write_key(&mut key, "key", random.u64(0..self.keys));
            encode(batch, &[b"SET", &key, &value[..bytes]]);
            written_bytes += bytes as u64;
        })?;
        Ok(written_bytes)
    }
}

fn sample(server: &ServerProcess, phase: &AtomicUsize) -> io::Result<Vec<(Sizes, u64)>> {
    let mut resident = Vec::new();
    loop {
        let index = phase.load(Ordering::Acquire);
        if index == NO_PHASE {
            return Ok(resident);
        }
        resident.push((PHASES[index], server.resident_bytes()?));
        thread::sleep(SAMPLE_INTERVAL);
    }
}
