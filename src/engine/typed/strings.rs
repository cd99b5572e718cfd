//! Typed calls for strings.

use super::{DATABASE, Expire, WriteError};
use crate::engine::CacheEngine;
use crate::value::string::StringValue;

impl CacheEngine {
    /// The value of a key; `None` if there is no such key, or if it holds no string. Copies it.
    pub fn get(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        let key = self.keyspace.key(key);
        let entry = self
            .keyspace
            .find_and_touch(DATABASE, key, self.now.unix_ms())?;
        let value = entry.as_string().ok()?;
        Some(value.text(&mut itoa::Buffer::new()).to_vec())
    }

    /// Lends the value of a key to `look`, without a copy; `None` as for [`CacheEngine::get`].
    ///
    /// ```
    /// # use evenkeel::{CacheEngine, Config, Expire};
    /// let mut cache = CacheEngine::new(Config::default());
    /// cache.set(b"page", b"<html>", Expire::Never)?;
    /// assert_eq!(cache.get_with(b"page", |value| value.len()), Some(6));
    /// # Ok::<(), evenkeel::WriteError>(())
    /// ```
    pub fn get_with<R>(&mut self, key: &[u8], look: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let key = self.keyspace.key(key);
        let entry = self
            .keyspace
            .find_and_touch(DATABASE, key, self.now.unix_ms())?;
        let value = entry.as_string().ok()?;
        Some(look(value.text(&mut itoa::Buffer::new())))
    }

    /// Sets a key, whatever it held. A deadline that has come deletes it. Over the limit of memory
    /// other keys make room first, all of them within this call.
    ///
    /// # Errors
    /// [`WriteError::OutOfMemory`] and [`WriteError::TooLong`]; the value then is as it was, or
    /// evicted.
    pub fn set(&mut self, key: &[u8], value: &[u8], expire: Expire) -> Result<(), WriteError> {
        self.admit(key, [value])?;
        let now_ms = self.now.unix_ms();
        let deadline = expire.deadline(now_ms);
        let key = self.keyspace.key(key);
        self.keyspace
            .mutate(DATABASE, now_ms)
            .set(key, StringValue::compact(value), deadline);
        Ok(())
    }

    /// Adds `increment` to the integer value of a key, a missing one counting as 0, and returns
    /// the sum. The deadline stays. Makes room as [`CacheEngine::set`] does.
    ///
    /// # Errors
    /// [`WriteError`]; the value then is as it was, or evicted.
    pub fn incr(&mut self, key: &[u8], increment: i64) -> Result<i64, WriteError> {
        self.admit(key, [])?;
        let key = self.keyspace.key(key);
        let now_ms = self.now.unix_ms();
        let mut mutation = self.keyspace.mutate(DATABASE, now_ms);
        Ok(mutation.increment(key, increment)?)
    }

    /// Takes `decrement` from the integer value of a key, as [`CacheEngine::incr`] adds.
    ///
    /// # Errors
    /// As for [`CacheEngine::incr`].
    pub fn decr(&mut self, key: &[u8], decrement: i64) -> Result<i64, WriteError> {
        self.incr(key, decrement.checked_neg().ok_or(WriteError::Overflow)?)
    }
}
