//! The loop: one thread, one poll, bounded turns.
//!
//! ```text
//!  poll ─▶ clock ─▶ events ─▶ serve ready connections ─▶ work (expiry, freeing, timers) ─▶ write
//!   ▲                                                                                        │
//!   └──── timeout: ready or work left? 0 : next wake ◀── take leave ◀── accept ◀─────────────┘
//! ```
//!
//! Readiness is edge-triggered: an event says that something changed, once. Each connection
//! therefore remembers whether it may be readable, until a read says otherwise: it would block, or
//! it returned fewer bytes than there was room for (on a stream that means the same, see epoll(7)).
//!
//! Clients that come and clients that go cost system calls, thousands of them when a fleet of
//! programs restarts. Both are bounded by time and stand behind the clients that stay: whoever
//! waits for a reply has it before anybody is accepted or seen off.
//!
//! So does who sends much at once: clients that send a request and wait for its answer go first.
//!
//! Invariants: in one turn a connection is read once at most and executed up to the node's bound,
//! written once (what a socket did not take of more than [`WRITE_AT_ONCE_BYTES`], tried again); work takes
//! about [`WORK_SLICE_US`], accepting and taking leave [`DOOR_SLICE_US`] each or
//! the [`DOOR_SHARE`]th part of the turn. A token names slot and generation, so a late event reaches
//! nobody else.
//!
//! Not here: what is done with the bytes (`node/`).

use super::daemon::Daemon;
use super::disk::{Disk, Report, Task};
use super::large_blocks::FreedMemory;
use super::listeners::Listener;
use super::machine;
use super::rebinding::Listeners;
use super::signals::Signals;
use super::transport::Transport;
use crate::base::clock::{SystemClock, Timestamp};
use crate::config::{Config, LogLevel};
use crate::node::{ConnectionId, Node};
use crate::session::outbox::Shutdown;
use crate::session::turns::TurnParts;
use crate::stats::LatencyEvent;
use mio::{Events, Poll, Token};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Time for new clients in a turn, and for clients that have gone: some 20 of each, while others
/// notice it as little as they do [`WORK_SLICE_US`].
const DOOR_SLICE_US: u64 = 200;

/// In a turn that is long anyway, new clients and parting ones get this part of its time each, so
/// that a busy server neither turns clients away nor keeps dead ones.
const DOOR_SHARE: u64 = 4;

/// A client that sends so many bytes at once sends a pipeline or large values. Such clients are
/// served behind those that wait for the answer to one request …
const HEAVY_READ_BYTES: usize = 1024;

/// … and in a turn until it has taken so long: who comes meanwhile waits no longer than this, however
/// many pipelines there are.
const HEAVY_SLICE_US: u64 = 300;

/// Time for expiry, freeing and timers in a turn, while there is that much to do.
const WORK_SLICE_US: u64 = 100;

/// Time for a snapshot in a turn in which no client wanted anything. Short, because the next poll
/// costs next to nothing and a client may have come meanwhile.
const SAVE_SLICE_US: u64 = 60;

/// A snapshot gets this part of the time that clients take, so that they keep five sixths of
/// their throughput.
const SAVE_SHARE: u64 = 5;

/// Time for long reads in a turn, at least and at most; in between they take a quarter of the time
/// that clients took in this turn.
const READ_SLICE_MIN_US: u64 = 60;
const READ_SLICE_MAX_US: u64 = 250;
const READ_SHARE: u64 = 4;

/// Most time that a snapshot takes in one turn, however long the clients' part of it was.
const SAVE_CREDIT_MAX_US: u64 = 400;

/// Output that is written at once instead of at the end of the turn: it is still in the cache, and
/// the next connection's goes into the same memory.
const WRITE_AT_ONCE_BYTES: usize = 64 * 1024;

/// Events that one poll returns at most; more wait for the next turn.
const EVENTS_MAX: usize = 1024;

