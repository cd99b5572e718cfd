//! A set of pairs of a hash and a number, in which all numbers of a hash stand together.
//!
//! ```text
//!  part = 8 bits of the hash ─▶ lines    [hash, number] × 5, link ─▶ more of the same home
//!                               spares   lines that others link to
//!                               crowds   hash ─▶ its numbers, once they are many
//! ```
//!
//! Invariants (`check_invariants`): a pair stands in the line that is its home by the hash, or in
//! one that this links to; of a hash in `crowds` there is one pair in the lines, whose number is
//! [`CROWD`]; no spare line is empty or unlinked.
//!
//! Cost: a look is one line of memory, which [`PairSet::prefetch`] asks for; one in ten or so looks
//! at a second. A part grows by a few lines at a time and shrinks by one (linear hashing: Litwin,
//! 1980), so that no insertion moves more than the pairs of [`NEW_LINES_MAX`] homes, but for the
//! vector of lines, which moves with all of its part when it doubles. 20 to 45 bytes a pair.
//!
//! Not here: what the numbers mean (`keyspace/interest/tracked.rs`).

use crate::base::prefetch::prefetch;
use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

/// Parts, of which each grows by itself.
pub const PART_COUNT: usize = 256;

/// No number of a pair: it stands for the numbers in `crowds`.
pub const CROWD: u32 = 0;

/// Pairs that fill a cache line.
const LINE_PAIRS: usize = 5;

/// Pairs for each line: from more of them on there is a line more, so that few lines overflow.
const LINE_PAIRS_USUAL: usize = 3;

/// Lines that are added at once at most: side by side as they are, they cost less than one by one,
/// and still some microseconds only.
const NEW_LINES_MAX: usize = 32;

/// Numbers of a hash that stand in lines; with one more they are a crowd.
const FEW_MAX: usize = 6;

/// What a crowd takes beside its numbers, and what one of these takes; about.
const CROWD_BYTES: usize = 64;
const CROWD_NUMBER_BYTES: usize = 8;

const COUNT_BITS: u32 = 3;

/// A hash that needs no hashing.
#[derive(Default)]
struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only numbers are hashed");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    hash: u64,
    number: u32,
}

/// A cache line of pairs.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
struct Line {
    hashes: [u64; LINE_PAIRS],
    numbers: [u32; LINE_PAIRS],
    /// How many pairs there are, and above that one more than the place of the spare line that
    /// goes on.
    link: u32,
}

const _: () = assert!(size_of::<Line>() == 64);

impl Line {
    #[inline]
    fn len(&self) -> usize {
        (self.link & ((1 << COUNT_BITS) - 1)) as usize
    }

    #[inline]
    fn next(&self) -> Option<usize> {
        ((self.link >> COUNT_BITS) as usize).checked_sub(1)
    }

    fn set(&mut self, len: usize, next: Option<usize>) {
        let next = next.map_or(0, |place| place as u32 + 1);
        assert!(
            next < 1 << (32 - COUNT_BITS),
            "a part has fewer spare lines"
        );
        self.link = next << COUNT_BITS | len as u32;
    }

    /// A line without pairs.
    fn empty(next: Option<usize>) -> Self {
        let mut line = Self::default();
        line.set(0, next);
        line
    }

    /// Whether it has a pair. Where it has none its numbers are [`CROWD`], so it need not be asked
    /// how many it has: nothing waits for anything, and nothing but the answer decides a branch.
    #[inline]
    fn has(&self, hash: u64, number: u32) -> bool {
        let pairs = self.hashes.iter().zip(&self.numbers);
        pairs.fold(false, |has, (&own_hash, &own_number)| {
            has | ((own_hash == hash) & (own_number == number))
        })
    }

    fn push(&mut self, pair: Pair) {
        let len = self.len();
        (self.hashes[len], self.numbers[len]) = (pair.hash, pair.number);
        self.set(len + 1, self.next());
    }

    #[inline]
    fn pairs(&self) -> impl Iterator<Item = Pair> {
        let pairs = self.hashes.iter().zip(&self.numbers).take(self.len());
        pairs.map(|(&hash, &number)| Pair { hash, number })
    }
}

/// What there is of a hash.
enum Seen {
    /// The pair that was looked for, among few.
    Pair,
    /// So many others.
    Few(usize),
    /// A crowd.
    Crowd,
}

