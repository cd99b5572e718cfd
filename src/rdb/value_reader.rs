//! A value of any type but strings, read in steps.
//!
//! ```text
//!  begin(type) ─▶ step, step, … ─▶ Progress::Done
//!                   │ Progress::Full: the batch is to be taken
//!                   └ Stop::More: nothing of the unit at hand was read
//! ```
//!
//! A unit is what is read at once: one element, one packed string, one group of a stream. A packed
//! string of more than a step's bytes is copied, and its items are read in steps.
//!
//! Invariants: a unit that stops has read nothing and yielded nothing. Memory: a unit that has
//! arrived, and a batch.
//!
//! Not here: lengths and strings (`input.rs`), streams (`stream_reader.rs`).

use super::batch::{Batch, STEP_BYTES};
use super::codes::{Layout, PackedElements, PackedForm, Plain};
use super::error::{Reason, Stop};
use super::input::Input;
use super::packed::Packed;
use super::stream_reader::StreamReader;
use super::transcription::score_of;

/// What a step has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// There is more; the batch has enough.
    Full,
    /// That was the value.
    Done,
}

/// The last millisecond that a field's deadline may be at: Redis has 48 bits for it.
const FIELD_DEADLINE_MAX: u64 = (1 << 48) - 1;

/// Nodes of a list that hold one item.
const CONTAINER_PLAIN: u64 = 1;
/// Nodes of a list that hold a listpack.
const CONTAINER_PACKED: u64 = 2;

/// How far a value has been read.
#[derive(Debug)]
pub(super) struct ValueReader(State);

#[derive(Debug)]
enum State {
    /// The number of elements comes, after the least deadline where there is one.
    Count(Plain),
    Plain {
        plain: Plain,
        least_ms: u64,
        left: u64,
    },
    /// A packed string comes.
    Packed {
        form: PackedForm,
        elements: PackedElements,
        has_least: bool,
    },
    NodeCount {
        has_containers: bool,
    },
    Nodes {
        has_containers: bool,
        left: u64,
    },
    /// A packed string that is too long for one step; then so many nodes.
    Long {
        long: Long,
        has_containers: bool,
        nodes_left: u64,
    },
    Stream(Box<StreamReader>),
    Done,
}

#[derive(Debug)]
struct Long {
    form: PackedForm,
    elements: PackedElements,
    bytes: Vec<u8>,
    at: usize,
    count: usize,
}

impl ValueReader {
    /// Begins a value of this layout.
    ///
    /// # Panics
    /// If it is that of strings.
    pub(super) fn begin(layout: Layout) -> Self {
        Self(match layout {
            Layout::String => panic!("a string is no collection"),
            Layout::Plain(plain) => State::Count(plain),
            Layout::Packed {
                form,
                elements,
                has_least,
            } => State::Packed {
                form,
                elements,
                has_least,
            },
            Layout::Nodes { has_containers } => State::NodeCount { has_containers },
            Layout::Stream { version } => State::Stream(Box::new(StreamReader::new(version))),
        })
    }

    /// Reads on until the batch has enough.
    pub(super) fn step(
        &mut self,
        input: &mut Input<'_>,
        batch: &mut Batch,
    ) -> Result<Progress, Stop> {
        loop {
            if matches!(self.0, State::Done) {
                return Ok(Progress::Done);
            }
            if batch.is_full() {
                return Ok(Progress::Full);
            }
            let (position, mark) = (input.position, batch.mark());
            if let Err(stop) = self.unit(input, batch) {
                input.position = position;
                batch.go_back(mark);
                return Err(stop);
            }
        }
    }

