//! A cache for programs: bytes by bytes below a limit of memory that holds, with deadlines that are
//! exact, and the server that speaks the Redis protocol from the same code.
//!
//! | to have within a program | take |
//! |---|---|
//! | a cache for all its threads | [`Cache`], made by [`Cache::builder`] |
//! | the same with Rust types | `TypedCache`, by serde, with the feature `typed` |
//! | a cache of one thread, with collections, which is told the time | [`CacheEngine`] |
//! | any command of Redis on it | [`CacheEngine::execute`] with [`OwnedArgs`], in a session |
#![cfg_attr(
    feature = "server",
    doc = "| a whole server | [`Server`], [`StopHandle`] |"
)]
//!
//! # A cache that threads share
//!
//! [`Cache`] has a clock, a random seed and a lock; a clone is the same cache.
//!
//! ```
//! use evenkeel::Cache;
//! use std::time::Duration;
//!
//! let cache = Cache::builder()
//!     .capacity_bytes(64 << 20)
//!     .default_ttl(Duration::from_secs(60))
//!     .build();
//! cache.insert("page", "<html>")?;
//! assert_eq!(cache.get("page"), Some(b"<html>".to_vec()));
//! assert_eq!(cache.get_with("page", |page| page.len()), Some(6)); // without a copy
//!
//! // Of all threads that miss a key at once, one computes; the others wait for its value.
//! assert_eq!(cache.get_or_insert_with("sum", || b"42".to_vec()), b"42");
//! # Ok::<(), evenkeel::WriteError>(())
//! ```
//!
//! What goes can be told, with the reason ([`CacheBuilder::removal_listener`]). The whole cache can
//! be saved and loaded ([`Cache::save`]); the file is that of the server.
//!
//! # A cache that is told the time
//!
//! [`CacheEngine`] is the deterministic core: no clock, no lock, no thread. Equal calls at equal
//! times with an equal seed give equal results, so that a test of yours moves the clock.
//!
//! ```
//! use evenkeel::{CacheEngine, Config, Expire, Timestamp};
//! use std::time::Duration;
//!
//! let mut cache = CacheEngine::new(Config::default());
//! cache.advance_to(Timestamp::from_unix_ms(1_000));
//! cache.sorted_set_increment(b"points", b"ada", 90.0)?;
//! cache.expire(b"points", Expire::After(Duration::from_secs(2)));
//! cache.advance_to(Timestamp::from_unix_ms(2_999));
//! assert_eq!(cache.sorted_set_score(b"points", b"ada"), Ok(Some(90.0)));
//! cache.advance_to(Timestamp::from_unix_ms(3_000));
//! assert!(!cache.contains(b"points"));
//! # Ok::<(), evenkeel::WriteError>(())
//! ```
//!
//! # What it promises
//!
//! - **The limit holds.** After each write of a [`Cache`] keys, values, tables and what waits to be
//!   freed take at most the capacity together. A [`CacheEngine`] makes room in its writes and
//!   ticks.
//! - **A deadline is exact.** From its millisecond on a key is absent for every caller; its memory
//!   comes back with the calls that follow, some keys each.
//! - **No call stalls for others' work.** Growth, expiry and freeing run in slices of bounded size
//!   within calls. A call takes time in proportion to the key and value it names, and to what has
//!   to go for it; those that do more say so (`O(keys)`, `O(bytes)`).
//! - **One computation.** [`Cache::get_or_insert_with`] computes a missing value once for all who
//!   miss it.
//! - **Keys that strangers choose** cannot be chosen so that they collide: the seed of a [`Cache`]
//!   is random.
//! - **Not promised**: order of calls of several threads, besides that each is whole; that a value
//!   stays until its deadline, if a capacity is set; that what was inserted since the last
//!   [`Cache::save`] outlives the process.
//!
//! # What it costs
//!
//! A value is copied in and, but for [`Cache::get_with`], out. A key takes some 20 bytes besides
//! key and value, some more with a deadline. All calls of a [`Cache`] take one lock for the time of
//! a lookup and a slice of upkeep: threads that do nothing else wait for each other. It keeps
//! bytes, not Rust objects; if the values are objects that are dear to encode, a cache of `Arc`s
//! suits better.
//!
//! # Features
//!
//! | feature | what | on by default |
//! |---|---|---|
//! | `server` | the server, with its crates for sockets, signals, TLS, log and allocator | yes |
//! | `scripts` | Lua for EVAL and FCALL; needs a C compiler | yes |
//! | `typed` | `TypedCache`: serde, and the codec `postcard` | no |
//!
//! With `default-features = false` the library is a cache and nothing else, and needs no C
//! compiler.
//!
//! What this page and the names it uses show is the front of the library. All else is private, so
//! the compiler tells what nobody uses, except under the feature `internals`, which is for the
//! tests, fuzz targets and measurements of this repository: what it opens changes from day to day.

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
pub mod rdb;
#[cfg(not(feature = "internals"))]
mod rdb;
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
#[cfg(feature = "typed")]
pub use cache::{TypedCache, TypedError};
pub use config::Config;
pub use engine::{CacheEngine, Execution, Expire, TimeToLive, WriteError, WrongType};
pub use keyspace::RemovalReason;
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
    pub use crate::base::resemblance::closest;
    pub use crate::config::{Action, CommandLine, DATABASES_MAX, Files, Notes, help};
    pub use crate::persistence::{
        CONFIG_FILE_BYTES_MAX, DatabaseCount, FORMAT_VERSION, FileStorage, FileSystem,
        PersistError, RdbReport, Salvage, Storage, Summary, convert_rdb, load_file, read_summary,
        salvage,
    };
    pub use crate::server::{LargeBlocks, Origin, apply_log_level, logs_to_journal};
    pub use crate::stats::REDIS_VERSION;
}

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExamples;
