//! What a listener is told of what goes: each string once, why, and without the lock.

use evenkeel::settings::MemoryPolicy;
use evenkeel::{Cache, RemovalReason, Timestamp};
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

type Told = Arc<Mutex<Vec<(String, Vec<u8>, RemovalReason)>>>;

/// A cache of at most so many bytes whose clock shows the counter, and what its listener was told.
fn cache_clock_told(capacity_bytes: u64) -> (Cache, Arc<AtomicU64>, Told) {
    let (clock, told) = (Arc::new(AtomicU64::new(1_000)), Told::default());
    let (shown, heard) = (Arc::clone(&clock), Arc::clone(&told));
    let cache = Cache::builder()
        .capacity_bytes(capacity_bytes)
        .clock(move || Timestamp::from_unix_ms(shown.load(Ordering::SeqCst)))
        .removal_listener(move |key, value, reason| {
            let key = String::from_utf8_lossy(key).into_owned();
            let mut heard = heard.lock().expect("no test panics in it");
            heard.push((key, value.to_vec(), reason));
        })
        .build();
    (cache, clock, told)
}

fn take(told: &Told) -> Vec<(String, Vec<u8>, RemovalReason)> {
    std::mem::take(&mut told.lock().expect("no listener panics in it"))
}

fn row(key: &str, value: &str, reason: RemovalReason) -> (String, Vec<u8>, RemovalReason) {
    (key.to_owned(), value.as_bytes().to_vec(), reason)
}

#[test]
fn each_reason_is_told() {
    let (cache, clock, told) = cache_clock_told(0);
    assert_eq!(cache.insert("a", "one"), Ok(()));
    assert_eq!(cache.get("a"), Some(b"one".to_vec()));
    assert_eq!(take(&told), []);
    // A number is kept as one, and told as text.
    assert_eq!(cache.insert("a", "17"), Ok(()));
    assert_eq!(take(&told), [row("a", "one", RemovalReason::Replaced)]);
    assert!(cache.remove("a") && !cache.remove("a"));
    assert_eq!(take(&told), [row("a", "17", RemovalReason::Removed)]);

    let lifetime = Duration::from_millis(5);
    assert_eq!(cache.insert_for("b", "two", lifetime), Ok(()));
    clock.store(1_004, Ordering::SeqCst);
    assert!(cache.contains("b"));
    clock.store(1_005, Ordering::SeqCst);
    assert!(!cache.contains("b"));
    assert_eq!(take(&told), [row("b", "two", RemovalReason::Expired)]);

    for key in ["c", "d", "e"] {
        assert_eq!(cache.insert(key, key), Ok(()));
    }
    cache.retain(|key, _| key != b"d");
    assert_eq!(take(&told), [row("d", "d", RemovalReason::Removed)]);
    cache.clear();
    assert!(cache.is_empty());
    let mut rest = take(&told);
    rest.sort_by(|one, other| one.0.cmp(&other.0));
    let removed = |key| row(key, key, RemovalReason::Removed);
    assert_eq!(rest, [removed("c"), removed("e")]);
}

#[test]
fn what_came_is_there_or_was_told_once() {
    let (cache, clock, told) = cache_clock_told(2 << 20);
    let mut random = fastrand::Rng::with_seed(17);
    // What was inserted and has not been told, in order: one value a key when a call has returned.
    let mut held: HashMap<String, VecDeque<Vec<u8>>> = HashMap::new();
    let mut counts: HashMap<RemovalReason, u64> = HashMap::new();
    for step in 0..30_000_u64 {
        clock.store(1_000 + step, Ordering::SeqCst);
        let key = random.u32(0..20_000).to_string();
        let value = vec![b'a' + (step % 26) as u8; random.usize(0..400)];
        let lifetime = Duration::from_millis(random.u64(1..5_000));
        let choice = random.u8(0..10);
        if choice > 0 {
            let values = held.entry(key.clone()).or_default();
            values.push_back(value.clone());
        }
        match choice {
            0 => drop(cache.remove(&key)),
            1 => assert_eq!(cache.insert_for(&key, &value, lifetime), Ok(())),
            _ => assert_eq!(cache.insert(&key, &value), Ok(())),
        }
        let is_there = cache.contains(&key);
        for (gone, value, reason) in take(&told) {
            let values = held.get_mut(&gone).expect("what goes has come");
            assert!(values.pop_front() == Some(value), "{gone} at step {step}");
            *counts.entry(reason).or_default() += 1;
        }
        let left = held.get(&key).map_or(0, VecDeque::len);
        assert!(left == usize::from(is_there), "step {step}");
    }
    held.retain(|_, values| !values.is_empty());
    assert_eq!(cache.len(), held.len());
    assert_eq!(
        counts.get(&RemovalReason::Evicted),
        Some(&cache.evictions())
    );
    assert!(counts.len() == 4 && counts.values().all(|&count| count > 100));
}

#[test]
fn a_listener_may_call_the_cache() {
    let second: Arc<OnceLock<Cache>> = Arc::default();
    let own = Arc::clone(&second);
    let cache = Cache::builder()
        .removal_listener(move |key, value, reason| {
            if reason == RemovalReason::Removed
                && let Some(cache) = own.get()
            {
                assert_eq!(cache.insert([key, b" was"].concat(), value), Ok(()));
            }
        })
        .build();
    assert!(second.set(cache.clone()).is_ok());
    assert_eq!(cache.insert("a", "1"), Ok(()));
    assert!(cache.remove("a"));
    assert_eq!(cache.get("a was"), Some(b"1".to_vec()));
}

#[test]
fn a_panic_of_a_listener_leaves_the_cache_to_others() {
    let cache = Cache::builder()
        .removal_listener(|_, _, _| panic!("this one is on purpose"))
        .build();
    assert_eq!(cache.insert("a", "1"), Ok(()));
    assert!(catch_unwind(AssertUnwindSafe(|| cache.insert("a", "2"))).is_err());
    assert_eq!(cache.get("a"), Some(b"2".to_vec()), "it was done before");
}

#[test]
fn under_noeviction_nothing_goes() {
    let cache = Cache::builder()
        .capacity_bytes(1 << 20)
        .policy(MemoryPolicy::Noeviction)
        .removal_listener(|_, _, _| unreachable!("nothing goes"))
        .build();
    let mut refused = 0;
    for number in 0..3_000_u32 {
        refused += u32::from(cache.insert(number.to_be_bytes(), [b'v'; 1_000]).is_err());
    }
    assert!(refused > 1_000 && cache.evictions() == 0);
}
