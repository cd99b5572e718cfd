//! The typed calls for hashes, lists, sets and sorted sets: the same values as the commands', what
//! is refused, deadlines, and the limit of memory.
//!
//! Method: what one side writes the other side reads; small values and large ones.

use super::*;
use std::ops::Bound;
use std::time::Duration;

const LIMIT_BYTES: u64 = 2 << 20;

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("texts in tests are text")
}

fn texts(count: u32) -> Vec<String> {
    (0..count)
        .map(|number| format!("item:{number:05}"))
        .collect()
}

#[test]
fn hashes_are_those_of_the_commands() {
    let mut rig = Rig::new();
    let engine = &mut rig.engine;
    let pairs = [("name", "ada"), ("visits", "41"), ("name", "grace")];
    assert_eq!(engine.hash_set(b"h", &pairs), Ok(2), "the last one counts");
    assert_eq!(engine.hash_increment(b"h", b"visits", 1), Ok(42));
    assert_eq!(engine.hash_increment(b"h", b"new", -3), Ok(-3));
    assert_eq!(
        engine.hash_increment(b"h", b"name", 1),
        Err(WriteError::NotAnInteger)
    );
    assert_eq!(
        engine.hash_increment(b"h", b"visits", i64::MAX),
        Err(WriteError::Overflow)
    );
    assert_eq!(engine.hash_get(b"h", b"visits"), Ok(Some(b"42".to_vec())));
    assert_eq!(engine.hash_get(b"h", b"none"), Ok(None));
    assert_eq!(engine.hash_get(b"none", b"name"), Ok(None));
    assert_eq!(
        rig.call("HMGET h name visits new"),
        "*3;$5;grace;$2;42;$2;-3;"
    );
    rig.call("HSET h 7 8");
    let mut seen = Vec::new();
    let look = |field: &[u8], value: &[u8]| seen.push((text(field), text(value)));
    assert_eq!(rig.engine.hash_for_each(b"h", look), Ok(()));
    seen.sort();
    let expected = [
        ("7", "8"),
        ("name", "grace"),
        ("new", "-3"),
        ("visits", "42"),
    ];
    assert_eq!(
        seen,
        expected.map(|(field, value)| (field.into(), value.into()))
    );
    assert_eq!(rig.engine.hash_len(b"h"), Ok(4));
    assert_eq!(rig.engine.hash_remove(b"h", &["7", "none", "new"]), Ok(2));
    assert_eq!(rig.engine.hash_remove(b"h", &["name", "visits"]), Ok(2));
    assert!(!rig.engine.contains(b"h"), "without fields it is gone");
    assert_eq!(rig.engine.hash_len(b"h"), Ok(0));
    assert_eq!(rig.engine.hash_remove(b"h", &["name"]), Ok(0));
}

#[test]
fn fields_expire_to_the_millisecond() {
    let mut rig = Rig::new();
    let engine = &mut rig.engine;
    engine.advance_to(START);
    let pairs = [("kept", "1"), ("short", "2"), ("gone", "3"), ("freed", "4")];
    assert_eq!(engine.hash_set(b"h", &pairs), Ok(4));
    let half = Expire::After(Duration::from_millis(500));
    let now = Expire::AtUnixMs(START_MS);
    for (field, expire, is_there) in [
        ("short", half, true),
        ("freed", half, true),
        ("freed", Expire::Keep, true),
        ("freed", Expire::Never, true),
        ("kept", Expire::Never, true),
        ("none", half, false),
        ("none", Expire::Keep, false),
        ("gone", now, true),
        ("gone", half, false),
    ] {
        let outcome = engine.hash_expire_field(b"h", field.as_bytes(), expire);
        assert_eq!(outcome, Ok(is_there), "{field} {expire:?}");
        engine.check_invariants();
    }
    assert_eq!(engine.hash_expire_field(b"none", b"f", half), Ok(false));
    assert_eq!(engine.hash_len(b"h"), Ok(3));
    let left = |engine: &CacheEngine, field: &[u8]| engine.hash_field_time_to_live(b"h", field);
    let half = TimeToLive::Remaining(Duration::from_millis(500));
    assert_eq!(left(engine, b"short"), Ok(half));
    assert_eq!(left(engine, b"freed"), Ok(TimeToLive::NoExpiry));
    assert_eq!(left(engine, b"gone"), Ok(TimeToLive::Missing));
    let of_none = engine.hash_field_time_to_live(b"none", b"short");
    assert_eq!(of_none, Ok(TimeToLive::Missing));

    assert_eq!(engine.next_deadline_ms(), Some(START_MS + 500));
    engine.advance_to(START.plus_ms(499));
    assert_eq!(engine.hash_get(b"h", b"short"), Ok(Some(b"2".to_vec())));
    engine.advance_to(START.plus_ms(500));
    assert_eq!(engine.hash_get(b"h", b"short"), Ok(None));
    assert_eq!(engine.hash_len(b"h"), Ok(2));
    assert_eq!(engine.next_deadline_ms(), None);
    assert!(
        !engine
            .hash_expire_field(b"h", b"short", now)
            .expect("there is room")
    );
    engine.check_invariants();
}

