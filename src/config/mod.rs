//! Configuration: one row per parameter, from which everything that names parameters is made.
//!
//! ```text
//!                       ┌─▶ Config            typed public fields, defaults        table.rs
//!                       ├─▶ apply_file        `name value…` lines                  file.rs
//!   table.rs: one row ──┼─▶ CommandLine       [config-file] [--name value…]        command_line.rs
//!   without_effect.rs   ├─▶ matching, set     CONFIG GET, CONFIG SET               access.rs
//!                       ├─▶ rewritten         CONFIG REWRITE                       rewrite.rs
//!                       └─▶ help, markdown    --help, docs/CONFIG.md, sample file  docs.rs
//! ```
//!
//! 1. A parameter is declared in one place, its row; no other file lists names (`tests.rs`).
//! 2. Text either changes a `Config` completely or leaves it untouched and gives a typed error.
//! 3. Nothing here opens a file or reads a clock: callers pass bytes in, and [`Files`] for what
//!    these include.
//!
//! Cost: linear in the text and in the number of rows; nothing here runs per command.
//!
//! Not here: reading files (`persistence/file_system.rs`); acting on a changed value (whoever calls
//! `set`).

mod access;
mod command_line;
#[cfg_attr(not(feature = "internals"), allow(dead_code))]
mod docs;
mod environment;
mod error;
mod file;
mod kind;
mod memory;
mod notes;
mod output_limit;
mod places;
mod primary_address;
mod rename;
mod rewrite;
mod row;
mod suggestion;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod users;
mod value;
mod without_effect;

/// The most databases that a server can have.
pub const DATABASES_MAX: u32 = table::DATABASES_MAX as u32;

pub use access::{PATTERNS_MAX, Reloaded, is_sensitive};
pub use command_line::{Action, CommandLine};
pub use docs::{default_file, help, markdown};
pub use environment::variable_of;
pub use error::{BadValue, ConfigError, Fault, Place, SetError, set_failed};
pub use file::{Files, INCLUDE_DEPTH_MAX, INCLUDES_MAX, NoFiles};
pub use kind::Kind;
pub use memory::{MemoryLimit, MemoryShare};
pub use notes::Notes;
pub use output_limit::{OutputLimit, OutputLimits};
pub use primary_address::PrimaryAddress;
pub use rename::Rename;
pub use row::{Access, Group, Row, every_row};
pub use table::{
    AuthenticateClients, CertifiedUser, ChannelDefault, Config, EnableDebug, InlineReplies,
    LoadDamaged, LogLevel, MemoryPolicy, ROWS, Supervised,
};
pub use users::UserLine;
pub use value::{ListenAddress, Percentile, SavePoint};
pub use without_effect::{WITHOUT_EFFECT, WithoutEffect};
