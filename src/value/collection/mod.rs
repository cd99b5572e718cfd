//! How a collection of any type is kept, and how its elements are reached in either form.
//!
//! ```text
//!  packed     one block in the entry of the key, up to 4 KiB      structures/block
//!  integers   a sorted array there, sets only                     structures/block/integers.rs
//!  large      trees of blocks beside the entry                    structures/block_tree
//! ```
//!
//! | file | what |
//! |---|---|
//! | `mod.rs` | the forms, and what changes need of the place where a collection lives |
//! | `elements.rs` | reading: by key, by rank, in order |
//! | `build.rs` | large collections of elements that come one after the other |
//! | `lodging.rs` | where a collection lives in tests |
//! | `change.rs` | changing: elements come, change and go; a packed collection becomes large |
//!
//! A type (`value/hash.rs` and the like) is written on these, once for both forms.
//!
//! Not here: keys, memory accounts, snapshots (`keyspace/`), what elements mean.

mod build;
mod change;
mod elements;
#[cfg(test)]
pub mod lodging;

pub use change::{ElementsMut, Spot};
pub use elements::Elements;

use super::encoding::{Encoding, EncodingLimits, EncodingRoom};
use super::kind::Kind;
use crate::structures::block::integers::IntegerSet;
use crate::structures::block::{Block, Shape};
use crate::structures::block_tree::{BlockStore, Tree};

/// Bytes of a packed collection at most: what a change may have to move, and an entry to be copied
/// to grow. Entries up to three times as large are in slabs.
pub const PACKED_BYTES_MAX: usize = 4096;

/// A large collection.
pub struct Trees {
    /// Its elements; of a sorted set its members with their scores, by member; all of a stream.
    pub members: Tree,
    /// The members of a sorted set by their scores.
    pub scores: Option<Tree>,
    /// What its encoding is called.
    pub encoding: Encoding,
    /// Of a list: how much may change before that is looked at again.
    pub encoding_room: EncodingRoom,
}

impl Trees {
    /// A large collection of these trees.
    pub fn new(members: Tree, scores: Option<Tree>, encoding: Encoding) -> Self {
        Self {
            members,
            scores,
            encoding,
            encoding_room: EncodingRoom::default(),
        }
    }

    /// Says what its encoding is called from now on.
    pub fn set_encoding(&mut self, encoding: Encoding) {
        self.encoding = encoding;
        self.encoding_room = EncodingRoom::default();
    }

    /// Bytes of all blocks.
    pub fn held_bytes(&self) -> usize {
        self.trees().map(Tree::held_bytes).sum()
    }

    /// All trees, at most two.
    pub fn trees(&self) -> impl Iterator<Item = &Tree> {
        std::iter::once(&self.members).chain(&self.scores)
    }

    /// All trees, to be changed.
    pub fn trees_mut(&mut self) -> impl Iterator<Item = &mut Tree> {
        std::iter::once(&mut self.members).chain(&mut self.scores)
    }
}

