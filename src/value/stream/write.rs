//! Entries of streams come and go.
//!
//! ```text
//!  append   room in the last chunk ─▶ written there      else a longer text, or the next chunk
//!  trim     chunks that go as a whole: unhooked           the first of the others: written anew
//! ```
//!
//! Cost: appending O(log n) and the bytes of the entry, and a copy of the chunk each time its room
//! doubles; deleting a copy of the chunk. Trimming O(log n) and a look at each chunk that goes, or
//! that stays if those are fewer.
//!
//! Not here: groups (`groups.rs`).

use super::chunk::{self, Chunk};
use super::id::StreamId;
use super::read::{Found, StreamRef};
use super::rows::{HEAD_SCORE, Head};
use super::text_of;
use crate::structures::block::{Element, Shape};
use crate::structures::block_tree::{BlockStore, Place, Tree};
use crate::structures::item::Code;
use crate::value::collection::{Form, Home, Trees};
use crate::value::encoding::Encoding;

/// Bytes of a chunk of several entries at most: with what stands around it in its leaf, a block of
/// 4 KiB.
const CHUNK_BYTES_MAX: usize = 4040;

/// Bytes of a chunk after another one at least.
const NEXT_CHUNK_BYTES: usize = 512;

/// Where a stream is to be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threshold {
    /// So many entries stay.
    Len(u64),
    /// Entries from this id on stay.
    Id(StreamId),
}

/// How a stream is to be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trim {
    /// Where.
    pub threshold: Threshold,
    /// More may stay, if they stand together with entries that stay.
    pub is_approximate: bool,
    /// How many entries may go; 0 means all.
    pub limit: u64,
}

/// A stream to be changed.
pub struct StreamMut<H> {
    home: H,
}

impl<H: Home> From<H> for StreamMut<H> {
    fn from(home: H) -> Self {
        Self { home }
    }
}

impl<H: Home> StreamMut<H> {
    /// Makes a new key's value a stream, if it is none yet.
    pub fn begin(&mut self) {
        if !matches!(self.home.body().form, Form::Large(_)) {
            self.home.enlarge(&mut |_, owner| {
                let entries = Tree::new(Shape::Scored, owner);
                Trees::new(entries, None, Encoding::Outgrown)
            });
            self.set_head(Head::default());
        }
    }

