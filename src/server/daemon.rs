//! The server as a daemon: what its signals ask for, and what its operator and the service
//! manager are told.
//!
//! ```text
//!  SIGTERM, SIGINT ─▶ the end, with a last snapshot
//!  SIGHUP          ─▶ the configuration is read again; what changed in it and may change is set
//!  SIGUSR1         ─▶ a summary in the log
//!  heartbeat       ─▶ the service manager hears that the loop turns
//! ```
//!
//! Not here: how signals are caught (`signals.rs`), how the manager is spoken to (`manager.rs`),
//! how the configuration is read: the program passes a function, as only it opens files.

use super::listeners::Listener;
use super::loading::snapshot_path;
use super::manager::Manager;
use super::signals::Signals;
use crate::base::clock::Timestamp;
use crate::config::{Config, ROWS, Row};
use crate::node::Node;
use std::io;

/// Reads the configuration again, or says why it can't be.
pub type ReadConfig = Box<dyn FnMut() -> Result<Config, String> + Send>;

/// Where a daemon's configuration comes from.
pub struct Origin {
    /// Path of the file, for INFO and the log; empty for none.
    pub config_file: String,
    /// Called on SIGHUP.
    pub read_config: ReadConfig,
}

/// Parameters that the log names when the server starts, if there are such.
const STARTING_PARAMETERS: [&[u8]; 4] = [
    b"maxclients",
    b"maxmemory",
    b"maxmemory-policy",
    b"databases",
];

/// What the log names when the configuration was read again.
#[derive(Debug, Default, PartialEq, Eq)]
struct Changes {
    /// Parameters that have a new value.
    set: Vec<&'static str>,
    /// Parameters that would need a restart.
    waiting: Vec<&'static str>,
}

struct Reload {
    read_config: ReadConfig,
    /// What was read last: only what differs from it is set, so that CONFIG SET is not undone by
    /// what nobody touched.
    last: Config,
}

/// The signals and the service manager of one server; of one that is embedded, neither.
pub(super) struct Daemon {
    pub(super) manager: Manager,
    pub(super) signals: Option<Signals>,
    reload: Option<Reload>,
    started: Timestamp,
}

impl Daemon {
    /// A server whose program does all that itself.
    pub(super) fn none() -> Self {
        Self {
            manager: Manager::none(),
            signals: None,
            reload: None,
            started: Timestamp::default(),
        }
    }

    /// Catches the signals and looks for a service manager.
    pub(super) fn start(
        config: &Config,
        read_config: ReadConfig,
        now: Timestamp,
    ) -> io::Result<Self> {
        Ok(Self {
            manager: Manager::from_environment(config.supervised),
            signals: Some(Signals::catch_all()?),
            reload: Some(Reload {
                read_config,
                last: config.clone(),
            }),
            started: now,
        })
    }

    /// Everything is loaded: clients are served from now on.
    pub(super) fn begin(&mut self, node: &mut Node, now: Timestamp) {
        if let Some(signals) = &self.signals {
            signals.begin_to_wait();
        }
        if let Some(period_ms) = self.manager.watchdog_ms() {
            node.beat_every(period_ms, now);
        }
        log::info!(
            "ready to accept connections: {}, {} ms after the start",
            node.status(),
            now.monotonic_ms()
                .saturating_sub(self.started.monotonic_ms())
        );
        self.manager.is_ready(&node.status());
    }

    /// Tells the service manager that the loop turns.
    pub(super) fn beat(&self, node: &mut Node) {
        self.manager.is_alive(&node.status());
    }

    /// Does what the signals ask for; true if the server is to end.
    pub(super) fn heed_signals(&mut self, node: &mut Node, now: Timestamp) -> bool {
        let Some(signals) = &mut self.signals else {
            return false;
        };
        let caught = signals.take();
        if caught.summarise {
            log::info!("summary: {}", node.summary(now));
        }
        if caught.reload {
            self.reload(node, now);
        }
        if caught.terminate {
            log::info!("SIGTERM asked for the end");
        }
        if caught.interrupt {
            log::info!("SIGINT asked for the end");
        }
        caught.terminate || caught.interrupt
    }

