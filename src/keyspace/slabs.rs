//! Memory for entries: slabs of 64 KiB, each cut into pieces of one size.
//!
//! ```text
//!  region 16 MiB   [ slab │ slab │ slab │ never used …                ]   from the system, 4 KiB pages
//!  slab   64 KiB   [ header 64 B │ piece │ piece │ … │ never used     ]   aligned to its size
//!                     next, live,    └─ a free piece names the next free one in its first bytes
//!                     free, unused
//!  class           ──▶ slab ──▶ slab       those of one size with room
//! ```
//!
//! Why not the general allocator: pieces here come in steps of 8 bytes (an entry of 88 bytes takes
//! 88), a slab that is mostly free can be emptied by moving what is in it (`relocation.rs`: only
//! the keyspace knows where an entry is), and an empty one goes to another size at once, or back to
//! the system in the next free moment. So what the process holds stays near what is counted,
//! whatever sizes come and go.
//!
//! Invariants:
//! 1. A piece is handed out by [`Slabs::allocate`] and dies by [`Slabs::free`] with the same size.
//! 2. A slab with room is in the list of its class, a full one in none; an empty one is given up.
//! 3. `live` is the number of pieces handed out; walking the free list visits each free piece below
//!    `unused` once (`check_invariants`).
//!
//! Cost: 64 bytes a slab; at most the tail of a slab that no piece fits in, under 1 % up to 640
//! bytes. Taking and giving back is O(1) and reads the slab's header and one piece. A fresh slab is
//! one call of the system, which backs its 16 pages at once; those of the first of a size come as
//! they are used, so that a few entries of each size are resident with what they take.
//!
//! After Bonwick, "The Slab Allocator", 1994.
//!
//! Not here: larger pieces (`spans.rs`); what is in a piece.
#![allow(unsafe_code)]

use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};
use std::alloc::{Layout, handle_alloc_error};
use std::cell::Cell;
use std::ptr;

const SLAB_BYTES: usize = 64 * 1024;
const HEADER_BYTES: usize = 64;
const REGION_BYTES: usize = 16 << 20;

/// Offsets in a slab are kept in units of this: every piece is a multiple of it.
const UNIT: usize = 8;

/// Empty slabs that stay backed for the next class that needs one; more of them go back to the
/// system …
const SPARE_SLABS_MAX: usize = 4;
/// … so many at a time: a call of the system each, some 5 µs. When millions of keys are dropped,
/// hundreds of slabs lose their last pieces in the same instant.
const RELEASE_SLABS: usize = 2;

/// A class is worth compacting when this many slabs could be given up …
const COMPACT_SLABS_MIN: usize = 2;
/// … and one part in so many of what it holds is free.
const COMPACT_FREE_SHARE: usize = 12;
/// Slabs that are compared to find the emptiest.
const COMPACT_CANDIDATES: usize = 32;

/// How many pieces of a slab the sizes above 2 KiB give.
const PIECES_OF_LARGE: [usize; 15] = [28, 25, 22, 20, 18, 16, 14, 12, 11, 10, 9, 8, 7, 6, 5];
const SMALL_CLASSES: usize = 15;
const MIDDLE_CLASSES: usize = 32;
const CLASS_COUNT: usize = SMALL_CLASSES + MIDDLE_CLASSES + PIECES_OF_LARGE.len();

/// Bytes of the pieces of each class: steps of 8 up to 128, eight to a doubling up to 2 KiB, then
/// what divides a slab well.
const CLASS_BYTES: [u16; CLASS_COUNT] = {
    let mut bytes = [0; CLASS_COUNT];
    let mut class = 0;
    while class < CLASS_COUNT {
        bytes[class] = if class < SMALL_CLASSES {
            16 + 8 * class
        } else if class < SMALL_CLASSES + MIDDLE_CLASSES {
            let step = class - SMALL_CLASSES;
            (9 + step % 8) << (4 + step / 8)
        } else {
            let pieces = PIECES_OF_LARGE[class - SMALL_CLASSES - MIDDLE_CLASSES];
            (SLAB_BYTES - HEADER_BYTES) / pieces / UNIT * UNIT
        } as u16;
        class += 1;
    }
    bytes
};

/// The largest piece there is.
pub(super) const PIECE_BYTES_MAX: usize = CLASS_BYTES[CLASS_COUNT - 1] as usize;

