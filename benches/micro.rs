//! Time of single operations of the structures, each beside what one would have taken otherwise.
//!
//! | group | ours | rival |
//! |---|---|---|
//! | `hash_16_bytes` | `KeyHasher` | the standard library's SipHash |
//! | `table_find`, `table_insert_and_grow` | `HashTable` | `HashMap` with the same hashes |
//! | `keyspace_get`, `keyspace_set` | `Keyspace`, one by one and in batches with prefetch | `HashMap` of boxed slices |
//! | `deadline_change`, `deadline_insert_and_pop` | `ExpiryHeap` | `BTreeSet`, and `BinaryHeap` where nothing is removed |
//! | `timer_insert_and_cancel` | `TimerWheel` | `BTreeMap` |
//! | `parse_get`, `parse_set` | `CommandParser` | `redis-protocol`, with and without copies |
//! | `parse_inline` | the same | words of a line into a vector |
//! | `reply_bulk`, `reply_integer` | `ReplyWriter` | `write!` |
//! | `set_…`, `map_…`, `scored_…`, `list_…` | trees of packed blocks: `micro/collections.rs` | the standard library's collections |
//!
//! 1. All keys are drawn beforehand, from a fixed seed, out of a million: most accesses miss the
//!    caches.
//! 2. Operations of one iteration do not depend on each other, so the processor overlaps some
//!    misses even one by one; a server that parses and replies in between overlaps fewer.
//! 3. One iteration is `OPERATIONS` operations; read the line "thrpt".
//!
//! Not here: whole servers (`side_by_side/`).

#[path = "micro/collections.rs"]
mod collections;

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hasher};
use std::hint::black_box;
use std::io::Write as _;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput};
use evenkeel::base::hash::KeyHasher;
use evenkeel::keyspace::{DeadlineChange, Key, Keyspace};
use evenkeel::protocol::batch::RequestBatch;
use evenkeel::protocol::parser::{CommandParser, ParserLimits, Progress};
use evenkeel::protocol::reply::{Dialect, ReplyWriter};
use evenkeel::structures::expiry_heap::ExpiryHeap;
use evenkeel::structures::hash_table::{HashTable, PayloadHash};
use evenkeel::structures::timer_wheel::TimerWheel;
use evenkeel::value::string::StringValue;

/// What the servers run with: an allocator is part of every insert.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Keys, payloads, deadlines or timers that are there.
const ITEMS: usize = 1_000_000;
/// Operations of one iteration.
const OPERATIONS: usize = 4096;
/// Requests that are hashed and prefetched together.
const BATCH: usize = 32;
/// Seed of everything that is drawn.
const SEED: u64 = 1;
/// The time of all accesses, and the span of the deadlines after it.
const NOW_MS: u64 = 1_000_000;
const SPAN_MS: u64 = 3_600_000;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    hashes(&mut criterion);
    table_find(&mut criterion);
    table_insert(&mut criterion);
    keyspace_get(&mut criterion);
    keyspace_set(&mut criterion);
    deadline_change(&mut criterion);
    deadline_insert_and_pop(&mut criterion);
    timers(&mut criterion);
    parsers(&mut criterion);
    replies(&mut criterion);
    collections::run(&mut criterion);
    criterion.final_summary();
}

fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(OPERATIONS as u64));
    group
}

fn key_of(number: usize) -> [u8; 16] {
    let mut key = *b"key:000000000000";
    let digits = format!("{number:012}");
    key[4..].copy_from_slice(digits.as_bytes());
    key
}

/// The numbers of the items that one iteration touches.
fn draws() -> Vec<usize> {
    let mut random = fastrand::Rng::with_seed(SEED);
    // More than one iteration's worth, so that the next one does not find the lines of the last.
    (0..OPERATIONS * 64)
        .map(|_| random.usize(0..ITEMS))
        .collect()
}

/// Endless slices of `OPERATIONS` draws.
struct Slices {
    draws: Vec<usize>,
    next: usize,
}

impl Slices {
    fn new() -> Slices {
        Slices {
            draws: draws(),
            next: 0,
        }
    }

    fn next(&mut self) -> &[usize] {
        let start = self.next;
        self.next = (start + OPERATIONS) % self.draws.len();
        &self.draws[start..start + OPERATIONS]
    }
}

