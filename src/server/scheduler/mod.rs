//! One turn of the loop: who is served, in which order, and for how long.
//!
//! ```text
//!  events ─▶ light ─▶ serve: each once  ┐
//!            new ───▶ … until 300 µs    ├▶ work ▶ long reads ▶ snapshot ▶ disk ▶ write ▶ doors
//!            heavy ─▶ … are over        ┘                                          pages ▶ ▲
//!            parting ──────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Readiness is edge-triggered: an event says that something changed, once. Each link therefore
//! remembers whether it may be readable, until a read says otherwise: it would block, or it
//! returned fewer bytes than there was room for (on a stream that means the same, see epoll(7)).
//!
//! Clients that come and clients that go cost system calls, thousands of them when a fleet of
//! programs restarts. Both are bounded by time and come after the clients that stay: a client that
//! waits for a reply has it before anybody is accepted or seen off. Pipelines wait as well: clients
//! that send one request and wait for its reply are served first.
//!
//! A reply of many megabytes is written in pieces, and a message that goes to ten thousand clients
//! to some dozens of them a turn: meanwhile whoever waits for an answer gets it.
//!
//! Invariants: in one turn a client is read once at most and executed up to the node's bound, and
//! its replies are written once, [`WRITE_BYTES_MAX`] at most; what is left of them and what others
//! cause is written for [`UNHURRIED_SLICE_US`], to one client at least; work takes about
//! [`WORK_SLICE_US`], accepting and taking leave [`DOOR_SLICE_US`] each or the [`DOOR_SHARE`]th
//! part of the turn. Tested with simulated clients, network and time in `tests/sim/`.
//!
//! Cost: a few loads and a push a served client; the clock is asked between steps only.
//!
//! Not here: sockets, polling, signals (`sockets.rs`, `reactor.rs`); what is done with the bytes
//! (`node/`).

mod pages;
mod primary;

use super::edge::Edge;
use super::links::{LinkId, Links, Pace, Talker};
use crate::base::clock::Timestamp;
use crate::node::{ConnectionId, Node};
use crate::stats::turns::TurnParts;
use std::collections::VecDeque;
use std::io::ErrorKind;

/// Time for new clients in a turn, and for clients that have gone: some 20 of each, while others
/// notice it as little as they do [`WORK_SLICE_US`].
const DOOR_SLICE_US: u64 = 200;

/// In a turn that is long anyway, new clients and parting ones get this part of its time each, so
/// that a busy server neither turns clients away nor keeps dead ones.
const DOOR_SHARE: u64 = 4;

/// A client that sends so many bytes at once sends a pipeline or large values. Such clients are
/// served after those that wait for the answer to one request, and after new ones, which may be
/// either …
const HEAVY_READ_BYTES: usize = 1024;

/// … and in a turn until it has taken so long: a client that comes meanwhile waits no longer than
/// this, however many pipelines there are.
const HEAVY_SLICE_US: u64 = 300;

/// Time for expiry, freeing and timers in a turn, while there is that much to do.
const WORK_SLICE_US: u64 = 100;

/// Time for a snapshot in a turn in which no client wanted anything. Short, because the next poll
/// costs next to nothing and a client may have come meanwhile.
const SAVE_SLICE_US: u64 = 60;

/// A snapshot gets this part of the time that clients take, so that they keep five sixths of
/// their throughput.
const SAVE_SHARE: u64 = 5;

/// Most time that a snapshot takes in one turn, however long the clients' part of it was.
const SAVE_CREDIT_MAX_US: u64 = 400;

/// Time for long reads in a turn, at least and at most; in between they take a quarter of the time
/// that clients took in this turn.
const READ_SLICE_MIN_US: u64 = 60;
const READ_SLICE_MAX_US: u64 = 250;
const READ_SHARE: u64 = 4;

/// Time for a command that has the keyspace to itself in a turn: everybody else who touches keys
/// waits for its end, and whoever does not waits for two such slices at most: for the one in which
/// the request came, and for that of the turn that serves it. A turn without clients takes some
/// microseconds, so a longer slice would help the command by a hundredth.
const JOB_SLICE_US: u64 = 250;

