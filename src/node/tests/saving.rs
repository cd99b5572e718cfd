//! Snapshots of a node whose disk is in memory and works when the test says so: how much is in
//! flight, what a failure leads to, who is answered, and when the next one begins.
//!
//! Method: [`Disk`] holds what the node asks for until a test lets it be carried out.

use super::*;
use crate::persistence::{
    DiskFault, Loader, MemoryDisk, Storage, StorageReport, StorageRequest, Summary,
};
use std::collections::VecDeque;
use std::io::Read;

/// Bytes in flight at which the walk waits, as `saving.rs` says.
const IN_FLIGHT_BYTES_MAX: usize = 4 << 20;

/// What one step of the walk may add, and a buffer of the writer.
const STEP_BYTES_MAX: usize = 160 << 10;

/// A disk and what it has been asked to do.
#[derive(Default)]
struct Disk {
    memory: MemoryDisk,
    queue: VecDeque<(u64, StorageRequest)>,
}

impl Disk {
    /// Takes over what the node asks for; returns how many bytes wait to be written.
    fn collect(&mut self, node: &mut Node) -> usize {
        self.queue.extend(node.take_storage_requests());
        let bytes = |(_, request): &(u64, StorageRequest)| match request {
            StorageRequest::Append(buffer) => buffer.len(),
            StorageRequest::Begin | StorageRequest::Commit | StorageRequest::Abort => 0,
        };
        self.queue.iter().map(bytes).sum()
    }

    /// Carries out the first request that waits; returns its report.
    fn carry_out(&mut self) -> Option<(u64, StorageReport)> {
        let (number, request) = self.queue.pop_front()?;
        let report = request.carry_out(&mut self.memory)?;
        Some((number, report))
    }

    /// The keys of the snapshot on the disk, which must be whole; `None` if there is none.
    fn summary(&self) -> Option<Summary> {
        let mut bytes = Vec::new();
        let mut file = self.memory.open().expect("a disk in memory opens")?;
        file.read_to_end(&mut bytes).expect("it is in memory");
        let mut loader = Loader::new();
        loader.feed(&bytes, |_| ()).expect("a whole snapshot");
        Some(loader.finish().expect("a whole snapshot"))
    }

    fn saved_keys(&self) -> Option<u64> {
        let keys = |summary: Summary| summary.databases.iter().map(|count| count.keys).sum();
        self.summary().map(keys)
    }
}

impl Rig {
    /// A rig that saves by these points, such as `"60 1"`.
    fn saving(points: &str) -> (Self, Disk) {
        let mut rig = Self::new();
        let id = rig.accept();
        let request = format!("CONFIG SET save \"{points}\"\r\n");
        assert_eq!(rig.talk(id, &request), "+OK;");
        rig.node.enable_saving(rig.now);
        rig.node.closed(id);
        (rig, Disk::default())
    }

    /// Turns and disk in alternation until neither has anything to do.
    fn run_disk(&mut self, disk: &mut Disk) {
        loop {
            while self.turn() > 0 || self.node.is_busy(self.now) {}
            disk.collect(&mut self.node);
            if disk.queue.is_empty() {
                return;
            }
            if let Some((number, report)) = disk.carry_out() {
                self.node.storage_reported(number, report, self.now);
            }
        }
    }

    /// Lets the node go on as long as it says that it is busy.
    fn run_while_busy(&mut self) {
        while self.node.is_busy(self.now) {
            self.turn();
        }
    }

    /// Fills the cache with `count` keys of some 1,000 bytes each.
    fn fill(&mut self, id: ConnectionId, count: usize) {
        let value = "v".repeat(1000);
        for first in (0..count).step_by(100) {
            let sets = (first..count.min(first + 100))
                .map(|number| format!("SET key:{number} {value}\r\n"));
            self.talk(id, &sets.collect::<String>());
        }
    }

    /// How long it is until a save point is due.
    fn due_ms(&self) -> Option<u64> {
        let at_ms = self.node.next_save_ms()?;
        Some(at_ms.saturating_sub(self.now.monotonic_ms()))
    }

