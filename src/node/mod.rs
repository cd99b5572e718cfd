//! Rank 9: a whole server minus its sockets.
//!
//! ```text
//!  reactor ── accepted ─▶ ┌───────────────────────────────────────────┐
//!          ── read_buffer │ Node                                      │
//!          ── received ──▶│  clients ── connections, parsers, buffers │
//!          ── end_of_input│  engine ── sessions, keyspace             │
//!          ◀─ output ─────│  timers (wheel)                           │
//!          ── written ───▶│                                           │
//!          ── tick ──────▶│                                           │
//!          ◀─ next_wake ──└───────────────────────────────────────────┘
//! ```
//!
//! The reactor only moves bytes: whoever calls these methods, with sockets or without, drives the
//! same server. After every call the lists (`take_output_list`, `take_close_list`,
//! `take_ready_list`) and `next_wake_ms` are to be asked again.
//!
//! Invariants: a connection's memory is bounded whatever its client sends or does not read
//! (`buffers.rs`, `OUTPUT_MARK_BYTES` in `connection.rs`); an idle connection owns no buffer;
//! requests of one connection are executed in order, a bounded number a turn (`TURN_REQUESTS_MAX`
//! in `run.rs`); all connections together stay within a budget (`budget.rs`).
//!
//! Not here: polling, sockets, signals, clocks (`server/`).

mod blocking;
mod budget;
mod buffers;
mod client_limits;
mod clients;
mod config_file;
mod connection;
mod delivery;
mod jobs;
mod listening;
mod monitoring;
mod output_limits;
mod pacing;
mod page_id;
mod pages;
mod reading;
mod replica;
mod run;
mod saving;
mod shared_pieces;
mod strangers;
mod summary;
mod timers;
mod users_file;
mod waiting;

pub use connection::ConnectionId;
pub use page_id::PageId;
pub(crate) use pages::PAGES_MAX;
pub use replica::PrimaryTask;
pub use summary::Summary;

use crate::base::clock::Timestamp;
use crate::config::{Config, InlineReplies};
use crate::context::host::Host;
use crate::context::outbox::Shutdown;
use crate::context::outbox::UsersTask;
use crate::engine::CacheEngine;
use crate::protocol::batch::RequestBatch;
use crate::session::{BufferUse, Link, Peer};
use crate::stats::Statistics;
use blocking::Serving;
use budget::ClientBudget;
use buffers::SHARED_READ_BYTES;
use clients::Clients;
use connection::{Connection, Holds, Phase};
use delivery::KeptMessages;
use listening::Listening;
use pages::Pages;
use replica::Replica;
use saving::Saving;
use std::collections::VecDeque;
use std::sync::Arc;
use timers::Timers;
use waiting::Waiting;

/// Connections whose slots are reserved at the start, if `maxclients` allows as many: the memory
/// is touched when they come, and no slab is ever copied into a larger one while they do.
const CONNECTIONS_RESERVED_MAX: usize = 65_536;

/// Nobody types so many bytes before the first answer; programs that send files of lines do.
const PROGRAM_READ_BYTES: usize = 4096;

/// What a stranger is told in protected mode: Redis's code, which tools look for, and advice.
const PROTECTED: &[u8] = b"-DENIED Evenkeel is running in protected mode: no password is set for \
    the default user, so only clients of this machine may come in. To let others in, set one \
    (requirepass, or ACL SETUSER default), or set protected-mode no if the whole network is \
    trusted: in the configuration file, or by CONFIG SET from this machine.\r\n";

/// What the loop must do beside moving bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demands {
    /// Move the clock forward by this when the turn is over, and tell [`Node::clock_moved`].
    pub advance_ms: Option<u64>,
    /// End the server.
    pub shutdown: Option<Shutdown>,
    /// Give free memory back to the system.
    pub purge_memory: bool,
    /// The configuration has changed: look what concerns the loop.
    pub config_changed: bool,
    /// The time of [`Node::beat_every`] has come.
    pub heartbeat: bool,
}

/// A connection that is refused: what to tell the client before the socket is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A whole reply.
    pub reply: &'static [u8],
}

