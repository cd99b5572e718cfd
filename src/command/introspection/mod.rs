//! COMMAND: what commands there are, and what they take.
//!
//! | file | part of the replies |
//! |---|---|
//! | `introspection/info.rs` | COMMAND INFO: arity, flags, keys |
//! | `declare/categories.rs` | the ACL categories in it |
//! | `introspection/key_arguments.rs` | its key specifications, and the keys of GETKEYS |
//! | `introspection/docs.rs` | COMMAND DOCS: summary and arguments |
//!
//! 1. All of it follows from the declarations of the commands (`spec.rs`); shapes and errors are
//!    those of Redis 7.0.
//! 2. Clients ask for everything when they connect, so the replies to COMMAND and COMMAND DOCS are
//!    made once per dialect, on first use, and kept (about 180 KB for all three).
//!
//! Not here: the same for people (`markdown.rs`).

mod docs;
mod info;
mod key_arguments;

use crate::base::command_id::CommandId;
use crate::base::glob::Pattern;
use crate::command::declare::categories;
use crate::command::declare::family;
use crate::command::declare::help::help_of;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::command::declare::table::table;
use crate::context::Context;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::{Dialect, ReplyWriter};
use std::sync::LazyLock;

pub(super) const COMMANDS: &[&CommandSpec] = &[&COMMAND];

const FLAGS: Flags = Flags::LOADING.and(Flags::STALE).and(Flags::BESIDE_JOBS);

static COMMAND: CommandSpec = family::INTROSPECTION
    .container(
        "command",
        &[
            &COUNT,
            &DOCS,
            &GETKEYS,
            &GETKEYSANDFLAGS,
            &HELP,
            &INFO,
            &LIST,
        ],
    )
    .bare(command)
    .summary("Describes all commands: arity, flags and keys.")
    .since("2.8.13")
    .cost("O(number of commands)")
    .flags(FLAGS);

fn command(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    reply_all_info(&mut context.reply);
    Ok(())
}

/// A reply in each dialect, made when it is first asked for.
type Replies = [LazyLock<Vec<u8>>; 3];

