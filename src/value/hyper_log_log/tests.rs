//! HyperLogLogs against what redis-server 7.0.15 made of the same elements, against a naive model,
//! and malformed ones.

use super::*;
use fastrand::Rng;

/// The sparse form may be as long as it can get.
const ANY_LENGTH: u64 = u64::MAX;

fn read(bytes: &[u8]) -> HyperLogLogRef<'_> {
    HyperLogLogRef::read(StringValue::Bytes(bytes)).expect("the header is well-formed")
}

fn sparse(runs: &[u8]) -> Vec<u8> {
    [b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80", runs].concat()
}

#[test]
fn hashes_are_those_of_murmur_64a() {
    assert_eq!(murmur::hash(b"", SEED), 0xd8df_ea65_85bc_9732);
    assert_eq!(murmur::hash(b"a", SEED), 0x53d2_470a_9b43_b1a7);
    assert_eq!(murmur::hash(b"hello world", SEED), 0xa919_bc30_51f6_24b7);
    assert_eq!(murmur::hash(b"exactly8", SEED), 0x06d4_3529_7cb6_004b);
}

#[test]
fn an_empty_one_is_one_run_of_zeros() {
    let empty = HyperLogLog::empty();
    assert_eq!(empty.bytes(), b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff");
    assert_eq!(read(empty.bytes()).runs_text().as_deref(), Some("Z:16384"));
    assert_eq!(read(empty.bytes()).estimate(), Ok(0));
    assert_eq!(read(empty.bytes()).noted_estimate(), Some(0));
}

/// What PFADD of `a b c d e f g`, as the Redis manual adds them, gives in redis-server 7.0.15.
#[test]
fn a_few_elements_are_the_bytes_of_redis() {
    let mut log = HyperLogLog::empty();
    for element in [b"a", b"b", b"c", b"d", b"e", b"f", b"g"] {
        assert_eq!(log.add(element, 3000), Ok(true));
        assert_eq!(log.add(element, 3000), Ok(false));
    }
    assert_eq!(read(log.bytes()).estimate(), Ok(7));
    let text = read(log.bytes()).runs_text().expect("it is sparse");
    let runs = "Z:1646 v:1,1 Z:5645 v:1,1 Z:1085 v:2,1 z:57 v:1,1 Z:4274 v:2,1 Z:2445 v:1,1 Z:622 v:1,1 Z:603";
    assert_eq!(text, runs);
    assert_eq!(log.outdated_bytes()[ESTIMATE_AT + 7], OUT_OF_DATE);
    assert_eq!(read(log.bytes()).noted_estimate(), None);
}

#[test]
fn registers_are_packed_from_the_lowest_bits_on() {
    let mut bytes = [0; dense::BYTES];
    assert!(dense::raise(&mut bytes, 0, 0b11_0101));
    assert!(dense::raise(&mut bytes, 1, 0b10_1011));
    assert!(dense::raise(&mut bytes, 2, 0b01_1110));
    assert!(dense::raise(&mut bytes, 3, 0b11_0011));
    assert_eq!(bytes[..3], [0b1111_0101, 0b1110_1010, 0b1100_1101]);
    assert!(!dense::raise(&mut bytes, 3, 0b11_0011));
    assert!(dense::raise(&mut bytes, REGISTER_COUNT - 1, 63));
    assert_eq!(bytes[dense::BYTES - 1], 63 << 2);
}

#[test]
fn equal_values_side_by_side_are_one_run() {
    let mut cursor = Cursor::default();
    let mut bytes = HyperLogLog::empty().bytes;
    for (index, text) in [
        (10, "z:10 v:3,1 Z:16373"),
        (12, "z:10 v:3,1 z:1 v:3,1 Z:16371"),
        (11, "z:10 v:3,3 Z:16371"),
        (13, "z:10 v:3,4 Z:16370"),
        (14, "z:10 v:3,4 v:3,1 Z:16369"),
    ] {
        let raised = cursor.raise(&mut bytes, index, 3, ANY_LENGTH);
        assert_eq!(raised, Ok(sparse::Raised::Yes));
        assert_eq!(read(&bytes).runs_text().as_deref(), Some(text));
    }
    let raised = cursor.raise(&mut bytes, 11, 4, ANY_LENGTH);
    assert_eq!(raised, Ok(sparse::Raised::Yes));
    let text = read(&bytes).runs_text();
    assert_eq!(text.as_deref(), Some("z:10 v:3,1 v:4,1 v:3,3 Z:16369"));
    assert_eq!(cursor.raise(&mut bytes, 12, 2, 0), Ok(sparse::Raised::No));
}

#[test]
fn it_becomes_dense_for_a_great_value_and_at_the_limit() {
    let mut log = HyperLogLog::empty();
    assert_eq!(log.raise(5, 33, ANY_LENGTH), Ok(true));
    assert_eq!((log.form, log.bytes.len()), (Form::Dense, DENSE_BYTES));
    let mut log = HyperLogLog::empty();
    // Three runs of zeros and values take the place of one: three bytes more.
    assert_eq!(log.raise(5_000, 1, 20), Ok(true));
    assert_eq!((log.form, log.bytes.len()), (Form::Dense, DENSE_BYTES));
    let mut log = HyperLogLog::empty();
    assert_eq!(log.raise(5_000, 1, 21), Ok(true));
    assert_eq!((log.form, log.bytes.len()), (Form::Sparse, 21));
}

/// Registers that are raised at random, in both forms and as an array.
#[test]
fn both_forms_hold_what_a_naive_model_holds() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = Rng::with_seed(seed);
    for round in 0..20 {
        let mut model = [0; REGISTER_COUNT];
        let mut log = HyperLogLog::empty();
        let mut dense = HyperLogLog::empty();
        dense.make_dense().expect("it is well-formed");
        for _ in 0..200 << (round % 4) {
            let index = match rng.u8(..4) {
                0 => rng.usize(..REGISTER_COUNT),
                1 => rng.usize(..50),
                2 => REGISTER_COUNT - 1 - rng.usize(..50),
                _ => 8_000 + rng.usize(..200),
            };
            let rank = 1 + rng.u8(..4) * rng.u8(1..9);
            let is_raised = rank > model[index];
            model[index] = rank.max(model[index]);
            assert_eq!(log.raise(index, rank, ANY_LENGTH), Ok(is_raised));
            assert_eq!(dense.raise(index, rank, 0), Ok(is_raised));
        }
        assert_eq!(log.form, Form::Sparse);
        let estimate = read(log.bytes()).estimate();
        assert_eq!(read(dense.bytes()).estimate(), estimate);
        let mut registers = Registers::default();
        read(log.bytes())
            .merge_into(&mut registers)
            .expect("well-formed");
        assert!(registers.iter().eq(model));
        assert_eq!(Ok(registers.estimate()), estimate);
        // A union, whose registers come in order, is as long as what was added one by one.
        let mut union = HyperLogLog::empty();
        union.raise_to(&registers, ANY_LENGTH).expect("well-formed");
        let mut again = Registers::default();
        read(union.bytes())
            .merge_into(&mut again)
            .expect("well-formed");
        assert!(again.iter().eq(model));
        log.make_dense().expect("well-formed");
        assert_eq!(log.bytes, dense.bytes);
    }
}

#[test]
fn estimates_are_as_good_as_registers_allow() {
    for count in [1, 10, 1_000, 50_000, 300_000] {
        let mut log = HyperLogLog::empty();
        for element in 0..count {
            let element = format!("element {element}");
            log.add(element.as_bytes(), 3000).expect("well-formed");
        }
        let estimate = read(log.bytes()).estimate().expect("well-formed");
        let error = estimate.abs_diff(count) as f64 / count as f64;
        assert!(error < 0.03, "{estimate} for {count}");
    }
    assert!(counts_well());
}

#[test]
fn what_does_not_begin_as_one_is_refused() {
    let dense_but_short = [b"HYLL\0", &[0; DENSE_BYTES - 6][..]].concat();
    let headers: [&[u8]; 6] = [
        b"",
        b"HYLL\x01\0\0\0\0\0\0\0\0\0\0",
        b"HYLX\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff",
        b"HYLL\x02\0\0\0\0\0\0\0\0\0\0\0\x7f\xff",
        b"HYLL\0\0\0\0\0\0\0\0\0\0\0\0\x7f\xff",
        &dense_but_short,
    ];
    for bytes in headers {
        let read = HyperLogLogRef::read(StringValue::Bytes(bytes));
        assert_eq!(read.err(), Some(Malformed::Header), "{bytes:?}");
    }
    let number = HyperLogLogRef::read(StringValue::Integer(1));
    assert_eq!(number.err(), Some(Malformed::Header));
}

#[test]
fn registers_that_are_not_as_many_as_there_must_be_are_refused() {
    for runs in [
        &b""[..],
        b"\x00",
        b"\x7f\xfe",
        b"\x7f\xff\x00",
        b"\x7f\xff\x80",
        b"\x7f\xfe\x81",
        b"\x40",
        &[0x7f; 4000],
    ] {
        let bytes = sparse(runs);
        let log = read(&bytes);
        let (refused, mut registers) = (Err(Malformed::Registers), Registers::default());
        assert_eq!(log.estimate(), Err(Malformed::Registers), "{runs:?}");
        assert_eq!(log.merge_into(&mut registers), refused, "{runs:?}");
        let mut copy = HyperLogLog::copy(log).expect("it is short");
        assert_eq!(copy.make_dense(), Err(Malformed::Registers), "{runs:?}");
        assert_eq!(
            copy.raise(REGISTER_COUNT - 1, 40, 0),
            Err(Malformed::Registers)
        );
    }
    let bytes = sparse(b"\x00\x00");
    let mut copy = HyperLogLog::copy(read(&bytes)).expect("it is short");
    assert_eq!(copy.raise(1, 1, 100), Ok(true));
    assert_eq!(copy.raise(2, 1, 100), Err(Malformed::Registers));
    let long = sparse(&vec![0; SPARSE_BYTES_MAX]);
    assert!(HyperLogLog::copy(read(&long)).is_err());
}

/// Random runs neither panic nor are taken for more registers than there are.
#[test]
fn noise_is_read_or_refused() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = Rng::with_seed(seed);
    for _ in 0..2_000 {
        let runs: Vec<u8> = (0..rng.usize(..40)).map(|_| rng.u8(..)).collect();
        let bytes = sparse(&runs);
        let log = read(&bytes);
        let is_whole = log.estimate().is_ok();
        assert!(log.runs_text().is_some());
        let mut copy = HyperLogLog::copy(log).expect("it is short");
        let raised = copy.raise(rng.usize(..REGISTER_COUNT), 1 + rng.u8(..40), 3000);
        if is_whole {
            assert!(raised.is_ok());
            assert!(copy.read().estimate().is_ok());
        }
    }
}
