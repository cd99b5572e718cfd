//! Trees against naive models, in every shape, frozen and not.

mod driver;

use super::arena::Arena;
use super::*;
use crate::base::hash::KeyHasher;
use crate::structures::block::Element;
use crate::structures::item::{Code, Item, score_order};
use driver::{Driver, Hasher, SHAPES};
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

/// Goal: a tree holds what its model holds through growth and shrinking, finds each element by key,
/// score and rank, and keeps its invariants; when it is cleared, nothing is left in the store.
/// Method: seeded inserts, replacements, removals and range removals in waves, with short and long
/// elements, under good hashes and under such that collide in masses.
#[test]
fn agrees_with_a_model_in_every_shape() {
    for seed in 0..40 {
        for shape in SHAPES {
            let mask = [u64::MAX, 0xff << 56 | 0xff, 0][(seed as usize).saturating_sub(35).min(2)];
            let mut driver = Driver::new(shape, seed, mask);
            for wave in 0..6 {
                let steps = driver.random.usize(0..700);
                for step in 0..steps {
                    driver.step(wave % 2 == 0);
                    if step % 50 == 0 {
                        driver.check();
                    }
                }
                driver.check();
                driver.check_searches();
            }
            driver.finish();
        }
    }
}

/// Goal: every view is the model of its moment, whatever is written after it, in whatever order
/// views are closed, and nothing is leaked or freed twice. Method: as above, with views opened and
/// closed and graves dug up in steps between the writes; each view compared while it is open.
#[test]
fn every_view_is_the_model_of_its_moment() {
    for seed in 100..300 {
        for shape in SHAPES {
            let mut driver = Driver::new(shape, seed, u64::MAX);
            let steps = driver.random.usize(0..900);
            for step in 0..steps {
                driver.step(step % 400 < 250);
                match driver.random.u8(0..60) {
                    0 => driver.freeze(),
                    1 => driver.close_one(),
                    2..=8 => driver.tree.bury_some(&mut driver.store),
                    9..=12 => driver.relocate_one(),
                    13 if driver.random.u8(0..20) == 0 => driver.clear(),
                    _ => {}
                }
                if step % 100 == 0 {
                    driver.check();
                    driver.check_views();
                }
            }
            driver.check_views();
            driver.finish();
        }
    }
}

/// A driver after some steps, and so with a model that is not empty.
fn driven() -> Driver {
    let mut driver = Driver::new(Shape::Map, 3, u64::MAX);
    (0..300).for_each(|_| driver.step(true));
    driver.check();
    driver
}

/// Goal: the comparison with models can fail. Method: canaries, each with one fault put in.
#[test]
#[should_panic(expected = "left == right")]
fn an_element_that_is_lost_is_noticed() {
    let mut driver = driven();
    driver.tree.remove_ranks(&mut driver.store, 7..8);
    driver.check();
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "nothing is lost in the store")]
fn a_block_that_leaks_is_noticed() {
    let mut driver = driven();
    driver.store.allocate(64);
    driver.check();
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "a block that was freed is used")]
fn a_block_that_is_used_after_it_was_freed_is_noticed() {
    let (tree, mut store) = filled(Shape::Set, 10);
    let block = tree.check_invariants(&store)[0];
    store.free(block);
    tree.walk(&store, 0).count();
}

fn filled(shape: Shape, count: usize) -> (Tree, Arena<Hasher>) {
    let mut store = Arena::new(Hasher::new(u64::MAX));
    let mut tree = Tree::new(shape, 7);
    for number in 0..count {
        let text = format!("member {number:09}");
        let code = Code::of_text(text.as_bytes());
        let (place, element) = match shape {
            Shape::Set => {
                let key = Key::new(&store, code);
                (tree.locate(&store, &key), Element::single(code))
            }
            Shape::Map => {
                let key = Key::new(&store, code);
                (tree.locate(&store, &key), Element::pair(code, code))
            }
            Shape::Scored => {
                let score = (number / 10) as f64;
                let place = tree.locate_scored(&store, score, code.item());
                (place, Element::scored(score, code))
            }
            Shape::List => (tree.locate_rank(&store, tree.len()), Element::single(code)),
        };
        tree.insert(&mut store, place, &element);
    }
    (tree, store)
}

fn bury_all(tree: &mut Tree, store: &mut Arena<Hasher>) -> usize {
    let mut steps = 0;
    while tree.has_graves() {
        tree.bury_some(store);
        steps += 1;
    }
    steps
}

