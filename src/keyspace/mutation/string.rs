//! Changes of strings: set, counted up and down, edited in place.
//!
//! Not here: what every change implies (`mod.rs`).

use super::{DeadlineChange, Mutation};
use crate::keyspace::Key;
use crate::keyspace::entry::{EntryId, EntryRef};
use crate::keyspace::event::Event;
use crate::keyspace::insight::BIG_BYTES_MIN;
use crate::keyspace::interest::RemovalReason;
use crate::structures::hash_table::Location;
use crate::value::kind::WrongType;
use crate::value::string::StringValue;
use std::fmt;

/// Why a number could not be counted up or down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountError {
    /// The value is no string.
    WrongType,
    /// The value is not an integer.
    NotAnInteger,
    /// The result does not fit 64 bits.
    Overflow,
}

impl fmt::Display for CountError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::WrongType => "the key holds a value of another type",
            Self::NotAnInteger => "value is not an integer or out of range",
            Self::Overflow => "increment or decrement would overflow",
        })
    }
}

impl std::error::Error for CountError {}

impl Mutation<'_> {
    /// Sets a key to a string value, whatever it held.
    pub fn set(&mut self, key: Key<'_>, value: StringValue<'_>, deadline: DeadlineChange) {
        self.put(key, value, deadline, Event::Set);
    }

    /// As [`Mutation::set`], for another reason.
    #[inline]
    pub(super) fn put(
        &mut self,
        key: Key<'_>,
        value: StringValue<'_>,
        deadline: DeadlineChange,
        event: Event,
    ) {
        if let DeadlineChange::At(deadline_ms) = deadline
            && deadline_ms <= self.now_ms
        {
            self.remove(key);
            return;
        }
        match self.locate(key) {
            Some((location, id)) => self.replace(location, id, value, deadline),
            None => self.insert(key, value, deadline),
        }
        self.changed(key.bytes, event);
        if let (DeadlineChange::At(_), Event::Set) = (deadline, event) {
            self.announce(key.bytes, Event::Expire);
        }
    }

    /// As [`Mutation::set`] with bytes that were made by changing others, which is what OBJECT
    /// ENCODING tells of them.
    pub fn set_edited(
        &mut self,
        key: Key<'_>,
        bytes: &[u8],
        deadline: DeadlineChange,
        event: Event,
    ) {
        self.put(key, StringValue::Bytes(bytes), deadline, event);
        let (location, id) = self.locate(key).expect("it was set above");
        let entries = &mut self.keyspace.entries;
        let position = entries.get(id).heap_position();
        let moved = entries.resize_string(id, bytes.len());
        self.settle(location, id, moved, position);
    }

    /// As [`Mutation::set`] without a change of the deadline, by another event.
    pub fn set_by(&mut self, key: Key<'_>, value: StringValue<'_>, event: Event) {
        self.put(key, value, DeadlineChange::Keep, event);
    }

    /// Adds to the integer value of a key, a missing one counting as 0, and returns the sum. The
    /// deadline stays.
    ///
    /// # Errors
    /// [`CountError`]; the value then is as it was.
    #[inline]
    pub fn increment(&mut self, key: Key<'_>, increment: i64) -> Result<i64, CountError> {
        let found = self.locate(key);
        let old = match found {
            Some((_, id)) => {
                let value = self.keyspace.entries.get(id).as_string();
                let value = value.map_err(|WrongType| CountError::WrongType)?;
                value.as_integer().ok_or(CountError::NotAnInteger)?
            }
            None => 0,
        };
        let new = old.checked_add(increment).ok_or(CountError::Overflow)?;
        let value = StringValue::Integer(new);
        match found {
            Some((location, id)) => self.replace(location, id, value, DeadlineChange::Keep),
            None => self.insert(key, value, DeadlineChange::Keep),
        }
        self.changed(key.bytes, Event::IncrBy);
        Ok(new)
    }

    /// Makes the value of a key text of at least `len_min` bytes, new bytes being zero, and lends
    /// it to `change`, which says whether it made a difference. A missing key begins as empty
    /// text. Growth is a change, too; without any, nobody who watches the key is disturbed.
    ///
    /// # Errors
    /// [`WrongType`] if the key holds no string, which then stays as it is.
    pub fn edit(
        &mut self,
        key: Key<'_>,
        len_min: usize,
        event: Event,
        change: impl FnOnce(&mut [u8]) -> bool,
    ) -> Result<(), WrongType> {
        let found = self.find(key).map(EntryRef::as_string).transpose()?;
        let found = found.is_some();
        if !found {
            self.insert(key, StringValue::Bytes(b""), DeadlineChange::Keep);
        }
        let inserted = "the key was found or inserted above";
        let (location, id) = self.locate(key).expect(inserted);
        let id = self.before_change(location, id);
        let entries = &mut self.keyspace.entries;
        let entry = entries.get(id);
        let position = entry.heap_position();
        let old_len = entry.string().len();
        let moved = entries.resize_string(id, old_len.max(len_min));
        let old_bits = self.keyspace.entries.get(moved).access_bits();
        let access_bits = self.keyspace.used_again(old_bits, self.now_ms);
        self.keyspace.entries.set_access_bits(moved, access_bits);
        self.settle(location, id, moved, position);
        self.note_long_string(moved, old_len.max(len_min));
        let is_changed = change(self.keyspace.entries.bytes_mut(moved));
        if is_changed || !found || old_len < len_min {
            self.changed(key.bytes, event);
        }
        Ok(())
    }

    fn insert(&mut self, key: Key<'_>, value: StringValue<'_>, deadline: DeadlineChange) {
        let has_deadline = matches!(deadline, DeadlineChange::At(_));
        self.keyspace.note_growth();
        let bytes = key.bytes.len() + value.len();
        let access_bits = self
            .keyspace
            .used_first(key.lookup.hash, bytes, self.now_ms);
        let entries = &mut self.keyspace.entries;
        let id = entries.allocate(key.bytes, value, has_deadline, access_bits);
        self.place(key, id);
        self.announce(key.bytes, Event::New);
        if let DeadlineChange::At(deadline_ms) = deadline {
            self.keyspace.note_deadline_in(self.database);
            let data = &mut self.keyspace.databases[self.database];
            data.expiry
                .insert(deadline_ms, id.payload(), &mut self.keyspace.entries);
        }
    }

    /// Notes that there is a string of so many bytes now, if that is many.
    #[inline(always)]
    fn note_long_string(&mut self, id: EntryId, len: usize) {
        if len >= BIG_BYTES_MIN {
            self.note_long(id);
        }
    }

    #[cold]
    #[inline(never)]
    fn note_long(&mut self, id: EntryId) {
        let name = self.keyspace.entries.get(id).key().to_vec();
        self.keyspace.note_size(self.database, &name, id);
    }

    fn replace(
        &mut self,
        location: Location,
        id: EntryId,
        value: StringValue<'_>,
        deadline: DeadlineChange,
    ) {
        self.note_departed(id, RemovalReason::Replaced);
        let is_kept = self.is_kept_by_cut(id);
        self.forget_field_deadlines(id);
        let old_bits = self.keyspace.entries.get(id).access_bits();
        let access_bits = self.keyspace.used_again(old_bits, self.now_ms);
        let entries = &mut self.keyspace.entries;
        let data = &mut self.keyspace.databases[self.database];
        let position = entries.get(id).heap_position();
        let has_deadline = match deadline {
            DeadlineChange::Keep => position.is_some(),
            DeadlineChange::Clear => false,
            DeadlineChange::At(_) => true,
        };
        if let (Some(position), false) = (position, has_deadline) {
            data.expiry.remove(position, entries);
        }
        let moved = match is_kept {
            false => entries.replace(id, value, has_deadline, access_bits),
            true => entries.succeed(id, value, has_deadline, access_bits),
        };
        self.settle(location, id, moved, position.filter(|_| has_deadline));
        self.note_long_string(moved, value.len());
        if let DeadlineChange::At(deadline_ms) = deadline {
            self.index_deadline(moved, position, deadline_ms);
        }
    }
}
