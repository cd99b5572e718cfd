//! A disk in memory that can crash and fail, for tests of what a crash leaves behind.
//!
//! ```text
//!  live      what a program that goes on would read: names ─▶ bytes
//!  durable   what is there after a crash: bytes that were synced, names whose directory was
//! ```
//!
//! Every step (create, write, sync, rename, sync of the directory) is counted; a fault can be set
//! at one of them: the step fails, or the machine stops there for good. After a crash the disk
//! shows its durable image, and an unfinished file beside it; a rename that was not synced may have
//! become durable or not: both are tried by the tests.
//!
//! It stands for the order of steps in `file_storage.rs`, which it repeats and does not run.

use super::storage::Storage;
use std::io::{self, Cursor, Read};
use std::sync::{Arc, Mutex, MutexGuard};

/// What happens at a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskFault {
    /// The step fails and does nothing; later ones work.
    Error,
    /// The step and all later ones fail: the machine has stopped.
    Crash,
}

#[derive(Default)]
struct Disk {
    committed: Option<Vec<u8>>,
    unfinished: Option<Vec<u8>>,
    /// Whether the unfinished file can still become a snapshot.
    is_begun: bool,
    /// Bytes of the unfinished file that survive a crash.
    synced: Option<Vec<u8>>,
    durable: Option<Vec<u8>>,
    /// A rename that happened and whose directory is not synced.
    renamed: Option<Vec<u8>>,
    step_count: usize,
    fault: Option<(usize, DiskFault)>,
    is_stopped: bool,
}

/// A disk whose handles share one content.
#[derive(Clone, Default)]
pub struct MemoryDisk {
    disk: Arc<Mutex<Disk>>,
}

impl MemoryDisk {
    /// An empty disk.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Disk> {
        self.disk
            .lock()
            .expect("no test panics while it holds the disk")
    }

    /// Lets step number `step`, counted from 0 at the disk's beginning, meet a fault.
    pub fn set_fault(&self, step: usize, fault: DiskFault) {
        self.lock().fault = Some((step, fault));
    }

    /// How many steps there have been.
    pub fn step_count(&self) -> usize {
        self.lock().step_count
    }

    /// What a program finds after a crash at this moment, twice: with a rename that was not
    /// synced lost, and with it kept.
    pub fn after_crash(&self) -> [Self; 2] {
        let disk = self.lock();
        let image = |snapshot: Option<&Vec<u8>>| {
            let found = Disk {
                committed: snapshot.cloned(),
                unfinished: disk.unfinished.clone(),
                durable: snapshot.cloned(),
                ..Disk::default()
            };
            Self {
                disk: Arc::new(Mutex::new(found)),
            }
        };
        [
            image(disk.durable.as_ref()),
            image(disk.renamed.as_ref().or(disk.durable.as_ref())),
        ]
    }
}

impl Disk {
    fn step(&mut self) -> io::Result<()> {
        let step = self.step_count;
        self.step_count += 1;
        match self.fault {
            _ if self.is_stopped => {}
            Some((at, DiskFault::Error)) if at == step => {}
            Some((at, DiskFault::Crash)) if at == step => self.is_stopped = true,
            _ => return Ok(()),
        }
        Err(io::Error::other("the disk fails as the test asked"))
    }
}

fn not_begun() -> io::Error {
    io::Error::other("no snapshot was begun")
}

impl Storage for MemoryDisk {
    fn begin(&mut self) -> io::Result<()> {
        let mut disk = self.lock();
        disk.is_begun = false;
        disk.step()?;
        disk.is_begun = true;
        disk.unfinished = Some(Vec::new());
        disk.synced = None;
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.lock();
        let outcome = disk.step();
        if !disk.is_begun {
            return Err(not_begun());
        }
        disk.is_begun = outcome.is_ok();
        outcome?;
        disk.unfinished.get_or_insert_default().extend(bytes);
        Ok(())
    }

    fn commit(&mut self) -> io::Result<()> {
        let mut disk = self.lock();
        if !std::mem::take(&mut disk.is_begun) {
            return Err(not_begun());
        }
        disk.step()?;
        disk.synced = disk.unfinished.clone();
        disk.step()?;
        disk.committed = disk.unfinished.take();
        disk.renamed = disk.synced.take();
        disk.step()?;
        disk.durable = disk.renamed.take();
        Ok(())
    }

    fn abort(&mut self) {
        let mut disk = self.lock();
        disk.is_begun = false;
        disk.unfinished = None;
    }

    fn open(&self) -> io::Result<Option<Box<dyn Read + '_>>> {
        let committed = self.lock().committed.clone();
        Ok(committed.map(|bytes| Box::new(Cursor::new(bytes)) as Box<dyn Read>))
    }

    fn tidy(&mut self) -> io::Result<usize> {
        Ok(usize::from(self.lock().unfinished.take().is_some()))
    }
}
