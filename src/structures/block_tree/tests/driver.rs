//! A tree, its model, and views of both.

use super::super::arena::Arena;
use super::super::*;
use crate::base::hash::KeyHasher;
use crate::structures::block::Element;
use crate::structures::item::{Code, score_order};
use std::collections::{BTreeMap, HashMap};

pub(super) const SHAPES: [Shape; 4] = [Shape::Set, Shape::Map, Shape::Scored, Shape::List];

/// Hashes under a mask, so that tests can make hashes collide.
#[derive(Clone)]
pub(super) struct Hasher {
    hasher: KeyHasher,
    mask: u64,
}

impl Hasher {
    pub(super) fn new(mask: u64) -> Self {
        let hasher = KeyHasher::new(1);
        Self { hasher, mask }
    }
}

impl HashBytes for Hasher {
    fn hash_bytes(&self, bytes: &[u8]) -> u64 {
        self.hasher.hash(bytes) & self.mask
    }
}

/// Elements as bytes: in order, or sorted where the tree has them by hash.
type Content = Vec<Vec<u8>>;

#[derive(Default)]
struct Model {
    hashed: HashMap<Vec<u8>, Vec<u8>>,
    scored: BTreeMap<(u64, Vec<u8>), Vec<u8>>,
    list: Vec<Vec<u8>>,
}

pub(super) struct Driver {
    pub(super) tree: Tree,
    pub(super) store: Arena<Hasher>,
    pub(super) random: fastrand::Rng,
    model: Model,
    views: Vec<(ViewId, Content)>,
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

/// Moves a block as a store would; whether it could be moved.
pub(super) fn relocate(tree: &mut Tree, store: &mut Arena<Hasher>, from: BlockId) -> bool {
    let to = store.allocate(store.bytes(from).len());
    let (old, new) = store.pair(from, to);
    new.copy_from_slice(old);
    let is_moved = tree.relocate(store, from, to);
    store.free(if is_moved { from } else { to });
    is_moved
}

impl Driver {
    pub(super) fn new(shape: Shape, seed: u64, mask: u64) -> Self {
        Self {
            tree: Tree::new(shape, 3),
            store: Arena::new(Hasher::new(mask)),
            random: fastrand::Rng::with_seed(seed),
            model: Model::default(),
            views: Vec::new(),
        }
    }

    fn text(&mut self) -> Vec<u8> {
        let random = &mut self.random;
        match random.u32(0..200) {
            0 => vec![random.u8(b'a'..b'd'); [9_000, 90_000][random.usize(0..2)]],
            1..10 => vec![random.u8(b'a'..=b'z'); random.usize(0..900)],
            10..80 => random.i32(-2_000..2_000).to_string().into_bytes(),
            _ => format!("member {:04}", random.u32(0..3_000)).into_bytes(),
        }
    }

    /// One change: an element comes, goes or gets another value; now and then a range goes.
    pub(super) fn step(&mut self, grows: bool) {
        if self.random.u16(0..300) == 0 {
            return self.remove_ranks();
        }
        if self.tree.shape() == Shape::List && self.random.u16(0..300) == 0 {
            return self.remove_where();
        }
        let may_insert = self.random.u8(0..10) < if grows { 9 } else { 2 };
        match self.tree.shape() {
            Shape::Set | Shape::Map => self.step_hashed(may_insert),
            Shape::Scored => self.step_scored(may_insert),
            Shape::List => self.step_list(may_insert),
        }
    }

    fn step_hashed(&mut self, may_insert: bool) {
        let (text, value) = (self.text(), self.text());
        let code = Code::of_text(&text);
        let is_map = self.tree.shape() == Shape::Map;
        let deadline = (is_map && self.random.u8(0..4) == 0).then(|| self.random.u64(0..1_000));
        let element = match is_map {
            true => Element::pair(code, Code::of_text(&value)).with_deadline(deadline),
            false => Element::single(code),
        };
        let key = Key::new(&self.store, code);
        let place = self.tree.locate(&self.store, &key);
        assert_eq!(place.is_found(), self.model.hashed.contains_key(&text));
        let bytes = encoded(self.tree.shape(), &element);
        if place.is_found() && may_insert {
            self.tree.replace(&mut self.store, place, &element);
            self.model.hashed.insert(text, bytes);
        } else if place.is_found() {
            self.tree.remove(&mut self.store, place);
            self.model.hashed.remove(&text);
        } else if may_insert {
            self.tree.insert(&mut self.store, place, &element);
            self.model.hashed.insert(text, bytes);
        } else if let Some(rank) = self.rank() {
            self.remove_rank(rank);
        }
    }

