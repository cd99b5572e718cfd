//! A small set of integers: a sorted array of one width.
//!
//! ```text
//!  byte 0      1      2…3     4 …
//!  ┌──────────┬──────┬───────┬───────────────────────────┬──────┐
//!  │ log₂ of  │ free │ count │ integers, ascending       │ free │
//!  │ width    │ for  │       │ 2, 4 or 8 bytes each      │      │
//!  └──────────┴owner─┴───────┴───────────────────────────┴──────┘
//! ```
//!
//! Invariants ([`IntegerSet::check`]): ascending without repetition; the width is that of the
//! widest integer that was ever in.
//!
//! Cost: 4 bytes, and 2 to 8 an integer; found by halving, so O(log count); inserted and removed by
//! moving what comes after.
//!
//! After the intset of Redis, whose users see its order.
//!
//! Not here: sets of anything else (`mod.rs`), and how large one may become.

const HEAD_BYTES: usize = 4;
const OFFSET_OWNER: usize = 1;
const OFFSET_COUNT: usize = 2;

/// Least width: two bytes.
const LOG_WIDTH_MIN: u8 = 1;
const LOG_WIDTH_MIDDLE: u8 = 2;
const LOG_WIDTH_MAX: u8 = 3;

/// A set to be read.
#[derive(Clone, Copy)]
pub struct IntegerSet<'a> {
    bytes: &'a [u8],
}

/// Bytes that are no set of integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadIntegerSet;

/// The least width for `value`, as its logarithm.
fn log_width_of(value: i64) -> u8 {
    if i16::try_from(value).is_ok() {
        LOG_WIDTH_MIN
    } else if i32::try_from(value).is_ok() {
        LOG_WIDTH_MIDDLE
    } else {
        LOG_WIDTH_MAX
    }
}

/// The first bytes of a field.
#[inline]
fn first<const N: usize>(field: &[u8]) -> [u8; N] {
    *field.first_chunk().expect("integers stand within the set")
}

impl<'a> IntegerSet<'a> {
    /// Reads a set made by [`IntegerSetMut`] or accepted by [`IntegerSet::check`].
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The set in `bytes`, which may be anything. O(count).
    ///
    /// # Errors
    /// If they are no set.
    pub fn check(bytes: &'a [u8]) -> Result<Self, BadIntegerSet> {
        let set = Self::new(bytes);
        let has_head = bytes.len() >= HEAD_BYTES
            && (LOG_WIDTH_MIN..=LOG_WIDTH_MAX).contains(&set.log_width())
            && set.used_len() <= bytes.len();
        let is_ascending =
            has_head && (1..set.count()).all(|index| set.at(index - 1) < set.at(index));
        if is_ascending {
            Ok(set)
        } else {
            Err(BadIntegerSet)
        }
    }

    /// The bytes that it is in, as they are.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// What a set of `count` integers takes, none wider than `widest`.
    pub fn len_of(count: usize, widest: i64) -> usize {
        HEAD_BYTES + (count << log_width_of(widest))
    }

    fn log_width(&self) -> u8 {
        self.bytes[0]
    }

    fn width(&self) -> usize {
        1 << self.log_width()
    }

    /// How many integers there are.
    pub fn count(&self) -> usize {
        usize::from(u16::from_le_bytes([
            self.bytes[OFFSET_COUNT],
            self.bytes[OFFSET_COUNT + 1],
        ]))
    }

    /// Bytes in use.
    pub fn used_len(&self) -> usize {
        HEAD_BYTES + self.count() * self.width()
    }

    /// What [`IntegerSet::used_len`] would be with `value` in it, too.
    pub fn grown_len(&self, value: i64) -> usize {
        let log_width = self.log_width().max(log_width_of(value));
        HEAD_BYTES + ((self.count() + 1) << log_width)
    }