#[test]
fn a_frozen_block_is_replaced_once_and_given_back() {
    let (mut tree, mut store) = filled(Shape::Map, 10_000);
    let bytes = tree.held_bytes();
    let view = tree.freeze();
    assert_eq!(tree.held_bytes(), bytes, "freezing takes no blocks");
    let text = b"member 000000005";
    let code = Code::of_text(text);
    for round in 0..100 {
        let key = Key::new(&store, code);
        let place = tree.locate(&store, &key);
        let value = format!("changed {round:08}");
        let value = Code::of_text(value.as_bytes());
        tree.replace(&mut store, place, &Element::pair(code, value));
    }
    assert_eq!(
        tree.waiting_blocks(),
        1 + tree.depth,
        "one path was replaced"
    );
    let old = tree.view(view).expect("it is open");
    let key = Key::new(&store, code);
    let seen = old.get(&store, &key).expect("it was there");
    assert_eq!(seen.value(), code.item());
    tree.close(view);
    assert_eq!(bury_all(&mut tree, &mut store), 1);
    assert_eq!(tree.held_bytes(), bytes);
    assert!(tree.view(view).is_none());
}

#[test]
fn a_large_element_that_a_view_sees_is_not_copied() {
    let mut store = Arena::new(Hasher::new(u64::MAX));
    let mut tree = Tree::new(Shape::List, 7);
    let large = vec![b'x'; 1 << 20];
    for _ in 0..2 {
        let place = tree.locate_rank(&store, tree.len());
        let element = Element::single(Code::of_text(&large));
        tree.insert(&mut store, place, &element);
    }
    let view = tree.freeze();
    let before = tree.held_bytes();
    let place = tree.locate_rank(&store, 0);
    tree.replace(&mut store, place, &Element::single(Code::of_text(b"small")));
    let place = tree.locate_rank(&store, 1);
    tree.remove(&mut store, place);
    assert!(tree.held_bytes() < before + 1_000, "both are only retired");
    let old = tree.view(view).expect("it is open");
    assert!(
        old.walk(&store, 0)
            .all(|element| element.key() == Item::Text(&large))
    );
    tree.check_invariants(&store);
}

#[test]
fn a_dropped_tree_is_freed_in_steps_and_its_view_stays() {
    let (mut tree, mut store) = filled(Shape::Scored, 50_000);
    let blocks = tree.check_invariants(&store).len();
    let view = tree.freeze();
    tree.clear();
    let steps = bury_all(&mut tree, &mut store);
    assert!(steps >= blocks / 256, "{steps} steps for {blocks} blocks");
    let old = tree.view(view).expect("it is open");
    assert_eq!(old.walk(&store, 0).count(), 50_000);
    tree.close(view);
    assert!(bury_all(&mut tree, &mut store) >= blocks / 256);
    assert_eq!((tree.held_bytes(), store.used_bytes()), (0, 0));
}

/// Goal: what is there throughout a scan is shown exactly once. Method: scans of a tree that grows
/// and shrinks between the steps, so that leaves split and merge under the cursor.
#[test]
fn a_scan_shows_what_stays_exactly_once() {
    for seed in 0..30 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut tree, mut store) = filled(Shape::Set, 2_000);
        let mut shown = HashMap::new();
        let mut cursor = 0;
        loop {
            cursor = tree.scan(&store, cursor, |element| {
                *shown.entry(element.bytes().to_vec()).or_insert(0) += 1;
            });
            if cursor == 0 {
                break;
            }
            for _ in 0..random.usize(0..60) {
                let text = format!("guest {}", random.u32(0..3_000));
                let code = Code::of_text(text.as_bytes());
                let key = Key::new(&store, code);
                let place = tree.locate(&store, &key);
                match place.is_found() {
                    true => tree.remove(&mut store, place),
                    false => tree.insert(&mut store, place, &Element::single(code)),
                }
            }
        }
        for number in 0..2_000 {
            let text = format!("member {number:09}");
            let mut bytes = vec![0; text.len() + 1];
            Code::of_text(text.as_bytes()).write(&mut bytes);
            assert_eq!(shown.get(&bytes), Some(&1), "seed {seed}, {text}");
        }
    }
}

