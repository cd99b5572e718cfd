//! Streams, read.
//!
//! Cost: O(log n) to find anything; a walk reads memory in order, and back a chunk at a time.
//!
//! Not here: changes (`write.rs`, `groups.rs`).

use super::chunk::{Chunk, Entry};
use super::id::StreamId;
use super::rows::{
    AFTER_CONSUMERS, CONSUMERS_KEY, Consumer, GROUPS_SCORE, Head, NAME_KEY, Owner, Pending,
    StreamGroup, consumer_key, name_in, name_key,
};
use super::text_of;
use crate::structures::block::{ElementRef, Shape};
use crate::structures::block_tree::{BlockStore, Place, Tree, View};
use crate::structures::item::score_order;
use crate::value::collection::{Body, Form};
use std::cell::OnceCell;
use std::cmp::Ordering;
use std::ops::Range;

/// A stream to be read.
pub struct StreamRef<'a, S> {
    view: View,
    store: &'a S,
}

impl<S> Clone for StreamRef<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for StreamRef<'_, S> {}

impl<'a, S: BlockStore> From<Body<'a, S>> for StreamRef<'a, S> {
    fn from(body: Body<'a, S>) -> Self {
        let view = match body.form {
            Form::Large(trees) => trees.members.current(),
            // It has only just begun.
            Form::Packed(_) | Form::Integers(_) => Tree::new(Shape::Scored, 0).current(),
        };
        Self::new(view, body.store)
    }
}

/// How the text of a row stands to a key that no other begins.
pub(super) fn compare_key(text: &[u8], key: &[u8]) -> Ordering {
    text.get(..key.len()).unwrap_or(text).cmp(key)
}

/// Where the row of a score stands whose text begins with `key`, which at most one does, or would
/// stand.
pub(super) fn locate<S: BlockStore>(view: &View, store: &S, score: f64, key: &[u8]) -> Place {
    let compare = |element: ElementRef<'_>| compare_key(text_of(element), key);
    view.locate_by(store, score_order(score), compare)
}

/// A row that was found, to be written again after it was changed.
#[derive(Clone, Debug)]
pub struct Found<T> {
    /// What it says.
    pub row: T,
    /// Where it stands until the tree changes.
    pub(super) place: Place,
}

impl<'a, S: BlockStore> StreamRef<'a, S> {
    /// The stream of a state of its tree.
    pub fn new(view: View, store: &'a S) -> Self {
        Self { view, store }
    }

    /// What it knows of itself.
    #[inline]
    pub fn head(&self) -> Head {
        let first = self.view.get_rank(self.store, 0);
        let head = first.and_then(|first| Head::read(text_of(first)));
        head.unwrap_or_default()
    }

    /// How many entries there are.
    #[allow(clippy::len_without_is_empty)] // Nobody asks whether there are none.
    pub fn len(&self) -> u64 {
        self.head().len
    }

    /// Bytes that an entry takes on average, if there is one: about what its chunk has for it.
    pub fn entry_bytes(&self) -> u64 {
        let last = self.chunk_at(self.view.len().saturating_sub(1));
        last.map_or(0, |chunk| chunk.used_len() as u64 / chunk.count().max(1))
    }

    /// How many rows there are of groups, consumers and pending entries, and one for the head.
    pub fn row_count(&self) -> u64 {
        self.first_chunk()
    }

    /// How many chunks its entries are in.
    pub fn chunk_count(&self) -> u64 {
        self.view.len() - self.first_chunk()
    }

    /// The rank of the first chunk, or the end.
    pub(super) fn first_chunk(&self) -> u64 {
        // Only groups stand between the head and it.
        match self.chunk_at(1) {
            Some(_) => 1,
            None => self.rank_of(0.0, &[]),
        }
    }

