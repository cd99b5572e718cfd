//! Sorted sets beside a plain list of members and scores.

use super::combine::{Aggregate, Combination, Source, combine, intersection_count};
use super::range::{Query, Span, TextBound};
use super::*;
use crate::base::hash::KeyHasher;
use crate::structures::block::Block;
use crate::structures::block::integers::{IntegerSet, IntegerSetMut};
use crate::structures::block_tree::arena::Arena;
use crate::value::collection::lodging::Lodging;
use fastrand::Rng;
use std::cmp::Ordering;
use std::ops::Bound;

/// Members with scores, in no order.
type Model = Vec<(Vec<u8>, f64)>;

fn text_of(member: Item<'_>) -> Vec<u8> {
    member.text(&mut itoa::Buffer::new()).to_vec()
}

fn owned<'a>(members: impl Iterator<Item = Scored<'a>>) -> Model {
    let members = members.map(|(member, score)| (text_of(member), score));
    members.collect()
}

fn sorted(model: &Model) -> Model {
    let mut members = model.clone();
    members.sort_by(|one, other| {
        let by_score = one.1.partial_cmp(&other.1).expect("no score is NaN");
        by_score.then_with(|| one.0.cmp(&other.0))
    });
    members
}

fn new_set() -> Lodging {
    Lodging::new::<SortedSet>(1)
}

fn change<R>(set: &mut Lodging, change: impl FnOnce(&mut SortedSetMut<&mut Lodging>) -> R) -> R {
    change(&mut set.change::<SortedSet>())
}

fn read(set: &Lodging) -> SortedSetRef<'_, Arena<KeyHasher>> {
    set.read::<SortedSet>()
}

fn source(set: &Lodging) -> Option<Source<'_, Arena<KeyHasher>>> {
    Source::new(Kind::SortedSet, set.body())
}

fn random_member(random: &mut Rng) -> Vec<u8> {
    match random.u8(0..8) {
        0..4 => format!("member:{}", random.u32(0..400)).into_bytes(),
        4..6 => random.i64(-200..200).to_string().into_bytes(),
        6 => random
            .choice([&b""[..], b"-0", b"007", b"\xff\x00"])
            .unwrap()
            .to_vec(),
        _ => vec![b'x'; random.usize(0..200)],
    }
}

fn random_score(random: &mut Rng) -> f64 {
    match random.u8(0..8) {
        0..4 => f64::from(random.i32(-9..9)),
        4 => *random
            .choice(&[0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY])
            .unwrap(),
        5 => f64::from(random.u32(..)) * 1e9,
        _ => random.f64() * 100.0 - 50.0,
    }
}

/// One random change of both.
fn change_both(random: &mut Rng, set: &mut Lodging, model: &mut Model, may_grow: bool) {
    let member = random_member(random);
    let place = model.iter().position(|(known, _)| *known == member);
    match random.u8(0..12) {
        0 if !model.is_empty() => {
            let start = random.usize(0..model.len());
            let end = (start + random.usize(0..4)).min(model.len());
            let mut left = sorted(model);
            left.drain(start..end);
            *model = left;
            change(set, |set| set.remove_ranks(start as u64..end as u64));
        }
        1..4 => {
            let is_removed = change(set, |set| set.remove(&member));
            assert_eq!(is_removed, place.is_some());
            place.map(|place| model.swap_remove(place));
        }
        _ if may_grow || place.is_some() => {
            let score = random_score(random);
            let update = change(set, |set| set.put(&member, score));
            let expected = match place {
                None => Update::Added,
                Some(place) if model[place].1 == score => Update::Kept,
                Some(_) => Update::Changed,
            };
            assert_eq!(update, expected);
            match place {
                None => model.push((member, score)),
                Some(place) if expected == Update::Changed => model[place].1 = score,
                Some(_) => {}
            }
        }
        _ => {}
    }
}

