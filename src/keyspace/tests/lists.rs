//! Lists against vectors, through a keyspace, small and large.

use crate::keyspace::{Changed, Event, Keyspace, Memory, Missing};
use crate::structures::item::{Code, Item};
use crate::value::encoding::{Encoding, EncodingLimits, ListLimits};
use crate::value::kind::WrongType;
use crate::value::list::{End, List, ListRef, Removal};
use std::collections::VecDeque;

const NOW_MS: u64 = 1_000;

/// A list under the key `k`, and what should be in it.
struct Pair {
    keyspace: Keyspace,
    model: VecDeque<Vec<u8>>,
    random: fastrand::Rng,
    /// How many items come at once at most, while it grows.
    pushed_max: usize,
}

/// Runs `change` on the list of the key `k`, made if there is none, with the vector beside it.
macro_rules! change {
    ($pair:expr, |$list:ident| $change:expr) => {{
        let key = $pair.keyspace.key(b"k");
        let mut mutation = $pair.keyspace.mutate(0, NOW_MS);
        let changed = mutation.change::<List, _, WrongType>(key, Missing::Create, |$list| {
            let result = $change;
            Ok(Changed::when(true, Event::ListSet, result))
        });
        changed.expect("it is a list").expect("it is made")
    }};
}

fn text_of(item: Item<'_>) -> Vec<u8> {
    item.text(&mut itoa::Buffer::new()).to_vec()
}

impl Pair {
    fn new(seed: u64) -> Self {
        Self {
            keyspace: Keyspace::new(1, seed),
            model: VecDeque::new(),
            random: fastrand::Rng::with_seed(seed),
            pushed_max: [60, 3][seed as usize / 4 % 2],
        }
    }

    fn limit(&mut self, list_size: i64) {
        self.keyspace.set_encoding_limits(EncodingLimits {
            list_size,
            ..EncodingLimits::default()
        });
    }

