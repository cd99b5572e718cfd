//! One allocation per key: header, key and value.
//!
//! ```text
//!  byte 0       1          2…3        4…7
//!  ┌───────────┬──────────┬──────────┬──────────────┐
//!  │ flags     │ key      │ access   │ value        │  bytes of key (255: see long key) and value
//!  │           │ length   │ word     │ length       │
//!  ├───────────┴──────────┴──────────┴──────────────┤
//!  │ heap position, 4 bytes, if the key has a deadline │
//!  │ long key length, 4 bytes, if the key has 255 bytes or more │
//!  │ key                                             │
//!  │ value: text, or 8 bytes of a native integer      │
//!  └─────────────────────────────────────────────────┘
//!  flags   bits 0–3 kind (0 string); 4 integer; 5 modified in place; 6 has a deadline;
//!          7 the cut that saw it last (`cut/`): one of two, by turns
//! ```
//!
//! Invariants:
//! 1. An [`EntryId`] is made by [`EntryStore::allocate`] (or a method here that returns a new one)
//!    and dies by [`EntryStore::free`] or when such a method returns another. Only the keyspace
//!    holds ids: one in the table and, for a key with a deadline, one in the expiry heap. Debug
//!    builds keep a set of live ids and assert every access against it.
//! 2. The allocation is exactly [`size_class`] bytes of the entry's length, aligned to 8, so its
//!    capacity follows from its header, and a write that stays in the class stays in place.
//!
//! Cost: 8 bytes a key beside key and value, 12 with a deadline, and the class's rounding (up to
//! 7 bytes, from 128 bytes on up to an eighth, from 13 KB on up to a page). Classes grow
//! geometrically, so appending byte by byte copies each byte a constant number of times.
//!
//! Not here: the memory of entries up to 13 KB (`slabs.rs`) and up to 1 MiB (`spans.rs`; larger
//! ones have an allocation each), where an entry is found (`structures/hash_table`), what a change
//! implies (`mutation/`).
#![allow(unsafe_code)]

use super::collections::Collections;
use super::memory::{Memory, size_class};
use crate::base::bytes::are_same;
use crate::base::hash::KeyHasher;
use crate::base::prefetch::prefetch;
use crate::structures::expiry_heap::PositionStore;
use crate::value::kind::{Kind, WrongType};
use crate::value::string::StringValue;
use std::ptr;
use std::slice;

const LONG_KEY: u8 = 255;

/// The bits that hold the [`Kind`].
const KIND_MASK: u8 = 0x0f;

/// A string that is an integer; a set that is a sorted array of them.
const FLAG_INTEGER: u8 = 1 << 4;
const FLAG_MODIFIED_IN_PLACE: u8 = 1 << 5;
/// Of collections the same bit: the value is the number of a large one.
const FLAG_LARGE: u8 = 1 << 5;
const FLAG_DEADLINE: u8 = 1 << 6;
const FLAG_CUT: u8 = 1 << 7;

const OFFSET_FLAGS: usize = 0;
const OFFSET_KEY_LEN: usize = 1;
const OFFSET_ACCESS: usize = 2;
const OFFSET_VALUE_LEN: usize = 4;
/// Bytes of a line of the processor's cache, on nearly all of them.
const LINE_BYTES: usize = 64;

/// Lines of an entry that are asked for at most, the first one included.
const CONTENT_LINES_MAX: usize = 6;

/// Bytes of a header without optional fields.
pub(super) const HEADER_BYTES: usize = OFFSET_OPTIONAL;
const OFFSET_OPTIONAL: usize = 8;

/// Names an entry: its address. See invariant 1 of the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EntryId(u64);

impl EntryId {
    /// The id as the 48-bit payload of table and heap.
    #[inline]
    pub(crate) fn payload(self) -> u64 {
        self.0
    }

    #[inline]
    pub(super) fn from_payload(payload: u64) -> Self {
        Self(payload)
    }

