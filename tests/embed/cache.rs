//! [`Cache`] as programs use it: from threads, below a limit, with a clock that the test moves.

use evenkeel::{Cache, Expire, TimeToLive, Timestamp, WriteError};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

const fn is_shared_by_threads<T: Clone + Send + Sync>() {}
const _: () = is_shared_by_threads::<Cache>();

/// A cache whose clock shows what the counter says, in milliseconds.
fn cache_and_clock() -> (Cache, Arc<AtomicU64>) {
    let clock = Arc::new(AtomicU64::new(1_000));
    let shown = Arc::clone(&clock);
    let cache = Cache::builder()
        .default_ttl(Duration::from_millis(500))
        .clock(move || Timestamp::from_unix_ms(shown.load(Ordering::SeqCst)))
        .build();
    (cache, clock)
}

#[test]
fn what_is_inserted_is_there_until_it_is_removed() {
    let cache = Cache::builder().build();
    assert_eq!(cache.insert("a", "1"), Ok(()));
    assert_eq!(cache.insert_if_absent("a", "2"), Ok(false));
    assert_eq!(cache.insert_if_absent("b", "2"), Ok(true));
    assert_eq!(cache.get("a"), Some(b"1".to_vec()));
    assert_eq!(cache.get_with("b", <[u8]>::len), Some(1));
    assert_eq!(
        cache.get_many(["a", "c", "b"]),
        [Some(b"1".to_vec()), None, Some(b"2".to_vec())]
    );
    assert_eq!((cache.hits(), cache.misses(), cache.len()), (4, 1, 2));
    assert!(cache.contains("a") && cache.remove("a") && !cache.remove("a"));
    assert!(!cache.contains("a"));
    cache.clear();
    assert!(cache.is_empty());
    assert_eq!((cache.hits(), cache.misses()), (4, 1));
}

#[test]
fn keys_live_as_long_as_was_said() {
    let (cache, clock) = cache_and_clock();
    let remaining = |ms| TimeToLive::Remaining(Duration::from_millis(ms));
    assert_eq!(cache.insert("default", "1"), Ok(()));
    let lifetime = Duration::from_millis(900);
    assert_eq!(cache.insert_for("longer", "1", lifetime), Ok(()));
    assert_eq!(cache.ttl("default"), remaining(500));
    clock.store(1_499, Ordering::SeqCst);
    assert!(cache.contains("default"));
    clock.store(1_500, Ordering::SeqCst);
    assert_eq!(cache.get("default"), None);
    assert_eq!(cache.ttl("default"), TimeToLive::Missing);
    assert_eq!(cache.ttl("longer"), remaining(400));
    assert!(cache.expire("longer", Expire::Never));
    assert!(!cache.expire("default", Expire::Never));
    assert_eq!(cache.ttl("longer"), TimeToLive::NoExpiry);
}

#[test]
fn one_of_all_who_miss_at_once_computes() {
    let cache = Cache::builder().build();
    let (computed, all_came) = (AtomicUsize::new(0), Barrier::new(4));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                all_came.wait();
                let value = cache.get_or_insert_with("k", || {
                    computed.fetch_add(1, Ordering::SeqCst);
                    b"v".to_vec()
                });
                assert_eq!(value, b"v");
            });
        }
    });
    assert_eq!(computed.load(Ordering::SeqCst), 1);
}

#[test]
fn after_a_failure_or_a_panic_one_of_those_who_wait_computes() {
    let cache = Cache::builder().build();
    let begun = Barrier::new(2);
    thread::scope(|scope| {
        let first = scope.spawn(|| {
            catch_unwind(AssertUnwindSafe(|| {
                cache.get_or_insert_with("k", || {
                    begun.wait();
                    panic!("this one is on purpose")
                })
            }))
        });
        begun.wait();
        assert_eq!(cache.get_or_insert_with("k", || b"v".to_vec()), b"v");
        assert!(first.join().expect("it was caught").is_err());
    });
    assert_eq!(
        cache.try_get_or_insert_with("other", || Err("no")),
        Err("no")
    );
    assert_eq!(
        cache.try_get_or_insert_with("other", || Ok::<_, &str>(b"w".to_vec())),
        Ok(b"w".to_vec())
    );
}

#[test]
fn a_panic_of_who_looks_leaves_the_cache_to_others() {
    let cache = Cache::builder().build();
    assert_eq!(cache.insert("k", "v"), Ok(()));
    let look = || cache.get_with("k", |_| -> u8 { panic!("this one is on purpose") });
    assert!(catch_unwind(AssertUnwindSafe(look)).is_err());
    assert_eq!(cache.get("k"), Some(b"v".to_vec()));
}

#[test]
fn an_iterator_of_keys_may_call_the_cache() {
    let cache = Cache::builder().build();
    assert_eq!(cache.insert("a", "b"), Ok(()));
    assert_eq!(cache.insert("b", "c"), Ok(()));
    let keys = ["a", "b"].into_iter().filter_map(|key| cache.get(key));
    assert_eq!(cache.get_many(keys), [Some(b"c".to_vec()), None]);
}

