//! A connection's complete requests, executed as a batch.
//!
//! ```text
//!  1. each request: its command by name, the hash of its first key
//!  2. each request: its bucket line asked for
//!  3. each request: its entry line asked for (the bucket has arrived meanwhile)
//!  4. each request: gates, handler, reply
//! ```
//!
//! So the cache misses of up to [`BATCH_REQUESTS_MAX`] requests overlap instead of adding up. The
//! prefetches are hints: whatever an earlier request of the batch does to the keys of a later one,
//! the later one looks them up anew with the hash that was computed.

use super::{CacheEngine, Execution, end_timing, execute_one, execute_unresolved, gates};
use crate::base::clock::Timestamp;
use crate::command::call::{Resolved, call, resolve_plain};
use crate::command::names::CommandNames;
#[cfg(doc)]
use crate::command::spec::CommandSpec;
use crate::keyspace::{Keyspace, PREFETCH_GROUP_MAX};
use crate::protocol::args::Args;
use crate::protocol::batch::RequestBatch;
use crate::session::SessionKey;
use crate::session::context::PreparedKey;
use arrayvec::ArrayVec;

/// Requests whose memory accesses are overlapped.
pub(crate) const BATCH_REQUESTS_MAX: usize = PREFETCH_GROUP_MAX;

/// Why a batch was not executed to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The client asked to be disconnected; what it sent behind that does not count.
    Closing,
    /// A pause holds the next request back.
    Paused,
    /// The replies so far are as many bytes as the caller wanted at most.
    OutputFull,
    /// A command wished something that should happen before the next request.
    Effects,
}

/// How far a batch got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchOutcome {
    /// Requests executed, from the first.
    pub executed_count: usize,
    /// Why not all were, or why the caller should look before it goes on.
    pub stop: Option<Stop>,
}

/// A request that is about to be executed.
#[derive(Clone, Copy)]
struct Prepared<'a> {
    args: Args<'a>,
    /// `None` for what [`crate::command::call::resolve`] has to look at.
    command: Option<Resolved>,
    /// See [`CommandSpec::is_short_work_on_keys`].
    is_short_work: bool,
    key: Option<PreparedKey>,
}

impl CacheEngine {
    /// Executes the requests of a batch in order and appends their replies to `out`, until all are
    /// done, `out` has grown to `out_bytes_max` or there is a reason to stop. `buffer` holds the
    /// bytes the batch was parsed from.
    pub fn execute_batch(
        &mut self,
        session: SessionKey,
        batch: &RequestBatch,
        buffer: &[u8],
        now: Timestamp,
        out: &mut Vec<u8>,
        out_bytes_max: usize,
    ) -> BatchOutcome {
        self.now = now;
        let mut first = 0;
        while first < batch.len() {
            let count = (batch.len() - first).min(BATCH_REQUESTS_MAX);
            let part = self.execute_part(
                session,
                batch,
                buffer,
                first..first + count,
                now,
                out,
                out_bytes_max,
            );
            first += part.executed_count;
            if part.stop.is_some() {
                return BatchOutcome {
                    executed_count: first,
                    stop: part.stop,
                };
            }
        }
        BatchOutcome {
            executed_count: first,
            stop: None,
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one step of `execute_batch`, with its arguments"
    )]
    fn execute_part(
        &mut self,
        session: SessionKey,
        batch: &RequestBatch,
        buffer: &[u8],
        requests: std::ops::Range<usize>,
        now: Timestamp,
        out: &mut Vec<u8>,
        out_bytes_max: usize,
    ) -> BatchOutcome {
        let (mut context, database, names) = self.context(session, now, out);
        let mut prepared: ArrayVec<Prepared<'_>, BATCH_REQUESTS_MAX> = requests
            .clone()
            .map(|request| prepare(names, context.keyspace, batch.args(request, buffer)))
            .collect();
        if prepared.len() > 1 {
            let keys = prepared.iter_mut().filter_map(|request| request.key.as_mut());
            let lookups = keys.map(|key| &mut key.lookup);
            context.keyspace.prefetch(database, lookups);
        }
        let mut outcome = BatchOutcome {
            executed_count: prepared.len(),
            stop: None,
        };
        let mut gates_stand_open = gates::stand_open(&context);
        for (done, request) in prepared.iter().enumerate() {
            context.prepared = request.key;
            let execution = match request.command {
                Some(command)
                    if gates_stand_open
                        && request.is_short_work
                        && !gates::needs_room(&context, command) =>
                {
                    call(&mut context, command, request.args);
                    Execution::Done
                }
                Some(command) => execute_one(&mut context, request.args, command),
                None => execute_unresolved(&mut context, names, request.args),
            };
            if !request.is_short_work {
                gates_stand_open = gates::stand_open(&context);
            }
            outcome.executed_count = done + 1;
            outcome.stop = if execution == Execution::Paused {
                outcome.executed_count = done;
                Some(Stop::Paused)
            } else if execution == Execution::Closing {
                Some(Stop::Closing)
            } else if !context.outbox.is_empty() {
                Some(Stop::Effects)
            } else if context.reply.len() >= out_bytes_max {
                Some(Stop::OutputFull)
            } else {
                continue;
            };
            break;
        }
        if let Some(last) = prepared[..outcome.executed_count].last()
            && let Some(command) = last.command
            && last.is_short_work
        {
            context.session().last_command = Some(command.number);
        }
        let only = (requests.len() == 1).then(|| batch.args(requests.start, buffer));
        end_timing(&mut context, names, only);
        outcome
    }
}

#[inline]
fn prepare<'a>(names: &CommandNames, keyspace: &Keyspace, args: Args<'a>) -> Prepared<'a> {
    let command = resolve_plain(names, args);
    let index = command.and_then(|command| command.spec.keys.first_index());
    let key = index.filter(|&index| index < args.len()).map(|index| {
        let lookup = keyspace.key(args.get(index)).lookup;
        PreparedKey { index, lookup }
    });
    Prepared {
        args,
        command,
        is_short_work: command.is_some_and(|command| command.spec.is_short_work_on_keys()),
        key,
    }
}
