//! A connection's complete requests, executed as a batch.
//!
//! ```text
//!  1. each request: its command by name, the hash of its first key, its bucket line asked for
//!  2. each request: its entry line asked for (the bucket has arrived meanwhile)
//!  3. each request: gates, handler, reply
//! ```
//!
//! So the cache misses of up to [`BATCH_REQUESTS_MAX`] requests overlap instead of adding up. The
//! prefetches are hints: whatever an earlier request of the batch does to the keys of a later one,
//! the later one looks them up anew with the hash that was computed.

use super::{CacheEngine, Execution, execute_one};
use crate::base::clock::Timestamp;
use crate::command::call::{resolve, resolve_number};
use crate::command::table::{CommandNumber, table};
use crate::protocol::batch::RequestBatch;
use crate::session::SessionKey;
use crate::session::context::PreparedKey;

/// Requests whose memory accesses are overlapped. Twice the misses a core has in flight; more
/// would push the first lines out of the cache before they are used.
pub(crate) const BATCH_REQUESTS_MAX: usize = 32;

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

#[derive(Clone, Copy)]
struct Prepared {
    command: Option<CommandNumber>,
    key: Option<PreparedKey>,
}

const UNPREPARED: Prepared = Prepared {
    command: None,
    key: None,
};

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
        let mut prepared = [UNPREPARED; BATCH_REQUESTS_MAX];
        let prepared = &mut prepared[..requests.len()];
        let (mut context, database) = self.context(session, now, out);
        for (slot, request) in prepared.iter_mut().zip(requests.clone()) {
            let args = batch.args(request, buffer);
            slot.command = table().find(args.name());
            let index = slot
                .command
                .and_then(|number| table().spec(number).keys.first_index());
            if let Some(index) = index.filter(|&index| index < args.len()) {
                let key = context.keyspace.key(args.get(index));
                slot.key = Some(PreparedKey {
                    index,
                    hash: key.hash(),
                });
                if requests.len() > 1 {
                    context.keyspace.prefetch_bucket(database, key);
                }
            }
        }
        if requests.len() > 1 {
            for (slot, request) in prepared.iter().zip(requests.clone()) {
                if let Some(PreparedKey { index, hash }) = slot.key {
                    let args = batch.args(request, buffer);
                    let key = context.keyspace.key_with_hash(args.get(index), hash);
                    context.keyspace.prefetch_entry(database, key);
                }
            }
        }
        for (done, (slot, request)) in prepared.iter().zip(requests).enumerate() {
            let args = batch.args(request, buffer);
            context.prepared = slot.key;
            let resolved = match slot.command {
                Some(number) => resolve_number(number, args),
                None => resolve(args),
            };
            if execute_one(&mut context, args, resolved) == Execution::Paused {
                return BatchOutcome {
                    executed_count: done,
                    stop: Some(Stop::Paused),
                };
            }
            let stop = if context.session().closes_after_reply {
                Some(Stop::Closing)
            } else if !context.outbox.is_empty() {
                Some(Stop::Effects)
            } else if context.reply.len() >= out_bytes_max {
                Some(Stop::OutputFull)
            } else {
                continue;
            };
            return BatchOutcome {
                executed_count: done + 1,
                stop,
            };
        }
        BatchOutcome {
            executed_count: prepared.len(),
            stop: None,
        }
    }
}
