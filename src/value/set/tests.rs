//! Sets against an ordered set of texts, in all forms.

use super::*;
use crate::value::collection::lodging::Lodging;
use crate::value::encoding::SmallLimits;
use std::collections::BTreeSet;

type Model = BTreeSet<Vec<u8>>;

fn text(item: Item<'_>) -> Vec<u8> {
    item.text(&mut itoa::Buffer::new()).to_vec()
}

fn encoding(lodging: &Lodging) -> &'static str {
    lodging.body().encoding().name(Kind::Set)
}

fn add(lodging: &mut Lodging, members: &[&str]) -> usize {
    let mut set = lodging.change::<Set>();
    let first = Code::of_text(members[0].as_bytes());
    set.expect(|| first.item(), members.len() as u64);
    let added = members.iter().filter(|member| set.add(member.as_bytes()));
    added.count()
}

/// Members of which some are of few, so that they come again.
fn member(random: &mut fastrand::Rng, has_texts: bool) -> Vec<u8> {
    match random.u8(0..8) {
        0 if has_texts => format!("member:{}", random.u16(0..2000)).into_bytes(),
        1 if has_texts => vec![b'x'; random.usize(0..90)],
        2 => random.i64(..).to_string().into_bytes(),
        3 => random.i32(-70_000..70_000).to_string().into_bytes(),
        _ => random.i16(-900..900).to_string().into_bytes(),
    }
}

fn compare(lodging: &Lodging, model: &Model) {
    let set = lodging.read::<Set>();
    assert_eq!(set.len(), model.len() as u64);
    let members: Vec<Vec<u8>> = set.iter().map(text).collect();
    assert_eq!(members.iter().cloned().collect::<Model>(), *model);
    for (rank, member) in members.iter().enumerate() {
        assert_eq!(set.at(rank as u64).map(text).as_ref(), Some(member));
        assert!(set.contains(member));
        assert!(set.contains_item(Code::of_text(member).item()));
    }
    assert_eq!(set.at(model.len() as u64), None);
    let (mut scanned, mut cursor) = (Vec::new(), 0);
    loop {
        cursor = set.scan(cursor, |member| scanned.push(text(member)));
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(scanned.len(), model.len());
    assert_eq!(scanned.into_iter().collect::<Model>(), *model);
    lodging.check_invariants();
}

/// Goal: a set holds what its model holds, in each form and through the changes of form. Method:
/// seeded additions and removals, of integers alone until texts come, under limits of all sizes.
#[test]
fn agrees_with_a_model_in_all_forms() {
    for seed in 0..60 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut lodging = Lodging::new::<Set>(seed);
        let small = random.u64(0..300);
        lodging.limits.set = SmallLimits {
            entries_max: small,
            value_bytes_max: random.u64(0..80),
        };
        lodging.limits.integers_max = [512, 4096, 3][(seed % 3) as usize];
        let mut model = Model::new();
        let texts_from = random.usize(0..1500);
        for step in 0..1500 {
            let member = member(&mut random, step >= texts_from);
            let mut set = lodging.change::<Set>();
            match random.u8(0..10) {
                0..7 => {
                    set.expect(|| Code::of_text(&member).item(), 1);
                    let is_new = set.add(&member);
                    assert_eq!(is_new, model.insert(member), "seed {seed}");
                }
                7 if !model.is_empty() => {
                    let rank = random.u64(..model.len() as u64);
                    let mut taken = None;
                    set.take(rank, |member| taken = Some(text(member)));
                    assert!(model.remove(&taken.unwrap()), "seed {seed}");
                }
                _ => {
                    let is_removed = set.remove(&member);
                    assert_eq!(is_removed, model.remove(&member), "seed {seed}");
                }
            }
            if step % 100 == 0 {
                compare(&lodging, &model);
            }
        }
        compare(&lodging, &model);
        lodging.change::<Set>().clear();
        compare(&lodging, &Model::new());
    }
}

#[test]
fn integers_are_told_in_ascending_order() {
    let mut lodging = Lodging::new::<Set>(1);
    let members = ["5", "-3", "70000", "5", "0", "-9223372036854775808"];
    assert_eq!(add(&mut lodging, &members), 5);
    let set = lodging.read::<Set>();
    let found: Vec<Item<'_>> = set.iter().collect();
    let expected = [i64::MIN, -3, 0, 5, 70_000].map(Item::Integer);
    assert_eq!(found, expected);
    assert!(set.contains(b"70000") && !set.contains(b"070000") && !set.contains(b"x"));
}

/// As Redis 7.2 decides in `setTypeAdd` and `setTypeMaybeConvert`.
#[test]
fn encodings_are_named_as_in_redis() {
    let numbers: Vec<String> = (0..600).map(|number| number.to_string()).collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let long = "x".repeat(64);
    let longer = "x".repeat(65);
    let cases: [(&[&[&str]], &str); 14] = [
        (&[&["1"]], "intset"),
        (&[&["a"]], "listpack"),
        (&[&["a", "1"]], "listpack"),
        (&[&["1", "a"]], "listpack"),
        (&[&numbers[..512]], "intset"),
        (&[&numbers[..512], &["600"]], "hashtable"),
        (&[&numbers[..513]], "hashtable"),
        (&[&numbers[..127], &["a"]], "listpack"),
        (&[&numbers[..128], &["a"]], "hashtable"),
        (&[&["a"], &numbers[..127]], "listpack"),
        (&[&["a"], &numbers[..128]], "hashtable"),
        (&[&["1", &long]], "listpack"),
        (&[&["1", &longer]], "hashtable"),
        // Redis goes by how many members are named, be they different or not.
        (&[&["7"; 513]], "hashtable"),
    ];
    for (calls, expected) in cases {
        let mut lodging = Lodging::new::<Set>(1);
        for members in calls {
            add(&mut lodging, members);
        }
        assert_eq!(encoding(&lodging), expected, "{} calls", calls.len());
    }
}

#[test]
fn a_name_that_was_outgrown_does_not_come_back() {
    let mut lodging = Lodging::new::<Set>(1);
    add(&mut lodging, &["1", "a"]);
    assert!(lodging.change::<Set>().remove(b"a"));
    assert_eq!(encoding(&lodging), "listpack");
    add(&mut lodging, &[&"x".repeat(65)]);
    assert!(lodging.change::<Set>().remove(&[b'x'; 65]));
    assert_eq!(encoding(&lodging), "hashtable");
}

/// Goal: a set of integers that does not fit the array is still called one. Method: integers of
/// eight bytes, as many as Redis keeps in an array.
#[test]
fn wide_integers_become_large_and_keep_their_name() {
    let mut lodging = Lodging::new::<Set>(1);
    for number in 0..512 {
        add(&mut lodging, &[&(i64::MAX - number).to_string()]);
    }
    assert!(matches!(lodging.body().form, Form::Large(_)));
    assert_eq!(encoding(&lodging), "intset");
    add(&mut lodging, &["0"]);
    assert_eq!(encoding(&lodging), "hashtable");
    assert_eq!(lodging.read::<Set>().len(), 513);
}
