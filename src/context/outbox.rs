//! What a command wants done that it may not do itself (invariant I6).
//!
//! A handler writes to its own session's reply and to the keyspace. Everything that concerns
//! another session or the machine is put here and carried out by the node or the reactor when the
//! command is over.

use super::monitor::MonitorFeed;
use crate::session::Link;

/// How the server is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// With a snapshot if there are save points.
    AsConfigured,
    /// With a snapshot.
    Save,
    /// Without.
    NoSave,
}

/// What the disk is asked to do with the file of users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsersTask {
    /// Read it, and let the users be those it names.
    Load,
    /// Let it say this.
    Save(Vec<u8>),
}

/// What a command asks for whose answer comes later. The answer is OK, or why it failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Take a snapshot; the answer comes when it is durable (SAVE).
    Snapshot,
    /// Move the server's clock forward (DEBUG ADVANCE-TIME).
    Clock {
        /// How far.
        span_ms: u64,
    },
    /// Write the configuration into its file; the answer comes when that is durable (CONFIG
    /// REWRITE).
    ConfigFile,
    /// Read or write the file of users (ACL LOAD, ACL SAVE).
    Users(UsersTask),
    /// Set these parameters, name after value, when the sockets are open that they ask for (CONFIG
    /// SET of `bind` and `port`).
    Sockets {
        /// What CONFIG SET was given.
        pairs: Vec<Vec<u8>>,
    },
    /// Carry out what a primary has sent, and follow it no more (REPLICAOF NO ONE).
    Promotion,
    /// Take the steps of the long read that the session holds; they write the answer.
    Steps,
    /// Execute the request that the session holds again when one of its keys is ready
    /// (`session/blocked.rs`).
    Keys {
        /// The end of its time on the monotonic clock, if it is not to wait for ever.
        until_ms: Option<u64>,
    },
    /// Save the keyspace and load it again, before the next request (DEBUG RELOAD).
    Reload {
        /// Whether what is there is dropped before.
        flushes: bool,
    },
}

/// One wish of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Close the connection of another session, if it is still there.
    Close {
        /// The connection.
        link: Link,
    },
    /// End the waiting for keys of another session, if it is still there.
    Unblock {
        /// The connection.
        link: Link,
        /// Whether it is told an error, or as if its time were over.
        with_error: bool,
    },
    /// Clients that waited for the end of a pause may go on.
    Unpause,
    /// Let the whole server stand still before any reply leaves or this session goes on (DEBUG
    /// SLEEP).
    Sleep {
        /// For how long.
        duration_us: u64,
    },
    /// Answer this session when that is done which the command asks for; it has written no reply.
    Later(Wait),
    /// End the server.
    Shutdown(Shutdown),
    /// Take a snapshot, now or after the present one.
    SaveInBackground,
    /// Take notice of parameters that CONFIG SET changed.
    ConfigChanged,
    /// Show this session what others do, or no more (MONITOR, RESET).
    Monitor {
        /// Whether it begins.
        is_on: bool,
    },
    /// Follow this primary, or none any more (REPLICAOF).
    Follow(Option<(String, u16)>),
    /// Tell the primary how far its stream is carried out (REPLCONF GETACK).
    Acknowledge,
    /// Give back to the system what memory can be given back (MEMORY PURGE).
    PurgeMemory,
}

/// Effects in the order in which they were wished.
#[derive(Debug, Default)]
pub struct Outbox {
    effects: Vec<Effect>,
    /// Whether somebody is shown what is executed.
    pub is_monitored: bool,
    /// What was executed, for those who are shown it.
    pub feed: MonitorFeed,
}

impl Outbox {
    /// Adds a wish.
    pub fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Takes all wishes.
    pub fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Whether it is wished that a session waits no longer.
    pub fn unblocks(&self, wanted: Link) -> bool {
        let mut effects = self.effects.iter();
        effects.any(|effect| matches!(effect, Effect::Unblock { link, .. } if *link == wanted))
    }

    /// Whether nothing is wished.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.effects.is_empty()
    }
}