/// Bytes that are written to a socket at once: a value of 1 MiB and what stands around it, some
/// 200 µs. With less, the replies of many clients that ask for such values are there at a time, and
/// none of them in the cache: docs/design/0005-large-values.md has the figures.
const WRITE_BYTES_MAX: usize = (1 << 20) + (64 << 10);

/// Time in a turn for output that nobody waits for.
const UNHURRIED_SLICE_US: u64 = 300;

/// Output that is written at once instead of at the end of the turn: it is still in the cache, and
/// the next connection's goes into the same memory.
const WRITE_AT_ONCE_BYTES: usize = 64 * 1024;

/// Serves clients turn by turn. See the module header.
pub struct Scheduler<E> {
    node: Node,
    edge: E,
    links: Links,
    /// Listeners that may have more clients than one turn accepts.
    has_waiting: Vec<bool>,
    /// Accepting failed, and may succeed when a connection has ended.
    is_accept_stuck: bool,
    /// Links to be served, by their pace. New and heavy ones may wait for the next turn.
    light: Vec<LinkId>,
    new: VecDeque<LinkId>,
    heavy: VecDeque<LinkId>,
    /// Links to be served whose clients have ended their side.
    parting: VecDeque<LinkId>,
    /// Links of pages to be read and written.
    pages: VecDeque<LinkId>,
    /// The link to a primary, if this is a replica.
    primary: Option<LinkId>,
    /// It may have sent something.
    is_primary_readable: bool,
    /// Connections that the node has ended and whose sockets are still open.
    closing: VecDeque<ConnectionId>,
    /// Time that a snapshot may take.
    save_credit_us: u64,
}

impl Pace {
    /// The pace of a link that has sent so many bytes at once.
    fn of_read(count: usize) -> Self {
        if count >= HEAVY_READ_BYTES {
            Self::Heavy
        } else {
            Self::Light
        }
    }
}

impl<E: Edge> Scheduler<E> {
    /// A scheduler without clients, for as many listeners as the edge has.
    pub fn new(node: Node, edge: E, listener_count: usize) -> Self {
        let reserved = node.reserved_connections();
        Self {
            node,
            edge,
            links: Links::with_capacity(reserved),
            has_waiting: vec![true; listener_count],
            is_accept_stuck: false,
            light: Vec::new(),
            new: VecDeque::new(),
            heavy: VecDeque::new(),
            parting: VecDeque::new(),
            pages: VecDeque::new(),
            primary: None,
            is_primary_readable: false,
            closing: VecDeque::new(),
            save_credit_us: 0,
        }
    }

    /// The server behind the sockets.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// The server behind the sockets, for change.
    pub fn node_mut(&mut self) -> &mut Node {
        &mut self.node
    }

    /// The world outside.
    pub fn edge(&self) -> &E {
        &self.edge
    }

    /// The world outside, for change.
    pub fn edge_mut(&mut self) -> &mut E {
        &mut self.edge
    }

    /// Both at once.
    pub fn parts_mut(&mut self) -> (&mut Node, &mut E) {
        (&mut self.node, &mut self.edge)
    }

    /// Makes room for as many links as `maxclients` allows by now.
    pub fn reserve_links(&mut self) {
        self.links.reserve(self.node.reserved_connections());
    }

    /// Whether the next turn should begin without waiting for events.
    pub fn is_busy(&mut self, now: Timestamp) -> bool {
        !self.light.is_empty()
            || !self.new.is_empty()
            || !self.heavy.is_empty()
            || self.has_waiting.contains(&true)
            || self.has_leaving()
            || self.has_page_work()
            || self.has_primary_work()
            || self.node.has_unhurried()
            || self.node.is_busy(now)
    }

    /// Takes note that clients may wait at a listener, if it is still there.
    pub fn note_waiting(&mut self, listener: usize) {
        if let Some(has_waiting) = self.has_waiting.get_mut(listener) {
            *has_waiting = true;
        }
    }