    fn step_scored(&mut self, may_insert: bool) {
        let text = self.text();
        let code = Code::of_text(&text);
        let scores = [
            -0.0,
            0.0,
            1.0,
            2.5,
            f64::INFINITY,
            f64::from(self.random.i16(..)),
        ];
        let score = scores[self.random.usize(0..6)];
        let place = self.tree.locate_scored(&self.store, score, code.item());
        let key = (score_order(score), text.clone());
        assert_eq!(place.is_found(), self.model.scored.contains_key(&key));
        let element = Element::scored(score, code);
        let bytes = encoded(Shape::Scored, &element);
        if place.is_found() && may_insert && self.random.bool() {
            self.rescore(place, score, &text);
        } else if place.is_found() && may_insert {
            self.tree.replace(&mut self.store, place, &element);
            self.model.scored.insert(key, bytes);
        } else if place.is_found() {
            self.tree.remove(&mut self.store, place);
            self.model.scored.remove(&key);
        } else if may_insert {
            self.tree.insert(&mut self.store, place, &element);
            self.model.scored.insert(key, bytes);
        } else if let Some(rank) = self.rank() {
            self.remove_rank(rank);
        }
    }

    /// Gives the member at a place, of a score, another score: one nearby, or any.
    fn rescore(&mut self, place: Place, old: f64, text: &[u8]) {
        let score = match self.random.bool() {
            true => old + f64::from(self.random.i8(-2..3)),
            false => f64::from(self.random.i16(..)),
        };
        let key = |score| (score_order(score), text.to_vec());
        let is_other = key(score) != key(old);
        if is_other && self.model.scored.contains_key(&key(score)) {
            return;
        }
        let code = Code::of_text(text);
        self.tree.rescore(&mut self.store, place, score, code);
        let bytes = encoded(Shape::Scored, &Element::scored(score, code));
        self.model.scored.remove(&key(old));
        self.model.scored.insert(key(score), bytes);
    }

    fn step_list(&mut self, may_insert: bool) {
        let text = self.text();
        let element = Element::single(Code::of_text(&text));
        let bytes = encoded(Shape::List, &element);
        let len = self.tree.len();
        let rank = match self.random.u8(0..6) {
            0 => 0,
            1 => len,
            2 => len / 3,
            3 => return self.step_end(may_insert, End::Front, &element),
            4 => return self.step_end(may_insert, End::Back, &element),
            _ => self.random.u64(0..=len),
        };
        let place = self.tree.locate_rank(&self.store, rank);
        if may_insert && self.random.u8(0..10) == 0 && rank < len {
            self.tree.replace(&mut self.store, place, &element);
            self.model.list[rank as usize] = bytes;
        } else if may_insert {
            self.tree.insert(&mut self.store, place, &element);
            self.model.list.insert(rank as usize, bytes);
        } else if len > 0 {
            self.remove_rank(rank.min(len - 1));
        }
    }

    /// An item comes to an end of the list or goes from there.
    fn step_end(&mut self, may_insert: bool, end: End, element: &Element) {
        let list = &mut self.model.list;
        if may_insert {
            let index = match end {
                End::Front => 0,
                End::Back => list.len(),
            };
            list.insert(index, encoded(Shape::List, element));
            self.tree.push(&mut self.store, end, &element.key_code());
        } else if !list.is_empty() {
            let index = match end {
                End::Front => 0,
                End::Back => list.len() - 1,
            };
            let popped = self
                .tree
                .pop(&mut self.store, end, |element| element.bytes().to_vec());
            assert_eq!(popped, list.remove(index));
        }
    }

    fn rank(&mut self) -> Option<u64> {
        let len = self.tree.len();
        (len > 0).then(|| self.random.u64(0..len))
    }

    fn remove_rank(&mut self, rank: u64) {
        let place = self.tree.locate_rank(&self.store, rank);
        let element = self.tree.element(&self.store, &place);
        let bytes = element.expect("ranks name elements").bytes().to_vec();
        self.forget(rank as usize, &bytes);
        self.tree.remove(&mut self.store, place);
    }

    /// Removes an element of the tree from the model.
    fn forget(&mut self, rank: usize, bytes: &[u8]) {
        match self.tree.shape() {
            Shape::List => assert_eq!(self.model.list.remove(rank), bytes),
            Shape::Scored => self.model.scored.retain(|_, other| other != bytes),
            Shape::Set | Shape::Map => self.model.hashed.retain(|_, other| other != bytes),
        }
    }

    fn remove_ranks(&mut self) {
        let len = self.tree.len();
        let edge = |random: &mut fastrand::Rng, end| [end, random.u64(0..=len)][random.usize(0..2)];
        let (one, other) = (edge(&mut self.random, 0), edge(&mut self.random, len));
        let ranks = one.min(other)..one.max(other);
        let walk = self.tree.walk(&self.store, ranks.start);
        let gone = walk.take((ranks.end - ranks.start) as usize);
        let gone: Content = gone.map(|element| element.bytes().to_vec()).collect();
        for bytes in gone {
            self.forget(ranks.start as usize, &bytes);
        }
        self.tree.remove_ranks(&mut self.store, ranks);
    }

