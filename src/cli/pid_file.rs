//! The file with the process id, which goes when the server ends.
//!
//! It is locked (`flock`) while the server runs. Two servers that are given one name by mistake
//! don't take each other's file: the second one goes without, and says so.
//!
//! Not here: when it is written (`main.rs`).

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;

/// The file with the process id of this process.
pub(crate) struct PidFile {
    file: File,
    path: PathBuf,
}

impl PidFile {
    /// Writes it, if `path` is not empty. A server without it is better than none.
    pub(crate) fn write(path: PathBuf) -> Option<Self> {
        if path.as_os_str().is_empty() {
            return None;
        }
        match Self::try_write(&path) {
            Ok(file) => Some(Self { file, path }),
            Err(error) => {
                log::warn!("cannot write the pidfile {}: {error}", path.display());
                None
            }
        }
    }

    fn try_write(path: &PathBuf) -> io::Result<File> {
        // A named pipe would hold the server up; a link could lead to a file of somebody else.
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW;
        let mut file = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .custom_flags(flags.bits() as i32)
            .open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        if flock(&file, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK) {
            return Err(io::Error::other("it belongs to another server, which runs"));
        }
        file.set_len(0)?;
        writeln!(file, "{}", std::process::id())?;
        Ok(file)
    }

    /// Whether the file still has its name: somebody may have put another one there.
    fn has_its_name(&self) -> bool {
        let (Ok(held), Ok(named)) = (self.file.metadata(), fs::symlink_metadata(&self.path)) else {
            return false;
        };
        (held.dev(), held.ino()) == (named.dev(), named.ino())
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if self.has_its_name()
            && let Err(error) = fs::remove_file(&self.path)
        {
            log::warn!("cannot remove the pidfile {}: {error}", self.path.display());
        }
    }
}
