//! Saving and loading in one go, for programs that embed the cache and for the start of a server.

use super::file_storage::FileStorage;
use super::format::{Content, Damage, DamageKind};
use super::loader::{Loader, Summary};
use super::storage::Storage;
use super::writer::SnapshotWriter;
use crate::engine::CacheEngine;
use crate::rdb::RdbError;
use std::fmt;
use std::io::{self, Read};
use std::path::Path;

/// Bytes read from a file at once.
const READ_BYTES: usize = 1 << 20;

/// Why a snapshot could not be saved or loaded.
#[derive(Debug)]
pub enum PersistError {
    /// What the disk said.
    Disk(io::Error),
    /// What is wrong with the file.
    Damaged(Damage),
    /// What is wrong with a file of Redis or Valkey.
    Rdb(RdbError),
    /// The keys take far more memory than this limit in bytes, and `maxmemory-policy` lets none go.
    NoRoom(u64),
}

impl fmt::Display for PersistError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(error) => error.fmt(formatter),
            Self::Damaged(damage) => damage.fmt(formatter),
            Self::Rdb(error) => error.fmt(formatter),
            Self::NoRoom(limit_bytes) => write!(
                formatter,
                "its keys need far more than the {limit_bytes} bytes of maxmemory, and \
                 maxmemory-policy lets none of them go"
            ),
        }
    }
}

impl std::error::Error for PersistError {}

impl From<io::Error> for PersistError {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

impl From<Damage> for PersistError {
    fn from(damage: Damage) -> Self {
        Self::Damaged(damage)
    }
}

/// What was loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadReport {
    /// Keys that were taken from the file.
    pub loaded_keys: u64,
    /// Keys whose deadline had come.
    pub expired_keys: u64,
    /// Keys that were evicted meanwhile to stay within `maxmemory`.
    pub evicted_keys: u64,
    /// Libraries of functions that were loaded.
    pub loaded_libraries: u64,
    /// Libraries that are only kept for the next snapshot, because their code can't be loaded here:
    /// the crate was built without `scripts`, say, or `lua-memory-limit` is lower.
    pub kept_libraries: u64,
    /// The file.
    pub summary: Summary,
}

/// Puts what a snapshot holds into an engine, as long as there is room.
pub struct Intake<'e> {
    engine: &'e mut CacheEngine,
    report: LoadReport,
    outcome: Result<(), PersistError>,
}

impl<'e> Intake<'e> {
    /// Into an engine whose time must have been set.
    pub fn new(engine: &'e mut CacheEngine) -> Self {
        Self {
            engine,
            report: LoadReport::default(),
            outcome: Ok(()),
        }
    }

    /// Takes what a block holds that ends at `offset` in its file. Keys are evicted as `maxmemory`
    /// demands. After the first refusal everything is passed over.
    pub fn take(&mut self, content: Content<'_>, offset: u64) {
        if self.outcome.is_err() {
            return;
        }
        match content {
            Content::Records(database, records) => self.take_records(database, records, offset),
            Content::Library(code) if self.engine.restore_library(code) => {
                self.report.loaded_libraries += 1;
            }
            Content::Library(_) => self.report.kept_libraries += 1,
        }
    }

    fn take_records(&mut self, database: u16, records: &[u8], offset: u64) {
        let Some(restored) =
            self.engine
                .restore(usize::from(database), records, self.engine.now().unix_ms())
        else {
            let kind = DamageKind::NoSuchDatabase(database.into());
            self.outcome = Err(Damage { offset, kind }.into());
            return;
        };
        self.report.loaded_keys += restored.set_keys;
        self.report.expired_keys += restored.expired_keys;
        self.report.evicted_keys += restored.evicted_keys;
        if !restored.has_room {
            let limit_bytes = self.engine.memory_limit_bytes();
            self.outcome = Err(PersistError::NoRoom(limit_bytes));
        }
    }

    /// Whether something was refused.
    pub fn is_over(&self) -> bool {
        self.outcome.is_err()
    }

    /// What was taken, from a file about which nothing is known.
    ///
    /// # Errors
    /// The first refusal: a database that is not there, or no room. What came before it is there.
    pub fn finish(mut self) -> Result<LoadReport, PersistError> {
        let outcome = std::mem::replace(&mut self.outcome, Ok(()));
        outcome.map(|()| std::mem::take(&mut self.report))
    }
}

impl Drop for Intake<'_> {
    /// Collections of which pieces are missing go.
    fn drop(&mut self) {
        self.engine.end_restore();
    }
}

/// Reads a snapshot into an engine, whose time must have been set. `progress` is told the bytes
/// read and the keys loaded, now and then.
///
/// # Errors
/// [`PersistError`]; the keys of intact blocks before the damage are then loaded.
pub fn load_from(
    engine: &mut CacheEngine,
    file: &mut dyn Read,
    progress: impl FnMut(u64, u64),
) -> Result<LoadReport, PersistError> {
    load_file(engine, file, 0, progress)
}

