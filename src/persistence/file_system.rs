//! The files that a configuration is read from.
//!
//! A source that can be read only once, such as a pipe (`evenkeel <(envsubst < template)`), is a
//! configuration at the start and none at all after that: it would be found empty, or be waited
//! for.
//!
//! Not here: what the text means (`config/file.rs`); replacing the file (`file_storage.rs`).

use super::unfinished::open_regular;
use crate::config::Files;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// Longest configuration file in bytes: ten times Redis's with all its comments, and an end to
/// files that have none, such as devices.
pub const CONFIG_FILE_BYTES_MAX: u64 = 1 << 20;

/// Configuration files of this machine.
#[derive(Debug, Clone, Copy)]
pub struct FileSystem {
    is_first_time: bool,
}

impl FileSystem {
    /// For the start of a program: whatever can be read, and pipes until they end.
    pub fn first_time() -> Self {
        Self {
            is_first_time: true,
        }
    }

    /// For a running server: regular files only, so that nothing is waited for and nothing that
    /// was used up is taken for empty.
    pub fn again() -> Self {
        Self {
            is_first_time: false,
        }
    }
}

impl Files for FileSystem {
    fn read(&mut self, path: &[u8]) -> Result<Vec<u8>, String> {
        let path = Path::new(OsStr::from_bytes(path));
        let file = if self.is_first_time {
            File::open(path)
        } else {
            open_regular(path, OpenOptions::new().read(true))
        };
        let mut text = Vec::new();
        file.and_then(|file| file.take(CONFIG_FILE_BYTES_MAX + 1).read_to_end(&mut text))
            .map_err(|error| error.to_string())?;
        if text.len() as u64 > CONFIG_FILE_BYTES_MAX {
            return Err(format!("it has more than {CONFIG_FILE_BYTES_MAX} bytes"));
        }
        Ok(text)
    }

    fn names(&mut self, path: &[u8]) -> Result<Vec<Vec<u8>>, String> {
        let entries = fs::read_dir(OsStr::from_bytes(path)).map_err(|error| error.to_string())?;
        // What vanishes while it is looked at is as if it had never been.
        let names = entries.flatten().map(|entry| entry.file_name().into_vec());
        Ok(names.collect())
    }

    /// Relative to where the program was started, which it never leaves.
    fn absolute(&self, path: &[u8]) -> Vec<u8> {
        let absolute = std::path::absolute(OsStr::from_bytes(path));
        // An empty path has no place, nor has any when the directory is gone.
        absolute.map_or_else(|_| path.to_vec(), |path| path.into_os_string().into_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[test]
    fn configurations_are_read_up_to_a_length() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join("a");
        let max = usize::try_from(CONFIG_FILE_BYTES_MAX).unwrap();
        fs::write(&file, vec![b'#'; max]).unwrap();
        let path = file.as_os_str().as_bytes();
        assert_eq!(FileSystem::first_time().read(path).unwrap().len(), max);
        fs::write(&file, vec![b'#'; max + 1]).unwrap();
        assert_eq!(
            FileSystem::first_time().read(path).unwrap_err(),
            "it has more than 1048576 bytes"
        );
        let names = FileSystem::first_time().names(directory.path().as_os_str().as_bytes());
        assert_eq!(names, Ok(vec![b"a".to_vec()]));
        assert!(
            FileSystem::first_time()
                .names(b"/nonexistent-directory")
                .is_err()
        );
    }

    #[test]
    fn what_can_be_read_once_is_not_read_again() {
        let (reader, mut writer) = io::pipe().unwrap();
        io::Write::write_all(&mut writer, b"port 7000").unwrap();
        drop(writer);
        let path = format!("/dev/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&reader));
        let text = FileSystem::first_time().read(path.as_bytes());
        assert_eq!(text.as_deref(), Ok(&b"port 7000"[..]));
        let error = "it is not a regular file";
        let read_again = |path: &[u8]| FileSystem::again().read(path).unwrap_err();
        assert_eq!(read_again(path.as_bytes()), error);
        assert_eq!(read_again(b"/dev/null"), error);
        // Nobody writes into this one: whoever waited for that would wait for ever.
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("pipe");
        let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU);
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, mode, 0).unwrap();
        assert_eq!(read_again(pipe.as_os_str().as_bytes()), error);
        let file = directory.path().join("file");
        fs::write(&file, "port 1").unwrap();
        let text = FileSystem::again().read(file.as_os_str().as_bytes());
        assert_eq!(text.as_deref(), Ok(&b"port 1"[..]));
    }

    #[test]
    fn relative_paths_begin_where_the_program_was_started() {
        let absolute = |path: &[u8]| FileSystem::again().absolute(path);
        let here = std::env::current_dir().unwrap();
        assert_eq!(absolute(b"."), here.as_os_str().as_bytes());
        assert_eq!(absolute(b"data"), here.join("data").as_os_str().as_bytes());
        assert_eq!(absolute(b"/var"), b"/var");
        assert_eq!(absolute(b""), b"");
    }
}
