//! Elements to be read, in a block or in a tree.
//!
//! Cost: by key and by rank O(log n); walking reads memory in order.
//!
//! Not here: what elements mean.

use crate::structures::block::{Block, ElementRef, Run, Shape};
use crate::structures::block_tree::{BlockStore, HashBytes, Key, View};
use crate::structures::item::{self, Code};
use either::Either;
use std::cmp::Ordering;
use std::ops::Range;

#[derive(Clone, Copy)]
enum Kept<'a> {
    Packed(Block<'a>),
    Tree(View),
}

/// The elements of a collection, or of a view of one.
pub struct Elements<'a, S> {
    kept: Kept<'a>,
    store: &'a S,
}

impl<S> Clone for Elements<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Elements<'_, S> {}

impl<'a, S: BlockStore> Elements<'a, S> {
    /// Those of a block.
    pub fn packed(block: Block<'a>, store: &'a S) -> Self {
        let kept = Kept::Packed(block);
        Self { kept, store }
    }

    /// Those of a tree, or of a frozen one.
    pub fn tree(view: View, store: &'a S) -> Self {
        let kept = Kept::Tree(view);
        Self { kept, store }
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        match self.kept {
            Kept::Packed(block) => block.count() as u64,
            Kept::Tree(view) => view.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether all of them stand in one block.
    pub fn is_packed(&self) -> bool {
        matches!(self.kept, Kept::Packed(_))
    }

    /// What they are.
    pub fn shape(&self) -> Shape {
        match self.kept {
            Kept::Packed(block) => block.shape(),
            Kept::Tree(view) => view.shape(),
        }
    }

    /// The least deadline of all elements. O(1) while there are none, and in a tree of more than
    /// one leaf.
    pub fn next_deadline(&self) -> Option<u64> {
        match self.kept {
            Kept::Packed(block) => block.least_deadline(),
            Kept::Tree(view) => view.next_deadline(self.store),
        }
    }

    /// Whether an element is due at a moment, and so not there.
    pub fn has_due(&self, now_ms: u64) -> bool {
        let least_ms = match self.kept {
            Kept::Packed(block) => block.least_deadline(),
            Kept::Tree(view) => view.next_deadline(self.store),
        };
        least_ms.is_some_and(|deadline_ms| deadline_ms <= now_ms)
    }

    /// The element whose key is `code`: not of lists, of sorted sets only while they are packed.
    pub fn find(&self, code: &Code) -> Option<ElementRef<'a>> {
        match self.kept {
            Kept::Packed(block) => {
                let tag = match block.has_index() {
                    true => Key::new(self.store, *code).tag(),
                    false => 0,
                };
                Some(block.element(block.find(code, tag)?))
            }
            Kept::Tree(view) => view.get(self.store, &Key::new(self.store, *code)),
        }
    }

    /// The element of a rank, counted from 0, if there are as many.
    pub fn at(&self, rank: u64) -> Option<ElementRef<'a>> {
        match self.kept {
            Kept::Packed(block) => block.get(usize::try_from(rank).ok()?),
            Kept::Tree(view) => view.get_rank(self.store, rank),
        }
    }

    /// The ranks of all elements that stand in one block with that of `rank`.
    ///
    /// # Panics
    /// If there are fewer elements.
    pub fn ranks_of_block(&self, rank: u64) -> Range<u64> {
        match self.kept {
            Kept::Packed(block) => 0..block.count() as u64,
            Kept::Tree(view) => view.ranks_of_leaf(self.store, rank),
        }
    }

    /// Bytes of all elements if they are not more than `enough`, else more than that. O(1) while
    /// they are packed, else O(`enough`).
    pub fn elements_len(&self, enough: usize) -> usize {
        match self.kept {
            Kept::Packed(block) => block.elements_len(),
            Kept::Tree(view) => view.elements_len(self.store, enough),
        }
    }

    /// All elements from `rank` on.
    pub fn from(&self, rank: u64) -> impl Iterator<Item = ElementRef<'a>> + use<'a, S> {
        match self.kept {
            Kept::Packed(block) => {
                let elements = block.from(rank.min(self.len()) as usize);
                Either::Left(elements.map(|(_, element)| element))
            }
            Kept::Tree(view) => Either::Right(view.walk(self.store, rank)),
        }
    }

    /// All elements from `rank` on, block by block.
    pub fn runs(&self, rank: u64) -> impl Iterator<Item = Run<'a>> + use<'a, S> {
        match self.kept {
            Kept::Packed(block) => {
                let run = block.run_from(rank.min(self.len()) as usize);
                Either::Left(std::iter::once(run))
            }
            Kept::Tree(view) => Either::Right(view.runs(self.store, rank)),
        }
    }

    /// All elements before `rank`, the last one first.
    pub fn back_from(&self, rank: u64) -> impl Iterator<Item = ElementRef<'a>> + use<'a, S> {
        match self.kept {
            Kept::Packed(block) => Either::Left(block.back_from(rank.min(self.len()) as usize)),
            Kept::Tree(view) => Either::Right(view.walk_back(self.store, rank)),
        }
    }

    /// The rank of the first scored element that is not less, and whether it is equal: by the order
    /// of its score, and where that is `order` by `compare`.
    pub fn rank_by(&self, order: u64, compare: impl Fn(ElementRef) -> Ordering) -> (u64, bool) {
        match self.kept {
            Kept::Packed(block) => {
                let (position, is_found) = block.partition(order, compare);
                (position.index as u64, is_found)
            }
            Kept::Tree(view) => {
                let place = view.locate_by(self.store, order, compare);
                (view.rank_of(self.store, &place), place.is_found())
            }
        }
    }

    /// A step of a scan: shows the elements of one leaf, or all of a block, and returns the next
    /// cursor, 0 when none is left. What is there throughout is shown exactly once.
    pub fn scan(&self, cursor: u64, mut visit: impl FnMut(ElementRef<'a>)) -> u64 {
        match self.kept {
            Kept::Packed(block) => {
                block.elements().for_each(visit);
                0
            }
            Kept::Tree(view) => view.scan(self.store, cursor, &mut visit),
        }
    }

    /// The elements of a step of a scan in the order of their hashes and then of their bytes, each
    /// with its hash's order; appended to `elements`. Returns the next cursor, 0 when none is left.
    /// All hashed collections of a store have the same order, so they can be merged.
    pub fn next_by_hash(&self, cursor: u64, elements: &mut Vec<(u64, ElementRef<'a>)>) -> u64 {
        match self.kept {
            Kept::Packed(block) => {
                let hasher = self.store.hasher();
                elements.extend(block.elements().map(|element| {
                    let key = item::hashed_part(element.key_bytes());
                    (View::order_of_hash(hasher.hash_bytes(key)), element)
                }));
                elements.sort_unstable_by(|one, other| {
                    let order = one.0.cmp(&other.0);
                    order.then_with(|| one.1.key_bytes().cmp(other.1.key_bytes()))
                });
                0
            }
            Kept::Tree(view) => view.next_by_hash(self.store, cursor, elements),
        }
    }
}
