//! Snapshots and configurations as files that are written.
//!
//! ```text
//!  begin   create  dump.evk.tmp-PID
//!  append  write, and fdatasync now and then
//!  prepare the old dump.evk leaves the page cache, piece by piece
//!  commit  fsync the file ─▶ rename over dump.evk ─▶ fsync the directory
//! ```
//!
//! The order matters: renamed before it is durable, a crash could leave an empty file in the place
//! of the good one; without the last step, a crash could bring the old one back after success was
//! reported.

use super::file_system::open_regular;
use super::storage::Storage;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What follows a snapshot's name in the name of an unfinished one, before the process number.
const UNFINISHED: &str = ".tmp-";

/// Bytes after which what is written is made durable, so that the last step has little left: a
/// kernel that flushes a whole snapshot at once keeps its core, and whoever shares it, for long.
const SYNC_BYTES: usize = 2 << 20;

/// Bytes of the replaced snapshot that leave the system's page cache in one step before the
/// rename: when its name is gone, the kernel frees all of them at once, some ten milliseconds for
/// a hundred mebibytes.
const RELEASE_BYTES: u64 = 2 << 20;

/// The snapshot that is about to be replaced, and how far it has left the page cache.
struct Replaced {
    file: File,
    len: u64,
    released_bytes: u64,
}

/// A snapshot in a directory.
pub struct FileStorage {
    path: PathBuf,
    unfinished_path: PathBuf,
    unfinished: Option<File>,
    unsynced_bytes: usize,
    replaced: Option<Replaced>,
    /// Keeps the permissions of the old file, and is never waited for.
    is_config: bool,
}

impl FileStorage {
    /// The snapshot at `path`, whether it exists or not.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(format!("{UNFINISHED}{}", std::process::id()));
        Self {
            unfinished_path: path.with_file_name(name),
            path,
            unfinished: None,
            unsynced_bytes: 0,
            replaced: None,
            is_config: false,
        }
    }

    /// The configuration file at `path`. A new one is written where links lead to and gets the
    /// permissions of the old one, which may hold a password.
    pub fn of_config(path: &[u8]) -> Self {
        let path = Path::new(OsStr::from_bytes(path));
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        let mut storage = Self::new(path);
        storage.is_config = true;
        storage
    }

    /// Where the snapshot is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn directory(&self) -> &Path {
        match self.path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        }
    }

    /// Moves the snapshot aside under its name with `.damaged` behind it; returns where it is.
    ///
    /// # Errors
    /// What the disk says.
    pub fn set_aside(&self) -> io::Result<PathBuf> {
        let mut name = self.path.file_name().unwrap_or_default().to_os_string();
        name.push(".damaged");
        let aside = self.path.with_file_name(name);
        fs::rename(&self.path, &aside)?;
        Ok(aside)
    }
}

impl Replaced {
    #[cfg(target_os = "linux")]
    fn release_some(&self) {
        use rustix::fs::{Advice, fadvise};
        let step = std::num::NonZeroU64::new(RELEASE_BYTES);
        // A hint: if the system does not take it, the rename takes longer, that is all.
        _ = fadvise(&self.file, self.released_bytes, step, Advice::DontNeed);
    }

    #[cfg(not(target_os = "linux"))]
    fn release_some(&self) {
        let _ = &self.file;
    }
}

impl Drop for FileStorage {
    fn drop(&mut self) {
        if self.unfinished.is_some() {
            self.abort();
        }
    }
}

fn not_begun() -> io::Error {
    io::Error::other("no snapshot was begun")
}