#[test]
fn keys_of_any_type_expire() {
    let mut rig = Rig::new();
    let engine = &mut rig.engine;
    engine.advance_to(START);
    engine.set_add(b"s", &["a"]).expect("there is room");
    let after = |ms| Expire::After(Duration::from_millis(ms));
    assert!(engine.expire(b"s", after(300)));
    assert!(engine.expire(b"s", Expire::Keep));
    engine.set_add(b"s", &["b"]).expect("there is room");
    let remaining = TimeToLive::Remaining(Duration::from_millis(300));
    assert_eq!(
        engine.ttl(b"s"),
        remaining,
        "members come, the deadline stays"
    );
    assert!(engine.expire(b"s", Expire::Never) && engine.expire(b"s", Expire::Never));
    assert_eq!(engine.ttl(b"s"), TimeToLive::NoExpiry);
    for expire in [after(1), Expire::Never, Expire::Keep] {
        assert!(!engine.expire(b"none", expire), "{expire:?}");
    }
    assert!(engine.expire(b"s", after(300)));
    engine.advance_to(START.plus_ms(300));
    assert_eq!((engine.set_len(b"s"), engine.len()), (Ok(0), 0));
    engine.list_push_back(b"l", &["a"]).expect("there is room");
    assert!(engine.expire(b"l", Expire::AtUnixMs(1)));
    assert!(!engine.contains(b"l"), "a deadline in the past deletes");
    engine.check_invariants();
}

#[test]
fn lists_are_those_of_the_commands() {
    let mut rig = Rig::new();
    assert_eq!(rig.engine.list_push_back(b"l", &["c", "5"]), Ok(2));
    assert_eq!(rig.engine.list_push_front(b"l", &["b", "a"]), Ok(4));
    assert_eq!(rig.call("LRANGE l 0 -1"), "*4;$1;a;$1;b;$1;c;$1;5;");
    assert_eq!(rig.engine.list_get(b"l", 1), Ok(Some(b"b".to_vec())));
    assert_eq!(rig.engine.list_get(b"l", -1), Ok(Some(b"5".to_vec())));
    assert_eq!(rig.engine.list_get(b"l", 4), Ok(None));
    assert_eq!(rig.engine.list_get(b"l", -5), Ok(None));
    assert_eq!(rig.engine.list_get(b"none", 0), Ok(None));
    assert_eq!(rig.engine.list_pop_front(b"l"), Ok(Some(b"a".to_vec())));
    assert_eq!(rig.engine.list_pop_back(b"l"), Ok(Some(b"5".to_vec())));
    assert_eq!(rig.engine.list_len(b"l"), Ok(2));
    assert_eq!(rig.call("RPUSH l x y"), ":4;");
    let inner = (Bound::Included(1), Bound::Excluded(-1));
    assert_eq!(rig.engine.list_trim(b"l", inner), Ok(()));
    assert_eq!(rig.call("LRANGE l 0 -1"), "*2;$1;c;$1;x;");
    assert_eq!(rig.engine.list_trim(b"l", 2..), Ok(()));
    assert!(!rig.engine.contains(b"l"), "without items it is gone");
    assert_eq!(rig.engine.list_len(b"l"), Ok(0));
    assert_eq!(rig.engine.list_pop_front(b"l"), Ok(None));
    assert_eq!(rig.engine.list_pop_back(b"l"), Ok(None));
    assert_eq!(rig.engine.list_trim(b"l", ..), Ok(()));
}

