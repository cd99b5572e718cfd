//! Values that come from a snapshot.
//!
//! ```text
//!  string              set
//!  small collection    elements copied into an entry, a new index
//!  begins              an arrival ─▶ pieces added to its trees ─▶ an entry, with the last one
//! ```
//!
//! What is due is left out: keys, and fields of hashes. A collection of which nothing is left is
//! no key.
//!
//! Not here: what every change implies (`mod.rs`); what a record is (`value/record`).

use super::{Changed, DeadlineChange, Missing, Mutation};
use crate::base::hash::KeyHasher;
use crate::keyspace::Key;
use crate::keyspace::arrivals::Arrival;
use crate::keyspace::body::body_of;
use crate::keyspace::entry::EntryId;
use crate::keyspace::event::Event;
use crate::structures::block::integers::{IntegerSet, IntegerSetMut};
use crate::structures::block::{Block, BlockMut, ElementRef, Run, Shape};
use crate::structures::block_tree::HashBytes;
use crate::structures::item::{self, Item};
use crate::value::collection::{Form, PACKED_BYTES_MAX, Trees};
use crate::value::encoding::Encoding;
use crate::value::hash::Hash;
use crate::value::kind::{Kind, WrongType};
use crate::value::record::{Begun, Collected, KeyRecord, Piece, Record, RecordValue};
use arrayvec::ArrayVec;

/// Records that are hashed and whose buckets are asked for before the first of them is set.
const RESTORE_GROUP: usize = 16;

/// A block up to so many elements has no index, so that their tags don't matter.
const UNTAGGED_COUNT_MAX: usize = 16;

/// What became of keys from a snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RestoreCount {
    /// Keys that were set.
    pub set_keys: u64,
    /// Keys that were left out, because they are due or nothing of them is not.
    pub expired_keys: u64,
}

impl RestoreCount {
    fn note(&mut self, is_set: bool) {
        self.set_keys += u64::from(is_set);
        self.expired_keys += u64::from(!is_set);
    }
}

