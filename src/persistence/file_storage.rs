//! Snapshots and configurations as files that are written.
//!
//! ```text
//!  begin   create  dump.evk.tmp-0123456789abcdef, locked
//!  append  write, and fdatasync now and then
//!  prepare the old dump.evk leaves the page cache, piece by piece
//!  commit  fsync the file ─▶ rename over dump.evk ─▶ fsync the directory
//! ```
//!
//! The order matters: renamed before it is durable, a crash could leave an empty file in the place
//! of the good one; without the last step, a crash could bring the old one back after success was
//! reported.
//!
//! Not here: how a file beside another one is kept apart from those of other processes
//! (`unfinished.rs`), who else writes the same snapshot (`owner.rs`).

use super::owner::{self, Claim, Claimed};
use super::storage::Storage;
use super::unfinished::{
    UnfinishedFile, directory_of, open_regular, remove_abandoned, with_suffix,
};
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// What follows a snapshot's name in the name of a damaged one that was set aside.
const DAMAGED: &str = ".damaged";

/// What follows the name of a file of another server that a snapshot is to take the name of.
const FOREIGN: &str = ".redis";

/// Damaged snapshots that are kept beside one name.
const DAMAGED_MAX: u32 = 100;

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

/// The name that Redis gives its file unless it is told another.
const FOREIGN_NAME: &str = "dump.rdb";

/// What the files of Redis and Valkey begin with.
const FOREIGN_MAGICS: [&[u8]; 2] = [b"REDIS", b"VALKEY"];

/// A file of Redis or Valkey.
pub struct ForeignFile {
    /// Where it is.
    pub path: PathBuf,
    /// It, at its beginning.
    pub file: File,
    /// It has the name that the next snapshot gets.
    pub is_in_place: bool,
}

fn is_foreign(file: &File) -> bool {
    let mut begin = [0; 6];
    let is_read = file.read_exact_at(&mut begin, 0).is_ok();
    is_read && FOREIGN_MAGICS.iter().any(|magic| begin.starts_with(magic))
}

/// A snapshot in a directory.
pub struct FileStorage {
    path: PathBuf,
    unfinished: Option<UnfinishedFile>,
    unsynced_bytes: usize,
    replaced: Option<Replaced>,
    /// Keeps the permissions of the old file.
    keeps_mode: bool,
    /// Whether others shall know who writes here.
    makes_claim: bool,
    claim: Option<Claim>,
    /// Who was named last as another writer.
    other: String,
}

