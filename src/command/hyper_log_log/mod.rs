//! Commands on HyperLogLogs.
//!
//! | file | commands |
//! |---|---|
//! | `mod.rs` | PFADD PFCOUNT PFMERGE |
//! | `debug.rs` | PFDEBUG PFSELFTEST |
//!
//! Not here: what a HyperLogLog is (`value/hyper_log_log/`), unions of many keys in slices
//! (`long_work/registers.rs`).

mod debug;

use super::declare::access::Access;
use super::declare::family;
use super::declare::keys::{Keys, Part};
use super::declare::spec::{CommandSpec, Flags, Outcome};
use super::long_work::registers::{self, put, read};
use crate::context::Context;
use crate::keyspace::{Event, Key, Mutation};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::value::hyper_log_log::{self, Form, HyperLogLog, HyperLogLogRef};

pub(super) const COMMANDS: [&[&CommandSpec]; 2] = [&[&PFADD, &PFCOUNT, &PFMERGE], debug::COMMANDS];

/// The HyperLogLog of a key that is to be changed.
fn find<'m>(
    mutation: &'m mut Mutation<'_>,
    key: Key<'_>,
) -> Result<Option<HyperLogLogRef<'m>>, ReplyError> {
    mutation.find(key).map(read).transpose()
}

static PFADD: CommandSpec = family::HYPER_LOG_LOG
    .command("pfadd", "key [element [element ...]]", pfadd)
    .summary("Adds elements to a HyperLogLog, and returns whether its estimate may have changed.")
    .since("2.8.9")
    .cost("O(number of elements)")
    .flags(Flags::WRITE.and(Flags::DENY_OOM).and(Flags::FAST_ON_KEYS))
    .access(Access::EXTEND);

fn pfadd(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    let sparse_bytes_max = context.config.hll_sparse_max_bytes;
    let mut mutation = context.mutate();
    let found = find(&mut mutation, key)?;
    let mut is_changed = found.is_none();
    if found.is_some_and(|found| found.form() == Form::Dense) {
        mutation.edit(key, 0, Event::HyperLogLogAdd, |bytes| {
            is_changed = hyper_log_log::add_to_dense(bytes, args.skip(2).iter());
            is_changed
        })?;
    } else {
        let mut copy = found.map_or_else(|| Ok(HyperLogLog::empty()), HyperLogLog::copy)?;
        for element in args.skip(2).iter() {
            is_changed |= copy.add(element, sparse_bytes_max)?;
        }
        if is_changed {
            put(&mut mutation, key, &mut copy);
        }
    }
    context.reply.integer(i64::from(is_changed));
    Ok(())
}

static PFCOUNT: CommandSpec = family::HYPER_LOG_LOG
    .command("pfcount", "key [key ...]", pfcount)
    .summary("Returns about how many different elements were added to HyperLogLogs.")
    .since("2.8.9")
    .cost("O(number of keys), each some 16 microseconds; O(1) for one that has not changed")
    .flags(Flags::READ_ONLY)
    .keys(Keys::ALL)
    .access(Access::NOTE);

fn pfcount(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    if args.len() > 2 {
        return registers::count(context, args);
    }
    let key = context.key(args, 1);
    let found = context.read(key, |_, entry| {
        entry
            .map(|entry| {
                let found = read(entry)?;
                let noted = found.noted_estimate();
                let estimate = noted.map_or_else(|| found.estimate(), Ok)?;
                Ok::<_, ReplyError>((estimate, noted.is_some()))
            })
            .transpose()
    });
    let (estimate, is_noted) = found?.unwrap_or((0, true));
    if !is_noted {
        context
            .mutate()
            .edit(key, 0, Event::HyperLogLogNote, |bytes| {
                hyper_log_log::note_estimate(bytes, estimate);
                true
            })?;
    }
    context.reply.integer(estimate as i64);
    Ok(())
}

static PFMERGE: CommandSpec = family::HYPER_LOG_LOG
    .command("pfmerge", "destkey [sourcekey [sourcekey ...]]", pfmerge)
    .summary("Makes a HyperLogLog the union of itself and others.")
    .since("2.8.9")
    .cost("O(number of keys), each some 16 microseconds")
    .flags(Flags::WRITE.and(Flags::DENY_OOM))
    .keys(Keys::of(&[
        Part::at(1).access(Access::EXTEND_TOLD),
        Part::at(2).through(-1, 1).access(Access::READ).optional(),
    ]));

fn pfmerge(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    registers::merge(context, args)
}
