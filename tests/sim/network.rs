//! The world outside as the server's scheduler sees it: clients' sockets, a clock, no disk.
//!
//! ```text
//!  client acts ─▶ events ─▶ scheduler ─▶ read, write, accept, close ─▶ checked against the model
//! ```
//!
//! Replies are checked where they are made (against the model, at the time of the turn) and where
//! they arrive (the same bytes in the same order). The first fault that is found stays in `error`.
//! The clock stands still within a turn, so that all work that is due is done.
//!
//! Not here: what the clients do (`world.rs`).

use super::client::{Client, Veil};
use super::model::Store;
use super::world::{Fault, Report};
use evenkeel::Timestamp;
use evenkeel::node::{ConnectionId, Node};
use evenkeel::server::{Edge, LinkId, Talker};
use evenkeel::session::{Peer, Transport};
use fastrand::Rng;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};

/// What the system would report of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Readable { link: LinkId, is_closed: bool },
    Writable(LinkId),
}

pub(crate) struct Network {
    pub(crate) now: Timestamp,
    pub(crate) random: Rng,
    pub(crate) fault: Fault,
    pub(crate) store: Store,
    pub(crate) clients: Vec<Client>,
    /// Reported to the scheduler before the next turn.
    pub(crate) events: Vec<Event>,
    pub(crate) timeout_ms: u64,
    pub(crate) connected_count: u64,
    pub(crate) accepted_count: u64,
    pub(crate) largest_reply_bytes: usize,
    pub(crate) report: Report,
    /// What went wrong first.
    pub(crate) error: Option<String>,
}

impl Network {
    /// A client that has connected and waits to be accepted.
    pub(crate) fn connect(&mut self) {
        self.connected_count += 1;
        let address = format!("client:{}", self.connected_count);
        let room_bytes = 1 << self.random.u32(6..17);
        let mut client = Client::new(address, self.now.monotonic_ms(), room_bytes);
        if self.random.bool() {
            client.veil = Some(Veil {
                record_bytes_max: 1 << self.random.u32(3..15),
                records: VecDeque::new(),
                opened: VecDeque::new(),
            });
        }
        self.clients.push(client);
    }

    /// Whether a client waits to be accepted.
    pub(crate) fn has_waiting(&self) -> bool {
        self.clients.iter().any(Client::is_waiting)
    }

    /// Moves bytes towards the server; returns whether that was an event for it.
    pub(crate) fn deliver(&mut self, index: usize, count: usize) -> bool {
        let client = &mut self.clients[index];
        let is_event = client.deliver(count);
        let is_closed = client.is_end_sent;
        if let (true, Some((link, _))) = (is_event, client.admission) {
            self.events.push(Event::Readable { link, is_closed });
        }
        is_event
    }

