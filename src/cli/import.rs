//! `evenkeel import RDB OUT [--skip-unknown]`: makes a snapshot of a file of Redis or Valkey.
//!
//! The time is that of the file: what was due when it was written is left out, and everything else
//! keeps its deadline. OUT is written beside its name while the file is read, and then put in its
//! place, whole.
//!
//! Not here: how (`persistence/rdb_conversion.rs`), what the bytes mean (`rdb/`).

use super::{cannot_read, open, print};
use evenkeel::Timestamp;
use evenkeel::binary::{FileStorage, PersistError, RdbReport, convert_rdb};
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Bytes of the file after which progress is told again.
const PROGRESS_BYTES: u64 = 256 << 20;

/// Reads the file at `path` and writes a snapshot of its keys to `out`; prints what there was.
///
/// # Errors
/// One line that says what is wrong with the file and where, or why OUT can't be written.
pub(crate) fn import(path: &Path, out: &Path, skips_unknown: bool) -> Result<(), String> {
    let mut file = open(path)?;
    let now = time_of(&file, path)?;
    let total_bytes = file.metadata().map_or(0, |status| status.len());
    let mut told_bytes = 0;
    let mut storage = FileStorage::new(out);
    let report = convert_rdb(
        &mut file,
        &mut storage,
        now,
        skips_unknown,
        |bytes, keys| {
            if bytes >= told_bytes + PROGRESS_BYTES {
                told_bytes = bytes;
                let percent = (bytes * 100).checked_div(total_bytes).unwrap_or(0);
                eprintln!("{keys} keys, {bytes} bytes, {percent} %");
            }
        },
    );
    let report = report.map_err(|error| match error {
        PersistError::Disk(error) => format!(
            "cannot write {} from {}: {error}",
            out.display(),
            path.display()
        ),
        error => refusal(path, error),
    })?;
    print(&told(out, &report))
}

/// When a file was written.
pub(super) fn time_of(file: &File, path: &Path) -> Result<Timestamp, String> {
    let status = file.metadata().map_err(|error| cannot_read(path, error))?;
    let seconds = u64::try_from(status.mtime()).unwrap_or(0);
    Ok(Timestamp::from_unix_ms(seconds * 1000))
}

fn refusal(path: &Path, error: PersistError) -> String {
    let hint = match error.to_string().contains("the value of a module") {
        true => "; `--skip-unknown` leaves such keys out",
        false => "",
    };
    format!("{}: {error}{hint}", path.display())
}

fn told(out: &Path, report: &RdbReport) -> String {
    let mut told = format!(
        "{}: {} keys of a file of version {}, {} bytes\n",
        out.display(),
        report.loaded_keys,
        report.version,
        report.file_bytes
    );
    for (name, count) in report.kinds.iter().filter(|(_, count)| *count > 0) {
        told += &format!("{count} of type {name}\n");
    }
    if report.libraries > 0 {
        told += &format!("{} libraries of functions\n", report.libraries);
    }
    if report.kept_libraries > 0 {
        told += &format!(
            "{} libraries of functions can't be loaded here, and are kept as they are\n",
            report.kept_libraries
        );
    }
    for (count, what) in [
        (report.expired_keys, "keys had expired"),
        (report.empty_keys, "keys had no elements"),
        (report.module_keys, "keys had values of modules"),
        (
            report.module_data,
            "times a module kept something beside keys",
        ),
    ] {
        if count > 0 {
            told += &format!("left out: {count} {what}\n");
        }
    }
    told
}

/// What the arguments after `import` ask for: file, snapshot, whether to skip what is unknown.
pub(crate) fn arguments<'a>(words: &[&'a [u8]]) -> Option<(&'a [u8], &'a [u8], bool)> {
    let is_option = |word: &&&[u8]| word.starts_with(b"--");
    let (options, files): (Vec<&&[u8]>, Vec<&&[u8]>) = words.iter().partition(is_option);
    let skips_unknown = match options[..] {
        [] => false,
        [&b"--skip-unknown"] => true,
        _ => return None,
    };
    match files[..] {
        [path, out] => Some((path, out, skips_unknown)),
        _ => None,
    }
}