    /// Reads one unit.
    fn unit(&mut self, input: &mut Input<'_>, batch: &mut Batch) -> Result<(), Stop> {
        let next = match &mut self.0 {
            State::Done => None,
            State::Count(plain) => Some(begin_plain(*plain, input)?),
            State::Plain {
                plain,
                least_ms,
                left,
            } => {
                if *left > 0 {
                    read_plain(*plain, *least_ms, input, batch)?;
                    *left -= 1;
                }
                (*left == 0).then_some(State::Done)
            }
            State::Packed {
                form,
                elements,
                has_least,
            } => {
                if *has_least {
                    input.u64()?;
                }
                let (form, elements) = (*form, *elements);
                let bytes = input.text()?;
                let long = read_packed(form, elements, &bytes, batch)?;
                Some(after_packed(long, false, 0))
            }
            State::NodeCount { has_containers } => {
                let left = input.length()?;
                let has_containers = *has_containers;
                Some(match left {
                    0 => State::Done,
                    left => State::Nodes {
                        has_containers,
                        left,
                    },
                })
            }
            State::Nodes {
                has_containers,
                left,
            } => {
                let long = read_node(*has_containers, input, batch)?;
                *left -= 1;
                let is_over = long.is_some() || *left == 0;
                is_over.then(|| after_packed(long, *has_containers, *left))
            }
            State::Long {
                long,
                has_containers,
                nodes_left,
            } => {
                let is_over = long.read(batch)?;
                is_over.then(|| after_packed(None, *has_containers, *nodes_left))
            }
            State::Stream(stream) => stream.unit(input, batch)?.then_some(State::Done),
        };
        if let Some(next) = next {
            self.0 = next;
        }
        Ok(())
    }
}

fn after_packed(long: Option<Long>, has_containers: bool, nodes_left: u64) -> State {
    match (long, nodes_left) {
        (Some(long), nodes_left) => State::Long {
            long,
            has_containers,
            nodes_left,
        },
        (None, 0) => State::Done,
        (None, left) => State::Nodes {
            has_containers,
            left,
        },
    }
}

fn begin_plain(plain: Plain, input: &mut Input<'_>) -> Result<State, Stop> {
    let least_ms = match plain {
        Plain::DeadlineThenPair { is_relative: true } => input.u64()?,
        _ => 0,
    };
    let left = input.length()?;
    Ok(match left {
        0 => State::Done,
        left => State::Plain {
            plain,
            least_ms,
            left,
        },
    })
}

fn read_plain(
    plain: Plain,
    least_ms: u64,
    input: &mut Input<'_>,
    batch: &mut Batch,
) -> Result<(), Stop> {
    match plain {
        Plain::Single => batch.push_single(&input.word()?),
        Plain::ScoredText => {
            let member = input.word()?;
            let score = input.text_f64()?;
            batch.push_scored(&member, score)?;
        }
        Plain::Scored => {
            let member = input.word()?;
            let score = input.f64()?;
            batch.push_scored(&member, score)?;
        }
        Plain::Pair => {
            let field = input.word()?;
            batch.push_pair(&field, &input.word()?, None);
        }
        Plain::PairThenDeadline => {
            let field = input.word()?;
            let value = input.word()?;
            let deadline = match input.u64()? {
                // Minus one is none.
                u64::MAX => None,
                deadline => Some(checked_deadline(deadline)?),
            };
            batch.push_pair(&field, &value, deadline);
        }
        Plain::DeadlineThenPair { is_relative } => {
            let deadline = match input.length()? {
                0 => None,
                told if is_relative => {
                    let absolute = least_ms.checked_add(told - 1);
                    Some(checked_deadline(absolute.ok_or(Reason::BadDeadline)?)?)
                }
                told => Some(checked_deadline(told)?),
            };
            let field = input.word()?;
            batch.push_pair(&field, &input.word()?, deadline);
        }
    }
    Ok(())
}

fn checked_deadline(deadline_ms: u64) -> Result<u64, Reason> {
    match deadline_ms <= FIELD_DEADLINE_MAX {
        true => Ok(deadline_ms),
        false => Err(Reason::BadDeadline),
    }
}

/// Reads a node of a list; what is left of it if that is too much for one step.
fn read_node(
    has_containers: bool,
    input: &mut Input<'_>,
    batch: &mut Batch,
) -> Result<Option<Long>, Stop> {
    let form = match has_containers {
        false => PackedForm::Ziplist,
        true => match input.length()? {
            CONTAINER_PLAIN => {
                batch.push_single(&input.word()?);
                return Ok(None);
            }
            CONTAINER_PACKED => PackedForm::Listpack,
            _ => return Err(Reason::BadPacked.into()),
        },
    };
    let bytes = input.text()?;
    Ok(read_packed(form, PackedElements::Items, &bytes, batch)?)
}

