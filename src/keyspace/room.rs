//! The limit of memory: whether a write fits, and who makes room for it.
//!
//! ```text
//!            fits? ───────────────────────────────────────────────▶ Made
//!  write ─▶  else one slice: graves first, then keys ─┬─ it fits, or nearly ──▶ Made
//!                                                     ├─ freed 2 × its bytes ─▶ Made
//!                                                     ├─ more can go ─────────▶ Pending: it waits
//!                                                     └─ nothing can go ──────▶ Exhausted: an error
//!  loop  ─▶  while over the limit: one slice a step
//! ```
//!
//! Invariants:
//! - What waits in the graveyard counts as used until it is freed, and is freed before a key is
//!   evicted. The limit is in force meanwhile.
//! - A write that is let through over the limit has freed more than it adds, or memory is within
//!   one part in [`NEAR_SHARE`] of the limit. So writers never outrun the room that is made.
//! - A slice is bounded in keys and in bytes; only the last entry may be larger.
//! - Nothing is evicted while everything, and what a waiting write wants, fits.
//!
//! A write that waits for room says how much it wants; small writes then pay as if that were used
//! already. Otherwise they would take the room as fast as it is made.
//!
//! Cost: while memory is below the limit, one comparison a write. Tables and heaps are summed up
//! now and then only ([`OVERHEAD_REFRESH_CHANGES`]).
//!
//! Not here: which key goes (`eviction.rs`); what a write is answered (`engine/gates.rs`).

use super::Keyspace;
use crate::base::limits::LARGE_WRITE_BYTES;

/// Changes after which tables and heaps are summed up again. They grow by some dozens of bytes a
/// key, so the sum is late by a few kibibytes at most.
const OVERHEAD_REFRESH_CHANGES: u32 = 256;

/// Memory is near the limit if it is over it by at most one part in this many.
const NEAR_SHARE: usize = 64;

/// Keys that a slice frees at most near the limit, and far over it.
const SLICE_KEYS_NEAR: usize = 16;
const SLICE_KEYS_FAR: usize = 256;

/// Bytes that a slice frees at most, but for the last entry: the system takes its time for every
/// page that it gets back.
const SLICE_BYTES: usize = 1 << 20;

/// A write over the limit goes on when it has freed this many times the bytes it adds.
const PAYMENT_FACTOR: usize = 2;

/// For how long room is made for a write that waited and did not come again: its client has gone.
const WANTED_MS_MAX: u64 = 100;

/// How a write stands with the limit of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// It may go on.
    Made,
    /// Not yet: more can be freed than one slice allows. To be asked again after other work.
    Pending,
    /// It does not fit, and nothing more can go.
    Exhausted,
}

/// The limit, and what is compared with it.
pub(super) struct Limit {
    /// `usize::MAX` for none.
    bytes: usize,
    /// What the largest write that waits will add, and when it last asked.
    wanted_bytes: usize,
    wanted_at_ms: u64,
    /// Tables, heaps, ghosts and what is held for a snapshot when they were last summed up, without
    /// what is spared: with the bytes of entries a sum of zero or more, by itself perhaps not.
    overhead_bytes: usize,
    refresh_in: u32,
}

impl Default for Limit {
    fn default() -> Self {
        Self {
            bytes: usize::MAX,
            wanted_bytes: 0,
            wanted_at_ms: 0,
            overhead_bytes: 0,
            refresh_in: 0,
        }
    }
}

/// What is left of a slice of work.
struct Slice {
    keys: usize,
    bytes: usize,
}

impl Slice {
    fn new(keys: usize) -> Self {
        Self {
            keys,
            bytes: SLICE_BYTES,
        }
    }

    /// Takes what was freed from it. A step that freed nothing counts as a key, so a slice ends.
    fn spend(&mut self, keys: usize, bytes: usize) {
        self.keys = self.keys.saturating_sub(keys.max(1));
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    fn is_spent(&self) -> bool {
        self.keys == 0 || self.bytes == 0
    }
}

impl Keyspace {
    /// Sets the most bytes that [`Keyspace::used_bytes`] shall have, 0 for no limit. Keys go with
    /// the following calls of [`Keyspace::make_room`].
    pub fn set_limit_bytes(&mut self, limit_bytes: u64) {
        self.limit.bytes = match usize::try_from(limit_bytes) {
            Ok(0) | Err(_) => usize::MAX,
            Ok(limit_bytes) => limit_bytes,
        };
        self.limit.wanted_bytes = 0;
        self.limit.refresh_in = 0;
    }

    /// What [`Keyspace::set_limit_bytes`] was given; 0 for no limit.
    pub fn limit_bytes(&self) -> u64 {
        match self.limit.bytes {
            usize::MAX => 0,
            bytes => bytes as u64,
        }
    }

    fn has_limit(&self) -> bool {
        self.limit.bytes != usize::MAX
    }

    /// What is used, as far as the last sum of tables and heaps tells.
    #[inline]
    fn counted_bytes(&self) -> usize {
        self.entries
            .used_bytes()
            .wrapping_add(self.limit.overhead_bytes)
    }

