//! The memory of all clients together has a budget (`maxmemory-clients`), so that no key is ever
//! evicted for a client that does not read. It holds who would exceed it, and closes who stands
//! still meanwhile.
//!
//! ```text
//!  total ≤ budget          nothing is asked of anybody
//!  one takes it above      that one is favoured: it goes on, whatever it needs
//!  the others              share the budget without it: requests and replies that fit what is left
//!                          go on, larger ones wait in a row, unread or not executed
//!  the favoured is done    the next in the row is favoured
//!  it moves no byte for HOLD_MS while others wait           it is closed
//!  the others are above the budget for HOLD_MS              those that move no byte are closed
//!  the others are above the budget and a quarter            the largest are closed at once
//!  who has not authenticated                                is never favoured, has a small part of
//!                                                           the budget, and is closed above it
//! ```
//!
//! So whatever is legal is served, one large request or reply at a time when memory is short, and
//! nobody is closed who makes progress. Clients that said CLIENT NO-EVICT, and those with less than
//! [`SPARED_BYTES`], are left alone.
//!
//! Invariants: the totals are the sums of what connections were counted with
//! ([`Node::check_client_budget`]); beside the favoured client's they are above the budget by what
//! one connection took in one go at most, unless nobody is left who may be closed; who waits is in
//! the row once and marked as held, and goes on when the favoured client is done at the latest.
//!
//! Cost: a few additions a settlement; some words a connection. Connections are looked at one by
//! one only to find whom to close, a bounded number a step.
//!
//! Not here: what one connection may hold (`client_limits.rs`); how long a reply will be
//! (`engine/room.rs`); keys (`keyspace/`). Why so: docs/design/0009-client-memory.md.

use super::connection::{Connection, Holds, OUTPUT_MARK_BYTES, Phase};
use super::waiting::Awaited;
use super::{ConnectionId, Node};
use crate::base::clock::Timestamp;
use crate::protocol::error::ReplyError;
use std::cmp::Reverse;
use std::collections::VecDeque;

/// How long a client may stand still while others wait for its memory: as long as one needs that
/// was busy elsewhere, and not so long that others notice.
const HOLD_MS: u64 = 1_000;

/// Clients with less than this are neither held nor closed: what few words take in a pooled
/// buffer.
const SPARED_BYTES: usize = 4 * 1024;

/// Replies of this size are made however short room is.
const SPARED_REPLY_BYTES: usize = 64 * 1024;

/// The least budget that is told in bytes: a few clients with all the output they may have.
pub(super) const BUDGET_BYTES_MIN: u64 = 4 * OUTPUT_MARK_BYTES as u64;

/// The part of the budget for all who have not authenticated, …
const STRANGERS_PART: u64 = 16;

/// … and the most it is, also where there is no budget.
const STRANGERS_BYTES_MAX: u64 = 16 << 20;

/// Connections looked at in one step of a search, and in one look at the row.
const STEP_CONNECTIONS: usize = 1_024;

/// Connections closed after one search.
const FOUND_MAX: usize = 16;

/// What a client is told that is closed though it can take an answer.
const CLOSED_FOR_MEMORY: ReplyError = ReplyError::fixed(
    "OOM this client is closed: the buffers of all clients take more than maxmemory-clients",
);

/// Whom a search looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    /// Who has not authenticated.
    Strangers,
    /// Who has moved no byte for [`HOLD_MS`], through no fault of ours.
    Idle,
    /// Whoever has most.
    Anybody,
}

/// A search through all connections for the largest of a kind.
struct Search {
    target: Target,
    next_slot: usize,
    /// The largest found so far, in no order.
    found: Vec<(usize, ConnectionId)>,
    /// Somebody may be closed, now or when it stands still.
    has_candidates: bool,
}

/// A connection that waits until there is room.
struct Waiter {
    id: ConnectionId,
    wanted_bytes: usize,
}

pub(super) struct ClientBudget {
    /// What the total should not exceed; `u64::MAX` for no limit.
    limit_bytes: u64,
    /// The one client that may.
    favoured: Option<ConnectionId>,
    /// There is a favoured client, or the others are above the limit.
    is_short: bool,
    /// Nobody was left to be closed, so holding everybody would be no use.
    is_helpless: bool,
    /// What all take together.
    total_bytes: u64,
    /// What those take who have not authenticated, …
    strangers_bytes: u64,
    /// … and what they may.
    strangers_limit_bytes: u64,
    /// Who waits, the first first.
    row: VecDeque<Waiter>,
    /// Memory was given back since the row was looked at.
    is_row_due: bool,
    /// When to look who stands still, on the monotonic clock.
    look_at_ms: Option<u64>,
    search: Option<Search>,
}

