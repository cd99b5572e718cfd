//! The table against a set of numbers: every payload is its own key.

use super::*;
use crate::base::hash::KeyHasher;
use std::collections::HashSet;

/// Hashes payloads under a mask, so that tests can make hashes collide.
struct Hashes {
    hasher: KeyHasher,
    mask: u64,
}

impl Hashes {
    fn new(mask: u64) -> Self {
        Self {
            hasher: KeyHasher::new(1),
            mask,
        }
    }
}

impl PayloadHash for Hashes {
    fn hash_of(&self, payload: u64) -> u64 {
        self.hasher.hash(&payload.to_le_bytes()) & self.mask
    }
    fn prefetch(&self, _: u64) {}
}

fn contains(table: &HashTable, hashes: &Hashes, payload: u64) -> Option<Location> {
    let found = table.find(hashes.hash_of(payload), |found| found == payload)?;
    Some(found.0)
}

fn scan_all(table: &HashTable) -> Vec<u64> {
    let mut seen = Vec::new();
    let mut cursor = 0;
    loop {
        cursor = table.scan(cursor, |payload| seen.push(payload));
        if cursor == 0 {
            return seen;
        }
    }
}

/// Goal: the table holds exactly what a set holds, and its invariants hold, through growth and
/// shrinking. Method: seeded random inserts and removals in waves, under good and under bad hashes.
#[test]
fn agrees_with_a_set_through_growth_and_shrinking() {
    for (seed, mask) in [
        (1, u64::MAX),
        (2, u64::MAX),
        (3, 0xffff_0000_0000_00ff),
        (4, 0xff << 56),
    ] {
        let hashes = Hashes::new(mask);
        let mut random = fastrand::Rng::with_seed(seed);
        let mut table = HashTable::new();
        let mut model = HashSet::new();
        for wave in 0..8 {
            let insert_percent = if wave % 2 == 0 { 80 } else { 20 };
            for _ in 0..4_000 {
                let payload = random.u64(0..20_000);
                let found = contains(&table, &hashes, payload);
                assert_eq!(found.is_some(), model.contains(&payload));
                match found {
                    Some(location) if random.u8(0..100) >= insert_percent => {
                        assert_eq!(table.remove(location), payload);
                        model.remove(&payload);
                    }
                    None if random.u8(0..100) < insert_percent => {
                        table.insert(hashes.hash_of(payload), payload, &hashes);
                        model.insert(payload);
                    }
                    _ => {}
                }
            }
            table.check_invariants(&hashes);
            assert_eq!(table.len(), model.len());
            let seen = scan_all(&table);
            assert_eq!(
                seen.len(),
                model.len(),
                "a scan at rest visits everything once"
            );
            assert_eq!(seen.into_iter().collect::<HashSet<_>>(), model);
        }
    }
}

#[test]
fn a_table_that_lost_its_keys_is_as_small_as_a_new_one() {
    let hashes = Hashes::new(u64::MAX);
    let mut table = HashTable::new();
    for payload in 0..50_000 {
        table.insert(hashes.hash_of(payload), payload, &hashes);
    }
    let full_bytes = table.bucket_bytes;
    assert!(
        full_bytes < 50_000 * 14,
        "{full_bytes} bytes for 50,000 keys"
    );
    for payload in 0..50_000 {
        let location = contains(&table, &hashes, payload).expect("was inserted");
        table.remove(location);
    }
    table.check_invariants(&hashes);
    assert_eq!((table.len(), table.depth, table.segments.len()), (0, 0, 1));
    assert_eq!(table.bucket_bytes, CHUNK_BUCKETS * 64);
}

/// Goal: SCAN's promise. Method: walk with a cursor while other keys come and go so that segments
/// split, rebuild and merge between the steps; the keys that stay must all be seen.
#[test]
fn a_scan_sees_every_key_that_stays_while_the_table_grows_and_shrinks() {
    let hashes = Hashes::new(u64::MAX);
    for seed in 0..40 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut table = HashTable::new();
        let stays = 0..3_000u64;
        let comes_and_goes = 100_000..100_000 + 30_000u64;
        for payload in stays.clone() {
            table.insert(hashes.hash_of(payload), payload, &hashes);
        }
        let mut present = Vec::new();
        let mut seen = HashSet::new();
        let mut cursor = 0;
        let mut growing = true;
        let mut next = comes_and_goes.start;
        loop {
            cursor = table.scan(cursor, |payload| {
                seen.insert(payload);
            });
            if cursor == 0 {
                break;
            }
            for _ in 0..random.usize(0..60) {
                if growing && next < comes_and_goes.end {
                    table.insert(hashes.hash_of(next), next, &hashes);
                    present.push(next);
                    next += 1;
                } else if let Some(payload) = present.pop() {
                    let location = contains(&table, &hashes, payload).expect("was inserted");
                    table.remove(location);
                }
            }
            if random.u8(0..50) == 0 {
                growing = !growing;
            }
        }
        for payload in stays {
            assert!(seen.contains(&payload), "seed {seed}: {payload} was missed");
        }
    }
}

#[test]
fn every_number_is_a_cursor_that_leads_to_an_end() {
    let hashes = Hashes::new(u64::MAX);
    let mut table = HashTable::new();
    for payload in 0..5_000 {
        table.insert(hashes.hash_of(payload), payload, &hashes);
    }
    for start in [
        1,
        2,
        1 << 47,
        (1 << 48) - 1,
        1 << 48,
        u64::MAX,
        0x1234_5678_9abc,
    ] {
        let mut cursor = start;
        let mut steps = 0;
        while cursor != 0 {
            cursor = table.scan(cursor, |_| {});
            assert!(cursor < 1 << 48);
            steps += 1;
            assert!(steps < 10_000, "cursor {start} goes in circles");
        }
    }
}

#[test]
fn thousands_of_equal_hashes_are_found_and_removed() {
    let hashes = Hashes::new(0);
    let mut table = HashTable::new();
    for payload in 0..3_000 {
        table.insert(0, payload, &hashes);
    }
    table.check_invariants(&hashes);
    assert!(
        table.directory.len() <= 64,
        "{} directory slots",
        table.directory.len()
    );
    for payload in 0..3_000 {
        let location = contains(&table, &hashes, payload).expect("was inserted");
        table.remove(location);
    }
    assert!(table.is_empty());
    table.check_invariants(&hashes);
}

#[test]
fn remains_visit_everything_once() {
    let hashes = Hashes::new(u64::MAX);
    let mut table = HashTable::new();
    for payload in 0..5_000 {
        table.insert(hashes.hash_of(payload), payload, &hashes);
    }
    let mut remains = table.into_remains();
    let mut seen = Vec::new();
    while remains.visit_bucket(|payload| seen.push(payload)) {}
    seen.sort_unstable();
    assert_eq!(seen, (0..5_000).collect::<Vec<_>>());
    assert_eq!(remains.used_bytes(), 0);
}