fn hashes(criterion: &mut Criterion) {
    let keys: Vec<_> = (0..OPERATIONS).map(key_of).collect();
    let mut group = group(criterion, "hash_16_bytes");
    let hasher = KeyHasher::new(SEED);
    group.bench_function("evenkeel", |bencher| {
        bencher.iter(|| {
            keys.iter()
                .fold(0, |sum, key| sum ^ hasher.hash(black_box(key)))
        });
    });
    let rival = BuildHasherDefault::<DefaultHasher>::default();
    let hash = |key: &[u8]| {
        let mut state = rival.build_hasher();
        state.write(key);
        state.finish()
    };
    group.bench_function("siphash", |bencher| {
        bencher.iter(|| keys.iter().fold(0, |sum, key| sum ^ hash(black_box(key))));
    });
    group.finish();
}

/// Names the hash of a payload from a list, as the keyspace does from the entry.
struct Hashes(Vec<u64>);

impl Hashes {
    fn new() -> Hashes {
        let hasher = KeyHasher::new(SEED);
        Hashes(
            (0..ITEMS)
                .map(|number| hasher.hash(&key_of(number)))
                .collect(),
        )
    }
}

impl PayloadHash for Hashes {
    fn hash_of(&self, payload: u64) -> u64 {
        self.0[payload as usize]
    }

    fn prefetch(&self, _payload: u64) {}
}

/// A hasher of the standard map that takes the key for its hash.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("only numbers are hashed");
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

type HashedMap = HashMap<u64, u64, BuildHasherDefault<Identity>>;

fn filled_table(hashes: &Hashes, items: usize) -> HashTable {
    let mut table = HashTable::new();
    for payload in 0..items {
        table.insert(hashes.0[payload], payload as u64, hashes);
    }
    table
}

fn table_find(criterion: &mut Criterion) {
    let hashes = Hashes::new();
    let table = filled_table(&hashes, ITEMS);
    let map: HashedMap = (0..ITEMS)
        .map(|item| (hashes.0[item], item as u64))
        .collect();
    let mut slices = Slices::new();
    let mut group = group(criterion, "table_find");
    group.bench_function("evenkeel", |bencher| {
        bencher.iter(|| {
            for &item in slices.next() {
                black_box(table.find(hashes.0[item], |payload| payload == item as u64));
            }
        });
    });
    group.bench_function("hash_map", |bencher| {
        bencher.iter(|| {
            for &item in slices.next() {
                black_box(map.get(&hashes.0[item]));
            }
        });
    });
    group.finish();
}

fn table_insert(criterion: &mut Criterion) {
    let hashes = Hashes::new();
    let mut group = group(criterion, "table_insert_and_grow");
    group.bench_function("evenkeel", |bencher| {
        bencher.iter_with_large_drop(|| filled_table(&hashes, OPERATIONS));
    });
    group.bench_function("hash_map", |bencher| {
        bencher.iter_with_large_drop(|| {
            let mut map = HashedMap::default();
            for item in 0..OPERATIONS {
                map.insert(hashes.0[item], item as u64);
            }
            map
        });
    });
    group.finish();
}

/// The map that the keyspace has to beat.
type ByteMap = HashMap<Box<[u8]>, Box<[u8]>>;

const VALUE: &[u8] = &[b'x'; 64];

fn filled_keyspace() -> (Keyspace, ByteMap, Vec<[u8; 16]>) {
    let keys: Vec<_> = (0..ITEMS).map(key_of).collect();
    let mut keyspace = Keyspace::new(1, SEED);
    let mut map = ByteMap::new();
    for key in &keys {
        let hashed = keyspace.key(key);
        let mut mutation = keyspace.mutate(0, NOW_MS);
        mutation.set(hashed, StringValue::Bytes(VALUE), DeadlineChange::Clear);
        map.insert(key[..].into(), VALUE.into());
    }
    (keyspace, map, keys)
}

/// Hashes a batch into `hashed` and asks for its buckets, then for its entries.
fn prefetch<'k>(
    keyspace: &Keyspace,
    keys: &'k [[u8; 16]],
    batch: &[usize],
    hashed: &mut Vec<Key<'k>>,
) {
    hashed.clear();
    hashed.extend(batch.iter().map(|&item| keyspace.key(&keys[item])));
    keyspace.prefetch(0, hashed.iter_mut());
}

