//! When snapshots are taken, and how one proceeds between the turns.
//!
//! ```text
//!  SAVE, BGSAVE, save points ─▶ begin ─▶ steps, while little is in flight ─▶ commit ─▶ done
//!                                 │ a failure of the disk: the walk ends without output
//!  requests ─▶ (a thread that may block) ─▶ reports
//! ```
//!
//! The writer's steps are taken by [`Node::save_some`], so they get the time that clients leave.
//!
//! **Memory.** All that is held for a snapshot is one count, kept by the keyspace
//! (`keyspace/cut/budget.rs`): what was read out, and what waits for the disk, also of a snapshot
//! that was given up. While a little is held the walk goes on; beyond that it waits. What changes
//! of keys read out can't wait: beyond a mark writers are slowed down (`pacing.rs`), and beyond a
//! share of the memory limit the cut gives itself up.
//!
//! **The disk** is judged by its reports alone: one that says nothing for [`SILENCE_MAX_MS`] hangs.
//! While it owes reports on a snapshot that was given up, no other is begun.
//!
//! Invariants: each request but an abort is reported on once, in order (`owed`), and the disk has
//! no more than [`OWED_BYTES_MAX`] and a buffer of them; whoever waits is
//! answered, however the snapshot or the disk ends.
//!
//! Not here: the bytes (`persistence/`), the disk (`server/disk.rs`).

use super::Node;
use super::pacing::{self, Pace};
use super::waiting::Awaited;
use crate::base::clock::Timestamp;
use crate::keyspace::Keyspace;
use crate::persistence::{SnapshotWriter, StorageReport, StorageRequest};
use std::collections::VecDeque;

/// Bytes held at which the walk waits for the disk, at most …
const WALK_BYTES_MAX: usize = 4 << 20;

/// … or this part of what may be held.
const WALK_SHARE: usize = 4;

/// Bytes that the disk is asked to write at once, at most: all that the walk makes.
const OWED_BYTES_MAX: usize = WALK_BYTES_MAX;

/// What may be held for a snapshot is this part of the memory limit, …
const HELD_SHARE: u64 = 8;

/// … at least a few buffers and what comes while a healthy disk is busy for a moment, …
const HELD_BYTES_MIN: u64 = 8 << 20;

/// … and at most as much as is worth waiting for; this, too, if no limit is known.
const HELD_BYTES_MAX: u64 = 256 << 20;

/// A disk that owes an answer and has said nothing for so long hangs. Network disks are known to
/// pause for seconds.
const SILENCE_MAX_MS: u64 = 10_000;

const SILENT: &str = "the disk has not answered for 10 seconds";

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
    started: Timestamp,
    /// Changes there had been when it began.
    dirty_count: u64,
}

/// Snapshots of one server.
#[derive(Default)]
pub(super) struct Saving {
    job: Option<Job>,
    /// Another snapshot was asked for while one was going on, or the disk owed reports.
    is_scheduled: bool,
    /// Requests of earlier jobs may still be answered; their reports are told apart by this.
    job_number: u64,
    /// What the disk is to be asked next. It is handed over in portions, so that most of it can be
    /// taken back when the disk hangs.
    requests: VecDeque<(u64, StorageRequest)>,
    /// Of each request that was handed over and not reported on, the oldest first, its bytes.
    owed: VecDeque<usize>,
    owed_bytes: usize,
    /// Bytes of all requests that were not reported on.
    unwritten_bytes: usize,
    /// When the disk last reported, or was asked after it had reported on everything; on the
    /// monotonic clock.
    heard_ms: u64,
    /// Reports so far.
    heard_count: u64,
    /// Bytes held at which the walk waits.
    walk_bytes_max: usize,
    /// Bytes held at which writers are slowed down.
    pub(super) mark_bytes: usize,
    pub(super) pace: Pace,
    /// When the save points may act again, on the monotonic clock.
    earliest_ms: u64,
    saved_at_ms: u64,
}

impl Saving {
    /// Asks something of the disk.
    fn ask(&mut self, request: StorageRequest, now: Timestamp) {
        if self.owed.is_empty() && self.requests.is_empty() {
            self.heard_ms = now.monotonic_ms();
        }
        self.unwritten_bytes += bytes_of(&request);
        self.requests.push_back((self.job_number, request));
    }

    /// Takes back what the disk was not asked yet, and has it forget the rest.
    fn take_back(&mut self, now: Timestamp) {
        self.requests.clear();
        self.unwritten_bytes = self.owed_bytes;
        self.ask(StorageRequest::Abort, now);
    }

