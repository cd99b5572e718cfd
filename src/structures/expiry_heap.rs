//! A 4-ary min-heap of deadlines that tells each payload where its node lies, and never copies
//! itself to grow.
//!
//! ```text
//! position p   root 0, children of p: 4p+1 ..= 4p+4, parent of p: (p-1)/4
//! slot         p + 3, so the children of p are group p+1: one aligned cache line, four nodes
//! chunk        slot >> 12, offset in it: slot & 4095
//!
//! chunk 0  | -  -  -  0 | 1  2  3  4 | 5  6  7  8 | ...   4096 slots of 16 bytes = 64 KiB
//!            group 0      group 1      group 2            `-` and every slot past the last node: EMPTY
//! ```
//!
//! Invariants, checked by [`ExpiryHeap::check_invariants`]:
//! 1. No node is due before its parent.
//! 2. The [`PositionStore`] has been told the position of every payload, each moved payload once
//!    per call.
//! 3. Slots without a node hold `EMPTY`, whose deadline is `u64::MAX`, so four children are
//!    compared without a count.
//! 4. `next_deadline_ms` is the root's deadline, `u64::MAX` when there is none.
//! 5. At most one chunk is spare: growth allocates one chunk, a removal frees at most one.
//!
//! Cost: 16 bytes per node, 64 KiB for the first. An insert that is due later than its parent
//! touches one node and makes one report; otherwise O(log4 n) levels. A report usually misses the
//! cache, so a hole is moved and nothing is swapped. The list of chunk pointers does double by
//! copying: 8 bytes per 4096 nodes, 10 KiB at five million.
//!
//! Why 4-ary: half the levels of a binary heap, hence half the reports, and one cache line per
//! level where a binary heap uses one per level for twice the levels. 8-ary needs two lines per
//! level for a third fewer levels. A pairing heap costs three links per node and restructures
//! without bound when the least is taken. A timing wheel inserts in O(1) but knows a far deadline
//! only by its slot, and pays for that with cascades; the cache wants the exact next deadline at
//! each read.
//!
//! Not here: what a payload is and where its position is kept (`keyspace/`), the clock (`base/`),
//! and the coarse timers that need neither exact deadlines nor reports
//! (`structures/timer_wheel.rs`).

/// Children per node; four nodes of 16 bytes fill one cache line.
const ARITY: usize = 4;
/// Slots before the root, so that each group of children starts on a multiple of [`ARITY`].
const ROOT_SLOT: usize = ARITY - 1;
/// Slots per chunk, as a power of two.
const CHUNK_SHIFT: u32 = 12;
/// Slots per chunk.
const CHUNK_SLOTS: usize = 1 << CHUNK_SHIFT;
/// Groups of children per chunk.
const CHUNK_GROUPS: usize = CHUNK_SLOTS / ARITY;
/// Bytes per chunk: the unit in which memory is taken and given back.
const CHUNK_BYTES: usize = size_of::<Chunk>();

/// A position that no node ever has, for payloads that are not in the heap.
pub const NO_POSITION: u32 = u32::MAX;

/// One deadline and what it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// When the payload is due, in milliseconds of the caller's clock.
    pub deadline_ms: u64,
    /// The caller's name for the thing that is due.
    pub payload: u64,
}

/// Fills the slots that hold no node.
const EMPTY: Node = Node {
    deadline_ms: u64::MAX,
    payload: u64::MAX,
};

/// The four children of one node, on one cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Group([Node; ARITY]);

type Chunk = [Group; CHUNK_GROUPS];

const _: () = assert!(size_of::<Node>() == 16);
const _: () = assert!(size_of::<Group>() == 64 && align_of::<Group>() == 64);
const _: () = assert!(CHUNK_BYTES == 64 * 1024);

/// Receives the positions of payloads as the heap moves their nodes.
///
/// Any `FnMut(payload, position)` is one.
pub trait PositionStore {
    /// Remembers that the node of `payload` is now at `position`.
    fn set_position(&mut self, payload: u64, position: u32);
}

