//! From a file of Redis or Valkey to a snapshot, without a cache between them.
//!
//! ```text
//!  file ─▶ FileReader ─┬─ small keys ─▶ records, 60 KiB ────────────────────▶ blocks
//!                      ├─ large keys ─▶ all elements ─▶ pieces, 60 KiB ─────▶ blocks
//!                      └─ streams, hashes with deadlines, if large
//!                            ─▶ a keyspace, up to 16 MiB ─▶ its cut ────────▶ blocks
//! ```
//!
//! A record of a snapshot is what a small key becomes on its way into a cache, so it may as well
//! go to the disk, and so may the elements of a large one. Hashes with fields that are due take the
//! way by a keyspace, which leaves these fields out.
//!
//! Invariants: no key is evicted and none that was due is written; the storage has its old
//! snapshot until all was read. A key that stands twice in the file, which Redis does not write, is
//! written twice.
//!
//! Cost: a pass over the file. Memory: what waits, and the largest value.
//!
//! Not here: the bytes of either (`rdb/`, `format.rs`), loading a file (`rdb_intake.rs`).

use super::embedded::PersistError;
use super::format::DatabaseCount;
use super::rdb_intake::{READ_BYTES, RdbReport, kind_of};
use super::storage::Storage;
use super::writer::SnapshotWriter;
use crate::base::clock::Timestamp;
use crate::config::{Config, DATABASES_MAX};
use crate::engine::CacheEngine;
use crate::keyspace::{CutCount, Event, Keyspace, WorkId};
use crate::rdb::{FileReader, FileSink, KeyFacts, LeftOut, Reason};
use crate::script::names_library;
use crate::value::encoding::Encoding;
use crate::value::kind::Kind;
use crate::value::record::{Begun, Collected, KeyRecord, Piece, RecordValue};
use std::io::{self, Read};

/// Records of so many bytes make a block.
const RECORDS_BYTES: usize = 60 * 1024;

/// Elements of so many bytes make a piece of a long collection, or one element that has more.
const PIECE_BYTES: usize = 56 * 1024;

/// What pieces of a long collection name it by: it is whole before anything else is written.
const LONG_NUMBER: u32 = 0;

/// How much memory large keys may take until they are written.
const LARGE_BYTES: usize = 16 << 20;

/// Writes a snapshot of what a file of Redis or Valkey holds that was not due at `now`. Values of
/// modules are errors unless `skips_unknown`. `progress` is told the bytes read and the keys taken,
/// now and then.
///
/// # Errors
/// What is wrong with the file, or what the disk says; the storage then has the snapshot that it
/// had.
pub fn convert_rdb(
    file: &mut dyn Read,
    storage: &mut dyn Storage,
    now: Timestamp,
    skips_unknown: bool,
    mut progress: impl FnMut(u64, u64),
) -> Result<RdbReport, PersistError> {
    storage.begin()?;
    let conversion = Conversion::new(storage, now);
    conversion.run(file, skips_unknown, &mut progress)
}

/// What is under way from a file to a storage.
struct Conversion<'s> {
    storage: &'s mut dyn Storage,
    now_ms: u64,
    /// Libraries of functions, and large keys until they are written.
    engine: CacheEngine,
    /// None before the first key, because libraries are to be known first.
    writer: Option<SnapshotWriter>,
    /// Records of keys of one database, …
    records: Vec<u8>,
    /// … of this one.
    database: u16,
    counts: Vec<CutCount>,
    /// Large keys that take so many bytes are written, and go.
    large_bytes: usize,
    /// Whether there are any.
    has_large: bool,
    report: RdbReport,
    /// Why no more is taken, if that is not the file's fault.
    refusal: Option<PersistError>,
}

impl<'s> Conversion<'s> {
    fn new(storage: &'s mut dyn Storage, now: Timestamp) -> Self {
        let mut engine = CacheEngine::new(Config {
            databases: DATABASES_MAX,
            ..Config::default()
        });
        engine.tick(now);
        Self {
            counts: vec![CutCount::default(); engine.keyspace().database_count()],
            storage,
            now_ms: now.unix_ms(),
            engine,
            writer: None,
            records: Vec::with_capacity(RECORDS_BYTES),
            database: 0,
            large_bytes: LARGE_BYTES,
            has_large: false,
            report: RdbReport::new(),
            refusal: None,
        }
    }

