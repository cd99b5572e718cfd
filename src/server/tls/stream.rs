//! One encrypted link: a client whose handshake is over, or the primary that this server follows.
//!
//! ```text
//!  read:   socket ─▶ end of the buffer ─▶ rustls ─▶ its beginning    until the socket is empty
//!  write:  piece ─▶ rustls ─▶ socket          the piece counts as written when all of it has left
//! ```
//!
//! A large read takes cipher text into the caller's own buffer, behind where its plain text will
//! stand, in pieces that rustls would not ask for (it takes 4 KiB): a system call for many records,
//! and none to learn that the socket is empty.
//!
//! A primary's handshake is made by the reads and writes of its link, and until it is over nothing
//! is taken from the caller.
//!
//! Invariants: a read that returns fewer bytes than there is room for has emptied the socket, as on
//! a plain one; so edges of the poll tell of the rest. Nothing but the cipher text of one piece
//! waits in rustls, and the node still has that piece: budgets and limits hold for it. Checked with
//! arbitrary splits, ends and faults by `fuzz/src/tls.rs`.
//!
//! Not here: the handshakes of clients (`handshake.rs`), whom a primary is believed (`primary.rs`).

use mio::net::TcpStream;
use rustls::Connection;
use std::io::{self, ErrorKind, Read, Write};

/// Bytes that are encrypted at once.
const PIECE_BYTES: usize = 64 << 10;

/// Cipher text that is taken from a socket at once; it stays in the cache until it is decrypted.
const INTAKE_BYTES: usize = 64 << 10;

/// What a record is that has come in part: so much more plain text than new cipher text there may
/// be, and such a gap is left for it.
const RECORD_BYTES_MAX: usize = (16 << 10) + 256 + 5;

/// The least room in which cipher text is taken into the buffer.
const LARGE_READ_BYTES: usize = 2 * RECORD_BYTES_MAX;

/// See the module header.
pub struct TlsStream<S = TcpStream> {
    pub(in crate::server) socket: S,
    connection: Box<Connection>,
    /// Bytes of the piece whose cipher text has not left yet; the caller gives them again.
    unsent: usize,
}

/// What taking in has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Intake {
    /// There may be more.
    Some,
    /// There was something, and nothing is left in the socket.
    Last,
    /// There was nothing.
    Nothing,
}

impl<S: Read + Write> TlsStream<S> {
    /// A client whose handshake is over, or a primary.
    pub(super) fn new(socket: S, connection: impl Into<Connection>) -> Self {
        Self {
            socket,
            connection: Box::new(connection.into()),
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

    /// Takes what has arrived from the socket, a few kilobytes at most.
    fn take_in(&mut self) -> io::Result<Intake> {
        loop {
            match self.connection.read_tls(&mut self.socket) {
                Ok(_) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Intake::Nothing),
                Err(error) => return Err(error),
            }
        }
        self.decrypt()?;
        Ok(Intake::Some)
    }

    /// Takes what has arrived into `buffer` from `filled` on, and decrypts it there; `filled` is
    /// how far it is filled then. There must be room for [`LARGE_READ_BYTES`].
    fn take_much_in(&mut self, buffer: &mut [u8], filled: &mut usize) -> io::Result<Intake> {
        let mut begin = *filled + RECORD_BYTES_MAX;
        let end_max = buffer.len().min(begin + INTAKE_BYTES);
        let count = loop {
            match self.socket.read(&mut buffer[begin..end_max]) {
                Ok(count) => break count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Intake::Nothing),
                Err(error) => return Err(error),
            }
        };
        let end = begin + count;
        loop {
            // No byte at all is how rustls is told of the end.
            let mut arrived = &buffer[begin..end];
            let taken = self.connection.read_tls(&mut arrived)?;
            begin += taken;
            self.decrypt()?;
            *filled += self.take_out(&mut buffer[*filled..begin])?;
            // It takes nothing behind the client's goodbye.
            if begin == end || taken == 0 {
                break;
            }
        }
        match end < end_max && count > 0 {
            true => Ok(Intake::Last),
            false => Ok(Intake::Some),
        }
    }

    /// Plain text that rustls has; how many bytes.
    fn take_out(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.connection.reader().read(buffer) {
            Err(error) if is_of_want(error.kind()) => Ok(0),
            done => done,
        }
    }

    /// Decrypts what rustls has, and sends what it wants to say.
    fn decrypt(&mut self) -> io::Result<()> {
        if let Err(error) = self.connection.process_new_packets() {
            // The peer is told why, if its socket takes that.
            _ = self.flush_out();
            return Err(io::Error::new(ErrorKind::InvalidData, error));
        }
        match self.flush_out() {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(()),
        }
    }

    /// Says goodbye, if the socket takes it.
    pub fn say_goodbye(&mut self) {
        self.connection.send_close_notify();
        _ = self.flush_out();
    }
}

/// Whether rustls has no plain text: for now, or for good.
fn is_of_want(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::UnexpectedEof)
}

impl<S: Read + Write> Read for TlsStream<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        let mut is_empty = false;
        while filled < buffer.len() {
            match self.connection.reader().read(&mut buffer[filled..]) {
                Ok(0) => return Ok(filled),
                Ok(count) => {
                    filled += count;
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(filled),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            if is_empty {
                break;
            }
            let taken = match buffer.len() - filled >= LARGE_READ_BYTES {
                true => self.take_much_in(buffer, &mut filled),
                false => self.take_in(),
            };
            match taken {
                Ok(intake) => is_empty = intake != Intake::Some,
                Err(error) => {
                    // What was decrypted before is good; the next read fails again.
                    filled += self.take_out(&mut buffer[filled..])?;
                    return if filled > 0 { Ok(filled) } else { Err(error) };
                }
            }
        }
        match filled == 0 && !buffer.is_empty() {
            true => Err(ErrorKind::WouldBlock.into()),
            false => Ok(filled),
        }
    }
}

impl<S: Read + Write> Write for TlsStream<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut sent = 0;
        loop {
            match self.flush_out() {
                Ok(()) => sent += std::mem::take(&mut self.unsent),
                // A short write means a full socket, as on a plain one.
                Err(error) if error.kind() == ErrorKind::WouldBlock && sent > 0 => return Ok(sent),
                Err(error) => return Err(error),
            }
            if self.connection.is_handshaking() {
                return Err(ErrorKind::WouldBlock.into());
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
