//! Rank 7: the whole cache behind one type, without any socket.
//!
//! ```text
//!  args ─▶ resolve ─▶ gates ─▶ handler ─▶ reply bytes
//!             │ unknown, arity     │ NOAUTH, pause, MULTI queue
//!             └──── error ─────────┘
//!  tick(now): due keys ─▶ removed;  dropped tables ─▶ freed, a bounded piece each
//! ```
//!
//! The node feeds [`CacheEngine::execute_batch`] with what its clients send; a program that embeds
//! the cache calls [`CacheEngine::get`], [`CacheEngine::set`] and their like (`typed/`), or
//! [`CacheEngine::execute`] for any command.
//!
//! Not here: connections, buffers and timers (`node/`), clocks and sockets (`server/`).

mod batch;
mod blocking;
mod budget;
mod busy;
mod claims;
mod encodings;
mod full;
mod gates;
mod jobs;
mod memory;
mod portions;
mod report;
mod restoring;
mod room;
mod scripts;
mod steps;
mod suspended;
mod typed;
mod users;

pub use crate::keyspace::CountError;
pub use crate::value::kind::WrongType;
pub use batch::{BatchOutcome, OutputBounds, Requests, Stop};
pub use blocking::Served;
pub use typed::{Expire, TimeToLive, WriteError};
pub(crate) use users::{Sight, check_users};

use crate::acl::Users;
use crate::base::clock::{Stopwatch, Timestamp};
use crate::base::limits::BULK_BYTES_LIMIT;
use crate::command::call::{Resolved, call, reply_error, resolve};
use crate::command::declare::names::CommandNames;
use crate::command::declare::spec::Flags;
use crate::command::declare::table::table;
use crate::command::observe;
use crate::config::Config;
use crate::context::Context;
use crate::context::host::Host;
use crate::context::invalidation::tell_invalidations;
use crate::context::job::Job;
use crate::context::outbox::{Effect, Outbox};
use crate::context::pause::Pause;
use crate::context::posting;
use crate::context::timing::Timing;
use crate::keyspace::Keyspace;
use crate::messages::{Letter, Messages};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::{Dialect, ReplyWriter};
use crate::script::Scripts;
use crate::session::{Peer, ReplyMode, Session, SessionKey, Sessions};
use crate::stats::turns::{TurnParts, Turns};
use crate::stats::{LatencyEvent, Statistics};
use gates::Gate;

/// Due keys that one step of [`CacheEngine::tick`] removes at most.
const EXPIRE_STEP_KEYS: usize = 32;

/// What became of one command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Execution {
    /// It was answered (or its answer was not wanted).
    Done,
    /// It was answered, and the session ends with that.
    Closing,
    /// A pause holds it back: nothing was done, try again later.
    Paused,
    /// It names a key that a long command has claimed: try again when
    /// [`CacheEngine::take_ended_claims`] says so.
    Claimed,
    /// It waits for memory that is still to be freed: try again after a [`CacheEngine::tick`].
    /// Only in a batch; [`CacheEngine::execute`] frees what is needed itself.
    NoRoom,
    /// Another command has the keyspace to itself: nothing was done, try again when that has ended.
    Shut,
    /// It has begun, and goes on with [`CacheEngine::job_on`], which has its reply.
    Suspended,
}

/// A cache: databases, sessions and statistics, driven by whoever owns it.
///
/// It has no clock. Time is what the last call said; within a call it stands still.
pub struct CacheEngine {
    keyspace: Keyspace,
    sessions: Sessions,
    messages: Messages,
    config: Config,
    users: Users,
    stats: Statistics,
    turns: Turns,
    outbox: Outbox,
    pause: Pause,
    host: Host,
    names: Box<CommandNames>,
    timing: Timing,
    scripts: Scripts,
    /// The command that has the keyspace to itself, if one does.
    job: Option<Job>,
    now: Timestamp,
}

