//! Evenkeel: a single-threaded, in-memory cache that speaks the Redis protocol.

pub mod base;
pub mod command;
pub mod config;
pub mod context;
pub mod engine;
pub mod keyspace;
pub mod node;
pub mod persistence;
pub mod protocol;
pub mod server;
pub mod session;
pub mod stats;
pub mod structures;
pub mod value;

pub use base::clock::Timestamp;
pub use config::Config;
pub use engine::{CacheEngine, Expire, TimeToLive, WriteError};
pub use protocol::parser::CommandParser;
pub use server::Server;

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
