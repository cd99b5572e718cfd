//! Deadlines of fields through everything that can happen to their hash.

use super::*;
use crate::keyspace::{Changed, DatabaseSize, DeadlineChange, Key, Keyspace, Missing};
use crate::value::hash::Hash;
use crate::value::kind::WrongType;
use crate::value::string::StringValue;
use std::collections::{BTreeMap, HashMap};

const DATABASES: usize = 2;

/// Fields with their deadlines; a string has none.
type Fields = BTreeMap<Vec<u8>, Option<u64>>;

#[derive(Clone)]
struct Value {
    fields: Fields,
    is_hash: bool,
    deadline_ms: Option<u64>,
}

/// Keys with their values, from which everything goes that is due.
#[derive(Default)]
struct Model {
    databases: [HashMap<Vec<u8>, Value>; DATABASES],
}

impl Model {
    fn drop_due(&mut self, now_ms: u64) {
        let lasts = |deadline_ms: Option<u64>| deadline_ms.is_none_or(|due_ms| due_ms > now_ms);
        for database in &mut self.databases {
            database.retain(|_, value| {
                value.fields.retain(|_, deadline_ms| lasts(*deadline_ms));
                lasts(value.deadline_ms) && !(value.is_hash && value.fields.is_empty())
            });
        }
    }

    fn next_deadline_ms(&self) -> Option<u64> {
        let values = self.databases.iter().flat_map(HashMap::values);
        let deadlines = values.flat_map(|value| {
            let of_fields = value.fields.values().flatten();
            of_fields.chain(&value.deadline_ms).copied()
        });
        deadlines.min()
    }

    fn field_expires(&self, database: usize) -> usize {
        let values = self.databases[database].values();
        let has_deadlines = |value: &&Value| value.fields.values().any(Option::is_some);
        values.filter(has_deadlines).count()
    }
}

/// What a test does to one field.
enum Act {
    Set,
    SetUntil(u64),
    Expire(u64),
    Persist,
    Remove,
}

/// Does it.
fn change(
    keyspace: &mut Keyspace,
    database: usize,
    key: Key<'_>,
    now_ms: u64,
    field: &[u8],
    act: &Act,
) -> Result<Option<()>, WrongType> {
    let missing = match act {
        Act::Set | Act::SetUntil(_) => Missing::Create,
        Act::Expire(_) | Act::Persist | Act::Remove => Missing::Skip,
    };
    let mut mutation = keyspace.mutate(database, now_ms);
    mutation.change::<Hash, (), WrongType>(key, missing, |hash| {
        let event = match act {
            Act::Set => {
                hash.set(field, b"value");
                Event::HashSet
            }
            Act::SetUntil(deadline_ms) => {
                hash.set_until(field, b"value", *deadline_ms);
                Event::HashSet
            }
            Act::Expire(deadline_ms) => {
                hash.expire(field, *deadline_ms, |_| true);
                Event::HashExpire
            }
            Act::Persist => {
                hash.persist(field);
                Event::HashPersist
            }
            Act::Remove => {
                hash.remove(field);
                Event::HashRemove
            }
        };
        Ok(Changed::when(true, event, ()))
    })
}

fn change_in_model(content: &mut HashMap<Vec<u8>, Value>, key: &[u8], field: Vec<u8>, act: &Act) {
    let empty = Value {
        fields: Fields::new(),
        is_hash: true,
        deadline_ms: None,
    };
    let creates = matches!(act, Act::Set | Act::SetUntil(_));
    if !content.contains_key(key) && !creates {
        return;
    }
    let value = content.entry(key.to_vec()).or_insert(empty);
    if !value.is_hash {
        return;
    }
    match act {
        Act::Set => _ = value.fields.insert(field, None),
        Act::SetUntil(deadline_ms) => _ = value.fields.insert(field, Some(*deadline_ms)),
        Act::Expire(deadline_ms) => {
            value
                .fields
                .entry(field)
                .and_modify(|deadline| *deadline = Some(*deadline_ms));
        }
        Act::Persist => {
            value
                .fields
                .entry(field)
                .and_modify(|deadline| *deadline = None);
        }
        Act::Remove => _ = value.fields.remove(&field),
    }
}

