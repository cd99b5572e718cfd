//! A value, written element by element in forms that Redis 7.0 and everything after it loads.
//!
//! ```text
//!  begin: type, number of elements ─▶ add, add, … ─▶ end_some until it is true
//! ```
//!
//! Elements are written one by one, never packed: who loads them packs them by its own limits. So a
//! value can be written in slices, and nothing of it is collected but the groups of a stream. Only
//! hashes of which fields have deadlines need Redis 7.4 or later.
//!
//! Not here: streams (`stream_writer.rs`), whose elements they are (`command/generic/dump.rs`,
//! `cut_writer.rs`).

use super::codes;
use super::output::{write_integer, write_item, write_length, write_text};
use super::stream_writer::StreamWriter;
use crate::structures::block::{ElementRef, Shape};
use crate::value::kind::Kind;
use crate::value::string::StringValue;

/// The version of what is written …
pub(super) const VERSION: u16 = 10;
/// … and of what holds a hash of which fields have deadlines.
pub(super) const VERSION_WITH_DEADLINES: u16 = 12;

/// What is told of a collection before its elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begin {
    /// Its type.
    pub kind: Kind,
    /// How many elements will be added.
    pub count: u64,
    /// Of a hash: a time that no field's deadline is before, if some field may have one.
    pub least_deadline_ms: Option<u64>,
}

/// A collection that is being written.
#[derive(Debug)]
pub struct ValueWriter {
    least_deadline_ms: Option<u64>,
    stream: Option<Box<StreamWriter>>,
}

impl ValueWriter {
    /// The number of the type of a collection.
    ///
    /// # Panics
    /// If files of Redis know no such collection.
    pub fn type_code(begin: &Begin) -> u8 {
        if begin.least_deadline_ms.is_some() {
            return codes::HASH_WITH_DEADLINES;
        }
        let written = codes::WRITTEN.iter().find(|(kind, _)| *kind == begin.kind);
        let (_, code) = written.expect("files of Redis know the type");
        *code
    }

    /// Begins a collection; its type stands before it already.
    pub fn begin(begin: Begin, out: &mut Vec<u8>) -> Self {
        if begin.kind == Kind::Stream {
            let stream = Box::new(StreamWriter::new(begin.count));
            return Self {
                least_deadline_ms: None,
                stream: Some(stream),
            };
        }
        if let Some(least_ms) = begin.least_deadline_ms {
            out.extend_from_slice(&least_ms.to_le_bytes());
        }
        write_length(begin.count, out);
        Self {
            least_deadline_ms: begin.least_deadline_ms,
            stream: None,
        }
    }

    /// Writes an element; those of a stream, of a list and of a frozen collection in their order.
    pub fn add(&mut self, element: ElementRef<'_>, out: &mut Vec<u8>) {
        if let Some(stream) = &mut self.stream {
            return stream.add(element, out);
        }
        match element.shape() {
            Shape::Set | Shape::List => write_item(element.key(), out),
            Shape::Scored => {
                write_item(element.key(), out);
                out.extend_from_slice(&element.score().to_le_bytes());
            }
            Shape::Map => {
                if let Some(least_ms) = self.least_deadline_ms {
                    let deadline = element.deadline();
                    let told = deadline.map_or(0, |due_ms| due_ms.saturating_sub(least_ms) + 1);
                    write_length(told, out);
                }
                let (field, value) = element.pair();
                write_item(field, out);
                write_item(value, out);
            }
        }
    }

    /// Writes some of what stands after the elements; true when that was all.
    pub fn end_some(&mut self, out: &mut Vec<u8>) -> bool {
        match &mut self.stream {
            Some(stream) => stream.end_some(out),
            None => true,
        }
    }

    /// Bytes that are held for what is to come.
    pub fn used_bytes(&self) -> usize {
        let stream = self.stream.as_ref();
        size_of::<Self>() + stream.map_or(0, |stream| stream.used_bytes())
    }
}

/// Writes what stands before a value in a file: deadline, type and key.
pub(super) fn write_key_head(
    deadline_ms: Option<u64>,
    type_code: u8,
    key: &[u8],
    out: &mut Vec<u8>,
) {
    if let Some(deadline_ms) = deadline_ms {
        out.push(codes::opcode::DEADLINE_MS);
        out.extend_from_slice(&deadline_ms.to_le_bytes());
    }
    out.push(type_code);
    write_text(key, out);
}

/// Writes a library of functions.
pub(super) fn write_function(code: &[u8], out: &mut Vec<u8>) {
    out.push(codes::opcode::FUNCTION);
    write_text(code, out);
}

/// Writes the value of a string.
pub fn write_string(value: StringValue<'_>, out: &mut Vec<u8>) {
    match value {
        StringValue::Integer(value) => write_integer(value, out),
        StringValue::Bytes(text) => write_text(text, out),
    }
}
