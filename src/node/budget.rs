//! The memory of all clients' buffers has a budget of its own (`maxmemory-clients`), so that no
//! key is ever evicted for a client that does not read.
//!
//! ```text
//!  total ≤ budget            nothing; who was held goes on
//!  total > budget            the largest are held: not read, not executed; their output drains
//!    for HOLD_MS, or         the largest are closed, until the total is within the budget
//!  total > budget + 1/4      nobody is read until that is done
//! ```
//!
//! The total is kept by difference wherever a connection's buffers are settled; only above the
//! budget are connections looked at, a bounded number a step, to find the largest. Clients that
//! said CLIENT NO-EVICT, and those with less than [`SPARED_BYTES`], are left alone.
//!
//! Invariants: the total is the sum of what connections were counted with
//! ([`Node::check_client_budget`]); it is above budget and a quarter by what one connection took
//! in one go at most, unless nobody is left who may be closed; who is held is released within
//! [`HOLD_MS`] or closed, or held again.
//!
//! Cost: a few additions a settlement; 8 bytes and two flags a connection.
//!
//! Not here: what one connection may hold (`buffers.rs`, `OUTPUT_MARK_BYTES`); keys (`keyspace/`).

use super::connection::OUTPUT_MARK_BYTES;
use super::{ConnectionId, Node};
use crate::base::clock::Timestamp;
use crate::config::MemoryShare;
use std::cmp::Reverse;

/// How long clients are held before the largest are closed: as long as a client needs that was
/// busy elsewhere, and not so long that others notice.
const HOLD_MS: u64 = 1_000;

/// Clients with less than this are neither held nor closed: what few words take in a pooled
/// buffer.
const SPARED_BYTES: usize = 4 * 1024;

/// The least budget that is told in bytes: a few clients with all the output they may have.
const BUDGET_BYTES_MIN: u64 = 4 * OUTPUT_MARK_BYTES as u64;

/// The least budget that is a part of `maxmemory`, so that one client can set a value of a few
/// megabytes in a small cache.
const SHARE_BYTES_MIN: u64 = 8 << 20;

/// Connections looked at in one step.
const STEP_CONNECTIONS: usize = 1_024;

/// Connections held or closed after one search.
const FOUND_MAX: usize = 16;

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing, or there is nothing more to do until the total changes.
    Calm,
    /// The largest are looked for, to be held.
    Holding,
    /// Those are held; whether that helped is asked at this time, on the monotonic clock.
    Waiting { until_ms: u64 },
    /// The largest are looked for, to be closed.
    Closing,
}

pub(super) struct ClientBudget {
    stage: Stage,
    /// What the total should not exceed; `u64::MAX` for no limit.
    limit_bytes: u64,
    /// Above this total nobody is read.
    full_bytes: u64,
    /// The total is above that, and there may be somebody to close.
    is_full: bool,
    /// Nobody was left to be closed, so holding everybody would be no use.
    is_helpless: bool,
    /// The slot at which the search goes on.
    next_slot: usize,
    /// The largest found so far, in no order.
    found: Vec<(usize, ConnectionId)>,
    held: Vec<ConnectionId>,
    /// What they had when they were held.
    held_bytes: u64,
    /// Connections that were refused while the total was far too large.
    turned_away: Vec<ConnectionId>,
}

impl ClientBudget {
    pub(super) fn new() -> Self {
        Self {
            stage: Stage::Calm,
            limit_bytes: u64::MAX,
            full_bytes: u64::MAX,
            is_full: false,
            is_helpless: false,
            next_slot: 0,
            found: Vec::new(),
            held: Vec::new(),
            held_bytes: 0,
            turned_away: Vec::new(),
        }
    }

    /// Sets the budget, 0 for none.
    fn set_limit(&mut self, limit_bytes: u64) {
        self.limit_bytes = if limit_bytes == 0 {
            u64::MAX
        } else {
            limit_bytes
        };
        self.full_bytes = self.limit_bytes.saturating_add(limit_bytes / 4);
    }

    /// Whether nobody may be read.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    fn begin_search(&mut self, stage: Stage) {
        self.stage = stage;
        self.next_slot = 0;
        self.found.clear();
    }

    /// Notes a connection if it is one of the largest so far.
    fn consider(&mut self, bytes: usize, id: ConnectionId) {
        if self.found.len() < FOUND_MAX {
            self.found.push((bytes, id));
            return;
        }
        let least = self.found.iter_mut().min_by_key(|(bytes, _)| *bytes);
        let least = least.expect("FOUND_MAX is not 0");
        if least.0 < bytes {
            *least = (bytes, id);
        }
    }
}

impl Node {
    /// Sets what `maxmemory auto` means, in bytes; 0 if that is unknown.
    pub fn set_automatic_memory(&mut self, bytes: u64) {
        self.automatic_memory_bytes = bytes;
        self.apply_memory_limits();
    }