    fn run(
        mut self,
        file: &mut dyn Read,
        skips_unknown: bool,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<RdbReport, PersistError> {
        let version = self.read(file, skips_unknown, progress);
        match version.and_then(|version| self.end(version)) {
            Ok(()) => Ok(self.report),
            Err(error) => {
                self.storage.abort();
                Err(error)
            }
        }
    }

    /// Reads the whole file; the version that it states.
    fn read(
        &mut self,
        file: &mut dyn Read,
        skips_unknown: bool,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<u32, PersistError> {
        let mut reader = FileReader::new(skips_unknown);
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let count = match file.read(&mut buffer) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            if count == 0 {
                reader.finish().map_err(PersistError::Rdb)?;
                return Ok(reader.version());
            }
            self.report.file_bytes += count as u64;
            if let Err(error) = reader.feed(&buffer[..count], self) {
                let refusal = self.refusal.take();
                return Err(refusal.unwrap_or(PersistError::Rdb(error)));
            }
            progress(self.report.file_bytes, self.report.loaded_keys);
        }
    }

    /// Writes what is left, and puts the snapshot in its place.
    fn end(&mut self, version: u32) -> Result<(), PersistError> {
        self.report.version = version;
        self.write_records()?;
        self.write_large()?;
        let counts: Vec<DatabaseCount> = (0..)
            .zip(&self.counts)
            .filter(|(_, count)| count.keys > 0)
            .map(|(database, count)| DatabaseCount {
                database,
                keys: count.keys,
                expires: count.expires,
            })
            .collect();
        self.writer().end(&counts);
        self.append()?;
        Ok(self.storage.commit()?)
    }

    fn writer(&mut self) -> &mut SnapshotWriter {
        let (engine, now_ms) = (&self.engine, self.now_ms);
        self.writer
            .get_or_insert_with(|| SnapshotWriter::begin_apart(engine.library_codes(), now_ms))
    }

    /// Appends what was written to the storage.
    fn append(&mut self) -> io::Result<()> {
        while let Some(buffer) = self.writer().take_buffer() {
            self.storage.append(&buffer)?;
        }
        Ok(())
    }

    /// Writes the records there are.
    fn write_records(&mut self) -> io::Result<()> {
        if self.records.is_empty() {
            return Ok(());
        }
        let mut records = std::mem::take(&mut self.records);
        let database = self.database;
        self.writer().write_records(database, &records);
        records.clear();
        records.shrink_to(2 * RECORDS_BYTES);
        self.records = records;
        self.append()
    }

    /// Writes the keys of the keyspace, which is empty then.
    fn write_large(&mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.has_large) {
            return Ok(());
        }
        self.engine.keyspace_mut().begin_cut(self.now_ms);
        loop {
            let has_more = self.engine.keyspace_mut().cut_some();
            self.writer();
            let writer = self.writer.as_mut().expect("it was made");
            writer.collect(self.engine.keyspace_mut(), !has_more);
            self.append()?;
            if !has_more {
                break;
            }
        }
        let keyspace = self.engine.keyspace_mut();
        let written = keyspace.cut_counts().to_vec();
        for (database, count) in written.iter().enumerate() {
            if count.keys > 0 {
                self.counts[database].keys += count.keys;
                self.counts[database].expires += count.expires;
                keyspace.mutate(database, self.now_ms).flush();
            }
        }
        while keyspace.free_some() {}
        Ok(())
    }

    /// Begins the records of a key in a database, and counts it.
    fn begin_key(&mut self, number: u16, deadline_ms: Option<u64>) -> Result<(), Reason> {
        if number != self.database {
            let written = self.write_records();
            self.check(written)?;
            self.database = number;
        }
        let count = &mut self.counts[usize::from(number)];
        count.keys += 1;
        count.expires += u64::from(deadline_ms.is_some());
        self.report.loaded_keys += 1;
        Ok(())
    }

    /// Writes the records there are if they make a block.
    fn write_many(&mut self) -> Result<(), Reason> {
        if self.records.len() < RECORDS_BYTES {
            return Ok(());
        }
        let written = self.write_records();
        self.check(written)
    }

    /// A large key has come: writes them if there are many by now.
    fn settle(&mut self) -> Result<(), Reason> {
        self.has_large = true;
        if self.engine.keyspace().used_bytes() < self.large_bytes {
            return Ok(());
        }
        let written = self.write_large();
        self.check(written)
    }

    /// Keeps what the disk says for whoever asked for the conversion.
    fn check(&mut self, outcome: io::Result<()>) -> Result<(), Reason> {
        outcome.map_err(|error| {
            self.refusal = Some(error.into());
            Reason::TooLong
        })
    }

