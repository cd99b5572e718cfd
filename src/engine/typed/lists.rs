//! Typed calls for lists: items in an order of their own, at both ends of which others come and go.

use super::{WriteError, ranks_of};
use crate::engine::CacheEngine;
use crate::keyspace::{Changed, Event};
use crate::value::kind::WrongType;
use crate::value::list::{End, List};
use std::ops::RangeBounds;

impl CacheEngine {
    /// Puts items before the first one of a list, one after the other, so that the last one given
    /// is the first one then; returns the length. A missing list is made. Makes room as
    /// [`CacheEngine::set`] does. O(items given), O(log length) each in a large list.
    ///
    /// # Errors
    /// [`WriteError::OutOfMemory`], [`WriteError::TooLong`] and [`WriteError::WrongType`]; the list
    /// then is as it was, or evicted.
    pub fn list_push_front(
        &mut self,
        key: &[u8],
        items: &[impl AsRef<[u8]>],
    ) -> Result<u64, WriteError> {
        self.list_push(key, items, End::Front, Event::ListPush)
    }

    /// Puts items after the last one of a list and returns the length, as
    /// [`CacheEngine::list_push_front`] does at the other end.
    ///
    /// ```
    /// # use evenkeel::{CacheEngine, Config};
    /// let mut cache = CacheEngine::new(Config::default());
    /// assert_eq!(cache.list_push_back(b"jobs", &["resize", "mail"]), Ok(2));
    /// assert_eq!(cache.list_pop_front(b"jobs"), Ok(Some(b"resize".to_vec())));
    /// ```
    ///
    /// # Errors
    /// As there.
    pub fn list_push_back(
        &mut self,
        key: &[u8],
        items: &[impl AsRef<[u8]>],
    ) -> Result<u64, WriteError> {
        self.list_push(key, items, End::Back, Event::ListPushBack)
    }

    fn list_push(
        &mut self,
        key: &[u8],
        items: &[impl AsRef<[u8]>],
        end: End,
        event: Event,
    ) -> Result<u64, WriteError> {
        let texts = items.iter().map(AsRef::as_ref);
        self.admit(key, texts.clone())?;
        self.change_or_make::<List, _>(key, |list| {
            list.push(end, texts);
            Ok(Changed::when(!items.is_empty(), event, list.len()))
        })
    }

    /// Takes the first item from a list; `None` if there is no such key. A list without items is
    /// gone. O(log length).
    ///
    /// # Errors
    /// [`WrongType`] if the key holds no list.
    pub fn list_pop_front(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, WrongType> {
        self.list_pop(key, End::Front, Event::ListPop)
    }

    /// Takes the last item from a list, as [`CacheEngine::list_pop_front`] takes the first.
    ///
    /// # Errors
    /// As there.
    pub fn list_pop_back(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, WrongType> {
        self.list_pop(key, End::Back, Event::ListPopBack)
    }

    fn list_pop(
        &mut self,
        key: &[u8],
        end: End,
        event: Event,
    ) -> Result<Option<Vec<u8>>, WrongType> {
        self.change::<List, _, _>(key, |list| {
            let item = list.pop(end, |item| item.text(&mut itoa::Buffer::new()).to_vec());
            Ok(Changed::when(true, event, item))
        })
    }

    /// How many items a list has; 0 if there is no such key.
    ///
    /// # Errors
    /// [`WrongType`] if the key holds no list.
    pub fn list_len(&mut self, key: &[u8]) -> Result<u64, WrongType> {
        Ok(self.read::<List>(key)?.map_or(0, |list| list.len()))
    }

    /// The item of a list at an index: the first one has 0, and negative ones count from the end,
    /// where −1 is the last. `None` if there is no such item or no such key. Copies it.
    /// O(log length).
    ///
    /// # Errors
    /// [`WrongType`] if the key holds no list.
    pub fn list_get(&mut self, key: &[u8], index: i64) -> Result<Option<Vec<u8>>, WrongType> {
        let list = self.read::<List>(key)?;
        let item = list.and_then(|list| list.at(list.rank_of(index)?));
        Ok(item.map(|item| item.text(&mut itoa::Buffer::new()).to_vec()))
    }

    /// Lends the items of a list at these indexes, `..` for all of them, to `look` in order.
    /// Negative indexes count from the end. O(log length + items).
    ///
    /// ```
    /// # use evenkeel::{CacheEngine, Config};
    /// # let mut cache = CacheEngine::new(Config::default());
    /// cache.list_push_back(b"log", &["a", "b", "c", "d"])?;
    /// let mut last_two = Vec::new();
    /// cache.list_range(b"log", -2.., |item| last_two.push(item.to_vec()))?;
    /// assert_eq!(last_two, [b"c", b"d"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`WrongType`] if the key holds no list; then `look` has not been called.
    pub fn list_range(
        &mut self,
        key: &[u8],
        indexes: impl RangeBounds<i64>,
        mut look: impl FnMut(&[u8]),
    ) -> Result<(), WrongType> {
        let Some(list) = self.read::<List>(key)? else {
            return Ok(());
        };
        let mut digits = itoa::Buffer::new();
        for item in list.items(ranks_of(&indexes, list.len())) {
            look(item.text(&mut digits));
        }
        Ok(())
    }

    /// Removes all items of a list but those at these indexes, of which negative ones count from
    /// the end. A list without items is gone. O(log length); the memory of what went comes back
    /// with the following [`CacheEngine::tick`]s.
    ///
    /// # Errors
    /// [`WrongType`] if the key holds no list.
    pub fn list_trim(
        &mut self,
        key: &[u8],
        indexes: impl RangeBounds<i64>,
    ) -> Result<(), WrongType> {
        self.change::<List, _, _>(key, |list| {
            let len = list.len();
            let ranks = ranks_of(&indexes, len);
            let is_changed = ranks != (0..len);
            if is_changed {
                list.keep(ranks);
            }
            Ok(Changed::when(is_changed, Event::ListTrim, ()))
        })?;
        Ok(())
    }
}
