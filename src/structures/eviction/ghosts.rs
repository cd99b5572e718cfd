//! Remembers keys that were evicted: four bytes each, the access word among them.
//!
//! ```text
//!  hash   … │ fingerprint, 15 bits │ line number, n bits │      n grows by one per doubling
//!  ghost  1 │ fingerprint, 15 bits │ word, 16 bits         0 is none
//!  line   16 ghosts, 64 bytes; chunks of 64 lines
//! ```
//!
//! The table grows and shrinks a line at a time, after Litwin, "Linear hashing", 1980: the lowest
//! bit of a fingerprint says to which half of a split line its ghost belongs, and comes back when
//! the halves are merged.
//!
//! 1. There are at most two ghosts a key, which is eight bytes, and a chunk.
//! 2. Splitting a line uses up a bit of its fingerprints. Twelve bits are compared, so a ghost is
//!    found until its line was split four times.
//! 3. One look-up in 256 finds another key's ghost, which costs a little precision and nothing
//!    else.
//!
//! Cost: one cache line for an eviction, one for an insert; three while the table changes its size.
//!
//! Not here: which ghost of a full line goes (the caller's [`Judge`]).

use super::access_word::AccessWord;

const LINE_GHOSTS: usize = 16;
const CHUNK_LINES: usize = 64;
const GHOSTS_PER_KEY: usize = 2;

const USED: u32 = 1 << 31;
const FINGERPRINT_SHIFT: u32 = 16;
const FINGERPRINT_MASK: u32 = 0x7fff;
const COMPARED_MASK: u32 = 0x0fff;
const WORD_MASK: u32 = 0xffff;

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line([u32; LINE_GHOSTS]);

const EMPTY: Line = Line([0; LINE_GHOSTS]);
const _: () = assert!(size_of::<Line>() == 64);

type Chunk = [Line; CHUNK_LINES];

/// Who knows what ghosts are good for.
pub(super) trait Judge {
    /// Of several ghosts the one of least worth is forgotten.
    fn worth(&self, word: AccessWord) -> f32;
    /// Told of each ghost that is.
    fn forgotten(&mut self, word: AccessWord);
}

#[derive(Default)]
pub(super) struct GhostTable {
    chunks: Vec<Box<Chunk>>,
    line_count: usize,
}

impl GhostTable {
    /// Forgets the ghost of a key, and returns the word it was evicted with.
    pub(super) fn take(&mut self, hash: u64) -> Option<AccessWord> {
        if self.line_count == 0 {
            return None;
        }
        let (index, fingerprint) = self.place(hash);
        let is_wanted = |ghost: u32| {
            ghost & USED != 0 && ((ghost >> FINGERPRINT_SHIFT) ^ fingerprint) & COMPARED_MASK == 0
        };
        let mut ghosts = self.line(index).0.iter_mut();
        let found = ghosts.find(|ghost| is_wanted(**ghost))?;
        Some(word(std::mem::take(found)))
    }

    /// Remembers an evicted key; `live_count` keys are there. Where there is no room the ghost of
    /// least worth is forgotten.
    pub(super) fn put(
        &mut self,
        hash: u64,
        evicted: AccessWord,
        live_count: usize,
        judge: &mut impl Judge,
    ) {
        let line_count_max = (live_count * GHOSTS_PER_KEY / LINE_GHOSTS).max(1);
        if self.line_count < line_count_max {
            self.split();
        } else if self.line_count > line_count_max {
            self.merge(judge);
        }
        let (index, fingerprint) = self.place(hash);
        let ghost = USED | fingerprint << FINGERPRINT_SHIFT | u32::from(evicted.bits());
        add(self.line(index), ghost, judge);
    }

    /// Bytes taken.
    pub(super) fn bytes(&self) -> usize {
        self.chunks.len() * size_of::<Chunk>() + self.chunks.capacity() * size_of::<Box<Chunk>>()
    }