    /// The stream as it is now.
    pub fn read(&self) -> StreamRef<'_, H::Store> {
        self.home.body().into()
    }

    pub(super) fn tree(&mut self) -> (&mut Tree, &mut H::Store) {
        let (trees, store) = self.home.large_mut();
        (&mut trees.members, store)
    }

    /// Changes what the stream knows of itself.
    pub fn set_head(&mut self, head: Head) {
        let (tree, store) = self.tree();
        let place = tree.locate_rank(store, 0);
        let first = tree.element(store, &place);
        let bytes = head.to_bytes();
        if first.is_some_and(|first| first.score() == HEAD_SCORE) {
            tree.text_mut(store, place).copy_from_slice(&bytes);
        } else {
            let element = Element::scored(HEAD_SCORE, Code::of_text(&bytes));
            tree.insert(store, place, &element);
        }
    }

    /// Writes the end of a row that was found; the tree must not have changed since.
    pub(super) fn write_end(&mut self, place: Place, bytes: &[u8]) {
        let (tree, store) = self.tree();
        let row = tree.text_mut(store, place);
        let begin = row.len() - bytes.len();
        row[begin..].copy_from_slice(bytes);
    }

    /// Adds an entry, whose id must be greater than all there have been; `words` are its fields
    /// and values in turn. `found` is what the stream knew of itself, found since it was last
    /// changed; what it knows now is returned.
    pub fn append<'w>(
        &mut self,
        found: Option<Found<Head>>,
        id: StreamId,
        words: impl ExactSizeIterator<Item = &'w [u8]> + Clone,
    ) -> Head {
        let mut head = found.as_ref().map_or_else(Head::default, |found| found.row);
        head.last_id = id;
        head.entries_added = head.entries_added.wrapping_add(1);
        head.len += 1;
        match found {
            Some(found) => self.write_end(found.place, &head.to_bytes()),
            None => self.set_head(head),
        }
        let entries_max = self.home.limits().stream_chunk_entries;
        let bytes_max = self.home.limits().stream_chunk_bytes.min(CHUNK_BYTES_MAX);
        let (tree, store) = self.tree();
        let place = tree.locate_rank(store, tree.len() - 1);
        let last = tree.element(store, &place).expect("its head is there");
        let mut room = 0;
        if last.score() >= 0.0 {
            let chunk = Chunk::new(text_of(last));
            let entry = chunk::entry_for(chunk, id, words.clone());
            let used_len = chunk.used_len() + entry.len();
            if chunk.count() < entries_max && used_len <= bytes_max {
                if used_len <= chunk.capacity() {
                    chunk::push(tree.text_mut(store, place), id, &entry);
                } else {
                    let bytes = chunk::lengthened(chunk, id, &entry, CHUNK_BYTES_MAX);
                    let score = last.score();
                    put_chunk(tree, store, place, score, &bytes);
                }
                return head;
            }
            room = NEXT_CHUNK_BYTES;
            if let Some(bytes) = chunk.shrunk() {
                let (score, bytes) = (last.score(), bytes.to_vec());
                // A replacement would leave the room to the leaf; a new leaf is as large as it.
                tree.remove(store, place);
                let place = tree.locate_rank(store, tree.len());
                let element = Element::scored(score, Code::of_text(&bytes));
                tree.insert(store, place, &element);
            }
        }
        let mut bytes = chunk::chunk_of(id, words);
        bytes.resize(bytes.len().max(room.min(bytes_max)), 0);
        let place = tree.locate_rank(store, tree.len());
        let element = Element::scored(id.ms as f64, Code::of_text(&bytes));
        tree.insert(store, place, &element);
        head
    }

    /// Removes an entry; whether it was there.
    pub fn delete(&mut self, id: StreamId) -> bool {
        let stream = self.read();
        if stream.entry(id).is_none() {
            return false;
        }
        let rank = stream.chunk_of(id);
        let mut head = stream.head();
        self.keep_of_chunk(rank, |other| other != id);
        head.len -= 1;
        head.max_deleted_id = head.max_deleted_id.max(id);
        self.set_head(head);
        true
    }

    /// Keeps, of the chunk of a rank, the entries of which `is_kept` says so.
    fn keep_of_chunk(&mut self, rank: u64, is_kept: impl Fn(StreamId) -> bool) {
        let (tree, store) = self.tree();
        let place = tree.locate_rank(store, rank);
        let Some(element) = tree.element(store, &place) else {
            return;
        };
        let chunk = Chunk::new(text_of(element));
        match chunk.without(|id| !is_kept(id)) {
            Some(bytes) => {
                let score = element.score();
                put_chunk(tree, store, place, score, &bytes);
            }
            None => tree.remove(store, place),
        }
    }

    /// Removes entries from the front; how many. What was cut off is not noted as deleted.
    pub fn trim(&mut self, trim: &Trim) -> u64 {
        let cut = self.read().cut(trim);
        let first = self.read().first_chunk();
        let mut head = self.read().head();
        let (tree, store) = self.tree();
        tree.remove_ranks(store, first..first + cut.chunk_count);
        let mut removed_count = cut.entry_count;
        if let Some(min_id) = cut.min_id {
            self.keep_of_chunk(first, |id| id >= min_id);
            removed_count += cut.rest_count;
        }
        if removed_count > 0 {
            head.len -= removed_count;
            self.set_head(head);
        }
        removed_count
    }
}

