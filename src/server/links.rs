//! The links: one for each socket, whoever is at its other end.
//!
//! ```text
//!  token ─▶ LinkId ─▶ Link { talker, readiness, queue }        by slot; the generation must agree
//!  ConnectionId, PageId ─▶ slot of its link            for what the node asks of a client or page
//! ```
//!
//! A token names slot and generation, so a late event never reaches a link that took over the slot.
//!
//! Cost: O(1) each; 40 bytes a link.
//!
//! Not here: the sockets themselves (`sockets.rs`), and when a link is served (`scheduler/`).

use crate::node::{ConnectionId, PageId};
use slab::Slab;

/// Names a link: its slot, and how many links there were before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkId {
    /// Index of the slot.
    pub slot: u32,
    /// Number of the link, which no other link of the slot has.
    pub generation: u32,
}

/// Generations stay below this one, whose tokens are listeners and the like.
pub(super) const GENERATION_MAX: u32 = u32::MAX;

const RESERVED_BASE: usize = (GENERATION_MAX as usize) << 32;
/// Token of the waker that stops the loop.
pub(super) const STOP_TOKEN: usize = RESERVED_BASE;
/// Token of the signals.
pub(super) const SIGNAL_TOKEN: usize = RESERVED_BASE + 1;
/// Token of the first listener; those of the others follow.
pub(super) const LISTENER_BASE: usize = RESERVED_BASE + 2;

impl LinkId {
    /// The link as the token of a poll.
    pub fn to_token(self) -> usize {
        (self.generation as usize) << 32 | self.slot as usize
    }

    /// The link that a token names.
    pub fn from_token(token: usize) -> Self {
        Self {
            slot: token as u32,
            generation: (token >> 32) as u32,
        }
    }
}

const _: () = assert!(usize::BITS == 64, "a token holds a slot and a generation");

/// Who is at the other end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Talker {
    /// A client that speaks the protocol.
    Client(ConnectionId),
    /// Somebody who looks at a page over HTTP.
    Page(PageId),
    /// The server whose keys are taken over, of which there is one.
    Primary,
}

/// How much a link sends at once, by what it sent the last time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// It has sent nothing yet, so it may turn out to be either.
    New,
    /// One request, whose reply it waits for.
    Light,
    /// A pipeline, or a large value.
    Heavy,
}

/// What is known of a link's socket, and where the link waits.
#[derive(Debug)]
pub(super) struct Link {
    generation: u32,
    pub(super) talker: Talker,
    /// There may be bytes to read.
    pub(super) is_readable: bool,
    /// The other side has ended, or the socket failed.
    pub(super) is_read_closed: bool,
    /// It stands in one of the scheduler's queues.
    pub(super) is_queued: bool,
    pub(super) pace: Pace,
}

/// All links.
#[derive(Debug, Default)]
pub(super) struct Links {
    links: Slab<Link>,
    next_generation: u32,
    /// The link of each connection, by the connection's slot. Stale where there is none.
    of_clients: Vec<LinkId>,
    /// The same for pages.
    of_pages: Vec<LinkId>,
}

impl Links {
    pub(super) fn with_capacity(count: usize) -> Self {
        Self {
            links: Slab::with_capacity(count),
            next_generation: 0,
            of_clients: Vec::with_capacity(count),
            of_pages: Vec::new(),
        }
    }

    /// Makes room for `count` links in all, so that nothing grows while clients come.
    pub(super) fn reserve(&mut self, count: usize) {
        self.links.reserve(count.saturating_sub(self.links.len()));
        let unnumbered = count.saturating_sub(self.of_clients.len());
        self.of_clients.reserve(unnumbered);
    }

    /// Begins a link.
    pub(super) fn insert(&mut self, talker: Talker) -> LinkId {
        let generation = self.next_generation;
        self.next_generation = (generation + 1) % GENERATION_MAX;
        let slot = self.links.insert(Link {
            generation,
            talker,
            is_readable: false,
            is_read_closed: false,
            is_queued: false,
            pace: Pace::New,
        });
        let id = LinkId {
            slot: slot as u32,
            generation,
        };
        let (index, numbered) = match talker {
            Talker::Client(client) => (client.slot as usize, &mut self.of_clients),
            Talker::Page(page) => (page.slot as usize, &mut self.of_pages),
            Talker::Primary => return id,
        };
        if numbered.len() <= index {
            numbered.resize(index + 1, id);
        }
        numbered[index] = id;
        id
    }

    /// The link of an id, unless it has ended.
    #[inline]
    pub(super) fn get_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        let link = self.links.get_mut(id.slot as usize)?;
        (link.generation == id.generation).then_some(link)
    }

    /// The link of a client, unless it has ended.
    #[inline]
    pub(super) fn of_client(&mut self, client: ConnectionId) -> Option<(LinkId, &mut Link)> {
        let id = *self.of_clients.get(client.slot as usize)?;
        let link = self.get_mut(id)?;
        (link.talker == Talker::Client(client)).then_some((id, link))
    }

    /// The link of a page, unless it has ended.
    pub(super) fn of_page(&mut self, page: PageId) -> Option<(LinkId, &mut Link)> {
        let id = *self.of_pages.get(page.slot as usize)?;
        let link = self.get_mut(id)?;
        (link.talker == Talker::Page(page)).then_some((id, link))
    }

    /// Ends a link; its slot may be taken by another.
    pub(super) fn remove(&mut self, id: LinkId) -> Option<Talker> {
        self.get_mut(id)?;
        Some(self.links.remove(id.slot as usize).talker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(slot: u32, generation: u32) -> Talker {
        Talker::Client(ConnectionId { slot, generation })
    }

    #[test]
    fn a_late_event_reaches_nobody_else() {
        let mut links = Links::default();
        let first = links.insert(client(0, 0));
        assert_eq!(LinkId::from_token(first.to_token()), first);
        assert_eq!(links.remove(first), Some(client(0, 0)));
        let second = links.insert(client(0, 1));
        assert_eq!(second.slot, first.slot);
        assert!(links.get_mut(first).is_none());
        assert_eq!(links.remove(first), None);
        let old = ConnectionId {
            slot: 0,
            generation: 0,
        };
        assert!(links.of_client(old).is_none());
        let new = ConnectionId {
            slot: 0,
            generation: 1,
        };
        assert_eq!(links.of_client(new).map(|(id, _)| id), Some(second));
    }
}