    /// The next request for the disk, if it has not too much to do already.
    fn next_request(&mut self) -> Option<(u64, StorageRequest)> {
        let (_, next) = self.requests.front()?;
        let is_abort = matches!(next, StorageRequest::Abort);
        if self.owed_bytes >= OWED_BYTES_MAX && !is_abort {
            return None;
        }
        let (number, request) = self.requests.pop_front()?;
        if !is_abort {
            self.owed.push_back(bytes_of(&request));
            self.owed_bytes += bytes_of(&request);
        }
        Some((number, request))
    }

    /// Notes a sign of life of the disk.
    fn hear(&mut self, report: &StorageReport, now: Timestamp) {
        self.heard_ms = now.monotonic_ms();
        self.heard_count += 1;
        if !matches!(report, StorageReport::Working) {
            let bytes = self.owed.pop_front().unwrap_or(0);
            self.owed_bytes -= bytes;
            self.unwritten_bytes -= bytes;
        }
    }

    /// When the disk is to be taken for hanging, if somebody wants something of it.
    fn silence_ms(&self) -> Option<u64> {
        let is_running = |job: &Job| !matches!(job.phase, Phase::Ending);
        let is_wanted = self.is_scheduled || self.job.as_ref().is_some_and(is_running);
        (is_wanted && !self.owed.is_empty()).then_some(self.heard_ms + SILENCE_MAX_MS)
    }
}

impl Node {
    /// Lets the server take snapshots: from now on [`Node::take_storage_requests`] is served.
    pub fn enable_saving(&mut self, now: Timestamp) {
        self.saving.saved_at_ms = now.monotonic_ms();
        let saved_dirty_count = self.engine.dirty_count();
        let snapshots = &mut self.engine.host_mut().snapshots;
        snapshots.are_possible = true;
        snapshots.saved_dirty_count = saved_dirty_count;
        snapshots.last_unix_seconds = now.unix_ms() / 1000;
    }

    /// Requests to the disk, in the order in which they are to be carried out, each with the
    /// number to report with. To be asked after each turn and each report.
    pub fn take_storage_requests(&mut self) -> Vec<(u64, StorageRequest)> {
        std::iter::from_fn(|| self.saving.next_request()).collect()
    }

    /// Whether there is a disk.
    fn takes_snapshots(&self) -> bool {
        self.engine.host().snapshots.are_possible
    }

    /// Whether a snapshot is being taken, or is going to be when the disk has answered.
    pub fn is_saving(&self) -> bool {
        self.saving.job.is_some() || self.saving.is_scheduled
    }

    /// Counts up as long as a snapshot gets on: keys that were read out, reports of the disk.
    pub fn save_progress(&self) -> u64 {
        self.engine.stats().gauges.snapshot_keys + self.saving.heard_count
    }

    /// Derives from the memory limit (0 for none) how much may be held for a snapshot.
    pub(super) fn limit_saving(&mut self, limit_bytes: u64) {
        let held_bytes_max = match [limit_bytes, self.automatic_memory_bytes] {
            [0, 0] => HELD_BYTES_MAX,
            [0, bytes] | [bytes, _] => (bytes / HELD_SHARE).clamp(HELD_BYTES_MIN, HELD_BYTES_MAX),
        };
        self.stats_mut().gauges.snapshot_held_limit_bytes = held_bytes_max;
        let held_bytes_max = held_bytes_max as usize;
        self.saving.mark_bytes = pacing::mark_bytes(held_bytes_max);
        self.saving.walk_bytes_max = WALK_BYTES_MAX.min(held_bytes_max / WALK_SHARE);
        self.engine
            .keyspace_mut()
            .set_cut_limit_bytes(held_bytes_max);
    }

    /// Whether the save points want the changes since the last snapshot kept when the server ends.
    pub fn wants_final_save(&self) -> bool {
        self.takes_snapshots() && !self.engine.config().save.is_empty()
    }

    /// Whether the last snapshot that was tried failed.
    pub fn has_save_failed(&self) -> bool {
        self.engine.save_has_failed()
    }