    /// Whether a connection waits with its next request.
    fn is_held(&self, id: ConnectionId) -> bool {
        self.connection(id).holds.has(Holds::PAUSE)
    }

    /// What is held for a snapshot, as INFO says.
    fn held(&mut self, id: ConnectionId) -> usize {
        let held = self.info(id, "snapshot_held_bytes");
        held.parse().expect("a number")
    }

    fn info(&mut self, id: ConnectionId, name: &str) -> String {
        let info = self.talk(id, "INFO persistence\r\n");
        let mut lines = info.split(';');
        let value = lines.find_map(|line| line.strip_prefix(&format!("{name}:")));
        value.expect("INFO has this line").to_string()
    }
}

#[test]
fn the_walk_waits_for_a_slow_disk_and_goes_on_when_it_reports() {
    let (mut rig, mut disk) = Rig::saving("");
    let id = rig.accept();
    rig.fill(id, 12_000);
    assert_eq!(rig.talk(id, "BGSAVE\r\n"), "+Background saving started;");
    rig.run_while_busy();
    let waiting = disk.collect(&mut rig.node);
    let bound = IN_FLIGHT_BYTES_MAX - STEP_BYTES_MAX..IN_FLIGHT_BYTES_MAX + STEP_BYTES_MAX;
    assert!(bound.contains(&waiting), "{waiting}");
    assert!(rig.node.is_saving());
    assert_eq!(rig.talk(id, "PING\r\n"), "+PONG;");
    assert!(!rig.node.is_busy(rig.now), "waiting costs nothing");
    assert_eq!(rig.info(id, "current_save_keys_total"), "12000");
    let processed: u64 = rig
        .info(id, "current_save_keys_processed")
        .parse()
        .expect("a number");
    assert!((1..12_000).contains(&processed), "{processed}");
    assert_eq!(rig.node.take_storage_requests().len(), 0);

    // A report makes room for as much as it says.
    let begun = disk.carry_out().expect("the beginning is reported");
    assert_eq!(begun, (1, StorageReport::Begun));
    rig.node.storage_reported(1, begun.1, rig.now);
    assert!(!rig.node.is_busy(rig.now), "that was no data");
    let mut longest = 0;
    while let Some((number, report)) = disk.carry_out() {
        rig.node.storage_reported(number, report, rig.now);
        rig.run_while_busy();
        longest = longest.max(disk.collect(&mut rig.node));
    }
    assert!(longest < IN_FLIGHT_BYTES_MAX + STEP_BYTES_MAX, "{longest}");
    assert!(!rig.node.is_saving());
    assert_eq!(disk.saved_keys(), Some(12_000));
    assert_eq!(rig.info(id, "snapshot_keys"), "12000");
    assert_eq!(rig.info(id, "current_save_keys_processed"), "0");
    assert_eq!(rig.info(id, "current_save_keys_total"), "0");
    assert_eq!(rig.info(id, "snapshot_held_bytes"), "0");
}

#[test]
fn the_file_is_of_the_moment_of_its_beginning_however_slow_the_disk_is() {
    let (mut rig, mut disk) = Rig::saving("");
    let id = rig.accept();
    rig.fill(id, 8_000);
    let library = "#!lua name=lib\\nredis.register_function('f', function() end)";
    rig.talk(id, &format!("FUNCTION LOAD \"{library}\"\r\n"));
    rig.talk(id, "BGSAVE\r\n");
    rig.run_while_busy();
    // The walk waits in the middle; everything changes.
    rig.talk(
        id,
        "SET new v\r\nSWAPDB 0 1\r\nFLUSHALL\r\nFUNCTION FLUSH\r\nSET new v\r\n",
    );
    rig.run_disk(&mut disk);
    let summary = disk.summary().expect("it was saved");
    assert_eq!(
        (summary.databases.len(), disk.saved_keys()),
        (1, Some(8_000))
    );
    assert_eq!((summary.databases[0].database, summary.libraries), (0, 1));
    assert_eq!(rig.info(id, "rdb_changes_since_last_save"), "8005");
    rig.talk(id, "BGSAVE\r\n");
    rig.run_disk(&mut disk);
    assert_eq!(disk.saved_keys(), Some(1));
    assert_eq!(disk.summary().map(|summary| summary.libraries), Some(0));
    assert_eq!(rig.info(id, "rdb_changes_since_last_save"), "0");
}

