//! One encrypted client, its handshake over.
//!
//! ```text
//!  read:   socket ─▶ rustls ─▶ buffer        until the buffer is full or the socket is empty
//!  write:  piece ─▶ rustls ─▶ socket         the piece counts as written when all of it has left
//! ```
//!
//! Invariants: a read that returns fewer bytes than there is room for has emptied the socket, as on
//! a plain one; so edges of the poll tell of the rest. Nothing but the cipher text of one piece
//! waits in rustls, and the node still has that piece: budgets and limits hold for it.
//!
//! Not here: the handshake (`handshakes.rs`).

use mio::net::TcpStream;
use rustls::ServerConnection;
use std::io::{self, ErrorKind, Read, Write};

/// Bytes that are encrypted at once.
const PIECE_BYTES: usize = 64 << 10;

/// See the module header.
pub(in crate::server) struct TlsStream {
    pub(in crate::server) socket: TcpStream,
    connection: Box<ServerConnection>,
    /// Bytes of the piece whose cipher text has not left yet; the caller gives them again.
    unsent: usize,
}

impl TlsStream {
    pub(super) fn new(socket: TcpStream, connection: Box<ServerConnection>) -> Self {
        Self {
            socket,
            connection,
            unsent: 0,
        }
    }

    /// Lets cipher text leave that waits: alerts, tickets, keys, and the present piece.
    fn flush_out(&mut self) -> io::Result<()> {
        while self.connection.wants_write() {
            match self.connection.write_tls(&mut self.socket) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes what has arrived from the socket; false if nothing has.
    fn take_in(&mut self) -> io::Result<bool> {
        loop {
            match self.connection.read_tls(&mut self.socket) {
                Ok(_) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        if let Err(error) = self.connection.process_new_packets() {
            // The peer is told why, if its socket takes that.
            _ = self.flush_out();
            return Err(io::Error::new(ErrorKind::InvalidData, error));
        }
        match self.flush_out() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(true),
        }
    }

    /// Says goodbye, if the socket takes it.
    pub(in crate::server) fn say_goodbye(&mut self) {
        self.connection.send_close_notify();
        _ = self.flush_out();
    }
}

impl Read for TlsStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.connection.reader().read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
                Err(error) if error.kind() == ErrorKind::WouldBlock => match self.take_in() {
                    Ok(true) => {}
                    Ok(false) if filled == 0 => return Err(error),
                    Ok(false) => break,
                    // What was decrypted before is good; the next read fails again.
                    Err(_) if filled > 0 => break,
                    Err(error) => return Err(error),
                },
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

impl Write for TlsStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut sent = 0;
        loop {
            match self.flush_out() {
                Ok(()) => sent += std::mem::take(&mut self.unsent),
                // A short write means a full socket, as on a plain one.
                Err(error) if error.kind() == ErrorKind::WouldBlock && sent > 0 => return Ok(sent),
                Err(error) => return Err(error),
            }
            if sent == bytes.len() {
                return Ok(sent);
            }
            let piece = &bytes[sent..bytes.len().min(sent + PIECE_BYTES)];
            self.unsent = self.connection.writer().write(piece)?;
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
