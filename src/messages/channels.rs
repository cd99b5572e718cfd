//! Channels by name, and who listens to each.
//!
//! Invariant: a channel is in the table while somebody listens to it.
//!
//! Not here: patterns (`patterns.rs`).

use super::Subscribers;
use crate::base::link::Link;
use std::collections::HashMap;
use std::sync::Arc;

/// The channels of one name space.
#[derive(Debug, Default)]
pub struct Channels {
    names: HashMap<Arc<[u8]>, Subscribers>,
}

impl Channels {
    /// Whether nobody listens to any.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// How many have subscribers.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Who listens to a channel, if somebody does.
    #[inline]
    pub fn get(&self, name: &[u8]) -> Option<&Subscribers> {
        self.names.get(name)
    }

    /// The names in order that `is_wanted` accepts. O(channels).
    pub fn names(&self, is_wanted: impl Fn(&[u8]) -> bool) -> Vec<&[u8]> {
        let names = self.names.keys().map(|name| &**name);
        let mut wanted: Vec<&[u8]> = names.filter(|name| is_wanted(name)).collect();
        wanted.sort_unstable();
        wanted
    }

    /// Adds a subscriber, who is not there yet.
    pub(super) fn add(&mut self, name: Arc<[u8]>, link: Link) {
        self.names.entry(name).or_default().add(link);
    }

    /// Removes a subscriber.
    pub(super) fn remove(&mut self, name: &[u8], link: Link) {
        if let Some(subscribers) = self.names.get_mut(name) {
            subscribers.remove(link);
            if subscribers.len() == 0 {
                self.names.remove(name);
            }
        }
    }
}
