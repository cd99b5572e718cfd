//! The limit of memory holds under every rule, and the right keys go.

use super::*;
use crate::keyspace::{Changed, DeadlineChange, Event, Key, Missing};
use crate::value::hash::Hash;
use crate::value::kind::WrongType;
use crate::value::string::StringValue;

const NOW_MS: u64 = 1_000_000;

fn name(number: usize) -> Vec<u8> {
    format!("key:{number:09}").into_bytes()
}

/// Sets a key as a client's write does: room is made first.
fn write(
    keyspace: &mut Keyspace,
    database: usize,
    number: usize,
    len: usize,
    deadline: DeadlineChange,
) -> bool {
    if keyspace.is_over_limit() && !keyspace.make_room_at_once(len, NOW_MS) {
        return false;
    }
    let name = name(number);
    let key = keyspace.key(&name);
    let value = vec![b'v'; len];
    keyspace
        .mutate(database, NOW_MS)
        .set(key, StringValue::Bytes(&value), deadline);
    true
}

fn has(keyspace: &Keyspace, database: usize, number: usize) -> bool {
    let name = name(number);
    let key: Key<'_> = keyspace.key(&name);
    keyspace.find(database, key, NOW_MS).is_some()
}

fn limited(limit_bytes: u64, rule: EvictionRule) -> Keyspace {
    let mut keyspace = Keyspace::new(3, 7);
    keyspace.set_limit_bytes(limit_bytes);
    keyspace.set_eviction_rule(rule);
    keyspace
}

#[test]
fn memory_stays_at_the_limit_whatever_is_written() {
    for (seed, rule) in [
        EvictionRule::AllByWorth,
        EvictionRule::AllRandom,
        EvictionRule::VolatileByWorth,
        EvictionRule::VolatileRandom,
        EvictionRule::VolatileByDeadline,
    ]
    .into_iter()
    .enumerate()
    {
        let limit_bytes = 2_000_000;
        let mut keyspace = limited(limit_bytes, rule);
        let mut random = fastrand::Rng::with_seed(seed as u64);
        for round in 0..30_000 {
            let len = random.usize(..[20, 200, 4_000][round / 10_000]);
            let deadline = DeadlineChange::At(NOW_MS + 1 + random.u64(..1_000_000));
            let database = random.usize(..3);
            assert!(write(
                &mut keyspace,
                database,
                random.usize(..20_000),
                len,
                deadline
            ));
            let slack_bytes = 64 * 1024;
            assert!(
                keyspace.used_bytes() < limit_bytes as usize + slack_bytes,
                "{rule:?}, round {round}: {} bytes",
                keyspace.used_bytes()
            );
            if round % 5_000 == 0 {
                while keyspace.compact_some() {}
                keyspace.check_invariants();
            }
        }
        keyspace.check_invariants();
        let report = keyspace.eviction_report();
        assert!(report.keys > 1_000, "{rule:?}: {report:?}");
        assert!(
            keyspace.used_bytes() > limit_bytes as usize * 8 / 10,
            "{rule:?}"
        );
    }
}

#[test]
fn without_a_rule_writes_are_refused_and_nothing_goes() {
    let mut keyspace = limited(500_000, EvictionRule::Never);
    let refused_at =
        (0..).find(|&number| !write(&mut keyspace, 0, number, 100, DeadlineChange::Clear));
    let refused_at = refused_at.expect("memory ends");
    assert!((0..refused_at).all(|number| has(&keyspace, 0, number)));
    assert!(!has(&keyspace, 0, refused_at));
    assert_eq!(keyspace.eviction_report().keys, 0);
    assert!(!keyspace.has_room_to_make());
    keyspace.set_eviction_rule(EvictionRule::AllRandom);
    assert!(write(
        &mut keyspace,
        0,
        refused_at,
        100,
        DeadlineChange::Clear
    ));
}

#[test]
fn keys_without_a_deadline_stay_under_the_volatile_rules() {
    for rule in [
        EvictionRule::VolatileByWorth,
        EvictionRule::VolatileRandom,
        EvictionRule::VolatileByDeadline,
    ] {
        let mut keyspace = limited(1_000_000, rule);
        for number in 0..2_000 {
            assert!(write(&mut keyspace, 1, number, 50, DeadlineChange::Clear));
        }
        for number in 2_000..20_000 {
            let deadline = DeadlineChange::At(NOW_MS + 100_000 - number as u64);
            assert!(write(&mut keyspace, 1, number, 50, deadline));
        }
        assert!(
            (0..2_000).all(|number| has(&keyspace, 1, number)),
            "{rule:?}"
        );
        if rule == EvictionRule::VolatileByDeadline {
            // Later keys are due earlier here, so each new one is the next to go.
            assert!(has(&keyspace, 1, 2_000) && !has(&keyspace, 1, 19_000));
        }
    }
}

