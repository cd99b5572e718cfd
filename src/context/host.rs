//! What commands must know of the server around the cache: they decide by it.
//!
//! ```text
//!  node    snapshots, a primary    ─┐
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
    /// Whether the server can connect to a primary.
    pub may_follow: bool,
    /// The primary that it follows, if it is a replica.
    pub following: Option<Box<Following>>,
}

/// The primary that a server follows, and how far it is: what INFO and ROLE tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Following {
    /// Name or address of the primary.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How far the link is.
    pub link: PrimaryLink,
    /// When something was heard of it last, on the monotonic clock.
    pub heard_ms: u64,
    /// Since when the link is down, on the monotonic clock.
    pub down_since_ms: u64,
    /// Where its stream has been received to.
    pub read_offset: Option<u64>,
    /// Where its stream has been carried out to.
    pub applied_offset: Option<u64>,
    /// Length of its file, if it is known, …
    pub file_bytes: Option<u64>,
    /// … and how much of it has come.
    pub file_read_bytes: u64,
}

/// How far the link to a primary is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PrimaryLink {
    /// There is none; it is tried again.
    #[default]
    Apart,
    /// It is being connected.
    Connecting,
    /// Both say who they are.
    Greeting,
    /// The file of all keys comes.
    Loading,
    /// Changes come as they are made.
    Up,
}

impl PrimaryLink {
    /// The word of ROLE.
    pub fn name(self) -> &'static str {
        match self {
            Self::Apart => "connect",
            Self::Connecting => "connecting",
            Self::Greeting => "handshake",
            Self::Loading => "sync",
            Self::Up => "connected",
        }
    }
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