    /// Takes note that there are other listeners, where clients may have come already.
    pub fn set_listener_count(&mut self, count: usize) {
        self.has_waiting = vec![true; count];
    }

    /// Takes note that a link may be readable; `is_closed` if its other side has ended or failed.
    pub fn note_readable(&mut self, id: LinkId, is_closed: bool) {
        if self.primary == Some(id) {
            self.is_primary_readable = true;
        } else if let Some(link) = self.links.get_mut(id) {
            link.is_readable = true;
            link.is_read_closed |= is_closed;
            self.enqueue(id);
        }
    }

    /// Writes to a link that has become writable.
    pub fn note_writable(&mut self, id: LinkId, now: Timestamp) {
        match self.talker_of(id) {
            Some(Talker::Client(client)) => self.write_one(client, now),
            Some(Talker::Page(_)) => self.enqueue(id),
            Some(Talker::Primary) => self.write_primary(id, now),
            None => {}
        }
    }

    /// Takes note that nobody is there any more to read what is written to a link.
    pub fn note_gone(&mut self, id: LinkId) {
        let is_unread = match self.talker_of(id) {
            // A client that waits is not read from, so nothing else would tell.
            Some(Talker::Client(client)) => self.node.is_waiting(client),
            Some(Talker::Page(_)) => true,
            // Reading tells, after what came before.
            Some(Talker::Primary) | None => false,
        };
        if is_unread {
            self.drop_link(id);
        }
    }

    /// One turn, after the events were noted; `is_idle` if there were none. Returns how long its
    /// parts took.
    pub fn turn(&mut self, now: Timestamp, is_idle: bool) -> TurnParts {
        self.serve(now);
        let served_us = self.edge.monotonic_us();
        let worked_us = self.work(now, served_us);
        let worked_us = self.edge.work(now, worked_us);
        let read_us = self.read_on(now, worked_us);
        let saved_us = self.save(now, is_idle, read_us);
        self.edge.exchange_with_disk(&mut self.node, now);
        self.write(now);
        self.serve_pages(now);
        self.serve_primary(now);
        self.accept(now);
        self.take_leave(now);
        TurnParts {
            serve_us: served_us - now.monotonic_us,
            work_us: worked_us - served_us,
            read_us: read_us - worked_us,
            save_us: saved_us - read_us,
            write_us: self.edge.monotonic_us() - saved_us,
        }
    }

    /// Closes all connections.
    pub fn close_all(&mut self) {
        for client in self.node.connection_ids() {
            if let Some((id, _)) = self.links.of_client(client) {
                self.drop_link(id);
            }
        }
        for page in self.node.page_ids() {
            if let Some((id, _)) = self.links.of_page(page) {
                self.drop_link(id);
            }
        }
    }

    fn talker_of(&mut self, id: LinkId) -> Option<Talker> {
        self.links.get_mut(id).map(|link| link.talker)
    }

    fn enqueue(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(id)
            && !link.is_queued
        {
            link.is_queued = true;
            match link.pace {
                _ if matches!(link.talker, Talker::Page(_)) => self.pages.push_back(id),
                _ if link.is_read_closed => self.parting.push_back(id),
                Pace::New => self.new.push_back(id),
                Pace::Light => self.light.push(id),
                Pace::Heavy => self.heavy.push_back(id),
            }
        }
    }

    /// Gives every light link one go, then new and heavy ones until one slice of time is over.
    /// Those with more to do come again next turn.
    fn serve(&mut self, now: Timestamp) {
        self.enqueue_ready();
        let end_us = now.monotonic_us + HEAVY_SLICE_US;
        let mut light = std::mem::take(&mut self.light).into_iter();
        for id in light.by_ref() {
            self.serve_one(id, now);
            // A client that is found out to send much may use up the slice, too.
            if self.is_heavy(id) && self.edge.monotonic_us() >= end_us {
                break;
            }
        }
        self.light.extend(light);
        // One of each at least, however long the others took.
        self.serve_until(end_us, now, |scheduler| &mut scheduler.new);
        self.serve_until(end_us, now, |scheduler| &mut scheduler.heavy);
        self.enqueue_ready();
    }

