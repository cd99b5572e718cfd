//! Extendible hash table of cache-line buckets: grows and shrinks one segment at a time.
//!
//! ```text
//!  directory (2^depth segment numbers)      segments                    buckets (64 bytes)
//!  ┌────┐                                   ┌──────────────────┐       ┌─────────────────────────┐
//!  │000 │───────────────┐                   │ prefix 00        │──────▶│ 7 tags │ 7 × 48-bit     │
//!  │001 │───────────────┴──────────────────▶│ 64…112 buckets   │       │        │     payloads   │
//!  │010 │──────────────────────────────────▶├──────────────────┤       ├─────────────────────────┤
//!  │011 │──────────────────┐                │ prefix 010       │       │ …                       │
//!  │ …  │                  └───────────────▶├──────────────────┤
//!  └────┘                                   │ prefix 011       │
//! ```
//!
//! The top bits of a 64-bit hash pick a segment, the following bits a bucket in it (`segment.rs`),
//! the lowest byte is the tag compared first (`bucket.rs`). A payload is a 48-bit number; whoever
//! uses the table knows what it stands for and can name its hash again ([`PayloadHash`]).
//!
//! Invariants (`check_invariants`):
//! 1. The directory slots of a segment are exactly those whose number begins with its prefix.
//! 2. `len` is the sum of the segments' keys; `segments_of_depth` counts the segments by depth.
//! 3. No segment is deeper than the directory, and one is as deep, so that the directory is as
//!    small as it can be.
//!
//! Cost: a lookup reads a directory slot, a segment header (both in near caches) and one bucket,
//! rarely a second. 64 bytes per 4.8 to 6 keys, 10.7 to 13.3 bytes a key. An insert that must grow
//! rebuilds or splits one segment of at most 672 keys. The directory (4 bytes per segment or two)
//! doubles at once: 64 KiB are copied when a table reaches about six million keys.
//!
//! [`HashTable::scan`] walks in the order of the hash, which neither splits nor rebuilds change.
//!
//! After Fagin et al., "Extendible hashing", 1979, with the segments and bucketised overflow of
//! Lu et al., "Dash", 2020, and the overflow counts of Folly's F14.
//!
//! Not here: keys, their comparison and their memory (`keyspace/entry.rs`).

mod bucket;
mod buckets;
mod segment;

use crate::base::prefetch::prefetch;
use bucket::{Bucket, PAYLOAD_BITS};
use buckets::CHUNK_BUCKETS;
use segment::{MERGE_BELOW_BUCKETS, MERGED_KEYS_MAX, Position, Segment};

/// A directory never has more than 2^24 slots: room for more than four billion keys.
const DEPTH_MAX: u8 = 24;

/// Nor more than this many slots a segment. Even hashes need two or four; only hashes that agree
/// in a long prefix by the hundreds could want more, and their segment grows instead of splitting.
const DIRECTORY_SLOTS_PER_SEGMENT_MAX: usize = 16;

/// Payloads that one bucket holds at most.
pub const BUCKET_KEYS_MAX: usize = bucket::SLOT_COUNT;

/// Positions of a scan are the top 48 bits of a hash: finer than any bucket's share of the hash
/// space ([`DEPTH_MAX`] and 16 bits of fragment), and exact in a client's floating-point numbers.
const CURSOR_BITS: u32 = 48;
const _: () = assert!(DEPTH_MAX as u32 + 16 <= CURSOR_BITS && PAYLOAD_BITS == 48);

/// How far ahead a split asks for the keys it is going to hash.
const SPLIT_PREFETCH_DISTANCE: usize = 16;

/// What the table must be able to ask about a payload.
pub trait PayloadHash {
    /// The hash under which `payload` was inserted.
    fn hash_of(&self, payload: u64) -> u64;
    /// Hints that [`PayloadHash::hash_of`] is going to be asked for `payload`.
    fn prefetch(&self, payload: u64);
}

