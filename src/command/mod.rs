//! Rank 6: the commands.
//!
//! One file a family; in it the declaration of a command stands directly above its handler. One
//! more command is one more declaration and handler, and its lines in `tests/scripts/`.
//!
//! | module | what |
//! |---|---|
//! | [`declare`] | what a command says of itself, and all that is made of it |
//! | `arguments` | arguments that several families read the same way |
//! | [`call`] | from a request to its command, and running it |
//! | `permission` | whether a user may do what a request asks for |
//! | `observe` | what is noted of a command that has run |
//! | `acl`, `strings`, `bitmaps`, `generic`, `transactions`, `messages`, `connection`, `server`, `introspection`, `diagnostics`, `scripting` | the families |
//!
//! Not here: the gates a request passes first (`engine/`).

mod acl;
mod arguments;
mod bitmaps;
pub mod call;
mod connection;
pub mod declare;
mod diagnostics;
mod generic;
mod hashes;
mod introspection;
mod lists;
mod long_work;
pub(crate) mod messages;
pub(crate) mod observe;
pub(crate) mod permission;
mod scripting;
pub(crate) mod server;
mod sets;
mod sorted_sets;
mod streams;
mod strings;
#[cfg(test)]
mod toy;
pub(crate) mod transactions;

#[cfg(feature = "internals")]
pub use declare::markdown;

use crate::protocol::error::ReplyError;

/// The answer to whatever concerns clusters.
const NO_CLUSTER: ReplyError = ReplyError::fixed("ERR This instance has cluster support disabled");
