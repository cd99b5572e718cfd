//! Patterns of channels, and who listens to each.
//!
//! ```text
//!  news.*        under "news."        a message to news.art asks the patterns under
//!  news.?.x      under "news."        "", "n", "ne" … as far as there are prefixes of
//!  *             under ""             such lengths, and no others
//! ```
//!
//! Invariant: a pattern is in the table while somebody listens to it.
//!
//! Not here: what a pattern matches (`base/glob`).

use super::Subscribers;
use crate::base::glob;
use crate::base::link::Link;
use crate::structures::prefix_table::PrefixTable;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug)]
struct Row {
    /// The pattern as it was read; none if it matches nothing.
    matcher: Option<glob::Pattern>,
    subscribers: Subscribers,
}

/// All patterns.
#[derive(Debug, Default)]
pub struct Patterns {
    /// Patterns under the bytes that they begin with and that mean themselves.
    rows: PrefixTable<BTreeMap<Arc<[u8]>, Row>>,
    count: usize,
}

impl Patterns {
    /// Whether nobody listens to any.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many have subscribers.
    pub fn len(&self) -> usize {
        self.count
    }

    /// The patterns that match a channel, and who listens to them.
    pub(super) fn of_channel<'a>(
        &'a self,
        channel: &'a [u8],
    ) -> impl Iterator<Item = (&'a [u8], &'a Subscribers)> {
        let rows = self.rows.of_text(channel).flat_map(|(_, rows)| rows);
        rows.filter(|(_, row)| {
            (row.matcher.as_ref()).is_some_and(|matcher| matcher.matches(channel))
        })
        .map(|(pattern, row)| (&**pattern, &row.subscribers))
    }

    /// Adds a subscriber, who is not there yet.
    pub(super) fn add(&mut self, pattern: Arc<[u8]>, link: Link) {
        let rows = self.rows.entry(literal_prefix(&pattern));
        let count_before = rows.len();
        let row = rows.entry(Arc::clone(&pattern)).or_insert_with(|| Row {
            matcher: glob::Pattern::new(&pattern, false).ok(),
            subscribers: Subscribers::default(),
        });
        row.subscribers.add(link);
        self.count += rows.len() - count_before;
    }

    /// Removes a subscriber.
    pub(super) fn remove(&mut self, pattern: &[u8], link: Link) {
        let prefix = literal_prefix(pattern);
        let Some(rows) = self.rows.get_mut(prefix) else {
            return;
        };
        if let Some(row) = rows.get_mut(pattern) {
            row.subscribers.remove(link);
            if row.subscribers.len() == 0 {
                rows.remove(pattern);
                self.count -= 1;
            }
        }
        if rows.is_empty() {
            self.rows.remove(prefix);
        }
    }
}

/// What every text begins with that a pattern matches.
fn literal_prefix(pattern: &[u8]) -> &[u8] {
    let special = pattern.iter().position(|byte| b"*?[\\".contains(byte));
    &pattern[..special.unwrap_or(pattern.len())]
}
