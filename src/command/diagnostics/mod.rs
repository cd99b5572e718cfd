//! Looking at what the server does: slow commands, latencies, everything that is executed, memory.
//!
//! | file | commands |
//! |---|---|
//! | `slow_log.rs` | SLOWLOG |
//! | `latency.rs`, `latency_text.rs` | LATENCY |
//! | `monitor.rs` | MONITOR |
//! | `hot_keys.rs` | HOTKEYS |
//! | `cache.rs` | CACHE |
//! | `memory.rs` | MEMORY |
//!
//! Not here: INFO (`server/info.rs`), what is noted (`observe.rs`).

mod cache;
mod hot_keys;
mod latency;
mod latency_text;
mod memory;
mod monitor;
mod slow_log;

use super::declare::spec::CommandSpec;

pub(super) const COMMANDS: [&[&CommandSpec]; 6] = [
    slow_log::COMMANDS,
    latency::COMMANDS,
    monitor::COMMANDS,
    memory::COMMANDS,
    hot_keys::COMMANDS,
    cache::COMMANDS,
];
