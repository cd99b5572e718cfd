//! A hierarchical timing wheel for deadlines that may be met one resolution late, with cancellation
//! in O(1).
//!
//! After Varghese and Lauck, "Hashed and hierarchical timing wheels" (1987), scheme 7. Time is
//! counted in ticks of `resolution_ms`; a tick is written in base 64, and its digits choose the
//! place:
//!
//! ```text
//! level    highest digit in which the timer's tick differs from `elapsed`; 11 levels cover 64 bits, so there is no horizon
//! slot     that digit of the timer's tick: 64 slots per level, each a ring of timers in order of arrival
//! bucket   one slot of one level; its start is the first tick that has these digits
//!
//! elapsed = (0, 5, 9):  tick (0,5,40) -> level 0 slot 40    tick (0,7,2) -> level 1 slot 7    tick (3,0,0) -> level 2 slot 3
//! ```
//!
//! Invariants, checked by [`TimerWheel::check_invariants`]:
//! 1. Every timer is due at `elapsed` or later and lies in the bucket that its tick and `elapsed`
//!    give, except in a bucket whose cascade was cut short by a budget; `cascading` names it, and
//!    it is finished before anything else.
//! 2. Hence all timers of one level are due before all timers of the next, slots ascend within a
//!    level, and the next thing to do is the lowest slot of the lowest level: two counts of
//!    trailing zeros.
//! 3. The bitmaps mark exactly the buckets that are not empty.
//!
//! Cost: insert and cancel O(1). A timer moves down at most once per level, 10 times in theory and
//! 2 times for five minutes in ticks of 8 ms. 2.9 KiB, and 40 bytes with a `T` per timer. Empty
//! stretches of time cost nothing. The timers lie in one slab that doubles by copying: say how many
//! there may be with [`TimerWheel::with_capacity`].
//!
//! Not here: the clock (`base/`), and the exact deadlines of keys (`structures/expiry_heap.rs`).

use slab::Slab;

/// Bits of a tick per level.
const SLOT_BITS: u32 = 6;
/// Slots per level.
const SLOTS: usize = 1 << SLOT_BITS;
/// Levels needed to tell any two ticks apart.
const LEVELS: usize = u64::BITS.div_ceil(SLOT_BITS) as usize;
/// The head of an empty ring.
const NONE: u32 = u32::MAX;

/// Names one timer for [`TimerWheel::cancel`]; harmless once that timer has fired or was cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerHandle {
    index: u32,
    generation: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bucket {
    level: u8,
    slot: u8,
}

impl Bucket {
    /// Where a tick belongs, seen from `elapsed`, which must not be later.
    fn of(tick: u64, elapsed: u64) -> Self {
        debug_assert!(tick >= elapsed);
        // With the lowest digit set, equal ticks count as differing in level 0.
        let differing = (tick ^ elapsed) | (SLOTS as u64 - 1);
        let level = differing.ilog2() / SLOT_BITS;
        let slot = (tick >> (level * SLOT_BITS)) % SLOTS as u64;
        Self {
            level: level as u8,
            slot: slot as u8,
        }
    }

    /// The first tick of this bucket, seen from `elapsed`.
    fn start(self, elapsed: u64) -> u64 {
        let shift = u32::from(self.level) * SLOT_BITS;
        let above = elapsed.checked_shr(shift + SLOT_BITS).unwrap_or(0);
        (above << SLOT_BITS | u64::from(self.slot)) << shift
    }

    fn bit(self) -> u64 {
        1 << self.slot
    }
}

struct Timer<T> {
    tick: u64,
    generation: u64,
    next: u32,
    previous: u32,
    bucket: Bucket,
    value: T,
}

/// Coarse timers that carry a `T` each; see the [module](self) header.
///
/// Times are milliseconds of one clock of the caller that does not run backwards; if it does,
/// nothing fires until it has caught up. A timer fires in the first [`advance`](Self::advance)
/// whose `now_ms` has reached its deadline rounded up to a multiple of the resolution, so never
/// early and less than one resolution late. Timers of one tick fire in the order of their
/// insertion, except that one inserted while a budget holds up a cascade may overtake those still
/// in it.
pub struct TimerWheel<T> {
    resolution_ms: u64,
    /// Ticks that are over; moves up to the start of a bucket, or to the tick of `now` when nothing
    /// lies between.
    elapsed: u64,
    next_generation: u64,
    occupied_levels: u16,
    cascading: Option<Bucket>,
    occupied_slots: [u64; LEVELS],
    heads: [[u32; SLOTS]; LEVELS],
    timers: Slab<Timer<T>>,
}

