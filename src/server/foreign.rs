//! A file of Redis or Valkey that is loaded at the start where there is no snapshot.
//!
//! ```text
//!  dump.evk, a file of Redis by what it begins with   it gets a second name, and is loaded
//!  no dump.evk, but dump.rdb beside it                is loaded, and stays as it is
//! ```
//!
//! The file is never changed: the next snapshot is one of our own format, under its own name.
//!
//! Not here: what the bytes mean (`rdb/`), snapshots (`loading.rs`).

use super::manager::Manager;
use crate::base::clock::SystemClock;
use crate::node::Node;
use crate::persistence::{FileStorage, ForeignFile, PersistError, load_rdb};
use std::path::PathBuf;

/// How often progress is told.
pub(super) const PROGRESS_US: u64 = 2_000_000;

/// Loads it.
///
/// # Errors
/// Which file can't be loaded, and why.
pub(super) fn load(
    node: &mut Node,
    storage: &FileStorage,
    foreign: ForeignFile,
    clock: &SystemClock,
    manager: &Manager,
) -> Result<(), (PathBuf, PersistError)> {
    let ForeignFile {
        path,
        mut file,
        is_in_place,
    } = foreign;
    manager.is_starting(&format!("Loading {}", path.display()));
    let begun_us = clock.monotonic_us();
    let total_bytes = file.metadata().map_or(0, |status| status.len());
    node.engine_mut().advance_to(clock.now());
    let mut logged_us = begun_us;
    let outcome = load_rdb(node.engine_mut(), &mut file, false, |bytes, keys| {
        let now_us = clock.monotonic_us();
        if now_us - logged_us >= PROGRESS_US {
            logged_us = now_us;
            let percent = (bytes * 100).checked_div(total_bytes).unwrap_or(0);
            log::info!("loading: {keys} keys, {bytes} bytes, {percent} %");
            manager.is_starting(&format!("Loading: {keys} keys, {percent} %"));
        }
    });
    let report = match outcome {
        Ok(report) => report,
        Err(reason) => return Err((path, reason)),
    };
    let kept = match is_in_place.then(|| storage.keep_foreign()) {
        None => String::new(),
        Some(Ok(aside)) => format!(", which is kept as {}", aside.display()),
        Some(Err(error)) => format!(", which the next snapshot replaces ({error})"),
    };
    let gauges = &mut node.stats_mut().gauges;
    gauges.loaded_keys = report.loaded_keys;
    gauges.loaded_expired_keys = report.expired_keys;
    log::info!(
        "loaded {} keys from {}, a file of Redis or Valkey (version {}){kept}, in {} ms ({} had \
         expired, {} were empty, {} evicted); snapshots go to {}",
        report.loaded_keys,
        path.display(),
        report.version,
        (clock.monotonic_us() - begun_us) / 1_000,
        report.expired_keys,
        report.empty_keys,
        report.evicted_keys,
        storage.path().display()
    );
    Ok(())
}
