//! Values in the making: keys that a long command has claimed, and where it builds what it will put
//! in their places.
//!
//! ```text
//!  claim(key) ─▶ build under a number in the workshop, in steps ─▶ put in place, O(1) ─▶ unclaim
//!                     └─ given up: what was built goes to the graveyard ─────────────────▲
//! ```
//!
//! The workshop is one database more than clients know. What stands there has no deadlines, is
//! never evicted, and belongs to no snapshot.
//!
//! Invariants:
//! 1. Who claims a key gives the claim back, once. A key is claimed once at a time: the requests of
//!    others that name it wait (`engine/gates.rs`).
//! 2. A value in the workshop is put in place or scrapped.
//!
//! Cost: while nothing is claimed, one comparison for a request.
//!
//! Not here: what is built (`command/long_work`).

use super::entry::{EntryId, EntryRef};
use super::event::Event;
use super::memory::Memory;
use super::mutation::{Changed, EntryHome, Missing, without_integers};
use super::{FrozenId, Key, Keyspace};
use crate::structures::block::Run;
use crate::value::collection::{Body, CollectionType, Elements};
use crate::value::encoding::Encoding;
use crate::value::kind::{Kind, WrongType};
use std::collections::HashSet;

/// Names a value in the workshop: the key that it stands under there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkId([u8; 8]);

/// Keys that long commands have claimed.
#[derive(Debug, Default)]
pub(super) struct Workshop {
    claims: HashSet<(usize, Box<[u8]>)>,
    has_ended_claims: bool,
    next_work: u64,
    /// Long commands that change a value bit by bit where it is.
    changes_in_place: usize,
}

impl Keyspace {
    /// Claims a key for a long command.
    ///
    /// # Panics
    /// If it is claimed.
    pub fn claim(&mut self, database: usize, key: &[u8]) {
        let is_new = self.workshop.claims.insert((database, key.into()));
        assert!(is_new, "a key is claimed once at a time");
    }

    /// Gives a claim back.
    ///
    /// # Panics
    /// If there is none.
    pub fn unclaim(&mut self, database: usize, key: &[u8]) {
        let was_there = self.workshop.claims.remove(&(database, key.into()));
        assert!(was_there, "only a claim is given back");
        self.note_ended_claims();
    }

    /// Notes that requests may go on which waited for keys.
    pub(super) fn note_ended_claims(&mut self) {
        self.workshop.has_ended_claims = true;
    }

    /// Whether requests that name some key have to wait: it is claimed, or clients who waited for
    /// it are still to be served.
    #[inline]
    pub fn has_claims(&self) -> bool {
        self.is_at_work() || self.has_unserved_keys()
    }

    /// Whether some key is claimed.
    pub fn is_at_work(&self) -> bool {
        !self.workshop.claims.is_empty()
    }

    /// Whether a request that names this key has to wait, in whatever database it is: COPY and MOVE
    /// name one of another. O(claims and ready keys).
    pub fn is_claimed(&self, key: &[u8]) -> bool {
        self.is_at_work_on(key) || self.interests.ready().is_ready(key)
    }

    /// Whether a key is claimed, in whatever database. O(claims).
    pub fn is_at_work_on(&self, key: &[u8]) -> bool {
        let mut claims = self.workshop.claims.iter();
        claims.any(|(_, claimed)| **claimed == *key)
    }

    /// Whether claims have ended since somebody was told so ([`Keyspace::take_ended_claims`]).
    pub fn has_ended_claims(&self) -> bool {
        self.workshop.has_ended_claims
    }

    /// As [`Keyspace::has_ended_claims`], and forgets it.
    pub fn take_ended_claims(&mut self) -> bool {
        std::mem::take(&mut self.workshop.has_ended_claims)
    }

    /// Begins a change of a claimed key's value that takes several steps where it is: no snapshot
    /// may begin before [`Keyspace::end_change_in_place`].
    pub fn begin_change_in_place(&mut self) {
        self.workshop.changes_in_place += 1;
    }

    /// Ends one.
    pub fn end_change_in_place(&mut self) {
        self.workshop.changes_in_place -= 1;
    }

    /// Whether a value is neither what it was nor what it is to be.
    pub fn is_changing_in_place(&self) -> bool {
        self.workshop.changes_in_place > 0
    }

    /// The number of the database that is the workshop.
    fn workshop_number(&self) -> usize {
        self.databases.len() - 1
    }

    /// Begins to build a value.
    pub fn begin_work(&mut self) -> WorkId {
        self.workshop.next_work += 1;
        WorkId(self.workshop.next_work.to_be_bytes())
    }

