//! One entry of COMMAND DOCS: the full name, and a map of what is known about it.
//!
//! ```text
//! summary, since, group, complexity,
//! arguments      list of maps: name, type, [key_spec_index], [token], [flags (set)], [arguments]
//! subcommands    map of entries like this
//! ```
//!
//! Not here: what the syntax of a command means (`syntax.rs`).

use crate::base::command_id::CommandId;
use crate::command::declare::syntax::{self, Argument, Kind};
use crate::command::declare::table::table;
use crate::protocol::reply::ReplyWriter;

/// Writes name and description of a command or subcommand: one pair of a map. The recursion ends
/// with the subcommands.
pub(super) fn write(reply: &mut ReplyWriter<'_>, number: CommandId) {
    let spec = table().spec(number);
    let arguments = syntax::parse(spec.syntax).unwrap_or_else(|error| {
        // A test parses every syntax there is.
        debug_assert!(false, "{}: {error}", spec.name);
        Vec::new()
    });
    let has_arguments = !arguments.is_empty();
    let has_subcommands = !spec.subcommands().is_empty();
    reply.bulk(table().full_name(number).as_bytes());
    reply.map(4 + usize::from(has_arguments) + usize::from(has_subcommands));
    write_field(reply, "summary", spec.summary);
    write_field(reply, "since", spec.since);
    write_field(reply, "group", spec.group.name());
    write_field(reply, "complexity", spec.complexity);
    if has_arguments {
        write_arguments(reply, &arguments);
    }
    if has_subcommands {
        reply.bulk(b"subcommands");
        reply.map(spec.subcommands().len());
        for subcommand in table().subcommands(number) {
            write(reply, subcommand);
        }
    }
}

fn write_field(reply: &mut ReplyWriter<'_>, name: &str, value: &str) {
    reply.bulk(name.as_bytes());
    reply.bulk(value.as_bytes());
}

fn write_arguments(reply: &mut ReplyWriter<'_>, arguments: &[Argument]) {
    reply.bulk(b"arguments");
    reply.array(arguments.len());
    for argument in arguments {
        write_argument(reply, argument);
    }
}

fn write_argument(reply: &mut ReplyWriter<'_>, argument: &Argument) {
    let is_key = argument.kind == Kind::Key;
    let flags = flag_names(argument);
    let parts = argument.kind.parts();
    let optional_fields = [
        is_key,
        argument.token.is_some(),
        !flags.is_empty(),
        !parts.is_empty(),
    ];
    reply.map(
        2 + optional_fields
            .into_iter()
            .filter(|&is_there| is_there)
            .count(),
    );
    write_field(reply, "name", &argument.name);
    write_field(reply, "type", argument.kind.name());
    if is_key {
        // All keys of a command have one specification.
        reply.bulk(b"key_spec_index");
        reply.integer(0);
    }
    if let Some(token) = &argument.token {
        write_field(reply, "token", token);
    }
    if !flags.is_empty() {
        reply.bulk(b"flags");
        reply.set(flags.len());
        for flag in flags {
            reply.simple(flag);
        }
    }
    if !parts.is_empty() {
        write_arguments(reply, parts);
    }
}

fn flag_names(argument: &Argument) -> Vec<&'static str> {
    let flags = [
        (argument.is_optional, "optional"),
        (argument.is_multiple, "multiple"),
        (argument.repeats_token, "multiple_token"),
    ];
    let set = flags.into_iter().filter(|&(is_set, _)| is_set);
    set.map(|(_, name)| name).collect()
}
