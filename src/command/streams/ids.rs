//! How requests spell ids of entries.
//!
//! ```text
//!  5-3   both numbers        5   the least or greatest of 5, as the command wants it
//!  -     the least id        +   the greatest, in ranges only
//!  (5-3  without that one, in ranges only
//!  5-*   the next of 5, in XADD only
//! ```
//!
//! Numbers are read as C's `strtoull` reads them where they are not canonical.
//!
//! Not here: what ids are (`value/stream/id.rs`).

use crate::base::numbers::parse_i64;
use crate::protocol::error::ReplyError;
use crate::value::stream::StreamId;

/// Bytes of a text that may be an id at most.
const TEXT_BYTES_MAX: usize = 127;

const INVALID: ReplyError =
    ReplyError::fixed("ERR Invalid stream ID specified as stream command argument");
const INVALID_START: ReplyError = ReplyError::fixed("ERR invalid start ID for the interval");
const INVALID_END: ReplyError = ReplyError::fixed("ERR invalid end ID for the interval");

/// The id that XADD is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NewId {
    /// The next one of the present time.
    Next,
    /// The next one of these milliseconds.
    NextOf(u64),
    /// This one.
    Exactly(StreamId),
}

/// An id whose sequence may be left out, which is 0 then.
pub(super) fn parse_id(text: &[u8]) -> Result<StreamId, ReplyError> {
    parse_strictly(text, 0)
}

/// An id as [`parse_id`] reads it, or an end of all ids.
pub(super) fn parse_id_or_end(text: &[u8]) -> Result<StreamId, ReplyError> {
    match text {
        b"-" => Ok(StreamId::MIN),
        b"+" => Ok(StreamId::MAX),
        _ => parse_id(text),
    }
}

/// The id of XADD.
pub(super) fn parse_new_id(text: &[u8]) -> Result<NewId, ReplyError> {
    if text == b"*" {
        return Ok(NewId::Next);
    }
    let of_c = as_c_text(text)?;
    match split(of_c) {
        (ms, Some(b"*")) => parse_number(ms).map(NewId::NextOf).ok_or(INVALID),
        _ => parse_strictly(text, 0).map(NewId::Exactly),
    }
}

/// The ids from a start to an end, both included.
pub(super) fn parse_interval(start: &[u8], end: &[u8]) -> Result<(StreamId, StreamId), ReplyError> {
    Ok((parse_start(start)?, parse_end(end)?))
}

/// The first id of an interval.
pub(super) fn parse_start(text: &[u8]) -> Result<StreamId, ReplyError> {
    let (id, is_excluded) = parse_bound(text, 0)?;
    match is_excluded {
        true => id.next().ok_or(INVALID_START),
        false => Ok(id),
    }
}

/// The last id of an interval.
pub(super) fn parse_end(text: &[u8]) -> Result<StreamId, ReplyError> {
    let (id, is_excluded) = parse_bound(text, u64::MAX)?;
    match is_excluded {
        true => id.previous().ok_or(INVALID_END),
        false => Ok(id),
    }
}

fn parse_bound(text: &[u8], missing_seq: u64) -> Result<(StreamId, bool), ReplyError> {
    match text {
        [b'(', rest @ ..] if !rest.is_empty() => Ok((parse_strictly(rest, missing_seq)?, true)),
        b"-" => Ok((StreamId::MIN, false)),
        b"+" => Ok((StreamId::MAX, false)),
        _ => Ok((parse_strictly(text, missing_seq)?, false)),
    }
}

fn parse_strictly(text: &[u8], missing_seq: u64) -> Result<StreamId, ReplyError> {
    let text = as_c_text(text)?;
    if matches!(text, b"-" | b"+") {
        return Err(INVALID);
    }
    let (ms, seq) = split(text);
    let ms = parse_number(ms).ok_or(INVALID)?;
    let seq = match seq {
        Some(seq) => parse_number(seq).ok_or(INVALID)?,
        None => missing_seq,
    };
    Ok(StreamId::new(ms, seq))
}

/// A text up to its first zero byte.
fn as_c_text(text: &[u8]) -> Result<&[u8], ReplyError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(INVALID);
    }
    let end = text.iter().position(|&byte| byte == 0);
    Ok(&text[..end.unwrap_or(text.len())])
}

fn split(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|&byte| byte == b'-') {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

fn parse_number(text: &[u8]) -> Option<u64> {
    if let Some(number) = parse_i64(text) {
        return u64::try_from(number).ok();
    }
    // As C reads numbers, which Redis falls back to.
    let (is_negative, digits) = match text.trim_ascii_start() {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits.iter().try_fold(0u64, |sum, &digit| {
        sum.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })?;
    Some(if is_negative {
        number.wrapping_neg()
    } else {
        number
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_redis_reads_them() {
        let id = StreamId::new;
        for (text, expected) in [
            ("5-3", Some(id(5, 3))),
            ("5", Some(id(5, 0))),
            (
                "18446744073709551615-18446744073709551615",
                Some(StreamId::MAX),
            ),
            ("", None),
            ("5-", None),
            ("-5", None),
            ("007-+8", Some(id(7, 8))),
            ("5\0-7", Some(id(5, 0))),
            ("5--0", Some(id(5, 0))),
            ("5--3", None),
            ("5-18446744073709551616", None),
            ("-", None),
            ("+", None),
            ("5-3-1", None),
            (" 5", Some(id(5, 0))),
            ("5 ", None),
            ("x", None),
            ("5-*", None),
        ] {
            assert_eq!(parse_id(text.as_bytes()).ok(), expected, "{text}");
        }
    }

    #[test]
    fn ends_of_intervals_may_be_left_out() {
        let id = StreamId::new;
        let start = |text: &str| parse_start(text.as_bytes()).ok();
        let end = |text: &str| parse_end(text.as_bytes()).ok();
        assert_eq!(
            (start("-"), end("+")),
            (Some(StreamId::MIN), Some(StreamId::MAX))
        );
        assert_eq!(
            (start("5"), end("5")),
            (Some(id(5, 0)), Some(id(5, u64::MAX)))
        );
        assert_eq!(
            (start("(5"), end("(5-0")),
            (Some(id(5, 1)), Some(id(4, u64::MAX)))
        );
        let greatest = "(18446744073709551615-18446744073709551615";
        assert_eq!((start(greatest), end("(0-0")), (None, None));
        assert_eq!((start("("), start("(-"), end("(+")), (None, None, None));
    }

    #[test]
    fn new_ids_may_leave_numbers_to_the_stream() {
        assert_eq!(parse_new_id(b"*"), Ok(NewId::Next));
        assert_eq!(parse_new_id(b"7-*"), Ok(NewId::NextOf(7)));
        assert_eq!(parse_new_id(b"7"), Ok(NewId::Exactly(StreamId::new(7, 0))));
        assert_eq!(parse_new_id(b"*-*"), Err(INVALID));
    }
}
