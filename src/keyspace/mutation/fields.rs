//! Deadlines of fields: the heap that knows them, and the end of fields that are due.
//!
//! ```text
//!  heap of the database ─▶ number of a hash ─▶ key ─▶ entry ─▶ tree: its next due field
//! ```
//!
//! A hash stands in the heap under the least deadline of its fields. Each change of a hash ends
//! with [`Mutation::note_field_deadlines`], and an entry that goes or gets another value begins
//! with [`Mutation::forget_field_deadlines`]; so the heap is right between changes.
//!
//! Cost: while no hash has such deadlines, one comparison for an entry that goes, and a look at the
//! root of a large collection that was changed.
//!
//! Not here: who asks for the removal of due fields (`keyspace/expiry.rs`), what a field's deadline
//! means to readers (`value/hash.rs`).

use super::Mutation;
use crate::keyspace::entry::EntryId;
use crate::keyspace::event::Event;

impl Mutation<'_> {
    /// Tells the heap which deadline of a field is the least of an entry's value, if it is a hash
    /// that has any.
    pub(super) fn note_field_deadlines(&mut self, key: &[u8], id: EntryId) {
        if let Some(number) = self.keyspace.entries.get(id).large() {
            self.note_deadlines_of(key, number);
        }
    }

    /// The same of a large collection.
    #[inline]
    pub(super) fn note_deadlines_of(&mut self, key: &[u8], number: u32) {
        let (collections, memory) = self.keyspace.entries.collections_mut();
        let deadline_ms = collections.get(number).members.next_deadline(memory);
        if deadline_ms.is_some() || collections.due_position(number).is_some() {
            self.note_least_deadline(key, number, deadline_ms);
        }
    }

    fn note_least_deadline(&mut self, key: &[u8], number: u32, deadline_ms: Option<u64>) {
        let heap = &mut self.keyspace.databases[self.database].field_expiry;
        let (collections, _) = self.keyspace.entries.collections_mut();
        match (collections.due_position(number), deadline_ms) {
            (None, None) => {}
            (None, Some(deadline_ms)) => {
                collections.begin_due(number, key);
                // Not `note_deadline_in`: the heap is borrowed.
                let reach = &mut self.keyspace.deadlines_reach;
                *reach = (*reach).max(self.database + 1);
                heap.insert(deadline_ms, u64::from(number), collections);
            }
            (Some(position), Some(deadline_ms)) => {
                if heap.deadline_at(position) != deadline_ms {
                    heap.update(position, deadline_ms, collections);
                }
            }
            (Some(position), None) => {
                heap.remove(position, collections);
                collections.end_due(number);
            }
        }
    }

    /// Takes the value of an entry, which is about to lose it, out of the heap if it stands there.
    #[inline]
    pub(super) fn forget_field_deadlines(&mut self, id: EntryId) {
        if !self.data().field_expiry.is_empty() {
            self.forget_deadlines_of(id);
        }
    }

    #[cold]
    fn forget_deadlines_of(&mut self, id: EntryId) {
        let heap = &mut self.keyspace.databases[self.database].field_expiry;
        let entries = &mut self.keyspace.entries;
        if let Some(number) = entries.get(id).large() {
            let (collections, _) = entries.collections_mut();
            if let Some(position) = collections.due_position(number) {
                heap.remove(position, collections);
                collections.end_due(number);
            }
        }
    }

    /// Removes up to `limit`, at least one, of the due fields of a hash that has any, and its key
    /// if no field is left; returns how many. O(log fields) a field.
    pub(in crate::keyspace) fn remove_due_fields(&mut self, number: u32, limit: usize) -> usize {
        let key_bytes = self.keyspace.entries.collections().due_key(number).to_vec();
        let key = self.keyspace.key(&key_bytes);
        let Some((location, id)) = self.locate(key) else {
            // The key was due itself, and is gone with all of its fields.
            return 0;
        };
        let id = self.before_change(location, id);
        let mut removed = 0;
        while removed < limit
            && let Some(lag_ms) = self.remove_due_field(number)
        {
            self.keyspace.expired.fields.record(lag_ms);
            removed += 1;
        }
        assert!(removed > 0, "the heap names hashes with due fields only");
        self.note_large_change(&key_bytes, id);
        self.changed(&key_bytes, Event::HashExpired);
        if self.is_empty_collection(id) {
            self.remove_at(location, id, Event::Del);
        }
        removed
    }

    /// Removes the field of a hash that is due first, if it is due; returns for how long it was.
    fn remove_due_field(&mut self, number: u32) -> Option<u64> {
        let now_ms = self.now_ms;
        let (collections, memory) = self.keyspace.entries.collections_mut();
        let fields = &mut collections.get_mut(number).members;
        let deadline_ms = fields.next_deadline(memory)?;
        let lag_ms = now_ms.checked_sub(deadline_ms)?;
        let place = fields.locate_next_due(memory)?;
        fields.remove(memory, place);
        Some(lag_ms)
    }
}

#[cfg(test)]
mod tests;
