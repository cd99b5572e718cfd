//! The name of a page: a connection over HTTP.
//!
//! Not here: the page itself (`pages/`).

/// Names a page: its slot, and how many there were before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageId {
    /// Index of the slot.
    pub slot: u32,
    /// Number of the page, which no other page of the slot has.
    pub generation: u32,
}
