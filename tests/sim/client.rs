//! One client, the network between it and the server, and what it still has to be told.
//!
//! ```text
//!  outgoing ─▶ to_server (the server's socket) ─▶ node
//!  checked  ◀─ to_client (the client's socket) ◀─ node
//! ```
//!
//! A veiled client speaks in records, as an encrypted one does: what it says is heard when a record
//! has come as a whole, and then it is no longer in the socket.
//!
//! Not here: when bytes move (`world.rs`), the server's view of the sockets (`network.rs`).

use super::model::{Session, Words, is_silencing};
use evenkeel::node::ConnectionId;
use evenkeel::server::LinkId;
use std::collections::VecDeque;

/// One client and its connection.
pub(crate) struct Client {
    /// Its link and its connection; `None` until the server has accepted it.
    pub(crate) admission: Option<(LinkId, ConnectionId)>,
    /// Its name in CLIENT LIST.
    pub(crate) address: String,
    pub(crate) session: Session,
    /// Requests sent, or on their way, whose replies the server has not made yet.
    pub(crate) unanswered: VecDeque<Words>,
    /// Bytes the client has still to put into its socket.
    pub(crate) outgoing: VecDeque<u8>,
    pub(crate) to_server: VecDeque<u8>,
    pub(crate) to_client: VecDeque<u8>,
    /// How much the client's socket holds.
    pub(crate) to_client_bytes_max: usize,
    /// Replies that the server has made and the client has not received.
    pub(crate) promised: VecDeque<u8>,
    /// Those of them that the server has not written.
    pub(crate) unwritten_bytes: usize,
    /// The client ends its side once everything is sent.
    pub(crate) ends_input: bool,
    /// Its end has arrived at the server's socket.
    pub(crate) is_end_sent: bool,
    /// The node was told so.
    pub(crate) is_end_read: bool,
    /// Its end of the connection is gone: the server's socket only fails.
    pub(crate) is_reset: bool,
    /// The client's socket was full, so its next read is an event for the server.
    pub(crate) is_blocked: bool,
    /// Whether the server holds the connection open.
    pub(crate) is_open: bool,
    /// Bytes it takes in one go.
    pub(crate) speed_bytes: usize,
    pub(crate) last_active_ms: u64,
    pub(crate) veil: Option<Veil>,
}

/// What lies between the socket of an encrypted client and the server.
pub(crate) struct Veil {
    /// How long a record is at most.
    pub(crate) record_bytes_max: usize,
    /// Lengths of the records that were sent and have not been opened.
    pub(crate) records: VecDeque<usize>,
    /// What was opened and not read.
    pub(crate) opened: VecDeque<u8>,
}

impl Client {
    pub(crate) fn new(address: String, now_ms: u64, room_bytes: usize) -> Self {
        Self {
            admission: None,
            address,
            session: Session::default(),
            unanswered: VecDeque::new(),
            outgoing: VecDeque::new(),
            to_server: VecDeque::new(),
            to_client: VecDeque::new(),
            to_client_bytes_max: room_bytes,
            promised: VecDeque::new(),
            unwritten_bytes: 0,
            ends_input: false,
            is_end_sent: false,
            is_end_read: false,
            is_reset: false,
            is_blocked: false,
            is_open: true,
            speed_bytes: 1,
            last_active_ms: now_ms,
            veil: None,
        }
    }

    /// Will send these bytes.
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        self.outgoing.extend(bytes);
        if let Some(veil) = &mut self.veil {
            let records = bytes.chunks(veil.record_bytes_max);
            veil.records.extend(records.map(<[u8]>::len));
        }
    }

    /// Reads from the server's socket; `opens_one` for a veil that is content with one record.
    pub(crate) fn read(&mut self, buffer: &mut [u8], opens_one: bool) -> usize {
        let Some(veil) = &mut self.veil else {
            return taken(&mut self.to_server, buffer);
        };
        let mut filled = taken(&mut veil.opened, buffer);
        while filled < buffer.len() && !(opens_one && filled > 0) {
            match veil.records.front() {
                Some(&bytes) if bytes <= self.to_server.len() => {
                    veil.opened.extend(self.to_server.drain(..bytes));
                    veil.records.pop_front();
                }
                Some(_) | None => break,
            }
            filled += taken(&mut veil.opened, &mut buffer[filled..]);
        }
        filled
    }

    /// Whether it waits to be accepted.
    pub(crate) fn is_waiting(&self) -> bool {
        self.is_open && self.admission.is_none()
    }

    /// Puts up to `count` bytes into the server's socket; returns whether that is an event for the
    /// server: there are new bytes, or the end has come.
    pub(crate) fn deliver(&mut self, count: usize) -> bool {
        const SOCKET_BYTES_MAX: usize = 200_000;
        let room = SOCKET_BYTES_MAX.saturating_sub(self.to_server.len());
        let count = count.min(self.outgoing.len()).min(room);
        self.to_server.extend(self.outgoing.drain(..count));
        let ends_now = self.is_input_over() && !self.is_end_sent;
        self.is_end_sent |= ends_now;
        self.is_open && (count > 0 || ends_now)
    }

    /// Whether the server will read nothing more after what is in its socket.
    pub(crate) fn is_input_over(&self) -> bool {
        self.ends_input && self.outgoing.is_empty()
    }

    /// Reads up to `count` bytes from the client's socket and compares them with what was
    /// promised; returns how many, or what is wrong.
    pub(crate) fn receive(&mut self, count: usize) -> Result<usize, String> {
        let count = count.min(self.to_client.len());
        if count > self.promised.len() {
            return Err(format!("{}: received more than the replies", self.address));
        }
        let received = self.to_client.drain(..count);
        if !received.eq(self.promised.drain(..count)) {
            return Err(format!(
                "{}: received other bytes than the replies",
                self.address
            ));
        }
        Ok(count)
    }

    /// Whether everything that was said on either side has been heard.
    pub(crate) fn is_settled(&self) -> bool {
        let is_heard = self.to_client.is_empty() && self.promised.is_empty();
        let is_opened = self.veil.as_ref().is_none_or(|veil| veil.opened.is_empty());
        let is_said = self.outgoing.is_empty() && self.to_server.is_empty() && is_opened;
        is_heard && (!self.is_open || (is_said && self.is_answered()))
    }

    /// Whether only requests are left that have no reply.
    fn is_answered(&self) -> bool {
        let mut requests = self.unanswered.iter();
        while let Some(words) = requests.next() {
            if !is_silencing(words) {
                return false;
            }
            requests.next();
        }
        true
    }
}

/// Moves bytes from the front of a queue; how many.
fn taken(from: &mut VecDeque<u8>, buffer: &mut [u8]) -> usize {
    let count = buffer.len().min(from.len());
    for (slot, byte) in buffer.iter_mut().zip(from.drain(..count)) {
        *slot = byte;
    }
    count
}
