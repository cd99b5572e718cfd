//! Changes of a list that must look for their place: at once if the list is short, else in slices
//! while the key is claimed.
//!
//! ```text
//!  insert   search ─▶ one change at the end
//!  remove   block after block, where they are
//! ```
//!
//! Not here: the commands (`command/lists/`), how a change takes steps (`in_place.rs`).

use super::build::may_take_steps;
use super::claim::Claim;
use super::in_place::{ChangeInPlace, change_in_place};
use super::list_search::{Search, Wanted};
use crate::command::declare::spec::Outcome;
use crate::context::Context;
use crate::keyspace::{Changed, Event, Key, Keyspace, Missing};
use crate::protocol::reply::ReplyWriter;
use crate::session::long_read::LongRead;
use crate::value::kind::WrongType;
use crate::value::list::{End, List, Removal};

/// The length of the list of a key, 0 if there is none.
fn len_of(context: &mut Context<'_>, key: Key<'_>) -> Result<u64, WrongType> {
    let (database, now_ms) = (context.database(), context.now_ms());
    let list = context.keyspace.peek::<List>(database, key, now_ms)?;
    Ok(list.map_or(0, |list| list.len()))
}

/// Removes the first `count_max` items that equal `text`, seen from an end, and replies how many.
pub(in crate::command) fn remove_equal(
    context: &mut Context<'_>,
    key: Key<'_>,
    text: &[u8],
    end: End,
    count_max: u64,
) -> Outcome {
    let len = len_of(context, key)?;
    change_in_place(context, key, Removal::new(len, text, end, count_max));
    Ok(())
}

impl ChangeInPlace for Removal {
    const STEP_COUNT: u64 = 4_096;

    fn go_on(
        &mut self,
        keyspace: &mut Keyspace,
        (database, key): (usize, Key<'_>),
        count_max: u64,
        now_ms: u64,
    ) -> bool {
        let mut mutation = keyspace.mutate(database, now_ms);
        let outcome = mutation.change::<List, _, WrongType>(key, Missing::Skip, |list| {
            let is_over = list.remove_equal(self, count_max) || list.is_empty();
            let is_changed = is_over && self.gone_count() > 0;
            Ok(Changed::when(is_changed, Event::ListRemove, is_over))
        });
        outcome.is_ok_and(|is_over| is_over.unwrap_or(true))
    }

    fn answer(&self) -> u64 {
        self.gone_count()
    }
}

/// An item to be put beside another.
#[derive(Debug)]
pub(in crate::command) struct Insertion {
    /// The text of the item looked for.
    pub(in crate::command) pivot: Box<[u8]>,
    /// Whether the new one comes behind it.
    pub(in crate::command) is_after: bool,
    /// The text of the new one.
    pub(in crate::command) text: Box<[u8]>,
}

impl Insertion {
    /// Inserts the item beside that of a rank, if there is one; replies the length, or −1.
    fn carry_out(
        &self,
        keyspace: &mut Keyspace,
        (database, key): (usize, Key<'_>),
        found: Option<u64>,
        now_ms: u64,
        reply: &mut ReplyWriter<'_>,
    ) {
        let mut mutation = keyspace.mutate(database, now_ms);
        let outcome = mutation.change::<List, _, WrongType>(key, Missing::Skip, |list| {
            if let Some(rank) = found {
                list.insert(rank + u64::from(self.is_after), &self.text);
            }
            let len = found.map_or(-1, |_| list.len() as i64);
            Ok(Changed::when(found.is_some(), Event::ListInsert, len))
        });
        reply.integer(outcome.ok().flatten().unwrap_or(0));
    }
}

/// Puts an item beside the first one that equals another.
pub(in crate::command) fn insert_beside(
    context: &mut Context<'_>,
    key: Key<'_>,
    insertion: Insertion,
) -> Outcome {
    let len = len_of(context, key)?;
    let wanted = Wanted {
        text: insertion.pivot.clone(),
        end: End::Front,
        walked_max: len,
        skipped_count: 0,
        found_max: 1,
    };
    let (database, now_ms) = (context.database(), context.now_ms());
    let mut search = Search::new(wanted);
    let may_take_steps = may_take_steps(context);
    let mut is_over = len == 0;
    while !is_over {
        let entry = context.keyspace.find(database, key, now_ms);
        let body = entry.and_then(|entry| context.keyspace.body(entry, now_ms));
        is_over = search.step(body.expect("the list is there").elements());
        if !is_over && may_take_steps {
            let claim = Claim::of(context, key);
            context.answer_in_steps(InsertionJob {
                claim,
                search,
                insertion,
            });
            return Ok(());
        }
    }
    let found = search.found().first().copied();
    let place = (database, key);
    insertion.carry_out(context.keyspace, place, found, now_ms, &mut context.reply);
    Ok(())
}

#[derive(Debug)]
struct InsertionJob {
    claim: Claim,
    search: Search,
    insertion: Insertion,
}

impl LongRead for InsertionJob {
    fn step(&mut self, keyspace: &mut Keyspace, now_ms: u64, reply: &mut ReplyWriter<'_>) -> bool {
        let Claim { database, key } = &self.claim;
        let key = keyspace.key(key);
        // Nobody else changes it, but it may expire or be evicted.
        let list = keyspace.peek::<List>(*database, key, now_ms);
        let is_over = match list {
            Ok(Some(list)) => self.search.step(*list.elements()),
            Ok(None) | Err(WrongType) => true,
        };
        if is_over {
            let found = self.search.found().first().copied();
            let place = (*database, key);
            (self.insertion).carry_out(keyspace, place, found, now_ms, reply);
            self.abandon(keyspace);
        }
        is_over
    }

    fn abandon(&mut self, keyspace: &mut Keyspace) {
        self.claim.release(keyspace);
    }

    fn used_bytes(&self) -> usize {
        size_of::<Self>() + self.insertion.pivot.len() + self.insertion.text.len()
    }
}
