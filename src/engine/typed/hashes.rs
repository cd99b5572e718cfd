//! Typed calls for hashes: fields with values, each of which may have a deadline of its own.

use super::{DATABASE, Expire, TimeToLive, WriteError, fits_a_text, time_to_live};
use crate::engine::CacheEngine;
use crate::keyspace::{Changed, DeadlineChange, Event};
use crate::value::hash::{FieldOutcome, Hash};
use crate::value::kind::WrongType;

impl CacheEngine {
    /// Sets fields of a hash to values, and returns how many of the fields are new. A missing hash
    /// is made. A deadline that a field had is gone; that of the key stays. Makes room as
    /// [`CacheEngine::set`] does. O(fields given), O(log fields) each in a large hash.
    ///
    /// ```
    /// # use evenkeel::{CacheEngine, Config};
    /// let mut cache = CacheEngine::new(Config::default());
    /// let fields = [("user", "ada"), ("role", "author")];
    /// assert_eq!(cache.hash_set(b"session", &fields), Ok(2));
    /// assert_eq!(cache.hash_get(b"session", b"user"), Ok(Some(b"ada".to_vec())));
    /// ```
    ///
    /// # Errors
    /// [`WriteError::OutOfMemory`], [`WriteError::TooLong`] and [`WriteError::WrongType`]; the hash
    /// then is as it was, or evicted.
    pub fn hash_set(
        &mut self,
        key: &[u8],
        pairs: &[(impl AsRef<[u8]>, impl AsRef<[u8]>)],
    ) -> Result<u64, WriteError> {
        let texts = || {
            let pairs = pairs.iter();
            pairs.flat_map(|(field, value)| [field.as_ref(), value.as_ref()])
        };
        self.admit(key, texts())?;
        self.change_or_make::<Hash, _>(key, |hash| {
            hash.reserve(pairs.len(), texts().map(<[u8]>::len).sum());
            let mut new_count = 0;
            for (field, value) in pairs {
                new_count += u64::from(hash.set(field.as_ref(), value.as_ref()));
            }
            Ok(Changed::when(!pairs.is_empty(), Event::HashSet, new_count))
        })
    }

    /// The value of a field of a hash; `None` if there is no such field or no such key. Copies it.
    /// O(log fields).
    ///
    /// # Errors
    /// [`WrongType`] if the key holds no hash.
    pub fn hash_get(&mut self, key: &[u8], field: &[u8]) -> Result<Option<Vec<u8>>, WrongType> {
        let hash = self.read::<Hash>(key)?.filter(|_| fits_a_text(field));
        let value = hash.and_then(|hash| hash.get(field));
        Ok(value.map(|value| value.text(&mut itoa::Buffer::new()).to_vec()))
    }

    /// Removes fields from a hash, and returns how many of them there were. A hash without fields
    /// is gone. O(fields given), O(log fields) each in a large hash.
    ///
    /// # Errors
    /// [`WrongType`] if the key holds no hash.
    pub fn hash_remove(
        &mut self,
        key: &[u8],
        fields: &[impl AsRef<[u8]>],
    ) -> Result<u64, WrongType> {
        let removed_count = self.change::<Hash, _, _>(key, |hash| {
            let fields = fields
                .iter()
                .map(AsRef::as_ref)
                .filter(|&field| fits_a_text(field));
            let removed_count = fields.map(|field| u64::from(hash.remove(field))).sum();
            let is_changed = removed_count > 0;
            Ok(Changed::when(is_changed, Event::HashRemove, removed_count))
        })?;
        Ok(removed_count.unwrap_or(0))
    }

    /// How many fields a hash has, due ones that are not yet removed included; 0 if there is no
    /// such key.
    ///
    /// # Errors
    /// [`WrongType`] if the key holds no hash.
    pub fn hash_len(&mut self, key: &[u8]) -> Result<u64, WrongType> {
        Ok(self.read::<Hash>(key)?.map_or(0, |hash| hash.len()))
    }

    /// Adds `increment` to the integer in a field of a hash, a missing one counting as 0, and
    /// returns the sum. A missing hash is made; deadlines stay. Makes room as [`CacheEngine::set`]
    /// does. O(log fields).
    ///
    /// # Errors
    /// [`WriteError`]; the field then is as it was, or evicted with its key.
    pub fn hash_increment(
        &mut self,
        key: &[u8],
        field: &[u8],
        increment: i64,
    ) -> Result<i64, WriteError> {
        self.admit(key, [field])?;
        self.change_or_make::<Hash, _>(key, |hash| {
            let sum = hash.increment(field, increment)?;
            Ok(Changed::when(true, Event::HashIncrement, sum))
        })
    }

