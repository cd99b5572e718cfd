//! Which clients are shown what the others do, and what else happens between two requests.
//!
//! Not here: what a line looks like (`context/monitor.rs`), its way to the monitors
//! (`delivery.rs`).

use super::{ConnectionId, Node};
use crate::persistence::{MemoryDisk, PersistError, Storage, load_from};
use std::sync::Arc;

impl Node {
    /// Begins or ends to show a client what is executed.
    pub(super) fn set_monitor(&mut self, id: ConnectionId, is_on: bool) {
        let monitors = Arc::make_mut(&mut self.monitors);
        monitors.retain(|monitor| *monitor != id.link());
        if is_on {
            monitors.push(id.link());
        } else if self.clients.get(id).is_some() {
            // `timeout` concerns it again.
            self.clients.resume_soon(id);
        }
        self.engine.set_monitored(!self.monitors.is_empty());
    }

    /// Saves the keyspace to memory and loads it again, for DEBUG RELOAD. O(keys), in one go.
    ///
    /// # Errors
    /// A snapshot is being taken, or what was saved can't be loaded: a text for the client.
    pub(super) fn reload(&mut self, flushes: bool) -> Result<(), String> {
        if self.is_saving() {
            return Err("a snapshot is being taken".to_string());
        }
        self.engine.keyspace_mut().finish_export();
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
