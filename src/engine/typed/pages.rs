//! Walks over all keys, a page a call, and what goes, for [`Cache`](crate::Cache).

use super::DATABASE;
use crate::engine::CacheEngine;
use crate::keyspace::Departed;

/// Buckets that one page looks at, full or not.
const PAGE_BUCKETS: usize = 256;

impl CacheEngine {
    /// Appends the keys from `cursor` on, until there are `keys_wanted` or more, or the page has
    /// looked at many buckets. Returns the cursor of the next page, none after the last one.
    pub(crate) fn keys_page(
        &self,
        cursor: u64,
        keys_wanted: usize,
        keys: &mut Vec<Vec<u8>>,
    ) -> Option<u64> {
        let mut cursor = cursor;
        for _ in 0..PAGE_BUCKETS {
            cursor = self
                .keyspace
                .scan(DATABASE, cursor, self.now.unix_ms(), |entry| {
                    keys.push(entry.key().to_vec());
                });
            if cursor == 0 {
                return None;
            }
            if keys.len() >= keys_wanted {
                break;
            }
        }
        Some(cursor)
    }

    /// Removes the keys from `cursor` on, of any type, a page as [`CacheEngine::keys_page`].
    pub(crate) fn remove_page(&mut self, cursor: u64, keys_wanted: usize) -> Option<u64> {
        let mut keys = Vec::new();
        let next = self.keys_page(cursor, keys_wanted, &mut keys);
        for key in &keys {
            self.delete(key);
        }
        next
    }

    /// Keeps from now on the strings that go, for [`CacheEngine::take_departed`].
    pub(crate) fn keep_departed(&mut self) {
        self.keyspace.keep_departed();
    }

    /// Takes the strings that went since the last call.
    pub(crate) fn take_departed(&mut self) -> Departed {
        self.keyspace.take_departed()
    }

    /// Removes the strings from `cursor` on for which `keep` says false, until it was asked
    /// `visits_wanted` times or more. Returns the cursor as [`CacheEngine::keys_page`] does.
    pub(crate) fn retain_page(
        &mut self,
        cursor: u64,
        visits_wanted: usize,
        mut keep: impl FnMut(&[u8], &[u8]) -> bool,
    ) -> Option<u64> {
        let mut cursor = cursor;
        let (mut visits, mut unwanted) = (0, Vec::new());
        for _ in 0..PAGE_BUCKETS {
            cursor = self
                .keyspace
                .scan(DATABASE, cursor, self.now.unix_ms(), |entry| {
                    let Ok(value) = entry.as_string() else { return };
                    visits += 1;
                    if !keep(entry.key(), value.text(&mut itoa::Buffer::new())) {
                        unwanted.push(entry.key().to_vec());
                    }
                });
            if cursor == 0 || visits >= visits_wanted {
                break;
            }
        }
        for key in &unwanted {
            self.delete(key);
        }
        (cursor != 0).then_some(cursor)
    }
}