    /// Begins a snapshot, unless one is going on. If the disk still owes reports on the last one,
    /// it begins when they have come; if a long command is changing a value where it is, when that
    /// has ended.
    pub fn begin_save(&mut self, now: Timestamp) {
        if !self.takes_snapshots() || self.saving.job.is_some() {
            return;
        }
        let is_changing = self.has_job() || self.engine.keyspace().is_changing_in_place();
        let saving = &mut self.saving;
        saving.is_scheduled = !saving.owed.is_empty() || is_changing;
        if saving.is_scheduled {
            return;
        }
        saving.job_number += 1;
        saving.ask(StorageRequest::Begin, now);
        let dirty_count = self.engine.dirty_count();
        let libraries = self.engine.library_codes();
        let writer = SnapshotWriter::begin(self.engine.keyspace_mut(), libraries, now.unix_ms());
        let phase = Phase::Writing;
        saving.job = Some(Job {
            writer,
            phase,
            started: now,
            dirty_count,
        });
        let keyspace = self.engine.keyspace_mut();
        let total_keys = (0..keyspace.database_count())
            .map(|index| keyspace.size(index).keys as u64)
            .sum();
        let gauges = &mut self.engine.stats_mut().gauges;
        gauges.snapshot_keys = 0;
        gauges.snapshot_total_keys = total_keys;
        gauges.snapshot_started_unix_seconds = now.unix_ms() / 1000;
        self.engine.host_mut().snapshots.is_in_progress = true;
        // The line about its end says all there is to say, and a failure is louder.
        log::debug!("saving a snapshot");
    }

