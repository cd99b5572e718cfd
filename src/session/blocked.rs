//! The request of a client that waits for one of its keys.
//!
//! ```text
//!  nothing is found ─▶ Context::wait_for_keys ─▶ Session::blocked ─┬─▶ executed again, answered
//!                                                                  ├─▶ its time is over
//!                                                                  └─▶ its client ends
//! ```
//!
//! The request is kept as its handler wants it to be executed again. Its keys stand in the keyspace
//! (`keyspace/interest/ready.rs`) until the wait is ended there.
//!
//! Not here: the end of its time (`node/blocking.rs`), executing it again (`engine/blocking.rs`).

use crate::base::command_id::CommandId;
use crate::keyspace::WaitId;
use crate::protocol::args::OwnedArgs;
use crate::structures::timer_wheel::TimerHandle;

/// A request that waits for one of its keys.
#[derive(Debug)]
pub struct Blocked {
    /// Its command.
    pub command: CommandId,
    /// What is executed when a key is ready.
    pub request: OwnedArgs,
    /// Its places at the keys.
    pub wait: WaitId,
    /// The bytes of its places and keys.
    pub keys_bytes: usize,
    /// How long it has taken until it began to wait, if that was measured.
    pub spent_ns: u64,
    /// The timer of the end of its time, if it has one; the node's.
    pub timer: Option<TimerHandle>,
}

impl Blocked {
    /// What a place at a key costs, besides the key itself.
    pub const PLACE_BYTES: usize = 84;

    /// Bytes that it takes of our memory.
    pub fn used_bytes(&self) -> usize {
        size_of::<Self>() + self.request.heap_bytes() + self.keys_bytes
    }
}
