//! Rank 4: one client's state.
//!
//! ```text
//!  Sessions (a slab) ── Session: name, database, dialect, transaction, subscriptions, tracking,
//!                                long read, blocked request, marks
//! ```
//!
//! Not here: sockets and buffers (`node/`), what a command is given besides its session
//! (`context/`).

pub mod blocked;
#[cfg(test)]
pub(crate) mod fake_read;
mod key;
pub mod long_read;
mod registry;
pub mod trackers;
pub mod transaction;

pub use crate::base::link::Link;
pub use key::SessionKey;
pub use registry::Sessions;

use crate::acl::{UserId, Users};
use crate::base::clock::Timestamp;
use crate::base::command_id::CommandId;
use crate::messages::Subscriptions;
use crate::protocol::reply::Dialect;
use blocked::Blocked;
use long_read::ReadUnderWay;
// In `core` an address is a value; sockets are at the edge.
use core::net::SocketAddr;
use trackers::Tracking;
use transaction::Transaction;

/// What kind of stream a client came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP over IPv4 or IPv6.
    Tcp,
    /// The same, encrypted.
    Tls,
    /// A unix socket.
    Unix,
    /// None: an embedder's own session.
    Embedded,
}

/// Where a client comes from, as CLIENT LIST shows it.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The client's end: `127.0.0.1:50412`, `[::1]:50412`, or `/path/to.sock:0`.
    pub address: Box<str>,
    /// Our end.
    pub local_address: Box<str>,
    /// How it is connected.
    pub transport: Transport,
    /// The socket's file descriptor, for CLIENT LIST; -1 if there is none.
    pub descriptor: i32,
    /// The name in its certificate, if that says which user it is.
    pub certified_name: Option<Box<str>>,
}

impl Peer {
    /// Whether it is on this machine, as far as its address tells: what protected mode and DEBUG
    /// ask. An address that is none is not local.
    pub fn is_local(&self) -> bool {
        match self.transport {
            Transport::Unix | Transport::Embedded => true,
            Transport::Tcp | Transport::Tls => (self.address.parse::<SocketAddr>())
                .is_ok_and(|address| address.ip().to_canonical().is_loopback()),
        }
    }

    /// The peer of a session that no socket belongs to.
    pub fn embedded() -> Self {
        Self {
            address: "embedded:0".into(),
            local_address: "embedded:0".into(),
            transport: Transport::Embedded,
            descriptor: -1,
            certified_name: None,
        }
    }
}

/// Whether a client wants replies (CLIENT REPLY).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyMode {
    /// Every request is answered.
    #[default]
    On,
    /// None is.
    Off,
    /// The next request is not; its answer comes after the present command.
    SkipNext,
    /// The present request is not.
    Skip,
}

/// How full a client's buffers are; kept by the node, read by CLIENT LIST and INFO.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BufferUse {
    /// Bytes received and not executed; while some are executed, all there were.
    pub input_bytes: usize,
    /// Room for more in the same buffer.
    pub input_spare_bytes: usize,
    /// Bytes that remember the arguments of an incomplete request.
    pub parser_bytes: usize,
    /// Bytes of replies not yet taken by the client.
    pub output_bytes: usize,
    /// Bytes allocated for replies.
    pub output_allocated_bytes: usize,
}

impl BufferUse {
    /// Bytes allocated for this client.
    pub fn allocated_bytes(&self) -> usize {
        self.input_bytes + self.input_spare_bytes + self.parser_bytes + self.output_allocated_bytes
    }
}