    fn number(&self, database: u64) -> Result<u16, Reason> {
        let number = u16::try_from(database).ok();
        number
            .filter(|&number| usize::from(number) < self.counts.len())
            .ok_or(Reason::NoSuchDatabase(database))
    }

    fn is_due(&self, deadline_ms: Option<u64>) -> bool {
        deadline_ms.is_some_and(|deadline_ms| deadline_ms <= self.now_ms)
    }

    fn has_due_fields(&self, record: &KeyRecord<'_>) -> bool {
        match record.value {
            // Hashes with deadlines are not called small.
            RecordValue::Collection(collected)
                if collected.kind == Kind::Hash && collected.encoding != Encoding::Small =>
            {
                let mut fields = collected.run.elements();
                fields.any(|field| self.is_due(field.deadline()))
            }
            RecordValue::Collection(_) | RecordValue::String(_) | RecordValue::Begun(_) => false,
        }
    }
}

impl FileSink for Conversion<'_> {
    fn keyspace(&mut self) -> (&mut Keyspace, u64) {
        (self.engine.keyspace_mut(), self.now_ms)
    }

    fn small(
        &mut self,
        database: u64,
        record: KeyRecord<'_>,
        _facts: KeyFacts,
    ) -> Result<(), Reason> {
        let number = self.number(database)?;
        self.report.count(kind_of(&record));
        if self.is_due(record.deadline_ms) {
            self.report.expired_keys += 1;
            return Ok(());
        }
        if self.has_due_fields(&record) {
            let keyspace = self.engine.keyspace_mut();
            let mut mutation = keyspace.mutate(usize::from(number), self.now_ms);
            match mutation.restore_one(record) {
                true => self.report.loaded_keys += 1,
                false => self.report.expired_keys += 1,
            }
            return self.settle();
        }
        self.begin_key(number, record.deadline_ms)?;
        record.encode(&mut self.records);
        self.write_many()
    }

    fn takes_long(&self) -> bool {
        true
    }

    fn long(
        &mut self,
        database: u64,
        key: &[u8],
        collected: Collected<'_>,
        facts: KeyFacts,
    ) -> Result<(), Reason> {
        let number = self.number(database)?;
        self.report.count(collected.kind);
        if self.is_due(facts.deadline_ms) {
            self.report.expired_keys += 1;
            return Ok(());
        }
        self.begin_key(number, facts.deadline_ms)?;
        let Collected {
            kind,
            encoding,
            run,
        } = collected;
        let begun = Begun {
            kind,
            encoding,
            number: LONG_NUMBER,
            count: run.count() as u64,
        };
        let record = KeyRecord {
            key,
            value: RecordValue::Begun(begun),
            deadline_ms: facts.deadline_ms,
        };
        record.encode(&mut self.records);
        let mut before = 0;
        for part in run.parts(PIECE_BYTES) {
            let piece = Piece {
                kind,
                number: LONG_NUMBER,
                before,
                run: part,
            };
            self.records.extend_from_slice(&piece.frame());
            self.records.extend_from_slice(part.bytes());
            before += part.count() as u64;
            self.write_many()?;
        }
        Ok(())
    }

    fn large(
        &mut self,
        database: u64,
        key: &[u8],
        kind: Kind,
        work: WorkId,
        facts: KeyFacts,
    ) -> Result<(), Reason> {
        self.report.count(kind);
        let number = self.number(database);
        let is_due = self.is_due(facts.deadline_ms);
        let now_ms = self.now_ms;
        let keyspace = self.engine.keyspace_mut();
        let number = match number {
            Ok(number) if !is_due => number,
            Ok(_) => {
                keyspace.scrap(work, now_ms);
                self.report.expired_keys += 1;
                return Ok(());
            }
            Err(reason) => {
                keyspace.scrap(work, now_ms);
                return Err(reason);
            }
        };
        let named = keyspace.key(key);
        let (number, deadline_ms) = (usize::from(number), facts.deadline_ms);
        keyspace.put_in_place(work, number, named, deadline_ms, Event::Restore, now_ms);
        self.report.loaded_keys += 1;
        self.settle()
    }

    fn function(&mut self, code: &[u8]) -> Result<(), Reason> {
        if !names_library(code) {
            return Err(Reason::BadFunction(b"it has no name".to_vec()));
        }
        if self.writer.is_some() {
            return Err(Reason::BadFunction(b"it stands after keys".to_vec()));
        }
        match self.engine.restore_library(code) {
            true => self.report.libraries += 1,
            false => self.report.kept_libraries += 1,
        }
        Ok(())
    }

    fn left_out(&mut self, what: LeftOut) {
        self.report.count_left_out(what);
    }
}
