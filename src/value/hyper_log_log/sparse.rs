//! Registers as runs of equal ones.
//!
//! ```text
//!  00cccccc            1 to 64 registers that are 0                 zeros
//!  01cccccc cccccccc   1 to 16,384 of them                          many zeros
//!  1vvvvvcc            1 to 4 registers that are 1 to 32            values
//! ```
//!
//! A register that is raised splits its run; values that then stand side by side and are equal
//! become one run, in the order in which Redis does it, so that the bytes are the same.
//!
//! 1. The bytes may be anything: a run that ends beyond the last register is refused, and so are
//!    too few registers.
//! 2. [`Cursor`] stands at or before the run that was changed last, so registers that are raised
//!    in order are found in O(1), and others in O(bytes).
//!
//! Not here: the header before the runs (`mod.rs`).

use super::{HEADER_BYTES, Malformed, REGISTER_COUNT};
use std::fmt::Write;

const MANY_ZEROS: u8 = 0x40;
const VALUES: u8 = 0x80;

/// Most registers of a short run of zeros.
const ZEROS_MAX: usize = 64;

/// Most registers of a run of values.
const VALUES_MAX: usize = 4;

/// The greatest value of this form.
const RANK_MAX: u8 = 32;

/// Runs that are looked at for equal neighbours, from the one before the change on.
const MERGED_RUNS: usize = 5;

/// Registers in a row that are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// What they are.
    pub(super) rank: u8,
    /// How many.
    pub(super) count: usize,
    /// Bytes that say so.
    len: usize,
}

impl Run {
    /// The run at the beginning of some bytes, of which there is at least one. A byte that is
    /// missing counts as 0.
    fn read(bytes: &[u8]) -> Self {
        let first = bytes[0];
        if first & VALUES != 0 {
            Self {
                rank: (first >> 2 & 0x1f) + 1,
                count: usize::from(first & 3) + 1,
                len: 1,
            }
        } else if first & MANY_ZEROS != 0 {
            let second = bytes.get(1).copied().unwrap_or(0);
            Self {
                rank: 0,
                count: (usize::from(first & 0x3f) << 8 | usize::from(second)) + 1,
                len: 2,
            }
        } else {
            Self {
                rank: 0,
                count: usize::from(first & 0x3f) + 1,
                len: 1,
            }
        }
    }

    fn is_of_values(&self) -> bool {
        self.rank > 0
    }
}

/// Some bytes of runs that take the place of one.
#[derive(Default)]
struct Replacement {
    bytes: [u8; 5],
    len: usize,
}

impl Replacement {
    /// Appends a run of the shortest form, or nothing if there are no registers.
    fn push(&mut self, rank: u8, count: usize) {
        let Some(last) = count.checked_sub(1) else {
            return;
        };
        if rank > 0 {
            self.push_byte(VALUES | (rank - 1) << 2 | last as u8);
        } else if count > ZEROS_MAX {
            self.push_byte(MANY_ZEROS | (last >> 8) as u8);
            self.push_byte(last as u8);
        } else {
            self.push_byte(last as u8);
        }
    }

