//! Values under prefixes, found by a text that begins with them.
//!
//! ```text
//!  lengths   0, 5, 9                 the distinct lengths there are, shortest first
//!  values    ""  "user:"  "user:42:" …          ─▶ one lookup a length, whatever their number
//! ```
//!
//! Invariant: a length is in the list while a prefix of it is in the table.
//!
//! Cost: a search hashes one beginning of the text for each distinct length; the table grows by
//! rehashing all of its prefixes.
//!
//! Not here: what stands under a prefix.

use std::collections::{BTreeMap, HashMap};

/// See the module header.
#[derive(Debug)]
pub struct PrefixTable<V> {
    values: HashMap<Box<[u8]>, V>,
    /// How many prefixes have each length.
    lengths: BTreeMap<usize, usize>,
}

impl<V> Default for PrefixTable<V> {
    fn default() -> Self {
        Self {
            values: HashMap::new(),
            lengths: BTreeMap::new(),
        }
    }
}

impl<V> PrefixTable<V> {
    /// Whether there is no prefix.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// How many prefixes there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// The value of a prefix, which begins with the default if it was not there.
    pub fn entry(&mut self, prefix: &[u8]) -> &mut V
    where
        V: Default,
    {
        if !self.values.contains_key(prefix) {
            *self.lengths.entry(prefix.len()).or_default() += 1;
        }
        self.values.entry(prefix.into()).or_default()
    }

    /// The value of this very prefix, for change.
    pub fn get_mut(&mut self, prefix: &[u8]) -> Option<&mut V> {
        self.values.get_mut(prefix)
    }

    /// Removes a prefix.
    pub fn remove(&mut self, prefix: &[u8]) {
        if self.values.remove(prefix).is_some()
            && let Some(count) = self.lengths.get_mut(&prefix.len())
        {
            *count -= 1;
            if *count == 0 {
                self.lengths.remove(&prefix.len());
            }
        }
    }

    /// The lengths and values of all prefixes that a text begins with, shortest first.
    pub fn of_text<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = (usize, &'a V)> {
        let lengths = self.lengths.range(..=text.len());
        lengths.filter_map(|(&len, _)| Some((len, self.values.get(&text[..len])?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a text finds exactly its prefixes, shortest first. Method: random prefixes of two
    /// letters that come and go, beside a list that is searched from end to end.
    #[test]
    fn a_text_finds_its_prefixes() {
        for seed in 0..50 {
            let mut random = fastrand::Rng::with_seed(seed);
            let (mut table, mut model) = (PrefixTable::<u32>::default(), BTreeMap::new());
            for step in 0..400 {
                let len = random.usize(0..6);
                let word: Vec<u8> = (0..len).map(|_| random.u8(b'a'..=b'b')).collect();
                if random.u8(0..3) == 0 {
                    table.remove(&word);
                    model.remove(&word);
                } else {
                    *table.entry(&word) = step;
                    model.insert(word.clone(), step);
                }
                let text = [&word[..], b"ab"].concat();
                let found: Vec<u32> = table.of_text(&text).map(|(_, step)| *step).collect();
                let expected: Vec<u32> = (0..=text.len())
                    .filter_map(|len| model.get(&text[..len]).copied())
                    .collect();
                assert_eq!(found, expected, "seed {seed}, step {step}");
                assert_eq!(table.len(), model.len(), "seed {seed}, step {step}");
                assert_eq!(table.lengths.values().sum::<usize>(), model.len());
            }
        }
    }
}
