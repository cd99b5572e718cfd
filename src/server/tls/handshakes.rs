//! Handshakes, on a thread of their own.
//!
//! ```text
//!  accept ─▶ pending (≤ PENDING_MAX, ≤ HANDSHAKE_US_MAX each) ─ over ─▶ channel, wake the loop
//!               └ failed, ended, too slow: closed
//! ```
//!
//! A handshake costs a signature, some hundred microseconds. Ten thousand clients that come at once
//! are seconds of work, which other clients must not wait for: here they wait for each other, and
//! on a machine with one core this thread gives way to the loop.
//!
//! Invariants: at most [`PENDING_MAX`] clients are half open, each for [`HANDSHAKE_US_MAX`] at
//! most; if more come, the one that has taken longest gives way, so that those who do nothing keep
//! nobody out. The thread ends with [`Handshakes`].
//!
//! Not here: the steps of one (`handshake.rs`), what is done with a client then (`scheduler/`).

use super::error::TlsError;
use super::handshake::{Handshake, Progress};
use super::settings::Settings;
use super::stream::TlsStream;
use crate::base::clock::SystemClock;
use crate::config::Config;
use crate::server::transport::{Transport, set_options};
use crate::session::{self, Peer};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};
use rustix::io::Errno;
use slab::Slab;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Clients whose handshake is under way at most.
const PENDING_MAX: usize = 4096;
/// How long a handshake may take.
const HANDSHAKE_US_MAX: u64 = 5_000_000;
/// Clients that wait for the loop at most.
const FINISHED_MAX: usize = 1024;
/// Clients that are accepted before those who are there are served again.
const ACCEPTED_MAX: usize = 256;
/// When it is tried again to accept clients for whom there was no descriptor.
const RETRY_MS: u64 = 100;
/// How much the thread gives way to the loop on the same core.
const NICENESS: i32 = 5;

const WAKE: Token = Token(usize::MAX);
const LISTENER_BASE: usize = usize::MAX / 2;

/// A client whose handshake is over.
type Finished = (TlsStream, Peer);

/// What both threads know.
struct Common {
    settings: Mutex<Settings>,
    is_ending: AtomicBool,
    /// Handshakes that failed.
    failed: AtomicU64,
}

/// The listeners of `tls-port`, and the thread behind them.
pub(in crate::server) struct Handshakes {
    finished: Receiver<Finished>,
    common: Arc<Common>,
    waker: Arc<Waker>,
    thread: Option<JoinHandle<()>>,
    addresses: Vec<SocketAddr>,
}

impl Handshakes {
    /// Starts the thread on sockets that are bound; `loop_waker` wakes whoever takes clients.
    ///
    /// # Errors
    /// What the system says.
    pub(in crate::server) fn start(
        listeners: Vec<TcpListener>,
        settings: Settings,
        keepalive_s: u32,
        loop_waker: Arc<Waker>,
    ) -> Result<Self, TlsError> {
        let poll = Poll::new().map_err(TlsError::of_system)?;
        let waker = Waker::new(poll.registry(), WAKE).map_err(TlsError::of_system)?;
        let waker = Arc::new(waker);
        let addresses = listeners
            .iter()
            .filter_map(|listener| listener.local_addr().ok());
        let addresses = addresses.collect();
        let common = Arc::new(Common {
            settings: Mutex::new(settings),
            is_ending: AtomicBool::new(false),
            failed: AtomicU64::new(0),
        });
        let (sender, finished) = sync_channel(FINISHED_MAX);
        let worker = Worker {
            poll,
            listeners,
            common: Arc::clone(&common),
            sender,
            loop_waker,
            pending: Slab::new(),
            deadlines: VecDeque::new(),
            clock: SystemClock::new(),
            begun: 0,
            keepalive_s,
            has_waiting: true,
            is_stuck: false,
        };
        let builder = std::thread::Builder::new().name("handshakes".into());
        let thread = builder
            .spawn(move || worker.run())
            .map_err(TlsError::of_system)?;
        Ok(Self {
            finished,
            common,
            waker,
            thread: Some(thread),
            addresses,
        })
    }