fn keyspace_get(criterion: &mut Criterion) {
    let (keyspace, map, keys) = filled_keyspace();
    let mut slices = Slices::new();
    let mut group = group(criterion, "keyspace_get");
    let mut hashed = Vec::with_capacity(BATCH);
    group.bench_function("evenkeel_batches_of_32", |bencher| {
        bencher.iter(|| {
            for batch in slices.next().chunks(BATCH) {
                prefetch(&keyspace, &keys, batch, &mut hashed);
                for &key in &hashed {
                    black_box(
                        keyspace
                            .find(0, key, NOW_MS)
                            .map(|entry| entry.as_string().map_or(0, |value| value.len())),
                    );
                }
            }
        });
    });
    group.bench_function("evenkeel_one_by_one", |bencher| {
        bencher.iter(|| {
            for &item in slices.next() {
                let key = keyspace.key(&keys[item]);
                black_box(
                    keyspace
                        .find(0, key, NOW_MS)
                        .map(|entry| entry.as_string().map_or(0, |value| value.len())),
                );
            }
        });
    });
    group.bench_function("hash_map", |bencher| {
        bencher.iter(|| {
            for &item in slices.next() {
                black_box(map.get(&keys[item][..]).map(|value| value.len()));
            }
        });
    });
    group.finish();
}

fn keyspace_set(criterion: &mut Criterion) {
    let (mut keyspace, mut map, keys) = filled_keyspace();
    let value = StringValue::Bytes(black_box(VALUE));
    let mut slices = Slices::new();
    let mut group = group(criterion, "keyspace_set");
    let mut hashed = Vec::with_capacity(BATCH);
    group.bench_function("evenkeel_batches_of_32", |bencher| {
        bencher.iter(|| {
            for batch in slices.next().chunks(BATCH) {
                prefetch(&keyspace, &keys, batch, &mut hashed);
                for &key in &hashed {
                    keyspace
                        .mutate(0, NOW_MS)
                        .set(key, value, DeadlineChange::Clear);
                }
            }
        });
    });
    group.bench_function("evenkeel_one_by_one", |bencher| {
        bencher.iter(|| {
            for &item in slices.next() {
                let key = keyspace.key(&keys[item]);
                keyspace
                    .mutate(0, NOW_MS)
                    .set(key, value, DeadlineChange::Clear);
            }
        });
    });
    group.bench_function("hash_map", |bencher| {
        bencher.iter(|| {
            for &item in slices.next() {
                let slot = map.get_mut(&keys[item][..]).expect("every key is there");
                *slot = black_box(VALUE).into();
            }
        });
    });
    group.finish();
}

/// As many random deadlines as there are items.
fn deadlines() -> Vec<u64> {
    let mut random = fastrand::Rng::with_seed(SEED);
    (0..ITEMS)
        .map(|_| NOW_MS + random.u64(0..SPAN_MS))
        .collect()
}

/// A heap with the position of each payload.
fn filled_heap(deadlines: &[u64]) -> (ExpiryHeap, Vec<u32>) {
    let mut heap = ExpiryHeap::new();
    let mut positions = vec![0; deadlines.len()];
    for (payload, &deadline_ms) in deadlines.iter().enumerate() {
        heap.insert(deadline_ms, payload as u64, &mut store(&mut positions));
    }
    (heap, positions)
}

fn store(positions: &mut [u32]) -> impl FnMut(u64, u32) + '_ {
    |payload, position| positions[payload as usize] = position
}

