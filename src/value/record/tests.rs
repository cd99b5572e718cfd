//! Every form of a record, written and read, and what is refused.

use super::*;
use crate::structures::block::{Element, Run, Shape};
use crate::structures::item::Code;

fn round_trip(record: KeyRecord<'_>) -> usize {
    let mut bytes = Vec::new();
    record.encode(&mut bytes);
    let len = bytes.len();
    assert_eq!(record.encoded_len(), len);
    for slice_len in [1, 7, 100_000] {
        let mut in_parts = Vec::new();
        while in_parts.len() < len {
            let begin = in_parts.len();
            record.encode_part(begin..len.min(begin + slice_len), &mut in_parts);
        }
        assert_eq!(in_parts, bytes, "in slices of {slice_len}");
    }
    for cut in 0..len {
        assert_eq!(
            Record::decode(&mut &bytes[..cut]),
            Err(RecordError::Truncated)
        );
    }
    bytes.extend_from_slice(b"behind");
    let mut rest = &bytes[..];
    assert_eq!(Record::decode(&mut rest), Ok(Record::Key(record)));
    assert_eq!(rest, b"behind");
    len
}

#[test]
fn every_form_is_read_as_it_was_written() {
    let long = vec![b'x'; 70_000];
    for key in [&b""[..], b"key:000000000001", &long[..255], &long[..256]] {
        for text in [
            &b""[..],
            b"v",
            &long[..255],
            &long[..256],
            &long[..65_535],
            &long,
        ] {
            for deadline_ms in [None, Some(0), Some(u64::MAX)] {
                let value = RecordValue::String(StringValue::Bytes(text));
                let record = KeyRecord {
                    key,
                    value,
                    deadline_ms,
                };
                if key.len() + text.len() < 1_000 {
                    round_trip(record);
                }
            }
        }
    }
    for number in [
        0,
        -1,
        127,
        128,
        -129,
        32_768,
        1 << 31,
        -(1 << 31),
        i64::MIN,
        i64::MAX,
    ] {
        let value = RecordValue::String(StringValue::Integer(number));
        round_trip(KeyRecord {
            key: b"counter",
            value,
            deadline_ms: Some(7),
        });
    }
}

#[test]
fn short_keys_and_texts_take_three_bytes_more() {
    let value = RecordValue::String(StringValue::Bytes(&[b'v'; 64]));
    assert_eq!(
        round_trip(KeyRecord {
            key: &[b'k'; 16],
            value,
            deadline_ms: None
        }),
        16 + 64 + 3
    );
}

