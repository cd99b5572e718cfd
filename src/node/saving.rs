//! When snapshots are taken, and how one proceeds between the turns.
//!
//! ```text
//!  SAVE, BGSAVE, save points ─▶ begin ─▶ steps, while little is in flight ─▶ commit ─▶ done
//!                                 │ a failure of the disk: the walk ends without output
//!  requests ─▶ (a thread that may block) ─▶ reports
//! ```
//!
//! The writer's steps are taken by [`Node::save_some`], so they get the time that clients leave. What
//! is in flight to the disk is bounded: beyond [`IN_FLIGHT_BYTES_MAX`] the walk waits. What
//! changes of keys read out meanwhile can't wait; beyond [`HELD_BYTES_MAX`] the snapshot is given
//! up, since the disk is slower than the changes.
//!
//! Not here: the bytes (`persistence/`), the disk (`server/disk.rs`).

use super::{ConnectionId, Node};
use crate::base::clock::Timestamp;
use crate::persistence::{SnapshotWriter, StorageReport, StorageRequest};
use crate::protocol::error::ReplyError;
use crate::protocol::reply::ReplyWriter;

/// Bytes on their way to the disk at which the walk waits.
const IN_FLIGHT_BYTES_MAX: usize = 4 << 20;

/// Bytes read out and not on the disk at which a snapshot is given up.
const HELD_BYTES_MAX: usize = 256 << 20;

/// How long after a failure the save points try again.
const RETRY_MS: u64 = 5_000;

enum Phase {
    /// The walk goes on, or its last buffers are on their way.
    Writing,
    /// Everything is written; the disk makes it durable.
    Committing,
    /// It failed, and the walk goes to its end without output.
    Ending,
}

struct Job {
    writer: SnapshotWriter,
    phase: Phase,
    in_flight_bytes: usize,
    started: Timestamp,
    /// Changes there had been when it began.
    dirty_count: u64,
}

/// Snapshots of one server.
#[derive(Default)]
pub(super) struct Saving {
    job: Option<Job>,
    /// Another snapshot was asked for while one was going on.
    is_scheduled: bool,
    /// Requests of earlier jobs may still be answered; their reports are told apart by this.
    job_number: u64,
    requests: Vec<(u64, StorageRequest)>,
    waiters: Vec<ConnectionId>,
    /// When the save points may act again, on the monotonic clock.
    earliest_ms: u64,
    saved_at_ms: u64,
}

impl Node {
    /// Lets the server take snapshots: from now on [`Node::take_storage_requests`] is served.
    pub fn enable_saving(&mut self, now: Timestamp) {
        self.saving.saved_at_ms = now.monotonic_ms();
        let saved_dirty_count = self.engine.dirty_count();
        let gauges = &mut self.engine.stats_mut().gauges;
        gauges.takes_snapshots = true;
        gauges.saved_dirty_count = saved_dirty_count;
        gauges.last_save_unix_seconds = now.unix_ms() / 1000;
    }

    /// Requests to the disk, in the order in which they are to be carried out, each with the
    /// number to report with.
    pub fn take_storage_requests(&mut self) -> Vec<(u64, StorageRequest)> {
        std::mem::take(&mut self.saving.requests)
    }

    /// Whether there is a disk.
    fn takes_snapshots(&self) -> bool {
        self.engine.stats().gauges.takes_snapshots
    }

    /// Whether a snapshot is being taken.
    pub fn is_saving(&self) -> bool {
        self.saving.job.is_some()
    }

    /// Whether the save points want the changes since the last snapshot kept when the server ends.
    pub fn wants_final_save(&self) -> bool {
        self.takes_snapshots() && !self.engine.config().save.is_empty()
    }

    /// Whether the last snapshot that was tried failed.
    pub fn has_save_failed(&self) -> bool {
        self.engine.save_has_failed()
    }

