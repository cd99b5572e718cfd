//! How much memory a snapshot may hold, and how much of it keys must make room for.
//!
//! ```text
//!  held = kept entries, kept blocks + pieces + what was taken and is not on the disk (unwritten)
//!         └ counted with entries ┘    └────────────── counted with overhead ──────┘
//! ```
//!
//! What is held counts as used memory, so keys are evicted for it. Evicting a key that was not read
//! out moves it into what is held, though, and sets nothing free until the disk has taken it. Such
//! bytes are on their way out: they are left out of what is compared with the limit. Otherwise an
//! eviction would be a reason for the next one, until no key was left.
//!
//! Invariant: `leaving_bytes` is never more than what is held.
//!
//! Not here: what happens beyond the limit (`Cut::show`).

pub(super) struct Budget {
    /// The most that may be held.
    pub(super) limit_bytes: usize,
    /// Taken of the cut and not on the disk.
    pub(super) unwritten_bytes: usize,
    /// Held because of evictions, at most.
    leaving_bytes: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            limit_bytes: usize::MAX,
            unwritten_bytes: 0,
            leaving_bytes: 0,
        }
    }
}

impl Budget {
    /// Notes that an eviction has made what is held grow from `before` to `after`.
    pub(super) fn note_eviction(&mut self, before: usize, after: usize) {
        self.leaving_bytes = (self.leaving_bytes + after.saturating_sub(before)).min(after);
    }

    /// Notes how much is held after some of it has gone: the oldest first, so that all that is
    /// left may be leaving.
    pub(super) fn settle(&mut self, held_bytes: usize) {
        self.leaving_bytes = self.leaving_bytes.min(held_bytes);
    }

    pub(super) fn leaving_bytes(&self) -> usize {
        self.leaving_bytes
    }
}
