//! Decides which key makes room: a hand sweeps the table, and this says of each entry it passes
//! whether it is worth its bytes.
//!
//! ```text
//!  hit ─────▶ on_hit: stamp the word ──────────────────────────────┐ counts
//!  new key ─▶ on_insert: first word, or that of its ghost ─────────┤
//!                │ below the threshold                             ▼
//!                ▼                                              learner ── worth by class and age
//!             suspects, 8 hashes                                   │
//!                ▼                                                 ▼
//!  no room ─▶ hand ─▶ examine: worth ÷ bytes ≤ threshold ? evict : keep ─▶ on_evict: ghost
//! ```
//!
//! There is no list and no queue: an entry has 16 bits, [`AccessWord`], and the hand walks the
//! table in the order of the hash, which says nothing about age. The threshold follows that
//! sixteenth of the entries that is worth least, so a sweep looks at some sixteen entries at most
//! on average, and never at more than [`EXAMINED_MAX`]. A new key that is below the threshold from
//! the start, as one-time keys are during a scan and large ones often, is a suspect: it makes room
//! after a few more of its kind, without waiting for the hand. That is the small queue of S3-FIFO
//! and the window of W-TinyLFU in 64 bytes.
//!
//! 1. Time is turnover (`epochs.rs`): a second access in the same epoch changes nothing, so a hot
//!    key costs a comparison.
//! 2. A word may be any 16 bits, a hash any 64: nothing here fails.
//! 3. The same calls with the same numbers give the same decisions.
//!
//! Cost: 2 bytes in an entry and at most 8 in ghosts (none before the first eviction), 36 KiB in
//! all for the rest. A hit touches the entry only; an insert and an eviction one line of ghosts.
//!
//! Not here: the hand's way and the entries (`keyspace/`). Why so, and what else was tried:
//! `docs/EVICTION.md`.

mod access_word;
mod epochs;
mod ghosts;
mod learner;
#[cfg(test)]
mod tests;

pub use access_word::AccessWord;

use access_word::{CLASS_COUNT, LEVEL_MAX, gap};
use epochs::{Epochs, REVOLUTION_EPOCHS};
use ghosts::{GhostTable, Judge};
use learner::Learner;

/// Entries that one sweep examines at most; then the one worth least must go.
pub const EXAMINED_MAX: u32 = 64;
/// Entries that a sweep examines before it turns to the suspects: so the hand moves on, and the
/// threshold stays true, whatever is inserted.
const EXAMINED_BEFORE_SUSPECTS: u32 = 4;

/// The share of entries below the threshold.
const BELOW_SHARE: f32 = 1.0 / 16.0;
/// How far one examined entry moves the threshold.
const THRESHOLD_STEP: f32 = 0.02;

const SUSPECT_COUNT: usize = 8;

/// All classes are learned anew while half of the keys are inserted anew; within these bounds, of
/// which the lower gives a round enough to count, and the upper lets large caches learn sooner.
const ROUND_INSERTS_MIN: usize = 512;
const ROUND_INSERTS_MAX: usize = 1 << 18;

/// Frequency that Redis gives a new key.
const FREQUENCY_INITIAL: u8 = 5;
const FREQUENCY_PER_LEVEL: u16 = 32;
const FREQUENCY_PER_GAP: u16 = 4;

/// What becomes of an entry the hand has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict<Id> {
    /// It stays, with this word.
    Keep(AccessWord),
    /// This entry goes: the one examined, or an earlier one of this sweep.
    Evict(Id),
}

/// The search for one entry to evict. `Id` is what the caller calls an entry by.
#[derive(Clone, Copy, Debug)]
pub struct Sweep<Id> {
    examined: u32,
    least: Option<(f32, Id)>,
}

impl<Id> Sweep<Id> {
    /// A search that has seen nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            examined: 0,
            least: None,
        }
    }

    /// Entries examined so far.
    #[must_use]
    pub fn examined(&self) -> u32 {
        self.examined
    }
}

impl<Id> Default for Sweep<Id> {
    fn default() -> Self {
        Self::new()
    }
}

/// The policy behind the names `lru` and `lfu`. See the module header.
pub struct EvictionPolicy {
    epochs: Epochs,
    learner: Learner,
    ghosts: GhostTable,
    /// Worth per byte; 0 before the first examination.
    threshold: f32,
    /// Hashes, oldest first from `suspect_next` on; 0 is none.
    suspects: [u64; SUSPECT_COUNT],
    suspect_next: usize,
    /// How many there are.
    suspect_count: usize,
    /// Inserts until the next class is learned.
    learn_in: usize,
    /// Keys may soon have to go; else nobody needs to know what they are worth.
    is_limited: bool,
    visits_owed: usize,
    random: fastrand::Rng,
    ghost_hits: u64,
}

