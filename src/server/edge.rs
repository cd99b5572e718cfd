//! What the scheduler asks of the world outside: sockets, a clock, a disk.
//!
//! ```text
//!             ┌─▶ sockets.rs        mio, the system's clock, the disk thread
//!  Scheduler ─┤
//!             └─▶ tests/sim/        clients, network, time and disk in memory, from a seed
//! ```
//!
//! Every method returns at once. An edge never calls the scheduler: what it has to tell, the owner
//! of both passes on.
//!
//! Not here: in which order these are called (`scheduler/`).

use super::links::{LinkId, Talker};
use crate::base::clock::Timestamp;
use crate::config::Config;
use crate::node::{ConnectionId, Node};
use crate::session::Peer;
use core::net::SocketAddr;
use std::io;

/// Sockets by link, a clock, a disk. See the module header.
pub trait Edge {
    /// The monotonic clock, in microseconds.
    fn monotonic_us(&self) -> u64;

    /// Reads what has arrived, as far as it fits. 0 bytes are the end of the stream.
    ///
    /// # Errors
    /// `WouldBlock` where nothing has arrived; any other error of the socket.
    fn read(&mut self, link: LinkId, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes as much as the socket takes.
    ///
    /// # Errors
    /// `WouldBlock` where it takes nothing; any other error of the socket.
    fn write(&mut self, link: LinkId, bytes: &[u8]) -> io::Result<usize>;

    /// Reads and forgets a bounded number of bytes that wait in a socket: closing it would make the
    /// system reset the connection otherwise, and throw away the last replies.
    fn drain(&mut self, link: LinkId);

    /// Closes a socket. A link that has none is ignored.
    fn close(&mut self, link: LinkId);

    /// Takes the next client that waits at a listener. Its socket is kept until the scheduler calls
    /// [`Edge::admit`] or [`Edge::refuse`], which is at once.
    ///
    /// # Errors
    /// `WouldBlock` where no client waits; any other error of the listener.
    fn accept(&mut self, listener: usize, keepalive_s: u32) -> io::Result<Peer>;

    /// Gives the accepted socket its link, whose events are reported from now on.
    ///
    /// # Errors
    /// The system can't watch the socket, which is closed then.
    fn admit(&mut self, link: LinkId, talker: Talker) -> io::Result<()>;

    /// Begins to connect a link to a primary at this address, encrypted if the configuration says
    /// so; its events are reported from now on.
    ///
    /// # Errors
    /// What the system says, or that this edge can't do it.
    fn connect(&mut self, _link: LinkId, _to: SocketAddr, _config: &Config) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Whether a client that was just admitted may have sent something already, of which no event
    /// will tell.
    fn may_have_sent(&self, _link: LinkId) -> bool {
        false
    }

    /// Whether those who come at a listener want to see pages, and are no clients.
    fn is_for_pages(&self, _listener: usize) -> bool {
        false
    }

    /// Tells the accepted client why it is not served, and closes its socket.
    fn refuse(&mut self, reply: &[u8]);

    /// Passes the node's requests to the disk, and the disk's reports to the node.
    fn exchange_with_disk(&mut self, node: &mut Node, now: Timestamp);

    /// Does work of its own, such as giving memory back, for about one slice of time from
    /// `begin_us` on. Returns when it ended.
    fn work(&mut self, _now: Timestamp, begin_us: u64) -> u64 {
        begin_us
    }

    /// Lets this time pass, in microseconds: a client has asked for that.
    fn stand_still(&mut self, duration_us: u64);

    /// Is told each time requests of a client may have been executed.
    fn executed(&mut self, _node: &mut Node, _client: ConnectionId) {}
}
