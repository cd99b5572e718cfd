//! Blocks of any bytes, and trees under any changes, against plain models.
//!
//! 1. No bytes panic; a block that is accepted can be read, copied element by element into the same
//!    block, and emptied.
//! 2. A tree holds what its model holds and keeps its invariants; each view holds what the model
//!    held when it was opened.
//! 3. Cleared, with all views closed, a tree leaves nothing in its store.
//!
//! Not here: commands on collections (`commands.rs`).

use crate::source::Source;
use evenkeel::base::hash::KeyHasher;
use evenkeel::structures::block::integers::{IntegerSet, IntegerSetMut};
use evenkeel::structures::block::{Block, BlockMut, Element, Shape};
use evenkeel::structures::block_tree::arena::Arena;
use evenkeel::structures::block_tree::{BlockStore, Key, Place, Tree, View, ViewId};
use evenkeel::structures::item::{self, Code, score_order};
use std::collections::BTreeMap;

const SHAPES: [Shape; 4] = [Shape::Set, Shape::Map, Shape::Scored, Shape::List];

/// Changes of one input: more take a fuzzer's time and show nothing new.
const CHANGES_MAX: usize = 3_000;

/// Views that are open at once.
const VIEWS_MAX: usize = 4;

/// What a canary does wrong, so that the check must fail for one input or another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// What is removed stays in the model.
    ForgetsRemovals,
    /// What is replaced has its old value in the model.
    ForgetsReplacements,
    /// A view is thought to be of another moment, when nothing was there.
    FreezesEmpty,
    /// A block is taken that nobody gives back.
    Leaks,
}

/// Runs one input. Its first byte chooses what it is.
pub fn check(data: &[u8]) {
    check_with(data, Fault::None);
}

/// The same with a fault, for a test that the check can fail.
pub fn check_with(data: &[u8], fault: Fault) {
    let mut source = Source::new(data);
    match source.below(4) {
        0 => block(source.rest()),
        1 => integers(source.rest()),
        2 => items(source.rest()),
        _ => tree(source, fault),
    }
}

fn block(bytes: &[u8]) {
    // A hash that the fuzzer can guess: otherwise no block with tags would be accepted.
    let hash = |_: &[u8]| 0;
    let Ok(block) = Block::check(bytes, &hash) else {
        return;
    };
    let count = block.count();
    assert_eq!(block.elements().count(), count);
    assert_eq!(block.back_from(count).count(), count);
    assert!(block.used_len() <= bytes.len());
    let mut copied = vec![0; 3 * bytes.len() + 64];
    let mut copy = BlockMut::create(&mut copied, block.shape(), block.is_tagged(), 0);
    for element in block.elements() {
        let end = copy.block().position(copy.block().count());
        copy.insert(end, &element.to_element(), 0, &hash);
    }
    let copy = Block::check(&copied, &hash).expect("it was made here");
    let bytes_of = |block: Block| -> Vec<Vec<u8>> {
        block
            .elements()
            .map(|element| element.bytes().to_vec())
            .collect()
    };
    assert_eq!(bytes_of(copy), bytes_of(block));
    let mut emptied = bytes.to_vec();
    for index in (0..count).rev() {
        let mut block = BlockMut::new(&mut emptied);
        let place = block.block().position(index / 2);
        block.remove(place);
        assert!(Block::check(&emptied, &hash).is_ok());
    }
}

fn integers(bytes: &[u8]) {
    let Ok(set) = IntegerSet::check(bytes) else {
        return;
    };
    let all: Vec<i64> = set.iter().collect();
    let mut emptied = bytes.to_vec();
    for &value in &all {
        assert!(set.find(value).is_ok());
        assert!(IntegerSetMut::new(&mut emptied).remove(value));
    }
    assert_eq!(IntegerSet::new(&emptied).count(), 0);
}

