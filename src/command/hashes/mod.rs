//! Commands on hashes.
//!
//! | file | commands |
//! |---|---|
//! | `read.rs` | fields and values are told: HGET and the like |
//! | `write.rs` | fields come, change and go: HSET and the like |
//!
//! Not here: what a hash is (`value/hash.rs`).

mod read;
mod write;

use super::declare::spec::CommandSpec;

pub(super) const COMMANDS: [&[&CommandSpec]; 2] = [read::COMMANDS, write::COMMANDS];
