//! What one client listens to.
//!
//! Cost: a word in a client that listens to nothing; else its names, which it shares with the
//! tables (`channels.rs`, `patterns.rs`), in trees, so that they have an order.
//!
//! Not here: who listens to a name (`subscribers.rs`).

use super::Kind;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a name takes besides its bytes, here and in a table that has no other subscriber to it.
const NAME_BYTES: usize = 160;

#[derive(Debug, Default)]
struct Names {
    channels: BTreeSet<Arc<[u8]>>,
    patterns: BTreeSet<Arc<[u8]>>,
    shard_channels: BTreeSet<Arc<[u8]>>,
    bytes: usize,
}

impl Names {
    fn of(&mut self, kind: Kind) -> &mut BTreeSet<Arc<[u8]>> {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
            Kind::ShardChannel => &mut self.shard_channels,
        }
    }
}

/// The names that one client listens to.
#[derive(Debug, Default)]
pub struct Subscriptions {
    names: Option<Box<Names>>,
}

impl Subscriptions {
    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.names.is_none()
    }

    /// How many names of a kind there are.
    pub fn len(&self, kind: Kind) -> usize {
        self.names.as_ref().map_or(0, |names| match kind {
            Kind::Channel => names.channels.len(),
            Kind::Pattern => names.patterns.len(),
            Kind::ShardChannel => names.shard_channels.len(),
        })
    }

    /// What a confirmation counts: channels and patterns together, channels of shards apart.
    pub fn counted(&self, kind: Kind) -> usize {
        match kind {
            Kind::Channel | Kind::Pattern => self.len(Kind::Channel) + self.len(Kind::Pattern),
            Kind::ShardChannel => self.len(kind),
        }
    }

    /// The first name of a kind.
    pub fn first(&mut self, kind: Kind) -> Option<Arc<[u8]>> {
        let names = self.names.as_mut()?;
        names.of(kind).first().cloned()
    }

    /// All names of a kind.
    pub fn iter(&self, kind: Kind) -> impl Iterator<Item = &[u8]> {
        let names = self.names.as_ref().map(|names| match kind {
            Kind::Channel => &names.channels,
            Kind::Pattern => &names.patterns,
            Kind::ShardChannel => &names.shard_channels,
        });
        names.into_iter().flatten().map(|name| &**name)
    }

    /// Adds a name; false if it is there already.
    pub(super) fn insert(&mut self, kind: Kind, name: Arc<[u8]>) -> bool {
        let names = self.names.get_or_insert_default();
        let bytes = name.len() + NAME_BYTES;
        let is_new = names.of(kind).insert(name);
        if is_new {
            names.bytes += bytes;
        }
        is_new
    }

    /// Removes a name; false if it is not there.
    pub(super) fn remove(&mut self, kind: Kind, name: &[u8]) -> bool {
        let Some(names) = &mut self.names else {
            return false;
        };
        if !names.of(kind).remove(name) {
            return false;
        }
        names.bytes -= name.len() + NAME_BYTES;
        if names.bytes == 0 {
            self.names = None;
        }
        true
    }

    /// Bytes that the names take.
    #[inline]
    pub fn used_bytes(&self) -> usize {
        self.names
            .as_ref()
            .map_or(0, |names| size_of::<Names>() + names.bytes)
    }
}