    /// Hints that the entry is going to be read.
    #[inline]
    pub(crate) fn prefetch(self) {
        let base = self.0 as *const u8;
        prefetch(base);
        // What begins in the second half of a line most likely ends in the next one, unless it
        // begins just there, as pieces of 32 bytes do.
        if self.0 as usize % LINE_BYTES > LINE_BYTES / 2 {
            prefetch(base.wrapping_add(LINE_BYTES / 2));
        }
    }
}

/// What decides an entry's layout.
#[derive(Clone, Copy)]
struct Shape {
    flags: u8,
    key_len: usize,
    value_len: usize,
}

impl Shape {
    fn has_deadline(self) -> bool {
        self.flags & FLAG_DEADLINE != 0
    }

    /// Where a short key stands, and the length of a long one.
    #[inline]
    fn short_key_offset(self) -> usize {
        OFFSET_OPTIONAL + if self.has_deadline() { 4 } else { 0 }
    }

    #[inline]
    fn key_offset(self) -> usize {
        self.short_key_offset()
            + if self.key_len >= LONG_KEY as usize {
                4
            } else {
                0
            }
    }

    #[inline]
    fn value_offset(self) -> usize {
        self.key_offset() + self.key_len
    }

    #[inline]
    fn allocation_bytes(self) -> usize {
        size_class(self.value_offset() + self.value_len)
    }

    /// The same with a value that takes what rounding would waste.
    fn filled(self) -> Self {
        let value_len = self.allocation_bytes() - self.value_offset();
        Self { value_len, ..self }
    }
}

/// What an entry holds of a collection.
#[derive(Clone, Copy)]
pub(super) enum Content<'a> {
    /// A packed block.
    Packed(&'a [u8]),
    /// A sorted array of integers.
    Integers(&'a [u8]),
    /// The number under which the large collection is found.
    Large(u32),
}

/// A read view of one entry.
#[derive(Clone, Copy)]
pub struct EntryRef<'a> {
    base: *const u8,
    store: std::marker::PhantomData<&'a EntryStore>,
}

impl<'a> EntryRef<'a> {
    #[inline]
    fn byte(self, offset: usize) -> u8 {
        // SAFETY: the id was live when the view was made, the view borrows the store, and every
        // caller passes an offset inside the header.
        unsafe { *self.base.add(offset) }
    }

    #[inline]
    fn u32_at(self, offset: usize) -> u32 {
        // SAFETY: as in `byte`; the optional fields are inside the allocation when their flag or
        // key length says so, which callers have checked.
        unsafe { self.base.add(offset).cast::<u32>().read_unaligned() }
    }

    #[inline]
    fn shape(self) -> Shape {
        let flags = self.byte(OFFSET_FLAGS);
        let short_key_len = self.byte(OFFSET_KEY_LEN);
        let mut shape = Shape {
            flags,
            key_len: usize::from(short_key_len),
            value_len: self.u32_at(OFFSET_VALUE_LEN) as usize,
        };
        if short_key_len == LONG_KEY {
            shape.key_len = self.u32_at(shape.short_key_offset()) as usize;
        }
        shape
    }

