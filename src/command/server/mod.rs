//! Commands on the server as a whole.
//!
//! | file | commands |
//! |---|---|
//! | `databases.rs` | DBSIZE FLUSHDB FLUSHALL SWAPDB |
//! | `info.rs` | INFO TIME LOLWUT |
//! | `config.rs` | CONFIG |
//! | `saving.rs` | SAVE BGSAVE LASTSAVE |
//! | `control.rs` | SHUTDOWN DEBUG CLUSTER |
//!
//! Not here: what the server tells about its commands (`introspection.rs`).

mod config;
mod control;
mod databases;
mod info;
mod saving;

pub(crate) use info::info_text;

use super::spec::CommandSpec;

pub(super) const COMMANDS: [&[&CommandSpec]; 5] = [
    databases::COMMANDS,
    info::COMMANDS,
    config::COMMANDS,
    control::COMMANDS,
    saving::COMMANDS,
];
