//! Memory for entries and for the blocks of large collections, and the count of its bytes.
//!
//! ```text
//!  up to 13 KB   a piece of a slab   slabs.rs
//!  up to 1 MiB   whole pages         spans.rs
//!  more          an allocation       the allocator of the process
//! ```
//!
//! Invariants:
//! 1. Memory is taken by [`Memory::allocate`] and given back by [`Memory::free`] with the same
//!    number of bytes, a [`size_class`]. Debug builds keep a set of what is taken.
//! 2. `used_bytes` is the sum of what is taken.
//! 3. All of it has been written at least once, by us or by the system, which gives zeros; only
//!    allocations of the process may be unwritten at first.
//!
//! Cost: up to 7 bytes of rounding, from 128 bytes on up to an eighth, from 13 KB on up to a page.
//!
//! Not here: what stands in it (`entry.rs`, `blocks.rs`).
#![allow(unsafe_code)]

use super::slabs::{Evacuation, PIECE_BYTES_MAX, Slabs, piece_bytes};
use super::spans::{PAGE_BYTES, SPAN_BYTES_MAX, Spans};
use crate::base::hash::KeyHasher;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};

const ALIGNMENT: usize = 8;

/// Bytes taken for `len` bytes: a piece of a slab, or, beyond those, whole pages, and eight sizes
/// to a doubling at most.
#[inline]
pub(super) const fn size_class(len: usize) -> usize {
    if len <= PIECE_BYTES_MAX {
        return piece_bytes(len);
    }
    let eighth = 1 << (usize::BITS - 1 - (len - 1).leading_zeros() - 3);
    len.next_multiple_of(if eighth > PAGE_BYTES {
        eighth
    } else {
        PAGE_BYTES
    })
}

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, ALIGNMENT).expect("key and value are each at most 4 GiB")
}

/// All memory of one keyspace that holds keys and values.
pub struct Memory {
    slabs: Slabs,
    spans: Spans,
    used_bytes: usize,
    /// Of these, what is not in slabs.
    large_bytes: usize,
    /// What the elements of collections are hashed by.
    pub(super) hasher: KeyHasher,
    #[cfg(debug_assertions)]
    live: std::collections::HashSet<u64>,
}

impl Memory {
    pub(super) fn new(hasher: KeyHasher) -> Self {
        Self {
            slabs: Slabs::new(),
            spans: Spans::default(),
            used_bytes: 0,
            large_bytes: 0,
            hasher,
            #[cfg(debug_assertions)]
            live: Default::default(),
        }
    }

    /// Bytes taken, rounding included.
    pub(super) fn used_bytes(&self) -> usize {
        self.used_bytes
    }

    /// Bytes held: those taken, room between them in slabs, spare spans.
    pub(super) fn held_bytes(&self) -> usize {
        self.slabs.held_bytes() + self.large_bytes + self.spans.spare_bytes()
    }

    #[cfg(any(test, debug_assertions))]
    pub(super) fn check_invariants(&self) {
        self.slabs.check_invariants();
        self.spans.check_invariants();
    }

    /// Asserts in debug builds that memory is taken.
    #[inline]
    pub(super) fn assert_live(&self, base: *const u8) {
        #[cfg(debug_assertions)]
        assert!(
            self.live.contains(&(base as u64)),
            "an entry or block is used after it was freed"
        );
        #[cfg(not(debug_assertions))]
        let _ = base;
    }

    #[inline]
    fn note_taken(&mut self, base: *mut u8, bytes: usize) -> *mut u8 {
        self.used_bytes += bytes;
        #[cfg(debug_assertions)]
        self.live.insert(base as u64);
        base
    }

    #[inline]
    fn note_given_back(&mut self, base: *mut u8, bytes: usize) {
        self.used_bytes -= bytes;
        #[cfg(debug_assertions)]
        assert!(
            self.live.remove(&(base as u64)),
            "an entry or block is freed twice"
        );
        #[cfg(not(debug_assertions))]
        let _ = base;
    }