impl<F: FnMut(u64, u32)> PositionStore for F {
    #[inline]
    fn set_position(&mut self, payload: u64, position: u32) {
        self(payload, position);
    }
}

/// The heap; the layout is drawn in the [module](self) header.
///
/// Nodes of equal deadline leave in an order that depends only on the calls made. A deadline of
/// `u64::MAX` is legal and can never become due. Methods that take a position panic when no node is
/// there: it means a payload kept a stale one.
pub struct ExpiryHeap {
    next_deadline_ms: u64,
    len: usize,
    chunks: Vec<Box<Chunk>>,
}

impl Default for ExpiryHeap {
    fn default() -> Self {
        Self::new()
    }
}

impl ExpiryHeap {
    /// An empty heap; allocates nothing until the first insert.
    pub const fn new() -> Self {
        Self {
            next_deadline_ms: u64::MAX,
            len: 0,
            chunks: Vec::new(),
        }
    }

    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The earliest deadline in milliseconds, `u64::MAX` when the heap is empty; one load.
    #[inline]
    pub fn next_deadline_ms(&self) -> u64 {
        self.next_deadline_ms
    }

    /// The node with the earliest deadline, which stays in the heap.
    pub fn peek(&self) -> Option<Node> {
        (self.len > 0).then(|| self.node(0))
    }

    /// The deadline in milliseconds of the node at `position`.
    pub fn deadline_at(&self, position: u32) -> u64 {
        self.node(self.index_of(position)).deadline_ms
    }

    /// The payload of the node at `position`.
    pub fn payload_at(&self, position: u32) -> u64 {
        self.node(self.index_of(position)).payload
    }

    /// Adds a node and reports where it landed, and each node moved for it. O(1) when due no
    /// earlier than its parent, else O(log n); may allocate one chunk.
    ///
    /// # Panics
    /// At `u32::MAX` nodes, which take 64 GiB.
    pub fn insert<P: PositionStore>(&mut self, deadline_ms: u64, payload: u64, positions: &mut P) {
        assert!(
            self.len < NO_POSITION as usize,
            "every position of the expiry heap is taken"
        );
        let last = self.len;
        if (last + ROOT_SLOT) >> CHUNK_SHIFT == self.chunks.len() {
            self.chunks.push(empty_chunk());
        }
        self.len += 1;
        let node = Node {
            deadline_ms,
            payload,
        };
        let hole = self.sift_up(last, deadline_ms, positions);
        self.place(hole, node, positions);
    }

    /// Takes out the node at `position` and reports each node moved into the gap, but not the one
    /// removed. O(log n); may free one chunk.
    pub fn remove<P: PositionStore>(&mut self, position: u32, positions: &mut P) -> Node {
        let index = self.index_of(position);
        let removed = self.node(index);
        let last = self.take_last();
        if index < self.len {
            let hole = self.sift(index, removed.deadline_ms, last.deadline_ms, positions);
            self.place(hole, last, positions);
        }
        removed
    }

    /// Takes out the node with the earliest deadline, reporting as [`remove`](Self::remove) does.
    /// O(log n).
    pub fn pop<P: PositionStore>(&mut self, positions: &mut P) -> Option<Node> {
        (self.len > 0).then(|| self.remove(0, positions))
    }

    /// Gives the node at `position` another deadline and reports each node that moved, itself only
    /// if it did. O(log n).
    pub fn update<P: PositionStore>(&mut self, position: u32, deadline_ms: u64, positions: &mut P) {
        let index = self.index_of(position);
        let old = self.node(index);
        let node = Node {
            deadline_ms,
            payload: old.payload,
        };
        let hole = self.sift(index, old.deadline_ms, deadline_ms, positions);
        if hole == index {
            self.write(index, node);
        } else {
            self.place(hole, node, positions);
        }
    }

