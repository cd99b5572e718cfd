//! What became of keys that are not there, for CACHE WHY: the last of them, in bounded memory.
//!
//! ```text
//!  hash of the key and its database ─▶ one of 16,384 records ◀─ whoever comes next takes it
//! ```
//!
//! Invariant: a record is of the key whose whole hash it has, so another key's is never told; of
//! two keys that share a place the later is remembered.
//!
//! Cost: 16 bytes a record, 256 KiB in all, taken with the first key that goes; a store a removal.
//!
//! Not here: where keys are removed (`mutation/`).

use crate::keyspace::Event;

/// Records, a power of two.
const RECORD_COUNT: usize = 1 << 14;

/// Why a key is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Its deadline had come.
    Expired,
    /// It made room for others.
    Evicted,
    /// A client deleted it, renamed it or moved it.
    Deleted,
    /// Its database was emptied, if it was there.
    Flushed,
    /// Nothing is known of it: it never was there, or that is long ago.
    Unknown,
}

/// What is remembered of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// Why it is not there.
    pub fate: Fate,
    /// When it went, in Unix seconds; 0 if that is not known.
    pub at_seconds: u64,
    /// How often it had been used, from 0 to 255 on a logarithmic scale, as OBJECT FREQ says it.
    pub frequency: u8,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    hash: u64,
    at_seconds: u32,
    fate: Fate,
    frequency: u8,
}

#[derive(Debug, Default)]
pub(super) struct Fates {
    records: Vec<Record>,
    /// When each database was emptied, in Unix seconds.
    flushed_at: Vec<u64>,
}

impl Fates {
    pub(super) fn note(
        &mut self,
        database: usize,
        hash: u64,
        event: Event,
        frequency: u8,
        now_ms: u64,
    ) {
        if self.records.is_empty() {
            let nobody = Record {
                hash: 0,
                at_seconds: 0,
                fate: Fate::Unknown,
                frequency: 0,
            };
            self.records = vec![nobody; RECORD_COUNT];
        }
        let hash = mixed(database, hash);
        let fate = if event == Event::Expired {
            Fate::Expired
        } else if event == Event::Evicted {
            Fate::Evicted
        } else {
            Fate::Deleted
        };
        self.records[place(hash)] = Record {
            hash,
            at_seconds: u32::try_from(now_ms / 1_000).unwrap_or(u32::MAX),
            fate,
            frequency,
        };
    }

    pub(super) fn note_flush(&mut self, database: usize, now_ms: u64) {
        if self.flushed_at.len() <= database {
            self.flushed_at.resize(database + 1, 0);
        }
        self.flushed_at[database] = now_ms / 1_000;
    }

    pub(super) fn find(&self, database: usize, hash: u64) -> Remembered {
        let hash = mixed(database, hash);
        let record = self.records.get(place(hash));
        let record = record.filter(|record| record.hash == hash && record.fate != Fate::Unknown);
        let flushed_at = self.flushed_at.get(database).copied().unwrap_or(0);
        match record {
            Some(record) if u64::from(record.at_seconds) >= flushed_at => Remembered {
                fate: record.fate,
                at_seconds: record.at_seconds.into(),
                frequency: record.frequency,
            },
            _ => Remembered {
                fate: if flushed_at > 0 {
                    Fate::Flushed
                } else {
                    Fate::Unknown
                },
                at_seconds: flushed_at,
                frequency: 0,
            },
        }
    }
}

fn mixed(database: usize, hash: u64) -> u64 {
    hash ^ (database as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn place(hash: u64) -> usize {
    hash as usize & (RECORD_COUNT - 1)
}