    /// Begins a snapshot, or notes that another is wanted after the present one, which may have
    /// failed already and only be going to its end.
    pub(super) fn save_in_background(&mut self, now: Timestamp) {
        self.saving.is_scheduled |= self.saving.job.is_some();
        self.begin_save(now);
        self.check_silence(now);
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
            Phase::Writing if keyspace.is_cut_overrun() => {
                self.fail_save("the changes are faster than the disk", now);
                true
            }
            Phase::Writing => {
                job.writer.collect(keyspace, false);
                let may_step = may_walk(keyspace, job, self.saving.walk_bytes_max);
                if may_step {
                    job.writer.step(keyspace);
                }
                self.send_buffers(now);
                may_step
            }
        }
    }

    /// Whether [`Node::save_some`] has something to do at once.
    pub(super) fn has_saving_work(&self) -> bool {
        let keyspace = self.engine.keyspace();
        self.saving.job.as_ref().is_some_and(|job| match job.phase {
            Phase::Committing => false,
            Phase::Ending => true,
            Phase::Writing => {
                keyspace.is_cut_overrun() || may_walk(keyspace, job, self.saving.walk_bytes_max)
            }
        })
    }

    fn send_buffers(&mut self, now: Timestamp) {
        let Some(job) = &mut self.saving.job else {
            return;
        };
        let mut buffers = Vec::new();
        while let Some(buffer) = job.writer.take_buffer() {
            buffers.push(buffer);
        }
        let is_complete = job.writer.is_complete();
        if is_complete {
            job.phase = Phase::Committing;
        }
        let framed_bytes = job.writer.framed_bytes();
        for buffer in buffers {
            self.saving.ask(StorageRequest::Append(buffer), now);
        }
        if is_complete {
            self.saving.ask(StorageRequest::Commit, now);
        }
        self.note_unwritten();
        let counts = self.engine.keyspace_mut().cut_counts();
        let keys = counts.iter().map(|count| count.keys).sum();
        let gauges = &mut self.engine.stats_mut().gauges;
        gauges.snapshot_bytes = framed_bytes;
        gauges.snapshot_keys = keys;
    }

    /// Tells the keyspace, which counts it, how much is on its way to the disk.
    fn note_unwritten(&mut self) {
        let job = self.saving.job.as_ref();
        let buffered_bytes = job.map_or(0, |job| job.writer.buffered_bytes());
        let unwritten_bytes = self.saving.unwritten_bytes + buffered_bytes;
        self.engine
            .keyspace_mut()
            .set_unwritten_bytes(unwritten_bytes);
    }

    /// Takes the disk's report on a request of [`Node::take_storage_requests`].
    pub fn storage_reported(&mut self, number: u64, report: StorageReport, now: Timestamp) {
        self.saving.hear(&report, now);
        self.note_unwritten();
        if number == self.saving.job_number
            && let Some(job) = &self.saving.job
        {
            match report {
                StorageReport::Working | StorageReport::Begun | StorageReport::Appended(_) => {}
                StorageReport::Failed(reason) if !matches!(job.phase, Phase::Ending) => {
                    self.fail_save(&reason, now);
                }
                StorageReport::Failed(_) => {}
                StorageReport::Committed if matches!(job.phase, Phase::Committing) => {
                    self.complete_save(now);
                }
                // It was given up meanwhile, and counts as failed.
                StorageReport::Committed => {}
            }
        }
        self.begin_scheduled(now);
    }

    /// Gives up what is wanted of a disk that hangs.
    fn check_silence(&mut self, now: Timestamp) {
        let is_silent = |at_ms: u64| at_ms <= now.monotonic_ms();
        if !self.saving.silence_ms().is_some_and(is_silent) {
            return;
        }
        self.saving.is_scheduled = false;
        let is_running = |job: &Job| !matches!(job.phase, Phase::Ending);
        if self.saving.job.as_ref().is_some_and(is_running) {
            self.fail_save(SILENT, now);
        } else {
            log::error!("no snapshot is begun: {SILENT}");
            self.engine.note_save(false);
            self.answer_all(Awaited::Snapshot, Err(SILENT));
        }
    }

    fn complete_save(&mut self, now: Timestamp) {
        let Some(job) = self.saving.job.take() else {
            return;
        };
        let duration_us = now.monotonic_us - job.started.monotonic_us;
        self.saving.saved_at_ms = now.monotonic_ms();
        self.engine.note_save(true);
        let snapshots = &mut self.engine.host_mut().snapshots;
        snapshots.saved_dirty_count = job.dirty_count;
        snapshots.last_unix_seconds = now.unix_ms() / 1000;
        snapshots.is_in_progress = false;
        let stats = self.engine.stats_mut();
        stats.gauges.last_save_duration_seconds = Some(duration_us / 1_000_000);
        stats.counters.rdb_saves += 1;
        log::info!(
            "saved a snapshot: {} bytes in {} ms",
            job.writer.framed_bytes(),
            duration_us / 1_000
        );
        self.note_unwritten();
        self.answer_all(Awaited::Snapshot, Ok(()));
    }

    fn fail_save(&mut self, reason: &str, now: Timestamp) {
        log::error!("the snapshot failed: {reason}; the last one stays, and it is tried again");
        self.saving.earliest_ms = now.monotonic_ms() + RETRY_MS;
        self.saving.take_back(now);
        self.engine.note_save(false);
        self.engine.keyspace_mut().discard_cut();
        self.engine.host_mut().snapshots.is_in_progress = false;
        if let Some(job) = &mut self.saving.job {
            job.phase = Phase::Ending;
            job.writer.abandon();
        }
        self.note_unwritten();
        self.answer_all(Awaited::Snapshot, Err(reason));
    }

    pub(super) fn begin_scheduled(&mut self, now: Timestamp) {
        if self.saving.is_scheduled {
            self.begin_save(now);
        }
    }

    /// When the save points are to be looked at, on the monotonic clock; `None` if there is
    /// nothing to save.
    pub(super) fn next_save_ms(&self) -> Option<u64> {
        let saving = &self.saving;
        let snapshots = &self.engine.host().snapshots;
        let changes = self.engine.dirty_count() - snapshots.saved_dirty_count;
        if !snapshots.are_possible || changes == 0 {
            return None;
        }
        if saving.job.is_some() || !saving.owed.is_empty() {
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

    /// When [`Node::check_saving`] is to be called next, on the monotonic clock; `None` if nothing
    /// is to come.
    pub(super) fn next_saving_ms(&self) -> Option<u64> {
        let times_ms = [
            self.next_save_ms(),
            self.saving.silence_ms(),
            self.next_pace_ms(),
        ];
        times_ms.into_iter().flatten().min()
    }

    /// Begins a snapshot if a save point says so, gives one up if the disk hangs, and paces
    /// writers.
    pub(super) fn check_saving(&mut self, now: Timestamp) {
        self.check_silence(now);
        self.pace_writers(now);
        if self
            .next_save_ms()
            .is_some_and(|at_ms| at_ms <= now.monotonic_ms())
        {
            self.begin_save(now);
        }
    }
}

fn bytes_of(request: &StorageRequest) -> usize {
    match request {
        StorageRequest::Append(buffer) => buffer.capacity(),
        StorageRequest::Begin | StorageRequest::Commit | StorageRequest::Abort => 0,
    }
}

/// Whether the walk may take a step.
fn may_walk(keyspace: &Keyspace, job: &Job, bytes_max: usize) -> bool {
    keyspace.unwritten_bytes() < bytes_max && !job.writer.is_complete()
}