/// Defect: a disk that had failed to append went on with the buffers and the commit that were on
/// their way already. Effect: a snapshot with a hole took the place of the good one, and was
/// reported as a success. Fix: after a failed append nothing can be committed.
#[test]
fn a_failure_at_any_step_keeps_the_old_snapshot_and_the_next_save_is_complete() {
    let steps = {
        let (mut rig, mut disk) = Rig::saving("60 1");
        let id = rig.accept();
        rig.fill(id, 1_500);
        rig.talk(id, "BGSAVE\r\n");
        rig.run_disk(&mut disk);
        disk.memory.step_count()
    };
    assert!(steps > 1 + 3 + 3, "several writes: {steps}");
    for step in 0..steps {
        let (mut rig, mut disk) = Rig::saving("60 1");
        let (id, waiter) = (rig.accept(), rig.accept());
        rig.talk(id, "SET a 1\r\nBGSAVE\r\n");
        rig.run_disk(&mut disk);
        assert_eq!(disk.saved_keys(), Some(1));
        rig.fill(id, 1_500);
        let at = disk.memory.step_count() + step;
        disk.memory.set_fault(at, DiskFault::Error);
        assert_eq!(rig.talk(waiter, "SAVE\r\n"), "", "step {step}");
        rig.run_disk(&mut disk);
        let error = "-ERR the disk fails as the test asked;";
        assert_eq!(rig.take(waiter), error, "step {step}");
        assert_eq!(rig.info(id, "rdb_last_bgsave_status"), "err");
        assert!(!rig.node.is_saving() && rig.node.has_save_failed());
        // The last step is the sync of the directory: the new one has its name already.
        let kept = if step + 1 == steps { 1_501 } else { 1 };
        assert_eq!(disk.saved_keys(), Some(kept), "step {step}");

        // The points are due after 60 s, long after the pause of 5 s.
        rig.advance_ms(59_999);
        assert!(!rig.node.is_saving());
        rig.advance_ms(1);
        assert!(rig.node.is_saving());
        rig.run_disk(&mut disk);
        assert_eq!(disk.saved_keys(), Some(1_501), "step {step}");
        assert_eq!(rig.info(id, "rdb_last_bgsave_status"), "ok");
    }
}

#[test]
fn after_a_failure_the_save_points_wait_five_seconds() {
    let (mut rig, mut disk) = Rig::saving("1 1");
    let id = rig.accept();
    rig.talk(id, "SET k v\r\n");
    for _ in 0..3 {
        disk.memory
            .set_fault(disk.memory.step_count(), DiskFault::Error);
        while !rig.node.is_saving() {
            let wake_ms = rig.wake_ms().expect("something is to be saved");
            rig.advance_ms(wake_ms);
        }
        let failed_at = rig.now.monotonic_ms();
        rig.run_disk(&mut disk);
        assert!(rig.node.has_save_failed() && !rig.node.is_saving());
        rig.advance_ms(1_000);
        rig.advance_ms(3_999);
        assert!(!rig.node.is_saving(), "not a millisecond too early");
        assert_eq!(rig.wake_ms(), Some(1));
        assert_eq!(rig.now.monotonic_ms(), failed_at + 4_999);
    }
    rig.advance_ms(1);
    assert!(rig.node.is_saving());
    rig.run_disk(&mut disk);
    assert!(!rig.node.has_save_failed());
    assert_eq!(disk.saved_keys(), Some(1));
}

#[test]
fn whoever_asks_after_a_failure_need_not_wait() {
    let (mut rig, mut disk) = Rig::saving("");
    let id = rig.accept();
    rig.talk(id, "SET k v\r\n");
    disk.memory.set_fault(0, DiskFault::Error);
    rig.talk(id, "SAVE\r\n");
    rig.run_disk(&mut disk);
    assert_eq!(rig.take(id), "-ERR the disk fails as the test asked;");
    assert_eq!(rig.talk(id, "SAVE\r\n"), "");
    rig.run_disk(&mut disk);
    assert_eq!(rig.take(id), "+OK;");
    assert_eq!(disk.saved_keys(), Some(1));
}

