//! Random changes of collections of every type and size, on the elements themselves.

use super::*;
use crate::structures::block::integers::{IntegerSet, IntegerSetMut};
use crate::structures::block::{Block, Element, Shape};
use crate::structures::block_tree::{BlockStore, Key as ElementKey};
use crate::structures::item::{Code, Item, score_order};
use crate::value::collection::{
    Body, CollectionType, ElementsMut, Form, Home, PACKED_BYTES_MAX, Spot,
};
use crate::value::encoding::Encoding;
use crate::value::kind::{Kind, WrongType};

/// A collection to be read: only the body.
pub(super) struct Raw<'a, S>(#[expect(dead_code, reason = "tests only change")] Body<'a, S>);

impl<'a, S: BlockStore> From<Body<'a, S>> for Raw<'a, S> {
    fn from(body: Body<'a, S>) -> Self {
        Self(body)
    }
}

/// A collection to be changed: its elements, without what a type makes of them.
pub(super) struct RawMut<H>(ElementsMut<H>);

impl<H: Home> From<H> for RawMut<H> {
    fn from(home: H) -> Self {
        Self(ElementsMut::new(home))
    }
}

macro_rules! raw_types {
    ($($name:ident = $kind:ident, $shape:ident;)*) => {
        $(
            pub(super) struct $name;

            impl CollectionType for $name {
                const KIND: Kind = Kind::$kind;
                const SHAPE: Shape = Shape::$shape;
                type Ref<'a, S: BlockStore + 'a> = Raw<'a, S>;
                type Mut<H: Home> = RawMut<H>;
            }
        )*
    };
}

raw_types! {
    RawList = List, List;
    RawSet = Set, Set;
    RawSortedSet = SortedSet, Scored;
    RawHash = Hash, Map;
}

/// The name of what may be a collection.
pub(super) fn some_name(random: &mut fastrand::Rng) -> Vec<u8> {
    let number = random.u8(0..24);
    match random.u16(0..300) {
        // A key that is itself read out in slices.
        0 => [&b"collection long "[..], &vec![b'0' + number; 100_000]].concat(),
        _ => format!("collection{number}").into_bytes(),
    }
}

/// A text: short, an integer now and then, and once in a while one that is longer than a piece.
fn some_text(random: &mut fastrand::Rng) -> Vec<u8> {
    match random.u16(0..2_000) {
        0 => vec![random.alphabetic() as u8; random.usize(60_000..200_000)],
        1..400 => random.i32(-9_000..9_000).to_string().into_bytes(),
        _ => format!(
            "{}{:width$}",
            random.u16(0..3_000),
            "",
            width = random.usize(0..40)
        )
        .into_bytes(),
    }
}

/// How many elements a change touches: few, or so many that a collection becomes large.
fn some_count(random: &mut fastrand::Rng) -> usize {
    match random.u8(0..4) {
        0 => random.usize(1..800),
        _ => random.usize(1..6),
    }
}

/// Changes some elements of a collection, which may be new, or of nothing if the key has another
/// type.
pub(super) fn change_collection(
    random: &mut fastrand::Rng,
    keyspace: &mut Keyspace,
    database: usize,
    now_ms: u64,
) {
    let name = some_name(random);
    let key = keyspace.key(&name);
    let count = some_count(random);
    let removes = random.u8(0..3) == 0;
    let mutation = &mut keyspace.mutate(database, now_ms);
    let changed = |is_changed| Ok(Changed::when(is_changed, Event::HashSet, ()));
    let mut times = |change: &mut dyn FnMut(&mut fastrand::Rng) -> bool| {
        let mut is_changed = false;
        for _ in 0..count {
            is_changed |= change(random);
        }
        changed(is_changed)
    };
    let missing = if removes {
        Missing::Skip
    } else {
        Missing::Create
    };
    // The type follows from the name, but for keys that were renamed or set to strings.
    let outcome: Result<Option<()>, WrongType> = match name.last().map(|digit| digit % 4) {
        Some(0) => mutation.change::<RawList, _, _>(key, missing, |list| {
            times(&mut |random| change_list(random, &mut list.0, removes))
        }),
        Some(1) => mutation.change::<RawSet, _, _>(key, missing, |set| {
            times(&mut |random| change_set(random, &mut set.0, removes))
        }),
        Some(2) => mutation.change::<RawSortedSet, _, _>(key, missing, |set| {
            times(&mut |random| change_sorted(random, &mut set.0, removes))
        }),
        _ => mutation.change::<RawHash, _, _>(key, missing, |hash| {
            times(&mut |random| change_hash(random, &mut hash.0, removes, now_ms))
        }),
    };
    if let Err(WrongType) = outcome
        && random.bool()
    {
        keyspace.mutate(database, now_ms).remove(key);
    }
}

fn change_list<H: Home>(
    random: &mut fastrand::Rng,
    list: &mut ElementsMut<H>,
    removes: bool,
) -> bool {
    let len = list.body().len();
    let rank = [0, len, random.u64(0..=len)][random.usize(0..3)];
    let text = some_text(random);
    if !removes {
        let spot = list.locate_rank(rank);
        list.insert(spot, &Element::single(Code::of_text(&text)));
        return true;
    }
    let is_there = rank < len;
    if is_there {
        let spot = list.locate_rank(rank);
        list.remove(spot);
    }
    is_there
}

