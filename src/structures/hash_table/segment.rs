//! One piece of the table: the keys whose hashes share a prefix.
//!
//! ```text
//!  hash   ┌ depth bits ┐┌── 16 bits ──┐               ┌ 8 bits ┐
//!         │ prefix     ││ fragment    │  …            │ tag    │
//!         └────────────┘└─────────────┘               └────────┘
//!  home bucket = fragment × bucket count / 65,536, so buckets stand in the order of the hash,
//!  whatever their number. A key whose home is full stands in the next bucket with room (after the
//!  last comes the first), and every bucket it passed counts it.
//! ```
//!
//! Invariants (`check_invariants`): `key_count` equals the occupied slots; walking from a key's
//! home to its bucket passes only buckets whose overflow count is at least the number of keys that
//! passed them.
//!
//! Cost: a rebuild to another number of buckets reads no key (tag and fragment stand in the
//! bucket); a split needs one more bit of the hash and reads every key once. Both are bounded by
//! the largest of [`BUCKET_COUNTS`].
//!
//! Not here: which segment a hash belongs to (`mod.rs`).

use super::CURSOR_BITS;
use super::bucket::{Bucket, Mark, SLOT_COUNT};
use super::buckets::Buckets;

/// Keys per bucket above which a segment must grow: 6 of 7 slots. Higher saves memory and costs
/// longer walks past full buckets.
const FULL_KEYS_PER_BUCKET: usize = 6;

/// Keys per bucket below which a segment shrinks. A shrunk segment is at most half full, so that
/// it does not grow again at once.
const SPARSE_KEYS_PER_BUCKET: usize = 2;

/// The sizes a segment goes through, one chunk after the other. From 64 buckets on the steps are a
/// quarter or less, so that a table is between 69 % and 86 % full at every point of its growth.
/// A segment that is full at the largest size is split into two.
pub(super) const BUCKET_COUNTS: [usize; 7] = [16, 32, 48, 64, 80, 96, 112];

/// Two neighbouring segments that shrank to this size are merged.
pub(super) const MERGE_BELOW_BUCKETS: usize = 64;

/// Two segments are merged if together they leave the new one at most half full.
pub(super) const MERGED_KEYS_MAX: usize = MERGE_BELOW_BUCKETS * FULL_KEYS_PER_BUCKET / 2;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) bucket: u32,
    pub(super) slot: u8,
}

pub(super) struct Segment {
    buckets: Buckets,
    key_count: u32,
    /// How many leading bits of the hash all keys here share.
    pub(super) depth: u8,
    /// Those bits, right-aligned.
    pub(super) prefix: u32,
}

impl Segment {
    /// An empty segment.
    pub(super) fn new(depth: u8, prefix: u32, bucket_count: usize) -> Self {
        Self {
            buckets: Buckets::new(bucket_count),
            key_count: 0,
            depth,
            prefix,
        }
    }

    pub(super) fn key_count(&self) -> usize {
        self.key_count as usize
    }

    pub(super) fn bucket_count(&self) -> usize {
        self.buckets.len()
    }

