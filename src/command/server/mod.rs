//! Commands on the server as a whole.
//!
//! | file | commands |
//! |---|---|
//! | `databases.rs` | DBSIZE FLUSHDB FLUSHALL SWAPDB |
//! | `info.rs` | INFO TIME LOLWUT |
//! | `config.rs` | CONFIG |
//! | `saving.rs` | SAVE BGSAVE LASTSAVE |
//! | `control.rs` | SHUTDOWN |
//! | `debug.rs`, `debug_replies.rs` | DEBUG |
//! | `sync.rs` | SYNC PSYNC REPLCONF |
//! | `replication.rs` | ROLE WAIT FAILOVER REPLICAOF SLAVEOF |
//! | `cluster.rs` | CLUSTER |
//! | `modules.rs` | MODULE |
//!
//! Not here: what the server tells about its commands (`introspection.rs`).

mod cluster;
mod config;
mod control;
mod databases;
mod debug;
mod debug_replies;
mod digest;
mod info;
mod modules;
mod replication;
mod saving;
mod sync;

use super::declare::spec::CommandSpec;

pub(super) const COMMANDS: [&[&CommandSpec]; 10] = [
    databases::COMMANDS,
    info::COMMANDS,
    config::COMMANDS,
    control::COMMANDS,
    saving::COMMANDS,
    debug::COMMANDS,
    replication::COMMANDS,
    sync::COMMANDS,
    cluster::COMMANDS,
    modules::COMMANDS,
];