impl CacheEngine {
    /// An empty cache. `config.hash_seed` decides the hash of keys and every random choice: give
    /// it a random number where keys come from strangers.
    pub fn new(mut config: Config) -> Self {
        let names = Box::new(CommandNames::new(&config.rename_command));
        config.proto_max_bulk_bytes = config.proto_max_bulk_bytes.min(BULK_BYTES_LIMIT as u64);
        let database_count = usize::try_from(config.databases).expect("at most i32::MAX");
        // What `auto` means is known to whoever puts a server around this.
        let memory_limit_bytes = config.maxmemory.resolve(0);
        let mut engine = Self {
            keyspace: Keyspace::new(database_count, config.hash_seed),
            scripts: Scripts::new(config.hash_seed),
            job: None,
            sessions: Sessions::default(),
            users: Users::new(&config.requirepass),
            messages: Messages::default(),
            config,
            stats: Statistics::new(table().len()),
            turns: Turns::default(),
            outbox: Outbox::default(),
            pause: Pause::default(),
            host: Host::default(),
            names,
            timing: Timing::new(table().len()),
            now: Timestamp::default(),
        };
        engine.set_memory_limit(memory_limit_bytes);
        engine.apply_encoding_limits();
        engine.take_configured_users();
        engine.apply_script_limits();
        engine
    }

    /// Measures how long commands take, for statistics, the slow log and LATENCY. Without a
    /// stopwatch they take no time at all.
    pub(crate) fn set_stopwatch(&mut self, stopwatch: Box<dyn Stopwatch>) {
        self.timing.set_stopwatch(stopwatch);
    }

    /// Makes room for `count` sessions at once.
    pub(crate) fn reserve_sessions(&mut self, count: usize) {
        self.sessions.reserve(count);
    }

    /// Begins a session; it must be ended with [`CacheEngine::close_session`].
    pub fn open_session(&mut self, peer: Peer, now: Timestamp) -> SessionKey {
        let key = self.sessions.open(peer, now);
        let session = self.sessions.get_mut(key);
        session.leave(&self.users);
        let name = session.peer.certified_name.as_ref();
        let user = name.and_then(|name| self.users.find(name.as_bytes()));
        if let Some(user) = user.filter(|user| self.users.get(*user).is_on()) {
            session.enter(user, &self.users);
        }
        self.stats.counters.total_connections_received += 1;
        key
    }

    /// Ends a session: abandons its long read, ends its wait for keys, leaves its channels and
    /// gives back the keys it watched.
    pub fn close_session(&mut self, key: SessionKey) {
        if let Some(job) = self.job.as_mut().filter(|job| job.session == key) {
            // What it does, it does as a whole: the session ends with it.
            job.is_orphan = true;
            return;
        }
        self.end_wait(key);
        let mut session = self.sessions.close(key);
        session.long_read.abandon(&mut self.keyspace);
        if let Some(tracking) = session.tracking.take() {
            self.sessions.trackers.end(tracking.number);
            (self.keyspace).end_reader(&tracking.prefixes, tracking.number);
        }
        if let Some(link) = session.link {
            let own = &mut session.subscriptions;
            self.messages.unsubscribe_all(link, own);
            self.apply_key_events();
        }
        let watches = session.transaction.unwatch();
        self.stats.gauges.watching_clients -= u64::from(!watches.is_empty());
        self.keyspace.unwatch_all(watches);
    }

    /// A session that is open.
    #[doc(hidden)]
    #[inline]
    pub fn session(&self, key: SessionKey) -> &Session {
        self.sessions.get(key)
    }

    /// A session that is open, for its owner to change.
    #[doc(hidden)]
    #[inline]
    pub fn session_mut(&mut self, key: SessionKey) -> &mut Session {
        self.sessions.get_mut(key)
    }

    /// All sessions.
    #[doc(hidden)]
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// The configuration in force.
    #[inline]
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// The configuration in force, for its owner to change; what follows from a change is his, too.
    pub(crate) fn config_mut(&mut self) -> &mut Config {
        &mut self.config
    }

    /// Counters and gauges.
    #[inline]
    pub(crate) fn stats(&self) -> &Statistics {
        &self.stats
    }

    /// Counters and gauges, for their owners to keep up to date.
    #[doc(hidden)]
    #[inline]
    pub fn stats_mut(&mut self) -> &mut Statistics {
        &mut self.stats
    }

    /// Counts a turn of the loop that drives this cache, for INFO.
    #[inline]
    pub(crate) fn note_turn(&mut self, parts: TurnParts) {
        self.turns.note(parts);
        let total_us = parts.total_us();
        let counters = &mut self.stats.counters;
        counters.loop_turns += 1;
        counters.loop_busy_usec += total_us;
        counters.loop_turn_max_usec = counters.loop_turn_max_usec.max(total_us);
    }