#[test]
fn a_key_that_is_used_outlives_thousands_that_are_not() {
    let mut keyspace = limited(1_000_000, EvictionRule::AllByWorth);
    for number in 0..60_000 {
        assert!(write(&mut keyspace, 0, number, 50, DeadlineChange::Clear));
        let hot = number % 50;
        let name = name(hot);
        let key = keyspace.key(&name);
        if keyspace.find_and_touch(0, key, NOW_MS).is_none() {
            assert!(write(&mut keyspace, 0, hot, 50, DeadlineChange::Clear));
        }
    }
    let kept = (0..50).filter(|&number| has(&keyspace, 0, number)).count();
    assert!(kept >= 48, "{kept} of 50 hot keys are left");
}

/// Hits of one in three accesses to few hashes and two to many, which are small or large and are
/// written where they are missed.
fn hits_of_hashes(rule: EvictionRule) -> usize {
    let mut keyspace = limited(400_000, rule);
    let mut random = fastrand::Rng::with_seed(5);
    let mut hits = 0;
    for _ in 0..15_000 {
        let number = match random.u8(0..3) {
            0 => random.usize(0..40),
            _ => random.usize(40..1_000),
        };
        let name = name(number);
        let key = keyspace.key(&name);
        if keyspace.find_and_touch(0, key, NOW_MS).is_some() {
            hits += 1;
            continue;
        }
        // What is large takes some 10 KB.
        let field_count = if number.is_multiple_of(8) { 400 } else { 20 };
        assert!(keyspace.make_room_at_once(field_count * 24, NOW_MS));
        let mut mutation = keyspace.mutate(0, NOW_MS);
        let written = mutation.change::<Hash, (), WrongType>(key, Missing::Create, |hash| {
            for field in 0..field_count {
                hash.set(format!("f:{field:03}").as_bytes(), &[b'v'; 16]);
            }
            Ok(Changed::when(true, Event::HashSet, ()))
        });
        assert_eq!(written, Ok(Some(())));
    }
    hits
}

#[test]
fn collections_that_are_used_are_kept_better_than_by_chance() {
    let by_chance = hits_of_hashes(EvictionRule::AllRandom);
    let by_worth = hits_of_hashes(EvictionRule::AllByWorth);
    // What keeps any of them shows that others than the right ones would be told.
    assert!(by_chance < 7_000, "{by_chance} hits by chance");
    assert!(
        by_worth > by_chance * 5 / 4,
        "{by_worth} hits, {by_chance} by chance"
    );
}

#[test]
fn a_lowered_limit_is_reached_in_steps() {
    let mut keyspace = limited(0, EvictionRule::AllByWorth);
    for number in 0..20_000 {
        assert!(write(&mut keyspace, 0, number, 50, DeadlineChange::Clear));
    }
    let full_count = keyspace.size(0).keys;
    assert_eq!(full_count, 20_000, "0 is no limit");
    keyspace.set_limit_bytes(1_000_000);
    keyspace.make_room(0, NOW_MS);
    assert!(full_count - keyspace.size(0).keys <= 256, "one slice");
    while keyspace.has_room_to_make() {
        keyspace.make_room(0, NOW_MS);
    }
    assert!(keyspace.used_bytes() <= 1_000_000 + 64 * 1024);
    keyspace.check_invariants();
}

#[test]
fn what_was_flushed_is_freed_before_a_key_is_evicted() {
    let mut keyspace = limited(1_000_000, EvictionRule::AllByWorth);
    for number in 0..5_000 {
        assert!(write(&mut keyspace, 0, number, 100, DeadlineChange::Clear));
    }
    keyspace.mutate(0, NOW_MS).flush();
    for number in 0..5_000 {
        assert!(write(&mut keyspace, 1, number, 100, DeadlineChange::Clear));
    }
    assert_eq!(keyspace.eviction_report().keys, 0);
    assert!((0..5_000).all(|number| has(&keyspace, 1, number)));
}
