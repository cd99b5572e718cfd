//! Messages that a request causes: put on their way, and behind its reply those for its client.
//!
//! Not here: who listens (`messages/`), when this is called (`engine/`).

use super::Context;
use super::invalidation::tell_invalidations;
use crate::base::event_classes::EventClasses;
use crate::base::link::Link;
use crate::config::Config;
use crate::keyspace::Keyspace;
use crate::messages::Messages;
use std::io::Write;

/// Puts the events of keys that nobody was told of yet on their way, if somebody listens to them;
/// `own` is the client that has caused them.
pub(crate) fn tell_changes(
    keyspace: &mut Keyspace,
    messages: &mut Messages,
    config: &Config,
    own: Option<Link>,
) {
    let classes = config.notify_keyspace_events;
    let mut channel = Vec::new();
    let database_count = keyspace.database_count();
    let announced = keyspace.take_announced();
    // What is in the workshop has no name that anybody knows.
    let events = (announced.iter()).filter(|(database, ..)| *database < database_count);
    let written = "a vector takes everything";
    for (database, event, key) in events {
        let event = event.name().as_bytes();
        if classes.has(EventClasses::BY_KEY) {
            channel.clear();
            write!(channel, "__keyspace@{database}__:").expect(written);
            channel.extend_from_slice(key);
            messages.publish(&channel, event, own);
        }
        if classes.has(EventClasses::BY_EVENT) {
            channel.clear();
            write!(channel, "__keyevent@{database}__:").expect(written);
            channel.extend_from_slice(event);
            messages.publish(&channel, key, own);
        }
    }
}

/// Decides which events of keys are kept: none while nobody listens to any channel.
pub(crate) fn follow_listeners(keyspace: &mut Keyspace, messages: &Messages, config: &Config) {
    keyspace.set_announced(match messages.is_unheard() {
        true => EventClasses::NONE,
        false => config.notify_keyspace_events,
    });
}

impl Context<'_> {
    /// Has the session listen to nothing any more.
    pub(crate) fn leave_all_channels(&mut self) {
        let session = self.sessions.get_mut(self.key);
        if let (Some(link), false) = (session.link, session.subscriptions.is_empty()) {
            self.messages
                .unsubscribe_all(link, &mut session.subscriptions);
            self.follow_listeners();
        }
    }

    /// Puts events of keys so far on their way, before anything that has an order among them.
    #[inline]
    pub(crate) fn tell_changes(&mut self) {
        if self.keyspace.has_told() {
            let own = Some(self.key);
            tell_invalidations(self.keyspace, self.sessions, self.messages, own);
        }
        if self.keyspace.has_announced() {
            let own = self.sessions.get(self.key).link;
            tell_changes(self.keyspace, self.messages, self.config, own);
        }
    }

    /// Ends CLIENT TRACKING for the session.
    pub(crate) fn end_tracking(&mut self) {
        let session = self.sessions.get_mut(self.key);
        if let Some(tracking) = session.tracking.take() {
            self.sessions.trackers.end(tracking.number);
            (self.keyspace).end_reader(&tracking.prefixes, tracking.number);
        }
    }

    /// Takes note that other channels have listeners.
    pub(crate) fn follow_listeners(&mut self) {
        follow_listeners(self.keyspace, self.messages, self.config);
    }

    /// Puts what the request has caused for its own client behind the reply.
    #[inline]
    pub(crate) fn post_own(&mut self) {
        if self.messages.mailbox.has_own() {
            self.write_own();
        }
    }

    #[cold]
    fn write_own(&mut self) {
        let dialect = self.reply.dialect();
        for frame in self.messages.mailbox.take_own() {
            self.reply.raw(&frame.in_dialect(dialect));
        }
    }
}
