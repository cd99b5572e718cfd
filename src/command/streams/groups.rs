//! XGROUP: groups and consumers come and go.

use super::ids::{parse_id, parse_id_or_end};
use super::no_group;
use crate::base::numbers::parse_i64;
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::help::help_of;
use crate::command::declare::keys::Keys;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::keyspace::{Changed, EntryHome, Event, Missing};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::value::stream::{Stream, StreamGroup, StreamId, StreamMut};

pub(super) const COMMANDS: &[&CommandSpec] = &[&XGROUP];

static XGROUP: CommandSpec = family::STREAM
    .container(
        "xgroup",
        &[
            &CREATE,
            &CREATECONSUMER,
            &DELCONSUMER,
            &DESTROY,
            &HELP,
            &SETID,
        ],
    )
    .summary("A container of commands about groups of consumers of streams.")
    .since("5.0.0")
    .keys(Keys::NONE);

help_of!(XGROUP, STREAM, "5.0.0");

const NO_KEY: ReplyError = ReplyError::fixed(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to \
     use the MKSTREAM option to create an empty stream automatically.",
);
const BUSY: ReplyError = ReplyError::fixed("BUSYGROUP Consumer Group name already exists");
const ENTRIES_READ: ReplyError =
    ReplyError::fixed("ERR value for ENTRIESREAD must be positive or -1");

static CREATE: CommandSpec = family::STREAM
    .subcommand(
        "create",
        "key group <id | $> [MKSTREAM] [ENTRIESREAD entries-read]",
        create,
    )
    .summary("Makes a group of consumers that read a stream from an id on.")
    .since("5.0.0")
    .flags(Flags::WRITE.and(Flags::DENY_OOM))
    .keys(Keys::SECOND)
    .access(Access::EXTEND);

/// What CREATE and SETID are told after the id.
struct Options {
    missing: Missing,
    entries_read: Option<u64>,
}

fn parse_options(args: Args<'_>, name: &str) -> Result<Options, ReplyError> {
    let is_create = name == "create";
    let mut options = Options {
        missing: Missing::Skip,
        entries_read: None,
    };
    let mut index = 5;
    while index < args.len() {
        let word = args.get(index);
        if is_create && word.eq_ignore_ascii_case(b"mkstream") {
            options.missing = Missing::Create;
            index += 1;
        } else if word.eq_ignore_ascii_case(b"entriesread") && index + 1 < args.len() {
            let count = parse_i64(args.get(index + 1)).ok_or(ReplyError::NOT_INTEGER)?;
            if count < -1 {
                return Err(ENTRIES_READ);
            }
            options.entries_read = u64::try_from(count).ok();
            index += 2;
        } else {
            return Err(ReplyError::unknown_subcommand_or_arity(
                "xgroup",
                args.get(1),
            ));
        }
    }
    Ok(options)
}

/// The id that a group begins after.
fn parse_last_id(text: &[u8]) -> Result<Option<StreamId>, ReplyError> {
    match text {
        b"$" => Ok(None),
        id => parse_id(id).map(Some),
    }
}

fn create(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let options = parse_options(args, "create")?;
    let key = context.key(args, 2);
    let created = context.change::<Stream, _>(key, options.missing, |stream| {
        let last_id = parse_last_id(args.get(4))?;
        if stream.read().group(args.get(3)).is_some() {
            return Err(BUSY);
        }
        stream.begin();
        let last_id = last_id.unwrap_or(stream.read().head().last_id);
        stream.create_group(args.get(3), last_id, options.entries_read);
        Ok(Changed::when(true, Event::StreamCreateGroup, ()))
    })?;
    created.ok_or(NO_KEY)?;
    context.reply.ok();
    Ok(())
}

