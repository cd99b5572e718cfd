//! Which arguments of a request are keys: told in advance, and found in a given request.
//!
//! ```text
//! Keys::Range    begin_search index `first`   find_keys range  lastkey (from there, or from the
//!                                                              end if negative), keystep, limit 0
//! Keys::Counted  begin_search index `count`   find_keys keynum keynumidx 0, firstkey 1, keystep
//! ```
//!
//! What is done to a key follows from the flags of the command, with the widest right where Redis
//! distinguishes more: `RO access`, `RW access update`, or `RO` if the value is not looked at.
//!
//! Not here: the hash of the first key, taken before a request is executed (`engine/`).

use crate::base::numbers::parse_i64;
use crate::command::spec::{CommandSpec, Flags, Keys};
use crate::command::table::{CommandNumber, table};
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
    pub(super) spec: &'static CommandSpec,
    keys: StepBy<Range<usize>>,
}

impl KeyCall {
    /// Finds the command and the keys of a request.
    ///
    /// # Errors
    /// Redis's words for an unknown command, one without keys, and too few or wrong arguments.
    pub(super) fn parse(request: Args<'_>) -> Result<Self, ReplyError> {
        let spec = find(request)
            .map(|number| table().spec(number))
            .ok_or(UNKNOWN)?;
        if spec.keys == Keys::None {
            return Err(KEYLESS);
        }
        if !spec.accepts(request.len()) {
            return Err(WRONG_COUNT);
        }
        let keys = find_keys(spec.keys, request).ok_or(WRONG_KEYS)?;
        Ok(Self { spec, keys })
    }

    /// Indexes of the keys in the request.
    pub(super) fn indexes(&self) -> StepBy<Range<usize>> {
        self.keys.clone()
    }
}

fn find(request: Args<'_>) -> Option<CommandNumber> {
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

/// Writes the key specifications of a command: a set of one map, or an empty one.
pub(super) fn write_specifications(reply: &mut ReplyWriter<'_>, spec: &CommandSpec) {
    if spec.keys == Keys::None {
        return reply.set(0);
    }
    reply.set(1);
    reply.map(3);
    reply.bulk(b"flags");
    write_access(reply, spec.flags);
    match spec.keys {
        Keys::None => {}
        Keys::Range { first, last, step } => {
            let last = i64::from(last);
            let last = if last < 0 {
                last
            } else {
                last - i64::from(first)
            };
            write_begin(reply, first);
            let fields = [
                ("lastkey", last),
                ("keystep", i64::from(step)),
                ("limit", 0),
            ];
            write_typed(reply, "find_keys", "range", &fields);
        }
        Keys::Counted { count, step } => {
            write_begin(reply, count);
            let fields = [
                ("keynumidx", 0),
                ("firstkey", 1),
                ("keystep", i64::from(step)),
            ];
            write_typed(reply, "find_keys", "keynum", &fields);
        }
    }
}

fn write_begin(reply: &mut ReplyWriter<'_>, index: u8) {
    write_typed(
        reply,
        "begin_search",
        "index",
        &[("index", i64::from(index))],
    );
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

/// Writes what a command with these flags does to its keys, as a set.
pub(super) fn write_access(reply: &mut ReplyWriter<'_>, flags: Flags) {
    let access: &[&str] = if flags.has(Flags::WRITE) {
        &["RW", "access", "update"]
    } else if flags.has(Flags::READ_ONLY) {
        &["RO", "access"]
    } else {
        &["RO"]
    };
    reply.set(access.len());
    for word in access {
        reply.simple(word);
    }
}
