//! What a snapshot needs of a disk.
//!
//! Not here: files (`file_storage.rs`), a disk that fails on purpose (`memory_storage.rs`).

use std::io::{self, Read};

/// A place for one snapshot, written beside the last one and then put over it.
///
/// Obligations: until [`Storage::commit`] is called, [`Storage::open`] gives the old snapshot, also
/// after a crash at any moment; once it has returned `Ok`, the new one, also after a crash. During
/// a commit, and after one that failed, it gives one of the two, whole. Any other call that fails
/// leaves the old snapshot as it is.
pub trait Storage: Send {
    /// Begins a new snapshot, forgetting one that was begun and not committed.
    ///
    /// # Errors
    /// What the disk says.
    fn begin(&mut self) -> io::Result<()>;

    /// Appends to the snapshot that was begun.
    ///
    /// # Errors
    /// What the disk says; the snapshot that was begun is then of no use, and all that is asked of
    /// it before the next [`Storage::begin`] fails: a commit may be on its way already.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Takes a small step of what makes a later [`Storage::commit`] short, and returns whether
    /// there is more. May be left out; does nothing by default.
    fn prepare_commit(&mut self) -> bool {
        false
    }

    /// Makes the snapshot that was begun durable and puts it in the place of the last one.
    ///
    /// # Errors
    /// What the disk says; the last one is then still in its place, or the new one is, whole: a
    /// disk can fail when all that is left to do is making the change of names durable.
    fn commit(&mut self) -> io::Result<()>;

    /// Forgets the snapshot that was begun. Errors are of no consequence: what is left behind is
    /// removed by the next [`Storage::begin`] or at the next start.
    fn abort(&mut self);

    /// Opens the last committed snapshot; `None` if there is none.
    ///
    /// # Errors
    /// What the disk says.
    fn open(&self) -> io::Result<Option<Box<dyn Read + '_>>>;

    /// Removes what a crashed program left behind, and returns how many such files there were.
    ///
    /// # Errors
    /// What the disk says.
    fn tidy(&mut self) -> io::Result<usize>;
}

/// What a server asks of the thread that may block on a disk. The thread gets filled buffers and
/// never sees a key.
#[derive(Debug)]
pub enum StorageRequest {
    /// [`Storage::begin`].
    Begin,
    /// [`Storage::append`].
    Append(Vec<u8>),
    /// [`Storage::commit`].
    Commit,
    /// [`Storage::abort`]; not answered.
    Abort,
}

/// What came of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum StorageReport {
    /// Nothing yet, but it gets on. Any number of these may come before the report on a request.
    Working,
    /// The snapshot is begun.
    Begun,
    /// So many bytes are written.
    Appended(usize),
    /// The snapshot is durable and in its place.
    Committed,
    /// The disk said this.
    Failed(String),
}

impl StorageRequest {
    /// Carries the request out, which may take as long as the disk does. `None` for what is not
    /// answered.
    pub fn carry_out(self, storage: &mut dyn Storage) -> Option<StorageReport> {
        let outcome = match self {
            Self::Begin => storage.begin().map(|()| StorageReport::Begun),
            Self::Append(bytes) => storage
                .append(&bytes)
                .map(|()| StorageReport::Appended(bytes.len())),
            Self::Commit => storage.commit().map(|()| StorageReport::Committed),
            Self::Abort => {
                storage.abort();
                return None;
            }
        };
        Some(outcome.unwrap_or_else(|error| StorageReport::Failed(error.to_string())))
    }
}
