//! Changes of a list that must look for their place: at once if the list is short, else in slices
//! while the key is claimed.
//!
//! ```text
//!  insert   search ─▶ one change at the end
//!  remove   block after block, in place: a snapshot begins before or after it, and if the client
//!           ends meanwhile, the rest is done at once
//! ```
//!
//! Not here: the commands (`command/lists/`).

use super::build::may_take_steps;
use super::list_search::{Search, Wanted};
use crate::command::declare::spec::Outcome;
use crate::context::Context;
use crate::keyspace::{Changed, Event, Key, Keyspace, Missing};
use crate::protocol::reply::ReplyWriter;
use crate::session::long_read::LongRead;
use crate::value::kind::WrongType;
use crate::value::list::{End, List, Removal};

/// Items that are looked at in one step, and up to which all is done at once.
const STEP_ITEMS: u64 = 4_096;

/// A key that is claimed.
#[derive(Debug)]
struct Claimed {
    database: usize,
    key: Box<[u8]>,
}

/// The length of the list of a key, 0 if there is none.
fn len_of(context: &mut Context<'_>, key: Key<'_>) -> Result<u64, WrongType> {
    let (database, now_ms) = (context.database(), context.now_ms());
    let list = context.keyspace.peek::<List>(database, key, now_ms)?;
    Ok(list.map_or(0, |list| list.len()))
}

fn claim(context: &mut Context<'_>, key: Key<'_>) -> Claimed {
    let database = context.database();
    context.keyspace.claim(database, key.bytes);
    Claimed {
        database,
        key: key.bytes.into(),
    }
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
    let mut job = RemovalJob {
        claimed: None,
        removal: Removal::new(len, text, end, count_max),
    };
    let (database, now_ms) = (context.database(), context.now_ms());
    let is_over = job.go_on(context.keyspace, database, key, STEP_ITEMS, now_ms);
    if is_over {
        job.reply(&mut context.reply);
        return Ok(());
    }
    if may_take_steps(context) {
        job.claimed = Some(claim(context, key));
        context.keyspace.begin_change_in_place();
        context.answer_in_steps(job);
        return Ok(());
    }
    while !job.go_on(context.keyspace, database, key, STEP_ITEMS, now_ms) {}
    job.reply(&mut context.reply);
    Ok(())
}

#[derive(Debug)]
struct RemovalJob {
    /// Once it takes steps.
    claimed: Option<Claimed>,
    removal: Removal,
}

impl RemovalJob {
    /// Looks at some items; true at the end, and if the list is not there any more.
    fn go_on(
        &mut self,
        keyspace: &mut Keyspace,
        database: usize,
        key: Key<'_>,
        items_max: u64,
        now_ms: u64,
    ) -> bool {
        let removal = &mut self.removal;
        let mut mutation = keyspace.mutate(database, now_ms);
        let outcome = mutation.change::<List, _, WrongType>(key, Missing::Skip, |list| {
            let is_over = list.remove_equal(removal, items_max) || list.is_empty();
            let is_changed = is_over && removal.gone_count() > 0;
            Ok(Changed::when(is_changed, Event::ListRemove, is_over))
        });
        outcome.is_ok_and(|is_over| is_over.unwrap_or(true))
    }

    fn reply(&self, reply: &mut ReplyWriter<'_>) {
        reply.integer(self.removal.gone_count() as i64);
    }

    fn step_claimed(&mut self, keyspace: &mut Keyspace, items_max: u64, now_ms: u64) -> bool {
        let claimed = self.claimed.take().expect("who takes steps has a claim");
        let key = keyspace.key(&claimed.key);
        let is_over = self.go_on(keyspace, claimed.database, key, items_max, now_ms);
        if is_over {
            keyspace.unclaim(claimed.database, &claimed.key);
            keyspace.end_change_in_place();
        } else {
            self.claimed = Some(claimed);
        }
        is_over
    }
}

impl LongRead for RemovalJob {
    fn step(&mut self, keyspace: &mut Keyspace, now_ms: u64, reply: &mut ReplyWriter<'_>) -> bool {
        let is_over = self.step_claimed(keyspace, STEP_ITEMS, now_ms);
        if is_over {
            self.reply(reply);
        }
        is_over
    }

    fn abandon(&mut self, keyspace: &mut Keyspace) {
        // A part of it would be neither before nor after the command.
        while !self.step_claimed(keyspace, u64::MAX, 0) {}
    }

    fn used_bytes(&self) -> usize {
        size_of::<Self>()
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
            let claimed = claim(context, key);
            context.answer_in_steps(InsertionJob {
                claimed,
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
    claimed: Claimed,
    search: Search,
    insertion: Insertion,
}

impl LongRead for InsertionJob {
    fn step(&mut self, keyspace: &mut Keyspace, now_ms: u64, reply: &mut ReplyWriter<'_>) -> bool {
        let Claimed { database, key } = &self.claimed;
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
        keyspace.unclaim(self.claimed.database, &self.claimed.key);
    }

    fn used_bytes(&self) -> usize {
        size_of::<Self>() + self.insertion.pivot.len() + self.insertion.text.len()
    }
}
