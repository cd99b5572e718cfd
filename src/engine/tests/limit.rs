//! What INFO tells of the limit of memory: budgets with their peaks, evictions with their rate.
//!
//! Method: a small limit, more keys than fit, and the fields' values between two moments.

use super::*;

const LIMIT_BYTES: u64 = 2 << 20;

impl Rig {
    /// A number among the fields of INFO.
    fn info(&mut self, field: &str) -> u64 {
        let text = self.call("INFO everything");
        let line = text
            .split(';')
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        line.unwrap_or_else(|| panic!("INFO has no {field}"))
            .parse()
            .expect("the field is a number")
    }

    fn set_keys(&mut self, numbers: std::ops::Range<u32>) {
        let value = "v".repeat(100);
        for number in numbers {
            assert_eq!(self.call(&format!("SET key:{number} {value}")), "+OK;");
        }
    }
}

#[test]
fn evictions_are_told_with_their_rate_and_their_bytes() {
    let mut rig = Rig::new();
    rig.engine.set_memory_limit(LIMIT_BYTES);
    let fields = [
        "evicted_keys",
        "evicted_keys_per_sec",
        "evicted_bytes",
        "eviction_examined_keys",
        "eviction_ghost_hits",
        "eviction_ghost_bytes",
    ];
    rig.set_keys(0..1_000);
    assert_eq!(fields.map(|field| rig.info(field)), [0; 6]);

    rig.set_keys(1_000..40_000);
    rig.now = rig.now.plus_ms(1_600);
    let [keys, per_second, bytes, examined, ..] = fields.map(|field| rig.info(field));
    assert!(keys > 10_000 && keys < 40_000, "{keys}");
    assert_eq!(per_second, keys * 1_000 / 1_600);
    // A key of up to nine bytes, a value of a hundred, eight of header.
    assert!((keys * 112..=keys * 128).contains(&bytes), "{bytes}");
    assert!((keys..=keys * 64).contains(&examined), "{examined}");
    assert!(rig.info("eviction_ghost_bytes") > 0);

    rig.set_keys(0..40_000);
    assert!(rig.info("eviction_ghost_hits") > 0);
    assert_eq!(rig.call("CONFIG RESETSTAT"), "+OK;");
    assert_eq!(rig.info("evicted_keys"), 0);
    assert_eq!(rig.info("evicted_keys_per_sec"), 0);
}

#[test]
fn the_budget_of_keys_is_told_with_its_peak() {
    let mut rig = Rig::new();
    rig.set_keys(0..20_000);
    let used_bytes = rig.info("keyspace_bytes");
    assert!(used_bytes > LIMIT_BYTES, "{used_bytes}");
    assert_eq!(
        rig.info("keyspace_bytes"),
        rig.engine.keyspace_mut().used_bytes() as u64
    );
    assert_eq!(rig.info("keyspace_peak_bytes"), used_bytes);

    rig.engine.set_memory_limit(LIMIT_BYTES);
    while rig.engine.tick(rig.now) {}
    assert_eq!(rig.info("maxmemory"), LIMIT_BYTES);
    assert!(rig.info("keyspace_bytes") <= LIMIT_BYTES);
    assert_eq!(rig.info("keyspace_peak_bytes"), used_bytes);
}

/// Goal: tools add to `used_memory` what room they want and make that the limit. Method: the process
/// itself is large, and all is well as long as nothing is evicted before the limit and all after it.
#[test]
fn a_limit_set_from_used_memory_leaves_the_room_it_says() {
    const ROOM_BYTES: u64 = 1 << 20;
    /// A client's own memory, and the tables' last step of growth, count only for `used_memory`.
    const SLACK_BYTES: u64 = 128 << 10;
    let mut rig = Rig::new();
    rig.engine.stats_mut().gauges.resident_startup_bytes = 64 << 20;
    rig.set_keys(0..10_000);
    let used_bytes = rig.info("used_memory");
    assert_eq!(
        used_bytes,
        rig.info("keyspace_bytes") + rig.info("mem_not_counted_for_evict")
    );
    rig.engine.set_memory_limit(used_bytes);
    while rig.engine.tick(rig.now) {}
    assert_eq!(rig.call("DBSIZE"), ":10000;", "what is there fits");

    let limit_bytes = used_bytes + ROOM_BYTES;
    rig.engine.set_memory_limit(limit_bytes);
    let mut count = 10_000;
    while rig.info("used_memory") + SLACK_BYTES < limit_bytes {
        rig.set_keys(count..count + 100);
        count += 100;
    }
    assert_eq!(rig.info("evicted_keys"), 0, "there was room for {count}");
    rig.set_keys(count..2 * count);
    assert!(rig.info("evicted_keys") > 0);
    assert!(rig.info("used_memory") < limit_bytes + SLACK_BYTES);
}