/// Where a bucket stands, for asking for its line and nothing else.
#[derive(Clone, Copy)]
pub struct BucketHint(*const Bucket);

impl BucketHint {
    /// Asks for the line.
    #[inline]
    pub fn prefetch(self) {
        prefetch(self.0);
    }
}

/// What [`HashTable::candidate`] sees in one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Candidate {
    /// A payload whose key is most likely the wanted one, and where it stands.
    Found(Location, u64),
    /// It may stand further on.
    Behind,
    /// There is none.
    Absent,
}

/// Where a payload stands. Any insert or removal makes it stale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Location {
    segment: u32,
    position: Position,
}

/// The table. See the module header.
pub struct HashTable {
    directory: Vec<u32>,
    segments: Vec<Segment>,
    depth: u8,
    segments_of_depth: [u32; DEPTH_MAX as usize + 1],
    len: usize,
    bucket_bytes: usize,
}

impl Default for HashTable {
    fn default() -> Self {
        Self::new()
    }
}

impl HashTable {
    /// An empty table; allocates one chunk of buckets.
    pub fn new() -> Self {
        let first = Segment::new(0, 0, CHUNK_BUCKETS);
        let bucket_bytes = first.used_bytes();
        let mut segments_of_depth = [0; DEPTH_MAX as usize + 1];
        segments_of_depth[0] = 1;
        Self {
            directory: vec![0],
            segments: vec![first],
            depth: 0,
            segments_of_depth,
            len: 0,
            bucket_bytes,
        }
    }

    /// How many payloads there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of buckets, segment headers and directory.
    pub fn used_bytes(&self) -> usize {
        self.bucket_bytes
            + self.segments.capacity() * size_of::<Segment>()
            + self.directory.capacity() * size_of::<u32>()
    }

    #[inline]
    fn directory_slot(&self, hash: u64) -> usize {
        // Two shifts, because a shift by 64 (depth 0) is not one.
        ((hash >> 1) >> (63 - u32::from(self.depth))) as usize
    }

    #[inline]
    fn segment_number(&self, hash: u64) -> usize {
        self.directory[self.directory_slot(hash)] as usize
    }

    /// The bucket that a lookup of `hash` is going to read first. To ask for many, find them all
    /// and then ask: see [`BucketHint`].
    #[inline]
    pub fn home(&self, hash: u64) -> BucketHint {
        BucketHint(self.segments[self.segment_number(hash)].home_bucket(hash))
    }

    /// The payload that a lookup of `hash` is going to compare first, if it stands `distance`
    /// buckets behind its home: for prefetching what it points to. About one key in eight stands
    /// behind its home; for those this asks for the next bucket.
    #[inline(always)]
    pub fn candidate(&self, hash: u64, distance: usize) -> Candidate {
        let number = self.segment_number(hash);
        let segment = &self.segments[number];
        let mark = segment.mark(hash);
        let index = segment.index_behind(mark, distance);
        let bucket = segment.bucket(index);
        match bucket.with_mark(mark).next() {
            Some((slot, payload)) => {
                let location = Location {
                    segment: number as u32,
                    position: Position {
                        bucket: index as u32,
                        slot: slot as u8,
                    },
                };
                Candidate::Found(location, payload)
            }
            None if bucket.has_overflow() => {
                prefetch(segment.bucket(segment.index_behind(mark, distance + 1)));
                Candidate::Behind
            }
            None => Candidate::Absent,
        }
    }

    /// Whether `payload` stands at `location`, which may be stale, even of another table.
    #[inline]
    pub fn is_at(&self, location: Location, payload: u64) -> bool {
        let segment = self.segments.get(location.segment as usize);
        segment.is_some_and(|segment| segment.is_at(location.position, payload))
    }

