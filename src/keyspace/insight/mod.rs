//! What is noted of keys all the time, for people: which are used most, which are largest, what
//! became of those that went, and what more memory would bring.
//!
//! ```text
//!  access ─▶ countdown ── one in 16 to 1,024 ─▶ heavy hitters of the present window
//!  read ─▶ hash below the threshold? ─▶ sizes       │
//!  removal ─▶ fates.rs                             │
//!  change ─▶ above the floor? ─▶ big_keys.rs       │ after ten seconds
//!                                                  ▼
//!                                        those of the last window ─▶ HOTKEYS, the page
//! ```
//!
//! The countdown begins anew with a random number, so that a pattern in the requests does not hide
//! a key. It is longer the more accesses there are: some hundred a second are looked at, of however
//! many. Nothing that a cache replies depends on it, except what HOTKEYS says.
//!
//! Cost: an access a subtraction and a branch, a read an addition and a comparison, too; a thousand
//! instructions for each access that is looked at, a hundred for each read of a sampled key, ten
//! thousand if it is new; bounded memory, a MiB at most and next to nothing before it is used.
//!
//! Not here: the sketches (`structures/heavy_hitters.rs`), caches of other sizes
//! (`structures/small_caches.rs`); HOTKEYS and CACHE (`command/diagnostics/`).

mod big_keys;
mod fates;

use super::entry::EntryId;
use super::event::Event;
use super::{Key, Keyspace};
use crate::structures::heavy_hitters::HeavyHitters;
use crate::structures::small_caches::{FACTORS, Size, SmallCaches};
pub(super) use big_keys::BIG_BYTES_MIN;
pub use big_keys::BigKey;
use big_keys::BigKeys;
use fates::Fates;
pub use fates::{Fate, Remembered};

/// Accesses of which one is looked at, on average: at first, and the bounds.
const SAMPLE_EVERY: u32 = 128;
const SAMPLE_EVERY_MIN: u32 = 16;
const SAMPLE_EVERY_MAX: u32 = 1_024;

/// When one is looked at sooner after the one before, fewer are; when it is later, more.
const SAMPLE_SPAN_MIN_MS: u64 = 2;
const SAMPLE_SPAN_MAX_MS: u64 = 8;

/// Counters of hot keys.
const COUNTER_COUNT: usize = 64;

/// How long accesses are counted before the counters begin again.
const WINDOW_MS: u64 = 10_000;

/// Small caches are kept for one of so many keys at first; of many keys they take fewer.
const SAMPLED_ONE_OF: u64 = 64;

/// Which share of reads a cache of some size would answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// The size, by the present one.
    pub factor: f64,
    /// The size in bytes.
    pub bytes: u64,
    /// The share, from 0 to 1.
    pub ratio: f64,
}

/// What other sizes would bring.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Reads that it is made from; old ones count less.
    pub reads: u64,
    /// Keys in the sample.
    pub sampled_keys: usize,
    /// The share of keys that are sampled.
    pub sample_rate: f64,
    /// The points, by size; none before something was read.
    pub points: Vec<CurvePoint>,
}

/// After so long without a window that has begun, nothing is hot.
const IDLE_MS: u64 = 60_000;

/// A key that is used much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HotKey {
    /// Its name, of which the first bytes are kept.
    pub name: Vec<u8>,
    /// Its database.
    pub database: u32,
    /// How often a second it was used, about and at least.
    pub per_second: u64,
    /// How often a second any key was used.
    pub all_per_second: u64,
    /// On about how many uses that were looked at this rests.
    pub samples: u64,
}

pub(super) struct Insight {
    /// Accesses until the next one that is looked at.
    countdown: u32,
    random: u32,
    /// How many accesses one that is looked at stands for, and when the last one was.
    sample_every: u32,
    sampled_ms: u64,
    hot: HeavyHitters,
    hot_samples: u64,
    hot_since_ms: u64,
    /// Those of the last window, how long that was, and when it ended.
    last_hot: HeavyHitters,
    last_samples: u64,
    last_span_ms: u64,
    last_end_ms: u64,
    big: BigKeys,
    sizes: SmallCaches,
    fates: Fates,
}

impl Default for Insight {
    fn default() -> Self {
        Self {
            countdown: SAMPLE_EVERY,
            random: 0x9e37_79b9,
            sample_every: SAMPLE_EVERY,
            sampled_ms: 0,
            hot: HeavyHitters::new(COUNTER_COUNT),
            hot_samples: 0,
            hot_since_ms: 0,
            last_hot: HeavyHitters::new(COUNTER_COUNT),
            last_samples: 0,
            last_span_ms: 0,
            last_end_ms: 0,
            big: BigKeys::default(),
            sizes: SmallCaches::new(SAMPLED_ONE_OF),
            fates: Fates::default(),
        }
    }
}

