//! The text rules the configuration borrows from `base`, under the names used here.
//!
//! Every use of another module's parsing goes through this file, so the rest of the folder
//! depends on nothing but these five functions.
//!
//! Cost: linear in the text, except `glob_matches` (see `base/glob.rs`).
//!
//! Not here: the rules themselves (`base/words.rs`, `base/numbers.rs`, `base/glob.rs`); ranges
//! and error texts (`value.rs`).

use crate::base::{glob, numbers, words};

/// Most bytes of a name or argument from outside that are repeated in an error message.
pub(super) const SHOWN_BYTES_MAX: usize = 128;

/// Splits a configuration line into words; `None` if its quotes do not balance.
pub(super) fn split_line(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut decoded = Vec::new();
    let mut ranges = Vec::new();
    words::split_words(line, &mut decoded, |range| ranges.push(range)).ok()?;
    Some(
        ranges
            .into_iter()
            .map(|range| decoded[range].to_vec())
            .collect(),
    )
}

/// Reads a decimal integer; `None` if the text is anything else.
pub(super) fn integer(text: &[u8]) -> Option<i64> {
    numbers::parse_i64(text)
}

/// Reads a memory size such as `512mb`, in bytes; `None` if the text is anything else.
pub(super) fn memory_bytes(text: &[u8]) -> Option<u64> {
    numbers::parse_memory_bytes(text)
}

/// Whether `name` matches the glob `pattern`, ignoring case.
pub(super) fn glob_matches(pattern: &[u8], name: &str) -> bool {
    glob::matches(pattern, name.as_bytes(), true)
}

/// At most [`SHOWN_BYTES_MAX`] bytes of `text` for an error message, control characters as
/// spaces, so that an error is one line whatever was sent.
pub(super) fn shown(text: &[u8]) -> String {
    let start = &text[..text.len().min(SHOWN_BYTES_MAX)];
    let one_line = |letter: char| if letter.is_control() { ' ' } else { letter };
    String::from_utf8_lossy(start)
        .chars()
        .map(one_line)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_is_one_bounded_line() {
        assert_eq!(shown(b"a\r\nb\0c"), "a  b c");
        assert_eq!(shown(&[b'x'; 1000]), "x".repeat(SHOWN_BYTES_MAX));
        assert_eq!(shown(&[0xff]), "\u{fffd}");
    }
}