#[derive(Debug, Default)]
struct Part {
    lines: Vec<Line>,
    spares: Vec<Line>,
    crowds: HashMap<u64, BTreeSet<u32>, BuildHasherDefault<Same>>,
    /// Pairs in all lines.
    len: usize,
    /// Pairs that were taken out of their lines and go back; none between two calls.
    loose: Vec<Pair>,
}

impl Part {
    /// The home of a hash. Of the homes in the upper half only a beginning may be there; who would
    /// stand behind that stands in the lower half.
    #[inline]
    fn home(&self, hash: u64) -> usize {
        let whole = self.lines.len().next_power_of_two();
        let home = hash as usize & (whole - 1);
        match home < self.lines.len() {
            true => home,
            false => home & (whole >> 1).wrapping_sub(1),
        }
    }

    /// The lines of a home, in order.
    #[inline]
    fn chain(&self, home: usize) -> impl Iterator<Item = &Line> {
        std::iter::successors(self.lines.get(home), |line| {
            line.next().map(|place| &self.spares[place])
        })
    }

    #[inline]
    fn see(&self, hash: u64, number: u32) -> Seen {
        let mut others = 0;
        for line in self.chain(self.home(hash)) {
            for pair in line.pairs().filter(|pair| pair.hash == hash) {
                match pair.number {
                    CROWD => return Seen::Crowd,
                    other if other == number => return Seen::Pair,
                    _ => others += 1,
                }
            }
        }
        Seen::Few(others)
    }

    /// Puts a pair into its line, and makes room if there is little.
    fn add(&mut self, pair: Pair) {
        self.put(pair);
        self.len += 1;
        if self.len > self.lines.len() * LINE_PAIRS_USUAL {
            self.grow();
        }
    }

    /// Adds lines at the end: to each comes a part of what stands in one of the lower half.
    #[inline(never)]
    fn grow(&mut self) {
        let len = self.lines.len();
        let new_lines = len..len + (len / 8).clamp(1, NEW_LINES_MAX);
        let lower = |line: usize| line - (1 << line.ilog2());
        for line in new_lines.clone() {
            prefetch(&raw const self.lines[lower(line)]);
        }
        for line in new_lines {
            self.take_out(lower(line));
            self.lines.push(Line::default());
            self.put_back();
        }
    }

    /// Puts a pair into its line; a full one becomes a spare, to which the new one links.
    fn put(&mut self, pair: Pair) {
        if self.lines.is_empty() {
            self.lines.push(Line::default());
        }
        let home = self.home(pair.hash);
        if self.lines[home].len() == LINE_PAIRS {
            self.spares.push(self.lines[home]);
            self.lines[home] = Line::empty(Some(self.spares.len() - 1));
        }
        self.lines[home].push(pair);
    }

    /// Takes all pairs of a home out, to be changed and put back.
    fn take_out(&mut self, home: usize) {
        let line = self.lines[home];
        self.loose.extend(line.pairs());
        let mut next = line.next();
        self.lines[home] = Line::empty(next);
        while let Some(place) = next {
            let line = self.spares[place];
            self.loose.extend(line.pairs());
            self.lines[home] = Line::empty(line.next());
            self.remove_spare(place);
            next = self.lines[home].next();
        }
    }

    fn put_back(&mut self) {
        while let Some(pair) = self.loose.pop() {
            self.put(pair);
        }
    }

    /// Removes a spare line that nothing links to; the last one moves to its place.
    fn remove_spare(&mut self, place: usize) {
        self.spares.swap_remove(place);
        let moved = self.spares.len();
        if place < moved {
            let home = self.home(self.spares[place].hashes[0]);
            let mut line = &mut self.lines[home];
            while line.next() != Some(moved) {
                let next = line.next().expect("a spare line is linked to");
                line = &mut self.spares[next];
            }
            line.set(line.len(), Some(place));
        }
        if self.spares.capacity() > 4 * self.spares.len() {
            self.spares.shrink_to(2 * self.spares.len());
        }
    }

    /// Gives a line back if there are far too many for the pairs; false if not.
    fn shrink(&mut self) -> bool {
        let Some(last) = self.lines.len().checked_sub(1) else {
            return false;
        };
        if self.len > last {
            return false;
        }
        self.take_out(last);
        self.lines.pop();
        self.put_back();
        if self.lines.capacity() > 4 * self.lines.len() {
            self.lines.shrink_to(2 * self.lines.len());
        }
        true
    }

