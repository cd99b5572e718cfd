//! Takes what a server sends to very many connections, and counts it.
//!
//! ```text
//! 10,000 sockets ── epoll ──▶ one buffer, overwritten      bytes of all of them
//! ```
//!
//! The bytes are not looked at: who sends them knows how many there must be.
//!
//! Cost: one system call a socket that has something. Not here: connections that are answered one
//! at a time (`resp_client.rs`).

use std::io::{self, Read};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

/// Bytes that are read at once.
const READ_BYTES: usize = 64 * 1024;
/// Sockets that one look at all of them finds.
const EVENTS: usize = 1024;

/// Connections whose bytes are counted.
pub(crate) struct Drain {
    poll: Poll,
    streams: Vec<TcpStream>,
}

impl Drain {
    /// Takes over connections that have nothing to be read.
    pub(crate) fn new(streams: Vec<std::net::TcpStream>) -> io::Result<Drain> {
        let poll = Poll::new()?;
        let mut taken = Vec::new();
        for (index, stream) in streams.into_iter().enumerate() {
            stream.set_nonblocking(true)?;
            let mut stream = TcpStream::from_std(stream);
            let registry = poll.registry();
            registry.register(&mut stream, Token(index), Interest::READABLE)?;
            taken.push(stream);
        }
        Ok(Drain {
            poll,
            streams: taken,
        })
    }

    /// Reads until so many bytes have come in all.
    ///
    /// # Errors
    /// More came, a connection ended, or nothing has come for `limit`.
    pub(crate) fn take(&mut self, wanted_bytes: u64, limit: Duration) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS);
        let mut buffer = vec![0; READ_BYTES];
        let mut taken_bytes = 0;
        let mut last = Instant::now();
        while taken_bytes < wanted_bytes {
            self.poll.poll(&mut events, Some(limit))?;
            for event in &events {
                taken_bytes += take_from(&mut self.streams[event.token().0], &mut buffer)?;
                last = Instant::now();
            }
            if last.elapsed() > limit {
                let text = format!("{taken_bytes} of {wanted_bytes} bytes came");
                return Err(io::Error::other(text));
            }
        }
        match taken_bytes == wanted_bytes {
            true => Ok(()),
            false => Err(io::Error::other(format!(
                "{taken_bytes} bytes came instead of {wanted_bytes}"
            ))),
        }
    }
}

fn take_from(stream: &mut TcpStream, buffer: &mut [u8]) -> io::Result<u64> {
    let mut taken_bytes = 0;
    loop {
        match stream.read(buffer) {
            Ok(0) => return Err(io::Error::other("the server closed a connection")),
            Ok(bytes) => taken_bytes += bytes as u64,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(taken_bytes),
            Err(error) => return Err(error),
        }
    }
}
