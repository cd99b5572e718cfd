//! Rank 2: who listens to which messages, and messages on their way.
//!
//! ```text
//!  SUBSCRIBE ─▶ channels.rs, patterns.rs     name ─▶ subscribers.rs: links
//!               subscriptions.rs             of one client: its names
//!  PUBLISH ─┐
//!  events  ─┼─▶ Messages::publish ─▶ frame.rs ─▶ mailbox.rs ─▶ node/delivery.rs: outputs
//!  MONITOR ─┘                        encoded once   letters, the first first
//! ```
//!
//! Invariants: a link stands among the subscribers of a name once, as long as its client's
//! [`Subscriptions`] have that name; a letter goes to those who listened when it was posted; all
//! letters are delivered in the order in which they were posted, so that each client gets its own
//! in that order, too. What a client causes for itself comes right behind the reply to the request
//! that caused it.
//!
//! Cost: a message is encoded once for each name it is found by, and once more for each other
//! dialect among its listeners; messages that follow each other to the same listeners are delivered
//! together; a letter points to the list of its recipients, which is copied
//! only if it changes meanwhile. Tables of names grow by rehashing all of them.
//!
//! Not here: outputs of connections (`node/delivery.rs`), commands (`command/messages.rs`).

mod channels;
mod frame;
mod mailbox;
mod patterns;
mod subscribers;
mod subscriptions;

pub use channels::Channels;
pub use frame::Frame;
pub use mailbox::{Letter, Mailbox};
pub use patterns::Patterns;
pub use subscribers::Subscribers;
pub use subscriptions::Subscriptions;

use crate::base::link::Link;
use std::sync::Arc;

/// A kind of name that a client can listen to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A channel.
    Channel,
    /// A pattern of channels.
    Pattern,
    /// A channel of a shard: a name space of its own.
    ShardChannel,
}

/// Who listens to what, and what is on its way to them.
#[derive(Debug, Default)]
pub struct Messages {
    /// Channels with subscribers.
    pub channels: Channels,
    /// Channels of shards with subscribers.
    pub shard_channels: Channels,
    /// Patterns with subscribers.
    pub patterns: Patterns,
    /// Letters on their way.
    pub mailbox: Mailbox,
    /// How many clients listen to something.
    pub client_count: usize,
}

impl Messages {
    /// Whether nobody listens to a channel, by its name or a pattern; shards do not count.
    #[inline]
    pub fn is_unheard(&self) -> bool {
        self.channels.is_empty() && self.patterns.is_empty()
    }

    /// Has a client listen to a name; false if it does already.
    pub fn subscribe(
        &mut self,
        kind: Kind,
        name: &[u8],
        link: Link,
        own: &mut Subscriptions,
    ) -> bool {
        let was_empty = own.is_empty();
        let name: Arc<[u8]> = name.into();
        if !own.insert(kind, Arc::clone(&name)) {
            return false;
        }
        match kind {
            Kind::Channel => self.channels.add(name, link),
            Kind::Pattern => self.patterns.add(name, link),
            Kind::ShardChannel => self.shard_channels.add(name, link),
        }
        self.client_count += usize::from(was_empty);
        true
    }

    /// Has a client listen to a name no more; false if it did not.
    pub fn unsubscribe(
        &mut self,
        kind: Kind,
        name: &[u8],
        link: Link,
        own: &mut Subscriptions,
    ) -> bool {
        if !own.remove(kind, name) {
            return false;
        }
        match kind {
            Kind::Channel => self.channels.remove(name, link),
            Kind::Pattern => self.patterns.remove(name, link),
            Kind::ShardChannel => self.shard_channels.remove(name, link),
        }
        self.client_count -= usize::from(own.is_empty());
        true
    }

    /// Has a client listen to nothing more. O(its names).
    pub fn unsubscribe_all(&mut self, link: Link, own: &mut Subscriptions) {
        for kind in [Kind::Channel, Kind::Pattern, Kind::ShardChannel] {
            while let Some(name) = own.first(kind) {
                self.unsubscribe(kind, &name, link, own);
            }
        }
    }

    /// Posts a message to all who listen to a channel, by its name or a pattern; returns how many
    /// they are. `own` is the client that causes it.
    pub fn publish(&mut self, channel: &[u8], payload: &[u8], own: Option<Link>) -> usize {
        let mut count = 0;
        if let Some(subscribers) = self.channels.get(channel) {
            count += subscribers.len();
            let frame = Frame::message(&[b"message", channel, payload]);
            self.mailbox.post(frame, subscribers, own);
        }
        for (pattern, subscribers) in self.patterns.of_channel(channel) {
            count += subscribers.len();
            let frame = Frame::message(&[b"pmessage", pattern, channel, payload]);
            self.mailbox.post(frame, subscribers, own);
        }
        count
    }

    /// As [`Messages::publish`], for a channel of a shard.
    pub fn publish_in_shard(&mut self, channel: &[u8], payload: &[u8], own: Option<Link>) -> usize {
        let Some(subscribers) = self.shard_channels.get(channel) else {
            return 0;
        };
        let frame = Frame::message(&[b"smessage", channel, payload]);
        self.mailbox.post(frame, subscribers, own);
        subscribers.len()
    }
}

#[cfg(test)]
mod tests;