    pub(super) fn used_bytes(&self) -> usize {
        self.buckets.len() * size_of::<Bucket>()
    }

    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.key_count() >= self.buckets.len() * FULL_KEYS_PER_BUCKET
    }

    pub(super) fn is_sparse(&self) -> bool {
        self.key_count() < self.buckets.len() * SPARSE_KEYS_PER_BUCKET
    }

    /// The bits of `hash` that a slot of this segment keeps.
    #[inline]
    pub(super) fn mark(&self, hash: u64) -> Mark {
        mark(hash, self.depth)
    }

    #[inline]
    fn home(&self, fragment: u16) -> usize {
        (usize::from(fragment) * self.buckets.len()) >> 16
    }

    /// Where a key of `hash` is looked for first.
    #[inline]
    pub(super) fn home_bucket(&self, hash: u64) -> &Bucket {
        &self.buckets[self.home(self.mark(hash).fragment)]
    }

    /// The number of the bucket `distance` behind the home of `mark`.
    #[inline]
    pub(super) fn index_behind(&self, mark: Mark, distance: usize) -> usize {
        let index = self.home(mark.fragment) + distance;
        if index < self.buckets.len() {
            index
        } else {
            index % self.buckets.len()
        }
    }

    #[inline]
    pub(super) fn bucket(&self, index: usize) -> &Bucket {
        &self.buckets[index]
    }

    /// Whether `payload` stands at `position`, which may be of another segment.
    #[inline]
    pub(super) fn is_at(&self, position: Position, payload: u64) -> bool {
        let (bucket, slot) = (position.bucket as usize, usize::from(position.slot));
        bucket < self.buckets.len() && self.buckets[bucket].is_at(slot, payload)
    }

    #[inline]
    pub(super) fn payload(&self, position: Position) -> u64 {
        self.buckets[position.bucket as usize].payload(usize::from(position.slot))
    }

    #[inline]
    pub(super) fn set_payload(&mut self, position: Position, payload: u64) {
        self.buckets[position.bucket as usize].set_payload(usize::from(position.slot), payload);
    }

    /// The key of `hash` whose payload `is_match` accepts.
    #[inline]
    pub(super) fn find(
        &self,
        hash: u64,
        mut is_match: impl FnMut(u64) -> bool,
    ) -> Option<(Position, u64)> {
        let mark = self.mark(hash);
        let mut index = self.home(mark.fragment);
        for _ in 0..self.buckets.len() {
            let bucket = &self.buckets[index];
            for (slot, payload) in bucket.with_mark(mark) {
                if is_match(payload) {
                    let position = Position {
                        bucket: index as u32,
                        slot: slot as u8,
                    };
                    return Some((position, payload));
                }
            }
            if !bucket.has_overflow() {
                return None;
            }
            index = self.next(index);
        }
        None
    }

    /// Places a payload that is not there yet. The segment must have an empty slot.
    pub(super) fn place(&mut self, mark: Mark, payload: u64) -> Position {
        let mut index = self.home(mark.fragment);
        for _ in 0..self.buckets.len() {
            let bucket = &mut self.buckets[index];
            if let Some(slot) = bucket.with_tag(0).next() {
                bucket.fill(slot, mark, payload);
                self.key_count += 1;
                return Position {
                    bucket: index as u32,
                    slot: slot as u8,
                };
            }
            bucket.add_overflow();
            index = self.next(index);
        }
        panic!("a payload was placed in a segment without an empty slot");
    }

    /// The payloads of one bucket.
    pub(super) fn payloads_of(&self, bucket: usize) -> impl Iterator<Item = u64> + '_ {
        let bucket = &self.buckets[bucket];
        bucket.occupied().map(|slot| bucket.payload(slot))
    }

    /// Empties `position`.
    pub(super) fn remove(&mut self, position: Position) {
        let place = position.bucket as usize;
        let slot = usize::from(position.slot);
        let mut index = self.home(self.buckets[place].fragment(slot));
        while index != place {
            self.buckets[index].remove_overflow();
            index = self.next(index);
        }
        self.buckets[place].clear(slot);
        self.key_count -= 1;
    }

    #[inline]
    fn next(&self, index: usize) -> usize {
        if index + 1 == self.buckets.len() {
            0
        } else {
            index + 1
        }
    }

    /// Every key's mark and payload, in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Mark, u64)> + '_ {
        self.buckets.iter().flat_map(|bucket| {
            bucket
                .occupied()
                .map(move |slot| (bucket.mark(slot), bucket.payload(slot)))
        })
    }

    /// Rebuilds the segment with `bucket_count` buckets. Reads no key.
    pub(super) fn resize(&mut self, bucket_count: usize) {
        let mut resized = Self::new(self.depth, self.prefix, bucket_count);
        for (mark, payload) in self.iter() {
            resized.place(mark, payload);
        }
        *self = resized;
    }

    /// The next larger size, or `None` if the segment should be split.
    pub(super) fn larger(&self) -> Option<usize> {
        BUCKET_COUNTS
            .iter()
            .copied()
            .find(|&count| count > self.buckets.len())
    }

    /// Rebuilds the segment larger, also where it should be split but can't be.
    pub(super) fn enlarge(&mut self) {
        self.resize(self.larger().unwrap_or(self.buckets.len() * 2));
    }

    /// The smallest size that this segment's keys fill to at most half of full, if that is smaller
    /// than the present one.
    pub(super) fn smaller(&self) -> Option<usize> {
        BUCKET_COUNTS
            .iter()
            .copied()
            .find(|&count| self.key_count() * 2 <= count * FULL_KEYS_PER_BUCKET)
            .filter(|&count| count < self.buckets.len())
    }

    /// Visits the payloads whose home is the bucket that holds `fragment`, and returns the first
    /// fragment that belongs to a later bucket (65,536 and more: none does).
    pub(super) fn visit_home(&self, fragment: u16, mut visit: impl FnMut(u64)) -> u32 {
        let home = self.home(fragment);
        let mut index = home;
        for _ in 0..self.buckets.len() {
            let bucket = &self.buckets[index];
            for slot in bucket.occupied() {
                if self.home(bucket.fragment(slot)) == home {
                    visit(bucket.payload(slot));
                }
            }
            if !bucket.has_overflow() {
                break;
            }
            index = self.next(index);
        }
        self.fragment_behind(home)
    }

    /// As [`Segment::visit_home`] for the payloads that stand in that bucket.
    pub(super) fn visit_bucket(&self, fragment: u16, mut visit: impl FnMut(Position, u64)) -> u32 {
        let index = self.home(fragment);
        let bucket = &self.buckets[index];
        for slot in bucket.occupied() {
            let position = Position {
                bucket: index as u32,
                slot: slot as u8,
            };
            visit(position, bucket.payload(slot));
        }
        self.fragment_behind(index)
    }

    fn fragment_behind(&self, home: usize) -> u32 {
        ((home + 1) << 16).div_ceil(self.buckets.len()) as u32
    }

    /// The cursor of a scan that goes on at `fragment`; 0 where that is the end of the table.
    pub(super) fn cursor_at(&self, fragment: u32) -> u64 {
        let depth = u32::from(self.depth);
        // In units of a fragment at this depth; the last segment's end wraps to 0.
        let end = (u64::from(self.prefix) << 16) + u64::from(fragment.min(1 << 16));
        if end == 1 << (16 + depth) {
            return 0;
        }
        end << (CURSOR_BITS - 16 - depth)
    }

    /// The payload in slot number `choice` of all slots, if that slot is occupied.
    pub(super) fn payload_at(&self, choice: usize) -> Option<u64> {
        let choice = choice % (self.buckets.len() * SLOT_COUNT);
        let bucket = &self.buckets[choice / SLOT_COUNT];
        let wanted = choice % SLOT_COUNT;
        bucket
            .occupied()
            .find(|&slot| slot == wanted)
            .map(|slot| bucket.payload(slot))
    }

    /// Panics if an invariant of the module header does not hold.
    #[cfg(any(test, debug_assertions))]
    pub(super) fn check_invariants(&self) {
        let mut passed = vec![0u32; self.buckets.len()];
        let mut key_count = 0;
        for (place, bucket) in self.buckets.iter().enumerate() {
            for slot in bucket.occupied() {
                key_count += 1;
                let mut index = self.home(bucket.fragment(slot));
                while index != place {
                    passed[index] += 1;
                    index = self.next(index);
                }
            }
        }
        assert_eq!(key_count, self.key_count);
        for (bucket, passed) in self.buckets.iter().zip(passed) {
            assert!(
                passed == 0 || bucket.has_overflow(),
                "a passed bucket says nobody passed"
            );
        }
    }
}

/// The bits of `hash` that a slot of a segment of `depth` keeps.
#[inline]
pub(super) fn mark(hash: u64, depth: u8) -> Mark {
    let tag = hash as u8;
    Mark {
        fragment: ((hash << depth) >> 48) as u16,
        tag: tag + u8::from(tag == 0),
    }
}