    /// A byte that means what the owner wants.
    pub fn owner_byte(&self) -> u8 {
        self.bytes[OFFSET_OWNER]
    }

    #[inline]
    fn at(&self, index: usize) -> i64 {
        let field = &self.bytes[HEAD_BYTES + (index << self.log_width())..];
        // A field of a known width is one load.
        match self.log_width() {
            LOG_WIDTH_MIN => i64::from(i16::from_le_bytes(first(field))),
            LOG_WIDTH_MIDDLE => i64::from(i32::from_le_bytes(first(field))),
            _ => i64::from_le_bytes(first(field)),
        }
    }

    /// The integer at `index`, if there are as many.
    pub fn get(&self, index: usize) -> Option<i64> {
        (index < self.count()).then(|| self.at(index))
    }

    /// All integers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = i64> + use<'a> {
        let set = *self;
        (0..set.count()).map(move |index| set.at(index))
    }

    /// The index of `value`, or the one it would be inserted at.
    ///
    /// # Errors
    /// If it is not in the set.
    pub fn find(&self, value: i64) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.count());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.at(middle) < value {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        if self.get(low) == Some(value) {
            Ok(low)
        } else {
            Err(low)
        }
    }
}

/// A set to be changed, within the bytes it has.
pub struct IntegerSetMut<'a> {
    bytes: &'a mut [u8],
}