/// Defect: a SAVE that came while a failed snapshot was walking to its end joined that one, whose
/// waiters had been answered. Effect: no answer until the next snapshot, if there ever was one.
/// Fix: it has another begun behind it.
#[test]
fn a_save_during_the_end_of_a_failed_one_is_answered() {
    let (mut rig, mut disk) = Rig::saving("");
    let (id, waiter) = (rig.accept(), rig.accept());
    rig.fill(id, 12_000);
    rig.talk(id, "BGSAVE\r\n");
    rig.run_while_busy();
    disk.collect(&mut rig.node);
    disk.memory.set_fault(0, DiskFault::Error);
    let (number, report) = disk.carry_out().expect("the failure is reported");
    rig.node.storage_reported(number, report, rig.now);
    assert!(rig.node.is_saving(), "the walk is in the middle");
    rig.read_once(waiter, b"SAVE\r\n");
    rig.run_disk(&mut disk);
    assert_eq!(rig.take(waiter), "+OK;");
    assert_eq!(disk.saved_keys(), Some(12_000));
}

#[test]
fn a_waiting_client_is_answered_in_order_and_others_are_served_meanwhile() {
    let (mut rig, mut disk) = Rig::saving("");
    let (waiter, other) = (rig.accept(), rig.accept());
    assert_eq!(
        rig.talk(waiter, "SET k 1\r\nSAVE\r\nINCR k\r\nGET k\r\n"),
        "+OK;"
    );
    assert!(!rig.node.may_read(waiter));
    assert_eq!(
        rig.talk(other, "GET k\r\nSAVE\r\nBGSAVE\r\n"),
        "$1;1;-ERR Background save already in progress;\
         -ERR Background save already in progress;"
    );
    rig.run_disk(&mut disk);
    assert_eq!(rig.take(waiter), "+OK;:2;$1;2;");
    assert!(rig.node.may_read(waiter));
    assert_eq!(rig.info(other, "rdb_changes_since_last_save"), "1");
}

#[test]
fn a_client_that_leaves_while_it_waits_is_forgotten() {
    let (mut rig, mut disk) = Rig::saving("");
    let waiter = rig.accept();
    rig.talk(waiter, "SET k v\r\nSAVE\r\n");
    rig.node.closed(waiter);
    let next = rig.accept();
    assert_eq!(next.slot, waiter.slot, "the slot is used again");
    rig.run_disk(&mut disk);
    assert_eq!(rig.take(next), "", "the answer was another's");
    assert_eq!(disk.saved_keys(), Some(1));
}

/// Defect: the end of a client's input closed it while it waited. Effect: `printf 'SAVE\n' | nc`
/// got no answer. Fix: a client that waits has something left to do.
#[test]
fn a_client_that_sends_nothing_more_still_gets_its_answer() {
    let (mut rig, mut disk) = Rig::saving("");
    let waiter = rig.accept();
    rig.send(waiter, b"SAVE\r\n");
    rig.node.end_of_input(waiter);
    assert!(rig.close_listed().is_empty());
    rig.run_disk(&mut disk);
    assert_eq!(rig.take(waiter), "+OK;");
    assert_eq!(rig.close_listed(), [waiter]);
}

/// Defect: a client that was closed for its memory while it waited was answered all the same.
/// Effect: OK came after the error that said it is closed. Fix: who waits no more is not answered.
#[test]
fn who_is_closed_while_it_waits_gets_no_answer() {
    let (mut rig, mut disk) = Rig::saving("");
    let waiter = rig.accept();
    rig.send(waiter, b"SAVE\r\n");
    rig.node.close_for_memory(waiter);
    rig.run_disk(&mut disk);
    let output = rig.take(waiter);
    assert!(output.starts_with("-OOM this client is closed"), "{output}");
    assert!(!output.contains("+OK"), "{output}");
    assert_eq!(rig.close_listed(), [waiter]);
}

