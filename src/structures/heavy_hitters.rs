//! The heaviest of many things, with as many counters as are wanted and no more.
//!
//! ```text
//!  add(hash, weight):  has a counter ─▶ it grows
//!                      a counter is free ─▶ takes it
//!                      else ─▶ takes the least counter, and says by how much it may be too heavy
//! ```
//!
//! That is Space-Saving (Metwally, Agrawal, El Abbadi, 2005).
//!
//! Invariants ([`HeavyHitters::check_invariants`] and the tests): with `n` counters and a total of
//! `w`, everything heavier than `w / n` has a counter; a counter is never too light, and too heavy
//! by its `error` at most.
//!
//! Cost: an addition looks at all counters, some 64 hashes one behind the other in memory; a thing
//! without a counter copies its name, into memory that is there already as a rule.
//!
//! Not here: what is sampled, and for how long (`keyspace/insight/`, `context/hot_session.rs`).

/// Bytes of a name that are kept; the rest of a longer one is cut off.
pub const NAME_BYTES_MAX: usize = 512;

/// One thing and how heavy it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hitter {
    /// How heavy it is at most.
    pub weight: u64,
    /// By how much that may be too much.
    pub error: u64,
    /// The number of what it is in.
    pub place: u32,
    /// Its name, of which [`NAME_BYTES_MAX`] bytes are kept.
    pub name: Vec<u8>,
}

impl Hitter {
    /// How heavy it is at least.
    pub fn weight_min(&self) -> u64 {
        self.weight - self.error
    }
}

/// Counters of the heaviest. See the module header.
#[derive(Clone, Debug)]
pub struct HeavyHitters {
    hashes: Vec<(u64, u32)>,
    hitters: Vec<Hitter>,
    counter_count: usize,
    total: u64,
}

impl HeavyHitters {
    /// So many counters, at least one.
    pub fn new(counter_count: usize) -> Self {
        assert!(counter_count > 0, "somebody must be counted");
        Self {
            hashes: Vec::new(),
            hitters: Vec::new(),
            counter_count,
            total: 0,
        }
    }

    /// Adds to the weight of a thing, which is known by its hash and its place. O(counters).
    pub fn add(&mut self, hash: u64, place: u32, name: &[u8], weight: u64) {
        self.total += weight;
        if let Some(index) = self.hashes.iter().position(|&known| known == (hash, place)) {
            self.hitters[index].weight += weight;
            return;
        }
        let name = &name[..name.len().min(NAME_BYTES_MAX)];
        if self.hitters.len() < self.counter_count {
            self.hashes.push((hash, place));
            self.hitters.push(Hitter {
                weight,
                error: 0,
                place,
                name: name.to_vec(),
            });
            return;
        }
        let weights = self.hitters.iter().map(|hitter| hitter.weight).enumerate();
        let (index, least) = weights
            .min_by_key(|&(_, weight)| weight)
            .expect("there is one");
        self.hashes[index] = (hash, place);
        let hitter = &mut self.hitters[index];
        (hitter.weight, hitter.error, hitter.place) = (least + weight, least, place);
        hitter.name.clear();
        hitter.name.extend_from_slice(name);
    }

    /// The heaviest, at most `count`, by the weight that is certain. O(counters log counters).
    pub fn heaviest(&self, count: usize) -> Vec<&Hitter> {
        let mut sorted: Vec<&Hitter> = self.hitters.iter().collect();
        sorted.sort_by(|one, other| {
            let order = other.weight_min().cmp(&one.weight_min());
            order.then_with(|| one.name.cmp(&other.name))
        });
        sorted.truncate(count);
        sorted
    }

    /// The weight of everything that was added.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.hashes.clear();
        self.hitters.clear();
        self.total = 0;
    }

    /// Asserts the invariants that need no model, for tests. O(counters).
    pub fn check_invariants(&self) {
        assert_eq!(self.hashes.len(), self.hitters.len());
        assert!(self.hitters.len() <= self.counter_count);
        let weight: u64 = self.hitters.iter().map(|hitter| hitter.weight).sum();
        assert_eq!(weight, self.total, "weights move, and none is lost");
        assert!(
            self.hitters
                .iter()
                .all(|hitter| hitter.error < hitter.weight)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Goal: the bounds of the paper. Method: skewed things beside a table of all weights.
    #[test]
    fn agrees_with_a_model_within_its_error() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        for counter_count in [1, 8, 64] {
            let mut hitters = HeavyHitters::new(counter_count);
            let mut model: BTreeMap<u64, u64> = BTreeMap::new();
            for _ in 0..20_000 {
                let bits = random.u64(0..12);
                let thing = random.u64(0..1 << bits);
                let weight = random.u64(1..4);
                hitters.add(thing, 0, thing.to_string().as_bytes(), weight);
                *model.entry(thing).or_default() += weight;
            }
            hitters.check_invariants();
            assert_eq!(hitters.total(), model.values().sum::<u64>());
            let found = hitters.heaviest(counter_count);
            for hitter in &found {
                let thing: u64 = String::from_utf8_lossy(&hitter.name)
                    .parse()
                    .expect("a number");
                let weight = model[&thing];
                assert!(hitter.weight_min() <= weight && weight <= hitter.weight);
            }
            let share = hitters.total() / counter_count as u64;
            for (thing, _) in model.iter().filter(|(_, weight)| **weight > share) {
                let name = thing.to_string().into_bytes();
                assert!(found.iter().any(|hitter| hitter.name == name), "{thing}");
            }
        }
    }

    #[test]
    fn the_heaviest_come_first_and_places_differ() {
        let mut hitters = HeavyHitters::new(3);
        for (place, name, weight) in [(0, "a", 2), (1, "a", 5), (0, "b", 3), (0, "a", 2)] {
            hitters.add(7 + u64::from(name == "b"), place, name.as_bytes(), weight);
        }
        let shown = |hitters: &HeavyHitters| -> Vec<(u32, Vec<u8>, u64, u64)> {
            let heaviest = hitters.heaviest(2).into_iter();
            heaviest
                .map(|one| (one.place, one.name.clone(), one.weight, one.error))
                .collect()
        };
        assert_eq!(
            shown(&hitters),
            [(1, b"a".to_vec(), 5, 0), (0, b"a".to_vec(), 4, 0)]
        );
        let long = [b'x'; NAME_BYTES_MAX + 1];
        hitters.add(9, 0, &long, 1);
        let all = hitters.heaviest(3);
        assert_eq!(
            (all[2].weight, all[2].error),
            (4, 3),
            "it took the place of b"
        );
        assert_eq!(all[2].name.len(), NAME_BYTES_MAX);
        hitters.clear();
        assert_eq!(shown(&hitters), []);
    }
}
