//! CONFIG REWRITE: what the disk is asked, and what it says.
//!
//! ```text
//!  CONFIG REWRITE ─▶ asked ─▶ taken (a thread that may block) ─▶ reported ─▶ the reply
//! ```
//!
//! Requests are carried out and answered in their order, so the first client that waits is the one
//! whose request is reported next, whether it was taken or not.
//!
//! Not here: who waits (`waiting.rs`), what is written (`config/rewrite.rs`), the disk
//! (`server/disk.rs`).

use super::Node;
use super::waiting::Awaited;
use crate::config::Config;

impl Node {
    /// The configuration that is to be written to its file, if a client asked for that. Each is to
    /// be reported by [`Node::config_rewritten`], in their order. Call again until `None`.
    pub fn take_config_rewriting(&mut self) -> Option<Box<Config>> {
        self.rewritings_asked = self.rewritings_asked.checked_sub(1)?;
        let mut config = self.engine.config().clone();
        config.users = self.engine.users_to_write();
        Some(Box::new(config))
    }

    /// Takes the outcome of the first rewriting that was taken and not reported.
    pub fn config_rewritten(&mut self, outcome: Result<(), String>) {
        match &outcome {
            Ok(()) => log::info!("the configuration file is rewritten"),
            Err(reason) => log::warn!("the configuration file stays as it is: {reason}"),
        }
        let outcome = outcome.map_err(|reason| format!("Rewriting config file: {reason}"));
        let outcome = outcome.as_ref().map_err(String::as_str);
        self.answer_first(Awaited::ConfigFile, outcome.copied());
    }
}
