//! For how long a request waits for keys.
//!
//! ```text
//!  seconds       0.0015  1e-3  0x10    a number as INCRBYFLOAT reads one; rounded up
//!  milliseconds  1500                  an integer
//!  0             for ever
//! ```
//!
//! Not here: waiting (`context/blocking.rs`).

use crate::base::extended_float::ExtendedFloat;
use crate::base::numbers::parse_i64;
use crate::protocol::error::ReplyError;

const NOT_FLOAT: ReplyError = ReplyError::fixed("ERR timeout is not a float or out of range");
const OUT_OF_RANGE: ReplyError = ReplyError::fixed("ERR timeout is out of range");

/// Seconds, in milliseconds; `None` for ever.
///
/// # Errors
/// Redis's words for what is no number, negative or too large.
pub(in crate::command) fn parse_seconds(text: &[u8]) -> Result<Option<u64>, ReplyError> {
    // Nearly always a whole number.
    if let Some(timeout_ms) = parse_i64(text).and_then(|seconds| seconds.checked_mul(1_000)) {
        return waiting_time(timeout_ms);
    }
    let seconds = ExtendedFloat::parse(text).ok_or(NOT_FLOAT)?;
    let too_far = || match text.first() {
        Some(b'-') => ReplyError::NEGATIVE_TIMEOUT,
        _ => OUT_OF_RANGE,
    };
    waiting_time(seconds.thousandfold_up().ok_or_else(too_far)?)
}

/// Milliseconds; `None` for ever.
///
/// # Errors
/// As [`parse_seconds`].
pub(in crate::command) fn parse_milliseconds(text: &[u8]) -> Result<Option<u64>, ReplyError> {
    waiting_time(parse_i64(text).ok_or(ReplyError::BAD_TIMEOUT)?)
}

fn waiting_time(timeout_ms: i64) -> Result<Option<u64>, ReplyError> {
    let timeout_ms = u64::try_from(timeout_ms).map_err(|_| ReplyError::NEGATIVE_TIMEOUT)?;
    Ok(Some(timeout_ms).filter(|&timeout_ms| timeout_ms > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_rounded_up_to_milliseconds() {
        let read = |text: &str| parse_seconds(text.as_bytes());
        for (text, timeout_ms) in [
            ("0", None),
            ("-0.0001", None),
            ("1", Some(1_000)),
            ("0x10", Some(16_000)),
            ("0.001", Some(1)),
            ("0.0011", Some(2)),
            ("1e-9", Some(1)),
            ("2.5", Some(2_500)),
            ("9223372036854775", Some(9_223_372_036_854_775_000)),
        ] {
            assert_eq!(read(text), Ok(timeout_ms), "{text}");
        }
        for text in ["", " 1", "1 ", "abc", "nan", "1e5000"] {
            assert_eq!(read(text), Err(NOT_FLOAT), "{text}");
        }
        for text in ["-1", "-0.002", "-inf", "-1e16"] {
            assert_eq!(read(text), Err(ReplyError::NEGATIVE_TIMEOUT), "{text}");
        }
        for text in ["9223372036854776", "1e16", "inf"] {
            assert_eq!(read(text), Err(OUT_OF_RANGE), "{text}");
        }
    }

    #[test]
    fn milliseconds_are_integers() {
        assert_eq!(parse_milliseconds(b"0"), Ok(None));
        assert_eq!(parse_milliseconds(b"15"), Ok(Some(15)));
        assert_eq!(parse_milliseconds(b"-1"), Err(ReplyError::NEGATIVE_TIMEOUT));
        assert_eq!(parse_milliseconds(b"1.5"), Err(ReplyError::BAD_TIMEOUT));
    }
}