    /// The present pause.
    pub(crate) fn pause(&self) -> &Pause {
        &self.pause
    }

    /// The present pause, for change.
    pub(crate) fn pause_mut(&mut self) -> &mut Pause {
        &mut self.pause
    }

    /// What commands wished for since the last call.
    #[doc(hidden)]
    pub fn take_effects(&mut self) -> Vec<Effect> {
        self.outbox.take()
    }

    /// Runs one command and appends its reply to `reply`. Ask [`CacheEngine::next_deadline_ms`]
    /// and [`CacheEngine::take_effects`] again afterwards.
    pub fn execute(
        &mut self,
        session: SessionKey,
        args: Args<'_>,
        now: Timestamp,
        reply: &mut Vec<u8>,
    ) -> Execution {
        assert!(
            self.job.is_none(),
            "nothing else runs while a command has the keyspace"
        );
        self.now = now;
        let (mut context, _, names) = self.context(session, now, reply);
        context.may_wait = false;
        let execution = execute_unresolved(&mut context, names, args);
        end_timing(&mut context, names, Some(args));
        context.tell_changes();
        execution
    }

    fn context<'a>(
        &'a mut self,
        key: SessionKey,
        now: Timestamp,
        out: &'a mut Vec<u8>,
    ) -> (Context<'a>, usize, &'a CommandNames) {
        let session = self.sessions.get_mut(key);
        session.last_active_us = now.monotonic_us;
        let (database, now_ms) = (session.database, Context::due_ms(session, now));
        self.messages.mailbox.begin();
        begin_timing(&mut self.timing, &self.config, &self.outbox, out.len());
        let context = Context {
            reply: ReplyWriter::new(out, session.dialect),
            keyspace: &mut self.keyspace,
            sessions: &mut self.sessions,
            messages: &mut self.messages,
            key,
            config: &mut self.config,
            users: &mut self.users,
            stats: &mut self.stats,
            turns: &mut self.turns,
            outbox: &mut self.outbox,
            pause: &mut self.pause,
            host: &self.host,
            timing: &mut self.timing,
            scripts: &mut self.scripts,
            job: &mut self.job,
            now,
            now_ms,
            may_wait: true,
            woken: None,
            prepared: None,
            is_scripted: false,
            queue: Vec::new(),
        };
        (context, database, &self.names)
    }

    /// Goes one step on with the long read of a session
    /// ([`Wait::Steps`](crate::context::outbox::Wait)) and appends to `reply` what there is of it.
    /// Returns true when the reply is complete.
    pub(crate) fn read_on(&mut self, key: SessionKey, now: Timestamp, reply: &mut Vec<u8>) -> bool {
        self.now = now;
        let session = self.sessions.get_mut(key);
        if session.long_read.is_some() {
            session.last_active_us = now.monotonic_us;
        }
        let mut reply = ReplyWriter::new(reply, session.dialect);
        let is_complete = (session.long_read).step(&mut self.keyspace, now.unix_ms(), &mut reply);
        self.tell_changes();
        is_complete
    }

    /// Puts the events of keys so far on their way to those who listen to them.
    fn tell_changes(&mut self) {
        if self.keyspace.has_told() {
            let (sessions, messages) = (&mut self.sessions, &mut self.messages);
            tell_invalidations(&mut self.keyspace, sessions, messages, None);
        }
        if self.keyspace.has_announced() {
            posting::tell_changes(&mut self.keyspace, &mut self.messages, &self.config, None);
        }
    }

    /// Takes note of the events that the configuration names.
    pub(crate) fn apply_key_events(&mut self) {
        posting::follow_listeners(&mut self.keyspace, &self.messages, &self.config);
    }

    /// Ends the long read of a session, if it has one, before its reply is complete.
    pub(crate) fn abandon_read(&mut self, key: SessionKey) {
        let session = self.sessions.get_mut(key);
        session.long_read.abandon(&mut self.keyspace);
    }

    /// Does a bounded piece of the work that is due: removes some expired keys and frees a part of
    /// what was dropped. Returns true if there is more to do now. A call too many does nothing.
    pub fn tick(&mut self, now: Timestamp) -> bool {
        self.now = now;
        self.pause.end_if_over(now.monotonic_ms());
        let keys_stay = self.job.is_some() || self.pause.keeps_keys(now.monotonic_ms());
        let expired = if keys_stay || self.messages.mailbox.is_full() {
            0
        } else {
            self.keyspace.expire_some(now.unix_ms(), EXPIRE_STEP_KEYS)
        };
        let has_garbage = self.keyspace.has_garbage() && self.keyspace.free_some();
        self.keyspace.settle_overhead();
        let makes_room = !keys_stay && self.keyspace.has_room_to_make();
        if makes_room {
            self.keyspace.make_room(0, now.unix_ms());
        } else if self.keyspace.has_words_to_refresh() {
            self.keyspace.refresh_some();
        }
        if self.keyspace.has_tracked_to_sweep() {
            let trackers = &self.sessions.trackers;
            (self.keyspace).sweep_tracked(|number| trackers.get(number).is_some());
        }
        let forgets_tracked = self.has_tracked_to_forget();
        if forgets_tracked {
            (self.keyspace).forget_tracked(self.config.tracking_table_max_keys);
        }
        let has_compacted = self.keyspace.compact_some();
        if self.scripts.has_garbage() {
            self.scripts.collect_some();
        }
        self.tell_changes();
        let has_tracked_work = forgets_tracked || self.keyspace.has_tracked_to_sweep();
        let has_room_work = makes_room || has_compacted;
        expired == EXPIRE_STEP_KEYS || has_garbage || has_room_work || has_tracked_work
    }

    /// Whether tracked keys are too many and somebody can be told that they are forgotten now.
    fn has_tracked_to_forget(&self) -> bool {
        !self.messages.mailbox.is_full()
            && (self.keyspace).has_tracked_to_forget(self.config.tracking_table_max_keys)
    }

    /// Whether [`CacheEngine::tick`] has something to do at `now`.
    pub fn has_work(&self, now: Timestamp) -> bool {
        let keys_stay = self.job.is_some() || self.pause.keeps_keys(now.monotonic_ms());
        self.keyspace.has_garbage()
            || self.scripts.has_garbage()
            || self.keyspace.is_worth_compacting()
            || self.keyspace.has_tracked_to_sweep()
            || self.has_tracked_to_forget()
            || (self.keyspace.has_room_to_make() && !keys_stay)
            || self
                .next_deadline_ms()
                .is_some_and(|deadline_ms| deadline_ms <= now.unix_ms())
    }

    /// When the next key is to be removed because it expires, in Unix milliseconds: at its
    /// deadline, or at the end of a pause, which keeps all keys. To be asked again after every
    /// call.
    #[inline]
    pub fn next_deadline_ms(&self) -> Option<u64> {
        if self.job.is_some() {
            return None;
        }
        let deadline_ms = self.keyspace.next_deadline_ms()?;
        Some(match self.pause.keeps_keys_until_ms() {
            None => deadline_ms,
            Some(until_ms) => {
                let rest_ms = until_ms.saturating_sub(self.now.monotonic_ms());
                deadline_ms.max(self.now.unix_ms().saturating_add(rest_ms))
            }
        })
    }

    /// Whether messages wait to be delivered.
    #[inline]
    pub(crate) fn has_letters(&self) -> bool {
        self.messages.mailbox.has_letters()
    }

    /// Whether so many do that whoever causes more has to wait.
    #[inline]
    pub(crate) fn is_mailbox_full(&self) -> bool {
        self.messages.mailbox.is_full()
    }

    /// Takes the first letter out of the mailbox.
    pub(crate) fn take_letter(&mut self) -> Option<Letter> {
        self.messages.mailbox.take()
    }

    /// Puts back a letter that was taken and has recipients left.
    pub(crate) fn put_letter_back(&mut self, letter: Letter) {
        self.messages.mailbox.put_back(letter);
    }

    /// Who listens to messages, and messages on their way.
    pub(crate) fn messages_mut(&mut self) -> &mut Messages {
        &mut self.messages
    }

    /// Whether what is executed is to be written down for clients in MONITOR.
    pub(crate) fn set_monitored(&mut self, is_monitored: bool) {
        self.outbox.is_monitored = is_monitored;
    }

    /// What was executed since the last call, one line each, and whether lines are missing.
    pub(crate) fn take_monitor_feed(&mut self) -> (Vec<u8>, bool) {
        self.outbox.feed.take()
    }

    /// How many changes of keys there have been.
    pub(crate) fn dirty_count(&self) -> u64 {
        self.keyspace.dirty_count()
    }

    /// Notes whether the last snapshot succeeded, for INFO, LASTSAVE and
    /// `stop-writes-on-bgsave-error`.
    pub(crate) fn note_save(&mut self, is_success: bool) {
        self.host.snapshots.last_failed = !is_success;
    }

    /// Whether the last snapshot that was tried failed.
    pub(crate) fn save_has_failed(&self) -> bool {
        self.host.snapshots.last_failed
    }

    /// What commands know of the server around this cache.
    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    /// The same, for the server and the node to keep up to date.
    pub(crate) fn host_mut(&mut self) -> &mut Host {
        &mut self.host
    }

    /// The time of the last call.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// The databases.
    pub(crate) fn keyspace(&self) -> &Keyspace {
        &self.keyspace
    }

    /// The databases, for whoever reads them out for a snapshot.
    pub(crate) fn keyspace_mut(&mut self) -> &mut Keyspace {
        &mut self.keyspace
    }

    /// Drops the keys of all databases; their memory comes back with the following ticks.
    pub(crate) fn clear_all(&mut self) {
        for database in 0..self.keyspace.database_count() {
            self.keyspace.mutate(database, self.now.unix_ms()).flush();
        }
    }

    /// Panics if an invariant of the keyspace does not hold. O(keys).
    #[doc(hidden)]
    #[cfg(any(test, debug_assertions))]
    pub fn check_invariants(&self) {
        self.keyspace.check_invariants();
    }
}

