//! Making room: the limit of memory, and which keys go.
//!
//! ```text
//!  write ─▶ over the limit? ─▶ make_room: a few keys go, paid by the writer ─┐
//!  loop  ─▶ still over?     ─▶ make_room in slices of the turn ──────────────┤
//!                                                                           ▼
//!  hand over the tables (allkeys) or the heaps (volatile) ─▶ policy ─▶ Mutation::remove_at ─▶ ghost
//! ```
//!
//! The hand walks the tables in the order of the hash (`hand.rs`).
//!
//! Invariants: only whole entries go, through `mutation.rs`; what was dropped in bulk is freed
//! before any key is evicted; nothing is evicted while `used_bytes` is within the limit (without what
//! is held for a snapshot because of evictions, see `cut/budget.rs`).
//!
//! Cost: an eviction examines some 4 to 16 entries on average and 64 at most, whose lines are asked
//! for ahead. The limit is compared with a sum of two numbers; tables and heaps are summed
//! up anew now and then only ([`OVERHEAD_REFRESH_CHANGES`]).
//!
//! Not here: what an entry is worth (`structures/eviction`); when the loop calls (`engine/`).

use super::entry::{EntryId, EntryRef, HEADER_BYTES};
use super::hand::{Hand, Place};
use super::{Keyspace, SLOT_BYTES, seconds};
use crate::structures::eviction::{AccessWord, EvictionPolicy, Sweep, Verdict};

/// Changes after which tables and heaps are summed up again. They grow by some dozens of bytes a
/// key, so the sum is late by a few kibibytes at most.
const OVERHEAD_REFRESH_CHANGES: u32 = 256;

/// What one write evicts at most while memory is a little over the limit, and while it is more than
/// one part in [`FAR_OVER_SHARE`] over it.
const EVICTIONS_NEAR_MAX: usize = 16;
const EVICTIONS_FAR_MAX: usize = 256;
const FAR_OVER_SHARE: usize = 64;

/// Entries that a call of [`Keyspace::refresh_some`] passes.
const REFRESH_KEYS: usize = 64;

/// Which keys make room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EvictionRule {
    /// None: writes are refused.
    #[default]
    Never,
    /// The one that is worth least.
    AllByWorth,
    /// Any.
    AllRandom,
    /// The one that is worth least among those with a deadline.
    VolatileByWorth,
    /// Any with a deadline.
    VolatileRandom,
    /// The one with the nearest deadline.
    VolatileByDeadline,
}

/// Where the hand over the heaps is.
#[derive(Default)]
struct HeapHand {
    database: usize,
    position: u32,
}

/// What was evicted since the start or the last reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EvictionReport {
    /// Keys.
    pub keys: u64,
    /// Bytes of their entries.
    pub bytes: u64,
    /// Entries that were examined for it.
    pub examined: u64,
    /// New keys that had been evicted not long before.
    pub ghost_hits: u64,
    /// Bytes of the memory of evicted keys.
    pub ghost_bytes: u64,
}

pub(super) struct Eviction {
    pub(super) policy: EvictionPolicy,
    rule: EvictionRule,
    limit_bytes: usize,
    /// Tables, heaps, ghosts and what is held for a snapshot when they were last summed up, without
    /// what is spared: with the bytes of entries a sum of zero or more, by itself perhaps not.
    overhead_bytes: usize,
    refresh_in: u32,
    hand: Hand,
    heap_hand: HeapHand,
    report: EvictionReport,
}

impl Default for Eviction {
    fn default() -> Self {
        Self {
            policy: EvictionPolicy::new(0),
            rule: EvictionRule::Never,
            limit_bytes: usize::MAX,
            overhead_bytes: 0,
            refresh_in: 0,
            hand: Hand::default(),
            heap_hand: HeapHand::default(),
            report: EvictionReport::default(),
        }
    }
}

