//! A save that a crash or a failing disk interrupts leaves one whole snapshot: the old or the new.
//!
//! The disk is `MemoryDisk`, which counts its steps (create, writes, sync, rename, sync of the
//! directory) and fails or stops at one of them; every step is tried.
//!
//! Not here: damaged files (`snapshot_format.rs`), real files (`persistence/file_storage.rs`).

use crate::snapshot::{Cache, Contents, on_disk, read};
#[allow(dead_code, reason = "damaged files are of other tests")]
use evenkeel::persistence::{DiskFault, MemoryDisk, Storage};

/// Enough for several writes of 256 KiB each.
const KEY_COUNT: usize = 1_500;

/// Steps of a commit: sync, rename, sync of the directory.
const COMMIT_STEPS: usize = 3;

/// A cache with much in it; two of the same `version` have the same content.
fn cache_of(version: u8) -> Cache {
    let mut cache = Cache::new();
    cache.run(&[b"SET", b"version", version.to_string().as_bytes()]);
    for number in 0..KEY_COUNT {
        let key = format!("key{number}");
        if number % 7 != usize::from(version % 7) {
            cache.run(&[b"SET", key.as_bytes(), &vec![version; 400 + number % 50]]);
        }
    }
    let text = vec![b'a' + version; 300];
    for number in 0..200 {
        let field = format!("field:{number}").into_bytes();
        cache.run(&[b"HSET", b"large", &field, &text]);
        let member = [&text[..], &field].concat();
        cache.run(&[b"SADD", b"members", &member]);
        cache.run(&[b"RPUSH", b"items", &member]);
        let id = format!("{}-1", number + 1).into_bytes();
        cache.run(&[
            b"ZADD",
            b"scored",
            id.strip_suffix(b"-1").unwrap_or_default(),
            &member,
        ]);
        cache.run(&[b"XADD", b"entries", &id, b"field", &text]);
    }
    cache.run(&[b"XGROUP", b"CREATE", b"entries", b"group", b"0"]);
    cache.run(&[
        b"XREADGROUP",
        b"GROUP",
        b"group",
        b"ada",
        b"STREAMS",
        b"entries",
        b">",
    ]);
    for number in 0..5 {
        let number = (number + version).to_string().into_bytes();
        cache.run(&[b"SADD", b"integers", &number]);
        cache.run(&[b"RPUSH", b"few items", &number]);
        cache.run(&[b"ZADD", b"few scored", &number, b"member"]);
    }
    cache.run(&[b"HSET", b"small", b"version", &text[..1]]);
    cache.run(&[b"SELECT", b"3"]);
    cache.run(&[b"SET", b"session", b"ada", b"PX", b"5000"]);
    cache.run(&[b"SELECT", b"0"]);
    cache
}

/// Makes a cache that is of another version one of `version`.
fn change_to(cache: &mut Cache, version: u8) {
    let file = cache_of(version).saved();
    cache.run(&[b"FLUSHALL"]);
    let report = evenkeel::persistence::load_from(&mut cache.engine, &mut &file[..], |_, _| {});
    report.expect("an intact file");
}

/// What a disk's snapshot holds; `None` if there is none. It must be whole.
fn contents(disk: &MemoryDisk) -> Option<Contents> {
    let (contents, _) = read(&on_disk(disk)?).expect("a whole snapshot");
    Some(contents)
}

fn contents_of(version: u8) -> Contents {
    read(&cache_of(version).saved()).expect("just written").0
}

/// The steps of the first and of the second save on one disk.
fn step_counts() -> [usize; 2] {
    let mut disk = MemoryDisk::new();
    let mut cache = cache_of(1);
    cache.engine.save_to(&mut disk).expect("no fault is set");
    let first = disk.step_count();
    change_to(&mut cache, 2);
    cache.engine.save_to(&mut disk).expect("no fault is set");
    [first, disk.step_count() - first]
}

/// A disk that holds version 1 and will meet `fault` at a step of the next save, and the cache,
/// which is at version 2.
fn before_the_fault(step: usize, fault: DiskFault) -> (MemoryDisk, Cache) {
    let mut disk = MemoryDisk::new();
    let mut cache = cache_of(1);
    cache.engine.save_to(&mut disk).expect("no fault is set");
    disk.set_fault(disk.step_count() + step, fault);
    change_to(&mut cache, 2);
    (disk, cache)
}

#[test]
fn a_save_takes_several_writes() {
    let [first, second] = step_counts();
    assert!(first >= 1 + 3 + COMMIT_STEPS, "{first}");
    assert_eq!(second, first, "versions are about equally long");
}