/// Defect: a client that waited for its snapshot was taken for silent. Effect: with `timeout` it
/// was closed before a slow disk was done. Fix: as with a pause.
#[test]
fn a_client_that_waits_is_not_called_silent() {
    let (mut rig, mut disk) = Rig::saving("");
    let waiter = rig.accept();
    assert_eq!(rig.talk(waiter, "CONFIG SET timeout 1\r\n"), "+OK;");
    rig.talk(waiter, "SAVE\r\n");
    rig.advance_ms(9_000);
    assert!(rig.close_listed().is_empty());
    rig.run_disk(&mut disk);
    assert_eq!(rig.take(waiter), "+OK;");
}

#[test]
fn a_scheduled_save_follows_the_present_one_once() {
    let (mut rig, mut disk) = Rig::saving("");
    let id = rig.accept();
    rig.fill(id, 12_000);
    assert_eq!(
        rig.talk(id, "BGSAVE SCHEDULE\r\n"),
        "+Background saving started;"
    );
    rig.run_while_busy();
    assert_eq!(
        rig.talk(id, "SET late v\r\nBGSAVE SCHEDULE\r\nBGSAVE SCHEDULE\r\n"),
        "+OK;+Background saving scheduled;+Background saving scheduled;"
    );
    rig.run_disk(&mut disk);
    assert!(!rig.node.is_saving());
    assert_eq!(rig.info(id, "rdb_saves"), "2");
    assert_eq!(disk.saved_keys(), Some(12_001));
}

#[test]
fn save_points_are_due_at_their_millisecond() {
    let (mut rig, mut disk) = Rig::saving("60 10 5 1000");
    let id = rig.accept();
    rig.talk(id, &"INCR n\r\n".repeat(9));
    rig.advance_ms(1_000);
    assert_eq!(rig.due_ms(), None, "9 changes are too few");
    rig.talk(id, "INCR n\r\n");
    rig.advance_ms(1_000);
    assert_eq!(rig.due_ms(), Some(58_000));
    rig.talk(id, &"INCR n\r\n".repeat(990));
    assert_eq!(rig.due_ms(), Some(3_000), "the nearer point");
    let waited_ms = rig.wait_until(|rig| rig.node.is_saving());
    assert_eq!(waited_ms, 3_000, "not a millisecond too early or too late");
    assert_eq!(rig.due_ms(), None);
    rig.run_disk(&mut disk);
    assert_eq!((rig.due_ms(), disk.saved_keys()), (None, Some(1)));

    // Points that are past when their changes come are due at once.
    rig.advance_ms(600_000);
    rig.talk(id, &"INCR n\r\n".repeat(9));
    rig.advance_ms(1_000);
    assert_eq!(rig.due_ms(), None);
    rig.read_once(id, b"INCR n\r\n");
    assert_eq!((rig.due_ms(), rig.wake_ms()), (Some(0), Some(0)));
    rig.turn();
    assert!(rig.node.is_saving());
}

#[test]
fn save_points_may_change_while_there_are_changes() {
    let (mut rig, _) = Rig::saving("");
    let id = rig.accept();
    rig.talk(id, "SET k v\r\n");
    rig.advance_ms(10_000);
    assert_eq!(rig.due_ms(), None);
    rig.talk(id, "CONFIG SET save \"30 1\"\r\n");
    assert_eq!(rig.due_ms(), Some(20_000));
    rig.talk(id, "CONFIG SET save \"\"\r\n");
    rig.advance_ms(60_000);
    assert!(!rig.node.is_saving());
    assert_eq!(rig.due_ms(), None);
}

#[test]
fn a_server_with_nothing_to_save_is_not_woken() {
    let (mut rig, mut disk) = Rig::saving("1 1");
    let id = rig.accept();
    rig.talk(id, "GET k\r\nDEL k\r\n");
    rig.wait_until(|_| false);
    assert_eq!(rig.wake_ms(), None, "reads are no changes");
    rig.talk(id, "SET k v\r\n");
    rig.advance_ms(1_000);
    rig.run_disk(&mut disk);
    rig.wait_until(|_| false);
    assert_eq!(rig.wake_ms(), None);
    rig.advance_ms(3_600_000);
    assert!(!rig.node.is_saving());
    assert_eq!(rig.info(id, "rdb_saves"), "1");
}

