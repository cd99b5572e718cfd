//! CONFIG SET of `bind` and `port`: in force when the sockets are open.
//!
//! ```text
//!  CONFIG SET port 7000 ─▶ asked ─▶ (whoever has the sockets opens others) ─▶ in force ─▶ the reply
//! ```
//!
//! Invariant: what is in force is what is listened on; whatever fails, both stay as they were.
//!
//! Not here: who waits (`waiting.rs`), sockets (`server/rebinding.rs`).

use super::Node;
use super::waiting::Awaited;
use crate::base::clock::Timestamp;
use crate::config::{Config, set_failed};
use std::collections::VecDeque;

/// What clients set that wait ([`Awaited::Sockets`]), in their order: names and values in turn.
#[derive(Default)]
pub(super) struct Listening {
    asked: VecDeque<Vec<Vec<u8>>>,
}

impl Listening {
    /// Notes what the client sets that waits last.
    pub(super) fn ask(&mut self, pairs: Vec<Vec<u8>>) {
        self.asked.push_back(pairs);
    }
}

impl Node {
    /// Puts what clients asked for into force and answers them. `listen` opens the sockets of a
    /// configuration in the place of those that are open, or leaves them and says, in words for the
    /// client, why not.
    pub fn change_listening(
        &mut self,
        now: Timestamp,
        listen: &mut dyn FnMut(&mut Node, &Config) -> Result<(), String>,
    ) {
        while let Some(pairs) = self.listening.asked.pop_front() {
            let outcome = self.set_and_listen(&pairs, listen);
            if outcome.is_ok() {
                self.config_changed(now);
            }
            let outcome = outcome.as_ref().map_err(String::as_str);
            self.answer_first(Awaited::Sockets, outcome.copied());
        }
    }

    fn set_and_listen(
        &mut self,
        pairs: &[Vec<u8>],
        listen: &mut dyn FnMut(&mut Node, &Config) -> Result<(), String>,
    ) -> Result<(), String> {
        let pairs: Vec<&[u8]> = pairs.iter().map(Vec::as_slice).collect();
        // Others may have set something since the client asked.
        let mut changed = self.engine.config().clone();
        changed.set(&pairs).map_err(|error| error.to_string())?;
        if !changed.listens_as(self.engine.config()) {
            let name = changed.differing_listener(self.engine.config());
            listen(self, &changed).map_err(|reason| set_failed(name, &reason))?;
        }
        *self.engine.config_mut() = changed;
        Ok(())
    }
}
