//! Rank 2: what a value is and what can be done with its bytes.
//!
//! | module | what |
//! |---|---|
//! | [`kind`] | what type a value has |
//! | [`encoding`] | what Redis would call the way a collection is kept |
//! | [`collection`] | how collections of all types are kept, read and changed |
//! | [`hash`] | fields with values; `hash_random.rs` draws some |
//! | [`list`] | items in an order of their own, at both ends of which others come and go |
//! | [`set`] | members, each once |
//! | [`set_algebra`] | unions, intersections and differences of sets |
//! | [`sorted_set`] | members with scores, in order |
//! | `toy` | a type that only tests have, to show what a new one takes |
//! | [`string`] | a string value: text, or an integer that needs no text |
//! | `replied.rs` | items and runs of collections as replies |
//! | [`record`] | a key with its value and deadline as bytes, for snapshots |
//! | [`bits`] | bits of a string: SETBIT, BITCOUNT, BITPOS, BITOP |
//! | [`bitfield`] | integers of 1 to 64 bits within a string: BITFIELD |
//! | [`common_subsequence`] | the longest common subsequence of two strings: LCS |
//!
//! Not here: keys, entries and memory accounts (`keyspace/`), replies (`command/`).

pub mod bitfield;
pub mod bits;
pub mod collection;
pub mod common_subsequence;
pub mod encoding;
pub mod hash;
mod hash_random;
pub mod kind;
pub mod list;
pub mod record;
pub mod replied;
pub mod set;
pub mod set_algebra;
pub mod sorted_set;
pub mod stream;
pub mod string;
#[cfg(test)]
pub mod toy;
