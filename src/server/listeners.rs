//! Sockets that clients connect to.
//!
//! Not here: accepting (`reactor.rs`), the names of unix sockets (`unix_socket.rs`).

use super::tls::Handshakes;
use super::transport::Transport;
use super::unix_socket::SocketName;
use crate::config::{Config, ListenAddress};
use crate::session::{self, Peer};
use mio::event::Source;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, Socket, Type};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::os::fd::AsRawFd;
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

    fn at(host: &str, port: u16, reason: io::Error) -> Self {
        Self::new(format_args!("{host}:{port}"), reason)
    }

    fn nowhere() -> Self {
        let reason = io::Error::other("the configuration names no address this machine has");
        Self::new("any address", reason)
    }

    /// Whether somebody else listens there.
    pub(super) fn is_in_use(&self) -> bool {
        self.reason.kind() == io::ErrorKind::AddrInUse
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
    /// Clients whose handshake is over.
    Tls(Handshakes),
    /// Those who look at pages over HTTP.
    Pages(mio::net::TcpListener),
}

impl Listener {
    /// Binds everything the configuration names. Passed over are optional addresses that this
    /// machine does not have and, with a warning, all of a family that its kernel does not have.
    pub(super) fn bind_all(config: &Config) -> Result<Vec<Self>, ListenError> {
        let mut listeners = Places::looked_up(config)?.bind_others(&[])?;
        if !config.unixsocket.is_empty() {
            listeners.push(bind_unix(config)?);
        }
        if listeners.is_empty() && config.tls_port == 0 {
            return Err(ListenError::nowhere());
        }
        Ok(listeners)
    }

    /// Binds the sockets of `tls-port`; none if there is no such port.
    pub(super) fn bind_tls(config: &Config) -> Result<Vec<mio::net::TcpListener>, ListenError> {
        Self::bind_port(config, &config.bind, config.tls_port)
    }

    /// Binds the sockets of `http-port`; none if there is no such port.
    pub(super) fn bind_pages(config: &Config) -> Result<Vec<Self>, ListenError> {
        let bound = Self::bind_port(config, &config.http_bind, config.http_port)?;
        Ok(bound.into_iter().map(Self::Pages).collect())
    }

    fn bind_port(
        config: &Config,
        addresses: &[ListenAddress],
        port: u16,
    ) -> Result<Vec<mio::net::TcpListener>, ListenError> {
        if port == 0 {
            return Ok(Vec::new());
        }
        let only_this = Config {
            bind: addresses.to_vec(),
            port,
            unixsocket: Vec::new(),
            ..config.clone()
        };
        let bound = Places::looked_up(&only_this)?.bind_others(&[])?;
        let tcp = bound.into_iter().filter_map(|listener| match listener {
            Self::Tcp(listener) => Some(listener),
            Self::Unix { .. } | Self::Tls(_) | Self::Pages(_) => None,
        });
        Ok(tcp.collect())
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
            // Neither other clients nor `bind` and `port` concern those.
            Self::Unix { .. } | Self::Tls(_) | Self::Pages(_) => None,
        }
    }

    pub(super) fn port(&self) -> Option<u16> {
        self.tcp_address().map(|address| address.port())
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        match self {
            Self::Tcp(listener) | Self::Pages(listener) => {
                listener.register(registry, token, Interest::READABLE)
            }
            Self::Unix { listener, .. } => listener.register(registry, token, Interest::READABLE),
            // Its thread wakes the poll.
            Self::Tls(_) => Ok(()),
        }
    }

    pub(super) fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        match self {
            Self::Tcp(listener) | Self::Pages(listener) => listener.deregister(registry),
            Self::Unix { listener, .. } => listener.deregister(registry),
            Self::Tls(_) => Ok(()),
        }
    }

    /// The next client that waits.
    pub(super) fn accept(&self, keepalive_s: u32) -> io::Result<(Transport, Peer)> {
        match self {
            Self::Tcp(listener) | Self::Pages(listener) => {
                let (stream, address) = listener.accept()?;
                let local_address = stream.local_addr()?;
                let peer = Peer {
                    address: address.to_string().into(),
                    local_address: local_address.to_string().into(),
                    transport: session::Transport::Tcp,
                    descriptor: stream.as_raw_fd(),
                    certified_name: None,
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
                    certified_name: None,
                };
                Ok((Transport::Unix(stream), peer))
            }
            Self::Tls(handshakes) => handshakes.accept(),
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
            Self::Pages(listener) => match listener.local_addr() {
                Ok(address) => write!(formatter, "http {address}"),
                Err(error) => write!(formatter, "http (address unknown: {error})"),
            },
            Self::Unix { path, .. } => write!(formatter, "unix {}", path.display()),
            Self::Tls(handshakes) => {
                let addresses = handshakes.addresses().iter();
                let texts: Vec<_> = addresses.map(|address| format!("tls {address}")).collect();
                formatter.write_str(&texts.join(" and "))
            }
        }
    }
}