    /// Lends a collection in the making, which is empty at first.
    ///
    /// # Panics
    /// If another type was built under this name.
    pub fn build<T: CollectionType, R>(
        &mut self,
        work: WorkId,
        now_ms: u64,
        change: impl FnOnce(&mut T::Mut<EntryHome<'_>>) -> R,
    ) -> R {
        let key = self.key(&work.0);
        let workshop = self.workshop_number();
        let mut mutation = self.mutate(workshop, now_ms);
        let built = mutation.change::<T, R, WrongType>(key, Missing::Create, |collection| {
            Ok(Changed::when(true, Event::Restore, change(collection)))
        });
        let built = built.expect("one type is built under one name");
        built.expect("what is missing is made")
    }

    /// Adds elements to a collection of a kind in the making, which is large from the first one on;
    /// those whose key is there already are passed over. Not for those that have an order by score.
    pub fn add_to_work(&mut self, work: WorkId, kind: Kind, run: &Run<'_>) {
        let key = self.key(&work.0);
        let workshop = self.workshop_number();
        self.mutate(workshop, 0).add_run(key, kind, run);
    }

    /// Says what the encoding of a large collection in the making is called.
    pub fn name_encoding(&mut self, work: WorkId, encoding: Encoding) {
        let key = self.key(&work.0);
        let entry = self.find(self.workshop_number(), key, 0);
        if let Some(number) = entry.and_then(EntryRef::large) {
            let encoding = without_integers(encoding);
            let (collections, _) = self.entries.collections_mut();
            collections.get_mut(number).set_encoding(encoding);
        }
    }

    /// Begins a copy of a frozen collection of this kind.
    pub fn begin_copy(&mut self, frozen: FrozenId, kind: Kind) -> WorkId {
        let work = self.begin_work();
        let key = self.key(&work.0);
        let workshop = self.workshop_number();
        self.mutate(workshop, 0).begin_copy(key, frozen, kind);
        work
    }

    /// Copies about `bytes_max` more; true if all of it is there.
    pub fn copy_some(&mut self, frozen: FrozenId, work: WorkId, bytes_max: usize) -> bool {
        let key = self.key(&work.0);
        let entry = self.find(self.workshop_number(), key, 0);
        let copy = entry.and_then(EntryRef::large).expect("a copy was begun");
        let (collections, memory) = self.entries.collections_mut();
        collections.copy_some(frozen, copy, bytes_max, memory)
    }

    /// Puts what was built in the place of whatever a key holds, with this deadline or none; if
    /// nothing was, the key is deleted. Returns whether something was built. O(1) for what is
    /// large.
    pub fn put_in_place(
        &mut self,
        work: WorkId,
        database: usize,
        key: Key<'_>,
        deadline_ms: Option<u64>,
        event: Event,
        now_ms: u64,
    ) -> bool {
        let source = self.key(&work.0);
        let workshop = self.workshop_number();
        let mut mutation = self.mutate(workshop, now_ms);
        if mutation.hand_over(source, database, key, deadline_ms, event) {
            return true;
        }
        self.mutate(database, now_ms).remove(key);
        false
    }

    /// Makes what is in the making seen by the present cut. O(values in the making).
    pub(super) fn mark_workshop_seen(&mut self) {
        let Self {
            databases, entries, ..
        } = self;
        let table = &databases[databases.len() - 1].table;
        let mut cursor = 0;
        loop {
            cursor = table.scan(cursor, |payload| {
                entries.set_seen(EntryId::from_payload(payload));
            });
            if cursor == 0 {
                break;
            }
        }
    }

    /// The elements of what was built, in the order readers see; `None` if nothing was.
    ///
    /// # Panics
    /// If it is kept as integers.
    pub fn built_elements(&self, work: WorkId) -> Option<Elements<'_, Memory>> {
        self.built_body(work).map(|body| body.ordered_elements())
    }

    /// What was built, as it is kept; `None` if nothing was.
    pub fn built_body(&self, work: WorkId) -> Option<Body<'_, Memory>> {
        let entry = self.find(self.workshop_number(), self.key(&work.0), 0)?;
        Some(self.body(entry, 0).expect("only collections are built"))
    }

    /// Gives up what was built.
    pub fn scrap(&mut self, work: WorkId, now_ms: u64) {
        let key = self.key(&work.0);
        let workshop = self.workshop_number();
        self.mutate(workshop, now_ms).remove(key);
    }
}
