//! Saving and loading in one go, for programs that embed the cache and for the start of a server.

use super::file_storage::FileStorage;
use super::format::{Damage, DamageKind};
use super::loader::{Loader, Summary};
use super::storage::Storage;
use super::writer::SnapshotWriter;
use crate::engine::CacheEngine;
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
}

impl fmt::Display for PersistError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(error) => error.fmt(formatter),
            Self::Damaged(damage) => damage.fmt(formatter),
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
    /// Keys that are there now.
    pub loaded_keys: u64,
    /// Keys whose deadline had come.
    pub expired_keys: u64,
    /// The file.
    pub summary: Summary,
}

/// Reads a snapshot into an engine, whose time must have been set. `progress` is told the bytes
/// read and the keys loaded, now and then.
///
/// # Errors
/// [`PersistError`]; the keys of intact blocks before the damage are then loaded.
pub fn load_from(
    engine: &mut CacheEngine,
    file: &mut dyn Read,
    mut progress: impl FnMut(u64, u64),
) -> Result<LoadReport, PersistError> {
    let mut loader = Loader::new();
    let mut buffer = vec![0; READ_BYTES];
    let mut report = LoadReport::default();
    let mut read_bytes = 0;
    let mut missing_database = None;
    loop {
        let count = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        read_bytes += count as u64;
        loader.feed(&buffer[..count], |database, records| {
            match engine.restore(usize::from(database), records) {
                Some((loaded, expired)) => {
                    report.loaded_keys += loaded;
                    report.expired_keys += expired;
                }
                None => missing_database = Some(u32::from(database)),
            }
        })?;
        if let Some(number) = missing_database {
            let kind = DamageKind::NoSuchDatabase(number);
            return Err(Damage {
                offset: read_bytes,
                kind,
            }
            .into());
        }
        progress(read_bytes, report.loaded_keys);
    }
    report.summary = loader.finish()?;
    Ok(report)
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
        let mut writer = SnapshotWriter::begin(self.keyspace_mut(), now_ms);
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

    /// Loads a file that [`CacheEngine::save`] or a server wrote, over what is in the cache. Keys
    /// whose deadline has come are left out.
    ///
    /// # Errors
    /// What the disk says (a file that is not there included), or what is wrong with the file;
    /// the keys of intact blocks before the damage are then loaded.
    pub fn load(&mut self, path: impl AsRef<Path>) -> Result<LoadReport, PersistError> {
        let storage = FileStorage::new(path.as_ref());
        let missing = || PersistError::Disk(io::ErrorKind::NotFound.into());
        let mut file = storage.open()?.ok_or_else(missing)?;
        load_from(self, &mut *file, |_, _| {})
    }
}
