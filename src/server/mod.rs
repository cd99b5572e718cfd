//! Rank 10: the edge: sockets, polling, signals, clocks.
//!
//! | file | what |
//! |---|---|
//! | `reactor.rs` | the loop: poll, events, signals, the end |
//! | `scheduler/` | one turn: who is served when, and for how long |
//! | `edge.rs`, `sockets.rs` | what a turn asks of the world, and the world as it is |
//! | `links.rs` | one link for each socket |
//! | `listeners.rs` | binding TCP and unix sockets |
//! | `unix_socket.rs` | the name of a unix socket, and whose it is |
//! | `rebinding.rs` | other sockets while the server runs |
//! | `daemon.rs` | what signals ask for, what operators are told |
//! | `signals.rs` | signals as something to poll |
//! | `manager.rs` | the service manager: readiness, watchdog, passed sockets |
//! | `disk.rs` | the thread that waits for the disk |
//! | `directory.rs` | whether there is a place for snapshots |
//! | `loading.rs` | loading the snapshot at the start |
//! | `transport.rs` | one client's socket, whatever its kind |
//! | `memory_limit.rs` | what `maxmemory auto` means |
//! | `machine.rs` | what the operating system knows about this process |
//!
//! [`Server`] can be run inside another program: on listeners it binds itself
//! ([`Server::bind`]) or on one that is handed over ([`Server::on_listener`]), and stopped from
//! another thread by a [`StopHandle`].
//!
//! Not here: what is done with the bytes (`node/`), the command line (`main.rs`).

mod daemon;
mod directory;
mod disk;
mod edge;
mod foreign;
mod large_blocks;
mod links;
mod listeners;
mod loading;
mod machine;
mod manager;
mod memory_limit;
mod reactor;
mod rebinding;
mod scheduler;
mod signals;
mod sockets;
mod tls;
mod transport;
mod unix_socket;
mod users;

pub use daemon::{Origin, ReadConfig};
pub use directory::DirectoryError;
pub use edge::Edge;
pub use large_blocks::LargeBlocks;
pub use links::{LinkId, Talker};
pub use listeners::ListenError;
pub use loading::LoadError;
pub use manager::logs_to_journal;
pub use tls::{Handshake, Progress, TlsError, TlsStream};
pub use users::UsersError;

use crate::base::clock::SystemClock;
use crate::command::declare::names::{CommandNames, RenameError};
use crate::config::{Config, UserLine};
use crate::node::Node;
use crate::persistence::FileStorage;
use daemon::Daemon;
use disk::Disk;
use links::STOP_TOKEN;
use listeners::Listener;
use manager::Manager;
use mio::{Poll, Token, Waker};
use reactor::Reactor;
pub use reactor::apply_log_level;
pub use scheduler::Scheduler;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tls::Handshakes;

/// A server that is bound and not yet running.
pub struct Server {
    reactor: Reactor,
    stop: StopHandle,
}

/// Why a server can't start.
#[derive(Debug)]
pub enum StartError {
    /// It can't listen.
    Listen(ListenError),
    /// It has no place for snapshots.
    Directory(DirectoryError),
    /// It can't load its snapshot.
    Load(LoadError),
    /// It can't catch signals.
    Signals(io::Error),
    /// A command can't be renamed as the configuration says.
    Rename(RenameError),
    /// The users it is told are none.
    Users(UsersError),
    /// Its certificates can't be used.
    Tls(TlsError),
}

impl fmt::Display for StartError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(error) => error.fmt(formatter),
            Self::Directory(error) => error.fmt(formatter),
            Self::Load(error) => error.fmt(formatter),
            Self::Signals(error) => write!(formatter, "cannot catch signals: {error}"),
            Self::Rename(error) => error.fmt(formatter),
            Self::Users(error) => error.fmt(formatter),
            Self::Tls(error) => error.fmt(formatter),
        }
    }
}

impl std::error::Error for StartError {}

impl From<ListenError> for StartError {
    fn from(error: ListenError) -> Self {
        Self::Listen(error)
    }
}

impl From<LoadError> for StartError {
    fn from(error: LoadError) -> Self {
        Self::Load(error)
    }
}

/// Ends a running server from another thread, or from a signal.
#[derive(Clone)]
pub struct StopHandle {
    is_stopping: Arc<AtomicBool>,
    waker: Arc<Waker>,
}

impl StopHandle {
    /// Lets the server write what it can, close its connections and return from
    /// [`Server::run`]. Does nothing if it has ended already.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::Release);
        if let Err(error) = self.waker.wake() {
            log::error!("cannot wake the loop to stop it: {error}");
        }
    }
}