impl<'a> IntegerSetMut<'a> {
    /// Changes the set in `bytes`.
    pub fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes }
    }

    /// Makes `bytes` an empty set.
    ///
    /// # Panics
    /// If there are fewer than 4.
    pub fn create(bytes: &'a mut [u8]) -> Self {
        bytes[..HEAD_BYTES].copy_from_slice(&[LOG_WIDTH_MIN, 0, 0, 0]);
        Self { bytes }
    }

    /// Makes `bytes` a set of integers, none of which is wider than `widest`. O(count) if they
    /// ascend.
    ///
    /// # Panics
    /// If there is no room for them.
    pub fn create_of(bytes: &'a mut [u8], widest: i64, values: impl Iterator<Item = i64>) -> Self {
        let mut set = Self::create(bytes);
        set.bytes[0] = log_width_of(widest);
        let (mut last, mut count) = (None, 0);
        for value in values {
            if last.is_none_or(|last| last < value) {
                set.write(count, value);
                set.set_count(count + 1);
                last = Some(value);
            } else {
                set.insert(value);
            }
            count = set.set().count();
        }
        set
    }

    /// The set as it is now.
    pub fn set(&self) -> IntegerSet<'_> {
        IntegerSet::new(self.bytes)
    }

    /// Sets the byte that means what the owner wants.
    pub fn set_owner_byte(&mut self, byte: u8) {
        self.bytes[OFFSET_OWNER] = byte;
    }

    /// Puts `value` in; whether it was not there before.
    ///
    /// # Panics
    /// If there is no room for it.
    pub fn insert(&mut self, value: i64) -> bool {
        let Err(index) = self.set().find(value) else {
            return false;
        };
        let grown_len = self.set().grown_len(value);
        assert!(grown_len <= self.bytes.len(), "an integer needs room");
        let log_width = log_width_of(value);
        if log_width > self.set().log_width() {
            self.widen(log_width);
        }
        let used_len = self.set().used_len();
        let (width, place) = self.place(index);
        self.bytes.copy_within(place..used_len, place + width);
        self.write(index, value);
        self.set_count(self.set().count() + 1);
        true
    }

    /// Takes `value` out; whether it was there.
    pub fn remove(&mut self, value: i64) -> bool {
        let Ok(index) = self.set().find(value) else {
            return false;
        };
        let used_len = self.set().used_len();
        let (width, place) = self.place(index);
        self.bytes.copy_within(place + width..used_len, place);
        self.set_count(self.set().count() - 1);
        true
    }

    /// Width of an integer, and where the one at `index` stands.
    fn place(&self, index: usize) -> (usize, usize) {
        let width = self.set().width();
        (width, HEAD_BYTES + index * width)
    }

    fn set_count(&mut self, count: usize) {
        let count = u16::try_from(count).expect("a small set has fewer than 65,536 integers");
        self.bytes[OFFSET_COUNT..HEAD_BYTES].copy_from_slice(&count.to_le_bytes());
    }

    fn write(&mut self, index: usize, value: i64) {
        let (width, place) = self.place(index);
        self.bytes[place..place + width].copy_from_slice(&value.to_le_bytes()[..width]);
    }

    /// Gives each integer more bytes, the last one first, so that none is overwritten unread.
    fn widen(&mut self, log_width: u8) {
        let old_log_width = self.set().log_width();
        for index in (0..self.set().count()).rev() {
            self.bytes[0] = old_log_width;
            let value = self.set().at(index);
            self.bytes[0] = log_width;
            self.write(index, value);
        }
        self.bytes[0] = log_width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Goal: the array holds what an ordered set holds, at every width. Method: seeded inserts and
    /// removals of integers of mixed widths.
    #[test]
    fn agrees_with_an_ordered_set() {
        for seed in 0..200 {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut bytes = vec![0; IntegerSet::len_of(300, i64::MAX)];
            IntegerSetMut::create(&mut bytes).set_owner_byte(7);
            let mut model = BTreeSet::new();
            let shift = random.u32(0..64);
            for _ in 0..random.usize(0..300) {
                let value = random.i64(..) >> if random.u8(..) < 250 { 56 } else { shift };
                let mut set = IntegerSetMut::new(&mut bytes);
                if random.bool() {
                    assert_eq!(set.insert(value), model.insert(value), "seed {seed}");
                } else {
                    assert_eq!(set.remove(value), model.remove(&value), "seed {seed}");
                }
            }
            let set = IntegerSet::check(&bytes).expect("it was made here");
            assert!(set.iter().eq(model.iter().copied()), "seed {seed}");
            assert_eq!((set.get(model.len()), set.owner_byte()), (None, 7));
        }
    }

    #[test]
    fn a_set_of_integers_is_that_of_inserting_them() {
        let lists: [&[i64]; 6] = [
            &[],
            &[-5, 3, 40],
            &[7, 3, 3, 9, -1, 9],
            &[-70_000, 1, 32_768],
            &[i64::MIN, 0, i64::MAX],
            &[-32_768, 32_767],
        ];
        for values in lists {
            let (mut one, mut other) = ([0; 64], [0; 64]);
            let mut inserted = IntegerSetMut::create(&mut one);
            for value in values {
                inserted.insert(*value);
            }
            let widest = values
                .iter()
                .copied()
                .max_by_key(|value| value ^ value >> 63);
            let widest = widest.unwrap_or(0);
            let made = IntegerSetMut::create_of(&mut other, widest, values.iter().copied());
            assert_eq!(made.set().used_len(), inserted.set().used_len());
            assert!(made.set().iter().eq(inserted.set().iter()));
            assert!(IntegerSet::check(&other).is_ok());
        }
    }

    #[test]
    fn noise_is_refused_or_read() {
        let mut random = fastrand::Rng::with_seed(3);
        let mut accepted = 0;
        for _ in 0..50_000 {
            let mut bytes: Vec<u8> = (0..random.usize(0..24)).map(|_| random.u8(..)).collect();
            if bytes.len() > 3 {
                bytes[..4].copy_from_slice(&[random.u8(0..5), 0, random.u8(0..4), 0]);
            }
            if let Ok(set) = IntegerSet::check(&bytes) {
                accepted += 1;
                assert_eq!(set.iter().count(), set.count());
            }
        }
        assert!(accepted > 100, "{accepted}");
        assert!(IntegerSet::check(&[1, 0, 2, 0, 5, 0, 5, 0]).is_err());
    }
}
