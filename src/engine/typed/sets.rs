//! Typed calls for sets: members, each once.

use super::{WriteError, fits_a_text};
use crate::engine::CacheEngine;
use crate::keyspace::{Changed, Event};
use crate::structures::item::Code;
use crate::value::kind::WrongType;
use crate::value::set::Set;

impl CacheEngine {
    /// Adds members to a set, and returns how many of them are new. A missing set is made. Makes
    /// room as [`CacheEngine::set`] does. O(members given), O(log members) each in a large set.
    ///
    /// ```
    /// # use evenkeel::{CacheEngine, Config};
    /// let mut cache = CacheEngine::new(Config::default());
    /// assert_eq!(cache.set_add(b"online", &["ada", "grace", "ada"]), Ok(2));
    /// assert_eq!(cache.set_contains(b"online", b"grace"), Ok(true));
    /// ```
    ///
    /// # Errors
    /// [`WriteError::OutOfMemory`], [`WriteError::TooLong`] and [`WriteError::WrongType`]; the set
    /// then is as it was, or evicted.
    pub fn set_add(&mut self, key: &[u8], members: &[impl AsRef<[u8]>]) -> Result<u64, WriteError> {
        let texts = members.iter().map(AsRef::as_ref);
        self.admit(key, texts.clone())?;
        self.change_or_make::<Set, _>(key, |set| {
            if let Some(first) = texts.clone().next() {
                set.expect(|| Code::of_text(first).item(), members.len() as u64);
            }
            if members.len() > 1 {
                set.reserve(members.len(), texts.clone().map(<[u8]>::len).sum());
            }
            let new_count = texts.map(|member| u64::from(set.add(member))).sum();
            Ok(Changed::when(new_count > 0, Event::SetAdd, new_count))
        })
    }

    /// Removes members from a set, and returns how many of them there were. A set without members
    /// is gone. O(members given), O(log members) each in a large set.
    ///
    /// # Errors
    /// [`WrongType`] if the key holds no set.
    pub fn set_remove(
        &mut self,
        key: &[u8],
        members: &[impl AsRef<[u8]>],
    ) -> Result<u64, WrongType> {
        let removed_count = self.change::<Set, _, _>(key, |set| {
            let members = members.iter().map(AsRef::as_ref);
            let members = members.filter(|&member| fits_a_text(member));
            let removed_count = members.map(|member| u64::from(set.remove(member))).sum();
            let is_changed = removed_count > 0;
            Ok(Changed::when(is_changed, Event::SetRemove, removed_count))
        })?;
        Ok(removed_count.unwrap_or(0))
    }

    /// Whether a set has a member; false if there is no such key. O(log members).
    ///
    /// # Errors
    /// [`WrongType`] if the key holds no set.
    pub fn set_contains(&mut self, key: &[u8], member: &[u8]) -> Result<bool, WrongType> {
        let set = self.read::<Set>(key)?;
        Ok(fits_a_text(member) && set.is_some_and(|set| set.contains(member)))
    }

    /// How many members a set has; 0 if there is no such key.
    ///
    /// # Errors
    /// [`WrongType`] if the key holds no set.
    pub fn set_len(&mut self, key: &[u8]) -> Result<u64, WrongType> {
        Ok(self.read::<Set>(key)?.map_or(0, |set| set.len()))
    }

    /// Lends each member of a set to `look`, in no order. O(members).
    ///
    /// # Errors
    /// [`WrongType`] if the key holds no set; then `look` has not been called.
    pub fn set_for_each(
        &mut self,
        key: &[u8],
        mut look: impl FnMut(&[u8]),
    ) -> Result<(), WrongType> {
        let Some(set) = self.read::<Set>(key)? else {
            return Ok(());
        };
        let mut digits = itoa::Buffer::new();
        for member in set.iter() {
            look(member.text(&mut digits));
        }
        Ok(())
    }

    /// Takes a random member from a set, each with the same chance; `None` if there is no such key.
    /// A set without members is gone. O(log members).
    ///
    /// # Errors
    /// [`WrongType`] if the key holds no set.
    pub fn set_pop(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, WrongType> {
        let mut random = self.keyspace.fork_random();
        self.change::<Set, _, _>(key, |set| {
            let rank = random.u64(..set.read().len());
            let mut popped = Vec::new();
            set.take(rank, |member| {
                popped.extend_from_slice(member.text(&mut itoa::Buffer::new()));
            });
            Ok(Changed::when(true, Event::SetPop, popped))
        })
    }
}
