//! A file that is written beside the one it is to replace, and whose it is.
//!
//! ```text
//!  create   NAME.tmp-0123456789abcdef, which nobody else can have opened, locked
//!  replace  sync ─▶ rename over NAME                    drop: the name is removed
//!  remove_abandoned    every NAME.tmp-… that nobody holds the lock of
//! ```
//!
//! Several processes may write beside the same file at once: a server that starts while the one
//! it follows is ending, or two containers, in which each may be process 1. Therefore:
//!
//! - The name holds a random number and no process number, and the file is made with
//!   `create_new`, so no file is ever opened that somebody else writes, and no link is followed.
//! - The file is locked (`flock`) as long as it is written. The lock ends with its process,
//!   however that ends, so only what nobody writes any more can be locked by others.
//! - What is renamed or removed is the file that is held, not whatever has its name meanwhile.
//!
//! Where the file system knows no locks, nothing is taken for abandoned.
//!
//! Not here: what is written and when it is durable (`file_storage.rs`), who else uses the
//! snapshot (`owner.rs`).

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// What follows the file's own name, before the random number.
const INFIX: &str = ".tmp-";

/// Hexadecimal digits of the random number.
const DIGITS: usize = 16;

/// Names that are tried: one is enough unless somebody guesses a number of 64 bits or tidies up at
/// this very moment.
const TRIES_MAX: usize = 8;

/// What asking for the lock of a file came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lock {
    /// It is ours until the file is closed.
    Held,
    /// Another process has it, or another opening of the file in this one.
    OfAnother,
    /// The file system knows no locks.
    Unknown,
}

/// Asks for the lock of a file, without waiting.
pub(super) fn lock(file: &File) -> Lock {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Lock::Held,
        Err(Errno::WOULDBLOCK) => Lock::OfAnother,
        Err(_) => Lock::Unknown,
    }
}

/// Opens a file that is expected to be a regular one. A named pipe or a device in its place is an
/// error and can't hold up the caller. Links are followed.
///
/// # Errors
/// The reason that the operating system gives; [`ErrorKind::InvalidInput`] for anything that is no
/// regular file.
pub(super) fn open_regular(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    open_regular_with(path, options, OFlags::empty())
}

/// As [`open_regular`], and a link is an error, too.
///
/// # Errors
/// As those of [`open_regular`].
pub(super) fn open_regular_no_link(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    open_regular_with(path, options, OFlags::NOFOLLOW)
}

fn open_regular_with(path: &Path, options: &mut OpenOptions, more: OFlags) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY | more;
    let file = options.custom_flags(flags.bits() as i32).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::new(
            ErrorKind::InvalidInput,
            "it is not a regular file",
        )),
    }
}

/// Whether `path` itself, not where a link leads to, is the name of this open file.
pub(super) fn is_name_of(path: &Path, file: &File) -> bool {
    let (Ok(named), Ok(held)) = (fs::symlink_metadata(path), file.metadata()) else {
        return false;
    };
    (named.dev(), named.ino()) == (held.dev(), held.ino())
}

/// A path with something added to its last name.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(suffix);
    path.with_file_name(name)
}

/// The directory that a path's last name is in.
pub(super) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// A file beside the one it is to replace. Its name goes when this is dropped.
pub(super) struct UnfinishedFile {
    file: File,
    /// `None` once it has taken the place of the other.
    path: Option<PathBuf>,
}

impl UnfinishedFile {
    /// Makes an empty file beside `target`.
    ///
    /// # Errors
    /// The reason that the operating system gives.
    pub(super) fn create(target: &Path) -> io::Result<Self> {
        for _ in 0..TRIES_MAX {
            // The standard library draws these numbers from the operating system.
            let number = RandomState::new().hash_one(std::process::id());
            let path = with_suffix(target, &format!("{INFIX}{number:0DIGITS$x}"));
            let created = OpenOptions::new().write(true).create_new(true).open(&path);
            let file = match created {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                created => created?,
            };
            // Who tidies up between these two steps may have taken the file for abandoned.
            let is_locked = lock(&file) != Lock::OfAnother;
            if is_locked && is_name_of(&path, &file) {
                let path = Some(path);
                return Ok(Self { file, path });
            }
        }
        Err(io::Error::other("no name for an unfinished file is free"))
    }

    /// The open file.
    pub(super) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Makes the file durable and puts it in the place of `target`. The change of names is durable
    /// when the directory is synced.
    ///
    /// # Errors
    /// The reason that the operating system gives; `target` is then as it was.
    pub(super) fn replace(mut self, target: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        if let Some(path) = self.path.as_deref() {
            if !is_name_of(path, &self.file) {
                return Err(io::Error::other("the unfinished file was taken away"));
            }
            fs::rename(path, target)?;
        }
        self.path = None;
        Ok(())
    }
}

