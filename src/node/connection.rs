//! One connection's state on our side of the socket.
//!
//! ```text
//!          end of input            QUIT, an error, a kill         nothing left to write
//!  Open ─────────────────▶ AtEnd ────────────────────────▶ Closing ─────▶ Ended: in the close list
//!    └──────────────────────────────────────────────────────▲
//!
//!  Open, AtEnd    requests are executed unless something holds them back:
//!                   PAUSE   until the pause is over                  (CLIENT PAUSE, `pacing.rs`)
//!                   ANSWER  until the last one is answered           (`waiting.rs`)
//!                   READER  … whose long read waits for its client   (`reading.rs`)
//!                   CLAIM   until a long command gives a key back    (`waiting.rs`)
//!                   KEYS    until a key is there that it waits for   (`blocking.rs`)
//!                   ROOM    until there is memory for what it wants  (`budget.rs`)
//!                   output above the mark: until the client takes it
//!  Open           bytes are read while requests may be executed and none wait in the buffer
//! ```
//!
//! Invariant: a phase is never left for an earlier one.
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

/// How far a connection is on its way to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Its client may send more.
    Open,
    /// Its client will send nothing more; what it sent is executed and answered.
    AtEnd,
    /// Nothing more is executed; it ends when the output is written.
    Closing,
    /// It stands in the list of connections to be closed.
    Ended,
}

/// Why requests of a connection wait: a set of reasons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Holds(u8);

impl Holds {
    /// A pause holds its next request back.
    pub(super) const PAUSE: Self = Self(1);
    /// The answer to its last request comes later.
    pub(super) const ANSWER: Self = Self(2);
    /// Its long read waits until the client has taken some of the output.
    pub(super) const READER: Self = Self(4);
    /// There is no room for what it wants.
    pub(super) const ROOM: Self = Self(8);
    /// Its next request names a key that a long command has claimed.
    pub(super) const CLAIM: Self = Self(16);

    /// It waits for one of its keys.
    pub(super) const KEYS: Self = Self(32);

    /// Adds a reason.
    pub(super) fn add(&mut self, reason: Self) {
        self.0 |= reason.0;
    }

    /// Takes reasons away.
    pub(super) fn remove(&mut self, reasons: Self) {
        self.0 &= !reasons.0;
    }

    /// These reasons and others.
    pub(super) const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether one of these reasons is there.
    pub(super) fn has(self, reasons: Self) -> bool {
        self.0 & reasons.0 != 0
    }

    /// Whether nothing holds it back.
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
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
    /// Why its requests wait.
    pub(super) holds: Holds,
    phase: Phase,
    /// It is counted with those that have not authenticated.
    pub(super) is_counted_stranger: bool,
    /// What its buffers and transaction are counted with, in bytes.
    pub(super) counted_bytes: usize,
    /// It stands in the list of connections to be written.
    pub(super) is_in_output_list: bool,
    /// It stands in the row of connections to be written when there is time.
    pub(super) is_in_unhurried_row: bool,
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
            holds: Holds::default(),
            phase: Phase::Open,
            is_counted_stranger: false,
            counted_bytes: 0,
            is_in_output_list: false,
            is_in_unhurried_row: false,
            idle_timer: None,
            output_timer: None,
        }
    }

    /// Goes on to a phase, unless it is further already.
    pub(super) fn enter(&mut self, phase: Phase) {
        self.phase = self.phase.max(phase);
    }

    /// Whether nothing more is executed.
    #[inline]
    pub(super) fn is_closing(&self) -> bool {
        self.phase >= Phase::Closing
    }

    /// Whether it stands in the list of connections to be closed.
    pub(super) fn has_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// Whether requests may be executed.
    #[inline]
    pub(super) fn may_run(&self) -> bool {
        !self.is_closing() && self.holds.is_empty() && self.output.len() < OUTPUT_MARK_BYTES
    }

    /// Whether bytes may be read.
    pub(super) fn may_read(&self) -> bool {
        self.phase == Phase::Open && !self.has_backlog && self.may_run()
    }

    /// Whether it has nothing left to do: it is closing, or its client sent all it ever will, and
    /// everything is executed and written.
    pub(super) fn is_finished(&self) -> bool {
        let is_done = !self.has_backlog && !self.holds.has(Holds::ANSWER);
        let is_over = self.is_closing() || (self.phase == Phase::AtEnd && is_done);
        is_over && self.output.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_back_to_its_connection() {
        for (slot, generation) in [(0, 0), (1, 0), (0, 1), (u32::MAX, 7), (7, u32::MAX)] {
            let id = ConnectionId { slot, generation };
            assert_eq!(ConnectionId::linked(id.link()), id);
        }
    }

    #[test]
    fn a_hold_is_added_and_removed_without_the_others() {
        let mut holds = Holds::default();
        holds.add(Holds::PAUSE);
        holds.add(Holds::ROOM);
        assert_eq!(holds, Holds::PAUSE.and(Holds::ROOM));
        assert!(!holds.has(Holds::ANSWER) && holds.has(Holds::ANSWER.and(Holds::ROOM)));
        holds.remove(Holds::PAUSE.and(Holds::READER));
        assert_eq!(holds, Holds::ROOM);
        holds.remove(Holds::ROOM);
        assert!(holds.is_empty());
    }
}
