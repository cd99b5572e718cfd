//! States of a tree that are still being read, and blocks that nobody needs any more.
//!
//! ```text
//!  epochs   1 ────────── 2 ──────────── 3 ─────── now
//!                 view A ┘       view B ┘
//!  a block born in 1, replaced now    is retired to B, the youngest view that sees it
//!  B is closed                        it goes to A, which sees it, too
//!  A is closed                        it is freed
//! ```
//!
//! Freezing notes the root and the epoch, and begins the next one. Every block that was born by
//! then belongs to the view and does not change any more: a change puts a copy in its place, which
//! is born in the new epoch, and so are copies of the nodes above it, each once per view. No block
//! counts who needs it, so copying a node touches none of its children.
//!
//! Whatever is dropped in bulk, a subtree, a whole tree, or what a view leaves, waits in a grave
//! and is freed in steps.
//!
//! Invariants:
//! 1. Views are in the order of their epochs; `frozen` is that of the youngest.
//! 2. A block in a view's list is reachable from that view, and not from the present tree.
//! 3. A grave's blocks are seen only by views older than the grave's limit; each block stands in or
//!    below one grave, or in one list, or in the present tree.
//!
//! Cost: freezing is O(1); the first change of a leaf after it copies one leaf and the nodes above,
//! some microseconds at most. 8 bytes for each block that waits.
//!
//! Not here: who works in slices, and when.

use super::node::Node;
use super::store::{self, BlockId, BlockStore};
use super::{Tree, View};
use std::collections::VecDeque;

/// Blocks that one step buries at most …
const STEP_BLOCKS: usize = 256;

/// … and their bytes, but for the last: large ones cost the system's time for every page.
const STEP_BYTES: usize = 1 << 20;

/// Names a view of one tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewId(u64);

/// A state that is being read.
struct OpenView {
    id: ViewId,
    view: View,
    epoch: u64,
    /// What the present tree has replaced since, as far as no younger view sees it.
    retired: Waiting,
}

/// Blocks that are to be freed as soon as no view sees them.
struct Grave {
    /// Only views of earlier epochs can see them.
    limit: u64,
    blocks: Waiting,
    /// Whether what stands below them goes with them.
    is_subtree: bool,
}

/// Many blocks, in chunks so that adding one never moves many.
#[derive(Default)]
struct Waiting {
    chunks: VecDeque<Vec<BlockId>>,
    len: usize,
}

impl Waiting {
    const CHUNK: usize = 512;

    fn push(&mut self, id: BlockId) {
        if self
            .chunks
            .back()
            .is_none_or(|chunk| chunk.len() == Self::CHUNK)
        {
            self.chunks.push_back(Vec::new());
        }
        let last = self.chunks.back_mut().expect("one was added above");
        last.push(id);
        self.len += 1;
    }

    fn pop(&mut self) -> Option<BlockId> {
        let last = self.chunks.back_mut()?;
        let id = last.pop()?;
        if last.is_empty() {
            self.chunks.pop_back();
        }
        self.len -= 1;
        Some(id)
    }

    fn iter(&self) -> impl Iterator<Item = BlockId> {
        self.chunks.iter().flatten().copied()
    }
}

/// What of a tree is not its present state.
#[derive(Default)]
pub(super) struct Past {
    views: Vec<OpenView>,
    graves: Vec<Grave>,
    next_view: u64,
}

impl Past {
    /// The youngest view before epoch `limit` that sees a block born in `born`.
    fn seen_by(&mut self, born: u64, limit: u64) -> Option<&mut OpenView> {
        let mut views = self.views.iter_mut().rev();
        let youngest = views.find(|open| open.epoch < limit)?;
        (youngest.epoch >= born).then_some(youngest)
    }
}

impl Tree {
    /// Freezes the present state in O(1): it may be read until it is closed, whatever changes.
    pub fn freeze(&mut self) -> ViewId {
        let past = self.past.get_or_insert_default();
        let id = ViewId(past.next_view);
        past.next_view += 1;
        past.views.push(OpenView {
            id,
            view: self.now,
            epoch: self.epoch,
            retired: Waiting::default(),
        });
        self.frozen = self.epoch;
        // 48 bits: more than any process lives to freeze.
        self.epoch += 1;
        id
    }

    /// The state that a view sees; none if it was closed.
    pub fn view(&self, id: ViewId) -> Option<View> {
        let views = &self.past.as_ref()?.views;
        let open = views.iter().find(|open| open.id == id)?;
        Some(open.view)
    }

