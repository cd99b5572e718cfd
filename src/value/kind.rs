//! What type a value has, and the answer to a command on a key of another type.
//!
//! Not here: how an entry stores the kind (`keyspace/entry.rs`).

use crate::protocol::error::ReplyError;
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
    /// Entries under rising ids, and groups that read them.
    Stream = 6,
}

impl Kind {
    /// All kinds there are.
    const ALL: [Self; 6] = [
        Self::String,
        Self::List,
        Self::Set,
        Self::SortedSet,
        Self::Hash,
        Self::Stream,
    ];

    /// The kind of this name, in letters of either case.
    pub(crate) fn from_name(name: &[u8]) -> Option<Self> {
        (Self::ALL.into_iter()).find(|kind| kind.name().as_bytes().eq_ignore_ascii_case(name))
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
            Self::Stream => "stream",
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