impl<T> TimerWheel<T> {
    /// A wheel that starts at `now_ms` and counts in steps of `resolution_ms`, which must not be 0.
    pub fn new(resolution_ms: u64, now_ms: u64) -> Self {
        Self::with_capacity(resolution_ms, now_ms, 0)
    }

    /// As [`new`](Self::new), with room for `timers_count` timers before the slab has to be copied.
    pub fn with_capacity(resolution_ms: u64, now_ms: u64, timers_count: usize) -> Self {
        assert!(resolution_ms > 0, "a timer wheel needs a resolution");
        Self {
            resolution_ms,
            elapsed: now_ms / resolution_ms,
            next_generation: 0,
            occupied_levels: 0,
            cascading: None,
            occupied_slots: [0; LEVELS],
            heads: [[NONE; SLOTS]; LEVELS],
            timers: Slab::with_capacity(timers_count),
        }
    }

    /// Number of timers that have neither fired nor been cancelled.
    pub fn len(&self) -> usize {
        self.timers.len()
    }

    /// Whether there is no timer.
    pub fn is_empty(&self) -> bool {
        self.timers.is_empty()
    }

    /// Adds a timer; one whose deadline is past fires in the next advance. A deadline of `u64::MAX`
    /// never fires. Call [`next_deadline_ms`](Self::next_deadline_ms) again afterwards.
    pub fn insert(&mut self, deadline_ms: u64, value: T) -> TimerHandle {
        let tick = deadline_ms.div_ceil(self.resolution_ms).max(self.elapsed);
        let generation = self.next_generation;
        self.next_generation += 1;
        let bucket = Bucket::of(tick, self.elapsed);
        let timer = Timer {
            tick,
            generation,
            next: NONE,
            previous: NONE,
            bucket,
            value,
        };
        let index = u32::try_from(self.timers.insert(timer)).expect("fewer than 2^32 timers fit");
        self.link(index, bucket);
        TimerHandle { index, generation }
    }

    /// Takes a timer out before it fires; `None` if it has fired or was cancelled before.
    pub fn cancel(&mut self, handle: TimerHandle) -> Option<T> {
        let timer = self.timers.get(handle.index as usize)?;
        if timer.generation != handle.generation {
            return None;
        }
        self.unlink(handle.index);
        Some(self.timers.remove(handle.index as usize).value)
    }

    /// When to call [`advance`](Self::advance) next, in milliseconds, or `None` without timers.
    /// O(1).
    ///
    /// Never later than the earliest deadline rounded up to the resolution. Equal to it when that
    /// timer lies in level 0: within the aligned 64 ticks that contain the wheel's own time.
    /// Otherwise it is the start of the bucket in which that timer lies: at most one resolution
    /// times 64 to the power of its level too early. An advance then fires nothing but moves the
    /// bucket down, so waking by this value makes progress each time and never spins.
    pub fn next_deadline_ms(&self) -> Option<u64> {
        let (_, start) = self.next_bucket()?;
        Some(start.saturating_mul(self.resolution_ms))
    }

    /// Fires what is due at `now_ms`, earliest tick first; whether more is due than `budget`
    /// allowed.
    ///
    /// One unit of budget fires one timer or moves one timer down a level; empty stretches of time
    /// cost none. A `now_ms` before the time the wheel has reached is a no-op. Call this again if
    /// it returned `true`, else [`next_deadline_ms`](Self::next_deadline_ms).
    pub fn advance(&mut self, now_ms: u64, budget: usize, mut fired: impl FnMut(T)) -> bool {
        let target = now_ms / self.resolution_ms;
        let mut left = budget;
        loop {
            match self.next_bucket() {
                Some((bucket, start)) if start <= target => {
                    if left == 0 {
                        return true;
                    }
                    left -= 1;
                    self.elapsed = start;
                    if let Some(value) = self.take_first(bucket) {
                        fired(value);
                    }
                }
                _ => {
                    // Nothing lies in between, so no timer changes its bucket by this.
                    self.elapsed = self.elapsed.max(target);
                    return false;
                }
            }
        }
    }