impl Server {
    /// Whether a server can do what the configuration says, as far as that shows without binding
    /// its sockets and reading its snapshot.
    ///
    /// # Errors
    /// [`StartError`] names what can't be done.
    pub fn check(config: &Config) -> Result<(), StartError> {
        Self::read_files(config).map(drop)
    }

    /// As [`Server::check`]; returns what was read of the files that the configuration names: the
    /// lines about users, and what TLS needs, if there is a port for it.
    fn read_files(config: &Config) -> Result<(Vec<UserLine>, Option<tls::Settings>), StartError> {
        directory::check(config).map_err(StartError::Directory)?;
        CommandNames::check(&config.rename_command).map_err(StartError::Rename)?;
        let tls = tls::settings(config).map_err(StartError::Tls)?;
        let users = users::lines(config).map_err(StartError::Users)?;
        Ok((users, tls))
    }

    /// Binds the sockets that the configuration names, and loads its snapshot if there is one.
    ///
    /// # Errors
    /// [`StartError`] names the address or the file, and the reason.
    pub fn bind(mut config: Config) -> Result<Self, StartError> {
        let (users, tls) = Self::read_files(&config)?;
        config.users = users;
        let listeners = Listener::bind_all(&config)?;
        let encrypted = Listener::bind_tls(&config)?;
        let pages = Listener::bind_pages(&config)?;
        let storage = FileStorage::of_server(directory::snapshot_path(&config));
        let mut server = Self::new(config, listeners).map_err(ListenError::poll)?;
        server.owns_listeners();
        server.encrypt(encrypted, tls)?;
        server.show_pages(pages)?;
        server.attach(storage, &Manager::none())?;
        Ok(server)
    }

    /// As [`Server::bind`], for a program that is the server and nothing else: it heeds SIGTERM,
    /// SIGINT, SIGHUP and SIGUSR1, takes the sockets that a service manager passes in place of
    /// those of the configuration, and tells it how things are. SIGTERM and SIGINT end the
    /// process while the snapshot is loaded.
    ///
    /// # Errors
    /// [`StartError`] names the address or the file, and the reason.
    pub fn bind_daemon(mut config: Config, origin: Origin) -> Result<Self, StartError> {
        let (users, tls) = Self::read_files(&config)?;
        config.users = users;
        let clock = SystemClock::new();
        let (config_file, allocator) = (origin.config_file.clone(), origin.allocator);
        let daemon = Daemon::start(&config, origin, clock.now()).map_err(StartError::Signals)?;
        let mut listeners = manager::passed_listeners(config.supervised)?;
        let owns_listeners = listeners.is_empty();
        if owns_listeners {
            listeners = Listener::bind_all(&config)?;
        }
        let encrypted = Listener::bind_tls(&config)?;
        let pages = Listener::bind_pages(&config)?;
        daemon::log_start(&config, &config_file, &listeners);
        let storage = FileStorage::of_server(directory::snapshot_path(&config));
        let mut server = Self::with_clock(config, listeners, clock).map_err(ListenError::poll)?;
        server.set_config_file(&config_file);
        let gauges = &mut server.reactor.node_mut().stats_mut().gauges;
        gauges.mem_allocator = allocator.into();
        if owns_listeners {
            server.owns_listeners();
        }
        server.encrypt(encrypted, tls)?;
        server.show_pages(pages)?;
        server.attach(storage, &daemon.manager)?;
        let registered = server.reactor.set_daemon(daemon);
        registered.map_err(StartError::Signals)?;
        Ok(server)
    }

    /// Lets the server open other sockets, because it has opened those there are.
    fn owns_listeners(&mut self) {
        self.reactor.node_mut().host_mut().owns_listeners = true;
    }

    /// Lets clients come by TLS at sockets that are bound, if there are settings for it.
    fn encrypt(
        &mut self,
        listeners: Vec<mio::net::TcpListener>,
        settings: Option<tls::Settings>,
    ) -> Result<(), StartError> {
        let Some(settings) = settings else {
            return Ok(());
        };
        let waker = self.stop.waker.clone();
        let keepalive_s = (self.reactor.node_mut().engine().config()).tcp_keepalive_seconds;
        let handshakes = Handshakes::start(listeners, settings, keepalive_s, waker);
        let handshakes = handshakes.map_err(StartError::Tls)?;
        let listener = Listener::Tls(handshakes);
        log::info!("listening on {listener}");
        let added = self.reactor.add_listener(listener);
        Ok(added.map_err(ListenError::poll)?)
    }

    /// Shows pages over HTTP at sockets that are bound.
    fn show_pages(&mut self, listeners: Vec<Listener>) -> Result<(), StartError> {
        for listener in listeners {
            log::info!("listening on {listener}");
            let added = self.reactor.add_listener(listener);
            added.map_err(ListenError::poll)?;
        }
        Ok(())
    }