impl ClientBudget {
    pub(super) fn new() -> Self {
        Self {
            limit_bytes: u64::MAX,
            favoured: None,
            is_short: false,
            is_helpless: false,
            total_bytes: 0,
            strangers_bytes: 0,
            strangers_limit_bytes: STRANGERS_BYTES_MAX,
            row: VecDeque::new(),
            is_row_due: false,
            look_at_ms: None,
            search: None,
        }
    }

    /// Sets the budget, 0 for none.
    pub(super) fn set_limit(&mut self, limit_bytes: u64) {
        self.limit_bytes = if limit_bytes == 0 {
            u64::MAX
        } else {
            limit_bytes
        };
        self.strangers_limit_bytes = (self.limit_bytes / STRANGERS_PART).min(STRANGERS_BYTES_MAX);
    }

    /// Whether clients must be asked what they want before they go on.
    #[inline]
    pub(super) fn is_short(&self) -> bool {
        self.is_short
    }

    fn begin_search(&mut self, target: Target) {
        self.search = Some(Search {
            target,
            next_slot: 0,
            found: Vec::new(),
            has_candidates: false,
        });
    }
}

impl Search {
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

/// Counting.
impl Node {
    /// Brings the totals up to date with what a connection has now.
    #[inline]
    pub(super) fn count_buffers(&mut self, id: ConnectionId, bytes: usize) {
        let connection = &mut self.clients[id];
        if connection.counted_bytes == bytes && !self.budget.is_short {
            return;
        }
        let before = std::mem::replace(&mut connection.counted_bytes, bytes);
        let session = self.engine.session(connection.session);
        let is_stranger = session.is_stranger(self.engine.users());
        if is_stranger || connection.is_counted_stranger {
            self.count_stranger(id, is_stranger, before, bytes);
        }
        let total_bytes = self.budget.total_bytes + bytes as u64 - before as u64;
        self.budget.total_bytes = total_bytes;
        let gauges = &mut self.engine.stats_mut().gauges;
        gauges.client_buffers_bytes = total_bytes;
        if total_bytes > gauges.client_buffers_peak_bytes {
            gauges.client_buffers_peak_bytes = total_bytes;
        }
        if total_bytes > self.budget.limit_bytes || self.budget.is_short {
            self.review(id, bytes > before);
        }
    }

    #[cold]
    fn count_stranger(&mut self, id: ConnectionId, is_stranger: bool, before: usize, bytes: usize) {
        let connection = &mut self.clients[id];
        let was_stranger = std::mem::replace(&mut connection.is_counted_stranger, is_stranger);
        let strangers_bytes = &mut self.budget.strangers_bytes;
        *strangers_bytes -= if was_stranger { before as u64 } else { 0 };
        *strangers_bytes += if is_stranger { bytes as u64 } else { 0 };
    }

    /// Looks what follows from a new total, which `id` has brought about.
    #[cold]
    fn review(&mut self, id: ConnectionId, has_grown: bool) {
        let is_above = self.total_client_bytes() > self.budget.limit_bytes;
        let is_small = self.clients[id].counted_bytes <= SPARED_REPLY_BYTES;
        let is_done = self.budget.favoured == Some(id) && is_small && !has_grown;
        if !is_above || is_done {
            self.budget.is_row_due |= self.budget.favoured.take().is_some();
            self.budget.is_helpless &= is_above;
        } else if self.budget.favoured.is_none() && has_grown && self.may_be_favoured(id) {
            self.budget.favoured = Some(id);
        }
        self.budget.is_row_due |= !has_grown;
        self.note_shortage();
    }

    fn may_be_favoured(&self, id: ConnectionId) -> bool {
        let connection = &self.clients[id];
        !connection.is_counted_stranger
            && !connection.is_closing()
            && !self.engine.session(connection.session).is_kept
    }

    pub(super) fn note_shortage(&mut self) {
        let is_above = self.others_bytes() > self.budget.limit_bytes;
        self.budget.is_short = self.budget.favoured.is_some() || is_above;
    }

