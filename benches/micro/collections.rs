//! Large collections: the tree of packed blocks beside the standard library's maps.
//!
//! | group | ours | rival |
//! |---|---|---|
//! | `set_find`, `set_remove_and_insert` | `Tree` by hash | `HashSet` of boxed slices |
//! | `map_overwrite` | the same with values, and while frozen anew for each iteration | `HashMap` of boxed slices |
//! | `scored_remove_and_insert`, `scored_rank` | `Tree` by score | `BTreeSet`, which knows no ranks |
//! | `list_push_and_pop` | `Tree` by position | `VecDeque` of boxed slices |
//! | `freeze_and_close` | a view that nothing is written under | – |
//!
//! The bytes an element takes are printed once. All trees are in an `Arena`, whose sizes are those
//! of the keyspace's slabs. `keyspace_get`, in the same run, is the measure of what a look-up may
//! take.
//!
//! Not here: the table of keys (`micro.rs`).

use super::{ITEMS, OPERATIONS, SEED, Slices, group, key_of};
use criterion::Criterion;
use evenkeel::base::hash::KeyHasher;
use evenkeel::structures::block::{Element, Shape};
use evenkeel::structures::block_tree::arena::Arena;
use evenkeel::structures::block_tree::{Descent, Key, Place, Tree};
use evenkeel::structures::item::{Code, score_order};
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::hint::black_box;

/// Look-ups that are taken side by side, as a group of requests is.
const BATCH: usize = 16;

const VALUES: [&[u8]; 2] = [b"value 01", b"value 02"];

/// A tree with its store.
struct Filled {
    tree: Tree,
    store: Arena<KeyHasher>,
    keys: Vec<[u8; 16]>,
}

/// The score of an item: far from the order of its name.
fn score_of(item: usize) -> f64 {
    (item * 7919 % ITEMS) as f64
}

impl Filled {
    fn new(shape: Shape) -> Self {
        let mut filled = Self {
            tree: Tree::new(shape, 1),
            store: Arena::new(KeyHasher::new(SEED)),
            keys: (0..ITEMS).map(key_of).collect(),
        };
        let mut order: Vec<usize> = (0..ITEMS).collect();
        fastrand::Rng::with_seed(SEED).shuffle(&mut order);
        for item in order {
            filled.insert(item);
        }
        let bytes = filled.tree.held_bytes() as f64 / ITEMS as f64;
        println!("{shape:?} of {ITEMS}: {bytes:.2} bytes an element");
        filled
    }

    fn locate(&self, item: usize) -> Place {
        let code = Code::of_text(&self.keys[item]);
        match self.tree.shape() {
            Shape::Set | Shape::Map => self.tree.locate(&self.store, &Key::new(&self.store, code)),
            Shape::Scored => {
                let score = score_of(item);
                self.tree.locate_scored(&self.store, score, code.item())
            }
            Shape::List => self.tree.locate_rank(&self.store, self.tree.len()),
        }
    }

    fn element<'k>(shape: Shape, key: &'k [u8], item: usize, value: &'k [u8]) -> Element<'k> {
        let code = Code::of_text(key);
        match shape {
            Shape::Set | Shape::List => Element::single(code),
            Shape::Map => Element::pair(code, Code::of_text(value)),
            Shape::Scored => Element::scored(score_of(item), code),
        }
    }

    fn insert(&mut self, item: usize) {
        let place = self.locate(item);
        let key = self.keys[item];
        let element = Self::element(self.tree.shape(), &key, item, VALUES[0]);
        self.tree.insert(&mut self.store, place, &element);
    }

    fn remove(&mut self, item: usize) {
        let place = self.locate(item);
        self.tree.remove(&mut self.store, place);
    }

    fn overwrite(&mut self, item: usize, value: &[u8]) {
        let place = self.locate(item);
        let key = self.keys[item];
        let element = Self::element(Shape::Map, &key, item, value);
        self.tree.replace(&mut self.store, place, &element);
    }

    fn bury(&mut self) {
        while self.tree.has_graves() {
            self.tree.bury_some(&mut self.store);
        }
    }
}

/// All groups.
pub(super) fn run(criterion: &mut Criterion) {
    sets(criterion);
    maps(criterion);
    scored(criterion);
    lists(criterion);
}

/// How many of a batch are there, looked up side by side.
fn find_batch(filled: &Filled, batch: &[usize]) -> usize {
    let key = |&item: &usize| Key::new(&filled.store, Code::of_text(&filled.keys[item]));
    let keys: Vec<_> = batch.iter().map(key).collect();
    let descent = |key| filled.tree.descent(key).expect("it is not empty");
    let mut descents: Vec<_> = keys.iter().map(descent).collect();
    Descent::advance_all(&mut descents, &filled.store);
    let found = keys.iter().zip(&descents).filter(|(key, descent)| {
        let element = filled.tree.finish(&filled.store, **descent, key);
        element.is_some()
    });
    found.count()
}

