//! XINFO: what streams, groups and consumers are like.
//!
//! Not here: all of it at once (`full.rs`).

use super::full::{self, Full};
use super::layout::{tell_entry, tell_head, tell_progress};
use super::no_group;
use crate::base::numbers::parse_i64;
use crate::command::declare::family;
use crate::command::declare::help::help_of;
use crate::command::declare::keys::Keys;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::command::long_work::build::may_take_steps;
use crate::context::Context;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::ReplyWriter;
use crate::value::stream::{Entry, Stream};

pub(super) const COMMANDS: &[&CommandSpec] = &[&XINFO];

/// Entries that FULL tells if the request does not say how many.
const COUNT_USUAL: usize = 10;

static XINFO: CommandSpec = family::STREAM
    .container("xinfo", &[&CONSUMERS, &GROUPS, &HELP, &STREAM])
    .summary("A container of commands that tell what streams are like.")
    .since("5.0.0")
    .keys(Keys::NONE);

help_of!(XINFO, STREAM, "5.0.0");

static STREAM: CommandSpec = family::STREAM
    .subcommand("stream", "key [FULL [COUNT count]]", stream)
    .summary("Returns what a stream knows of itself.")
    .since("5.0.0")
    .flags(Flags::READ_ONLY)
    .keys(Keys::SECOND);

/// How many entries and pending entries FULL tells; `None` without that word.
fn parse_full(args: Args<'_>) -> Result<Option<usize>, ReplyError> {
    let syntax = || ReplyError::unknown_subcommand_or_arity("xinfo", args.get(1));
    let words = args.skip(3);
    if words.is_empty() {
        return Ok(None);
    }
    let is_count = |words: Args<'_>| words.get(1).eq_ignore_ascii_case(b"count");
    if !words.get(0).eq_ignore_ascii_case(b"full") {
        return Err(syntax());
    }
    match words.len() {
        1 => Ok(Some(COUNT_USUAL)),
        3 if is_count(words) => {
            let count = parse_i64(words.get(2)).ok_or(ReplyError::NOT_INTEGER)?;
            Ok(Some(match usize::try_from(count) {
                Ok(0) => usize::MAX,
                Ok(count) => count,
                Err(_) => COUNT_USUAL,
            }))
        }
        _ => Err(syntax()),
    }
}

fn stream(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let may_take_steps = may_take_steps(context);
    let key = context.key(args, 2);
    let (reply, stream) = context.read_as::<Stream>(key)?;
    let stream = stream.ok_or(ReplyError::NO_SUCH_KEY)?;
    let full = parse_full(args)?;
    if let Some(count_max) = full {
        let full = Full::new(count_max);
        if full.is_long(stream) && may_take_steps {
            full::tell_in_steps(context, key, full);
        } else {
            full.tell_at_once(stream, reply);
        }
        return Ok(());
    }
    reply.map(10);
    tell_head(reply, stream);
    reply.bulk(b"groups");
    reply.integer(stream.group_count() as i64);
    reply.bulk(b"first-entry");
    tell_or_null(reply, stream.first());
    reply.bulk(b"last-entry");
    tell_or_null(reply, stream.last());
    Ok(())
}

fn tell_or_null(reply: &mut ReplyWriter<'_>, entry: Option<Entry<'_>>) {
    match entry {
        Some(entry) => tell_entry(reply, &entry),
        None => reply.null(),
    }
}

static GROUPS: CommandSpec = family::STREAM
    .subcommand("groups", "key", groups)
    .summary("Returns the groups of a stream.")
    .since("5.0.0")
    .cost("O(N) with N groups")
    .flags(Flags::READ_ONLY)
    .keys(Keys::SECOND);

fn groups(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 2);
    let (reply, stream) = context.read_as::<Stream>(key)?;
    let stream = stream.ok_or(ReplyError::NO_SUCH_KEY)?;
    reply.array(stream.group_count() as usize);
    for group in stream.groups() {
        reply.map(6);
        reply.bulk(b"name");
        reply.bulk(&group.name);
        reply.bulk(b"consumers");
        reply.integer(stream.consumer_count(&group) as i64);
        reply.bulk(b"pending");
        reply.integer(stream.pending_count(&group) as i64);
        tell_progress(reply, stream, &group);
    }
    Ok(())
}

static CONSUMERS: CommandSpec = family::STREAM
    .subcommand("consumers", "key group", consumers)
    .summary("Returns the consumers of a group of a stream.")
    .since("5.0.0")
    .cost("O(N) with N consumers")
    .flags(Flags::READ_ONLY)
    .keys(Keys::SECOND);

fn consumers(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let now_ms = context.now_ms();
    let key = context.key(args, 2);
    let (reply, stream) = context.read_as::<Stream>(key)?;
    let stream = stream.ok_or(ReplyError::NO_SUCH_KEY)?;
    let group = stream.group(args.get(3));
    let group = group.ok_or_else(|| no_group(args.get(3), args.get(2)))?;
    reply.array(stream.consumer_count(&group) as usize);
    for consumer in stream.consumers(&group) {
        reply.map(3);
        reply.bulk(b"name");
        reply.bulk(&consumer.name);
        reply.bulk(b"pending");
        reply.integer(stream.pending_count_of(consumer.owner) as i64);
        reply.bulk(b"idle");
        reply.integer(now_ms.saturating_sub(consumer.seen_ms) as i64);
    }
    Ok(())
}
