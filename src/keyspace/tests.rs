//! The keyspace against a plain model: maps of keys to values and deadlines.

mod lists;

use super::*;
use crate::value::string::StringValue;
use std::collections::HashMap;

mod collections;
mod contents;
mod cut;

const DATABASES: usize = 3;

/// A value and its deadline.
type Content = (Vec<u8>, Option<u64>);

#[derive(Default)]
struct Model {
    databases: [HashMap<Vec<u8>, Content>; DATABASES],
}

impl Model {
    fn drop_due(&mut self, now_ms: u64) {
        for database in &mut self.databases {
            database.retain(|_, (_, deadline)| deadline.is_none_or(|at| at > now_ms));
        }
    }
}

fn compare(keyspace: &Keyspace, model: &Model, now_ms: u64) {
    for (number, database) in model.databases.iter().enumerate() {
        let mut seen = HashMap::new();
        let mut cursor = 0;
        loop {
            cursor = keyspace.scan(number, cursor, now_ms, |entry| {
                let value = entry.string().text(&mut itoa::Buffer::new()).to_vec();
                let content = (value, keyspace.deadline_ms(number, entry));
                seen.insert(entry.key().to_vec(), content);
            });
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(&seen, database);
        for (key, (value, _)) in database {
            let entry = keyspace
                .find(number, keyspace.key(key), now_ms)
                .expect("in the model");
            assert_eq!(entry.string().text(&mut itoa::Buffer::new()), value);
        }
    }
}

/// Goal: every kind of change has exactly its effect, and no other. Method: random changes at a
/// random pace of time, beside the model, with the invariants checked on the way.
#[test]
fn agrees_with_a_model_under_random_changes() {
    for seed in 0..12 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut keyspace = Keyspace::new(DATABASES, seed);
        let mut model = Model::default();
        let mut now_ms = 1_000_000;
        for step in 0..6_000 {
            if random.u8(0..4) == 0 {
                now_ms += random.u64(0..5);
            }
            if random.u8(0..6) == 0 {
                keyspace.expire_some(now_ms, 3);
            }
            model.drop_due(now_ms);
            change(&mut random, &mut keyspace, &mut model, now_ms);
            if step % 500 == 0 {
                keyspace.check_invariants();
                compare(&keyspace, &model, now_ms);
            }
        }
        while keyspace.free_some() {}
        keyspace.check_invariants();
        compare(&keyspace, &model, now_ms);
        for database in 0..DATABASES {
            keyspace.mutate(database, now_ms).flush();
        }
        while keyspace.free_some() {}
        assert_eq!(keyspace.entries.used_bytes(), 0);
    }
}

fn change(random: &mut fastrand::Rng, keyspace: &mut Keyspace, model: &mut Model, now_ms: u64) {
    let database = random.usize(0..DATABASES);
    let name = format!("key{}", random.u16(0..600)).into_bytes();
    let other_name = format!("key{}", random.u16(0..600)).into_bytes();
    let (key, other) = (keyspace.key(&name), keyspace.key(&other_name));
    let target = random.usize(0..DATABASES);
    let content = &mut model.databases[database];
    match random.u8(0..100) {
        0..40 => set_one(random, keyspace, database, content, name, now_ms),
        40..55 => {
            let removed = keyspace.mutate(database, now_ms).remove(key);
            assert_eq!(removed, content.remove(&name).is_some());
        }
        55..65 => {
            let at = now_ms + random.u64(0..60);
            let found = keyspace.mutate(database, now_ms).set_deadline(key, at);
            assert_eq!(found, content.contains_key(&name));
            if let Some((value, _)) = content.remove(&name)
                && at > now_ms
            {
                content.insert(name, (value, Some(at)));
            }
        }
        65..72 => {
            let persisted = keyspace.mutate(database, now_ms).persist(key);
            let had = content.get_mut(&name).and_then(|entry| entry.1.take());
            assert_eq!(persisted, had.is_some());
        }
        72..80 => {
            let len = random.usize(0..100);
            let (value, _) = content.entry(name.clone()).or_default();
            value.resize(value.len().max(len), 0);
            let stamp = |bytes: &mut [u8]| bytes.iter_mut().take(1).for_each(|byte| *byte = b'e');
            stamp(value);
            let mut mutation = keyspace.mutate(database, now_ms);
            let edited = mutation.edit(key, len, Event::SetRange, |bytes| {
                stamp(bytes);
                assert_eq!(bytes, value);
                true
            });
            edited.unwrap();
        }
        80..98 if database != target || name != other_name => {
            let keep = random.bool();
            let mut mutation = keyspace.mutate(database, now_ms);
            let found = match keep {
                true => mutation.copy(key, target, other),
                false => mutation.rename(key, target, other),
            };
            let moved = content.get(&name).cloned();
            assert_eq!(found, moved.is_some());
            if let Some(moved) = moved {
                if !keep {
                    content.remove(&name);
                }
                model.databases[target].insert(other_name, moved);
            }
        }
        98 if random.u8(0..4) == 0 => {
            keyspace.mutate(database, now_ms).flush();
            content.clear();
        }
        99 => {
            keyspace.mutate(database, now_ms).swap(target);
            model.databases.swap(database, target);
        }
        _ => {}
    }
}