/// Lends a group of the stream of a key to `change`.
fn change_group<R>(
    context: &mut Context<'_>,
    args: Args<'_>,
    change: impl FnOnce(
        &mut StreamMut<EntryHome<'_>>,
        Option<StreamGroup>,
    ) -> Result<Changed<R>, ReplyError>,
) -> Result<R, ReplyError> {
    let key = context.key(args, 2);
    let changed = context.change::<Stream, _>(key, Missing::Skip, |stream| {
        let group = stream.read().group(args.get(3));
        change(stream, group)
    })?;
    changed.ok_or(NO_KEY)
}

fn missing_group(args: Args<'_>) -> ReplyError {
    no_group(args.get(3), args.get(2))
}

static SETID: CommandSpec = family::STREAM
    .subcommand(
        "setid",
        "key group <id | $> [ENTRIESREAD entries-read]",
        setid,
    )
    .summary("Sets the last id that was delivered to a group.")
    .since("5.0.0")
    .flags(Flags::WRITE)
    .keys(Keys::SECOND)
    .access(Access::CHANGE_UNTOLD);

fn setid(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let options = parse_options(args, "setid")?;
    change_group(context, args, |stream, group| {
        let mut group = group.ok_or_else(|| missing_group(args))?;
        let last_id = match args.get(4) {
            b"$" => None,
            id => Some(parse_id_or_end(id)?),
        };
        group.last_id = last_id.unwrap_or(stream.read().head().last_id);
        group.entries_read = options.entries_read;
        stream.update_group(args.get(3), &group);
        Ok(Changed::when(true, Event::StreamSetGroup, ()))
    })?;
    context.reply.ok();
    Ok(())
}

static DESTROY: CommandSpec = family::STREAM
    .subcommand("destroy", "key group", destroy)
    .summary("Removes a group of consumers.")
    .since("5.0.0")
    .cost("O(N) with N consumers")
    .flags(Flags::WRITE)
    .keys(Keys::SECOND)
    .access(Access::REDUCE);

fn destroy(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let is_destroyed = change_group(context, args, |stream, group| {
        if let Some(group) = &group {
            stream.destroy_group(args.get(3), group);
        }
        let is_there = group.is_some();
        Ok(Changed::when(is_there, Event::StreamDestroyGroup, is_there))
    })?;
    context.reply.integer(is_destroyed.into());
    Ok(())
}

static CREATECONSUMER: CommandSpec = family::STREAM
    .subcommand("createconsumer", "key group consumer", createconsumer)
    .summary("Makes a consumer of a group.")
    .since("6.2.0")
    .flags(Flags::WRITE.and(Flags::DENY_OOM))
    .keys(Keys::SECOND)
    .access(Access::EXTEND);

fn createconsumer(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let now_ms = context.clock_ms();
    let is_created = change_group(context, args, |stream, group| {
        let group = group.ok_or_else(|| missing_group(args))?;
        let is_new = stream.read().consumer(&group, args.get(4)).is_none();
        if is_new {
            stream.create_consumer(&group, args.get(4), now_ms);
        }
        Ok(Changed::when(is_new, Event::StreamCreateConsumer, is_new))
    })?;
    context.reply.integer(is_created.into());
    Ok(())
}

static DELCONSUMER: CommandSpec = family::STREAM
    .subcommand("delconsumer", "key group consumer", delconsumer)
    .summary("Removes a consumer from a group, and returns how many entries were pending.")
    .since("5.0.0")
    .cost("O(N log M) with N entries pending for the consumer and M for the group")
    .flags(Flags::WRITE)
    .keys(Keys::SECOND)
    .access(Access::REDUCE);

fn delconsumer(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let pending_count = change_group(context, args, |stream, group| {
        let group = group.ok_or_else(|| missing_group(args))?;
        let consumer = stream.read().consumer(&group, args.get(4));
        let is_there = consumer.is_some();
        let pending_count = consumer.map_or(0, |consumer| {
            stream.delete_consumer(&group, args.get(4), &consumer)
        });
        Ok(Changed::when(
            is_there,
            Event::StreamDeleteConsumer,
            pending_count,
        ))
    })?;
    context.reply.integer(pending_count as i64);
    Ok(())
}
