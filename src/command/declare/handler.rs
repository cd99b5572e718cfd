//! What runs a command.
//!
//! Not here: which one a request runs (`command/call.rs`).

use crate::context::Context;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;

/// What a handler returns: its reply stands in the context, or this error is replied. A handler
/// that returns an error has written nothing.
pub type Outcome = Result<(), ReplyError>;

/// Runs one command. The number of arguments has been checked against the arity.
pub type Handler = fn(&mut Context<'_>, Args<'_>) -> Outcome;
