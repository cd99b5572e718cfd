//! From a file of Redis or Valkey to the keys of an engine.
//!
//! ```text
//!  file ─▶ FileReader ─┬─ small keys ─▶ records, 64 KiB ─▶ Engine::restore
//!                      └─ large keys ─▶ the workshop ─▶ put in place
//! ```
//!
//! Keys that are due are left out, and keys are evicted as `maxmemory` demands, as where a snapshot
//! is loaded.
//!
//! Invariant: nothing stays in the workshop, however the reading ends.
//!
//! Not here: the bytes (`rdb/`), where the file is (`server/foreign.rs`), a file that becomes a
//! snapshot (`rdb_conversion.rs`).

use super::embedded::PersistError;
use crate::base::numbers::parse_i64;
use crate::engine::CacheEngine;
use crate::keyspace::{Event, Keyspace, WorkId};
use crate::rdb::{FileReader, FileSink, KeyFacts, LeftOut, RdbError, Reason};
use crate::script::names_library;
use crate::value::kind::Kind;
use crate::value::record::{KeyRecord, RecordValue};
use std::io::{self, Read};

/// Bytes read from a file at once.
///
/// So few that they are still in the processor's cache when they are taken.
pub(super) const READ_BYTES: usize = 256 * 1024;

/// Records of so many bytes are taken at once.
const RECORDS_BYTES: usize = 64 * 1024;

