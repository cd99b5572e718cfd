//! The buckets of a segment, in chunks of one kibibyte.
//!
//! ```text
//!  near  [ ▪ ▪ ▪ ▪ ▪ · · ]──▶ 16 buckets each        far  (only beyond 112 buckets)
//! ```
//!
//! All chunks of all segments have one size. So what a segment gives back when it is rebuilt is
//! just what the next one needs, and the allocator keeps nothing in sizes that nobody asks for any
//! more: with arrays of 4, 5, 6 and 7 KiB that was one byte in eight.
//!
//! Cost: 8 bytes a chunk in the segment's header. Finding a bucket reads the header, as it would
//! for the address of an array.
//!
//! Not here: which bucket (`segment.rs`).

use super::bucket::Bucket;
use arrayvec::ArrayVec;
use std::ops::{Index, IndexMut};

/// Buckets of a chunk.
pub(super) const CHUNK_BUCKETS: usize = 16;

/// Chunks that stand in the header: as many as a segment has that is about to be split.
const NEAR_CHUNKS: usize = 7;

type Chunk = Box<[Bucket; CHUNK_BUCKETS]>;

pub(super) struct Buckets {
    near: ArrayVec<Chunk, NEAR_CHUNKS>,
    /// Boxed, because next to no segment has any.
    #[expect(
        clippy::box_collection,
        reason = "8 bytes in every header instead of 24"
    )]
    far: Option<Box<Vec<Chunk>>>,
    len: u32,
}

impl Buckets {
    /// `len` empty buckets; `len` is a multiple of [`CHUNK_BUCKETS`].
    pub(super) fn new(len: usize) -> Self {
        assert!(len.is_multiple_of(CHUNK_BUCKETS) && len > 0);
        let mut chunks = (0..len / CHUNK_BUCKETS).map(|_| Chunk::default());
        let near = chunks.by_ref().take(NEAR_CHUNKS).collect();
        let far: Vec<Chunk> = chunks.collect();
        Self {
            near,
            far: (!far.is_empty()).then(|| Box::new(far)),
            len: len as u32,
        }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    #[cold]
    fn far(&self, chunk: usize) -> &Chunk {
        let far = self.far.as_deref().map_or(&[][..], Vec::as_slice);
        &far[chunk - NEAR_CHUNKS]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Bucket> {
        let far = self.far.as_deref().into_iter().flatten();
        self.near.iter().chain(far).flat_map(|chunk| chunk.iter())
    }
}

impl Index<usize> for Buckets {
    type Output = Bucket;

    #[inline]
    fn index(&self, index: usize) -> &Bucket {
        let chunk = index / CHUNK_BUCKETS;
        let chunk = match self.near.get(chunk) {
            Some(chunk) => chunk,
            None => self.far(chunk),
        };
        &chunk[index % CHUNK_BUCKETS]
    }
}

impl IndexMut<usize> for Buckets {
    #[inline]
    fn index_mut(&mut self, index: usize) -> &mut Bucket {
        let number = index / CHUNK_BUCKETS;
        let chunk = match self.near.get_mut(number) {
            Some(chunk) => chunk,
            None => {
                let far = self
                    .far
                    .as_deref_mut()
                    .map_or(&mut [][..], Vec::as_mut_slice);
                &mut far[number - NEAR_CHUNKS]
            }
        };
        &mut chunk[index % CHUNK_BUCKETS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bucket_has_a_place_of_its_own() {
        for len in [16, 112, 128, 448] {
            let mut buckets = Buckets::new(len);
            for index in 0..len {
                let mark = super::super::bucket::Mark {
                    fragment: index as u16,
                    tag: 1,
                };
                buckets[index].fill(0, mark, index as u64);
            }
            assert_eq!(buckets.len(), len);
            let payloads: Vec<u64> = buckets.iter().map(|bucket| bucket.payload(0)).collect();
            assert_eq!(payloads, (0..len as u64).collect::<Vec<_>>());
            assert!((0..len).all(|index| buckets[index].payload(0) == index as u64));
        }
    }

    #[test]
    #[should_panic]
    fn there_is_no_bucket_behind_the_last() {
        let buckets = Buckets::new(16);
        let _ = &buckets[16];
    }
}
