//! Bits against a naive model of one boolean a bit.

use super::*;

fn naive_bits(bytes: &[u8]) -> Vec<bool> {
    let bit_of = |index: usize| bytes[index / 8] >> (7 - index % 8) & 1 == 1;
    (0..bytes.len() * 8).map(bit_of).collect()
}

/// A string of mostly equal bytes, so that searches get far.
fn random_bytes(random: &mut fastrand::Rng) -> Vec<u8> {
    let fill = *random.choice(&[0, 0xff]).expect("there is a choice");
    let mut bytes = vec![fill; random.usize(0..40)];
    for _ in 0..random.usize(0..3) {
        if !bytes.is_empty() {
            let index = random.usize(0..bytes.len());
            bytes[index] ^= 1 << random.u32(0..8);
        }
    }
    bytes
}

#[test]
fn bit_0_is_the_top_of_byte_0() {
    let mut bytes = [0, 0];
    assert!(!set_bit(&mut bytes, 0, true));
    assert!(!set_bit(&mut bytes, 15, true));
    assert_eq!(bytes, [0x80, 0x01]);
    assert!(get_bit(&bytes, 0) && get_bit(&bytes, 15));
    assert!(!get_bit(&bytes, 1));
    assert!(set_bit(&mut bytes, 0, false));
    assert_eq!(bytes, [0, 0x01]);
    assert!(!get_bit(&bytes, 16) && !get_bit(&bytes, u64::MAX));
    assert_eq!(
        [bytes_needed(0), bytes_needed(7), bytes_needed(8)],
        [1, 1, 2]
    );
}

#[test]
fn counts_and_ranges_are_those_of_the_redis_manual() {
    let foobar = b"foobar";
    assert_eq!(count_ones(foobar), 26);
    let count = |start, end, unit| count_ones_between(foobar, start, end, unit);
    assert_eq!(count(0, 0, IndexUnit::Byte), 4);
    assert_eq!(count(1, 1, IndexUnit::Byte), 6);
    assert_eq!(count(5, 30, IndexUnit::Bit), 17);
    assert_eq!(count(0, -1, IndexUnit::Byte), 26);
    assert_eq!(count(-2, -1, IndexUnit::Byte), 7);
    assert_eq!(count(i64::MIN, i64::MAX, IndexUnit::Bit), 26);
    assert_eq!(count(3, 2, IndexUnit::Byte), 0);
    assert_eq!(count(6, 9, IndexUnit::Byte), 0);
    // Clamped, both of these would be the first byte; the second is in the wrong order.
    assert_eq!(count(-9, -8, IndexUnit::Byte), 4);
    assert_eq!(count(-8, -9, IndexUnit::Byte), 0);
    assert_eq!(count_ones_between(b"", 0, -1, IndexUnit::Byte), 0);
}

#[test]
fn positions_know_whether_an_end_was_given() {
    let find = |bytes: &[u8], bit, start, end| position(bytes, bit, start, end, IndexUnit::Byte);
    assert_eq!(find(&[0xff, 0xf0, 0], false, 0, None), Some(12));
    assert_eq!(find(&[0, 0xff, 0xf0], true, 0, None), Some(8));
    assert_eq!(find(&[0, 0xff, 0xf0], true, 2, None), Some(16));
    assert_eq!(find(&[0, 0, 0], true, 0, None), None);
    // Zeros follow the string, but not a range with an end.
    assert_eq!(find(&[0xff, 0xff, 0xff], false, 0, None), Some(24));
    assert_eq!(find(&[0xff, 0xff, 0xff], false, 2, None), Some(24));
    assert_eq!(find(&[0xff, 0xff, 0xff], false, 0, Some(-1)), None);
    assert_eq!(find(&[0xff, 0xff, 0xff], false, 3, None), None);
    assert_eq!(find(&[], false, 0, None), None);
    assert_eq!(find(&[], false, 0, Some(-1)), None);
    let in_bits =
        |bit, start, end| position(&[0, 0xff, 0xf0], bit, start, Some(end), IndexUnit::Bit);
    assert_eq!(in_bits(true, 7, 15), Some(8));
    assert_eq!(in_bits(true, 7, -3), Some(8));
    assert_eq!(in_bits(false, 9, 14), None);
    assert_eq!(in_bits(false, 9, 20), Some(20));
}

