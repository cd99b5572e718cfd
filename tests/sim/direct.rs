//! A node and its clients without sockets and turns: what is sent is read when the node wants it,
//! work is done in single steps, and clients take as much output as they like.
//!
//! Not here: requests and what they should be answered (`caches.rs`, `collections.rs`,
//! `subscribers.rs`), replies as values (`reply.rs`).

use super::reply::{Reply, parse};
use evenkeel::node::{ConnectionId, Node};
use evenkeel::session::{Peer, Transport};
use evenkeel::{Config, Timestamp};
use fastrand::Rng;

/// One client.
#[derive(Default)]
struct Client {
    /// `None` if it has gone.
    id: Option<ConnectionId>,
    /// Bytes that the node has not read yet.
    outgoing: Vec<u8>,
    /// Bytes that it has taken, without the replies that were taken from here.
    incoming: Vec<u8>,
}

/// See the module header.
pub(crate) struct Direct {
    pub(crate) node: Node,
    pub(crate) now: Timestamp,
    clients: Vec<Client>,
    /// Connections whose clients send no more and take what there is.
    leaving: Vec<ConnectionId>,
}

impl Direct {
    pub(crate) fn new(config: Config) -> Self {
        let now = Timestamp::from_unix_ms(1_700_000_000_000);
        Self {
            node: Node::new(config, now),
            now,
            clients: Vec::new(),
            leaving: Vec::new(),
        }
    }

    /// A client comes; clients are numbered.
    pub(crate) fn accept(&mut self) -> usize {
        let number = self.clients.len();
        let peer = Peer {
            address: address(number).into(),
            local_address: "".into(),
            transport: Transport::Embedded,
            descriptor: -1,
            certified_name: None,
        };
        let id = self.node.accepted(peer, self.now).ok();
        assert!(id.is_some(), "there is room");
        self.clients.push(Client {
            id,
            ..Client::default()
        });
        number
    }

    /// How many clients there have been.
    pub(crate) fn client_count(&self) -> usize {
        self.clients.len()
    }

    pub(crate) fn is_there(&self, client: usize) -> bool {
        self.clients[client].id.is_some()
    }

    /// A client sends a line, which the node reads when it wants.
    pub(crate) fn send(&mut self, client: usize, line: &str) {
        let outgoing = &mut self.clients[client].outgoing;
        let words: Vec<&str> = line.split(' ').collect();
        outgoing.extend(format!("*{}\r\n", words.len()).bytes());
        for word in words {
            outgoing.extend(format!("${}\r\n{word}\r\n", word.len()).bytes());
        }
    }

    /// A client goes, politely or not.
    pub(crate) fn kill(&mut self, client: usize, random: &mut Rng) {
        let client = &mut self.clients[client];
        if let Some(id) = client.id.take() {
            client.outgoing.clear();
            if random.bool() {
                self.node.end_of_input(id);
                self.leaving.push(id);
            } else {
                self.node.closed(id);
            }
        }
    }

    /// One of the things that a turn consists of; false if nothing has moved.
    pub(crate) fn step(&mut self, random: &mut Rng) -> bool {
        match random.u8(0..6) {
            0 | 1 => {
                let client = random.usize(0..self.clients.len());
                self.feed(client)
            }
            2 => self.resume(),
            3 => self.node.work_some(self.now),
            4 => self.node.read_some(self.now),
            _ => {
                let has_job = self.node.has_job();
                self.node.job_some(self.now);
                has_job
            }
        }
    }

    /// The node reads once from a client.
    fn feed(&mut self, client: usize) -> bool {
        let client = &mut self.clients[client];
        let Some(id) = client.id.filter(|_| !client.outgoing.is_empty()) else {
            return false;
        };
        if !self.node.may_read(id) {
            return false;
        }
        let buffer = self.node.read_buffer(id);
        let count = buffer.len().min(client.outgoing.len());
        buffer[..count].copy_from_slice(&client.outgoing[..count]);
        client.outgoing.drain(..count);
        self.node.received(id, count, self.now);
        true
    }

    fn resume(&mut self) -> bool {
        for &id in &self.leaving {
            let count = self.node.output(id).len();
            if count > 0 {
                self.node.written(id, count, self.now);
            }
        }
        let ready = self.node.take_ready_list();
        for &id in &ready {
            self.node.resume(id, self.now);
        }
        let closed = self.node.take_close_list();
        self.leaving.retain(|id| !closed.contains(id));
        for &id in &closed {
            self.node.closed(id);
            for client in self
                .clients
                .iter_mut()
                .filter(|client| client.id == Some(id))
            {
                client.id = None;
            }
        }
        !ready.is_empty() || !closed.is_empty()
    }

    /// A client takes some of its output.
    pub(crate) fn take(&mut self, client: usize, count_max: usize) -> bool {
        let client = &mut self.clients[client];
        let Some(id) = client.id else {
            return false;
        };
        let output = self.node.output(id);
        let count = output.len().min(count_max);
        client.incoming.extend(&output[..count]);
        if count > 0 {
            self.node.written(id, count, self.now);
        }
        count > 0
    }

    /// Until everything is read, done and taken.
    pub(crate) fn settle(&mut self) {
        loop {
            let mut moves = self.resume();
            for client in 0..self.clients.len() {
                moves |= self.feed(client);
                moves |= self.take(client, usize::MAX);
            }
            moves |= self.node.tick(self.now);
            if !moves && !self.node.is_busy(self.now) {
                return;
            }
        }
    }

    /// Whether a client waits for nothing: all that it has sent was read.
    pub(crate) fn has_sent_all(&self, client: usize) -> bool {
        self.clients[client].outgoing.is_empty()
    }

    /// The whole replies and pushes that a client has taken since the last call.
    pub(crate) fn replies(&mut self, client: usize) -> Vec<Reply> {
        let incoming = &mut self.clients[client].incoming;
        let mut replies = Vec::new();
        let mut at = 0;
        while let Some((reply, len)) = parse(&incoming[at..]) {
            replies.push(reply);
            at += len;
        }
        incoming.drain(..at);
        replies
    }
}

/// The address of a client, as MONITOR shows it.
pub(crate) fn address(client: usize) -> String {
    format!("client:{client}")
}