    /// Finds the payload of `hash` that `is_match` accepts, and where it stands.
    #[inline]
    pub fn find(&self, hash: u64, is_match: impl FnMut(u64) -> bool) -> Option<(Location, u64)> {
        let segment = self.segment_number(hash);
        let (position, payload) = self.segments[segment].find(hash, is_match)?;
        let location = Location {
            segment: segment as u32,
            position,
        };
        Some((location, payload))
    }

    /// Exchanges the payload at `location` for another of the same hash.
    #[inline]
    pub fn set_payload(&mut self, location: Location, payload: u64) {
        self.segments[location.segment as usize].set_payload(location.position, payload);
    }

    /// Inserts a payload that is not in the table. Grows one segment if it is full, by a rebuild
    /// or a split; a split asks `hashes` for the hash of every payload in that segment.
    pub fn insert(&mut self, hash: u64, payload: u64, hashes: &impl PayloadHash) -> Location {
        let mut number = self.segment_number(hash);
        while self.segments[number].is_full() {
            self.grow(number, hashes);
            number = self.segment_number(hash);
        }
        let segment = &mut self.segments[number];
        let mark = segment.mark(hash);
        let position = segment.place(mark, payload);
        self.len += 1;
        Location {
            segment: number as u32,
            position,
        }
    }

    /// Removes what stands at `location` and returns its payload. Shrinks or merges one segment if
    /// it became sparse.
    pub fn remove(&mut self, location: Location) -> u64 {
        let number = location.segment as usize;
        let segment = &mut self.segments[number];
        let payload = segment.payload(location.position);
        segment.remove(location.position);
        self.len -= 1;
        if segment.is_sparse() {
            self.shrink(number);
        }
        payload
    }

    fn grow(&mut self, number: usize, hashes: &impl PayloadHash) {
        if self.segments[number].larger().is_none() && self.can_split(number) {
            self.split(number, hashes);
        } else {
            let segment = &mut self.segments[number];
            self.bucket_bytes -= segment.used_bytes();
            segment.enlarge();
            self.bucket_bytes += segment.used_bytes();
        }
    }

    fn can_split(&self, number: usize) -> bool {
        let slots_max = self.segments.len() * DIRECTORY_SLOTS_PER_SEGMENT_MAX;
        self.segments[number].depth < self.depth
            || (self.depth < DEPTH_MAX && self.directory.len() * 2 <= slots_max)
    }

    fn split(&mut self, number: usize, hashes: &impl PayloadHash) {
        if self.segments[number].depth == self.depth {
            self.directory = self
                .directory
                .iter()
                .flat_map(|&segment| [segment; 2])
                .collect();
            self.depth += 1;
        }
        let old = &self.segments[number];
        let depth = old.depth + 1;
        let payloads: Vec<u64> = old.iter().map(|(_, payload)| payload).collect();
        let mut halves =
            [0, 1].map(|bit| Segment::new(depth, old.prefix << 1 | bit, MERGE_BELOW_BUCKETS));
        for (index, &payload) in payloads.iter().enumerate() {
            if let Some(&ahead) = payloads.get(index + SPLIT_PREFETCH_DISTANCE) {
                hashes.prefetch(ahead);
            }
            let hash = hashes.hash_of(payload);
            let half = &mut halves[(hash >> (64 - u32::from(depth)) & 1) as usize];
            if half.is_full() {
                half.enlarge();
            }
            half.place(half.mark(hash), payload);
        }
        self.bucket_bytes += halves[0].used_bytes() + halves[1].used_bytes();
        self.bucket_bytes -= old.used_bytes();
        self.segments_of_depth[usize::from(depth) - 1] -= 1;
        self.segments_of_depth[usize::from(depth)] += 2;
        let [low, high] = halves;
        self.segments[number] = low;
        self.segments.push(high);
        self.point_directory_at(self.segments.len() - 1);
    }

    /// Makes the directory slots of a segment's prefix name its number.
    fn point_directory_at(&mut self, number: usize) {
        let segment = &self.segments[number];
        let spread = self.depth - segment.depth;
        let first = (segment.prefix as usize) << spread;
        self.directory[first..first + (1 << spread)].fill(number as u32);
    }