impl FileStorage {
    /// The snapshot at `path`, whether it exists or not.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            unfinished: None,
            unsynced_bytes: 0,
            replaced: None,
            keeps_mode: false,
            makes_claim: false,
            claim: None,
            other: String::new(),
        }
    }

    /// The snapshot at `path` for a server that writes it again and again: from its first
    /// snapshot on it holds `NAME.lock`, and a line of the log names another process that does.
    pub fn of_server(path: impl Into<PathBuf>) -> Self {
        let mut storage = Self::new(path);
        storage.makes_claim = true;
        storage
    }

    /// The configuration file at `path`. A new one is written where links lead to and gets the
    /// permissions of the old one, which may hold a password.
    pub fn of_config(path: &[u8]) -> Self {
        let path = Path::new(OsStr::from_bytes(path));
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        let mut storage = Self::new(path);
        storage.keeps_mode = true;
        storage
    }

    /// Where the snapshot is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the snapshot; `None` if there is none.
    ///
    /// # Errors
    /// The reason that the operating system gives, or that it is not a regular file.
    pub fn open_file(&self) -> io::Result<Option<File>> {
        match open_regular(&self.path, OpenOptions::new().read(true)) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives the snapshot a second name, its own with `.damaged` after it, under which it stays
    /// when another one takes its place; returns that. Where files can't have two names it loses
    /// its first one. Earlier ones stay: the new one is numbered.
    ///
    /// # Errors
    /// The reason that the operating system gives.
    pub fn set_aside(&self) -> io::Result<PathBuf> {
        self.give_second_name(DAMAGED)
    }

    /// As [`FileStorage::set_aside`] for a file of another server, with `.redis` after its name.
    ///
    /// # Errors
    /// The reason that the operating system gives.
    pub fn keep_foreign(&self) -> io::Result<PathBuf> {
        self.give_second_name(FOREIGN)
    }

    /// A file of Redis or Valkey that may be loaded: `opened`, which has the name of the snapshot,
    /// or, if there is no such file, `dump.rdb` beside it.
    pub fn find_foreign(&self, opened: Option<&File>) -> Option<ForeignFile> {
        if let Some(file) = opened {
            let file = file.try_clone().ok().filter(is_foreign)?;
            return Some(ForeignFile {
                path: self.path.clone(),
                file,
                is_in_place: true,
            });
        }
        let path = self.path.with_file_name(FOREIGN_NAME);
        let file = open_regular(&path, OpenOptions::new().read(true)).ok()?;
        is_foreign(&file).then_some(ForeignFile {
            path,
            file,
            is_in_place: false,
        })
    }

    fn give_second_name(&self, suffix: &str) -> io::Result<PathBuf> {
        let inode = fs::metadata(&self.path)?.ino();
        for number in 0..DAMAGED_MAX {
            let aside = match number {
                0 => with_suffix(&self.path, suffix),
                _ => with_suffix(&self.path, &format!("{suffix}-{number}")),
            };
            match fs::symlink_metadata(&aside) {
                // A start that was interrupted here has done it.
                Ok(found) if found.ino() == inode => return Ok(aside),
                Ok(_) => continue,
                Err(_) => {}
            }
            match fs::hard_link(&self.path, &aside) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                Err(_) => fs::rename(&self.path, &aside)?,
            }
            return Ok(aside);
        }
        let name = with_suffix(&self.path, suffix);
        Err(io::Error::other(format!(
            "there are {DAMAGED_MAX} files {}… already",
            name.display()
        )))
    }

    /// A snapshot that was set aside while there is none in its place.
    pub fn left_aside(&self) -> Option<PathBuf> {
        let aside = with_suffix(&self.path, DAMAGED);
        (!self.path.exists() && aside.exists()).then_some(aside)
    }

    /// Tells the log who else writes this snapshot, each only once in a row.
    pub fn look_for_others(&mut self) {
        if self.claim.is_none() {
            self.tell_of(owner::holder(&self.path));
        }
    }

    fn claim(&mut self) {
        match Claim::take(&self.path) {
            Claimed::Ours(claim) => self.claim = Some(claim),
            Claimed::Of(who) => self.tell_of(Some(who)),
            Claimed::Unknown => {}
        }
    }

    fn tell_of(&mut self, other: Option<String>) {
        let Some(other) = other.filter(|other| *other != self.other) else {
            return;
        };
        log::warn!(
            "{other} writes {} too; each snapshot is whole, and the last one stays",
            self.path.display()
        );
        self.other = other;
    }
}

impl Replaced {
    fn open(path: &Path) -> Option<Self> {
        let file = open_regular(path, OpenOptions::new().read(true)).ok()?;
        let len = file.metadata().ok()?.len();
        Some(Self {
            file,
            len,
            released_bytes: 0,
        })
    }

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

fn not_begun() -> io::Error {
    io::Error::other("no snapshot was begun")
}

impl Storage for FileStorage {
    fn begin(&mut self) -> io::Result<()> {
        self.unfinished = None;
        self.unsynced_bytes = 0;
        if self.makes_claim && self.claim.is_none() {
            self.claim();
        }
        let mut unfinished = UnfinishedFile::create(&self.path)?;
        if self.keeps_mode
            && let Ok(old) = fs::metadata(&self.path)
        {
            unfinished.file().set_permissions(old.permissions())?;
        }
        self.unfinished = Some(unfinished);
        self.replaced = Replaced::open(&self.path);
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut unfinished = self.unfinished.take().ok_or_else(not_begun)?;
        unfinished.file().write_all(bytes)?;
        self.unsynced_bytes += bytes.len();
        if self.unsynced_bytes >= SYNC_BYTES {
            self.unsynced_bytes = 0;
            unfinished.file().sync_data()?;
        }
        // Only a file without a hole may be appended to and committed.
        self.unfinished = Some(unfinished);
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
        let unfinished = self.unfinished.take().ok_or_else(not_begun)?;
        unfinished.replace(&self.path)?;
        File::open(directory_of(&self.path))?.sync_all()
    }

