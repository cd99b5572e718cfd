//! The blocks of large collections in the keyspace's memory.
//!
//! Invariant: a [`BlockId`] is the address of memory that [`BlockStore::allocate`] took, of the
//! size class of the length that stands in its [`LENGTH_FIELD`].
//!
//! Not here: what stands in a block (`structures/block_tree`), which collection it belongs to
//! (`collections.rs`).
#![allow(unsafe_code)]

use super::memory::{Memory, size_class};
use super::spans::SPAN_BYTES_MAX;
use crate::base::hash::KeyHasher;
use crate::base::prefetch::prefetch;
use crate::structures::block_tree::{BlockId, BlockStore, KIND_BLOCK, LENGTH_FIELD};
use std::slice;

/// Bytes of a line of the processor's cache, on nearly all of them.
const LINE_BYTES: usize = 64;

/// The bits of a first byte that tell blocks and the kinds of entries apart.
const KIND_MASK: u8 = 0x0f;

impl Memory {
    #[inline]
    fn block_base(&self, id: BlockId) -> *mut u8 {
        let base = id.number() as *mut u8;
        self.assert_live(base);
        base
    }

    #[inline]
    fn block_len(&self, base: *const u8) -> usize {
        // SAFETY: a block has at least 16 bytes, of which its length is part; it was written when
        // the block was made and nobody else writes there.
        let len = unsafe { base.add(LENGTH_FIELD.start).cast::<u32>().read_unaligned() };
        u32::from_le(len) as usize
    }
}

impl BlockStore for Memory {
    type Hasher = KeyHasher;

    #[inline]
    fn hasher(&self) -> KeyHasher {
        self.hasher.clone()
    }

    #[inline]
    fn good_len(&self, len: usize) -> usize {
        size_class(len)
    }

    fn allocate(&mut self, len: usize) -> BlockId {
        let length = u32::try_from(len).expect("elements are shorter than 4 GiB");
        let bytes = size_class(len);
        let base = Self::allocate(self, bytes);
        // SAFETY: the memory is ours alone and has so many bytes, at least 16.
        unsafe {
            if bytes > SPAN_BYTES_MAX {
                // All other memory has been written before.
                base.write_bytes(0, bytes);
            }
            let field = base.add(LENGTH_FIELD.start).cast::<u32>();
            field.write_unaligned(length.to_le());
        }
        BlockId::new(base as u64)
    }

    fn free(&mut self, id: BlockId) {
        let base = self.block_base(id);
        let bytes = size_class(self.block_len(base));
        // SAFETY: the block was allocated with this length, and its id is dead now.
        unsafe { Self::free(self, base, bytes) };
    }

    #[inline]
    fn bytes(&self, id: BlockId) -> &[u8] {
        let base = self.block_base(id);
        // SAFETY: the block is live and has so many bytes, all written at least once; while `self`
        // is borrowed, nobody changes them.
        unsafe { slice::from_raw_parts(base, self.block_len(base)) }
    }

    #[inline]
    fn bytes_mut(&mut self, id: BlockId) -> &mut [u8] {
        let base = self.block_base(id);
        // SAFETY: as in `bytes`; `self` is borrowed exclusively.
        unsafe { slice::from_raw_parts_mut(base, self.block_len(base)) }
    }

    fn pair(&mut self, from: BlockId, to: BlockId) -> (&[u8], &mut [u8]) {
        assert!(from != to, "two different blocks");
        let (source, target) = (self.block_base(from), self.block_base(to));
        // SAFETY: as in `bytes` and `bytes_mut`; two live blocks don't overlap.
        unsafe {
            (
                slice::from_raw_parts(source, self.block_len(source)),
                slice::from_raw_parts_mut(target, self.block_len(target)),
            )
        }
    }

    #[inline]
    fn prefetch(&self, id: BlockId) {
        let base = id.number() as *const u8;
        prefetch(base);
        prefetch(base.wrapping_add(LINE_BYTES));
    }
}

impl Memory {
    /// A copy of a block of the slab that is being emptied, elsewhere.
    pub(super) fn copy_block(&mut self, from: BlockId) -> BlockId {
        let base = self.block_base(from);
        let bytes = size_class(self.block_len(base));
        // SAFETY: the block is live and takes so many bytes.
        let moved = unsafe { self.evacuate(base, bytes) };
        BlockId::new(moved as u64)
    }

    /// Gives up a block of the slab that is being emptied.
    pub(super) fn abandon_block(&mut self, id: BlockId) {
        let base = self.block_base(id);
        let bytes = size_class(self.block_len(base));
        // SAFETY: the block is live and takes so many bytes; its id is dead now.
        unsafe { self.abandon(base, bytes) };
    }

    /// The block that begins at an address, if what begins there is one and no entry.
    ///
    /// # Panics
    /// In debug builds if nothing begins there.
    pub(super) fn block_at(&self, address: u64) -> Option<BlockId> {
        let base = address as *const u8;
        self.assert_live(base);
        // SAFETY: an entry or block begins there, so there are at least 16 bytes.
        let first = unsafe { *base };
        (first & KIND_MASK == KIND_BLOCK).then(|| BlockId::new(address))
    }
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use super::*;

    /// Goal: the tests that run under a sanitizer see a block that is used too long, though it lies
    /// in a slab of which the sanitizer knows nothing. Method: a canary.
    #[test]
    #[should_panic(expected = "used after it was freed")]
    fn a_block_that_is_used_after_it_was_freed_is_noticed() {
        let mut memory = Memory::new(KeyHasher::new(1));
        let id = BlockStore::allocate(&mut memory, 100);
        BlockStore::free(&mut memory, id);
        memory.bytes(id);
    }

    #[test]
    #[should_panic(expected = "used after it was freed")]
    fn a_block_that_is_freed_twice_is_noticed() {
        let mut memory = Memory::new(KeyHasher::new(1));
        let id = BlockStore::allocate(&mut memory, 100);
        BlockStore::free(&mut memory, id);
        BlockStore::free(&mut memory, id);
    }
}
