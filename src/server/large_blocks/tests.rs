//! Large blocks keep their contents however they grow and shrink, and all of a freed one goes back.

use super::*;
use std::alloc::System;

const ALLOCATOR: LargeBlocks<System> = LargeBlocks::above(System);
const PATTERN_PRIME: usize = 251;

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, 8).expect("it is small enough")
}

/// Writes numbers into the bytes from `begin` on.
fn fill(block: *mut u8, begin: usize, end: usize) {
    for index in begin..end {
        // SAFETY: the block has `end` bytes.
        unsafe { block.add(index).write((index % PATTERN_PRIME) as u8) };
    }
}

fn is_filled(block: *mut u8, bytes: usize) -> bool {
    // SAFETY: the block has as many bytes, all written.
    (0..bytes).all(|index| unsafe { block.add(index).read() } == (index % PATTERN_PRIME) as u8)
}

#[test]
fn contents_survive_every_change_of_size() {
    const SIZES: [usize; 8] = [
        1_000,
        LARGE_BYTES_MIN - 1,
        LARGE_BYTES_MIN,
        3 << 20,
        (20 << 20) + 1,
        2 << 20,
        LARGE_BYTES_MIN - 1,
        10,
    ];
    let mut bytes = SIZES[0];
    // SAFETY: each block is used with the layout it has, and freed once.
    unsafe {
        let mut block = ALLOCATOR.alloc(layout(bytes));
        fill(block, 0, bytes);
        for new_bytes in SIZES {
            block = ALLOCATOR.realloc(block, layout(bytes), new_bytes);
            assert!(!block.is_null() && is_filled(block, bytes.min(new_bytes)));
            fill(block, bytes.min(new_bytes), new_bytes);
            bytes = new_bytes;
        }
        ALLOCATOR.dealloc(block, layout(bytes));
    }
}

#[test]
fn what_is_asked_for_as_zero_is_zero() {
    let layout = layout(5 << 20);
    // SAFETY: as above.
    unsafe {
        for _ in 0..2 {
            let block = ALLOCATOR.alloc_zeroed(layout);
            assert!((0..layout.size()).all(|index| block.add(index).read() == 0));
            block.write_bytes(1, layout.size());
            ALLOCATOR.dealloc(block, layout);
        }
    }
}

/// A list of its own, so that tests that run at the same time don't meet.
fn list_of(sizes: &[usize]) -> FreedBlocks {
    let mut list = FreedBlocks {
        oldest: ptr::null_mut(),
        latest: ptr::null_mut(),
    };
    for &bytes in sizes {
        // SAFETY: each is a mapping of this length that nobody uses.
        unsafe { list.push(map(bytes), bytes) };
    }
    list
}

/// Releases all that is in the list; returns the bytes of each step.
fn release_all(list: &mut FreedBlocks) -> Vec<usize> {
    std::iter::from_fn(|| {
        let (start, bytes) = list.cut_oldest()?;
        // SAFETY: the range has left the list.
        unsafe { unmap(start, bytes) };
        Some(bytes)
    })
    .collect()
}

#[test]
fn freed_blocks_go_back_in_steps_the_oldest_first() {
    let mut list = list_of(&[2 * STEP_BYTES + PAGE_BYTES, STEP_BYTES]);
    let steps = release_all(&mut list);
    assert_eq!(steps, [STEP_BYTES, STEP_BYTES, PAGE_BYTES, STEP_BYTES]);
    assert!(list.oldest.is_null() && list.latest.is_null());
}

#[test]
fn a_block_of_the_same_size_is_taken_again() {
    let sizes = [1 << 20, 3 << 20, 2 << 20];
    for taken in sizes {
        let mut list = list_of(&sizes);
        assert_eq!(list.take(4 << 20), None);
        let block = list.take(taken).expect("there is one");
        assert_eq!(list.take(taken), None, "it is nobody else's");
        // SAFETY: it has left the list and nobody uses it.
        unsafe { unmap(block, taken) };
        let left: usize = release_all(&mut list).iter().sum();
        assert_eq!(left, sizes.iter().sum::<usize>() - taken);
    }
}
