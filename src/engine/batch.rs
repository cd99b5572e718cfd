//! A connection's complete requests, executed as a batch.
//!
//! ```text
//!  requests    ┌ group 1 ┐┌ group 2 ┐┌ group 3 ┐┌ group 4 ┐ …
//!  round 1     taken up                                          command, hash, bucket asked for
//!  round 2     looked up   taken up                              bucket, entry asked for
//!  round 3     executed    looked up   taken up                  elements, handler, reply
//!  round 4                 executed    looked up   taken up
//! ```
//!
//! So the cache misses of the up to [`GROUP_REQUESTS_MAX`] requests of a group overlap, and with
//! them the work on two other groups. What is prepared are hints: whatever an earlier request does
//! to the keys of a later one, the later one checks what was seen, or looks it up anew.

use super::{
    CacheEngine, Execution, end_of, end_timing, execute_one, execute_unresolved, gates, room,
};
use crate::base::clock::Timestamp;
use crate::base::limits::LARGE_WRITE_BYTES;
use crate::command::call::{Resolved, call_in_group, remember, resolve_plain};
use crate::command::declare::names::CommandNames;
use crate::command::declare::spec::Flags;
use crate::command::permission;
use crate::context::Context;
use crate::context::PreparedKey;
use crate::keyspace::{Keyspace, NamedElement, PREFETCH_GROUP_MAX};
use crate::protocol::args::Args;
use crate::protocol::batch::RequestBatch;
use crate::session::SessionKey;
use arrayvec::ArrayVec;

/// Requests whose memory accesses are overlapped: about as many as a core has misses in flight.
const GROUP_REQUESTS_MAX: usize = 16;
const _: () = assert!(GROUP_REQUESTS_MAX <= PREFETCH_GROUP_MAX);

/// Bytes of an element that a request may write, supposed when it is asked for ahead.
const WRITTEN_LEN: usize = 32;

type Group<'a> = ArrayVec<Prepared<'a>, GROUP_REQUESTS_MAX>;

/// Why a batch was not executed to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The client asked to be disconnected; what it sent behind that does not count.
    Closing,
    /// A pause holds the next request back.
    Paused,
    /// The next request names a key that a long command has claimed.
    Claimed,
    /// The next request waits for memory that is still to be freed.
    NoRoom,
    /// Another command has the keyspace to itself, so the next request waits.
    Shut,
    /// The last request goes on later, with the keyspace to itself.
    Suspended,
    /// The replies so far are as many bytes as the caller wanted at most.
    OutputFull,
    /// The next request may need more bytes for its reply than [`OutputBounds::room_bytes`], and
    /// was not executed.
    NoReplyRoom {
        /// How many, by the values it asks for.
        wanted_bytes: usize,
    },
    /// The last reply would have passed [`OutputBounds::ceiling_bytes`]. Its request is executed;
    /// nothing of the reply is there.
    ReplyTooLarge,
    /// A command wished something that should happen before the next request.
    Effects,
    /// A command made keys ready that others wait for, who are to be served before the next
    /// request.
    Ready,
}

/// How far a batch got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchOutcome {
    /// Requests executed, from the first.
    pub executed_count: usize,
    /// Why not all were, or why the caller should look before it goes on.
    pub stop: Option<Stop>,
}

/// How far a batch may let its output grow. Lengths count what was in the vector before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputBounds {
    /// Length from which on no further request is executed.
    pub mark_bytes: usize,
    /// Length that no reply makes it exceed.
    pub ceiling_bytes: usize,
    /// What one reply may take; a request that may need more waits. `None`: as much as it needs.
    pub room_bytes: Option<usize>,
}

#[cfg(test)]
impl OutputBounds {
    /// None at all.
    pub const NONE: Self = Self {
        mark_bytes: usize::MAX,
        ceiling_bytes: usize::MAX,
        room_bytes: None,
    };
}

/// Requests of one connection.
#[derive(Clone, Copy)]
pub struct Requests<'a> {
    /// All that were parsed together.
    pub batch: &'a RequestBatch,
    /// The first of them that is still to be executed.
    pub first: usize,
    /// Up to which of them they are to be executed.
    pub end: usize,
    /// The bytes that they were parsed from.
    pub buffer: &'a [u8],
}

/// A request that is about to be executed.
#[derive(Clone, Copy)]
struct Prepared<'a> {
    args: Args<'a>,
    /// `None` for what [`crate::command::call::resolve`] has to look at.
    command: Option<Resolved>,
    /// See [`CommandSpec::is_short_work`]; and the request is not large.
    is_short_work: bool,
    key: Option<PreparedKey>,
}

