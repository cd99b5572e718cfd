//! Splits a line into words by the quoting rules of inline requests and configuration files.
//!
//! ```text
//!  line   = [space] { word space } [word]
//!  word   = { plain byte } [ quoted ]        a quoted part ends its word
//!  quoted = '"' { byte | escape } '"'        escapes: \n \r \t \b \a \xHH, else the byte itself
//!         | "'" { byte | "\'" } "'"
//! ```
//!
//! Invariant: no more bytes are decoded than the line has (`decoded_never_outgrows_the_line`).
//!
//! Cost: one pass over the line, no allocation per word.
//!
//! Not here: where the line ends (`protocol/parser.rs`), what the words mean.

use std::fmt;
use std::ops::Range;

/// A quote that is never closed, or a closing quote that is not followed by a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnbalancedQuotes;

impl fmt::Display for UnbalancedQuotes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("unbalanced quotes")
    }
}

impl std::error::Error for UnbalancedQuotes {}

/// Appends the decoded words of `line` to `decoded` and calls `on_word` with the range of each.
///
/// Linear in the length of the line. Whatever the bytes, they are data: a zero byte is a byte like
/// any other.
///
/// # Errors
/// [`UnbalancedQuotes`]; `decoded` then has its old length and the ranges already given are void.
pub fn split_words(
    line: &[u8],
    decoded: &mut Vec<u8>,
    mut on_word: impl FnMut(Range<usize>),
) -> Result<(), UnbalancedQuotes> {
    let length_before = decoded.len();
    let mut rest = skip_spaces(line);
    while !rest.is_empty() {
        let start = decoded.len();
        match decode_word(rest, decoded) {
            Ok(after) => rest = skip_spaces(after),
            Err(error) => {
                decoded.truncate(length_before);
                return Err(error);
            }
        }
        on_word(start..decoded.len());
    }
    Ok(())
}

/// C's `isspace`. Between words all six count, inside a word only the four of [`decode_word`].
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn skip_spaces(line: &[u8]) -> &[u8] {
    let count = line.iter().take_while(|byte| is_space(**byte)).count();
    &line[count..]
}

/// Decodes the word `line` begins with and returns what follows it.
fn decode_word<'a>(line: &'a [u8], decoded: &mut Vec<u8>) -> Result<&'a [u8], UnbalancedQuotes> {
    let plain_count = line
        .iter()
        .take_while(|byte| !matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | b'"' | b'\''))
        .count();
    let (plain, rest) = line.split_at(plain_count);
    decoded.extend_from_slice(plain);
    match rest {
        [b'"', quoted @ ..] => decode_double_quoted(quoted, decoded),
        [b'\'', quoted @ ..] => decode_single_quoted(quoted, decoded),
        _ => Ok(rest),
    }
}

fn decode_double_quoted<'a>(
    mut rest: &'a [u8],
    decoded: &mut Vec<u8>,
) -> Result<&'a [u8], UnbalancedQuotes> {
    loop {
        rest = match rest {
            [b'"', after @ ..] => return closed(after),
            [b'\\', b'x', high, low, after @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                decoded.push(hex_value(*high) << 4 | hex_value(*low));
                after
            }
            [b'\\', escaped, after @ ..] => {
                decoded.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => *other,
                });
                after
            }
            [byte, after @ ..] => {
                decoded.push(*byte);
                after
            }
            [] => return Err(UnbalancedQuotes),
        };
    }
}

fn decode_single_quoted<'a>(
    mut rest: &'a [u8],
    decoded: &mut Vec<u8>,
) -> Result<&'a [u8], UnbalancedQuotes> {
    loop {
        rest = match rest {
            [b'\'', after @ ..] => return closed(after),
            [b'\\', b'\'', after @ ..] => {
                decoded.push(b'\'');
                after
            }
            [byte, after @ ..] => {
                decoded.push(*byte);
                after
            }
            [] => return Err(UnbalancedQuotes),
        };
    }
}

fn closed(after: &[u8]) -> Result<&[u8], UnbalancedQuotes> {
    match after.first() {
        Some(byte) if !is_space(*byte) => Err(UnbalancedQuotes),
        _ => Ok(after),
    }
}

fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(line: &[u8]) -> Result<Vec<Vec<u8>>, UnbalancedQuotes> {
        let mut decoded = b"kept".to_vec();
        let mut ranges = Vec::new();
        let result = split_words(line, &mut decoded, |range| ranges.push(range));
        if result.is_err() {
            assert_eq!(decoded, b"kept");
        }
        result.map(|()| ranges.into_iter().map(|r| decoded[r].to_vec()).collect())
    }

    #[test]
    fn words_and_quotes_decode_as_in_redis() {
        let cases: &[(&[u8], &[&[u8]])] = &[
            (b"", &[]),
            (b" \t\r\n\x0b\x0c", &[]),
            (b"GET key", &[b"GET", b"key"]),
            (b"  GET \t key  ", &[b"GET", b"key"]),
            (b"a\rb", &[b"a", b"b"]),
            (b"\x0bPING a\x0bb", &[b"PING", b"a\x0bb"]),
            (b"\"\"", &[b""]),
            (b"''", &[b""]),
            (b"a\"b c\"", &[b"ab c"]),
            (b"a'b c' d", &[b"ab c", b"d"]),
            (b"\"a\"\x0bb", &[b"a", b"b"]),
            (b"\"\\x41\\n\\q\\x4\"", &[b"A\nqx4"]),
            (b"\"\\xfF\\r\\t\\b\\a\\\\\\\"\"", &[b"\xff\r\t\x08\x07\\\""]),
            (b"'a\\nb\\'c'", &[b"a\\nb'c"]),
            (b"a\\x41", &[b"a\\x41"]),
            (b"a\0b", &[b"a\0b"]),
        ];
        for (line, expected) in cases {
            let got = words(line).unwrap();
            assert_eq!(got, expected.to_vec(), "{}", line.escape_ascii());
        }
    }

    #[test]
    fn unclosed_and_run_on_quotes_are_errors() {
        for line in [
            &b"\""[..],
            b"'",
            b"ok \"a",
            b"ok 'a",
            b"\"a\"b",
            b"'a'b",
            b"\"\"\"\"",
            b"\"a\\\"",
            b"'a\\'",
            b"\"\\",
            b"'\\",
        ] {
            assert_eq!(
                words(line),
                Err(UnbalancedQuotes),
                "{}",
                line.escape_ascii()
            );
        }
    }

    proptest! {
        #[test]
        fn decoded_never_outgrows_the_line(line in prop::collection::vec(
            prop_oneof![Just(b'"'), Just(b'\''), Just(b'\\'), Just(b'x'), Just(b' '), any::<u8>()],
            0..64,
        )) {
            if let Ok(words) = words(&line) {
                prop_assert!(words.iter().map(Vec::len).sum::<usize>() <= line.len());
            }
        }

        #[test]
        fn quoted_words_come_back(words_in in prop::collection::vec(
            prop::collection::vec(any::<u8>(), 0..8),
            0..6,
        )) {
            let mut line = Vec::new();
            for word in &words_in {
                line.push(b'"');
                for byte in word {
                    line.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
                }
                line.extend_from_slice(b"\" ");
            }
            prop_assert_eq!(words(&line).unwrap(), words_in);
        }
    }
}
