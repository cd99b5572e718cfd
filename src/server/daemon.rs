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

use super::directory::snapshot_path;
use super::listeners::Listener;
use super::manager::Manager;
use super::signals::Signals;
use super::users;
use crate::base::clock::Timestamp;
use crate::config::{Config, Reloaded, Row};
use crate::node::Node;
use crate::stats::Gauges;
use std::io;

/// Reads the configuration again, or says why it can't be.
pub type ReadConfig = Box<dyn FnMut() -> Result<Config, String> + Send>;

/// Opens the sockets that a configuration names in the place of those that are open, or says why
/// not.
type Listen<'a> = dyn FnMut(&mut Node, &Config) -> Result<(), String> + 'a;

/// Where a daemon's configuration comes from.
pub struct Origin {
    /// Absolute path of the file, for INFO, the log and CONFIG REWRITE; empty for none.
    pub config_file: Vec<u8>,
    /// Called on SIGHUP.
    pub read_config: ReadConfig,
    /// Name of the program's memory allocator, for INFO.
    pub allocator: &'static str,
    /// How many lines of the log could not be written, for INFO.
    pub log_lines_lost: Box<dyn Fn() -> u64 + Send>,
}

/// Parameters that the log names when the server starts, if there are such.
const STARTING_PARAMETERS: [&[u8]; 4] = [
    b"maxclients",
    b"maxmemory",
    b"maxmemory-policy",
    b"databases",
];

struct Reload {
    read_config: ReadConfig,
    /// What was read last: only what differs from it is set, so that CONFIG SET is not undone by
    /// what nobody touched.
    last: Config,
}

impl Reload {
    /// Puts what is read again into force, as a whole or not at all.
    fn carry_out(&mut self, node: &mut Node, listen: &mut Listen<'_>) -> Result<Reloaded, String> {
        let mut read = (self.read_config)()?;
        read.users = users::lines(&read).map_err(|error| error.to_string())?;
        let mut config = node.engine().config().clone();
        let reloaded = config.reload(&self.last, &read);
        if !config.listens_as(node.engine().config()) {
            listen(node, &config)?;
        }
        *node.engine_mut().config_mut() = config;
        // Who was made or changed by ACL SETUSER stays, as other parameters do.
        if read.users != self.last.users {
            let taken = node.engine_mut().set_users(&read.users);
            taken.map_err(|error| error.to_string())?;
            log::info!("the users are read again");
        }
        self.last = read;
        Ok(reloaded)
    }
}

/// The signals and the service manager of one server; of one that is embedded, neither.
pub(super) struct Daemon {
    pub(super) manager: Manager,
    pub(super) signals: Option<Signals>,
    reload: Option<Reload>,
    started: Timestamp,
    /// How many lines of the log could not be written.
    log_lines_lost: Box<dyn Fn() -> u64 + Send>,
    /// Who asked for the end.
    pub(super) asked_by: &'static str,
}

impl Daemon {
    /// A server whose program does all that itself.
    pub(super) fn none() -> Self {
        Self {
            manager: Manager::none(),
            signals: None,
            reload: None,
            started: Timestamp::default(),
            log_lines_lost: Box::new(|| 0),
            asked_by: "the program",
        }
    }

    /// Catches the signals and looks for a service manager.
    pub(super) fn start(config: &Config, origin: Origin, now: Timestamp) -> io::Result<Self> {
        Ok(Self {
            manager: Manager::from_environment(config.supervised),
            signals: Some(Signals::catch_all()?),
            reload: Some(Reload {
                read_config: origin.read_config,
                last: config.clone(),
            }),
            started: now,
            log_lines_lost: origin.log_lines_lost,
            asked_by: "the program",
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
        node.stats_mut().gauges.is_supervised = self.manager.is_there();
        log::info!(
            "ready to accept connections: {}, {} ms after the start",
            node.status(),
            now.monotonic_ms()
                .saturating_sub(self.started.monotonic_ms())
        );
        self.manager.is_ready(&node.status());
    }

    /// Sets what INFO tells of the log.
    pub(super) fn refresh(&self, gauges: &mut Gauges) {
        gauges.log_lines_lost = (self.log_lines_lost)();
    }

    /// Tells the service manager that the loop turns.
    pub(super) fn beat(&self, node: &mut Node) {
        self.manager.is_alive(&node.status());
    }

    /// Does what the signals ask for; true if the server is to end.
    pub(super) fn heed_signals(
        &mut self,
        node: &mut Node,
        now: Timestamp,
        listen: &mut Listen<'_>,
    ) -> bool {
        let Some(signals) = &mut self.signals else {
            return false;
        };
        let caught = signals.take();
        if caught.summarise {
            log::info!("summary: {}", node.summary(now));
        }
        if caught.reload {
            self.reload(node, now, listen);
        }
        if caught.terminate {
            self.asked_by = "SIGTERM";
        }
        if caught.interrupt {
            self.asked_by = "SIGINT";
        }
        caught.terminate || caught.interrupt
    }

    fn reload(&mut self, node: &mut Node, now: Timestamp, listen: &mut Listen<'_>) {
        let Some(reload) = &mut self.reload else {
            return;
        };
        self.manager.is_reloading();
        match reload.carry_out(node, listen) {
            Ok(reloaded) => {
                node.config_changed(now);
                log_changes(&reloaded);
            }
            Err(reason) => log::error!("cannot reload, the configuration stays: {reason}"),
        }
        self.manager.is_ready(&node.status());
    }

    /// The end has begun.
    pub(super) fn begin_to_end(&self, connections: usize) {
        log::info!(
            "stopping, as {} asked: {connections} connections are closed",
            self.asked_by
        );
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
pub(super) fn log_start(config: &Config, config_file: &[u8], listeners: &[Listener]) {
    let parameters = config.matching(&STARTING_PARAMETERS);
    let parameters: Vec<String> = parameters
        .iter()
        .map(|(name, value)| format!("{name} {}", String::from_utf8_lossy(value)))
        .collect();
    let sockets: Vec<String> = listeners.iter().map(Listener::to_string).collect();
    let file = if config_file.is_empty() {
        "no file".into()
    } else {
        String::from_utf8_lossy(config_file)
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

fn log_changes(reloaded: &Reloaded) {
    let list = |rows: &[&Row]| {
        let names: Vec<&str> = rows.iter().map(|row| row.name).collect();
        match names.join(", ") {
            names if names.is_empty() => "nothing".to_string(),
            names => names,
        }
    };
    log::info!("configuration reloaded: set {}", list(&reloaded.changed));
    if !reloaded.fixed.is_empty() {
        log::warn!("changed only by a restart: {}", list(&reloaded.fixed));
    }
}
