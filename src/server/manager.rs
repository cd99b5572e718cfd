//! What a service manager is told, and what it hands over: systemd's notify socket, watchdog and
//! sockets, by their documented protocol and without its library.
//!
//! ```text
//!  NOTIFY_SOCKET             ◀─ READY=1  RELOADING=1  STOPPING=1  WATCHDOG=1  STATUS=…
//!  WATCHDOG_USEC, _PID       ─▶ how often the loop says WATCHDOG=1
//!  LISTEN_FDS, LISTEN_PID    ─▶ listening sockets, TCP and unix
//! ```
//!
//! Invariant: a running loop never waits for the manager: while serving, a message that does not
//! fit into its queue is dropped. Only what changes the unit's state waits, at most
//! [`STATE_WAIT`].
//!
//! Cost: one datagram a message.
//!
//! Not here: when these are said (`daemon.rs`).

use super::listeners::{ListenError, Listener};
use crate::config::Supervised;
use listenfd::ListenFd;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// How long a message that changes the unit's state may wait for room in the manager's queue.
const STATE_WAIT: Duration = Duration::from_millis(100);

/// By how much a start or stop that makes progress extends its time limit.
const EXTENSION_US: u64 = 60_000_000;

struct NotifySocket {
    socket: UnixDatagram,
    address: SocketAddr,
}

/// The service manager, or nobody.
pub(super) struct Manager {
    notify: Option<NotifySocket>,
    watchdog_us: Option<u64>,
}

impl Manager {
    /// Nobody: nothing is said.
    pub(super) fn none() -> Self {
        Self {
            notify: None,
            watchdog_us: None,
        }
    }

    /// The manager that the environment names, if `supervised` wants one.
    pub(super) fn from_environment(supervised: Supervised) -> Self {
        match supervised {
            Supervised::No | Supervised::Upstart => return Self::none(),
            Supervised::Auto | Supervised::Systemd => {}
        }
        let notify = std::env::var_os("NOTIFY_SOCKET").and_then(|name| {
            open(name.as_bytes())
                .inspect_err(|error| log::warn!("cannot use NOTIFY_SOCKET: {error}"))
                .ok()
        });
        if notify.is_none() && supervised == Supervised::Systemd {
            log::warn!("supervised systemd: no NOTIFY_SOCKET, so nobody is told anything");
        }
        let watchdog_us = watchdog_us(
            number("WATCHDOG_USEC"),
            number("WATCHDOG_PID"),
            u64::from(std::process::id()),
        );
        Self {
            watchdog_us: watchdog_us.filter(|_| notify.is_some()),
            notify,
        }
    }

    /// Whether there is somebody to tell.
    pub(super) fn is_there(&self) -> bool {
        self.notify.is_some()
    }

    /// How often [`Manager::is_alive`] is to be said, in milliseconds: twice as often as asked for.
    pub(super) fn watchdog_ms(&self) -> Option<u64> {
        self.watchdog_us.map(|period_us| (period_us / 2_000).max(1))
    }

    /// Says how far a start has come, and that it needs more time.
    pub(super) fn is_starting(&self, status: &str) {
        self.say(
            &format!("STATUS={status}\nEXTEND_TIMEOUT_USEC={EXTENSION_US}"),
            true,
        );
    }

    /// Says that clients are served, after a start or a reload.
    pub(super) fn is_ready(&self, status: &str) {
        self.say(&format!("READY=1\nSTATUS={status}"), true);
    }

    /// Says that the configuration is read anew; [`Manager::is_ready`] follows.
    pub(super) fn is_reloading(&self) {
        self.say("RELOADING=1\nSTATUS=Reloading the configuration", true);
    }

    /// Says that the loop turns.
    pub(super) fn is_alive(&self, status: &str) {
        self.say(&format!("WATCHDOG=1\nSTATUS={status}"), false);
    }

    /// Says that the end has begun, or goes on and needs more time.
    pub(super) fn is_stopping(&self, status: &str) {
        self.say(
            &format!("STOPPING=1\nSTATUS={status}\nEXTEND_TIMEOUT_USEC={EXTENSION_US}"),
            true,
        );
    }

    fn say(&self, message: &str, may_wait: bool) {
        let Some(NotifySocket { socket, address }) = &self.notify else {
            return;
        };
        let sent = socket
            .set_nonblocking(!may_wait)
            .and_then(|()| socket.send_to_addr(message.as_bytes(), address));
        if let Err(error) = sent {
            log::debug!("the service manager does not listen: {error}");
        }
    }
}

/// The listening sockets that the service manager passed to this process.
///
/// # Errors
/// [`ListenError`] if one of them is no listening stream socket.
pub(super) fn passed_listeners(supervised: Supervised) -> Result<Vec<Listener>, ListenError> {
    if matches!(supervised, Supervised::No | Supervised::Upstart) {
        return Ok(Vec::new());
    }
    let mut passed = ListenFd::from_env();
    (0..passed.len())
        .map(|index| {
            take_listener(&mut passed, index)
                .map_err(|error| ListenError::new(format_args!("passed socket {index}"), error))
        })
        .collect()
}

