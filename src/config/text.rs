//! The text rules the configuration borrows from `base`, under the names used here.
//!
//! Every use of another module's parsing goes through this file, so the rest of the folder
//! depends on nothing but these functions.
//!
//! Cost: linear in the text, except globs (see `base/glob`).
//!
//! Not here: the rules themselves (`base/words.rs`, `base/numbers.rs`, `base/glob`); ranges
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

/// A glob pattern for names, in any case. It is read once: O(length).
pub(super) struct Glob(Option<glob::Pattern>);

impl Glob {
    pub(super) fn new(pattern: &[u8]) -> Self {
        // One with too many classes is longer than any name.
        Self(glob::Pattern::new(pattern, true).ok())
    }

    pub(super) fn matches(&self, name: &str) -> bool {
        (self.0.as_ref()).is_some_and(|pattern| pattern.matches(name.as_bytes()))
    }
}

/// Whether `name` matches the glob `pattern`, which is a part of a path.
pub(super) fn file_glob_matches(pattern: &[u8], name: &[u8]) -> bool {
    // As the shell has it, hidden files are meant only by who says so.
    let is_hidden = name.first() == Some(&b'.') && pattern.first() != Some(&b'.');
    !is_hidden && glob::matches(pattern, name, false)
}

/// A value as it is written in a file: quoted unless it is one plain word, or several where
/// `takes_words`.
pub(super) fn written(value: &[u8], takes_words: bool) -> Vec<u8> {
    let is_plain = |byte: &u8| match byte {
        b'"' | b'\'' => false,
        b' ' => takes_words,
        _ => byte.is_ascii_graphic(),
    };
    if !value.is_empty() && value.iter().all(is_plain) {
        return value.to_vec();
    }
    quoted(value)
}

/// One word of a file, of any bytes.
pub(super) fn quoted(value: &[u8]) -> Vec<u8> {
    let mut quoted = vec![b'"'];
    for &byte in value {
        match byte {
            b'"' | b'\\' => quoted.extend([b'\\', byte]),
            b' '..=b'~' => quoted.push(byte),
            _ => quoted.extend(format!("\\x{byte:02x}").into_bytes()),
        }
    }
    quoted.push(b'"');
    quoted
}

/// Whether the value of a parameter of this name is probably a password: one that is misspelled, or
/// of a later version of Redis, or of another server.
pub(super) fn sounds_secret(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    [&b"pas"[..], b"auth", b"user", b"secret"]
        .iter()
        .any(|part| name.windows(part.len()).any(|window| window == *part))
}

/// At most [`SHOWN_BYTES_MAX`] bytes of `text` for an error message, control characters as
/// spaces, so that an error is one line whatever was sent.
pub(super) fn shown(text: &[u8]) -> String {
    one_line(&text[..text.len().min(SHOWN_BYTES_MAX)])
}

/// The whole of `text` for a message, control characters as spaces.
pub(super) fn one_line(text: &[u8]) -> String {
    let printable = |letter: char| if letter.is_control() { ' ' } else { letter };
    String::from_utf8_lossy(text)
        .chars()
        .map(printable)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_splits_into_the_same_words() {
        let alone = |value: &[u8]| split_line(&written(value, false)).unwrap();
        let all_bytes: Vec<u8> = (0..=255).collect();
        for value in [
            &b""[..],
            b"a",
            b"a b",
            b"it's",
            b"\"q\"",
            b"\\x41",
            &all_bytes,
        ] {
            assert_eq!(alone(value), [value], "{}", value.escape_ascii());
        }
        assert_eq!(written(b"60 1", true), b"60 1");
        assert_eq!(written(b"60 1", false), b"\"60 1\"");
        assert_eq!(written(b"", true), b"\"\"");
    }

    #[test]
    fn hidden_files_are_matched_only_on_request() {
        assert!(file_glob_matches(b"*.conf", b"a.conf"));
        assert!(!file_glob_matches(b"*.conf", b".conf"));
        assert!(file_glob_matches(b".*", b".conf"));
        assert!(!file_glob_matches(b"*.CONF", b"a.conf"));
    }

    #[test]
    fn shown_is_one_bounded_line() {
        assert_eq!(shown(b"a\r\nb\0c"), "a  b c");
        assert_eq!(shown(&[b'x'; 1000]), "x".repeat(SHOWN_BYTES_MAX));
        assert_eq!(shown(&[0xff]), "\u{fffd}");
    }
}