    fn abort(&mut self) {
        self.unfinished = None;
    }

    fn open(&self) -> io::Result<Option<Box<dyn Read + '_>>> {
        let file = self.open_file()?;
        Ok(file.map(|file| Box::new(file) as Box<dyn Read>))
    }

    fn tidy(&mut self) -> io::Result<usize> {
        let tidied = remove_abandoned(&self.path)?;
        if tidied.in_use_count > 0 {
            log::warn!(
                "another process is writing {} at this moment",
                self.path.display()
            );
        }
        Ok(tidied.removed_count)
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
        let unfinished = storage.unfinished.as_mut().unwrap();
        *unfinished.file() = File::open(&storage.path).unwrap();
        assert!(storage.append(b"sec").is_err());
        assert!(storage.append(b"ond").is_err());
        assert!(storage.commit().is_err());
        assert_eq!(content(&storage), Some(b"first".to_vec()));
        storage.begin().unwrap();
        storage.append(b"third").unwrap();
        storage.commit().unwrap();
        assert_eq!(content(&storage), Some(b"third".to_vec()));
    }

    /// Defect: a damaged snapshot was renamed, and what was intact took its place only later.
    /// Effect: a crash in between left no snapshot, and an earlier damaged one was lost. Fix: a
    /// second name, and a number where there is one already.
    #[test]
    fn a_snapshot_that_is_set_aside_stays_until_another_takes_its_place() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut storage = FileStorage::new(directory.path().join("dump.evk"));
        let save = |storage: &mut FileStorage, bytes: &[u8]| {
            storage.begin().unwrap();
            storage.append(bytes).unwrap();
            storage.commit().unwrap();
        };
        save(&mut storage, b"first");
        let aside = directory.path().join("dump.evk.damaged");
        assert_eq!(storage.set_aside().unwrap(), aside);
        assert_eq!(storage.set_aside().unwrap(), aside, "once is enough");
        assert_eq!(content(&storage), Some(b"first".to_vec()));
        save(&mut storage, b"second");
        assert_eq!(storage.left_aside(), None);
        let next = directory.path().join("dump.evk.damaged-1");
        assert_eq!(storage.set_aside().unwrap(), next);
        assert_eq!(fs::read(&aside).unwrap(), b"first");
        assert_eq!(fs::read(&next).unwrap(), b"second");
        fs::remove_file(directory.path().join("dump.evk")).unwrap();
        assert_eq!(storage.left_aside(), Some(aside));
    }

    #[test]
    fn a_server_shows_that_it_writes_here_and_takes_it_back() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("dump.evk");
        let mut storage = FileStorage::of_server(&path);
        assert_eq!(owner::holder(&path), None, "nothing was written yet");
        storage.begin().unwrap();
        assert!(owner::holder(&path).is_some());
        let mut other = FileStorage::of_server(&path);
        other.look_for_others();
        assert!(other.other.starts_with("process "), "{}", other.other);
        other.begin().unwrap();
        storage.commit().unwrap();
        other.append(b"last").unwrap();
        other.commit().unwrap();
        assert_eq!(content(&storage), Some(b"last".to_vec()));
        drop(storage);
        other.begin().unwrap();
        assert!(other.claim.is_some(), "nobody else holds it now");
        drop(other);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
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