#[test]
fn a_walk_has_each_key_that_stays_once_and_none_twice() {
    let cache = Cache::builder().build();
    for number in 0..2_000_u32 {
        assert_eq!(cache.insert(number.to_be_bytes(), "v"), Ok(()));
    }
    let mut walk = cache.iter();
    let mut seen: Vec<Vec<u8>> = walk.by_ref().take(500).collect();
    // The table grows, and keys that have not come yet go.
    let gone = (0..2_000_u32)
        .map(u32::to_be_bytes)
        .find(|key| !seen.contains(&key.to_vec()))
        .expect("most have not come");
    for number in 2_000..9_000_u32 {
        assert_eq!(cache.insert(number.to_be_bytes(), "v"), Ok(()));
    }
    cache.remove(gone);
    seen.extend(walk);
    seen.sort();
    let count = seen.len();
    seen.dedup();
    assert_eq!(seen.len(), count, "none twice");
    for number in 0..2_000_u32 {
        let key = number.to_be_bytes();
        assert!(key == gone || seen.binary_search(&key.to_vec()).is_ok());
    }
    assert_eq!((cache.hits(), cache.misses()), (0, 0));
}

#[test]
fn retain_keeps_what_it_is_told_to() {
    let cache = Cache::builder().build();
    for number in 0..1_000_u32 {
        let value = number.to_string();
        assert_eq!(cache.insert(number.to_be_bytes(), value), Ok(()));
    }
    let mut asked = 0;
    cache.retain(|key, value| {
        asked += 1;
        let number = u32::from_be_bytes(key.try_into().expect("four bytes"));
        assert_eq!(value, number.to_string().as_bytes());
        number % 3 == 0
    });
    assert_eq!((asked, cache.len()), (1_000, 334));
    assert!(
        cache
            .iter()
            .all(|key| key[3] as usize % 3 == (3 - key[2] as usize % 3) % 3)
    );
    let panics = || cache.retain(|_, _| panic!("this one is on purpose"));
    assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
    assert_eq!(cache.len(), 334);
}

#[test]
fn the_limit_holds_whatever_sizes_come() {
    const CAPACITY_BYTES: u64 = 4 << 20;
    let cache = Cache::builder().capacity_bytes(CAPACITY_BYTES).build();
    let mut random = fastrand::Rng::with_seed(14);
    for _ in 0..5_000 {
        let value = vec![b'v'; 1 << random.u32(0..16)];
        assert_eq!(cache.insert(random.u32(..).to_le_bytes(), value), Ok(()));
        let used_bytes = cache.used_bytes() as u64;
        assert!(used_bytes <= CAPACITY_BYTES, "{used_bytes}");
    }
    assert!(cache.evictions() > 0);
    let too_large = vec![0; CAPACITY_BYTES as usize + 1];
    let refused = cache.insert("k", &too_large);
    assert_eq!(refused, Err(WriteError::OutOfMemory));
    assert_eq!(
        cache.get_or_insert_with("k", || too_large.clone()),
        too_large
    );
    assert!(!cache.contains("k"));
}

#[test]
fn a_snapshot_brings_everything_back() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("cache.evk");
    let cache = Cache::builder().build();
    assert_eq!(cache.insert("k", "v"), Ok(()));
    cache.save(&path).expect("the disk takes it");
    let again = Cache::builder().build();
    assert_eq!(again.load(&path).expect("it is whole").loaded_keys, 1);
    assert_eq!(again.get("k"), Some(b"v".to_vec()));
}

#[test]
fn agrees_with_a_map_under_random_operations() {
    let (cache, clock) = cache_and_clock();
    let mut model: HashMap<Vec<u8>, (Vec<u8>, u64)> = HashMap::new();
    let mut random = fastrand::Rng::with_seed(1_400);
    let mut now_ms = 1_000;
    for step in 0..20_000 {
        now_ms += random.u64(0..4);
        clock.store(now_ms, Ordering::SeqCst);
        model.retain(|_, (_, deadline_ms)| *deadline_ms > now_ms);
        let key = vec![b'k', random.u8(0..200)];
        let value = step.to_string().into_bytes();
        match random.u8(0..5) {
            0 => {
                assert_eq!(cache.insert(&key, &value), Ok(()));
                model.insert(key, (value, now_ms + 500));
            }
            1 => assert_eq!(cache.remove(&key), model.remove(&key).is_some()),
            2 => {
                let is_new = !model.contains_key(&key);
                assert_eq!(cache.insert_if_absent(&key, &value), Ok(is_new));
                model.entry(key).or_insert((value, now_ms + 500));
            }
            3 => {
                let kept = cache.get_or_insert_with(&key, || value.clone());
                let expected = model.entry(key).or_insert((value, now_ms + 500));
                assert_eq!(kept, expected.0, "step {step}");
            }
            _ => assert_eq!(
                cache.get(&key),
                model.get(&key).map(|(value, _)| value.clone())
            ),
        }
    }
}

#[test]
fn threads_that_write_at_once_lose_nothing() {
    let cache = Cache::builder().build();
    thread::scope(|scope| {
        for thread in 0..4_u32 {
            let cache = cache.clone();
            scope.spawn(move || {
                for number in 0..1_000_u32 {
                    let key = (thread * 1_000 + number).to_le_bytes();
                    assert_eq!(cache.insert(key, key), Ok(()));
                    assert_eq!(cache.get(key), Some(key.to_vec()));
                }
            });
        }
    });
    assert_eq!(cache.len(), 4_000);
    assert_eq!((cache.hits(), cache.misses()), (4_000, 0));
}