/// A server without sockets. See the module header.
pub struct Node {
    engine: CacheEngine,
    clients: Clients,
    /// Where connections without a buffer of their own read into.
    read_buffer: Vec<u8>,
    batch: RequestBatch,
    timers: Timers,
    waiting: Waiting,
    demands: Demands,
    /// How long the server is to stand still, in microseconds.
    sleep_us: u64,
    saving: Saving,
    /// Least output that `client-output-buffer-limit` concerns.
    output_floor_bytes: usize,
    /// Clients that are shown what is executed.
    monitors: Arc<Vec<Link>>,
    kept_messages: KeptMessages,
    budget: ClientBudget,
    /// What one client's request, transaction or reply may take.
    client_bytes_max: usize,
    /// What `maxmemory auto` means; 0 if nobody said.
    automatic_memory_bytes: u64,
    /// Rewritings of the configuration file that were not taken yet.
    rewritings_asked: usize,
    /// What the disk is to be asked of the file of users.
    users_tasks: VecDeque<UsersTask>,
    listening: Listening,
    pages: Pages,
    replica: Replica,
    serving: Serving,
    /// The place at which the search for a stranger goes on.
    next_stranger_slot: usize,
}

impl Node {
    /// A server with an empty cache. `config.hash_seed` must be random if strangers choose keys.
    pub fn new(config: Config, now: Timestamp) -> Self {
        let idle_limit_s = u64::from(config.timeout_seconds);
        let reserved = reserved_connections(&config);
        let output_floor_bytes = output_limits::floor_bytes(&config);
        let mut engine = CacheEngine::new(config);
        engine.reserve_sessions(reserved);
        let mut node = Self {
            engine,
            clients: Clients::with_capacity(reserved),
            read_buffer: vec![0; SHARED_READ_BYTES],
            batch: RequestBatch::new(),
            timers: Timers::new(now.monotonic_ms(), idle_limit_s),
            waiting: Waiting::default(),
            demands: Demands::default(),
            sleep_us: 0,
            saving: Saving::default(),
            output_floor_bytes,
            monitors: Arc::default(),
            kept_messages: KeptMessages::default(),
            budget: ClientBudget::new(),
            client_bytes_max: usize::MAX,
            automatic_memory_bytes: 0,
            rewritings_asked: 0,
            users_tasks: VecDeque::new(),
            listening: Listening::default(),
            pages: Pages::default(),
            replica: Replica::default(),
            serving: Serving::default(),
            next_stranger_slot: 0,
        };
        node.apply_memory_limits();
        node
    }

    /// The cache behind the connections.
    pub fn engine(&self) -> &CacheEngine {
        &self.engine
    }

    /// The cache behind the connections, for change.
    pub fn engine_mut(&mut self) -> &mut CacheEngine {
        &mut self.engine
    }

    /// What commands know of the server, for it to keep up to date.
    pub(crate) fn host_mut(&mut self) -> &mut Host {
        self.engine.host_mut()
    }

    /// Counters and gauges, for their owners to keep up to date.
    pub fn stats_mut(&mut self) -> &mut Statistics {
        self.engine.stats_mut()
    }

    /// How many connections there are.
    pub fn connection_count(&self) -> usize {
        self.clients.len()
    }

    /// Begins a connection.
    ///
    /// # Errors
    /// A [`Refusal`] when there are `maxclients` already, and in protected mode for strangers.
    pub fn accepted(&mut self, peer: Peer, now: Timestamp) -> Result<ConnectionId, Refusal> {
        if let Some(reply) = self.reason_to_refuse(&peer) {
            self.stats_mut().counters.rejected_connections += 1;
            let reason = match reply {
                PROTECTED => "protected-mode",
                _ => "maxclients",
            };
            log::debug!("a client from {} is turned away: {reason}", peer.address);
            return Err(Refusal { reply });
        }
        let session = self.engine.open_session(peer, now);
        let id = self.clients.insert(session);
        let opened = self.engine.session_mut(session);
        opened.link = Some(id.link());
        log::debug!("client {} came from {}", opened.id, opened.peer.address);
        self.watch_idleness(id, now);
        Ok(id)
    }

