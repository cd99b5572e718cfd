//! One connection's state on our side of the socket.
//!
//! ```text
//!            ┌────────────── reads ───────────────┐
//!  Open ─────┤ output above the mark: waits       ├──▶ closing: no more requests,
//!            │ paused: waits for the pause's end  │    ends when the output is written
//!            │ held: waits until there is room    │
//!            └────────────────────────────────────┘
//! ```
//!
//! Not here: the socket (`server/`), the client's session (`session/`).

use super::buffers::{InputBuffer, OutputBuffer, READ_BYTES};
use crate::protocol::parser::CommandParser;
use crate::session::{Link, SessionKey};
use crate::structures::timer_wheel::TimerHandle;

/// Output that a client has not taken, in bytes, above which its requests wait. One reply may go
/// beyond it by its own length.
pub(super) const OUTPUT_MARK_BYTES: usize = 256 * 1024;

/// Names a connection: its slot in the slab, and how often that slot was given away before, so
/// that a late event never reaches a connection that reused the slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionId {
    /// Index in the slab.
    pub slot: u32,
    /// Number of the connection in that slot.
    pub generation: u32,
}

impl ConnectionId {
    /// What its session knows it by.
    pub(super) fn link(self) -> Link {
        Link((u64::from(self.generation) << 32) | u64::from(self.slot))
    }

    /// The connection that a session knows.
    pub(super) fn linked(link: Link) -> Self {
        Self {
            slot: link.0 as u32,
            generation: (link.0 >> 32) as u32,
        }
    }
}

pub(super) struct Connection {
    pub(super) generation: u32,
    pub(super) session: SessionKey,
    pub(super) parser: CommandParser,
    pub(super) input: InputBuffer,
    pub(super) output: OutputBuffer,
    /// What the incomplete request lacks at least, in bytes.
    pub(super) wanted_bytes: usize,
    /// No request has been seen yet, so the first may decide how replies are written.
    pub(super) is_new: bool,
    /// There may be complete requests in the input.
    pub(super) has_backlog: bool,
    /// A pause holds its next request back.
    pub(super) is_paused: bool,
    /// It waits for the end of a snapshot, or of its long read.
    pub(super) is_waiting: bool,
    /// Its long read waits until the client has taken some of the output.
    pub(super) is_parked: bool,
    /// The client will send nothing more.
    pub(super) is_at_end: bool,
    /// It waits until there is room for what it wants.
    pub(super) is_held: bool,
    /// It is counted with those that have not authenticated.
    pub(super) is_counted_stranger: bool,
    /// What its buffers and transaction are counted with, in bytes.
    pub(super) counted_bytes: usize,
    /// Nothing more is executed; it ends when the output is written.
    pub(super) is_closing: bool,
    /// It stands in the list of connections to be written.
    pub(super) is_in_output_list: bool,
    /// It stands in the list of connections to be closed.
    pub(super) is_in_close_list: bool,
    /// The timer that looks whether it is idle, if clients may time out.
    pub(super) idle_timer: Option<TimerHandle>,
    /// The timer that runs while its output is above the soft limit.
    pub(super) output_timer: Option<TimerHandle>,
}

impl Connection {
    pub(super) fn new(generation: u32, session: SessionKey) -> Self {
        Self {
            generation,
            session,
            parser: CommandParser::new(),
            input: InputBuffer::default(),
            output: OutputBuffer::default(),
            wanted_bytes: READ_BYTES,
            is_new: true,
            has_backlog: false,
            is_paused: false,
            is_waiting: false,
            is_parked: false,
            is_at_end: false,
            is_held: false,
            is_counted_stranger: false,
            counted_bytes: 0,
            is_closing: false,
            is_in_output_list: false,
            is_in_close_list: false,
            idle_timer: None,
            output_timer: None,
        }
    }

    /// Whether requests may be executed.
    pub(super) fn may_run(&self) -> bool {
        !self.is_closing
            && !self.is_paused
            && !self.is_waiting
            && !self.is_held
            && self.output.len() < OUTPUT_MARK_BYTES
    }

    /// Whether its client waits for something that is not its own doing.
    pub(super) fn waits_for_us(&self) -> bool {
        self.is_held || self.is_paused || self.is_waiting
    }

    /// Whether bytes may be read.
    pub(super) fn may_read(&self) -> bool {
        self.may_run() && !self.has_backlog && !self.is_at_end
    }

    /// Whether it has nothing left to do: it is closing, or its client sent all it ever will, and
    /// everything is executed and written.
    pub(super) fn is_finished(&self) -> bool {
        let is_done = !self.has_backlog && !self.is_waiting;
        let is_over = self.is_closing || (self.is_at_end && is_done);
        is_over && self.output.is_empty()
    }
}
