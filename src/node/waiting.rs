//! Who waits for what: clients whose requests are held back until something is done, and the one
//! way in which they are answered then.
//!
//! ```text
//!  handler ─▶ Effect::Later(Wait) ─▶ Node::answer_later ─▶ it is begun
//!                                            │
//!                                            ▼
//!                      a row for each Awaited: ids, the first first
//!                                            │ the disk, the clock, the loop: it is done
//!                                            ▼
//!                     Node::answer ─▶ the reply ─▶ the client goes on
//! ```
//!
//! A client that ends meanwhile is passed over when its turn comes, and its long read ends with it.
//! What others asked of the disk or the loop is carried out all the same.
//!
//! Invariants: a client waits for one thing at a time, because none of its requests is executed
//! meanwhile (`Holds`); who was ended while it waited ([`Node::end_with_error`]) gets no answer.
//!
//! Not here: what is waited for (`saving.rs`, `delivery.rs`, `config_file.rs`, `users_file.rs`,
//! `listening.rs`, `reading.rs`, `timers.rs`), and waiting for memory and for keys, which need
//! orders of their own (`budget.rs`, `blocking.rs`).

use super::connection::Holds;
use super::{ConnectionId, Node};
use crate::base::clock::Timestamp;
use crate::context::outbox::Wait;
use crate::protocol::error::ReplyError;
use std::collections::VecDeque;

/// What a client waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    /// The end of a pause.
    PauseEnd,
    /// That a long command gives keys back.
    Claim,
    /// That the server has stood still (DEBUG SLEEP). The reply is there already.
    Standstill,
    /// That the clock is moved.
    Clock,
    /// The end of a snapshot.
    Snapshot,
    /// That the configuration is written to its file.
    ConfigFile,
    /// That the file of users is read or written.
    UsersFile,
    /// That other sockets are open.
    Sockets,
    /// That messages which it has caused are delivered.
    Mail,
    /// The end of its own command, which has the keyspace to itself.
    Job,
    /// The end of such a command of another client.
    JobEnd,
    /// That what a primary has sent is carried out, and this server no replica any more.
    Promotion,
    /// The next step of its long read.
    Step,
}

impl Awaited {
    /// The number of kinds.
    const COUNT: usize = Self::Step as usize + 1;

    /// What holds the requests of a client that waits for this.
    fn hold(self) -> Holds {
        match self {
            Self::PauseEnd => Holds::PAUSE,
            Self::Claim => Holds::CLAIM,
            Self::Mail => Holds::MAIL,
            Self::JobEnd => Holds::JOB,
            Self::Standstill
            | Self::Clock
            | Self::Snapshot
            | Self::ConfigFile
            | Self::UsersFile
            | Self::Sockets
            | Self::Job
            | Self::Promotion
            | Self::Step => Holds::ANSWER,
        }
    }
}

/// Clients that wait, in the order in which they came. Those that have ended may be among them.
#[derive(Default)]
pub(super) struct Waiting {
    rows: [VecDeque<ConnectionId>; Awaited::COUNT],
}

impl Waiting {
    /// Puts a client at the end of a row.
    pub(super) fn push(&mut self, awaited: Awaited, id: ConnectionId) {
        self.rows[awaited as usize].push_back(id);
    }

    /// Takes the first of a row.
    pub(super) fn pop(&mut self, awaited: Awaited) -> Option<ConnectionId> {
        self.rows[awaited as usize].pop_front()
    }

    /// Takes a whole row.
    pub(super) fn take(&mut self, awaited: Awaited) -> VecDeque<ConnectionId> {
        std::mem::take(&mut self.rows[awaited as usize])
    }

    /// Whether somebody waits for this.
    #[inline]
    pub(super) fn has(&self, awaited: Awaited) -> bool {
        !self.rows[awaited as usize].is_empty()
    }
}