    fn reason_to_refuse(&mut self, peer: &Peer) -> Option<&'static [u8]> {
        if !self.has_place() {
            return Some(b"-ERR max number of clients reached\r\n");
        }
        let is_protected = self.engine.config().protected_mode && self.engine.users().are_open();
        (is_protected && !peer.is_local()).then_some(PROTECTED)
    }

    /// How many connections there is room for from the start, with all that grows with them.
    pub fn reserved_connections(&self) -> usize {
        reserved_connections(self.engine.config())
    }

    /// Makes room for as many connections as `maxclients` allows by now, so that no slab has to
    /// grow while they come.
    pub fn reserve_connections(&mut self) {
        let reserved = self.reserved_connections();
        let more = reserved.saturating_sub(self.clients.len());
        self.clients.reserve(reserved);
        self.engine.reserve_sessions(more);
    }

    /// Whether bytes of this connection may be read now. If not, its readiness must be remembered:
    /// it comes onto the ready list when that changes.
    pub fn may_read(&mut self, id: ConnectionId) -> bool {
        let wants_more = self.clients.get(id).is_some_and(Connection::may_read);
        wants_more && (!self.budget.is_short() || self.may_take_more(id))
    }

    /// Where the next bytes of a connection that [`Node::may_read`] are to be put. What is read
    /// must be told by [`Node::received`] before this is called for another connection.
    pub fn read_buffer(&mut self, id: ConnectionId) -> &mut [u8] {
        let (connection, pool) = self.clients.with_pool(id);
        if connection.input.is_empty() {
            &mut self.read_buffer
        } else {
            connection.input.spare(connection.wanted_bytes, pool)
        }
    }

    /// Takes over `count` bytes that were read into [`Node::read_buffer`], and executes what is
    /// complete, up to a bound.
    pub fn received(&mut self, id: ConnectionId, count: usize, now: Timestamp) {
        let counters = &mut self.stats_mut().counters;
        counters.total_net_input_bytes += count as u64;
        counters.total_reads_processed += 1;
        let connection = &mut self.clients[id];
        if connection.is_new && count >= PROGRAM_READ_BYTES {
            // The replies of the protocol, unless whoever sends lines is to have plain ones.
            let config = self.engine.config();
            connection.is_new = config.inline_replies == InlineReplies::Plain;
        }
        // Part of a request is a sign of life, too.
        self.engine.session_mut(connection.session).last_active_us = now.monotonic_us;
        if connection.input.is_empty() {
            self.run_shared(id, count, now);
        } else {
            connection.input.fill(count);
            self.run_own(id, now);
        }
    }

    /// The client will send nothing more. What it sent before is executed and answered first.
    pub fn end_of_input(&mut self, id: ConnectionId) {
        let Some(connection) = self.clients.get_mut(id) else {
            return;
        };
        connection.enter(Phase::AtEnd);
        if self.waits_for_keys(id) {
            // It may be gone, and what it would take is for others then.
            self.clients[id].enter(Phase::Closing);
            self.forget_wait(id);
        }
        self.clients.close_if_finished(id);
    }

    /// Whether requests of a connection wait in its buffer.
    pub fn has_backlog(&self, id: ConnectionId) -> bool {
        (self.clients.get(id)).is_some_and(|connection| connection.has_backlog)
    }

    /// Goes on with a connection from the ready list: executes requests that waited in its buffer.
    pub fn resume(&mut self, id: ConnectionId, now: Timestamp) {
        if self.clients.get(id).is_none() {
            return;
        }
        self.watch_again(id, now);
        let connection = &self.clients[id];
        if connection.has_backlog && connection.may_run() {
            if self.budget.is_short() && !self.may_take_more(id) {
                return;
            }
            self.run_own(id, now);
        }
    }

    /// The bytes a connection has to write next; empty if none. After they are written there may be
    /// more.
    pub fn output(&self, id: ConnectionId) -> &[u8] {
        (self.clients.get(id)).map_or(&[], |connection| connection.output.unwritten())
    }

    /// Notes that the client took `count` bytes of its output: a sign of life, too.
    pub fn written(&mut self, id: ConnectionId, count: usize, now: Timestamp) {
        let counters = &mut self.stats_mut().counters;
        counters.total_net_output_bytes += count as u64;
        counters.total_writes_processed += 1;
        let Some((connection, pool)) = self.clients.get_with_pool(id) else {
            return;
        };
        if count > 0 {
            self.engine.session_mut(connection.session).last_active_us = now.monotonic_us;
        }
        let could_run = connection.may_run();
        connection.output.advance(count, pool);
        let can_run = connection.may_run();
        let has_timer = connection.output_timer.is_some();
        let is_parked = connection.holds.has(Holds::READER);
        if has_timer {
            self.release_output_timer(id);
        }
        if is_parked {
            self.unpark(id);
        }
        self.note_buffers(id);
        if can_run && !could_run {
            // Reading and executing stopped at the mark; both may go on.
            self.clients.resume_soon(id);
        }
        self.clients.close_if_finished(id);
    }

    /// Connections that have replies since the last call. Each is to be written once a turn; what
    /// a socket does not take waits until it is writable, and what is more than a turn writes goes
    /// back by [`Node::write_unhurried`].
    pub fn take_output_list(&mut self) -> Vec<ConnectionId> {
        self.clients.take_output_list()
    }

    /// Gives back the vector of [`Node::take_output_list`], so that its memory is used again.
    pub fn return_output_list(&mut self, list: Vec<ConnectionId>) {
        self.clients.return_output_list(list);
    }

    /// Has what is left of a connection's output written when there is time.
    pub fn write_unhurried(&mut self, id: ConnectionId) {
        self.clients.write_unhurried(id);
    }

    /// The next connection whose output nobody waits for: messages of others, and the rest of what
    /// was too much at once. To be written as far as there is time in this turn.
    pub fn next_unhurried(&mut self) -> Option<ConnectionId> {
        self.clients.next_unhurried()
    }

    /// Whether there is such a connection.
    pub fn has_unhurried(&self) -> bool {
        self.clients.has_unhurried()
    }

    /// Connections whose end has come: their sockets are to be closed, then [`Node::closed`] told.
    pub fn take_close_list(&mut self) -> Vec<ConnectionId> {
        self.clients.take_close_list()
    }

    /// Connections that may go on: [`Node::resume`] them, and read them if they are readable.
    pub fn take_ready_list(&mut self) -> Vec<ConnectionId> {
        self.clients.take_ready_list()
    }

    /// Whether the next turn should begin without waiting.
    pub fn is_busy(&self, now: Timestamp) -> bool {
        self.clients.has_ready()
            || self.is_reading()
            || self.has_job()
            || self.engine.has_work(now)
            || self.has_saving_work()
            || self.has_budget_work()
            || self.has_claimants_to_release()
            || self.has_keys_to_serve(now)
            || self.has_letters()
    }

    /// Takes notice of changed parameters.
    pub fn config_changed(&mut self, now: Timestamp) {
        self.watch_all_idleness(now);
        self.output_floor_bytes = output_limits::floor_bytes(self.engine.config());
        self.apply_memory_limits();
        self.engine.apply_encoding_limits();
        self.engine.follow_requirepass();
        self.engine.apply_key_events();
        self.engine.apply_script_limits();
        self.demands.config_changed = true;
    }

    /// What the loop must do beside moving bytes; taken once.
    pub fn take_demands(&mut self) -> Demands {
        std::mem::take(&mut self.demands)
    }

    /// Ends a connection whose socket is closed, or failed. Ids that have ended are ignored.
    pub fn closed(&mut self, id: ConnectionId) {
        if self.clients.get(id).is_none() {
            return;
        }
        self.leave_budget(id);
        self.forget_wait(id);
        self.kept_messages.forget(id);
        let connection = self.clients.remove(id);
        self.cancel_timer(connection.idle_timer);
        self.cancel_timer(connection.output_timer);
        if !self.monitors.is_empty() {
            self.set_monitor(id, false);
        }
        let session = self.engine.session(connection.session);
        log::debug!(
            "client {} from {} is gone",
            session.id,
            session.peer.address
        );
        self.engine.close_session(connection.session);
    }

    /// All connections that are open.
    pub fn connection_ids(&self) -> Vec<ConnectionId> {
        self.clients.iter().map(|(id, _)| id).collect()
    }

    /// Does a bounded piece of all the work there is: [`Node::work_some`], [`Node::read_some`] and
    /// [`Node::save_some`]. Returns true if there is more.
    pub fn tick(&mut self, now: Timestamp) -> bool {
        let has_work = self.work_some(now);
        let has_reading = self.read_some(now);
        self.job_some(now);
        let has_saving = self.save_some(now);
        has_work || has_reading || has_saving || self.has_job()
    }

    /// Does a bounded piece of the work that is due now: timers, expiry, freeing, too large
    /// buffers. Returns true if there is more.
    pub fn work_some(&mut self, now: Timestamp) -> bool {
        let has_timers = self.run_timers(now);
        let has_work = self.engine.tick(now);
        let has_ready = self.serve_some(now);
        self.release_claimants(now);
        self.check_saving(now);
        let has_relief = self.keep_client_budget(now);
        let has_letters = self.deliver_some();
        has_timers || has_work || has_ready || has_relief || has_letters
    }

    /// Tells the session how full its buffers are, and counts them.
    fn note_buffers(&mut self, id: ConnectionId) {
        let connection = &self.clients[id];
        let (input, output) = (&connection.input, &connection.output);
        let session = self.engine.session_mut(connection.session);
        session.buffers = BufferUse {
            input_bytes: input.len(),
            input_spare_bytes: input.allocated_bytes() - input.len(),
            parser_bytes: connection.parser.allocated_bytes(),
            output_bytes: output.len(),
            output_allocated_bytes: output.allocated_bytes(),
        };
        let buffered_bytes = session.buffered_bytes();
        self.count_buffers(id, buffered_bytes);
    }

    /// Whether the replies to inline requests are for people.
    fn inline_replies(&self) -> InlineReplies {
        self.engine.config().inline_replies
    }
}

fn reserved_connections(config: &Config) -> usize {
    (config.maxclients as usize).min(CONNECTIONS_RESERVED_MAX)
}

#[cfg(test)]
mod tests;
