//! Who was refused what, the last first, for ACL LOG.
//!
//! Invariant: at most as many entries as the caller allows; what is the same within a minute is one
//! entry with a count. An entry's texts are bounded by [`OBJECT_BYTES_MAX`].
//!
//! Not here: when something is refused (`command/permission.rs`).

use std::collections::VecDeque;

/// Within this time the same refusal is counted instead of noted again.
const SAME_WITHIN_MS: u64 = 60_000;

/// Newest entries among which the same one is looked for.
const COMPARED_MAX: usize = 10;

/// Bytes of a key or command that are kept.
const OBJECT_BYTES_MAX: usize = 1024;

/// What was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A command.
    Command,
    /// A key.
    Key,
    /// A channel.
    Channel,
    /// To be a user.
    Authentication,
}

impl Reason {
    /// Redis's word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Key => "key",
            Self::Channel => "channel",
            Self::Authentication => "auth",
        }
    }
}

/// Where the request stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Circumstance {
    /// Alone.
    TopLevel,
    /// In a transaction.
    Multi,
    /// In a script.
    Script,
}

impl Circumstance {
    /// Redis's word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::TopLevel => "toplevel",
            Self::Multi => "multi",
            Self::Script => "lua",
        }
    }
}

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What was refused.
    pub reason: Reason,
    /// Where the request stood.
    pub circumstance: Circumstance,
    /// The command, key or channel, cut to what is worth keeping.
    pub object: Vec<u8>,
    /// Name of the user, or the name that was tried.
    pub user: Vec<u8>,
    /// The client, as CLIENT LIST shows it.
    pub client: String,
    /// How many times.
    pub count: u64,
    /// The number of the entry, growing.
    pub id: u64,
    /// When it was refused first, in Unix milliseconds.
    pub created_ms: u64,
    /// When it was refused last.
    pub updated_ms: u64,
}

impl Entry {
    fn is_same(&self, other: &Self) -> bool {
        self.reason == other.reason
            && self.circumstance == other.circumstance
            && self.object == other.object
            && self.user == other.user
            && other.updated_ms.saturating_sub(self.updated_ms) <= SAME_WITHIN_MS
    }
}

/// The last refusals.
#[derive(Debug, Default)]
pub struct Log {
    entries: VecDeque<Entry>,
    next_id: u64,
}

impl Log {
    /// Notes a refusal at `now_ms`; of more than `entries_max` the oldest go.
    pub fn add(
        &mut self,
        (reason, circumstance): (Reason, Circumstance),
        (object, user, client): (&[u8], &[u8], String),
        now_ms: u64,
        entries_max: usize,
    ) {
        let cut = |text: &[u8]| text[..text.len().min(OBJECT_BYTES_MAX)].to_vec();
        let mut entry = Entry {
            reason,
            circumstance,
            object: cut(object),
            user: cut(user),
            client,
            count: 1,
            id: self.next_id,
            created_ms: now_ms,
            updated_ms: now_ms,
        };
        let newest = self.entries.iter().take(COMPARED_MAX);
        match newest.into_iter().position(|known| known.is_same(&entry)) {
            Some(place) => {
                let known = self.entries.remove(place).expect("it was found there");
                entry.count = known.count + 1;
                (entry.id, entry.created_ms) = (known.id, known.created_ms);
            }
            None => self.next_id += 1,
        }
        self.entries.push_front(entry);
        self.entries.truncate(entries_max);
    }

    /// The refusals, the last first.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(log: &mut Log, object: &str, now_ms: u64) {
        let what = (Reason::Key, Circumstance::TopLevel);
        let texts = (object.as_bytes(), &b"app"[..], format!("at {now_ms}"));
        log.add(what, texts, now_ms, 3);
    }

    fn shown(log: &Log) -> Vec<String> {
        let show = |entry: &Entry| {
            let object = String::from_utf8_lossy(&entry.object);
            format!("{}:{object}*{} {}", entry.id, entry.count, entry.client)
        };
        log.entries().map(show).collect()
    }

    #[test]
    fn the_same_within_a_minute_is_counted_and_comes_first() {
        let mut log = Log::default();
        add(&mut log, "a", 0);
        add(&mut log, "b", 1);
        add(&mut log, "a", 60_000);
        assert_eq!(shown(&log), ["0:a*2 at 60000", "1:b*1 at 1"]);
        add(&mut log, "b", 60_002);
        assert_eq!(shown(&log)[0], "2:b*1 at 60002");
        assert_eq!(log.entries().nth(1).expect("a").created_ms, 0);
    }

    #[test]
    fn the_log_is_bounded() {
        let mut log = Log::default();
        for number in 0..100 {
            add(&mut log, &format!("{number}{}", "x".repeat(5_000)), 0);
        }
        assert_eq!(log.entries().len(), 3);
        assert!(
            log.entries()
                .all(|entry| entry.object.len() == OBJECT_BYTES_MAX)
        );
        log.clear();
        assert_eq!(log.entries().len(), 0);
    }
}
