//! Clients of HTTP that mean no good: each kind is a child process of this program, bounded in
//! time.
//!
//! ```text
//! nobody       nothing, for comparison
//! slow heads   twice as many connections as there are places, a byte each now and then
//! huge heads   256 KiB of one field
//! pipelines    the page and the metrics, 50 times in one go, and again
//! garbage      bytes that are no request
//! ```
//!
//! Whatever the server answers or closes is right; what matters is what others notice of it.
//!
//! Not here: how the child is run (`idle_child.rs`), the probe and the rows (`load_pages.rs`).

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::idle_child;

/// First argument of a child.
pub(crate) const CHILD_ARGUMENT: &str = "--run-page-strangers";

/// Connections with slow heads: twice as many as the server has places for pages.
const SLOW_CONNECTIONS: usize = 128;
const SLOW_PAUSE: Duration = Duration::from_millis(1);
const HUGE_BYTES: usize = 256 * 1024;
const GARBAGE_BYTES: usize = 4 * 1024;
/// Requests for the page, and as many for the metrics, of one pipeline.
const PIPELINE: usize = 50;
/// A server that says nothing for so long hangs.
const SILENCE_LIMIT: Duration = Duration::from_secs(20);

/// What they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strangers {
    /// There are none: what PINGs wait for on this machine in any case.
    Nobody,
    /// They begin heads and do not end them.
    SlowHeads,
    /// Their heads are larger than any may be.
    HugeHeads,
    /// They ask for everything many times at once.
    Pipelines,
    /// They send bytes that are no request.
    Garbage,
}

impl Strangers {
    /// All kinds.
    pub(crate) const ALL: [Self; 5] = [
        Self::Nobody,
        Self::SlowHeads,
        Self::HugeHeads,
        Self::Pipelines,
        Self::Garbage,
    ];

    /// The word for them in a row and on the child's command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::SlowHeads => "slow heads",
            Self::HugeHeads => "huge heads",
            Self::Pipelines => "pipelines",
            Self::Garbage => "garbage",
        }
    }

    /// Runs them in a child process for so long.
    pub(crate) fn run(self, http_port: u16, span: Duration) -> io::Result<f64> {
        idle_child::run(&[
            CHILD_ARGUMENT.to_owned(),
            self.name().to_owned(),
            span.as_millis().to_string(),
            http_port.to_string(),
        ])
    }

    fn perform(self, http_port: u16, span: Duration) -> io::Result<()> {
        let end = Instant::now() + span;
        let mut slow = Vec::new();
        let mut garbage = fastrand::Rng::with_seed(1);
        while Instant::now() < end {
            match self {
                Self::Nobody => thread::sleep(end.saturating_duration_since(Instant::now())),
                Self::SlowHeads => slow_heads(&mut slow, http_port)?,
                Self::HugeHeads => {
                    let field = [&b"GET / HTTP/1.1\r\na: "[..], &[b'a'; HUGE_BYTES]].concat();
                    exchange(http_port, &field)?;
                }
                Self::Pipelines => exchange(http_port, &pipeline())?,
                Self::Garbage => {
                    let bytes: Vec<u8> = (0..GARBAGE_BYTES).map(|_| garbage.u8(..)).collect();
                    exchange(http_port, &bytes)?;
                }
            }
        }
        Ok(())
    }
}

/// The child's side of `Strangers::run`: `NAME MILLISECONDS PORT`.
pub(crate) fn run_child(words: &[String]) -> io::Result<()> {
    let known = |name: &str| Strangers::ALL.into_iter().find(|kind| kind.name() == name);
    let [name, ms, port] = words else {
        return Err(io::Error::other("strangers take a name, a time and a port"));
    };
    let (Some(strangers), Ok(ms), Ok(port)) = (known(name), ms.parse(), port.parse()) else {
        return Err(io::Error::other(format!("no strangers: {words:?}")));
    };
    let begin = Instant::now();
    strangers.perform(port, Duration::from_millis(ms))?;
    println!("{}", begin.elapsed().as_secs_f64());
    Ok(())
}

/// One more byte of each head; whoever has been closed begins anew.
fn slow_heads(slow: &mut Vec<TcpStream>, http_port: u16) -> io::Result<()> {
    slow.retain_mut(|stream| stream.write_all(b"a").is_ok());
    while slow.len() < SLOW_CONNECTIONS {
        let mut stream = connect(http_port)?;
        // It may have been closed already, for want of a place.
        if stream.write_all(b"GET / HTTP/1.1\r\na: ").is_ok() {
            slow.push(stream);
        }
        thread::sleep(SLOW_PAUSE);
    }
    thread::sleep(SLOW_PAUSE);
    Ok(())
}

fn pipeline() -> Vec<u8> {
    let both = b"GET / HTTP/1.1\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n";
    let last = b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n";
    [&both.repeat(PIPELINE)[..], last].concat()
}

/// Sends all that is taken, and takes all that is answered.
fn exchange(http_port: u16, bytes: &[u8]) -> io::Result<()> {
    let mut stream = connect(http_port)?;
    stream.set_read_timeout(Some(SILENCE_LIMIT))?;
    // The server may have closed it before it has seen all.
    let _ = stream.write_all(bytes);
    let mut buffer = [0; 64 * 1024];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(io::Error::other("the server says nothing"));
            }
            // Closed while bytes were on their way.
            Err(_) => return Ok(()),
        }
    }
}

fn connect(http_port: u16) -> io::Result<TcpStream> {
    TcpStream::connect((Ipv4Addr::LOCALHOST, http_port))
}
