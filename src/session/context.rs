//! What a command handler is given: everything it may touch, and nothing else.

use super::outbox::Outbox;
use super::pause::Pause;
use super::timing::Timing;
use super::turns::Turns;
use super::{Session, SessionKey, Sessions};
use crate::base::clock::Timestamp;
use crate::config::Config;
use crate::keyspace::{EntryRef, Key, Keyspace, Lookup, Mutation};
use crate::protocol::args::Args;
use crate::protocol::reply::ReplyWriter;
use crate::stats::Statistics;

/// The lookup of a request's first key, begun while the request waited in its batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PreparedKey {
    /// Which argument the key is.
    pub(crate) index: usize,
    /// What is known of it.
    pub(crate) lookup: Lookup,
}

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
    /// Counters, gauges and facts about the server.
    pub stats: &'a mut Statistics,
    /// How long the turns of the loop take.
    pub turns: &'a mut Turns,
    /// Wishes to the node and the reactor.
    pub outbox: &'a mut Outbox,
    /// CLIENT PAUSE.
    pub pause: &'a mut Pause,
    /// Who is charged for the time that passes.
    pub timing: &'a mut Timing,
    /// The time.
    pub now: Timestamp,
    /// Where the reply goes.
    pub reply: ReplyWriter<'a>,
    /// Whether the reply may come later: the request was sent by a client and stands alone.
    pub(crate) may_wait: bool,
    pub(crate) prepared: Option<PreparedKey>,
}

impl<'a> Context<'a> {
    /// The session whose command this is.
    #[inline]
    pub fn session(&mut self) -> &mut Session {
        self.sessions.get_mut(self.key)
    }

    /// The database its commands work on.
    #[inline]
    pub fn database(&self) -> usize {
        self.sessions.get(self.key).database
    }

    /// The present time as deadlines of keys count it.
    #[inline]
    pub fn now_ms(&self) -> u64 {
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

    /// Looks a key up for a read (counts a hit or a miss, notes the use) and lets `answer` reply.
    #[inline(always)]
    pub fn read<R>(
        &mut self,
        key: Key<'_>,
        answer: impl FnOnce(&mut ReplyWriter<'a>, Option<EntryRef<'_>>) -> R,
    ) -> R {
        let session = self.sessions.get(self.key);
        let (database, is_untouching) = (session.database, session.is_untouching);
        let now_ms = self.now.unix_ms();
        let entry = if is_untouching {
            self.keyspace.find(database, key, now_ms)
        } else {
            self.keyspace.find_and_touch(database, key, now_ms)
        };
        count_read(self.stats, entry.is_some());
        answer(&mut self.reply, entry)
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
        count_read(self.stats, entry.is_some());
        answer(&mut self.reply, self.keyspace, entry)
    }

    /// Begins changes of the session's database.
    #[inline]
    pub fn mutate(&mut self) -> Mutation<'_> {
        let database = self.database();
        self.keyspace.mutate(database, self.now.unix_ms())
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