    /// Gives links of a queue one go each until that time, one link at least. Those that come again
    /// meanwhile wait for the next turn.
    #[inline]
    fn serve_until(
        &mut self,
        end_us: u64,
        now: Timestamp,
        queue: impl Fn(&mut Self) -> &mut VecDeque<LinkId>,
    ) {
        for _ in 0..queue(self).len() {
            let Some(id) = queue(self).pop_front() else {
                break;
            };
            self.serve_one(id, now);
            if self.edge.monotonic_us() >= end_us {
                break;
            }
        }
    }

    fn is_heavy(&mut self, id: LinkId) -> bool {
        let link = self.links.get_mut(id);
        link.is_some_and(|link| link.pace == Pace::Heavy)
    }

    /// Queues those that have requests left from the turn before.
    fn enqueue_ready(&mut self) {
        for client in self.node.take_ready_list() {
            if let Some((id, link)) = self.links.of_client(client) {
                link.pace = Pace::Heavy;
                self.enqueue(id);
            }
        }
    }

    fn serve_one(&mut self, id: LinkId, now: Timestamp) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        let Talker::Client(client) = link.talker else {
            // Pages have a row of their own.
            return;
        };
        link.is_queued = false;
        self.node.resume(client, now);
        self.edge.executed(&mut self.node, client);
        self.read(id, client, now);
        if self.node.has_to_stand_still() {
            self.edge.stand_still(self.node.take_sleep_us());
        }
        self.write_large(client, now);
    }

    /// Reads once, if there is something to read and the node wants it.
    fn read(&mut self, id: LinkId, client: ConnectionId, now: Timestamp) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        if !link.is_readable || !self.node.may_read(client) {
            self.end_if_parted(id, client);
            return;
        }
        let buffer = self.node.read_buffer(client);
        match self.edge.read(id, buffer) {
            Ok(0) => {
                link.is_readable = false;
                self.node.end_of_input(client);
            }
            Ok(count) => {
                link.pace = Pace::of_read(count);
                // After a short read there is nothing more, unless the end of the stream is.
                link.is_readable = count == buffer.len() || link.is_read_closed;
                self.node.received(client, count, now);
                self.edge.executed(&mut self.node, client);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => link.is_readable = false,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => {
                self.drop_link(id);
                return;
            }
        }
        let is_readable = self.links.get_mut(id).is_some_and(|link| link.is_readable);
        if is_readable && self.node.may_read(client) {
            self.enqueue(id);
        } else {
            self.end_if_parted(id, client);
        }
    }

    /// Ends a client that waits for keys and will send nothing more: it is not read from, so
    /// nothing else would tell, and what it would take is for others.
    fn end_if_parted(&mut self, id: LinkId, client: ConnectionId) {
        let link = self.links.get_mut(id);
        if link.is_some_and(|link| link.is_read_closed) && self.node.waits_for_keys(client) {
            self.node.end_of_input(client);
        }
    }

    /// Expiry, freeing and timers, for about one slice of time from `begin_us` on. Returns when it
    /// ended; as the parts below, it asks the clock only after it has worked.
    fn work(&mut self, now: Timestamp, begin_us: u64) -> u64 {
        let mut at_us = begin_us;
        while self.node.work_some(now) {
            at_us = self.edge.monotonic_us();
            if at_us >= begin_us + WORK_SLICE_US {
                break;
            }
        }
        at_us
    }

    /// Goes on with a command that has the keyspace to itself, and with the long reads of clients
    /// that wait for them.
    fn read_on(&mut self, now: Timestamp, begin_us: u64) -> u64 {
        let taken_us = begin_us - now.monotonic_us;
        let share_us = taken_us / READ_SHARE;
        let end_us = begin_us + share_us.clamp(READ_SLICE_MIN_US, READ_SLICE_MAX_US);
        let mut at_us = begin_us;
        while at_us < begin_us + JOB_SLICE_US && self.node.has_job() {
            self.node.job_some(now);
            at_us = self.edge.monotonic_us();
        }
        while at_us < end_us && self.node.is_reading() {
            self.node.read_some(now);
            at_us = self.edge.monotonic_us();
        }
        at_us
    }

    /// Goes on with a snapshot: for a short slice if no client wanted anything in this turn, else
    /// for a share of the time that clients have taken since the last step.
    fn save(&mut self, now: Timestamp, is_idle: bool, mut begin_us: u64) -> u64 {
        if !self.node.is_saving() {
            return begin_us;
        }
        if is_idle {
            self.save_credit_us = SAVE_SLICE_US;
        } else {
            let share_us = (begin_us - now.monotonic_us) / SAVE_SHARE;
            self.save_credit_us = (self.save_credit_us + share_us).min(SAVE_CREDIT_MAX_US);
        }
        while self.save_credit_us >= SAVE_SLICE_US && self.node.save_some(now) {
            let end_us = self.edge.monotonic_us();
            let used_us = (end_us - begin_us).max(1);
            self.save_credit_us = self.save_credit_us.saturating_sub(used_us);
            begin_us = end_us;
        }
        begin_us
    }

    /// Ends a link, and the connection of the client that is at its other end.
    fn drop_link(&mut self, id: LinkId) {
        let Some(talker) = self.links.remove(id) else {
            return;
        };
        self.edge.close(id);
        match talker {
            Talker::Client(client) => self.node.closed(client),
            Talker::Page(page) => self.node.page_closed(page),
            // Its end is told where it is read.
            Talker::Primary => {}
        }
        if std::mem::take(&mut self.is_accept_stuck) {
            self.has_waiting.fill(true);
        }
    }
}

