//! Memory for larger entries: spans of whole pages, which go back to the system when they are free.
//!
//! ```text
//!  region    [ span 68 KiB │ free │ span 16 KiB │ free …              ]   addresses from the system
//!  free ──▶ spare (backed, the next of its size takes it) ──▶ released: addresses only, one range
//!                                                             with its free neighbours
//! ```
//!
//! Why not the general allocator: it puts values of one size together and keeps the room of those
//! that go for others of that size. When sizes shift, what it holds grows to half as much again as
//! what is in use, and an entry this large costs too much to move. Here memory is held page by
//! page, so it can't be held by anything but an entry; what falls into pieces is the address space,
//! which is plenty.
//!
//! Invariants (`check_invariants`): free ranges don't touch each other, and the two indices of them
//! agree; a span in use is in no free range, and `spare_bytes` is the sum of the spare ones.
//!
//! Cost: up to a page less a byte for each entry, which the caller's rounding counts; O(log free
//! ranges), and one call of the system to back a span that is not spare and one to release it.
//! Where pages are larger than [`PAGE_BYTES`], those on a border stay.
//!
//! Not here: smaller entries (`slabs.rs`); the largest ones (the general allocator, `entry.rs`).
#![allow(unsafe_code)]

use super::slabs::{back, map_addresses, release, unmap};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Spans are multiples of this.
pub(super) const PAGE_BYTES: usize = 4096;

/// The largest span there is. What is larger is rare, and the general allocator asks the system
/// for each of it.
pub(super) const SPAN_BYTES_MAX: usize = 1 << 20;

const REGION_BYTES: usize = 16 << 20;

/// Free spans that stay backed, and their bytes: a writer that evicts as much as it writes meets
/// its own sizes again soon.
const SPARE_SPANS_MAX: usize = 32;
const SPARE_BYTES_MAX: usize = 1 << 20;

/// All spans of one keyspace.
#[derive(Default)]
pub(super) struct Spans {
    /// Mappings to be given back at the end: address and bytes.
    regions: Vec<(usize, usize)>,
    /// Free ranges that are not backed: address and bytes …
    free_bytes_at: BTreeMap<usize, usize>,
    /// … and the same by bytes and address.
    free_by_bytes: BTreeSet<(usize, usize)>,
    /// Free spans that are still backed, the latest last: address and bytes.
    spare: VecDeque<(usize, usize)>,
    spare_bytes: usize,
}

impl Spans {
    /// Bytes of free spans that are still backed.
    pub(super) fn spare_bytes(&self) -> usize {
        self.spare_bytes
    }

    /// A span of `bytes`, a multiple of [`PAGE_BYTES`] and at most [`SPAN_BYTES_MAX`].
    pub(super) fn allocate(&mut self, bytes: usize) -> *mut u8 {
        debug_assert!(bytes.is_multiple_of(PAGE_BYTES) && bytes <= SPAN_BYTES_MAX);
        if let Some(index) = self.spare.iter().rposition(|spare| spare.1 == bytes) {
            let (address, _) = self.spare.remove(index).expect("it was just found");
            self.spare_bytes -= bytes;
            return address as *mut u8;
        }
        let address = self.take_range(bytes);
        // SAFETY: the span is part of a mapping of ours and nobody uses it.
        unsafe { back(address as *mut u8, bytes) };
        address as *mut u8
    }

    /// Takes back a span that was allocated with the same `bytes`.
    ///
    /// # Safety
    /// `span` must come from [`Spans::allocate`] of this value with these `bytes`, and not have
    /// been freed since.
    pub(super) unsafe fn free(&mut self, span: *mut u8, bytes: usize) {
        self.spare.push_back((span as usize, bytes));
        self.spare_bytes += bytes;
        while self.spare_bytes > SPARE_BYTES_MAX || self.spare.len() > SPARE_SPANS_MAX {
            let oldest = self.spare.pop_front();
            let (address, bytes) = oldest.expect("there is one, because there are too many");
            self.spare_bytes -= bytes;
            // SAFETY: the span is part of a mapping of ours, and the caller has given it up.
            unsafe { release(address as *mut u8, bytes) };
            self.give_range(address, bytes);
        }
    }

    /// Addresses that nobody uses, from the least free range that is large enough.
    fn take_range(&mut self, bytes: usize) -> usize {
        let fitting = self.free_by_bytes.range((bytes, 0)..).next().copied();
        let (range_bytes, address) = fitting.unwrap_or_else(|| {
            let address = map_addresses(REGION_BYTES) as usize;
            self.regions.push((address, REGION_BYTES));
            self.give_range(address, REGION_BYTES);
            // A neighbouring region may have been joined with it.
            let last = self.free_by_bytes.last();
            *last.expect("a whole region is free")
        });
        self.free_by_bytes.remove(&(range_bytes, address));
        self.free_bytes_at.remove(&address);
        if range_bytes > bytes {
            self.insert_range(address + bytes, range_bytes - bytes);
        }
        address
    }

    fn give_range(&mut self, mut address: usize, mut bytes: usize) {
        let before = self.free_bytes_at.range(..address).next_back();
        if let Some((&start, &before_bytes)) = before
            && start + before_bytes == address
        {
            self.remove_range(start, before_bytes);
            address = start;
            bytes += before_bytes;
        }
        if let Some(&behind_bytes) = self.free_bytes_at.get(&(address + bytes)) {
            self.remove_range(address + bytes, behind_bytes);
            bytes += behind_bytes;
        }
        self.insert_range(address, bytes);
    }

    fn insert_range(&mut self, address: usize, bytes: usize) {
        self.free_bytes_at.insert(address, bytes);
        self.free_by_bytes.insert((bytes, address));
    }

    fn remove_range(&mut self, address: usize, bytes: usize) {
        self.free_bytes_at.remove(&address);
        self.free_by_bytes.remove(&(bytes, address));
    }

    #[cfg(any(test, debug_assertions))]
    pub(super) fn check_invariants(&self) {
        assert_eq!(self.free_bytes_at.len(), self.free_by_bytes.len());
        let mut end = 0;
        for (&address, &bytes) in &self.free_bytes_at {
            assert!(self.free_by_bytes.contains(&(bytes, address)));
            assert!(address > end, "free ranges touch or overlap");
            end = address + bytes;
        }
        let spare_bytes: usize = self.spare.iter().map(|spare| spare.1).sum();
        assert_eq!(spare_bytes, self.spare_bytes);
    }
}

impl Drop for Spans {
    fn drop(&mut self) {
        for (address, bytes) in self.regions.drain(..) {
            // SAFETY: the mapping is ours, and whoever had spans of it is gone: the keyspace frees
            // its entries first.
            unsafe { unmap(address as *mut u8, bytes) };
        }
    }
}

#[cfg(test)]
mod tests;
