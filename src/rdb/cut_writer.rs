//! From a cut of the keyspace to a file that Redis and Valkey load, a slice at a time.
//!
//! ```text
//!  cut ─▶ pieces ─┬─ of the collection being written; keys while there is none ─▶ bytes
//!                 └─ everything else is held until that collection is whole
//! ```
//!
//! The pieces of a large collection may have other keys between them, and in a file of Redis they
//! may not. What is held meanwhile is what changed while one collection was written.
//!
//! Invariant: what is taken, put together, is a whole file once `step` has returned false and
//! nothing is left to take.
//!
//! Cost: as that of a snapshot; memory is what has not been taken, and what is held.
//!
//! Not here: the bytes of values (`rdb/`), where these go (`command/server/sync.rs`,
//! `persistence/rdb_export.rs`).

use super::codes::STRING;
use super::file_writer::FileWriter;
use super::value_writer::{Begin, ValueWriter, write_key_head, write_string};
use crate::keyspace::{CutPiece, DatabaseSize, Keyspace};
use crate::structures::block::Run;
use crate::value::kind::Kind;
use crate::value::record::{Begun, Collected, KeyRecord, Record, RecordValue, TextHead};
use std::collections::VecDeque;

/// Buffers are handed out when they have so many bytes.
const BUFFER_BYTES: usize = 64 * 1024;

/// A collection of which elements are still to come, or what stands after them.
#[derive(Debug)]
struct Open {
    number: u32,
    left: u64,
    writer: ValueWriter,
}

/// A record that comes in parts.
#[derive(Debug)]
enum Long {
    /// A text, of which so many bytes are to come.
    Text,
    /// Anything else is put together first.
    Whole(Vec<u8>),
}

/// A file being written.
#[derive(Debug)]
pub struct RdbWriter {
    /// Filled buffers.
    full: VecDeque<Vec<u8>>,
    buffer: Vec<u8>,
    file: FileWriter,
    /// How many keys each database had when the cut began.
    sizes: Vec<DatabaseSize>,
    database: Option<usize>,
    has_field_deadlines: bool,
    /// What is to be looked at.
    pieces: VecDeque<CutPiece>,
    /// What has to wait for the collection that is being written.
    held: VecDeque<CutPiece>,
    held_bytes: usize,
    open: Option<Open>,
    long: Option<Long>,
    written_bytes: u64,
    is_through: bool,
    is_complete: bool,
}

