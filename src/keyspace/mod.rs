//! Rank 3: the databases and everything that happens to their keys.
//!
//! ```text
//!  Keyspace ── databases[0…15] ── table  (structures/hash_table) ─┐ 48-bit ids
//!      │                      ├── expiry (structures/expiry_heap)─┤
//!      │                      └── field_expiry ─▶ collections.rs, of hashes with due fields
//!      ├── entries (entry.rs, slabs.rs, spans.rs): a piece of memory per key ◀─┘
//!      ├── graveyard.rs: what FLUSHALL dropped, freed in slices
//!      ├── room.rs: the limit of memory; eviction.rs: which keys go; hand.rs: the way over all keys
//!      ├── insight/: which keys are used most, which are largest
//!      └── interest/: who wants to know of changes of a key, event.rs: what can happen to it
//!  reads: `Keyspace::find`       changes: `Keyspace::mutate` → `mutation/`, and only there
//! ```
//!
//! Invariants (`check_invariants`): every entry is in exactly one table (or in the graveyard);
//! heaps, entries and collections agree on positions; `used_bytes` is the sum of what exists.
//!
//! A key whose deadline has come is absent for every reader from that millisecond on; its memory
//! is given back by `expiry.rs` within a slice of that moment.
//!
//! Not here: replies, sessions, clocks.

mod ahead;
mod ahead_of_ends;
mod arrivals;
mod blocks;
mod body;
mod collections;
mod cut;
mod database;
pub(crate) mod entry;
mod event;
mod eviction;
mod expiry;
mod export;
mod frozen;
mod graveyard;
mod hand;
mod insight;
mod interest;
mod key;
mod memory;
mod mutation;
mod relocation;
mod room;
mod slabs;
mod spans;
mod tracking;
mod waiting;
mod watching;
mod workshop;

pub(crate) use ahead::NamedElement;
pub use collections::FrozenId;
pub use cut::{CutCount, CutPiece};
pub use entry::EntryRef;
pub use event::Event;
pub use eviction::{EvictionReport, EvictionRule};
pub use expiry::{ExpiryReport, RemovalReport};
pub use export::ExportId;
pub use insight::{BigKey, Curve, Fate, HotKey, Remembered};
pub use interest::{
    Announced, Departed, RemovalReason, Told, WaitId, WaitedKeyCount, Waiter, Watch,
};
pub use key::Key;
pub(crate) use key::Lookup;
pub use memory::Memory;
pub use mutation::{
    Changed, CountError, DeadlineChange, EntryHome, Missing, Mutation, RestoreCount,
};
pub use room::Room;
pub use tracking::NO_READER;
pub use workshop::WorkId;

use crate::base::event_classes::EventClasses;
use crate::base::hash::KeyHasher;
use crate::structures::hash_table::{BucketHint, Candidate, HashTable};
use crate::value::encoding::EncodingLimits;
use arrayvec::ArrayVec;
use arrivals::Arrivals;
use cut::Cut;
use database::Database;
use entry::{EntryId, EntryStore};
use eviction::Eviction;
use expiry::ExpiryRecord;
use export::Exports;
use graveyard::Graveyard;
use insight::Insight;
use interest::Interests;
use room::Limit;
use std::ops::ControlFlow;
use workshop::Workshop;

/// How many keys a database holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatabaseSize {
    /// All keys, due ones that are not yet removed included.
    pub keys: usize,
    /// Those with a deadline.
    pub expires: usize,
    /// Hashes of which a field has a deadline.
    pub field_expires: usize,
}

/// All databases.
pub struct Keyspace {
    /// Those that clients know, and the workshop.
    databases: Vec<Database>,
    /// No database from this number on has ever had a deadline, so nobody need look there.
    deadlines_reach: usize,
    workshop: Workshop,
    entries: EntryStore,
    hasher: KeyHasher,
    random: fastrand::Rng,
    graveyard: Graveyard,
    interests: Interests,
    expired: ExpiryRecord,
    dirty_count: u64,
    cut: Cut,
    arrivals: Arrivals,
    exports: Exports,
    limit: Limit,
    eviction: Eviction,
    insight: Insight,
    encoding_limits: EncodingLimits,
    /// Due keys are left where they are (DEBUG SET-ACTIVE-EXPIRE).
    is_expiry_passive: bool,
    /// They are left there even then: a primary says when they go.
    keeps_due: bool,
}