    /// Where the sockets are.
    pub(in crate::server) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The next client whose handshake is over.
    ///
    /// # Errors
    /// `WouldBlock` where there is none.
    pub(in crate::server) fn accept(&self) -> io::Result<(Transport, Peer)> {
        match self.finished.try_recv() {
            Ok((stream, peer)) => Ok((Transport::Tls(Box::new(stream)), peer)),
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => {
                Err(ErrorKind::WouldBlock.into())
            }
        }
    }

    /// Reads certificates and keys again; clients that come from now on get them.
    ///
    /// # Errors
    /// What is wrong with them; the present ones stay.
    pub(in crate::server) fn reload(&self, config: &Config) -> Result<(), TlsError> {
        let settings = Settings::read(config)?;
        *self.common.lock() = settings;
        Ok(())
    }

    /// When the certificate ends, in Unix seconds.
    pub(in crate::server) fn certificate_end_s(&self) -> i64 {
        self.common.lock().certificate_end_s
    }

    /// How many handshakes have failed.
    pub(in crate::server) fn failed_count(&self) -> u64 {
        self.common.failed.load(Ordering::Relaxed)
    }
}

impl Drop for Handshakes {
    fn drop(&mut self) {
        self.common.is_ending.store(true, Ordering::Release);
        // The thread may wait for room in the channel, too.
        while self.finished.try_recv().is_ok() {}
        _ = self.waker.wake();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the thread of handshakes has panicked");
        }
    }
}

impl Common {
    fn lock(&self) -> std::sync::MutexGuard<'_, Settings> {
        // A copy is taken and put as a whole, so a panic elsewhere leaves nothing half done.
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client whose handshake is under way.
struct Pending {
    handshake: Handshake,
    number: u64,
    takes_common_name: bool,
}

struct Worker {
    poll: Poll,
    listeners: Vec<TcpListener>,
    common: Arc<Common>,
    sender: SyncSender<Finished>,
    loop_waker: Arc<Waker>,
    pending: Slab<Pending>,
    /// When handshakes are given up on the monotonic clock, the first first: slot and number.
    deadlines: VecDeque<(u64, usize, u64)>,
    clock: SystemClock,
    begun: u64,
    keepalive_s: u32,
    /// There may be clients to accept.
    has_waiting: bool,
    /// There are, and the system had no descriptor for them; no event will tell of them again.
    is_stuck: bool,
}

impl Worker {
    fn run(mut self) {
        if let Err(error) = rustix::process::nice(NICENESS) {
            log::debug!("the thread of handshakes keeps its priority: {error}");
        }
        for (index, listener) in self.listeners.iter_mut().enumerate() {
            let token = Token(LISTENER_BASE + index);
            let registered = self
                .poll
                .registry()
                .register(listener, token, Interest::READABLE);
            if let Err(error) = registered {
                log::error!("no client can come by TLS: {error}");
                return;
            }
        }
        let mut events = Events::with_capacity(256);
        while !self.common.is_ending.load(Ordering::Acquire) {
            match self.poll.poll(&mut events, self.timeout()) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => {
                    log::error!("no client can come by TLS any more: {error}");
                    return;
                }
                Ok(()) => {}
            }
            for event in &events {
                match event.token() {
                    WAKE => {}
                    Token(token) if token >= LISTENER_BASE => self.has_waiting = true,
                    Token(slot) => self.go_on(slot),
                }
            }
            self.give_up_slow_ones();
            self.accept();
        }
    }

    fn timeout(&self) -> Option<Duration> {
        if self.has_waiting {
            return Some(Duration::ZERO);
        }
        let retry = self.is_stuck.then_some(Duration::from_millis(RETRY_MS));
        let Some((deadline_us, ..)) = self.deadlines.front() else {
            return retry;
        };
        let rest_us = deadline_us.saturating_sub(self.clock.monotonic_us());
        // Whole milliseconds, rounded up: the poll knows no smaller ones.
        let rest = Duration::from_millis(rest_us.div_ceil(1_000));
        Some(retry.map_or(rest, |retry| retry.min(rest)))
    }

    fn give_up_slow_ones(&mut self) {
        let now_us = self.clock.monotonic_us();
        while let Some(&(deadline_us, slot, number)) = self.deadlines.front() {
            if deadline_us > now_us {
                return;
            }
            self.deadlines.pop_front();
            if self.is_pending(slot, number) {
                self.fail(slot);
            }
        }
    }