/// Defect: a snapshot that was given up was forgotten while its buffers still waited for the disk,
/// and the next one began to count at 0. Effect: 256 MiB more with every attempt while a disk hung.
/// Fix: one count for all that waits, and no other snapshot until the disk has reported on the
/// last.
#[test]
fn attempts_on_a_hung_disk_do_not_add_up() {
    let (mut rig, mut disk) = Rig::saving("1 1");
    let id = rig.accept();
    rig.fill(id, 12_000);
    rig.wait_until(|rig| rig.node.is_saving());
    rig.run_while_busy();
    let waiting = disk.collect(&mut rig.node);
    assert!(waiting > 3 << 20, "{waiting}");
    rig.advance_ms(9_999);
    assert!(!rig.node.has_save_failed(), "not a millisecond too early");
    rig.advance_ms(1);
    assert!(rig.node.has_save_failed());
    rig.run_while_busy();
    for _ in 0..5 {
        rig.fill(id, 12_000);
        rig.advance_ms(60_000);
        rig.run_while_busy();
        assert!(!rig.node.is_saving(), "the disk still owes answers");
        assert_eq!(rig.node.next_saving_ms(), None, "and nobody waits for it");
        let waits = rig.held(id);
        assert!(
            waits >= waiting && waits < waiting + STEP_BYTES_MAX,
            "{waits}"
        );
    }
    // The disk comes back, and the next snapshot begins when it has reported on everything.
    rig.run_disk(&mut disk);
    assert!(!rig.node.has_save_failed());
    assert_eq!(disk.saved_keys(), Some(12_000));
    assert_eq!(rig.held(id), 0);
}

#[test]
fn whoever_asks_for_a_snapshot_while_the_disk_hangs_is_told() {
    let (mut rig, mut disk) = Rig::saving("");
    let (id, early, late) = (rig.accept(), rig.accept(), rig.accept());
    rig.fill(id, 1_500);
    assert_eq!(rig.talk(early, "SAVE\r\n"), "");
    rig.run_while_busy();
    disk.collect(&mut rig.node);
    rig.advance_ms(10_000);
    let error = "-ERR the disk has not answered for 10 seconds;";
    assert_eq!(rig.take(early), error);
    assert_eq!(rig.talk(late, "SAVE\r\n"), error);
    // It comes back with the first report; then there is something to wait for.
    let (number, report) = disk.carry_out().expect("the beginning is reported");
    rig.node.storage_reported(number, report, rig.now);
    assert_eq!(rig.talk(late, "SAVE\r\n"), "");
    rig.run_disk(&mut disk);
    assert_eq!(rig.take(late), "+OK;");
    assert_eq!(disk.saved_keys(), Some(1_500));
    assert_eq!(rig.info(id, "rdb_saves"), "1");
}

/// Goal: a disk that is slow but gets on is waited for. Method: it takes nine seconds for each
/// request, and says now and then that it works during the last one.
#[test]
fn a_slow_disk_is_no_hung_one() {
    let (mut rig, mut disk) = Rig::saving("");
    let id = rig.accept();
    rig.fill(id, 1_500);
    rig.talk(id, "BGSAVE\r\n");
    rig.run_while_busy();
    disk.collect(&mut rig.node);
    while let Some((number, report)) = disk.carry_out() {
        rig.advance_ms(9_000);
        rig.node
            .storage_reported(number, StorageReport::Working, rig.now);
        rig.advance_ms(9_000);
        rig.node.storage_reported(number, report, rig.now);
        rig.run_while_busy();
        disk.collect(&mut rig.node);
    }
    assert!(!rig.node.is_saving() && !rig.node.has_save_failed());
    assert_eq!(disk.saved_keys(), Some(1_500));
}

/// Goal: a snapshot that was given up counts as failed although the disk, late, completes it.
#[test]
fn a_late_commit_does_not_count() {
    let (mut rig, mut disk) = Rig::saving("");
    let id = rig.accept();
    rig.talk(id, "SET k v\r\nBGSAVE\r\n");
    rig.run_while_busy();
    disk.collect(&mut rig.node);
    rig.advance_ms(10_000);
    assert!(rig.node.has_save_failed());
    rig.run_disk(&mut disk);
    assert!(rig.node.has_save_failed());
    assert_eq!(rig.info(id, "rdb_saves"), "0");
    assert_eq!(rig.info(id, "rdb_changes_since_last_save"), "1");
}

