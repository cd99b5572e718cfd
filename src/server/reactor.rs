//! The loop: one thread, one poll.
//!
//! ```text
//!  poll ─▶ clock ─▶ events noted ─▶ one turn of the scheduler ─▶ what commands asked of the loop
//!   ▲                                                                       │
//!   └──────── timeout: ready or work left? 0 : next wake ◀──────────────────┘
//! ```
//!
//! An event becomes a note to the scheduler; a token names a link, or one of the reserved: the
//! waker that stops the loop, signals, listeners.
//!
//! Not here: who is served when (`scheduler/`), sockets and disk (`sockets.rs`), what is done
//! with the bytes (`node/`).

use super::daemon::Daemon;
use super::disk::Disk;
use super::edge::Edge;
use super::links::{LISTENER_BASE, LinkId, SIGNAL_TOKEN, STOP_TOKEN};
use super::listeners::Listener;
use super::machine;
use super::scheduler::Scheduler;
use super::signals::Signals;
use super::sockets::Sockets;
use crate::base::clock::{SystemClock, Timestamp};
use crate::config::{Config, LogLevel};
use crate::context::outbox::Shutdown;
use crate::node::Node;
use mio::{Events, Poll, Token};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Events that one poll returns at most; more wait for the next turn.
const EVENTS_MAX: usize = 1024;

/// How often memory and processor time are read for INFO at most.
const REFRESH_US: u64 = 100_000;

/// How long the end of the server waits for the disk at once.
const DISK_WAIT: Duration = Duration::from_millis(100);

/// How often the end of the server says that its last snapshot gets on, if it does.
const SAVING_NEWS_US: u64 = 2_000_000;

pub(super) struct Reactor {
    poll: Poll,
    scheduler: Scheduler<Sockets>,
    is_stopping: Arc<AtomicBool>,
    /// Signals and the service manager.
    daemon: Daemon,
    /// How a client asked for the end.
    shutdown: Shutdown,
    refreshed_us: u64,
}

impl Reactor {
    pub(super) fn new(
        poll: Poll,
        node: Node,
        clock: SystemClock,
        listeners: Vec<Listener>,
        is_stopping: Arc<AtomicBool>,
    ) -> io::Result<Self> {
        let listener_count = listeners.len();
        let registry = poll.registry().try_clone()?;
        let mut sockets = Sockets::new(registry, clock, listeners)?;
        let reserved = node.reserved_connections();
        sockets.reserve(reserved);
        // Before there are threads, which make it slow.
        machine::reserve_descriptors(reserved);
        Ok(Self {
            poll,
            scheduler: Scheduler::new(node, sockets, listener_count),
            is_stopping,
            daemon: Daemon::none(),
            shutdown: Shutdown::AsConfigured,
            refreshed_us: 0,
        })
    }

    /// Gives the server a disk for its snapshots.
    pub(super) fn set_disk(&mut self, disk: Disk) {
        self.scheduler.edge_mut().disk = Some(disk);
    }

    /// Adds a listener.
    ///
    /// # Errors
    /// What the operating system says when it can't be polled.
    pub(super) fn add_listener(&mut self, listener: Listener) -> io::Result<()> {
        let (node, sockets) = self.scheduler.parts_mut();
        sockets.add_listener(listener)?;
        sockets.listeners.tell_certificate(node);
        self.count_listeners();
        Ok(())
    }

    /// Sets where the configuration came from.
    pub(super) fn set_config_path(&mut self, path: &[u8]) {
        self.scheduler.edge_mut().config_path = path.to_vec();
    }

    /// The server behind the sockets, and its clock.
    pub(super) fn node_and_clock(&mut self) -> (&mut Node, &mut SystemClock) {
        let (node, sockets) = self.scheduler.parts_mut();
        (node, &mut sockets.clock)
    }

    pub(super) fn node_mut(&mut self) -> &mut Node {
        self.scheduler.node_mut()
    }