#[test]
fn unknown_kinds_are_refused() {
    // A piece has neither key nor deadline.
    for head in [
        PIECE | LONG_KEY,
        PIECE | HAS_DEADLINE,
        13,
        15,
        17,
        31,
        0x80,
        0x90,
    ] {
        let bytes = [head, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(matches!(
            Record::decode(&mut &bytes[..]),
            Err(RecordError::UnknownKind(kind)) if kind == head & 0x9f
        ));
    }
}

fn run_of(shape: Shape, elements: &[Element], bytes: &mut Vec<u8>) -> usize {
    for element in elements {
        Run::write(element, bytes);
    }
    Run::check(shape, elements.len(), bytes).map_or(0, |run| run.count())
}

/// A collection of each type and encoding.
fn some_collections() -> [(Kind, Encoding, Vec<Element<'static>>); 6] {
    let text = Code::of_text;
    let single = |item| Element::single(text(item));
    let scored = |score, member| Element::scored(score, text(member));
    let pair = Element::pair(text(b"field"), text(b"value"));
    let due = Element::pair(text(b"other"), text(b"3")).with_deadline(Some(9));
    [
        (
            Kind::List,
            Encoding::Small,
            vec![single(b"a"), single(b"a")],
        ),
        (
            Kind::Set,
            Encoding::Outgrown,
            vec![single(b"a"), single(b"1")],
        ),
        (
            Kind::Set,
            Encoding::Integers,
            vec![single(b"-7"), single(b"1")],
        ),
        (
            Kind::SortedSet,
            Encoding::Small,
            vec![scored(0.5, b"b"), scored(1.0, b"a")],
        ),
        (Kind::Hash, Encoding::Small, vec![pair]),
        (Kind::Hash, Encoding::Outgrown, vec![pair, due]),
    ]
}

#[test]
fn collections_are_read_as_they_were_written() {
    for (kind, encoding, elements) in some_collections() {
        let mut bytes = Vec::new();
        let shape = kind.collection().unwrap().shape;
        let count = run_of(shape, &elements, &mut bytes);
        assert_eq!(count, elements.len());
        let run = Run::new(shape, count, &bytes);
        let collected = Collected {
            kind,
            encoding,
            run,
        };
        let record = KeyRecord {
            key: b"k",
            value: RecordValue::Collection(collected),
            deadline_ms: Some(3),
        };
        assert_eq!(round_trip(record), 1 + 8 + 1 + 1 + 5 + bytes.len());
        let begun = Begun {
            kind,
            encoding,
            number: 0x0102_0304,
            count: 70_000,
        };
        round_trip(KeyRecord {
            key: b"large",
            value: RecordValue::Begun(begun),
            deadline_ms: None,
        });
        let piece = Piece {
            kind,
            number: 0x0102_0304,
            before: 1 << 31,
            run,
        };
        let mut encoded = piece.frame().to_vec();
        encoded.extend_from_slice(&bytes);
        for cut in 0..encoded.len() {
            let truncated = Record::decode(&mut &encoded[..cut]);
            assert_eq!(truncated, Err(RecordError::Truncated));
        }
        let mut rest = &encoded[..];
        assert_eq!(Record::decode(&mut rest), Ok(Record::Piece(piece)));
        assert_eq!(rest, b"");
    }
}

#[test]
fn elements_that_make_no_sense_are_refused() {
    let refused: [(&[u8], &str); 15] = [
        (b"\x09\x01k\x01\0\0\0\0", "no element"),
        (b"\x09\x01k\x01\x02\0\x02\0\x81a", "fewer elements"),
        (b"\x09\x01k\x01\x01\0\x04\0\x81a\x81b", "more elements"),
        (b"\x09\x01k\x01\x02\0\x04\0\x81a\x81a", "a member twice"),
        (b"\x09\x01k\x03\x01\0\x02\0\x81a", "no such encoding"),
        (b"\x09\x01k\x02\x01\0\x02\0\x81a", "a text among integers"),
        (b"\x09\x01k\x01\x01\0\x02\0\x811", "an integer as a text"),
        (b"\x0b\x01k\x02\x01\0\x02\0\x01\x02", "a hash of integers"),
        (b"\x0b\x01k\x01\x01\0\x01\0\x01", "a field without a value"),
        (b"\x0a\x01k\x01\x01\0\x03\0\x81a\x01", "a text as a score"),
        (b"\x0a\x01k\x01\x02\0\x04\0\x02\x05\x01\x06", "scores fall"),
        (
            b"\x0a\x01k\x01\x02\0\x04\0\x01\x05\x02\x05",
            "a member twice",
        ),
        (
            b"\x03\x01k\x07\x01\x01\0\0\0\x01\0\0\0\0\0\0\0",
            "no collection",
        ),
        (
            b"\x03\x01k\x09\x01\x01\0\0\0\0\0\0\0\0\0\0\0",
            "none to come",
        ),
        (
            b"\x03\x01k\x09\x01\x01\0\0\0\0\0\0\0\x01\0\0\0",
            "more than a tree holds",
        ),
    ];
    for (bytes, what) in refused {
        let decoded = Record::decode(&mut &bytes[..]);
        assert_eq!(decoded, Err(RecordError::Elements), "{what}");
    }
}
