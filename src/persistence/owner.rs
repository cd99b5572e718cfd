//! Who writes snapshots under a name: a file beside it that its writer holds locked.
//!
//! ```text
//!  dump.evk.lock   "process 17 on web-1", locked (flock) from the first snapshot to the end
//! ```
//!
//! It forbids nothing. Two servers with one directory are a rolling update, or a mistake; in either
//! case each writes whole files, and the last one stays. What people need is to be told, by the
//! name of the other.
//!
//! The lock ends with its process, however that ends; a file that nobody holds says nothing.
//! Where the file system knows no locks, nobody is told.
//!
//! Not here: why two unfinished files never meet (`unfinished.rs`).

use super::unfinished::{Lock, is_name_of, lock, open_regular_no_link, with_suffix};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// What follows the snapshot's name.
const SUFFIX: &str = ".lock";

/// Bytes of a name that are read; a host's name has 255 at most.
const WHO_BYTES_MAX: u64 = 300;

/// How often a file is opened that its holder removes just then.
const TRIES_MAX: usize = 4;

/// The lock of a snapshot's name, held by this process. The file goes when this is dropped.
pub(super) struct Claim {
    file: File,
    path: PathBuf,
}

/// What became of a wish to hold the lock.
pub(super) enum Claimed {
    /// It is held.
    Ours(Claim),
    /// This is what its holder calls itself.
    Of(String),
    /// There is nothing to hold.
    Unknown,
}

impl Claim {
    /// Takes the lock for the snapshot at `path`, unless another process holds it.
    pub(super) fn take(path: &Path) -> Claimed {
        let path = with_suffix(path, SUFFIX);
        for _ in 0..TRIES_MAX {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            let Ok(mut file) = open_regular_no_link(&path, &mut options) else {
                return Claimed::Unknown;
            };
            match lock(&file) {
                Lock::OfAnother => return Claimed::Of(who(&mut file)),
                Lock::Held if is_name_of(&path, &file) => {
                    // The lock is what counts; without a text, the other is not named.
                    _ = write_own_name(&mut file);
                    return Claimed::Ours(Self { file, path });
                }
                // Its holder removed it between the two steps.
                Lock::Held => {}
                Lock::Unknown => {
                    _ = fs::remove_file(&path);
                    return Claimed::Unknown;
                }
            }
        }
        Claimed::Unknown
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if is_name_of(&self.path, &self.file) {
            // What is left behind is not locked and says nothing.
            _ = fs::remove_file(&self.path);
        }
    }
}

/// What the process calls itself that holds the lock for the snapshot at `path`; `None` if nobody
/// does.
pub(super) fn holder(path: &Path) -> Option<String> {
    let path = with_suffix(path, SUFFIX);
    let mut file = open_regular_no_link(&path, OpenOptions::new().read(true).write(true)).ok()?;
    (lock(&file) == Lock::OfAnother).then(|| who(&mut file))
}

fn who(file: &mut File) -> String {
    let mut text = Vec::new();
    _ = file.take(WHO_BYTES_MAX).read_to_end(&mut text);
    let text = String::from_utf8_lossy(&text);
    match text.trim_end() {
        "" => "another process".to_string(),
        // What others wrote must not make lines of our log.
        text => text.escape_debug().to_string(),
    }
}

fn write_own_name(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    let system = rustix::system::uname();
    let host = system.nodename().to_string_lossy();
    writeln!(file, "process {} on {host}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_the_lock_and_others_are_told_who() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dump.evk");
        assert_eq!(holder(&path), None);
        let Claimed::Ours(claim) = Claim::take(&path) else {
            panic!("nobody else is there")
        };
        let expected = format!("process {} on ", std::process::id());
        assert!(holder(&path).unwrap().starts_with(&expected));
        let Claimed::Of(who) = Claim::take(&path) else {
            panic!("it is held")
        };
        assert!(who.starts_with(&expected), "{who}");
        drop(claim);
        assert_eq!(holder(&path), None);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_that_a_crash_left_is_taken_over() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dump.evk");
        fs::write(
            with_suffix(&path, SUFFIX),
            "process 1 on a longer name than ours",
        )
        .unwrap();
        assert_eq!(holder(&path), None);
        let Claimed::Ours(_claim) = Claim::take(&path) else {
            panic!("nobody holds it")
        };
        let text = fs::read_to_string(with_suffix(&path, SUFFIX)).unwrap();
        assert!(text.starts_with(&format!("process {} on ", std::process::id())));
        assert_eq!(text.lines().count(), 1);
    }

    #[test]
    fn what_a_holder_calls_itself_stays_on_one_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dump.evk");
        let Claimed::Ours(mut claim) = Claim::take(&path) else {
            panic!("nobody else is there")
        };
        claim.file.set_len(0).unwrap();
        assert_eq!(holder(&path).unwrap(), "another process");
        fs::write(&claim.path, "a\nb\n").unwrap();
        assert_eq!(holder(&path).unwrap(), "a\\nb");
        claim.file.flush().unwrap();
    }
}