#[inline]
const fn class_of(len: usize) -> usize {
    if len <= 128 {
        return if len <= 16 { 0 } else { len.div_ceil(8) - 2 };
    }
    if len <= 2048 {
        // Eight steps to each doubling: 129…256 are steps of 16.
        let shift = usize::BITS - 1 - (len - 1).leading_zeros() - 3;
        let step = (len - 1) >> shift;
        return SMALL_CLASSES + (shift as usize - 4) * 8 + step - 8;
    }
    let mut class = SMALL_CLASSES + MIDDLE_CLASSES;
    while (CLASS_BYTES[class] as usize) < len {
        class += 1;
    }
    class
}

/// Bytes of the piece that holds `len` bytes, at most [`PIECE_BYTES_MAX`].
#[inline]
pub(super) const fn piece_bytes(len: usize) -> usize {
    CLASS_BYTES[class_of(len)] as usize
}

/// What stands at the head of a slab. Its memory is never handed out.
struct SlabHeader {
    next: *mut SlabHeader,
    previous: *mut SlabHeader,
    class: u16,
    /// Pieces handed out.
    live: u16,
    /// The first free piece, in units from the slab's start; 0 if there is none.
    free: u16,
    /// Where the pieces that were never handed out begin, in units.
    unused: u16,
}

const _: () = assert!(size_of::<SlabHeader>() <= HEADER_BYTES);
const SLAB_UNITS: usize = SLAB_BYTES / UNIT;

#[derive(Clone, Copy)]
struct Class {
    /// The slabs with room.
    head: *mut SlabHeader,
    slab_count: usize,
    live_count: usize,
}

impl Class {
    const EMPTY: Self = Self {
        head: ptr::null_mut(),
        slab_count: 0,
        live_count: 0,
    };

    fn free_bytes(self, class: usize) -> usize {
        self.slab_count * (SLAB_BYTES - HEADER_BYTES)
            - self.live_count * usize::from(CLASS_BYTES[class])
    }
}

/// All slabs of one keyspace.
pub(super) struct Slabs {
    classes: [Class; CLASS_COUNT],
    /// Mappings to be given back at the end: address and bytes.
    regions: Vec<(*mut u8, usize)>,
    /// What is left of the last region.
    fresh: *mut u8,
    fresh_count: usize,
    /// Empty slabs whose pages are still there.
    spare: Vec<*mut u8>,
    /// Empty slabs whose pages the system has got back.
    released: Vec<*mut u8>,
    held_slab_count: usize,
    /// Bytes given back since nothing was worth compacting.
    freed_bytes: Cell<usize>,
}

// SAFETY: the pointers lead to memory that this value owns alone; nothing of it is tied to a
// thread.
unsafe impl Send for Slabs {}

impl Slabs {
    pub(super) fn new() -> Self {
        Self {
            classes: [Class::EMPTY; CLASS_COUNT],
            regions: Vec::new(),
            fresh: ptr::null_mut(),
            fresh_count: 0,
            spare: Vec::new(),
            released: Vec::new(),
            held_slab_count: 0,
            freed_bytes: Cell::new(0),
        }
    }

    /// Bytes that the system has backed: slabs in use and spare ones.
    pub(super) fn held_bytes(&self) -> usize {
        self.held_slab_count * SLAB_BYTES
    }

    /// A piece of at least `len` bytes, at most [`PIECE_BYTES_MAX`], aligned to 8.
    #[inline]
    pub(super) fn allocate(&mut self, len: usize) -> *mut u8 {
        let class = class_of(len);
        if self.classes[class].head.is_null() {
            self.add_slab(class);
        }
        let list = &mut self.classes[class];
        list.live_count += 1;
        let slab = list.head;
        let units = CLASS_BYTES[class] / UNIT as u16;
        // SAFETY: a slab in a list is a live header at the start of a slab that this value owns,
        // and has a free piece or an unused one (invariant 2); both lie inside the slab.
        unsafe {
            let header = &mut *slab;
            header.live += 1;
            let piece = if header.free != 0 {
                let piece = slab.cast::<u8>().add(usize::from(header.free) * UNIT);
                header.free = piece.cast::<u16>().read();
                piece
            } else {
                let piece = slab.cast::<u8>().add(usize::from(header.unused) * UNIT);
                header.unused += units;
                piece
            };
            if header.free == 0 && usize::from(header.unused + units) > SLAB_UNITS {
                self.unlist(slab);
            }
            piece
        }
    }