    /// Begins a snapshot, unless one is going on.
    pub fn begin_save(&mut self, now: Timestamp) {
        if !self.takes_snapshots() || self.saving.job.is_some() {
            return;
        }
        let saving = &mut self.saving;
        saving.job_number += 1;
        saving
            .requests
            .push((saving.job_number, StorageRequest::Begin));
        let dirty_count = self.engine.dirty_count();
        let writer = SnapshotWriter::begin(self.engine.keyspace_mut(), now.unix_ms());
        let phase = Phase::Writing;
        saving.job = Some(Job {
            writer,
            phase,
            in_flight_bytes: 0,
            started: now,
            dirty_count,
        });
        let keyspace = self.engine.keyspace_mut();
        let total_keys = (0..keyspace.database_count())
            .map(|index| keyspace.size(index).keys as u64)
            .sum();
        let gauges = &mut self.engine.stats_mut().gauges;
        gauges.snapshot_in_progress = true;
        gauges.snapshot_keys = 0;
        gauges.snapshot_total_keys = total_keys;
        gauges.snapshot_started_unix_seconds = now.unix_ms() / 1000;
        // The line about its end says all there is to say, and a failure is louder.
        log::debug!("saving a snapshot");
    }

    /// Begins a snapshot for a client that waits for its end.
    pub(super) fn save_for(&mut self, id: ConnectionId, now: Timestamp) {
        self.connections[id.slot as usize].is_waiting = true;
        self.saving.waiters.push(id);
        self.save_in_background(now);
    }

    /// Begins a snapshot, or notes that another is wanted after the present one, which may have
    /// failed already and only be going to its end.
    pub(super) fn save_in_background(&mut self, now: Timestamp) {
        self.saving.is_scheduled |= self.saving.job.is_some();
        self.begin_save(now);
    }

    /// Goes one step on with the snapshot, if there is one: a step of the walk, some tens of
    /// microseconds. Returns true if there is more to do at once.
    pub fn save_some(&mut self, now: Timestamp) -> bool {
        let Some(job) = &mut self.saving.job else {
            return false;
        };
        let keyspace = self.engine.keyspace_mut();
        match job.phase {
            Phase::Committing => false,
            Phase::Ending => {
                let has_more = keyspace.cut_some();
                if !has_more {
                    self.saving.job = None;
                    self.begin_scheduled(now);
                }
                has_more
            }
            Phase::Writing => {
                job.writer.collect(keyspace, false);
                let held_bytes = job.in_flight_bytes + job.writer.buffered_bytes();
                if held_bytes > HELD_BYTES_MAX {
                    self.fail_save("the disk is slower than the changes", now);
                    return true;
                }
                let may_step = held_bytes < IN_FLIGHT_BYTES_MAX && !job.writer.is_complete();
                if may_step {
                    job.writer.step(keyspace);
                }
                self.send_buffers();
                may_step
            }
        }
    }

    /// Whether [`Node::save_some`] has something to do at once.
    pub(super) fn has_saving_work(&self) -> bool {
        self.saving.job.as_ref().is_some_and(|job| match job.phase {
            Phase::Committing => false,
            Phase::Ending => true,
            Phase::Writing => {
                job.in_flight_bytes + job.writer.buffered_bytes() < IN_FLIGHT_BYTES_MAX
            }
        })
    }

    fn send_buffers(&mut self) {
        let Some(job) = &mut self.saving.job else {
            return;
        };
        let number = self.saving.job_number;
        while let Some(buffer) = job.writer.take_buffer() {
            job.in_flight_bytes += buffer.len();
            self.saving
                .requests
                .push((number, StorageRequest::Append(buffer)));
        }
        if job.writer.is_complete() {
            job.phase = Phase::Committing;
            self.saving.requests.push((number, StorageRequest::Commit));
        }
        let gauges = &mut self.engine.stats_mut().gauges;
        gauges.snapshot_bytes = job.writer.framed_bytes();
        gauges.snapshot_held_bytes = (job.in_flight_bytes + job.writer.buffered_bytes()) as u64;
        let counts = self.engine.keyspace_mut().cut_counts();
        let keys = counts.iter().map(|count| count.keys).sum();
        self.engine.stats_mut().gauges.snapshot_keys = keys;
    }

    /// Takes the disk's report on a request of [`Node::take_storage_requests`].
    pub fn storage_reported(&mut self, number: u64, report: StorageReport, now: Timestamp) {
        if number != self.saving.job_number {
            return;
        }
        match (report, &mut self.saving.job) {
            (StorageReport::Begun, _) | (_, None) => {}
            (StorageReport::Appended(bytes), Some(job)) => job.in_flight_bytes -= bytes,
            (StorageReport::Failed(reason), Some(job)) => {
                if !matches!(job.phase, Phase::Ending) {
                    self.fail_save(&reason, now);
                }
            }
            (StorageReport::Committed, Some(_)) => self.complete_save(now),
        }
    }

