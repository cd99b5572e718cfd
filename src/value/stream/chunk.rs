//! Entries that stand together: some hundred of them, in one text of up to 4 KB.
//!
//! ```text
//!  base    16   by what the chunk stands; no entry before it         big-endian
//!  last    16   the id of the last entry
//!  used     4   bytes that are in use; the rest is room for more     little-endian
//!  count    4   entries
//!  names        how many, then the items: the fields of the first entry
//!  entries      [ head │ sequence │ own fields: count │ items ] …
//! ```
//!
//! The head of an entry is a number: bit 0, fields of its own; bit 1, its id is that of the entry
//! before it with the next sequence, which is not written then; the rest, milliseconds since the
//! entry before it. The sequence counts from that of the entry before it if the milliseconds are
//! the same. The first entry counts from the base. The items of an entry are values; if it has
//! fields of its own, field and value in turn. Counts are as in `varint.rs`, items as in
//! `structures/item.rs`.
//!
//! Invariant: what others read was written here, or passed [`Chunk::check`].
//!
//! Cost: some 35 bytes for an entry of two values of 16 bytes; reading walks over what stands
//! before, appending does not.
//!
//! Not here: which entries stand in which chunk (`write.rs`).

use super::id::StreamId;
use super::varint;
use crate::structures::item::{self, Code, Item};

const LAST_AT: usize = 16;
const USED_AT: usize = 32;
const COUNT_AT: usize = 36;
const HEAD_BYTES: usize = 40;

const OWN_FIELDS: u128 = 1;
const NEXT_ID: u128 = 2;

/// Bits of the first byte of an entry that has fields of its own or a head of several bytes.
const NOT_PLAIN: u8 = 0x80 | OWN_FIELDS as u8;

/// The fields of an entry with their values.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'a> {
    count: usize,
    /// Items of the names, unless they stand before each value.
    names: Option<&'a [u8]>,
    items: &'a [u8],
}

impl<'a> Fields<'a> {
    /// How many there are.
    #[allow(clippy::len_without_is_empty)] // An entry always has some.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Each field with its value.
    pub fn iter(&self) -> impl Iterator<Item = (Item<'a>, Item<'a>)> + use<'a> {
        let (mut names, mut items) = (self.names, self.items);
        (0..self.count).map(move |_| {
            let name = match &mut names {
                Some(names) => take_item(names),
                None => take_item(&mut items),
            };
            (name, take_item(&mut items))
        })
    }
}

fn take_item<'a>(bytes: &mut &'a [u8]) -> Item<'a> {
    let (item, len) = item::read(bytes);
    *bytes = &bytes[len..];
    item
}

/// An entry.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its id.
    pub id: StreamId,
    /// Its fields.
    pub fields: Fields<'a>,
}