    /// Puts `maxmemory` and `maxmemory-clients` into force.
    pub(super) fn apply_memory_limits(&mut self) {
        let config = self.engine.config();
        let share = config.maxmemory_clients;
        let limit_bytes = config.maxmemory.resolve(self.automatic_memory_bytes);
        self.engine.set_memory_limit(limit_bytes);
        self.limit_saving(limit_bytes);
        let budget_bytes = match (share, share.of(limit_bytes)) {
            (_, 0) => 0,
            (MemoryShare::Bytes(_), bytes) => bytes.max(BUDGET_BYTES_MIN),
            (MemoryShare::Percent(_), bytes) => bytes.max(SHARE_BYTES_MIN),
        };
        self.budget.set_limit(budget_bytes);
        self.stats_mut().gauges.client_buffers_limit_bytes = budget_bytes;
        self.note_total();
    }

    /// Brings the total up to date with what a connection has now.
    #[inline]
    pub(super) fn count_buffers(&mut self, id: ConnectionId, bytes: usize) {
        let counted = &mut self.connections[id.slot as usize].counted_bytes;
        if *counted == bytes {
            return;
        }
        let before = std::mem::replace(counted, bytes);
        let gauges = &mut self.engine.stats_mut().gauges;
        let total_bytes = gauges.client_buffers_bytes + bytes as u64 - before as u64;
        gauges.client_buffers_bytes = total_bytes;
        if total_bytes > gauges.client_buffers_peak_bytes {
            gauges.client_buffers_peak_bytes = total_bytes;
        }
        self.note_total();
    }

    fn note_total(&mut self) {
        let total_bytes = self.total_client_bytes();
        let budget = &mut self.budget;
        budget.is_full = total_bytes > budget.full_bytes && !budget.is_helpless;
    }

    fn total_client_bytes(&self) -> u64 {
        self.engine.stats().gauges.client_buffers_bytes
    }

    /// Remembers a connection that can't be read because the total is far too large.
    #[cold]
    pub(super) fn turn_away(&mut self, id: ConnectionId) {
        if let Some(connection) = self.find(id)
            && !connection.is_turned_away
        {
            connection.is_turned_away = true;
            self.budget.turned_away.push(id);
        }
    }

    /// Whether [`Node::keep_client_budget`] has something to do at once.
    pub(super) fn has_budget_work(&self) -> bool {
        let budget = &self.budget;
        if self.total_client_bytes() <= budget.limit_bytes {
            !budget.held.is_empty() || !budget.turned_away.is_empty()
        } else {
            let is_waiting = matches!(budget.stage, Stage::Waiting { .. });
            !is_waiting || budget.is_full || !budget.turned_away.is_empty()
        }
    }

    /// When [`Node::keep_client_budget`] has something to do, on the monotonic clock.
    pub(super) fn next_budget_ms(&self) -> Option<u64> {
        match self.budget.stage {
            Stage::Waiting { until_ms } => Some(until_ms),
            Stage::Calm | Stage::Holding | Stage::Closing => None,
        }
    }

    /// Does a bounded piece of what keeps the total within the budget; true if there is more to
    /// do at once.
    #[inline]
    pub(super) fn keep_client_budget(&mut self, now: Timestamp) -> bool {
        let is_calm = self.budget.stage == Stage::Calm && self.budget.turned_away.is_empty();
        if is_calm && self.total_client_bytes() <= self.budget.limit_bytes {
            return false;
        }
        self.relieve(now)
    }

    #[cold]
    fn relieve(&mut self, now: Timestamp) -> bool {
        if !self.budget.is_full {
            self.call_back();
        }
        if self.total_client_bytes() <= self.budget.limit_bytes {
            self.end_relief();
            return false;
        }
        match self.budget.stage {
            Stage::Calm if self.budget.is_full => self.budget.begin_search(Stage::Closing),
            Stage::Calm => self.budget.begin_search(Stage::Holding),
            Stage::Waiting { until_ms } => {
                if now.monotonic_ms() < until_ms && !self.budget.is_full {
                    return false;
                }
                self.budget.begin_search(Stage::Closing);
            }
            // Too late for patience.
            Stage::Holding if self.budget.is_full => self.budget.begin_search(Stage::Closing),
            Stage::Holding | Stage::Closing => {}
        }
        if self.search_some() {
            return true;
        }
        if self.budget.stage == Stage::Holding {
            self.hold_found(now);
        } else {
            self.close_found(now);
        }
        !matches!(self.budget.stage, Stage::Waiting { .. })
    }

    /// Lets those go on that were turned away.
    fn call_back(&mut self) {
        for id in std::mem::take(&mut self.budget.turned_away) {
            if let Some(connection) = self.find(id) {
                connection.is_turned_away = false;
                self.ready_list.push(id);
            }
        }
    }

