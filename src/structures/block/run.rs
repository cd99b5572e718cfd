//! Elements one after the other, without head and index: as they are stored and sent.
//!
//! ```text
//!  block   [ head │ tags │ skips │ element element … │ free ]
//!  run                             element element …
//! ```
//!
//! Tags depend on what keys are hashed by, so a run means the same everywhere and a block does not.
//!
//! Invariant ([`Run::check`]): `count` elements of the shape fill the bytes exactly; scored ones
//! are in order, without repetition.
//!
//! Not here: the bytes of an element (`element.rs`), what is around a run (`value/record`).

use super::check::element_extent;
use super::{BadBlock, Block, Element, ElementRef, Shape};
use crate::structures::item::{self, Item, score_order_at};
use std::cmp::Ordering;

/// An odd number whose bits are well mixed, from the golden ratio.
const DIGEST_FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// Elements one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run<'a> {
    shape: Shape,
    count: usize,
    bytes: &'a [u8],
}

impl<'a> Run<'a> {
    /// Elements that were written by [`Run::write`] or are those of a block.
    pub fn new(shape: Shape, count: usize, bytes: &'a [u8]) -> Self {
        Self {
            shape,
            count,
            bytes,
        }
    }

    /// The `count` elements that `bytes` are claimed to be, which may be anything. O(bytes);
    /// allocates nothing.
    ///
    /// # Errors
    /// If they are not.
    pub fn check(shape: Shape, count: usize, bytes: &'a [u8]) -> Result<Self, BadBlock> {
        let mut rest = bytes;
        let mut last = None;
        for _ in 0..count {
            let (_, len) = element_extent(shape, true, rest)?;
            let element = ElementRef::new(shape, rest);
            if last.is_some_and(|last| !follows(last, element)) {
                return Err(BadBlock::Order);
            }
            last = (shape == Shape::Scored).then_some(element);
            rest = &rest[len..];
        }
        if rest.is_empty() {
            Ok(Self::new(shape, count, bytes))
        } else {
            Err(BadBlock::Extent)
        }
    }

    /// Appends an element to the bytes of a run.
    pub fn write(element: &Element, bytes: &mut Vec<u8>) {
        element.append_to(bytes);
    }

    /// What its elements are.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Their bytes.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// All of them in order.
    pub fn elements(&self) -> impl Iterator<Item = ElementRef<'a>> + use<'a> {
        let Self {
            shape,
            count,
            mut bytes,
        } = *self;
        (0..count).map(move |_| {
            let element = ElementRef::new(shape, bytes);
            bytes = &bytes[element.bytes().len()..];
            element
        })
    }

    /// Its elements as runs of about `bytes_max` bytes each, or of one that is longer.
    pub fn parts(&self, bytes_max: usize) -> impl Iterator<Item = Self> + use<'a> {
        let Self {
            shape,
            mut count,
            mut bytes,
        } = *self;
        std::iter::from_fn(move || {
            let (mut part_count, mut end) = (0, 0);
            while part_count < count {
                let len = ElementRef::new(shape, &bytes[end..]).bytes().len();
                if part_count > 0 && end + len > bytes_max {
                    break;
                }
                part_count += 1;
                end += len;
            }
            let (part, rest) = bytes.split_at(end);
            bytes = rest;
            count -= part_count;
            (part_count > 0).then(|| Self::new(shape, part_count, part))
        })
    }

    /// Whether a key comes twice; those of lists may. O(count log count), and 8 bytes an element
    /// for a while.
    ///
    /// Digests are compared first, which are quickly sorted. Only where two are the same do keys
    /// decide; that whoever chooses keys can bring about, and gains nothing by it.
    pub fn has_repetition(&self) -> bool {
        if self.shape == Shape::List {
            return false;
        }
        let mut digests: Vec<u64> = self.keys().map(digest).collect();
        digests.sort_unstable();
        let are_different = digests.windows(2).all(|pair| pair[0] != pair[1]);
        !are_different && self.has_equal_keys()
    }

    fn has_equal_keys(&self) -> bool {
        let mut keys: Vec<&[u8]> = self.keys().collect();
        keys.sort_unstable();
        keys.windows(2).any(|pair| pair[0] == pair[1])
    }

    /// The bytes of each key.
    fn keys(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.elements().map(|element| {
            let bytes = element.key_bytes();
            &bytes[..item::len_at(bytes)]
        })
    }

    /// Whether scored elements stand in order, none of them twice.
    pub fn is_in_order(&self) -> bool {
        let mut last: Option<ElementRef> = None;
        self.elements().all(|element| {
            let before = last.replace(element);
            before.is_none_or(|before| follows(before, element))
        })
    }

    /// Whether all of them are integers.
    pub fn is_integers(&self) -> bool {
        self.elements()
            .all(|element| matches!(element.key(), Item::Integer(_)))
    }

    /// Whether scored elements that have these bytes as their last one may go on with this run;
    /// `last` must come from a run that was checked.
    pub fn may_follow(&self, last: &[u8]) -> bool {
        let last = ElementRef::new(self.shape, last);
        self.elements()
            .next()
            .is_none_or(|first| follows(last, first))
    }
}