/// Defect: what was held was compared with a bound between turns only. Effect: one DEL of all keys,
/// after KEYS as frameworks do, held all of them for the disk. Fix: a cut gives itself up where
/// records are read out.
#[test]
fn one_request_cannot_make_a_snapshot_hold_more_than_it_may() {
    let (mut rig, mut disk) = Rig::saving("");
    let id = rig.accept();
    assert_eq!(rig.talk(id, "CONFIG SET maxmemory 64mb\r\n"), "+OK;");
    assert_eq!(rig.info(id, "snapshot_held_limit_bytes"), "8388608");
    rig.fill(id, 20_000);
    rig.talk(id, "BGSAVE\r\n");
    rig.run_while_busy();
    let waiting = disk.collect(&mut rig.node);
    assert!(waiting < 3 << 20, "the walk waits earlier: {waiting}");
    let names = (0..20_000).map(|number| format!("key:{number}"));
    let names: String = names
        .map(|name| format!("${}\r\n{name}\r\n", name.len()))
        .collect();
    let reply = rig.talk(id, &format!("*20001\r\n$3\r\nDEL\r\n{names}"));
    assert_eq!(reply, ":20000;");
    rig.run_while_busy();
    assert!(rig.node.has_save_failed() && !rig.node.is_saving());
    assert!(rig.held(id) < 3 << 20, "what the disk has");
    rig.run_disk(&mut disk);
    assert_eq!(rig.held(id), 0);
    // Writers were slowed down meanwhile.
    rig.advance_ms(1_000);
    rig.talk(id, "SET k v\r\nBGSAVE\r\n");
    rig.run_disk(&mut disk);
    assert_eq!(disk.saved_keys(), Some(1));
}

/// Defect: the walk was given up for what it had itself read out. Effect: a value of 300 MB was
/// never saved, on an idle server with an idle disk. Fix: it is read in slices, and waits for the
/// disk.
#[test]
fn a_value_larger_than_what_may_be_held_is_saved() {
    let (mut rig, mut disk) = Rig::saving("");
    let id = rig.accept();
    let (len, begin) = (20 << 20, "*3\r\n$3\r\nSET\r\n$4\r\nlong\r\n");
    let request = format!("{begin}${len}\r\n{}\r\n", "v".repeat(len));
    assert_eq!(rig.talk(id, &request), "+OK;");
    rig.talk(id, "CONFIG SET maxmemory 64mb\r\nBGSAVE\r\n");
    let mut longest = 0;
    loop {
        rig.run_while_busy();
        longest = longest.max(disk.collect(&mut rig.node));
        let Some((number, report)) = disk.carry_out() else {
            break;
        };
        rig.node.storage_reported(number, report, rig.now);
    }
    assert!(longest < 3 << 20, "{longest}");
    assert!(!rig.node.has_save_failed() && !rig.node.is_saving());
    assert_eq!(disk.saved_keys(), Some(1));
}

#[test]
fn a_node_without_a_disk_says_so() {
    let mut rig = Rig::new();
    let id = rig.accept();
    let error = "-ERR snapshots are off: this server was given no disk;";
    assert_eq!(rig.talk(id, "SET k v\r\n"), "+OK;");
    assert_eq!(rig.talk(id, "SAVE\r\n"), error);
    assert_eq!(rig.talk(id, "BGSAVE\r\n"), error);
    rig.advance_ms(3_600_000);
    assert!(!rig.node.is_saving());
    assert!(rig.node.take_storage_requests().is_empty());
}

