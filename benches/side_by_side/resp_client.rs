//! A small blocking RESP2 client for the load generator.
//!
//! ```text
//! commands ──encode──▶ batch ──one write──▶ server ──▶ BufReader ──▶ Reply (kind and size only)
//! ```
//!
//! 1. A reply is read without recursion: nested arrays only raise the number of values still due.
//! 2. Bodies of bulk strings are skipped, so a reply of any size needs no memory; `call_bulk` alone
//!    keeps one, up to the caller's limit.
//! 3. Every read and write gives up after `IO_TIMEOUT_S`, so a hung server ends the run.
//!
//! Not here: what is sent (`load_*.rs`), the server's process (`server_process.rs`).

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// Seconds without progress after which a read or a write fails.
pub(crate) const IO_TIMEOUT_S: u64 = 120;

/// Bytes of the read buffer of one connection.
const READ_BUFFER_BYTES: usize = 64 * 1024;

/// Bytes that one line of a reply may have; longer ones are not RESP.
const LINE_LIMIT_BYTES: u64 = 64 * 1024;

/// What a reply was; the content of bulk strings and arrays is dropped.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// `+text`.
    Status(String),
    /// `:number`.
    Integer(i64),
    /// `$` or `*`, or their null.
    Data,
}

/// One connection to a server on the loopback interface.
pub(crate) struct Client {
    reader: BufReader<TcpStream>,
    line: Vec<u8>,
}

impl Client {
    /// Connects to `port` on 127.0.0.1.
    pub(crate) fn connect(port: u16) -> io::Result<Client> {
        Client::connect_buffered(port, READ_BUFFER_BYTES)
    }

    /// Connects with a read buffer of `buffer_bytes`, for loads with thousands of clients.
    pub(crate) fn connect_buffered(port: u16, buffer_bytes: usize) -> io::Result<Client> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(IO_TIMEOUT_S)))?;
        stream.set_write_timeout(Some(Duration::from_secs(IO_TIMEOUT_S)))?;
        Ok(Client {
            reader: BufReader::with_capacity(buffer_bytes, stream),
            line: Vec::new(),
        })
    }

    /// The connection, for others to read from; it must have nothing to be read.
    pub(crate) fn into_stream(self) -> TcpStream {
        self.reader.into_inner()
    }

    /// Reads fail when nothing has come for so long.
    pub(crate) fn give_up_after(&mut self, limit: Duration) -> io::Result<()> {
        self.reader.get_ref().set_read_timeout(Some(limit))
    }

    /// Reads one reply that is an array of bulk strings, and returns these.
    pub(crate) fn texts(&mut self) -> io::Result<Vec<String>> {
        self.read_line()?;
        let line = String::from_utf8_lossy(&self.line).into_owned();
        let count = line.strip_prefix('*').and_then(|text| text.parse().ok());
        let count: usize =
            count.ok_or_else(|| unexpected(&format!("'{line}' instead of an array")))?;
        (0..count).map(|_| self.bulk(LINE_LIMIT_BYTES)).collect()
    }

    /// Sends already encoded commands.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.reader.get_mut().write_all(bytes)
    }

    /// Sends one command and waits for its reply.
    pub(crate) fn call(&mut self, arguments: &[&[u8]]) -> io::Result<Reply> {
        let mut request = Vec::new();
        encode(&mut request, arguments);
        self.send(&request)?;
        self.reply()
    }

    /// Sends one command and demands an integer.
    pub(crate) fn call_integer(&mut self, arguments: &[&[u8]]) -> io::Result<i64> {
        match self.call(arguments)? {
            Reply::Integer(number) => Ok(number),
            other => Err(unexpected(&format!("{other:?} instead of an integer"))),
        }
    }

    /// Sends one command and demands a bulk string of at most `limit_bytes`, with its content.
    pub(crate) fn call_bulk(
        &mut self,
        arguments: &[&[u8]],
        limit_bytes: u64,
    ) -> io::Result<String> {
        let mut request = Vec::new();
        encode(&mut request, arguments);
        self.send(&request)?;
        self.bulk(limit_bytes)
    }

    /// Reads a bulk string of at most `limit_bytes`.
    fn bulk(&mut self, limit_bytes: u64) -> io::Result<String> {
        self.read_line()?;
        let line = String::from_utf8_lossy(&self.line).into_owned();
        let length = line.strip_prefix('$').and_then(|text| text.parse().ok());
        let Some(length) = length.filter(|length| *length <= limit_bytes) else {
            return Err(unexpected(&format!("'{line}' instead of a bulk string")));
        };
        let mut content = String::new();
        (&mut self.reader)
            .take(length)
            .read_to_string(&mut content)?;
        self.skip(2)?;
        Ok(content)
    }

    /// Sends one command and returns the number of values in its reply, nested ones included.
    pub(crate) fn call_values(&mut self, arguments: &[&[u8]]) -> io::Result<u64> {
        let mut request = Vec::new();
        encode(&mut request, arguments);
        self.send(&request)?;
        let (_, values) = self.counted_reply()?;
        Ok(values)
    }

    /// Reads one complete reply. An error reply anywhere in it is returned as an error.
    pub(crate) fn reply(&mut self) -> io::Result<Reply> {
        let (reply, _) = self.counted_reply()?;
        Ok(reply)
    }

    /// A complete reply, and the number of its values.
    fn counted_reply(&mut self) -> io::Result<(Reply, u64)> {
        let (reply, mut values_due) = self.value()?;
        let mut values = 1;
        while values_due > 0 {
            let (_, nested) = self.value()?;
            values_due = values_due - 1 + nested;
            values += 1;
        }
        Ok((reply, values))
    }

    /// Reads `count` replies.
    pub(crate) fn replies(&mut self, count: u64) -> io::Result<()> {
        for _ in 0..count {
            self.reply()?;
        }
        Ok(())
    }

    /// Reads one value and tells how many nested values follow it.
    fn value(&mut self) -> io::Result<(Reply, u64)> {
        self.read_line()?;
        let (kind, text) = self
            .line
            .split_first()
            .ok_or_else(|| unexpected("an empty line"))?;
        let text = String::from_utf8_lossy(text);
        match kind {
            b'+' => Ok((Reply::Status(text.into_owned()), 0)),
            b'-' => Err(unexpected(&format!("the error reply '{text}'"))),
            b':' => Ok((Reply::Integer(number(&text)?), 0)),
            b'$' => {
                if let Ok(length) = u64::try_from(number(&text)?) {
                    self.skip(length + 2)?;
                }
                Ok((Reply::Data, 0))
            }
            // A null array has the length -1 and no values.
            b'*' => Ok((Reply::Data, u64::try_from(number(&text)?).unwrap_or(0))),
            _ => Err(unexpected(&format!(
                "a reply of the kind {:?}",
                char::from(*kind)
            ))),
        }
    }

    /// Reads a line into `self.line`, without its ending.
    fn read_line(&mut self) -> io::Result<()> {
        self.line.clear();
        (&mut self.reader)
            .take(LINE_LIMIT_BYTES)
            .read_until(b'\n', &mut self.line)?;
        if self.line.ends_with(b"\r\n") {
            self.line.truncate(self.line.len() - 2);
            return Ok(());
        }
        Err(unexpected("a closed connection or an endless line"))
    }

    fn skip(&mut self, mut bytes: u64) -> io::Result<()> {
        while bytes > 0 {
            let available = self.reader.fill_buf()?.len();
            if available == 0 {
                return Err(unexpected("a closed connection"));
            }
            let step = available.min(usize::try_from(bytes).unwrap_or(usize::MAX));
            self.reader.consume(step);
            bytes -= step as u64;
        }
        Ok(())
    }
}