    fn is_pending(&self, slot: usize, number: u64) -> bool {
        let pending = self.pending.get(slot);
        pending.is_some_and(|pending| pending.number == number)
    }

    /// Gives up the handshake that has taken longest, if there is any.
    fn give_up_oldest(&mut self) {
        while let Some((_, slot, number)) = self.deadlines.pop_front() {
            if self.is_pending(slot, number) {
                self.fail(slot);
                return;
            }
        }
    }

    fn accept(&mut self) {
        self.has_waiting |= std::mem::take(&mut self.is_stuck);
        for _ in 0..ACCEPTED_MAX {
            if !self.has_waiting {
                return;
            }
            match self.next_socket() {
                Some(socket) => {
                    if self.pending.len() >= PENDING_MAX {
                        self.give_up_oldest();
                    }
                    self.begin(socket);
                }
                None => self.has_waiting = false,
            }
        }
    }

    /// A client that waits at any of the listeners.
    fn next_socket(&mut self) -> Option<TcpStream> {
        for index in 0..self.listeners.len() {
            match self.listeners[index].accept() {
                Ok((socket, _)) => return Some(socket),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => {
                    log::debug!("cannot accept a client by TLS: {error}");
                    let of_want = [Errno::MFILE, Errno::NFILE].map(|want| want.raw_os_error());
                    if error
                        .raw_os_error()
                        .is_some_and(|code| of_want.contains(&code))
                    {
                        // Its descriptor is of more use to whoever waits.
                        self.give_up_oldest();
                    }
                    self.is_stuck = true;
                }
            }
        }
        None
    }

    fn begin(&mut self, socket: TcpStream) {
        let settings = self.common.lock().clone();
        let Ok(handshake) = Handshake::new(socket, settings.rustls) else {
            return;
        };
        self.begun += 1;
        let slot = self.pending.insert(Pending {
            handshake,
            number: self.begun,
            takes_common_name: settings.takes_common_name,
        });
        let deadline_us = self.clock.monotonic_us() + HANDSHAKE_US_MAX;
        self.deadlines.push_back((deadline_us, slot, self.begun));
        let both = Interest::READABLE | Interest::WRITABLE;
        let socket = &mut self.pending[slot].handshake.socket;
        match self.poll.registry().register(socket, Token(slot), both) {
            Ok(()) => self.go_on(slot),
            Err(_) => self.fail(slot),
        }
    }

    fn go_on(&mut self, slot: usize) {
        let Some(pending) = self.pending.get_mut(slot) else {
            return;
        };
        match pending.handshake.step() {
            Progress::Waits => {}
            Progress::Over => self.hand_over(slot),
            Progress::Failed => self.fail(slot),
        }
    }

    fn fail(&mut self, slot: usize) {
        self.pending.remove(slot);
        self.common.failed.fetch_add(1, Ordering::Relaxed);
    }

    fn hand_over(&mut self, slot: usize) {
        let mut pending = self.pending.remove(slot);
        if self
            .poll
            .registry()
            .deregister(&mut pending.handshake.socket)
            .is_err()
        {
            return;
        }
        let Some(peer) = pending.peer() else {
            return;
        };
        set_options(&pending.handshake.socket, self.keepalive_s);
        let stream = pending.handshake.into_stream();
        // The channel is full if ten thousand came at once; the loop takes them out meanwhile.
        if self.sender.send((stream, peer)).is_ok() {
            _ = self.loop_waker.wake();
        }
    }
}

impl Pending {
    /// Who this is; `None` if it has gone.
    fn peer(&self) -> Option<Peer> {
        Some(Peer {
            address: self.handshake.socket.peer_addr().ok()?.to_string().into(),
            local_address: self.handshake.socket.local_addr().ok()?.to_string().into(),
            transport: session::Transport::Tls,
            descriptor: self.handshake.socket.as_raw_fd(),
            certified_name: self.certified_name(),
        })
    }

    fn certified_name(&self) -> Option<Box<str>> {
        let name = self.takes_common_name.then(|| self.handshake.common_name());
        name.flatten()
    }
}
