//! Which keys go when room has to be made.
//!
//! ```text
//!  room.rs ─▶ hand over the tables (allkeys) or the heaps (volatile) ─▶ policy ─▶ Mutation::remove_at ─▶ ghost
//! ```
//!
//! The hand walks the tables in the order of the hash (`hand.rs`).
//!
//! Invariant: only whole entries go, through `mutation/`.
//!
//! Cost: an eviction examines some 4 to 16 entries on average and 64 at most, whose lines are asked
//! for ahead.
//!
//! Not here: what an entry is worth (`structures/eviction`); how many go, and when (`room.rs`).

use super::entry::{EntryId, EntryRef, EntryStore, HEADER_BYTES};
use super::event::Event;
use super::hand::{Hand, Place};
use super::{Key, Keyspace, SLOT_BYTES, seconds};
use crate::structures::eviction::{AccessWord, EvictionPolicy, Sweep, Verdict};

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
    /// When the second began that the policy was last told of by a use.
    second_ms: u64,
    rule: EvictionRule,
    hand: Hand,
    heap_hand: HeapHand,
    report: EvictionReport,
}

impl Default for Eviction {
    fn default() -> Self {
        Self {
            policy: EvictionPolicy::new(0),
            second_ms: 0,
            rule: EvictionRule::Never,
            hand: Hand::default(),
            heap_hand: HeapHand::default(),
            report: EvictionReport::default(),
        }
    }
}

impl Keyspace {
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

    pub(super) fn can_evict(&self) -> bool {
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

    /// Evicts one key by the rule in force and returns the bytes of its entry; `None` if there is
    /// none to evict.
    pub(super) fn evict_one(&mut self, now_ms: u64) -> Option<usize> {
        if !self.can_evict() {
            return None;
        }
        let place = match self.eviction.rule {
            EvictionRule::Never => return None,
            EvictionRule::AllByWorth => self.least_worth(),
            EvictionRule::AllRandom => self.under_the_hand(),
            EvictionRule::VolatileByWorth => self.least_worth_volatile(),
            EvictionRule::VolatileRandom => self.random_volatile(),
            EvictionRule::VolatileByDeadline => self.nearest_deadline(),
        };
        Some(self.evict(place, now_ms))
    }

    /// Lets the policy judge one entry; the one to evict, if it says so.
    #[inline]
    fn examine(&mut self, sweep: &mut Sweep<Place>, place: Place) -> Option<Place> {
        let entry = self.entries.get(place.id);
        let word = AccessWord::from_bits(entry.access_bits());
        let bytes = weight_bytes(&self.entries, entry);
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
            for database in 0..self.database_count() {
                let table = &self.databases[database].table;
                let Some((location, payload)) = table.find(hash, |_| true) else {
                    continue;
                };
                let id = EntryId::from_payload(payload);
                let entry = self.entries.get(id);
                let word = AccessWord::from_bits(entry.access_bits());
                let bytes = weight_bytes(&self.entries, entry);
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
        let known = self.database_count();
        self.eviction.hand.next(&self.databases[..known])
    }

    /// The key at the heaps' hand, which moves on. There must be a key with a deadline.
    fn next_volatile(&mut self) -> Place {
        loop {
            let hand = &mut self.eviction.heap_hand;
            hand.database %= self.databases.len() - 1;
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

    fn evict(&mut self, place: Place, now_ms: u64) -> usize {
        let Place {
            database,
            location,
            id,
        } = place;
        self.note_growth();
        let entry = self.entries.get(id);
        let word = AccessWord::from_bits(entry.access_bits());
        self.eviction.report.keys += 1;
        let bytes = entry.allocation_bytes() + self.entries.outside_bytes(entry);
        self.eviction.report.bytes += bytes as u64;
        let hash = self.hasher.hash(entry.key());
        let live_count = self.live_count();
        self.eviction.policy.on_evict(hash, word, live_count);
        let table = &self.databases[database].table;
        let location = location.unwrap_or_else(|| {
            let found = table.find(hash, |payload| payload == id.payload());
            found.expect("an entry of a heap is in its table").0
        });
        let held_before = self.cut.held_bytes(&self.entries);
        self.mutate(database, now_ms)
            .remove_at(location, id, Event::Evicted);
        if self.is_cutting() {
            self.cut.note_eviction(&self.entries, held_before);
            self.note_overhead_change();
        }
        bytes
    }

    /// Whether [`Keyspace::refresh_some`] is wanted.
    pub fn has_words_to_refresh(&self) -> bool {
        self.eviction.policy.visits_owed() >= REFRESH_KEYS && self.live_count() > 0
    }

    /// Lets the hand pass some entries although nothing is to be evicted, so that the times of
    /// their last use, which wrap, stay true.
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

    /// Notes of a key that is there what another server told: how many seconds it was not used, or
    /// how often it was, on a scale up to 255.
    pub fn set_use(
        &mut self,
        database: usize,
        key: Key<'_>,
        idle_s: Option<u64>,
        frequency: Option<u8>,
        now_ms: u64,
    ) {
        let Some(id) = self.find(database, key, now_ms).map(EntryRef::id) else {
            return;
        };
        let word = self
            .eviction
            .policy
            .told(idle_s, frequency, seconds(now_ms));
        self.entries.set_access_bits(id, word.bits());
    }

    /// What an entry remembers of its uses after another one.
    #[inline]
    pub(super) fn used_again(&mut self, access_bits: u16, now_ms: u64) -> u16 {
        let word = AccessWord::from_bits(access_bits);
        let is_told = now_ms.wrapping_sub(self.eviction.second_ms) < 1_000;
        if is_told && self.eviction.policy.is_current(word) {
            return access_bits;
        }
        self.used_anew(word, now_ms)
    }

    #[cold]
    fn used_anew(&mut self, word: AccessWord, now_ms: u64) -> u16 {
        let (live_count, now_s) = (self.live_count(), seconds(now_ms));
        self.eviction.second_ms = u64::from(now_s) * 1_000;
        self.eviction.policy.on_hit(word, live_count, now_s).bits()
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
fn weight_bytes(entries: &EntryStore, entry: EntryRef<'_>) -> usize {
    entry.content_bytes() + SLOT_BYTES + entries.outside_bytes(entry)
}

fn of_heap(database: usize, payload: u64) -> Place {
    Place {
        database,
        location: None,
        id: EntryId::from_payload(payload),
    }
}

#[cfg(test)]
mod tests;
