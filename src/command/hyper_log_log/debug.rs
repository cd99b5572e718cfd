//! PFDEBUG and PFSELFTEST: how a HyperLogLog is kept.
//!
//! Not here: what users need (`mod.rs`).

use super::find;
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::keys::Keys;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::keyspace::{DeadlineChange, Event, Key};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::value::hyper_log_log::{self, Form, HyperLogLog, HyperLogLogRef, Registers};

pub(super) const COMMANDS: &[&CommandSpec] = &[&PFDEBUG, &PFSELFTEST];

const NO_KEY: ReplyError = ReplyError::fixed("ERR The specified key does not exist");
const NOT_SPARSE: ReplyError = ReplyError::fixed("ERR HLL encoding is not sparse");
const FAILED: ReplyError = ReplyError::fixed("ERR TESTFAILED the estimates are wrong");

static PFDEBUG: CommandSpec = family::HYPER_LOG_LOG
    .command("pfdebug", "subcommand key", pfdebug)
    .summary("Shows or changes how a HyperLogLog is kept: GETREG, DECODE, ENCODING, TODENSE.")
    .since("2.8.9")
    .cost("O(registers)")
    .flags(Flags::WRITE.and(Flags::DENY_OOM).and(Flags::ADMIN))
    .keys(Keys::SECOND)
    .access(Access::NOTE);

fn pfdebug(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 2);
    let name = args.get(1);
    let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
    let form = with(context, key, |found| Ok(found.form()))?;
    if is(b"getreg") {
        make_dense(context, key)?;
        let mut registers = Registers::default();
        with(context, key, |found| Ok(found.merge_into(&mut registers)?))?;
        context.reply.array(registers.iter().len());
        for rank in registers.iter() {
            context.reply.integer(i64::from(rank));
        }
    } else if is(b"decode") {
        let text = with(context, key, |found| found.runs_text().ok_or(NOT_SPARSE))?;
        context.reply.bulk(text.as_bytes());
    } else if is(b"encoding") {
        context.reply.simple(match form {
            Form::Dense => "dense",
            Form::Sparse => "sparse",
        });
    } else if is(b"todense") {
        let was_sparse = make_dense(context, key)?;
        context.reply.integer(i64::from(was_sparse));
    } else {
        let parts: [&[u8]; 3] = [b"ERR Unknown PFDEBUG subcommand '", name, b"'"];
        return Err(ReplyError::from_bytes(parts.concat()));
    }
    Ok(())
}

/// Lends the HyperLogLog of a key that must be there.
fn with<R>(
    context: &mut Context<'_>,
    key: Key<'_>,
    look: impl FnOnce(HyperLogLogRef<'_>) -> Result<R, ReplyError>,
) -> Result<R, ReplyError> {
    let mut mutation = context.mutate();
    look(find(&mut mutation, key)?.ok_or(NO_KEY)?)
}

/// Makes the HyperLogLog of a key dense; whether it was not.
fn make_dense(context: &mut Context<'_>, key: Key<'_>) -> Result<bool, ReplyError> {
    let mut copy = with(context, key, |found| Ok(HyperLogLog::copy(found)?))?;
    let was_sparse = copy.make_dense()?;
    if was_sparse {
        let (deadline, event) = (DeadlineChange::Keep, Event::HyperLogLogNote);
        let mut mutation = context.mutate();
        mutation.set_edited(key, copy.bytes(), deadline, event);
    }
    Ok(was_sparse)
}

static PFSELFTEST: CommandSpec = family::HYPER_LOG_LOG
    .command("pfselftest", "", pfselftest)
    .summary("Checks that HyperLogLogs count as they should.")
    .since("2.8.9")
    .cost("About a millisecond")
    .flags(Flags::ADMIN)
    .keys(Keys::NONE);

fn pfselftest(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    if !hyper_log_log::counts_well() {
        return Err(FAILED);
    }
    context.reply.ok();
    Ok(())
}