    /// The line of a hash, and the fingerprint there.
    fn place(&self, hash: u64) -> (usize, u32) {
        let depth = self.line_count.ilog2();
        let index = |depth: u32| hash as usize & ((1 << depth) - 1);
        let is_split = index(depth) < self.line_count - (1 << depth);
        let depth = depth + u32::from(is_split);
        let fingerprint = (hash >> depth) as u32 & FINGERPRINT_MASK;
        (index(depth), fingerprint)
    }

    fn line(&mut self, index: usize) -> &mut Line {
        &mut self.chunks[index / CHUNK_LINES][index % CHUNK_LINES]
    }

    /// Adds a line, the upper half of an existing one.
    fn split(&mut self) {
        let upper = self.line_count;
        if upper.is_multiple_of(CHUNK_LINES) {
            self.chunks.push(Box::new([EMPTY; CHUNK_LINES]));
        }
        self.line_count += 1;
        let Some(lower) = lower_half(upper) else {
            return;
        };
        let halves = self.line(lower).0.map(|ghost| {
            let fingerprint = (ghost >> FINGERPRINT_SHIFT) & FINGERPRINT_MASK;
            let shorter = ghost & (USED | WORD_MASK) | (fingerprint >> 1) << FINGERPRINT_SHIFT;
            if fingerprint & 1 == 0 {
                (shorter, 0)
            } else {
                (0, shorter)
            }
        });
        *self.line(lower) = Line(halves.map(|(lower, _)| lower));
        *self.line(upper) = Line(halves.map(|(_, upper)| upper));
    }

    /// Merges the last line with the one it was split from.
    fn merge(&mut self, judge: &mut impl Judge) {
        let upper = self.line_count - 1;
        let Some(lower) = lower_half(upper) else {
            return;
        };
        let longer = |ghost: u32, half: u32| {
            let fingerprint = (ghost >> FINGERPRINT_SHIFT << 1 | half) & FINGERPRINT_MASK;
            ghost & (USED | WORD_MASK) | fingerprint << FINGERPRINT_SHIFT
        };
        let moving = std::mem::replace(self.line(upper), EMPTY);
        let line = self.line(lower);
        for ghost in line.0.iter_mut().filter(|ghost| **ghost != 0) {
            *ghost = longer(*ghost, 0);
        }
        for ghost in moving.0.into_iter().filter(|ghost| *ghost != 0) {
            add(line, longer(ghost, 1), judge);
        }
        self.line_count = upper;
        if upper.is_multiple_of(CHUNK_LINES) {
            self.chunks.pop();
        }
    }
}

/// The line that `upper` was split from; the first line was not.
fn lower_half(upper: usize) -> Option<usize> {
    Some(upper - (1 << upper.checked_ilog2()?))
}

/// Puts a ghost into a line, in place of the one of least worth if it is full.
fn add(line: &mut Line, ghost: u32, judge: &mut impl Judge) {
    let (mut place, mut least) = (0, f32::INFINITY);
    for (index, other) in line.0.iter_mut().enumerate() {
        if *other == 0 {
            *other = ghost;
            return;
        }
        let worth = judge.worth(word(*other));
        if worth < least {
            (place, least) = (index, worth);
        }
    }
    judge.forgotten(word(std::mem::replace(&mut line.0[place], ghost)));
}

