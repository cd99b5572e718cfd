//! The sessions of a server.
//!
//! Not here: connections and their generations (`node/`).

use super::{Peer, Session};
use crate::base::clock::Timestamp;
use slab::Slab;

/// Names a session while it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionKey(usize);

impl SessionKey {
    /// The number by which the keyspace knows a session that waits for keys.
    pub fn number(self) -> u32 {
        u32::try_from(self.0).expect("there are fewer than 2^32 sessions")
    }

    /// The session of such a number.
    pub fn numbered(number: u32) -> Self {
        Self(number as usize)
    }
}

/// All sessions.
#[derive(Default)]
pub struct Sessions {
    slots: Slab<Session>,
    opened_count: u64,
}

impl Sessions {
    /// Makes room for `count` sessions at once, so that none of them waits for a larger slab.
    pub fn reserve(&mut self, count: usize) {
        self.slots.reserve(count);
    }

    /// Begins a session. Ids begin at 1.
    pub fn open(&mut self, peer: Peer, now: Timestamp) -> SessionKey {
        self.opened_count += 1;
        SessionKey(
            self.slots
                .insert(Session::new(self.opened_count, peer, now)),
        )
    }

    /// Ends a session and returns what it was.
    pub fn close(&mut self, key: SessionKey) -> Session {
        self.slots.remove(key.0)
    }

    /// The session of a key that is alive.
    #[inline]
    pub fn get(&self, key: SessionKey) -> &Session {
        &self.slots[key.0]
    }

    /// The session of a key that is alive, for change.
    #[inline]
    pub fn get_mut(&mut self, key: SessionKey) -> &mut Session {
        &mut self.slots[key.0]
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// All sessions, oldest slots first (not in the order of ids).
    pub fn iter(&self) -> impl Iterator<Item = (SessionKey, &Session)> {
        self.slots
            .iter()
            .map(|(slot, session)| (SessionKey(slot), session))
    }

    /// All sessions, for change.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Session> {
        self.slots.iter_mut().map(|(_, session)| session)
    }

    /// How many wait for keys or for the end of a pause. O(sessions).
    pub fn blocked_count(&self) -> usize {
        let sessions = self.slots.iter();
        sessions.filter(|(_, session)| session.is_blocked()).count()
    }

    /// How many wait for keys, and not for ever. O(sessions).
    pub fn timed_count(&self) -> usize {
        let blocked = (self.slots.iter()).filter_map(|(_, session)| session.blocked.as_ref());
        blocked.filter(|blocked| blocked.timer.is_some()).count()
    }

    /// Bytes of all sessions, buffers included. O(sessions).
    pub fn used_bytes(&self) -> usize {
        self.slots
            .iter()
            .map(|(_, session)| session.used_bytes())
            .sum()
    }
}