/// Puts other bytes in the place of a chunk.
fn put_chunk<S: BlockStore>(
    tree: &mut Tree,
    store: &mut S,
    place: Place,
    score: f64,
    bytes: &[u8],
) {
    let element = Element::scored(score, Code::of_text(bytes));
    tree.replace(store, place, &element);
}

/// What is to be cut off a stream.
#[derive(Debug, Default)]
struct Cut {
    /// Chunks that go as a whole.
    chunk_count: u64,
    /// Their entries.
    entry_count: u64,
    /// The first entry that stays in the chunk after them, if it loses some.
    min_id: Option<StreamId>,
    /// How many it loses.
    rest_count: u64,
}

impl<S: BlockStore> StreamRef<'_, S> {
    /// Whether a cut may remove anything. Less work than to find out what.
    /// `head` is what the stream knows of itself.
    pub fn may_be_cut(&self, head: &Head, trim: &Trim) -> bool {
        let len = head.len;
        if matches!(trim.threshold, Threshold::Len(max_len) if len <= max_len) {
            return false;
        }
        self.first_of_chunks()
            .is_some_and(|first| match trim.threshold {
                Threshold::Len(max_len) => {
                    !trim.is_approximate || len - first.count().min(len) >= max_len
                }
                Threshold::Id(min_id) => first.base() < min_id,
            })
    }

    fn cut(&self, trim: &Trim) -> Cut {
        let len = self.len();
        let first = self.first_chunk();
        if let Threshold::Len(max_len) = trim.threshold
            && trim.limit == 0
            && max_len < len / 2
        {
            return self.cut_from_end(max_len, trim.is_approximate);
        }
        let mut cut = Cut::default();
        for chunk in self.chunks(first) {
            let count = chunk.count();
            let left = len - cut.entry_count;
            if matches!(trim.threshold, Threshold::Len(max_len) if left <= max_len)
                || trim.limit > 0 && cut.entry_count + count > trim.limit
            {
                break;
            }
            let is_whole = match trim.threshold {
                Threshold::Len(max_len) => left - count >= max_len,
                Threshold::Id(min_id) => chunk.last() < min_id,
            };
            if !is_whole {
                if !trim.is_approximate {
                    match trim.threshold {
                        Threshold::Len(max_len) => cut.keep_last(chunk, max_len - (left - count)),
                        Threshold::Id(min_id) => cut.keep_from(chunk, min_id),
                    }
                }
                break;
            }
            cut.chunk_count += 1;
            cut.entry_count += count;
        }
        cut
    }

    /// As `cut` to a length, looking at the chunks that stay.
    fn cut_from_end(&self, max_len: u64, is_approximate: bool) -> Cut {
        let len = self.len();
        let first = self.first_chunk();
        let mut rank = first + self.chunk_count();
        let mut kept_count = 0;
        let mut cut = Cut::default();
        while kept_count < max_len && rank > first {
            rank -= 1;
            let Some(chunk) = self.chunk_at(rank) else {
                break;
            };
            let count = chunk.count();
            if kept_count + count > max_len && !is_approximate {
                cut.keep_last(chunk, max_len - kept_count);
            }
            kept_count += count;
        }
        cut.chunk_count = rank - first;
        cut.entry_count = len - kept_count;
        cut
    }
}

impl Cut {
    /// Keeps the last entries of a chunk, of which some go.
    fn keep_last(&mut self, chunk: Chunk<'_>, count: u64) {
        self.rest_count = chunk.count() - count;
        let first = chunk.entries().nth(self.rest_count as usize);
        self.min_id = first.map(|first| first.entry.id);
    }

    /// Keeps the entries of a chunk from an id on.
    fn keep_from(&mut self, chunk: Chunk<'_>, min_id: StreamId) {
        let gone = chunk
            .entries()
            .take_while(|written| written.entry.id < min_id);
        self.rest_count = gone.count() as u64;
        self.min_id = (self.rest_count > 0).then_some(min_id);
    }
}
