//! Requests that waited for a key, executed again when one is ready.
//!
//! ```text
//!  a key is ready ─▶ next_to_serve ─▶ serve ─┬─ Answered: it waits no longer
//!                        ▲                   ├─ WaitsOn: it found nothing and keeps its place
//!                        └───────────────────┴─ Held: a key of it is claimed; its key is set aside
//! ```
//!
//! It is counted as one call, when it first ran; its time is that of both. The gates that it has
//! passed then are not asked again, but for claims.
//!
//! Not here: who waits for which key (`keyspace/waiting.rs`), whose output it is
//! (`node/blocking.rs`).

use super::{CacheEngine, claims, end_of, full};
use crate::base::clock::Timestamp;
use crate::command::call::{reply_error, resolve_number};
use crate::command::observe;
use crate::command::permission;
use crate::context::blocking::Woken;
use crate::protocol::error::ReplyError;
use crate::session::SessionKey;
use crate::session::blocked::Blocked;

/// What became of a request that was executed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Served {
    /// It is answered.
    Answered,
    /// It is executed, and its reply would have passed the ceiling: nothing of it is there.
    TooLarge,
    /// It found nothing.
    WaitsOn,
    /// It could not be executed now, and its key is set aside.
    Held,
}

const UNBLOCKED: ReplyError = ReplyError::fixed("UNBLOCKED client unblocked via CLIENT UNBLOCK");

impl CacheEngine {
    /// Whether keys have become ready since [`CacheEngine::note_served`].
    #[inline]
    pub(crate) fn has_ready_keys(&self) -> bool {
        self.keyspace.has_ready_keys()
    }

    /// Whether a ready key was not served to its end.
    #[inline]
    pub(crate) fn has_unserved_keys(&self) -> bool {
        self.keyspace.has_unserved_keys()
    }

    /// Whether waiting requests may be executed: not while a pause holds writes back.
    pub(crate) fn may_serve(&self, now: Timestamp) -> bool {
        // What a job has pushed belongs to nobody before its end.
        self.job.is_none() && !self.pause.holds(true, now.monotonic_ms())
    }

    /// The next session whose request may find what it waits for; see [`Keyspace::next_waiter`].
    ///
    /// [`Keyspace::next_waiter`]: crate::keyspace::Keyspace::next_waiter
    pub(crate) fn next_to_serve(
        &mut self,
        now: Timestamp,
        steps_left: &mut usize,
    ) -> Option<SessionKey> {
        let waiter = self.keyspace.next_waiter(now.unix_ms(), steps_left)?;
        Some(SessionKey::numbered(waiter.client))
    }

    /// Says that the ready keys were looked at; see [`Keyspace::note_served`].
    ///
    /// [`Keyspace::note_served`]: crate::keyspace::Keyspace::note_served
    pub(crate) fn note_served(&mut self, had_unserved: bool) {
        self.keyspace.note_served(had_unserved);
    }

    /// Executes the request of the session that [`CacheEngine::next_to_serve`] gave, and appends
    /// its reply to `out`, which no reply makes longer than `ceiling_bytes`.
    pub(crate) fn serve(
        &mut self,
        session: SessionKey,
        now: Timestamp,
        out: &mut Vec<u8>,
        ceiling_bytes: usize,
    ) -> Served {
        self.now = now;
        let blocked = self.sessions.get_mut(session).blocked.take();
        let blocked = blocked.expect("who is to be served waits");
        let served = self.execute_again(session, &blocked, out, ceiling_bytes);
        match served {
            Served::Answered | Served::TooLarge => self.keyspace.end_wait(blocked.wait),
            Served::WaitsOn | Served::Held => {
                self.sessions.get_mut(session).blocked = Some(blocked);
            }
        }
        served
    }

    fn execute_again(
        &mut self,
        session: SessionKey,
        blocked: &Blocked,
        out: &mut Vec<u8>,
        ceiling_bytes: usize,
    ) -> Served {
        let args = blocked.request.args();
        let ready = self.keyspace.serving_key().expect("a key is ready");
        let key = args.iter().skip(1).find(|arg| *arg == ready);
        let key = key.expect("it waits for this key");
        let Ok(command) = resolve_number(blocked.command, args) else {
            panic!("it was executed before");
        };
        let (mut context, ..) = self.context(session, self.now, out);
        if context.keyspace.is_at_work() && claims::is_at_work(&context, command.spec, args) {
            context.keyspace.set_ready_key_aside();
            return Served::Held;
        }
        context.reply.set_ceiling(ceiling_bytes);
        context.may_wait = false;
        context.woken = Some(Woken {
            key,
            waits_on: false,
        });
        let begin = context.reply.len();
        // Its rights may have changed while it waited.
        let outcome = match context.is_unrestricted() {
            true => Ok(()),
            false => permission::check(&mut context, command, args),
        };
        let outcome = outcome.and_then(|()| full::check(&context, command.spec, args));
        let outcome = outcome.and_then(|()| (command.handler)(&mut context, args));
        if outcome.is_ok() && context.woken.is_some_and(|woken| woken.waits_on) {
            return Served::WaitsOn;
        }
        if let Err(error) = outcome {
            context.stats.count_failure(command.number);
            reply_error(&mut context, &error);
        }
        let duration_ns = context.timing.lap_ns();
        context.stats.count_calls(command.number, 0, duration_ns);
        observe::note_unblocked(&mut context, command, args, blocked.spent_ns + duration_ns);
        if context.reply.is_over() {
            context.reply.truncate_to(begin);
            return Served::TooLarge;
        }
        end_of(&mut context, begin);
        Served::Answered
    }

    /// Ends the wait of a session for keys, if it waits, and returns its request, which is not
    /// answered.
    pub(crate) fn end_wait(&mut self, session: SessionKey) -> Option<Box<Blocked>> {
        let blocked = self.sessions.get_mut(session).blocked.take()?;
        self.keyspace.end_wait(blocked.wait);
        Some(blocked)
    }

    /// Answers a session whose wait was ended: with an error, or as if its time were over.
    pub(crate) fn answer_unserved(
        &mut self,
        session: SessionKey,
        blocked: &Blocked,
        with_error: bool,
        now: Timestamp,
        out: &mut Vec<u8>,
    ) {
        self.now = now;
        let (mut context, ..) = self.context(session, now, out);
        let begin = context.reply.len();
        if with_error {
            context.stats.count_failure(blocked.command);
            reply_error(&mut context, &UNBLOCKED);
        } else {
            context.reply.null_array();
        }
        end_of(&mut context, begin);
    }
}
