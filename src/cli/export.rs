//! `evenkeel export FILE RDB`: makes a file that Redis and Valkey load of a snapshot.
//!
//! What was due when the snapshot was written is left out. RDB is written beside its name and then
//! put in its place, whole. Memory: all keys.
//!
//! Not here: what the bytes mean (`rdb/`).

use super::import::time_of;
use super::{cannot_read, open, print};
use evenkeel::binary::{DATABASES_MAX, FileStorage, PersistError, load_file};
use evenkeel::{CacheEngine, Config};
use std::path::Path;

/// Reads the snapshot at `path` and writes its keys to `out`.
///
/// # Errors
/// One line that says what is wrong with the snapshot, or why RDB can't be written.
pub(crate) fn export(path: &Path, out: &Path) -> Result<(), String> {
    let mut file = open(path)?;
    let total_bytes = file.metadata().map_or(0, |status| status.len());
    let config = Config {
        databases: DATABASES_MAX,
        ..Config::default()
    };
    let mut engine = CacheEngine::new(config);
    engine.tick(time_of(&file, path)?);
    let report = match load_file(&mut engine, &mut file, total_bytes, |_, _| {}) {
        Ok(report) => report,
        Err(PersistError::Disk(error)) => return Err(cannot_read(path, error)),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    let exported = engine.export_to(&mut FileStorage::new(out));
    exported.map_err(|error| format!("cannot write {}: {error}", out.display()))?;
    print(&format!(
        "{}: {} keys ({} had expired)\n",
        out.display(),
        report.loaded_keys,
        report.expired_keys
    ))
}