/// What was taken of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RdbReport {
    /// The version that the file states.
    pub version: u32,
    /// Its length.
    pub file_bytes: u64,
    /// Keys that were taken.
    pub loaded_keys: u64,
    /// Keys whose deadline had come, or of which nothing else was left.
    pub expired_keys: u64,
    /// Keys that were evicted meanwhile to stay within `maxmemory`.
    pub evicted_keys: u64,
    /// Keys in the file by the name of their type.
    pub kinds: [(&'static str, u64); 6],
    /// Libraries of functions that were loaded.
    pub libraries: u64,
    /// Libraries that are only kept for the next snapshot.
    pub kept_libraries: u64,
    /// Keys of collections without elements, which were left out.
    pub empty_keys: u64,
    /// Keys with values of modules, which were left out.
    pub module_keys: u64,
    /// How often a module keeps something beside keys, which was left out.
    pub module_data: u64,
}

impl RdbReport {
    /// Of a file of which nothing was read.
    pub(super) fn new() -> Self {
        Self {
            kinds: KINDS.map(|kind| (kind.name(), 0)),
            ..Self::default()
        }
    }

    /// Counts a key of this kind.
    pub(super) fn count(&mut self, kind: Kind) {
        let counts = KINDS.iter().zip(&mut self.kinds);
        for (_, (_, count)) in counts.filter(|(counted, _)| **counted == kind) {
            *count += 1;
        }
    }

    /// Counts what was left out.
    pub(super) fn count_left_out(&mut self, what: LeftOut) {
        match what {
            LeftOut::Empty(_) => self.empty_keys += 1,
            LeftOut::Module(_) => self.module_keys += 1,
            LeftOut::ModuleData => self.module_data += 1,
        }
    }
}

/// Reads a file of Redis or Valkey into an engine, whose time must have been set. Values of modules
/// are errors unless `skips_unknown`. `progress` is told the bytes read and the keys taken, now and
/// then.
///
/// # Errors
/// [`PersistError`]; the keys before what is wrong are then loaded.
pub fn load_rdb(
    engine: &mut CacheEngine,
    file: &mut dyn Read,
    skips_unknown: bool,
    mut progress: impl FnMut(u64, u64),
) -> Result<RdbReport, PersistError> {
    let mut load = RdbLoad::new(skips_unknown, 0);
    let mut buffer = vec![0; READ_BYTES];
    let outcome = loop {
        match file.read(&mut buffer) {
            Ok(0) => break Ok(()),
            Ok(count) => {
                if let Err(error) = load.feed(engine, &buffer[..count]) {
                    break Err(error);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Err(error.into()),
        }
        progress(
            load.intake.report.file_bytes,
            load.intake.report.loaded_keys,
        );
    };
    let ended = load.end(engine);
    outcome.and(ended)
}

/// A file that is read as its bytes come. Must be ended.
#[derive(Debug)]
pub struct RdbLoad {
    reader: FileReader,
    intake: Intake,
}

impl RdbLoad {
    /// At the beginning of a file. Values of modules are errors unless `skips_unknown`. A key is
    /// left out if it has been due for `lag_ms`.
    pub fn new(skips_unknown: bool, lag_ms: u64) -> Self {
        Self {
            reader: FileReader::new(skips_unknown),
            intake: Intake {
                report: RdbReport::new(),
                records: Vec::with_capacity(RECORDS_BYTES),
                database: 0,
                stream_database: 0,
                lag_ms,
                refusal: None,
            },
        }
    }

    /// Takes the next bytes of the file, all of which belong to it.
    ///
    /// # Errors
    /// What is wrong with it, or why no more is taken; nothing more may be fed.
    pub fn feed(&mut self, engine: &mut CacheEngine, bytes: &[u8]) -> Result<(), PersistError> {
        self.intake.report.file_bytes += bytes.len() as u64;
        let mut taking = self.intake.taking(engine);
        let fed = self.reader.feed(bytes, &mut taking);
        fed.map_err(|error| self.intake.reason(error))
    }

    /// As [`RdbLoad::feed`], for a file that something else follows: how many of the bytes belong
    /// to the file.
    ///
    /// # Errors
    /// As there.
    pub fn feed_until_end(
        &mut self,
        engine: &mut CacheEngine,
        bytes: &[u8],
    ) -> Result<usize, PersistError> {
        let mut taking = self.intake.taking(engine);
        let fed = self.reader.feed_until_end(bytes, &mut taking);
        let taken = fed.map_err(|error| self.intake.reason(error))?;
        self.intake.report.file_bytes += taken as u64;
        Ok(taken)
    }

    /// Whether all of the file was read.
    pub fn is_at_end(&self) -> bool {
        self.reader.is_at_end()
    }

    /// Bytes of the file so far.
    pub fn file_bytes(&self) -> u64 {
        self.intake.report.file_bytes
    }

    /// The database that the stream of changes after the file begins with.
    pub fn stream_database(&self) -> usize {
        self.intake.stream_database
    }

    /// Takes what is left, and gives up a value that has begun.
    ///
    /// # Errors
    /// The file ended too early, or there is no room for what was left.
    pub fn end(mut self, engine: &mut CacheEngine) -> Result<RdbReport, PersistError> {
        let finished = self.reader.finish();
        let mut taking = self.intake.taking(engine);
        self.reader.abandon(&mut taking);
        let flushed = taking.flush();
        let Intake {
            mut report,
            refusal,
            ..
        } = self.intake;
        report.version = self.reader.version();
        match (finished, flushed, refusal) {
            (_, _, Some(refusal)) => Err(refusal),
            (Err(error), _, None) => Err(PersistError::Rdb(error)),
            (Ok(()), Ok(()), None) => Ok(report),
            (Ok(()), Err(reason), None) => {
                let offset = report.file_bytes;
                Err(PersistError::Rdb(RdbError { offset, reason }))
            }
        }
    }
}

/// What is kept between two pieces of a file.
#[derive(Debug)]
struct Intake {
    report: RdbReport,
    /// Records of keys of one database, …
    records: Vec<u8>,
    /// … of this one.
    database: u64,
    stream_database: usize,
    lag_ms: u64,
    /// Why no more is taken, if that is not the file's fault.
    refusal: Option<PersistError>,
}

impl Intake {
    fn taking<'e>(&'e mut self, engine: &'e mut CacheEngine) -> RdbIntake<'e> {
        RdbIntake {
            now_ms: engine.now().unix_ms().saturating_sub(self.lag_ms),
            intake: self,
            engine,
        }
    }

    /// Why no more is taken.
    fn reason(&mut self, error: RdbError) -> PersistError {
        self.refusal.take().unwrap_or(PersistError::Rdb(error))
    }
}

struct RdbIntake<'e> {
    engine: &'e mut CacheEngine,
    intake: &'e mut Intake,
    now_ms: u64,
}

impl RdbIntake<'_> {
    fn number(&self, database: u64) -> Result<usize, Reason> {
        let number = usize::try_from(database).ok();
        let count = self.engine.keyspace().database_count();
        number
            .filter(|&number| number < count)
            .ok_or(Reason::NoSuchDatabase(database))
    }

    /// Takes the records there are, and makes room below the limit of memory.
    fn flush(&mut self) -> Result<(), Reason> {
        let number = self.number(self.intake.database)?;
        let Intake {
            report,
            records,
            database,
            ..
        } = &mut *self.intake;
        let restored = self.engine.restore(number, records, self.now_ms);
        let restored = restored.ok_or(Reason::NoSuchDatabase(*database))?;
        records.clear();
        records.shrink_to(2 * RECORDS_BYTES);
        report.loaded_keys += restored.set_keys;
        report.expired_keys += restored.expired_keys;
        report.evicted_keys += restored.evicted_keys;
        if !restored.has_room {
            let limit_bytes = self.engine.memory_limit_bytes();
            self.intake.refusal = Some(PersistError::NoRoom(limit_bytes));
            return Err(Reason::TooLong);
        }
        Ok(())
    }

    fn set_use(&mut self, database: u64, key: &[u8], facts: KeyFacts) -> Result<(), Reason> {
        if facts.idle_s.is_none() && facts.frequency.is_none() {
            return Ok(());
        }
        self.flush()?;
        let number = self.number(database)?;
        let now_ms = self.now_ms;
        let keyspace = self.engine.keyspace_mut();
        let key = keyspace.key(key);
        keyspace.set_use(number, key, facts.idle_s, facts.frequency, now_ms);
        Ok(())
    }
}

impl FileSink for RdbIntake<'_> {
    fn keyspace(&mut self) -> (&mut Keyspace, u64) {
        (self.engine.keyspace_mut(), self.now_ms)
    }

    fn small(
        &mut self,
        database: u64,
        record: KeyRecord<'_>,
        facts: KeyFacts,
    ) -> Result<(), Reason> {
        self.number(database)?;
        self.intake.report.count(kind_of(&record));
        if database != self.intake.database {
            self.flush()?;
            self.intake.database = database;
        }
        record.encode(&mut self.intake.records);
        if self.intake.records.len() >= RECORDS_BYTES {
            self.flush()?;
        }
        self.set_use(database, record.key, facts)
    }

    fn large(
        &mut self,
        database: u64,
        key: &[u8],
        kind: Kind,
        work: WorkId,
        facts: KeyFacts,
    ) -> Result<(), Reason> {
        self.intake.report.count(kind);
        let number = self.number(database);
        let now_ms = self.now_ms;
        let is_due = (facts.deadline_ms).is_some_and(|deadline_ms| deadline_ms <= now_ms);
        let keyspace = self.engine.keyspace_mut();
        let Ok(number) = number.clone() else {
            keyspace.scrap(work, now_ms);
            return number.map(drop);
        };
        if is_due {
            keyspace.scrap(work, now_ms);
            self.intake.report.expired_keys += 1;
            return Ok(());
        }
        let named = keyspace.key(key);
        let deadline_ms = facts.deadline_ms;
        keyspace.put_in_place(work, number, named, deadline_ms, Event::Restore, now_ms);
        self.intake.report.loaded_keys += 1;
        self.flush()?;
        self.set_use(database, key, facts)
    }

    fn function(&mut self, code: &[u8]) -> Result<(), Reason> {
        if !names_library(code) {
            return Err(Reason::BadFunction(b"it has no name".to_vec()));
        }
        match self.engine.restore_library(code) {
            true => self.intake.report.libraries += 1,
            false => self.intake.report.kept_libraries += 1,
        }
        Ok(())
    }

    fn left_out(&mut self, what: LeftOut) {
        self.intake.report.count_left_out(what);
    }

    fn note(&mut self, name: &[u8], value: &[u8]) {
        if name == b"repl-stream-db"
            && let Some(number) = parse_i64(value)
        {
            self.intake.stream_database = usize::try_from(number).unwrap_or(0);
        }
    }
}

/// The kind of the key that a record says.
pub(super) fn kind_of(record: &KeyRecord<'_>) -> Kind {
    match record.value {
        RecordValue::String(_) => Kind::String,
        RecordValue::Collection(collected) => collected.kind,
        RecordValue::Begun(begun) => begun.kind,
    }
}

/// The kinds, in the order in which they are told.
const KINDS: [Kind; 6] = [
    Kind::String,
    Kind::List,
    Kind::Set,
    Kind::SortedSet,
    Kind::Hash,
    Kind::Stream,
];

#[cfg(test)]
mod tests;