/// Keys that [`Keyspace::prefetch`] takes at once: twice the misses a core has in flight; more
/// would push the first lines out of the cache before they are used.
pub(crate) const PREFETCH_GROUP_MAX: usize = 32;

/// How far behind its home bucket a key is looked for ahead: hardly any stands further away.
const BEHIND_HOME_MAX: usize = 2;

/// What one key takes of the table: a slot with its tag, and the empty ones that come with it.
const SLOT_BYTES: usize = 12;

/// How often [`Keyspace::random_key`] draws a slot before it gives up.
const RANDOM_DRAWS_MAX: usize = 128;

impl Keyspace {
    /// `database_count` empty databases. `seed` fixes the hash of keys and every random choice.
    pub fn new(database_count: usize, seed: u64) -> Self {
        let hasher = KeyHasher::new(seed);
        // What RANDOMKEY draws may tell the generator's seed, which must not tell that of the hash.
        let random = fastrand::Rng::with_seed(hasher.hash(b"random choices"));
        Self {
            databases: (0..=database_count).map(|_| Database::default()).collect(),
            deadlines_reach: 0,
            workshop: Workshop::default(),
            entries: EntryStore::new(hasher.clone()),
            random,
            graveyard: Graveyard::default(),
            interests: Interests::new(hasher.clone()),
            hasher,
            expired: ExpiryRecord::default(),
            dirty_count: 0,
            cut: Cut::default(),
            arrivals: Arrivals::default(),
            exports: Exports::default(),
            limit: Limit::default(),
            encoding_limits: EncodingLimits::default(),
            eviction: Eviction::default(),
            insight: Insight::default(),
            is_expiry_passive: false,
            keeps_due: false,
        }
    }

    /// How many databases there are.
    pub fn database_count(&self) -> usize {
        self.databases.len() - 1
    }