/// Clients that come and clients that go.
impl<E: Edge> Scheduler<E> {
    /// Until when new clients, or parting ones, may take time in a turn that began at `now`.
    fn door_closes_us(&self, now: Timestamp) -> u64 {
        let begin_us = self.edge.monotonic_us();
        let turn_us = begin_us.saturating_sub(now.monotonic_us);
        begin_us + DOOR_SLICE_US.max(turn_us / DOOR_SHARE)
    }

    /// Accepts clients of all listeners in turn, for about one slice of time.
    fn accept(&mut self, now: Timestamp) {
        if !self.has_waiting.contains(&true) {
            return;
        }
        let end_us = self.door_closes_us(now);
        let maxclients = self.node.engine().config().maxclients as usize;
        while self.has_waiting.contains(&true) && self.edge.monotonic_us() < end_us {
            if self.node.connection_count() >= maxclients && self.has_leaving() {
                // Nobody is refused for want of a place that is about to be free.
                return;
            }
            for listener in 0..self.has_waiting.len() {
                if self.has_waiting[listener] {
                    self.accept_one(listener, now);
                }
            }
        }
    }

    fn has_leaving(&self) -> bool {
        !self.parting.is_empty() || !self.closing.is_empty()
    }

    /// Accepts one client; if none waits, or none can be served now, notes that.
    fn accept_one(&mut self, listener: usize, now: Timestamp) {
        let keepalive_s = self.node.engine().config().tcp_keepalive_seconds;
        let peer = match self.edge.accept(listener, keepalive_s) {
            Ok(peer) => peer,
            Err(error) => return self.accept_failed(listener, &error),
        };
        let accepted = match self.edge.is_for_pages(listener) {
            true => self.node.page_accepted(&peer, now).map(Talker::Page),
            false => self.node.accepted(peer, now).map(Talker::Client),
        };
        let talker = match accepted {
            Ok(talker) => talker,
            Err(refusal) => return self.edge.refuse(refusal.reply),
        };
        let id = self.links.insert(talker);
        if let Err(error) = self.edge.admit(id, talker) {
            log::warn!("cannot watch a client's socket: {error}");
            self.drop_link(id);
        } else if self.edge.may_have_sent(id) {
            self.note_readable(id, false);
        }
    }