/// A chunk to be read.
#[derive(Clone, Copy)]
pub struct Chunk<'a> {
    bytes: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// The chunk that a text is.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// How many entries there are.
    #[allow(clippy::len_without_is_empty)] // A chunk always has some.
    pub fn len(&self) -> u64 {
        self.count()
    }

    /// All entries in order.
    pub fn all(&self) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        self.entries().map(|written| written.entry)
    }

    /// By what it stands: no entry has a lesser id.
    pub(super) fn base(&self) -> StreamId {
        self.id_at(0)
    }

    /// The id of the last entry.
    pub(super) fn last(&self) -> StreamId {
        self.id_at(LAST_AT)
    }

    /// How many entries there are.
    pub(super) fn count(&self) -> u64 {
        u64::from(self.number_at(COUNT_AT))
    }

    /// Bytes in use.
    pub(super) fn used_len(&self) -> usize {
        self.number_at(USED_AT) as usize
    }

    /// Bytes in use and to be used.
    pub(super) fn capacity(&self) -> usize {
        self.bytes.len()
    }

    fn id_at(&self, at: usize) -> StreamId {
        let field = &self.bytes[at..at + 16];
        StreamId::from_bytes(field.try_into().expect("sixteen bytes were taken"))
    }

    fn number_at(&self, at: usize) -> u32 {
        let field = &self.bytes[at..at + 4];
        u32::from_le_bytes(field.try_into().expect("four bytes were taken"))
    }

    /// The items of the names, how many there are, and where entries begin.
    fn names(&self) -> (&'a [u8], usize, usize) {
        let mut rest = &self.bytes[HEAD_BYTES..];
        let count = varint::take(&mut rest).map_or(0, |count| count as usize);
        let begin = self.bytes.len() - rest.len();
        let len = items_len(rest, count);
        (&rest[..len], count, begin + len)
    }

    /// All entries in order.
    pub(super) fn entries(&self) -> Entries<'a> {
        let (names, name_count, begin) = self.names();
        Entries {
            names,
            name_count,
            rest: &self.bytes[begin..self.used_len()],
            before: self.base(),
        }
    }

    /// Its entries from an id on.
    pub(super) fn entries_from(&self, start: StreamId) -> Entries<'a> {
        let mut entries = self.entries();
        entries.skip_before(start);
        entries
    }

    /// It without some of its entries and without room for more; `None` if all of them go.
    pub(super) fn without(&self, is_gone: impl Fn(StreamId) -> bool) -> Option<Vec<u8>> {
        let mut others = self.entries().filter(|entry| !is_gone(entry.entry.id));
        let first = others.next()?;
        let (_, _, begin) = self.names();
        let mut bytes = self.bytes[..begin].to_vec();
        let mut last = self.base();
        let mut count = 0u32;
        for entry in std::iter::once(first).chain(others) {
            put_head(&mut bytes, last, entry.entry.id, entry.has_own_fields());
            bytes.extend_from_slice(entry.body);
            last = entry.entry.id;
            count += 1;
        }
        write_counts(&mut bytes, last, count);
        Some(bytes)
    }

    /// It without the room for more, if that is a good part of it.
    pub(super) fn shrunk(&self) -> Option<&'a [u8]> {
        let used_len = self.used_len();
        (self.capacity() - used_len > self.capacity() / 32).then(|| &self.bytes[..used_len])
    }

    /// Whether bytes from outside are a chunk.
    pub(super) fn check(bytes: &[u8]) -> bool {
        Self::checked(bytes).is_some()
    }

    fn checked(bytes: &[u8]) -> Option<()> {
        let chunk = Chunk { bytes };
        if bytes.len() < HEAD_BYTES {
            return None;
        }
        let mut rest = bytes.get(HEAD_BYTES..chunk.used_len())?;
        let name_count = checked_count(&mut rest)?;
        check_items(&mut rest, name_count)?;
        let mut before = None;
        let mut count = 0;
        while !rest.is_empty() {
            let head = varint::take(&mut rest)?;
            let id = take_id(head, before.unwrap_or(chunk.base()), &mut rest)?;
            if before.is_some_and(|before| id <= before) || id < chunk.base() {
                return None;
            }
            let item_count = match head & OWN_FIELDS {
                0 => name_count,
                _ => checked_count(&mut rest)?.checked_mul(2)?,
            };
            check_items(&mut rest, item_count)?;
            before = Some(id);
            count += 1;
        }
        (count == chunk.count() && before == Some(chunk.last())).then_some(())
    }
}

/// A number of items that are to follow.
fn checked_count(rest: &mut &[u8]) -> Option<usize> {
    let count = varint::take_u64(rest)?;
    usize::try_from(count)
        .ok()
        .filter(|&count| count <= rest.len())
}

fn check_items(rest: &mut &[u8], count: usize) -> Option<()> {
    for _ in 0..count {
        let len = item::checked_len(rest).ok()?;
        *rest = &rest[len..];
    }
    Some(())
}

fn items_len(bytes: &[u8], count: usize) -> usize {
    (0..count).fold(0, |len, _| len + item::len_at(&bytes[len..]))
}

/// The id that the head of an entry and what follows tell.
#[inline]
fn take_id(head: u128, before: StreamId, rest: &mut &[u8]) -> Option<StreamId> {
    let ms = u64::try_from(head >> 2).ok()?.checked_add(before.ms)?;
    if head & NEXT_ID != 0 {
        return Some(StreamId::new(ms, before.seq.checked_add(1)?));
    }
    let seq = varint::take_u64(rest)?;
    match ms == before.ms {
        true => Some(StreamId::new(ms, before.seq.checked_add(seq)?)),
        false => Some(StreamId::new(ms, seq)),
    }
}

