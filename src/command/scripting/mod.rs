//! Commands on scripts.
//!
//! | file | commands |
//! |---|---|
//! | `eval.rs` | run one: EVAL, EVALSHA and their read-only kin |
//! | `functions.rs` | FCALL, FUNCTION: libraries of functions |
//! | `script.rs` | SCRIPT: what is kept, and ending the one that runs |
//!
//! A handler here finds what is to be run and asks for it; the engine runs it when the handler has
//! returned, because what a script calls passes the gates (`engine/scripts.rs`).
//!
//! Not here: scripts and their machine (`script/`).

mod eval;
mod functions;
mod script;

use super::declare::spec::CommandSpec;
use crate::protocol::error::ReplyError;

pub(super) const COMMANDS: [&[&CommandSpec]; 3] =
    [eval::COMMANDS, functions::COMMANDS, script::COMMANDS];

const NO_SCRIPT: ReplyError = ReplyError::fixed("NOSCRIPT No matching script. Please use EVAL.");
