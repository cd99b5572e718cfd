//! Streams against a plain map of ids to words, and groups against maps of what is pending.

use super::*;
use crate::value::collection::lodging::Lodging;
use std::collections::{BTreeMap, BTreeSet};

type Words = Vec<Vec<u8>>;

#[derive(Clone, Debug, Default)]
struct ModelGroup {
    last_id: StreamId,
    consumers: BTreeSet<Vec<u8>>,
    /// Consumer, moment and number of deliveries.
    pending: BTreeMap<StreamId, (Vec<u8>, u64, u64)>,
}

/// A stream beside its model.
struct Pair {
    lodging: Lodging,
    entries: BTreeMap<StreamId, Words>,
    last_id: StreamId,
    max_deleted_id: StreamId,
    added: u64,
    groups: BTreeMap<Vec<u8>, ModelGroup>,
    longest: usize,
}

fn text(item: Item<'_>) -> Vec<u8> {
    item.text(&mut itoa::Buffer::new()).to_vec()
}

fn words_of(entry: &Entry<'_>) -> Words {
    let pairs = entry.fields.iter();
    pairs
        .flat_map(|(name, value)| [text(name), text(value)])
        .collect()
}

impl Pair {
    fn new(seed: u64, longest: usize, chunk_entries: u64) -> Self {
        let mut lodging = Lodging::new::<Stream>(seed);
        lodging.limits.stream_chunk_entries = chunk_entries;
        lodging.change::<Stream>().begin();
        Self {
            lodging,
            entries: BTreeMap::new(),
            last_id: StreamId::MIN,
            max_deleted_id: StreamId::MIN,
            added: 0,
            groups: BTreeMap::new(),
            longest,
        }
    }

