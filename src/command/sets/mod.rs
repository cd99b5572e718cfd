//! Commands on sets.
//!
//! | file | commands |
//! |---|---|
//! | `read.rs` | members are told: SMEMBERS SISMEMBER SMISMEMBER SCARD SSCAN |
//! | `write.rs` | members come and go: SADD SREM SMOVE |
//! | `random.rs` | members chosen at random: SPOP SRANDMEMBER |
//! | `algebra.rs` | several sets: SINTER SINTERCARD SUNION SDIFF, and …STORE |
//!
//! Not here: what a set is (`value/set.rs`).

mod algebra;
mod random;
mod read;
mod write;

use super::declare::spec::CommandSpec;

pub(super) const COMMANDS: [&[&CommandSpec]; 4] = [
    read::COMMANDS,
    write::COMMANDS,
    random::COMMANDS,
    algebra::COMMANDS,
];
