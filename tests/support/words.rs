//! Request lines as people type them: `SET k "a b\x00"` to words and back.
//!
//! Grammar: words separated by blanks; `"…"` with the escapes `\n \r \t \a \b \\ \" \xHH`; `'…'`
//! with the escape `\'`; a closing quote ends its word.
//!
//! Cost: linear. Not here: the server's own inline parser, which this must not share.

/// Splits a line into words; `None` if a quote is not closed or not followed by a blank.
pub(crate) fn split(line: &str) -> Option<Vec<Vec<u8>>> {
    let mut rest = line.trim().as_bytes();
    let mut words = Vec::new();
    while !rest.is_empty() {
        let (word, after) = match rest[0] {
            b'"' => double_quoted(&rest[1..])?,
            b'\'' => single_quoted(&rest[1..])?,
            _ => {
                let end = rest
                    .iter()
                    .position(u8::is_ascii_whitespace)
                    .unwrap_or(rest.len());
                (rest[..end].to_vec(), &rest[end..])
            }
        };
        if !after.is_empty() && !after[0].is_ascii_whitespace() {
            return None;
        }
        words.push(word);
        rest = after.trim_ascii_start();
    }
    Some(words)
}

/// Prints one word so that [`split`] reads the same bytes back; quoted only when it has to be.
pub(crate) fn print(word: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\');
    if !word.is_empty() && word.iter().all(plain) {
        return String::from_utf8_lossy(word).into_owned();
    }
    quote(word)
}

/// Prints bytes between double quotes, everything that is not printable escaped.
pub(crate) fn quote(bytes: &[u8]) -> String {
    format!("\"{}\"", escape(bytes, true))
}

/// Prints bytes with escapes and, if asked, escaped double quotes.
pub(crate) fn escape(bytes: &[u8], quotes: bool) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'\\' => text.push_str("\\\\"),
            b'"' if quotes => text.push_str("\\\""),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text
}

/// Joins words into one printable request line.
pub(crate) fn join(words: &[Vec<u8>]) -> String {
    words
        .iter()
        .map(|word| print(word))
        .collect::<Vec<_>>()
        .join(" ")
}

fn double_quoted(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    loop {
        match rest {
            [b'"', after @ ..] => return Some((word, after)),
            [b'\\', b'x', high, low, after @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).ok()?;
                word.push(u8::from_str_radix(digits, 16).ok()?);
                rest = after;
            }
            [b'\\', escaped, after @ ..] => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'a' => 7,
                    b'b' => 8,
                    other => *other,
                });
                rest = after;
            }
            [byte, after @ ..] => {
                word.push(*byte);
                rest = after;
            }
            [] => return None,
        }
    }
}

fn single_quoted(mut rest: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    loop {
        match rest {
            [b'\'', after @ ..] => return Some((word, after)),
            [b'\\', b'\'', after @ ..] => {
                word.push(b'\'');
                rest = after;
            }
            [byte, after @ ..] => {
                word.push(*byte);
                rest = after;
            }
            [] => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_rules() {
        let words = |line| split(line).map(|words| join(&words));
        assert_eq!(words("  SET  k \t v "), Some("SET k v".to_owned()));
        assert_eq!(
            words(r#"'it\'s' "a\x41\n""#),
            Some(r#""it's" "aA\n""#.to_owned())
        );
        assert_eq!(words(r#"a"b" ''"#), Some(r#""a\"b\"" """#.to_owned()));
        assert_eq!(words("\"open"), None);
        assert_eq!(words("'a'b"), None);
    }

    #[test]
    fn what_is_printed_is_read_back() {
        for byte in 0..=u8::MAX {
            let word = vec![b'a', byte, b'b'];
            assert_eq!(split(&print(&word)), Some(vec![word.clone()]), "{byte}");
        }
    }
}