/// Goal: indexes mean the same wherever they stand. Method: every pair of bounds around the ends of
/// a list, beside a vector that is asked index by index.
#[test]
fn indexes_count_from_both_ends() {
    const LEN: i64 = 3;
    let items = ["a", "b", "c"];
    let mut engine = Rig::new().engine;
    engine.list_push_back(b"l", &items).expect("there is room");
    let bounds = || {
        let indexes = (-LEN - 2..=LEN + 2).chain([i64::MIN, i64::MAX]);
        let some = indexes.flat_map(|index| [Bound::Included(index), Bound::Excluded(index)]);
        some.chain([Bound::Unbounded])
    };
    let from_front = |index: i64| index.saturating_add(if index < 0 { LEN } else { 0 });
    for start in bounds() {
        for end in bounds() {
            let is_in = |index: &i64| {
                let follows = match start {
                    Bound::Included(first) => *index >= from_front(first),
                    Bound::Excluded(before) => *index > from_front(before),
                    Bound::Unbounded => true,
                };
                follows
                    && match end {
                        Bound::Included(last) => *index <= from_front(last),
                        Bound::Excluded(after) => *index < from_front(after),
                        Bound::Unbounded => true,
                    }
            };
            let expected = (0..LEN).filter(is_in).map(|index| items[index as usize]);
            let expected: Vec<String> = expected.map(String::from).collect();
            let mut seen = Vec::new();
            let outcome = engine.list_range(b"l", (start, end), |item| seen.push(text(item)));
            assert_eq!((outcome, &seen), (Ok(()), &expected), "{start:?} {end:?}");
            let mut copy = Rig::new().engine;
            copy.list_push_back(b"l", &items).expect("there is room");
            copy.list_trim(b"l", (start, end)).expect("it is a list");
            let left_count = copy.list_len(b"l");
            assert_eq!(left_count, Ok(expected.len() as u64), "{start:?} {end:?}");
        }
    }
    let mut seen = 0;
    assert_eq!(engine.list_range(b"none", .., |_| seen += 1), Ok(()));
    assert_eq!(seen, 0);
}

#[test]
fn sets_are_those_of_the_commands() {
    let mut rig = Rig::new();
    assert_eq!(rig.engine.set_add(b"s", &["3", "1", "3"]), Ok(2));
    assert_eq!(rig.call("OBJECT ENCODING s"), "$6;intset;");
    assert_eq!(rig.engine.set_add(b"s", &["a", "1"]), Ok(1));
    assert_eq!(rig.call("SCARD s"), ":3;");
    assert_eq!(rig.call("SADD s b"), ":1;");
    assert_eq!(rig.engine.set_contains(b"s", b"b"), Ok(true));
    assert_eq!(rig.engine.set_contains(b"s", b"c"), Ok(false));
    assert_eq!(rig.engine.set_contains(b"none", b"b"), Ok(false));
    assert_eq!(rig.engine.set_remove(b"s", &["a", "c", "a"]), Ok(1));
    let mut seen = Vec::new();
    assert_eq!(
        rig.engine
            .set_for_each(b"s", |member| seen.push(text(member))),
        Ok(())
    );
    seen.sort();
    assert_eq!(seen, ["1", "3", "b"]);
    let mut popped = Vec::new();
    while let Some(member) = rig.engine.set_pop(b"s").expect("it is a set") {
        popped.push(text(&member));
        let left_count = 3 - popped.len() as u64;
        assert_eq!(rig.engine.set_len(b"s"), Ok(left_count));
    }
    popped.sort();
    assert_eq!(popped, seen);
    assert!(!rig.engine.contains(b"s"), "without members it is gone");
    assert_eq!(rig.engine.set_remove(b"s", &["a"]), Ok(0));
}