    fn read<R>(&self, see: impl FnOnce(ListRef<'_, Memory>) -> R) -> Option<R> {
        let key = self.keyspace.key(b"k");
        let list = self.keyspace.peek::<List>(0, key, NOW_MS);
        list.expect("it is a list").map(see)
    }

    fn text(&mut self) -> Vec<u8> {
        let random = &mut self.random;
        match random.u8(0..40) {
            0 => vec![b'l'; random.usize(0..2_000)],
            1..20 => random.i16(-5..5).to_string().into_bytes(),
            20..25 => random.i64(..).to_string().into_bytes(),
            _ => vec![random.u8(b'a'..b'd'); random.usize(0..3)],
        }
    }

    fn end(&mut self) -> End {
        [End::Front, End::Back][self.random.usize(0..2)]
    }

    fn rank(&mut self) -> Option<usize> {
        let len = self.model.len();
        (len > 0).then(|| self.random.usize(0..len))
    }

    fn push(&mut self, count: usize) {
        let end = self.end();
        let texts: Vec<Vec<u8>> = (0..count).map(|_| self.text()).collect();
        change!(self, |list| list.push(end, texts.iter().map(Vec::as_slice)));
        for text in texts {
            match end {
                End::Front => self.model.push_front(text),
                End::Back => self.model.push_back(text),
            }
        }
    }

    fn pop(&mut self) {
        if self.model.is_empty() {
            return;
        }
        let end = self.end();
        let wanted = match end {
            End::Front => self.model.pop_front(),
            End::Back => self.model.pop_back(),
        };
        assert_eq!(
            change!(self, |list| list.pop(end, text_of)),
            wanted.unwrap()
        );
    }

    fn drop_from(&mut self) {
        let (end, len) = (self.end(), self.model.len());
        if len == 0 {
            return;
        }
        let count = self.random.usize(1..=len.min(50));
        change!(self, |list| list.drop_from(end, count as u64));
        match end {
            End::Front => self.model.drain(..count),
            End::Back => self.model.drain(len - count..),
        };
    }

    fn keep(&mut self) {
        let len = self.model.len();
        let cut = len.min(40);
        let (from, to) = (self.random.usize(0..=cut), len - self.random.usize(0..=cut));
        if len == 0 || from > to {
            return;
        }
        change!(self, |list| list.keep(from as u64..to as u64));
        self.model.truncate(to);
        self.model.drain(..from);
    }

    fn set_or_insert(&mut self) {
        let text = self.text();
        let Some(rank) = self.rank() else {
            return;
        };
        if self.random.bool() {
            change!(self, |list| list.set(rank as u64, &text));
            self.model[rank] = text;
        } else {
            change!(self, |list| list.insert(rank as u64, &text));
            self.model.insert(rank, text);
        }
    }

    fn remove_equal(&mut self, most: u64) {
        let (text, end) = (self.text(), self.end());
        if self.model.is_empty() {
            return;
        }
        let count_max = [1, 2, most][self.random.usize(0..3)];
        let len = self.model.len() as u64;
        let mut removal = Removal::new(len, &text, end, count_max);
        // In as many steps as it takes; a list that is empty is gone.
        while !change!(self, |list| list.remove_equal(&mut removal, 40)
            || list.is_empty())
        {}
        let removed = removal.gone_count();
        let mut left = count_max;
        let mut is_kept = |other: &Vec<u8>| {
            let is_gone = *other == text && left > 0;
            left -= u64::from(is_gone);
            !is_gone
        };
        let kept: VecDeque<Vec<u8>> = match end {
            End::Front => self.model.drain(..).filter(is_kept).collect(),
            End::Back => {
                let mut kept: Vec<_> = self.model.drain(..).rev().filter(&mut is_kept).collect();
                kept.reverse();
                kept.into()
            }
        };
        self.model = kept;
        assert_eq!(removed, count_max - left);
    }

    fn step(&mut self, grows: bool) {
        match self.random.u8(0..100) {
            0..30 => self.push(1),
            30..38 => {
                let count = self
                    .random
                    .usize(1..if grows { self.pushed_max } else { 3 });
                self.push(count);
            }
            38..60 => self.pop(),
            60..63 if !grows => self.drop_from(),
            63..66 if !grows => self.keep(),
            66..90 => self.set_or_insert(),
            90..92 => self.remove_equal(u64::MAX),
            _ => self.remove_equal(5),
        }
    }

    fn compare(&mut self) {
        let (text, rank) = (self.text(), self.rank());
        let read = self.read(|list| {
            assert_eq!(list.len(), self.model.len() as u64);
            let all: Vec<Vec<u8>> = list.items(0..list.len()).map(text_of).collect();
            assert!(all.iter().eq(&self.model));
            let back = list.items_from(End::Back, u64::MAX).map(text_of);
            assert!(back.eq(self.model.iter().rev().cloned()));
            let rank = rank.expect("no list is empty");
            assert_eq!(list.at(rank as u64).map(text_of), Some(all[rank].clone()));
            assert_eq!(list.at(list.len()), None);
            let mut equal: Vec<u64> = (0..all.len() as u64)
                .filter(|&rank| all[rank as usize] == text)
                .collect();
            let ranks = list.ranks_equal(&text, End::Front, u64::MAX);
            assert!(ranks.eq(equal.iter().copied()));
            equal.reverse();
            let ranks = list.ranks_equal(&text, End::Back, u64::MAX);
            assert!(ranks.eq(equal.iter().copied()));
        });
        assert_eq!(read.is_none(), self.model.is_empty(), "empty lists go");
        self.keyspace.check_invariants();
    }
}

/// Goal: a list holds what a vector holds, packed or in a tree. Method: seeded changes at both ends
/// and between, through two phases of growth and two of shrinking, under several limits of names.
#[test]
fn agrees_with_a_vector_under_random_changes() {
    let mut seen = [0, 0];
    for seed in 0..16 {
        println!("seed {seed}");
        let mut pair = Pair::new(seed);
        pair.limit([-2, -1, 16, -5][seed as usize % 4]);
        for step in 0..4_000 {
            pair.step(step / 1_000 % 2 == 0);
            if step % 50 == 0 {
                pair.compare();
                let is_packed = pair.read(|list| list.elements().is_packed());
                is_packed.inspect(|&is_packed| seen[usize::from(is_packed)] += 1);
            }
        }
    }
    assert!(seen[0] > 200 && seen[1] > 200, "both forms: {seen:?}");
}

#[test]
fn indexes_count_from_both_ends() {
    let mut pair = Pair::new(1);
    pair.push(5);
    let rank_of = |index| pair.read(|list| list.rank_of(index)).unwrap();
    let indexes = [0, 4, 5, -1, -5, -6, i64::MAX, i64::MIN];
    let ranks = indexes.map(rank_of);
    let wanted = [Some(0), Some(4), None, Some(4), Some(0), None, None, None];
    assert_eq!(ranks, wanted);
    for (start, stop, wanted) in [
        (0, -1, 0..5),
        (1, 3, 1..4),
        (-2, 100, 3..5),
        (-100, 0, 0..1),
        (3, 2, 3..3),
        (7, 9, 5..5),
        (0, -6, 0..0),
        (i64::MIN, i64::MAX, 0..5),
    ] {
        let ranks = pair.read(|list| list.ranks_between(start, stop));
        assert_eq!(ranks, Some(wanted), "{start} to {stop}");
    }
}

/// What the list of a pair is called.
fn encoding(pair: &Pair) -> Encoding {
    let key = pair.keyspace.key(b"k");
    let entry = pair.keyspace.find(0, key, NOW_MS).expect("it is there");
    let body = pair.keyspace.body(entry, NOW_MS).expect("it is a list");
    body.encoding()
}

/// The name of a list after pushes of texts so long, and after so many pops.
fn names(list_size: i64, texts_len: &[usize], pops: usize) -> [Encoding; 2] {
    let mut pair = Pair::new(2);
    pair.limit(list_size);
    for &len in texts_len {
        let text = vec![b'x'; len];
        change!(pair, |list| list.push(End::Back, [&text[..]].into_iter()));
    }
    let grown = encoding(&pair);
    for _ in 0..pops {
        change!(pair, |list| list.pop(End::Back, |_| ()));
    }
    [grown, encoding(&pair)]
}

#[test]
fn a_list_is_called_small_again_below_half_of_its_limit() {
    use Encoding::{Outgrown, Small};
    // Items of 100 bytes take 103 in a listpack, and 7 are its own.
    assert_eq!(names(-2, &[100; 79], 0), [Small, Small]);
    assert_eq!(names(-2, &[100; 80], 40), [Outgrown, Outgrown]);
    assert_eq!(names(-2, &[100; 80], 41), [Outgrown, Small]);
    assert_eq!(names(-1, &[100; 39], 0), [Small, Small]);
    assert_eq!(names(-1, &[100; 40], 20), [Outgrown, Outgrown]);
    assert_eq!(names(-1, &[100; 40], 21), [Outgrown, Small]);
    assert_eq!(names(10, &[1; 10], 0), [Small, Small]);
    assert_eq!(names(10, &[1; 11], 5), [Outgrown, Outgrown]);
    assert_eq!(names(10, &[1; 11], 6), [Outgrown, Small]);
    assert_eq!(names(100, &[9_000, 1], 1), [Outgrown, Outgrown]);
}

/// Goal: a list is called as if its bytes were counted at each change, though they are not. Method:
/// they are, in a vector beside it, through growth and shrinking across limits that change.
#[test]
fn a_list_is_called_by_its_bytes_at_each_change() {
    let is_within = |model: &VecDeque<Vec<u8>>, limits: ListLimits, more: Option<&[u8]>| {
        let listpack_len = |text: &Vec<u8>| Code::of_text(text).byte_len() + 1;
        let len = model.iter().map(listpack_len).sum::<usize>() + more.map_or(0, <[u8]>::len);
        let count = model.len() + usize::from(more.is_some());
        count as u64 <= limits.items_max && 7 + len <= limits.bytes_max
    };
    let mut turns = 0;
    for seed in 0..8 {
        println!("seed {seed}");
        let mut pair = Pair::new(seed);
        let mut limits = EncodingLimits::default();
        let mut name = Encoding::Small;
        for step in 0..3_000 {
            if step % 300 == 0 {
                limits.list_size = [-1, -2, -2, 100][pair.random.usize(0..4)];
                pair.limit(limits.list_size);
            }
            let old_name = name;
            let grows = step / 500 % 2 == 0;
            if pair.random.u8(0..10) < if grows { 7 } else { 3 } {
                let text = vec![b'x'; pair.random.usize(0..150)];
                if !is_within(&pair.model, limits.list_growing(), Some(&text)) {
                    name = Encoding::Outgrown;
                }
                change!(pair, |list| list.push(End::Front, [&text[..]].into_iter()));
                pair.model.push_front(text);
            } else {
                pair.pop();
                if is_within(&pair.model, limits.list_shrinking(), None) {
                    name = Encoding::Small;
                }
            }
            if !pair.model.is_empty() {
                assert_eq!(encoding(&pair), name, "step {step}");
            }
            turns += usize::from(name != old_name);
        }
    }
    assert!(turns > 30, "{turns} turns");
}
