//! Commands on lists.
//!
//! | file | commands |
//! |---|---|
//! | `read.rs` | items are told or looked for: LRANGE, LPOS and the like |
//! | `ends.rs` | items come to an end and go from there: LPUSH, LPOP and the like |
//! | `moving.rs` | from an end of a list to one of another: LMOVE, RPOPLPUSH |
//! | `blocking.rs` | those that wait for a list: BLPOP, BLMOVE and the like |
//! | `edit.rs` | anywhere in the list: LSET, LINSERT, LREM, LTRIM |
//!
//! Not here: what a list is (`value/list.rs`).

mod blocking;
mod edit;
mod ends;
mod moving;
mod read;

use super::declare::spec::CommandSpec;
use crate::base::numbers::parse_i64;
use crate::protocol::error::ReplyError;
use crate::value::list::End;

pub(super) const COMMANDS: [&[&CommandSpec]; 5] = [
    read::COMMANDS,
    ends::COMMANDS,
    moving::COMMANDS,
    blocking::COMMANDS,
    edit::COMMANDS,
];

/// A number of items, if it is one.
fn parse_count(text: &[u8]) -> Option<u64> {
    parse_i64(text).and_then(|count| u64::try_from(count).ok())
}

/// The end that `LEFT` or `RIGHT` names.
fn parse_end(text: &[u8]) -> Result<End, ReplyError> {
    if text.eq_ignore_ascii_case(b"left") {
        Ok(End::Front)
    } else if text.eq_ignore_ascii_case(b"right") {
        Ok(End::Back)
    } else {
        Err(ReplyError::SYNTAX)
    }
}
