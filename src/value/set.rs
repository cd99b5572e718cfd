//! Sets: members, each once.
//!
//! ```text
//!  integers   ascending, while all members are integers and few    structures/block/integers.rs
//!     │  a text comes, or too many integers
//!     ▼
//!  packed ──▶ large    beyond 4 KiB                                value/collection
//! ```
//!
//! Invariants: no two members are the same, integers being the same as their texts; a set that was
//! not of integers once is so for good.
//!
//! Cost: a member is found in O(1) in a packed set, in O(log n) in any other.
//!
//! Not here: unions, intersections and differences (`set_algebra.rs`); how elements are kept
//! (`collection/`).

use super::collection::{
    Body, CollectionType, Elements, ElementsMut, Form, Home, PACKED_BYTES_MAX, Trees,
};
use super::encoding::Encoding;
use super::kind::Kind;
use crate::structures::block::integers::{IntegerSet, IntegerSetMut};
use crate::structures::block::{Block, BlockMut, Element, ElementRef, Shape};
use crate::structures::block_tree::{BlockStore, Key, Tree};
use crate::structures::item::{Code, Item};
use either::Either;

/// The type of sets.
pub struct Set;

impl CollectionType for Set {
    const KIND: Kind = Kind::Set;
    const SHAPE: Shape = Shape::Set;
    type Ref<'a, S: BlockStore + 'a> = SetRef<'a, S>;
    type Mut<H: Home> = SetMut<H>;
}

enum Kept<'a, S> {
    Integers(IntegerSet<'a>, &'a S),
    Elements(Elements<'a, S>),
}

/// A set to be read; or the members of a sorted set, as if they were one.
pub struct SetRef<'a, S> {
    kept: Kept<'a, S>,
}

impl<S> Clone for SetRef<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for SetRef<'_, S> {}

impl<S> Clone for Kept<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Kept<'_, S> {}

impl<'a, S: BlockStore> From<Body<'a, S>> for SetRef<'a, S> {
    fn from(body: Body<'a, S>) -> Self {
        let kept = match body.form {
            Form::Integers(set) => Kept::Integers(set, body.store),
            Form::Packed(_) | Form::Large(_) => Kept::Elements(body.elements()),
        };
        Self { kept }
    }
}

