//! Loading the snapshot at the start.

use super::manager::Manager;
use crate::base::clock::SystemClock;
use crate::config::{Config, LoadDamaged};
use crate::node::Node;
use crate::persistence::{
    Damage, DamageKind, FileStorage, LoadReport, PersistError, Storage, load_from, salvage,
};
use std::fmt;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// How often progress is told.
const PROGRESS_US: u64 = 2_000_000;

/// Why the server can't start with the snapshot there is.
#[derive(Debug)]
pub struct LoadError {
    path: PathBuf,
    reason: PersistError,
}

impl fmt::Display for LoadError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.reason {
            PersistError::Disk(error) => write!(formatter, "cannot read {path}: {error}"),
            PersistError::Damaged(Damage {
                kind: DamageKind::TooNew(_),
                ..
            }) => {
                write!(formatter, "cannot load {path}: {}", self.reason)
            }
            PersistError::Damaged(damage) => write!(
                formatter,
                "cannot load {path}: {damage}; `evenkeel check {path}` says more, \
                 `evenkeel salvage {path} OUT` saves what is intact, \
                 `--load-damaged salvage` starts with it"
            ),
        }
    }
}

impl std::error::Error for LoadError {}

/// The path of the snapshot.
pub(super) fn snapshot_path(config: &Config) -> PathBuf {
    config.path_in_dir(&config.dbfilename)
}

/// Removes what crashed servers left behind and loads the snapshot, if there is one.
pub(super) fn load(
    node: &mut Node,
    storage: &mut FileStorage,
    clock: &SystemClock,
    manager: &Manager,
) -> Result<(), LoadError> {
    let path = storage.path().to_path_buf();
    let at = |reason: PersistError| LoadError {
        path: path.clone(),
        reason,
    };
    match storage.tidy() {
        Ok(0) => {}
        Ok(count) => log::info!("removed {count} unfinished snapshots"),
        // Saving will say so again, and louder; a cache starts without a disk, too.
        Err(error) => log::warn!("cannot look for unfinished snapshots: {error}"),
    }
    manager.is_starting(&format!("Loading {}", path.display()));
    let Some(mut file) = storage.open().map_err(|error| at(error.into()))? else {
        log::info!("no snapshot at {}: starting empty", path.display());
        return Ok(());
    };
    let begun_us = clock.monotonic_us();
    let total_bytes = file_bytes(&path);
    node.engine_mut().advance_to(clock.now());
    let mut logged_us = begun_us;
    let outcome = load_from(node.engine_mut(), &mut *file, |bytes, keys| {
        let now_us = clock.monotonic_us();
        if now_us - logged_us >= PROGRESS_US {
            logged_us = now_us;
            let per_second = keys * 1_000_000 / (now_us - begun_us);
            let percent = (bytes * 100).checked_div(total_bytes).unwrap_or(0);
            log::info!("loading: {keys} keys, {bytes} bytes, {percent} %, {per_second} keys/s");
            manager.is_starting(&format!("Loading: {keys} keys, {percent} %"));
        }
    });
    drop(file);
    let report = match outcome {
        Ok(report) => report,
        Err(reason) => load_what_is_intact(node, storage, reason).map_err(at)?,
    };
    let gauges = &mut node.stats_mut().gauges;
    gauges.loaded_keys = report.loaded_keys;
    gauges.loaded_expired_keys = report.expired_keys;
    log::info!(
        "loaded {} keys from {} in {} ms ({} had expired)",
        report.loaded_keys,
        path.display(),
        (clock.monotonic_us() - begun_us) / 1_000,
        report.expired_keys
    );
    Ok(())
}

/// The length of a file; 0 if it is unknown.
fn file_bytes(path: &Path) -> u64 {
    let status = nix::sys::stat::stat(path);
    status.map_or(0, |status| u64::try_from(status.st_size).unwrap_or(0))
}

/// Starts with the intact blocks of a damaged snapshot, if that is configured, and puts a snapshot
/// of them in its place: the next start must not find less.
fn load_what_is_intact(
    node: &mut Node,
    storage: &mut FileStorage,
    reason: PersistError,
) -> Result<LoadReport, PersistError> {
    let PersistError::Damaged(damage) = &reason else {
        return Err(reason);
    };
    let is_allowed = node.engine().config().load_damaged == LoadDamaged::Salvage;
    if !is_allowed || matches!(damage.kind, DamageKind::TooNew(_)) {
        return Err(reason);
    }
    log::warn!("the snapshot is damaged: {damage}; loading what is intact");
    let mut bytes = Vec::new();
    let missing = || PersistError::Disk(io::ErrorKind::NotFound.into());
    storage
        .open()?
        .ok_or_else(missing)?
        .read_to_end(&mut bytes)?;
    let found = salvage(&bytes);
    drop(bytes);
    node.engine_mut().clear_all();
    let report = load_from(node.engine_mut(), &mut &found.snapshot[..], |_, _| {})?;
    let lost_keys = found
        .expected_keys
        .map_or(0, |keys| keys.saturating_sub(found.keys()));
    node.stats_mut().gauges.lost_keys = lost_keys;
    storage.begin()?;
    storage.append(&found.snapshot)?;
    let aside = storage.set_aside()?;
    storage.commit()?;
    log::warn!(
        "{} keys are intact, {} bytes are lost ({lost_keys} keys by the file's own count); \
         the damaged file is kept as {}",
        found.keys(),
        found.lost_bytes,
        aside.display()
    );
    Ok(report)
}
