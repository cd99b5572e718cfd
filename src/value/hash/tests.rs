//! Hashes against a plain map of fields to values and deadlines.

use super::*;
use crate::value::collection::lodging::Lodging;
use std::collections::{BTreeMap, BTreeSet};

/// A value and its deadline.
type Content = (Vec<u8>, Option<u64>);

/// A hash beside its model, which forgets fields when they are due.
struct Pair {
    lodging: Lodging,
    model: BTreeMap<Vec<u8>, Content>,
    field_count: u32,
    longest: usize,
}

fn text(item: Item<'_>) -> Vec<u8> {
    item.text(&mut itoa::Buffer::new()).to_vec()
}

impl Pair {
    fn new(seed: u64, field_count: u32, longest: usize) -> Self {
        Self {
            lodging: Lodging::new::<Hash>(seed),
            model: BTreeMap::new(),
            field_count,
            longest,
        }
    }

    fn advance(&mut self, span_ms: u64) {
        self.lodging.now_ms += span_ms;
        let now_ms = self.lodging.now_ms;
        self.model
            .retain(|_, (_, due_ms)| due_ms.is_none_or(|due_ms| due_ms > now_ms));
    }

    fn read(&self) -> HashRef<'_, impl BlockStore> {
        self.lodging.read::<Hash>()
    }

    fn change(&mut self) -> HashMut<&mut Lodging> {
        self.lodging.change::<Hash>()
    }

    fn some_field(&self, random: &mut fastrand::Rng) -> Vec<u8> {
        let number = random.u32(..self.field_count);
        match number % 3 {
            0 => number.to_string().into_bytes(),
            _ => format!("field:{number}").into_bytes(),
        }
    }

    fn some_value(&self, random: &mut fastrand::Rng) -> Vec<u8> {
        match random.u8(..4) {
            0 => random.i64(..).to_string().into_bytes(),
            1 => random.i8(..).to_string().into_bytes(),
            _ => vec![random.alphabetic() as u8; random.usize(..self.longest)],
        }
    }

    fn step(&mut self, random: &mut fastrand::Rng) {
        let field = self.some_field(random);
        let value = self.some_value(random);
        let deadline_ms = self.lodging.now_ms + random.u64(..40);
        let old = self.model.get(&field).cloned();
        match random.u8(..100) {
            0..30 => {
                assert_eq!(self.change().set(&field, &value), old.is_none());
                self.model.insert(field, (value, None));
            }
            30..40 => {
                assert_eq!(self.change().update(&field, &value), old.is_none());
                let old_deadline = old.and_then(|(_, deadline)| deadline);
                self.model.insert(field, (value, old_deadline));
            }
            40..50 => {
                let deadline_ms = deadline_ms + 1;
                let is_new = self.change().set_until(&field, &value, deadline_ms);
                assert_eq!(is_new, old.is_none());
                self.model.insert(field, (value, Some(deadline_ms)));
            }
            50..65 => {
                assert_eq!(self.change().remove(&field), old.is_some());
                self.model.remove(&field);
            }
            65..80 => self.expire(&field, deadline_ms, random.bool()),
            80..85 => {
                let outcome = self.change().persist(&field);
                let expected = match old {
                    None => FieldOutcome::NoField,
                    Some((_, None)) => FieldOutcome::NoDeadline,
                    Some((_, Some(_))) => FieldOutcome::Done,
                };
                assert_eq!(outcome, expected);
                if let Some((_, deadline)) = self.model.get_mut(&field) {
                    *deadline = None;
                }
            }
            85..98 => self.increment(field, random.i64(..) >> random.u8(..64)),
            _ => self.advance(random.u64(..20)),
        }
    }

    fn expire(&mut self, field: &[u8], deadline_ms: u64, may_change: bool) {
        let old = self.model.get(field).map(|(_, deadline)| *deadline);
        let outcome = self.change().expire(field, deadline_ms, |present_ms| {
            assert_eq!(Some(present_ms), old);
            may_change
        });
        let expected = match old {
            None => FieldOutcome::NoField,
            Some(_) if !may_change => FieldOutcome::Refused,
            Some(_) if deadline_ms <= self.lodging.now_ms => FieldOutcome::Removed,
            Some(_) => FieldOutcome::Done,
        };
        assert_eq!(outcome, expected);
        match outcome {
            FieldOutcome::Removed => _ = self.model.remove(field),
            FieldOutcome::Done => {
                self.model.get_mut(field).expect("it is there").1 = Some(deadline_ms);
            }
            FieldOutcome::NoField | FieldOutcome::NoDeadline | FieldOutcome::Refused => {}
        }
    }

    fn increment(&mut self, field: Vec<u8>, increment: i64) {
        let sum = self.change().increment(&field, increment);
        let (old, deadline) = self
            .model
            .get(&field)
            .cloned()
            .unwrap_or((b"0".to_vec(), None));
        let old = str::from_utf8(&old).expect("values are ASCII");
        let canonical = old.parse::<i64>().ok();
        let canonical = canonical.filter(|value| value.to_string() == old);
        let expected = canonical
            .ok_or(IncrementError::NotAnInteger)
            .and_then(|value| value.checked_add(increment).ok_or(IncrementError::Overflow));
        assert_eq!(sum, expected);
        if let Ok(sum) = sum {
            let value = sum.to_string().into_bytes();
            self.model.insert(field, (value, deadline));
        }
    }

    /// Compares everything that can be read.
    fn check(&self, random: &mut fastrand::Rng) {
        self.lodging.check_invariants();
        let hash = self.read();
        assert_eq!(hash.present_len(), self.model.len() as u64);
        let pairs: BTreeMap<_, _> = hash.iter().map(|(f, v)| (text(f), text(v))).collect();
        let expected = self.model.iter().map(|(f, (v, _))| (f.clone(), v.clone()));
        assert_eq!(pairs, expected.collect());
        for (field, (value, deadline)) in &self.model {
            assert_eq!(hash.get(field).map(text).as_ref(), Some(value));
            assert_eq!(hash.deadline_ms(field), Some(*deadline));
        }
        let mut scanned = BTreeMap::new();
        let mut cursor = 0;
        loop {
            cursor = hash.scan(cursor, |field, value| {
                assert_eq!(scanned.insert(text(field), text(value)), None);
            });
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(scanned, pairs);
        let wanted = random.u64(..2 * pairs.len() as u64 + 2);
        let mut drawn = BTreeSet::new();
        hash.sample(wanted, random, |field, value| {
            assert_eq!(pairs.get(&text(field)), Some(&text(value)));
            assert!(drawn.insert(text(field)), "a field comes once");
        });
        assert_eq!(drawn.len(), pairs.len().min(wanted as usize));
        match hash.draw(random) {
            None => assert!(pairs.is_empty()),
            Some((field, value)) => assert_eq!(pairs.get(&text(field)), Some(&text(value))),
        }
    }
}

