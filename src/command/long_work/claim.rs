//! A key that a long command has claimed: requests of others that name it wait.
//!
//! Invariant: a claim is released once, whatever becomes of the client.
//!
//! Not here: who waits (`engine/claims.rs`).

use crate::context::Context;
use crate::keyspace::{Key, Keyspace};

/// A claimed key.
#[derive(Debug)]
pub(super) struct Claim {
    /// The database that the key is in.
    pub(super) database: usize,
    /// The key.
    pub(super) key: Box<[u8]>,
}

impl Claim {
    /// Claims a key of the session's database.
    pub(super) fn of(context: &mut Context<'_>, key: Key<'_>) -> Self {
        let database = context.database();
        context.keyspace.claim(database, key.bytes);
        Self {
            database,
            key: key.bytes.into(),
        }
    }

    /// Gives the claim back.
    pub(super) fn release(&self, keyspace: &mut Keyspace) {
        keyspace.unclaim(self.database, &self.key);
    }
}