    #[inline]
    fn bytes(self, offset: usize, len: usize) -> &'a [u8] {
        // SAFETY: callers pass a part of the entry as its header describes it; all of it was
        // initialised by `EntryStore`; it can't change while the store is borrowed.
        unsafe { slice::from_raw_parts(self.base.add(offset), len) }
    }

    /// What names the entry while it lives.
    #[inline]
    pub(super) fn id(self) -> EntryId {
        EntryId(self.base as u64)
    }

    /// The key.
    #[inline]
    pub fn key(self) -> &'a [u8] {
        let shape = self.shape();
        self.bytes(shape.key_offset(), shape.key_len)
    }

    /// Whether the key is `key`.
    #[inline]
    pub(super) fn has_key(self, key: &[u8]) -> bool {
        if key.len() >= usize::from(LONG_KEY) {
            return self.key() == key;
        }
        let shape = Shape {
            flags: self.byte(OFFSET_FLAGS),
            key_len: usize::from(self.byte(OFFSET_KEY_LEN)),
            value_len: 0,
        };
        shape.key_len == key.len() && are_same(self.bytes(shape.short_key_offset(), key.len()), key)
    }

    /// The type of the value.
    #[inline]
    pub fn kind(self) -> Kind {
        Kind::from_bits(self.byte(OFFSET_FLAGS) & KIND_MASK)
    }

    /// How a collection is kept.
    #[inline]
    pub(super) fn content(self) -> Content<'a> {
        let shape = self.shape();
        debug_assert_ne!(shape.flags & KIND_MASK, Kind::String as u8);
        let bytes = self.bytes(shape.value_offset(), shape.value_len);
        if shape.flags & FLAG_LARGE != 0 {
            let number = bytes
                .try_into()
                .expect("a number of a collection is 4 bytes");
            return Content::Large(u32::from_ne_bytes(number));
        }
        match shape.flags & FLAG_INTEGER {
            0 => Content::Packed(bytes),
            _ => Content::Integers(bytes),
        }
    }

    /// The number of a large collection, if the value is one.
    #[inline]
    pub(super) fn large(self) -> Option<u32> {
        let flags = self.byte(OFFSET_FLAGS);
        if flags & FLAG_LARGE == 0 || flags & KIND_MASK == Kind::String as u8 {
            return None;
        }
        match self.content() {
            Content::Large(number) => Some(number),
            Content::Packed(_) | Content::Integers(_) => None,
        }
    }

    /// Hints that the content, of which the first bytes have arrived with the entry, is going to be
    /// read: asks for the lines that follow, as far as a small collection of ten fields reaches.
    #[inline]
    pub(super) fn prefetch_content(self) {
        let base = self.id().0 as *const u8;
        let content_lines = self.content_bytes().div_ceil(LINE_BYTES);
        for line in 1..content_lines.min(CONTENT_LINES_MAX) {
            prefetch(base.wrapping_add(line * LINE_BYTES));
        }
    }

    /// The value, if it is a string.
    ///
    /// # Errors
    /// [`WrongType`] if it is not.
    #[inline]
    pub fn as_string(self) -> Result<StringValue<'a>, WrongType> {
        if self.byte(OFFSET_FLAGS) & KIND_MASK == Kind::String as u8 {
            Ok(self.string())
        } else {
            Err(WrongType)
        }
    }

    /// The value, which must be a string.
    #[inline]
    pub(super) fn string(self) -> StringValue<'a> {
        let shape = self.shape();
        let bytes = self.bytes(shape.value_offset(), shape.value_len);
        if shape.flags & FLAG_INTEGER == 0 {
            return StringValue::Bytes(bytes);
        }
        let number = bytes.try_into().expect("an integer value is 8 bytes");
        StringValue::Integer(i64::from_ne_bytes(number))
    }

    /// Bytes of the value, as it is stored.
    pub fn value_bytes(self) -> usize {
        self.shape().value_len
    }

    /// Whether APPEND, SETRANGE, SETBIT or the like changed the value since it was set.
    pub fn is_modified_in_place(self) -> bool {
        self.byte(OFFSET_FLAGS) & FLAG_MODIFIED_IN_PLACE != 0
    }

    /// Position in the expiry heap, for a key that has a deadline.
    #[inline]
    pub(super) fn heap_position(self) -> Option<u32> {
        let has_deadline = self.byte(OFFSET_FLAGS) & FLAG_DEADLINE != 0;
        has_deadline.then(|| self.u32_at(OFFSET_OPTIONAL))
    }

    /// What the entry remembers of its uses: see `structures/eviction`.
    pub fn access_bits(self) -> u16 {
        u16::from_ne_bytes([self.byte(OFFSET_ACCESS), self.byte(OFFSET_ACCESS + 1)])
    }

    /// Bytes of header, key and value.
    #[inline]
    pub(super) fn content_bytes(self) -> usize {
        let shape = self.shape();
        shape.value_offset() + shape.value_len
    }

    /// Bytes the entry takes, rounding included.
    pub fn allocation_bytes(self) -> usize {
        self.shape().allocation_bytes()
    }
}

/// Allocates, reads and changes entries, and counts their bytes.
pub(crate) struct EntryStore {
    memory: Memory,
    collections: Collections,
    count: usize,
    /// [`FLAG_CUT`] or nothing: what the flag is in entries that the present cut has seen, or the
    /// last one has.
    seen_flag: u8,
    /// Whether any collection was ever made.
    has_had_collections: bool,
}

