//! Looking at what the server does: slow commands, latencies, everything that is executed, memory.
//!
//! | file | commands |
//! |---|---|
//! | `slow_log.rs` | SLOWLOG |
//! | `latency.rs`, `latency_text.rs` | LATENCY |
//! | `monitor.rs` | MONITOR |
//! | `memory.rs` | MEMORY |
//!
//! Not here: INFO (`server/info.rs`), what is noted (`observe.rs`).

mod latency;
mod latency_text;
mod memory;
mod monitor;
mod slow_log;

use super::declare::spec::CommandSpec;

pub(super) const COMMANDS: [&[&CommandSpec]; 4] = [
    slow_log::COMMANDS,
    latency::COMMANDS,
    monitor::COMMANDS,
    memory::COMMANDS,
];
