//! Which arguments of a request are keys: told in advance, and found in a given request.
//!
//! ```text
//! Keys::Range    begin_search index `first`   find_keys range  lastkey (from there, or from the
//!                                                              end if negative), keystep, limit 0
//! Keys::Counted  begin_search index `count`   find_keys keynum keynumidx 0, firstkey 1, keystep
//! ```
//!
//! A command that does something else to its first key than to the others has a specification for
//! the first, and one for them.
//!
//! Not here: what is done to a key (`key_access.rs`); the hash of the first key, taken before a
//! request is executed (`engine/`).

use super::key_access::{self, Access};
use crate::base::command_id::CommandId;
use crate::base::numbers::parse_i64;
use crate::command::declare::spec::Keys;
use crate::command::declare::table::table;
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::ReplyWriter;
use std::iter::StepBy;
use std::ops::Range;

const UNKNOWN: ReplyError = ReplyError::fixed("ERR Invalid command specified");
const KEYLESS: ReplyError = ReplyError::fixed("ERR The command has no key arguments");
const WRONG_COUNT: ReplyError =
    ReplyError::fixed("ERR Invalid number of arguments specified for command");
const WRONG_KEYS: ReplyError = ReplyError::fixed("ERR Invalid arguments specified for command");

/// A request that somebody asks about, with the place of its keys.
pub(super) struct KeyCall {
    /// What it calls.
    pub(super) command: CommandId,
    keys: StepBy<Range<usize>>,
}

impl KeyCall {
    /// Finds the command and the keys of a request.
    ///
    /// # Errors
    /// Redis's words for an unknown command, one without keys, and too few or wrong arguments.
    pub(super) fn parse(request: Args<'_>) -> Result<Self, ReplyError> {
        let command = find(request).ok_or(UNKNOWN)?;
        let spec = table().spec(command);
        if spec.keys == Keys::None {
            return Err(KEYLESS);
        }
        if !spec.accepts(request.len()) {
            return Err(WRONG_COUNT);
        }
        let keys = find_keys(spec.keys, request).ok_or(WRONG_KEYS)?;
        Ok(Self { command, keys })
    }

    /// Indexes of the keys in the request.
    pub(super) fn indexes(&self) -> StepBy<Range<usize>> {
        self.keys.clone()
    }
}

fn find(request: Args<'_>) -> Option<CommandId> {
    let number = table().find(request.name())?;
    if request.len() == 1 || table().spec(number).subcommands().is_empty() {
        return Some(number);
    }
    table().find_subcommand(number, request.get(1))
}

/// The indexes of the keys, of which there is at least one, or none if the request does not have
/// them.
pub(crate) fn find_keys(keys: Keys, request: Args<'_>) -> Option<StepBy<Range<usize>>> {
    let (first, last, step) = match keys {
        Keys::None => return None,
        Keys::Range { first, last, step } => {
            let last = match usize::try_from(last) {
                Ok(last) => last,
                Err(_) => request
                    .len()
                    .checked_sub(usize::from(last.unsigned_abs()))?,
            };
            (usize::from(first), last, usize::from(step))
        }
        Keys::Counted { count, step } => {
            let (count, step) = (usize::from(count), usize::from(step));
            let key_count = parse_i64(request.iter().nth(count)?)?;
            let gap_count = usize::try_from(key_count).ok()?.checked_sub(1)?;
            let first = count + 1;
            (
                first,
                gap_count.checked_mul(step)?.checked_add(first)?,
                step,
            )
        }
    };
    let is_inside = first <= last && last < request.len();
    is_inside.then(|| (first..last + 1).step_by(step))
}

/// Writes the key specifications of a command: a set of maps, one for each run of keys that the
/// same is done to.
pub(super) fn write_specifications(reply: &mut ReplyWriter<'_>, command: CommandId) {
    let (to_first, to_others) = key_access::declared(command);
    match table().spec(command).keys {
        Keys::None => reply.set(0),
        Keys::Range { first, last, step } if to_first == to_others => {
            reply.set(1);
            write_range(reply, to_first, (first, last, step));
        }
        Keys::Range { first, last, step } => {
            let first_index = i8::try_from(first).expect("a command begins with few other words");
            reply.set(2);
            write_range(reply, to_first, (first, first_index, step));
            write_range(reply, to_others, (first + step, last, step));
        }
        Keys::Counted { count, step } => {
            reply.set(1);
            write_access_and_begin(reply, to_first, count);
            let fields = [
                ("keynumidx", 0),
                ("firstkey", 1),
                ("keystep", i64::from(step)),
            ];
            write_typed(reply, "find_keys", "keynum", &fields);
        }
    }
}

/// Writes the specification of the keys from the first index to the last, so many apart.
fn write_range(reply: &mut ReplyWriter<'_>, access: Access, (first, last, step): (u8, i8, u8)) {
    write_access_and_begin(reply, access, first);
    let last = i64::from(last);
    let last = if last < 0 {
        last
    } else {
        last - i64::from(first)
    };
    let fields = [
        ("lastkey", last),
        ("keystep", i64::from(step)),
        ("limit", 0),
    ];
    write_typed(reply, "find_keys", "range", &fields);
}

/// Begins a specification: what is done, and the index where the search begins.
fn write_access_and_begin(reply: &mut ReplyWriter<'_>, access: Access, index: u8) {
    reply.map(3);
    reply.bulk(b"flags");
    key_access::write(reply, access);
    let fields = [("index", i64::from(index))];
    write_typed(reply, "begin_search", "index", &fields);
}

fn write_typed(reply: &mut ReplyWriter<'_>, name: &str, kind: &str, fields: &[(&str, i64)]) {
    reply.bulk(name.as_bytes());
    reply.map(2);
    reply.bulk(b"type");
    reply.bulk(kind.as_bytes());
    reply.bulk(b"spec");
    reply.map(fields.len());
    for &(field, value) in fields {
        reply.bulk(field.as_bytes());
        reply.integer(value);
    }
}