    fn total_client_bytes(&self) -> u64 {
        self.budget.total_bytes
    }

    /// What all take but the favoured client.
    fn others_bytes(&self) -> u64 {
        let favoured = self.budget.favoured;
        let favoured_bytes = favoured.map_or(0, |id| {
            let connection = self.clients.get(id);
            connection.map_or(0, |connection| connection.counted_bytes)
        });
        self.total_client_bytes() - favoured_bytes as u64
    }

    /// What there is left for them.
    fn room_bytes(&self) -> usize {
        let room = self.budget.limit_bytes.saturating_sub(self.others_bytes());
        usize::try_from(room).unwrap_or(usize::MAX)
    }

    /// A connection has ended.
    pub(super) fn leave_budget(&mut self, id: ConnectionId) {
        self.count_buffers(id, 0);
        if self.budget.favoured == Some(id) {
            self.lay_down_favour();
        }
    }

    fn lay_down_favour(&mut self) {
        self.budget.favoured = None;
        self.budget.is_row_due = true;
        self.note_shortage();
    }
}

/// Holding, and letting go.
impl Node {
    /// What the reply of a connection's next request may take; `None`: as much as it needs.
    #[inline]
    pub(super) fn reply_room_bytes(&self, id: ConnectionId) -> Option<usize> {
        if !self.budget.is_short || self.budget.favoured == Some(id) {
            return None;
        }
        let connection = &self.clients[id];
        let is_free = self.budget.is_helpless || self.engine.session(connection.session).is_kept;
        (!is_free).then(|| self.room_bytes().max(SPARED_REPLY_BYTES))
    }

    /// Whether a connection may take more memory now; if not, it waits.
    #[cold]
    pub(super) fn may_take_more(&mut self, id: ConnectionId) -> bool {
        let Some(connection) = self.clients.get_mut(id) else {
            return false;
        };
        let (counted_bytes, session) = (connection.counted_bytes, connection.session);
        let may = self.budget.favoured == Some(id)
            || self.budget.is_helpless
            || counted_bytes < SPARED_BYTES
            || self.others_bytes() <= self.budget.limit_bytes
            || self.engine.session(session).is_kept;
        if !may {
            self.hold(id, SPARED_BYTES);
        }
        may
    }

    /// Lets a connection wait until there is so much room.
    #[cold]
    pub(super) fn hold(&mut self, id: ConnectionId, wanted_bytes: usize) {
        let connection = &mut self.clients[id];
        if connection.holds.has(Holds::ROOM) {
            return;
        }
        connection.holds.add(Holds::ROOM);
        self.budget.row.push_back(Waiter { id, wanted_bytes });
        // If nobody is favoured, it is its turn.
        self.budget.is_row_due |= self.budget.favoured.is_none();
        let stats = self.stats_mut();
        stats.counters.client_memory_pauses += 1;
        stats.gauges.clients_held += 1;
    }

    fn let_go(&mut self, id: ConnectionId) {
        let gauges = &mut self.stats_mut().gauges;
        gauges.clients_held -= 1;
        // Who has ended meanwhile stands in the row still.
        let Some(connection) = self.clients.get_mut(id) else {
            return;
        };
        connection.holds.remove(Holds::ROOM);
        let session = connection.session;
        if self.engine.session(session).long_read.is_some() {
            self.waiting.push(Awaited::Step, id);
        } else {
            self.clients.resume_soon(id);
        }
    }

    /// Lets those go on for whom there is room, and favours the first of the others if nobody is.
    fn look_at_row(&mut self) {
        self.budget.is_row_due = false;
        let mut room_bytes = self.room_bytes();
        let mut still_waiting = VecDeque::new();
        for _ in 0..STEP_CONNECTIONS.min(self.budget.row.len()) {
            let Some(waiter) = self.budget.row.pop_front() else {
                break;
            };
            let is_there = self.clients.get(waiter.id).is_some();
            if is_there && waiter.wanted_bytes > room_bytes {
                if self.budget.favoured.is_some() || !self.may_be_favoured(waiter.id) {
                    still_waiting.push_back(waiter);
                    continue;
                }
                self.budget.favoured = Some(waiter.id);
            } else if is_there {
                room_bytes -= waiter.wanted_bytes;
            }
            self.let_go(waiter.id);
        }
        while let Some(waiter) = still_waiting.pop_back() {
            self.budget.row.push_front(waiter);
        }
        self.note_shortage();
    }
}

/// Upkeep.
impl Node {
    /// Whether [`Node::keep_client_budget`] has something to do at once.
    pub(super) fn has_budget_work(&self) -> bool {
        let budget = &self.budget;
        (budget.is_row_due && !budget.row.is_empty())
            || budget.search.is_some()
            || budget.strangers_bytes > budget.strangers_limit_bytes
            || self.is_far_above()
    }