impl Storage for FileStorage {
    fn begin(&mut self) -> io::Result<()> {
        self.unfinished = None;
        self.unsynced_bytes = 0;
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&self.unfinished_path)?;
        if self.is_config
            && let Ok(old) = fs::metadata(&self.path)
        {
            file.set_permissions(old.permissions())?;
        }
        self.unfinished = Some(file);
        self.replaced = File::open(&self.path).ok().and_then(|file| {
            let len = file.metadata().ok()?.len();
            Some(Replaced {
                file,
                len,
                released_bytes: 0,
            })
        });
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self.unfinished.take().ok_or_else(not_begun)?;
        file.write_all(bytes)?;
        self.unsynced_bytes += bytes.len();
        if self.unsynced_bytes >= SYNC_BYTES {
            self.unsynced_bytes = 0;
            file.sync_data()?;
        }
        // Only a file without a hole may be appended to and committed.
        self.unfinished = Some(file);
        Ok(())
    }

    fn prepare_commit(&mut self) -> bool {
        let Some(replaced) = &mut self.replaced else {
            return false;
        };
        replaced.release_some();
        replaced.released_bytes += RELEASE_BYTES;
        if replaced.released_bytes >= replaced.len {
            self.replaced = None;
        }
        self.replaced.is_some()
    }

    fn commit(&mut self) -> io::Result<()> {
        let file = self.unfinished.take().ok_or_else(not_begun)?;
        file.sync_all()?;
        fs::rename(&self.unfinished_path, &self.path)?;
        File::open(self.directory())?.sync_all()
    }

    fn abort(&mut self) {
        self.unfinished = None;
        // If it can't be removed now, `tidy` does it at the next start.
        _ = fs::remove_file(&self.unfinished_path);
    }

    fn open(&self) -> io::Result<Option<Box<dyn Read + '_>>> {
        let opened = if self.is_config {
            open_regular(&self.path)
        } else {
            File::open(&self.path)
        };
        match opened {
            Ok(file) => Ok(Some(Box::new(file))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn tidy(&mut self) -> io::Result<usize> {
        let mut prefix = self.path.file_name().unwrap_or_default().to_os_string();
        prefix.push(UNFINISHED);
        let prefix = prefix.to_string_lossy().into_owned();
        let mut count = 0;
        for entry in fs::read_dir(self.directory())? {
            let entry = entry?;
            let name = entry.file_name();
            let process = name
                .to_string_lossy()
                .strip_prefix(&prefix)
                .map(str::to_string);
            let is_ours = process.is_some_and(|process| {
                !process.is_empty() && process.bytes().all(|byte| byte.is_ascii_digit())
            });
            if is_ours {
                fs::remove_file(entry.path())?;
                count += 1;
            }
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(storage: &FileStorage) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut file = storage.open().expect("the directory is there")?;
        file.read_to_end(&mut bytes)
            .expect("a file that was just written");
        Some(bytes)
    }

    #[test]
    fn the_old_snapshot_stays_until_the_new_one_is_committed() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut storage = FileStorage::new(directory.path().join("dump.evk"));
        assert_eq!(content(&storage), None);
        storage.begin().unwrap();
        storage.append(b"first").unwrap();
        assert_eq!(content(&storage), None);
        storage.commit().unwrap();
        assert_eq!(content(&storage), Some(b"first".to_vec()));
        storage.begin().unwrap();
        storage.append(b"sec").unwrap();
        assert_eq!(content(&storage), Some(b"first".to_vec()));
        storage.abort();
        assert_eq!(content(&storage), Some(b"first".to_vec()));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_not_committed_goes_with_its_storage() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut storage = FileStorage::new(directory.path().join("dump.evk"));
        storage.begin().unwrap();
        storage.append(b"first").unwrap();
        drop(storage);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    /// Defect: after an append had failed, further ones and the commit worked. Effect: a file with
    /// a hole took the place of the good one. Fix: nothing works until the next beginning.
    #[test]
    fn after_a_failed_append_nothing_can_be_committed() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut storage = FileStorage::new(directory.path().join("dump.evk"));
        storage.begin().unwrap();
        storage.append(b"first").unwrap();
        storage.commit().unwrap();
        storage.begin().unwrap();
        // A file that can only be read refuses as a full disk would.
        storage.unfinished = Some(File::open(&storage.unfinished_path).unwrap());
        assert!(storage.append(b"sec").is_err());
        assert!(storage.append(b"ond").is_err());
        assert!(storage.commit().is_err());
        assert_eq!(content(&storage), Some(b"first".to_vec()));
        storage.begin().unwrap();
        storage.append(b"third").unwrap();
        storage.commit().unwrap();
        assert_eq!(content(&storage), Some(b"third".to_vec()));
    }

    #[test]
    fn only_unfinished_snapshots_of_this_name_are_tidied_away() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let kept = [
            "dump.evk",
            "dump.evk.tmp-",
            "dump.evk.tmp-12x",
            "other.evk.tmp-12",
            "dump.evk.damaged",
        ];
        for name in kept
            .iter()
            .chain(&["dump.evk.tmp-12", "dump.evk.tmp-99999"])
        {
            fs::write(directory.path().join(name), b"x").unwrap();
        }
        let mut storage = FileStorage::new(directory.path().join("dump.evk"));
        assert_eq!(storage.tidy().unwrap(), 2);
        for name in kept {
            assert!(directory.path().join(name).exists(), "{name}");
        }
    }

    #[test]
    fn a_configuration_keeps_its_permissions_and_its_links() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().expect("a temporary directory");
        let (file, link) = (directory.path().join("a"), directory.path().join("link"));
        fs::write(&file, b"old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let mut storage = FileStorage::of_config(link.as_os_str().as_bytes());
        storage.begin().unwrap();
        storage.append(b"new").unwrap();
        storage.commit().unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }
    #[test]
    fn a_directory_that_is_not_there_is_an_error_and_not_a_panic() {
        let mut storage = FileStorage::new("/nonexistent-directory/dump.evk");
        assert!(storage.begin().is_err());
        assert!(storage.append(b"x").is_err());
        assert!(storage.commit().is_err());
        assert!(storage.tidy().is_err());
        assert!(storage.open().unwrap().is_none());
    }
}