    fn reload(&mut self, node: &mut Node, now: Timestamp) {
        let Some(reload) = &mut self.reload else {
            return;
        };
        self.manager.is_reloading();
        match (reload.read_config)() {
            Ok(read) => {
                let config = node.engine_mut().config_mut();
                let changes = apply_changes(config, &reload.last, &read);
                reload.last = read;
                node.config_changed(now);
                log_changes(&changes);
            }
            Err(reason) => log::error!("cannot reload, the configuration stays: {reason}"),
        }
        self.manager.is_ready(&node.status());
    }

    /// The end has begun.
    pub(super) fn begin_to_end(&self, connections: usize) {
        log::info!("stopping: {connections} connections are closed");
        self.manager.is_stopping("Stopping");
        if let Some(signals) = &self.signals {
            signals.begin_to_end();
        }
    }

    /// The last snapshot takes its time.
    pub(super) fn is_saving(&self, node: &mut Node) {
        let keys = node.stats_mut().gauges.snapshot_keys;
        let status = format!("Saving the last snapshot: {keys} keys so far");
        self.manager.is_stopping(&status);
    }
}

/// One line about what starts: for people who read a log from its end backwards.
pub(super) fn log_start(config: &Config, config_file: &str, listeners: &[Listener]) {
    let parameters = config.matching(&STARTING_PARAMETERS);
    let parameters: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{name} {}", String::from_utf8_lossy(value)))
        .collect();
    let sockets: Vec<String> = listeners.iter().map(Listener::to_string).collect();
    let file = if config_file.is_empty() {
        "no file"
    } else {
        config_file
    };
    log::info!(
        "evenkeel {} starts, process {}; {}; configuration {file}; snapshot {}; listening on {}",
        env!("CARGO_PKG_VERSION"),
        std::process::id(),
        parameters.join(", "),
        snapshot_path(config).display(),
        sockets.join(" and ")
    );
    if config.daemonize {
        log::info!("daemonize yes: stays in the foreground; docs/OPERATIONS.md has a service");
    }
}

/// Sets in `config` what `read` has and `last` had not. Parameters that can't change while the
/// server runs are named and left.
fn apply_changes(config: &mut Config, last: &Config, read: &Config) -> Changes {
    let mut changes = Changes::default();
    let has_changed = |row: &&Row| row.get(last) != row.get(read);
    for row in ROWS.iter().filter(has_changed) {
        let value = row.get(read);
        if !row.is_mutable() {
            changes.waiting.push(row.name);
        } else if row.get(config) != value {
            // A value that was printed can be read.
            match row.set(config, &[&value]) {
                Ok(()) => changes.set.push(row.name),
                Err(reason) => log::error!("cannot set {}: {reason}", row.name),
            }
        }
    }
    changes
}

fn log_changes(changes: &Changes) {
    let list = |names: &[&str]| {
        if names.is_empty() {
            "nothing".to_string()
        } else {
            names.join(", ")
        }
    };
    log::info!("configuration reloaded: set {}", list(&changes.set));
    if !changes.waiting.is_empty() {
        log::warn!("changed only by a restart: {}", list(&changes.waiting));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_in_the_file_is_set() {
        let last = Config {
            timeout_seconds: 10,
            ..Config::default()
        };
        let mut running = Config {
            // Set by CONFIG SET since then, and not touched in the file.
            maxclients: 77,
            ..last.clone()
        };
        let mut read = Config {
            timeout_seconds: 20,
            port: 7000,
            requirepass: b"two words".to_vec(),
            ..last.clone()
        };
        read.save.clear();
        let changes = apply_changes(&mut running, &last, &read);
        assert_eq!(changes.set, ["timeout", "requirepass", "save"]);
        assert_eq!(changes.waiting, ["port"]);
        let expected = Config {
            port: last.port,
            maxclients: 77,
            ..read
        };
        assert_eq!(running, expected);
    }

    #[test]
    fn a_file_that_has_not_changed_sets_nothing() {
        let mut running = Config {
            timeout_seconds: 5,
            ..Config::default()
        };
        let changes = apply_changes(&mut running, &Config::default(), &Config::default());
        assert_eq!(changes, Changes::default());
        assert_eq!(running.timeout_seconds, 5);
    }
}