/// What is read of a closing connection before its socket is closed, in reads of
/// [`DRAIN_BYTES`]: bytes that wait in the socket would make the system reset the connection and
/// throw away the last replies.
const DRAIN_READS_MAX: usize = 16;
const DRAIN_BYTES: usize = 16 * 1024;

/// How often memory and processor time are read for INFO at most.
const REFRESH_US: u64 = 100_000;

/// How long the end of the server waits for the disk at once.
const DISK_WAIT: Duration = Duration::from_millis(100);

/// How often the end of the server says that its last snapshot gets on, if it does.
const SAVING_NEWS_US: u64 = 2_000_000;

/// Generations of connections stay below this one, whose tokens are listeners and the like.
const RESERVED_GENERATION: u64 = u32::MAX as u64;
const RESERVED_BASE: usize = (RESERVED_GENERATION << 32) as usize;
/// Token of the waker that stops the loop.
pub(super) const STOP_TOKEN: usize = RESERVED_BASE;
const SIGNAL_TOKEN: usize = RESERVED_BASE + 1;
pub(super) const LISTENER_BASE: usize = RESERVED_BASE + 2;
const _: () = assert!(usize::BITS == 64, "a token holds a slot and a generation");

/// One connection's socket and what is known of its readiness.
struct Link {
    id: ConnectionId,
    transport: Transport,
    is_readable: bool,
    is_read_closed: bool,
    is_queued: bool,
    /// It sent much the last time.
    is_heavy: bool,
}

pub(super) struct Reactor {
    pub(super) poll: Poll,
    pub(super) node: Node,
    pub(super) clock: SystemClock,
    /// Where snapshots go, if they are taken.
    disk: Option<Disk>,
    /// Path of the configuration file, for rewriting it; empty for none.
    config_path: Vec<u8>,
    pub(super) listeners: Listeners,
    /// Accepting failed, and may succeed when a connection has ended.
    is_accept_stuck: bool,
    links: Vec<Option<Link>>,
    queue: Vec<ConnectionId>,
    /// As `queue`, for clients that send much: some of them may wait for the next turn.
    heavy_queue: VecDeque<ConnectionId>,
    /// As `queue`, for clients that have ended their side.
    parting: VecDeque<ConnectionId>,
    /// Connections that the node has ended and whose sockets are still open.
    closing: VecDeque<ConnectionId>,
    is_stopping: Arc<AtomicBool>,
    /// Signals and the service manager.
    daemon: Daemon,
    /// How a client asked for the end.
    shutdown: Shutdown,
    refreshed_us: u64,
    /// Time that a snapshot may take.
    save_credit_us: u64,
    /// What large blocks left behind.
    freed_memory: FreedMemory,
}

impl Reactor {
    pub(super) fn new(
        poll: Poll,
        node: Node,
        clock: SystemClock,
        listeners: Vec<Listener>,
        is_stopping: Arc<AtomicBool>,
    ) -> io::Result<Self> {
        let listeners = Listeners::new(listeners, poll.registry())?;
        let reserved = node.reserved_connections();
        // Before there are threads, which make it slow.
        machine::reserve_descriptors(reserved);
        Ok(Self {
            is_accept_stuck: false,
            poll,
            node,
            clock,
            listeners,
            links: Vec::with_capacity(reserved),
            queue: Vec::new(),
            heavy_queue: VecDeque::new(),
            parting: VecDeque::new(),
            closing: VecDeque::new(),
            is_stopping,
            daemon: Daemon::none(),
            disk: None,
            config_path: Vec::new(),
            shutdown: Shutdown::AsConfigured,
            refreshed_us: 0,
            save_credit_us: 0,
            freed_memory: FreedMemory::new(),
        })
    }

    /// Gives the server a disk for its snapshots.
    pub(super) fn set_disk(&mut self, disk: Disk) {
        self.disk = Some(disk);
    }

    /// Sets where the configuration came from.
    pub(super) fn set_config_path(&mut self, path: &[u8]) {
        self.config_path = path.to_vec();
    }

    pub(super) fn node_mut(&mut self) -> &mut Node {
        &mut self.node
    }

