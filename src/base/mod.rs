//! Rank 0: things that know nothing of caches.
//!
//! | module | what |
//! |---|---|
//! | [`clock`] | the one file that reads a clock, and the [`clock::Timestamp`] everyone else is given |
//! | [`hash`] | the seeded 64-bit hash of keys |
//! | [`prefetch`] | a hint to the processor's caches |
//!
//! Not here: anything with a key, a reply or a socket.

pub mod clock;
pub mod hash;
pub mod numbers;
pub mod prefetch;
