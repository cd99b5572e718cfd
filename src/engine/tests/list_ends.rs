//! Batches of requests at the ends of lists, which are asked for ahead.

use super::*;

/// Requests on a few keys, which are small lists, large ones, strings or not there, and become so.
fn random_request(random: &mut fastrand::Rng) -> Vec<Vec<u8>> {
    let key = format!("k{}", random.u8(0..5));
    let other = format!("k{}", random.u8(0..5));
    let item = "i".repeat(random.usize(1..1_000));
    let text = match random.u8(0..100) {
        0..30 => format!("LPUSH {key} {item}"),
        30..50 => format!("RPUSH {key} {item} {item}"),
        50..55 => format!("LPUSHX {key} {item}"),
        55..60 => format!("RPUSHX {key} {item}"),
        60..72 => format!("LPOP {key}"),
        72..84 => format!("RPOP {key}"),
        84..86 => format!("LPOP {key} 20"),
        86..90 => format!("LRANGE {key} -3 -1"),
        90..92 => format!("RENAME {key} {other}"),
        92 => format!("DEL {key}"),
        93 => format!("SET {key} {item}"),
        94 => "SWAPDB 0 1".to_string(),
        95 if random.u8(0..4) == 0 => "FLUSHALL".to_string(),
        _ => format!("LLEN {key}"),
    };
    words_of(&text)
}

/// Goal: what is asked for ahead at the ends of lists changes nothing. Method: the same random
/// requests to two engines of one seed, in batches and one by one.
#[test]
fn a_batch_at_the_ends_of_lists_equals_its_requests_one_by_one() {
    let mut longest = 0;
    for seed in 0..10 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut batched, mut single) = (Rig::new(), Rig::new());
        for _ in 0..20 {
            let count = random.usize(1..150);
            let requests: Vec<_> = (0..count).map(|_| random_request(&mut random)).collect();
            assert_batch_equals_single(&mut batched, &mut single, &requests, seed);
            batched.engine.check_invariants();
        }
        for key in 0..5 {
            let whole = format!("LRANGE k{key} 0 -1");
            let items = batched.call(&whole);
            assert_eq!(items, single.call(&whole), "seed {seed}");
            longest = longest.max(items.len());
        }
        assert_eq!(batched.engine.used_bytes(), single.engine.used_bytes());
    }
    assert!(longest > 10_000, "some are large: {longest} bytes");
}