    pub(super) fn tcp_addresses(&self) -> Vec<SocketAddr> {
        self.scheduler.edge().tcp_addresses()
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
        let mut now = self.now();
        self.scheduler.node_mut().follow_configured(now);
        self.daemon.begin(self.scheduler.node_mut(), now);
        let mut events = Events::with_capacity(EVENTS_MAX);
        while !self.is_stopping.load(Ordering::Acquire) {
            let timeout = self.timeout(now);
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {
                    now = self.now();
                    continue;
                }
                outcome => outcome?,
            }
            now = self.turn(&events);
        }
        self.finish();
        Ok(())
    }

    fn now(&self) -> Timestamp {
        self.scheduler.edge().clock.now()
    }

    /// How long the poll may wait.
    fn timeout(&mut self, now: Timestamp) -> Option<Duration> {
        let freed_memory = &self.scheduler.edge().freed_memory;
        let release_ms = freed_memory.next_wake_ms();
        if freed_memory.has_surplus(now) || self.scheduler.is_busy(now) {
            return Some(Duration::ZERO);
        }
        // Time passes while we look, so a millisecond may be cut; the turn then finds nothing due
        // and waits again.
        let wait_ms = self.scheduler.node_mut().next_wake_ms(now);
        let wait_ms = [wait_ms, release_ms].into_iter().flatten().min();
        wait_ms.map(|wait_ms| Duration::from_millis(wait_ms.max(1)))
    }

    /// One turn; returns when it ended, so that the clock need not be asked again.
    fn turn(&mut self, events: &Events) -> Timestamp {
        let now = self.now();
        self.refresh_gauges(now);
        for event in events {
            self.note(event, now);
        }
        let mut parts = self.scheduler.turn(now, events.is_empty());
        let advance_ms = self.meet_demands(now);
        let ended_us = self.scheduler.edge().monotonic_us();
        let duration_us = ended_us - now.monotonic_us;
        // What commands asked of the loop counts as the last part.
        parts.write_us += duration_us - parts.total_us();
        self.node_mut().engine_mut().note_turn(parts, now);
        // After the measurement: no turn was that long.
        if let Some(span_ms) = advance_ms {
            let (node, clock) = self.node_and_clock();
            clock.advance_ms(span_ms);
            node.clock_moved();
            return clock.now();
        }
        Timestamp {
            unix_us: now.unix_us + duration_us,
            monotonic_us: ended_us,
        }
    }

    fn refresh_gauges(&mut self, now: Timestamp) {
        if now.monotonic_us.saturating_sub(self.refreshed_us) >= REFRESH_US {
            self.refreshed_us = now.monotonic_us;
            let failed_handshakes = self.scheduler.edge().listeners.failed_handshakes();
            let gauges = &mut self.scheduler.node_mut().stats_mut().gauges;
            machine::refresh(gauges);
            gauges.tls_handshakes_failed = failed_handshakes;
            self.daemon.refresh(gauges);
        }
    }

    /// Passes an event on to what it concerns.
    fn note(&mut self, event: &mio::event::Event, now: Timestamp) {
        let token = event.token().0;
        if token >= LISTENER_BASE {
            self.scheduler.note_waiting(token - LISTENER_BASE);
        } else if token == SIGNAL_TOKEN {
            self.heed_signals(now);
        } else if token == STOP_TOKEN {
            // Also the thread of handshakes wakes the loop so.
            if let Some(listener) = self.scheduler.edge().tls_listener() {
                self.scheduler.note_waiting(listener);
            }
        } else {
            let link = LinkId::from_token(token);
            let is_closed = event.is_read_closed() || event.is_error();
            if event.is_readable() || is_closed {
                self.scheduler.note_readable(link, is_closed);
            }
            if event.is_writable() {
                self.scheduler.note_writable(link, now);
            }
            if event.is_error() || event.is_write_closed() {
                self.scheduler.note_gone(link);
            }
        }
    }

    fn heed_signals(&mut self, now: Timestamp) {
        let (node, sockets) = self.scheduler.parts_mut();
        let mut has_opened = false;
        let listen = &mut |node: &mut Node, wanted: &Config| {
            has_opened = true;
            sockets.listen(node, wanted)
        };
        if self.daemon.heed_signals(node, now, listen) {
            self.is_stopping.store(true, Ordering::Release);
        }
        if has_opened {
            self.count_listeners();
        }
    }

    /// Opens other sockets, if clients asked for that.
    fn change_listening(&mut self, now: Timestamp) {
        let (node, sockets) = self.scheduler.parts_mut();
        let mut has_opened = false;
        node.change_listening(now, &mut |node, wanted| {
            has_opened = true;
            sockets.listen(node, wanted)
        });
        if has_opened {
            self.count_listeners();
        }
    }

    /// Tells the scheduler of other listeners.
    fn count_listeners(&mut self) {
        let count = self.scheduler.edge().listeners.list.len();
        self.scheduler.set_listener_count(count);
    }

    /// Does what the node demands, but for moving the clock: how far is returned.
    fn meet_demands(&mut self, now: Timestamp) -> Option<u64> {
        self.change_listening(now);
        let demands = self.node_mut().take_demands();
        if demands.heartbeat {
            self.daemon.beat(self.scheduler.node_mut());
        }
        if demands.purge_memory {
            self.scheduler.edge_mut().freed_memory.purge();
        }
        if demands.config_changed {
            self.apply_config();
        }
        if let Some(shutdown) = demands.shutdown {
            self.shutdown = shutdown;
            self.daemon.asked_by = "a client";
            self.is_stopping.store(true, Ordering::Release);
        }
        demands.advance_ms
    }

    /// Puts into force what the configuration says of the loop.
    fn apply_config(&mut self) {
        let (node, sockets) = self.scheduler.parts_mut();
        let config = node.engine().config();
        apply_log_level(config.loglevel);
        machine::raise_descriptor_limit(config.maxclients);
        node.reserve_connections();
        let reserved = node.reserved_connections();
        machine::reserve_descriptors(reserved);
        sockets.reserve(reserved);
        self.scheduler.reserve_links();
    }

    /// Takes the last snapshot, if one is wanted, and waits until it is durable.
    fn save_finally(&mut self) {
        let is_wanted = match self.shutdown {
            Shutdown::Save => true,
            Shutdown::NoSave => false,
            Shutdown::AsConfigured => self.scheduler.node().wants_final_save(),
        };
        if !is_wanted || self.scheduler.edge().disk.is_none() {
            return;
        }
        self.finish_save();
        if !self.node_mut().abandon_job() {
            log::error!("the server ends without its last snapshot: a command is half done");
            return;
        }
        let now = self.now();
        // A file for a client holds up nothing any more.
        self.node_mut().engine_mut().keyspace_mut().finish_export();
        self.node_mut().begin_save(now);
        self.finish_save();
        if self.scheduler.node().has_save_failed() {
            log::error!("the server ends without its last snapshot");
        }
    }

    /// Waits for the end of the snapshot that is going on, if any: the node gives it up if the disk
    /// hangs.
    fn finish_save(&mut self) {
        let (node, sockets) = self.scheduler.parts_mut();
        let mut told_us = sockets.monotonic_us();
        let mut told_progress = node.save_progress();
        while node.is_saving() {
            let now = sockets.clock.now();
            let progress = node.save_progress();
            if now.monotonic_us - told_us >= SAVING_NEWS_US && progress != told_progress {
                told_us = now.monotonic_us;
                told_progress = progress;
                self.daemon.is_saving(node);
            }
            while node.tick(now) {}
            sockets.exchange_with_disk(node, now);
            let Some(disk) = &sockets.disk else { return };
            match disk.receive(DISK_WAIT) {
                Ok(Some(report)) => Sockets::take_report(node, report, now),
                Ok(None) => {}
                Err(()) => return,
            }
        }
    }

    /// Writes what the sockets take, closes everything and takes back the names of sockets.
    fn finish(&mut self) {
        let connection_count = self.scheduler.node().connection_count();
        self.daemon.begin_to_end(connection_count);
        let now = self.now();
        self.scheduler.write_all(now);
        self.save_finally();
        self.scheduler.write_all(now);
        self.scheduler.close_all();
        self.scheduler.edge().remove_names();
        log::info!("stopped");
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
