//! A blocking connection to a server, for tests: requests as words or raw bytes, replies as raw
//! bytes or parsed values.
//!
//! ```text
//! words → *N $len … → socket → buffer → one reply's bytes → Value
//! ```
//! Every read and write gives up after [`PATIENCE`] with an error, never hangs.
//!
//! Not here: what a reply looks like (`value.rs`), starting the server (`server.rs`).

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use super::PATIENCE;
use super::value::{Value, reply_length};

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// `host:port`
    Tcp(String),
    /// The path of a unix socket.
    Unix(PathBuf),
}

impl Address {
    /// Reads `host:port` or, if it starts with a slash, a socket path.
    pub(crate) fn parse(text: &str) -> Address {
        if text.starts_with('/') {
            Address::Unix(PathBuf::from(text))
        } else {
            Address::Tcp(text.to_owned())
        }
    }
}

enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// One connection.
pub(crate) struct Client {
    stream: Stream,
    buffer: Vec<u8>,
    /// Bytes of `buffer` already given out.
    consumed_bytes: usize,
}

impl Client {
    /// Connects; panics with the address if the server cannot be reached.
    pub(crate) fn connect(address: &Address) -> Client {
        Client::try_connect(address).unwrap_or_else(|error| panic!("connect {address:?}: {error}"))
    }

    /// Connects.
    pub(crate) fn try_connect(address: &Address) -> io::Result<Client> {
        let stream = match address {
            Address::Tcp(address) => {
                let stream = TcpStream::connect(address)?;
                stream.set_nodelay(true)?;
                stream.set_write_timeout(Some(PATIENCE))?;
                Stream::Tcp(stream)
            }
            Address::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_write_timeout(Some(PATIENCE))?;
                Stream::Unix(stream)
            }
        };
        let client = Client {
            stream,
            buffer: Vec::new(),
            consumed_bytes: 0,
        };
        client.set_read_timeout(PATIENCE)?;
        Ok(client)
    }

    /// Bounds each later read.
    pub(crate) fn set_read_timeout(&self, limit: Duration) -> io::Result<()> {
        match &self.stream {
            Stream::Tcp(stream) => stream.set_read_timeout(Some(limit)),
            Stream::Unix(stream) => stream.set_read_timeout(Some(limit)),
        }
    }

    /// A second handle to the same TCP connection, to write from another thread.
    pub(crate) fn writer(&self) -> io::Result<TcpStream> {
        match &self.stream {
            Stream::Tcp(stream) => stream.try_clone(),
            Stream::Unix(_) => Err(ErrorKind::Unsupported.into()),
        }
    }

    /// Sends bytes as they are.
    pub(crate) fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Stream::Tcp(stream) => stream.write_all(bytes),
            Stream::Unix(stream) => stream.write_all(bytes),
        }
    }

    /// Sends one request as an array of bulk strings.
    pub(crate) fn send<W: AsRef<[u8]>>(&mut self, words: &[W]) -> io::Result<()> {
        let mut request = Vec::new();
        encode(words, &mut request);
        self.send_raw(&request)
    }

    /// Sends one request and returns its reply; panics with the request if there is none.
    pub(crate) fn call<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Value {
        let name = || {
            words
                .first()
                .map(|word| String::from_utf8_lossy(word.as_ref()).into_owned())
        };
        self.send(words)
            .unwrap_or_else(|error| panic!("send {:?}: {error}", name()));
        let reply = self
            .read_reply()
            .unwrap_or_else(|error| panic!("reply {:?}: {error}", name()));
        Value::parse(&reply).unwrap_or_else(|error| panic!("parse {:?}: {error}", name()))
    }

    /// Sends one request typed as a line of words separated by single blanks.
    pub(crate) fn line(&mut self, line: &str) -> Value {
        self.call(&line.split(' ').collect::<Vec<_>>())
    }

    /// The bytes of the next reply; `UnexpectedEof` when the server has closed, `InvalidData` when
    /// the bytes are no reply.
    pub(crate) fn read_reply(&mut self) -> io::Result<Vec<u8>> {
        loop {
            let waiting = &self.buffer[self.consumed_bytes..];
            let length = reply_length(waiting)
                .map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
            if let Some(length) = length {
                let reply = waiting[..length].to_vec();
                self.consumed_bytes += length;
                return Ok(reply);
            }
            if self.fill()? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Exactly `count` bytes, whatever they mean.
    pub(crate) fn read_bytes(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() - self.consumed_bytes < count {
            if self.fill()? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        let bytes = self.buffer[self.consumed_bytes..self.consumed_bytes + count].to_vec();
        self.consumed_bytes += count;
        Ok(bytes)
    }

    /// Everything up to the server's end of the stream; a reset counts as the end.
    pub(crate) fn read_to_end(&mut self) -> io::Result<Vec<u8>> {
        loop {
            match self.fill() {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => return Err(error),
            }
        }
        Ok(self.buffer.split_off(self.consumed_bytes))
    }

    /// Ends the sending direction; replies can still be read.
    pub(crate) fn shutdown_write(&self) -> io::Result<()> {
        match &self.stream {
            Stream::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Stream::Unix(stream) => stream.shutdown(Shutdown::Write),
        }
    }

    /// Reads once; returns the number of bytes received, 0 at the end of the stream.
    fn fill(&mut self) -> io::Result<usize> {
        if self.consumed_bytes > 0 {
            self.buffer.drain(..self.consumed_bytes);
            self.consumed_bytes = 0;
        }
        let mut chunk = vec![0; 64 * 1024];
        let count = match &mut self.stream {
            Stream::Tcp(stream) => stream.read(&mut chunk)?,
            Stream::Unix(stream) => stream.read(&mut chunk)?,
        };
        self.buffer.extend_from_slice(&chunk[..count]);
        Ok(count)
    }
}

/// Appends one request as an array of bulk strings.
pub(crate) fn encode<W: AsRef<[u8]>>(words: &[W], request: &mut Vec<u8>) {
    request.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        let word = word.as_ref();
        request.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        request.extend_from_slice(word);
        request.extend_from_slice(b"\r\n");
    }
}