    fn push_byte(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Appends the runs of registers that are all 0.
pub(super) fn write_empty(bytes: &mut Vec<u8>) {
    let mut zeros = Replacement::default();
    zeros.push(0, REGISTER_COUNT);
    bytes.extend_from_slice(zeros.bytes());
}

/// Shows all runs.
///
/// # Errors
/// If they have more or fewer registers than there are, or if the last run is cut off; nothing
/// beyond the last register is shown.
pub(super) fn each_run(mut bytes: &[u8], mut visit: impl FnMut(Run)) -> Result<(), Malformed> {
    let mut left = REGISTER_COUNT;
    while !bytes.is_empty() {
        let run = Run::read(bytes);
        left = (left.checked_sub(run.count)).ok_or(Malformed::Registers)?;
        visit(run);
        bytes = bytes.get(run.len..).ok_or(Malformed::Registers)?;
    }
    match left {
        0 => Ok(()),
        _ => Err(Malformed::Registers),
    }
}

/// The runs as PFDEBUG DECODE tells them.
pub(super) fn text(mut bytes: &[u8]) -> String {
    let mut text = String::new();
    while !bytes.is_empty() {
        let Run { rank, count, len } = Run::read(bytes);
        let separator = if text.is_empty() { "" } else { " " };
        let outcome = match (rank, len) {
            (0, 1) => write!(text, "{separator}z:{count}"),
            (0, _) => write!(text, "{separator}Z:{count}"),
            _ => write!(text, "{separator}v:{rank},{count}"),
        };
        outcome.expect("text can always be appended");
        bytes = bytes.get(len..).unwrap_or_default();
    }
    text
}

/// What became of a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Raised {
    /// It was raised.
    Yes,
    /// It was no less.
    No,
    /// This form can't hold it, or would be too long.
    NeedsDense,
}

/// The run before the one that was looked for last, or the first if there is none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor {
    /// Where the run begins in the string.
    at: usize,
    /// Its first register.
    first: usize,
}

impl Default for Cursor {
    fn default() -> Self {
        Self {
            at: HEADER_BYTES,
            first: 0,
        }
    }
}

impl Cursor {
    /// Raises a register of a string, header included, which may become `room` bytes longer.
    ///
    /// # Errors
    /// If there is no run with this register, or if it is cut off.
    pub(super) fn raise(
        &mut self,
        bytes: &mut Vec<u8>,
        index: usize,
        rank: u8,
        room: u64,
    ) -> Result<Raised, Malformed> {
        if rank > RANK_MAX {
            return Ok(Raised::NeedsDense);
        }
        let (at, first) = self.find(bytes, index)?;
        let run = Run::read(&bytes[at..]);
        if run.rank >= rank {
            return Ok(Raised::No);
        }
        let before = index - first;
        let mut new = Replacement::default();
        new.push(run.rank, before);
        new.push(rank, 1);
        new.push(run.rank, run.count - before - 1);
        if new.len.saturating_sub(run.len) as u64 > room {
            return Ok(Raised::NeedsDense);
        }
        bytes.splice(at..at + run.len, new.bytes().iter().copied());
        merge_neighbours(bytes, self.at);
        Ok(Raised::Yes)
    }

    /// Where the run of a register begins, and its first register. The cursor is left at the run
    /// before it.
    fn find(&mut self, bytes: &[u8], index: usize) -> Result<(usize, usize), Malformed> {
        let passed = bytes
            .get(self.at..)
            .filter(|rest| !rest.is_empty())
            .map(Run::read);
        if index < self.first + passed.map_or(0, |run| run.count) {
            // Its run is the one of the cursor or before it, and the one before that is needed.
            *self = Self::default();
        }
        let Self { mut at, mut first } = *self;
        while at < bytes.len() {
            let run = Run::read(&bytes[at..]);
            if at + run.len > bytes.len() || first + run.count > REGISTER_COUNT {
                break;
            }
            if index < first + run.count {
                return Ok((at, first));
            }
            *self = Self { at, first };
            at += run.len;
            first += run.count;
        }
        Err(Malformed::Registers)
    }
}

/// Makes one run of neighbours with equal values.
fn merge_neighbours(bytes: &mut Vec<u8>, mut at: usize) {
    for _ in 0..MERGED_RUNS {
        let Some(run) = bytes
            .get(at..)
            .filter(|rest| !rest.is_empty())
            .map(Run::read)
        else {
            return;
        };
        let next = bytes.get(at + run.len..).filter(|rest| !rest.is_empty());
        match next.map(Run::read) {
            Some(next)
                if run.is_of_values()
                    && next.rank == run.rank
                    && run.count + next.count <= VALUES_MAX =>
            {
                let mut merged = Replacement::default();
                merged.push(run.rank, run.count + next.count);
                bytes.splice(at..at + 2, merged.bytes().iter().copied());
            }
            Some(_) | None => at += run.len,
        }
    }
}