fn set_one(
    random: &mut fastrand::Rng,
    keyspace: &mut Keyspace,
    database: usize,
    content: &mut HashMap<Vec<u8>, Content>,
    name: Vec<u8>,
    now_ms: u64,
) {
    let key = keyspace.key(&name);
    let value = match random.bool() {
        true => random.i16(..).to_string().into_bytes(),
        false => vec![b'v'; random.usize(0..200)],
    };
    let deadline = [
        DeadlineChange::Keep,
        DeadlineChange::Clear,
        DeadlineChange::At(now_ms + random.u64(0..40)),
    ][random.usize(0..3)];
    keyspace
        .mutate(database, now_ms)
        .set(key, StringValue::compact(&value), deadline);
    let before = content.remove(&name).and_then(|(_, deadline)| deadline);
    let at = match deadline {
        DeadlineChange::Keep => before,
        DeadlineChange::Clear => None,
        DeadlineChange::At(at) => Some(at),
    };
    if at.is_none_or(|at| at > now_ms) {
        content.insert(name, (value, at));
    }
}

#[test]
fn a_due_key_is_absent_from_its_millisecond_on() {
    let mut keyspace = Keyspace::new(1, 0);
    let key = keyspace.key(b"k");
    keyspace
        .mutate(0, 100)
        .set(key, StringValue::Integer(1), DeadlineChange::At(150));
    assert!(keyspace.find(0, key, 149).is_some());
    assert!(keyspace.find(0, key, 150).is_none());
    assert_eq!(keyspace.next_deadline_ms(), Some(150));
    assert_eq!(keyspace.size(0).keys, 1, "it is absent, yet not removed");
    assert_eq!(keyspace.expire_some(152, 10), 1);
    assert_eq!(
        keyspace.size(0),
        DatabaseSize {
            keys: 0,
            expires: 0,
            field_expires: 0
        }
    );
    assert_eq!(keyspace.next_deadline_ms(), None);
    let report = keyspace.expiry_report();
    assert_eq!((report.keys.count, report.keys.lag_max_ms), (1, 2));
}

#[test]
fn a_deadline_overwritten_a_million_times_leaves_one_node_in_the_heap() {
    let mut keyspace = Keyspace::new(1, 0);
    let key = keyspace.key(b"k");
    for round in 0..1_000_000 {
        let deadline = DeadlineChange::At(1_000 + (round * 7_919) % 10_007);
        keyspace
            .mutate(0, 0)
            .set(key, StringValue::Integer(1), deadline);
    }
    assert_eq!(
        keyspace.size(0),
        DatabaseSize {
            keys: 1,
            expires: 1,
            field_expires: 0
        }
    );
    keyspace.check_invariants();
}

#[test]
fn watched_versions_follow_changes_expiry_flush_and_swap() {
    let mut keyspace = Keyspace::new(2, 0);
    let key = keyspace.key(b"k");
    let mut version = keyspace.watch(0, b"k", 0);
    let mut has_changed = |keyspace: &mut Keyspace, now_ms| {
        let present = keyspace.watched_version(0, b"k", now_ms);
        std::mem::replace(&mut version, present) != present
    };
    keyspace
        .mutate(1, 0)
        .set(key, StringValue::Integer(1), DeadlineChange::Clear);
    assert!(!has_changed(&mut keyspace, 0), "another database");
    keyspace.mutate(0, 0).flush();
    assert!(
        !has_changed(&mut keyspace, 0),
        "a flush of a database without the key"
    );
    keyspace
        .mutate(0, 0)
        .set(key, StringValue::Integer(1), DeadlineChange::At(50));
    assert!(has_changed(&mut keyspace, 10));
    assert!(!has_changed(&mut keyspace, 49));
    assert!(has_changed(&mut keyspace, 50), "its deadline has come");
    keyspace.mutate(0, 60).swap(1);
    assert!(has_changed(&mut keyspace, 60), "the key is there now");
    keyspace.mutate(0, 60).flush();
    assert!(has_changed(&mut keyspace, 60));
    keyspace.unwatch(0, b"k");
    assert!(keyspace.interests.is_empty());
}