    /// The total is within the budget again.
    fn end_relief(&mut self) {
        self.budget.stage = Stage::Calm;
        self.budget.is_helpless = false;
        self.budget.held_bytes = 0;
        for id in std::mem::take(&mut self.budget.held) {
            if let Some(connection) = self.find(id) {
                connection.is_held = false;
                self.ready_list.push(id);
            }
        }
        self.stats_mut().gauges.clients_held = 0;
    }

    /// Looks at some connections; false when all have been looked at.
    fn search_some(&mut self) -> bool {
        let is_closing = self.budget.stage == Stage::Closing;
        let begin = self.budget.next_slot;
        let end = (begin + STEP_CONNECTIONS).min(self.generations.len());
        for slot in begin..end {
            let Some(connection) = self.connections.get(slot) else {
                continue;
            };
            let is_spared = connection.counted_bytes < SPARED_BYTES
                || connection.is_in_close_list
                || (connection.is_held && !is_closing)
                || self.engine.session(connection.session).is_kept;
            if !is_spared {
                let id = ConnectionId {
                    slot: slot as u32,
                    generation: connection.generation,
                };
                self.budget.consider(connection.counted_bytes, id);
            }
        }
        self.budget.next_slot = end;
        end < self.generations.len()
    }

    /// Holds the largest that were found, as many as hold what is too much.
    fn hold_found(&mut self, now: Timestamp) {
        let excess_bytes = self.total_client_bytes() - self.budget.limit_bytes;
        let mut found = std::mem::take(&mut self.budget.found);
        found.sort_by_key(|&(bytes, _)| Reverse(bytes));
        for &(_, id) in &found {
            if self.budget.held_bytes >= excess_bytes {
                break;
            }
            let Some(connection) = self.find(id) else {
                continue;
            };
            connection.is_held = true;
            let bytes = connection.counted_bytes as u64;
            self.budget.held_bytes += bytes;
            self.budget.held.push(id);
            let stats = self.stats_mut();
            stats.counters.client_memory_pauses += 1;
            stats.gauges.clients_held += 1;
        }
        if found.is_empty() || self.budget.held_bytes >= excess_bytes {
            let until_ms = now.monotonic_ms() + HOLD_MS;
            self.budget.stage = Stage::Waiting { until_ms };
            log::debug!(
                "clients' buffers take {} bytes of {}: {} clients are held",
                self.total_client_bytes(),
                self.budget.limit_bytes,
                self.budget.held.len()
            );
        } else {
            self.budget.begin_search(Stage::Holding);
        }
    }

    /// Closes the largest that were found, until the total is within the budget.
    fn close_found(&mut self, now: Timestamp) {
        let mut found = std::mem::take(&mut self.budget.found);
        found.sort_by_key(|&(bytes, _)| Reverse(bytes));
        for &(_, id) in &found {
            if self.total_client_bytes() > self.budget.limit_bytes {
                self.close_for_memory(id);
            }
        }
        if self.total_client_bytes() <= self.budget.limit_bytes {
            self.call_back();
            self.end_relief();
        } else if found.is_empty() {
            if !self.budget.is_helpless {
                log::warn!(
                    "clients' buffers take {} bytes of {}, and there is nobody to close",
                    self.total_client_bytes(),
                    self.budget.limit_bytes
                );
            }
            self.budget.is_helpless = true;
            self.note_total();
            let until_ms = now.monotonic_ms() + HOLD_MS;
            self.budget.stage = Stage::Waiting { until_ms };
        } else {
            self.budget.begin_search(Stage::Closing);
        }
    }

    /// Closes a connection without writing its output, and forgets its buffers at once.
    fn close_for_memory(&mut self, id: ConnectionId) {
        // Not by `find`, which would borrow the pool, too.
        let connection = self.connections.get_mut(id.slot as usize);
        let Some(connection) = connection.filter(|found| found.generation == id.generation) else {
            return;
        };
        let bytes = connection.counted_bytes;
        connection.output.clear();
        connection.input.clear(&mut self.pool);
        let session = self.engine.session(connection.session);
        log::warn!(
            "closing client {} at {}: its buffers take {bytes} bytes, those of all {} of {}",
            session.id,
            session.peer.address,
            self.total_client_bytes(),
            self.budget.limit_bytes
        );
        self.count_buffers(id, 0);
        self.stats_mut().counters.evicted_clients += 1;
        self.close_soon(id);
    }

    /// Panics if the total is not the sum of what connections have. O(connections).
    #[cfg(any(test, debug_assertions))]
    pub fn check_client_budget(&self) {
        let mut total_bytes = 0;
        for (_, connection) in &self.connections {
            let session = self.engine.session(connection.session);
            let buffered_bytes = session.buffered_bytes();
            assert!(
                connection.is_in_close_list || connection.counted_bytes == buffered_bytes,
                "counted {} of {buffered_bytes}",
                connection.counted_bytes
            );
            total_bytes += connection.counted_bytes as u64;
        }
        assert_eq!(self.total_client_bytes(), total_bytes);
    }
}
