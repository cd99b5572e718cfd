//! Telling clients that keys have changed of which they keep copies.
//!
//! ```text
//!  Told ─▶ session of the number ─▶ itself in RESP3        >2 invalidate [key]
//!                                └▶ whom it redirects to: the same in RESP3, else a message
//!                                   __redis__:invalidate [key]
//! ```
//!
//! A client that is told of prefixes gets one message for all keys of a prefix that have changed
//! since the last; others get one a key, as in Redis.
//!
//! Not here: which keys (`keyspace/interest/tracked.rs`), the way of messages (`messages/`).

use crate::base::link::Link;
use crate::keyspace::{Keyspace, Told};
use crate::messages::{Frame, Messages};
use crate::protocol::reply::{Dialect, ReplyWriter};
use crate::session::trackers::TrackingMode;
use crate::session::{SessionKey, Sessions};
use std::collections::BTreeMap;

/// The channel of what is told to clients that speak RESP2.
const CHANNEL: &[u8] = b"__redis__:invalidate";

/// What a message says.
#[derive(Clone, Copy)]
enum News<'n> {
    Keys(&'n [&'n [u8]]),
    /// These keys are tracked no longer, which NOLOOP does not withhold.
    Forgotten(&'n [&'n [u8]]),
    /// All that was read may have changed.
    All,
}

struct Teller<'a> {
    sessions: &'a mut Sessions,
    messages: &'a mut Messages,
    own: Option<SessionKey>,
}

/// Puts what is to be told of keys on its way; `own` is the client that has caused it.
#[cold]
pub(crate) fn tell_invalidations(
    keyspace: &mut Keyspace,
    sessions: &mut Sessions,
    messages: &mut Messages,
    own: Option<SessionKey>,
) {
    let told = keyspace.take_told();
    let mut teller = Teller {
        sessions,
        messages,
        own,
    };
    let mut by_prefix: BTreeMap<(u32, &[u8]), Vec<&[u8]>> = BTreeMap::new();
    for told in &told {
        match told {
            Told::Key(reader, key) => teller.tell(*reader, false, News::Keys(&[key])),
            Told::Forgotten(reader, key) => {
                teller.tell(*reader, false, News::Forgotten(&[key]));
            }
            Told::Prefix(reader, len, key) => {
                by_prefix
                    .entry((*reader, &key[..*len]))
                    .or_default()
                    .push(key);
            }
            Told::All(reader) => teller.tell(*reader, false, News::All),
            Told::Everything => {
                for reader in teller.sessions.trackers.numbers() {
                    let is_broadcast = teller.is_broadcast(reader);
                    teller.tell(reader, is_broadcast, News::All);
                }
            }
        }
    }
    for ((reader, _), mut keys) in by_prefix {
        keys.sort_unstable();
        keys.dedup();
        teller.tell(reader, true, News::Keys(&keys));
    }
}

impl Teller<'_> {
    fn is_broadcast(&self, reader: u32) -> bool {
        let session = self.sessions.trackers.get(reader);
        let tracking = session.and_then(|key| self.sessions.get(key).tracking.as_ref());
        tracking.is_some_and(|tracking| tracking.mode == TrackingMode::Broadcast)
    }

    /// Tells a reader, if it still wants to know.
    fn tell(&mut self, reader: u32, is_broadcast: bool, news: News<'_>) {
        let Some(key) = self.sessions.trackers.get(reader) else {
            return;
        };
        if self.is_broadcast(reader) != is_broadcast {
            return;
        }
        let session = self.sessions.get(key);
        let (link, dialect) = (session.link, session.dialect);
        let Some(tracking) = &session.tracking else {
            return;
        };
        let is_own_change = self.own == Some(key) && matches!(news, News::Keys(_));
        if tracking.is_noloop && is_own_change {
            return;
        }
        let Some(redirect) = tracking.redirect else {
            return self.post(link, dialect, false, news);
        };
        let target = self.sessions.find(redirect.session);
        if let Some(target) = target.filter(|target| target.id == redirect.id) {
            let (link, dialect, listens) = (target.link, target.dialect, target.is_subscriber());
            return self.post(link, dialect, listens, news);
        }
        if let Some(tracking) = &mut self.sessions.get_mut(key).tracking {
            tracking.is_broken = true;
        }
        if dialect == Dialect::Resp3 {
            let frame = Frame::for_one(dialect, 48, |reply| {
                reply.push(2);
                reply.bulk(b"tracking-redir-broken");
                reply.integer(redirect.id as i64);
            });
            self.post_frame(frame, link);
        }
    }

    fn post(&mut self, link: Option<Link>, dialect: Dialect, listens: bool, news: News<'_>) {
        let keys_bytes = match news {
            News::Keys(keys) | News::Forgotten(keys) => keys.iter().map(|key| key.len() + 16).sum(),
            News::All => 8,
        };
        let frame = match dialect {
            Dialect::Resp3 => Frame::for_one(dialect, keys_bytes + 32, |reply| {
                reply.push(2);
                reply.bulk(b"invalidate");
                write_news(reply, news);
            }),
            Dialect::Resp2 | Dialect::Plain if listens => {
                Frame::for_one(dialect, keys_bytes + 64, |reply| {
                    reply.push(3);
                    reply.bulk(b"message");
                    reply.bulk(CHANNEL);
                    write_news(reply, news);
                })
            }
            Dialect::Resp2 | Dialect::Plain => return,
        };
        self.post_frame(frame, link);
    }

    fn post_frame(&mut self, frame: Frame, link: Option<Link>) {
        let own = self.own.and_then(|own| self.sessions.get(own).link);
        if let Some(link) = link {
            self.messages.mailbox.post_to(frame, link, own);
        }
    }
}

fn write_news(reply: &mut ReplyWriter<'_>, news: News<'_>) {
    match news {
        News::Keys(keys) | News::Forgotten(keys) => {
            reply.array(keys.len());
            keys.iter().for_each(|key| reply.bulk(key));
        }
        News::All => reply.null(),
    }
}