/// As [`load_from`], from a file that has `file_bytes` bytes; 0 if that is unknown.
///
/// # Errors
/// As those of [`load_from`].
pub fn load_file(
    engine: &mut CacheEngine,
    file: &mut dyn Read,
    file_bytes: u64,
    mut progress: impl FnMut(u64, u64),
) -> Result<LoadReport, PersistError> {
    let mut reading = Reading::new(file_bytes);
    let mut intake = Intake::new(engine);
    while !intake.is_over() {
        let offset = reading.read_bytes;
        let show = |content: Content<'_>| intake.take(content, offset);
        if !reading.step(file, show)? {
            break;
        }
        progress(reading.read_bytes, intake.report.loaded_keys);
    }
    let mut report = intake.finish()?;
    report.summary = reading.loader.finish()?;
    Ok(report)
}

/// Reads a snapshot without keeping what is in it. `file_bytes` is its length; 0 if that is
/// unknown. Memory: one block.
///
/// # Errors
/// The reason why it can't be read, or what is wrong with it.
pub fn read_summary(file: &mut dyn Read, file_bytes: u64) -> Result<Summary, PersistError> {
    let mut reading = Reading::new(file_bytes);
    while reading.step(file, |_| {})? {}
    Ok(reading.loader.finish()?)
}

/// The way of a file's bytes into a loader.
struct Reading {
    loader: Loader,
    buffer: Vec<u8>,
    read_bytes: u64,
}

impl Reading {
    fn new(file_bytes: u64) -> Self {
        Self {
            loader: Loader::of_file(file_bytes),
            buffer: vec![0; READ_BYTES],
            read_bytes: 0,
        }
    }

    /// Reads the next piece; false if the file has ended.
    fn step(
        &mut self,
        file: &mut dyn Read,
        show: impl FnMut(Content<'_>),
    ) -> Result<bool, PersistError> {
        let count = match file.read(&mut self.buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(true),
            Err(error) => return Err(error.into()),
        };
        self.read_bytes += count as u64;
        self.loader.feed(&self.buffer[..count], show)?;
        Ok(count > 0)
    }
}

impl CacheEngine {
    /// Saves the cache to a file, as it is now; the file is durable when this returns.
    ///
    /// ```
    /// use evenkeel::{CacheEngine, Config, Expire};
    ///
    /// # let directory = tempfile::tempdir()?;
    /// let path = directory.path().join("cache.evk");
    /// let mut cache = CacheEngine::new(Config::default());
    /// cache.set(b"page", b"<html>", Expire::Never)?;
    /// cache.save(&path)?;
    ///
    /// let mut again = CacheEngine::new(Config::default());
    /// assert_eq!(again.load(&path)?.loaded_keys, 1);
    /// assert_eq!(again.get(b"page"), Some(b"<html>".to_vec()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// What the disk says; the file then is as it was, or whole and new, see [`Storage::commit`].
    pub fn save(&mut self, path: impl AsRef<Path>) -> Result<(), PersistError> {
        self.save_to(&mut FileStorage::new(path.as_ref()))
    }

    /// As [`CacheEngine::save`] to any storage.
    ///
    /// # Errors
    /// As those of [`CacheEngine::save`].
    pub fn save_to(&mut self, storage: &mut dyn Storage) -> Result<(), PersistError> {
        storage.begin()?;
        let now_ms = self.now().unix_ms();
        let libraries = self.library_codes();
        let mut writer = SnapshotWriter::begin(self.keyspace_mut(), libraries, now_ms);
        let mut outcome = Ok(());
        loop {
            let has_more = writer.step(self.keyspace_mut());
            while let Some(buffer) = writer.take_buffer().filter(|_| outcome.is_ok()) {
                outcome = storage.append(&buffer);
            }
            if outcome.is_err() {
                // The walk goes on to its end, so that the next snapshot finds all in order.
                self.keyspace_mut().discard_cut();
            }
            if !has_more {
                break;
            }
        }
        let outcome = outcome.and_then(|()| storage.commit());
        if outcome.is_err() {
            storage.abort();
        }
        outcome.map_err(PersistError::Disk)
    }

    /// Loads a file that [`CacheEngine::save`] or a server wrote, over what is in the cache:
    /// libraries of functions, too, of which those of the same name are replaced. Keys
    /// whose deadline has come are left out. Where the file holds more than the memory limit
    /// allows, keys are evicted while it is loaded.
    ///
    /// # Errors
    /// The reason why the file can't be read (one that is not there included), what is wrong with
    /// it, or that the policy lets no key go; the keys of intact blocks before that are then
    /// loaded.
    pub fn load(&mut self, path: impl AsRef<Path>) -> Result<LoadReport, PersistError> {
        let storage = FileStorage::new(path.as_ref());
        let missing = || PersistError::Disk(io::ErrorKind::NotFound.into());
        let mut file = storage.open_file()?.ok_or_else(missing)?;
        let file_bytes = file.metadata()?.len();
        load_file(self, &mut file, file_bytes, |_, _| {})
    }
}
