//! The allocator of the server: large blocks are mappings of their own, and go back to the system
//! soon after they were freed, a piece a step.
//!
//! ```text
//!  < LARGE_BYTES_MIN ──▶ the allocator below (mimalloc)
//!  larger            ──▶ mmap; grown and shrunk by mremap, which moves no byte
//!  freed ──▶ list ─┬─▶ the next block of its size, if it is wanted soon
//!                  └─▶ release_some: munmap, STEP_BYTES at a time from its end
//! ```
//!
//! Why not the general allocator: it keeps what large blocks took, for ever if no other of that
//! size comes, and grows a block by copying it, so that a reply is there twice while it is built.
//! Why not munmap at once: the system takes a tenth of a millisecond for each mebibyte, so a value
//! of 400 MB would stop the loop for tens of them.
//!
//! A few freed blocks stay at hand for a moment ([`FreedMemory`]), because a writer of large values
//! meets its own sizes again at once.
//!
//! Invariants: a block is in use or in the list, never both; a block in the list begins with its
//! [`Link`], and its length there is what is still mapped of it. Without a loop that releases in
//! steps, a freed block is unmapped at once.
//!
//! Cost: a comparison for each allocation; two calls of the system and its zeroed pages for a large
//! one, none of it if a block of the same size was freed shortly before.
//!
//! Not here: values up to 1 MiB (`keyspace/spans.rs`).
#![allow(unsafe_code)]

use crate::base::clock::{SystemClock, Timestamp};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use std::alloc::{GlobalAlloc, Layout};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Blocks of this size and more are mappings of their own.
const LARGE_BYTES_MIN: usize = 128 << 10;

/// What one step gives back: about a tenth of a millisecond.
const STEP_BYTES: usize = 1 << 20;

const PAGE_BYTES: usize = 4096;

/// Freed blocks that are looked at for one of the wanted size, the latest first.
const LOOKED_AT_MAX: usize = 8;

/// Freed blocks that stay at hand, in bytes, …
const SPARE_BYTES: usize = 8 << 20;

/// … and for how long, after the last was freed or taken.
const SPARE_US: u64 = 500_000;

/// Time in a turn of the loop for giving back what is more.
const SLICE_US: u64 = 100;

/// Bytes in the list.
static FREED_BYTES: AtomicUsize = AtomicUsize::new(0);

/// There is a [`FreedMemory`], whose owner calls it.
static IS_RELEASED_IN_STEPS: AtomicBool = AtomicBool::new(false);

static FREED: Mutex<FreedBlocks> = Mutex::new(FreedBlocks {
    oldest: ptr::null_mut(),
    latest: ptr::null_mut(),
});

/// When freed blocks go back to the system. Whoever has this is to ask it every turn of its loop.
pub(super) struct FreedMemory {
    /// The bytes in the list when it last changed, …
    seen_bytes: usize,
    /// … and when that was.
    changed_us: u64,
}

impl FreedMemory {
    /// From now on blocks are freed in steps.
    pub(super) fn new() -> Self {
        IS_RELEASED_IN_STEPS.store(true, Ordering::Relaxed);
        Self {
            seen_bytes: 0,
            changed_us: 0,
        }
    }

    /// Whether there is something to give back at once.
    pub(super) fn has_surplus(&self, now: Timestamp) -> bool {
        freed_bytes() > self.kept_bytes(now)
    }

    /// How long the loop may wait, because of what is kept for a while.
    pub(super) fn next_wake_ms(&self) -> Option<u64> {
        (freed_bytes() > 0).then_some(SPARE_US / 1_000)
    }

    /// Lets nothing be kept any longer.
    pub(super) fn purge(&mut self) {
        self.changed_us = 0;
    }

    fn kept_bytes(&self, now: Timestamp) -> usize {
        let is_idle = now.monotonic_us >= self.changed_us + SPARE_US;
        if is_idle { 0 } else { SPARE_BYTES }
    }

    /// Gives surplus back for about one slice of time from `begin_us` on. Returns when it ended.
    pub(super) fn release(&mut self, now: Timestamp, begin_us: u64, clock: &SystemClock) -> u64 {
        if freed_bytes() != self.seen_bytes {
            self.changed_us = now.monotonic_us;
        }
        let kept_bytes = self.kept_bytes(now);
        let mut at_us = begin_us;
        while freed_bytes() > kept_bytes && at_us < begin_us + SLICE_US {
            release_some();
            at_us = clock.monotonic_us();
        }
        self.seen_bytes = freed_bytes();
        at_us
    }
}

