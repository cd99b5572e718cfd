//! Sockets that clients connect to.
//!
//! Not here: accepting (`reactor.rs`), the names of unix sockets (`unix_socket.rs`).

use super::transport::Transport;
use super::unix_socket::SocketName;
use crate::config::{Config, ListenAddress};
use crate::session::{self, Peer};
use mio::event::Source;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, Socket, Type};
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// Why the server can't listen.
#[derive(Debug)]
pub struct ListenError {
    address: String,
    reason: io::Error,
}

impl ListenError {
    pub(super) fn new(address: impl fmt::Display, reason: io::Error) -> Self {
        Self {
            address: address.to_string(),
            reason,
        }
    }

    pub(super) fn poll(reason: io::Error) -> Self {
        Self::new("any address", reason)
    }
}

impl fmt::Display for ListenError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "cannot listen on {}: {}",
            self.address, self.reason
        )
    }
}

impl std::error::Error for ListenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.reason)
    }
}

/// A socket that clients connect to.
pub(super) enum Listener {
    Tcp(mio::net::TcpListener),
    Unix {
        listener: mio::net::UnixListener,
        path: PathBuf,
        /// The name in the file system, if it is ours to remove.
        name: Option<SocketName>,
    },
}

impl Listener {
    /// Binds everything the configuration names. An optional address that this machine does not
    /// have is passed over.
    pub(super) fn bind_all(config: &Config) -> Result<Vec<Self>, ListenError> {
        let mut listeners = Vec::new();
        let mut port = config.port;
        for address in &config.bind {
            let Some(listener) = bind_host(address, port, config.tcp_backlog)? else {
                continue;
            };
            // The port that was picked for the first address serves all.
            port = listener.port().unwrap_or(port);
            listeners.push(listener);
        }
        if !config.unixsocket.is_empty() {
            listeners.push(bind_unix(config)?);
        }
        if listeners.is_empty() {
            let reason = io::Error::other("the configuration names no address this machine has");
            return Err(ListenError::new("any address", reason));
        }
        Ok(listeners)
    }

    pub(super) fn from_std(listener: std::net::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self::Tcp(mio::net::TcpListener::from_std(listener)))
    }

    /// A unix socket that whoever started this process has bound.
    pub(super) fn from_passed_unix(listener: std::os::unix::net::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let path = address.as_pathname().unwrap_or(Path::new("(unnamed)"));
        Ok(Self::Unix {
            path: path.to_path_buf(),
            listener: mio::net::UnixListener::from_std(listener),
            name: None,
        })
    }

    pub(super) fn tcp_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix { .. } => None,
        }
    }

    pub(super) fn port(&self) -> Option<u16> {
        self.tcp_address().map(|address| address.port())
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Self::Tcp(listener) => listener.register(registry, token, Interest::READABLE),
            Self::Unix { listener, .. } => listener.register(registry, token, Interest::READABLE),
        }
    }

    /// The next client that waits.
    pub(super) fn accept(&self, keepalive_s: u32) -> io::Result<(Transport, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept()?;
                let local_address = stream.local_addr()?;
                let peer = Peer {
                    address: address.to_string().into(),
                    local_address: local_address.to_string().into(),
                    transport: session::Transport::Tcp,
                    descriptor: stream.as_raw_fd(),
                };
                Ok((Transport::tcp(stream, keepalive_s), peer))
            }
            Self::Unix { listener, path, .. } => {
                let (stream, _) = listener.accept()?;
                let name: Box<str> = format!("{}:0", path.display()).into();
                let peer = Peer {
                    address: name.clone(),
                    local_address: name,
                    transport: session::Transport::Unix,
                    descriptor: stream.as_raw_fd(),
                };
                Ok((Transport::Unix(stream), peer))
            }
        }
    }

    /// Takes the socket's name out of the file system, if it was put there by this process.
    pub(super) fn remove_name(&self) {
        if let Self::Unix {
            name: Some(name), ..
        } = self
        {
            name.remove();
        }
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(listener) => match listener.local_addr() {
                Ok(address) => write!(formatter, "tcp {address}"),
                Err(error) => write!(formatter, "tcp (address unknown: {error})"),
            },
            Self::Unix { path, .. } => write!(formatter, "unix {}", path.display()),
        }
    }
}

fn bind_host(
    address: &ListenAddress,
    port: u16,
    backlog: u32,
) -> Result<Option<Listener>, ListenError> {
    let bound = resolve(&address.host, port)
        .and_then(|socket_address| bind_tcp(socket_address, backlog).map(Listener::Tcp));
    match bound {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if address.optional && is_absent(&error) => Ok(None),
        Err(error) => Err(ListenError::new(
            format_args!("{}:{port}", address.host),
            error,
        )),
    }
}

/// Whether an address failed to bind because this machine does not have it.
fn is_absent(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.raw_os_error() == Some(nix::errno::Errno::EAFNOSUPPORT as i32)
}

fn resolve(host: &str, port: u16) -> io::Result<SocketAddr> {
    let ip = match host {
        "*" => Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        "::*" => Some(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        _ => host.parse().ok(),
    };
    match ip {
        Some(ip) => Ok(SocketAddr::new(ip, port)),
        None => (host, port)
            .to_socket_addrs()?
            .next()
            .ok_or_else(|| io::Error::other("the name has no address")),
    }
}

fn backlog_of(config_value: u32) -> i32 {
    i32::try_from(config_value).unwrap_or(i32::MAX)
}

fn bind_tcp(address: SocketAddr, backlog: u32) -> io::Result<mio::net::TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        // Else an IPv6 socket takes the IPv4 port, too, and the other address can't be bound.
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(backlog_of(backlog))?;
    socket.set_nonblocking(true)?;
    Ok(mio::net::TcpListener::from_std(socket.into()))
}

fn bind_unix(config: &Config) -> Result<Listener, ListenError> {
    let path = PathBuf::from(OsString::from_vec(config.unixsocket.clone()));
    let backlog = backlog_of(config.tcp_backlog);
    match SocketName::bind(&path, config.unixsocketperm, backlog) {
        Ok((listener, name)) => Ok(Listener::Unix {
            listener,
            path,
            name: Some(name),
        }),
        Err(error) => Err(ListenError::new(path.display(), error)),
    }
}
