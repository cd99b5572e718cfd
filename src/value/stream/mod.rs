//! Streams: entries of fields and values under rising ids, and groups of consumers that share them.
//!
//! ```text
//!  one tree, ordered by a score and a text
//!    −∞   −1       −2 −3 …                     1526919030474 …
//!    head groups   pending entries, consumers  chunks of entries, by the id of their first
//! ```
//!
//! Whatever belongs to a stream is an element of this one tree, which is of the shape of sorted
//! sets. So copying, freezing, freeing, moving and weighing it are those of every large collection.
//! A stream is always large: its head alone would fill a packed block to a good part.
//!
//! | file | what |
//! |---|---|
//! | `id.rs` | ids |
//! | `chunk.rs` | entries that stand together |
//! | `rows.rs` | everything else that stands in the tree |
//! | `read.rs` | entries, groups and pending entries, read |
//! | `write.rs` | entries come and go |
//! | `groups.rs` | groups, consumers and pending entries come, change and go |
//! | `varint.rs` | numbers of several lengths |
//!
//! Invariants (`check_invariants`, in tests): the head counts the entries of all
//! chunks, a group its consumers and pending entries, a consumer its own; a pending entry stands in
//! its group and in its consumer. A stream that came from outside may break those between rows:
//! no reader takes them for granted.
//!
//! Cost: finding an entry, a group or a pending entry O(log n), and a walk over a chunk.
//!
//! Not here: the tree (`structures/block_tree`), commands (`command/streams`).

mod chunk;
mod groups;
mod id;
mod read;
mod rows;
#[cfg(test)]
mod tests;
mod varint;
mod write;

pub use chunk::{Chunk, Entry, Fields};
pub use id::StreamId;
pub use read::{Found, StreamRef};
pub use rows::{Consumer, Head, Owner, Pending, Row, StreamGroup, is_element};
pub use write::{StreamMut, Threshold, Trim};

use super::collection::{CollectionType, Home};
use super::kind::Kind;
use crate::structures::block::{ElementRef, Shape};
use crate::structures::block_tree::BlockStore;
use crate::structures::item::Item;

/// The type of streams.
pub struct Stream;

impl CollectionType for Stream {
    const KIND: Kind = Kind::Stream;
    const SHAPE: Shape = Shape::Scored;
    type Ref<'a, S: BlockStore + 'a> = StreamRef<'a, S>;
    type Mut<H: Home> = StreamMut<H>;
}

/// The text of an element, which all elements of a stream have.
fn text_of(element: ElementRef<'_>) -> &[u8] {
    match element.key() {
        Item::Text(text) => text,
        Item::Integer(_) | Item::Double(_) => &[],
    }
}