    fn read(&self) -> StreamRef<'_, impl BlockStore> {
        self.lodging.read::<Stream>()
    }

    fn change(&mut self) -> StreamMut<&mut Lodging> {
        self.lodging.change::<Stream>()
    }

    fn some_words(&self, random: &mut fastrand::Rng) -> Words {
        let names: &[&str] = match random.u8(..4) {
            0 => &["f"],
            1 => &["a", "12", "b"],
            _ => &["name", "value"],
        };
        let value = |random: &mut fastrand::Rng| match random.u8(..3) {
            0 => random.i64(..).to_string().into_bytes(),
            _ => vec![random.alphabetic() as u8; random.usize(..self.longest)],
        };
        let pairs = names
            .iter()
            .map(|name| [name.as_bytes().to_vec(), value(random)]);
        pairs.collect::<Vec<_>>().concat()
    }

    /// An id at or near one that is there.
    fn some_id(&self, random: &mut fastrand::Rng) -> StreamId {
        let nth = random.usize(..self.entries.len().max(1));
        let id = self.entries.keys().nth(nth).copied().unwrap_or_default();
        match random.u8(..6) {
            0 => id.next().unwrap_or(id),
            1 => id.previous().unwrap_or(id),
            2 => StreamId::new(random.u64(..=self.last_id.ms + 1), random.u64(..3)),
            _ => id,
        }
    }

    fn append(&mut self, random: &mut fastrand::Rng) {
        let last = self.last_id;
        let id = match random.u8(..20) {
            0 if last.ms < 1 << 40 => StreamId::new(last.ms + (1 << 38), 7),
            1..8 => StreamId::new(last.ms + random.u64(1..300), random.u64(..3)),
            8..10 => StreamId::new(last.ms, last.seq + random.u64(1..1000)),
            _ => last.next().expect("the model stays below the end"),
        };
        let words = self.some_words(random);
        let head = self.read().find_head();
        let words_of = words.iter().map(Vec::as_slice);
        let head = self.change().append(head, id, words_of);
        assert_eq!(head, self.read().head());
        self.entries.insert(id, words);
        self.last_id = id;
        self.added += 1;
    }

    fn delete(&mut self, random: &mut fastrand::Rng) {
        let id = self.some_id(random);
        let was_there = self.entries.remove(&id).is_some();
        assert_eq!(self.change().delete(id), was_there);
        if was_there {
            self.max_deleted_id = self.max_deleted_id.max(id);
        }
    }

    fn trim(&mut self, random: &mut fastrand::Rng) {
        let threshold = match random.bool() {
            true => Threshold::Len(random.u64(..=self.entries.len() as u64 + 1)),
            false => Threshold::Id(self.some_id(random)),
        };
        let trim = Trim {
            threshold,
            is_approximate: random.bool(),
            limit: if random.bool() { random.u64(..200) } else { 0 },
        };
        let may_go = self.read().may_be_cut(&self.read().head(), &trim);
        let count = self.change().trim(&trim);
        assert!(count == 0 || may_go);
        let kept_min = match threshold {
            Threshold::Len(len) => self.entries.len() as u64 - len.min(self.entries.len() as u64),
            Threshold::Id(id) => self.entries.range(..id).count() as u64,
        };
        match trim.is_approximate || trim.limit > 0 {
            true => assert!(count <= kept_min && (trim.limit == 0 || count <= trim.limit)),
            false => assert_eq!(count, kept_min),
        }
        for _ in 0..count {
            self.entries.pop_first();
        }
    }

    fn change_groups(&mut self, random: &mut fastrand::Rng) {
        let name = [&b"g"[..], b"g\0", b"", b"12", b"g\0\0x"][random.usize(..5)].to_vec();
        let id = self.some_id(random);
        let group = self.read().group(&name);
        assert_eq!(group.is_some(), self.groups.contains_key(&name));
        let Some(mut group) = group else {
            assert!(self.change().create_group(&name, id, None));
            let model = ModelGroup {
                last_id: id,
                ..ModelGroup::default()
            };
            self.groups.insert(name, model);
            return;
        };
        let consumer_name = [&b"c"[..], b"", b"c\0", b"7"][random.usize(..4)].to_vec();
        let consumer = self.read().consumer(&group, &consumer_name);
        let mut model = self.groups[&name].clone();
        assert_eq!(consumer.is_some(), model.consumers.contains(&consumer_name));
        match (random.u8(..12), consumer) {
            (0, _) => {
                self.change().destroy_group(&name, &group);
                self.groups.remove(&name);
                return;
            }
            (1, Some(consumer)) => {
                let count = self
                    .change()
                    .delete_consumer(&group, &consumer_name, &consumer);
                let before = model.pending.len();
                model
                    .pending
                    .retain(|_, (owner, ..)| *owner != consumer_name);
                assert_eq!(count as usize, before - model.pending.len());
                model.consumers.remove(&consumer_name);
            }
            (2, _) => {
                group.last_id = id;
                model.last_id = id;
                self.change().update_group(&name, &group);
            }
            (_, None) => {
                self.change().create_consumer(&group, &consumer_name, 5);
                model.consumers.insert(consumer_name);
            }
            (3..8, Some(consumer)) => {
                let [delivered_ms, delivery_count] = [random.u64(..1 << 48), random.u64(..)];
                let pending = Pending {
                    id,
                    consumer: consumer.owner,
                    delivered_ms,
                    delivery_count,
                };
                self.change().put_pending(&group, &pending);
                let one = (consumer_name, delivered_ms, delivery_count);
                model.pending.insert(id, one);
            }
            (_, Some(_)) => {
                let was_there = model.pending.remove(&id).is_some();
                assert_eq!(self.change().remove_pending(&group, id), was_there);
            }
        }
        self.groups.insert(name, model);
    }

    fn check(&self, random: &mut fastrand::Rng) {
        let stream = self.read();
        stream.check_invariants();
        self.lodging.check_invariants();
        let head = stream.head();
        let expected = (self.last_id, self.max_deleted_id, self.added);
        assert_eq!(
            (head.last_id, head.max_deleted_id, head.entries_added),
            expected
        );
        assert_eq!(stream.len(), self.entries.len() as u64);
        let first = self.entries.keys().next().copied();
        assert_eq!(stream.first_id(), first.unwrap_or_default());
        let (start, end) = (self.some_id(random), self.some_id(random));
        let there: Vec<_> = match start <= end {
            true => self.entries.range(start..=end).collect(),
            false => Vec::new(),
        };
        let read = stream
            .range(start, end)
            .map(|entry| (entry.id, words_of(&entry)));
        assert!(read.eq(there.iter().map(|(id, words)| (**id, (*words).clone()))));
        let back = stream.range_back(start, end).map(|entry| entry.id);
        assert!(back.eq(there.iter().rev().map(|(id, _)| **id)));
        let one = stream.entry(start).map(|entry| words_of(&entry));
        assert_eq!(one.as_ref(), self.entries.get(&start));
        self.check_groups();
    }

    fn check_groups(&self) {
        let stream = self.read();
        let names: Vec<Vec<u8>> = stream.groups().map(|(name, _)| name).collect();
        assert!(names.iter().eq(self.groups.keys()));
        for ((_, group), model) in stream.groups().zip(self.groups.values()) {
            assert_eq!(group.last_id, model.last_id);
            let consumers = stream.consumers(&group).map(|(name, _)| name);
            assert!(consumers.eq(model.consumers.iter().cloned()));
            let pending = stream.pending(&group, StreamId::MIN).map(|one| {
                let name = stream.consumer_name(one.consumer).expect("it is one");
                (
                    one.id,
                    (name.to_vec(), one.delivered_ms, one.delivery_count),
                )
            });
            assert!(pending.eq(model.pending.clone()));
            let last = stream.last_pending(&group).map(|last| last.id);
            assert_eq!(last, model.pending.keys().next_back().copied());
        }
    }
}

