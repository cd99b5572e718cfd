//! The name of a session.
//!
//! Not here: the sessions (`registry.rs`).

/// Names a session while it lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionKey(pub(super) usize);

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