/// Defect it guards against: only databases that ever had a deadline are looked at, so one that
/// came to another database in another way would be missed for ever.
#[test]
fn a_deadline_is_met_in_whichever_database_it_came_to() {
    let mut keyspace = Keyspace::new(16, 1);
    assert_eq!(keyspace.next_deadline_ms(), None);
    let key = b"k".as_slice();
    let set = |keyspace: &mut Keyspace, database, deadline| {
        let key = keyspace.key(key);
        let mut mutation = keyspace.mutate(database, 0);
        mutation.set(key, StringValue::Integer(1), deadline);
    };
    set(&mut keyspace, 0, DeadlineChange::At(50));
    keyspace.mutate(0, 0).swap(9);
    set(&mut keyspace, 12, DeadlineChange::Clear);
    let key = keyspace.key(key);
    assert!(keyspace.mutate(12, 0).set_deadline(key, 70));
    keyspace.check_invariants();
    assert_eq!(keyspace.next_deadline_ms(), Some(50));
    assert_eq!(keyspace.expire_some(50, 10), 1);
    assert_eq!(keyspace.size(9).keys, 0);
    assert_eq!(keyspace.next_deadline_ms(), Some(70));
    assert_eq!(keyspace.expire_some(70, 10), 1);
    keyspace.check_invariants();
}

/// What a change let those hear who listen: `key: event`, with the database before all but the
/// first.
fn heard(keyspace: &mut Keyspace) -> String {
    let shown = keyspace.interests.heard().into_iter().map(|heard| {
        let (database, key, event) = heard;
        match database {
            0 => format!("{key}: {}", event.name()),
            _ => format!("{database}/{key}: {}", event.name()),
        }
    });
    shown.collect::<Vec<_>>().join(", ")
}

