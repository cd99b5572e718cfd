//! Whether a key of a small collection comes twice.
//!
//! ```text
//!  slots   │ number of the collection 16 │ digest 16 │ …      as in a hash table, probed in a row
//! ```
//!
//! Two keys with one digest may be different, so a repetition is only suspected here. A slot of
//! another collection is free, so that nothing is cleared between two of them.
//!
//! Invariant: keys that are said to be different are.
//!
//! Cost: O(1) a key, at most [`PROBES_MAX`] slots, whatever the keys are; 4 KiB.
//!
//! Not here: what decides where a repetition is suspected (`structures/block/run.rs`).

use crate::structures::block::digest;

const SLOTS: usize = 1 << SLOT_BITS;
const SLOT_BITS: u32 = 10;

/// So many keys are told apart, with which half of the slots are taken.
const KEYS_MAX: usize = SLOTS / 2;

/// Slots that are looked at for one key.
const PROBES_MAX: usize = 16;

/// Keys of one collection.
#[derive(Debug, Default)]
pub(super) struct SeenKeys {
    /// Made for the first key.
    slots: Option<Box<[u32; SLOTS]>>,
    /// Number of the collection.
    number: u16,
    /// Keys that differ from all before them.
    different_count: usize,
}

/// The same while keys are noted.
pub(super) struct Noted<'a> {
    slots: &'a mut [u32; SLOTS],
    /// Number of the collection, in the high half.
    number: u32,
    different_count: &'a mut usize,
}

impl SeenKeys {
    /// Begins another collection.
    pub(super) fn begin(&mut self) {
        if self.different_count == 0 {
            return;
        }
        self.different_count = 0;
        self.number = self.number.wrapping_add(1);
    }

    /// To note keys by.
    pub(super) fn noted(&mut self) -> Noted<'_> {
        let slots = self.slots.get_or_insert_with(|| Box::new([0; SLOTS]));
        if self.number == 0 {
            slots.fill(0);
            self.number = 1;
        }
        Noted {
            slots,
            number: u32::from(self.number) << 16,
            different_count: &mut self.different_count,
        }
    }

    /// Counts so many keys that are known to differ from each other and, where there are others,
    /// from these.
    pub(super) fn skip(&mut self, count: usize) {
        self.different_count += count;
    }

    /// Whether so many keys were noted, all of them different.
    pub(super) fn are_different(&self, count: usize) -> bool {
        self.different_count == count
    }

    /// Bytes that it holds.
    pub(super) fn used_bytes(&self) -> usize {
        self.slots.as_ref().map_or(0, |slots| size_of_val(&**slots))
    }
}

impl Noted<'_> {
    /// Notes a key, by the bytes of its code.
    #[inline(always)]
    pub(super) fn key(&mut self, key: &[u8]) {
        if *self.different_count == KEYS_MAX {
            return;
        }
        let digest = digest(key);
        let own = self.number | (digest >> 32) as u32 & 0xffff;
        let first = (digest >> (u64::BITS - SLOT_BITS)) as usize;
        for probe in 0..PROBES_MAX {
            let slot = &mut self.slots[(first + probe) % SLOTS];
            // Of the same collection: the same digest, or not.
            let differing = *slot ^ own;
            if differing > 0xffff {
                *slot = own;
                *self.different_count += 1;
                return;
            }
            if differing == 0 {
                return;
            }
        }
    }
}