/// An entry and what it is written as.
pub(super) struct Written<'a> {
    pub(super) entry: Entry<'a>,
    /// All after its id.
    body: &'a [u8],
}

impl Written<'_> {
    fn has_own_fields(&self) -> bool {
        self.entry.fields.names.is_none()
    }
}

/// The entries of a chunk.
pub(super) struct Entries<'a> {
    names: &'a [u8],
    name_count: usize,
    rest: &'a [u8],
    before: StreamId,
}

/// An entry of which the items are still to be read.
struct BegunEntry<'a> {
    id: StreamId,
    has_own_fields: bool,
    item_count: usize,
    /// All after its id.
    body: &'a [u8],
    /// All from its first item on.
    items: &'a [u8],
}

impl<'a> Entries<'a> {
    /// Reads the next entry up to its items, and stays where it is.
    #[inline]
    fn begin(&self) -> Option<BegunEntry<'a>> {
        let mut body = self.rest;
        let head = varint::take(&mut body)?;
        let id = take_id(head, self.before, &mut body)?;
        let mut items = body;
        let has_own_fields = head & OWN_FIELDS != 0;
        let item_count = match has_own_fields {
            false => self.name_count,
            true => 2 * varint::take_u64(&mut items)? as usize,
        };
        Some(BegunEntry {
            id,
            has_own_fields,
            item_count,
            body,
            items,
        })
    }

    /// Passes over the entries before an id up to one that is not written as nearly all are, with
    /// fields of the chunk and an id of two bytes at most. Some forty instructions each.
    #[inline]
    fn skip_plain_before(&mut self, start: StreamId) {
        let bytes = self.rest;
        let (mut offset, StreamId { mut ms, mut seq }) = (0, self.before);
        while let Some(&head) = bytes.get(offset)
            && head & NOT_PLAIN == 0
        {
            let elapsed_ms = u64::from(head >> 2);
            let (next_seq, items_at) = if u128::from(head) & NEXT_ID != 0 {
                (seq + 1, offset + 1)
            } else {
                let more = bytes[offset + 1];
                if more >= 0x80 {
                    break;
                }
                let before_seq = if elapsed_ms == 0 { seq } else { 0 };
                (before_seq + u64::from(more), offset + 2)
            };
            let next_ms = ms + elapsed_ms;
            if next_ms >= start.ms && (next_ms > start.ms || next_seq >= start.seq) {
                break;
            }
            offset = item::end_of(bytes, items_at, self.name_count);
            (ms, seq) = (next_ms, next_seq);
        }
        self.rest = &bytes[offset..];
        self.before = StreamId { ms, seq };
    }

    /// Passes over the entries before an id.
    fn skip_before(&mut self, start: StreamId) {
        self.skip_plain_before(start);
        while let Some(begun) = self.begin().filter(|begun| begun.id < start) {
            self.rest = &begun.items[items_len(begun.items, begun.item_count)..];
            self.before = begun.id;
        }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Written<'a>;

    fn next(&mut self) -> Option<Written<'a>> {
        let begun = self.begin()?;
        let (count, names) = match begun.has_own_fields {
            false => (self.name_count, Some(self.names)),
            true => (begun.item_count / 2, None),
        };
        let (items, rest) = begun
            .items
            .split_at(items_len(begun.items, begun.item_count));
        let fields = Fields {
            count,
            names,
            items,
        };
        self.rest = rest;
        self.before = begun.id;
        Some(Written {
            entry: Entry {
                id: begun.id,
                fields,
            },
            body: &begun.body[..begun.body.len() - rest.len()],
        })
    }
}

fn put_head(out: &mut Vec<u8>, before: StreamId, id: StreamId, has_own_fields: bool) {
    let elapsed_ms = u128::from(id.ms - before.ms) << 2;
    let head = elapsed_ms | if has_own_fields { OWN_FIELDS } else { 0 };
    if elapsed_ms == 0 && before.seq.checked_add(1) == Some(id.seq) {
        return varint::put(out, head | NEXT_ID);
    }
    varint::put(out, head);
    let before_seq = if elapsed_ms == 0 { before.seq } else { 0 };
    varint::put(out, u128::from(id.seq - before_seq));
}