    fn complete_save(&mut self, now: Timestamp) {
        let Some(job) = self.saving.job.take() else {
            return;
        };
        let duration_us = now.monotonic_us - job.started.monotonic_us;
        self.saving.saved_at_ms = now.monotonic_ms();
        self.engine.note_save(true);
        let gauges = &mut self.engine.stats_mut().gauges;
        gauges.saved_dirty_count = job.dirty_count;
        gauges.last_save_unix_seconds = now.unix_ms() / 1000;
        gauges.last_save_duration_seconds = Some(duration_us / 1_000_000);
        gauges.snapshot_in_progress = false;
        gauges.snapshot_held_bytes = 0;
        self.engine.stats_mut().counters.rdb_saves += 1;
        log::info!(
            "saved a snapshot: {} bytes in {} ms",
            job.writer.framed_bytes(),
            duration_us / 1_000
        );
        self.answer_waiters(Ok(()));
        self.begin_scheduled(now);
    }

    fn fail_save(&mut self, reason: &str, now: Timestamp) {
        log::error!("the snapshot failed: {reason}; the last one stays, and it is tried again");
        self.saving.earliest_ms = now.monotonic_ms() + RETRY_MS;
        self.saving
            .requests
            .push((self.saving.job_number, StorageRequest::Abort));
        self.engine.note_save(false);
        self.engine.keyspace_mut().discard_cut();
        let gauges = &mut self.engine.stats_mut().gauges;
        gauges.snapshot_in_progress = false;
        gauges.snapshot_held_bytes = 0;
        if let Some(job) = &mut self.saving.job {
            job.phase = Phase::Ending;
        }
        self.answer_waiters(Err(reason));
    }

    fn begin_scheduled(&mut self, now: Timestamp) {
        if std::mem::take(&mut self.saving.is_scheduled) {
            self.begin_save(now);
        }
    }

    fn answer_waiters(&mut self, outcome: Result<(), &str>) {
        for id in std::mem::take(&mut self.saving.waiters) {
            self.answer_waiter(id, outcome);
        }
    }

    /// Answers a client that waited for the disk, if it is still there, and lets it go on.
    pub(super) fn answer_waiter(&mut self, id: ConnectionId, outcome: Result<(), &str>) {
        let Some(connection) = self.connections.get_mut(id.slot as usize) else {
            return;
        };
        if connection.generation != id.generation {
            return;
        }
        connection.is_waiting = false;
        self.reply_outcome(id, outcome);
        self.ready_list.push(id);
        self.note_buffers(id);
    }

    /// Answers a client that is there: OK, or an error with its reason.
    pub(super) fn reply_outcome(&mut self, id: ConnectionId, outcome: Result<(), &str>) {
        let connection = &mut self.connections[id.slot as usize];
        let dialect = self.engine.session(connection.session).dialect;
        let (out, _) = connection.output.appendable(&mut self.pool);
        let mut reply = ReplyWriter::new(out, dialect);
        match outcome {
            Ok(()) => reply.ok(),
            Err(reason) => reply.error(&ReplyError::new(format!("ERR {reason}"))),
        }
        self.list_output(id);
    }

    /// When the save points are to be looked at, on the monotonic clock; `None` if there is
    /// nothing to save.
    pub(super) fn next_save_ms(&self) -> Option<u64> {
        let saving = &self.saving;
        let gauges = &self.engine.stats().gauges;
        let changes = self.engine.dirty_count() - gauges.saved_dirty_count;
        if !gauges.takes_snapshots || saving.job.is_some() || changes == 0 {
            return None;
        }
        let points = self.engine.config().save.iter();
        points
            .filter(|point| changes >= point.changes)
            .map(|point| {
                saving
                    .saved_at_ms
                    .saturating_add(point.seconds.saturating_mul(1_000))
            })
            .min()
            .map(|at_ms| at_ms.max(saving.earliest_ms))
    }

    /// Begins a snapshot if a save point says so.
    pub(super) fn check_save_points(&mut self, now: Timestamp) {
        if self
            .next_save_ms()
            .is_some_and(|at_ms| at_ms <= now.monotonic_ms())
        {
            self.begin_save(now);
        }
    }
}