impl Mutation<'_> {
    /// Sets keys to what encoded records say, whatever they held; what is due is left out. A
    /// collection in pieces is set with its last one: [`Keyspace::end_arrivals`] must follow when
    /// no more are to come.
    ///
    /// [`Keyspace::end_arrivals`]: crate::keyspace::Keyspace::end_arrivals
    ///
    /// # Panics
    /// If the records are malformed, or pieces don't fit each other.
    pub fn restore_all(&mut self, records: &[u8]) -> RestoreCount {
        let mut count = RestoreCount::default();
        let mut group = ArrayVec::new();
        for record in Record::all(records) {
            match record {
                Record::Key(record) => {
                    group.push((self.keyspace.key(record.key), record));
                    if group.is_full() {
                        self.restore_group(&mut group, &mut count);
                    }
                }
                Record::Piece(piece) => {
                    self.restore_group(&mut group, &mut count);
                    self.add_piece(&piece, &mut count);
                }
            }
        }
        self.restore_group(&mut group, &mut count);
        count
    }

    fn restore_group(
        &mut self,
        group: &mut ArrayVec<(Key<'_>, KeyRecord<'_>), RESTORE_GROUP>,
        count: &mut RestoreCount,
    ) {
        let keys = group.iter_mut().map(|(key, _)| key);
        self.keyspace.prefetch(self.database, keys);
        for (key, record) in group.drain(..) {
            self.restore(key, record, count);
        }
    }

    /// Sets a key to the value of a record that is whole and was checked, whatever it held; false
    /// if it is due, or nothing of it is left: then it is as it was.
    pub fn restore_one(&mut self, record: KeyRecord<'_>) -> bool {
        let mut count = RestoreCount::default();
        self.restore(self.keyspace.key(record.key), record, &mut count);
        count.set_keys == 1
    }

    /// Adds elements to a large collection, which is made if it is not there. Not of scored ones.
    pub(in crate::keyspace) fn add_run(&mut self, key: Key<'_>, kind: Kind, run: &Run<'_>) {
        let number = match self.locate(key) {
            Some((_, id)) => self.keyspace.entries.get(id).large(),
            None => {
                let number = self.new_trees(kind, Encoding::Outgrown);
                let id = self.entry_of_large(key, kind, number);
                self.place(key, id);
                Some(number)
            }
        };
        let number = number.expect("it was made large");
        let (collections, memory) = self.keyspace.entries.collections_mut();
        let trees = collections.get_mut(number);
        trees.append(memory, run.elements());
        collections.note_change(number);
    }

    fn restore(&mut self, key: Key<'_>, record: KeyRecord<'_>, count: &mut RestoreCount) {
        let deadline_ms = record.deadline_ms;
        let is_due = deadline_ms.is_some_and(|deadline_ms| deadline_ms <= self.now_ms);
        match record.value {
            RecordValue::Begun(begun) => self.begin_arrival(&begun, record, is_due),
            RecordValue::Collection(_) | RecordValue::String(_) if is_due => count.note(false),
            RecordValue::Collection(collected) => {
                let is_set = self.restore_collection(key, &collected, deadline_ms);
                count.note(is_set);
            }
            RecordValue::String(value) => {
                let deadline = deadline_ms.map_or(DeadlineChange::Clear, DeadlineChange::At);
                self.put(key, value, deadline, Event::Restore);
                count.note(true);
            }
        }
    }

    /// Sets a key to a small collection; false if nothing of it is left.
    fn restore_collection(
        &mut self,
        key: Key<'_>,
        collected: &Collected<'_>,
        deadline_ms: Option<u64>,
    ) -> bool {
        let now_ms = self.now_ms;
        let there = || {
            collected
                .run
                .elements()
                .filter(|element| is_there(*element, now_ms))
        };
        let has_deadlines = has_deadlines(&collected.run);
        let (count, len) = match has_deadlines {
            true => there().fold((0, 0), |(count, len), element| {
                (count + 1, len + element.bytes().len())
            }),
            false => (collected.run.count(), collected.run.bytes().len()),
        };
        if count == 0 {
            return false;
        }
        self.take_old_out(key);
        let widest = widest_integer(collected);
        let packed_len = match widest {
            Some(widest) => IntegerSet::len_of(collected.run.count(), widest),
            None => {
                let shape = collected.run.shape();
                Block::len_of(shape, shape != Shape::List, count, len)
            }
        };
        let id = if packed_len > PACKED_BYTES_MAX {
            let encoding = without_integers(collected.encoding);
            let number = self.new_trees(collected.kind, encoding);
            let (collections, memory) = self.keyspace.entries.collections_mut();
            collections.get_mut(number).append(memory, there());
            self.entry_of_large(key, collected.kind, number)
        } else {
            let id = self.new_entry(key, collected.kind, packed_len);
            match widest {
                Some(widest) => self.fill_integers(id, widest, &collected.run),
                None if has_deadlines => self.push_all(id, collected, count, there()),
                None => self.fill_block(id, collected),
            }
            id
        };
        self.settle_restored(key, id, deadline_ms);
        true
    }

    /// Takes the value out that a key has, of which nobody hears.
    fn take_old_out(&mut self, key: Key<'_>) {
        if let Some((location, old)) = self.locate(key) {
            self.keyspace.dirty_count += 1;
            self.take_out(location, old);
        }
    }

    /// A new entry for a collection that takes so many bytes there.
    fn new_entry(&mut self, key: Key<'_>, kind: Kind, len: usize) -> EntryId {
        self.keyspace.note_growth();
        let bytes = key.bytes.len() + len;
        let hash = key.lookup.hash;
        let access_bits = self.keyspace.used_first(hash, bytes, self.now_ms);
        let entries = &mut self.keyspace.entries;
        entries.allocate_collection(key.bytes, kind, len, access_bits)
    }

    fn fill_integers(&mut self, id: EntryId, widest: i64, run: &Run<'_>) {
        let entries = &mut self.keyspace.entries;
        let values = run.elements().filter_map(integer);
        IntegerSetMut::create_of(entries.collection_mut(id), widest, values);
        entries.set_integers(id, true);
    }

    /// A new block for so many elements, with what its tags are made by.
    fn new_block(
        &mut self,
        id: EntryId,
        collected: &Collected<'_>,
        count: usize,
    ) -> (BlockMut<'_>, KeyHasher) {
        let shape = collected.run.shape();
        let is_tagged = shape != Shape::List;
        let entries = &mut self.keyspace.entries;
        let hasher = entries.memory().hasher.clone();
        let mut block = BlockMut::create(entries.collection_mut(id), shape, is_tagged, count);
        block.set_owner_bits(without_integers(collected.encoding) as u8);
        (block, hasher)
    }

    /// Puts all elements into a new entry, none of which has a deadline.
    fn fill_block(&mut self, id: EntryId, collected: &Collected<'_>) {
        let (mut block, hasher) = self.new_block(id, collected, collected.run.count());
        block.fill(&collected.run, &|key| hasher.hash_bytes(key));
    }

    /// Puts some of the elements into a new entry.
    fn push_all<'e>(
        &mut self,
        id: EntryId,
        collected: &Collected<'_>,
        count: usize,
        elements: impl Iterator<Item = ElementRef<'e>>,
    ) {
        let (mut block, hasher) = self.new_block(id, collected, count);
        let has_tags = collected.run.shape() != Shape::List && count > UNTAGGED_COUNT_MAX;
        for element in elements {
            let tag = match has_tags {
                true => hasher.hash_bytes(item::hashed_part(element.key_bytes())) as u8,
                false => 0,
            };
            block.push(element.bytes(), tag);
        }
    }

    /// Trees for a large collection that no entry has yet; their number.
    fn new_trees(&mut self, kind: Kind, encoding: Encoding) -> u32 {
        let (collections, _) = self.keyspace.entries.collections_mut();
        collections.add(|owner| Trees::empty(kind, owner, encoding))
    }

    fn entry_of_large(&mut self, key: Key<'_>, kind: Kind, number: u32) -> EntryId {
        let id = self.new_entry(key, kind, size_of::<u32>());
        self.keyspace.entries.set_large(id, number)
    }

    /// Puts a new entry of a restored collection where it belongs.
    fn settle_restored(&mut self, key: Key<'_>, id: EntryId, deadline_ms: Option<u64>) {
        let has_deadline = deadline_ms.is_some();
        let id = self.keyspace.entries.set_has_deadline(id, has_deadline);
        self.place(key, id);
        if let Some(deadline_ms) = deadline_ms {
            self.index_deadline(id, None, deadline_ms);
        }
        self.note_field_deadlines(key.bytes, id);
        self.keep_large_with_deadlines(key, id);
        self.changed(key.bytes, Event::Restore);
    }

    /// Makes a small hash large if its fields have deadlines: only so the heap can know them.
    fn keep_large_with_deadlines(&mut self, key: Key<'_>, id: EntryId) {
        let body = body_of(&self.keyspace.entries, id, self.now_ms);
        let has_deadlines = matches!(body.form, Form::Packed(block) if block.may_have_deadlines());
        if has_deadlines {
            let enlarged = self.change::<Hash, (), WrongType>(key, Missing::Skip, |hash| {
                hash.enlarge();
                Ok(Changed {
                    result: (),
                    event: None,
                })
            });
            enlarged.expect("the key holds a hash");
        }
    }

    fn begin_arrival(&mut self, begun: &Begun, record: KeyRecord<'_>, is_due: bool) {
        let encoding = without_integers(begun.encoding);
        let collection = (!is_due).then(|| self.new_trees(begun.kind, encoding));
        let arrival = Arrival {
            key: record.key.to_vec(),
            kind: begun.kind,
            deadline_ms: record.deadline_ms,
            collection,
            left: begun.count,
        };
        let before = self.keyspace.arrivals.open.insert(begun.number, arrival);
        assert!(before.is_none(), "a loader has checked that it is not open");
    }

    /// Adds elements to a collection that is arriving, and sets its key with the last one.
    fn add_piece(&mut self, piece: &Piece<'_>, count: &mut RestoreCount) {
        let now_ms = self.now_ms;
        let open = &mut self.keyspace.arrivals.open;
        let arrival = open.get_mut(&piece.number);
        let arrival = arrival.expect("a loader has checked that it has begun");
        arrival.left -= piece.run.count() as u64;
        let is_whole = arrival.left == 0;
        if let Some(number) = arrival.collection {
            let elements = piece.run.elements();
            let there = elements.filter(|element| is_there(*element, now_ms));
            let (collections, memory) = self.keyspace.entries.collections_mut();
            collections.get_mut(number).append(memory, there);
        }
        if is_whole && let Some(arrival) = self.keyspace.arrivals.open.remove(&piece.number) {
            let is_set = self.end_arrival(&arrival);
            count.note(is_set);
        }
    }

    /// Sets the key of a collection that has arrived; false if nothing of it is left.
    fn end_arrival(&mut self, arrival: &Arrival) -> bool {
        let Some(number) = arrival.collection else {
            return false;
        };
        let (collections, _) = self.keyspace.entries.collections_mut();
        if collections.get(number).members.is_empty() {
            collections.drop_soon(number);
            return false;
        }
        let key = self.keyspace.key(&arrival.key);
        self.take_old_out(key);
        let id = self.entry_of_large(key, arrival.kind, number);
        self.settle_restored(key, id, arrival.deadline_ms);
        true
    }
}

