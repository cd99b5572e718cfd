//! Keys under other names and in other databases.

use crate::command::arguments::parse_database;
use crate::command::declare::access::Access;
use crate::command::declare::family;
use crate::command::declare::keys::{Keys, Part};
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::command::long_work::build::{Target, may_take_steps};
use crate::command::long_work::copy::{copy_in_steps, is_long_to_copy};
use crate::context::Context;
use crate::keyspace::{EntryRef, Event};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;

pub(super) const COMMANDS: &[&CommandSpec] = &[&RENAME, &RENAMENX, &COPY, &MOVE];

static RENAME: CommandSpec = family::GENERIC
    .command("rename", "key newkey", rename)
    .summary("Gives a key another name, replacing what that name held.")
    .since("1.0.0")
    .cost("O(length of the value)")
    .flags(Flags::WRITE)
    .keys(Keys::of(&[
        Part::at(1).access(Access::TAKE),
        Part::at(2).access(Access::REPLACE),
    ]));

fn rename(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let (source, target) = (context.key(args, 1), context.key(args, 2));
    let database = context.database();
    let mut mutation = context.mutate();
    let is_found = if source.bytes == target.bytes {
        mutation.exists(source)
    } else {
        mutation.rename(source, database, target)
    };
    if !is_found {
        return Err(ReplyError::NO_SUCH_KEY);
    }
    context.reply.ok();
    Ok(())
}

static RENAMENX: CommandSpec = family::GENERIC
    .command("renamenx", "key newkey", renamenx)
    .summary("Gives a key another name if no key has that name.")
    .since("1.0.0")
    .cost("O(length of the value)")
    .flags(Flags::WRITE.and(Flags::FAST_ON_KEYS))
    .keys(Keys::of(&[
        Part::at(1).access(Access::TAKE),
        Part::at(2).access(Access::ADD),
    ]));

fn renamenx(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let (source, target) = (context.key(args, 1), context.key(args, 2));
    let database = context.database();
    let mut mutation = context.mutate();
    if !mutation.exists(source) {
        return Err(ReplyError::NO_SUCH_KEY);
    }
    let is_free = !mutation.exists(target);
    if is_free {
        mutation.rename(source, database, target);
    }
    context.reply.integer(i64::from(is_free));
    Ok(())
}

static COPY: CommandSpec = family::GENERIC
    .command(
        "copy",
        "source destination [DB destination-db] [REPLACE]",
        copy,
    )
    .summary("Copies a key with its value and deadline.")
    .since("6.2.0")
    .cost("O(length of the value)")
    .flags(Flags::WRITE.and(Flags::DENY_OOM))
    .keys(Keys::of(&[
        Part::at(1).access(Access::READ),
        Part::at(2).access(Access::REPLACE),
    ]));

fn copy(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let database = context.database();
    let mut target_database = database;
    let mut replaces = false;
    let mut index = 3;
    while index < args.len() {
        let name = args.get(index);
        if name.eq_ignore_ascii_case(b"replace") {
            replaces = true;
            index += 1;
        } else if name.eq_ignore_ascii_case(b"db") && index + 1 < args.len() {
            let count = context.keyspace.database_count();
            target_database = parse_database(args.get(index + 1), count)?;
            index += 2;
        } else {
            return Err(ReplyError::SYNTAX);
        }
    }
    let (source, target) = (context.key(args, 1), context.key(args, 2));
    if database == target_database && source.bytes == target.bytes {
        return Err(ReplyError::SAME_OBJECT);
    }
    let now_ms = context.now_ms();
    let entry = context.keyspace.find(database, source, now_ms);
    let len = entry.map_or(0, EntryRef::value_bytes);
    context.room_to_grow(target, len)?;
    let is_free = !context
        .keyspace
        .mutate(target_database, now_ms)
        .exists(target);
    let is_there = context.read(source, |_, entry| entry.is_some());
    let may_copy = is_there && (is_free || replaces);
    if may_copy && may_take_steps(context) && is_long_to_copy(context, source) {
        let entry = context.keyspace.find(database, source, now_ms);
        let deadline_ms = entry.and_then(|entry| context.keyspace.deadline_ms(database, entry));
        let target = Target::new(target_database, target, Event::CopyTo, |reply, _| {
            reply.integer(1);
        });
        copy_in_steps(context, source, target.with_deadline(deadline_ms));
        return Ok(());
    }
    let copies = may_copy && context.mutate().copy(source, target_database, target);
    context.reply.integer(i64::from(copies));
    Ok(())
}

static MOVE: CommandSpec = family::GENERIC
    .command("move", "key db", move_key)
    .summary("Moves a key to another database if that has no such key.")
    .since("1.0.0")
    .cost("O(length of the value)")
    .flags(Flags::WRITE.and(Flags::FAST_ON_KEYS));

fn move_key(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let target_database = parse_database(args.get(2), context.keyspace.database_count())?;
    if context.database() == target_database {
        return Err(ReplyError::SAME_OBJECT);
    }
    let key = context.key(args, 1);
    let now_ms = context.now_ms();
    let is_free = !context.keyspace.mutate(target_database, now_ms).exists(key);
    let moves = is_free && context.mutate().rename(key, target_database, key);
    context.reply.integer(i64::from(moves));
    Ok(())
}
