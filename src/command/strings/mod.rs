//! Commands on string values.
//!
//! | file | commands |
//! |---|---|
//! | `read.rs` | GET STRLEN GETRANGE SUBSTR, GETEX GETDEL |
//! | `write.rs` | SET SETNX SETEX PSETEX GETSET APPEND SETRANGE |
//! | `several.rs` | MGET MSET MSETNX MSETEX |
//! | `counters.rs` | INCR DECR INCRBY DECRBY INCRBYFLOAT |
//! | `comparing.rs` | DELEX DELIFEQ DIGEST |
//! | `subsequence.rs` | LCS |
//!
//! Not here: strings as bits (`bitmaps.rs`), options that set a deadline (`expire_options.rs`).

mod comparing;
mod counters;
mod read;
mod several;
mod subsequence;
mod write;

use super::declare::spec::CommandSpec;
use crate::protocol::error::ReplyError;
use crate::protocol::reply::ReplyWriter;
use crate::value::string::StringValue;

pub(super) const COMMANDS: [&[&CommandSpec]; 6] = [
    read::COMMANDS,
    write::COMMANDS,
    several::COMMANDS,
    counters::COMMANDS,
    comparing::COMMANDS,
    subsequence::COMMANDS,
];

/// Replies a string value, null for none.
#[inline]
pub(super) fn reply_string(reply: &mut ReplyWriter<'_>, value: Option<StringValue<'_>>) {
    match value {
        Some(StringValue::Integer(number)) => reply.bulk_integer(number),
        Some(StringValue::Bytes(bytes)) => reply.bulk(bytes),
        None => reply.null(),
    }
}

/// Refuses a string that would be longer than a client may send.
pub(super) fn check_length(len: u64, bulk_bytes_max: u64) -> Result<usize, ReplyError> {
    match usize::try_from(len) {
        Ok(fits) if len <= bulk_bytes_max => Ok(fits),
        _ => Err(ReplyError::STRING_TOO_LONG),
    }
}
