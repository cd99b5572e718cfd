//! Strings that went, until the program that embeds the cache is told.
//!
//! ```text
//!  rows   [ key's end, value's end, reason ] [ … ]      in the order in which they went
//!  bytes  key, value of the first │ key, value of the second …
//! ```
//!
//! Invariant: there is nothing here unless a listener wants it.
//!
//! Cost: a copy of key and value for each that goes.
//!
//! Not here: the listener (`cache/`), what a client hears of it (`announced.rs`).

use crate::keyspace::event::Event;

/// Why a key is gone, or its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RemovalReason {
    /// Its deadline has come.
    Expired,
    /// Others needed its memory.
    Evicted,
    /// The key has another value now.
    Replaced,
    /// The program removed it.
    Removed,
}

impl RemovalReason {
    /// Why a key goes with this event.
    pub(crate) fn of(event: Event) -> Self {
        if event == Event::Expired {
            Self::Expired
        } else if event == Event::Evicted {
            Self::Evicted
        } else {
            Self::Removed
        }
    }
}

#[derive(Debug)]
struct Row {
    key_end: usize,
    value_end: usize,
    reason: RemovalReason,
}

/// Keys and values that went, in the order in which they did.
#[derive(Debug, Default)]
pub struct Departed {
    bytes: Vec<u8>,
    rows: Vec<Row>,
}

impl Departed {
    /// Keeps what goes until it is taken.
    pub(super) fn note(&mut self, key: &[u8], value: &[u8], reason: RemovalReason) {
        self.bytes.extend_from_slice(key);
        let key_end = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.rows.push(Row {
            key_end,
            value_end: self.bytes.len(),
            reason,
        });
    }

    /// Whether nothing went.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What went: key, value and why.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8], RemovalReason)> {
        let mut begin = 0;
        self.rows.iter().map(move |row| {
            let key = &self.bytes[begin..row.key_end];
            let value = &self.bytes[row.key_end..row.value_end];
            begin = row.value_end;
            (key, value, row.reason)
        })
    }
}