/// The form in which a collection is kept.
#[derive(Clone, Copy)]
pub enum Form<'a> {
    /// One block.
    Packed(Block<'a>),
    /// A sorted array.
    Integers(IntegerSet<'a>),
    /// Trees.
    Large(&'a Trees),
}

/// A collection to be read at one moment.
pub struct Body<'a, S> {
    /// How it is kept.
    pub form: Form<'a>,
    /// Where the blocks of large collections are, and what hashes elements.
    pub store: &'a S,
    /// The moment, in Unix milliseconds: elements that are due by then are not there.
    pub now_ms: u64,
}

impl<S> Clone for Body<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Body<'_, S> {}

impl<'a, S: BlockStore> Body<'a, S> {
    /// How many elements there are, due ones that are still to be removed included.
    pub fn len(&self) -> u64 {
        match self.form {
            Form::Packed(block) => block.count() as u64,
            Form::Integers(set) => set.count() as u64,
            Form::Large(trees) => trees.members.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether its elements stand in trees.
    pub fn is_large(&self) -> bool {
        matches!(self.form, Form::Large(_))
    }

    /// Bytes that an element takes on average, all that is kept for it included; 0 unless it is
    /// large.
    pub fn element_bytes(&self) -> u64 {
        match self.form {
            Form::Packed(_) | Form::Integers(_) => 0,
            Form::Large(trees) => trees.held_bytes() as u64 / trees.members.len().max(1),
        }
    }

    /// What its encoding is called.
    pub fn encoding(&self) -> Encoding {
        match self.form {
            Form::Packed(block) => Encoding::from_bits(block.owner_bits()),
            Form::Integers(_) => Encoding::Integers,
            Form::Large(trees) => trees.encoding,
        }
    }

    /// What OBJECT ENCODING says of it, if it is of this kind. Redis calls a small hash by another
    /// name while its fields have deadlines.
    pub fn encoding_name(&self, kind: Kind) -> &'static str {
        let has_deadlines = || kind == Kind::Hash && self.elements().next_deadline().is_some();
        match self.encoding() {
            Encoding::Small if has_deadlines() => "listpackex",
            encoding => encoding.name(kind),
        }
    }

    /// Its elements in the order readers see; of a sorted set by score.
    ///
    /// # Panics
    /// If it is kept as integers.
    pub fn ordered_elements(&self) -> Elements<'a, S> {
        match self.form {
            Form::Large(Trees {
                scores: Some(scores),
                ..
            }) => Elements::tree(scores.current(), self.store),
            Form::Packed(_) | Form::Integers(_) | Form::Large(_) => self.elements(),
        }
    }

    /// Its elements; of a large sorted set those by member.
    ///
    /// # Panics
    /// If it is kept as integers.
    pub fn elements(&self) -> Elements<'a, S> {
        match self.form {
            Form::Packed(block) => Elements::packed(block, self.store),
            Form::Integers(_) => panic!("integers are no elements of a block"),
            Form::Large(trees) => Elements::tree(trees.members.current(), self.store),
        }
    }
}

/// A type of collections: which kind of value it is, and what reads and changes it.
pub trait CollectionType {
    /// The kind of its values.
    const KIND: Kind;
    /// What its elements are while it is packed.
    const SHAPE: Shape;
    /// A collection to be read.
    type Ref<'a, S: BlockStore + 'a>: From<Body<'a, S>>;
    /// A collection to be changed.
    type Mut<H: Home>: From<H>;
}

/// The place where one collection lives, as changes need it.
pub trait Home {
    /// Where the blocks of large collections are.
    type Store: BlockStore;

    /// The collection as it is now.
    fn body(&self) -> Body<'_, Self::Store>;

    /// The limits of encodings in force.
    fn limits(&self) -> &EncodingLimits;

    /// The bytes of a packed collection, or of one of integers.
    ///
    /// # Panics
    /// If it is large.
    fn packed_mut(&mut self) -> &mut [u8];

    /// Gives a packed collection room for at least `len` bytes, as many as rounding would waste
    /// otherwise. The bytes that fit are kept. O(length).
    fn resize(&mut self, len: usize);

    /// The bytes that [`Home::resize`] to `len` would give.
    fn capacity_for(&self, len: usize) -> usize;

    /// Says that the bytes are those of integers, or of a block.
    fn set_integers(&mut self, is_integers: bool);

    /// Makes a packed collection large: puts the trees in its place that `make` gives, which is
    /// told the number that stands in the blocks of the first tree; those of the second have the
    /// next one.
    fn enlarge(&mut self, make: &mut dyn FnMut(&mut Self::Store, u32) -> Trees);

    /// The trees of a large collection, and where their blocks are.
    ///
    /// # Panics
    /// If it is packed.
    fn large_mut(&mut self) -> (&mut Trees, &mut Self::Store);
}