    /// Names the node at `position` anew, because what it stands for has moved in memory; reports
    /// nothing.
    pub fn replace_payload(&mut self, position: u32, payload: u64) {
        let index = self.index_of(position);
        let deadline_ms = self.node(index).deadline_ms;
        self.write(
            index,
            Node {
                deadline_ms,
                payload,
            },
        );
    }

    /// Takes out the node at the highest position: O(1), moves and reports nothing. For draining in
    /// any order.
    pub fn pop_last(&mut self) -> Option<Node> {
        (self.len > 0).then(|| self.take_last())
    }

    /// Forgets the nodes of the last chunk and frees it; whether chunks remain. For emptying an
    /// abandoned heap in slices: one call frees 64 KiB and looks at no node.
    pub fn discard_chunk(&mut self) -> bool {
        self.chunks.pop();
        let slots = self.chunks.len() * CHUNK_SLOTS;
        self.len = self.len.min(slots.saturating_sub(ROOT_SLOT));
        if self.len == 0 {
            self.next_deadline_ms = u64::MAX;
        }
        !self.chunks.is_empty()
    }

    /// All nodes in order of position, which is not the order of deadlines.
    pub fn iter(&self) -> impl Iterator<Item = Node> + '_ {
        (0..self.len).map(|index| self.node(index))
    }

    /// Bytes held from the allocator: the chunks, a spare one included, and the list of them.
    pub fn used_bytes(&self) -> usize {
        self.chunks.len() * CHUNK_BYTES + self.chunks.capacity() * size_of::<Box<Chunk>>()
    }

    /// Asserts the invariants of the module header; `position_of` answers what the store was told.
    /// O(n), for tests.
    pub fn check_invariants(&self, position_of: impl Fn(u64) -> u32) {
        for (index, node) in self.iter().enumerate() {
            let parent = self.node(index.saturating_sub(1) / ARITY);
            assert!(
                parent.deadline_ms <= node.deadline_ms,
                "node {index} is due before its parent"
            );
            let told = position_of(node.payload);
            assert_eq!(
                told as usize, index,
                "payload {} has a stale position",
                node.payload
            );
        }
        let slots = self.chunks.len() * CHUNK_SLOTS;
        let tail = (self.len..slots.saturating_sub(ROOT_SLOT)).map(|index| self.node(index));
        let head = self
            .chunks
            .first()
            .map_or([EMPTY; ROOT_SLOT], |c| [c[0].0[0]; ROOT_SLOT]);
        assert!(
            tail.chain(head).all(|node| node == EMPTY),
            "a free slot is not empty"
        );
        let root_ms = self.peek().map_or(u64::MAX, |node| node.deadline_ms);
        assert_eq!(
            self.next_deadline_ms, root_ms,
            "the cached deadline is not the root's"
        );
        let needed = chunks_for(self.len);
        assert!(
            (needed..=needed + 1).contains(&self.chunks.len()),
            "too few or too many chunks"
        );
    }

    /// Moves a hole from `index` to where `deadline_ms` belongs, given that `old_ms` belonged at
    /// `index`.
    fn sift<P: PositionStore>(
        &mut self,
        index: usize,
        old_ms: u64,
        deadline_ms: u64,
        positions: &mut P,
    ) -> usize {
        if deadline_ms < old_ms {
            self.sift_up(index, deadline_ms, positions)
        } else {
            self.sift_down(index, deadline_ms, positions)
        }
    }

    /// Pulls later parents down into the hole until `deadline_ms` may stand in it; returns the
    /// hole.
    #[inline]
    fn sift_up<P: PositionStore>(
        &mut self,
        mut hole: usize,
        deadline_ms: u64,
        positions: &mut P,
    ) -> usize {
        while hole > 0 {
            let parent = (hole - 1) / ARITY;
            let above = self.node(parent);
            if above.deadline_ms <= deadline_ms {
                break;
            }
            self.place(hole, above, positions);
            hole = parent;
        }
        hole
    }

    /// Pulls earlier children up into the hole until `deadline_ms` may stand in it; returns the
    /// hole.
    #[inline]
    fn sift_down<P: PositionStore>(
        &mut self,
        mut hole: usize,
        deadline_ms: u64,
        positions: &mut P,
    ) -> usize {
        loop {
            let first_child = hole * ARITY + 1;
            if first_child >= self.len {
                return hole;
            }
            let (lane, child) = least(self.group_of_children(hole));
            // An EMPTY child cannot pass: its deadline is the greatest there is, and on a tie a
            // node comes before it.
            if child.deadline_ms >= deadline_ms {
                return hole;
            }
            self.place(hole, child, positions);
            hole = first_child + lane;
        }
    }

    /// Empties the slot of the highest position, which must exist, and frees a chunk when two would
    /// be spare.
    fn take_last(&mut self) -> Node {
        let last = self.len - 1;
        let node = self.node(last);
        self.write(last, EMPTY);
        self.len = last;
        if self.chunks.len() > chunks_for(last) + 1 {
            self.chunks.pop();
        }
        node
    }

    /// Writes a node that has moved, or is new, and reports it.
    #[inline]
    fn place<P: PositionStore>(&mut self, index: usize, node: Node, positions: &mut P) {
        self.write(index, node);
        // Lossless: `insert` keeps every index below NO_POSITION.
        positions.set_position(node.payload, index as u32);
    }

    #[inline]
    fn write(&mut self, index: usize, node: Node) {
        if index == 0 {
            self.next_deadline_ms = node.deadline_ms;
        }
        let slot = index + ROOT_SLOT;
        let group = &mut self.chunks[slot >> CHUNK_SHIFT][(slot % CHUNK_SLOTS) / ARITY];
        group.0[slot % ARITY] = node;
    }

    #[inline]
    fn node(&self, index: usize) -> Node {
        let slot = index + ROOT_SLOT;
        let group = &self.chunks[slot >> CHUNK_SHIFT][(slot % CHUNK_SLOTS) / ARITY];
        group.0[slot % ARITY]
    }

    #[inline]
    fn group_of_children(&self, index: usize) -> &Group {
        let slot = (index + 1) * ARITY;
        &self.chunks[slot >> CHUNK_SHIFT][(slot % CHUNK_SLOTS) / ARITY]
    }

    fn index_of(&self, position: u32) -> usize {
        let index = position as usize;
        assert!(
            index < self.len,
            "no node at position {position} of {}",
            self.len
        );
        index
    }
}

