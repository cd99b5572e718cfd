//! A place for a client that comes while all of `maxclients` are taken: that of a stranger.
//!
//! ```text
//!  places   s s a s a a s s s ◀─ newcomers that had to say nothing yet
//!               ▲ hand: looks at the next LOOKS_MAX, ends the first stranger among them
//! ```
//!
//! Clients that have not given a password could else take all places by doing nothing, and nobody
//! who has one would come in. The hand goes round, so a newcomer has about `maxclients` others
//! before it and gives its password long before the hand is back.
//!
//! Invariants: at most [`BEYOND_MAX`] connections more than `maxclients` are there, until those
//! that were ended are closed; nobody who has come in is ever ended for another.
//!
//! Cost: a look at up to [`LOOKS_MAX`] connections for each that comes while all places are taken.
//!
//! Not here: the memory of strangers (`budget.rs`).

use super::Node;

/// Connections that one newcomer has looked at.
const LOOKS_MAX: usize = 64;
/// How many may be there beyond `maxclients`: half of the descriptors that are kept free.
const BEYOND_MAX: usize = 16;

impl Node {
    /// Whether there is a place for one more connection. If there is not, a stranger may be ended
    /// to make one.
    pub(super) fn has_place(&mut self) -> bool {
        let places = self.engine.config().maxclients as usize;
        let count = self.clients.len();
        count < places || (count < places + BEYOND_MAX && self.end_a_stranger())
    }

    /// Ends the next stranger; false if none is found.
    fn end_a_stranger(&mut self) -> bool {
        if self.engine.users().are_open() {
            return false;
        }
        for _ in 0..LOOKS_MAX.min(self.clients.slot_count()) {
            let slot = self.next_stranger_slot % self.clients.slot_count();
            self.next_stranger_slot = slot + 1;
            let Some((id, connection)) = self.clients.in_slot(slot) else {
                continue;
            };
            let session = self.engine.session(connection.session);
            if !connection.has_ended() && session.is_stranger(self.engine.users()) {
                self.clients.close_soon(id);
                self.stats_mut().counters.rejected_connections += 1;
                return true;
            }
        }
        false
    }
}
