//! `evenkeel salvage FILE OUT`: writes the intact blocks of a damaged snapshot to a new one.
//!
//! OUT is written beside its name and then put in its place, whole. FILE stays as it is: OUT may
//! not be another name of it.
//!
//! Not here: how blocks are found (`persistence/salvage.rs`).

use super::{cannot_read, open, print, text};
use evenkeel::binary::{self, FileStorage, Salvage, Storage};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Writes what is intact in the snapshot at `path` to `out`, and prints how much that is.
///
/// # Errors
/// One line that says why FILE can't be read or OUT can't be written.
pub(crate) fn salvage(path: &Path, out: &Path) -> Result<(), String> {
    let mut file = open(path)?;
    if is_same(&file, out) {
        return Err(format!(
            "{} and {} are one file; OUT needs another name",
            path.display(),
            out.display()
        ));
    }
    let mut storage = FileStorage::new(out);
    let cannot_write = |error| format!("cannot write {}: {error}", out.display());
    let mut written = storage.begin();
    let write = |bytes: &[u8]| {
        if written.is_ok() {
            written = storage.append(bytes);
        }
        Ok(())
    };
    let found = binary::salvage(&mut file, write, |_| {});
    let found = found.map_err(|error| cannot_read(path, error))?;
    let written = written.and_then(|()| storage.commit());
    written.map_err(cannot_write)?;
    print_report(out, &found)
}

/// Whether `out` is a name of the open file.
fn is_same(file: &File, out: &Path) -> bool {
    let (Ok(file), Ok(out)) = (file.metadata(), fs::metadata(out)) else {
        return false;
    };
    (file.dev(), file.ino()) == (out.dev(), out.ino())
}

fn print_report(out: &Path, found: &Salvage) -> Result<(), String> {
    let damage = found.damage.as_ref().map_or("none".to_string(), text);
    let expected = found.expected_keys.map_or("unknown".to_string(), text);
    print(&format!(
        "{}: {} keys are intact (of {expected} by the file's own count), {} libraries of functions, \
         {} bytes are lost\n\
         first damage: {damage}\n",
        out.display(),
        found.keys(),
        found.libraries,
        found.lost_bytes
    ))
}
