//! What commands must know of the server around the cache: they decide by it.
//!
//! ```text
//!  node    snapshots               ─┐
//!  server  configuration file,      ├─▶ Host ─▶ SAVE, CONFIG, the gate of writes
//!          sockets that it can open ┘      └──▶ INFO, by the report
//! ```
//!
//! A cache that is embedded has neither disk nor sockets: the default.
//!
//! Not here: figures that are only shown (`stats::Gauges`).

/// The server around the cache, kept up to date by it.
#[derive(Debug, Default)]
pub struct Host {
    /// Its snapshots.
    pub snapshots: Snapshots,
    /// Path of the configuration file; empty for none.
    pub config_file: String,
    /// Most connections that the operating system allows; 0 if unknown.
    pub clients_possible: u32,
    /// Whether the server has opened its sockets by itself, and so may open others.
    pub owns_listeners: bool,
}

/// How snapshots stand.
#[derive(Debug, Default)]
pub struct Snapshots {
    /// Whether there is a disk for them.
    pub are_possible: bool,
    /// Whether one is being taken.
    pub is_in_progress: bool,
    /// Whether the last one that was tried failed.
    pub last_failed: bool,
    /// When the last one was complete, or the server started; Unix seconds.
    pub last_unix_seconds: u64,
    /// Changes of keys there had been when the last one began.
    pub saved_dirty_count: u64,
}