/// Where TCP sockets are to be.
pub(super) struct Places {
    addresses: Vec<Place>,
    backlog: u32,
    /// Whether there is a unix socket, too, so that there may be no address.
    has_other: bool,
}

struct Place {
    address: SocketAddr,
    /// As it was written.
    host: String,
    is_optional: bool,
}

impl Places {
    /// What the configuration names; host names are looked up.
    fn looked_up(config: &Config) -> Result<Self, ListenError> {
        Self::resolved(config, resolve)
    }

    /// What the configuration names, without host names: looking them up may take long.
    pub(super) fn without_lookup(config: &Config) -> Result<Self, ListenError> {
        Self::resolved(config, |host, port| match numeric(host) {
            Some(ip) => Ok(SocketAddr::new(ip, port)),
            None => Err(io::Error::other(
                "host names are looked up only at the start",
            )),
        })
    }

    fn resolved(
        config: &Config,
        resolve: impl Fn(&str, u16) -> io::Result<SocketAddr>,
    ) -> Result<Self, ListenError> {
        let place = |listed: &ListenAddress| {
            let host = listed.host.clone();
            match resolve(&host, config.port) {
                Ok(address) => Ok(Place {
                    address,
                    host,
                    is_optional: listed.optional,
                }),
                Err(error) => Err(ListenError::at(&host, config.port, error)),
            }
        };
        let has_other = !config.unixsocket.is_empty() || config.tls_port != 0;
        let listed = match config.port {
            0 if has_other => &[],
            _ => &config.bind[..],
        };
        Ok(Self {
            addresses: listed.iter().map(place).collect::<Result<_, _>>()?,
            backlog: config.tcp_backlog,
            has_other,
        })
    }

    /// Where these sockets are.
    pub(super) fn of(listeners: &[Listener]) -> Self {
        let addresses = listeners.iter().filter_map(Listener::tcp_address);
        Self {
            addresses: addresses
                .map(|address| Place {
                    address,
                    host: address.ip().to_string(),
                    is_optional: false,
                })
                .collect(),
            backlog: Config::default().tcp_backlog,
            has_other: true,
        }
    }

    /// Whether a socket is one of these, or none of TCP.
    pub(super) fn has(&self, listener: &Listener) -> bool {
        let is_at = |address| self.addresses.iter().any(|place| place.address == address);
        listener.tcp_address().is_none_or(is_at)
    }

    /// Binds all that are not open already. On an error none of them is.
    pub(super) fn bind_others(&self, open: &[Listener]) -> Result<Vec<Listener>, ListenError> {
        let mut bound: Vec<Listener> = Vec::new();
        for place in &self.addresses {
            if open
                .iter()
                .any(|listener| listener.tcp_address() == Some(place.address))
            {
                continue;
            }
            let mut address = place.address;
            if let (0, Some(first)) = (address.port(), bound.first()) {
                // The port that was picked for the first address serves all.
                address.set_port(first.port().unwrap_or(0));
            }
            bound.extend(place.bind(address, self.backlog)?);
        }
        if bound.is_empty() && open.is_empty() && !self.has_other {
            return Err(ListenError::nowhere());
        }
        Ok(bound)
    }