#[test]
fn any_member_may_be_popped() {
    let mut engine = Rig::new().engine;
    let mut counts = [0; 4];
    for _ in 0..4_000 {
        engine
            .set_add(b"s", &["0", "1", "2", "3"])
            .expect("there is room");
        let popped = engine.set_pop(b"s").expect("it is a set");
        let popped = text(&popped.expect("it has members"));
        counts[popped.parse::<usize>().expect("members are digits")] += 1;
    }
    // 1,000 of each were expected; the standard deviation is 27.
    assert!(
        counts.iter().all(|count| (850..1_150).contains(count)),
        "{counts:?}"
    );
}

/// The members that a call lends, with their scores.
fn lent(call: impl FnOnce(&mut dyn FnMut(&[u8], f64)) -> Result<(), WrongType>) -> String {
    let mut lent = Vec::new();
    let outcome = call(&mut |member, score| lent.push(format!("{}:{score}", text(member))));
    assert_eq!(outcome, Ok(()));
    lent.join(" ")
}

#[test]
fn sorted_sets_are_those_of_the_commands() {
    let mut rig = Rig::new();
    let engine = &mut rig.engine;
    for (member, score) in [("c", 3.0), ("a", 1.0), ("7", 2.5), ("b", 2.5)] {
        assert_eq!(
            engine.sorted_set_put(b"z", member.as_bytes(), score),
            Ok(true)
        );
    }
    assert_eq!(engine.sorted_set_put(b"z", b"a", 9.0), Ok(false));
    assert_eq!(engine.sorted_set_increment(b"z", b"a", -8.5), Ok(0.5));
    assert_eq!(engine.sorted_set_increment(b"z", b"d", 4.0), Ok(4.0));
    assert_eq!(engine.sorted_set_score(b"z", b"7"), Ok(Some(2.5)));
    assert_eq!(engine.sorted_set_score(b"z", b"none"), Ok(None));
    assert_eq!(engine.sorted_set_score(b"none", b"a"), Ok(None));
    assert_eq!(engine.sorted_set_rank(b"z", b"c"), Ok(Some(3)));
    assert_eq!(engine.sorted_set_rank(b"z", b"none"), Ok(None));
    assert_eq!(engine.sorted_set_len(b"z"), Ok(5));
    let all = "a:0.5 7:2.5 b:2.5 c:3 d:4";
    assert_eq!(lent(|look| engine.sorted_set_range(b"z", .., look)), all);
    assert_eq!(
        lent(|look| engine.sorted_set_range(b"z", 1..3, look)),
        "7:2.5 b:2.5"
    );
    assert_eq!(
        lent(|look| engine.sorted_set_range(b"z", -2.., look)),
        "c:3 d:4"
    );
    let best = lent(|look| engine.sorted_set_range_reversed(b"z", ..2, look));
    assert_eq!(best, "d:4 c:3");
    let least = lent(|look| engine.sorted_set_range_reversed(b"z", -2.., look));
    assert_eq!(least, "7:2.5 a:0.5");
    let mut by_score = |scores: (Bound<f64>, Bound<f64>)| {
        lent(|look| engine.sorted_set_range_by_score(b"z", scores, look))
    };
    let (open, closed) = (Bound::Excluded, Bound::Included);
    assert_eq!(by_score((closed(2.5), open(3.0))), "7:2.5 b:2.5");
    assert_eq!(by_score((open(2.5), closed(3.0))), "c:3");
    assert_eq!(by_score((open(3.0), Bound::Unbounded)), "d:4");
    assert_eq!(by_score((Bound::Unbounded, Bound::Unbounded)), all);
    assert_eq!(by_score((closed(4.0), closed(0.5))), "");
    assert_eq!(lent(|look| engine.sorted_set_range(b"none", .., look)), "");

    assert_eq!(rig.call("ZADD z 0 first"), ":1;");
    assert_eq!(
        rig.engine.sorted_set_pop_min(b"z"),
        Ok(Some((b"first".to_vec(), 0.0)))
    );
    assert_eq!(
        rig.engine.sorted_set_remove(b"z", &["b", "none", "7"]),
        Ok(2)
    );
    assert_eq!(rig.call("ZRANGE z 0 -1"), "*3;$1;a;$1;c;$1;d;");
    assert_eq!(rig.engine.sorted_set_remove(b"z", &["a", "c"]), Ok(2));
    assert_eq!(
        rig.engine.sorted_set_pop_min(b"z"),
        Ok(Some((b"d".to_vec(), 4.0)))
    );
    assert_eq!(rig.engine.sorted_set_pop_min(b"z"), Ok(None));
    assert!(!rig.engine.contains(b"z"), "without members it is gone");
}

