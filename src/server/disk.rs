//! The thread that waits for the disk, so that the loop does not.
//!
//! ```text
//!  loop ── (number, request) ──▶ thread ── Storage ── disk
//!       ◀─ (number, report) ───┘   └─ wakes the poll
//! ```
//!
//! It is handed filled buffers and never sees a key. Requests are carried out in their order.
//!
//! Not here: what is written (`persistence/`), and when (`node/saving.rs`).

use crate::persistence::{Storage, StorageReport, StorageRequest};
use mio::Waker;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// A request or a report, with the number of the snapshot it belongs to.
type Numbered<T> = (u64, T);

/// How much the thread gives way to the loop on the same core: about a tenth of it is left when
/// the loop is busy throughout, so that a snapshot still ends.
const NICENESS: i32 = 10;

/// How long a disk may say nothing at the end of the server before it is given up.
const SILENCE_MAX: Duration = Duration::from_secs(1);

pub(super) struct Disk {
    requests: Option<Sender<Numbered<StorageRequest>>>,
    reports: Receiver<Numbered<StorageReport>>,
    thread: Option<JoinHandle<()>>,
}

impl Disk {
    /// Starts the thread; it ends when this is dropped and the disk has answered.
    pub(super) fn start(mut storage: Box<dyn Storage>, waker: Arc<Waker>) -> io::Result<Self> {
        let (requests, inbox) = channel::<Numbered<StorageRequest>>();
        let (outbox, reports) = channel();
        let work = move || {
            // On a machine with a core to spare this changes nothing; where the loop has to share
            // its core, a client comes before the disk.
            if let Err(error) = rustix::process::nice(NICENESS) {
                log::debug!("the thread that writes snapshots keeps its priority: {error}");
            }
            for (number, request) in inbox {
                if matches!(request, StorageRequest::Commit) {
                    while storage.prepare_commit() {
                        std::thread::yield_now();
                    }
                }
                let Some(report) = request.carry_out(&mut *storage) else {
                    continue;
                };
                // A kernel without preemption lets a thread that was just woken wait for the end
                // of this one's share of time, milliseconds; so it is given back in small pieces.
                std::thread::yield_now();
                // Nobody listens any more when the server has ended.
                if outbox.send((number, report)).is_err() || waker.wake().is_err() {
                    return;
                }
            }
        };
        let thread = std::thread::Builder::new()
            .name("disk".into())
            .spawn(work)?;
        Ok(Self {
            requests: Some(requests),
            reports,
            thread: Some(thread),
        })
    }

    pub(super) fn send(&self, number: u64, request: StorageRequest) {
        let thread = self
            .requests
            .as_ref()
            .expect("the thread lives as long as this");
        if thread.send((number, request)).is_err() {
            log::error!("the thread that writes snapshots has ended");
        }
    }

    /// A report that has arrived.
    pub(super) fn try_receive(&self) -> Option<Numbered<StorageReport>> {
        self.reports.try_recv().ok()
    }

    /// The next report, however long the disk takes; `None` if the thread has ended.
    pub(super) fn receive(&self, at_most: Duration) -> Result<Option<Numbered<StorageReport>>, ()> {
        match self.reports.recv_timeout(at_most) {
            Ok(report) => Ok(Some(report)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(()),
        }
    }
}

impl Drop for Disk {
    /// Lets the thread finish what it was asked for, unless the disk hangs.
    fn drop(&mut self) {
        self.requests = None;
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