fn is_there(element: ElementRef<'_>, now_ms: u64) -> bool {
    element.deadline().is_none_or(|due_ms| due_ms > now_ms)
}

/// Whether elements of the run have deadlines, as those of hashes may. O(elements) for them.
fn has_deadlines(run: &Run<'_>) -> bool {
    run.shape() == Shape::Map && run.elements().any(|element| element.deadline().is_some())
}

fn integer(element: ElementRef<'_>) -> Option<i64> {
    match element.key() {
        Item::Integer(value) => Some(value),
        Item::Text(_) | Item::Double(_) => None,
    }
}

/// The integer that needs the most bytes, of a collection that is a sorted array because it is one
/// of integers that is small enough.
fn widest_integer(collected: &Collected<'_>) -> Option<i64> {
    if collected.encoding != Encoding::Integers {
        return None;
    }
    let values = collected.run.elements().filter_map(integer);
    // A negative one needs as much as the one that its other bits are.
    let widest = values.max_by_key(|value| value ^ value >> 63)?;
    let len = IntegerSet::len_of(collected.run.count(), widest);
    (len <= PACKED_BYTES_MAX).then_some(widest)
}

/// The encoding of elements that are kept in blocks.
pub(in crate::keyspace) fn without_integers(encoding: Encoding) -> Encoding {
    match encoding {
        Encoding::Integers => Encoding::Outgrown,
        Encoding::Small | Encoding::Outgrown => encoding,
    }
}