    fn shrink(&mut self, number: usize) {
        let segment = &self.segments[number];
        if segment.bucket_count() <= MERGE_BELOW_BUCKETS && segment.depth > 0 {
            self.merge_with_buddy(number);
        } else if let Some(bucket_count) = segment.smaller() {
            let least = if segment.depth > 0 {
                MERGE_BELOW_BUCKETS
            } else {
                CHUNK_BUCKETS
            };
            if bucket_count.max(least) < segment.bucket_count() {
                let segment = &mut self.segments[number];
                self.bucket_bytes -= segment.used_bytes();
                segment.resize(bucket_count.max(least));
                self.bucket_bytes += segment.used_bytes();
            }
        }
    }

    /// Merges a sparse segment with the one that differs from it in the last bit of the prefix, if
    /// that one is as deep and the two together are at most half full.
    fn merge_with_buddy(&mut self, number: usize) {
        let segment = &self.segments[number];
        let buddy_prefix = segment.prefix ^ 1;
        let slot = (buddy_prefix as usize) << (self.depth - segment.depth);
        let buddy_number = self.directory[slot] as usize;
        let buddy = &self.segments[buddy_number];
        let key_count = segment.key_count() + buddy.key_count();
        if buddy.depth != segment.depth || key_count > MERGED_KEYS_MAX {
            return;
        }
        let (depth, prefix) = (segment.depth - 1, segment.prefix >> 1);
        let mut merged = Segment::new(depth, prefix, MERGE_BELOW_BUCKETS);
        for half in [segment, buddy] {
            for (mut mark, payload) in half.iter() {
                mark.fragment = mark.fragment >> 1 | ((half.prefix & 1) as u16) << 15;
                merged.place(mark, payload);
            }
        }
        let depth = usize::from(segment.depth);
        self.segments_of_depth[depth] -= 2;
        self.segments_of_depth[depth - 1] += 1;
        self.bucket_bytes -= segment.used_bytes() + buddy.used_bytes();
        self.bucket_bytes += merged.used_bytes();
        let kept = number.min(buddy_number);
        let dropped = number.max(buddy_number);
        self.segments[kept] = merged;
        self.point_directory_at(kept);
        self.segments.swap_remove(dropped);
        if dropped < self.segments.len() {
            self.point_directory_at(dropped);
        }
        self.halve_directory_while_it_can();
    }

    fn halve_directory_while_it_can(&mut self) {
        while self.depth > 0 && self.segments_of_depth[usize::from(self.depth)] == 0 {
            self.directory = self.directory.iter().copied().step_by(2).collect();
            self.depth -= 1;
        }
    }

    /// Visits the payloads of one bucket's share of the hash space, beginning at `cursor` (0 at
    /// first), and returns the cursor to go on with; 0 when the walk is over. A payload that is in
    /// the table throughout is visited at least once, however the table grows and shrinks between
    /// the calls. Any number is a valid cursor.
    pub fn scan(&self, cursor: u64, visit: impl FnMut(u64)) -> u64 {
        let hash = Self::first_hash(cursor);
        let segment = &self.segments[self.segment_number(hash)];
        let next_fragment = segment.visit_home(segment.mark(hash).fragment, visit);
        segment.cursor_at(next_fragment)
    }

    /// Visits what stands in one bucket, wherever its home is, beginning with the bucket at
    /// `cursor`, and returns the cursor of the next one as [`HashTable::scan`] does. Cheaper than
    /// that, but what moves to another bucket between the calls may be missed.
    pub fn sweep(&self, cursor: u64, mut visit: impl FnMut(Location, u64)) -> u64 {
        let hash = Self::first_hash(cursor);
        let number = self.segment_number(hash);
        let segment = &self.segments[number];
        let next_fragment =
            segment.visit_bucket(segment.mark(hash).fragment, |position, payload| {
                let location = Location {
                    segment: number as u32,
                    position,
                };
                visit(location, payload);
            });
        segment.cursor_at(next_fragment)
    }

