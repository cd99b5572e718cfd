//! Helpers of the tests that know a server only by its address: start one, talk to it, read its
//! replies.
//!
//! - `server`: a server process on a free port in a directory of its own, ended on drop
//! - `client`: a blocking connection that gives raw reply bytes and parsed values
//! - `disk`: a disk that a test can fill and stall
//! - `value`: one reply, parsed from and printed in the notation of `tests/scripts/*.txt`
//! - `script`: the parsed form of one file of `tests/scripts/`
//! - `words`: request lines in the quoting of the inline protocol
//!
//! Every wait is bounded by [`PATIENCE`]; nothing here sleeps.
//!
//! Not here: what is sent and expected (`scripts.rs`, `process.rs`, `oracle/`).

#![allow(dead_code, reason = "each test target uses a part of these helpers")]

use std::time::Duration;

pub(crate) mod client;
pub(crate) mod disk;
pub(crate) mod script;
pub(crate) mod server;
pub(crate) mod value;
pub(crate) mod words;

/// The longest wait for anything a healthy server does at once, generous for a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
