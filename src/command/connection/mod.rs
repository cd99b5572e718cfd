//! Commands on the client's own connection, and on those of others.
//!
//! | file | commands |
//! |---|---|
//! | `basics.rs` | PING ECHO SELECT QUIT RESET READONLY READWRITE |
//! | `handshake.rs` | HELLO AUTH |
//! | `client.rs` | CLIENT and what a client says of itself |
//! | `client_list.rs` | CLIENT LIST, INFO and KILL: what is said of clients |
//! | `tracking.rs` | CLIENT TRACKING and its kin |
//!
//! Not here: sockets (`server/`), what a session is (`session/`).

mod basics;
mod client;
mod client_list;
mod handshake;
mod tracking;

pub(super) use client_list::client_text;

use super::declare::spec::{CommandSpec, Flags};

pub(super) const COMMANDS: [&[&CommandSpec]; 3] =
    [basics::COMMANDS, handshake::COMMANDS, client::COMMANDS];

/// Flags of the subcommands of CLIENT: answered whatever the server is doing.
const ANYTIME: Flags = Flags::NO_SCRIPT.and(Flags::LOADING).and(Flags::STALE);
