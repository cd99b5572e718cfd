//! The cache as a library: typed calls for programs that embed it.
//!
//! They work on database 0 at the time of the last [`CacheEngine::advance_to`], and go the same
//! way through the keyspace as the commands of clients.
//!
//! | file | calls |
//! |---|---|
//! | `mod.rs` | time, keys of any type, errors |
//! | `strings.rs` | strings |
//!
//! Not here: any command in a session (`engine/mod.rs`).

mod strings;

use super::CacheEngine;
use crate::base::clock::Timestamp;
use crate::base::limits::LARGE_WRITE_BYTES;
use crate::keyspace::CountError;
use crate::value::kind::WrongType;
use std::fmt;
use std::time::Duration;

/// When a value that is set shall expire.
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

/// How long a key lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeToLive {
    /// There is no such key.
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
    /// Key or value is longer than [`BULK_BYTES_LIMIT`].
    TooLong,
    /// The key holds a value of another type.
    WrongType,
    /// The value is not an integer.
    NotAnInteger,
    /// The result does not fit 64 bits.
    Overflow,
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
            Self::OutOfMemory => formatter.write_str("the memory limit is reached"),
            Self::TooLong => formatter.write_str("key or value is too long"),
            Self::WrongType => WrongType.fmt(formatter),
            Self::NotAnInteger => CountError::NotAnInteger.fmt(formatter),
            Self::Overflow => CountError::Overflow.fmt(formatter),
        }
    }
}

impl std::error::Error for WriteError {}

/// The database that the typed calls work on.
const DATABASE: usize = 0;

/// The latest deadline: the heap keeps `u64::MAX` for "none".
const DEADLINE_MS_MAX: u64 = u64::MAX - 1;

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

    /// Makes room for a write that adds about this many bytes.
    fn make_room(&mut self, adds_bytes: usize) -> Result<(), WriteError> {
        let may_not_fit = adds_bytes >= LARGE_WRITE_BYTES || self.keyspace.is_over_limit();
        let now_ms = self.now.unix_ms();
        if may_not_fit && !self.keyspace.make_room_at_once(adds_bytes, now_ms) {
            return Err(WriteError::OutOfMemory);
        }
        Ok(())
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
        match self.keyspace.deadline_ms(DATABASE, entry) {
            None => TimeToLive::NoExpiry,
            Some(deadline_ms) => TimeToLive::Remaining(Duration::from_millis(deadline_ms - now_ms)),
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
}
