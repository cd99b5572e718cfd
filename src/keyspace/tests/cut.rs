//! The snapshot cut beside what the keyspace held when it began, and what is loaded of it.

use super::collections::change_collection;
use super::contents::{Contents, Reader, contents};
use super::*;
use crate::structures::block::{Element, Run, Shape};
use crate::structures::item::Code;
use crate::value::encoding::Encoding;
use crate::value::hash::Hash;
use crate::value::kind::Kind;
use crate::value::record::{Begun, Collected, KeyRecord, Piece, RecordValue};

/// Takes what was read out, block by block.
#[derive(Default)]
struct CutReader {
    reader: Reader,
    /// The beginning of a record that comes in parts.
    begun: Vec<u8>,
    /// Databases and records as a file has them.
    blocks: Vec<(usize, Vec<u8>)>,
}

impl CutReader {
    fn take(&mut self, keyspace: &mut Keyspace, is_last: bool) {
        while let Some(piece) = keyspace.take_cut_piece(is_last) {
            assert!(piece.records.len() <= 64 * 1024);
            self.begun.extend_from_slice(&piece.records);
            if piece.rest_bytes == 0 {
                self.reader.add(piece.database, &self.begun);
                let block = std::mem::take(&mut self.begun);
                self.blocks.push((piece.database, block));
            }
        }
    }
}

/// Loads blocks into a keyspace that hashes otherwise; what it holds then.
fn loaded(blocks: &[(usize, Vec<u8>)], seed: u64, now_ms: u64) -> Contents {
    let mut keyspace = Keyspace::new(DATABASES, seed);
    for (database, records) in blocks {
        keyspace.mutate(*database, now_ms).restore_all(records);
    }
    keyspace.check_invariants();
    keyspace.end_arrivals();
    contents(&keyspace, now_ms)
}

/// Goal: a cut is the keyspace at the moment it began, whatever happens meanwhile. Method: random
/// changes of every kind (flush, swap, expiry, growth and shrinking among them) between the steps
/// of the walk, to values some of which are read out in slices, and to collections of every type
/// and size; the records are compared with the contents at the beginning, and so is a keyspace that
/// loads them and hashes otherwise. Some cuts are given up half-way, after which the next one must
/// be complete all the same. `EVENKEEL_CUT_SEEDS` says how many seeds to try.
#[test]
fn a_cut_is_the_keyspace_as_it_was_when_it_began() {
    let seed_count = std::env::var("EVENKEEL_CUT_SEEDS");
    let seed_count = seed_count.map_or(400, |count| count.parse().expect("a number of seeds"));
    let mut piece_count = 0;
    for seed in 0..seed_count {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut keyspace = Keyspace::new(DATABASES, seed);
        let mut now_ms = 1_000_000;
        for round in 0..4 {
            let change_some =
                |random: &mut fastrand::Rng, keyspace: &mut Keyspace, count, now_ms| {
                    for _ in 0..count {
                        change_blindly(random, keyspace, now_ms);
                    }
                };
            let count = random.usize(0..3_000);
            change_some(&mut random, &mut keyspace, count, now_ms);
            let expected = contents(&keyspace, now_ms);
            let begun_ms = now_ms;
            keyspace.begin_cut(now_ms);
            let gives_up = round == 1;
            let mut reader = CutReader::default();
            while keyspace.cut_some() {
                if random.u8(0..3) == 0 {
                    now_ms += random.u64(0..20);
                }
                let count = random.usize(0..60);
                change_some(&mut random, &mut keyspace, count, now_ms);
                keyspace.expire_some(now_ms, 2);
                if random.bool() {
                    keyspace.free_some();
                }
                reader.take(&mut keyspace, false);
                if gives_up && random.u8(0..4) == 0 {
                    keyspace.discard_cut();
                }
            }
            reader.take(&mut keyspace, true);
            keyspace.check_invariants();
            assert_eq!(keyspace.cut_held_bytes(), 0);
            if !gives_up {
                piece_count += reader.reader.piece_count;
                let read = reader.reader.finish();
                assert_eq!(
                    keyspace
                        .cut_counts()
                        .iter()
                        .map(|count| count.keys)
                        .sum::<u64>(),
                    read.len() as u64
                );
                assert_eq!(read.len(), expected.len(), "seed {seed}, round {round}");
                let read: Contents = read.into_iter().collect();
                assert!(read == expected, "seed {seed}, round {round}");
                let loaded = loaded(&reader.blocks, !seed, begun_ms);
                assert!(loaded == expected, "seed {seed}, round {round}: loaded");
            }
        }
        while keyspace.free_some() {}
        for database in 0..DATABASES {
            keyspace.mutate(database, now_ms).flush();
        }
        while keyspace.free_some() {}
        assert_eq!(keyspace.entries.used_bytes(), 0, "seed {seed}");
    }
    assert!(piece_count >= 5 * seed_count as usize, "{piece_count}");
}

