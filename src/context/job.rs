//! Work that has the keyspace to itself and goes on between turns: a long script, a long EXEC, a
//! request that names very many keys or elements, or goes on in steps of its own.
//!
//! Its command has the answer of one moment, as if nothing had happened meanwhile: time stands
//! still for it, no other client's request touches a key, and nothing expires or is evicted.
//!
//! Not here: its steps (`engine/jobs.rs`, `engine/portions.rs`, `engine/steps.rs`), who may do what
//! meanwhile (`engine/gates.rs`), whose turn it is (`node/jobs.rs`).

use super::Context;
use crate::base::clock::Timestamp;
use crate::base::command_id::CommandId;
use crate::protocol::args::{Args, ArgsBuffer, OwnedArgs};
use crate::protocol::error::ReplyError;
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

/// How a command goes on that is done in steps of its own. All of them see the same keyspace, and
/// what a step changes only the next ones see before the end.
pub trait Steps: std::fmt::Debug + Send {
    /// Goes on with a request for about a tenth of a millisecond; true at the end. What it replies
    /// is appended to the reply, which begins at `begin`. The last step may leave a long read.
    ///
    /// # Errors
    /// What is replied instead of all that the steps have told. It was the last step then.
    fn step(
        &mut self,
        context: &mut Context<'_>,
        args: Args<'_>,
        begin: usize,
    ) -> Result<bool, ReplyError>;
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
    /// The steps of the command, if it goes on in such.
    pub steps: Option<Box<dyn Steps>>,
    /// The reply so far.
    pub reply: Vec<u8>,
    /// The reply has become longer than it may be: nothing of it is kept, and no more of it.
    pub is_over: bool,
    /// The time for all of it.
    pub now: Timestamp,
    /// It is complete.
    pub is_done: bool,
}

impl Job {
    /// Whether it is one request that was divided, so that it can be run to its end at any time.
    pub fn is_of_one_request(&self) -> bool {
        self.portions.is_some() || self.steps.is_some()
    }
}
