//! DUMP: the value of a key as bytes that RESTORE takes, here and in Redis.
//!
//! ```text
//!  small ─▶ written at once
//!  large ─▶ freeze ─▶ length, written nowhere ─▶ header ─▶ 64 KiB a step ─▶ thaw
//! ```
//!
//! A reply says its length first, so a large value is written twice, the first time to be counted.
//!
//! Not here: the bytes (`rdb/`), RESTORE (`restore.rs`).

use crate::command::declare::family;
use crate::command::declare::spec::{CommandSpec, Flags, Outcome};
use crate::context::Context;
use crate::keyspace::{EntryRef, FrozenId, Keyspace, Memory};
use crate::protocol::args::Args;
use crate::protocol::reply::ReplyWriter;
use crate::rdb::{Begin, Crc64, STRING_TYPE, ValueWriter, payload_footer, write_string};
use crate::session::long_read::LongRead;
use crate::structures::block::{Element, Run, Shape};
use crate::structures::item::Code;
use crate::value::collection::{Body, Elements, Form};
use crate::value::kind::Kind;

pub(super) const COMMANDS: &[&CommandSpec] = &[&DUMP];

/// From this many bytes on a collection is written in slices.
const LONG_BYTES_MIN: usize = 128 * 1024;

/// Bytes that a step writes, but for the last element.
const STEP_BYTES: usize = 64 * 1024;

static DUMP: CommandSpec = family::GENERIC
    .command("dump", "key", dump)
    .summary("Returns the value of a key as bytes that RESTORE takes.")
    .since("2.6.0")
    .cost("O(length of the value)")
    .flags(Flags::READ_ONLY.and(Flags::LARGE_REPLY));

fn dump(context: &mut Context<'_>, args: Args<'_>) -> Outcome {
    let key = context.key(args, 1);
    if !context.read(key, |_, entry| entry.is_some()) {
        context.reply.null();
        return Ok(());
    }
    let (database, now_ms) = (context.database(), context.now_ms());
    let entry = context.keyspace.find(database, key, now_ms);
    let entry = entry.expect("it was read above");
    let body = context.keyspace.body(entry, now_ms);
    let large = body.filter(|body| {
        let is_long = || context.keyspace.key_bytes(entry) >= LONG_BYTES_MIN;
        body.is_large() && is_long()
    });
    let Some(large) = large.filter(|_| context.may_wait) else {
        let payload = payload_of(context.keyspace, entry, now_ms);
        context.reply.bulk(&payload);
        return Ok(());
    };
    let begin = begin_of(entry.kind(), &large.ordered_elements());
    let frozen = context.keyspace.freeze(database, key, now_ms);
    let frozen = frozen.expect("it is large");
    context.answer_in_steps(Dumping {
        frozen,
        writing: Writing::new(begin),
        counted_bytes: Some(0),
        crc: Crc64::default(),
        scratch: Vec::new(),
    });
    Ok(())
}

/// All of a payload at once.
fn payload_of(keyspace: &Keyspace, entry: EntryRef<'_>, now_ms: u64) -> Vec<u8> {
    let mut payload = Vec::new();
    let mut has_deadlines = false;
    if let Ok(value) = entry.as_string() {
        payload.push(STRING_TYPE);
        write_string(value, &mut payload);
    }
    match keyspace.body(entry, now_ms) {
        None => {}
        Some(Body {
            form: Form::Integers(set),
            ..
        }) => {
            let begin = Begin {
                kind: Kind::Set,
                count: set.count() as u64,
                least_deadline_ms: None,
            };
            payload.push(ValueWriter::type_code(&begin));
            let mut writer = ValueWriter::begin(begin, &mut payload);
            let mut bytes = Vec::new();
            for value in set.iter() {
                bytes.clear();
                Run::write(&Element::single(Code::of_integer(value)), &mut bytes);
                let run = Run::new(Shape::Set, 1, &bytes);
                run.elements()
                    .for_each(|element| writer.add(element, &mut payload));
            }
        }
        Some(body) => {
            let elements = body.ordered_elements();
            let begin = begin_of(entry.kind(), &elements);
            has_deadlines = begin.least_deadline_ms.is_some();
            let mut writing = Writing::new(begin);
            while !writing.step(&elements, &mut payload) {}
        }
    }
    let mut crc = Crc64::default();
    crc.update(&payload);
    payload.extend_from_slice(&payload_footer(crc, has_deadlines));
    payload
}

fn begin_of(kind: Kind, elements: &Elements<'_, Memory>) -> Begin {
    // Only fields of hashes have deadlines.
    let least_deadline_ms = elements.next_deadline().filter(|_| kind == Kind::Hash);
    Begin {
        kind,
        count: elements.len(),
        least_deadline_ms,
    }
}

/// How far a collection has been written.
#[derive(Debug)]
struct Writing {
    begin: Begin,
    writer: Option<ValueWriter>,
    rank: u64,
}

impl Writing {
    fn new(begin: Begin) -> Self {
        Self {
            begin,
            writer: None,
            rank: 0,
        }
    }

    /// Writes on for a step; true at the end.
    fn step(&mut self, elements: &Elements<'_, Memory>, out: &mut Vec<u8>) -> bool {
        let end = out.len() + STEP_BYTES;
        let writer = self.writer.get_or_insert_with(|| {
            out.push(ValueWriter::type_code(&self.begin));
            ValueWriter::begin(self.begin, out)
        });
        for element in elements.from(self.rank) {
            writer.add(element, out);
            self.rank += 1;
            if out.len() >= end {
                return false;
            }
        }
        writer.end_some(out)
    }
}

/// A payload that is written in slices.
#[derive(Debug)]
struct Dumping {
    frozen: FrozenId,
    writing: Writing,
    /// How long the payload is so far, while it is being counted.
    counted_bytes: Option<usize>,
    crc: Crc64,
    scratch: Vec<u8>,
}

impl LongRead for Dumping {
    fn step(&mut self, keyspace: &mut Keyspace, _: u64, reply: &mut ReplyWriter<'_>) -> bool {
        let elements = keyspace.frozen(self.frozen);
        self.scratch.clear();
        let is_over = self.writing.step(&elements, &mut self.scratch);
        let footer_bytes = crate::rdb::FOOTER_BYTES;
        let begin = self.writing.begin;
        if let Some(counted_bytes) = &mut self.counted_bytes {
            *counted_bytes += self.scratch.len();
            if is_over {
                reply.begin_bulk(*counted_bytes + footer_bytes);
                self.counted_bytes = None;
                self.writing = Writing::new(begin);
            }
            return false;
        }
        self.crc.update(&self.scratch);
        reply.raw(&self.scratch);
        if is_over {
            reply.raw(&payload_footer(self.crc, begin.least_deadline_ms.is_some()));
            reply.raw(b"\r\n");
            keyspace.thaw(self.frozen);
        }
        is_over
    }

    fn abandon(&mut self, keyspace: &mut Keyspace) {
        keyspace.thaw(self.frozen);
    }

    fn used_bytes(&self) -> usize {
        let writer = self.writing.writer.as_ref();
        let writer_bytes = writer.map_or(0, |writer| writer.used_bytes());
        size_of::<Self>() + self.scratch.capacity() + writer_bytes
    }
}
