//! A value that is built in slices and then put in the place of a key that is claimed meanwhile.
//!
//! ```text
//!  claim the target ─▶ step ─▶ step ─▶ … ─▶ put in place ─▶ unclaim ─▶ reply
//!                        │ no memory to be had ─▶ scrapped, unclaimed, OOM
//!                        └ the client ends ─────▶ scrapped, unclaimed
//! ```
//!
//! The command takes effect as one: what it reads is frozen at its beginning, and from then on
//! nobody sees the target until the result is there, because requests that name it wait.
//!
//! Not here: what a step does (the builders: `copy.rs`).

use crate::context::Context;
use crate::keyspace::{Event, Key, Keyspace, Room, WorkId};
use crate::protocol::error::ReplyError;
use crate::protocol::reply::ReplyWriter;
use crate::session::ReplyMode;
use crate::session::long_read::LongRead;
use std::fmt::Debug;

/// What a step may add to memory, about: asked for before each.
pub(in crate::command) const STEP_BYTES: usize = 64 * 1024;

/// Builds a value in steps.
pub(in crate::command) trait Builder: Debug + Send {
    /// Goes on for some [`STEP_BYTES`] or some tens of microseconds; true at the end.
    fn step(&mut self, keyspace: &mut Keyspace, work: WorkId, now_ms: u64) -> bool;

    /// Why there is no value after all. To be asked at the end.
    fn failure(&mut self) -> Option<ReplyError> {
        None
    }

    /// Gives back what it holds in the keyspace, at the end or before it.
    fn release(&mut self, keyspace: &mut Keyspace);
}

/// Where the value is put, and what is said then.
#[derive(Debug)]
pub(in crate::command) struct Target {
    database: usize,
    key: Box<[u8]>,
    deadline_ms: Option<u64>,
    event: Event,
    /// Writes the reply, which is told how many elements the value has.
    reply: fn(&mut ReplyWriter<'_>, u64),
}

impl Target {
    /// A key of a database that gets a value without a deadline.
    pub(in crate::command) fn new(
        database: usize,
        key: Key<'_>,
        event: Event,
        reply: fn(&mut ReplyWriter<'_>, u64),
    ) -> Self {
        Self {
            database,
            key: key.bytes.into(),
            deadline_ms: None,
            event,
            reply,
        }
    }

    /// The same with a deadline, or without one.
    pub(in crate::command) fn with_deadline(self, deadline_ms: Option<u64>) -> Self {
        Self {
            deadline_ms,
            ..self
        }
    }
}

/// Whether a command may take its time: its client can wait for the reply, and wants one.
pub(in crate::command) fn may_take_steps(context: &Context<'_>) -> bool {
    let mode = context.sessions.get(context.key).reply_mode;
    context.may_wait && matches!(mode, ReplyMode::On | ReplyMode::SkipNext)
}

/// Begins to build a value under `work`. To be called only where [`may_take_steps`].
pub(in crate::command) fn build(
    context: &mut Context<'_>,
    target: Target,
    work: WorkId,
    builder: impl Builder + 'static,
) {
    context.keyspace.claim(target.database, &target.key);
    context.answer_in_steps(Build {
        target,
        work,
        builder,
    });
}

/// A value that is being built.
#[derive(Debug)]
struct Build<B> {
    target: Target,
    work: WorkId,
    builder: B,
}

impl<B: Builder> Build<B> {
    fn end(&mut self, keyspace: &mut Keyspace) {
        self.builder.release(keyspace);
        keyspace.unclaim(self.target.database, &self.target.key);
    }
}

impl<B: Builder> LongRead for Build<B> {
    fn step(&mut self, keyspace: &mut Keyspace, now_ms: u64, reply: &mut ReplyWriter<'_>) -> bool {
        match keyspace.make_room(STEP_BYTES, now_ms) {
            Room::Made => {}
            Room::Pending => return false,
            Room::Exhausted => {
                self.abandon(keyspace);
                reply.error(&ReplyError::OOM);
                return true;
            }
        }
        if !self.builder.step(keyspace, self.work, now_ms) {
            return false;
        }
        if let Some(error) = self.builder.failure() {
            self.abandon(keyspace);
            reply.error(&error);
            return true;
        }
        let Target {
            database,
            key,
            deadline_ms,
            event,
            reply: write_reply,
        } = &self.target;
        let key = keyspace.key(key);
        keyspace.put_in_place(self.work, *database, key, *deadline_ms, *event, now_ms);
        let entry = keyspace.find(*database, key, now_ms);
        let body = entry.and_then(|entry| keyspace.body(entry, now_ms));
        write_reply(reply, body.map_or(0, |body| body.len()));
        self.end(keyspace);
        true
    }

    fn abandon(&mut self, keyspace: &mut Keyspace) {
        keyspace.scrap(self.work, 0);
        self.end(keyspace);
    }

    fn used_bytes(&self) -> usize {
        size_of::<Self>() + self.target.key.len()
    }
}