fn step(random: &mut fastrand::Rng, keyspace: &mut Keyspace, model: &mut Model, now_ms: u64) {
    let (database, target) = (random.usize(..DATABASES), random.usize(..DATABASES));
    let name = format!("key{}", random.u8(..6)).into_bytes();
    let other_name = format!("key{}", random.u8(..6)).into_bytes();
    let (key, other) = (keyspace.key(&name), keyspace.key(&other_name));
    let is_same = (database, &name) == (target, &other_name);
    let content = &mut model.databases[database];
    match random.u16(..1_000) {
        0..800 => {
            let field = format!("f{}", random.u8(..40)).into_bytes();
            let deadline_ms = now_ms + random.u64(..60);
            let act = match random.u8(..10) {
                0..2 => Act::Set,
                2..4 => Act::SetUntil(deadline_ms + 1),
                4..7 => Act::Expire(deadline_ms),
                7 => Act::Persist,
                _ => Act::Remove,
            };
            let changed = change(keyspace, database, key, now_ms, &field, &act);
            let is_string = content.get(&name).is_some_and(|value| !value.is_hash);
            assert_eq!(changed.is_err(), is_string);
            change_in_model(content, &name, field, &act);
        }
        800..820 => {
            let mut mutation = keyspace.mutate(database, now_ms);
            mutation.set(key, StringValue::Integer(1), DeadlineChange::Clear);
            let value = Value {
                fields: Fields::new(),
                is_hash: false,
                deadline_ms: None,
            };
            content.insert(name, value);
        }
        820..860 => {
            keyspace.mutate(database, now_ms).remove(key);
            content.remove(&name);
        }
        860..880 => {
            let deadline_ms = now_ms + random.u64(..60);
            let mut mutation = keyspace.mutate(database, now_ms);
            mutation.set_deadline(key, deadline_ms);
            if let Some(value) = content.get_mut(&name) {
                value.deadline_ms = Some(deadline_ms);
            }
        }
        880..930 if !is_same => {
            let mut mutation = keyspace.mutate(database, now_ms);
            let is_renamed = mutation.rename(key, target, other);
            let value = content.remove(&name);
            assert_eq!(is_renamed, value.is_some());
            value.map(|value| model.databases[target].insert(other_name, value));
        }
        930..980 if !is_same => {
            let mut mutation = keyspace.mutate(database, now_ms);
            let is_copied = mutation.copy(key, target, other);
            let value = content.get(&name).cloned();
            assert_eq!(is_copied, value.is_some());
            value.map(|value| model.databases[target].insert(other_name, value));
        }
        980..985 => {
            keyspace.mutate(database, now_ms).flush();
            content.clear();
        }
        985..995 => {
            keyspace.mutate(0, now_ms).swap(1);
            model.databases.swap(0, 1);
        }
        _ => {}
    }
}

fn compare(keyspace: &Keyspace, model: &Model, now_ms: u64) {
    for (database, content) in model.databases.iter().enumerate() {
        for (name, value) in content {
            let key = keyspace.key(name);
            match keyspace.peek::<Hash>(database, key, now_ms) {
                Err(WrongType) => assert!(!value.is_hash),
                Ok(hash) => {
                    let hash = hash.expect("the model has it");
                    assert_eq!(hash.present_len(), value.fields.len() as u64);
                    for (field, deadline_ms) in &value.fields {
                        assert_eq!(hash.deadline_ms(field), Some(*deadline_ms));
                    }
                }
            }
        }
    }
}

/// Goal: whatever happens to hashes, their fields expire at their millisecond, and the heap of each
/// database knows the next. Method: random changes at a random pace of time beside a model; due
/// fields are removed a few at a time.
#[test]
fn fields_expire_wherever_their_hash_goes() {
    for seed in 0..20 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut keyspace = Keyspace::new(DATABASES, seed);
        let mut model = Model::default();
        let mut now_ms = 1_000_000;
        for number in 0..4_000 {
            if random.u8(..4) == 0 {
                now_ms += random.u64(..6);
            }
            // What is due is absent, removed or not; an empty hash is there until it is removed.
            while keyspace.expire_some(now_ms, 3) == 3 {}
            model.drop_due(now_ms);
            step(&mut random, &mut keyspace, &mut model, now_ms);
            model.drop_due(now_ms);
            assert_eq!(keyspace.next_deadline_ms(), model.next_deadline_ms());
            if random.bool() {
                keyspace.free_some();
            }
            if number % 100 == 0 {
                keyspace.check_invariants();
                compare(&keyspace, &model, now_ms);
                for database in 0..DATABASES {
                    let size = keyspace.size(database);
                    assert_eq!(size.keys, model.databases[database].len());
                    assert_eq!(size.field_expires, model.field_expires(database));
                }
            }
        }
        for database in 0..DATABASES {
            keyspace.mutate(database, now_ms).flush();
        }
        while keyspace.free_some() {}
        keyspace.check_invariants();
        assert_eq!(keyspace.entries.used_bytes(), 0);
        assert_eq!(keyspace.next_deadline_ms(), None);
    }
}

/// A hash with one field for ever and `due_count` fields until `deadline_ms`.
fn fill(keyspace: &mut Keyspace, name: &[u8], due_count: u32, deadline_ms: u64) {
    let key = keyspace.key(name);
    change(keyspace, 0, key, 0, b"kept", &Act::Set).expect("a hash");
    for number in 0..due_count {
        let field = number.to_string();
        let act = Act::SetUntil(deadline_ms);
        change(keyspace, 0, key, 0, field.as_bytes(), &act).expect("a hash");
    }
}