#[test]
fn a_score_is_a_number() {
    let mut engine = Rig::new().engine;
    let refused = WriteError::NotANumber;
    assert_eq!(engine.sorted_set_put(b"z", b"m", f64::NAN), Err(refused));
    assert_eq!(
        engine.sorted_set_increment(b"z", b"m", f64::NAN),
        Err(refused)
    );
    assert!(engine.is_empty());
    assert_eq!(engine.sorted_set_put(b"z", b"m", f64::INFINITY), Ok(true));
    let outcome = engine.sorted_set_increment(b"z", b"m", f64::NEG_INFINITY);
    assert_eq!(outcome, Err(refused));
    assert_eq!(engine.sorted_set_score(b"z", b"m"), Ok(Some(f64::INFINITY)));
    engine.check_invariants();
}

/// Goal: the calls do the same to large values. Method: some thousands of elements, far beyond what
/// is packed, compared by count, order and both ends.
#[test]
fn large_values_are_the_same_to_callers() {
    const COUNT: u32 = 5_000;
    let mut engine = Rig::new().engine;
    let items = texts(COUNT);
    let pairs: Vec<(&String, &String)> = items.iter().zip(&items).collect();
    assert_eq!(engine.hash_set(b"h", &pairs), Ok(u64::from(COUNT)));
    assert_eq!(engine.list_push_back(b"l", &items), Ok(u64::from(COUNT)));
    assert_eq!(engine.set_add(b"s", &items), Ok(u64::from(COUNT)));
    for (score, item) in items.iter().enumerate() {
        let outcome = engine.sorted_set_put(b"z", item.as_bytes(), -(score as f64));
        assert_eq!(outcome, Ok(true));
    }
    engine.check_invariants();
    let mut fields = Vec::new();
    let outcome = engine.hash_for_each(b"h", |field, value| {
        assert_eq!(field, value);
        fields.push(text(field));
    });
    fields.sort();
    assert_eq!((outcome, &fields), (Ok(()), &items));
    let mut listed = Vec::new();
    let outcome = engine.list_range(b"l", .., |item| listed.push(text(item)));
    assert_eq!((outcome, &listed), (Ok(()), &items));
    let mut members = Vec::new();
    let outcome = engine.set_for_each(b"s", |member| members.push(text(member)));
    members.sort();
    assert_eq!((outcome, &members), (Ok(()), &items));
    let mut ordered = Vec::new();
    let outcome =
        engine.sorted_set_range_reversed(b"z", .., |member, _| ordered.push(text(member)));
    assert_eq!((outcome, &ordered), (Ok(()), &items));
    assert_eq!(
        engine.sorted_set_rank(b"z", items[0].as_bytes()),
        Ok(Some(u64::from(COUNT) - 1))
    );

    assert_eq!(engine.hash_remove(b"h", &items), Ok(u64::from(COUNT)));
    assert_eq!(engine.list_trim(b"l", 7..9), Ok(()));
    assert_eq!(
        engine.list_pop_back(b"l"),
        Ok(Some(items[8].clone().into_bytes()))
    );
    assert_eq!(engine.set_remove(b"s", &items), Ok(u64::from(COUNT)));
    assert_eq!(
        engine.sorted_set_remove(b"z", &items[1..]),
        Ok(u64::from(COUNT) - 1)
    );
    assert_eq!(
        engine.sorted_set_pop_min(b"z"),
        Ok(Some((items[0].clone().into_bytes(), 0.0)))
    );
    assert_eq!(engine.len(), 1, "only the list is left");
    engine.check_invariants();
}