impl Node {
    /// Begins what a command's answer waits for.
    pub(super) fn answer_later(&mut self, id: ConnectionId, wait: Wait, now: Timestamp) {
        match wait {
            Wait::Snapshot => {
                self.wait_for(id, Awaited::Snapshot);
                self.save_in_background(now);
            }
            Wait::Clock { span_ms } => {
                self.wait_for(id, Awaited::Clock);
                self.demand_time(span_ms);
            }
            Wait::ConfigFile => {
                self.wait_for(id, Awaited::ConfigFile);
                self.rewritings_asked += 1;
            }
            Wait::Users(task) => {
                self.wait_for(id, Awaited::UsersFile);
                self.users_tasks.push_back(task);
            }
            Wait::Sockets { pairs } => {
                self.wait_for(id, Awaited::Sockets);
                self.listening.ask(pairs);
            }
            Wait::Promotion => {
                self.wait_for(id, Awaited::Promotion);
                self.unfollow(now);
            }
            Wait::Steps => self.wait_for(id, Awaited::Step),
            Wait::Keys { until_ms } => self.wait_for_keys(id, until_ms),
            Wait::Reload { flushes } => {
                let outcome = self.reload(flushes);
                self.write_outcome(id, outcome.as_ref().copied().map_err(String::as_str));
            }
        }
    }

    /// Holds the requests of a connection that is there until somebody ends its wait.
    pub(super) fn wait_for(&mut self, id: ConnectionId, awaited: Awaited) {
        self.clients[id].holds.add(awaited.hold());
        self.waiting.push(awaited, id);
    }

    /// Answers a client, if it is still there and waits, and lets it go on: OK, or an error with
    /// its reason.
    pub(super) fn answer(&mut self, id: ConnectionId, outcome: Result<(), &str>) {
        if self.release(id, Holds::ANSWER) {
            self.write_outcome(id, outcome);
            self.note_buffers(id);
        }
    }

    /// Answers all who wait for this.
    pub(super) fn answer_all(&mut self, awaited: Awaited, outcome: Result<(), &str>) {
        for id in self.waiting.take(awaited) {
            self.answer(id, outcome);
        }
    }

    /// Answers the first of those who wait for this.
    pub(super) fn answer_first(&mut self, awaited: Awaited, outcome: Result<(), &str>) {
        if let Some(id) = self.waiting.pop(awaited) {
            self.answer(id, outcome);
        }
    }

    /// Lets all go on who wait for this and need no answer.
    pub(super) fn release_all(&mut self, awaited: Awaited) {
        for id in self.waiting.take(awaited) {
            self.release(id, awaited.hold());
        }
    }

    /// Whether claimed keys were given back, for which somebody may wait.
    pub(super) fn has_claimants_to_release(&self) -> bool {
        self.engine.has_ended_claims()
    }

    /// Lets all go on who wait for claimed keys, if some were given back, and a snapshot begin that
    /// waited for the end of a change; who needs another key waits again.
    pub(super) fn release_claimants(&mut self, now: Timestamp) {
        if self.engine.take_ended_claims() {
            self.serve_held();
            self.release_all(Awaited::Claim);
            self.begin_scheduled(now);
        }
    }

    /// Takes from a connection what holds it, and lets it go on; false if it has ended or is not
    /// held so.
    pub(super) fn release(&mut self, id: ConnectionId, hold: Holds) -> bool {
        let connection = self.clients.get_mut(id);
        let Some(connection) = connection.filter(|connection| connection.holds.has(hold)) else {
            return false;
        };
        connection.holds.remove(hold);
        if hold == Holds::PAUSE {
            self.engine.session_mut(connection.session).is_paused = false;
        }
        self.clients.resume_soon(id);
        true
    }

    fn write_outcome(&mut self, id: ConnectionId, outcome: Result<(), &str>) {
        self.write_to(id, |reply| match outcome {
            Ok(()) => reply.ok(),
            Err(reason) => reply.error(&ReplyError::new(format!("ERR {reason}"))),
        });
    }
}
