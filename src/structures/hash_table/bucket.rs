//! One cache line of the table: seven slots, their tags and an overflow count.
//!
//! ```text
//!  byte  0     1     2     3     4     5     6     7         8 …           63
//!       ┌─────┬─────┬─────┬─────┬─────┬─────┬─────┬─────────┬──────────────┐
//!       │tag 0│tag 1│tag 2│tag 3│tag 4│tag 5│tag 6│ control │ slot 0 … 6   │
//!       └─────┴─────┴─────┴─────┴─────┴─────┴─────┴─────────┴──────────────┘
//!  tag      0 = slot is empty, else the low byte of the hash (1 stands for 0 too)
//!  control  how many keys whose way led through this bucket were placed further on (sticks at 255)
//!  slot     bits 48–63: fragment, 16 bits of the hash; bits 0–47: payload
//! ```
//!
//! A lookup compares all seven tags at once in a 64-bit word, then the fragment, so an entry in
//! memory is touched for about one in sixteen million keys that are not the wanted one.
//!
//! Not here: which bucket is a key's home (`segment.rs`).

/// Slots of a bucket: what fits beside eight bytes of tags and control in a cache line.
pub(super) const SLOT_COUNT: usize = 7;

/// Payloads are this many bits wide: what user-space pointers need on x86-64 and aarch64.
pub(super) const PAYLOAD_BITS: u32 = 48;

const PAYLOAD_MASK: u64 = (1 << PAYLOAD_BITS) - 1;
const EVERY_BYTE: u64 = 0x0101_0101_0101_0101;
const LOW_BITS: u64 = 0x7f7f_7f7f_7f7f_7f7f;
const TAG_BYTES: u64 = 0x00ff_ffff_ffff_ffff;
const CONTROL_SHIFT: u32 = 56;
const OVERFLOW_MAX: u64 = 0xff;

/// The bits of a hash that a slot keeps, relative to its segment's depth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) fragment: u16,
    pub(super) tag: u8,
}

#[derive(Clone, Default)]
#[repr(C, align(64))]
pub(super) struct Bucket {
    head: u64,
    slots: [u64; SLOT_COUNT],
}

const _: () = assert!(size_of::<Bucket>() == 64 && align_of::<Bucket>() == 64);

/// The slots of a bucket that answer a question, as the high bits of the tag bytes.
#[derive(Clone, Copy)]
pub(super) struct SlotSet(u64);

impl Iterator for SlotSet {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        if self.0 == 0 {
            return None;
        }
        let slot = (self.0.trailing_zeros() / 8) as usize;
        self.0 &= self.0 - 1;
        Some(slot)
    }
}

impl Bucket {
    /// Slots whose tag is `tag`; 0 asks for the empty ones. Exact, by carry-free byte compare.
    #[inline]
    pub(super) fn with_tag(&self, tag: u8) -> SlotSet {
        let difference = self.head ^ (EVERY_BYTE * u64::from(tag));
        let nonzero = ((difference & LOW_BITS) + LOW_BITS) | difference | LOW_BITS;
        SlotSet(!nonzero & TAG_BYTES)
    }