/// EXPIRE of a key that has a deadline.
fn deadline_change(criterion: &mut Criterion) {
    let mut deadlines = deadlines();
    let (mut heap, mut positions) = filled_heap(&deadlines);
    let numbered = deadlines.iter().enumerate();
    let mut set: BTreeSet<_> = numbered.map(|(item, &deadline)| (deadline, item)).collect();
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut slices = Slices::new();
    let mut group = group(criterion, "deadline_change");
    group.bench_function("evenkeel", |bencher| {
        bencher.iter(|| {
            for &item in slices.next() {
                let deadline_ms = NOW_MS + random.u64(0..SPAN_MS);
                heap.update(positions[item], deadline_ms, &mut store(&mut positions));
            }
        });
    });
    group.bench_function("btree_set", |bencher| {
        bencher.iter(|| {
            for &item in slices.next() {
                let deadline_ms = NOW_MS + random.u64(0..SPAN_MS);
                set.remove(&(deadlines[item], item));
                set.insert((deadline_ms, item));
                deadlines[item] = deadline_ms;
            }
        });
    });
    group.finish();
}

/// The due key leaves and another one comes.
fn deadline_insert_and_pop(criterion: &mut Criterion) {
    let deadlines = deadlines();
    let (mut heap, mut positions) = filled_heap(&deadlines);
    let numbered = deadlines.iter().enumerate();
    // Negated for the least first, as the standard heap yields the greatest.
    let mut rival: BinaryHeap<_> = numbered
        .map(|(item, &deadline_ms)| (std::cmp::Reverse(deadline_ms), item))
        .collect();
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut group = group(criterion, "deadline_insert_and_pop");
    group.bench_function("evenkeel", |bencher| {
        bencher.iter(|| {
            for _ in 0..OPERATIONS {
                let node = heap
                    .pop(&mut store(&mut positions))
                    .expect("the heap stays full");
                let deadline_ms = node.deadline_ms + random.u64(0..SPAN_MS);
                heap.insert(deadline_ms, node.payload, &mut store(&mut positions));
            }
        });
    });
    group.bench_function("binary_heap", |bencher| {
        bencher.iter(|| {
            for _ in 0..OPERATIONS {
                let (deadline_ms, item) = rival.pop().expect("the heap stays full");
                let deadline_ms = deadline_ms.0 + random.u64(0..SPAN_MS);
                rival.push((std::cmp::Reverse(deadline_ms), item));
            }
        });
    });
    group.finish();
}

