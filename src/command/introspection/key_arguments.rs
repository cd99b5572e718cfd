//! The keys of commands and of requests, as COMMAND tells them.
//!
//! ```text
//!  Begin::Index      begin_search index     index
//!  Begin::Word       begin_search keyword   keyword, startfrom
//!  Extent::Range     find_keys range        lastkey, keystep, limit
//!  Extent::Counted   find_keys keynum       keynumidx 0, firstkey 1, keystep
//! ```
//!
//! Not here: how keys are declared and found (`declare/keys.rs`).

use crate::base::command_id::CommandId;
use crate::command::declare::access::Access;
use crate::command::declare::keys::{Begin, Extent, Part};
use crate::command::declare::spec::CommandSpec;
use crate::command::declare::table::table;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::ReplyWriter;

const UNKNOWN: ReplyError = ReplyError::fixed("ERR Invalid command specified");
const KEYLESS: ReplyError = ReplyError::fixed("ERR The command has no key arguments");
const WRONG_COUNT: ReplyError =
    ReplyError::fixed("ERR Invalid number of arguments specified for command");
const WRONG_KEYS: ReplyError = ReplyError::fixed("ERR Invalid arguments specified for command");

/// The declaration of the command that a request names, and the keys of the request, each with its
/// index and its part.
///
/// # Errors
/// Redis's words for an unknown command, one without keys, and too few or wrong arguments.
pub(super) fn find(
    request: Args<'_>,
) -> Result<
    (
        &'static CommandSpec,
        impl Iterator<Item = (usize, &'static Part)>,
    ),
    ReplyError,
> {
    let command = find_command(request).ok_or(UNKNOWN)?;
    let spec = table().spec(command);
    if spec.keys.is_none() {
        return Err(KEYLESS);
    }
    if !spec.accepts(request.len()) {
        return Err(WRONG_COUNT);
    }
    let keys = spec.keys.find(request).ok_or(WRONG_KEYS)?;
    Ok((spec, keys))
}

fn find_command(request: Args<'_>) -> Option<CommandId> {
    let number = table().find(request.name())?;
    if request.len() == 1 || table().spec(number).subcommands().is_empty() {
        return Some(number);
    }
    table().find_subcommand(number, request.get(1))
}

/// Writes the key specifications of a command: a set of maps, one for each of its parts.
pub(super) fn write_specifications(reply: &mut ReplyWriter<'_>, spec: &CommandSpec) {
    let parts = spec.keys.parts();
    reply.set(parts.len());
    for part in parts {
        reply.map(3);
        reply.bulk(b"flags");
        write_access(reply, spec.access_to(part));
        write_begin(reply, part.begin);
        write_extent(reply, part.extent);
    }
}

/// Writes what is done to a key, as a set.
pub(super) fn write_access(reply: &mut ReplyWriter<'_>, access: Access) {
    reply.set(access.words().len());
    for word in access.words() {
        reply.simple(word);
    }
}

fn write_begin(reply: &mut ReplyWriter<'_>, begin: Begin) {
    match begin {
        Begin::Index(index) => {
            write_kind(reply, "begin_search", "index", 1);
            write_field(reply, "index", i64::from(index));
        }
        Begin::Word { word, from, .. } => {
            write_kind(reply, "begin_search", "keyword", 2);
            reply.bulk(b"keyword");
            reply.bulk(word.as_bytes());
            write_field(reply, "startfrom", i64::from(from));
        }
    }
}

fn write_extent(reply: &mut ReplyWriter<'_>, extent: Extent) {
    match extent {
        Extent::Range { last, step, share } => {
            write_kind(reply, "find_keys", "range", 3);
            write_field(reply, "lastkey", i64::from(last));
            write_field(reply, "keystep", i64::from(step));
            write_field(reply, "limit", i64::from(share));
        }
        Extent::Counted { step } => {
            write_kind(reply, "find_keys", "keynum", 3);
            write_field(reply, "keynumidx", 0);
            write_field(reply, "firstkey", 1);
            write_field(reply, "keystep", i64::from(step));
        }
    }
}

/// Begins one half of a specification: its kind, and so many fields to follow.
fn write_kind(reply: &mut ReplyWriter<'_>, name: &str, kind: &str, field_count: usize) {
    reply.bulk(name.as_bytes());
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(kind.as_bytes());
    reply.bulk(b"spec");
    reply.map(field_count);
}

fn write_field(reply: &mut ReplyWriter<'_>, field: &str, value: i64) {
    reply.bulk(field.as_bytes());
    reply.integer(value);
}
