//! A stack of its own for a script, so that it can stop anywhere and go on later.
//!
//! ```text
//!  driver ── resume ─▶ the body: run, suspend, run, suspend, …
//!         ◀─ Step ───
//! ```
//!
//! PUC Lua can't yield out of `pcall`, `sort`, `gsub` or a metamethod; a switch of stacks can.
//!
//! Invariant: no frame on the fiber owns anything while it is suspended (frames of Lua, and plain
//! ones of ours), so its stack may be given back at any suspension.
//!
//! Cost: 13 ns to enter and leave; 4 MiB of address space, of which pages are taken when touched.
//!
//! Not here: what runs on it (`machine.rs`).

#![allow(unsafe_code)]

use super::step::Step;
use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};

/// Bytes of a script's stack. Lua nests C calls 200 deep at most, of which `gsub` is the largest:
/// it has a buffer of 8 KiB in its frame. Replies nest as deep as Lua's stack is, in 8,000 small
/// frames.
const STACK_BYTES: usize = 4 << 20;

/// Suspends the fiber it was made for.
#[derive(Clone, Copy)]
pub(super) struct Suspender(*const Yielder<(), Step>);

impl Suspender {
    /// Goes back to the driver, which sees `step`; returns when it resumes.
    ///
    /// # Safety
    /// The caller runs on the fiber this was made for, which lives.
    pub(super) unsafe fn suspend(self, step: Step) {
        // SAFETY: the fiber keeps its yielder as long as it lives.
        unsafe { (*self.0).suspend(step) }
    }
}

/// A body on a stack of its own.
pub(super) struct Fiber {
    coroutine: Coroutine<(), Step, ()>,
    is_suspended_inside: bool,
}

impl Fiber {
    /// A fiber that runs `body` when it is resumed; the body never returns.
    ///
    /// # Errors
    /// The system has no memory for a stack.
    pub(super) fn new(body: impl FnOnce(Suspender) + 'static) -> std::io::Result<Self> {
        let stack = DefaultStack::new(STACK_BYTES)?;
        let coroutine = Coroutine::with_stack(stack, move |yielder: &Yielder<(), Step>, ()| {
            body(Suspender(yielder));
        });
        Ok(Self {
            coroutine,
            is_suspended_inside: false,
        })
    }

    /// Runs the body up to its next suspension.
    pub(super) fn resume(&mut self) -> Step {
        match self.coroutine.resume(()) {
            CoroutineResult::Yield(step) => {
                self.is_suspended_inside = step != Step::Done;
                step
            }
            CoroutineResult::Return(()) => unreachable!("the body never returns"),
        }
    }

    /// Whether a script is under way.
    pub(super) fn is_suspended_inside(&self) -> bool {
        self.is_suspended_inside
    }
}

impl Drop for Fiber {
    fn drop(&mut self) {
        // SAFETY: the invariant above: nothing on its stack has to be dropped, and what points into
        // it is not used after this.
        unsafe { self.coroutine.force_reset() }
    }
}
