//! Loading the snapshot at the start.
//!
//! ```text
//!  tidy up ─▶ dump.evk ─▶ whole and intact? ─▶ keys
//!                           └ damaged, and `load-damaged salvage` ─▶ intact blocks ─┬▶ keys
//!                                                                                   └▶ a new dump.evk
//! ```
//!
//! Whenever the process ends, `dump.evk` is one of the two: the damaged file gets a second name
//! before the new one takes its place. Memory: the keys, and one block of the file.
//!
//! Not here: what is wrong with a file (`persistence/`), the way to it (`directory.rs`).

use super::manager::Manager;
use crate::base::clock::SystemClock;
use crate::config::LoadDamaged;
use crate::node::Node;
use crate::persistence::{
    Damage, DamageKind, FileStorage, Intake, LoadReport, PersistError, Storage, load_file, salvage,
};
use std::fmt;
use std::io;
use std::path::PathBuf;

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
            PersistError::NoRoom(_) => write!(
                formatter,
                "cannot load {path}: {}; raise maxmemory, or start with another policy",
                self.reason
            ),
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
    storage.look_for_others();
    manager.is_starting(&format!("Loading {}", path.display()));
    let Some(mut file) = storage.open_file().map_err(|error| at(error.into()))? else {
        log_absence(storage);
        return Ok(());
    };
    let begun_us = clock.monotonic_us();
    let total_bytes = file.metadata().map_or(0, |status| status.len());
    node.engine_mut().advance_to(clock.now());
    let mut logged_us = begun_us;
    let outcome = load_file(node.engine_mut(), &mut file, total_bytes, |bytes, keys| {
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
        Err(reason) => load_what_is_intact(node, storage, clock, reason).map_err(at)?,
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
    if report.loaded_libraries > 0 {
        log::info!("loaded {} libraries of functions", report.loaded_libraries);
    }
    if report.evicted_keys > 0 {
        log::warn!(
            "{} of these keys were evicted at once, because maxmemory is {} bytes; the next \
             snapshot is without them",
            report.evicted_keys,
            node.engine().memory_limit_bytes()
        );
    }
    Ok(())
}

fn log_absence(storage: &FileStorage) {
    let path = storage.path().display();
    log::info!("no snapshot at {path}: starting empty");
    if let Some(aside) = storage.left_aside() {
        let aside = aside.display();
        log::warn!(
            "there is a damaged one that was set aside, {aside}: \
             `evenkeel salvage {aside} {path}` brings back what is intact"
        );
    }
}

/// Starts with the intact blocks of a damaged snapshot, if that is configured, and puts a snapshot
/// of them in its place: the next start must not find less.
fn load_what_is_intact(
    node: &mut Node,
    storage: &mut FileStorage,
    clock: &SystemClock,
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
    let missing = || PersistError::Disk(io::ErrorKind::NotFound.into());
    let mut file = storage.open_file()?.ok_or_else(missing)?;
    let engine = node.engine_mut();
    engine.clear_all();
    while engine.tick(clock.now()) {}
    let mut intake = Intake::new(engine);
    // The keys are worth more than the new file: they are loaded even if it can't be written.
    let mut written = storage.begin();
    let write = |bytes: &[u8]| {
        if written.is_ok() {
            written = storage.append(bytes);
        }
        Ok(())
    };
    let found = salvage(&mut file, write, |content| intake.take(content, 0));
    let outcome = found.map_err(PersistError::Disk);
    let (found, report) = match outcome.and_then(|found| Ok((found, intake.finish()?))) {
        Ok(both) => both,
        Err(reason) => {
            storage.abort();
            return Err(reason);
        }
    };
    let lost_keys = found
        .expected_keys
        .map_or(0, |keys| keys.saturating_sub(found.keys()));
    node.stats_mut().gauges.lost_keys = lost_keys;
    log::warn!(
        "{} keys are intact, {} bytes are lost ({lost_keys} keys by the file's own count); {}",
        found.keys(),
        found.lost_bytes,
        put_in_place(storage, written)
    );
    Ok(report)
}

/// Puts the salvaged snapshot in the place of the damaged one, if it could be written; says what
/// became of that one.
fn put_in_place(storage: &mut FileStorage, written: io::Result<()>) -> String {
    let aside = written.and_then(|()| storage.set_aside());
    let kept = aside.and_then(|aside| storage.commit().map(|()| aside));
    match kept {
        Ok(aside) => format!("the damaged file is kept as {}", aside.display()),
        Err(error) => {
            storage.abort();
            format!("the damaged file stays until a snapshot replaces it: {error}")
        }
    }
}
