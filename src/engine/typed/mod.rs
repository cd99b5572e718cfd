//! The cache as a library: typed calls for programs that embed it.
//!
//! They work on database 0 at the time of the last [`CacheEngine::advance_to`], and go the same
//! way through the keyspace as the commands of clients.
//!
//! | file | calls |
//! |---|---|
//! | `mod.rs` | time, keys of any type, errors |
//! | `strings.rs` | strings: `get`, `set`, `incr` and their like |
//! | `hashes.rs`, `lists.rs`, `sets.rs`, `sorted_sets.rs` | what they are named for |
//! | `pages.rs` | all keys, a page a call |
//!
//! Invariants: a write that needs memory asks for room first, and refuses what a client could not
//! send either; a write that fails has changed nothing but what had to go for it.
//!
//! Cost: each call is one lookup of its key, besides what it says itself.
//!
//! Not here: any command in a session (`engine/mod.rs`).

mod hashes;
mod lists;
mod pages;
mod sets;
mod sorted_sets;
mod strings;

use super::CacheEngine;
use crate::base::clock::Timestamp;
use crate::base::limits::{BULK_BYTES_LIMIT, LARGE_WRITE_BYTES};
use crate::keyspace::{Changed, CountError, DeadlineChange, EntryHome, Memory, Missing};
use crate::value::collection::CollectionType;
use crate::value::hash::IncrementError;
use crate::value::kind::WrongType;
use std::fmt;
use std::ops::{Bound, Range, RangeBounds};
use std::time::Duration;

/// When a key, or a field of a hash, shall expire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expire {
    /// Never.
    #[default]
    Never,
    /// This long from now, to the millisecond.
    After(Duration),
    /// At this Unix time in milliseconds.
    AtUnixMs(u64),
    /// When the present value would.
    Keep,
}

impl Expire {
    /// What becomes of a deadline at a moment.
    fn deadline(self, now_ms: u64) -> DeadlineChange {
        match self {
            Self::Never => DeadlineChange::Clear,
            Self::Keep => DeadlineChange::Keep,
            Self::AtUnixMs(deadline_ms) => DeadlineChange::At(deadline_ms.min(DEADLINE_MS_MAX)),
            Self::After(duration) => {
                let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
                DeadlineChange::At(now_ms.saturating_add(duration_ms).min(DEADLINE_MS_MAX))
            }
        }
    }
}

/// How long a key, or a field of a hash, lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeToLive {
    /// There is none of that name.
    Missing,
    /// It does not expire.
    NoExpiry,
    /// It expires this long from now.
    Remaining(Duration),
}

/// Why a write did nothing. Under an evicting policy other keys may have gone before a write was
/// found not to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// It does not fit below the limit of memory ([`CacheEngine::set_memory_limit`]): the policy is
    /// `noeviction`, or no key is left to go.
    OutOfMemory,
    /// A key, value, field, item or member is longer than [`BULK_BYTES_LIMIT`].
    TooLong,
    /// The collection has as many elements as one can have: some four thousand million.
    Full,
    /// The key holds a value of another type.
    WrongType,
    /// The value is not an integer.
    NotAnInteger,
    /// The result does not fit 64 bits.
    Overflow,
    /// The score is not a number (NaN).
    NotANumber,
}

impl From<WrongType> for WriteError {
    fn from(_: WrongType) -> Self {
        Self::WrongType
    }
}

impl From<IncrementError> for WriteError {
    fn from(error: IncrementError) -> Self {
        match error {
            IncrementError::NotAnInteger => Self::NotAnInteger,
            IncrementError::Overflow => Self::Overflow,
        }
    }
}

impl From<CountError> for WriteError {
    fn from(error: CountError) -> Self {
        match error {
            CountError::WrongType => Self::WrongType,
            CountError::NotAnInteger => Self::NotAnInteger,
            CountError::Overflow => Self::Overflow,
        }
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => formatter.write_str("the collection has as many elements as it can have"),
            Self::OutOfMemory => formatter.write_str("the memory limit is reached"),
            Self::TooLong => formatter.write_str("a key or value is too long"),
            Self::WrongType => WrongType.fmt(formatter),
            Self::NotAnInteger => CountError::NotAnInteger.fmt(formatter),
            Self::Overflow => CountError::Overflow.fmt(formatter),
            Self::NotANumber => formatter.write_str("the score is not a number"),
        }
    }
}

impl std::error::Error for WriteError {}

/// The database that the typed calls work on.
const DATABASE: usize = 0;

