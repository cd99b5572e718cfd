//! Rank 0: things that know nothing of caches.
//!
//! | module | what |
//! |---|---|
//! | [`bytes`] | short texts, compared |
//! | [`clock`] | the one file that reads a clock, and the [`clock::Timestamp`] everyone else is given |
//! | [`command_id`] | what sessions and statistics call a command |
//! | [`event_classes`] | which key events somebody wants to hear of |
//! | [`extended_float`] | the 80-bit floating-point numbers of INCRBYFLOAT |
//! | [`glob`] | patterns with `*`, `?` and classes |
//! | [`hash`] | the seeded 64-bit hash of keys |
//! | [`limits`] | every limit, one named constant |
//! | [`link`] | what everybody but the node calls a connection |
//! | [`numbers`] | integers, doubles and amounts of memory as text |
//! | [`prefetch`] | a hint to the processor's caches |
//! | [`resemblance`] | which name a misspelt one was meant to be |
//! | [`words`] | lines with quotes, as people type them |
//!
//! Not here: anything with a key, a reply or a socket.

pub mod bytes;
pub mod clock;
pub mod command_id;
pub mod event_classes;
pub mod extended_float;
pub mod glob;
pub mod hash;
pub mod limits;
pub mod link;
pub mod numbers;
pub mod prefetch;
pub mod resemblance;
pub mod words;