    /// Slots whose tag and fragment are those of `mark`, each with its payload.
    #[inline]
    pub(super) fn with_mark(&self, mark: Mark) -> impl Iterator<Item = (usize, u64)> + '_ {
        self.with_tag(mark.tag).filter_map(move |slot| {
            let word = self.slots[slot];
            let is_candidate = word >> PAYLOAD_BITS == u64::from(mark.fragment);
            is_candidate.then_some((slot, word & PAYLOAD_MASK))
        })
    }

    #[inline]
    pub(super) fn occupied(&self) -> SlotSet {
        SlotSet(!self.with_tag(0).0 & !LOW_BITS & TAG_BYTES)
    }

    #[inline]
    pub(super) fn payload(&self, slot: usize) -> u64 {
        self.slots[slot] & PAYLOAD_MASK
    }

    /// Whether `payload`, which is not 0, stands in a slot. An empty slot holds 0.
    #[inline]
    pub(super) fn is_at(&self, slot: usize, payload: u64) -> bool {
        self.slots[slot] & PAYLOAD_MASK == payload
    }

    #[inline]
    pub(super) fn fragment(&self, slot: usize) -> u16 {
        (self.slots[slot] >> PAYLOAD_BITS) as u16
    }

    #[inline]
    pub(super) fn mark(&self, slot: usize) -> Mark {
        Mark {
            fragment: self.fragment(slot),
            tag: (self.head >> (8 * slot)) as u8,
        }
    }

    #[inline]
    pub(super) fn fill(&mut self, slot: usize, mark: Mark, payload: u64) {
        debug_assert!(mark.tag != 0, "tag 0 means empty");
        assert!(payload <= PAYLOAD_MASK, "payload is wider than 48 bits");
        let shift = 8 * slot as u32;
        self.head = (self.head & !(0xff << shift)) | (u64::from(mark.tag) << shift);
        self.slots[slot] = (u64::from(mark.fragment) << PAYLOAD_BITS) | payload;
    }

    #[inline]
    pub(super) fn set_payload(&mut self, slot: usize, payload: u64) {
        assert!(payload <= PAYLOAD_MASK, "payload is wider than 48 bits");
        self.slots[slot] = (self.slots[slot] & !PAYLOAD_MASK) | payload;
    }

    #[inline]
    pub(super) fn clear(&mut self, slot: usize) {
        self.head &= !(0xff << (8 * slot as u32));
        self.slots[slot] = 0;
    }

    /// Whether some key that belongs here or before may stand further on.
    #[inline]
    pub(super) fn has_overflow(&self) -> bool {
        self.overflow_count() != 0
    }

    #[inline]
    fn overflow_count(&self) -> u64 {
        self.head >> CONTROL_SHIFT
    }

    /// Notes that a key passed this bucket on its way. Sticks at its maximum: from then on lookups
    /// go on needlessly until the segment is rebuilt, which is slow at worst, never wrong.
    #[inline]
    pub(super) fn add_overflow(&mut self) {
        if self.overflow_count() != OVERFLOW_MAX {
            self.head += 1 << CONTROL_SHIFT;
        }
    }

    /// Takes back one [`Bucket::add_overflow`].
    #[inline]
    pub(super) fn remove_overflow(&mut self) {
        let count = self.overflow_count();
        debug_assert!(count != 0, "an overflow is taken back that was never noted");
        if count != OVERFLOW_MAX && count != 0 {
            self.head -= 1 << CONTROL_SHIFT;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_matched_exactly_for_every_value() {
        let mut bucket = Bucket::default();
        for slot in 0..SLOT_COUNT {
            let tag = [1, 2, 0x80, 0x81, 0xff, 0x7f, 1][slot];
            bucket.fill(
                slot,
                Mark {
                    fragment: slot as u16,
                    tag,
                },
                slot as u64,
            );
        }
        assert_eq!(bucket.with_tag(1).collect::<Vec<_>>(), [0, 6]);
        assert_eq!(bucket.with_tag(0x80).collect::<Vec<_>>(), [2]);
        assert_eq!(bucket.with_tag(0x81).collect::<Vec<_>>(), [3]);
        assert_eq!(bucket.with_tag(0xfe).count(), 0);
        assert_eq!(bucket.with_tag(0).count(), 0);
        bucket.clear(3);
        assert_eq!(bucket.with_tag(0).collect::<Vec<_>>(), [3]);
        assert_eq!(bucket.occupied().collect::<Vec<_>>(), [0, 1, 2, 4, 5, 6]);
    }

    #[test]
    fn overflow_counts_and_sticks_without_touching_tags() {
        let mut bucket = Bucket::default();
        bucket.fill(
            6,
            Mark {
                fragment: 9,
                tag: 0xff,
            },
            42,
        );
        bucket.add_overflow();
        bucket.add_overflow();
        bucket.remove_overflow();
        assert!(bucket.has_overflow());
        bucket.remove_overflow();
        assert!(!bucket.has_overflow());
        for _ in 0..300 {
            bucket.add_overflow();
        }
        for _ in 0..300 {
            bucket.remove_overflow();
        }
        assert!(bucket.has_overflow(), "a saturated count must stay");
        assert_eq!(
            bucket.mark(6),
            Mark {
                fragment: 9,
                tag: 0xff
            }
        );
        assert_eq!(bucket.payload(6), 42);
    }
}
