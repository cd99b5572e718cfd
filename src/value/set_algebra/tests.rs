//! Unions, intersections and differences against those of ordered sets.

use super::*;
use crate::base::hash::KeyHasher;
use crate::structures::block_tree::arena::Arena;
use crate::value::collection::lodging::Lodging;
use crate::value::set::Set;
use std::collections::BTreeSet;

type Model = BTreeSet<Vec<u8>>;
type TestSet<'a> = SetRef<'a, Arena<KeyHasher>>;

fn text(item: Item<'_>) -> Vec<u8> {
    item.text(&mut itoa::Buffer::new()).to_vec()
}

/// A set of about so many members, and its model. All sets hash alike.
fn random_set(random: &mut fastrand::Rng, count: usize, has_texts: bool) -> (Lodging, Model) {
    let mut lodging = Lodging::new::<Set>(7);
    let mut model = Model::new();
    let mut set = lodging.change::<Set>();
    for _ in 0..count {
        let number = random.usize(0..count * 2) as i64 - 20;
        let member = match has_texts && number % 3 == 0 {
            true => format!("m{number}").into_bytes(),
            false => number.to_string().into_bytes(),
        };
        set.expect(|| Code::of_text(&member).item(), 1);
        set.add(&member);
        model.insert(member);
    }
    (lodging, model)
}

fn texts_of(members: Vec<Item<'_>>) -> Model {
    let count = members.len();
    let texts: Model = members.into_iter().map(text).collect();
    assert_eq!(texts.len(), count, "a member was told twice");
    texts
}

fn united(sets: &[TestSet<'_>]) -> Model {
    let mut members = Vec::new();
    unite(sets, |member| members.push(member));
    texts_of(members)
}

fn intersected(sets: &[TestSet<'_>]) -> Model {
    let mut members = Vec::new();
    intersect(sets, |member| {
        members.push(member);
        ControlFlow::Continue(())
    });
    texts_of(members)
}

fn subtracted(sets: &[TestSet<'_>]) -> Model {
    let mut members = Vec::new();
    subtract(sets[0], &sets[1..], |member| members.push(member));
    texts_of(members)
}

/// Goal: the three results are those of ordered sets, whatever the forms and sizes of the sets, so
/// whichever way is chosen. Method: seeded groups of one to five sets, from empty to large ones.
#[test]
fn agrees_with_ordered_sets() {
    for seed in 0..150 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (lodgings, models): (Vec<Lodging>, Vec<Model>) = (0..random.usize(1..6))
            .map(|_| {
                let count = [0, 5, 60, 700, 3000][random.usize(0..5)];
                let has_texts = random.bool();
                random_set(&mut random, count, has_texts)
            })
            .unzip();
        let sets: Vec<TestSet<'_>> = lodgings.iter().map(Lodging::read::<Set>).collect();
        let union = models.iter().flatten().cloned().collect::<Model>();
        assert_eq!(united(&sets), union, "seed {seed}");
        let in_all = |member: &&Vec<u8>| models.iter().all(|model| model.contains(*member));
        let common = models[0].iter().filter(in_all).cloned().collect::<Model>();
        assert_eq!(intersected(&sets), common, "seed {seed}");
        let in_others = |member: &Vec<u8>| models[1..].iter().any(|model| model.contains(member));
        let own = models[0].iter().filter(|member| !in_others(member));
        assert_eq!(subtracted(&sets), own.cloned().collect(), "seed {seed}");
    }
}

/// Goal: large sets of like sizes are merged, others probed. Method: sizes on both sides.
#[test]
fn the_cheaper_way_is_chosen() {
    let mut random = fastrand::Rng::with_seed(3);
    let (few, _) = random_set(&mut random, 100, true);
    let (many, _) = random_set(&mut random, 6_000, true);
    let (more, _) = random_set(&mut random, 9_000, true);
    let [few, many, more] = [&few, &many, &more].map(Lodging::read::<Set>);
    let ways = |first: &TestSet<'_>, others: &[TestSet<'_>]| {
        let (probed, merged) = split_by_way(first, others);
        (probed.len(), merged.len())
    };
    assert_eq!(ways(&few, &[many, more]), (2, 0));
    assert_eq!(ways(&many, &[few, more]), (1, 1));
}

#[test]
fn integers_alone_are_told_in_ascending_order() {
    let lodgings = [[5, 1, -9], [7, 1, 5]].map(|members| {
        let mut lodging = Lodging::new::<Set>(7);
        let mut set = lodging.change::<Set>();
        set.expect(|| Item::Integer(0), 1);
        for member in members {
            set.add_item(Item::Integer(member));
        }
        lodging
    });
    let sets: Vec<TestSet<'_>> = lodgings.iter().map(Lodging::read::<Set>).collect();
    let mut members = Vec::new();
    unite(&sets, |member| members.push(member));
    assert_eq!(members, [-9, 1, 5, 7].map(Item::Integer));
}

#[test]
fn an_intersection_ends_when_it_is_told_to() {
    let mut random = fastrand::Rng::with_seed(5);
    let (one, _) = random_set(&mut random, 3_000, true);
    let (other, _) = random_set(&mut random, 3_000, true);
    let sets = [&one, &other].map(Lodging::read::<Set>);
    let mut count = 0;
    intersect(&sets, |_| {
        count += 1;
        match count {
            7 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    });
    assert_eq!(count, 7);
}

#[test]
fn kept_members_come_back_in_order() {
    let mut members = Members::default();
    let items = [Item::Text(b"a"), Item::Integer(-5), Item::Text(b"")];
    items.iter().for_each(|&item| members.push(item));
    assert_eq!(members.iter().collect::<Vec<_>>(), items);
    assert_eq!((members.count(), members.byte_len()), (3, 5));
}
