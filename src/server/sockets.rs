//! The edge made of the operating system: sockets polled by mio, the clock, the disk thread.
//!
//! ```text
//!  poll ─▶ token ─▶ LinkId ─▶ transports[slot]       the scheduler says when to read and write
//!                   listener index ─▶ accept ─▶ accepted ─▶ admit (gets a link) or refuse
//! ```
//!
//! Not here: the order in which links are served (`scheduler/`), the poll itself (`reactor.rs`).

use super::disk::{Disk, Report, Task};
use super::edge::Edge;
use super::large_blocks::FreedMemory;
use super::links::{LISTENER_BASE, LinkId, Talker};
use super::listeners::Listener;
use super::rebinding::Listeners;
use super::transport::Transport;
use crate::base::clock::{SystemClock, Timestamp};
use crate::config::Config;
use crate::context::outbox::UsersTask;
use crate::node::Node;
use crate::session::Peer;
use mio::net::TcpStream;
use mio::{Registry, Token};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

/// What is read of a closing connection before its socket is closed, in reads of [`DRAIN_BYTES`].
const DRAIN_READS_MAX: usize = 16;
const DRAIN_BYTES: usize = 16 * 1024;

/// Sockets, clock and disk of a running server.
pub(super) struct Sockets {
    registry: Registry,
    pub(super) clock: SystemClock,
    pub(super) listeners: Listeners,
    /// By slot of the link.
    transports: Vec<Option<(LinkId, Transport)>>,
    /// A client that was accepted and has neither a link nor been refused.
    accepted: Option<Transport>,
    /// Where snapshots go, if they are taken.
    pub(super) disk: Option<Disk>,
    /// Path of the configuration file, for rewriting it; empty for none.
    pub(super) config_path: Vec<u8>,
    /// What large blocks left behind.
    pub(super) freed_memory: FreedMemory,
}

impl Sockets {
    /// Sockets without clients.
    pub(super) fn new(
        registry: Registry,
        clock: SystemClock,
        listeners: Vec<Listener>,
    ) -> io::Result<Self> {
        Ok(Self {
            listeners: Listeners::new(listeners, &registry)?,
            registry,
            clock,
            transports: Vec::new(),
            accepted: None,
            disk: None,
            config_path: Vec::new(),
            freed_memory: FreedMemory::new(),
        })
    }

    /// Makes room for `count` sockets in all, so that nothing grows while clients come.
    pub(super) fn reserve(&mut self, count: usize) {
        let more = count.saturating_sub(self.transports.len());
        self.transports.reserve(more);
    }

    pub(super) fn tcp_addresses(&self) -> Vec<SocketAddr> {
        let listeners = self.listeners.list.iter();
        listeners.filter_map(Listener::tcp_address).collect()
    }

    /// Takes back the names that listeners have in the file system.
    pub(super) fn remove_names(&self) {
        for listener in &self.listeners.list {
            listener.remove_name();
        }
    }

    /// Opens the sockets of `wanted` in place of those that are open.
    ///
    /// # Errors
    /// Words for the client; the log has the reason.
    pub(super) fn listen(&mut self, node: &mut Node, wanted: &Config) -> Result<(), String> {
        self.listeners.listen(node, wanted, &self.registry)
    }

    /// Passes a report of the disk to the node.
    pub(super) fn take_report(node: &mut Node, report: Report, now: Timestamp) {
        match report {
            Report::Snapshot(number, report) => node.storage_reported(number, report, now),
            Report::ConfigRewritten(outcome) => node.config_rewritten(outcome),
            Report::UsersRead(text) => node.users_read(text),
            Report::UsersWritten(outcome) => node.users_written(outcome),
            Report::Found(address) => node.primary_found(address, now),
        }
    }

    /// Adds a listener to those that there are.
    ///
    /// # Errors
    /// What the operating system says when it can't be polled.
    pub(super) fn add_listener(&mut self, mut listener: Listener) -> io::Result<()> {
        let token = Token(LISTENER_BASE + self.listeners.list.len());
        listener.register(&self.registry, token)?;
        self.listeners.list.push(listener);
        Ok(())
    }

    /// The listener of encrypted clients, whose thread wakes the loop.
    pub(super) fn tls_listener(&self) -> Option<usize> {
        let mut listeners = self.listeners.list.iter();
        listeners.position(|listener| matches!(listener, Listener::Tls(_)))
    }

    /// Has the events of a socket reported for its link.
    fn keep(&mut self, link: LinkId, mut transport: Transport) -> io::Result<()> {
        transport.register(&self.registry, Token(link.to_token()))?;
        let slot = link.slot as usize;
        if self.transports.len() <= slot {
            self.transports.resize_with(slot + 1, || None);
        }
        self.transports[slot] = Some((link, transport));
        Ok(())
    }

