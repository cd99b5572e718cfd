//! Runs scripts against a whole server in this process: `Node`, without sockets, with its own
//! clock.
//!
//! Every request goes the way of a client's bytes: parser, batches, output. When the clock is
//! moved, the node is ticked as a reactor would, so due keys are removed and timers fire. A reload
//! goes through a disk in memory.
//!
//! Not here: the notation of scripts (`script.rs`), the other drivers (`tests/scripts.rs`).

use std::collections::BTreeMap;

use evenkeel::node::{ConnectionId, Node};
use evenkeel::persistence::{MemoryDisk, Storage, load_from};
use evenkeel::session::{Peer, Transport};
use evenkeel::{Config, Timestamp};

use super::Driver;

/// Requests go in pieces of this many bytes, so that nearly every one is cut somewhere.
const PIECE_BYTES: usize = 13;

/// A node, its clients by name, and its clock.
pub(crate) struct NodeDriver {
    node: Node,
    connections: BTreeMap<String, ConnectionId>,
    now: Timestamp,
}

impl NodeDriver {
    pub(crate) fn new() -> NodeDriver {
        let now = Timestamp::from_unix_ms(1_800_000_000_000);
        NodeDriver {
            node: Node::new(super::config_with_debug(), now),
            connections: BTreeMap::new(),
            now,
        }
    }

    fn connect(&mut self, name: &str) -> ConnectionId {
        let peer = Peer {
            address: format!("127.0.0.1:{}", 10_000 + self.connections.len()).into(),
            local_address: "127.0.0.1:6379".into(),
            transport: Transport::Tcp,
            descriptor: -1,
            certified_name: None,
        };
        let accepted = self.node.accepted(peer, self.now);
        let id = accepted.expect("fewer clients than maxclients");
        self.connections.insert(name.to_owned(), id);
        id
    }

    /// Hands bytes over as long as the node reads; the rest is what a socket would hold back.
    fn feed(&mut self, id: ConnectionId, bytes: &[u8]) {
        for piece in bytes.chunks(PIECE_BYTES) {
            if !self.node.may_read(id) {
                return;
            }
            let buffer = self.node.read_buffer(id);
            buffer[..piece.len()].copy_from_slice(piece);
            self.node.received(id, piece.len(), self.now);
            self.pass_sleep();
            self.work();
        }
    }

    /// Turns without reads, until nothing is left to do at this time.
    fn work(&mut self) {
        loop {
            for id in self.node.take_ready_list() {
                self.node.resume(id, self.now);
                self.pass_sleep();
            }
            let has_more = self.node.tick(self.now);
            if !has_more && !self.node.is_busy(self.now) {
                return;
            }
        }
    }

    /// Time passes by itself where the server would stand still.
    fn pass_sleep(&mut self) {
        let sleep_us = self.node.take_sleep_us();
        self.now = self.now.plus_ms(sleep_us / 1_000);
    }

    fn take_output(&mut self, id: ConnectionId) -> Vec<u8> {
        let mut replies = Vec::new();
        while !self.node.output(id).is_empty() {
            let output = self.node.output(id);
            let count = output.len();
            replies.extend_from_slice(output);
            self.node.written(id, count, self.now);
            self.work();
        }
        replies
    }

    fn close_listed(&mut self) {
        for id in self.node.take_close_list() {
            self.connections.retain(|_, other| *other != id);
            self.node.closed(id);
        }
    }
}

impl Driver for NodeDriver {
    fn is_evenkeel(&self) -> bool {
        true
    }

    fn can_move_the_clock(&self) -> bool {
        true
    }

    fn has_still_clock(&self) -> bool {
        true
    }

    fn can_reload(&self) -> bool {
        true
    }

    fn reset(&mut self) {
        *self = NodeDriver::new();
    }

    fn send(&mut self, connection: &str, words: &[Vec<u8>], _: usize) -> Vec<u8> {
        let id = match self.connections.get(connection) {
            Some(id) => *id,
            None => self.connect(connection),
        };
        if !words.is_empty() {
            let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
            for word in words {
                bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
                bytes.extend_from_slice(word);
                bytes.extend_from_slice(b"\r\n");
            }
            self.feed(id, &bytes);
        }
        let replies = self.take_output(id);
        self.close_listed();
        #[cfg(debug_assertions)]
        self.node.engine().check_invariants();
        replies
    }

    fn advance_ms(&mut self, span_ms: u64) {
        self.now = self.now.plus_ms(span_ms);
        self.work();
        self.close_listed();
    }

    /// Saves as the server does, in slices with a disk beside them, and goes on with a new node
    /// and new connections.
    fn reload(&mut self) {
        let mut disk = MemoryDisk::new();
        self.node.enable_saving(self.now);
        self.node.begin_save(self.now);
        while self.node.is_saving() {
            self.work();
            for (number, request) in self.node.take_storage_requests() {
                if let Some(report) = request.carry_out(&mut disk) {
                    self.node.storage_reported(number, report, self.now);
                }
            }
        }
        assert!(!self.node.has_save_failed());
        let now = self.now;
        *self = NodeDriver::new();
        self.now = now;
        self.node = Node::new(Config::default(), now);
        self.node.engine_mut().advance_to(now);
        let mut file = disk.open().expect("a disk in memory opens");
        let file = file.as_mut().expect("a snapshot was saved");
        load_from(self.node.engine_mut(), file, |_, _| {}).expect("it is whole");
        #[cfg(debug_assertions)]
        self.node.engine().check_invariants();
    }
}