    /// Takes back a piece that was allocated with the same `len`.
    ///
    /// # Safety
    /// `piece` must come from [`Slabs::allocate`] of this value with a `len` of the same class, and
    /// not have been freed since.
    #[inline]
    pub(super) unsafe fn free(&mut self, piece: *mut u8, len: usize) {
        let class = class_of(len);
        let offset = piece as usize % SLAB_BYTES;
        let units = CLASS_BYTES[class] / UNIT as u16;
        self.classes[class].live_count -= 1;
        let freed_bytes = self.freed_bytes.get_mut();
        *freed_bytes = freed_bytes.saturating_add(len);
        // SAFETY: slabs are aligned to their size, so the piece's slab begins `offset` before it;
        // the caller vouches for the piece, which is at least 16 bytes long.
        let (slab, live) = unsafe {
            let slab = piece.sub(offset).cast::<SlabHeader>();
            let header = &mut *slab;
            debug_assert_eq!(usize::from(header.class), class);
            let was_full = header.free == 0 && usize::from(header.unused + units) > SLAB_UNITS;
            piece.cast::<u16>().write(header.free);
            header.free = (offset / UNIT) as u16;
            header.live -= 1;
            if was_full {
                self.list(slab);
            }
            (slab, (*slab).live)
        };
        if live == 0 {
            self.unlist(slab);
            self.give_up(slab);
        }
    }

    fn list(&mut self, slab: *mut SlabHeader) {
        // SAFETY: `slab` is a live header; so is the head of a list, if there is one.
        unsafe {
            let list = &mut self.classes[usize::from((*slab).class)];
            (*slab).previous = ptr::null_mut();
            (*slab).next = list.head;
            if let Some(next) = list.head.as_mut() {
                next.previous = slab;
            }
            list.head = slab;
        }
    }

    fn unlist(&mut self, slab: *mut SlabHeader) {
        // SAFETY: `slab` is a live header in the list of its class, and so are its neighbours.
        unsafe {
            let header = &mut *slab;
            if let Some(next) = header.next.as_mut() {
                next.previous = header.previous;
            }
            match header.previous.as_mut() {
                Some(previous) => previous.next = header.next,
                None => self.classes[usize::from(header.class)].head = header.next,
            }
            header.next = ptr::null_mut();
            header.previous = ptr::null_mut();
        }
    }

    #[cold]
    fn add_slab(&mut self, class: usize) {
        // The first one of a size may stay nearly empty: its pages come as they are used.
        let is_backed = self.classes[class].slab_count > 0;
        let slab = self.take_slab(is_backed).cast::<SlabHeader>();
        let header = SlabHeader {
            next: ptr::null_mut(),
            previous: ptr::null_mut(),
            class: class as u16,
            live: 0,
            free: 0,
            unused: (HEADER_BYTES / UNIT) as u16,
        };
        // SAFETY: `take_slab` gives memory of a whole slab, aligned to its size, that nobody uses.
        unsafe { slab.write(header) };
        self.classes[class].slab_count += 1;
        self.list(slab);
    }

    fn take_slab(&mut self, is_backed: bool) -> *mut u8 {
        if let Some(slab) = self.spare.pop() {
            return slab;
        }
        let slab = self.released.pop().unwrap_or_else(|| {
            if self.fresh_count == 0 {
                self.map_region();
            }
            let slab = self.fresh;
            // SAFETY: there is at least one slab left at `fresh`; one past the last is never read.
            self.fresh = unsafe { slab.add(SLAB_BYTES) };
            self.fresh_count -= 1;
            slab
        });
        self.held_slab_count += 1;
        if is_backed {
            // SAFETY: the slab is part of a mapping of ours and nobody uses it.
            unsafe { back(slab, SLAB_BYTES) };
        }
        slab
    }

    fn map_region(&mut self) {
        let bytes = REGION_BYTES + SLAB_BYTES;
        let base = map_addresses(bytes);
        self.regions.push((base, bytes));
        // SAFETY: the mapping has room for a region behind at most one slab of alignment.
        self.fresh = unsafe { base.add(base.align_offset(SLAB_BYTES)) };
        self.fresh_count = REGION_BYTES / SLAB_BYTES;
    }

