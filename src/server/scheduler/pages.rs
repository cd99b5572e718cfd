//! Pages over HTTP within a turn: after the clients, and for one slice of time.
//!
//! ```text
//!  links that may be read or written ─▶ each once ─┐
//!  what the node has to do and to write ───────────┴▶ … until the slice is over ─▶ sockets closed
//! ```
//!
//! Invariant: at least one of each is served in a turn, however busy the clients are; a read takes
//! one head at most, a write [`WRITE_BYTES`].
//!
//! Not here: what is answered (`node/pages/`).

use super::{DOOR_SLICE_US, Scheduler};
use crate::base::clock::Timestamp;
use crate::node::PageId;
use crate::server::edge::Edge;
use crate::server::links::{LinkId, Talker};
use std::io::ErrorKind;

/// Time for pages in a turn.
const PAGE_SLICE_US: u64 = 100;

/// Bytes that are written to a page at once.
const WRITE_BYTES: usize = 64 * 1024;

const _: () = assert!(PAGE_SLICE_US <= DOOR_SLICE_US, "who looks on comes last");

impl<E: Edge> Scheduler<E> {
    /// Whether there is something to do for pages.
    pub(super) fn has_page_work(&self) -> bool {
        !self.pages.is_empty() || self.node.has_page_work() || self.node.has_closing_pages()
    }

    /// Reads, answers and writes pages for about one slice of time; returns how long it took.
    pub(super) fn serve_pages(&mut self, now: Timestamp) -> u64 {
        if !self.has_page_work() {
            return 0;
        }
        let begin_us = self.edge.monotonic_us();
        let end_us = begin_us + PAGE_SLICE_US;
        loop {
            let has_moved = self.move_page(now);
            let has_worked = self.node.work_on_pages(now);
            let written = self.node.next_page_to_write();
            if let Some((id, _)) = written.and_then(|page| self.links.of_page(page)) {
                self.write_page(id, now);
            }
            let is_idle = !has_moved && !has_worked && written.is_none();
            if is_idle || self.edge.monotonic_us() >= end_us {
                break;
            }
        }
        for page in self.node.take_closing_pages() {
            if let Some((id, _)) = self.links.of_page(page) {
                self.edge.drain(id);
                self.drop_link(id);
            }
        }
        self.edge.monotonic_us() - begin_us
    }

    /// Reads and writes the page whose turn it is; false if there is none.
    fn move_page(&mut self, now: Timestamp) -> bool {
        let Some(id) = self.pages.pop_front() else {
            return false;
        };
        if let Some(link) = self.links.get_mut(id) {
            link.is_queued = false;
            if let Talker::Page(page) = link.talker {
                self.read_page(id, page, now);
                self.write_page(id, now);
            }
        }
        true
    }

    fn read_page(&mut self, id: LinkId, page: PageId, now: Timestamp) {
        let is_readable = self.links.get_mut(id).is_some_and(|link| link.is_readable);
        if !is_readable || !self.node.page_may_read(page) {
            return;
        }
        let buffer = self.node.page_read_buffer(page);
        let room_bytes = buffer.len();
        let outcome = self.edge.read(id, buffer);
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        match outcome {
            Ok(0) => {
                link.is_readable = false;
                self.node.page_input_ended(page);
            }
            Ok(count) => {
                // After a short read there is nothing more, unless the end of the stream is.
                link.is_readable = count == room_bytes || link.is_read_closed;
                let may_come_again = link.is_readable;
                self.node.page_received(page, count, now);
                if may_come_again && self.node.page_may_read(page) {
                    self.enqueue(id);
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => link.is_readable = false,
            Err(error) if error.kind() == ErrorKind::Interrupted => self.enqueue(id),
            Err(_) => self.drop_link(id),
        }
    }

    /// Writes some of the output of a page. What is left, and what has come meanwhile, has its turn
    /// again.
    fn write_page(&mut self, id: LinkId, now: Timestamp) {
        let Some(Talker::Page(page)) = self.talker_of(id) else {
            return;
        };
        let output = self.node.page_output(page);
        if output.is_empty() {
            return;
        }
        let piece = &output[..output.len().min(WRITE_BYTES)];
        let piece_bytes = piece.len();
        match self.edge.write(id, piece) {
            Ok(count) => {
                self.node.page_written(page, count, now);
                let has_more = !self.node.page_output(page).is_empty();
                let is_readable = self.links.get_mut(id).is_some_and(|link| link.is_readable);
                let may_read = is_readable && self.node.page_may_read(page);
                // Where the socket took less, an event will tell when it takes more.
                if (has_more && count == piece_bytes) || may_read {
                    self.enqueue(id);
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => self.enqueue(id),
            Err(_) => self.drop_link(id),
        }
    }
}
