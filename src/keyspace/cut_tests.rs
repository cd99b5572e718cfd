//! How much a cut does at once: in a step of the walk, and within a change. That it is right is
//! compared with a model in `tests.rs`.

use super::*;
use crate::keyspace::DeadlineChange;
use crate::value::string::StringValue;

fn name(number: usize) -> Vec<u8> {
    format!("key:{number:08}").into_bytes()
}

fn set(keyspace: &mut Keyspace, name: &[u8], value: &[u8]) {
    let key = keyspace.key(name);
    let value = StringValue::Bytes(value);
    keyspace.mutate(0, 1).set(key, value, DeadlineChange::Clear);
}

fn remove(keyspace: &mut Keyspace, name: &[u8]) {
    let key = keyspace.key(name);
    assert!(keyspace.mutate(0, 1).remove(key));
}

fn filled(count: usize, value_len: usize) -> Keyspace {
    let mut keyspace = Keyspace::new(2, 0);
    for number in 0..count {
        set(&mut keyspace, &name(number), &vec![b'v'; value_len]);
    }
    keyspace
}

/// Takes all that was read out; returns its bytes.
fn take(keyspace: &mut Keyspace) -> usize {
    let pieces = std::iter::from_fn(|| keyspace.take_cut_piece(true));
    pieces.map(|piece| piece.records.len()).sum()
}

/// Defect: a step read out a whole segment of the table, up to 672 keys. Effect: with values of
/// 100 KB a turn of 60 MB. Fix: a step ends after so many bytes.
#[test]
fn a_step_of_the_walk_ends_after_64_kib_or_256_keys() {
    for (count, value_len) in [(2_000, 10_000), (20_000, 1), (20_000, 300)] {
        let mut keyspace = filled(count, value_len);
        keyspace.begin_cut(1);
        let (mut longest, mut steps) = (0, 1);
        while keyspace.cut_some() {
            longest = longest.max(take(&mut keyspace));
            steps += 1;
        }
        let record_len = name(0).len() + value_len + 4;
        assert!(longest < STEP_BYTES + record_len, "{longest}");
        assert!(longest < (STEP_KEYS + 20) * record_len, "{longest}");
        assert!(
            longest > STEP_BYTES.min(STEP_KEYS * record_len) / 2,
            "{longest}"
        );
        assert!(steps > count / STEP_KEYS, "{steps}");
        keyspace.check_invariants();
    }
}

/// Defect: a change read out its bucket, and all of one or two segments when it made them grow,
/// shrink or merge. Effect: a SET of one key took the time of hundreds of values. Fix: what has been
/// seen is noted in the entry, so nothing else need be read out.
#[test]
fn a_change_during_a_cut_reads_out_its_own_entry_only() {
    let mut keyspace = filled(20_000, 100);
    let record_len = name(0).len() + 100 + 3;
    keyspace.begin_cut(1);
    set(&mut keyspace, &name(7), b"new");
    assert_eq!(take(&mut keyspace), record_len);
    set(&mut keyspace, &name(7), b"newer");
    assert_eq!(take(&mut keyspace), 0, "it has been seen");
    for number in 20_000..60_000 {
        set(&mut keyspace, &name(number), b"v");
        assert_eq!(
            take(&mut keyspace),
            0,
            "new keys, and the growth of the table"
        );
    }
    for number in (0..60_000).filter(|&number| number != 7) {
        remove(&mut keyspace, &name(number));
        let expected = if number < 20_000 { record_len } else { 0 };
        assert_eq!(take(&mut keyspace), expected, "key {number}");
    }
    while keyspace.cut_some() {}
    assert_eq!(keyspace.cut_counts()[0].keys, 20_000);
}

#[test]
fn a_flushed_table_is_read_out_in_steps_too() {
    let mut keyspace = filled(2_000, 10_000);
    keyspace.begin_cut(1);
    keyspace.mutate(0, 1).flush();
    let mut longest = 0;
    while keyspace.cut_some() {
        longest = longest.max(take(&mut keyspace));
    }
    let bucket_len = 7 * 11_000;
    assert!(longest < STEP_BYTES + bucket_len, "{longest}");
    assert_eq!(keyspace.cut_counts()[0].keys, 2_000);
}