impl Drop for FreedMemory {
    fn drop(&mut self) {
        IS_RELEASED_IN_STEPS.store(false, Ordering::Relaxed);
        while freed_bytes() > 0 {
            release_some();
        }
    }
}

/// Bytes of freed blocks that the system has not got back yet.
fn freed_bytes() -> usize {
    FREED_BYTES.load(Ordering::Relaxed)
}

/// Gives up to [`STEP_BYTES`] of the block that was freed first back to the system.
fn release_some() {
    // The call of the system is made when nobody is kept from the list any more.
    let Some((start, bytes)) = locked().cut_oldest() else {
        return;
    };
    // SAFETY: the range is whole pages of a mapping of ours, and has left the list.
    unsafe { unmap(start, bytes) };
}

fn locked() -> MutexGuard<'static, FreedBlocks> {
    // Nothing panics with the list half changed.
    FREED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What stands at the beginning of a freed block.
struct Link {
    /// The block that was freed before this one.
    older: *mut Link,
    /// The block that was freed after it.
    later: *mut Link,
    /// Its length, in whole pages.
    bytes: usize,
}

/// Blocks that were freed, in that order.
struct FreedBlocks {
    oldest: *mut Link,
    latest: *mut Link,
}

// SAFETY: the list owns the blocks in it, whichever thread freed them.
unsafe impl Send for FreedBlocks {}

impl FreedBlocks {
    /// # Safety
    /// `block` must be a mapping of ours of `bytes`, and nobody may use it any more.
    unsafe fn push(&mut self, block: *mut u8, bytes: usize) {
        let link = block.cast::<Link>();
        let older = self.latest;
        // SAFETY: the block is ours, begins with a page and so is aligned; `older` is in the list.
        unsafe {
            link.write(Link {
                older,
                later: ptr::null_mut(),
                bytes,
            });
            if older.is_null() {
                self.oldest = link;
            } else {
                (*older).later = link;
            }
        }
        self.latest = link;
        FREED_BYTES.fetch_add(bytes, Ordering::Relaxed);
    }

    /// # Safety
    /// `link` must be in the list.
    unsafe fn remove(&mut self, link: *mut Link) {
        // SAFETY: the caller vouches for `link`; its neighbours are in the list as well.
        unsafe {
            let Link {
                older,
                later,
                bytes,
            } = link.read();
            if older.is_null() {
                self.oldest = later;
            } else {
                (*older).later = later;
            }
            if later.is_null() {
                self.latest = older;
            } else {
                (*later).older = older;
            }
            FREED_BYTES.fetch_sub(bytes, Ordering::Relaxed);
        }
    }

    /// Takes a block of just this length out, if one was freed lately.
    fn take(&mut self, bytes: usize) -> Option<*mut u8> {
        let mut link = self.latest;
        for _ in 0..LOOKED_AT_MAX {
            if link.is_null() {
                return None;
            }
            // SAFETY: `link` is in the list.
            unsafe {
                if (*link).bytes == bytes {
                    self.remove(link);
                    return Some(link.cast());
                }
                link = (*link).older;
            }
        }
        None
    }

    /// Takes the last [`STEP_BYTES`] of the oldest block, or what is left of it, out of the list.
    fn cut_oldest(&mut self) -> Option<(*mut u8, usize)> {
        let link = self.oldest;
        if link.is_null() {
            return None;
        }
        // SAFETY: `link` is in the list, and the range within its block.
        unsafe {
            let bytes = (*link).bytes;
            if bytes <= STEP_BYTES {
                self.remove(link);
                return Some((link.cast(), bytes));
            }
            (*link).bytes = bytes - STEP_BYTES;
            FREED_BYTES.fetch_sub(STEP_BYTES, Ordering::Relaxed);
            Some((link.cast::<u8>().add(bytes - STEP_BYTES), STEP_BYTES))
        }
    }
}

/// An allocator that leaves small blocks to another one.
pub struct LargeBlocks<A>(A);

impl<A> LargeBlocks<A> {
    /// Puts itself above `small`.
    pub const fn above(small: A) -> Self {
        Self(small)
    }
}

fn is_large(layout: Layout) -> bool {
    layout.size() >= LARGE_BYTES_MIN && layout.align() <= PAGE_BYTES
}