impl<'a, S: BlockStore> SetRef<'a, S> {
    /// How many members there are.
    pub fn len(&self) -> u64 {
        match self.kept {
            Kept::Integers(set, _) => set.count() as u64,
            Kept::Elements(elements) => elements.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether all members stand together, so that finding one is cheap.
    pub fn is_small(&self) -> bool {
        match self.kept {
            Kept::Integers(..) => true,
            Kept::Elements(elements) => elements.is_packed(),
        }
    }

    /// The array of its integers and what hashes them, or its elements.
    pub fn kept(&self) -> Either<(IntegerSet<'a>, S::Hasher), Elements<'a, S>> {
        match self.kept {
            Kept::Integers(set, store) => Either::Left((set, store.hasher())),
            Kept::Elements(elements) => Either::Right(elements),
        }
    }

    /// Whether a text is a member.
    pub fn contains(&self, member: &[u8]) -> bool {
        self.contains_code(&Code::of_text(member))
    }

    /// Whether the member of another set is one here.
    pub fn contains_item(&self, member: Item<'_>) -> bool {
        self.contains_code(&Code::of_item(member))
    }

    #[inline]
    fn contains_code(&self, code: &Code<'_>) -> bool {
        match self.kept {
            Kept::Integers(set, _) => match code.item() {
                Item::Integer(value) => set.find(value).is_ok(),
                Item::Text(_) | Item::Double(_) => false,
            },
            Kept::Elements(elements) => elements.find(code).is_some(),
        }
    }

    /// All members: integers in ascending order while the set is one of integers.
    pub fn iter(&self) -> impl Iterator<Item = Item<'a>> + use<'a, S> {
        match self.kept {
            Kept::Integers(set, _) => Either::Left(set.iter().map(Item::Integer)),
            Kept::Elements(elements) => {
                Either::Right(elements.from(0).map(|element| element.key()))
            }
        }
    }

    /// The member of a rank, counted from 0 in the order of [`SetRef::iter`], if there are as many.
    pub fn at(&self, rank: u64) -> Option<Item<'a>> {
        match self.kept {
            Kept::Integers(set, _) => set.get(usize::try_from(rank).ok()?).map(Item::Integer),
            Kept::Elements(elements) => elements.at(rank).map(|element| element.key()),
        }
    }

    /// A step of a scan; see [`Elements::scan`].
    pub fn scan(&self, cursor: u64, mut visit: impl FnMut(Item<'a>)) -> u64 {
        match self.kept {
            Kept::Integers(set, _) => {
                set.iter().for_each(|value| visit(Item::Integer(value)));
                0
            }
            Kept::Elements(elements) => {
                elements.scan(cursor, |element: ElementRef<'a>| visit(element.key()))
            }
        }
    }
}

/// A set to be changed.
pub struct SetMut<H> {
    elements: ElementsMut<H>,
}

impl<H: Home> From<H> for SetMut<H> {
    fn from(home: H) -> Self {
        Self {
            elements: ElementsMut::new(home),
        }
    }
}

impl<H: Home> SetMut<H> {
    /// The set as it is now.
    pub fn read(&self) -> SetRef<'_, H::Store> {
        self.elements.body().into()
    }

    /// Says that `count` members are about to come, of which `first` tells the first: a new set
    /// becomes one of integers if that is one, and the name of its encoding is chosen by `count`,
    /// as Redis does. To be called before the first member of a new set is added.
    #[inline]
    pub fn expect<'i>(&mut self, first: impl FnOnce() -> Item<'i>, count: u64) {
        if self.elements.body().encoding() != Encoding::Outgrown {
            self.expect_in_limits(first(), count);
        }
    }

    /// The same of a set whose encoding may still change.
    fn expect_in_limits(&mut self, first: Item<'_>, count: u64) {
        let limits = *self.elements.home().limits();
        let body = self.elements.body();
        let (encoding, is_new) = (body.encoding(), body.is_empty());
        let is_integer = matches!(first, Item::Integer(_));
        match encoding {
            Encoding::Small if is_new && is_integer && count <= limits.integers_max => {
                self.begin_integers();
            }
            Encoding::Small if count > limits.set.entries_max => {
                self.elements.set_encoding(Encoding::Outgrown);
            }
            Encoding::Integers if count > limits.integers_max => {
                self.leave_integers(Encoding::Outgrown);
            }
            Encoding::Small | Encoding::Integers | Encoding::Outgrown => {}
        }
    }

    /// Gives a packed set room for `count` members more, of `texts_len` bytes.
    pub fn reserve(&mut self, count: usize, texts_len: usize) {
        // A text has a head of one byte, or of two from 64 bytes on.
        self.elements.reserve(count, texts_len + count);
    }

    /// Adds a text; whether it is new.
    pub fn add(&mut self, member: &[u8]) -> bool {
        self.add_code(&Code::of_text(member), || member.len())
    }

    /// Adds the member of another set; whether it is new.
    pub fn add_item(&mut self, member: Item<'_>) -> bool {
        self.add_code(&Code::of_item(member), || text_len(member))
    }

    fn add_code(&mut self, code: &Code<'_>, text_len: impl Fn() -> usize) -> bool {
        if let Form::Integers(set) = self.elements.body().form {
            match code.item() {
                Item::Integer(value) if set.find(value).is_ok() => return false,
                Item::Integer(value) if self.add_integer(value) => return true,
                Item::Integer(_) | Item::Text(_) | Item::Double(_) => {}
            }
            let encoding = self.encoding_with(code, &text_len);
            self.leave_integers(encoding);
        }
        let spot = self.elements.locate(code);
        if spot.is_found() {
            return false;
        }
        let encoding = self.encoding_with(code, &text_len);
        if encoding != self.elements.body().encoding() {
            self.elements.set_encoding(encoding);
        }
        self.elements.insert(spot, &Element::single(*code));
        true
    }

    /// Puts an integer that is not there into the array; false if it may not become so large.
    fn add_integer(&mut self, value: i64) -> bool {
        let count_max = self.elements.home().limits().integers_max;
        let Form::Integers(set) = self.elements.body().form else {
            panic!("only an array takes integers as they are");
        };
        let needed = set.grown_len(value);
        if set.count() as u64 >= count_max || needed > PACKED_BYTES_MAX {
            return false;
        }
        let home = self.elements.home();
        if needed > home.packed_mut().len() {
            home.resize(needed);
        }
        IntegerSetMut::new(home.packed_mut()).insert(value)
    }

    /// What the encoding is called when a member has come that is not there yet.
    fn encoding_with(&mut self, code: &Code<'_>, text_len: &impl Fn() -> usize) -> Encoding {
        let body = self.elements.body();
        let (old, count) = (body.encoding(), body.len() + 1);
        if old == Encoding::Outgrown {
            return old;
        }
        let is_integer = matches!(code.item(), Item::Integer(_));
        let longest_before = match (old, body.form) {
            (Encoding::Integers, Form::Integers(set)) => longest_text_len(set),
            (Encoding::Integers, Form::Packed(_) | Form::Large(_)) => text_len_of(i64::MIN),
            (Encoding::Small | Encoding::Outgrown, _) => 0,
        };
        let limits = self.elements.home().limits();
        if old == Encoding::Integers && is_integer && count <= limits.integers_max {
            return old;
        }
        let is_small = count <= limits.set.entries_max
            && longest_before.max(text_len()) as u64 <= limits.set.value_bytes_max
            && !(old == Encoding::Integers && is_integer);
        match is_small {
            true => Encoding::Small,
            false => Encoding::Outgrown,
        }
    }

    /// Makes a set without members one of integers.
    fn begin_integers(&mut self) {
        let home = self.elements.home();
        home.set_integers(true);
        IntegerSetMut::create(home.packed_mut());
    }

    /// Makes a set of integers a packed one, or a large one if it does not fit.
    fn leave_integers(&mut self, encoding: Encoding) {
        let Body { form, store, .. } = self.elements.body();
        let Form::Integers(set) = form else {
            return self.elements.set_encoding(encoding);
        };
        let copy: Vec<(Code<'static>, u8)> = set
            .iter()
            .map(Code::of_integer)
            .map(|code| (code, Key::new(store, code).tag()))
            .collect();
        let elements_len = copy.iter().map(|(code, _)| code.byte_len()).sum();
        let needed = Block::len_of(Shape::Set, true, copy.len(), elements_len);
        let home = self.elements.home();
        if needed <= PACKED_BYTES_MAX {
            home.resize(needed);
            home.set_integers(false);
            let mut block = BlockMut::create(home.packed_mut(), Shape::Set, true, copy.len());
            block.set_owner_bits(encoding as u8);
            for (code, tag) in copy {
                let mut bytes = [0; INTEGER_CODE_BYTES_MAX];
                let len = code.write(&mut bytes);
                block.push(&bytes[..len], tag);
            }
            return;
        }
        home.enlarge(&mut |store, owner| {
            let mut members = Tree::new(Shape::Set, owner);
            for (code, _) in &copy {
                let place = members.locate(store, &Key::new(store, *code));
                members.insert(store, place, &Element::single(*code));
            }
            Trees {
                members,
                scores: None,
                encoding,
            }
        });
    }

    /// Removes a member; whether it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        let code = Code::of_text(member);
        if matches!(self.elements.body().form, Form::Integers(_)) {
            return match code.item() {
                Item::Integer(value) => self.remove_integer(value),
                Item::Text(_) | Item::Double(_) => false,
            };
        }
        let spot = self.elements.locate(&code);
        let is_found = spot.is_found();
        if is_found {
            self.elements.remove(spot);
        }
        is_found
    }

    /// Removes the member of a rank, which is shown to `visit` before.
    ///
    /// # Panics
    /// If there are not as many.
    pub fn take(&mut self, rank: u64, visit: impl FnOnce(Item<'_>)) {
        if let Form::Integers(set) = self.elements.body().form {
            let value = set.get(rank as usize).expect("ranks end at the length");
            visit(Item::Integer(value));
            self.remove_integer(value);
            return;
        }
        let spot = self.elements.locate_rank(rank);
        let element = self.elements.get(&spot).expect("ranks end at the length");
        visit(element.key());
        self.elements.remove(spot);
    }

    /// Removes all members.
    pub fn clear(&mut self) {
        if matches!(self.elements.body().form, Form::Integers(_)) {
            self.begin_integers();
        } else {
            let len = self.elements.body().len();
            self.elements.remove_ranks(0..len);
        }
    }

    fn remove_integer(&mut self, value: i64) -> bool {
        let home = self.elements.home();
        let mut set = IntegerSetMut::new(home.packed_mut());
        let is_removed = set.remove(value);
        // Memory goes back when that is a quarter.
        let used_len = set.set().used_len();
        if is_removed && used_len * 4 <= home.packed_mut().len() * 3 {
            home.resize(used_len);
        }
        is_removed
    }
}

/// Bytes of the longest code of an integer.
const INTEGER_CODE_BYTES_MAX: usize = 9;

fn text_len(item: Item<'_>) -> usize {
    item.text(&mut itoa::Buffer::new()).len()
}

fn text_len_of(value: i64) -> usize {
    text_len(Item::Integer(value))
}

/// Bytes of the longest text of a set's integers, which is that of the least or the greatest.
fn longest_text_len(set: IntegerSet<'_>) -> usize {
    let ends = [set.get(0), set.get(set.count().wrapping_sub(1))];
    let lens = ends.into_iter().flatten().map(text_len_of);
    lens.max().unwrap_or(0)
}

#[cfg(test)]
mod tests;
