//! Work that has the keyspace to itself and goes on between turns: a long script, a long EXEC, a
//! request that names very many keys or elements.
//!
//! Its command has the answer of one moment, as if nothing had happened meanwhile: time stands
//! still for it, no other client's request touches a key, and nothing expires or is evicted.
//!
//! Not here: its steps (`engine/jobs.rs`, `engine/portions.rs`), who may do what meanwhile
//! (`engine/gates.rs`), whose turn it is (`node/jobs.rs`).

use crate::base::clock::Timestamp;
use crate::base::command_id::CommandId;
use crate::protocol::args::{ArgsBuffer, OwnedArgs};
use crate::session::SessionKey;
use crate::session::transaction::QueuedCommand;
use std::ops::Range;

/// A command that is under way.
#[derive(Debug)]
pub struct Underway {
    /// Which.
    pub command: CommandId,
    /// Its arguments.
    pub args: OwnedArgs,
    /// How long it has taken so far.
    pub spent_ns: u64,
}

/// A script that is under way.
#[derive(Debug)]
pub struct ScriptUnderway {
    /// Its command, if that is one of EXEC's.
    pub inner: Option<Underway>,
    /// The database to go back to.
    pub database: usize,
}

/// A command that is done in portions.
#[derive(Debug)]
pub struct PortionsUnderway {
    /// The arguments that are divided.
    pub rows: Range<usize>,
    /// So many of them are one row.
    pub row: usize,
    /// The argument that says how many rows there are, if one does.
    pub count_at: Option<usize>,
    /// The argument before which a portion says COUNT and how many rows it has, if it does.
    pub word_at: Option<usize>,
    /// Rows are still being checked, and none is done.
    pub is_checking: bool,
    /// How many rows there are …
    pub count: u64,
    /// … and how many of them are checked, or done.
    pub done_count: u64,
    /// How many the next portion has at most.
    pub rows_max: u64,
    /// The sum of the replies, where that is replied, or the length of an array so far.
    pub sum: i64,
    /// The reply would be longer than it may be.
    pub is_given_up: bool,
    /// The portion that is run, in memory that is used again.
    pub portion: ArgsBuffer,
}

/// See the module header.
#[derive(Debug)]
pub struct Job {
    /// The session whose command it is.
    pub session: SessionKey,
    /// Its client has gone: the session ends with the job.
    pub is_orphan: bool,
    /// EVAL, EXEC and the like.
    pub outer: Underway,
    /// What EXEC has still to run, the next last.
    pub queue: Vec<QueuedCommand>,
    /// The script that is under way.
    pub script: Option<ScriptUnderway>,
    /// The portions of the command, if it is done so.
    pub portions: Option<PortionsUnderway>,
    /// The reply so far.
    pub reply: Vec<u8>,
    /// The reply has become longer than it may be: nothing of it is kept, and no more of it.
    pub is_over: bool,
    /// The time for all of it.
    pub now: Timestamp,
    /// It is complete.
    pub is_done: bool,
}