    /// The least hash that a scan from `cursor` promises to visit. Those below it that it visits
    /// nevertheless were visited by the walk that led to this cursor.
    pub fn first_hash(cursor: u64) -> u64 {
        cursor << (64 - CURSOR_BITS)
    }

    /// The cursor at a hash: the greatest whose [`HashTable::first_hash`] is not above it.
    pub fn cursor_of(hash: u64) -> u64 {
        hash >> (64 - CURSOR_BITS)
    }

    /// A payload chosen evenly by two random numbers, or `None` if the slot they choose is empty:
    /// then call again with others.
    pub fn pick(&self, random_hash: u64, random_slot: usize) -> Option<u64> {
        self.segments[self.segment_number(random_hash)].payload_at(random_slot)
    }

    /// Gives up the table for its payloads, to be visited in bounded steps.
    pub fn into_remains(self) -> Remains {
        Remains {
            segments: self.segments,
            next_bucket: 0,
            bucket_bytes: self.bucket_bytes,
        }
    }

    /// Panics if an invariant of the module header does not hold. O(table).
    #[cfg(any(test, debug_assertions))]
    pub fn check_invariants(&self, hashes: &impl PayloadHash) {
        assert_eq!(self.directory.len(), 1 << self.depth);
        let mut len = 0;
        let mut bytes = 0;
        let mut of_depth = [0; DEPTH_MAX as usize + 1];
        let mut directory_slots = 0;
        for (number, segment) in self.segments.iter().enumerate() {
            segment.check_invariants();
            let spread = self.depth - segment.depth;
            let first = (segment.prefix as usize) << spread;
            for slot in first..first + (1 << spread) {
                assert_eq!(self.directory[slot] as usize, number);
            }
            directory_slots += 1 << spread;
            of_depth[usize::from(segment.depth)] += 1;
            len += segment.key_count();
            bytes += segment.used_bytes();
            for (mark, payload) in segment.iter() {
                let hash = hashes.hash_of(payload);
                assert_eq!(mark, segment.mark(hash));
                assert_eq!(self.segment_number(hash), number);
            }
        }
        assert_eq!(directory_slots, self.directory.len());
        assert_eq!((len, bytes), (self.len, self.bucket_bytes));
        assert_eq!(of_depth, self.segments_of_depth);
        assert!(
            of_depth[usize::from(self.depth)] > 0,
            "the directory is deeper than needed"
        );
    }
}

/// What is left of a table that was given up.
pub struct Remains {
    segments: Vec<Segment>,
    /// The bucket of the last segment that is visited next.
    next_bucket: usize,
    /// Bytes of the buckets of `segments`.
    bucket_bytes: usize,
}

impl Remains {
    /// Whether all payloads have been visited.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// The payloads of the segment whose visit is about to begin; `None` in the middle of one.
    pub fn next_segment(&self) -> Option<impl Iterator<Item = u64> + '_> {
        let segment = self.segments.last().filter(|_| self.next_bucket == 0)?;
        Some(segment.iter().map(|(_, payload)| payload))
    }

    /// Visits and forgets the payloads of one bucket; false when none is left.
    pub fn visit_bucket(&mut self, visit: impl FnMut(u64)) -> bool {
        let Some(segment) = self.segments.last() else {
            return false;
        };
        segment.payloads_of(self.next_bucket).for_each(visit);
        self.next_bucket += 1;
        if self.next_bucket == segment.bucket_count() {
            self.bucket_bytes -= segment.used_bytes();
            self.segments.pop();
            self.next_bucket = 0;
        }
        true
    }

    /// Bytes of buckets still held.
    pub fn used_bytes(&self) -> usize {
        self.bucket_bytes
    }
}

#[cfg(test)]
mod tests;