fn items(bytes: &[u8]) {
    if let Ok(len) = item::checked_len(bytes) {
        let (item, read_len) = item::read(bytes);
        assert_eq!(read_len, len);
        assert!(Code::of_item(item).is_at(bytes));
    }
    let code = Code::of_text(bytes);
    let mut written = vec![0; code.byte_len()];
    code.write(&mut written);
    assert_eq!(item::checked_len(&written), Ok(written.len()));
}

/// Elements by what they are found by, the bytes of each.
type Model = BTreeMap<(u64, Vec<u8>), Vec<u8>>;

/// A tree and what should be in it.
struct Pair {
    tree: Tree,
    store: Arena<KeyHasher>,
    model: Model,
    /// The model of a list.
    list: Vec<Vec<u8>>,
    views: Vec<(ViewId, Vec<Vec<u8>>)>,
    fault: Fault,
}

fn tree(mut source: Source, fault: Fault) {
    let shape = source.one_of(&SHAPES);
    let mut pair = Pair {
        tree: Tree::new(shape, 1),
        store: Arena::new(KeyHasher::new(1)),
        model: Model::new(),
        list: Vec::new(),
        views: Vec::new(),
        fault,
    };
    if fault == Fault::Leaks {
        pair.store.allocate(64);
    }
    for _ in 0..CHANGES_MAX {
        if source.is_empty() {
            break;
        }
        pair.change(&mut source);
    }
    pair.compare();
    pair.finish();
}

/// A text of a size that the fuzzer chooses; most are short.
fn text(source: &mut Source) -> Vec<u8> {
    let number = source.below(1 << 16);
    match source.byte() {
        0 => vec![b'x'; number % 6_000],
        1..=20 => vec![b'y'; number % 400],
        21..=100 => number.to_string().into_bytes(),
        _ => format!("member {number}").into_bytes(),
    }
}

impl Pair {
    fn change(&mut self, source: &mut Source) {
        match source.byte() {
            0..=9 => self.remove_ranks(source),
            10..=19 if self.views.len() < VIEWS_MAX => self.freeze(),
            20..=29 => self.close(source),
            30..=59 => self.tree.bury_some(&mut self.store),
            60 => self.clear(),
            61..=199 => self.put(source, true),
            _ => self.put(source, false),
        }
    }

    /// Inserts or replaces an element, or removes the one that stands there.
    fn put(&mut self, source: &mut Source, comes: bool) {
        let shape = self.tree.shape();
        let (text, value) = (text(source), source.byte());
        let code = Code::of_text(&text);
        let score = f64::from(value % 4) / 2.0;
        let rank = (source.below(1 << 16) as u64) % (self.tree.len() + 1);
        let (place, element, order): (Place, Element, u64) = match shape {
            Shape::Set => {
                let key = Key::new(&self.store, code);
                (
                    self.tree.locate(&self.store, &key),
                    Element::single(code),
                    0,
                )
            }
            Shape::Map => {
                let key = Key::new(&self.store, code);
                let deadline = (value % 5 == 0).then_some(u64::from(value));
                let element =
                    Element::pair(code, Code::of_integer(i64::from(value) << (value % 40)));
                let place = self.tree.locate(&self.store, &key);
                (place, element.with_deadline(deadline), 0)
            }
            Shape::Scored => {
                let place = self.tree.locate_scored(&self.store, score, code.item());
                (place, Element::scored(score, code), score_order(score))
            }
            Shape::List => {
                let place = self.tree.locate_rank(&self.store, rank);
                (place, Element::single(code), 0)
            }
        };
        let bytes = encoded(shape, &element);
        if shape == Shape::List {
            return self.put_in_list(place, rank as usize, &element, bytes, comes);
        }
        let key = (order, text.clone());
        assert_eq!(place.is_found(), self.model.contains_key(&key));
        if comes {
            match place.is_found() {
                true => self.tree.replace(&mut self.store, place, &element),
                false => self.tree.insert(&mut self.store, place, &element),
            }
            if self.fault == Fault::ForgetsReplacements {
                self.model.entry(key).or_insert(bytes);
            } else {
                self.model.insert(key, bytes);
            }
        } else if place.is_found() {
            self.tree.remove(&mut self.store, place);
            if self.fault != Fault::ForgetsRemovals {
                self.model.remove(&key);
            }
        }
    }

