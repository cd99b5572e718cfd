//! The one way to change a key (invariant I4).
//!
//! | file | changes |
//! |---|---|
//! | `mod.rs` | keys of any kind: removal, deadlines, databases; and what every change implies |
//! | `string.rs` | strings |
//! | `collection.rs` | collections of all types |
//! | `fields.rs` | what deadlines of fields imply: the heap of them, fields that are due |
//! | `restore.rs` | values that come from a snapshot |
//! | `transfer.rs` | values that come from another key, or from the workshop |
//!
//! Whatever a change implies besides the entry itself is done here and nowhere else: the expiry
//! index, the memory count (in `entry.rs`, which only this folder and `graveyard.rs` ask to
//! allocate or free), the snapshot cut ([`Mutation::is_kept_by_cut`]), the dirty count, and what
//! those hear who are interested in the key ([`Mutation::changed`]).
//!
//! Every method first removes the key if it is due, so no change ever sees an expired value.
//!
//! Not here: types and replies of commands (`command/`); who is interested (`interest/`).

mod collection;
mod fields;
mod restore;
mod string;
mod transfer;

use super::cut::Shown;
use super::database::EntryHashes;
use super::entry::{EntryId, EntryRef};
use super::event::Event;
use super::interest::RemovalReason;
use super::{Database, Key, Keyspace, Lookup};
use crate::structures::hash_table::Location;
pub use collection::{Changed, EntryHome, Missing};
pub use restore::RestoreCount;
pub(super) use restore::without_integers;
pub use string::CountError;

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
        (self.keyspace).count_access(self.database, key, self.now_ms);
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

    /// Counts a change of a key, and tells those who are interested in it.
    #[inline]
    fn changed(&mut self, key: &[u8], event: Event) {
        self.keyspace.dirty_count += 1;
        if !self.keyspace.interests.is_empty() {
            self.keyspace.interests.note(self.database, key, event);
        }
    }

    /// Tells those who listen to key events of one that is no change of its own.
    #[inline]
    fn announce(&mut self, key: &[u8], event: Event) {
        if !self.keyspace.interests.is_empty() {
            self.keyspace.interests.announce(self.database, key, event);
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
        self.keyspace.note_arrival(self.database, key, id);
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
        self.keyspace.note_deadline_in(self.database);
        let entries = &mut self.keyspace.entries;
        let data = &mut self.keyspace.databases[self.database];
        match position {
            Some(position) => data.expiry.update(position, deadline_ms, entries),
            None => data.expiry.insert(deadline_ms, id.payload(), entries),
        }
    }

    /// Deletes a key; false if there was none.
    pub fn remove(&mut self, key: Key<'_>) -> bool {
        self.remove_for(key, Event::Del)
    }

    fn remove_for(&mut self, key: Key<'_>, event: Event) -> bool {
        let Some((location, id)) = self.locate(key) else {
            return false;
        };
        self.remove_at(location, id, event);
        true
    }

    pub(super) fn remove_at(&mut self, location: Location, id: EntryId, event: Event) {
        (self.keyspace).note_departure(self.database, id, event, self.now_ms);
        if self.keyspace.interests.is_empty() {
            self.keyspace.dirty_count += 1;
        } else {
            let key = self.keyspace.entries.get(id).key().to_vec();
            self.note_departed(id, RemovalReason::of(event));
            self.changed(&key, event);
        }
        self.take_out(location, id);
    }

    /// Tells the program that listens of a string that goes. Must come before it does.
    #[inline]
    fn note_departed(&mut self, id: EntryId, reason: RemovalReason) {
        if self.keyspace.interests.keeps_departed() {
            self.keep_departed(id, reason);
        }
    }

    #[cold]
    fn keep_departed(&mut self, id: EntryId, reason: RemovalReason) {
        let Keyspace {
            entries, interests, ..
        } = &mut *self.keyspace;
        let entry = entries.get(id);
        if let Ok(value) = entry.as_string() {
            let mut buffer = itoa::Buffer::new();
            interests.note_departed(entry.key(), value.text(&mut buffer), reason);
        }
    }

    /// Takes an entry out of table and heap, and frees it unless a snapshot keeps it.
    fn take_out(&mut self, location: Location, id: EntryId) {
        // First of all, while it still has its deadline.
        let is_kept = self.is_kept_by_cut(id);
        self.forget_field_deadlines(id);
        let entries = &mut self.keyspace.entries;
        let Database { table, expiry, .. } = &mut self.keyspace.databases[self.database];
        table.remove(location);
        if let Some(position) = entries.get(id).heap_position() {
            expiry.remove(position, entries);
        }
        if !is_kept {
            entries.free(id);
            // A large collection that is frozen now is there for the snapshot alone.
            self.keyspace.cut.check_budget(&self.keyspace.entries);
        }
    }

    /// Lets a key expire at a Unix time in milliseconds (a time that has come deletes it); false
    /// if there is no such key.
    pub fn set_deadline(&mut self, key: Key<'_>, deadline_ms: u64) -> bool {
        let Some((location, id)) = self.locate(key) else {
            return false;
        };
        if deadline_ms <= self.now_ms {
            self.remove_at(location, id, Event::Del);
            return true;
        }
        let id = self.before_change(location, id);
        let position = self.keyspace.entries.get(id).heap_position();
        let moved = self.keyspace.entries.set_has_deadline(id, true);
        self.settle(location, id, moved, position);
        self.index_deadline(moved, position, deadline_ms);
        self.changed(key.bytes, Event::Expire);
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
        self.changed(key.bytes, Event::Persist);
        true
    }

    /// Deletes every key of the database. O(1) beside watched keys; the memory comes back in
    /// slices, see [`Keyspace::free_some`]. Returns how many keys there were.
    pub fn flush(&mut self) -> usize {
        self.keyspace.interests.note_all();
        self.touch_watched_keys();
        let dropped = std::mem::take(&mut self.keyspace.databases[self.database]);
        let count = dropped.table.len();
        self.keyspace.note_flush(self.database, self.now_ms);
        self.keyspace.dirty_count += count as u64;
        self.keyspace.bury(dropped);
        count
    }

    /// Exchanges the contents of this database and another.
    pub fn swap(&mut self, other: usize) {
        if other == self.database {
            return;
        }
        self.keyspace.interests.note_all();
        self.remove_due_watched_keys(other);
        self.touch_watched_keys();
        Mutation::new(self.keyspace, other, self.now_ms).touch_watched_keys();
        self.keyspace.databases.swap(self.database, other);
        self.keyspace.note_deadline_in(self.database.max(other));
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
            .map(|database| self.keyspace.interests.keys(database))
            .concat()
        {
            for database in databases {
                self.keyspace.remove_if_due(database, &key, self.now_ms);
            }
        }
    }

    /// Notes a change of all watched keys that exist in this database. O(watched keys).
    fn touch_watched_keys(&mut self) {
        if self.keyspace.interests.is_empty() {
            return;
        }
        let Keyspace {
            databases,
            entries,
            hasher,
            interests,
            ..
        } = &mut *self.keyspace;
        let data = &databases[self.database];
        interests.note_where(self.database, |bytes| {
            let lookup = Lookup::new(hasher.hash(bytes));
            data.locate(entries, Key { bytes, lookup }).is_some()
        });
    }
}
