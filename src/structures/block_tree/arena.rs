//! Memory for trees without a keyspace: what tests, fuzz targets and benchmarks use.
//!
//! ```text
//!  chunk 1 MiB   [ block │ block │ … │ never used ]      id = chunk · 2^32 + offset
//!  free lists    one for each size
//! ```
//!
//! Sizes are those of the keyspace's slabs, so the bytes that are measured here are those that are
//! used there. In debug builds it keeps the set of live blocks and asserts each access against it,
//! and what is freed is overwritten.
//!
//! Cost: O(1); an id leads to its block by one look-up in a short list of chunks.
//!
//! Not here: giving memory back to the system.

use super::store::{BlockId, BlockStore, HashBytes, LENGTH_FIELD};
use crate::base::prefetch::prefetch;
use std::collections::{HashMap, HashSet};

const CHUNK_BYTES: usize = 1 << 20;

/// Larger blocks have a chunk for themselves.
const SHARED_BYTES_MAX: usize = 64 << 10;

/// Bytes of a line of the processor's cache, on nearly all of them.
const LINE_BYTES: usize = 64;

/// What a slab of 64 KiB has for its pieces.
const SLAB_BYTES: usize = (64 << 10) - 64;

/// A store in plain vectors.
pub struct Arena<H> {
    hasher: H,
    chunks: Vec<Box<[u8]>>,
    /// Where the chunk that is being filled goes on.
    filling: Option<(usize, usize)>,
    free: HashMap<usize, Vec<BlockId>>,
    used_bytes: usize,
    live: HashSet<BlockId>,
}

impl<H: HashBytes> Arena<H> {
    /// An empty store whose keys are hashed so.
    pub fn new(hasher: H) -> Self {
        Self {
            hasher,
            chunks: Vec::new(),
            filling: None,
            free: HashMap::new(),
            used_bytes: 0,
            live: HashSet::new(),
        }
    }

    /// Bytes of all blocks that were not given back.
    pub fn used_bytes(&self) -> usize {
        self.used_bytes
    }

    /// All blocks that were not given back; only in debug builds.
    pub fn live(&self) -> &HashSet<BlockId> {
        &self.live
    }

    fn place(id: BlockId) -> (usize, usize) {
        let number = id.number() - 1;
        ((number >> 32) as usize, number as u32 as usize)
    }

    fn id(chunk: usize, offset: usize) -> BlockId {
        BlockId::new(((chunk as u64) << 32 | offset as u64) + 1)
    }

    fn len_at(bytes: &[u8]) -> usize {
        let field = bytes[LENGTH_FIELD].try_into().expect("four bytes");
        u32::from_le_bytes(field) as usize
    }

    fn fresh(&mut self, len: usize) -> BlockId {
        if len > SHARED_BYTES_MAX {
            self.chunks.push(vec![0; len].into_boxed_slice());
            return Self::id(self.chunks.len() - 1, 0);
        }
        let (chunk, offset) = match self.filling {
            Some((chunk, offset)) if offset + len <= CHUNK_BYTES => (chunk, offset),
            _ => {
                self.chunks.push(vec![0; CHUNK_BYTES].into_boxed_slice());
                (self.chunks.len() - 1, 0)
            }
        };
        self.filling = Some((chunk, offset + len));
        Self::id(chunk, offset)
    }

    #[inline]
    fn assert_live(&self, id: BlockId) {
        debug_assert!(self.live.contains(&id), "a block that was freed is used");
    }
}

impl<H: HashBytes> BlockStore for Arena<H> {
    type Hasher = H;

    fn hasher(&self) -> H {
        self.hasher.clone()
    }

    fn good_len(&self, len: usize) -> usize {
        match len {
            0..=16 => 16,
            17..=128 => len.next_multiple_of(8),
            129..=2048 => {
                let eighth = 1 << (usize::BITS - 1 - (len - 1).leading_zeros() - 3);
                len.next_multiple_of(eighth)
            }
            2049..=13_000 => SLAB_BYTES / (SLAB_BYTES / len.next_multiple_of(8)) / 8 * 8,
            _ => len.next_multiple_of(4096),
        }
    }

    fn allocate(&mut self, len: usize) -> BlockId {
        let reused = self.free.get_mut(&len).and_then(Vec::pop);
        let id = reused.unwrap_or_else(|| self.fresh(len));
        self.used_bytes += len;
        let (chunk, offset) = Self::place(id);
        let length = u32::try_from(len).expect("blocks are shorter than 4 GiB");
        self.chunks[chunk][offset..][LENGTH_FIELD].copy_from_slice(&length.to_le_bytes());
        if cfg!(debug_assertions) {
            assert!(self.live.insert(id), "a block is handed out once");
        }
        id
    }

    fn free(&mut self, id: BlockId) {
        if cfg!(debug_assertions) {
            assert!(self.live.remove(&id), "a block is freed once");
        }
        let (chunk, offset) = Self::place(id);
        let len = Self::len_at(&self.chunks[chunk][offset..]);
        if cfg!(debug_assertions) {
            self.chunks[chunk][offset..offset + len].fill(0xdd);
        }
        self.used_bytes -= len;
        self.free.entry(len).or_default().push(id);
    }

    #[inline]
    fn bytes(&self, id: BlockId) -> &[u8] {
        self.assert_live(id);
        let (chunk, offset) = Self::place(id);
        let rest = &self.chunks[chunk][offset..];
        &rest[..Self::len_at(rest)]
    }

    #[inline]
    fn bytes_mut(&mut self, id: BlockId) -> &mut [u8] {
        self.assert_live(id);
        let (chunk, offset) = Self::place(id);
        let rest = &mut self.chunks[chunk][offset..];
        let len = Self::len_at(rest);
        &mut rest[..len]
    }

    fn pair(&mut self, from: BlockId, to: BlockId) -> (&[u8], &mut [u8]) {
        self.assert_live(from);
        self.assert_live(to);
        let ((from_chunk, from_offset), (to_chunk, to_offset)) =
            (Self::place(from), Self::place(to));
        let (from, to) = if from_chunk == to_chunk {
            let chunk = &mut self.chunks[from_chunk];
            let border = from_offset.max(to_offset);
            let (low, high) = chunk.split_at_mut(border);
            if from_offset < to_offset {
                (&mut low[from_offset..], high)
            } else {
                (high, &mut low[to_offset..])
            }
        } else {
            let chunks = self.chunks.get_disjoint_mut([from_chunk, to_chunk]);
            let [from, to] = chunks.expect("two chunks that are there");
            (&mut from[from_offset..], &mut to[to_offset..])
        };
        let (from_len, to_len) = (Self::len_at(from), Self::len_at(to));
        (&from[..from_len], &mut to[..to_len])
    }

    #[inline]
    fn prefetch(&self, id: BlockId) {
        let (chunk, offset) = Self::place(id);
        let first = &raw const self.chunks[chunk][offset];
        prefetch(first);
        prefetch(first.wrapping_add(LINE_BYTES));
    }
}