#[test]
fn leaves_follow_each_other_in_the_order_of_hashes() {
    let (tree, store) = filled(Shape::Set, 3_000);
    let mut elements = Vec::new();
    let mut cursor = 0;
    loop {
        cursor = tree.next_by_hash(&store, cursor, &mut elements);
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(elements.len(), 3_000);
    assert!(elements.is_sorted_by_key(|&(order, _)| order));
    let hasher = store.hasher();
    for (order, element) in elements {
        let Item::Text(text) = element.key() else {
            panic!("members are texts");
        };
        assert_eq!(order, view::hash_order(hasher.hash_bytes(text)));
    }
}

#[test]
fn scores_are_found_by_their_bounds() {
    let (tree, store) = filled(Shape::Scored, 5_000);
    for score in [-1.0, 0.0, 17.0, 17.5, 499.0, 500.0] {
        let order = score_order(score);
        let from = tree.locate_by(&store, order, |_| Ordering::Greater);
        let to = tree.locate_by(&store, order, |_| Ordering::Less);
        let wanted = (0..5_000)
            .filter(|number| f64::from(number / 10) < score)
            .count() as u64;
        let ranks = tree.rank_of(&store, &from)..tree.rank_of(&store, &to);
        let ties = (0..500).any(|tens| f64::from(tens) == score);
        assert_eq!(ranks, wanted..wanted + if ties { 10 } else { 0 });
    }
}

#[test]
fn members_of_one_score_are_ordered_by_their_texts() {
    let mut store = Arena::new(Hasher::new(u64::MAX));
    let mut tree = Tree::new(Shape::Scored, 7);
    let mut random = fastrand::Rng::with_seed(2);
    let mut texts: Vec<String> = (0..4_000).map(|number| number.to_string()).collect();
    random.shuffle(&mut texts);
    for text in &texts {
        let code = Code::of_text(text.as_bytes());
        let place = tree.locate_scored(&store, 1.5, code.item());
        tree.insert(&mut store, place, &Element::scored(1.5, code));
    }
    tree.check_invariants(&store);
    texts.sort();
    for (rank, text) in texts.iter().enumerate() {
        let code = Code::of_text(text.as_bytes());
        let place = tree.locate_scored(&store, 1.5, code.item());
        assert!(place.is_found());
        assert_eq!(tree.rank_of(&store, &place), rank as u64);
    }
}

/// Goal: a queue goes on for as long as it likes: labels wrap, memory stays what its content takes.
#[test]
fn a_queue_runs_on_in_the_same_memory() {
    let mut store = Arena::new(Hasher::new(u64::MAX));
    let mut tree = Tree::new(Shape::List, 7);
    let mut bytes_max = 0;
    let text = [b'x'; 1_000];
    for _ in 0..60_000 {
        let code = Code::of_text(&text);
        let place = tree.locate_rank(&store, tree.len());
        tree.insert(&mut store, place, &Element::single(code));
        if tree.len() > 500 {
            let place = tree.locate_rank(&store, 0);
            tree.remove(&mut store, place);
        }
        bytes_max = bytes_max.max(tree.held_bytes());
    }
    tree.check_invariants(&store);
    assert!(
        bytes_max < 500 * 1_300,
        "{bytes_max} bytes for 500 elements"
    );
}

/// Goal: every block of the present state can be moved, whatever its order. Method: all are moved
/// one by one, those of a list too in which many leaves share a label.
#[test]
fn every_block_can_be_moved() {
    for shape in SHAPES {
        let (mut tree, mut store) = filled(shape, 20_000);
        let text = [b'x'; 3_000];
        for _ in 0..400 {
            if shape == Shape::List {
                let place = tree.locate_rank(&store, 5_000);
                tree.insert(&mut store, place, &Element::single(Code::of_text(&text)));
            }
        }
        let before: Vec<_> = tree
            .walk(&store, 0)
            .map(|element| element.bytes().to_vec())
            .collect();
        for id in tree.check_invariants(&store) {
            assert!(driver::relocate(&mut tree, &mut store, id), "{shape:?}");
        }
        tree.check_invariants(&store);
        let after = tree.walk(&store, 0).map(|element| element.bytes());
        assert!(after.eq(before.iter().map(Vec::as_slice)));
    }
}

#[test]
fn deadlines_lead_to_the_next_due_element() {
    let mut store = Arena::new(Hasher::new(u64::MAX));
    let mut tree = Tree::new(Shape::Map, 7);
    let mut random = fastrand::Rng::with_seed(3);
    let mut deadlines = Vec::new();
    for number in 0..3_000 {
        let text = format!("field {number}");
        let code = Code::of_text(text.as_bytes());
        let key = Key::new(&store, code);
        let place = tree.locate(&store, &key);
        let deadline = (number % 3 == 0).then(|| random.u64(0..1_000));
        deadlines.extend(deadline);
        let element = Element::pair(code, Code::of_integer(number)).with_deadline(deadline);
        tree.insert(&mut store, place, &element);
    }
    tree.check_invariants(&store);
    deadlines.sort_unstable();
    for (index, deadline) in deadlines.into_iter().enumerate() {
        let place = tree.locate_next_due(&store).expect("one is left");
        let element = tree.element(&store, &place).expect("it stands there");
        assert_eq!(element.deadline(), Some(deadline));
        if index % 2 == 0 {
            tree.remove(&mut store, place);
        } else {
            let (key, value) = (Code::of_item(element.key()), Code::of_item(element.value()));
            let text = match value.item() {
                Item::Integer(value) => value,
                other => panic!("{other:?} was no value"),
            };
            let mut buffer = itoa::Buffer::new();
            let key = key.item().text(&mut buffer).to_vec();
            let element = Element::pair(Code::of_text(&key), Code::of_integer(text));
            tree.replace(&mut store, place, &element);
        }
    }
    assert_eq!(tree.next_deadline(&store), None);
    tree.check_invariants(&store);
    assert_eq!(tree.len(), 2_500);
}

#[test]
fn a_block_becomes_a_tree_and_goes_on() {
    let mut bytes = vec![0; 4096];
    let hasher = KeyHasher::new(1);
    let mut block = BlockMut::create(&mut bytes, Shape::Set, true, 0);
    let texts: Vec<String> = (0..200).map(|number| format!("member {number}")).collect();
    for text in &texts {
        let code = Code::of_text(text.as_bytes());
        let hash = hasher.hash(code.hashed_part());
        let end = block.block().position(block.block().count());
        block.insert(end, &Element::single(code), hash as u8, &|bytes| {
            hasher.hash(bytes)
        });
    }
    let mut store = Arena::new(hasher.clone());
    let mut tree = Tree::from_block(&mut store, Block::new(&bytes), 9);
    tree.check_invariants(&store);
    for number in 200..400 {
        let text = format!("member {number}");
        let code = Code::of_text(text.as_bytes());
        let key = Key::new(&store, code);
        let place = tree.locate(&store, &key);
        tree.insert(&mut store, place, &Element::single(code));
    }
    tree.check_invariants(&store);
    let distinct: HashSet<_> = tree
        .walk(&store, 0)
        .map(|element| element.bytes().to_vec())
        .collect();
    assert_eq!(distinct.len(), 400);
}

#[test]
fn elements_take_the_bytes_that_are_promised() {
    let (tree, store) = filled(Shape::Set, 100_000);
    let per_member = tree.held_bytes() as f64 / 100_000.0;
    assert!(per_member < 22.0, "{per_member} bytes a member of 16");
    assert_eq!(tree.held_bytes(), store.used_bytes());
    let (tree, _) = filled(Shape::List, 100_000);
    let per_item = tree.held_bytes() as f64 / 100_000.0;
    assert!(per_item < 18.0, "{per_item} bytes an item of 16");
}

#[test]
fn a_duplicate_has_the_elements_and_goes_its_own_way() {
    for shape in SHAPES {
        let (mut tree, mut store) = filled(shape, 3_000);
        let mut twin = tree.duplicate(&mut store, 8);
        let before: Vec<Vec<u8>> = tree.walk(&store, 0).map(|e| e.bytes().to_vec()).collect();
        tree.remove_ranks(&mut store, 10..2_990);
        twin.check_invariants(&store);
        assert!(twin.walk(&store, 0).map(|e| e.bytes().to_vec()).eq(before));
        assert_eq!((tree.len(), twin.len(), twin.owner()), (20, 3_000, 8));
        for tree in [&mut tree, &mut twin] {
            tree.clear();
            while tree.has_graves() {
                tree.bury_some(&mut store);
            }
        }
        assert_eq!(store.used_bytes(), 0);
    }
}

/// Goal: a leaf at an end of a long list is not copied as it grows, and left full. Method: blocks
/// that are the outermost leaf after any push, and bytes.
#[test]
fn leaves_at_the_ends_of_a_long_list_are_made_once() {
    let (mut tree, mut store) = filled(Shape::List, 40_000);
    let code = Code::of_text(b"member 000000000");
    for end in [End::Back, End::Front] {
        let before = tree.held_bytes();
        let mut seen = HashSet::new();
        for _ in 0..40_000 {
            tree.push(&mut store, end, &code);
            let rank = match end {
                End::Front => 0,
                End::Back => tree.len(),
            };
            let path = tree.locate_rank(&store, rank).path;
            seen.insert(path.expect("it has leaves").leaf);
        }
        let leaf_count = 40_000 * 17 / 4_000;
        assert!(
            seen.len() <= leaf_count * 5 / 4,
            "{} blocks for {leaf_count} leaves",
            seen.len()
        );
        let bytes = (tree.held_bytes() - before) as f64 / 40_000.0;
        assert!((17.3..17.9).contains(&bytes), "{bytes} bytes an element");
        tree.check_invariants(&store);
    }
}
