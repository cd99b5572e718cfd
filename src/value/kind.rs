//! What type a value has, what is true of all values of a type, and the answer to a command on a
//! key of another type.
//!
//! A new type is a file here and one in `command/`, its lines in this file, and a row of the record
//! (`record/mod.rs`). `toy.rs`, which only tests have, is the proof.
//!
//! Not here: how an entry stores the kind (`keyspace/entry.rs`).

use crate::protocol::error::ReplyError;
use crate::structures::block::Shape;
use std::fmt;

/// The type of a value, by Redis's number of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Text, or an integer that needs no text.
    String = 0,
    /// Elements in an order of their own, at both ends of which others come and go.
    List = 1,
    /// Members, each once.
    Set = 2,
    /// Members with scores, ordered by these.
    SortedSet = 3,
    /// Fields with values.
    Hash = 4,
    /// Numbers in the order in which they came. No such value is outside of tests.
    #[cfg(test)]
    Toy = 5,
    /// Entries under rising ids, and groups that read them.
    Stream = 6,
}

/// What is true of all collections of a kind.
#[derive(Clone, Copy)]
pub(crate) struct CollectionFacts {
    /// What their elements are; of a sorted set as they stand in their order.
    pub(crate) shape: Shape,
    /// What OBJECT ENCODING says of a small one.
    pub(crate) small: &'static str,
    /// What it says of one that is no longer small.
    pub(crate) outgrown: &'static str,
    /// A large one is kept by member, too, with the scores beside the members.
    pub(crate) is_by_member: bool,
    /// A small one of integers alone may be kept as such.
    pub(crate) may_be_integers: bool,
    /// Even the smallest is kept as a large one.
    pub(crate) is_always_large: bool,
}

impl CollectionFacts {
    const fn new(shape: Shape, outgrown: &'static str) -> Self {
        Self {
            shape,
            small: "listpack",
            outgrown,
            is_by_member: false,
            may_be_integers: false,
            is_always_large: false,
        }
    }
}

const LIST: CollectionFacts = CollectionFacts::new(Shape::List, "quicklist");

const SET: CollectionFacts = CollectionFacts {
    may_be_integers: true,
    ..CollectionFacts::new(Shape::Set, "hashtable")
};

const SORTED_SET: CollectionFacts = CollectionFacts {
    is_by_member: true,
    ..CollectionFacts::new(Shape::Scored, "skiplist")
};

const HASH: CollectionFacts = CollectionFacts::new(Shape::Map, "hashtable");

const STREAM: CollectionFacts = CollectionFacts {
    small: "stream",
    is_always_large: true,
    ..CollectionFacts::new(Shape::Scored, "stream")
};

impl Kind {
    /// All kinds there are.
    pub(crate) const ALL: &[Self] = &[
        Self::String,
        Self::List,
        Self::Set,
        Self::SortedSet,
        Self::Hash,
        #[cfg(test)]
        Self::Toy,
        Self::Stream,
    ];

    /// The kind of this name, in letters of either case.
    pub(crate) fn from_name(name: &[u8]) -> Option<Self> {
        (Self::ALL.iter().copied()).find(|kind| kind.name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// The kind of a number that one has.
    ///
    /// # Panics
    /// If none has it.
    #[inline]
    pub(crate) fn from_bits(bits: u8) -> Self {
        match bits {
            0 => Self::String,
            1 => Self::List,
            2 => Self::Set,
            3 => Self::SortedSet,
            4 => Self::Hash,
            #[cfg(test)]
            5 => Self::Toy,
            6 => Self::Stream,
            _ => unreachable!("no value is of another kind"),
        }
    }

    /// The name that TYPE answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::SortedSet => "zset",
            Self::Hash => "hash",
            #[cfg(test)]
            Self::Toy => "toy",
            Self::Stream => "stream",
        }
    }

    /// What is true of collections of this kind; none for strings.
    pub(crate) const fn collection(self) -> Option<CollectionFacts> {
        match self {
            Self::String => None,
            Self::List => Some(LIST),
            Self::Set => Some(SET),
            Self::SortedSet => Some(SORTED_SET),
            Self::Hash => Some(HASH),
            #[cfg(test)]
            Self::Toy => Some(CollectionFacts::new(Shape::List, "toys")),
            Self::Stream => Some(STREAM),
        }
    }
}

/// A key holds a value of another type than a command works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongType;

impl fmt::Display for WrongType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the key holds a value of another type")
    }
}

impl std::error::Error for WrongType {}

impl From<WrongType> for ReplyError {
    fn from(_: WrongType) -> Self {
        Self::WRONGTYPE
    }
}
