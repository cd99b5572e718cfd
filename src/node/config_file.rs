//! Clients that wait for their `CONFIG REWRITE`.
//!
//! ```text
//!  CONFIG REWRITE ─▶ asked ─▶ (a thread that may block) ─▶ waiting ─▶ the reply
//! ```
//!
//! Requests are carried out and answered in their order. A client that has gone meanwhile is
//! passed over; its request is carried out all the same.
//!
//! Not here: what is written (`config/rewrite.rs`), the disk (`server/disk.rs`).

use super::connection::Holds;
use super::{ConnectionId, Node};
use crate::config::Config;
use std::collections::VecDeque;

/// Rewritings of the configuration file.
#[derive(Default)]
pub(super) struct Rewritings {
    /// Clients whose request is to be taken.
    asked: VecDeque<ConnectionId>,
    /// Clients whose request was taken, in the order of the reports to come.
    waiting: VecDeque<ConnectionId>,
}

impl Node {
    /// Lets a client wait until the configuration file is written.
    pub(super) fn rewrite_config_for(&mut self, id: ConnectionId) {
        self.clients[id].holds.add(Holds::ANSWER);
        self.rewritings.asked.push_back(id);
    }

    /// The configuration that is to be written to its file, if a client asked for that. Each is to
    /// be reported by [`Node::config_rewritten`], in their order. Call again until `None`.
    pub fn take_config_rewriting(&mut self) -> Option<Box<Config>> {
        let id = self.rewritings.asked.pop_front()?;
        self.rewritings.waiting.push_back(id);
        Some(Box::new(self.engine.config().clone()))
    }

    /// Takes the outcome of the first rewriting that was taken and not reported.
    pub fn config_rewritten(&mut self, outcome: Result<(), String>) {
        match &outcome {
            Ok(()) => log::info!("the configuration file is rewritten"),
            Err(reason) => log::warn!("the configuration file stays as it is: {reason}"),
        }
        let outcome = outcome.map_err(|reason| format!("Rewriting config file: {reason}"));
        if let Some(id) = self.rewritings.waiting.pop_front() {
            let outcome = outcome.as_ref().map_err(String::as_str);
            self.answer_waiter(id, outcome.copied());
        }
    }
}
