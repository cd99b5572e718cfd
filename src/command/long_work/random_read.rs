//! Many elements of a large collection chosen at random, from a state that is frozen for as long as
//! the client takes to read them.
//!
//! ```text
//!  different ones   each rank is chosen with the chance of those still wanted among those left
//!  any              a rank is drawn for each: nothing is kept of them, however many are wanted
//! ```
//!
//! Cost: a walk over all elements for different ones, O(log n) for each of any.
//!
//! After algorithm S of Knuth, "Seminumerical Algorithms", 3.4.2.
//!
//! Not here: few of them (`command/arguments/sample.rs`, `value/hash_random.rs`).

use crate::context::Context;
use crate::keyspace::{FrozenId, Key, Keyspace, Memory};
use crate::protocol::reply::ReplyWriter;
use crate::session::long_read::LongRead;
use crate::structures::block::ElementRef;
use crate::value::collection::{CollectionType, Elements};
use crate::value::kind::WrongType;
use fastrand::Rng;

/// No more elements are told at once.
const WHOLE_COUNT_MAX: u64 = 1_024;

/// From about this many bytes on they are told in slices.
const LONG_BYTES_MIN: u64 = 256 * 1024;

/// Elements that a step passes over at most …
const STEP_WALKED: u64 = 2_048;

/// … or draws at most …
const STEP_DRAWN: u64 = 256;

/// … and bytes of reply that it writes, but for the last element.
const STEP_BYTES: usize = 64 * 1024;

/// How elements chosen at random are replied.
#[derive(Clone, Copy, Debug)]
pub(in crate::command) struct RandomForm {
    /// Writes what stands before so many elements.
    pub(in crate::command) header: fn(&mut ReplyWriter<'_>, usize),
    /// Writes one of them.
    pub(in crate::command) tell: fn(&mut ReplyWriter<'_>, ElementRef<'_>),
}

/// Replies `count` different elements of a key's collection, or as many that may be the same if it
/// is negative, in slices; false, and nothing is done, if they are too few for that, the client
/// can't wait, or some are due.
///
/// # Errors
/// WRONGTYPE.
pub(in crate::command) fn reply_random<T: CollectionType>(
    context: &mut Context<'_>,
    key: Key<'_>,
    count: i64,
    form: RandomForm,
) -> Result<bool, WrongType> {
    if !context.may_wait || count.unsigned_abs() < 2 {
        return Ok(false);
    }
    let (database, now_ms) = (context.database(), context.now_ms());
    let body = context.keyspace.peek_body::<T>(database, key, now_ms)?;
    let Some(body) = body.filter(|body| body.is_large()) else {
        return Ok(false);
    };
    let (len, is_distinct) = (body.len(), count >= 0);
    let left = match is_distinct {
        true => count.unsigned_abs().min(len),
        false => count.unsigned_abs(),
    };
    let is_long =
        left > WHOLE_COUNT_MAX || left.saturating_mul(body.element_bytes()) >= LONG_BYTES_MIN;
    if !is_long || body.elements().has_due(now_ms) {
        return Ok(false);
    }
    // It counts as any read does.
    context.read_body::<T>(key)?;
    let random = context.keyspace.fork_random();
    let frozen = context.keyspace.freeze(database, key, now_ms);
    let frozen = frozen.expect("it is large");
    context.answer_in_steps(RandomRead {
        frozen,
        random,
        form,
        left,
        next_rank: 0,
        is_distinct,
        is_begun: false,
    });
    Ok(true)
}

#[derive(Debug)]
struct RandomRead {
    frozen: FrozenId,
    random: Rng,
    form: RandomForm,
    /// How many are still to be told.
    left: u64,
    /// The first rank that was not passed over, where they are to be different.
    next_rank: u64,
    is_distinct: bool,
    /// The header is written.
    is_begun: bool,
}

impl RandomRead {
    fn walk(&mut self, elements: Elements<'_, Memory>, reply: &mut ReplyWriter<'_>) {
        let (begin, len) = (reply.len(), elements.len());
        for element in elements.from(self.next_rank).take(STEP_WALKED as usize) {
            let is_chosen = self.random.u64(..len - self.next_rank) < self.left;
            self.next_rank += 1;
            if is_chosen {
                (self.form.tell)(reply, element);
                self.left -= 1;
                if self.left == 0 || reply.len() - begin >= STEP_BYTES {
                    return;
                }
            }
        }
    }

    fn draw(&mut self, elements: Elements<'_, Memory>, reply: &mut ReplyWriter<'_>) {
        let begin = reply.len();
        for _ in 0..self.left.min(STEP_DRAWN) {
            let element = elements.at(self.random.u64(..elements.len()));
            (self.form.tell)(reply, element.expect("ranks end at the length"));
            self.left -= 1;
            if reply.len() - begin >= STEP_BYTES {
                return;
            }
        }
    }
}

impl LongRead for RandomRead {
    fn step(&mut self, keyspace: &mut Keyspace, _: u64, reply: &mut ReplyWriter<'_>) -> bool {
        if !self.is_begun {
            (self.form.header)(reply, usize::try_from(self.left).unwrap_or(usize::MAX));
            self.is_begun = true;
        }
        let elements = keyspace.frozen(self.frozen);
        if self.is_distinct {
            self.walk(elements, reply);
        } else {
            self.draw(elements, reply);
        }
        // A reply that is over its limit is taken back, so its rest matters to nobody.
        let is_complete = self.left == 0 || reply.is_over();
        if is_complete {
            keyspace.thaw(self.frozen);
        }
        is_complete
    }

    fn abandon(&mut self, keyspace: &mut Keyspace) {
        keyspace.thaw(self.frozen);
    }

    fn used_bytes(&self) -> usize {
        size_of::<Self>()
    }
}
