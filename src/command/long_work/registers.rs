//! Unions of HyperLogLogs: at once if they are few, else in slices.
//!
//! ```text
//!  all keys: of the right type? ─▶ registers of some keys a step ─┬▶ PFCOUNT: an estimate
//!                                  (their key claimed: PFMERGE)   └▶ PFMERGE: put in the target
//! ```
//!
//! Elements are only ever added, so what is read at several moments is a union that lies between
//! that of the first moment and that of the last.
//!
//! Cost: some 16 microseconds a key.
//!
//! Not here: registers (`value/hyper_log_log/`).

use super::build::may_take_steps;
use super::claim::Claim;
use crate::command::declare::spec::Outcome;
use crate::context::Context;
use crate::keyspace::{DeadlineChange, EntryRef, Event, Key, Keyspace, Mutation};
use crate::protocol::args::{Args, OwnedArgs};
use crate::protocol::error::ReplyError;
use crate::protocol::reply::ReplyWriter;
use crate::session::long_read::LongRead;
use crate::value::hyper_log_log::{Form, HyperLogLog, HyperLogLogRef, Malformed, Registers};

/// Keys that a step reads: about a tenth of a millisecond.
const STEP_KEYS: usize = 8;

/// From this many keys on steps are taken.
const LONG_KEYS_MIN: usize = 32;

impl From<Malformed> for ReplyError {
    fn from(malformed: Malformed) -> Self {
        Self::fixed(match malformed {
            Malformed::Header => "WRONGTYPE Key is not a valid HyperLogLog string value.",
            Malformed::Registers => "INVALIDOBJ Corrupted HLL object detected",
        })
    }
}

/// The HyperLogLog of an entry.
///
/// # Errors
/// If it holds something else.
pub(in crate::command) fn read(entry: EntryRef<'_>) -> Result<HyperLogLogRef<'_>, ReplyError> {
    Ok(HyperLogLogRef::read(entry.as_string()?)?)
}

/// Puts a HyperLogLog to which elements were added in the place of what a key holds.
pub(in crate::command) fn put(
    mutation: &mut Mutation<'_>,
    key: Key<'_>,
    changed: &mut HyperLogLog,
) {
    let event = Event::HyperLogLogAdd;
    mutation.set_edited(key, changed.outdated_bytes(), DeadlineChange::Keep, event);
}

/// Answers PFCOUNT of several keys.
///
/// # Errors
/// If one of them holds something else.
pub(in crate::command) fn count(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key_count = look_at_all(context, args)?;
    let union = Union::new(context, args, None);
    answer(context, union, key_count);
    Ok(())
}

/// Carries out PFMERGE.
///
/// # Errors
/// If one of the keys holds something else.
pub(in crate::command) fn merge(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key_count = look_at_all(context, args)?;
    let takes_steps = key_count >= LONG_KEYS_MIN && may_take_steps(context);
    let target = Target {
        claim: takes_steps.then(|| Claim::of(context, context.key(args, 1))),
        sparse_bytes_max: context.config.hll_sparse_max_bytes,
    };
    let union = Union::new(context, args, Some(target));
    answer(context, union, key_count);
    Ok(())
}

/// Looks at all keys as a read does; returns how many there are.
fn look_at_all(context: &mut Context<'_>, args: Args<'_>) -> Result<usize, ReplyError> {
    let mut key_count = 0;
    for index in 1..args.len() {
        let key = context.key(args, index);
        let found = context.read(key, |_, entry| entry.map(|entry| read(entry).map(drop)));
        key_count += usize::from(found.transpose()?.is_some());
    }
    Ok(key_count)
}

fn answer(context: &mut Context<'_>, union: Union, key_count: usize) {
    match key_count >= LONG_KEYS_MIN && may_take_steps(context) {
        true => context.answer_in_steps(union),
        false => context.answer_at_once(union),
    }
}

/// Where a union is put: the first key of the request.
#[derive(Debug)]
struct Target {
    /// Unless all is done at once.
    claim: Option<Claim>,
    sparse_bytes_max: u64,
}

/// A union that is under way.
#[derive(Debug)]
struct Union {
    database: usize,
    /// The request.
    args: OwnedArgs,
    /// Its next key.
    next: usize,
    registers: Registers,
    /// Whether one of the keys was dense.
    has_dense: bool,
    /// None for PFCOUNT.
    target: Option<Target>,
}

impl Union {
    fn new(context: &Context<'_>, args: Args<'_>, target: Option<Target>) -> Self {
        Self {
            database: context.database(),
            args: OwnedArgs::copy(args),
            next: 1,
            registers: Registers::default(),
            has_dense: false,
            target,
        }
    }

    fn read_some(&mut self, keyspace: &Keyspace, now_ms: u64) -> Result<(), ReplyError> {
        let args = self.args.args();
        let end = args.len().min(self.next + STEP_KEYS);
        for index in self.next..end {
            let key = keyspace.key(args.get(index));
            let Some(entry) = keyspace.find(self.database, key, now_ms) else {
                continue;
            };
            let found = read(entry)?;
            self.has_dense |= found.form() == Form::Dense;
            found.merge_into(&mut self.registers)?;
        }
        self.next = end;
        Ok(())
    }

    /// Goes on for a step; the estimate, or nothing of PFMERGE, at the end.
    fn go_on(
        &mut self,
        keyspace: &mut Keyspace,
        now_ms: u64,
    ) -> Result<Option<Option<u64>>, ReplyError> {
        self.read_some(keyspace, now_ms)?;
        let args = self.args.args();
        if self.next < args.len() {
            return Ok(None);
        }
        let Some(target) = &self.target else {
            return Ok(Some(Some(self.registers.estimate())));
        };
        let key = keyspace.key(args.get(1));
        let mut mutation = keyspace.mutate(self.database, now_ms);
        let found: Option<HyperLogLogRef<'_>> = mutation.find(key).map(read).transpose()?;
        let mut merged = found.map_or_else(|| Ok(HyperLogLog::empty()), HyperLogLog::copy)?;
        if self.has_dense {
            merged.make_dense()?;
        }
        merged.raise_to(&self.registers, target.sparse_bytes_max)?;
        put(&mut mutation, key, &mut merged);
        Ok(Some(None))
    }

    fn release(&mut self, keyspace: &mut Keyspace) {
        let claim = self.target.take().and_then(|target| target.claim);
        if let Some(claim) = claim {
            claim.release(keyspace);
        }
    }
}

impl LongRead for Union {
    fn step(&mut self, keyspace: &mut Keyspace, now_ms: u64, reply: &mut ReplyWriter<'_>) -> bool {
        match self.go_on(keyspace, now_ms) {
            Ok(None) => return false,
            Ok(Some(Some(estimate))) => reply.integer(estimate as i64),
            Ok(Some(None)) => reply.ok(),
            Err(error) => reply.error(&error),
        }
        self.release(keyspace);
        true
    }

    fn abandon(&mut self, keyspace: &mut Keyspace) {
        self.release(keyspace);
    }

    fn used_bytes(&self) -> usize {
        size_of::<Self>() + self.args.heap_bytes() + size_of::<Registers>()
    }
}
