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
use super::input::{Input, Word};
use super::packed::Packed;
use super::stream_reader::StreamReader;
use crate::base::numbers::parse_f64;

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
    Ok(read_packed(form, PackedElements::Singles, &bytes, batch)?)
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
    while let Some(count) = read_element(&packed, elements, &mut long.at, batch)? {
        long.count += count;
    }
    check_count(&packed, long.count)?;
    Ok(None)
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
        PackedElements::Singles => {
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
            batch.push_scored(&member, score_of(&score)?)?;
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

fn score_of(word: &Word<'_>) -> Result<f64, Reason> {
    match word {
        Word::Integer(value) => Ok(*value as f64),
        Word::Text(text) => parse_f64(text).ok_or(Reason::BadScore),
    }
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