impl CacheEngine {
    /// Executes requests in order and appends their replies to `out`, until all are done, `out` has
    /// grown to its mark or there is a reason to stop.
    pub(crate) fn execute_batch(
        &mut self,
        session: SessionKey,
        requests: Requests<'_>,
        now: Timestamp,
        out: &mut Vec<u8>,
        bounds: &OutputBounds,
    ) -> BatchOutcome {
        self.now = now;
        let Requests {
            batch,
            first,
            end,
            buffer,
        } = requests;
        let (mut context, database, names) = self.context(session, now, out);
        context.reply.set_ceiling(bounds.ceiling_bytes);
        let mut arrivals = Arrivals {
            names,
            requests: (first..end).map(|request| batch.args(request, buffer)),
            database,
            has_large: batch.may_have_span(LARGE_WRITE_BYTES, buffer),
        };
        let [mut one, mut two, mut three] = [Group::new(), Group::new(), Group::new()];
        let [mut arriving, mut waiting, mut ready] = [&mut one, &mut two, &mut three];
        let mut outcome = BatchOutcome {
            executed_count: 0,
            stop: None,
        };
        let is_limited = context.session().is_limited;
        while first + outcome.executed_count < end && outcome.stop.is_none() {
            look_up_elements(context.keyspace, database, ready);
            // Who it is may change with a request; the rest of the batch then passes every gate.
            match is_limited {
                true => execute_group_of_limited(&mut context, names, ready, bounds, &mut outcome),
                false => {
                    execute_group::<false>(&mut context, names, ready, bounds, &mut outcome);
                }
            }
            look_up(context.keyspace, database, waiting);
            arrivals.take_up(context.keyspace, arriving);
            (arriving, waiting, ready) = (ready, arriving, waiting);
        }
        let only = (batch.len() == 1).then(|| batch.args(0, buffer));
        end_timing(&mut context, names, only);
        context.tell_changes();
        outcome
    }
}

/// The requests of a batch that are still to be prepared.
struct Arrivals<'n, R> {
    names: &'n CommandNames,
    requests: R,
    database: usize,
    /// Whether one may be so large that its write has a gate of its own.
    has_large: bool,
}

impl<'a, R: Iterator<Item = Args<'a>>> Arrivals<'_, R> {
    /// Prepares the next group, if there is one, in place of what is in `group`, and asks for its
    /// buckets.
    #[inline]
    fn take_up(&mut self, keyspace: &Keyspace, group: &mut Group<'a>) {
        group.clear();
        for args in self.requests.by_ref().take(GROUP_REQUESTS_MAX) {
            group.push(prepare(self.names, keyspace, args));
        }
        if self.has_large {
            for request in group.iter_mut() {
                request.is_short_work &= request.args.span_bytes() < LARGE_WRITE_BYTES;
            }
        }
        if group.len() > 1 {
            let keys = group.iter().filter_map(|request| request.key.as_ref());
            keyspace.prefetch_buckets(self.database, keys.map(|key| &key.lookup));
        }
    }
}

/// Looks where the keys of a group stand, whose buckets have arrived, and asks for their entries.
#[inline]
fn look_up(keyspace: &Keyspace, database: usize, group: &mut Group<'_>) {
    if group.len() > 1 {
        let keys = group.iter_mut().filter_map(|request| request.key.as_mut());
        keyspace.prefetch_entries(database, keys.map(|key| &mut key.lookup));
    }
}

/// Asks for the elements that a group names, whose entries have arrived.
#[inline]
fn look_up_elements(keyspace: &Keyspace, database: usize, group: &Group<'_>) {
    if keyspace.has_had_collections() {
        ask_for_elements(keyspace, database, group);
    }
}

/// The same where there may be any. Apart from batches of strings, which need nothing of it.
#[inline(never)]
fn ask_for_elements(keyspace: &Keyspace, database: usize, group: &Group<'_>) {
    let mut elements = group.iter().filter_map(|request| {
        let spec = request.command?.spec;
        let index = usize::from(spec.element?);
        let lookup = &request.key.as_ref()?.lookup;
        (index < request.args.len()).then(|| NamedElement {
            lookup,
            element: request.args.get(index),
            is_ranked: spec.is_element_ranked,
            written_len: match spec.flags.has(Flags::WRITE) {
                true => WRITTEN_LEN,
                false => 0,
            },
        })
    });
    // Alone, one would only be looked for twice.
    if let (Some(first), Some(second)) = (elements.next(), elements.next()) {
        let elements = [first, second].into_iter().chain(elements);
        keyspace.prefetch_elements(database, elements);
    }
}

