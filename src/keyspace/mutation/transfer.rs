//! Values that come from another key, or from the workshop: copies, new names, what was built.
//!
//! Not here: what every change implies (`mod.rs`).

use super::Mutation;
use crate::keyspace::entry::EntryId;
use crate::keyspace::event::Event;
use crate::keyspace::{FrozenId, Key};
use crate::value::kind::Kind;

impl Mutation<'_> {
    /// Sets `target` in `target_database` to the value and deadline of `source`, whatever it held;
    /// false if there is no `source`. O(value). Source and target must differ.
    pub fn copy(&mut self, source: Key<'_>, target_database: usize, target: Key<'_>) -> bool {
        let copied = self.duplicate(source, target_database, target);
        if let Some(copy) = copied {
            self.keyspace.entries.copy_large(copy);
            let mut there = Mutation::new(self.keyspace, target_database, self.now_ms);
            there.note_field_deadlines(target.bytes, copy);
            there.changed(target.bytes, Event::CopyTo);
        }
        copied.is_some()
    }

    /// As [`Mutation::copy`], and deletes the source.
    pub fn rename(&mut self, source: Key<'_>, target_database: usize, target: Key<'_>) -> bool {
        let Some(copy) = self.duplicate(source, target_database, target) else {
            return false;
        };
        if let Some((_, id)) = self.locate(source)
            && self.keyspace.entries.get(id).large().is_some()
        {
            // The snapshot must see the source while it has its value.
            self.is_kept_by_cut(id);
            self.forget_field_deadlines(id);
            self.keyspace.entries.disown(id);
        }
        let (from, to) = match target_database == self.database {
            true => (Event::RenameFrom, Event::RenameTo),
            false => (Event::MoveFrom, Event::MoveTo),
        };
        let is_removed = self.remove_for(source, from);
        let mut there = Mutation::new(self.keyspace, target_database, self.now_ms);
        there.note_field_deadlines(target.bytes, copy);
        there.changed(target.bytes, to);
        is_removed
    }

    /// Begins a key with an empty copy of a frozen collection of this kind.
    pub(in crate::keyspace) fn begin_copy(&mut self, key: Key<'_>, frozen: FrozenId, kind: Kind) {
        let entries = &mut self.keyspace.entries;
        let (collections, _) = entries.collections_mut();
        let number = collections.begin_copy(frozen);
        let id = entries.allocate_collection(key.bytes, kind, size_of::<u32>(), 0);
        let id = entries.set_large(id, number);
        self.place(key, id);
    }

    /// Gives `target` in another database what `source` holds, which is gone then, with a deadline
    /// of its own; nobody hears of that, only what happened to the target. A deadline that has come
    /// deletes the target. False if there is no `source`.
    pub(in crate::keyspace) fn hand_over(
        &mut self,
        source: Key<'_>,
        target_database: usize,
        target: Key<'_>,
        deadline_ms: Option<u64>,
        event: Event,
    ) -> bool {
        let Some(copy) = self.duplicate(source, target_database, target) else {
            return false;
        };
        if let Some((location, id)) = self.locate(source) {
            self.forget_field_deadlines(id);
            self.keyspace.entries.disown(id);
            self.take_out(location, id);
        }
        let mut there = Mutation::new(self.keyspace, target_database, self.now_ms);
        let mut placed = copy;
        if let Some(deadline_ms) = deadline_ms {
            let (location, _) = there.locate(target).expect("the copy was put there");
            placed = there.keyspace.entries.set_has_deadline(copy, true);
            there.settle(location, copy, placed, None);
            there.index_deadline(placed, None, deadline_ms);
        }
        there.note_field_deadlines(target.bytes, placed);
        there.changed(target.bytes, event);
        true
    }

    /// Makes the copy; the caller says what it was for. Both entries name the same large
    /// collection then, if it is one: the caller must take it from the source or copy it.
    fn duplicate(
        &mut self,
        source: Key<'_>,
        target_database: usize,
        target: Key<'_>,
    ) -> Option<EntryId> {
        let (_, id) = self.locate(source)?;
        let deadline_ms = self.data().deadline_ms(self.keyspace.entries.get(id));
        let mut there = Mutation::new(self.keyspace, target_database, self.now_ms);
        // The old target must be gone before the source is read: removing it can't move the source.
        // Nobody hears of that, as of no value that another takes the place of.
        if let Some((location, old)) = there.locate(target) {
            there.keyspace.dirty_count += 1;
            there.take_out(location, old);
        }
        let has_deadline = deadline_ms.is_some();
        let copy = there
            .keyspace
            .entries
            .duplicate(id, target.bytes, has_deadline);
        there.place(target, copy);
        there.announce(target.bytes, Event::New);
        if let Some(deadline_ms) = deadline_ms {
            there.index_deadline(copy, None, deadline_ms);
        }
        Some(copy)
    }
}
