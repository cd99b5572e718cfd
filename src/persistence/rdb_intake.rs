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
//! Not here: the bytes (`rdb/`), where the file is (`server/loading.rs`, `cli/import.rs`).

use super::embedded::PersistError;
use crate::engine::CacheEngine;
use crate::keyspace::{Event, Keyspace, WorkId};
use crate::rdb::{FileReader, FileSink, KeyFacts, LeftOut, Reason};
use crate::script::names_library;
use crate::value::kind::Kind;
use crate::value::record::{KeyRecord, RecordValue};
use std::io::{self, Read};

/// Bytes read from a file at once.
const READ_BYTES: usize = 1 << 20;

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
    let mut reader = FileReader::new(skips_unknown);
    let mut intake = RdbIntake::new(engine);
    let outcome = loop {
        let mut buffer = std::mem::take(&mut intake.buffer);
        let read = file.read(&mut buffer);
        let fed = match read {
            Ok(0) => break reader.finish().map_err(PersistError::Rdb),
            Ok(count) => {
                intake.report.file_bytes += count as u64;
                reader.feed(&buffer[..count], &mut intake)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(error) => break Err(error.into()),
        };
        intake.buffer = buffer;
        if let Err(error) = fed {
            break Err(intake.refusal.take().unwrap_or(PersistError::Rdb(error)));
        }
        progress(intake.report.file_bytes, intake.report.loaded_keys);
    };
    reader.abandon(&mut intake);
    let flushed = intake.flush();
    intake.report.version = reader.version();
    let report = std::mem::take(&mut intake.report);
    let refusal = intake.refusal.take();
    outcome?;
    match (flushed, refusal) {
        (Ok(()), _) => Ok(report),
        (Err(_), Some(refusal)) => Err(refusal),
        (Err(reason), None) => {
            let offset = report.file_bytes;
            Err(PersistError::Rdb(crate::rdb::RdbError { offset, reason }))
        }
    }
}

struct RdbIntake<'e> {
    engine: &'e mut CacheEngine,
    report: RdbReport,
    buffer: Vec<u8>,
    /// Records of keys of one database, …
    records: Vec<u8>,
    /// … of this one.
    database: u64,
    /// Why no more is taken, if that is not the file's fault.
    refusal: Option<PersistError>,
}

impl<'e> RdbIntake<'e> {
    fn new(engine: &'e mut CacheEngine) -> Self {
        Self {
            engine,
            report: RdbReport {
                kinds: KINDS.map(|kind| (kind.name(), 0)),
                ..RdbReport::default()
            },
            buffer: vec![0; READ_BYTES],
            records: Vec::with_capacity(RECORDS_BYTES),
            database: 0,
            refusal: None,
        }
    }

    fn count(&mut self, kind: Kind) {
        let counts = self.report.kinds.iter_mut();
        for (_, count) in counts.filter(|(name, _)| *name == kind.name()) {
            *count += 1;
        }
    }

    fn number(&self, database: u64) -> Result<usize, Reason> {
        let number = usize::try_from(database).ok();
        let count = self.engine.keyspace().database_count();
        number
            .filter(|&number| number < count)
            .ok_or(Reason::NoSuchDatabase(database))
    }

    /// Takes the records there are, and makes room below the limit of memory.
    fn flush(&mut self) -> Result<(), Reason> {
        let number = self.number(self.database)?;
        let restored = self.engine.restore(number, &self.records);
        let restored = restored.ok_or(Reason::NoSuchDatabase(self.database))?;
        self.records.clear();
        self.records.shrink_to(2 * RECORDS_BYTES);
        self.report.loaded_keys += restored.set_keys;
        self.report.expired_keys += restored.expired_keys;
        self.report.evicted_keys += restored.evicted_keys;
        if !restored.has_room {
            let limit_bytes = self.engine.memory_limit_bytes();
            self.refusal = Some(PersistError::NoRoom(limit_bytes));
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
        let now_ms = self.engine.now().unix_ms();
        let keyspace = self.engine.keyspace_mut();
        let key = keyspace.key(key);
        keyspace.set_use(number, key, facts.idle_s, facts.frequency, now_ms);
        Ok(())
    }
}

impl FileSink for RdbIntake<'_> {
    fn keyspace(&mut self) -> (&mut Keyspace, u64) {
        let now_ms = self.engine.now().unix_ms();
        (self.engine.keyspace_mut(), now_ms)
    }

    fn small(
        &mut self,
        database: u64,
        record: KeyRecord<'_>,
        facts: KeyFacts,
    ) -> Result<(), Reason> {
        self.number(database)?;
        self.count(match record.value {
            RecordValue::String(_) => Kind::String,
            RecordValue::Collection(collected) => collected.kind,
            RecordValue::Begun(begun) => begun.kind,
        });
        if database != self.database {
            self.flush()?;
            self.database = database;
        }
        record.encode(&mut self.records);
        if self.records.len() >= RECORDS_BYTES {
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
        self.count(kind);
        let number = self.number(database);
        let now_ms = self.engine.now().unix_ms();
        let is_due = (facts.deadline_ms).is_some_and(|deadline_ms| deadline_ms <= now_ms);
        let keyspace = self.engine.keyspace_mut();
        let Ok(number) = number.clone() else {
            keyspace.scrap(work, now_ms);
            return number.map(drop);
        };
        if is_due {
            keyspace.scrap(work, now_ms);
            self.report.expired_keys += 1;
            return Ok(());
        }
        let named = keyspace.key(key);
        let deadline_ms = facts.deadline_ms;
        keyspace.put_in_place(work, number, named, deadline_ms, Event::Restore, now_ms);
        self.report.loaded_keys += 1;
        self.flush()?;
        self.set_use(database, key, facts)
    }

    fn function(&mut self, code: &[u8]) -> Result<(), Reason> {
        if !names_library(code) {
            return Err(Reason::BadFunction(b"it has no name".to_vec()));
        }
        match self.engine.restore_library(code) {
            true => self.report.libraries += 1,
            false => self.report.kept_libraries += 1,
        }
        Ok(())
    }

    fn left_out(&mut self, what: LeftOut) {
        match what {
            LeftOut::Empty(_) => self.report.empty_keys += 1,
            LeftOut::Module(_) => self.report.module_keys += 1,
            LeftOut::ModuleData => self.report.module_data += 1,
        }
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