    fn is_far_above(&self) -> bool {
        let budget = &self.budget;
        let full_bytes = (budget.limit_bytes).saturating_add(budget.limit_bytes / 4);
        budget.is_short && !budget.is_helpless && self.others_bytes() > full_bytes
    }

    /// When [`Node::keep_client_budget`] has something to do, on the monotonic clock.
    pub(super) fn next_budget_ms(&self) -> Option<u64> {
        self.budget.look_at_ms
    }

    /// Does a bounded piece of what keeps the total within the budget; true if there is more to
    /// do at once.
    #[inline]
    pub(super) fn keep_client_budget(&mut self, now: Timestamp) -> bool {
        let budget = &self.budget;
        let is_calm = !budget.is_short
            && budget.row.is_empty()
            && budget.look_at_ms.is_none()
            && budget.strangers_bytes <= budget.strangers_limit_bytes;
        !is_calm && self.relieve(now)
    }

    #[cold]
    fn relieve(&mut self, now: Timestamp) -> bool {
        if self.budget.is_row_due {
            self.look_at_row();
        }
        self.look_who_stands_still(now);
        if self.budget.search.is_none() {
            if self.budget.strangers_bytes > self.budget.strangers_limit_bytes {
                self.budget.begin_search(Target::Strangers);
            } else if self.is_far_above() {
                self.budget.begin_search(Target::Anybody);
            }
        }
        if self.budget.search.is_some() && !self.search_some(now) {
            self.close_found();
        }
        self.has_budget_work()
    }

    /// Every [`HOLD_MS`], while somebody waits or the others are above the budget.
    fn look_who_stands_still(&mut self, now: Timestamp) {
        let is_above = self.others_bytes() > self.budget.limit_bytes && !self.budget.is_helpless;
        if self.budget.row.is_empty() && !is_above {
            self.budget.look_at_ms = None;
            return;
        }
        let now_ms = now.monotonic_ms();
        let look_at_ms = *self.budget.look_at_ms.get_or_insert(now_ms + HOLD_MS);
        if now_ms < look_at_ms {
            return;
        }
        self.budget.look_at_ms = Some(now_ms + HOLD_MS);
        if is_above && self.budget.search.is_none() {
            self.budget.begin_search(Target::Idle);
        }
        let Some(favoured) = self.budget.favoured else {
            return;
        };
        let connection = &self.clients[favoured];
        if self.stands_still(connection, now) && !self.budget.row.is_empty() {
            if connection.counted_bytes >= SPARED_BYTES {
                self.close_for_memory(favoured);
            }
            self.lay_down_favour();
        }
    }

    /// Whether a connection has moved no byte for a while, and not because we hold it.
    fn stands_still(&self, connection: &Connection, now: Timestamp) -> bool {
        let last_us = self.engine.session(connection.session).last_active_us;
        let is_old = now.monotonic_us.saturating_sub(last_us) >= HOLD_MS * 1_000;
        // Who waits for keys does so of its own will.
        let is_held = !connection.holds.is_empty() && !connection.holds.has(Holds::KEYS);
        is_old && (!is_held || !connection.output.is_empty())
    }

    /// Looks at some connections; false when all have been looked at.
    fn search_some(&mut self, now: Timestamp) -> bool {
        let Some(mut search) = self.budget.search.take() else {
            return false;
        };
        let begin = search.next_slot;
        let end = (begin + STEP_CONNECTIONS).min(self.clients.slot_count());
        for slot in begin..end {
            let Some((id, connection)) = self.clients.in_slot(slot) else {
                continue;
            };
            let is_stranger = connection.is_counted_stranger;
            let is_spared = connection.is_closing()
                || (connection.counted_bytes < SPARED_BYTES && !is_stranger)
                || self.budget.favoured == Some(id)
                || self.engine.session(connection.session).is_kept;
            search.has_candidates |= !is_spared;
            let is_meant = match search.target {
                Target::Strangers => is_stranger && connection.counted_bytes > 0,
                Target::Idle => self.stands_still(connection, now),
                Target::Anybody => true,
            };
            if is_meant && !is_spared {
                search.consider(connection.counted_bytes, id);
            }
        }
        search.next_slot = end;
        self.budget.search = Some(search);
        end < self.clients.slot_count()
    }

