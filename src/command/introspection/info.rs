//! One entry of COMMAND INFO.
//!
//! ```text
//! 1 name            4 first key   7 ACL categories (set)      9 key specifications (set of maps)
//! 2 arity           5 last key    8 tips (set), none yet     10 subcommands, entries like this
//! 3 flags (set)     6 step
//! ```
//!
//! Not here: its key specifications (`key_arguments.rs`).

use super::key_arguments;
use crate::base::command_id::CommandId;
use crate::command::declare::categories;
use crate::command::declare::keys::Keys;
use crate::command::declare::spec::Flags;
use crate::command::declare::table::table;
use crate::protocol::reply::ReplyWriter;

/// Writes the entry of a command or subcommand. The recursion ends with the subcommands.
pub(super) fn write(reply: &mut ReplyWriter<'_>, number: CommandId) {
    let spec = table().spec(number);
    reply.array(10);
    reply.bulk(table().full_name(number).as_bytes());
    reply.integer(i64::from(spec.arity));
    write_flags(reply, spec.flags, spec.keys);
    let (first, last, step) = spec.keys.triple();
    reply.integer(i64::from(first));
    reply.integer(i64::from(last));
    reply.integer(i64::from(step));
    let categories = categories::of(spec);
    reply.set(categories.names().count());
    for category in categories.names() {
        reply.simple(&format!("@{category}"));
    }
    reply.set(0);
    key_arguments::write_specifications(reply, spec);
    if spec.subcommands().is_empty() {
        reply.set(0);
    } else {
        reply.array(spec.subcommands().len());
        for subcommand in table().subcommands(number) {
            write(reply, subcommand);
        }
    }
}

fn write_flags(reply: &mut ReplyWriter<'_>, flags: Flags, keys: Keys) {
    let flags = match keys.are_movable() {
        true => flags.and(Flags::MOVABLE_KEYS),
        false => flags,
    };
    reply.set(flags.names().count());
    for name in flags.names() {
        reply.simple(name);
    }
}