impl Drop for UnfinishedFile {
    fn drop(&mut self) {
        if let Some(path) = &self.path
            && is_name_of(path, &self.file)
        {
            // If it can't be removed now, the next start does it.
            _ = fs::remove_file(path);
        }
    }
}

/// What was found beside a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tidied {
    /// Abandoned files, which are removed.
    pub(super) removed_count: usize,
    /// Files that another process is writing.
    pub(super) in_use_count: usize,
}

/// Removes the unfinished files beside `target` that nobody writes any more. O(directory).
///
/// # Errors
/// The reason that the operating system gives.
pub(super) fn remove_abandoned(target: &Path) -> io::Result<Tidied> {
    let mut prefix = target.file_name().unwrap_or_default().to_os_string();
    prefix.push(INFIX);
    let mut tidied = Tidied::default();
    for entry in fs::read_dir(directory_of(target))? {
        let entry = entry?;
        if !is_unfinished_name(&entry.file_name(), &prefix) {
            continue;
        }
        // What can't be opened for writing is not ours, or has gone meanwhile.
        let path = entry.path();
        let Ok(file) = open_regular_no_link(&path, OpenOptions::new().read(true).write(true))
        else {
            continue;
        };
        match lock(&file) {
            Lock::Held if is_name_of(&path, &file) => {
                fs::remove_file(&path)?;
                tidied.removed_count += 1;
            }
            Lock::OfAnother => tidied.in_use_count += 1,
            Lock::Held | Lock::Unknown => {}
        }
    }
    Ok(tidied)
}

fn is_unfinished_name(name: &OsString, prefix: &OsString) -> bool {
    let number = name.as_bytes().strip_prefix(prefix.as_bytes());
    let is_digit = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    number.is_some_and(|number| number.len() == DIGITS && number.iter().all(is_digit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::fs::symlink;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// A file that its writer left as a crash does: with its name and without its lock.
    fn abandon(target: &Path) {
        let mut file = UnfinishedFile::create(target).unwrap();
        file.path = None;
    }

    /// Defect: the name held nothing but the process number, and the file was opened if it was
    /// there. Effect: two containers wrote into one file, and the mixture replaced the snapshot.
    /// Fix: each file has a name and an opening of its own.
    #[test]
    fn two_writers_beside_one_file_have_a_file_each() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("dump.evk");
        let mut first = UnfinishedFile::create(&target).unwrap();
        let mut second = UnfinishedFile::create(&target).unwrap();
        first.file().write_all(b"first").unwrap();
        second.file().write_all(b"second").unwrap();
        assert_eq!(names(directory.path()).len(), 2);
        second.replace(&target).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"second");
        first.replace(&target).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"first");
        assert_eq!(names(directory.path()), ["dump.evk"]);
    }

    /// Defect: a start removed every unfinished file. Effect: the snapshot of a server that was
    /// still alive failed. Fix: only files whose lock is free are removed.
    #[test]
    fn only_what_nobody_writes_is_abandoned() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("dump.evk");
        let written = UnfinishedFile::create(&target).unwrap();
        abandon(&target);
        abandon(&target);
        abandon(&directory.path().join("other.evk"));
        let expected = Tidied {
            removed_count: 2,
            in_use_count: 1,
        };
        assert_eq!(remove_abandoned(&target).unwrap(), expected);
        assert_eq!(names(directory.path()).len(), 2);
        written.replace(&target).unwrap();
        let nothing = Tidied::default();
        assert_eq!(remove_abandoned(&target).unwrap(), nothing);
    }

    #[test]
    fn other_names_links_and_folders_are_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        fs::write(at("victim"), b"x").unwrap();
        for name in ["dump.evk.tmp-", "dump.evk.tmp-12", "dump.evk.damaged"] {
            fs::write(at(name), b"x").unwrap();
        }
        fs::write(at("dump.evk.tmp-0123456789ABCDEF"), b"x").unwrap();
        symlink(at("victim"), at("dump.evk.tmp-0123456789abcdef")).unwrap();
        fs::create_dir(at("dump.evk.tmp-1123456789abcdef")).unwrap();
        let before = names(directory.path());
        let tidied = remove_abandoned(&at("dump.evk")).unwrap();
        assert_eq!(tidied, Tidied::default());
        assert_eq!(names(directory.path()), before);
    }

    #[test]
    fn a_file_that_was_exchanged_is_neither_put_in_place_nor_removed() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("dump.evk");
        let file = UnfinishedFile::create(&target).unwrap();
        let path = file.path.clone().unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, b"of another").unwrap();
        assert!(file.replace(&target).is_err());
        assert!(!target.exists());
        assert_eq!(fs::read(&path).unwrap(), b"of another");
    }

    #[test]
    fn a_pipe_in_the_place_of_a_file_is_an_error_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).unwrap();
        let error = open_regular(&path, OpenOptions::new().read(true)).unwrap_err();
        assert_eq!(error.to_string(), "it is not a regular file");
        assert!(open_regular(directory.path(), OpenOptions::new().read(true)).is_err());
    }
}