    /// Binds what can be bound; the log tells of the others.
    pub(super) fn bind_what_can_be(&self) -> Vec<Listener> {
        let bind = |place: &Place| match place.bind(place.address, self.backlog) {
            Ok(listener) => listener,
            Err(error) => {
                log::error!("{error}");
                None
            }
        };
        self.addresses.iter().filter_map(bind).collect()
    }
}

impl Place {
    fn bind(&self, address: SocketAddr, backlog: u32) -> Result<Option<Listener>, ListenError> {
        self.outcome(address, bind_tcp(address, backlog))
    }

    /// What the outcome of binding it means: none if it may be passed over.
    fn outcome(
        &self,
        address: SocketAddr,
        bound: io::Result<mio::net::TcpListener>,
    ) -> Result<Option<Listener>, ListenError> {
        match bound {
            Ok(listener) => Ok(Some(Listener::Tcp(listener))),
            Err(error) if is_family_absent(&error) => {
                let host = &self.host;
                log::warn!("not listening on {host}: this machine's kernel has no such addresses");
                Ok(None)
            }
            Err(error) if self.is_optional && error.kind() == io::ErrorKind::AddrNotAvailable => {
                Ok(None)
            }
            Err(error) => Err(ListenError::at(&self.host, address.port(), error)),
        }
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

/// The address that is written, if it is none that must be looked up.
fn numeric(host: &str) -> Option<IpAddr> {
    match host {
        "*" => Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        "::*" => Some(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        _ => host.parse().ok(),
    }
}

fn resolve(host: &str, port: u16) -> io::Result<SocketAddr> {
    match numeric(host) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use nix::errno::Errno;

    /// What becomes of an address that can't be bound for this reason: whether it is passed over.
    fn is_passed_over(errno: Errno, is_optional: bool) -> bool {
        let address: SocketAddr = "[::1]:6379".parse().unwrap();
        let place = Place {
            address,
            host: "::1".to_owned(),
            is_optional,
        };
        match place.outcome(address, Err(errno.into())) {
            Ok(listener) => listener.is_none(),
            Err(error) => {
                assert!(error.to_string().starts_with("cannot listen on ::1:6379: "));
                false
            }
        }
    }

    #[test]
    fn addresses_of_a_family_that_the_kernel_lacks_are_passed_over() {
        for is_optional in [false, true] {
            assert!(is_passed_over(Errno::EAFNOSUPPORT, is_optional));
            assert!(is_passed_over(Errno::EPROTONOSUPPORT, is_optional));
            assert!(!is_passed_over(Errno::EADDRINUSE, is_optional));
            assert!(!is_passed_over(Errno::EACCES, is_optional));
        }
        assert!(is_passed_over(Errno::EADDRNOTAVAIL, true));
        assert!(!is_passed_over(Errno::EADDRNOTAVAIL, false));
    }

    #[test]
    fn one_place_at_least_must_be_left() {
        let config = |text: &str| {
            let mut config = Config::default();
            config.apply_file("a", text.as_bytes()).unwrap();
            config
        };
        let bound = |text: &str| Places::looked_up(&config(text))?.bind_others(&[]);
        let error = bound("bind \"\"\nport 0").err().unwrap();
        assert_eq!(
            error.to_string(),
            "cannot listen on any address: the configuration names no address this machine has"
        );
        assert_eq!(bound("bind 127.0.0.1\nport 0").unwrap().len(), 1);
        // Without a port there is only the unix socket.
        let unix = bound("bind 127.0.0.1\nport 0\nunixsocket a").unwrap();
        assert!(unix.is_empty());
        let named = Places::without_lookup(&config("bind localhost")).err();
        assert_eq!(
            named.unwrap().to_string(),
            "cannot listen on localhost:6379: host names are looked up only at the start"
        );
    }
}