    pub(super) fn tcp_addresses(&self) -> Vec<SocketAddr> {
        self.listeners
            .list
            .iter()
            .filter_map(Listener::tcp_address)
            .collect()
    }

    pub(super) fn stop_on_signals(&mut self) -> io::Result<()> {
        self.daemon.signals = Some(Signals::catch_end()?);
        self.register_signals()
    }

    /// Makes the server heed signals and a service manager.
    pub(super) fn set_daemon(&mut self, daemon: Daemon) -> io::Result<()> {
        self.daemon = daemon;
        self.register_signals()
    }

    fn register_signals(&mut self) -> io::Result<()> {
        match &mut self.daemon.signals {
            Some(signals) => signals.register(self.poll.registry(), Token(SIGNAL_TOKEN)),
            None => Ok(()),
        }
    }

    pub(super) fn run(mut self) -> io::Result<()> {
        self.daemon.begin(&mut self.node, self.clock.now());
        let mut events = Events::with_capacity(EVENTS_MAX);
        let mut now = self.clock.now();
        while !self.is_stopping.load(Ordering::Acquire) {
            let timeout = self.timeout(now);
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {
                    now = self.clock.now();
                    continue;
                }
                outcome => outcome?,
            }
            now = self.turn(&events);
        }
        self.finish();
        Ok(())
    }

    /// How long the poll may wait.
    fn timeout(&mut self, now: Timestamp) -> Option<Duration> {
        let is_busy = !self.queue.is_empty()
            || !self.heavy_queue.is_empty()
            || self.listeners.has_waiting()
            || self.has_leaving()
            || self.freed_memory.has_surplus(now)
            || self.node.is_busy(now);
        if is_busy {
            return Some(Duration::ZERO);
        }
        // Time passes while we look, so a millisecond may be cut; the turn then finds nothing due
        // and waits again.
        let wait_ms = self.node.next_wake_ms(now);
        let release_ms = self.freed_memory.next_wake_ms();
        let wait_ms = [wait_ms, release_ms].into_iter().flatten().min();
        wait_ms.map(|wait_ms| Duration::from_millis(wait_ms.max(1)))
    }

    /// One turn; returns when it ended, so that the clock need not be asked again.
    fn turn(&mut self, events: &Events) -> Timestamp {
        let now = self.clock.now();
        self.refresh_gauges(now);
        for event in events {
            self.note(event, now);
        }
        self.serve(now);
        let served_us = self.clock.monotonic_us();
        let worked_us = self.work(now, served_us);
        let worked_us = self.freed_memory.release(now, worked_us, &self.clock);
        let read_us = self.read_on(now, worked_us);
        let saved_us = self.save(now, events.is_empty(), read_us);
        self.exchange_with_disk(now);
        self.write(now);
        self.accept(now);
        self.take_leave(now);
        let advance_ms = self.meet_demands();
        let ended_us = self.clock.monotonic_us();
        self.node.engine_mut().note_turn(TurnParts {
            serve_us: served_us - now.monotonic_us,
            work_us: worked_us - served_us,
            read_us: read_us - worked_us,
            save_us: saved_us - read_us,
            write_us: ended_us - saved_us,
        });
        self.note_latency(now, ended_us - now.monotonic_us);
        // Behind the measurement: no turn was that long.
        if let Some(span_ms) = advance_ms {
            self.clock.advance_ms(span_ms);
            self.node.clock_moved();
            return self.clock.now();
        }
        Timestamp {
            unix_us: now.unix_us + (ended_us - now.monotonic_us),
            monotonic_us: ended_us,
        }
    }

    /// Keeps a long turn for LATENCY, if that is wanted.
    fn note_latency(&mut self, now: Timestamp, duration_us: u64) {
        let threshold_ms = self.node.engine().config().latency_monitor_threshold_ms;
        let duration_ms = duration_us / 1_000;
        if threshold_ms > 0 && duration_ms >= threshold_ms {
            let latency = &mut self.node.stats_mut().latency;
            latency.add(LatencyEvent::LoopTurn, now.unix_ms() / 1_000, duration_ms);
        }
    }

    fn refresh_gauges(&mut self, now: Timestamp) {
        if now.monotonic_us.saturating_sub(self.refreshed_us) >= REFRESH_US {
            self.refreshed_us = now.monotonic_us;
            let gauges = &mut self.node.stats_mut().gauges;
            machine::refresh(gauges);
            self.daemon.refresh(gauges);
        }
    }

    /// Remembers what an event says.
    fn note(&mut self, event: &mio::event::Event, now: Timestamp) {
        let token = event.token().0;
        if token >= LISTENER_BASE {
            self.listeners.note(token - LISTENER_BASE);
        } else if token == SIGNAL_TOKEN {
            let registry = self.poll.registry();
            let listen = &mut |node: &mut Node, wanted: &Config| {
                self.listeners.listen(node, wanted, registry)
            };
            if self.daemon.heed_signals(&mut self.node, now, listen) {
                self.is_stopping.store(true, Ordering::Release);
            }
        } else if token != STOP_TOKEN {
            let id = ConnectionId {
                slot: token as u32,
                generation: (token >> 32) as u32,
            };
            let Some(link) = self.find(id) else { return };
            if event.is_readable() || event.is_read_closed() || event.is_error() {
                link.is_readable = true;
                link.is_read_closed |= event.is_read_closed() || event.is_error();
                self.enqueue(id);
            }
            if event.is_writable() {
                self.write_one(id, now);
            }
            // Who waits is not read from, so nothing else would tell that nobody waits any more.
            if (event.is_error() || event.is_write_closed()) && self.node.is_waiting(id) {
                self.drop_link(id);
            }
        }
    }

    /// The link of an id, unless its connection has ended.
    fn find(&mut self, id: ConnectionId) -> Option<&mut Link> {
        let link = self.links.get_mut(id.slot as usize)?.as_mut()?;
        (link.id == id).then_some(link)
    }

    fn enqueue(&mut self, id: ConnectionId) {
        if let Some(link) = self.find(id)
            && !link.is_queued
        {
            link.is_queued = true;
            if link.is_read_closed {
                self.parting.push_back(id);
            } else if link.is_heavy {
                self.heavy_queue.push_back(id);
            } else {
                self.queue.push(id);
            }
        }
    }

    /// Until when new clients, or parting ones, may take time in a turn that began at `now`.
    fn door_closes_us(&self, now: Timestamp) -> u64 {
        let begin_us = self.clock.monotonic_us();
        let turn_us = begin_us.saturating_sub(now.monotonic_us);
        begin_us + DOOR_SLICE_US.max(turn_us / DOOR_SHARE)
    }

    /// Accepts clients of all listeners in turn, for about one slice of time.
    fn accept(&mut self, now: Timestamp) {
        if !self.listeners.has_waiting() {
            return;
        }
        let end_us = self.door_closes_us(now);
        let maxclients = self.node.engine().config().maxclients as usize;
        while self.listeners.has_waiting() && self.clock.monotonic_us() < end_us {
            if self.node.connection_count() >= maxclients && self.has_leaving() {
                // Nobody is refused for want of a place that is about to be free.
                return;
            }
            for index in 0..self.listeners.list.len() {
                if self.listeners.has_waiting[index] {
                    self.accept_one(index, now);
                }
            }
        }
    }

    fn has_leaving(&self) -> bool {
        !self.parting.is_empty() || !self.closing.is_empty()
    }

    /// Accepts one client; if none waits, or none can be served now, notes that.
    fn accept_one(&mut self, index: usize, now: Timestamp) {
        let keepalive_s = self.node.engine().config().tcp_keepalive_seconds;
        let (mut transport, peer) = match self.listeners.list[index].accept(keepalive_s) {
            Ok(accepted) => accepted,
            Err(error) => {
                let is_over = error.kind() == ErrorKind::WouldBlock;
                let is_transient = matches!(
                    error.kind(),
                    ErrorKind::Interrupted | ErrorKind::ConnectionAborted
                );
                if !is_transient {
                    self.listeners.has_waiting[index] = false;
                    // Out of descriptors, say: clients wait that no event will tell of again.
                    self.is_accept_stuck |= !is_over;
                }
                if !is_over && !is_transient {
                    log::warn!("cannot accept a client: {error}");
                }
                return;
            }
        };
        let id = match self.node.accepted(peer, now) {
            Ok(id) => id,
            Err(refusal) => {
                // The socket is fresh, so its buffer takes this much; if not, the client is gone.
                _ = transport.write(refusal.reply);
                return;
            }
        };
        let token = Token((id.generation as usize) << 32 | id.slot as usize);
        if let Err(error) = transport.register(self.poll.registry(), token) {
            log::warn!("cannot watch a client's socket: {error}");
            self.node.closed(id);
            return;
        }
        if self.links.len() <= id.slot as usize {
            self.links.resize_with(id.slot as usize + 1, || None);
        }
        let link = Link {
            id,
            transport,
            is_readable: false,
            is_read_closed: false,
            is_queued: false,
            is_heavy: false,
        };
        self.links[id.slot as usize] = Some(link);
    }

    /// Gives every connection in the queue one go, then those that send much, until one slice of
    /// time is over. Those with more to do come again next turn.
    fn serve(&mut self, now: Timestamp) {
        self.enqueue_ready();
        let end_us = now.monotonic_us + HEAVY_SLICE_US;
        let mut light_queue = std::mem::take(&mut self.queue).into_iter();
        for id in light_queue.by_ref() {
            self.serve_one(id, now);
            // A client that is found out to send much may use up the slice, too.
            if self.is_heavy(id) && self.clock.monotonic_us() >= end_us {
                break;
            }
        }
        self.queue.extend(light_queue);
        // One at least, however long the others took.
        for _ in 0..self.heavy_queue.len() {
            let Some(id) = self.heavy_queue.pop_front() else {
                break;
            };
            self.serve_one(id, now);
            if self.clock.monotonic_us() >= end_us {
                break;
            }
        }
        self.enqueue_ready();
    }

    fn is_heavy(&mut self, id: ConnectionId) -> bool {
        self.find(id).is_some_and(|link| link.is_heavy)
    }

    /// Queues those that have requests left from the turn before.
    fn enqueue_ready(&mut self) {
        for id in self.node.take_ready_list() {
            if let Some(link) = self.find(id) {
                link.is_heavy = true;
            }
            self.enqueue(id);
        }
    }

    fn serve_one(&mut self, id: ConnectionId, now: Timestamp) {
        if let Some(link) = self.find(id) {
            link.is_queued = false;
            self.node.resume(id, now);
            self.read(id, now);
            if self.node.has_to_stand_still() {
                let sleep_us = self.node.take_sleep_us();
                std::thread::sleep(Duration::from_micros(sleep_us));
            }
            if self.node.output(id).len() >= WRITE_AT_ONCE_BYTES {
                self.write_one(id, now);
            }
        }
    }

    /// Serves clients that have ended their side and closes sockets, for about one slice of time:
    /// what such a client has sent is answered to the last request, but nobody waits for it who
    /// may want more.
    fn take_leave(&mut self, now: Timestamp) {
        self.closing.extend(self.node.take_close_list());
        if !self.has_leaving() {
            return;
        }
        let end_us = self.door_closes_us(now);
        // First the sockets, because each parting client becomes one more of them.
        while let Some(id) = self.closing.pop_front() {
            if let Some(link) = self.find(id) {
                drain(&mut link.transport);
                self.drop_link(id);
            }
            if self.clock.monotonic_us() >= end_us {
                break;
            }
        }
        // Those that come again in this turn wait for the next.
        for _ in 0..self.parting.len() {
            let Some(id) = self.parting.pop_front() else {
                break;
            };
            self.serve_one(id, now);
            if self.clock.monotonic_us() >= end_us {
                break;
            }
        }
        self.write(now);
        self.closing.extend(self.node.take_close_list());
    }

    /// Reads once, if there is something to read and the node wants it.
    fn read(&mut self, id: ConnectionId, now: Timestamp) {
        let Some(link) = self
            .links
            .get_mut(id.slot as usize)
            .and_then(Option::as_mut)
        else {
            return;
        };
        if !link.is_readable || !self.node.may_read(id) {
            return;
        }
        let buffer = self.node.read_buffer(id);
        match link.transport.read(buffer) {
            Ok(0) => {
                link.is_readable = false;
                self.node.end_of_input(id);
            }
            Ok(count) => {
                link.is_heavy = count >= HEAVY_READ_BYTES;
                // After a short read there is nothing more, unless the end of the stream is.
                link.is_readable = count == buffer.len() || link.is_read_closed;
                self.node.received(id, count, now);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => link.is_readable = false,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => {
                self.drop_link(id);
                return;
            }
        }
        let is_readable = self.find(id).is_some_and(|link| link.is_readable);
        if is_readable && self.node.may_read(id) {
            self.enqueue(id);
        }
    }

    /// Expiry, freeing and timers, for about one slice of time from `begin_us` on. Returns when it
    /// ended; as the parts below, it asks the clock only after it has worked.
    fn work(&mut self, now: Timestamp, begin_us: u64) -> u64 {
        let mut at_us = begin_us;
        while self.node.work_some(now) {
            at_us = self.clock.monotonic_us();
            if at_us >= begin_us + WORK_SLICE_US {
                break;
            }
        }
        at_us
    }

    /// Goes on with the long reads of clients that wait for them.
    fn read_on(&mut self, now: Timestamp, begin_us: u64) -> u64 {
        let share_us = (begin_us - now.monotonic_us) / READ_SHARE;
        let end_us = begin_us + share_us.clamp(READ_SLICE_MIN_US, READ_SLICE_MAX_US);
        let mut at_us = begin_us;
        while at_us < end_us && self.node.is_reading() {
            self.node.read_some(now);
            at_us = self.clock.monotonic_us();
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
            let end_us = self.clock.monotonic_us();
            let used_us = (end_us - begin_us).max(1);
            self.save_credit_us = self.save_credit_us.saturating_sub(used_us);
            begin_us = end_us;
        }
        begin_us
    }

    fn write(&mut self, now: Timestamp) {
        let list = self.node.take_output_list();
        for &id in &list {
            self.write_one(id, now);
        }
        self.node.return_output_list(list);
    }

    /// Writes once; what the socket does not take waits until it is writable.
    fn write_one(&mut self, id: ConnectionId, now: Timestamp) {
        let Some(link) = self
            .links
            .get_mut(id.slot as usize)
            .and_then(Option::as_mut)
        else {
            return;
        };
        let output = self.node.output(id);
        if output.is_empty() {
            return;
        }
        match link.transport.write(output) {
            Ok(count) => self.node.written(id, count, now),
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(_) => self.drop_link(id),
        }
    }

    /// Ends a connection whose socket failed.
    fn drop_link(&mut self, id: ConnectionId) {
        self.links[id.slot as usize] = None;
        self.node.closed(id);
        if std::mem::take(&mut self.is_accept_stuck) {
            self.listeners.has_waiting.fill(true);
        }
    }

    /// Does what the node demands, but for moving the clock: how far is returned.
    fn meet_demands(&mut self) -> Option<u64> {
        self.change_listening();
        let demands = self.node.take_demands();
        if demands.heartbeat {
            self.daemon.beat(&mut self.node);
        }
        if demands.purge_memory {
            self.freed_memory.purge();
        }
        if demands.config_changed {
            let config = self.node.engine().config();
            apply_log_level(config.loglevel);
            machine::raise_descriptor_limit(config.maxclients);
            self.node.reserve_connections();
            let reserved = self.node.reserved_connections();
            machine::reserve_descriptors(reserved);
            let more = reserved.saturating_sub(self.links.len());
            self.links.reserve(more);
        }
        if let Some(shutdown) = demands.shutdown {
            self.shutdown = shutdown;
            self.daemon.asked_by = "a client";
            self.is_stopping.store(true, Ordering::Release);
        }
        demands.advance_ms
    }

    /// Passes requests to the disk's thread, and its reports to the node.
    fn exchange_with_disk(&mut self, now: Timestamp) {
        while let Some(report) = self.disk.as_ref().and_then(Disk::try_receive) {
            self.take_report(report, now);
        }
        for (number, request) in self.node.take_storage_requests() {
            if let Some(disk) = &self.disk {
                disk.send(Task::Snapshot(number, request));
            }
        }
        while let Some(config) = self.node.take_config_rewriting() {
            match &self.disk {
                Some(disk) => disk.send(Task::RewriteConfig(config, self.config_path.clone())),
                None => {
                    let outcome = Err("this server was given no disk".to_string());
                    self.node.config_rewritten(outcome);
                }
            }
        }
    }

    fn take_report(&mut self, report: Report, now: Timestamp) {
        match report {
            Report::Snapshot(number, report) => self.node.storage_reported(number, report, now),
            Report::ConfigRewritten(outcome) => self.node.config_rewritten(outcome),
        }
    }

    /// Takes the last snapshot, if one is wanted, and waits until it is durable.
    fn save_finally(&mut self) {
        let is_wanted = match self.shutdown {
            Shutdown::Save => true,
            Shutdown::NoSave => false,
            Shutdown::AsConfigured => self.node.wants_final_save(),
        };
        if !is_wanted || self.disk.is_none() {
            return;
        }
        self.finish_save();
        self.node.begin_save(self.clock.now());
        self.finish_save();
        if self.node.has_save_failed() {
            log::error!("the server ends without its last snapshot");
        }
    }

    /// Waits for the end of the snapshot that is going on, if any: the node gives it up if the disk
    /// hangs.
    fn finish_save(&mut self) {
        let mut told_us = self.clock.monotonic_us();
        let mut told_progress = self.node.save_progress();
        while self.node.is_saving() {
            let now = self.clock.now();
            let progress = self.node.save_progress();
            if now.monotonic_us - told_us >= SAVING_NEWS_US && progress != told_progress {
                told_us = now.monotonic_us;
                told_progress = progress;
                self.daemon.is_saving(&mut self.node);
            }
            while self.node.tick(now) {}
            self.exchange_with_disk(now);
            let Some(disk) = &self.disk else { return };
            match disk.receive(DISK_WAIT) {
                Ok(Some(report)) => self.take_report(report, now),
                Ok(None) => {}
                Err(()) => return,
            }
        }
    }

    /// Writes what the sockets take, closes everything and takes back the names of sockets.
    fn finish(&mut self) {
        self.daemon.begin_to_end(self.node.connection_count());
        let now = self.clock.now();
        self.write(now);
        self.save_finally();
        self.write(now);
        for id in self.node.connection_ids() {
            self.drop_link(id);
        }
        for listener in &self.listeners.list {
            listener.remove_name();
        }
        log::info!("stopped");
    }
}

/// Reads and forgets what waits in a socket, so that closing it does not reset the connection.
fn drain(transport: &mut Transport) {
    let mut buffer = [0; DRAIN_BYTES];
    for _ in 0..DRAIN_READS_MAX {
        match transport.read(&mut buffer) {
            Ok(count) if count > 0 => {}
            _ => return,
        }
    }
}

/// Makes the logger follow `loglevel`.
pub fn apply_log_level(level: LogLevel) {
    log::set_max_level(match level {
        LogLevel::Debug => log::LevelFilter::Trace,
        LogLevel::Verbose => log::LevelFilter::Debug,
        LogLevel::Notice => log::LevelFilter::Info,
        LogLevel::Warning => log::LevelFilter::Warn,
        LogLevel::Nothing => log::LevelFilter::Off,
    });
}