fn word(ghost: u32) -> AccessWord {
    AccessWord::from_bits(ghost as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table and the words it forgot; the worth of a word is its number.
    #[derive(Default)]
    struct Ghosts {
        table: GhostTable,
        judge: ByNumber,
    }

    #[derive(Default)]
    struct ByNumber {
        forgotten: Vec<u16>,
    }

    impl Judge for ByNumber {
        fn worth(&self, word: AccessWord) -> f32 {
            f32::from(word.bits())
        }

        fn forgotten(&mut self, word: AccessWord) {
            self.forgotten.push(word.bits());
        }
    }

    impl Ghosts {
        fn put(&mut self, hash: u64, bits: u16, live_count: usize) {
            let evicted = AccessWord::from_bits(bits);
            self.table.put(hash, evicted, live_count, &mut self.judge);
        }

        fn take(&mut self, hash: u64) -> Option<u16> {
            self.table.take(hash).map(AccessWord::bits)
        }

        fn count(&self) -> usize {
            let lines = self.table.chunks.iter().flat_map(|chunk| chunk.iter());
            lines
                .flat_map(|line| line.0)
                .filter(|ghost| *ghost != 0)
                .count()
        }
    }

    fn hashes(seed: u64, count: usize) -> Vec<u64> {
        let mut random = fastrand::Rng::with_seed(seed);
        (0..count).map(|_| random.u64(..)).collect()
    }

    #[test]
    fn a_ghost_is_found_once_with_its_word() {
        let mut ghosts = Ghosts::default();
        assert_eq!((ghosts.take(7), ghosts.table.bytes()), (None, 0));
        ghosts.put(7, 77, 1_000);
        assert_eq!(ghosts.take(6), None);
        assert_eq!(ghosts.take(7), Some(77));
        assert_eq!(ghosts.take(7), None);
    }

    #[test]
    fn the_ghost_of_least_worth_is_forgotten() {
        let mut ghosts = Ghosts::default();
        for hash in 1..=16 {
            ghosts.put(hash, 100 - hash as u16, 1);
        }
        assert_eq!(ghosts.judge.forgotten, []);
        ghosts.put(17, 90, 1);
        assert_eq!(ghosts.judge.forgotten, [84]);
        assert_eq!((ghosts.take(16), ghosts.take(15)), (None, Some(85)));
    }

    /// Goal: growth and shrinkage lose nothing that there is room for; method: a few ghosts, and
    /// one that goes in and out to turn the size.
    #[test]
    fn ghosts_survive_growth_and_shrinkage() {
        let mut ghosts = Ghosts::default();
        let old = hashes(1, 600);
        for (bits, &hash) in (1_000..).zip(&old) {
            ghosts.put(hash, bits, 8 * 128);
        }
        for live_count in [8 * 1_000, 8 * 128, 8 * 512] {
            for _ in 0..1_000 {
                ghosts.put(!0, 1, live_count);
                ghosts.take(!0);
            }
            assert_eq!(ghosts.table.line_count, live_count / 8);
            assert_eq!(
                ghosts.table.chunks.len(),
                (live_count / 8).div_ceil(CHUNK_LINES)
            );
        }
        assert_eq!(ghosts.judge.forgotten, []);
        let mut is_found = |(bits, hash): (u16, &u64)| ghosts.take(*hash) == Some(bits);
        let found = (1_000..).zip(&old).filter(|pair| is_found(*pair)).count();
        assert!(
            found > 550,
            "{found}: all but the first, whose lines were split most"
        );
    }

    #[test]
    fn ghosts_are_put_taken_or_forgotten() {
        let mut ghosts = Ghosts::default();
        let mut taken = 0;
        let old = hashes(2, 30_000);
        for (index, &hash) in old.iter().enumerate() {
            ghosts.put(
                hash,
                index as u16,
                if index % 7_000 < 3_500 { 5_000 } else { 100 },
            );
            taken += usize::from(ghosts.take(old[index / 2]).is_some());
        }
        assert_eq!(
            old.len(),
            ghosts.count() + taken + ghosts.judge.forgotten.len()
        );
    }

    #[test]
    fn a_key_has_at_most_eight_bytes() {
        let mut ghosts = Ghosts::default();
        for live_count in [20_000, 5_000, 1_000] {
            for hash in hashes(3, 200_000) {
                ghosts.put(hash, 1, live_count);
            }
            assert!(ghosts.count() >= 2 * live_count * 99 / 100);
            let pointers = 8 * ghosts.table.chunks.capacity();
            let bytes = ghosts.table.bytes() - pointers;
            assert!(bytes <= 8 * live_count + size_of::<Chunk>(), "{live_count}");
        }
    }
}
