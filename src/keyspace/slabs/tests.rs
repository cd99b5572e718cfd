//! Slabs against a list of pieces: nothing overlaps, and what is free goes back.

use super::*;

#[test]
fn a_class_is_the_smallest_that_holds_the_length() {
    for len in 1..=PIECE_BYTES_MAX {
        let class = class_of(len);
        assert!(usize::from(CLASS_BYTES[class]) >= len, "{len}");
        assert!(
            class == 0 || usize::from(CLASS_BYTES[class - 1]) < len,
            "{len}"
        );
    }
    assert!(CLASS_BYTES.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(
        CLASS_BYTES
            .iter()
            .all(|bytes| usize::from(*bytes).is_multiple_of(UNIT))
    );
}

/// Fills pieces with bytes that tell them apart and checks that nobody else writes there.
struct Model {
    slabs: Slabs,
    pieces: Vec<(*mut u8, usize, u8)>,
    next_mark: u8,
}

impl Model {
    fn new() -> Self {
        Self {
            slabs: Slabs::new(),
            pieces: Vec::new(),
            next_mark: 0,
        }
    }

    fn add(&mut self, len: usize) {
        let piece = self.slabs.allocate(len);
        assert_eq!(piece as usize % UNIT, 0);
        self.next_mark = self.next_mark.wrapping_add(1);
        // SAFETY: a fresh piece of `len` bytes.
        unsafe { piece.write_bytes(self.next_mark, len) };
        self.pieces.push((piece, len, self.next_mark));
    }

    fn check(piece: (*mut u8, usize, u8)) {
        let (address, len, mark) = piece;
        // SAFETY: the piece is in use and all of it was written.
        let bytes = unsafe { std::slice::from_raw_parts(address, len) };
        assert!(
            bytes.iter().all(|&byte| byte == mark),
            "{len} bytes were overwritten"
        );
    }

    fn remove(&mut self, index: usize) {
        let piece = self.pieces.swap_remove(index);
        Self::check(piece);
        // SAFETY: the piece is in use and leaves the list here.
        unsafe { self.slabs.free(piece.0, piece.1) };
    }

    /// Empties one slab by moving its pieces, as the keyspace does; false if none is worth it.
    fn compact(&mut self) -> bool {
        let Some(evacuation) = self.slabs.begin_evacuation() else {
            return false;
        };
        for &old in &evacuation.pieces {
            let known = self.pieces.iter_mut().find(|piece| piece.0 == old);
            let piece = known.expect("only pieces in use are moved");
            let new = self.slabs.allocate(piece.1);
            // SAFETY: two different pieces in use of at least that length; the old one ends here.
            unsafe {
                new.copy_from_nonoverlapping(old, piece.1);
                self.slabs.abandon(old, piece.1);
            }
            piece.0 = new;
        }
        self.slabs.end_evacuation(evacuation);
        true
    }
}

#[test]
fn pieces_never_overlap_whatever_comes_and_goes() {
    for seed in 0..8 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut model = Model::new();
        for round in 0..6_000 {
            if random.u32(..100) < 55 || model.pieces.is_empty() {
                let len_max = [40, 200, 3_000, PIECE_BYTES_MAX][random.usize(..4)];
                model.add(random.usize(1..=len_max));
            } else {
                let index = random.usize(..model.pieces.len());
                model.remove(index);
            }
            if round % 500 == 0 {
                model.slabs.check_invariants();
                model.compact();
            }
        }
        model.slabs.check_invariants();
        model.pieces.iter().copied().for_each(Model::check);
        while let Some(last) = model.pieces.len().checked_sub(1) {
            model.remove(last);
        }
        while model.slabs.has_surplus() {
            model.slabs.release_some();
        }
        let listed = model.slabs.classes.iter().map(|class| class.slab_count);
        assert!(listed.clone().all(|count| count <= 1));
        assert!(model.slabs.held_slab_count <= listed.sum::<usize>() + SPARE_SLABS_MAX);
    }
}

#[test]
fn moving_what_is_left_gives_the_memory_back() {
    let mut model = Model::new();
    for _ in 0..40_000 {
        model.add(88);
    }
    let full_bytes = model.slabs.held_bytes();
    let mut random = fastrand::Rng::with_seed(1);
    while model.pieces.len() > 4_000 {
        let index = random.usize(..model.pieces.len());
        model.remove(index);
    }
    assert!(model.slabs.is_worth_compacting());
    while model.compact() {
        model.slabs.check_invariants();
    }
    assert!(model.slabs.has_surplus());
    let held_bytes = model.slabs.held_bytes();
    model.slabs.release_some();
    assert_eq!(
        held_bytes - model.slabs.held_bytes(),
        RELEASE_SLABS * SLAB_BYTES
    );
    while model.slabs.has_surplus() {
        model.slabs.release_some();
    }
    model.pieces.iter().copied().for_each(Model::check);
    let spare_bytes = SPARE_SLABS_MAX * SLAB_BYTES;
    assert!(model.slabs.held_bytes() <= full_bytes / 5 + spare_bytes);
}
