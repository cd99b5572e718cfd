//! How much of a script or a transaction is done until others have a turn.
//!
//! Work is counted, not time, so the same requests give the same replies.
//!
//! Not here: what is done (`jobs.rs`, `scripts.rs`).

/// Work that a budget counts: a call …
pub(super) const CALL_UNITS: u32 = 1;
/// … and a slice of instructions, which takes as long as some hundred calls.
pub(super) const SLICE_UNITS: u32 = 100;
/// What is done at once: about a millisecond.
const FIRST_UNITS: u32 = 2_000;
/// What one step of a job does: about a tenth of that.
const STEP_UNITS: u32 = 200;

/// See the module header.
pub(super) struct Budget {
    units: u32,
    is_limited: bool,
}

impl Budget {
    /// What is done when a command comes; all of it if it may not go on later.
    pub(super) fn first(may_go_on_later: bool) -> Self {
        Self {
            units: FIRST_UNITS,
            is_limited: may_go_on_later,
        }
    }

    /// What a step of a job does.
    pub(super) fn of_step() -> Self {
        Self {
            units: STEP_UNITS,
            is_limited: true,
        }
    }

    /// Notes work; true if there is nothing left.
    pub(super) fn spend(&mut self, units: u32) -> bool {
        self.units = self.units.saturating_sub(units);
        self.is_limited && self.units == 0
    }
}