#[test]
fn a_key_of_another_type_is_refused_and_stays() {
    const NONE: [&str; 0] = [];
    let mut rig = Rig::new();
    rig.engine
        .set(b"k", b"v", Expire::Never)
        .expect("there is room");
    let engine = &mut rig.engine;
    let refused = Err(WriteError::WrongType);
    assert_eq!(engine.hash_set(b"k", &[("f", "v")]), refused);
    assert_eq!(
        engine.hash_increment(b"k", b"f", 1),
        Err(WriteError::WrongType)
    );
    let outcome = engine.hash_expire_field(b"k", b"f", Expire::Keep);
    assert_eq!(outcome, Err(WriteError::WrongType));
    assert_eq!(engine.hash_get(b"k", b"f"), Err(WrongType));
    assert_eq!(engine.hash_remove(b"k", &["f"]), Err(WrongType));
    assert_eq!(engine.hash_len(b"k"), Err(WrongType));
    assert_eq!(engine.hash_field_time_to_live(b"k", b"f"), Err(WrongType));
    assert_eq!(
        engine.hash_for_each(b"k", |_, _| unreachable!()),
        Err(WrongType)
    );
    assert_eq!(engine.list_push_front(b"k", &["i"]), refused);
    assert_eq!(engine.list_push_back(b"k", &NONE), refused);
    assert_eq!(engine.list_pop_front(b"k"), Err(WrongType));
    assert_eq!(engine.list_pop_back(b"k"), Err(WrongType));
    assert_eq!(engine.list_len(b"k"), Err(WrongType));
    assert_eq!(engine.list_get(b"k", 0), Err(WrongType));
    assert_eq!(
        engine.list_range(b"k", .., |_| unreachable!()),
        Err(WrongType)
    );
    assert_eq!(engine.list_trim(b"k", ..), Err(WrongType));
    assert_eq!(engine.set_add(b"k", &["m"]), refused);
    assert_eq!(engine.set_remove(b"k", &["m"]), Err(WrongType));
    assert_eq!(engine.set_contains(b"k", b"m"), Err(WrongType));
    assert_eq!(engine.set_len(b"k"), Err(WrongType));
    assert_eq!(engine.set_pop(b"k"), Err(WrongType));
    assert_eq!(
        engine.set_for_each(b"k", |_| unreachable!()),
        Err(WrongType)
    );
    assert_eq!(
        engine.sorted_set_put(b"k", b"m", 1.0),
        Err(WriteError::WrongType)
    );
    let outcome = engine.sorted_set_increment(b"k", b"m", 1.0);
    assert_eq!(outcome, Err(WriteError::WrongType));
    assert_eq!(engine.sorted_set_remove(b"k", &["m"]), Err(WrongType));
    assert_eq!(engine.sorted_set_score(b"k", b"m"), Err(WrongType));
    assert_eq!(engine.sorted_set_rank(b"k", b"m"), Err(WrongType));
    assert_eq!(engine.sorted_set_len(b"k"), Err(WrongType));
    assert_eq!(engine.sorted_set_pop_min(b"k"), Err(WrongType));
    let outcome = engine.sorted_set_range(b"k", .., |_, _| unreachable!());
    assert_eq!(outcome, Err(WrongType));
    let outcome = engine.sorted_set_range_reversed(b"k", .., |_, _| unreachable!());
    assert_eq!(outcome, Err(WrongType));
    let outcome = engine.sorted_set_range_by_score(b"k", .., |_, _| unreachable!());
    assert_eq!(outcome, Err(WrongType));
    assert_eq!(rig.engine.get(b"k"), Some(b"v".to_vec()));
    // The other way round, and texts that are no text.
    rig.engine.set_add(b"s", &["m"]).expect("there is room");
    assert_eq!(rig.engine.get(b"s"), None);
    assert_eq!(rig.engine.incr(b"s", 1), Err(WriteError::WrongType));
}