    /// Removes some of the items of a leaf.
    fn remove_where(&mut self) {
        let Some(rank) = self.rank() else {
            return;
        };
        let leaf = self.tree.ranks_of_leaf(&self.store, rank);
        assert!(leaf.contains(&rank));
        let start = self.random.u64(leaf.start..leaf.end);
        let ranks = start..self.random.u64(start..=leaf.end);
        let keep_one_in = self.random.u8(1..4);
        let mut gone = Vec::new();
        let count = self
            .tree
            .remove_where(&mut self.store, ranks.clone(), |element| {
                let is_gone = self.random.u8(0..keep_one_in) > 0;
                gone.push((is_gone, element.bytes().to_vec()));
                is_gone
            });
        let old = &self.model.list[ranks.start as usize..ranks.end as usize];
        assert!(gone.iter().map(|(_, bytes)| bytes).eq(old));
        let kept = gone.iter().filter(|(is_gone, _)| !is_gone);
        let kept: Content = kept.map(|(_, bytes)| bytes.clone()).collect();
        assert_eq!(count as usize, gone.len() - kept.len());
        self.model
            .list
            .splice(ranks.start as usize..ranks.end as usize, kept);
    }

    pub(super) fn clear(&mut self) {
        self.tree.clear();
        self.model = Model::default();
    }

    /// What the model holds.
    fn content(&self) -> Content {
        let model = &self.model;
        match self.tree.shape() {
            Shape::List => model.list.clone(),
            Shape::Scored => model.scored.values().cloned().collect(),
            Shape::Set | Shape::Map => {
                let mut content: Content = model.hashed.values().cloned().collect();
                content.sort_unstable();
                content
            }
        }
    }

    fn content_of(&self, view: View) -> Content {
        let elements = view.walk(&self.store, 0);
        let mut content: Content = elements.map(|element| element.bytes().to_vec()).collect();
        let back = view.walk_back(&self.store, view.len());
        let back: Content = back.map(|element| element.bytes().to_vec()).collect();
        assert!(back.iter().rev().eq(&content), "both ways are one");
        if view.shape().is_hashed() {
            content.sort_unstable();
        }
        content
    }

    /// Compares the present state with the model, and the store with what the tree knows of.
    pub(super) fn check(&self) {
        let mut blocks = self.tree.check_invariants(&self.store);
        assert_eq!(self.content_of(self.tree.current()), self.content());
        let mut live: Vec<BlockId> = self.store.live().iter().copied().collect();
        blocks.sort_unstable();
        live.sort_unstable();
        assert_eq!(blocks, live, "nothing is lost in the store");
    }

    /// Looks every element up by what it can be found by.
    pub(super) fn check_searches(&self) {
        let (tree, store) = (&self.tree, &self.store);
        for (rank, element) in tree.walk(store, 0).enumerate() {
            let by_rank = tree
                .get_rank(store, rank as u64)
                .expect("there are as many");
            assert_eq!(by_rank.bytes(), element.bytes());
            let place = match tree.shape() {
                Shape::Set | Shape::Map => {
                    let key = Key::new(store, Code::of_item(element.key()));
                    let found = tree.get(store, &key).expect("it is there");
                    assert_eq!(found.bytes(), element.bytes());
                    tree.locate(store, &key)
                }
                Shape::Scored => tree.locate_scored(store, element.score(), element.key()),
                Shape::List => tree.locate_rank(store, rank as u64),
            };
            assert!(place.is_found());
            assert_eq!(tree.rank_of(store, &place), rank as u64);
        }
        assert!(tree.get_rank(store, tree.len()).is_none());
    }

    /// Moves any block; only those of the present state that no view sees must be movable.
    pub(super) fn relocate_one(&mut self) {
        let mut live: Vec<BlockId> = self.store.live().iter().copied().collect();
        live.sort_unstable();
        if !live.is_empty() {
            let id = live[self.random.usize(0..live.len())];
            let is_moved = relocate(&mut self.tree, &mut self.store, id);
            let is_busy = self.tree.has_graves() || !self.views.is_empty();
            assert!(is_moved || is_busy, "nothing holds this block");
        }
    }

    pub(super) fn freeze(&mut self) {
        let content = self.content();
        self.views.push((self.tree.freeze(), content));
    }

    pub(super) fn close_one(&mut self) {
        if !self.views.is_empty() {
            let index = self.random.usize(0..self.views.len());
            let (view, _) = self.views.swap_remove(index);
            self.tree.close(view);
        }
    }

    pub(super) fn check_views(&self) {
        for (id, content) in &self.views {
            let view = self.tree.view(*id).expect("it is open");
            assert_eq!(view.len(), content.len() as u64);
            assert_eq!(&self.content_of(view), content);
        }
    }

    /// Clears the tree and closes all views, in any order; nothing must be left.
    pub(super) fn finish(&mut self) {
        self.clear();
        while !self.views.is_empty() || self.tree.has_graves() {
            if self.random.bool() {
                self.tree.bury_some(&mut self.store);
                self.check_views();
            } else {
                self.close_one();
            }
        }
        self.check();
        assert_eq!((self.tree.held_bytes(), self.store.used_bytes()), (0, 0));
        assert!(self.store.live().is_empty());
    }
}