/// [`execute_group`] for a user with rights of its own.
#[inline(never)]
fn execute_group_of_limited(
    context: &mut Context<'_>,
    names: &CommandNames,
    group: &Group<'_>,
    bounds: &OutputBounds,
    outcome: &mut BatchOutcome,
) {
    execute_group::<true>(context, names, group, bounds, outcome);
}

/// Executes a group, up to a reason to stop.
#[inline(always)] // Into the batch, as what it calls: there are two of it.
fn execute_group<const IS_LIMITED: bool>(
    context: &mut Context<'_>,
    names: &CommandNames,
    group: &Group<'_>,
    bounds: &OutputBounds,
    outcome: &mut BatchOutcome,
) {
    // While room is short, every request is looked at on its own.
    let stand_open = |context: &Context<'_>| {
        bounds.room_bytes.is_none() && gates::stand_open::<IS_LIMITED>(context)
    };
    let mut gates_stand_open = stand_open(context);
    let mut is_tracker = !gates_stand_open && may_be_tracker(context, bounds);
    let mut last_short_work = None;
    for request in group {
        context.prepared = request.key;
        let begin = context.reply.len();
        let execution = match request.command {
            Some(command)
                if gates_stand_open
                    && request.is_short_work
                    && !gates::needs_room(context, command)
                    && (!IS_LIMITED || permission::may_work(context, command, request.args)) =>
            {
                call_in_group(context, command, request.args);
                last_short_work = Some(command.number);
                Execution::Done
            }
            Some(command)
                if is_tracker && request.is_short_work && !gates::needs_room(context, command) =>
            {
                last_short_work = Some(command.number);
                execute_tracked(context, command, request.args)
            }
            _ => {
                if let Some(room_bytes) = bounds.room_bytes
                    && let wanted_bytes = room::expected_reply_bytes(context, names, request.args)
                    && wanted_bytes > room_bytes
                {
                    outcome.stop = Some(Stop::NoReplyRoom { wanted_bytes });
                    break;
                }
                if last_short_work.is_some() {
                    // This one may be refused, and then leaves what was noted.
                    context.session().last_command = last_short_work.take();
                }
                let execution = execute_prepared(context, names, request);
                gates_stand_open = stand_open(context);
                is_tracker = !gates_stand_open && may_be_tracker(context, bounds);
                execution
            }
        };
        let goes_on = execution == Execution::Done
            && !context.reply.is_over()
            && context.outbox.is_empty()
            && !context.keyspace.has_ready_keys()
            && context.reply.len() < bounds.mark_bytes;
        if goes_on {
            outcome.executed_count += 1;
            continue;
        }
        stop_after(context, execution, begin, outcome);
        break;
    }
    if last_short_work.is_some() {
        context.session().last_command = last_short_work;
    }
}

/// Whether all gates stand open to a client that keeps copies of what it reads.
fn may_be_tracker(context: &Context<'_>, bounds: &OutputBounds) -> bool {
    bounds.room_bytes.is_none() && gates::stand_open_to_tracker(context)
}

/// Executes a short work of such a client.
fn execute_tracked(context: &mut Context<'_>, command: Resolved, args: Args<'_>) -> Execution {
    let begin = context.reply.len();
    remember(context, command, args);
    call_in_group(context, command, args);
    end_of(context, begin)
}

/// Notes why nothing is executed after a request whose reply began at `begin`, and whether it was.
#[cold]
fn stop_after(
    context: &mut Context<'_>,
    execution: Execution,
    begin: usize,
    outcome: &mut BatchOutcome,
) {
    let stop = match execution {
        Execution::Paused => Stop::Paused,
        Execution::Claimed => Stop::Claimed,
        Execution::NoRoom => Stop::NoRoom,
        Execution::Shut => Stop::Shut,
        Execution::Suspended => Stop::Suspended,
        Execution::Done | Execution::Closing if context.reply.is_over() => {
            context.reply.truncate_to(begin);
            Stop::ReplyTooLarge
        }
        Execution::Closing => Stop::Closing,
        Execution::Done if !context.outbox.is_empty() => Stop::Effects,
        Execution::Done if context.keyspace.has_ready_keys() => Stop::Ready,
        Execution::Done => Stop::OutputFull,
    };
    let is_executed = matches!(
        execution,
        Execution::Done | Execution::Closing | Execution::Suspended
    );
    outcome.executed_count += usize::from(is_executed);
    outcome.stop = Some(stop);
}

#[inline(never)]
fn execute_prepared(
    context: &mut Context<'_>,
    names: &CommandNames,
    request: &Prepared<'_>,
) -> Execution {
    match request.command {
        Some(command) => execute_one(context, names, request.args, command),
        None => execute_unresolved(context, names, request.args),
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
        is_short_work: command.is_some_and(|command| command.spec.is_short_work(args.len())),
        key,
    }
}
