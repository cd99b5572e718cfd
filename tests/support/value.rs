//! One reply of the protocol: its extent in received bytes, its parsed form, its printed form.
//!
//! Printed, one line per protocol element, members indented by two blanks:
//! ```text
//! +OK  -ERR text  :1  "bulk"  (nil)  (nil array)  *2  %1  ~1  >3  ,1.5  #t  (123  =txt:"text"
//! ```
//! `(nil)` is `$-1` in RESP2 and `_` in RESP3, `(nil array)` is `*-1`; everything else has exactly
//! one encoding, so equal prints mean equal bytes.
//!
//! Cost: linear, except that an incomplete reply is measured again from its start.
//! Not here: request bytes (`client.rs`).

use super::words;

/// One parsed reply.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value {
    /// `+text`
    Simple(Vec<u8>),
    /// `-text`
    Error(Vec<u8>),
    /// `:digits`
    Integer(i64),
    /// `$length`
    Bulk(Vec<u8>),
    /// `$-1` or `_`
    Nil,
    /// `*-1`
    NilArray,
    /// `*count`
    Array(Vec<Value>),
    /// `%count`, keys and values alternating
    Map(Vec<Value>),
    /// `~count`
    Set(Vec<Value>),
    /// `>count`
    Push(Vec<Value>),
    /// `,text`
    Double(Vec<u8>),
    /// `#t` or `#f`
    Boolean(bool),
    /// `(digits`
    BigNumber(Vec<u8>),
    /// `=length`, with its three-letter format and colon
    Verbatim(Vec<u8>),
}

/// The length in bytes of the first complete reply: `Ok(None)` while bytes are missing, an error
/// if they are no reply.
pub(crate) fn reply_length(bytes: &[u8]) -> Result<Option<usize>, String> {
    let mut position = 0;
    let mut elements_missing = 1_u64;
    while elements_missing > 0 {
        let Some((head, after)) = line_at(bytes, position) else {
            return Ok(None);
        };
        let wrong = || format!("not a reply: {}", words::quote(head));
        elements_missing -= 1;
        position = after;
        match head.first() {
            Some(b'$' | b'=') => {
                let length = decimal(&head[1..]).ok_or_else(wrong)?;
                if length >= 0 {
                    position += usize::try_from(length).map_err(|_| wrong())? + 2;
                    if bytes.len() < position {
                        return Ok(None);
                    }
                    if &bytes[position - 2..position] != b"\r\n" {
                        return Err(wrong());
                    }
                }
            }
            Some(b'*' | b'~' | b'>' | b'%') => {
                let count = decimal(&head[1..]).ok_or_else(wrong)?;
                let count = u64::try_from(count.max(0)).map_err(|_| wrong())?;
                elements_missing += if head[0] == b'%' { 2 * count } else { count };
            }
            Some(b'+' | b'-' | b':' | b'_' | b',' | b'#' | b'(') => {}
            _ => return Err(wrong()),
        }
    }
    Ok(Some(position))
}