fn run(seed: u64, longest: usize, chunk_entries: u64, step_count: usize) {
    println!("seed {seed}, longest {longest}, entries of a chunk {chunk_entries}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut pair = Pair::new(seed, longest, chunk_entries);
    for step in 0..step_count {
        match random.u8(..40) {
            0 => pair.trim(&mut random),
            1..4 => pair.delete(&mut random),
            4..12 => pair.change_groups(&mut random),
            _ => pair.append(&mut random),
        }
        if step % 37 == 0 {
            pair.check(&mut random);
        }
    }
    pair.check(&mut random);
    assert_eq!(pair.lodging.free(), 0);
}

#[test]
fn agrees_with_a_model_under_random_changes() {
    for seed in 0..6 {
        run(seed, 20, 100, 3_000);
        run(seed, 20, 3, 1_000);
        run(seed, 3_000, u64::MAX, 500);
    }
}

/// Every element of a stream is one to whoever reads a snapshot, and bytes that were changed are
/// refused or harmless.
#[test]
fn elements_are_known_again_and_noise_does_no_harm() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut pair = Pair::new(7, 30, 20);
    for _ in 0..300 {
        pair.append(&mut random);
        pair.change_groups(&mut random);
    }
    let elements: Vec<(f64, Vec<u8>)> = {
        let body = pair.lodging.body();
        let elements = body.elements().from(0);
        elements
            .map(|element| (element.score(), text(element.key())))
            .collect()
    };
    let mut refused_count = 0;
    for (score, bytes) in elements {
        assert!(is_element(score, Item::Text(&bytes)));
        assert!(!is_element(score, Item::Integer(5)));
        for _ in 0..20 {
            let mut damaged = bytes.clone();
            let at = random.usize(..damaged.len());
            damaged[at] = random.u8(..);
            if random.bool() {
                damaged.truncate(at);
            }
            match is_element(score, Item::Text(&damaged)) {
                false => refused_count += 1,
                true if score >= 0.0 => {
                    let chunk = chunk::Chunk::new(&damaged);
                    assert_eq!(chunk.entries().count() as u64, chunk.count());
                }
                true => {}
            }
        }
    }
    assert!(refused_count > 500);
}

/// Goal: an entry of two fields costs little. Method: as many entries as make many chunks.
#[test]
fn an_entry_of_two_fields_takes_less_than_forty_bytes() {
    let mut lodging = Lodging::new::<Stream>(1);
    let mut stream = lodging.change::<Stream>();
    stream.begin();
    let values: Vec<Vec<u8>> = (0..50_000)
        .map(|n| format!("value:{n:010}").into_bytes())
        .collect();
    for (n, value) in values.iter().enumerate() {
        let id = StreamId::new(1_700_000_000_000 + n as u64 / 3, n as u64 % 3);
        let words: [&[u8]; 4] = [b"field-00", value, b"field-01", value];
        let head = stream.read().find_head();
        stream.append(head, id, words.into_iter());
    }
    let bytes = lodging.store.used_bytes();
    assert!(bytes / values.len() < 40, "{bytes}");
}
