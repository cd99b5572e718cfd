//! Where the blocks of trees are: named memory that its owner hands out and takes back.
//!
//! ```text
//!  byte 0                1       2…7     8…11               12…15
//!  ┌────────────────────┬───────┬───────┬──────────────────┬───────┬───────────
//!  │ 15, level in the   │retired│ born  │ length: the      │ owner │ node or
//!  │ high four bits     │       │       │ store's own      │       │ leaf …
//!  └────────────────────┴───────┴───────┴──────────────────┴───────┴───────────
//! ```
//!
//! Whoever finds a block by its address alone knows by its first byte that it is one, and by level
//! and owner where to look for the word that names it.
//!
//! Not here: what a node (`node.rs`) and a leaf (`structures/block`) have in them.

use crate::base::hash::KeyHasher;
use std::fmt;
use std::ops::Range;

/// Low four bits of a block's first byte: no entry of the keyspace is of this kind.
pub const KIND_BLOCK: u8 = 15;

/// Bytes of the head that every block has.
pub(super) const HEAD_BYTES: usize = 16;

/// Where a store notes how long a block is. The tree leaves these bytes alone.
pub const LENGTH_FIELD: Range<usize> = 8..12;

const OFFSET_RETIRED: usize = 1;
const BORN_FIELD: Range<usize> = 2..8;
const OWNER_FIELD: Range<usize> = 12..16;

/// Names a block: a number of 48 bits, not 0. What it means is the store's matter.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockId(u64);

impl BlockId {
    /// A name.
    ///
    /// # Panics
    /// If `number` is 0 or does not fit 48 bits.
    #[inline]
    pub fn new(number: u64) -> Self {
        assert!(number != 0 && number >> 48 == 0, "ids are 48 bits wide");
        Self(number)
    }

    /// The number again.
    #[inline]
    pub fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for BlockId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "BlockId({:#x})", self.0)
    }
}

/// Hashes the bytes of a key.
pub trait HashBytes: Clone {
    /// The hash of `bytes`, the same each time.
    fn hash_bytes(&self, bytes: &[u8]) -> u64;
}

impl HashBytes for KeyHasher {
    #[inline]
    fn hash_bytes(&self, bytes: &[u8]) -> u64 {
        self.hash(bytes)
    }
}

/// Memory for blocks.
pub trait BlockStore {
    /// What hashes keys.
    type Hasher: HashBytes;

    /// A copy of what hashes keys.
    fn hasher(&self) -> Self::Hasher;

    /// The length worth asking for if at least `len` bytes are needed: what rounding up would
    /// waste.
    fn good_len(&self, len: usize) -> usize;

    /// A block of exactly `len` bytes, at least 16, with anything in them but for its length in
    /// [`LENGTH_FIELD`], little-endian.
    fn allocate(&mut self, len: usize) -> BlockId;

    /// Takes a block back. Its name means nothing any more.
    fn free(&mut self, id: BlockId);

    /// The bytes of a block.
    fn bytes(&self, id: BlockId) -> &[u8];

    /// The bytes of a block, to be changed, all but [`LENGTH_FIELD`].
    fn bytes_mut(&mut self, id: BlockId) -> &mut [u8];

    /// The bytes of two different blocks, the second to be changed.
    fn pair(&mut self, from: BlockId, to: BlockId) -> (&[u8], &mut [u8]);

    /// Asks for the first two lines of a block: a leaf's head and tags.
    fn prefetch(&self, id: BlockId);
}

/// Fills in the head of a block.
pub(super) fn write_head(bytes: &mut [u8], level: usize, born: u64, owner: u32) {
    bytes[0] = KIND_BLOCK | (level as u8) << 4;
    bytes[OFFSET_RETIRED] = 0;
    bytes[BORN_FIELD].copy_from_slice(&born.to_le_bytes()[..6]);
    bytes[OWNER_FIELD].copy_from_slice(&owner.to_le_bytes());
}

/// How far a block stands above the leaves.
#[inline]
pub(super) fn level(bytes: &[u8]) -> usize {
    usize::from(bytes[0] >> 4)
}

/// Notes that only views see a block. The one byte of it that may change then.
pub(super) fn mark_retired(bytes: &mut [u8]) {
    bytes[OFFSET_RETIRED] = 1;
}

/// Whether only views see a block, or nobody any more.
pub(super) fn is_retired(bytes: &[u8]) -> bool {
    bytes[OFFSET_RETIRED] != 0
}

/// The epoch in which a block was made.
#[inline]
pub(super) fn born(bytes: &[u8]) -> u64 {
    read_u48(&bytes[BORN_FIELD])
}

/// The number of the tree that a block belongs to.
pub fn owner(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes[OWNER_FIELD].try_into().expect("four bytes"))
}

/// A number of six bytes.
#[inline]
pub(super) fn read_u48(bytes: &[u8]) -> u64 {
    let low = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let high = u16::from_le_bytes([bytes[4], bytes[5]]);
    u64::from(high) << 32 | u64::from(low)
}