impl Drop for CacheEngine {
    /// Abandons the reads under way: each is told, whoever drops the cache.
    fn drop(&mut self) {
        for session in self.sessions.iter_mut() {
            session.long_read.abandon(&mut self.keyspace);
        }
    }
}

/// Times of commands in microseconds from which on the slow log wants them one by one.
const EXACT_BELOW_US: i64 = 1_000;

/// The shortest time of a group that may be of interest: nothing below is slow or a latency.
const NOTED_NS: u64 = EXACT_BELOW_US as u64 * 1_000;

/// Before some requests: whether they are timed one by one, and when they begin.
#[inline]
fn begin_timing(timing: &mut Timing, config: &Config, outbox: &Outbox, output_bytes: usize) {
    timing.is_exact = outbox.is_monitored
        || timing.hot_session.is_some()
        || (0..EXACT_BELOW_US).contains(&config.slowlog_slower_than_us);
    timing.is_tracking = config.latency_tracking;
    timing.begin(output_bytes);
}

/// After them: charges the fast ones with the time that has passed. `only` is the request if there
/// was one alone, whose time is then known as well as that of a slow command.
#[inline]
fn end_timing(context: &mut Context<'_>, names: &CommandNames, only: Option<Args<'_>>) {
    if !context.timing.has_group() {
        return;
    }
    let duration_ns = (context.timing).end_group(context.reply.len(), context.stats);
    if duration_ns >= NOTED_NS {
        note_group(context, names, only, duration_ns);
    }
}