/// Goal: small and large hashes do what a map does, and no reader sees a field from its deadline
/// on. Method: random changes at a random pace of time beside the model. Few short fields stay
/// packed until the first deadline comes, many or long ones don't.
#[test]
fn agrees_with_a_map_of_fields() {
    for (seed, field_count, longest) in [(1, 8, 12), (2, 60, 30), (3, 60, 900), (4, 3_000, 40)] {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut pair = Pair::new(seed, field_count, longest);
        for step in 0..12_000 {
            pair.step(&mut random);
            if step % 97 == 0 {
                pair.check(&mut random);
            }
        }
        pair.check(&mut random);
        assert_eq!(pair.lodging.free(), 0, "seed {seed}");
    }
}

#[test]
fn a_hash_is_large_from_its_first_deadline_on() {
    let mut pair = Pair::new(1, 1, 1);
    pair.change().set(b"f", b"v");
    assert!(!pair.lodging.is_large());
    let outcome = pair.change().expire(b"f", 10, |_| false);
    assert_eq!(
        (outcome, pair.lodging.is_large()),
        (FieldOutcome::Refused, false)
    );
    let outcome = pair.change().expire(b"f", 10, |_| true);
    assert_eq!(
        (outcome, pair.lodging.is_large()),
        (FieldOutcome::Done, true)
    );
    assert_eq!(pair.read().elements().next_deadline(), Some(10));
    assert_eq!(pair.lodging.body().encoding(), Encoding::Small);
}

#[test]
fn a_due_field_counts_until_it_is_removed_and_is_seen_by_nobody() {
    let mut pair = Pair::new(1, 1, 1);
    pair.change().set(b"kept", b"1");
    pair.change().set_until(b"due", b"2", 10);
    pair.lodging.now_ms = 9;
    assert_eq!((pair.read().len(), pair.read().present_len()), (2, 2));
    pair.lodging.now_ms = 10;
    assert_eq!((pair.read().len(), pair.read().present_len()), (2, 1));
    assert!(pair.read().get(b"due").is_none() && pair.read().deadline_ms(b"due").is_none());
    assert!(!pair.change().remove(b"due"));
    assert_eq!(pair.change().persist(b"due"), FieldOutcome::NoField);
    assert_eq!(pair.read().len(), 2, "it is left to be removed as due");
    assert_eq!(pair.change().increment(b"due", 5), Ok(5), "it begins anew");
    assert_eq!(pair.read().deadline_ms(b"due"), Some(None));
}

/// Goal: every field has the same chance, whatever of them is wanted. Method: 3,000 draws of one
/// and of four among twenty, of which some are due in the second round; each must come within five
/// standard deviations of its share.
#[test]
fn draws_are_even() {
    for due_count in [0, 8] {
        let mut pair = Pair::new(5, 1, 1);
        for number in 0..20u64 {
            let field = format!("f{number}");
            let deadline_ms = if number < due_count { 1 } else { 100 };
            pair.change().set_until(field.as_bytes(), b"v", deadline_ms);
        }
        pair.lodging.now_ms = 50;
        let mut random = fastrand::Rng::with_seed(7);
        let present_count = (20 - due_count) as f64;
        for wanted in [1, 4] {
            let mut counts: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
            for _ in 0..3_000 {
                let mut count = |field| *counts.entry(text(field)).or_default() += 1;
                match wanted {
                    1 => count(pair.read().draw(&mut random).expect("some are there").0),
                    _ => pair
                        .read()
                        .sample(wanted, &mut random, |field, _| count(field)),
                }
            }
            let share = wanted as f64 / present_count;
            let (mean, deviation) = (3_000.0 * share, (3_000.0 * share * (1.0 - share)).sqrt());
            assert_eq!(counts.len() as f64, present_count);
            for (field, count) in counts {
                let distance = (f64::from(count) - mean).abs() / deviation;
                assert!(distance < 5.0, "{field:?} came {count} times");
            }
        }
    }
}

#[test]
fn a_hash_of_due_fields_has_none_to_draw() {
    let mut pair = Pair::new(1, 1, 1);
    pair.change().set_until(b"due", b"v", 10);
    pair.lodging.now_ms = 10;
    let mut random = fastrand::Rng::with_seed(1);
    assert_eq!(pair.read().draw(&mut random), None);
    pair.read()
        .sample(3, &mut random, |_, _| panic!("a due field was shown"));
}