impl Insight {
    /// Begins another countdown; how many accesses the last one stood for, on average.
    fn restart_countdown(&mut self, now_ms: u64) -> u32 {
        let every = self.sample_every;
        let span_ms = now_ms.saturating_sub(self.sampled_ms);
        self.sampled_ms = now_ms;
        if span_ms < SAMPLE_SPAN_MIN_MS {
            self.sample_every = (2 * every).min(SAMPLE_EVERY_MAX);
        } else if span_ms > SAMPLE_SPAN_MAX_MS {
            self.sample_every = (every / 2).max(SAMPLE_EVERY_MIN);
        }
        self.countdown = 1 + self.next_random() % (2 * self.sample_every - 1);
        every
    }

    /// Marsaglia's xorshift: good enough to break patterns.
    fn next_random(&mut self) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        self.random
    }

    /// Counts a key, for as many accesses as it stands for.
    fn note(&mut self, database: usize, key: Key<'_>, accesses: u32, now_ms: u64) {
        if self.hot.total() == 0 {
            self.hot_since_ms = now_ms;
        }
        let span_ms = now_ms.saturating_sub(self.hot_since_ms);
        if span_ms >= WINDOW_MS {
            std::mem::swap(&mut self.hot, &mut self.last_hot);
            (self.last_span_ms, self.last_end_ms) = (span_ms, now_ms);
            self.last_samples = std::mem::take(&mut self.hot_samples);
            self.hot.clear();
            self.hot_since_ms = now_ms;
        }
        let weight = u64::from(accesses);
        self.hot_samples += 1;
        self.hot
            .add(key.lookup.hash, database as u32, key.bytes, weight);
    }
}

impl Keyspace {
    /// Counts the use of a key.
    #[inline(always)]
    pub(super) fn count_access(&mut self, database: usize, key: Key<'_>, now_ms: u64) {
        self.insight.countdown -= 1;
        if self.insight.countdown == 0 {
            self.look_at_access(database, key, now_ms);
        }
    }

    /// Counts the read of a key that is there, or is not.
    #[inline(always)]
    pub(super) fn count_read(
        &mut self,
        database: usize,
        key: Key<'_>,
        found: Option<EntryId>,
        now_ms: u64,
    ) {
        self.count_access(database, key, now_ms);
        self.insight.sizes.count_read();
        if found.is_none() {
            self.insight.sizes.count_miss();
        }
        if self.insight.sizes.has(key.lookup.hash) {
            self.look_at_read(key.lookup.hash, found);
        }
    }

    #[inline(never)]
    fn look_at_read(&mut self, hash: u64, found: Option<EntryId>) {
        let bytes = found.map(|id| self.key_bytes(self.entries.get(id)) as u64);
        let size = self.compared_size();
        self.insight.sizes.note_read(hash, bytes, size);
    }

    /// Notes a key that has come.
    #[inline]
    pub(super) fn note_arrival(&mut self, database: usize, key: Key<'_>, id: EntryId) {
        self.note_size(database, key.bytes, id);
        let hash = key.lookup.hash;
        if self.insight.sizes.has(hash) && database < self.database_count() {
            let bytes = self.key_bytes(self.entries.get(id)) as u64;
            let size = self.compared_size();
            self.insight.sizes.note_stored(hash, bytes, size);
        }
    }

    /// The size that others are compared with: the limit, or what there is without one.
    fn compared_size(&self) -> Size {
        let limit_bytes = self.limit_bytes();
        let is_limit = limit_bytes > 0;
        let bytes = if is_limit {
            limit_bytes
        } else {
            self.used_bytes() as u64
        };
        Size { bytes, is_limit }
    }

    /// Notes a key that goes, while it is still there.
    pub(super) fn note_departure(
        &mut self,
        database: usize,
        id: EntryId,
        event: Event,
        now_ms: u64,
    ) {
        let entry = self.entries.get(id);
        let hash = self.hasher.hash(entry.key());
        let frequency = self.frequency(entry.access_bits());
        self.insight
            .fates
            .note(database, hash, event, frequency, now_ms);
        if event != Event::Evicted && self.insight.sizes.has(hash) {
            self.insight.sizes.note_removed(hash);
        }
    }

    /// Notes that all keys of a database go.
    pub(super) fn note_flush(&mut self, database: usize, now_ms: u64) {
        self.insight.fates.note_flush(database, now_ms);
        self.insight.sizes.note_flush();
    }