fn put_item(out: &mut Vec<u8>, text: &[u8]) {
    let code = Code::of_text(text);
    let begin = out.len();
    out.resize(begin + code.byte_len(), 0);
    code.write(&mut out[begin..]);
}

fn write_counts(bytes: &mut [u8], last: StreamId, count: u32) {
    let used = u32::try_from(bytes.len()).expect("a chunk is shorter than 4 GiB");
    write_head(bytes, last, used, count);
}

fn write_head(bytes: &mut [u8], last: StreamId, used: u32, count: u32) {
    bytes[LAST_AT..USED_AT].copy_from_slice(&last.to_bytes());
    bytes[USED_AT..COUNT_AT].copy_from_slice(&used.to_le_bytes());
    bytes[COUNT_AT..HEAD_BYTES].copy_from_slice(&count.to_le_bytes());
}

/// A chunk of one entry, without room for more. `words` are fields and values in turn.
pub(super) fn chunk_of<'w>(
    id: StreamId,
    words: impl ExactSizeIterator<Item = &'w [u8]> + Clone,
) -> Vec<u8> {
    let mut bytes = vec![0; HEAD_BYTES];
    bytes[..16].copy_from_slice(&id.to_bytes());
    varint::put(&mut bytes, words.len() as u128 / 2);
    words
        .clone()
        .step_by(2)
        .for_each(|name| put_item(&mut bytes, name));
    put_head(&mut bytes, id, id, false);
    let values = words.skip(1).step_by(2);
    values.for_each(|value| put_item(&mut bytes, value));
    write_counts(&mut bytes, id, 1);
    bytes
}

/// The bytes of an entry that is to stand at the end of a chunk, after all that are there.
pub(super) fn entry_for<'w>(
    chunk: Chunk<'_>,
    id: StreamId,
    words: impl ExactSizeIterator<Item = &'w [u8]> + Clone,
) -> Vec<u8> {
    let (names, name_count, _) = chunk.names();
    let text_len: usize = words.clone().map(|word| word.len() + 2).sum();
    let mut out = Vec::with_capacity(text_len + 24);
    if words.len() == 2 * name_count {
        put_head(&mut out, chunk.last(), id, false);
        if put_values(&mut out, names, words.clone()) {
            return out;
        }
        out.clear();
    }
    put_head(&mut out, chunk.last(), id, true);
    varint::put(&mut out, words.len() as u128 / 2);
    words.for_each(|word| put_item(&mut out, word));
    out
}

/// Appends the values of fields that have these names; false, with some of them appended, if one
/// has another.
fn put_values<'w>(
    out: &mut Vec<u8>,
    mut names: &[u8],
    mut words: impl Iterator<Item = &'w [u8]>,
) -> bool {
    while let (Some(name), Some(value)) = (words.next(), words.next()) {
        let code = Code::of_text(name);
        if !code.is_at(names) {
            return false;
        }
        names = &names[code.byte_len()..];
        put_item(out, value);
    }
    true
}

/// A chunk with one more entry that [`entry_for`] made, and with as much room again as it has used,
/// up to `bytes_max` bytes in all.
pub(super) fn lengthened(
    chunk: Chunk<'_>,
    id: StreamId,
    entry: &[u8],
    bytes_max: usize,
) -> Vec<u8> {
    let used_len = chunk.used_len();
    let len = (2 * used_len).min(bytes_max).max(used_len + entry.len());
    let mut bytes = Vec::with_capacity(len);
    bytes.extend_from_slice(&chunk.bytes[..used_len]);
    bytes.resize(len, 0);
    push(&mut bytes, id, entry);
    bytes
}

/// Writes an entry that [`entry_for`] made to the end of its chunk, which has room for it.
pub(super) fn push(bytes: &mut [u8], id: StreamId, entry: &[u8]) {
    let chunk = Chunk::new(bytes);
    let (used, count) = (chunk.used_len(), chunk.count() as u32);
    let end = used + entry.len();
    bytes[used..end].copy_from_slice(entry);
    let used = u32::try_from(end).expect("a chunk is shorter than 4 GiB");
    write_head(bytes, id, used, count + 1);
}