#[cold]
fn note_group(
    context: &mut Context<'_>,
    names: &CommandNames,
    only: Option<Args<'_>>,
    duration_ns: u64,
) {
    match only.map(|args| (args, resolve(names, args))) {
        Some((args, Ok(command))) => observe::note(context, command, args, duration_ns),
        _ => observe::note_latency(context, LatencyEvent::FastCommand, duration_ns),
    }
}

/// Takes one request through the gates and runs it.
#[inline]
fn execute_one(
    context: &mut Context<'_>,
    names: &CommandNames,
    args: Args<'_>,
    command: Resolved,
) -> Execution {
    let mut begin = begin_of(context);
    match gates::pass(context, args, command) {
        Gate::Run => {
            context.session().last_command = Some(command.number);
            let goes_on_later = if command.spec.flags.runs_others() {
                jobs::run(context, names, args, command, begin)
            } else if let Some(division) = portions::division(context, args, command) {
                portions::begin(context, args, command, division, begin)
            } else if let Some(steps) = steps::of_request(context, args, command) {
                steps::begin(context, args, command, steps, begin)
            } else {
                call(context, command, args);
                false
            };
            if goes_on_later {
                let own = context.session().link;
                context.messages.mailbox.begin_in_reply(own);
                return Execution::Suspended;
            }
            if command.spec.flags.has(Flags::PUSHES) {
                // Nothing of it is a reply that CLIENT REPLY could turn off.
                begin = context.reply.len();
            }
            end_caching(context, command);
        }
        Gate::Queued => context.reply.simple("QUEUED"),
        Gate::Refused(error) => reply_error(context, &error),
        Gate::Paused => return Execution::Paused,
        Gate::Claimed => return Execution::Claimed,
        Gate::NoRoom => return Execution::NoRoom,
        Gate::Shut => return Execution::Shut,
    }
    end_of(context, begin)
}