    /// Whether memory is over the limit, counting what a waiting write wants.
    #[inline]
    pub fn is_over_limit(&self) -> bool {
        self.counted_bytes() + self.limit.wanted_bytes > self.limit.bytes
    }

    /// Whether memory is over the limit and [`Keyspace::make_room`] can do something about it.
    pub fn has_room_to_make(&self) -> bool {
        self.is_over_limit() && (self.has_garbage() || self.can_evict())
    }

    /// Sums tables and heaps up, if there is a limit and something has changed: to be called once a
    /// turn, so that what a turn ends with is exact.
    pub fn settle_overhead(&mut self) {
        if self.has_limit() && self.limit.refresh_in != OVERHEAD_REFRESH_CHANGES {
            self.refresh_overhead();
        }
    }

    /// Sums tables, heaps and what is held for a snapshot up, if there is a limit.
    pub(super) fn note_overhead_change(&mut self) {
        if self.has_limit() {
            self.refresh_overhead();
        }
    }

    /// Counts a change that tables, heaps or ghosts may grow with.
    #[inline]
    pub(super) fn note_growth(&mut self) {
        if self.limit.refresh_in == 0 {
            self.refresh_overhead();
        }
        self.limit.refresh_in -= 1;
    }

    #[cold]
    fn refresh_overhead(&mut self) {
        self.limit.refresh_in = OVERHEAD_REFRESH_CHANGES;
        // No write is refused for what a snapshot holds for a moment; keys make room if they can.
        let spared_bytes = match self.can_evict() {
            true => self.cut.leaving_bytes(),
            false => self.cut.held_bytes(&self.entries),
        };
        // Long values are among the entries, so there may be more to spare than there is here.
        self.limit.overhead_bytes = self.overhead_bytes().wrapping_sub(spared_bytes);
        // What keys are worth should be known when the first has to go.
        let is_half_full = self.counted_bytes() > self.limit.bytes / 2;
        self.eviction.policy.set_limited(is_half_full);
    }

    /// Asks for room for a write that adds about `adds_bytes`, and does a slice of the work that
    /// takes: frees what was dropped, then evicts keys.
    pub fn make_room(&mut self, adds_bytes: usize, now_ms: u64) -> Room {
        if !self.has_limit() {
            return Room::Made;
        }
        if now_ms.saturating_sub(self.limit.wanted_at_ms) > WANTED_MS_MAX {
            self.limit.wanted_bytes = 0;
        }
        if adds_bytes >= LARGE_WRITE_BYTES {
            self.settle_overhead();
        }
        let room = if adds_bytes > self.limit.bytes {
            // Everything could go, and it still would not fit.
            Room::Exhausted
        } else {
            self.spend_slice(adds_bytes, now_ms)
        };
        if room == Room::Pending {
            self.limit.wanted_bytes = self.limit.wanted_bytes.max(adds_bytes);
            self.limit.wanted_at_ms = now_ms;
        } else if adds_bytes >= self.limit.wanted_bytes {
            self.limit.wanted_bytes = 0;
        }
        room
    }

    /// As [`Keyspace::make_room`] for a write that can't wait: does all slices at once. False if
    /// the write does not fit. O(what has to go).
    pub fn make_room_at_once(&mut self, adds_bytes: usize, now_ms: u64) -> bool {
        loop {
            match self.make_room(adds_bytes, now_ms) {
                Room::Made => return true,
                Room::Pending => {}
                Room::Exhausted => return false,
            }
        }
    }

    fn spend_slice(&mut self, adds_bytes: usize, now_ms: u64) -> Room {
        let limit_bytes = self.limit.bytes;
        let target_bytes = limit_bytes - adds_bytes.max(self.limit.wanted_bytes);
        let near_bytes = target_bytes + limit_bytes / NEAR_SHARE;
        let before_bytes = self.counted_bytes();
        let mut slice = Slice::new(if before_bytes > near_bytes {
            SLICE_KEYS_FAR
        } else {
            SLICE_KEYS_NEAR
        });
        while self.counted_bytes() > target_bytes {
            if slice.is_spent() {
                let freed_bytes = before_bytes.saturating_sub(self.counted_bytes());
                let has_paid = freed_bytes >= adds_bytes.saturating_mul(PAYMENT_FACTOR);
                return if has_paid || self.counted_bytes() <= near_bytes {
                    Room::Made
                } else {
                    Room::Pending
                };
            }
            let (keys, bytes) = if self.has_garbage() {
                let freed = self.bury_some();
                self.refresh_overhead();
                freed
            } else if let Some(bytes) = self.evict_one(now_ms) {
                (1, bytes)
            } else {
                self.refresh_overhead();
                let is_fitting = self.counted_bytes() <= limit_bytes - adds_bytes;
                return if is_fitting {
                    Room::Made
                } else {
                    Room::Exhausted
                };
            };
            slice.spend(keys, bytes);
        }
        Room::Made
    }
}

#[cfg(test)]
mod tests;