    /// Loads the snapshot and lets the server take others.
    fn attach(&mut self, mut storage: FileStorage, manager: &Manager) -> Result<(), StartError> {
        let waker = self.stop.waker.clone();
        let (node, clock) = self.reactor.node_and_clock();
        loading::load(node, &mut storage, clock, manager)?;
        node.enable_saving(clock.now());
        let disk = Disk::start(Box::new(storage), waker).map_err(ListenError::poll)?;
        self.reactor.set_disk(disk);
        Ok(())
    }

    /// A server for the clients of a listener that is bound already; `bind`, `port` and
    /// `unixsocket` of the configuration are not used. It neither loads nor takes snapshots.
    ///
    /// ```
    /// use evenkeel::{Config, Server};
    /// use std::io::{Read, Write};
    /// use std::net::{TcpListener, TcpStream};
    ///
    /// let listener = TcpListener::bind("127.0.0.1:0")?;
    /// let address = listener.local_addr()?;
    /// let server = Server::on_listener(Config::default(), listener)?;
    /// let stop = server.stop_handle();
    /// let thread = std::thread::spawn(move || server.run());
    ///
    /// let mut client = TcpStream::connect(address)?;
    /// client.write_all(b"PING\r\n")?;
    /// let mut reply = [0; 7];
    /// client.read_exact(&mut reply)?;
    /// assert_eq!(&reply, b"+PONG\r\n");
    ///
    /// stop.stop();
    /// thread.join().expect("the server does not panic")?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// What the operating system says when the listener is made non-blocking or polled; a
    /// `rename-command` that can't be done; users that are none.
    pub fn on_listener(mut config: Config, listener: TcpListener) -> io::Result<Self> {
        CommandNames::check(&config.rename_command).map_err(io::Error::other)?;
        config.users = users::lines(&config).map_err(io::Error::other)?;
        Self::new(config, vec![Listener::from_std(listener)?])
    }

    fn new(config: Config, listeners: Vec<Listener>) -> io::Result<Self> {
        Self::with_clock(config, listeners, SystemClock::new())
    }

    fn with_clock(
        mut config: Config,
        listeners: Vec<Listener>,
        clock: SystemClock,
    ) -> io::Result<Self> {
        let configured_seed = config.hash_seed;
        if configured_seed == 0 {
            // The standard library draws its hash keys from the operating system.
            config.hash_seed = RandomState::new().hash_one(std::process::id());
        }
        let wanted = config.maxclients;
        config.maxclients = machine::raise_descriptor_limit(wanted);
        if config.maxclients < wanted {
            log::warn!(
                "maxclients is {} instead of {wanted}: the limit of open files allows no more",
                config.maxclients
            );
        }
        let poll = Poll::new()?;
        let stop = StopHandle {
            is_stopping: Arc::default(),
            waker: Arc::new(Waker::new(poll.registry(), Token(STOP_TOKEN))?),
        };
        let mut node = Node::new(config, clock.now());
        node.engine_mut().set_stopwatch(Box::new(clock));
        // A seed that was drawn is nobody's business: CONFIG GET would tell it, and CONFIG REWRITE
        // keep it for the next start.
        node.engine_mut().config_mut().hash_seed = configured_seed;
        let port = listeners.iter().find_map(Listener::port).unwrap_or(0);
        machine::describe(&mut node.stats_mut().gauges, port, &clock);
        node.host_mut().clients_possible = machine::clients_possible();
        memory_limit::apply(&mut node);
        let reactor = Reactor::new(poll, node, clock, listeners, stop.is_stopping.clone())?;
        Ok(Self { reactor, stop })
    }

    /// A handle that ends the server once it runs.
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// The TCP addresses the server listens on.
    pub fn tcp_addresses(&self) -> Vec<SocketAddr> {
        self.reactor.tcp_addresses()
    }

    /// Ends the server on SIGTERM and SIGINT. A program that embeds a server may decide about its
    /// signals itself; one that is the server uses [`Server::bind_daemon`].
    ///
    /// # Errors
    /// What the operating system says when the signals can't be caught.
    pub fn stop_on_signals(&mut self) -> io::Result<()> {
        self.reactor.stop_on_signals()
    }

    /// Sets where the configuration came from, for `INFO` and `CONFIG REWRITE`.
    pub fn set_config_file(&mut self, path: &[u8]) {
        let shown = String::from_utf8_lossy(path).into_owned();
        self.reactor.node_mut().host_mut().config_file = shown;
        self.reactor.set_config_path(path);
    }

    /// Serves clients until a client says SHUTDOWN, a [`StopHandle`] is used or a signal comes.
    ///
    /// # Errors
    /// What the operating system says when polling fails. Failures of single connections end
    /// those only.
    pub fn run(self) -> io::Result<()> {
        self.reactor.run()
    }
}
