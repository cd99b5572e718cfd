//! memcached as a third server: its text protocol, as far as the loads need it.
//!
//! ```text
//! set KEY 0 SECONDS LENGTH\r\nVALUE\r\n   ─▶ STORED\r\n
//! get KEY\r\n                             ─▶ VALUE KEY 0 LENGTH\r\nVALUE\r\n   END\r\n
//! ```
//!
//! 1. Keys, values, connections and depths are those that the other servers get; redis-benchmark
//!    does not speak this protocol, so this program sends all requests.
//! 2. One thread serves the connections, as there.
//!
//! Not here: the process (`server_process.rs`), which rows there are (`load_*.rs`).

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::ops::Range;
use std::time::Duration;

use crate::fill::{DEPTH, write_key};
use crate::resp_client::IO_TIMEOUT_S;

/// Arguments after the port: this machine only, no UDP, one thread, room for every load, the user
/// that runs it if that is root.
pub(crate) const ARGUMENTS: [&str; 11] = [
    "-l",
    "127.0.0.1",
    "-U",
    "0",
    "-t",
    "1",
    "-m",
    "8192",
    "-c",
    "1024",
    "-uroot",
];

/// Connections of a load, as redis-benchmark is called.
const CONNECTIONS: usize = 50;

/// What is asked of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request<'a> {
    /// Its value, which must be there.
    Get,
    /// Sets it to a value, which lives so many seconds; 0 is for ever.
    Set(&'a [u8], u64),
}

/// Connections to a memcached.
pub(crate) struct Clients {
    readers: Vec<BufReader<TcpStream>>,
    line: String,
}

impl Clients {
    /// One connection.
    pub(crate) fn one(port: u16) -> io::Result<Clients> {
        Clients::connect(port, 1)
    }

    /// As many connections as redis-benchmark has.
    pub(crate) fn many(port: u16) -> io::Result<Clients> {
        Clients::connect(port, CONNECTIONS)
    }

    fn connect(port: u16, count: usize) -> io::Result<Clients> {
        let connect = |_| {
            let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(Duration::from_secs(IO_TIMEOUT_S)))?;
            Ok(BufReader::with_capacity(64 << 10, stream))
        };
        Ok(Clients {
            readers: (0..count).map(connect).collect::<io::Result<_>>()?,
            line: String::new(),
        })
    }

    /// Sets all keys of a range, in pipelines.
    pub(crate) fn fill(
        &mut self,
        prefix: &str,
        range: Range<u64>,
        value: &[u8],
        seconds: u64,
    ) -> io::Result<()> {
        let count = range.end - range.start;
        let mut next = range.start;
        self.play(count, DEPTH, Request::Set(value, seconds), |key| {
            write_key(key, prefix, next);
            next += 1;
        })
    }

    /// Sends so many requests on random keys of a range from zero, `depth` of them at a time over
    /// each connection.
    pub(crate) fn random(
        &mut self,
        prefix: &str,
        keys: u64,
        count: u64,
        depth: u64,
        request: Request<'_>,
    ) -> io::Result<()> {
        let mut random = fastrand::Rng::with_seed(1);
        self.play(count, depth, request, |key| {
            write_key(key, prefix, random.u64(..keys));
        })
    }

    fn play(
        &mut self,
        count: u64,
        depth: u64,
        request: Request<'_>,
        mut next_key: impl FnMut(&mut Vec<u8>),
    ) -> io::Result<()> {
        let (mut batch, mut key) = (Vec::new(), Vec::new());
        let mut left = count;
        while left > 0 {
            let mut sent = Vec::with_capacity(self.readers.len());
            for reader in &mut self.readers {
                let count = depth.min(left);
                left -= count;
                batch.clear();
                for _ in 0..count {
                    next_key(&mut key);
                    encode(&mut batch, &key, request);
                }
                reader.get_mut().write_all(&batch)?;
                sent.push(count);
            }
            for (index, count) in sent.into_iter().enumerate() {
                for _ in 0..count {
                    self.answer(index, request)?;
                }
            }
        }
        Ok(())
    }

    /// Reads an answer, which must be that of a request that was granted.
    fn answer(&mut self, index: usize, request: Request<'_>) -> io::Result<()> {
        match request {
            Request::Set(..) => self.expect(index, "STORED"),
            Request::Get => {
                self.read_line(index)?;
                let length = self.line.strip_prefix("VALUE ");
                let length = length.and_then(|rest| rest.rsplit(' ').next()?.parse().ok());
                let mut length: usize = length.ok_or_else(|| self.unexpected())?;
                // The value and the end of its line.
                length += 2;
                while length > 0 {
                    let reader = &mut self.readers[index];
                    let available = reader.fill_buf()?.len().min(length);
                    if available == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    reader.consume(available);
                    length -= available;
                }
                self.expect(index, "END")
            }
        }
    }

    fn expect(&mut self, index: usize, line: &str) -> io::Result<()> {
        self.read_line(index)?;
        match self.line == line {
            true => Ok(()),
            false => Err(self.unexpected()),
        }
    }

    fn read_line(&mut self, index: usize) -> io::Result<()> {
        self.line.clear();
        self.readers[index].read_line(&mut self.line)?;
        self.line.truncate(self.line.trim_end().len());
        Ok(())
    }

    fn unexpected(&self) -> io::Error {
        io::Error::other(format!("memcached answered '{}'", self.line))
    }
}

fn encode(out: &mut Vec<u8>, key: &[u8], request: Request<'_>) {
    let (word, rest) = match request {
        Request::Get => ("get ", String::new()),
        Request::Set(value, seconds) => ("set ", format!(" 0 {seconds} {}", value.len())),
    };
    out.extend_from_slice(word.as_bytes());
    out.extend_from_slice(key);
    out.extend_from_slice(rest.as_bytes());
    out.extend_from_slice(b"\r\n");
    if let Request::Set(value, _) = request {
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
}
