//! Evenkeel: a single-threaded, in-memory cache that speaks the Redis protocol.

pub mod base;
pub mod keyspace;
pub mod structures;
pub mod value;
