//! The thread that waits for the disk, so that the loop does not.
//!
//! ```text
//!  loop ── (number, request) ──▶ thread ── Storage ── disk
//!       ◀─ (number, report) ───┘   └─ wakes the poll
//! ```
//!
//! It is handed filled buffers, or a configuration, and never sees a key. Requests are carried out
//! in their order.
//!
//! Not here: what is written (`persistence/`), and when (`node/saving.rs`, `node/config_file.rs`).

use crate::config::Config;
use crate::persistence::{self, FileStorage, FileSystem, Storage, StorageReport, StorageRequest};
use mio::Waker;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Something to do for the thread.
pub(super) enum Task {
    /// Part of the snapshot with this number.
    Snapshot(u64, StorageRequest),
    /// The configuration, and the path of the file that is to say it.
    RewriteConfig(Box<Config>, Vec<u8>),
}

/// What came of a task.
pub(super) enum Report {
    /// Of a part of the snapshot with this number.
    Snapshot(u64, StorageReport),
    /// Of rewriting the configuration file.
    ConfigRewritten(Result<(), String>),
}

/// How much the thread gives way to the loop on the same core: about a tenth of it is left when
/// the loop is busy throughout, so that a snapshot still ends.
const NICENESS: i32 = 10;

/// How long a disk may say nothing at the end of the server before it is given up.
const SILENCE_MAX: Duration = Duration::from_secs(1);

pub(super) struct Disk {
    tasks: Option<Sender<Task>>,
    reports: Receiver<Report>,
    thread: Option<JoinHandle<()>>,
}

impl Disk {
    /// Starts the thread; it ends when this is dropped and the disk has answered.
    pub(super) fn start(mut storage: Box<dyn Storage>, waker: Arc<Waker>) -> io::Result<Self> {
        let (tasks, inbox) = channel::<Task>();
        let (outbox, reports) = channel();
        let work = move || {
            // On a machine with a core to spare this changes nothing; where the loop has to share
            // its core, a client comes before the disk.
            if let Err(error) = rustix::process::nice(NICENESS) {
                log::debug!("the thread that writes snapshots keeps its priority: {error}");
            }
            for task in inbox {
                let Some(report) = task.carry_out(&mut *storage) else {
                    continue;
                };
                // A kernel without preemption lets a thread that was just woken wait for the end
                // of this one's share of time, milliseconds; so it is given back in small pieces.
                std::thread::yield_now();
                // Nobody listens any more when the server has ended.
                if outbox.send(report).is_err() || waker.wake().is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("disk".into())
            .spawn(work)?;
        Ok(Self {
            tasks: Some(tasks),
            reports,
            thread: Some(thread),
        })
    }

    pub(super) fn send(&self, task: Task) {
        let thread = self
            .tasks
            .as_ref()
            .expect("the thread lives as long as this");
        if thread.send(task).is_err() {
            log::error!("the thread that writes snapshots has ended");
        }
    }

    /// A report that has arrived.
    pub(super) fn try_receive(&self) -> Option<Report> {
        self.reports.try_recv().ok()
    }

    /// The next report, however long the disk takes; `None` if the thread has ended.
    pub(super) fn receive(&self, at_most: Duration) -> Result<Option<Report>, ()> {
        match self.reports.recv_timeout(at_most) {
            Ok(report) => Ok(Some(report)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(()),
        }
    }
}

impl Task {
    /// Does it, however long the disk takes. `None` for what is not answered.
    fn carry_out(self, storage: &mut dyn Storage) -> Option<Report> {
        match self {
            Self::Snapshot(number, request) => {
                if matches!(request, StorageRequest::Commit) {
                    while storage.prepare_commit() {
                        std::thread::yield_now();
                    }
                }
                let report = request.carry_out(storage)?;
                Some(Report::Snapshot(number, report))
            }
            Self::RewriteConfig(config, path) => {
                let mut file = FileStorage::of_config(&path);
                let mut files = FileSystem::again();
                let outcome = persistence::rewrite_config(&config, &path, &mut files, &mut file);
                Some(Report::ConfigRewritten(outcome))
            }
        }
    }
}

impl Drop for Disk {
    /// Lets the thread finish what it was asked for, unless the disk hangs.
    fn drop(&mut self) {
        self.tasks = None;
        loop {
            match self.receive(SILENCE_MAX) {
                Ok(Some(_)) => {}
                Ok(None) => {
                    log::warn!("the disk does not answer; what was being written stays unfinished");
                    return;
                }
                Err(()) => break,
            }
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            log::error!("the thread that writes snapshots has panicked");
        }
    }
}