impl EvictionPolicy {
    /// A policy that knows nothing yet, at second `now_s`.
    #[must_use]
    pub fn new(now_s: u32) -> Self {
        Self {
            epochs: Epochs::new(now_s),
            learner: Learner::new(),
            ghosts: GhostTable::default(),
            threshold: 0.0,
            suspects: [0; SUSPECT_COUNT],
            suspect_next: 0,
            suspect_count: 0,
            learn_in: 1,
            is_limited: true,
            visits_owed: 0,
            random: fastrand::Rng::with_seed(0),
            ghost_hits: 0,
        }
    }

    /// Says whether keys may soon have to go for a limit. Else learning, which is most of what an
    /// insert costs in a small cache, is as rare as in the largest.
    pub fn set_limited(&mut self, is_limited: bool) {
        if self.is_limited != is_limited {
            self.is_limited = is_limited;
            self.learn_in = 1;
        }
    }

    /// What it was told by [`EvictionPolicy::set_limited`].
    #[cfg(test)]
    pub fn is_limited(&self) -> bool {
        self.is_limited
    }

    /// Whether an access changes nothing in `word`, if there was one in this second already.
    #[inline]
    #[must_use]
    pub fn is_current(&self, word: AccessWord) -> bool {
        word.stamp() == self.epochs.current()
    }

    /// The word of an entry after an access. Where it is the same nothing need be stored.
    #[must_use]
    pub fn on_hit(&mut self, word: AccessWord, live_count: usize, now_s: u32) -> AccessWord {
        self.note_second(live_count, now_s);
        if self.is_current(word) {
            return word;
        }
        self.returned(word)
    }

    /// The first word of a key that was not there. `bytes` is what its entry is charged with,
    /// `live_count` the keys that are there.
    #[must_use]
    pub fn on_insert(
        &mut self,
        hash: u64,
        bytes: usize,
        live_count: usize,
        now_s: u32,
    ) -> AccessWord {
        self.note_second(live_count, now_s);
        let word = match self.ghosts.take(hash) {
            Some(ghost) => {
                self.ghost_hits += 1;
                self.returned(ghost)
            }
            None => AccessWord::first(self.epochs.current()),
        };
        if self.is_below(word, bytes) {
            // The oldest is overwritten: then the hand gets it, some time.
            self.suspect_count += usize::from(self.suspects[self.suspect_next] == 0);
            self.suspects[self.suspect_next] = hash.max(1);
            self.suspect_next = (self.suspect_next + 1) % SUSPECT_COUNT;
        }
        if self.epochs.count_insert(live_count) {
            self.owe_visits(live_count);
        }
        self.learn(live_count);
        word
    }

    /// Judges the entry under the hand. Call for one entry after another until one is to be
    /// evicted; after each, ask [`EvictionPolicy::next_suspect`].
    #[inline]
    pub fn examine<Id: Copy>(
        &mut self,
        sweep: &mut Sweep<Id>,
        id: Id,
        word: AccessWord,
        bytes: usize,
    ) -> Verdict<Id> {
        let word = self.refresh(word);
        let worth = self.worth_per_byte(word, bytes);
        if self.threshold == 0.0 {
            self.threshold = worth;
        }
        let is_below = worth <= self.threshold;
        self.threshold *= if is_below {
            1.0 - THRESHOLD_STEP * (1.0 - BELOW_SHARE)
        } else {
            1.0 + THRESHOLD_STEP * BELOW_SHARE
        };
        sweep.examined += 1;
        if is_below {
            return Verdict::Evict(id);
        }
        let least = match sweep.least {
            Some((least, earlier)) if least <= worth => earlier,
            _ => {
                sweep.least = Some((worth, id));
                id
            }
        };
        if sweep.examined >= EXAMINED_MAX {
            Verdict::Evict(least)
        } else {
            Verdict::Keep(word)
        }
    }

    /// A hash whose entry may be evicted in place of going on with this sweep: if it is still there
    /// and [`EvictionPolicy::is_below`] says so. Call again until it returns none.
    #[inline]
    pub fn next_suspect<Id>(&mut self, sweep: &Sweep<Id>) -> Option<u64> {
        if self.suspect_count == 0 || sweep.examined < EXAMINED_BEFORE_SUSPECTS {
            return None;
        }
        self.suspect_count -= 1;
        let oldest = (0..SUSPECT_COUNT)
            .map(|step| (self.suspect_next + step) % SUSPECT_COUNT)
            .find(|place| self.suspects[*place] != 0)?;
        Some(std::mem::take(&mut self.suspects[oldest]))
    }

    /// Whether an entry is worth less than nearly all others.
    #[must_use]
    pub fn is_below(&self, word: AccessWord, bytes: usize) -> bool {
        self.worth_per_byte(word, bytes) <= self.threshold
    }

