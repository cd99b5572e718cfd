//! Large collections of a cut: what a step does, what is held, and that all of it goes again. That
//! they are right is compared with a model in `keyspace/tests/cut.rs`.

use crate::keyspace::cut::STEP_BYTES;
use crate::keyspace::{Changed, DeadlineChange, Event, EvictionRule, Keyspace, Missing, Room};
use crate::value::hash::Hash;
use crate::value::kind::WrongType;
use crate::value::record::{Record, RecordValue};
use crate::value::string::StringValue;
use std::collections::BTreeMap;

type Fields = BTreeMap<Vec<u8>, Vec<u8>>;

fn field(number: usize) -> Vec<u8> {
    format!("field:{number:07}").into_bytes()
}

fn set(keyspace: &mut Keyspace, name: &[u8], fields: impl Iterator<Item = (Vec<u8>, Vec<u8>)>) {
    let key = keyspace.key(name);
    let mut mutation = keyspace.mutate(0, 1);
    let set = mutation.change::<Hash, _, WrongType>(key, Missing::Create, |hash| {
        for (field, value) in fields {
            hash.set(&field, &value);
        }
        Ok(Changed::when(true, Event::HashSet, ()))
    });
    assert_eq!(set, Ok(Some(())));
}

/// A keyspace with one hash of so many fields of some 30 bytes each.
fn filled(count: usize) -> Keyspace {
    let mut keyspace = Keyspace::new(1, 3);
    set(
        &mut keyspace,
        b"hash",
        (0..count).map(|number| (field(number), b"value".to_vec())),
    );
    keyspace
}

fn remove(keyspace: &mut Keyspace, name: &[u8]) {
    let key = keyspace.key(name);
    assert!(keyspace.mutate(0, 1).remove(key));
}

/// The fields of the only hash among the records that wait to be taken.
fn take(keyspace: &mut Keyspace) -> Fields {
    let mut bytes = Vec::new();
    while let Some(piece) = keyspace.take_cut_piece(true) {
        assert!(piece.records.len() <= STEP_BYTES);
        bytes.extend_from_slice(&piece.records);
    }
    let mut fields = Fields::new();
    let mut text = itoa::Buffer::new();
    for record in Record::all(&bytes) {
        match record {
            Record::Piece(piece) => fields.extend(piece.run.elements().map(|element| {
                let value = element.value().text(&mut text).to_vec();
                (element.key().text(&mut itoa::Buffer::new()).to_vec(), value)
            })),
            Record::Key(record) => assert!(!matches!(record.value, RecordValue::Collection(_))),
        }
    }
    fields
}

fn finish(keyspace: &mut Keyspace) -> Fields {
    while keyspace.cut_some() {}
    assert_eq!(
        keyspace.cut_held_bytes() > 0,
        keyspace.cut_counts()[0].keys > 0
    );
    let fields = take(keyspace);
    assert_eq!(keyspace.cut_held_bytes(), 0);
    while keyspace.free_some() {}
    keyspace.check_invariants();
    fields
}

#[test]
fn a_large_collection_is_read_in_slices_whatever_becomes_of_it() {
    const COUNT: usize = 20_000;
    type Change = fn(&mut Keyspace);
    let changes: [(&str, Change); 5] = [
        ("nothing", |_| {}),
        ("all fields changed", |keyspace| {
            let fields = (0..COUNT).map(|number| (field(number), b"other".to_vec()));
            set(keyspace, b"hash", fields);
        }),
        ("removed", |keyspace| remove(keyspace, b"hash")),
        ("flushed", |keyspace| {
            keyspace.mutate(0, 1).flush();
            while keyspace.free_some() {}
        }),
        ("removed, and another one made", |keyspace| {
            remove(keyspace, b"hash");
            while keyspace.free_some() {}
            set(keyspace, b"hash", [(field(1), b"new".to_vec())].into_iter());
        }),
    ];
    for (name, change) in changes {
        for steps_before in [0, 1, 2, 4] {
            let mut keyspace = filled(COUNT);
            keyspace.begin_cut(1);
            for _ in 0..steps_before {
                keyspace.cut_some();
            }
            change(&mut keyspace);
            keyspace.check_invariants();
            let fields = finish(&mut keyspace);
            assert_eq!(fields.len(), COUNT, "{name}");
            assert!(fields.values().all(|value| value == b"value"), "{name}");
            assert_eq!(keyspace.cut_counts()[0].keys, 1, "{name}");
        }
    }
}