/// The latest deadline: the heap keeps `u64::MAX` for "none".
const DEADLINE_MS_MAX: u64 = u64::MAX - 1;

/// What a text takes in a value besides its bytes, about: heads of codes, a score, an index.
const ELEMENT_BYTES: usize = 16;

impl CacheEngine {
    /// Sets the time at which the typed calls work and removes some of the keys that expire by
    /// then. Returns true if more are due: absent for every reader, their memory still held; call
    /// again (or [`CacheEngine::tick`]) when there is time.
    ///
    /// ```
    /// use evenkeel::{CacheEngine, Config, Expire, Timestamp};
    /// use std::time::Duration;
    ///
    /// let mut cache = CacheEngine::new(Config::default());
    /// cache.advance_to(Timestamp::from_unix_ms(1_000));
    /// cache.set(b"session", b"ada", Expire::After(Duration::from_millis(500)))?;
    /// cache.advance_to(Timestamp::from_unix_ms(1_499));
    /// assert_eq!(cache.get(b"session"), Some(b"ada".to_vec()));
    /// cache.advance_to(Timestamp::from_unix_ms(1_500));
    /// assert_eq!(cache.get(b"session"), None);
    /// # Ok::<(), evenkeel::WriteError>(())
    /// ```
    pub fn advance_to(&mut self, now: Timestamp) -> bool {
        self.tick(now)
    }

    /// Deletes a key; false if there was none.
    pub fn delete(&mut self, key: &[u8]) -> bool {
        let key = self.keyspace.key(key);
        self.keyspace
            .mutate(DATABASE, self.now.unix_ms())
            .remove(key)
    }

    /// Whether a key exists.
    pub fn contains(&mut self, key: &[u8]) -> bool {
        let key = self.keyspace.key(key);
        self.keyspace
            .find(DATABASE, key, self.now.unix_ms())
            .is_some()
    }

    /// How long a key lives.
    ///
    /// ```
    /// # use evenkeel::{CacheEngine, Config, Expire, TimeToLive};
    /// # use std::time::Duration;
    /// let mut cache = CacheEngine::new(Config::default());
    /// assert_eq!(cache.ttl(b"k"), TimeToLive::Missing);
    /// cache.set(b"k", b"v", Expire::Never)?;
    /// assert_eq!(cache.ttl(b"k"), TimeToLive::NoExpiry);
    /// cache.set(b"k", b"v", Expire::After(Duration::from_secs(9)))?;
    /// assert_eq!(cache.ttl(b"k"), TimeToLive::Remaining(Duration::from_secs(9)));
    /// # Ok::<(), evenkeel::WriteError>(())
    /// ```
    pub fn ttl(&self, key: &[u8]) -> TimeToLive {
        let now_ms = self.now.unix_ms();
        let Some(entry) = self.keyspace.find(DATABASE, self.keyspace.key(key), now_ms) else {
            return TimeToLive::Missing;
        };
        time_to_live(Some(self.keyspace.deadline_ms(DATABASE, entry)), now_ms)
    }

    /// Sets when a key of any type expires; false if there is no such key. A deadline that has come
    /// deletes it; [`Expire::Keep`] changes nothing.
    ///
    /// ```
    /// # use evenkeel::{CacheEngine, Config, Expire, TimeToLive};
    /// # use std::time::Duration;
    /// # let mut cache = CacheEngine::new(Config::default());
    /// cache.set_add(b"online", &["ada"])?;
    /// assert!(cache.expire(b"online", Expire::After(Duration::from_secs(9))));
    /// assert_eq!(cache.ttl(b"online"), TimeToLive::Remaining(Duration::from_secs(9)));
    /// # Ok::<(), evenkeel::WriteError>(())
    /// ```
    pub fn expire(&mut self, key: &[u8], expire: Expire) -> bool {
        let now_ms = self.now.unix_ms();
        let key = self.keyspace.key(key);
        let mut mutation = self.keyspace.mutate(DATABASE, now_ms);
        match expire.deadline(now_ms) {
            DeadlineChange::At(deadline_ms) => mutation.set_deadline(key, deadline_ms),
            DeadlineChange::Clear => mutation.persist(key) || mutation.exists(key),
            DeadlineChange::Keep => mutation.exists(key),
        }
    }