fn compare(random: &mut Rng, set: &Lodging, model: &Model) {
    let set = read(set);
    let members = sorted(model);
    let len = members.len();
    assert_eq!(set.len(), len as u64);
    assert_eq!(owned(set.iter()), members);
    for (rank, (member, score)) in members.iter().enumerate() {
        assert_eq!(set.score(member), Some(*score));
        assert_eq!(set.rank(member), Some((rank as u64, *score)));
    }
    assert_eq!(set.score(b"never there"), None);
    assert_eq!(set.rank(b"never there"), None);
    let (start, end) = (random.usize(0..=len), random.usize(0..=len));
    let ranks = start.min(end)..start.max(end);
    let slice = set.slice(ranks.start as u64..ranks.end as u64, false);
    assert_eq!(owned(slice), members[ranks.clone()]);
    let mut back = owned(set.slice(ranks.start as u64..ranks.end as u64, true));
    back.reverse();
    assert_eq!(back, members[ranks]);
    let mut scanned = Model::new();
    let mut cursor = 0;
    loop {
        cursor = set.scan(cursor, |member, score| {
            scanned.push((text_of(member), score))
        });
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(sorted(&scanned), members);
}

/// Ranges of scores against a filter over all members.
fn compare_scores(random: &mut Rng, set: &Lodging, model: &Model) {
    let set = read(set);
    if set.is_empty() {
        return;
    }
    let bound = |random: &mut Rng| {
        let score = match random.bool() {
            true => random_score(random),
            false => random.choice(model).expect("there are members").1,
        };
        match random.u8(0..5) {
            0 => Bound::Unbounded,
            1 | 2 => Bound::Excluded(score),
            _ => Bound::Included(score),
        }
    };
    let (min, max) = (bound(random), bound(random));
    let (offset, count) = (random.i64(-1..5), random.i64(-1..20));
    let is_reversed = random.bool();
    let mut expected: Model = sorted(model);
    expected.retain(|(_, score)| {
        let is_after = match min {
            Bound::Included(min) => *score >= min,
            Bound::Excluded(min) => *score > min,
            Bound::Unbounded => true,
        };
        let is_before = match max {
            Bound::Included(max) => *score <= max,
            Bound::Excluded(max) => *score < max,
            Bound::Unbounded => true,
        };
        is_after && is_before
    });
    if is_reversed {
        expected.reverse();
    }
    let offset_len = usize::try_from(offset).unwrap_or(usize::MAX);
    let count_len = usize::try_from(count).unwrap_or(usize::MAX);
    let expected: Model = expected
        .into_iter()
        .skip(offset_len)
        .take(count_len)
        .collect();
    let query = Query {
        span: Span::Scores { min, max },
        is_reversed,
        offset,
        count,
    };
    let found = set.slice(query.ranks(&set), is_reversed);
    assert_eq!(owned(found), expected, "{query:?}");
}

/// Goal: both forms hold what was put into them. Method: random changes of one set, which becomes
/// large and small again, beside a list.
#[test]
fn agrees_with_a_list_under_random_changes() {
    for seed in 0..6 {
        println!("seed {seed}");
        let mut random = Rng::with_seed(seed);
        let mut set = Lodging::new::<SortedSet>(seed);
        let mut model = Model::new();
        for step in 0..4_000 {
            change_both(&mut random, &mut set, &mut model, step % 2_000 < 1_200);
            if step % 50 == 0 {
                compare(&mut random, &set, &model);
                set.check_invariants();
            }
            compare_scores(&mut random, &set, &model);
        }
        change(&mut set, |set| set.remove_ranks(0..set.read().len()));
        set.check_invariants();
        assert!(read(&set).is_empty());
    }
}

/// Members of one score, `count` of them: `m000` and so on.
fn set_of_one_score(set: &mut Lodging, count: usize) {
    set_of_rising_scores(set, count, 0.0);
}

fn set_of_rising_scores(set: &mut Lodging, count: usize, step: f64) {
    change(set, |set| {
        for index in 0..count {
            let score = 7.0 + step * index as f64;
            set.put(format!("m{index:03}").as_bytes(), score);
        }
    });
}

#[test]
fn ranges_of_texts_end_where_they_say() {
    use TextBound::{Excluded, First, Included, Last};
    // Small, and large: of one score in many leaves; then of scores that rise with the texts.
    for (count, step) in [(20, 0.0), (999, 0.0), (20, 1.0), (999, 1.0)] {
        let mut set = new_set();
        set_of_rising_scores(&mut set, count, step);
        let set = read(&set);
        assert_eq!(set.ordered().is_packed(), count == 20);
        let last = count as u64;
        let cases = [
            ((First, Last), 0..last),
            ((Last, First), last..last),
            ((First, First), 0..0),
            ((Last, Last), last..last),
            ((Included(b"m003"), Included(b"m005")), 3..6),
            ((Excluded(b"m003"), Excluded(b"m005")), 4..5),
            ((Included(b"m003"), Excluded(b"m003")), 3..3),
            ((Excluded(b"m003"), Included(b"m003")), 4..4),
            ((Included(b"m0035"), Last), 4..last),
            ((Included(b"n"), Last), last..last),
            ((First, Included(b"a")), 0..0),
            ((Included(b"m005"), Included(b"m003")), 5..5),
        ];
        for ((min, max), ranks) in cases {
            let span = Span::Texts { min, max };
            assert_eq!(span.ranks(&set), ranks, "{span:?}");
        }
    }
}

#[test]
fn ranks_count_from_both_ends() {
    let mut set = new_set();
    set_of_one_score(&mut set, 5);
    let set = read(&set);
    let cases = [
        ((0, -1), 0..5, 0..5),
        ((1, 2), 1..3, 2..4),
        ((-2, -1), 3..5, 0..2),
        ((-100, 0), 0..1, 4..5),
        ((3, 100), 3..5, 0..2),
        ((3, 1), 3..3, 2..2),
        ((5, 9), 5..5, 0..0),
        ((0, -6), 0..0, 5..5),
        ((i64::MIN, i64::MAX), 0..5, 0..5),
        ((i64::MAX, i64::MIN), 5..5, 0..0),
    ];
    for ((start, stop), forward, backward) in cases {
        let span = Span::Ranks { start, stop };
        assert_eq!(Query::all_of(span, false).ranks(&set), forward, "{span:?}");
        assert_eq!(Query::all_of(span, true).ranks(&set), backward, "{span:?}");
    }
}

#[test]
fn a_block_that_is_full_becomes_large_before_a_score_that_takes_more_bytes() {
    let mut set = new_set();
    let mut count = 0;
    let is_packed = |set: &Lodging| read(set).ordered().is_packed();
    // One member more would not fit.
    loop {
        let mut trial = new_set();
        set_of_one_score(&mut trial, count + 1);
        if !is_packed(&trial) {
            break;
        }
        count += 1;
    }
    set_of_one_score(&mut set, count);
    assert!(is_packed(&set));
    change(&mut set, |set| set.put(b"m001", 0.1));
    assert!(!is_packed(&set));
    set.check_invariants();
    let set = read(&set);
    assert_eq!(
        (set.len(), set.rank(b"m001")),
        (count as u64, Some((0, 0.1)))
    );
    assert_eq!(set.rank(b"m000"), Some((1, 7.0)));
}

#[test]
fn a_score_that_equals_the_present_one_changes_nothing() {
    let mut set = new_set();
    change(&mut set, |set| {
        assert_eq!(set.put(b"a", -0.0), Update::Added);
        assert_eq!(set.put(b"a", 0.0), Update::Kept);
        assert_eq!(set.put(b"a", 1.0), Update::Changed);
        assert_eq!(set.put(b"a", -0.0), Update::Changed);
        assert_eq!(set.update(b"a", |_| None), Update::Kept);
        assert_eq!(set.update(b"b", |old| old), Update::Kept);
    });
    assert_eq!(read(&set).len(), 1);
}

/// As in Redis, where a listpack has 0 for it and a skiplist a double.
#[test]
fn minus_0_is_0_as_long_as_the_set_is_called_small() {
    let mut set = new_set();
    let is_negative = |set: &Lodging, member: &[u8]| {
        let score = read(set).score(member);
        score.expect("it is there").is_sign_negative()
    };
    change(&mut set, |set| set.put(b"a", -0.0));
    assert!(!is_negative(&set, b"a"));
    let long = [b'x'; 65];
    change(&mut set, |set| set.put(&long, -0.0));
    assert!(is_negative(&set, &long));
    assert!(!is_negative(&set, b"a"));
    change(&mut set, |set| (set.put(b"a", 1.0), set.put(b"a", -0.0)));
    assert!(is_negative(&set, b"a"));
}

/// Combinations of three sets beside maps.
#[test]
fn combinations_are_those_of_a_map() {
    for seed in 0..20 {
        println!("seed {seed}");
        let mut random = Rng::with_seed(seed);
        let mut sets = [0; 3].map(|_| new_set());
        let mut models = [const { Model::new() }; 3];
        for (set, model) in sets.iter_mut().zip(&mut models) {
            for _ in 0..*random.choice(&[1, 20, 600]).unwrap() {
                let (member, score) = (random_member(&mut random), f64::from(random.i8(..)));
                change(set, |set| set.put(&member, score));
                model.retain(|(known, _)| *known != member);
                model.push((member, score));
            }
        }
        let weights = [1.0, 2.0, -0.5];
        let weighing = |(set, weight)| Some(source(set)?.weighing(weight));
        let sources: Vec<_> = sets.iter().zip(weights).map(weighing).collect();
        let score_in = |index: usize, member: &[u8]| {
            let model: &Model = &models[index];
            let found = model.iter().find(|(known, _)| known == member);
            found.map(|(_, score)| score * weights[index])
        };
        let mut all: Vec<Vec<u8>> = models
            .iter()
            .flatten()
            .map(|(member, _)| member.clone())
            .collect();
        all.sort_unstable();
        all.dedup();
        let expected = |is_there: &dyn Fn([bool; 3]) -> bool| -> Model {
            let scored = all.iter().filter_map(|member| {
                let scores = [0, 1, 2].map(|index| score_in(index, member));
                let sum = scores.iter().flatten().sum();
                is_there(scores.map(|score| score.is_some())).then(|| (member.clone(), sum))
            });
            sorted(&scored.collect())
        };
        let found = |combination| owned(combine(combination, &sources, Aggregate::Sum).into_iter());
        assert_eq!(
            found(Combination::Union),
            expected(&|there| there.contains(&true))
        );
        let common = expected(&|there| !there.contains(&false));
        assert_eq!(intersection_count(&sources, usize::MAX), common.len());
        assert_eq!(intersection_count(&sources, 1), common.len().min(1));
        assert_eq!(found(Combination::Intersection), common);
        let left: Vec<_> = found(Combination::Difference)
            .into_iter()
            .map(|(member, _)| member)
            .collect();
        let expected: Vec<_> = expected(&|there| there == [true, false, false])
            .into_iter()
            .map(|(member, _)| member)
            .collect();
        assert_eq!(left, expected);
    }
}

#[test]
fn a_key_that_is_named_often_counts_each_time() {
    let mut set = new_set();
    set_of_one_score(&mut set, 300);
    let sources: Vec<_> = (0..100).map(|_| source(&set)).collect();
    for combination in [Combination::Union, Combination::Intersection] {
        let members = combine(combination, &sources, Aggregate::Sum);
        assert_eq!(members.len(), 300);
        assert!(members.iter().all(|(_, score)| *score == 700.0));
    }
}

#[test]
fn infinities_that_cancel_each_other_out_are_0() {
    let mut set = new_set();
    change(&mut set, |set| set.put(b"a", f64::INFINITY));
    let fold = |weights: &[f64], combination, aggregate| {
        let weighing = |&weight| Some(source(&set)?.weighing(weight));
        let sources: Vec<_> = weights.iter().map(weighing).collect();
        combine(combination, &sources, aggregate)[0].1
    };
    for combination in [Combination::Union, Combination::Intersection] {
        assert_eq!(fold(&[1.0, -1.0], combination, Aggregate::Sum), 0.0);
        assert_eq!(fold(&[0.0], combination, Aggregate::Sum), 0.0);
        assert_eq!(
            fold(&[1.0, -1.0], combination, Aggregate::Min),
            f64::NEG_INFINITY
        );
        assert_eq!(
            fold(&[-1.0, 1.0], combination, Aggregate::Max),
            f64::INFINITY
        );
    }
    assert_eq!(score_order(0.0).cmp(&score_order(-0.0)), Ordering::Equal);
}

#[test]
fn the_encoding_is_outgrown_by_one_member_too_many_and_stays_so() {
    let mut set = new_set();
    let encoding = |set: &Lodging| set.body().encoding();
    set_of_one_score(&mut set, 128);
    assert_eq!(encoding(&set), Encoding::Small);
    change(&mut set, |set| set.put(b"m000", 8.0));
    assert_eq!(encoding(&set), Encoding::Small);
    change(&mut set, |set| set.put(b"one more", 8.0));
    assert_eq!(encoding(&set), Encoding::Outgrown);
    change(&mut set, |set| set.remove(b"one more"));
    assert_eq!(encoding(&set), Encoding::Outgrown);
}

#[test]
fn members_of_sets_have_score_1() {
    let mut sorted_set = new_set();
    change(&mut sorted_set, |set| {
        (set.put(b"a", 5.0), set.put(b"7", 9.0))
    });
    let mut texts = vec![0; 64];
    let mut block = BlockMut::create(&mut texts, Shape::Set, true, 0);
    for member in [&b"a"[..], b"b"] {
        let position = block.block().position(block.block().count());
        let element = Element::single(Code::of_text(member));
        block.insert(position, &element, 0, &|_| 0);
    }
    let mut integers = vec![0; 64];
    IntegerSetMut::create(&mut integers).insert(7);
    let forms = [
        Form::Packed(Block::new(&texts)),
        Form::Integers(IntegerSet::new(&integers)),
    ];
    let [texts, integers] = forms.map(|form| Body {
        form,
        store: &sorted_set.store,
        now_ms: 0,
    });
    let sources = [
        source(&sorted_set),
        Source::new(Kind::Set, texts),
        Source::new(Kind::Set, integers),
    ];
    let found = |combination, sources: &[_]| {
        owned(combine(combination, sources, Aggregate::Sum).into_iter())
    };
    let model = |members: &[(&str, f64)]| -> Model {
        let members = members.iter();
        members
            .map(|&(member, score)| (member.into(), score))
            .collect()
    };
    let union = found(Combination::Union, &sources);
    assert_eq!(union, model(&[("b", 1.0), ("a", 6.0), ("7", 10.0)]));
    let common = found(Combination::Intersection, &sources[..2]);
    assert_eq!(common, model(&[("a", 6.0)]));
    let left = found(Combination::Difference, &sources[1..]);
    assert_eq!(left, model(&[("a", 1.0), ("b", 1.0)]));
    let left = found(Combination::Difference, &sources);
    assert_eq!(left, model(&[]));
}
