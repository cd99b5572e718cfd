//! Whether the place for snapshots is one: a start with a wrong `dir` or `dbfilename` must not show
//! only when the first snapshot fails.
//!
//! Not here: relative paths of other files, reading the snapshot (`loading.rs`).

use crate::config::Config;
use rustix::fs::{Access, FileType, access, stat};
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// Why snapshots can't be where the configuration says.
#[derive(Debug)]
pub enum DirectoryError {
    /// `dir` is no directory.
    Missing(PathBuf, io::Error),
    /// There are save points, and no file can be made in `dir`.
    ReadOnly(PathBuf, io::Error),
    /// `dbfilename` is a path.
    FileName,
}

impl fmt::Display for DirectoryError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(path, error) => {
                write!(formatter, "can't chdir to '{}': {error}", path.display())
            }
            Self::ReadOnly(path, error) => write!(
                formatter,
                "can't write snapshots to the directory '{}': {error}; `--dir` names another, \
                 `--save ''` takes no snapshots",
                path.display()
            ),
            Self::FileName => formatter.write_str("dbfilename can't be a path, just a filename"),
        }
    }
}

impl std::error::Error for DirectoryError {}

fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes.to_vec()))
}

/// The path of the snapshot.
pub(super) fn snapshot_path(config: &Config) -> PathBuf {
    config.path_in_dir(&config.dbfilename)
}

/// Whether snapshots can be where the configuration says. A directory that can't be written to is
/// fine for a server that takes none by itself.
///
/// # Errors
/// [`DirectoryError`] says what is wrong.
pub(super) fn check(config: &Config) -> Result<(), DirectoryError> {
    let name = &config.dbfilename[..];
    if name.contains(&b'/') || matches!(name, b"" | b"." | b"..") {
        return Err(DirectoryError::FileName);
    }
    let path = path_of(&config.dir);
    if let Err(error) = find_directory(&path) {
        return Err(DirectoryError::Missing(path, error));
    }
    match access(&path, Access::WRITE_OK | Access::EXEC_OK) {
        Err(errno) if !config.save.is_empty() => Err(DirectoryError::ReadOnly(path, errno.into())),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn find_directory(path: &Path) -> io::Result<()> {
    let status = stat(path)?;
    match FileType::from_raw_mode(status.st_mode) {
        FileType::Directory => Ok(()),
        _ => Err(io::ErrorKind::NotADirectory.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    fn check_of(dir: &Path, name: &str, has_save_points: bool) -> Result<(), String> {
        let mut config = Config {
            dir: dir.as_os_str().as_bytes().to_vec(),
            dbfilename: name.as_bytes().to_vec(),
            ..Config::default()
        };
        if !has_save_points {
            config.save.clear();
        }
        check(&config).map_err(|error| error.to_string())
    }

    #[test]
    fn a_directory_that_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(check_of(folder.path(), "dump.evk", true), Ok(()));
        let missing = folder.path().join("none");
        let expected = format!(
            "can't chdir to '{}': No such file or directory (os error 2)",
            missing.display()
        );
        for save in [false, true] {
            let found = check_of(&missing, "dump.evk", save);
            assert_eq!(found, Err(expected.clone()));
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = check_of(file.path(), "dump.evk", false).unwrap_err();
        assert!(error.starts_with(&format!("can't chdir to '{}': ", file.path().display())));
    }

    #[test]
    fn a_directory_that_cannot_be_written_to_matters_if_there_are_save_points() {
        if rustix::process::geteuid().is_root() {
            println!("the superuser can write to every directory: nothing to test");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        rustix::fs::chmod(folder.path(), rustix::fs::Mode::from_raw_mode(0o555)).unwrap();
        assert_eq!(check_of(folder.path(), "dump.evk", false), Ok(()));
        let error = check_of(folder.path(), "dump.evk", true).unwrap_err();
        let begin = format!(
            "can't write snapshots to the directory '{}': ",
            folder.path().display()
        );
        assert!(error.starts_with(&begin), "{error}");
    }

    #[test]
    fn the_name_of_the_snapshot_is_no_path() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a/b", "/a", "a/", "..", ".", ""] {
            let error = check_of(folder.path(), name, false).unwrap_err();
            assert_eq!(
                error, "dbfilename can't be a path, just a filename",
                "{name}"
            );
        }
    }
}
