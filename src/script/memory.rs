//! The memory of one Lua state: each block is counted, and none is given above the limit.
//!
//! ```text
//!  Lua ─▶ allocate(meter, block, old, new) ─▶ above the limit: null, and Lua raises
//!                                          ─▶ the allocator of the program
//! ```
//!
//! Invariant: `used_bytes` is the sum of the blocks the state holds, so it is 0 after `lua_close`
//! (`a_state_gives_back_all_it_took`). Lua tells the length of a block it gives back, so blocks
//! need no head.
//!
//! Not here: who sets the limit (`mod.rs`).

#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, realloc};
use std::ffi::c_void;
use std::ptr;

/// What Lua's types need at most: doubles and pointers.
const ALIGNMENT: usize = 8;

/// Blocks of so many bytes take time: they are copied, or cleared.
const LARGE_BYTES: usize = 4 * 1024;

/// What is taken in large blocks while others wait.
const PAUSE_BYTES: usize = 512 * 1024;

/// See [`Meter::pause`].
pub(super) type Pause = unsafe fn(*mut Meter) -> bool;

/// What one Lua state takes, and may take.
#[derive(Debug)]
pub(super) struct Meter {
    /// The bytes of all its blocks.
    pub(super) used_bytes: usize,
    /// No block is given that would take it above this.
    pub(super) limit_bytes: usize,
    /// Bytes of large blocks that were taken since [`Meter::pause`] was called.
    pub(super) taken_bytes: usize,
    /// Called before more is taken than [`PAUSE_BYTES`]; if it returns true, that is refused.
    pub(super) pause: Option<Pause>,
}

/// Lua's `lua_Alloc`.
///
/// # Safety
/// `meter` is a [`Meter`] that lives as long as the state and is not borrowed meanwhile; `block` is
/// null, or came from here with the length `old_bytes`.
pub(super) unsafe extern "C" fn allocate(
    meter: *mut c_void,
    block: *mut c_void,
    old_bytes: usize,
    new_bytes: usize,
) -> *mut c_void {
    let old_bytes = if block.is_null() { 0 } else { old_bytes };
    let meter = meter.cast::<Meter>();
    // SAFETY: the caller's word.
    if unsafe { !may_take(meter, new_bytes.saturating_sub(old_bytes)) } {
        return ptr::null_mut();
    }
    // SAFETY: the caller's word; nothing else happens until this returns.
    let meter = unsafe { &mut *meter };
    if new_bytes == 0 {
        meter.used_bytes -= old_bytes;
        if old_bytes > 0 {
            // SAFETY: it was allocated here with this length.
            unsafe { dealloc(block.cast(), layout(old_bytes)) };
        }
        return ptr::null_mut();
    }
    let grown_bytes = new_bytes.saturating_sub(old_bytes);
    // What shrinks is never refused: Lua relies on it.
    let is_over = meter.used_bytes.saturating_add(grown_bytes) > meter.limit_bytes;
    if new_bytes > isize::MAX as usize / 2 || (grown_bytes > 0 && is_over) {
        return ptr::null_mut();
    }
    let block: *mut u8 = if old_bytes == 0 {
        // SAFETY: the length is neither 0 nor beyond what a layout takes.
        unsafe { alloc(layout(new_bytes)) }
    } else {
        // SAFETY: it was allocated here with this length, and the new one is as above.
        unsafe { realloc(block.cast(), layout(old_bytes), new_bytes) }
    };
    if !block.is_null() {
        meter.used_bytes = meter.used_bytes - old_bytes + new_bytes;
    }
    block.cast()
}

/// Counts what large blocks take, and lets others have a turn when that is much; false if it is
/// refused.
///
/// # Safety
/// As [`allocate`]; no borrow of the meter goes on.
unsafe fn may_take(meter: *mut Meter, grown_bytes: usize) -> bool {
    if grown_bytes < LARGE_BYTES {
        return true;
    }
    // SAFETY: the caller's word; the borrows end before the call.
    unsafe {
        (*meter).taken_bytes = (*meter).taken_bytes.saturating_add(grown_bytes);
        let is_much = (*meter).taken_bytes >= PAUSE_BYTES;
        !((*meter).pause).is_some_and(|pause| is_much && pause(meter))
    }
}

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, ALIGNMENT).expect("blocks are shorter than half of the memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_counted_and_refused_above_the_limit() {
        let mut meter = Meter {
            used_bytes: 0,
            limit_bytes: 100,
            taken_bytes: 0,
            pause: None,
        };
        let mut change = |block, old, new| {
            // SAFETY: the meter lives, and blocks are given with the lengths they have.
            let block = unsafe { allocate((&raw mut meter).cast(), block, old, new) };
            (block, meter.used_bytes)
        };
        let (first, used) = change(ptr::null_mut(), 7, 60);
        assert!(
            !first.is_null() && used == 60,
            "an old length of nothing is none"
        );
        assert_eq!(change(ptr::null_mut(), 0, 41), (ptr::null_mut(), 60));
        assert_eq!(change(first, 60, 101), (ptr::null_mut(), 60));
        let (first, used) = change(first, 60, 100);
        assert!(!first.is_null() && used == 100);
        let (first, used) = change(first, 100, 10);
        assert!(!first.is_null() && used == 10);
        assert_eq!(
            change(ptr::null_mut(), 0, usize::MAX),
            (ptr::null_mut(), 10)
        );
        assert_eq!(change(first, 10, 0), (ptr::null_mut(), 0));
    }
}
