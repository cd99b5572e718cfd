//! Rank 5: the commands.
//!
//! One file a family; in it the declaration of a command stands directly above its handler. One
//! more command is one more declaration and handler, and its lines in `tests/scripts/`.
//!
//! | module | what |
//! |---|---|
//! | [`spec`] | what a command declares |
//! | [`table`] | all commands by name and number |
//! | [`names`] | the names clients may call them by |
//! | `observe` | what is noted of a command that has run |
//! | [`call`] | from a request to its command, and running it |
//! | `strings`, `bitmaps`, `generic`, `transactions`, `connection`, `server`, `introspection`, `watching` | the families |
//! | [`markdown()`] | `docs/COMMANDS.md` |
//!
//! Not here: the gates a request passes first (`engine/`).

mod arguments;
mod bitmaps;
pub mod call;
mod connection;
mod expire_options;
mod generic;
mod help;
mod introspection;
mod many_keys;
mod markdown;
pub mod names;
pub(crate) mod observe;
pub(crate) mod server;
pub mod spec;
mod strings;
mod syntax;
pub mod table;
pub(crate) mod transactions;
mod watching;

pub(crate) use introspection::find_keys;
pub use markdown::markdown;

use crate::protocol::error::ReplyError;

/// The answer to whatever concerns clusters.
const NO_CLUSTER: ReplyError = ReplyError::fixed("ERR This instance has cluster support disabled");