    /// What is remembered of a key that is not there.
    pub fn fate_of(&self, database: usize, key: Key<'_>) -> Remembered {
        self.insight.fates.find(database, key.lookup.hash)
    }

    /// Which share of reads the cache would answer with less and with more memory: by its limit, or
    /// by what it takes if there is none.
    pub fn miss_ratio_curve(&self) -> Curve {
        let sizes = &self.insight.sizes;
        let present_bytes = self.compared_size().bytes as f64;
        let points = FACTORS.into_iter().zip(sizes.ratios());
        let points = points.filter(|_| sizes.key_count() > 0 && sizes.reads() > 0);
        let points = points.map(|(factor, ratio)| CurvePoint {
            factor,
            bytes: (present_bytes * factor) as u64,
            ratio,
        });
        Curve {
            reads: sizes.reads(),
            sampled_keys: sizes.key_count(),
            sample_rate: sizes.rate(),
            points: points.collect(),
        }
    }

    #[cold]
    #[inline(never)]
    fn look_at_access(&mut self, database: usize, key: Key<'_>, now_ms: u64) {
        let accesses = self.insight.restart_countdown(now_ms);
        // What builds a value out of sight is no use of a key.
        if database < self.database_count() {
            self.insight.note(database, key, accesses, now_ms);
        }
        self.check_a_big_key(now_ms);
    }

    /// The keys that are used most, at most `count`: those of the last whole window, or of the
    /// present one if there is none. O(counters log counters).
    pub fn hot_keys(&self, count: usize, now_ms: u64) -> Vec<HotKey> {
        let insight = &self.insight;
        let age_ms = now_ms.saturating_sub(insight.hot_since_ms);
        let is_last_fresh = now_ms.saturating_sub(insight.last_end_ms) < 2 * WINDOW_MS;
        let has_last = age_ms < WINDOW_MS && is_last_fresh && insight.last_span_ms > 0;
        let (hitters, samples, span_ms) = match has_last {
            true => (
                &insight.last_hot,
                insight.last_samples,
                insight.last_span_ms,
            ),
            false => (&insight.hot, insight.hot_samples, age_ms),
        };
        if age_ms > IDLE_MS {
            // What was hot then is not hot any more.
            return Vec::new();
        }
        let per_second = |weight: u64| weight * 1_000 / span_ms.max(1_000);
        let heaviest = hitters.heaviest(count).into_iter();
        let keys = heaviest.map(|hitter| HotKey {
            name: hitter.name.clone(),
            database: hitter.place,
            per_second: per_second(hitter.weight_min()),
            all_per_second: per_second(hitters.total()),
            samples: hitter.weight_min() * samples / hitters.total().max(1),
        });
        keys.filter(|key| key.per_second > 0).collect()
    }

