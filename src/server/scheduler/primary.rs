//! The link to a primary within a turn: after clients and pages, and for one slice of time.
//!
//! ```text
//!  what the node wants of the link ─▶ closed, connected
//!  read ─▶ carried out ─▶ read …     until the slice is over ─▶ written
//! ```
//!
//! Invariant: one piece of 16 KiB at least is read and carried out in a turn, however busy the
//! clients are.
//!
//! Not here: what is done with the bytes (`node/replica/`), finding its address (`sockets.rs`).

use super::Scheduler;
use crate::base::clock::Timestamp;
use crate::node::PrimaryTask;
use crate::server::edge::Edge;
use crate::server::links::{LinkId, Talker};
use core::net::SocketAddr;
use std::io::ErrorKind;

/// Time for a primary in a turn.
const PRIMARY_SLICE_US: u64 = 300;

impl<E: Edge> Scheduler<E> {
    /// Whether there is something to do for the primary.
    pub(super) fn has_primary_work(&mut self) -> bool {
        self.node.has_primary_work() || (self.is_primary_readable && self.node.primary_may_read())
    }

    /// Reads what a primary sends and has it carried out, for about one slice of time; returns how
    /// long that took while there is a link.
    pub(super) fn serve_primary(&mut self, now: Timestamp) -> u64 {
        match self.node.take_primary_task() {
            None => {}
            Some(PrimaryTask::Close) => self.close_primary(),
            Some(PrimaryTask::Connect(address)) => {
                self.close_primary();
                self.connect_primary(address, now);
            }
        }
        let Some(id) = self.primary else {
            // What has come of a link that broke may still have to be carried out.
            self.node.work_for_primary(now);
            return 0;
        };
        let begin_us = self.edge.monotonic_us();
        let end_us = begin_us + PRIMARY_SLICE_US;
        loop {
            let has_read = self.read_primary(id, now);
            let has_more = self.node.work_for_primary(now);
            let is_idle = !has_read && !has_more;
            if is_idle || self.edge.monotonic_us() >= end_us {
                break;
            }
        }
        self.write_primary(id, now);
        self.edge.monotonic_us() - begin_us
    }

    fn close_primary(&mut self) {
        self.is_primary_readable = false;
        if let Some(id) = self.primary.take() {
            self.links.remove(id);
            self.edge.close(id);
        }
    }

    fn connect_primary(&mut self, address: SocketAddr, now: Timestamp) {
        let id = self.links.insert(Talker::Primary);
        self.primary = Some(id);
        let config = self.node.engine().config();
        if let Err(error) = self.edge.connect(id, address, config) {
            self.lose_primary(&error.to_string(), now);
        }
    }

    fn lose_primary(&mut self, reason: &str, now: Timestamp) {
        self.close_primary();
        self.node.primary_lost(reason, now);
    }

    /// Reads once; false if nothing has come or nothing is wanted.
    fn read_primary(&mut self, id: LinkId, now: Timestamp) -> bool {
        if !self.is_primary_readable || !self.node.primary_may_read() {
            return false;
        }
        match self.edge.read(id, self.node.primary_read_buffer()) {
            Ok(0) => self.lose_primary("it has ended", now),
            Ok(count) => self.node.primary_received(count, now),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                self.is_primary_readable = false;
                if error.kind() != ErrorKind::WouldBlock {
                    self.lose_primary(&error.to_string(), now);
                }
                return false;
            }
        }
        true
    }

    /// Writes what there is for the primary; what its socket does not take waits.
    pub(super) fn write_primary(&mut self, id: LinkId, now: Timestamp) {
        if self.primary != Some(id) {
            return;
        }
        while !self.node.primary_output().is_empty() {
            match self.edge.write(id, self.node.primary_output()) {
                Ok(count) => self.node.primary_written(count),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    // A socket that is still being connected takes nothing, either.
                    let is_later = matches!(
                        error.kind(),
                        ErrorKind::WouldBlock | ErrorKind::NotConnected
                    );
                    if !is_later {
                        self.lose_primary(&error.to_string(), now);
                    }
                    return;
                }
            }
        }
    }
}
