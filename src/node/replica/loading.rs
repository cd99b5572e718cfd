//! The file of a primary's keys, as its bytes come.
//!
//! ```text
//!  $<bytes>      file                  ends by its length
//!  $EOF:<mark>   file  mark            ends by itself, and forty known bytes follow
//! ```
//!
//! Keys that are due stay, as long as they have not been for a day: the primary says when they go,
//! or that they don't.
//!
//! Not here: the bytes of the file (`rdb/`), from where they come (`mod.rs`).

use super::greeting::{FileForm, ID_BYTES, Position};
use crate::base::limits::PRIMARY_LAG_MAX_MS;
use crate::engine::CacheEngine;
use crate::persistence::{RdbLoad, RdbReport};

/// A file that comes.
#[derive(Debug)]
pub(super) struct Loading {
    load: RdbLoad,
    form: FileForm,
    /// Bytes of the mark that have come.
    marked_bytes: usize,
    /// Where the stream begins after it.
    pub(super) position: Position,
    /// When it began, on the monotonic clock.
    pub(super) began_us: u64,
}

impl Loading {
    /// At the beginning of a file.
    pub(super) fn new(form: FileForm, position: Position, began_us: u64) -> Self {
        Self {
            load: RdbLoad::new(true, PRIMARY_LAG_MAX_MS),
            form,
            marked_bytes: 0,
            position,
            began_us,
        }
    }

    /// The length of the file, if it was told.
    pub(super) fn file_bytes(&self) -> Option<u64> {
        match self.form {
            FileForm::Counted(bytes) => Some(bytes),
            FileForm::Marked(_) => None,
        }
    }

    /// How much of it has come.
    pub(super) fn read_bytes(&self) -> u64 {
        self.load.file_bytes()
    }

    /// Takes what belongs to the file and to its end; how many bytes that is.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn take(&mut self, engine: &mut CacheEngine, bytes: &[u8]) -> Result<usize, String> {
        if self.load.is_at_end() {
            return self.take_mark(bytes);
        }
        let piece = match self.form {
            FileForm::Counted(total_bytes) => {
                let left_bytes = total_bytes - self.load.file_bytes();
                let len = usize::try_from(left_bytes).unwrap_or(usize::MAX);
                &bytes[..bytes.len().min(len)]
            }
            FileForm::Marked(_) => bytes,
        };
        let taken = self.load.feed_until_end(engine, piece);
        let taken = taken.map_err(|error| format!("its file can't be loaded: {error}"))?;
        if let FileForm::Counted(total_bytes) = self.form
            && self.load.is_at_end() != (self.load.file_bytes() == total_bytes)
        {
            return Err("its file has another length than was told".to_owned());
        }
        Ok(taken)
    }

    fn take_mark(&mut self, bytes: &[u8]) -> Result<usize, String> {
        let FileForm::Marked(mark) = self.form else {
            return Ok(0);
        };
        let wanted = &mark[self.marked_bytes..];
        let count = bytes.len().min(wanted.len());
        if bytes[..count] != wanted[..count] {
            return Err("its file does not end with its mark".to_owned());
        }
        self.marked_bytes += count;
        Ok(count)
    }

    /// Whether all has come.
    pub(super) fn is_complete(&self) -> bool {
        let is_marked = match self.form {
            FileForm::Counted(_) => true,
            FileForm::Marked(_) => self.marked_bytes == ID_BYTES,
        };
        self.load.is_at_end() && is_marked
    }

    /// The database that the stream begins with.
    pub(super) fn database(&self) -> usize {
        self.load.stream_database()
    }

    /// Takes what is left; what the file held.
    ///
    /// # Errors
    /// It has not come whole.
    pub(super) fn end(self, engine: &mut CacheEngine) -> Result<RdbReport, String> {
        self.load.end(engine).map_err(|error| error.to_string())
    }
}
