//! Signals, turned into something the poll can wait for.
//!
//! ```text
//!  handler ─▶ flag of the signal ─▶ a byte into a socket ─▶ poll ─▶ Signals::take
//! ```
//!
//! A handler stores and writes, which is all it may do. The flag is set before the byte is
//! written, so whoever sees the byte sees the flag; signals that come twice before they are taken
//! count once.
//!
//! Not here: what is done about them (`daemon.rs`).

use mio::net::UnixStream;
use mio::{Interest, Registry, Token};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;
use signal_hook::low_level::pipe;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Signals by their meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Caught {
    /// SIGTERM: end the server.
    pub(super) terminate: bool,
    /// SIGINT: end the server.
    pub(super) interrupt: bool,
    /// SIGHUP: read the configuration again.
    pub(super) reload: bool,
    /// SIGUSR1: log a summary.
    pub(super) summarise: bool,
}

/// One signal and whether it has come.
struct Flag {
    signal: i32,
    has_come: Arc<AtomicBool>,
}

/// The signals that this process catches.
pub(super) struct Signals {
    receiver: UnixStream,
    flags: Vec<Flag>,
    /// While set, SIGTERM and SIGINT end the process at once.
    ends_at_once: Arc<AtomicBool>,
    /// While set, SIGINT ends the process at once.
    is_ending: Arc<AtomicBool>,
}

impl Signals {
    /// Catches SIGTERM and SIGINT.
    pub(super) fn catch_end() -> io::Result<Self> {
        Self::catch(&[SIGTERM, SIGINT])
    }

    /// Catches those and what a daemon heeds besides. Until [`Signals::begin_to_wait`] a server
    /// has nothing to lose, and ends at once.
    pub(super) fn catch_all() -> io::Result<Self> {
        let signals = Self::catch(&[SIGTERM, SIGINT, SIGHUP, SIGUSR1])?;
        signals.ends_at_once.store(true, Ordering::Release);
        Ok(signals)
    }

    fn catch(caught: &[i32]) -> io::Result<Self> {
        let (receiver, sender) = UnixStream::pair()?;
        let sender = OwnedFd::from(sender);
        let (ends_at_once, is_ending) = (Arc::default(), Arc::default());
        for signal in [SIGTERM, SIGINT] {
            flag::register_conditional_shutdown(signal, 0, Arc::clone(&ends_at_once))?;
        }
        flag::register_conditional_shutdown(SIGINT, 1, Arc::clone(&is_ending))?;
        let mut flags = Vec::new();
        for &signal in caught {
            let has_come = Arc::default();
            // The actions of a signal run in the order in which they were registered.
            flag::register(signal, Arc::clone(&has_come))?;
            pipe::register(signal, sender.try_clone()?)?;
            flags.push(Flag { signal, has_come });
        }
        Ok(Self {
            receiver,
            flags,
            ends_at_once,
            is_ending,
        })
    }

    /// From now on SIGTERM and SIGINT wait for [`Signals::take`].
    pub(super) fn begin_to_wait(&self) {
        self.ends_at_once.store(false, Ordering::Release);
    }

    /// From now on another SIGINT ends the process, whatever is still to be saved: whoever presses
    /// the keys twice does not want to wait.
    pub(super) fn begin_to_end(&self) {
        self.is_ending.store(true, Ordering::Release);
    }

    pub(super) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(&mut self.receiver, token, Interest::READABLE)
    }

    /// The signals that have come since the last call.
    pub(super) fn take(&mut self) -> Caught {
        let mut buffer = [0; 64];
        // Until it would block: the poll reports edges.
        while self.receiver.read(&mut buffer).is_ok_and(|count| count > 0) {}
        let mut caught = Caught::default();
        for Flag { signal, has_come } in &self.flags {
            let has_come = has_come.swap(false, Ordering::AcqRel);
            match *signal {
                SIGTERM => caught.terminate = has_come,
                SIGINT => caught.interrupt = has_come,
                SIGHUP => caught.reload = has_come,
                _ => caught.summarise = has_come,
            }
        }
        caught
    }
}