    /// The first chunk, if there is one.
    pub(super) fn first_of_chunks(&self) -> Option<Chunk<'a>> {
        let first = self.chunk_at(1);
        first.or_else(|| self.chunk_at(self.rank_of(0.0, &[])))
    }

    /// The rank of the first row of a score whose text is not less than `start`, or of what stands
    /// after those of the score.
    fn rank_of(&self, score: f64, start: &[u8]) -> u64 {
        let compare = |element: ElementRef<'_>| text_of(element).cmp(start);
        let place = (self.view).locate_by(self.store, score_order(score), compare);
        self.view.rank_of(self.store, &place)
    }

    /// The rank of the chunk in which an entry of this id would be; that of the first chunk, if it
    /// would be before it.
    pub(super) fn chunk_of(&self, id: StreamId) -> u64 {
        self.view.rank_of(self.store, &self.place_of_chunk(id))
    }

    /// Where that chunk stands; if the entry would be before the first one, where that one begins,
    /// as a place where nothing was found.
    fn place_of_chunk(&self, id: StreamId) -> Place {
        let place = locate(&self.view, self.store, id.ms as f64, &id.to_bytes());
        if place.is_found() {
            return place;
        }
        let before = self.view.place_before(self.store, &place);
        let is_chunk = |before: &Place| {
            let element = self.view.element(self.store, before);
            element.is_some_and(|element| element.score() >= 0.0)
        };
        before.filter(is_chunk).unwrap_or(place)
    }

    pub(super) fn chunk_at(&self, rank: u64) -> Option<Chunk<'a>> {
        let element = self.view.get_rank(self.store, rank)?;
        (element.score() >= 0.0).then(|| Chunk::new(text_of(element)))
    }

    /// The chunks from a rank on.
    pub(super) fn chunks(&self, rank: u64) -> impl Iterator<Item = Chunk<'a>> + use<'a, S> {
        let elements = self.view.walk(self.store, rank.min(self.view.len()));
        elements.map(|element| Chunk::new(text_of(element)))
    }

    /// All entries from `start` to `end`, both included.
    pub fn range(
        &self,
        start: StreamId,
        end: StreamId,
    ) -> impl Iterator<Item = Entry<'a>> + use<'a, S> {
        let elements = self.view.walk_from(self.store, self.place_of_chunk(start));
        let chunks = elements.map(|element| Chunk::new(text_of(element)));
        let entries = chunks.flat_map(move |chunk| chunk.entries_from(start));
        entries
            .map(|written| written.entry)
            .take_while(move |entry| entry.id <= end)
    }

    /// The same entries, the last one first.
    pub fn range_back(
        &self,
        start: StreamId,
        end: StreamId,
    ) -> impl Iterator<Item = Entry<'a>> + use<'a, S> {
        let first = self.first_chunk();
        let last = match self.view.len() > first {
            true => self.chunk_of(end) + 1,
            false => first,
        };
        let elements = self.view.walk_back(self.store, last);
        let chunks = elements.take((last - first) as usize);
        let entries = chunks.flat_map(|element| {
            let chunk = Chunk::new(text_of(element));
            let entries: Vec<Entry<'a>> = chunk.entries().map(|written| written.entry).collect();
            entries.into_iter().rev()
        });
        entries
            .skip_while(move |entry| entry.id > end)
            .take_while(move |entry| entry.id >= start)
    }

    /// The entry of an id.
    pub fn entry(&self, id: StreamId) -> Option<Entry<'a>> {
        let element = self.view.element(self.store, &self.place_of_chunk(id))?;
        let chunk = Chunk::new(text_of(element));
        if id < chunk.base() || id > chunk.last() {
            return None;
        }
        let entry = chunk.entries_from(id).next()?.entry;
        (entry.id == id).then_some(entry)
    }

    /// The id of the first entry; 0-0 if there is none.
    pub fn first_id(&self) -> StreamId {
        let first = self
            .first_of_chunks()
            .and_then(|chunk| chunk.entries().next());
        first.map_or(StreamId::MIN, |first| first.entry.id)
    }

    /// The first entry.
    pub fn first(&self) -> Option<Entry<'a>> {
        self.range(StreamId::MIN, StreamId::MAX).next()
    }

    /// The last entry.
    pub fn last(&self) -> Option<Entry<'a>> {
        self.range_back(StreamId::MIN, StreamId::MAX).next()
    }

    /// The id of the last entry.
    pub fn last_entry_id(&self) -> Option<StreamId> {
        let chunk = self.chunk_at(self.view.len().checked_sub(1)?)?;
        Some(chunk.last())
    }

    /// The id after which only the last entry comes; without entries the last id there was.
    pub fn before_last(&self) -> StreamId {
        let before = self.last_entry_id().and_then(StreamId::previous);
        before.unwrap_or(self.head().last_id)
    }

    /// The rows of a score from that on which begins with `key`, or would be there.
    fn rows(&self, score: f64, key: &[u8]) -> impl Iterator<Item = &'a [u8]> + use<'a, S> {
        self.rows_after(score, key, 0)
    }

    /// The same, but for the first of them.
    fn rows_after(
        &self,
        score: f64,
        key: &[u8],
        passed_count: usize,
    ) -> impl Iterator<Item = &'a [u8]> + use<'a, S> {
        let rank = self.rank_of(score, key) + passed_count as u64;
        let elements = self.view.walk(self.store, rank.min(self.view.len()));
        elements
            .take_while(move |element| element.score() == score)
            .map(text_of)
    }

    fn row(&self, score: f64, key: &[u8]) -> Option<ElementRef<'a>> {
        let place = locate(&self.view, self.store, score, key);
        self.view.element(self.store, &place)
    }

    /// All groups, by their names.
    pub fn groups(&self) -> impl Iterator<Item = StreamGroup> + use<'a, S> {
        self.groups_from(0)
    }

    /// The groups after so many others.
    pub fn groups_from(&self, passed: usize) -> impl Iterator<Item = StreamGroup> + use<'a, S> {
        let rows = self.rows_after(GROUPS_SCORE, &[], passed);
        rows.filter_map(StreamGroup::read)
    }

    /// The group of a name.
    pub fn group(&self, name: &[u8]) -> Option<StreamGroup> {
        Some(self.find_group(name)?.row)
    }

    /// The group of a name, and where it stands.
    pub fn find_group(&self, name: &[u8]) -> Option<Found<StreamGroup>> {
        self.find(GROUPS_SCORE, &name_key(name), StreamGroup::read)
    }

    fn find<T>(
        &self,
        score: f64,
        key: &[u8],
        read: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Option<Found<T>> {
        let place = locate(&self.view, self.store, score, key);
        let element = self.view.element(self.store, &place)?;
        let row = read(text_of(element))?;
        Some(Found { row, place })
    }

    /// The consumers of a group, by their names.
    pub fn consumers(&self, group: &StreamGroup) -> impl Iterator<Item = Consumer> + use<'a, S> {
        self.consumers_from(group, 0)
    }

    /// The consumers of a group after so many others.
    pub fn consumers_from(
        &self,
        group: &StreamGroup,
        passed: usize,
    ) -> impl Iterator<Item = Consumer> + use<'a, S> {
        let rows = self.rows_after(group.owner.score(), CONSUMERS_KEY, passed);
        rows.filter_map(Consumer::read)
    }

    /// The consumer of a group that has a name.
    pub fn consumer(&self, group: &StreamGroup, name: &[u8]) -> Option<Consumer> {
        Some(self.find_consumer(group, name)?.row)
    }

    /// The consumer of a group that has a name, and where it stands.
    pub fn find_consumer(&self, group: &StreamGroup, name: &[u8]) -> Option<Found<Consumer>> {
        self.find(group.owner.score(), &consumer_key(name), Consumer::read)
    }

    /// The name of a consumer.
    pub fn consumer_name(&self, consumer: Owner) -> Option<&'a [u8]> {
        let row = self.row(consumer.score(), NAME_KEY)?;
        name_in(text_of(row))
    }

    /// The pending entries of a group from an id on.
    pub fn pending(
        &self,
        group: &StreamGroup,
        from: StreamId,
    ) -> impl Iterator<Item = Pending> + use<'a, S> {
        let rows = self.rows(group.owner.score(), &from.key());
        rows.map_while(Pending::read)
    }

    /// The last pending entry of a group.
    pub fn last_pending(&self, group: &StreamGroup) -> Option<Pending> {
        let end = self.rank_of(group.owner.score(), CONSUMERS_KEY);
        let last = self.view.walk_back(self.store, end).next()?;
        let is_of_group = last.score() == group.owner.score();
        is_of_group.then(|| Pending::read(text_of(last)))?
    }

    /// The pending entry of a group that has an id.
    pub fn pending_entry(&self, group: &StreamGroup, id: StreamId) -> Option<Pending> {
        Some(self.find_pending(group, id)?.row)
    }

    /// The same, and where it stands.
    pub(super) fn find_pending(&self, group: &StreamGroup, id: StreamId) -> Option<Found<Pending>> {
        self.find(group.owner.score(), &id.key(), Pending::read)
    }

    /// How many entries of a group were delivered and not acknowledged. O(log n).
    pub fn pending_count(&self, group: &StreamGroup) -> u64 {
        self.count_between(group.owner.score(), &[], CONSUMERS_KEY)
    }

    /// How many consumers a group has. O(log n).
    pub fn consumer_count(&self, group: &StreamGroup) -> u64 {
        self.count_between(group.owner.score(), CONSUMERS_KEY, AFTER_CONSUMERS)
    }

    /// How many entries were delivered to a consumer and not acknowledged. O(log n).
    pub fn pending_count_of(&self, consumer: Owner) -> u64 {
        self.count_between(consumer.score(), &[], NAME_KEY)
    }

    /// How many groups there are. O(log n).
    pub fn group_count(&self) -> u64 {
        self.rank_of(0.0, &[]) - self.rank_of(GROUPS_SCORE, &[])
    }

    /// The ranks of all rows of an owner.
    pub(super) fn ranks_of(&self, owner: Owner) -> Range<u64> {
        self.rank_of(owner.score(), &[])..self.rank_of(owner.score(), AFTER_CONSUMERS)
    }

    fn count_between(&self, score: f64, from: &[u8], to: &[u8]) -> u64 {
        self.rank_of(score, to) - self.rank_of(score, from)
    }

    /// The ids of the pending entries of a consumer, from one on.
    pub fn pending_of(
        &self,
        consumer: Owner,
        from: StreamId,
    ) -> impl Iterator<Item = StreamId> + use<'a, S> {
        let rows = self.rows(consumer.score(), &from.key());
        rows.map_while(|mut row| StreamId::take_key(&mut row))
    }

    /// How many entries a group has yet to read, if that can be told.
    pub fn lag(&self, group: &StreamGroup) -> Option<u64> {
        let head = self.head();
        if head.entries_added == 0 {
            return Some(0);
        }
        let read_count = match group.entries_read {
            Some(count) if !self.has_deleted_from(group.last_id) => Some(count),
            _ => self.added_up_to(group.last_id),
        };
        Some(head.entries_added.wrapping_sub(read_count?))
    }

    /// What counts the entries that a group reads.
    pub fn read_counter(&self) -> ReadCounter<'a, S> {
        ReadCounter {
            head: self.head(),
            stream: *self,
            first_id: OnceCell::new(),
        }
    }

    /// Whether an entry from this id on may have been deleted.
    pub fn has_deleted_from(&self, id: StreamId) -> bool {
        self.read_counter().has_deleted_from(id)
    }

    /// How many entries were added up to one of an id, if that can be told.
    pub fn added_up_to(&self, id: StreamId) -> Option<u64> {
        self.read_counter().added_up_to(id)
    }

    /// Panics if an invariant does not hold. O(elements).
    #[cfg(test)]
    pub fn check_invariants(&self) {
        let head = self.head();
        let mut last = None;
        let mut len = 0;
        for chunk in self.chunks(self.first_chunk()) {
            assert!(
                last.is_none_or(|last| chunk.base() > last),
                "chunks are in order"
            );
            let ids: Vec<StreamId> = chunk.entries().map(|written| written.entry.id).collect();
            assert!(ids.is_sorted() && chunk.base() <= ids[0]);
            assert_eq!(
                (ids.len() as u64, ids.last()),
                (chunk.count(), Some(&chunk.last()))
            );
            last = Some(chunk.last());
            len += chunk.count();
        }
        assert!(last.is_none_or(|last| last <= head.last_id));
        assert_eq!(head.len, len, "the head counts the entries");
        let mut rows = 1;
        for group in self.groups() {
            let pending: Vec<Pending> = self.pending(&group, StreamId::MIN).collect();
            assert_eq!(pending.len() as u64, self.pending_count(&group));
            let consumers: Vec<Consumer> = self.consumers(&group).collect();
            assert_eq!(consumers.len() as u64, self.consumer_count(&group));
            rows += 1 + pending.len() + 2 * consumers.len();
            for consumer in consumers {
                let own: Vec<StreamId> = self.pending_of(consumer.owner, StreamId::MIN).collect();
                assert_eq!(own.len() as u64, self.pending_count_of(consumer.owner));
                assert_eq!(self.consumer_name(consumer.owner), Some(&consumer.name[..]));
                let of_group = pending.iter().filter(|one| one.consumer == consumer.owner);
                assert!(of_group.map(|one| one.id).eq(own.iter().copied()));
                rows += own.len();
            }
        }
        assert_eq!(self.first_chunk(), rows as u64, "no row is nobody's");
    }
}