fn take_listener(passed: &mut ListenFd, index: usize) -> io::Result<Listener> {
    let missing = || io::Error::other("it is taken already");
    if let Ok(listener) = passed.take_unix_listener(index) {
        return Listener::from_passed_unix(listener.ok_or_else(missing)?);
    }
    let listener = passed.take_tcp_listener(index)?;
    Listener::from_std(listener.ok_or_else(missing)?)
}

/// Whether what is written to standard error goes to the journal, which adds a time of its own:
/// JOURNAL_STREAM names the device and inode of the stream, so a redirection is noticed.
pub fn logs_to_journal() -> bool {
    let Ok(named) = std::env::var("JOURNAL_STREAM") else {
        return false;
    };
    nix::sys::stat::fstat(std::io::stderr())
        .is_ok_and(|status| named == format!("{}:{}", status.st_dev, status.st_ino))
}

/// A socket for messages to the address `name`; `@` at the beginning stands for a zero byte, an
/// abstract name.
fn open(name: &[u8]) -> io::Result<NotifySocket> {
    let address = match name {
        [b'@', abstract_name @ ..] => abstract_address(abstract_name)?,
        path => SocketAddr::from_pathname(std::ffi::OsStr::from_bytes(path))?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_write_timeout(Some(STATE_WAIT))?;
    Ok(NotifySocket { socket, address })
}

#[cfg(target_os = "linux")]
fn abstract_address(name: &[u8]) -> io::Result<SocketAddr> {
    use std::os::linux::net::SocketAddrExt;
    SocketAddr::from_abstract_name(name)
}

#[cfg(not(target_os = "linux"))]
fn abstract_address(_: &[u8]) -> io::Result<SocketAddr> {
    Err(io::ErrorKind::Unsupported.into())
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// The watchdog's period, unless it is meant for another process.
fn watchdog_us(period_us: Option<u64>, meant_for: Option<u64>, own_id: u64) -> Option<u64> {
    period_us.filter(|&period_us| period_us > 0 && meant_for.is_none_or(|id| id == own_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manager(address: &str, watchdog_us: Option<u64>) -> Manager {
        Manager {
            notify: Some(open(address.as_bytes()).expect("the address is good")),
            watchdog_us,
        }
    }

    fn received(socket: &UnixDatagram) -> String {
        let mut buffer = [0; 256];
        let count = socket.recv(&mut buffer).expect("a message has come");
        String::from_utf8_lossy(&buffer[..count]).into_owned()
    }

    #[test]
    fn a_watchdog_for_another_process_is_not_fed() {
        assert_eq!(watchdog_us(Some(5), None, 7), Some(5));
        assert_eq!(watchdog_us(Some(5), Some(7), 7), Some(5));
        assert_eq!(watchdog_us(Some(5), Some(8), 7), None);
        assert_eq!(watchdog_us(Some(0), None, 7), None);
        assert_eq!(watchdog_us(None, Some(7), 7), None);
    }

    #[test]
    fn the_loop_feeds_twice_a_period() {
        let fed_ms = |watchdog_us| {
            Manager {
                notify: None,
                watchdog_us,
            }
            .watchdog_ms()
        };
        assert_eq!(fed_ms(Some(30_000_000)), Some(15_000));
        assert_eq!(fed_ms(Some(1)), Some(1));
        assert_eq!(fed_ms(None), None);
    }

    #[test]
    fn messages_reach_a_socket_with_a_path() {
        let folder = tempfile::tempdir().expect("a temporary directory can be made");
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("the path is free");
        let manager = manager(path.to_str().expect("the path is text"), None);
        manager.is_ready("2 keys");
        assert_eq!(received(&socket), "READY=1\nSTATUS=2 keys");
        manager.is_alive("2 keys");
        assert_eq!(received(&socket), "WATCHDOG=1\nSTATUS=2 keys");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn messages_reach_a_socket_with_an_abstract_name() {
        let name = format!("evenkeel-test-{}", std::process::id());
        let address = abstract_address(name.as_bytes()).expect("the name is short");
        let socket = UnixDatagram::bind_addr(&address).expect("the name is free");
        manager(&format!("@{name}"), None).is_reloading();
        assert_eq!(
            received(&socket),
            "RELOADING=1\nSTATUS=Reloading the configuration"
        );
    }

    /// Goal: a manager that reads nothing does not hold up the loop. Method: more messages than
    /// any queue takes; the test ends.
    #[test]
    fn a_manager_that_does_not_read_is_not_waited_for() {
        let folder = tempfile::tempdir().expect("a temporary directory can be made");
        let path = folder.path().join("notify");
        let _socket = UnixDatagram::bind(&path).expect("the path is free");
        let manager = manager(path.to_str().expect("the path is text"), None);
        for _ in 0..10_000 {
            manager.is_alive("");
        }
    }
}