impl Value {
    /// Parses the first reply of `bytes`, which must be complete.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Value, String> {
        let mut position = 0;
        Value::parse_at(bytes, &mut position)
    }

    fn parse_at(bytes: &[u8], position: &mut usize) -> Result<Value, String> {
        let (head, after) = line_at(bytes, *position).ok_or("incomplete reply")?;
        *position = after;
        let wrong = || format!("not a reply: {}", words::quote(head));
        let (kind, text) = head.split_first().ok_or_else(wrong)?;
        let number = || decimal(text).ok_or_else(wrong);
        Ok(match kind {
            b'+' => Value::Simple(text.to_vec()),
            b'-' => Value::Error(text.to_vec()),
            b':' => Value::Integer(number()?),
            b',' => Value::Double(text.to_vec()),
            b'(' => Value::BigNumber(text.to_vec()),
            b'#' if text == b"t" => Value::Boolean(true),
            b'#' if text == b"f" => Value::Boolean(false),
            b'_' if text.is_empty() => Value::Nil,
            b'$' if text == b"-1" => Value::Nil,
            b'*' if text == b"-1" => Value::NilArray,
            b'$' | b'=' => {
                let end = *position + usize::try_from(number()?).map_err(|_| wrong())?;
                let content = bytes.get(*position..end).ok_or_else(wrong)?.to_vec();
                *position = end + 2;
                if *kind == b'$' {
                    Value::Bulk(content)
                } else {
                    Value::Verbatim(content)
                }
            }
            b'*' => Value::Array(Value::parse_many(bytes, position, number()?)?),
            b'~' => Value::Set(Value::parse_many(bytes, position, number()?)?),
            b'>' => Value::Push(Value::parse_many(bytes, position, number()?)?),
            b'%' => Value::Map(Value::parse_many(bytes, position, 2 * number()?)?),
            _ => return Err(wrong()),
        })
    }

    fn parse_many(bytes: &[u8], position: &mut usize, count: i64) -> Result<Vec<Value>, String> {
        (0..count)
            .map(|_| Value::parse_at(bytes, position))
            .collect()
    }

    /// The printed form, one line per protocol element.
    pub(crate) fn print(&self) -> Vec<String> {
        let mut lines = Vec::new();
        self.print_at(0, &mut lines);
        lines
    }

    fn print_at(&self, depth: usize, lines: &mut Vec<String>) {
        let text = |bytes: &[u8]| words::escape(bytes, false);
        let (line, members) = match self {
            Value::Simple(bytes) => (format!("+{}", visible_end(text(bytes))), None),
            Value::Error(bytes) => (format!("-{}", visible_end(text(bytes))), None),
            Value::Integer(number) => (format!(":{number}"), None),
            Value::Bulk(bytes) => (words::quote(bytes), None),
            Value::Nil => ("(nil)".to_owned(), None),
            Value::NilArray => ("(nil array)".to_owned(), None),
            Value::Double(bytes) => (format!(",{}", text(bytes)), None),
            Value::Boolean(truth) => (format!("#{}", if *truth { 't' } else { 'f' }), None),
            Value::BigNumber(bytes) => (format!("({}", text(bytes)), None),
            Value::Verbatim(bytes) => {
                let (format, content) = bytes.split_at(bytes.len().min(4));
                (format!("={}{}", text(format), words::quote(content)), None)
            }
            Value::Array(members) => (format!("*{}", members.len()), Some(members)),
            Value::Set(members) => (format!("~{}", members.len()), Some(members)),
            Value::Push(members) => (format!(">{}", members.len()), Some(members)),
            Value::Map(members) => (format!("%{}", members.len() / 2), Some(members)),
        };
        lines.push(format!("{}{line}", "  ".repeat(depth)));
        for member in members.into_iter().flatten() {
            member.print_at(depth + 1, lines);
        }
    }

    /// The members of an array, set, push or map; empty for anything else.
    pub(crate) fn members(&self) -> &[Value] {
        match self {
            Value::Array(members)
            | Value::Set(members)
            | Value::Push(members)
            | Value::Map(members) => members,
            _ => &[],
        }
    }

    /// The bytes of a text-like reply; `None` for numbers, nil and aggregates.
    pub(crate) fn bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Simple(bytes)
            | Value::Error(bytes)
            | Value::Bulk(bytes)
            | Value::Double(bytes)
            | Value::BigNumber(bytes) => Some(bytes),
            Value::Verbatim(bytes) => bytes.get(4..),
            _ => None,
        }
    }

    /// The text of a text-like reply, or the empty string.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes().unwrap_or_default()).into_owned()
    }

    /// The same reply with the direct members of an array or set in a fixed order.
    pub(crate) fn sorted(mut self) -> Value {
        match &mut self {
            Value::Array(members) | Value::Set(members) => members.sort(),
            Value::Map(members) => {
                let mut pairs: Vec<_> = members.chunks(2).map(<[Value]>::to_vec).collect();
                pairs.sort();
                *members = pairs.concat();
            }
            _ => {}
        }
        self
    }
}

/// A blank at the end of a line would not survive editors.
fn visible_end(mut line: String) -> String {
    if line.ends_with(' ') {
        line.pop();
        line.push_str("\\x20");
    }
    line
}

/// The line that starts at `position` without its CRLF, and the position after it.
fn line_at(bytes: &[u8], position: usize) -> Option<(&[u8], usize)> {
    let rest = bytes.get(position..)?;
    let length = memchr::memmem::find(rest, b"\r\n")?;
    Some((&rest[..length], position + length + 2))
}

fn decimal(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a reply is measured alike by length and by parsing. Method: every kind, cut at every
    /// byte.
    #[test]
    fn lengths_of_complete_and_cut_replies() {
        let reply: &[u8] =
            b"*3\r\n%1\r\n+a\r\n$2\r\n\r\n\r\n~2\r\n:1\r\n_\r\n>1\r\n=5\r\ntxt:x\r\n";
        assert_eq!(reply_length(reply), Ok(Some(reply.len())));
        for end in 0..reply.len() {
            assert_eq!(reply_length(&reply[..end]), Ok(None), "cut at {end}");
        }
        let printed =
            "*3\n  %1\n    +a\n    \"\\r\\n\"\n  ~2\n    :1\n    (nil)\n  >1\n    =txt:\"x\"";
        assert_eq!(
            Value::parse(reply).map(|value| value.print().join("\n")),
            Ok(printed.into())
        );
    }

    #[test]
    fn what_is_no_reply_is_an_error() {
        for bytes in ["x\r\n", "\r\n", "$x\r\n", "$1\r\nabc\r\n"] {
            assert!(reply_length(bytes.as_bytes()).is_err(), "{bytes:?}");
        }
    }
}