/// Reads a packed string, or begins to.
fn read_packed(
    form: PackedForm,
    elements: PackedElements,
    bytes: &[u8],
    batch: &mut Batch,
) -> Result<Option<Long>, Reason> {
    let (packed, at) = Packed::open(form, bytes)?;
    let mut long = Long {
        form,
        elements,
        bytes: Vec::new(),
        at,
        count: 0,
    };
    if bytes.len() > STEP_BYTES {
        long.bytes = bytes.to_vec();
        return Ok(Some(long));
    }
    if form == PackedForm::Intset {
        batch.push_integers(packed.integers());
        return Ok(None);
    }
    if form == PackedForm::Listpack
        && let Some(count) = transcribe(elements, bytes, batch)
    {
        check_count(&packed, count?)?;
        return Ok(None);
    }
    while let Some(count) = read_element(&packed, elements, &mut long.at, batch)? {
        long.count += count;
    }
    check_count(&packed, long.count)?;
    Ok(None)
}

/// Takes all elements of a listpack at once; how many items it has, or `None` if they are such as
/// are taken one by one.
#[inline]
fn transcribe(
    elements: PackedElements,
    listpack: &[u8],
    batch: &mut Batch,
) -> Option<Result<usize, Reason>> {
    Some(match elements {
        PackedElements::Items => batch.push_listed(listpack),
        PackedElements::Singles => batch.push_members(listpack),
        PackedElements::Pairs => batch.push_fields(listpack),
        PackedElements::Scored => batch.push_ranked(listpack),
        PackedElements::Triples => return None,
    })
}

fn check_count(packed: &Packed<'_>, count: usize) -> Result<(), Reason> {
    match packed.told_count().is_none_or(|told| told == count) {
        true => Ok(()),
        false => Err(Reason::BadPacked),
    }
}

/// Reads the element at `at`; how many items it has, or `None` at the end.
#[inline]
fn read_element(
    packed: &Packed<'_>,
    elements: PackedElements,
    at: &mut usize,
    batch: &mut Batch,
) -> Result<Option<usize>, Reason> {
    let item_count = match elements {
        PackedElements::Items | PackedElements::Singles => {
            let Some(item) = packed.next(at)? else {
                return Ok(None);
            };
            batch.push_single(&item);
            1
        }
        PackedElements::Pairs => {
            let Some((field, value)) = packed.next_pair(at)? else {
                return Ok(None);
            };
            batch.push_pair(&field, &value, None);
            2
        }
        PackedElements::Scored => {
            let Some((member, score)) = packed.next_pair(at)? else {
                return Ok(None);
            };
            let score = score_of(&score).ok_or(Reason::BadScore)?;
            batch.push_scored(&member, score)?;
            2
        }
        PackedElements::Triples => {
            let Some((field, value)) = packed.next_pair(at)? else {
                return Ok(None);
            };
            let deadline = packed.next(at)?.ok_or(Reason::BadPacked)?;
            let deadline = deadline.integer().ok_or(Reason::BadDeadline)?;
            let deadline = match u64::try_from(deadline) {
                Ok(0) => None,
                Ok(deadline) => Some(checked_deadline(deadline)?),
                Err(_) => return Err(Reason::BadDeadline),
            };
            batch.push_pair(&field, &value, deadline);
            3
        }
    };
    Ok(Some(item_count))
}

