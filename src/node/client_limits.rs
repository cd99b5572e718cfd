//! What one client may have at a time, and what all may: from `maxmemory` and `maxmemory-clients`.
//!
//! ```text
//!  all clients      maxmemory-clients (a tenth of the memory), 8 MiB at least if it is a percentage
//!  one request      a quarter of the memory, or as much as all clients may, if that is more
//!  one transaction  the same
//!  one reply        the hard limit of client-output-buffer-limit; without one, the same
//! ```
//!
//! "The memory" is `maxmemory`, or what `auto` would be where there is no limit; unknown, as in
//! tests, it limits nothing. With `maxmemory-clients 0` one client may have as much as there is.
//!
//! A request that is too large is refused when its length is announced; a reply when it would grow
//! beyond its bound, before the memory is taken.
//!
//! Not here: what happens when all have too much (`budget.rs`).

use super::budget::BUDGET_BYTES_MIN;
use super::{ConnectionId, Node};
use crate::config::MemoryShare;
use crate::protocol::error::ReplyError;

/// The part of the memory that one client's request or reply may take.
const CLIENT_PART: u64 = 4;

/// The least budget that is a part of `maxmemory`, so that one client can set a value of a few
/// megabytes in a small cache.
const SHARE_BYTES_MIN: u64 = 8 << 20;

/// What a client is told whose request is too large.
pub(super) const REQUEST_TOO_LARGE: ReplyError = ReplyError::fixed(
    "OOM the request needs more than one client's part of the memory (see maxmemory-clients)",
);

const REPLY_TOO_LARGE: ReplyError = ReplyError::fixed(
    "OOM the reply needs more than one client's part of the memory (see maxmemory-clients)",
);

impl Node {
    /// Sets what `maxmemory auto` means, in bytes; 0 if that is unknown.
    pub fn set_automatic_memory(&mut self, bytes: u64) {
        self.automatic_memory_bytes = bytes;
        self.apply_memory_limits();
    }

    /// Puts `maxmemory` and `maxmemory-clients` into force.
    pub(super) fn apply_memory_limits(&mut self) {
        let config = self.engine.config();
        let share = config.maxmemory_clients;
        let limit_bytes = config.maxmemory.resolve(self.automatic_memory_bytes);
        // A replica has all keys of its primary, which evicts for both.
        self.engine
            .set_memory_limit(if self.is_replica() { 0 } else { limit_bytes });
        self.limit_saving(limit_bytes);
        let budget_bytes = match (share, share.of(limit_bytes)) {
            (_, 0) => 0,
            (MemoryShare::Bytes(_), bytes) => bytes.max(BUDGET_BYTES_MIN),
            (MemoryShare::Percent(_), bytes) => bytes.max(SHARE_BYTES_MIN),
        };
        self.budget.set_limit(budget_bytes);
        let memory_bytes = match limit_bytes {
            0 => self.automatic_memory_bytes,
            _ => limit_bytes,
        };
        let client_bytes_max = match (memory_bytes, share) {
            (0, _) => u64::MAX,
            (_, MemoryShare::Bytes(0)) => memory_bytes,
            _ => (memory_bytes / CLIENT_PART)
                .max(budget_bytes)
                .max(SHARE_BYTES_MIN),
        };
        self.client_bytes_max = usize::try_from(client_bytes_max).unwrap_or(usize::MAX);
        self.stats_mut().gauges.client_buffers_limit_bytes = budget_bytes;
        self.note_shortage();
    }

    /// What a client's output may grow to, in bytes it has not taken.
    pub(super) fn output_bytes_max(&self) -> usize {
        self.hard_output_bytes().unwrap_or(self.client_bytes_max)
    }

    /// A reply would have been too large, and nothing of it is there. Under the hard limit of
    /// `client-output-buffer-limit` the client is closed, as in Redis; else it is told.
    #[cold]
    pub(super) fn refuse_reply(&mut self, id: ConnectionId) {
        if self.hard_output_bytes().is_some() {
            return self.end_for_output(id);
        }
        let session = self.engine.session(self.clients[id].session);
        log::warn!(
            "client {} at {} asked for a reply of more than {} bytes",
            session.id,
            session.peer.address,
            self.client_bytes_max
        );
        self.write_to(id, |reply| reply.error(&REPLY_TOO_LARGE));
        self.engine.stats_mut().count_error(REPLY_TOO_LARGE.code());
    }

    /// Ends a client whose transaction has grown too large, after it was counted.
    #[cold]
    pub(super) fn check_transaction(&mut self, id: ConnectionId) {
        let connection = &self.clients[id];
        let session = self.engine.session(connection.session);
        let is_too_large = session.transaction.used_bytes() > self.client_bytes_max;
        if is_too_large && !connection.is_closing() && !session.is_primary {
            log::warn!(
                "closing client {} at {}: its transaction takes more than {} bytes",
                session.id,
                session.peer.address,
                self.client_bytes_max
            );
            self.end_with_error(id, &REQUEST_TOO_LARGE);
        }
    }
}