#[test]
fn nothing_given_changes_nothing() {
    const NO_TEXTS: [&str; 0] = [];
    const NO_PAIRS: [(&str, &str); 0] = [];
    let mut engine = Rig::new().engine;
    for is_there in [false, true] {
        let count = u64::from(is_there);
        if is_there {
            engine.hash_set(b"h", &[("f", "v")]).expect("there is room");
            engine.list_push_back(b"l", &["i"]).expect("there is room");
            engine.set_add(b"s", &["m"]).expect("there is room");
        }
        let dirty_count = engine.keyspace.dirty_count();
        assert_eq!(engine.hash_set(b"h", &NO_PAIRS), Ok(0));
        assert_eq!(engine.hash_remove(b"h", &NO_TEXTS), Ok(0));
        assert_eq!(engine.list_push_front(b"l", &NO_TEXTS), Ok(count));
        assert_eq!(engine.list_push_back(b"l", &NO_TEXTS), Ok(count));
        assert_eq!(engine.set_add(b"s", &NO_TEXTS), Ok(0));
        assert_eq!(engine.set_remove(b"s", &NO_TEXTS), Ok(0));
        assert_eq!(engine.len(), 3 * count as usize);
        assert_eq!(engine.keyspace.dirty_count(), dirty_count);
        engine.check_invariants();
    }
}

/// Writes to each of the four types in turn; returns whether one was refused.
fn write_each(engine: &mut CacheEngine, number: u32) -> Result<(), WriteError> {
    let key = |kind: &str| format!("{kind}:{}", number / 100).into_bytes();
    let value = format!("{number:0100}");
    engine.hash_set(&key("h"), &[(&value, &value)])?;
    engine.list_push_back(&key("l"), &[&value])?;
    engine.set_add(&key("s"), &[&value])?;
    engine.sorted_set_put(&key("z"), value.as_bytes(), f64::from(number))?;
    Ok(())
}

#[test]
fn collections_keep_the_limit() {
    let mut engine = Rig::new().engine;
    engine.set_memory_limit(LIMIT_BYTES);
    let mut most_bytes = 0;
    for number in 0..30_000 {
        assert_eq!(write_each(&mut engine, number), Ok(()));
        most_bytes = most_bytes.max(engine.used_bytes() as u64);
    }
    assert!(most_bytes <= LIMIT_BYTES + LIMIT_BYTES / 16, "{most_bytes}");
    // Many small items are a large write, too.
    let items = vec![""; LIMIT_BYTES as usize / 8];
    let outcome = engine.list_push_back(b"many", &items);
    assert_eq!(outcome, Err(WriteError::OutOfMemory));
    engine.check_invariants();
}

#[test]
fn collections_say_that_nothing_may_be_evicted() {
    let mut rig = Rig::new();
    rig.call("CONFIG SET maxmemory-policy noeviction");
    rig.engine.set_memory_limit(LIMIT_BYTES);
    let engine = &mut rig.engine;
    let refused = (0..).find_map(|number| write_each(engine, number).err());
    assert_eq!(refused, Some(WriteError::OutOfMemory));
    let refused = Err(WriteError::OutOfMemory);
    assert_eq!(engine.hash_set(b"new", &[("f", "v")]), refused);
    assert_eq!(engine.list_push_front(b"new", &["i"]), refused);
    assert_eq!(engine.list_push_back(b"new", &["i"]), refused);
    assert_eq!(engine.set_add(b"new", &["m"]), refused);
    assert_eq!(
        engine.hash_increment(b"new", b"f", 1),
        Err(WriteError::OutOfMemory)
    );
    let outcome = engine.hash_expire_field(b"h:0", b"f", Expire::Keep);
    assert_eq!(outcome, Err(WriteError::OutOfMemory));
    let outcome = engine.sorted_set_put(b"new", b"m", 1.0);
    assert_eq!(outcome, Err(WriteError::OutOfMemory));
    let outcome = engine.sorted_set_increment(b"new", b"m", 1.0);
    assert_eq!(outcome, Err(WriteError::OutOfMemory));
    assert!(!engine.contains(b"new"));
    // What takes away needs no room, and makes some.
    assert_eq!(engine.list_trim(b"l:0", ..1), Ok(()));
    assert!(engine.set_pop(b"s:0").expect("it is a set").is_some());
    assert!(engine.delete(b"z:0") && engine.delete(b"h:0"));
    while engine.tick(START) {}
    assert_eq!(engine.set_add(b"new", &["m"]), Ok(1));
}