/// Goal: what a crash does to a collection would be seen. Method: canaries; each kind of
/// collection, small and large, loses or changes one element, or comes in another order.
#[test]
fn a_collection_that_is_not_whole_is_other_content() {
    let whole = contents_of(1);
    assert_eq!(contents_of(1), whole);
    let changes: [&[&[u8]]; 10] = [
        &[b"HDEL", b"large", b"field:100"],
        &[b"HSET", b"large", b"field:100", b"other"],
        &[b"SPOP", b"members"],
        &[b"LPOP", b"items"],
        &[b"LMOVE", b"items", b"items", b"LEFT", b"RIGHT"],
        &[b"ZPOPMIN", b"scored"],
        &[b"XDEL", b"entries", b"7-1"],
        &[b"XACK", b"entries", b"group", b"7-1"],
        &[b"SREM", b"integers", b"3"],
        &[b"RPOP", b"few items"],
    ];
    for change in changes {
        let mut cache = cache_of(1);
        cache.run(change);
        let (contents, _) = read(&cache.saved()).expect("just written");
        let command = String::from_utf8_lossy(change[0]);
        assert_ne!(contents, whole, "{command}");
    }
}

#[test]
fn after_a_crash_at_any_step_the_old_or_the_new_snapshot_is_there() {
    let (old, new) = (contents_of(1), contents_of(2));
    assert_ne!(old, new);
    let [_, step_count] = step_counts();
    let directory_sync = step_count - 1;
    for step in 0..step_count {
        let (mut disk, mut cache) = before_the_fault(step, DiskFault::Crash);
        assert!(cache.engine.save_to(&mut disk).is_err(), "step {step}");
        let [lost, kept] = disk.after_crash();
        assert_eq!(contents(&lost).as_ref(), Some(&old), "step {step}");
        let expected = if step == directory_sync { &new } else { &old };
        assert_eq!(contents(&kept).as_ref(), Some(expected), "step {step}");
        for mut image in [lost, kept] {
            image.tidy().expect("no fault is set");
            let mut cache = Cache::loaded(&on_disk(&image).expect("one of two is there"));
            change_to(&mut cache, 3);
            cache.engine.save_to(&mut image).expect("no fault is set");
            for image in image.after_crash() {
                assert_eq!(contents(&image), Some(contents_of(3)), "step {step}");
            }
        }
    }
}

#[test]
fn after_a_crash_in_the_first_save_there_is_nothing_or_a_whole_snapshot() {
    let [step_count, _] = step_counts();
    let mut kept_count = 0;
    for step in 0..step_count {
        let mut disk = MemoryDisk::new();
        disk.set_fault(step, DiskFault::Crash);
        let mut cache = cache_of(1);
        assert!(cache.engine.save_to(&mut disk).is_err(), "step {step}");
        let [lost, kept] = disk.after_crash();
        assert_eq!(contents(&lost), None, "step {step}");
        if let Some(kept) = contents(&kept) {
            assert_eq!(kept, contents_of(1));
            kept_count += 1;
        }
    }
    assert_eq!(kept_count, 1, "when only the directory is not synced");
}

/// The failed save must not leave the walk of its cut half-way either: the next one is complete.
#[test]
fn after_an_error_at_any_step_the_old_snapshot_stays_and_the_next_save_works() {
    let (old, new) = (contents_of(1), contents_of(2));
    let [_, step_count] = step_counts();
    let directory_sync = step_count - 1;
    for step in 0..step_count {
        let (mut disk, mut cache) = before_the_fault(step, DiskFault::Error);
        assert!(cache.engine.save_to(&mut disk).is_err(), "step {step}");
        // The names were exchanged before the directory could not be synced.
        let expected = if step == directory_sync { &new } else { &old };
        assert_eq!(contents(&disk).as_ref(), Some(expected), "step {step}");
        let [lost, _] = disk.after_crash();
        assert_eq!(contents(&lost).as_ref(), Some(&old), "step {step}");
        assert_eq!(
            disk.tidy().expect("no fault is set"),
            0,
            "a failed save tidies up"
        );
        cache.engine.check_invariants();

        cache.engine.save_to(&mut disk).expect("no fault is set");
        for image in disk.after_crash() {
            assert_eq!(contents(&image).as_ref(), Some(&new), "step {step}");
        }
    }
}

/// Goal: no row of faults brings back more than the last save that succeeded, or less than a whole
/// later one. Method: saves with a fault at a random step each, and a crash after every one.
#[test]
fn a_row_of_failing_saves_never_loses_the_last_good_one() {
    let all: Vec<Contents> = (0..6).map(contents_of).collect();
    for seed in 0..20 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut disk = MemoryDisk::new();
        let mut cache = Cache::new();
        let mut possible = vec![None];
        for _ in 0..8 {
            let version = random.u8(0..6);
            change_to(&mut cache, version);
            let fault = [DiskFault::Error, DiskFault::Crash][usize::from(random.u8(0..4) == 0)];
            disk.set_fault(disk.step_count() + random.usize(0..12), fault);
            match cache.engine.save_to(&mut disk) {
                Ok(()) => possible = vec![Some(version)],
                Err(_) => possible.push(Some(version)),
            }
            let images = disk.after_crash();
            for image in &images {
                let found = contents(image);
                let is_possible = |version: &Option<u8>| {
                    found.as_ref() == version.map(|version| &all[usize::from(version)])
                };
                assert!(possible.iter().any(is_possible), "seed {seed}");
            }
            if fault == DiskFault::Crash {
                let [lost, kept] = images;
                disk = if random.bool() { lost } else { kept };
            }
        }
    }
}
