//! What a client wants to be told of the keys it keeps copies of (CLIENT TRACKING).
//!
//! ```text
//!  Trackers   number ─▶ session           in the keyspace a reader is a number
//!  Tracking   of one session: number, mode, redirection, prefixes
//! ```
//!
//! Invariant: a number is given out again only after all others; the keyspace has forgotten it
//! long before.
//!
//! Not here: the keys (`keyspace/interest/tracked.rs`).

use super::key::SessionKey;
use crate::keyspace::NO_READER;
use std::collections::HashMap;

/// Which keys a client is told of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrackingMode {
    /// Those it reads.
    #[default]
    Reads,
    /// Those it reads after CLIENT CACHING YES.
    OptIn,
    /// Those it reads, but for after CLIENT CACHING NO.
    OptOut,
    /// All that begin with its prefixes.
    Broadcast,
}

/// Another client that gets what is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// The number of that client.
    pub id: u64,
    /// Its session, while it has that number.
    pub session: SessionKey,
}

/// What one client wants to be told.
#[derive(Debug)]
pub struct Tracking {
    /// What the keyspace knows it by.
    pub number: u32,
    /// Which keys.
    pub mode: TrackingMode,
    /// Who is told instead of it.
    pub redirect: Option<Redirect>,
    /// The other client has gone.
    pub is_broken: bool,
    /// It is not told of what it changes itself.
    pub is_noloop: bool,
    /// What CLIENT CACHING said for the next command or transaction.
    pub caching: Option<bool>,
    /// Beginnings of keys, of [`TrackingMode::Broadcast`].
    pub prefixes: Vec<Box<[u8]>>,
}

impl Tracking {
    /// Whether the keys of the present command are to be remembered.
    #[inline]
    pub fn remembers(&self) -> bool {
        match self.mode {
            TrackingMode::Reads => true,
            TrackingMode::OptIn => self.caching == Some(true),
            TrackingMode::OptOut => self.caching != Some(false),
            TrackingMode::Broadcast => false,
        }
    }
}

/// The sessions that are told of keys, by number.
#[derive(Debug, Default)]
pub struct Trackers {
    sessions: HashMap<u32, SessionKey>,
    last: u32,
}

impl Trackers {
    /// How many there are.
    #[allow(clippy::len_without_is_empty)] // A count for INFO.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// A number for a session.
    pub fn begin(&mut self, session: SessionKey) -> u32 {
        loop {
            self.last = self.last.wrapping_add(1);
            if self.last != NO_READER && !self.sessions.contains_key(&self.last) {
                self.sessions.insert(self.last, session);
                return self.last;
            }
        }
    }

    /// Ends the number of a session.
    pub fn end(&mut self, number: u32) {
        self.sessions.remove(&number);
    }

    /// The session of a number, if it is still told of keys.
    pub fn get(&self, number: u32) -> Option<SessionKey> {
        self.sessions.get(&number).copied()
    }

    /// All numbers in order. O(n log n).
    pub fn numbers(&self) -> Vec<u32> {
        let mut numbers: Vec<u32> = self.sessions.keys().copied().collect();
        numbers.sort_unstable();
        numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_neither_that_of_nobody_nor_one_that_is_in_use() {
        let mut trackers = Trackers::default();
        let session = SessionKey::numbered(5);
        assert_eq!(trackers.begin(session), NO_READER + 1);
        trackers.last = u32::MAX - 1;
        let numbers = [0; 2].map(|_| trackers.begin(session));
        assert_eq!(numbers, [u32::MAX, NO_READER + 2]);
    }
}
