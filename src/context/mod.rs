//! Rank 5: what a command handler is given: everything it may touch, and nothing else.
//!
//! ```text
//!  Context ─┬─ keyspace, sessions and the key of its own, configuration, statistics, `now`, the reply
//!           ├─ messages: who listens to which, and those on their way
//!           ├─ outbox: wishes to the node and the loop; lines for monitors
//!           ├─ pause: CLIENT PAUSE
//!           ├─ blocking: requests that wait for keys
//!           ├─ host: what commands must know of the server around the cache
//!           ├─ scripts, job: what runs commands, and may go on later
//!           ├─ timing: which command is charged for the time that passes
//!           └─ report: figures of all of these, for INFO
//! ```
//!
//! Not here: one client's state (`session/`), the commands (`command/`).

pub mod blocking;
pub mod exposition;
pub mod host;
pub mod hot_session;
pub(crate) mod invalidation;
pub mod job;
pub mod live;
pub mod monitor;
pub mod outbox;
pub mod pause;
pub(crate) mod posting;
pub mod report;
pub mod timing;

use crate::acl::Users;
use crate::base::clock::Timestamp;
use crate::base::limits::{LARGE_WRITE_BYTES, PRIMARY_LAG_MAX_MS};
use crate::config::Config;
use crate::keyspace::{
    Changed, EntryHome, EntryRef, Key, Keyspace, Lookup, Memory, Missing, Mutation, Room,
};
use crate::messages::Messages;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::ReplyWriter;
use crate::script::Scripts;
use crate::session::long_read::LongRead;
use crate::session::transaction::QueuedCommand;
use crate::session::{ReplyMode, Session, SessionKey, Sessions};
use crate::stats::Statistics;
use crate::stats::turns::Turns;
use crate::value::collection::{Body, CollectionType};
use crate::value::kind::WrongType;
use crate::value::string::StringValue;
use blocking::Woken;
use host::Host;
use job::Job;
use outbox::{Effect, Outbox, Wait};
use pause::Pause;
use report::Report;
use timing::Timing;

/// The lookup of a request's first key, begun while the request waited in its batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PreparedKey {
    /// Which argument the key is.
    pub(crate) index: usize,
    /// What is known of it.
    pub(crate) lookup: Lookup,
}

/// Where a reply goes, and what it is about, if that is there.
type ReplyAnd<'c, 'a, R> = (&'c mut ReplyWriter<'a>, Option<R>);

/// One command's surroundings. Time stands still while it lives (invariant I5).
pub struct Context<'a> {
    /// The databases.
    pub keyspace: &'a mut Keyspace,
    /// All sessions; a handler may change its own only (invariant I6).
    pub sessions: &'a mut Sessions,
    /// The session whose command this is.
    pub key: SessionKey,
    /// The configuration in force.
    pub config: &'a mut Config,
    /// All users and their rights.
    pub users: &'a mut Users,
    /// Counters, gauges and facts about the server.
    pub stats: &'a mut Statistics,
    /// How long the turns of the loop take.
    pub turns: &'a mut Turns,
    /// Who listens to messages, and messages on their way.
    pub messages: &'a mut Messages,
    /// Wishes to the node and the reactor.
    pub outbox: &'a mut Outbox,
    /// CLIENT PAUSE.
    pub pause: &'a mut Pause,
    /// The server around the cache.
    pub host: &'a Host,
    /// Who is charged for the time that passes.
    pub timing: &'a mut Timing,
    /// The scripts, and the one that runs.
    pub scripts: &'a mut Scripts,
    /// The work that has the keyspace to itself, if it goes on later.
    pub job: &'a mut Option<Job>,
    /// The time.
    pub now: Timestamp,
    /// The time in milliseconds since 1970-01-01 UTC, which is divided once and asked for often.
    pub(crate) now_ms: u64,
    /// Where the reply goes.
    pub reply: ReplyWriter<'a>,
    /// Whether the reply may come later: the request was sent by a client and stands alone.
    pub(crate) may_wait: bool,
    /// Why the request is executed again, if it waited for a key.
    pub(crate) woken: Option<Woken<'a>>,
    pub(crate) prepared: Option<PreparedKey>,
    /// The command is one of a script's.
    pub(crate) is_scripted: bool,
    /// What EXEC wants run when its handler has returned.
    pub(crate) queue: Vec<QueuedCommand>,
}

impl<'a> Context<'a> {
    /// The session whose command this is.
    #[inline]
    pub fn session(&mut self) -> &mut Session {
        self.sessions.get_mut(self.key)
    }

    /// Whether the session may run any command.
    #[inline]
    pub fn is_unrestricted(&self) -> bool {
        self.sessions.get(self.key).is_unrestricted(self.users)
    }

    /// The database its commands work on.
    #[inline]
    pub fn database(&self) -> usize {
        self.sessions.get(self.key).database
    }