/// What tells how many entries a group has read.
pub struct ReadCounter<'a, S> {
    head: Head,
    stream: StreamRef<'a, S>,
    /// Looked up when it is needed: if something was deleted, or is not read in order.
    first_id: OnceCell<StreamId>,
}

impl<S: BlockStore> ReadCounter<'_, S> {
    fn first_id(&self) -> StreamId {
        *self.first_id.get_or_init(|| self.stream.first_id())
    }

    /// Notes that a group has read the entry of an id.
    pub fn count(&self, group: &mut StreamGroup, id: StreamId) {
        if id <= group.last_id {
            return;
        }
        if let Some(count) = group.entries_read
            && !self.has_deleted_from(id)
        {
            group.entries_read = Some(count.wrapping_add(1));
        } else if self.head.entries_added > 0 {
            group.entries_read = self.added_up_to(id);
        }
        group.last_id = id;
    }

    fn has_deleted_from(&self, id: StreamId) -> bool {
        let Head {
            len,
            max_deleted_id,
            ..
        } = self.head;
        len > 0
            && max_deleted_id != StreamId::MIN
            && id <= max_deleted_id
            && max_deleted_id >= self.first_id()
    }

    fn added_up_to(&self, id: StreamId) -> Option<u64> {
        let head = &self.head;
        if head.entries_added == 0 {
            return Some(0);
        }
        if head.len == 0 && id <= head.last_id {
            return Some(head.entries_added);
        }
        match id.cmp(&head.last_id) {
            Ordering::Equal => return Some(head.entries_added),
            Ordering::Greater => return None,
            Ordering::Less => {}
        }
        let has_deleted =
            head.max_deleted_id != StreamId::MIN && head.max_deleted_id >= self.first_id();
        let before_first = head.entries_added.wrapping_sub(head.len);
        match id.cmp(&self.first_id()) {
            _ if has_deleted => None,
            Ordering::Less => Some(before_first),
            Ordering::Equal => Some(before_first.wrapping_add(1)),
            Ordering::Greater => None,
        }
    }
}
