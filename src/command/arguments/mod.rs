//! Arguments that several families read the same way: numbers, databases, options that set a
//! deadline, long lists of keys, scans, random choices, how long to wait.

pub(super) mod expire;
pub(super) mod many_keys;
pub(super) mod sample;
pub(super) mod scan;
pub(super) mod timeout;

use crate::base::numbers::parse_i64;
use crate::protocol::error::ReplyError;

/// An integer of 32 bits, as Redis reads counts and database numbers.
pub(in crate::command) fn parse_i32(text: &[u8]) -> Result<i32, ReplyError> {
    let number = parse_i64(text).ok_or(ReplyError::NOT_INTEGER)?;
    i32::try_from(number).map_err(|_| OUTSIDE_I32)
}

const OUTSIDE_I32: ReplyError =
    ReplyError::fixed("ERR value is out of range, value must between -2147483648 and 2147483647");

/// The number of a database that exists.
pub(in crate::command) fn parse_database(
    text: &[u8],
    database_count: usize,
) -> Result<usize, ReplyError> {
    let number = parse_i32(text)?;
    usize::try_from(number)
        .ok()
        .filter(|&number| number < database_count)
        .ok_or(ReplyError::DB_INDEX)
}