    /// The time by which keys are due, in Unix milliseconds. What a primary sends sees keys as they
    /// were there: [`PRIMARY_LAG_MAX_MS`] earlier than now.
    #[inline]
    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// The time by which keys are due for a session at `now`.
    #[inline]
    pub(crate) fn due_ms(session: &Session, now: Timestamp) -> u64 {
        match session.is_primary {
            true => now.unix_ms().saturating_sub(PRIMARY_LAG_MAX_MS),
            false => now.unix_ms(),
        }
    }

    /// The time of day in Unix milliseconds, from which spans count.
    #[inline]
    pub fn clock_ms(&self) -> u64 {
        self.now.unix_ms()
    }

    /// Argument `index` as a key; its lookup is taken from the batch if it was begun there.
    #[inline(always)] // Returned by memory otherwise, and read again at once.
    pub fn key<'k>(&self, args: Args<'k>, index: usize) -> Key<'k> {
        match self.prepared {
            Some(prepared) if prepared.index == index => {
                (self.keyspace).key_with_lookup(args.get(index), prepared.lookup)
            }
            _ => self.keyspace.key(args.get(index)),
        }
    }

    /// The figures of the cache as they are now.
    pub fn report(&mut self) -> Report<'_> {
        Report {
            keyspace: self.keyspace,
            sessions: self.sessions,
            messages: self.messages,
            config: self.config,
            host: self.host,
            stats: self.stats,
            turns: self.turns,
            timing: self.timing,
            scripts: self.scripts.figures(),
            now: self.now,
        }
    }

    /// Looks a key up for a read (counts a hit or a miss, notes the use) and lets `answer` reply.
    #[inline(always)]
    pub fn read<R>(
        &mut self,
        key: Key<'_>,
        answer: impl FnOnce(&mut ReplyWriter<'a>, Option<EntryRef<'_>>) -> R,
    ) -> R {
        let (reply, entry) = self.look_up(key);
        answer(reply, entry)
    }

    /// The reply, and the entry of a key that is read.
    #[inline(always)] // Into every read; a closure of `read_string` would be called.
    fn look_up<'c>(&'c mut self, key: Key<'_>) -> (&'c mut ReplyWriter<'a>, Option<EntryRef<'c>>) {
        let session = self.sessions.get(self.key);
        let (database, is_untouching) = (session.database, session.is_untouching);
        let now_ms = self.now_ms;
        let entry = if is_untouching {
            self.keyspace.find(database, key, now_ms)
        } else {
            self.keyspace.find_and_touch(database, key, now_ms)
        };
        count_read(self.stats, entry.is_some());
        (&mut self.reply, entry)
    }

    /// As [`Context::read`] for a key that must hold a string if it exists.
    ///
    /// # Errors
    /// [`WrongType`]; then `answer` has not been called.
    #[inline(always)]
    pub fn read_string<R>(
        &mut self,
        key: Key<'_>,
        answer: impl FnOnce(&mut ReplyWriter<'a>, Option<StringValue<'_>>) -> R,
    ) -> Result<R, WrongType> {
        let (reply, entry) = self.look_up(key);
        let value = match entry {
            Some(entry) => Some(entry.as_string()?),
            None => None,
        };
        Ok(answer(reply, value))
    }

    /// The reply, and the collection of a key that is read: counts a hit or a miss, notes the use.
    ///
    /// # Errors
    /// [`WrongType`] if the key holds another type.
    #[inline]
    pub fn read_as<'c, T: CollectionType>(
        &'c mut self,
        key: Key<'_>,
    ) -> Result<ReplyAnd<'c, 'a, T::Ref<'c, Memory>>, WrongType> {
        let (reply, body) = self.read_body::<T>(key)?;
        Ok((reply, body.map(Into::into)))
    }

    /// As [`Context::read_as`], and the collection is told as it is kept.
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn read_body<'c, T: CollectionType>(
        &'c mut self,
        key: Key<'_>,
    ) -> Result<ReplyAnd<'c, 'a, Body<'c, Memory>>, WrongType> {
        let session = self.sessions.get(self.key);
        let (database, is_untouching) = (session.database, session.is_untouching);
        let now_ms = self.now_ms;
        let found = if is_untouching {
            self.keyspace.peek_body::<T>(database, key, now_ms)
        } else {
            self.keyspace.read_body::<T>(database, key, now_ms)
        };
        count_read(self.stats, !matches!(found, Ok(None)));
        Ok((&mut self.reply, found?))
    }

    /// Lends the collection of a key to `change`: see [`Mutation::change`].
    ///
    /// # Errors
    /// WRONGTYPE, and what `change` fails with.
    pub fn change<T: CollectionType, R>(
        &mut self,
        key: Key<'_>,
        missing: Missing,
        change: impl FnOnce(&mut T::Mut<EntryHome<'_>>) -> Result<Changed<R>, ReplyError>,
    ) -> Result<Option<R>, ReplyError> {
        self.mutate()
            .change::<T, R, ReplyError>(key, missing, change)
    }

    /// As [`Context::change`], and lends the reply too, for what is told before it goes. If
    /// `change` fails, it must not have written anything.
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn change_and_tell<T: CollectionType, R>(
        &mut self,
        key: Key<'_>,
        missing: Missing,
        change: impl FnOnce(
            &mut T::Mut<EntryHome<'_>>,
            &mut ReplyWriter<'a>,
        ) -> Result<Changed<R>, ReplyError>,
    ) -> Result<Option<R>, ReplyError> {
        let (database, now_ms) = (self.database(), self.now_ms());
        let reply = &mut self.reply;
        let mut mutation = self.keyspace.mutate(database, now_ms);
        mutation.change::<T, R, ReplyError>(key, missing, |value| change(value, reply))
    }

    /// Looks a key up to tell something about it, not its value: counts a hit or a miss, and notes
    /// no use.
    #[inline]
    pub fn look<R>(
        &mut self,
        key: Key<'_>,
        answer: impl FnOnce(&mut ReplyWriter<'a>, &Keyspace, Option<EntryRef<'_>>) -> R,
    ) -> R {
        let (database, now_ms) = (self.database(), self.now_ms());
        let entry = self.keyspace.find(database, key, now_ms);
        let is_hit = entry.is_some();
        count_read(self.stats, is_hit);
        let answered = answer(&mut self.reply, self.keyspace, entry);
        if !is_hit {
            self.keyspace.note_miss(database, key.bytes);
        }
        answered
    }

    /// As [`Context::look`], and no key event tells that there is no such key.
    pub fn inspect<R>(
        &mut self,
        key: Key<'_>,
        answer: impl FnOnce(&mut ReplyWriter<'a>, &Keyspace, Option<EntryRef<'_>>) -> R,
    ) -> R {
        let (database, now_ms) = (self.database(), self.now_ms());
        let entry = self.keyspace.find(database, key, now_ms);
        count_read(self.stats, entry.is_some());
        answer(&mut self.reply, self.keyspace, entry)
    }

    /// Asks for room below the limit of memory for a write of a request that spans `span_bytes`. If
    /// the reply can't come later, all of the work is done at once. A request below
    /// [`LARGE_WRITE_BYTES`] fits while memory is not over the limit.
    pub(crate) fn room_for(&mut self, span_bytes: usize) -> Room {
        if span_bytes < LARGE_WRITE_BYTES && !self.keyspace.is_over_limit() {
            return Room::Made;
        }
        let now_ms = self.now_ms;
        if self.may_wait {
            self.keyspace.make_room(span_bytes, now_ms)
        } else if self.keyspace.make_room_at_once(span_bytes, now_ms) {
            Room::Made
        } else {
            Room::Exhausted
        }
    }

    /// Makes room below the limit of memory for a value that grows to `len_min` bytes, which the
    /// request itself does not hold. All at once: O(what has to go). Small values are left to the
    /// next write. To be asked before the key is looked at, because it may be one of those that go.
    ///
    /// # Errors
    /// OOM if it does not fit.
    pub(crate) fn room_to_grow(&mut self, key: Key<'_>, len_min: usize) -> Result<(), ReplyError> {
        if len_min < LARGE_WRITE_BYTES {
            return Ok(());
        }
        let now_ms = self.now_ms;
        let entry = self.keyspace.find(self.database(), key, now_ms);
        let value = entry.and_then(|entry| entry.as_string().ok());
        let old_len = value.map_or(0, |value| value.len());
        let growth_bytes = len_min.saturating_sub(old_len);
        if growth_bytes < LARGE_WRITE_BYTES || self.keyspace.make_room_at_once(growth_bytes, now_ms)
        {
            Ok(())
        } else {
            Err(ReplyError::OOM)
        }
    }

    /// Begins changes of the session's database.
    #[inline]
    pub fn mutate(&mut self) -> Mutation<'_> {
        let database = self.database();
        self.keyspace.mutate(database, self.now_ms)
    }

    /// Leaves the answer of the present request to the node, which gives it when this is done. The
    /// handler writes no reply.
    pub fn answer_later(&mut self, wait: Wait) {
        self.outbox.push(Effect::Later(wait));
    }

    /// Answers the present request by all steps of a read at once.
    pub fn answer_at_once(&mut self, mut read: impl LongRead) {
        let now_ms = self.now_ms();
        while !read.step(self.keyspace, now_ms, &mut self.reply) {}
    }

    /// Answers the present request by a read that takes long: in slices of the loop where the
    /// client can wait, else at once.
    pub fn answer_in_steps(&mut self, mut read: impl LongRead + 'static) {
        if !self.may_wait {
            return self.answer_at_once(read);
        }
        let session = self.session();
        // A reply that nobody wants is not worth a walk.
        if matches!(session.reply_mode, ReplyMode::On | ReplyMode::SkipNext) {
            session.long_read.begin(Box::new(read));
            self.answer_later(Wait::Steps);
        } else {
            read.abandon(self.keyspace);
        }
    }
}

#[inline(always)] // Into every read.
fn count_read(stats: &mut Statistics, is_hit: bool) {
    if is_hit {
        stats.counters.keyspace_hits += 1;
    } else {
        stats.counters.keyspace_misses += 1;
    }
}
