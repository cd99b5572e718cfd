//! Evenkeel: a single-threaded, in-memory cache that speaks the Redis protocol.
//!
//! | to have within a program | take |
//! |---|---|
//! | a cache for all its threads | [`Cache`], [`CacheBuilder`]: bytes, below a limit of memory |
//! | the same for one thread, with collections | [`CacheEngine`], [`Config`], [`Timestamp`] |
//! | any command of it | [`CacheEngine::execute`] with [`OwnedArgs`], in a session |
#![cfg_attr(
    feature = "server",
    doc = "| a whole server | [`Server`], [`StopHandle`] |"
)]
//!
//! The feature `server`, on by default, has the whole server and its crates. Without it the
//! library is a cache and nothing else, and needs no C compiler.
//!
//! That, with the types these names use, is the front of the library. All else is private, so the
//! compiler tells what nobody uses, except under the feature `internals`, which is for the tests,
//! fuzz targets and measurements of this repository: what it opens changes from day to day.

#![cfg_attr(
    not(feature = "internals"),
    // The folders name what they have for each other and for tests as if all were open.
    allow(unreachable_pub, unused_imports)
)]
// What only the server calls is dead without it; the build with the server tells what nobody calls.
#![cfg_attr(not(feature = "server"), allow(dead_code))]

#[cfg(feature = "internals")]
pub mod acl;
#[cfg(not(feature = "internals"))]
mod acl;
#[cfg(feature = "internals")]
pub mod base;
#[cfg(not(feature = "internals"))]
mod base;
#[cfg(feature = "internals")]
pub mod cache;
#[cfg(not(feature = "internals"))]
mod cache;
#[cfg(feature = "internals")]
pub mod command;
#[cfg(not(feature = "internals"))]
mod command;
#[cfg(feature = "internals")]
pub mod config;
#[cfg(not(feature = "internals"))]
mod config;
#[cfg(feature = "internals")]
pub mod context;
#[cfg(not(feature = "internals"))]
mod context;
#[cfg(feature = "internals")]
pub mod engine;
#[cfg(not(feature = "internals"))]
mod engine;
#[cfg(all(feature = "server", feature = "internals"))]
pub mod http;
#[cfg(all(feature = "server", not(feature = "internals")))]
mod http;
#[cfg(feature = "internals")]
pub mod keyspace;
#[cfg(not(feature = "internals"))]
mod keyspace;
#[cfg(feature = "internals")]
pub mod messages;
#[cfg(not(feature = "internals"))]
mod messages;
#[cfg(all(feature = "server", feature = "internals"))]
pub mod node;
#[cfg(all(feature = "server", not(feature = "internals")))]
mod node;
#[cfg(feature = "internals")]
pub mod persistence;
#[cfg(not(feature = "internals"))]
mod persistence;
#[cfg(feature = "internals")]
pub mod protocol;
#[cfg(not(feature = "internals"))]
mod protocol;
#[cfg(feature = "internals")]
pub mod script;
#[cfg(not(feature = "internals"))]
mod script;
#[cfg(all(feature = "server", feature = "internals"))]
pub mod server;
#[cfg(all(feature = "server", not(feature = "internals")))]
mod server;
#[cfg(feature = "internals")]
pub mod session;
#[cfg(not(feature = "internals"))]
mod session;
#[cfg(feature = "internals")]
pub mod stats;
#[cfg(not(feature = "internals"))]
mod stats;
#[cfg(feature = "internals")]
pub mod structures;
#[cfg(not(feature = "internals"))]
#[allow(dead_code)] // A structure is whole, whatever of it is in use.
mod structures;
#[cfg(feature = "internals")]
pub mod value;
#[cfg(not(feature = "internals"))]
mod value;

pub use base::clock::Timestamp;
pub use cache::{Cache, CacheBuilder, Keys};
pub use config::Config;
pub use engine::{CacheEngine, Execution, Expire, TimeToLive, WriteError, WrongType};
pub use persistence::{LoadReport, PersistError};
pub use protocol::args::{Args, OwnedArgs};
#[cfg(feature = "server")]
pub use server::{Server, StartError, StopHandle};
pub use session::{Peer, SessionKey, Transport};

/// Types of the fields of [`Config`].
pub mod settings {
    pub use crate::base::event_classes::EventClasses;
    pub use crate::config::{
        EnableDebug, InlineReplies, ListenAddress, LoadDamaged, LogLevel, MemoryLimit,
        MemoryPolicy, MemoryShare, OutputLimit, OutputLimits, Percentile, Rename, SavePoint,
        Supervised,
    };
}

/// What the binary is made of besides the front: no part of it.
#[doc(hidden)]
#[cfg(feature = "server")]
pub mod binary {
    pub use crate::config::{Action, CommandLine, Files, Notes, help};
    pub use crate::persistence::{
        CONFIG_FILE_BYTES_MAX, DatabaseCount, FORMAT_VERSION, FileStorage, FileSystem,
        PersistError, Salvage, Storage, Summary, read_summary, salvage,
    };
    pub use crate::server::{LargeBlocks, Origin, apply_log_level, logs_to_journal};
    pub use crate::stats::REDIS_VERSION;
}

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
