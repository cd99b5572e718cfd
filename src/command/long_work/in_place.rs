//! A change of many elements where they are: at once if it is short, else in slices while its key
//! is claimed.
//!
//! A snapshot begins before or after it, and if the client ends meanwhile, the rest is done at
//! once: a part of it would be neither before nor after the command.
//!
//! Not here: the changes (`list_edit.rs`, `rank_removal.rs`).

use super::build::may_take_steps;
use super::claim::Claim;
use crate::context::Context;
use crate::keyspace::{Key, Keyspace};
use crate::protocol::reply::ReplyWriter;
use crate::session::long_read::LongRead;
use std::fmt::Debug;

/// A change that can be made in parts, and that is answered with a number.
pub(super) trait ChangeInPlace: Debug + Send {
    /// Elements that one step looks at or changes: some hundred microseconds at most. What needs no
    /// more is done at once.
    const STEP_COUNT: u64;

    /// Goes on for about `count_max` elements; true at the end, and if the value is not there any
    /// more.
    fn go_on(
        &mut self,
        keyspace: &mut Keyspace,
        place: (usize, Key<'_>),
        count_max: u64,
        now_ms: u64,
    ) -> bool;

    /// What is replied at the end.
    fn answer(&self) -> u64;
}

/// Makes a change of the value of a key, and replies its answer.
pub(super) fn change_in_place<C: ChangeInPlace + 'static>(
    context: &mut Context<'_>,
    key: Key<'_>,
    mut change: C,
) {
    let (place, now_ms) = ((context.database(), key), context.now_ms());
    let mut is_over = change.go_on(context.keyspace, place, C::STEP_COUNT, now_ms);
    if !is_over && may_take_steps(context) {
        let claim = Claim::of(context, key);
        context.keyspace.begin_change_in_place();
        return context.answer_in_steps(Job {
            claim,
            change,
            now_ms,
        });
    }
    while !is_over {
        is_over = change.go_on(context.keyspace, place, u64::MAX, now_ms);
    }
    context.reply.integer(change.answer() as i64);
}

#[derive(Debug)]
struct Job<C> {
    claim: Claim,
    change: C,
    /// The time of the last step.
    now_ms: u64,
}

impl<C: ChangeInPlace> Job<C> {
    fn go_on(&mut self, keyspace: &mut Keyspace, count_max: u64) -> bool {
        let key = keyspace.key(&self.claim.key);
        let place = (self.claim.database, key);
        let is_over = self.change.go_on(keyspace, place, count_max, self.now_ms);
        if is_over {
            keyspace.end_change_in_place();
            self.claim.release(keyspace);
        }
        is_over
    }
}

impl<C: ChangeInPlace> LongRead for Job<C> {
    fn step(&mut self, keyspace: &mut Keyspace, now_ms: u64, reply: &mut ReplyWriter<'_>) -> bool {
        self.now_ms = now_ms;
        let is_over = self.go_on(keyspace, C::STEP_COUNT);
        if is_over {
            reply.integer(self.change.answer() as i64);
        }
        is_over
    }

    fn abandon(&mut self, keyspace: &mut Keyspace) {
        while !self.go_on(keyspace, u64::MAX) {}
    }

    fn used_bytes(&self) -> usize {
        size_of::<Self>()
    }
}
