//! Entries against their definition: every operation over every layout, checked by reading back.

use super::*;
use crate::base::hash::KeyHasher;
use crate::keyspace::slabs::PIECE_BYTES_MAX;
use crate::keyspace::spans::PAGE_BYTES;

fn text(entry: EntryRef<'_>) -> Vec<u8> {
    entry.string().text(&mut itoa::Buffer::new()).to_vec()
}

#[test]
fn a_size_class_adds_a_quarter_or_a_page_at_most() {
    assert_eq!(size_class(1), 16);
    assert_eq!(size_class(16), 16);
    assert_eq!(size_class(17), 24);
    assert_eq!(size_class(128), 128);
    assert_eq!(size_class(129), 144);
    assert_eq!(size_class(144), 144);
    assert_eq!(size_class(257), 288);
    assert_eq!(size_class(13_088), 13_088);
    assert_eq!(size_class(13_089), 16_384);
    assert_eq!(size_class(65_570), 73_728);
    assert_eq!(size_class(1 << 20), 1 << 20);
    for len in 129..100_000 {
        let class = size_class(len);
        let added_max = match len {
            ..=PIECE_BYTES_MAX => len / 4 + 1,
            _ => (len / 8).max(PAGE_BYTES - 1),
        };
        assert!((len..=len + added_max).contains(&class), "{len} → {class}");
        assert_eq!(size_class(class), class);
    }
}

/// Goal: no operation disturbs key, value, deadline field or the count of bytes. Method: random
/// operations on one entry beside a plain model, over short and long keys and values.
#[test]
fn every_operation_keeps_what_it_does_not_change() {
    let mut random = fastrand::Rng::with_seed(5);
    for key_len in [0, 1, 16, 254, 255, 256, 70_000] {
        let key = vec![b'k'; key_len];
        let mut store = EntryStore::new(KeyHasher::new(1));
        let mut model: Vec<u8> = b"first".to_vec();
        let mut position = None;
        let mut id = store.allocate(&key, StringValue::Bytes(&model), false, 0);
        for step in 0..2_000 {
            match random.u8(0..5) {
                0 => {
                    model = vec![random.u8(..); random.usize(0..600)];
                    let keep = random.bool() && position.is_some();
                    id = store.replace(id, StringValue::compact(&model), keep, 3);
                    position = position.filter(|_| keep);
                }
                1 => {
                    model = random.i64(..).to_string().into_bytes();
                    let value = StringValue::compact(&model);
                    assert!(matches!(value, StringValue::Integer(_)));
                    id = store.replace(id, value, position.is_some(), 4);
                }
                2 => {
                    id = store.set_has_deadline(id, true);
                    store.set_heap_position(id, step);
                    position = Some(step);
                }
                3 => {
                    id = store.set_has_deadline(id, false);
                    position = None;
                }
                _ => {
                    let len = random.usize(0..700);
                    id = store.resize_string(id, len);
                    model.resize(len, 0);
                    assert_eq!(store.bytes_mut(id), model);
                    if len > 0 {
                        store.bytes_mut(id)[len - 1] = b'!';
                        model[len - 1] = b'!';
                    }
                }
            }
            let entry = store.get(id);
            assert_eq!(entry.key(), key);
            assert_eq!(text(entry), model);
            assert_eq!(entry.heap_position(), position);
            assert_eq!(store.used_bytes(), entry.allocation_bytes());
        }
        let copy = store.duplicate(id, b"other", false);
        assert_eq!(
            (store.get(copy).key(), text(store.get(copy))),
            (&b"other"[..], model)
        );
        store.free(id);
        store.free(copy);
        assert_eq!((store.used_bytes(), store.count()), (0, 0));
    }
}

#[test]
fn a_value_of_the_same_class_stays_in_place() {
    let mut store = EntryStore::new(KeyHasher::new(1));
    let id = store.allocate(b"key:000000000001", StringValue::Bytes(b"abc"), false, 0);
    assert_eq!(
        store.replace(id, StringValue::Bytes(b"xyzxyz"), false, 0),
        id
    );
    assert_eq!(store.replace(id, StringValue::Integer(12), false, 0), id);
    assert_eq!(store.get(id).string(), StringValue::Integer(12));
    store.free(id);
}

#[test]
fn appending_byte_by_byte_copies_each_byte_a_constant_number_of_times() {
    let mut store = EntryStore::new(KeyHasher::new(1));
    let mut id = store.allocate(b"log", StringValue::Bytes(b""), false, 0);
    let mut copied_bytes = 0;
    for len in 1..=100_000 {
        let before = store.get(id).allocation_bytes();
        id = store.resize_string(id, len);
        if store.get(id).allocation_bytes() != before {
            copied_bytes += len;
        }
    }
    // Eight sizes to a doubling: the sum of 8/9 to the power of 0, 1, 2 … at most twice over.
    assert!(
        copied_bytes < 1_500_000,
        "{copied_bytes} bytes were copied for 100,000"
    );
    store.free(id);
}
