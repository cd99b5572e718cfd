//! XINFO: what streams, groups and consumers are like.

use super::layout::{tell_entries, tell_entry, tell_id};
use super::no_group;
use crate::base::numbers::parse_i64;
use crate::command::declare::family;
use crate::command::declare::help::help_of;
use crate::command::declare::keys::Keys;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::keyspace::Memory;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::ReplyWriter;
use crate::value::stream::{Entry, Stream, StreamGroup, StreamId, StreamRef};

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
    let key = context.key(args, 2);
    let (reply, stream) = context.read_as::<Stream>(key)?;
    let stream = stream.ok_or(ReplyError::NO_SUCH_KEY)?;
    let full = parse_full(args)?;
    reply.map(if full.is_some() { 9 } else { 10 });
    tell_head(reply, stream);
    match full {
        Some(count_max) => tell_full(reply, stream, count_max),
        None => {
            reply.bulk(b"groups");
            reply.integer(stream.group_count() as i64);
            reply.bulk(b"first-entry");
            tell_or_null(reply, stream.first());
            reply.bulk(b"last-entry");
            tell_or_null(reply, stream.last());
        }
    }
    Ok(())
}

fn tell_or_null(reply: &mut ReplyWriter<'_>, entry: Option<Entry<'_>>) {
    match entry {
        Some(entry) => tell_entry(reply, &entry),
        None => reply.null(),
    }
}

/// The seven facts that are told in any case.
fn tell_head(reply: &mut ReplyWriter<'_>, stream: StreamRef<'_, Memory>) {
    let head = stream.head();
    let chunk_count = stream.chunk_count() as i64;
    for (name, number) in [
        ("length", head.len as i64),
        ("radix-tree-keys", chunk_count),
        ("radix-tree-nodes", chunk_count + 1),
    ] {
        reply.bulk(name.as_bytes());
        reply.integer(number);
    }
    reply.bulk(b"last-generated-id");
    tell_id(reply, head.last_id);
    reply.bulk(b"max-deleted-entry-id");
    tell_id(reply, head.max_deleted_id);
    reply.bulk(b"entries-added");
    reply.integer(head.entries_added as i64);
    reply.bulk(b"recorded-first-entry-id");
    tell_id(reply, stream.first_id());
}

fn tell_full(reply: &mut ReplyWriter<'_>, stream: StreamRef<'_, Memory>, count_max: usize) {
    reply.bulk(b"entries");
    let entries = stream.range(StreamId::MIN, StreamId::MAX);
    tell_entries(reply, entries.take(count_max));
    reply.bulk(b"groups");
    reply.array(stream.group_count() as usize);
    for (name, group) in stream.groups() {
        reply.map(7);
        reply.bulk(b"name");
        reply.bulk(&name);
        tell_progress(reply, stream, &group);
        let pending_count = stream.pending_count(&group);
        let told_count = tell_pending_count(reply, pending_count, count_max);
        for pending in stream.pending(&group, StreamId::MIN).take(told_count) {
            reply.array(4);
            tell_id(reply, pending.id);
            reply.bulk(stream.consumer_name(pending.consumer).unwrap_or_default());
            reply.integer(pending.delivered_ms as i64);
            reply.integer(pending.delivery_count as i64);
        }
        reply.bulk(b"consumers");
        tell_full_consumers(reply, stream, &group, count_max);
    }
}

/// Tells how many entries are pending, and begins to list them: as many as it returns.
fn tell_pending_count(reply: &mut ReplyWriter<'_>, pending_count: u64, count_max: usize) -> usize {
    reply.bulk(b"pel-count");
    reply.integer(pending_count as i64);
    reply.bulk(b"pending");
    let told_count = usize::try_from(pending_count).unwrap_or(usize::MAX);
    let told_count = told_count.min(count_max);
    reply.array(told_count);
    told_count
}

fn tell_full_consumers(
    reply: &mut ReplyWriter<'_>,
    stream: StreamRef<'_, Memory>,
    group: &StreamGroup,
    count_max: usize,
) {
    reply.array(stream.consumer_count(group) as usize);
    for (name, consumer) in stream.consumers(group) {
        reply.map(4);
        reply.bulk(b"name");
        reply.bulk(&name);
        reply.bulk(b"seen-time");
        reply.integer(consumer.seen_ms as i64);
        let pending_count = stream.pending_count_of(consumer.owner);
        let told_count = tell_pending_count(reply, pending_count, count_max);
        for id in stream
            .pending_of(consumer.owner, StreamId::MIN)
            .take(told_count)
        {
            let pending = stream.pending_entry(group, id);
            let (delivered_ms, delivery_count) =
                pending.map_or((0, 0), |one| (one.delivered_ms, one.delivery_count));
            reply.array(3);
            tell_id(reply, id);
            reply.integer(delivered_ms as i64);
            reply.integer(delivery_count as i64);
        }
    }
}

/// How far a group has come.
fn tell_progress(reply: &mut ReplyWriter<'_>, stream: StreamRef<'_, Memory>, group: &StreamGroup) {
    reply.bulk(b"last-delivered-id");
    tell_id(reply, group.last_id);
    let mut tell = |name: &[u8], number: Option<u64>| {
        reply.bulk(name);
        match number {
            Some(number) => reply.integer(number as i64),
            None => reply.null(),
        }
    };
    tell(b"entries-read", group.entries_read);
    tell(b"lag", stream.lag(group));
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
    for (name, group) in stream.groups() {
        reply.map(6);
        reply.bulk(b"name");
        reply.bulk(&name);
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
    for (name, consumer) in stream.consumers(&group) {
        reply.map(3);
        reply.bulk(b"name");
        reply.bulk(&name);
        reply.bulk(b"pending");
        reply.integer(stream.pending_count_of(consumer.owner) as i64);
        reply.bulk(b"idle");
        reply.integer(now_ms.saturating_sub(consumer.seen_ms) as i64);
    }
    Ok(())
}
