//! What the elements of a block consist of, written and read.
//!
//! ```text
//!  set      member               key: the member
//!  map      [deadline] key value
//!  scored   score member         key: the member
//!  list     item                 key: none is looked for
//! ```
//!
//! Not here: the bytes of single items (`structures/item.rs`).

use crate::structures::item::{self, Code, DEADLINE_BYTES, DEADLINE_MARK, Item};

/// What the elements of a block are, and how they are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Members, by hash.
    Set,
    /// Keys with values, by hash of the key: fields of a hash, members of a sorted set.
    Map,
    /// Members with scores, by score and then by the member's text.
    Scored,
    /// Items, by position.
    List,
}

impl Shape {
    #[inline]
    pub(super) fn from_bits(bits: u8) -> Self {
        match bits {
            0 => Self::Set,
            1 => Self::Map,
            2 => Self::Scored,
            _ => Self::List,
        }
    }

    #[inline]
    pub(super) fn bits(self) -> u8 {
        match self {
            Self::Set => 0,
            Self::Map => 1,
            Self::Scored => 2,
            Self::List => 3,
        }
    }

    /// Whether its elements are found by the hash of their key.
    #[inline]
    pub fn is_hashed(self) -> bool {
        matches!(self, Self::Set | Self::Map)
    }
}

/// An element about to be written.
#[derive(Clone, Copy, Debug)]
pub struct Element<'a> {
    deadline: Option<u64>,
    first: Code<'a>,
    second: Option<Code<'a>>,
}

impl<'a> Element<'a> {
    /// A member of a set, or an item of a list.
    #[inline]
    pub fn single(item: Code<'a>) -> Self {
        Self {
            deadline: None,
            first: item,
            second: None,
        }
    }

    /// A key with its value.
    #[inline]
    pub fn pair(key: Code<'a>, value: Code<'a>) -> Self {
        Self {
            deadline: None,
            first: key,
            second: Some(value),
        }
    }

    /// A member with its score, to stand by its score.
    ///
    /// # Panics
    /// If `score` is not a number.
    #[inline]
    pub fn scored(score: f64, member: Code<'a>) -> Self {
        Self::pair(Code::of_score(score), member)
    }

    /// The same key and value with a deadline, in milliseconds, or without one.
    #[must_use]
    pub fn with_deadline(self, deadline: Option<u64>) -> Self {
        Self { deadline, ..self }
    }

    /// When it is due, in milliseconds.
    #[inline]
    pub fn deadline(&self) -> Option<u64> {
        self.deadline
    }

    /// By what its score stands among others, if it is made to stand by one: see
    /// [`item::score_order`].
    ///
    /// # Panics
    /// If it is not.
    #[inline]
    pub fn score_order(&self) -> u64 {
        assert!(self.second.is_some(), "only scored elements have one");
        self.first.score_order()
    }

    /// The member, if it is made to stand by its score.
    ///
    /// # Panics
    /// If it is not.
    #[inline]
    pub fn member(&self) -> Item<'a> {
        self.second.expect("only scored elements have one").item()
    }

    /// The code that it is found by, where elements are found by their keys.
    pub fn key_code(&self) -> Code<'a> {
        self.first
    }

    /// Bytes of it.
    #[inline]
    pub fn byte_len(&self) -> usize {
        let deadline_len = self.deadline.map_or(0, |_| DEADLINE_BYTES);
        let second_len = self.second.map_or(0, |second| second.byte_len());
        deadline_len + self.first.byte_len() + second_len
    }

    /// Writes it to the beginning of `target`.
    pub(super) fn write(&self, target: &mut [u8]) {
        let mut offset = 0;
        if let Some(deadline) = self.deadline {
            item::write_deadline(deadline, target);
            offset = DEADLINE_BYTES;
        }
        offset += self.first.write(&mut target[offset..]);
        if let Some(second) = self.second {
            second.write(&mut target[offset..]);
        }
    }

    /// Appends it to `target`.
    #[inline]
    pub(super) fn append_to(&self, target: &mut Vec<u8>) {
        if let Some(deadline) = self.deadline {
            let mut bytes = [0; DEADLINE_BYTES];
            item::write_deadline(deadline, &mut bytes);
            target.extend_from_slice(&bytes);
        }
        self.first.append_to(target);
        if let Some(second) = &self.second {
            second.append_to(target);
        }
    }

    /// Whether its items are those of `shape`.
    pub(super) fn fits(&self, shape: Shape) -> bool {
        let has_second = self.second.is_some();
        match shape {
            Shape::Set | Shape::List => !has_second && self.deadline.is_none(),
            Shape::Map => has_second,
            Shape::Scored => has_second && self.deadline.is_none() && !self.first.is_text(),
        }
    }
}

