//! Those who listen to one name.
//!
//! ```text
//!  links      [ a, b, c, d ]       in an Arc: a letter on its way points to the same list
//!  positions  { a: 0, b: 1 … }     only if they are many
//! ```
//!
//! Invariant: no link is there twice.
//!
//! Cost: adding and removing are O(1), and O(subscribers) if a letter is on its way to them, once
//! a letter.
//!
//! Not here: how messages reach them (`mailbox.rs`).

use crate::base::link::Link;
use std::collections::HashMap;
use std::sync::Arc;

/// Lists up to this length are searched from end to end.
const SEARCHED_MAX: usize = 32;

/// See the module header.
#[derive(Clone, Debug, Default)]
pub struct Subscribers {
    links: Arc<Vec<Link>>,
    positions: Option<HashMap<Link, usize>>,
}

impl Subscribers {
    /// How many there are.
    #[inline]
    #[allow(clippy::len_without_is_empty)] // Nobody keeps an empty list.
    pub fn len(&self) -> usize {
        self.links.len()
    }

    /// The list as it is now.
    pub(super) fn snapshot(&self) -> Arc<Vec<Link>> {
        Arc::clone(&self.links)
    }

    /// Whether a link is among them.
    pub(super) fn has(&self, link: Link) -> bool {
        self.position(link).is_some()
    }

    fn position(&self, link: Link) -> Option<usize> {
        match &self.positions {
            Some(positions) => positions.get(&link).copied(),
            None => self.links.iter().position(|other| *other == link),
        }
    }

    /// Adds one who is not there yet.
    pub fn add(&mut self, link: Link) {
        debug_assert!(!self.has(link));
        let links = Arc::make_mut(&mut self.links);
        links.push(link);
        if let Some(positions) = &mut self.positions {
            positions.insert(link, links.len() - 1);
        } else if links.len() > SEARCHED_MAX {
            let pairs = links.iter().enumerate();
            let positions = pairs.map(|(position, link)| (*link, position)).collect();
            self.positions = Some(positions);
        }
    }

    /// Removes one, if it is there.
    pub fn remove(&mut self, link: Link) {
        let Some(position) = self.position(link) else {
            return;
        };
        let links = Arc::make_mut(&mut self.links);
        links.swap_remove(position);
        if let Some(positions) = &mut self.positions {
            positions.remove(&link);
            if let Some(moved) = links.get(position) {
                positions.insert(*moved, position);
            }
        }
        if links.len() <= SEARCHED_MAX / 2 {
            self.positions = None;
        }
    }
}