/// Bytes of the mapping for a block; `None` if no address space is that large.
fn mapped_bytes(bytes: usize) -> Option<usize> {
    bytes.checked_next_multiple_of(PAGE_BYTES)
}

/// New zeroed memory; null if there is none.
fn map(bytes: usize) -> *mut u8 {
    let flags = MapFlags::PRIVATE;
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new anonymous mapping at a place of the system's choice.
    let mapped = unsafe { mmap_anonymous(ptr::null_mut(), bytes, access, flags) };
    mapped.map_or(ptr::null_mut(), <*mut _>::cast)
}

/// # Safety
/// The range must be whole pages of a mapping of [`map`], and nobody may use it any more.
unsafe fn unmap(start: *mut u8, bytes: usize) {
    // SAFETY: the caller vouches for the range.
    unsafe { _ = munmap(start.cast(), bytes) };
}

/// Makes a mapping longer or shorter, at another place if need be; null if that is not possible,
/// and then it is as it was.
///
/// # Safety
/// `block` must be a mapping of [`map`] of `old_bytes`.
#[cfg(target_os = "linux")]
unsafe fn remap(block: *mut u8, old_bytes: usize, new_bytes: usize) -> *mut u8 {
    use rustix::mm::{MremapFlags, mremap};
    // SAFETY: the caller vouches for the mapping.
    let moved = unsafe { mremap(block.cast(), old_bytes, new_bytes, MremapFlags::MAYMOVE) };
    moved.map_or(ptr::null_mut(), <*mut _>::cast)
}

/// As above, where the system has no such call.
///
/// # Safety
/// As above.
#[cfg(not(target_os = "linux"))]
unsafe fn remap(block: *mut u8, old_bytes: usize, new_bytes: usize) -> *mut u8 {
    let moved = map(new_bytes);
    if !moved.is_null() {
        // SAFETY: the new mapping is another one; the caller vouches for the old.
        unsafe {
            moved.copy_from_nonoverlapping(block, old_bytes.min(new_bytes));
            unmap(block, old_bytes);
        }
    }
    moved
}

// SAFETY: which of both ways a block goes depends on its layout alone, which is the same at its
// beginning and at its end; each way keeps to the contract: `A` by its own, mappings because they
// have at least the bytes asked for, are aligned to pages and belong to one block.
unsafe impl<A: GlobalAlloc> GlobalAlloc for LargeBlocks<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !is_large(layout) {
            // SAFETY: the caller's duties are the same.
            return unsafe { self.0.alloc(layout) };
        }
        let Some(bytes) = mapped_bytes(layout.size()) else {
            return ptr::null_mut();
        };
        let freed = locked().take(bytes);
        freed.unwrap_or_else(|| map(bytes))
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !is_large(layout) {
            // SAFETY: the caller's duties are the same.
            return unsafe { self.0.alloc_zeroed(layout) };
        }
        mapped_bytes(layout.size()).map_or(ptr::null_mut(), map)
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if !is_large(layout) {
            // SAFETY: the caller's duties are the same.
            return unsafe { self.0.dealloc(block, layout) };
        }
        let bytes = mapped_bytes(layout.size()).expect("it was mapped");
        // SAFETY: the block is a mapping of this length, and its owner has given it up.
        unsafe {
            if IS_RELEASED_IN_STEPS.load(Ordering::Relaxed) {
                locked().push(block, bytes);
            } else {
                unmap(block, bytes);
            }
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller vouches that the new size is valid with this alignment.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        match (is_large(layout), is_large(new_layout)) {
            // SAFETY: the caller's duties are the same.
            (false, false) => unsafe { self.0.realloc(block, layout, new_size) },
            (true, true) => {
                let [old, new] = [layout, new_layout].map(|layout| mapped_bytes(layout.size()));
                let (Some(old), Some(new)) = (old, new) else {
                    return ptr::null_mut();
                };
                // SAFETY: the block is a mapping of this length.
                unsafe { remap(block, old, new) }
            }
            // SAFETY: both blocks have at least the bytes that are copied, and are two; the old one
            // ends when they are.
            _ => unsafe {
                let moved = self.alloc(new_layout);
                if !moved.is_null() {
                    moved.copy_from_nonoverlapping(block, layout.size().min(new_size));
                    self.dealloc(block, layout);
                }
                moved
            },
        }
    }
}

#[cfg(test)]
mod tests;