    /// Removes all pairs of a hash and gives their numbers.
    fn take(&mut self, hash: u64, mut each: impl FnMut(u32)) -> usize {
        let home = self.home(hash);
        let is_of = |pair: &Pair| pair.hash == hash;
        if !self
            .chain(home)
            .any(|line| line.pairs().any(|it| is_of(&it)))
        {
            return 0;
        }
        self.take_out(home);
        let (mut count, before) = (0, self.loose.len());
        let crowds = &mut self.crowds;
        self.loose.retain(|pair| {
            if is_of(pair) {
                match pair.number {
                    CROWD => {
                        let crowd = crowds.remove(&hash).unwrap_or_default();
                        count += crowd.len();
                        crowd.into_iter().for_each(&mut each);
                    }
                    number => {
                        count += 1;
                        each(number);
                    }
                }
            }
            !is_of(pair)
        });
        let removed = before - self.loose.len();
        self.len -= removed;
        self.put_back();
        for _ in 0..removed {
            self.shrink();
        }
        count
    }

    /// Makes a crowd of the numbers of a hash and one more.
    fn gather(&mut self, hash: u64, number: u32) {
        let mut crowd = BTreeSet::from([number]);
        self.take(hash, |other| {
            crowd.insert(other);
        });
        self.crowds.insert(hash, crowd);
        let number = CROWD;
        self.add(Pair { hash, number });
    }

    /// Removes the pairs whose numbers are not kept; returns how many hashes and pairs went.
    fn retain(&mut self, is_kept: impl Fn(u32) -> bool) -> (usize, usize) {
        let (mut hashes, mut pairs) = (0, 0);
        for home in 0..self.lines.len() {
            self.take_out(home);
            self.loose.sort_unstable();
            let before = self.loose.len();
            hashes += self.loose.chunk_by(|a, b| a.hash == b.hash).count();
            let crowds = &mut self.crowds;
            self.loose.retain(|pair| {
                if pair.number != CROWD {
                    pairs += usize::from(!is_kept(pair.number));
                    return is_kept(pair.number);
                }
                let crowd = crowds.get_mut(&pair.hash).expect("a crowd has its pair");
                let members = crowd.len();
                crowd.retain(|&number| is_kept(number));
                pairs += members - crowd.len();
                if crowd.is_empty() {
                    crowds.remove(&pair.hash);
                    return false;
                }
                true
            });
            hashes -= self.loose.chunk_by(|a, b| a.hash == b.hash).count();
            self.len -= before - self.loose.len();
            self.put_back();
        }
        while self.shrink() {}
        self.crowds.shrink_to(2 * self.crowds.len());
        (hashes, pairs)
    }

    /// Bytes of all but the numbers of crowds.
    fn used_bytes(&self) -> usize {
        (self.lines.capacity() + self.spares.capacity()) * size_of::<Line>()
            + self.crowds.capacity() * CROWD_BYTES
    }

    #[cfg(test)]
    fn check_invariants(&self) -> (usize, usize) {
        let (mut len, mut spares, mut few) = (0, 0, 0);
        let mut hashes = BTreeSet::new();
        assert!(self.loose.is_empty());
        for home in 0..self.lines.len() {
            for (index, line) in self.chain(home).enumerate() {
                spares += usize::from(index > 0);
                assert!(line.numbers[line.len()..].iter().all(|&it| it == CROWD));
                assert!(line.len() > 0 || (index == 0 && line.next().is_none()));
                for pair in line.pairs() {
                    assert_eq!(self.home(pair.hash), home);
                    assert_eq!(
                        self.crowds.contains_key(&pair.hash),
                        pair.number == CROWD,
                        "{pair:?}"
                    );
                    len += 1;
                    few += usize::from(pair.number != CROWD);
                    hashes.insert(pair.hash);
                }
            }
        }
        assert_eq!((len, spares), (self.len, self.spares.len()));
        assert!(self.len <= self.lines.len() * LINE_PAIRS_USUAL);
        assert_eq!(len - few, self.crowds.len());
        let crowded: usize = self.crowds.values().map(BTreeSet::len).sum();
        (hashes.len(), few + crowded)
    }
}

