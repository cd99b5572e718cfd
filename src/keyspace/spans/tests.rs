//! Spans against a list of those in use: nothing overlaps, and addresses are used again.
//!
//! Method: random sizes from a fixed seed; every span is filled with a byte of its own, and looked
//! at when it goes.

use super::*;

struct Model {
    spans: Spans,
    in_use: Vec<(*mut u8, usize, u8)>,
    next_mark: u8,
}

impl Model {
    fn new() -> Self {
        Self {
            spans: Spans::default(),
            in_use: Vec::new(),
            next_mark: 0,
        }
    }

    fn add(&mut self, pages: usize) {
        let bytes = pages * PAGE_BYTES;
        let span = self.spans.allocate(bytes);
        assert_eq!(span as usize % PAGE_BYTES, 0);
        self.next_mark = self.next_mark.wrapping_add(1);
        // SAFETY: a fresh span of `bytes`.
        unsafe { span.write_bytes(self.next_mark, bytes) };
        self.in_use.push((span, bytes, self.next_mark));
    }

    fn remove(&mut self, index: usize) {
        let (span, bytes, mark) = self.in_use.swap_remove(index);
        // SAFETY: the span is in use and all of it was written; it leaves the list here.
        unsafe {
            let content = std::slice::from_raw_parts(span, bytes);
            assert!(content.iter().all(|&byte| byte == mark), "overwritten");
            self.spans.free(span, bytes);
        }
    }

    /// Bytes of free ranges, spare spans and spans in use: all there is.
    fn known_bytes(&self) -> usize {
        let free_bytes: usize = self.spans.free_bytes_at.values().sum();
        let used_bytes: usize = self.in_use.iter().map(|span| span.1).sum();
        free_bytes + used_bytes + self.spans.spare_bytes()
    }

    fn mapped_bytes(&self) -> usize {
        self.spans.regions.iter().map(|region| region.1).sum()
    }
}

#[test]
fn spans_never_overlap_and_none_is_lost() {
    let mut model = Model::new();
    let mut random = fastrand::Rng::with_seed(5);
    for round in 0..4_000 {
        if model.in_use.len() < 100 || random.bool() {
            model.add(random.usize(1..=20));
        } else {
            let index = random.usize(..model.in_use.len());
            model.remove(index);
        }
        if round % 100 == 0 {
            model.spans.check_invariants();
            assert_eq!(model.known_bytes(), model.mapped_bytes());
        }
    }
}

#[test]
fn what_is_free_is_released_but_for_a_little() {
    let mut model = Model::new();
    (0..1_000).for_each(|_| model.add(17));
    while !model.in_use.is_empty() {
        model.remove(model.in_use.len() / 2);
        assert!(model.spans.spare_bytes() <= SPARE_BYTES_MAX);
        assert!(model.spans.spare.len() <= SPARE_SPANS_MAX);
    }
    model.spans.check_invariants();
    assert!(model.spans.spare_bytes() > SPARE_BYTES_MAX / 2);
}

#[test]
fn addresses_of_one_size_serve_another() {
    let mut model = Model::new();
    for pages in [4, 5, 17, 250, 6] {
        while model.in_use.iter().map(|span| span.1).sum::<usize>() < 40 << 20 {
            model.add(pages);
        }
        while !model.in_use.is_empty() {
            model.remove(0);
        }
    }
    // 40 MiB, the spare ones, and the ends of regions that a span doesn't fit in.
    assert!(model.mapped_bytes() <= 64 << 20, "{}", model.mapped_bytes());
}

#[test]
fn the_last_span_of_a_size_is_the_first_to_serve_it_again() {
    let mut model = Model::new();
    (0..3).for_each(|_| model.add(4));
    let last = model.in_use[1].0;
    model.remove(0);
    model.remove(1);
    let expected = last;
    model.add(5);
    assert_ne!(model.in_use.last().expect("one was added").0, expected);
    model.add(4);
    assert_eq!(model.in_use.last().expect("one was added").0, expected);
}