fn change_hash<H: Home>(
    random: &mut fastrand::Rng,
    hash: &mut ElementsMut<H>,
    removes: bool,
    now_ms: u64,
) -> bool {
    let (field, value) = (some_text(random), some_text(random));
    // None of them comes before the cut is loaded, which leaves out what is due.
    let deadline = (random.u8(0..10) == 0).then(|| now_ms + random.u64(1_000_000..2_000_000));
    let pair = Element::pair(Code::of_text(&field), Code::of_text(&value));
    change_keyed(hash, removes, &pair.with_deadline(deadline))
}

fn change_keyed<H: Home>(elements: &mut ElementsMut<H>, removes: bool, element: &Element) -> bool {
    let spot = elements.locate(&element.key_code());
    match (removes, spot.is_found()) {
        (true, false) => return false,
        (true, true) => elements.remove(spot),
        (false, true) => elements.replace(spot, element),
        (false, false) => elements.insert(spot, element),
    }
    if elements.body().len() > 300 {
        elements.set_encoding(Encoding::Outgrown);
    }
    true
}

fn change_set<H: Home>(
    random: &mut fastrand::Rng,
    set: &mut ElementsMut<H>,
    removes: bool,
) -> bool {
    if set.body().is_empty() && random.bool() {
        let home = set.home();
        home.resize(IntegerSet::len_of(0, 0));
        home.set_integers(true);
        IntegerSetMut::create(home.packed_mut());
    }
    if let Form::Integers(integers) = set.body().form {
        let value = random.i64(..) >> random.u32(30..60);
        let len = integers.grown_len(value);
        if removes {
            return IntegerSetMut::new(set.home().packed_mut()).remove(value);
        }
        if len > PACKED_BYTES_MAX {
            return false;
        }
        set.home().resize(len);
        return IntegerSetMut::new(set.home().packed_mut()).insert(value);
    }
    let member = some_text(random);
    change_keyed(set, removes, &Element::single(Code::of_text(&member)))
}

fn change_sorted<H: Home>(
    random: &mut fastrand::Rng,
    set: &mut ElementsMut<H>,
    removes: bool,
) -> bool {
    let member = some_text(random);
    let score = f64::from(random.i8(..)) / 4.0;
    let code = Code::of_text(&member);
    let element = Element::scored(score, code);
    let old = set.elements().find(&code).map(|found| match found.shape() {
        Shape::Scored => found.score(),
        _ => found.value().score().expect("a member has a score"),
    });
    if let Some(old) = old {
        remove_sorted(set, old, &code);
    }
    if removes {
        return old.is_some();
    }
    if let Form::Packed(block) = set.body().form {
        if block.grown_len(element.byte_len()) > PACKED_BYTES_MAX {
            set.enlarge();
        } else {
            let rank = rank_of(block, score, code.item());
            let spot = match set.locate_rank(rank) {
                Spot::Packed { position, .. } => Spot::Packed {
                    position,
                    is_found: false,
                    tag: ElementKey::new(set.body().store, code).tag(),
                },
                spot @ Spot::Tree(_) => spot,
            };
            set.insert(spot, &element);
            return true;
        }
    }
    let (trees, store) = set.home().large_mut();
    let place = trees.members.locate(store, &ElementKey::new(store, code));
    trees
        .members
        .insert(store, place, &Element::pair(code, Code::of_score(score)));
    let scores = trees.scores.as_mut().expect("a sorted set has two trees");
    let place = scores.locate_scored(store, score, code.item());
    scores.insert(store, place, &element);
    true
}

fn rank_of(block: Block<'_>, score: f64, member: Item<'_>) -> u64 {
    block.find_scored(score, member).0.index as u64
}

fn remove_sorted<H: Home>(set: &mut ElementsMut<H>, score: f64, code: &Code) {
    if let Form::Packed(block) = set.body().form {
        let rank = rank_of(block, score, code.item());
        let spot = set.locate_rank(rank);
        return set.remove(spot);
    }
    let (trees, store) = set.home().large_mut();
    let place = trees.members.locate(store, &ElementKey::new(store, *code));
    trees.members.remove(store, place);
    let scores = trees.scores.as_mut().expect("a sorted set has two trees");
    let place = scores.locate_scored(store, score, code.item());
    assert!(place.is_found(), "{}", score_order(score));
    scores.remove(store, place);
}

/// Goal: the invariants of the keyspace see a block that no collection has. Method: a canary.
#[test]
fn a_block_that_leaks_is_noticed() {
    let mut keyspace = Keyspace::new(1, 1);
    keyspace.check_invariants();
    let (_, memory) = keyspace.entries.collections_mut();
    let leaked = BlockStore::allocate(memory, 100);
    let check = || keyspace.check_invariants();
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(check)).is_err());
    let (_, memory) = keyspace.entries.collections_mut();
    BlockStore::free(memory, leaked);
    keyspace.check_invariants();
}
