//! A type that only tests have: numbers in the order in which they came.
//!
//! It shows what a new type takes: this file, `command/toy.rs`, its lines in `kind.rs`, and a row
//! of the record. Scans, copies, deadlines, eviction, large forms, snapshots and INFO know nothing
//! of it. `node/tests/toy.rs` tries all of them.
//!
//! Not here: how elements are kept (`collection/`).

use super::collection::{Body, CollectionType, Elements, ElementsMut, Home};
use super::encoding::Encoding;
use super::kind::Kind;
use crate::structures::block::Shape;
use crate::structures::block_tree::{BlockStore, End};
use crate::structures::item::{Code, Item};

/// How many numbers are called few.
const FEW: u64 = 4;

/// The type.
pub struct Toy;

impl CollectionType for Toy {
    const KIND: Kind = Kind::Toy;
    const SHAPE: Shape = Shape::List;
    type Ref<'a, S: BlockStore + 'a> = ToyRef<'a, S>;
    type Mut<H: Home> = ToyMut<H>;
}

/// Numbers to be read.
pub struct ToyRef<'a, S> {
    elements: Elements<'a, S>,
}

impl<'a, S: BlockStore> From<Body<'a, S>> for ToyRef<'a, S> {
    fn from(body: Body<'a, S>) -> Self {
        let elements = body.elements();
        Self { elements }
    }
}

impl<S: BlockStore> ToyRef<'_, S> {
    /// Their sum. O(numbers).
    pub fn sum(&self) -> i64 {
        let numbers = self.elements.from(0).map(|element| match element.key() {
            Item::Integer(number) => number,
            Item::Text(_) | Item::Double(_) => unreachable!("integers were put in"),
        });
        numbers.fold(0, i64::wrapping_add)
    }
}

/// Numbers to be changed.
pub struct ToyMut<H> {
    elements: ElementsMut<H>,
}

impl<H: Home> From<H> for ToyMut<H> {
    fn from(home: H) -> Self {
        let elements = ElementsMut::new(home);
        Self { elements }
    }
}

impl<H: Home> ToyMut<H> {
    /// Puts a number behind the others; returns how many there are.
    pub fn push(&mut self, number: i64) -> u64 {
        self.elements.push(End::Back, &Code::of_integer(number));
        let len = self.elements.body().len();
        if len > FEW {
            self.elements.set_encoding(Encoding::Outgrown);
        }
        len
    }
}