    fn accept_failed(&mut self, listener: usize, error: &std::io::Error) {
        let is_over = error.kind() == ErrorKind::WouldBlock;
        let is_transient = matches!(
            error.kind(),
            ErrorKind::Interrupted | ErrorKind::ConnectionAborted
        );
        if !is_transient {
            self.has_waiting[listener] = false;
            // Out of descriptors, say: clients wait that no event will tell of again.
            self.is_accept_stuck |= !is_over;
        }
        if !is_over && !is_transient {
            log::warn!("cannot accept a client: {error}");
        }
    }

    /// Serves clients that have ended their side and closes sockets, for about one slice of time:
    /// what such a client has sent is answered to the last request, but no client that may want
    /// more waits for it.
    fn take_leave(&mut self, now: Timestamp) {
        self.closing.extend(self.node.take_close_list());
        if !self.has_leaving() {
            return;
        }
        let end_us = self.door_closes_us(now);
        // First the sockets, because each parting client becomes one more of them.
        while let Some(client) = self.closing.pop_front() {
            if let Some((id, _)) = self.links.of_client(client) {
                self.edge.drain(id);
                self.drop_link(id);
            }
            if self.edge.monotonic_us() >= end_us {
                break;
            }
        }
        self.serve_until(end_us, now, |scheduler| &mut scheduler.parting);
        self.write_replies(now);
        self.closing.extend(self.node.take_close_list());
    }
}

/// Writing: replies in the turn that makes them, everything else as far as there is time.
///
/// ```text
///  output list    replies of this turn ─▶ each once, a MiB at most ───┐ the rest, if the socket
///  unhurried row  messages of others   ─▶ … until 300 µs are over     │ took all it was given
///                    ▲────────────────────────────────────────────────┘
/// ```
///
/// What a socket does not take waits until an event says that it is writable.
impl<E: Edge> Scheduler<E> {
    /// Writes to every client that has replies, then to others for about one slice of time.
    pub fn write(&mut self, now: Timestamp) {
        self.write_replies(now);
        if self.node.has_unhurried() {
            self.write_row(now);
        }
    }

    /// Writes to everybody what the sockets take, however long that is: before the end.
    pub fn write_all(&mut self, now: Timestamp) {
        self.write_replies(now);
        while let Some(client) = self.node.next_unhurried() {
            self.write_one(client, now);
        }
    }

    /// Writes to every client that has replies.
    fn write_replies(&mut self, now: Timestamp) {
        let list = self.node.take_output_list();
        for &id in &list {
            self.write_one(id, now);
        }
        self.node.return_output_list(list);
    }

    fn write_row(&mut self, now: Timestamp) {
        let end_us = self.edge.monotonic_us() + UNHURRIED_SLICE_US;
        while let Some(client) = self.node.next_unhurried() {
            self.write_one(client, now);
            if self.edge.monotonic_us() >= end_us {
                break;
            }
        }
    }

    /// Writes the output of a client that was just served, if it is large.
    #[inline]
    fn write_large(&mut self, client: ConnectionId, now: Timestamp) {
        if self.node.output(client).len() >= WRITE_AT_ONCE_BYTES {
            self.write_one(client, now);
        }
    }

    /// Writes a bounded number of bytes: at once, unless the output is in pieces.
    fn write_one(&mut self, client: ConnectionId, now: Timestamp) {
        let Some((id, _)) = self.links.of_client(client) else {
            return;
        };
        let mut room_bytes = WRITE_BYTES_MAX;
        loop {
            let output = self.node.output(client);
            if output.is_empty() {
                return;
            }
            if room_bytes == 0 {
                // No event will tell that the socket takes more.
                return self.node.write_unhurried(client);
            }
            let piece = &output[..output.len().min(room_bytes)];
            let piece_bytes = piece.len();
            match self.edge.write(id, piece) {
                Ok(count) => {
                    self.node.written(client, count, now);
                    room_bytes -= count;
                    if count < piece_bytes {
                        return;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {
                    return self.node.write_unhurried(client);
                }
                Err(_) => return self.drop_link(id),
            }
        }
    }
}