    /// Forgets which keys are used most.
    pub fn forget_hot_keys(&mut self) {
        self.insight.hot.clear();
        self.insight.last_hot.clear();
        (self.insight.hot_samples, self.insight.last_samples) = (0, 0);
        self.insight.last_span_ms = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::DeadlineChange;
    use crate::value::string::StringValue;

    const START_MS: u64 = 1_700_000_000_000;

    fn set(keyspace: &mut Keyspace, name: &str, len: usize) {
        let key = keyspace.key(name.as_bytes());
        let value = vec![b'x'; len];
        let value = StringValue::Bytes(&value);
        keyspace
            .mutate(0, START_MS)
            .set(key, value, DeadlineChange::Clear);
    }

    fn read(keyspace: &mut Keyspace, name: &str, now_ms: u64) {
        let key = keyspace.key(name.as_bytes());
        _ = keyspace.find_and_touch(0, key, now_ms);
    }

    #[test]
    fn the_keys_that_are_used_most_are_found_with_their_rates() {
        let mut keyspace = Keyspace::new(2, 1);
        assert_eq!(keyspace.hot_keys(10, START_MS), []);
        // 10,000 accesses a second for 20 seconds: a half to one key, a quarter to another.
        for number in 0..200_000u64 {
            let now_ms = START_MS + number / 10;
            let other = format!("key:{}", number * 7919 % 5_000);
            let name = match number % 4 {
                0 | 1 => "hot",
                2 => "warm",
                _ => &other,
            };
            read(&mut keyspace, name, now_ms);
        }
        let hot = keyspace.hot_keys(2, START_MS + 20_000);
        let names: Vec<&[u8]> = hot.iter().map(|key| &key.name[..]).collect();
        assert_eq!(names, [&b"hot"[..], b"warm"]);
        assert!(
            (4_000..=6_000).contains(&hot[0].per_second),
            "{}",
            hot[0].per_second
        );
        assert!(
            (1_800..=3_200).contains(&hot[1].per_second),
            "{}",
            hot[1].per_second
        );
        assert!(
            (9_000..=11_000).contains(&hot[0].all_per_second),
            "{}",
            hot[0].all_per_second
        );
        // An hour later nothing is hot any more.
        assert_eq!(keyspace.hot_keys(2, START_MS + 3_600_000), []);
        keyspace.forget_hot_keys();
        assert_eq!(keyspace.hot_keys(2, START_MS + 20_000), []);
    }

    #[test]
    fn what_became_of_a_key_is_remembered() {
        let mut keyspace = Keyspace::new(2, 1);
        let fate = |keyspace: &Keyspace, name: &str| {
            let known = keyspace.fate_of(0, keyspace.key(name.as_bytes()));
            (known.fate, known.at_seconds)
        };
        assert_eq!(fate(&keyspace, "a"), (Fate::Unknown, 0));
        set(&mut keyspace, "a", 10);
        let key = keyspace.key(b"a");
        keyspace.mutate(0, START_MS).remove(key);
        assert_eq!(fate(&keyspace, "a"), (Fate::Deleted, START_MS / 1_000));
        let (key, value) = (keyspace.key(b"b"), StringValue::Bytes(b"x"));
        let deadline = DeadlineChange::At(START_MS + 5_000);
        keyspace.mutate(0, START_MS).set(key, value, deadline);
        keyspace.expire_some(START_MS + 7_000, 10);
        assert_eq!(fate(&keyspace, "b"), (Fate::Expired, START_MS / 1_000 + 7));
        assert_eq!(keyspace.fate_of(1, keyspace.key(b"b")).fate, Fate::Unknown);
        keyspace.mutate(0, START_MS + 9_000).flush();
        assert_eq!(fate(&keyspace, "b"), (Fate::Flushed, START_MS / 1_000 + 9));
    }

    #[test]
    fn the_curve_says_what_more_memory_would_bring() {
        let mut keyspace = Keyspace::new(1, 1);
        assert_eq!(keyspace.miss_ratio_curve().points, []);
        // There are 25,011 squares, and each is read for the first time once.
        for number in 0..200_000u64 {
            let name = format!("key:{}", number * number % 50_021);
            read(&mut keyspace, &name, START_MS);
            set(&mut keyspace, &name, 100);
        }
        let curve = keyspace.miss_ratio_curve();
        assert_eq!(curve.points.len(), FACTORS.len());
        let of = |factor: f64| {
            let mut points = curve.points.iter();
            let point = points.find(|point| point.factor == factor);
            point.expect("it is told").ratio
        };
        assert!(of(0.5) < of(1.0), "{curve:?}");
        let truth = 1.0 - 25_011.0 / 200_000.0;
        assert!(
            (of(4.0) - truth).abs() < 0.02,
            "{} against {truth}",
            of(4.0)
        );
    }

    #[test]
    fn the_largest_keys_are_known_without_a_scan() {
        let mut keyspace = Keyspace::new(2, 1);
        for number in 0..1_000 {
            set(&mut keyspace, &format!("small:{number}"), 100);
        }
        assert_eq!(keyspace.big_keys(10, START_MS), []);
        // More than are listed, and then some that push them out.
        for number in 0..60 {
            set(&mut keyspace, &format!("middle:{number}"), 17_000);
        }
        for number in 0..10 {
            set(&mut keyspace, &format!("big:{number}"), 40_000 << number);
        }
        let names = |keyspace: &mut Keyspace| -> Vec<String> {
            let big = keyspace.big_keys(3, START_MS).into_iter();
            let text = |key: BigKey| String::from_utf8_lossy(&key.name).into_owned();
            big.map(text).collect()
        };
        assert_eq!(names(&mut keyspace), ["big:9", "big:8", "big:7"]);
        // One goes, one shrinks, one grows.
        let key = keyspace.key(b"big:9");
        keyspace.mutate(0, START_MS).remove(key);
        set(&mut keyspace, "big:8", 10);
        set(&mut keyspace, "big:1", 50_000_000);
        assert_eq!(names(&mut keyspace), ["big:1", "big:7", "big:6"]);
        let first = keyspace.big_keys(1, START_MS).remove(0);
        assert_eq!((first.database, first.elements), (0, 1));
        assert!(first.bytes >= 50_000_000, "{}", first.bytes);
        keyspace.mutate(0, START_MS).flush();
        assert_eq!(names(&mut keyspace), [""; 0]);
    }
}
