//! The way of messages to the outputs of clients: the one way for channels, key events, tracking
//! and MONITOR.
//!
//! ```text
//!  batch or step of work ─▶ mailbox ─▶ ≤ 64 recipients at once ─▶ Clients::deliver_to
//!                              │ more                                      │ too much unread
//!                              ▼                                           ▼
//!                           a job: 256 a step, between requests,         closed
//!                              │ while few outputs wait to be written
//!                              │ the mailbox is full
//!                              ▼
//!                           whoever causes more waits (`Holds::MAIL`)
//! ```
//!
//! A client in the middle of a long reply, or whose command goes on as a job, gets its messages
//! when the reply is complete.
//!
//! Invariants: letters are delivered in the order of the mailbox, and what is kept for the end of a
//! long reply before what comes later, so each client gets its messages in order; nobody waits for
//! a client that does not read: it is closed above the limit of its class, and a monitor above
//! [`MONITOR_BYTES_MAX`].
//!
//! Not here: what is in the mailbox (`messages/`), outputs (`buffers.rs`).

use super::connection::Holds;
use super::waiting::Awaited;
use super::{ConnectionId, Node};
use crate::messages::{Frame, Letter};
use std::collections::HashMap;
use std::sync::Arc;

/// Recipients who are served at once, before the next request is executed: about 20 µs.
const AT_ONCE_MAX: usize = 64;

/// Recipients of one step of work.
const STEP_MAX: usize = 256;

/// Outputs that wait to be written, from which on nothing more is delivered: what stands in them is
/// still in the cache when it is written, and messages wait once in the mailbox instead of once in
/// each output.
const UNWRITTEN_MAX: usize = STEP_MAX;

/// Output that a monitor may leave unread, in bytes: some ten thousand commands.
const MONITOR_BYTES_MAX: usize = 8 << 20;

/// Messages that are kept until a long reply is complete, in bytes a client.
const KEPT_BYTES_MAX: usize = 8 << 20;

/// Messages for a client in the middle of a long reply.
#[derive(Default)]
struct Kept {
    pieces: Vec<Arc<[u8]>>,
    bytes: usize,
}

/// What is kept for clients in the middle of long replies.
#[derive(Default)]
pub(super) struct KeptMessages {
    clients: HashMap<ConnectionId, Kept>,
}

impl KeptMessages {
    /// Forgets a client that has ended.
    pub(super) fn forget(&mut self, id: ConnectionId) {
        if !self.clients.is_empty() {
            self.clients.remove(&id);
        }
    }
}

impl Node {
    /// Delivers what was just caused, as far as few are concerned; the rest is left to
    /// [`Node::deliver_some`].
    #[inline]
    pub(super) fn deliver_at_once(&mut self) {
        if self.engine.has_letters() {
            self.deliver(AT_ONCE_MAX);
        }
    }

    /// Whether messages wait to be delivered.
    pub(super) fn has_letters(&self) -> bool {
        self.engine.has_letters()
    }

    /// Delivers to a bounded number of clients; returns true if there is more to do.
    pub(super) fn deliver_some(&mut self) -> bool {
        if self.engine.has_letters() {
            self.deliver(STEP_MAX);
        }
        if self.waiting.has(Awaited::Mail) && !self.engine.is_mailbox_full() {
            self.release_all(Awaited::Mail);
        }
        self.engine.has_letters() && self.may_deliver()
    }

    /// Whether outputs are written as fast as messages are delivered.
    fn may_deliver(&self) -> bool {
        self.clients.unhurried_len() < UNWRITTEN_MAX
    }

    /// Lets a client wait that has caused so much that it is still to be delivered.
    #[inline]
    pub(super) fn wait_for_mail(&mut self, id: ConnectionId) {
        if self.engine.is_mailbox_full() && !self.clients[id].holds.has(Holds::MAIL) {
            self.wait_for(id, Awaited::Mail);
        }
    }

    #[cold]
    fn deliver(&mut self, recipients_max: usize) {
        if !self.may_deliver() {
            return;
        }
        let mut left = recipients_max;
        while let Some(mut letter) = self.engine.take_letter() {
            while let Some(link) = letter.next_recipient() {
                self.deliver_one(ConnectionId::linked(link), &mut letter);
                left -= 1;
                if left == 0 {
                    if letter.has_recipients() {
                        self.engine.put_letter_back(letter);
                    }
                    return;
                }
            }
        }
    }

    fn deliver_one(&mut self, id: ConnectionId, letter: &mut Letter) {
        let Some(connection) = self.clients.get(id) else {
            return;
        };
        if connection.is_closing() {
            return;
        }
        let session = self.engine.session(connection.session);
        let (is_monitor, dialect) = (session.is_monitor, session.dialect);
        let is_in_reply = session.long_read.is_some() || self.engine.is_at_job(connection.session);
        let bytes = letter.in_dialect(dialect);
        if is_in_reply {
            return self.keep(id, &Arc::clone(bytes));
        }
        let output_bytes = connection.output.len() + bytes.len();
        if is_monitor && output_bytes > MONITOR_BYTES_MAX {
            log::warn!("a client in MONITOR reads too slowly and is closed");
            return self.end_for_output(id);
        }
        self.clients.deliver_to(id, bytes);
        if output_bytes >= self.output_floor_bytes {
            self.check_output(id);
        }
        self.note_buffers(id);
    }

    /// Keeps a message for the end of a long reply.
    #[cold]
    fn keep(&mut self, id: ConnectionId, bytes: &Arc<[u8]>) {
        let kept = self.kept_messages.clients.entry(id).or_default();
        kept.bytes += bytes.len();
        kept.pieces.push(Arc::clone(bytes));
        if kept.bytes > KEPT_BYTES_MAX {
            self.kept_messages.forget(id);
            self.end_for_output(id);
        }
    }

    /// The long reply of a client is complete: what was kept for it comes behind it.
    pub(super) fn deliver_kept(&mut self, id: ConnectionId) {
        if let Some(kept) = self.kept_messages.clients.remove(&id) {
            for bytes in &kept.pieces {
                self.clients.deliver_to(id, bytes);
            }
            if self.clients[id].output.len() >= self.output_floor_bytes {
                self.check_output(id);
            }
        }
    }

    /// Posts to the monitors what was executed since the last call.
    #[cold]
    pub(super) fn post_to_monitors(&mut self) {
        let (lines, is_cut) = self.engine.take_monitor_feed();
        if is_cut {
            for &id in &*Arc::clone(&self.monitors) {
                let monitor = self.clients.get(ConnectionId::linked(id));
                if monitor.is_some_and(|monitor| !monitor.is_closing()) {
                    log::warn!("a client in MONITOR can't be shown so much and is closed");
                    self.end_for_output(ConnectionId::linked(id));
                }
            }
        } else if !lines.is_empty() {
            let monitors = Arc::clone(&self.monitors);
            let mailbox = &mut self.engine.messages_mut().mailbox;
            mailbox.post_to_all(Frame::lines(&lines), &monitors);
        }
    }
}
