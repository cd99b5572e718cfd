//! One handshake, step by step.
//!
//! ```text
//!  socket ─▶ rustls ─▶ socket      until nothing moves: it waits, is over, or has failed
//! ```
//!
//! Not here: many of them, and how long they may take (`handshakes.rs`); what comes then
//! (`stream.rs`).

use super::stream::TlsStream;
use mio::net::TcpStream;
use rustls::{InvalidMessage, ServerConfig, ServerConnection};
use std::io::{ErrorKind, Read, Write};
use std::sync::Arc;

/// A client whose handshake is under way.
pub struct Handshake<S = TcpStream> {
    pub(super) socket: S,
    connection: Box<ServerConnection>,
}

/// How a handshake stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// For the socket.
    Waits,
    /// The client is who it says.
    Over,
    /// The socket is to be closed.
    Failed,
}

/// Whether a peer with whom a handshake failed so can read an alert. A client that has mistaken the
/// port would take one for a reply.
fn speaks_tls(error: &rustls::Error) -> bool {
    !matches!(
        error,
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)
    )
}

impl<S: Read + Write> Handshake<S> {
    /// A client that has just come.
    ///
    /// # Errors
    /// What rustls finds wrong with the settings.
    pub fn new(socket: S, settings: Arc<ServerConfig>) -> Result<Self, rustls::Error> {
        let connection = Box::new(ServerConnection::new(settings)?);
        Ok(Self { socket, connection })
    }

    /// Goes on until the socket has no more or takes no more.
    pub fn step(&mut self) -> Progress {
        loop {
            while self.connection.wants_write() {
                match self.connection.write_tls(&mut self.socket) {
                    Ok(0) => return Progress::Failed,
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return Progress::Waits,
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(_) => return Progress::Failed,
                }
            }
            if !self.connection.is_handshaking() {
                return Progress::Over;
            }
            match self.connection.read_tls(&mut self.socket) {
                Ok(0) => return Progress::Failed,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Progress::Waits,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return Progress::Failed,
            }
            if let Err(error) = self.connection.process_new_packets() {
                log::debug!("a handshake failed: {error}");
                if speaks_tls(&error) {
                    // The peer is told why, if its socket takes that.
                    _ = self.connection.write_tls(&mut self.socket);
                }
                return Progress::Failed;
            }
        }
    }

    /// The common name of the client's certificate.
    pub(super) fn common_name(&self) -> Option<Box<str>> {
        let certificate = self.connection.peer_certificates()?.first()?;
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
        let first = parsed.subject().iter_common_name().next()?;
        first.as_str().ok().map(Box::from)
    }

    /// The client, its handshake over.
    pub fn into_stream(self) -> TlsStream<S> {
        TlsStream::new(self.socket, *self.connection)
    }
}