impl Keyspace {
    /// Sets the most bytes that [`Keyspace::used_bytes`] shall have, 0 for no limit. Keys go with the
    /// following calls of [`Keyspace::make_room`].
    pub fn set_limit_bytes(&mut self, limit_bytes: u64) {
        self.eviction.limit_bytes = match usize::try_from(limit_bytes) {
            Ok(0) | Err(_) => usize::MAX,
            Ok(limit_bytes) => limit_bytes,
        };
        self.eviction.refresh_in = 0;
    }

    /// Sets which keys make room.
    pub fn set_eviction_rule(&mut self, rule: EvictionRule) {
        self.eviction.rule = rule;
    }

    /// What was evicted.
    pub fn eviction_report(&self) -> EvictionReport {
        EvictionReport {
            ghost_hits: self.eviction.policy.ghost_hits(),
            ghost_bytes: self.eviction.policy.bytes() as u64,
            ..self.eviction.report
        }
    }

    /// Forgets what was counted for [`Keyspace::eviction_report`].
    pub fn reset_eviction_report(&mut self) {
        self.eviction.report = EvictionReport::default();
    }

    /// Whether memory is over the limit, as far as the last sum of tables and heaps tells.
    #[inline]
    pub fn is_over_limit(&self) -> bool {
        self.charged_bytes() > self.eviction.limit_bytes
    }

    /// What is compared with the limit.
    #[inline]
    fn charged_bytes(&self) -> usize {
        self.entries
            .used_bytes()
            .wrapping_add(self.eviction.overhead_bytes)
    }

    /// Whether memory is over the limit and [`Keyspace::make_room`] can do something about it.
    pub fn has_room_to_make(&self) -> bool {
        self.is_over_limit() && (self.has_garbage() || self.can_evict())
    }

    /// Sums tables and heaps up, if there is a limit and something has changed: to be called once a
    /// turn, so that what a turn ends with is exact.
    pub fn settle_overhead(&mut self) {
        let has_limit = self.eviction.limit_bytes != usize::MAX;
        if has_limit && self.eviction.refresh_in != OVERHEAD_REFRESH_CHANGES {
            self.refresh_overhead();
        }
    }

    /// Sums tables, heaps and what is held for a snapshot up, if there is a limit.
    pub(super) fn note_overhead_change(&mut self) {
        if self.eviction.limit_bytes != usize::MAX {
            self.refresh_overhead();
        }
    }

    /// Counts a change that tables, heaps or ghosts may grow with.
    #[inline]
    pub(super) fn note_growth(&mut self) {
        if self.eviction.refresh_in == 0 {
            self.refresh_overhead();
        }
        self.eviction.refresh_in -= 1;
    }

    #[cold]
    fn refresh_overhead(&mut self) {
        self.eviction.refresh_in = OVERHEAD_REFRESH_CHANGES;
        // No write is refused for what a snapshot holds for a moment; keys make room if they can.
        let spared_bytes = match self.can_evict() {
            true => self.cut.leaving_bytes(),
            false => self.cut.held_bytes(),
        };
        // Long values are among the entries, so there may be more to spare than there is here.
        self.eviction.overhead_bytes = self.overhead_bytes().wrapping_sub(spared_bytes);
    }

    fn can_evict(&self) -> bool {
        match self.eviction.rule {
            EvictionRule::Never => false,
            EvictionRule::AllByWorth | EvictionRule::AllRandom => self.live_count() > 0,
            EvictionRule::VolatileByWorth
            | EvictionRule::VolatileRandom
            | EvictionRule::VolatileByDeadline => {
                self.databases.iter().any(|data| !data.expiry.is_empty())
            }
        }
    }

    /// Keys that are in a table.
    #[inline]
    pub(super) fn live_count(&self) -> usize {
        self.entries.count() - self.graveyard.pending_keys()
    }

    /// Frees what was dropped, then evicts keys, a bounded number, until memory is within the limit.
    /// False if it is not and nothing more can go: then a write must be refused.
    pub fn make_room(&mut self, now_ms: u64) -> bool {
        let used_bytes = self.charged_bytes();
        let limit_bytes = self.eviction.limit_bytes;
        let is_far_over = used_bytes.saturating_sub(limit_bytes) > limit_bytes / FAR_OVER_SHARE;
        let evictions_max = if is_far_over {
            EVICTIONS_FAR_MAX
        } else {
            EVICTIONS_NEAR_MAX
        };
        for _ in 0..evictions_max {
            if !self.is_over_limit() {
                return true;
            }
            if self.has_garbage() {
                self.free_some();
                self.refresh_overhead();
                return true;
            }
            if !self.evict_one(now_ms) {
                self.refresh_overhead();
                return !self.is_over_limit();
            }
        }
        true
    }

