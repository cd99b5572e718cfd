//! Who runs the commands that a script calls.
//!
//! ```text
//!  the script's stack: … ─▶ redis.call ─▶ Host::call ─▶ the engine's handlers
//!                                 ◀─ the bytes of the reply ─┘
//! ```
//!
//! Invariant: a host returns before anything else of the script runs: it neither suspends the
//! script nor calls Lua, so nothing of it is on the stack when either happens.
//!
//! Not here: the one there is (`engine/scripts.rs`).

use crate::protocol::args::Args;

/// What a script asks for.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The command and its arguments.
    pub args: Args<'a>,
    /// Whether it only asks if the session might.
    pub asks_for_right: bool,
    /// Whether it wants the reply in version 3.
    pub is_resp3: bool,
}

/// See the module header.
pub trait Host {
    /// Runs a command; its reply, which is read before the next call and before the script stops.
    fn call(&mut self, call: Call<'_>) -> &[u8];
}