    /// Closes the largest that were found, as many as hold what is too much.
    fn close_found(&mut self) {
        let Some(search) = self.budget.search.take() else {
            return;
        };
        let mut found = search.found;
        found.sort_by_key(|&(bytes, _)| Reverse(bytes));
        for &(_, id) in &found {
            if self.is_too_much(search.target) {
                self.close_for_memory(id);
            }
        }
        if !self.is_too_much(search.target) {
            return;
        }
        if !found.is_empty() {
            self.budget.begin_search(search.target);
        } else if !search.has_candidates && !self.budget.is_helpless {
            log::warn!(
                "clients' buffers take {} bytes of {}, and there is nobody to close",
                self.total_client_bytes(),
                self.budget.limit_bytes
            );
            self.budget.is_helpless = true;
            self.budget.is_row_due = true;
        }
    }

    /// Whether those that a search is for still take too much.
    fn is_too_much(&self, target: Target) -> bool {
        match target {
            Target::Strangers => self.budget.strangers_bytes > self.budget.strangers_limit_bytes,
            Target::Idle | Target::Anybody => self.others_bytes() > self.budget.limit_bytes,
        }
    }

    /// Ends a connection whose memory others need, and forgets what it takes at once. It is told
    /// if there is nothing before that in its output.
    pub(super) fn close_for_memory(&mut self, id: ConnectionId) {
        let Some(connection) = self.clients.get_mut(id) else {
            return;
        };
        let (bytes, key) = (connection.counted_bytes, connection.session);
        let session = self.engine.session(key);
        log::warn!(
            "closing client {} at {}: its buffers take {bytes} bytes, those of all {} of {}",
            session.id,
            session.peer.address,
            self.total_client_bytes(),
            self.budget.limit_bytes
        );
        self.stats_mut().counters.evicted_clients += 1;
        self.end_with_error(id, &CLOSED_FOR_MEMORY);
    }

    /// Ends a connection and forgets what it has sent, queued and not taken. It gets an error if
    /// nothing stands before that in its output.
    pub(super) fn end_with_error(&mut self, id: ConnectionId, error: &ReplyError) {
        let session = self.clients[id].session;
        drop(self.engine.session_mut(session).transaction.close());
        self.engine.abandon_read(session);
        self.forget_wait(id);
        let (connection, pool) = self.clients.with_pool(id);
        connection.enter(Phase::Closing);
        (connection.holds).remove(Holds::ANSWER.and(Holds::READER));
        connection.has_backlog = false;
        connection.input.clear(pool);
        if connection.output.is_empty() {
            self.write_to(id, |reply| reply.error(error));
        } else {
            connection.output.clear();
        }
        self.engine.stats_mut().count_error(error.code());
        self.note_buffers(id);
        self.clients.close_if_finished(id);
    }

    /// Panics if the totals are not the sums of what connections have. O(connections).
    #[cfg(feature = "internals")]
    pub fn check_client_budget(&self) {
        let (mut total_bytes, mut strangers_bytes, mut held_count) = (0, 0, 0);
        for (_, connection) in self.clients.iter() {
            let session = self.engine.session(connection.session);
            let buffered_bytes = session.buffered_bytes();
            assert!(
                connection.has_ended() || connection.counted_bytes == buffered_bytes,
                "counted {} of {buffered_bytes}",
                connection.counted_bytes
            );
            total_bytes += connection.counted_bytes as u64;
            if connection.is_counted_stranger {
                strangers_bytes += connection.counted_bytes as u64;
            }
            held_count += u64::from(connection.holds.has(Holds::ROOM));
        }
        assert_eq!(self.total_client_bytes(), total_bytes);
        assert_eq!(self.budget.strangers_bytes, strangers_bytes);
        let gauges = &self.engine.stats().gauges;
        assert_eq!(gauges.clients_held, self.budget.row.len() as u64);
        assert!(
            held_count <= gauges.clients_held,
            "who is held is in the row"
        );
    }
}
