//! Rank 1: data structures that know no keys, no clock and no replies.
//!
//! | module | what |
//! |---|---|
//! | [`hash_table`] | extendible hash table of cache-line buckets, grown and shrunk one segment at a time |

pub mod hash_table;