/// A timeout that is set and taken back, as for every blocking command that is answered in time.
fn timers(criterion: &mut Criterion) {
    let delays_ms: Vec<_> = deadlines().into_iter().take(OPERATIONS).collect();
    let mut group = group(criterion, "timer_insert_and_cancel");
    group.bench_function("evenkeel", |bencher| {
        bencher.iter_batched_ref(
            || TimerWheel::with_capacity(1, NOW_MS, OPERATIONS),
            |wheel| {
                let insert = |&at_ms: &u64| wheel.insert(at_ms, at_ms);
                let handles: Vec<_> = delays_ms.iter().map(insert).collect();
                for handle in handles {
                    black_box(wheel.cancel(handle));
                }
            },
            BatchSize::SmallInput,
        );
    });
    group.bench_function("btree_map", |bencher| {
        bencher.iter_batched_ref(
            BTreeMap::new,
            |map| {
                for (number, &at_ms) in delays_ms.iter().enumerate() {
                    map.insert((at_ms, number), at_ms);
                }
                for (number, &at_ms) in delays_ms.iter().enumerate() {
                    black_box(map.remove(&(at_ms, number)));
                }
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

/// Requests that a client sends at once, as a pipeline of 100 does.
const PIPELINE: usize = 64;

/// `OPERATIONS` requests of these words, each with a key of its own.
fn requests(words_before: &[&str], words_after: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in 0..OPERATIONS {
        let key = key_of(number);
        let words = (words_before.iter().map(|word| word.as_bytes()))
            .chain([&key[..]])
            .chain(words_after.iter().map(|word| word.as_bytes()));
        let count = words_before.len() + 1 + words_after.len();
        let _ = write!(bytes, "*{count}\r\n");
        for word in words {
            let _ = write!(bytes, "${}\r\n", word.len());
            bytes.extend_from_slice(word);
            bytes.extend_from_slice(b"\r\n");
        }
    }
    bytes
}

/// Parses all of `bytes` as the node does, a batch at a time; returns the number of requests.
fn parse_all(bytes: &[u8], batch: &mut RequestBatch) -> usize {
    let limits = ParserLimits {
        bulk_bytes_max: 512 << 20,
        request_bytes_max: 1 << 30,
        authenticated: true,
    };
    let mut parser = CommandParser::new();
    let (mut position, mut count) = (0, 0);
    batch.clear();
    while position < bytes.len() {
        match parser.parse(bytes, position, &limits, batch) {
            Ok(Progress::Request { consumed }) => position = consumed,
            other => panic!("whole requests, not {other:?}"),
        }
        if batch.len() == PIPELINE {
            count += black_box(&*batch).len();
            batch.clear();
        }
    }
    count + batch.len()
}

fn parsers(criterion: &mut Criterion) {
    use redis_protocol::resp2::decode::{decode, decode_range};
    let value = "x".repeat(64);
    for (name, bytes) in [
        ("parse_get", requests(&["GET"], &[])),
        ("parse_set", requests(&["SET"], &[&value, "EX", "100"])),
    ] {
        let mut group = group(criterion, name);
        let mut batch = RequestBatch::new();
        group.bench_function("evenkeel", |bencher| {
            bencher.iter(|| assert_eq!(parse_all(black_box(&bytes), &mut batch), OPERATIONS));
        });
        group.bench_function("redis_protocol_ranges", |bencher| {
            bencher.iter(|| {
                let mut rest = black_box(&bytes[..]);
                while let Ok(Some((frame, consumed))) = decode_range(rest) {
                    black_box(&frame);
                    rest = &rest[consumed..];
                }
                assert!(rest.is_empty());
            });
        });
        group.bench_function("redis_protocol_copies", |bencher| {
            bencher.iter(|| {
                let mut rest = black_box(&bytes[..]);
                while let Ok(Some((frame, consumed))) = decode(rest) {
                    black_box(&frame);
                    rest = &rest[consumed..];
                }
                assert!(rest.is_empty());
            });
        });
        group.finish();
    }
    let lines: String = (0..OPERATIONS)
        .map(|number| format!("GET key:{number:012}\r\n"))
        .collect();
    let mut group = group(criterion, "parse_inline");
    let mut batch = RequestBatch::new();
    group.bench_function("evenkeel", |bencher| {
        bencher.iter(|| {
            assert_eq!(
                parse_all(black_box(lines.as_bytes()), &mut batch),
                OPERATIONS
            )
        });
    });
    group.bench_function("split_words_into_vectors", |bencher| {
        bencher.iter(|| {
            for line in black_box(&lines).lines() {
                black_box(line.split_ascii_whitespace().collect::<Vec<_>>());
            }
        });
    });
    group.finish();
}

fn replies(criterion: &mut Criterion) {
    let mut out = Vec::with_capacity(OPERATIONS * 128);
    let values: Vec<Vec<u8>> = (0..OPERATIONS)
        .map(|number| vec![b'x'; number % 100])
        .collect();
    let mut group_of_bulk = group(criterion, "reply_bulk");
    group_of_bulk.bench_function("evenkeel", |bencher| {
        bencher.iter(|| {
            out.clear();
            let mut writer = ReplyWriter::new(&mut out, Dialect::Resp2);
            values
                .iter()
                .for_each(|value| writer.bulk(black_box(value)));
        });
    });
    group_of_bulk.bench_function("write_macro", |bencher| {
        bencher.iter(|| {
            out.clear();
            for value in &values {
                let value = black_box(value);
                let _ = write!(out, "${}\r\n", value.len());
                out.extend_from_slice(value);
                out.extend_from_slice(b"\r\n");
            }
        });
    });
    group_of_bulk.finish();
    let mut random = fastrand::Rng::with_seed(SEED);
    let numbers: Vec<i64> = (0..OPERATIONS)
        .map(|_| random.i64(..) >> random.u32(0..64))
        .collect();
    let mut group = group(criterion, "reply_integer");
    group.bench_function("evenkeel", |bencher| {
        bencher.iter(|| {
            out.clear();
            let mut writer = ReplyWriter::new(&mut out, Dialect::Resp2);
            (numbers.iter()).for_each(|&number| writer.integer(black_box(number)));
        });
    });
    group.bench_function("write_macro", |bencher| {
        bencher.iter(|| {
            out.clear();
            for &number in &numbers {
                let _ = write!(out, ":{}\r\n", black_box(number));
            }
        });
    });
    group.finish();
}