    /// Asserts the invariants of the module header. O(timers), for tests.
    pub fn check_invariants(&self) {
        let mut counted = 0;
        for level in 0..LEVELS {
            let marked = self.occupied_levels >> level & 1 == 1;
            assert_eq!(
                marked,
                self.occupied_slots[level] != 0,
                "level {level} is marked wrongly"
            );
            for slot in 0..SLOTS {
                let bucket = Bucket {
                    level: level as u8,
                    slot: slot as u8,
                };
                let length = self.check_ring(bucket);
                let marked = self.occupied_slots[level] & bucket.bit() != 0;
                assert_eq!(marked, length > 0, "{bucket:?} is marked wrongly");
                counted += length;
            }
        }
        assert_eq!(counted, self.timers.len(), "a timer is in no ring");
        if let Some(bucket) = self.cascading {
            assert_ne!(self.head(bucket), NONE, "a finished cascade is still named");
            assert_eq!(
                bucket.start(self.elapsed),
                self.elapsed,
                "time went on during a cascade"
            );
        }
    }

    /// Asserts that one ring is linked both ways and holds only its own timers; returns its length.
    fn check_ring(&self, bucket: Bucket) -> usize {
        let head = self.head(bucket);
        let mut length = 0;
        let mut index = head;
        while index != NONE {
            let timer = &self.timers[index as usize];
            assert!(timer.tick >= self.elapsed, "timer {index} is overdue");
            assert_eq!(timer.bucket, bucket, "timer {index} names another bucket");
            if self.cascading != Some(bucket) {
                assert_eq!(
                    Bucket::of(timer.tick, self.elapsed),
                    bucket,
                    "timer {index} is astray"
                );
            }
            assert_eq!(
                self.timers[timer.next as usize].previous, index,
                "ring is broken"
            );
            length += 1;
            index = if timer.next == head { NONE } else { timer.next };
        }
        length
    }

    /// The bucket to work on next and its start in ticks, which is never before `elapsed`.
    fn next_bucket(&self) -> Option<(Bucket, u64)> {
        if let Some(bucket) = self.cascading {
            return Some((bucket, self.elapsed));
        }
        if self.occupied_levels == 0 {
            return None;
        }
        let level = self.occupied_levels.trailing_zeros() as u8;
        let slot = self.occupied_slots[usize::from(level)].trailing_zeros() as u8;
        let bucket = Bucket { level, slot };
        Some((bucket, bucket.start(self.elapsed)))
    }

    /// Takes the first timer of the next bucket, whose start `elapsed` has reached: out of the
    /// wheel if it is due, and then its value is returned, else down to a lower level.
    fn take_first(&mut self, bucket: Bucket) -> Option<T> {
        let index = self.head(bucket);
        if bucket.level == 0 {
            self.unlink(index);
            return Some(self.timers.remove(index as usize).value);
        }
        // Must be set before unlinking, which clears it with the last timer of the bucket.
        self.cascading = Some(bucket);
        self.unlink(index);
        self.link(
            index,
            Bucket::of(self.timers[index as usize].tick, self.elapsed),
        );
        None
    }

    fn head(&self, bucket: Bucket) -> u32 {
        self.heads[usize::from(bucket.level)][usize::from(bucket.slot)]
    }

    fn set_head(&mut self, bucket: Bucket, index: u32) {
        self.heads[usize::from(bucket.level)][usize::from(bucket.slot)] = index;
    }

    /// Appends a timer to the ring of a bucket.
    fn link(&mut self, index: u32, bucket: Bucket) {
        let head = self.head(bucket);
        let (next, previous) = if head == NONE {
            self.set_head(bucket, index);
            self.occupied_slots[usize::from(bucket.level)] |= bucket.bit();
            self.occupied_levels |= 1 << bucket.level;
            (index, index)
        } else {
            let tail = self.timers[head as usize].previous;
            self.timers[head as usize].previous = index;
            self.timers[tail as usize].next = index;
            (head, tail)
        };
        let timer = &mut self.timers[index as usize];
        timer.next = next;
        timer.previous = previous;
        timer.bucket = bucket;
    }