    fn transport(&mut self, link: LinkId) -> Option<&mut Transport> {
        match self.transports.get_mut(link.slot as usize)? {
            Some((id, transport)) if *id == link => Some(transport),
            _ => None,
        }
    }
}

impl Edge for Sockets {
    fn monotonic_us(&self) -> u64 {
        self.clock.monotonic_us()
    }

    fn read(&mut self, link: LinkId, buffer: &mut [u8]) -> io::Result<usize> {
        let transport = self.transport(link).ok_or(io::ErrorKind::NotConnected)?;
        transport.read(buffer)
    }

    fn write(&mut self, link: LinkId, bytes: &[u8]) -> io::Result<usize> {
        let transport = self.transport(link).ok_or(io::ErrorKind::NotConnected)?;
        transport.write(bytes)
    }

    fn drain(&mut self, link: LinkId) {
        let Some(transport) = self.transport(link) else {
            return;
        };
        let mut buffer = [0; DRAIN_BYTES];
        for _ in 0..DRAIN_READS_MAX {
            match transport.read(&mut buffer) {
                Ok(count) if count > 0 => {}
                _ => return,
            }
        }
    }

    fn close(&mut self, link: LinkId) {
        if let Some(transport) = self.transport(link) {
            if let Transport::Tls(stream) = transport {
                stream.say_goodbye();
            }
            self.transports[link.slot as usize] = None;
        }
    }

    fn accept(&mut self, listener: usize, keepalive_s: u32) -> io::Result<Peer> {
        let (transport, peer) = self.listeners.list[listener].accept(keepalive_s)?;
        self.accepted = Some(transport);
        Ok(peer)
    }

    fn admit(&mut self, link: LinkId, _: Talker) -> io::Result<()> {
        let accepted = self.accepted.take();
        let transport = accepted.expect("the scheduler admits a client it has just accepted");
        self.keep(link, transport)
    }

    fn connect(&mut self, link: LinkId, to: SocketAddr, config: &Config) -> io::Result<()> {
        let socket = TcpStream::connect(to)?;
        let transport = match config.tls_replication {
            true => Transport::encrypted_primary(socket, to.ip(), config)?,
            false => Transport::tcp(socket, config.tcp_keepalive_seconds),
        };
        self.keep(link, transport)
    }

    fn may_have_sent(&self, link: LinkId) -> bool {
        let transport = self.transports.get(link.slot as usize);
        matches!(transport, Some(Some((_, Transport::Tls(_)))))
    }

    fn is_for_pages(&self, listener: usize) -> bool {
        let listener = self.listeners.list.get(listener);
        matches!(listener, Some(Listener::Pages(_)))
    }

    fn refuse(&mut self, reply: &[u8]) {
        if let Some(mut transport) = self.accepted.take() {
            // The socket is fresh, so its buffer takes this much; if not, the client is gone.
            _ = transport.write(reply);
        }
    }

    fn exchange_with_disk(&mut self, node: &mut Node, now: Timestamp) {
        while let Some(report) = self.disk.as_ref().and_then(Disk::try_receive) {
            Self::take_report(node, report, now);
        }
        for (number, request) in node.take_storage_requests() {
            if let Some(disk) = &self.disk {
                disk.send(Task::Snapshot(number, request));
            }
        }
        if let Some((host, port)) = node.take_wanted_name() {
            match &self.disk {
                Some(disk) => disk.send(Task::Find(host, port)),
                None => node.primary_found(Err("only addresses are taken here".into()), now),
            }
        }
        while let Some((task, path)) = node.take_users_task() {
            match (&self.disk, task) {
                (Some(disk), UsersTask::Load) => disk.send(Task::LoadUsers(path)),
                (Some(disk), UsersTask::Save(text)) => disk.send(Task::SaveUsers(path, text)),
                (None, _) => node.users_written(Err("this server was given no disk".to_string())),
            }
        }
        while let Some(config) = node.take_config_rewriting() {
            match &self.disk {
                Some(disk) => disk.send(Task::RewriteConfig(config, self.config_path.clone())),
                None => {
                    let outcome = Err("this server was given no disk".to_string());
                    node.config_rewritten(outcome);
                }
            }
        }
    }

    fn work(&mut self, now: Timestamp, begin_us: u64) -> u64 {
        self.freed_memory.release(now, begin_us, &self.clock)
    }

    fn stand_still(&mut self, duration_us: u64) {
        std::thread::sleep(Duration::from_micros(duration_us));
    }
}