impl EntryStore {
    /// An empty store; elements of collections are hashed by `hasher`.
    pub(super) fn new(hasher: KeyHasher) -> Self {
        Self {
            memory: Memory::new(hasher),
            collections: Collections::default(),
            count: 0,
            seen_flag: 0,
            has_had_collections: false,
        }
    }

    /// Whether any collection was ever made.
    #[inline]
    pub(super) fn have_had_collections(&self) -> bool {
        self.has_had_collections
    }

    /// The memory that entries share with the blocks of large collections.
    #[inline]
    pub(super) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// As [`EntryStore::memory`], for changes.
    #[inline]
    pub(super) fn memory_mut(&mut self) -> &mut Memory {
        &mut self.memory
    }

    /// The large collections that entries name.
    #[inline]
    pub(super) fn collections(&self) -> &Collections {
        &self.collections
    }

    /// The large collections, and the memory their blocks are in, for changes.
    #[inline]
    pub(super) fn collections_mut(&mut self) -> (&mut Collections, &mut Memory) {
        (&mut self.collections, &mut self.memory)
    }

    /// Bytes of an entry's value beside the entry: those of a large collection.
    pub(super) fn outside_bytes(&self, entry: EntryRef<'_>) -> usize {
        match entry.large() {
            None => 0,
            Some(number) => self.collections.bytes_of(number),
        }
    }

    /// Lets go of the large collection of an entry whose value ends, if it is one.
    #[inline]
    fn drop_large(&mut self, id: EntryId) {
        if let Some(number) = self.get(id).large() {
            self.collections.drop_soon(number);
        }
    }

    /// Gives an entry a copy of the large collection that it names, if it does. O(elements).
    pub(super) fn copy_large(&mut self, id: EntryId) {
        if let Some(number) = self.get(id).large() {
            let copy = self.collections.duplicate(number, &mut self.memory);
            self.set_large(id, copy);
        }
    }

    /// Takes the large collection away from an entry that is about to be removed, because another
    /// entry has it now.
    pub(super) fn disown(&mut self, id: EntryId) {
        let entry = self.get(id);
        let (mut shape, access_bits) = (entry.shape(), entry.access_bits());
        if entry.large().is_some() {
            shape.flags &= !FLAG_LARGE;
            // SAFETY: the entry is live; lengths and optional fields stay.
            unsafe { write_header(self.base(id), shape, access_bits) };
        }
    }

    /// Bytes of all entries and blocks, rounding included.
    #[inline]
    pub(super) fn used_bytes(&self) -> usize {
        self.memory.used_bytes()
    }

    /// How many entries there are that were not detached.
    #[inline]
    pub(super) fn count(&self) -> usize {
        self.count
    }

    #[inline]
    fn base(&self, id: EntryId) -> *mut u8 {
        let base = id.0 as *mut u8;
        self.memory.assert_live(base);
        base
    }

