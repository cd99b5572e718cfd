//! The slow log: the last commands that took long, and turns of the loop.
//!
//! ```text
//!  newest ─▶ [ id 7 | id 6 | id 5 | … ] ─▶ oldest, dropped beyond `slowlog-max-len`
//! ```
//!
//! Invariants: ids grow by one and are never used twice; an entry holds at most [`ARGUMENTS_MAX`]
//! arguments of about [`ARGUMENT_BYTES_MAX`] bytes, whatever the request held.
//!
//! Not here: which commands are slow (`command/observe.rs`), which turns of the loop
//! (`long_turns.rs`), SLOWLOG
//! (`command/diagnostics/slow_log.rs`).

use std::collections::VecDeque;

/// Arguments kept of one request; the last says how many more there were.
const ARGUMENTS_MAX: usize = 32;

/// Bytes kept of one argument; a note behind them says how many more there were.
const ARGUMENT_BYTES_MAX: usize = 128;

/// One slow command, or a turn of the loop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlowEntry {
    /// Number of the entry.
    pub id: u64,
    /// When it was executed, Unix seconds.
    pub unix_seconds: u64,
    /// How long it took, in microseconds.
    pub duration_us: u64,
    /// The request, shortened; of a turn its name and its parts.
    pub arguments: Vec<Box<[u8]>>,
    /// The client's address; empty for a turn.
    pub address: Box<str>,
    /// The client's name.
    pub name: Box<[u8]>,
}

/// The entries, newest first.
#[derive(Debug, Default)]
pub struct SlowLog {
    entries: VecDeque<SlowEntry>,
    next_id: u64,
    used_bytes: usize,
}

impl SlowEntry {
    fn used_bytes(&self) -> usize {
        let arguments_bytes: usize = self.arguments.iter().map(|argument| argument.len()).sum();
        size_of::<Self>()
            + self.arguments.len() * size_of::<Box<[u8]>>()
            + arguments_bytes
            + self.address.len()
            + self.name.len()
    }
}

impl SlowLog {
    /// Adds an entry, whose id is given here, and drops the oldest beyond `entries_max`.
    pub fn add(&mut self, entry: SlowEntry, entries_max: usize) {
        self.used_bytes += entry.used_bytes();
        self.entries.push_front(SlowEntry {
            id: self.next_id,
            ..entry
        });
        self.next_id += 1;
        while self.entries.len() > entries_max {
            let oldest = self.entries.pop_back().expect("there are too many");
            self.used_bytes -= oldest.used_bytes();
        }
    }

    /// Entries that were ever added.
    pub fn added_count(&self) -> u64 {
        self.next_id
    }

    /// Bytes of all entries.
    pub fn used_bytes(&self) -> usize {
        self.used_bytes
    }

    /// The entries, newest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &SlowEntry> {
        self.entries.iter()
    }

    /// Forgets the entries; ids go on.
    pub fn clear(&mut self) {
        self.entries = VecDeque::new();
        self.used_bytes = 0;
    }
}

/// What is kept of a request.
pub fn shorten<'a>(arguments: impl ExactSizeIterator<Item = &'a [u8]>) -> Vec<Box<[u8]>> {
    let count = arguments.len();
    let kept_count = if count > ARGUMENTS_MAX {
        ARGUMENTS_MAX - 1
    } else {
        count
    };
    let mut kept: Vec<Box<[u8]>> = arguments.take(kept_count).map(shorten_one).collect();
    if kept_count < count {
        let note = format!("... ({} more arguments)", count - kept_count);
        kept.push(note.into_bytes().into());
    }
    kept
}

fn shorten_one(argument: &[u8]) -> Box<[u8]> {
    match argument.split_at_checked(ARGUMENT_BYTES_MAX) {
        Some((head, tail)) if !tail.is_empty() => {
            let note = format!("... ({} more bytes)", tail.len());
            [head, note.as_bytes()].concat().into()
        }
        _ => argument.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_entries_go_and_ids_go_on() {
        let entry = SlowEntry {
            id: 0,
            unix_seconds: 1,
            duration_us: 2,
            arguments: Vec::new(),
            address: "".into(),
            name: Box::default(),
        };
        let mut log = SlowLog::default();
        for _ in 0..3 {
            log.add(entry.clone(), 2);
        }
        let ids = |log: &SlowLog| log.iter().map(|entry| entry.id).collect::<Vec<_>>();
        assert_eq!(ids(&log), [2, 1]);
        assert_eq!(log.used_bytes(), 2 * entry.used_bytes());
        log.clear();
        assert_eq!(log.used_bytes(), 0);
        log.add(entry.clone(), 2);
        assert_eq!(ids(&log), [3]);
        log.add(entry, 0);
        assert_eq!(log.iter().len(), 0);
    }

    #[test]
    fn long_requests_are_shortened_as_redis_does() {
        let words = |count: usize| vec![&b"x"[..]; count];
        assert_eq!(shorten(words(32).into_iter()).len(), 32);
        let kept = shorten(words(34).into_iter());
        assert_eq!(kept.len(), 32);
        assert_eq!(&*kept[31], b"... (3 more arguments)");
        let long = [b'y'; 130];
        let kept = shorten([&long[..128], &long[..]].into_iter());
        assert_eq!(&*kept[0], &long[..128]);
        assert_eq!(&*kept[1], [&long[..128], b"... (2 more bytes)"].concat());
    }
}