    /// Views that are open.
    pub fn view_count(&self) -> usize {
        self.past.as_ref().map_or(0, |past| past.views.len())
    }

    /// Blocks that wait because a view sees them, or to be freed; what stands below those of
    /// [`Tree::clear`] and [`Tree::remove_ranks`] is not counted before their turn.
    pub fn waiting_blocks(&self) -> usize {
        self.past.as_ref().map_or(0, |past| {
            let views = past.views.iter().map(|open| open.retired.len);
            let graves = past.graves.iter().map(|grave| grave.blocks.len);
            views.chain(graves).sum()
        })
    }

    /// Closes a view in O(1); what only it saw is freed by [`Tree::bury_some`].
    ///
    /// # Panics
    /// If it is not open.
    pub fn close(&mut self, id: ViewId) {
        let past = self.past.as_mut().expect("a view was opened");
        let index = past.views.iter().position(|open| open.id == id);
        let closed = past.views.remove(index.expect("a view is closed once"));
        self.frozen = past.views.last().map_or(0, |open| open.epoch);
        if closed.retired.len > 0 {
            past.graves.push(Grave {
                limit: closed.epoch,
                blocks: closed.retired,
                is_subtree: false,
            });
        }
    }

    /// Whether [`Tree::bury_some`] has something to do: after removing ranks, clearing, closing.
    pub fn has_graves(&self) -> bool {
        self.past
            .as_ref()
            .is_some_and(|past| !past.graves.is_empty())
    }

    /// Frees 256 blocks or a mebibyte of what waits for it.
    pub fn bury_some<S: BlockStore>(&mut self, store: &mut S) {
        let mut bytes = 0;
        for _ in 0..STEP_BLOCKS {
            let Some(past) = self.past.as_mut() else {
                return;
            };
            let Some(grave) = past.graves.last_mut() else {
                return;
            };
            let Some(id) = grave.blocks.pop() else {
                past.graves.pop();
                continue;
            };
            let limit = grave.limit;
            let block = store.bytes(id);
            if grave.is_subtree && store::level(block) > 0 {
                for entry in Node::new(block).entries() {
                    grave.blocks.push(entry.child);
                }
            }
            let len = block.len();
            bytes += len;
            if !grave.is_subtree {
                self.retired_bytes -= len;
            }
            match past.seen_by(store::born(block), limit) {
                Some(open) => {
                    store::mark_retired(store.bytes_mut(id));
                    open.retired.push(id);
                    self.retired_bytes += len;
                }
                None => self.release(store, id),
            }
            if bytes >= STEP_BYTES {
                return;
            }
        }
    }

    /// Gives up a block that is not part of the present tree any more.
    pub(super) fn retire<S: BlockStore>(&mut self, store: &mut S, id: BlockId) {
        let block = store.bytes(id);
        let (born, len) = (store::born(block), block.len());
        let epoch = self.epoch;
        let past = self.past.as_mut();
        match past.and_then(|past| past.seen_by(born, epoch)) {
            Some(open) => {
                store::mark_retired(store.bytes_mut(id));
                open.retired.push(id);
                self.retired_bytes += len;
            }
            None => self.release(store, id),
        }
    }

    /// Gives up a block with all that stands below it, in O(1).
    pub(super) fn bury(&mut self, id: BlockId) {
        let limit = self.epoch;
        let graves = &mut self.past.get_or_insert_default().graves;
        let is_open = |grave: &&mut Grave| grave.is_subtree && grave.limit == limit;
        if let Some(grave) = graves.last_mut().filter(is_open) {
            grave.blocks.push(id);
            return;
        }
        let mut blocks = Waiting::default();
        blocks.push(id);
        graves.push(Grave {
            limit,
            blocks,
            is_subtree: true,
        });
    }

    /// All open views.
    pub(super) fn views(&self) -> impl Iterator<Item = View> {
        let past = self.past.iter();
        past.flat_map(|past| &past.views).map(|open| open.view)
    }

    /// All blocks that wait, and whether what stands below them waits with them.
    pub(super) fn waiting(&self) -> impl Iterator<Item = (BlockId, bool)> {
        self.past.iter().flat_map(|past| {
            let views = past.views.iter();
            let retired = views.flat_map(|open| open.retired.iter().map(|id| (id, false)));
            let graves = past.graves.iter();
            let buried = graves.flat_map(|grave| {
                let is_subtree = grave.is_subtree;
                grave.blocks.iter().map(move |id| (id, is_subtree))
            });
            retired.chain(buried)
        })
    }
}
