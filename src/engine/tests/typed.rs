//! The typed calls of embedders: the same cache as the commands', exact deadlines, far limits.

use super::*;
use std::time::Duration;

#[test]
fn typed_calls_and_commands_share_one_cache() {
    let mut rig = Rig::new();
    rig.engine.advance_to(START);
    rig.engine
        .set(b"k", b"41", Expire::Never)
        .expect("there is room");
    assert_eq!(rig.call("INCR k"), ":42;");
    assert_eq!(rig.engine.get(b"k"), Some(b"42".to_vec()));
    assert_eq!(rig.engine.get_with(b"k", <[u8]>::len), Some(2));
    assert_eq!(rig.engine.get_with(b"none", <[u8]>::len), None);
    assert_eq!(
        (rig.engine.contains(b"k"), rig.engine.contains(b"none")),
        (true, false)
    );
    assert_eq!(rig.engine.incr(b"k", 8), Ok(50));
    assert_eq!(rig.engine.decr(b"k", 60), Ok(-10));
    assert_eq!(rig.engine.incr(b"new", 3), Ok(3));
    assert_eq!(rig.call("MGET k new"), "*2;$3;-10;$1;3;");
    rig.engine
        .set(b"text", b"abc", Expire::Never)
        .expect("there is room");
    assert_eq!(rig.engine.incr(b"text", 1), Err(WriteError::NotAnInteger));
    rig.engine
        .set(b"max", b"9223372036854775807", Expire::Never)
        .expect("there is room");
    assert_eq!(rig.engine.incr(b"max", 1), Err(WriteError::Overflow));
    assert_eq!(rig.engine.decr(b"k", i64::MIN), Err(WriteError::Overflow));
    assert_eq!(
        rig.call("MGET text max k"),
        "*3;$3;abc;$19;9223372036854775807;$3;-10;"
    );
    assert!(rig.engine.delete(b"k") && !rig.engine.delete(b"k"));
    assert_eq!(rig.call("DBSIZE"), ":3;");
    rig.call("SELECT 1");
    rig.call("SET elsewhere v");
    rig.engine.clear();
    assert!(rig.engine.is_empty(), "typed calls see database 0");
    assert_eq!(rig.call("DBSIZE"), ":1;", "and leave the others alone");
    assert!(rig.engine.info("keyspace").contains("db1:keys=1"));
}

#[test]
fn typed_deadlines_are_exact_to_the_millisecond() {
    let mut engine = Rig::new().engine;
    engine.advance_to(START);
    let remaining = |ms| TimeToLive::Remaining(Duration::from_millis(ms));
    engine
        .set(b"k", b"v", Expire::After(Duration::from_millis(500)))
        .expect("there is room");
    assert_eq!(engine.ttl(b"k"), remaining(500));
    engine.set(b"k", b"w", Expire::Keep).expect("there is room");
    assert_eq!(engine.ttl(b"k"), remaining(500));
    engine
        .set(b"k", b"w", Expire::AtUnixMs(START_MS + 300))
        .expect("there is room");
    assert_eq!(engine.ttl(b"k"), remaining(300));
    assert_eq!(engine.incr(b"n", 1), Ok(1));
    engine
        .set(b"n", b"5", Expire::AtUnixMs(START_MS + 400))
        .expect("there is room");
    assert_eq!(engine.incr(b"n", 1), Ok(6));
    assert_eq!(
        engine.ttl(b"n"),
        remaining(400),
        "counting keeps the deadline"
    );
    assert_eq!(engine.next_deadline_ms(), Some(START_MS + 300));
    engine.advance_to(START.plus_ms(299));
    assert_eq!(engine.ttl(b"k"), remaining(1));
    engine.advance_to(START.plus_ms(300));
    assert_eq!(
        (engine.ttl(b"k"), engine.get(b"k")),
        (TimeToLive::Missing, None)
    );
    assert_eq!(engine.len(), 1, "its memory came back with it");
    engine
        .set(b"n", b"5", Expire::Never)
        .expect("there is room");
    assert_eq!(
        (engine.ttl(b"n"), engine.next_deadline_ms()),
        (TimeToLive::NoExpiry, None)
    );
    engine
        .set(b"new", b"v", Expire::Keep)
        .expect("there is room");
    assert_eq!(engine.ttl(b"new"), TimeToLive::NoExpiry);
}

#[test]
fn a_typed_deadline_in_the_past_deletes() {
    for expire in [
        Expire::AtUnixMs(START_MS),
        Expire::AtUnixMs(1),
        Expire::AtUnixMs(0),
        Expire::After(Duration::ZERO),
        Expire::After(Duration::from_micros(999)),
    ] {
        let mut engine = Rig::new().engine;
        engine.advance_to(START);
        engine
            .set(b"k", b"old", Expire::Never)
            .expect("there is room");
        engine.set(b"k", b"new", expire).expect("there is room");
        assert_eq!((engine.get(b"k"), engine.len()), (None, 0), "{expire:?}");
    }
}

#[test]
fn a_typed_deadline_may_be_as_far_as_numbers_go() {
    for expire in [Expire::After(Duration::MAX), Expire::AtUnixMs(u64::MAX)] {
        let mut engine = Rig::new().engine;
        engine.advance_to(START);
        engine.set(b"k", b"v", expire).expect("there is room");
        assert_eq!(engine.get(b"k"), Some(b"v".to_vec()), "{expire:?}");
        assert_eq!(engine.next_deadline_ms(), Some(u64::MAX - 1));
        engine.check_invariants();
        engine
            .set(b"k", b"w", Expire::Never)
            .expect("there is room");
        assert_eq!(engine.ttl(b"k"), TimeToLive::NoExpiry);
        assert!(engine.delete(b"k"));
        engine.check_invariants();
    }
}