/// Where the element of `shape` ends that begins at `offset`.
#[inline(always)] // A few instructions, asked for each element of a walk.
pub(super) fn element_end(shape: Shape, bytes: &[u8], offset: usize) -> usize {
    let item_end = |offset: usize| item::end_at(bytes, offset);
    match shape {
        Shape::Set | Shape::List => item_end(offset),
        Shape::Map if bytes[offset] == DEADLINE_MARK => item_end(item_end(offset + DEADLINE_BYTES)),
        Shape::Map | Shape::Scored => item_end(item_end(offset)),
    }
}

/// Where `count` elements of `shape` end that begin at `offset`.
#[inline]
pub(super) fn elements_end(shape: Shape, bytes: &[u8], mut offset: usize, count: usize) -> usize {
    match shape {
        Shape::Set | Shape::List => item::end_of(bytes, offset, count),
        Shape::Scored => item::end_of(bytes, offset, 2 * count),
        Shape::Map => {
            for _ in 0..count {
                offset = element_end(shape, bytes, offset);
            }
            offset
        }
    }
}

/// Where the key stands in the element of `shape` at the beginning of `bytes`.
#[inline]
pub(super) fn key_offset(shape: Shape, bytes: &[u8]) -> usize {
    match shape {
        Shape::Set | Shape::List => 0,
        Shape::Map if bytes[0] == DEADLINE_MARK => DEADLINE_BYTES,
        Shape::Map => 0,
        Shape::Scored => item::len_at(bytes),
    }
}

/// An element in its block.
#[derive(Clone, Copy)]
pub struct ElementRef<'a> {
    shape: Shape,
    bytes: &'a [u8],
}

impl<'a> ElementRef<'a> {
    /// The element of `shape` at the beginning of `bytes`.
    #[inline]
    pub(super) fn new(shape: Shape, bytes: &'a [u8]) -> Self {
        let bytes = &bytes[..element_end(shape, bytes, 0)];
        Self { shape, bytes }
    }

    /// What it consists of.
    #[inline]
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// Its bytes.
    #[inline]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The bytes of its key and of what stands after it.
    #[inline]
    pub fn key_bytes(&self) -> &'a [u8] {
        &self.bytes[key_offset(self.shape, self.bytes)..]
    }

    /// The member, the key, or the item of a list.
    #[inline]
    pub fn key(&self) -> Item<'a> {
        item::read(self.key_bytes()).0
    }

    /// The value of a key.
    ///
    /// # Panics
    /// If it has none, as those of sets, lists and scored blocks.
    #[inline]
    pub fn value(&self) -> Item<'a> {
        assert!(self.shape == Shape::Map, "only maps have values");
        let bytes = self.key_bytes();
        item::read(&bytes[item::len_at(bytes)..]).0
    }

    /// The key with its value.
    ///
    /// # Panics
    /// As [`ElementRef::value`] does.
    #[inline]
    pub fn pair(&self) -> (Item<'a>, Item<'a>) {
        assert!(self.shape == Shape::Map, "only maps have values");
        let bytes = self.key_bytes();
        let (key, key_len) = item::read(bytes);
        (key, item::read(&bytes[key_len..]).0)
    }

    /// The score that a scored element stands by.
    ///
    /// # Panics
    /// If it is no scored element.
    #[inline]
    pub fn score(&self) -> f64 {
        assert!(self.shape == Shape::Scored, "only scored elements have one");
        let score = item::read(self.bytes).0.score();
        score.expect("a scored element begins with a number")
    }

    /// By what its score stands among others: see [`item::score_order`].
    ///
    /// # Panics
    /// If it is no scored element.
    #[inline]
    pub fn score_order(&self) -> u64 {
        assert!(self.shape == Shape::Scored, "only scored elements have one");
        item::score_order_at(self.bytes)
    }

    /// When it is due, in milliseconds.
    #[inline]
    pub fn deadline(&self) -> Option<u64> {
        match self.shape {
            Shape::Map => item::deadline_at(self.bytes),
            Shape::Set | Shape::Scored | Shape::List => None,
        }
    }

    /// It as one to be written, to another block or with another deadline.
    pub fn to_element(self) -> Element<'a> {
        let element = match self.shape {
            Shape::Set | Shape::List => Element::single(Code::of_item(self.key())),
            Shape::Map => Element::pair(Code::of_item(self.key()), Code::of_item(self.value())),
            Shape::Scored => Element::scored(self.score(), Code::of_item(self.key())),
        };
        element.with_deadline(self.deadline())
    }
}
