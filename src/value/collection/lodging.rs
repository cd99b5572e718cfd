//! A place where one collection lives in tests: bytes of its own, and trees in an arena.
//!
//! Not here: the entries where collections really live (`keyspace/`).

use super::{Body, CollectionType, Form, Home, Trees};
use crate::base::hash::KeyHasher;
use crate::structures::block::integers::IntegerSet;
use crate::structures::block::{Block, BlockMut, Shape};
use crate::structures::block_tree::arena::Arena;
use crate::value::encoding::EncodingLimits;

/// Packed bytes grow to a multiple of this, as if the rest were wasted.
const PACKED_STEP: usize = 16;

/// Where one collection lives.
pub struct Lodging {
    packed: Vec<u8>,
    is_integers: bool,
    large: Option<Trees>,
    /// Where the blocks of its trees are.
    pub store: Arena<KeyHasher>,
    /// The limits of encodings.
    pub limits: EncodingLimits,
    /// The moment of what is done next, in Unix milliseconds.
    pub now_ms: u64,
}

impl Lodging {
    /// An empty collection of a type. Places of one seed hash alike.
    pub fn new<T: CollectionType>(seed: u64) -> Self {
        let mut packed = vec![0; Block::empty_len(T::SHAPE)];
        BlockMut::create(&mut packed, T::SHAPE, T::SHAPE != Shape::List, 0);
        Self {
            packed,
            is_integers: false,
            large: None,
            store: Arena::new(KeyHasher::new(seed)),
            limits: EncodingLimits::default(),
            now_ms: 0,
        }
    }

    /// The collection to be changed.
    pub fn change<T: CollectionType>(&mut self) -> T::Mut<&mut Self> {
        T::Mut::from(self)
    }

    /// The collection to be read.
    pub fn read<T: CollectionType>(&self) -> T::Ref<'_, Arena<KeyHasher>> {
        self.body().into()
    }

    /// The collection as it is kept.
    pub fn body(&self) -> Body<'_, Arena<KeyHasher>> {
        let form = match &self.large {
            Some(trees) => Form::Large(trees),
            None if self.is_integers => Form::Integers(IntegerSet::new(&self.packed)),
            None => Form::Packed(Block::new(&self.packed)),
        };
        Body {
            form,
            store: &self.store,
            now_ms: self.now_ms,
        }
    }

    /// Whether it is kept in trees.
    pub fn is_large(&self) -> bool {
        self.large.is_some()
    }

    /// Checks the blocks of the trees.
    pub fn check_invariants(&self) {
        for tree in self.large.iter().flat_map(Trees::trees) {
            tree.check_invariants(&self.store);
        }
    }

    /// Frees the collection; returns the bytes that are left of its trees, which should be none.
    pub fn free(mut self) -> usize {
        for tree in self.large.iter_mut().flat_map(Trees::trees_mut) {
            tree.clear();
            while tree.has_graves() {
                tree.bury_some(&mut self.store);
            }
        }
        self.store.used_bytes()
    }
}

impl Home for &mut Lodging {
    type Store = Arena<KeyHasher>;

    fn body(&self) -> Body<'_, Self::Store> {
        Lodging::body(self)
    }

    fn limits(&self) -> &EncodingLimits {
        &self.limits
    }

    fn packed_mut(&mut self) -> &mut [u8] {
        assert!(self.large.is_none(), "a large collection is not packed");
        &mut self.packed
    }

    fn capacity_for(&self, len: usize) -> usize {
        len.next_multiple_of(PACKED_STEP)
    }

    fn resize(&mut self, len: usize) {
        // What is new has anything in it.
        self.packed.resize(self.capacity_for(len), 0xee);
    }

    fn set_integers(&mut self, is_integers: bool) {
        self.is_integers = is_integers;
    }

    fn enlarge(&mut self, make: &mut dyn FnMut(&mut Self::Store, u32) -> Trees) {
        assert!(self.large.is_none(), "a large collection stays so");
        self.large = Some(make(&mut self.store, 0));
        self.packed.clear();
        self.is_integers = false;
    }

    fn large_mut(&mut self) -> (&mut Trees, &mut Self::Store) {
        let trees = self.large.as_mut().expect("a packed collection has none");
        (trees, &mut self.store)
    }
}
