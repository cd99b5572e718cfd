//! The largest keys, by bytes and by elements, noted where they grow.
//!
//! ```text
//!  a value is there or has grown ─▶ more than the floor? ─▶ in the list, the least goes
//!  list ─▶ looked up again when somebody asks, and one of it now and then: what has gone goes
//! ```
//!
//! Invariant: a key that has grown past all others since they were noted is in the list. One that
//! was pushed out and is large again by comparison, because others went, comes back when it changes
//! next.
//!
//! Cost: a change of a value of less than [`BIG_BYTES_MIN`] that is no tree pays a comparison; the
//! list has [`LISTED_MAX`] keys.
//!
//! Not here: bytes of a key (`Keyspace::key_bytes`).

use crate::keyspace::Keyspace;
use crate::keyspace::entry::EntryId;

/// A value with fewer bytes is not big, whatever there is.
pub(in crate::keyspace) const BIG_BYTES_MIN: usize = 16 * 1024;
const BYTES_MIN: u64 = BIG_BYTES_MIN as u64;

/// A collection with fewer elements is not big, whatever there is.
const ELEMENTS_MIN: u64 = 1_000;

/// Keys of each list.
const LISTED_MAX: usize = 32;

/// A key with much in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BigKey {
    /// Its name.
    pub name: Vec<u8>,
    /// Its database.
    pub database: u32,
    /// Its elements; 1 for a string.
    pub elements: u64,
    /// What it takes, with its share of the tables.
    pub bytes: u64,
}

/// Keys by one measure.
#[derive(Debug)]
struct Largest {
    /// What does not exceed this is not listed.
    floor: u64,
    least: u64,
    keys: Vec<(u32, Box<[u8]>, u64)>,
}

impl Largest {
    fn new(least: u64) -> Self {
        Self {
            floor: least,
            least,
            keys: Vec::new(),
        }
    }

    fn note(&mut self, database: usize, name: &[u8], size: u64) {
        if size <= self.floor {
            return;
        }
        let is_same = |key: &(u32, Box<[u8]>, u64)| key.0 == database as u32 && *key.1 == *name;
        match self.keys.iter().position(is_same) {
            Some(index) => self.keys[index].2 = size,
            None => {
                if self.keys.len() == LISTED_MAX {
                    let sizes = self.keys.iter().map(|key| key.2).enumerate();
                    let (index, _) = sizes.min_by_key(|&(_, size)| size).expect("it is full");
                    self.keys.swap_remove(index);
                }
                self.keys.push((database as u32, name.into(), size));
            }
        }
        self.set_floor();
    }

    fn set_floor(&mut self) {
        let least = self.keys.iter().map(|key| key.2).min();
        self.floor = match least {
            Some(least) if self.keys.len() == LISTED_MAX => least,
            _ => self.least,
        };
    }
}

pub(super) struct BigKeys {
    by_bytes: Largest,
    by_elements: Largest,
    /// The next one to look up again.
    hand: usize,
}

impl Default for BigKeys {
    fn default() -> Self {
        Self {
            by_bytes: Largest::new(BYTES_MIN),
            by_elements: Largest::new(ELEMENTS_MIN),
            hand: 0,
        }
    }
}

impl Keyspace {
    /// Notes the size of a value that has come or grown, if it is large at all.
    #[inline]
    pub(in crate::keyspace) fn note_size(&mut self, database: usize, name: &[u8], id: EntryId) {
        let entry = self.entries.get(id);
        if entry.large().is_some() || entry.content_bytes() as u64 >= BYTES_MIN {
            self.note_big(database, name, id);
        }
    }

    #[inline(never)]
    fn note_big(&mut self, database: usize, name: &[u8], id: EntryId) {
        if database >= self.database_count() {
            return;
        }
        let entry = self.entries.get(id);
        let bytes = self.key_bytes(entry) as u64;
        let elements = self.body(entry, 0).map_or(1, |body| body.len());
        self.insight.big.by_bytes.note(database, name, bytes);
        self.insight.big.by_elements.note(database, name, elements);
    }

    /// Looks one listed key up again, so that lists whose keys have gone take others.
    pub(super) fn check_a_big_key(&mut self, now_ms: u64) {
        let hand = self.insight.big.hand;
        self.insight.big.hand = (hand + 1) % (2 * LISTED_MAX);
        let (is_by_bytes, index) = (hand < LISTED_MAX, hand % LISTED_MAX);
        let list = match is_by_bytes {
            true => &self.insight.big.by_bytes,
            false => &self.insight.big.by_elements,
        };
        let Some((database, name, _)) = list.keys.get(index) else {
            return;
        };
        let found = self.big_key(*database, name, now_ms);
        let list = match is_by_bytes {
            true => &mut self.insight.big.by_bytes,
            false => &mut self.insight.big.by_elements,
        };
        let size = found.map_or(0, |key| if is_by_bytes { key.bytes } else { key.elements });
        if size > list.least {
            list.keys[index].2 = size;
        } else {
            list.keys.swap_remove(index);
        }
        list.set_floor();
    }

    fn big_key(&self, database: u32, name: &[u8], now_ms: u64) -> Option<BigKey> {
        let entry = self.find(database as usize, self.key(name), now_ms)?;
        Some(BigKey {
            name: name.to_vec(),
            database,
            elements: self.body(entry, now_ms).map_or(1, |body| body.len()),
            bytes: self.key_bytes(entry) as u64,
        })
    }

    /// The largest keys, at most `count` by bytes and those by elements that are not among them, by
    /// bytes. O(listed keys log listed keys).
    pub fn big_keys(&self, count: usize, now_ms: u64) -> Vec<BigKey> {
        let found = |list: &Largest, least: u64, size: fn(&BigKey) -> u64| {
            let looked_up = list.keys.iter();
            let looked_up =
                looked_up.filter_map(|(database, name, _)| self.big_key(*database, name, now_ms));
            let mut keys: Vec<BigKey> = looked_up.filter(|key| size(key) > least).collect();
            keys.sort_by_key(|key| std::cmp::Reverse(size(key)));
            keys.truncate(count);
            keys
        };
        let big = &self.insight.big;
        let mut keys = found(&big.by_bytes, BYTES_MIN, |key| key.bytes);
        for key in found(&big.by_elements, ELEMENTS_MIN, |key| key.elements) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys.sort_by_key(|key| std::cmp::Reverse(key.bytes));
        keys
    }
}
