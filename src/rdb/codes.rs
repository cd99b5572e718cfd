//! The numbers of types of values and of what stands between keys.
//!
//! Not here: what follows them (`value_reader.rs`, `file_reader.rs`).

use crate::value::kind::Kind;

/// Whose numbers from 22 on are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Redis's, and those of everybody before version 12.
    Redis,
    /// Valkey's, from version 80 on.
    Valkey,
}

/// The first version that is Valkey's own.
const VALKEY_VERSION_MIN: u32 = 80;

impl Family {
    /// The family that writes a version.
    pub fn of_version(version: u32) -> Self {
        match version {
            VALKEY_VERSION_MIN.. => Self::Valkey,
            _ => Self::Redis,
        }
    }
}

/// The type of strings.
pub const STRING: u8 = 0;
pub(super) const LIST: u8 = 1;
pub(super) const SET: u8 = 2;
pub(super) const SORTED_SET_2: u8 = 5;
pub(super) const HASH: u8 = 4;
pub(super) const MODULE: u8 = 6;
pub(super) const MODULE_2: u8 = 7;
pub(super) const STREAM_2: u8 = 19;
pub(super) const HASH_WITH_DEADLINES: u8 = 24;

/// The types that collections are written as.
pub(super) const WRITTEN: [(Kind, u8); 5] = [
    (Kind::List, LIST),
    (Kind::Set, SET),
    (Kind::SortedSet, SORTED_SET_2),
    (Kind::Hash, HASH),
    (Kind::Stream, STREAM_2),
];

/// Numbers up to here are those of types; what stands between keys has greater ones.
pub(super) const TYPE_MAX: u8 = 100;

/// What stands between keys.
pub(super) mod opcode {
    pub(in crate::rdb) const SLOT_IMPORT: u8 = 243;
    pub(in crate::rdb) const SLOT_INFO: u8 = 244;
    pub(in crate::rdb) const FUNCTION: u8 = 245;
    pub(in crate::rdb) const MODULE_AUX: u8 = 247;
    pub(in crate::rdb) const IDLE: u8 = 248;
    pub(in crate::rdb) const FREQUENCY: u8 = 249;
    pub(in crate::rdb) const AUX: u8 = 250;
    pub(in crate::rdb) const RESIZE: u8 = 251;
    pub(in crate::rdb) const DEADLINE_MS: u8 = 252;
    pub(in crate::rdb) const DEADLINE_S: u8 = 253;
    pub(in crate::rdb) const SELECT: u8 = 254;
    pub(in crate::rdb) const END: u8 = 255;
}

/// How the elements of a collection stand one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    /// An item.
    Single,
    /// A member and a score in decimal.
    ScoredText,
    /// A member and a score of 8 bytes.
    Scored,
    /// A field and a value.
    Pair,
    /// A field, a value and a deadline of 8 bytes.
    PairThenDeadline,
    /// A deadline, a field and a value; the deadline is counted from one that stands first.
    DeadlineThenPair {
        /// Whether that one stands there; else it is absolute.
        is_relative: bool,
    },
}

/// How a string packs many items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PackedForm {
    Listpack,
    Ziplist,
    Zipmap,
    Intset,
}

/// What the items of a packed string are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PackedElements {
    /// Those of a list, which may come twice.
    Items,
    /// Members of a set.
    Singles,
    Pairs,
    Scored,
    /// Field, value, deadline; 0 for none.
    Triples,
}

/// How the bytes of a type are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    String,
    Plain(Plain),
    Packed {
        form: PackedForm,
        elements: PackedElements,
        /// Whether the least deadline stands first.
        has_least: bool,
    },
    /// Nodes, each a ziplist, or by a number of its own one item or a listpack.
    Nodes {
        has_containers: bool,
    },
    Stream {
        version: u8,
    },
}

/// The kind and layout of a type; `None` for what is not known or a module's.
pub(super) fn layout(code: u8, family: Family) -> Option<(Kind, Layout)> {
    use PackedElements::{Items, Pairs, Scored, Singles, Triples};
    use PackedForm::{Intset, Listpack, Ziplist, Zipmap};
    let packed = |form, elements| Layout::Packed {
        form,
        elements,
        has_least: false,
    };
    Some(match (code, family) {
        (STRING, _) => (Kind::String, Layout::String),
        (LIST, _) => (Kind::List, Layout::Plain(Plain::Single)),
        (SET, _) => (Kind::Set, Layout::Plain(Plain::Single)),
        (3, _) => (Kind::SortedSet, Layout::Plain(Plain::ScoredText)),
        (HASH, _) => (Kind::Hash, Layout::Plain(Plain::Pair)),
        (SORTED_SET_2, _) => (Kind::SortedSet, Layout::Plain(Plain::Scored)),
        (9, _) => (Kind::Hash, packed(Zipmap, Pairs)),
        (10, _) => (Kind::List, packed(Ziplist, Items)),
        (11, _) => (Kind::Set, packed(Intset, Singles)),
        (12, _) => (Kind::SortedSet, packed(Ziplist, Scored)),
        (13, _) => (Kind::Hash, packed(Ziplist, Pairs)),
        (14, _) => {
            let has_containers = false;
            (Kind::List, Layout::Nodes { has_containers })
        }
        (15, _) => (Kind::Stream, Layout::Stream { version: 1 }),
        (16, _) => (Kind::Hash, packed(Listpack, Pairs)),
        (17, _) => (Kind::SortedSet, packed(Listpack, Scored)),
        (18, _) => {
            let has_containers = true;
            (Kind::List, Layout::Nodes { has_containers })
        }
        (STREAM_2, _) => (Kind::Stream, Layout::Stream { version: 2 }),
        (20, _) => (Kind::Set, packed(Listpack, Singles)),
        (21, _) => (Kind::Stream, Layout::Stream { version: 3 }),
        (22, Family::Valkey) => (Kind::Hash, Layout::Plain(Plain::PairThenDeadline)),
        (22 | HASH_WITH_DEADLINES, Family::Redis) => {
            let is_relative = code == HASH_WITH_DEADLINES;
            let plain = Plain::DeadlineThenPair { is_relative };
            (Kind::Hash, Layout::Plain(plain))
        }
        (23 | 25, Family::Redis) => (
            Kind::Hash,
            Layout::Packed {
                form: Listpack,
                elements: Triples,
                has_least: code == 25,
            },
        ),
        _ => return None,
    })
}
