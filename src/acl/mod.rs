//! Rank 2: users, and what each of them may do.
//!
//! ```text
//!  Users ─┬─ User "default"  on, passwords ─┬─ Selector  commands · keys · channels  (root)
//!         ├─ User "app"                     └─ Selector  …                  (in brackets)
//!         └─ Log: who was refused what
//! ```
//!
//! A request passes if one selector allows all of it: its command, each of its keys, each of its
//! channels. The rules and their texts are those of Redis 7.2.
//!
//! Invariants: the user `default` is always there, with the id [`UserId::DEFAULT`]. Passwords are
//! kept as SHA-256 digests, the form in which Redis writes and takes them.
//!
//! Cost: a command is one bit; a key is compared with the patterns of a selector, one after the
//! other. A user who may do everything is asked for nothing ([`User::is_unlimited`]).
//!
//! Not here: names of commands ([`Catalogue`] is asked), which arguments are keys
//! (`command/permission.rs`), who is which user (`session/`).

mod commands;
mod file;
mod log;
mod password;
mod selector;
mod user;
mod users;

#[cfg(test)]
mod tests;

pub use commands::Catalogue;
pub use file::{FaultyUsers, file_of_users, lines_of_file, read_users, written_users};
pub use log::{Circumstance, Entry, Log, Reason};
pub use password::Digest;
pub use selector::{KeyUse, Selector};
pub use user::{User, joined_selectors};
pub use users::{UserId, Users};

/// Why a rule is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleError {
    /// It names no command or category.
    UnknownCommand,
    /// It is no rule.
    Syntax,
    /// It adds a pattern of keys to all keys.
    KeysAfterAll,
    /// It adds a pattern of channels to all channels.
    ChannelsAfterAll,
    /// It names a first argument of a subcommand.
    ArgumentOfSubcommand,
    /// It takes away a password that the user does not have.
    UnknownPassword,
    /// What follows `#` is no SHA-256 digest in lower case.
    BadDigest,
}

impl RuleError {
    /// Redis's words for it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::UnknownCommand => "Unknown command or category name in ACL",
            Self::Syntax => "Syntax error",
            Self::KeysAfterAll => {
                "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and \
                 does not have any effect. Try 'resetkeys' to start with an empty list of patterns"
            }
            Self::ChannelsAfterAll => {
                "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and \
                 does not have any effect. Try 'resetchannels' to start with an empty list of \
                 channels"
            }
            Self::ArgumentOfSubcommand => "Allowing first-arg of a subcommand is not supported",
            Self::UnknownPassword => {
                "The password you are trying to remove from the user does not exist"
            }
            Self::BadDigest => {
                "The provided password hash must be exactly 64 characters and contain only \
                 lowercase hexadecimal characters"
            }
        }
    }
}