    /// Evicts one key by the rule in force; false if there is none to evict.
    fn evict_one(&mut self, now_ms: u64) -> bool {
        if !self.can_evict() {
            return false;
        }
        let place = match self.eviction.rule {
            EvictionRule::Never => return false,
            EvictionRule::AllByWorth => self.least_worth(),
            EvictionRule::AllRandom => self.under_the_hand(),
            EvictionRule::VolatileByWorth => self.least_worth_volatile(),
            EvictionRule::VolatileRandom => self.random_volatile(),
            EvictionRule::VolatileByDeadline => self.nearest_deadline(),
        };
        self.evict(place, now_ms);
        true
    }

    /// Lets the policy judge one entry; the one to evict, if it says so.
    #[inline]
    fn examine(&mut self, sweep: &mut Sweep<Place>, place: Place) -> Option<Place> {
        let entry = self.entries.get(place.id);
        let word = AccessWord::from_bits(entry.access_bits());
        let bytes = weight_bytes(entry);
        self.eviction.report.examined += 1;
        match self.eviction.policy.examine(sweep, place, word, bytes) {
            Verdict::Evict(place) => Some(place),
            Verdict::Keep(kept) => {
                if kept != word {
                    self.entries.set_access_bits(place.id, kept.bits());
                }
                None
            }
        }
    }

    fn least_worth(&mut self) -> Place {
        let mut sweep = Sweep::new();
        loop {
            let place = self.under_the_hand();
            if let Some(place) = self.examine(&mut sweep, place) {
                return place;
            }
            if let Some(place) = self.suspect(&sweep) {
                return place;
            }
        }
    }

    /// A key that was worth little when it came, and still is.
    fn suspect(&mut self, sweep: &Sweep<Place>) -> Option<Place> {
        while let Some(hash) = self.eviction.policy.next_suspect(sweep) {
            for database in 0..self.databases.len() {
                let table = &self.databases[database].table;
                let Some((location, payload)) = table.find(hash, |_| true) else {
                    continue;
                };
                let id = EntryId::from_payload(payload);
                let entry = self.entries.get(id);
                let word = AccessWord::from_bits(entry.access_bits());
                let bytes = weight_bytes(entry);
                if self.eviction.policy.is_below(word, bytes) {
                    let location = Some(location);
                    return Some(Place {
                        database,
                        location,
                        id,
                    });
                }
            }
        }
        None
    }

    fn under_the_hand(&mut self) -> Place {
        self.eviction.hand.next(&self.databases)
    }

    /// The key at the heaps' hand, which moves on. There must be a key with a deadline.
    fn next_volatile(&mut self) -> Place {
        loop {
            let hand = &mut self.eviction.heap_hand;
            hand.database %= self.databases.len();
            let heap = &self.databases[hand.database].expiry;
            if (hand.position as usize) < heap.len() {
                let (database, payload) = (hand.database, heap.payload_at(hand.position));
                hand.position += 1;
                return of_heap(database, payload);
            }
            hand.position = 0;
            hand.database += 1;
        }
    }

    fn least_worth_volatile(&mut self) -> Place {
        let mut sweep = Sweep::new();
        loop {
            let place = self.next_volatile();
            if let Some(place) = self.examine(&mut sweep, place) {
                return place;
            }
        }
    }

    fn random_volatile(&mut self) -> Place {
        let total: usize = self.databases.iter().map(|data| data.expiry.len()).sum();
        let mut choice = self.random.usize(..total);
        for (database, data) in self.databases.iter().enumerate() {
            if choice < data.expiry.len() {
                return of_heap(database, data.expiry.payload_at(choice as u32));
            }
            choice -= data.expiry.len();
        }
        unreachable!("the choice is one of all keys with a deadline")
    }