    /// Remembers a key that was evicted; keys that are deleted or expire are not told.
    pub fn on_evict(&mut self, hash: u64, word: AccessWord, live_count: usize) {
        let mut judge = GhostJudge {
            epochs: &self.epochs,
            learner: &mut self.learner,
        };
        self.ghosts.put(hash, word, live_count, &mut judge);
    }

    /// Entries that the hand should pass soon, calling [`EvictionPolicy::refresh`], although
    /// nothing is to be evicted: else the oldest stamps would come to look young.
    #[must_use]
    pub fn visits_owed(&self) -> usize {
        self.visits_owed
    }

    /// The word that an entry under the hand goes on with.
    #[inline]
    #[must_use]
    pub fn refresh(&mut self, word: AccessWord) -> AccessWord {
        self.visits_owed = self.visits_owed.saturating_sub(1);
        self.epochs.refreshed(word)
    }

    /// Seconds since the access, or somewhat less: since the last one to any key in its epoch.
    #[must_use]
    pub fn idle_s(&self, word: AccessWord, now_s: u32) -> u32 {
        self.epochs.idle_s(word.stamp(), now_s)
    }

    /// Frequency of access from 0 to 255 on a logarithmic scale, decaying with age.
    #[must_use]
    pub fn frequency(&self, word: AccessWord) -> u8 {
        let age = gap(self.epochs.age_units(word.stamp()));
        if word.level() == 0 {
            return FREQUENCY_INITIAL.saturating_sub(age as u8);
        }
        let top = FREQUENCY_PER_LEVEL * (word.level() + 1) - 1;
        let frequency = top - FREQUENCY_PER_GAP * age.max(word.gap());
        u8::try_from(frequency).expect("eight levels of 32 each")
    }

    /// The word of a key of which another server tells how long it was not used, or how often it
    /// was, as near as a word can tell: not from before this policy began.
    #[must_use]
    pub fn told(&self, idle_s: Option<u64>, frequency: Option<u8>, now_s: u32) -> AccessWord {
        let stamp = match idle_s {
            Some(idle_s) => self.epochs.stamp_of_idle(idle_s, now_s),
            None => self.epochs.current(),
        };
        match frequency {
            Some(frequency) => {
                let frequency = u16::from(frequency);
                let level = frequency / FREQUENCY_PER_LEVEL;
                let missing = FREQUENCY_PER_LEVEL - 1 - frequency % FREQUENCY_PER_LEVEL;
                AccessWord::of(stamp, level, missing / FREQUENCY_PER_GAP)
            }
            None => AccessWord::first(stamp),
        }
    }

    /// Inserts that found their key among the ghosts.
    #[must_use]
    pub fn ghost_hits(&self) -> u64 {
        self.ghost_hits
    }

    /// Bytes of the ghosts, the only part that grows.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.ghosts.bytes()
    }

    /// Counts that an entry or a ghost with `word` was asked for; returns its next word.
    fn returned(&mut self, word: AccessWord) -> AccessWord {
        let age_units = self.epochs.age_units(word.stamp());
        self.learner.count_return(word, age_units);
        word.accessed(self.epochs.current(), age_units, self.random.u32(..))
    }

    #[inline]
    fn worth_per_byte(&self, word: AccessWord, bytes: usize) -> f32 {
        let age_units = self.epochs.age_units(word.stamp());
        self.learner.worth(word, age_units) / bytes.max(1) as f32
    }

    fn note_second(&mut self, live_count: usize, now_s: u32) {
        if !self.epochs.is_noted(now_s) && self.epochs.note_second(now_s, live_count) {
            self.owe_visits(live_count);
        }
    }

    fn owe_visits(&mut self, live_count: usize) {
        let visits = self.visits_owed + live_count.div_ceil(REVOLUTION_EPOCHS);
        // More than a revolution is never owed.
        self.visits_owed = visits.min(live_count);
    }

    fn learn(&mut self, live_count: usize) {
        self.learn_in -= 1;
        if self.learn_in == 0 {
            let inserts_min = match self.is_limited {
                true => ROUND_INSERTS_MIN,
                false => ROUND_INSERTS_MAX,
            };
            let round = (live_count / 2).clamp(inserts_min, ROUND_INSERTS_MAX);
            self.learn_in = round / CLASS_COUNT;
            self.learner.learn_next();
        }
    }
}

/// Ghosts are worth what their keys would be; the end of one is the end of its key.
struct GhostJudge<'a> {
    epochs: &'a Epochs,
    learner: &'a mut Learner,
}

impl Judge for GhostJudge<'_> {
    fn worth(&self, word: AccessWord) -> f32 {
        self.learner
            .worth(word, self.epochs.age_units(word.stamp()))
    }

    fn forgotten(&mut self, word: AccessWord) {
        let age_units = self.epochs.age_units(word.stamp());
        self.learner.count_end(word, age_units);
    }
}

const _: () = assert!(FREQUENCY_PER_LEVEL * (LEVEL_MAX + 1) == 256);
