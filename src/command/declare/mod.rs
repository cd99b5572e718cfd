//! What a command says of itself, and all that is made of it.
//!
//! ```text
//!  family ─▶ CommandSpec ─▶ table ─┬─▶ names ─▶ dispatch
//!    arity, syntax                 ├─▶ COMMAND, ACL categories, HELP
//!                                  └─▶ docs/COMMANDS.md
//! ```
//!
//! | module | what |
//! |---|---|
//! | [`spec`] | the parts of a declaration |
//! | `handler` | what runs a command |
//! | `family` | what the commands of a chapter have in common, and how each is declared |
//! | `syntax`, `arity` | the notation of arguments, and how many words it means |
//! | [`keys`], [`access`] | which arguments are keys, and what is done to them |
//! | [`table`] | all commands by name and number |
//! | [`names`] | the names clients may call them by |
//! | [`portions`] | how long requests are done in portions |
//! | `categories` | the ACL categories of a command |
//! | `help` | the HELP of a container |
//! | [`markdown()`] | `docs/COMMANDS.md` |
//!
//! Not here: running a command (`command/call.rs`).

pub mod access;
mod arity;
pub(super) mod categories;
pub(super) mod family;
mod handler;
pub(super) mod help;
pub mod keys;
#[cfg(feature = "internals")]
mod markdown;
pub mod names;
pub mod portions;
pub mod spec;
pub(super) mod syntax;
pub mod table;

#[cfg(feature = "internals")]
pub use markdown::markdown;