fn sets(criterion: &mut Criterion) {
    let mut filled = Filled::new(Shape::Set);
    let mut rival: HashSet<Box<[u8]>> = filled.keys.iter().map(|key| key[..].into()).collect();
    let mut slices = Slices::new();
    let mut find = group(criterion, "set_find");
    find.bench_function("evenkeel", |bencher| {
        bencher.iter(|| {
            for &item in slices.next() {
                let key = Key::new(&filled.store, Code::of_text(&filled.keys[item]));
                black_box(filled.tree.get(&filled.store, &key).is_some());
            }
        });
    });
    find.bench_function("evenkeel_batches_of_16", |bencher| {
        bencher.iter(|| {
            for batch in slices.next().chunks(BATCH) {
                black_box(find_batch(&filled, batch));
            }
        });
    });
    find.bench_function("hash_set", |bencher| {
        bencher.iter(|| {
            for &item in slices.next() {
                black_box(rival.contains(&filled.keys[item][..]));
            }
        });
    });
    find.finish();
    let mut change = group(criterion, "set_remove_and_insert");
    change.bench_function("evenkeel", |bencher| {
        bencher.iter(|| {
            for &item in slices.next() {
                filled.remove(item);
                filled.insert(item);
            }
        });
    });
    change.bench_function("hash_set", |bencher| {
        bencher.iter(|| {
            for &item in slices.next() {
                rival.remove(&filled.keys[item][..]);
                rival.insert(filled.keys[item][..].into());
            }
        });
    });
    change.finish();
}

fn maps(criterion: &mut Criterion) {
    let mut filled = Filled::new(Shape::Map);
    let pairs = filled
        .keys
        .iter()
        .map(|key| (key[..].into(), VALUES[0].into()));
    let mut rival: HashMap<Box<[u8]>, Box<[u8]>> = pairs.collect();
    let mut slices = Slices::new();
    let mut overwrite = group(criterion, "map_overwrite");
    overwrite.bench_function("evenkeel", |bencher| {
        bencher.iter(|| {
            for &item in slices.next() {
                filled.overwrite(item, VALUES[1]);
            }
        });
    });
    overwrite.bench_function("evenkeel_first_after_freezing", |bencher| {
        bencher.iter(|| {
            let view = filled.tree.freeze();
            for &item in slices.next() {
                filled.overwrite(item, VALUES[0]);
            }
            filled.tree.close(view);
            filled.bury();
        });
    });
    overwrite.bench_function("hash_map", |bencher| {
        bencher.iter(|| {
            for &item in slices.next() {
                let slot = rival.get_mut(&filled.keys[item][..]);
                *slot.expect("every key is there") = black_box(VALUES[1]).into();
            }
        });
    });
    overwrite.finish();
    let mut freeze = group(criterion, "freeze_and_close");
    freeze.bench_function("evenkeel", |bencher| {
        bencher.iter(|| {
            for _ in 0..OPERATIONS {
                let view = filled.tree.freeze();
                filled.tree.close(black_box(view));
            }
        });
    });
    freeze.finish();
}

fn scored(criterion: &mut Criterion) {
    let mut filled = Filled::new(Shape::Scored);
    let entry = |key: &[u8], item: usize| (score_order(score_of(item)), key.into());
    let numbered = filled.keys.iter().enumerate();
    let mut rival: BTreeSet<(u64, Box<[u8]>)> =
        numbered.map(|(item, key)| entry(key, item)).collect();
    let mut slices = Slices::new();
    let mut change = group(criterion, "scored_remove_and_insert");
    change.bench_function("evenkeel", |bencher| {
        bencher.iter(|| {
            for &item in slices.next() {
                filled.remove(item);
                filled.insert(item);
            }
        });
    });
    change.bench_function("btree_set", |bencher| {
        bencher.iter(|| {
            for &item in slices.next() {
                let entry = entry(&filled.keys[item], item);
                rival.remove(&entry);
                rival.insert(entry);
            }
        });
    });
    change.finish();
    let mut rank = group(criterion, "scored_rank");
    rank.bench_function("evenkeel", |bencher| {
        bencher.iter(|| {
            for &item in slices.next() {
                let place = filled.locate(item);
                black_box(filled.tree.rank_of(&filled.store, &place));
            }
        });
    });
    rank.finish();
}

fn lists(criterion: &mut Criterion) {
    let mut filled = Filled::new(Shape::List);
    let mut rival: VecDeque<Box<[u8]>> = filled.keys.iter().map(|key| key[..].into()).collect();
    let mut slices = Slices::new();
    let mut group = group(criterion, "list_push_and_pop");
    group.bench_function("evenkeel", |bencher| {
        bencher.iter(|| {
            for &item in slices.next() {
                filled.insert(item);
                let place = filled.tree.locate_rank(&filled.store, 0);
                filled.tree.remove(&mut filled.store, place);
            }
        });
    });
    group.bench_function("vec_deque", |bencher| {
        bencher.iter(|| {
            for &item in slices.next() {
                rival.push_back(filled.keys[item][..].into());
                black_box(rival.pop_front());
            }
        });
    });
    group.finish();
}
