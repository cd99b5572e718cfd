//! A search through a list: at once if it is short, else in slices through a frozen state.
//!
//! Not here: what is looked for (`command/lists/`).

use crate::context::Context;
use crate::keyspace::{FrozenId, Key, Keyspace, Memory};
use crate::protocol::reply::ReplyWriter;
use crate::session::long_read::LongRead;
use crate::structures::block::ElementRef;
use crate::structures::item::Code;
use crate::value::collection::Elements;
use crate::value::list::End;

/// Items that are looked at in one step: some tens of microseconds. A search through no more is
/// done at once.
const STEP_ITEMS: u64 = 4_096;

/// What is looked for.
#[derive(Clone, Debug)]
pub(in crate::command) struct Wanted {
    /// The text of the items.
    pub(in crate::command) text: Box<[u8]>,
    /// From where the list is walked.
    pub(in crate::command) end: End,
    /// How many items are walked, at most the length of the list.
    pub(in crate::command) walked_max: u64,
    /// How many equal ones are passed over …
    pub(in crate::command) skipped_count: u64,
    /// … before so many are found.
    pub(in crate::command) found_max: u64,
}

/// How far a search has come.
#[derive(Debug)]
pub(super) struct Search {
    wanted: Wanted,
    walked: u64,
    matches: Matches,
}

impl Search {
    pub(super) fn new(wanted: Wanted) -> Self {
        let matches = Matches {
            left_to_skip: wanted.skipped_count,
            found_max: wanted.found_max,
            found: Vec::new(),
        };
        Self {
            wanted,
            walked: 0,
            matches,
        }
    }

    /// The ranks of what was found, in the order of the walk.
    pub(super) fn found(&self) -> &[u64] {
        &self.matches.found
    }

    /// Looks at some items of the list; true at the end.
    pub(super) fn step(&mut self, list: Elements<'_, Memory>) -> bool {
        let (walked, len) = (self.walked, list.len());
        let count = (self.wanted.walked_max - walked).min(STEP_ITEMS);
        let code = Code::of_text(&self.wanted.text);
        let is_equal = |(_, item): &(u64, ElementRef<'_>)| code.is_at(item.bytes());
        match self.wanted.end {
            End::Front => {
                let items = (walked..).zip(list.from(walked).take(count as usize));
                let ranks = items.filter(is_equal).map(|(walked, _)| walked);
                self.matches.note(ranks);
            }
            End::Back => {
                let items = (walked..).zip(list.back_from(len - walked).take(count as usize));
                let ranks = items.filter(is_equal).map(|(walked, _)| len - 1 - walked);
                self.matches.note(ranks);
            }
        }
        self.walked += count;
        self.walked == self.wanted.walked_max || self.matches.are_all()
    }
}

/// What a search has found.
#[derive(Debug)]
struct Matches {
    left_to_skip: u64,
    found_max: u64,
    found: Vec<u64>,
}

impl Matches {
    fn are_all(&self) -> bool {
        self.found.len() as u64 == self.found_max
    }

    fn note(&mut self, ranks: impl Iterator<Item = u64>) {
        for rank in ranks {
            if self.left_to_skip > 0 {
                self.left_to_skip -= 1;
                continue;
            }
            self.found.push(rank);
            if self.are_all() {
                return;
            }
        }
    }
}

/// Searches the list of a key, which may be missing, and replies the ranks that were found.
pub(in crate::command) fn search(
    context: &mut Context<'_>,
    key: Key<'_>,
    wanted: Wanted,
    reply: fn(&mut ReplyWriter<'_>, &[u64]),
) {
    let (database, now_ms) = (context.database(), context.now_ms());
    let is_long = context.may_wait && wanted.walked_max > STEP_ITEMS;
    let mut search = Search::new(wanted);
    if is_long && let Some(frozen) = context.keyspace.freeze(database, key, now_ms) {
        return context.answer_in_steps(SearchRead {
            frozen,
            search,
            reply,
        });
    }
    let entry = context.keyspace.find(database, key, now_ms);
    let body = entry.and_then(|entry| context.keyspace.body(entry, now_ms));
    if let Some(list) = body.map(|body| body.elements()) {
        while !search.step(list) {}
    }
    reply(&mut context.reply, search.found());
}

/// A search in slices.
#[derive(Debug)]
struct SearchRead {
    frozen: FrozenId,
    search: Search,
    reply: fn(&mut ReplyWriter<'_>, &[u64]),
}

impl LongRead for SearchRead {
    fn step(&mut self, keyspace: &mut Keyspace, _: u64, reply: &mut ReplyWriter<'_>) -> bool {
        if !self.search.step(keyspace.frozen(self.frozen)) {
            return false;
        }
        keyspace.thaw(self.frozen);
        (self.reply)(reply, self.search.found());
        true
    }

    fn abandon(&mut self, keyspace: &mut Keyspace) {
        keyspace.thaw(self.frozen);
    }

    fn used_bytes(&self) -> usize {
        self.search.matches.found.capacity() * size_of::<u64>()
    }
}
