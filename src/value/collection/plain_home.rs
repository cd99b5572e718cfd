//! A place for one collection without a keyspace: what tests of the types use.

use super::{Body, Form, Home, Trees};
use crate::base::hash::KeyHasher;
use crate::structures::block::integers::IntegerSet;
use crate::structures::block::{Block, BlockMut, Shape};
use crate::structures::block_tree::Tree;
use crate::structures::block_tree::arena::Arena;
use crate::value::encoding::EncodingLimits;

enum Kept {
    Packed { bytes: Vec<u8>, is_integers: bool },
    Large(Box<Trees>),
}

/// One collection.
pub(in crate::value) struct PlainHome {
    kept: Kept,
    store: Arena<KeyHasher>,
    /// The limits of encodings.
    pub(in crate::value) limits: EncodingLimits,
    /// The moment of what is done next.
    pub(in crate::value) now_ms: u64,
}

impl PlainHome {
    /// An empty collection of a shape.
    pub(in crate::value) fn new(shape: Shape, seed: u64) -> Self {
        let mut bytes = vec![0; Block::empty_len(shape)];
        BlockMut::create(&mut bytes, shape, shape != Shape::List, 0);
        Self {
            kept: Kept::Packed {
                bytes,
                is_integers: false,
            },
            store: Arena::new(KeyHasher::new(seed)),
            limits: EncodingLimits::default(),
            now_ms: 0,
        }
    }

    /// The collection as it is now.
    pub(in crate::value) fn body(&self) -> Body<'_, Arena<KeyHasher>> {
        let form = match &self.kept {
            Kept::Packed { bytes, is_integers } => match is_integers {
                true => Form::Integers(IntegerSet::new(bytes)),
                false => Form::Packed(Block::new(bytes)),
            },
            Kept::Large(trees) => Form::Large(trees),
        };
        Body {
            form,
            store: &self.store,
            now_ms: self.now_ms,
        }
    }

    /// Whether it is large.
    pub(in crate::value) fn is_large(&self) -> bool {
        matches!(self.kept, Kept::Large(_))
    }

    /// Panics if its trees are not well.
    pub(in crate::value) fn check_invariants(&self) {
        if let Kept::Large(trees) = &self.kept {
            for tree in trees.trees() {
                tree.check_invariants(&self.store);
            }
        }
    }

    /// Frees it; returns the bytes that are left, which should be none.
    pub(in crate::value) fn free(mut self) -> usize {
        if let Kept::Large(trees) = &mut self.kept {
            for tree in trees.trees_mut() {
                tree.clear();
                while tree.has_graves() {
                    Tree::bury_some(tree, &mut self.store);
                }
            }
        }
        self.store.used_bytes()
    }
}

impl Home for &mut PlainHome {
    type Store = Arena<KeyHasher>;

    fn body(&self) -> Body<'_, Arena<KeyHasher>> {
        PlainHome::body(self)
    }

    fn limits(&self) -> &EncodingLimits {
        &self.limits
    }

    fn packed_mut(&mut self) -> &mut [u8] {
        match &mut self.kept {
            Kept::Packed { bytes, .. } => bytes,
            Kept::Large(_) => panic!("a large collection is not packed"),
        }
    }

    fn capacity_for(&self, len: usize) -> usize {
        len.next_multiple_of(8)
    }

    fn resize(&mut self, len: usize) {
        let capacity = self.capacity_for(len);
        match &mut self.kept {
            Kept::Packed { bytes, .. } => bytes.resize(capacity, 0),
            Kept::Large(_) => panic!("a large collection is not packed"),
        }
    }

    fn set_integers(&mut self, becomes_integers: bool) {
        match &mut self.kept {
            Kept::Packed { is_integers, .. } => *is_integers = becomes_integers,
            Kept::Large(_) => panic!("a large collection is not packed"),
        }
    }

    fn enlarge(&mut self, make: &mut dyn FnMut(&mut Arena<KeyHasher>, u32) -> Trees) {
        let trees = make(&mut self.store, 0);
        self.kept = Kept::Large(Box::new(trees));
    }

    fn large_mut(&mut self) -> (&mut Trees, &mut Arena<KeyHasher>) {
        match &mut self.kept {
            Kept::Large(trees) => (trees, &mut self.store),
            Kept::Packed { .. } => panic!("a packed collection has no trees"),
        }
    }
}