    /// Keeps an empty slab, which is in no list, for whoever needs one next.
    fn give_up(&mut self, slab: *mut SlabHeader) {
        // SAFETY: the slab is live until here.
        let class = usize::from(unsafe { (*slab).class });
        self.classes[class].slab_count -= 1;
        self.spare.push(slab.cast::<u8>());
    }

    /// Whether there are more empty slabs than should be kept.
    pub(super) fn has_surplus(&self) -> bool {
        self.spare.len() > SPARE_SLABS_MAX
    }

    /// Gives some of them back to the system.
    pub(super) fn release_some(&mut self) {
        let surplus = self.spare.len().saturating_sub(SPARE_SLABS_MAX);
        for _ in 0..surplus.min(RELEASE_SLABS) {
            let slab = self.spare.pop().expect("there is a surplus");
            // SAFETY: the slab is part of a mapping of ours, and no piece of it is in use.
            unsafe { release(slab, SLAB_BYTES) };
            self.released.push(slab);
            self.held_slab_count -= 1;
        }
    }

    /// Whether some class holds so much free memory that its pieces should move together. Looks at
    /// the classes only when about a slab's worth of pieces was freed since it last found none.
    pub(super) fn is_worth_compacting(&self) -> bool {
        if self.freed_bytes.get() < SLAB_BYTES {
            return false;
        }
        let is_worth_it = self.class_to_compact().is_some();
        if !is_worth_it {
            self.freed_bytes.set(0);
        }
        is_worth_it
    }

    fn class_to_compact(&self) -> Option<usize> {
        (0..CLASS_COUNT)
            .map(|class| (self.classes[class].free_bytes(class), class))
            .filter(|&(free_bytes, class)| {
                let held_bytes = self.classes[class].slab_count * SLAB_BYTES;
                free_bytes >= (COMPACT_SLABS_MIN * SLAB_BYTES).max(held_bytes / COMPACT_FREE_SHARE)
            })
            .max()
            .map(|(_, class)| class)
    }

    /// The pieces in use of a slab that is to be emptied: the emptiest of some of the class that
    /// holds most free memory. Until [`Slabs::end_evacuation`] no new piece comes from it.
    pub(super) fn begin_evacuation(&mut self) -> Option<Evacuation> {
        let class = self.class_to_compact()?;
        let mut slab = self.classes[class].head;
        let mut emptiest = slab;
        for _ in 0..COMPACT_CANDIDATES {
            // SAFETY: a slab in a list, or none.
            let Some(header) = (unsafe { slab.as_ref() }) else {
                break;
            };
            // SAFETY: as above; there is one, because there is a first.
            if header.live < unsafe { (*emptiest).live } {
                emptiest = slab;
            }
            slab = header.next;
        }
        if emptiest.is_null() {
            return None;
        }
        self.unlist(emptiest);
        Some(Evacuation {
            pieces: live_pieces(emptiest),
            slab: emptiest,
        })
    }

    /// Ends an evacuation: the slab is given up if all its pieces have been moved away by
    /// [`Slabs::abandon`], or takes part again.
    pub(super) fn end_evacuation(&mut self, evacuation: Evacuation) {
        let slab = evacuation.slab;
        // SAFETY: the slab is live, and in no list since the evacuation began.
        if unsafe { (*slab).live } == 0 {
            self.give_up(slab);
        } else {
            self.list(slab);
        }
    }

    /// Takes back a piece of a slab that is being emptied, without offering it again.
    ///
    /// # Safety
    /// As [`Slabs::free`]; the slab must be under evacuation.
    pub(super) unsafe fn abandon(&mut self, piece: *mut u8, len: usize) {
        let class = class_of(len);
        let offset = piece as usize % SLAB_BYTES;
        self.classes[class].live_count -= 1;
        // SAFETY: as in `free`.
        unsafe {
            let header = &mut *piece.sub(offset).cast::<SlabHeader>();
            piece.cast::<u16>().write(header.free);
            header.free = (offset / UNIT) as u16;
            header.live -= 1;
        }
    }