/// Goal: words, edges and clamping agree with single bits. Method: random strings and indexes,
/// against a walk over all bits; indexes are clamped by comparing instead of by arithmetic.
#[test]
fn counts_and_positions_agree_with_a_walk_over_bits() {
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..20_000 {
        let bytes = random_bytes(&mut random);
        let bits = naive_bits(&bytes);
        let (unit, unit_bits) = if random.bool() {
            (IndexUnit::Byte, 8)
        } else {
            (IndexUnit::Bit, 1)
        };
        let (start, end) = (random.i64(-400..400), random.i64(-400..400));
        let length = (bits.len() / unit_bits) as i64;
        let offset_of = |index: i64| {
            if index < 0 {
                (index + length).max(0)
            } else {
                index
            }
        };
        let is_inside = |bit: &usize| {
            let index = (bit / unit_bits) as i64;
            offset_of(start) <= index && index <= offset_of(end)
        };
        let inside: Vec<usize> = (0..bits.len()).filter(is_inside).collect();
        let is_reversed = start < 0 && end < 0 && start > end;
        let ones = inside.iter().filter(|bit| bits[**bit]).count();
        assert_eq!(
            count_ones_between(&bytes, start, end, unit),
            if is_reversed { 0 } else { ones as u64 }
        );
        for wanted in [false, true] {
            let first = inside.iter().find(|bit| bits[**bit] == wanted);
            assert_eq!(
                position(&bytes, wanted, start, Some(end), unit),
                first.map(|bit| *bit as u64)
            );
        }
        assert_eq!(
            count_ones(&bytes),
            bits.iter().filter(|bit| **bit).count() as u64
        );
    }
}

#[test]
fn operations_pad_shorter_sources_with_zeros() {
    let (long, short): (&[u8], &[u8]) = (&[0b1100, 0xff, 0x0f], &[0b1010, 0xf0]);
    let mut out = vec![7; 9];
    let expected: [(BitOperation, [u8; 3]); 3] = [
        (BitOperation::And, [0b1000, 0xf0, 0]),
        (BitOperation::Or, [0b1110, 0xff, 0x0f]),
        (BitOperation::Xor, [0b0110, 0x0f, 0x0f]),
    ];
    for (operation, result) in expected {
        combine(operation, &[long, short], &mut out);
        assert_eq!(out, result, "{operation:?}");
        combine(operation, &[short, long], &mut out);
        assert_eq!(out, result, "{operation:?}");
        combine(operation, &[long], &mut out);
        assert_eq!(out, long, "{operation:?}");
        combine(operation, &[long, &[], long], &mut out);
        assert_eq!(out.len(), 3);
        combine(operation, &[], &mut out);
        assert_eq!(out, b"");
    }
    combine(BitOperation::And, &[long, &[], long], &mut out);
    assert_eq!(out, [0, 0, 0]);
    combine(BitOperation::Not, &[long], &mut out);
    assert_eq!(out, [0xf3, 0, 0xf0]);
}

/// Goal: BITOP may take its sources one after the other, with the memory of two. Method: sources of
/// several lengths, pair by pair against all at once.
#[test]
fn combining_pair_by_pair_equals_combining_all_at_once() {
    let mut random = fastrand::Rng::with_seed(3);
    for _ in 0..300 {
        let count = random.usize(1..6);
        let sources: Vec<Vec<u8>> = (0..count)
            .map(|_| (0..random.usize(0..9)).map(|_| random.u8(..)).collect())
            .collect();
        let slices: Vec<&[u8]> = sources.iter().map(Vec::as_slice).collect();
        for operation in [BitOperation::And, BitOperation::Or, BitOperation::Xor] {
            let mut at_once = Vec::new();
            combine(operation, &slices, &mut at_once);
            let mut in_turn = sources[0].clone();
            let mut next = Vec::new();
            for source in &slices[1..] {
                combine(operation, &[&in_turn, source], &mut next);
                std::mem::swap(&mut in_turn, &mut next);
            }
            assert_eq!(in_turn, at_once, "{operation:?} of {sources:?}");
        }
    }
}
