//! Writers are slowed down while changes read out more for a snapshot than the disk takes.
//!
//! ```text
//!  held below the mark      free
//!  held above the mark      held 8 ms │ let go 8 ms │ held 8 ms │ …    as CLIENT PAUSE WRITE does
//!  above twice the mark     held 8 ms │ let go 1 ms │ held 8 ms │ …
//! ```
//!
//! So a snapshot takes half of the writers' time, or eight ninths, whatever the disk does, and
//! readers notice nothing. If the disk does not keep up with the rest, the budget ends the snapshot
//! (`keyspace/cut/budget.rs`), and with it this.
//!
//! Invariant: after each span in which writers were held they are let go for a span.
//!
//! Not here: what is held (`keyspace/cut/`), who waits at which command (`context/pause.rs`).

use super::Node;
use crate::base::clock::Timestamp;

/// How long writers are held at once: many times a turn, and little for who waits.
const SPAN_MS: u64 = 8;

/// How long they are let go above twice the mark.
const SHORT_SPAN_MS: u64 = 1;

/// Bytes held for a snapshot at which writers are slowed down, at most (the walk alone makes 4 MiB)
/// …
const MARK_BYTES_MAX: usize = 5 << 20;

/// … or this part of what may be held.
const MARK_SHARE: usize = 2;

/// Which span it is; until when, on the monotonic clock.
#[derive(Default)]
pub(super) enum Pace {
    /// Writers are not slowed down.
    #[default]
    Free,
    /// They are held until then.
    Held(u64),
    /// They are let go, until then at least.
    LetGo(u64),
}

/// Bytes held for a snapshot at which writers are slowed down, if `held_bytes_max` may be held.
pub(super) fn mark_bytes(held_bytes_max: usize) -> usize {
    MARK_BYTES_MAX.min(held_bytes_max / MARK_SHARE)
}

impl Node {
    /// When [`Node::pace_writers`] must be called next.
    pub(super) fn next_pace_ms(&self) -> Option<u64> {
        match self.saving.pace {
            Pace::Held(until_ms) => Some(until_ms),
            Pace::Free | Pace::LetGo(_) => None,
        }
    }

    /// Holds writers, or lets them go, as the snapshot's need of memory says.
    pub(super) fn pace_writers(&mut self, now: Timestamp) {
        let now_ms = now.monotonic_ms();
        let keyspace = self.engine.keyspace();
        let held_bytes = keyspace.cut_held_bytes();
        let is_pressed = keyspace.is_cutting() && held_bytes >= self.saving.mark_bytes;
        match self.saving.pace {
            Pace::Held(until_ms) if now_ms < until_ms => {}
            Pace::Held(_) => {
                let span_ms = match held_bytes < 2 * self.saving.mark_bytes {
                    true => SPAN_MS,
                    false => SHORT_SPAN_MS,
                };
                self.saving.pace = Pace::LetGo(now_ms + span_ms);
                self.engine.pause_mut().hold_writes(None);
                self.end_pause();
            }
            Pace::LetGo(until_ms) if now_ms < until_ms => {}
            Pace::Free | Pace::LetGo(_) if is_pressed => {
                self.saving.pace = Pace::Held(now_ms + SPAN_MS);
                self.engine.pause_mut().hold_writes(Some(now_ms + SPAN_MS));
            }
            Pace::Free | Pace::LetGo(_) => self.saving.pace = Pace::Free,
        }
    }
}