/// See the module header.
#[derive(Debug)]
pub struct PairSet {
    parts: Vec<Part>,
    hash_count: usize,
    pair_count: usize,
    /// Where [`PairSet::next_hash`] goes on: a part and, above that, a line of it.
    hand: usize,
}

impl Default for PairSet {
    fn default() -> Self {
        Self {
            parts: (0..PART_COUNT).map(|_| Part::default()).collect(),
            hash_count: 0,
            pair_count: 0,
            hand: 0,
        }
    }
}

impl PairSet {
    /// Whether there is no pair.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.pair_count == 0
    }

    /// How many hashes there are.
    #[inline]
    pub fn hash_count(&self) -> usize {
        self.hash_count
    }

    /// How many pairs there are.
    #[inline]
    pub fn pair_count(&self) -> usize {
        self.pair_count
    }

    /// Bytes of all lines and, about, of the crowds. O([`PART_COUNT`]).
    pub fn used_bytes(&self) -> usize {
        if self.is_empty() {
            return 0;
        }
        let parts = self.parts.iter();
        let (bytes, in_lines) = parts.fold((0, 0), |(bytes, in_lines), part| {
            (
                bytes + part.used_bytes(),
                in_lines + part.len - part.crowds.len(),
            )
        });
        bytes + (self.pair_count - in_lines) * CROWD_NUMBER_BYTES
    }

    /// Asks for the line in which the numbers of a hash stand.
    #[inline]
    pub fn prefetch(&self, hash: u64) {
        let part = &self.parts[part_of(hash)];
        prefetch(part.lines.as_ptr().wrapping_add(part.home(hash)));
    }

    /// Asks for the line after that one, which must have arrived, if there is one.
    #[inline]
    pub fn prefetch_rest(&self, hash: u64) {
        let part = &self.parts[part_of(hash)];
        let line = part.lines.get(part.home(hash));
        if let Some(next) = line.and_then(Line::next) {
            prefetch(&raw const part.spares[next]);
        }
    }

    /// Adds a pair, whose number is not [`CROWD`]; false if it is there.
    #[inline]
    pub fn insert(&mut self, hash: u64, number: u32) -> bool {
        let part = &self.parts[part_of(hash)];
        let line = part.lines.get(part.home(hash));
        if number != CROWD && line.is_some_and(|line| line.has(hash, number)) {
            return false;
        }
        self.insert_beside(hash, number)
    }

    /// The same of a pair that does not stand in its home.
    fn insert_beside(&mut self, hash: u64, number: u32) -> bool {
        assert_ne!(number, CROWD, "no number of a pair");
        let part = &mut self.parts[part_of(hash)];
        match part.see(hash, number) {
            Seen::Pair => return false,
            Seen::Few(FEW_MAX) => part.gather(hash, number),
            Seen::Few(others) => {
                self.hash_count += usize::from(others == 0);
                part.add(Pair { hash, number });
            }
            Seen::Crowd => {
                let crowd = part.crowds.get_mut(&hash).expect("a crowd has its numbers");
                if !crowd.insert(number) {
                    return false;
                }
            }
        }
        self.pair_count += 1;
        true
    }

    /// Removes all pairs of a hash and gives their numbers; false if there are none. O(numbers).
    pub fn take(&mut self, hash: u64, each: impl FnMut(u32)) -> bool {
        if self.is_empty() {
            return false;
        }
        let count = self.parts[part_of(hash)].take(hash, each);
        self.pair_count -= count;
        self.hash_count -= usize::from(count > 0);
        count > 0
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        *self = Self {
            hand: self.hand,
            ..Self::default()
        };
    }

    /// Removes the pairs of one of the [`PART_COUNT`] parts whose numbers are not kept. O(part).
    pub fn retain_in_part(&mut self, part: usize, is_kept: impl Fn(u32) -> bool) {
        let (hashes, pairs) = self.parts[part].retain(is_kept);
        self.hash_count -= hashes;
        self.pair_count -= pairs;
    }

    /// A hash that is there, another one each time until all lines had their turn. O(1) on the
    /// average, O([`PART_COUNT`]) where there are few.
    pub fn next_hash(&mut self) -> Option<u64> {
        while !self.is_empty() {
            let part = &self.parts[self.hand % PART_COUNT];
            let line = (self.hand / PART_COUNT).checked_rem(part.lines.len());
            self.hand = self.hand.wrapping_add(1);
            if let Some(pair) = line.and_then(|line| part.lines[line].pairs().next()) {
                return Some(pair.hash);
            }
        }
        None
    }
}

