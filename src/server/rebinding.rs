//! Other TCP sockets while the server runs: `CONFIG SET bind` and `port`, and a reload.
//!
//! ```text
//!  wanted addresses ─ open already? ─ yes ─▶ kept
//!                          │ no
//!                          └─▶ opened ─ in use by a socket that goes? ─▶ that one is closed first
//! ```
//!
//! 1. All sockets change or none: after a failure the old ones are open.
//! 2. Clients that are connected stay; those that wait to be accepted at a socket that goes are
//!    turned away by the system.
//! 3. Nothing is looked up, so nothing is waited for.
//!
//! Not here: what an address means and how it is bound (`listeners.rs`); who asked
//! (`node/listening.rs`, `daemon.rs`).

use super::links::LISTENER_BASE;
use super::listeners::{ListenError, Listener, Places};
use super::tls::Handshakes;
use crate::config::Config;
use crate::node::Node;
use mio::{Registry, Token};
use std::io;

/// What clients are told when sockets can't be opened, in the words of Redis.
const BIND_REFUSED: &str = "Failed to bind to specified addresses.";
const TLS_REFUSED: &str = "Unable to update TLS configuration. Check server logs.";
const PORT_REFUSED: &str = "Unable to listen on this port. Check server logs.";

/// The sockets of a server that clients connect to.
pub(super) struct Listeners {
    pub(super) list: Vec<Listener>,
}

impl Listeners {
    pub(super) fn new(list: Vec<Listener>, registry: &Registry) -> io::Result<Self> {
        let mut listeners = Self { list };
        listeners.register(registry)?;
        Ok(listeners)
    }

    /// Lets the poll tell of clients.
    fn register(&mut self, registry: &Registry) -> io::Result<()> {
        for (index, listener) in self.list.iter_mut().enumerate() {
            listener.register(registry, Token(LISTENER_BASE + index))?;
        }
        Ok(())
    }

    /// The port of the first TCP socket; 0 if there is none.
    pub(super) fn port(&self) -> u16 {
        self.list.iter().find_map(Listener::port).unwrap_or(0)
    }

    /// Opens the TCP sockets of `wanted` in the place of those of `present`.
    fn change(
        &mut self,
        present: &Config,
        wanted: &Config,
        registry: &Registry,
    ) -> Result<(), ListenError> {
        let mut wanted = wanted.clone();
        if wanted.port == present.port {
            // Port 0 has been given a number.
            wanted.port = self.port();
        }
        let places = Places::without_lookup(&wanted)?;
        for listener in &mut self.list {
            listener.deregister(registry).map_err(ListenError::poll)?;
        }
        let (kept, going): (Vec<Listener>, Vec<Listener>) = std::mem::take(&mut self.list)
            .into_iter()
            .partition(|listener| places.has(listener));
        let outcome = self.open(kept, going, &places);
        // The sockets that are there may have other numbers now, also after a failure.
        self.register(registry).map_err(ListenError::poll)?;
        outcome
    }

    /// Makes the list of `kept` and new sockets, or, on an error, of `kept` and `going`.
    fn open(
        &mut self,
        mut kept: Vec<Listener>,
        going: Vec<Listener>,
        places: &Places,
    ) -> Result<(), ListenError> {
        match places.bind_others(&kept) {
            Ok(opened) => {
                kept.extend(opened);
                self.list = kept;
                Ok(())
            }
            Err(error) if error.is_in_use() && !going.is_empty() => {
                // By one of those that are going, perhaps.
                let old = Places::of(&going);
                drop(going);
                let again = places.bind_others(&kept);
                let (opened, outcome) = match again {
                    Ok(opened) => (opened, Ok(())),
                    Err(error) => (old.bind_what_can_be(), Err(error)),
                };
                kept.extend(opened);
                self.list = kept;
                outcome
            }
            Err(error) => {
                kept.extend(going);
                self.list = kept;
                Err(error)
            }
        }
    }

    /// Reads certificates and keys again, if clients may come by TLS.
    fn encrypt(&self, wanted: &Config) -> Result<(), String> {
        for handshakes in self.handshakes() {
            if let Err(error) = handshakes.reload(wanted) {
                log::warn!("the certificates stay as they are: {error}");
                return Err(TLS_REFUSED.to_string());
            }
        }
        Ok(())
    }

    fn handshakes(&self) -> impl Iterator<Item = &Handshakes> {
        self.list.iter().filter_map(|listener| match listener {
            Listener::Tls(handshakes) => Some(handshakes),
            Listener::Tcp(_) | Listener::Unix { .. } | Listener::Pages(_) => None,
        })
    }

    /// Tells INFO when the certificate ends.
    pub(super) fn tell_certificate(&self, node: &mut Node) {
        if let Some(handshakes) = self.handshakes().next() {
            let end_s = handshakes.certificate_end_s();
            node.stats_mut().gauges.tls_certificate_end_seconds = u64::try_from(end_s).unwrap_or(0);
        }
    }

    /// How many handshakes have failed.
    pub(super) fn failed_handshakes(&self) -> u64 {
        self.handshakes().map(Handshakes::failed_count).sum()
    }

    /// Opens the sockets of `wanted` and tells INFO of them.
    ///
    /// # Errors
    /// Words for the client; the log has the reason.
    pub(super) fn listen(
        &mut self,
        node: &mut Node,
        wanted: &Config,
        registry: &Registry,
    ) -> Result<(), String> {
        let present = node.engine().config();
        self.encrypt(wanted)?;
        if wanted.bind == present.bind && wanted.port == present.port {
            self.tell_certificate(node);
            return Ok(());
        }
        let refusal = match wanted.differing_listener(present) {
            "bind" => BIND_REFUSED,
            _ => PORT_REFUSED,
        };
        let outcome = if node.engine().host().owns_listeners {
            self.change(present, wanted, registry)
        } else {
            let reason = io::Error::other("the server was given its sockets and opens no others");
            Err(ListenError::new("another address", reason))
        };
        outcome.map_err(|error| {
            log::warn!("{error}");
            refusal.to_string()
        })?;
        node.stats_mut().gauges.tcp_port = self.port();
        let sockets: Vec<String> = self.list.iter().map(Listener::to_string).collect();
        log::info!("listening on {}", sockets.join(" and "));
        Ok(())
    }
}
