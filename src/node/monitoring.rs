//! Showing some clients what the others do, and what else happens between two requests.
//!
//! ```text
//!  batch executed ─▶ lines of the feed ─▶ output of every monitor
//!                                          │ more than OUTPUT_BYTES_MAX unread: closed
//! ```
//!
//! Invariant: a monitor's output is bounded, and nobody waits for a monitor: one that does not read
//! fast enough loses its connection, because it can't be slowed down by what others do.
//!
//! Not here: what a line looks like (`context/monitor.rs`).

use super::{ConnectionId, Node};
use crate::persistence::{MemoryDisk, PersistError, Storage, load_from};
use crate::protocol::reply::{Dialect, ReplyWriter};
use std::sync::Arc;

/// Output that a monitor may leave unread, in bytes: some ten thousand commands.
const OUTPUT_BYTES_MAX: usize = 8 << 20;

/// Lines as monitors get them, encoded once for all who speak alike.
struct Encoded {
    lines: Vec<u8>,
    as_replies: Option<Arc<[u8]>>,
    as_text: Option<Arc<[u8]>>,
}

impl Encoded {
    fn of(lines: Vec<u8>) -> Self {
        Self {
            lines,
            as_replies: None,
            as_text: None,
        }
    }

    fn in_dialect(&mut self, dialect: Dialect) -> &Arc<[u8]> {
        let place = match dialect {
            Dialect::Resp2 | Dialect::Resp3 => &mut self.as_replies,
            Dialect::Plain => &mut self.as_text,
        };
        place.get_or_insert_with(|| {
            let text = std::str::from_utf8(&self.lines).expect("a line escapes all but ASCII");
            let mut out = Vec::new();
            let mut reply = ReplyWriter::new(&mut out, dialect);
            text.lines().for_each(|line| reply.simple(line));
            out.into()
        })
    }
}

impl Node {
    /// Begins or ends to show a client what is executed.
    pub(super) fn set_monitor(&mut self, id: ConnectionId, is_on: bool) {
        self.monitors.retain(|monitor| *monitor != id);
        if is_on {
            self.monitors.push(id);
        } else if self.clients.get(id).is_some() {
            // `timeout` concerns it again.
            self.clients.resume_soon(id);
        }
        self.engine.set_monitored(!self.monitors.is_empty());
    }

    /// Gives the monitors what was executed since the last call.
    #[cold]
    pub(super) fn feed_monitors(&mut self) {
        let (lines, is_cut) = self.engine.take_monitor_feed();
        if lines.is_empty() && !is_cut {
            return;
        }
        let mut encoded = Encoded::of(lines);
        for id in self.monitors.clone() {
            let monitor = self.clients.get(id);
            let Some(monitor) = monitor.filter(|monitor| !monitor.is_closing()) else {
                continue;
            };
            if is_cut || monitor.output.len() + encoded.lines.len() > OUTPUT_BYTES_MAX {
                let counters = &mut self.engine.stats_mut().counters;
                counters.client_output_buffer_limit_disconnections += 1;
                log::warn!("a client in MONITOR reads too slowly and is closed");
                self.clients.close_soon(id);
                continue;
            }
            let dialect = self.engine.session(monitor.session).dialect;
            self.clients.deliver_to(id, encoded.in_dialect(dialect));
            self.note_buffers(id);
        }
    }

    /// Saves the keyspace to memory and loads it again, for DEBUG RELOAD. O(keys), in one go.
    ///
    /// # Errors
    /// A snapshot is being taken, or what was saved can't be loaded: a text for the client.
    pub(super) fn reload(&mut self, flushes: bool) -> Result<(), String> {
        if self.is_saving() {
            return Err("a snapshot is being taken".to_string());
        }
        self.reload_all(flushes).map_err(|error| error.to_string())
    }

    fn reload_all(&mut self, flushes: bool) -> Result<(), PersistError> {
        let mut disk = MemoryDisk::new();
        self.engine.save_to(&mut disk)?;
        if flushes {
            self.engine.clear_all();
        }
        let Some(mut file) = disk.open()? else {
            return Ok(());
        };
        // What was in memory a moment ago may come back, whatever the limit is now.
        let limit_bytes = self.engine.memory_limit_bytes();
        self.engine.set_memory_limit(0);
        let outcome = load_from(&mut self.engine, &mut *file, |_, _| {});
        self.engine.set_memory_limit(limit_bytes);
        outcome.map(|_| ())
    }
}
