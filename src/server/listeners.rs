//! Sockets that clients connect to.
//!
//! Not here: accepting (`reactor.rs`).

use super::transport::Transport;
use crate::config::{Config, ListenAddress};
use crate::session::{self, Peer};
use mio::event::Source;
use mio::{Interest, Registry, Token};
use nix::sys::stat::{FchmodatFlags, Mode, fchmodat};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsRawFd, OwnedFd};
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
        /// Whether the name in the file system is ours to remove.
        is_own: bool,
    },
}

impl Listener {
    /// Binds everything the configuration names. Passed over are optional addresses that this
    /// machine does not have and, with a warning, all of a family that its kernel does not have.
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
            is_own: false,
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
        if let Self::Unix { path, is_own, .. } = self
            && *is_own
            && let Err(error) = nix::unistd::unlink(path)
        {
            log::warn!("cannot remove {}: {error}", path.display());
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
        Err(error) if is_family_absent(&error) => {
            let host = &address.host;
            log::warn!("not listening on {host}: this machine's kernel has no such addresses");
            Ok(None)
        }
        Err(error) if address.optional && error.kind() == io::ErrorKind::AddrNotAvailable => {
            Ok(None)
        }
        Err(error) => Err(ListenError::new(
            format_args!("{}:{port}", address.host),
            error,
        )),
    }
}

/// Whether the kernel was built, or started, without this kind of address.
fn is_family_absent(error: &io::Error) -> bool {
    use nix::errno::Errno;
    const ABSENT: [Errno; 5] = [
        Errno::EAFNOSUPPORT,
        Errno::EPFNOSUPPORT,
        Errno::EPROTONOSUPPORT,
        Errno::ESOCKTNOSUPPORT,
        Errno::ENOPROTOOPT,
    ];
    let code = error.raw_os_error();
    ABSENT.iter().any(|absent| code == Some(*absent as i32))
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
    let path = config.path_in_dir(&config.unixsocket);
    let bind = || -> io::Result<mio::net::UnixListener> {
        let address = SockAddr::unix(&path)?;
        // A name that a killed server left behind is taken over; a file that is no socket is not.
        if is_socket(&path) {
            nix::unistd::unlink(&path)?;
        }
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.bind(&address)?;
        if config.unixsocketperm != 0 {
            let mode = Mode::from_bits_truncate(config.unixsocketperm);
            fchmodat(
                nix::fcntl::AT_FDCWD,
                &path,
                mode,
                FchmodatFlags::FollowSymlink,
            )?;
        }
        socket.listen(backlog_of(config.tcp_backlog))?;
        socket.set_nonblocking(true)?;
        let listener = std::os::unix::net::UnixListener::from(OwnedFd::from(socket));
        Ok(mio::net::UnixListener::from_std(listener))
    };
    match bind() {
        Ok(listener) => Ok(Listener::Unix {
            listener,
            path,
            is_own: true,
        }),
        Err(error) => Err(ListenError::new(path.display(), error)),
    }
}

fn is_socket(path: &Path) -> bool {
    let Ok(status) = nix::sys::stat::lstat(path) else {
        return false;
    };
    let kind = nix::sys::stat::SFlag::from_bits_truncate(status.st_mode);
    kind & nix::sys::stat::SFlag::S_IFMT == nix::sys::stat::SFlag::S_IFSOCK
}
