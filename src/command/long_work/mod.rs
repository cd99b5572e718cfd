//! Commands over so many elements that others would wait for them: done in slices.
//!
//! | file | what |
//! |---|---|
//! | `build.rs` | a value that is built in slices and put in the place of a claimed key |
//! | `claim.rs` | a claimed key |
//! | `copy.rs` | a copy of a collection |
//! | `finding.rs` | the sources of unions, intersections and differences, if very many are named |
//! | `held.rs` | how they are held |
//! | `in_place.rs` | a change of many elements where they are |
//! | `list_edit.rs` | items of a list inserted and removed where they are looked for |
//! | `list_search.rs` | items of a list looked for |
//! | `places.rs` | places within an area |
//! | `random_read.rs` | elements chosen at random, from a frozen state |
//! | `range.rs` | the elements of a range of ranks, from a frozen state |
//! | `rank_removal.rs` | a range of ranks of a sorted set removed |
//! | `registers.rs` | unions of HyperLogLogs |
//! | `several.rs` | unions, intersections and differences |
//! | `sorting.rs`, `sort_pattern.rs` | SORT |
//!
//! Requests that name very many keys or elements are done in portions instead
//! (`command/declare/portions.rs`).
//!
//! Small collections, and all inside transactions and the library, are answered at once.
//!
//! Not here: when steps are taken (`node/reading.rs`).

pub(super) mod build;
mod claim;
pub(super) mod copy;
pub(super) mod finding;
mod held;
mod in_place;
pub(super) mod list_edit;
pub(super) mod list_search;
pub(super) mod places;
pub(super) mod random_read;
pub(super) mod range;
pub(super) mod rank_removal;
pub(super) mod registers;
pub(super) mod several;
pub(super) mod sort_pattern;
pub(super) mod sorting;