    /// How many keys there are, due ones that are not yet removed included.
    pub fn len(&self) -> usize {
        self.keyspace.size(DATABASE).keys
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Deletes all keys. Their memory comes back with the following [`CacheEngine::tick`]s.
    pub fn clear(&mut self) {
        self.keyspace.mutate(DATABASE, self.now.unix_ms()).flush();
    }

    /// Bytes of keys, values, tables and what waits to be freed, allocator rounding included.
    pub fn used_bytes(&self) -> usize {
        self.keyspace.used_bytes()
    }

    /// Lets a write to `key` go on that brings these texts: refuses it if one is too long, else
    /// makes room for all.
    fn admit<'t>(
        &mut self,
        key: &[u8],
        texts: impl IntoIterator<Item = &'t [u8]>,
    ) -> Result<(), WriteError> {
        let mut fits = fits_a_text(key);
        let mut adds_bytes = key.len();
        for text in texts {
            fits &= fits_a_text(text);
            adds_bytes = adds_bytes.saturating_add(ELEMENT_BYTES + text.len());
        }
        if !fits {
            return Err(WriteError::TooLong);
        }
        if self.keyspace.has_full_collections() {
            let (key, now_ms) = (self.keyspace.key(key), self.now.unix_ms());
            if self.keyspace.is_full(DATABASE, key, now_ms) {
                return Err(WriteError::Full);
            }
        }
        self.make_room(adds_bytes)
    }

    /// Makes room for a write that adds about this many bytes.
    fn make_room(&mut self, adds_bytes: usize) -> Result<(), WriteError> {
        let may_not_fit = adds_bytes >= LARGE_WRITE_BYTES || self.keyspace.is_over_limit();
        let now_ms = self.now.unix_ms();
        if may_not_fit && !self.keyspace.make_room_at_once(adds_bytes, now_ms) {
            return Err(WriteError::OutOfMemory);
        }
        Ok(())
    }

    /// The collection of a key, if there is one; notes the use.
    fn read<T: CollectionType>(
        &mut self,
        key: &[u8],
    ) -> Result<Option<T::Ref<'_, Memory>>, WrongType> {
        let key = self.keyspace.key(key);
        let now_ms = self.now.unix_ms();
        let body = self.keyspace.read_body::<T>(DATABASE, key, now_ms)?;
        Ok(body.map(Into::into))
    }

    /// Lends the collection of a key to `change`, if there is one.
    fn change<T: CollectionType, R, E: From<WrongType>>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut T::Mut<EntryHome<'_>>) -> Result<Changed<R>, E>,
    ) -> Result<Option<R>, E> {
        let key = self.keyspace.key(key);
        let mut mutation = self.keyspace.mutate(DATABASE, self.now.unix_ms());
        mutation.change::<T, R, E>(key, Missing::Skip, change)
    }

    /// Lends the collection of a key, a new one if there is none, to `change`.
    fn change_or_make<T: CollectionType, R>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut T::Mut<EntryHome<'_>>) -> Result<Changed<R>, WriteError>,
    ) -> Result<R, WriteError> {
        let key = self.keyspace.key(key);
        let mut mutation = self.keyspace.mutate(DATABASE, self.now.unix_ms());
        let result = mutation.change::<T, R, WriteError>(key, Missing::Create, change)?;
        Ok(result.expect("a missing collection is made"))
    }
}

/// Whether a text is not too long to be a key or to stand in a value.
fn fits_a_text(text: &[u8]) -> bool {
    text.len() <= BULK_BYTES_LIMIT
}

/// What a deadline says, which is `None` if there is nothing of that name.
fn time_to_live(deadline_ms: Option<Option<u64>>, now_ms: u64) -> TimeToLive {
    match deadline_ms {
        None => TimeToLive::Missing,
        Some(None) => TimeToLive::NoExpiry,
        Some(Some(deadline_ms)) => {
            TimeToLive::Remaining(Duration::from_millis(deadline_ms - now_ms))
        }
    }
}

/// The ranks below `len` that indexes mean, of which negative ones count from the end.
fn ranks_of(indexes: &impl RangeBounds<i64>, len: u64) -> Range<u64> {
    let len = i128::from(len);
    let rank = |index: i64| i128::from(index) + if index < 0 { len } else { 0 };
    let start = match indexes.start_bound() {
        Bound::Included(&index) => rank(index),
        Bound::Excluded(&index) => rank(index) + 1,
        Bound::Unbounded => 0,
    };
    let end = match indexes.end_bound() {
        Bound::Included(&index) => rank(index) + 1,
        Bound::Excluded(&index) => rank(index),
        Bound::Unbounded => len,
    };
    let (start, end) = (start.clamp(0, len) as u64, end.clamp(0, len) as u64);
    start..end.max(start)
}