    /// Hashes a key. O(length).
    #[inline]
    pub fn key<'a>(&self, bytes: &'a [u8]) -> Key<'a> {
        self.key_with_lookup(bytes, Lookup::new(self.hasher.hash(bytes)))
    }

    /// A key whose lookup was begun before, from what [`Keyspace::key`] gave for the same bytes.
    #[inline]
    pub(crate) fn key_with_lookup<'a>(&self, bytes: &'a [u8], lookup: Lookup) -> Key<'a> {
        debug_assert_eq!(lookup.hash, self.hasher.hash(bytes));
        Key { bytes, lookup }
    }

    /// Begins the lookups of at most 32 keys, so that the cache misses of all overlap.
    #[inline]
    pub fn prefetch<'k: 'l, 'l>(
        &self,
        database: usize,
        keys: impl Iterator<Item = &'l mut Key<'k>>,
    ) {
        let mut lookups: ArrayVec<&mut Lookup, PREFETCH_GROUP_MAX> =
            keys.map(|key| &mut key.lookup).collect();
        self.prefetch_buckets(database, lookups.iter().map(|lookup| &**lookup));
        self.prefetch_entries(database, lookups.iter_mut().map(|lookup| &mut **lookup));
    }

    /// The first half of [`Keyspace::prefetch`]: asks for the buckets. The other half should come
    /// when they have arrived.
    ///
    /// Each step is a loop of its own, as short as can be: the processor looks some hundred
    /// instructions ahead, and can't finish a hint before it knows the page, so what stands between
    /// two of them decides how many are under way at once.
    #[inline]
    pub(crate) fn prefetch_buckets<'l>(
        &self,
        database: usize,
        lookups: impl Iterator<Item = &'l Lookup>,
    ) {
        let table = &self.databases[database].table;
        let homes: ArrayVec<BucketHint, PREFETCH_GROUP_MAX> =
            lookups.map(|lookup| table.home(lookup.hash)).collect();
        homes.into_iter().for_each(BucketHint::prefetch);
    }

    /// The second half: notes where the keys are seen in their buckets, and asks for their entries.
    #[inline]
    pub(crate) fn prefetch_entries<'l>(
        &self,
        database: usize,
        lookups: impl Iterator<Item = &'l mut Lookup>,
    ) {
        let table = &self.databases[database].table;
        let mut seen: ArrayVec<EntryId, PREFETCH_GROUP_MAX> = ArrayVec::new();
        let mut behind: ArrayVec<&mut Lookup, PREFETCH_GROUP_MAX> = ArrayVec::new();
        for lookup in lookups {
            match table.candidate(lookup.hash, 0) {
                Candidate::Found(location, payload) => seen.push(lookup.see(location, payload)),
                Candidate::Behind => behind.push(lookup),
                Candidate::Absent => {}
            }
        }
        seen.into_iter().for_each(EntryId::prefetch);
        for distance in 1..=BEHIND_HOME_MAX {
            behind.retain(|lookup| match table.candidate(lookup.hash, distance) {
                Candidate::Found(location, payload) => {
                    lookup.see(location, payload).prefetch();
                    false
                }
                Candidate::Behind => true,
                Candidate::Absent => false,
            });
        }
    }

    /// The entry of a key that exists and is not due.
    #[inline]
    pub fn find(&self, database: usize, key: Key<'_>, now_ms: u64) -> Option<EntryRef<'_>> {
        let database = &self.databases[database];
        let (_, id) = database.locate(&self.entries, key)?;
        let entry = self.entries.get(id);
        (!database.is_due(entry, now_ms)).then_some(entry)
    }

    /// As [`Keyspace::find`], and notes the use for OBJECT IDLETIME and eviction.
    #[inline(always)]
    pub fn find_and_touch(
        &mut self,
        database: usize,
        key: Key<'_>,
        now_ms: u64,
    ) -> Option<EntryRef<'_>> {
        let data = &self.databases[database];
        let Some((_, id)) = data.locate(&self.entries, key) else {
            self.count_read(database, key, None, now_ms);
            self.note_miss(database, key.bytes);
            return None;
        };
        let entry = self.entries.get(id);
        if data.is_due(entry, now_ms) {
            self.count_read(database, key, None, now_ms);
            self.meet_due(database, key, now_ms);
            self.note_miss(database, key.bytes);
            return None;
        }
        self.count_read(database, key, Some(id), now_ms);
        let entry = self.entries.get(id);
        let old_bits = entry.access_bits();
        let access_bits = self.used_again(old_bits, now_ms);
        if access_bits != old_bits {
            self.entries.set_access_bits(id, access_bits);
        }
        Some(self.entries.get(id))
    }

    /// A reader has met a due key: nobody else will remove it while [`Keyspace::expire_some`]
    /// rests.
    #[cold]
    fn meet_due(&mut self, database: usize, key: Key<'_>, now_ms: u64) {
        if self.is_expiry_passive {
            self.remove_if_due(database, key.bytes, now_ms);
        }
    }

    /// The deadline of an entry of `database`, in Unix milliseconds.
    #[inline]
    pub fn deadline_ms(&self, database: usize, entry: EntryRef<'_>) -> Option<u64> {
        self.databases[database].deadline_ms(entry)
    }

    /// Bytes that a key and its value take, with its share of the table and of the heap.
    pub fn key_bytes(&self, entry: EntryRef<'_>) -> usize {
        let heap_bytes = match entry.heap_position() {
            Some(_) => size_of::<crate::structures::expiry_heap::Node>(),
            None => 0,
        };
        entry.allocation_bytes() + SLOT_BYTES + heap_bytes + self.entries.outside_bytes(entry)
    }

    /// Bytes of the table and of the expiry heaps of a database.
    pub fn table_bytes(&self, database: usize) -> (usize, usize) {
        let database = &self.databases[database];
        (database.table.used_bytes(), database.heap_bytes())
    }

    /// Decides whether due keys are removed by [`Keyspace::expire_some`], or only when a command
    /// that reads or changes their value meets them.
    pub fn set_active_expiry(&mut self, is_active: bool) {
        self.is_expiry_passive = !is_active;
    }

    /// Decides whether due keys and fields stay, absent for readers, until a change names them: a
    /// primary tells when they go.
    pub fn keep_due(&mut self, keeps_due: bool) {
        self.keeps_due = keeps_due;
    }

    /// How many keys a database holds.
    pub fn size(&self, database: usize) -> DatabaseSize {
        let database = &self.databases[database];
        DatabaseSize {
            keys: database.table.len(),
            expires: database.expiry.len(),
            field_expires: database.field_expiry.len(),
        }
    }

    /// Mean time to live over a sample of a database's deadlines, in milliseconds.
    pub fn average_ttl_ms(&self, database: usize, now_ms: u64) -> u64 {
        const SAMPLE: usize = 64;
        let expiry = &self.databases[database].expiry;
        let count = expiry.len().min(SAMPLE);
        if count == 0 {
            return 0;
        }
        let stride = expiry.len() / count;
        let sum: u64 = (0..count)
            .map(|sample| {
                expiry
                    .deadline_at((sample * stride) as u32)
                    .saturating_sub(now_ms)
            })
            .fold(0, u64::saturating_add);
        sum / count as u64
    }

    /// Visits the keys of one bucket's share of the hash space that are not due, from `cursor` on
    /// (0 at first), and returns the cursor to go on with, 0 at the end. However the database
    /// changes between the calls, a walk visits a key that is there throughout once, and no key
    /// twice. Any number is a valid cursor.
    pub fn scan(
        &self,
        database: usize,
        cursor: u64,
        now_ms: u64,
        mut visit: impl FnMut(EntryRef<'_>),
    ) -> u64 {
        let database = &self.databases[database];
        let first_hash = HashTable::first_hash(cursor);
        // The bucket's entries come from memory together instead of one after the other.
        database
            .table
            .scan(cursor, |payload| EntryId::from_payload(payload).prefetch());
        database.table.scan(cursor, |payload| {
            let entry = self.entries.get(EntryId::from_payload(payload));
            let is_ahead = self.hasher.hash(entry.key()) >= first_hash;
            if is_ahead && !database.is_due(entry, now_ms) {
                visit(entry);
            }
        })
    }

    /// As [`Keyspace::scan`], but in the order of the hash, and `visit` may stop it after any key:
    /// the cursor then is that of the next one. `scratch` is room to sort in, whatever it holds.
    pub fn scan_in_order(
        &self,
        database: usize,
        cursor: u64,
        now_ms: u64,
        scratch: &mut Vec<(u64, u64)>,
        mut visit: impl FnMut(EntryRef<'_>) -> ControlFlow<()>,
    ) -> u64 {
        let data = &self.databases[database];
        let first_position = HashTable::cursor_of(HashTable::first_hash(cursor));
        scratch.clear();
        data.table
            .scan(cursor, |payload| EntryId::from_payload(payload).prefetch());
        let next_cursor = data.table.scan(cursor, |payload| {
            let key = self.entries.get(EntryId::from_payload(payload)).key();
            scratch.push((HashTable::cursor_of(self.hasher.hash(key)), payload));
        });
        scratch.retain(|(position, _)| *position >= first_position);
        scratch.sort_unstable();
        let mut stopped_at = None;
        for &(position, payload) in &*scratch {
            // Keys that share a position are visited together, or a walk would pass some by.
            if stopped_at.is_some_and(|stopped_at| position > stopped_at) {
                return position;
            }
            let entry = self.entries.get(EntryId::from_payload(payload));
            if !data.is_due(entry, now_ms) && visit(entry).is_break() {
                stopped_at = Some(position);
            }
        }
        next_cursor
    }

    /// A random key that is not due, each with about the same chance. Expected O(1).
    ///
    /// # Errors
    /// Some tries found none: nearly all keys are due, or there are none. Then a walk
    /// ([`Keyspace::scan`]) from the cursor that is returned, and from 0, finds one if there is
    /// one.
    pub fn random_key(&mut self, number: usize, now_ms: u64) -> Result<EntryRef<'_>, u64> {
        let database = &self.databases[number];
        for _ in 0..RANDOM_DRAWS_MAX {
            let payload = database
                .table
                .pick(self.random.u64(..), self.random.usize(..));
            if let Some(id) = payload.map(EntryId::from_payload)
                && !database.is_due(self.entries.get(id), now_ms)
            {
                return Ok(self.entries.get(id));
            }
        }
        Err(self.random.u64(..))
    }

    /// A generator of random numbers for one command, which draws from that of the keyspace once.
    pub fn fork_random(&mut self) -> fastrand::Rng {
        self.random.fork()
    }

    /// Begins changes of `database` at `now_ms`.
    #[inline]
    pub fn mutate(&mut self, database: usize, now_ms: u64) -> Mutation<'_> {
        Mutation::new(self, database, now_ms)
    }

    /// How many changes there have been since the start.
    pub fn dirty_count(&self) -> u64 {
        self.dirty_count
    }

    /// Counts a change of what snapshots hold besides keys.
    pub fn note_other_change(&mut self) {
        self.dirty_count += 1;
    }

    /// Decides of which classes key events are kept for those who listen.
    pub fn set_announced(&mut self, classes: EventClasses) {
        self.interests.set_announced(classes);
    }

    /// Whether key events are to be told.
    #[inline]
    pub fn has_announced(&self) -> bool {
        self.interests.has_announced()
    }

    /// Whether, from now on, an event that repeats the one before is announced once: what is done
    /// in portions is one event.
    pub fn join_repeated_events(&mut self, is_joined: bool) {
        self.interests.join_repeated_events(is_joined);
    }

    /// Takes the key events that are to be told.
    pub fn take_announced(&mut self) -> Announced {
        self.interests.take_announced()
    }

    /// Keeps from now on the strings that go, for [`Keyspace::take_departed`].
    pub fn keep_departed(&mut self) {
        self.interests.keep_departed();
    }

    /// Takes the strings that went since the last call. A database that is flushed as a whole is
    /// not among them, nor are collections.
    pub fn take_departed(&mut self) -> Departed {
        self.interests.take_departed()
    }

    /// Notes that a read has found no key.
    #[inline]
    pub fn note_miss(&mut self, database: usize, key: &[u8]) {
        if self.interests.wants_misses() {
            self.interests.announce(database, key, Event::KeyMiss);
        }
    }

    /// Hands a database over to the graveyard.
    fn bury(&mut self, database: Database) {
        self.graveyard.take(database, self.cut.is_active());
    }

    /// Frees a bounded part of what bulk deletions left behind; false when nothing is left.
    pub fn free_some(&mut self) -> bool {
        self.end_abandoned_export();
        self.bury_some();
        self.has_garbage()
    }

    /// Frees a bounded part of what bulk deletions left behind; returns how many keys and bytes.
    fn bury_some(&mut self) -> (usize, usize) {
        self.interests.release_some();
        if self.graveyard.is_empty() {
            let (collections, memory) = self.entries.collections_mut();
            return (0, collections.bury_some(memory));
        }
        self.graveyard.bury_some(&mut self.entries, &mut self.cut)
    }

    /// The limits of encodings in force.
    pub fn encoding_limits(&self) -> &EncodingLimits {
        &self.encoding_limits
    }

    /// Sets by which limits collections are said to be small, for elements that come from now on.
    pub fn set_encoding_limits(&mut self, limits: EncodingLimits) {
        self.encoding_limits = limits;
    }

    /// Keys that were dropped in bulk and are still to be freed.
    pub fn pending_free_keys(&self) -> usize {
        self.graveyard.pending_keys()
    }

    /// Whether [`Keyspace::free_some`] has something to do.
    pub fn has_garbage(&self) -> bool {
        let has_graves = !self.graveyard.is_empty() || self.entries.collections().has_garbage();
        has_graves || self.has_abandoned_export() || self.interests.has_given_back()
    }

    /// Bytes of entries (rounding included), tables, heaps, what waits to be freed, and the table
    /// of keys that clients keep copies of.
    pub fn used_bytes(&self) -> usize {
        self.entries.used_bytes() + self.overhead_bytes()
    }

    /// Bytes held for entries: those in use, and room between them.
    pub fn held_entry_bytes(&self) -> usize {
        self.entries.memory().held_bytes()
    }

    /// Bytes of tables, heaps, dropped tables and what is held for a snapshot beside entries:
    /// [`Keyspace::used_bytes`] without the entries.
    pub fn overhead_bytes(&self) -> usize {
        self.databases
            .iter()
            .map(Database::used_bytes)
            .sum::<usize>()
            + self.graveyard.used_bytes()
            + self.entries.collections().used_bytes()
            + self.eviction.policy.bytes()
            + self.tracked_bytes()
            + self.cut.overhead_bytes()
    }

    /// Frees every entry, those of the databases and those that wait for it. O(keys).
    fn free_all(&mut self) {
        for database in std::mem::take(&mut self.databases) {
            self.bury(database);
        }
        self.end_arrivals();
        while self.free_some() {}
        self.cut.free_all(&mut self.entries);
        let (collections, memory) = self.entries.collections_mut();
        collections.free_all(memory);
    }

    /// Panics if an invariant of this rank does not hold. O(keys).
    #[cfg(any(test, debug_assertions))]
    pub fn check_invariants(&self) {
        self.interests.ready().check_invariants();
        let hashes = database::EntryHashes {
            entries: &self.entries,
            hasher: &self.hasher,
        };
        let mut count = self.graveyard.pending_keys();
        let collections = self.entries.collections();
        let (mut bytes, collection_count) = collections.check_invariants(self.entries.memory());
        let mut large_count = 0;
        for (number, database) in self.databases.iter().enumerate() {
            database.table.check_invariants(&hashes);
            count += database.table.len();
            let mut with_deadline = 0;
            let mut with_field_deadlines = 0;
            let mut cursor = 0;
            loop {
                cursor = database.table.scan(cursor, |payload| {
                    let id = EntryId::from_payload(payload);
                    assert!(
                        self.is_cutting() || self.entries.is_seen(id),
                        "an entry was left out by a cut"
                    );
                    let entry = self.entries.get(id);
                    bytes += entry.allocation_bytes();
                    if let Some(number) = entry.large() {
                        large_count += 1;
                        let has_deadlines = self.check_field_deadlines(database, entry, number);
                        with_field_deadlines += usize::from(has_deadlines);
                    }
                    if let Some(position) = entry.heap_position() {
                        with_deadline += 1;
                        assert_eq!(database.expiry.payload_at(position), payload);
                    }
                });
                if cursor == 0 {
                    break;
                }
            }
            let is_reached = number < self.deadlines_reach;
            let has_deadlines = !database.expiry.is_empty() || !database.field_expiry.is_empty();
            assert!(
                is_reached || !has_deadlines,
                "database {number} is looked at"
            );
            assert_eq!(with_deadline, database.expiry.len());
            assert_eq!(with_field_deadlines, database.field_expiry.len());
        }
        assert_eq!(count, self.entries.count());
        self.entries.memory().check_invariants();
        if self.graveyard.is_empty() {
            let arriving_count = self.arrivals.collection_count();
            assert_eq!(large_count + arriving_count, collection_count);
            bytes += self.cut.kept_bytes();
            assert_eq!(bytes, self.entries.used_bytes());
        }
    }

    /// Panics if the heap and a large collection disagree; whether a field of it has a deadline.
    #[cfg(any(test, debug_assertions))]
    fn check_field_deadlines(&self, data: &Database, entry: EntryRef<'_>, number: u32) -> bool {
        let collections = self.entries.collections();
        let members = &collections.get(number).members;
        let deadline_ms = members.next_deadline(self.entries.memory());
        let position = collections.due_position(number);
        let heap = &data.field_expiry;
        assert_eq!(
            position.map(|position| heap.deadline_at(position)),
            deadline_ms
        );
        if let Some(position) = position {
            assert_eq!(heap.payload_at(position), u64::from(number));
            assert_eq!(collections.due_key(number), entry.key());
        }
        deadline_ms.is_some()
    }
}

impl Drop for Keyspace {
    /// Entries are known to tables alone, which can't free them.
    fn drop(&mut self) {
        self.free_all();
    }
}

/// The time in whole seconds.
#[inline]
fn seconds(now_ms: u64) -> u32 {
    (now_ms / 1000) as u32
}

#[cfg(test)]
mod tests;