/// CLIENT CACHING concerns one command or transaction.
#[inline]
fn end_caching(context: &mut Context<'_>, command: Resolved) {
    let session = context.sessions.get_mut(context.key);
    if let Some(tracking) = &mut session.tracking
        && tracking.caching.is_some()
        && !session.transaction.is_open()
        && !table().full_name(command.number).starts_with("client|")
    {
        tracking.caching = None;
    }
}

/// As [`execute_one`] for a request whose command is not looked up yet, or is none.
fn execute_unresolved(
    context: &mut Context<'_>,
    names: &CommandNames,
    args: Args<'_>,
) -> Execution {
    let error = match resolve(names, args) {
        Ok(command) => return execute_one(context, names, args, command),
        Err(error) => error,
    };
    let begin = begin_of(context);
    if gates::is_hostile(args) {
        context.session().closes_after_reply = true;
    } else if is_question_of_a_person(context, args) {
        context.reply.simple(PLAIN_HELP);
    } else {
        let error = gates::refuse_unresolved(context, args, error);
        let error = with_suggestion(context, names, args, error);
        reply_error(context, &error);
    }
    end_of(context, begin)
}

/// An error as a person reads it who gets plain replies: for a name that is no command's, with
/// the one that was probably meant. Programs get Redis's words.
fn with_suggestion(
    context: &Context<'_>,
    names: &CommandNames,
    args: Args<'_>,
    error: ReplyError,
) -> ReplyError {
    let is_of_a_person = context.reply.dialect() == Dialect::Plain;
    if !is_of_a_person || !error.is_unknown_command() {
        return error;
    }
    match names.closest(args.name()) {
        Some(closest) => error.with_suggestion(&closest.to_ascii_uppercase()),
        None => error,
    }
}

/// What a person at `nc` is told who types HELP.
const PLAIN_HELP: &str = "Type a command and what it takes: SET name Ada, GET name, DEL name, INFO. \
                          COMMAND LIST names all commands, QUIT ends the connection.";

/// Whether a person, who gets plain replies, asks what there is to type. Programs get Redis's
/// error: there is no command HELP.
fn is_question_of_a_person(context: &Context<'_>, args: Args<'_>) -> bool {
    context.reply.dialect() == Dialect::Plain && args.name().eq_ignore_ascii_case(b"help")
}

/// What comes before a request; returns where its reply begins.
#[inline]
fn begin_of(context: &mut Context<'_>) -> usize {
    let session = context.session();
    if session.reply_mode == ReplyMode::SkipNext {
        session.reply_mode = ReplyMode::Skip;
    }
    context.reply.len()
}

/// What follows a request, whose reply began at `begin`.
#[inline]
fn end_of(context: &mut Context<'_>, begin: usize) -> Execution {
    let session = context.session();
    // Who waits for keys is not answered yet.
    if session.reply_mode != ReplyMode::On && session.blocked.is_none() {
        withhold_reply(context, begin);
    }
    if context.sessions.get(context.key).is_told() {
        context.tell_changes();
        context.post_own();
    }
    if context.session().closes_after_reply {
        Execution::Closing
    } else {
        Execution::Done
    }
}

/// Takes the reply back from a client that does not want it.
#[cold]
fn withhold_reply(context: &mut Context<'_>, begin: usize) {
    let mode = context.session().reply_mode;
    if matches!(mode, ReplyMode::Off | ReplyMode::Skip) {
        context.reply.truncate_to(begin);
    }
    if mode == ReplyMode::Skip {
        context.session().reply_mode = ReplyMode::On;
    }
}

#[cfg(test)]
mod tests;