    #[cfg(any(test, debug_assertions))]
    pub(super) fn check_invariants(&self) {
        for (number, class) in self.classes.iter().enumerate() {
            let mut slab = class.head;
            let units = usize::from(CLASS_BYTES[number]) / UNIT;
            // SAFETY: slabs in lists are live.
            while let Some(header) = unsafe { slab.as_ref() } {
                assert_eq!(usize::from(header.class), number);
                let has_room = header.free != 0 || usize::from(header.unused) + units <= SLAB_UNITS;
                assert!(has_room, "a full slab is in a list");
                assert_eq!(live_pieces(slab).len(), usize::from(header.live));
                slab = header.next;
            }
            assert!(class.live_count * units <= class.slab_count * SLAB_UNITS);
        }
    }
}

impl Drop for Slabs {
    fn drop(&mut self) {
        for (base, bytes) in self.regions.drain(..) {
            // SAFETY: the mapping is ours, and whoever had pieces of it is gone: the keyspace drops
            // its tables first.
            unsafe { unmap(base, bytes) };
        }
    }
}

/// New addresses for `bytes`, which nothing backs yet.
pub(super) fn map_addresses(bytes: usize) -> *mut u8 {
    let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
    // SAFETY: a new anonymous mapping at a place of the system's choice.
    let mapped = unsafe {
        mmap_anonymous(
            ptr::null_mut(),
            bytes,
            ProtFlags::READ | ProtFlags::WRITE,
            flags,
        )
    };
    let Ok(base) = mapped else {
        let layout = Layout::from_size_align(bytes, UNIT);
        handle_alloc_error(layout.expect("a region is a valid layout"));
    };
    #[cfg(target_os = "linux")]
    // SAFETY: the mapping is ours. A huge page would be cleared in one go, in the middle of a
    // request, and could not go back to the system in parts.
    unsafe {
        _ = madvise(base, bytes, Advice::LinuxNoHugepage);
    }
    base.cast()
}

/// Has the system back a range at once. A system that does not know how backs its pages one by one
/// as they are touched.
///
/// # Safety
/// The range must be whole pages of a mapping of [`map_addresses`].
pub(super) unsafe fn back(start: *mut u8, bytes: usize) {
    #[cfg(target_os = "linux")]
    // SAFETY: the caller vouches for the range, whose content stays.
    unsafe {
        _ = madvise(start.cast(), bytes, Advice::LinuxPopulateWrite);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (start, bytes);
}

/// Gives the memory of a range back, and keeps its addresses.
///
/// # Safety
/// As [`back`], and nobody may use the range's content any more.
pub(super) unsafe fn release(start: *mut u8, bytes: usize) {
    // SAFETY: the caller vouches for the range.
    unsafe { _ = madvise(start.cast(), bytes, Advice::LinuxDontNeed) };
}

/// Gives memory and addresses back.
///
/// # Safety
/// The range must be what [`map_addresses`] returned, and nobody may use it any more.
pub(super) unsafe fn unmap(base: *mut u8, bytes: usize) {
    // SAFETY: the caller vouches for the range.
    unsafe { _ = munmap(base.cast(), bytes) };
}

/// A slab that is being emptied.
pub(super) struct Evacuation {
    /// The pieces in use when it began.
    pub(super) pieces: Vec<*mut u8>,
    slab: *mut SlabHeader,
}

/// The pieces in use of a slab, by its address. O(pieces).
fn live_pieces(slab: *mut SlabHeader) -> Vec<*mut u8> {
    let mut is_free = [0u64; SLAB_UNITS / 64];
    // SAFETY: callers pass a live slab; free pieces name each other inside it (invariant 3).
    let (class, unused) = unsafe {
        let header = &*slab;
        let mut free = usize::from(header.free);
        while free != 0 {
            is_free[free / 64] |= 1 << (free % 64);
            free = usize::from(slab.cast::<u8>().add(free * UNIT).cast::<u16>().read());
        }
        (usize::from(header.class), usize::from(header.unused))
    };
    let units = usize::from(CLASS_BYTES[class]) / UNIT;
    (HEADER_BYTES / UNIT..unused)
        .step_by(units)
        .filter(|unit| is_free[unit / 64] & 1 << (unit % 64) == 0)
        // SAFETY: pieces below `unused` lie inside the slab.
        .map(|unit| unsafe { slab.cast::<u8>().add(unit * UNIT) })
        .collect()
}

#[cfg(test)]
mod tests;
