//! One message as bytes, encoded once.
//!
//! ```text
//!  RESP2   *3 $7 message $4 news $5 hello       what is encoded
//!  RESP3   >3 $7 message $4 news $5 hello       the same but for the sign
//!  plain   message / news / hello               a line an element
//! ```
//!
//! Lines for MONITOR are statuses in both protocols.
//!
//! Not here: who gets it (`mailbox.rs`).

use crate::protocol::reply::{Dialect, ReplyWriter};
use std::sync::Arc;

/// What the bytes of a frame are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// A message in RESP2, whose first sign says in RESP3 that no request asked for it.
    Message,
    /// Statuses.
    Lines,
    /// A message in the dialect of its only recipient.
    Fixed,
}

/// A message, encoded.
#[derive(Clone, Debug)]
pub struct Frame {
    encoded: Vec<u8>,
    form: Form,
}

impl Frame {
    /// A message of these strings.
    pub fn message(parts: &[&[u8]]) -> Self {
        let bytes = parts.iter().map(|part| part.len() + 16).sum();
        let encoded = written(Dialect::Resp2, bytes, |reply| {
            reply.push(parts.len());
            parts.iter().for_each(|part| reply.bulk(part));
        });
        let form = Form::Message;
        Self { encoded, form }
    }

    /// A message for one recipient, which `write` begins with [`ReplyWriter::push`]; it takes
    /// about so many bytes.
    pub fn for_one(
        dialect: Dialect,
        bytes: usize,
        write: impl FnOnce(&mut ReplyWriter<'_>),
    ) -> Self {
        let encoded = match dialect {
            Dialect::Resp2 | Dialect::Resp3 => written(dialect, bytes, write),
            Dialect::Plain => {
                let mut out = Vec::with_capacity(bytes);
                write_plain(&written(Dialect::Resp2, bytes, write), &mut out);
                out
            }
        };
        let form = Form::Fixed;
        Self { encoded, form }
    }

    /// Lines, each a status. They hold nothing but printable ASCII and end in line feeds.
    pub fn lines(lines: &[u8]) -> Self {
        let mut out = Vec::with_capacity(lines.len() + lines.len() / 32);
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            out.push(b'+');
            out.extend_from_slice(line.trim_ascii_end());
            out.extend_from_slice(b"\r\n");
        }
        Self {
            encoded: out,
            form: Form::Lines,
        }
    }

    /// Bytes of it, about the same in every dialect.
    #[inline]
    #[allow(clippy::len_without_is_empty)] // None is empty.
    pub fn len(&self) -> usize {
        self.encoded.len()
    }

    /// The bytes in a dialect. O(length).
    pub fn in_dialect(&self, dialect: Dialect) -> Arc<[u8]> {
        if dialect == Dialect::Resp2 {
            return self.encoded[..].into();
        }
        let mut bytes = Vec::with_capacity(self.len());
        self.write(dialect, &mut bytes);
        bytes.into()
    }

    /// Appends the bytes in a dialect.
    pub(super) fn write(&self, dialect: Dialect, out: &mut Vec<u8>) {
        let begin = out.len();
        match (dialect, self.form) {
            (Dialect::Plain, Form::Message | Form::Lines) => write_plain(&self.encoded, out),
            (_, Form::Fixed) | (Dialect::Resp2 | Dialect::Resp3, _) => {
                out.extend_from_slice(&self.encoded);
            }
        }
        if (dialect, self.form) == (Dialect::Resp3, Form::Message) {
            out[begin] = b'>';
        }
    }
}

fn written(dialect: Dialect, bytes: usize, write: impl FnOnce(&mut ReplyWriter<'_>)) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes);
    write(&mut ReplyWriter::new(&mut out, dialect));
    out
}

/// Appends the elements of a message in RESP2, a line each.
fn write_plain(mut encoded: &[u8], out: &mut Vec<u8>) {
    while let [sign, rest @ ..] = encoded {
        let end = rest.iter().position(|byte| *byte == b'\r');
        let (line, behind) = rest.split_at(end.unwrap_or(rest.len()));
        encoded = behind.get(2..).unwrap_or_default();
        match sign {
            b'*' => {}
            b'$' if line != b"-1" => {
                let text = std::str::from_utf8(line).expect("a length is digits");
                let len: usize = text.parse().expect("a length is digits");
                out.extend_from_slice(&encoded[..len + 2]);
                encoded = &encoded[len + 2..];
            }
            b'$' => out.extend_from_slice(b"(nil)\r\n"),
            _ => {
                out.extend_from_slice(line);
                out.extend_from_slice(b"\r\n");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_all(frame: &Frame) -> [String; 3] {
        [Dialect::Resp2, Dialect::Resp3, Dialect::Plain].map(|dialect| {
            let bytes = frame.in_dialect(dialect);
            String::from_utf8_lossy(&bytes).replace("\r\n", ";")
        })
    }

    #[test]
    fn a_message_reads_alike_in_all_dialects() {
        let frame = Frame::message(&[b"message", b"a\r\n$b", b""]);
        let text = "$7;message;$5;a;$b;$0;;";
        assert_eq!(
            in_all(&frame),
            [
                format!("*3;{text}"),
                format!(">3;{text}"),
                "message;a;$b;;".to_string()
            ]
        );
    }

    #[test]
    fn what_is_nested_or_null_has_its_lines() {
        let frame = |dialect| {
            let frame = Frame::for_one(dialect, 0, |reply| {
                reply.push(3);
                reply.bulk(b"invalidate");
                reply.array(1);
                reply.bulk(b"k");
                reply.null();
            });
            in_all(&frame)[1].clone()
        };
        let text = "$10;invalidate;*1;$1;k;";
        assert_eq!(frame(Dialect::Resp2), format!("*3;{text}$-1;"));
        assert_eq!(frame(Dialect::Resp3), format!(">3;{text}_;"));
        assert_eq!(frame(Dialect::Plain), "invalidate;k;(nil);");
    }

    #[test]
    fn lines_are_statuses() {
        let frame = Frame::lines(b"1.0 [0 a] \"PING\"\n2.0 [0 a] \"*3\"\n");
        let replies = "+1.0 [0 a] \"PING\";+2.0 [0 a] \"*3\";";
        let text = "1.0 [0 a] \"PING\";2.0 [0 a] \"*3\";";
        assert_eq!(in_all(&frame), [replies, replies, text]);
    }
}
