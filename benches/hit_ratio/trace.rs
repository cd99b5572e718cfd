//! Traces: read from files, and generated from a seed.
//!
//! ```text
//! file, gzip   one access a line: key number [size in bytes]
//! ```
//!
//! 1. Keys are numbered from 0 without gaps worth speaking of, so policies index arrays by them.
//! 2. The same seed gives the same accesses.
//!
//! Cost: eight bytes an access. Not here: who plays them.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;

use flate2::read::GzDecoder;

/// Bytes of a value in traces that name none.
pub(crate) const VALUE_BYTES: u32 = 200;
/// Accesses and keys of a generated trace.
const GENERATED_ACCESSES: usize = 300_000;
const GENERATED_KEYS: usize = 30_000;
/// A loop is so much larger than the cache, and is run through so often.
const LOOP_PER_CACHE: f64 = 1.2;
const LOOP_ROUNDS: usize = 40;
/// Sizes of `mixed-sizes` are spread evenly over the logarithm from here, by this factor.
const SIZE_MIN: f64 = 10.0;
const SIZE_FACTOR: f64 = 6_553.6;

/// One request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access {
    pub(crate) key: u32,
    pub(crate) size: u32,
}

/// A sequence of requests.
pub(crate) struct Trace {
    pub(crate) name: String,
    pub(crate) accesses: Vec<Access>,
    /// One more than the greatest key number.
    pub(crate) key_count: usize,
    /// Whether values differ in size.
    pub(crate) is_sized: bool,
    /// Whether it is made for each cache by [`Trace::for_cache`].
    is_loop: bool,
}

impl Trace {
    fn new(name: &str, accesses: Vec<Access>, is_sized: bool) -> Trace {
        let key_count = accesses.iter().map(|access| access.key as usize + 1).max();
        Trace {
            name: name.to_string(),
            accesses,
            key_count: key_count.unwrap_or(0),
            is_sized,
            is_loop: false,
        }
    }

    /// Reads one file.
    pub(crate) fn read(path: &Path) -> io::Result<Trace> {
        let mut accesses = Vec::new();
        let mut is_sized = false;
        for line in BufReader::new(GzDecoder::new(File::open(path)?)).lines() {
            let line = line?;
            let mut numbers = line.split_whitespace().map(str::parse::<u32>);
            let bad_line = || io::Error::other(format!("{}: '{line}'", path.display()));
            let key = numbers.next().and_then(Result::ok).ok_or_else(bad_line)?;
            let size = numbers.next().transpose().map_err(|_| bad_line())?;
            is_sized |= size.is_some();
            let size = size.unwrap_or(VALUE_BYTES);
            accesses.push(Access { key, size });
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.trim_end_matches(".gz").trim_end_matches(".trace");
        Ok(Trace::new(name, accesses, is_sized))
    }

    /// Distinct keys, and the sum of their first sizes with `overhead` each.
    pub(crate) fn distinct(&self, overhead: u64) -> (u64, u64) {
        let mut is_seen = vec![false; self.key_count];
        let (mut count, mut bytes) = (0, 0);
        for access in &self.accesses {
            if !std::mem::replace(&mut is_seen[access.key as usize], true) {
                count += 1;
                bytes += u64::from(access.size) + overhead;
            }
        }
        (count, bytes)
    }

    /// The accesses to play against a cache of this share of the keys.
    pub(crate) fn for_cache(&self, share: f64) -> Vec<Access> {
        if !self.is_loop {
            return self.accesses.clone();
        }
        let length = (self.key_count as f64 * share * LOOP_PER_CACHE) as usize;
        let count = (length * LOOP_ROUNDS).min(GENERATED_ACCESSES);
        let access = |index| Access {
            key: (index % length) as u32,
            size: VALUE_BYTES,
        };
        (0..count).map(access).collect()
    }
}

/// All generated traces.
pub(crate) fn generated(seed: u64) -> Vec<Trace> {
    let mut traces: Vec<Trace> = [0.7, 0.9, 1.1].map(|exponent| zipf(seed, exponent)).into();
    traces.push(zipf_with_scans(seed));
    traces.push(shifting(seed));
    traces.push(mixed_sizes(seed));
    let all_keys = (0..GENERATED_KEYS as u32).map(|key| Access {
        key,
        size: VALUE_BYTES,
    });
    let mut around = Trace::new("loop", all_keys.collect(), false);
    around.is_loop = true;
    traces.push(around);
    traces
}

/// Ranks by Zipf's law.
struct Zipf {
    cumulated: Vec<f64>,
    random: fastrand::Rng,
}

impl Zipf {
    fn new(seed: u64, exponent: f64) -> Zipf {
        let mut sum = 0.0;
        let weights = (1..=GENERATED_KEYS).map(|rank| {
            sum += 1.0 / (rank as f64).powf(exponent);
            sum
        });
        Zipf {
            cumulated: weights.collect(),
            random: fastrand::Rng::with_seed(seed),
        }
    }