/// Goal: a request pays for what it changes of a collection, not for the collection.
#[test]
fn a_change_of_a_large_collection_reads_nothing_out() {
    let mut keyspace = filled(20_000);
    keyspace.begin_cut(1);
    let before = keyspace.used_bytes();
    set(
        &mut keyspace,
        b"hash",
        [(field(7), b"other".to_vec())].into_iter(),
    );
    assert!(keyspace.take_cut_piece(true).is_none());
    let held = keyspace.cut_held_bytes();
    // A leaf and its parents, and what is noted of the hash.
    assert!((512..6_000).contains(&held), "{held}");
    assert!(keyspace.used_bytes() <= before + held + 1_024);
    assert_eq!(finish(&mut keyspace).len(), 20_000);
}

#[test]
fn an_element_longer_than_a_piece_is_read_in_parts() {
    let mut keyspace = Keyspace::new(1, 3);
    let fields: Fields = (0..6)
        .map(|number| (field(number), vec![b'a' + number as u8; 50_000 * number]))
        .collect();
    set(&mut keyspace, b"hash", fields.clone().into_iter());
    // Seen after the hash, by this seed.
    let key = keyspace.key(b"string");
    let value = StringValue::Bytes(&[b's'; 150_000]);
    keyspace.mutate(0, 1).set(key, value, DeadlineChange::Clear);
    keyspace.begin_cut(1);
    let mut steps = 0;
    while keyspace.cut_some() {
        steps += 1;
        // It is kept, and read behind the element that is being read.
        if steps == 3 {
            remove(&mut keyspace, b"string");
        }
        if steps == 4 {
            remove(&mut keyspace, b"hash");
        }
    }
    assert!(steps > 750_000 / STEP_BYTES, "{steps}");
    assert_eq!(take(&mut keyspace), fields);
}

/// Goal: what views keep has a limit like everything that is held, and goes when it is exceeded.
#[test]
fn a_cut_that_holds_more_than_it_may_of_collections_lets_all_of_them_go() {
    const LIMIT: usize = 100_000;
    type Change = fn(&mut Keyspace, usize);
    let changes: [(&str, Change); 2] = [
        ("changed", |keyspace, number| {
            set(
                keyspace,
                b"hash",
                [(field(number), b"other".to_vec())].into_iter(),
            );
        }),
        ("removed", |keyspace, number| match number {
            0 => remove(keyspace, b"hash"),
            _ => while keyspace.free_some() {},
        }),
    ];
    for (name, change) in changes {
        let mut keyspace = filled(20_000);
        keyspace.set_cut_limit_bytes(LIMIT);
        keyspace.begin_cut(1);
        let mut most = 0;
        for number in 0..20_000 {
            change(&mut keyspace, number);
            most = most.max(keyspace.cut_held_bytes());
            if keyspace.is_cut_overrun() {
                break;
            }
        }
        assert!(keyspace.is_cut_overrun(), "{name}");
        assert!(name == "removed" || most < LIMIT + 8_000, "{most}");
        assert!(finish_given_up(&mut keyspace), "{name}");
        let live = keyspace.live_count();
        assert_eq!(live, usize::from(name == "changed"));
        keyspace.set_cut_limit_bytes(usize::MAX);
        keyspace.begin_cut(1);
        assert_eq!(finish(&mut keyspace).len(), 20_000 * live, "{name}");
    }
}

fn finish_given_up(keyspace: &mut Keyspace) -> bool {
    while keyspace.cut_some() {}
    while keyspace.free_some() {}
    keyspace.check_invariants();
    keyspace.cut_held_bytes() == 0 && take(keyspace).is_empty()
}

/// Goal: evicting a collection that a cut keeps is no reason to evict another.
#[test]
fn evictions_of_collections_during_a_cut_make_room_for_what_is_held_and_for_nothing_else() {
    let mut keyspace = Keyspace::new(1, 3);
    for number in 0..100 {
        let fields = (0..1_000).map(|number| (field(number), b"value".to_vec()));
        set(&mut keyspace, format!("hash:{number}").as_bytes(), fields);
    }
    keyspace.set_eviction_rule(EvictionRule::AllByWorth);
    keyspace.set_limit_bytes(keyspace.used_bytes() as u64);
    keyspace.begin_cut(1);
    set(
        &mut keyspace,
        b"new",
        [(field(0), vec![b'n'; 50_000])].into_iter(),
    );
    keyspace.settle_overhead();
    while keyspace.is_over_limit() {
        assert_ne!(keyspace.make_room(0, 1), Room::Exhausted);
    }
    let left = keyspace.live_count();
    assert!((92..100).contains(&left), "{left} of 101");
    while keyspace.cut_some() {
        while keyspace.take_cut_piece(true).is_some() {}
    }
    assert_eq!(keyspace.cut_counts()[0].keys, 100);
}