/// The length of a value: short, or now and then so long that it is read out in slices.
fn some_len(random: &mut fastrand::Rng) -> usize {
    match random.u8(0..100) {
        0 => random.usize(20_000..300_000),
        _ => random.usize(0..80),
    }
}

/// The name of a string, or, once in ten, of what may be a collection.
fn some_name(random: &mut fastrand::Rng) -> Vec<u8> {
    match random.u8(0..10) {
        0 => super::collections::some_name(random),
        _ => format!("key{}", random.u16(0..4_000)).into_bytes(),
    }
}

/// A change of any kind, without a model beside it.
fn change_blindly(random: &mut fastrand::Rng, keyspace: &mut Keyspace, now_ms: u64) {
    let database = random.usize(0..DATABASES);
    if random.u8(0..12) == 0 {
        return change_collection(random, keyspace, database, now_ms);
    }
    let name = some_name(random);
    let key = keyspace.key(&name);
    let mut mutation = keyspace.mutate(database, now_ms);
    match random.u16(0..1_000) {
        0..500 => {
            let value = vec![random.alphabetic() as u8; some_len(random)];
            let deadline = match random.u8(0..3) {
                0 => DeadlineChange::At(now_ms + random.u64(0..200)),
                1 => DeadlineChange::Keep,
                _ => DeadlineChange::Clear,
            };
            mutation.set(key, StringValue::compact(&value), deadline);
        }
        500..700 => _ = mutation.remove(key),
        700..780 => _ = mutation.set_deadline(key, now_ms + random.u64(0..200)),
        780..860 => _ = mutation.persist(key),
        860..930 => {
            // A collection stays as it is.
            _ = mutation.edit(key, some_len(random), Event::SetRange, |bytes| {
                bytes.fill(random.alphabetic() as u8);
                true
            });
        }
        930..990 => {
            let other = some_name(random);
            let other_key = keyspace.key(&other);
            let target = random.usize(0..DATABASES);
            if (target, &other) != (database, &name) {
                keyspace
                    .mutate(database, now_ms)
                    .rename(key, target, other_key);
            }
        }
        990..993 => _ = mutation.flush(),
        993..997 => mutation.swap((database + 1) % DATABASES),
        _ => {}
    }
}

/// Goal: a field whose deadline has come is not loaded, and a hash without any other is no key.
#[test]
fn due_fields_are_left_out_of_what_is_loaded() {
    let pair = |field, deadline| {
        let pair = Element::pair(Code::of_text(field), Code::of_integer(1));
        pair.with_deadline(deadline)
    };
    let (due, later) = (pair(b"due", Some(10)), pair(b"later", Some(11)));
    let mut records = Vec::new();
    for (number, elements) in [&[due, later, pair(b"never", None)][..], &[due]]
        .into_iter()
        .enumerate()
    {
        let mut bytes = Vec::new();
        for element in elements {
            Run::write(element, &mut bytes);
        }
        let run = Run::new(Shape::Map, elements.len(), &bytes);
        let (kind, encoding) = (Kind::Hash, Encoding::Outgrown);
        let collected = Collected {
            kind,
            encoding,
            run,
        };
        let piece = Piece {
            kind,
            number: number as u32,
            before: 0,
            run,
        };
        let begun = Begun {
            kind,
            encoding,
            number: piece.number,
            count: elements.len() as u64,
        };
        for (name, value) in [
            ("small", RecordValue::Collection(collected)),
            ("large", RecordValue::Begun(begun)),
        ] {
            let key = format!("{name}{number}");
            let record = KeyRecord {
                key: key.as_bytes(),
                value,
                deadline_ms: None,
            };
            record.encode(&mut records);
        }
        records.extend_from_slice(&piece.frame());
        records.extend_from_slice(&bytes);
    }
    let mut keyspace = Keyspace::new(1, 7);
    let count = keyspace.mutate(0, 10).restore_all(&records);
    assert_eq!((count.set_keys, count.expired_keys), (2, 2));
    keyspace.check_invariants();
    for name in ["small0", "large0"] {
        let key = keyspace.key(name.as_bytes());
        let hash = keyspace.peek::<Hash>(0, key, 10).expect("a hash");
        let hash = hash.expect("it is there");
        assert_eq!((hash.len(), hash.get(b"due")), (2, None), "{name}");
        assert_eq!(hash.deadline_ms(b"later"), Some(Some(11)));
        assert_eq!(hash.deadline_ms(b"never"), Some(None));
    }
}
