//! A stable merge sort that goes on in steps.
//!
//! ```text
//!  runs of 256, each sorted at once ─▶ pairs merged into the other list ─▶ and back ─▶ … one run
//! ```
//!
//! Invariant: between two steps each item is in one of the lists once, so what is in the making can
//! be dropped at any moment.
//!
//! Cost: O(n log n) comparisons in all; a second list as long as the first, which is not taken for
//! a single run.
//!
//! Not here: what is compared (the callers).

use std::cmp::Ordering;

/// Items that are sorted at once.
const RUN_LEN: usize = 256;

/// Items that are being sorted.
#[derive(Debug)]
pub struct SlicedSort<T> {
    items: Vec<T>,
    /// What is merged in this pass.
    merged: Vec<T>,
    /// Items in each sorted run of `items`; 0 while runs are being sorted.
    run_len: usize,
    /// What comes next: where the run begins that is sorted or merged now …
    left: usize,
    /// … and how far both runs of a pair are merged.
    taken: (usize, usize),
}

impl<T: Copy> SlicedSort<T> {
    /// Nothing is sorted yet.
    pub fn new(items: Vec<T>) -> Self {
        Self {
            items,
            merged: Vec::new(),
            run_len: 0,
            left: 0,
            taken: (0, 0),
        }
    }

    /// Goes on for about `count` items; true when all are in order.
    pub fn step(&mut self, count: usize, mut compare: impl FnMut(&T, &T) -> Ordering) -> bool {
        let mut left = count;
        while left > 0 {
            if self.run_len == 0 {
                left = left.saturating_sub(self.sort_run(&mut compare));
            } else if self.run_len >= self.items.len() {
                return true;
            } else {
                left -= self.merge_some(left, &mut compare);
            }
        }
        self.run_len > 0 && self.run_len >= self.items.len()
    }

    /// The items in order. To be called when a step has said that they are.
    pub fn into_items(self) -> Vec<T> {
        self.items
    }

    /// Bytes that it takes.
    pub fn heap_bytes(&self) -> usize {
        (self.items.capacity() + self.merged.capacity()) * size_of::<T>()
    }

    /// Sorts the next run; how many items that took.
    fn sort_run(&mut self, compare: &mut impl FnMut(&T, &T) -> Ordering) -> usize {
        let end = self.items.len().min(self.left + RUN_LEN);
        let run = &mut self.items[self.left..end];
        run.sort_by(|one, other| compare(one, other));
        let taken = run.len();
        self.left = end;
        if end == self.items.len() {
            self.begin_pass(RUN_LEN);
        }
        taken
    }

    fn begin_pass(&mut self, run_len: usize) {
        self.run_len = run_len;
        self.left = 0;
        self.taken = (0, 0);
        self.merged.clear();
        if run_len < self.items.len() {
            self.merged.reserve_exact(self.items.len());
        }
    }

    /// Merges up to `count` items of the present pair of runs; how many.
    fn merge_some(&mut self, count: usize, compare: &mut impl FnMut(&T, &T) -> Ordering) -> usize {
        let len = self.items.len();
        let middle = len.min(self.left + self.run_len);
        let end = len.min(middle + self.run_len);
        let (one, other) = (&self.items[self.left..middle], &self.items[middle..end]);
        let (mut next, mut next_other) = self.taken;
        let mut merged = 0;
        while merged < count {
            let item = match (one.get(next), other.get(next_other)) {
                (Some(item), Some(other)) if compare(item, other).is_le() => {
                    next += 1;
                    *item
                }
                (_, Some(item)) => {
                    next_other += 1;
                    *item
                }
                (Some(item), None) => {
                    next += 1;
                    *item
                }
                (None, None) => break,
            };
            self.merged.push(item);
            merged += 1;
        }
        self.taken = (next, next_other);
        if next + next_other == end - self.left {
            self.left = end;
            self.taken = (0, 0);
            if end == len {
                std::mem::swap(&mut self.items, &mut self.merged);
                self.begin_pass(self.run_len * 2);
            }
        }
        merged
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_sorted_as_the_library_sorts_them() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut rng = fastrand::Rng::with_seed(seed);
        for len in [0, 1, 2, 255, 256, 257, 511, 512, 513, 1_000, 5_000] {
            let items: Vec<(u8, usize)> = (0..len).map(|number| (rng.u8(..50), number)).collect();
            let mut sort = SlicedSort::new(items.clone());
            let mut steps = 0;
            while !sort.step(1 + rng.usize(..400), |one, other| one.0.cmp(&other.0)) {
                steps += 1;
                assert!(steps < 100_000, "it comes to an end");
            }
            assert!(
                sort.step(1, |one, other| one.0.cmp(&other.0)),
                "it stays sorted"
            );
            let mut expected = items;
            expected.sort_by_key(|item| item.0);
            assert_eq!(sort.into_items(), expected);
        }
    }

    #[test]
    fn a_step_does_no_more_than_it_is_told() {
        let mut compared = 0;
        let mut sort = SlicedSort::new((0..10_000).rev().collect::<Vec<i32>>());
        loop {
            let before = compared;
            let is_over = sort.step(100, |one, other| {
                compared += 1;
                one.cmp(other)
            });
            // A run is sorted at once: at most 256 times log 256 comparisons.
            assert!(compared - before <= RUN_LEN * 8);
            if is_over {
                break;
            }
        }
        assert!(sort.into_items().is_sorted());
    }
}