    /// Lets a client read from its socket.
    pub(crate) fn receive(&mut self, index: usize, count: usize) -> Result<(), String> {
        let client = &mut self.clients[index];
        let head = client.to_client.iter().take(count);
        let digest = head.fold(self.report.digest, |digest, &byte| {
            digest.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        let received = client.receive(count)?;
        self.report.digest = digest;
        if received > 0 && client.is_blocked && client.is_open {
            client.is_blocked = false;
            let (link, _) = client.admission.expect("who receives was accepted");
            self.events.push(Event::Writable(link));
        }
        Ok(())
    }

    /// The connection of a client breaks.
    pub(crate) fn reset(&mut self, index: usize) {
        let client = &mut self.clients[index];
        client.is_reset = true;
        self.report.resets += 1;
        match client.admission {
            Some((link, _)) => self.events.push(Event::Readable {
                link,
                is_closed: true,
            }),
            None => client.is_open = false,
        }
    }

    fn by_link(&mut self, link: LinkId) -> Option<&mut Client> {
        let mut clients = self.clients.iter_mut();
        clients.find(|client| client.admission.is_some_and(|(id, _)| id == link))
    }

    fn fail(&mut self, error: String) {
        self.error.get_or_insert(error);
    }

    /// Compares the replies that a client has been made since it was last looked at with the
    /// model's.
    fn compare(&mut self, node: &Node, id: ConnectionId) -> Result<(), String> {
        let mut clients = self.clients.iter_mut();
        let found = clients.find(|client| client.admission.is_some_and(|(_, its)| its == id));
        let client = found.ok_or("an unknown client was executed")?;
        let mut made = &node.output(id)[client.unwritten_bytes..];
        if !made.is_empty() {
            client.last_active_ms = self.now.monotonic_ms();
        }
        client.promised.extend(made);
        client.unwritten_bytes += made.len();
        self.report.reply_bytes += made.len() as u64;
        while !made.is_empty() {
            let Some(words) = client.unanswered.pop_front() else {
                return Err(format!("{}: a reply without a request", client.address));
            };
            let executed = self.store.execute(&mut client.session, &words, self.now);
            let expected = executed.map_err(|error| format!("{words:?}: {error}"))?;
            let Some(rest) = made.strip_prefix(expected.as_slice()) else {
                let shown = |bytes: &[u8]| bytes[..bytes.len().min(80)].escape_ascii().to_string();
                return Err(format!(
                    "{}: {:?} was answered {} instead of {}",
                    client.address,
                    words.iter().map(|word| shown(word)).collect::<Vec<_>>(),
                    shown(made),
                    shown(&expected)
                ));
            };
            self.report.replies += u64::from(!expected.is_empty());
            self.largest_reply_bytes = self.largest_reply_bytes.max(expected.len());
            made = rest;
        }
        Ok(())
    }

    /// Whether the server had a reason to close a client.
    fn check_close(&mut self, link: LinkId) -> Result<(), String> {
        let (now_ms, timeout_ms) = (self.now.monotonic_ms(), self.timeout_ms);
        let client = self.by_link(link).ok_or("a link without a client")?;
        client.is_open = false;
        if client.is_reset {
            return Ok(());
        }
        let silent_ms = now_ms - client.last_active_ms;
        let is_silent = timeout_ms > 0 && silent_ms >= timeout_ms;
        let is_over = client.session.is_over || client.is_end_read;
        if !is_silent && !is_over {
            return Err(format!("{}: closed without a reason", client.address));
        }
        let unwritten = client.unwritten_bytes;
        if unwritten > 0 && !is_silent {
            return Err(format!(
                "{}: closed with {unwritten} bytes unwritten",
                client.address
            ));
        }
        client.promised.truncate(client.promised.len() - unwritten);
        self.report.closes += 1;
        Ok(())
    }
}

impl Edge for Network {
    fn monotonic_us(&self) -> u64 {
        self.now.monotonic_us
    }

    fn read(&mut self, link: LinkId, buffer: &mut [u8]) -> io::Result<usize> {
        let opens_one = self.fault == Fault::OpensOneRecord;
        let client = self.by_link(link).ok_or(ErrorKind::NotConnected)?;
        if client.is_reset {
            return Err(ErrorKind::ConnectionReset.into());
        }
        let count = client.read(buffer, opens_one);
        if count == 0 {
            client.is_end_read = client.is_end_sent;
            return if client.is_end_sent {
                Ok(0)
            } else {
                Err(ErrorKind::WouldBlock.into())
            };
        }
        let has_rest = client
            .veil
            .as_ref()
            .is_some_and(|veil| !veil.opened.is_empty());
        self.report.hidden_rests += u64::from(has_rest);
        Ok(count)
    }

    fn write(&mut self, link: LinkId, bytes: &[u8]) -> io::Result<usize> {
        let is_lossy = self.fault == Fault::LosesBytes && self.random.u8(0..50) == 0;
        let now_ms = self.now.monotonic_ms();
        let client = self.by_link(link).ok_or(ErrorKind::NotConnected)?;
        if client.is_reset {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let room = client.to_client_bytes_max - client.to_client.len();
        let count = bytes.len().min(room);
        let lost = if is_lossy { count.min(7) } else { 0 };
        client.to_client.extend(&bytes[lost..count]);
        client.is_blocked = count < bytes.len();
        client.unwritten_bytes -= count;
        if count > 0 {
            client.last_active_ms = now_ms;
        }
        self.report.full_sockets += u64::from(count < bytes.len());
        if count == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        Ok(count)
    }

    fn drain(&mut self, _: LinkId) {}

    fn close(&mut self, link: LinkId) {
        if let Err(error) = self.check_close(link) {
            self.fail(error);
        }
    }

    fn accept(&mut self, _: usize, _: u32) -> io::Result<Peer> {
        let mut clients = self.clients.iter();
        let waiting = clients.find(|client| client.is_waiting());
        let client = waiting.ok_or(ErrorKind::WouldBlock)?;
        Ok(Peer {
            address: client.address.as_str().into(),
            local_address: "server:0".into(),
            transport: Transport::Tcp,
            descriptor: -1,
            certified_name: None,
        })
    }

    fn admit(&mut self, link: LinkId, talker: Talker) -> io::Result<()> {
        let Talker::Client(id) = talker else {
            panic!("nobody looks at pages here");
        };
        let now_ms = self.now.monotonic_ms();
        let mut clients = self.clients.iter_mut();
        let waiting = clients.find(|client| client.is_waiting());
        let client = waiting.expect("it was accepted just now");
        client.admission = Some((link, id));
        self.accepted_count += 1;
        client.last_active_ms = now_ms;
        // What has arrived before is an event as soon as the socket is watched; what came to an
        // encrypted client has been taken from its socket together with the handshake.
        let is_closed = client.is_end_sent;
        let is_heard = client.veil.is_none() && !client.to_server.is_empty();
        if is_closed || is_heard {
            self.events.push(Event::Readable { link, is_closed });
        }
        Ok(())
    }

    fn may_have_sent(&self, link: LinkId) -> bool {
        let mut clients = self.clients.iter();
        let is_veiled = |client: &Client| {
            client.veil.is_some() && client.admission.is_some_and(|(id, _)| id == link)
        };
        self.fault != Fault::ForgetsFirstRecords && clients.any(is_veiled)
    }

    fn refuse(&mut self, _: &[u8]) {
        self.fail("a client was refused, with fewer than maxclients".into());
    }

    fn exchange_with_disk(&mut self, _: &mut Node, _: Timestamp) {}

    fn stand_still(&mut self, _: u64) {}

    fn executed(&mut self, node: &mut Node, client: ConnectionId) {
        if let Err(error) = self.compare(node, client) {
            self.fail(error);
        }
    }
}