impl RdbWriter {
    /// Begins a file of the keyspace as it is at `now_ms`, with these libraries of functions. There
    /// must be no cut going on.
    pub fn begin<'l>(
        keyspace: &mut Keyspace,
        libraries: impl Iterator<Item = &'l [u8]>,
        now_ms: u64,
    ) -> Self {
        let databases = 0..keyspace.database_count();
        let sizes: Vec<DatabaseSize> = databases.map(|number| keyspace.size(number)).collect();
        keyspace.begin_cut(now_ms);
        let has_field_deadlines = sizes.iter().any(|size| size.field_expires > 0);
        let mut buffer = Vec::with_capacity(BUFFER_BYTES);
        let file = FileWriter::begin(has_field_deadlines, now_ms, libraries, &mut buffer);
        Self {
            full: VecDeque::new(),
            buffer,
            file,
            sizes,
            database: None,
            has_field_deadlines,
            pieces: VecDeque::new(),
            held: VecDeque::new(),
            held_bytes: 0,
            open: None,
            long: None,
            written_bytes: 0,
            is_through: false,
            is_complete: false,
        }
    }

    /// Goes one step on. Returns true if there is more to do.
    pub fn step(&mut self, keyspace: &mut Keyspace) -> bool {
        if self.is_complete {
            return false;
        }
        if !self.is_through {
            self.is_through = !keyspace.cut_some();
            self.collect(keyspace, self.is_through);
        }
        self.go_on();
        let has_more = self.open.is_some() || !self.pieces.is_empty() || !self.held.is_empty();
        if self.is_through && !has_more {
            self.file.end(&mut self.buffer);
            self.is_complete = true;
        }
        !self.is_complete
    }

    /// Takes over what changes of the keyspace have read out since the last step.
    pub fn collect(&mut self, keyspace: &mut Keyspace, is_last: bool) {
        while let Some(piece) = keyspace.take_cut_piece(is_last) {
            self.held_bytes += piece.records.capacity();
            self.pieces.push_back(piece);
        }
    }

    /// Writes what can be written now.
    fn go_on(&mut self) {
        loop {
            self.close_some();
            if self.open.as_ref().is_some_and(|open| open.left == 0) {
                return self.hand_out();
            }
            // What had to wait goes before what has come since.
            while self.open.is_none()
                && let Some(piece) = self.held.pop_back()
            {
                self.pieces.push_front(piece);
            }
            let Some(piece) = self.pieces.pop_front() else {
                return self.hand_out();
            };
            self.held_bytes -= piece.records.capacity();
            self.write_piece(piece);
            self.hand_out();
        }
    }

    /// Writes some of what stands after the elements of a collection that is whole.
    fn close_some(&mut self) {
        if let Some(open) = self.open.as_mut().filter(|open| open.left == 0)
            && open.writer.end_some(&mut self.buffer)
        {
            self.open = None;
        }
    }

    fn hand_out(&mut self) {
        if self.buffer.len() >= BUFFER_BYTES {
            let next = Vec::with_capacity(BUFFER_BYTES);
            let full = std::mem::replace(&mut self.buffer, next);
            self.full.push_back(full);
        }
    }

    fn hold(&mut self, piece: CutPiece) {
        self.held_bytes += piece.records.capacity();
        self.held.push_back(piece);
    }

    fn write_piece(&mut self, piece: CutPiece) {
        let is_last = piece.rest_bytes == 0;
        match self.long.take() {
            Some(Long::Text) => {
                self.buffer.extend_from_slice(&piece.records);
                self.long = (!is_last).then_some(Long::Text);
            }
            Some(Long::Whole(mut whole)) => {
                whole.extend_from_slice(&piece.records);
                match is_last {
                    true => self.write_records(piece.database, &whole),
                    false => self.long = Some(Long::Whole(whole)),
                }
            }
            None if is_last => self.write_records(piece.database, &piece.records),
            None => self.begin_long(piece),
        }
    }

    fn begin_long(&mut self, piece: CutPiece) {
        let is_text = TextHead::read(&piece.records).is_some();
        if !is_text || self.open.is_some() {
            self.long = Some(Long::Whole(piece.records));
            return;
        }
        self.select(piece.database);
        let head = TextHead::read(&piece.records).expect("it is one");
        write_key_head(head.deadline_ms, STRING, head.key, &mut self.buffer);
        self.file.begin_text(head.text_len, &mut self.buffer);
        self.buffer.extend_from_slice(head.text);
        self.long = Some(Long::Text);
    }

    /// Writes whole records; those that have to wait are held.
    fn write_records(&mut self, database: usize, records: &[u8]) {
        let mut rest = records;
        loop {
            let begin = rest;
            let Some(record) = Record::take_checked(&mut rest) else {
                return;
            };
            let is_next = match (&record, &self.open) {
                (Record::Key(_), open) => open.is_none(),
                (Record::Piece(piece), Some(open)) => piece.number == open.number && open.left > 0,
                (Record::Piece(_), None) => false,
            };
            if !is_next {
                let records = begin[..begin.len() - rest.len()].to_vec();
                self.hold(CutPiece {
                    database,
                    records,
                    rest_bytes: 0,
                });
                continue;
            }
            match record {
                Record::Key(record) => {
                    self.select(database);
                    self.write_key(&record);
                }
                Record::Piece(piece) => {
                    self.write_elements(&piece.run);
                    self.close_some();
                }
            }
        }
    }

    fn select(&mut self, database: usize) {
        if self.database != Some(database) {
            self.database = Some(database);
            let size = self.sizes.get(database);
            let counts = size.map_or((0, 0), |size| (size.keys as u64, size.expires as u64));
            self.file.select(database as u64, counts, &mut self.buffer);
        }
    }

    fn write_key(&mut self, record: &KeyRecord<'_>) {
        let out = &mut self.buffer;
        match record.value {
            RecordValue::String(value) => {
                write_key_head(record.deadline_ms, STRING, record.key, out);
                write_string(value, out);
            }
            RecordValue::Collection(Collected { kind, run, .. }) => {
                let deadlines = run.elements().filter_map(|element| element.deadline());
                let begin = Begin {
                    kind,
                    count: run.count() as u64,
                    least_deadline_ms: deadlines.min(),
                };
                let code = ValueWriter::type_code(&begin);
                write_key_head(record.deadline_ms, code, record.key, out);
                let mut writer = ValueWriter::begin(begin, out);
                run.elements().for_each(|element| writer.add(element, out));
            }
            RecordValue::Begun(Begun {
                kind,
                number,
                count,
                ..
            }) => {
                // Which fields have deadlines, and which ones, shows only later.
                let has_deadlines = kind == Kind::Hash && self.has_field_deadlines;
                let begin = Begin {
                    kind,
                    count,
                    least_deadline_ms: has_deadlines.then_some(1),
                };
                let code = ValueWriter::type_code(&begin);
                write_key_head(record.deadline_ms, code, record.key, out);
                let writer = ValueWriter::begin(begin, out);
                self.open = Some(Open {
                    number,
                    left: count,
                    writer,
                });
            }
        }
    }

    fn write_elements(&mut self, run: &Run<'_>) {
        let open = self.open.as_mut().expect("its collection is open");
        for element in run.elements() {
            open.writer.add(element, &mut self.buffer);
        }
        open.left -= run.count() as u64;
    }

    /// The next bytes of the file: a filled buffer, or the last.
    pub fn take_buffer(&mut self) -> Option<Vec<u8>> {
        let is_last = self.is_complete && !self.buffer.is_empty();
        let mut buffer = match self.full.pop_front() {
            Some(buffer) => buffer,
            None => is_last.then(|| std::mem::take(&mut self.buffer))?,
        };
        let is_end = self.is_complete && self.full.is_empty() && self.buffer.is_empty();
        self.file.seal(&mut buffer, is_end);
        self.written_bytes += buffer.len() as u64;
        Some(buffer)
    }

    /// Memory of what waits to be taken, and of what is held.
    pub fn buffered_bytes(&self) -> usize {
        let full_bytes: usize = self.full.iter().map(Vec::capacity).sum();
        let open = self.open.as_ref();
        let open_bytes = open.map_or(0, |open| open.writer.used_bytes());
        let long_bytes = match &self.long {
            Some(Long::Whole(whole)) => whole.capacity(),
            Some(Long::Text) | None => 0,
        };
        self.buffer.capacity() + full_bytes + self.held_bytes + open_bytes + long_bytes
    }
}
