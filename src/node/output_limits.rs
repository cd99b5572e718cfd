//! `client-output-buffer-limit`: ends clients that leave too many replies waiting.
//!
//! ```text
//!  output ≥ hard ──▶ closed
//!  output ≥ soft ──▶ timer of soft seconds ──▶ closed, unless it was below soft meanwhile
//! ```
//!
//! A connection is looked at after requests were executed for it or messages delivered to it, and
//! only if more output waits than the least limit ([`Node::output_floor_bytes`]): without limits
//! that is never.
//!
//! Not here: that a slow reader is not read from (`connection.rs`, `OUTPUT_MARK_BYTES`).

use super::timers::Timer;
use super::{ConnectionId, Node};
use crate::config::{Config, OutputLimit};
use crate::session::Session;

/// The limit a client is held to, which is of the class "pubsub" while it listens to channels.
fn limit_of(config: &Config, session: &Session) -> OutputLimit {
    let limits = &config.client_output_buffer_limit;
    match session.is_subscriber() {
        true => limits.pubsub,
        false => limits.normal,
    }
}

/// The least number of waiting bytes that any limit concerns.
pub(super) fn floor_bytes(config: &Config) -> usize {
    let limits = &config.client_output_buffer_limit;
    let limits = [limits.normal, limits.pubsub].into_iter();
    let limits = limits.flat_map(|limit| [limit.hard_bytes, limit.soft_bytes]);
    let least = limits.filter(|&bytes| bytes > 0).min();
    least.map_or(usize::MAX, |bytes| bytes as usize)
}

impl Node {
    /// Looks at a connection whose output has reached the floor.
    #[cold]
    pub(super) fn check_output(&mut self, id: ConnectionId) {
        let Some(connection) = self.clients.get(id) else {
            return;
        };
        let session = self.engine.session(connection.session);
        let limit = limit_of(self.engine.config(), session);
        let output_bytes = connection.output.len() as u64;
        let has_timer = connection.output_timer.is_some();
        if limit.hard_bytes > 0 && output_bytes >= limit.hard_bytes {
            self.end_for_output(id);
        } else if limit.soft_bytes > 0 && output_bytes >= limit.soft_bytes && !has_timer {
            let soft_ms = limit.soft_seconds.saturating_mul(1000);
            let at_ms = self.engine.now().monotonic_ms().saturating_add(soft_ms);
            let timer = self.set_timer(at_ms, Timer::Output(id));
            self.clients[id].output_timer = Some(timer);
        }
    }

    /// Forgets that a connection was over the soft limit, if it has taken enough since.
    #[cold]
    pub(super) fn release_output_timer(&mut self, id: ConnectionId) {
        let soft_bytes = self.soft_bytes(id);
        let connection = &mut self.clients[id];
        if (connection.output.len() as u64) < soft_bytes || soft_bytes == 0 {
            let timer = connection.output_timer.take();
            self.cancel_timer(timer);
        }
    }

    /// The soft limit's time is up.
    pub(super) fn output_timer_fired(&mut self, id: ConnectionId) {
        if self.clients.get(id).is_some() {
            let soft_bytes = self.soft_bytes(id);
            let connection = &mut self.clients[id];
            connection.output_timer = None;
            if soft_bytes > 0 && connection.output.len() as u64 >= soft_bytes {
                self.end_for_output(id);
            }
        }
    }

    fn soft_bytes(&self, id: ConnectionId) -> u64 {
        let session = self.engine.session(self.clients[id].session);
        limit_of(self.engine.config(), session).soft_bytes
    }

    /// The hard limit of what is answered to a client, if there is one.
    pub(super) fn hard_output_bytes(&self) -> Option<usize> {
        let hard_bytes = (self.engine.config().client_output_buffer_limit.normal).hard_bytes;
        (hard_bytes > 0).then(|| usize::try_from(hard_bytes).unwrap_or(usize::MAX))
    }

    pub(super) fn end_for_output(&mut self, id: ConnectionId) {
        let connection = &self.clients[id];
        let session = self.engine.session(connection.session);
        log::warn!(
            "client {} at {} scheduled to be closed ASAP for overcoming of output buffer limits \
             (client-output-buffer-limit)",
            session.id,
            session.peer.address,
        );
        let counters = &mut self.stats_mut().counters;
        counters.client_output_buffer_limit_disconnections += 1;
        let connection = &mut self.clients[id];
        connection.output.clear();
        self.engine.abandon_read(connection.session);
        self.note_buffers(id);
        self.clients.close_soon(id);
    }
}
