//! Commands over so many elements that others would wait for them: done in slices.
//!
//! | file | what |
//! |---|---|
//! | `range.rs` | the elements of a range of ranks, from a frozen state |
//!
//! Small collections, and all inside transactions and the library, are answered at once.
//!
//! Not here: when steps are taken (`node/reading.rs`).

pub(super) mod range;