impl Long {
    /// Reads on until the batch has enough; true at the end.
    fn read(&mut self, batch: &mut Batch) -> Result<bool, Reason> {
        let (packed, _) = Packed::open(self.form, &self.bytes)?;
        while !batch.is_full() {
            match read_element(&packed, self.elements, &mut self.at, batch)? {
                Some(count) => self.count += count,
                None => {
                    check_count(&packed, self.count)?;
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rdb::input::Word;
    use crate::rdb::listpack_writer::ListpackWriter;
    use crate::structures::block::Shape;
    use crate::structures::item::Item;

    /// All elements of a listpack, one by one.
    fn one_by_one(
        elements: PackedElements,
        listpack: &[u8],
        batch: &mut Batch,
    ) -> Result<usize, Reason> {
        let (packed, mut at) = Packed::open(PackedForm::Listpack, listpack)?;
        let mut item_count = 0;
        while let Some(count) = read_element(&packed, elements, &mut at, batch)? {
            item_count += count;
        }
        Ok(item_count)
    }

    /// An item as a listpack may have it, though Redis would write some in another way.
    fn push_item(random: &mut fastrand::Rng, listpack: &mut ListpackWriter) {
        let bits = random.u32(0..64);
        let integer = random.i64(..) >> bits;
        let text = |random: &mut fastrand::Rng, len| -> Vec<u8> {
            (0..len).map(|_| random.u8(b'-'..=b'f')).collect()
        };
        match random.u8(0..10) {
            0 => listpack.push_integer(integer),
            1 => listpack.push_integer(random.i64(0..20)),
            2 => listpack.push(Item::Text(integer.to_string().as_bytes())),
            3 => listpack.push(Item::Text(format!("{}", random.f64() - 0.5).as_bytes())),
            4 => listpack.push(Item::Text(b"-0")),
            5 => listpack.push(Item::Text(b"inf")),
            6 => {
                let len = random.usize(0..300);
                listpack.push(Item::Text(&text(random, len)));
            }
            _ => {
                let len = random.usize(0..20);
                listpack.push(Item::Text(&text(random, len)));
            }
        }
    }

    /// What comes of a listpack by both ways, one of which may be an error.
    fn assert_same(elements: PackedElements, shape: Shape, listpack: &[u8], seed: u64) {
        if Packed::open(PackedForm::Listpack, listpack).is_err() {
            return;
        }
        let (mut one, mut other) = (Batch::default(), Batch::default());
        for batch in [&mut one, &mut other] {
            batch.push_single(&Word::Integer(-1_000));
            batch.begin_value();
        }
        let expected = one_by_one(elements, listpack, &mut one);
        let told = transcribe(elements, listpack, &mut other);
        let told = told.expect("it is taken at once");
        assert_eq!(told, expected, "seed {seed}");
        if expected.is_err() {
            return;
        }
        if shape == Shape::Scored {
            one.drop_signs_of_zero();
            other.drop_signs_of_zero();
            assert_eq!(one.sort_scored(), other.sort_scored(), "seed {seed}");
        }
        assert_eq!(one.bytes, other.bytes, "seed {seed}");
        assert_eq!(one.count, other.count, "seed {seed}");
        assert_eq!(one.longest_len, other.longest_len, "seed {seed}");
        assert!(shape != Shape::Set || one.has_texts == other.has_texts);
        let repeats = one.run(shape).has_repetition();
        assert_eq!(other.has_repetition(shape), repeats, "seed {seed}");
    }

    /// Goal: what a listpack is at once is what its items are one by one. Method: items of every
    /// code, also of codes that Redis does not choose for them; bytes of some are exchanged.
    #[test]
    fn a_listpack_at_once_is_its_items_one_by_one() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..2_000 {
            let count = match random.u8(0..20) {
                0 => 700,
                _ => random.usize(0..40),
            };
            let mut listpack = ListpackWriter::new();
            for index in 0..count {
                match random.u8(0..4) {
                    0 | 1 => push_item(&mut random, &mut listpack),
                    // Mostly different, sometimes in order.
                    2 => listpack.push_integer(index as i64),
                    _ => listpack.push(Item::Text(format!("member {index}").as_bytes())),
                }
                if count % 2 == 0 && random.bool() {
                    listpack.push_integer(index as i64 * 100);
                    push_item(&mut random, &mut listpack);
                }
            }
            let mut listpack = listpack.finish();
            if random.bool() {
                let at = random.usize(6..listpack.len());
                listpack[at] = random.u8(..);
            }
            for (elements, shape) in [
                (PackedElements::Items, Shape::List),
                (PackedElements::Singles, Shape::Set),
                (PackedElements::Pairs, Shape::Map),
                (PackedElements::Scored, Shape::Scored),
            ] {
                assert_same(elements, shape, &listpack, seed);
            }
        }
    }

    /// Goal: scored elements that stand in order are not sorted, and others are. Method: members
    /// with integers as scores, ascending, equal and descending.
    #[test]
    fn scored_elements_come_in_order_whatever_theirs_was() {
        let orders: [&[(i64, &[u8])]; 4] = [
            &[(1, b"b"), (2, b"a"), (200, b"c")],
            &[(1, b"a"), (1, b"b"), (1, b"c")],
            &[(1, b"b"), (1, b"a")],
            &[(300, b"a"), (-5, b"b"), (7, b"c")],
        ];
        for order in orders {
            let mut listpack = ListpackWriter::new();
            for (score, member) in order {
                listpack.push(Item::Text(member));
                listpack.push_integer(*score);
            }
            let mut batch = Batch::default();
            let count = batch.push_ranked(&listpack.finish());
            assert_eq!(count, Ok(2 * order.len()));
            assert!(batch.sort_scored(), "no member comes twice");
            assert!(batch.run(Shape::Scored).is_in_order());
        }
    }
}