    #[inline]
    pub(super) fn get(&self, id: EntryId) -> EntryRef<'_> {
        EntryRef {
            base: self.base(id),
            store: std::marker::PhantomData,
        }
    }

    /// Notes an entry that is there now.
    #[inline]
    fn adopt(&mut self, base: *mut u8) -> EntryId {
        self.count += 1;
        EntryId(base as u64)
    }

    fn allocate_shape(&mut self, shape: Shape, key: &[u8], access_bits: u16) -> EntryId {
        debug_assert_eq!(key.len(), shape.key_len);
        assert!(shape.key_len <= u32::MAX as usize && shape.value_len <= u32::MAX as usize);
        let base = self.memory.allocate(shape.allocation_bytes());
        let id = self.adopt(base);
        // SAFETY: fresh memory of at least `value_offset` bytes that nothing else refers to.
        unsafe {
            write_header(base, shape, access_bits);
            ptr::copy_nonoverlapping(key.as_ptr(), base.add(shape.key_offset()), key.len());
        }
        id
    }

    #[inline]
    fn write_value(&mut self, id: EntryId, shape: Shape, value: StringValue<'_>) {
        let number;
        let bytes = match value {
            StringValue::Bytes(bytes) => bytes,
            StringValue::Integer(integer) => {
                number = integer.to_ne_bytes();
                &number
            }
        };
        debug_assert_eq!(bytes.len(), shape.value_len);
        // SAFETY: the entry is live and has `shape`, so its value has this place and length;
        // `value` can't point into an entry, because `self` is borrowed exclusively.
        unsafe {
            let target = self.base(id).add(shape.value_offset());
            ptr::copy_nonoverlapping(bytes.as_ptr(), target, bytes.len());
        }
    }

    /// The shape of an entry with a new value, which is seen.
    #[inline]
    fn new_shape(&self, key_len: usize, value: StringValue<'_>, has_deadline: bool) -> Shape {
        let (kind_flag, value_len) = match value {
            StringValue::Integer(_) => (FLAG_INTEGER, size_of::<i64>()),
            StringValue::Bytes(bytes) => (0, bytes.len()),
        };
        let deadline_flag = if has_deadline { FLAG_DEADLINE } else { 0 };
        Shape {
            flags: kind_flag | deadline_flag | self.seen_flag,
            key_len,
            value_len,
        }
    }

    /// Makes all entries unseen, which must all be seen. O(1): what means seen is turned round.
    pub(super) fn begin_cut(&mut self) {
        self.seen_flag ^= FLAG_CUT;
    }

    /// Whether the present cut has seen an entry. New ones are born seen.
    #[inline]
    pub(super) fn is_seen(&self, id: EntryId) -> bool {
        self.get(id).byte(OFFSET_FLAGS) & FLAG_CUT == self.seen_flag
    }

    /// Notes that the present cut has seen an entry.
    pub(super) fn set_seen(&mut self, id: EntryId) {
        let flags = self.get(id).byte(OFFSET_FLAGS) & !FLAG_CUT | self.seen_flag;
        // SAFETY: the entry is live; the byte is part of its header, and only the flag that the
        // layout does not depend on changes.
        unsafe { self.base(id).add(OFFSET_FLAGS).write(flags) };
    }

    /// A new entry; with `has_deadline` it has room for a heap position, to be set at once.
    pub(super) fn allocate(
        &mut self,
        key: &[u8],
        value: StringValue<'_>,
        has_deadline: bool,
        access_bits: u16,
    ) -> EntryId {
        let shape = self.new_shape(key.len(), value, has_deadline);
        let id = self.allocate_shape(shape, key, access_bits);
        self.write_value(id, shape, value);
        id
    }

    /// A new entry without a deadline for a collection that takes at least `value_len` bytes, which
    /// are still to be written: as many as rounding would waste.
    pub(super) fn allocate_collection(
        &mut self,
        key: &[u8],
        kind: Kind,
        value_len: usize,
        access_bits: u16,
    ) -> EntryId {
        let shape = Shape {
            flags: kind as u8 | self.seen_flag,
            key_len: key.len(),
            value_len,
        };
        self.has_had_collections = true;
        self.allocate_shape(shape.filled(), key, access_bits)
    }

    /// The bytes of a collection, to be changed.
    pub(super) fn collection_mut(&mut self, id: EntryId) -> &mut [u8] {
        let shape = self.get(id).shape();
        debug_assert_ne!(shape.flags & KIND_MASK, Kind::String as u8);
        // SAFETY: the entry is live, `self` is borrowed exclusively, and all memory of slabs and
        // spans has been written before; larger collections are not kept in entries.
        unsafe {
            slice::from_raw_parts_mut(self.base(id).add(shape.value_offset()), shape.value_len)
        }
    }

    /// Gives a collection at least `len` bytes, as many as rounding would waste; those that fit are
    /// kept. O(length) if it changes its size class.
    pub(super) fn resize_collection(&mut self, id: EntryId, len: usize) -> EntryId {
        let entry = self.get(id);
        let (old, access_bits) = (entry.shape(), entry.access_bits());
        let shape = Shape {
            value_len: len,
            ..old
        };
        self.reshape(id, old, shape.filled(), access_bits)
    }

    /// The bytes that [`EntryStore::resize_collection`] to `len` would give.
    pub(super) fn collection_capacity(&self, id: EntryId, len: usize) -> usize {
        let shape = Shape {
            value_len: len,
            ..self.get(id).shape()
        };
        shape.filled().value_len
    }

    /// Says whether a collection is a sorted array of integers.
    pub(super) fn set_integers(&mut self, id: EntryId, is_integers: bool) {
        let entry = self.get(id);
        let (mut shape, access_bits) = (entry.shape(), entry.access_bits());
        shape.flags &= !FLAG_INTEGER;
        if is_integers {
            shape.flags |= FLAG_INTEGER;
        }
        // SAFETY: the entry is live; lengths and optional fields stay.
        unsafe { write_header(self.base(id), shape, access_bits) };
    }

    /// Puts the number of a large collection in the place of one that was kept here.
    pub(super) fn set_large(&mut self, id: EntryId, number: u32) -> EntryId {
        let entry = self.get(id);
        let (old, access_bits) = (entry.shape(), entry.access_bits());
        let shape = Shape {
            flags: old.flags & !FLAG_INTEGER | FLAG_LARGE,
            value_len: size_of::<u32>(),
            ..old
        };
        let id = self.reshape(id, old, shape, access_bits);
        self.collection_mut(id)
            .copy_from_slice(&number.to_ne_bytes());
        id
    }

    /// Gives an entry another flags and value length; key and optional fields stay.
    fn reshape(&mut self, id: EntryId, old: Shape, new: Shape, access_bits: u16) -> EntryId {
        let id = match new.allocation_bytes() == old.allocation_bytes() {
            true => id,
            false => self.reallocate(id, old, new),
        };
        // SAFETY: the entry is live and has room for the new shape.
        unsafe { write_header(self.base(id), new, access_bits) };
        id
    }

    /// A new entry with the value of `id` under `key`. O(value).
    pub(super) fn duplicate(&mut self, id: EntryId, key: &[u8], has_deadline: bool) -> EntryId {
        let source = self.get(id);
        let old = source.shape();
        let access_bits = source.access_bits();
        let deadline_flag = if has_deadline { FLAG_DEADLINE } else { 0 };
        let flags = (old.flags & !(FLAG_DEADLINE | FLAG_CUT)) | deadline_flag | self.seen_flag;
        let shape = Shape {
            flags,
            key_len: key.len(),
            value_len: old.value_len,
        };
        let copy = self.allocate_shape(shape, key, access_bits);
        // SAFETY: two different live entries whose values have the same length.
        unsafe {
            ptr::copy_nonoverlapping(
                self.base(id).add(old.value_offset()),
                self.base(copy).add(shape.value_offset()),
                old.value_len,
            );
        }
        copy
    }

    /// Ends an entry; returns the bytes it took.
    pub(super) fn free(&mut self, id: EntryId) -> usize {
        self.drop_large(id);
        let shape = self.get(id).shape();
        let base = self.base(id);
        self.count -= 1;
        // SAFETY: the entry was live with this shape, and its id is dead now.
        unsafe { self.memory.free(base, shape.allocation_bytes()) };
        shape.allocation_bytes()
    }

    /// Moves an entry out of the slab that is being emptied; the old id is dead from here on.
    pub(super) fn relocate(&mut self, id: EntryId) -> EntryId {
        let bytes = self.get(id).shape().allocation_bytes();
        let old = self.base(id);
        // SAFETY: the entry is live and takes so many bytes; it ends here.
        unsafe {
            let new = self.memory.evacuate(old, bytes);
            self.memory.abandon(old, bytes);
            EntryId(new as u64)
        }
    }

    /// Gives an entry, which must be seen, another value and room for a heap position or none; in
    /// place if the size class is the same. The heap position, if it had one and keeps it, is kept.
    pub(super) fn replace(
        &mut self,
        id: EntryId,
        value: StringValue<'_>,
        has_deadline: bool,
        access_bits: u16,
    ) -> EntryId {
        let old = self.get(id).shape();
        let shape = self.new_shape(old.key_len, value, has_deadline);
        if shape.flags == old.flags && shape.value_len == old.value_len {
            // The header stays as it is, and nothing has to be worked out from it.
            self.set_access_bits(id, access_bits);
            self.write_value(id, shape, value);
            return id;
        }
        if shape.has_deadline() == old.has_deadline()
            && shape.allocation_bytes() == old.allocation_bytes()
        {
            if old.flags & FLAG_LARGE != 0 {
                self.drop_large(id);
            }
            // SAFETY: the entry is live, and key and optional fields keep their places.
            unsafe { write_header(self.base(id), shape, access_bits) };
            self.write_value(id, shape, value);
            return id;
        }
        let moved = self.succeed(id, value, has_deadline, access_bits);
        self.free(id);
        moved
    }

    /// A new entry with the key of `id`, another value and room for a heap position or none; `id`
    /// stays as it is. The heap position, if `id` has one and it is kept, is taken over.
    pub(super) fn succeed(
        &mut self,
        id: EntryId,
        value: StringValue<'_>,
        has_deadline: bool,
        access_bits: u16,
    ) -> EntryId {
        let old = self.get(id).shape();
        let shape = self.new_shape(old.key_len, value, has_deadline);
        let position = self.get(id).heap_position();
        // SAFETY: the key stays where it is; `allocate_shape` touches no other entry than the new
        // one.
        let key = unsafe {
            slice::from_raw_parts(
                self.base(id).add(old.key_offset()).cast_const(),
                old.key_len,
            )
        };
        let moved = self.allocate_shape(shape, key, access_bits);
        self.write_value(moved, shape, value);
        if let (Some(position), true) = (position, has_deadline) {
            self.set_heap_position(moved, position);
        }
        moved
    }

    /// A new entry that is like `id`, which must be seen, heap position included. O(value).
    pub(super) fn copy(&mut self, id: EntryId) -> EntryId {
        let shape = self.get(id).shape();
        let base = self.memory.allocate(shape.allocation_bytes());
        // SAFETY: two different entries; what is copied is the whole of the old one, and the new
        // one has room for as much.
        unsafe {
            let content_bytes = shape.value_offset() + shape.value_len;
            base.copy_from_nonoverlapping(self.base(id), content_bytes);
        }
        self.adopt(base)
    }

    /// Takes an entry out of the count of keys; it stays alive until [`EntryStore::free_detached`].
    pub(super) fn detach(&mut self, _id: EntryId) {
        self.count -= 1;
    }

    /// Ends an entry that was detached.
    pub(super) fn free_detached(&mut self, id: EntryId) {
        self.count += 1;
        self.free(id);
    }

    /// Makes room for a heap position, or takes it away, and leaves everything else. O(value) if
    /// the entry changes its size class or its value must shift.
    pub(super) fn set_has_deadline(&mut self, id: EntryId, has_deadline: bool) -> EntryId {
        let old = self.get(id).shape();
        if old.has_deadline() == has_deadline {
            return id;
        }
        let shape = Shape {
            flags: old.flags ^ FLAG_DEADLINE,
            ..old
        };
        let access_bits = self.get(id).access_bits();
        let grown = if shape.allocation_bytes() > old.allocation_bytes() {
            self.reallocate(id, old, shape)
        } else {
            id
        };
        let base = self.base(grown);
        // SAFETY: the allocation holds the larger of both shapes here; the ranges may overlap, so
        // they are moved as one block with `copy`.
        unsafe {
            let moved_bytes = old.key_len + old.value_len;
            ptr::copy(
                base.add(old.key_offset()),
                base.add(shape.key_offset()),
                moved_bytes,
            );
            write_header(base, shape, access_bits);
        }
        if shape.allocation_bytes() < old.allocation_bytes() {
            return self.reallocate(grown, old, shape);
        }
        grown
    }

    /// Makes the value text of `len` bytes: an integer becomes text, text is cut or filled up with
    /// zero bytes. Marks it as modified in place.
    pub(super) fn resize_string(&mut self, id: EntryId, len: usize) -> EntryId {
        let mut digits = itoa::Buffer::new();
        let entry = self.get(id);
        let has_deadline = entry.heap_position().is_some();
        let id = match entry.string() {
            StringValue::Bytes(_) => id,
            StringValue::Integer(number) => {
                let access_bits = entry.access_bits();
                let text = StringValue::Bytes(digits.format(number).as_bytes());
                self.replace(id, text, has_deadline, access_bits)
            }
        };
        let entry = self.get(id);
        let access_bits = entry.access_bits();
        let old = entry.shape();
        let flags = old.flags | FLAG_MODIFIED_IN_PLACE;
        let shape = Shape {
            flags,
            value_len: len,
            ..old
        };
        assert!(len <= u32::MAX as usize, "a value is at most 4 GiB");
        let id = if shape.allocation_bytes() == old.allocation_bytes() {
            id
        } else {
            self.reallocate(id, old, shape)
        };
        // SAFETY: the allocation has the new shape's size; the optional fields and the key have
        // kept their places, and the bytes behind the old value are written before they are read.
        unsafe {
            let base = self.base(id);
            write_header(base, shape, access_bits);
            let kept = old.value_len.min(len);
            base.add(shape.value_offset() + kept)
                .write_bytes(0, len - kept);
        }
        id
    }

    fn reallocate(&mut self, id: EntryId, old: Shape, new: Shape) -> EntryId {
        let base = self.base(id);
        let [old_bytes, new_bytes] = [old, new].map(Shape::allocation_bytes);
        // SAFETY: the entry is live with `old`'s size; the old id is dead from here on.
        let moved = unsafe { self.memory.reallocate(base, old_bytes, new_bytes) };
        EntryId(moved as u64)
    }

    /// The text of an entry whose value is not an integer.
    pub(super) fn bytes_mut(&mut self, id: EntryId) -> &mut [u8] {
        let shape = self.get(id).shape();
        assert!(
            shape.flags & FLAG_INTEGER == 0,
            "an integer has no text to change"
        );
        // SAFETY: the entry is live, its value initialised, and `self` is borrowed exclusively.
        unsafe {
            slice::from_raw_parts_mut(self.base(id).add(shape.value_offset()), shape.value_len)
        }
    }

    /// Sets what the entry remembers of its uses.
    #[inline]
    pub(super) fn set_access_bits(&mut self, id: EntryId, access_bits: u16) {
        // SAFETY: the entry is live; the two bytes are part of its header.
        unsafe {
            self.base(id)
                .add(OFFSET_ACCESS)
                .cast::<u16>()
                .write_unaligned(access_bits);
        }
    }

    #[inline]
    fn set_heap_position(&mut self, id: EntryId, position: u32) {
        let base = self.base(id);
        // SAFETY: the entry is live; the flag is checked before the field it stands for is written.
        unsafe {
            assert!(
                *base & FLAG_DEADLINE != 0,
                "a key without a deadline has no heap position"
            );
            base.add(OFFSET_OPTIONAL)
                .cast::<u32>()
                .write_unaligned(position);
        }
    }
}

impl PositionStore for EntryStore {
    #[inline]
    fn set_position(&mut self, payload: u64, position: u32) {
        self.set_heap_position(EntryId::from_payload(payload), position);
    }
}

/// Writes flags, lengths and access word; the heap position is left as it is.
///
/// # Safety
/// `base` must be valid for writes of `shape.key_offset()` bytes.
#[inline]
unsafe fn write_header(base: *mut u8, shape: Shape, access_bits: u16) {
    let short_key_len = shape.key_len.min(usize::from(LONG_KEY)) as u8;
    // SAFETY: the caller vouches for the memory; the fields lie within it.
    unsafe {
        base.add(OFFSET_FLAGS).write(shape.flags);
        base.add(OFFSET_KEY_LEN).write(short_key_len);
        base.add(OFFSET_ACCESS)
            .cast::<u16>()
            .write_unaligned(access_bits);
        base.add(OFFSET_VALUE_LEN)
            .cast::<u32>()
            .write_unaligned(shape.value_len as u32);
        if short_key_len == LONG_KEY {
            let field = base.add(shape.short_key_offset()).cast::<u32>();
            field.write_unaligned(shape.key_len as u32);
        }
    }
}

#[cfg(test)]
mod tests;