/// The one of the replies that is for a dialect.
fn of_dialect(replies: &'static Replies, dialect: Dialect) -> &'static [u8] {
    match dialect {
        Dialect::Resp2 => &replies[0],
        Dialect::Resp3 => &replies[1],
        Dialect::Plain => &replies[2],
    }
}

fn made_once(dialect: Dialect, write: fn(&mut ReplyWriter<'_>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut ReplyWriter::new(&mut bytes, dialect));
    bytes.shrink_to_fit();
    bytes
}

fn reply_all_info(reply: &mut ReplyWriter<'_>) {
    static ALL: Replies = [
        LazyLock::new(|| made_once(Dialect::Resp2, write_all_info)),
        LazyLock::new(|| made_once(Dialect::Resp3, write_all_info)),
        LazyLock::new(|| made_once(Dialect::Plain, write_all_info)),
    ];
    let dialect = reply.dialect();
    reply.raw(of_dialect(&ALL, dialect));
}

fn write_all_info(reply: &mut ReplyWriter<'_>) {
    reply.array(table().commands().count());
    for number in table().commands() {
        info::write(reply, number);
    }
}

fn reply_all_docs(reply: &mut ReplyWriter<'_>) {
    static ALL: Replies = [
        LazyLock::new(|| made_once(Dialect::Resp2, write_all_docs)),
        LazyLock::new(|| made_once(Dialect::Resp3, write_all_docs)),
        LazyLock::new(|| made_once(Dialect::Plain, write_all_docs)),
    ];
    let dialect = reply.dialect();
    reply.raw(of_dialect(&ALL, dialect));
}

fn write_all_docs(reply: &mut ReplyWriter<'_>) {
    reply.map(table().commands().count());
    for number in table().commands() {
        docs::write(reply, number);
    }
}

/// The command or subcommand of a full name: `get`, `config|get`.
fn find_full_name(name: &[u8]) -> Option<CommandId> {
    match memchr::memchr(b'|', name) {
        Some(bar_at) => {
            let container = table().find(&name[..bar_at])?;
            table().find_subcommand(container, &name[bar_at + 1..])
        }
        None => table().find(name),
    }
}

static COUNT: CommandSpec = family::INTROSPECTION
    .subcommand("count", "", count)
    .summary("Returns the number of commands, subcommands not counted.")
    .since("2.8.13")
    .cost("O(number of commands)")
    .flags(FLAGS);

fn count(context: &mut Context<'_>, _: Args<'_>) -> Outcome {
    context.reply.integer(table().commands().count() as i64);
    Ok(())
}

static DOCS: CommandSpec = family::INTROSPECTION
    .subcommand("docs", "[command-name ...]", docs)
    .summary("Describes some or all commands for people: summary, cost, arguments.")
    .since("7.0.0")
    .cost("O(number of commands)")
    .flags(FLAGS);

fn docs(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    reply_docs(&mut context.reply, args.skip(2));
    Ok(())
}

/// Unknown names are left out.
fn reply_docs(reply: &mut ReplyWriter<'_>, names: Args<'_>) {
    if names.is_empty() {
        return reply_all_docs(reply);
    }
    let numbers: Vec<CommandId> = names.iter().filter_map(find_full_name).collect();
    reply.map(numbers.len());
    for number in numbers {
        if reply.is_over() {
            // Nobody will see it, and there may be a million more.
            break;
        }
        docs::write(reply, number);
    }
}

static GETKEYS: CommandSpec = family::INTROSPECTION
    .subcommand("getkeys", "command-name argument [argument ...]", getkeys)
    .summary("Returns the keys that a request names.")
    .since("2.8.13")
    .cost("O(number of keys)")
    .flags(FLAGS);

fn getkeys(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    reply_keys(&mut context.reply, args.skip(2))
}

fn reply_keys(reply: &mut ReplyWriter<'_>, request: Args<'_>) -> Outcome {
    let (_, keys) = key_arguments::find(request)?;
    let indexes: Vec<usize> = keys.map(|(index, _)| index).collect();
    reply.array(indexes.len());
    for index in indexes {
        reply.bulk(request.get(index));
    }
    Ok(())
}

static GETKEYSANDFLAGS: CommandSpec = family::INTROSPECTION
    .subcommand(
        "getkeysandflags",
        "command-name argument [argument ...]",
        getkeysandflags,
    )
    .summary("Returns the keys that a request names, and what it does to them.")
    .since("7.0.0")
    .cost("O(number of keys)")
    .flags(FLAGS);

fn getkeysandflags(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    reply_keys_and_flags(&mut context.reply, args.skip(2))
}

fn reply_keys_and_flags(reply: &mut ReplyWriter<'_>, request: Args<'_>) -> Outcome {
    let (spec, keys) = key_arguments::find(request)?;
    let keys: Vec<_> = keys.collect();
    reply.array(keys.len());
    for (index, part) in keys {
        reply.array(2);
        reply.bulk(request.get(index));
        key_arguments::write_access(reply, spec.access_of(part, request));
    }
    Ok(())
}

help_of!(COMMAND, INTROSPECTION, "5.0.0");

static INFO: CommandSpec = family::INTROSPECTION
    .subcommand("info", "[command-name ...]", info)
    .summary("Describes some or all commands for programs: arity, flags and keys.")
    .since("2.8.13")
    .cost("O(number of commands)")
    .flags(FLAGS);

fn info(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    reply_info(&mut context.reply, args.skip(2));
    Ok(())
}

/// In place of an unknown name stands null.
fn reply_info(reply: &mut ReplyWriter<'_>, names: Args<'_>) {
    if names.is_empty() {
        return reply_all_info(reply);
    }
    reply.array(names.len());
    for name in names.iter() {
        if reply.is_over() {
            break;
        }
        match find_full_name(name) {
            Some(number) => info::write(reply, number),
            None => reply.null(),
        }
    }
}

static LIST: CommandSpec = family::INTROSPECTION
    .subcommand(
        "list",
        "[FILTERBY <MODULE module-name | ACLCAT category | PATTERN pattern>]",
        list,
    )
    .summary("Returns the names of all commands and subcommands, or of some.")
    .since("7.0.0")
    .cost("O(number of commands)")
    .flags(FLAGS);

fn list(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    reply_list(&mut context.reply, args.skip(2))
}

/// Which commands COMMAND LIST names.
enum Filter<'a> {
    None,
    /// There are no modules.
    Module,
    Category(&'a [u8]),
    /// Read once; `None` if it is longer than any name.
    Pattern(Option<Pattern>),
}

impl<'a> Filter<'a> {
    fn parse(options: Args<'a>) -> Result<Self, ReplyError> {
        if options.is_empty() {
            return Ok(Self::None);
        }
        if options.len() != 3 || !options.get(0).eq_ignore_ascii_case(b"filterby") {
            return Err(ReplyError::SYNTAX);
        }
        let wanted = options.get(2);
        match options.get(1) {
            kind if kind.eq_ignore_ascii_case(b"module") => Ok(Self::Module),
            kind if kind.eq_ignore_ascii_case(b"aclcat") => Ok(Self::Category(wanted)),
            kind if kind.eq_ignore_ascii_case(b"pattern") => {
                Ok(Self::Pattern(Pattern::new(wanted, true).ok()))
            }
            _ => Err(ReplyError::SYNTAX),
        }
    }

    fn keeps(&self, number: CommandId) -> bool {
        match self {
            Self::None => true,
            Self::Module => false,
            Self::Category(wanted) => categories::of(table().spec(number))
                .names()
                .any(|category| category.as_bytes().eq_ignore_ascii_case(wanted)),
            Self::Pattern(pattern) => {
                let name = table().full_name(number);
                (pattern.as_ref()).is_some_and(|pattern| pattern.matches(name.as_bytes()))
            }
        }
    }
}

fn reply_list(reply: &mut ReplyWriter<'_>, options: Args<'_>) -> Outcome {
    let filter = Filter::parse(options)?;
    let all = table().all();
    let kept: Vec<CommandId> = all.filter(|&number| filter.keeps(number)).collect();
    reply.array(kept.len());
    for number in kept {
        reply.bulk(table().full_name(number).as_bytes());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
