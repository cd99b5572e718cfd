//! A walk over the keys of a [`Cache`], page by page.
//!
//! ```text
//!  next ─▶ page ─ empty ─▶ lock, some buckets of the table ─▶ page, cursor
//! ```
//!
//! Cost: a page takes the lock once, for [`PAGE_KEYS`] keys and those that share the last bucket.
//!
//! Not here: the cursor and its promise (`keyspace/mod.rs`, `Keyspace::scan`).

use super::Cache;
use std::vec;

/// Keys for which one page is enough, and visits that one turn of [`Cache::retain`] makes.
pub(super) const PAGE_KEYS: usize = 64;

/// The keys of a cache: [`Cache::iter`].
pub struct Keys {
    cache: Cache,
    page: vec::IntoIter<Vec<u8>>,
    /// Where the next page begins; none after the last one.
    cursor: Option<u64>,
}

impl Keys {
    pub(super) fn new(cache: Cache) -> Self {
        Self {
            cache,
            page: vec::IntoIter::default(),
            cursor: Some(0),
        }
    }
}

impl Iterator for Keys {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(key) = self.page.next() {
                return Some(key);
            }
            let mut page = Vec::new();
            let from = self.cursor?;
            self.cursor = self
                .cache
                .on_core(|core| core.keys_page(from, PAGE_KEYS, &mut page));
            self.page = page.into_iter();
        }
    }
}