    /// Lends each field of a hash with its value to `look`, in no order. O(fields).
    ///
    /// # Errors
    /// [`WrongType`] if the key holds no hash; then `look` has not been called.
    pub fn hash_for_each(
        &mut self,
        key: &[u8],
        mut look: impl FnMut(&[u8], &[u8]),
    ) -> Result<(), WrongType> {
        let Some(hash) = self.read::<Hash>(key)? else {
            return Ok(());
        };
        let (mut field_digits, mut value_digits) = (itoa::Buffer::new(), itoa::Buffer::new());
        for (field, value) in hash.iter() {
            look(field.text(&mut field_digits), value.text(&mut value_digits));
        }
        Ok(())
    }

    /// Sets when a field of a hash expires; false if there is no such field. A deadline that has
    /// come removes the field; [`Expire::Keep`] changes nothing. Makes room as [`CacheEngine::set`]
    /// does, because a hash of which a field has a deadline is kept as a large one. O(log fields),
    /// at the first deadline of a small hash O(fields).
    ///
    /// ```
    /// # use evenkeel::{CacheEngine, Config, Expire, TimeToLive};
    /// # use std::time::Duration;
    /// # let mut cache = CacheEngine::new(Config::default());
    /// cache.hash_set(b"session", &[("token", "t")])?;
    /// let minute = Duration::from_secs(60);
    /// assert!(cache.hash_expire_field(b"session", b"token", Expire::After(minute))?);
    /// let left = cache.hash_field_time_to_live(b"session", b"token");
    /// assert_eq!(left, Ok(TimeToLive::Remaining(minute)));
    /// # Ok::<(), evenkeel::WriteError>(())
    /// ```
    ///
    /// # Errors
    /// [`WriteError::OutOfMemory`], [`WriteError::TooLong`] and [`WriteError::WrongType`]; the
    /// field then is as it was, or evicted with its key.
    pub fn hash_expire_field(
        &mut self,
        key: &[u8],
        field: &[u8],
        expire: Expire,
    ) -> Result<bool, WriteError> {
        self.admit(key, [field])?;
        let deadline = expire.deadline(self.now.unix_ms());
        let outcome = self.change::<Hash, _, WriteError>(key, |hash| {
            let outcome = match deadline {
                DeadlineChange::At(deadline_ms) => hash.expire(field, deadline_ms, |_| true),
                DeadlineChange::Clear => hash.persist(field),
                DeadlineChange::Keep => match hash.read().get(field) {
                    Some(_) => FieldOutcome::Refused,
                    None => FieldOutcome::NoField,
                },
            };
            let event = match (outcome, deadline) {
                (FieldOutcome::Removed, _) => Some(Event::HashRemove),
                (FieldOutcome::Done, DeadlineChange::Clear) => Some(Event::HashPersist),
                (FieldOutcome::Done, DeadlineChange::At(_) | DeadlineChange::Keep) => {
                    Some(Event::HashExpire)
                }
                (FieldOutcome::NoField | FieldOutcome::NoDeadline | FieldOutcome::Refused, _) => {
                    None
                }
            };
            Ok(Changed {
                result: outcome,
                event,
            })
        })?;
        Ok(outcome.is_some_and(|outcome| outcome != FieldOutcome::NoField))
    }

    /// How long a field of a hash lives, if its key does not go before. O(log fields).
    ///
    /// # Errors
    /// [`WrongType`] if the key holds no hash.
    pub fn hash_field_time_to_live(
        &self,
        key: &[u8],
        field: &[u8],
    ) -> Result<TimeToLive, WrongType> {
        let now_ms = self.now.unix_ms();
        let key = self.keyspace.key(key);
        let hash = self.keyspace.peek::<Hash>(DATABASE, key, now_ms)?;
        let hash = hash.filter(|_| fits_a_text(field));
        let deadline_ms = hash.and_then(|hash| hash.deadline_ms(field));
        Ok(time_to_live(deadline_ms, now_ms))
    }
}
