//! Values that come from another key: copies and new names.
//!
//! Not here: what every change implies (`mod.rs`).

use super::Mutation;
use crate::keyspace::Key;
use crate::keyspace::entry::EntryId;
use crate::keyspace::event::Event;

impl Mutation<'_> {
    /// Sets `target` in `target_database` to the value and deadline of `source`, whatever it held;
    /// false if there is no `source`. O(value). Source and target must differ.
    pub fn copy(&mut self, source: Key<'_>, target_database: usize, target: Key<'_>) -> bool {
        let copied = self.duplicate(source, target_database, target);
        if let Some(copy) = copied {
            self.keyspace.entries.copy_large(copy);
            let mut there = Mutation::new(self.keyspace, target_database, self.now_ms);
            there.changed(target.bytes, Event::CopyTo);
        }
        copied.is_some()
    }

    /// As [`Mutation::copy`], and deletes the source.
    pub fn rename(&mut self, source: Key<'_>, target_database: usize, target: Key<'_>) -> bool {
        if self.duplicate(source, target_database, target).is_none() {
            return false;
        }
        if let Some((_, id)) = self.locate(source)
            && self.keyspace.entries.get(id).large().is_some()
        {
            // The snapshot must see the source while it has its value.
            self.is_kept_by_cut(id);
            self.keyspace.entries.disown(id);
        }
        let (from, to) = match target_database == self.database {
            true => (Event::RenameFrom, Event::RenameTo),
            false => (Event::MoveFrom, Event::MoveTo),
        };
        let is_removed = self.remove_for(source, from);
        let mut there = Mutation::new(self.keyspace, target_database, self.now_ms);
        there.changed(target.bytes, to);
        is_removed
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
        if let Some(deadline_ms) = deadline_ms {
            there.index_deadline(copy, None, deadline_ms);
        }
        Some(copy)
    }
}