#[test]
fn a_change_is_heard_as_what_it_is() {
    let mut keyspace = Keyspace::new(2, 1);
    keyspace.interests.listen();
    let (a, b) = (keyspace.key(b"a"), keyspace.key(b"b"));
    let one = StringValue::Integer(1);
    type Change<'a> = &'a dyn Fn(&mut Mutation<'_>);
    let changes: [(Change<'_>, &str); 15] = [
        (&|on| on.set(a, one, DeadlineChange::Clear), "a: set"),
        (&|on| on.set(a, one, DeadlineChange::At(5)), "a: del"),
        (&|on| _ = on.remove(a), ""),
        (&|on| _ = on.increment(a, 1), "a: incrby"),
        (
            &|on| _ = on.edit(a, 3, Event::SetRange, |_| true),
            "a: setrange",
        ),
        (&|on| _ = on.edit(a, 3, Event::SetRange, |_| false), ""),
        (&|on| _ = on.persist(a), ""),
        (&|on| _ = on.set_deadline(a, 50), "a: expire"),
        (&|on| _ = on.persist(a), "a: persist"),
        (&|on| _ = on.copy(a, 0, b), "b: copy_to"),
        (&|on| _ = on.rename(a, 0, b), "a: rename_from, b: rename_to"),
        (&|on| _ = on.rename(b, 1, b), "b: move_from, 1/b: move_to"),
        (&|on| _ = on.rename(b, 1, b), ""),
        (&|on| on.set(a, one, DeadlineChange::At(11)), "a: set"),
        (&|on| _ = on.set_deadline(a, 9), "a: del"),
    ];
    for (step, (change, expected)) in changes.into_iter().enumerate() {
        change(&mut keyspace.mutate(0, 10));
        assert_eq!(heard(&mut keyspace), expected, "step {step}");
    }
    let mut there = keyspace.mutate(1, 10);
    there.set_deadline(b, 20);
    there.set(a, one, DeadlineChange::At(30));
    heard(&mut keyspace);
    assert!(!keyspace.mutate(1, 20).exists(b));
    assert_eq!(heard(&mut keyspace), "1/b: expired");
    assert_eq!(keyspace.expire_some(30, 10), 1);
    assert_eq!(heard(&mut keyspace), "1/a: expired");
}

#[test]
fn a_value_that_another_takes_the_place_of_counts_as_a_change() {
    let mut keyspace = Keyspace::new(1, 1);
    let (a, b) = (keyspace.key(b"a"), keyspace.key(b"b"));
    for key in [a, b] {
        let mut on = keyspace.mutate(0, 0);
        on.set(key, StringValue::Integer(1), DeadlineChange::Clear);
    }
    let dirty_before = keyspace.dirty_count();
    assert!(keyspace.mutate(0, 0).rename(a, 0, b));
    // The old value of `b`, its new one, and `a`.
    assert_eq!(keyspace.dirty_count() - dirty_before, 3);
}

#[test]
fn events_have_the_classes_of_redis() {
    let classes = [
        (Event::Set, '$'),
        (Event::IncrBy, '$'),
        (Event::SetRange, '$'),
        (Event::Del, 'g'),
        (Event::CopyTo, 'g'),
        (Event::Restore, 'g'),
        (Event::Expired, 'x'),
        (Event::Evicted, 'e'),
    ];
    for (event, class) in classes {
        assert_eq!(event.class(), class, "{}", event.name());
    }
}

#[test]
fn a_walk_from_where_random_key_gives_up_finds_the_last_key_among_many_due_ones() {
    let mut keyspace = Keyspace::new(1, 3);
    for number in 0..5_000 {
        let name = format!("key{number}");
        let deadline = if number == 77 {
            DeadlineChange::Clear
        } else {
            DeadlineChange::At(10)
        };
        let key = keyspace.key(name.as_bytes());
        keyspace
            .mutate(0, 0)
            .set(key, StringValue::Integer(1), deadline);
    }
    assert!(keyspace.random_key(0, 5).is_ok());
    let Err(start) = keyspace.random_key(0, 20) else {
        panic!("the draws of this seed miss it");
    };
    let mut found = Vec::new();
    for mut cursor in [start, 0] {
        loop {
            cursor = keyspace.scan(0, cursor, 20, |entry| found.push(entry.key().to_vec()));
            if cursor == 0 {
                break;
            }
        }
    }
    assert!(!found.is_empty() && found.iter().all(|key| key == b"key77"));
}

#[test]
fn an_edit_that_makes_no_difference_disturbs_no_watcher() {
    let mut keyspace = Keyspace::new(1, 0);
    let key = keyspace.key(b"k");
    keyspace
        .mutate(0, 0)
        .edit(key, 2, Event::SetRange, |_| true)
        .unwrap();
    let version = keyspace.watch(0, b"k", 0);
    let dirty_count = keyspace.dirty_count();
    keyspace
        .mutate(0, 0)
        .edit(key, 2, Event::SetRange, |_| false)
        .unwrap();
    assert_eq!(keyspace.watched_version(0, b"k", 0), version);
    assert_eq!(keyspace.dirty_count(), dirty_count);
    keyspace
        .mutate(0, 0)
        .edit(key, 3, Event::SetRange, |_| false)
        .unwrap();
    assert_ne!(
        keyspace.watched_version(0, b"k", 0),
        version,
        "the value grew"
    );
}

#[test]
fn a_dropped_keyspace_frees_every_entry() {
    let mut keyspace = Keyspace::new(DATABASES, 1);
    for number in 0..5_000u32 {
        let text = number.to_string();
        let key = keyspace.key(text.as_bytes());
        let deadline = match number % 2 {
            0 => DeadlineChange::Clear,
            _ => DeadlineChange::At(1_000_000),
        };
        keyspace.mutate(number as usize % DATABASES, 1).set(
            key,
            StringValue::Bytes(b"value"),
            deadline,
        );
    }
    keyspace.mutate(0, 1).flush();
    keyspace.free_all();
    assert_eq!(keyspace.entries.count(), 0);
    assert_eq!(keyspace.entries.used_bytes(), 0);
    assert!(!keyspace.has_garbage());
}

/// Goal: a walk that stops after any key goes on with the next one. Method: stops after random
/// keys, while others come and go, and cursors beyond what a walk gives.
#[test]
fn a_walk_that_stops_within_a_bucket_misses_no_key_and_repeats_none() {
    let mut keyspace = Keyspace::new(1, 9);
    let mut random = fastrand::Rng::with_seed(9);
    let name = |number: usize| format!("key:{number}").into_bytes();
    let set = |keyspace: &mut Keyspace, number: usize| {
        let name = name(number);
        let key = keyspace.key(&name);
        let value = StringValue::Integer(1);
        keyspace.mutate(0, 1).set(key, value, DeadlineChange::Clear);
    };
    for number in 0..3_000 {
        set(&mut keyspace, number);
    }
    let (mut cursor, mut scratch, mut found) = (0, Vec::new(), Vec::new());
    loop {
        let mut keys_left = random.usize(1..5);
        // The upper bits of a cursor mean nothing.
        let asked = cursor | random.u64(..) << 48;
        cursor = keyspace.scan_in_order(0, asked, 1, &mut scratch, |entry| {
            found.push(entry.key().to_vec());
            keys_left -= 1;
            if keys_left == 0 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        if cursor == 0 {
            break;
        }
        let passing = 3_000 + random.usize(..2_000);
        set(&mut keyspace, passing);
        let passing = name(3_000 + random.usize(..2_000));
        let key = keyspace.key(&passing);
        keyspace.mutate(0, 1).remove(key);
    }
    let count = found.len();
    let found: std::collections::BTreeSet<Vec<u8>> = found.into_iter().collect();
    assert_eq!(found.len(), count, "a key came twice");
    assert!((0..3_000).all(|number| found.contains(&name(number))));
}