    /// Takes a timer out of its ring; it stays in the slab.
    fn unlink(&mut self, index: u32) {
        let Timer {
            next,
            previous,
            bucket,
            ..
        } = self.timers[index as usize];
        if next != index {
            self.timers[previous as usize].next = next;
            self.timers[next as usize].previous = previous;
            if self.head(bucket) == index {
                self.set_head(bucket, next);
            }
            return;
        }
        self.set_head(bucket, NONE);
        let slots = &mut self.occupied_slots[usize::from(bucket.level)];
        *slots &= !bucket.bit();
        if *slots == 0 {
            self.occupied_levels &= !(1 << bucket.level);
        }
        if self.cascading == Some(bucket) {
            self.cascading = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

    fn fire_all<T>(wheel: &mut TimerWheel<T>, now_ms: u64) -> Vec<T> {
        let mut fired = Vec::new();
        while wheel.advance(now_ms, 7, |value| fired.push(value)) {}
        wheel.check_invariants();
        fired
    }

    #[test]
    fn fires_at_the_deadline_rounded_up() {
        let mut wheel = TimerWheel::new(8, 1_000);
        wheel.insert(1_008, "even");
        wheel.insert(1_009, "odd");
        assert_eq!(wheel.next_deadline_ms(), Some(1_008));
        assert_eq!(fire_all(&mut wheel, 1_007), [""; 0]);
        assert_eq!(fire_all(&mut wheel, 1_008), ["even"]);
        assert_eq!(wheel.next_deadline_ms(), Some(1_016));
        assert_eq!(fire_all(&mut wheel, 1_015), [""; 0]);
        assert_eq!(fire_all(&mut wheel, 1_016), ["odd"]);
        assert_eq!((wheel.len(), wheel.next_deadline_ms()), (0, None));
    }

    #[test]
    fn a_past_deadline_fires_at_once_and_the_greatest_never() {
        let mut wheel = TimerWheel::new(8, 1_000_003);
        wheel.insert(5, 'p');
        wheel.insert(1_000_003, 'n');
        wheel.insert(u64::MAX, 'x');
        assert_eq!(fire_all(&mut wheel, 1_000_003), ['p']);
        assert_eq!(fire_all(&mut wheel, 1_000_008), ['n']);
        assert_eq!(fire_all(&mut wheel, u64::MAX), []);
        assert_eq!(wheel.next_deadline_ms(), Some(u64::MAX));
    }

    #[test]
    fn a_stale_handle_cancels_nothing() {
        let mut wheel = TimerWheel::new(1, 0);
        let first = wheel.insert(10, 1);
        assert_eq!(wheel.cancel(first), Some(1));
        assert_eq!(wheel.cancel(first), None);
        let second = wheel.insert(10, 2);
        assert_eq!(second.index, first.index, "the slot is used again");
        assert_eq!(wheel.cancel(first), None);
        assert_eq!(fire_all(&mut wheel, 10), [2]);
        assert_eq!(wheel.cancel(second), None);
    }

    #[test]
    fn one_tick_fires_in_order_of_insertion_also_after_a_cascade() {
        let mut wheel = TimerWheel::new(8, 0);
        for value in 0..5 {
            wheel.insert(100 * 8, value);
        }
        assert_eq!(fire_all(&mut wheel, 70 * 8), []);
        for value in 5..10 {
            wheel.insert(100 * 8, value);
        }
        assert_eq!(fire_all(&mut wheel, DAY_MS), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }

    /// Goal: a jump of days costs per timer, not per tick. Method: each unit of work takes budget,
    /// so count it.
    #[test]
    fn a_jump_of_days_walks_no_empty_ticks() {
        let mut wheel = TimerWheel::new(8, 0);
        wheel.insert(30 * DAY_MS, "month");
        let mut fired = Vec::new();
        assert!(!wheel.advance(30 * DAY_MS - 1, 4, |value| fired.push(value)));
        assert!(fired.is_empty());
        assert!(!wheel.advance(30 * DAY_MS, 2, |value| fired.push(value)));
        assert_eq!(fired, ["month"]);
    }

    #[test]
    fn a_budget_bounds_the_work_and_loses_nothing() {
        let mut wheel = TimerWheel::new(8, 0);
        for value in 0..100 {
            wheel.insert(80_000, value);
        }
        let mut fired = Vec::new();
        assert!(wheel.advance(80_000, 0, |value| fired.push(value)));
        assert_eq!(wheel.next_deadline_ms(), Some(8 * (10_000 >> 12 << 12)));
        let mut calls = 0;
        let mut more = true;
        while more {
            more = wheel.advance(80_000, 10, |value| fired.push(value));
            wheel.check_invariants();
            calls += 1;
            assert_eq!(
                fired.is_empty(),
                calls <= 20,
                "100 timers move down twice, ten per call"
            );
        }
        assert_eq!(calls, 30);
        assert_eq!(fired, (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_cascade_cut_short_is_finished_before_later_timers_fire() {
        let mut wheel = TimerWheel::new(1, 0);
        wheel.insert(70, "a");
        let cancelled = wheel.insert(71, "b");
        wheel.insert(65, "c");
        assert!(wheel.advance(100, 1, |_| panic!("the first step only moves")));
        assert_eq!(wheel.next_deadline_ms(), Some(64));
        wheel.insert(90, "d");
        assert_eq!(wheel.cancel(cancelled), Some("b"));
        assert_eq!(fire_all(&mut wheel, 100), ["c", "a", "d"]);
    }

    #[test]
    fn cancelling_the_rest_of_a_cascade_ends_it() {
        let mut wheel = TimerWheel::new(1, 0);
        wheel.insert(70, "a");
        let cancelled = wheel.insert(71, "b");
        assert!(wheel.advance(64, 1, |_| panic!("the first step only moves")));
        assert_eq!(wheel.cancel(cancelled), Some("b"));
        wheel.check_invariants();
        assert_eq!(wheel.next_deadline_ms(), Some(70));
        assert!(!wheel.advance(64, 0, |_| panic!("nothing is due")));
        // The bucket of the ended cascade comes round again one turn of its level later.
        wheel.insert(64 + 64 * 64, "later");
        assert_eq!(fire_all(&mut wheel, 64 + 64 * 64 - 1), ["a"]);
        assert_eq!(fire_all(&mut wheel, 64 + 64 * 64), ["later"]);
    }

    #[test]
    fn time_that_goes_back_is_a_no_op() {
        let mut wheel = TimerWheel::new(8, 10_000);
        assert_eq!(fire_all(&mut wheel, 20_000), [0; 0]);
        wheel.insert(9_000, 1);
        assert_eq!(fire_all(&mut wheel, 9_500), []);
        assert_eq!(wheel.next_deadline_ms(), Some(20_000));
        assert_eq!(fire_all(&mut wheel, 20_000), [1]);
    }

    /// Goal: waking by `next_deadline_ms` alone meets the deadline in few wakes. Method: jump the
    /// clock from wake to wake.
    #[test]
    fn following_the_next_deadline_takes_one_wake_per_level() {
        for exponent in 0..41 {
            let deadline_ms = (1_u64 << exponent) + 77;
            let mut wheel = TimerWheel::new(8, 3);
            wheel.insert(deadline_ms, ());
            let mut wakes = 0;
            while let Some(now_ms) = wheel.next_deadline_ms() {
                wakes += 1;
                let fired = fire_all(&mut wheel, now_ms).len();
                assert_eq!(fired == 1, now_ms == deadline_ms.div_ceil(8) * 8);
            }
            assert!(
                wakes <= 1 + exponent / 6,
                "{wakes} wakes for 2^{exponent} ms"
            );
        }
    }

    #[derive(Clone, Debug)]
    enum Operation {
        Insert(u64),
        Cancel(usize),
        Advance(u64, usize),
        StepBack(u64),
        FollowNext,
    }

    fn span() -> impl Strategy<Value = u64> {
        (0..42_u32, any::<u64>()).prop_map(|(bits, random)| random & ((1 << bits) - 1))
    }

    fn operation() -> impl Strategy<Value = Operation> {
        prop_oneof![
            6 => span().prop_map(Operation::Insert),
            2 => any::<usize>().prop_map(Operation::Cancel),
            3 => (span(), 0..20_usize).prop_map(|(ms, budget)| Operation::Advance(ms, budget)),
            1 => span().prop_map(Operation::StepBack),
            2 => Just(Operation::FollowNext),
        ]
    }

    struct Expected {
        handle: TimerHandle,
        id: u64,
        due_ms: u64,
    }

    /// The wheel beside an unordered list of what has to fire.
    struct Pair {
        wheel: TimerWheel<u64>,
        model: Vec<Expected>,
        resolution_ms: u64,
        now_ms: u64,
        next_id: u64,
    }

    impl Pair {
        fn insert(&mut self, deadline_ms: u64) {
            let id = self.next_id;
            self.next_id += 1;
            let handle = self.wheel.insert(deadline_ms, id);
            let elapsed_ms = self.wheel.elapsed * self.resolution_ms;
            let due_ms = deadline_ms.div_ceil(self.resolution_ms) * self.resolution_ms;
            self.model.push(Expected {
                handle,
                id,
                due_ms: due_ms.max(elapsed_ms),
            });
        }

        fn cancel(&mut self, pick: usize) {
            if !self.model.is_empty() {
                let expected = self.model.swap_remove(pick % self.model.len());
                assert_eq!(self.wheel.cancel(expected.handle), Some(expected.id));
                assert_eq!(self.wheel.cancel(expected.handle), None);
            }
        }

        fn advance(&mut self, now_ms: u64, budget: usize) {
            let mut fired = Vec::new();
            let more = self.wheel.advance(now_ms, budget, |id| fired.push(id));
            assert!(fired.len() <= budget);
            let mut last_due_ms = 0;
            for id in fired {
                let at = self.model.iter().position(|expected| expected.id == id);
                let expected = self
                    .model
                    .swap_remove(at.expect("fired once and not cancelled"));
                assert!(expected.due_ms <= now_ms, "fired early");
                assert!(expected.due_ms >= last_due_ms, "fired out of order");
                last_due_ms = expected.due_ms;
            }
            let due = self.model.iter().any(|expected| expected.due_ms <= now_ms);
            assert!(more || !due, "a due timer was left without saying so");
        }

        fn check(&self) {
            self.wheel.check_invariants();
            assert_eq!(self.wheel.len(), self.model.len());
            let next_ms = self.wheel.next_deadline_ms();
            let due_ms = self.model.iter().map(|expected| expected.due_ms).min();
            assert_eq!(next_ms.is_some(), due_ms.is_some());
            if let (Some(next_ms), Some(due_ms)) = (next_ms, due_ms) {
                assert!(next_ms <= due_ms, "would wake too late");
                let tick = due_ms / self.resolution_ms;
                if tick / 64 == self.wheel.elapsed / 64 && self.wheel.cascading.is_none() {
                    assert_eq!(next_ms, due_ms, "level 0 is exact");
                }
            }
        }

        fn apply(&mut self, operation: &Operation) {
            match *operation {
                Operation::Insert(span_ms) => self.insert(self.now_ms + span_ms),
                Operation::Cancel(pick) => self.cancel(pick),
                Operation::Advance(span_ms, budget) => {
                    self.now_ms += span_ms;
                    self.advance(self.now_ms, budget);
                }
                Operation::StepBack(span_ms) => {
                    let now_ms = self.now_ms.saturating_sub(span_ms);
                    self.advance(now_ms, 5);
                    self.insert(now_ms + 1);
                }
                Operation::FollowNext => {
                    if let Some(next_ms) = self.wheel.next_deadline_ms() {
                        self.now_ms = self.now_ms.max(next_ms);
                        self.advance(self.now_ms, 1_000_000);
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn agrees_with_a_list_of_deadlines(
            resolution_ms in prop_oneof![Just(1_u64), Just(8), 1..100_u64],
            start_ms in span(),
            operations in prop::collection::vec(operation(), 1..150),
        ) {
            let wheel = TimerWheel::new(resolution_ms, start_ms);
            let mut pair =
                Pair { wheel, model: Vec::new(), resolution_ms, now_ms: start_ms, next_id: 0 };
            for operation in &operations {
                pair.apply(operation);
                pair.check();
            }
        }
    }
}
