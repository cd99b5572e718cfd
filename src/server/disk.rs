//! The thread that waits for the disk, so that the loop does not.
//!
//! ```text
//!  loop ── (number, request) ──▶ thread ── Storage ── disk
//!       ◀─ (number, report) ───┘   └─ wakes the poll
//! ```
//!
//! It is handed filled buffers, or a configuration, and never sees a key. Requests are carried out
//! and reported on in their order. When a snapshot is given up, what still waits of it is dropped
//! instead of written, so that a disk that comes back does not work for nothing.
//!
//! Not here: what is written (`persistence/`), and when (`node/saving.rs`, `node/config_file.rs`).

use crate::config::{Config, Files};
use crate::persistence::{self, FileStorage, FileSystem, Storage, StorageReport, StorageRequest};
use mio::Waker;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Something to do for the thread.
pub(super) enum Task {
    /// Part of the snapshot with this number.
    Snapshot(u64, StorageRequest),
    /// The configuration, and the path of the file that is to say it.
    RewriteConfig(Box<Config>, Vec<u8>),
    /// Reads the file of users at this path.
    LoadUsers(Vec<u8>),
    /// Writes this into the file of users at this path.
    SaveUsers(Vec<u8>, Vec<u8>),
    /// Finds the address of a server by its name, which may take as long as a disk.
    Find(String, u16),
}

/// What came of a task.
pub(super) enum Report {
    /// Of a part of the snapshot with this number.
    Snapshot(u64, StorageReport),
    /// Of rewriting the configuration file.
    ConfigRewritten(Result<(), String>),
    /// The text of the file of users.
    UsersRead(Result<Vec<u8>, String>),
    /// Of writing the file of users.
    UsersWritten(Result<(), String>),
    /// The address that a name has.
    Found(Result<SocketAddr, String>),
}

/// How much the thread gives way to the loop on the same core: about a tenth of it is left when
/// the loop is busy throughout, so that a snapshot still ends.
const NICENESS: i32 = 10;

/// How long a disk may say nothing at the end of the server before it is given up.
const SILENCE_MAX: Duration = Duration::from_secs(1);

pub(super) struct Disk {
    tasks: Option<Sender<Task>>,
    /// The number of the last snapshot that was given up.
    given_up: Arc<AtomicU64>,
    reports: Receiver<Report>,
    thread: Option<JoinHandle<()>>,
}

impl Disk {
    /// Starts the thread; it ends when this is dropped and the disk has answered.
    pub(super) fn start(mut storage: Box<dyn Storage>, waker: Arc<Waker>) -> io::Result<Self> {
        let (tasks, inbox) = channel::<Task>();
        let (outbox, reports) = channel();
        let given_up = Arc::new(AtomicU64::new(0));
        let worker = Worker {
            outbox,
            waker,
            given_up: Arc::clone(&given_up),
        };
        let work = move || {
            // On a machine with a core to spare this changes nothing; where the loop has to share
            // its core, a client comes before the disk.
            if let Err(error) = rustix::process::nice(NICENESS) {
                log::debug!("the thread that writes snapshots keeps its priority: {error}");
            }
            for task in inbox {
                let Some(report) = worker.carry_out(task, &mut *storage) else {
                    continue;
                };
                // A kernel without preemption lets a thread that was just woken wait for the end
                // of this one's share of time, milliseconds; so it is given back in small pieces.
                std::thread::yield_now();
                if !worker.tell(report) {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("disk".into())
            .spawn(work)?;
        Ok(Self {
            tasks: Some(tasks),
            given_up,
            reports,
            thread: Some(thread),
        })
    }

    pub(super) fn send(&self, task: Task) {
        if let Task::Snapshot(number, StorageRequest::Abort) = task {
            self.given_up.store(number, Ordering::Release);
        }
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

    /// The next report; `None` if there is none within this time.
    ///
    /// # Errors
    /// The thread has ended.
    pub(super) fn receive(&self, at_most: Duration) -> Result<Option<Report>, ()> {
        match self.reports.recv_timeout(at_most) {
            Ok(report) => Ok(Some(report)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(()),
        }
    }
}

/// What the thread has of the loop.
struct Worker {
    outbox: Sender<Report>,
    waker: Arc<Waker>,
    given_up: Arc<AtomicU64>,
}

impl Worker {
    /// Does it, however long the disk takes. `None` for what is not answered.
    fn carry_out(&self, task: Task, storage: &mut dyn Storage) -> Option<Report> {
        match task {
            Task::Snapshot(number, request) => {
                if matches!(request, StorageRequest::Commit) {
                    while !self.is_given_up(number) && storage.prepare_commit() {
                        std::thread::yield_now();
                        self.tell(Report::Snapshot(number, StorageReport::Working));
                    }
                }
                let report = match request {
                    StorageRequest::Begin | StorageRequest::Append(_) | StorageRequest::Commit
                        if self.is_given_up(number) =>
                    {
                        StorageReport::Failed("the snapshot was given up".into())
                    }
                    request => request.carry_out(storage)?,
                };
                Some(Report::Snapshot(number, report))
            }
            Task::RewriteConfig(config, path) => {
                let mut file = FileStorage::of_config(&path);
                let mut files = FileSystem::again();
                let outcome = persistence::rewrite_config(&config, &path, &mut files, &mut file);
                Some(Report::ConfigRewritten(outcome))
            }
            Task::LoadUsers(path) => {
                let read = FileSystem::again().read(&path);
                Some(Report::UsersRead(read.map_err(|error| error.to_string())))
            }
            Task::Find(host, port) => {
                let found = (host.as_str(), port).to_socket_addrs();
                let address = found
                    .map_err(|error| error.to_string())
                    .and_then(|mut found| {
                        let first = found.next();
                        first.ok_or_else(|| "the name has no address".to_owned())
                    });
                Some(Report::Found(address))
            }
            Task::SaveUsers(path, text) => {
                let mut file = FileStorage::of_config(&path);
                let outcome = persistence::replace_file(&text, &mut file);
                Some(Report::UsersWritten(outcome))
            }
        }
    }

    fn is_given_up(&self, number: u64) -> bool {
        number <= self.given_up.load(Ordering::Acquire)
    }

    /// Sends a report; false if nobody listens any more, because the server has ended.
    fn tell(&self, report: Report) -> bool {
        self.outbox.send(report).is_ok() && self.waker.wake().is_ok()
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
