//! What commands on deadlines of fields read alike.
//!
//! ```text
//!  HEXPIRE key seconds [NX | XX | GT | LT] FIELDS numfields field [field …]
//!                                          └──── counted_fields ─────────┘
//! ```
//!
//! Words of errors are those of Redis 7.4 and 8.0, by command.

use crate::base::numbers::parse_i64;
use crate::command::arguments::expire::TimeForm;
use crate::context::Context;
use crate::keyspace::{EntryRef, Key};
use crate::protocol::args::Args;
use crate::protocol::error::ReplyError;
use crate::value::kind::{Kind, WrongType};

/// The latest deadline that a field may have, in Unix milliseconds: that of Redis.
const DEADLINE_MAX_MS: i64 = (1 << 46) - 1;

const NO_FIELDS: ReplyError =
    ReplyError::fixed("ERR Mandatory argument FIELDS is missing or not at the right position");
const COUNT_MISMATCH: ReplyError =
    ReplyError::fixed("ERR The `numfields` parameter must match the number of arguments");
const NEGATIVE_TIME: ReplyError = ReplyError::fixed("ERR invalid expire time, must be >= 0");

/// What a command says of a number of fields that is none.
pub(super) const COUNT_NOT_POSITIVE: ReplyError =
    ReplyError::fixed("ERR Number of fields must be a positive integer");

/// The fields of `FIELDS numfields field [field …]`, which is all of `words`.
///
/// # Errors
/// If it is something else; `bad_count` if the number of fields is none.
pub(super) fn counted_fields(
    words: Args<'_>,
    bad_count: ReplyError,
) -> Result<Args<'_>, ReplyError> {
    if words.is_empty() || !words.get(0).eq_ignore_ascii_case(b"fields") {
        return Err(NO_FIELDS);
    }
    if words.len() < 2 {
        return Err(COUNT_MISMATCH);
    }
    let count = parse_i64(words.get(1)).filter(|&count| count > 0);
    let count = count.ok_or(bad_count)?;
    let fields = words.skip(2);
    match count == fields.len() as i64 {
        true => Ok(fields),
        false => Err(COUNT_MISMATCH),
    }
}

/// The deadline that a request states for fields, in Unix milliseconds. It may have come.
///
/// # Errors
/// If it is not an integer, or no time that a field may have.
pub(super) fn deadline_ms(
    form: TimeForm,
    text: &[u8],
    now_ms: u64,
    command: &str,
) -> Result<u64, ReplyError> {
    let amount = parse_i64(text).ok_or(ReplyError::NOT_INTEGER)?;
    if amount < 0 {
        return Err(NEGATIVE_TIME);
    }
    let deadline_ms = form.deadline_ms(amount, now_ms);
    deadline_ms
        .filter(|&deadline_ms| deadline_ms <= DEADLINE_MAX_MS)
        .and_then(|deadline_ms| u64::try_from(deadline_ms).ok())
        .ok_or_else(|| ReplyError::invalid_expire_time(command))
}

/// What was read of a request, unless the key holds another type, which Redis says before it looks
/// at the arguments.
///
/// # Errors
/// That one, or the one of reading.
pub(super) fn unless_wrong_type<T>(
    context: &mut Context<'_>,
    key: Key<'_>,
    read: Result<T, ReplyError>,
) -> Result<T, ReplyError> {
    read.map_err(|error| {
        let mut mutation = context.mutate();
        match mutation.find(key).map(EntryRef::kind) {
            None | Some(Kind::Hash) => error,
            Some(_) => WrongType.into(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::args::OwnedArgs;

    #[test]
    fn the_number_of_fields_must_be_that_of_the_words() {
        let read = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let request = OwnedArgs::from_slices(&words);
            let fields = counted_fields(request.args(), COUNT_NOT_POSITIVE)?;
            Ok::<_, ReplyError>(fields.iter().map(<[u8]>::to_vec).collect::<Vec<_>>())
        };
        assert_eq!(read("fields 2 a b"), Ok(vec![b"a".to_vec(), b"b".to_vec()]));
        for (line, error) in [
            ("", NO_FIELDS),
            ("field 1 a", NO_FIELDS),
            ("FIELDS", COUNT_MISMATCH),
            ("FIELDS 0 a", COUNT_NOT_POSITIVE),
            ("FIELDS -1 a", COUNT_NOT_POSITIVE),
            ("FIELDS x a", COUNT_NOT_POSITIVE),
            ("FIELDS 1", COUNT_MISMATCH),
            ("FIELDS 2 a", COUNT_MISMATCH),
            ("FIELDS 1 a b", COUNT_MISMATCH),
        ] {
            assert_eq!(read(line), Err(error), "{line}");
        }
    }

    #[test]
    fn a_deadline_is_a_time_up_to_2_to_the_46th() {
        let at = |form, text: &str| deadline_ms(form, text.as_bytes(), 5, "hexpire");
        assert_eq!(at(TimeForm::SECONDS, "2"), Ok(2_005));
        assert_eq!(at(TimeForm::UNIX_MILLISECONDS, "0"), Ok(0));
        let latest = DEADLINE_MAX_MS;
        let as_text = latest.to_string();
        assert_eq!(at(TimeForm::UNIX_MILLISECONDS, &as_text), Ok(latest as u64));
        let refused = Err(ReplyError::invalid_expire_time("hexpire"));
        assert_eq!(at(TimeForm::MILLISECONDS, &as_text), refused);
        assert_eq!(at(TimeForm::SECONDS, "9223372036854775807"), refused);
        assert_eq!(at(TimeForm::SECONDS, "-1"), Err(NEGATIVE_TIME));
        assert_eq!(at(TimeForm::SECONDS, "x"), Err(ReplyError::NOT_INTEGER));
    }
}