/// A number that differs for most keys that do, of the bytes of a key's code.
#[inline]
pub fn digest(key: &[u8]) -> u64 {
    let step = |digest: u64, word: u64| (digest.rotate_left(29) ^ word).wrapping_mul(DIGEST_FACTOR);
    let begin = key.len() as u64;
    match key.last_chunk() {
        Some(last) => {
            let (words, _) = key.as_chunks::<8>();
            let digest = words.iter().fold(begin, |digest, word| {
                step(digest, u64::from_le_bytes(*word))
            });
            step(digest, u64::from_le_bytes(*last))
        }
        None => {
            let bytes = key.iter().map(|&byte| u64::from(byte));
            step(begin, bytes.fold(0, |word, byte| word << 8 | byte))
        }
    }
}

/// Whether a scored element stands before another, by score and then by member.
fn follows(one: ElementRef, other: ElementRef) -> bool {
    let order = score_order_at(one.bytes()).cmp(&score_order_at(other.bytes()));
    order.then_with(|| one.key().cmp_text(other.key())) == Ordering::Less
}

impl<'a> Block<'a> {
    /// Its elements from `index` on, without head and index. O(16) steps of a walk.
    pub fn run_from(&self, index: usize) -> Run<'a> {
        let begin = self.position(index).offset;
        Run::new(
            self.shape(),
            self.count() - index,
            &self.bytes[begin..self.end()],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structures::item::Code;

    fn written(elements: &[Element]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for element in elements {
            Run::write(element, &mut bytes);
        }
        bytes
    }

    /// Goal: a key that comes twice is found, and only such a one, whatever digests say. Method:
    /// runs of many keys, one of them exchanged for another; two different keys of one digest.
    #[test]
    fn a_key_that_comes_twice_is_found() {
        let run_of = |keys: &[Vec<u8>]| {
            let elements: Vec<Element> = (keys.iter())
                .map(|key| Element::single(Code::of_text(key)))
                .collect();
            (elements.len(), written(&elements))
        };
        let repeats = |keys: &[Vec<u8>]| {
            let (count, bytes) = run_of(keys);
            Run::new(Shape::Set, count, &bytes).has_repetition()
        };
        let texts = |count: usize| -> Vec<Vec<u8>> {
            let text = |index| format!("member {index} {}", "x".repeat(index % 40));
            (0..count).map(|index| text(index).into_bytes()).collect()
        };
        for count in 0..60 {
            let mut keys = texts(count);
            assert!(!repeats(&keys), "{count} keys");
            if count > 1 {
                keys[count / 2] = keys[0].clone();
                keys.swap(0, 1);
                assert_eq!(repeats(&keys), count / 2 > 0, "{count} keys");
            }
        }
        let one = written(&[Element::single(Code::of_text(
            b"a key of more than twenty bytes",
        ))]);
        let other = twin_of(&one);
        assert_eq!(digest(&one), digest(&other));
        assert_ne!(one, other);
        let bytes = [&one[..], &other].concat();
        assert!(!Run::new(Shape::Set, 2, &bytes).has_repetition());
        let bytes = [&one[..], &other, &one].concat();
        assert!(Run::new(Shape::Set, 3, &bytes).has_repetition());
    }

    /// Another key with the same digest: what a change of the first word does, one of the second
    /// takes back.
    fn twin_of(key: &[u8]) -> Vec<u8> {
        let word = |bytes: &[u8], at: usize| {
            u64::from_le_bytes(*bytes[at..].first_chunk().expect("the key is long"))
        };
        let after_first = |bytes: &[u8]| {
            let begin = (bytes.len() as u64).rotate_left(29) ^ word(bytes, 0);
            begin.wrapping_mul(DIGEST_FACTOR).rotate_left(29)
        };
        let mut twin = key.to_vec();
        // The code of the item stays.
        twin[5] ^= 1;
        let second = word(key, 8) ^ after_first(key) ^ after_first(&twin);
        twin[8..16].copy_from_slice(&second.to_le_bytes());
        twin
    }

    #[test]
    fn a_run_is_read_as_it_was_written_and_nothing_else_is_one() {
        let text = Code::of_text;
        let set = [Element::single(text(b"a")), Element::single(text(b"12"))];
        let pair = Element::pair(text(b"field"), text(b"value"));
        let map = [pair, pair.with_deadline(Some(5))];
        let scored = [
            Element::scored(-1.5, text(b"b")),
            Element::scored(3.0, text(b"a")),
            Element::scored(3.0, text(b"b")),
        ];
        let runs: [(Shape, &[Element]); 4] = [
            (Shape::Set, &set),
            (Shape::List, &set),
            (Shape::Map, &map),
            (Shape::Scored, &scored),
        ];
        for (shape, elements) in runs {
            let bytes = written(elements);
            let count = elements.len();
            let run = Run::check(shape, count, &bytes).expect("it was written here");
            let again: Vec<Element> = run.elements().map(ElementRef::to_element).collect();
            assert_eq!(written(&again), bytes);
            assert_eq!(
                run.elements().map(|element| element.deadline()).max(),
                elements.iter().map(Element::deadline).max()
            );
            let extent = Err(BadBlock::Extent);
            assert_eq!(Run::check(shape, count - 1, &bytes), extent);
            assert_eq!(Run::check(shape, count + 1, &bytes), Err(BadBlock::Element));
            for cut in 0..bytes.len() {
                assert_eq!(
                    Run::check(shape, count, &bytes[..cut]),
                    Err(BadBlock::Element)
                );
            }
        }
    }

    #[test]
    fn parts_are_all_of_a_run_in_order() {
        let texts: Vec<Vec<u8>> = (0..50).map(|len| vec![b'x'; len]).collect();
        let elements: Vec<Element> = (texts.iter())
            .map(|text| Element::single(Code::of_text(text)))
            .collect();
        let bytes = written(&elements);
        let run = Run::new(Shape::List, elements.len(), &bytes);
        for bytes_max in [1, 40, 100, 10_000] {
            let parts: Vec<Run> = run.parts(bytes_max).collect();
            let joined: Vec<u8> = parts
                .iter()
                .flat_map(|part| part.bytes().to_vec())
                .collect();
            assert_eq!(joined, bytes);
            let counts: usize = parts.iter().map(Run::count).sum();
            assert_eq!(counts, elements.len());
            for part in &parts {
                assert!(part.bytes().len() <= bytes_max || part.count() == 1);
                assert!(Run::check(Shape::List, part.count(), part.bytes()).is_ok());
            }
        }
        let none = Run::new(Shape::List, 0, &[]);
        assert_eq!(none.parts(10).count(), 0);
    }

    #[test]
    fn order_and_repetition_are_told() {
        let text = Code::of_text;
        let of = |score, member| Element::scored(score, text(member));
        for pair in [
            [of(2.0, b"a"), of(1.0, b"b")],
            [of(1.0, b"b"), of(1.0, b"a")],
            [of(1.0, b"a"), of(1.0, b"a")],
            [of(0.0, b"a"), of(-0.0, b"a")],
        ] {
            let bytes = written(&pair);
            assert_eq!(Run::check(Shape::Scored, 2, &bytes), Err(BadBlock::Order));
            let (first, second) = (written(&pair[..1]), written(&pair[1..]));
            let run = Run::check(Shape::Scored, 1, &second).expect("one is in order");
            assert!(!run.may_follow(&first));
        }
        let twice = written(&[of(1.0, b"a"), of(2.0, b"a")]);
        let run = Run::check(Shape::Scored, 2, &twice).expect("scores ascend");
        assert!(run.has_repetition());
        let twice = written(&[Element::single(text(b"7")), Element::single(text(b"7"))]);
        let run = |shape| Run::check(shape, 2, &twice).expect("two items");
        assert!(run(Shape::Set).has_repetition());
        assert!(!run(Shape::List).has_repetition());
        assert!(run(Shape::Set).is_integers());
    }
}