    fn put_in_list(
        &mut self,
        place: Place,
        rank: usize,
        element: &Element,
        bytes: Vec<u8>,
        comes: bool,
    ) {
        if comes {
            self.tree.insert(&mut self.store, place, element);
            self.list.insert(rank, bytes);
        } else if place.is_found() {
            self.tree.remove(&mut self.store, place);
            self.list.remove(rank);
        }
    }

    fn remove_ranks(&mut self, source: &mut Source) {
        let len = self.tree.len() as usize;
        let (one, other) = (
            source.below(1 << 16) % (len + 1),
            source.below(1 << 16) % (len + 1),
        );
        let ranks = one.min(other)..one.max(other);
        let walk = self.tree.walk(&self.store, ranks.start as u64);
        let gone: Vec<Vec<u8>> = walk
            .take(ranks.len())
            .map(|element| element.bytes().to_vec())
            .collect();
        if self.tree.shape() == Shape::List {
            assert_eq!(self.list.drain(ranks.clone()).collect::<Vec<_>>(), gone);
        } else {
            self.model.retain(|_, bytes| !gone.contains(bytes));
        }
        let ranks = ranks.start as u64..ranks.end as u64;
        self.tree.remove_ranks(&mut self.store, ranks);
    }

    fn freeze(&mut self) {
        let mut content = self.content();
        if self.fault == Fault::FreezesEmpty {
            content.clear();
        }
        self.views.push((self.tree.freeze(), content));
    }

    fn close(&mut self, source: &mut Source) {
        if !self.views.is_empty() {
            let index = source.below(self.views.len());
            let (id, content) = self.views.remove(index);
            let view = self.tree.view(id).expect("it is open");
            assert_eq!(self.content_of(view), content);
            self.tree.close(id);
        }
    }

    fn clear(&mut self) {
        self.tree.clear();
        self.model.clear();
        self.list.clear();
    }

    fn content(&self) -> Vec<Vec<u8>> {
        let shape = self.tree.shape();
        let mut content: Vec<Vec<u8>> = match shape {
            Shape::List => self.list.clone(),
            Shape::Set | Shape::Map | Shape::Scored => self.model.values().cloned().collect(),
        };
        if shape.is_hashed() {
            content.sort_unstable();
        }
        content
    }

    fn content_of(&self, view: View) -> Vec<Vec<u8>> {
        let elements = view.walk(&self.store, 0);
        let mut content: Vec<_> = elements.map(|element| element.bytes().to_vec()).collect();
        if view.shape().is_hashed() {
            content.sort_unstable();
        }
        content
    }

    fn compare(&self) {
        let blocks = self.tree.check_invariants(&self.store);
        assert_eq!(blocks.len(), self.store.live().len());
        assert_eq!(self.content_of(self.tree.current()), self.content());
        for (id, content) in &self.views {
            let view = self.tree.view(*id).expect("it is open");
            assert_eq!(&self.content_of(view), content);
        }
    }

    fn finish(&mut self) {
        self.clear();
        for (id, _) in std::mem::take(&mut self.views) {
            self.tree.close(id);
        }
        while self.tree.has_graves() {
            self.tree.bury_some(&mut self.store);
        }
        assert_eq!((self.tree.held_bytes(), self.store.used_bytes()), (0, 0));
        assert!(self.store.live().is_empty());
    }
}

/// An element as it stands in a block.
fn encoded(shape: Shape, element: &Element) -> Vec<u8> {
    let mut bytes = vec![0; 64 + element.byte_len()];
    let mut block = BlockMut::create(&mut bytes, shape, false, 0);
    let start = block.block().position(0);
    block.insert(start, element, 0, &|_| 0);
    let block = Block::new(&bytes);
    block.element(block.position(0)).bytes().to_vec()
}