/// The earliest of four nodes, the first of equals, and its place among them.
#[inline]
fn least(group: &Group) -> (usize, Node) {
    let [a, b, c, d] = &group.0;
    let (left, first) = if b.deadline_ms < a.deadline_ms {
        (1, b)
    } else {
        (0, a)
    };
    let (right, second) = if d.deadline_ms < c.deadline_ms {
        (3, d)
    } else {
        (2, c)
    };
    if second.deadline_ms < first.deadline_ms {
        (right, *second)
    } else {
        (left, *first)
    }
}

/// Chunks that `len` nodes need.
fn chunks_for(len: usize) -> usize {
    if len == 0 {
        0
    } else {
        (len + ROOT_SLOT).div_ceil(CHUNK_SLOTS)
    }
}

fn empty_chunk() -> Box<Chunk> {
    let groups = vec![Group([EMPTY; ARITY]); CHUNK_GROUPS].into_boxed_slice();
    groups
        .try_into()
        .unwrap_or_else(|_| unreachable!("the vector has CHUNK_GROUPS groups"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet, HashMap};

    /// Remembers positions and how often each payload was reported since the last `begin`.
    #[derive(Default)]
    struct Recorder {
        positions: HashMap<u64, u32>,
        reported: Vec<u64>,
    }

    impl PositionStore for Recorder {
        fn set_position(&mut self, payload: u64, position: u32) {
            self.positions.insert(payload, position);
            self.reported.push(payload);
        }
    }

    impl Recorder {
        fn begin(&mut self) {
            self.reported.clear();
        }

        fn assert_each_once(&self) {
            let distinct: BTreeSet<_> = self.reported.iter().collect();
            assert_eq!(
                distinct.len(),
                self.reported.len(),
                "a payload was reported twice"
            );
        }
    }

    /// The heap beside a map of payload to deadline; every operation is made on both and compared.
    #[derive(Default)]
    struct Pair {
        heap: ExpiryHeap,
        recorder: Recorder,
        model: BTreeMap<u64, u64>,
        next_payload: u64,
    }

    #[derive(Clone, Debug)]
    enum Operation {
        Insert(u64),
        Remove(usize),
        Update(usize, u64),
        Rename(usize),
        Pop,
        PopLast,
    }

    impl Pair {
        fn apply(&mut self, operation: &Operation) {
            self.recorder.begin();
            match *operation {
                Operation::Insert(deadline_ms) => self.insert(deadline_ms),
                Operation::Remove(pick) => self.with_pick(pick, Self::remove),
                Operation::Update(pick, deadline_ms) => {
                    self.with_pick(pick, |pair, payload| pair.update(payload, deadline_ms));
                }
                Operation::Rename(pick) => self.with_pick(pick, Self::rename),
                Operation::Pop => self.pop(),
                Operation::PopLast => self.pop_last(),
            }
            self.recorder.assert_each_once();
            assert_eq!(self.heap.len(), self.model.len());
            let least_ms = self.model.values().min().copied();
            assert_eq!(self.heap.next_deadline_ms(), least_ms.unwrap_or(u64::MAX));
            assert_eq!(self.heap.peek().map(|node| node.deadline_ms), least_ms);
        }

        fn check(&self) {
            self.heap
                .check_invariants(|payload| self.recorder.positions[&payload]);
            let nodes: BTreeMap<_, _> = self
                .heap
                .iter()
                .map(|node| (node.payload, node.deadline_ms))
                .collect();
            assert_eq!(nodes, self.model);
        }

        fn with_pick(&mut self, pick: usize, action: impl FnOnce(&mut Self, u64)) {
            if !self.model.is_empty() {
                let nth = pick % self.model.len();
                let payload = *self.model.keys().nth(nth).expect("nth is below the length");
                action(self, payload);
            }
        }

        fn insert(&mut self, deadline_ms: u64) {
            let payload = self.next_payload;
            self.next_payload += 1;
            self.heap.insert(deadline_ms, payload, &mut self.recorder);
            self.model.insert(payload, deadline_ms);
        }

        fn remove(&mut self, payload: u64) {
            let position = self.recorder.positions[&payload];
            let deadline_ms = self
                .model
                .remove(&payload)
                .expect("payload was picked from the model");
            assert_eq!(self.heap.deadline_at(position), deadline_ms);
            assert_eq!(self.heap.payload_at(position), payload);
            let removed = self.heap.remove(position, &mut self.recorder);
            assert_eq!(
                removed,
                Node {
                    deadline_ms,
                    payload
                }
            );
            assert!(
                !self.recorder.reported.contains(&payload),
                "a removed payload was reported"
            );
        }

        fn update(&mut self, payload: u64, deadline_ms: u64) {
            let position = self.recorder.positions[&payload];
            self.heap.update(position, deadline_ms, &mut self.recorder);
            self.model.insert(payload, deadline_ms);
            let moved = self.recorder.positions[&payload] != position;
            assert_eq!(self.recorder.reported.contains(&payload), moved);
        }

        fn rename(&mut self, payload: u64) {
            let renamed = self.next_payload;
            self.next_payload += 1;
            let position = self.recorder.positions[&payload];
            self.heap.replace_payload(position, renamed);
            assert!(self.recorder.reported.is_empty());
            self.recorder.positions.insert(renamed, position);
            let deadline_ms = self
                .model
                .remove(&payload)
                .expect("payload was picked from the model");
            self.model.insert(renamed, deadline_ms);
        }

        fn pop(&mut self) {
            let least_ms = self.model.values().min().copied();
            let popped = self.heap.pop(&mut self.recorder);
            assert_eq!(popped.map(|node| node.deadline_ms), least_ms);
            if let Some(node) = popped {
                assert_eq!(self.model.remove(&node.payload), Some(node.deadline_ms));
            }
        }

        fn pop_last(&mut self) {
            match self.heap.pop_last() {
                Some(node) => {
                    assert_eq!(self.model.remove(&node.payload), Some(node.deadline_ms));
                }
                None => assert!(self.model.is_empty()),
            }
            assert!(self.recorder.reported.is_empty());
        }
    }

    fn deadline() -> impl Strategy<Value = u64> {
        // Few distinct values make ties; the extremes meet EMPTY.
        prop_oneof![8 => 0..20_u64, 2 => 0..1_000_000_u64, 1 => Just(u64::MAX)]
    }

    fn operation() -> impl Strategy<Value = Operation> {
        prop_oneof![
            6 => deadline().prop_map(Operation::Insert),
            2 => any::<usize>().prop_map(Operation::Remove),
            3 => (any::<usize>(), deadline()).prop_map(|(pick, ms)| Operation::Update(pick, ms)),
            1 => any::<usize>().prop_map(Operation::Rename),
            1 => Just(Operation::Pop),
            1 => Just(Operation::PopLast),
        ]
    }

    proptest! {
        #[test]
        fn agrees_with_a_map_of_deadlines(operations in prop::collection::vec(operation(), 1..200)) {
            let mut pair = Pair::default();
            for operation in &operations {
                pair.apply(operation);
                pair.check();
            }
        }
    }

    /// Goal: chunk borders are crossed correctly both ways. Method: grow to three chunks, then
    /// remove from random places.
    #[test]
    fn agrees_with_the_model_across_chunks() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut heap = ExpiryHeap::new();
        let mut recorder = Recorder::default();
        let count = 2 * CHUNK_SLOTS as u64 + 100;
        let mut model = BTreeSet::new();
        for payload in 0..count {
            let deadline_ms = random.u64(0..50_000);
            heap.insert(deadline_ms, payload, &mut recorder);
            model.insert((deadline_ms, payload));
        }
        heap.check_invariants(|payload| recorder.positions[&payload]);
        for payload in (0..count).filter(|payload| payload % 3 == 0) {
            let node = heap.remove(recorder.positions[&payload], &mut recorder);
            assert!(model.remove(&(node.deadline_ms, payload)));
        }
        heap.check_invariants(|payload| recorder.positions[&payload]);
        let mut popped = Vec::new();
        while let Some(node) = heap.pop(&mut recorder) {
            popped.push((node.deadline_ms, node.payload));
        }
        assert!(popped.is_sorted_by_key(|&(deadline_ms, _)| deadline_ms));
        assert_eq!(popped.into_iter().collect::<BTreeSet<_>>(), model);
        heap.check_invariants(|_| NO_POSITION);
    }

    #[test]
    fn later_inserts_report_themselves_only() {
        let mut heap = ExpiryHeap::new();
        for payload in 0..10_000 {
            let mut reports = Vec::new();
            heap.insert(1_000 + payload, payload, &mut |payload, position| {
                reports.push((payload, position));
            });
            assert_eq!(reports, [(payload, payload as u32)]);
        }
    }

    #[test]
    fn an_earliest_insert_reports_the_path_to_the_root() {
        let mut heap = ExpiryHeap::new();
        for payload in 0..21 {
            heap.insert(100, payload, &mut |_, _| {});
        }
        let mut reports = Vec::new();
        heap.insert(1, 99, &mut |payload, position| {
            reports.push((payload, position))
        });
        assert_eq!(reports, [(5, 21), (1, 5), (0, 1), (99, 0)]);
        assert_eq!(heap.next_deadline_ms(), 1);
    }

    /// Defect guarded against: a TTL that is set again and again leaves its old deadlines behind as
    /// garbage.
    #[test]
    fn ten_million_updates_leave_one_node() {
        let rounds = if cfg!(debug_assertions) {
            1_000_000_u64
        } else {
            10_000_000
        };
        let mut heap = ExpiryHeap::new();
        let mut reports = 0;
        heap.insert(0, 5, &mut |_, _| reports += 1);
        for round in 0..rounds {
            heap.update(0, round.wrapping_mul(0x9E37_79B9_7F4A_7C15), &mut |_, _| {
                reports += 1
            });
        }
        let deadline_ms = (rounds - 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        assert_eq!(
            heap.iter().collect::<Vec<_>>(),
            [Node {
                deadline_ms,
                payload: 5
            }]
        );
        assert_eq!(reports, 1);
        assert_eq!(heap.used_bytes(), CHUNK_BYTES + heap.chunks.capacity() * 8);
    }

    #[test]
    fn chunks_come_and_go_one_at_a_time_with_one_spare() {
        let mut heap = ExpiryHeap::new();
        assert_eq!(heap.used_bytes(), 0);
        let first = (CHUNK_SLOTS - ROOT_SLOT) as u64;
        for payload in 0..first {
            heap.insert(payload, payload, &mut |_, _| {});
            assert_eq!(heap.chunks.len(), 1);
        }
        for payload in first..first + CHUNK_SLOTS as u64 {
            heap.insert(payload, payload, &mut |_, _| {});
            assert_eq!(heap.chunks.len(), 2);
        }
        heap.insert(0, 0, &mut |_, _| {});
        assert_eq!(heap.chunks.len(), 3);
        heap.pop_last();
        assert_eq!(heap.chunks.len(), 3, "one chunk may be spare");
        while heap.len() > first as usize + 1 {
            heap.pop_last();
        }
        assert_eq!(heap.chunks.len(), 3);
        heap.pop_last();
        assert_eq!(heap.chunks.len(), 2);
        while heap.pop_last().is_some() {}
        assert_eq!(heap.chunks.len(), 1);
        assert_eq!(heap.next_deadline_ms(), u64::MAX);
    }

    #[test]
    fn discarding_chunks_keeps_a_valid_heap_until_none_is_left() {
        let mut recorder = Recorder::default();
        let mut heap = ExpiryHeap::new();
        for payload in 0..2 * CHUNK_SLOTS as u64 {
            heap.insert(payload ^ 0x3FF, payload, &mut recorder);
        }
        let mut lengths = Vec::new();
        while heap.discard_chunk() {
            heap.check_invariants(|payload| recorder.positions[&payload]);
            lengths.push(heap.len());
        }
        assert_eq!(
            lengths,
            [2 * CHUNK_SLOTS - ROOT_SLOT, CHUNK_SLOTS - ROOT_SLOT]
        );
        heap.check_invariants(|_| NO_POSITION);
        assert_eq!((heap.len(), heap.next_deadline_ms()), (0, u64::MAX));
        assert!(!heap.discard_chunk());
    }

    #[test]
    fn children_share_one_cache_line() {
        let mut heap = ExpiryHeap::new();
        for payload in 0..5 {
            heap.insert(payload, payload, &mut |_, _| {});
        }
        let group = heap.group_of_children(0);
        assert_eq!(group.0.map(|node| node.payload), [1, 2, 3, 4]);
        assert_eq!(std::ptr::from_ref(group).addr() % 64, 0);
    }

    #[test]
    #[should_panic(expected = "no node at position 1 of 1")]
    fn a_stale_position_panics() {
        let mut heap = ExpiryHeap::new();
        heap.insert(1, 1, &mut |_, _| {});
        heap.remove(1, &mut |_: u64, _: u32| {});
    }
}