/// One client.
#[derive(Debug)]
pub struct Session {
    /// Number of the client: unique for the life of the server, growing.
    pub id: u64,
    /// Where it comes from.
    pub peer: Peer,
    /// Its connection, if it has one: a session of an embedder has none.
    pub link: Option<Link>,
    /// The database its commands work on.
    pub database: usize,
    /// How replies are written.
    pub dialect: Dialect,
    /// CLIENT SETNAME.
    pub name: Box<[u8]>,
    /// CLIENT SETINFO LIB-NAME.
    pub library_name: Box<[u8]>,
    /// CLIENT SETINFO LIB-VER.
    pub library_version: Box<[u8]>,
    /// The user it is, or will be if it enters without a word.
    pub user: UserId,
    /// Whether it has entered: its user needed no password, or it gave the right one.
    pub is_authenticated: bool,
    /// Whether its user may not do everything.
    pub is_limited: bool,
    /// MULTI, its queue and WATCH. Boxed, because nearly all clients have none.
    pub transaction: Transaction,
    /// CLIENT REPLY.
    pub reply_mode: ReplyMode,
    /// The channels and patterns whose messages it gets.
    pub subscriptions: Subscriptions,
    /// CLIENT TRACKING: what it wants to be told of keys.
    pub tracking: Option<Box<Tracking>>,
    /// A pause holds its next request back.
    pub is_paused: bool,
    /// The request that waits for one of its keys, if it has one.
    pub blocked: Option<Box<Blocked>>,
    /// MONITOR: it is shown what others do.
    pub is_monitor: bool,
    /// It carries out what a primary sends: it may write, and sees keys that are due.
    pub is_primary: bool,
    /// CLIENT NO-EVICT: asked not to be closed for memory.
    pub is_kept: bool,
    /// CLIENT NO-TOUCH: its reads leave no trace for eviction.
    pub is_untouching: bool,
    /// The connection ends when the replies so far are written.
    pub closes_after_reply: bool,
    /// When it connected.
    pub created: Timestamp,
    /// When its last request was executed, on the monotonic clock.
    pub last_active_us: u64,
    /// The command executed last, as a number of the command table.
    pub last_command: Option<CommandId>,
    /// The long read under way, if any.
    pub long_read: ReadUnderWay,
    /// How full its buffers are.
    pub buffers: BufferUse,
}

impl Session {
    fn new(id: u64, peer: Peer, now: Timestamp) -> Self {
        Self {
            id,
            peer,
            link: None,
            database: 0,
            dialect: Dialect::Resp2,
            name: Box::default(),
            library_name: Box::default(),
            library_version: Box::default(),
            user: UserId::DEFAULT,
            is_authenticated: false,
            is_limited: false,
            transaction: Transaction::default(),
            reply_mode: ReplyMode::On,
            subscriptions: Subscriptions::default(),
            tracking: None,
            is_paused: false,
            blocked: None,
            is_monitor: false,
            is_primary: false,
            is_kept: false,
            is_untouching: false,
            closes_after_reply: false,
            created: now,
            last_active_us: now.monotonic_us,
            last_command: None,
            long_read: ReadUnderWay::default(),
            buffers: BufferUse::default(),
        }
    }

    /// Whether it may run any command: it has entered, and its user may do everything.
    #[inline]
    pub fn is_unrestricted(&self, users: &Users) -> bool {
        !self.is_limited && !self.is_stranger(users)
    }

    /// Whether it has to say first who it is.
    #[inline]
    pub fn is_stranger(&self, users: &Users) -> bool {
        !self.is_authenticated && !users.are_open()
    }

    /// Makes it a user.
    pub fn enter(&mut self, user: UserId, users: &Users) {
        self.user = user;
        self.is_authenticated = true;
        self.is_limited = !users.get(user).is_unlimited();
    }

    /// Makes it what a new session is: the user `default`, who may have to give a password.
    pub fn leave(&mut self, users: &Users) {
        self.enter(UserId::DEFAULT, users);
        self.is_authenticated = users.are_open();
    }

    /// Bytes that grow with what the client sends and does not read: buffers, the reply of a long
    /// read, the transaction, the request that waits, and names.
    #[inline]
    pub fn buffered_bytes(&self) -> usize {
        self.buffers.allocated_bytes()
            + self.long_read.used_bytes()
            + self.name.len()
            + self.library_name.len()
            + self.library_version.len()
            + self.transaction.used_bytes()
            + self.subscriptions.used_bytes()
            + (self.blocked.as_ref()).map_or(0, |blocked| blocked.used_bytes())
    }

    /// Whether it waits for keys or for the end of a pause.
    pub fn is_blocked(&self) -> bool {
        self.is_paused || self.blocked.is_some()
    }

    /// Whether messages of others may come to it at any time.
    #[inline]
    pub fn is_subscriber(&self) -> bool {
        !self.subscriptions.is_empty()
    }

    /// Whether something may come to it behind a reply.
    #[inline]
    pub fn is_told(&self) -> bool {
        self.is_subscriber() || self.tracking.is_some()
    }

    /// Whether it may do nothing but listen: version 2 of the protocol can't tell a message from
    /// a reply.
    #[inline]
    pub fn listens_only(&self) -> bool {
        self.is_subscriber() && self.dialect != Dialect::Resp3
    }

    /// Bytes this session takes of our memory, buffers included.
    pub fn used_bytes(&self) -> usize {
        size_of::<Self>()
            + self.peer.address.len()
            + self.peer.local_address.len()
            + self.buffered_bytes()
    }
}
