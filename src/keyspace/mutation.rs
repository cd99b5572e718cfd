//! The one way to change a key (invariant I4).
//!
//! Whatever a change implies beside the entry itself is done here and nowhere else: the expiry
//! index, the memory count (in `entry.rs`, which only this file and `graveyard.rs` ask to
//! allocate or free), the snapshot cut ([`Mutation::is_kept_by_cut`]), the versions of watched keys
//! and the dirty count ([`Mutation::changed`], where key events belong, too).
//!
//! Every method first removes the key if it is due, so no change ever sees an expired value.
//!
//! Not here: types and replies of commands (`command/`).

use super::cut::Shown;
use super::database::EntryHashes;
use super::entry::{EntryId, EntryRef};
use super::{Database, Key, Keyspace, Lookup};
use crate::structures::hash_table::Location;
use crate::value::kind::WrongType;
use crate::value::record::Record;
use crate::value::string::StringValue;
use std::fmt;

/// Records that are hashed and whose buckets are asked for before the first of them is set.
const RESTORE_GROUP: usize = 16;

/// What a change does to the deadline of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadlineChange {
    /// It stays as it is.
    Keep,
    /// The key shall not expire.
    Clear,
    /// The key shall expire at this Unix time in milliseconds. A time that has come deletes it.
    At(u64),
}

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

/// Changes of one database at one moment.
pub struct Mutation<'a> {
    keyspace: &'a mut Keyspace,
    database: usize,
    now_ms: u64,
}

impl<'a> Mutation<'a> {
    #[inline]
    pub(super) fn new(keyspace: &'a mut Keyspace, database: usize, now_ms: u64) -> Self {
        Self {
            keyspace,
            database,
            now_ms,
        }
    }

    #[inline]
    fn data(&self) -> &Database {
        &self.keyspace.databases[self.database]
    }

    /// Finds a key that is not due; removes it if it is.
    #[inline]
    fn locate(&mut self, key: Key<'_>) -> Option<(Location, EntryId)> {
        let (location, id) = self.data().locate(&self.keyspace.entries, key)?;
        if self
            .data()
            .is_due(self.keyspace.entries.get(id), self.now_ms)
        {
            self.keyspace.remove_due(self.database, id, self.now_ms);
            return None;
        }
        Some((location, id))
    }

