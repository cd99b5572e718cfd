//! Keys found in requests, also of declarations that no command has yet.

use super::*;
use crate::protocol::args::OwnedArgs;

const ZUNIONSTORE: Keys = Keys::of(&[
    Part::at(1).access(Access::REPLACE),
    Part::counted(2).access(Access::READ),
]);
const BITOP: Keys = Keys::of(&[Part::at(2), Part::at(3).through(-1, 1)]);
const EVAL: Keys = Keys::of(&[Part::counted(2).optional()]);
const XREAD: Keys = Keys::of(&[Part::after("STREAMS", 1)
    .besides(&[("BLOCK", 1), ("COUNT", 1), ("GROUP", 2)])
    .through(-1, 1)
    .share(2)]);
const SORT: Keys = Keys::of(&[
    Part::at(1).access(Access::READ),
    Part::after("STORE", 2)
        .besides(&[("LIMIT", 2), ("GET", 1), ("BY", 1)])
        .last()
        .access(Access::REPLACE)
        .optional(),
]);
const MSET: Keys = Keys::of(&[Part::at(1).through(-1, 2)]);
const MSETEX: Keys = Keys::of(&[Part::counted(1).spaced(2)]);
const BLPOP: Keys = Keys::of(&[Part::at(1).through(-2, 1)]);

/// The keys of a line, in parentheses what is done to them if their part says so; `-` without keys.
fn found(keys: Keys, line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let request = OwnedArgs::from_slices(&words);
    let Some(found) = keys.find(request.args()) else {
        return "-".into();
    };
    let shown = found.map(|(index, part)| match part.access {
        Some(access) => format!("{} ({})", words[index], access.words()[0]),
        None => words[index].to_string(),
    });
    shown.collect::<Vec<_>>().join(" ")
}

#[test]
fn keys_stand_where_their_parts_say() {
    let cases = [
        (Keys::FIRST, "GET a b", "a"),
        (Keys::SECOND, "OBJECT FREQ a", "a"),
        (Keys::ALL, "DEL a b c", "a b c"),
        (MSET, "MSET a 1 b 2", "a b"),
        (MSETEX, "MSETEX 2 a 1 b 2 EX 5", "a b"),
        (BLPOP, "BLPOP a b 0", "a b"),
        (
            ZUNIONSTORE,
            "ZUNIONSTORE to 2 a b WEIGHTS 1 2",
            "to (OW) a (RO) b (RO)",
        ),
        (EVAL, "EVAL text 2 a b c", "a b"),
        (XREAD, "XREAD STREAMS a b 0 0", "a b"),
        (XREAD, "XREAD COUNT 2 BLOCK 0 streams a $", "a"),
        (SORT, "SORT a LIMIT 0 1 GET # store to", "a (RO) to (OW)"),
    ];
    for (keys, line, expected) in cases {
        assert_eq!(found(keys, line), expected, "{line}");
    }
}

#[test]
fn a_word_that_belongs_to_another_is_not_the_word_of_a_part() {
    let group = "XREADGROUP GROUP streams streams STREAMS a >";
    assert_eq!(found(XREAD, group), "a");
    let sort = "SORT a BY store GET store STORE to";
    assert_eq!(found(SORT, sort), "a (RO) to (OW)");
}

#[test]
fn of_several_words_the_last_one_may_count() {
    for (line, target) in [
        ("SORT a STORE b STORE c", "c"),
        ("SORT a STORE STORE STORE c", "c"),
        ("SORT a STORE b GET STORE", "b"),
    ] {
        assert_eq!(found(SORT, line), format!("a (RO) {target} (OW)"), "{line}");
    }
    assert_eq!(found(XREAD, "XREAD STREAMS streams b 0 0"), "streams b");
}

#[test]
fn optional_parts_may_be_absent() {
    assert_eq!(found(SORT, "SORT a ALPHA"), "a (RO)");
    assert_eq!(found(SORT, "SORT a STORE"), "a (RO)");
    for count in ["0", "-1", "x", "2"] {
        assert_eq!(found(EVAL, &format!("EVAL text {count} a")), "", "{count}");
    }
}

#[test]
fn a_request_without_a_part_has_no_keys() {
    let cases = [
        (Keys::NONE, "PING a"),
        (Keys::FIRST, "GET"),
        (Keys::ALL, "DEL"),
        (BLPOP, "BLPOP 0"),
        (BLPOP, "BLPOP"),
        (ZUNIONSTORE, "ZUNIONSTORE to"),
        (ZUNIONSTORE, "ZUNIONSTORE to 0 a"),
        (ZUNIONSTORE, "ZUNIONSTORE to 2 a"),
        (ZUNIONSTORE, "ZUNIONSTORE to x a"),
        (ZUNIONSTORE, "ZUNIONSTORE to 9223372036854775807 a"),
        (MSETEX, "MSETEX 9223372036854775807 a 1"),
        (XREAD, "XREAD COUNT STREAMS a 0"),
        (XREAD, "XREAD STREAMS"),
        (XREAD, "XREAD STREAMS a"),
        (XREAD, "XREAD COUNT"),
        (SORT, "SORT"),
    ];
    for (keys, line) in cases {
        assert_eq!(found(keys, line), "-", "{line}");
    }
}

#[test]
fn clients_that_know_one_range_are_told_that_of_fixed_places() {
    let cases = [
        (Keys::NONE, (0, 0, 0), false),
        (Keys::ALL, (1, -1, 1), false),
        (MSET, (1, -1, 2), false),
        (BLPOP, (1, -2, 1), false),
        (ZUNIONSTORE, (1, 1, 1), true),
        (EVAL, (0, 0, 0), true),
        (XREAD, (0, 0, 0), true),
        (SORT, (1, 1, 1), true),
        (BITOP, (2, -1, 1), false),
    ];
    for (keys, triple, are_movable) in cases {
        assert_eq!(keys.triple(), triple, "{keys:?}");
        assert_eq!(keys.are_movable(), are_movable, "{keys:?}");
    }
}

#[test]
fn the_first_key_is_known_in_advance_where_its_place_is() {
    let firsts = [Keys::NONE, Keys::FIRST, MSETEX, EVAL, XREAD, SORT].map(Keys::first_index);
    assert_eq!(firsts, [None, Some(1), Some(2), Some(3), None, Some(1)]);
}
