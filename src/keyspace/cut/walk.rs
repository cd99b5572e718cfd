//! One step of the walk: a bounded part of a table is read out.
//!
//! The cursor is that of a scan ([`crate::structures::hash_table::HashTable::scan`]). A bucket
//! whose entries are too many for one step is scanned again by the next, which passes what has been
//! seen.
//!
//! Cost: some ten microseconds a step; the entries of some buckets are asked for together.
//!
//! Not here: what is read out how (`mod.rs`).

use super::{Cut, STEP_BYTES};
use crate::keyspace::database::Database;
use crate::keyspace::entry::{EntryId, EntryStore};

/// Entries that one step looks at, but for the rest of a bucket.
pub(super) const STEP_KEYS: usize = 256;

/// Buckets whose entries are asked for at once: as many lines as a core has under way.
const BUCKETS_AHEAD: usize = 4;

/// How far one step has come.
#[derive(Default)]
struct Step {
    looked_keys: usize,
    read_keys: usize,
    read_bytes: usize,
    /// Something unseen was left out of the last bucket.
    is_cut_short: bool,
}

impl Step {
    fn may_begin_bucket(&self) -> bool {
        !self.is_cut_short && self.looked_keys < STEP_KEYS && self.read_bytes < STEP_BYTES
    }

    /// Whether the next unseen entry may be read out. Only what was read out counts, so that every
    /// step gets on, however many entries one bucket has.
    fn may_read(&self) -> bool {
        !self.is_cut_short && self.read_keys < STEP_KEYS && self.read_bytes < STEP_BYTES
    }
}

impl Cut {
    /// Does one step of the walk over a database.
    pub(super) fn walk(&mut self, data: &mut Database, entries: &mut EntryStore) {
        let mut cursor = data.cut_cursor.expect("the walk is not through");
        let mut step = Step::default();
        let mut is_through = false;
        while !is_through && step.may_begin_bucket() {
            let mut ahead = cursor;
            for _ in 0..BUCKETS_AHEAD {
                let ask = |payload| EntryId::from_payload(payload).prefetch();
                ahead = data.table.scan(ahead, ask);
            }
            for _ in 0..BUCKETS_AHEAD {
                let next = data.table.scan(cursor, |payload| {
                    self.look(data, entries, EntryId::from_payload(payload), &mut step);
                });
                if step.is_cut_short {
                    break;
                }
                cursor = next;
                is_through = next == 0;
                if is_through || !step.may_begin_bucket() {
                    break;
                }
            }
        }
        data.cut_cursor = (!is_through).then_some(cursor);
    }

    /// Looks at one entry, and reads it out if it is unseen. A long one ends the step: it stays
    /// unseen until all its slices have been read.
    fn look(&mut self, data: &Database, entries: &mut EntryStore, id: EntryId, step: &mut Step) {
        step.looked_keys += 1;
        if entries.is_seen(id) {
            return;
        }
        if !step.may_read() || self.read_if_long(data, entries, id) {
            step.is_cut_short = true;
            return;
        }
        // A collection that was frozen is written before the walk goes on.
        step.is_cut_short = entries.get(id).large().is_some();
        step.read_keys += 1;
        step.read_bytes += self.read_out(data.cut_number, entries, &data.expiry, id);
    }
}