    fn nearest_deadline(&self) -> Place {
        let databases = self.databases.iter().enumerate();
        let heads = databases.filter_map(|(database, data)| Some((database, data.expiry.peek()?)));
        let (database, node) = heads
            .min_by_key(|(_, node)| node.deadline_ms)
            .expect("some key has a deadline");
        of_heap(database, node.payload)
    }

    fn evict(&mut self, place: Place, now_ms: u64) {
        let Place {
            database,
            location,
            id,
        } = place;
        self.note_growth();
        let entry = self.entries.get(id);
        let word = AccessWord::from_bits(entry.access_bits());
        self.eviction.report.keys += 1;
        self.eviction.report.bytes += entry.allocation_bytes() as u64;
        let hash = self.hasher.hash(entry.key());
        let live_count = self.live_count();
        self.eviction.policy.on_evict(hash, word, live_count);
        let table = &self.databases[database].table;
        let location = location.unwrap_or_else(|| {
            let found = table.find(hash, |payload| payload == id.payload());
            found.expect("an entry of a heap is in its table").0
        });
        let held_before = self.cut.held_bytes();
        self.mutate(database, now_ms).remove_at(location, id);
        if self.is_cutting() {
            self.cut.note_eviction(held_before);
            self.refresh_overhead();
        }
    }

    /// Whether [`Keyspace::refresh_some`] is wanted.
    pub fn has_words_to_refresh(&self) -> bool {
        self.eviction.policy.visits_owed() >= REFRESH_KEYS && self.live_count() > 0
    }

    /// Lets the hand pass some entries although nothing is to be evicted, so that the times of their
    /// last use, which wrap, stay true.
    pub fn refresh_some(&mut self) {
        if self.live_count() == 0 {
            return;
        }
        for _ in 0..REFRESH_KEYS {
            let id = self.under_the_hand().id;
            let word = AccessWord::from_bits(self.entries.get(id).access_bits());
            let word = self.eviction.policy.refresh(word);
            self.entries.set_access_bits(id, word.bits());
        }
    }

    /// Seconds since an entry was last used; after a long time somewhat less.
    pub fn idle_time_s(&self, access_bits: u16, now_ms: u64) -> u64 {
        let word = AccessWord::from_bits(access_bits);
        u64::from(self.eviction.policy.idle_s(word, seconds(now_ms)))
    }

    /// How often an entry was used lately, from 0 to 255 on a logarithmic scale.
    pub fn frequency(&self, access_bits: u16) -> u8 {
        self.eviction
            .policy
            .frequency(AccessWord::from_bits(access_bits))
    }

    /// What an entry remembers of its uses after another one.
    #[inline]
    pub(super) fn used_again(&mut self, access_bits: u16, now_ms: u64) -> u16 {
        let live_count = self.live_count();
        let word = AccessWord::from_bits(access_bits);
        self.eviction
            .policy
            .on_hit(word, live_count, seconds(now_ms))
            .bits()
    }

    /// What a new entry begins with whose key and value are `bytes` long.
    #[inline]
    pub(super) fn used_first(&mut self, hash: u64, bytes: usize, now_ms: u64) -> u16 {
        let live_count = self.live_count();
        self.eviction
            .policy
            .on_insert(
                hash,
                bytes + KEY_OVERHEAD_BYTES,
                live_count,
                seconds(now_ms),
            )
            .bits()
    }
}

/// What a key takes beside itself and its value, about.
const KEY_OVERHEAD_BYTES: usize = HEADER_BYTES + SLOT_BYTES;

/// The bytes that the worth of an entry is divided by: rounding left out, it would be the same for
/// nearly all and is not known of a new key.
#[inline]
fn weight_bytes(entry: EntryRef<'_>) -> usize {
    entry.content_bytes() + SLOT_BYTES
}

fn of_heap(database: usize, payload: u64) -> Place {
    Place {
        database,
        location: None,
        id: EntryId::from_payload(payload),
    }
}

#[cfg(test)]
#[path = "eviction_tests.rs"]
mod tests;