    fn draw(&mut self) -> usize {
        let wanted = self.random.f64() * self.cumulated[GENERATED_KEYS - 1];
        let rank = self.cumulated.partition_point(|sum| *sum < wanted);
        rank.min(GENERATED_KEYS - 1)
    }
}

/// Numbers keys by first use.
fn numbered(name: &str, keys: impl Iterator<Item = (u64, u32)>, is_sized: bool) -> Trace {
    let mut numbers = HashMap::new();
    let accesses = keys.map(|(key, size)| {
        let next = numbers.len() as u32;
        let key = *numbers.entry(key).or_insert(next);
        Access { key, size }
    });
    Trace::new(name, accesses.collect(), is_sized)
}

fn zipf(seed: u64, exponent: f64) -> Trace {
    let mut zipf = Zipf::new(seed, exponent);
    let keys = (0..GENERATED_ACCESSES).map(|_| (zipf.draw() as u64, VALUE_BYTES));
    numbered(&format!("zipf-{exponent}"), keys, false)
}

/// A third of the accesses are to keys that never come again, in runs.
fn zipf_with_scans(seed: u64) -> Trace {
    let mut zipf = Zipf::new(seed + 1, 0.9);
    let period = GENERATED_KEYS * 3 / 10;
    let keys = (0..GENERATED_ACCESSES).map(|index| {
        let is_scan = index % period >= period * 2 / 3;
        let key = if is_scan {
            GENERATED_KEYS + index
        } else {
            zipf.draw()
        };
        (key as u64, VALUE_BYTES)
    });
    numbered("zipf-scans", keys, false)
}

/// Popular keys change places with others all the time.
fn shifting(seed: u64) -> Trace {
    let mut zipf = Zipf::new(seed + 2, 1.0);
    let mut keys: Vec<u64> = (0..GENERATED_KEYS as u64).collect();
    zipf.random.shuffle(&mut keys);
    let accesses = (0..GENERATED_ACCESSES).map(|index| {
        if index % 5 == 0 {
            let (rank, other) = (zipf.draw(), zipf.random.usize(..GENERATED_KEYS));
            keys.swap(rank, other);
        }
        (keys[zipf.draw()], VALUE_BYTES)
    });
    numbered("shifting", accesses, false)
}

fn mixed_sizes(seed: u64) -> Trace {
    let mut zipf = Zipf::new(seed + 3, 0.9);
    let mut random = fastrand::Rng::with_seed(seed + 4);
    let size = |_| (SIZE_MIN * SIZE_FACTOR.powf(random.f64())) as u32;
    let sizes: Vec<u32> = (0..GENERATED_KEYS).map(size).collect();
    let keys = (0..GENERATED_ACCESSES).map(|_| {
        let rank = zipf.draw();
        (rank as u64, sizes[rank])
    });
    numbered("mixed-sizes", keys, true)
}