    /// Takes `bytes`, which are a size class, aligned to 8.
    #[inline]
    pub(super) fn allocate(&mut self, bytes: usize) -> *mut u8 {
        debug_assert_eq!(bytes, size_class(bytes));
        if bytes <= PIECE_BYTES_MAX {
            let base = self.slabs.allocate(bytes);
            return self.note_taken(base, bytes);
        }
        self.large_bytes += bytes;
        if bytes <= SPAN_BYTES_MAX {
            let base = self.spans.allocate(bytes);
            return self.note_taken(base, bytes);
        }
        // SAFETY: the layout is not empty.
        let base = unsafe { alloc(layout(bytes)) };
        if base.is_null() {
            handle_alloc_error(layout(bytes));
        }
        self.note_taken(base, bytes)
    }

    /// Gives `bytes` back.
    ///
    /// # Safety
    /// `base` must come from this value with as many bytes, and nobody may use it any more.
    #[inline]
    pub(super) unsafe fn free(&mut self, base: *mut u8, bytes: usize) {
        self.note_given_back(base, bytes);
        if bytes <= PIECE_BYTES_MAX {
            // SAFETY: the caller vouches for it.
            unsafe { self.slabs.free(base, bytes) };
            return;
        }
        self.large_bytes -= bytes;
        if bytes <= SPAN_BYTES_MAX {
            // SAFETY: as above.
            unsafe { self.spans.free(base, bytes) };
        } else {
            // SAFETY: as above.
            unsafe { dealloc(base, layout(bytes)) };
        }
    }

    /// Gives `old_bytes` back and takes `new_bytes`, with as much of their content as fits.
    ///
    /// # Safety
    /// As for [`Memory::free`].
    pub(super) unsafe fn reallocate(
        &mut self,
        base: *mut u8,
        old_bytes: usize,
        new_bytes: usize,
    ) -> *mut u8 {
        if old_bytes.min(new_bytes) > SPAN_BYTES_MAX {
            self.note_given_back(base, old_bytes);
            self.large_bytes = self.large_bytes - old_bytes + new_bytes;
            // SAFETY: the caller vouches for `base`; the new size is not zero and fits `isize`
            // because its layout exists.
            let moved = unsafe { realloc(base, layout(old_bytes), layout(new_bytes).size()) };
            if moved.is_null() {
                handle_alloc_error(layout(new_bytes));
            }
            return self.note_taken(moved, new_bytes);
        }
        let moved = self.allocate(new_bytes);
        // SAFETY: two different pieces or allocations of at least that many bytes; the old one ends
        // here.
        unsafe {
            moved.copy_from_nonoverlapping(base, old_bytes.min(new_bytes));
            self.free(base, old_bytes);
        }
        moved
    }

    /// Whether memory that was given back is held that should go back to the system.
    pub(super) fn has_surplus(&self) -> bool {
        self.slabs.has_surplus()
    }

    /// Gives a bounded part of it back.
    pub(super) fn release_some(&mut self) {
        self.slabs.release_some();
    }

    /// Whether moving pieces together would set memory free.
    pub(super) fn is_worth_compacting(&self) -> bool {
        self.slabs.is_worth_compacting()
    }

    /// Begins to empty a slab whose pieces are then to be moved by [`Memory::evacuate`].
    pub(super) fn begin_evacuation(&mut self) -> Option<Evacuation> {
        self.slabs.begin_evacuation()
    }

    /// Ends it.
    pub(super) fn end_evacuation(&mut self, evacuation: Evacuation) {
        self.slabs.end_evacuation(evacuation);
    }

    /// A copy of a piece of the slab that is being emptied, which is to be given up by
    /// [`Memory::abandon`] when nobody names it any more.
    ///
    /// # Safety
    /// `old` must be such a piece with `bytes`.
    pub(super) unsafe fn evacuate(&mut self, old: *mut u8, bytes: usize) -> *mut u8 {
        let new = self.allocate(bytes);
        // SAFETY: two different pieces of this size; the old one is in the slab under evacuation,
        // so it is not what was just allocated.
        unsafe { new.copy_from_nonoverlapping(old, bytes) };
        new
    }

    /// Gives up a piece of the slab that is being emptied.
    ///
    /// # Safety
    /// `old` must be such a piece with `bytes`, and nobody may use it any more.
    pub(super) unsafe fn abandon(&mut self, old: *mut u8, bytes: usize) {
        self.note_given_back(old, bytes);
        // SAFETY: the caller vouches for it.
        unsafe { self.slabs.abandon(old, bytes) };
    }
}