#[test]
fn writes_stop_after_a_failure_if_that_is_wanted() {
    let (mut rig, mut disk) = Rig::saving("");
    let id = rig.accept();
    rig.talk(id, "CONFIG SET stop-writes-on-bgsave-error yes\r\n");
    disk.memory.set_fault(0, DiskFault::Error);
    rig.talk(id, "SET a 1\r\nBGSAVE\r\n");
    rig.run_disk(&mut disk);
    let replies = rig.talk(id, "SET a 2\r\nGET a\r\n");
    assert!(replies.starts_with("-MISCONF "), "{replies}");
    assert!(replies.ends_with(";$1;1;"), "{replies}");
    rig.talk(id, "BGSAVE\r\n");
    rig.run_disk(&mut disk);
    assert_eq!(rig.talk(id, "SET a 2\r\n"), "+OK;");
}

/// Defect: while all keys were overwritten on a slow disk, everything that changes read out was
/// held. Effect: 1.4 to twice the memory. Fix: beyond a mark, writers wait every other span of
/// time.
#[test]
fn writers_are_held_half_of_the_time_while_much_is_held() {
    let (mut rig, mut disk) = Rig::saving("");
    let (id, reader) = (rig.accept(), rig.accept());
    rig.talk(id, "CONFIG SET maxmemory 64mb\r\n");
    rig.fill(id, 20_000);
    rig.talk(id, "BGSAVE\r\n");
    rig.run_while_busy();
    rig.talk(id, "SET key:19999 v\r\n");
    assert!(!rig.is_held(id), "little is held");
    // The mark is half of the 8 MiB that may be held.
    let names: Vec<String> = (10_000..13_000)
        .map(|number| format!("key:{number}"))
        .collect();
    assert_eq!(
        rig.talk(id, &format!("DEL {}\r\n", names.join(" "))),
        ":3000;"
    );
    let held = rig.held(reader);
    assert!((4 << 20..8 << 20).contains(&held), "{held}");
    for _ in 0..3 {
        rig.read_once(id, b"SET key:1 v\r\n");
        rig.turn();
        assert!(rig.is_held(id), "writers wait");
        assert_eq!(rig.talk(reader, "EXISTS key:1\r\n"), ":1;", "readers don't");
        assert_eq!(rig.wake_ms(), Some(8));
        rig.advance_ms(7);
        assert!(rig.is_held(id), "not a millisecond too early");
        rig.advance_ms(1);
        assert!(!rig.is_held(id));
        assert_eq!(rig.take(id), "+OK;");
        rig.advance_ms(7);
        assert_eq!(rig.talk(id, "SET key:1 w\r\n"), "+OK;", "as long");
        rig.advance_ms(1);
    }
    // The disk takes what is held, and nobody is held any more.
    rig.advance_ms(8);
    rig.run_disk(&mut disk);
    rig.advance_ms(8);
    assert!(!rig.node.has_save_failed());
    assert_eq!(rig.talk(id, "SET key:1 v\r\n"), "+OK;");
    assert_eq!(disk.saved_keys(), Some(20_000));
}

/// Goal: short records that wait for the end of a long one do not keep the walk from getting there.
/// Method: while a long value is being read, more is read out by changes than the walk lets wait.
#[test]
fn what_waits_for_a_long_value_does_not_hold_it_up() {
    let (mut rig, mut disk) = Rig::saving("");
    let id = rig.accept();
    rig.fill(id, 8_000);
    let begin = "*3\r\n$3\r\nSET\r\n$4\r\nlong\r\n";
    let request = format!("{begin}${}\r\n{}\r\n", 8 << 20, "v".repeat(8 << 20));
    assert_eq!(rig.talk(id, &request), "+OK;");
    // It is handed over at once, so it is the first to be read.
    let names: Vec<String> = (0..8_000).map(|number| format!("key:{number}")).collect();
    let both = format!(
        "BGSAVE\r\nSET long short\r\nDEL {}\r\n",
        names[..10].join(" ")
    );
    rig.read_once(id, both.as_bytes());
    rig.run_while_busy();
    assert_eq!(rig.info(id, "snapshot_keys"), "11");
    rig.advance_ms(8);
    rig.talk(id, &format!("DEL {}\r\n", names[10..7_000].join(" ")));
    assert!(rig.held(id) > 2 * IN_FLIGHT_BYTES_MAX);
    rig.run_disk(&mut disk);
    assert_eq!(disk.saved_keys(), Some(8_001));
}
