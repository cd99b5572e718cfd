//! `evenkeel check FILE`: says what a snapshot holds, or what is wrong with it.
//!
//! The file is read from its beginning to its end, so it may be a pipe; what a damaged one still
//! holds is looked for in regular files only. Memory: one block of the file.
//!
//! Not here: how damage is noticed (`persistence/loader.rs`).

use super::{cannot_read, open, print};
use evenkeel::binary::{DatabaseCount, PersistError, Summary, read_summary, salvage};
use std::path::Path;

/// Checks the snapshot at `path` and prints what it holds.
///
/// # Errors
/// One line that names the damage, or says why the file can't be read.
pub(crate) fn check(path: &Path) -> Result<(), String> {
    let mut file = open(path)?;
    let status = file.metadata().map_err(|error| cannot_read(path, error))?;
    let damage = match read_summary(&mut file, status.len()) {
        Ok(summary) => return print_summary(path, &summary),
        Err(PersistError::Disk(error)) => return Err(cannot_read(path, error)),
        Err(damage) => damage,
    };
    if status.is_file() {
        let found = salvage(&mut file, |_| Ok(()), |_| {});
        let found = found.map_err(|error| cannot_read(path, error))?;
        print_counts("intact in", &found.databases)?;
        print_libraries("intact ", found.libraries)?;
    }
    Err(format!("{}: {damage}", path.display()))
}

fn print_summary(path: &Path, summary: &Summary) -> Result<(), String> {
    print(&format!(
        "{}: intact\nversion {}, written by {}, begun at Unix time {} ms\n\
         {} blocks, {} bytes\n",
        path.display(),
        summary.version,
        summary.written_by,
        summary.begun_ms,
        summary.block_count,
        summary.file_bytes
    ))?;
    print_counts("in", &summary.databases)?;
    print_libraries("", summary.libraries)
}

/// Nothing if there are none.
fn print_libraries(how: &str, count: u64) -> Result<(), String> {
    match count {
        0 => Ok(()),
        _ => print(&format!("{count} {how}libraries of functions\n")),
    }
}

fn print_counts(place: &str, counts: &[DatabaseCount]) -> Result<(), String> {
    counts.iter().try_for_each(|count| {
        print(&format!(
            "{} keys {place} database {}, {} with a deadline\n",
            count.keys, count.database, count.expires
        ))
    })
}