#[test]
fn due_fields_are_removed_in_slices_and_counted() {
    let mut keyspace = Keyspace::new(1, 0);
    fill(&mut keyspace, b"h", 100, 50);
    let key = keyspace.key(b"h");
    let len = |keyspace: &Keyspace, now_ms| {
        let hash = keyspace.peek::<Hash>(0, key, now_ms).expect("a hash");
        hash.map(|hash| (hash.len(), hash.present_len()))
    };
    assert_eq!(keyspace.next_deadline_ms(), Some(50));
    assert_eq!(keyspace.expire_some(49, 32), 0);
    assert_eq!(len(&keyspace, 50), Some((101, 1)));
    assert_eq!(keyspace.expire_some(53, 32), 32);
    assert_eq!(len(&keyspace, 53), Some((69, 1)));
    assert_eq!(keyspace.expire_some(54, 100), 68);
    assert_eq!(len(&keyspace, 54), Some((1, 1)));
    assert_eq!(keyspace.next_deadline_ms(), None);
    let report = keyspace.expiry_report();
    assert_eq!((report.fields.count, report.keys.count), (100, 0));
    assert_eq!(report.fields.lag_max_ms, 4);
    keyspace.reset_expiry_report();
    assert_eq!(keyspace.expiry_report().fields.count, 0);
    keyspace.check_invariants();
}

#[test]
fn keys_and_fields_share_the_limit_of_a_step() {
    let mut keyspace = Keyspace::new(1, 0);
    fill(&mut keyspace, b"h", 5, 50);
    let key = keyspace.key(b"k");
    let mut mutation = keyspace.mutate(0, 0);
    mutation.set(key, StringValue::Integer(1), DeadlineChange::At(60));
    assert_eq!(keyspace.expire_some(60, 4), 4);
    assert_eq!(keyspace.expire_some(60, 4), 2);
    assert_eq!(keyspace.expire_some(60, 4), 0);
}

#[test]
fn the_end_of_the_last_field_is_the_end_of_its_key() {
    let mut keyspace = Keyspace::new(1, 0);
    keyspace.interests.listen();
    let key = keyspace.key(b"h");
    let acts = [
        (Act::SetUntil(90), "hset"),
        (Act::Persist, "hpersist"),
        (Act::Expire(50), "hexpire"),
    ];
    for (act, word) in acts {
        change(&mut keyspace, 0, key, 0, b"f", &act).expect("a hash");
        let heard = keyspace.interests.heard();
        let words: Vec<_> = heard.iter().map(|(_, _, event)| event.name()).collect();
        assert_eq!(words, [word]);
    }
    assert_eq!(
        keyspace.size(0),
        DatabaseSize {
            keys: 1,
            expires: 0,
            field_expires: 1
        }
    );
    assert_eq!(keyspace.expire_some(50, 10), 1);
    let heard = keyspace.interests.heard();
    let words: Vec<_> = heard.iter().map(|(_, _, event)| event.name()).collect();
    assert_eq!(words, ["hexpired", "del"]);
    assert_eq!(keyspace.size(0).keys, 0);
    keyspace.check_invariants();
}

#[test]
fn who_watches_a_hash_learns_that_a_field_is_due() {
    let mut keyspace = Keyspace::new(1, 0);
    fill(&mut keyspace, b"h", 3, 50);
    let version = keyspace.watch(0, b"h", 10);
    assert_eq!(keyspace.watched_version(0, b"h", 49), version);
    assert_ne!(keyspace.watched_version(0, b"h", 50), version);
    let key = keyspace.key(b"h");
    let hash = keyspace.peek::<Hash>(0, key, 50).expect("a hash");
    assert_eq!(hash.map(|hash| hash.len()), Some(3), "one field is gone");
    keyspace.unwatch(0, b"h");
}

#[test]
fn passive_expiry_leaves_due_fields_where_they_are() {
    let mut keyspace = Keyspace::new(1, 0);
    fill(&mut keyspace, b"h", 3, 50);
    keyspace.set_active_expiry(false);
    assert_eq!(keyspace.next_deadline_ms(), None);
    assert_eq!(keyspace.expire_some(60, 10), 0);
    keyspace.set_active_expiry(true);
    assert_eq!(keyspace.expire_some(60, 10), 3);
}

#[test]
fn a_dropped_database_takes_its_heap_along() {
    let mut keyspace = Keyspace::new(1, 0);
    for number in 0..2_000 {
        fill(&mut keyspace, format!("old{number}").as_bytes(), 1, 50);
    }
    keyspace.mutate(0, 1).flush();
    assert_eq!(keyspace.next_deadline_ms(), None);
    fill(&mut keyspace, b"new", 2, 60);
    keyspace.free_some();
    assert_eq!(keyspace.expire_some(70, 10), 2);
    while keyspace.free_some() {}
    keyspace.check_invariants();
}