fn part_of(hash: u64) -> usize {
    // Not the bits that find a home within a part.
    (hash >> 40) as usize % PART_COUNT
}

#[cfg(test)]
mod tests {
    use super::*;

    impl PairSet {
        fn check_invariants(&self) {
            let parts = self.parts.iter().map(Part::check_invariants);
            let (hashes, pairs) = parts.fold((0, 0), |(hashes, pairs), part| {
                (hashes + part.0, pairs + part.1)
            });
            assert_eq!((hashes, pairs), (self.hash_count, self.pair_count));
        }
    }

    /// A hash of the parts 0 to 3, the same for the same number.
    fn hash_of(number: u64) -> u64 {
        number.wrapping_mul(0x9e37_79b9_7f4a_7c15) & !(0xfc << 40)
    }

    /// Goal: it has the pairs that were inserted and neither taken nor dropped, whatever grows,
    /// shrinks or becomes a crowd meanwhile. Method: random calls, with numbers of hashes that wax
    /// and wane, beside a set of pairs.
    #[test]
    fn agrees_with_a_model() {
        for seed in 0..12 {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut pairs = PairSet::default();
            let mut model = BTreeSet::new();
            for step in 0..12_000 {
                // Hashes are many and numbers few, and the other way around.
                let hash = hash_of(random.u64(0..[2_000, 20][seed as usize % 2]));
                let may_take = step / 2_000 % 2;
                match random.u32(0..1_000) {
                    0 if may_take == 1 => {
                        let gone = random.u32(1..40);
                        for part in 0..PART_COUNT {
                            pairs.retain_in_part(part, |number| number != gone);
                        }
                        model.retain(|(_, number)| *number != gone);
                        pairs.check_invariants();
                    }
                    1 if seed == 3 => {
                        pairs.clear();
                        model.clear();
                    }
                    2..200 => {
                        let next = pairs.next_hash();
                        assert_eq!(next.is_some(), !model.is_empty());
                        if let Some(next) = next {
                            let there = model.range((next, 0)..=(next, u32::MAX));
                            assert!(there.count() > 0, "seed {seed}, step {step}");
                        }
                    }
                    200..900 if may_take == 1 || step % 16 == 0 => {
                        let mut taken = BTreeSet::new();
                        let is_there = pairs.take(hash, |number| {
                            assert!(taken.insert((hash, number)));
                        });
                        let there = model.range((hash, 0)..=(hash, u32::MAX));
                        let there: BTreeSet<_> = there.copied().collect();
                        assert_eq!(taken, there, "seed {seed}, step {step}");
                        assert_eq!(is_there, !there.is_empty());
                        model.retain(|pair| !there.contains(pair));
                    }
                    _ => {
                        let number = random.u32(1..40);
                        let is_new = model.insert((hash, number));
                        let is_added = pairs.insert(hash, number);
                        assert_eq!(is_added, is_new, "seed {seed}, step {step}");
                    }
                }
                if step % 256 == 0 {
                    pairs.check_invariants();
                }
            }
            let mut taken = BTreeSet::new();
            while let Some(hash) = pairs.next_hash() {
                assert!(pairs.take(hash, |number| {
                    taken.insert((hash, number));
                }));
            }
            pairs.check_invariants();
            assert_eq!(taken, model, "seed {seed}");
            assert_eq!(pairs.used_bytes(), 0);
            let lines = pairs.parts.iter().map(|part| part.lines.len());
            assert!(lines.sum::<usize>() <= 4, "it shrinks with what is in it");
        }
    }

    #[test]
    fn a_pair_takes_less_than_a_line_would_hold_alone() {
        let mut pairs = PairSet::default();
        for number in 0..200_000_u64 {
            pairs.insert(number.wrapping_mul(0x9e37_79b9_7f4a_7c15), 1);
        }
        let bytes = pairs.used_bytes() / pairs.pair_count();
        assert!((20..=45).contains(&bytes), "{bytes} bytes a pair");
    }

    #[test]
    #[should_panic(expected = "no number of a pair")]
    fn the_number_of_crowds_is_refused() {
        PairSet::default().insert(1, CROWD);
    }
}
