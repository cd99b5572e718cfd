//! The caches behind one trait.
//!
//! | name | keys and values | a read |
//! |---|---|---|
//! | evenkeel | bytes | looks at the value in place, `Cache::get_with` |
//! | evenkeel, copied | the same | `Cache::get`, which copies it |
//! | evenkeel, 4 parts | four caches, chosen by a hash of the key | as evenkeel |
//! | moka, mini-moka, quick_cache | `Box<[u8]>`, `Arc<[u8]>` | counts one more reader of the value |
//! | lru | the same, behind a mutex | the same |
//!
//! Not here: what is done with them.

use evenkeel::Cache;
use std::hash::{BuildHasher as _, RandomState};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

/// Columns, in this order.
pub(crate) const RIVALS: [&str; 7] = [
    "evenkeel",
    "evenkeel, copied",
    "evenkeel, 4 parts",
    "moka",
    "mini-moka",
    "quick_cache",
    "lru, mutex",
];

/// A cache that threads share.
pub(crate) trait Rival: Sync {
    /// Whether the key is there; its value is looked at.
    fn get(&self, key: &[u8]) -> bool;
    /// Sets a key.
    fn insert(&self, key: &[u8], value: &[u8]);
}

/// A rival with room for so many entries; evenkeel's is in bytes, 0 for no limit.
pub(crate) fn rival(name: &str, entries: usize, evenkeel_bytes: u64) -> Box<dyn Rival> {
    let count = u64::try_from(entries).expect("it is no more than memory holds");
    let evenkeel = |bytes| Cache::builder().capacity_bytes(bytes).build();
    match name {
        "evenkeel" => Box::new(Looked(evenkeel(evenkeel_bytes))),
        "evenkeel, copied" => Box::new(Copied(evenkeel(evenkeel_bytes))),
        "evenkeel, 4 parts" => Box::new(Parts {
            parts: std::array::from_fn(|_| evenkeel(evenkeel_bytes / 4)),
            hasher: RandomState::new(),
        }),
        "moka" => Box::new(Moka(moka::sync::Cache::new(count))),
        "mini-moka" => Box::new(MiniMoka(mini_moka::sync::Cache::new(count))),
        "quick_cache" => Box::new(Quick(quick_cache::sync::Cache::new(entries))),
        "lru, mutex" => {
            let entries = NonZeroUsize::new(entries).expect("there is room");
            Box::new(Lru(Mutex::new(lru::LruCache::new(entries))))
        }
        other => unreachable!("no rival {other}"),
    }
}

/// The bytes that so many entries take in evenkeel.
pub(crate) fn evenkeel_bytes(entries: usize, key_bytes: usize, value_bytes: usize) -> u64 {
    let sample = Cache::builder().build();
    let value = vec![b'v'; value_bytes];
    for number in 0..entries {
        sample
            .insert(key(number, key_bytes), &value)
            .expect("there is no limit");
    }
    u64::try_from(sample.used_bytes()).expect("it is no more than memory holds")
}

/// The key of a number: its digits, with zeros before them.
pub(crate) fn key(number: usize, bytes: usize) -> Vec<u8> {
    format!("{number:0bytes$}").into_bytes()
}

struct Looked(Cache);

impl Rival for Looked {
    fn get(&self, key: &[u8]) -> bool {
        self.0.get_with(key, |value| !value.is_empty()) == Some(true)
    }

    fn insert(&self, key: &[u8], value: &[u8]) {
        self.0.insert(key, value).expect("others make room");
    }
}

struct Copied(Cache);

impl Rival for Copied {
    fn get(&self, key: &[u8]) -> bool {
        self.0.get(key).is_some()
    }

    fn insert(&self, key: &[u8], value: &[u8]) {
        self.0.insert(key, value).expect("others make room");
    }
}

/// What a cache of shards would be: whole caches, each with its part of the room.
struct Parts {
    parts: [Cache; 4],
    hasher: RandomState,
}

impl Parts {
    fn part(&self, key: &[u8]) -> &Cache {
        &self.parts[self.hasher.hash_one(key) as usize % self.parts.len()]
    }
}

impl Rival for Parts {
    fn get(&self, key: &[u8]) -> bool {
        self.part(key).get_with(key, |value| !value.is_empty()) == Some(true)
    }

    fn insert(&self, key: &[u8], value: &[u8]) {
        self.part(key).insert(key, value).expect("others make room");
    }
}

struct Moka(moka::sync::Cache<Box<[u8]>, Arc<[u8]>>);

impl Rival for Moka {
    fn get(&self, key: &[u8]) -> bool {
        self.0.get(key).is_some()
    }

    fn insert(&self, key: &[u8], value: &[u8]) {
        self.0.insert(key.into(), value.into());
    }
}

struct MiniMoka(mini_moka::sync::Cache<Box<[u8]>, Arc<[u8]>>);

impl Rival for MiniMoka {
    fn get(&self, key: &[u8]) -> bool {
        self.0.get(&Box::<[u8]>::from(key)).is_some()
    }

    fn insert(&self, key: &[u8], value: &[u8]) {
        self.0.insert(key.into(), value.into());
    }
}

struct Quick(quick_cache::sync::Cache<Box<[u8]>, Arc<[u8]>>);

impl Rival for Quick {
    fn get(&self, key: &[u8]) -> bool {
        self.0.get(key).is_some()
    }

    fn insert(&self, key: &[u8], value: &[u8]) {
        self.0.insert(key.into(), value.into());
    }
}

struct Lru(Mutex<lru::LruCache<Box<[u8]>, Arc<[u8]>>>);

impl Rival for Lru {
    fn get(&self, key: &[u8]) -> bool {
        let mut cache = self.0.lock().expect("nobody panics under it");
        cache.get(key).cloned().is_some()
    }

    fn insert(&self, key: &[u8], value: &[u8]) {
        let (key, value) = (key.into(), value.into());
        let mut cache = self.0.lock().expect("nobody panics under it");
        cache.put(key, value);
    }
}
