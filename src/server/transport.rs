//! The socket of a client, or of the primary, whatever its kind.

use super::tls::{TlsStream, begin_with_primary};
use crate::config::Config;
use mio::event::Source;
use mio::net::{TcpStream, UnixStream};
use mio::{Interest, Registry, Token};
use socket2::{SockRef, TcpKeepalive};
use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::time::Duration;

/// Probes without an answer after which a peer counts as gone, as Redis has it.
const KEEPALIVE_PROBES: u32 = 3;

pub(super) enum Transport {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream>),
}

impl Transport {
    /// A TCP client, with the options of [`set_options`].
    pub(super) fn tcp(stream: TcpStream, keepalive_s: u32) -> Self {
        set_options(&stream, keepalive_s);
        Self::Tcp(stream)
    }

    /// A primary at this address that speaks TLS.
    ///
    /// # Errors
    /// What is wrong with the settings of TLS.
    pub(super) fn encrypted_primary(
        socket: TcpStream,
        address: IpAddr,
        config: &Config,
    ) -> io::Result<Self> {
        set_options(&socket, config.tcp_keepalive_seconds);
        let stream = begin_with_primary(socket, address, config);
        stream
            .map(|stream| Self::Tls(Box::new(stream)))
            .map_err(io::Error::other)
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        // Both at once and once only: edges tell the changes, and nothing is registered again.
        let both = Interest::READABLE | Interest::WRITABLE;
        match self {
            Self::Tcp(stream) => stream.register(registry, token, both),
            Self::Unix(stream) => stream.register(registry, token, both),
            Self::Tls(stream) => stream.socket.register(registry, token, both),
        }
    }
}

impl Read for Transport {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Transport {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Lets replies leave at once, and notices a peer that vanished after `keepalive_s` seconds of
/// silence (0: never).
pub(super) fn set_options(stream: &TcpStream, keepalive_s: u32) {
    let mut outcome = stream.set_nodelay(true);
    if keepalive_s > 0 {
        let idle = Duration::from_secs(u64::from(keepalive_s));
        let interval = Duration::from_secs(u64::from(keepalive_s / KEEPALIVE_PROBES).max(1));
        let keepalive = TcpKeepalive::new()
            .with_time(idle)
            .with_interval(interval)
            .with_retries(KEEPALIVE_PROBES);
        outcome = outcome.and_then(|()| SockRef::from(stream).set_tcp_keepalive(&keepalive));
    }
    if let Err(error) = outcome {
        // The client may be gone already; reading will tell.
        log::debug!("cannot set options of a client's socket: {error}");
    }
}