/// Appends one command as a RESP array of bulk strings.
pub(crate) fn encode(out: &mut Vec<u8>, arguments: &[&[u8]]) {
    let mut digits = itoa::Buffer::new();
    out.push(b'*');
    out.extend_from_slice(digits.format(arguments.len()).as_bytes());
    out.extend_from_slice(b"\r\n");
    for argument in arguments {
        out.push(b'$');
        out.extend_from_slice(digits.format(argument.len()).as_bytes());
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(argument);
        out.extend_from_slice(b"\r\n");
    }
}

/// Calls `encode_one(index, batch)` for every index of `range` and sends the commands in pipelines
/// of `depth`, in turn over the connections; the replies of a turn are read before the next one.
pub(crate) fn pipeline(
    clients: &mut [Client],
    range: std::ops::Range<u64>,
    depth: u64,
    mut encode_one: impl FnMut(u64, &mut Vec<u8>),
) -> io::Result<()> {
    assert!(depth > 0 && !clients.is_empty());
    let mut batch = Vec::new();
    let mut next = range.start;
    while next < range.end {
        let mut sent = Vec::with_capacity(clients.len());
        for client in clients.iter_mut() {
            let end = range.end.min(next + depth);
            batch.clear();
            (next..end).for_each(|index| encode_one(index, &mut batch));
            if !batch.is_empty() {
                client.send(&batch)?;
            }
            sent.push(end - next);
            next = end;
        }
        for (client, count) in clients.iter_mut().zip(sent) {
            client.replies(count)?;
        }
    }
    Ok(())
}

fn number(text: &str) -> io::Result<i64> {
    text.parse()
        .map_err(|_| unexpected(&format!("'{text}' instead of a number")))
}

fn unexpected(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("the server sent {what}"),
    )
}