    /// The entry of a key that exists.
    #[inline]
    pub fn find(&mut self, key: Key<'_>) -> Option<EntryRef<'_>> {
        let (_, id) = self.locate(key)?;
        Some(self.keyspace.entries.get(id))
    }

    /// Whether a key exists.
    pub fn exists(&mut self, key: Key<'_>) -> bool {
        self.locate(key).is_some()
    }

    /// When a key expires, in Unix milliseconds; `None` if never or if there is no such key.
    pub fn deadline_ms(&mut self, key: Key<'_>) -> Option<u64> {
        let (_, id) = self.locate(key)?;
        self.data().deadline_ms(self.keyspace.entries.get(id))
    }

    /// Notes that a key changed: its version if somebody watches it, and the dirty count.
    #[inline]
    fn changed(&mut self, key: &[u8]) {
        self.keyspace.dirty_count += 1;
        if !self.keyspace.watches.is_empty() {
            self.keyspace.watches.touch(self.database, key);
        }
    }

    /// Sets a key to a string value, whatever it held.
    pub fn set(&mut self, key: Key<'_>, value: StringValue<'_>, deadline: DeadlineChange) {
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
        self.changed(key.bytes);
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
        self.changed(key.bytes);
        Ok(new)
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
        if let DeadlineChange::At(deadline_ms) = deadline {
            let data = &mut self.keyspace.databases[self.database];
            data.expiry
                .insert(deadline_ms, id.payload(), &mut self.keyspace.entries);
        }
    }

    /// Puts a new entry into the table.
    fn place(&mut self, key: Key<'_>, id: EntryId) {
        let Keyspace {
            databases,
            entries,
            hasher,
            ..
        } = &mut *self.keyspace;
        let hashes = EntryHashes { entries, hasher };
        let table = &mut databases[self.database].table;
        table.insert(key.lookup.hash, id.payload(), &hashes);
    }

    /// Must come before an entry or its deadline changes or it is removed: lets a snapshot read it
    /// out. If true, the snapshot keeps the entry, which must stay as it is and must not be freed.
    #[inline]
    fn is_kept_by_cut(&mut self, id: EntryId) -> bool {
        self.keyspace.cut.is_active() && self.show_to_cut(id)
    }

    #[cold]
    fn show_to_cut(&mut self, id: EntryId) -> bool {
        let Keyspace {
            databases,
            entries,
            cut,
            ..
        } = &mut *self.keyspace;
        let data = &databases[self.database];
        cut.show(data.cut_number, entries, &data.expiry, id) == Shown::Kept
    }

    /// Must come before an entry or its deadline changes in place. Returns the entry to change: a
    /// copy, O(value), if a snapshot keeps the old one.
    #[inline]
    fn before_change(&mut self, location: Location, id: EntryId) -> EntryId {
        if !self.is_kept_by_cut(id) {
            return id;
        }
        let entries = &mut self.keyspace.entries;
        let position = entries.get(id).heap_position();
        let copy = entries.copy(id);
        self.settle(location, id, copy, position);
        copy
    }

    fn replace(
        &mut self,
        location: Location,
        id: EntryId,
        value: StringValue<'_>,
        deadline: DeadlineChange,
    ) {
        let is_kept = self.is_kept_by_cut(id);
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
        if let DeadlineChange::At(deadline_ms) = deadline {
            self.index_deadline(moved, position, deadline_ms);
        }
    }

    /// Tells table and heap where an entry is now.
    #[inline]
    fn settle(&mut self, location: Location, old: EntryId, new: EntryId, heap: Option<u32>) {
        if old == new {
            return;
        }
        let data = &mut self.keyspace.databases[self.database];
        data.table.set_payload(location, new.payload());
        if let Some(position) = heap {
            data.expiry.replace_payload(position, new.payload());
        }
    }

    fn index_deadline(&mut self, id: EntryId, position: Option<u32>, deadline_ms: u64) {
        let entries = &mut self.keyspace.entries;
        let data = &mut self.keyspace.databases[self.database];
        match position {
            Some(position) => data.expiry.update(position, deadline_ms, entries),
            None => data.expiry.insert(deadline_ms, id.payload(), entries),
        }
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
        let is_changed = change(self.keyspace.entries.bytes_mut(moved));
        if is_changed || !found || old_len < len_min {
            self.changed(key.bytes);
        }
        Ok(())
    }

    /// Sets keys to what encoded records say, whatever they held; records whose deadline has come
    /// are left out. Returns how many were set and how many left out.
    ///
    /// # Panics
    /// If the records are malformed.
    pub fn restore_all(&mut self, mut records: &[u8]) -> (u64, u64) {
        let mut group: [Option<(Key<'_>, Record<'_>)>; RESTORE_GROUP] = [None; RESTORE_GROUP];
        let (mut set_count, mut expired_count) = (0, 0);
        while !records.is_empty() {
            let mut len = 0;
            while len < RESTORE_GROUP && !records.is_empty() {
                let record = Record::decode(&mut records).expect("a loader has checked the record");
                let key = self.keyspace.key(record.key);
                group[len] = Some((key, record));
                len += 1;
            }
            let records = group[..len].iter_mut().flatten();
            let keys = records.map(|(key, _)| key);
            self.keyspace.prefetch(self.database, keys);
            for (key, record) in group[..len].iter().flatten() {
                let deadline = record
                    .deadline_ms
                    .map_or(DeadlineChange::Clear, DeadlineChange::At);
                if record
                    .deadline_ms
                    .is_some_and(|deadline_ms| deadline_ms <= self.now_ms)
                {
                    expired_count += 1;
                } else {
                    self.set(*key, record.value, deadline);
                    set_count += 1;
                }
            }
        }
        (set_count, expired_count)
    }

    /// Deletes a key; false if there was none.
    pub fn remove(&mut self, key: Key<'_>) -> bool {
        let Some((location, id)) = self.locate(key) else {
            return false;
        };
        self.remove_at(location, id);
        true
    }

    pub(super) fn remove_at(&mut self, location: Location, id: EntryId) {
        if self.keyspace.watches.is_empty() {
            self.keyspace.dirty_count += 1;
        } else {
            let key = self.keyspace.entries.get(id).key().to_vec();
            self.changed(&key);
        }
        // First of all, while it still has its deadline.
        let is_kept = self.is_kept_by_cut(id);
        let entries = &mut self.keyspace.entries;
        let Database { table, expiry, .. } = &mut self.keyspace.databases[self.database];
        table.remove(location);
        if let Some(position) = entries.get(id).heap_position() {
            expiry.remove(position, entries);
        }
        if !is_kept {
            entries.free(id);
        }
    }

    /// Lets a key expire at a Unix time in milliseconds (a time that has come deletes it); false
    /// if there is no such key.
    pub fn set_deadline(&mut self, key: Key<'_>, deadline_ms: u64) -> bool {
        let Some((location, id)) = self.locate(key) else {
            return false;
        };
        if deadline_ms <= self.now_ms {
            self.remove_at(location, id);
            return true;
        }
        let id = self.before_change(location, id);
        let position = self.keyspace.entries.get(id).heap_position();
        let moved = self.keyspace.entries.set_has_deadline(id, true);
        self.settle(location, id, moved, position);
        self.index_deadline(moved, position, deadline_ms);
        self.changed(key.bytes);
        true
    }

    /// Takes the deadline from a key; false if it had none.
    pub fn persist(&mut self, key: Key<'_>) -> bool {
        let Some((location, id)) = self.locate(key) else {
            return false;
        };
        let entries = &mut self.keyspace.entries;
        let Some(position) = entries.get(id).heap_position() else {
            return false;
        };
        let id = self.before_change(location, id);
        let entries = &mut self.keyspace.entries;
        let data = &mut self.keyspace.databases[self.database];
        data.expiry.remove(position, entries);
        let moved = entries.set_has_deadline(id, false);
        self.settle(location, id, moved, None);
        self.changed(key.bytes);
        true
    }

    /// Sets `target` in `target_database` to the value and deadline of `source`, whatever it held;
    /// false if there is no `source`. O(value). Source and target must differ.
    pub fn copy(&mut self, source: Key<'_>, target_database: usize, target: Key<'_>) -> bool {
        let Some((_, id)) = self.locate(source) else {
            return false;
        };
        let deadline_ms = self.data().deadline_ms(self.keyspace.entries.get(id));
        let mut there = Mutation::new(self.keyspace, target_database, self.now_ms);
        // The old target must be gone before the source is read: removing it can't move the source.
        there.remove(target);
        let has_deadline = deadline_ms.is_some();
        let copy = there
            .keyspace
            .entries
            .duplicate(id, target.bytes, has_deadline);
        there.place(target, copy);
        if let Some(deadline_ms) = deadline_ms {
            there.index_deadline(copy, None, deadline_ms);
        }
        there.changed(target.bytes);
        true
    }

    /// As [`Mutation::copy`], and deletes the source.
    pub fn rename(&mut self, source: Key<'_>, target_database: usize, target: Key<'_>) -> bool {
        self.copy(source, target_database, target) && self.remove(source)
    }

    /// Deletes every key of the database. O(1) beside watched keys; the memory comes back in
    /// slices, see [`Keyspace::free_some`]. Returns how many keys there were.
    pub fn flush(&mut self) -> usize {
        self.touch_watched_keys();
        let dropped = std::mem::take(&mut self.keyspace.databases[self.database]);
        let count = dropped.table.len();
        self.keyspace.dirty_count += count as u64;
        self.keyspace.bury(dropped);
        count
    }

    /// Exchanges the contents of this database and another.
    pub fn swap(&mut self, other: usize) {
        if other == self.database {
            return;
        }
        self.remove_due_watched_keys(other);
        self.touch_watched_keys();
        Mutation::new(self.keyspace, other, self.now_ms).touch_watched_keys();
        self.keyspace.databases.swap(self.database, other);
        // A key that was absent before and is there now has changed, too.
        self.touch_watched_keys();
        Mutation::new(self.keyspace, other, self.now_ms).touch_watched_keys();
        self.keyspace.dirty_count += 1;
    }

    /// Removes due keys that are watched in this database or another from both of them, so that
    /// none comes to the other and counts as there. O(watched keys).
    fn remove_due_watched_keys(&mut self, other: usize) {
        let databases = [self.database, other];
        for key in databases
            .map(|database| self.keyspace.watches.keys(database))
            .concat()
        {
            for database in databases {
                self.keyspace.remove_if_due(database, &key, self.now_ms);
            }
        }
    }

    /// Notes a change of all watched keys that exist in this database. O(watched keys).
    fn touch_watched_keys(&mut self) {
        if self.keyspace.watches.is_empty() {
            return;
        }
        let Keyspace {
            databases,
            entries,
            hasher,
            watches,
            ..
        } = &mut *self.keyspace;
        let data = &databases[self.database];
        watches.touch_where(self.database, |bytes| {
            let lookup = Lookup::new(hasher.hash(bytes));
            data.locate(entries, Key { bytes, lookup }).is_some()
        });
    }
}
