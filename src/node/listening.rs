//! Clients that wait for their `CONFIG SET` of `bind` or `port`.
//!
//! ```text
//!  CONFIG SET port 7000 ─▶ asked ─▶ (whoever has the sockets opens others) ─▶ in force ─▶ the reply
//! ```
//!
//! Invariant: what is in force is what is listened on; whatever fails, both stay as they were.
//!
//! Not here: sockets (`server/rebinding.rs`).

use super::connection::Holds;
use super::{ConnectionId, Node};
use crate::base::clock::Timestamp;
use crate::config::{Config, set_failed};
use std::collections::VecDeque;

/// Clients that wait, and what they set: names and values in turn.
#[derive(Default)]
pub(super) struct Listening {
    asked: VecDeque<(ConnectionId, Vec<Vec<u8>>)>,
}

impl Node {
    /// Lets a client wait until the sockets are open that its parameters ask for.
    pub(super) fn listen_for(&mut self, id: ConnectionId, pairs: Vec<Vec<u8>>) {
        self.clients[id].holds.add(Holds::ANSWER);
        self.listening.asked.push_back((id, pairs));
    }

    /// Puts what clients asked for into force and answers them. `listen` opens the sockets of a
    /// configuration in the place of those that are open, or leaves them and says, in words for the
    /// client, why not.
    pub fn change_listening(
        &mut self,
        now: Timestamp,
        listen: &mut dyn FnMut(&mut Node, &Config) -> Result<(), String>,
    ) {
        while let Some((id, pairs)) = self.listening.asked.pop_front() {
            let outcome = self.set_and_listen(&pairs, listen);
            if outcome.is_ok() {
                self.config_changed(now);
            }
            let outcome = outcome.as_ref().map_err(String::as_str);
            self.answer_waiter(id, outcome.copied());
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
